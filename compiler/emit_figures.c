// The record of figures: cases of a step, what a run of each kernel costs in each of them, and a
// walk over the plan's items that multiplies by loops and takes the dearer side of branches. What a
// kernel keeps inside itself (a value without a storage, or one that only its own nodes see) costs
// no bytes. Indices of loops stand at their last value: a shape that changes from turn to turn is
// counted as it is then.
#include <string.h>

#include "compiler/cost.h"
#include "compiler/figures.h"

// ---- cases ----

static bool add_case(oi_emit *e, const char *name, int sym, int64_t value) {
  oi_figures *f = e->fig;
  const size_t n = oi_dims_sym_count(e->g->dims);
  const int position = oi_dims_find(e->g->dims, "P"), rows = oi_emit_symbol(e, true);
  if (f->n_cases == OI_MAX_CASES) return true;
  oi_figure_case *c = &f->cases[f->n_cases++];
  c->name = name;
  c->syms = oi_arena_alloc(&e->arena, (n + 1) * sizeof *c->syms);
  if (!c->syms) return false;
  memcpy(c->syms, e->plan.sym_hi, n * sizeof *c->syms);
  if (sym >= 0 && value <= c->syms[sym]) c->syms[sym] = value;
  if (position < 0 || rows < 0) return true;
  const int64_t room = oi_emit_capacity(e) - c->syms[rows];
  if (room < c->syms[position]) c->syms[position] = room < 0 ? 0 : room;
  return true;
}

static oinf_status make_cases(oi_emit *e) {
  bool ok = add_case(e, "largest", -1, 0);
  for (size_t i = 0; ok && i < e->g->variants.n; i++) {
    const oi_variant_decl *v = &e->g->variants.at[i];
    ok = add_case(e, v->name, (int)v->sym, v->value);
  }
  return ok ? OINF_OK : oi_nomem(e->err, sizeof *e->fig);
}

// ---- a kernel ----

uint32_t oi_figures_maker(const oi_emit *e, uint32_t value) {
  uint32_t node = oi_val_at(e->g, value)->node;
  while (node && oi_plan_is_view(oi_node_at(e->g, node)->op))
    node = oi_val_at(e->g, oi_node_at(e->g, node)->in[0])->node;
  return node;
}

static bool read_before(const oi_node *n, uint32_t operand) {
  for (uint32_t i = 0; i < operand; i++)
    if (n->in[i] == n->in[operand]) return true;
  return false;
}

static void add(uint64_t *to, uint64_t x) {
  if (!oi_add_u64(*to, x, to)) *to = UINT64_MAX;
}

// A node that the plan runs as a kernel; those within a fused node come with it.
static bool heads(const oi_emit *e, uint32_t node) {
  const uint32_t around = e->g->regions.at[oi_node_at(e->g, node)->region].node;
  return e->kernel[node] && oi_node_at(e->g, around)->op != OP_FUSED;
}

// The nodes that a kernel does: its own, or those of a fused node's region.
static uint32_t first_within(const oi_emit *e, uint32_t node) {
  const oi_node *n = oi_node_at(e->g, node);
  return n->op == OP_FUSED ? e->g->regions.at[n->sub[0]].first : node;
}
static uint32_t next_within(const oi_emit *e, uint32_t node, uint32_t at) {
  return at == node ? 0 : oi_node_at(e->g, at)->next;
}

// What a fused node looks at of operand i: the most that one of its nodes does.
static uint64_t fused_read(const oi_emit *e, const oi_cost_shape *s, uint32_t i,
                           const int64_t *syms) {
  const oi_region *r = &e->g->regions.at[s->node->sub[0]];
  uint64_t most = 0;
  for (uint32_t id = r->first; id; id = oi_node_at(e->g, id)->next) {
    oi_cost_shape inner;
    if (!oi_cost_shape_of(e->g, id, syms, &inner)) continue;
    for (uint32_t k = 0; k < inner.node->n_in; k++) {
      if (inner.node->in[k] != r->params[i]) continue;
      const uint64_t bytes = oi_cost_read(&inner, k);
      if (bytes > most) most = bytes;
    }
  }
  return most ? most : oi_cost_read(s, i);
}

static bool is_weight(const oi_emit *e, uint32_t value) {
  const uint32_t maker = oi_figures_maker(e, value);
  return maker && oi_node_at(e->g, maker)->op == OP_WEIGHT;
}

static void add_bytes(const oi_emit *e, const oi_cost_shape *s, uint32_t kernel,
                      const int64_t *syms, oi_cost *to) {
  const oi_node *n = s->node;
  for (uint32_t i = 0; i < n->n_in; i++) {
    const uint32_t maker = oi_figures_maker(e, n->in[i]);
    if (read_before(n, i) || (maker && e->kernel[maker] == kernel)) continue;
    const uint64_t bytes = n->op == OP_FUSED ? fused_read(e, s, i, syms) : oi_cost_read(s, i);
    add(is_weight(e, n->in[i]) ? &to->weights : &to->read, bytes);
  }
  for (uint32_t i = 0; i < n->n_out; i++)
    if (e->plan.of_value[n->out[i]]) add(&to->written, oi_cost_written(s, i));
}

static oinf_status no_number(oi_emit *e, uint32_t node, uint32_t which) {
  return oi_fail(e->err, OINF_INTERNAL, "a dim of %s has no number in case '%s'",
                 oi_kind_name(oi_node_at(e->g, node)->op), e->fig->cases[which].name);
}

static oinf_status weigh_node(oi_emit *e, uint32_t node) {
  oi_kernel_figures *k = &e->fig->kernel[e->kernel[node]];
  oi_cost_shape s;
  for (uint32_t i = 0; i < e->fig->n_cases; i++) {
    const int64_t *syms = e->fig->cases[i].syms;
    for (uint32_t id = first_within(e, node); id; id = next_within(e, node, id)) {
      if (!oi_cost_shape_of(e->g, id, syms, &s)) return no_number(e, id, i);
      add(&k->run[i].flops, oi_cost_flops(&s));
    }
    if (!oi_cost_shape_of(e->g, node, syms, &s)) return no_number(e, node, i);
    add_bytes(e, &s, e->kernel[node], syms, &k->run[i]);
  }
  for (uint32_t id = first_within(e, node); id; id = next_within(e, node, id))
    e->fig->nodes[k->first + k->n_nodes++] = id;
  return OINF_OK;
}

// ---- a step ----

static void add_scaled(oi_cost *to, const oi_cost *c, uint64_t times) {
  const uint64_t part[] = {c->weights, c->read, c->written, c->flops};
  uint64_t *const sum[] = {&to->weights, &to->read, &to->written, &to->flops};
  for (int i = 0; i < 4; i++) {
    uint64_t x;
    add(sum[i], oi_mul_u64(part[i], times, &x) ? x : UINT64_MAX);
  }
}

static uint64_t larger(uint64_t a, uint64_t b) { return a > b ? a : b; }
static oi_cost dearer(const oi_cost *a, const oi_cost *b) {
  return (oi_cost){larger(a->weights, b->weights), larger(a->read, b->read),
                   larger(a->written, b->written), larger(a->flops, b->flops)};
}

// Where the walk stands: turns of the loops around, and sums of the branches around, a pair a
// branch: what came before it in this side, and side 0.
typedef struct walk {
  oi_emit *e;
  uint32_t which;  // case
  uint64_t turns[OI_MAX_DEPTH + 1];
  oi_cost sum[2 * OI_MAX_DEPTH + 1];
  uint32_t loops, sides;
  bool first;  // of the cases: times are counted
} walk;

static uint64_t copy_bytes(const walk *w, uint32_t from, uint32_t to) {
  const oi_emit *e = w->e;
  const oi_type *t = &oi_val_at(e->g, to)->type;
  oi_view v = {.dtype = t->dtype, .rank = t->rank};
  if (from != to && e->plan.of_value[from] == e->plan.of_value[to]) return 0;
  for (uint32_t i = 0; i < t->rank; i++) {
    v.dim[i] = t->dim[i];
    if (oi_dim_is_expr(t->dim[i]))
      oi_dims_eval(e->g->dims, t->dim[i], e->fig->cases[w->which].syms, &v.dim[i]);
  }
  return oi_view_bytes(&v);
}

static void add_copies(walk *w, const uint32_t *from, const uint32_t *to, uint32_t n,
                       uint64_t bits) {
  for (uint32_t i = 0; i < n; i++)
    if (bits >> i & 1)
      add(&w->e->fig->cases[w->which].copied, copy_bytes(w, from[i], to[i]) * w->turns[w->loops]);
}

static void run_item(walk *w, uint32_t node) {
  oi_kernel_figures *k = &w->e->fig->kernel[w->e->kernel[node]];
  if (!w->e->kernel[node] || (k->node && k->node != node)) return;
  if (w->first) k->node = node, k->times += w->turns[w->loops], k->in_branch |= w->sides > 0;
  add_scaled(&w->sum[w->sides], &k->run[w->which], w->turns[w->loops]);
}

static void side_ends(walk *w, const oi_item *item, const oi_node *n) {
  const bool first = item->kind == OI_ITEM_ELSE;
  const oi_region *r = &w->e->g->regions.at[n->sub[first ? 0 : 1]];
  add_copies(w, r->yields, n->out, r->n_yields, item->carry);
  if (first) {
    w->sum[++w->sides] = (oi_cost){0};
    return;
  }
  const oi_cost most = dearer(&w->sum[w->sides - 1], &w->sum[w->sides]);
  w->sides -= 2;
  add_scaled(&w->sum[w->sides], &most, 1);
}

static void one_item(walk *w, const oi_item *item) {
  const oi_node *n = oi_node_at(w->e->g, item->node);
  const oi_region *body = n->op == OP_LOOP ? &w->e->g->regions.at[n->sub[0]] : NULL;
  switch (item->kind) {
    case OI_ITEM_RUN: run_item(w, item->node); break;
    case OI_ITEM_LOAD:
      add(&w->e->fig->cases[w->which].copied,
          copy_bytes(w, n->out[0], n->out[0]) * w->turns[w->loops]);
      break;
    case OI_ITEM_LOOP:
      add_copies(w, n->in, body->params, body->n_params, item->carry);
      w->turns[w->loops + 1] = w->turns[w->loops] * (uint64_t)(item->to - item->from);
      w->loops++;
      break;
    case OI_ITEM_END:
      add_copies(w, body->yields, body->params, body->n_yields, item->carry);
      w->loops--;
      break;
    case OI_ITEM_IF: w->sum[++w->sides] = (oi_cost){0}; break;
    case OI_ITEM_ELSE:
    case OI_ITEM_ENDIF: side_ends(w, item, n); break;
    case OI_ITEM_HOLD: {
      const uint32_t v = w->e->g->outputs.at[item->which].value;
      add(&w->e->fig->cases[w->which].copied, copy_bytes(w, v, v));
      break;
    }
  }
}

static void walk_case(oi_emit *e, uint32_t which) {
  walk w = {.e = e, .which = which, .turns = {1}, .first = which == 0};
  for (size_t i = 0; i < e->plan.items.n; i++) one_item(&w, &e->plan.items.at[i]);
  e->fig->cases[which].step = w.sum[0];
}

// Room for the record, and where each kernel's nodes begin in their list.
static oinf_status make_record(oi_emit *e) {
  oi_figures *f = e->fig = oi_arena_alloc(&e->arena, sizeof *f);
  if (!f) return oi_nomem(e->err, sizeof *f);
  f->n_kernels = e->n_kernels;
  f->kernel = oi_arena_alloc(&e->arena, (e->n_kernels + 2) * sizeof *f->kernel);
  f->nodes = oi_arena_alloc(&e->arena, e->g->nodes.n * sizeof *f->nodes);
  f->value_of = oi_arena_alloc(&e->arena, e->plan.storages.n * sizeof *f->value_of);
  if (!f->kernel || !f->nodes || !f->value_of) return oi_nomem(e->err, e->g->nodes.n);
  for (uint32_t id = 1; id < e->g->nodes.n; id++)
    for (uint32_t at = heads(e, id) ? first_within(e, id) : 0; at; at = next_within(e, id, at))
      f->kernel[e->kernel[id] + 1].first++;
  for (uint32_t k = 1; k <= f->n_kernels; k++) f->kernel[k + 1].first += f->kernel[k].first;
  for (uint32_t v = 1; v < e->g->values.n; v++) {
    uint32_t *of = &f->value_of[e->plan.of_value[v]];
    if (!*of || (!oi_val_at(e->g, *of)->name && oi_val_at(e->g, v)->name)) *of = v;
  }
  return OINF_OK;
}

oinf_status oi_emit_figures(oi_emit *e) {
  OI_TRY(make_record(e));
  OI_TRY(make_cases(e));
  for (uint32_t id = 1; id < e->g->nodes.n; id++)
    if (heads(e, id)) OI_TRY(weigh_node(e, id));
  for (uint32_t i = 0; i < e->fig->n_cases; i++) walk_case(e, i);
  return OINF_OK;
}
