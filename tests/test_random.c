// Random graphs, run in every way there is: each way gives the same bits. The first run, from
// memory with one thread, is what the others are held to: printed and parsed, saved to a package
// and read under several budgets with several threads, and with a few values demanded, abandoned
// and demanded again instead of all. `make soak` runs fifty times as many seeds.
#include <inttypes.h>
#include <sys/stat.h>

#include <oinf/sim.h>

#include "sim/sim.h"
#include "tests/random_graph.h"
#include "tests/test.h"

typedef struct line {
  uint64_t step, hash;
  char name[72];
} line;
typedef struct lines {
  line *at;
  size_t n, room;
} lines;

static void add_line(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  lines *l = user;
  if (l->n == l->room) {
    l->room = l->room ? 2 * l->room : 256;
    l->at = realloc(l->at, l->room * sizeof *l->at);
    if (!l->at) abort();
  }
  l->at[l->n] = (line){.step = step, .hash = hash};
  snprintf(l->at[l->n++].name, sizeof l->at->name, "%s", a->name);
}

// ---- one seed ----

typedef struct seed_test {
  uint64_t seed;
  oinf_ctx *ctx;
  random_graph r;
  lines all;  // of the first run
  const char *how;
} seed_test;

#define WANT(t, s, expr)                                                                      \
  do {                                                                                        \
    oinf_status want_ = (expr);                                                               \
    CHECK_MSG(want_ == OINF_OK, "seed %" PRIu64 ", %s: %s: %s%s", (t)->seed, (t)->how, #expr, \
              (s) ? oinf_sim_error(s) : "", oinf_error((t)->ctx));                            \
  } while (0)

static void bind_step(seed_test *t, oinf_sim *s) {
  WANT(t, s, oinf_sim_set(s, "P", t->r.position));
  for (int i = 0; i < RANDOM_INPUTS; i++) {
    const random_input *in = &t->r.input[i];
    WANT(t, s, oinf_sim_bind(s, in->name, in->data, in->dtype, in->rank, in->dims));
  }
}

static void check_lines(seed_test *t, const lines *have) {
  const lines *want = &t->all;
  for (size_t i = 0; i < have->n && i < want->n; i++) {
    const line *a = &have->at[i], *b = &want->at[i];
    CHECK_MSG(a->step == b->step && a->hash == b->hash && strcmp(a->name, b->name) == 0,
              "seed %" PRIu64 ", %s: value %zu of step %" PRIu64 " is %s %016" PRIx64
              ", not %s %016" PRIx64,
              t->seed, t->how, i, a->step, a->name, a->hash, b->name, b->hash);
  }
  CHECK_MSG(have->n == want->n, "seed %" PRIu64 ", %s: %zu values, not %zu", t->seed, t->how,
            have->n, want->n);
}

static void check_peak(seed_test *t, oinf_sim *s, uint64_t budget) {
  oinf_sim_plan p;
  WANT(t, s, oinf_sim_figures(s, NULL, &p));
  const uint64_t have = oi_sim_allocated(s);
  CHECK_MSG(have <= p.peak, "seed %" PRIu64 ", %s: %" PRIu64 " bytes allocated, stated %" PRIu64,
            t->seed, t->how, have, p.peak);
  CHECK_MSG(budget <= OINF_BUDGET_MIN || have <= budget,
            "seed %" PRIu64 ", %s: %" PRIu64 " bytes allocated under %" PRIu64, t->seed, t->how,
            have, budget);
}

// Every value of every step.
static void run_all(seed_test *t, oinf_model *m, oinf_graph *g, uint64_t budget, int threads,
                    lines *out) {
  oinf_sim *s = NULL;
  const oinf_sim_desc d = {.budget = budget,
                           .threads = threads,
                           .capacity = RANDOM_CAPACITY,
                           .demand_all = true,
                           .on_value = add_line,
                           .user = out};
  WANT(t, s, oinf_sim_create(m, g, &d, &s));
  for (uint32_t step = 0; step < RANDOM_STEPS; step++) {
    random_graph_step(&t->r, step);
    bind_step(t, s);
    WANT(t, s, oinf_sim_end(s));
  }
  check_peak(t, s, budget);
  oinf_sim_destroy(s);
}

static void compare_all(seed_test *t, const char *how, oinf_model *m, oinf_graph *g,
                        uint64_t budget, int threads) {
  lines have = {0};
  t->how = how;
  run_all(t, m, g, budget, threads, &have);
  check_lines(t, &have);
  free(have.at);
}

// ---- demanded sets ----

static uint64_t random_of(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state >> 33;
}

static const line *pick(const seed_test *t, uint64_t step, uint64_t *state) {
  const line *l;
  do l = &t->all.at[random_of(state) % t->all.n];
  while (l->step != step);
  return l;
}

static bool agrees(const lines *want, const line *l) {
  for (size_t i = 0; i < want->n; i++)
    if (want->at[i].step == l->step && strcmp(want->at[i].name, l->name) == 0)
      return want->at[i].hash == l->hash;
  return true;  // a loop's or branch's result is no line of its own
}

static void fetch_some(seed_test *t, oinf_sim *s, uint32_t step, uint64_t *state) {
  oinf_array a;
  for (uint64_t n = random_of(state) % 3; n > 0; n--)
    WANT(t, s, oinf_sim_fetch(s, pick(t, step, state)->name, &a));
  for (uint32_t i = 0; i < t->r.n_outputs; i++)
    if (random_of(state) % 2) WANT(t, s, oinf_sim_fetch(s, t->r.output[i], &a));
}

static void fetch_by_items(seed_test *t, oinf_sim *s, uint32_t step, uint64_t *state) {
  bool done = false;
  char name[72];
  snprintf(name, sizeof name, "%s", pick(t, step, state)->name);
  while (!done) WANT(t, s, oinf_sim_next(s, name, &done));
}

static void run_some(seed_test *t, oinf_model *m, oinf_graph *g, uint64_t budget, int threads) {
  lines have = {0};
  oinf_sim *s = NULL;
  uint64_t state = t->seed;
  const oinf_sim_desc d = {.budget = budget,
                           .threads = threads,
                           .capacity = RANDOM_CAPACITY,
                           .on_value = add_line,
                           .user = &have};
  t->how = "demanding some";
  WANT(t, s, oinf_sim_create(m, g, &d, &s));
  for (uint32_t step = 0; step < RANDOM_STEPS; step++) {
    random_graph_step(&t->r, step);
    for (int turn = random_of(&state) % 3 ? 1 : 0; turn < 2; turn++) {
      bind_step(t, s);
      if (random_of(&state) % 4 == 0) fetch_by_items(t, s, step, &state);
      fetch_some(t, s, step, &state);
      if (turn == 0) WANT(t, s, oinf_sim_abandon(s));
    }
    WANT(t, s, oinf_sim_end(s));
  }
  for (size_t i = 0; i < have.n; i++)
    CHECK_MSG(agrees(&t->all, &have.at[i]), "seed %" PRIu64 ", %s: %s of step %" PRIu64 " differs",
              t->seed, t->how, have.at[i].name, have.at[i].step);
  oinf_sim_destroy(s);
  free(have.at);
}

// ---- packages ----

// The model's tensors far apart in the file, many of them across the border of two blocks.
static oinf_model *spread(seed_test *t, uint64_t *state) {
  static const unsigned char zeros[1 << 20];
  oinf_model *m;
  WANT(t, NULL, oinf_model_create(t->ctx, &m));
  for (uint32_t i = 0; i < t->r.model->tensors.n; i++) {
    const oi_tensor *have = &t->r.model->tensors.at[i];
    const oinf_tensor *p = &have->pub;
    char name[32];
    int64_t pad = (1 << 20) - (int64_t)(random_of(state) % 8192);
    snprintf(name, sizeof name, "pad.%u", i);
    WANT(t, NULL,
         oinf_model_add(m, p->name, p->dtype, p->rank, p->dims,
                        t->r.model->sources.at[have->source].map + have->offset));
    WANT(t, NULL, oinf_model_add(m, name, OINF_U8, 1, &pad, zeros));
  }
  return m;
}

static void run_package(seed_test *t, bool is_spread) {
  char path[128];
  uint64_t state = t->seed;
  oinf_model *wide = is_spread ? spread(t, &state) : t->r.model, *m;
  oinf_graph *g;
  oinf_sim *s = NULL;
  oinf_sim_plan p;
  snprintf(path, sizeof path, "%s/random.oinf", oi_test_dir());
  t->how = "saving";
  WANT(t, NULL, oinf_graph_save(t->r.graph, wide));
  WANT(t, NULL, oinf_model_save(wide, path));
  WANT(t, NULL, oinf_model_open(t->ctx, path, &m));
  WANT(t, NULL, oinf_graph_load(t->ctx, m, "random", &g));
  compare_all(t, "from a package", m, g, OINF_BUDGET_NONE, 2);
  compare_all(t, "with the least budget", m, g, OINF_BUDGET_MIN, 3);
  t->how = "measuring";
  oinf_sim_desc d = {.capacity = RANDOM_CAPACITY, .demand_all = true};
  WANT(t, s, oinf_sim_create(m, g, &d, &s));
  WANT(t, s, oinf_sim_figures(s, NULL, &p));
  oinf_sim_destroy(s);
  d.budget = p.smallest - 1;
  CHECK_MSG(oinf_sim_create(m, g, &d, &s) == OINF_BUDGET, "seed %" PRIu64 ": %" PRIu64, t->seed,
            p.smallest);
  oinf_error_clear(t->ctx);
  compare_all(t, "with the smallest budget", m, g, p.smallest, 1);
  const uint64_t half = p.smallest + m->weights_size / 2;
  compare_all(t, "with half of the weights", m, g, half, 1);
  run_some(t, m, g, half + (1 << 16), 2);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  if (is_spread) oinf_model_destroy(wide);
}

static void run_parsed(seed_test *t) {
  oinf_graph *g;
  t->how = "parsing";
  const char *text = oinf_graph_text(t->r.graph);
  WANT(t, NULL, oinf_graph_check(t->r.graph));
  WANT(t, NULL, oinf_graph_parse(t->ctx, t->r.model, text, strlen(text), &g));
  compare_all(t, "parsed", t->r.model, g, OINF_BUDGET_NONE, 1);
  run_some(t, t->r.model, g, OINF_BUDGET_NONE, 1);
  oinf_graph_destroy(g);
}

static void run_seed(uint64_t seed) {
  seed_test t = {.seed = seed, .how = "first run"};
  CHECK(oinf_ctx_create(NULL, &t.ctx) == OINF_OK);
  random_graph_make(t.ctx, seed, &t.r);
  WANT(&t, NULL, oinf_graph_check(t.r.graph));
  run_all(&t, t.r.model, t.r.graph, OINF_BUDGET_NONE, 1, &t.all);
  CHECK(t.all.n > 0);
  run_parsed(&t);
  run_package(&t, seed % 8 == 0);
  free(t.all.at);
  random_graph_free(&t.r);
  oinf_ctx_destroy(t.ctx);
}

TEST(random, graphs_give_one_answer_however_they_are_run) {
  const char *first = getenv("SEED");
  const uint64_t from = first ? strtoull(first, NULL, 10) : 0;
  const uint64_t n = first ? 1 : oi_test_soak() ? 10000 : 200;
  for (uint64_t seed = from; seed < from + n; seed++) run_seed(seed);
}
