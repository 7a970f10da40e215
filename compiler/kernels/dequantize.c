// Quantized blocks, widened to f32. A unit is a block.
// Holes: NAME; BLOCK_BYTES; LOW, HIGH: element j and j + 16 of block w.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const uint8_t *restrict a = c->in[0];
  float *restrict out = c->out[0];
  (void)worker;
  for (int64_t i = from; i < to; i++) {
    const uint8_t *w = a + i * BLOCK_BYTES;
    uint16_t half;
    memcpy(&half, w, sizeof half);
    const float scale = oi_f16_to_f32(half);
    for (int j = 0; j < 16; j++) {
      out[i * 32 + j] = scale * (float)(LOW);
      out[i * 32 + j + 16] = scale * (float)(HIGH);
    }
  }
}
