// Rows of a table of quantized blocks, widened to f32; false where an index is out of range.
// Holes: NAME; ROWS of the table, LENGTH of one in elements; COUNT of indices; INDEX_T;
// BLOCK_BYTES; LOW, HIGH: element j and j + 16 of block w.

static bool NAME(const dims *d, float *restrict out, const uint8_t *restrict a,
                 const INDEX_T *restrict b) {
  const int64_t count = COUNT, blocks = (LENGTH) / 32;
  (void)d;
  for (int64_t i = 0; i < count; i++) {
    if ((int64_t)b[i] < 0 || (int64_t)b[i] >= (ROWS)) return false;
  }
  for (int64_t i = 0; i < count * blocks; i++) {
    const uint8_t *w = a + ((int64_t)b[i / blocks] * blocks + i % blocks) * BLOCK_BYTES;
    uint16_t half;
    memcpy(&half, w, sizeof half);
    const float scale = oi_f16_to_f32(half);
    for (int j = 0; j < 16; j++) {
      out[i * 32 + j] = scale * (float)(LOW);
      out[i * 32 + j + 16] = scale * (float)(HIGH);
    }
  }
  return true;
}
