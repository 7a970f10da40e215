// A step's beginning and end, and what is kept so that it can be taken back. A state that only
// grows needs nothing kept: rows behind its position are seen by nobody. It does where the position
// has gone back (a draft that was refused): the rows that will be overwritten are then kept. Any
// other state is copied as the step begins.
#include <string.h>

#include "sim/sim.h"

// ---- what states were ----

// The rows [first, end) that the step writes into a state that only grows.
static void written_rows(oinf_sim *s, uint32_t state, int64_t *first, int64_t *end) {
  *first = *end = 0;
  if (!oi_sim_dim(s, s->states[state].at, first)) return;
  *end = *first;
  for (uint32_t i = 1; i < s->graph->nodes.n; i++) {
    const oi_node *n = oi_node_at(s->graph, i);
    int64_t rows;
    if (n->op != OP_STATE_WRITE || n->state != state) continue;
    if (oi_sim_dim(s, oi_val_at(s->graph, n->out[0])->type.dim[0], &rows) && *first + rows > *end)
      *end = *first + rows;
  }
}

static oinf_status keep_rows(oinf_sim *s, uint32_t state) {
  oi_state_room *r = &s->states[state];
  int64_t first, end;
  if (r->at == OI_DIM_BAD) return OINF_OK;  // never written
  written_rows(s, state, &first, &end);
  const int64_t reach = r->slides ? oi_sim_window_reach(s) : r->reach;
  if (end > reach) end = reach;
  if (first >= end) return OINF_OK;
  r->before_row = first - oi_sim_first_row(s, state), r->before_rows = end - first;
  r->before_bytes = (uint64_t)r->layers * (uint64_t)r->before_rows * r->row_bytes;
  r->before = oi_alloc(s->ctx, r->before_bytes);
  if (!r->before) return oi_nomem(&s->err, r->before_bytes);
  return OINF_OK;
}

static void copy_rows(oi_state_room *r, bool back) {
  const uint64_t piece = (uint64_t)r->before_rows * r->row_bytes;
  for (int64_t l = 0; l < r->layers && piece; l++) {
    uint8_t *rows = r->data + (uint64_t)l * r->layer_bytes + (uint64_t)r->before_row * r->row_bytes;
    uint8_t *kept = r->before + (uint64_t)l * piece;
    if (back) memcpy(rows, kept, piece);
    else memcpy(kept, rows, piece);
  }
}

static void copy_states(oinf_sim *s, bool back) {
  for (size_t i = 0; i < s->graph->states.n; i++) {
    oi_state_room *r = &s->states[i];
    if (!r->before) continue;
    if (r->appends) copy_rows(r, back);
    else if (back) memcpy(r->data, r->before, r->bytes);
    else memcpy(r->before, r->data, r->bytes);
  }
}

static oinf_status keep_states(oinf_sim *s) {
  for (uint32_t i = 0; i < s->graph->states.n; i++)
    if (s->states[i].appends && !s->states[i].before) OI_TRY(keep_rows(s, i));
  copy_states(s, false);
  return OINF_OK;
}

static void forget_rows(oinf_sim *s) {
  for (size_t i = 0; i < s->graph->states.n; i++) {
    oi_state_room *r = &s->states[i];
    if (!r->appends || !r->before) continue;
    oi_free(s->ctx, r->before, r->before_bytes);
    r->before = NULL, r->before_bytes = 0;
  }
}

static bool has_copies(const oinf_sim *s) {
  for (size_t i = 0; i < s->graph->states.n; i++)
    if (!s->states[i].appends) return true;
  return false;
}

// Rows that were written stay in reach, also where a later step's position is before them.
static void reach_rows(oinf_sim *s) {
  for (uint32_t i = 0; i < s->graph->states.n; i++) {
    int64_t first, end;
    if (!s->states[i].appends || s->states[i].at == OI_DIM_BAD) continue;
    written_rows(s, i, &first, &end);
    if (end > s->states[i].reach) s->states[i].reach = end;
  }
  oi_sim_window_end(s);
}

// ---- begin ----

static oinf_status begin(oinf_sim *s) {
  if (s->begun) return OINF_OK;
  s->step_began = oi_sim_clock(s);
  OI_TRY(oi_sim_check(s));
  s->begun = true, s->writes_done = s->ran = s->shown = false;
  return OINF_OK;
}

static oinf_status inputs_are_bound(oinf_sim *s, const oi_plan *p) {
  for (size_t i = 1; i < p->storages.n; i++) {
    if (p->storages.at[i].kind != OI_STORE_INPUT) continue;
    for (size_t k = 0; k < s->graph->inputs.n; k++) {
      const uint32_t node = oi_val_at(s->graph, s->graph->inputs.at[k])->node;
      if (node == p->storages.at[i].node && !s->inputs[k].bound)
        return oi_fail(&s->err, OINF_USAGE, "input '%s' is not bound",
                       oi_node_at(s->graph, node)->text);
    }
  }
  return OINF_OK;
}

static oinf_status prepare(oinf_sim *s, const oi_demand *d, size_t n, bool values, bool writes) {
  oi_run_plan *r;
  OI_TRY(oi_sim_plan(s, d, n, values, writes, &r));
  OI_TRY(inputs_are_bound(s, &r->plan));
  if (!s->ran) oi_sim_window_begin(s);
  if (!s->ran) OI_TRY(keep_states(s));
  return oi_sim_ready(s, r);
}

// A second plan of the step finds the states as the step began: what runs again sees what it saw.
oinf_status oi_sim_start(oinf_sim *s, const oi_demand *d, size_t n, bool values, bool writes) {
  OI_TRY(begin(s));
  oinf_status status = prepare(s, d, n, values, writes);
  if (status != OINF_OK) {
    if (s->ran) return status;
    s->begun = false;  // it may be bound and set otherwise
    forget_rows(s), oi_sim_window_undo(s);
    return status;
  }
  if (s->ran) copy_states(s, true);
  if (has_copies(s)) s->writes_done = false;
  s->ran = s->running = true;
  return OINF_OK;
}

void oi_sim_finished(oinf_sim *s) {
  s->running = false;
  if (s->now->all_values) s->shown = true;
  if (s->now->plan.writes_all) s->writes_done = true;
}

// ---- end ----

void oi_sim_held_free(oinf_sim *s) {
  for (size_t i = 0; i < s->held.n; i++) {
    oi_free(s->ctx, s->held.at[i].data, s->held.at[i].room);
    oi_free(s->ctx, s->held.at[i].name, s->held.at[i].name_room);
  }
  s->held.n = 0, s->held_bytes = 0;
}

static void drop_step(oinf_sim *s) {
  oi_sim_held_free(s);
  forget_rows(s);
  for (size_t i = 0; i < s->graph->inputs.n; i++) s->inputs[i].bound = false;
  for (size_t i = 0; i < oi_dims_sym_count(s->graph->dims); i++) s->is_given[i] = false;
  s->begun = s->running = s->ran = s->shown = false;
}

static oinf_status run_out(oinf_sim *s) {
  OI_TRY(oi_sim_run(s));
  oi_sim_finished(s);
  return OINF_OK;
}

oinf_status oinf_sim_end(oinf_sim *s) {
  OI_TRY(oi_sim_ok(s));
  OI_TRY(begin(s));
  const bool show = s->desc.demand_all && !s->shown;
  if (s->running) OI_TRY(run_out(s));
  if ((!s->writes_done && s->graph->states.n) || (show && !s->shown)) {
    OI_TRY(oi_sim_start(s, NULL, 0, show && !s->shown, true));
    OI_TRY(run_out(s));
  }
  reach_rows(s);
  oi_sim_stepped(s, "end");
  drop_step(s);
  s->steps++;
  return OINF_OK;
}

oinf_status oinf_sim_abandon(oinf_sim *s) {
  OI_TRY(oi_sim_ok(s));
  if (s->begun && s->ran) copy_states(s, true), oi_sim_window_undo(s);
  oi_sim_stepped(s, "abandon");
  drop_step(s);
  return OINF_OK;
}
