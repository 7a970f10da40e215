// Writes a package with a chain of 1,000 adds of 1,024 values: nothing but the cost of a kernel.
// Usage: make_adds FILE.oinf
#include <oinf/oinf.h>
#include <oinf/ops.h>
#include <stdio.h>

enum {
  CHAIN = 1000,
  LENGTH = 1024
};

int main(int argc, char **argv) {
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
  if (argc != 2 || oinf_ctx_create(NULL, &ctx) != OINF_OK) return 64;
  oinf_status status = oinf_model_create(ctx, &m);
  if (status == OINF_OK) status = oinf_graph_create(ctx, m, "adds", &g);
  if (status != OINF_OK) return fprintf(stderr, "%s\n", oinf_error(ctx)), 70;
  oinf_val w = oinf_input(g, "w", OINF_F32, LENGTH), x = oinf_input(g, "x", OINF_F32, LENGTH);
  for (int i = 0; i < CHAIN; i++) x = oinf_add(x, w);
  oinf_output(g, "y", x);
  status = oinf_graph_save(g, m);
  if (status == OINF_OK) status = oinf_model_save(m, argv[1]);
  if (status != OINF_OK) fprintf(stderr, "%s\n", oinf_error(ctx));
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return status == OINF_OK ? 0 : 70;
}
