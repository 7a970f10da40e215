// Ops appended to a graph: operands gathered from the args struct, numbers settled, shapes
// inferred.
//
// Every op of ops.def comes through append_op, whoever builds it: the builders (oi_build), the
// parser and the passes (oi_build_list). What they hand over is checked here in full, so a graph
// read from a file has passed the same checks as one written in C. The one convenience that stands
// only in oi_build is the quantize node in front of a matmul with block-quantized weights: a text
// has that node already.
#include "lib/graph_build.h"

#include <stdio.h>
#include <string.h>

enum {
  MAX_IN = OINF_MAX_SPLIT
};

typedef struct operands {
  uint32_t n, id[MAX_IN];
} operands;

const char *oi_kind_name(uint32_t op) {
  static const char *const kinds[] = {"input",       "weight", "num", "sym_value", "state_read",
                                      "state_write", "loop",   "if",  "user",      "fused"};
  if (op >= OP_INPUT && op <= OP_FUSED) return kinds[op - OP_INPUT];
  const oi_op_info *info = oi_op_info_of((oi_op)op);
  return info ? info->name : "none";
}

// ---- attributes ----

// A dim of an attribute: a number, a live expression, or the word that stands for "what remains".
static bool attr_dim_ok(oinf_graph *g, oinf_dim d, const char *op, oi_where at) {
  return d == OINF_INFER || oi_dim_usable(g, d, op, at);
}

static bool attr_ok(oinf_graph *g, const oi_attr_info *attr, char *args, const char *op,
                    oi_where at) {
  char *field = args + attr->offset;
  if (attr->type == OI_ATTR_DIM) return attr_dim_ok(g, *(oinf_dim *)field, op, at);
  if (attr->type == OI_ATTR_TEXT && *(const char **)field)
    return (*(const char **)field = oi_graph_copy(g, *(const char **)field)) != NULL;
  if (attr->type != OI_ATTR_DIMS) return true;
  const oinf_dims *dims = (const oinf_dims *)field;
  if (dims->n > OINF_MAX_SPLIT) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: %s has at most %d entries, found %u", op,
                     attr->name, OINF_MAX_SPLIT, dims->n);
    return false;
  }
  for (uint32_t i = 0; i < dims->n; i++)
    if (!attr_dim_ok(g, dims->d[i], op, at)) return false;
  return true;
}

// The args struct in the graph's arena: attributes alone, as operands are ids of the node.
static void *copy_args(oinf_graph *g, const oi_op_info *info, const void *args, oi_where at) {
  char *copy = oi_arena_alloc(&g->arena, info->args_size);
  if (!copy) return oi_graph_nomem(g), NULL;
  for (uint32_t i = 0; i < info->n_attrs; i++) {
    const oi_attr_info *attr = &info->attrs[i];
    memcpy(copy + attr->offset, (const char *)args + attr->offset, oi_attr_size(attr->type));
    if (!attr_ok(g, attr, copy, info->name, at)) return NULL;
  }
  return copy;
}

size_t oi_attr_size(oi_attr_type type) {
  switch (type) {
    case OI_ATTR_F64: return sizeof(double);
    case OI_ATTR_I64: return sizeof(int64_t);
    case OI_ATTR_FLAG: return sizeof(bool);
    case OI_ATTR_DTYPE: return sizeof(oinf_dtype);
    case OI_ATTR_DIM: return sizeof(oinf_dim);
    case OI_ATTR_DIMS: return sizeof(oinf_dims);
    default: return sizeof(const char *);
  }
}

// ---- appending ----

// Runs the op's shape rule; s keeps its needs, out has room for OINF_MAX_SPLIT types.
static bool infer(oinf_graph *g, const oi_op_info *info, const void *args, const uint32_t *in,
                  uint32_t n_in, oi_infer *s) {
  oi_type types[MAX_IN];
  for (uint32_t i = 0; i < n_in; i++) types[i] = g->values.at[in[i]].type;
  memset(s->out, 0, OINF_MAX_SPLIT * sizeof *s->out);
  s->ctx = g->ctx, s->dims = g->dims, s->args = args, s->in = types, s->n_in = n_in;
  s->n_out = (uint32_t)info->n_out;
  bool ok = info->shape(s);
  s->in = NULL;
  return ok;
}

bool oi_node_infers(oinf_graph *g, uint32_t node) {
  const oi_node *n = oi_node_at(g, node);
  const oi_op_info *info = oi_op_info_of((oi_op)n->op);
  oi_type out[OINF_MAX_SPLIT];
  char message[512];
  oi_infer s = {.out = out, .message = message, .room = sizeof message};
  if (!info || n->n_in < (uint32_t)info->min_in || n->n_in > (uint32_t)info->max_in) return false;
  if (!infer(g, info, n->args, n->in, n->n_in, &s) || s.n_out != n->n_out) return false;
  for (uint32_t i = 0; i < n->n_out; i++)
    if (!oi_type_equal(&out[i], &g->values.at[n->out[i]].type)) return false;
  return true;
}

bool oi_needs_keep(oinf_graph *g, const oi_infer *s, const char *op, oi_where at) {
  for (uint32_t i = 0; i < s->n_need; i++) {
    const oi_need *n = &s->need[i];
    if (oi_condition_add(g, n->a, n->b, n->at_most, n->what, (uint32_t)g->nodes.n)) continue;
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: %s: expected %s%s, found %s", op,
                     n->what, n->at_most ? "at most " : "", oi_dim_words(g, n->b).at,
                     oi_dim_words(g, n->a).at);
    return false;
  }
  return true;
}

static bool count_ok(oinf_graph *g, const oi_op_info *info, uint32_t n, oi_where at) {
  if (n >= (uint32_t)info->min_in && n <= (uint32_t)info->max_in) return true;
  oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: expected %d to %d operands, found %u",
                   info->name, info->min_in, info->max_in, n);
  return false;
}

static bool class_ok(oinf_graph *g, oi_op op, const operands *in, oi_where at) {
  unsigned classes = oi_op_classes(op);
  if (in->n == 0 || (classes & OI_A_BOOL))
    return true;  // a condition in front: the shape rule's business
  oinf_dtype dtype = g->values.at[in->id[0]].type.dtype;
  if (oi_dtype_class(dtype) & classes) return true;
  oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: operand a: expected %s, found %s",
                   oi_kind_name(op), oi_class_words(classes).at, oinf_dtype_name(dtype));
  return false;
}

static uint32_t append_op(oinf_graph *g, oi_op op, const void *args, const operands *in,
                          oi_where at) {
  const oi_op_info *info = oi_op_info_of(op);
  oi_type out[OINF_MAX_SPLIT];
  char message[512] = "no such shapes";
  oi_infer s = {.out = out, .message = message, .room = sizeof message};
  if (!count_ok(g, info, in->n, at) || !class_ok(g, op, in, at)) return 0;
  void *copy = copy_args(g, info, args, at);
  if (!copy) return 0;
  if (!infer(g, info, copy, in->id, in->n, &s)) {
    bool named = strncmp(message, info->name, strlen(info->name)) == 0;  // by the rule itself
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s%s%s", named ? "" : info->name,
                     named ? "" : ": ", message);
    return 0;
  }
  if (!oi_needs_keep(g, &s, info->name, at)) return 0;
  for (uint32_t i = 0; i < s.n_out; i++)
    if (!oi_type_check(g, &out[i], info->name, at)) return 0;
  uint32_t id = oi_node_add(g, op, in->id, in->n, out, s.n_out, at);
  if (!id) return 0;
  g->nodes.at[id].args = copy;
  if (op == OP_quantize) g->values.at[in->id[0]].quantized = id;
  return g->nodes.at[id].out[0];
}

// ---- operands of a builder's call ----

static const oinf_val *args_operands(const oi_op_info *info, const void *args) {
  return info->max_in ? args : NULL;
}

// The first operand's graph; ops without operands name it.
static oinf_graph *args_graph(const oi_op_info *info, const void *args) {
  const oinf_val *v = args_operands(info, args);
  if (!v) return *(oinf_graph *const *)args;
  for (int i = 0; i < info->max_in; i++)
    if (v[i].graph) return v[i].graph;
  return NULL;
}

static oi_where args_where(const oi_op_info *info, const void *args) {
  struct {
    const char *file;
    int line;
  } at;
  memcpy(&at, (const char *)args + info->file_offset, sizeof at);
  return (oi_where){at.file, at.line};
}

// Operands up to the last that was given; each must be usable, none may be left out in between.
static bool gather_operands(oinf_graph *g, const oi_op_info *info, const void *args, operands *out,
                            oi_where at) {
  const oinf_val *v = args_operands(info, args);
  out->n = 0;
  for (int i = info->max_in; v && i-- > 0 && !out->n;)
    if (v[i].graph || v[i].id) out->n = (uint32_t)i + 1;
  for (uint32_t i = 0; i < out->n; i++) {
    char what[64];
    snprintf(what, sizeof what, "%s: operand %c", info->name, (int)('a' + i));
    if (!oi_value_usable(g, v[i], what, at)) return false;
    out->id[i] = v[i].id;
  }
  return true;
}

// The dtype that bare numbers among the operands take: the first operand's that is none; of `where`
// its branches'.
static oinf_dtype number_dtype(const oinf_graph *g, oi_op op, const operands *in) {
  for (uint32_t i = op == OP_where ? 1 : 0; i < in->n; i++) {
    const oi_value *v = &g->values.at[in->id[i]];
    if (!v->weak) return v->type.dtype;
  }
  return OINF_F32;
}

static bool settle_operands(oinf_graph *g, oi_op op, operands *in, oi_where at) {
  oinf_dtype dtype = number_dtype(g, op, in);
  for (uint32_t i = 0; i < in->n; i++)
    if (!(in->id[i] = oi_value_settle(g, in->id[i], dtype, oi_kind_name(op), at))) return false;
  return true;
}

// ---- matmul of a float with block-quantized weights ----

// The node that quantizes `value` in this block length, in this region: the one at hand or a new
// one.
static uint32_t quantize_node(oinf_graph *g, uint32_t value, int64_t block, oi_where at) {
  oinf_quantize_args args = {.block = block == 32 ? 0 : block};
  uint32_t known = g->values.at[value].quantized;
  if (known && g->nodes.at[known].region == oi_open_region(g) &&
      ((const oinf_quantize_args *)g->nodes.at[known].args)->block == args.block)
    return known;
  uint32_t q = append_op(g, OP_quantize, &args, &(operands){1, {value}}, at);
  return q ? g->values.at[q].node : 0;
}

static bool quantize_operand(oinf_graph *g, const void *args, operands *in, oi_where at) {
  if (in->n != 2) return true;
  oinf_dtype a = g->values.at[in->id[0]].type.dtype, b = g->values.at[in->id[1]].type.dtype;
  if (oi_dtype_class(b) != OI_Q || oi_dtype_class(a) != OI_F) return true;
  if (((const oinf_matmul_args *)args)->act == OINF_F32) return true;
  uint32_t node = quantize_node(g, in->id[0], oinf_dtype_block(b), at);
  if (!node) return false;
  const oi_node *q = oi_node_at(g, node);
  *in = (operands){3, {q->out[0], in->id[1], q->out[1]}};
  return true;
}

bool oi_matmul_operands(oinf_graph *g, const void *args, uint32_t *in, uint32_t *n, oi_where at) {
  operands list = {.n = *n};
  if (oi_poisoned(g)) return false;
  for (uint32_t i = 0; i < *n; i++)
    if (!oi_value_usable(g, oi_val_of(g, list.id[i] = in[i]), "matmul", at)) return false;
  if (!quantize_operand(g, args, &list, at)) return false;
  memcpy(in, list.id, list.n * sizeof *in);
  return *n = list.n, true;
}

// ---- the ways in ----

oinf_val oi_build(oi_op op, const void *args) {
  const oi_op_info *info = oi_op_info_of(op);
  oinf_graph *g = args_graph(info, args);
  oi_where at = args_where(info, args);
  operands in;
  bool ok = !oi_poisoned(g) && gather_operands(g, info, args, &in, at) &&
            settle_operands(g, op, &in, at) &&
            (op != OP_matmul || quantize_operand(g, args, &in, at));
  return oi_val_of(g, ok ? append_op(g, op, args, &in, at) : 0);
}

oinf_val oi_build_list(oinf_graph *g, oi_op op, const void *args, const uint32_t *in, uint32_t n,
                       const char *file, int line) {
  oi_where at = {file, line};
  operands list = {.n = n};
  if (oi_poisoned(g) || !count_ok(g, oi_op_info_of(op), n, at)) return oi_val_of(g, 0);
  for (uint32_t i = 0; i < n; i++) {
    if (!oi_value_usable(g, oi_val_of(g, in[i]), oi_kind_name(op), at)) return oi_val_of(g, 0);
    list.id[i] = in[i];
  }
  return oi_val_of(g, append_op(g, op, args, &list, at));
}

// ---- sugar ----

oinf_val oi_last(oinf_val x, oinf_dim rows, const char *file, int line) {
  if (oi_poisoned(x.graph)) return oi_val_of(x.graph, 0);
  oinf_dim begin = oi_dim_sub_at(x.graph, rows, 1, file, line);
  oinf_slice_args args = {.a = x, .begin = begin, .end = rows, .file = file, .line = line};
  return oi_build(OP_slice, &args);
}

oinf_val oi_split_heads(oinf_val x, int64_t heads, const char *file, int line) {
  oinf_graph *g = x.graph;
  oi_where at = {file, line};
  if (oi_poisoned(g) || !oi_value_usable(g, x, "split_heads", at)) return oi_val_of(g, 0);
  const oi_type *type = &g->values.at[x.id].type;
  oinf_dim width = type->rank ? type->dim[type->rank - 1] : 0;
  if (!type->rank || type->rank == OINF_MAX_RANK || heads < 1 ||
      oi_dims_mod(g->dims, width, heads) != 0) {
    oi_graph_mistake(g, OINF_GRAPH, file, line,
                     "split_heads: expected a last axis that %lld heads divide, found %s",
                     (long long)heads, oi_type_words(g, type).at);
    return oi_val_of(g, 0);
  }
  oinf_reshape_args args = {.a = x, .file = file, .line = line};
  args.shape.n = type->rank + 1;
  memcpy(args.shape.d, type->dim, type->rank * sizeof type->dim[0]);
  args.shape.d[type->rank - 1] = heads,
                            args.shape.d[type->rank] = oi_dims_div(g->dims, width, heads);
  return oi_build(OP_reshape, &args);
}
