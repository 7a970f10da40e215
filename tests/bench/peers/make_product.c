// Writes a package with one product: x [M, K] of f32 by random weights [N, K] of a type, transposed.
// Usage: make_product FILE.oinf f32|f16|bf16|q8_0|q4_0 M N K
#include <oinf/oinf.h>
#include <oinf/ops.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Weights of ordinary size: in blocks, a scale of 2^-7 before quants of any bits.
static void *weights(oinf_dtype type, int64_t n) {
  const int64_t block = oinf_dtype_block(type), bytes = oinf_dtype_block_bytes(type);
  uint8_t *w = malloc((size_t)(n / block * bytes) + 1);
  uint64_t seed = 1;
  for (int64_t i = 0; w && i < n / block * bytes; i++) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const int64_t at = i % bytes;
    const bool top = block == 1 && at == bytes - 1;
    w[i] = (uint8_t)(seed >> 56);
    if (top) w[i] = (uint8_t)((w[i] & 0x80) | (type == OINF_F16 ? 0x30 : 0x3c));
    if (block > 1 && at < 2) w[i] = at ? 0x20 : 0;
  }
  return w;
}

static oinf_status write_package(oinf_ctx *ctx, const char *path, oinf_dtype type,
                                 const int64_t dims[3]) {
  oinf_model *m = NULL;
  oinf_graph *g = NULL;
  void *w = weights(type, dims[1] * dims[2]);
  oinf_status status = w ? oinf_model_create(ctx, &m) : OINF_MEMORY;
  if (status == OINF_OK) status = oinf_model_add(m, "w", type, 2, dims + 1, w);
  if (status == OINF_OK) status = oinf_graph_create(ctx, m, "product", &g);
  if (status == OINF_OK) {
    oinf_val x = oinf_input(g, "x", OINF_F32, dims[0], dims[2]);
    oinf_output(g, "y", oinf_matmul(x, oinf_weight(g, "w"), .transpose_b = true));
    status = oinf_graph_save(g, m);
  }
  if (status == OINF_OK) status = oinf_model_save(m, path);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  free(w);
  return status;
}

int main(int argc, char **argv) {
  oinf_ctx *ctx;
  int64_t dims[3];
  if (argc != 6 || oinf_ctx_create(NULL, &ctx) != OINF_OK) return 64;
  for (int i = 0; i < 3; i++) dims[i] = strtoll(argv[3 + i], NULL, 10);
  const oinf_status status = write_package(ctx, argv[1], oinf_dtype_find(argv[2]), dims);
  if (status != OINF_OK) fprintf(stderr, "%s\n", oinf_error(ctx));
  oinf_ctx_destroy(ctx);
  return status == OINF_OK ? 0 : 70;
}
