// The interpreter of a plan's items. It stands on item pc and a stack of loops, so that a caller
// can stop between any two items; values are shown to the hooks as they are made, for their memory
// may be given away an item later.
#include <string.h>

#include "sim/sim.h"

static oinf_status show(oinf_sim *s, uint32_t value) {
  oi_view v;
  OI_TRY(oi_sim_view(s, value, &v));
  oinf_array a = {.name = oi_sim_label(s, value),
                  .dtype = v.dtype,
                  .rank = v.rank,
                  .data = v.data,
                  .bytes = oi_view_bytes(&v)};
  if (s->label.failed) return oi_nomem(&s->err, 0);
  memcpy(a.dims, v.dim, sizeof a.dims);
  s->desc.on_value(s->desc.user, s->steps, &a, oi_view_hash(&v));
  return OINF_OK;
}

static oinf_status run_node(oinf_sim *s, uint32_t id) {
  const oi_node *n = oi_node_at(s->graph, id);
  if (s->desc.on_node && n->n_out)
    s->desc.on_node(s->desc.user, s->steps, oi_sim_label(s, n->out[0]), oi_kind_name(n->op));
  const uint64_t begin = oi_sim_clock(s);
  OI_TRY_AT(&s->err, oi_sim_dispatch(s, id), "running %s '%s' of step %llu", oi_kind_name(n->op),
            n->n_out ? oi_sim_label(s, n->out[0]) : "", (unsigned long long)s->steps);
  oi_sim_ran(s, id, begin);
  if (!s->now->all_values || !s->desc.on_value || n->op == OP_NUM) return OINF_OK;
  for (uint32_t i = 0; i < n->n_out; i++)
    if (!oi_sim_is_windowed(s, n->out[i])) OI_TRY(show(s, n->out[i]));
  return OINF_OK;
}

static oinf_status load_weight(oinf_sim *s, uint32_t id) {
  oi_view v;
  OI_TRY(oi_sim_view(s, oi_node_at(s->graph, id)->out[0], &v));
  const uint64_t begin = oi_sim_clock(s);
  OI_TRY(oi_sim_load(s, id, v.data));
  return oi_sim_ran(s, id, begin), OINF_OK;
}

// ---- carried values ----

static oinf_status copy_value(oinf_sim *s, uint32_t from, uint32_t to) {
  oi_view a, b;
  OI_TRY(oi_sim_view(s, from, &a));
  OI_TRY(oi_sim_view(s, to, &b));
  if (a.data != b.data && oi_view_bytes(&b)) memmove(b.data, a.data, oi_view_bytes(&b));
  return OINF_OK;
}

static oinf_status copy_values(oinf_sim *s, const uint32_t *from, const uint32_t *to, uint32_t n,
                               uint64_t bits) {
  for (uint32_t i = 0; i < n; i++)
    if (bits >> i & 1) OI_TRY(copy_value(s, from[i], to[i]));
  return OINF_OK;
}

static uint8_t *wait_at(const oinf_sim *s, uint32_t param) {
  const oi_plan *p = &s->now->plan;
  return s->act.at + p->storages.at[p->of_wait[param]].offset;
}

// Yields that an earlier copy would overwrite (carried values that change places) wait in memory of
// the plan's.
static oinf_status copy_back(oinf_sim *s, const oi_region *body, uint64_t bits) {
  const oi_plan *p = &s->now->plan;
  oi_view v;
  for (uint32_t i = 0; i < body->n_yields; i++) {
    if (!oi_plan_waits(p, body, bits, i)) continue;
    OI_TRY(oi_sim_view(s, body->yields[i], &v));
    memcpy(wait_at(s, body->params[i]), v.data, oi_view_bytes(&v));
  }
  for (uint32_t i = 0; i < body->n_yields; i++) {
    if (!(bits >> i & 1)) continue;
    if (!oi_plan_waits(p, body, bits, i)) {
      OI_TRY(copy_value(s, body->yields[i], body->params[i]));
      continue;
    }
    OI_TRY(oi_sim_view(s, body->params[i], &v));
    memcpy(v.data, wait_at(s, body->params[i]), oi_view_bytes(&v));
  }
  return OINF_OK;
}

static oinf_status begin_loop(oinf_sim *s, const oi_item *item) {
  const oi_node *n = oi_node_at(s->graph, item->node);
  const oi_region *body = &s->graph->regions.at[n->sub[0]];
  s->frames[s->depth++] = (oi_loop_frame){s->pc, item->from};
  s->sym[n->loop_sym] = item->from;
  OI_TRY(copy_values(s, n->in, body->params, body->n_params, item->carry));
  return s->pc++, OINF_OK;
}

static oinf_status end_loop(oinf_sim *s, const oi_item *item) {
  const oi_node *n = oi_node_at(s->graph, item->node);
  oi_loop_frame *f = &s->frames[s->depth - 1];
  OI_TRY(copy_back(s, &s->graph->regions.at[n->sub[0]], item->carry));
  if (++f->i < item->to) {
    s->sym[n->loop_sym] = f->i;
    s->pc = f->item + 1;
    return OINF_OK;
  }
  s->depth--;
  return s->pc++, OINF_OK;
}

// The weights of the side that is taken, or of what is behind it, may be read ahead.
static void turn(oinf_sim *s, bool other) {
  size_t next;
  const oi_schedule order = oi_paging_schedule(s->weights_plan);
  if (oi_pages_turn(&order, &s->cursor, s->pc, other, &next)) oi_pager_go(s->pager, next);
}

static oinf_status branch(oinf_sim *s, const oi_item *item) {
  oi_view v;
  int64_t taken;
  OI_TRY(oi_sim_view(s, oi_node_at(s->graph, item->node)->in[0], &v));
  oi_load_i64(&taken, &v, 0, 1);
  turn(s, !taken);
  s->pc = taken ? s->pc + 1 : item->jump + 1;
  return OINF_OK;
}

static oinf_status end_side(oinf_sim *s, const oi_item *item, int side) {
  const oi_node *n = oi_node_at(s->graph, item->node);
  const oi_region *r = &s->graph->regions.at[n->sub[side]];
  OI_TRY(copy_values(s, r->yields, n->out, r->n_yields, item->carry));
  if (side == 0) turn(s, true);
  s->pc = side == 0 ? item->jump + 1 : s->pc + 1;
  return OINF_OK;
}

// ---- what is kept for the caller ----

static oinf_status keep_copy(oinf_sim *s, oi_held *h, const oi_view *v) {
  const char *label = oi_sim_label(s, h->what.value);
  h->room = oi_view_bytes(v), h->name_room = strlen(label) + 1;
  h->data = oi_realloc(s->ctx, NULL, 0, h->room ? h->room : 1);
  h->name = oi_alloc(s->ctx, h->name_room);
  if (!h->data || !h->name || s->label.failed) return oi_nomem(&s->err, h->room);
  if (h->room) memcpy(h->data, v->data, h->room);
  memcpy(h->name, label, h->name_room);
  h->array = (oinf_array){
      .name = h->name, .dtype = v->dtype, .rank = v->rank, .data = h->data, .bytes = h->room};
  memcpy(h->array.dims, v->dim, sizeof h->array.dims);
  return OINF_OK;
}

// A plan that is run again after a failure may find the value held already.
static oinf_status hold(oinf_sim *s, uint32_t which) {
  const oi_demand *d = &s->now->demands[which];
  oi_held made = {.what = *d};
  oi_view v;
  if (oi_sim_held(s, d) || oi_sim_is_windowed(s, d->value)) return OINF_OK;
  OI_TRY(oi_sim_view(s, d->value, &v));
  oinf_status status = keep_copy(s, &made, &v);
  oi_held *h = status == OINF_OK ? oi_vec_push(s->ctx, &s->held) : NULL;
  if (!h) {
    oi_free(s->ctx, made.data, made.room);
    oi_free(s->ctx, made.name, made.name_room);
    return status == OINF_OK ? oi_nomem(&s->err, sizeof *h) : status;
  }
  *h = made;
  s->held_bytes += h->room;
  v.data = h->data;
  oi_canonical_nan(&v);
  if (s->desc.on_value && !s->now->all_values)
    s->desc.on_value(s->desc.user, s->steps, &h->array, oi_view_hash(&v));
  return OINF_OK;
}

// Blocks are proved once where they are mapped or stay in memory. A file that was written to since
// is not what was proved.
static oinf_status check_files(oinf_sim *s) {
  for (size_t i = 0; i < s->model->sources.n; i++) {
    oi_source_mark now;
    const oi_source *from = &s->model->sources.at[i];
    if (!oi_source_look(from, &now) || memcmp(&now, &s->marks[i], sizeof now) == 0) continue;
    if (now.size < s->marks[i].size)
      return oi_fail(&s->err, OINF_IO, "'%s' has become shorter while in use", from->path);
    return oi_fail(&s->err, OINF_CORRUPT, "'%s' was written to while in use", from->path);
  }
  return OINF_OK;
}

static oinf_status finish(oinf_sim *s) {
  OI_TRY(check_files(s));
  return oi_sim_keeps(s);
}

oinf_status oi_sim_item(oinf_sim *s, bool *out_done) {
  const oi_plan *p = &s->now->plan;
  *out_done = s->pc >= p->items.n;
  if (*out_done) return finish(s);
  const oi_item *item = &p->items.at[s->pc];
  oinf_status status = OINF_OK;
  if (s->desc.on_cancel && s->desc.on_cancel(s->desc.user))
    return s->running = false, oi_fail(&s->err, OINF_CANCEL, "interrupted");
  switch (item->kind) {
    case OI_ITEM_RUN: status = run_node(s, item->node), s->pc++; break;
    case OI_ITEM_LOAD: status = load_weight(s, item->node), s->pc++; break;
    case OI_ITEM_HOLD: status = hold(s, item->which), s->pc++; break;
    case OI_ITEM_LOOP: status = begin_loop(s, item); break;
    case OI_ITEM_END: status = end_loop(s, item); break;
    case OI_ITEM_IF: status = branch(s, item); break;
    case OI_ITEM_ELSE: status = end_side(s, item, 0); break;
    case OI_ITEM_ENDIF: status = end_side(s, item, 1); break;
  }
  *out_done = status == OINF_OK && s->pc >= p->items.n;
  if (*out_done) status = finish(s);
  if (status != OINF_OK) s->running = false;  // what is asked for next begins anew
  return status;
}

oinf_status oi_sim_run(oinf_sim *s) {
  bool done = false;
  while (!done) OI_TRY(oi_sim_item(s, &done));
  return OINF_OK;
}
