// See convert.h. The content is planned twice: in the source's order, so that the graph can be
// built over the final names and dtypes, and then in the order in which that graph uses them.
#include "convert/convert.h"

#include <string.h>

#include "convert/quantize.h"
#include "formats/tokenizer.h"

enum {
  PIECE = 1 << 20,
  PIECE_ELEMENTS = PIECE * 2
};  // a piece of q4_0 holds just under 2^21 elements

static oi_err *err(const oi_convert *c) { return oi_ctx_err(c->ctx); }

// ---- what becomes of a tensor ----

static bool is_float(oinf_dtype d) { return d == OINF_F32 || d == OINF_F16 || d == OINF_BF16; }

static bool can_quantize(const oinf_tensor *t) {
  return t->rank == 2 && t->dims[1] % 32 == 0 &&
         (is_float(t->dtype) || oi_dtype_class(t->dtype) == OI_Q);
}

static oinf_status target_dtype(const oi_convert *c, const oinf_tensor *t, const char *name,
                                oinf_dtype *out) {
  bool ruled;
  oinf_dtype quant = oi_recipe_quant(&c->rules, name, &ruled),
             plain = oi_recipe_dtype(&c->rules, name);
  *out = t->dtype;
  if (plain && is_float(t->dtype)) *out = plain;
  if (!ruled && c->quant && can_quantize(t)) quant = oinf_dtype_find(c->quant);
  if (!quant) return OINF_OK;
  if (can_quantize(t)) return *out = quant, OINF_OK;
  return oi_fail(err(c), OINF_SUPPORT,
                 "'%s' cannot be %s: two axes of float, the last a multiple of 32, are wanted",
                 name, oinf_dtype_name(quant));
}

static oinf_status add_tensor(oi_convert *c, oinf_model *to, uint32_t from) {
  const oi_tensor *t = &c->from->tensors.at[from];
  oi_text name;
  oi_text_init(&name, c->ctx);
  oinf_status status =
      oi_recipe_name(&c->rules, t->pub.name, &name) ? OINF_OK : oi_nomem(err(c), name.n);
  oi_tensor made = {.pub = t->pub, .kind = t->kind, .seed = t->seed};
  if (status == OINF_OK) status = target_dtype(c, &t->pub, name.at, &made.pub.dtype);
  if (status == OINF_OK) status = oi_model_add_tensor(to, &made, name.at, name.n);
  oi_text_free(&name);
  if (status != OINF_OK) oi_trail(err(c), "converting tensor '%s'", t->pub.name);
  return status;
}

// ---- metadata and blobs ----

static oinf_status copy_meta(oi_convert *c, oinf_model *to) {
  for (uint32_t i = 0; i < oinf_model_meta_count(c->from); i++) {
    const char *key, *value = oinf_model_meta_at(c->from, i, &key);
    OI_TRY(oinf_model_set_meta(to, key, value));
  }
  for (uint32_t i = 0; i < oinf_model_blob_count(c->from); i++) {
    const oinf_blob *b = oinf_model_blob_at(c->from, i);
    OI_TRY(oinf_model_set_blob(to, b->name, b->data, b->size));
  }
  return oinf_model_set_meta(to, "oinf.producer", "oinf-convert " OINF_VERSION);
}

static int add_json(const char *bytes, size_t n, void *text) {
  oi_text_add(text, bytes, n);
  return 0;
}

static oinf_status ruled_meta(oi_convert *c, oinf_model *to) {
  for (size_t i = 0; i < c->rules.metadata.n; i++) {
    const oi_rule *r = &c->rules.metadata.at[i];
    const json_t *v = oi_config_get(&c->config, r->to);
    oi_text text;
    if (!v) continue;
    oi_text_init(&text, c->ctx);
    if (json_is_string(v)) oi_text_add(&text, json_string_value(v), json_string_length(v));
    else json_dump_callback(v, add_json, &text, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    oinf_status status =
        text.failed ? oi_nomem(err(c), text.n) : oinf_model_set_meta(to, r->match, text.at);
    oi_text_free(&text);
    OI_TRY(status);
  }
  return OINF_OK;
}

static oinf_status set_values(oi_convert *c, oinf_model *to) {
  for (size_t i = 0; c->sets && i < c->sets->n; i++) {
    const char *equals = strchr(c->sets->at[i], '=');
    char key[128];
    size_t n = equals ? (size_t)(equals - c->sets->at[i]) : 0;
    if (!n || n >= sizeof key)
      return oi_fail(err(c), OINF_USAGE, "--set wants key=value, not '%s'", c->sets->at[i]);
    memcpy(key, c->sets->at[i], n);
    key[n] = 0;
    OI_TRY(oinf_model_set_meta(to, key, equals + 1));
  }
  return OINF_OK;
}

static oinf_status set_ids(oi_convert *c, oinf_model *to, const char *key, const char *meta) {
  oi_text ids;
  oi_text_init(&ids, c->ctx);
  oi_config_ids(&c->config, key, &ids);
  oinf_status status = ids.n ? oinf_model_set_meta(to, meta, ids.at) : OINF_OK;
  oi_text_free(&ids);
  return status;
}

// What oinf-sim and bundles ask of a package that generates.
static oinf_status generation_meta(oi_convert *c, oinf_model *to) {
  OI_TRY(oinf_model_set_meta(to, "oinf.task", "generate"));
  OI_TRY(oinf_model_set_meta(to, "oinf.graph", oinf_graph_name(c->graph)));
  OI_TRY(oinf_model_set_meta(to, "oinf.input", "tokens"));
  OI_TRY(oinf_model_set_meta(to, "oinf.output", "logits"));
  OI_TRY(oinf_model_set_meta(to, "oinf.chunk", "256"));
  OI_TRY(set_ids(c, to, "bos_token_id", "oinf.bos"));
  return set_ids(c, to, "eos_token_id", "oinf.eos");
}

static oinf_status tokenizer_blob(oi_convert *c, oinf_model *to) {
  const oinf_blob *json = oinf_model_blob(c->from, "tokenizer.json");
  oi_bytes tables = {0};
  oi_text note;
  if (!json) return OINF_OK;
  oi_text_init(&note, c->ctx);
  oinf_status status = oi_tokenizer_compile(c->ctx, json->data, json->size, &tables, &note);
  if (note.n) oi_note(c->ctx, "tokenizer: %s", note.at);
  oi_text_free(&note);
  if (status == OINF_SUPPORT) {  // the package then works by ids
    oi_note(c->ctx, "tokenizer: %s; the package works by ids", oinf_error(c->ctx));
    oinf_error_clear(c->ctx);
    return OINF_OK;
  }
  OI_TRY_AT(err(c), status, "compiling tokenizer.json");
  status = oinf_model_set_blob(to, "tokenizer", tables.at, tables.n);
  oi_bytes_free(c->ctx, &tables);
  return status;
}

// ---- the content ----

static oinf_status all_tensors(oi_convert *c, const uint32_t *order, size_t n, oinf_model **out) {
  oinf_model *m;
  OI_TRY(oi_model_new(c->ctx, "oinf", &m));
  oinf_status status = OINF_OK;
  for (size_t i = 0; i < n && status == OINF_OK; i++) status = add_tensor(c, m, order[i]);
  if (status == OINF_OK) status = oi_model_index(m);
  if (status != OINF_OK) return oinf_model_destroy(m), status;
  *out = m;
  return OINF_OK;
}

static oinf_status build_graph(oi_convert *c, oinf_model *m) {
  const oi_arch *arch = oi_arch_find(c->config.model_type);
  if (arch) return arch->build(&c->config, m, &c->graph);
  oi_text known;
  oi_text_init(&known, c->ctx);
  oi_arch_list(&known);
  if (oinf_model_graph_count(c->from) == 0)
    oi_note(c->ctx,
            "architecture '%s' is not known (%s are): tensors are converted, without a graph",
            c->config.model_type, known.at ? known.at : "");
  oi_text_free(&known);
  if (oinf_model_graph_count(c->from) && c->quant)
    return oi_fail(
        err(c), OINF_SUPPORT,
        "a graph that a program saved is built again over quantized weights by that program");
  if (oinf_model_graph_count(c->from) == 0) return OINF_OK;
  return oinf_graph_load(c->ctx, m, NULL, &c->graph);
}

static oinf_status copy_graphs(oi_convert *c, oinf_model *to) {
  for (size_t i = 0; i < c->from->graphs.n; i++) {
    const oi_graph_text *g = &c->from->graphs.at[i];
    oi_graph_text *slot = oi_vec_push(c->ctx, &to->graphs);
    if (!slot) return oi_nomem(err(c), sizeof *slot);
    slot->name = oi_arena_text(&to->arena, g->name, strlen(g->name));
    slot->text = oi_arena_text(&to->arena, g->text, g->size), slot->size = g->size;
    if (!slot->name || !slot->text) return oi_nomem(err(c), g->size);
  }
  return OINF_OK;
}

// The source's tensors that the recipe keeps, in the source's order.
static size_t kept(const oi_convert *c, uint32_t *order) {
  size_t n = 0;
  for (uint32_t i = 0; i < c->from->tensors.n; i++)
    if (!oi_recipe_drops(&c->rules, c->from->tensors.at[i].pub.name)) order[n++] = i;
  return n;
}

static oinf_status plan_content(oi_convert *c, uint32_t *order, uint32_t *use) {
  oinf_model *draft;
  const size_t n = kept(c, order);
  const bool graphs = oi_arch_find(c->config.model_type) == NULL;
  OI_TRY(all_tensors(c, order, n, &draft));
  oinf_status status = graphs ? copy_graphs(c, draft) : OINF_OK;
  if (status == OINF_OK) status = set_values(c, draft);
  if (status == OINF_OK) status = build_graph(c, draft);
  if (status == OINF_OK) status = oi_convert_order(draft, c->graph, use);
  for (size_t i = 0; i < n && status == OINF_OK; i++) c->source_of[i] = order[use[i]];
  if (status == OINF_OK) status = all_tensors(c, c->source_of, n, &c->content);
  if (status == OINF_OK && c->graph && !graphs) status = oinf_graph_save(c->graph, c->content);
  if (status == OINF_OK && graphs) status = copy_graphs(c, c->content);
  oinf_graph_destroy(c->graph);
  c->graph = NULL;
  oinf_model_destroy(draft);
  return status;
}

static oinf_status fill_content(oi_convert *c) {
  OI_TRY(copy_meta(c, c->content));
  OI_TRY(ruled_meta(c, c->content));
  OI_TRY(set_values(c, c->content));
  OI_TRY(tokenizer_blob(c, c->content));
  if (oinf_model_graph_count(c->content) == 0) return OINF_OK;
  OI_TRY(oinf_graph_load(c->ctx, c->content, NULL, &c->graph));
  return oi_arch_find(c->config.model_type) ? generation_meta(c, c->content) : OINF_OK;
}

oinf_status oi_convert_plan(oi_convert *c) {
  oi_recipe_init(&c->rules, c->ctx);
  if (c->quant && strcmp(c->quant, "q8_0") != 0 && strcmp(c->quant, "q4_0") != 0)
    return oi_fail(err(c), OINF_USAGE, "--quant wants q8_0 or q4_0, not '%s'", c->quant);
  if (c->recipe) OI_TRY(oi_recipe_load(&c->rules, c->ctx, c->recipe));
  OI_TRY(oinf_model_open(c->ctx, c->source, &c->from));
  OI_TRY(oi_config_open(c->ctx, c->from, &c->config));
  c->source_room = (c->from->tensors.n + 1) * sizeof(uint32_t);
  c->source_of = oi_alloc(c->ctx, c->source_room);
  uint32_t *order = oi_alloc(c->ctx, c->source_room), *use = oi_alloc(c->ctx, c->source_room);
  oinf_status status =
      c->source_of && order && use ? plan_content(c, order, use) : oi_nomem(err(c), c->source_room);
  oi_free(c->ctx, order, c->source_room);
  oi_free(c->ctx, use, c->source_room);
  OI_TRY(status);
  return fill_content(c);
}

// ---- bytes ----

// A piece of a tensor in its new dtype: whole blocks, read in the old one.
static oinf_status fill(void *user, uint32_t tensor, uint64_t offset, void *out, uint64_t bytes) {
  oi_convert *c = user;
  const oinf_tensor *to = &c->content->tensors.at[tensor].pub,
                    *from = &c->from->tensors.at[c->source_of[tensor]].pub;
  if (to->dtype == from->dtype)
    return oi_model_read_at(c->from, c->source_of[tensor], offset, out, bytes);
  const uint64_t i = offset / oinf_dtype_block_bytes(to->dtype) * oinf_dtype_block(to->dtype);
  const uint64_t n = bytes / oinf_dtype_block_bytes(to->dtype) * oinf_dtype_block(to->dtype);
  const uint64_t bb = oinf_dtype_block_bytes(from->dtype), bn = oinf_dtype_block(from->dtype);
  OI_TRY(oi_model_read_at(c->from, c->source_of[tensor], i / bn * bb, c->narrow, n / bn * bb));
  const oi_view old = {.data = c->narrow, .dtype = from->dtype, .rank = 1, .dim = {(int64_t)n}};
  oi_load_f32(c->wide, &old, 0, (int64_t)n);
  const oi_view made = {.data = out, .dtype = to->dtype, .rank = 1, .dim = {(int64_t)n}};
  if (oi_dtype_class(to->dtype) == OI_Q) oi_quantize_blocks(to->dtype, c->wide, (int64_t)n, out);
  else oi_store_f32(&made, 0, (int64_t)n, c->wide);
  return OINF_OK;
}

static uint64_t weight_bytes(const oi_convert *c) {
  uint64_t sum = 0;
  for (size_t i = 0; i < c->content->tensors.n; i++) sum += c->content->tensors.at[i].pub.bytes;
  return sum;
}

static bool wants_golden(const oi_convert *c) {
  if (!c->graph || c->no_golden) return false;
  return c->golden || weight_bytes(c) <= (uint64_t)8 << 30;
}

oinf_status oi_convert_write(oi_convert *c) {
  oi_oinf_writer *w;
  c->wide = oi_alloc(c->ctx, PIECE_ELEMENTS * sizeof *c->wide);
  c->narrow = oi_alloc(c->ctx, PIECE_ELEMENTS * sizeof *c->wide);
  if (!c->wide || !c->narrow) return oi_nomem(err(c), PIECE_ELEMENTS * sizeof *c->wide);
  const oi_oinf_fill f = {.fill = fill, .progress = c->progress, .user = c, .input = c->from};
  OI_TRY(oi_oinf_begin(c->content, c->out, &f, &w));
  oinf_status status = wants_golden(c) ? oi_golden_make(c, w) : OINF_OK;
  if (status == OINF_OK) status = oi_oinf_commit(&w);
  oi_oinf_abort(&w);
  return status;
}

void oi_convert_free(oi_convert *c) {
  oinf_graph_destroy(c->graph);
  oinf_model_destroy(c->content);
  oinf_model_destroy(c->from);
  oi_config_close(&c->config);
  oi_recipe_free(&c->rules, c->ctx);
  oi_free(c->ctx, c->source_of, c->source_room);
  oi_free(c->ctx, c->wide, PIECE_ELEMENTS * sizeof *c->wide);
  oi_free(c->ctx, c->narrow, PIECE_ELEMENTS * sizeof *c->wide);
}
