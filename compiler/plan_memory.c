// Where values live, and how long. Storages are made in the order of the items, each with the spans
// of items that it lives over: a value from outside a loop that the loop uses lives to the loop's
// end, a carried value over all its segments, a value of the body in each segment for itself. Sizes
// are upper bounds of the symbols, so one arena serves every step of the plan. Reads and writes of
// states are views of the state itself where nothing overwrites them while they are used. Offsets
// are given in plan_place.c.
#include "compiler/plan.h"

#include <string.h>

typedef struct memory {
  oi_plan *plan;
  oinf_graph *g;
  uint8_t *copied;                         // by node: a state access whose value cannot be a view
  uint32_t open[2 * OI_MAX_DEPTH], depth;  // LOOP items around
  uint32_t lost;                           // a value that is used before it is made; 0: none
  bool failed;
} memory;

static uint32_t span_new(memory *m, uint32_t at, uint32_t before) {
  oi_span *s = oi_vec_push(m->g->ctx, &m->plan->spans);
  if (!s) return m->failed = true, 0;
  *s = (oi_span){.first = at, .last = at, .before = before};
  return (uint32_t)m->plan->spans.n - 1;
}

static uint32_t storage_new(memory *m, oi_storage_kind kind, uint32_t node, uint64_t bytes,
                            uint32_t at) {
  oi_storage *s = oi_vec_push(m->g->ctx, &m->plan->storages);
  if (!s) return m->failed = true, 0;
  *s = (oi_storage){.kind = kind, .node = node, .bytes = bytes};
  s->span = span_new(m, at, 0);
  return (uint32_t)m->plan->storages.n - 1;
}

// Extends a storage to an item, and to the end of the outermost loop that it was brought into.
static void touch(memory *m, uint32_t id, uint32_t at) {
  if (!id) return;
  oi_span *s = &m->plan->spans.at[m->plan->storages.at[id].span];
  uint32_t last = at;
  for (uint32_t i = 0; i < m->depth; i++) {
    if (m->open[i] <= s->first) continue;
    last = m->plan->items.at[m->open[i]].jump;
    break;
  }
  if (last > s->last) s->last = last;
}

// A value is made here: what its storage held before is over.
static void begin_span(memory *m, uint32_t id, uint32_t at) {
  if (!id || m->plan->spans.at[m->plan->storages.at[id].span].last >= at) return;
  uint32_t span = span_new(m, at, m->plan->storages.at[id].span);
  if (span) m->plan->storages.at[id].span = span;
}

// Room of its own for a value that is made here.
static void room_for(memory *m, uint32_t value, uint32_t at) {
  uint32_t *of = &m->plan->of_value[value];
  if (*of) return;
  uint64_t bytes = oi_plan_bytes_hi(m->plan, &oi_val_at(m->g, value)->type);
  *of = storage_new(m, OI_STORE_ACT, 0, bytes, at);
}

static void give(memory *m, uint32_t value, uint32_t at) {
  begin_span(m, m->plan->of_value[value], at);
  room_for(m, value, at);
}

// Values that no item makes: inputs, weights in place, and what was aliased.
static void use(memory *m, uint32_t value, uint32_t at) {
  uint32_t *of = &m->plan->of_value[value];
  if (!*of) {
    uint32_t maker = oi_val_at(m->g, value)->node;
    uint32_t op = maker ? oi_node_at(m->g, maker)->op : 0;
    if (op == OP_INPUT) *of = storage_new(m, OI_STORE_INPUT, maker, 0, 0);
    else if (op == OP_WEIGHT) *of = storage_new(m, OI_STORE_WEIGHT, maker, 0, 0);
    else m->failed = true, m->lost = value;
  }
  touch(m, *of, at);
}

static void run_item(memory *m, uint32_t id, uint32_t at) {
  const oi_node *n = oi_node_at(m->g, id);
  for (uint32_t i = 0; i < n->n_in; i++) use(m, n->in[i], at);
  if (oi_plan_is_view(n->op)) {
    m->plan->of_value[n->out[0]] = m->plan->of_value[n->in[0]];
    return;
  }
  bool state = n->op == OP_STATE_READ || n->op == OP_STATE_WRITE;
  if (state && !m->copied[id]) {
    uint32_t *of = &m->plan->of_value[n->out[0]];
    begin_span(m, *of, at);
    if (!*of) *of = storage_new(m, OI_STORE_STATE, id, 0, at);
    return;
  }
  for (uint32_t i = 0; i < n->n_out; i++) give(m, n->out[i], at);
}

static void loop_item(memory *m, const oi_item *item, uint32_t at) {
  const oi_node *n = oi_node_at(m->g, item->node);
  const oi_region *body = &m->g->regions.at[n->sub[0]];
  for (uint32_t i = 0; i < n->n_in; i++)
    if (item->carry >> i & 1) use(m, n->in[i], at);
  m->open[m->depth++] = at;
  for (uint32_t i = 0; i < body->n_params; i++) {
    room_for(m, body->params[i], at);
    touch(m, m->plan->of_value[body->params[i]], at);
    m->plan->of_value[n->out[i]] = m->plan->of_value[body->params[i]];
  }
}

// For this item alone.
static void wait_room(memory *m, uint32_t param, uint32_t at) {
  uint32_t *of = &m->plan->of_wait[param];
  begin_span(m, *of, at);
  if (!*of)
    *of = storage_new(m, OI_STORE_ACT, 0, oi_plan_bytes_hi(m->plan, &oi_val_at(m->g, param)->type),
                      at);
}

static void end_item(memory *m, const oi_item *item, uint32_t at) {
  const oi_node *n = oi_node_at(m->g, item->node);
  const oi_region *body = &m->g->regions.at[n->sub[0]];
  for (uint32_t i = 0; i < body->n_yields; i++) {
    if (!(item->carry >> i & 1)) continue;
    use(m, body->yields[i], at);
  }
  for (uint32_t i = 0; i < body->n_yields; i++)
    if (oi_plan_waits(m->plan, body, item->carry, i)) wait_room(m, body->params[i], at);
  m->depth--;
  // A carried value lives through every segment, whether this one uses it or not.
  for (uint32_t i = 0; i < body->n_params; i++) touch(m, m->plan->of_value[body->params[i]], at);
}

static void if_item(memory *m, const oi_item *item, uint32_t at) {
  const oi_node *n = oi_node_at(m->g, item->node);
  use(m, n->in[0], at);
  const uint32_t endif = m->plan->items.at[item->jump].jump;
  for (uint32_t i = 0; i + 1 < n->n_in; i++) {
    if (!(item->carry >> i & 1)) continue;
    use(m, n->in[i + 1], at);
    touch(m, m->plan->of_value[n->in[i + 1]], endif);
    for (int side = 0; side < 2; side++)
      m->plan->of_value[m->g->regions.at[n->sub[side]].params[i]] = m->plan->of_value[n->in[i + 1]];
  }
  for (uint32_t i = 0; i < n->n_out; i++)
    if (m->plan->items.at[item->jump].carry >> i & 1) give(m, n->out[i], at);
}

static void side_end(memory *m, const oi_item *item, int side, uint32_t at) {
  const oi_node *n = oi_node_at(m->g, item->node);
  const oi_region *r = &m->g->regions.at[n->sub[side]];
  for (uint32_t i = 0; i < r->n_yields; i++) {
    if (!(item->carry >> i & 1)) continue;
    use(m, r->yields[i], at);
    touch(m, m->plan->of_value[n->out[i]], at);
  }
}

static void one_item(memory *m, uint32_t at, const oi_plan_desc *desc) {
  const oi_item *item = &m->plan->items.at[at];
  switch (item->kind) {
    case OI_ITEM_RUN: run_item(m, item->node, at); break;
    case OI_ITEM_LOAD: give(m, oi_node_at(m->g, item->node)->out[0], at); break;
    case OI_ITEM_LOOP: loop_item(m, item, at); break;
    case OI_ITEM_END: end_item(m, item, at); break;
    case OI_ITEM_IF: if_item(m, item, at); break;
    case OI_ITEM_ELSE: side_end(m, item, 0, at); break;
    case OI_ITEM_ENDIF: side_end(m, item, 1, at); break;
    case OI_ITEM_HOLD:
      use(m, desc->demands[item->which].value, at);
      m->plan->hold_bytes[item->which] =
          oi_plan_bytes_hi(m->plan, &oi_val_at(m->g, desc->demands[item->which].value)->type);
      break;
  }
}

static bool lay_out(memory *m, const oi_plan_desc *desc) {
  m->plan->storages.n = m->plan->spans.n = 0, m->depth = 0, m->failed = false;
  memset(m->plan->of_value, 0, m->g->values.n * sizeof *m->plan->of_value);
  memset(m->plan->of_wait, 0, m->g->values.n * sizeof *m->plan->of_wait);
  span_new(m, 0, 0);
  storage_new(m, OI_STORE_NONE, 0, 0, 0);
  for (uint32_t at = 0; at < m->plan->items.n && !m->failed; at++) one_item(m, at, desc);
  return !m->failed;
}

// ---- views of states ----

static bool overwritten(const memory *m, const oi_storage *s, const oi_span *span) {
  uint32_t state = oi_node_at(m->g, s->node)->state;
  for (uint32_t at = span->first + 1; at <= span->last; at++) {
    const oi_item *item = &m->plan->items.at[at];
    if (item->kind != OI_ITEM_RUN) continue;
    const oi_node *n = oi_node_at(m->g, item->node);
    if (n->op == OP_STATE_WRITE && n->state == state && item->node != s->node) return true;
  }
  return false;
}

static bool ever_overwritten(const memory *m, const oi_storage *s) {
  for (uint32_t i = s->span; i; i = m->plan->spans.at[i].before)
    if (overwritten(m, s, &m->plan->spans.at[i])) return true;
  return false;
}

static bool mark_copied(memory *m) {
  bool any = false;
  for (size_t i = 1; i < m->plan->storages.n; i++) {
    const oi_storage *s = &m->plan->storages.at[i];
    if (s->kind != OI_STORE_STATE || !ever_overwritten(m, s)) continue;
    m->copied[s->node] = 1, any = true;
  }
  return any;
}

// ---- scratch of kernels ----

static void view_bounds(const oi_plan *p, const oi_type *t, oi_view *lo, oi_view *hi) {
  *lo = *hi = (oi_view){.dtype = t->dtype, .rank = t->rank};
  for (uint32_t i = 0; i < t->rank; i++)
    oi_dims_bounds(p->graph->dims, t->dim[i], p->sym_lo, p->sym_hi, &lo->dim[i], &hi->dim[i]);
}

static uint64_t room_of(const oi_plan *p, const oi_node *n, const oi_plan_desc *desc) {
  const oi_op_info *info = oi_op_info_of((oi_op)n->op);
  oi_view in[OINF_MAX_SPLIT], least[OINF_MAX_SPLIT], out[OINF_MAX_SPLIT], unused;
  if (!info->room || n->n_in > OINF_MAX_SPLIT || n->n_out > OINF_MAX_SPLIT) return 0;
  for (uint32_t i = 0; i < n->n_in; i++)
    view_bounds(p, &oi_val_at(p->graph, n->in[i])->type, &least[i], &in[i]);
  for (uint32_t i = 0; i < n->n_out; i++)
    view_bounds(p, &oi_val_at(p->graph, n->out[i])->type, &unused, &out[i]);
  static const int64_t none[2 * OINF_MAX_SPLIT];
  oi_call c = {.args = n->args,
               .dims = none,
               .in = in,
               .least = least,
               .n_in = n->n_in,
               .out = out,
               .n_out = n->n_out,
               .tiled = -1,
               .threads = desc->threads};
  return info->room(&c);
}

static void size_rest(oi_plan *p, const oi_plan_desc *desc) {
  for (size_t i = 0; i < p->items.n; i++) {
    const oi_item *item = &p->items.at[i];
    if (item->kind == OI_ITEM_HOLD)
      p->held += (p->hold_bytes[item->which] + OI_ALIGN - 1) / OI_ALIGN * OI_ALIGN;
    if (item->kind != OI_ITEM_RUN || oi_node_at(p->graph, item->node)->op >= OP_COUNT) continue;
    uint64_t room = room_of(p, oi_node_at(p->graph, item->node), desc);
    if (room > p->room) p->room = room;
  }
}

static oinf_status failure(const memory *m, oi_err *err) {
  if (!m->lost) return oi_nomem(err, m->plan->items.n * sizeof(oi_storage));
  return oi_fail(err, OINF_INTERNAL, "value %u is used before the plan makes it", m->lost);
}

oinf_status oi_plan_memory(oi_plan *p, const oi_plan_desc *desc, oi_err *err) {
  memory m = {.plan = p, .g = p->graph};
  m.copied = oi_arena_alloc(&p->arena, p->graph->nodes.n);
  if (!m.copied || !lay_out(&m, desc)) return failure(&m, err);
  while (mark_copied(&m))
    if (!lay_out(&m, desc)) return failure(&m, err);
  size_rest(p, desc);
  return OINF_OK;
}
