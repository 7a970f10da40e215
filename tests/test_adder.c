// The whole path over the demo model: folder, package, tokenizer, simulator, against what
// transformers answered to 200 sums (tests/data/adder/sums.py). Ids and text must be the same; the
// prompt goes in at once, in chunks and token by token, under no budget and the smallest.
#include <inttypes.h>

#include "convert/convert.h"
#include "lib/rt/token.h"
#include "tests/test.h"
#include <oinf/sim.h>

enum { MOST = 24, V = 15 };

typedef struct ids {
  uint32_t at[MOST];
  int n;
} ids;
typedef struct adder {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  oi_tokenizer *tok;
} adder;

static adder open_adder(void) {
  adder a = {0};
  char path[4096];
  snprintf(path, sizeof path, "%s/adder.oinf", oi_test_dir());
  CHECK_INT(oinf_ctx_create(NULL, &a.ctx), OINF_OK);
  oi_convert c = {.ctx = a.ctx, .source = "examples/adder/model", .out = path, .no_golden = true};
  CHECK_MSG(!oi_convert_plan(&c) && !oi_convert_write(&c), "%s", oinf_error(a.ctx));
  oi_convert_free(&c);
  CHECK_INT(oinf_model_open(a.ctx, path, &a.model), OINF_OK);
  CHECK_INT(oinf_graph_load(a.ctx, a.model, NULL, &a.graph), OINF_OK);
  const oinf_blob *blob = oinf_model_blob(a.model, "tokenizer");
  CHECK(blob && (a.tok = oi_tokenizer_open(blob->data, blob->size)));
  CHECK_INT(oi_tokenizer_vocab(a.tok), V);
  return a;
}

static void close_adder(adder *a) {
  oi_tokenizer_close(a->tok);
  oinf_graph_destroy(a->graph);
  oinf_model_destroy(a->model);
  oinf_ctx_destroy(a->ctx);
}

static oinf_sim *open_sim(const adder *a, uint64_t budget) {
  oinf_sim *s;
  oinf_status status = oinf_sim_create(a->model, a->graph, &(oinf_sim_desc){.budget = budget}, &s);
  CHECK_MSG(!status, "%s", oinf_error(a->ctx));
  return s;
}

// Rows begin .. end - 1 of the text as one step: the id that its logits choose.
static uint32_t step(oinf_sim *s, const ids *text, int begin, int end) {
  float logits[V];
  int64_t rows = end - begin;
  uint32_t best = 0;
  bool ok = !oinf_sim_set(s, "P", begin) &&
            !oinf_sim_bind(s, "tokens", text->at + begin, OINF_I32, 1, &rows) &&
            !oinf_sim_fetch_copy(s, "logits", logits, sizeof logits) && !oinf_sim_end(s);
  CHECK_MSG(ok, "%s", oinf_sim_error(s));
  for (uint32_t v = 1; v < V; v++)
    if (logits[v] > logits[best]) best = v;
  return best;
}

// Greedy: the prompt in chunks, then as many tokens as are wanted.
static ids answer(oinf_sim *s, const ids *prompt, int chunk, int wanted) {
  ids text = *prompt, new = {.n = 0};
  int seen = 0;
  while (new.n < wanted) {
    int end = text.n - seen > chunk ? seen + chunk : text.n;
    uint32_t id = step(s, &text, seen, end);
    seen = end;
    if (seen == text.n) text.at[text.n++] = new.at[new.n++] = id;
  }
  return new;
}

static ids read_ids(char *list) {
  ids out = {.n = 0};
  for (char *end = list; *end && out.n < MOST; list = end + 1)
    out.at[out.n++] = (uint32_t)strtoul(list, &end, 10);
  return out;
}

static void check_same(const ids *have, const ids *want, const char *sum) {
  CHECK_MSG(have->n == want->n, "%s: %d ids, not %d", sum, have->n, want->n);
  for (int i = 0; i < want->n; i++)
    CHECK_MSG(have->at[i] == want->at[i], "%s: id %d is %" PRIu32 ", not %" PRIu32, sum, i,
              have->at[i], want->at[i]);
}

static void check_encoding(const adder *a, const char *sum, const ids *want) {
  ids have;
  have.n = (int)oi_tokenizer_encode(a->tok, sum, strlen(sum), true, have.at, MOST);
  check_same(&have, want, sum);
}

static void check_text(const adder *a, const ids *prompt, const ids *new, const char *want) {
  char text[MOST] = "";
  oi_decoder *d = oi_decoder_open(a->tok);
  const char *bytes;
  size_t n, at = 0;
  CHECK(oi_decoder_prompt(d, prompt->at, (size_t)prompt->n));
  for (int i = 0; i <= new->n; i++) {
    bool more = i < new->n;
    CHECK(more ? oi_decoder_push(d, new->at[i], &bytes, &n) : oi_decoder_flush(d, &bytes, &n));
    CHECK(at + n < sizeof text);
    memcpy(text + at, bytes, n);
    at += n;
  }
  CHECK_STR(text, want);
  oi_decoder_close(d);
}

// Every sum of the file, the prompt in chunks of that many; gives how many there are.
static int check_sums(const adder *a, oinf_sim *s, int chunk) {
  FILE *f = fopen("tests/data/adder/sums.txt", "r");
  char line[256], sum[32], prompt[96], new[96], text[32];
  int n = 0;
  CHECK(f);
  while (fgets(line, sizeof line, f)) {
    if (line[0] == '#') continue;
    CHECK_INT(sscanf(line, "%31s %95s %95s %31s", sum, prompt, new, text), 4);
    ids asked = read_ids(prompt), want = read_ids(new);
    check_encoding(a, sum, &asked);
    ids have = answer(s, &asked, chunk, want.n);
    check_same(&have, &want, sum);
    check_text(a, &asked, &have, text);
    n++;
  }
  fclose(f);
  return n;
}

TEST(adder, answers_200_sums_as_transformers_does) {
  adder a = open_adder();
  oinf_sim *s = open_sim(&a, OINF_BUDGET_NONE);
  CHECK_INT(check_sums(&a, s, MOST), 200);
  CHECK_INT(check_sums(&a, s, 3), 200);
  CHECK_INT(check_sums(&a, s, 1), 200);
  oinf_sim_destroy(s);
  close_adder(&a);
}

TEST(adder, answers_them_under_the_smallest_budget) {
  adder a = open_adder();
  oinf_sim *s = open_sim(&a, OINF_BUDGET_MIN);
  CHECK_INT(check_sums(&a, s, MOST), 200);
  oinf_sim_destroy(s);
  close_adder(&a);
}
