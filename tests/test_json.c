// JSON: what is refused and where, what Python writes, and that hostile text costs little.
#include "formats/json.h"
#include "tests/test.h"

#include <time.h>

static oinf_ctx *ctx;

static oinf_status parse(const char *text, size_t n, oi_json_flags flags, json_t **out) {
  if (!ctx) CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oinf_error_clear(ctx);
  return oi_json_parse(ctx, text, n, flags, "x.json", out);
}

static bool accepts(const char *text) {
  json_t *root;
  if (parse(text, strlen(text), OI_JSON_STRICT, &root) != OINF_OK) return false;
  json_decref(root);
  return true;
}

TEST(json, accepts_what_rfc_8259_has) {
  static const char *const good[] = {
      "{}", "[]", " \t\r\n{} ", "[1,-1,0,1e5,1.5E-3,0.0,-0.0,-0e1]", "[true,false,null]",
      "{\"a\":{\"b\":[\"\\u0061\\ud83d\\ude00\\n\\\"\\\\\"]}}", "[\"NaN Infinity -0 [[[\"]",
      "[9223372036854775807,-9223372036854775808]", "{\"\":1}", "[\"\xc3\xa9\"]"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++)
    CHECK_MSG(accepts(good[i]), "%s", good[i]);
}

TEST(json, refuses_what_it_has_not) {
  static const char *const bad[] = {
      "", " ", "{", "}", "[1", "1", "\"a\"", "null", "[1,]", "{\"a\":1,}", "[1] x", "{}{}",
      "[01]", "[-]", "[+1]", "[.5]", "[1.]", "[1e]", "[0x10]", "[-0]", "[ -0 ]", "{\"a\":-0}",
      "[9223372036854775808]", "[18446744073709551615]", "[1e999]", "[nan]", "[NaN]",
      "[-Infinity]", "// c\n[]", "[/* c */]", "['a']", "{a:1}", "[\"\t\"]", "[\"\\x41\"]",
      "[\"\\ud800\"]", "[\"\\udc00\\ud800\"]", "[\"\\u00\"]", "[\"\\u0000\"]", "[\"abc]",
      "\xef\xbb\xbf[]", "[\"\xff\"]", "[\"\xc0\x80\"]", "[\"\xed\xa0\x80\"]",
      "[\"\xf5\x80\x80\x80\"]",
      "{\"a\":1,\"a\":1}", "{\"a\":1,\"\\u0061\":2}", "{\"x\":{\"d\":1,\"d\":2}}",
      "{\"\\u0000\":1}", "\xff\xfe[\0]\0"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    CHECK_MSG(!accepts(bad[i]), "%s", bad[i]);
    CHECK_INT(oinf_error_status(ctx), OINF_FORMAT);
    CHECK_MSG(strstr(oinf_error(ctx), "'x.json', line "), "%s: %s", bad[i], oinf_error(ctx));
  }
}

TEST(json, names_the_place) {
  CHECK(!accepts("{\n  \"a\": NaN}"));
  CHECK_STR(oinf_error(ctx), "'x.json', line 2, column 8: NaN and Infinity are no JSON");
  CHECK(!accepts("{\n \"a\": 1,\n \"a\": 2}"));
  CHECK_MSG(strstr(oinf_error(ctx), "line 3"), "%s", oinf_error(ctx));
}

TEST(json, takes_pythons_numbers_where_told) {
  static const char text[] = "{\"a\": NaN, \"b\": [-Infinity,Infinity], \"c\": \"NaN\", \"d\": 7}";
  json_t *root;
  CHECK_INT(parse(text, sizeof text - 1, OI_JSON_PYTHON, &root), OINF_OK);
  CHECK(json_is_null(json_object_get(root, "a")));
  CHECK(json_is_null(json_array_get(json_object_get(root, "b"), 1)));
  CHECK_STR(json_string_value(json_object_get(root, "c")), "NaN");
  CHECK_INT(json_integer_value(json_object_get(root, "d")), 7);
  json_decref(root);
}

TEST(json, takes_pythons_long_integers_where_told) {
  static const char text[] = "[1000000000000000019884624838656,9223372036854775807,"
                             "-9223372036854775807, 9223372036854775808]";
  json_t *root;
  CHECK(!accepts(text));
  CHECK_INT(parse(text, sizeof text - 1, OI_JSON_PYTHON, &root), OINF_OK);
  CHECK(json_real_value(json_array_get(root, 0)) == 1e30);
  CHECK(json_integer_value(json_array_get(root, 1)) == INT64_MAX);
  CHECK(json_integer_value(json_array_get(root, 2)) == -INT64_MAX);
  CHECK(json_real_value(json_array_get(root, 3)) == 0x1p63);
  json_decref(root);
}

TEST(json, keeps_nul_where_told) {
  json_t *root;
  CHECK_INT(parse("[\"a\\u0000b\"]", 12, OI_JSON_NUL, &root), OINF_OK);
  CHECK_INT(json_string_length(json_array_get(root, 0)), 3);
  json_decref(root);
}

TEST(json, gives_exact_integers_alone) {
  static const struct { const char *text; bool whole; int64_t value; } rows[] = {
      {"[512]", true, 512}, {"[10000.0]", true, 10000}, {"[1e3]", true, 1000},
      {"[1.5]", false, 0},  {"[1e300]", false, 0},      {"[\"4096\"]", false, 0},
      {"[true]", false, 0}, {"[null]", false, 0},       {"[-7]", true, -7}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    json_t *root;
    int64_t have = 0;
    CHECK_INT(parse(rows[i].text, strlen(rows[i].text), OI_JSON_STRICT, &root), OINF_OK);
    CHECK_INT(oi_json_i64(json_array_get(root, 0), &have), rows[i].whole);
    CHECK_INT(have, rows[i].value);
    json_decref(root);
  }
}

// n times `unit`, then `end`.
static char *repeat(const char *unit, size_t n, const char *end) {
  size_t u = strlen(unit);
  char *text = malloc(u * n + strlen(end) + 1);
  for (size_t i = 0; i < n; i++) memcpy(text + u * i, unit, u);
  memcpy(text + u * n, end, strlen(end) + 1);
  return text;
}

TEST(json, caps_depth) {
  for (size_t depth = 64; depth <= 65; depth++) {
    char text[200];
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    json_t *root;
    oinf_status s = parse(text, 2 * depth, OI_JSON_STRICT, &root);
    CHECK_INT(s, depth == 64 ? OINF_OK : OINF_FORMAT);
    if (s == OINF_OK) json_decref(root);
  }
}

TEST(json, is_not_slowed_by_hostile_text) {
  static const char *const units[] = {"[", "{\"a\":", "\\\"", "[1,[2,", "\"", "-", "NaN,"};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    char *text = repeat(units[i], 1000000, "");
    clock_t start = clock();
    CHECK(!accepts(text));
    CHECK(clock() - start < 2 * CLOCKS_PER_SEC);
    free(text);
  }
}
