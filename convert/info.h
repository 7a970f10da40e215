// What oinf-info finds out, as text; the main program prints it.
#ifndef OINF_CONVERT_INFO_H
#define OINF_CONVERT_INFO_H
#include "convert/stats.h"
#include "formats/oinf.h"
#include "lib/cli.h"
#include "lib/graph.h"

typedef struct oi_info_opts {
  const char *budget, *tokenize, *extract, *out;
  int64_t ctx;
  bool tensors, stats, diff, unicode, graph, plan, verify, json, quiet, verbose, help, version;
} oi_info_opts;
typedef struct oi_info {
  oi_info_opts o;
  const char *other;    // of --diff
  const char *pattern;  // a shell's, of the tensors that are meant; NULL: all
  oinf_ctx *ctx;
  oinf_model *model;
  oi_progress *progress;
  oi_text out;
} oi_info;

oinf_status oi_info_run(oi_info *i, const char *path);
bool oi_info_go_on(void *info);  // false: stop with CANCEL
bool oi_info_wants(const oi_info *i, const char *tensor);
void oi_info_put_tensor(oi_info *i, const oinf_tensor *t);  // "name f16 [64, 64]"
void oi_info_put_type(oi_info *i, const oinf_tensor *t);    // " f16 [64, 64]"
// info_json.c: the same facts for a machine.
oinf_status oi_info_json(oi_info *i);
// info_graph.c: what a graph shows to the outside. Kinds are dim, in, out, state, variant.
typedef void oi_info_port(void *user, const char *kind, const char *name, const char *text);
oinf_status oi_info_ports(oi_info *i, const char *graph, oi_info_port *each, void *user);
// info_stats.c: of the tensors that the pattern means, in the model's order.
typedef void oi_info_each_stats(void *user, const oinf_tensor *t, const oi_stats *s);
oinf_status oi_info_stats(oi_info *i, oi_info_each_stats *each, void *user);
oinf_status oi_info_put_stats(oi_info *i);
// info_diff.c: against the model at `other`. DIFFERENT, without a message, where they differ.
oinf_status oi_info_diff(oi_info *i);
// info_plan.c
oinf_status oi_info_plan(oi_info *i);
#endif
