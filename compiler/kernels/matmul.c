// Rows of a times rows (or columns) of b, floats: 16 partial sums, k mod 16, folded 8, 4, 2, 1. A
// unit is a column of the product.
// Holes: NAME; ROWS, DEPTH, COLUMNS; A_T, A_LOAD and B_T, B_LOAD: storage types and how an element
// of them becomes f32; B_N, B_K: elements of b from one column, one k, to the next.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  enum { LANES = 16 };
  const dims *d = c->d;
  const A_T *restrict a = c->in[0];
  const B_T *restrict b = c->in[1];
  float *restrict out = c->out[0];
  const int64_t rows = ROWS, depth = DEPTH, columns = COLUMNS;
  (void)d, (void)worker;
  for (int64_t n = from; n < to; n++) {
    for (int64_t t = 0; t < rows; t++) {
      const A_T *x = a + t * depth;
      const B_T *w = b + (n - c->first) * (B_N);
      float p[LANES] = {0};
      int64_t k = 0;
      for (; k + LANES <= depth; k += LANES) {
        for (int j = 0; j < LANES; j++) {
          float product = A_LOAD(x[k + j]) * B_LOAD(w[(k + j) * (B_K)]);
          p[j] = p[j] + product;
        }
      }
      for (int j = 0; k + j < depth; j++) {
        float product = A_LOAD(x[k + j]) * B_LOAD(w[(k + j) * (B_K)]);
        p[j] = p[j] + product;
      }
      for (int s = LANES / 2; s > 0; s /= 2) {
        for (int j = 0; j < s; j++) {
          p[j] = p[j] + p[j + s];
        }
      }
      out[t * columns + n] = oi_plus_zero(p[0]);
    }
  }
}
