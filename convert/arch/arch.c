// The registry of architectures: arch.def as a table.
#include "convert/arch/arch.h"

#include <string.h>

static const oi_arch archs[] = {
#define ARCH(type, build) {type, build},
#include "convert/arch/arch.def"
#undef ARCH
};
enum {
  N_ARCHS = sizeof archs / sizeof *archs
};

const oi_arch *oi_arch_find(const char *model_type) {
  for (size_t i = 0; model_type && i < N_ARCHS; i++)
    if (strcmp(archs[i].model_type, model_type) == 0) return &archs[i];
  return NULL;
}

void oi_arch_list(oi_text *out) {
  for (size_t i = 0; i < N_ARCHS; i++) oi_text_put(out, "%s%s", i ? ", " : "", archs[i].model_type);
}
