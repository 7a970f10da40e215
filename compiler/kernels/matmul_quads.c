// Before a product with quantized blocks: rows of a (i8, and a scale for 32 of them) in the form in
// which the dot product reads them. A unit is a row.
// Holes: NAME_READY; DEPTH; DOT_TYPE.

static void K(NAME_READY)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const int8_t *restrict a = c->in[0];
  const float *restrict scales = c->in[2];
  oi_quad *restrict quads = (void *)c->room;
  (void)d, (void)worker;
  for (int64_t t = from; t < to; t++) {
    oi_quad_row(quads + t * oi_quads(DEPTH), a + t * (DEPTH), scales + t * (DEPTH) / 32, DEPTH,
                DOT_TYPE);
  }
}
