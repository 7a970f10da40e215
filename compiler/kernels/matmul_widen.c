// Before a product: rows of a as f32. A unit is an element.
// Holes: NAME_READY; A_T, A_LOAD.

static void K(NAME_READY)(const call *c, int64_t from, int64_t to, int worker) {
  const A_T *restrict a = c->in[0];
  float *restrict wide = (void *)c->room;
  (void)worker;
  for (int64_t i = from; i < to; i++) wide[i] = A_LOAD(a[i]);
}
