// See recipe.h. A layer pattern {l} stands for a number; what it stood for goes into the new name.
#include "convert/recipe.h"

#include <fnmatch.h>
#include <string.h>

#include "formats/file.h"
#include "formats/yaml.h"

typedef OI_VEC(oi_rule) rules;

void oi_recipe_init(oi_recipe *r, oinf_ctx *ctx) {
  *r = (oi_recipe){0};
  oi_arena_init(&r->arena, ctx);
}

void oi_recipe_free(oi_recipe *r, oinf_ctx *ctx) {
  oi_vec_free(ctx, &r->drop);
  oi_vec_free(ctx, &r->names);
  oi_vec_free(ctx, &r->dtypes);
  oi_vec_free(ctx, &r->quantize);
  oi_vec_free(ctx, &r->metadata);
  oi_arena_free(&r->arena);
}

static oinf_status misplaced(oinf_ctx *ctx, const oi_yaml *y, const char *what) {
  return oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "recipe, %u:%u: %s", y->line, y->column, what);
}

static oinf_status add(oinf_ctx *ctx, void *list, const char *match, const char *to) {
  rules *v = list;
  oi_rule *slot = oi_vec_push(ctx, v);
  if (!slot) return oi_nomem(oi_ctx_err(ctx), sizeof *slot);
  *slot = (oi_rule){match, to};
  return OINF_OK;
}

static const char *text_of(const oi_yaml *map, const char *key) {
  const oi_yaml *y = oi_yaml_get(map, key);
  return y && y->kind == OI_YAML_TEXT ? y->text : NULL;
}

// A list of maps with two keys.
static oinf_status pairs(oinf_ctx *ctx, const oi_yaml *list, const char *first, void *out) {
  if (list->kind != OI_YAML_LIST) return misplaced(ctx, list, "a list is wanted");
  for (const oi_yaml *y = list->first; y; y = y->next) {
    const char *match = text_of(y, first), *to = text_of(y, "to");
    if (!match || !to || y->n != 2)
      return misplaced(ctx, y, "a rule has a pattern and `to`, and nothing else");
    OI_TRY(add(ctx, out, match, to));
  }
  return OINF_OK;
}

static oinf_status drops(oinf_ctx *ctx, const oi_yaml *list, oi_recipe *r) {
  if (list->kind != OI_YAML_LIST) return misplaced(ctx, list, "a list is wanted");
  for (const oi_yaml *y = list->first; y; y = y->next) {
    if (y->kind != OI_YAML_TEXT) return misplaced(ctx, y, "a pattern is wanted");
    OI_TRY(add(ctx, &r->drop, y->text, ""));
  }
  return OINF_OK;
}

static oinf_status metadata(oinf_ctx *ctx, const oi_yaml *map, oi_recipe *r) {
  if (map->kind != OI_YAML_MAP) return misplaced(ctx, map, "a map is wanted");
  for (const oi_yaml *y = map->first; y; y = y->next) {
    if (y->kind != OI_YAML_TEXT) return misplaced(ctx, y, "a key of config.json is wanted");
    OI_TRY(add(ctx, &r->metadata, y->key, y->text));
  }
  return OINF_OK;
}

static bool is_one_of(const char *text, const char *const *names) {
  for (; *names; names++)
    if (strcmp(text, *names) == 0) return true;
  return false;
}

static oinf_status check_targets(oinf_ctx *ctx, const oi_recipe *r) {
  static const char *const dtypes[] = {"f32", "f16", "bf16", NULL}, *const quants[] = {
                                                                        "q8_0", "q4_0", "none",
                                                                        NULL};
  for (size_t i = 0; i < r->dtypes.n; i++)
    if (!is_one_of(r->dtypes.at[i].to, dtypes))
      return oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "recipe: dtype '%s' is none of f32, f16, bf16",
                     r->dtypes.at[i].to);
  for (size_t i = 0; i < r->quantize.n; i++)
    if (!is_one_of(r->quantize.at[i].to, quants))
      return oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "recipe: '%s' is none of q8_0, q4_0, none",
                     r->quantize.at[i].to);
  return OINF_OK;
}

static oinf_status read_rules(oi_recipe *r, oinf_ctx *ctx, const oi_yaml *root) {
  if (root->kind != OI_YAML_MAP) return misplaced(ctx, root, "a recipe is a map");
  for (const oi_yaml *y = root->first; y; y = y->next) {
    if (strcmp(y->key, "drop") == 0) OI_TRY(drops(ctx, y, r));
    else if (strcmp(y->key, "names") == 0) OI_TRY(pairs(ctx, y, "from", &r->names));
    else if (strcmp(y->key, "dtype") == 0) OI_TRY(pairs(ctx, y, "match", &r->dtypes));
    else if (strcmp(y->key, "quantize") == 0) OI_TRY(pairs(ctx, y, "match", &r->quantize));
    else if (strcmp(y->key, "metadata") == 0) OI_TRY(metadata(ctx, y, r));
    else return misplaced(ctx, y, "the keys are drop, names, dtype, quantize, metadata");
  }
  return check_targets(ctx, r);
}

oinf_status oi_recipe_load(oi_recipe *r, oinf_ctx *ctx, const char *path) {
  oi_bytes b;
  const oi_yaml *root;
  OI_TRY(oi_file_slurp(ctx, path, OI_YAML_FILE, &b));
  oinf_status status = oi_yaml_parse(ctx, &r->arena, b.at, b.n, path, &root);
  oi_bytes_free(ctx, &b);
  if (status == OINF_OK) status = read_rules(r, ctx, root);
  if (status != OINF_OK) oi_trail(oi_ctx_err(ctx), "reading recipe '%s'", path);
  return status;
}

// ---- matching ----

bool oi_recipe_drops(const oi_recipe *r, const char *name) {
  for (size_t i = 0; i < r->drop.n; i++)
    if (fnmatch(r->drop.at[i].match, name, 0) == 0) return true;
  return false;
}

// Matches a pattern in which {x} stands for digits; what each stood for goes to begin[], n[].
enum {
  MAX_HOLES = 4
};
typedef struct holes {
  const char *name[MAX_HOLES], *at[MAX_HOLES];
  size_t name_n[MAX_HOLES], n[MAX_HOLES], count;
} holes;

static bool match_holes(const char *pattern, const char *name, holes *h) {
  h->count = 0;
  while (*pattern) {
    const char *close = *pattern == '{' ? strchr(pattern, '}') : NULL;
    if (!close || h->count == MAX_HOLES) {
      if (*pattern++ != *name++) return false;
      continue;
    }
    size_t n = strspn(name, "0123456789");
    if (!n) return false;
    h->name[h->count] = pattern + 1, h->name_n[h->count] = (size_t)(close - pattern - 1);
    h->at[h->count] = name, h->n[h->count++] = n;
    name += n, pattern = close + 1;
  }
  return *name == 0;
}

static void fill_holes(const char *pattern, const holes *h, oi_text *out) {
  while (*pattern) {
    const char *close = *pattern == '{' ? strchr(pattern, '}') : NULL;
    size_t k = 0;
    for (; close && k < h->count; k++)
      if (h->name_n[k] == (size_t)(close - pattern - 1) &&
          memcmp(h->name[k], pattern + 1, h->name_n[k]) == 0)
        break;
    if (close && k < h->count) oi_text_add(out, h->at[k], h->n[k]), pattern = close + 1;
    else oi_text_add(out, pattern++, 1);
  }
}

bool oi_recipe_name(const oi_recipe *r, const char *name, oi_text *out) {
  holes h;
  for (size_t i = 0; i < r->names.n; i++) {
    if (!match_holes(r->names.at[i].match, name, &h)) continue;
    fill_holes(r->names.at[i].to, &h, out);
    return !out->failed;
  }
  oi_text_add(out, name, strlen(name));
  return !out->failed;
}

oinf_dtype oi_recipe_dtype(const oi_recipe *r, const char *name) {
  for (size_t i = 0; i < r->dtypes.n; i++)
    if (fnmatch(r->dtypes.at[i].match, name, 0) == 0) return oinf_dtype_find(r->dtypes.at[i].to);
  return OINF_NONE;
}

oinf_dtype oi_recipe_quant(const oi_recipe *r, const char *name, bool *out_ruled) {
  *out_ruled = true;
  for (size_t i = 0; i < r->quantize.n; i++)
    if (fnmatch(r->quantize.at[i].match, name, 0) == 0)
      return oinf_dtype_find(r->quantize.at[i].to);
  *out_ruled = false;
  return OINF_NONE;
}
