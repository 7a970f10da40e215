// Rows of a table that an operand of integers names; false where one is out of range, and then
// nothing is written.
// Holes: NAME; ROWS of the table, BYTES of one; COUNT of indices; INDEX_T.

static bool NAME(const dims *d, void *restrict out, const void *restrict a,
                 const INDEX_T *restrict b) {
  const int64_t count = COUNT;
  const size_t bytes = (size_t)(BYTES);
  (void)d;
  for (int64_t i = 0; i < count; i++) {
    if ((int64_t)b[i] < 0 || (int64_t)b[i] >= (ROWS)) return false;
  }
  for (int64_t i = 0; i < count; i++) {
    memcpy((char *)out + (size_t)i * bytes, (const char *)a + (size_t)b[i] * bytes, bytes);
  }
  return true;
}
