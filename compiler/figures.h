// Figures of a bundle, decided once and said everywhere: plan.json, report.html, README.md and the
// API print this record. Sizes are those of named cases of a step: the largest one the plan allows,
// and each variant that the graph declares; a text's position is then as far on as the states let
// it.
#ifndef OINF_COMPILER_FIGURES_H
#define OINF_COMPILER_FIGURES_H
#include "compiler/emit.h"

enum {
  OI_MAX_CASES = 8
};

typedef oinf_emit_cost oi_cost;  // flops as compiler/cost.h counts them
typedef struct oi_kernel_figures {
  uint32_t node;            // the first of its nodes to run
  uint32_t first, n_nodes;  // in the list of nodes
  uint64_t times;           // that a step runs it, at most
  bool in_branch;           // and only where a side of a branch is taken
  oi_cost run[OI_MAX_CASES];
} oi_kernel_figures;
typedef struct oi_figure_case {
  const char *name;  // "largest", or the variant's: a name of the model
  int64_t *syms;     // value of each symbol; indices of loops stand at their last
  oi_cost step;      // all kernels; of a branch the dearer side
  uint64_t copied;   // bytes that the plan copies besides: carried values, outputs
} oi_figure_case;
typedef struct oi_figures {
  uint32_t n_cases, n_kernels;
  oi_figure_case cases[OI_MAX_CASES];
  oi_kernel_figures *kernel;  // [0] unused
  uint32_t *nodes;            // those that kernels are made of, kernel by kernel
  uint32_t *value_of;  // by storage: the value it is named after, one with a name if there is
} oi_figures;

// The plan and the numbers of kernels stand; everything is kept in the emitter's arena.
oinf_status oi_emit_figures(oi_emit *e);
// The node that made a value, seen through views; 0: none, it is carried into a body.
uint32_t oi_figures_maker(const oi_emit *e, uint32_t value);
// The case in which what runs again and again is weighed: the last declared variant's, else the
// first.
static inline uint32_t oi_figures_usual(const oi_figures *f) { return f->n_cases - 1; }
static inline uint64_t oi_cost_bytes(const oi_cost *c) { return c->weights + c->read + c->written; }
#endif
