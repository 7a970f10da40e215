// From a demand to a plan that is ready to run. Plans are kept; the arenas belong to the plan that
// runs and grow to the most that any has asked for, so that the weights' window stays in memory
// from prefill to decode.
#include <string.h>

#include "sim/sim.h"

enum {
  KEEP_PLANS = 8
};
#define NO_LIMIT UINT64_MAX
#define LEAST 0

// ---- bounds of symbols under a variant ----

static uint32_t variant_now(const oinf_sim *s) {
  for (uint32_t i = 0; i < s->graph->variants.n; i++) {
    const oi_variant_decl *v = &s->graph->variants.at[i];
    if (s->sym_known[v->sym] && s->sym[v->sym] == v->value) return i;
  }
  return (uint32_t)s->graph->variants.n;
}

static oinf_status make(oinf_sim *s, oi_run_plan *r, bool load_whole) {
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
                    .load_whole = load_whole,
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
                            bool values, bool writes, bool load_whole, oi_run_plan **out) {
  oi_run_plan *r = oi_alloc(s->ctx, sizeof *r);
  if (!r) return oi_nomem(&s->err, sizeof *r);
  *r = (oi_run_plan){.variant = variant, .all_values = values, .all_writes = writes};
  r->demands = n ? oi_alloc(s->ctx, n * sizeof *d) : NULL;
  oinf_status status = n && !r->demands ? oi_nomem(&s->err, n * sizeof *d) : OINF_OK;
  if (r->demands) memcpy(r->demands, d, n * sizeof *d), r->n_demands = n;
  if (status == OINF_OK) status = make(s, r, load_whole);
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
  if (!slot) return plan_free(s, r), oi_nomem(&s->err, sizeof r);
  *slot = r;
  return OINF_OK;
}

oinf_status oi_sim_plan(oinf_sim *s, const oi_demand *demands, size_t n, bool all_values,
                        bool all_writes, oi_run_plan **out_plan) {
  const uint32_t variant = variant_now(s);
  for (size_t i = 0; i < s->plans.n; i++) {
    oi_run_plan *have = s->plans.at[i];
    if (!same_plan(have, variant, demands, n, all_values, all_writes)) continue;
    memmove(s->plans.at + i, s->plans.at + i + 1, (s->plans.n - i - 1) * sizeof *s->plans.at);
    s->plans.at[s->plans.n - 1] = have;
    return *out_plan = have, OINF_OK;
  }
  oi_run_plan *r;
  const bool whole = s->desc.budget != OINF_BUDGET_NONE;
  OI_TRY(new_plan(s, variant, demands, n, all_values, all_writes, whole, &r));
  OI_TRY(keep_plan(s, r));
  *out_plan = r;
  return OINF_OK;
}

// ---- arenas ----

static uint64_t backups(const oinf_sim *s) {
  uint64_t sum = 0;
  for (size_t i = 0; i < s->graph->states.n; i++)
    sum += s->states[i].appends ? s->states[i].before_bytes : s->states[i].bytes;
  return sum;
}

static uint64_t most(uint64_t a, uint64_t b) { return a > b ? a : b; }

static uint64_t held_need(const oinf_sim *s, const oi_plan *p) {
  return most(s->held_need, s->held_bytes + p->held);
}

// Bytes of everything but the paged weights, once this plan's needs are counted in.
static uint64_t others(const oinf_sim *s, const oi_plan *p) {
  return most(s->act_need, p->activations) + most(s->room_need, p->room) + held_need(s, p) +
         s->states_bytes + backups(s) + s->made_bytes;
}

uint64_t oi_sim_allocated(const oinf_sim *s) {
  return s->act.bytes + s->room.bytes + s->weights.bytes + s->held_bytes + s->states_bytes +
         backups(s) + s->made_bytes;
}

static oinf_status over_budget(oinf_sim *s, uint64_t smallest) {
  return oi_fail(&s->err, OINF_BUDGET,
                 "the budget of %llu bytes is too small: at least %llu are needed",
                 (unsigned long long)s->desc.budget, (unsigned long long)smallest);
}

// Paging of a plan in what the budget leaves beside `rest`.
static oinf_status page(oinf_sim *s, const oi_plan *p, uint64_t rest, oi_paging_plan *out) {
  const uint64_t budget = s->desc.budget;
  oi_paging_desc d = {.pager = s->pager, .room = NO_LIMIT, .home = &s->home};
  oi_err quiet = {.status = OINF_OK};
  if (budget == OINF_BUDGET_MIN) d.room = LEAST;
  else if (budget != OINF_BUDGET_NONE) d.room = budget > rest ? budget - rest : 1;
  oinf_status status = oi_paging_make(p, &d, &quiet, out);
  if (status == OINF_BUDGET || (status == OINF_OK && budget > OINF_BUDGET_MIN && budget < rest))
    return oi_paging_free(s->ctx, out), over_budget(s, rest + out->smallest);
  return status == OINF_OK ? status : oi_fail(&s->err, status, "%s", quiet.message);
}

static void room_free(oinf_sim *s, oi_room *r) {
  oi_free(s->ctx, r->block, r->bytes + OI_ALIGN);
  *r = (oi_room){0};
}

static oinf_status room_make(oinf_sim *s, oi_room *r, uint64_t bytes) {
  room_free(s, r);
  r->block = oi_realloc(s->ctx, NULL, 0, bytes + OI_ALIGN);
  if (!r->block) return oi_nomem(&s->err, bytes);
  const uintptr_t at = ((uintptr_t)r->block + OI_ALIGN - 1) / OI_ALIGN * OI_ALIGN;
  r->at = (uint8_t *)r->block + (at - (uintptr_t)r->block), r->bytes = bytes;
  return OINF_OK;
}

static oinf_status room_grow(oinf_sim *s, oi_room *r, uint64_t bytes) {
  return r->block && r->bytes >= bytes ? OINF_OK : room_make(s, r, bytes);
}

static void drop_weights(oinf_sim *s) {
  oi_pager_stop(s->pager);
  s->weights_plan = NULL;
  room_free(s, &s->weights);
}

static oi_paging_plan only_room(const oi_paging_plan *p) {
  return (oi_paging_plan){.window = p->window, .slot = p->slot, .row_slot = p->row_slot};
}

static bool same_room(const oi_paging_plan *a, const oi_paging_plan *b) {
  return a->window.first == b->window.first && a->window.count == b->window.count &&
         a->slot == b->slot && a->row_slot == b->row_slot;
}

// The pager is set anew where the window or the slots differ; else what is in the window stays, and
// only the order of reading ahead changes.
static oinf_status set_pager(oinf_sim *s, oi_run_plan *r) {
  if (s->weights_plan == &r->paging && s->followed) return OINF_OK;
  const bool keep = s->weights.block && same_room(&s->in_place, &r->paging);
  if (!keep) {
    drop_weights(s);
    OI_TRY(room_make(s, &s->weights, r->paging.bytes));
  }
  oi_pager_room room = {.memory = s->weights.at,
                        .window = r->paging.window,
                        .slot = r->paging.slot,
                        .row_slot = r->paging.row_slot,
                        .order = r->paging.order.at,
                        .n_order = r->paging.order.n};
  oi_pager_set(s->pager, &room, keep);
  s->weights_plan = &r->paging, s->in_place = only_room(&r->paging), s->followed = false;
  s->cursor = (oi_cursor){0};
  return OINF_OK;
}

static oinf_status page_again(oinf_sim *s, oi_run_plan *r, uint64_t rest) {
  oi_paging_plan paging;
  if (r->paged && r->rest == rest) return OINF_OK;
  OI_TRY(page(s, &r->plan, rest, &paging));
  if (s->weights_plan == &r->paging) s->weights_plan = NULL;
  oi_paging_free(s->ctx, &r->paging);
  r->paging = paging, r->paged = true, r->rest = rest;
  return OINF_OK;
}

oinf_status oi_sim_ready(oinf_sim *s, oi_run_plan *r) {
  const uint64_t rest = others(s, &r->plan);
  OI_TRY(page_again(s, r, rest));
  const uint64_t budget = s->desc.budget;
  if (budget > OINF_BUDGET_MIN && s->weights.bytes + rest > budget) drop_weights(s);
  s->act_need = most(s->act_need, r->plan.activations);
  s->room_need = most(s->room_need, r->plan.room);
  s->held_need = held_need(s, &r->plan);
  OI_TRY(room_grow(s, &s->act, s->act_need));
  OI_TRY(room_grow(s, &s->room, s->room_need));
  OI_TRY(set_pager(s, r));
  s->stated_bytes = rest + r->paging.bytes;
  s->stated_reads = s->followed ? r->paging.read_per_step : r->paging.read_first;
  s->streamed = oi_pager_bytes_streamed(s->pager);
  s->now = r, s->pc = 0, s->depth = 0, s->cursor.fork = 0, s->followed = false;
  return OINF_OK;
}

// What the plan said before it ran, held against what has happened.
oinf_status oi_sim_keeps(oinf_sim *s) {
  const uint64_t have = oi_sim_allocated(s), read = oi_pager_bytes_streamed(s->pager) - s->streamed;
  if (have > s->stated_bytes)
    return oi_fail(&s->err, OINF_INTERNAL, "%llu bytes are allocated, and the plan says %llu",
                   (unsigned long long)have, (unsigned long long)s->stated_bytes);
  if (read > s->stated_reads)
    return oi_fail(&s->err, OINF_INTERNAL,
                   "the step read %llu bytes of weights, and the plan says %llu",
                   (unsigned long long)read, (unsigned long long)s->stated_reads);
  return s->followed = true, OINF_OK;
}

// ---- figures ----

// Every output and every write: what a usual step demands.
static oinf_status base_plan(oinf_sim *s, uint32_t variant, bool load_whole, oi_run_plan **out) {
  const size_t n = s->graph->outputs.n;
  oi_demand *d = oi_alloc(s->ctx, n * sizeof *d);
  if (!d) return oi_nomem(&s->err, n * sizeof *d);
  for (size_t i = 0; i < n; i++) d[i].value = s->graph->outputs.at[i].value;
  oinf_status status = new_plan(s, variant, d, n, s->desc.demand_all, true, load_whole, out);
  oi_free(s->ctx, d, n * sizeof *d);
  return status;
}

// What plans need beside the states: the most of each.
typedef struct needs {
  uint64_t act, room, held, weights;
} needs;

// A plan of a part of this one has no more bytes alive at once, but may be placed a little worse.
static uint64_t act_of_parts(const oi_plan *p) {
  enum {
    SLACK = 1024
  };
  return most(p->activations, p->least + p->least / 20 + SLACK);
}

static void add_needs(needs *n, const oi_plan *p) {
  n->act = most(n->act, act_of_parts(p));
  n->room = most(n->room, p->room);
  n->held = most(n->held, p->held);
}

static oinf_status least_needs(oinf_sim *s, uint32_t variant, needs *n) {
  oi_run_plan *r;
  oi_paging_plan least;
  OI_TRY(base_plan(s, variant, true, &r));
  const oi_paging_desc d = {.pager = s->pager, .room = LEAST, .count_mapped = true};
  oinf_status status = oi_paging_make(&r->plan, &d, &s->err, &least);
  if (status == OINF_OK) {
    add_needs(n, &r->plan);
    n->weights = most(n->weights, least.smallest);
    oi_paging_free(s->ctx, &least);
  }
  plan_free(s, r);
  return status;
}

// The smallest budget, whether one is set or not: it holds the usual plan of every variant.
static oinf_status smallest(oinf_sim *s, uint64_t *out) {
  needs n = {0};
  for (uint32_t v = 0; v <= s->graph->variants.n; v++) OI_TRY(least_needs(s, v, &n));
  *out = n.act + n.room + n.held + n.weights + s->states_bytes + backups(s) + s->made_bytes;
  return OINF_OK;
}

oinf_status oi_sim_measure(oinf_sim *s, uint32_t variant, oinf_sim_plan *out) {
  oi_run_plan *r;
  uint64_t least;
  OI_TRY(smallest(s, &least));
  OI_TRY(base_plan(s, variant, s->desc.budget != OINF_BUDGET_NONE, &r));
  oinf_status status = page(s, &r->plan, others(s, &r->plan), &r->paging);
  if (status == OINF_OK) {
    *out = (oinf_sim_plan){.weights = r->paging.bytes + s->made_bytes,
                           .activations = most(s->act_need, r->plan.activations),
                           .states = s->states_bytes,
                           .io = held_need(s, &r->plan),
                           .staging = most(s->room_need, r->plan.room) + backups(s),
                           .smallest = least,
                           .read_per_step = r->paging.read_per_step,
                           .window = s->kept.room ? (uint64_t)s->kept.window : 0,
                           .window_rows = (uint64_t)s->kept.room};
    out->peak = out->weights + out->activations + out->states + out->io + out->staging;
  }
  plan_free(s, r);
  return status;
}

// What the usual plans need is taken as the simulation is made: the budget holds them, before
// anything runs.
static oinf_status take_needs(oinf_sim *s) {
  const bool whole = s->desc.budget != OINF_BUDGET_NONE;
  needs n = {0};
  for (uint32_t v = 0; v <= s->graph->variants.n; v++) {
    oi_run_plan *r;
    OI_TRY(base_plan(s, v, whole, &r));
    add_needs(&n, &r->plan);
    plan_free(s, r);
  }
  s->act_need = n.act, s->room_need = n.room, s->held_need = n.held;
  return OINF_OK;
}

// The plan at the symbols' bounds says which window is kept from step to step.
oinf_status oi_sim_base(oinf_sim *s) {
  oi_run_plan *r;
  OI_TRY(take_needs(s));
  OI_TRY(base_plan(s, (uint32_t)s->graph->variants.n, s->desc.budget != OINF_BUDGET_NONE, &r));
  oinf_status status = page(s, &r->plan, others(s, &r->plan), &r->paging);
  if (status == OINF_OK) s->home = only_room(&r->paging);
  plan_free(s, r);
  return status;
}
