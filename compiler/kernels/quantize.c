// Rows in blocks: d = max|a| / 127, q = a / d to the nearest, ties to even; d = 0 gives zeros.
// Holes: NAME; COUNT of blocks, BLOCK; A_T, A_LOAD.

static void NAME(const dims *d, int8_t *restrict out, float *restrict out1, const A_T *restrict a) {
  const int64_t count = COUNT;
  (void)d;
  for (int64_t i = 0; i < count; i++) {
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
      out[i * BLOCK + j] = (int8_t)(!oi_is_nan(v) && scale != 0.0f ? n : 0);
    }
    out1[i] = scale;
  }
}
