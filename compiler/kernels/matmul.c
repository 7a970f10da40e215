// Rows of a times rows (or columns) of b, floats: 16 partial sums, k mod 16, folded 8, 4, 2, 1.
// Holes: NAME; ROWS, DEPTH, COLUMNS; A_T, A_LOAD and B_T, B_LOAD: storage types and how an element
// of them becomes f32; B_N, B_K: elements of b from one column, one k, to the next.

static void NAME(const dims *d, float *restrict out, const A_T *restrict a, const B_T *restrict b) {
  enum { LANES = 16 };
  const int64_t rows = ROWS, depth = DEPTH, columns = COLUMNS;
  (void)d;
  for (int64_t n = 0; n < columns; n++) {
    for (int64_t t = 0; t < rows; t++) {
      const A_T *x = a + t * depth;
      const B_T *w = b + n * (B_N);
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
