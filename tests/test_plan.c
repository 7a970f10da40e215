// Plans: what a demand runs, written out as a line and held against what a person would run, and
// where values live, held against a small machine that executes the items with nothing but the
// names of values in its memory: a value that is used must still be the one that was made.
#include "compiler/plan.h"
#include "convert/convert.h"
#include "tests/random_graph.h"
#include "tests/test.h"

static oinf_ctx *ctx;

static oinf_graph *new_graph(void) {
  oinf_graph *g;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oinf_graph_create(ctx, NULL, "g", &g), OINF_OK);
  return g;
}

static void end_graph(oinf_graph *g) {
  oinf_graph_destroy(g);
  oinf_ctx_destroy(ctx);
}

static oi_plan make_plan(oinf_graph *g, const oi_demand *demands, size_t n, bool all_values,
                         bool all_writes, bool load_whole) {
  enum {
    MOST = 64
  };
  int64_t lo[MOST], hi[MOST];
  oi_err err = {.status = OINF_OK};
  oi_plan p;
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(g->ctx));
  CHECK(oi_dims_sym_count(g->dims) <= MOST);
  oi_dims_sym_bounds(g->dims, NULL, NULL, lo, hi);
  const oi_plan_desc d = {.demands = demands,
                          .n_demands = n,
                          .all_values = all_values,
                          .all_writes = all_writes,
                          .sym_lo = lo,
                          .sym_hi = hi,
                          .load_whole = load_whole};
  CHECK_MSG(oi_plan_make(g, &d, &err, &p) == OINF_OK, "%s", err.message);
  return p;
}

// ---- what runs ----

// "l[0,3){h y} l[3,4){h =}": loops with their iterations, values by their names, = for what is
// kept.
static const char *items_of(const oi_plan *p) {
  static char text[4096];
  size_t n = 0;
  text[0] = 0;
#define PUT(...) n += (size_t)snprintf(text + n, n < sizeof text ? sizeof text - n : 0, __VA_ARGS__)
  for (size_t i = 0; i < p->items.n; i++) {
    const oi_item *item = &p->items.at[i];
    const oi_node *node = oi_node_at(p->graph, item->node);
    const char *name = node->n_out ? oi_val_at(p->graph, node->out[0])->name : NULL;
    if (n && text[n - 1] != '{' && item->kind != OI_ITEM_END && item->kind != OI_ITEM_ELSE &&
        item->kind != OI_ITEM_ENDIF)
      PUT(" ");
    switch (item->kind) {
      case OI_ITEM_RUN: PUT("%s", name ? name : oi_kind_name(node->op)); break;
      case OI_ITEM_LOAD: PUT("load"); break;
      case OI_ITEM_LOOP: PUT("l[%d,%d){", (int)item->from, (int)item->to); break;
      case OI_ITEM_IF: PUT("if{"); break;
      case OI_ITEM_ELSE: PUT("} else {"); break;
      case OI_ITEM_END:
      case OI_ITEM_ENDIF: PUT("}"); break;
      case OI_ITEM_HOLD: PUT("="); break;
    }
  }
#undef PUT
  return text;
}

static oi_demand demand(oinf_val v, int n, const int *at) {
  oi_demand d;
  memset(&d, 0, sizeof d);
  d.value = v.id, d.depth = (uint32_t)n;
  for (int i = 0; i < n; i++) d.at[i] = at[i];
  return d;
}
#define DEMAND0(v) demand(v, 0, NULL)
#define DEMAND1(v, i) demand(v, 1, (int[]){i})
#define DEMAND2(v, i, k) demand(v, 2, (int[]){i, k})

static void check_items(oinf_graph *g, const oi_demand *d, size_t n, bool writes,
                        const char *want) {
  oi_plan p = make_plan(g, d, n, false, writes, false);
  CHECK_STR(items_of(&p), want);
  oi_plan_free(&p);
}

static oinf_val named(oinf_val v, const char *name) { return oinf_name(v, name); }

TEST(plan, value_in_the_middle_of_a_loop_runs_no_more_than_it_needs) {
  oinf_graph *g = new_graph();
  oinf_val x = named(oinf_neg(oinf_input(g, "in", OINF_F32, 4)), "x"), h = x;
  oinf_for(l, g, 5, &x) {
    h = named(oinf_neg(x), "h");
    x = named(oinf_add(x, h), "y");
  }
  oinf_val out = named(oinf_exp(x), "out");
  check_items(g, (oi_demand[]){DEMAND1(h, 3)}, 1, false, "x l[0,3){h y} l[3,4){h =}");
  check_items(g, (oi_demand[]){DEMAND1(h, 0)}, 1, false, "x l[0,1){h =}");
  check_items(g, (oi_demand[]){DEMAND0(out)}, 1, false, "x l[0,5){h y} out =");
  check_items(g, (oi_demand[]){DEMAND1(h, 1), DEMAND1(h, 4)}, 2, false,
              "x l[0,1){h y} l[1,2){h = y} l[2,4){h y} l[4,5){h =}");
  check_items(g, (oi_demand[]){DEMAND0(x)}, 1, false, "x l[0,5){h y} =");
  end_graph(g);
}

TEST(plan, carried_values_that_nobody_wants_are_not_computed) {
  oinf_graph *g = new_graph();
  oinf_val in = oinf_input(g, "in", OINF_F32, 4), a = in, b = in, c = in, h = in;
  oinf_for(l, g, 4, &a, &b, &c) {
    a = named(oinf_neg(a), "a");
    h = named(oinf_exp(b), "h");
    b = named(oinf_add(b, c), "b");
    c = named(oinf_abs(c), "c");
  }
  check_items(g, (oi_demand[]){DEMAND0(a)}, 1, false, "l[0,4){a} =");
  check_items(g, (oi_demand[]){DEMAND0(c)}, 1, false, "l[0,4){c} =");
  // b wants c of the iteration before, and nothing of the last.
  check_items(g, (oi_demand[]){DEMAND0(b)}, 1, false, "l[0,3){b c} l[3,4){b} =");
  check_items(g, (oi_demand[]){DEMAND1(h, 2)}, 1, false, "l[0,1){b c} l[1,2){b} l[2,3){h =}");
  end_graph(g);
}

TEST(plan, swapped_carried_values_settle_after_some_segments) {
  oinf_graph *g = new_graph();
  oinf_val in = oinf_input(g, "in", OINF_F32, 4), a = in, b = in;
  oinf_for(l, g, 1000, &a, &b) {
    oinf_val t = named(oinf_neg(a), "n");
    a = named(oinf_exp(b), "e");
    b = t;
  }
  oi_plan p = make_plan(g, (oi_demand[]){DEMAND0(a)}, 1, false, false, false);
  CHECK(p.items.n < 100);
  int64_t at = 0;
  for (size_t i = 0; i < p.items.n; i++) {
    if (p.items.at[i].kind != OI_ITEM_LOOP) continue;
    CHECK_INT(p.items.at[i].from, at);
    at = p.items.at[i].to;
  }
  CHECK_INT(at, 1000);
  oi_plan_free(&p);
  end_graph(g);
}

TEST(plan, nested_loops_run_as_far_as_the_inner_iteration) {
  oinf_graph *g = new_graph();
  oinf_val x = oinf_input(g, "in", OINF_F32, 4), h = x;
  oinf_for(l, g, 3, &x) {
    oinf_val y = named(oinf_neg(x), "y");
    oinf_for(m, g, 4, &y) {
      h = named(oinf_exp(y), "h");
      y = named(oinf_add(h, x), "s");
    }
    x = named(oinf_abs(y), "x");
  }
  check_items(g, (oi_demand[]){DEMAND2(h, 2, 1)}, 1, false,
              "l[0,2){y l[0,4){h s} x} l[2,3){y l[0,1){h s} l[1,2){h =}}");
  check_items(g, (oi_demand[]){DEMAND2(h, 0, 0)}, 1, false, "l[0,1){y l[0,1){h =}}");
  end_graph(g);
}

TEST(plan, branches_run_for_values_in_them_and_behind_them) {
  oinf_graph *g = new_graph();
  oinf_val in = oinf_input(g, "in", OINF_F32, 4), y = in, z = named(oinf_exp(in), "z");
  oinf_val cond = named(oinf_gt(oinf_sum(in), oinf_num(g, 0)), "c");
  oinf_branch b = oinf_if(cond, &y, &z);
  oinf_val inner = named(oinf_neg(y), "i");
  y = named(oinf_exp(inner), "y");
  oinf_else(&b);
  y = named(oinf_abs(z), "w");
  z = y;
  oinf_endif(&b);
  check_items(g, (oi_demand[]){DEMAND0(y)}, 1, false, "z sum num c if{i y} else {w} =");
  // The start of z is used by one side alone, and by none where z's own result is not wanted there.
  check_items(g, (oi_demand[]){DEMAND0(inner)}, 1, false, "sum num c if{i =} else {}");
  check_items(g, (oi_demand[]){DEMAND0(z)}, 1, false, "z sum num c if{} else {w} =");
  end_graph(g);
}

// ---- states ----

TEST(plan, reads_run_the_writes_they_see_and_no_others) {
  oinf_graph *g = new_graph();
  oinf_state s = oinf_state_new(g, "s", OINF_F32, 8, 4),
             other = oinf_state_new(g, "o", OINF_F32, 8, 4);
  oinf_val in = oinf_input(g, "in", OINF_F32, 1, 4);
  named(oinf_state_write(s, OINF_NO_LAYER, in, .at = 0), "w0");
  oinf_val r0 = named(oinf_state_read(s, OINF_NO_LAYER, .rows = 2), "r0");
  named(oinf_state_write(s, OINF_NO_LAYER, in, .at = 1), "w1");
  named(oinf_state_write(other, OINF_NO_LAYER, in, .at = 1), "wo");
  oinf_val r1 = named(oinf_state_read(s, OINF_NO_LAYER, .rows = 2), "r1");
  check_items(g, (oi_demand[]){DEMAND0(r0)}, 1, false, "w0 r0 =");
  check_items(g, (oi_demand[]){DEMAND0(r1)}, 1, false, "w0 w1 r1 =");
  check_items(g, NULL, 0, true, "w0 w1 wo");
  end_graph(g);
}

TEST(plan, layers_of_a_loop_do_not_wait_for_each_other) {
  oinf_graph *g = new_graph();
  oinf_state s = oinf_state_new(g, "s", OINF_F32, 5, 8, 4);
  oinf_val in = oinf_input(g, "in", OINF_F32, 1, 4), r = in, x = in;
  oinf_for(l, g, 5, NULL) {
    named(oinf_state_write(s, l.index, oinf_neg(x), .at = 0), "w");
    r = named(oinf_state_read(s, l.index, .rows = 1), "r");
  }
  check_items(g, (oi_demand[]){DEMAND1(r, 3)}, 1, false, "l[3,4){neg w r =}");
  check_items(g, NULL, 0, true, "l[0,5){neg w}");
  end_graph(g);
}

TEST(plan, a_later_loop_sees_every_layer_that_an_earlier_one_wrote) {
  oinf_graph *g = new_graph();
  oinf_state s = oinf_state_new(g, "s", OINF_F32, 5, 8, 4);
  oinf_val in = oinf_input(g, "in", OINF_F32, 1, 4), r = in;
  oinf_for(l, g, 5, NULL) named(oinf_state_write(s, l.index, in, .at = 0), "w");
  oinf_for(m, g, 5, NULL) r = named(oinf_state_read(s, m.index, .rows = 1), "r");
  check_items(g, (oi_demand[]){DEMAND1(r, 1)}, 1, false, "l[0,5){w} l[1,2){r =}");
  end_graph(g);
}

TEST(plan, iterations_that_share_a_state_run_in_full) {
  oinf_graph *g = new_graph();
  oinf_state s = oinf_state_new(g, "s", OINF_F32, 8, 4);
  oinf_val in = oinf_input(g, "in", OINF_F32, 1, 4), r = in;
  oinf_for(l, g, 5, NULL) {
    r = named(oinf_state_read(s, OINF_NO_LAYER, .rows = 1), "r");
    named(oinf_state_write(s, OINF_NO_LAYER, oinf_add(r, in), .at = 0), "w");
  }
  check_items(g, (oi_demand[]){DEMAND1(r, 3)}, 1, false, "l[0,3){r add w} l[3,4){r =}");
  end_graph(g);
}

TEST(plan, states_that_only_grow_are_told_from_others) {
  oinf_graph *g = new_graph();
  oinf_dim C = oinf_sym(g, "C", 4, 64), P = oinf_sym(g, "P", 0, 63), T = oinf_sym(g, "T", 1, 4);
  oinf_dim S = oinf_dim_add(g, P, T);
  oinf_val in = oinf_input(g, "in", OINF_F32, T, 4);
  oinf_state s[6];
  const bool want[6] = {true, false, false, false, true, false};
  for (int i = 0; i < 6; i++) {
    char name[16];
    snprintf(name, sizeof name, "s%d", i);
    s[i] = i == 4 || i == 5 ? oinf_state_new(g, name, OINF_F32, 3, C, 4)
                            : oinf_state_new(g, name, OINF_F32, C, 4);
  }
  oinf_state_write(s[0], OINF_NO_LAYER, in, .at = P);  // as a cache does
  oinf_state_read(s[0], OINF_NO_LAYER, .rows = S);
  oinf_state_read(s[1], OINF_NO_LAYER, .rows = S);  // sees rows that are written afterwards
  oinf_state_write(s[1], OINF_NO_LAYER, in, .at = P);
  oinf_state_write(s[2], OINF_NO_LAYER, in, .at = 0);  // overwrites what it had
  oinf_state_write(s[3], OINF_NO_LAYER, in, .at = P);  // twice in a step
  oinf_state_write(s[3], OINF_NO_LAYER, oinf_neg(in), .at = P);
  oinf_for(l, g, 3, NULL) {
    oinf_state_write(s[4], l.index, in, .at = P);
    oinf_state_read(s[4], l.index, .rows = S);
    oinf_state_write(s[5], 1, in, .at = P);  // one layer, three times
  }
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(ctx));
  for (uint32_t i = 0; i < 6; i++) {
    oi_growth growth;
    CHECK_INT(oi_state_growth(g, i, oi_ctx_err(ctx), &growth), OINF_OK);
    CHECK_MSG(growth.appends == want[i], "state %u", i);
  }
  end_graph(g);
}

// ---- where values live ----

// A machine that runs a plan's items with a storage's number in every 64 bytes of the arena.
typedef struct machine {
  const oi_plan *p;
  const oinf_graph *g;
  const oi_demand *demands;
  uint32_t *owner;
  uint64_t *version, *seen;  // by state; by storage: the state's version as its view was made
  uint64_t random;
  uint32_t pc, depth;
  int64_t at[OI_MAX_DEPTH];
  uint32_t loops[OI_MAX_DEPTH];
  const char *wrong;
} machine;

static uint32_t of(const machine *m, uint32_t value) { return m->p->of_value[value]; }

static void make_value(machine *m, uint32_t value) {
  const oi_storage *s = &m->p->storages.at[of(m, value)];
  if (!of(m, value)) m->wrong = "a value without storage is made";
  if (s->kind == OI_STORE_STATE)
    m->seen[of(m, value)] = m->version[oi_node_at(m->g, s->node)->state];
  if (s->kind != OI_STORE_ACT) return;
  if (s->offset + s->bytes > m->p->activations) m->wrong = "a value lies behind the arena";
  if (s->bytes < oi_plan_bytes_hi(m->p, &oi_val_at(m->g, value)->type))
    m->wrong = "a value has less room than it may need";
  for (uint64_t i = 0; i < s->bytes / OI_ALIGN && !m->wrong; i++)
    m->owner[s->offset / OI_ALIGN + i] = of(m, value);
}

static void use_value(machine *m, uint32_t value) {
  const oi_storage *s = &m->p->storages.at[of(m, value)];
  if (!of(m, value)) m->wrong = "a value without storage is used";
  if (s->kind == OI_STORE_STATE &&
      m->seen[of(m, value)] != m->version[oi_node_at(m->g, s->node)->state])
    m->wrong = "a view of a state is used after the state was written";
  for (uint64_t i = 0; s->kind == OI_STORE_ACT && i < s->bytes / OI_ALIGN; i++)
    if (m->owner[s->offset / OI_ALIGN + i] != of(m, value))
      m->wrong = "a value is overwritten before its last use";
}

static void run_machine_node(machine *m, uint32_t id) {
  const oi_node *n = oi_node_at(m->g, id);
  for (uint32_t i = 0; i < n->n_in; i++) use_value(m, n->in[i]);
  if (n->op == OP_STATE_WRITE) m->version[n->state]++;
  if (oi_plan_is_view(n->op)) return;
  for (uint32_t i = 0; i < n->n_out; i++) make_value(m, n->out[i]);
}

static void use_and_make(machine *m, const uint32_t *from, const uint32_t *to, uint32_t n,
                         uint64_t bits) {
  for (uint32_t i = 0; i < n; i++)
    if (bits >> i & 1) use_value(m, from[i]);
  for (uint32_t i = 0; i < n; i++)
    if (bits >> i & 1) make_value(m, to[i]);
}

static void run_machine_item(machine *m) {
  const oi_item *item = &m->p->items.at[m->pc];
  const oi_node *n = oi_node_at(m->g, item->node);
  const oi_region *a = n->sub[0] ? &m->g->regions.at[n->sub[0]] : NULL,
                  *b = n->sub[1] ? &m->g->regions.at[n->sub[1]] : NULL;
  m->pc++;
  switch (item->kind) {
    case OI_ITEM_RUN: run_machine_node(m, item->node); break;
    case OI_ITEM_LOAD: make_value(m, n->out[0]); break;
    case OI_ITEM_HOLD: use_value(m, m->demands[item->which].value); break;
    case OI_ITEM_LOOP:
      use_and_make(m, n->in, a->params, a->n_params, item->carry);
      m->loops[m->depth] = m->pc, m->at[m->depth++] = item->from;
      break;
    case OI_ITEM_END:
      use_and_make(m, a->yields, a->params, a->n_params, item->carry);
      if (++m->at[m->depth - 1] < item->to) m->pc = m->loops[m->depth - 1];
      else m->depth--;
      break;
    case OI_ITEM_IF:
      use_value(m, n->in[0]);
      m->random = m->random * 6364136223846793005u + 1442695040888963407u;
      if (m->random >> 40 & 1) m->pc = item->jump + 1;
      break;
    case OI_ITEM_ELSE:
      use_and_make(m, a->yields, n->out, a->n_yields, item->carry);
      m->pc = item->jump + 1;
      break;
    case OI_ITEM_ENDIF: use_and_make(m, b->yields, n->out, b->n_yields, item->carry); break;
  }
}

static void run_machine(const oi_plan *p, const oi_demand *demands, uint64_t seed) {
  machine m = {.p = p, .g = p->graph, .demands = demands, .random = seed};
  m.owner = calloc(p->activations / OI_ALIGN + 1, sizeof *m.owner);
  m.version = calloc(p->graph->states.n + 1, sizeof *m.version);
  m.seen = calloc(p->storages.n + 1, sizeof *m.seen);
  CHECK(m.owner && m.version && m.seen);
  while (m.pc < p->items.n && !m.wrong) run_machine_item(&m);
  free(m.owner), free(m.version), free(m.seen);
  CHECK_MSG(!m.wrong, "seed %d: item %u: %s", (int)seed, m.pc - 1, m.wrong);
}

// Some values of the graph at some iterations, or all outputs.
static size_t random_demands(const random_graph *r, uint64_t *state, oi_demand *d, size_t most) {
  const oinf_graph *g = r->graph;
  size_t n = 0;
  memset(d, 0, most * sizeof *d);
  while (n < most) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    uint32_t v = (uint32_t)(*state >> 33) % (uint32_t)g->values.n, loops[OI_MAX_DEPTH];
    if (v == 0 || oi_val_at(g, v)->weak || !oi_val_at(g, v)->node) continue;
    d[n].value = v, d[n].depth = oi_value_depth(g, v, loops);
    for (uint32_t i = 0; i < d[n].depth; i++)
      d[n].at[i] = (int64_t)(*state >> 20) % oi_node_at(g, loops[i])->trips;
    if (n++ && *state >> 62 == 0) break;
  }
  return n;
}

// The arena stays close to the bytes that live at once, which nothing can be below.
static void check_bound(const oi_plan *p, double *worst) {
  const uint64_t least = p->least;
  CHECK(p->activations >= least);
  if (least && (double)p->activations / (double)least > *worst)
    *worst = (double)p->activations / (double)least;
}

TEST(plan, random_plans_never_overwrite_a_value_that_is_used_later) {
  double worst = 1;
  const uint64_t seeds = oi_test_soak() ? 5000 : 300;
  for (uint64_t seed = 0; seed < seeds; seed++) {
    random_graph r;
    oi_demand d[4];
    uint64_t state = seed;
    CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
    random_graph_make(ctx, seed, &r);
    for (int i = 0; i < 4; i++) {
      const size_t n = i == 0 ? 0 : random_demands(&r, &state, d, (size_t)i + 1);
      oi_plan p = make_plan(r.graph, d, n, i == 0, i % 2 == 0, i == 2);
      run_machine(&p, d, seed);
      check_bound(&p, &worst);
      oi_plan_free(&p);
    }
    random_graph_free(&r);
    oinf_ctx_destroy(ctx);
  }
  CHECK_MSG(worst <= 1.05, "an arena is %.3f times the bytes that live at once", worst);
}

TEST(plan, arena_of_a_decoder_is_close_to_what_lives_at_once) {
  char path[256];
  oinf_model *m;
  oinf_graph *g;
  double worst = 1;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  snprintf(path, sizeof path, "%s/adder.oinf", oi_test_dir());
  oi_convert c = {.ctx = ctx, .source = "examples/adder/model", .out = path, .no_golden = true};
  CHECK_MSG(!oi_convert_plan(&c) && !oi_convert_write(&c), "%s", oinf_error(ctx));
  oi_convert_free(&c);
  CHECK_INT(oinf_model_open(ctx, path, &m), OINF_OK);
  CHECK_INT(oinf_graph_load(ctx, m, NULL, &g), OINF_OK);
  const oi_demand d[1] = {DEMAND0(oinf_graph_find(g, "logits"))};
  for (int i = 0; i < 4; i++) {
    oi_plan p = make_plan(g, d, 1, i & 1, true, i & 2);
    run_machine(&p, d, 1);
    check_bound(&p, &worst);
    oi_plan_free(&p);
  }
  CHECK_MSG(worst <= 1.05, "the arena is %.3f times the bytes that live at once", worst);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
}
