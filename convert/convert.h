// Converting: open as a model, apply a recipe, build the graph of a known architecture, write as a
// package, and end with golden steps of the strict simulator. Weights stream: memory does not grow
// with them.
#ifndef OINF_CONVERT_CONVERT_H
#define OINF_CONVERT_CONVERT_H
#include "convert/arch/arch.h"
#include "convert/recipe.h"
#include "lib/graph.h"
#include "formats/oinf.h"
#include "lib/cli.h"

typedef struct oi_convert {
  oinf_ctx *ctx;
  const char *source, *out, *recipe, *quant, *reference;
  const oi_list *sets;  // key=value
  bool no_golden, golden;
  oi_progress *progress;                                           // of the weights; may be NULL
  void (*golden_step)(void *user, uint32_t step, uint32_t steps);  // may be NULL
  void *user;
  // What is made.
  oinf_model *from;     // the source
  oinf_model *content;  // the package as it will be: tensors in order of first use
  uint32_t *source_of;  // tensor of the source, for each of the content
  size_t source_room;
  oi_recipe rules;
  oi_config config;
  oinf_graph *graph;  // NULL: the architecture is not known
  float *wide;        // of one piece
  uint8_t *narrow;
} oi_convert;

// Source, recipe, content and graph; nothing is written.
oinf_status oi_convert_plan(oi_convert *c);
// Writes the package, goldens included.
oinf_status oi_convert_write(oi_convert *c);
void oi_convert_free(oi_convert *c);
// convert_order.c: tensors in the order in which the graph first uses them; the rest behind, by
// name.
oinf_status oi_convert_order(oinf_model *m, oinf_graph *g, uint32_t *out_order);
// golden.c: runs the golden steps over a reopened package and hands them to the writer.
oinf_status oi_golden_make(oi_convert *c, oi_oinf_writer *w);
#endif
