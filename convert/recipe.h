// A recipe says what becomes of a checkpoint's tensors: names, dtypes, quantization, what is left
// out, and which values of config.json become metadata. It is YAML:
//
//   drop: ["*.rotary_emb.inv_freq"]
//   transpose: ["*.c_fc.weight"]             # of two axes, not of blocks
//   split:                                   # rows of one into several, in the ratio of `parts`,
//     - from: "blk.{l}.qkv"                  # numbers or keys of config.json; equal without them
//       to: ["blk.{l}.q", "blk.{l}.k", "blk.{l}.v"]
//       parts: [num_attention_heads, num_key_value_heads, num_key_value_heads]
//   merge:                                   # rows of several, one behind the other
//     - {from: ["blk.{l}.gate", "blk.{l}.up"], to: "blk.{l}.gate_up"}
//   names:                                   # the first rule that matches names the tensor
//     - {from: "transformer.h.{l}.ln_1.weight", to: "blk.{l}.attn_norm"}
//   dtype:                                   # the first rule that matches; f32, f16, bf16
//     - {match: "*norm*", to: f32}
//   quantize:                                # the first rule that matches; q8_0, q4_0, or none
//     - {match: "*.weight", to: q8_0}
//   metadata:
//     model.layers: num_hidden_layers
//
// They take place in that order. Down to `from` of `names` they speak of the source's names and of
// those that `split` and `merge` give, behind it of the new ones. {l} stands for a number; *, ? and
// [..] are a shell's. A rule of `quantize` with one of those passes over what
// cannot be quantized, a whole name is taken at its word.
#ifndef OINF_CONVERT_RECIPE_H
#define OINF_CONVERT_RECIPE_H
#include "convert/config.h"

typedef struct oi_rule {
  const char *match, *to;
  uint32_t line, column;
} oi_rule;
// A tensor and its parts, whose rows stand one behind the other. Of a split a share each: a number,
// or a key of config.json that holds one; NULL: equal ones.
enum {
  OI_JOINT_PARTS = 16
};
typedef struct oi_joint {
  const char *whole, *part[OI_JOINT_PARTS], *share[OI_JOINT_PARTS];
  uint32_t n, line, column;
} oi_joint;
typedef OI_VEC(oi_joint) oi_joints;
typedef OI_VEC(oi_rule) oi_rules;
typedef struct oi_recipe {
  oi_arena arena;
  const char *path;  // of the file, for messages
  oi_rules drop, transpose, names, dtypes, quantize, metadata;
  oi_joints split, merge;
} oi_recipe;

void oi_recipe_init(oi_recipe *r, oinf_ctx *ctx);
// Adds to what is there. A path; without a dot or slash the name of an installed recipe
// (share/oinf/recipes). What is refused is FORMAT, and the message begins "'path', line:column: ".
oinf_status oi_recipe_load(oi_recipe *r, oinf_ctx *ctx, const char *path);
void oi_recipe_free(oi_recipe *r, oinf_ctx *ctx);
bool oi_recipe_drops(const oi_recipe *r, const char *name);
const oi_rule *oi_recipe_transposes(const oi_recipe *r, const char *name);  // NULL: no rule does
// The new name, or the old one; false: out of memory. A graph's family of tensors is renamed as a
// whole: its "{2*l+1}" goes where a number would go.
bool oi_recipe_name(const oi_recipe *r, const char *name, oi_text *out);
// The dtype that a rule gives, OINF_NONE where none speaks.
oinf_dtype oi_recipe_dtype(const oi_recipe *r, const char *name);
// out_ruled: a rule speaks (of OINF_NONE too); out_exact: it names this one tensor.
oinf_dtype oi_recipe_quant(const oi_recipe *r, const char *name, bool *out_ruled, bool *out_exact);
#endif
