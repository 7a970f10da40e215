// A range along an axis (slice), one index of it (select), and all of it in parts (split).
// Negative numbers count from the end; an expression over symbols stands for itself. What a step
// finds out of range is refused by it: by the graph's conditions where the shape rule could say
// them, else by the kernel.
#include "lib/op_move.h"

#include <string.h>

enum { ANY = OI_F | OI_D | OI_S | OI_U | OI_B };

// A number from the end as one from the front.
static oinf_dim from_front(oi_infer *s, oinf_dim at, oinf_dim length) {
  return !oi_dim_is_expr(at) && at < 0 ? oi_dims_add(s->dims, length, at) : at;
}

bool oi_shape_slice(oi_infer *s) {
  const oinf_slice_args *args = s->args;
  oi_type out = s->in[0];
  uint32_t axis = 0;
  int64_t step = args->step ? args->step : 1;
  if (!oi_infer_class(s, 0, ANY) || !oi_infer_axis(s, args->axis, out.rank, &axis)) return false;
  if (step < 0)
    return oi_infer_fail(s, "expected a step of 1 or more, found %lld", (long long)step);
  if (args->begin == OINF_INFER) return oi_infer_fail(s, "expected begin, found OINF_INFER");
  oinf_dim length = out.dim[axis], begin = from_front(s, args->begin, length);
  oinf_dim end = args->end == OINF_INFER ? length : from_front(s, args->end, length);
  if (!oi_infer_at_most(s, 0, begin, "begin of slice")) return false;
  if (!oi_infer_at_most(s, begin, end, "begin of slice")) return false;
  if (!oi_infer_at_most(s, end, length, "end of slice")) return false;
  oinf_dim n = oi_dims_sub(s->dims, end, begin);
  out.dim[axis] = step == 1 ? n : oi_dims_div(s->dims, oi_dims_add(s->dims, n, step - 1), step);
  if (out.dim[axis] == OI_DIM_BAD) return oi_infer_fail(s, "expected a length that can be written");
  return s->out[0] = out, true;
}

void oi_run_slice(const oi_call *c) {
  const oinf_slice_args *args = c->args;
  const oi_view *in = &c->in[0];
  uint32_t axis = oi_axis(args->axis, in->rank);
  int64_t begin = c->dims[0] < 0 ? c->dims[0] + in->dim[axis] : c->dims[0], n = c->out->dim[axis];
  int64_t step = args->step ? args->step : 1;
  if (begin < 0 || (n > 0 && begin + (n - 1) * step >= in->dim[axis])) {
    oi_fail(c->err, OINF_GRAPH, "slice: expected a range within 0 .. %lld, found %lld .. %lld",
            (long long)in->dim[axis], (long long)begin, (long long)(begin + n * step));
    return;
  }
  oi_move m = oi_move_into(in, c->out);
  oi_view_steps(in, m.from_step);
  m.from += begin * m.from_step[axis] * (int64_t)m.size;
  m.from_step[axis] *= step;
  oi_move_run(&m, c->threads);
}

bool oi_shape_select(oi_infer *s) {
  const oinf_select_args *args = s->args;
  oi_type out = s->in[0];
  uint32_t axis = 0;
  if (!oi_infer_class(s, 0, ANY) || !oi_infer_axis(s, args->axis, out.rank, &axis)) return false;
  if (args->index == OINF_INFER) return oi_infer_fail(s, "expected an index, found OINF_INFER");
  oinf_dim at = from_front(s, args->index, out.dim[axis]);
  if (!oi_infer_at_most(s, 0, at, "selected index")) return false;
  if (!oi_infer_at_most(s, oi_dims_add(s->dims, at, 1), out.dim[axis], "selected index + 1"))
    return false;
  for (out.rank--; axis < out.rank; axis++) out.dim[axis] = out.dim[axis + 1];
  return s->out[0] = out, true;
}

void oi_run_select(const oi_call *c) {
  const oinf_select_args *args = c->args;
  const oi_view *in = &c->in[0];
  uint32_t axis = oi_axis(args->axis, in->rank);
  int64_t at = c->dims[0] < 0 ? c->dims[0] + in->dim[axis] : c->dims[0], step[OINF_MAX_RANK];
  if (at < 0 || at >= in->dim[axis]) {
    oi_fail(c->err, OINF_GRAPH, "select: expected an index within 0 .. %lld, found %lld",
            (long long)in->dim[axis] - 1, (long long)at);
    return;
  }
  oi_move m = oi_move_into(in, c->out);
  oi_view_steps(in, step);
  m.from += at * step[axis] * (int64_t)m.size;
  for (uint32_t i = 0; i < m.rank; i++) m.from_step[i] = step[i < axis ? i : i + 1];
  oi_move_run(&m, c->threads);
}

bool oi_shape_split(oi_infer *s) {
  const oinf_split_args *args = s->args;
  uint32_t axis = 0;
  oinf_dim sum = 0;
  if (!oi_infer_class(s, 0, ANY) || !oi_infer_axis(s, args->axis, s->in[0].rank, &axis))
    return false;
  if (!args->sizes.n) return oi_infer_fail(s, "expected the sizes of the parts, found none");
  for (uint32_t i = 0; i < args->sizes.n; i++) {
    if (!oi_infer_at_most(s, 0, args->sizes.d[i], "size of a part")) return false;
    sum = oi_dims_add(s->dims, sum, args->sizes.d[i]);
    s->out[i] = s->in[0];
    s->out[i].dim[axis] = args->sizes.d[i];
  }
  s->n_out = args->sizes.n;
  return oi_infer_require(s, s->in[0].dim[axis], sum, "sum of the parts");
}

void oi_run_split(const oi_call *c) {
  const oinf_split_args *args = c->args;
  const oi_view *in = &c->in[0];
  uint32_t axis = oi_axis(args->axis, in->rank);
  int64_t at = 0;
  for (uint32_t i = 0; i < c->n_out; i++) {
    oi_move m = oi_move_into(in, &c->out[i]);
    oi_view_steps(in, m.from_step);
    m.from += at * m.from_step[axis] * (int64_t)m.size;
    at += c->out[i].dim[axis];
    if (at > in->dim[axis]) {
      oi_fail(c->err, OINF_GRAPH, "split: expected parts of %lld in all, found %lld or more",
              (long long)in->dim[axis], (long long)at);
      return;
    }
    oi_move_run(&m, c->threads);
  }
}
