// A value in another dtype, exact where it can be and rounded once where not.
//
// Elements are unpacked to exact numbers and packed again (lib/rt/strict_number.inc). The pairs
// that models are full of (between float formats, to nearest) go through the ordinary loads and
// stores, which are the same conversions, vectorised.
#include "lib/exact.h"
#include "lib/rt/threads.h"

enum {
  RUN = 512,
  PIECE = 16 * RUN
};

bool oi_shape_cast(oi_infer *s) {
  const oinf_cast_args *args = s->args;
  const unsigned plain = OI_F | OI_D | OI_S | OI_U | OI_B;
  if (!oi_infer_class(s, 0, plain)) return false;
  if (!(oi_dtype_class(args->to) & plain))
    return oi_infer_fail(s, "expected .to to be a plain dtype, found %s",
                         oinf_dtype_name(args->to));
  if (args->rounding < OI_NEAREST || args->rounding > OI_UP)
    return oi_infer_fail(s, "expected .rounding from 0 to 3, found %lld",
                         (long long)args->rounding);
  s->out[0] = s->in[0];
  s->out[0].dtype = args->to;
  return true;
}

typedef struct job {
  const oi_call *call;
  unsigned from, to;
} job;

static void load(const job *t, int64_t i, int64_t n, oi_number *out) {
  const oi_view *in = &t->call->in[0];
  union {
    double d[RUN];
    int64_t s[RUN];
    uint64_t u[RUN];
  } x;
  if (t->from & (OI_F | OI_D)) {
    oi_load_f64(x.d, in, i, n);
    for (int64_t k = 0; k < n; k++) out[k] = oi_number_of_d(x.d[k]);
  } else if (t->from == OI_U) {
    oi_load_u64(x.u, in, i, n);
    for (int64_t k = 0; k < n; k++) out[k] = oi_number_of_u(x.u[k]);
  } else {
    oi_load_i64(x.s, in, i, n);
    for (int64_t k = 0; k < n; k++) out[k] = oi_number_of_i(x.s[k]);
  }
}

static void store_floats(const job *t, int64_t i, int64_t n, const oi_number *x) {
  const int64_t mode = ((const oinf_cast_args *)t->call->args)->rounding;
  for (int64_t k = 0; k < n; k++) oi_exact_store(t->call->out, i + k, x[k], mode);
}

static void store_integers(const job *t, int64_t i, int64_t n, const oi_number *x) {
  const oi_view *out = t->call->out;
  const oinf_cast_args *args = t->call->args;
  int width = 8 * (int)oinf_dtype_block_bytes(out->dtype);
  uint64_t u[RUN];
  for (int64_t k = 0; k < n; k++) {
    u[k] = t->to == OI_B
               ? oi_number_is_set(x[k])
               : oi_number_to_integer(x[k], width, t->to == OI_S, args->rounding, args->wrap);
  }
  oi_store_u64(out, i, n, u);
}

static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *t = arg;
  const oinf_cast_args *args = t->call->args;
  oi_number x[RUN];
  float f[RUN];
  (void)worker;
  for (int64_t i = begin, n; i < end; i += n) {
    n = end - i < RUN ? end - i : RUN;
    if (t->from == OI_F && t->to == OI_F && args->rounding == OI_NEAREST) {
      oi_load_f32(f, &t->call->in[0], i, n);
      for (int64_t k = 0; k < n; k++) f[k] = oi_canon(f[k]);
      oi_store_f32(t->call->out, i, n, f);
      continue;
    }
    load(t, i, n, x);
    (t->to & (OI_F | OI_D) ? store_floats : store_integers)(t, i, n, x);
  }
}

void oi_run_cast(const oi_call *c) {
  job t = {c, oi_dtype_class(c->in[0].dtype), oi_dtype_class(c->out->dtype)};
  int64_t n = oi_view_count(c->out);
  if (c->threads && n > PIECE) oi_threads_run(c->threads, n, PIECE, piece, &t);
  else piece(&t, 0, n, 0);
}
