// The verifier against graphs whose tables were broken by hand, one field a time; editing of a
// graph that a model carries; and building, printing and parsing with every allocation failing.
#include "lib/graph.h"
#include "tests/random_graph.h"
#include "tests/scarce.h"
#include "tests/text_graph.h"

static const char source[] =
    "oinf-graph 1\n"
    "graph \"g\"\n"
    "  sym T 1 4\n"
    "  state s f32 [8, 4]\n"
    "  in x f32 [T, 4]\n"
    "  in c bool []\n"
    "  %0 = exp x : f32 [T, 4]\n"                // node 3, values 3
    "  loop l 0 3 carry %1 = %0 : f32 [T, 4]\n"  // node 4
    "    %2 = neg %1 : f32 [T, 4]\n"             // node 5
    "    next %2 -> %3\n"
    "  if c carry %4 = %3 : f32 [T, 4]\n"  // node 6
    "    give %4\n"
    "  else %5\n"
    "    %6 = abs %5 : f32 [T, 4]\n"  // node 7
    "    give %6 -> %7\n"
    "  %8 = state_write s %7 : f32 [T, 4]\n"  // node 8
    "  out \"y\" %8\n";

static oi_node *node(oinf_graph *g, const char *kind) {
  for (uint32_t i = 1; i < g->nodes.n; i++)
    if (strcmp(oi_kind_name(g->nodes.at[i].op), kind) == 0) return &g->nodes.at[i];
  return NULL;
}
static oi_region *body(oinf_graph *g, const char *kind, int side) {
  return &g->regions.at[node(g, kind)->sub[side]];
}

static void use_before(oinf_graph *g) { node(g, "exp")->in[0] = node(g, "state_write")->out[0]; }
static void use_of_a_body(oinf_graph *g) { node(g, "state_write")->in[0] = node(g, "neg")->out[0]; }
static void use_of_nothing(oinf_graph *g) { node(g, "exp")->in[0] = 0; }
static void use_past_the_end(oinf_graph *g) { node(g, "exp")->in[0] = UINT32_MAX; }
static void type_changed(oinf_graph *g) { g->values.at[node(g, "neg")->out[0]].type.dim[1] = 5; }
static void yield_type(oinf_graph *g) { body(g, "loop", 0)->yields[0] = g->inputs.at[1]; }
static void side_type(oinf_graph *g) { body(g, "if", 1)->yields[0] = g->inputs.at[1]; }
static void yield_missing(oinf_graph *g) { body(g, "loop", 0)->n_yields = 0; }
static void result_missing(oinf_graph *g) { node(g, "loop")->n_out = 0; }
static void condition_type(oinf_graph *g) { node(g, "if")->in[0] = g->inputs.at[0]; }
static void trips(oinf_graph *g) { node(g, "loop")->trips = 0; }
static void foreign_region(oinf_graph *g) { node(g, "loop")->sub[0] = node(g, "if")->sub[0]; }
static void made_twice(oinf_graph *g) { node(g, "abs")->out[0] = node(g, "neg")->out[0]; }
static void wrong_maker(oinf_graph *g) { g->values.at[node(g, "exp")->out[0]].node = 1; }
static void wrong_link(oinf_graph *g) { node(g, "if")->prev = 1; }
static void circle(oinf_graph *g) { node(g, "state_write")->next = node(g, "exp")->out[0]; }
static void wrong_last(oinf_graph *g) { g->regions.at[0].last = 1; }
static void no_such_node(oinf_graph *g) { node(g, "state_write")->next = 1 << 20; }
static void no_such_state(oinf_graph *g) { node(g, "state_write")->state = 7; }
static void state_layer(oinf_graph *g) { node(g, "state_write")->a = 0; }
static void output_of_a_body(oinf_graph *g) { g->outputs.at[0].value = node(g, "neg")->out[0]; }
static void op_of_other_arity(oinf_graph *g) { node(g, "exp")->op = OP_add; }
static void name_lost(oinf_graph *g) { node(g, "input")->text = NULL; }
static void one_name(oinf_graph *g) {
  g->values.at[node(g, "exp")->out[0]].name = "h";
  g->values.at[node(g, "abs")->out[0]].name = "h";
}
static void name_of_an_input(oinf_graph *g) { g->values.at[node(g, "exp")->out[0]].name = "x"; }

static const struct {
  const char *words;
  void (*break_it)(oinf_graph *g);
} broken[] = {{"before it is made", use_before},
              {"outside its region", use_of_a_body},
              {"before it is made", use_of_nothing},
              {"before it is made", use_past_the_end},
              {"follow from its operands", type_changed},
              {"changes its type", yield_type},
              {"unequal types", side_type},
              {"differ in number", yield_missing},
              {"differ in number", result_missing},
              {"not bool []", condition_type},
              {"impossible number", trips},
              {"not its own", foreign_region},
              {"made twice", made_twice},
              {"does not know where", wrong_maker},
              {"where its region says", wrong_link},
              {"where its region says", circle},
              {"not its last node", wrong_last},
              {"not there", no_such_node},
              {"no such state", no_such_state},
              {"not like the state's", state_layer},
              {"own region", output_of_a_body},
              {"follow from its operands", op_of_other_arity},
              {"has no name", name_lost},
              {"two values have the name 'h'", one_name},
              {"two values have the name 'x'", name_of_an_input}};

TEST(graph_verify, every_broken_invariant_is_named) {
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    text_graph f = text_graph_open(source);
    broken[i].break_it(f.g);
    oi_err err = {0};
    CHECK_MSG(oi_graph_verify(f.g, &err) == OINF_GRAPH, "%zu (%s) passes", i, broken[i].words);
    CHECK_MSG(strstr(err.message, broken[i].words), "%zu: '%s' does not say '%s'", i, err.message,
              broken[i].words);
    text_graph_close(&f);
  }
}

TEST(graph_verify, labels_differ_by_their_loops) {
  text_graph f = text_graph_open(source);
  int64_t values[2] = {0, 2};
  oi_text text;
  oi_text_init(&text, f.ctx);
  oi_value_label(f.g, node(f.g, "neg")->out[0], values, &text);
  oi_text_add(&text, " ", 1);
  f.g->values.at[node(f.g, "neg")->out[0]].name = "h";
  oi_value_label(f.g, node(f.g, "neg")->out[0], values, &text);
  CHECK_STR(text.at, "%2[2] h[2]");
  oi_text_free(&text);
  text_graph_close(&f);
}

// ---- a loaded graph is edited ----

TEST(graph_verify, a_loaded_graph_is_edited_and_saved) {
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g, *again;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
  CHECK_INT(oinf_graph_load(ctx, m, NULL, &g), OINF_GRAPH);
  oinf_error_clear(ctx);
  CHECK_INT(oinf_graph_load(ctx, NULL, NULL, &g), OINF_USAGE);
  oinf_error_clear(ctx);
  CHECK_INT(oinf_graph_parse(ctx, m, source, sizeof source - 1, &g), OINF_OK);
  CHECK_INT(oinf_graph_save(g, m), OINF_OK);
  oinf_graph_destroy(g);
  CHECK_INT(oinf_graph_load(ctx, m, "h", &g), OINF_USAGE);
  CHECK(strstr(oinf_error(ctx), "its first is 'g'"));
  oinf_error_clear(ctx);
  CHECK_INT(oinf_graph_load(ctx, m, "g", &g), OINF_OK);
  oinf_val x = oinf_graph_find(g, "x"), e = {g, node(g, "exp")->out[0]};
  oinf_graph_replace(g, e, oinf_mul(e, oinf_sigmoid(x)));
  oinf_output(g, "gate", oinf_neg(e));
  CHECK_MSG(oinf_graph_save(g, m) == OINF_OK, "%s", oinf_error(ctx));
  CHECK_INT(oinf_model_graph_count(m), 1);
  CHECK_INT(oinf_graph_load(ctx, m, NULL, &again), OINF_OK);
  CHECK_STR(oinf_graph_text(again), oinf_graph_text(g));
  CHECK(strstr(oinf_graph_text(g), "  %2 = mul %0 %1 : f32 [T, 4]\n  loop l 0 3 carry %3 = %2"));
  oinf_graph_destroy(again);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
}

// ---- memory that runs out ----

// One turn with room for `left` allocations; true where that was enough.
static bool parse_with(long left, const char *text) {
  scarce c = {.fail_at = left + 1, .for_good = true};
  oinf_ctx *ctx;
  oinf_graph *g;
  bool ok = false;
  if (oinf_ctx_create(&(oinf_ctx_desc){.alloc = scarce_alloc, .user = &c}, &ctx) != OINF_OK)
    return false;
  oinf_status s = oinf_graph_parse(ctx, NULL, text, strlen(text), &g);
  if (s == OINF_OK) {
    ok = oinf_graph_text(g) != NULL;
    if (!ok) s = oinf_error_status(ctx);
    oinf_graph_destroy(g);
  }
  CHECK_MSG(ok || s == OINF_MEMORY, "with %ld: status %d: %s", left, (int)s, oinf_error(ctx));
  oinf_ctx_destroy(ctx);
  CHECK_MSG(c.pieces == 0, "with %ld: %ld pieces are left", left, c.pieces);
  return ok;
}

TEST(graph_verify, every_allocation_may_fail) {
  long left = 0;
  while (left < 5000 && !parse_with(left, source)) left++;
  CHECK(left > 10 && left < 5000);
  char *text = oi_test_slurp("tests/data/graph/everything.txt", NULL);
  for (left = 0; left < 5000 && !parse_with(left, text);) left++;
  CHECK(left > 10 && left < 5000);
  free(text);
}

OINF_OP(twice, 1, { out = a + a; });
static const oinf_user_op other_twice = {"twice", 1, "{ out = a; }", NULL, twice_run};

TEST(graph_verify, wrong_names_and_ops_are_refused) {
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g = NULL;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
  CHECK_INT(oinf_graph_create(ctx, m, "a\nb", &g), OINF_USAGE);
  oinf_error_clear(ctx);
  CHECK_INT(oinf_op_register(ctx, &(oinf_user_op){.name = "bare"}), OINF_USAGE);
  oinf_error_clear(ctx);
  CHECK_INT(oinf_op_register(ctx, &twice), OINF_OK);
  CHECK_INT(oinf_op_register(ctx, &twice), OINF_OK);
  CHECK_INT(oinf_op_register(ctx, &other_twice), OINF_USAGE);
  CHECK(!g && strstr(oinf_error(ctx), "another body"));
  oinf_error_clear(ctx);
  CHECK_INT(oinf_graph_create(ctx, NULL, "unbound", &g), OINF_OK);
  oinf_weight(g, "w");
  CHECK_INT(oinf_graph_check(g), OINF_GRAPH);
  CHECK(strstr(oinf_error(ctx), "the graph has no model"));
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
}
