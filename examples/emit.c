// A network becomes a program of C, from C: compiled, looked into, written.
//
// The network is a Hopfield memory: two pictures of 8 x 8 are stored as the sum of their outer
// products, and four turns of x = sign(x W) call back the one that a damaged picture is nearest to.
// The simulator recalls it first; then the same graph is compiled, what each kernel costs is
// printed from the plan, and a bundle is written: `example_emit FOLDER` leaves it there for
// `make -C FOLDER`, without a folder it is written to a temporary place and removed.
#define _POSIX_C_SOURCE 200809L  // mkdtemp
#include <oinf/emit.h>
#include <oinf/sim.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  SIDE = 8,
  PIXELS = SIDE * SIDE,
  PICTURES = 2,
  TURNS = 4
};

static const char *const pictures[PICTURES][SIDE] = {
    {"..####..", ".#....#.", "#.#..#.#", "#......#", "#.#..#.#", "#..##..#", ".#....#.",
     "..####.."},
    {"...##...", "..####..", ".##..##.", "########", "#..##..#", "#..##..#", "#.#..#.#",
     "########"}};

// ---- the network ----

static void read_picture(const char *const *lines, float *out) {
  for (int i = 0; i < PIXELS; i++) out[i] = lines[i / SIDE][i % SIDE] == '#' ? 1.0f : -1.0f;
}

static void remember(float memory[PIXELS][PIXELS]) {
  for (int k = 0; k < PICTURES; k++) {
    float p[PIXELS];
    read_picture(pictures[k], p);
    for (int i = 0; i < PIXELS; i++)
      for (int j = 0; j < PIXELS; j++) memory[i][j] += i == j ? 0.0f : p[i] * p[j];
  }
}

static void build(oinf_graph *g) {
  oinf_val x = oinf_input(g, "picture", OINF_F32, 1, PIXELS);
  oinf_for(turn, g, TURNS, &x) { x = oinf_sign(oinf_matmul(x, oinf_weight(g, "memory"))); }
  oinf_output(g, "recalled", x);
}

// ---- the simulator recalls ----

static void print_pictures(const float *a, const float *b) {
  for (int y = 0; y < SIDE; y++) {
    printf("    ");
    for (int x = 0; x < SIDE; x++) putchar(a[y * SIDE + x] > 0 ? '#' : '.');
    printf("   %s   ", y == SIDE / 2 ? "->" : "  ");
    for (int x = 0; x < SIDE; x++) putchar(b[y * SIDE + x] > 0 ? '#' : '.');
    putchar('\n');
  }
}

static bool recall(oinf_model *m, oinf_graph *g) {
  oinf_sim *s = NULL;
  float damaged[PIXELS], recalled[PIXELS], want[PIXELS];
  read_picture(pictures[0], want);
  memcpy(damaged, want, sizeof want);
  for (int i = 0; i < PIXELS; i += 5) damaged[i] = -damaged[i];
  bool ok = !oinf_sim_create(m, g, NULL, &s) &&
            !oinf_sim_bind(s, "picture", damaged, OINF_F32, 2, (int64_t[]){1, PIXELS}) &&
            !oinf_sim_fetch_copy(s, "recalled", recalled, sizeof recalled) && !oinf_sim_end(s);
  if (ok) print_pictures(damaged, recalled);
  oinf_sim_destroy(s);
  return ok && memcmp(recalled, want, sizeof want) == 0;
}

// ---- what was compiled ----

static bool print_plan(const oinf_emit *e) {
  oinf_emit_figures f;
  oinf_emit_inspect(e, &f);
  printf("\nAn instance allocates %" PRIu64 " bytes, a step uses %" PRIu64 " bytes of weights.\n",
         f.peak, f.step_bytes);
  printf("    %-24s %-14s %5s %8s %6s %8s %8s\n", "kernel", "ops", "times", "weights", "read",
         "written", "flops");
  for (uint32_t i = 0; i < f.kernels; i++) {
    oinf_emit_kernel k;
    if (oinf_emit_kernel_at(e, i, 0, &k)) return false;
    printf("    %-24s %-14s %5" PRIu64 " %8" PRIu64 " %6" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n",
           k.name, k.ops, k.times, k.cost.weights, k.cost.read, k.cost.written, k.cost.flops);
  }
  oinf_emit_cost step;
  if (oinf_emit_step_cost(e, 0, &step)) return false;
  printf("    %-24s %-14s %5s %8" PRIu64 " %6" PRIu64 " %8" PRIu64 " %8" PRIu64 "\n", "a step", "",
         "", step.weights, step.read, step.written, step.flops);
  return step.flops == TURNS * (2 * PIXELS * PIXELS + PIXELS);
}

static oinf_status print_size(void *user, const char *file, const char *text, size_t size) {
  int lines = 0;
  for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
  printf("    %-12s %7zu bytes, %5d lines\n", file, size, lines);
  *(size_t *)user += size;
  return OINF_OK;
}

// The code by itself, wherever a program wants it; then the whole bundle as a folder.
static bool emit(oinf_emit *e, const char *folder) {
  char weights[512];
  size_t device = 0, host = 0;
  snprintf(weights, sizeof weights, "%s-weights.oinf", folder);
  if (oinf_emit_weights(e, weights)) return false;
  printf("\nDevice code:\n");
  bool ok = !oinf_emit_device(e, print_size, &device);
  printf("Host code:\n");
  ok = ok && !oinf_emit_host(e, print_size, &host);
  unlink(weights);
  ok = ok && !oinf_emit_write(e, folder) && device > 0 && host > 0;
  return ok;
}

static void remove_bundle(const char *folder) {
  DIR *d = opendir(folder);
  for (struct dirent *f; d && (f = readdir(d)) != NULL;) {
    char path[512];
    snprintf(path, sizeof path, "%s/%.200s", folder, f->d_name);
    if (f->d_name[0] != '.') unlink(path);
  }
  if (d) closedir(d);
  rmdir(folder);
}

int main(int n, char **words) {
  static float memory[PIXELS][PIXELS];
  oinf_ctx *ctx = NULL;
  oinf_model *m = NULL;
  oinf_graph *g = NULL;
  oinf_emit *e = NULL;
  char place[] = "/tmp/oinf-emit-XXXXXX", folder[sizeof place + 8];
  const bool keeps = n > 1;
  if (!keeps && !mkdtemp(place)) return 1;
  snprintf(folder, sizeof folder, "%s/bundle", place);
  remember(memory);
  bool ok = !oinf_ctx_create(NULL, &ctx) && !oinf_model_create(ctx, &m) &&
            !oinf_model_add(m, "memory", OINF_F32, 2, (int64_t[]){PIXELS, PIXELS}, memory) &&
            !oinf_graph_create(ctx, m, "recall", &g);
  if (ok) build(g);
  ok = ok && recall(m, g) && !oinf_emit_compile(m, g, &(oinf_emit_desc){.name = "memory"}, &e) &&
       print_plan(e) && emit(e, keeps ? words[1] : folder);
  if (ok && keeps) printf("\nA bundle: make -C %s\n", words[1]);
  if (!ok) fprintf(stderr, "emit: %s\n", ctx ? oinf_error(ctx) : "no memory");
  if (!keeps) remove_bundle(folder), rmdir(place);
  oinf_emit_destroy(e);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return !ok;
}
