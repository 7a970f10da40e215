// Axes in another order: output axis i is input axis axes[i].
#include "lib/op_move.h"

bool oi_shape_permute(oi_infer *s) {
  const oinf_permute_args *args = s->args;
  const oi_type *in = &s->in[0];
  oi_type out = {.dtype = in->dtype, .rank = in->rank};
  uint32_t mask = 0;
  if (!oi_infer_class(s, 0, OI_F | OI_D | OI_S | OI_U | OI_B)) return false;
  if (args->axes.n != in->rank)
    return oi_infer_fail(s, "expected %u axes, found %u", in->rank, args->axes.n);
  if (!oi_infer_axes(s, &args->axes, in->rank, &mask)) return false;
  for (uint32_t i = 0; i < in->rank; i++) out.dim[i] = in->dim[oi_axis(args->axes.d[i], in->rank)];
  return s->out[0] = out, true;
}

void oi_run_permute(const oi_call *c) {
  const oinf_permute_args *args = c->args;
  int64_t step[OINF_MAX_RANK];
  oi_move m = oi_move_into(&c->in[0], c->out);
  oi_view_steps(&c->in[0], step);
  for (uint32_t i = 0; i < m.rank; i++) m.from_step[i] = step[oi_axis(args->axes.d[i], m.rank)];
  oi_move_run(&m, c->threads);
}
