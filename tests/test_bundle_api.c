// model.h as a user meets it: tests/bundle/ports.c is built as C and as C++ against two bundles at
// once. What goes in and comes out is known by hand.
#include "tests/bundle.h"
#include "tests/sim_world.h"

// Two inputs, three outputs, a symbol, and a name that is nothing but trouble.
static void ports(world *w) {
  oinf_graph *g = w->graph;
  const oinf_dim N = oinf_sym(g, "N", 1, 4);
  oinf_val x = oinf_input(g, "x", OINF_F32, N, 3), k = oinf_input(g, "k\"*/\n", OINF_I8, N);
  oinf_output(g, "sum", oinf_sum(x, .axes = OINF_DIMS(1)));
  oinf_output(g, "twice", oinf_add(x, x));
  oinf_output(g, "less", oinf_neg(k));
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

// A state that every step overwrites, and behind its write an index that may be out of range.
static void recurrent(world *w) {
  static const float table[3] = {10, 20, 30};
  oinf_graph *g = w->graph;
  const oinf_state hs = oinf_state_new(g, "h", OINF_F32, 1, 4);
  const int64_t rows = 3;
  CHECK_INT(oinf_model_add(w->model, "table", OINF_F32, 1, &rows, table), OINF_OK);
  oinf_val x = oinf_input(g, "x", OINF_F32, 1, 4), pick = oinf_input(g, "pick", OINF_I32, 1);
  oinf_val h = oinf_mul(oinf_state_read(hs, OINF_NO_LAYER, .rows = 1), oinf_num(g, 0.5));
  h = oinf_state_write(hs, OINF_NO_LAYER, oinf_add(h, x), .at = 0);
  oinf_output(g, "y", oinf_neg(h));
  oinf_output(g, "picked", oinf_gather(oinf_weight(g, "table"), pick));
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

static void emit(void (*make)(world *w), const char *name) {
  char package[64];
  world w = world_new(NULL);
  make(&w);
  snprintf(package, sizeof package, "%s.oinf", name);
  world_package(&w, package);
  oinf_emit_desc d = {.name = name};
  CHECK_MSG(oinf_emit_bundle(w.model, w.graph, &d, world_path(name), NULL) == OINF_OK, "%s",
            oinf_error(w.ctx));
  world_free(&w);
}

static const char *compile_model(const char *name) {
  const char *cc = getenv("CC");
  char source[64], object[64];
  snprintf(source, sizeof source, "%s/model.c", name);
  snprintf(object, sizeof object, "%s.o", name);
  const char *out = world_path(object);
  const char *const words[] = {cc && *cc ? cc : "cc",
                               "-std=c11",
                               "-O1",
                               "-Wall",
                               "-Wextra",
                               "-Wpedantic",
                               "-Werror",
                               "-ffp-contract=off",
                               "-c",
                               "-o",
                               out,
                               world_path(source),
                               NULL};
  CHECK(bundle_command(words) == 0);
  return out;
}

static void user(const char *compiler, const char *standard, const char *language) {
  const char *program = world_path("user");
  char here[300], ports_o[300], rnn_o[300];
  snprintf(here, sizeof here, "-I%s", oi_test_dir());
  snprintf(ports_o, sizeof ports_o, "%s", world_path("ports.o"));
  snprintf(rnn_o, sizeof rnn_o, "%s", world_path("rnn.o"));
  const char *const build[] = {compiler,     standard,    "-Wall",  "-Wextra",
                               "-Wpedantic", "-Werror",   here,     "-o",
                               program,      "-x",        language, "tests/bundle/ports.c",
                               "-x",         "none",      ports_o,  rnn_o,
                               "-lm",        "-lpthread", NULL};
  CHECK(bundle_command(build) == 0);
  const char *const use[] = {program, world_path("ports/weights.oinf"),
                             world_path("rnn/weights.oinf"), world_path("state"), NULL};
  CHECK(bundle_command(use) == 0);
}

TEST(bundle_api, two_bundles_in_a_program_of_c_and_of_cxx) {
  const char *cc = getenv("CC");
  emit(ports, "ports");
  emit(recurrent, "rnn");
  compile_model("ports");
  compile_model("rnn");
  user(cc && *cc ? cc : "cc", "-std=c11", "c");
  user(cc && strstr(cc, "clang") ? "clang++" : "g++", "-std=c++17", "c++");
}
