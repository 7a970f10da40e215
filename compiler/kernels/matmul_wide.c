// Rows of a, floats, times rows of quantized blocks that are widened one by one: 16 partial sums, k
// mod 16, folded 8, 4, 2, 1. A unit is a column of the product.
// Holes: NAME; ROWS, DEPTH, COLUMNS; X, X_PITCH: the rows of a; BLOCK_BYTES; LOW, HIGH: element j
// and j + 16 of block w.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const int64_t blocks = (DEPTH) / 32;
  float *restrict wide = room_of(c, worker);
  (void)d;
  for (int64_t n = from; n < to; n++) {
    const uint8_t *w = (const uint8_t *)c->in[1] + (n - c->first) * blocks * BLOCK_BYTES;
    const oi_dot job = {.out = (float *)c->out[0] + n,
                        .out_pitch = COLUMNS,
                        .x = X,
                        .x_pitch = X_PITCH,
                        .w = wide,
                        .m = ROWS,
                        .n = 1,
                        .k = DEPTH};
    for (int64_t i = 0; i < blocks; i++, w += BLOCK_BYTES) {
      uint16_t half;
      memcpy(&half, w, sizeof half);
      const float scale = oi_f16_to_f32(half);
      for (int j = 0; j < 16; j++) {
        wide[32 * i + j] = (float)(LOW)*scale;
        wide[32 * i + j + 16] = (float)(HIGH)*scale;
      }
    }
    c->dots->f32(&job);
  }
}
