// safetensors: the corpora's verdicts, every rule on both sides, shards and their index, hostile
// names, and what the writer writes.
#include "formats/file.h"
#include "formats/format.h"
#include "formats/safetensors.h"
#include "tests/test.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static oinf_ctx *ctx;

static void begin(void) {
  if (!ctx) CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oinf_error_clear(ctx);
}

// A file of this header and `payload` bytes; the model borrows `file`.
static uint8_t file[1 << 16];
static oinf_status open_header(const char *header, size_t payload, oinf_model **out) {
  uint64_t n = strlen(header);
  begin();
  memcpy(file, &n, 8);
  memcpy(file + 8, header, n);
  memset(file + 8 + n, 0, payload);
  oi_source s;
  CHECK_INT(oi_file_bytes(ctx, file, 8 + n + payload, "x.safetensors", &s), OINF_OK);
  return oi_safetensors_open(ctx, s, out);
}

static bool refused(const char *header, size_t payload, const char *word) {
  oinf_model *m;
  oinf_status status = open_header(header, payload, &m);
  if (status == OINF_OK) return oinf_model_destroy(m), false;
  return status == OINF_FORMAT && strstr(oinf_error(ctx), word) != NULL;
}

// A tensor of three fields; a scalar of four bytes but for its offsets.
#define T3(name, dtype, shape, offsets) \
  "{\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}}"
#define T4(name, more) "\"" name "\":{\"dtype\":\"F32\",\"shape\":[]," more "}"
#define ONE(fields) "{\"a\":{" fields "}}"

TEST(safetensors, refuses_by_rule) {
  static const struct { const char *header; size_t payload; const char *word; } rows[] = {
      {"[]", 0, "no object"},
      {"{", 0, "line 1"},
      {"", 0, "empty"},
      {"{\"a\":1}", 0, "unknown dtype '(none)'"},
      {ONE("\"shape\":[],\"data_offsets\":[0,4]"), 4, "unknown dtype"},
      {ONE("\"dtype\":\"f32\",\"shape\":[],\"data_offsets\":[0,4]"), 4, "unknown dtype 'f32'"},
      {ONE("\"dtype\":\"F32\",\"data_offsets\":[0,4]"), 4, "no shape"},
      {ONE("\"dtype\":\"F32\",\"shape\":[]"), 4, "data_offsets"},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4,8]"), 4, "data_offsets"},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4.0]"), 4, "data_offsets"},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,\"4\"]"), 4, "data_offsets"},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[-4,0]"), 0, "data_offsets"},
      {ONE("\"dtype\":\"F32\",\"shape\":[1e0],\"data_offsets\":[0,4]"), 4, "dim 0"},
      {ONE("\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]"), 4, "dim 0"},
      {ONE("\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]"), 4, "dim 0"},
      {ONE("\"dtype\":\"F32\",\"shape\":[-0],\"data_offsets\":[0,0]"), 0, "-0"},
      {ONE("\"dtype\":\"F32\",\"shape\":[01],\"data_offsets\":[0,4]"), 4, "line 1"},
      {ONE("\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,4]"), 4, "big"},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[4,8]"), 8, "hole or overlap"},
      {"{" T4("a", "\"data_offsets\":[0,4]") "," T4("b", "\"data_offsets\":[0,4]") "}", 4,
       "hole or overlap"},
      {"{" T4("a", "\"data_offsets\":[0,4]") "," T4("b", "\"data_offsets\":[8,12]") "}", 12,
       "hole or overlap"},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]"), 5, "the file at 5"},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]"), 3, "the file at 3"},
      {ONE("\"dtype\":\"F32\",\"shape\":[2,2],\"data_offsets\":[0,15]"), 15, "span 15 bytes"},
      {ONE("\"dtype\":\"F32\",\"shape\":[9223372036854775807,3],\"data_offsets\":[0,4]"), 4,
       "shape overflows"},
      {ONE("\"dtype\":\"F32\",\"shape\":[9223372036854775807],\"data_offsets\":[0,4]"), 4,
       "size overflows"},
      {ONE("\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]"), 2, "whole bytes"},
      {ONE("\"dtype\":\"F6_E2M3\",\"shape\":[2],\"data_offsets\":[0,2]"), 2, "whole bytes"},
      {"{" T4("a", "\"data_offsets\":[0,4]") "," T4("a", "\"data_offsets\":[4,8]") "}", 8,
       "duplicate"},
      {"{" T4("a", "\"data_offsets\":[0,4]") "," T4("\\u0061", "\"data_offsets\":[4,8]") "}", 8,
       "duplicate"},
      {ONE("\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]"), 4,
       "duplicate"},
      {"{\"__metadata__\":{\"a\":1}}", 0, "must be a string"},
      {"{\"__metadata__\":{\"a\":\"b\",\"a\":\"c\"}}", 0, "duplicate"},
      {"{\"__metadata__\":[]}", 0, "no object"},
      {"{" T4("\\n", "\"data_offsets\":[0,4]") "," T4("\\\\x0a", "\"data_offsets\":[4,8]") "}", 8,
       "two tensors are named"},
      {"{\"\\u0000\":{}}", 0, "line 1"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    CHECK_MSG(refused(rows[i].header, rows[i].payload, rows[i].word), "row %zu, %s: %s", i,
              rows[i].header, oinf_error(ctx));
}

TEST(safetensors, accepts_by_rule) {
  static const struct { const char *header; size_t payload; uint32_t n; } rows[] = {
      {"{}", 0, 0},
      {"\n\t {} \r\n", 0, 0},
      {"{\"__metadata__\":null}", 0, 0},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]"), 4, 1},
      {ONE("\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[0,0]"), 0, 1},
      {ONE("\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"more\":{}"), 4, 1},
      {"{" T4("b", "\"data_offsets\":[4,8]") "," T4("a", "\"data_offsets\":[0,4]") "}", 8, 2},
      {"{\"z\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},"
       T4("a", "\"data_offsets\":[0,4]") "}", 4, 2},
      {ONE("\"dtype\":\"U8\",\"shape\":[3,1,1,1,1,1,1,1],\"data_offsets\":[0,3]"), 3, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oinf_model *m;
    CHECK_MSG(open_header(rows[i].header, rows[i].payload, &m) == OINF_OK, "row %zu: %s", i,
              oinf_error(ctx));
    CHECK_INT(oinf_model_tensor_count(m), rows[i].n);
    oinf_model_destroy(m);
  }
}

TEST(safetensors, every_dtype_opens) {
  static const struct { const char *name; size_t bytes; oinf_dtype dtype; } rows[] = {
      {"BOOL", 8, OINF_BOOL},    {"F4", 4, OINF_U8},       {"F6_E2M3", 6, OINF_U8},
      {"F6_E3M2", 6, OINF_U8},   {"U8", 8, OINF_U8},       {"I8", 8, OINF_I8},
      {"F8_E5M2", 8, OINF_U8},   {"F8_E4M3", 8, OINF_U8},  {"F8_E8M0", 8, OINF_U8},
      {"F8_E4M3FNUZ", 8, OINF_U8}, {"F8_E5M2FNUZ", 8, OINF_U8}, {"I16", 16, OINF_I16},
      {"U16", 16, OINF_U16},     {"F16", 16, OINF_F16},    {"BF16", 16, OINF_BF16},
      {"I32", 32, OINF_I32},     {"U32", 32, OINF_U32},    {"F32", 32, OINF_F32},
      {"C64", 64, OINF_U8},      {"F64", 64, OINF_F64},    {"I64", 64, OINF_I64},
      {"U64", 64, OINF_U64}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char header[200];
    oinf_model *m;
    snprintf(header, sizeof header, T3("a", "%s", "[2,4]", "[0,%zu]"), rows[i].name,
             rows[i].bytes);
    CHECK_MSG(open_header(header, rows[i].bytes, &m) == OINF_OK, "%s", oinf_error(ctx));
    const oinf_tensor *t = oinf_model_find(m, "a");
    CHECK_INT(t->dtype, rows[i].dtype);
    CHECK_INT(t->bytes, rows[i].bytes);
    const char *note = oinf_model_meta(m, "safetensors:dtype:a");
    bool foreign = rows[i].dtype == OINF_U8 && strcmp(rows[i].name, "U8") != 0;
    CHECK_INT(note != NULL, foreign);
    if (foreign) CHECK_INT(strncmp(note, rows[i].name, strlen(rows[i].name)), 0);
    if (foreign) CHECK(strstr(note, " [2,4]"));
    oinf_model_destroy(m);
  }
}

TEST(safetensors, beyond_a_package_is_not_supported) {
  oinf_model *m;
  CHECK_INT(open_header(T3("a", "U8", "[1,1,1,1,1,1,1,1,3]", "[0,3]"), 3, &m), OINF_SUPPORT);
  CHECK_INT(open_header("{" T4("", "\"data_offsets\":[0,4]") "}", 4, &m), OINF_SUPPORT);
  char header[700], name[514];
  for (int over = 0; over < 2; over++) {
    memset(name, 'n', sizeof name);
    name[512 + over] = 0;
    snprintf(header, sizeof header, T3("%s", "U8", "[]", "[0,1]"), name);
    CHECK_INT(open_header(header, 1, &m), over ? OINF_SUPPORT : OINF_OK);
    if (!over) oinf_model_destroy(m);
  }
}

TEST(safetensors, names_are_escaped) {
  static const struct { const char *in, *out; } rows[] = {
      {"a.b/c:{}*", "a.b/c:{}*"}, {"\\u000a", "\\x0a"},         {"\xc3\xa9", "\xc3\xa9"},
      {"\\u202eabc", "\\xe2\\x80\\xaeabc"}, {"\\ufeff", "\\xef\\xbb\\xbf"},
      {"\\u0085", "\\xc2\\x85"},   {"\\ufffe", "\\xef\\xbf\\xbe"},
      {"\\u007f", "\\x7f"},         {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"},
      {"\\u200d", "\\xe2\\x80\\x8d"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    char header[200];
    oinf_model *m;
    snprintf(header, sizeof header, T3("%s", "U8", "[]", "[0,1]"), rows[i].in);
    CHECK_MSG(open_header(header, 1, &m) == OINF_OK, "%s", oinf_error(ctx));
    CHECK_STR(oinf_model_tensor(m, 0)->name, rows[i].out);
    oinf_model_destroy(m);
  }
}

TEST(safetensors, lengths_that_lie_cost_nothing) {
  static const uint64_t lengths[] = {UINT64_MAX, UINT64_MAX - 7, 1ull << 63, 100000001, 100000000,
                                     3, 1};
  for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
    oi_source s;
    oinf_model *m;
    begin();
    memcpy(file, &lengths[i], 8);
    memcpy(file + 8, "{}", 2);
    CHECK_INT(oi_file_bytes(ctx, file, 10, "x", &s), OINF_OK);
    CHECK_INT(oi_safetensors_open(ctx, s, &m), OINF_FORMAT);
  }
  for (size_t n = 0; n < 8; n++) {
    oi_source s;
    oinf_model *m;
    begin();
    CHECK_INT(oi_file_bytes(ctx, file, n, "x", &s), OINF_OK);
    CHECK_INT(oi_safetensors_open(ctx, s, &m), OINF_FORMAT);
  }
}

// ---- real files ----

static oinf_status open_close(const char *path, uint32_t *out_tensors) {
  oinf_model *m;
  begin();
  oinf_status status = oinf_model_open(ctx, path, &m);
  if (status != OINF_OK) return status;
  *out_tensors = oinf_model_tensor_count(m);
  oinf_model_destroy(m);
  return OINF_OK;
}

TEST(corpus, verdicts_of_the_formats_own_reader) {
  const char *folder = oi_test_corpus("safetensors/hf-reader-cases");
  DIR *d = opendir(folder);
  int n = 0;
  CHECK(d);
  for (struct dirent *e; (e = readdir(d)) != NULL;) {
    char path[1024];
    uint32_t tensors;
    if (!strstr(e->d_name, ".safetensors")) continue;
    snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
    oinf_status want = strncmp(e->d_name, "ok_", 3) == 0 ? OINF_OK : OINF_FORMAT;
    CHECK_MSG(open_close(path, &tensors) == want, "%s: %s", e->d_name, oinf_error(ctx));
    n++;
  }
  closedir(d);
  CHECK_INT(n, 16);
}

TEST(corpus, samples_hold_their_values) {
  oinf_model *m;
  begin();
  const char *path = oi_test_corpus("safetensors/hf-samples/samples/overall.safetensors");
  CHECK_INT(oinf_model_open(ctx, path, &m), OINF_OK);
  CHECK_STR(oinf_model_meta(m, "safetensors.test"), "a");
  CHECK_STR(oinf_model_format(m), "safetensors");
  uint8_t b[6];
  int16_t h[6];
  CHECK_INT(oinf_model_read(m, "B", b), OINF_OK);
  CHECK_INT(oinf_model_read(m, "h", h), OINF_OK);
  CHECK(memcmp(b, (uint8_t[]){253, 254, 255, 0, 1, 2}, 6) == 0);
  CHECK(memcmp(h, (int16_t[]){-3, -2, -1, 0, 1, 2}, 12) == 0);
  oinf_model_destroy(m);
}

TEST(corpus, single_layers_and_a_network) {
  static const struct { const char *path; uint32_t n; } rows[] = {
      {"safetensors/burn/safetensors-tests/tests/linear/linear_with_bias.safetensors", 2},
      {"safetensors/burn/safetensors-tests/tests/boolean/boolean.safetensors", 1},
      {"safetensors/burn/examples/import-model-weights/weights/mnist.safetensors", 20},
      {"safetensors/ollama/convert/testdata/adapters/discollama/adapters.safetensors", 8}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint32_t n = 0;
    CHECK_MSG(open_close(oi_test_corpus(rows[i].path), &n) == OINF_OK, "%s", oinf_error(ctx));
    CHECK_MSG(n == rows[i].n, "%s: %u tensors", rows[i].path, n);
  }
}

// ---- shards ----

static char root[256];

static void fresh(const char *name) {
  begin();
  snprintf(root, sizeof root, "%s/%s", oi_test_dir(), name);
  CHECK(mkdir(root, 0777) == 0);
}

static void put_file(const char *name, const void *data, size_t n) {
  char path[600];
  snprintf(path, sizeof path, "%s/%s", root, name);
  FILE *f = fopen(path, "wb");
  CHECK(f && fwrite(data, 1, n, f) == n && fclose(f) == 0);
}

static void put_shard(const char *name, const char *header, size_t payload, int byte) {
  uint8_t bytes[1000];
  uint64_t n = strlen(header);
  memcpy(bytes, &n, 8);
  memcpy(bytes + 8, header, n);
  memset(bytes + 8 + n, byte, payload);
  put_file(name, bytes, 8 + n + payload);
}

static void put_index(const char *map) {
  char text[1000];
  snprintf(text, sizeof text, "{\"metadata\":{\"total_size\":1.5},\"weight_map\":{%s}}", map);
  put_file("model.safetensors.index.json", text, strlen(text));
}

static void put_two_shards(void) {
  put_shard("s1.safetensors",
            "{" T4("a", "\"data_offsets\":[0,4]") "," T4("x", "\"data_offsets\":[4,8]") "}", 8, 1);
  put_shard("s2.safetensors", "{" T4("b", "\"data_offsets\":[0,4]") "}", 4, 2);
}

static oinf_status open_root(oinf_model **m) {
  oinf_error_clear(ctx);
  return oinf_model_open(ctx, root, m);
}

TEST(shards, are_read_as_the_index_says) {
  fresh("shards");
  put_two_shards();
  put_index("\"b\":\"s2.safetensors\",\"a\":\"s1.safetensors\"");
  for (int by_file = 0; by_file < 2; by_file++) {
    char path[600];
    oinf_model *m;
    uint8_t b[4];
    snprintf(path, sizeof path, "%s%s", root, by_file ? "/model.safetensors.index.json" : "");
    CHECK_INT(oinf_model_open(ctx, path, &m), OINF_OK);
    CHECK_STR(oinf_model_format(m), "huggingface");
    CHECK_INT(oinf_model_tensor_count(m), 2);
    CHECK(!oinf_model_find(m, "x"));
    CHECK_INT(oinf_model_read(m, "b", b), OINF_OK);
    CHECK_INT(b[3], 2);
    oinf_model_destroy(m);
  }
}

TEST(shards, refuses_an_index_that_lies) {
  static const struct { const char *map; oinf_status status; const char *word; } rows[] = {
      {"\"a\":\"s1.safetensors\",\"c\":\"s2.safetensors\"", OINF_FORMAT, "are missing: 'c'"},
      {"\"a\":\"s3.safetensors\"", OINF_NOINPUT, "s3.safetensors"},
      {"\"a\":\"S1.safetensors\"", OINF_NOINPUT, "S1.safetensors"},
      {"\"a\":1", OINF_FORMAT, "must name its shard"},
      {"\"a\":\"s1.safetensors\",\"a\":\"s2.safetensors\"", OINF_FORMAT, "duplicate"},
      {"\"a\":\"../s1.safetensors\"", OINF_FORMAT, "plain name"},
      {"\"a\":\"/etc/passwd\"", OINF_FORMAT, "plain name"},
      {"\"a\":\"..\"", OINF_FORMAT, "plain name"},
      {"\"a\":\"\"", OINF_FORMAT, "plain name"},
      {"\"a\":\"x/../s1.safetensors\"", OINF_FORMAT, "plain name"},
      {"\"a\":\"..\\\\s1.safetensors\"", OINF_FORMAT, "plain name"},
      {"\"a\":\"s1.safetensors\\u0000\"", OINF_FORMAT, "line 1"},
      {"\"a\":\"link\"", OINF_FORMAT, "symbolic link"},
      {"\"a\":\"pipe\"", OINF_FORMAT, "a pipe"},
      {"\"a\":\"sub\"", OINF_FORMAT, "a folder"},
      {"\"a\":\"short\"", OINF_FORMAT, "the file at 3"}};
  char path[600];
  fresh("liars");
  put_two_shards();
  put_shard("short", "{" T4("a", "\"data_offsets\":[0,4]") "}", 3, 1);
  snprintf(path, sizeof path, "%s/link", root);
  CHECK(symlink("s1.safetensors", path) == 0);
  snprintf(path, sizeof path, "%s/pipe", root);
  CHECK(mkfifo(path, 0666) == 0);
  snprintf(path, sizeof path, "%s/sub", root);
  CHECK(mkdir(path, 0777) == 0);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oinf_model *m;
    put_index(rows[i].map);
    CHECK_MSG(open_root(&m) == rows[i].status, "row %zu: %s", i, oinf_error(ctx));
    CHECK_MSG(strstr(oinf_error(ctx), rows[i].word), "row %zu: %s", i, oinf_error(ctx));
  }
  oinf_model *m;
  put_file("model.safetensors.index.json", "{}", 2);
  CHECK_INT(open_root(&m), OINF_FORMAT);
}

TEST(shards, many_names_cost_little) {
  fresh("many");
  char *text = malloc(8 << 20);
  size_t n = (size_t)sprintf(text, "{\"weight_map\":{");
  for (int i = 0; i < 100000; i++)
    n += (size_t)sprintf(text + n, "%s\"t%d\":\"s%d.safetensors\"", i ? "," : "", i, i);
  n += (size_t)sprintf(text + n, "}}");
  put_file("model.safetensors.index.json", text, n);
  free(text);
  oinf_model *m;
  clock_t start = clock();
  CHECK_INT(open_root(&m), OINF_NOINPUT);
  CHECK(clock() - start < 3 * CLOCKS_PER_SEC);
}

// ---- writing ----

TEST(writer, writes_as_the_formats_own) {
  char path[600];
  fresh("writer");
  snprintf(path, sizeof path, "%s/w.safetensors", root);
  static const float f[2] = {1.5f, -2};
  static const uint8_t u[3] = {1, 2, 3};
  oi_st_tensor list[] = {{{.name = "u\"", .dtype = OINF_U8, .rank = 1, .dims = {3}}, u},
                         {{.name = "b", .dtype = OINF_F32, .rank = 2, .dims = {1, 2}}, f},
                         {{.name = "a", .dtype = OINF_F32}, f},
                         {{.name = "e", .dtype = OINF_I64, .rank = 1}, NULL}};
  CHECK_INT(oi_safetensors_write(ctx, path, list, 4), OINF_OK);
  static const char header[] =
      "{\"e\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[0,0]},"
      "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
      "\"b\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[4,12]},"
      "\"u\\\"\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[12,15]}}";
  oi_bytes have;
  CHECK_INT(oi_file_slurp(ctx, path, 1000, &have), OINF_OK);
  uint64_t n;
  memcpy(&n, have.at, 8);
  CHECK(n % 8 == 0 && n - strlen(header) < 8 && have.n == 8 + n + 15);
  CHECK(memcmp(have.at + 8, header, strlen(header)) == 0);
  oi_bytes_free(ctx, &have);
  oinf_model *m;
  float back[2];
  CHECK_INT(oinf_model_open(ctx, path, &m), OINF_OK);
  CHECK_INT(oinf_model_read(m, "b", back), OINF_OK);
  CHECK(memcmp(back, f, sizeof f) == 0);
  oinf_model_destroy(m);
}

TEST(writer, refuses_what_the_format_lacks) {
  char path[600];
  fresh("lacks");
  snprintf(path, sizeof path, "%s/w.safetensors", root);
  static const uint8_t bytes[34];
  static const struct { oinf_tensor t; oinf_status status; } rows[] = {
      {{.name = "a", .dtype = OINF_Q8_0, .rank = 1, .dims = {32}}, OINF_SUPPORT},
      {{.name = "a", .dtype = OINF_NONE}, OINF_SUPPORT},
      {{.name = "", .dtype = OINF_U8}, OINF_USAGE},
      {{.name = "a\n", .dtype = OINF_U8}, OINF_USAGE},
      {{.name = "a", .dtype = OINF_U8, .rank = 1, .dims = {-1}}, OINF_USAGE}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    begin();
    CHECK_INT(oi_safetensors_write(ctx, path, &(oi_st_tensor){rows[i].t, bytes}, 1),
              rows[i].status);
  }
  oi_st_tensor twice[2] = {{{.name = "a", .dtype = OINF_U8}, bytes},
                           {{.name = "a", .dtype = OINF_U8}, bytes}};
  begin();
  CHECK_INT(oi_safetensors_write(ctx, path, twice, 2), OINF_USAGE);
  CHECK(access(path, F_OK) != 0);
}

// ---- look-alikes ----

TEST(lookalikes, get_a_message_of_their_own) {
  static const struct { const char *bytes; size_t n; const char *word; } rows[] = {
      {"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", 64, "Git LFS"},
      {"<!DOCTYPE html><html>", 21, "HTML"}, {"<HTML><head>", 12, "HTML"},
      {"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10, "gzip"},
      {"PK\x03\x04\x00\x00\x00\x00\x00\x00", 10, "zip"},
      {"\x80\x02}q\x00(X\x00\x00\x00\x00", 10, "pickle"}, {"", 0, "empty"},
      {"{\"model_type\": \"llama\"}", 23, "JSON"}, {"GGUF\x03\x00\x00\x00", 8, "GGUF"},
      {"some text of a person", 21, "no model"}};
  fresh("alike");
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    for (int named = 0; named < 2; named++) {
      char path[600];
      oinf_model *m;
      if (named && strcmp(rows[i].word, "no model") == 0) continue;
      put_file(named ? "x.safetensors" : "x", rows[i].bytes, rows[i].n);
      snprintf(path, sizeof path, "%s/%s", root, named ? "x.safetensors" : "x");
      begin();
      CHECK_INT(oinf_model_open(ctx, path, &m), OINF_FORMAT);
      CHECK_MSG(strstr(oinf_error(ctx), rows[i].word), "%s: %s", rows[i].word, oinf_error(ctx));
      begin();
      CHECK_INT(oinf_model_open_bytes(ctx, rows[i].bytes, rows[i].n, &m), OINF_FORMAT);
    }
  oinf_model *m;
  begin();
  CHECK_INT(oinf_model_open(ctx, NULL, &m), OINF_USAGE);
  begin();
  CHECK_INT(oinf_model_open(ctx, "/nowhere/m.oinf", &m), OINF_NOINPUT);
}
