// model.h: sizes as macros, the arrays that a step takes and gives as two records of typed
// pointers, and the entry points of its own. What is the same for every network stands in its
// template.
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"
#include "lib/number.h"

// ---- macros ----

// Rows that every state which only grows can take.
int64_t oi_emit_capacity(const oi_emit *e) {
  int64_t most = 1 << 16;
  for (uint32_t i = 0; i < e->g->states.n; i++) {
    const oi_state_decl *s = &e->g->states.at[i];
    int64_t lo, hi;
    if (!e->growth[i].appends) continue;
    oi_dims_bounds(e->g->dims, s->type.dim[s->layering == OI_LAYERS_FIRST ? 1 : 0], e->plan.sym_lo,
                   e->plan.sym_hi, &lo, &hi);
    if (hi < most) most = hi;
  }
  return most;
}

static void put_eos(oi_emit *e) {
  const char *list = oinf_model_meta(e->model, "oinf.eos");
  oi_text_put(&e->out, "#define MODEL_EOS {");
  for (bool in = false; list && *list; list++) {
    const bool digit = *list >= '0' && *list <= '9';
    if (digit) oi_text_put(&e->out, "%c", *list);
    if (!digit && in) oi_text_put(&e->out, ", ");
    in = digit;
    if (digit && !list[1]) oi_text_put(&e->out, ", ");
  }
  oi_text_put(&e->out, "-1}\n");
}

static int64_t number_of(const oi_emit *e, const char *key) {
  const char *text = oinf_model_meta(e->model, key);
  int64_t x = 0;
  if (!text || !*text) return -1;
  for (; *text >= '0' && *text <= '9' && x < INT32_MAX; text++) x = x * 10 + (*text - '0');
  return *text ? -1 : x;
}

static void put_count(oi_emit *e, oi_emit_kind kind, uint32_t i) {
  char room[32];
  const oi_type *t = &oi_emit_port(e, kind, i)->type;
  oi_type counted = *t;
  counted.dtype = OINF_U8;
  oi_text_put(&e->out, "#define MODEL_");
  for (const char *c = oi_emit_port_field(e, kind, i, room); *c; c++)
    oi_text_put(&e->out, "%c", *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
  oi_text_put(&e->out, "_ELEMENTS %llu\n",
              (unsigned long long)oi_plan_bytes_hi(&e->plan, &counted));
}

static void put_sizes(oi_emit *e) {
  const uint32_t inputs = (uint32_t)e->g->inputs.n, outputs = (uint32_t)e->g->outputs.n;
  if (inputs + outputs) oi_text_put(&e->out, "// Elements that the arrays have at most.\n");
  for (uint32_t i = 0; i < inputs; i++) put_count(e, OI_EMIT_INPUT, i);
  for (uint32_t i = 0; i < outputs; i++) put_count(e, OI_EMIT_OUTPUT, i);
}

// Of what the package says, in the words of the command line.
static void put_sampling(oi_emit *e) {
  const struct {
    const char *name;
    double x;
  } rows[] = {{"TEMPERATURE", e->generation.temperature},
              {"TOP_K", e->generation.top_k},
              {"TOP_P", e->generation.top_p},
              {"MIN_P", e->generation.min_p},
              {"REPETITION_PENALTY", e->generation.repetition_penalty}};
  oi_text_put(&e->out, "// How the program draws where its user does not say.\n");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_text_put(&e->out, "#define MODEL_%s ", rows[i].name);
    oi_number_print(rows[i].x, &e->out);
    oi_text_put(&e->out, "\n");
  }
}

static void put_generation(oi_emit *e) {
  const int logits = oi_emit_logits(e);
  int64_t lo, chunk = 0;
  oi_text_put(&e->out, "#define MODEL_GENERATES %d\n", logits >= 0);
  if (logits < 0) return;
  const oi_type *out = &oi_emit_port(e, OI_EMIT_OUTPUT, (uint32_t)logits)->type;
  const oi_type *in = &oi_emit_port(e, OI_EMIT_INPUT, 0)->type;
  oi_dims_bounds(e->g->dims, in->dim[0], e->plan.sym_lo, e->plan.sym_hi, &lo, &chunk);
  oi_text_put(&e->out, "#define MODEL_CAPACITY %lld  // tokens that the states hold\n",
              (long long)oi_emit_capacity(e));
  oi_text_put(&e->out, "#define MODEL_CHUNK %lld  // tokens of a prompt in one step\n",
              (long long)chunk);
  oi_text_put(&e->out, "#define MODEL_VOCAB %lld\n", (long long)out->dim[0]);
  oi_text_put(&e->out, "#define MODEL_BOS %lld\n", (long long)number_of(e, "oinf.bos"));
  put_eos(e);
  put_sampling(e);
}

static void put_macros(oi_emit *e) {
  oi_text_put(&e->out, "#define MODEL_SYMBOLS %zu\n", oi_dims_sym_count(e->g->dims));
  oi_text_put(&e->out, "#define MODEL_INPUTS %zu\n#define MODEL_OUTPUTS %zu\n", e->g->inputs.n,
              e->g->outputs.n);
  oi_text_put(&e->out, "#define MODEL_PEAK_BYTES %lluu  // that an instance allocates\n",
              (unsigned long long)e->figures.peak);
  oi_text_put(&e->out, "#define MODEL_WORKER_BYTES %lluu  // and for each thread but the first\n",
              (unsigned long long)e->figures.worker);
  oi_text_put(&e->out, "#define MODEL_STEP_BYTES %lluu  // of weights that a step uses\n",
              (unsigned long long)e->figures.step_bytes);
  oi_text_put(&e->out, "#define MODEL_EMBEDDED %d\n#define MODEL_FAST %d\n", e->desc.embed,
              e->desc.fast);
  if (e->desc.fast)
    oi_text_put(&e->out, "#define MODEL_BOUND %.3g  // model_check: of an output's largest value\n",
                oi_emit_off(e));
  put_generation(e);
  put_sizes(e);
}

// ---- records and entry points ----

static void put_range(oi_emit *e, size_t sym) {
  const char *name = oi_dims_sym_at(e->g->dims, sym)->name;
  oi_emit_string(e, name, strlen(name), false);
  oi_text_put(&e->out, ": %lld to %lld", (long long)e->plan.sym_lo[sym],
              (long long)e->plan.sym_hi[sym]);
}

static void put_port(oi_emit *e, oi_emit_kind kind, uint32_t i) {
  char room[32];
  const oi_type *t = &oi_emit_port(e, kind, i)->type;
  const oi_emit_dtype *dtype = oi_emit_dtype_of(t->dtype);
  const char *name = oi_emit_port_name(e, kind, i);
  oi_text_put(&e->out, "  %s%s *%s;  // ", kind == OI_EMIT_INPUT ? "const " : "", dtype->type,
              oi_emit_port_field(e, kind, i, room));
  oi_emit_string(e, name, strlen(name), false);
  oi_text_put(&e->out, " %s [", dtype->name);
  for (uint32_t k = 0; k < t->rank; k++) {
    if (k) oi_text_put(&e->out, ", ");
    oi_emit_dim_words(e, t->dim[k]);
  }
  oi_text_put(&e->out, "]\n");
}

static void put_records(oi_emit *e) {
  uint32_t fields = (uint32_t)e->g->inputs.n;
  oi_text_put(&e->out, "typedef struct model_inputs {\n");
  for (uint32_t i = 0; i < e->g->inputs.n; i++) put_port(e, OI_EMIT_INPUT, i);
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    char room[32];
    if (!oi_emit_is_free(e, i)) continue;
    oi_text_put(&e->out, "  int64_t %s;  // ", oi_emit_symbol_field(e, i, room));
    put_range(e, i);
    oi_text_put(&e->out, "\n"), fields++;
  }
  if (!fields) oi_text_put(&e->out, "  int nothing;\n");
  oi_text_put(&e->out,
              "} model_inputs;\n"
              "typedef struct model_outputs {  // NULL: not wanted\n");
  for (uint32_t i = 0; i < e->g->outputs.n; i++) put_port(e, OI_EMIT_OUTPUT, i);
  if (!e->g->outputs.n) oi_text_put(&e->out, "  int nothing;\n");
  oi_text_put(&e->out, "} model_outputs;\n");
}

static void put_prototypes(oi_emit *e) {
  for (uint32_t v = 0; v <= e->g->variants.n; v++) {
    if (!oi_emit_is_typed(e, v)) continue;
    if (v < e->g->variants.n) {
      const oi_variant_decl *d = &e->g->variants.at[v];
      char room[32];
      oi_text_put(&e->out, "// Variant ");
      oi_emit_string(e, d->name, strlen(d->name), false);
      oi_text_put(&e->out, ": %s is %lld, whatever stands there.\n",
                  oi_emit_symbol_field(e, d->sym, room), (long long)d->value);
    }
    oi_text_put(&e->out, "int ");
    oi_emit_entry_name(e, v);
    oi_text_put(&e->out, "(model_run *run, const model_inputs *in, const model_outputs *out);\n");
  }
}

static const char generation[] =
    "// Generation: tokens behind those that were given before; logits of the last one\n"
    "// [MODEL_VOCAB], or NULL.\n"
    "int model_prefill(model_run *run, const int32_t *ids, int64_t n, float *logits);\n"
    "int model_decode(model_run *run, int32_t id, float *logits);\n";

static void put_entries(oi_emit *e) {
  oi_text_put(&e->out,
              "// One step. Arrays are row-major; out may be NULL (model_output has them "
              "too).\n");
  put_records(e);
  put_prototypes(e);
  if (oi_emit_logits(e) >= 0) oi_text_put(&e->out, "%s", generation);
}

static void put_example(oi_emit *e) {
  char in[32], out[32];
  if (oi_emit_logits(e) >= 0) {
    oi_text_put(&e->out, "model_prefill(run, ids, n, logits), then model_decode(run, id, logits)");
    return;
  }
  oi_text_put(&e->out, "model_step(run, &(model_inputs){");
  if (e->g->inputs.n) oi_text_put(&e->out, ".%s = x", oi_emit_port_field(e, OI_EMIT_INPUT, 0, in));
  oi_text_put(&e->out, "}, &(model_outputs){");
  if (e->g->outputs.n)
    oi_text_put(&e->out, ".%s = y", oi_emit_port_field(e, OI_EMIT_OUTPUT, 0, out));
  oi_text_put(&e->out, "})");
}

// ---- the whole ----

// What a printer prints, as a text of its own.
static oi_text aside(oi_emit *e, void (*print)(oi_emit *e)) {
  const oi_text whole = e->out;
  oi_text_init(&e->out, e->ctx);
  print(e);
  const oi_text part = e->out;
  e->out = whole;
  e->out.failed |= part.failed;
  return part;
}

oinf_status oi_emit_header(oi_emit *e) {
  OI_TRY(oi_generation_read(e->ctx, e->model, &e->generation));
  oi_text macros = aside(e, put_macros), entries = aside(e, put_entries),
          example = aside(e, put_example);
  oi_hole holes[] = {{"MACROS_HERE", macros.at ? macros.at : ""},
                     {"ENTRIES_HERE", entries.at ? entries.at : ""},
                     {"EXAMPLE_HERE", example.at ? example.at : ""}};
  oinf_status status =
      e->out.failed ? oi_nomem(e->err, 0) : oi_emit_template(e, "model_h.txt", holes, 3);
  oi_text_free(&macros);
  oi_text_free(&entries);
  oi_text_free(&example);
  return status;
}
