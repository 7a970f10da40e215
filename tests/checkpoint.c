// See checkpoint.h.
#include "tests/checkpoint.h"

#include <math.h>
#include <sys/stat.h>

#include "formats/safetensors.h"
#include "lib/op.h"
#include "tests/test.h"

enum {
  MOST = 256
};

const char *oi_test_path(const char *folder, const char *name) {
  static char full[4][1024];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(full[turn], sizeof full[turn], "%s/%s", folder, name);
  return full[turn];
}

void oi_test_put(const char *folder, const char *name, const void *bytes, size_t n) {
  FILE *f = fopen(oi_test_path(folder, name), "wb");
  CHECK_MSG(f && fwrite(bytes, 1, n, f) == n && fclose(f) == 0, "cannot write %s", name);
}

void oi_case_open(const char *path, oi_case *out) {
  json_error_t why;
  json_t *root = json_load_file(path, 0, &why);
  CHECK_MSG(root, "%s: %s", path, why.text);
  *out = (oi_case){.root = root,
                   .dtype = oinf_dtype_find(json_string_value(json_object_get(root, "dtype"))),
                   .salt = json_string_value(json_object_get(root, "salt")),
                   .scale = json_number_value(json_object_get(root, "scale")),
                   .shards = (int)json_integer_value(json_object_get(root, "shards"))};
  CHECK(out->dtype && out->salt && out->shards > 0);
}

void oi_case_close(oi_case *c) { json_decref(c->root), c->root = NULL; }

static uint32_t fnv(uint32_t h, const char *text) {
  for (; *text; text++) h = (h ^ (uint8_t)*text) * 16777619u;
  return h;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

void oi_case_values(const oi_case *c, const char *name, const int64_t *dims, uint32_t rank,
                    float *out) {
  const int64_t n = rank == 2 ? dims[0] * dims[1] : dims[0];
  const double size = c->scale > 0 ? c->scale : rank == 2 ? 4 / sqrt((double)dims[1]) : 0.5;
  const double base = rank == 1 && ends_with(name, ".weight") ? 1.0 : 0.0;
  uint32_t x = fnv(fnv(2166136261u, c->salt), name);
  for (int64_t i = 0; i < n; i++) {
    x = 1664525u * x + 1013904223u;
    const double u = (double)(x >> 9) / 8388608.0 - 0.5;
    out[i] = (float)(base + u * size);
  }
}

typedef struct list {
  oi_st_tensor of[MOST];
  char name[MOST][96];
  size_t n;
} list;

static void add(const oi_case *c, list *l, const char *name, const json_t *shape) {
  oi_st_tensor *t = &l->of[l->n];
  int64_t dims[2] = {0, 1}, n = 1;
  const uint32_t rank = (uint32_t)json_array_size(shape);
  CHECK(l->n < MOST && rank <= 2);
  for (uint32_t i = 0; i < rank; i++) n *= dims[i] = json_integer_value(json_array_get(shape, i));
  float *wide = malloc((size_t)n * sizeof *wide);
  void *data = malloc((size_t)n * sizeof *wide);
  CHECK(wide && data);
  oi_case_values(c, name, dims, rank, wide);
  const oi_view v = {.data = data, .dtype = c->dtype, .rank = 1, .dim = {n}};
  oi_store_f32(&v, 0, n, wide);
  free(wide);
  snprintf(l->name[l->n], sizeof l->name[0], "%s",
           name + (c->bare && !strncmp(name, "model.", 6) ? 6 : 0));
  *t = (oi_st_tensor){{.name = l->name[l->n], .dtype = c->dtype, .rank = rank}, data};
  memcpy(t->tensor.dims, dims, sizeof dims);
  l->n++;
}

// "model.layers.{l}.x" of as many layers as there are, or a name as it stands.
static void add_family(const oi_case *c, list *l, const json_t *family, const char *without) {
  const char *name = json_string_value(json_array_get(family, 0)), *hole = strstr(name, "{l}");
  const json_t *shape = json_array_get(family, 1);
  const json_int_t layers = hole ? json_integer_value(json_array_get(family, 2)) : 1;
  for (json_int_t i = 0; i < layers; i++) {
    char full[96];
    if (hole) snprintf(full, sizeof full, "%.*s%d%s", (int)(hole - name), name, (int)i, hole + 3);
    else snprintf(full, sizeof full, "%s", name);
    if (!without || !strstr(full, without)) add(c, l, full, shape);
  }
}

static void write_shards(oinf_ctx *ctx, const oi_case *c, list *l, const char *folder) {
  json_t *map = json_object();
  for (int s = 0; s < c->shards; s++) {
    char file[64];
    const size_t from = l->n * (size_t)s / (size_t)c->shards,
                 to = l->n * (size_t)(s + 1) / (size_t)c->shards;
    snprintf(file, sizeof file, "model-%05d-of-%05d.safetensors", s + 1, c->shards);
    for (size_t i = from; i < to; i++) json_object_set_new(map, l->name[i], json_string(file));
    CHECK_INT(oi_safetensors_write(ctx, oi_test_path(folder, file), l->of + from, to - from), 0);
  }
  json_t *index = json_pack("{s:{s:i}, s:o}", "metadata", "total_size", 1, "weight_map", map);
  CHECK(json_dump_file(index, oi_test_path(folder, "model.safetensors.index.json"), 0) == 0);
  json_decref(index);
}

void oi_case_write(oinf_ctx *ctx, const oi_case *c, const char *folder, const char *without) {
  list *l = calloc(1, sizeof *l);
  size_t i;
  json_t *family;
  CHECK(l);
  mkdir(folder, 0777);
  json_array_foreach(json_object_get(c->root, "tensors"), i, family)
      add_family(c, l, family, without);
  if (c->shards > 1) write_shards(ctx, c, l, folder);
  else
    CHECK_INT(oi_safetensors_write(ctx, oi_test_path(folder, "model.safetensors"), l->of, l->n), 0);
  for (size_t k = 0; k < l->n; k++) free((void *)(uintptr_t)l->of[k].data);
  free(l);
  CHECK(json_dump_file(json_object_get(c->root, "config"), oi_test_path(folder, "config.json"),
                       0) == 0);
}
