// golden.inc: the package's golden steps as arrays of C, for `make check`: symbols, inputs, and in
// strict for every value its label and hash, in the order in which they were made; in fast the
// outputs themselves.
#include <string.h>

#include "compiler/bounds.h"
#include "compiler/figures.h"

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

static void put_bytes(oi_emit *e, uint32_t step, const char *what, size_t which,
                      const oi_golden_bytes *a) {
  oi_text_put(&e->out, "static _Alignas(64) const uint8_t golden%u_%s%zu[] = {", step, what, which);
  for (uint64_t k = 0; a && k < a->bytes; k++)
    oi_text_put(&e->out, k % 24 ? "%u, " : "\n    %u, ", ((const uint8_t *)a->data)[k]);
  oi_text_put(&e->out, "0};\n");
}

static void put_inputs(oi_emit *e, uint32_t step, const oi_golden_step *g) {
  for (size_t i = 0; i < e->g->inputs.n; i++) put_bytes(e, step, "input", i, input_of(e, g, i));
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

// The graph's output of a name and dtype; -1: there is none, as of a value that is none.
static int output_of(const oi_emit *e, const oi_golden_bytes *a) {
  for (size_t i = 0; i < e->g->outputs.n; i++)
    if (strcmp(e->g->outputs.at[i].name, a->name) == 0 &&
        oi_val_at(e->g, e->g->outputs.at[i].value)->type.dtype == a->dtype)
      return (int)i;
  return -1;
}

static uint32_t put_outputs(oi_emit *e, uint32_t step, const oi_golden_step *g) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < g->n_outputs; i++)
    if (output_of(e, &g->outputs[i]) >= 0) put_bytes(e, step, "output", i, &g->outputs[i]);
  oi_text_put(&e->out, "static const golden_output golden%u_outputs[] = {\n", step);
  for (uint32_t i = 0; i < g->n_outputs; i++) {
    const oi_golden_bytes *a = &g->outputs[i];
    const int which = output_of(e, a);
    if (which < 0) continue;
    oi_text_put(&e->out, "    {%d, %a, golden%u_output%u, %llu},\n", which,
                a->tolerance > 0 ? a->tolerance : 0, step, i, (unsigned long long)a->bytes);
    n++;
  }
  oi_text_put(&e->out, "    {0, 0, NULL, 0}};\n");
  return n;
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

typedef struct replayed {
  replay how;
  uint32_t compared;  // values, or outputs
} replayed;

static void put_step(oi_emit *e, uint32_t at, const oi_golden_step *g, replayed *r) {
  put_symbols(e, at, g);
  put_inputs(e, at, g);
  if (e->desc.fast) r->compared = put_outputs(e, at, g);
  else put_values(e, at, g), r->compared = g->n_values;
}

// Steps up to the first that is not possible here: those behind it would find other states.
oinf_status oi_emit_golden(oi_emit *e) {
  uint32_t n = 0;
  replayed *r = oi_arena_alloc(&e->arena, (e->model->golden.n + 1) * sizeof *r);
  if (!r) return oi_nomem(e->err, e->model->golden.n);
  for (size_t i = 0; i < e->model->golden.n; i++) {
    const oi_golden_step *g = &e->model->golden.at[i];
    if (strcmp(g->graph, oinf_graph_name(e->g)) != 0) continue;
    if ((r[n].how = replay_of(e, g)) == NOT_POSSIBLE) break;
    put_step(e, n, g, &r[n]), n++;
  }
  oi_text_put(&e->out, "#define N_GOLDEN %u\n", n);
  oi_text_put(&e->out, "static const golden_step golden_steps[N_GOLDEN + 1] = {\n");
  for (uint32_t at = 0; at < n; at++)
    oi_text_put(&e->out, "    {golden%u_symbols, golden%u_inputs, golden%u_%s, %u, %s},\n", at, at,
                at, e->desc.fast ? "outputs" : "values", r[at].compared,
                r[at].how == FED ? "true" : "false");
  oi_text_put(&e->out, "    {NULL, NULL, NULL, 0, false}};\n");
  return OINF_OK;
}

// ---- the bound of a step ----

// Errors of the first order: those of all ops that the largest step runs, both sides of branches,
// added as if each went through to the outputs undiminished and unmagnified.
double oi_emit_off(const oi_emit *e) {
  const oi_figures *f = e->fig;
  double units = 0;
  for (uint32_t k = 1; k <= f->n_kernels; k++)
    for (uint32_t i = 0; i < f->kernel[k].n_nodes; i++) {
      oi_cost_shape s;
      const uint32_t node = f->nodes[f->kernel[k].first + i];
      if (oi_cost_shape_of(e->g, node, f->cases[0].syms, &s))
        units += (double)f->kernel[k].times * oi_bound_apart(&s);
    }
  return units * 0x1p-24;
}
