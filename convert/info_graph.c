// What a graph shows to the outside: symbols with their bounds, inputs, outputs, states, variants;
// each as a kind, a name and a text. Told once, for people and for machines.
#include "convert/info.h"

typedef struct teller {
  oinf_graph *g;
  oi_text text;
  oi_info_port *each;
  void *user;
} teller;

static void tell_type(teller *t, const char *kind, const char *name, const oi_type *type) {
  t->text.n = 0;
  oi_type_print(t->g->dims, type, &t->text);
  if (!t->text.failed) t->each(t->user, kind, name, t->text.at);
}

static void tell_symbol(teller *t, const oi_sym *s) {
  if (s->is_loop) return;
  t->text.n = 0;
  oi_dims_print(t->g->dims, s->lo, &t->text);
  oi_text_put(&t->text, " to ");
  oi_dims_print(t->g->dims, s->hi, &t->text);
  if (!t->text.failed) t->each(t->user, "dim", s->name, t->text.at);
}

static void tell_variant(teller *t, const oi_variant_decl *v) {
  t->text.n = 0;
  oi_text_put(&t->text, "%s = %lld", oi_dims_sym_at(t->g->dims, v->sym)->name, (long long)v->value);
  if (!t->text.failed) t->each(t->user, "variant", v->name, t->text.at);
}

static void tell(teller *t) {
  oinf_graph *g = t->g;
  for (size_t k = 0; k < oi_dims_sym_count(g->dims); k++)
    tell_symbol(t, oi_dims_sym_at(g->dims, k));
  for (size_t k = 0; k < g->inputs.n; k++) {
    const oi_value *v = oi_val_at(g, g->inputs.at[k]);
    tell_type(t, "in", oi_node_at(g, v->node)->text, &v->type);
  }
  for (size_t k = 0; k < g->outputs.n; k++)
    tell_type(t, "out", g->outputs.at[k].name, &oi_val_at(g, g->outputs.at[k].value)->type);
  for (size_t k = 0; k < g->states.n; k++)
    tell_type(t, "state", g->states.at[k].name, &g->states.at[k].type);
  for (size_t k = 0; k < g->variants.n; k++) tell_variant(t, &g->variants.at[k]);
}

oinf_status oi_info_ports(oi_info *i, const char *graph, oi_info_port *each, void *user) {
  teller t = {.each = each, .user = user};
  OI_TRY(oinf_graph_load(i->ctx, i->model, graph, &t.g));
  oi_text_init(&t.text, i->ctx);
  tell(&t);
  oinf_status status = t.text.failed ? oi_nomem(oi_ctx_err(i->ctx), t.text.n) : OINF_OK;
  oi_text_free(&t.text);
  oinf_graph_destroy(t.g);
  return status;
}
