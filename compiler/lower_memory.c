// The pass that makes the plan, and the plan as text: what runs in which order, and where what it
// gives lies in the arena of activations.
#include "compiler/emit.h"

oinf_status oi_lower_memory(oi_pass *p) {
  OI_TRY(oi_emit_plan_memory(p->emit));
  p->changes = (uint32_t)p->emit->plan.items.n;
  oi_text_put(&p->said, "memory: %llu bytes of activations, and no plan takes less than %llu\n",
              (unsigned long long)p->emit->plan.activations,
              (unsigned long long)p->emit->plan.least);
  return OINF_OK;
}

static void put_place(oi_emit *e, uint32_t value, oi_text *out) {
  static const char *const kinds[] = {"nothing", "act", "an input", "a weight", "a state"};
  const oi_storage *s = &e->plan.storages.at[e->plan.of_value[value]];
  oi_text_put(out, " %%%u in %s", oi_value_number(e->g, value), kinds[s->kind]);
  if (s->kind == OI_STORE_ACT)
    oi_text_put(out, " %llu+%llu", (unsigned long long)s->offset, (unsigned long long)s->bytes);
}

static void put_item(oi_emit *e, const oi_item *item, oi_text *out) {
  const oi_node *n = item->kind == OI_ITEM_HOLD ? NULL : oi_node_at(e->g, item->node);
  static const char *const joins[] = {"", ", beside the one before", ", behind the one before"};
  char name[96];
  switch (item->kind) {
    case OI_ITEM_RUN:
      oi_text_put(
          out, "%s:",
          e->kernel[item->node] ? oi_emit_kernel_name(e, item->node, name) : oi_kind_name(n->op));
      for (uint32_t i = 0; i < n->n_out; i++) put_place(e, n->out[i], out);
      if (e->joins) oi_text_put(out, "%s", joins[e->joins[item - e->plan.items.at]]);
      break;
    case OI_ITEM_LOAD: oi_text_put(out, "load:"), put_place(e, n->out[0], out); break;
    case OI_ITEM_LOOP:
      oi_text_put(out, "loop %s %lld %lld", oi_dims_sym_at(e->g->dims, n->loop_sym)->name,
                  (long long)item->from, (long long)item->to);
      break;
    case OI_ITEM_END: oi_text_put(out, "end"); break;
    case OI_ITEM_IF: oi_text_put(out, "if"); break;
    case OI_ITEM_ELSE: oi_text_put(out, "else"); break;
    case OI_ITEM_ENDIF: oi_text_put(out, "endif"); break;
    case OI_ITEM_HOLD:
      oi_text_put(out, "hold output %u:", item->which);
      put_place(e, e->g->outputs.at[item->which].value, out);
  }
  oi_text_put(out, "\n");
}

void oi_lower_memory_text(oi_emit *e, oi_text *out) {
  int depth = 0;
  oi_text_put(out, "activations %llu, at least %llu\n", (unsigned long long)e->plan.activations,
              (unsigned long long)e->plan.least);
  for (size_t i = 0; i < e->plan.items.n; i++) {
    const oi_item *item = &e->plan.items.at[i];
    const bool ends = item->kind == OI_ITEM_END || item->kind == OI_ITEM_ENDIF;
    const bool begins = item->kind == OI_ITEM_LOOP || item->kind == OI_ITEM_IF;
    depth -= ends;
    oi_text_put(out, "%*s", 2 * (depth - (item->kind == OI_ITEM_ELSE)), "");
    put_item(e, item, out);
    depth += begins;
  }
}
