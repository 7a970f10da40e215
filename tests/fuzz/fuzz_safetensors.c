// Fuzz target: the safetensors reader over any bytes, and every tensor read where it accepts them.
#include "formats/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_all(oinf_ctx *ctx, oinf_model *m) {
  for (uint32_t i = 0; i < oinf_model_tensor_count(m); i++) {
    const oinf_tensor *t = oinf_model_tensor(m, i);
    void *out = oi_alloc(ctx, (size_t)t->bytes);
    if (out && oinf_model_read(m, t->name, out) != OINF_OK) __builtin_trap();
    oi_free(ctx, out, (size_t)t->bytes);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  oinf_ctx *ctx;
  oinf_model *m;
  oi_source s;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) return 0;
  if (oi_file_bytes(ctx, data, size, "fuzz", &s) == OINF_OK &&
      oi_safetensors_open(ctx, s, &m) == OINF_OK) {
    read_all(ctx, m);
    oinf_model_destroy(m);
  }
  oinf_ctx_destroy(ctx);
  return 0;
}
