// The pass that says what of the weights is read when, and what all arenas come to; and this as
// text.
#include <string.h>

#include "compiler/emit.h"

oinf_status oi_lower_paging(oi_pass *p) {
  oi_emit *e = p->emit;
  OI_TRY(oi_emit_plan_paging(e));
  p->changes = (uint32_t)e->weights.n;
  oi_emit_layout_text(e, &p->said);
  oi_text_put(&p->said, "paging: %llu bytes in all arenas, %llu bytes of weights a step\n",
              (unsigned long long)e->figures.peak, (unsigned long long)e->figures.step_bytes);
  return OINF_OK;
}

void oi_lower_paging_text(oi_emit *e, oi_text *out) {
  const oinf_emit_figures *f = &e->figures;
  oi_text_put(out, "weights %llu, activations %llu, states %llu, outputs %llu, scratch %llu\n",
              (unsigned long long)f->weights, (unsigned long long)f->activations,
              (unsigned long long)f->states, (unsigned long long)f->io,
              (unsigned long long)f->room);
  for (size_t i = 0; i < e->weights.n; i++) {
    const oi_emit_weight *w = &e->weights.at[i];
    oi_text_put(out, "weight \"");
    oi_text_escape(out, oi_node_at(e->g, w->node)->text, strlen(oi_node_at(e->g, w->node)->text));
    oi_text_put(out, "\": %u of %llu bytes, %s%s\n", w->same ? 1 : w->n,
                (unsigned long long)w->bytes, w->why ? "row-major: " : "in groups of 16 rows",
                w->why ? w->why : "");
  }
}

oinf_status oi_emit_plan_text(oi_emit *e, bool paging, oi_text *out) {
  if (paging) oi_lower_paging_text(e, out);
  else oi_lower_memory_text(e, out);
  return out->failed ? oi_nomem(e->err, out->n) : OINF_OK;
}
