// m = max, e = exp(a - m), r = 1 / sum(e), y = e * r along an axis; exponentials wait in the
// output. A unit is a row.
// Holes: NAME; LENGTH and STEP of the axis in elements; SOME: of it in the lanes from k on; A_T, A_LOAD.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  enum { LANES = 16 };
  const dims *d = c->d;
  const A_T *restrict a = c->in[0];
  float *restrict out = c->out[0];
  const int64_t length = LENGTH, step = STEP;
  (void)d, (void)worker;
  for (int64_t t = from; t < to; t++) {
    const int64_t base = t / step * length * step + t % step;
    float m[LANES], p[LANES] = {0};
    for (int j = 0; j < LANES; j++) m[j] = oi_flt(0xff800000u);
    for (int64_t k = 0; k < length; k += LANES) {
      for (int j = 0; j < SOME; j++) {
        m[j] = oi_max(m[j], A_LOAD(a[base + (k + j) * step]));
      }
    }
    for (int s = LANES / 2; s > 0; s /= 2) {
      for (int j = 0; j < s; j++) m[j] = oi_max(m[j], m[j + s]);
    }
    for (int64_t k = 0; k < length; k++) {
      float below = A_LOAD(a[base + k * step]) - m[0];
      float e = oi_exp(below);
      out[base + k * step] = e;
    }
    for (int64_t k = 0; k < length; k += LANES) {
      for (int j = 0; j < SOME; j++) {
        p[j] = p[j] + out[base + (k + j) * step];
      }
    }
    for (int s = LANES / 2; s > 0; s /= 2) {
      for (int j = 0; j < s; j++) {
        p[j] = p[j] + p[j + s];
      }
    }
    float r = oi_div(1.0f, oi_plus_zero(p[0]));
    for (int64_t k = 0; k < length; k++) {
      out[base + k * step] = out[base + k * step] * r;
    }
  }
}
