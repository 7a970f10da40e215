// Before a product with quantized groups: rows of a (i8, and a scale for 32 of them) in tiles. A
// unit is a tile.
// Holes: NAME_READY; ROWS, DEPTH; DOT_TYPE.

static void K(NAME_READY)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const int64_t depth = DEPTH, pitch = oi_tile_pitch(depth, DOT_TYPE);
  const int8_t *restrict a = c->in[0];
  const float *restrict scales = c->in[2];
  (void)d, (void)worker;
  for (int64_t t = from; t < to; t++) {
    const int64_t row = t * OI_TILE, n = dim_min(OI_TILE, (ROWS) - row);
    oi_pack_tile(c->room + row * pitch, a + row * depth, scales + row * (depth / 32), n, depth,
                 DOT_TYPE);
  }
}
