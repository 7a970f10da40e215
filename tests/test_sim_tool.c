// What oinf-sim does beside running a graph, from its command line: how tokens are drawn, profiles,
// dumps and comparisons.
#include <jansson.h>
#include <unistd.h>

#include "formats/safetensors.h"
#include "tests/checkpoint.h"
#include "tests/tool_run.h"

// ---- penalties ----

static const char *text_of(const char *options) {
  static char text[4][1024];
  static int turn;
  turn = (turn + 1) % 4;
  EXPECT(0, "oinf-sim ~m.oinf -q --tokens 3,14,15 --steps 40 %s", options);
  snprintf(text[turn], sizeof text[turn], "%.1000s", tool_out);
  return text[turn];
}

// Ids that come more than once in a list, or in either of two.
static int repeats(const char *text) {
  int seen[128] = {0}, again = 0;
  for (const char *at = text; *at; at += strspn(at, ",\n")) {
    char *end;
    const long id = strtol(at, &end, 10);
    CHECK(end != at && id >= 0 && id < 128);
    again += seen[id]++ > 0;
    at = end;
  }
  return again;
}

TEST(sim_tool, penalties_keep_tokens_from_coming_again) {
  tool_package();
  const int plain = repeats(text_of("--temperature 0"));
  CHECK_MSG(plain > 2, "%d", plain);
  CHECK_INT(repeats(text_of("--repetition-penalty 1000")), 0);
  CHECK(repeats(text_of("--presence-penalty 2 --frequency-penalty 2")) < plain);
  CHECK(repeats(text_of("--presence-penalty -2")) >= plain);
  CHECK_STR(text_of("--repetition-penalty 1 --presence-penalty 0"), text_of(""));
}

// What a checkpoint asks for is the default, and the user's word goes before it, one by one.
TEST(sim_tool, settings_of_the_package_are_defaults) {
  static const char asked[] =
      "{\"do_sample\":true,\"temperature\":0.8,\"top_p\":0.9,\"repetition_penalty\":1.3}";
  char drawn[1024], greedy[1024];
  tool_package();
  tool_folder("llama-tied-5.json", "drawing");
  oi_test_put(oi_cv_path("drawing"), "generation_config.json", asked, sizeof asked - 1);
  EXPECT(0, "oinf-convert ~drawing -o ~drawing.oinf --no-golden -q");
  EXPECT(0, "oinf-info ~drawing.oinf");
  CHECK(strstr(tool_out,
               "\ngeneration   temperature 0.8, top_k 50, top_p 0.9, repetition_penalty 1.3\n"));
  static const char run[] = "oinf-sim ~drawing.oinf -q --tokens 3,14,15 --steps 40 --seed 5 %s";
  EXPECT(0, run, "");
  snprintf(drawn, sizeof drawn, "%.1000s", tool_out);
  CHECK_STR(drawn, text_of("--seed 5 --temperature 0.8 --top-k 50 --top-p 0.9 "
                           "--repetition-penalty 1.3"));
  EXPECT(0, run, "--temperature 0");
  snprintf(greedy, sizeof greedy, "%.1000s", tool_out);
  CHECK_STR(greedy, text_of("--repetition-penalty 1.3"));
  CHECK(strcmp(greedy, drawn) != 0);
  EXPECT(0, run, "--temperature 0 --repetition-penalty 1");
  CHECK_STR(tool_out, text_of(""));
  EXPECT(0, run, "--top-k 0 --top-p 1");
  CHECK_STR(tool_out, text_of("--seed 5 --temperature 0.8 --repetition-penalty 1.3"));
}

TEST(sim_tool, min_p_of_one_is_greedy) {
  tool_package();
  CHECK_STR(text_of("--temperature 1 --min-p 1 --seed 3"), text_of(""));
  CHECK(strcmp(text_of("--temperature 5 --min-p 0.01 --seed 3"), text_of("")) != 0);
}

TEST(sim_tool, a_run_that_is_taken_up_again_counts_what_it_made) {
  static const char how[] =
      "--temperature 0.8 --seed 7 --repetition-penalty 1.2 "
      "--frequency-penalty 0.6 --presence-penalty 0.3";
  char first[512];
  tool_package();
  EXPECT(0, "oinf-sim ~m.oinf -q --tokens 3,14,15 --steps 24 %s", how);
  char whole[512];
  snprintf(whole, sizeof whole, "%.500s", tool_out);
  EXPECT(0, "oinf-sim ~m.oinf -q --tokens 3,14,15 --steps 11 --save-state ~half %s", how);
  snprintf(first, sizeof first, "%.500s", tool_out);
  first[strcspn(first, "\n")] = 0;
  EXPECT(0, "oinf-sim ~m.oinf -q --load-state ~half --tokens= --steps 13 %s", how);
  char both[1100];
  snprintf(both, sizeof both, "%s,%.500s", first, tool_out);
  CHECK_STR(both, whole);
}

TEST(sim_tool, settings_out_of_range_are_refused) {
  tool_package();
  REFUSED(64, "oinf-sim", "--repetition-penalty wants more than 0",
          "~m.oinf --repetition-penalty 0");
  REFUSED(64, "oinf-sim", "--repetition-penalty wants", "~m.oinf --repetition-penalty -1.5");
  REFUSED(64, "oinf-sim", "want -2 to 2", "~m.oinf --presence-penalty 2.1");
  REFUSED(64, "oinf-sim", "want -2 to 2", "~m.oinf --frequency-penalty -3");
  REFUSED(64, "oinf-sim", "wants a number", "~m.oinf --frequency-penalty much");
  REFUSED(64, "oinf-sim", "--min-p 0 to 1", "~m.oinf --min-p 1.5");
}

// ---- --profile ----

// Complete events of a row, whose times do not overlap and lie within the whole.
static size_t count_row(const json_t *events, int row, double whole) {
  size_t n = 0;
  double last = 0;
  for (size_t i = 0; i < json_array_size(events); i++) {
    const json_t *e = json_array_get(events, i);
    if (strcmp(json_string_value(json_object_get(e, "ph")), "X") != 0) continue;
    if (json_integer_value(json_object_get(e, "tid")) != row) continue;
    const double ts = json_real_value(json_object_get(e, "ts"));
    const double dur = json_real_value(json_object_get(e, "dur"));
    CHECK(*json_string_value(json_object_get(e, "name")) &&
          *json_string_value(json_object_get(e, "cat")) &&
          json_is_integer(json_object_get(json_object_get(e, "args"), "step")));
    const char *cat = json_string_value(json_object_get(e, "cat"));
    if (strcmp(cat, "read") == 0 || strcmp(cat, "weight") == 0) continue;
    CHECK(ts >= last - 1e-3 && dur >= 0 && ts + dur <= whole);
    last = ts + dur, n++;
  }
  return n;
}

static size_t lines_with(const char *text, const char *word) {
  size_t n = 0;
  for (const char *at = text; (at = strstr(at, word)) != NULL; at++) n++;
  return n;
}

TEST(sim_tool, a_profile_has_each_step_and_each_node) {
  static char text[1 << 18];
  json_error_t error;
  tool_package();
  EXPECT(0, "oinf-sim ~m.oinf -q --tokens 3,14,15 --steps 3 --trace");
  const size_t nodes = lines_with(tool_err, "\n") - lines_with(tool_err, " reshape\n");
  EXPECT(0,
         "oinf-sim ~m.oinf -q --tokens 3,14,15 --steps 3 --trace --budget min --profile ~p.json");
  tool_read(oi_cv_path("p.json"), text, sizeof text);
  json_t *root = json_loads(text, 0, &error);
  CHECK_MSG(root, "%d: %s", error.line, error.text);
  const json_t *events = json_object_get(root, "traceEvents");
  CHECK_INT(count_row(events, 1, 60e6), 3);
  CHECK_INT(count_row(events, 2, 60e6), nodes);
  CHECK(strstr(text, "\"name\":\"blk.1.ffn_up\"") && strstr(text, "\"cat\":\"matmul\""));
  CHECK(strstr(text, "\"cat\":\"read\""));
  json_decref(root);
}

TEST(sim_tool, a_profile_is_whole_or_is_not_there) {
  tool_package();
  REFUSED(73, "oinf-sim", "no/such/p.json", "~m.oinf --tokens 3 --profile ~no/such/p.json");
  REFUSED(64, "oinf-sim", "outside the vocabulary", "~m.oinf --tokens 9999 --profile ~bad.json");
  CHECK(access(oi_cv_path("bad.json"), F_OK) != 0);
}

// ---- --dump and --compare ----

static const char tokens[] = "~m.oinf -q --tokens 3,14,15 --steps";

TEST(sim_tool, a_dump_holds_every_value_of_each_step) {
  tool_package();
  EXPECT(0, "oinf-sim %s 0 --hash", tokens);
  const size_t values = lines_with(tool_out, "\n");
  EXPECT(0, "oinf-sim %s 0 --dump ~one.safetensors", tokens);
  EXPECT(0, "oinf-sim %s 3 --dump ~many.safetensors --threads 2 --budget min", tokens);
  EXPECT(0, "oinf-sim %s 3 --dump ~again.safetensors", tokens);
  CHECK(oi_cv_same(oi_cv_path("many.safetensors"), oi_cv_path("again.safetensors")));
  EXPECT(0, "oinf-info ~one.safetensors --tensors");
  CHECK_INT(lines_with(tool_out, "\n"), values);
  CHECK(strstr(tool_out, "blk.1.ffn_up f32 [3, ") && strstr(tool_out, "logits f32 [97] "));
  EXPECT(0, "oinf-info ~many.safetensors --tensors");
  CHECK_INT(lines_with(tool_out, "\n"), 3 * values);
  CHECK(strstr(tool_out, "0/logits f32 [97] ") && strstr(tool_out, "2/blk.1.ffn_up f32 [1, "));
}

TEST(sim_tool, a_dump_of_patterns_holds_what_they_match) {
  tool_package();
  EXPECT(0, "oinf-sim %s 0 --fetch blk.*.ffn_up --dump ~up.safetensors", tokens);
  EXPECT(0, "oinf-info ~up.safetensors --tensors");
  CHECK_INT(lines_with(tool_out, "ffn_up"), lines_with(tool_out, "\n"));
  CHECK(lines_with(tool_out, "\n") > 1);
}

TEST(sim_tool, equal_values_compare_equal) {
  tool_package();
  EXPECT(0, "oinf-sim %s 3 --dump ~d.safetensors", tokens);
  EXPECT(0, "oinf-sim %s 3 --compare ~d.safetensors --budget min", tokens);
  CHECK_MSG(!*tool_out && !*tool_err, "%s%s", tool_out, tool_err);
  EXPECT(0, "oinf-sim ~m.oinf --tokens 3,14,15 --steps 0 --compare ~d.safetensors --fetch logits");
  CHECK_MSG(strstr(tool_err, "1 values equal") && strstr(tool_err, " were not made: '"), "%s",
            tool_err);
}

static void dump_changed(const char *name, uint32_t rank, float by) {
  static float row[97];
  oi_cv_clear();
  oinf_model *m = oi_cv_open(oi_cv_path("d.safetensors"));
  CHECK_INT(oinf_model_read(m, "0/logits", row), OINF_OK);
  oinf_model_destroy(m);
  row[5] += by;
  const oi_st_tensor t = {{.name = "logits", .dtype = OINF_F32, .rank = rank, .dims = {97, 1}},
                          row};
  CHECK_INT(oi_safetensors_write(oi_cv_ctx, oi_cv_path(name), &t, 1), OINF_OK);
}

TEST(sim_tool, the_first_value_that_differs_is_said) {
  tool_package();
  EXPECT(0, "oinf-sim %s 3 --dump ~d.safetensors", tokens);
  EXPECT(1, "oinf-sim ~m.oinf --tokens 3,14,16 --steps 3 --compare ~d.safetensors -q");
  CHECK_MSG(strncmp(tool_out, "value '%1' of step 0: ", 22) == 0 && strstr(tool_out, " ULP\n"),
            "%s", tool_out);
  CHECK(strstr(tool_err, "values differ from those of '"));
  dump_changed("c.safetensors", 1, 0.01f);
  EXPECT(1, "oinf-sim %s 0 --compare ~c.safetensors", tokens);
  CHECK_MSG(strstr(tool_out, "value 'logits' of step 0: 1 of 97 differ, at most by 0.0") &&
                strstr(tool_out, "first at [5]: "),
            "%s", tool_out);
  EXPECT(1, "oinf-sim %s 0 --compare ~c.safetensors --atol 0.009", tokens);
  EXPECT(0, "oinf-sim %s 0 --compare ~c.safetensors --atol 0.011", tokens);
  EXPECT(0, "oinf-sim %s 0 --compare ~c.safetensors --rtol 1000", tokens);
  EXPECT(1, "oinf-sim %s 0 --compare ~c.safetensors -v", tokens);
  CHECK_MSG(strncmp(tool_out, "0 logits 1 of 97 differ", 23) == 0, "%s", tool_out);
  dump_changed("c.safetensors", 2, 0);
  EXPECT(1, "oinf-sim %s 0 --compare ~c.safetensors", tokens);
  CHECK_STR(tool_out, "value 'logits' of step 0: is f32 [97] here, f32 [97, 1] there\n");
}

TEST(sim_tool, dumps_and_comparisons_that_cannot_be_are_refused) {
  tool_package();
  REFUSED(73, "oinf-sim", "no/such", "~m.oinf --tokens 3 --steps 0 --dump ~no/such/x.safetensors");
  REFUSED(64, "oinf-sim", "outside the vocabulary", "~m.oinf --tokens 999 --dump ~x.safetensors");
  CHECK(access(oi_cv_path("x.safetensors"), F_OK) != 0);
  REFUSED(66, "oinf-sim", "cannot open", "~m.oinf --tokens 3 --compare ~none.safetensors");
  REFUSED(66, "oinf-sim", "holds none of the values",
          "~m.oinf -q --tokens 3 --steps 0 --compare ~m.oinf");
  REFUSED(64, "oinf-sim", "--rtol and --atol go with", "~m.oinf --tokens 3 --rtol 0.1");
  REFUSED(64, "oinf-sim", "want 0 or more", "~m.oinf --compare golden --atol -1");
  REFUSED(64, "oinf-sim", "go with --compare FILE", "~m.oinf --compare golden --atol 1");
}
