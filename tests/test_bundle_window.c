// Bundles whose states keep a window's rows: every value has the hash that it has with whole
// states, with the pass and without it, mapped and under the smallest budget; and the files of
// saved states are the simulator's, byte for byte, in either direction.
#include "compiler/emit.h"
#include "tests/bundle.h"
#include "tests/sim_world.h"

enum {
  MOST = 16,
  ROOM = 48
};

static const int64_t saved[] = {0,  1,  7,  8,  9,
                                31, 48, 49, 101};  // as tests/bundle/window.c has them

static int32_t id_at(int64_t i) { return (int32_t)((7 * i + 3 + i / 9) % VOCAB); }

// Steps of 16, 1, 5, 1 rows, over and over.
static void record(bundle *b) {
  static const int64_t rows[] = {MOST, 1, 5, 1};
  for (int64_t at = 0, i = 0; at < 150; at += rows[i++ % 4]) {
    int32_t ids[MOST];
    const int64_t n = rows[i % 4];
    for (int64_t k = 0; k < n; k++) ids[k] = id_at(at + k);
    bundle_symbol(b, "P", at);
    bundle_symbol(b, "T", n);
    bundle_input(b, "tokens", OINF_I32, 1, &n, ids);
    bundle_step(b);
  }
}

static oinf_emit_figures emit(world *w, const oinf_emit_desc *d, const char *folder) {
  oinf_emit_figures f;
  CHECK_MSG(oinf_emit_bundle(w->model, w->graph, d, folder, &f) == OINF_OK, "%s",
            oinf_error(w->ctx));
  return f;
}

TEST(bundle_window, values_are_those_of_whole_states) {
  const oinf_emit_desc kinds[] = {{.name = "a"},
                                  {.name = "b", .budget = OINF_EMIT_SMALLEST, .capacity = 200},
                                  {.name = "c", .without = "window"}};
  char folders[3][300];
  const char *folder[3], *names[3];
  uint64_t bytes[3];
  bundle b;
  world w = world_new(NULL);
  world_windowed(&w, OINF_F32, WINDOW);
  world_package(&w, "values.oinf");
  bundle_begin(&b, w.ctx, w.model, w.graph);
  record(&b);
  for (int i = 0; i < 3; i++) {
    snprintf(folders[i], sizeof folders[i], "%s", world_path(kinds[i].name));
    bytes[i] = emit(&w, &kinds[i], folders[i]).states;
    folder[i] = folders[i], names[i] = kinds[i].name;
  }
  CHECK_INT(bytes[0], 2 * 2 * ROOM * WIDTH / 2 * 4);
  CHECK_INT(bytes[1], bytes[0]);
  CHECK_INT(bytes[2], 2 * 2 * POSITIONS * WIDTH / 2 * 4);
  bundle_run(folder, names, (const uint64_t[3]){0}, 3, "-O0 -DOI_BASE_ONLY", "windows");
  bundle_end(&b);
  world_free(&w);
}

// ---- what is said of them ----

// What the passes say of a network whose second window is `second`, for a context of `capacity`.
static void check_said(int64_t second, int64_t capacity, const char *without, const char *want) {
  oi_pass_options options = {.stop = OI_PASS_window + 1};
  const oinf_emit_desc d = {.capacity = capacity};
  oi_text said;
  world w = world_new(NULL);
  world_windowed(&w, OINF_F32, second);
  CHECK_INT(oi_pass_without(oi_ctx_err(w.ctx), without, &options.without), OINF_OK);
  oi_text_init(&said, w.ctx);
  CHECK_INT(oi_emit_run(w.model, w.graph, &d, &options, NULL, NULL, &said, NULL), OINF_OK);
  CHECK_MSG(want ? strstr(said.at, want) != NULL : !strstr(said.at, "window:"), "%s", said.at);
  oi_text_free(&said);
  world_free(&w);
}

TEST(bundle_window, it_is_said_which_states_keep_how_many_rows) {
  check_said(WINDOW, 0, NULL,
             "window: state \"k\" keeps 48 rows of 400, of which a window of 8 is seen\n"
             "window: state \"v\" keeps 48 rows of 400, of which a window of 8 is seen\n"
             "window: 2 changed\n");
  check_said(WINDOW, 48, NULL,
             "window: state \"k\" stays whole: it has 48 rows, and a window would take no fewer");
  check_said(0, 0, NULL,
             "window: state \"v\" stays whole: not all that reads it is attention with a window");
  check_said(WINDOW, 0, "window", NULL);
}

// ---- saved states ----

static void save_all(world *w) {
  char name[32];
  oinf_sim *s = world_sim(w, NULL);
  int64_t at = 0;
  for (size_t i = 0; i < sizeof saved / sizeof *saved; i++) {
    for (; at < saved[i]; at++) {
      const int32_t id = id_at(at);
      const int64_t one = 1;
      SIM_OK(s, oinf_sim_set(s, "P", at));
      SIM_OK(s, oinf_sim_bind(s, "tokens", &id, OINF_I32, 1, &one));
      SIM_OK(s, oinf_sim_end(s));
    }
    snprintf(name, sizeof name, "rows-%d", (int)saved[i]);
    SIM_OK(s, oinf_sim_save(s, at, NULL, 0, world_path(name)));
  }
  oinf_sim_destroy(s);
}

static void drive(world *w, const oinf_emit_desc *d, const char *rows, const char *chunk) {
  const char *cc = getenv("CC");
  char here[300], model[300], weights[300], define[64];
  emit(w, d, world_path("win"));
  snprintf(here, sizeof here, "-I%s", world_path("win"));
  snprintf(model, sizeof model, "%s", world_path("win/model.c"));
  snprintf(weights, sizeof weights, "%s", world_path("win/weights.oinf"));
  snprintf(define, sizeof define, "-DWIN_WINDOW_ROWS=%s", rows);
  const char *program = world_path("window");
  const char *const build[] = {cc && *cc ? cc : "cc",
                               "-std=c11",
                               "-O0",
                               "-Wall",
                               "-Wextra",
                               "-Werror",
                               "-ffp-contract=off",
                               "-DOI_BASE_ONLY",
                               define,
                               here,
                               "-o",
                               program,
                               "tests/bundle/window.c",
                               model,
                               "-lm",
                               "-lpthread",
                               NULL};
  CHECK(bundle_command(build) == 0);
  const char *const run[] = {program, weights, oi_test_dir(), chunk, NULL};
  CHECK(bundle_command(run) == 0);
}

TEST(bundle_window, saved_states_go_either_way) {
  for (int kv = 0; kv < 2; kv++) {
    world w = world_new(NULL);
    world_windowed(&w, kv ? OINF_F16 : OINF_F32, WINDOW);
    world_package(&w, "saved.oinf");
    save_all(&w);
    if (kv) drive(&w, &(oinf_emit_desc){.name = "win", .chunk = 3}, "1", "3");
    if (!kv) drive(&w, &(oinf_emit_desc){.name = "win", .capacity = 130}, "1", "16");
    if (!kv) drive(&w, &(oinf_emit_desc){.name = "win", .without = "window"}, "0", "7");
    world_free(&w);
  }
}
