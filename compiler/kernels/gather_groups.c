// Rows of a table of quantized blocks that lies in groups of 16 rows (dot.h, in runtime.c), widened
// to f32; bad where an index is out of range, and then that row is not written. A unit is a row of
// the output.
// Holes: NAME; ROWS of the table, LENGTH of one in elements; INDEX_T; DOT_TYPE: its storage type;
// BLOCK_BYTES; LOW, HIGH: element j and j + 16 of block w.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const uint8_t *restrict a = c->in[0];
  const INDEX_T *restrict b = c->in[1];
  float *restrict out = c->out[0];
  const int64_t rows = ROWS, blocks = (LENGTH) / 32, group = oi_group_bytes(LENGTH, DOT_TYPE);
  (void)d, (void)worker;
  for (int64_t i = from; i < to; i++) {
    const int64_t row = (int64_t)b[i];
    const bool inside = row >= 0 && row < rows;
    if (!inside) *c->bad = 1;
    for (int64_t k = 0; inside && k < blocks; k++) {
      uint8_t w[BLOCK_BYTES];
      float *y = out + (i * blocks + k) * 32;
      uint16_t half;
      oi_group_block(w, a + (row - c->first) / OI_GROUP * group, k, row % OI_GROUP, DOT_TYPE);
      memcpy(&half, w, sizeof half);
      const float scale = oi_f16_to_f32(half);
      for (int j = 0; j < 16; j++) {
        y[j] = scale * (float)(LOW);
        y[j + 16] = scale * (float)(HIGH);
      }
    }
  }
}
