// Metadata and blobs of a package: what the source says, then what the recipe takes from
// config.json, then what a generating graph owes its users, and last what the user sets.
#include "convert/convert.h"

#include <string.h>

#include "formats/generation.h"
#include "formats/tokenizer.h"

static oi_err *err(const oi_convert *c) { return oi_ctx_err(c->ctx); }

static oinf_status copy_meta(oi_convert *c) {
  for (uint32_t i = 0; i < oinf_model_meta_count(c->from); i++) {
    const char *key, *value = oinf_model_meta_at(c->from, i, &key);
    OI_TRY(oinf_model_set_meta(c->content, key, value));
  }
  for (uint32_t i = 0; i < oinf_model_blob_count(c->from); i++) {
    const oinf_blob *b = oinf_model_blob_at(c->from, i);
    OI_TRY(oinf_model_set_blob(c->content, b->name, b->data, b->size));
  }
  return oinf_model_set_meta(c->content, "oinf.producer", "oinf-convert " OINF_VERSION);
}

// What a newer writer put into the package is carried on; the source outlives the content.
static oinf_status copy_extras(oi_convert *c) {
  c->content->features = c->from->features;
  for (size_t i = 0; i < c->from->extras.n; i++) {
    oi_extra *slot = oi_vec_push(c->ctx, &c->content->extras);
    if (!slot) return oi_nomem(err(c), sizeof *slot);
    *slot = c->from->extras.at[i];
  }
  return OINF_OK;
}

// ---- from config.json ----

static int add_json(const char *bytes, size_t n, void *text) {
  oi_text_add(text, bytes, n);
  return 0;
}

static oinf_status put_json(oi_convert *c, const char *key, const json_t *v) {
  oi_text text;
  oi_text_init(&text, c->ctx);
  if (json_is_string(v)) oi_text_add(&text, json_string_value(v), json_string_length(v));
  else json_dump_callback(v, add_json, &text, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
  oinf_status status = text.failed ? oi_nomem(err(c), text.n)
                                   : oinf_model_set_meta(c->content, key, text.at ? text.at : "");
  oi_text_free(&text);
  return status;
}

static oinf_status ruled_meta(oi_convert *c) {
  for (size_t i = 0; i < c->rules.metadata.n; i++) {
    const oi_rule *r = &c->rules.metadata.at[i];
    const json_t *v = oi_config_get(&c->config, r->to);
    if (v) OI_TRY(put_json(c, r->match, v));
    else oi_note(c->ctx, "recipe: config.json has no key '%s'", r->to);
  }
  return OINF_OK;
}

// ---- of a package that generates ----

static oinf_status set_ids(oi_convert *c, const char *key, const char *otherwise,
                           const char *meta) {
  oi_text ids;
  oi_text_init(&ids, c->ctx);
  oi_config_ids(&c->config, key, otherwise, &ids);
  oinf_status status = ids.failed ? oi_nomem(err(c), ids.n) : OINF_OK;
  if (status == OINF_OK && ids.n) status = oinf_model_set_meta(c->content, meta, ids.at);
  oi_text_free(&ids);
  return status;
}

// A checkpoint of an older kind has them in config.json.
static oinf_status generation_blob(oi_convert *c) {
  oi_generation g;
  oi_text note;
  oi_text_init(&note, c->ctx);
  oi_generation_take(c->config.generation ? c->config.generation : c->config.root, &g, &note);
  if (note.n) oi_note(c->ctx, "generation settings that are left out: %s", note.at);
  oi_text_free(&note);
  return oi_generation_save(&g, c->content);
}

// What oinf-sim and bundles ask of it.
static oinf_status generation_meta(oi_convert *c, const oi_arch *arch) {
  const char *graph;
  (void)oinf_model_graph_text(c->content, 0, &graph);
  OI_TRY(oinf_model_set_meta(c->content, "oinf.task", "generate"));
  OI_TRY(oinf_model_set_meta(c->content, "oinf.graph", graph));
  OI_TRY(oinf_model_set_meta(c->content, "oinf.input", "tokens"));
  OI_TRY(oinf_model_set_meta(c->content, "oinf.output", "logits"));
  OI_TRY(oinf_model_set_meta(c->content, "oinf.chunk", "256"));
  OI_TRY(set_ids(c, "bos_token_id", arch->bos, "oinf.bos"));
  OI_TRY(set_ids(c, "eos_token_id", arch->eos, "oinf.eos"));
  return generation_blob(c);
}

// A tokenizer that is not known here is no failure: the package then works by ids.
static oinf_status tokenizer_blob(oi_convert *c) {
  const oinf_blob *json = oinf_model_blob(c->from, "tokenizer.json");
  oi_bytes tables = {0};
  oi_text note;
  if (!json) return OINF_OK;
  oi_text_init(&note, c->ctx);
  oinf_status status = oi_tokenizer_compile(c->ctx, json->data, json->size, &tables, &note);
  if (note.n) oi_note(c->ctx, "tokenizer: %s", note.at);
  oi_text_free(&note);
  if (status == OINF_SUPPORT) {
    oi_note(c->ctx, "tokenizer: %s; the package works by ids", oinf_error(c->ctx));
    oinf_error_clear(c->ctx);
    return OINF_OK;
  }
  OI_TRY_AT(err(c), status, "compiling tokenizer.json");
  status = oinf_model_set_blob(c->content, "tokenizer", tables.at, tables.n);
  oi_bytes_free(c->ctx, &tables);
  return status;
}

// ---- from the user ----

static oinf_status set_one(oi_convert *c, oinf_model *to, const char *text) {
  const char *equals = strchr(text, '=');
  char key[128];
  const size_t n = equals ? (size_t)(equals - text) : 0;
  if (!n || n >= sizeof key)
    return oi_fail(err(c), OINF_USAGE, "--set wants key=value, not '%s'", text);
  memcpy(key, text, n);
  key[n] = 0;
  return oinf_model_set_meta(to, key, equals + 1);
}

oinf_status oi_convert_set(oi_convert *c, oinf_model *to) {
  const char *kv = oinf_model_meta(c->from, "kv_dtype");  // of a package that was converted so
  if (kv) OI_TRY(oinf_model_set_meta(to, "kv_dtype", kv));
  for (size_t i = 0; c->sets && i < c->sets->n; i++) OI_TRY(set_one(c, to, c->sets->at[i]));
  return OINF_OK;
}

oinf_status oi_convert_meta(oi_convert *c, const oi_arch *arch) {
  OI_TRY(copy_meta(c));
  OI_TRY(copy_extras(c));
  OI_TRY(ruled_meta(c));
  OI_TRY(tokenizer_blob(c));
  if (arch) OI_TRY(generation_meta(c, arch));
  return oi_convert_set(c, c->content);
}
