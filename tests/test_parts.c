// Tensors transposed, split and merged by a recipe: values against what each element must be, every
// dtype, and each refusal with its place.
#include <sys/stat.h>

#include "convert/quantize.h"
#include "formats/safetensors.h"
#include "tests/checkpoint.h"
#include "tests/conversion.h"
#include "tests/test.h"

// Two layers: c_fc [4, 6] as GPT-2 keeps it, q [2, 64], k [1, 64], their biases, and an odd one.
static float fc[2][24], q[2][128], k[2][64], bias[2][3], odd[64];

static float value(int tensor, int layer, int i) {
  return (float)(tensor * 1000 + layer * 500 + i);
}

static const char *source(void) {
  static char path[300];
  oi_st_tensor t[11];
  static char name[11][32];
  size_t n = 0;
#define ADD(data_, rank_, ...)                                                                   \
  t[n] =                                                                                         \
      (oi_st_tensor){{.name = name[n], .dtype = OINF_F32, .rank = rank_, .dims = {__VA_ARGS__}}, \
                     data_},                                                                     \
  n++
  for (int l = 0; l < 2; l++) {
    for (int i = 0; i < 24; i++) fc[l][i] = value(0, l, i);
    for (int i = 0; i < 128; i++) q[l][i] = value(1, l, i);
    for (int i = 0; i < 64; i++) k[l][i] = value(2, l, i);
    for (int i = 0; i < 3; i++) bias[l][i] = value(3, l, i);
    snprintf(name[n], 32, "h.%d.c_fc.weight", l), ADD(fc[l], 2, 4, 6);
    snprintf(name[n], 32, "h.%d.q.weight", l), ADD(q[l], 2, 2, 64);
    snprintf(name[n], 32, "h.%d.k.weight", l), ADD(k[l], 2, 1, 64);
    snprintf(name[n], 32, "h.%d.q.bias", l), ADD(bias[l], 1, 2);
    snprintf(name[n], 32, "h.%d.k.bias", l), ADD(bias[l] + 2, 1, 1);
  }
  snprintf(name[n], 32, "odd"), ADD(odd, 1, 64);
  snprintf(path, sizeof path, "%s", oi_cv_path("parts"));
  mkdir(path, 0777);
  oi_cv_clear();
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_test_path(path, "model.safetensors"), t, n),
            OINF_OK);
  oi_test_put(path, "config.json", "{\"heads\":2,\"kv\":1,\"none\":null}", 30);
  return path;
}

static oinf_model *made(const char *yaml, const char *quant) {
  oi_cv_good((oi_convert){.source = source(),
                          .out = oi_cv_path("m.oinf"),
                          .recipe = oi_cv_recipe(yaml),
                          .quant = quant});
  return oi_cv_open(oi_cv_path("m.oinf"));
}

static const float *floats(oinf_model *m, const char *name, int64_t rows, int64_t columns) {
  static float at[1024];
  const oinf_tensor *t = oinf_model_find(m, name);
  CHECK_MSG(t && t->dims[0] == rows, "%s", name);
  CHECK_MSG(columns ? t->rank == 2 && t->dims[1] == columns : t->rank == 1, "%s", name);
  CHECK(t->bytes <= sizeof at && t->dtype == OINF_F32);
  CHECK_INT(oinf_model_read(m, name, at), OINF_OK);
  return at;
}

TEST(parts, merge_rows) {
  oinf_model *m = made(
      "merge:\n"
      "  - {from: ['h.{l}.q.weight', 'h.{l}.k.weight'], to: 'h.{l}.qk'}\n"
      "  - {from: ['h.{l}.k.bias', 'h.{l}.q.bias'], to: 'h.{l}.kq.bias'}\n",
      NULL);
  CHECK_INT(oinf_model_tensor_count(m), 7);
  for (int l = 0; l < 2; l++) {
    char name[32];
    snprintf(name, sizeof name, "h.%d.qk", l);
    const float *x = floats(m, name, 3, 64);
    for (int i = 0; i < 192; i++) CHECK(x[i] == (i < 128 ? value(1, l, i) : value(2, l, i - 128)));
    snprintf(name, sizeof name, "h.%d.kq.bias", l);
    x = floats(m, name, 3, 0);
    CHECK(x[0] == value(3, l, 2) && x[1] == value(3, l, 0) && x[2] == value(3, l, 1));
  }
  oinf_model_destroy(m);
}

// [4, 6] turned is [6, 4]: element (r, c) was (c, r).
TEST(parts, transpose_then_split_then_merge) {
  oinf_model *m = made(
      "transpose: ['*.c_fc.weight']\n"
      "split:\n"
      "  - {from: 'h.{l}.c_fc.weight', to: ['{l}.x', '{l}.y', '{l}.z'], parts: [heads, 3, kv]}\n"
      "merge:\n"
      "  - {from: ['{l}.z', '{l}.x'], to: '{l}.zx'}\n"
      "names:\n"
      "  - {from: '{l}.zx', to: 'blk.{l}.zx'}\n",
      NULL);
  for (int l = 0; l < 2; l++) {
    static const int from[3] = {5, 0, 1};  // rows of the turned matrix in blk.zx
    const float *x = floats(m, l ? "1.y" : "0.y", 3, 4);
    for (int i = 0; i < 12; i++) CHECK(x[i] == value(0, l, i % 4 * 6 + i / 4 + 2));
    x = floats(m, l ? "blk.1.zx" : "blk.0.zx", 3, 4);
    for (int i = 0; i < 12; i++) CHECK(x[i] == value(0, l, i % 4 * 6 + from[i / 4]));
  }
  CHECK(!oinf_model_find(m, "0.x") && !oinf_model_find(m, "h.0.c_fc.weight"));
  oinf_model_destroy(m);
}

// Quantizing and merging may change places, and blocks pass through untouched.
TEST(parts, merge_rows_of_blocks) {
  static const char yaml[] =
      "merge: [{from: ['h.{l}.q.weight', 'h.{l}.k.weight'], to: 'h.{l}.qk'}]\n";
  static const char *const quants[] = {"q8_0", "q4_0"};
  for (int i = 0; i < 2; i++) {
    uint8_t a[256], b[256], want[256];
    float both[192];
    oinf_model *m = made(yaml, quants[i]);
    memcpy(both, q[1], sizeof q[1]), memcpy(both + 128, k[1], sizeof k[1]);
    CHECK(oi_quantize_blocks(oinf_dtype_find(quants[i]), both, 192, want));
    CHECK_INT(oinf_model_read(m, "h.1.qk", a), OINF_OK);
    const size_t bytes = oinf_model_find(m, "h.1.qk")->bytes;
    oinf_model_destroy(m);
    oi_cv_good((oi_convert){.source = source(), .out = oi_cv_path("b.oinf"), .quant = quants[i]});
    oi_cv_good((oi_convert){
        .source = oi_cv_path("b.oinf"), .out = oi_cv_path("c.oinf"), .recipe = oi_cv_recipe(yaml)});
    m = oi_cv_open(oi_cv_path("c.oinf"));
    CHECK_INT(oinf_model_read(m, "h.1.qk", b), OINF_OK);
    CHECK(memcmp(a, want, bytes) == 0 && memcmp(b, want, bytes) == 0);
    oinf_model_destroy(m);
  }
}

// More than a strip, in pieces that end within rows, to a dtype of another width.
TEST(parts, transpose_more_than_is_held) {
  enum {
    ROWS = 3000,
    COLUMNS = 1100
  };
  float *x = malloc(sizeof *x * ROWS * COLUMNS), *y = malloc(sizeof *y * ROWS * COLUMNS);
  const oi_st_tensor t = {{.name = "w", .dtype = OINF_F32, .rank = 2, .dims = {ROWS, COLUMNS}}, x};
  CHECK(x && y);
  for (int i = 0; i < ROWS * COLUMNS; i++) x[i] = (float)i;
  oi_cv_clear();
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_cv_path("w.safetensors"), &t, 1), OINF_OK);
  oi_cv_good((oi_convert){.source = oi_cv_path("w.safetensors"),
                          .out = oi_cv_path("w.oinf"),
                          .recipe = oi_cv_recipe("transpose: [w]\n")});
  oinf_model *m = oi_cv_open(oi_cv_path("w.oinf"));
  CHECK_INT(oinf_model_find(m, "w")->dims[0], COLUMNS);
  CHECK_INT(oinf_model_read(m, "w", y), OINF_OK);
  for (int r = 0; r < COLUMNS; r++)
    for (int c = 0; c < ROWS; c++) CHECK(y[r * ROWS + c] == x[c * COLUMNS + r]);
  oinf_model_destroy(m);
  free(x), free(y);
}

TEST(parts, refuse_what_does_not_fit) {
  static const struct {
    const char *yaml;
    oinf_status status;
    const char *word;
  } rows[] = {
      {"transpose: ['*.bias']\n", OINF_FORMAT, "', 1:13: 'h.0.k.bias' has 1 axes; two are"},
      {"split:\n  - {from: odd, to: [a, b, c]}\n", OINF_FORMAT,
       "', 2:5: 'odd' has 64 rows, which 3 does not divide"},
      {"split:\n  - {from: odd, to: [a, b], parts: [1, none]}\n", OINF_FORMAT,
       "', 2:5: config.json has no key 'none'"},
      {"split:\n  - {from: odd, to: [a, b], parts: [0, 1]}\n", OINF_FORMAT,
       "', 2:5: a part of '0'; 1 to 16777216 is wanted"},
      {"merge:\n  - {from: [odd, h.0.q.weight], to: x}\n", OINF_FORMAT,
       "', 2:5: 'odd' and 'h.0.q.weight' are not of one dtype and of rows of one shape"},
      {"merge:\n  - {from: ['h.{l}.q.weight', 'h.{l}.v.weight'], to: 'h.{l}.x'}\n", OINF_FORMAT,
       "', 2:5: 'h.0.q.weight' is to be merged with 'h.0.v.weight', which is not there"},
      {"merge:\n  - {from: ['h.{l}.a', 'h.{l}.q.weight'], to: 'h.{l}.x'}\n", OINF_FORMAT,
       "', 2:5: 'h.0.q.weight' is to be merged with a tensor that is not there"},
      {"merge:\n  - {from: [h.0.q.weight, h.1.q.weight], to: x}\n"
       "  - {from: [h.0.k.weight, h.0.q.weight], to: y}\n",
       OINF_FORMAT, "', 3:5: 'h.0.q.weight' is merged into another tensor already"},
      {"merge:\n  - {from: [h.0.q.weight, h.0.k.weight], to: odd}\n", OINF_FORMAT,
       "two tensors are named 'odd'"},
      {"merge: x\n", OINF_FORMAT, "', 1:8: a list of rules is wanted"},
      {"merge: [{from: [a], to: b}]\n", OINF_FORMAT, "', 1:16: a list of 2 to 16 is wanted"},
      {"merge: [{from: [a, b], to: c, parts: [1, 2]}]\n", OINF_FORMAT,
       "', 1:9: a rule has `from`, a list"},
      {"merge: [{from: ['a.{l}', b], to: c}]\n", OINF_FORMAT, "', 1:9: the same {names} stand in"},
      {"split: [{from: [a, b], to: c}]\n", OINF_FORMAT, "', 1:9: a rule has `from`, a name, `to`"},
      {"split: [{from: a, to: [b, c], parts: [1, 2, 3]}]\n", OINF_FORMAT,
       "', 1:38: as many parts as names"},
      {"split: [{from: a, to: [b, {c: d}]}]\n", OINF_FORMAT, "', 1:27: a name is wanted"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    oi_cv_refused((oi_convert){.source = source(),
                               .out = oi_cv_path("bad.oinf"),
                               .recipe = oi_cv_recipe(rows[i].yaml)},
                  rows[i].status, rows[i].word);
  oi_cv_good((oi_convert){.source = source(), .out = oi_cv_path("b.oinf"), .quant = "q8_0"});
  oi_cv_refused((oi_convert){.source = oi_cv_path("b.oinf"),
                             .out = oi_cv_path("bad.oinf"),
                             .recipe = oi_cv_recipe("transpose: ['*.q.weight']\n")},
                OINF_SUPPORT, "', 1:13: 'h.0.q.weight' is q8_0; blocks are not transposed");
}

TEST(parts, are_told_before_they_are_written) {
  oi_convert c = {.ctx = oi_cv_ctx,
                  .source = source(),
                  .recipe = oi_cv_recipe("transpose: ['*.c_fc.weight']\n"
                                         "split: [{from: h.0.c_fc.weight, to: [a, b]}]\n"
                                         "merge: [{from: [b, h.1.c_fc.weight], to: c}]\n")};
  oi_text text;
  c.ctx = oi_cv_ctx;
  CHECK_INT(oi_convert_plan(&c), OINF_OK);
  for (uint32_t i = 0; i < c.content->tensors.n; i++) {
    if (strcmp(c.content->tensors.at[i].pub.name, "c") != 0) continue;
    oi_convert_origin(&c, i, &text);
    CHECK_STR(text.at, "h.0.c_fc.weight transposed[3:6] + h.1.c_fc.weight transposed");
    oi_text_free(&text);
  }
  oi_convert_free(&c);
}
