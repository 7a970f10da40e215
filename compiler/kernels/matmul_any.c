// Any product that no template of its own is for: matrices in batches that broadcast, operands that
// lie transposed, vectors, f64, integers. Element k goes to partial sum k mod 16, folded 8, 4, 2, 1.
// A unit is a row of one of the product's matrices.
// Holes: NAME; ROWS, COLUMNS, DEPTH; A_T, A_LOAD and B_T, B_LOAD: storage types and how an element
// of them is read; A_M, A_K, B_N, B_K: elements from one row, column or k to the next; PLACES:
// statements that add to x and y where the matrices of a and b begin, for matrix `rest` of the
// product; SUM_T: type of the sums; OUT_T; TOTAL: what p[0] comes to.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  enum { LANES = 16 };
  const dims *d = c->d;
  const A_T *restrict a = c->in[0];
  const B_T *restrict b = c->in[1];
  OUT_T *restrict out = c->out[0];
  const int64_t rows = ROWS, columns = COLUMNS, depth = DEPTH;
  (void)d, (void)worker;
  for (int64_t u = from; u < to; u++) {
    int64_t rest = u / rows, x = u % rows * (A_M), y = 0;
    (void)rest;
    PLACES
    for (int64_t n = 0; n < columns; n++) {
      SUM_T p[LANES] = {0};
      for (int64_t k = 0; k < depth; k++) {
        const SUM_T v = (SUM_T)A_LOAD(a[x + k * (A_K)]);
        const SUM_T w = (SUM_T)B_LOAD(b[y + n * (B_N) + k * (B_K)]);
        const SUM_T product = v * w;
        p[k % LANES] = p[k % LANES] + product;
      }
      for (int s = LANES / 2; s > 0; s /= 2) {
        for (int j = 0; j < s; j++) {
          p[j] = p[j] + p[j + s];
        }
      }
      out[u * columns + n] = (OUT_T)(TOTAL);
    }
  }
}
