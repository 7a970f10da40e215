// Which nodes a demand needs, and in which order they run. One walk from the last node to the first
// writes the items backwards: a node is needed when one of its values is wanted, when it holds a
// demanded value, or when it writes a state that something behind it reads. A loop is walked from
// its last iteration down; iterations that want the same become one segment as soon as the wants
// repeat, so the walk costs segments, not iterations.
#include "compiler/plan.h"

#include <string.h>

typedef struct walk {
  oi_plan *plan;
  const oinf_graph *g;
  const oi_plan_desc *desc;
  oi_err *err;
  uint8_t *wanted;           // by value
  uint8_t *loaded;           // by weight node: a LOAD is owed where the weight stands
  uint8_t *state;            // by state: a read behind here sees it
  OI_VEC(oi_item) back;      // items, last first
  int64_t at[OI_MAX_DEPTH];  // iteration of each loop around
  uint32_t depth;
} walk;

static bool region_walk(walk *w, uint32_t region);

static bool put(walk *w, oi_item item) {
  oi_item *slot = oi_vec_push(w->g->ctx, &w->back);
  if (slot) *slot = item;
  return slot != NULL;
}

// A value that is copied or handed out, rather than given to a kernel by tiles, must lie in memory
// of its own.
static void want_whole(walk *w, uint32_t value) {
  uint32_t maker = oi_val_at(w->g, value)->node;
  w->wanted[value] = 1;
  if (maker && oi_node_at(w->g, maker)->op == OP_WEIGHT) w->loaded[maker] = 1;
}

static uint64_t wanted_bits(const walk *w, const uint32_t *values, uint32_t n) {
  uint64_t bits = 0;
  for (uint32_t i = 0; i < n; i++)
    if (w->wanted[values[i]]) bits |= (uint64_t)1 << i;
  return bits;
}

static void want_bits(walk *w, const uint32_t *values, uint32_t n, uint64_t bits) {
  for (uint32_t i = 0; i < n; i++)
    if (bits >> i & 1) want_whole(w, values[i]);
}

static void forget(walk *w, const uint32_t *values, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) w->wanted[values[i]] = 0;
}

static void forget_inside(walk *w, uint32_t region) {
  const oi_region *r = &w->g->regions.at[region];
  forget(w, r->params, r->n_params);
  for (uint32_t id = r->first; id; id = oi_node_at(w->g, id)->next) {
    const oi_node *n = oi_node_at(w->g, id);
    forget(w, n->out, n->n_out);
    for (int i = 0; i < oi_kind_regions(n->op); i++) forget_inside(w, n->sub[i]);
  }
}

// ---- demands ----

static bool is_here(const walk *w, const oi_demand *d) {
  for (uint32_t i = 0; i < w->depth; i++)
    if (d->at[i] != w->at[i]) return false;
  return true;
}

static uint32_t demand_region(const walk *w, const oi_demand *d) {
  return oi_val_at(w->g, d->value)->region;
}

// Keeps what is demanded of this value at the present iteration.
static bool hold_demands(walk *w, uint32_t value) {
  for (size_t i = 0; i < w->desc->n_demands; i++) {
    const oi_demand *d = &w->desc->demands[i];
    if (d->value != value || !is_here(w, d)) continue;
    want_whole(w, value);
    if (!put(w, (oi_item){.kind = OI_ITEM_HOLD, .which = (uint32_t)i})) return false;
  }
  return true;
}

static bool hold_all(walk *w, const uint32_t *values, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (!hold_demands(w, values[i])) return false;
  return true;
}

static bool holds_demand(const walk *w, uint32_t region) {
  for (size_t i = 0; i < w->desc->n_demands; i++) {
    const oi_demand *d = &w->desc->demands[i];
    if (oi_region_inside(w->g, demand_region(w, d), region) && is_here(w, d)) return true;
  }
  return false;
}

// The largest iteration <= i of the loop with this body that holds a demand, or -1.
static int64_t next_demand(const walk *w, uint32_t body, int64_t i) {
  int64_t best = -1;
  for (size_t k = 0; k < w->desc->n_demands; k++) {
    const oi_demand *d = &w->desc->demands[k];
    if (!oi_region_inside(w->g, demand_region(w, d), body) || !is_here(w, d)) continue;
    if (d->at[w->depth] <= i && d->at[w->depth] > best) best = d->at[w->depth];
  }
  return best;
}

// ---- loops ----

// Does every access of the state inside the region name its layer by this loop's bare index, so
// that iterations touch different layers?
static bool layers_apart(const walk *w, uint32_t state, uint32_t region, uint32_t loop_sym) {
  for (uint32_t id = w->g->regions.at[region].first; id; id = oi_node_at(w->g, id)->next) {
    const oi_node *n = oi_node_at(w->g, id);
    for (int i = 0; i < oi_kind_regions(n->op); i++)
      if (!layers_apart(w, state, n->sub[i], loop_sym)) return false;
    if ((n->op != OP_STATE_READ && n->op != OP_STATE_WRITE) || n->state != state) continue;
    if (!oi_dim_is_expr(n->a) || oi_dims_sym_of(w->g->dims, n->a) != (int)loop_sym) return false;
  }
  return true;
}

// Does the region write a state that is wanted, or is every write owed?
static bool writes_owed(const walk *w, uint32_t region) {
  for (uint32_t id = w->g->regions.at[region].first; id; id = oi_node_at(w->g, id)->next) {
    const oi_node *n = oi_node_at(w->g, id);
    if (n->op == OP_STATE_WRITE && (w->desc->all_writes || w->state[n->state])) return true;
    for (int i = 0; i < oi_kind_regions(n->op); i++)
      if (writes_owed(w, n->sub[i])) return true;
  }
  return false;
}

// Iteration i, walked from its end, where the carried values `end` are wanted. Gives what its start
// wants.
static bool iteration(walk *w, uint32_t loop, int64_t i, uint64_t end, uint64_t *out_start) {
  const oi_node *n = oi_node_at(w->g, loop);
  const oi_region *body = &w->g->regions.at[n->sub[0]];
  uint32_t tail = (uint32_t)w->back.n;
  if (!put(w, (oi_item){.kind = OI_ITEM_END, .node = loop, .from = i, .to = i + 1, .carry = end}))
    return false;
  forget_inside(w, n->sub[0]);
  want_bits(w, body->yields, body->n_yields, end);
  w->at[w->depth++] = i;
  bool ok = region_walk(w, n->sub[0]) && hold_all(w, body->params, body->n_params);
  w->depth--;
  *out_start = w->desc->all_values ? end : wanted_bits(w, body->params, body->n_params);
  return ok &&
         put(w,
             (oi_item){.kind = OI_ITEM_LOOP, .node = loop, .from = i, .to = i + 1, .jump = tail});
}

// What is wanted of the states at the end of the iteration before this one: what is behind the loop
// wants, and what this iteration reads, unless iterations keep to layers of their own.
static void drop_states(walk *w, const oi_node *loop, const uint8_t *behind, uint8_t *before) {
  for (uint32_t s = 0; s < w->g->states.n; s++) {
    if (!w->state[s]) continue;
    before[s] = 1;
    if (!behind[s] && layers_apart(w, s, loop->sub[0], loop->loop_sym)) w->state[s] = 0;
  }
}

// Wants that never settle (carried values that change places) would cost an item list an iteration:
// after this many segments of a loop they are only added to.
enum {
  MAX_SEGMENTS = 16
};

// `room` has a byte for each state, twice. Gives what the first iteration wants carried in, and in
// `before` what the loop wants of the states.
static bool iterations(walk *w, uint32_t id, uint64_t *want, uint8_t *before, uint8_t *room) {
  const oi_node *n = oi_node_at(w->g, id);
  const size_t n_states = w->g->states.n;
  uint8_t *behind = room, *end_states = room + n_states;
  uint32_t segments = 0;
  memcpy(behind, w->state, n_states);
  for (int64_t i = n->trips - 1; i >= 0; segments++) {
    int64_t j = next_demand(w, n->sub[0], i);
    if (j < i && !*want && !w->desc->all_values && !writes_owed(w, n->sub[0])) {
      i = j;
      continue;
    }
    memcpy(end_states, w->state, n_states);
    uint64_t start;
    if (!iteration(w, id, i, *want, &start)) return false;
    if (segments >= MAX_SEGMENTS) start |= *want;
    drop_states(w, n, behind, before);
    bool same = j < i && start == *want && memcmp(end_states, w->state, n_states) == 0;
    if (same) {  // every iteration down to the next demand wants just this
      oi_item *loop = &w->back.at[w->back.n - 1];
      loop->from = w->back.at[loop->jump].from = j + 1;
    }
    i = same ? j : i - 1;
    *want = start;
  }
  return true;
}

static bool too_many(walk *w, const oi_node *n) {
  if (w->depth < OI_MAX_DEPTH && n->n_in <= OI_MAX_CARRIED) return false;
  oi_fail(w->err, OINF_SUPPORT, "loops nest at most %d deep, and carry at most %d values",
          OI_MAX_DEPTH, OI_MAX_CARRIED);
  return true;
}

static uint64_t wanted_results(const walk *w, const oi_node *n) {
  if (w->desc->all_values && n->n_out) return UINT64_MAX >> (64 - n->n_out);
  return wanted_bits(w, n->out, n->n_out);
}

static bool loop_walk(walk *w, uint32_t id) {
  const oi_node *n = oi_node_at(w->g, id);
  const size_t n_states = w->g->states.n;
  if (too_many(w, n)) return false;
  uint8_t *before = oi_alloc(w->g->ctx, 3 * n_states);
  if (!before) return false;
  uint64_t want = wanted_results(w, n);
  const size_t items = w->back.n;
  bool ok = iterations(w, id, &want, before, before + n_states);
  if (ok && w->back.n > items)
    w->back.at[w->back.n - 1].carry = want;  // the first segment copies the start values
  want_bits(w, n->in, n->n_in, want);
  for (uint32_t s = 0; s < n_states; s++) w->state[s] |= before[s];
  forget_inside(w, n->sub[0]);
  oi_free(w->g->ctx, before, 3 * n_states);
  return ok;
}

// ---- branches ----

// Gives the start values that the side wants.
static bool side_walk(walk *w, const oi_node *n, int side, uint64_t want, uint64_t *out_start) {
  const oi_region *r = &w->g->regions.at[n->sub[side]];
  forget_inside(w, n->sub[side]);
  want_bits(w, r->yields, r->n_yields, want);
  if (!region_walk(w, n->sub[side]) || !hold_all(w, r->params, r->n_params)) return false;
  *out_start = wanted_bits(w, r->params, r->n_params);
  forget_inside(w, n->sub[side]);
  return true;
}

static void swap_states(uint8_t *a, uint8_t *b, size_t n) {
  for (size_t i = 0; i < n; i++) {
    uint8_t t = a[i];
    a[i] = b[i], b[i] = t;
  }
}

// Both sides are followed by what comes behind the branch: the second walk starts from the states
// that the first one started from, and what either wants is wanted before.
static bool sides_walk(walk *w, uint32_t id, uint64_t want, uint8_t *states) {
  const oi_node *n = oi_node_at(w->g, id);
  const size_t n_states = w->g->states.n;
  const uint32_t endif = (uint32_t)w->back.n;
  uint64_t start[2];
  memcpy(states, w->state, n_states);
  if (!put(w, (oi_item){.kind = OI_ITEM_ENDIF, .node = id, .carry = want})) return false;
  if (!side_walk(w, n, 1, want, &start[1])) return false;
  const uint32_t middle = (uint32_t)w->back.n;
  if (!put(w, (oi_item){.kind = OI_ITEM_ELSE, .node = id, .carry = want, .jump = endif}))
    return false;
  swap_states(w->state, states, n_states);
  if (!side_walk(w, n, 0, want, &start[0])) return false;
  for (uint32_t s = 0; s < n_states; s++) w->state[s] |= states[s];
  start[0] |= start[1];
  want_whole(w, n->in[0]);
  want_bits(w, n->in + 1, n->n_in - 1, start[0]);
  return put(w, (oi_item){.kind = OI_ITEM_IF, .node = id, .jump = middle, .carry = start[0]});
}

static bool if_walk(walk *w, uint32_t id) {
  const oi_node *n = oi_node_at(w->g, id);
  if (too_many(w, n)) return false;
  uint8_t *states = oi_alloc(w->g->ctx, w->g->states.n);
  bool ok = states && sides_walk(w, id, wanted_results(w, n), states);
  oi_free(w->g->ctx, states, w->g->states.n);
  return ok;
}

// ---- nodes ----

static bool is_needed(const walk *w, const oi_node *n) {
  if (w->desc->all_values) return true;
  for (uint32_t i = 0; i < n->n_out; i++)
    if (w->wanted[n->out[i]]) return true;
  if (n->op == OP_STATE_WRITE) return w->desc->all_writes || w->state[n->state];
  for (int i = 0; i < oi_kind_regions(n->op); i++)
    if (holds_demand(w, n->sub[i]) || writes_owed(w, n->sub[i])) return true;
  return false;
}

static bool run_walk(walk *w, uint32_t id, const oi_node *n) {
  oi_paging how;
  int paged = oi_plan_paged_operand(w->g, id, &how);
  for (uint32_t i = 0; i < n->n_in; i++) {
    if ((int)i == paged) w->wanted[n->in[i]] = 1;
    else want_whole(w, n->in[i]);
  }
  if (n->op == OP_STATE_READ) w->state[n->state] = 1;
  return put(w, (oi_item){.kind = OI_ITEM_RUN, .node = id});
}

static bool node_walk(walk *w, uint32_t id) {
  const oi_node *n = oi_node_at(w->g, id);
  if (!hold_all(w, n->out, n->n_out)) return false;
  if (!is_needed(w, n) || n->op == OP_INPUT) return true;
  if (n->op == OP_LOOP) return loop_walk(w, id);
  if (n->op == OP_IF) return if_walk(w, id);
  if (n->op != OP_WEIGHT) return run_walk(w, id, n);
  bool owed = w->plan->load_whole && w->loaded[id];
  w->loaded[id] = 0;
  return !owed || put(w, (oi_item){.kind = OI_ITEM_LOAD, .node = id});
}

static bool region_walk(walk *w, uint32_t region) {
  for (uint32_t id = w->g->regions.at[region].last; id; id = oi_node_at(w->g, id)->prev)
    if (!node_walk(w, id)) return false;
  return true;
}

// ---- the list ----

static bool turn_round(walk *w) {
  oi_plan *p = w->plan;
  uint32_t n = (uint32_t)w->back.n;
  for (uint32_t i = 0; i < n; i++) {
    oi_item *item = oi_vec_push(w->g->ctx, &p->items);
    if (!item) return false;
    *item = w->back.at[n - 1 - i];
  }
  for (uint32_t i = 0; i < n; i++) {
    oi_item *item = &p->items.at[i];
    if (item->kind != OI_ITEM_LOOP && item->kind != OI_ITEM_IF && item->kind != OI_ITEM_ELSE)
      continue;
    item->jump = n - 1 - item->jump;
    if (item->kind == OI_ITEM_LOOP) p->items.at[item->jump].jump = i;
  }
  return true;
}

// How many times the items run a node when every branch takes the side that holds it.
static int64_t times_run(const oi_plan *p, uint32_t id) {
  int64_t times = 0, trips[OI_MAX_DEPTH + 1] = {1};
  uint32_t depth = 0;
  for (size_t i = 0; i < p->items.n; i++) {
    const oi_item *item = &p->items.at[i];
    if (item->kind == OI_ITEM_LOOP)
      depth++, trips[depth] = trips[depth - 1] * (item->to - item->from);
    else if (item->kind == OI_ITEM_END) depth--;
    else if (item->kind == OI_ITEM_RUN && item->node == id) times += trips[depth];
  }
  return times;
}

static bool writes_all_run(const oi_plan *p) {
  const oinf_graph *g = p->graph;
  for (uint32_t id = 1; id < g->nodes.n; id++) {
    const oi_node *n = oi_node_at(g, id);
    if (n->op != OP_STATE_WRITE) continue;
    int64_t want = 1;
    uint32_t loops[OI_MAX_DEPTH], depth = oi_value_depth(g, n->out[0], loops);
    for (uint32_t i = 0; i < depth; i++) want *= oi_node_at(g, loops[i])->trips;
    if (times_run(p, id) < want) return false;
  }
  return true;
}

oinf_status oi_plan_items(oi_plan *p, const oi_plan_desc *desc, oi_err *err) {
  const oinf_graph *g = p->graph;
  walk w = {.plan = p, .g = g, .desc = desc, .err = err};
  w.wanted = oi_arena_alloc(&p->arena, g->values.n + 1);
  w.loaded = oi_arena_alloc(&p->arena, g->nodes.n + 1);
  w.state = oi_arena_alloc(&p->arena, g->states.n + 1);
  bool ok = w.wanted && w.loaded && w.state && region_walk(&w, 0) && turn_round(&w);
  oi_vec_free(g->ctx, &w.back);
  if (!ok) return oi_nomem(err, g->values.n);
  p->writes_all = writes_all_run(p);
  return OINF_OK;
}
