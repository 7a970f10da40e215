// Before a product with many rows: rows of a, f32, in tiles. A unit is a tile.
// Holes: NAME_READY; ROWS, DEPTH; DOT_TYPE.

static void K(NAME_READY)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const float *restrict a = c->in[0];
  (void)d, (void)worker;
  if (!oi_panels_pay(DOT_TYPE, ROWS)) return;
  for (int64_t t = from; t < to; t++) {
    const int64_t row = t * OI_TILE, n = dim_min(OI_TILE, (ROWS) - row);
    void *tile = c->room + row * oi_tile_pitch(DEPTH, DOT_TYPE);
    oi_pack_x_of(c->dots, DOT_TYPE)(tile, a + row * (DEPTH), 4 * (DEPTH), n, n, DEPTH);
  }
}
