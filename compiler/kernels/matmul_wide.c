// Rows of a, floats, times rows of quantized blocks that are widened as they are read: 16 partial
// sums, k mod 16, folded 8, 4, 2, 1. A unit is a column of the product.
// Holes: NAME; ROWS, DEPTH, COLUMNS; A_T, A_LOAD; BLOCK_BYTES; LOW, HIGH: element j and j + 16 of
// block w.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  enum { LANES = 16 };
  const dims *d = c->d;
  const A_T *restrict a = c->in[0];
  const uint8_t *restrict b = c->in[1];
  float *restrict out = c->out[0];
  const int64_t rows = ROWS, blocks = (DEPTH) / 32, columns = COLUMNS;
  (void)d, (void)worker;
  for (int64_t n = from; n < to; n++) {
    for (int64_t t = 0; t < rows; t++) {
      const A_T *x = a + t * blocks * 32;
      const uint8_t *w = b + (n - c->first) * blocks * BLOCK_BYTES;
      float p[LANES] = {0};
      for (int64_t i = 0; i < blocks; i++, x += 32, w += BLOCK_BYTES) {
        uint16_t half;
        memcpy(&half, w, sizeof half);
        const float scale = oi_f16_to_f32(half);
        for (int j = 0; j < LANES; j++) {
          float wide = (float)(LOW)*scale;
          float product = A_LOAD(x[j]) * wide;
          p[j] = p[j] + product;
        }
        for (int j = 0; j < LANES; j++) {
          float wide = (float)(HIGH)*scale;
          float product = A_LOAD(x[j + 16]) * wide;
          p[j] = p[j] + product;
        }
      }
      for (int s = LANES / 2; s > 0; s /= 2) {
        for (int j = 0; j < s; j++) {
          p[j] = p[j] + p[j + s];
        }
      }
      out[t * columns + n] = oi_plus_zero(p[0]);
    }
  }
}
