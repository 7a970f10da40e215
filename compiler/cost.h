// What one run of a node costs: arithmetic and bytes, by formula, for given values of the symbols.
// Reports, figures and whoever wants to weigh one way of running a graph against another ask here.
//
// flops: a multiply-add counts as two, and so does one of integers; every other operation, a call
// of exp or sqrt too, counts as one; moving, casting and filling count as none. Scales of quantized
// products are left out. A user's own op counts as one an element: its body is not looked into.
#ifndef OINF_COMPILER_COST_H
#define OINF_COMPILER_COST_H
#include "lib/graph.h"

// The node's operands and results as they stand in a step: dims are numbers, data is NULL.
typedef struct oi_cost_shape {
  const oi_node *node;
  oi_view in[OINF_MAX_SPLIT], out[OINF_MAX_SPLIT];
  int64_t pos;  // of rope and sdpa
} oi_cost_shape;

// False: a dim has no number under these symbols (one for each symbol of the graph).
bool oi_cost_shape_of(const oinf_graph *g, uint32_t node, const int64_t *syms, oi_cost_shape *out);
uint64_t oi_cost_flops(const oi_cost_shape *s);  // UINT64_MAX where it does not fit
// Bytes of an operand that the node looks at: the rows that a gather names, the part that a slice
// takes, the keys that attention sees.
uint64_t oi_cost_read(const oi_cost_shape *s, uint32_t operand);
uint64_t oi_cost_written(const oi_cost_shape *s, uint32_t result);
#endif
