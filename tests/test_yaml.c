// YAML: the tree of a recipe, everything that is refused with its place, and that hostile text of
// the greatest size costs little.
#include "formats/yaml.h"
#include "tests/test.h"

#include <locale.h>
#include <time.h>

static oinf_ctx *ctx;
static oi_arena arena;

static oinf_status parse(const char *text, size_t n, const oi_yaml **out) {
  if (!ctx) CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  else oi_arena_free(&arena);
  oinf_error_clear(ctx);
  oi_arena_init(&arena, ctx);
  return oi_yaml_parse(ctx, &arena, text, n, "r.yaml", out);
}

static const oi_yaml *good(const char *text) {
  const oi_yaml *root = NULL;
  CHECK_MSG(parse(text, strlen(text), &root) == OINF_OK, "%s: %s", text, oinf_error(ctx));
  return root;
}

TEST(yaml, gives_the_tree_of_a_recipe) {
  const oi_yaml *r = good(
      "# a recipe\n"
      "match: {model_type: llama}\n"
      "tensors:\n"
      "  - from: \"model.layers.{l}.x\"\n"
      "    to: blk.{l}\n"
      "    dtype: f16\n"
      "  - 'it''s'\n"
      "  - |\n"
      "    two\n"
      "    lines\n"
      "empty:\n"
      "n: 3\n");
  CHECK_INT(r->kind, OI_YAML_MAP);
  CHECK_INT(r->n, 4);
  CHECK_STR(oi_yaml_get(oi_yaml_get(r, "match"), "model_type")->text, "llama");
  const oi_yaml *t = oi_yaml_get(r, "tensors");
  CHECK_INT(t->kind, OI_YAML_LIST);
  CHECK_INT(t->n, 3);
  CHECK_INT(t->key_line, 3);
  CHECK_INT(t->first->line, 4);
  CHECK_INT(t->first->column, 5);
  CHECK(oi_yaml_get(t->first, "from")->quoted);
  CHECK_STR(t->first->first->next->key, "to");
  CHECK_STR(t->first->next->text, "it's");
  CHECK_STR(t->first->next->next->text, "two\nlines\n");
  CHECK_STR(oi_yaml_get(r, "empty")->text, "");
  CHECK(!oi_yaml_get(r, "none") && !oi_yaml_get(t, "from") && !oi_yaml_get(NULL, "x"));
}

TEST(yaml, an_empty_document_is_an_empty_map) {
  static const char *const texts[] = {"", "# nothing\n", "---\n", "--- {}\n", "\n\n"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const oi_yaml *r = good(texts[i]);
    CHECK(r->kind == OI_YAML_MAP && r->n == 0);
  }
}

TEST(yaml, refuses_with_place) {
  static const struct { const char *text, *place; } rows[] = {
      {"a: &x 1\n", "1:4: anchors"},          {"a: *x\n", "1:4: aliases"},
      {"a: !t 1\n", "1:4: tags"},             {"a: !!str 1\n", "1:4: tags"},
      {"a: ! 1\n", "1:4: tags"},              {"a: &x {}\n", "1:4: anchors"},
      {"a: !m {}\n", "1:4: tags"},            {"a: &x []\n", "1:4: anchors"},
      {"%YAML 1.1\n---\na: 1\n", "directives"},
      {"%TAG ! !x\n---\na: 1\n", "directives"},
      {"a: 1\n---\nb: 2\n", "2:1: a second document"},
      {"a: 1\n\nb: 2\na: 3\n", "4:1: the key 'a' stands twice"},
      {"{a: 1, \"\\x61\": 3}", "1:8: the key 'a' stands twice"},
      {"<<: {a: 1}\n", "1:1: merge keys"},    {"? [a]\n: 1\n", "1:3: a key must"},
      {"{}: 1\n", "1:1: a key must"},         {"a: \"\\0\"\n", "1:4: a scalar that holds NUL"},
      {"a: [1\n", "2:1"},                     {"a: 'x\n", "2:1"},
      {"\ta: 1\n", "1:1"},                    {"a: b: c\n", "1:5"},
      {"\xef\xbb\xbf" "a: 1\n", "1:1: it begins with a byte order mark"},
      {"\xff\xfe" "a\0", "1:1"},              {"a: \xff\n", "invalid"},
      {"a: \x01\n", "control characters"},    {"- 1\nb: 2\n", "2:1"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const oi_yaml *r;
    CHECK_MSG(parse(rows[i].text, strlen(rows[i].text), &r) == OINF_FORMAT, "%s", rows[i].text);
    CHECK_MSG(strstr(oinf_error(ctx), rows[i].place), "%s: %s", rows[i].text, oinf_error(ctx));
    CHECK(strstr(oinf_error(ctx), "'r.yaml', ") == oinf_error(ctx));
  }
}

TEST(yaml, scalars_have_no_types_of_their_own) {
  static const struct { const char *text; bool i, f, b; } rows[] = {
      {"12", true, true, false},    {"-3", true, true, false},   {"1.5", false, true, false},
      {"1e-05", false, true, false}, {"true", false, false, true}, {"no", false, false, false},
      {"on", false, false, false},  {"0x10", false, false, false}, {"1_000", false, false, false},
      {".nan", false, false, false}, {"1e999", false, false, false}, {"1:30", false, false, false},
      {"\"12\"", false, false, false}, {"'true'", false, false, false}, {"~", false, false, false},
      {"9223372036854775808", false, false, false}, {"[1]", false, false, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char text[64];
    int64_t n;
    double x;
    bool b;
    snprintf(text, sizeof text, "a: %s\n", rows[i].text);
    const oi_yaml *v = oi_yaml_get(good(text), "a");
    CHECK_MSG(oi_yaml_i64(v, &n) == rows[i].i, "%s", text);
    CHECK_MSG(oi_yaml_f64(v, &x) == rows[i].f, "%s", text);
    CHECK_MSG(oi_yaml_bool(v, &b) == rows[i].b, "%s", text);
  }
  double x;
  setlocale(LC_ALL, "de_DE.UTF-8");
  CHECK(oi_yaml_f64(oi_yaml_get(good("a: 0.5"), "a"), &x) && x == 0.5);
  setlocale(LC_ALL, "C");
}

// n times `unit`.
static char *repeat(const char *unit, size_t n) {
  size_t u = strlen(unit);
  char *text = malloc(u * n + 1);
  for (size_t i = 0; i < n; i++) memcpy(text + u * i, unit, u);
  text[u * n] = 0;
  return text;
}

TEST(yaml, limits_hold_on_both_sides) {
  const oi_yaml *r;
  for (size_t depth = 16; depth <= 17; depth++) {
    char text[64];
    memset(text, '[', depth), memset(text + depth, ']', depth);
    CHECK_INT(parse(text, 2 * depth, &r), depth == 16 ? OINF_OK : OINF_FORMAT);
  }
  for (size_t over = 0; over < 2; over++) {
    char *scalar = repeat("x", OI_YAML_SCALAR + over);
    CHECK_INT(parse(scalar, strlen(scalar), &r), over ? OINF_FORMAT : OINF_OK);
    free(scalar);
    // Stream, document and list open and close around 99994 items.
    char *list = repeat("- \n", 99994 + over);
    CHECK_INT(parse(list, strlen(list), &r), over ? OINF_FORMAT : OINF_OK);
    free(list);
    char map[1025 * 8] = "";
    for (size_t i = 0, n = 0; i < 1024 + over; i++)
      n += (size_t)snprintf(map + n, sizeof map - n, "k%zu:\n", i);
    CHECK_INT(parse(map, strlen(map), &r), over ? OINF_FORMAT : OINF_OK);
  }
  char *big = repeat("#\n", (1 << 19) + 1);
  CHECK_INT(parse(big, strlen(big) - 2, &r), OINF_OK);
  CHECK_INT(parse(big, strlen(big), &r), OINF_FORMAT);
  free(big);
}

TEST(yaml, is_not_slowed_by_hostile_text) {
  static const char *const units[] = {"[", "- ", "{? ", "? ", "{", "a: ", "x", "\"", "'", "- - ",
                                      "[[a]: ", "a\n", "k: v\n", "#", "&a ", "*a ", "!", "|", " "};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    char *text = repeat(units[i], (1 << 20) / strlen(units[i]));
    const oi_yaml *r;
    clock_t start = clock();
    (void)parse(text, strlen(text), &r);
    double took = (double)(clock() - start) / CLOCKS_PER_SEC;
    CHECK_MSG(took < 2, "'%s' repeated took %.1f s", units[i], took);
    free(text);
  }
  oi_arena_free(&arena);
}
