// The index of a sharded checkpoint: {"weight_map": {"tensor": "shard file", ...}}. The names are
// sorted by shard, each shard is opened once, and what it holds beside the names is ignored. Names
// of shards are plain names beside the index; formats/file.c sees to that.
#include "formats/json.h"
#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

typedef OI_VEC(oi_st_name) name_vec;

static int by_shard(const void *a, const void *b) {
  const oi_st_name *x = a, *y = b;
  int c = strcmp(x->shard, y->shard);
  return c ? c : strcmp(x->name, y->name);
}

static oinf_status take_map(oinf_model *m, const json_t *root, const char *index, name_vec *names) {
  oi_err *err = oi_ctx_err(m->ctx);
  const json_t *map = json_object_get(root, "weight_map");
  if (!json_is_object(map))
    return oi_fail(err, OINF_FORMAT, "'%s' holds no object weight_map", index);
  for (void *i = json_object_iter((json_t *)(uintptr_t)map); i;
       i = json_object_iter_next((json_t *)(uintptr_t)map, i)) {
    oi_st_name *name = oi_vec_push(m->ctx, names);
    if (!name) return oi_nomem(err, sizeof *name);
    name->name = json_object_iter_key(i);
    name->shard = json_string_value(json_object_iter_value(i));
    if (!name->shard)
      return oi_fail(err, OINF_FORMAT, "'%s': '%.200s' must name its shard by a string", index,
                     name->name);
  }
  if (names->n) qsort(names->at, names->n, sizeof *names->at, by_shard);
  return OINF_OK;
}

static oinf_status add_shard(oinf_model *m, const oi_folder *f, const oi_st_name *names,
                             size_t n) {
  oi_source source;
  OI_TRY_AT(oi_ctx_err(m->ctx), oi_folder_file(m->ctx, f, names->shard, &source),
            "opening the shard of %zu tensors", n);
  return oi_safetensors_add(m, source, names, n);
}

static oinf_status add_shards(oinf_model *m, const oi_folder *f, const name_vec *names) {
  for (size_t at = 0, n; at < names->n; at += n) {
    const oi_st_name *first = names->at + at;
    for (n = 1; at + n < names->n && strcmp(first->shard, first[n].shard) == 0;) n++;
    OI_TRY(add_shard(m, f, first, n));
  }
  return OINF_OK;
}

static oinf_status add_parsed(oinf_model *m, const oi_folder *f, const json_t *root,
                              const char *index) {
  name_vec names = {0};
  oinf_status status = take_map(m, root, index, &names);
  if (status == OINF_OK) status = add_shards(m, f, &names);
  oi_vec_free(m->ctx, &names);
  return status;
}

oinf_status oi_safetensors_add_index(oinf_model *m, const oi_folder *f, const char *index) {
  oi_bytes text;
  json_t *root;
  OI_TRY(oi_folder_slurp(m->ctx, f, index, OI_JSON_INDEX, &text));
  oinf_status status = oi_json_parse(m->ctx, text.at, text.n, OI_JSON_STRICT, index, &root);
  oi_bytes_free(m->ctx, &text);
  OI_TRY(status);
  status = add_parsed(m, f, root, index);
  json_decref(root);
  return status;
}
