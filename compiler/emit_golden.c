// golden.inc: the package's golden steps as arrays of C, for `make check`: symbols, inputs, and for
// every value its label and hash, in the order in which they were made.
#include <string.h>

#include "compiler/emit.h"

// A symbol's value in a step: as it was set, or as an input's shape tells it.
static int64_t value_of(const oi_emit *e, const oi_golden_step *g, size_t sym) {
  int64_t x = 0;
  const oi_sym *s = oi_dims_sym_at(e->g->dims, sym);
  for (uint32_t k = 0; k < g->n_syms && !s->is_loop; k++)
    if (strcmp(g->syms[k].name, s->name) == 0) x = g->syms[k].value;
  for (size_t in = 0; in < e->g->inputs.n; in++) {
    const oi_value *v = oi_val_at(e->g, e->g->inputs.at[in]);
    for (uint32_t k = 0; k < g->n_inputs; k++) {
      if (strcmp(g->inputs[k].name, oi_node_at(e->g, v->node)->text) != 0) continue;
      for (uint32_t axis = 0; axis < v->type.rank; axis++)
        if (oi_dims_sym_of(e->g->dims, v->type.dim[axis]) == (int)sym) x = g->inputs[k].dims[axis];
    }
  }
  return x;
}

static void put_symbols(oi_emit *e, uint32_t step, const oi_golden_step *g) {
  oi_text_put(&e->out, "static const int64_t golden%u_symbols[] = {", step);
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++)
    oi_text_put(&e->out, "%lld, ", (long long)value_of(e, g, i));
  oi_text_put(&e->out, "0};\n");
}

static const oi_golden_bytes *input_of(const oi_emit *e, const oi_golden_step *g, size_t input) {
  const oi_value *v = oi_val_at(e->g, e->g->inputs.at[input]);
  for (uint32_t k = 0; k < g->n_inputs; k++)
    if (strcmp(g->inputs[k].name, oi_node_at(e->g, v->node)->text) == 0) return &g->inputs[k];
  return NULL;
}

static void put_inputs(oi_emit *e, uint32_t step, const oi_golden_step *g) {
  for (size_t i = 0; i < e->g->inputs.n; i++) {
    const oi_golden_bytes *in = input_of(e, g, i);
    oi_text_put(&e->out, "static _Alignas(64) const uint8_t golden%u_input%zu[] = {", step, i);
    for (uint64_t k = 0; in && k < in->bytes; k++)
      oi_text_put(&e->out, k % 24 ? "%u, " : "\n    %u, ", ((const uint8_t *)in->data)[k]);
    oi_text_put(&e->out, "0};\n");
  }
  oi_text_put(&e->out, "static const void *const golden%u_inputs[] = {", step);
  for (size_t i = 0; i < e->g->inputs.n; i++)
    if (input_of(e, g, i)) oi_text_put(&e->out, "golden%u_input%zu, ", step, i);
    else oi_text_put(&e->out, "NULL, ");
  oi_text_put(&e->out, "NULL};\n");
}

static void put_values(oi_emit *e, uint32_t step, const oi_golden_step *g) {
  oi_text_put(&e->out, "static const golden_value golden%u_values[] = {\n", step);
  for (uint32_t i = 0; i < g->n_values; i++) {
    oi_text_put(&e->out, "    {");
    oi_emit_string(e, g->values[i].name, strlen(g->values[i].name), false);
    oi_text_put(&e->out, ", 0x%016llxu},\n", (unsigned long long)g->values[i].hash);
  }
  oi_text_put(&e->out, "    {\"\", 0}};\n");
}

// ---- what this bundle can replay ----

typedef enum replay {
  CHECKED,
  FED,  // its rows are taken by shorter steps: a bundle that generates fills its states with them
  NOT_POSSIBLE
} replay;

static bool is_capacity(const oi_emit *e, int sym) {
  for (uint32_t i = 0; i < e->g->states.n; i++) {
    const oi_state_decl *s = &e->g->states.at[i];
    if (oi_dims_sym_of(e->g->dims, s->type.dim[s->layering == OI_LAYERS_FIRST ? 1 : 0]) == sym)
      return true;
  }
  return false;
}

// Capacities are the bundle's own; any other symbol must have the value that the step has.
static replay replay_of(const oi_emit *e, const oi_golden_step *g) {
  const int rows = oi_emit_symbol(e, true), position = oi_emit_symbol(e, false);
  int64_t end = 0;
  replay how = CHECKED;
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    const int64_t x = value_of(e, g, i);
    if ((int)i == rows || (int)i == position) end += x;
    if (oi_dims_sym_at(e->g->dims, i)->is_loop || is_capacity(e, (int)i)) continue;
    if (x <= e->pin_hi[i] && x >= e->pin_lo[i]) continue;
    if ((int)i != rows || oi_emit_logits(e) < 0) return NOT_POSSIBLE;
    if (e->pin_lo[i] > 0 && x % e->pin_lo[i]) return NOT_POSSIBLE;
    how = FED;
  }
  return oi_emit_logits(e) >= 0 && end > oi_emit_capacity(e) ? NOT_POSSIBLE : how;
}

// Steps up to the first that is not possible here: those behind it would find other states.
oinf_status oi_emit_golden(oi_emit *e) {
  uint32_t n = 0;
  replay *how = oi_arena_alloc(&e->arena, (e->model->golden.n + 1) * sizeof *how);
  if (!how) return oi_nomem(e->err, e->model->golden.n);
  for (size_t i = 0; i < e->model->golden.n; i++) {
    const oi_golden_step *g = &e->model->golden.at[i];
    if (strcmp(g->graph, oinf_graph_name(e->g)) != 0) continue;
    if ((how[n] = replay_of(e, g)) == NOT_POSSIBLE) break;
    put_symbols(e, n, g);
    put_inputs(e, n, g);
    put_values(e, n, g);
    n++;
  }
  oi_text_put(&e->out, "#define N_GOLDEN %u\n", n);
  oi_text_put(&e->out, "static const golden_step golden_steps[N_GOLDEN + 1] = {\n");
  for (uint32_t i = 0, at = 0; at < n; i++) {
    const oi_golden_step *g = &e->model->golden.at[i];
    if (strcmp(g->graph, oinf_graph_name(e->g)) != 0) continue;
    oi_text_put(&e->out, "    {golden%u_symbols, golden%u_inputs, golden%u_values, %u, %s},\n", at,
                at, at, g->n_values, how[at] == FED ? "true" : "false");
    at++;
  }
  oi_text_put(&e->out, "    {NULL, NULL, NULL, 0, false}};\n");
  return OINF_OK;
}
