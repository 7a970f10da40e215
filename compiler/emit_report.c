// model.h: the sizes of the plan as macros, and what a bundle that generates declares besides.
#include <string.h>

#include "compiler/emit.h"

// Rows that every state which only grows can take.
int64_t oi_emit_capacity(const oi_emit *e) {
  int64_t most = 1 << 16;
  for (uint32_t i = 0; i < e->g->states.n; i++) {
    const oi_state_decl *s = &e->g->states.at[i];
    int64_t lo, hi;
    oi_growth growth;
    if (oi_state_growth(e->g, i, oi_ctx_err(e->g->ctx), &growth) != OINF_OK || !growth.appends)
      continue;
    oi_dims_bounds(e->g->dims, s->type.dim[s->layering == OI_LAYERS_FIRST ? 1 : 0], e->plan.sym_lo,
                   e->plan.sym_hi, &lo, &hi);
    if (hi < most) most = hi;
  }
  return most;
}

static void put_eos(oi_emit *e, oi_text *to) {
  const char *list = oinf_model_meta(e->model, "oinf.eos");
  oi_text_put(to, "#define MODEL_EOS {");
  for (bool in = false; list && *list; list++) {
    const bool digit = *list >= '0' && *list <= '9';
    if (digit) oi_text_put(to, "%c", *list);
    if (!digit && in) oi_text_put(to, ", ");
    in = digit;
    if (digit && !list[1]) oi_text_put(to, ", ");
  }
  oi_text_put(to, "-1}\n");
}

static int64_t number_of(const oi_emit *e, const char *key) {
  const char *text = oinf_model_meta(e->model, key);
  int64_t x = 0;
  if (!text || !*text) return -1;
  for (; *text >= '0' && *text <= '9' && x < INT32_MAX; text++) x = x * 10 + (*text - '0');
  return *text ? -1 : x;
}

static void put_macros(oi_emit *e, oi_text *to) {
  const int logits = oi_emit_logits(e);
  int64_t lo, chunk = 0;
  oi_text_put(to, "#define MODEL_SYMBOLS %zu\n", oi_dims_sym_count(e->g->dims));
  oi_text_put(to, "#define MODEL_INPUTS %zu\n#define MODEL_OUTPUTS %zu\n", e->g->inputs.n,
              e->g->outputs.n);
  oi_text_put(to, "#define MODEL_PEAK_BYTES %lluu  // that an instance allocates\n",
              (unsigned long long)e->figures.peak);
  oi_text_put(to, "#define MODEL_WORKER_BYTES %lluu  // and for each thread but the first\n",
              (unsigned long long)e->figures.worker);
  oi_text_put(to, "#define MODEL_STEP_BYTES %lluu  // of weights that a step uses\n",
              (unsigned long long)e->figures.step_bytes);
  oi_text_put(to, "#define MODEL_GENERATES %d\n", logits >= 0);
  if (logits < 0) return;
  const oi_type *out = &oi_val_at(e->g, e->g->outputs.at[logits].value)->type;
  const oi_type *in = &oi_val_at(e->g, e->g->inputs.at[0])->type;
  oi_dims_bounds(e->g->dims, in->dim[0], e->plan.sym_lo, e->plan.sym_hi, &lo, &chunk);
  oi_text_put(to, "#define MODEL_CAPACITY %lld  // tokens that the states hold\n",
              (long long)oi_emit_capacity(e));
  oi_text_put(to, "#define MODEL_CHUNK %lld  // tokens of a prompt in one step\n",
              (long long)chunk);
  oi_text_put(to, "#define MODEL_VOCAB %lld\n", (long long)out->dim[0]);
  oi_text_put(to, "#define MODEL_BOS %lld\n", (long long)number_of(e, "oinf.bos"));
  put_eos(e, to);
}

static const char entries[] =
    "\n// Generation: tokens behind those that were given before; logits of the last one\n"
    "// [MODEL_VOCAB], or NULL.\n"
    "int model_prefill(model_run *run, const int32_t *ids, int64_t n, float *logits);\n"
    "int model_decode(model_run *run, int32_t id, float *logits);\n"
    "int64_t model_position(const model_run *run);\n"
    "void model_reset(model_run *run);  // the next token is the first\n";

oinf_status oi_emit_header(oi_emit *e) {
  oi_text macros;
  oi_text_init(&macros, e->ctx);
  put_macros(e, &macros);
  oi_hole holes[] = {{"MACROS_HERE", macros.at ? macros.at : ""},
                     {"ENTRIES_HERE", oi_emit_logits(e) >= 0 ? entries : ""}};
  oinf_status status =
      macros.failed ? oi_nomem(e->err, 0) : oi_emit_template(e, "model_h.txt", holes, 2);
  oi_text_free(&macros);
  return status;
}
