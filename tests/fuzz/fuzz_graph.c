// Fuzz target: the graph text over any bytes; what is accepted prints and reads back as it is.
#include <string.h>

#include "lib/graph.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_again(oinf_ctx *ctx, oinf_graph *g) {
  oinf_graph *again;
  const char *text = oinf_graph_text(g);
  if (!text || oinf_graph_parse(ctx, NULL, text, strlen(text), &again) != OINF_OK) __builtin_trap();
  if (strcmp(oinf_graph_text(again), text) != 0) __builtin_trap();
  oinf_graph_destroy(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  oinf_ctx *ctx;
  oinf_graph *g;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) return 0;
  if (oinf_graph_parse(ctx, NULL, (const char *)data, size, &g) == OINF_OK) {
    read_again(ctx, g);
    oinf_graph_destroy(g);
  }
  oinf_ctx_destroy(ctx);
  return 0;
}
