// The graph's ground: its life, its mistakes, values and nodes appended one by one.
//
// The idea: building is appending to tables by id, and nothing else happens until someone asks. The
// first mistake poisons the graph: it keeps its words, and every later call gives a value of id 0
// and says nothing, so that model code needs one check at its end and a message speaks of the cause
// and not of its consequences.
//
// Dims and types stand in graph_type.c, inputs, outputs and numbers in graph_value.c, ops in
// graph_op.c, loops and branches in graph_region.c, states in graph_state.c, names of families in
// graph_name.c, the text in graph_text.c and graph_parse.c.
#include "lib/graph_build.h"

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
  oi_vec_free(ctx, &g->labels);
  oi_dims_free(g->dims);
  oi_text_free(&g->text);
  oi_arena_free(&g->arena);
  oi_free(ctx, g, sizeof *g);
}

const char *oinf_graph_name(const oinf_graph *g) { return g->name; }

// ---- mistakes ----

oi_where_text oi_where_words(const char *file, int line) {
  oi_where_text text = {""};
  if (file) snprintf(text.at, sizeof text.at, " (%s:%d)", file, line);
  else if (line) snprintf(text.at, sizeof text.at, " (line %d)", line);
  return text;
}

// ", at head/logits (model.c:41)"
static void place(const oinf_graph *g, const char *file, int line, char *out, size_t room) {
  size_t n = 0;
  out[0] = 0;
  for (size_t i = 0; i < g->scope.n && n < room; i++)
    n += (size_t)snprintf(out + n, room - n, "%s%s", i ? "/" : ", at ", g->scope.at[i]);
  if (n < room) snprintf(out + n, room - n, "%s", oi_where_words(file, line).at);
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

static uint32_t *copy_ids(oinf_graph *g, const uint32_t *ids, uint32_t n) {
  uint32_t *copy = oi_arena_alloc(&g->arena, (n ? n : 1) * sizeof *copy);
  if (!copy) return oi_graph_nomem(g), NULL;
  if (n && ids) memcpy(copy, ids, n * sizeof *copy);
  return copy;
}

uint32_t oi_node_make(oinf_graph *g, uint32_t op, const uint32_t *in, uint32_t n_in,
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
  uint32_t id = oi_node_make(g, op, in, n_in, out, n_out, at);
  const uint32_t before = g->place.set && !g->open.n ? g->place.before : 0;
  if (id) oi_node_link(g, id, before);
  return id;
}

static bool is_open(const oinf_graph *g, uint32_t region) {
  for (size_t i = g->open.n; region && i-- > 0;)
    if (g->open.at[i].region == region) return true;
  for (uint32_t r = g->place.set ? g->place.region : 0; r; r = g->regions.at[r].parent)
    if (r == region) return true;
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
