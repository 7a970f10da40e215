// kernels.c: a function for each node, named by its role and op. Which template a node takes is
// said here, what fills its holes in the files emit_product.c, emit_row.c and emit_attend.c; loops
// over elements are printed by emit_move.c. What is missing is refused by its name, before anything
// is written.
#include <stdio.h>
#include <string.h>

#include "compiler/emit_fill.h"

#include <oinf/ops.h>

// ---- the table of templates ----

static const struct {
  uint32_t op;
  oi_fill_fn *fill;
} rows[] = {
    {OP_matmul, oi_fill_matmul},
    {OP_rmsnorm, oi_fill_rmsnorm},
    {OP_layernorm, oi_fill_layernorm},
    {OP_softmax, oi_fill_softmax},
    {OP_quantize, oi_fill_quantize},
    {OP_gather, oi_fill_gather},
    {OP_rope, oi_fill_rope},
    {OP_sdpa, oi_fill_sdpa},
    {OP_argmax, oi_fill_argmax},
    {OP_argmin, oi_fill_argmax},
    {OP_dequantize, oi_fill_dequantize},
};
enum {
  N_ROWS = sizeof rows / sizeof *rows
};

static oi_fill_fn *fill_of(uint32_t op) {
  for (size_t i = 0; i < N_ROWS; i++)
    if (rows[i].op == op) return rows[i].fill;
  return NULL;
}

oinf_status oi_emit_refuse(oi_emit *e, const oi_node *n, const char *why) {
  return oi_fail(e->err, OINF_SUPPORT, "%s has no template for the target c yet: %s",
                 oi_kind_name(n->op), why);
}

// ---- kernels.c ----

void oi_emit_begin(oi_emit *e, const oi_node *n) {
  char name[96];
  oi_text_put(&e->out,
              "static void K(%s)(const call *c, int64_t from, int64_t to, int worker) {\n"
              "  const dims *d = c->d;\n",
              oi_emit_kernel_name(e, (uint32_t)(n - e->g->nodes.at), name));
  for (uint32_t i = 0; i < n->n_in; i++)
    oi_text_put(&e->out, "  const %s *restrict x%u = c->in[%u];\n",
                oi_emit_dtype_of(oi_type_in(e, n, i)->dtype)->type, i, i);
  for (uint32_t i = 0; i < n->n_out; i++) {
    const char *type = oi_emit_dtype_of(oi_val_at(e->g, n->out[i])->type.dtype)->type;
    if (i) oi_text_put(&e->out, "  %s *restrict out%u = c->out[%u];\n", type, i, i);
    else oi_text_put(&e->out, "  %s *restrict out = c->out[0];\n", type);
  }
  oi_text_put(&e->out, "  (void)d, (void)worker;\n");
}

static bool is_nothing(const oi_type *t) {
  for (uint32_t i = 0; i < t->rank; i++)
    if (t->dim[i] == 0) return true;
  return false;
}

// A kernel that has nothing to make, whatever the symbols are, is empty: its template would divide
// by the lengths of its axes. A gather looks at its indices all the same.
static bool makes_nothing(const oi_emit *e, const oi_node *n) {
  if (n->op == OP_gather) return is_nothing(oi_type_in(e, n, 1));
  for (uint32_t i = 0; i < n->n_out; i++)
    if (!is_nothing(&oi_val_at(e->g, n->out[i])->type)) return false;
  return n->n_out > 0;
}

static oinf_status emit_nothing(oi_emit *e, const char *name, oi_emit_cut *cut) {
  oi_text_put(&e->out,
              "static void K(%s)(const call *c, int64_t from, int64_t to, int worker) {\n"
              "  (void)c, (void)from, (void)to, (void)worker;\n}\n",
              name);
  cut->units = "0";
  return OINF_OK;
}

oinf_status oi_emit_kernel(oi_emit *e, uint32_t node, oi_emit_cut *cut) {
  const oi_node *n = oi_node_at(e->g, node);
  oi_fill_fn *fill = fill_of(n->op);
  char name[96];
  *cut = (oi_emit_cut){.units = "1", .cost = "1", .tiled = -1};
  oi_emit_kernel_name(e, node, name);
  if (makes_nothing(e, n)) return emit_nothing(e, name, cut);
  if (fill) {
    oi_filling f = {.e = e, .cut = cut};
    oi_put(&f, "NAME", name);
    oi_put_format(&f, "NAME_READY", "%s_ready", name);
    return fill(&f, n);
  }
  if (oi_emit_is_move(n->op)) return oi_emit_move(e, n, cut);
  if (n->op == OP_USER) return oi_emit_user(e, n, cut);
  if (n->op == OP_FUSED) return oi_emit_fused(e, n, cut);
  const oi_op_info *info = n->op < OP_COUNT ? oi_op_info_of((oi_op)n->op) : NULL;
  if (info && info->kind == OI_ELTWISE) return oi_emit_eltwise(e, n, cut);
  if (info && info->kind == OI_REDUCE) return oi_emit_reduce(e, n, cut);
  return oi_emit_refuse(e, n, "the op as such");
}

const char *oi_emit_ready_name(const oi_emit *e, uint32_t node, char room[96]) {
  return oi_emit_kernel_name(e, e->cuts[node].ready_of ? e->cuts[node].ready_of : node, room);
}

static void put_row(oi_emit *e, const char *name) {
  const char *as = oi_emit_shared_name(e, name);
  oi_text_put(&e->out, "    K(%s),", as);
  oi_text_put(&e->out, strcmp(as, name) == 0 ? "\n" : "  // %s\n", name);
}

// The kernels by their numbers.
static void put_table(oi_emit *e) {
  char name[96], ready[112];
  oi_text_put(&e->out, "static kernel *const K(kernels)[] = {\n");
  for (uint32_t i = 0; i < e->n_kernels; i++) {
    const uint32_t node = e->in_order[i];
    snprintf(ready, sizeof ready, "%s_ready", oi_emit_ready_name(e, node, name));
    if (e->cuts[node].ready) put_row(e, ready);
    put_row(e, oi_emit_kernel_name(e, node, name));
  }
  oi_text_put(&e->out, "    NULL};\n");
}

static oinf_status put_kernel(oi_emit *e, uint32_t node) {
  const size_t from = e->out.n;
  OI_TRY(oi_emit_kernel(e, node, &e->cuts[node]));
  if (oi_node_at(e->g, node)->op != OP_USER) oi_emit_tidy(e, from);
  oi_emit_share(e, from);
  if (e->out.n > from) oi_text_put(&e->out, "\n");
  return OINF_OK;
}

oinf_status oi_emit_kernels(oi_emit *e) {
  e->dot_types = 0, e->functions.n = 0;
  oi_text_put(&e->out,
              "// The kernels of this network, in the order in which they first run, each once. "
              "%s: one\n// float operation a statement, %s. "
              "Each works on units from .. to - 1\n// of its work (call and run, in library.c); "
              "bounds of a step and turns of loops are in d.\n\n",
              e->desc.fast ? "Fast" : "Strict",
              e->desc.fast ? "which the compiler may fuse with the next"
                           : "sums in sixteen partials");
  for (uint32_t i = 0; i < e->n_kernels; i++) OI_TRY(put_kernel(e, e->in_order[i]));
  put_table(e);
  return e->out.failed ? oi_nomem(e->err, e->out.n) : OINF_OK;
}
