// Changing a finished graph node by node, as a user writes a pass: walking, asking, building in the
// middle of a loop, replacing, taking out; and what is refused.
#include "lib/graph.h"
#include "tests/text_graph.h"

static const char text[] =
    "oinf-graph 1\ngraph \"g\"\n  in x f32 [4]\n  %0 = relu x { alpha = 0.5 } : f32 [4]\n"
    "  loop i 0 3 carry %1 = %0 : f32 [4]\n    %2 = relu %1 : f32 [4] \"blk.{i}.act\"\n"
    "    %3 = add %2 %1 : f32 [4]\n    next %3 -> %4\n  %5 = neg %4 : f32 [4]\n"
    "  %6 = exp x : f32 [4]\n  out \"y\" %5\n";

TEST(graph_change, nodes_are_walked_in_the_order_of_the_text) {
  text_graph f = text_graph_open(text);
  char ops[128] = "";
  for (oinf_node n = oinf_node_first(f.g); n.id; n = oinf_node_next(n)) {
    strcat(ops, oinf_node_op(n));
    strcat(ops, " ");
  }
  CHECK_STR(ops, "input relu loop relu add neg exp ");
  const oinf_node relu = oinf_node_next(oinf_node_first(f.g));
  double alpha = 0;
  CHECK(oinf_node_number(relu, "alpha", &alpha) && alpha == 0.5);
  CHECK(!oinf_node_number(relu, "beta", &alpha));
  CHECK_INT(oinf_node_in_count(relu), 1);
  CHECK_INT(oinf_node_in(relu, 0).id, oinf_graph_find(f.g, "x").id);
  CHECK_INT(oinf_node_in(relu, 1).id, 0);
  CHECK_INT(oinf_node_of(oinf_node_out(relu, 0)).id, relu.id);
  CHECK_STR(oinf_node_op((oinf_node){0}), "");
  text_graph_close(&f);
}

// A pass of one's own: every relu becomes a silu, also within a loop.
TEST(graph_change, a_pass_replaces_every_relu) {
  text_graph f = text_graph_open(text);
  for (oinf_node n = oinf_node_first(f.g), next; n.id; n = next) {
    next = oinf_node_next(n);
    if (strcmp(oinf_node_op(n), "relu") != 0) continue;
    const oinf_val old = oinf_node_out(n, 0);
    oinf_graph_place(f.g, old);
    oinf_graph_replace(f.g, old, oinf_silu(oinf_node_in(n, 0)));
    oinf_node_remove(n);
  }
  oinf_graph_place(f.g, (oinf_val){0});
  CHECK_STR(oinf_graph_text(f.g),
            "oinf-graph 1\ngraph \"g\"\n  in x f32 [4]\n  %0 = silu x : f32 [4]\n"
            "  loop i 0 3 carry %1 = %0 : f32 [4]\n    %2 = silu %1 : f32 [4]\n"
            "    %3 = add %2 %1 : f32 [4]\n    next %3 -> %4\n  %5 = neg %4 : f32 [4]\n"
            "  %6 = exp x : f32 [4]\n  out \"y\" %5\n");
  text_graph_close(&f);
}

TEST(graph_change, a_value_within_a_loop_is_wrapped) {
  text_graph f = text_graph_open(text);
  const oinf_val act = oinf_graph_find(f.g, "blk.{i}.act");
  oinf_graph_place(f.g, act);
  oinf_graph_replace(f.g, act, oinf_mul(act, oinf_num(f.g, 2)));
  oinf_graph_place(f.g, (oinf_val){0});
  const char *now = oinf_graph_text(f.g);
  CHECK_MSG(now, "%s", oinf_error(f.ctx));
  CHECK(strstr(now,
               "    %3 = num 2 : f32 []\n    %4 = mul %2 %3 : f32 [4]\n"
               "    %5 = add %4 %1 : f32 [4]\n"));
  text_graph_close(&f);
}

// A loop that is built within a body of a finished graph.
TEST(graph_change, a_loop_is_built_within_a_loop) {
  text_graph f = text_graph_open(text);
  const oinf_val act = oinf_graph_find(f.g, "blk.{i}.act");
  oinf_val x = act;
  oinf_graph_place(f.g, act);
  oinf_for(k, f.g, 2, &x) x = oinf_tanh(x);
  oinf_graph_replace(f.g, act, x);
  oinf_graph_place(f.g, (oinf_val){0});
  CHECK_MSG(oinf_graph_check(f.g) == OINF_OK, "%s", oinf_error(f.ctx));
  CHECK(strstr(oinf_graph_text(f.g), "    loop k 0 2 carry %3 = %2 : f32 [4]\n"));
  text_graph_close(&f);
}

static void refused(text_graph *f, const char *word) {
  CHECK(oinf_graph_check(f->g) == OINF_GRAPH);
  CHECK_MSG(strstr(oinf_error(f->ctx), word), "%s", oinf_error(f->ctx));
  text_graph_close(f);
}

TEST(graph_change, what_would_break_it_is_refused) {
  text_graph f = text_graph_open(text);
  oinf_node_remove(oinf_node_next(oinf_node_first(f.g)));
  refused(&f, "oinf_node_remove: relu: a value of it is used");
  f = text_graph_open(text);
  oinf_node_remove(oinf_node_first(f.g));
  refused(&f, "an input stays");
  f = text_graph_open(text);
  oinf_graph_place(f.g, (oinf_val){NULL, 3});
  refused(&f, "oinf_graph_place: a value of another graph");
  f = text_graph_open(text);
  const oinf_val last = oinf_graph_find(f.g, "y");
  oinf_graph_place(f.g, oinf_graph_find(f.g, "blk.{i}.act"));
  const oinf_val bad = oinf_neg(last);  // stands in front of what it reads
  oinf_graph_place(f.g, (oinf_val){0});
  CHECK(bad.id);
  refused(&f, "used before it is made");
}
