// See recipe.h. Every rule is checked where it stands, so that a message can give its place.
#include "convert/recipe.h"

#include <fnmatch.h>
#include <string.h>

#include "formats/file.h"
#include "formats/yaml.h"

typedef struct reader {
  oi_recipe *r;
  oinf_ctx *ctx;
  const char *path;
} reader;

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
  if (r->arena.ctx) oi_arena_free(&r->arena);
}

// ---- names with holes ----

enum {
  MAX_HOLES = 4
};
typedef struct hole {
  const char *name, *at;  // "l", and what it stood for
  size_t name_n, n;
} hole;
typedef struct holes {
  hole of[MAX_HOLES];
  size_t count;
} holes;

// The end of a hole that begins here, or NULL.
static const char *hole_end(const char *pattern) {
  return *pattern == '{' ? strchr(pattern, '}') : NULL;
}

static const hole *find_hole(const holes *h, const char *name, size_t n) {
  for (size_t i = 0; i < h->count; i++)
    if (h->of[i].name_n == n && memcmp(h->of[i].name, name, n) == 0) return &h->of[i];
  return NULL;
}

// The holes of a pattern, in order; false where a name stands twice or there are too many.
static bool read_holes(const char *pattern, holes *h) {
  for (h->count = 0; *pattern; pattern++) {
    const char *end = hole_end(pattern);
    if (!end) continue;
    const size_t n = (size_t)(end - pattern - 1);
    if (!n || h->count == MAX_HOLES || find_hole(h, pattern + 1, n)) return false;
    h->of[h->count++] = (hole){.name = pattern + 1, .name_n = n};
    pattern = end;
  }
  return true;
}

// What a hole takes of a name: digits, or the index of a graph's family of tensors.
static size_t taken(const char *name) {
  const char *end = hole_end(name);
  return end ? (size_t)(end - name + 1) : strspn(name, "0123456789");
}

static bool match_holes(const char *pattern, const char *name, holes *h) {
  size_t k = 0;
  if (!read_holes(pattern, h)) return false;
  while (*pattern) {
    const char *end = hole_end(pattern);
    if (!end) {
      if (*pattern++ != *name++) return false;
      continue;
    }
    h->of[k].at = name, h->of[k].n = taken(name);
    if (!h->of[k].n) return false;
    name += h->of[k++].n, pattern = end + 1;
  }
  return *name == 0;
}

static void fill_holes(const char *pattern, const holes *h, oi_text *out) {
  while (*pattern) {
    const char *end = hole_end(pattern);
    const hole *of = end ? find_hole(h, pattern + 1, (size_t)(end - pattern - 1)) : NULL;
    if (of) oi_text_add(out, of->at, of->n), pattern = end + 1;
    else oi_text_add(out, pattern++, 1);
  }
}

// ---- reading ----

static oinf_status misplaced(const reader *in, uint32_t line, uint32_t column, const char *what) {
  return oi_fail(oi_ctx_err(in->ctx), OINF_FORMAT, "'%s', %u:%u: %s", in->path, line, column, what);
}

static oinf_status bad(const reader *in, const oi_yaml *y, const char *what) {
  return misplaced(in, y->line, y->column, what);
}

static oinf_status add(const reader *in, oi_rules *list, const char *match, const char *to) {
  oi_rule *slot = oi_vec_push(in->ctx, list);
  if (!slot) return oi_nomem(oi_ctx_err(in->ctx), sizeof *slot);
  *slot = (oi_rule){match, to};
  return OINF_OK;
}

static const oi_yaml *text_of(const oi_yaml *map, const char *key) {
  const oi_yaml *y = oi_yaml_get(map, key);
  return y && y->kind == OI_YAML_TEXT && *y->text ? y : NULL;
}

static bool is_one_of(const char *text, const char *const *names) {
  for (; *names; names++)
    if (strcmp(text, *names) == 0) return true;
  return false;
}

static bool names_pair(const char *from, const char *to) {
  holes a, b;
  if (!read_holes(from, &a) || !read_holes(to, &b)) return false;
  for (size_t i = 0; i < b.count; i++)
    if (!find_hole(&a, b.of[i].name, b.of[i].name_n)) return false;
  return true;
}

// A list of maps with two keys: a pattern under `first`, and `to`, one of `targets` where they are
// given.
static oinf_status pairs(const reader *in, const oi_yaml *list, const char *first,
                         const char *const *targets, oi_rules *out) {
  if (list->kind != OI_YAML_LIST) return bad(in, list, "a list of rules is wanted");
  for (const oi_yaml *y = list->first; y; y = y->next) {
    const oi_yaml *match = text_of(y, first), *to = text_of(y, "to");
    if (!match || !to || y->n != 2)
      return bad(in, y,
                 targets ? "a rule has `match` and `to`, and nothing else"
                         : "a rule has `from` and `to`, and nothing else");
    if (targets && !is_one_of(to->text, targets))
      return bad(in, to,
                 strcmp(targets[0], "f32") == 0 ? "f32, f16 or bf16 is wanted"
                                                : "q8_0, q4_0 or none is wanted");
    if (!targets && !names_pair(match->text, to->text))
      return bad(in, to,
                 "each {name} stands once in `from`, at most four do, and `to` has no other");
    OI_TRY(add(in, out, match->text, to->text));
  }
  return OINF_OK;
}

static oinf_status drops(const reader *in, const oi_yaml *list) {
  if (list->kind != OI_YAML_LIST) return bad(in, list, "a list of patterns is wanted");
  for (const oi_yaml *y = list->first; y; y = y->next) {
    if (y->kind != OI_YAML_TEXT || !*y->text) return bad(in, y, "a pattern is wanted");
    OI_TRY(add(in, &in->r->drop, y->text, ""));
  }
  return OINF_OK;
}

static oinf_status metadata(const reader *in, const oi_yaml *map) {
  if (map->kind != OI_YAML_MAP) return bad(in, map, "a map is wanted");
  for (const oi_yaml *y = map->first; y; y = y->next) {
    if (y->kind != OI_YAML_TEXT || !*y->text) return bad(in, y, "a key of config.json is wanted");
    OI_TRY(add(in, &in->r->metadata, y->key, y->text));
  }
  return OINF_OK;
}

static oinf_status read_rules(const reader *in, const oi_yaml *root) {
  static const char *const dtypes[] = {"f32", "f16", "bf16", NULL};
  static const char *const quants[] = {"q8_0", "q4_0", "none", NULL};
  oi_recipe *r = in->r;
  if (root->kind != OI_YAML_MAP) return bad(in, root, "a recipe is a map");
  for (const oi_yaml *y = root->first; y; y = y->next) {
    if (strcmp(y->key, "drop") == 0) OI_TRY(drops(in, y));
    else if (strcmp(y->key, "names") == 0) OI_TRY(pairs(in, y, "from", NULL, &r->names));
    else if (strcmp(y->key, "dtype") == 0) OI_TRY(pairs(in, y, "match", dtypes, &r->dtypes));
    else if (strcmp(y->key, "quantize") == 0) OI_TRY(pairs(in, y, "match", quants, &r->quantize));
    else if (strcmp(y->key, "metadata") == 0) OI_TRY(metadata(in, y));
    else
      return misplaced(in, y->key_line, y->key_column,
                       "the keys are drop, names, dtype, quantize, metadata");
  }
  return OINF_OK;
}

oinf_status oi_recipe_load(oi_recipe *r, oinf_ctx *ctx, const char *path) {
  const reader in = {r, ctx, path};
  oi_bytes b;
  const oi_yaml *root;
  OI_TRY(oi_file_slurp(ctx, path, OI_YAML_FILE, &b));
  oinf_status status = oi_yaml_parse(ctx, &r->arena, b.at, b.n, path, &root);
  oi_bytes_free(ctx, &b);
  if (status == OINF_OK) status = read_rules(&in, root);
  if (status != OINF_OK) oi_trail(oi_ctx_err(ctx), "reading recipe '%s'", path);
  return status;
}

// ---- asking ----

static const oi_rule *find_rule(const oi_rules *list, const char *name) {
  for (size_t i = 0; i < list->n; i++)
    if (fnmatch(list->at[i].match, name, 0) == 0) return &list->at[i];
  return NULL;
}

bool oi_recipe_drops(const oi_recipe *r, const char *name) {
  return find_rule(&r->drop, name) != NULL;
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
  const oi_rule *rule = find_rule(&r->dtypes, name);
  return rule ? oinf_dtype_find(rule->to) : OINF_NONE;
}

oinf_dtype oi_recipe_quant(const oi_recipe *r, const char *name, bool *out_ruled, bool *out_exact) {
  const oi_rule *rule = find_rule(&r->quantize, name);
  *out_ruled = rule != NULL;
  *out_exact = rule && !strpbrk(rule->match, "*?[");
  return rule ? oinf_dtype_find(rule->to) : OINF_NONE;
}
