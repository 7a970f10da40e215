// What the simulator refuses in a step, a bundle refuses with the same code: symbols outside their
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

TEST(emit_refuse, steps_that_cannot_be) {
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
  bundle_drive(folder, driver, "-O1", "refusals");
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

TEST(emit_refuse, a_kernel_may_read_many_weights) {
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
  bundle_run(&(const char *){folder}, &(const char *){"model"}, &b.n_values, 1, "-O1", "weights");
  bundle_end(&b);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
}
