// Loops and branches: regions with carried values.
//
// The idea: a body is built once, by running the user's C block once. What it changes from turn to
// turn is named in front: while the body is built those variables hold its parameters, afterwards
// the results. So nothing has to be discovered about which variables a block assigned, and the loop
// stays a loop in every later form.
//
// A frame per open region remembers the variables; it is closed by the macro that opened it. A body
// left by break or return leaves its frame open, which the next closing of another region, or
// oinf_graph_check, finds.
#include "lib/graph_build.h"

#include <string.h>

static oi_frame *top(oinf_graph *g) { return g->open.n ? &g->open.at[g->open.n - 1] : NULL; }

// ---- regions ----

// A region of `node` whose parameters are like `start`; it becomes the open one. False: a mistake
// was made.
static bool region_open(oinf_graph *g, uint32_t node, uint32_t which, oi_where at) {
  if (g->open.n >= OI_MAX_DEPTH) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                     "loops and branches stand in each other at most %d deep", OI_MAX_DEPTH);
    return false;
  }
  const oi_node *n = oi_node_at(g, node);
  uint32_t skip = n->op == OP_IF, n_params = n->n_in - skip, id = (uint32_t)g->regions.n;
  uint32_t *params = oi_arena_alloc(&g->arena, (n_params + 1) * sizeof *params);
  oi_region *r = params ? oi_vec_push(g->ctx, &g->regions) : NULL;
  oi_frame *f = r ? oi_vec_push(g->ctx, &g->open) : NULL;
  if (!f) return oi_graph_nomem(g), false;
  *r = (oi_region){.node = node, .parent = n->region, .params = params, .n_params = n_params};
  *f = (oi_frame){.region = id, .node = node, .is_else = which == 1};
  g->nodes.at[node].sub[which] = id;
  for (uint32_t i = 0; i < n_params; i++) {
    oi_type type = g->values.at[n->in[i + skip]].type;
    if (!(params[i] = oi_value_add(g, &type, 0, i, id))) return false;
  }
  return true;
}

// The open region's end. Its yields are like its params (of a loop) or like the other side's (of a
// branch).
static bool region_close(oinf_graph *g, const uint32_t *yields, uint32_t n, oi_where at) {
  oi_region *r = &g->regions.at[top(g)->region];
  const char *kind = oi_kind_name(g->nodes.at[r->node].op);
  if (n != r->n_params) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: %u values are carried, %u come back",
                     kind, r->n_params, n);
    return false;
  }
  uint32_t *copy = oi_arena_alloc(&g->arena, (n + 1) * sizeof *copy);
  if (!copy) return oi_graph_nomem(g), false;
  for (uint32_t i = 0; i < n; i++) {
    oi_type want = g->values.at[r->params[i]].type;
    if (!oi_value_usable(g, oi_val_of(g, yields[i]), "a carried value", at)) return false;
    if (!(copy[i] = oi_value_settle(g, yields[i], want.dtype, kind, at))) return false;
    const oi_type *have = &g->values.at[copy[i]].type;
    if (g->nodes.at[r->node].op == OP_LOOP && !oi_type_equal(&want, have)) {
      oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                       "loop: carried value %u keeps its type: expected %s, found %s", i + 1,
                       oi_type_words(g, &want).at, oi_type_words(g, have).at);
      return false;
    }
  }
  r->yields = copy, r->n_yields = n;
  g->open.n--;
  return true;
}

// Results of the node, once its regions are closed: types of the last region's yields.
static bool results_add(oinf_graph *g, uint32_t node, uint32_t region) {
  oi_node *n = &g->nodes.at[node];
  uint32_t count = g->regions.at[region].n_yields,
           *out = oi_arena_alloc(&g->arena, (count + 1) * sizeof *out);
  if (!out) return oi_graph_nomem(g), false;
  for (uint32_t i = 0; i < count; i++) {
    oi_type type = g->values.at[g->regions.at[region].yields[i]].type;
    if (!(out[i] = oi_value_add(g, &type, node, i, oi_open_region(g)))) return false;
  }
  n->out = out, n->n_out = count;
  return true;
}

// Start values: usable, and numbers among them settled as f32.
static bool starts_ok(oinf_graph *g, const uint32_t *start, uint32_t n, uint32_t *out,
                      oi_where at) {
  for (uint32_t i = 0; i < n; i++) {
    if (!oi_value_usable(g, oi_val_of(g, start[i]), "a carried value", at)) return false;
    if (!(out[i] = oi_value_settle(g, start[i], OINF_F32, "a carried value", at))) return false;
  }
  return true;
}

// Whether the innermost open region belongs to `op` (and node, where it is known). The mistake's
// place is `at`, else that of what is still open, else that of the node to be closed.
static bool closes(oinf_graph *g, uint32_t op, uint32_t node, const char *what, oi_where at) {
  const oi_frame *f = top(g);
  if (f && g->nodes.at[f->node].op == op && (!node || f->node == node)) return true;
  const oi_node *n = oi_node_at(g, f ? f->node : node);
  if (!at.line) at = (oi_where){n->file, n->line};
  oi_graph_mistake(
      g, OINF_GRAPH, at.file, at.line, "%s: %s", what,
      f ? "another loop or branch is still open inside; was its body left by break or return?"
        : "none is open");
  return false;
}

// ---- loops by ids ----

static oinf_dim loop_symbol(oinf_graph *g, const char *name, int64_t trips, oi_where at) {
  const char *why = NULL;
  if (!name || !oi_is_identifier(name) || strlen(name) > 32)
    why = "an index is named by a short identifier";
  else if (strcmp(name, "infer") == 0 || oi_dims_find(g->dims, name) >= 0)
    why = "the name is taken";
  else if (trips < 1 || trips > OI_MAX_TRIPS) why = "it runs 1 to 2^20 times";
  oinf_dim d = why ? OI_DIM_BAD : oi_dims_sym(g->dims, name, 0, trips - 1, true);
  if (d == OI_DIM_BAD)
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "loop '%.64s' of %lld: %s", name ? name : "",
                     (long long)trips, why ? why : "too many symbols");
  return d;
}

uint32_t oi_loop_open(oinf_graph *g, const char *name, int64_t trips, const uint32_t *start,
                      uint32_t n, oi_where at) {
  if (oi_poisoned(g)) return 0;
  uint32_t *in = oi_arena_alloc(&g->arena, (n + 1) * sizeof *in);
  if (!in) return oi_graph_nomem(g), 0;
  if (!starts_ok(g, start, n, in, at)) return 0;
  oinf_dim index = loop_symbol(g, name, trips, at);
  uint32_t node = index == OI_DIM_BAD ? 0 : oi_node_add(g, OP_LOOP, in, n, NULL, 0, at);
  if (!node) return 0;
  g->nodes.at[node].loop_sym = (uint32_t)oi_dims_sym_of(g->dims, index);
  g->nodes.at[node].trips = trips;
  return region_open(g, node, 0, at) ? node : 0;
}

bool oi_loop_close(oinf_graph *g, const uint32_t *yields, uint32_t n, oi_where at) {
  if (oi_poisoned(g) || !closes(g, OP_LOOP, 0, "end of a loop", at)) return false;
  uint32_t node = top(g)->node, region = top(g)->region;
  if (!region_close(g, yields, n, at)) return false;
  oi_dims_sym_close(g->dims, g->nodes.at[node].loop_sym);
  return results_add(g, node, region);
}

// ---- branches by ids ----

uint32_t oi_if_open(oinf_graph *g, uint32_t cond, const uint32_t *start, uint32_t n, oi_where at) {
  if (oi_poisoned(g) || !oi_value_usable(g, oi_val_of(g, cond), "if: its condition", at)) return 0;
  const oi_type *type = &g->values.at[cond].type;
  if (type->dtype != OINF_BOOL || type->rank || g->values.at[cond].weak) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "if: expected a condition bool [], found %s",
                     oi_type_words(g, type).at);
    return 0;
  }
  uint32_t *in = oi_arena_alloc(&g->arena, (n + 1) * sizeof *in);
  if (!in) return oi_graph_nomem(g), 0;
  in[0] = cond;
  if (!starts_ok(g, start, n, in + 1, at)) return 0;
  uint32_t node = oi_node_add(g, OP_IF, in, n + 1, NULL, 0, at);
  return node && region_open(g, node, 0, at) ? node : 0;
}

bool oi_if_turn(oinf_graph *g, const uint32_t *yields, uint32_t n, oi_where at) {
  if (oi_poisoned(g) || !closes(g, OP_IF, 0, "else", at)) return false;
  uint32_t node = top(g)->node;
  if (top(g)->is_else) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "else: the branch has one already");
    return false;
  }
  return region_close(g, yields, n, at) && region_open(g, node, 1, at);
}

// Both sides give equal types, and write the same states or none.
static bool sides_agree(oinf_graph *g, uint32_t node, oi_where at) {
  const oi_node *n = oi_node_at(g, node);
  const oi_region *a = &g->regions.at[n->sub[0]], *b = &g->regions.at[n->sub[1]];
  for (uint32_t i = 0; i < a->n_yields; i++) {
    const oi_type *x = &g->values.at[a->yields[i]].type, *y = &g->values.at[b->yields[i]].type;
    if (oi_type_equal(x, y)) continue;
    oi_graph_mistake(g, OINF_GRAPH, at.file ? at.file : n->file, at.file ? at.line : n->line,
                     "if: value %u is %s on one side and %s on the other", i + 1,
                     oi_type_words(g, x).at, oi_type_words(g, y).at);
    return false;
  }
  oi_state_set x = {{0}}, y = {{0}};
  oi_region_writes(g, n->sub[0], &x);
  oi_region_writes(g, n->sub[1], &y);
  for (uint32_t s = 0; s < g->states.n; s++) {
    if (oi_state_in(&x, s) == oi_state_in(&y, s)) continue;
    oi_graph_mistake(g, OINF_GRAPH, at.file ? at.file : n->file, at.file ? at.line : n->line,
                     "if: state '%s' is written on one side only", g->states.at[s].name);
    return false;
  }
  return true;
}

bool oi_if_close(oinf_graph *g, const uint32_t *yields, uint32_t n, oi_where at) {
  if (oi_poisoned(g) || !closes(g, OP_IF, 0, "end of a branch", at)) return false;
  uint32_t node = top(g)->node, region = top(g)->region;
  if (!top(g)->is_else) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "if: closed without its other side");
    return false;
  }
  return region_close(g, yields, n, at) && sides_agree(g, node, at) && results_add(g, node, region);
}

// ---- the user's variables ----

// Copies the list of variables, without NULLs, and their ids. False: out of memory, or a value of
// another graph.
static bool variables(oinf_graph *g, oinf_val **carried, size_t count, oi_frame *f, uint32_t **ids,
                      oi_where at) {
  f->carried = oi_arena_alloc(&g->arena, (count + 1) * sizeof *f->carried);
  *ids = oi_arena_alloc(&g->arena, (count + 1) * sizeof **ids);
  if (!f->carried || !*ids) return oi_graph_nomem(g), false;
  for (size_t i = 0; i < count; i++) {
    if (!carried[i]) continue;
    if (!oi_value_usable(g, *carried[i], "a carried value", at)) return false;
    (*ids)[f->n_carried] = carried[i]->id;
    f->carried[f->n_carried++] = carried[i];
  }
  return true;
}

static void redirect(oinf_graph *g, const oi_frame *f, const uint32_t *ids) {
  for (uint32_t i = 0; i < f->n_carried; i++) *f->carried[i] = oi_val_of(g, ids[i]);
}

// The frame on top takes over the variables, which then hold its parameters.
static void adopt(oinf_graph *g, const oi_frame *vars) {
  oi_frame *f = top(g);
  f->carried = vars->carried, f->n_carried = vars->n_carried;
  redirect(g, f, g->regions.at[f->region].params);
}

// The variables' ids as they stand at the end of a region.
static uint32_t *final_ids(oinf_graph *g, const oi_frame *f, oi_where at) {
  uint32_t *ids = oi_arena_alloc(&g->arena, (f->n_carried + 1) * sizeof *ids);
  if (!ids) return oi_graph_nomem(g), NULL;
  for (uint32_t i = 0; i < f->n_carried; i++) {
    if (!oi_value_usable(g, *f->carried[i], "a carried value", at)) return NULL;
    ids[i] = f->carried[i]->id;
  }
  return ids;
}

oinf_loop oi_loop_begin(oinf_graph *g, const char *name, int64_t n, oinf_val **carried,
                        size_t count, const char *file, int line) {
  oi_where at = {file, line};
  oinf_loop loop = {.graph = g, .index = OI_DIM_BAD};
  oi_frame vars = {0};
  uint32_t *start;
  if (oi_poisoned(g) || !variables(g, carried, count, &vars, &start, at)) return loop;
  loop.id = oi_loop_open(g, name, n, start, vars.n_carried, at);
  if (!loop.id) return loop;
  adopt(g, &vars);
  loop.index = oi_dims_sym_dim(g->dims, g->nodes.at[loop.id].loop_sym);
  return loop;
}

// Values that the innermost region carries on, which must be that of node `id`; NULL: it is not.
typedef struct ending {
  oi_frame frame;
  oi_where at;
} ending;
static uint32_t *end_region(oinf_graph *g, uint32_t op, uint32_t id, const char *what,
                            ending *out) {
  if (oi_poisoned(g) || !id || !closes(g, op, id, what, (oi_where){0})) return NULL;
  out->frame = *top(g);
  const oi_node *n = oi_node_at(g, out->frame.node);
  out->at = (oi_where){n->file, n->line};
  return final_ids(g, &out->frame, out->at);
}

void oi_loop_end(oinf_loop *loop) {
  oinf_graph *g = loop->graph;
  ending e;
  loop->turn = 1;
  uint32_t *ids = end_region(g, OP_LOOP, loop->id, "end of a loop", &e);
  if (ids && oi_loop_close(g, ids, e.frame.n_carried, e.at))
    redirect(g, &e.frame, g->nodes.at[e.frame.node].out);
}

oinf_branch oi_if_begin(oinf_val cond, oinf_val **carried, size_t count, const char *file,
                        int line) {
  oinf_graph *g = cond.graph;
  oi_where at = {file, line};
  oinf_branch branch = {.graph = g};
  oi_frame vars = {0};
  uint32_t *start;
  if (oi_poisoned(g) || !oi_value_usable(g, cond, "if: its condition", at)) return branch;
  if (!variables(g, carried, count, &vars, &start, at)) return branch;
  branch.id = oi_if_open(g, cond.id, start, vars.n_carried, at);
  if (branch.id) adopt(g, &vars);
  return branch;
}

void oinf_else(oinf_branch *branch) {
  oinf_graph *g = branch->graph;
  ending e;
  uint32_t *ids = end_region(g, OP_IF, branch->id, "oinf_else", &e);
  if (ids && oi_if_turn(g, ids, e.frame.n_carried, e.at)) adopt(g, &e.frame);
}

void oinf_endif(oinf_branch *branch) {
  oinf_graph *g = branch->graph;
  ending e;
  uint32_t *ids = end_region(g, OP_IF, branch->id, "oinf_endif", &e);
  if (ids && oi_if_close(g, ids, e.frame.n_carried, e.at))
    redirect(g, &e.frame, g->nodes.at[e.frame.node].out);
}
