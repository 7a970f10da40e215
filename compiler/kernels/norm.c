// Norms over the last axis: ((a - mean) * (1 / sqrt(var + eps))) * b + c. For rmsnorm the mean is
// +0, and subtracting it changes no bit. A unit is a row.
// Holes: NAME; OPERANDS: the operands w and v that there are; LENGTH; SOME: of it in
// the lanes from k on; EPS; A_T, A_LOAD;
// CENTRED, 1 or 0; SCALE, SHIFT: statements on y, or nothing.

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
    float mean = 0.0f;
    float p[LANES] = {0};
    for (int64_t k = 0; CENTRED && k < length; k += LANES) {
      for (int j = 0; j < SOME; j++) {
        p[j] = p[j] + A_LOAD(x[k + j]);
      }
    }
    for (int s = LANES / 2; CENTRED && s > 0; s /= 2) {
      for (int j = 0; j < s; j++) {
        p[j] = p[j] + p[j + s];
      }
    }
    if (CENTRED) mean = oi_div(oi_plus_zero(p[0]), (float)length);
    float q[LANES] = {0};
    for (int64_t k = 0; k < length; k += LANES) {
      for (int j = 0; j < SOME; j++) {
        float far = A_LOAD(x[k + j]) - mean;
        float square = far * far;
        q[j] = q[j] + square;
      }
    }
    for (int s = LANES / 2; s > 0; s /= 2) {
      for (int j = 0; j < s; j++) {
        q[j] = q[j] + q[j + s];
      }
    }
    float variance = oi_div(oi_plus_zero(q[0]), (float)length);
    float above = variance + EPS;
    float r = oi_div(1.0f, oi_sqrt(above));
    for (int64_t k = 0; k < length; k++) {
      float far = A_LOAD(x[k]) - mean;
      float y = far * r;
      SCALE
      SHIFT
      out[t * length + k] = y;
    }
  }
}
