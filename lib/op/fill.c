// A constant of any shape.
#include "lib/op.h"

#include <string.h>

#include "lib/rt/strict.h"

enum { RUN = 256 };

bool oi_shape_fill(oi_infer *s) {
  const oinf_fill_args *args = s->args;
  oi_type out = {.dtype = args->dtype ? args->dtype : OINF_F32};
  if (!(oi_dtype_class(out.dtype) & (OI_F | OI_D | OI_S | OI_U | OI_B)))
    return oi_infer_fail(s, "expected a plain dtype, found %s", oinf_dtype_name(out.dtype));
  if (!oi_infer_shape(s, &args->shape, &out)) return false;
  return s->out[0] = out, true;
}

void oi_run_fill(const oi_call *c) {
  const oinf_fill_args *args = c->args;
  union {
    double d[RUN];
    int64_t s[RUN];
    uint64_t u[RUN];
  } x;
  unsigned class = oi_dtype_class(c->out->dtype);
  int64_t count = oi_view_count(c->out);
  for (int i = 0; i < RUN; i++) {
    if (class & (OI_F | OI_D)) x.d[i] = args->value;
    if (class == OI_S) x.s[i] = oi_to_i64(args->value, INT64_MIN, INT64_MAX);
    if (class == OI_U) x.u[i] = oi_to_u64(args->value, UINT64_MAX);
  }
  if (class == OI_B) {
    memset(c->out->data, args->value != 0, (size_t)count);
    return;
  }
  for (int64_t i = 0; i < count; i += RUN) {
    int64_t n = count - i < RUN ? count - i : RUN;
    if (class & (OI_F | OI_D)) oi_store_f64(c->out, i, n, x.d);
    if (class == OI_S) oi_store_i64(c->out, i, n, x.s);
    if (class == OI_U) oi_store_u64(c->out, i, n, x.u);
  }
}
