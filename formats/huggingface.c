// A Hugging Face checkpoint folder as a model: the weights, the configuration files as blobs under
// their own names, and what says the architecture as metadata. Nothing is interpreted beyond that;
// files that would run code (pickles, auto_map) are never opened.
#include "formats/format.h"
#include "formats/json.h"
#include "formats/safetensors.h"

#include <string.h>

typedef struct folder {
  oinf_model *model;
  oinf_ctx *ctx;
  oi_err *err;
  oi_folder at;
} folder;

// Carried along as they stand, where they exist.
static const struct { const char *name; size_t cap; } carried[] = {
    {"config.json", OI_JSON_CONFIG},
    {"generation_config.json", OI_JSON_CONFIG},
    {"tokenizer.json", OI_JSON_TOKENIZER},
    {"tokenizer_config.json", OI_JSON_INDEX},
    {"chat_template.jinja", OI_JSON_CONFIG},
    {"chat_template.json", OI_JSON_CONFIG},
    {"preprocessor_config.json", OI_JSON_CONFIG},
    {"processor_config.json", OI_JSON_CONFIG},
    {"modules.json", OI_JSON_CONFIG},
    {"sentence_bert_config.json", OI_JSON_CONFIG},
    {"config_sentence_transformers.json", OI_JSON_CONFIG}};

static oinf_status carry(folder *f) {
  for (size_t i = 0; i < sizeof carried / sizeof *carried; i++) {
    oi_bytes b;
    if (!oi_folder_has(&f->at, carried[i].name)) continue;
    OI_TRY(oi_folder_slurp(f->ctx, &f->at, carried[i].name, carried[i].cap, &b));
    oinf_status status = oinf_model_set_blob(f->model, carried[i].name, b.at, b.n);
    oi_bytes_free(f->ctx, &b);
    OI_TRY(status);
  }
  return OINF_OK;
}

// ---- metadata ----

// The JSON object in a blob; *out stays NULL where there is no such blob.
static oinf_status parse_blob(folder *f, const char *name, json_t **out) {
  const oinf_blob *b = oinf_model_blob(f->model, name);
  if (!b) return OINF_OK;
  OI_TRY(oi_json_parse(f->ctx, b->data, b->size, OI_JSON_PYTHON, name, out));
  if (json_is_object(*out)) return OINF_OK;
  json_decref(*out);
  *out = NULL;
  return oi_fail(f->err, OINF_FORMAT, "'%s' in '%s' is no object", name, f->at.path);
}

static oinf_status note(folder *f, const char *key, const json_t *value) {
  if (!json_is_string(value)) return OINF_OK;
  return oinf_model_set_meta(f->model, key, json_string_value(value));
}

static oinf_status note_config(folder *f) {
  json_t *root = NULL;
  OI_TRY(parse_blob(f, "config.json", &root));
  const json_t *dtype = json_object_get(root, "dtype");
  if (!dtype) dtype = json_object_get(root, "torch_dtype");
  oinf_status status = note(f, "hf.model_type", json_object_get(root, "model_type"));
  if (status == OINF_OK)
    status = note(f, "hf.architecture", json_array_get(json_object_get(root, "architectures"), 0));
  if (status == OINF_OK) status = note(f, "hf.dtype", dtype);
  if (status == OINF_OK)
    status = note(f, "hf.transformers_version", json_object_get(root, "transformers_version"));
  json_decref(root);
  return status;
}

// A template is a string, or a list of {"name", "template"} of which "default" is taken.
static const char *template_in(const json_t *value) {
  if (json_is_string(value)) return json_string_value(value);
  const char *first = NULL;
  size_t i;
  json_t *one;
  json_array_foreach(value, i, one) {
    const char *name = json_string_value(json_object_get(one, "name"));
    const char *text = json_string_value(json_object_get(one, "template"));
    if (name && text && strcmp(name, "default") == 0) return text;
    if (!first) first = text;
  }
  return first;
}

// chat_template.jinja overrides chat_template.json, which overrides tokenizer_config.json.
static oinf_status find_template(folder *f) {
  static const char *const places[] = {"chat_template.json", "tokenizer_config.json"};
  for (size_t i = 0; i < 2 && !oinf_model_blob(f->model, "chat_template.jinja"); i++) {
    json_t *root = NULL;
    OI_TRY(parse_blob(f, places[i], &root));
    const char *text = template_in(json_object_get(root, "chat_template"));
    oinf_status status = OINF_OK;
    if (text) status = oinf_model_set_blob(f->model, "chat_template.jinja", text, strlen(text));
    json_decref(root);
    OI_TRY(status);
  }
  return OINF_OK;
}

// ---- weights ----

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

static bool is_pickle(const char *name) {
  return ends_with(name, ".bin") || ends_with(name, ".pt") || ends_with(name, ".pth") ||
         ends_with(name, ".pkl");
}

// Says what is there instead: at most ten names, as a message must stay one.
static oinf_status no_weights(folder *f, const oi_names *names, size_t tensors, size_t pickles) {
  oi_text found;
  oi_text_init(&found, f->ctx);
  for (size_t i = 0; i < names->n && i < 10; i++) oi_text_put(&found, " '%.60s'", names->at[i]);
  const char *why = tensors   ? "several .safetensors files without an index; name one of them"
                    : pickles ? "only a pickle checkpoint; convert it to safetensors"
                              : "no weights (model.safetensors)";
  oinf_status status =
      oi_fail(f->err, OINF_NOINPUT, "'%s' holds %s; found:%s%s", f->at.path, why,
              found.at ? found.at : " nothing", names->n > 10 ? " ..." : "");
  oi_text_free(&found);
  return status;
}

static oinf_status add_file(folder *f, const char *name) {
  oi_source source;
  OI_TRY(oi_folder_file(f->ctx, &f->at, name, &source));
  return oi_safetensors_add(f->model, source, NULL, 0);
}

static oinf_status add_only_one(folder *f, oi_arena *arena) {
  oi_names names;
  size_t tensors = 0, pickles = 0, last = 0;
  OI_TRY(oi_folder_list(f->ctx, &f->at, arena, &names));
  for (size_t i = 0; i < names.n; i++) {
    if (is_pickle(names.at[i])) pickles++;
    if (ends_with(names.at[i], ".safetensors")) tensors++, last = i;
  }
  return tensors == 1 ? add_file(f, names.at[last]) : no_weights(f, &names, tensors, pickles);
}

static oinf_status add_weights(folder *f, const char *index) {
  static const char whole[] = "model.safetensors", shards[] = "model.safetensors.index.json";
  if (index) return oi_safetensors_add_index(f->model, &f->at, index);
  if (oi_folder_has(&f->at, whole)) return add_file(f, whole);
  if (oi_folder_has(&f->at, shards)) return oi_safetensors_add_index(f->model, &f->at, shards);
  oi_arena arena;
  oi_arena_init(&arena, f->ctx);
  oinf_status status = add_only_one(f, &arena);
  oi_arena_free(&arena);
  return status;
}

// ---- opening ----

static oinf_status fill(folder *f, bool weights_wanted, const char *index) {
  if (weights_wanted) OI_TRY(add_weights(f, index));
  OI_TRY(oi_model_index(f->model));
  OI_TRY(carry(f));
  OI_TRY(note_config(f));
  return find_template(f);
}

static oinf_status open_folder(oinf_ctx *ctx, const char *path, bool weights_wanted,
                               const char *index, oinf_model **out_model) {
  folder f = {.ctx = ctx, .err = oi_ctx_err(ctx)};
  OI_TRY(oi_folder_open(ctx, path, &f.at));
  oinf_status status = oi_model_new(ctx, "huggingface", &f.model);
  if (status == OINF_OK) status = fill(&f, weights_wanted, index);
  oi_folder_close(ctx, &f.at);
  if (status != OINF_OK) return oinf_model_destroy(f.model), status;
  *out_model = f.model;
  return OINF_OK;
}

oinf_status oi_huggingface_open(oinf_ctx *ctx, const char *path, bool weights_wanted,
                                oinf_model **out_model) {
  return open_folder(ctx, path, weights_wanted, NULL, out_model);
}

oinf_status oi_huggingface_open_index(oinf_ctx *ctx, const char *path, oinf_model **out_model) {
  const char *slash = strrchr(path, '/');
  size_t n = slash == path ? 1 : slash ? (size_t)(slash - path) : 0;
  oi_text parent;
  oi_text_init(&parent, ctx);
  oi_text_add(&parent, n ? path : ".", n ? n : 1);
  oinf_status status = parent.failed ? oi_nomem(oi_ctx_err(ctx), n)
                                     : open_folder(ctx, parent.at, true,
                                                   slash ? slash + 1 : path, out_model);
  oi_text_free(&parent);
  return status;
}
