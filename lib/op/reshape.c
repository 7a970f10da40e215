// The same elements under another shape: reshape, squeeze, unsqueeze. At run time all three are one
// copy.
#include <string.h>

#include "lib/op.h"

static void copy(const oi_call *c) {
  uint64_t bytes = oi_view_bytes(c->out);
  if (oi_view_count(c->out) != oi_view_count(&c->in[0])) {
    oi_fail(c->err, OINF_GRAPH, "reshape: expected %lld elements, found %lld",
            (long long)oi_view_count(c->out), (long long)oi_view_count(&c->in[0]));
  } else if (bytes) {
    memcpy(c->out->data, c->in[0].data, bytes);
  }
}
void oi_run_reshape(const oi_call *c) { copy(c); }
void oi_run_squeeze(const oi_call *c) { copy(c); }
void oi_run_unsqueeze(const oi_call *c) { copy(c); }

static oinf_dim product(oi_dims *d, const oinf_dim *dim, uint32_t n) {
  oinf_dim r = 1;
  for (uint32_t i = 0; i < n; i++)
    if (dim[i] != OINF_INFER) r = oi_dims_mul(d, r, dim[i]);
  return r;
}

static bool check_dims(oi_infer *s, const oinf_dims *shape, uint32_t *out_infer) {
  *out_infer = UINT32_MAX;
  if (shape->n > OINF_MAX_RANK)
    return oi_infer_fail(s, "expected at most %d dims, found %u", OINF_MAX_RANK, shape->n);
  for (uint32_t i = 0; i < shape->n; i++) {
    oinf_dim d = shape->d[i];
    if (d == OINF_INFER && *out_infer != UINT32_MAX)
      return oi_infer_fail(s, "expected OINF_INFER once, found it for dims %u and %u", *out_infer,
                           i);
    if (d == OINF_INFER) *out_infer = i;
    if (d != OINF_INFER && !oi_dim_is_expr(d) && d < 0)
      return oi_infer_fail(s, "dim %u: expected 0 or more, found %lld", i, (long long)d);
  }
  return true;
}

bool oi_shape_reshape(oi_infer *s) {
  const oinf_reshape_args *args = s->args;
  const oi_type *in = &s->in[0];
  oi_type out = {.dtype = in->dtype, .rank = args->shape.n};
  uint32_t infer = 0;
  if (!oi_infer_class(s, 0, OI_F | OI_D | OI_S | OI_U | OI_B)) return false;
  if (!check_dims(s, &args->shape, &infer)) return false;
  memcpy(out.dim, args->shape.d, sizeof out.dim);
  oinf_dim have = product(s->dims, in->dim, in->rank), want = product(s->dims, out.dim, out.rank);
  if (infer != UINT32_MAX) {
    if (want == 0)
      return oi_infer_fail(s, "expected one way to infer dim %u, found other dims of 0", infer);
    out.dim[infer] = oi_dims_div(s->dims, have, want);
    want = oi_dims_mul(s->dims, want, out.dim[infer]);
  }
  if (have == OI_DIM_BAD || want == OI_DIM_BAD)
    return oi_infer_fail(s, "expected dims that fit 63 bits");
  if (!oi_infer_require(s, have, want, "elements")) {
    char a[160], b[160];
    return oi_infer_fail(s, "expected as many elements as %s has, found the shape %s",
                         oi_infer_type(s, in, a, sizeof a), oi_infer_type(s, &out, b, sizeof b));
  }
  return s->out[0] = out, true;
}

bool oi_shape_squeeze(oi_infer *s) {
  const oinf_squeeze_args *args = s->args;
  const oi_type *in = &s->in[0];
  oi_type out = {.dtype = in->dtype};
  uint32_t mask = 0;
  if (!oi_infer_class(s, 0, OI_F | OI_D | OI_S | OI_U | OI_B)) return false;
  if (!oi_infer_axes(s, &args->axes, in->rank, &mask)) return false;
  for (uint32_t i = 0; i < in->rank; i++) {
    bool goes = args->axes.n ? mask >> i & 1 : in->dim[i] == 1;
    if (goes && !oi_infer_require(s, 1, in->dim[i], "squeezed axis")) return false;
    if (!goes) out.dim[out.rank++] = in->dim[i];
  }
  return s->out[0] = out, true;
}

bool oi_shape_unsqueeze(oi_infer *s) {
  const oinf_unsqueeze_args *args = s->args;
  const oi_type *in = &s->in[0];
  oi_type out = {.dtype = in->dtype, .rank = in->rank + args->axes.n};
  uint32_t mask = 0, from = 0;
  if (!oi_infer_class(s, 0, OI_F | OI_D | OI_S | OI_U | OI_B)) return false;
  if (out.rank > OINF_MAX_RANK)
    return oi_infer_fail(s, "expected at most %d dims, found %u", OINF_MAX_RANK, out.rank);
  if (!oi_infer_axes(s, &args->axes, out.rank, &mask)) return false;
  for (uint32_t i = 0; i < out.rank; i++) out.dim[i] = mask >> i & 1 ? 1 : in->dim[from++];
  return s->out[0] = out, true;
}
