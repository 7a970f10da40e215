// Axes of length 1 repeated, new axes in front.
#include "lib/op_move.h"

#include <string.h>

bool oi_shape_expand(oi_infer *s) {
  const oinf_expand_args *args = s->args;
  const oi_type *in = &s->in[0];
  oi_type out = {.dtype = in->dtype, .rank = args->shape.n};
  if (!oi_infer_class(s, 0, OI_F | OI_D | OI_S | OI_U | OI_B)) return false;
  if (out.rank < in->rank || out.rank > OINF_MAX_RANK)
    return oi_infer_fail(s, "expected from %u to %d dims, found %u", in->rank, OINF_MAX_RANK,
                         out.rank);
  for (uint32_t i = 0, front = out.rank - in->rank; i < out.rank; i++) {
    oinf_dim want = args->shape.d[i];
    if (i < front && want == OINF_INFER)
      return oi_infer_fail(s, "expected the length of new axis %u, found OINF_INFER", i);
    out.dim[i] = want == OINF_INFER ? in->dim[i - front] : want;
    if (!oi_infer_at_most(s, 0, out.dim[i], "length of an axis")) return false;
    if (i >= front && in->dim[i - front] != 1 &&
        !oi_infer_require(s, in->dim[i - front], out.dim[i], "expanded axis"))
      return false;
  }
  return s->out[0] = out, true;
}

void oi_run_expand(const oi_call *c) {
  const oi_view *in = &c->in[0];
  int64_t step[OINF_MAX_RANK];
  oi_move m = oi_move_into(in, c->out);
  oi_view_steps(in, step);
  for (uint32_t i = 0, front = m.rank - in->rank; i < m.rank; i++)
    m.from_step[i] = i < front || in->dim[i - front] == 1 ? 0 : step[i - front];
  oi_move_run(&m, c->threads);
}
