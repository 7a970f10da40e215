// Rows of a, floats, times rows of quantized blocks that are widened as they are read: 16 partial
// sums, k mod 16, folded 8, 4, 2, 1.
// Holes: NAME; ROWS, DEPTH, COLUMNS; A_T, A_LOAD; BLOCK_BYTES; LOW, HIGH: element j and j + 16 of
// block w.

static void NAME(const dims *d, float *restrict out, const A_T *restrict a,
                 const uint8_t *restrict b) {
  enum { LANES = 16 };
  const int64_t rows = ROWS, blocks = (DEPTH) / 32, columns = COLUMNS;
  (void)d;
  for (int64_t n = 0; n < columns; n++) {
    for (int64_t t = 0; t < rows; t++) {
      const A_T *x = a + t * blocks * 32;
      const uint8_t *w = b + n * blocks * BLOCK_BYTES;
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
