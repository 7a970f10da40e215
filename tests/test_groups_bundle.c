// Which weights a bundle re-lays in groups of 16 rows, what it says of the others, and that it
// computes the same with them and without, mapped and paged.
#include "compiler/emit.h"
#include "formats/oinf.h"
#include "tests/bundle.h"
#include "tests/sim_world.h"

// Every way to use quantized weights beside each other: a tied table, products alone, one that is
// widened too, a table that is only picked from, an output.
static void mixed(world *w) {
  oinf_graph *g = w->graph;
  const oinf_dim T = oinf_sym(g, "T", 1, 40);
  const oinf_val pick = oinf_input(g, "pick", OINF_I32, T);
  world_weight(w, "tied", OINF_Q4_0, 75, 160);
  world_weight(w, "blk.0.up", OINF_Q8_0, 96, 160);
  world_weight(w, "blk.1.up", OINF_Q8_0, 96, 160);
  world_weight(w, "down", OINF_Q8_0, 160, 96);
  world_weight(w, "both", OINF_Q4_0, 33, 160);
  world_weight(w, "table", OINF_Q8_0, 75, 160);
  oinf_val x = oinf_gather(oinf_weight(g, "tied"), pick);
  x = oinf_add(x, oinf_gather(oinf_weight(g, "table"), pick));
  oinf_for(l, g, 2, &x) {
    const oinf_val up = oinf_weight(g, "blk.{l}.up");
    const oinf_val h = oinf_relu(oinf_matmul(x, up, .transpose_b = true));
    x = oinf_add(x, oinf_matmul(h, oinf_weight(g, "down"), .transpose_b = true));
  }
  const oinf_val both = oinf_weight(g, "both");
  oinf_output(g, "a", oinf_matmul(x, oinf_weight(g, "tied"), .transpose_b = true));
  oinf_output(g, "b", oinf_matmul(x, both, .transpose_b = true));
  oinf_output(g, "c", oinf_matmul(x, both, .transpose_b = true, .act = OINF_F32));
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

static void mixed_step(bundle *b, int64_t n) {
  int32_t picks[40];
  for (int i = 0; i < 40; i++) picks[i] = (i * 29 + 7) % 75;
  bundle_input(b, "pick", OINF_I32, 1, &n, picks);
  bundle_step(b);
}

static oi_tensor_layout layout_in(world *w, const char *folder, const char *tensor) {
  char path[400];
  oinf_model *m;
  snprintf(path, sizeof path, "%s/weights.oinf", folder);
  CHECK_MSG(oinf_model_open(w->ctx, path, &m) == OINF_OK, "%s", oinf_error(w->ctx));
  CHECK_MSG(oi_oinf_verify_weights(m, NULL, NULL) == OINF_OK, "%s", oinf_error(w->ctx));
  const oi_tensor_layout layout = m->tensors.at[oi_model_tensor_id(m, tensor)].layout;
  oinf_model_destroy(m);
  return layout;
}

TEST(groups_bundle, bundles_compute_the_same_with_and_without) {
  static char folders[3][300];
  static const char *const names[] = {"laid", "plain", "paged"};
  static const char *const tied[] = {"tied", "blk.0.up", "blk.1.up", "down"};
  const char *folder[3];
  const uint64_t any[3] = {0};
  world w = world_new(NULL);
  bundle b;
  mixed(&w);
  world_package(&w, "m.oinf");
  bundle_begin(&b, w.ctx, w.model, w.graph);
  mixed_step(&b, 1), mixed_step(&b, 2), mixed_step(&b, 40), mixed_step(&b, 13);
  for (int i = 0; i < 3; i++) {
    const oi_pass_options options = {.without = i == 1 ? 1u << OI_PASS_layout : 0};
    const oinf_emit_desc d = {.name = names[i], .budget = i == 2 ? OINF_EMIT_SMALLEST : 0};
    snprintf(folders[i], sizeof folders[i], "%s", world_path(names[i]));
    folder[i] = folders[i];
    CHECK_MSG(oi_emit_run(w.model, w.graph, &d, &options, folder[i], NULL, NULL, NULL) == OINF_OK,
              "%s", oinf_error(w.ctx));
    for (int t = 0; t < 4; t++) CHECK_INT(layout_in(&w, folder[i], tied[t]), i != 1);
    CHECK_INT(layout_in(&w, folder[i], "both"), OI_LAYOUT_ROWS);
    CHECK_INT(layout_in(&w, folder[i], "table"), OI_LAYOUT_ROWS);
  }
  bundle_run(folder, names, any, 1, "-O1", "groups");
  bundle_run(folder + 1, names + 1, any, 2, "-O1 -DOI_BASE_ONLY", "without groups, and paged");
  bundle_end(&b);
  world_free(&w);
}

TEST(groups_bundle, the_reasons_are_said) {
  world w = world_new(NULL);
  oi_text said;
  const oinf_emit_desc d = {.name = "m"};
  const oi_pass_options all = {0};
  mixed(&w);
  oi_text_init(&said, w.ctx);
  CHECK_MSG(oi_emit_run(w.model, w.graph, &d, &all, NULL, NULL, &said, NULL) == OINF_OK, "%s",
            oinf_error(w.ctx));
  CHECK(strstr(said.at, "layout: 3 of 5 families of weights in groups of 16 rows\n"));
  CHECK(strstr(said.at, "weight \"both\" stays row-major: a product widens it row by row\n"));
  CHECK(strstr(said.at, "weight \"table\" stays row-major: no product reads it\n"));
  oi_text_free(&said);
  world_free(&w);
}
