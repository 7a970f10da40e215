// What oinf-info finds out, as text; the main program prints it.
#ifndef OINF_CONVERT_INFO_H
#define OINF_CONVERT_INFO_H
#include "formats/oinf.h"
#include "lib/cli.h"
#include "lib/graph.h"

typedef struct oi_info_opts {
  const char *budget, *tokenize, *extract, *out;
  int64_t ctx;
  bool tensors, graph, plan, verify, json, quiet, verbose, help, version;
} oi_info_opts;
typedef struct oi_info {
  oi_info_opts o;
  oinf_ctx *ctx;
  oinf_model *model;
  oi_progress *progress;
  oi_text out;
} oi_info;

oinf_status oi_info_run(oi_info *i, const char *path);
// info_json.c: the same facts for a machine.
oinf_status oi_info_json(oi_info *i);
// info_graph.c: what a graph shows to the outside. Kinds are dim, in, out, state, variant.
typedef void oi_info_port(void *user, const char *kind, const char *name, const char *text);
oinf_status oi_info_ports(oi_info *i, const char *graph, oi_info_port *each, void *user);
// info_plan.c
oinf_status oi_info_plan(oi_info *i);
#endif
