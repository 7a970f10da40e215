// Edges of bundles: weights without bytes, kernels of many weights, steps without rows; and what
// the simulator refuses in a step, a bundle refuses with the same code: symbols outside their
// bounds, a range that a turn of a loop leaves, an index that is not in the table. The step that
// follows is as good as ever.
#include "tests/bundle.h"
#include "tests/test.h"

static void build(oinf_graph *g) {
  oinf_dim T = oinf_sym(g, "T", 1, 8);
  oinf_val x = oinf_input(g, "x", OINF_F32, T), i = oinf_input(g, "i", OINF_I32, 2);
  oinf_val sum = oinf_sum(x), *carried[] = {&sum};
  oinf_loop l = oi_loop_begin(g, "l", 3, carried, 1, __FILE__, __LINE__);
  // Turn l reads element 2 l: there from T = 5 on.
  oinf_val one = oinf_select(x, .axis = 0, .index = oinf_dim_mul(g, l.index, 2));
  sum = oinf_add(sum, one);
  oi_loop_end(&l);
  oinf_val table =
      oinf_reshape(oinf_slice(x, .axis = 0, .begin = 0, .end = 4), .shape = OINF_DIMS(2, 2));
  oinf_output(g, "sum", sum);
  oinf_output(g, "picked", oinf_gather(table, i, .axis = 1));
}

static const char driver[] =
    "#include <stdio.h>\n"
    "static int step(model_run *r, int64_t t, int32_t a, int32_t b) {\n"
    "  static const float x[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9};\n"
    "  const int32_t i[2] = {a, b};\n"
    "  const int64_t symbols[16] = {t};\n"
    "  const void *inputs[] = {x, i};\n"
    "  return model_step_arrays(r, symbols, inputs, NULL);\n"
    "}\n"
    "int main(int n, char **words) {\n"
    "  static const struct { int64_t t; int32_t a, b; int code; } rows[] = {\n"
    "      {5, 0, 1, 0}, {0, 0, 0, 64}, {9, 0, 0, 64}, {-1, 0, 0, 64}, {4, 0, 0, 64},\n"
    "      {8, 1, 0, 0}, {8, 2, 0, 65}, {8, 0, -1, 65}, {5, 1, 1, 0}};\n"
    "  model_file *f;\n  model_run *r = NULL;\n"
    "  int code = model_open(words[n - 1], &f);\n"
    "  if (!code) code = model_new(f, &r);\n"
    "  for (unsigned k = 0; !code && k < sizeof rows / sizeof *rows; k++) {\n"
    "    const int have = step(r, rows[k].t, rows[k].a, rows[k].b);\n"
    "    if (have == rows[k].code) continue;\n"
    "    printf(\"row %u ends with %d: %s\\n\", k, have, model_error(r)), code = 1;\n"
    "  }\n"
    "  model_free(r);\n  model_close(f);\n  return code;\n}\n";

TEST(emit_edges, steps_that_cannot_be) {
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
  char folder[200];
  snprintf(folder, sizeof folder, "%s/refuse", oi_test_dir());
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
  CHECK_INT(oinf_graph_create(ctx, m, "refuse", &g), OINF_OK);
  build(g);
  CHECK_MSG(oinf_emit_bundle(m, g, NULL, folder, NULL) == OINF_OK, "%s", oinf_error(ctx));
  bundle_drive(folder, driver, "-O1 -DOI_BASE_ONLY", "refusals");
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
}

static void concat_weights(oinf_model *m, oinf_graph *g, int n) {
  static const float w[16][4] = {{1, 2}, {3}, {4}, {5, 6, 7}};
  oinf_val in[16];
  for (int i = 0; i < n; i++) {
    char name[16];
    snprintf(name, sizeof name, "w%d", i);
    CHECK_INT(oinf_model_add(m, name, OINF_F32, 1, (int64_t[]){4}, w[i]), OINF_OK);
    in[i] = oinf_weight(g, name);
  }
  oinf_output(g, "all", oinf_concat(in[0], in[1], in[2], in[3], in[4], in[5], .axis = 0));
}

TEST(emit_edges, a_kernel_may_read_many_weights) {
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
  bundle b;
  char folder[200];
  snprintf(folder, sizeof folder, "%s/weights", oi_test_dir());
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
  CHECK_INT(oinf_graph_create(ctx, m, "weights", &g), OINF_OK);
  concat_weights(m, g, 6);
  bundle_begin(&b, ctx, m, g);
  bundle_step(&b);
  const oinf_emit_desc d = {.budget = OINF_EMIT_SMALLEST};
  CHECK_MSG(oinf_emit_bundle(m, g, &d, folder, NULL) == OINF_OK, "%s", oinf_error(ctx));
  bundle_run(&(const char *){folder}, &(const char *){"model"}, &b.n_values, 1,
             "-O1 -DOI_BASE_ONLY", "weights");
  bundle_end(&b);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
}

static void add_made(oinf_model *m, const char *name, oi_tensor_kind kind, oinf_dtype dtype,
                     uint64_t seed) {
  oi_tensor t = {.kind = kind, .seed = seed};
  t.pub = (oinf_tensor){.dtype = dtype, .rank = 2, .dims = {4, 32}};
  CHECK(oi_tensor_bytes(dtype, 2, t.pub.dims, &t.pub.bytes));
  CHECK_INT(oi_model_add_tensor(m, &t, name, strlen(name)), OINF_OK);
}

// Tensors that a package has no bytes of are written out for a bundle.
TEST(emit_edges, weights_may_be_made) {
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
  bundle b;
  char folder[200];
  snprintf(folder, sizeof folder, "%s/made", oi_test_dir());
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
  add_made(m, "splat", OI_TENSOR_SPLAT, OINF_F32, 0x3f000000);
  add_made(m, "noise", OI_TENSOR_NOISE, OINF_BF16, 7 | (uint64_t)3 << 56);
  add_made(m, "blocks", OI_TENSOR_NOISE, OINF_Q4_0, 9 | (uint64_t)5 << 56);
  CHECK_INT(oi_model_index(m), OINF_OK);
  CHECK_INT(oinf_graph_create(ctx, m, "made", &g), OINF_OK);
  oinf_val x = oinf_add(oinf_weight(g, "splat"), oinf_weight(g, "noise"));
  oinf_output(g, "x", oinf_matmul(x, oinf_weight(g, "blocks"), .transpose_b = true));
  bundle_begin(&b, ctx, m, g);
  bundle_step(&b);
  CHECK_MSG(oinf_emit_bundle(m, g, NULL, folder, NULL) == OINF_OK, "%s", oinf_error(ctx));
  bundle_run(&(const char *){folder}, &(const char *){"model"}, &b.n_values, 1,
             "-O1 -DOI_BASE_ONLY", "made");
  bundle_end(&b);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
}

static oinf_val rows_of(oinf_graph *g, oinf_dim T) {
  oinf_val x = oinf_input(g, "x", OINF_F32, T, 32), w = oinf_weight(g, "w");
  oinf_val q = oinf_split_heads(oinf_rmsnorm(x, .eps = 1e-5), 2);
  q = oinf_rope(q, .pos = 3);
  oinf_val att = oinf_sdpa(q, q, q, .causal = true);
  x = oinf_add(x, oinf_reshape(att, .shape = OINF_DIMS(T, 32)));
  x = oinf_add(x, oinf_matmul(x, w, .transpose_b = true));
  oinf_val t = oinf_matmul(x, x, .transpose_a = true);  // [32, 32] of sums of T products
  oinf_output(g, "products", t);
  oinf_output(g, "soft", oinf_softmax(oinf_permute(x, .axes = OINF_DIMS(1, 0)), .axis = 1));
  oinf_output(g, "largest", oinf_reduce_max(x, .axes = OINF_DIMS(0)));
  oinf_output(g, "mean", oinf_mean(oinf_concat(x, x, .axis = 0)));
  oinf_val picked = oinf_gather(w, oinf_argmax(x, .axis = 1));
  oinf_output(g, "picked", oinf_layernorm(picked, .eps = 1e-3));
  oinf_output(g, "blocks", oinf_dequantize(oinf_quantize(x), oinf_out(oinf_quantize(x), 1)));
  return x;
}

// Every template with no rows at all, then with some, then with none again.
TEST(emit_edges, a_step_may_have_no_rows) {
  static float w[32 * 32], x[4 * 32];
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
  bundle b;
  char folder[200];
  for (int i = 0; i < 32 * 32; i++) w[i] = (float)(i * 37 % 101) * 0.01f - 0.5f;
  for (int i = 0; i < 4 * 32; i++) x[i] = (float)(i * 53 % 97) * 0.02f - 1.0f;
  snprintf(folder, sizeof folder, "%s/rows", oi_test_dir());
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
  CHECK_INT(oinf_model_add(m, "w", OINF_F32, 2, (int64_t[]){32, 32}, w), OINF_OK);
  CHECK_INT(oinf_graph_create(ctx, m, "rows", &g), OINF_OK);
  rows_of(g, oinf_sym(g, "T", 0, 4));
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(ctx));
  bundle_begin(&b, ctx, m, g);
  for (int step = 0; step < 4; step++) {
    bundle_symbol(&b, "T", step * 3 % 5);
    bundle_input(&b, "x", OINF_F32, 2, (int64_t[]){step * 3 % 5, 32}, x);
    bundle_step(&b);
  }
  const oinf_emit_desc d = {.name = "model"};
  CHECK_MSG(oinf_emit_bundle(m, g, &d, folder, NULL) == OINF_OK, "%s", oinf_error(ctx));
  bundle_run(&(const char *){folder}, &(const char *){"model"}, &(uint64_t){0}, 1,
             "-O1 -DOI_BASE_ONLY", "rows");
  bundle_end(&b);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
}
