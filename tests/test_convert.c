// Conversion: packages as sources, goldens, references, and what is left behind when memory or
// files fail.
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "formats/safetensors.h"
#include "tests/checkpoint.h"
#include "tests/conversion.h"
#include "tests/iofault.h"
#include "tests/test.h"

// ---- packages as sources ----

static const char *llama_folder(const char *file) {
  static char folder[256];
  oi_case c;
  oi_cv_clear();
  oi_case_open(oi_test_path("tests/data/llama", file), &c);
  snprintf(folder, sizeof folder, "%s", oi_cv_path(file));
  oi_case_write(oi_cv_ctx, &c, folder, NULL);
  oi_case_close(&c);
  return folder;
}

TEST(convert, gives_the_same_bytes_again) {
  const char *folder = llama_folder("mistral-5.json");
  oi_cv_good((oi_convert){.source = folder, .out = oi_cv_path("a.oinf")});
  oi_cv_good((oi_convert){.source = folder, .out = oi_cv_path("b.oinf")});
  CHECK(oi_cv_same(oi_cv_path("a.oinf"), oi_cv_path("b.oinf")));
  oi_cv_good((oi_convert){.source = oi_cv_path("a.oinf"), .out = oi_cv_path("b.oinf")});
  CHECK(oi_cv_same(oi_cv_path("a.oinf"), oi_cv_path("b.oinf")));
}

TEST(convert, takes_a_package_as_it_takes_its_folder) {
  static const char *const quants[] = {"q8_0", "q4_0"};
  const char *folder = llama_folder("llama-5.json");
  oi_cv_good((oi_convert){.source = folder, .out = oi_cv_path("plain.oinf")});
  for (int i = 0; i < 2; i++) {
    oi_cv_good((oi_convert){.source = folder, .out = oi_cv_path("a.oinf"), .quant = quants[i]});
    oi_cv_good((oi_convert){
        .source = oi_cv_path("plain.oinf"), .out = oi_cv_path("b.oinf"), .quant = quants[i]});
    CHECK(oi_cv_same(oi_cv_path("a.oinf"), oi_cv_path("b.oinf")));
  }
  const oi_list sets = {{"kv_dtype=f16"}, 1};
  oi_cv_good((oi_convert){.source = folder, .out = oi_cv_path("a.oinf"), .sets = &sets});
  oi_cv_good(
      (oi_convert){.source = oi_cv_path("plain.oinf"), .out = oi_cv_path("b.oinf"), .sets = &sets});
  CHECK(oi_cv_same(oi_cv_path("a.oinf"), oi_cv_path("b.oinf")));
  oi_cv_good(
      (oi_convert){.source = oi_cv_path("a.oinf"), .out = oi_cv_path("b.oinf"), .quant = "q8_0"});
  oinf_model *m = oi_cv_open(oi_cv_path("b.oinf"));
  CHECK(strstr(oinf_model_graph_text(m, 0, NULL), "state k f16 "));
  oinf_model_destroy(m);
}

// ---- graphs that programs save ----

static void save_program(const char *path, bool unit) {
  oinf_model *m;
  oinf_graph *g;
  static float w[2 * 32];
  for (int i = 0; i < 64; i++) w[i] = (float)(i % 7 - 3) / 4;
  oi_cv_clear();
  CHECK_INT(oinf_model_create(oi_cv_ctx, &m), OINF_OK);
  CHECK_INT(oinf_model_add(m, "a.w", OINF_F32, 2, (int64_t[]){2, 32}, w), OINF_OK);
  CHECK_INT(oinf_graph_create(oi_cv_ctx, m, "net", &g), OINF_OK);
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
  save_program(oi_cv_path("net.oinf"), false);
  oi_cv_good((oi_convert){.source = oi_cv_path("net.oinf"), .out = oi_cv_path("net2.oinf")});
  oinf_model *m = oi_cv_open(oi_cv_path("net2.oinf"));
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
  save_program(oi_cv_path("net.oinf"), true);
  oi_cv_good((oi_convert){.source = oi_cv_path("net.oinf"),
                          .out = oi_cv_path("net2.oinf"),
                          .recipe = oi_cv_recipe("names: [{from: a.w, to: b}]\n")});
  oinf_model *m = oi_cv_open(oi_cv_path("net2.oinf"));
  CHECK(oinf_model_find(m, "b") && strstr(oinf_model_graph_text(m, 0, NULL), "weight \"b\""));
  oinf_model_destroy(m);
}

OINF_OP(doubled, 1, { out = a + a; });

// Matrices of a family in a loop, one of which two products read, a table of rows, a user's op.
static void build_layers(oinf_graph *g) {
  const oinf_dim n = oinf_sym(g, "N", 1, 9);
  oinf_val x = oinf_gather(oinf_weight(g, "table"), oinf_input(g, "ids", OINF_I32, n));
  oinf_for(l, g, 2, &x) {
    oinf_val w = oinf_weight(g, "blk.{l}.w"), h = oinf_matmul(x, w, .transpose_b = true);
    x = oinf_name(oinf_add(x, oinf_user(g, &doubled, h)), "h.{l}");
    x = oinf_add(x, oinf_matmul(x, w, .transpose_b = true, .act = OINF_F32));
  }
  oinf_output(g, "y", oinf_matmul(x, oinf_weight(g, "blk.1.w"), .transpose_b = true));
}

static void save_layers(const char *path) {
  static float w[32 * 32];
  static const char *const names[] = {"table", "blk.0.w", "blk.1.w"};
  oinf_model *m;
  oinf_graph *g;
  for (int i = 0; i < 32 * 32; i++) w[i] = (float)(i * 37 % 101 - 50) / 400;
  oi_cv_clear();
  CHECK_INT(oinf_model_create(oi_cv_ctx, &m), OINF_OK);
  for (int i = 0; i < 3; i++)
    CHECK_INT(oinf_model_add(m, names[i], OINF_F32, 2, (int64_t[]){32, 32}, w), OINF_OK);
  CHECK_INT(oinf_graph_create(oi_cv_ctx, m, "net", &g), OINF_OK);
  build_layers(g);
  CHECK_MSG(oinf_graph_save(g, m) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
  CHECK_INT(oinf_model_save(m, path), OINF_OK);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
}

// The graph that comes out is the one that the program would build over the new weights.
TEST(convert, a_saved_graph_is_built_again_over_other_dtypes) {
  static const char *const recipes[] = {
      "quantize: [{match: \"*\", to: q8_0}]\n", "quantize: [{match: \"blk.*\", to: q4_0}]\n",
      "quantize: [{match: \"blk.1.w\", to: none}, {match: table, to: q4_0}]\n",
      "dtype: [{match: \"blk.*\", to: bf16}]\n",
      "dtype: [{match: \"blk.*\", to: f16}]\nquantize: [{match: table, to: q8_0}]\n"};
  save_layers(oi_cv_path("layers.oinf"));
  for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
    oinf_graph *g;
    oi_cv_good((oi_convert){.source = oi_cv_path("layers.oinf"),
                            .out = oi_cv_path("anew.oinf"),
                            .recipe = oi_cv_recipe(recipes[i])});
    oinf_model *m = oi_cv_open(oi_cv_path("anew.oinf"));
    CHECK_INT(oinf_graph_create(oi_cv_ctx, m, "net", &g), OINF_OK);
    build_layers(g);
    CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
    CHECK_STR(oinf_model_graph_text(m, 0, NULL), oinf_graph_text(g));
    oinf_graph_destroy(g);
    oinf_model_destroy(m);
  }
}

TEST(convert, a_saved_graph_that_does_not_hold_any_more_is_refused) {
  static const struct {
    const char *recipe, *set, *why;
  } rows[] = {
      {"quantize: [{match: blk.0.w, to: q8_0}]\n", NULL, "over the new weights: weight 'blk.1.w'"},
      {"dtype: [{match: table, to: f16}]\n", NULL, "over the new weights: loop: carried value"},
      {"drop: [table]\ndtype: [{match: blk.*, to: f16}]\n", NULL, "'table' is not in the model"},
      {NULL, "kv_dtype=f16", "states of another dtype, it builds its graph again"}};
  save_layers(oi_cv_path("layers.oinf"));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_list sets = {{rows[i].set}, rows[i].set != NULL};
    oi_cv_refused((oi_convert){.source = oi_cv_path("layers.oinf"),
                               .out = oi_cv_path("bad.oinf"),
                               .recipe = rows[i].recipe ? oi_cv_recipe(rows[i].recipe) : NULL,
                               .sets = &sets},
                  OINF_SUPPORT, rows[i].why);
  }
}

TEST(convert, leaves_goldens_out_where_no_simulator_knows_the_ops) {
  oinf_model *m;
  oinf_graph *g;
  oi_cv_clear();
  CHECK_INT(oinf_model_create(oi_cv_ctx, &m), OINF_OK);
  CHECK_INT(oinf_graph_create(oi_cv_ctx, m, "own", &g), OINF_OK);
  oinf_output(g, "y", oinf_user(g, &doubled, oinf_input(g, "x", OINF_F32, 3)));
  CHECK_INT(oinf_graph_save(g, m), OINF_OK);
  CHECK_INT(oinf_model_save(m, oi_cv_path("own.oinf")), OINF_OK);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oi_cv_good((oi_convert){.source = oi_cv_path("own.oinf"), .out = oi_cv_path("own2.oinf")});
  CHECK(strstr(oi_cv_notes, "'own' has ops that only its own program can run"));
  m = oi_cv_open(oi_cv_path("own2.oinf"));
  CHECK(m->golden.n == 0 && strstr(oinf_model_graph_text(m, 0, NULL), "out = a + a;"));
  oinf_model_destroy(m);
}

// ---- ids of the end ----

// generation_config.json goes before config.json, which goes before the class's own.
TEST(convert, finds_where_a_text_ends) {
  static const struct {
    const char *config, *generation, *want;  // "": the key is taken out
  } rows[] = {{"2", NULL, "2"},
              {"", NULL, "2"},
              {"null", NULL, ""},
              {"[3,4]", NULL, "3,4"},
              {"2", "[128001,5]", "128001,5"},
              {"2", "7", "7"},
              {"2", "null", "2"},
              {"", "null", ""},
              {"null", "9", "9"}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_case c;
    char folder[256];
    snprintf(folder, sizeof folder, "%s/eos%zu", oi_test_dir(), i);
    oi_cv_clear();
    oi_case_open("tests/data/llama/plain.json", &c);
    json_t *config = json_object_get(c.root, "config");
    if (*rows[i].config)
      json_object_set_new(config, "eos_token_id",
                          json_loads(rows[i].config, JSON_DECODE_ANY, NULL));
    oi_case_write(oi_cv_ctx, &c, folder, NULL);
    oi_case_close(&c);
    char text[64];
    if (rows[i].generation) {
      const int n = snprintf(text, sizeof text, "{\"eos_token_id\":%s}", rows[i].generation);
      oi_test_put(folder, "generation_config.json", text, (size_t)n);
    }
    oi_cv_good((oi_convert){.source = folder, .out = oi_cv_path("e.oinf"), .no_golden = true});
    oinf_model *m = oi_cv_open(oi_cv_path("e.oinf"));
    const char *have = oinf_model_meta(m, "oinf.eos");
    CHECK_MSG(strcmp(have ? have : "", rows[i].want) == 0, "row %zu: %s", i, have);
    oinf_model_destroy(m);
  }
}

// ---- goldens ----

TEST(convert, makes_steps_of_sixteen_one_and_one) {
  oi_cv_good((oi_convert){.source = llama_folder("llama-5.json"), .out = oi_cv_path("g.oinf")});
  oinf_model *m = oi_cv_open(oi_cv_path("g.oinf"));
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
  oi_cv_good((oi_convert){
      .source = llama_folder("llama-5.json"), .out = oi_cv_path("g.oinf"), .no_golden = true});
  m = oi_cv_open(oi_cv_path("g.oinf"));
  CHECK_INT(m->golden.n, 0);
  oinf_model_destroy(m);
}

TEST(convert, makes_shorter_steps_of_few_positions) {
  static const struct {
    int positions, steps, first;
  } rows[] = {{1, 1, 1}, {2, 2, 1}, {3, 3, 1}, {8, 3, 6}};
  for (int i = 0; i < 4; i++) {
    oi_case c;
    oi_cv_clear();
    oi_case_open("tests/data/llama/llama-5.json", &c);
    json_object_set_new(json_object_get(c.root, "config"), "max_position_embeddings",
                        json_integer(rows[i].positions));
    oi_case_write(oi_cv_ctx, &c, oi_cv_path("short"), NULL);
    oi_case_close(&c);
    oi_cv_good((oi_convert){.source = oi_cv_path("short"), .out = oi_cv_path("g.oinf")});
    oinf_model *m = oi_cv_open(oi_cv_path("g.oinf"));
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
  oi_cv_clear();
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
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_cv_path("ref.safetensors"), t, 2), OINF_OK);
  oi_case_close(&c);
}

TEST(convert, keeps_a_reference_that_holds) {
  put_reference("qwen3-5.json", 0);
  oi_cv_good((oi_convert){.source = llama_folder("qwen3-5.json"),
                          .out = oi_cv_path("r.oinf"),
                          .reference = oi_cv_path("ref.safetensors")});
  oinf_model *m = oi_cv_open(oi_cv_path("r.oinf"));
  CHECK_INT(m->golden.n, 4);
  const oi_golden_step *s = &m->golden.at[3];
  CHECK(s->n_outputs == 1 && s->outputs[0].tolerance == 1e-3);
  oinf_model_destroy(m);
}

TEST(convert, refuses_a_reference_that_differs) {
  const char *folder = llama_folder("qwen3-5.json");
  unlink(oi_cv_path("r.oinf"));
  put_reference("qwen3-5.json", 0.01f);
  oi_cv_refused((oi_convert){.source = folder,
                             .out = oi_cv_path("r.oinf"),
                             .reference = oi_cv_path("ref.safetensors")},
                OINF_DIFFERENT, "--reference: 'logits' differs by 0.0");
  put_reference("qwen3-5.json", NAN);
  oi_cv_refused((oi_convert){.source = folder,
                             .out = oi_cv_path("r.oinf"),
                             .reference = oi_cv_path("ref.safetensors")},
                OINF_DIFFERENT, "'logits' differs by inf");
  static const float one[97];
  const oi_st_tensor t = {{.name = "logits", .dtype = OINF_F32, .rank = 1, .dims = {97}}, one};
  oi_cv_clear();
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_cv_path("ref.safetensors"), &t, 1), OINF_OK);
  oi_cv_refused((oi_convert){.source = folder,
                             .out = oi_cv_path("r.oinf"),
                             .reference = oi_cv_path("ref.safetensors")},
                OINF_NOINPUT, "no tensor 'tokens', which is an input");
  oi_cv_refused(
      (oi_convert){.source = folder, .out = oi_cv_path("r.oinf"), .reference = oi_cv_path("none")},
      OINF_NOINPUT, "");
  oi_cv_refused((oi_convert){.source = folder,
                             .out = oi_cv_path("r.oinf"),
                             .reference = oi_cv_path("ref.safetensors"),
                             .no_golden = true},
                OINF_USAGE, "--reference wants a graph");
}

// ---- what stays behind ----

TEST(convert, never_writes_over_its_source) {
  save_program(oi_cv_path("net.oinf"), false);
  oi_cv_clear();
  CHECK_INT(oi_cv_run(oi_cv_ctx, (oi_convert){.source = oi_cv_path("net.oinf"),
                                              .out = oi_cv_path("net.oinf")}),
            OINF_USAGE);
  oinf_model_destroy(oi_cv_open(oi_cv_path("net.oinf")));
  const char *folder = llama_folder("llama-5.json");
  oi_cv_clear();
  CHECK_INT(oi_cv_run(oi_cv_ctx, (oi_convert){.source = folder,
                                              .out = oi_test_path(folder, "model.safetensors")}),
            OINF_USAGE);
  oinf_model_destroy(oi_cv_open(folder));
}

static bool stop_at_once(void *user, uint64_t done, uint64_t total) {
  (void)user, (void)done;
  return total != 0;
}

TEST(convert, stops_while_golden_steps_run) {
  oi_cv_refused((oi_convert){.source = llama_folder("llama-5.json"),
                             .out = oi_cv_path("bad.oinf"),
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
  const oinf_status status = oi_cv_run(c, o);
  CHECK_MSG(status == oinf_error_status(c), "%d is not %d", status, oinf_error_status(c));
  snprintf(oi_cv_notes, sizeof oi_cv_notes, "%s", oinf_error(c));
  oinf_ctx_destroy(c);
  return status;
}

TEST(convert, needs_little_memory_whatever_the_weights_weigh) {
  static const char head[] =
      "{\"w\":{\"dtype\":\"F32\",\"shape\":[1024,65536],\"data_offsets\":[0,268435456]}}";
  const uint64_t n = sizeof head - 1;
  meter m = {.fail_at = 0};
  FILE *f = fopen(oi_cv_path("big.safetensors"), "wb");
  CHECK(f && fwrite(&n, 8, 1, f) == 1 && fwrite(head, n, 1, f) == 1 && fflush(f) == 0);
  CHECK(ftruncate(fileno(f), (off_t)(8 + n + 268435456)) == 0 && fclose(f) == 0);  // a hole
  CHECK_INT(measure((oi_convert){.source = oi_cv_path("big.safetensors"),
                                 .out = oi_cv_path("big.oinf"),
                                 .quant = "q4_0"},
                    &m),
            OINF_OK);
  CHECK_MSG(m.peak < 48 << 20, "%zu bytes", m.peak);
  CHECK_INT(measure((oi_convert){.source = oi_cv_path("big.safetensors"),
                                 .out = oi_cv_path("big.oinf"),
                                 .recipe = oi_cv_recipe("transpose: [w]\n"),
                                 .quant = "q4_0"},
                    &m),
            OINF_OK);
  CHECK_MSG(m.peak < 48 << 20, "transposed: %zu bytes", m.peak);
  unlink(oi_cv_path("big.safetensors")), unlink(oi_cv_path("big.oinf"));
}

// Every so-manieth allocation of a conversion fails in turn. Where one is not missed, the package
// must be as ever.
static void fail_all(oi_convert o, long stride) {
  meter m = {.fail_at = 0};
  char whole[256];
  snprintf(whole, sizeof whole, "%s/whole.oinf", oi_test_dir());
  CHECK_INT(measure(o, &m), OINF_OK);
  CHECK_INT(m.now, 0);
  CHECK_INT(rename(o.out, whole), 0);
  const long calls = m.calls;
  for (long i = 1; i <= calls; i += stride) {
    m.fail_at = i;
    const oinf_status status = measure(o, &m);
    const bool there = access(o.out, F_OK) == 0;
    CHECK_MSG(m.now == 0, "%zu bytes stay behind allocation %ld", m.now, i);
    CHECK_MSG(status == (there ? OINF_OK : OINF_MEMORY), "allocation %ld: %d, %s", i, status,
              oi_cv_notes);
    CHECK_MSG(!there || oi_cv_same(o.out, whole), "allocation %ld", i);
    unlink(o.out);
  }
}

TEST(convert, survives_every_failing_allocation) {
  fail_all(
      (oi_convert){.source = llama_folder("plain-tied.json"),
                   .out = oi_cv_path("m.oinf"),
                   .recipe = oi_cv_recipe(
                       "names: [{from: 'model.layers.{l}.mlp.up_proj.weight', to: 'u.{l}'}]\n"),
                   .quant = "q8_0",
                   .no_golden = true},
      1);
  static const char shapes[] =
      "transpose: ['*.o_proj.weight']\n"
      "split: [{from: 'model.layers.{l}.mlp.up_proj.weight', to: ['{l}.a', '{l}.b']}]\n"
      "merge: [{from: ['{l}.b', 'model.layers.{l}.mlp.gate_proj.weight'], to: '{l}.c'}]\n";
  const char *folder = llama_folder("plain-tied.json");
  fail_all((oi_convert){.source = oi_test_path(folder, "model.safetensors"),
                        .out = oi_cv_path("m.oinf"),
                        .recipe = oi_cv_recipe(shapes)},
           1);
  fail_all((oi_convert){.source = llama_folder("plain-tied.json"), .out = oi_cv_path("m.oinf")},
           oi_test_soak() ? 1 : 7);
}

// A file call that fails ends the conversion cleanly, or is one that can be done without.
TEST(convert, survives_every_failing_file_call) {
  const char *folder = llama_folder("plain-tied.json");
  const oi_convert o = {.source = folder, .out = oi_cv_path("f.oinf"), .no_golden = true};
  oi_fault fault = {.error = EIO};
  oi_cv_clear();
  oi_fault_set(&fault);
  CHECK_INT(oi_cv_run(oi_cv_ctx, o), OINF_OK);
  const long calls = oi_fault_calls();
  oi_fault_set(NULL);
  CHECK(calls > 10);
  for (fault.at = 1; fault.at <= calls; fault.at++) {
    unlink(o.out);
    oi_cv_clear();
    oi_fault_set(&fault);
    const oinf_status status = oi_cv_run(oi_cv_ctx, o);
    oi_fault_set(NULL);
    const bool there = access(o.out, F_OK) == 0;
    CHECK_MSG(there == (status == OINF_OK) || status == OINF_IO, "call %ld: %d", fault.at, status);
    CHECK_MSG(
        status == OINF_OK || status == OINF_IO || status == OINF_NOINPUT || status == OINF_CREATE,
        "call %ld: %d, %s", fault.at, status, oinf_error(oi_cv_ctx));
    if (there) oinf_model_destroy(oi_cv_open(o.out));
  }
}

TEST(convert, survives_a_full_disk_and_short_transfers) {
  const char *folder = llama_folder("llama-5.json");
  oi_fault fault = {.only = "pwrite", .at = 2, .error = ENOSPC, .sticky = true};
  oi_convert o = {.source = folder, .out = oi_cv_path("d.oinf")};
  oi_cv_clear();
  oi_fault_set(&fault);
  const oinf_status status = oi_cv_run(oi_cv_ctx, o);
  oi_fault_set(NULL);
  CHECK_INT(status, OINF_IO);
  CHECK(access(o.out, F_OK) != 0);
  oi_cv_good(o);
  fault = (oi_fault){.most = 1000, .interrupt = 3};
  o.out = oi_cv_path("d2.oinf");
  oi_cv_clear();
  oi_fault_set(&fault);
  const oinf_status slow = oi_cv_run(oi_cv_ctx, o);
  oi_fault_set(NULL);
  CHECK_MSG(slow == OINF_OK, "%s", oinf_error(oi_cv_ctx));
  CHECK(oi_cv_same(oi_cv_path("d.oinf"), oi_cv_path("d2.oinf")));
}
