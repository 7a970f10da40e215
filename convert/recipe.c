// See recipe.h. Every rule is checked where it stands, so that a message can give its place.
#include "convert/recipe.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "convert/holes.h"
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
  oi_vec_free(ctx, &r->transpose);
  oi_vec_free(ctx, &r->split);
  oi_vec_free(ctx, &r->merge);
  oi_vec_free(ctx, &r->names);
  oi_vec_free(ctx, &r->dtypes);
  oi_vec_free(ctx, &r->quantize);
  oi_vec_free(ctx, &r->metadata);
  if (r->arena.ctx) oi_arena_free(&r->arena);
}

// ---- reading ----

static oinf_status misplaced(const reader *in, uint32_t line, uint32_t column, const char *what) {
  return oi_fail(oi_ctx_err(in->ctx), OINF_FORMAT, "'%s', %u:%u: %s", in->path, line, column, what);
}

static oinf_status bad(const reader *in, const oi_yaml *y, const char *what) {
  return misplaced(in, y->line, y->column, what);
}

static oinf_status add(const reader *in, const oi_yaml *at, oi_rules *list, const char *match,
                       const char *to) {
  oi_rule *slot = oi_vec_push(in->ctx, list);
  if (!slot) return oi_nomem(oi_ctx_err(in->ctx), sizeof *slot);
  *slot = (oi_rule){match, to, at->line, at->column};
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
    if (!targets && !oi_holes_pair(match->text, to->text))
      return bad(in, to,
                 "each {name} stands once in `from`, at most four do, and `to` has no other");
    OI_TRY(add(in, y, out, match->text, to->text));
  }
  return OINF_OK;
}

static oinf_status patterns(const reader *in, const oi_yaml *list, oi_rules *out) {
  if (list->kind != OI_YAML_LIST) return bad(in, list, "a list of patterns is wanted");
  for (const oi_yaml *y = list->first; y; y = y->next) {
    if (y->kind != OI_YAML_TEXT || !*y->text) return bad(in, y, "a pattern is wanted");
    OI_TRY(add(in, y, out, y->text, ""));
  }
  return OINF_OK;
}

// A list of names, or of shares, into `out`; *out_n of them.
static oinf_status texts(const reader *in, const oi_yaml *list, const char **out, uint32_t *out_n) {
  uint32_t n = 0;
  if (list->kind != OI_YAML_LIST || list->n < 2 || list->n > OI_JOINT_PARTS)
    return bad(in, list, "a list of 2 to 16 is wanted");
  for (const oi_yaml *y = list->first; y; y = y->next, n++) {
    if (y->kind != OI_YAML_TEXT || !*y->text) return bad(in, y, "a name is wanted");
    out[n] = y->text;
  }
  return *out_n = n, OINF_OK;
}

// The whole's name and the parts' hold the same {names}.
static oinf_status check_holes(const reader *in, const oi_yaml *y, const oi_joint *j) {
  for (uint32_t k = 0; k < j->n; k++)
    if (!oi_holes_pair(j->whole, j->part[k]) || !oi_holes_pair(j->part[k], j->whole))
      return bad(in, y, "the same {names} stand in `from` and in `to`, each once, at most four");
  return OINF_OK;
}

static oinf_status joint(const reader *in, const oi_yaml *y, bool merges, oi_joints *out) {
  const oi_yaml *whole = text_of(y, merges ? "to" : "from"),
                *parts = oi_yaml_get(y, merges ? "from" : "to"),
                *shares = merges ? NULL : oi_yaml_get(y, "parts");
  oi_joint *j = oi_vec_push(in->ctx, out);
  uint32_t n;
  if (!j) return oi_nomem(oi_ctx_err(in->ctx), sizeof *j);
  if (!whole || !parts || y->n != 2u + (shares != NULL))
    return bad(in, y,
               merges ? "a rule has `from`, a list, and `to`, a name"
                      : "a rule has `from`, a name, `to`, a list, and `parts` or not");
  *j = (oi_joint){.whole = whole->text, .line = y->line, .column = y->column};
  OI_TRY(texts(in, parts, j->part, &j->n));
  if (shares) OI_TRY(texts(in, shares, j->share, &n));
  if (shares && n != j->n) return bad(in, shares, "as many parts as names in `to` are wanted");
  return check_holes(in, y, j);
}

static oinf_status joints(const reader *in, const oi_yaml *list, bool merges, oi_joints *out) {
  if (list->kind != OI_YAML_LIST) return bad(in, list, "a list of rules is wanted");
  for (const oi_yaml *y = list->first; y; y = y->next) OI_TRY(joint(in, y, merges, out));
  return OINF_OK;
}

static oinf_status metadata(const reader *in, const oi_yaml *map) {
  if (map->kind != OI_YAML_MAP) return bad(in, map, "a map is wanted");
  for (const oi_yaml *y = map->first; y; y = y->next) {
    if (y->kind != OI_YAML_TEXT || !*y->text) return bad(in, y, "a key of config.json is wanted");
    OI_TRY(add(in, y, &in->r->metadata, y->key, y->text));
  }
  return OINF_OK;
}

static oinf_status read_rules(const reader *in, const oi_yaml *root) {
  static const char *const dtypes[] = {"f32", "f16", "bf16", NULL};
  static const char *const quants[] = {"q8_0", "q4_0", "none", NULL};
  oi_recipe *r = in->r;
  if (root->kind != OI_YAML_MAP) return bad(in, root, "a recipe is a map");
  for (const oi_yaml *y = root->first; y; y = y->next) {
    if (strcmp(y->key, "drop") == 0) OI_TRY(patterns(in, y, &r->drop));
    else if (strcmp(y->key, "transpose") == 0) OI_TRY(patterns(in, y, &r->transpose));
    else if (strcmp(y->key, "split") == 0) OI_TRY(joints(in, y, false, &r->split));
    else if (strcmp(y->key, "merge") == 0) OI_TRY(joints(in, y, true, &r->merge));
    else if (strcmp(y->key, "names") == 0) OI_TRY(pairs(in, y, "from", NULL, &r->names));
    else if (strcmp(y->key, "dtype") == 0) OI_TRY(pairs(in, y, "match", dtypes, &r->dtypes));
    else if (strcmp(y->key, "quantize") == 0) OI_TRY(pairs(in, y, "match", quants, &r->quantize));
    else if (strcmp(y->key, "metadata") == 0) OI_TRY(metadata(in, y));
    else
      return misplaced(in, y->key_line, y->key_column,
                       "the keys are drop, transpose, split, merge, names, dtype, quantize, "
                       "metadata");
  }
  return OINF_OK;
}

static bool is_name(const char *path) { return *path && !strpbrk(path, "./"); }

static oinf_status slurp_from(oinf_ctx *ctx, const char *folder, const char *name, oi_bytes *out) {
  char file[NAME_MAX + 1];
  oi_folder f = {.fd = -1};
  const int n = snprintf(file, sizeof file, "%s.yaml", name);
  oinf_status status = OINF_NOINPUT;
  if (n < (int)sizeof file && oi_file_is_folder(folder)) OI_TRY(oi_folder_open(ctx, folder, &f));
  if (f.path && oi_folder_has(&f, file)) status = oi_folder_slurp(ctx, &f, file, OI_YAML_FILE, out);
  else
    oi_fail(oi_ctx_err(ctx), status, "no recipe '%.64s' is in '%s'; a file's path has a . or a /",
            name, folder);
  oi_folder_close(ctx, &f);
  return status;
}

static oinf_status slurp_named(oinf_ctx *ctx, const char *name, oi_bytes *out) {
  oi_text folder;
  oi_text_init(&folder, ctx);
  oinf_status status = oi_file_installed(ctx, "share/oinf/recipes", &folder);
  if (status == OINF_OK) status = slurp_from(ctx, folder.at, name, out);
  oi_text_free(&folder);
  return status;
}

oinf_status oi_recipe_load(oi_recipe *r, oinf_ctx *ctx, const char *path) {
  const reader in = {r, ctx, path};
  oi_bytes b;
  const oi_yaml *root;
  r->path = path;
  if (is_name(path)) OI_TRY(slurp_named(ctx, path, &b));
  else OI_TRY(oi_file_slurp(ctx, path, OI_YAML_FILE, &b));
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

const oi_rule *oi_recipe_transposes(const oi_recipe *r, const char *name) {
  return find_rule(&r->transpose, name);
}

bool oi_recipe_name(const oi_recipe *r, const char *name, oi_text *out) {
  oi_holes h;
  for (size_t i = 0; i < r->names.n; i++) {
    if (!oi_holes_match(r->names.at[i].match, name, &h)) continue;
    oi_holes_fill(r->names.at[i].to, &h, out);
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
