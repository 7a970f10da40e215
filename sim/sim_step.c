// A step's beginning: symbols from what the caller set and from the shapes of the inputs, then
// everything that can be refused is refused, before anything runs.
#include <string.h>

#include "sim/sim.h"

static const oi_value *input_value(const oinf_sim *s, size_t i) {
  return oi_val_at(s->graph, s->graph->inputs.at[i]);
}
static const char *input_name(const oinf_sim *s, size_t i) {
  return oi_node_at(s->graph, input_value(s, i)->node)->text;
}
static const char *sym_name(const oinf_sim *s, size_t i) {
  return oi_dims_sym_at(s->graph->dims, i)->name;
}

// A dim of an input that is a bare symbol tells it.
static oinf_status learn(oinf_sim *s) {
  for (size_t i = 0; i < s->graph->inputs.n; i++) {
    const oi_type *t = &input_value(s, i)->type;
    if (!s->inputs[i].bound) continue;
    for (uint32_t k = 0; k < t->rank; k++) {
      int sym = oi_dims_sym_of(s->graph->dims, t->dim[k]);
      if (sym < 0) continue;
      int64_t have = s->inputs[i].view.dim[k];
      if (s->sym_known[sym] && s->sym[sym] != have)
        return oi_fail(&s->err, OINF_USAGE, "symbol %s is %lld, and input '%s' says %lld",
                       sym_name(s, (size_t)sym), (long long)s->sym[sym], input_name(s, i),
                       (long long)have);
      s->sym[sym] = have, s->sym_known[sym] = true;
    }
  }
  return OINF_OK;
}

static oinf_status check_bounds(oinf_sim *s) {
  for (size_t i = 0; i < oi_dims_sym_count(s->graph->dims); i++) {
    const oi_sym *sym = oi_dims_sym_at(s->graph->dims, i);
    int64_t lo, hi;
    if (sym->is_loop) continue;
    if (!s->sym_known[i])
      return oi_fail(&s->err, OINF_USAGE,
                     "symbol %s is not known: set it, or bind the input that tells it", sym->name);
    if (!oi_sim_dim(s, sym->lo, &lo) || !oi_sim_dim(s, sym->hi, &hi)) continue;
    if (s->pin_hi[i] < hi) hi = s->pin_hi[i];
    if (s->pin_lo[i] > lo) lo = s->pin_lo[i];
    if (s->sym[i] < lo || s->sym[i] > hi)
      return oi_fail(&s->err, OINF_USAGE, "symbol %s is %lld, outside %lld to %lld", sym->name,
                     (long long)s->sym[i], (long long)lo, (long long)hi);
  }
  return OINF_OK;
}

static oinf_status check_inputs(oinf_sim *s) {
  for (size_t i = 0; i < s->graph->inputs.n; i++) {
    oi_view want;
    if (!s->inputs[i].bound) continue;  // missed only where it is used
    OI_TRY(oi_sim_type(s, &input_value(s, i)->type, &want));
    for (uint32_t k = 0; k < want.rank; k++)
      if (s->inputs[i].view.dim[k] != want.dim[k])
        return oi_fail(&s->err, OINF_USAGE, "input '%s': axis %u is %lld, not %lld",
                       input_name(s, i), k, (long long)s->inputs[i].view.dim[k],
                       (long long)want.dim[k]);
  }
  return OINF_OK;
}

static bool speaks_of_loops(const oinf_sim *s, oinf_dim d) {
  for (size_t i = 0; i < oi_dims_sym_count(s->graph->dims); i++)
    if (oi_dims_sym_at(s->graph->dims, i)->is_loop && oi_dim_is_expr(d) &&
        oi_dims_uses(s->graph->dims, d, i))
      return true;
  return false;
}

static oinf_status check_condition(oinf_sim *s, const oi_condition *c) {
  int64_t a, b;
  if (speaks_of_loops(s, c->a) || speaks_of_loops(s, c->b))
    return OINF_OK;  // its kernels check them
  if (!oi_sim_dim(s, c->a, &a) || !oi_sim_dim(s, c->b, &b))
    return oi_fail(&s->err, OINF_GRAPH, "%s cannot be told from the symbols of this step", c->what);
  if (c->at_most ? a <= b : a == b) return OINF_OK;
  return oi_fail(&s->err, OINF_USAGE, "%s: %lld must be %s %lld", c->what, (long long)a,
                 c->at_most ? "at most" : "equal to", (long long)b);
}

// Rows over a state's capacity are refused before anything runs.
static oinf_status check_state_rows(oinf_sim *s) {
  for (uint32_t i = 1; i < s->graph->nodes.n; i++) {
    const oi_node *n = oi_node_at(s->graph, i);
    if (n->op != OP_STATE_READ && n->op != OP_STATE_WRITE) continue;
    oinf_dim rows = oi_val_at(s->graph, n->out[0])->type.dim[0];
    int64_t at = 0, count;
    if (speaks_of_loops(s, n->b) || speaks_of_loops(s, rows)) continue;
    if (n->op == OP_STATE_WRITE && !oi_sim_dim(s, n->b, &at)) continue;
    if (!oi_sim_dim(s, rows, &count) || (at >= 0 && count <= s->states[n->state].capacity - at))
      continue;
    return oi_fail(&s->err, OINF_USAGE, "state '%s' has %lld rows, and %lld are asked for",
                   s->graph->states.at[n->state].name, (long long)s->states[n->state].capacity,
                   (long long)(at + count));
  }
  return OINF_OK;
}

oinf_status oi_sim_begin(oinf_sim *s) {
  if (s->begun) return OINF_OK;
  OI_TRY(learn(s));
  OI_TRY(check_bounds(s));
  OI_TRY(check_inputs(s));
  for (size_t i = 0; i < s->graph->conditions.n; i++)
    OI_TRY(check_condition(s, &s->graph->conditions.at[i]));
  OI_TRY(check_state_rows(s));
  for (size_t i = 0; i < s->graph->states.n; i++)
    if (s->states[i].before) memcpy(s->states[i].before, s->states[i].data, s->states[i].bytes);
  s->begun = true, s->writes_done = s->ran = false;
  return OINF_OK;
}

// Before a second plan of a step, states that do not only grow go back to the step's beginning:
// what runs again then sees what it saw.
static void rewind_states(oinf_sim *s) {
  for (size_t i = 0; i < s->graph->states.n; i++)
    if (s->states[i].before) memcpy(s->states[i].data, s->states[i].before, s->states[i].bytes);
}

static void drop_step(oinf_sim *s) {
  for (size_t i = 0; i < s->held.n; i++)
    oi_free(s->ctx, s->held.at[i].data, s->held.at[i].room ? s->held.at[i].room : 1);
  s->held.n = 0, s->held_bytes = 0;
  for (size_t i = 0; i < s->graph->inputs.n; i++) s->inputs[i].bound = false;
  for (size_t i = 0; i < oi_dims_sym_count(s->graph->dims); i++)
    s->sym_known[i] = s->pin_lo[i] == s->pin_hi[i];
  s->begun = s->running = false;
}

static oinf_status inputs_are_bound(oinf_sim *s, const oi_plan *p) {
  for (size_t i = 1; i < p->storages.n; i++) {
    if (p->storages.at[i].kind != OI_STORE_INPUT) continue;
    for (size_t k = 0; k < s->graph->inputs.n; k++)
      if (input_value(s, k)->node == p->storages.at[i].node && !s->inputs[k].bound)
        return oi_fail(&s->err, OINF_USAGE, "input '%s' is not bound", input_name(s, k));
  }
  return OINF_OK;
}

oinf_status oi_sim_start(oinf_sim *s, const oi_demand *d, size_t n, bool values, bool writes) {
  oi_run_plan *r;
  OI_TRY(oi_sim_begin(s));
  OI_TRY(oi_sim_plan(s, d, n, values, writes, &r));
  OI_TRY(inputs_are_bound(s, &r->plan));
  OI_TRY(oi_sim_ready(s, r));
  if (s->ran) rewind_states(s);
  s->ran = s->running = true;
  return OINF_OK;
}

void oi_sim_finished(oinf_sim *s) {
  s->running = false;
  if (s->now->plan.writes_all) s->writes_done = true;
}

oinf_status oinf_sim_end(oinf_sim *s) {
  OI_TRY(oi_sim_ok(s));
  OI_TRY(oi_sim_begin(s));
  if (s->running) {
    OI_TRY(oi_sim_run(s));
    oi_sim_finished(s);
  }
  if (!s->writes_done && (s->graph->states.n || (s->desc.demand_all && !s->ran))) {
    OI_TRY(oi_sim_start(s, NULL, 0, s->desc.demand_all && !s->ran, true));
    OI_TRY(oi_sim_run(s));
  }
  drop_step(s);
  s->steps++;
  return OINF_OK;
}

oinf_status oinf_sim_abandon(oinf_sim *s) {
  OI_TRY(oi_sim_ok(s));
  if (s->begun && s->ran) rewind_states(s);
  drop_step(s);
  return OINF_OK;
}
