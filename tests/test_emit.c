// The emitter against the simulator, over random graphs: what the simulator computes in a few steps
// becomes golden steps of the package, and the bundle's own check replays them, value by value. What
// has no template yet must be refused by name, and must leave nothing.
#include <oinf/emit.h>
#include <oinf/sim.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/model.h"
#include "tests/random_graph.h"
#include "tests/test.h"

typedef struct recorded {
  oinf_ctx *ctx;
  oi_arena arena;
  oi_golden_step *step;  // of the step at hand
  size_t room;
} recorded;

static void on_value(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  recorded *r = user;
  oi_golden_step *g = r->step;
  (void)step;
  if (g->n_values == r->room) return;
  g->values[g->n_values] = (oi_golden_value){
      .name = oi_arena_text(&r->arena, a->name, strlen(a->name)), .dtype = a->dtype, .hash = hash};
  g->n_values++;
}

static oi_golden_sym *symbol(recorded *r, const char *name, int64_t value) {
  oi_golden_step *g = r->step;
  g->syms[g->n_syms] =
      (oi_golden_sym){.name = oi_arena_text(&r->arena, name, strlen(name)), .value = value};
  return &g->syms[g->n_syms++];
}

static void input(recorded *r, const random_input *in) {
  oi_golden_bytes *b = &r->step->inputs[r->step->n_inputs++];
  uint64_t bytes = 0;
  CHECK(oi_tensor_bytes(in->dtype, in->rank, in->dims, &bytes));
  *b = (oi_golden_bytes){.name = oi_arena_text(&r->arena, in->name, strlen(in->name)),
                         .dtype = in->dtype,
                         .rank = in->rank,
                         .bytes = bytes};
  memcpy(b->dims, in->dims, sizeof in->dims);
  b->data = oi_arena_alloc(&r->arena, bytes + 1);
  memcpy(b->data, in->data, bytes);
}

static void record_step(recorded *r, random_graph *g, oinf_sim *s, uint32_t step) {
  enum { VALUES = 4096 };
  oi_golden_step *to = oi_vec_push(r->ctx, &g->model->golden);
  const char *name = oinf_graph_name(g->graph);
  r->step = to, r->room = VALUES;
  *to = (oi_golden_step){.graph = oi_arena_text(&r->arena, name, strlen(name))};
  to->values = oi_arena_alloc(&r->arena, VALUES * sizeof *to->values);
  to->inputs = oi_arena_alloc(&r->arena, RANDOM_INPUTS * sizeof *to->inputs);
  to->syms = oi_arena_alloc(&r->arena, 2 * sizeof *to->syms);
  random_graph_step(g, step);
  symbol(r, "P", g->position);
  symbol(r, "T", g->rows);
  CHECK_INT(oinf_sim_set(s, "P", g->position), OINF_OK);
  CHECK_INT(oinf_sim_set(s, "T", g->rows), OINF_OK);
  for (int i = 0; i < RANDOM_INPUTS && g->input[i].name; i++) {
    const random_input *in = &g->input[i];
    input(r, in);
    CHECK_INT(oinf_sim_bind(s, in->name, in->data, in->dtype, in->rank, in->dims), OINF_OK);
  }
  CHECK_MSG(oinf_sim_end(s) == OINF_OK, "seed %llu: %s", (unsigned long long)g->seed,
            oinf_sim_error(s));
}

static void record(recorded *r, random_graph *g) {
  oinf_sim *s;
  oinf_sim_desc d = {.demand_all = true, .on_value = on_value, .user = r};
  CHECK_INT(oinf_sim_create(g->model, g->graph, &d, &s), OINF_OK);
  for (uint32_t step = 0; step < RANDOM_STEPS; step++) record_step(r, g, s, step);
  oinf_sim_destroy(s);
}

static int run(const char *const *words) {
  int status = -1;
  const pid_t pid = fork();
  if (pid == 0) {
    execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
  }
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static void write_driver(const char *path) {
  FILE *f = fopen(path, "w");
  CHECK(f);
  fputs("#include \"model.h\"\n#include <stdio.h>\n"
        "static void say(const char *line) { puts(line); }\n"
        "int main(int n, char **words) {\n  model_file *f;\n  (void)n;\n"
        "  int code = model_open(words[1], &f);\n"
        "  if (!code) code = model_check(f, say);\n"
        "  if (code) puts(model_open_error(f));\n  model_close(f);\n  return code;\n}\n",
        f);
  CHECK(fclose(f) == 0);
}

// Builds the bundle and lets it check itself.
static void check_bundle(const char *folder, uint64_t seed) {
  const char *cc = getenv("CC");
  char driver[600], source[600], include[600], program[600], weights[600];
  snprintf(driver, sizeof driver, "%s-driver.c", folder);
  snprintf(source, sizeof source, "%s/model.c", folder);
  snprintf(include, sizeof include, "-I%s", folder);
  snprintf(program, sizeof program, "%s-program", folder);
  snprintf(weights, sizeof weights, "%s/weights.oinf", folder);
  write_driver(driver);
  const char *const build[] = {cc && *cc ? cc : "cc", "-std=c11", "-O0", "-Wall", "-Wextra",
                               "-Wpedantic", "-Werror", "-ffp-contract=off", include, "-o",
                               program, driver, source, "-lm", NULL};
  CHECK_MSG(run(build) == 0, "seed %llu: the bundle does not build", (unsigned long long)seed);
  const char *const check[] = {program, weights, NULL};
  CHECK_MSG(run(check) == 0, "seed %llu: the bundle differs", (unsigned long long)seed);
}

// True where it was emitted, and equal; false where an op has no template.
static bool emit_one(uint64_t seed) {
  oinf_ctx *ctx;
  random_graph g;
  char folder[500];
  struct stat st;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  random_graph_make(ctx, seed, &g);
  recorded r = {.ctx = ctx};
  oi_arena_init(&r.arena, ctx);
  snprintf(folder, sizeof folder, "%s/b%llu", oi_test_dir(), (unsigned long long)seed);
  record(&r, &g);
  oinf_emit_desc d = {.budget = seed % 2 ? OINF_EMIT_MAPPED : OINF_EMIT_SMALLEST};
  const oinf_status status = oinf_emit_bundle(g.model, g.graph, &d, folder, NULL);
  CHECK_MSG(status == OINF_OK || status == OINF_SUPPORT, "seed %llu: %s", (unsigned long long)seed,
            oinf_error(ctx));
  if (status == OINF_OK) check_bundle(folder, seed);
  else {
    CHECK(stat(folder, &st) != 0);
    CHECK(strstr(oinf_error(ctx), "no template"));
    if (getenv("EMIT_SAY")) printf("%llu: %s\n", (unsigned long long)seed, oinf_error(ctx));
  }
  oi_vec_free(ctx, &g.model->golden);
  oi_arena_free(&r.arena);
  random_graph_free(&g);
  oinf_ctx_destroy(ctx);
  return status == OINF_OK;
}

TEST(emit, random_graphs_equal_the_simulator) {
  const uint64_t most = oi_test_soak() ? 2000 : 120, wanted = oi_test_soak() ? 200 : 8;
  uint64_t emitted = 0, seed = 1;
  for (; seed <= most && emitted < wanted; seed++) emitted += emit_one(seed);
  printf("emit: %llu of %llu random graphs emitted, the others refused by name\n",
         (unsigned long long)emitted, (unsigned long long)(seed - 1));
}
