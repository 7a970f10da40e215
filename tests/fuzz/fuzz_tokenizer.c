// Fuzz target: any bytes as tokenizer.json; where they compile, texts go through and come back.
#include "formats/tokenizer.h"
#include "lib/rt/token.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const oi_tokenizer *tok, const char *text, size_t n) {
  uint32_t ids[256];
  const char *bytes;
  size_t count;
  int64_t k = oi_tokenizer_encode(tok, text, n, true, ids, 256);
  oi_decoder *dec = oi_decoder_open(tok);
  for (int64_t i = 0; dec && i < k && i < 256; i++) oi_decoder_push(dec, ids[i], &bytes, &count);
  for (uint32_t id = 0; dec && id < 300; id++) oi_decoder_push(dec, id, &bytes, &count);
  if (dec) oi_decoder_flush(dec, &bytes, &count);
  oi_decoder_close(dec);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char text[] = "a the<s> [X]\n  12345'll \xE4\xB8\xAD\xCC\x81\xFF";
  oinf_ctx *ctx;
  oi_bytes blob;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) return 0;
  if (oi_tokenizer_compile(ctx, (const char *)data, size, &blob, NULL) == OINF_OK) {
    oi_tokenizer *tok = oi_tokenizer_open(blob.at, blob.n);
    if (!tok) __builtin_trap();  // what was compiled is well formed
    use(tok, text, sizeof text - 1);
    use(tok, (const char *)data, size < 300 ? size : 300);
    oi_tokenizer_close(tok);
    oi_bytes_free(ctx, &blob);
  }
  oinf_ctx_destroy(ctx);
  return 0;
}
