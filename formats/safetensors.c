// The safetensors reader. It enforces what the format's own reader does, in its order, and four
// things more: no key twice, canonical integers, dims within a package's limits though a zero
// stands beside them, and names that a package can hold (others are escaped). Layout:
//   u64 N | N bytes of JSON, blanks around it allowed | payloads, without a hole, to the file's end
// Payloads need not be aligned. No byte of them is read here.
#include "formats/safetensors.h"
#include "formats/format.h"
#include "formats/json.h"
#include "formats/name.h"
#include "formats/oinf_layout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct row {
  const char *name;
  uint32_t bits;
  oinf_dtype dtype;
} row;
static const row rows[] = {
#define T(NAME, bits, ours) {#NAME, bits, OINF_##ours},
#include "formats/safetensors.def"
#undef T
};

typedef struct entry {
  const char *name;
  const row *type;
  const json_t *shape;
  uint64_t begin, end;
} entry;

typedef struct header {
  oinf_model *model;
  oi_err *err;
  const oi_source *source;
  json_t *root;
  uint64_t data;          // where payloads begin in the file
  OI_VEC(entry) entries;  // by offset
} header;

__attribute__((format(printf, 2, 3))) static oinf_status refuse(const header *h, const char *format,
                                                                ...) {
  char text[900];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return oi_fail(h->err, OINF_FORMAT, "'%s': %s", h->source->path, text);
}

// ---- the header's JSON ----

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

bool oi_safetensors_probe(const uint8_t *head, size_t n, uint64_t size) {
  uint64_t length;
  if (n < 9) return false;
  memcpy(&length, head, 8);
  if (length > OI_ST_HEADER || length > size - 8) return false;
  size_t at = 8;
  while (at < n && is_blank(head[at])) at++;
  return at == n || head[at] == '{';
}

// Where the first eight bytes are no length, the file may be something else altogether.
static oinf_status refuse_length(header *h, uint64_t length) {
  uint8_t head[64];
  size_t n = h->source->size < sizeof head ? (size_t)h->source->size : sizeof head;
  OI_TRY(oi_source_read(h->err, h->source, 0, head, n));
  const char *like = oi_format_lookalike(head, n);
  if (like) return refuse(h, "it is no safetensors file but %s", like);
  if (n < 8) return refuse(h, "header too small: the file has %zu bytes, expected 8 or more", n);
  unsigned long long found = length, size = h->source->size;
  if (length > OI_ST_HEADER)
    return refuse(h, "header too large: %llu bytes, at most %d", found, OI_ST_HEADER);
  return refuse(h, "invalid header length: 8 + %llu bytes in a file of %llu", found, size);
}

static oinf_status read_json(header *h) {
  uint64_t length = 0, size = h->source->size;
  oinf_ctx *ctx = h->model->ctx;
  if (size >= 8) OI_TRY(oi_source_read(h->err, h->source, 0, &length, 8));
  if (size < 8 || length > OI_ST_HEADER || length > size - 8) return refuse_length(h, length);
  h->data = 8 + length;
  size_t n = (size_t)length;
  char *text = oi_alloc(ctx, n);
  if (!text) return oi_nomem(h->err, n);
  oinf_status status = oi_source_read(h->err, h->source, 8, text, n);
  if (status == OINF_OK)
    status = oi_json_parse(ctx, text, n, OI_JSON_STRICT, h->source->path, &h->root);
  oi_free(ctx, text, n);
  if (status == OINF_OK && !json_is_object(h->root)) return refuse(h, "the header is no object");
  return status;
}

// ---- entries ----

static const row *find_row(const char *name) {
  for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++)
    if (strcmp(rows[i].name, name) == 0) return &rows[i];
  return NULL;
}

// A canonical integer that is not negative; jansson has refused what does not fit.
static bool take_u64(const json_t *value, uint64_t *out) {
  if (!json_is_integer(value) || json_integer_value(value) < 0) return false;
  return *out = (uint64_t)json_integer_value(value), true;
}

static oinf_status take_entry(header *h, const char *name, const json_t *value) {
  entry *e = oi_vec_push(h->model->ctx, &h->entries);
  if (!e) return oi_nomem(h->err, sizeof *e);
  const char *dtype = json_string_value(json_object_get(value, "dtype"));
  const json_t *offsets = json_object_get(value, "data_offsets");
  e->name = name;
  e->type = find_row(dtype);
  e->shape = json_object_get(value, "shape");
  if (!e->type)
    return refuse(h, "tensor '%.200s': unknown dtype '%.40s'", name, dtype ? dtype : "(none)");
  if (!json_is_array(e->shape)) return refuse(h, "tensor '%.200s' has no shape", name);
  if (json_array_size(offsets) != 2 || !take_u64(json_array_get(offsets, 0), &e->begin) ||
      !take_u64(json_array_get(offsets, 1), &e->end))
    return refuse(h, "tensor '%.200s': data_offsets must be two integers from 0", name);
  return OINF_OK;
}

static int by_offset(const void *a, const void *b) {
  const entry *x = a, *y = b;
  if (x->begin != y->begin) return x->begin < y->begin ? -1 : 1;
  if (x->end != y->end) return x->end < y->end ? -1 : 1;
  return strcmp(x->name, y->name);
}

// elements * bits, in whole bytes, is what the offsets span.
static oinf_status check_size(header *h, const entry *e) {
  uint64_t bits = 1, dim, span = e->end - e->begin;
  for (size_t i = 0; i < json_array_size(e->shape); i++) {
    if (!take_u64(json_array_get(e->shape, i), &dim))
      return refuse(h, "tensor '%.200s': dim %zu is no integer from 0", e->name, i);
    if (!oi_mul_u64(bits, dim, &bits))
      return refuse(h, "tensor '%.200s': its shape overflows", e->name);
  }
  if (!oi_mul_u64(bits, e->type->bits, &bits))
    return refuse(h, "tensor '%.200s': its size overflows", e->name);
  unsigned long long want = bits / 8, have = span;
  if (bits % 8) return refuse(h, "tensor '%.200s' does not fill whole bytes", e->name);
  if (want != have)
    return refuse(h, "tensor '%.200s': offsets span %llu bytes, its shape and dtype %llu", e->name,
                  have, want);
  return OINF_OK;
}

static oinf_status check_tiling(header *h) {
  uint64_t start = 0;
  for (size_t i = 0; i < h->entries.n; i++) {
    const entry *e = &h->entries.at[i];
    unsigned long long begin = e->begin, end = e->end, want = start;
    if (e->begin != start || e->end < e->begin)
      return refuse(h, "tensor '%.200s': bytes %llu to %llu leave a hole or overlap; expected %llu",
                    e->name, begin, end, want);
    OI_TRY(check_size(h, e));
    start = e->end;
  }
  unsigned long long want = start, have = h->source->size - h->data;
  if (want != have)
    return refuse(h, "tensors end at byte %llu of the payload, the file at %llu", want, have);
  return OINF_OK;
}

static oinf_status read_entries(header *h) {
  const char *name;
  json_t *value;
  json_object_foreach(h->root, name, value) if (strcmp(name, "__metadata__") != 0)
      OI_TRY(take_entry(h, name, value));
  if (h->entries.n) qsort(h->entries.at, h->entries.n, sizeof(entry), by_offset);
  return check_tiling(h);
}

// ---- into the model ----

enum {
  MOST_META = 65536,
  MOST_FOREIGN = 16384
};

static int by_key(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// A key beyond what a package holds is left out, with a note: it decides nothing.
static oinf_status set_meta(header *h, const char *key, const char *value) {
  if (oi_name_ok(key)) return oinf_model_set_meta(h->model, key, value);
  oi_note(h->model->ctx, "metadata '%.100s' is left out: its key is over %d bytes", key,
          OI_NAME_MAX);
  return OINF_OK;
}

// Keys go in sorted, so that a table of many is not shifted at each.
static oinf_status add_sorted(header *h, const json_t *meta, const char **keys) {
  oi_text key;
  oinf_status status = OINF_OK;
  size_t n = 0;
  oi_text_init(&key, h->model->ctx);
  for (void *i = json_object_iter((json_t *)(uintptr_t)meta); i;
       i = json_object_iter_next((json_t *)(uintptr_t)meta, i))
    keys[n++] = json_object_iter_key(i);
  qsort(keys, n, sizeof *keys, by_key);
  for (size_t i = 0; i < n && status == OINF_OK; i++) {
    const char *value = json_string_value(json_object_get(meta, keys[i]));
    key.n = 0;
    oi_text_put(&key, "safetensors.");
    oi_name_clean(&key, keys[i], strlen(keys[i]));
    status = !value       ? refuse(h, "__metadata__ '%.200s' must be a string", keys[i])
             : key.failed ? oi_nomem(h->err, key.n)
                          : set_meta(h, key.at, value);
  }
  oi_text_free(&key);
  return status;
}

static oinf_status add_metadata(header *h) {
  const json_t *meta = json_object_get(h->root, "__metadata__");
  if (!meta || json_is_null(meta)) return OINF_OK;
  if (!json_is_object(meta)) return refuse(h, "__metadata__ is no object");
  size_t n = json_object_size(meta), size = n * sizeof(char *);
  if (n > MOST_META) return oi_fail(h->err, OINF_SUPPORT, "more than %d metadata keys", MOST_META);
  if (n == 0) return OINF_OK;
  const char **keys = oi_alloc(h->model->ctx, size);
  if (!keys) return oi_nomem(h->err, size);
  oinf_status status = add_sorted(h, meta, keys);
  oi_free(h->model->ctx, keys, size);
  return status;
}

// What was lost by taking a tensor as bytes: "F4 [2,3]".
static oinf_status note_foreign(header *h, const entry *e, const char *name) {
  oi_text key, value;
  oi_text_init(&key, h->model->ctx), oi_text_init(&value, h->model->ctx);
  oi_text_put(&key, "safetensors:dtype:%s", name);
  oi_text_put(&value, "%s [", e->type->name);
  for (size_t i = 0; i < json_array_size(e->shape); i++)
    oi_text_put(&value, "%s%lld", i ? "," : "",
                (long long)json_integer_value(json_array_get(e->shape, i)));
  oi_text_put(&value, "]");
  oinf_status status = key.failed || value.failed ? oi_nomem(h->err, key.n + value.n)
                                                  : set_meta(h, key.at, value.at);
  oi_text_free(&key), oi_text_free(&value);
  return status;
}

static oinf_status shape_of(header *h, const entry *e, oinf_tensor *t) {
  size_t rank = json_array_size(e->shape);
  if (e->type->bits != 8 && e->type->dtype == OINF_NONE) {
    t->rank = 1, t->dims[0] = (int64_t)(e->end - e->begin);
    return OINF_OK;
  }
  if (rank > OINF_MAX_RANK)
    return oi_fail(h->err, OINF_SUPPORT, "tensor '%.200s' has rank %zu, at most %d", e->name, rank,
                   OINF_MAX_RANK);
  t->rank = (uint32_t)rank;
  for (size_t i = 0; i < rank; i++) t->dims[i] = json_integer_value(json_array_get(e->shape, i));
  return OINF_OK;
}

static oinf_status add_named(header *h, const entry *e, const oi_text *name) {
  oinf_model *m = h->model;
  bool foreign = e->type->dtype == OINF_NONE;
  if (name->failed) return oi_nomem(h->err, name->n);
  if (!oi_name_ok(name->at ? name->at : ""))
    return oi_fail(h->err, OINF_SUPPORT, "the name '%.100s' is empty or over %d bytes", e->name,
                   OI_NAME_MAX);
  oi_tensor t = {.pub.dtype = foreign ? OINF_U8 : e->type->dtype,
                 .source = (uint32_t)m->sources.n - 1,
                 .offset = h->data + e->begin};
  OI_TRY(shape_of(h, e, &t.pub));
  if (foreign) OI_TRY(note_foreign(h, e, name->at));
  if (strcmp(name->at, e->name) != 0) oi_note(m->ctx, "tensor renamed to '%s'", name->at);
  return oi_model_add_tensor(m, &t, name->at, name->n);
}

static oinf_status add_tensor(header *h, const entry *e) {
  oi_text name;
  oi_text_init(&name, h->model->ctx);
  oi_name_clean(&name, e->name, strlen(e->name));
  oinf_status status = add_named(h, e, &name);
  oi_text_free(&name);
  return status;
}

static int by_wanted(const void *a, const void *b) {
  return strcmp(((const oi_st_name *)a)->name, ((const oi_st_name *)b)->name);
}

static bool is_wanted(const entry *e, const oi_st_name *wanted, size_t n) {
  oi_st_name key = {.name = e->name};
  return !wanted || bsearch(&key, wanted, n, sizeof key, by_wanted) != NULL;
}

// Ten names at most, so that a message stays a message.
static oinf_status find_wanted(header *h, const oi_st_name *wanted, size_t n) {
  oi_text names;
  size_t missing = 0;
  oi_text_init(&names, h->model->ctx);
  for (size_t i = 0; wanted && i < n; i++)
    if (!json_object_get(h->root, wanted[i].name) && missing++ < 10)
      oi_text_put(&names, " '%.80s'", wanted[i].name);
  oinf_status status = OINF_OK;
  if (missing)
    status = refuse(h, "%zu tensors that the index puts here are missing:%s", missing,
                    names.at ? names.at : "");
  oi_text_free(&names);
  return status;
}

static oinf_status fill(header *h, const oi_st_name *wanted, size_t n) {
  size_t foreign = 0;
  OI_TRY(read_json(h));
  OI_TRY(read_entries(h));
  OI_TRY(find_wanted(h, wanted, n));
  if (h->model->sources.n == 1) OI_TRY(add_metadata(h));
  for (size_t i = 0; i < h->entries.n; i++) {
    const entry *e = &h->entries.at[i];
    if (!is_wanted(e, wanted, n)) continue;
    if (e->type->dtype == OINF_NONE && ++foreign > MOST_FOREIGN)
      return oi_fail(h->err, OINF_SUPPORT, "more than %d tensors of foreign dtypes", MOST_FOREIGN);
    OI_TRY(add_tensor(h, e));
  }
  return OINF_OK;
}

oinf_status oi_safetensors_add(oinf_model *m, oi_source source, const oi_st_name *wanted,
                               size_t n) {
  oi_source *slot = oi_vec_push(m->ctx, &m->sources);
  if (!slot) {
    oi_source_close(m->ctx, &source);
    return oi_nomem(oi_ctx_err(m->ctx), sizeof *slot);
  }
  *slot = source;
  header h = {.model = m, .err = oi_ctx_err(m->ctx), .source = slot};
  oinf_status status = fill(&h, wanted, n);
  json_decref(h.root);
  oi_vec_free(m->ctx, &h.entries);
  return status;
}

oinf_status oi_safetensors_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model) {
  oinf_model *m;
  oinf_status status = oi_model_new(ctx, "safetensors", &m);
  if (status != OINF_OK) return oi_source_close(ctx, &source), status;
  status = oi_safetensors_add(m, source, NULL, 0);
  if (status == OINF_OK) status = oi_model_index(m);
  if (status != OINF_OK) return oinf_model_destroy(m), status;
  *out_model = m;
  return OINF_OK;
}
