// From a demand to a plan that is ready to run. Plans are kept; the arenas belong to the plan that
// runs and grow to the most that any has asked for, so that the weights' window stays in memory
// from prefill to decode.
#include <string.h>

#include "lib/rt/threads.h"
#include "sim/sim.h"

enum {
  KEEP_PLANS = 8
};
#define NO_LIMIT UINT64_MAX

// ---- bounds of symbols under a variant ----

static uint32_t variant_now(const oinf_sim *s) {
  for (uint32_t i = 0; i < s->graph->variants.n; i++) {
    const oi_variant_decl *v = &s->graph->variants.at[i];
    if (s->sym_known[v->sym] && s->sym[v->sym] == v->value) return i;
  }
  return (uint32_t)s->graph->variants.n;
}

static oinf_status make(oinf_sim *s, oi_run_plan *r) {
  oi_dims *dims = s->graph->dims;
  size_t n = oi_dims_sym_count(dims), bytes = (4 * n + 1) * sizeof(int64_t);
  int64_t *room = oi_alloc(s->ctx, bytes);
  if (!room) return oi_nomem(&s->err, bytes);
  int64_t *pin_lo = room, *pin_hi = room + n, *lo = room + 2 * n, *hi = room + 3 * n;
  memcpy(pin_lo, s->pin_lo, n * sizeof *lo);
  memcpy(pin_hi, s->pin_hi, n * sizeof *hi);
  if (r->variant < s->graph->variants.n) {
    const oi_variant_decl *v = &s->graph->variants.at[r->variant];
    pin_lo[v->sym] = pin_hi[v->sym] = v->value;
  }
  oi_dims_sym_bounds(dims, pin_lo, pin_hi, lo, hi);
  oi_plan_desc d = {.demands = r->demands,
                    .n_demands = r->n_demands,
                    .all_values = r->all_values,
                    .all_writes = r->all_writes,
                    .sym_lo = lo,
                    .sym_hi = hi,
                    .load_whole = s->desc.budget != OINF_BUDGET_NONE,
                    .threads = s->threads};
  oinf_status status = oi_plan_make(s->graph, &d, &s->err, &r->plan);
  oi_free(s->ctx, room, bytes);
  return status;
}

static bool same_plan(const oi_run_plan *r, uint32_t variant, const oi_demand *d, size_t n,
                      bool values, bool writes) {
  return r->variant == variant && r->n_demands == n && r->all_values == values &&
         r->all_writes == writes && (n == 0 || memcmp(r->demands, d, n * sizeof *d) == 0);
}

static void plan_free(oinf_sim *s, oi_run_plan *r) {
  if (s->weights_plan == &r->paging) s->weights_plan = NULL;
  if (s->now == r) s->now = NULL;
  oi_paging_free(s->ctx, &r->paging);
  oi_plan_free(&r->plan);
  oi_free(s->ctx, r->demands, r->n_demands * sizeof *r->demands);
  oi_free(s->ctx, r, sizeof *r);
}

void oi_sim_plans_free(oinf_sim *s) {
  for (size_t i = 0; i < s->plans.n; i++) plan_free(s, s->plans.at[i]);
  oi_vec_free(s->ctx, &s->plans);
}

static oinf_status new_plan(oinf_sim *s, uint32_t variant, const oi_demand *d, size_t n,
                            bool values, bool writes, oi_run_plan **out) {
  oi_run_plan *r = oi_alloc(s->ctx, sizeof *r);
  if (!r) return oi_nomem(&s->err, sizeof *r);
  *r = (oi_run_plan){.variant = variant, .all_values = values, .all_writes = writes};
  r->demands = n ? oi_alloc(s->ctx, n * sizeof *d) : NULL;
  oinf_status status = n && !r->demands ? oi_nomem(&s->err, n * sizeof *d) : OINF_OK;
  if (r->demands) memcpy(r->demands, d, n * sizeof *d), r->n_demands = n;
  if (status == OINF_OK) status = make(s, r);
  if (status != OINF_OK) return plan_free(s, r), status;
  *out = r;
  return OINF_OK;
}

static oinf_status keep_plan(oinf_sim *s, oi_run_plan *r) {
  if (s->plans.n == KEEP_PLANS) {
    plan_free(s, s->plans.at[0]);
    memmove(s->plans.at, s->plans.at + 1, --s->plans.n * sizeof *s->plans.at);
  }
  oi_run_plan **slot = oi_vec_push(s->ctx, &s->plans);
  if (!slot) return plan_free(s, r), oi_nomem(&s->err, sizeof *slot);
  *slot = r;
  return OINF_OK;
}

oinf_status oi_sim_plan(oinf_sim *s, const oi_demand *demands, size_t n, bool all_values,
                        bool all_writes, oi_run_plan **out_plan) {
  const uint32_t variant = variant_now(s);
  for (size_t i = 0; i < s->plans.n; i++) {
    if (!same_plan(s->plans.at[i], variant, demands, n, all_values, all_writes)) continue;
    return *out_plan = s->plans.at[i], OINF_OK;
  }
  oi_run_plan *r;
  OI_TRY(new_plan(s, variant, demands, n, all_values, all_writes, &r));
  OI_TRY(keep_plan(s, r));
  *out_plan = r;
  return OINF_OK;
}

// ---- arenas ----

static uint64_t backups(const oinf_sim *s) {
  uint64_t sum = 0;
  for (size_t i = 0; i < s->graph->states.n; i++)
    sum += s->states[i].appends ? 0 : s->states[i].bytes;
  return sum;
}

static uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

// Bytes of everything but the paged weights, once this plan's needs are counted in.
static uint64_t others(const oinf_sim *s, const oi_plan *p) {
  return most(s->act_need, p->activations) + most(s->room_need, p->room) +
         most(s->held_need, p->held) + s->states_bytes + backups(s) + s->made_bytes;
}

static oinf_status over_budget(oinf_sim *s, uint64_t smallest) {
  memset(&s->err, 0, sizeof s->err);
  return oi_fail(&s->err, OINF_BUDGET,
                 "the budget of %llu bytes is too small: at least %llu are needed",
                 (unsigned long long)s->desc.budget, (unsigned long long)smallest);
}

// Paging of a plan within the budget. `window`: of the plan that the pager is set for, kept where
// it serves.
static oinf_status page(oinf_sim *s, oi_run_plan *r, oi_paging_plan *out) {
  const uint64_t rest = others(s, &r->plan), budget = s->desc.budget;
  oi_err quiet = {OINF_OK, "", ""};
  if (budget == OINF_BUDGET_NONE) return oi_paging_make(&r->plan, s->pager, NO_LIMIT, &s->err, out);
  OI_TRY(oi_paging_make(&r->plan, s->pager, NO_LIMIT, &s->err, out));
  const uint64_t smallest = out->smallest, whole = out->bytes;
  if (budget == OINF_BUDGET_MIN) {
    oi_paging_free(s->ctx, out);
    return oi_paging_make(&r->plan, s->pager, smallest, &s->err, out);
  }
  if (budget < rest + smallest) return oi_paging_free(s->ctx, out), over_budget(s, rest + smallest);
  if (budget - rest >= whole) return OINF_OK;
  oi_paging_free(s->ctx, out);
  oinf_status status = oi_paging_make(&r->plan, s->pager, budget - rest, &quiet, out);
  return status == OINF_OK ? status : oi_fail(&s->err, status, "%s", quiet.message);
}

static oinf_status grow(oinf_sim *s, uint8_t **at, uint64_t *have, uint64_t want) {
  if (*have >= want && *at) return OINF_OK;
  uint8_t *p = oi_realloc(s->ctx, NULL, 0, want + OI_ALIGN);
  if (!p) return oi_nomem(&s->err, want);
  oi_free(s->ctx, *at, *have + OI_ALIGN);
  *at = p, *have = want;
  return OINF_OK;
}

static bool same_room(const oi_paging_plan *a, const oi_paging_plan *b) {
  return a->window.first == b->window.first && a->window.count == b->window.count &&
         a->slot == b->slot && a->row_slot == b->row_slot;
}

// The pager is set anew where the window or the slots differ; else only the order of reading ahead
// changes.
static oinf_status set_pager(oinf_sim *s, oi_run_plan *r) {
  if (s->weights_plan == &r->paging) return OINF_OK;
  bool keep = s->weights_plan && same_room(s->weights_plan, &r->paging);
  if (r->paging.bytes > s->weights_bytes || !s->weights) {
    oi_pager_stop(s->pager);
    keep = false;
    OI_TRY(grow(s, &s->weights, &s->weights_bytes, r->paging.bytes));
  }
  oi_pager_room room = {.memory = s->weights,
                        .window = r->paging.window,
                        .slot = r->paging.slot,
                        .row_slot = r->paging.row_slot,
                        .order = r->paging.order.at,
                        .n_order = r->paging.order.n};
  oi_pager_set(s->pager, &room, keep);
  s->weights_plan = &r->paging;
  s->cursor = (oi_cursor){{0, 0}, 0};
  return OINF_OK;
}

oinf_status oi_sim_ready(oinf_sim *s, oi_run_plan *r) {
  const bool fits = s->weights_plan && r->plan.activations <= s->act_need &&
                    r->plan.room <= s->room_need && r->plan.held <= s->held_need;
  if (!r->paging.bytes || !fits) {
    oi_paging_plan paging;
    OI_TRY(page(s, r, &paging));
    if (s->weights_plan == &r->paging) s->weights_plan = NULL;
    oi_paging_free(s->ctx, &r->paging);
    r->paging = paging;
  }
  s->act_need = most(s->act_need, r->plan.activations);
  s->room_need = most(s->room_need, r->plan.room);
  s->held_need = most(s->held_need, r->plan.held);
  OI_TRY(grow(s, &s->act, &s->act_bytes, s->act_need));
  OI_TRY(grow(s, &s->room, &s->room_bytes, s->room_need));
  OI_TRY(set_pager(s, r));
  s->now = r, s->pc = 0, s->depth = 0;
  return OINF_OK;
}

// ---- figures ----

static size_t all_outputs(const oinf_sim *s, oi_demand *d, size_t room) {
  size_t n = 0;
  for (size_t i = 0; i < s->graph->outputs.n && n < room; i++)
    d[n++] = (oi_demand){.value = s->graph->outputs.at[i].value};
  return n;
}

static oinf_status base_plan(oinf_sim *s, uint32_t variant, oi_run_plan **out) {
  enum {
    MOST = 64
  };
  oi_demand d[MOST];
  memset(d, 0, sizeof d);
  size_t n = all_outputs(s, d, MOST);
  return new_plan(s, variant, d, n, s->desc.demand_all, true, out);
}

oinf_status oi_sim_measure(oinf_sim *s, uint32_t variant, oinf_sim_plan *out) {
  oi_run_plan *r;
  oi_paging_plan all;
  OI_TRY(base_plan(s, variant, &r));
  oinf_status status = oi_paging_make(&r->plan, s->pager, NO_LIMIT, &s->err, &all);
  if (status == OINF_OK) {
    uint64_t smallest = others(s, &r->plan) + all.smallest;
    oi_paging_free(s->ctx, &all);
    status = page(s, r, &r->paging);
    *out = (oinf_sim_plan){.weights = r->paging.bytes + s->made_bytes,
                           .activations = most(s->act_need, r->plan.activations),
                           .states = s->states_bytes,
                           .io = most(s->held_need, r->plan.held),
                           .staging = most(s->room_need, r->plan.room) + backups(s),
                           .smallest = smallest,
                           .read_per_step = r->paging.read_per_step};
    out->peak = out->weights + out->activations + out->states + out->io + out->staging;
  }
  plan_free(s, r);
  return status;
}

// The usual plans, prefill first as the largest, say whether the budget can hold, before anything
// runs.
oinf_status oi_sim_base(oinf_sim *s) {
  oi_run_plan *r;
  OI_TRY(base_plan(s, (uint32_t)s->graph->variants.n, &r));
  oinf_status status = page(s, r, &r->paging);
  if (status == OINF_OK) {
    s->act_need = r->plan.activations, s->room_need = r->plan.room, s->held_need = r->plan.held;
  }
  plan_free(s, r);
  return status;
}
