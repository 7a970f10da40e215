// What a plan says before it runs is what happens: bytes of the arenas, bytes of weights read a
// step, whichever sides of branches are taken. The simulator holds itself to it after each run;
// here its figures are also recomputed from what was read, and falsified, to see that it says so.
#include "tests/sim_world.h"

enum {
  MIB = 1 << 20,
  N = 777,
  TURNS = 3
};

// Two weights on one side of a branch, one on the other, in a loop; another branch in the dear
// side; more before and behind.
static oinf_val times(oinf_graph *g, oinf_val x, const char *weight) {
  oinf_val y = oinf_matmul(x, oinf_weight(g, weight), .transpose_b = true);
  return oinf_softmax(oinf_slice(y, .axis = 1, .begin = 0, .end = 512), .axis = 1);
}

static void forked_graph(world *w) {
  oinf_graph *g = w->graph;
  char name[32];
  static const char *const kinds[] = {"a", "b", "c", "d"};
  world_weight(w, "first", OINF_F32, N, 512);
  for (int i = 0; i < TURNS; i++)
    for (int k = 0; k < 4; k++) {
      snprintf(name, sizeof name, "blk.%d.%s", i, kinds[k]);
      world_weight(w, name, OINF_F32, k == 2 ? 2 * N : N, 512);
    }
  world_weight(w, "last", OINF_Q8_0, 8 * N, 512);
  oinf_val x = times(g, oinf_input(g, "x", OINF_F32, 1, 512), "first");
  oinf_val dear = oinf_input(g, "dear", OINF_BOOL, TURNS),
           more = oinf_input(g, "more", OINF_BOOL, TURNS);
  oinf_for(l, g, TURNS, &x) {
    oinf_val at = oinf_sym_value(g, l.index);
    oinf_branch b = oinf_if(oinf_gather(dear, at), &x);
    x = times(g, x, "blk.{l}.a");
    oinf_branch c = oinf_if(oinf_gather(more, at), &x);
    x = times(g, x, "blk.{l}.b");
    oinf_else(&c);
    oinf_endif(&c);
    x = times(g, x, "blk.{l}.c");
    oinf_else(&b);
    x = times(g, x, "blk.{l}.d");
    oinf_endif(&b);
  }
  oinf_output(g, "y", times(g, x, "last"));
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

static void bind_way(oinf_sim *s, int dear, int more) {
  static float x[512];
  static uint8_t bits[2][TURNS];
  const int64_t row[2] = {1, 512}, turns = TURNS;
  for (int i = 0; i < 512; i++) x[i] = (float)(i % 17) - 8;
  for (int i = 0; i < TURNS; i++) bits[0][i] = dear >> i & 1, bits[1][i] = more >> i & 1;
  SIM_OK(s, oinf_sim_bind(s, "x", x, OINF_F32, 2, row));
  SIM_OK(s, oinf_sim_bind(s, "dear", bits[0], OINF_BOOL, 1, &turns));
  SIM_OK(s, oinf_sim_bind(s, "more", bits[1], OINF_BOOL, 1, &turns));
}

static uint64_t step_way(oinf_sim *s, int dear, int more, uint64_t *out_read) {
  const uint64_t before = oi_pager_bytes_streamed(s->pager);
  bind_way(s, dear, more);
  const uint64_t hash = world_hash(s, "y");
  SIM_OK(s, oinf_sim_end(s));
  *out_read = oi_pager_bytes_streamed(s->pager) - before;
  return hash;
}

TEST(sim_figures, what_is_read_is_what_the_dearest_way_reads) {
  enum {
    ALL = (1 << TURNS) - 1
  };
  world w = world_new(NULL);
  oinf_sim_plan p;
  uint64_t want[ALL + 1][ALL + 1], read;
  forked_graph(&w);
  world_package(&w, "forked.oinf");
  oinf_sim *s = world_sim(&w, NULL);
  for (int d = 0; d <= ALL; d++)
    for (int m = 0; m <= ALL; m++) want[d][m] = step_way(s, d, m, &read);
  SIM_OK(s, oinf_sim_figures(s, NULL, &p));
  CHECK(p.read_per_step == 0 && want[0][0] != want[1][0]);
  oinf_sim_destroy(s);
  const uint64_t least = p.smallest;
  for (uint64_t more = 0; more <= 12 * MIB; more += 3 * MIB) {
    s = world_sim(&w, &(oinf_sim_desc){.budget = least + more});
    SIM_OK(s, oinf_sim_figures(s, NULL, &p));
    for (int round = 0; round < 3; round++) {
      for (int i = 0; i < 20; i++) {
        const int d = i * 5 % (ALL + 1), m = i * 3 % (ALL + 1);
        CHECK(step_way(s, d, m, &read) == want[d][m]);
        CHECK(i + round == 0 || read <= p.read_per_step);
      }
      CHECK(step_way(s, ALL, ALL, &read) == want[ALL][ALL]);
      CHECK(step_way(s, ALL, ALL, &read) == want[ALL][ALL]);
      CHECK_INT(read, p.read_per_step);
    }
    oinf_sim_destroy(s);
  }
  world_free(&w);
}

// Nothing is read in vain: what comes from the file is what was streamed, and the page that the
// next step begins with.
TEST(sim_figures, nothing_is_read_in_vain) {
  world w = world_new(NULL);
  uint64_t sum = 0, read;
  forked_graph(&w);
  world_package(&w, "vain.oinf");
  oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
  for (int i = 0; i < 16; i++) step_way(s, i % 8, i / 3 % 8, &read), sum += read;
  oi_pager_stop(s->pager);
  const uint64_t all = oi_pager_bytes_read(s->pager);
  CHECK_MSG(all >= sum && all <= sum + (uint64_t)s->home.slot * MIB, "%llu of %llu",
            (unsigned long long)sum, (unsigned long long)all);
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- events ----

typedef struct told {
  uint64_t read, flops, last;
  int runs, pages, steps;
} told;

static void on_event(void *user, const oinf_event *e) {
  told *t = user;
  CHECK(e->begin <= e->end && e->begin > 0 && *e->name && *e->op);
  if (e->kind == OINF_EVENT_RUN) {
    CHECK(e->begin >= t->last);  // one after the other
    t->last = e->end, t->runs++, t->flops += e->flops;
  }
  if (e->kind == OINF_EVENT_PAGE) t->read += e->read, t->pages++;
  if (e->kind == OINF_EVENT_STEP) CHECK_INT(e->step, t->steps++);
}

TEST(sim_figures, events_tell_what_ran_and_what_was_read) {
  world w = world_new(NULL);
  told t = {0};
  uint64_t sum = 0, read;
  forked_graph(&w);
  world_package(&w, "events.oinf");
  oinf_sim *s =
      world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN, .on_event = on_event, .user = &t});
  CHECK_INT(s->home.window.count, 0);
  for (int i = 0; i < 4; i++) step_way(s, 7, 7, &read), sum += read;
  CHECK_INT(t.read, sum);
  CHECK_INT(t.steps, 4);
  CHECK(t.pages > 4 * 8 && t.runs > 4 * 3 * 11);
  // Products of [1, 512] with each weight; softmax has 5 a value and one division, quantize 3.
  const uint64_t products = 2 * 512 * (uint64_t)N * (1 + TURNS * (1 + 1 + 2) + 8);
  CHECK_INT(t.flops, 4 * (products + (2 + 3 * TURNS) * (5 * 512 + 1) + 3 * 512));
  SIM_OK(s, oinf_sim_abandon(s));
  CHECK_INT(t.steps, 4);
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- figures that are wrong ----

TEST(sim_figures, a_plan_that_said_too_little_is_an_internal_error) {
  world w = world_new(NULL);
  oinf_array a;
  uint64_t read;
  forked_graph(&w);
  world_package(&w, "wrong.oinf");
  oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
  const uint64_t want = step_way(s, 7, 7, &read);
  oi_run_plan *r = s->plans.at[s->plans.n - 1];
  r->paging.read_per_step--;
  bind_way(s, 7, 7);
  SIM_REFUSED(s, oinf_sim_fetch(s, "y", &a), OINF_INTERNAL, "bytes of weights, and the plan says");
  SIM_OK(s, oinf_sim_abandon(s));
  r->paging.read_per_step++;
  r->paging.bytes -= MIB;
  bind_way(s, 7, 7);
  SIM_REFUSED(s, oinf_sim_fetch(s, "y", &a), OINF_INTERNAL, "bytes are allocated, and the plan");
  SIM_OK(s, oinf_sim_abandon(s));
  r->paging.bytes += MIB;
  const uint64_t room = r->plan.room;
  r->plan.room = room / 2;
  bind_way(s, 7, 7);
  SIM_REFUSED(s, oinf_sim_fetch(s, "y", &a), OINF_INTERNAL, "bytes of scratch, and the plan says");
  SIM_OK(s, oinf_sim_abandon(s));
  r->plan.room = room;
  for (size_t i = 0; i < r->plan.storages.n; i++)
    if (r->plan.storages.at[i].bytes == 512 * 4) r->plan.storages.at[i].bytes = 64;
  bind_way(s, 7, 7);
  SIM_REFUSED(s, oinf_sim_fetch(s, "y", &a), OINF_INTERNAL, "2048 bytes, and the plan says 64");
  SIM_OK(s, oinf_sim_abandon(s));
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
  CHECK(step_way(s, 7, 7, &read) == want);
  oinf_sim_destroy(s);
  world_free(&w);
}
