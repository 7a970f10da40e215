// Where values live. Storages are made in the order of the items, each with the span of items it
// lives over: a value from outside a loop that the loop uses lives to the loop's end, a carried
// value over all its segments. Activation offsets are then given largest first, each the lowest
// that no living neighbour covers; sizes are upper bounds of the symbols, so one arena serves every
// step of the plan. Reads and writes of states are views of the state itself where nothing
// overwrites them while they are used.
#include "compiler/plan.h"

#include <stdlib.h>
#include <string.h>

typedef struct memory {
  oi_plan *plan;
  oinf_graph *g;
  uint8_t *copied;                         // by node: a state access whose value cannot be a view
  uint32_t open[2 * OI_MAX_DEPTH], depth;  // LOOP items around
  bool failed;
} memory;

static uint32_t storage_new(memory *m, oi_storage_kind kind, uint32_t node, uint64_t bytes,
                            uint32_t at) {
  oi_storage *s = oi_vec_push(m->g->ctx, &m->plan->storages);
  if (!s) return m->failed = true, 0;
  *s = (oi_storage){.kind = kind, .node = node, .bytes = bytes, .first = at, .last = at};
  return (uint32_t)m->plan->storages.n - 1;
}

// Extends a storage to an item, and to the end of the outermost loop that it was brought into.
static void touch(memory *m, uint32_t id, uint32_t at) {
  if (!id) return;
  oi_storage *s = &m->plan->storages.at[id];
  uint32_t last = at;
  for (uint32_t i = 0; i < m->depth; i++) {
    if (m->open[i] <= s->first) continue;
    last = m->plan->items.at[m->open[i]].jump;
    break;
  }
  if (last > s->last) s->last = last;
}

static void give(memory *m, uint32_t value, uint32_t at) {
  uint32_t *of = &m->plan->of_value[value];
  if (!*of) {
    uint64_t bytes = oi_plan_bytes_hi(m->plan, &oi_val_at(m->g, value)->type);
    *of = storage_new(m, OI_STORE_ACT, 0, bytes, at);
  }
  touch(m, *of, at);
}

// Values that no item makes: inputs, weights in place, and what was aliased.
static void use(memory *m, uint32_t value, uint32_t at) {
  uint32_t *of = &m->plan->of_value[value];
  if (!*of) {
    uint32_t maker = oi_val_at(m->g, value)->node;
    uint32_t op = maker ? oi_node_at(m->g, maker)->op : 0;
    if (op == OP_INPUT) *of = storage_new(m, OI_STORE_INPUT, maker, 0, 0);
    else if (op == OP_WEIGHT) *of = storage_new(m, OI_STORE_WEIGHT, maker, 0, 0);
    else m->failed = true;
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
    if (!*of) *of = storage_new(m, OI_STORE_STATE, id, 0, at);
    touch(m, *of, at);
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
    give(m, body->params[i], at);
    m->plan->of_value[n->out[i]] = m->plan->of_value[body->params[i]];
  }
}

static void end_item(memory *m, const oi_item *item, uint32_t at) {
  const oi_node *n = oi_node_at(m->g, item->node);
  const oi_region *body = &m->g->regions.at[n->sub[0]];
  for (uint32_t i = 0; i < body->n_yields; i++) {
    if (!(item->carry >> i & 1)) continue;
    use(m, body->yields[i], at);
  }
  m->depth--;
  // A carried value lives through every segment, whether this one uses it or not.
  for (uint32_t i = 0; i < body->n_params; i++) touch(m, m->plan->of_value[body->params[i]], at);
}

static void if_item(memory *m, const oi_item *item, uint32_t at) {
  const oi_node *n = oi_node_at(m->g, item->node);
  use(m, n->in[0], at);
  const uint32_t endif = m->plan->items.at[item->jump].jump;
  for (int side = 0; side < 2; side++) {
    const oi_region *r = &m->g->regions.at[n->sub[side]];
    for (uint32_t i = 0; i < r->n_params; i++) {
      use(m, n->in[i + 1], at);
      m->plan->of_value[r->params[i]] = m->plan->of_value[n->in[i + 1]];
      touch(m, m->plan->of_value[r->params[i]], endif);
    }
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

// A loop without iterations gives its start values.
static void alias_empty_loops(memory *m) {
  for (uint32_t id = 1; id < m->g->nodes.n; id++) {
    const oi_node *n = oi_node_at(m->g, id);
    if (n->op != OP_LOOP || n->trips > 0) continue;
    for (uint32_t i = 0; i < n->n_out; i++)
      m->plan->of_value[n->out[i]] = m->plan->of_value[n->in[i]];
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
      alias_empty_loops(m);
      use(m, desc->demands[item->which].value, at);
      m->plan->hold_bytes[item->which] =
          oi_plan_bytes_hi(m->plan, &oi_val_at(m->g, desc->demands[item->which].value)->type);
      break;
  }
}

static bool lay_out(memory *m, const oi_plan_desc *desc) {
  m->plan->storages.n = 0, m->depth = 0, m->failed = false;
  memset(m->plan->of_value, 0, m->g->values.n * sizeof *m->plan->of_value);
  storage_new(m, OI_STORE_NONE, 0, 0, 0);
  for (uint32_t at = 0; at < m->plan->items.n && !m->failed; at++) one_item(m, at, desc);
  alias_empty_loops(m);
  return !m->failed;
}

// ---- views of states ----

static bool overwritten(const memory *m, const oi_storage *s) {
  uint32_t state = oi_node_at(m->g, s->node)->state;
  for (uint32_t at = s->first + 1; at <= s->last; at++) {
    const oi_item *item = &m->plan->items.at[at];
    if (item->kind != OI_ITEM_RUN) continue;
    const oi_node *n = oi_node_at(m->g, item->node);
    if (n->op == OP_STATE_WRITE && n->state == state && item->node != s->node) return true;
  }
  return false;
}

static bool mark_copied(memory *m) {
  bool any = false;
  for (size_t i = 1; i < m->plan->storages.n; i++) {
    const oi_storage *s = &m->plan->storages.at[i];
    if (s->kind != OI_STORE_STATE || !overwritten(m, s)) continue;
    m->copied[s->node] = 1, any = true;
  }
  return any;
}

// ---- offsets ----

typedef struct piece {
  const oi_plan *plan;
  uint32_t id;
} piece;

static int by_size(const void *a, const void *b) {
  const piece *x = a, *y = b;
  const oi_storage *s = &x->plan->storages.at[x->id], *t = &y->plan->storages.at[y->id];
  if (s->bytes != t->bytes) return s->bytes < t->bytes ? 1 : -1;
  return x->id < y->id ? -1 : 1;
}

static bool overlap(const oi_storage *a, const oi_storage *b) {
  return a->first <= b->last && b->first <= a->last;
}

// The lowest offset at which s meets none of the n pieces that have theirs.
static uint64_t lowest_gap(const oi_plan *p, const oi_storage *s, const piece *placed, size_t n) {
  uint64_t at = 0;
  for (size_t i = 0; i < n;) {
    const oi_storage *t = &p->storages.at[placed[i].id];
    bool hit = overlap(s, t) && at < t->offset + t->bytes && t->offset < at + s->bytes;
    if (hit) at = t->offset + t->bytes, i = 0;
    else i++;
  }
  return at;
}

static oinf_status place(oi_plan *p, oi_err *err) {
  oinf_ctx *ctx = p->graph->ctx;
  const size_t room = (p->storages.n + 1) * sizeof(piece);
  piece *pieces = oi_alloc(ctx, room);
  if (!pieces) return oi_nomem(err, room);
  size_t n = 0;
  oinf_status status = OINF_OK;
  for (uint32_t i = 1; i < p->storages.n; i++) {
    oi_storage *s = &p->storages.at[i];
    if (s->kind != OI_STORE_ACT) continue;
    if (!oi_align_u64(s->bytes ? s->bytes : 1, OI_ALIGN, &s->bytes) || s->bytes > (uint64_t)1 << 46)
      status = oi_fail(err, OINF_MEMORY, "a value needs more than 2^46 bytes: bound its symbols");
    pieces[n++] = (piece){p, i};
  }
  qsort(pieces, n, sizeof *pieces, by_size);
  for (size_t i = 0; i < n && status == OINF_OK; i++) {
    oi_storage *s = &p->storages.at[pieces[i].id];
    s->offset = lowest_gap(p, s, pieces, i);
    if (s->offset + s->bytes > p->activations) p->activations = s->offset + s->bytes;
  }
  oi_free(ctx, pieces, room);
  return status;
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

oinf_status oi_plan_memory(oi_plan *p, const oi_plan_desc *desc, oi_err *err) {
  memory m = {.plan = p, .g = p->graph};
  m.copied = oi_arena_alloc(&p->arena, p->graph->nodes.n);
  if (!m.copied || !lay_out(&m, desc)) return oi_nomem(err, p->graph->nodes.n);
  while (mark_copied(&m))
    if (!lay_out(&m, desc)) return oi_nomem(err, p->graph->nodes.n);
  OI_TRY(place(p, err));
  size_rest(p, desc);
  return OINF_OK;
}
