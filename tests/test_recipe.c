// Recipes and their refusals, options as metadata, and quantization against the format's reference.
#include <math.h>
#include <sys/stat.h>

#include "convert/quantize.h"
#include "formats/safetensors.h"
#include "tests/checkpoint.h"
#include "tests/conversion.h"
#include "tests/test.h"

// ---- recipes ----

// Two layers of GPT-2's names, and two tensors beside them.
static const char *plain_folder(void) {
  static char folder[256];
  static float matrix[2 * 32], row[33];
  static const char config[] =
      "{\"model_type\":\"gpt2\",\"n_layer\":2,\"list\":[1,2],\"name\":\"x y\"}";
  for (int i = 0; i < 64; i++) matrix[i] = (float)(i - 31) / 8;
  const oi_st_tensor all[] = {
      {{.name = "h.0.ln_1.weight", .dtype = OINF_F32, .rank = 1, .dims = {33}}, row},
      {{.name = "h.1.ln_1.weight", .dtype = OINF_F32, .rank = 1, .dims = {33}}, row},
      {{.name = "h.0.mlp.weight", .dtype = OINF_F32, .rank = 2, .dims = {2, 32}}, matrix},
      {{.name = "h.1.mlp.weight", .dtype = OINF_F32, .rank = 2, .dims = {2, 32}}, matrix},
      {{.name = "odd", .dtype = OINF_F32, .rank = 2, .dims = {32, 2}}, matrix},
      {{.name = "ids", .dtype = OINF_I32, .rank = 2, .dims = {2, 32}}, matrix}};
  snprintf(folder, sizeof folder, "%s", oi_cv_path("plain"));
  mkdir(folder, 0777);
  oi_cv_clear();
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_test_path(folder, "model.safetensors"), all, 6),
            OINF_OK);
  oi_test_put(folder, "config.json", config, sizeof config - 1);
  return folder;
}

TEST(recipe, follows_a_recipe) {
  oi_cv_good((oi_convert){
      .source = plain_folder(),
      .out = oi_cv_path("p.oinf"),
      .recipe = oi_cv_recipe("drop: ['od?']\n"
                             "names:\n"
                             "  - {from: 'h.{l}.ln_1.weight', to: 'blk.{l}.attn_norm'}\n"
                             "  - {from: 'h.{a}.{b}.weight', to: never}\n"
                             "dtype:\n"
                             "  - {match: 'blk.0.*', to: bf16}\n"
                             "  - {match: '*', to: f16}\n"
                             "quantize:\n"
                             "  - {match: 'h.1.*', to: none}\n"
                             "  - {match: '*.weight', to: q8_0}\n"
                             "metadata:\n"
                             "  model.layers: n_layer\n"
                             "  model.list: list\n"
                             "  model.name: name\n"
                             "  model.none: nothing\n")});
  static const struct {
    const char *name;
    oinf_dtype dtype;
  } want[] = {{"blk.0.attn_norm", OINF_BF16},
              {"blk.1.attn_norm", OINF_F16},
              {"h.0.mlp.weight", OINF_Q8_0},
              {"h.1.mlp.weight", OINF_F16},
              {"ids", OINF_I32}};
  oinf_model *m = oi_cv_open(oi_cv_path("p.oinf"));
  CHECK_INT(oinf_model_tensor_count(m), 5);
  for (size_t i = 0; i < 5; i++) {
    const oinf_tensor *t = oinf_model_find(m, want[i].name);
    CHECK_MSG(t && t->dtype == want[i].dtype, "%s", want[i].name);
  }
  CHECK_STR(oinf_model_meta(m, "model.layers"), "2");
  CHECK_STR(oinf_model_meta(m, "model.list"), "[1,2]");
  CHECK_STR(oinf_model_meta(m, "model.name"), "x y");
  CHECK(!oinf_model_meta(m, "model.none") &&
        strstr(oi_cv_notes, "config.json has no key 'nothing'"));
  oinf_model_destroy(m);
}

TEST(recipe, takes_options_as_metadata) {
  const oi_list sets = {{"a.b=c=d", "empty="}, 2};
  oi_cv_good((oi_convert){.source = plain_folder(), .out = oi_cv_path("s.oinf"), .sets = &sets});
  oinf_model *m = oi_cv_open(oi_cv_path("s.oinf"));
  CHECK_STR(oinf_model_meta(m, "a.b"), "c=d");
  CHECK_STR(oinf_model_meta(m, "empty"), "");
  oinf_model_destroy(m);
  for (int i = 0; i < 2; i++) {
    const oi_list bad = {{i ? "=x" : "nothing"}, 1};
    oi_cv_refused(
        (oi_convert){.source = plain_folder(), .out = oi_cv_path("bad.oinf"), .sets = &bad},
        OINF_USAGE, "--set wants key=value");
  }
}

TEST(recipe, refuses_a_recipe_where_it_is_wrong) {
  static const struct {
    const char *yaml, *word;
  } rows[] = {
      {"- drop\n", "', 1:1: a recipe is a map"},
      {"drop: x\n", "', 1:7: a list of patterns is wanted"},
      {"drop: [x, {a: b}]\n", "', 1:11: a pattern is wanted"},
      {"drop: [x]\nnames: y\n", "', 2:8: a list of rules is wanted"},
      {"names:\n  - {from: a}\n", "', 2:5: a rule has `from` and `to`, and nothing else"},
      {"names:\n  - {from: a, to: b, as: c}\n", "', 2:5: a rule has `from` and `to`"},
      {"names:\n  - {from: 'a.{l}', to: 'b.{m}'}\n", "', 2:25: each {name} stands once"},
      {"names:\n  - {from: 'a.{l}.{l}', to: b}\n", "', 2:29: each {name} stands once"},
      {"dtype:\n  - {match: a, to: f64}\n", "', 2:20: f32, f16 or bf16 is wanted"},
      {"quantize:\n  - {match: a, to: q4_k}\n", "', 2:20: q8_0, q4_0 or none is wanted"},
      {"quantize:\n  - {from: a, to: none}\n", "', 2:5: a rule has `match` and `to`"},
      {"metadata: [a]\n", "', 1:11: a map is wanted"},
      {"metadata:\n  a: [b]\n", "', 2:6: a key of config.json is wanted"},
      {"drop: [a]\nrename: []\n", "', 2:1: the keys are drop, transpose, split, merge, names"},
      {"drop: *a\n", "', 1:7: "},
      {"drop: [a\n", "', 2:1: "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    oi_cv_refused((oi_convert){.source = plain_folder(),
                               .out = oi_cv_path("bad.oinf"),
                               .recipe = oi_cv_recipe(rows[i].yaml)},
                  OINF_FORMAT, rows[i].word);
  oi_cv_refused((oi_convert){.source = plain_folder(), .recipe = oi_cv_path("none.yaml")},
                OINF_NOINPUT, "");
}

TEST(recipe, refuses_what_a_recipe_cannot_do) {
  oi_cv_refused(
      (oi_convert){.source = plain_folder(),
                   .out = oi_cv_path("bad.oinf"),
                   .recipe = oi_cv_recipe("quantize: [{match: h.0.ln_1.weight, to: q8_0}]\n")},
      OINF_SUPPORT, "'h.0.ln_1.weight' cannot be q8_0: two axes of float");
  oi_cv_refused(
      (oi_convert){.source = plain_folder(),
                   .out = oi_cv_path("bad.oinf"),
                   .recipe = oi_cv_recipe("names: [{from: 'h.{l}.mlp.weight', to: one}]\n")},
      OINF_FORMAT, "one");
  oi_cv_refused(
      (oi_convert){.source = plain_folder(), .out = oi_cv_path("bad.oinf"), .quant = "q4_k"},
      OINF_USAGE, "--quant wants q8_0 or q4_0, not 'q4_k'");
  oi_cv_refused((oi_convert){.source = oi_cv_path("none"), .out = oi_cv_path("bad.oinf")},
                OINF_NOINPUT, "");
  oi_cv_refused((oi_convert){.source = plain_folder(), .out = oi_cv_path("no/bad.oinf")},
                OINF_CREATE, "");
}

// ---- quantization ----

static int nibble_of(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static size_t from_hex(const char *hex, void *out) {
  const size_t n = strlen(hex) / 2;
  for (size_t i = 0; i < n; i++)
    ((uint8_t *)out)[i] = (uint8_t)(nibble_of(hex[2 * i]) << 4 | nibble_of(hex[2 * i + 1]));
  return n;
}

TEST(recipe, quantizes_as_the_reference) {
  FILE *f = fopen("tests/data/quants/blocks.txt", "r");
  char name[8], in[260], want[80];
  int n = 0;
  CHECK(f);
  while (fscanf(f, "%7s %259s %79s", name, in, want) == 3) {
    float x[32];
    uint8_t block[34], made[34];
    CHECK_INT(from_hex(in, x), sizeof x);
    const size_t size = from_hex(want, block);
    CHECK(oi_quantize_blocks(oinf_dtype_find(name), x, 32, made));
    CHECK_MSG(memcmp(made, block, size) == 0, "line %d", n + 1);
    n++;
  }
  fclose(f);
  CHECK_INT(n, 46);
}

TEST(recipe, quantizes_no_value_that_is_not_finite) {
  float x[32] = {1};
  uint8_t block[34];
  static const float bad[] = {NAN, INFINITY, -INFINITY, 1e38f};
  for (int i = 0; i < 4; i++) {
    x[7] = bad[i];
    CHECK(!oi_quantize_blocks(OINF_Q8_0, x, 32, block));
    CHECK(!oi_quantize_blocks(OINF_Q4_0, x, 32, block));
  }
  x[7] = 1e-45f, x[0] = 0;
  CHECK(oi_quantize_blocks(OINF_Q8_0, x, 32, block) && block[0] == 0 && block[1] == 0);
  CHECK(oi_quantize_blocks(OINF_Q4_0, x, 32, block) && block[0] == 0 && block[2] == 0x88);
  static float matrix[32] = {NAN};
  const oi_st_tensor t = {{.name = "w", .dtype = OINF_F32, .rank = 2, .dims = {1, 32}}, matrix};
  oi_cv_clear();
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_cv_path("nan.safetensors"), &t, 1), OINF_OK);
  oi_cv_refused(
      (oi_convert){
          .source = oi_cv_path("nan.safetensors"), .out = oi_cv_path("bad.oinf"), .quant = "q8_0"},
      OINF_FORMAT, "'w' holds values that q8_0 has no scale for");
}

TEST(recipe, quantizes_what_it_can_and_notes_the_rest) {
  oi_cv_good((oi_convert){.source = plain_folder(), .out = oi_cv_path("q.oinf"), .quant = "q4_0"});
  CHECK_MSG(strstr(oi_cv_notes, "matrices that keep their dtype, as 32 does not divide their rows: 1"), "%s", oi_cv_notes);
  oinf_model *m = oi_cv_open(oi_cv_path("q.oinf"));
  float x[64];
  uint8_t want[36], have[36];
  for (int i = 0; i < 64; i++) x[i] = (float)(i - 31) / 8;
  CHECK(oi_quantize_blocks(OINF_Q4_0, x, 64, want));
  CHECK_INT(oinf_model_find(m, "h.1.mlp.weight")->bytes, 36);
  CHECK_INT(oinf_model_read(m, "h.1.mlp.weight", have), OINF_OK);
  CHECK(memcmp(want, have, 36) == 0);
  CHECK_INT(oinf_model_find(m, "odd")->dtype, OINF_F32);
  CHECK_INT(oinf_model_find(m, "h.0.ln_1.weight")->dtype, OINF_F32);
  oinf_model_destroy(m);
}
