// Layout: a transpose in front of a matmul becomes the matmul's own flag, so that an operand is
// read as it lies and never copied. The order of the sums is that of k, which a transpose does not
// touch: equal bits. Which weights are re-laid is decided with the plan (emit_layout.c).
#include "compiler/passes.h"
#include "lib/op_move.h"

#include <oinf/ops.h>

// The value that this one is with its last two axes swapped; 0: none.
static uint32_t transposed_of(const oinf_graph *g, uint32_t value) {
  const oi_value *v = oi_val_at(g, value);
  const oi_node *n = v->node ? oi_node_at(g, v->node) : NULL;
  const uint32_t rank = v->type.rank;
  if (!n || n->op != OP_permute || rank < 2) return 0;
  const oinf_permute_args *args = n->args;
  for (uint32_t i = 0; i < rank; i++) {
    const uint32_t want = i + 1 == rank ? rank - 2 : i + 2 == rank ? rank - 1 : i;
    if (oi_axis(args->axes.d[i], rank) != want) return 0;
  }
  return n->in[0];
}

static oinf_status visit(oi_pass *p, uint32_t id) {
  const oi_node *n = oi_node_at(p->g, id);
  if (n->op != OP_matmul || n->n_in != 2) return OINF_OK;
  const uint32_t b = transposed_of(p->g, n->in[1]);
  if (!b || oi_val_at(p->g, b)->type.rank != 2) return OINF_OK;
  oinf_matmul_args args = *(const oinf_matmul_args *)n->args;
  const uint32_t in[2] = {n->in[0], b}, old = n->out[0];
  args.transpose_b = !args.transpose_b;
  const uint32_t now = oi_build_list(p->g, OP_matmul, &args, in, 2, NULL, 0).id;
  if (!now) return OINF_OK;  // the graph says why
  OI_TRY(oi_pass_replace(p, old, now));
  oi_node_remove(p->g, id);
  return p->changes++, OINF_OK;
}

oinf_status oi_opt_layout(oi_pass *p) { return oi_pass_walk(p, visit); }
