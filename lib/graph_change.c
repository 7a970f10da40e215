// What changes a graph node by node: where the next nodes stand, nodes that move or go, every use
// of a value, and labels that stay while all this happens. The compiler's passes are written with
// it, and so is what a user writes: walking the nodes, asking them, taking them out.
//
// Values keep their ids through every change, as nodes do; one that goes leaves a hole.
#include "lib/graph_build.h"

#include <string.h>

// ---- places ----

oi_place oi_graph_place(oinf_graph *g, oi_place place) {
  const oi_place before = g->place;
  g->place = place;
  return before;
}

void oinf_graph_place(oinf_graph *g, oinf_val v) {
  oi_place place = {.set = false};
  if (oi_poisoned(g)) return;
  const char *why = g->open.n                         ? "a loop or branch is being built"
                    : v.id && v.graph != g            ? "a value of another graph"
                    : v.id >= g->values.n             ? "no value"
                    : v.id && g->values.at[v.id].weak ? "a bare number stands nowhere"
                                                      : NULL;
  if (why) {
    oi_graph_mistake(g, OINF_GRAPH, NULL, 0, "oinf_graph_place: %s", why);
    return;
  }
  if (v.id) {
    const oi_value *x = oi_val_at(g, v.id);
    place = (oi_place){.set = true, .region = x->region};
    place.before = x->node ? oi_node_at(g, x->node)->next : g->regions.at[x->region].first;
  }
  oi_graph_place(g, place);
}

// ---- nodes in their region ----

void oi_node_link(oinf_graph *g, uint32_t node, uint32_t before) {
  oi_node *n = &g->nodes.at[node];
  oi_region *r = &g->regions.at[n->region];
  n->next = before;
  n->prev = before ? g->nodes.at[before].prev : r->last;
  *(n->prev ? &g->nodes.at[n->prev].next : &r->first) = node;
  *(before ? &g->nodes.at[before].prev : &r->last) = node;
  g->verified = g->numbered = false;
}

void oi_node_unlink(oinf_graph *g, uint32_t node) {
  oi_node *n = &g->nodes.at[node];
  oi_region *r = &g->regions.at[n->region];
  *(n->prev ? &g->nodes.at[n->prev].next : &r->first) = n->next;
  *(n->next ? &g->nodes.at[n->next].prev : &r->last) = n->prev;
  n->prev = n->next = 0;
  g->verified = g->numbered = false;
}

void oi_node_move(oinf_graph *g, uint32_t node, uint32_t region, uint32_t before) {
  oi_node_unlink(g, node);
  oi_node *n = &g->nodes.at[node];
  n->region = region;
  for (uint32_t i = 0; i < n->n_out; i++) g->values.at[n->out[i]].region = region;
  oi_node_link(g, node, before);
}

static void forget_names(oinf_graph *g, const uint32_t *ids, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) g->values.at[ids[i]].name = NULL;
}

static void forget_within(oinf_graph *g, uint32_t node) {
  oi_node *n = &g->nodes.at[node];
  forget_names(g, n->out, n->n_out);
  for (int s = 0; s < oi_kind_regions(n->op); s++) {
    const oi_region *r = &g->regions.at[n->sub[s]];
    forget_names(g, r->params, r->n_params);
    for (uint32_t i = r->first; i; i = g->nodes.at[i].next) forget_within(g, i);
  }
  n->op = 0;
}

void oi_node_remove(oinf_graph *g, uint32_t node) {
  if (g->place.before == node) g->place.before = g->nodes.at[node].next;
  oi_node_unlink(g, node);
  forget_within(g, node);
}

bool oi_node_has_effect(const oinf_graph *g, uint32_t node) {
  const oi_node *n = oi_node_at(g, node);
  for (int s = 0; s < oi_kind_regions(n->op); s++)
    for (uint32_t i = g->regions.at[n->sub[s]].first; i; i = g->nodes.at[i].next)
      if (oi_node_has_effect(g, i)) return true;
  return n->op == OP_STATE_READ || n->op == OP_STATE_WRITE;
}

// ---- fusing ----

// What stands for an outside value in the region: a parameter, made at its first use.
static uint32_t param_for(oinf_graph *g, uint32_t region, uint32_t *in, uint32_t value) {
  oi_region *r = &g->regions.at[region];
  for (uint32_t i = 0; i < r->n_params; i++)
    if (in[i] == value) return r->params[i];
  const oi_type type = g->values.at[value].type;
  const uint32_t param = oi_value_add(g, &type, 0, r->n_params, region);
  r = &g->regions.at[region];
  in[r->n_params] = value;
  return r->params[r->n_params++] = param;
}

static bool is_made_in(const oinf_graph *g, uint32_t value, uint32_t region) {
  return g->values.at[value].region == region;
}

// The last node makes values of its own, and hands those that it had to the fused node.
static bool hand_over(oinf_graph *g, uint32_t fused, uint32_t region, uint32_t last) {
  oi_region *r = &g->regions.at[region];
  const uint32_t n = g->nodes.at[last].n_out;
  r->yields = oi_arena_alloc(&g->arena, (n + 1) * sizeof *r->yields);
  uint32_t *out = oi_arena_alloc(&g->arena, (n + 1) * sizeof *out);
  if (!r->yields || !out) return false;
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t value = g->nodes.at[last].out[i];
    const oi_type type = g->values.at[value].type;
    const uint32_t inner = oi_value_add(g, &type, last, i, region);
    if (!inner) return false;
    out[i] = value;
    g->nodes.at[last].out[i] = g->regions.at[region].yields[i] = inner;
    g->values.at[value].node = fused;
    g->values.at[value].region = g->nodes.at[fused].region;
  }
  g->regions.at[region].n_yields = n;
  g->nodes.at[fused].out = out, g->nodes.at[fused].n_out = n;
  return true;
}

static void take_operands(oinf_graph *g, uint32_t region, uint32_t node, uint32_t *in) {
  uint32_t *ids = g->nodes.at[node].in;
  for (uint32_t k = 0; k < g->nodes.at[node].n_in; k++)
    if (!is_made_in(g, ids[k], region)) ids[k] = param_for(g, region, in, ids[k]);
}

static bool take_in(oinf_graph *g, uint32_t fused, uint32_t region, const uint32_t *nodes,
                    uint32_t n, uint32_t main) {
  uint32_t room = 0;
  for (uint32_t i = 0; i < n; i++) room += g->nodes.at[nodes[i]].n_in;
  uint32_t *in = oi_arena_alloc(&g->arena, (room + 1) * sizeof *in);
  uint32_t *params = oi_arena_alloc(&g->arena, (room + 1) * sizeof *params);
  if (!in || !params) return false;
  g->regions.at[region].params = params;
  for (uint32_t i = 0; i < n; i++) oi_node_move(g, nodes[i], region, 0);
  if (main) take_operands(g, region, main, in);
  for (uint32_t i = 0; i < n; i++) take_operands(g, region, nodes[i], in);
  g->nodes.at[fused].in = in, g->nodes.at[fused].n_in = g->regions.at[region].n_params;
  return true;
}

uint32_t oi_node_fuse(oinf_graph *g, const uint32_t *nodes, uint32_t n, uint32_t main) {
  const uint32_t last = nodes[n - 1], outer = g->nodes.at[last].region;
  const oi_where at = {g->nodes.at[last].file, g->nodes.at[last].line};
  const uint32_t fused = oi_node_make(g, OP_FUSED, NULL, 0, NULL, 0, at);
  const uint32_t region = (uint32_t)g->regions.n;
  oi_region *r = fused ? oi_vec_push(g->ctx, &g->regions) : NULL;
  if (!r) return 0;
  *r = (oi_region){.node = fused, .parent = outer};
  g->nodes.at[fused].region = outer, g->nodes.at[fused].sub[0] = region;
  oi_node_link(g, fused, g->nodes.at[last].next);
  if (!take_in(g, fused, region, nodes, n, main) || !hand_over(g, fused, region, last)) return 0;
  return oi_poisoned(g) ? 0 : fused;
}

// ---- uses ----

static void each_of(uint32_t *ids, uint32_t n, oi_use_fn *fn, void *user) {
  for (uint32_t i = 0; i < n; i++) fn(user, &ids[i]);
}

static void each_in_region(oinf_graph *g, uint32_t region, oi_use_fn *fn, void *user) {
  for (uint32_t i = g->regions.at[region].first; i; i = g->nodes.at[i].next) {
    const oi_node *n = oi_node_at(g, i);
    each_of(n->in, n->n_in, fn, user);
    for (int s = 0; s < oi_kind_regions(n->op); s++) each_in_region(g, n->sub[s], fn, user);
  }
  const oi_region *r = &g->regions.at[region];
  each_of(r->yields, r->n_yields, fn, user);
}

void oi_graph_each_use(oinf_graph *g, oi_use_fn *fn, void *user) {
  each_in_region(g, 0, fn, user);
  for (size_t i = 0; i < g->outputs.n; i++) fn(user, &g->outputs.at[i].value);
}

// ---- labels ----

oinf_status oi_graph_freeze(oinf_graph *g, oi_err *err) {
  oi_value_number(g, 0);
  if (!g->numbered) return oi_nomem(err, g->values.n);
  g->labels.n = 0;
  for (size_t i = 0; i < g->numbers.n; i++) {
    uint32_t *slot = oi_vec_push(g->ctx, &g->labels);
    if (!slot) return oi_nomem(err, g->numbers.n);
    *slot = g->numbers.at[i];
  }
  return g->frozen = true, OINF_OK;
}

uint32_t oi_value_label_number(oinf_graph *g, uint32_t value) {
  if (!g->frozen) return oi_value_number(g, value);
  return value < g->labels.n ? g->labels.at[value] : OI_NO_NUMBER;
}

bool oi_value_has_label(oinf_graph *g, uint32_t value) {
  return g->values.at[value].name || oi_value_label_number(g, value) != OI_NO_NUMBER;
}

void oi_value_take_label(oinf_graph *g, uint32_t to, uint32_t from) {
  oi_value *a = &g->values.at[to], *b = &g->values.at[from];
  if (!g->frozen || oi_value_has_label(g, to)) return;
  while (g->labels.n <= to) {
    uint32_t *slot = oi_vec_push(g->ctx, &g->labels);
    if (!slot) return;  // it stays without one, and is not shown
    *slot = OI_NO_NUMBER;
  }
  g->labels.at[to] = oi_value_label_number(g, from);
  if (from < g->labels.n) g->labels.at[from] = OI_NO_NUMBER;
  a->name = b->name, a->hint = b->hint;
  b->name = NULL;
}

// ---- walking ----

static oinf_node node_of(oinf_graph *g, uint32_t id) { return (oinf_node){id ? g : NULL, id}; }

static bool is_node(oinf_node n) {
  return n.graph && n.id && n.id < n.graph->nodes.n && n.graph->nodes.at[n.id].op;
}

oinf_node oinf_node_first(oinf_graph *g) { return node_of(g, g->regions.at[0].first); }

oinf_node oinf_node_next(oinf_node node) {
  if (!is_node(node)) return (oinf_node){0};
  oinf_graph *g = node.graph;
  const oi_node *n = oi_node_at(g, node.id);
  for (int s = 0; s < oi_kind_regions(n->op); s++)
    if (g->regions.at[n->sub[s]].first) return node_of(g, g->regions.at[n->sub[s]].first);
  while (!n->next) {
    const uint32_t region = n->region;
    if (!region) return (oinf_node){0};
    n = oi_node_at(g, g->regions.at[region].node);
    if (n->op == OP_IF && n->sub[0] == region && g->regions.at[n->sub[1]].first)
      return node_of(g, g->regions.at[n->sub[1]].first);
  }
  return node_of(g, n->next);
}

oinf_node oinf_node_of(oinf_val v) {
  const bool is_value = v.graph && v.id && v.id < v.graph->values.n;
  return is_value ? node_of(v.graph, v.graph->values.at[v.id].node) : (oinf_node){0};
}

const char *oinf_node_op(oinf_node n) {
  return is_node(n) ? oi_kind_name(n.graph->nodes.at[n.id].op) : "";
}
uint32_t oinf_node_in_count(oinf_node n) {
  return is_node(n) ? oi_node_at(n.graph, n.id)->n_in : 0;
}
uint32_t oinf_node_out_count(oinf_node n) {
  return is_node(n) ? oi_node_at(n.graph, n.id)->n_out : 0;
}
oinf_val oinf_node_in(oinf_node n, uint32_t i) {
  if (i >= oinf_node_in_count(n)) return (oinf_val){0};
  return oi_val_of(n.graph, oi_node_at(n.graph, n.id)->in[i]);
}
oinf_val oinf_node_out(oinf_node n, uint32_t i) {
  if (i >= oinf_node_out_count(n)) return (oinf_val){0};
  return oi_val_of(n.graph, oi_node_at(n.graph, n.id)->out[i]);
}

bool oinf_node_number(oinf_node node, const char *attr, double *out) {
  const oi_node *n = is_node(node) ? oi_node_at(node.graph, node.id) : NULL;
  if (n && n->op == OP_NUM && strcmp(attr, "value") == 0) return *out = n->number, true;
  const oi_op_info *info = n && n->op < OP_COUNT ? oi_op_info_of((oi_op)n->op) : NULL;
  for (uint32_t i = 0; info && i < info->n_attrs; i++) {
    const void *field = (const char *)n->args + info->attrs[i].offset;
    if (strcmp(info->attrs[i].name, attr) != 0) continue;
    switch (info->attrs[i].type) {
      case OI_ATTR_F64: return *out = *(const double *)field, true;
      case OI_ATTR_I64: return *out = (double)*(const int64_t *)field, true;
      case OI_ATTR_FLAG: return *out = *(const bool *)field, true;
      case OI_ATTR_DIM: {
        const oinf_dim d = *(const oinf_dim *)field;
        return oi_dim_is_expr(d) || d == OINF_INFER ? false : (*out = (double)d, true);
      }
      default: return false;
    }
  }
  return false;
}

typedef struct search {
  const oi_node *n;
  bool found;
} search;

static void look(void *user, uint32_t *use) {
  search *s = user;
  for (uint32_t i = 0; i < s->n->n_out; i++) s->found |= *use == s->n->out[i];
}

void oinf_node_remove(oinf_node node) {
  if (!is_node(node) || oi_poisoned(node.graph)) return;
  search s = {.n = oi_node_at(node.graph, node.id)};
  oi_graph_each_use(node.graph, look, &s);
  const char *why = s.n->op == OP_INPUT                       ? "an input stays"
                    : oi_node_has_effect(node.graph, node.id) ? "it reads or writes a state"
                    : s.found                                 ? "a value of it is used"
                                                              : NULL;
  if (!why) oi_node_remove(node.graph, node.id);
  else
    oi_graph_mistake(node.graph, OINF_GRAPH, s.n->file, s.n->line, "oinf_node_remove: %s: %s",
                     oi_kind_name(s.n->op), why);
}
