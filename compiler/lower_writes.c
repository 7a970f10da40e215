// Writes: rows of a state are made where they belong. A value that does nothing but go into a state
// as it is (the rotated keys, the product that makes the values) takes the state's rows for its
// storage, and the write, which then has nothing to do, has no kernel. What has to be converted
// first is a cast, and it is the cast that writes there.
//
// It is decided on the plan: what a step reads of the state must be the same whether the rows come
// as they are made or as they were written.
#include "compiler/emit.h"

typedef struct writing {
  oi_emit *e;
  oi_pass *p;
  uint32_t write, made, storage;  // nodes; the storage of what the one makes and the other takes
  uint32_t from, to;              // their items
} writing;

static bool refuse(const writing *w, const char *why, uint64_t number) {
  oi_text *to = &w->p->said;
  const uint32_t value = oi_node_at(w->e->g, w->write)->out[0];
  oi_text_put(to, "writes: state_write %%%u stays: ", oi_value_label_number(w->e->g, value));
  oi_text_put(to, why, (unsigned long long)number);
  oi_text_put(to, "\n");
  return false;
}

static const oi_storage *storage_of(const writing *w, uint32_t value) {
  return &w->e->plan.storages.at[w->e->plan.of_value[value]];
}

// The node that makes all that lies in the storage, and the values that are not views of it.
static uint32_t maker_of(const writing *w, uint32_t storage, uint64_t *others) {
  uint32_t made = 0;
  *others = 0;
  for (uint32_t v = 1; v < w->e->g->values.n; v++) {
    const uint32_t node = oi_val_at(w->e->g, v)->node;
    if (w->e->plan.of_value[v] != storage) continue;
    if (node && oi_plan_is_view(oi_node_at(w->e->g, node)->op)) continue;
    if (!made && node && w->e->kernel[node]) made = node;
    else ++*others;
  }
  return made;
}

// Uses of the storage by anything but views and the write.
static uint64_t uses_besides(const writing *w) {
  const oinf_graph *g = w->e->g;
  uint64_t n = 0;
  for (uint32_t id = 1; id < g->nodes.n; id++) {
    const oi_node *x = oi_node_at(g, id);
    if (id == w->write || oi_plan_is_view(x->op)) continue;
    for (uint32_t i = 0; i < x->n_in; i++) n += w->e->plan.of_value[x->in[i]] == w->storage;
  }
  for (uint32_t r = 0; r < g->regions.n; r++)
    for (uint32_t i = 0; i < g->regions.at[r].n_yields; i++)
      n += w->e->plan.of_value[g->regions.at[r].yields[i]] == w->storage;
  for (size_t i = 0; i < g->outputs.n; i++)
    n += w->e->plan.of_value[g->outputs.at[i].value] == w->storage;
  return n;
}

static uint32_t item_of(const writing *w, uint32_t node) {
  uint32_t found = UINT32_MAX;
  for (uint32_t i = 0; i < w->e->plan.items.n; i++) {
    const oi_item *item = &w->e->plan.items.at[i];
    if (item->kind == OI_ITEM_RUN && item->node == node && found == UINT32_MAX) found = i;
  }
  return found;
}

// Items from the one that makes the rows to the one before the write that speak of the state.
static uint64_t touches_between(const writing *w) {
  const oinf_graph *g = w->e->g;
  const uint32_t state = oi_node_at(g, w->write)->state;
  uint64_t n = 0;
  for (uint32_t i = w->from; i < w->to; i++) {
    const oi_item *item = &w->e->plan.items.at[i];
    if (item->kind != OI_ITEM_RUN) return 1;
    const oi_node *x = oi_node_at(g, item->node);
    n += (x->op == OP_STATE_READ || x->op == OP_STATE_WRITE) && x->state == state;
    for (uint32_t k = 0; k < x->n_in; k++) {
      const oi_storage *s = storage_of(w, x->in[k]);
      n += s->kind == OI_STORE_STATE && oi_node_at(g, s->node)->state == state;
    }
  }
  return n;
}

static bool may_write_there(writing *w) {
  const oinf_graph *g = w->e->g;
  const oi_node *n = oi_node_at(g, w->write);
  uint64_t others;
  w->storage = w->e->plan.of_value[n->in[0]];
  if (storage_of(w, n->out[0])->kind != OI_STORE_STATE)
    return refuse(w, "%llu copy of the rows is kept", 1);
  if (storage_of(w, n->in[0])->kind != OI_STORE_ACT)
    return refuse(w, "its rows lie %llu times in no activation", 1);
  w->made = maker_of(w, w->storage, &others);
  if (others || !w->made) return refuse(w, "%llu other values lie where its rows do", others);
  if (oi_val_at(g, n->in[0])->type.dtype != g->states.at[n->state].type.dtype)
    return refuse(w, "rows of %llu bytes an element are converted",
                  oinf_dtype_block_bytes(oi_val_at(g, n->in[0])->type.dtype));
  if (oi_node_at(g, w->made)->region != n->region)
    return refuse(w, "its rows are made in region %llu", oi_node_at(g, w->made)->region);
  const uint64_t uses = uses_besides(w);
  if (uses) return refuse(w, "%llu further uses read its rows", uses);
  w->from = item_of(w, w->made), w->to = item_of(w, w->write);
  if (w->from >= w->to) return refuse(w, "its rows come %llu items behind it", w->from - w->to);
  const uint64_t touches = touches_between(w);
  return touches ? refuse(w, "%llu times the state is read before", touches) : true;
}

oinf_status oi_lower_writes(oi_pass *p) {
  oi_emit *e = p->emit;
  e->in_place = oi_arena_alloc(&e->arena, e->g->nodes.n * sizeof *e->in_place);
  if (!e->in_place) return oi_nomem(p->err, e->g->nodes.n);
  for (uint32_t id = 1; id < e->g->nodes.n; id++) {
    writing w = {.e = e, .p = p, .write = id};
    if (oi_node_at(e->g, id)->op != OP_STATE_WRITE || !e->kernel[id] || !may_write_there(&w))
      continue;
    oi_storage *s = &e->plan.storages.at[w.storage];
    s->kind = OI_STORE_STATE, s->node = id, s->bytes = 0;
    e->in_place[id] = true, p->changes++;
  }
  if (!p->changes) return OINF_OK;
  OI_TRY(oi_plan_place(&e->plan, p->err));
  return oi_emit_number_kernels(e);
}
