// Fuzz target: YAML over any bytes; every entry of what is accepted is walked and asked for what it
// may be.
#include "formats/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t walk(const oi_yaml *y) {
  uint32_t n = 0, entries = 0;
  int64_t i;
  double f;
  bool b;
  n += (uint32_t)(oi_yaml_i64(y, &i) + oi_yaml_f64(y, &f) + oi_yaml_bool(y, &b));
  for (const oi_yaml *e = y->first; e; e = e->next, entries++) {
    if (y->kind == OI_YAML_MAP && oi_yaml_get(y, e->key) != e) __builtin_trap();
    n += walk(e);
  }
  if (entries != (y->kind == OI_YAML_TEXT ? 0 : y->n)) __builtin_trap();
  return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  oinf_ctx *ctx;
  oi_arena arena;
  const oi_yaml *root;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) return 0;
  oi_arena_init(&arena, ctx);
  if (oi_yaml_parse(ctx, &arena, data, size, "fuzz", &root) == OINF_OK) (void)walk(root);
  oi_arena_free(&arena);
  oinf_ctx_destroy(ctx);
  return 0;
}
