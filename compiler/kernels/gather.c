// Rows of a table that an operand of integers names; bad where one is out of range, and then that
// row is not written. A unit is a row of the output.
// Holes: NAME; ROWS of the table along the axis, BYTES of one; INDEX_T; PICK: which index unit i
// takes, BASE: the row before row 0 of its part of the table.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const char *restrict a = c->in[0];
  const INDEX_T *restrict b = c->in[1];
  char *restrict out = c->out[0];
  const int64_t rows = ROWS;
  const size_t bytes = (size_t)(BYTES);
  (void)d, (void)worker;
  for (int64_t i = from; i < to; i++) {
    const int64_t row = (int64_t)b[PICK];
    const bool inside = row >= 0 && row < rows;
    if (inside) memcpy(out + (size_t)i * bytes, a + (size_t)(BASE + row - c->first) * bytes, bytes);
    else *c->bad = 1;
  }
}
