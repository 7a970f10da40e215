// What the parts of the Llama family's builder share: the options of one model, read once.
#ifndef OINF_CONVERT_ARCH_LLAMA_H
#define OINF_CONVERT_ARCH_LLAMA_H
#include "convert/arch/arch.h"

enum {
  OI_LLAMA_LAYERS = 1024
};

typedef struct oi_llama {
  oi_config *config;
  oinf_model *model;
  oinf_graph *g;
  // Of config.json.
  int64_t hidden, inner, layers, heads, kv, dim, positions;
  double eps;
  oinf_val (*act)(oinf_val x);
  bool qkv_bias, o_bias, mlp_bias, qk_norm;
  int64_t window[OI_LLAMA_LAYERS];  // 0: none
  bool rotates[OI_LLAMA_LAYERS];
  uint64_t storage[OI_LLAMA_LAYERS];  // the dtypes of the layer's tensors, folded
  // Rotation. `scaling` is "" for none; a longrope has its frequencies as tensors of the model.
  const char *scaling;
  int64_t width;  // rotated elements of a head
  double theta, factor, low, high, original, attention_factor;
  bool no_truncate;
  // Of the tensors.
  const char *prefix;                 // "model.", or "" in a checkpoint of the bare model
  bool tied, joined_qkv, joined_mlp;  // one tensor for q, k and v; for gate and up
  oinf_dtype kv_dtype;
  // While the graph is built.
  oinf_dim P, T, S;
  oinf_state k, v;
} oi_llama;

bool oi_llama_is(const oi_llama *m, const char *model_type);
// llama_config.c: everything that config.json says.
oinf_status oi_llama_read(oi_llama *m);
// llama_rope.c: the settings of rotation, and the rotation of x [T, heads, d] itself.
oinf_status oi_llama_read_rope(oi_llama *m);
oinf_val oi_llama_rotate(const oi_llama *m, oinf_val x);
// llama_tensors.c: holds the model's tensors against the shapes that the options ask for. All that
// is missing is said at once (FORMAT); what is there beyond is noted.
oinf_status oi_llama_check_tensors(oi_llama *m);
#endif
