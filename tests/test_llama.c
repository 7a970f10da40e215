// The Llama family against transformers: every case of tests/data/llama is written as a checkpoint
// folder, converted through the command's own functions, simulated, and must give the same greedy
// ids and, in the last step, the same logits. The cases are config.json as transformers 4 and 5
// write it; make.py there says how the expectations came about.
#include <dirent.h>
#include <math.h>
#include <oinf/sim.h>

#include "tests/checkpoint.h"
#include "tests/conversion.h"
#include "tests/test.h"

#define DATA "tests/data/llama/"

static oinf_ctx *context(void) { return oi_cv_clear(), oi_cv_ctx; }

static oinf_status convert(const char *folder, const char *out, oi_convert options) {
  options.source = folder, options.out = out;
  return oi_cv_run(context(), options);
}

static oinf_model *convert_open(const char *folder, oi_convert options) {
  const char *out = oi_test_path(oi_test_dir(), "made.oinf");
  oinf_model *m;
  oinf_status status = convert(folder, out, options);
  CHECK_MSG(status == OINF_OK, "%s: %s", folder, oinf_error(oi_cv_ctx));
  CHECK_MSG(oinf_model_open(oi_cv_ctx, out, &m) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
  return m;
}

// ---- generating ----

typedef struct text {
  oinf_model *model;
  oinf_graph *graph;
  oinf_sim *sim;
  int64_t at;
  const float *logits;
  int64_t vocab;
} text;

static void begin(text *t, oinf_model *m) {
  *t = (text){.model = m};
  CHECK_MSG(oinf_graph_load(oi_cv_ctx, m, NULL, &t->graph) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
  CHECK_MSG(oinf_sim_create(m, t->graph, NULL, &t->sim) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
}

static void step(text *t, const int32_t *ids, int64_t n) {
  oinf_array a;
  if (t->at) CHECK_INT(oinf_sim_end(t->sim), OINF_OK);
  CHECK_INT(oinf_sim_set(t->sim, "P", t->at), OINF_OK);
  CHECK_INT(oinf_sim_bind(t->sim, "tokens", ids, OINF_I32, 1, &n), OINF_OK);
  CHECK_MSG(oinf_sim_fetch(t->sim, "logits", &a) == OINF_OK, "%s", oinf_sim_error(t->sim));
  CHECK(a.dtype == OINF_F32 && a.rank == 1);
  t->logits = a.data, t->vocab = a.dims[0], t->at += n;
}

static int32_t best(const text *t) {
  int32_t id = 0;
  for (int32_t i = 1; i < t->vocab; i++)
    if (t->logits[i] > t->logits[id]) id = i;
  return id;
}

static void end(text *t) {
  oinf_sim_destroy(t->sim);
  oinf_graph_destroy(t->graph);
  oinf_model_destroy(t->model);
}

static void compare_logits(const text *t, const json_t *want, double tolerance, const char *name) {
  if (!json_is_array(want)) return;
  CHECK_INT(t->vocab, json_array_size(want));
  double worst = 0;
  for (int64_t i = 0; i < t->vocab; i++) {
    const double apart =
        fabs((double)t->logits[i] - json_number_value(json_array_get(want, (size_t)i)));
    if (!(apart <= worst)) worst = apart;
  }
  CHECK_MSG(worst <= tolerance, "%s: logits differ by %g", name, worst);
}

static void generate(const oi_case *c, oinf_model *m, double tolerance, const char *name) {
  const json_t *prompt = json_object_get(c->root, "prompt"), *ids = json_object_get(c->root, "ids");
  int32_t in[64];
  text t;
  begin(&t, m);
  const size_t n = json_array_size(prompt);
  for (size_t i = 0; i < n; i++) in[i] = (int32_t)json_integer_value(json_array_get(prompt, i));
  step(&t, in, (int64_t)n);
  for (size_t i = 0; i < json_array_size(ids); i++) {
    const int32_t id = best(&t);
    CHECK_MSG(id == json_integer_value(json_array_get(ids, i)), "%s: id %zu is %d", name, i, id);
    if (i + 1 < json_array_size(ids)) step(&t, &id, 1);
  }
  compare_logits(&t, json_object_get(c->root, "logits"), tolerance, name);
  end(&t);
}

static void check_end(const oi_case *c, const oinf_model *m, const char *name) {
  char want[32] = "";
  const json_t *eos = json_object_get(c->root, "eos");
  const char *have = oinf_model_meta(m, "oinf.eos");
  if (json_is_integer(eos)) snprintf(want, sizeof want, "%d", (int)json_integer_value(eos));
  CHECK_MSG(strcmp(have ? have : "", want) == 0, "%s: eos is %s, not %s", name, have, want);
}

static void run_case(const char *file) {
  oi_case c;
  char folder[600];
  oi_case_open(oi_test_path(DATA, file), &c);
  snprintf(folder, sizeof folder, "%s/%s", oi_test_dir(), file);
  oi_case_write(context(), &c, folder, NULL);
  oinf_model *m = convert_open(folder, (oi_convert){.no_golden = true});
  CHECK_MSG(!oi_cv_notes[0], "%s: %s", file, oi_cv_notes);
  check_end(&c, m, file);
  generate(&c, m, 2e-4, file);
  oi_case_close(&c);
}

static void run_cases(const char *end_of_name, int at_least) {
  DIR *d = opendir(DATA);
  int n = 0;
  CHECK(d);
  for (struct dirent *e; (e = readdir(d));) {
    const size_t k = strlen(e->d_name), m = strlen(end_of_name);
    if (k < m || strcmp(e->d_name + k - m, end_of_name) != 0) continue;
    run_case(e->d_name);
    n++;
  }
  closedir(d);
  CHECK_MSG(n >= at_least, "%d cases of %s", n, end_of_name);
}

TEST(llama, answers_as_transformers_4) { run_cases("-4.json", 26); }
TEST(llama, answers_as_transformers_5) { run_cases("-5.json", 25); }

TEST(llama, answers_as_a_plain_forward) {
  run_case("plain.json");
  run_case("plain-greedy.json");
  run_case("plain-llama3.json");
  run_case("plain-tied.json");
}

// ---- folders that differ from the usual ----

static char folder[600];

// A case in a folder of its own, with some key of config.json set (or, with NULL, taken out).
static oi_case prepare(const char *file, const char *key, json_t *value, const char *without) {
  static int count;
  oi_case c;
  oi_case_open(oi_test_path(DATA, file), &c);
  json_t *config = json_object_get(c.root, "config");
  if (key && value) json_object_set_new(config, key, value);
  else if (key) json_object_del(config, key);
  snprintf(folder, sizeof folder, "%s/folder%d", oi_test_dir(), count++);
  oi_case_write(context(), &c, folder, without);
  return c;
}

static void refused(oi_convert options, oinf_status want, const char *word) {
  const char *out = oi_test_path(oi_test_dir(), "refused.oinf");
  const oinf_status have = convert(folder, out, options);
  CHECK_MSG(have == want && strstr(oinf_error(oi_cv_ctx), word), "%d: %s", have,
            oinf_error(oi_cv_ctx));
  CHECK(fopen(out, "rb") == NULL);
}

static oi_convert with_recipe(const char *yaml) {
  oi_test_put(oi_test_dir(), "r.yaml", yaml, strlen(yaml));
  return (oi_convert){.recipe = oi_test_path(oi_test_dir(), "r.yaml"), .no_golden = true};
}

TEST(llama, takes_names_without_their_prefix) {
  oi_case c = prepare("llama-tied-5.json", NULL, NULL, NULL);
  c.bare = true;
  oi_case_write(oi_cv_ctx, &c, folder, NULL);
  generate(&c, convert_open(folder, (oi_convert){.no_golden = true}), 2e-4, "bare");
  oi_case_close(&c);
}

TEST(llama, keeps_states_as_the_user_sets) {
  static const char *const rows[][2] = {{"kv_dtype=f16", "state k f16 [3, C, 2, 24]"},
                                        {"kv_dtype=bf16", "state v bf16 [3, C, 2, 24]"}};
  for (int i = 0; i < 2; i++) {
    oi_case c = prepare("llama-head-dim-5.json", NULL, NULL, NULL);
    const oi_list sets = {{rows[i][0]}, 1};
    oinf_model *m = convert_open(folder, (oi_convert){.no_golden = true, .sets = &sets});
    const char *graph = oinf_model_graph_text(m, 0, NULL);
    CHECK_MSG(strstr(graph, rows[i][1]), "%.300s", graph);
    oinf_model_destroy(m);
    oi_case_close(&c);
  }
  oi_case c = prepare("llama-head-dim-5.json", NULL, NULL, NULL);
  const oi_list bad = {{"kv_dtype=i8"}, 1};
  refused((oi_convert){.sets = &bad}, OINF_USAGE, "kv_dtype is 'i8'; f32, f16 and bf16");
  oi_case_close(&c);
}

// Rounding keys and values to f16 moves logits by about as much, and no greedy id of a clear text.
TEST(llama, answers_the_same_over_f16_states) {
  const oi_list sets = {{"kv_dtype=f16"}, 1};
  oi_case c = prepare("llama-head-dim-5.json", NULL, NULL, NULL);
  generate(&c, convert_open(folder, (oi_convert){.no_golden = true, .sets = &sets}), 0.02, "f16");
  oi_case_close(&c);
}

TEST(llama, lists_all_that_is_missing) {
  oi_case c = prepare("llama-head-dim-5.json", NULL, NULL, "mlp.up_proj");
  refused((oi_convert){0}, OINF_FORMAT,
          "3 tensors are missing: model.layers.{0-2}.mlp.up_proj.weight [48, 32]");
  oi_case_close(&c);
  c = prepare("llama-head-dim-5.json", NULL, NULL, "1.");
  refused((oi_convert){0}, OINF_FORMAT,
          "9 tensors are missing: model.layers.1.input_layernorm.weight [32], "
          "model.layers.1.self_attn.q_proj.weight [96, 32], ");
  CHECK(strstr(oinf_error(oi_cv_ctx), "model.layers.1.mlp.down_proj.weight [32, 48]"));
  oi_case_close(&c);
  c = prepare("llama-tied-5.json", NULL, NULL, "embed_tokens");
  refused((oi_convert){0}, OINF_FORMAT,
          "1 tensor is missing: model.embed_tokens.weight [vocab, 32]");
  oi_case_close(&c);
  c = prepare("llama-head-dim-5.json", "num_hidden_layers", json_integer(5), NULL);
  refused((oi_convert){0}, OINF_FORMAT, "model.layers.{3-4}.mlp.gate_proj.weight [48, 32]");
  oi_case_close(&c);
}

// Layers 1 and 10 to 12 are missing: two runs a part.
TEST(llama, lists_more_than_a_message_holds_in_notes) {
  oi_case c = prepare("llama-bias-5.json", "num_hidden_layers", json_integer(13), NULL);
  json_t *list = json_object_get(c.root, "tensors");
  for (size_t i = 0; i < json_array_size(list); i++)
    json_array_set_new(json_array_get(list, i), 2, json_integer(13));
  oi_case_write(oi_cv_ctx, &c, folder, "layers.1");
  refused((oi_convert){0}, OINF_FORMAT, "64 tensors are missing, listed in the notes");
  CHECK_MSG(strstr(oi_cv_notes,
                   "missing: model.layers.1.input_layernorm.weight [32], "
                   "model.layers.{10-12}.input_layernorm.weight [32], "),
            "%s", oi_cv_notes);
  CHECK_MSG(strstr(oi_cv_notes, " model.layers.{10-12}.mlp.down_proj.bias [32]\n"), "%s",
            oi_cv_notes);
  oi_case_close(&c);
}

TEST(llama, names_a_wrong_shape) {
  oi_case c = prepare("llama-head-dim-5.json", "intermediate_size", json_integer(64), NULL);
  refused(
      (oi_convert){0}, OINF_FORMAT,
      "tensor 'model.layers.0.mlp.gate_proj.weight' is [48, 32]; config.json asks for [64, 32]");
  oi_case_close(&c);
  c = prepare("llama-head-dim-5.json", "hidden_size", json_integer(64), NULL);
  refused((oi_convert){0}, OINF_FORMAT,
          "'model.embed_tokens.weight' is [97, 32]; config.json asks for [vocab, 64]");
  oi_case_close(&c);
}

TEST(llama, notes_what_it_has_no_use_for) {
  oi_case c = prepare("llama-bias-5.json", "mlp_bias", json_false(), NULL);
  oinf_model *m = convert_open(folder, (oi_convert){.no_golden = true});
  CHECK_MSG(strstr(oi_cv_notes,
                   "9 tensors are carried that the graph has no use for: "
                   "'model.layers.0.mlp.down_proj.bias', "),
            "%s", oi_cv_notes);
  CHECK(oinf_model_find(m, "model.layers.2.mlp.up_proj.bias"));
  oinf_model_destroy(m);
  oi_case_close(&c);
}

TEST(llama, refuses_what_config_says_by_its_key) {
  static const struct {
    const char *key, *value;
    oinf_status status;
    const char *word;
  } rows[] = {
      {"hidden_act", "\"quick_gelu\"", OINF_SUPPORT, "hidden_act 'quick_gelu' is not known"},
      {"rope_parameters", "{\"rope_type\":\"spiral\"}", OINF_SUPPORT, "rope_type 'spiral'"},
      {"rope_parameters", "{\"full_attention\":{\"rope_theta\":1e4}}", OINF_SUPPORT,
       "of a layer type ('full_attention')"},
      {"rope_parameters", "{\"rope_type\":\"linear\",\"factor\":0}", OINF_FORMAT, "factor is 0"},
      {"rope_parameters", "{\"rope_type\":\"longrope\",\"short_factor\":[1,2]}", OINF_FORMAT,
       "short_factor holds 2 numbers, 4 are wanted"},
      {"rope_parameters", "{\"rope_type\":\"llama3\",\"low_freq_factor\":4,\"high_freq_factor\":4}",
       OINF_FORMAT, "low_freq_factor 4 and high_freq_factor 4 are no range"},
      {"rope_parameters", "{\"rope_theta\":\"big\"}", OINF_FORMAT, "rope_theta is no number"},
      {"partial_rotary_factor", "0.1", OINF_FORMAT, "partial_rotary_factor 0.1 of a head of 8"},
      {"num_hidden_layers", "1e6", OINF_FORMAT, "num_hidden_layers is 1000000, outside 1 to 1024"},
      {"num_hidden_layers", "\"3\"", OINF_FORMAT, "num_hidden_layers is no whole number"},
      {"num_key_value_heads", "3", OINF_FORMAT, "4 heads do not share 3 key-value heads"},
      {"num_attention_heads", "0", OINF_FORMAT, "num_attention_heads is 0"},
      {"quantization_config", "{\"quant_method\":\"gptq\"}", OINF_SUPPORT, "quantized by 'gptq'"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_case c = prepare("llama-no-kv-key-5.json", rows[i].key,
                        json_loads(rows[i].value, JSON_DECODE_ANY, NULL), NULL);
    refused((oi_convert){0}, rows[i].status, rows[i].word);
    oi_case_close(&c);
  }
}

// The prompt and all but the last id in one step; blocks of 32 weights cost what they cost.
TEST(llama, stays_near_when_quantized) {
  static const struct {
    const char *quant;
    double tolerance;
  } rows[] = {{NULL, 2e-4}, {"q8_0", 0.15}, {"q4_0", 1.0}};
  oi_case c = prepare("yarn-mscale-5.json", NULL, NULL, NULL);
  const json_t *parts[] = {json_object_get(c.root, "prompt"), json_object_get(c.root, "ids")};
  int32_t in[64];
  int64_t n = 0;
  for (int k = 0; k < 2; k++)
    for (size_t i = 0; i + (size_t)k < json_array_size(parts[k]); i++)
      in[n++] = (int32_t)json_integer_value(json_array_get(parts[k], i));
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    text t;
    begin(&t, convert_open(folder, (oi_convert){.no_golden = true, .quant = rows[i].quant}));
    step(&t, in, n);
    compare_logits(&t, json_object_get(c.root, "logits"), rows[i].tolerance, "quantized");
    end(&t);
  }
  oi_case_close(&c);
}

// ---- what is no language model ----

static void converts_plainly(const char *key, json_t *value, const char *word) {
  oi_case c = prepare("llama-tied-5.json", key, value, NULL);
  oinf_model *m = convert_open(folder, (oi_convert){0});
  CHECK_MSG(strstr(oi_cv_notes, word), "%s", oi_cv_notes);
  CHECK_INT(oinf_model_graph_count(m), 0);
  CHECK(!oinf_model_meta(m, "oinf.task"));
  CHECK_INT(oinf_model_tensor_count(m), 29);
  oinf_model_destroy(m);
  oi_case_close(&c);
}

TEST(llama, converts_what_it_does_not_know_as_tensors) {
  converts_plainly("model_type", json_string("camel"),
                   "'camel' of LlamaForCausalLM is not known (llama, mistral, qwen2, qwen3, phi3, "
                   "smollm3 are");
  converts_plainly("architectures", json_pack("[s]", "LlamaForSequenceClassification"),
                   "'llama' of LlamaForSequenceClassification is not known");
  converts_plainly("model_type", NULL, "'(none)' of LlamaForCausalLM is not known");
}

// ---- recipes over a known architecture ----

TEST(llama, is_built_over_new_names) {
  oi_case c = prepare("smollm3-5.json", NULL, NULL, NULL);
  oinf_model *m = convert_open(
      folder,
      with_recipe("names:\n"
                  "  - {from: 'model.layers.{n}.input_layernorm.weight', to: 'blk.{n}.norm'}\n"
                  "  - {from: 'model.embed_tokens.weight', to: embed}\n"));
  CHECK(oinf_model_find(m, "blk.7.norm") && oinf_model_find(m, "embed"));
  CHECK(!oinf_model_find(m, "model.embed_tokens.weight"));
  generate(&c, m, 2e-4, "renamed");
  oi_case_close(&c);
}

TEST(llama, is_built_over_layers_of_several_dtypes) {
  oi_case c = prepare("llama-shards-5.json", NULL, NULL, NULL);
  oinf_model *m = convert_open(folder, with_recipe("dtype:\n"
                                                   "  - {match: 'model.layers.2.*', to: f32}\n"
                                                   "  - {match: '*norm*', to: f32}\n"));
  CHECK_INT(oinf_model_find(m, "model.layers.2.mlp.up_proj.weight")->dtype, OINF_F32);
  CHECK_INT(oinf_model_find(m, "model.layers.1.mlp.up_proj.weight")->dtype, OINF_BF16);
  CHECK_INT(oinf_model_find(m, "model.layers.1.input_layernorm.weight")->dtype, OINF_F32);
  generate(&c, m, 2e-4, "several dtypes");
  oi_case_close(&c);
}

TEST(llama, is_built_with_the_recipes_that_come_along) {
  oi_case c = prepare("llama-5.json", NULL, NULL, NULL);
  oi_convert o = {.recipe = "convert/recipes/llama_short.yaml", .no_golden = true};
  oinf_model *m = convert_open(folder, o);
  CHECK(oinf_model_find(m, "blk.2.ffn_out") && oinf_model_find(m, "out_norm"));
  CHECK_STR(oinf_model_meta(m, "model.kv_heads"), "4");
  for (uint32_t i = 0; i < oinf_model_tensor_count(m); i++)
    CHECK(!strstr(oinf_model_tensor(m, i)->name, "model."));
  generate(&c, m, 2e-4, "short names");
  o.recipe = "convert/recipes/llama_q4_mixed.yaml";
  m = convert_open(folder, o);
  CHECK_MSG(strstr(oi_cv_notes, "as 32 does not divide their rows: 3\n"), "%s", oi_cv_notes);
  CHECK_INT(oinf_model_find(m, "model.embed_tokens.weight")->dtype, OINF_BF16);
  CHECK_INT(oinf_model_find(m, "model.layers.1.self_attn.q_proj.weight")->dtype, OINF_Q8_0);
  CHECK_INT(oinf_model_find(m, "model.layers.1.mlp.up_proj.weight")->dtype, OINF_Q4_0);
  CHECK_INT(oinf_model_find(m, "model.layers.1.mlp.down_proj.weight")->dtype, OINF_BF16);
  CHECK_INT(oinf_model_find(m, "model.norm.weight")->dtype, OINF_F32);
  oinf_model_destroy(m);
  oi_case_close(&c);
}

// ---- weights merged and split ----

// The logits of the case's prompt in one step, then of three ids alone.
static void logits_of(const oi_case *c, oinf_model *m, float *out) {
  const json_t *prompt = json_object_get(c->root, "prompt");
  int32_t in[64];
  text t;
  begin(&t, m);
  for (size_t i = 0; i < json_array_size(prompt); i++)
    in[i] = (int32_t)json_integer_value(json_array_get(prompt, i));
  step(&t, in, (int64_t)json_array_size(prompt));
  for (int i = 0; i < 4; i++) {
    memcpy(out + i * t.vocab, t.logits, (size_t)t.vocab * sizeof *out);
    if (i < 3) step(&t, &in[i], 1);
  }
  end(&t);
}

// Every family, with biases and without, in every dtype: merging moves no bit, and splitting what
// was merged gives back what there was.
TEST(llama, gives_the_same_bits_over_merged_weights) {
  static const char *const rows[][2] = {{"llama-bias-5.json", NULL}, {"llama-tied-5.json", "q8_0"},
                                        {"llama-5.json", "q4_0"},    {"qwen2-window-5.json", NULL},
                                        {"qwen3-5.json", NULL},      {"smollm3-5.json", NULL}};
  static float apart[4 * 97], merged[4 * 97];
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_case c = prepare(rows[i][0], NULL, NULL, NULL);
    oi_convert o = {.quant = rows[i][1], .no_golden = true};
    logits_of(&c, convert_open(folder, o), apart);
    o.recipe = "convert/recipes/llama_merged.yaml";
    oinf_model *m = convert_open(folder, o);
    CHECK(oinf_model_find(m, "model.layers.2.self_attn.qkv_proj.weight"));
    CHECK(!oinf_model_find(m, "model.layers.2.self_attn.k_proj.weight"));
    CHECK(!oinf_model_find(m, "model.layers.0.mlp.up_proj.weight"));
    logits_of(&c, m, merged);
    CHECK_MSG(memcmp(apart, merged, sizeof apart) == 0, "%s", rows[i][0]);
    oi_case_close(&c);
  }
}

TEST(llama, splits_what_was_merged) {
  oi_case c = prepare("llama-bias-5.json", NULL, NULL, NULL);
  const char *merged = oi_test_path(oi_test_dir(), "merged.oinf"),
             *split = oi_test_path(oi_test_dir(), "split.oinf"),
             *plain = oi_test_path(oi_test_dir(), "plain.oinf");
  oi_convert o = {.quant = "q8_0"};
  CHECK_INT(convert(folder, plain, o), OINF_OK);
  o.recipe = "convert/recipes/llama_merged.yaml";
  CHECK_INT(convert(folder, merged, o), OINF_OK);
  CHECK_INT(convert(merged, split, (oi_convert){.recipe = "convert/recipes/llama_split.yaml"}),
            OINF_OK);
  CHECK(oi_cv_same(plain, split));
  oi_case_close(&c);
}

// A checkpoint that comes merged is built as it is, or apart.
TEST(llama, takes_phi3_in_one_piece_or_apart) {
  oi_case c = prepare("phi3-longrope-5.json", "num_key_value_heads", json_integer(2), NULL);
  oi_convert o = {.recipe = "convert/recipes/llama_split.yaml", .no_golden = true};
  oinf_model *m = convert_open(folder, o);
  CHECK(oinf_model_find(m, "model.layers.2.self_attn.v_proj.weight")->dims[0] == 32);
  generate(&c, m, 2e-4, "phi3 apart");
  json_object_del(json_object_get(c.root, "config"), "num_key_value_heads");
  oi_case_write(oi_cv_ctx, &c, folder, NULL);
  refused(o, OINF_FORMAT, ", 5:5: config.json has no key 'num_key_value_heads'");
  oi_case_close(&c);
}

TEST(llama, says_what_a_recipe_took_away) {
  oi_case c = prepare("llama-head-dim-5.json", NULL, NULL, NULL);
  refused(with_recipe("drop: ['*.k_proj.*']\n"), OINF_FORMAT,
          "3 tensors are missing: model.layers.{0-2}.self_attn.k_proj.weight [48, 32]");
  refused(with_recipe("names:\n  - {from: 'model.layers.1.mlp.up_proj.weight', to: odd}\n"),
          OINF_GRAPH, "model.layers.1.mlp.up_proj.weight");
  oi_case_close(&c);
}
