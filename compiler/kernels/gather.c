// Rows of a table that an operand of integers names; bad where one is out of range, and then that
// row is not written. A unit is a row of the output.
// Holes: NAME; ROWS of the table, BYTES of one; INDEX_T.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const char *restrict a = c->in[0];
  const INDEX_T *restrict b = c->in[1];
  char *restrict out = c->out[0];
  const size_t bytes = (size_t)(BYTES);
  (void)d, (void)worker;
  for (int64_t i = from; i < to; i++) {
    const bool inside = (int64_t)b[i] >= 0 && (int64_t)b[i] < (ROWS);
    if (inside) memcpy(out + (size_t)i * bytes, a + (size_t)b[i] * bytes, bytes);
    else *c->bad = 1;
  }
}
