// Memory that runs out: every allocation of a small simulation fails in turn, from its making to
// its saved states. Each failure says so and leaves nothing behind; what is asked for again
// afterwards gives the same bits.
#include "tests/iofault.h"
#include "tests/scarce.h"
#include "tests/sim_world.h"

typedef struct trial {
  scarce memory;
  world w;
  oinf_sim *s;
  uint64_t budget, hash;
  bool is_rnn;
  long failures;
} trial;

// The call, once more where memory had run out; other failures are none that we wait for.
#define AGAIN(t, expr)                                                                           \
  do {                                                                                           \
    oinf_status again_ = (expr);                                                                 \
    if (again_ != OINF_OK) {                                                                     \
      CHECK_MSG(again_ == OINF_MEMORY, "%s: status %d: %s%s", #expr, (int)again_,                \
                (t)->s ? oinf_sim_error((t)->s) : "", oinf_error((t)->w.ctx));                   \
      (t)->failures++;                                                                           \
      oinf_error_clear((t)->w.ctx);                                                              \
      CHECK_MSG((expr) == OINF_OK, "%s again: %s", #expr, (t)->s ? oinf_sim_error((t)->s) : ""); \
    }                                                                                            \
  } while (0)

static void fetch_hash(trial *t, const char *name) {
  oinf_array a;
  AGAIN(t, oinf_sim_fetch(t->s, name, &a));
  oi_view v = {.data = (void *)(uintptr_t)a.data, .dtype = a.dtype, .rank = a.rank};
  memcpy(v.dim, a.dims, sizeof v.dim);
  t->hash = t->hash * 31 + oi_view_hash(&v);
}

static void bind_trial(trial *t, int64_t begin, int64_t end) {
  static const float x[4] = {1, 2, 3, 4};
  const int64_t dims[2] = {1, 4};
  if (t->is_rnn) SIM_OK(t->s, oinf_sim_bind(t->s, "x", x, OINF_F32, 2, dims));
  else world_bind(t->s, begin, end);
}

static void run_trial(trial *t) {
  const oinf_sim_desc d = {.budget = t->budget, .threads = 2};
  const char *path = world_path("scarce-state");
  int64_t rows;
  bool done = false;
  AGAIN(t, oinf_sim_create(t->w.model, t->w.graph, &d, &t->s));
  bind_trial(t, 0, 3);
  fetch_hash(t, t->is_rnn ? "y" : "blk.1.out");
  fetch_hash(t, t->is_rnn ? "before" : "logits");
  AGAIN(t, oinf_sim_end(t->s));
  AGAIN(t, oinf_sim_save(t->s, 3, "abc", 3, path));
  bind_trial(t, 2, 5);
  while (!done) AGAIN(t, oinf_sim_next(t->s, t->is_rnn ? "y" : "logits", &done));
  AGAIN(t, oinf_sim_abandon(t->s));
  AGAIN(t, oinf_sim_load(t->s, path, &rows, NULL, NULL));
  bind_trial(t, 3, 4);
  AGAIN(t, oinf_sim_fetch_glob(t->s, "*", NULL, NULL));
  fetch_hash(t, t->is_rnn ? "y" : "logits");
  AGAIN(t, oinf_sim_end(t->s));
  oinf_sim_plan p;
  AGAIN(t, oinf_sim_figures(t->s, NULL, &p));
  oinf_sim_destroy(t->s);
}

// How many allocations a run takes; each is then failed in turn.
static void fail_each(uint64_t budget, bool is_rnn) {
  trial t = {.budget = budget, .is_rnn = is_rnn};
  const oinf_ctx_desc desc = {.alloc = scarce_alloc, .user = &t.memory};
  t.w = world_new(&desc);
  if (is_rnn) world_rnn(&t.w);
  else world_decoder(&t.w);
  world_package(&t.w, "scarce.oinf");
  run_trial(&t);
  const uint64_t want = t.hash;
  run_trial(&t);  // what the graph and the context keep for good is there now
  const long from = t.memory.calls;
  const long long out = t.memory.bytes;
  t.hash = 0;
  run_trial(&t);
  const long n = t.memory.calls - from;
  CHECK(n > 20 && t.hash == want && t.failures == 0);
  for (long i = 1; i <= n; i++) {
    t.memory.fail_at = t.memory.calls + i;
    t.hash = 0, t.s = NULL, t.failures = 0;
    run_trial(&t);
    CHECK_MSG(t.failures == 1, "allocation %ld of %ld: %ld failures", i, n, t.failures);
    CHECK_MSG(t.hash == want, "allocation %ld of %ld: other bits", i, n);
    CHECK_MSG(t.memory.bytes == out, "allocation %ld of %ld: %lld bytes are lost", i, n,
              t.memory.bytes - out);
  }
  world_free(&t.w);
  CHECK_INT(t.memory.bytes, 0);
}

TEST(sim_memory, every_allocation_fails_in_turn) {
  fail_each(OINF_BUDGET_NONE, false);
  fail_each(OINF_BUDGET_MIN, false);
  fail_each(OINF_BUDGET_NONE, true);
}

// Likewise every read, write and rename: of weights under a budget, of saved states.
TEST(sim_memory, every_file_call_fails_in_turn) {
  world w = world_new(NULL);
  world_decoder(&w);
  world_package(&w, "faults.oinf");
  const char *path = world_path("faults-state");
  oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
  const uint64_t want = world_step(s, 0, 3);
  SIM_OK(s, oinf_sim_save(s, 3, NULL, 0, path));
  oinf_sim_destroy(s);
  for (long n = 1, fired = 1; fired; n++) {
    int64_t rows;
    oinf_array a;
    s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
    oi_fault_set(&(oi_fault){.at = n, .error = 5 /* EIO */});
    oinf_status status = oinf_sim_load(s, path, &rows, NULL, NULL);
    if (status == OINF_OK) status = oinf_sim_save(s, 2, "x", 1, world_path("faults-other"));
    world_bind(s, 0, 3);
    if (status == OINF_OK) status = oinf_sim_fetch(s, "logits", &a);
    fired = oi_fault_fired();
    oi_fault_set(NULL);
    CHECK_MSG(!fired || status == OINF_OK || oinf_status_exit(status) == 74 ||
                  oinf_status_exit(status) == 66 || oinf_status_exit(status) == 73,
              "call %ld: status %d: %s", n, (int)status, oinf_sim_error(s));
    CHECK_MSG(fired || status == OINF_OK, "%s", oinf_sim_error(s));
    SIM_OK(s, oinf_sim_abandon(s));
    CHECK(world_step(s, 0, 3) == want);
    oinf_sim_destroy(s);
    CHECK(n < 200);
  }
  world_free(&w);
}
