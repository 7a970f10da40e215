// The registry of architectures: arch.def as a table.
#include "convert/arch/arch.h"

#include <string.h>

static const oi_arch archs[] = {
#define ARCH(type, build, bos, eos) {type, build, bos, eos},
#include "convert/arch/arch.def"
#undef ARCH
};
enum {
  N_ARCHS = sizeof archs / sizeof *archs
};

static bool ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

const oi_arch *oi_arch_find(const oi_config *config) {
  const char *head = config->head;
  if (*head && !ends_with(head, "ForCausalLM") && !ends_with(head, "Model")) return NULL;
  for (size_t i = 0; i < N_ARCHS; i++)
    if (strcmp(archs[i].model_type, config->model_type) == 0) return &archs[i];
  return NULL;
}

void oi_arch_list(oi_text *out) {
  for (size_t i = 0; i < N_ARCHS; i++) oi_text_put(out, "%s%s", i ? ", " : "", archs[i].model_type);
}
