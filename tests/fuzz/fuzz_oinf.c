// Fuzz target: the package's reader over any bytes. Digests of what the input says are put right
// first, so that the rules behind them are reached; what is accepted is verified and read.
#include "formats/oinf_layout.h"
#include "lib/rt/sha256.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_right(uint8_t *b, size_t n) {
  oi_rec_page *p = (oi_rec_page *)(void *)b;
  uint64_t blobs = 0, tail = UINT64_MAX;
  for (int i = 0; i < OI_SECTIONS_MAX; i++) {
    const oi_rec_section *s = &p->sections[i];
    if (s->type == oi_section_infos[OI_SEC_BLOB_BYTES].type) blobs = s->offset;
    if (s->type == oi_section_infos[OI_SEC_WEIGHTS].type) tail = s->offset + s->size;
  }
  p->file_size = n;
  if (blobs >= OI_PAGE_SIZE && blobs <= n)
    oi_digest(OI_SHA256_PLAIN, b + OI_PAGE_SIZE, blobs - OI_PAGE_SIZE, p->metadata_digest);
  if (tail <= n) oi_digest(OI_SHA256_PLAIN, b + tail, n - tail, p->tail_digest);
  oi_digest(OI_SHA256_PLAIN, p, OI_PAGE_DIGESTED, p->digest);
}

static void use(oinf_ctx *ctx, oinf_model *m) {
  oinf_status status = oi_oinf_verify_weights(m, NULL, NULL);
  for (uint32_t i = 0; i < oinf_model_tensor_count(m); i++) {
    const oinf_tensor *t = oinf_model_tensor(m, i);
    void *out = t->bytes < 1 << 20 ? oi_alloc(ctx, (size_t)t->bytes) : NULL;
    if (out && oinf_model_read(m, t->name, out) != OINF_OK && status == OINF_OK) __builtin_trap();
    oi_free(ctx, out, (size_t)t->bytes);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  oinf_ctx *ctx;
  oinf_model *m;
  uint8_t *copy;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) return 0;
  copy = oi_alloc(ctx, size);
  if (copy) {
    if (size) memcpy(copy, data, size);
    if (size >= OI_PAGE_SIZE) put_right(copy, size);
    if (oi_oinf_open(ctx, (oi_source){.fd = -1, .map = copy, .size = size}, &m) == OINF_OK) {
      use(ctx, m);
      oinf_model_destroy(m);
    }
  }
  oi_free(ctx, copy, size);
  oinf_ctx_destroy(ctx);
  return 0;
}
