// What of a state must be in memory: is it one that only grows, and is a window all that is ever
// seen of it? Both are told from the graph alone, so that simulator, bundle and saved states agree
// on them; how many rows a window then takes depends on the bounds of the symbols too.
//
// A state whose layers are seen by attention with a window and without one stays whole: the layers
// are one array, with one position of its first row. States that one attention reads together are
// windowed together or not at all, and all windowed states of a graph share the widest window, so a
// step knows one position at which rows begin.
#include "compiler/plan.h"
#include "lib/rt/kept.h"

#include <oinf/ops.h>
#include <string.h>

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

// ---- states of which a window is seen ----

uint32_t oi_state_behind(const oinf_graph *g, uint32_t value) {
  for (;;) {
    const oi_value *v = oi_val_at(g, value);
    const oi_node *n = v->node ? oi_node_at(g, v->node) : NULL;
    if (n && n->op == OP_STATE_READ) return v->node;
    if (!n || !oi_plan_is_view(n->op)) return 0;
    const oi_type *from = &oi_val_at(g, n->in[0])->type;
    if (!v->type.rank || !from->rank || from->dim[0] != v->type.dim[0]) return 0;
    value = n->in[0];
  }
}

bool oi_windowed_is(const oinf_graph *g, const oi_windowed *w, uint32_t value) {
  const uint32_t read = w->window ? oi_state_behind(g, value) : 0;
  return read && oi_state_in(&w->states, oi_node_at(g, read)->state);
}

typedef struct looking {
  const oinf_graph *g;
  oi_windowed *out;
  bool changed;
} looking;

static bool is_in(const looking *l, uint32_t read) {
  return read && oi_state_in(&l->out->states, oi_node_at(l->g, read)->state);
}

static void drop(looking *l, uint32_t read) {
  const uint32_t state = oi_node_at(l->g, read)->state;
  l->out->states.bits[state / 64] &= ~(UINT64_C(1) << state % 64);
  l->changed = true;
}

// Is the state as it was read when the user comes: in the same region, and not written in between?
static bool stands_until(const oinf_graph *g, uint32_t read, uint32_t user) {
  const uint32_t state = oi_node_at(g, read)->state;
  for (uint32_t id = oi_node_at(g, read)->next; id; id = oi_node_at(g, id)->next) {
    const oi_node *n = oi_node_at(g, id);
    oi_state_set writes = {{0}};
    if (id == user) return true;
    for (int s = 0; s < oi_kind_regions(n->op); s++) oi_region_writes(g, n->sub[s], &writes);
    if (oi_state_in(&writes, state) || (n->op == OP_STATE_WRITE && n->state == state)) return false;
  }
  return false;
}

static bool is_windowed(const looking *l, const oi_node *n) {
  const oinf_sdpa_args *args = n->args;
  return n->op == OP_sdpa && n->n_in == 3 && args->window > 0 && args->pos == l->out->at;
}

// Attention keeps both its states or drops both; whatever else reads one, but for a view of all of
// its rows, drops it.
static void look_at_node(looking *l, uint32_t id) {
  const oi_node *n = oi_node_at(l->g, id);
  uint32_t reads[3] = {0};
  for (uint32_t i = 0; i < n->n_in; i++) {
    const uint32_t read = oi_state_behind(l->g, n->in[i]);
    const bool view = oi_plan_is_view(n->op) && oi_state_behind(l->g, n->out[0]);
    const bool fits = is_windowed(l, n) && i > 0 && stands_until(l->g, read, id);
    if (fits) reads[i] = read;
    else if (is_in(l, read) && !view) drop(l, read);
  }
  if (is_in(l, reads[1]) == is_in(l, reads[2])) return;
  drop(l, is_in(l, reads[1]) ? reads[1] : reads[2]);
}

static void look_at_values(looking *l, const uint32_t *values, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    const uint32_t read = oi_state_behind(l->g, values[i]);
    if (is_in(l, read)) drop(l, read);
  }
}

static void look(looking *l) {
  const oinf_graph *g = l->g;
  for (uint32_t id = 1; id < g->nodes.n; id++)
    if (oi_node_at(g, id)->op) look_at_node(l, id);
  for (size_t r = 0; r < g->regions.n; r++)
    look_at_values(l, g->regions.at[r].yields, g->regions.at[r].n_yields);
  for (size_t i = 0; i < g->outputs.n; i++) look_at_values(l, &g->outputs.at[i].value, 1);
}

// How many rows every write of the state has; OI_DIM_BAD: they differ, or depend on a loop.
static oinf_dim rows_written(const oinf_graph *g, uint32_t state) {
  oinf_dim rows = OI_DIM_BAD;
  for (uint32_t i = 1; i < g->nodes.n; i++) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op != OP_STATE_WRITE || n->state != state) continue;
    const oinf_dim here = oi_val_at(g, n->out[0])->type.dim[0];
    if ((rows != OI_DIM_BAD && rows != here) || speaks_of_loops(g, here)) return OI_DIM_BAD;
    rows = here;
  }
  return rows;
}

// States that only grow, as the first one does that attention with a window reads.
static oinf_status candidates(looking *l, oi_err *err) {
  const oinf_graph *g = l->g;
  for (uint32_t i = 0; i < g->states.n; i++) {
    oi_growth growth;
    if (!oi_state_in(&l->out->seen, i)) continue;
    OI_TRY(oi_state_growth(g, i, err, &growth));
    if (!growth.appends || growth.at == OI_DIM_BAD) continue;
    const oinf_dim rows = rows_written(g, i);
    if (rows == OI_DIM_BAD) continue;
    if (l->out->at == OI_DIM_BAD) l->out->at = growth.at, l->out->rows = rows;
    if (growth.at == l->out->at && rows == l->out->rows)
      l->out->states.bits[i / 64] |= UINT64_C(1) << i % 64;
  }
  return OINF_OK;
}

// Adds the states that an attention with a window reads; the widest window of those that are in.
static int64_t widest(looking *l, bool add) {
  int64_t window = 0;
  for (uint32_t id = 1; id < l->g->nodes.n; id++) {
    const oi_node *n = oi_node_at(l->g, id);
    const oinf_sdpa_args *args = n->op == OP_sdpa ? n->args : NULL;
    for (uint32_t i = 1; args && args->window > 0 && i < 3; i++) {
      const uint32_t read = oi_state_behind(l->g, n->in[i]);
      const uint32_t state = read ? oi_node_at(l->g, read)->state : 0;
      if (read && add) l->out->seen.bits[state / 64] |= UINT64_C(1) << state % 64;
      if (is_in(l, read) && args->window > window) window = args->window;
    }
  }
  return window;
}

oinf_status oi_windowed_find(const oinf_graph *g, oi_err *err, oi_windowed *out) {
  looking l = {.g = g, .out = out, .changed = true};
  *out = (oi_windowed){.at = OI_DIM_BAD, .rows = OI_DIM_BAD};
  (void)widest(&l, true);
  OI_TRY(candidates(&l, err));
  while (l.changed) l.changed = false, look(&l);
  out->window = widest(&l, false);
  return OINF_OK;
}

int64_t oi_windowed_room(const oinf_graph *g, const oi_windowed *w, const int64_t *sym_lo,
                         const int64_t *sym_hi) {
  int64_t capacity = INT64_MAX, lo, hi, step;
  if (!w->window) return 0;
  oi_dims_bounds(g->dims, w->rows, sym_lo, sym_hi, &lo, &step);
  for (uint32_t i = 0; i < g->states.n; i++) {
    const oi_state_decl *s = &g->states.at[i];
    if (!oi_state_in(&w->states, i)) continue;
    oi_dims_bounds(g->dims, s->type.dim[s->layering == OI_LAYERS_FIRST], sym_lo, sym_hi, &lo, &hi);
    if (lo < capacity) capacity = lo;
  }
  const int64_t room = oi_kept_room(w->window, step);
  return room < capacity ? room : 0;
}
