// The pipeline of the compiler: its passes by name, what each did, and what graph passes share.
#ifndef OINF_COMPILER_PASSES_H
#define OINF_COMPILER_PASSES_H
#include "lib/graph_build.h"

struct oinf_emit;

typedef enum oi_pass_id {
#define PASS(name, kind, needed, doc) OI_PASS_##name,
#include "compiler/passes.def"
  OI_PASS_COUNT
} oi_pass_id;

// What a run of the pipeline is told. Zero: every pass runs, nothing is printed.
typedef struct oi_pass_options {
  uint32_t without;  // bit i: pass i is left out
  bool inexact;      // rewrites that may change bits run too
  int dump;  // the pass after which the graph (the plan) is printed, counted from 1; 0: none
  int stop;  // the pass after which the pipeline ends, likewise
} oi_pass_options;

// A run of the pipeline. `said` holds a line for each pass and each refusal; `dump` what was asked
// for.
typedef struct oi_pass {
  oinf_graph *g;
  oi_err *err;
  struct oinf_emit *emit;  // of passes that lower
  const oi_pass_options *options;
  uint32_t changes;     // of the pass at hand
  uint32_t at;          // the node that the walk looks at
  void *own;            // what the pass at hand keeps between nodes
  OI_VEC(uint32_t) to;  // by value: what stands for it now; 0: itself
  oi_text said, *dump;
} oi_pass;

oi_pass_id oi_pass_find(const char *name, size_t size);  // OI_PASS_COUNT: there is none
const char *oi_pass_name(oi_pass_id pass);
bool oi_pass_needed(oi_pass_id pass);
// Reads "fuse,cse" into bits. USAGE: an unknown name, or a pass that cannot be left out.
oinf_status oi_pass_without(oi_err *err, const char *names, uint32_t *bits);
// One word, for dump and stop. USAGE where it is none.
oinf_status oi_pass_parse(oi_err *err, const char *name, int *out);
// Runs the passes over p->g, which changes; LOWER passes where there is an emitter.
oinf_status oi_passes_run(oi_pass *p);
void oi_pass_free(oi_pass *p);
// A copy of a graph, labels frozen, that passes may change.
oinf_status oi_graph_clone(oinf_graph *g, oi_err *err, oinf_graph **out_copy);

// ---- what graph passes share ----
// Calls fn with each node in order, bodies behind their own node, its operands resolved; then what
// regions give and outputs are resolved too. fn may build in front of the node and remove it.
typedef oinf_status oi_pass_fn(oi_pass *p, uint32_t node);
oinf_status oi_pass_walk(oi_pass *p, oi_pass_fn *fn);
// `now` stands for `old`, which is the same value, from here on.
oinf_status oi_pass_replace(oi_pass *p, uint32_t old, uint32_t now);
// A loop's own start value must not become what it gives as another: they would change places.
bool oi_pass_may_replace(const oi_pass *p, uint32_t old, uint32_t now);
// What is built from now on stands in front of the node.
void oi_pass_at(oi_pass *p, uint32_t node);
// The number that every element of a value is, as far as the graph says so.
bool oi_pass_splat(const oinf_graph *g, uint32_t value, double *out);

// Rows of rewrites.def, for tests; pattern NULL: a function decides.
size_t oi_rewrite_count(void);
const char *oi_rewrite_at(size_t i, bool *exact, const char **pattern, unsigned *classes);

#define PASS(name, kind, needed, doc) PASS_##kind(name)
#define PASS_GRAPH(name) oinf_status oi_opt_##name(oi_pass *p);
#define PASS_LOWER(name) oinf_status oi_lower_##name(oi_pass *p);
#include "compiler/passes.def"
#undef PASS_GRAPH
#undef PASS_LOWER
#endif
