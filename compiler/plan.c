// Making a plan: a list of passes over one record, and what several of them ask of the graph.
#include "compiler/plan.h"

#include <string.h>

oinf_status oi_plan_make(oinf_graph *g, const oi_plan_desc *desc, oi_err *err, oi_plan *out_plan) {
  oi_plan p = {.graph = g, .load_whole = desc->load_whole};
  oi_arena_init(&p.arena, g->ctx);
  size_t n = oi_dims_sym_count(g->dims), bytes = (n ? n : 1) * sizeof(int64_t);
  p.sym_lo = oi_arena_alloc(&p.arena, bytes);
  p.sym_hi = oi_arena_alloc(&p.arena, bytes);
  p.of_value = oi_arena_alloc(&p.arena, g->values.n * sizeof *p.of_value);
  p.of_wait = oi_arena_alloc(&p.arena, g->values.n * sizeof *p.of_wait);
  p.hold_bytes = oi_arena_alloc(&p.arena, (desc->n_demands + 1) * sizeof *p.hold_bytes);
  oinf_status s = OINF_OK;
  if (!p.sym_lo || !p.sym_hi || !p.of_value || !p.of_wait || !p.hold_bytes)
    s = oi_nomem(err, bytes);
  if (s == OINF_OK) {
    memcpy(p.sym_lo, desc->sym_lo, n * sizeof(int64_t));
    memcpy(p.sym_hi, desc->sym_hi, n * sizeof(int64_t));
    s = oi_plan_items(&p, desc, err);
  }
  if (s == OINF_OK) s = oi_plan_memory(&p, desc, err);
  if (s == OINF_OK) s = oi_plan_place(&p, err);
  if (s != OINF_OK) return oi_plan_free(&p), s;
  *out_plan = p;
  return OINF_OK;
}

void oi_plan_free(oi_plan *p) {
  if (!p->graph) return;
  oi_vec_free(p->graph->ctx, &p->items);
  oi_vec_free(p->graph->ctx, &p->storages);
  oi_vec_free(p->graph->ctx, &p->spans);
  oi_arena_free(&p->arena);
  *p = (oi_plan){0};
}

bool oi_region_inside(const oinf_graph *g, uint32_t region, uint32_t outer) {
  while (region != outer && region != 0) region = g->regions.at[region].parent;
  return region == outer;
}

uint32_t oi_value_depth(const oinf_graph *g, uint32_t value, uint32_t loops[OI_MAX_DEPTH]) {
  uint32_t depth = 0, found[OI_MAX_DEPTH];
  for (uint32_t r = g->values.at[value].region; r != 0; r = g->regions.at[r].parent) {
    uint32_t node = g->regions.at[r].node;
    if (oi_node_at(g, node)->op == OP_LOOP && depth < OI_MAX_DEPTH) found[depth++] = node;
  }
  for (uint32_t i = 0; i < depth; i++) loops[i] = found[depth - 1 - i];
  return depth;
}

bool oi_plan_is_view(uint32_t op) {
  return op == OP_reshape || op == OP_squeeze || op == OP_unsqueeze;
}

bool oi_plan_waits(const oi_plan *p, const oi_region *body, uint64_t carry, uint32_t i) {
  const uint32_t from = p->of_value[body->yields[i]];
  if (!(carry >> i & 1) || from == p->of_value[body->params[i]]) return false;
  for (uint32_t k = 0; k < i; k++)
    if (carry >> k & 1 && from == p->of_value[body->params[k]] &&
        from != p->of_value[body->yields[k]])
      return true;
  return false;
}

// Are the rows that the kernel takes those of the file? A matmul's are where its weight has two
// axes and is transposed (the rarer kernels of integers and f64 take it whole), a gather's where it
// picks along the first axis.
static bool rows_are_rows(const oinf_graph *g, const oi_node *n, const oi_value *w) {
  if (n->op == OP_matmul) {
    const oinf_matmul_args *a = n->args;
    const oi_class x = oi_dtype_class(oi_val_at(g, n->in[0])->type.dtype),
                   y = oi_dtype_class(w->type.dtype);
    const bool common = y == OI_Q || (x == OI_F && y == OI_F && !a->transpose_a);
    return common && a->transpose_b && w->type.rank == 2;
  }
  if (n->op != OP_gather) return true;
  const oinf_gather_args *a = n->args;
  return a->axis == 0 || a->axis + (int64_t)w->type.rank == 0;
}

int oi_plan_paged_operand(const oinf_graph *g, uint32_t node, oi_paging *out_paging) {
  const oi_node *n = oi_node_at(g, node), *fused = n->op == OP_FUSED ? n : NULL;
  const oi_region *r = fused ? &g->regions.at[n->sub[0]] : NULL;
  // The operands of what stands at a fused node's head are its first ones.
  for (uint32_t i = r ? r->first : 0; i; i = oi_node_at(g, i)->next)
    if (oi_node_at(g, i)->op == OP_matmul) n = oi_node_at(g, i);
  if (n->op >= OP_COUNT) return -1;
  for (uint32_t i = 0; i < n->n_in; i++) {
    const oi_value *v = oi_val_at(g, fused ? fused->in[i] : n->in[i]);
    oi_paging how = oi_op_paging((oi_op)n->op, i);
    if (how == OI_PAGE_WHOLE || !v->node || oi_node_at(g, v->node)->op != OP_WEIGHT) continue;
    if (!rows_are_rows(g, n, v)) continue;
    *out_paging = how;
    return (int)i;
  }
  return -1;
}

uint64_t oi_plan_bytes_hi(const oi_plan *p, const oi_type *t) {
  uint64_t n = 1;
  for (uint32_t i = 0; i < t->rank; i++) {
    int64_t lo, hi;
    oi_dims_bounds(p->graph->dims, t->dim[i], p->sym_lo, p->sym_hi, &lo, &hi);
    if (!oi_mul_u64(n, hi < 0 ? 0 : (uint64_t)hi, &n)) return UINT64_MAX;
  }
  uint64_t blocks = (n + oinf_dtype_block(t->dtype) - 1) / oinf_dtype_block(t->dtype), bytes;
  return oi_mul_u64(blocks, oinf_dtype_block_bytes(t->dtype), &bytes) ? bytes : UINT64_MAX;
}

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
