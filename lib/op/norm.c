// Norms over the last axis. rmsnorm: (a * (1 / sqrt(mean(a * a) + eps))) * b.
// layernorm: ((a - mean) * (1 / sqrt(var + eps))) * b + c, var the mean of (a - mean)^2. Each
// operation rounds.
// rmsnorm subtracts a mean of +0, which changes no bit, so one loop serves both.
#include <string.h>

#include "lib/op_row.h"
#include "lib/rt/threads.h"

static bool infer(oi_infer *s) {
  const oi_type *in = &s->in[0];
  if (!oi_infer_class(s, 0, OI_F)) return false;
  if (!in->rank) return oi_infer_fail(s, "expected an operand with axes, found a scalar");
  for (uint32_t k = 1; k < s->n_in; k++) {
    if (!oi_infer_class(s, k, OI_F)) return false;
    if (s->in[k].rank != 1)
      return oi_infer_fail(s, "operand %c: expected 1 dim, found %u", (char)('a' + k),
                           s->in[k].rank);
    if (!oi_infer_require(s, in->dim[in->rank - 1], s->in[k].dim[0], "length of the last axis"))
      return false;
  }
  s->out[0] = *in;
  s->out[0].dtype = OINF_F32;
  return true;
}
bool oi_shape_rmsnorm(oi_infer *s) { return infer(s); }
bool oi_shape_layernorm(oi_infer *s) { return infer(s); }

typedef struct job {
  const oi_call *call;
  int64_t n;
  float eps;
  bool centred;
} job;

// The sum of the row, or of the squares of its distances from m.
static float row_sum(const job *t, int64_t base, bool squares, float m) {
  float part[OI_LANES] = {0}, x[OI_ROW_RUN];
  for (int64_t k = 0, n; k < t->n; k += n) {
    n = oi_row_take(t->n - k);
    oi_row_load(&t->call->in[0], base, 1, k, n, x);
    if (squares) {
      OI_ROW_EACH(i, n) {
        float d = x[i] - m;
        x[i] = d * d;
      }
    }
    oi_row_add(part, x, n);
  }
  return oi_row_sum(part);
}

static void scale_run(const job *t, int64_t base, int64_t k, int64_t n, float m, float r) {
  const oi_call *c = t->call;
  float x[OI_ROW_RUN], w[OI_ROW_RUN], *out = (float *)c->out->data + base + k;
  oi_row_load(&c->in[0], base, 1, k, n, x);
  OI_ROW_EACH(i, n) {
    float d = x[i] - m;
    x[i] = d * r;
  }
  if (c->n_in > 1) {
    oi_row_load(&c->in[1], 0, 1, k, n, w);
    OI_ROW_EACH(i, n) x[i] = x[i] * w[i];
  }
  if (c->n_in > 2) {
    oi_row_load(&c->in[2], 0, 1, k, n, w);
    OI_ROW_EACH(i, n) x[i] = x[i] + w[i];
  }
  memcpy(out, x, (size_t)n * sizeof *out);
}

static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *t = arg;
  const float n = (float)t->n;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    int64_t base = row * t->n;
    float m = t->centred ? oi_div(row_sum(t, base, false, 0.0f), n) : 0.0f;
    float mean = oi_div(row_sum(t, base, true, m), n);
    float v = mean + t->eps;
    float r = oi_div(1.0f, oi_sqrt(v));
    for (int64_t k = 0; k < t->n; k += OI_ROW_RUN)
      scale_run(t, base, k, oi_row_take(t->n - k), m, r);
  }
}

static void run(const oi_call *c, double eps, bool centred) {
  const oi_view *in = &c->in[0];
  job t = {c, in->dim[in->rank - 1], (float)eps, centred};
  int64_t rows = t.n ? oi_view_count(in) / t.n : 0, share = oi_row_share(t.n);
  if (c->threads && rows > share)
    oi_threads_run(c->threads, rows, share, piece, &t);
  else
    piece(&t, 0, rows, 0);
}
void oi_run_rmsnorm(const oi_call *c) { run(c, ((const oinf_rmsnorm_args *)c->args)->eps, false); }
void oi_run_layernorm(const oi_call *c) {
  run(c, ((const oinf_layernorm_args *)c->args)->eps, true);
}
