// The index of the largest (smallest) along an axis, by integer keys: ties to the lowest index, the
// first NaN wins.
// Holes: NAME; LENGTH and STEP of the axis in elements; COUNT of the output; A_T; KEY: the key of
// element x; BETTER, > or <.

static void NAME(const dims *d, int64_t *restrict out, const A_T *restrict a) {
  const int64_t length = LENGTH, step = STEP, count = COUNT;
  (void)d;
  for (int64_t i = 0; i < count; i++) {
    const int64_t base = i / step * length * step + i % step;
    int64_t best = 0, most = 0;
    for (int64_t k = 0; k < length; k++) {
      const A_T x = a[base + k * step];
      const int64_t key = KEY;
      if (k == 0 || key BETTER most) best = k, most = key;
    }
    out[i] = best;
  }
}
