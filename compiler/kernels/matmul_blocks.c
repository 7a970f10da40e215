// Quantized rows of a (i8, a scale for 32 of them in c) times rows of quantized blocks: integer
// sums, scaled, in four partial sums, block mod 4, folded 2, 1. A unit is a column of the product.
// Holes: NAME; ROWS, DEPTH, COLUMNS; BLOCK_BYTES; LOW, HIGH: element j and j + 16 of block w.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  enum { PARTS = 4 };
  const dims *d = c->d;
  const int8_t *restrict a = c->in[0];
  const uint8_t *restrict b = c->in[1];
  const float *restrict scales = c->in[2];
  float *restrict out = c->out[0];
  const int64_t rows = ROWS, blocks = (DEPTH) / 32, columns = COLUMNS;
  (void)d, (void)worker;
  for (int64_t n = from; n < to; n++) {
    for (int64_t t = 0; t < rows; t++) {
      const int8_t *x = a + t * blocks * 32;
      const uint8_t *w = b + (n - c->first) * blocks * BLOCK_BYTES;
      float p[PARTS] = {0};
      for (int64_t i = 0; i < blocks; i++, x += 32, w += BLOCK_BYTES) {
        uint16_t half;
        int32_t sum = 0;
        memcpy(&half, w, sizeof half);
        for (int j = 0; j < 16; j++) sum += (LOW)*x[j];
        for (int j = 0; j < 16; j++) sum += (HIGH)*x[j + 16];
        float scale = oi_f16_to_f32(half) * scales[t * blocks + i];
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
