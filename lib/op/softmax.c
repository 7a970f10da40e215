// m = max, e = exp(a - m), r = 1 / sum(e), y = e * r along an axis; the exponentials wait in the
// output. A row that is -inf throughout gives NaN, as its decomposition does.
#include "lib/op_move.h"
#include "lib/op_row.h"
#include "lib/rt/threads.h"

bool oi_shape_softmax(oi_infer *s) {
  const oinf_softmax_args *args = s->args;
  uint32_t axis = 0;
  if (!oi_infer_class(s, 0, OI_F) || !oi_infer_axis(s, args->axis, s->in[0].rank, &axis))
    return false;
  s->out[0] = s->in[0];
  s->out[0].dtype = OINF_F32;
  return true;
}

typedef struct job {
  const oi_view *in;
  float *out;
  int64_t n, step;  // of the axis
} job;

static float row_max(const job *t, int64_t base) {
  float part[OI_LANES], x[OI_ROW_RUN];
  for (int j = 0; j < OI_LANES; j++) part[j] = -INFINITY;
  for (int64_t k = 0, n; k < t->n; k += n) {
    n = oi_row_take(t->n - k);
    oi_row_load(t->in, base, t->step, k, n, x);
    int64_t i = 0;
    for (; i + OI_LANES <= n; i += OI_LANES)
      for (int j = 0; j < OI_LANES; j++) part[j] = oi_max(part[j], x[i + j]);
    for (int j = 0; i < n; i++, j++) part[j] = oi_max(part[j], x[i]);
  }
  for (int half = OI_LANES / 2; half > 0; half /= 2)
    for (int j = 0; j < half; j++) part[j] = oi_max(part[j], part[j + half]);
  return part[0];
}

static void softmax_row(const job *t, int64_t base) {
  float part[OI_LANES] = {0}, x[OI_ROW_RUN], m = row_max(t, base);
  float *out = t->out + base;
  for (int64_t k = 0, n; k < t->n; k += n) {
    n = oi_row_take(t->n - k);
    oi_row_load(t->in, base, t->step, k, n, x);
    OI_ROW_EACH(i, n) {
      float d = x[i] - m;
      x[i] = oi_exp(d);
    }
    for (int64_t i = 0; i < n; i++) out[(k + i) * t->step] = x[i];
    oi_row_add(part, x, n);
  }
  float r = oi_div(1.0f, oi_row_sum(part));
  for (int64_t k = 0; k < t->n; k++) out[k * t->step] = out[k * t->step] * r;
}

static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *t = arg;
  (void)worker;
  for (int64_t i = begin; i < end; i++) softmax_row(t, i / t->step * t->n * t->step + i % t->step);
}

void oi_run_softmax(const oi_call *c) {
  const oinf_softmax_args *args = c->args;
  const oi_view *in = &c->in[0];
  uint32_t axis = oi_axis(args->axis, in->rank);
  int64_t step[OINF_MAX_RANK];
  oi_view_steps(in, step);
  job t = {in, c->out->data, in->dim[axis], step[axis]};
  int64_t rows = t.n ? oi_view_count(in) / t.n : 0, share = oi_row_share(t.n);
  if (c->threads && rows > share)
    oi_threads_run(c->threads, rows, share, piece, &t);
  else
    piece(&t, 0, rows, 0);
}
