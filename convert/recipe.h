// A recipe says what becomes of a checkpoint's tensors: names, dtypes, quantization, what is left
// out, and which values of config.json become metadata. It is YAML:
//
//   drop: ["*.rotary_emb.inv_freq"]
//   names:                                   # the first rule that matches names the tensor
//     - {from: "transformer.h.{l}.ln_1.weight", to: "blk.{l}.attn_norm"}
//   dtype:                                   # the first rule that matches; f32, f16, bf16
//     - {match: "*norm*", to: f32}
//   quantize:                                # the first rule that matches; q8_0, q4_0, or none
//     - {match: "*.weight", to: q8_0}
//   metadata:
//     model.layers: num_hidden_layers
#ifndef OINF_CONVERT_RECIPE_H
#define OINF_CONVERT_RECIPE_H
#include "convert/config.h"

typedef struct oi_rule {
  const char *match, *to;
} oi_rule;
typedef struct oi_recipe {
  oi_arena arena;
  OI_VEC(oi_rule) drop, names, dtypes, quantize, metadata;
} oi_recipe;

void oi_recipe_init(oi_recipe *r, oinf_ctx *ctx);
oinf_status oi_recipe_load(oi_recipe *r, oinf_ctx *ctx, const char *path);  // adds to what is there
void oi_recipe_free(oi_recipe *r, oinf_ctx *ctx);
bool oi_recipe_drops(const oi_recipe *r, const char *name);
// The new name, or the old one; false: out of memory.
bool oi_recipe_name(const oi_recipe *r, const char *name, oi_text *out);
// The dtype that a rule gives, OINF_NONE where none speaks.
oinf_dtype oi_recipe_dtype(const oi_recipe *r, const char *name);
oinf_dtype oi_recipe_quant(const oi_recipe *r, const char *name, bool *out_ruled);
#endif
