// Rotary positions over [.., T, heads, width of a head]: pairs turn by f32(position) * inverse
// frequency; what lies behind the rotated part passes.
// Holes: NAME; PARAMS, operand b where the frequencies are given; INVERSE: the frequency of pair j;
// OUTER, ROWS, HEADS, HEAD; HALF: pairs; POS; FACTOR of cosine and sine, FACTORED 1 or 0; A_T,
// A_LOAD; FIRST, SECOND: places of pair j in a head; TABLE: the frequencies' table, or nothing.

static void NAME(const dims *d, float *restrict out, const A_T *restrict a PARAMS) {
  TABLE
  const int64_t rows = ROWS, outer = (OUTER)*rows, heads = HEADS, head = HEAD;
  const int64_t half = HALF, pos = POS;
  (void)d;
  for (int64_t t = 0; t < outer; t++) {
    const int64_t position = pos + t % rows;
    for (int64_t j = 0; j < half; j++) {
      float angle = (float)position * INVERSE;
      float c = oi_cos(angle);
      float s = oi_sin(angle);
      if (FACTORED) c = c * FACTOR;
      if (FACTORED) s = s * FACTOR;
      for (int64_t h = 0; h < heads; h++) {
        const A_T *in = a + (t * heads + h) * head;
        float *to = out + (t * heads + h) * head;
        const float x = A_LOAD(in[FIRST]), y = A_LOAD(in[SECOND]);
        float xc = x * c;
        float ys = y * s;
        float yc = y * c;
        float xs = x * s;
        to[FIRST] = xc - ys;
        to[SECOND] = yc + xs;
      }
    }
    for (int64_t h = 0; h < heads; h++) {
      for (int64_t j = 2 * half; j < head; j++) {
        out[(t * heads + h) * head + j] = A_LOAD(a[(t * heads + h) * head + j]);
      }
    }
  }
}
