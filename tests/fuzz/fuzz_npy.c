// Fuzz target: numpy's arrays over any bytes; what is accepted is read, written and read back.
#include "formats/format.h"
#include "lib/rt/npy.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const oinf_tensor *t) {
  uint8_t head[OI_NPY_LONGEST];
  oi_npy a = {.rank = 0};
  uint32_t at, n;
  char dict[OI_NPY_LONGEST + 1] = "";
  const size_t size = oi_npy_write_head(head, oinf_dtype_name(t->dtype), t->rank, t->dims);
  if (!size || oi_npy_place(&a, head, size + t->bytes, &at, &n)) __builtin_trap();
  memcpy(dict, head + at, n);
  if (oi_npy_read(&a, dict, n, t->bytes) || a.rank != t->rank) __builtin_trap();
  if (memcmp(a.dims, t->dims, t->rank * sizeof *a.dims) != 0) __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  oinf_ctx *ctx;
  oinf_model *m;
  oi_source s;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) return 0;
  if (oi_file_bytes(ctx, data, size, "fuzz", &s) == OINF_OK && oi_npy_open(ctx, s, &m) == OINF_OK) {
    const oinf_tensor *t = oinf_model_tensor(m, 0);
    void *out = oi_alloc(ctx, (size_t)t->bytes);
    if (out && oinf_model_read(m, t->name, out) != OINF_OK) __builtin_trap();
    oi_free(ctx, out, (size_t)t->bytes);
    write_again(t);
    oinf_model_destroy(m);
  }
  oinf_ctx_destroy(ctx);
  return 0;
}
