// The model's tables: tensors, metadata, blobs and graphs, filled by formats or by a program, and
// looked up by name through sorted arrays. Not hashed: a binary search has no worst case to attack,
// and a package brings its sorted index along. Values that are replaced stay in the arena until the
// model goes; blobs, which may be large, do not. Reading bytes is in lib/model_read.c.
#include "lib/model.h"
#include "lib/op.h"

#include <stdlib.h>
#include <string.h>

oinf_status oi_model_new(oinf_ctx *ctx, const char *format, oinf_model **out_model) {
  oinf_model *m = oi_alloc(ctx, sizeof *m);
  if (!m) return oi_nomem(oi_ctx_err(ctx), sizeof *m);
  m->ctx = ctx;
  m->format = format;
  oi_arena_init(&m->arena, ctx);
  *out_model = m;
  return OINF_OK;
}

oinf_status oinf_model_create(oinf_ctx *ctx, oinf_model **out_model) {
  return oi_model_new(ctx, "memory", out_model);
}

static void free_blob(oinf_ctx *ctx, oi_blob *b) {
  if (b->room) oi_free(ctx, (void *)(uintptr_t)b->pub.data, b->room);
}

void oinf_model_destroy(oinf_model *m) {
  if (!m) return;
  oinf_ctx *ctx = m->ctx;
  for (size_t i = 0; i < m->sources.n; i++) oi_source_close(ctx, &m->sources.at[i]);
  for (size_t i = 0; i < m->blobs.n; i++) free_blob(ctx, &m->blobs.at[i]);
  oi_vec_free(ctx, &m->sources);
  oi_vec_free(ctx, &m->tensors);
  oi_vec_free(ctx, &m->by_name);
  oi_vec_free(ctx, &m->meta);
  oi_vec_free(ctx, &m->blobs);
  oi_vec_free(ctx, &m->graphs);
  oi_vec_free(ctx, &m->golden);
  oi_vec_free(ctx, &m->states);
  oi_vec_free(ctx, &m->extras);
  oi_arena_free(&m->arena);
  oi_free(ctx, m, sizeof *m);
}

const char *oinf_model_format(const oinf_model *m) { return m->format; }

static oinf_status out_of_memory(oinf_model *m, size_t size) {
  return oi_nomem(oi_ctx_err(m->ctx), size);
}

// ---- tensors ----

bool oi_tensor_bytes(oinf_dtype dtype, uint32_t rank, const int64_t *dims, uint64_t *out_bytes) {
  const uint64_t block = oinf_dtype_block(dtype);
  uint64_t count = 1, bound = 1;
  if (oinf_dtype_block_bytes(dtype) == 0 || rank > OINF_MAX_RANK) return false;
  for (uint32_t i = 0; i < rank; i++) {
    if (dims[i] < 0 || dims[i] > OI_MODEL_DIM_MAX) return false;
    uint64_t d = (uint64_t)dims[i];
    // A zero elsewhere must not hide a product that wraps.
    if (!oi_mul_u64(bound, d ? d : 1, &bound) || bound > OI_MODEL_ELEMENTS_MAX) return false;
    count *= d;
  }
  if (block > 1 && (rank == 0 || (uint64_t)dims[rank - 1] % block != 0)) return false;
  *out_bytes = count / block * oinf_dtype_block_bytes(dtype);
  return true;
}

// The limits of a shape keep the padded one below 2^50 bytes.
bool oi_tensor_stored(const oi_tensor *t, uint64_t *out_bytes) {
  const oi_dot_type type = oi_dtype_dot(t->pub.dtype);
  if (!oi_tensor_bytes(t->pub.dtype, t->pub.rank, t->pub.dims, out_bytes)) return false;
  if (t->layout == OI_LAYOUT_ROWS) return true;
  if (t->layout != OI_LAYOUT_GROUPS || t->kind != OI_TENSOR_BYTES || t->pub.rank != 2 ||
      *out_bytes == 0 || (type != OI_DOT_Q8_0 && type != OI_DOT_Q4_0))
    return false;
  *out_bytes = (uint64_t)(oi_groups(t->pub.dims[0]) * oi_group_bytes(t->pub.dims[1], type));
  return true;
}

oinf_status oi_tensor_plain(oi_err *err, const oi_tensor *t) {
  if (t->layout == OI_LAYOUT_ROWS) return OINF_OK;
  return oi_fail(err, OINF_SUPPORT,
                 "tensor '%s' lies in groups of %d rows, for the bundle that it was written for",
                 t->pub.name, OI_GROUP);
}

bool oi_tensor_seed_ok(const oi_tensor *t) {
  uint32_t width = oinf_dtype_block_bytes(t->pub.dtype) * 8;
  switch (t->kind) {
    case OI_TENSOR_SPLAT:
      if (oinf_dtype_block(t->pub.dtype) != 1) return false;
      if (t->pub.dtype == OINF_BOOL) return t->seed <= 1;
      return width >= 64 || t->seed >> width == 0;
    case OI_TENSOR_NOISE: return t->seed >> 56 <= OI_NOISE_SCALE_MAX;
    case OI_TENSOR_BYTES: return t->seed == 0;
  }
  return false;
}

oinf_status oi_model_add_tensor(oinf_model *m, const oi_tensor *t, const char *name,
                                size_t name_size) {
  oi_err *err = oi_ctx_err(m->ctx);
  uint64_t bytes;
  if (!oi_tensor_stored(t, &bytes))
    return oi_fail(err, OINF_FORMAT, "tensor '%.*s': %s of rank %u and these dims cannot be",
                   (int)(name_size < 512 ? name_size : 512), name, oinf_dtype_name(t->pub.dtype),
                   t->pub.rank);
  if (!oi_tensor_seed_ok(t))
    return oi_fail(err, OINF_FORMAT, "tensor '%.*s': its seed does not suit its kind and dtype",
                   (int)(name_size < 512 ? name_size : 512), name);
  char *copy = oi_arena_text(&m->arena, name, name_size);
  oi_tensor *at = copy ? oi_vec_push(m->ctx, &m->tensors) : NULL;
  if (!at) return out_of_memory(m, sizeof *at);
  *at = *t;
  at->pub.name = copy;
  at->pub.bytes = bytes;
  return OINF_OK;
}

typedef struct named {
  const char *name;
  uint32_t id;
} named;

static int compare_named(const void *a, const void *b) {
  return strcmp(((const named *)a)->name, ((const named *)b)->name);
}

static oinf_status refuse_twice(oinf_model *m, const named *list, size_t n) {
  for (size_t i = 1; i < n; i++)
    if (compare_named(&list[i - 1], &list[i]) == 0)
      return oi_fail(oi_ctx_err(m->ctx), OINF_FORMAT, "two tensors are named '%s'", list[i].name);
  return OINF_OK;
}

oinf_status oi_model_index(oinf_model *m) {
  const size_t n = m->tensors.n, size = n * sizeof(named);
  named *list = oi_alloc(m->ctx, size);
  if (!list) return out_of_memory(m, size);
  for (size_t i = 0; i < n; i++) list[i] = (named){m->tensors.at[i].pub.name, (uint32_t)i};
  if (n) qsort(list, n, sizeof *list, compare_named);
  oinf_status status = refuse_twice(m, list, n);
  m->by_name.n = 0;
  for (size_t i = 0; i < n && status == OINF_OK; i++) {
    uint32_t *at = oi_vec_push(m->ctx, &m->by_name);
    if (!at) status = out_of_memory(m, size);
    else *at = list[i].id;
  }
  oi_free(m->ctx, list, size);
  return status;
}

// The place of `name` in by_name, or where it would stand.
static bool find_tensor(const oinf_model *m, const char *name, size_t *out_at) {
  size_t lo = 0, hi = m->by_name.n;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    int c = strcmp(m->tensors.at[m->by_name.at[mid]].pub.name, name);
    if (c == 0) return *out_at = mid, true;
    if (c < 0) lo = mid + 1;
    else hi = mid;
  }
  *out_at = lo;
  return false;
}

int64_t oi_model_tensor_id(const oinf_model *m, const char *name) {
  size_t at;
  return name && find_tensor(m, name, &at) ? (int64_t)m->by_name.at[at] : -1;
}

uint32_t oinf_model_tensor_count(const oinf_model *m) { return (uint32_t)m->tensors.n; }

const oinf_tensor *oinf_model_tensor(const oinf_model *m, uint32_t index) {
  return index < m->tensors.n ? &m->tensors.at[index].pub : NULL;
}

const oinf_tensor *oinf_model_find(const oinf_model *m, const char *name) {
  int64_t id = oi_model_tensor_id(m, name);
  return id < 0 ? NULL : &m->tensors.at[id].pub;
}

static oinf_status index_added(oinf_model *m, size_t at) {
  uint32_t *last = oi_vec_push(m->ctx, &m->by_name);
  if (!last) return out_of_memory(m, sizeof *last);
  uint32_t *place = m->by_name.at + at;
  memmove(place + 1, place, (size_t)(last - place) * sizeof *place);
  *place = (uint32_t)(m->tensors.n - 1);
  return OINF_OK;
}

oinf_status oinf_model_add(oinf_model *m, const char *name, oinf_dtype dtype, uint32_t rank,
                           const int64_t *dims, const void *data) {
  oi_err *err = oi_ctx_err(m->ctx);
  oi_tensor t = {.pub = {.dtype = dtype, .rank = rank}, .source = (uint32_t)m->sources.n};
  uint64_t bytes;
  size_t place;
  if (!name || !*name || rank > OINF_MAX_RANK || (rank && !dims))
    return oi_fail(err, OINF_USAGE, "a tensor wants a name and at most %d dims", OINF_MAX_RANK);
  if (find_tensor(m, name, &place))
    return oi_fail(err, OINF_USAGE, "the model has a tensor '%s' already", name);
  if (rank) memcpy(t.pub.dims, dims, rank * sizeof *dims);
  if (!oi_tensor_bytes(dtype, rank, t.pub.dims, &bytes))
    return oi_fail(err, OINF_USAGE, "tensor '%s': %s of rank %u and these dims cannot be", name,
                   oinf_dtype_name(dtype), rank);
  if (bytes && !data) return oi_fail(err, OINF_USAGE, "tensor '%s' comes without bytes", name);
  oi_source *source = oi_vec_push(m->ctx, &m->sources);
  if (!source) return out_of_memory(m, sizeof *source);
  *source = (oi_source){.fd = -1, .map = data, .size = bytes};
  oinf_status status = oi_model_add_tensor(m, &t, name, strlen(name));
  if (status == OINF_OK && (status = index_added(m, place)) != OINF_OK) m->tensors.n--;
  if (status != OINF_OK) m->sources.n--;
  return status;
}

// ---- metadata, blobs: arrays sorted by a name that stands first in each item ----

static bool find_key(const void *items, size_t n, size_t item, const char *key, size_t *out_at) {
  size_t lo = 0, hi = n;
  while (lo < hi) {
    size_t mid = lo + (hi - lo) / 2;
    int c = strcmp(*(char *const *)(const void *)((const char *)items + mid * item), key);
    if (c == 0) return *out_at = mid, true;
    if (c < 0) lo = mid + 1;
    else hi = mid;
  }
  *out_at = lo;
  return false;
}
#define FIND(v, key, out_at) find_key((v)->at, (v)->n, sizeof *(v)->at, key, out_at)

// Makes room for item `at`; the vector has been grown by one.
static void open_gap(void *items, size_t n, size_t item, size_t at) {
  char *place = (char *)items + at * item;
  memmove(place + item, place, (n - 1 - at) * item);
  memset(place, 0, item);
}

const char *oinf_model_meta(const oinf_model *m, const char *key) {
  size_t at;
  return key && FIND(&m->meta, key, &at) ? m->meta.at[at].value : NULL;
}

uint32_t oinf_model_meta_count(const oinf_model *m) { return (uint32_t)m->meta.n; }

const char *oinf_model_meta_at(const oinf_model *m, uint32_t index, const char **out_key) {
  if (index >= m->meta.n) return NULL;
  if (out_key) *out_key = m->meta.at[index].key;
  return m->meta.at[index].value;
}

oinf_status oinf_model_set_meta(oinf_model *m, const char *key, const char *value) {
  size_t at;
  if (!key || !*key || !value)
    return oi_fail(oi_ctx_err(m->ctx), OINF_USAGE, "metadata wants a key and a value");
  char *copy = oi_arena_text(&m->arena, value, strlen(value));
  if (!copy) return out_of_memory(m, strlen(value));
  if (!FIND(&m->meta, key, &at)) {
    char *name = oi_arena_text(&m->arena, key, strlen(key));
    oi_meta *last = name ? oi_vec_push(m->ctx, &m->meta) : NULL;
    if (!last) return out_of_memory(m, sizeof *last);
    open_gap(m->meta.at, m->meta.n, sizeof(oi_meta), at);
    m->meta.at[at].key = name;
  }
  m->meta.at[at].value = copy;
  return OINF_OK;
}

const oinf_blob *oinf_model_blob(const oinf_model *m, const char *name) {
  size_t at;
  return name && FIND(&m->blobs, name, &at) ? &m->blobs.at[at].pub : NULL;
}

uint32_t oinf_model_blob_count(const oinf_model *m) { return (uint32_t)m->blobs.n; }

const oinf_blob *oinf_model_blob_at(const oinf_model *m, uint32_t index) {
  return index < m->blobs.n ? &m->blobs.at[index].pub : NULL;
}

static oinf_status place_blob(oinf_model *m, const char *name, oi_blob **out) {
  size_t at;
  if (!FIND(&m->blobs, name, &at)) {
    char *copy = oi_arena_text(&m->arena, name, strlen(name));
    oi_blob *last = copy ? oi_vec_push(m->ctx, &m->blobs) : NULL;
    if (!last) return out_of_memory(m, sizeof *last);
    open_gap(m->blobs.at, m->blobs.n, sizeof(oi_blob), at);
    m->blobs.at[at].pub.name = copy;
  }
  *out = &m->blobs.at[at];
  return OINF_OK;
}

oinf_status oinf_model_set_blob(oinf_model *m, const char *name, const void *data, size_t size) {
  if (!name || !*name || (size && !data))
    return oi_fail(oi_ctx_err(m->ctx), OINF_USAGE, "a blob wants a name and bytes");
  const size_t room = size ? size : 1;
  void *copy = oi_alloc(m->ctx, room);
  if (!copy) return out_of_memory(m, room);
  if (size) memcpy(copy, data, size);
  oi_blob *blob = NULL;
  oinf_status status = place_blob(m, name, &blob);
  if (status != OINF_OK) return oi_free(m->ctx, copy, room), status;
  free_blob(m->ctx, blob);
  blob->pub.data = copy, blob->pub.size = size, blob->room = room;
  blob->sha256 = NULL;
  return OINF_OK;
}

// ---- graphs, in the order they came ----

uint32_t oinf_model_graph_count(const oinf_model *m) { return (uint32_t)m->graphs.n; }

const char *oinf_model_graph_text(const oinf_model *m, uint32_t index, const char **out_name) {
  if (index >= m->graphs.n) return NULL;
  if (out_name) *out_name = m->graphs.at[index].name;
  return m->graphs.at[index].text;
}

oinf_status oi_model_set_graph(oinf_model *m, const char *name, const char *text, size_t size) {
  size_t at = 0;
  char *copy = oi_arena_text(&m->arena, text, size);
  char *title = oi_arena_text(&m->arena, name, strlen(name));
  if (!copy || !title) return out_of_memory(m, size);
  while (at < m->graphs.n && strcmp(m->graphs.at[at].name, name) != 0) at++;
  oi_graph_text *graph = at < m->graphs.n ? &m->graphs.at[at] : oi_vec_push(m->ctx, &m->graphs);
  if (!graph) return out_of_memory(m, size);
  *graph = (oi_graph_text){title, copy, size};
  return OINF_OK;
}
