// The graph's ground: its life, its mistakes, values and nodes appended one by one, inputs,
// outputs, numbers.
//
// The idea: building is appending to tables by id, and nothing else happens until someone asks. The
// first mistake poisons the graph: it keeps its words, and every later call gives a value of id 0
// and says nothing, so that model code needs one check at its end and a message speaks of the cause
// and not of its consequences.
//
// Ops are built in graph_op.c, loops and branches in graph_region.c, states in graph_state.c, names
// of families in graph_name.c; the text in graph_text.c and graph_parse.c.
#include "lib/graph_build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

// ---- life ----

static oinf_status graph_fill(oinf_ctx *ctx, oinf_model *model, const char *name, oinf_graph *g) {
  g->ctx = ctx, g->model = model;
  oi_arena_init(&g->arena, ctx);
  oi_text_init(&g->text, ctx);
  g->name = oi_arena_text(&g->arena, name, strlen(name));
  g->dims = oi_dims_new(ctx, &g->arena);
  const void *value = oi_vec_push(ctx, &g->values), *node = oi_vec_push(ctx, &g->nodes);
  const void *region = oi_vec_push(ctx, &g->regions);
  return g->name && g->dims && value && node && region ? OINF_OK
                                                       : oi_nomem(oi_ctx_err(ctx), sizeof *g);
}

// ASCII without quotes and backslashes: it stands in quotes in the text, and in paths of tools.
static bool is_plain_name(const char *name) {
  size_t n = 0;
  for (; name && name[n]; n++)
    if (name[n] < 0x20 || name[n] >= 0x7f || name[n] == '"' || name[n] == '\\') return false;
  return n > 0 && n <= OI_MAX_NAME;
}

oinf_status oinf_graph_create(oinf_ctx *ctx, oinf_model *model, const char *name,
                              oinf_graph **out_graph) {
  oi_err *err = oi_ctx_err(ctx);
  if (!is_plain_name(name))
    return oi_fail(err, OINF_USAGE, "a graph's name has 1 to %d plain characters, found '%.64s'",
                   OI_MAX_NAME, name ? name : "");
  oinf_graph *g = oi_alloc(ctx, sizeof *g);
  if (!g) return oi_nomem(err, sizeof *g);
  oinf_status status = graph_fill(ctx, model, name, g);
  if (status != OINF_OK) {
    oinf_graph_destroy(g);
    return status;
  }
  *out_graph = g;
  return OINF_OK;
}

void oinf_graph_destroy(oinf_graph *g) {
  if (!g) return;
  oinf_ctx *ctx = g->ctx;
  oi_vec_free(ctx, &g->values);
  oi_vec_free(ctx, &g->nodes);
  oi_vec_free(ctx, &g->regions);
  oi_vec_free(ctx, &g->inputs);
  oi_vec_free(ctx, &g->outputs);
  oi_vec_free(ctx, &g->states);
  oi_vec_free(ctx, &g->variants);
  oi_vec_free(ctx, &g->conditions);
  oi_vec_free(ctx, &g->open);
  oi_vec_free(ctx, &g->scope);
  oi_vec_free(ctx, &g->user_ops);
  oi_vec_free(ctx, &g->numbers);
  oi_dims_free(g->dims);
  oi_text_free(&g->text);
  oi_arena_free(&g->arena);
  oi_free(ctx, g, sizeof *g);
}

const char *oinf_graph_name(const oinf_graph *g) { return g->name; }

// ---- mistakes ----

// ", at head/logits (model.c:41)"
static void place(const oinf_graph *g, const char *file, int line, char *out, size_t room) {
  size_t n = 0;
  out[0] = 0;
  for (size_t i = 0; i < g->scope.n && n < room; i++)
    n += (size_t)snprintf(out + n, room - n, "%s%s", i ? "/" : ", at ", g->scope.at[i]);
  if (n >= room) return;
  if (file) snprintf(out + n, room - n, " (%s:%d)", file, line);
  else if (line) snprintf(out + n, room - n, " (line %d)", line);
}

void oi_graph_mistake(oinf_graph *g, oinf_status status, const char *file, int line,
                      const char *format, ...) {
  if (oi_poisoned(g)) return;
  if (oi_dims_nomem(g->dims)) {  // what seems wrong is so for want of memory
    oi_nomem(&g->mistake, sizeof(oinf_dim));
    return;
  }
  char what[768], where[224];
  va_list args;
  va_start(args, format);
  vsnprintf(what, sizeof what, format, args);
  va_end(args);
  place(g, file, line, where, sizeof where);
  oi_fail(&g->mistake, status, "%s%s", what, where);
}

void oi_graph_nomem(oinf_graph *g) {
  oi_graph_mistake(g, OINF_MEMORY, NULL, 0, "out of memory while building graph '%s'", g->name);
}

oinf_status oinf_graph_check(oinf_graph *g) {
  oi_err *err = oi_ctx_err(g->ctx);
  if (!oi_poisoned(g) && g->open.n) {
    const oi_node *n = oi_node_at(g, g->open.at[g->open.n - 1].node);
    oi_graph_mistake(g, OINF_GRAPH, n->file, n->line,
                     "%s: not closed; was its body left by break or return?", oi_kind_name(n->op));
  }
  if (oi_poisoned(g)) return oi_fail(err, g->mistake.status, "%s", g->mistake.message);
  if (g->verified) return OINF_OK;
  OI_TRY_AT(err, oi_graph_verify(g, err), "checking graph '%s'", g->name);
  g->verified = true;
  return OINF_OK;
}

const char *oi_graph_copy(oinf_graph *g, const char *text) {
  const char *copy = oi_arena_text(&g->arena, text, strlen(text));
  if (!copy) oi_graph_nomem(g);
  return copy;
}

// ---- names ----

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool oi_is_identifier(const char *name) {
  if (!is_letter(*name)) return false;
  for (; *name; name++)
    if (!is_letter(*name) && !(*name >= '0' && *name <= '9')) return false;
  return true;
}

bool oi_name_check(oinf_graph *g, const char *name, const char *what, oi_where at) {
  size_t size = name ? strlen(name) : 0;
  if (size && size <= OI_MAX_NAME && name[0] != '%') return true;
  oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                   "%s: a name has 1 to %d bytes and no %% in front, found '%.64s'", what,
                   OI_MAX_NAME, name ? name : "");
  return false;
}

void oinf_scope_push(oinf_graph *g, const char *name) {
  if (oi_poisoned(g)) return;
  const char **at = oi_vec_push(g->ctx, &g->scope);
  if (!at) oi_graph_nomem(g);
  else if (!(*at = oi_graph_copy(g, name ? name : ""))) g->scope.n--;
}

void oinf_scope_pop(oinf_graph *g) {
  if (oi_poisoned(g)) return;
  if (g->scope.n) g->scope.n--;
  else oi_graph_mistake(g, OINF_GRAPH, NULL, 0, "oinf_scope_pop: no scope is open");
}

// ---- values and nodes ----

uint32_t oi_value_add(oinf_graph *g, const oi_type *type, uint32_t node, uint32_t index,
                      uint32_t region) {
  if (g->values.n >= OI_MAX_VALUES) {
    oi_graph_mistake(g, OINF_GRAPH, NULL, 0, "a graph holds at most %d values", OI_MAX_VALUES);
    return 0;
  }
  oi_value *v = oi_vec_push(g->ctx, &g->values);
  if (!v) return oi_graph_nomem(g), 0;
  *v = (oi_value){.type = *type, .node = node, .index = index, .region = region};
  g->verified = g->numbered = false;
  return (uint32_t)g->values.n - 1;
}

static void link_last(oinf_graph *g, uint32_t region, uint32_t node) {
  oi_region *r = &g->regions.at[region];
  g->nodes.at[node].prev = r->last;
  if (r->last) g->nodes.at[r->last].next = node;
  else r->first = node;
  r->last = node;
}

static uint32_t *copy_ids(oinf_graph *g, const uint32_t *ids, uint32_t n) {
  uint32_t *copy = oi_arena_alloc(&g->arena, (n ? n : 1) * sizeof *copy);
  if (!copy) return oi_graph_nomem(g), NULL;
  if (n && ids) memcpy(copy, ids, n * sizeof *copy);
  return copy;
}

// A node that stands in no region yet.
static uint32_t node_make(oinf_graph *g, uint32_t op, const uint32_t *in, uint32_t n_in,
                          const oi_type *out, uint32_t n_out, oi_where at) {
  if (g->nodes.n >= OI_MAX_NODES) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "a graph holds at most %d nodes",
                     OI_MAX_NODES);
    return 0;
  }
  uint32_t *in_copy = copy_ids(g, in, n_in), *outs = copy_ids(g, NULL, n_out);
  uint32_t id = (uint32_t)g->nodes.n, region = oi_open_region(g);
  oi_node *node = outs && in_copy ? oi_vec_push(g->ctx, &g->nodes) : NULL;
  if (!node) return oi_graph_nomem(g), 0;
  *node = (oi_node){.op = op,
                    .region = region,
                    .n_in = n_in,
                    .n_out = n_out,
                    .in = in_copy,
                    .out = outs,
                    .file = at.file,
                    .line = at.line};
  for (uint32_t i = 0; i < n_out; i++)
    if (!(outs[i] = oi_value_add(g, &out[i], id, i, region))) return 0;
  return id;
}

uint32_t oi_node_add(oinf_graph *g, uint32_t op, const uint32_t *in, uint32_t n_in,
                     const oi_type *out, uint32_t n_out, oi_where at) {
  if (oi_poisoned(g)) return 0;
  uint32_t id = node_make(g, op, in, n_in, out, n_out, at);
  if (id) link_last(g, oi_open_region(g), id);
  return id;
}

static bool is_open(const oinf_graph *g, uint32_t region) {
  for (size_t i = g->open.n; region && i-- > 0;)
    if (g->open.at[i].region == region) return true;
  return region == 0;
}

bool oi_value_usable(oinf_graph *g, oinf_val v, const char *what, oi_where at) {
  const char *why = NULL;
  if (oi_poisoned(g)) return false;
  if (v.graph && v.graph != g) why = "is a value of another graph";
  else if (!v.graph || v.id == 0 || v.id >= g->values.n) why = "is no value";
  else if (!is_open(g, g->values.at[v.id].region))
    why = "was made in a loop or branch that is closed: carry it out";
  if (why) oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s %s", what, why);
  return !why;
}

// ---- dims and types ----

oi_dim_text oi_dim_words(oinf_graph *g, oinf_dim d) {
  oi_dim_text out = {"?"};
  oi_text text;
  oi_text_init(&text, g->ctx);
  if (d == OINF_INFER) oi_text_put(&text, "infer");
  else if (d == OI_DIM_BAD) oi_text_put(&text, "a dim that cannot be");
  else oi_dims_print(g->dims, d, &text);
  if (text.at) snprintf(out.at, sizeof out.at, "%s", text.at);
  oi_text_free(&text);
  return out;
}

oi_type_text oi_type_words(oinf_graph *g, const oi_type *type) {
  oi_type_text out = {"?"};
  oi_text text;
  oi_text_init(&text, g->ctx);
  oi_type_print(g->dims, type, &text);
  if (text.at) snprintf(out.at, sizeof out.at, "%s", text.at);
  oi_text_free(&text);
  return out;
}

bool oi_type_equal(const oi_type *a, const oi_type *b) {
  return a->dtype == b->dtype && a->rank == b->rank &&
         memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0;
}

bool oi_dim_usable(oinf_graph *g, oinf_dim d, const char *what, oi_where at) {
  if (oi_dims_valid(g->dims, d)) return true;
  const char *why = oi_dim_is_expr(d) ? "speaks of a loop that has ended, or is of another graph"
                                      : "cannot be: it overflows, or is too long an expression";
  oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: a dim %s", what, why);
  return false;
}

bool oi_condition_add(oinf_graph *g, oinf_dim a, oinf_dim b, bool at_most, const char *what,
                      uint32_t node) {
  if (a == b) return true;
  oinf_dim diff = oi_dims_sub(g->dims, a, b);
  int64_t lo, hi;
  oi_dims_bounds(g->dims, diff, NULL, NULL, &lo, &hi);
  if (diff == OI_DIM_BAD) lo = INT64_MIN, hi = INT64_MAX;
  if (lo > 0 || (!at_most && hi < 0)) return false;
  if (at_most && hi <= 0) return true;
  oi_condition *c = oi_vec_push(g->ctx, &g->conditions);
  if (!c) return oi_graph_nomem(g), false;
  *c = (oi_condition){a, b, at_most, what, node};
  return true;
}

bool oi_type_check(oinf_graph *g, const oi_type *type, const char *what, oi_where at) {
  if (type->rank > OINF_MAX_RANK || type->dtype == OINF_NONE) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                     "%s: a value has a dtype and at most %d dims, found %s of rank %u", what,
                     OINF_MAX_RANK, oinf_dtype_name(type->dtype), type->rank);
    return false;
  }
  for (uint32_t i = 0; i < type->rank; i++) {
    int64_t lo, hi;
    if (!oi_dim_usable(g, type->dim[i], what, at)) return false;
    oi_dims_bounds(g->dims, type->dim[i], NULL, NULL, &lo, &hi);
    if (hi < 0 || lo > OI_DIM_LIMIT) {
      oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: dim %u is %s, expected 0 to 2^40",
                       what, i, oi_dim_words(g, type->dim[i]).at);
      return false;
    }
    if (lo < 0)
      oi_condition_add(g, 0, type->dim[i], true, "a length is not negative", (uint32_t)g->nodes.n);
  }
  return true;
}

// The result of a maker of dims; a mistake where it is none. What was none before is not said
// again.
static oinf_dim dim_made(oinf_graph *g, oinf_dim d, oinf_dim a, oinf_dim b, const char *op) {
  if (d == OI_DIM_BAD)
    oi_graph_mistake(g, OINF_GRAPH, NULL, 0, "oinf_dim_%s of %s and %s: no such dim, or too large",
                     op, oi_dim_words(g, a).at, oi_dim_words(g, b).at);
  return d;
}
#define DIM_MAKER(op)                                             \
  oinf_dim oinf_dim_##op(oinf_graph *g, oinf_dim a, oinf_dim b) { \
    if (oi_poisoned(g)) return OI_DIM_BAD;                        \
    if (!oi_dim_usable(g, a, "oinf_dim_" #op, (oi_where){0}) ||   \
        !oi_dim_usable(g, b, "oinf_dim_" #op, (oi_where){0}))     \
      return OI_DIM_BAD;                                          \
    return dim_made(g, oi_dims_##op(g->dims, a, b), a, b, #op);   \
  }
DIM_MAKER(add)
DIM_MAKER(sub)
DIM_MAKER(mul)
DIM_MAKER(div)
DIM_MAKER(mod)
DIM_MAKER(min)
DIM_MAKER(max)

oinf_dim oinf_sym(oinf_graph *g, const char *name, oinf_dim lo, oinf_dim hi) {
  return oi_sym_add(g, name, lo, hi, (oi_where){0});
}

oinf_dim oi_sym_add(oinf_graph *g, const char *name, oinf_dim lo, oinf_dim hi, oi_where at) {
  if (oi_poisoned(g)) return OI_DIM_BAD;
  const char *why = NULL;
  if (!name || !oi_is_identifier(name) || strlen(name) > 32)
    why = "a symbol's name is a short identifier";
  else if (strcmp(name, "infer") == 0) why = "the name is taken by the text";
  else if (oi_dims_find(g->dims, name) >= 0) why = "the name is taken";
  else if (!oi_dims_valid(g->dims, lo) || !oi_dims_valid(g->dims, hi))
    why = "its bounds are no dims";
  oinf_dim d = why ? OI_DIM_BAD : oi_dims_sym(g->dims, name, lo, hi, false);
  if (d == OI_DIM_BAD)
    oi_graph_mistake(
        g, OINF_GRAPH, at.file, at.line, "symbol '%.64s': %s", name ? name : "",
        why ? why : "its bounds are the wrong way round, or there are too many symbols");
  return d;
}

// ---- inputs, outputs, numbers ----

uint32_t oi_input_add(oinf_graph *g, const char *name, const oi_type *type, oi_where at) {
  if (!oi_name_check(g, name, "input", at) || !oi_type_check(g, type, "input", at)) return 0;
  const char *why = g->open.n ? "made inside a loop or branch" : NULL;
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
  const char *why =
      g->values.at[id].region ? "a value of a loop or branch: carry it out first" : NULL;
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
  uint32_t id = node_make(g, OP_NUM, NULL, 0, &type, 1, (oi_where){file, line});
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
  oi_graph_mistake(v.graph, OINF_GRAPH, NULL, 0, "oinf_val_dim: axis %d of a value of rank %d",
                   axis, (int)rank);
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

oinf_val oi_hint(oinf_val v, oinf_hint_args hint) {
  if (!oi_poisoned(v.graph) && oi_value_usable(v.graph, v, "oinf_hint", (oi_where){0}))
    v.graph->values.at[v.id].hint = hint;
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
