// The values of a step as spots in the order in which they run, and what each is made of.
#ifndef OINF_SIM_BISECT_H
#define OINF_SIM_BISECT_H
#include "lib/rt/cpu.h"
#include "sim/sim.h"
#include "sim/tool.h"

// A value at an iteration. value 0: nothing that could be asked for (a weight, an input).
typedef struct oi_spot {
  char *label;
  const char *op;
  uint32_t value, depth;
  int64_t at[OI_MAX_DEPTH];
  bool is_end;  // an output, or what is written to a state
} oi_spot;
typedef OI_VEC(oi_spot) oi_spots;

// Every value that a node makes, iteration by iteration, both sides of branches.
oinf_status oi_spots_list(oi_tool *t, oi_spots *out);
// What a place's node works on, back through loops and branches to what made it. Of rows of a
// state: what was written to them before in the same region.
oinf_status oi_spots_operands(oi_tool *t, const oi_spot *p, oi_spots *out);
int64_t oi_spots_find(const oi_spots *list, const char *label);  // -1: none
void oi_spots_free(oi_tool *t, oi_spots *list);
#endif
