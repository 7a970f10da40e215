// Changing a graph that is built, or was loaded: finding a value, putting another in its place,
// variants, and the ways between a graph and the model that carries its text.
//
// Replacing changes every use of the old value but those that the new one is made of: a value may
// so be wrapped by something that reads it. A loaded graph has all its nodes already and what is
// added stands behind them; so what the new value is made of then moves in front of its first use.
// Effects on states never move, as their order is their meaning: a new value that would need it is
// refused.
#include "lib/graph_build.h"

#include <string.h>

// ---- variants ----

void oi_variant_new(oinf_graph *g, const char *name, oinf_dim symbol, int64_t value,
                    const char *file, int line) {
  if (!oi_poisoned(g)) oi_variant_add(g, name, symbol, value, (oi_where){file, line});
}

void oi_variant_add(oinf_graph *g, const char *name, oinf_dim symbol, int64_t value, oi_where at) {
  const char *why = NULL;
  int64_t lo, hi;
  int sym = oi_dims_sym_of(g->dims, symbol);
  if (!oi_name_check(g, name, "variant", at)) return;
  oi_dims_bounds(g->dims, symbol, NULL, NULL, &lo, &hi);
  if (sym < 0 || oi_dims_sym_at(g->dims, (size_t)sym)->is_loop) why = "what it fixes is no symbol";
  else if (value < lo || value > hi) why = "the value is out of the symbol's bounds";
  else if (g->variants.n >= OI_MAX_PORTS) why = "too many variants";
  for (size_t i = 0; i < g->variants.n && !why; i++)  // a name again fixes one more symbol
    if (strcmp(g->variants.at[i].name, name) == 0 && g->variants.at[i].sym == (uint32_t)sym)
      why = "said twice";
  if (why) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "variant '%s': %s", name, why);
    return;
  }
  const char *copy = oi_graph_copy(g, name);
  oi_variant_decl *v = copy ? oi_vec_push(g->ctx, &g->variants) : NULL;
  if (!v) oi_graph_nomem(g);
  else *v = (oi_variant_decl){copy, (uint32_t)sym, value};
}

// ---- finding ----

oinf_val oinf_graph_find(oinf_graph *g, const char *name) {
  if (oi_poisoned(g) || !name) return oi_val_of(g, 0);
  for (size_t i = 0; i < g->outputs.n; i++)
    if (strcmp(g->outputs.at[i].name, name) == 0) return oi_val_of(g, g->outputs.at[i].value);
  for (size_t i = 1; i < g->values.n; i++)
    if (g->values.at[i].name && strcmp(g->values.at[i].name, name) == 0)
      return oi_val_of(g, (uint32_t)i);
  return oi_val_of(g, 0);
}

// ---- replacing ----

typedef struct edit {
  oinf_graph *g;
  uint32_t region;  // of the new value: its nodes may have to move
  uint32_t old_id, new_id;
  bool *in_cone;  // by node of the region: the new value is made of it
  uint32_t
      first_use;  // the first node of the region that uses the old value and stays; 0: none so far
} edit;

// The node of e->region that makes a value, or around what makes it; 0: made outside, or a
// parameter.
static uint32_t maker_at_level(const edit *e, uint32_t value) {
  const oi_value *v = oi_val_at(e->g, value);
  uint32_t node = v->node, region = v->region;
  while (region && region != e->region)
    node = e->g->regions.at[region].node, region = e->g->nodes.at[node].region;
  return region == e->region ? node : 0;
}

typedef void use_fn(edit *e, uint32_t *use, uint32_t level_node);

static void each_of(edit *e, uint32_t *ids, uint32_t n, uint32_t level_node, use_fn *fn) {
  for (uint32_t i = 0; i < n; i++) fn(e, &ids[i], level_node);
}

// Every use of a value by `node` and by what stands within it.
static void each_use(edit *e, uint32_t node, uint32_t level_node, use_fn *fn) {
  const oi_node *n = oi_node_at(e->g, node);
  each_of(e, n->in, n->n_in, level_node, fn);
  for (int s = 0; s < oi_kind_regions(n->op); s++) {
    const oi_region *r = &e->g->regions.at[n->sub[s]];
    for (uint32_t i = r->first; i; i = e->g->nodes.at[i].next) each_use(e, i, level_node, fn);
    each_of(e, r->yields, r->n_yields, level_node, fn);
  }
}

static void mark_maker(edit *e, uint32_t *use, uint32_t level_node) {
  uint32_t node = maker_at_level(e, *use);
  if (node && node != level_node) e->in_cone[node] = true;
}

static void replace_use(edit *e, uint32_t *use, uint32_t level_node) {
  if (*use != e->old_id) return;
  *use = e->new_id;
  if (!e->first_use) e->first_use = level_node;
}

// What the new value is made of moves in front of its first use. All operands of the cone are in
// the cone or in front already, so keeping its order is enough.
static bool move_cone(edit *e) {
  for (uint32_t i = e->first_use, next; i; i = next) {
    next = e->g->nodes.at[i].next;
    if (!e->in_cone[i]) continue;
    if (oi_node_has_effect(e->g, i)) return false;
    oi_node_unlink(e->g, i);
    oi_node_link(e->g, i, e->first_use);
  }
  return true;
}

static void replace_all(edit *e) {
  oinf_graph *g = e->g;
  uint32_t maker = maker_at_level(e, e->new_id);
  if (maker) e->in_cone[maker] = true;
  for (uint32_t i = g->regions.at[e->region].last; i; i = g->nodes.at[i].prev)
    if (e->in_cone[i]) each_use(e, i, i, mark_maker);
  for (uint32_t i = g->regions.at[e->region].first; i; i = g->nodes.at[i].next)
    if (!e->in_cone[i]) each_use(e, i, i, replace_use);
  oi_region *r = &g->regions.at[e->region];
  for (uint32_t i = 0; i < r->n_yields; i++)
    if (r->yields[i] == e->old_id) r->yields[i] = e->new_id;
  for (size_t i = 0; i < g->outputs.n; i++)
    if (g->outputs.at[i].value == e->old_id) g->outputs.at[i].value = e->new_id;
}

static bool is_around(const oinf_graph *g, uint32_t outer, uint32_t inner) {
  while (inner && inner != outer) inner = g->regions.at[inner].parent;
  return inner == outer;
}

static const char *why_not(const oinf_graph *g, oinf_val old_value, oinf_val new_value) {
  if (old_value.graph != g || new_value.graph != g) return "a value of another graph";
  if (!old_value.id || !new_value.id || old_value.id >= g->values.n || new_value.id >= g->values.n)
    return "no value";
  const oi_value *a = oi_val_at(g, old_value.id), *b = oi_val_at(g, new_value.id);
  if (a->weak || b->weak) return "a bare number";
  if (!is_around(g, b->region, a->region)) return "the new value is not seen where the old one is";
  return oi_type_equal(&a->type, &b->type) ? NULL : "types differ";
}

void oi_graph_replace_at(oinf_graph *g, oinf_val old_value, oinf_val new_value, const char *file,
                         int line) {
  if (oi_poisoned(g)) return;
  const char *why = why_not(g, old_value, new_value);
  if (why) {
    oi_graph_mistake(g, OINF_GRAPH, file, line, "oinf_graph_replace: %s", why);
    return;
  }
  if (old_value.id == new_value.id) return;
  edit e = {.g = g,
            .region = g->values.at[new_value.id].region,
            .old_id = old_value.id,
            .new_id = new_value.id};
  e.in_cone = oi_alloc(g->ctx, g->nodes.n * sizeof *e.in_cone);
  if (!e.in_cone) {
    oi_graph_nomem(g);
    return;
  }
  replace_all(&e);
  bool ok = move_cone(&e);
  oi_free(g->ctx, e.in_cone, g->nodes.n * sizeof *e.in_cone);
  g->verified = g->numbered = false;
  if (!ok)
    oi_graph_mistake(g, OINF_GRAPH, file, line,
                     "oinf_graph_replace: the new value would move an effect on a state");
}

// ---- graphs that a model carries ----

oinf_status oinf_graph_save(oinf_graph *g, oinf_model *model) {
  const char *text = oinf_graph_text(g);
  return text ? oi_model_set_graph(model, g->name, text, g->text.n) : oi_ctx_err(g->ctx)->status;
}

oinf_status oinf_graph_load(oinf_ctx *ctx, oinf_model *model, const char *name,
                            oinf_graph **out_graph) {
  oi_err *err = oi_ctx_err(ctx);
  if (!model) return oi_fail(err, OINF_USAGE, "no model to load a graph from");
  for (size_t i = 0; i < model->graphs.n; i++) {
    const oi_graph_text *t = &model->graphs.at[i];
    if (name && strcmp(t->name, name) != 0) continue;
    OI_TRY_AT(err, oinf_graph_parse(ctx, model, t->text, t->size, out_graph), "loading graph '%s'",
              t->name);
    return OINF_OK;
  }
  if (!model->graphs.n) return oi_fail(err, OINF_GRAPH, "the model holds no graph");
  return oi_fail(err, OINF_USAGE, "the model holds no graph '%s'; its first is '%s'", name,
                 model->graphs.at[0].name);
}
