// What passes over the plan decide: kernels that run in one go, rows that are made in their state.
// That no value changes by it is shown where bundles run (test_emit, test_subsets.sh).
#include <oinf/emit.h>
#include <oinf/ops.h>
#include <string.h>

#include "tests/test.h"

static const float ones[16 * 16];

static unsigned count(const char *text, const char *what) {
  unsigned n = 0;
  for (const char *at = text; (at = strstr(at, what)); at++) n++;
  return n;
}

typedef struct world {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *g;
  oinf_emit *e;
} world;

static void compile(world *w, void (*build)(oinf_graph *g, int kind), int kind, const char *dump,
                    const char *without) {
  CHECK_INT(oinf_ctx_create(NULL, &w->ctx), OINF_OK);
  CHECK_INT(oinf_model_create(w->ctx, &w->model), OINF_OK);
  for (int i = 0; i < 2; i++)
    CHECK_INT(oinf_model_add(w->model, i ? "v" : "w", OINF_F32, 2, (int64_t[]){16, 16}, ones),
              OINF_OK);
  CHECK_INT(oinf_graph_create(w->ctx, w->model, "net", &w->g), OINF_OK);
  build(w->g, kind);
  const oinf_emit_desc d = {.dump = dump, .without = without};
  CHECK_MSG(oinf_emit_compile(w->model, w->g, &d, &w->e) == OINF_OK, "%s", oinf_error(w->ctx));
}

static void end(world *w) {
  oinf_emit_destroy(w->e);
  oinf_graph_destroy(w->g);
  oinf_model_destroy(w->model);
  oinf_ctx_destroy(w->ctx);
}

// ---- kernels that run in one go ----

// Three products of one operand, and one that opens with the last of them.
static void build_batch(oinf_graph *g, int kind) {
  (void)kind;
  oinf_dim T = oinf_sym(g, "T", 1, 8);
  oinf_val x = oinf_relu(oinf_input(g, "x", OINF_F32, T, 16));
  oinf_val w = oinf_weight(g, "w"), v = oinf_weight(g, "v");
  oinf_val q = oinf_matmul(x, w, .transpose_b = true), k = oinf_matmul(x, w);
  oinf_val gate = oinf_matmul(x, v, .transpose_b = true), up = oinf_matmul(x, v);
  oinf_output(g, "y", oinf_mul(oinf_silu(gate), up));
  oinf_output(g, "z", oinf_softmax(oinf_add(q, k)));
}

// Rows that are taken by blocks, and rows that are taken whole.
static void build_rows(oinf_graph *g, int kind) {
  oinf_val x = oinf_input(g, "x", OINF_F32, oinf_sym(g, "T", 1, 8), 64);
  (void)kind;
  oinf_output(g, "y", oinf_cast(oinf_quantize(oinf_rmsnorm(x)), .to = OINF_F32));
  oinf_output(g, "z", oinf_rmsnorm(oinf_softmax(x, .axis = -1)));
}

static void check_batch(void (*build)(oinf_graph *, int), const char *without, unsigned beside,
                        unsigned behind) {
  world w;
  compile(&w, build, 0, "batch", without);
  CHECK_INT(count(oinf_emit_dump(w.e), "beside the one before"), beside);
  CHECK_INT(count(oinf_emit_dump(w.e), "behind the one before"), behind);
  CHECK_INT(count(oinf_emit_explain(w.e), "does not join") > 0, !strstr(without, "batch"));
  end(&w);
}

TEST(lower, kernels_run_in_one_go) {
  check_batch(build_batch, "", 1, 1);
  check_batch(build_batch, "fuse", 2, 0);
  check_batch(build_batch, "batch", 0, 0);
  check_batch(build_rows, "", 0, 2);
}

// ---- rows that are made in their state ----

enum {
  PLAIN,
  CAST,
  NARROW,
  USED,
  READ
};

static void build_write(oinf_graph *g, int kind) {
  oinf_dim P = oinf_sym(g, "P", 0, 7), T = oinf_sym(g, "T", 1, 8), S = oinf_dim_add(g, P, T);
  const oinf_dtype dtype = kind == CAST || kind == NARROW ? OINF_F16 : OINF_F32;
  oinf_state k = oinf_state_new(g, "k", dtype, 16, 8);
  oinf_val x = oinf_input(g, "x", OINF_F32, T, 8), rows = oinf_softmax(x);
  if (kind == READ) rows = oinf_softmax(oinf_state_read(k, OINF_NO_LAYER, .rows = T));
  if (kind == CAST) rows = oinf_cast(rows, .to = OINF_F16);
  (void)oinf_state_write(k, OINF_NO_LAYER, rows, .at = P);
  oinf_output(g, "y", oinf_relu(oinf_state_read(k, OINF_NO_LAYER, .rows = S)));
  if (kind == USED) oinf_output(g, "rows", oinf_exp(rows));
}

static void check_write(int kind, const char *without, unsigned changed, const char *why) {
  world w;
  compile(&w, build_write, kind, "writes", without);
  const char *said = oinf_emit_explain(w.e);
  CHECK_MSG(strstr(said, changed    ? "writes: 1 changed"
                         : *without ? ""
                                    : "writes: 0 changed"),
            "%s", said);
  CHECK_MSG(strstr(said, why), "'%s' lacks '%s'", said, why);
  CHECK_INT(count(oinf_emit_dump(w.e), "_state_write:"), changed ? 0 : 1);
  end(&w);
}

TEST(lower, rows_are_made_in_their_state) {
  check_write(PLAIN, "", 1, "");
  check_write(PLAIN, "writes", 0, "");
  check_write(CAST, "", 1, "");
  check_write(NARROW, "", 0, "rows of 4 bytes an element are converted");
  check_write(USED, "", 0, "1 further uses read its rows");
  check_write(READ, "", 0, "the state is read before");
}
