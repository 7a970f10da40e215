// Memory and reads of a simulation against what its plan says, at three budgets: none (weights are
// mapped), half of what that takes, and the smallest. Usage: bench_memory MODEL.oinf [ROUNDS].
//
// Each measurement is a process of its own: a prefill of 256, then single tokens. Memory is the
// high-water mark of resident pages above what stood before the simulation was made; the plan
// counts arenas, not the program and the package's metadata. Mapped weights are in no arena, yet
// resident once used, so the plan's figure without a budget is its arenas and all weights. Reads
// are rchar, all that the process asked of files, against the plan's figure for a single token.
#include <oinf/sim.h>

#include "tests/bench/bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PREFILL = 256, STEPS = 8, CONTEXT = 512 };

typedef struct figures {
  uint64_t plan_peak, plan_read;
  uint64_t before, peak, read;  // resident high-water marks, bytes read a step
} figures;

// The number behind "KEY:" in a file of /proc/self.
static uint64_t proc(const char *file, const char *key) {
  char line[256];
  uint64_t value = 0;
  FILE *f = fopen(file, "r");
  while (f && fgets(line, sizeof line, f))
    if (strncmp(line, key, strlen(key)) == 0) value = strtoull(line + strlen(key), NULL, 10);
  if (!f) bench_die("cannot read %s", file);
  fclose(f);
  return value;
}
static uint64_t resident(void) { return proc("/proc/self/status", "VmHWM:") * 1024; }

static void step(oinf_sim *s, int from, int n) {
  int32_t ids[PREFILL];
  oinf_array logits;
  for (int i = 0; i < n; i++) ids[i] = (int32_t)((7 * (from + i) + 3) % 32000);
  if (oinf_sim_set(s, "P", from) != OINF_OK ||
      oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, (int64_t[]){n}) != OINF_OK ||
      oinf_sim_fetch(s, "logits", &logits) != OINF_OK || oinf_sim_end(s) != OINF_OK)
    bench_die("%s", oinf_sim_error(s));
}

static figures run(const char *path, uint64_t budget) {
  figures f = {0};
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
  oinf_sim *s;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) exit(75);
  if (oinf_model_open(ctx, path, &m) != OINF_OK || oinf_graph_load(ctx, m, NULL, &g) != OINF_OK)
    bench_die("%s", oinf_error(ctx));
  f.before = resident();
  const oinf_sim_desc d = {.budget = budget, .threads = 2, .capacity = CONTEXT};
  if (oinf_sim_create(m, g, &d, &s) != OINF_OK) bench_die("%s", oinf_error(ctx));
  oinf_sim_plan any, decode;
  if (oinf_sim_figures(s, "", &any) != OINF_OK || oinf_sim_figures(s, "decode", &decode) != OINF_OK)
    bench_die("%s", oinf_sim_error(s));
  f.plan_peak = any.peak, f.plan_read = decode.read_per_step;
  for (uint32_t i = 0; budget == OINF_BUDGET_NONE && i < oinf_model_tensor_count(m); i++)
    f.plan_peak += oinf_model_tensor(m, i)->bytes;
  step(s, 0, PREFILL);
  step(s, PREFILL, 1);
  // What reading the counter itself reads is known by reading it twice.
  uint64_t a = proc("/proc/self/io", "rchar:"), b = proc("/proc/self/io", "rchar:");
  for (int i = 1; i <= STEPS; i++) step(s, PREFILL + i, 1);
  f.read = (proc("/proc/self/io", "rchar:") - b - (b - a)) / STEPS;
  f.peak = resident();
  oinf_sim_destroy(s);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return f;
}

static figures run_apart(const char *path, uint64_t budget) {
  figures f;
  int ends[2], status;
  if (pipe(ends) != 0) bench_die("no pipe");
  pid_t child = fork();
  if (child < 0) bench_die("no process");
  if (child == 0) {
    f = run(path, budget);
    _exit(write(ends[1], &f, sizeof f) == sizeof f ? 0 : 74);
  }
  close(ends[1]);
  if (read(ends[0], &f, sizeof f) != sizeof f || waitpid(child, &status, 0) != child || status)
    bench_die("a measurement failed");
  close(ends[0]);
  return f;
}

typedef struct result {
  bench_series peak, peak_plan, read, read_plan;
} result;

static void note(result *r, const figures *f) {
  bench_add(&r->peak, (double)f->peak / 1048576);
  bench_add(&r->peak_plan, (double)(f->peak - f->before) / (double)f->plan_peak);
  bench_add(&r->read, (double)f->read / 1048576);
  if (f->plan_read) bench_add(&r->read_plan, (double)f->read / (double)f->plan_read);
}

int main(int argc, char **argv) {
  if (argc < 2) bench_die("usage: bench_memory MODEL.oinf [ROUNDS]");
  const int rounds = bench_rounds(argc, argv, 2, 3);
  static const char *const names[] = {"none", "half", "min"};
  static result results[3];
  for (int r = 0; r < rounds; r++) {
    const figures none = run_apart(argv[1], OINF_BUDGET_NONE),
                  half = run_apart(argv[1], none.plan_peak / 2),
                  min = run_apart(argv[1], OINF_BUDGET_MIN);
    note(&results[0], &none), note(&results[1], &half), note(&results[2], &min);
  }
  for (int i = 0; i < 3; i++) {
    char name[80];
    snprintf(name, sizeof name, "memory, budget %s: resident peak, over the plan's", names[i]);
    bench_row(name, &results[i].peak, "MiB", &results[i].peak_plan);
    snprintf(name, sizeof name, "memory, budget %s: read a step, over the plan's", names[i]);
    bench_row(name, &results[i].read, "MiB", &results[i].read_plan);
  }
  return 0;
}
