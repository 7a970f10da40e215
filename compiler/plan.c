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
