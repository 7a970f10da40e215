// Is a state one that only grows: is each of its rows written once a step, and do reads see rows of
// earlier steps and those written before them? Told from the graph alone.
#include "compiler/plan.h"

// ---- states that only grow ----

// A read is safe where it sees old rows alone, or comes behind a write of its own layer that filled
// the rest.
static bool read_is_covered(const oinf_graph *g, const oi_node *read, oinf_dim at) {
  if (read->b == at) return true;
  for (uint32_t id = read->prev; id; id = oi_node_at(g, id)->prev) {
    const oi_node *w = oi_node_at(g, id);
    if (w->op != OP_STATE_WRITE || w->state != read->state || w->a != read->a) continue;
    return oi_dims_add(g->dims, w->b, oi_val_at(g, w->out[0])->type.dim[0]) == read->b;
  }
  return false;
}

static bool speaks_of_loops(const oinf_graph *g, oinf_dim d) {
  for (size_t i = 0; oi_dim_is_expr(d) && i < oi_dims_sym_count(g->dims); i++)
    if (oi_dims_sym_at(g->dims, i)->is_loop && oi_dims_uses(g->dims, d, i)) return true;
  return false;
}

// Counts the layers that a write meets in all iterations of the loops around it.
typedef struct layers {
  const oinf_graph *g;
  uint8_t *met;  // by layer
  int64_t count;
  int64_t *syms;
  uint32_t turns;
} layers;

// False: a layer is met twice, or cannot be told.
static bool meet_layers(layers *w, const oi_node *write, const uint32_t *loops, uint32_t depth) {
  int64_t layer = 0;
  if (depth > 0) {
    const oi_node *loop = oi_node_at(w->g, loops[0]);
    for (int64_t i = 0; i < loop->trips; i++) {
      w->syms[loop->loop_sym] = i;
      if (++w->turns > OI_MAX_TRIPS || !meet_layers(w, write, loops + 1, depth - 1)) return false;
    }
    return true;
  }
  if (write->a != OINF_NO_LAYER && oi_dim_is_expr(write->a) &&
      !oi_dims_eval(w->g->dims, write->a, w->syms, &layer))
    return false;
  if (write->a != OINF_NO_LAYER && !oi_dim_is_expr(write->a)) layer = write->a;
  if (layer < 0 || layer >= w->count || w->met[layer]) return false;
  return w->met[layer] = 1, true;
}

static bool meet_all(layers *w, uint32_t state) {
  for (uint32_t i = 1; i < w->g->nodes.n; i++) {
    const oi_node *n = oi_node_at(w->g, i);
    uint32_t loops[OI_MAX_DEPTH];
    if (n->op != OP_STATE_WRITE || n->state != state) continue;
    for (size_t k = 0; k < oi_dims_sym_count(w->g->dims); k++)
      if (oi_dim_is_expr(n->a) && !oi_dims_sym_at(w->g->dims, k)->is_loop &&
          oi_dims_uses(w->g->dims, n->a, k))
        return false;
    if (!meet_layers(w, n, loops, oi_value_depth(w->g, n->out[0], loops))) return false;
  }
  return true;
}

// Is each row written once a step: by one write, in one iteration?
static oinf_status writes_once(const oinf_graph *g, uint32_t state, oi_err *err, bool *out) {
  const oi_state_decl *s = &g->states.at[state];
  const int64_t count = s->layering == OI_LAYERS_FIRST ? s->type.dim[0] : 1;
  const size_t n_syms = (oi_dims_sym_count(g->dims) + 1) * sizeof(int64_t);
  *out = false;
  if (oi_dim_is_expr(count) || count < 1 || count > OI_MAX_TRIPS) return OINF_OK;
  layers w = {.g = g, .count = count};
  w.met = oi_alloc(g->ctx, (size_t)count);
  w.syms = oi_alloc(g->ctx, n_syms);
  oinf_status status = w.met && w.syms ? OINF_OK : oi_nomem(err, (size_t)count);
  if (status == OINF_OK) *out = meet_all(&w, state);
  oi_free(g->ctx, w.met, (size_t)count);
  oi_free(g->ctx, w.syms, n_syms);
  return status;
}

// The row where every write begins; false where they differ.
static bool same_start(const oinf_graph *g, uint32_t state, oinf_dim *out_at) {
  *out_at = OI_DIM_BAD;
  for (uint32_t i = 1; i < g->nodes.n; i++) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op != OP_STATE_WRITE || n->state != state) continue;
    if (*out_at != OI_DIM_BAD && *out_at != n->b) return false;
    *out_at = n->b;
  }
  return true;
}

static bool reads_are_covered(const oinf_graph *g, uint32_t state, oinf_dim at) {
  for (uint32_t i = 1; i < g->nodes.n; i++) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op == OP_STATE_READ && n->state == state && !read_is_covered(g, n, at)) return false;
  }
  return true;
}

oinf_status oi_state_growth(const oinf_graph *g, uint32_t state, oi_err *err, oi_growth *out) {
  oinf_dim at;
  bool once = true;
  *out = (oi_growth){.at = OI_DIM_BAD};
  if (!same_start(g, state, &at)) return OINF_OK;
  if (at == OI_DIM_BAD) return out->appends = true, OINF_OK;
  if (!oi_dim_is_expr(at) || speaks_of_loops(g, at)) return OINF_OK;
  if (!reads_are_covered(g, state, at)) return OINF_OK;
  OI_TRY(writes_once(g, state, err, &once));
  if (once) *out = (oi_growth){true, at};
  return OINF_OK;
}
