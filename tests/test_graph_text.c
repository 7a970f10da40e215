// The canonical text: golden files, random graphs printed, parsed and printed again, labels that
// survive it, numbers, and texts that are refused with their line.
#include <oinf/oinf.h>

#include "lib/graph.h"
#include "lib/number.h"
#include "tests/random_graph.h"
#include "tests/scarce.h"
#include "tests/test.h"

static oinf_ctx *new_ctx(void) {
  oinf_ctx *ctx;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  return ctx;
}

// ---- golden files: canonical, so they print as they read ----

static void check_golden(const char *path) {
  size_t size;
  char *text = oi_test_slurp(path, &size);
  oinf_ctx *ctx = new_ctx();
  oinf_graph *g;
  oinf_status status = oinf_graph_parse(ctx, NULL, text, size, &g);
  CHECK_MSG(status == OINF_OK, "%s: %s", path, oinf_error(ctx));
  CHECK_STR(oinf_graph_text(g), text);
  oinf_graph_destroy(g);
  oinf_ctx_destroy(ctx);
  free(text);
}

TEST(graph_text, golden_decoder) { check_golden("tests/data/graph/decoder.txt"); }
TEST(graph_text, golden_everything) { check_golden("tests/data/graph/everything.txt"); }
TEST(graph_text, golden_conditions) { check_golden("tests/data/graph/conditions.txt"); }

// ---- random graphs ----

// Every label of every value that a text numbers, in its order.
static void put_labels(oinf_graph *g, oi_text *out) {
  size_t count = oi_dims_sym_count(g->dims);
  int64_t *values = calloc(count + 1, sizeof *values);
  uint32_t *by_number = calloc(g->values.n, sizeof *by_number);
  for (uint32_t i = 1; i < g->values.n; i++)
    if (oi_value_number(g, i) != OI_NO_NUMBER) by_number[oi_value_number(g, i)] = i;
  for (size_t i = 0; i < count; i++) values[i] = oi_dims_sym_at(g->dims, i)->is_loop;
  for (size_t i = 0; i < g->values.n && by_number[i]; i++) {
    oi_value_label(g, by_number[i], values, out);
    oi_text_add(out, "\n", 1);
  }
  free(by_number);
  free(values);
}

static void check_round(uint64_t seed) {
  oinf_ctx *ctx = new_ctx();
  random_graph r;
  random_graph_make(ctx, seed, &r);
  CHECK_MSG(oinf_graph_check(r.graph) == OINF_OK, "seed %llu: %s", (unsigned long long)seed,
            oinf_error(ctx));
  oinf_graph *bound, *unbound;
  const char *text = oinf_graph_text(r.graph);
  CHECK_MSG(oinf_graph_parse(ctx, r.model, text, strlen(text), &bound) == OINF_OK,
            "seed %llu: %s\n%s", (unsigned long long)seed, oinf_error(ctx), text);
  CHECK_INT(oinf_graph_parse(ctx, NULL, text, strlen(text), &unbound), OINF_OK);
  CHECK_STR(oinf_graph_text(bound), text);
  CHECK_STR(oinf_graph_text(unbound), text);
  CHECK_INT(bound->conditions.n, r.graph->conditions.n);
  oi_text a, b;
  oi_text_init(&a, ctx);
  oi_text_init(&b, ctx);
  put_labels(r.graph, &a);
  put_labels(bound, &b);
  CHECK_STR(a.at, b.at);
  oi_text_free(&a);
  oi_text_free(&b);
  oinf_graph_destroy(bound);
  oinf_graph_destroy(unbound);
  random_graph_free(&r);
  oinf_ctx_destroy(ctx);
}

TEST(graph_text, random_graphs_come_back) {
  uint64_t count = oi_test_soak() ? 10000 : 200;
  for (uint64_t seed = 0; seed < count; seed++) check_round(seed);
}

TEST(graph_text, one_seed_gives_one_graph) {
  oinf_ctx *ctx = new_ctx();
  random_graph a, b;
  random_graph_make(ctx, 7, &a);
  random_graph_make(ctx, 7, &b);
  CHECK_STR(oinf_graph_text(a.graph), oinf_graph_text(b.graph));
  random_graph_free(&a);
  random_graph_free(&b);
  oinf_ctx_destroy(ctx);
}

// A text cut anywhere, or with any byte changed, is refused or is a graph; nothing else happens.
TEST(graph_text, damaged_texts_are_refused_or_graphs) {
  oinf_ctx *ctx = new_ctx();
  size_t size;
  char *text = oi_test_slurp("tests/data/graph/everything.txt", &size);
  for (size_t i = 0; i < size; i++) {
    for (int turn = 0; turn < 3; turn++) {
      char kept = text[i];
      text[i] = turn == 1 ? (char)(kept ^ 1) : turn == 2 ? '%' : kept;
      oinf_graph *g;
      oinf_status s = oinf_graph_parse(ctx, NULL, text, turn ? size : i, &g);
      if (s == OINF_OK) oinf_graph_destroy(g);
      else
        CHECK_MSG(s == OINF_FORMAT || s == OINF_GRAPH, "byte %zu: status %d: %s", i, (int)s,
                  oinf_error(ctx));
      oinf_error_clear(ctx);
      text[i] = kept;
    }
  }
  free(text);
  oinf_ctx_destroy(ctx);
}

// ---- refusals ----

#define HEAD "oinf-graph 1\ngraph \"g\"\n"
static const struct {
  oinf_status status;
  const char *words, *text;
} refused[] = {
    {OINF_FORMAT, "expected 'oinf-graph 1'", "oinf-graph 2\ngraph \"g\"\n"},
    {OINF_FORMAT, "line 2", "oinf-graph 1\ngraph \"g\\x41\"\n"},
    {OINF_FORMAT, "line 3: expected 'out', found 'what'", HEAD "what\n"},
    {OINF_FORMAT, "expected a dtype", HEAD "in x f31 [4]\n"},
    {OINF_FORMAT, "a dim over the symbols", HEAD "in x f32 [Q]\n"},
    {OINF_FORMAT, "at most 8 dims", HEAD "in x f32 [1, 1, 1, 1, 1, 1, 1, 1, 1]\n"},
    {OINF_FORMAT, "the end of the line", HEAD "in x f32 [4] 5\n"},
    {OINF_FORMAT, "%0, the next number", HEAD "in x f32 [4]\n%1 = neg x : f32 [4]\n"},
    {OINF_FORMAT, "made before", HEAD "%0 = neg %0 : f32 [4]\n"},
    {OINF_FORMAT, "expected an op, found 'nag", HEAD "in x f32 [4]\n%0 = nag x : f32 [4]\n"},
    {OINF_FORMAT, "expected f32 [4], as it follows, found f32 [5]",
     HEAD "in x f32 [4]\n%0 = neg x : f32 [5]\n"},
    {OINF_FORMAT, "an attribute of this op",
     HEAD "in x f32 [4]\n%0 = neg x { eps = 1 } : f32 [4]\n"},
    {OINF_FORMAT, "as many values", HEAD "in x f32 [4]\n%0 %1 = neg x : f32 [4], f32 [4]\n"},
    {OINF_FORMAT, "name of a state", HEAD "%0 = state_read k { rows = 1 } : f32 [1]\n"},
    {OINF_FORMAT, "name of an input", HEAD "%0 = neg x : f32 [4]\n"},
    {OINF_FORMAT, "a role", HEAD "in x f32 [4] role nothing\n"},
    {OINF_FORMAT, "'else'", HEAD "in c bool []\nif c\ngive\n"},
    {OINF_FORMAT, "'next'", HEAD "in x f32 [4]\nloop l 0 2 carry %0 = x : f32 [4]\n"},
    {OINF_FORMAT, "begins at 0", HEAD "loop l 1 2\nnext\n"},
    {OINF_FORMAT, "plain characters", HEAD "in \"x\ty\" f32 [4]\n"},
    {OINF_GRAPH, "(line 3)", HEAD "in x q8_0 [32]\n"},
    {OINF_GRAPH, "(line 4)", HEAD "in x f32 [4]\nin x f32 [4]\n"},
    {OINF_GRAPH, "1 to 2^20 times", HEAD "loop l 0 0\nnext\n"},
    {OINF_GRAPH, "8 deep",
     HEAD "loop a 0 1\nloop b 0 1\nloop c 0 1\nloop d 0 1\nloop e 0 1\nloop f 0 1\n"
          "loop h 0 1\nloop i 0 1\nloop j 0 1\n"},
    {OINF_GRAPH, "keeps its type",
     HEAD "in x f32 [4]\nloop l 0 2 carry %0 = x : f32 [4]\n"
          "%1 = sum %0 : f32 []\nnext %1 -> %2\n"},
    {OINF_GRAPH, "values are carried",
     HEAD "in x f32 [4]\nloop l 0 2 carry %0 = x : f32 [4]\nnext -> %1\n"},
    {OINF_GRAPH, "0.5 to 3 operands", ""},
    {OINF_GRAPH, "no such op is declared", HEAD "in x f32 [4]\n%0 = user f x : f32 [4]\n"},
    {OINF_GRAPH, "carry it out",
     HEAD "in x f32 [4]\nloop l 0 2\n%0 = neg x : f32 [4]\nnext\n"
          "%1 = neg %0 : f32 [4]\n"},
    {OINF_GRAPH, "operand b: expected shapes that broadcast",
     HEAD "sym A 2 8\nsym B 9 16\nop f 2 \"{ out = a + b; }\"\nin x f32 [A]\nin y f32 [B]\n"
          "%0 = user f x y : f32 [A]\n"},
    {OINF_GRAPH, "the rows fit the capacity",
     HEAD
     "sym A 2 8\nsym B 9 16\nstate k f32 [A, 4]\n%0 = state_read k { rows = B } : f32 [B, 4]\n"},
    {OINF_GRAPH, "expected shapes that broadcast",
     HEAD "sym A 2 8\nsym B 9 16\nin x f32 [A]\nin y f32 [B]\n%0 = add x y : f32 [A]\n"},
    {OINF_GRAPH, "two values have the name",
     HEAD "in x f32 [4]\n%0 = neg x : f32 [4] \"h\"\nout \"h\" x\n"},
    {OINF_GRAPH, "two values have the name",
     HEAD "in x f32 [4]\n%0 = neg x : f32 [4] \"h\"\n"
          "%1 = neg x : f32 [4] \"h\"\n"},
};

TEST(graph_text, refusals_say_where_and_why) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    if (!*refused[i].text) continue;
    oinf_ctx *ctx = new_ctx();
    oinf_graph *g = NULL;
    oinf_status s = oinf_graph_parse(ctx, NULL, refused[i].text, strlen(refused[i].text), &g);
    CHECK_MSG(s == refused[i].status, "refusal %zu (%s): status %d: %s", i, refused[i].words,
              (int)s, oinf_error(ctx));
    CHECK_MSG(strstr(oinf_error(ctx), refused[i].words), "refusal %zu: '%s' does not say '%s'", i,
              oinf_error(ctx), refused[i].words);
    oinf_ctx_destroy(ctx);
  }
}

// ---- memory that runs out ----

// What a text gives, the fail_at-th allocation failing; conditions: how many the graph keeps.
static oinf_status parse_scarce(scarce *s, const char *text, size_t size, size_t *conditions) {
  const oinf_ctx_desc desc = {.alloc = scarce_alloc, .user = s};
  oinf_ctx *ctx = NULL;
  oinf_graph *g = NULL;
  oinf_status status = oinf_ctx_create(&desc, &ctx);
  if (status == OINF_OK) status = oinf_graph_parse(ctx, NULL, text, size, &g);
  if (status == OINF_OK) *conditions = g->conditions.n;
  oinf_graph_destroy(g);
  oinf_ctx_destroy(ctx);
  return status;
}

// Whichever allocation fails, a text ends as it always does, checks and all, or for want of memory.
static void check_scarce(const char *text, size_t size, bool refused_text) {
  scarce s = {0};
  size_t all = 0, kept = 0;
  const oinf_status want = parse_scarce(&s, text, size, &all);
  const long n = s.calls;
  CHECK((want != OINF_OK) == refused_text);
  for (long i = 1; i <= n; i++) {
    s = (scarce){.fail_at = i};
    const oinf_status status = parse_scarce(&s, text, size, &kept);
    CHECK_MSG(status == OINF_MEMORY || status == want,
              "allocation %ld of %ld: status %d, not %d:\n%s", i, n, (int)status, (int)want, text);
    CHECK_MSG(status != OINF_OK || kept == all, "allocation %ld of %ld: %zu of %zu conditions", i,
              n, kept, all);
    CHECK_MSG(s.bytes == 0, "allocation %ld of %ld: %lld bytes are lost", i, n, s.bytes);
  }
}

TEST(graph_text, every_allocation_fails_in_turn) {
  static const char *const golden[] = {"tests/data/graph/decoder.txt",
                                       "tests/data/graph/everything.txt",
                                       "tests/data/graph/conditions.txt"};
  for (size_t i = 0; i < sizeof golden / sizeof *golden; i++) {
    size_t size;
    char *text = oi_test_slurp(golden[i], &size);
    check_scarce(text, size, false);
    free(text);
  }
}

TEST(graph_text, refusals_stand_when_memory_runs_out) {
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (*refused[i].text) check_scarce(refused[i].text, strlen(refused[i].text), true);
}

// The time is that of the length: a long text of many values is read at once.
TEST(graph_text, long_texts_are_read_in_time) {
  oinf_ctx *ctx = new_ctx();
  oi_text text;
  oi_text_init(&text, ctx);
  oi_text_put(&text, HEAD "in x f32 [4]\n%%0 = neg x : f32 [4]\n");
  for (int i = 1; i < 100000; i++) oi_text_put(&text, "%%%d = neg %%%d : f32 [4]\n", i, i - 1);
  oinf_graph *g;
  CHECK_INT(oinf_graph_parse(ctx, NULL, text.at, text.n, &g), OINF_OK);
  oinf_graph_destroy(g);
  oi_text_free(&text);
  oinf_ctx_destroy(ctx);
}

// ---- numbers ----

TEST(number, shortest_form_reads_back) {
  static const struct {
    double x;
    const char *text;
  } rows[] = {{0, "0"},
              {-0.0, "-0"},
              {1e-5, "1e-05"},
              {0.1, "0.1"},
              {10000, "10000"},
              {500000, "500000"},
              {1e15, "1e+15"},
              {123456789012345, "123456789012345"},
              {0.1 + 0.2, "0.30000000000000004"},
              {1.0 / 3, "0.3333333333333333"},
              {5e-324, "5e-324"},
              {1.7976931348623157e308, "1.7976931348623157e+308"}};
  oinf_ctx *ctx = new_ctx();
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_text text;
    oi_text_init(&text, ctx);
    oi_number_print(rows[i].x, &text);
    CHECK_STR(text.at, rows[i].text);
    const char *at = text.at;
    double back;
    CHECK(oi_number_read(&at, text.at + text.n, &back));
    CHECK(*at == 0 && memcmp(&back, &rows[i].x, 8) == 0);
    oi_text_free(&text);
  }
  oinf_ctx_destroy(ctx);
}
