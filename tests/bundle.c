// Recording golden steps, and building and running what was emitted.
#include "tests/bundle.h"

#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

enum {
  MOST_PORTS = 1024
};

// ---- recording ----

static char *copied(bundle *b, const char *text) {
  char *copy = oi_arena_text(&b->arena, text, strlen(text));
  if (!copy) abort();
  return copy;
}

static void on_value(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  bundle *b = user;
  oi_golden_step *g = &b->step;
  (void)step;
  if (g->n_values == b->room) {
    oi_golden_value *more = oi_arena_alloc(&b->arena, (2 * b->room + 256) * sizeof *more);
    if (!more) abort();
    if (b->room) memcpy(more, g->values, b->room * sizeof *more);
    g->values = more, b->room = 2 * b->room + 256;
  }
  g->values[g->n_values++] =
      (oi_golden_value){.name = copied(b, a->name), .dtype = a->dtype, .hash = hash};
}

static void next_step(bundle *b) {
  b->step = (oi_golden_step){.graph = copied(b, oinf_graph_name(b->graph))};
  b->step.inputs = oi_arena_alloc(&b->arena, MOST_PORTS * sizeof *b->step.inputs);
  b->step.syms = oi_arena_alloc(&b->arena, MOST_PORTS * sizeof *b->step.syms);
  b->room = 0;
  if (!b->step.inputs || !b->step.syms) abort();
}

void bundle_begin(bundle *b, oinf_ctx *ctx, oinf_model *model, oinf_graph *graph) {
  *b = (bundle){.ctx = ctx, .model = model, .graph = graph};
  oi_arena_init(&b->arena, ctx);
  const oinf_sim_desc d = {.demand_all = true, .on_value = on_value, .user = b};
  CHECK_MSG(oinf_sim_create(model, graph, &d, &b->sim) == OINF_OK, "%s", oinf_error(ctx));
  next_step(b);
}

void bundle_symbol(bundle *b, const char *name, int64_t value) {
  b->step.syms[b->step.n_syms++] = (oi_golden_sym){.name = copied(b, name), .value = value};
  CHECK_MSG(oinf_sim_set(b->sim, name, value) == OINF_OK, "%s", oinf_sim_error(b->sim));
}

void bundle_input(bundle *b, const char *name, oinf_dtype dtype, uint32_t rank, const int64_t *dims,
                  const void *data) {
  oi_golden_bytes *in = &b->step.inputs[b->step.n_inputs++];
  uint64_t bytes = 0;
  CHECK(oi_tensor_bytes(dtype, rank, dims, &bytes));
  *in = (oi_golden_bytes){.name = copied(b, name), .dtype = dtype, .rank = rank, .bytes = bytes};
  if (rank) memcpy(in->dims, dims, rank * sizeof *dims);
  in->data = oi_arena_alloc(&b->arena, bytes + 1);
  if (!in->data) abort();
  if (bytes) memcpy(in->data, data, bytes);
  CHECK_MSG(oinf_sim_bind(b->sim, name, in->data, dtype, rank, in->dims) == OINF_OK, "%s",
            oinf_sim_error(b->sim));
}

void bundle_step(bundle *b) {
  CHECK_MSG(oinf_sim_end(b->sim) == OINF_OK, "%s", oinf_sim_error(b->sim));
  oi_golden_step *kept = oi_vec_push(b->ctx, &b->model->golden);
  if (!kept) abort();
  *kept = b->step;
  b->n_values += b->step.n_values;
  next_step(b);
}

void bundle_end(bundle *b) {
  oinf_sim_destroy(b->sim);
  oi_vec_free(b->ctx, &b->model->golden);
  oi_arena_free(&b->arena);
}

// ---- building and running ----

int bundle_command(const char *const *words) {
  int status = -1;
  const pid_t pid = fork();
  if (pid == 0) {
    execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
  }
  CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static pid_t start(const char *const *words) {
  const pid_t pid = fork();
  if (pid == 0) {
    execvp(words[0], (char *const *)(uintptr_t)words);
    _exit(127);
  }
  return pid;
}

static void write_driver(const char *path, const char *const *folders, const char *const *names,
                         const uint64_t *values, int n) {
  FILE *f = fopen(path, "w");
  CHECK(f);
  fputs("#include <stdio.h>\n", f);
  for (int i = 0; i < n; i++) fprintf(f, "#include \"%s/model.h\"\n", folders[i]);
  fputs(
      "static long long steps, seen;\nstatic void say(const char *line) {\n"
      "  puts(line), seen = -1;\n"
      "  sscanf(line, \"%lld golden steps: %lld\", &steps, &seen);\n}\n"
      "int main(void) {\n  int all = 0;\n",
      f);
  for (int i = 0; i < n; i++) {
    const char *name = names[i];
    fprintf(f, "  {\n    %s_file *f;\n    int code = %s_open(\"%s/weights.oinf\", &f);\n", name,
            name, folders[i]);
    fprintf(f, "    if (code) puts(%s_open_error(f));\n    else code = %s_check(f, say);\n", name,
            name);
    fprintf(f, "    if (!code && (%lld ? seen != %lld : seen < 1)) code = 2, puts(\"of %lld\");\n",
            (long long)values[i], (long long)values[i], (long long)values[i]);
    fprintf(f, "    if (code) printf(\"bundle %s ends with %%d\\n\", code), all = code;\n", name);
    fprintf(f, "    %s_close(f);\n  }\n", name);
  }
  fputs("  return all;\n}\n", f);
  CHECK(fclose(f) == 0);
}

// Words of a compiler's command line; `flags` are words with a space between.
typedef struct command {
  char room[1024];
  const char *word[128];
  int n;
} command;

static void add(command *c, const char *word) {
  CHECK(c->n + 1 < (int)(sizeof c->word / sizeof *c->word));
  c->word[c->n++] = word;
}

static void add_compiler(command *c, const char *flags) {
  static const char *const always[] = {"-std=c11",          "-Wall",   "-Wextra",
                                       "-Wpedantic",        "-Werror", "-ffp-contract=off",
                                       "-fno-trapping-math"};
  const char *cc = getenv("CC");
  char *rest = NULL;
  *c = (command){.n = 0};
  add(c, cc && *cc ? cc : "cc");
  for (size_t i = 0; i < sizeof always / sizeof *always; i++) add(c, always[i]);
  CHECK(strlen(flags) < sizeof c->room);
  memcpy(c->room, flags, strlen(flags) + 1);
  for (char *w = strtok_r(c->room, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) add(c, w);
}

// All at once: the machine's cores share them.
static void compile_all(char (*objects)[512], const char *const *sources, int n, const char *flags,
                        const char *what) {
  pid_t pids[64];
  CHECK(n <= 64);
  for (int i = 0; i < n; i++) {
    command c;
    add_compiler(&c, flags);
    add(&c, "-c"), add(&c, sources[i]), add(&c, "-o"), add(&c, objects[i]);
    pids[i] = start(c.word);
  }
  bool ok = true;
  for (int i = 0; i < n; i++) {
    int status = -1;
    ok = pids[i] > 0 && waitpid(pids[i], &status, 0) == pids[i] && status == 0 && ok;
  }
  CHECK_MSG(ok, "%s: a bundle does not build", what);
}

// The bundles and the driver as one program, which runs with `words` behind its name.
static void build_and_run(const char *const *folders, int n, const char *driver, const char *flags,
                          const char *word, const char *what) {
  enum {
    MOST = 60
  };
  char program[512], objects[MOST + 1][512], sources[MOST + 1][512];
  const char *from[MOST + 1], *given = getenv("BUNDLE_FLAGS"), *runner = getenv("BUNDLE_RUNNER");
  CHECK(n <= MOST);
  if (given && *given) flags = given;
  snprintf(program, sizeof program, "%s-program", folders[0]);
  for (int i = 0; i <= n; i++) {
    if (i < n) snprintf(sources[i], sizeof sources[i], "%s/model.c", folders[i]);
    else snprintf(sources[i], sizeof sources[i], "%s", driver);
    snprintf(objects[i], sizeof objects[i], "%s-%d.o", folders[0], i);
    from[i] = sources[i];
  }
  compile_all(objects, from, n + 1, flags, what);
  command c;
  add_compiler(&c, flags);
  for (int i = 0; i <= n; i++) add(&c, objects[i]);
  add(&c, "-o"), add(&c, program), add(&c, "-lm"), add(&c, "-lpthread");
  CHECK_MSG(bundle_command(c.word) == 0, "%s: the program does not link", what);
  // Each kind of processor that this one can stand for; a runner's is an AArch64.
  const bool runs = runner && *runner, plain = strstr(flags, "-DOI_BASE_ONLY") != NULL;
  const char *const limits[] = {"", "OINF_CPU=plain", runs ? "OINF_CPU=neon" : "OINF_CPU=avx2"};
  for (int i = 0; i < (plain ? 1 : 3); i++) {
    const char *words[6] = {"env", limits[i]};
    int n_words = 2;
    if (runs) words[n_words++] = runner;
    words[n_words++] = program, words[n_words++] = word;
    CHECK_MSG(bundle_command(i ? words : words + 2) == 0, "%s: a bundle differs%s%s", what,
              i ? ", " : "", i ? limits[i] : "");
  }
}

void bundle_run(const char *const *folders, const char *const *names, const uint64_t *values, int n,
                const char *flags, const char *what) {
  char driver[512];
  snprintf(driver, sizeof driver, "%s-driver.c", folders[0]);
  write_driver(driver, folders, names, values, n);
  build_and_run(folders, n, driver, flags, NULL, what);
}

void bundle_drive(const char *folder, const char *driver, const char *flags, const char *what) {
  char path[512], weights[512];
  snprintf(path, sizeof path, "%s-driver.c", folder);
  snprintf(weights, sizeof weights, "%s/weights.oinf", folder);
  FILE *f = fopen(path, "w");
  CHECK(f && fprintf(f, "#include \"%s/model.h\"\n%s", folder, driver) > 0 && fclose(f) == 0);
  build_and_run(&folder, 1, path, flags, weights, what);
}
