// --bisect: packages in which one bit of a weight was turned, or one golden hash, and the value
// that it made is found; and what a step's values are made of, in loops and branches.
#include "sim/bisect.h"

#include "formats/oinf.h"
#include "tests/sim_world.h"
#include "tests/tool_run.h"

// ---- from the command line ----

static int runs_of(const char *text) {
  const char *at = strstr(text, "found   in ");
  int runs = 0, values = 0;
  CHECK(at && sscanf(at, "found   in %d runs among %d values", &runs, &values) == 2);
  CHECK(values > 50);
  return runs;
}

static void found_it(void) {
  CHECK_MSG(strncmp(tool_out,
                    "value 'blk.1.ffn_up' of step 0 differs, and what it is made of does "
                    "not\n  op      matmul\n",
                    88) == 0,
            "%s", tool_out);
  CHECK(strstr(tool_out, "blk.1.ffn_norm, weight model.layers.1.mlp.up_proj.weight\n"));
  CHECK_MSG(runs_of(tool_out) <= 3 * 2 + 1 + 8 + 2, "%s", tool_out);  // ends, halves, operands
  CHECK_MSG(strstr(tool_err, "error: value 'blk.1.ffn_up' of step 0 differs"), "%s", tool_err);
}

TEST(bisect, a_weight_that_was_changed_is_found_by_its_goldens) {
  tool_package();
  tool_other();
  EXPECT(0, "oinf-sim ~m.oinf --bisect");
  CHECK_MSG(!*tool_out && strstr(tool_err, "outputs and states of 3 steps agree"), "%s", tool_err);
  EXPECT(1, "oinf-sim ~other.oinf --bisect");
  found_it();
  EXPECT(1, "oinf-sim ~other.oinf --bisect --compare golden");
  found_it();
}

TEST(bisect, a_weight_that_was_changed_is_found_by_a_dump) {
  tool_package();
  tool_other();
  EXPECT(0, "oinf-sim ~m.oinf -q --tokens 3,14,15 --steps 2 --dump ~d.safetensors");
  EXPECT(0, "oinf-sim ~m.oinf --tokens 3,14,15 --steps 2 --bisect --compare ~d.safetensors");
  CHECK_MSG(strstr(tool_err, "of 2 steps agree"), "%s", tool_err);
  EXPECT(1,
         "oinf-sim ~other.oinf --tokens 3,14,15 --steps 2 --bisect --compare ~d.safetensors "
         "--budget min");
  found_it();
  CHECK(strstr(tool_out, " ULP\n"));
  EXPECT(0,
         "oinf-sim ~other.oinf --tokens 3,14,15 --steps 2 --bisect --compare ~d.safetensors "
         "--atol 1000");
}

static oinf_status as_it_was(void *user, uint32_t tensor, uint64_t at, void *to, uint64_t bytes) {
  return oi_model_read_at(user, tensor, at, to, bytes);
}

// A golden hash that is wrong: the value that goes into a state is an end, and is named itself.
TEST(bisect, a_golden_that_is_wrong_is_named) {
  tool_package();
  oi_cv_clear();
  oinf_model *m = oi_cv_open(oi_cv_path("m.oinf"));
  const char *name = NULL;
  oinf_graph *g;
  CHECK_INT(oinf_graph_load(oi_cv_ctx, m, NULL, &g), OINF_OK);
  for (uint32_t i = 1; i < g->nodes.n; i++) {
    if (oi_node_at(g, i)->op != OP_STATE_WRITE) continue;
    static int64_t syms[64] = {0};
    static oi_text label;
    oi_text_init(&label, oi_cv_ctx);
    oi_value_label(g, oi_node_at(g, i)->out[0], syms, &label);
    name = label.at;
    break;
  }
  CHECK(name != NULL);
  oi_golden_step *second = &m->golden.at[1];
  int turned = 0;
  for (uint32_t i = 0; i < second->n_values; i++)
    if (strcmp(second->values[i].name, name) == 0) second->values[i].hash ^= 1, turned++;
  CHECK_INT(turned, 1);
  const oi_oinf_fill f = {.fill = as_it_was, .user = m};
  CHECK_MSG(oi_oinf_write(m, oi_cv_path("lies.oinf"), &f) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
  EXPECT(1, "oinf-sim ~lies.oinf --bisect");
  char want[200];
  snprintf(want, sizeof want, "value '%s' of step 1 differs", name);
  CHECK_MSG(strstr(tool_out, want) && strstr(tool_out, "op      state_write"), "%s", tool_out);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
}

TEST(bisect, another_variant_of_the_kernels_agrees) {
  tool_package();
  EXPECT(0, "oinf-sim ~m.oinf --tokens 3,14,15 --steps 3 --bisect --compare cpu:plain");
  CHECK_MSG(strstr(tool_err, "of 3 steps agree"), "%s", tool_err);
  REFUSED(64, "oinf-sim", "wants plain", "~m.oinf --tokens 3 --bisect --compare cpu:fast");
  REFUSED(64, "oinf-sim", "goes with --bisect", "~m.oinf --tokens 3 --compare cpu:plain");
  REFUSED(64, "oinf-sim", "not with --hash", "~m.oinf --bisect --hash");
  REFUSED(66, "oinf-sim", "cannot open", "~m.oinf --tokens 3 --bisect --compare ~none");
  EXPECT(0, "oinf-convert ~folder -o ~bare.oinf --no-golden");
  REFUSED(66, "oinf-sim", "no golden steps", "~bare.oinf --bisect");
}

// ---- what values are made of ----

typedef struct order {
  char names[256][32];
  size_t n;
} order;

static void on_value(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  order *o = user;
  (void)step, (void)hash;
  CHECK(o->n < 256);
  snprintf(o->names[o->n++], sizeof o->names[0], "%s", a->name);
}

static oi_tool tool_of(world *w, oinf_sim *s) {
  return (oi_tool){
      .ctx = w->ctx, .model = w->model, .graph = w->graph, .sim = s, .err = oi_ctx_err(w->ctx)};
}

TEST(bisect, values_are_listed_in_the_order_in_which_they_run) {
  world w = world_new(NULL);
  static order o;
  world_decoder(&w);
  oinf_sim *s =
      world_sim(&w, &(oinf_sim_desc){.demand_all = true, .on_value = on_value, .user = &o});
  world_step(s, 0, 3);
  oi_tool t = tool_of(&w, s);
  oi_spots list = {0};
  CHECK_INT(oi_spots_list(&t, &list), OINF_OK);
  size_t ends = 0;
  CHECK_INT(list.n, o.n);
  for (size_t i = 0; i < o.n; i++) {
    CHECK_STR(list.at[i].label, o.names[i]);
    ends += list.at[i].is_end;
  }
  CHECK_INT(ends, LAYERS + 1);
  CHECK(list.at[list.n - 1].is_end);
  oi_spots_free(&t, &list);
  oinf_sim_destroy(s);
  world_free(&w);
}

static void check_operands(oi_tool *t, const char *label, const char *want) {
  oi_spots list = {0}, ops = {0};
  char have[256] = "";
  CHECK_INT(oi_spots_list(t, &list), OINF_OK);
  const int64_t at = oi_spots_find(&list, label);
  CHECK_MSG(at >= 0, "no '%s'", label);
  CHECK_INT(oi_spots_operands(t, &list.at[at], &ops), OINF_OK);
  for (size_t i = 0; i < ops.n; i++) {
    const size_t n = strlen(have);
    snprintf(have + n, sizeof have - n, "%s%s", i ? ", " : "", ops.at[i].label);
  }
  CHECK_STR(have, want);
  oi_spots_free(t, &list), oi_spots_free(t, &ops);
}

TEST(bisect, operands_are_followed_through_loops_and_branches) {
  world w = world_new(NULL);
  oinf_graph *g = w.graph;
  world_weight(&w, "w.1", OINF_F32, 4, 0);
  world_weight(&w, "w.0", OINF_F32, 4, 0);
  world_weight(&w, "w.2", OINF_F32, 4, 0);
  oinf_val a = oinf_input(g, "a", OINF_F32, 4), b = oinf_name(oinf_exp(a), "e");
  oinf_val flag = oinf_name(oinf_gt(oinf_sum(a), oinf_num(g, 0)), "flag");
  oinf_for(l, g, 3, &a, &b) {
    oinf_val before = a;
    a = oinf_name(oinf_mul(b, oinf_weight(g, "w.{l}")), "blk.{l}.a");
    b = before;
  }
  oinf_branch c = oinf_if(flag, &a);
  a = oinf_name(oinf_neg(a), "yes");
  oinf_else(&c);
  a = oinf_name(oinf_abs(a), "no");
  oinf_endif(&c);
  oinf_output(g, "y", oinf_name(oinf_add(a, b), "sum"));
  oinf_sim *s = world_sim(&w, NULL);
  oi_tool t = tool_of(&w, s);
  check_operands(&t, "e", "input a");
  check_operands(&t, "blk.0.a", "e, weight w.0");
  check_operands(&t, "blk.1.a", "input a, weight w.1");
  check_operands(&t, "blk.2.a", "blk.0.a, weight w.2");
  check_operands(&t, "yes", "blk.2.a");
  check_operands(&t, "sum", "yes, no, blk.1.a");
  oinf_sim_destroy(s);
  world_free(&w);
}
