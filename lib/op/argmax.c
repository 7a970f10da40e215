// The index of the largest or smallest along an axis: ties to the lowest index, the first NaN wins.
// Elements are compared by 64-bit integer keys, so one loop serves every dtype and no flag can
// assume NaN away.
#include "lib/op_move.h"
#include "lib/rt/strict.h"

enum { RUN = 256 };

typedef oinf_argmax_args args_of;  // argmin's are the same
_Static_assert(offsetof(oinf_argmin_args, keep) == offsetof(args_of, keep), "attributes of argmin");

static bool infer(oi_infer *s) {
  const args_of *args = s->args;
  const oi_type *in = &s->in[0];
  oi_type out = {.dtype = OINF_I64};
  uint32_t axis = 0;
  if (!oi_infer_class(s, 0, OI_F | OI_D | OI_S | OI_U)) return false;
  if (!oi_infer_axis(s, args->axis, in->rank, &axis)) return false;
  if (!oi_infer_at_most(s, 1, in->dim[axis], "length of the axis")) return false;
  for (uint32_t i = 0; i < in->rank; i++)
    if (i != axis || args->keep) out.dim[out.rank++] = i == axis ? 1 : in->dim[i];
  return s->out[0] = out, true;
}
bool oi_shape_argmax(oi_infer *s) { return infer(s); }
bool oi_shape_argmin(oi_infer *s) { return infer(s); }

// Keys order as the values do; NaN's is the one that wins, whichever is looked for.
static void load_keys(const oi_view *v, int64_t i, int64_t n, int64_t nan, int64_t *out) {
  unsigned class = oi_dtype_class(v->dtype);
  double wide[RUN];
  if (class == OI_S) {
    oi_load_i64(out, v, i, n);
  } else if (class == OI_U) {
    oi_load_u64((uint64_t *)out, v, i, n);
    for (int64_t j = 0; j < n; j++) out[j] = (int64_t)((uint64_t)out[j] ^ (uint64_t)1 << 63);
  } else {
    oi_load_f64(wide, v, i, n);
    for (int64_t j = 0; j < n; j++) out[j] = oi_is_nan_d(wide[j]) ? nan : oi_key_d(wide[j]);
  }
}

static int64_t best_of_row(const oi_view *v, int64_t base, int64_t step, int64_t n, bool largest) {
  int64_t best = 0, best_key = 0, keys[RUN], nan = largest ? INT64_MAX : INT64_MIN;
  for (int64_t k = 0; k < n; k += RUN) {
    int64_t count = n - k < RUN ? n - k : RUN;
    if (step == 1) load_keys(v, base + k, count, nan, keys);
    for (int64_t j = 0; j < count; j++) {
      if (step != 1) load_keys(v, base + (k + j) * step, 1, nan, &keys[j]);
      bool better = largest ? keys[j] > best_key : keys[j] < best_key;
      if (better || k + j == 0) best = k + j, best_key = keys[j];
    }
  }
  return best;
}

static void run(const oi_call *c, bool largest) {
  const args_of *args = c->args;
  const oi_view *in = &c->in[0];
  uint32_t axis = oi_axis(args->axis, in->rank);
  int64_t step[OINF_MAX_RANK], n = in->dim[axis], count = oi_view_count(c->out);
  oi_view_steps(in, step);
  for (int64_t i = 0; i < count; i++) {
    int64_t base = i / step[axis] * n * step[axis] + i % step[axis];
    ((int64_t *)c->out->data)[i] = best_of_row(in, base, step[axis], n, largest);
  }
}
void oi_run_argmax(const oi_call *c) { run(c, true); }
void oi_run_argmin(const oi_call *c) { run(c, false); }
