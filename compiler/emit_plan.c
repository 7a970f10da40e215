// What is decided before anything is printed: bounds of symbols, the plan with every value and
// every state write, numbers of kernels, the weights in their order of use, arenas.
//
// Every value that passes have left is kept, so that each can be hashed: what a fused kernel does
// within itself is no value of the plan.
#include <string.h>

#include "compiler/figures.h"
#include "lib/rt/pager.h"

// ---- symbols ----

static void cap(oi_emit *e, int sym, int64_t wish, int64_t usual) {
  int64_t lo, hi;
  if (sym < 0) return;
  oi_dims_bounds(e->g->dims, oi_dims_sym_dim(e->g->dims, (size_t)sym), NULL, NULL, &lo, &hi);
  const int64_t x = wish > 0 ? wish : usual;
  e->pin_hi[sym] = x < hi ? x : hi;
}

static int64_t capacity_of(const oi_emit *e, const oi_state_decl *d) {
  const oinf_dim rows = d->type.dim[d->layering == OI_LAYERS_FIRST ? 1 : 0];
  const int sym = oi_dims_sym_of(e->g->dims, rows);
  return sym >= 0 ? e->pin_hi[sym] : oi_dim_is_expr(rows) ? INT64_MAX : rows;
}

// A step writes no more rows than a state can hold: one that would is refused before it runs.
static void cap_by_states(oi_emit *e) {
  for (uint32_t i = 1; i < e->g->nodes.n; i++) {
    const oi_node *n = oi_node_at(e->g, i);
    if (n->op != OP_STATE_WRITE) continue;
    const int64_t most = capacity_of(e, &e->g->states.at[n->state]);
    const int rows = oi_dims_sym_of(e->g->dims, oi_val_at(e->g, n->out[0])->type.dim[0]);
    int64_t lo = 0, hi;
    if (rows >= 0)
      oi_dims_bounds(e->g->dims, oi_dims_sym_dim(e->g->dims, (size_t)rows), NULL, NULL, &lo, &hi);
    if (rows >= 0 && most >= lo && most < e->pin_hi[rows]) e->pin_hi[rows] = most;
  }
}

// --pin: a value within the bounds that the graph gives, and what else narrows them here.
static oinf_status pin_one(oi_emit *e, const oinf_emit_pin *pin, int64_t *lo, int64_t *hi) {
  const int sym = oi_dims_find(e->g->dims, pin->symbol);
  if (sym < 0 || oi_dims_sym_at(e->g->dims, (size_t)sym)->is_loop)
    return oi_fail(e->err, OINF_USAGE, "the graph has no symbol '%s' to pin", pin->symbol);
  if (e->pin_lo[sym] == e->pin_hi[sym]) e->pin_lo[sym] = INT64_MIN, e->pin_hi[sym] = INT64_MAX;
  oi_dims_sym_bounds(e->g->dims, e->pin_lo, e->pin_hi, lo, hi);
  if (pin->value < lo[sym] || pin->value > hi[sym])
    return oi_fail(e->err, OINF_GRAPH, "symbol %s cannot be pinned to %lld, outside %lld to %lld",
                   pin->symbol, (long long)pin->value, (long long)lo[sym], (long long)hi[sym]);
  e->pin_lo[sym] = e->pin_hi[sym] = pin->value;
  return OINF_OK;
}

static oinf_status pin_asked(oi_emit *e) {
  const size_t n = oi_dims_sym_count(e->g->dims) + 1;
  int64_t *bounds = oi_arena_alloc(&e->arena, 2 * n * sizeof *bounds);
  if (!bounds) return oi_nomem(e->err, n);
  for (size_t i = 0; i < e->desc.n_pins; i++)
    OI_TRY(pin_one(e, &e->desc.pins[i], bounds, bounds + n));
  return OINF_OK;
}

static oinf_status pin_symbols(oi_emit *e) {
  const size_t n = oi_dims_sym_count(e->g->dims) + 1;
  e->pin_lo = oi_arena_alloc(&e->arena, n * sizeof *e->pin_lo);
  e->pin_hi = oi_arena_alloc(&e->arena, n * sizeof *e->pin_hi);
  if (!e->pin_lo || !e->pin_hi) return oi_nomem(e->err, n);
  for (size_t i = 0; i < n; i++) e->pin_lo[i] = INT64_MIN, e->pin_hi[i] = INT64_MAX;
  for (size_t i = 0; i < e->g->inputs.n; i++) {
    const oi_type *t = &oi_val_at(e->g, e->g->inputs.at[i])->type;
    for (uint32_t k = 0; k < t->rank; k++)
      cap(e, oi_dims_sym_of(e->g->dims, t->dim[k]), e->desc.chunk, 256);
  }
  for (size_t i = 0; i < e->g->states.n; i++) {
    const oi_state_decl *d = &e->g->states.at[i];
    const int sym = oi_dims_sym_of(e->g->dims, d->type.dim[d->layering == OI_LAYERS_FIRST ? 1 : 0]);
    if (sym < 0) continue;
    cap(e, sym, e->desc.capacity, 4096);
    e->pin_lo[sym] = e->pin_hi[sym];
  }
  OI_TRY(pin_asked(e));
  cap_by_states(e);
  return OINF_OK;
}

// ---- the plan ----

static oinf_status make_plan(oi_emit *e) {
  const size_t n = oi_dims_sym_count(e->g->dims) + 1, outputs = e->g->outputs.n;
  int64_t *lo = oi_arena_alloc(&e->arena, n * sizeof *lo),
          *hi = oi_arena_alloc(&e->arena, n * sizeof *hi);
  oi_demand *demands = oi_arena_alloc(&e->arena, (outputs + 1) * sizeof *demands);
  if (!lo || !hi || !demands) return oi_nomem(e->err, n);
  oi_dims_sym_bounds(e->g->dims, e->pin_lo, e->pin_hi, lo, hi);
  for (size_t i = 0; i < outputs; i++) {
    uint32_t loops[OI_MAX_DEPTH];
    demands[i].value = e->g->outputs.at[i].value;
    if (oi_value_depth(e->g, demands[i].value, loops))
      return oi_fail(e->err, OINF_SUPPORT, "output '%s' stands in a loop: no template for that yet",
                     e->g->outputs.at[i].name);
  }
  oi_plan_desc d = {.demands = demands,
                    .n_demands = outputs,
                    .all_values = true,
                    .all_writes = true,
                    .load_whole = e->desc.budget != OINF_EMIT_MAPPED,
                    .sym_lo = lo,
                    .sym_hi = hi};
  return oi_plan_make(e->g, &d, e->err, &e->plan);
}

oinf_status oi_emit_number_kernels(oi_emit *e) {
  e->n_kernels = 0;
  e->kernel = oi_arena_alloc(&e->arena, e->g->nodes.n * sizeof *e->kernel);
  e->in_order = oi_arena_alloc(&e->arena, e->g->nodes.n * sizeof *e->in_order);
  e->cuts = oi_arena_alloc(&e->arena, e->g->nodes.n * sizeof *e->cuts);
  if (!e->kernel || !e->in_order || !e->cuts) return oi_nomem(e->err, e->g->nodes.n);
  for (size_t i = 0; i < e->plan.items.n; i++) {
    const oi_item *item = &e->plan.items.at[i];
    if (item->kind != OI_ITEM_RUN || e->kernel[item->node]) continue;
    const oi_node *n = oi_node_at(e->g, item->node);
    if (oi_plan_is_view(n->op) || n->op == OP_STATE_READ) continue;
    if (e->in_place && e->in_place[item->node]) continue;
    if (n->op == OP_FUSED)
      for (uint32_t id = e->g->regions.at[n->sub[0]].first; id; id = oi_node_at(e->g, id)->next)
        e->kernel[id] = e->n_kernels + 1;
    e->in_order[e->n_kernels] = item->node;
    e->kernel[item->node] = ++e->n_kernels;
  }
  return OINF_OK;
}

// ---- weights ----

oi_emit_weight *oi_emit_weight_of(const oi_emit *e, uint32_t node) {
  for (size_t i = 0; i < e->weights.n; i++)
    if (e->weights.at[i].node == node) return &e->weights.at[i];
  return NULL;
}

static oinf_status take_tensor(oi_emit *e, int64_t tensor) {
  if (tensor < 0) return OINF_OK;
  for (size_t i = 0; i < e->tensors.n; i++)
    if (e->tensors.at[i] == (uint32_t)tensor) return OINF_OK;
  uint32_t *slot = oi_vec_push(e->ctx, &e->tensors);
  if (!slot) return oi_nomem(e->err, sizeof *slot);
  *slot = (uint32_t)tensor;
  return OINF_OK;
}

static oinf_status resolve(oi_emit *e, oi_emit_weight *w) {
  uint32_t loops[OI_MAX_DEPTH];
  const uint32_t depth = oi_value_depth(e->g, oi_node_at(e->g, w->node)->out[0], loops);
  int64_t *sym = oi_arena_alloc(&e->arena, (oi_dims_sym_count(e->g->dims) + 1) * sizeof *sym);
  uint64_t n = 1;
  for (uint32_t i = 0; i < depth; i++) n *= (uint64_t)oi_node_at(e->g, loops[i])->trips;
  if (n == 0 || n > OI_MAX_TRIPS)
    return oi_fail(e->err, OINF_SUPPORT, "a family of %llu weights", (unsigned long long)n);
  w->n = (uint32_t)n, w->same = true;
  w->tensor = oi_arena_alloc(&e->arena, n * sizeof *w->tensor);
  if (!sym || !w->tensor) return oi_nomem(e->err, n);
  for (uint32_t i = 0; i < n; i++) {
    uint32_t rest = i;
    for (uint32_t k = depth; k-- > 0;) {
      const oi_node *loop = oi_node_at(e->g, loops[k]);
      sym[loop->loop_sym] = rest % loop->trips, rest /= (uint32_t)loop->trips;
    }
    w->tensor[i] = oi_weight_resolve(e->g, w->node, sym);
    w->same = w->same && w->tensor[i] == w->tensor[0];
  }
  const oi_type *t = &oi_val_at(e->g, oi_node_at(e->g, w->node)->out[0])->type;
  w->bytes = oi_plan_bytes_hi(&e->plan, t);
  return OINF_OK;
}

static oinf_status take_weight(oi_emit *e, uint32_t node, uint32_t user) {
  if (oi_emit_weight_of(e, node)) return OINF_OK;
  oi_emit_weight *w = oi_vec_push(e->ctx, &e->weights);
  if (!w) return oi_nomem(e->err, sizeof *w);
  *w = (oi_emit_weight){.node = node, .number = (uint32_t)e->weights.n, .user = user};
  return resolve(e, w);
}

uint32_t oi_emit_weight_behind(const oi_emit *e, uint32_t value) {
  const oi_storage *s = &e->plan.storages.at[e->plan.of_value[value]];
  return s->kind == OI_STORE_WEIGHT ? s->node : 0;
}

static oinf_status take_tensors(oi_emit *e, uint32_t weight, uint32_t user) {
  OI_TRY(take_weight(e, weight, user));
  const oi_emit_weight *w = oi_emit_weight_of(e, weight);
  for (uint32_t k = 0; k < w->n; k++) OI_TRY(take_tensor(e, w->tensor[k]));
  return OINF_OK;
}

static oinf_status weights_of_node(oi_emit *e, uint32_t id) {
  const oi_node *n = oi_node_at(e->g, id);
  for (uint32_t i = 0; i < n->n_in; i++) {
    const uint32_t weight = oi_emit_weight_behind(e, n->in[i]);
    if (weight) OI_TRY(take_tensors(e, weight, id));
  }
  return OINF_OK;
}

// A carried value's start, a side's result or an output that is a weight itself.
static oinf_status weights_of_copies(oi_emit *e) {
  for (uint32_t v = 1; v < e->g->values.n; v++) {
    const uint32_t weight = e->plan.of_value[v] ? oi_emit_weight_behind(e, v) : 0;
    if (weight && !oi_emit_weight_of(e, weight)) OI_TRY(take_tensors(e, weight, weight));
  }
  return OINF_OK;
}

// Bytes of weights that an item uses.
static uint64_t used_by(const oi_emit *e, const oi_item *item) {
  const oi_node *n = oi_node_at(e->g, item->node);
  uint64_t bytes = 0;
  if (item->kind == OI_ITEM_LOAD) return oi_emit_weight_of(e, item->node)->bytes;
  if (item->kind != OI_ITEM_RUN || oi_plan_is_view(n->op) || n->op == OP_gather) return 0;
  for (uint32_t i = 0; i < n->n_in; i++) {
    const uint32_t weight = oi_emit_weight_behind(e, n->in[i]);
    if (weight) bytes += oi_emit_weight_of(e, weight)->bytes;
  }
  return bytes;
}

static void count_step(oi_emit *e) {
  uint64_t times[OI_MAX_DEPTH + 1] = {1};
  uint32_t depth = 0;
  for (size_t i = 0; i < e->plan.items.n; i++) {
    const oi_item *item = &e->plan.items.at[i];
    if (item->kind == OI_ITEM_LOOP)
      depth++, times[depth] = times[depth - 1] * (uint64_t)(item->to - item->from);
    if (item->kind == OI_ITEM_END) depth--;
    e->figures.step_bytes += used_by(e, item) * times[depth];
  }
}

static oinf_status take_weights(oi_emit *e) {
  for (size_t i = 0; i < e->plan.items.n; i++) {
    const oi_item *item = &e->plan.items.at[i];
    if (item->kind == OI_ITEM_RUN) OI_TRY(weights_of_node(e, item->node));
    if (item->kind == OI_ITEM_LOAD) OI_TRY(take_tensors(e, item->node, item->node));
  }
  OI_TRY(weights_of_copies(e));
  OI_TRY(oi_emit_lay_weights(e));
  count_step(e);
  OI_TRY(oi_emit_order_tensors(e));
  return oi_emit_place_weights(e);
}

// ---- arenas ----

static uint64_t aligned(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

// Kernels run one behind the other, so the largest scratch serves all.
static void size_room(oi_emit *e) {
  uint64_t shared = 0, own = 0;
  for (uint32_t i = 0; i < e->n_kernels; i++) {
    const oi_emit_cut *cut = &e->cuts[e->in_order[i]];
    if (cut->shared > shared) shared = cut->shared;
    if (cut->own > own) own = cut->own;
  }
  e->figures.worker = aligned(own);
  e->figures.room = aligned(shared) + e->figures.worker;
}

oinf_status oi_emit_arenas(oi_emit *e) {
  oinf_emit_figures *f = &e->figures;
  e->state_bytes = oi_arena_alloc(&e->arena, (e->g->states.n + 1) * sizeof *e->state_bytes);
  e->output_bytes = oi_arena_alloc(&e->arena, (e->g->outputs.n + 1) * sizeof *e->output_bytes);
  e->growth = oi_arena_alloc(&e->arena, (e->g->states.n + 1) * sizeof *e->growth);
  if (!e->state_bytes || !e->output_bytes || !e->growth) return oi_nomem(e->err, e->g->states.n);
  for (size_t i = 0; i < e->g->states.n; i++) {
    oi_type kept = e->g->states.at[i].type;
    if (oi_emit_slides(e, (uint32_t)i))
      kept.dim[e->g->states.at[i].layering == OI_LAYERS_FIRST] = e->room;
    e->state_bytes[i] = aligned(oi_plan_bytes_hi(&e->plan, &kept));
    f->states += e->state_bytes[i];
    OI_TRY(oi_state_growth(e->g, (uint32_t)i, e->err, &e->growth[i]));
    if (!e->growth[i].appends) e->kept_bytes += e->state_bytes[i];
  }
  f->states += e->kept_bytes;
  for (size_t i = 0; i < e->g->outputs.n; i++) {
    e->output_bytes[i] = aligned(e->plan.hold_bytes[i]);
    f->io += e->output_bytes[i];
  }
  size_room(e);
  f->activations = aligned(e->plan.activations) + 64;
  f->kernels = e->n_kernels;
  OI_TRY(oi_emit_paging(e, f->activations + f->states + f->io + f->room));
  f->peak = f->weights + f->activations + f->states + f->io + f->room;
  return oi_emit_figures(e);
}

oinf_status oi_emit_plan_memory(oi_emit *e) {
  OI_TRY(pin_symbols(e));
  OI_TRY(make_plan(e));
  OI_TRY(oi_emit_find_windows(e));
  return oi_emit_number_kernels(e);
}

// Every kernel is printed once before anything is written, so that what has no template is refused
// first, and says what scratch it needs.
oinf_status oi_emit_plan_paging(oi_emit *e) {
  OI_TRY(take_weights(e));
  oi_text_init(&e->out, e->ctx);
  const oinf_status status = oi_emit_kernels(e);
  oi_text_free(&e->out);
  return status == OINF_OK ? oi_emit_arenas(e) : status;
}
