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
  p.hold_bytes = oi_arena_alloc(&p.arena, (desc->n_demands + 1) * sizeof *p.hold_bytes);
  oinf_status s = OINF_OK;
  if (!p.sym_lo || !p.sym_hi || !p.of_value || !p.hold_bytes) s = oi_nomem(err, bytes);
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

// Are the rows that the kernel takes those of the file? A matmul's are where its weight has two
// axes and is transposed, a gather's where it picks along the first axis.
static bool rows_are_rows(const oi_node *n, const oi_value *w) {
  if (n->op == OP_matmul) {
    const oinf_matmul_args *a = n->args;
    return a->transpose_b && w->type.rank == 2;
  }
  if (n->op != OP_gather) return true;
  const oinf_gather_args *a = n->args;
  return a->axis == 0 || a->axis + (int64_t)w->type.rank == 0;
}

int oi_plan_paged_operand(const oinf_graph *g, uint32_t node, oi_paging *out_paging) {
  const oi_node *n = oi_node_at(g, node);
  if (n->op >= OP_COUNT) return -1;
  for (uint32_t i = 0; i < n->n_in; i++) {
    const oi_value *v = oi_val_at(g, n->in[i]);
    oi_paging how = oi_op_paging((oi_op)n->op, i);
    if (how == OI_PAGE_WHOLE || !v->node || oi_node_at(g, v->node)->op != OP_WEIGHT) continue;
    if (!rows_are_rows(n, v)) continue;
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

// Does this write meet each row once a step: no loop around it, or one whose iterations have layers
// of their own?
static bool writes_once(const oinf_graph *g, const oi_node *write) {
  uint32_t loops[OI_MAX_DEPTH], depth = oi_value_depth(g, write->out[0], loops);
  if (depth == 0) return true;
  if (depth > 1 || !oi_dim_is_expr(write->a)) return false;
  const size_t sym = oi_node_at(g, loops[0])->loop_sym;
  oinf_dim next = oi_dims_add(g->dims, oi_dims_sym_dim(g->dims, sym), 1);
  oinf_dim stride = oi_dims_sub(g->dims, oi_dims_subst(g->dims, write->a, sym, next), write->a);
  return stride != 0 && !oi_dim_is_expr(stride) && stride != OI_DIM_BAD;
}

// Layers of which one alone is a number may meet.
static bool layers_differ(oinf_dim a, oinf_dim b) {
  return a != b && !oi_dim_is_expr(a) && !oi_dim_is_expr(b);
}

static bool writes_meet(const oinf_graph *g, uint32_t state, uint32_t node) {
  for (uint32_t i = 1; i < node; i++) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op == OP_STATE_WRITE && n->state == state &&
        !layers_differ(n->a, oi_node_at(g, node)->a))
      return true;
  }
  return false;
}

bool oi_state_appends(const oinf_graph *g, uint32_t state, oinf_dim *out_at) {
  oinf_dim at = *out_at = OI_DIM_BAD;
  for (uint32_t i = 1; i < g->nodes.n; i++) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op != OP_STATE_WRITE || n->state != state) continue;
    if ((at != OI_DIM_BAD && at != n->b) || !writes_once(g, n) || writes_meet(g, state, i))
      return false;
    at = n->b;
  }
  if (at == OI_DIM_BAD) return true;
  if (!oi_dim_is_expr(at) || speaks_of_loops(g, at)) return false;
  for (uint32_t i = 1; i < g->nodes.n; i++) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op == OP_STATE_READ && n->state == state && !read_is_covered(g, n, at)) return false;
  }
  *out_at = at;
  return true;
}
