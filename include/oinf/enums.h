// Statuses, dtypes and roles, made from lib/*.def by `make gen`: do not edit.
#ifndef OINF_ENUMS_H
#define OINF_ENUMS_H

typedef enum oinf_status {
  OINF_OK,  // ok; a tool ends with 0
  OINF_DIFFERENT,  // compared and different; a tool ends with 1
  OINF_USAGE,  // wrong use; a tool ends with 64
  OINF_GRAPH,  // wrong graph; a tool ends with 65
  OINF_FORMAT,  // malformed input; a tool ends with 65
  OINF_CORRUPT,  // damaged input; a tool ends with 65
  OINF_SUPPORT,  // not supported; a tool ends with 65
  OINF_NOINPUT,  // no such input; a tool ends with 66
  OINF_DEVICE,  // device unavailable; a tool ends with 69
  OINF_INTERNAL,  // internal error; a tool ends with 70
  OINF_CREATE,  // cannot create output; a tool ends with 73
  OINF_IO,  // input/output error; a tool ends with 74
  OINF_MEMORY,  // out of memory; a tool ends with 75
  OINF_BUDGET,  // over the memory budget; a tool ends with 75
  OINF_CANCEL,  // interrupted; a tool ends with 130
} oinf_status;

// What stands for an element; q8_0 and q4_0 are blocks of 32.
typedef enum oinf_dtype {
  OINF_NONE = 0,
  OINF_F64,
  OINF_F32,
  OINF_F16,
  OINF_BF16,
  OINF_I8,
  OINF_I16,
  OINF_I32,
  OINF_I64,
  OINF_U8,
  OINF_U16,
  OINF_U32,
  OINF_U64,
  OINF_BOOL,
  OINF_Q8_0,
  OINF_Q4_0,
} oinf_dtype;

// What a value is in its network.
typedef enum oinf_role {
  OINF_ROLE_NONE = 0,
  OINF_EMBED,  // token embeddings
  OINF_ATTN_NORM,  // norm before attention
  OINF_ATTN_QKV,  // queries, keys and values at once
  OINF_ATTN_Q,  // queries
  OINF_ATTN_K,  // keys
  OINF_ATTN_V,  // values
  OINF_ATTN_ROPE,  // rotated queries or keys
  OINF_ATTN_OUT,  // attention's output projection
  OINF_ATTN,  // attention over the state
  OINF_FFN_NORM,  // norm before the feed-forward net
  OINF_FFN_GATE_UP,  // gate and up projections at once
  OINF_FFN_GATE,  // gate projection
  OINF_FFN_UP,  // up projection
  OINF_FFN_ACT,  // activated hidden layer
  OINF_FFN_OUT,  // down projection
  OINF_RESIDUAL,  // the residual stream
  OINF_OUT_NORM,  // norm before the head
  OINF_LOGITS,  // scores of the next token
} oinf_role;
#endif
