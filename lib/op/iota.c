// start, start + step, ... along an axis, the same along the others. Counted in 64-bit integers
// that wrap, and then stored: rounded once for floats, cut for narrow integers.
#include "lib/exact.h"
#include "lib/op_move.h"

bool oi_shape_iota(oi_infer *s) {
  const oinf_iota_args *args = s->args;
  oi_type out = {.dtype = args->dtype ? args->dtype : OINF_I64};
  uint32_t axis = 0;
  if (!(oi_dtype_class(out.dtype) & (OI_F | OI_D | OI_S | OI_U)))
    return oi_infer_fail(s, "expected a dtype of numbers, found %s", oinf_dtype_name(out.dtype));
  if (!oi_infer_shape(s, &args->shape, &out)) return false;
  if (args->start == OINF_INFER) return oi_infer_fail(s, "expected start, found OINF_INFER");
  if (!oi_infer_axis(s, args->axis, out.rank, &axis)) return false;
  return s->out[0] = out, true;
}

void oi_run_iota(const oi_call *c) {
  const oinf_iota_args *args = c->args;
  const oi_view *out = c->out;
  uint32_t axis = oi_axis(args->axis, out->rank);
  const bool floats = oi_dtype_class(out->dtype) & (OI_F | OI_D);
  int64_t step[OINF_MAX_RANK], count = oi_view_count(out);
  int64_t start = c->dims[args->shape.n],
          by = args->step ? args->step : 1;  // dims: shape, then start
  oi_view_steps(out, step);
  for (int64_t i = 0; i < count; i++) {
    int64_t x = oi_add_i(start, oi_mul_i(i / step[axis] % out->dim[axis], by));
    if (floats) oi_exact_store(out, i, oi_number_of_i(x), OI_NEAREST);
    else oi_store_i64(out, i, 1, &x);
  }
}
