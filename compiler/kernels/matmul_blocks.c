// Quantized rows of a (i8, a scale for 32 of them in c) times rows of quantized blocks: integer
// sums, scaled, in four partial sums, block mod 4, folded 2, 1.
// Holes: NAME; ROWS, DEPTH, COLUMNS; BLOCK_BYTES; LOW, HIGH: element j and j + 16 of block w.

static void NAME(const dims *d, float *restrict out, const int8_t *restrict a,
                 const uint8_t *restrict b, const float *restrict c) {
  enum { PARTS = 4 };
  const int64_t rows = ROWS, blocks = (DEPTH) / 32, columns = COLUMNS;
  (void)d;
  for (int64_t n = 0; n < columns; n++) {
    for (int64_t t = 0; t < rows; t++) {
      const int8_t *x = a + t * blocks * 32;
      const uint8_t *w = b + n * blocks * BLOCK_BYTES;
      float p[PARTS] = {0};
      for (int64_t i = 0; i < blocks; i++, x += 32, w += BLOCK_BYTES) {
        uint16_t half;
        int32_t sum = 0;
        memcpy(&half, w, sizeof half);
        for (int j = 0; j < 16; j++) sum += (LOW)*x[j];
        for (int j = 0; j < 16; j++) sum += (HIGH)*x[j + 16];
        float scale = oi_f16_to_f32(half) * c[t * blocks + i];
        float value = scale * (float)sum;
        p[i % PARTS] = p[i % PARTS] + value;
      }
      float even = p[0] + p[2];
      float odd = p[1] + p[3];
      float total = even + odd;
      out[t * columns + n] = oi_plus_zero(total);
    }
  }
}
