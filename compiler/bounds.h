// Bounds of fast numerics: the rows of bounds.def, and what they come to for a node and for a step.
#ifndef OINF_COMPILER_BOUNDS_H
#define OINF_COMPILER_BOUNDS_H
#include "compiler/cost.h"

typedef enum oi_bound_length {
  OI_BOUND_NOTHING,
  OI_BOUND_TERMS,     // elements that one element of the result is made of
  OI_BOUND_DEPTH,     // products that are added
  OI_BOUND_POSITION,  // of the last row
} oi_bound_length;

typedef struct oi_bound {
  const char *name, *ops;  // ops: words
  double least, per;       // units of 2^-24
  oi_bound_length length;
  double step;  // of a cast: times an ULP of the narrow dtype
  const char *of, *doc;
} oi_bound;

size_t oi_bound_count(void);
const oi_bound *oi_bound_at(size_t i);
// The row of an op with weights (matmul's second operand) of this dtype; NULL: nothing is said of
// it, as of a user's own op and of what is no op.
const oi_bound *oi_bound_of(uint32_t op, oinf_dtype weights);
// Units for a node of this shape against the exact result.
double oi_bound_units(const oi_cost_shape *s);
// And what it may put between a net of fast and the same net of strict: steps count too, errors
// that both have in common do not.
double oi_bound_apart(const oi_cost_shape *s);
#endif
