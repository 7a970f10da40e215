// What a network takes and gives: tables of its symbols, inputs, outputs and states in model.c, and
// the entry points of its own that model.h declares. Names of the model are strings in tables and
// comments, never identifiers: those are roles (logits, tokens) or numbers (input0, size1).
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"

// ---- identifiers ----

bool oi_emit_is_free(const oi_emit *e, size_t sym) {
  return !oi_dims_sym_at(e->g->dims, sym)->is_loop && e->pin_lo[sym] != e->pin_hi[sym];
}

static uint32_t count_of(const oi_emit *e, oi_emit_kind kind) {
  return (uint32_t)(kind == OI_EMIT_INPUT ? e->g->inputs.n : e->g->outputs.n);
}

const oi_value *oi_emit_port(const oi_emit *e, oi_emit_kind kind, uint32_t i) {
  return oi_val_at(e->g, kind == OI_EMIT_INPUT ? e->g->inputs.at[i] : e->g->outputs.at[i].value);
}

const char *oi_emit_port_name(const oi_emit *e, oi_emit_kind kind, uint32_t i) {
  if (kind == OI_EMIT_OUTPUT) return e->g->outputs.at[i].name;
  return oi_node_at(e->g, oi_emit_port(e, kind, i)->node)->text;
}

// A role names a port where no other has it.
const char *oi_emit_port_field(const oi_emit *e, oi_emit_kind kind, uint32_t i, char room[32]) {
  const oinf_role role = oi_emit_port(e, kind, i)->hint.role;
  uint32_t alike = 0;
  for (uint32_t k = 0; k < count_of(e, kind); k++)
    alike += oi_emit_port(e, kind, k)->hint.role == role;
  const bool tokens = kind == OI_EMIT_INPUT && oi_emit_symbol(e, true) >= 0,
             logits = kind == OI_EMIT_OUTPUT && (int)i == oi_emit_logits(e),
             named = *oi_emit_role_name(role) && alike == 1;
  if (tokens || logits || named)
    snprintf(room, 32, "%s", tokens ? "tokens" : logits ? "logits" : oi_emit_role_name(role));
  else snprintf(room, 32, kind == OI_EMIT_INPUT ? "input%u" : "output%u", i);
  return room;
}

const char *oi_emit_symbol_field(const oi_emit *e, size_t sym, char room[32]) {
  size_t at = 0;
  for (size_t i = 0; i < sym; i++) at += oi_emit_is_free(e, i);
  if (oi_dims_sym_at(e->g->dims, sym)->is_loop) snprintf(room, 32, "loop%zu", sym);
  else if (!oi_emit_is_free(e, sym)) snprintf(room, 32, "fixed%zu", sym);
  else if ((int)sym == oi_emit_symbol(e, true)) snprintf(room, 32, "rows");
  else if ((int)sym == oi_emit_symbol(e, false)) snprintf(room, 32, "position");
  else snprintf(room, 32, "size%zu", at);
  return room;
}

// ---- tables of model.c ----

// Symbols by number and by field.
void oi_emit_dims(oi_emit *e) {
  const size_t n = oi_dims_sym_count(e->g->dims);
  char room[32];
  oi_text_put(&e->out,
              "// Bounds of a step, and turns of loops; first: the position of the first row in\n"
              "// memory of states that keep a window's rows.\n"
              "typedef union dims {\n  int64_t s[N_SYMS + 1];\n  struct {\n    int64_t ");
  for (size_t i = 0; i < n; i++)
    oi_text_put(&e->out, "%s, ", oi_emit_symbol_field(e, i, room));
  oi_text_put(&e->out, "first;\n  };\n} dims;\n\n");
}

static void put_names(oi_emit *e) {
  const size_t n = oi_dims_sym_count(e->g->dims);
  oi_text_put(&e->out, "static const char *const symbol_names[N_SYMS + 1] = {");
  for (size_t i = 0; i < n; i++) {
    const char *name = oi_dims_sym_at(e->g->dims, i)->name;
    oi_emit_string(e, name, strlen(name), false);
    oi_text_put(&e->out, ", ");
  }
  oi_text_put(&e->out, "\"\"};\nstatic const bool symbol_is_loop[N_SYMS + 1] = {");
  for (size_t i = 0; i < n; i++)
    oi_text_put(&e->out, "%d, ", oi_dims_sym_at(e->g->dims, i)->is_loop);
  oi_text_put(&e->out, "0};\nstatic const int64_t symbol_pins[N_SYMS + 1] = {");
  for (size_t i = 0; i < n; i++)
    if (e->pin_lo[i] == e->pin_hi[i]) oi_text_put(&e->out, "%lld, ", (long long)e->pin_lo[i]);
    else oi_text_put(&e->out, "NO_PIN, ");
  oi_text_put(&e->out, "0};\n");
}

static void put_ports(oi_emit *e, oi_emit_kind kind) {
  const char *what = kind == OI_EMIT_INPUT ? "input" : "output";
  oi_text_put(&e->out, "static const port %s_ports[N_%sS + 1] = {\n", what,
              kind == OI_EMIT_INPUT ? "INPUT" : "OUTPUT");
  for (uint32_t i = 0; i < count_of(e, kind); i++) {
    const oi_type *t = &oi_emit_port(e, kind, i)->type;
    const char *name = oi_emit_port_name(e, kind, i);
    oi_text_put(&e->out, "    {");
    oi_emit_string(e, name, strlen(name), false);
    oi_text_put(&e->out, ", \"%s\", %u, %u},\n", oi_emit_dtype_of(t->dtype)->name,
                (unsigned)oinf_dtype_block_bytes(t->dtype), t->rank);
  }
  oi_text_put(&e->out, "    {\"\", \"\", 0, 0}};\n");
}

static void put_dims(oi_emit *e, oi_emit_kind kind) {
  const char *what = kind == OI_EMIT_INPUT ? "input" : "output";
  oi_text_put(&e->out,
              "static void %s_dims(const dims *d, int which, int64_t *out) {\n"
              "  (void)d, (void)which, (void)out;\n",
              what);
  for (uint32_t i = 0; i < count_of(e, kind); i++) {
    const oi_type *t = &oi_emit_port(e, kind, i)->type;
    if (!t->rank) continue;
    oi_text_put(&e->out, "  if (which == %u) ", i);
    for (uint32_t k = 0; k < t->rank; k++) {
      oi_text_put(&e->out, "%sout[%u] = ", k ? ", " : "", k);
      oi_emit_dim(e, t->dim[k]);
    }
    oi_text_put(&e->out, ";\n");
  }
  oi_text_put(&e->out, "}\n");
}

// By input and axis: the symbol that its length alone is, and the length where it is a number.
static void put_axes(oi_emit *e) {
  oi_text_put(&e->out, "static const int input_symbols[N_INPUTS + 1][8] = {");
  for (uint32_t i = 0; i < e->g->inputs.n; i++) {
    const oi_type *t = &oi_emit_port(e, OI_EMIT_INPUT, i)->type;
    oi_text_put(&e->out, "{");
    for (uint32_t k = 0; k < t->rank; k++)
      oi_text_put(&e->out, "%d, ", oi_dims_sym_of(e->g->dims, t->dim[k]));
    oi_text_put(&e->out, "-1}, ");
  }
  oi_text_put(&e->out, "{-1}};\nstatic const int64_t input_sizes[N_INPUTS + 1][8] = {");
  for (uint32_t i = 0; i < e->g->inputs.n; i++) {
    const oi_type *t = &oi_emit_port(e, OI_EMIT_INPUT, i)->type;
    oi_text_put(&e->out, "{");
    for (uint32_t k = 0; k < t->rank; k++)
      oi_text_put(&e->out, "%s%lld", k ? ", " : "",
                  oi_dim_is_expr(t->dim[k]) ? -1LL : (long long)t->dim[k]);
    oi_text_put(&e->out, t->rank ? "}, " : "0}, ");
  }
  oi_text_put(&e->out, "{0}};\n");
}

static void put_state(oi_emit *e, uint32_t i) {
  const oi_state_decl *s = &e->g->states.at[i];
  oi_text_put(&e->out, "    {.name = ");
  oi_emit_string(e, s->name, strlen(s->name), false);
  oi_text_put(&e->out, ", .dtype = %u, .rank = %u, .dims = {", (unsigned)s->type.dtype,
              s->type.rank);
  for (uint32_t k = 0; k < s->type.rank; k++) {
    int64_t lo, hi;
    oi_dims_bounds(e->g->dims, s->type.dim[k], e->plan.sym_lo, e->plan.sym_hi, &lo, &hi);
    oi_text_put(&e->out, "%s%lld", k ? ", " : "", (long long)hi);
  }
  oi_text_put(&e->out, "},\n     .axis = %d, .appends = %s, .element = %u",
              s->layering == OI_LAYERS_FIRST, e->growth[i].appends ? "true" : "false",
              (unsigned)oinf_dtype_block_bytes(s->type.dtype));
  if (oi_state_in(&e->windowed.states, i))
    oi_text_put(&e->out, ", .window = %lld", (long long)e->windowed.window);
  if (oi_emit_slides(e, i)) oi_text_put(&e->out, ", .room = %lld", (long long)e->room);
  oi_text_put(&e->out, "},\n");
}

static void put_states(oi_emit *e) {
  oi_text_put(&e->out, "static const uint8_t source_digest[32] = {");
  for (int i = 0; i < 32; i++)
    oi_text_put(&e->out, "%s0x%02x", i == 0 ? "" : i % 12 ? ", " : ",\n    ", e->model->root[i]);
  oi_text_put(&e->out, "};\nstatic const oi_saved_state state_shapes[N_STATES + 1] = {\n");
  for (uint32_t i = 0; i < e->g->states.n; i++) put_state(e, i);
  oi_text_put(&e->out, "    {.name = NULL}};\n");
}

// Where the rows of a step end in the states that only grow.
static void put_end(oi_emit *e) {
  oi_text_put(&e->out, "static int64_t step_end(const dims *d, int64_t position) {\n  (void)d;\n");
  for (uint32_t id = 1; id < e->g->nodes.n; id++) {
    const oi_node *n = oi_node_at(e->g, id);
    if (n->op != OP_STATE_WRITE || !e->growth[n->state].appends) continue;
    const oinf_dim rows = oi_val_at(e->g, n->out[0])->type.dim[0];
    if (oi_emit_speaks_of_loops(e, rows)) continue;
    oi_text_put(&e->out, "  position = ");
    oi_emit_dim(e, oi_dims_add(e->g->dims, n->b, rows));
    oi_text_put(&e->out, ";\n");
    break;
  }
  oi_text_put(&e->out, "  return position;\n}\n\n");
}

void oi_emit_ports(oi_emit *e) {
  oi_text_put(&e->out, "// What the network takes and gives, by the model's names.\n");
  put_names(e);
  put_ports(e, OI_EMIT_INPUT);
  put_ports(e, OI_EMIT_OUTPUT);
  put_axes(e);
  put_states(e);
  oi_text_put(&e->out, "\n");
}

void oi_emit_port_dims(oi_emit *e) {
  put_dims(e, OI_EMIT_INPUT);
  put_dims(e, OI_EMIT_OUTPUT);
  put_end(e);
}

// ---- entry points ----

// Variants that have a name of their own; others are numbered.
void oi_emit_entry_name(oi_emit *e, uint32_t variant) {
  const char *name = variant < e->g->variants.n ? e->g->variants.at[variant].name : "step";
  const bool known =
      strcmp(name, "decode") == 0 || strcmp(name, "prefill") == 0 || strcmp(name, "step") == 0;
  if (known) oi_text_put(&e->out, "model_%s", name);
  else oi_text_put(&e->out, "model_variant%u", variant);
}

// Which entry points take the typed arrays: every step, and variants that have none of their own
// for tokens.
bool oi_emit_is_typed(const oi_emit *e, uint32_t variant) {
  if (variant == e->g->variants.n) return true;
  const char *name = e->g->variants.at[variant].name;
  const bool tokens = strcmp(name, "decode") == 0 || strcmp(name, "prefill") == 0;
  return strcmp(name, "step") != 0 && !(tokens && oi_emit_logits(e) >= 0);
}

static void put_body(oi_emit *e, uint32_t variant) {
  char room[32];
  const oi_variant_decl *v = variant < e->g->variants.n ? &e->g->variants.at[variant] : NULL;
  oi_text_put(&e->out, "  const int64_t symbols[] = {");
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    if (v && v->sym == i) oi_text_put(&e->out, "%lld, ", (long long)v->value);
    else if (oi_emit_is_free(e, i))
      oi_text_put(&e->out, "in->%s, ", oi_emit_symbol_field(e, i, room));
    else oi_text_put(&e->out, "0, ");
  }
  oi_text_put(&e->out, "0};\n  const void *const inputs[] = {");
  for (uint32_t i = 0; i < e->g->inputs.n; i++)
    oi_text_put(&e->out, "in->%s, ", oi_emit_port_field(e, OI_EMIT_INPUT, i, room));
  oi_text_put(&e->out, "NULL};\n  void *const outputs[] = {");
  for (uint32_t i = 0; i < e->g->outputs.n; i++)
    oi_text_put(&e->out, "out ? out->%s : NULL, ", oi_emit_port_field(e, OI_EMIT_OUTPUT, i, room));
  oi_text_put(&e->out,
              "NULL};\n  (void)in, (void)out;\n"
              "  return model_step_arrays(run, symbols, inputs, outputs);\n");
}

void oi_emit_entries(oi_emit *e) {
  oi_text_put(&e->out, "\n// ---- entry points ----\n");
  for (uint32_t v = 0; v <= e->g->variants.n; v++) {
    if (!oi_emit_is_typed(e, v)) continue;
    oi_text_put(&e->out, "\nint ");
    oi_emit_entry_name(e, v);
    oi_text_put(&e->out, "(model_run *run, const model_inputs *in, const model_outputs *out) {\n");
    put_body(e, v);
    oi_text_put(&e->out, "}\n");
  }
}
