// Converting: open as a model, apply a recipe, build the graph of a known architecture, write as a
// package, and end with golden steps of the strict simulator. Weights stream: memory does not grow
// with them.
#ifndef OINF_CONVERT_CONVERT_H
#define OINF_CONVERT_CONVERT_H
#include "convert/arch/arch.h"
#include "convert/parts.h"
#include "formats/oinf.h"
#include "lib/cli.h"
#include "lib/graph.h"

typedef struct oi_convert {
  oinf_ctx *ctx;
  const char *source, *out, *recipe, *quant, *reference;
  const oi_list *sets;  // key=value
  bool no_golden, golden;
  oi_progress
      *progress;  // of the weights, with `user`; asked (0, 0) while golden steps run; or NULL
  void *user;
  // What is made.
  oinf_model *from;     // the source
  oi_parts parts;       // what the recipe makes of its tensors
  oinf_model *draft;    // those, under the names that the source or the parts gave, in the new
                        // dtypes; behind them, what the architecture adds
  oinf_model *content;  // the package as it will be: new names, in order of first use
  uint32_t *draft_of;   // tensor of the draft, for each of the content
  size_t n_made, draft_room;  // the draft's first n_made are the parts'
  uint32_t n_unquantized;     // matrices that a rule or --quant means and whose rows fill no blocks
  oi_recipe rules;
  oi_config config;
  oinf_graph *graph;  // over the content; NULL: there is none
  float *wide;        // of one piece
  uint8_t *narrow;
} oi_convert;

// Source, recipe, content and graph; nothing is written.
oinf_status oi_convert_plan(oi_convert *c);
// Writes the package, goldens included.
oinf_status oi_convert_write(oi_convert *c);
void oi_convert_free(oi_convert *c);
// What a tensor of the content was in the source, where that is not its name: "a + b".
void oi_convert_origin(const oi_convert *c, uint32_t tensor, oi_text *out);
// convert_meta.c: metadata and blobs of the content; `arch` is NULL where no graph was built here.
oinf_status oi_convert_meta(oi_convert *c, const oi_arch *arch);
oinf_status oi_convert_set(oi_convert *c, oinf_model *to);  // --set
// convert_graph.c: the graph over the draft, built or taken over from the source; NULL: there is
// none. *out_arch is what built it, or NULL.
oinf_status oi_convert_graph(oi_convert *c, oinf_graph **out_graph, const oi_arch **out_arch);
// Keeps the graph (or all of the source's) in the content, over the new names.
oinf_status oi_convert_keep_graphs(oi_convert *c, oinf_graph *built);
// convert_order.c: tensors in the order in which the graph first uses them; the rest behind, by
// name.
oinf_status oi_convert_order(oinf_model *m, oinf_graph *g, uint32_t *out_order);
// golden.c: runs the golden steps over a reopened package and hands them to the writer.
oinf_status oi_golden_make(oi_convert *c, oi_oinf_writer *w);
#endif
