// The simulator's calls: what they refuse and that they go on afterwards, that a step is what its
// contract says whatever is asked in which order, and that simulations do not know of each other.
#include <pthread.h>

#include "tests/scarce.h"
#include "tests/sim_world.h"

// ---- what is refused ----

TEST(sim, unknown_names_are_refused) {
  world w = world_new(NULL);
  world_decoder(&w);
  oinf_sim *s = world_sim(&w, NULL);
  oinf_array a;
  oinf_sim_plan p;
  float one[1] = {0};
  const int64_t dims[2] = {1, 1};
  SIM_REFUSED(s, oinf_sim_set(s, "Q", 1), OINF_USAGE, "no symbol 'Q'");
  SIM_REFUSED(s, oinf_sim_bind(s, "x", one, OINF_F32, 2, dims), OINF_USAGE, "no input 'x'");
  world_bind(s, 0, 2);
  SIM_REFUSED(s, oinf_sim_fetch(s, "logit", &a), OINF_USAGE, "no value 'logit'");
  SIM_REFUSED(s, oinf_sim_fetch(s, "blk.3.out", &a), OINF_USAGE, "no value 'blk.3.out'");
  SIM_REFUSED(s, oinf_sim_fetch_glob(s, "blk.9.*", NULL, NULL), OINF_USAGE, "no value");
  SIM_REFUSED(s, oinf_sim_figures(s, "nonesuch", &p), OINF_USAGE, "no variant");
  SIM_OK(s, oinf_sim_fetch(s, "logits", &a));
  CHECK_STR(a.name, "logits");
  SIM_REFUSED(s, oinf_sim_fetch_copy(s, "logits", one, 4), OINF_USAGE, "96 bytes, not 4");
  oinf_sim_destroy(s);
  oinf_sim_destroy(NULL);
  world_free(&w);
}

TEST(sim, inputs_of_another_dtype_rank_or_shape_are_refused) {
  world w = world_new(NULL);
  world_decoder(&w);
  oinf_sim *s = world_sim(&w, NULL);
  oinf_array a;
  const int64_t ids[ROWS + 1] = {0}, two[2] = {1, 1}, many[1] = {ROWS + 1}, zero[1] = {0};
  SIM_REFUSED(s, oinf_sim_bind(s, "tokens", ids, OINF_I64, 1, two), OINF_USAGE, "i32");
  SIM_REFUSED(s, oinf_sim_bind(s, "tokens", ids, OINF_I32, 2, two), OINF_USAGE,
              "1 axes, not i32 of 2");
  SIM_OK(s, oinf_sim_set(s, "P", 0));
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "symbol T is not known");
  SIM_OK(s, oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, many));
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "symbol T is 9, outside 1 to 8");
  SIM_OK(s, oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, zero));
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "symbol T is 0");
  SIM_OK(s, oinf_sim_set(s, "T", 2));
  SIM_OK(s, oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, two));
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE,
              "symbol T is 2, and input 'tokens' says 1");
  SIM_OK(s, oinf_sim_set(s, "T", 1));  // nothing has run: the same step goes on
  SIM_OK(s, oinf_sim_fetch(s, "logits", &a));
  SIM_REFUSED(s, oinf_sim_set(s, "P", 1), OINF_USAGE, "in the middle of a step");
  SIM_REFUSED(s, oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, two), OINF_USAGE, "in the middle");
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(sim, inputs_are_missed_only_where_they_are_used) {
  world w = world_new(NULL);
  oinf_graph *g = w.graph;
  float x[2] = {1, 2}, out[2];
  const int64_t dims[1] = {2};
  oinf_output(g, "a", oinf_neg(oinf_input(g, "x", OINF_F32, 2)));
  oinf_output(g, "b", oinf_neg(oinf_input(g, "z", OINF_F32, 2)));
  oinf_sim *s = world_sim(&w, NULL);
  SIM_OK(s, oinf_sim_bind(s, "x", x, OINF_F32, 1, dims));
  SIM_OK(s, oinf_sim_fetch_copy(s, "a", out, sizeof out));
  CHECK(out[0] == -1 && out[1] == -2);
  SIM_REFUSED(s, oinf_sim_fetch_copy(s, "b", out, sizeof out), OINF_USAGE,
              "input 'z' is not bound");
  SIM_OK(s, oinf_sim_end(s));
  SIM_REFUSED(s, oinf_sim_fetch_copy(s, "a", out, sizeof out), OINF_USAGE,
              "input 'x' is not bound");
  SIM_OK(s, oinf_sim_bind(s, "z", x, OINF_F32, 1, dims));
  SIM_OK(s, oinf_sim_fetch_copy(s, "b", out, sizeof out));
  CHECK_INT(oinf_sim_steps(s), 1);
  oinf_sim_destroy(s);
  world_free(&w);
}

static void count_nodes(void *user, uint64_t step, const char *label, const char *op) {
  (void)step, (void)label, (void)op;
  ++*(int *)user;
}

TEST(sim, rows_over_the_capacity_are_refused_before_anything_runs) {
  world w = world_new(NULL);
  world_decoder(&w);
  int nodes = 0;
  oinf_sim *s =
      world_sim(&w, &(oinf_sim_desc){.capacity = 6, .on_node = count_nodes, .user = &nodes});
  oinf_array a;
  world_step(s, 0, 5);
  const int before = nodes;
  world_bind(s, 5, 7);
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "6 rows, and 7 are asked for");
  SIM_REFUSED(s, oinf_sim_fetch(s, "blk.0.norm", &a), OINF_USAGE, "asked for");
  SIM_REFUSED(s, oinf_sim_end(s), OINF_USAGE, "asked for");
  CHECK_INT(nodes, before);
  world_bind(s, 5, 6);
  world_hash(s, "logits");
  SIM_OK(s, oinf_sim_end(s));
  world_bind(s, 6, 7);
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "outside 0 to 5");
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(sim, capacity_and_chunk_are_taken_from_the_description) {
  world w = world_new(NULL);
  world_decoder(&w);
  oinf_sim_plan small, large;
  oinf_array a;
  oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.capacity = 4, .chunk = 3});
  SIM_OK(s, oinf_sim_figures(s, NULL, &small));
  CHECK_INT(small.states, LAYERS * 4 * WIDTH * 4);
  world_bind(s, 0, 4);
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "T is 4, outside 1 to 3");
  SIM_OK(s, oinf_sim_abandon(s));
  SIM_OK(s, oinf_sim_set(s, "C", 5));
  world_bind(s, 0, 3);
  SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "C is 5, outside 4 to 4");
  SIM_OK(s, oinf_sim_abandon(s));
  world_step(s, 0, 3);
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.capacity = 1000});
  SIM_OK(s, oinf_sim_figures(s, NULL, &large));
  CHECK_INT(large.states, LAYERS * CAPACITY * WIDTH * 4);
  CHECK(large.activations > small.activations);
  oinf_sim_destroy(s);
  world_free(&w);
}

// The chunk is of rows that go into states: other lengths keep their bounds.
TEST(sim, lengths_that_no_state_takes_are_not_chunked) {
  world w = world_new(NULL);
  oinf_graph *g = w.graph;
  const oinf_dim N = oinf_sym(g, "N", 1, 1000);
  static float x[700];
  const int64_t dims[1] = {700};
  oinf_output(g, "y", oinf_sum(oinf_input(g, "x", OINF_F32, N)));
  oinf_sim *s = world_sim(&w, NULL);
  SIM_OK(s, oinf_sim_bind(s, "x", x, OINF_F32, 1, dims));
  world_hash(s, "y");
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(sim, a_graph_of_another_model_is_refused) {
  world w = world_new(NULL), other = world_new(NULL);
  world_decoder(&w);
  oinf_sim *s = NULL;
  CHECK_INT(oinf_sim_create(other.model, w.graph, NULL, &s), OINF_USAGE);
  CHECK(strstr(oinf_error(w.ctx), "another model") && !s);
  oinf_error_clear(w.ctx);
  CHECK_INT(oinf_sim_create(NULL, w.graph, NULL, &s), OINF_USAGE);
  world_free(&w), world_free(&other);
}

TEST(sim, an_index_out_of_range_is_said_and_the_simulation_goes_on) {
  world w = world_new(NULL);
  world_decoder(&w);
  for (int budget = 0; budget < 2; budget++) {
    if (budget) world_package(&w, "gather.oinf");
    oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.budget = budget ? OINF_BUDGET_MIN : 0});
    const int32_t ids[3] = {1, VOCAB, 2};
    const int64_t n = 3;
    oinf_array a;
    SIM_OK(s, oinf_sim_set(s, "P", 0));
    SIM_OK(s, oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, &n));
    SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_FORMAT,
                "gather: expected an index from 0 to 23, found 24 at place 1");
    CHECK(strstr(oinf_sim_error_trail(s), "running gather"));
    SIM_REFUSED(s, oinf_sim_end(s), OINF_FORMAT, "gather");
    SIM_OK(s, oinf_sim_abandon(s));
    world_step(s, 0, 3);
    oinf_sim_destroy(s);
  }
  world_free(&w);
}

// ---- a step ----

TEST(sim, prefill_in_any_chunks_equals_single_steps) {
  static const int chunks[][4] = {{8, 8}, {1, 7, 8}, {5, 5, 5, 1}, {3, 8, 5}};
  world w = world_new(NULL);
  world_decoder(&w);
  oinf_sim *s = world_sim(&w, NULL);
  uint64_t want[CAPACITY];
  for (int i = 0; i < CAPACITY; i++) want[i] = world_step(s, i, i + 1);
  oinf_sim_destroy(s);
  for (size_t c = 0; c < sizeof chunks / sizeof *chunks; c++) {
    s = world_sim(&w, &(oinf_sim_desc){.threads = (int)c});
    for (int i = 0, at = 0; i < 4 && chunks[c][i]; at += chunks[c][i++])
      CHECK(world_step(s, at, at + chunks[c][i]) == want[at + chunks[c][i] - 1]);
    oinf_sim_destroy(s);
  }
  world_free(&w);
}

static const char *const asked[] = {"blk.2.out", "logits", "blk.0.norm", "blk.1.out", "logits"};

TEST(sim, values_are_the_same_in_whatever_order_they_are_asked_for) {
  world w = world_new(NULL);
  world_decoder(&w);
  oinf_sim *s = world_sim(&w, NULL), *t = world_sim(&w, NULL);
  for (int64_t at = 0; at < 12; at += 3) {
    world_bind(s, at, at + 3);
    world_bind(t, at, at + 3);
    for (int i = 0; i < 5; i++) {
      const uint64_t first = world_hash(s, asked[i]);
      CHECK(world_hash(s, asked[i]) == first);
      CHECK(world_hash(t, asked[4 - i]) == world_hash(t, asked[4 - i]));
      SIM_OK(t, oinf_sim_fetch(t, asked[i], &(oinf_array){0}));
      CHECK(world_hash(t, asked[i]) == first);
    }
    SIM_OK(s, oinf_sim_end(s));
    SIM_OK(t, oinf_sim_end(t));
  }
  oinf_sim_destroy(s), oinf_sim_destroy(t);
  world_free(&w);
}

static void bind_x(oinf_sim *s, float base) {
  static _Thread_local float x[4];
  const int64_t dims[2] = {1, 4};
  for (int i = 0; i < 4; i++) x[i] = base + (float)i;
  SIM_OK(s, oinf_sim_bind(s, "x", x, OINF_F32, 2, dims));
}

static float first_of(oinf_sim *s, const char *name) {
  oinf_array a;
  SIM_OK(s, oinf_sim_fetch(s, name, &a));
  return *(const float *)a.data;
}

// h = h / 2 + x: what a step writes is written once, however often it is asked for.
TEST(sim, a_state_that_is_overwritten_moves_on_once_a_step) {
  world w = world_new(NULL);
  world_rnn(&w);
  oinf_sim *s = world_sim(&w, NULL);
  float h = 0;
  for (int step = 0; step < 6; step++) {
    bind_x(s, (float)step);
    if (step % 2) CHECK(first_of(s, "before") == h);
    if (step % 3) CHECK(first_of(s, "y") == -(h / 2 + (float)step));
    if (step % 2) CHECK(first_of(s, "after") == h / 2 + (float)step);
    CHECK(first_of(s, "before") == h);  // the plan that runs last writes nothing
    SIM_OK(s, oinf_sim_end(s));
    h = h / 2 + (float)step;
  }
  bind_x(s, 100);
  CHECK(first_of(s, "y") == -(h / 2 + 100));
  SIM_OK(s, oinf_sim_abandon(s));
  bind_x(s, 7);
  SIM_OK(s, oinf_sim_abandon(s));
  bind_x(s, 0);
  CHECK(first_of(s, "before") == h);
  CHECK_INT(oinf_sim_steps(s), 6);
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(sim, an_abandoned_step_leaves_the_states_as_they_were) {
  world w = world_new(NULL);
  world_decoder(&w);
  oinf_sim *s = world_sim(&w, NULL), *t = world_sim(&w, NULL);
  for (int64_t at = 0; at + 2 <= 10; at += 2) {
    CHECK(world_step(s, at, at + 2) == world_step(t, at, at + 2));
    world_bind(s, at + 2, at + 5);
    world_hash(s, at % 4 ? "logits" : "blk.1.out");
    SIM_OK(s, oinf_sim_abandon(s));
    // Rows of earlier steps too, where the position goes back.
    world_bind(s, at ? at - 1 : 0, at + 4);
    world_hash(s, "logits");
    SIM_OK(s, oinf_sim_abandon(s));
  }
  CHECK(world_step(s, 10, 11) == world_step(t, 10, 11));
  // Going back for good, and on from there.
  CHECK(world_step(s, 4, 6) == world_step(t, 4, 6));
  CHECK(world_step(s, 11, 12) == world_step(t, 11, 12));
  CHECK(oi_sim_allocated(s) == oi_sim_allocated(t));
  oinf_sim_destroy(s), oinf_sim_destroy(t);
  world_free(&w);
}

TEST(sim, ending_runs_the_writes_that_are_outstanding_and_nothing_else) {
  world w = world_new(NULL);
  world_decoder(&w);
  int nodes = 0;
  oinf_sim *s = world_sim(&w, NULL);
  oinf_sim *t = world_sim(&w, &(oinf_sim_desc){.on_node = count_nodes, .user = &nodes});
  const uint64_t want[2] = {world_step(s, 0, 4), world_step(s, 4, 6)};
  world_bind(t, 0, 4);
  SIM_OK(t, oinf_sim_end(t));  // nothing was asked for
  CHECK(nodes > 0);
  world_bind(t, 4, 6);
  CHECK(world_hash(t, "logits") == want[1]);
  nodes = 0;
  SIM_OK(t, oinf_sim_end(t));  // the logits have written all
  CHECK_INT(nodes, 0);
  world_bind(t, 6, 7);
  world_hash(t, "blk.0.norm");
  SIM_OK(t, oinf_sim_end(t));
  CHECK(nodes > 0);
  world_step(s, 6, 7);
  CHECK(world_step(s, 7, 9) == world_step(t, 7, 9));
  CHECK(want[0] != want[1]);
  oinf_sim_destroy(s), oinf_sim_destroy(t);
  world_free(&w);
}

TEST(sim, items_are_stepped_one_by_one) {
  world w = world_new(NULL);
  world_decoder(&w);
  oinf_sim *s = world_sim(&w, NULL), *t = world_sim(&w, NULL);
  oinf_array a;
  bool done = false;
  int items = 0;
  world_bind(s, 0, 3), world_bind(t, 0, 3);
  while (!done) {
    SIM_OK(s, oinf_sim_next(s, "blk.1.out", &done));
    if (++items == 5) {
      SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_USAGE, "being stepped to");
      SIM_REFUSED(s, oinf_sim_next(s, "blk.2.out", &done), OINF_USAGE, "being stepped to");
    }
  }
  CHECK(items > 10);
  CHECK(world_hash(s, "blk.1.out") == world_hash(t, "blk.1.out"));
  SIM_OK(s, oinf_sim_next(s, "blk.1.out", &done));
  CHECK(done);
  done = false;
  while (!done) SIM_OK(s, oinf_sim_next(s, "logits", &done));
  CHECK(world_hash(s, "logits") == world_hash(t, "logits"));
  SIM_OK(s, oinf_sim_end(s));
  SIM_OK(t, oinf_sim_end(t));
  world_bind(s, 3, 4);  // ended in the middle of the items: they run out
  for (int i = 0; i < 7; i++) SIM_OK(s, oinf_sim_next(s, "logits", &done));
  SIM_OK(s, oinf_sim_end(s));
  world_step(t, 3, 4);
  world_bind(s, 4, 6);  // abandoned there
  for (int i = 0; i < 9; i++) SIM_OK(s, oinf_sim_next(s, "logits", &done));
  SIM_OK(s, oinf_sim_abandon(s));
  CHECK(world_step(s, 4, 5) == world_step(t, 4, 5));
  oinf_sim_destroy(s), oinf_sim_destroy(t);
  world_free(&w);
}

// ---- branches ----

// Rows are written as they are, or negated where flag is below zero.
static void branch_graph(world *w) {
  oinf_graph *g = w->graph;
  const oinf_dim C = oinf_sym(g, "C", 1, 8), P = oinf_sym(g, "P", 0, 7);
  const oinf_state rows = oinf_state_new(g, "rows", OINF_F32, C, 4);
  oinf_val x = oinf_input(g, "x", OINF_F32, 1, 4), flag = oinf_input_scalar(g, "flag", OINF_F32);
  oinf_val y = x;
  oinf_branch b = oinf_if(oinf_lt(flag, oinf_num(g, 0)), &y);
  y = oinf_name(oinf_neg(y), "negated");
  oinf_state_write(rows, OINF_NO_LAYER, y, .at = P);
  oinf_else(&b);
  y = oinf_name(oinf_abs(y), "kept");
  oinf_state_write(rows, OINF_NO_LAYER, y, .at = P);
  oinf_endif(&b);
  oinf_output(g, "y", y);
  oinf_output(g, "all", oinf_state_read(rows, OINF_NO_LAYER, .rows = oinf_dim_add(g, P, 1)));
}

TEST(sim, branches_run_one_side_and_write_its_states) {
  world w = world_new(NULL);
  branch_graph(&w);
  oinf_sim *s = world_sim(&w, NULL);
  oinf_array a;
  for (int step = 0; step < 6; step++) {
    const float flag = step % 2 ? -1 : 1;
    SIM_OK(s, oinf_sim_set(s, "P", step));
    SIM_OK(s, oinf_sim_bind(s, "flag", &flag, OINF_F32, 0, NULL));
    bind_x(s, (float)step + 1);
    const float want = flag * (float)(step + 1);
    if (step < 4) CHECK(first_of(s, "y") == want);
    if (step < 3) CHECK(first_of(s, step % 2 ? "negated" : "kept") == want);
    SIM_REFUSED(s, oinf_sim_fetch(s, step % 2 ? "kept" : "negated", &a), OINF_USAGE,
                "a side of a branch that is not taken");
    SIM_OK(s, oinf_sim_fetch_glob(s, "[nk]e*", NULL, NULL));
    SIM_OK(s, oinf_sim_fetch(s, "all", &a));
    for (int r = 0; r <= step; r++)
      CHECK(((const float *)a.data)[4 * r] == (float)(r + 1) * (r % 2 ? -1.0f : 1.0f));
    SIM_OK(s, oinf_sim_end(s));
  }
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- hooks ----

typedef struct seen {
  int nodes, values, cancel_at;
  uint64_t hash;
  const char *want;
} seen;

static void on_value(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  seen *n = user;
  (void)step;
  n->values++;
  if (n->want && strcmp(a->name, n->want) == 0) n->hash = hash;
}
static void on_node(void *user, uint64_t step, const char *label, const char *op) {
  (void)step;
  CHECK(label && *label && op && *op);
  ((seen *)user)->nodes++;
}
static bool on_cancel(void *user) {
  seen *n = user;
  return n->cancel_at && n->nodes >= n->cancel_at;
}

TEST(sim, hooks_see_each_value_once) {
  world w = world_new(NULL);
  world_decoder(&w);
  seen n = {.want = "blk.2.out"};
  oinf_sim_desc d = {.on_value = on_value, .on_node = on_node, .user = &n, .demand_all = true};
  oinf_sim *s = world_sim(&w, &d), *t = world_sim(&w, NULL);
  world_bind(s, 0, 3), world_bind(t, 0, 3);
  world_hash(s, "logits");
  const int all = n.values;
  CHECK(all > 30 && n.nodes > 30);
  CHECK(n.hash == world_hash(t, "blk.2.out"));
  world_hash(s, "blk.2.out");
  SIM_OK(s, oinf_sim_end(s));
  CHECK(n.values <= all + 1);  // the one that was fetched alone afterwards
  oinf_sim_destroy(s);
  n = (seen){.want = "blk.1.norm"};
  d.demand_all = false;
  s = world_sim(&w, &d);
  world_bind(s, 0, 3);
  CHECK(world_hash(s, "blk.1.norm") == n.hash);
  CHECK_INT(n.values, 1);
  oinf_sim_destroy(s), oinf_sim_destroy(t);
  world_free(&w);
}

TEST(sim, a_run_that_is_cancelled_begins_anew) {
  world w = world_new(NULL);
  world_decoder(&w);
  seen n = {0};
  oinf_sim *s =
      world_sim(&w, &(oinf_sim_desc){.on_node = on_node, .on_cancel = on_cancel, .user = &n});
  oinf_sim *t = world_sim(&w, NULL);
  oinf_array a;
  for (int at = 1; at < 40; at += 3) {
    world_bind(s, 0, 4);
    n.nodes = 0, n.cancel_at = at;
    SIM_REFUSED(s, oinf_sim_fetch(s, "logits", &a), OINF_CANCEL, "interrupted");
    n.cancel_at = 0;
    if (at % 2) {
      SIM_OK(s, oinf_sim_abandon(s));
      world_bind(s, 0, 4);
    }
    world_bind(t, 0, 4);
    CHECK(world_hash(s, "logits") == world_hash(t, "logits"));
    SIM_OK(s, oinf_sim_end(s));
    SIM_OK(t, oinf_sim_end(t));
    CHECK(world_step(s, 4, 6) == world_step(t, 4, 6));
  }
  oinf_sim_destroy(s), oinf_sim_destroy(t);
  world_free(&w);
}

static void fetch_more(void *user, const oinf_array *a) {
  oinf_array b;
  char name[64];
  snprintf(name, sizeof name, "%s", a->name);
  SIM_OK((oinf_sim *)user, oinf_sim_fetch(user, "logits", &b));
  SIM_OK((oinf_sim *)user, oinf_sim_fetch(user, name, &b));
  CHECK(b.data == a->data);
}

TEST(sim, patterns_give_every_iteration_and_may_ask_for_more) {
  world w = world_new(NULL);
  world_decoder(&w);
  oinf_sim *s = world_sim(&w, NULL);
  world_bind(s, 0, 3);
  SIM_OK(s, oinf_sim_fetch_glob(s, "blk.?.out", fetch_more, s));
  SIM_OK(s, oinf_sim_fetch_glob(s, "*", NULL, NULL));
  CHECK(s->held.n > 40);
  SIM_OK(s, oinf_sim_end(s));
  CHECK_INT(s->held.n, 0);
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- a user's op, tensors without bytes ----

OINF_OP(twice_minus, 2, {
  float t = a * 2.0f;
  out = t - b;
});

TEST(sim, a_users_op_runs_with_broadcasting_and_is_refused_where_it_is_unknown) {
  world w = world_new(NULL);
  oinf_graph *g = w.graph;
  float x[3] = {1, 2, 3}, y[2] = {10, 20}, out[6];
  const int64_t rows[2] = {2, 1}, row[1] = {3};
  CHECK_INT(oinf_op_register(w.ctx, &twice_minus), OINF_OK);
  oinf_output(g, "z",
              oinf_user(g, &twice_minus, oinf_input(g, "x", OINF_F32, 3),
                        oinf_input(g, "y", OINF_F32, 2, 1)));
  world_package(&w, "user.oinf");
  oinf_sim *s = world_sim(&w, NULL);
  SIM_OK(s, oinf_sim_bind(s, "x", x, OINF_F32, 1, row));
  SIM_OK(s, oinf_sim_bind(s, "y", y, OINF_F32, 2, rows));
  SIM_OK(s, oinf_sim_fetch_copy(s, "z", out, sizeof out));
  for (int i = 0; i < 6; i++) CHECK(out[i] == 2 * x[i % 3] - y[i / 3]);
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(sim, tensors_without_bytes_are_made) {
  world w = world_new(NULL);
  const oi_tensor splat = {.pub = {.dtype = OINF_F32, .rank = 1, .dims = {5}},
                           .kind = OI_TENSOR_SPLAT,
                           .seed = 0x40400000};
  oi_tensor noise = {.pub = {.dtype = OINF_F32, .rank = 2, .dims = {40, 5}},
                     .kind = OI_TENSOR_NOISE};
  float made[200], out[5], sum[5] = {0};
  noise.seed = UINT64_C(3) << 56 | 42;
  CHECK(!oi_model_add_tensor(w.model, &splat, "three", 5) &&
        !oi_model_add_tensor(w.model, &noise, "noise", 5) && !oi_model_index(w.model));
  oinf_graph *g = w.graph;
  oinf_output(g, "y",
              oinf_add(oinf_weight(g, "three"), oinf_select(oinf_weight(g, "noise"), .index = 7)));
  oinf_output(g, "m",
              oinf_matmul(oinf_weight(g, "three"), oinf_weight(g, "noise"), .transpose_b = true));
  CHECK_INT(oinf_model_read(w.model, "noise", made), OINF_OK);
  for (uint64_t budget = 0; budget < 2; budget++) {
    oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.budget = budget});
    oinf_sim_plan p;
    SIM_OK(s, oinf_sim_fetch_copy(s, "y", out, sizeof out));
    for (int i = 0; i < 5; i++) CHECK(out[i] == 3.0f + made[35 + i]);
    world_hash(s, "m");
    SIM_OK(s, oinf_sim_figures(s, NULL, &p));
    CHECK(p.weights >= 205 * 4);
    oinf_sim_destroy(s);
  }
  (void)sum;
  world_free(&w);
}

// ---- several threads, many steps ----

typedef struct runner {
  oinf_model *model;
  uint64_t hash;
  uint64_t budget;
} runner;

static void *run_alone(void *user) {
  runner *r = user;
  world w = {.model = r->model};
  for (int round = 0; round < 5; round++) {
    CHECK(!oinf_ctx_create(NULL, &w.ctx) && !oinf_graph_load(w.ctx, w.model, NULL, &w.graph));
    oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.budget = r->budget, .threads = 2});
    for (int64_t at = 0; at < CAPACITY; at += 2) r->hash = world_step(s, at, at + 2);
    oinf_sim_destroy(s);
    oinf_graph_destroy(w.graph);
    oinf_ctx_destroy(w.ctx);
  }
  return NULL;
}

TEST(sim, one_model_serves_several_threads) {
  world w = world_new(NULL);
  world_decoder(&w);
  world_package(&w, "shared.oinf");
  pthread_t threads[3];
  runner r[4] = {{w.model, 0, 0}, {w.model, 0, 0}, {w.model, 0, OINF_BUDGET_MIN}, {w.model, 0, 0}};
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&threads[i], NULL, run_alone, &r[i]) == 0);
  for (int i = 0; i < 3; i++) pthread_join(threads[i], NULL);
  run_alone(&r[3]);
  for (int i = 0; i < 3; i++) CHECK(r[i].hash == r[3].hash);
  world_free(&w);
}

TEST(sim, many_steps_take_no_more_memory_than_a_few) {
  scarce m = {0};
  world w = world_new(&(oinf_ctx_desc){.alloc = scarce_alloc, .user = &m});
  world_rnn(&w);
  oinf_sim *s = world_sim(&w, NULL);
  long long after_few = 0;
  for (int i = 0; i < 20000; i++) {
    bind_x(s, 1);
    first_of(s, "y");
    if (i % 3 == 0) first_of(s, "before");
    if (i % 100 == 7) SIM_OK(s, oinf_sim_abandon(s));
    else SIM_OK(s, oinf_sim_end(s));
    if (i == 200) after_few = m.bytes;
  }
  CHECK_INT(m.bytes, after_few);
  oinf_sim_destroy(s);
  world_free(&w);
  CHECK_INT(m.bytes, 0);
}
