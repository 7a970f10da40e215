// Rows in blocks: d = max|a| / 127, q = a / d to the nearest, ties to even; d = 0 gives zeros.
// A unit is a block.
// Holes: NAME; BLOCK: its length; A_T, A_LOAD.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const A_T *restrict a = c->in[0];
  int8_t *restrict out = c->out[0];
  float *restrict scales = c->out[1];
  (void)worker;
  for (int64_t i = from; i < to; i++) {
    const A_T *x = a + i * BLOCK;
    uint32_t most = 0;
    for (int j = 0; j < BLOCK; j++) {
      const uint32_t bits = oi_bits(A_LOAD(x[j])) & 0x7fffffffu;
      most = bits > most ? bits : most;
    }
    const float scale = oi_div(oi_flt(most), 127.0f);
    for (int j = 0; j < BLOCK; j++) {
      const float v = oi_div(A_LOAD(x[j]), scale);
      float t = v + 12582912.0f;
      int32_t n = (int32_t)oi_bits(t) - 0x4b400000;
      n = n > 127 ? 127 : n;
      n = n < -128 ? -128 : n;
      out[i * BLOCK + j] = (int8_t)((!oi_is_nan(v) & (scale != 0.0f)) ? n : 0);
    }
    scales[i] = scale;
  }
}
