// What a step must hold, refused before anything runs: symbols from what the caller set and from
// the shapes of the inputs, their bounds, the graph's conditions, rows that fit the states.
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

// ---- symbols ----

static void take_given(oinf_sim *s) {
  for (size_t i = 0; i < oi_dims_sym_count(s->graph->dims); i++) {
    const bool pinned = s->pin_lo[i] == s->pin_hi[i];
    s->sym_known[i] = pinned || s->is_given[i];
    s->sym[i] = s->is_given[i] ? s->given[i] : pinned ? s->pin_lo[i] : 0;
  }
}

// A dim of an input that is a bare symbol tells it.
static oinf_status learn(oinf_sim *s) {
  for (size_t i = 0; i < s->graph->inputs.n; i++) {
    const oi_type *t = &input_value(s, i)->type;
    for (uint32_t k = 0; s->inputs[i].bound && k < t->rank; k++) {
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

// ---- conditions ----

static bool speaks_of(const oinf_sim *s, oinf_dim d, size_t sym) {
  return oi_dim_is_expr(d) && oi_dims_uses(s->graph->dims, d, sym);
}

static oinf_status check_once(oinf_sim *s, const oi_condition *c) {
  int64_t a, b;
  if (!oi_sim_dim(s, c->a, &a) || !oi_sim_dim(s, c->b, &b))
    return oi_fail(&s->err, OINF_GRAPH, "%s cannot be told from the symbols of this step", c->what);
  if (c->at_most ? a <= b : a == b) return OINF_OK;
  return oi_fail(&s->err, OINF_USAGE, "%s: %lld must be %s %lld", c->what, (long long)a,
                 c->at_most ? "at most" : "equal to", (long long)b);
}

// Does it hold whatever the loops' indices are, by the bounds of both sides alone?
static bool holds_by_bounds(oinf_sim *s, const oi_condition *c, int64_t *room) {
  oi_dims *dims = s->graph->dims;
  const size_t n = oi_dims_sym_count(dims);
  int64_t *lo = room, *hi = room + n, a_lo, a_hi, b_lo, b_hi;
  for (size_t i = 0; i < n; i++) {
    const oi_sym *sym = oi_dims_sym_at(dims, i);
    lo[i] = sym->is_loop ? sym->lo : s->sym[i];
    hi[i] = sym->is_loop ? sym->hi : s->sym[i];
  }
  oi_dims_bounds(dims, c->a, lo, hi, &a_lo, &a_hi);
  oi_dims_bounds(dims, c->b, lo, hi, &b_lo, &b_hi);
  return c->at_most ? a_hi <= b_lo : a_lo == a_hi && a_lo == b_lo && a_lo == b_hi;
}

// Every combination of the indices from symbol `sym` on.
static oinf_status check_each(oinf_sim *s, const oi_condition *c, size_t sym, uint32_t *turns) {
  const size_t n = oi_dims_sym_count(s->graph->dims);
  while (sym < n && !(oi_dims_sym_at(s->graph->dims, sym)->is_loop &&
                      (speaks_of(s, c->a, sym) || speaks_of(s, c->b, sym))))
    sym++;
  if (sym == n) return check_once(s, c);
  const int64_t trips = oi_dims_sym_at(s->graph->dims, sym)->hi;
  for (int64_t i = 0; i <= trips; i++) {
    if (++*turns > OI_MAX_TRIPS)
      return oi_fail(&s->err, OINF_SUPPORT, "%s: too many iterations to check", c->what);
    s->sym[sym] = i;
    OI_TRY(check_each(s, c, sym + 1, turns));
  }
  return OINF_OK;
}

static bool speaks_of_loops(const oinf_sim *s, oinf_dim d) {
  for (size_t i = 0; i < oi_dims_sym_count(s->graph->dims); i++)
    if (oi_dims_sym_at(s->graph->dims, i)->is_loop && speaks_of(s, d, i)) return true;
  return false;
}

static oinf_status check_condition(oinf_sim *s, const oi_condition *c, int64_t *room) {
  uint32_t turns = 0;
  if (!speaks_of_loops(s, c->a) && !speaks_of_loops(s, c->b)) return check_once(s, c);
  return holds_by_bounds(s, c, room) ? OINF_OK : check_each(s, c, 0, &turns);
}

static oinf_status check_conditions(oinf_sim *s) {
  const size_t bytes = (2 * oi_dims_sym_count(s->graph->dims) + 1) * sizeof(int64_t);
  int64_t *room = s->graph->conditions.n ? oi_alloc(s->ctx, bytes) : NULL;
  oinf_status status = OINF_OK;
  if (s->graph->conditions.n && !room) return oi_nomem(&s->err, bytes);
  for (size_t i = 0; i < s->graph->conditions.n && status == OINF_OK; i++)
    status = check_condition(s, &s->graph->conditions.at[i], room);
  oi_free(s->ctx, room, bytes);
  return status;
}

// Rows over a state's capacity.
static oinf_status check_state_rows(oinf_sim *s) {
  for (uint32_t i = 1; i < s->graph->nodes.n; i++) {
    const oi_node *n = oi_node_at(s->graph, i);
    if (n->op != OP_STATE_READ && n->op != OP_STATE_WRITE) continue;
    oinf_dim rows = oi_val_at(s->graph, n->out[0])->type.dim[0];
    int64_t at = 0, count;
    if (speaks_of_loops(s, n->b) || speaks_of_loops(s, rows)) continue;  // conditions say it
    if (n->op == OP_STATE_WRITE && !oi_sim_dim(s, n->b, &at)) continue;
    if (!oi_sim_dim(s, rows, &count) || (at >= 0 && count <= s->states[n->state].capacity - at))
      continue;
    return oi_fail(&s->err, OINF_USAGE, "state '%s' has %lld rows, and %lld are asked for",
                   s->graph->states.at[n->state].name, (long long)s->states[n->state].capacity,
                   (long long)(at + count));
  }
  return OINF_OK;
}

static oinf_status check_window(oinf_sim *s) {
  int64_t at;
  return oi_sim_dim(s, s->windowed.at, &at) ? oi_sim_window_check(s, at) : OINF_OK;
}

oinf_status oi_sim_check(oinf_sim *s) {
  take_given(s);
  OI_TRY(learn(s));
  OI_TRY(check_bounds(s));
  OI_TRY(check_inputs(s));
  OI_TRY(check_state_rows(s));
  OI_TRY(check_conditions(s));
  return check_window(s);
}
