// Where values lie while a plan runs: dims under the present symbols, bytes by the kind of their
// storage.
#include "sim/sim.h"

#include <string.h>

bool oi_sim_dim(const oinf_sim *s, oinf_dim d, int64_t *out) {
  if (!oi_dim_is_expr(d)) return *out = d, true;
  return oi_dims_eval(s->graph->dims, d, s->sym, out);
}

oinf_status oi_sim_type(oinf_sim *s, const oi_type *t, oi_view *out) {
  *out = (oi_view){.dtype = t->dtype, .rank = t->rank};
  for (uint32_t i = 0; i < t->rank; i++)
    if (!oi_sim_dim(s, t->dim[i], &out->dim[i]) || out->dim[i] < 0)
      return oi_fail(&s->err, OINF_GRAPH, "a dim cannot be told from the symbols of this step");
  return OINF_OK;
}

const char *oi_sim_label(oinf_sim *s, uint32_t value) {
  s->label.n = 0, s->label.failed = false;
  oi_value_label(s->graph, value, s->sym, &s->label);
  return s->label.failed || !s->label.at ? "?" : s->label.at;
}

// ---- states ----

uint8_t *oi_sim_state_at(oinf_sim *s, const oi_node *n, int64_t row) {
  const oi_state_room *r = &s->states[n->state];
  int64_t layer = 0;
  if (r->has_layers && !oi_sim_dim(s, n->a, &layer)) layer = 0;
  row -= oi_sim_first_row(s, n->state);
  return r->data + (uint64_t)layer * r->layer_bytes + (uint64_t)row * r->row_bytes;
}

static oinf_status state_view(oinf_sim *s, const oi_node *n, oi_view *out) {
  int64_t row = oi_sim_first_row(s, n->state);
  if (n->op == OP_STATE_WRITE && !oi_sim_dim(s, n->b, &row)) row = 0;
  out->data = oi_sim_state_at(s, n, row);
  return OINF_OK;
}

// ---- weights ----

oinf_status oi_sim_weight(oinf_sim *s, uint32_t node, int64_t *out_tensor) {
  *out_tensor = oi_weight_resolve(s->graph, node, s->sym);
  if (*out_tensor >= 0) return OINF_OK;
  if (*out_tensor == OI_NO_MEMORY) return oi_nomem(&s->err, 0);
  return oi_fail(&s->err, OINF_NOINPUT, "the model has no tensor '%s'",
                 oi_node_at(s->graph, node)->text);
}

oinf_status oi_sim_page(oinf_sim *s, oi_page page, bool row, const uint8_t **out) {
  switch (oi_pager_get(s->pager, page, row, out)) {
    case OI_PAGER_OK: oi_sim_paged(s); return OINF_OK;
    case OI_PAGER_IO:
      return oi_fail(&s->err, OINF_IO, "reading the weights: %s",
                     strerror(oi_pager_errno(s->pager)));
    case OI_PAGER_SHORT:
      return oi_fail(&s->err, OINF_IO, "the model's file has become shorter while in use");
    case OI_PAGER_CORRUPT: break;
  }
  return oi_fail(&s->err, OINF_CORRUPT, "checksum of block %llu of the weights does not match",
                 (unsigned long long)oi_pager_bad_block(s->pager));
}

int64_t oi_sim_tile(oinf_sim *s, const oi_extent *e, int64_t row, oi_page *out_page) {
  const oi_schedule order = oi_paging_schedule(s->weights_plan);
  return oi_pages_tile(&order, &s->cursor, e, row, out_page);
}

oinf_status oi_sim_load(oinf_sim *s, uint32_t node, uint8_t *out) {
  int64_t t;
  OI_TRY(oi_sim_weight(s, node, &t));
  const oi_tensor *tensor = &s->model->tensors.at[t];
  if (s->made[t]) return memcpy(out, s->made[t], tensor->pub.bytes), OINF_OK;
  oi_extent e;
  if (!oi_extent_of(s->model, s->pager, (uint32_t)t, &e)) return OINF_OK;  // no bytes
  for (int64_t row = 0; row < e.rows;) {
    oi_page page;
    const uint8_t *bytes;
    bool direct = oi_pager_mapped(s->pager, tensor->source);
    int64_t rows = e.rows - row;
    if (direct) page = oi_extent_page(&e, row, rows);
    else rows = oi_sim_tile(s, &e, row, &page);
    OI_TRY_AT(&s->err, oi_sim_page(s, page, false, &bytes), "reading tensor '%s'",
              tensor->pub.name);
    uint64_t at = e.at + (uint64_t)row * e.row_bytes - page.first * OI_BLOCK;
    memcpy(out + (uint64_t)row * e.row_bytes, bytes + at, (uint64_t)rows * e.row_bytes);
    row += rows;
  }
  return OINF_OK;
}

// A weight in place: mapped, in memory, made, or in the window as a whole.
static oinf_status weight_view(oinf_sim *s, uint32_t node, oi_view *out) {
  int64_t t;
  OI_TRY(oi_sim_weight(s, node, &t));
  if (s->made[t]) return out->data = s->made[t], OINF_OK;
  oi_extent e;
  if (!oi_extent_of(s->model, s->pager, (uint32_t)t, &e)) return OINF_OK;
  oi_page page = oi_extent_page(&e, 0, e.rows);
  const uint8_t *bytes;
  OI_TRY_AT(&s->err, oi_sim_page(s, page, false, &bytes), "reading tensor '%s'",
            s->model->tensors.at[t].pub.name);
  out->data = (void *)(uintptr_t)(bytes + (e.at - page.first * OI_BLOCK));
  return OINF_OK;
}

oinf_status oi_sim_view(oinf_sim *s, uint32_t value, oi_view *out) {
  OI_TRY(oi_sim_type(s, &oi_val_at(s->graph, value)->type, out));
  if (oi_sim_is_windowed(s, value)) out->dim[0] -= s->kept.first;
  const oi_storage *st = &s->now->plan.storages.at[s->now->plan.of_value[value]];
  switch (st->kind) {
    case OI_STORE_ACT:
      if (oi_view_bytes(out) > st->bytes)
        return oi_fail(&s->err, OINF_INTERNAL, "value %u has %llu bytes, and the plan says %llu",
                       value, (unsigned long long)oi_view_bytes(out),
                       (unsigned long long)st->bytes);
      out->data = s->act.at + st->offset;
      return OINF_OK;
    case OI_STORE_STATE: return state_view(s, oi_node_at(s->graph, st->node), out);
    case OI_STORE_WEIGHT: return weight_view(s, st->node, out);
    case OI_STORE_INPUT:
      for (size_t i = 0; i < s->graph->inputs.n; i++)
        if (oi_val_at(s->graph, s->graph->inputs.at[i])->node == st->node)
          out->data = (void *)(uintptr_t)s->inputs[i].data;
      return OINF_OK;
    case OI_STORE_NONE: break;
  }
  return oi_fail(&s->err, OINF_INTERNAL, "value %u has no storage in this plan", value);
}
