// (a * (1 / sqrt(mean(a * a) + eps))) * w over the last axis. A unit is a row.
// Holes: NAME; OPERANDS: w where it is given; LENGTH; SOME: of it in the lanes from k on; EPS; A_T,
// A_LOAD; SCALE: a statement on v, or nothing.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  enum { LANES = 16 };
  const dims *d = c->d;
  const A_T *restrict a = c->in[0];
  OPERANDS
  float *restrict out = c->out[0];
  const int64_t length = LENGTH;
  (void)d, (void)worker;
  for (int64_t t = from; t < to; t++) {
    const A_T *x = a + t * length;
    float *y = out + t * length;
    float p[LANES] = {0};
    for (int64_t k = 0; k < length; k += LANES) {
      for (int j = 0; j < SOME; j++) {
        float square = A_LOAD(x[k + j]) * A_LOAD(x[k + j]);
        p[j] = p[j] + square;
      }
    }
    for (int s = LANES / 2; s > 0; s /= 2) {
      for (int j = 0; j < s; j++) {
        p[j] = p[j] + p[j + s];
      }
    }
    float mean = oi_div(oi_plus_zero(p[0]), (float)length);
    float above = mean + EPS;
    float r = oi_div(1.0f, oi_sqrt(above));
    for (int64_t k = 0; k < length; k++) {
      float v = A_LOAD(x[k]) * r;
      SCALE
      y[k] = v;
    }
  }
}
