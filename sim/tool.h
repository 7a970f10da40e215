// Parts of the program oinf-sim. They print nothing: what goes to standard output goes through
// `say`, what goes to standard error through `note`, both of the main program.
#ifndef OINF_SIM_TOOL_H
#define OINF_SIM_TOOL_H
#include <oinf/sim.h>

#include "formats/file.h"
#include "lib/cli.h"
#include "lib/rt/sample.h"
#include "lib/rt/token.h"
#include "sim/apart.h"

typedef struct oi_tool_opts {
  const char *graph, *prompt, *prompt_file, *tokens, *budget, *device, *compare, *save, *load,
      *profile, *dump;
  oi_list inputs, outputs, fetch, stops;
  int64_t steps, ctx, chunk, threads, top_k, seed;
  double temperature, top_p, min_p, rtol, atol;
  oi_penalties penalties;
  bool bisect, hash, trace, quiet, verbose, help, version;
} oi_tool_opts;

typedef struct oi_profile {
  oi_out *out;
  oi_text text;     // not written yet
  uint64_t origin;  // nanoseconds of CLOCK_MONOTONIC that count as 0
  oinf_status status;
} oi_profile;

typedef struct oi_dump oi_dump;        // tool_dump.c
typedef struct oi_compare oi_compare;  // tool_compare.c
typedef struct oi_tool {
  oi_tool_opts o;
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  oinf_sim *sim;
  oi_err *err;
  bool (*say)(const char *bytes, size_t n);  // false: standard output is closed
  void (*note)(const char *line);
  bool (*cancelled)(void *user);
  bool closed;  // say has given false
  bool mute;    // values are wanted, not text
  oi_profile profile;
  oi_dump *dump;        // NULL: not asked for
  oi_compare *compare;  // NULL: not with a file
  oinf_model *bisect_file;
  int bisect_cpu;  // 0: no other variant
  uint64_t bisect_steps, bisect_runs;
} oi_tool;

oinf_status oi_tool_say(oi_tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void oi_tool_note(oi_tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
oinf_status oi_tool_sim_failed(oi_tool *t,
                               oinf_status status);  // takes the simulation's failure over
// tool_value.c
oinf_status oi_tool_values(oi_tool *t);  // a graph without tokens: inputs in, outputs out
oinf_status oi_tool_fetch(oi_tool *t);   // what --fetch names, and what --output writes
void oi_tool_put_element(oi_text *to, const oi_view *v, int64_t i);  // with a blank before it
oinf_status oi_tool_write_outputs(oi_tool *t);
// tool_text.c
oinf_status oi_tool_text(oi_tool *t);  // a graph that generates
// tool_profile.c
oinf_status oi_tool_profile_begin(oi_tool *t);  // nothing where none is wanted
void oi_tool_profile_event(oi_tool *t, const oinf_event *e);
oinf_status oi_tool_profile_end(oi_tool *t, oinf_status status);  // of the run; gives what stands
// tool_dump.c, tool_compare.c: nothing where none is wanted; `end` gives what stands.
oinf_status oi_tool_dump_begin(oi_tool *t);
void oi_tool_dump_value(oi_tool *t, uint64_t step, const oinf_array *a);
oinf_status oi_tool_dump_end(oi_tool *t, oinf_status status);
bool oi_tool_compares_file(const oi_tool *t);
oinf_status oi_tool_compare_begin(oi_tool *t);
void oi_tool_compare_value(oi_tool *t, uint64_t step, const oinf_array *a);
oinf_status oi_tool_compare_end(oi_tool *t, oinf_status status);  // DIFFERENT where values are
// STEP/LABEL, or of a file of one step LABEL; -1: neither.
int64_t oi_tool_find_value(oi_tool *t, oinf_model *file, uint64_t step, const char *label);
// Holds a value against a tensor of a file, within the tolerances: says what differs, if anything.
oinf_status oi_tool_meet(oi_tool *t, oinf_model *file, uint32_t tensor, const oinf_array *a,
                         oi_text *out);
// tool_bisect.c: the values of the step that stands, bound and not run yet.
oinf_status oi_tool_bisect_begin(oi_tool *t);
oinf_status oi_tool_bisect_step(oi_tool *t, const oi_golden_step *golden);
oinf_status oi_tool_bisect_end(oi_tool *t, oinf_status status);
// tool_golden.c
const oi_golden_value *oi_tool_golden_of(const oi_golden_step *g, const char *name);
oinf_status oi_tool_golden(oi_tool *t);  // --compare golden: DIFFERENT names the first value
#endif
