// Before a product with quantized blocks: rows of a (i8, and a scale for 32 of them) in the form in
// which the dot product reads them, quads of few rows and tiles of many. A unit is a tile.
// Holes: NAME_READY; ROWS, DEPTH; DOT_TYPE.

static void K(NAME_READY)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const int64_t depth = DEPTH, blocks = depth / 32;
  const int8_t *restrict a = c->in[0];
  const float *restrict scales = c->in[2];
  (void)d, (void)worker;
  for (int64_t t = from; t < to; t++) {
    const int64_t row = t * OI_TILE, n = dim_min(OI_TILE, (ROWS) - row);
    oi_quad *quads = (oi_quad *)(void *)c->room + row * oi_quads(depth);
    if (oi_panels_pay(DOT_TYPE, ROWS)) {
      oi_pack_tile(c->room + row * oi_tile_pitch(depth, DOT_TYPE), a + row * depth,
                   scales + row * blocks, n, depth, DOT_TYPE);
      continue;
    }
    for (int64_t i = 0; i < n; i++) {
      oi_quad_row(quads + i * oi_quads(depth), a + (row + i) * depth, scales + (row + i) * blocks,
                  depth, DOT_TYPE);
    }
  }
}
