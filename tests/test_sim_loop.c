// Loops in the simulator: carried values that change places, whole or in part of the iterations,
// and hold no bytes; against plain C over small whole numbers, where float arithmetic is exact.
#include "tests/scarce.h"
#include "tests/sim_world.h"

enum {
  TRIPS = 23
};

typedef struct three {
  float a, b, c;
} three;

static void bind_row(oinf_sim *s, const char *name, const float *x, int64_t n) {
  SIM_OK(s, oinf_sim_bind(s, name, x, OINF_F32, 1, &n));
}

static void check_row(oinf_sim *s, const char *name, const float *want, int64_t n) {
  oinf_array a;
  SIM_OK(s, oinf_sim_fetch(s, name, &a));
  CHECK_INT(a.bytes, n * 4);
  for (int64_t i = 0; i < n; i++) CHECK(((const float *)a.data)[i] == want[i]);
}

// a, b, c = c, a, b + 1 through a view: every value lies where another one goes.
static void turning_graph(world *w) {
  oinf_graph *g = w->graph;
  const oinf_dim N = oinf_sym(g, "N", 0, 40);
  oinf_val a = oinf_input(g, "a", OINF_F32, N), b = oinf_input(g, "b", OINF_F32, N);
  oinf_val c = oinf_input(g, "c", OINF_F32, N);
  oinf_for(l, g, TRIPS, &a, &b, &c) {
    oinf_val t = oinf_name(oinf_reshape(a, .shape = OINF_DIMS(N)), "blk.{l}.t");
    a = c;
    c = oinf_name(oinf_add(b, oinf_num(g, 1)), "blk.{l}.c");
    b = t;
  }
  oinf_output(g, "x", a);
  oinf_output(g, "y", b);
  oinf_output(g, "z", c);
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

static three turned(three v, int trips) {
  for (int i = 0; i < trips; i++) v = (three){v.c, v.a, v.b + 1};
  return v;
}

static void run_turning(oinf_sim *s, int64_t n) {
  float in[3][40], out[3][40], mid[40];
  for (int64_t i = 0; i < n; i++) {
    const three v = {(float)i, (float)(100 + i), (float)(1000 - i)};
    in[0][i] = v.a, in[1][i] = v.b, in[2][i] = v.c;
    const three end = turned(v, TRIPS);
    out[0][i] = end.a, out[1][i] = end.b, out[2][i] = end.c;
    mid[i] = turned(v, 8).a;
  }
  for (int i = 0; i < 3; i++) bind_row(s, (const char *[]){"a", "b", "c"}[i], in[i], n);
  check_row(s, "blk.8.t", mid, n);
  for (int i = 0; i < 3; i++) check_row(s, (const char *[]){"x", "y", "z"}[i], out[i], n);
  SIM_OK(s, oinf_sim_end(s));
}

TEST(sim_loop, carried_values_change_places) {
  world w = world_new(NULL);
  turning_graph(&w);
  for (int all = 0; all < 2; all++) {
    oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.demand_all = all});
    run_turning(s, 40);
    run_turning(s, 1);
    run_turning(s, 0);
    run_turning(s, 17);
    oinf_sim_destroy(s);
  }
  world_free(&w);
}

// The memory that they change places through is the plan's, and is in its figures.
TEST(sim_loop, changing_places_allocates_nothing) {
  scarce m = {0};
  world w = world_new(&(oinf_ctx_desc){.alloc = scarce_alloc, .user = &m});
  oinf_graph *g = w.graph;
  const float x[4] = {1, 2, 3, 4}, y[4] = {5, 6, 7, 8};
  oinf_val a = oinf_input(g, "a", OINF_F32, 4), b = oinf_input(g, "b", OINF_F32, 4);
  oinf_for(l, g, 1000, &a, &b) {
    oinf_val t = a;
    a = b;
    b = t;
  }
  oinf_output(g, "x", a);
  oinf_sim *s = world_sim(&w, NULL);
  bind_row(s, "a", x, 4), bind_row(s, "b", y, 4);
  check_row(s, "x", x, 4);
  CHECK_INT(s->now->plan.activations, 3 * OI_ALIGN);
  SIM_OK(s, oinf_sim_end(s));
  const long before = m.calls;
  bind_row(s, "a", y, 4), bind_row(s, "b", x, 4);
  check_row(s, "x", y, 4);
  CHECK(m.calls - before < 20);
  SIM_OK(s, oinf_sim_end(s));
  oinf_sim_destroy(s);
  world_free(&w);
}
