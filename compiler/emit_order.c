// Tensors in the order in which a step uses them, loops turn by turn: what streams then lies in one
// run, and a layer's weights lie together. Taken family by family, as the plan's text names them,
// all layers' first matrices would come first, and every page would bring what is not wanted yet.
// Loops of very many turns are followed as far as is affordable; what is left keeps its order.
#include <string.h>

#include "compiler/emit.h"

enum {
  MOST_VISITS = 1 << 22
};  // of items

typedef struct ordering {
  oi_emit *e;
  int64_t *sym;     // indices of the loops around
  uint8_t *seen;    // by tensor
  uint32_t *order;  // tensors
  uint32_t n, left;
} ordering;

static void meet(ordering *o, uint32_t weight) {
  const oi_emit_weight *w = oi_emit_weight_of(o->e, weight);
  uint32_t loops[OI_MAX_DEPTH];
  const uint32_t depth = oi_value_depth(o->e->g, oi_node_at(o->e->g, weight)->out[0], loops);
  uint64_t member = 0;
  for (uint32_t i = 0; i < depth; i++) {
    const oi_node *loop = oi_node_at(o->e->g, loops[i]);
    member = member * (uint64_t)loop->trips + (uint64_t)o->sym[loop->loop_sym];
  }
  const int64_t tensor = w ? w->tensor[member] : -1;
  if (tensor < 0 || o->seen[tensor]) return;
  o->seen[tensor] = 1, o->order[o->n++] = (uint32_t)tensor;
}

static void walk(ordering *o, size_t from, size_t to) {
  for (size_t i = from; i < to && o->left; i++, o->left--) {
    const oi_item *item = &o->e->plan.items.at[i];
    if (item->kind == OI_ITEM_LOAD) meet(o, item->node);
    if (item->kind == OI_ITEM_RUN) {
      const oi_node *n = oi_node_at(o->e->g, item->node);
      for (uint32_t k = 0; k < n->n_in; k++) {
        const uint32_t weight = oi_emit_weight_behind(o->e, n->in[k]);
        if (weight) meet(o, weight);
      }
    }
    if (item->kind != OI_ITEM_LOOP) continue;
    int64_t *turn = &o->sym[oi_node_at(o->e->g, item->node)->loop_sym];
    for (*turn = item->from; *turn < item->to && o->left; ++*turn) walk(o, i + 1, item->jump);
    i = item->jump;
    if (!o->left) return;
  }
}

oinf_status oi_emit_order_tensors(oi_emit *e) {
  const size_t n = e->model->tensors.n + 1, syms = oi_dims_sym_count(e->g->dims) + 1;
  ordering o = {.e = e, .left = MOST_VISITS};
  o.sym = oi_arena_alloc(&e->arena, syms * sizeof *o.sym);
  o.seen = oi_arena_alloc(&e->arena, n);
  o.order = oi_arena_alloc(&e->arena, n * sizeof *o.order);
  if (!o.sym || !o.seen || !o.order) return oi_nomem(e->err, n);
  walk(&o, 0, e->plan.items.n);
  for (size_t i = 0; i < e->tensors.n; i++)
    if (!o.seen[e->tensors.at[i]]) o.order[o.n++] = e->tensors.at[i];
  if (e->tensors.n) memcpy(e->tensors.at, o.order, e->tensors.n * sizeof *o.order);
  return OINF_OK;
}
