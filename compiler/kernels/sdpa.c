// Attention: a row of scores over the keys that a query sees, its exponentials, the weighted sum of
// the values. Sums count absolute positions, so how a text was cut into steps changes no bit.
// A unit is a head of a query.
// Holes: NAME; HEADS, GROUPS, HEAD, KEYS, POS; CAUSAL, 1 or 0; WINDOW, SOFTCAP: 0 for none;
// SCALE; MASKED, 1 or 0, MASK: the operand, SEEN: is key j seen by query t, ADD to the score; Q_T, Q_LOAD, K_T, K_LOAD, V_T, V_LOAD.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  enum { LANES = 16 };
  const dims *d = c->d;
  const Q_T *restrict a = c->in[0];
  const K_T *restrict b = c->in[1];
  const V_T *restrict values = c->in[2];
  MASK
  float *restrict out = c->out[0], *restrict scores = room_of(c, worker);
  const int64_t heads = HEADS, groups = GROUPS, head = HEAD, keys = KEYS;
  const int64_t pos = POS, window = WINDOW;
  const float cap = SOFTCAP;
  (void)d;
  for (int64_t i = from; i < to; i++) {
    const int64_t t = i / heads, g = i % heads / (heads / groups);
    const Q_T *q = a + i * head;
    float *row = out + i * head;
    const int64_t last = pos + t + 1, first = pos + t - window + 1;
    const int64_t end = !(CAUSAL) || last > keys ? keys : last < 0 ? 0 : last;
    const int64_t begin = window <= 0 || first < 0 ? 0 : first > end ? end : first;
    float most = oi_flt(0xff800000u), e[LANES] = {0};
    bool any = false;
    for (int64_t j = begin; j < end; j++) {
      const K_T *k = b + (j * groups + g) * head;
      float p[LANES] = {0};
      for (int64_t x = 0; x < head; x++) {
        float product = Q_LOAD(q[x]) * K_LOAD(k[x]);
        p[x % LANES] = p[x % LANES] + product;
      }
      for (int s = LANES / 2; s > 0; s /= 2) {
        for (int x = 0; x < s; x++) {
          p[x] = p[x] + p[x + s];
        }
      }
      float score = oi_plus_zero(p[0]) * SCALE;
      if (cap > 0) {
        float part = oi_tanh(oi_div(score, cap));
        score = part * cap;
      }
      ADD
      const bool seen = SEEN;
      scores[j] = seen ? score : oi_flt(0xff800000u);
      most = scores[j] > most ? scores[j] : most;
      any = any || seen;
    }
    for (int64_t j = begin; j < end; j++) {
      float below = scores[j] - most;
      scores[j] = oi_exp(below);
      e[j % LANES] = e[j % LANES] + scores[j];
    }
    for (int s = LANES / 2; s > 0; s /= 2) {
      for (int x = 0; x < s; x++) {
        e[x] = e[x] + e[x + s];
      }
    }
    float share = oi_div(1.0f, e[0]);
    for (int64_t x = 0; x < head; x++) {
      float p[LANES] = {0};
      for (int64_t j = begin; j < end; j++) {
        if (MASKED && !(SEEN)) continue;
        float product = scores[j] * V_LOAD(values[(j * groups + g) * head + x]);
        p[j % LANES] = p[j % LANES] + product;
      }
      for (int s = LANES / 2; s > 0; s /= 2) {
        for (int y = 0; y < s; y++) {
          p[y] = p[y] + p[y + s];
        }
      }
      float sum = oi_plus_zero(p[0]);
      row[x] = any ? sum * share : 0.0f;
    }
  }
}
