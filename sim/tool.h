// Parts of the program oinf-sim. They print nothing: what goes to standard output goes through
// `say`, what goes to standard error through `note`, both of the main program.
#ifndef OINF_SIM_TOOL_H
#define OINF_SIM_TOOL_H
#include <oinf/sim.h>

#include "formats/file.h"
#include "lib/cli.h"
#include "lib/rt/sample.h"
#include "lib/rt/token.h"

typedef struct oi_tool_opts {
  const char *graph, *prompt, *prompt_file, *tokens, *budget, *device, *compare, *save, *load,
      *profile;
  oi_list inputs, outputs, fetch, stops;
  int64_t steps, ctx, chunk, threads, top_k, seed;
  double temperature, top_p, min_p;
  oi_penalties penalties;
  bool hash, trace, quiet, verbose, help, version;
} oi_tool_opts;

typedef struct oi_profile {
  oi_out *out;
  oi_text text;     // not written yet
  uint64_t origin;  // nanoseconds of CLOCK_MONOTONIC that count as 0
  oinf_status status;
} oi_profile;

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
  oi_profile profile;
} oi_tool;

oinf_status oi_tool_say(oi_tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void oi_tool_note(oi_tool *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
oinf_status oi_tool_sim_failed(oi_tool *t,
                               oinf_status status);  // takes the simulation's failure over
// tool_value.c
oinf_status oi_tool_values(oi_tool *t);  // a graph without tokens: inputs in, outputs out
oinf_status oi_tool_fetch(oi_tool *t);   // what --fetch names, and what --output writes
void oi_tool_print_array(oi_tool *t, const oinf_array *a);
oinf_status oi_tool_write_outputs(oi_tool *t);
// tool_text.c
oinf_status oi_tool_text(oi_tool *t);  // a graph that generates
// tool_profile.c
oinf_status oi_tool_profile_begin(oi_tool *t);  // nothing where none is wanted
void oi_tool_profile_event(oi_tool *t, const oinf_event *e);
oinf_status oi_tool_profile_end(oi_tool *t, oinf_status status);  // of the run; gives what stands
// tool_golden.c
oinf_status oi_tool_golden(oi_tool *t);  // --compare golden: DIFFERENT names the first value
#endif
