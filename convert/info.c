// See info.h. A model is opened once; what was asked for is written in a fixed order.
#include "convert/info.h"

#include <fnmatch.h>
#include <string.h>

#include "formats/format.h"
#include "formats/generation.h"
#include "formats/npy.h"
#include "formats/tokenizer.h"
#include "lib/rt/token.h"

static oi_err *err(const oi_info *i) { return oi_ctx_err(i->ctx); }

static void put_name(oi_info *i, const char *name) { oi_text_escape(&i->out, name, strlen(name)); }

bool oi_info_go_on(void *info) {
  const oi_info *i = info;
  return !i->progress || i->progress(NULL, 0, 0);
}

bool oi_info_wants(const oi_info *i, const char *tensor) {
  return !i->pattern || fnmatch(i->pattern, tensor, 0) == 0;
}

void oi_info_put_type(oi_info *i, const oinf_tensor *t) {
  oi_text_put(&i->out, " %s [", oinf_dtype_name(t->dtype));
  for (uint32_t k = 0; k < t->rank; k++)
    oi_text_put(&i->out, "%s%lld", k ? ", " : "", (long long)t->dims[k]);
  oi_text_put(&i->out, "]");
}

void oi_info_put_tensor(oi_info *i, const oinf_tensor *t) {
  put_name(i, t->name);
  oi_info_put_type(i, t);
}

// ---- summary ----

static void put_totals(oi_info *i) {
  uint64_t bytes = 0, elements = 0, by_dtype[32] = {0};
  const uint32_t n = oinf_model_tensor_count(i->model);
  for (uint32_t k = 0; k < n; k++) {
    const oinf_tensor *t = oinf_model_tensor(i->model, k);
    uint64_t count = 1;
    for (uint32_t d = 0; d < t->rank; d++) count *= (uint64_t)t->dims[d];
    bytes += t->bytes, elements += count;
    by_dtype[t->dtype] += t->bytes;
  }
  oi_text_put(&i->out, "tensors      %u, %llu elements, ", n, (unsigned long long)elements);
  oi_put_size(&i->out, bytes);
  oi_text_put(&i->out, "\n");
  for (int d = 1; d < 32; d++) {
    if (!by_dtype[d]) continue;
    oi_text_put(&i->out, "  %-10s ", oinf_dtype_name((oinf_dtype)d));
    oi_put_size(&i->out, by_dtype[d]);
    oi_text_put(&i->out, "\n");
  }
}

static void put_meta(oi_info *i) {
  for (uint32_t k = 0; k < oinf_model_meta_count(i->model); k++) {
    const char *key, *value = oinf_model_meta_at(i->model, k, &key);
    oi_text_put(&i->out, "meta         ");
    put_name(i, key);
    oi_text_put(&i->out, " = ");
    const size_t n = strlen(value);
    oi_text_escape(&i->out, value, n < 100 ? n : 100);
    oi_text_put(&i->out, n < 100 ? "\n" : "...\n");
  }
}

static void put_blobs(oi_info *i) {
  bool template = false, applied = oinf_model_blob(i->model, "tokenizer") != NULL;
  for (uint32_t k = 0; k < oinf_model_blob_count(i->model); k++) {
    const oinf_blob *b = oinf_model_blob_at(i->model, k);
    oi_text_put(&i->out, "blob         ");
    put_name(i, b->name);
    oi_text_put(&i->out, ", ");
    oi_put_size(&i->out, b->size);
    oi_text_put(&i->out, "\n");
    template = template || strncmp(b->name, "chat_template", 13) == 0;
  }
  if (template) oi_text_put(&i->out, "note         a chat template is carried, but not applied\n");
  if (oinf_model_blob(i->model, "tokenizer.json") && !applied &&
      strcmp(i->model->format, "oinf") == 0)
    oi_text_put(&i->out,
                "note         the tokenizer is not known here: the package works by ids\n");
}

// How text is drawn where the user does not say.
static oinf_status put_generation(oi_info *i) {
  oi_generation g;
  if (!oinf_model_blob(i->model, "generation")) return OINF_OK;
  OI_TRY(oi_generation_read(i->ctx, i->model, &g));
  oi_text_put(&i->out, "generation   ");
  oi_generation_print(&g, &i->out);
  oi_text_put(&i->out, "\n");
  return OINF_OK;
}

static void put_port(void *user, const char *kind, const char *name, const char *text) {
  oi_info *i = user;
  oi_text_put(&i->out, "  %-10s ", kind);
  put_name(i, name);
  oi_text_put(&i->out, " %s\n", text);
}

static oinf_status put_graphs(oi_info *i) {
  for (uint32_t k = 0; k < oinf_model_graph_count(i->model); k++) {
    const char *name;
    (void)oinf_model_graph_text(i->model, k, &name);
    oi_text_put(&i->out, "graph        ");
    put_name(i, name);
    oi_text_put(&i->out, "\n");
    OI_TRY(oi_info_ports(i, name, put_port, i));
  }
  return OINF_OK;
}

static oinf_status put_summary(oi_info *i) {
  oi_text_put(&i->out, "format       %s\n", oinf_model_format(i->model));
  put_totals(i);
  OI_TRY(put_graphs(i));
  if (i->model->golden.n) oi_text_put(&i->out, "golden       %zu steps\n", i->model->golden.n);
  put_meta(i);
  put_blobs(i);
  return put_generation(i);
}

static void put_tensors(oi_info *i) {
  for (uint32_t k = 0; k < oinf_model_tensor_count(i->model); k++) {
    const oinf_tensor *t = oinf_model_tensor(i->model, k);
    if (!oi_info_wants(i, t->name)) continue;
    oi_info_put_tensor(i, t);
    const bool groups = i->model->tensors.at[k].layout == OI_LAYOUT_GROUPS;
    oi_text_put(&i->out, " %llu%s\n", (unsigned long long)t->bytes, groups ? " groups" : "");
  }
}

// ---- extracting ----

static oinf_status write_blob(oi_info *i, const oinf_blob *b) {
  oi_out *out;
  OI_TRY(oi_out_begin(i->ctx, i->o.out, &out));
  oinf_status status = oi_out_write(out, b->data, b->size);
  if (status == OINF_OK) status = oi_out_commit(&out);
  oi_out_abort(&out);
  return status;
}

static oinf_status extract(oi_info *i) {
  const oinf_tensor *t = oinf_model_find(i->model, i->o.extract);
  const oinf_blob *b = oinf_model_blob(i->model, i->o.extract);
  if (!i->o.out) return oi_fail(err(i), OINF_USAGE, "--extract wants -o FILE");
  if (!t && b) return write_blob(i, b);
  if (!t)
    return oi_fail(err(i), OINF_NOINPUT, "the model has no tensor and no blob '%s'", i->o.extract);
  void *data = oi_alloc(i->ctx, t->bytes);
  if (!data) return oi_nomem(err(i), t->bytes);
  oinf_status status = oinf_model_read(i->model, t->name, data);
  if (status == OINF_OK) status = oi_npy_write(i->ctx, i->o.out, t, data);
  oi_free(i->ctx, data, t->bytes);
  return status;
}

// ---- tokenizing ----

static oinf_status put_ids(oi_info *i, const oi_tokenizer *tok, const char *text, size_t size) {
  for (size_t room = size + 16;;) {
    uint32_t *ids = oi_alloc(i->ctx, room * sizeof *ids);
    if (!ids) return oi_nomem(err(i), room * sizeof *ids);
    const int64_t n = oi_tokenizer_encode(tok, text, size, true, ids, room);
    for (int64_t k = 0; n <= (int64_t)room && k < n; k++)
      oi_text_put(&i->out, k ? ",%u" : "%u", ids[k]);
    oi_free(i->ctx, ids, room * sizeof *ids);
    if (n < 0) return oi_fail(err(i), OINF_MEMORY, "the text cannot be encoded");
    if (n <= (int64_t)room) return oi_text_put(&i->out, "\n"), OINF_OK;
    room = (size_t)n;
  }
}

static oinf_status tokenize_text(oi_info *i, const oi_tokenizer *tok) {
  const char *text = i->o.tokenize;
  oi_bytes b;
  if (*text != '@') return put_ids(i, tok, text, strlen(text));
  OI_TRY(oi_file_slurp(i->ctx, text + 1, 64u << 20, &b));
  oinf_status status = put_ids(i, tok, (const char *)b.at, b.n);
  oi_bytes_free(i->ctx, &b);
  return status;
}

static oinf_status tokenize(oi_info *i) {
  const oinf_blob *tables = oinf_model_blob(i->model, "tokenizer");
  const oinf_blob *json = oinf_model_blob(i->model, "tokenizer.json");
  oi_bytes made = {0};
  if (!tables && !json) return oi_fail(err(i), OINF_SUPPORT, "the model carries no tokenizer");
  if (!tables) OI_TRY(oi_tokenizer_compile(i->ctx, json->data, json->size, &made, NULL));
  oi_tokenizer *tok =
      tables ? oi_tokenizer_open(tables->data, tables->size) : oi_tokenizer_open(made.at, made.n);
  oinf_status status =
      tok ? tokenize_text(i, tok) : oi_fail(err(i), OINF_FORMAT, "the tokenizer is malformed");
  oi_tokenizer_close(tok);
  oi_bytes_free(i->ctx, &made);
  return status;
}

// ---- verifying ----

static oinf_status verify(oi_info *i) {
  if (strcmp(i->model->format, "oinf") == 0) {
    OI_TRY(oi_oinf_verify_weights(i->model, i->progress, NULL));
    for (uint32_t k = 0; k < oinf_model_graph_count(i->model); k++) {
      const char *name;
      oinf_graph *g;
      (void)oinf_model_graph_text(i->model, k, &name);
      OI_TRY(oinf_graph_load(i->ctx, i->model, name, &g));
      oinf_graph_destroy(g);
    }
  }
  oi_text_put(&i->out, "verified     %u tensors, no fault\n", oinf_model_tensor_count(i->model));
  return OINF_OK;
}

// A pattern that means no tensor is a slip.
static oinf_status check_pattern(oi_info *i) {
  const uint32_t n = oinf_model_tensor_count(i->model);
  if (!i->pattern || i->o.diff) return OINF_OK;
  if (!i->o.tensors && !i->o.stats && !i->o.json)
    return oi_fail(err(i), OINF_USAGE,
                   "'%s': a pattern goes with --tensors, --stats, --diff or --json", i->pattern);
  for (uint32_t k = 0; k < n; k++)
    if (oi_info_wants(i, oinf_model_tensor(i->model, k)->name)) return OINF_OK;
  return oi_fail(err(i), OINF_NOINPUT, "no tensor's name matches '%s'", i->pattern);
}

static oinf_status diff(oi_info *i) {
  const oi_info_opts *o = &i->o;
  if (o->json || o->tensors || o->stats || o->graph || o->plan || o->verify || o->tokenize ||
      o->extract)
    return oi_fail(err(i), OINF_USAGE, "--diff stands alone, or with a pattern of tensors");
  return oi_info_diff(i);
}

static oinf_status report(oi_info *i) {
  const oi_info_opts *o = &i->o;
  const bool summary = !o->tensors && !o->stats && !o->graph && !o->plan && !o->verify &&
                       !o->tokenize && !o->extract;
  OI_TRY(check_pattern(i));
  if (o->diff) return diff(i);
  if (o->json) return oi_info_json(i);
  if (summary) OI_TRY(put_summary(i));
  if (o->tensors) put_tensors(i);
  if (o->stats) OI_TRY(oi_info_put_stats(i));
  for (uint32_t k = 0; o->graph && k < oinf_model_graph_count(i->model); k++) {
    const char *name;
    oi_text_put(&i->out, "%s", oinf_model_graph_text(i->model, k, &name));
  }
  if (o->plan) OI_TRY(oi_info_plan(i));
  if (o->tokenize) OI_TRY(tokenize(i));
  if (o->extract) OI_TRY(extract(i));
  return o->verify ? verify(i) : OINF_OK;
}

// A folder that holds no more than tokenizer.json is enough to tokenize.
static oinf_status open_model(oi_info *i, const char *path) {
  if (i->o.tokenize && oi_file_is_folder(path))
    return oi_huggingface_open(i->ctx, path, false, &i->model);
  return oinf_model_open(i->ctx, path, &i->model);
}

oinf_status oi_info_run(oi_info *i, const char *path) {
  OI_TRY(open_model(i, path));
  oinf_status status = report(i);
  if ((status == OINF_OK || status == OINF_DIFFERENT) && i->out.failed)
    status = oi_nomem(err(i), i->out.n);
  oinf_model_destroy(i->model);
  return status;
}
