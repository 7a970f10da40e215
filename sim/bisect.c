// See bisect.h. The graph itself is walked, not a plan: the order of nodes is that of every plan,
// and a value's operands are found where they were made, through the loops and branches that
// carried them.
#include "sim/bisect.h"

#include <string.h>

static oinf_graph *graph(const oi_tool *t) { return t->graph; }

void oi_spots_free(oi_tool *t, oi_spots *list) {
  for (size_t i = 0; i < list->n; i++)
    oi_free(t->ctx, list->at[i].label, strlen(list->at[i].label) + 1);
  oi_vec_free(t->ctx, list);
}

int64_t oi_spots_find(const oi_spots *list, const char *label) {
  for (size_t i = 0; i < list->n; i++)
    if (strcmp(list->at[i].label, label) == 0) return (int64_t)i;
  return -1;
}

// Takes the place over with a copy of the label.
static oinf_status add(oi_tool *t, oi_spots *list, oi_spot p, const char *label) {
  const size_t size = strlen(label) + 1;
  p.label = oi_alloc(t->ctx, size);
  oi_spot *slot = p.label ? oi_vec_push(t->ctx, list) : NULL;
  if (!slot) return oi_free(t->ctx, p.label, size), oi_nomem(t->err, size);
  memcpy(p.label, label, size);
  *slot = p;
  return OINF_OK;
}

// Sets the indices of the loops around the value. Nothing of the simulation runs meanwhile.
static void stand(oi_tool *t, uint32_t value, const int64_t *at) {
  uint32_t loops[OI_MAX_DEPTH];
  const uint32_t depth = oi_value_depth(graph(t), value, loops);
  for (uint32_t i = 0; i < depth; i++)
    t->sim->sym[oi_node_at(graph(t), loops[i])->loop_sym] = at[i];
}

static oinf_status add_value(oi_tool *t, oi_spots *list, oi_spot p) {
  stand(t, p.value, p.at);
  const char *label = oi_sim_label(t->sim, p.value);
  return t->sim->label.failed ? oi_nomem(t->err, 0) : add(t, list, p, label);
}

// ---- the order of a step ----

static oinf_status walk(oi_tool *t, uint32_t region, oi_spot here, oi_spots *out);

static oinf_status walk_node(oi_tool *t, const oi_node *n, oi_spot here, oi_spots *out) {
  if (n->op == OP_LOOP) {
    for (int64_t i = 0; i < n->trips; i++) {
      oi_spot inner = here;
      inner.at[inner.depth++] = i;
      OI_TRY(walk(t, n->sub[0], inner, out));
    }
    return OINF_OK;
  }
  if (n->op == OP_IF) {
    OI_TRY(walk(t, n->sub[0], here, out));
    return walk(t, n->sub[1], here, out);
  }
  if (n->op == OP_INPUT || n->op == OP_WEIGHT || n->op == OP_NUM) return OINF_OK;
  for (uint32_t i = 0; i < n->n_out; i++) {
    here.value = n->out[i], here.op = oi_kind_name(n->op);
    here.is_end = n->op == OP_STATE_WRITE;
    OI_TRY(add_value(t, out, here));
  }
  return OINF_OK;
}

static oinf_status walk(oi_tool *t, uint32_t region, oi_spot here, oi_spots *out) {
  for (uint32_t id = graph(t)->regions.at[region].first; id; id = oi_node_at(graph(t), id)->next)
    OI_TRY(walk_node(t, oi_node_at(graph(t), id), here, out));
  return OINF_OK;
}

// Outputs are ends, also where a loop or a branch gives what was made within.
static void mark_ends(oi_spots *list, const oi_spots *ends) {
  for (size_t i = 0; i < ends->n; i++) {
    const int64_t at = oi_spots_find(list, ends->at[i].label);
    if (at >= 0) list->at[at].is_end = true;
  }
}

// ---- what made a value ----

static oinf_status made_by(oi_tool *t, oi_spot p, oi_spots *out);

static int param_index(const oi_region *r, uint32_t value) {
  for (uint32_t i = 0; i < r->n_params; i++)
    if (r->params[i] == value) return (int)i;
  return -1;
}

static oinf_status made_before(oi_tool *t, oi_spot p, oi_spots *out) {
  const oinf_graph *g = graph(t);
  const oi_region *r = &g->regions.at[oi_val_at(g, p.value)->region];
  const oi_node *n = oi_node_at(g, r->node);
  const int i = param_index(r, p.value);
  if (i < 0) return OINF_OK;
  if (n->op == OP_IF) p.value = n->in[i + 1];
  else if (p.at[p.depth - 1] > 0) p.at[p.depth - 1]--, p.value = r->yields[i];
  else p.depth--, p.value = n->in[i];
  return made_by(t, p, out);
}

static oinf_status made_inside(oi_tool *t, const oi_node *n, oi_spot p, oi_spots *out) {
  const oinf_graph *g = graph(t);
  uint32_t i = 0;
  while (n->out[i] != p.value) i++;
  for (int side = 0; side < oi_plan_sides(n->op); side++) {
    oi_spot inner = p;
    inner.value = g->regions.at[n->sub[side]].yields[i];
    if (n->op == OP_LOOP) {
      if (n->trips == 0) return p.value = n->in[i], made_by(t, p, out);
      inner.at[inner.depth++] = n->trips - 1;
    }
    inner.depth = oi_value_depth(g, inner.value, (uint32_t[OI_MAX_DEPTH]){0});
    OI_TRY(made_by(t, inner, out));
  }
  return OINF_OK;
}

// "input x", "weight blk.3.norm": no values that could be asked for.
static oinf_status add_source(oi_tool *t, const oi_node *n, oi_spot p, oi_spots *out) {
  oi_text name;
  oi_text_init(&name, t->ctx);
  stand(t, p.value, p.at);
  oi_text_put(&name, "%s ", oi_kind_name(n->op));
  if (n->op == OP_INPUT) oi_text_put(&name, "%s", n->text);
  else (void)oi_name_expand(graph(t), n->region, n->text, t->sim->sym, &name);
  p.value = 0;
  oinf_status status = name.failed ? oi_nomem(t->err, 0) : add(t, out, p, name.at);
  oi_text_free(&name);
  return status;
}

static oinf_status made_by(oi_tool *t, oi_spot p, oi_spots *out) {
  const oinf_graph *g = graph(t);
  const oi_value *v = oi_val_at(g, p.value);
  const oi_node *n = v->node ? oi_node_at(g, v->node) : NULL;
  p.depth = oi_value_depth(g, p.value, (uint32_t[OI_MAX_DEPTH]){0});
  if (!n) return made_before(t, p, out);
  if (oi_sim_is_windowed(t->sim, p.value)) return oi_spots_operands(t, &p, out);
  if (n->op == OP_LOOP || n->op == OP_IF) return made_inside(t, n, p, out);
  if (n->op == OP_NUM) return OINF_OK;
  if (n->op != OP_INPUT && n->op != OP_WEIGHT) return add_value(t, out, p);
  return add_source(t, n, p, out);
}

oinf_status oi_spots_operands(oi_tool *t, const oi_spot *p, oi_spots *out) {
  const oinf_graph *g = graph(t);
  const oi_node *n = oi_node_at(g, oi_val_at(g, p->value)->node);
  oi_spot from = *p;
  for (uint32_t i = 0; i < n->n_in; i++) {
    from.value = n->in[i];
    OI_TRY(made_by(t, from, out));
  }
  for (uint32_t id = n->op == OP_STATE_READ ? n->prev : 0; id; id = oi_node_at(g, id)->prev) {
    const oi_node *w = oi_node_at(g, id);
    if (w->op != OP_STATE_WRITE || w->state != n->state) continue;
    from.value = w->out[0];
    OI_TRY(made_by(t, from, out));
  }
  return OINF_OK;
}

oinf_status oi_spots_list(oi_tool *t, oi_spots *out) {
  const oinf_graph *g = graph(t);
  oi_spots ends = {0};
  oinf_status status = walk(t, 0, (oi_spot){0}, out);
  for (size_t i = 0; i < g->outputs.n && status == OINF_OK; i++)
    status = made_by(t, (oi_spot){.value = g->outputs.at[i].value}, &ends);
  if (status == OINF_OK) mark_ends(out, &ends);
  oi_spots_free(t, &ends);
  return status;
}
