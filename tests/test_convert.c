// Conversion: recipes and their refusals, quantization against the format's reference, packages as
// sources, goldens, and what a conversion leaves behind when memory or files fail.
#include <errno.h>
#include <math.h>
#include <oinf/sim.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert/convert.h"
#include "convert/quantize.h"
#include "formats/safetensors.h"
#include "tests/checkpoint.h"
#include "tests/iofault.h"
#include "tests/test.h"

static oinf_ctx *ctx;
static char notes[4096];

static void on_log(void *user, const char *line) {
  (void)user;
  const size_t n = strlen(notes);
  snprintf(notes + n, sizeof notes - n, "%s\n", line);
}

static const char *in_dir(const char *name) { return oi_test_path(oi_test_dir(), name); }

static void clear(void) {
  if (!ctx) CHECK_INT(oinf_ctx_create(&(oinf_ctx_desc){.log = on_log}, &ctx), OINF_OK);
  oinf_error_clear(ctx);
  notes[0] = 0;
}

static oinf_status run(oinf_ctx *in, oi_convert o) {
  o.ctx = in;
  oinf_status status = oi_convert_plan(&o);
  if (status == OINF_OK && o.out) status = oi_convert_write(&o);
  oi_convert_free(&o);
  return status;
}

static void good(oi_convert o) {
  clear();
  CHECK_MSG(run(ctx, o) == OINF_OK, "%s\n%s", oinf_error(ctx), oinf_error_trail(ctx));
}

static void refused(oi_convert o, oinf_status want, const char *word) {
  clear();
  oinf_status have = run(ctx, o);
  CHECK_MSG(have == want && strstr(oinf_error(ctx), word), "%d: %s", have, oinf_error(ctx));
  CHECK(!o.out || access(o.out, F_OK) != 0);
}

static oinf_model *open_model(const char *path) {
  oinf_model *m;
  CHECK_MSG(oinf_model_open(ctx, path, &m) == OINF_OK, "%s", oinf_error(ctx));
  return m;
}

static size_t read_file(const char *path, uint8_t **out) {
  FILE *f = fopen(path, "rb");
  CHECK(f && fseek(f, 0, SEEK_END) == 0);
  const size_t n = (size_t)ftell(f);
  rewind(f);
  *out = malloc(n + 1);
  CHECK(*out && fread(*out, 1, n, f) == n && fclose(f) == 0);
  return n;
}

static bool same_bytes(const char *a, const char *b) {
  uint8_t *x, *y;
  const size_t n = read_file(a, &x), m = read_file(b, &y);
  const bool same = n == m && memcmp(x, y, n) == 0;
  free(x), free(y);
  return same;
}

static const char *recipe(const char *yaml) {
  oi_test_put(oi_test_dir(), "r.yaml", yaml, strlen(yaml));
  return in_dir("r.yaml");
}

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
  snprintf(folder, sizeof folder, "%s", in_dir("plain"));
  mkdir(folder, 0777);
  clear();
  CHECK_INT(oi_safetensors_write(ctx, oi_test_path(folder, "model.safetensors"), all, 6), OINF_OK);
  oi_test_put(folder, "config.json", config, sizeof config - 1);
  return folder;
}

TEST(convert, follows_a_recipe) {
  good((oi_convert){.source = plain_folder(),
                    .out = in_dir("p.oinf"),
                    .recipe = recipe("drop: ['od?']\n"
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
  oinf_model *m = open_model(in_dir("p.oinf"));
  CHECK_INT(oinf_model_tensor_count(m), 5);
  for (size_t i = 0; i < 5; i++) {
    const oinf_tensor *t = oinf_model_find(m, want[i].name);
    CHECK_MSG(t && t->dtype == want[i].dtype, "%s", want[i].name);
  }
  CHECK_STR(oinf_model_meta(m, "model.layers"), "2");
  CHECK_STR(oinf_model_meta(m, "model.list"), "[1,2]");
  CHECK_STR(oinf_model_meta(m, "model.name"), "x y");
  CHECK(!oinf_model_meta(m, "model.none") && strstr(notes, "config.json has no key 'nothing'"));
  oinf_model_destroy(m);
}

TEST(convert, takes_options_as_metadata) {
  const oi_list sets = {{"a.b=c=d", "empty="}, 2};
  good((oi_convert){.source = plain_folder(), .out = in_dir("s.oinf"), .sets = &sets});
  oinf_model *m = open_model(in_dir("s.oinf"));
  CHECK_STR(oinf_model_meta(m, "a.b"), "c=d");
  CHECK_STR(oinf_model_meta(m, "empty"), "");
  oinf_model_destroy(m);
  for (int i = 0; i < 2; i++) {
    const oi_list bad = {{i ? "=x" : "nothing"}, 1};
    refused((oi_convert){.source = plain_folder(), .out = in_dir("bad.oinf"), .sets = &bad},
            OINF_USAGE, "--set wants key=value");
  }
}

TEST(convert, refuses_a_recipe_where_it_is_wrong) {
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
      {"drop: [a]\nrename: []\n", "', 2:1: the keys are drop, names, dtype, quantize, metadata"},
      {"drop: *a\n", "', 1:7: "},
      {"drop: [a\n", "', 2:1: "},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    refused(
        (oi_convert){
            .source = plain_folder(), .out = in_dir("bad.oinf"), .recipe = recipe(rows[i].yaml)},
        OINF_FORMAT, rows[i].word);
  refused((oi_convert){.source = plain_folder(), .recipe = in_dir("none.yaml")}, OINF_NOINPUT, "");
}

TEST(convert, refuses_what_a_recipe_cannot_do) {
  refused((oi_convert){.source = plain_folder(),
                       .out = in_dir("bad.oinf"),
                       .recipe = recipe("quantize: [{match: h.0.ln_1.weight, to: q8_0}]\n")},
          OINF_SUPPORT, "'h.0.ln_1.weight' cannot be q8_0: two axes of float");
  refused((oi_convert){.source = plain_folder(),
                       .out = in_dir("bad.oinf"),
                       .recipe = recipe("names: [{from: 'h.{l}.mlp.weight', to: one}]\n")},
          OINF_FORMAT, "one");
  refused((oi_convert){.source = plain_folder(), .out = in_dir("bad.oinf"), .quant = "q4_k"},
          OINF_USAGE, "--quant wants q8_0 or q4_0, not 'q4_k'");
  refused((oi_convert){.source = in_dir("none"), .out = in_dir("bad.oinf")}, OINF_NOINPUT, "");
  refused((oi_convert){.source = plain_folder(), .out = in_dir("no/bad.oinf")}, OINF_CREATE, "");
}

// ---- quantization ----

static int nibble_of(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static size_t from_hex(const char *hex, void *out) {
  const size_t n = strlen(hex) / 2;
  for (size_t i = 0; i < n; i++)
    ((uint8_t *)out)[i] = (uint8_t)(nibble_of(hex[2 * i]) << 4 | nibble_of(hex[2 * i + 1]));
  return n;
}

TEST(convert, quantizes_as_the_reference) {
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

TEST(convert, quantizes_no_value_that_is_not_finite) {
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
  clear();
  CHECK_INT(oi_safetensors_write(ctx, in_dir("nan.safetensors"), &t, 1), OINF_OK);
  refused(
      (oi_convert){.source = in_dir("nan.safetensors"), .out = in_dir("bad.oinf"), .quant = "q8_0"},
      OINF_FORMAT, "'w' holds values that q8_0 has no scale for");
}

TEST(convert, quantizes_what_it_can_and_notes_the_rest) {
  good((oi_convert){.source = plain_folder(), .out = in_dir("q.oinf"), .quant = "q4_0"});
  CHECK_MSG(strstr(notes, "1 matrices keep their dtype"), "%s", notes);
  oinf_model *m = open_model(in_dir("q.oinf"));
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

// ---- packages as sources ----

static const char *llama_folder(const char *file) {
  static char folder[256];
  oi_case c;
  clear();
  oi_case_open(oi_test_path("tests/data/llama", file), &c);
  snprintf(folder, sizeof folder, "%s", in_dir(file));
  oi_case_write(ctx, &c, folder, NULL);
  oi_case_close(&c);
  return folder;
}

TEST(convert, gives_the_same_bytes_again) {
  const char *folder = llama_folder("mistral-5.json");
  good((oi_convert){.source = folder, .out = in_dir("a.oinf")});
  good((oi_convert){.source = folder, .out = in_dir("b.oinf")});
  CHECK(same_bytes(in_dir("a.oinf"), in_dir("b.oinf")));
  good((oi_convert){.source = in_dir("a.oinf"), .out = in_dir("b.oinf")});
  CHECK(same_bytes(in_dir("a.oinf"), in_dir("b.oinf")));
}

TEST(convert, takes_a_package_as_it_takes_its_folder) {
  static const char *const quants[] = {"q8_0", "q4_0"};
  const char *folder = llama_folder("llama-5.json");
  good((oi_convert){.source = folder, .out = in_dir("plain.oinf")});
  for (int i = 0; i < 2; i++) {
    good((oi_convert){.source = folder, .out = in_dir("a.oinf"), .quant = quants[i]});
    good((oi_convert){.source = in_dir("plain.oinf"), .out = in_dir("b.oinf"), .quant = quants[i]});
    CHECK(same_bytes(in_dir("a.oinf"), in_dir("b.oinf")));
  }
  const oi_list sets = {{"kv_dtype=f16"}, 1};
  good((oi_convert){.source = folder, .out = in_dir("a.oinf"), .sets = &sets});
  good((oi_convert){.source = in_dir("plain.oinf"), .out = in_dir("b.oinf"), .sets = &sets});
  CHECK(same_bytes(in_dir("a.oinf"), in_dir("b.oinf")));
  good((oi_convert){.source = in_dir("a.oinf"), .out = in_dir("b.oinf"), .quant = "q8_0"});
  oinf_model *m = open_model(in_dir("b.oinf"));
  CHECK(strstr(oinf_model_graph_text(m, 0, NULL), "state k f16 "));
  oinf_model_destroy(m);
}

// ---- graphs that programs save ----

static void save_program(const char *path, bool unit) {
  oinf_model *m;
  oinf_graph *g;
  static float w[2 * 32];
  for (int i = 0; i < 64; i++) w[i] = (float)(i % 7 - 3) / 4;
  clear();
  CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
  CHECK_INT(oinf_model_add(m, "a.w", OINF_F32, 2, (int64_t[]){2, 32}, w), OINF_OK);
  CHECK_INT(oinf_graph_create(ctx, m, "net", &g), OINF_OK);
  const oinf_dim n = oinf_sym(g, "N", 1, 9);
  oinf_val x = oinf_input(g, "x", OINF_F32, n, 32);
  oinf_output(g, "y",
              oinf_name(oinf_matmul(x, oinf_weight(g, "a.w"), .transpose_b = true), "product"));
  CHECK_INT(oinf_graph_save(g, m), OINF_OK);
  if (unit) CHECK_INT(oinf_model_set_meta(m, "oinf.graph", "net"), OINF_OK);
  CHECK_INT(oinf_model_save(m, path), OINF_OK);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
}

TEST(convert, gives_goldens_to_a_graph_that_a_program_saved) {
  save_program(in_dir("net.oinf"), false);
  good((oi_convert){.source = in_dir("net.oinf"), .out = in_dir("net2.oinf")});
  oinf_model *m = open_model(in_dir("net2.oinf"));
  CHECK_INT(m->golden.n, 1);
  const oi_golden_step *s = &m->golden.at[0];
  CHECK_STR(s->graph, "net");
  CHECK(s->n_inputs == 1 && s->inputs[0].dims[0] == 4 && s->inputs[0].dims[1] == 32);
  CHECK(s->n_outputs == 1 && s->outputs[0].dims[0] == 4 && s->outputs[0].dims[1] == 2);
  const float *x = s->inputs[0].data, *y = s->outputs[0].data;
  double sum = 0;
  for (int k = 0; k < 32; k++) {
    CHECK(x[k] >= -1 && x[k] < 1);
    sum += (double)x[k] * (double)((float)(k % 7 - 3) / 4);
  }
  CHECK(fabs(sum - (double)y[0]) < 1e-5);
  oinf_model_destroy(m);
}

TEST(convert, renames_the_weights_of_a_saved_graph) {
  save_program(in_dir("net.oinf"), true);
  good((oi_convert){.source = in_dir("net.oinf"),
                    .out = in_dir("net2.oinf"),
                    .recipe = recipe("names: [{from: a.w, to: b}]\n")});
  oinf_model *m = open_model(in_dir("net2.oinf"));
  CHECK(oinf_model_find(m, "b") && strstr(oinf_model_graph_text(m, 0, NULL), "weight \"b\""));
  oinf_model_destroy(m);
}

TEST(convert, leaves_another_program_s_graph_to_that_program) {
  save_program(in_dir("net.oinf"), true);
  refused((oi_convert){.source = in_dir("net.oinf"), .out = in_dir("bad.oinf"), .quant = "q8_0"},
          OINF_SUPPORT, "a graph that a program saved");
}

// ---- goldens ----

TEST(convert, makes_steps_of_sixteen_one_and_one) {
  good((oi_convert){.source = llama_folder("llama-5.json"), .out = in_dir("g.oinf")});
  oinf_model *m = open_model(in_dir("g.oinf"));
  static const int64_t rows[] = {16, 1, 1}, at[] = {0, 16, 17};
  CHECK_INT(m->golden.n, 3);
  for (int i = 0; i < 3; i++) {
    const oi_golden_step *s = &m->golden.at[i];
    CHECK(s->n_syms == 1 && strcmp(s->syms[0].name, "P") == 0);
    CHECK_INT(s->syms[0].value, at[i]);
    CHECK_INT(s->inputs[0].dims[0], rows[i]);
    for (int64_t k = 0; k < rows[i]; k++)
      CHECK_INT(((const int32_t *)s->inputs[0].data)[k], (7 * (at[i] + k) + 3) % 97);
    CHECK(s->n_outputs == 1 && s->outputs[0].bytes == 97 * 4);
  }
  oinf_model_destroy(m);
  good((oi_convert){
      .source = llama_folder("llama-5.json"), .out = in_dir("g.oinf"), .no_golden = true});
  m = open_model(in_dir("g.oinf"));
  CHECK_INT(m->golden.n, 0);
  oinf_model_destroy(m);
}

TEST(convert, makes_shorter_steps_of_few_positions) {
  static const struct {
    int positions, steps, first;
  } rows[] = {{1, 1, 1}, {2, 2, 1}, {3, 3, 1}, {8, 3, 6}};
  for (int i = 0; i < 4; i++) {
    oi_case c;
    clear();
    oi_case_open("tests/data/llama/llama-5.json", &c);
    json_object_set_new(json_object_get(c.root, "config"), "max_position_embeddings",
                        json_integer(rows[i].positions));
    oi_case_write(ctx, &c, in_dir("short"), NULL);
    oi_case_close(&c);
    good((oi_convert){.source = in_dir("short"), .out = in_dir("g.oinf")});
    oinf_model *m = open_model(in_dir("g.oinf"));
    CHECK_INT(m->golden.n, rows[i].steps);
    CHECK_INT(m->golden.at[0].inputs[0].dims[0], rows[i].first);
    oinf_model_destroy(m);
  }
}

// A reference from transformers: the prompt and all but the last id go in, the last logits must
// come out.
static void put_reference(const char *file, float error) {
  oi_case c;
  int32_t ids[64];
  float logits[97];
  int64_t n = 0;
  clear();
  oi_case_open(oi_test_path("tests/data/llama", file), &c);
  const json_t *prompt = json_object_get(c.root, "prompt"), *made = json_object_get(c.root, "ids"),
               *want = json_object_get(c.root, "logits");
  for (size_t i = 0; i < json_array_size(prompt); i++)
    ids[n++] = (int32_t)json_integer_value(json_array_get(prompt, i));
  for (size_t i = 0; i + 1 < json_array_size(made); i++)
    ids[n++] = (int32_t)json_integer_value(json_array_get(made, i));
  for (size_t i = 0; i < 97; i++) logits[i] = (float)json_number_value(json_array_get(want, i));
  logits[96] += error;
  const oi_st_tensor t[] = {
      {{.name = "tokens", .dtype = OINF_I32, .rank = 1, .dims = {n}}, ids},
      {{.name = "logits", .dtype = OINF_F32, .rank = 1, .dims = {97}}, logits}};
  CHECK_INT(oi_safetensors_write(ctx, in_dir("ref.safetensors"), t, 2), OINF_OK);
  oi_case_close(&c);
}

TEST(convert, keeps_a_reference_that_holds) {
  put_reference("qwen3-5.json", 0);
  good((oi_convert){.source = llama_folder("qwen3-5.json"),
                    .out = in_dir("r.oinf"),
                    .reference = in_dir("ref.safetensors")});
  oinf_model *m = open_model(in_dir("r.oinf"));
  CHECK_INT(m->golden.n, 4);
  const oi_golden_step *s = &m->golden.at[3];
  CHECK(s->n_outputs == 1 && s->outputs[0].tolerance == 1e-3);
  oinf_model_destroy(m);
}

TEST(convert, refuses_a_reference_that_differs) {
  const char *folder = llama_folder("qwen3-5.json");
  unlink(in_dir("r.oinf"));
  put_reference("qwen3-5.json", 0.01f);
  refused(
      (oi_convert){
          .source = folder, .out = in_dir("r.oinf"), .reference = in_dir("ref.safetensors")},
      OINF_DIFFERENT, "--reference: 'logits' differs by 0.0");
  put_reference("qwen3-5.json", NAN);
  refused(
      (oi_convert){
          .source = folder, .out = in_dir("r.oinf"), .reference = in_dir("ref.safetensors")},
      OINF_DIFFERENT, "'logits' differs by inf");
  static const float one[97];
  const oi_st_tensor t = {{.name = "logits", .dtype = OINF_F32, .rank = 1, .dims = {97}}, one};
  clear();
  CHECK_INT(oi_safetensors_write(ctx, in_dir("ref.safetensors"), &t, 1), OINF_OK);
  refused(
      (oi_convert){
          .source = folder, .out = in_dir("r.oinf"), .reference = in_dir("ref.safetensors")},
      OINF_NOINPUT, "no tensor 'tokens', which is an input");
  refused((oi_convert){.source = folder, .out = in_dir("r.oinf"), .reference = in_dir("none")},
          OINF_NOINPUT, "");
  refused((oi_convert){.source = folder,
                       .out = in_dir("r.oinf"),
                       .reference = in_dir("ref.safetensors"),
                       .no_golden = true},
          OINF_USAGE, "--reference wants a graph");
}

// ---- what stays behind ----

TEST(convert, never_writes_over_its_source) {
  save_program(in_dir("net.oinf"), false);
  clear();
  CHECK_INT(run(ctx, (oi_convert){.source = in_dir("net.oinf"), .out = in_dir("net.oinf")}),
            OINF_USAGE);
  oinf_model_destroy(open_model(in_dir("net.oinf")));
  const char *folder = llama_folder("llama-5.json");
  clear();
  CHECK_INT(
      run(ctx, (oi_convert){.source = folder, .out = oi_test_path(folder, "model.safetensors")}),
      OINF_USAGE);
  oinf_model_destroy(open_model(folder));
}

static bool stop_at_once(void *user, uint64_t done, uint64_t total) {
  (void)user, (void)done;
  return total != 0;
}

TEST(convert, stops_while_golden_steps_run) {
  refused((oi_convert){.source = llama_folder("llama-5.json"),
                       .out = in_dir("bad.oinf"),
                       .progress = stop_at_once},
          OINF_CANCEL, "");
}

typedef struct meter {
  size_t now, peak;
  long calls, fail_at;
} meter;

static void *measured(void *user, void *ptr, size_t old, size_t size) {
  meter *m = user;
  if (size && ++m->calls == m->fail_at) return NULL;
  if (!size) return free(ptr), m->now -= old, NULL;
  void *p = realloc(ptr, size);
  if (p) m->now += size - old, m->peak = m->now > m->peak ? m->now : m->peak;
  return p;
}

static oinf_status measure(oi_convert o, meter *m) {
  oinf_ctx *c;
  const oinf_ctx_desc d = {.alloc = measured, .user = m};
  m->calls = 0;
  if (oinf_ctx_create(&d, &c) != OINF_OK) return OINF_MEMORY;
  const oinf_status status = run(c, o);
  CHECK_MSG(status == oinf_error_status(c), "%d is not %d", status, oinf_error_status(c));
  oinf_ctx_destroy(c);
  return status;
}

TEST(convert, needs_little_memory_whatever_the_weights_weigh) {
  static const char head[] =
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[1024,65536],\"data_offsets\":[0,268435456]}}";
  const uint64_t n = sizeof head - 1;
  meter m = {.fail_at = 0};
  FILE *f = fopen(in_dir("big.safetensors"), "wb");
  CHECK(f && fwrite(&n, 8, 1, f) == 1 && fwrite(head, n, 1, f) == 1 && fflush(f) == 0);
  CHECK(ftruncate(fileno(f), (off_t)(8 + n + 268435456)) == 0 && fclose(f) == 0);  // a hole
  CHECK_INT(measure((oi_convert){.source = in_dir("big.safetensors"),
                                 .out = in_dir("big.oinf"),
                                 .quant = "q4_0"},
                    &m),
            OINF_OK);
  CHECK_MSG(m.peak < 48 << 20, "%zu bytes", m.peak);
  unlink(in_dir("big.safetensors")), unlink(in_dir("big.oinf"));
}

// Every so-manieth allocation of a conversion fails in turn. Where one is not missed, the package
// must be as ever.
static void fail_all(oi_convert o, long stride) {
  meter m = {.fail_at = 0};
  CHECK_INT(measure(o, &m), OINF_OK);
  CHECK_INT(m.now, 0);
  CHECK_INT(rename(o.out, in_dir("whole.oinf")), 0);
  const long calls = m.calls;
  for (long i = 1; i <= calls; i += stride) {
    m.fail_at = i;
    const oinf_status status = measure(o, &m);
    const bool there = access(o.out, F_OK) == 0;
    CHECK_MSG(m.now == 0, "%zu bytes stay behind allocation %ld", m.now, i);
    CHECK_MSG(status == (there ? OINF_OK : OINF_MEMORY), "allocation %ld: %d", i, status);
    CHECK_MSG(!there || same_bytes(o.out, in_dir("whole.oinf")), "allocation %ld", i);
    unlink(o.out);
  }
}

TEST(convert, survives_every_failing_allocation) {
  fail_all(
      (oi_convert){
          .source = llama_folder("plain-tied.json"),
          .out = in_dir("m.oinf"),
          .recipe = recipe("names: [{from: 'model.layers.{l}.mlp.up_proj.weight', to: 'u.{l}'}]\n"),
          .quant = "q8_0",
          .no_golden = true},
      1);
  fail_all((oi_convert){.source = llama_folder("plain-tied.json"), .out = in_dir("m.oinf")},
           oi_test_soak() ? 1 : 37);
}

// A file call that fails ends the conversion cleanly, or is one that can be done without.
TEST(convert, survives_every_failing_file_call) {
  const char *folder = llama_folder("plain-tied.json");
  const oi_convert o = {.source = folder, .out = in_dir("f.oinf"), .no_golden = true};
  oi_fault fault = {.error = EIO};
  clear();
  oi_fault_set(&fault);
  CHECK_INT(run(ctx, o), OINF_OK);
  const long calls = oi_fault_calls();
  oi_fault_set(NULL);
  CHECK(calls > 10);
  for (fault.at = 1; fault.at <= calls; fault.at++) {
    unlink(o.out);
    clear();
    oi_fault_set(&fault);
    const oinf_status status = run(ctx, o);
    oi_fault_set(NULL);
    const bool there = access(o.out, F_OK) == 0;
    CHECK_MSG(there == (status == OINF_OK) || status == OINF_IO, "call %ld: %d", fault.at, status);
    CHECK_MSG(
        status == OINF_OK || status == OINF_IO || status == OINF_NOINPUT || status == OINF_CREATE,
        "call %ld: %d, %s", fault.at, status, oinf_error(ctx));
    if (there) oinf_model_destroy(open_model(o.out));
  }
}

TEST(convert, survives_a_full_disk_and_short_transfers) {
  const char *folder = llama_folder("llama-5.json");
  oi_fault fault = {.only = "pwrite", .at = 2, .error = ENOSPC, .sticky = true};
  oi_convert o = {.source = folder, .out = in_dir("d.oinf")};
  clear();
  oi_fault_set(&fault);
  const oinf_status status = run(ctx, o);
  oi_fault_set(NULL);
  CHECK_INT(status, OINF_IO);
  CHECK(access(o.out, F_OK) != 0);
  good(o);
  fault = (oi_fault){.most = 1000, .interrupt = 3};
  o.out = in_dir("d2.oinf");
  clear();
  oi_fault_set(&fault);
  const oinf_status slow = run(ctx, o);
  oi_fault_set(NULL);
  CHECK_MSG(slow == OINF_OK, "%s", oinf_error(ctx));
  CHECK(same_bytes(in_dir("d.oinf"), in_dir("d2.oinf")));
}
