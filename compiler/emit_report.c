// What people read of a bundle: model.h with its sizes, plan.json with what was decided, README.md.
#include <string.h>

#include "compiler/emit.h"

// ---- model.h ----

// Rows that every state which only grows can take.
static int64_t capacity_of(const oi_emit *e) {
  int64_t most = 1 << 16;
  for (uint32_t i = 0; i < e->g->states.n; i++) {
    const oi_state_decl *s = &e->g->states.at[i];
    int64_t lo, hi;
    oi_growth growth;
    if (oi_state_growth(e->g, i, oi_ctx_err(e->g->ctx), &growth) != OINF_OK || !growth.appends)
      continue;
    oi_dims_bounds(e->g->dims, s->type.dim[s->layering == OI_LAYERS_FIRST ? 1 : 0],
                   e->plan.sym_lo, e->plan.sym_hi, &lo, &hi);
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
  oi_text_put(to, "#define MODEL_STEP_BYTES %lluu  // of weights that a step uses\n",
              (unsigned long long)e->figures.step_bytes);
  oi_text_put(to, "#define MODEL_GENERATES %d\n", logits >= 0);
  if (logits < 0) return;
  const oi_type *out = &oi_val_at(e->g, e->g->outputs.at[logits].value)->type;
  const oi_type *in = &oi_val_at(e->g, e->g->inputs.at[0])->type;
  oi_dims_bounds(e->g->dims, in->dim[0], e->plan.sym_lo, e->plan.sym_hi, &lo, &chunk);
  oi_text_put(to, "#define MODEL_CAPACITY %lld  // tokens that the states hold\n",
              (long long)capacity_of(e));
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

// ---- plan.json ----

static uint64_t weight_bytes(const oi_emit *e, const oi_node *n) {
  uint64_t sum = 0;
  for (uint32_t i = 0; i < n->n_in; i++) {
    const oi_storage *s = &e->plan.storages.at[e->plan.of_value[n->in[i]]];
    if (s->kind == OI_STORE_WEIGHT) sum += oi_emit_weight_of(e, s->node)->bytes;
  }
  return sum;
}

static void put_kernel(oi_emit *e, uint32_t node, bool last) {
  const oi_node *n = oi_node_at(e->g, node);
  uint64_t out = 0;
  char name[96];
  for (uint32_t i = 0; i < n->n_out; i++)
    out += oi_plan_bytes_hi(&e->plan, &oi_val_at(e->g, n->out[i])->type);
  oi_text_put(&e->out,
              "    {\"name\": \"%s\", \"op\": \"%s\", \"weight_bytes\": %llu, "
              "\"out_bytes\": %llu}%s\n",
              oi_emit_kernel_name(e, node, name), oi_kind_name(n->op),
              (unsigned long long)weight_bytes(e, n), (unsigned long long)out, last ? "" : ",");
}

oinf_status oi_emit_plan_json(oi_emit *e) {
  const oinf_emit_figures *f = &e->figures;
  oi_text_put(&e->out,
              "{\n  \"bundle\": 1,\n  \"target\": \"c\",\n  \"numerics\": \"strict\",\n"
              "  \"arenas\": {\"weights\": %llu, \"activations\": %llu, \"states\": %llu, "
              "\"io\": %llu, \"room\": %llu},\n  \"peak\": %llu,\n  \"weights_mapped\": %s,\n"
              "  \"weight_bytes_per_step\": %llu,\n  \"kernels\": [\n",
              (unsigned long long)f->weights, (unsigned long long)f->activations,
              (unsigned long long)f->states, (unsigned long long)f->io, (unsigned long long)f->room,
              (unsigned long long)f->peak, e->desc.budget ? "false" : "true",
              (unsigned long long)f->step_bytes);
  for (uint32_t k = 1; k <= e->n_kernels; k++)
    for (uint32_t id = 1; id < e->g->nodes.n; id++)
      if (e->kernel[id] == k) put_kernel(e, id, k == e->n_kernels);
  oi_text_put(&e->out, "  ]\n}\n");
  return OINF_OK;
}

// ---- README.md ----

oinf_status oi_emit_readme(oi_emit *e) {
  oi_text_put(&e->out,
              "# A network in C\n\n"
              "Written by oinf-emit. `make` builds `./model`; `make check` replays the golden\n"
              "steps and names the first kernel that differs; `make bench` times; `make clean`.\n"
              "It needs libc alone.\n\n"
              "* `model.h`, `model.c`: the library; `kernels.c`: %u kernels, one a node\n"
              "* `main.c`: the program; `runtime.c`: arithmetic, checksums, tokenizer, sampler\n"
              "* `weights.oinf`: the weights; they and this source belong together\n"
              "* `plan.json`: kernels and arenas\n\n"
              "An instance allocates %llu bytes: activations %llu, states %llu, outputs %llu,\n"
              "scratch %llu, weights %llu.\n",
              e->n_kernels, (unsigned long long)e->figures.peak,
              (unsigned long long)e->figures.activations, (unsigned long long)e->figures.states,
              (unsigned long long)e->figures.io, (unsigned long long)e->figures.room,
              (unsigned long long)e->figures.weights);
  if (e->desc.budget)
    oi_text_put(&e->out,
                "\nWeights are not mapped. Each is read whole into a slot when a kernel wants it,\n"
                "its checksums proved, and nothing is kept for the next: memory is bounded, and a\n"
                "step reads every weight again. Tiles, pinning and reading ahead are not in this\n"
                "version.\n");
  else
    oi_text_put(&e->out,
                "\nWeights are mapped; a block's checksum is proved before its first use.\n");
  oi_text_put(&e->out,
              "\nNot in this version: fusion, variants of kernels for a processor, threads, saved\n"
              "states, arrays as inputs of the program.\n");
  return OINF_OK;
}
