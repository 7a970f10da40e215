// What oinf-sim does beside running a graph, from its command line: how tokens are drawn.
#include <jansson.h>
#include <unistd.h>

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
