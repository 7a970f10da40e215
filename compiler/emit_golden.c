// golden.inc: the package's golden steps as arrays of C, for `make check`: symbols, inputs, and for
// every value its label and hash, in the order in which they were made.
#include <string.h>

#include "compiler/emit.h"

static void put_symbols(oi_emit *e, uint32_t step, const oi_golden_step *g) {
  oi_text_put(&e->out, "static const int64_t golden%u_symbols[] = {", step);
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    int64_t x = 0;
    const oi_sym *sym = oi_dims_sym_at(e->g->dims, i);
    for (uint32_t k = 0; k < g->n_syms && !sym->is_loop; k++)
      if (strcmp(g->syms[k].name, sym->name) == 0) x = g->syms[k].value;
    for (size_t in = 0; in < e->g->inputs.n; in++) {
      const oi_value *v = oi_val_at(e->g, e->g->inputs.at[in]);
      for (uint32_t k = 0; k < g->n_inputs; k++) {
        if (strcmp(g->inputs[k].name, oi_node_at(e->g, v->node)->text) != 0) continue;
        for (uint32_t axis = 0; axis < v->type.rank; axis++)
          if (oi_dims_sym_of(e->g->dims, v->type.dim[axis]) == (int)i) x = g->inputs[k].dims[axis];
      }
    }
    oi_text_put(&e->out, "%lld, ", (long long)x);
  }
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

oinf_status oi_emit_golden(oi_emit *e) {
  uint32_t n = 0;
  for (size_t i = 0; i < e->model->golden.n; i++) {
    const oi_golden_step *g = &e->model->golden.at[i];
    if (strcmp(g->graph, oinf_graph_name(e->g)) != 0) continue;
    put_symbols(e, n, g);
    put_inputs(e, n, g);
    put_values(e, n, g);
    n++;
  }
  oi_text_put(&e->out, "#define N_GOLDEN %u\n", n);
  oi_text_put(&e->out, "static const golden_step golden_steps[N_GOLDEN + 1] = {\n");
  for (uint32_t i = 0, at = 0; i < e->model->golden.n; i++) {
    const oi_golden_step *g = &e->model->golden.at[i];
    if (strcmp(g->graph, oinf_graph_name(e->g)) != 0) continue;
    oi_text_put(&e->out, "    {golden%u_symbols, golden%u_inputs, golden%u_values, %u},\n", at, at,
                at, g->n_values);
    at++;
  }
  oi_text_put(&e->out, "    {NULL, NULL, NULL, 0}};\n");
  return OINF_OK;
}
