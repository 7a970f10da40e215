// The facts of a model as one JSON object with stable keys, made with jansson so that every name is
// escaped right.
#include <jansson.h>
#include <math.h>
#include <string.h>

#include "convert/info.h"

static int add_bytes(const char *bytes, size_t n, void *text) {
  oi_text_add(text, bytes, n);
  return 0;
}

static json_t *text_of(const char *s) {
  json_t *j = json_string(s);
  return j ? j : json_null();  // a name that is no UTF-8
}

static json_t *tensor(const oinf_tensor *t) {
  json_t *dims = json_array();
  for (uint32_t d = 0; d < t->rank; d++) json_array_append_new(dims, json_integer(t->dims[d]));
  return json_pack("{s:o, s:s, s:o, s:I}", "name", text_of(t->name), "dtype",
                   oinf_dtype_name(t->dtype), "dims", dims, "bytes", (json_int_t)t->bytes);
}

// What lies otherwise than row by row says so.
static json_t *laid_tensor(const oinf_model *m, uint32_t index) {
  json_t *of = tensor(oinf_model_tensor(m, index));
  if (m->tensors.at[index].layout == OI_LAYOUT_GROUPS)
    json_object_set_new(of, "layout", json_string("groups"));
  return of;
}

// No value is finite, or a sum is not: null.
static json_t *figure(const oi_stats *s, double x) {
  return oi_stats_finite(s) && isfinite(x) ? json_real(x) : json_null();
}

static void add_stats(void *list, const oinf_tensor *t, const oi_stats *s) {
  json_t *bins = json_array(), *of = tensor(t);
  for (int b = 0; b < OI_STATS_BINS; b++)
    json_array_append_new(bins, json_integer((json_int_t)s->bins[b]));
  json_object_set_new(
      of, "stats",
      json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o}", "min", figure(s, s->min), "max",
                figure(s, s->max), "mean", figure(s, s->mean), "deviation", figure(s, s->deviation),
                "zeros", (json_int_t)s->zeros, "subnormals", (json_int_t)s->subnormals, "nans",
                (json_int_t)s->nans, "infinite", (json_int_t)s->infinite, "bins", bins));
  json_array_append_new(list, of);
}

static oinf_status tensors(oi_info *i, json_t *list) {
  if (i->o.stats) return oi_info_stats(i, add_stats, list);
  for (uint32_t k = 0; k < oinf_model_tensor_count(i->model); k++) {
    const oinf_tensor *t = oinf_model_tensor(i->model, k);
    if (oi_info_wants(i, t->name)) json_array_append_new(list, laid_tensor(i->model, k));
  }
  return OINF_OK;
}

static json_t *metadata(const oinf_model *m) {
  json_t *map = json_object();
  for (uint32_t i = 0; i < oinf_model_meta_count(m); i++) {
    const char *key, *value = oinf_model_meta_at(m, i, &key);
    json_object_set_new(map, key, text_of(value));
  }
  return map;
}

static json_t *blobs(const oinf_model *m) {
  json_t *map = json_object();
  for (uint32_t i = 0; i < oinf_model_blob_count(m); i++) {
    const oinf_blob *b = oinf_model_blob_at(m, i);
    json_object_set_new(map, b->name, json_integer((json_int_t)b->size));
  }
  return map;
}

// {"name": "text", "in": {"tokens": "i32 [T]"}, ...}
static void add_port(void *user, const char *kind, const char *name, const char *text) {
  json_t *map = json_object_get(user, kind);
  if (!map) json_object_set_new(user, kind, map = json_object());
  json_object_set_new(map, name, text_of(text));
}

static oinf_status graphs(oi_info *i, json_t *list) {
  for (uint32_t k = 0; k < oinf_model_graph_count(i->model); k++) {
    const char *name;
    (void)oinf_model_graph_text(i->model, k, &name);
    json_t *graph = json_pack("{s:o}", "name", text_of(name));
    json_array_append_new(list, graph);
    if (graph) OI_TRY(oi_info_ports(i, name, add_port, graph));
  }
  return OINF_OK;
}

oinf_status oi_info_json(oi_info *i) {
  const oinf_model *m = i->model;
  if (i->o.verify && strcmp(m->format, "oinf") == 0)
    OI_TRY(oi_oinf_verify_weights(i->model, i->progress, NULL));
  json_t *list = json_array(), *all = json_array();
  oinf_status status = graphs(i, list);
  if (status == OINF_OK) status = tensors(i, all);
  json_t *root = json_pack("{s:i, s:s, s:o, s:o, s:o, s:o, s:I}", "schema", 1, "format", m->format,
                           "tensors", all, "metadata", metadata(m), "blobs", blobs(m), "graphs",
                           list, "golden_steps", (json_int_t)m->golden.n);
  if (!root && status == OINF_OK) status = oi_nomem(oi_ctx_err(i->ctx), 0);
  if (status == OINF_OK)
    json_dump_callback(root, add_bytes, &i->out, JSON_INDENT(1) | JSON_ENSURE_ASCII);
  json_decref(root);
  oi_text_put(&i->out, "\n");
  return status;
}
