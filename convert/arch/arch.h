// Known architectures: config.json and the tensors' names in, a graph out. Graphs are built through
// the public API alone, as a user would build them; tensors that a graph wants and no checkpoint
// has (frequencies of a longrope) are added to the model with bytes that the configuration owns.
#ifndef OINF_CONVERT_ARCH_ARCH_H
#define OINF_CONVERT_ARCH_ARCH_H
#include "convert/config.h"

typedef oinf_status oi_arch_fn(oi_config *config, oinf_model *model, oinf_graph **out_graph);
typedef struct oi_arch {
  const char *model_type;
  oi_arch_fn *build;
  const char *bos, *eos;  // ids where no file says them
} oi_arch;
// NULL: not known. Of a known family it is the language model alone: a head of another kind
// (architectures[0]) is not known.
const oi_arch *oi_arch_find(const oi_config *config);
void oi_arch_list(oi_text *out);  // "llama, mistral, qwen2, ..."

oinf_status oi_arch_llama(oi_config *config, oinf_model *model, oinf_graph **out_graph);
#endif
