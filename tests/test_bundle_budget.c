// Bundles under a budget: weights of several MiB come through windows and rings of many sizes, and
// every value has the hash that the simulator gave it, whole or streamed, on either side of a
// branch. The bundle itself asserts what its plan says it reads.
#include <sys/stat.h>
#include <unistd.h>

#include "tests/bundle.h"
#include "tests/sim_world.h"

enum {
  MOST = 12
};

static void wide_step(bundle *b, int64_t n) {
  int32_t picks[WIDE_PICKS];
  for (int i = 0; i < WIDE_PICKS; i++) picks[i] = (i * 1237 + 11) % WIDE_ROWS;
  bundle_input(b, "pick", OINF_I32, 1, &n, picks);
  bundle_step(b);
}

static void wide_steps(bundle *b) {
  wide_step(b, WIDE_PICKS);
  wide_step(b, 1);
  wide_step(b, 7);
}

static void sides_steps(bundle *b) {
  static const uint8_t sides[] = {1, 0, 0, 1, 1};
  const int64_t dims[2] = {1, 64};
  float x[64];
  for (int i = 0; i < 64; i++) x[i] = (float)(i - 30) / 16;
  for (size_t i = 0; i < sizeof sides; i++) {
    bundle_input(b, "x", OINF_F32, 2, dims, x);
    bundle_input(b, "side", OINF_BOOL, 0, dims, &sides[i]);
    bundle_step(b);
  }
}

static uint64_t smallest_of(world *w) {
  oinf_emit_figures f;
  const oinf_emit_desc d = {.budget = OINF_EMIT_SMALLEST};
  const oinf_status status = oinf_emit_bundle(w->model, w->graph, &d, world_path("smallest"), &f);
  CHECK_MSG(status == OINF_OK, "%s", oinf_error(w->ctx));
  CHECK(f.peak == f.smallest && f.read_per_step <= f.read_first);
  return f.smallest;
}

// Below the smallest the message says which it is, and nothing is left.
static void refused(world *w, uint64_t smallest) {
  char figure[32];
  struct stat st;
  const oinf_emit_desc d = {.budget = smallest - 1};
  snprintf(figure, sizeof figure, "%llu", (unsigned long long)smallest);
  CHECK_INT(oinf_emit_bundle(w->model, w->graph, &d, world_path("none"), NULL), OINF_BUDGET);
  CHECK_MSG(strstr(oinf_error(w->ctx), figure), "%s", oinf_error(w->ctx));
  CHECK(stat(world_path("none"), &st) != 0);
  oinf_error_clear(w->ctx);
}

static void every_budget(void (*make)(world *w), void (*steps)(bundle *b), const char *what) {
  static char folders[MOST][300], names[MOST][16];
  const char *folder[MOST], *name[MOST];
  bundle b;
  world w = world_new(NULL);
  make(&w);
  world_package(&w, "m.oinf");
  bundle_begin(&b, w.ctx, w.model, w.graph);
  steps(&b);
  const uint64_t smallest = smallest_of(&w);
  refused(&w, smallest);
  const uint64_t any[MOST] = {0};
  const int stride = oi_test_soak() ? 1 : 3;
  int n = 0;
  for (int more = 0; more < MOST; more += stride, n++) {
    oinf_emit_figures f;
    const oinf_emit_desc d = {.name = names[n], .budget = smallest + (uint64_t)more * 1300000};
    snprintf(folders[n], sizeof folders[n], "%s", world_path(what));
    snprintf(names[n], sizeof names[n], "%s%d", what, n);
    snprintf(folders[n] + strlen(folders[n]), 8, "%d", n);
    folder[n] = folders[n], name[n] = names[n];
    CHECK_MSG(oinf_emit_bundle(w.model, w.graph, &d, folders[n], &f) == OINF_OK, "%s",
              oinf_error(w.ctx));
    CHECK(f.peak <= d.budget && f.smallest == smallest);
  }
  bundle_run(folder, name, any, n, "-O1 -DOI_BASE_ONLY", what);
  bundle_end(&b);
  world_free(&w);
}

TEST(bundle_budget, every_window_gives_the_same_bits) {
  every_budget(world_wide, wide_steps, "wide");
}

TEST(bundle_budget, either_side_of_a_branch_streams) {
  every_budget(world_sides, sides_steps, "sides");
}

TEST(bundle_budget, weights_that_are_damaged_or_cut_while_in_use_are_said) {
  const char *cc = getenv("CC");
  char here[300], weights[300], model[300], end[32];
  struct stat st;
  world w = world_new(NULL);
  world_sides(&w);
  world_package(&w, "m.oinf");
  const oinf_emit_desc d = {.name = "sides", .budget = OINF_EMIT_SMALLEST};
  CHECK_MSG(oinf_emit_bundle(w.model, w.graph, &d, world_path("sides"), NULL) == OINF_OK, "%s",
            oinf_error(w.ctx));
  snprintf(here, sizeof here, "-I%s", oi_test_dir());
  snprintf(model, sizeof model, "%s", world_path("sides/model.c"));
  snprintf(weights, sizeof weights, "%s", world_path("sides/weights.oinf"));
  const char *program = world_path("damage");
  const char *const build[] = {cc && *cc ? cc : "cc",
                               "-std=c11",
                               "-O1",
                               "-Wall",
                               "-Wextra",
                               "-ffp-contract=off",
                               here,
                               "-o",
                               program,
                               "tests/bundle/damage.c",
                               model,
                               "-lm",
                               "-lpthread",
                               NULL};
  CHECK(bundle_command(build) == 0);
  // The last two MiB of the weights stream in every step.
  CHECK(stat(weights, &st) == 0);
  snprintf(end, sizeof end, "%lld", (long long)st.st_size);
  const char *const run[] = {program, weights, end, NULL};
  CHECK(bundle_command(run) == 0);
  world_free(&w);
}
