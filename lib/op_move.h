// Copies of strided boxes: what permute, slice, select, concat, split and expand come to.
#ifndef OINF_LIB_OP_MOVE_H
#define OINF_LIB_OP_MOVE_H
#include "lib/op.h"

// Steps are in elements; `from` and `to` point at the box's first element.
typedef struct oi_move {
  const char *from;
  char *to;
  uint32_t rank;
  int64_t dim[OINF_MAX_RANK], from_step[OINF_MAX_RANK], to_step[OINF_MAX_RANK];
  size_t size;  // bytes of an element
} oi_move;
// Row-major steps of a view.
void oi_view_steps(const oi_view *v, int64_t *out_step);
// A move of the whole of `out` with its own steps; the caller sets from_step.
oi_move oi_move_into(const oi_view *in, const oi_view *out);
void oi_move_run(const oi_move *m, struct oi_threads *threads);
// Steps of an axis counted from the front, by an attribute that may count from the end.
static inline uint32_t oi_axis(int64_t axis, uint32_t rank) {
  return (uint32_t)(axis < 0 ? axis + rank : axis);
}
#endif
