// The index of the largest (smallest) along an axis, by integer keys: ties to the lowest index, the
// first NaN wins. A unit is an element of the output.
// Holes: NAME; LENGTH and STEP of the axis in elements; A_T; KEY: the key of element x; BETTER, >
// or <.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const A_T *restrict a = c->in[0];
  int64_t *restrict out = c->out[0];
  const int64_t length = LENGTH, step = STEP;
  (void)d, (void)worker;
  for (int64_t i = from; i < to; i++) {
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
