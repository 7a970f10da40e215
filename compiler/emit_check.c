// check_step of model.c: what can be refused is refused before anything runs. Bounds of the
// symbols, the graph's conditions, rows that fit the states, all as C over d. A condition
// that speaks of loops is asked for every turn of them; one that holds whatever the symbols are is
// not printed.
#include <string.h>

#include "compiler/emit.h"

static void put_indent(oi_emit *e, uint32_t depth) {
  for (uint32_t i = 0; i <= depth; i++) oi_text_put(&e->out, "  ");
}

static void put_refusal(oi_emit *e, uint32_t depth, oinf_dim a, const char *op, oinf_dim b,
                        const char *what) {
  put_indent(e, depth);
  oi_text_put(&e->out, "if (!(");
  oi_emit_dim(e, a);
  oi_text_put(&e->out, " %s ", op);
  oi_emit_dim(e, b);
  oi_text_put(&e->out, "))\n");
  put_indent(e, depth + 1);
  oi_text_put(&e->out, "return fails(r, MODEL_USAGE, ");
  oi_emit_string(e, what, strlen(what), true);
  oi_text_put(&e->out, ");\n");
}

static void put_bounds(oi_emit *e, size_t i) {
  oi_sym *sym = oi_dims_sym_at(e->g->dims, i);
  char room[32];
  if (e->pin_lo[i] == e->pin_hi[i]) {
    oi_text_put(&e->out, "  d->%s = %lld;\n", oi_emit_symbol_field(e, i, room),
                (long long)e->pin_hi[i]);
    return;
  }
  oi_text_put(&e->out, "  if (outside(r, %zu, ", i);
  oi_emit_dim(e, sym->lo);
  const bool lower = e->pin_hi[i] != INT64_MAX && e->pin_hi[i] != sym->hi;
  oi_text_put(&e->out, lower ? ", dim_min(" : ", ");
  oi_emit_dim_bare(e, sym->hi);
  if (lower) oi_text_put(&e->out, ", %lld)", (long long)e->pin_hi[i]);
  oi_text_put(&e->out, ")) return r->status;\n");
}

// Rows of a state that an item needs, and how many there are; false: nothing is to be asked.
static bool state_rows(const oi_emit *e, const oi_item *item, oinf_dim *rows, oinf_dim *room) {
  if (item->kind != OI_ITEM_RUN) return false;
  const oi_node *n = oi_node_at(e->g, item->node);
  if (n->op != OP_STATE_READ && n->op != OP_STATE_WRITE) return false;
  const oi_state_decl *s = &e->g->states.at[n->state];
  *rows = oi_val_at(e->g, n->out[0])->type.dim[0];
  if (n->op == OP_STATE_WRITE) *rows = oi_dims_add(e->g->dims, *rows, n->b);
  *room = s->type.dim[s->layering == OI_LAYERS_FIRST ? 1 : 0];
  return !oi_emit_speaks_of_loops(e, *rows);
}

// Was it asked by a condition of the graph, or by an item before this one?
static bool was_asked(const oi_emit *e, size_t item, oinf_dim rows, oinf_dim room) {
  for (size_t i = 0; i < e->g->conditions.n; i++) {
    const oi_condition *c = &e->g->conditions.at[i];
    if (c->at_most && c->a == rows && c->b == room) return true;
  }
  for (size_t i = 0; i < item; i++) {
    oinf_dim a, b;
    if (state_rows(e, &e->plan.items.at[i], &a, &b) && a == rows && b == room) return true;
  }
  return false;
}

static void put_state_rows(oi_emit *e, size_t item) {
  oinf_dim rows, room;
  if (!state_rows(e, &e->plan.items.at[item], &rows, &room)) return;
  if (was_asked(e, item, rows, room)) return;
  put_refusal(e, 0, rows, "<=", room, "a state has fewer rows than are asked for");
}

// ---- conditions of the graph ----

static bool speaks_of(const oi_emit *e, const oi_condition *c, size_t sym) {
  return (oi_dim_is_expr(c->a) && oi_dims_uses(e->g->dims, c->a, sym)) ||
         (oi_dim_is_expr(c->b) && oi_dims_uses(e->g->dims, c->b, sym));
}

// Does it hold for all symbols within the bounds that check_step has asked for?
static bool holds(const oi_emit *e, const oi_condition *c) {
  int64_t a_lo, a_hi, b_lo, b_hi;
  oi_dims_bounds(e->g->dims, c->a, e->plan.sym_lo, e->plan.sym_hi, &a_lo, &a_hi);
  oi_dims_bounds(e->g->dims, c->b, e->plan.sym_lo, e->plan.sym_hi, &b_lo, &b_hi);
  return c->at_most ? a_hi <= b_lo : a_lo == a_hi && a_lo == b_lo && a_lo == b_hi;
}

static void put_loops(oi_emit *e, const oi_condition *c) {
  uint32_t depth = 0;
  char turn[32];
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    const oi_sym *sym = oi_dims_sym_at(e->g->dims, i);
    if (!sym->is_loop || !speaks_of(e, c, i)) continue;
    put_indent(e, depth++);
    oi_emit_symbol_field(e, i, turn);
    oi_text_put(&e->out, "for (d->%s = 0; d->%s <= %lld; d->%s++)\n", turn, turn,
                (long long)sym->hi, turn);
  }
  put_refusal(e, depth, c->a, c->at_most ? "<=" : "==", c->b, c->what);
}

void oi_emit_checks(oi_emit *e) {
  oi_text_put(&e->out,
              "// What can be refused is refused before anything runs.\n"
              "static int check_step(model_run *r, dims *d) {\n  (void)r, (void)d;\n");
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++)
    if (!oi_dims_sym_at(e->g->dims, i)->is_loop) put_bounds(e, i);
  for (size_t i = 0; i < e->g->conditions.n; i++)
    if (!holds(e, &e->g->conditions.at[i])) put_loops(e, &e->g->conditions.at[i]);
  for (size_t i = 0; i < e->plan.items.n; i++) put_state_rows(e, i);
  oi_text_put(&e->out, "  return MODEL_OK;\n}\n\n");
}
