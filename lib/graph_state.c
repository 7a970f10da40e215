// States: rows that live from step to step, written and read by nodes in builder order.
//
// A write's value is the rows as the state keeps them, so its rounding is a node and can be hashed;
// what a later read of the same step sees is decided by the order of the nodes alone. Whether rows
// fit is known when a step starts: it is a condition of the graph, checked before anything runs.
#include "lib/graph_build.h"

#include <string.h>

oinf_state oi_state_new(oinf_graph *g, const char *name, oinf_dtype dtype, const oinf_dims *dims,
                        const char *file, int line) {
  oi_type type;
  oi_where at = {file, line};
  oinf_state none = {.graph = g};
  if (oi_poisoned(g)) return none;
  type = (oi_type){.dtype = dtype, .rank = dims->n};
  if (dims->n <= OINF_MAX_RANK) memcpy(type.dim, dims->d, dims->n * sizeof type.dim[0]);
  return (oinf_state){g, oi_state_add(g, name, &type, at)};
}

uint32_t oi_state_add(oinf_graph *g, const char *name, const oi_type *type, oi_where at) {
  if (oi_poisoned(g) || !oi_name_check(g, name, "state", at) ||
      !oi_type_check(g, type, "state", at))
    return 0;
  const char *why = NULL;
  if (g->open.n) why = "declared inside a loop or branch";
  else if (!type->rank) why = "it has rows, so at least one dim";
  else if (oi_dtype_class(type->dtype) == OI_Q) why = "its dtype is one of weights";
  else if (g->states.n >= OI_MAX_PORTS) why = "too many states";
  for (size_t i = 0; i < g->states.n && !why; i++)
    if (strcmp(g->states.at[i].name, name) == 0) why = "the name is taken";
  if (why) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "state '%s': %s", name, why);
    return 0;
  }
  const char *copy = oi_graph_copy(g, name);
  oi_state_decl *s = copy ? oi_vec_push(g->ctx, &g->states) : NULL;
  if (!s) return oi_graph_nomem(g), 0;
  *s = (oi_state_decl){.name = copy, .type = *type};
  g->verified = false;
  return (uint32_t)g->states.n;  // handles count from 1: 0 is no state
}

// What reads and writes share: the state, its layer, its rows' type without the first dim.
typedef struct access {
  oinf_graph *g;
  uint32_t state;    // index
  const char *what;  // "state_read 'k'"
  oinf_dim layer, capacity;
  oi_type row;  // dims of a row; rank may be 0
  oi_where at;
} access;

static bool mistake(const access *a, const char *why) {
  oi_graph_mistake(a->g, OINF_GRAPH, a->at.file, a->at.line, "%s '%s': %s", a->what,
                   a->g->states.at[a->state].name, why);
  return false;
}

static bool keep(const access *a, oinf_dim x, oinf_dim y, const char *what) {
  if (oi_condition_add(a->g, x, y, true, what, (uint32_t)a->g->nodes.n)) return true;
  oi_graph_mistake(a->g, OINF_GRAPH, a->at.file, a->at.line, "%s '%s': %s: expected %s at most %s",
                   a->what, a->g->states.at[a->state].name, what, oi_dim_words(a->g, x).at,
                   oi_dim_words(a->g, y).at);
  return false;
}

static bool open_access(access *a, uint32_t handle, oinf_dim layer) {
  oinf_graph *g = a->g;
  if (!handle || handle > g->states.n) {
    oi_graph_mistake(g, OINF_GRAPH, a->at.file, a->at.line, "%s: no such state", a->what);
    return false;
  }
  oi_state_decl *s = &g->states.at[a->state = handle - 1];
  bool layered = layer != OINF_NO_LAYER;
  oi_layering now = layered ? OI_LAYERS_FIRST : OI_LAYERS_NONE;
  if (s->layering && s->layering != now)
    return mistake(a, "a layer is chosen in some of its ops and not in others");
  if (s->type.rank < 1u + layered) return mistake(a, "a layer is chosen, but it has one dim");
  s->layering = now;
  a->layer = layer, a->capacity = s->type.dim[layered];
  a->row = (oi_type){.dtype = s->type.dtype, .rank = s->type.rank - 1 - layered};
  memcpy(a->row.dim, s->type.dim + 1 + layered, a->row.rank * sizeof a->row.dim[0]);
  if (!layered) return true;
  if (!oi_dim_usable(g, layer, a->what, a->at)) return false;
  return keep(a, 0, layer, "the layer is not negative") &&
         keep(a, oi_dims_add(g->dims, layer, 1), s->type.dim[0], "the layer is there");
}

// rows rows of the state, as a type.
static oi_type rows_type(const access *a, oinf_dim rows) {
  oi_type t = {.dtype = a->row.dtype, .rank = a->row.rank + 1};
  t.dim[0] = rows;
  memcpy(t.dim + 1, a->row.dim, a->row.rank * sizeof t.dim[0]);
  return t;
}

static uint32_t add_node(const access *a, uint32_t op, const uint32_t *in, uint32_t n_in,
                         oinf_dim rows, oinf_dim b) {
  oi_type type = rows_type(a, rows);
  if (!oi_type_check(a->g, &type, a->what, a->at)) return 0;
  uint32_t id = oi_node_add(a->g, op, in, n_in, &type, 1, a->at);
  if (!id) return 0;
  oi_node *n = &a->g->nodes.at[id];
  n->state = a->state, n->a = a->layer, n->b = b;
  return n->out[0];
}

uint32_t oi_state_read_add(oinf_graph *g, uint32_t state, oinf_dim layer, oinf_dim rows,
                           oi_where at) {
  access a = {.g = g, .what = "state_read", .at = at};
  if (oi_poisoned(g) || !open_access(&a, state, layer) || !oi_dim_usable(g, rows, a.what, at))
    return 0;
  if (!keep(&a, 0, rows, "the count of rows is not negative")) return 0;
  if (!keep(&a, rows, a.capacity, "the rows fit the capacity")) return 0;
  return add_node(&a, OP_STATE_READ, NULL, 0, rows, rows);
}

// The rows' dims are the state's; the dtype may be another of the same class, and is then rounded.
static bool rows_ok(const access *a, const oi_type *x) {
  bool same =
      x->rank == a->row.rank + 1 && oi_dtype_class(x->dtype) == oi_dtype_class(a->row.dtype);
  for (uint32_t i = 0; same && i < a->row.rank; i++)
    same = oi_condition_add(a->g, x->dim[i + 1], a->row.dim[i], false, "rows of a state",
                            (uint32_t)a->g->nodes.n);
  if (same) return true;
  oi_type want = rows_type(a, x->rank ? x->dim[0] : 1);
  oi_graph_mistake(a->g, OINF_GRAPH, a->at.file, a->at.line, "%s '%s': expected %s, found %s",
                   a->what, a->g->states.at[a->state].name, oi_type_words(a->g, &want).at,
                   oi_type_words(a->g, x).at);
  return false;
}

uint32_t oi_state_write_add(oinf_graph *g, uint32_t state, oinf_dim layer, uint32_t x,
                            oinf_dim first, oi_where at) {
  access a = {.g = g, .what = "state_write", .at = at};
  if (oi_poisoned(g) || !open_access(&a, state, layer) || !oi_dim_usable(g, first, a.what, at))
    return 0;
  if (!oi_value_usable(g, oi_val_of(g, x), "state_write: its rows", at)) return 0;
  if (!(x = oi_value_settle(g, x, a.row.dtype, a.what, at))) return 0;
  oi_type type = g->values.at[x].type;
  if (!rows_ok(&a, &type) || !keep(&a, 0, first, "the first row is not negative")) return 0;
  oinf_dim end = oi_dims_add(g->dims, first, type.dim[0]);
  if (!oi_dim_usable(g, end, a.what, at) || !keep(&a, end, a.capacity, "the rows fit the capacity"))
    return 0;
  return add_node(&a, OP_STATE_WRITE, &x, 1, type.dim[0], first);
}

oinf_val oi_state_write_at(oinf_state s, oinf_dim layer, oinf_val x, oinf_state_args args,
                           const char *file, int line) {
  oinf_graph *g = s.graph;
  oi_where at = {file, line};
  if (oi_poisoned(g) || !oi_value_usable(g, x, "state_write: its rows", at)) return oi_val_of(g, 0);
  if (args.rows) {
    oi_graph_mistake(g, OINF_GRAPH, file, line,
                     "state_write: .rows is of a read; a write takes its value's rows");
    return oi_val_of(g, 0);
  }
  return oi_val_of(g, oi_state_write_add(g, s.id, layer, x.id, args.at, at));
}

oinf_val oi_state_read_at(oinf_state s, oinf_dim layer, oinf_state_args args, const char *file,
                          int line) {
  if (!oi_poisoned(s.graph) && args.at)
    oi_graph_mistake(s.graph, OINF_GRAPH, file, line,
                     "state_read: .at is of a write; a read begins at row 0");
  return oi_val_of(s.graph,
                   oi_state_read_add(s.graph, s.id, layer, args.rows, (oi_where){file, line}));
}

void oi_region_writes(const oinf_graph *g, uint32_t region, oi_state_set *set) {
  for (uint32_t i = g->regions.at[region].first; i; i = g->nodes.at[i].next) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op == OP_STATE_WRITE) set->bits[n->state / 64] |= UINT64_C(1) << n->state % 64;
    if (n->op == OP_LOOP || n->op == OP_IF) oi_region_writes(g, n->sub[0], set);
    if (n->op == OP_IF) oi_region_writes(g, n->sub[1], set);
  }
}
