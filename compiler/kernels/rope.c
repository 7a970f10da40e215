// Rotary positions over [.., T, heads, width of a head]: pairs turn by f32(position) * inverse
// frequency; what lies behind the rotated part passes. A unit is a position.
// Holes: NAME; OPERAND: b where the frequencies are given; INVERSE: the frequency of pair j;
// ROWS, HEADS, HEAD; HALF: pairs; POS; FACTORED: cosine and sine times their factor, or nothing;
// A_T, A_LOAD; FIRST, SECOND: places of pair j in a head; PASS: what is not rotated, or nothing;
// TABLE: the frequencies' table, or nothing.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  TABLE
  const dims *d = c->d;
  const A_T *restrict a = c->in[0];
  OPERAND
  float *restrict out = c->out[0];
  const int64_t rows = ROWS, heads = HEADS, head = HEAD, half = HALF, pos = POS;
  (void)d, (void)worker;
  for (int64_t t = from; t < to; t++) {
    const int64_t position = pos + t % rows;
    float cosine[HALF], sine[HALF];
    for (int64_t j = 0; j < half; j++) {
      float angle = (float)position * INVERSE;
      cosine[j] = oi_cos(angle);
      sine[j] = oi_sin(angle);
      FACTORED
    }
    for (int64_t h = 0; h < heads; h++) {
      const A_T *x = a + (t * heads + h) * head;
      float *y = out + (t * heads + h) * head;
      for (int64_t j = 0; j < half; j++) {
        const float u = A_LOAD(x[FIRST]), v = A_LOAD(x[SECOND]);
        float uc = u * cosine[j];
        float vs = v * sine[j];
        float vc = v * cosine[j];
        float us = u * sine[j];
        y[FIRST] = uc - vs;
        y[SECOND] = vc + us;
      }
      PASS
    }
  }
}
