// What oinf-sim does beside running a graph, from its command line: how tokens are drawn.
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
