// The builder: a small decoder with a loop and states, sugar, numbers, edits, and every mistake
// with its own words. Mistakes are tables: a function that makes one, and words that its message
// must hold.
#include <oinf/oinf.h>

#include "lib/graph.h"
#include "tests/test.h"

typedef struct fixture {
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
} fixture;

static float zeros[64 * 64];

static void add(oinf_model *m, const char *name, oinf_dtype dtype, uint32_t rank, int64_t a,
                int64_t b) {
  CHECK_INT(oinf_model_add(m, name, dtype, rank, (int64_t[]){a, b}, zeros), OINF_OK);
}

// embed [32, 16], blk.0..2: norm [16], wq [16, 16], wo [16, 16]; head [32, 16]; odd.0 and odd.1
// differ; q [8, 32] in q8_0.
static fixture make(void) {
  fixture f;
  CHECK_INT(oinf_ctx_create(NULL, &f.ctx), OINF_OK);
  CHECK_INT(oinf_model_create(f.ctx, &f.m), OINF_OK);
  add(f.m, "embed", OINF_F32, 2, 32, 16);
  for (int l = 0; l < 3; l++) {
    char name[32];
    snprintf(name, sizeof name, "blk.%d.norm", l);
    add(f.m, name, OINF_F32, 1, 16, 0);
    snprintf(name, sizeof name, "blk.%d.wq", l);
    add(f.m, name, OINF_F32, 2, 16, 16);
    snprintf(name, sizeof name, "blk.%d.wo", 2 * l + 1);
    add(f.m, name, OINF_BF16, 2, 16, 16);
  }
  add(f.m, "head", OINF_F32, 2, 32, 16);
  add(f.m, "odd.0", OINF_F32, 1, 4, 0);
  add(f.m, "odd.1", OINF_F32, 1, 5, 0);
  add(f.m, "q", OINF_Q8_0, 2, 8, 32);
  CHECK_INT(oinf_graph_create(f.ctx, f.m, "text", &f.g), OINF_OK);
  return f;
}

static void unmake(fixture *f) {
  oinf_graph_destroy(f->g);
  oinf_model_destroy(f->m);
  oinf_ctx_destroy(f->ctx);
}

static void check_ok(fixture *f) {
  CHECK_MSG(oinf_graph_check(f->g) == OINF_OK, "%s", oinf_error(f->ctx));
}

static void build_decoder(oinf_graph *g) {
  oinf_dim C = oinf_sym(g, "C", 1, 64), P = oinf_sym(g, "P", 0, oinf_dim_sub(g, C, 1)),
           T = oinf_sym(g, "T", 1, 16);
  oinf_dim S = oinf_dim_add(g, P, T);
  oinf_val tokens = oinf_input(g, "tokens", OINF_I32, T);
  oinf_state ks = oinf_state_new(g, "k", OINF_F32, 3, C, 2, 8);
  oinf_val x = oinf_gather(oinf_weight(g, "embed"), tokens);
  oinf_for(l, g, 3, &x) {
    oinf_val h = oinf_name(oinf_rmsnorm(x, oinf_weight(g, "blk.{l}.norm"), .eps = 1e-5),
                           "blk.{l}.attn_norm");
    oinf_val k =
        oinf_split_heads(oinf_matmul(h, oinf_weight(g, "blk.{l}.wq"), .transpose_b = true), 2);
    oinf_state_write(ks, l.index, k, .at = P);
    oinf_val all = oinf_state_read(ks, l.index, .rows = S);
    oinf_val kept = oinf_reshape(oinf_slice(all, .begin = P, .end = S), .shape = OINF_DIMS(T, 16));
    x = oinf_add(x, oinf_matmul(kept, oinf_weight(g, "blk.{2*l+1}.wo"), .transpose_b = true));
    oinf_hint(x, .role = OINF_RESIDUAL, .fuse = OINF_NEVER);
  }
  oinf_output(g, "logits",
              oinf_matmul(oinf_last(x, T), oinf_weight(g, "head"), .transpose_b = true));
  oinf_variant(g, "decode", T, 1);
}

TEST(graph, builds_a_decoder) {
  fixture f = make();
  build_decoder(f.g);
  check_ok(&f);
  oinf_val logits = oinf_graph_find(f.g, "logits");
  CHECK_INT(oinf_val_rank(logits), 2);
  CHECK_INT(oinf_val_dim(logits, 0), 1);
  CHECK_INT(oinf_val_dim(logits, -1), 32);
  CHECK_INT(oinf_val_dtype(logits), OINF_F32);
  oinf_val norm = oinf_graph_find(f.g, "blk.{l}.attn_norm");
  CHECK(norm.id);
  int64_t values[4] = {0, 0, 0, 2};
  oi_text label;
  oi_text_init(&label, f.ctx);
  oi_value_label(f.g, norm.id, values, &label);
  CHECK_STR(label.at, "blk.2.attn_norm");
  label.n = 0;
  oi_value_label(f.g, norm.id + 1, values, &label);
  CHECK_STR(label.at, "%5[2]");
  oi_text_free(&label);
  unmake(&f);
}

TEST(graph, text_of_the_decoder_is_golden) {
  fixture f = make();
  build_decoder(f.g);
  char *want = oi_test_slurp("tests/data/graph/decoder.txt", NULL);
  CHECK_STR(oinf_graph_text(f.g), want);
  free(want);
  unmake(&f);
}

TEST(graph, carried_variables_follow_the_loop) {
  fixture f = make();
  oinf_val x = oinf_input(f.g, "x", OINF_F32, 4), before = x, inside = x;
  oinf_for(l, f.g, 3, &x) {
    CHECK(x.id != before.id);
    inside = x = oinf_mul(x, oinf_num(f.g, 0.5));
  }
  CHECK(x.id != before.id && x.id != inside.id);
  oinf_output(f.g, "y", x);
  check_ok(&f);
  unmake(&f);
}

TEST(graph, numbers_take_the_type_they_meet) {
  fixture f = make();
  oinf_val i = oinf_input(f.g, "i", OINF_I16, 4), h = oinf_input(f.g, "h", OINF_BF16, 4);
  oinf_val d = oinf_input(f.g, "d", OINF_F64, 4), c = oinf_input(f.g, "c", OINF_BOOL, 4);
  CHECK_INT(oinf_val_dtype(oinf_add(i, oinf_num(f.g, 3))), OINF_I16);
  CHECK_INT(oinf_val_dtype(oinf_mul(oinf_num(f.g, 3), h)), OINF_F32);
  CHECK_INT(oinf_val_dtype(oinf_mul(oinf_num(f.g, 0.5), d)), OINF_F64);
  CHECK_INT(oinf_val_dtype(oinf_where(c, oinf_num(f.g, 7), i)), OINF_I16);
  CHECK_INT(oinf_val_dtype(oinf_exp(oinf_num(f.g, 7))), OINF_F32);
  check_ok(&f);
  unmake(&f);
}

TEST(graph, branches_give_both_sides) {
  fixture f = make();
  oinf_val x = oinf_input(f.g, "x", OINF_F32, 4), c = oinf_input_scalar(f.g, "c", OINF_BOOL);
  oinf_branch b = oinf_if(c, &x);
  x = oinf_exp(x);
  oinf_else(&b);
  x = oinf_neg(x);
  oinf_endif(&b);
  oinf_output(f.g, "y", oinf_abs(x));
  check_ok(&f);
  unmake(&f);
}

TEST(graph, weights_of_a_branch_may_be_missing_for_some_layers) {
  fixture f = make();
  oinf_val x = oinf_input(f.g, "x", OINF_F32, 16);
  oinf_for(l, f.g, 6, &x) {
    oinf_branch b = oinf_if(oinf_lt(oinf_sym_value(f.g, l.index), oinf_num(f.g, 3)), &x);
    x = oinf_mul(x, oinf_weight(f.g, "blk.{l}.norm"));
    oinf_else(&b);
    x = oinf_neg(x);
    oinf_endif(&b);
  }
  oinf_output(f.g, "y", x);
  check_ok(&f);
  unmake(&f);
}

TEST(graph, what_only_a_step_knows_is_a_condition) {
  fixture f = make();
  oinf_dim A = oinf_sym(f.g, "A", 2, 8), B = oinf_sym(f.g, "B", 2, 8);
  oinf_val a = oinf_input(f.g, "a", OINF_F32, A), b = oinf_input(f.g, "b", OINF_F32, B);
  oinf_add(a, b);
  check_ok(&f);
  CHECK_INT(f.g->conditions.n, 1);
  CHECK(!f.g->conditions.at[0].at_most);
  unmake(&f);
}

TEST(graph, replace_wraps_a_value_of_a_finished_graph) {
  fixture f = make();
  oinf_val x = oinf_input(f.g, "x", OINF_F32, 4);
  oinf_val a = oinf_exp(x), b = oinf_neg(a);
  oinf_output(f.g, "y", b);
  oinf_val scaled = oinf_mul(a, oinf_num(f.g, 2));
  oinf_graph_replace(f.g, a, scaled);
  check_ok(&f);
  CHECK_STR(oinf_graph_text(f.g),
            "oinf-graph 1\ngraph \"text\"\n  in x f32 [4]\n  %0 = exp x : f32 [4]\n  %1 = num 2 : "
            "f32 []\n"
            "  %2 = mul %0 %1 : f32 [4]\n  %3 = neg %2 : f32 [4]\n  out \"y\" %3\n");
  unmake(&f);
}

TEST(graph, replace_reaches_into_loops) {
  fixture f = make();
  oinf_val x = oinf_input(f.g, "x", OINF_F32, 4), y = x, s = oinf_exp(x);
  oinf_for(l, f.g, 2, &y) y = oinf_add(y, s);
  oinf_output(f.g, "y", y);
  oinf_output(f.g, "s", s);
  oinf_graph_replace(f.g, s, oinf_neg(s));
  check_ok(&f);
  CHECK_STR(oinf_graph_text(f.g),
            "oinf-graph 1\ngraph \"text\"\n  in x f32 [4]\n  %0 = exp x : f32 [4]\n  %1 = neg %0 : "
            "f32 [4]\n"
            "  loop l 0 2 carry %2 = x : f32 [4]\n    %3 = add %2 %1 : f32 [4]\n    next %3 -> %4\n"
            "  out \"y\" %4\n  out \"s\" %1\n");
  unmake(&f);
}

OINF_OP(twice, 1, { out = a + a; });
static const oinf_user_op other_twice = {"twice", 1, "{ out = a; }", NULL, twice_run};

TEST(graph, users_ops_keep_their_bodies) {
  fixture f = make();
  oinf_val x = oinf_input(f.g, "x", OINF_F32, 4);
  oinf_output(f.g, "y", oinf_user(f.g, &twice, x));
  check_ok(&f);
  CHECK_STR(f.g->user_ops.at[0].c_body, "{ out = a + a; }");
  oinf_user(f.g, &other_twice, x);
  CHECK_INT(oinf_graph_check(f.g), OINF_GRAPH);
  CHECK(strstr(oinf_error(f.ctx), "another op"));
  unmake(&f);
}

// ---- mistakes ----

static oinf_val in4(oinf_graph *g) { return oinf_input(g, "x4", OINF_F32, 4); }

static void other_graph(fixture *f) {
  oinf_graph *h;
  CHECK_INT(oinf_graph_create(f->ctx, f->m, "h", &h), OINF_OK);
  oinf_val b = oinf_input(h, "b", OINF_F32, 4);
  oinf_add(in4(f->g), b);
  oinf_graph_destroy(h);
}
static void no_value(fixture *f) { oinf_add(in4(f->g), (oinf_val){f->g, 0}); }
static void missing_operand(fixture *f) {
  oinf_val v = in4(f->g);
  oinf_layernorm(v, .c = v);
}
static void too_few(fixture *f) { oinf_add(in4(f->g)); }
static void outside_loop(fixture *f) {
  oinf_val x = in4(f->g), inner = x;
  oinf_for(l, f->g, 2, &x) inner = oinf_neg(x);
  oinf_abs(inner);
}
static void left_by_break(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 2, &x) break;
}
static void inner_left_by_break(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 2, &x) { oinf_for(k, f->g, 2, &x) break; }
}
static void loop_changes_shape(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 2, &x) x = oinf_reshape(x, .shape = OINF_DIMS(2, 2));
}
static void loop_runs_never(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 0, &x) {}
}
static void loop_name_twice(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 2, &x) oi_loop_begin(f->g, "l", 2, NULL, 0, __FILE__, __LINE__);
}
static void loops_too_deep(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(a, f->g, 2, &x) oinf_for(b, f->g, 2, &x) oinf_for(c, f->g, 2, &x)
      oinf_for(d, f->g, 2, &x) oinf_for(e, f->g, 2, &x) oinf_for(h, f->g, 2, &x)
          oinf_for(i, f->g, 2, &x) oinf_for(j, f->g, 2, &x) oinf_for(k, f->g, 2, &x) {}
}
static void index_outside(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_dim index = 0;
  oinf_for(l, f->g, 2, &x) index = l.index;
  oinf_sym_value(f->g, index);
}
static void sides_differ(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_branch b = oinf_if(oinf_input_scalar(f->g, "c", OINF_BOOL), &x);
  x = oinf_reshape(x, .shape = OINF_DIMS(2, 2));
  oinf_else(&b);
  oinf_endif(&b);
}
static void no_other_side(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_branch b = oinf_if(oinf_input_scalar(f->g, "c", OINF_BOOL), &x);
  oinf_endif(&b);
}
static void one_side_writes(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_state s = oinf_state_new(f->g, "s", OINF_F32, 8);
  oinf_branch b = oinf_if(oinf_input_scalar(f->g, "c", OINF_BOOL), &x);
  oinf_state_write(s, OINF_NO_LAYER, x, .at = 0);
  oinf_else(&b);
  oinf_endif(&b);
}
static void else_twice(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_branch b = oinf_if(oinf_input_scalar(f->g, "c", OINF_BOOL), &x);
  oinf_else(&b);
  oinf_else(&b);
}
static void closed_twice(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_branch b = oinf_if(oinf_input_scalar(f->g, "c", OINF_BOOL), &x);
  oinf_else(&b);
  oinf_endif(&b);
  oinf_endif(&b);
}
static void closed_in_the_wrong_order(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_branch b = oinf_if(oinf_input_scalar(f->g, "c", OINF_BOOL), &x);
  oinf_for(l, f->g, 2, &x) oinf_else(&b);
}
static void output_in_a_loop(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 2, &x) oinf_output(f->g, "y", x);
}
static void condition_no_bool(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_if(x, &x);
}
static void weight_missing(fixture *f) { oinf_weight(f->g, "nope"); }
static void family_missing(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 4, &x) oinf_weight(f->g, "blk.{l}.norm");
}
static void family_differs(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 2, &x) oinf_weight(f->g, "odd.{l}");
}
static void index_of_no_loop(fixture *f) { oinf_weight(f->g, "blk.{l}.norm"); }
static void index_not_affine(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 2, &x) oinf_weight(f->g, "blk.{l*l}.norm");
}
static void state_rows_differ(fixture *f) {
  oinf_state s = oinf_state_new(f->g, "s", OINF_F32, 8, 5);
  oinf_state_write(s, OINF_NO_LAYER, oinf_input(f->g, "r", OINF_F32, 2, 4), .at = 0);
}
static void state_too_many_rows(fixture *f) {
  oinf_state_read(oinf_state_new(f->g, "s", OINF_F32, 8, 5), OINF_NO_LAYER, .rows = 9);
}
static void state_no_such_layer(fixture *f) {
  oinf_state_read(oinf_state_new(f->g, "s", OINF_F32, 2, 8, 5), 2, .rows = 1);
}
static void state_mixed(fixture *f) {
  oinf_state s = oinf_state_new(f->g, "s", OINF_F32, 2, 8, 5);
  oinf_state_read(s, 1, .rows = 1);
  oinf_state_read(s, OINF_NO_LAYER, .rows = 1);
}
static void state_rows_of_a_write(fixture *f) {
  oinf_state_write(oinf_state_new(f->g, "s", OINF_F32, 8), OINF_NO_LAYER, in4(f->g), .rows = 1);
}
static void name_taken(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_name(oinf_neg(x), "h");
  oinf_name(oinf_abs(x), "h");
}
static void name_taken_in_a_loop(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_for(l, f->g, 3, &x) x = oinf_name(oinf_neg(x), "h.{l}");
  oinf_name(oinf_abs(x), "h.2");
}
static void output_takes_a_name(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_name(oinf_neg(x), "h");
  oinf_output(f->g, "h", oinf_abs(x));
}
static void output_twice(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_output(f->g, "y", x);
  oinf_output(f->g, "y", x);
}
static void input_twice(fixture *f) {
  in4(f->g);
  in4(f->g);
}
static void number_meets_integer(fixture *f) {
  oinf_add(oinf_input(f->g, "i", OINF_I8, 4), oinf_num(f->g, 0.5));
}
static void number_too_large(fixture *f) {
  oinf_add(oinf_input(f->g, "i", OINF_I8, 4), oinf_num(f->g, 128));
}
static void number_meets_bool(fixture *f) {
  oinf_eq(oinf_input(f->g, "i", OINF_BOOL, 4), oinf_num(f->g, 1));
}
static void shapes_differ(fixture *f) { oinf_add(in4(f->g), oinf_input(f->g, "b", OINF_F32, 5)); }
static void symbol_out_of_reach(fixture *f) {
  oinf_add(oinf_input(f->g, "a", OINF_F32, 5),
           oinf_input(f->g, "b", OINF_F32, oinf_sym(f->g, "B", 6, 9)));
}
static void classes_mixed(fixture *f) { oinf_add(in4(f->g), oinf_input(f->g, "b", OINF_I32, 4)); }
static void class_not_of_op(fixture *f) { oinf_exp(oinf_input(f->g, "b", OINF_I32, 4)); }
static void symbol_twice(fixture *f) {
  oinf_sym(f->g, "T", 1, 2);
  oinf_sym(f->g, "T", 1, 2);
}
static void symbol_bounds(fixture *f) { oinf_sym(f->g, "T", 3, 2); }
static void dim_by_zero(fixture *f) { oinf_dim_div(f->g, oinf_sym(f->g, "T", 1, 2), 0); }
static void heads_do_not_divide(fixture *f) { oinf_split_heads(in4(f->g), 3); }
static void no_such_output(fixture *f) { oinf_out(oinf_neg(in4(f->g)), 1); }
static void fill_below_zero(fixture *f) { oinf_fill(f->g, .shape = OINF_DIMS(4, -2)); }
static void fill_inferred(fixture *f) { oinf_fill(f->g, .shape = OINF_DIMS(4, OINF_INFER)); }
static void iota_of_rank_nine(fixture *f) {
  oinf_iota(f->g, .shape = OINF_DIMS(1, 1, 1, 1, 1, 1, 1, 1, 1));
}
static void axis_of_no_axes(fixture *f) {
  oinf_sum(oinf_input_scalar(f->g, "a", OINF_F32), .axes = OINF_DIMS(0));
}
static void axis_too_far(fixture *f) { oinf_sum(in4(f->g), .axes = OINF_DIMS(1)); }
static void symbol_no_identifier(fixture *f) { oinf_sym(f->g, "a b", 1, 2); }
static void symbol_of_no_dims(fixture *f) { oinf_sym(f->g, "T", 1, OINF_INFER + 1); }
static void index_no_identifier(fixture *f) {
  oinf_val x = in4(f->g), *carried[] = {&x};
  oinf_loop l = oi_loop_begin(f->g, "a b", 2, carried, 1, __FILE__, __LINE__);
  oi_loop_end(&l);
}
static void state_twice(fixture *f) {
  oinf_state_new(f->g, "s", OINF_F32, 8, 4);
  oinf_state_new(f->g, "s", OINF_F32, 8, 4);
}
static void state_of_blocks(fixture *f) { oinf_state_new(f->g, "s", OINF_Q8_0, 8, 32); }
static void state_missing(fixture *f) {
  oinf_state_read(((oinf_state){f->g, 7}), OINF_NO_LAYER, .rows = 1);
}
static void state_start_of_a_read(fixture *f) {
  oinf_state s = oinf_state_new(f->g, "s", OINF_F32, 8, 4);
  oinf_state_read(s, OINF_NO_LAYER, .at = 1, .rows = 1);
}
static void name_of_an_input(fixture *f) { oinf_name(in4(f->g), "x"); }
static void val_dim_too_far(fixture *f) { oinf_val_dim(in4(f->g), -2); }
static void variant_twice(fixture *f) {
  oinf_dim T = oinf_sym(f->g, "T", 1, 2);
  oinf_variant(f->g, "v", T, 1);
  oinf_variant(f->g, "v", T, 2);
}
static void replace_moves_an_effect(fixture *f) {
  oinf_state s = oinf_state_new(f->g, "s", OINF_F32, 8, 4);
  oinf_val x = oinf_input(f->g, "x", OINF_F32, 1, 4), y = oinf_neg(x);
  oinf_output(f->g, "y", oinf_exp(y));
  oinf_graph_replace(f->g, y, oinf_state_write(s, OINF_NO_LAYER, oinf_abs(x), .at = 0));
}
static void variant_of_no_symbol(fixture *f) { oinf_variant(f->g, "v", 7, 1); }
static void input_of_no_dtype(fixture *f) { oinf_input(f->g, "a", (oinf_dtype)99, 4); }
static void variant_out_of_bounds(fixture *f) {
  oinf_variant(f->g, "v", oinf_sym(f->g, "T", 1, 2), 3);
}
static void replace_types_differ(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_graph_replace(f->g, x, oinf_reshape(x, .shape = OINF_DIMS(2, 2)));
}
static void too_long_a_dim(fixture *f) { oinf_input(f->g, "a", OINF_F32, INT64_C(1) << 41); }
static void negative_dim(fixture *f) { oinf_input(f->g, "a", OINF_F32, -1); }
static void scope_says_where(fixture *f) {
  oinf_scope_push(f->g, "head");
  oinf_scope_push(f->g, "logits");
  oinf_add(in4(f->g), oinf_input(f->g, "b", OINF_F32, 5));
}
static void user_arity(fixture *f) {
  oinf_val x = in4(f->g);
  oinf_user(f->g, &twice, x, x);
}

static const struct {
  const char *words;
  void (*make)(fixture *f);
} mistakes[] = {{"another graph", other_graph},
                {"is no value", no_value},
                {"operand b is no value", missing_operand},
                {"expected 2 to 2 operands", too_few},
                {"carry it out", outside_loop},
                {"break or return", left_by_break},
                {"break or return", inner_left_by_break},
                {"expected f32 [4], found f32 [2, 2]", loop_changes_shape},
                {"1 to 2^20 times", loop_runs_never},
                {"taken", loop_name_twice},
                {"8 deep", loops_too_deep},
                {"loop that has ended", index_outside},
                {"f32 [2, 2] on one side and f32 [4] on the other", sides_differ},
                {"without its other side", no_other_side},
                {"has one already", else_twice},
                {"none is open", closed_twice},
                {"still open inside", closed_in_the_wrong_order},
                {"break or return", output_in_a_loop},
                {"'s' is written on one side only", one_side_writes},
                {"expected a condition bool [], found f32 [4]", condition_no_bool},
                {"'nope' is not in the model", weight_missing},
                {"'blk.3.norm' is not in the model", family_missing},
                {"'odd.1' is f32 [5], but 'odd.0' of the same family is f32 [4]", family_differs},
                {"braces hold", index_of_no_loop},
                {"braces hold", index_not_affine},
                {"expected f32 [2, 5], found f32 [2, 4]", state_rows_differ},
                {"expected 9 at most 8", state_too_many_rows},
                {"the layer is there", state_no_such_layer},
                {"in some of its ops and not in others", state_mixed},
                {"a write takes its value's rows", state_rows_of_a_write},
                {"two values have the name 'h'", name_taken},
                {"two values have the name 'h.2'", name_taken_in_a_loop},
                {"two values have the name 'h'", output_takes_a_name},
                {"taken", output_twice},
                {"taken", input_twice},
                {"0.5 meets i8", number_meets_integer},
                {"128 meets i8", number_too_large},
                {"1 meets bool", number_meets_bool},
                {"5", shapes_differ},
                {"B", symbol_out_of_reach},
                {"add: ", classes_mixed},
                {"exp: operand a: expected float, found i32", class_not_of_op},
                {"taken", symbol_twice},
                {"wrong way round", symbol_bounds},
                {"no such dim", dim_by_zero},
                {"3 heads divide", heads_do_not_divide},
                {"output 1 of a node that has 1", no_such_output},
                {"out of the symbol's bounds", variant_out_of_bounds},
                {"expected dim 1 to be 0 or more, found -2", fill_below_zero},
                {"expected dim 1, found OINF_INFER", fill_inferred},
                {"expected at most 8 dims, found 9", iota_of_rank_nine},
                {"found a scalar", axis_of_no_axes},
                {"expected an axis from -1 to 0, found 1", axis_too_far},
                {"a short identifier", symbol_no_identifier},
                {"bounds are no dims", symbol_of_no_dims},
                {"a short identifier", index_no_identifier},
                {"state 's': the name is taken", state_twice},
                {"its dtype is one of weights", state_of_blocks},
                {"no such state", state_missing},
                {"a read begins at row 0", state_start_of_a_read},
                {"an input keeps its own", name_of_an_input},
                {"axis -2 of a value of rank 1", val_dim_too_far},
                {"said twice", variant_twice},
                {"would move an effect", replace_moves_an_effect},
                {"no symbol", variant_of_no_symbol},
                {"a value has a dtype", input_of_no_dtype},
                {"types differ", replace_types_differ},
                {"expected 0 to 2^40", too_long_a_dim},
                {"expected 0 to 2^40", negative_dim},
                {", at head/logits (tests/test_graph.c:", scope_says_where},
                {"expected 1 operands, found 2", user_arity}};

TEST(graph, mistakes_are_said_once_and_in_words) {
  for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
    fixture f = make();
    mistakes[i].make(&f);
    CHECK_MSG(oinf_graph_check(f.g) == OINF_GRAPH, "mistake %zu (%s) is no mistake: %s", i,
              mistakes[i].words, oinf_error(f.ctx));
    CHECK_MSG(strstr(oinf_error(f.ctx), mistakes[i].words), "mistake %zu: '%s' does not say '%s'",
              i, oinf_error(f.ctx), mistakes[i].words);
    CHECK_MSG(strstr(oinf_error(f.ctx), "(tests/test_graph.c:"), "mistake %zu: '%s' says no place",
              i, oinf_error(f.ctx));
    oinf_error_clear(f.ctx);
    CHECK_INT(oinf_graph_check(f.g), OINF_GRAPH);  // each later use says it again
    CHECK(!oinf_graph_text(f.g));
    unmake(&f);
  }
}

TEST(graph, a_poisoned_graph_is_silent) {
  fixture f = make();
  oinf_val bad = oinf_weight(f.g, "nope"), x = bad;
  char first[1024];
  CHECK_INT(oinf_graph_check(f.g), OINF_GRAPH);
  snprintf(first, sizeof first, "%s", oinf_error(f.ctx));
  oinf_error_clear(f.ctx);
  build_decoder(f.g);
  oinf_for(l, f.g, 3, &x) x = oinf_add(x, bad);
  oinf_branch b = oinf_if(x, &x);
  oinf_else(&b);
  oinf_endif(&b);
  oinf_output(f.g, "y", oinf_name(oinf_out(oinf_quantize(x), 1), "n"));
  CHECK_INT(oinf_graph_check(f.g), OINF_GRAPH);
  CHECK_STR(oinf_error(f.ctx), first);
  unmake(&f);
}

TEST(graph, quantized_matmul_has_its_quantize_node) {
  fixture f = make();
  oinf_val x = oinf_input(f.g, "x", OINF_F32, 3, 32), w = oinf_weight(f.g, "q");
  oinf_output(f.g, "a", oinf_matmul(x, w, .transpose_b = true));
  oinf_output(f.g, "b", oinf_matmul(x, w, .transpose_b = true));
  oinf_output(f.g, "c", oinf_matmul(x, w, .transpose_b = true, .act = OINF_F32));
  check_ok(&f);
  CHECK_STR(oinf_graph_text(f.g),
            "oinf-graph 1\ngraph \"text\"\n  in x f32 [3, 32]\n  %0 = weight \"q\" : q8_0 [8, 32]\n"
            "  %1 %2 = quantize x : i8 [3, 32], f32 [3, 1]\n"
            "  %3 = matmul %1 %0 %2 { transpose_b = true } : f32 [3, 8]\n"
            "  %4 = matmul %1 %0 %2 { transpose_b = true } : f32 [3, 8]\n"
            "  %5 = matmul x %0 { transpose_b = true, act = f32 } : f32 [3, 8]\n"
            "  out \"a\" %3\n  out \"b\" %4\n  out \"c\" %5\n");
  unmake(&f);
}
