// The parts of golden.c's unit share one record: a simulation of the package that was just written,
// and the steps that are kept of it.
#ifndef OINF_CONVERT_GOLDEN_H
#define OINF_CONVERT_GOLDEN_H
#include <oinf/sim.h>

#include "convert/convert.h"

enum {
  OI_GOLDEN_CAPACITY = 32,
  OI_GOLDEN_BUDGET = 192 << 20
};

typedef struct oi_golden {
  oi_convert *c;
  oinf_model *model;  // the package, reopened
  oinf_graph *graph;
  oinf_sim *sim;
  oi_arena arena;
  OI_VEC(oi_golden_step) steps;
  oi_golden_step *now;
  OI_VEC(oi_golden_value) values;
  bool failed;  // a value could not be kept
} oi_golden;

// A step: begin, then symbols and inputs, then outputs to keep, then end.
oinf_status oi_golden_begin(oi_golden *g, const char *variant);
oinf_status oi_golden_set(oi_golden *g, const char *name, int64_t value);
oinf_status oi_golden_bind(oi_golden *g, const char *name, const oi_view *v);  // v is copied
// tolerance below 0: the bits.
oinf_status oi_golden_keep(oi_golden *g, const char *name, double tolerance);
oinf_status oi_golden_keep_all(oi_golden *g);
oinf_status oi_golden_end(oi_golden *g);
int64_t oi_golden_bound(const oi_golden *g, oinf_dim d);  // the most that a dim can be
const char *oi_golden_input(const oi_golden *g, size_t i);

oinf_status oi_golden_noise(oi_golden *g);      // golden_noise.c: a step over noise
oinf_status oi_golden_reference(oi_golden *g);  // golden_reference.c: a step from --reference
#endif
