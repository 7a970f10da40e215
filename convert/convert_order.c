// The order of tensors on disk is the order of first use: a step then reads the file from front to
// back.
#include <string.h>

#include "convert/convert.h"

typedef struct walk {
  oinf_graph *g;
  uint32_t *order;
  uint32_t n;
  uint8_t *placed;
  int64_t *syms;
  bool failed;  // a name could not be made
} walk;

// A member that is not there stands in a branch that does not run.
static void place(walk *w, uint32_t node) {
  const int64_t t = oi_weight_resolve(w->g, node, w->syms);
  w->failed = w->failed || t == OI_NO_MEMORY;
  if (t >= 0 && !w->placed[t]) w->placed[t] = 1, w->order[w->n++] = (uint32_t)t;
}

static void visit(walk *w, uint32_t region) {
  for (uint32_t id = w->g->regions.at[region].first; id; id = oi_node_at(w->g, id)->next) {
    const oi_node *n = oi_node_at(w->g, id);
    if (n->op == OP_WEIGHT) place(w, id);
    if (n->op == OP_IF) visit(w, n->sub[0]), visit(w, n->sub[1]);
    if (n->op != OP_LOOP) continue;
    for (int64_t i = 0; i < n->trips; i++) {
      w->syms[n->loop_sym] = i;
      visit(w, n->sub[0]);
    }
  }
}

oinf_status oi_convert_order(oinf_model *m, oinf_graph *g, uint32_t *out_order) {
  const size_t n = m->tensors.n, n_syms = g ? oi_dims_sym_count(g->dims) : 0;
  walk w = {.g = g, .order = out_order};
  w.placed = oi_alloc(m->ctx, n + 1);
  w.syms = oi_alloc(m->ctx, (n_syms + 1) * sizeof *w.syms);
  oinf_status status = w.placed && w.syms ? OINF_OK : oi_nomem(oi_ctx_err(m->ctx), n);
  if (status == OINF_OK && g) visit(&w, 0);
  if (w.failed) status = oi_nomem(oi_ctx_err(m->ctx), 0);
  for (size_t i = 0; status == OINF_OK && i < n; i++)
    if (!w.placed[m->by_name.at[i]]) out_order[w.n++] = m->by_name.at[i];
  oi_free(m->ctx, w.placed, n + 1);
  oi_free(m->ctx, w.syms, (n_syms + 1) * sizeof *w.syms);
  return status;
}
