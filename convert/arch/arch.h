// Known architectures: config.json and the tensors' names in, a graph out. Graphs are built through
// the public API alone, as a user would build them.
#ifndef OINF_CONVERT_ARCH_ARCH_H
#define OINF_CONVERT_ARCH_ARCH_H
#include "convert/config.h"

typedef oinf_status oi_arch_fn(const oi_config *config, oinf_model *model, oinf_graph **out_graph);
typedef struct oi_arch {
  const char *model_type;
  oi_arch_fn *build;
} oi_arch;
const oi_arch *oi_arch_find(const char *model_type);  // NULL: not known
void oi_arch_list(oi_text *out);                      // "llama, mistral, qwen2, ..."

oinf_status oi_arch_llama(const oi_config *config, oinf_model *model, oinf_graph **out_graph);
#endif
