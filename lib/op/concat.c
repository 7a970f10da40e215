// Operands one behind the other along an axis; all other dims equal, all dtypes the same.
#include "lib/op_move.h"

bool oi_shape_concat(oi_infer *s) {
  const oinf_concat_args *args = s->args;
  oi_type out = s->in[0];
  uint32_t axis = 0;
  if (!oi_infer_class(s, 0, OI_F | OI_D | OI_S | OI_U | OI_B)) return false;
  if (!oi_infer_axis(s, args->axis, out.rank, &axis)) return false;
  for (uint32_t k = 1; k < s->n_in; k++) {
    const oi_type *in = &s->in[k];
    if (in->dtype != out.dtype || in->rank != out.rank) {
      char a[160], b[160];
      return oi_infer_fail(s, "expected operands of one dtype and rank, found %s and %s",
                           oi_infer_type(s, &s->in[0], a, sizeof a),
                           oi_infer_type(s, in, b, sizeof b));
    }
    for (uint32_t i = 0; i < out.rank; i++)
      if (i != axis && !oi_infer_require(s, out.dim[i], in->dim[i], "dims beside the axis"))
        return false;
    out.dim[axis] = oi_dims_add(s->dims, out.dim[axis], in->dim[axis]);
  }
  if (out.dim[axis] == OI_DIM_BAD) return oi_infer_fail(s, "expected a length that can be written");
  return s->out[0] = out, true;
}

void oi_run_concat(const oi_call *c) {
  const oinf_concat_args *args = c->args;
  uint32_t axis = oi_axis(args->axis, c->out->rank);
  int64_t at = 0;
  for (uint32_t k = 0; k < c->n_in; k++) {
    oi_move m = oi_move_into(&c->in[k], c->out);
    oi_view_steps(&c->in[k], m.from_step);
    m.dim[axis] = c->in[k].dim[axis];
    m.to += at * m.to_step[axis] * (int64_t)m.size;
    at += m.dim[axis];
    oi_move_run(&m, c->threads);
  }
}
