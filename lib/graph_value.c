// Values that no op makes: inputs, weights, numbers and dims as values; outputs; and what a value
// is called, hinted and asked.
//
// A bare number has no type until it meets an operand: its node stands in no region, and each use
// makes one of the type that is wanted there.
#include "lib/graph_build.h"

#include <math.h>
#include <string.h>

// ---- inputs and outputs ----

static const char within[] =
    "made inside a loop or branch; was the body of one left by break or return?";

uint32_t oi_input_add(oinf_graph *g, const char *name, const oi_type *type, oi_where at) {
  if (!oi_name_check(g, name, "input", at) || !oi_type_check(g, type, "input", at)) return 0;
  const char *why = g->open.n ? within : NULL;
  if (oi_dtype_class(type->dtype) == OI_Q) why = "its dtype is one of weights";
  if (g->inputs.n >= OI_MAX_PORTS) why = "too many inputs";
  for (size_t i = 0; i < g->inputs.n && !why; i++)
    if (strcmp(g->values.at[g->inputs.at[i]].name, name) == 0) why = "the name is taken";
  if (why) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "input '%s': %s", name, why);
    return 0;
  }
  const char *copy = oi_graph_copy(g, name);
  uint32_t id = copy ? oi_node_add(g, OP_INPUT, NULL, 0, type, 1, at) : 0;
  if (!id) return 0;
  g->nodes.at[id].text = copy;
  uint32_t value = g->nodes.at[id].out[0], *slot = oi_vec_push(g->ctx, &g->inputs);
  if (!slot) return oi_graph_nomem(g), 0;
  g->values.at[value].name = copy;
  return *slot = value;
}

oinf_val oi_input(oinf_graph *g, const char *name, oinf_dtype dtype, const oinf_dims *dims,
                  const char *file, int line) {
  oi_type type = {.dtype = dtype, .rank = dims->n};
  if (oi_poisoned(g)) return oi_val_of(g, 0);
  if (dims->n <= OINF_MAX_RANK) memcpy(type.dim, dims->d, dims->n * sizeof type.dim[0]);
  return oi_val_of(g, oi_input_add(g, name, &type, (oi_where){file, line}));
}

void oi_output(oinf_graph *g, const char *name, oinf_val v, const char *file, int line) {
  oi_where at = {file, line};
  if (oi_poisoned(g) || !oi_name_check(g, name, "output", at) ||
      !oi_value_usable(g, v, "output", at))
    return;
  uint32_t id = oi_value_settle(g, v.id, OINF_F32, "output", at);
  if (!id) return;
  const char *why = g->open.n ? within : NULL;
  if (g->outputs.n >= OI_MAX_PORTS) why = "too many outputs";
  for (size_t i = 0; i < g->outputs.n; i++)
    if (strcmp(g->outputs.at[i].name, name) == 0) why = "the name is taken";
  if (why) {
    oi_graph_mistake(g, OINF_GRAPH, file, line, "output '%s': %s", name, why);
    return;
  }
  const char *copy = oi_graph_copy(g, name);
  oi_output_decl *out = copy ? oi_vec_push(g->ctx, &g->outputs) : NULL;
  if (!out) {
    oi_graph_nomem(g);
    return;
  }
  *out = (oi_output_decl){copy, id};
  g->verified = false;
}

oinf_val oi_num(oinf_graph *g, double x, const char *file, int line) {
  if (oi_poisoned(g)) return oi_val_of(g, 0);
  oi_type type = {.dtype = OINF_F32};
  uint32_t id = oi_node_make(g, OP_NUM, NULL, 0, &type, 1, (oi_where){file, line});
  if (!id) return oi_val_of(g, 0);
  uint32_t value = g->nodes.at[id].out[0];
  g->nodes.at[id].number = x;
  g->values.at[value].weak = true, g->values.at[value].region = 0;
  return oi_val_of(g, value);
}

uint32_t oi_num_add(oinf_graph *g, double x, oinf_dtype dtype, oi_where at) {
  oi_type type = {.dtype = dtype};
  uint32_t id = oi_node_add(g, OP_NUM, NULL, 0, &type, 1, at);
  if (id) g->nodes.at[id].number = x;
  return id ? g->nodes.at[id].out[0] : 0;
}

// Whether x is a number that an integer dtype holds.
static bool fits_integer(double x, oinf_dtype dtype) {
  double width = (double)(oinf_dtype_block_bytes(dtype) * 8);
  bool is_signed = oi_dtype_class(dtype) == OI_S;
  double lo = is_signed ? -ldexp(1, (int)width - 1) : 0, hi = ldexp(1, (int)width - is_signed);
  return x == floor(x) && x >= lo && x < hi;
}

uint32_t oi_value_settle(oinf_graph *g, uint32_t id, oinf_dtype dtype, const char *what,
                         oi_where at) {
  if (!id || !g->values.at[id].weak) return id;
  double x = g->nodes.at[g->values.at[id].node].number;
  oi_class c = oi_dtype_class(dtype);
  if (c == OI_F) dtype = OINF_F32;
  bool ok = c == OI_F || c == OI_D || ((c == OI_S || c == OI_U) && fits_integer(x, dtype));
  if (ok) return oi_num_add(g, x, dtype, at);
  oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                   "%s: the number %g meets %s, which cannot hold it", what, x,
                   oinf_dtype_name(dtype));
  return 0;
}

oinf_val oi_sym_value(oinf_graph *g, oinf_dim dim, const char *file, int line) {
  return oi_val_of(g, oi_poisoned(g) ? 0 : oi_sym_value_add(g, dim, (oi_where){file, line}));
}

uint32_t oi_sym_value_add(oinf_graph *g, oinf_dim dim, oi_where at) {
  oi_type type = {.dtype = OINF_I64};
  uint32_t id = oi_dim_usable(g, dim, "sym_value", at)
                    ? oi_node_add(g, OP_SYM_VALUE, NULL, 0, &type, 1, at)
                    : 0;
  if (!id) return 0;
  g->nodes.at[id].a = dim;
  return g->nodes.at[id].out[0];
}

oinf_val oi_weight(oinf_graph *g, const char *name, const char *file, int line) {
  return oi_val_of(g, oi_poisoned(g) ? 0 : oi_weight_add(g, name, NULL, (oi_where){file, line}));
}

// ---- what a value is ----

static const oi_value *value_of(oinf_val v) {
  return v.graph && v.id && v.id < v.graph->values.n ? &v.graph->values.at[v.id] : NULL;
}

oinf_dtype oinf_val_dtype(oinf_val v) {
  const oi_value *x = value_of(v);
  return x ? x->type.dtype : OINF_NONE;
}
uint32_t oinf_val_rank(oinf_val v) {
  const oi_value *x = value_of(v);
  return x ? x->type.rank : 0;
}
oinf_dim oinf_val_dim(oinf_val v, int axis) {
  const oi_value *x = value_of(v);
  if (!x) return 0;
  int64_t rank = x->type.rank, i = axis < 0 ? axis + rank : axis;
  if (i >= 0 && i < rank) return x->type.dim[i];
  const oi_node *n = oi_node_at(v.graph, x->node);
  oi_graph_mistake(v.graph, OINF_GRAPH, n->file, n->line,
                   "oinf_val_dim: axis %d of a value of rank %d", axis, (int)rank);
  return 0;
}

oinf_val oinf_out(oinf_val v, uint32_t index) {
  const oi_value *x = value_of(v);
  if (!x || oi_poisoned(v.graph)) return oi_val_of(v.graph, 0);
  const oi_node *node = oi_node_at(v.graph, x->node);
  if (x->node && index < node->n_out) return oi_val_of(v.graph, node->out[index]);
  oi_graph_mistake(v.graph, OINF_GRAPH, node->file, node->line,
                   "oinf_out: output %u of a node that has %u", index, x->node ? node->n_out : 0);
  return oi_val_of(v.graph, 0);
}

// What is said later counts; what is not said stays.
static void merge_hint(oinf_hint_args *hint, oinf_hint_args more) {
  if (more.fuse) hint->fuse = more.fuse;
  if (more.role) hint->role = more.role;
}

oinf_val oi_hint(oinf_val v, oinf_hint_args hint) {
  if (!oi_poisoned(v.graph) && oi_value_usable(v.graph, v, "oinf_hint", (oi_where){0}))
    merge_hint(&v.graph->values.at[v.id].hint, hint);
  return v;
}

oinf_val oinf_name(oinf_val v, const char *name) {
  oinf_graph *g = v.graph;
  if (oi_poisoned(g) || !oi_value_usable(g, v, "oinf_name", (oi_where){0})) return v;
  const oi_value *x = &g->values.at[v.id];
  oi_where at = {g->nodes.at[x->node].file, g->nodes.at[x->node].line};
  const char *why = x->weak                                          ? "a bare number has no name"
                    : x->node && g->nodes.at[x->node].op == OP_INPUT ? "an input keeps its own"
                                                                     : NULL;
  if (why)
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "name '%.64s': %s", name ? name : "", why);
  if (why || !oi_name_check(g, name, "oinf_name", at)) return v;
  const char *copy = oi_graph_copy(g, name);
  if (copy && oi_pattern_check(g, x->region, copy, at)) g->values.at[v.id].name = copy;
  g->verified = false;
  return v;
}
