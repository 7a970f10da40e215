// See config.h.
#include "convert/config.h"

#include <string.h>

static oinf_status open_blob(oinf_ctx *ctx, const oinf_model *m, const char *name, json_t **out) {
  const oinf_blob *b = oinf_model_blob(m, name);
  if (!b) return OINF_OK;
  OI_TRY(oi_json_parse(ctx, b->data, b->size, OI_JSON_PYTHON, name, out));
  if (json_is_object(*out)) return OINF_OK;
  return oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "%s is no JSON object", name);
}

oinf_status oi_config_open(oinf_ctx *ctx, const oinf_model *model, oi_config *out) {
  oi_config c = {.ctx = ctx};
  oi_arena_init(&c.arena, ctx);
  oinf_status status = open_blob(ctx, model, "config.json", &c.root);
  if (status == OINF_OK) status = open_blob(ctx, model, "generation_config.json", &c.generation);
  if (status != OINF_OK) return oi_config_close(&c), status;
  c.model_type = oi_config_text(c.root, "model_type", "");
  const char *head = json_string_value(json_array_get(json_object_get(c.root, "architectures"), 0));
  c.head = head ? head : "";
  *out = c;
  return OINF_OK;
}

void oi_config_close(oi_config *c) {
  json_decref(c->root);
  json_decref(c->generation);
  c->root = c->generation = NULL;
  if (c->arena.ctx) oi_arena_free(&c->arena);
}

const json_t *oi_config_get(const oi_config *c, const char *key) {
  const json_t *v = json_object_get(c->root, key);
  return json_is_null(v) ? NULL : v;
}

oinf_status oi_config_int(const oi_config *c, const char *key, int64_t otherwise, int64_t lo,
                          int64_t hi, int64_t *out) {
  const json_t *v = oi_config_get(c, key);
  int64_t x = otherwise;
  if (v && !oi_json_i64(v, &x))
    return oi_fail(oi_ctx_err(c->ctx), OINF_FORMAT, "config.json: %s is no whole number", key);
  if (x < lo || x > hi)
    return oi_fail(oi_ctx_err(c->ctx), OINF_FORMAT, "config.json: %s is %lld, outside %lld to %lld",
                   key, (long long)x, (long long)lo, (long long)hi);
  *out = x;
  return OINF_OK;
}

oinf_status oi_config_real(const oi_config *c, const json_t *object, const char *key,
                           double otherwise, double *out) {
  const json_t *v = json_object_get(object, key);
  if (v && !json_is_null(v) && !json_is_number(v))
    return oi_fail(oi_ctx_err(c->ctx), OINF_FORMAT, "config.json: %s is no number", key);
  *out = json_is_number(v) ? json_number_value(v) : otherwise;
  return OINF_OK;
}

bool oi_config_flag(const oi_config *c, const char *key, bool otherwise) {
  const json_t *v = oi_config_get(c, key);
  return json_is_boolean(v) ? json_is_true(v) : otherwise;
}

const char *oi_config_text(const json_t *object, const char *key, const char *otherwise) {
  const char *s = json_string_value(json_object_get(object, key));
  return s ? s : otherwise;
}

static void put_id(const json_t *id, oi_text *out) {
  if (json_is_integer(id))
    oi_text_put(out, out->n ? ",%lld" : "%lld", (long long)json_integer_value(id));
}

void oi_config_ids(const oi_config *c, const char *key, const char *otherwise, oi_text *out) {
  const json_t *said = json_object_get(c->root, key), *v = json_object_get(c->generation, key);
  if (!v || json_is_null(v)) v = said;
  if (!said && !c->generation) oi_text_put(out, "%s", otherwise);
  put_id(v, out);
  for (size_t i = 0; i < json_array_size(v); i++) put_id(json_array_get(v, i), out);
}
