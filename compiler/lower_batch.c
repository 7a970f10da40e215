// Batch: kernels that do not need each other run in one go, so that threads meet once for all of
// them: the products of q, k and v, a gate and what it opens. It is decided on the plan, by the
// bytes that kernels read and write, so whatever the memory plan has laid over another stays apart.
//
//   beside   what one writes the other does not touch: their units are shared out together
//   behind   what a unit reads of the other kernel is what one unit of that has written, a column
//            or a part of a row: a thread that has done a piece of the one does it of the other, so
//            a norm and what quantizes its rows keep a row where it is
//
// Kernels that lay their rows out first join where they lay out the same rows alike, and then it is
// done once. Under a budget weights come in as kernels want them, one by one: nothing joins.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/emit.h"
#include "compiler/fuse.h"

static const char digits[] = "0123456789";

typedef struct batch {
  oi_emit *e;
  oi_text *said;
  uint32_t first, last;  // items: of the first and the last kernel so far
  uint32_t n;            // kernels
} batch;

static const oi_node *node_of(const batch *b, uint32_t item) {
  return oi_node_at(b->e->g, b->e->plan.items.at[item].node);
}
static const oi_storage *storage_of(const batch *b, uint32_t value) {
  return &b->e->plan.storages.at[b->e->plan.of_value[value]];
}
static const oi_type *type_of(const batch *b, uint32_t value) {
  return &oi_val_at(b->e->g, value)->type;
}
static bool has_kernel(const batch *b, uint32_t item) {
  return b->e->kernel[b->e->plan.items.at[item].node] != 0;
}
static const oi_emit_cut *cut_of(const batch *b, uint32_t item) {
  return &b->e->cuts[b->e->plan.items.at[item].node];
}

// ---- what is touched ----

static bool meet(const batch *b, uint32_t value, uint32_t other) {
  const oi_storage *s = storage_of(b, value), *t = storage_of(b, other);
  if (s->kind != t->kind) return false;
  if (s->kind == OI_STORE_ACT)
    return s->offset < t->offset + t->bytes && t->offset < s->offset + s->bytes;
  return s->kind == OI_STORE_STATE &&
         oi_node_at(b->e->g, s->node)->state == oi_node_at(b->e->g, t->node)->state;
}

// The value that one item writes and the other touches, in bytes that both use; 0: there is none.
// `but`: a value that the other may read.
static uint32_t written(const batch *b, uint32_t one, uint32_t other, uint32_t but) {
  const oi_node *x = node_of(b, one), *y = node_of(b, other);
  for (uint32_t i = 0; i < x->n_out && has_kernel(b, one); i++) {
    for (uint32_t k = 0; k < y->n_out; k++)
      if (meet(b, x->out[i], y->out[k])) return x->out[i];
    for (uint32_t k = 0; k < y->n_in; k++)
      if (y->in[k] != but && meet(b, x->out[i], y->in[k])) return x->out[i];
  }
  return 0;
}

// ---- behind ----

// Does the kernel read the value element by element, each at the place that it writes?
static bool reads_in_place(const batch *b, const oi_node *n, uint32_t value) {
  if (n->op != OP_FUSED || !oi_type_equal(type_of(b, value), type_of(b, n->out[0]))) return false;
  const oi_region *r = &b->e->g->regions.at[n->sub[0]];
  for (uint32_t i = 0; i < n->n_in; i++) {
    if (n->in[i] != value) continue;
    for (uint32_t id = r->first; id; id = oi_node_at(b->e->g, id)->next) {
      const oi_node *x = oi_node_at(b->e->g, id);
      for (uint32_t k = 0; k < x->n_in; k++)
        if (x->in[k] == r->params[i] && oi_fuse_role_of(x->op) != OI_FUSE_ELEMENT) return false;
    }
  }
  return true;
}

// Columns of two products, the second of which is changed in place by the first.
static bool by_columns(const batch *b, const oi_emit_cut *one, const oi_emit_cut *other,
                       const oi_node *n, uint32_t value) {
  return one->columns && other->columns && strcmp(one->units, other->units) == 0 &&
         strcmp(one->cost, other->cost) == 0 && reads_in_place(b, n, value);
}

// A row is written by one unit, and read whole or part by part by others.
static bool by_rows(const oi_emit_cut *one, const oi_emit_cut *other, const oi_node *n,
                    uint32_t value) {
  if (!one->row || !other->reads || n->op == OP_FUSED || n->in[0] != value) return false;
  if (strcmp(one->row, other->reads) == 0) return true;
  const long long row = strtoll(one->row, NULL, 10), part = strtoll(other->reads, NULL, 10);
  return strspn(one->row, digits) == strlen(one->row) && part > 0 && row % part == 0 &&
         strspn(other->reads, digits) == strlen(other->reads);
}

// The value through which an item may run behind the one before; 0: it may not.
static uint32_t behind(const batch *b, uint32_t before, uint32_t item) {
  const oi_node *x = node_of(b, before), *y = node_of(b, item);
  const oi_emit_cut *one = cut_of(b, before), *other = cut_of(b, item);
  if (x->n_out != 1) return 0;
  const uint32_t value = x->out[0];
  return by_columns(b, one, other, y, value) || by_rows(one, other, y, value) ? value : 0;
}

// ---- joining ----

// The function that lays a kernel's rows out.
static const char *ready_of(const batch *b, uint32_t item, char room[112]) {
  char name[96];
  const uint32_t node = b->e->plan.items.at[item].node;
  snprintf(room, 112, "%s_ready", oi_emit_ready_name(b->e, node, name));
  return oi_emit_shared_name(b->e, room);
}

// Do two kernels lay out the same rows alike, or does one of them lay out none?
static bool ready_alike(const batch *b, uint32_t item, uint32_t other) {
  char x[112], y[112];
  if (!cut_of(b, item)->ready || !cut_of(b, other)->ready) return true;
  return storage_of(b, node_of(b, item)->in[0]) == storage_of(b, node_of(b, other)->in[0]) &&
         strcmp(ready_of(b, item, x), ready_of(b, other, y)) == 0;
}

static bool refuse(const batch *b, uint32_t item, uint32_t other, const char *why, uint64_t n) {
  char name[96], before[96];
  oi_emit_kernel_name(b->e, b->e->plan.items.at[other].node, before);
  oi_text_put(b->said, "batch: %s does not join %s: ",
              oi_emit_kernel_name(b->e, b->e->plan.items.at[item].node, name), before);
  oi_text_put(b->said, why, (unsigned long long)n);
  oi_text_put(b->said, "\n");
  return false;
}

// `through`: the value that it reads of the kernel before it; 0: it runs beside all of them.
static bool may_join(const batch *b, uint32_t item, uint32_t *through) {
  *through = behind(b, b->last, item);
  if (b->n == OI_EMIT_BATCH) return refuse(b, item, b->last, "a batch has %llu kernels", b->n);
  for (uint32_t i = b->first; i < item; i++) {
    const uint32_t back = written(b, item, i, 0), value = written(b, i, item, *through);
    if (back || value)
      return refuse(b, item, has_kernel(b, i) ? i : b->last, "they share %llu bytes",
                    oi_plan_bytes_hi(&b->e->plan, type_of(b, value ? value : back)));
    if (has_kernel(b, i) && !ready_alike(b, item, i))
      return refuse(b, item, i, "their rows are laid out in %llu ways", 2);
  }
  return true;
}

// A view that needs nothing to be done.
static bool is_bare_view(const batch *b, uint32_t item) {
  const oi_node *n = node_of(b, item);
  const bool state = n->op == OP_STATE_READ && storage_of(b, n->out[0])->kind == OI_STORE_STATE;
  return state || (oi_plan_is_view(n->op) && storage_of(b, n->out[0])->kind == OI_STORE_ACT);
}

// What is one unit has nothing to share out, or does it itself.
static bool may_be_joined(const batch *b, uint32_t item) {
  const oi_node *n = node_of(b, item);
  const bool kept = n->op == OP_STATE_WRITE && storage_of(b, n->out[0])->kind == OI_STORE_ACT;
  return !kept && !cut_of(b, item)->may_fail && strcmp(cut_of(b, item)->units, "1") != 0;
}

static void grow(batch *b) {
  uint32_t through;
  for (uint32_t i = b->first + 1; i < b->e->plan.items.n; i++) {
    if (b->e->plan.items.at[i].kind != OI_ITEM_RUN) return;
    if (!has_kernel(b, i) && is_bare_view(b, i)) continue;
    if (!has_kernel(b, i) || !may_be_joined(b, i) || !may_join(b, i, &through)) return;
    b->e->joins[i] = through ? OI_JOIN_BEHIND : OI_JOIN_BESIDE;
    b->last = i, b->n++;
  }
}

oinf_status oi_lower_batch(oi_pass *p) {
  oi_emit *e = p->emit;
  e->joins = oi_arena_alloc(&e->arena, (e->plan.items.n + 1) * sizeof *e->joins);
  if (!e->joins) return oi_nomem(p->err, e->plan.items.n);
  for (uint32_t i = 0; i < e->plan.items.n && !e->desc.budget; i++) {
    batch b = {.e = e, .said = &p->said, .first = i, .last = i, .n = 1};
    if (e->plan.items.at[i].kind != OI_ITEM_RUN || !has_kernel(&b, i)) continue;
    if (may_be_joined(&b, i)) grow(&b);
    p->changes += b.n - 1;
    i = b.last;
  }
  return OINF_OK;
}
