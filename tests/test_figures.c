// What a bundle says of itself in figures: costs of ops against counts by hand and by loops, and
// plan.json as a whole, which must be JSON, add up, and be the same each time.
#include <oinf/emit.h>
#include <sys/stat.h>

#include "compiler/cost.h"
#include "formats/json.h"
#include "tests/test.h"

#include <oinf/ops.h>

typedef struct world {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *g;
} world;

static const float zeros[64 * 64];

static void open_world(world *w) {
  CHECK_INT(oinf_ctx_create(NULL, &w->ctx), OINF_OK);
  CHECK_INT(oinf_model_create(w->ctx, &w->model), OINF_OK);
  const int64_t square[] = {16, 16}, row[] = {16};
  for (int i = 0; i < 4; i++) {
    char name[32];
    snprintf(name, sizeof name, "blk.%d.w", i);
    CHECK_INT(oinf_model_add(w->model, name, OINF_F32, 2, square, zeros), OINF_OK);
    snprintf(name, sizeof name, "blk.%d.n", i);
    CHECK_INT(oinf_model_add(w->model, name, OINF_F32, 1, row, zeros), OINF_OK);
  }
  CHECK_INT(oinf_graph_create(w->ctx, w->model, "net", &w->g), OINF_OK);
}

static void close_world(world *w) {
  oinf_graph_destroy(w->g);
  oinf_model_destroy(w->model);
  oinf_ctx_destroy(w->ctx);
}

// ---- costs of single ops ----

static oi_cost_shape shape_of(world *w, oinf_val v, const int64_t *syms) {
  oi_cost_shape s;
  CHECK_MSG(oinf_graph_check(w->g) == OINF_OK, "%s", oinf_error(w->ctx));
  CHECK(oi_cost_shape_of(w->g, oi_val_at(w->g, v.id)->node, syms, &s));
  return s;
}

static uint64_t flops(world *w, oinf_val v, int64_t sym) {
  const oi_cost_shape s = shape_of(w, v, &sym);
  return oi_cost_flops(&s);
}

TEST(figures, products_count_two_a_term) {
  world w;
  open_world(&w);
  const oinf_dim T = oinf_sym(w.g, "T", 1, 100);
  const oinf_val x = oinf_input(w.g, "x", OINF_F32, T, 16);
  const oinf_val y = oinf_matmul(x, oinf_weight(w.g, "blk.0.w"));
  CHECK_INT(flops(&w, y, 7), 2 * 7 * 16 * 16);
  CHECK_INT(flops(&w, oinf_add(y, x), 7), 7 * 16);
  CHECK_INT(flops(&w, oinf_fma(y, x, x), 7), 2 * 7 * 16);
  CHECK_INT(flops(&w, oinf_exp(y), 7), 7 * 16);
  CHECK_INT(flops(&w, oinf_sum(y, .axes = OINF_DIMS(0)), 7), 7 * 16);
  CHECK_INT(flops(&w, oinf_mean(y, .axes = OINF_DIMS(1)), 7), 7 * 16 + 7);
  CHECK_INT(flops(&w, oinf_softmax(y), 7), 5 * 7 * 16 + 7);
  CHECK_INT(flops(&w, oinf_rmsnorm(y, oinf_weight(w.g, "blk.0.n"), .eps = 1e-5), 7),
            4 * 7 * 16 + 4 * 7);
  CHECK_INT(flops(&w, oinf_permute(y, .axes = OINF_DIMS(1, 0)), 7), 0);
  CHECK_INT(flops(&w, oinf_cast(y, .to = OINF_F16), 7), 0);
  close_world(&w);
}

static uint64_t pairs_by_hand(int64_t rows, int64_t keys, int64_t pos, bool causal,
                              int64_t window) {
  uint64_t n = 0;
  for (int64_t t = 0; t < rows; t++)
    for (int64_t j = 0; j < keys; j++)
      n += (!causal || j <= pos + t) && (!window || j > pos + t - window);
  return n;
}

TEST(figures, attention_counts_what_is_seen) {
  enum {
    HEADS = 4,
    HEAD = 8,
    KEYS = 40
  };
  world w;
  open_world(&w);
  const oinf_dim T = oinf_sym(w.g, "T", 1, 100), pos = oinf_dim_sub(w.g, KEYS, T);
  const oinf_val q = oinf_input(w.g, "q", OINF_F32, T, HEADS, HEAD);
  const oinf_val k = oinf_input(w.g, "k", OINF_F16, KEYS, 2, HEAD);
  for (int64_t window = 0; window < 20; window += 9)
    for (int causal = 0; causal < 2; causal++) {
      const oinf_val y =
          oinf_sdpa(q, k, k, .pos = pos, .causal = causal != 0, .window = window, .softcap = 0);
      for (int64_t t = 1; t <= KEYS; t += 13) {
        const oi_cost_shape s = shape_of(&w, y, &t);
        const uint64_t pairs = pairs_by_hand(t, KEYS, KEYS - t, causal, window);
        CHECK_INT(oi_cost_flops(&s),
                  pairs * HEADS * (4 * HEAD + 5) + (uint64_t)t * HEADS * (HEAD + 1));
        const int64_t first = window && KEYS - t - window + 1 > 0 ? KEYS - t - window + 1 : 0;
        CHECK_INT(oi_cost_read(&s, 1), (KEYS - first) * 2 * HEAD * 2);
        CHECK_INT(oi_cost_read(&s, 0), t * HEADS * HEAD * 4);
      }
    }
  close_world(&w);
}

TEST(figures, only_the_rows_named_are_read) {
  world w;
  open_world(&w);
  const oinf_dim T = oinf_sym(w.g, "T", 1, 100);
  const oinf_val index = oinf_input(w.g, "index", OINF_I32, T);
  const oinf_val rows = oinf_gather(oinf_weight(w.g, "blk.0.w"), index);
  const int64_t t = 3;
  oi_cost_shape s = shape_of(&w, rows, &t);
  CHECK_INT(oi_cost_flops(&s), 0);
  CHECK_INT(oi_cost_read(&s, 0), 3 * 16 * 4);
  CHECK_INT(oi_cost_read(&s, 1), 3 * 4);
  s = shape_of(&w, oinf_slice(rows, .axis = 1, .begin = 4, .end = 6), &t);
  CHECK_INT(oi_cost_read(&s, 0), 3 * 2 * 4);
  CHECK_INT(oi_cost_written(&s, 0), 3 * 2 * 4);
  close_world(&w);
}

// ---- plan.json ----

// A loop of three layers, a branch with a dearer side, and a hostile name.
static void build(world *w) {
  const oinf_dim T = oinf_sym(w->g, "T", 1, 8);
  oinf_val x = oinf_input(w->g, "x", OINF_F32, T, 16);
  const oinf_val yes = oinf_input_scalar(w->g, "yes", OINF_BOOL);
  oinf_for(l, w->g, 3, &x) { x = oinf_add(x, oinf_matmul(x, oinf_weight(w->g, "blk.{l}.w"))); }
  oinf_branch b = oinf_if(yes, &x);
  x = oinf_relu(x);
  oinf_else(&b);
  x = oinf_matmul(oinf_exp(x), oinf_weight(w->g, "blk.3.w"));
  oinf_endif(&b);
  oinf_output(w->g, "y \"</script>\xe2\x80\xae", x);
  oinf_variant(w->g, "one \"row\"", T, 1);
}

static json_t *plan_of(world *w, const char *folder, oi_text *text) {
  char path[600];
  json_t *root;
  oinf_emit_desc d = {0};
  CHECK_MSG(oinf_emit_bundle(w->model, w->g, &d, folder, NULL) == OINF_OK, "%s",
            oinf_error(w->ctx));
  snprintf(path, sizeof path, "%s/plan.json", folder);
  FILE *f = fopen(path, "rb");
  CHECK(f);
  oi_text_init(text, w->ctx);
  for (int c; (c = fgetc(f)) != EOF;) oi_text_put(text, "%c", c);
  CHECK(fclose(f) == 0);
  CHECK_INT(oi_json_parse(w->ctx, text->at, text->n, OI_JSON_STRICT, "plan.json", &root), OINF_OK);
  return root;
}

static uint64_t number(const json_t *at, const char *key) {
  int64_t x = -1;
  CHECK_MSG(oi_json_i64(json_object_get(at, key), &x), "%s is no number", key);
  return (uint64_t)x;
}

TEST(figures, the_plan_adds_up) {
  char folder[500];
  oi_text text, again;
  world w;
  open_world(&w);
  build(&w);
  snprintf(folder, sizeof folder, "%s/figures", oi_test_dir());
  json_t *root = plan_of(&w, folder, &text), *other = plan_of(&w, folder, &again);
  CHECK(text.n == again.n && memcmp(text.at, again.at, text.n) == 0);
  const json_t *arenas = json_object_get(root, "arenas"),
               *kernels = json_object_get(root, "kernels");
  CHECK_INT(number(root, "peak"), number(arenas, "weights") + number(arenas, "activations") +
                                      number(arenas, "states") + number(arenas, "io") +
                                      number(arenas, "room"));
  const json_t *cases = json_object_get(root, "cases");
  CHECK_INT(json_array_size(cases), 2);
  CHECK_STR(json_string_value(json_object_get(json_array_get(cases, 1), "name")), "one \"row\"");
  CHECK_INT(json_array_size(kernels), 4);  // a layer's product and sum are one: x is read once
  for (size_t i = 0; i < 2; i++) {
    const uint64_t rows = i == 0 ? 8 : 1, product = 2 * rows * 256, small = rows * 16;
    const json_t *c = json_array_get(cases, i);
    CHECK_INT(number(c, "flops"), 3 * (product + small) + product + small);
    CHECK_INT(number(c, "weights"), 4 * 16 * 16 * 4);
    CHECK_INT(number(c, "read"), 4 * (3 * small + 2 * small));
    CHECK_INT(number(c, "written"), 4 * (3 * small + 2 * small));
  }
  for (size_t k = 0; k < 4; k++) {
    const json_t *kernel = json_array_get(kernels, k);
    CHECK_INT(number(kernel, "times"), k < 1 ? 3 : 1);
    CHECK_INT(json_is_true(json_object_get(kernel, "in_branch")), k >= 1);
  }
  json_decref(root), json_decref(other);
  oi_text_free(&text), oi_text_free(&again);
  close_world(&w);
}

// What a fused kernel keeps inside costs no bytes; what it reads twice, or in part, costs once, or
// that part.
TEST(figures, a_fused_kernel_is_one) {
  world w;
  oinf_emit *e = NULL;
  oinf_emit_figures f;
  oinf_emit_kernel k;
  open_world(&w);
  const oinf_dim T = oinf_sym(w.g, "T", 1, 8);
  const oinf_val x = oinf_input(w.g, "x", OINF_F32, T, 16);
  const oinf_val z = oinf_input(w.g, "z", OINF_F32, 40, 16);
  oinf_val y = oinf_add(oinf_mul(x, x), oinf_weight(w.g, "blk.0.n"));
  y = oinf_relu(oinf_add(y, oinf_slice(z, .axis = 0, .begin = 0, .end = T)));
  oinf_output(w.g, "y", y);
  CHECK_MSG(oinf_emit_compile(w.model, w.g, NULL, &e) == OINF_OK, "%s", oinf_error(w.ctx));
  oinf_emit_inspect(e, &f);
  CHECK_INT(f.kernels, 1);
  CHECK_INT(oinf_emit_kernel_at(e, 0, 0, &k), OINF_OK);
  CHECK_INT(k.cost.flops, 4 * 8 * 16);
  CHECK_INT(k.cost.weights, 16 * 4);
  CHECK_INT(k.cost.read, 2 * 8 * 16 * 4);
  CHECK_INT(k.cost.written, 8 * 16 * 4);
  CHECK_STR(k.ops,
            "mul, add \xc3\x97"
            "2, slice, relu");
  oinf_emit_destroy(e);
  close_world(&w);
}

// A product with what joins it: x is read once for both.
TEST(figures, a_head_and_its_tail_are_one) {
  world w;
  oinf_emit *e = NULL;
  oinf_emit_figures f;
  oinf_emit_kernel k;
  open_world(&w);
  const oinf_val x = oinf_input(w.g, "x", OINF_F32, 8, 16);
  oinf_output(w.g, "y", oinf_add(oinf_matmul(x, oinf_weight(w.g, "blk.0.w")), x));
  CHECK_MSG(oinf_emit_compile(w.model, w.g, NULL, &e) == OINF_OK, "%s", oinf_error(w.ctx));
  oinf_emit_inspect(e, &f);
  CHECK_INT(f.kernels, 1);
  CHECK_INT(oinf_emit_kernel_at(e, 0, 0, &k), OINF_OK);
  CHECK_STR(k.ops, "matmul, add");
  CHECK_INT(k.cost.flops, 2 * 8 * 16 * 16 + 8 * 16);
  CHECK_INT(k.cost.weights, 16 * 16 * 4);
  CHECK_INT(k.cost.read, 8 * 16 * 4);
  CHECK_INT(k.cost.written, 8 * 16 * 4);
  oinf_emit_destroy(e);
  close_world(&w);
}

// Turn by turn, and what is used again is there already.
TEST(figures, weights_lie_in_their_order_of_use) {
  static const char *const want[] = {"blk.1.n", "blk.0.w", "blk.0.n", "blk.1.w",
                                     "blk.2.w", "blk.2.n", "blk.3.w", "blk.3.n"};
  world w;
  oinf_emit *e = NULL;
  oinf_model *m;
  char path[600];
  open_world(&w);
  oinf_val x = oinf_input(w.g, "x", OINF_F32, 2, 16);
  x = oinf_rmsnorm(x, oinf_weight(w.g, "blk.1.n"));
  oinf_for(l, w.g, 4, &x) {
    x = oinf_matmul(x, oinf_weight(w.g, "blk.{l}.w"));
    x = oinf_rmsnorm(x, oinf_weight(w.g, "blk.{l}.n"));
  }
  oinf_output(w.g, "y", x);
  CHECK_MSG(oinf_emit_compile(w.model, w.g, NULL, &e) == OINF_OK, "%s", oinf_error(w.ctx));
  snprintf(path, sizeof path, "%s/order.oinf", oi_test_dir());
  CHECK_INT(oinf_emit_weights(e, path), OINF_OK);
  CHECK_INT(oinf_model_open(w.ctx, path, &m), OINF_OK);
  CHECK_INT(oinf_model_tensor_count(m), 8);
  for (uint32_t i = 0; i < 8; i++) CHECK_STR(oinf_model_tensor(m, i)->name, want[i]);
  oinf_model_destroy(m);
  oinf_emit_destroy(e);
  close_world(&w);
}
