// The builders that <oinf/ops.h> declares, one a row of ops.def; what they all do is oi_build's, in
// lib/graph.c.
#include "lib/graph.h"

#define BUILDER(name) \
  oinf_val oi_build_##name(oinf_##name##_args args) { return oi_build(OP_##name, &args); }
#define ELTWISE(name, arity, classes, attrs, expr, doc) BUILDER(name)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) BUILDER(name)
#define GENERAL(name, arity, n_out, classes, attrs, doc) BUILDER(name)
#include "lib/ops.def"
