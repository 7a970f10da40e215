// The op matmul as the simulator calls it, with 1 and 2 threads, by the wall clock: what a call
// costs when it is tiny, how layouts that must be packed compare, and what a second thread gives.
// Usage: bench_matmul [ROUNDS].
#include "lib/op.h"
#include "lib/rt/cpu.h"
#include "lib/rt/threads.h"

#include <oinf/ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 4096 * 4096 };
static float a[1024 * 4096], b[MOST], out[1024 * 4096];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct problem {
  const char *name;
  int64_t m, n, k;
  oinf_dtype type;  // of b
  bool tb;
} problem;

static const problem problems[] = {
    {"tiny vector, f32", 1, 64, 64, OINF_F32, true},
    {"vector, f32", 1, 768, 768, OINF_F32, true},
    {"vector, f16", 1, 4096, 4096, OINF_F16, true},
    {"vector by [K, N], f32", 1, 4096, 1024, OINF_F32, false},
    {"chunk, f32", 256, 768, 768, OINF_F32, true},
    {"chunk, bf16", 256, 768, 2048, OINF_BF16, true},
    {"square, f32", 512, 512, 512, OINF_F32, true},
    {"square by [K, N], f32", 512, 512, 512, OINF_F32, false},
    {"scores by values, f32", 1024, 64, 1024, OINF_F32, false},
};

static double measure(const problem *p, oi_threads *threads, int rounds, void *room) {
  const oinf_matmul_args args = {.transpose_b = p->tb};
  const oi_view in[] = {{a, OINF_F32, 2, {p->m, p->k}},
                        {b, p->type, 2, {p->tb ? p->n : p->k, p->tb ? p->k : p->n}}};
  const oi_view y = {out, OINF_F32, 2, {p->m, p->n}};
  const oi_call c = {.args = &args,
                     .in = in,
                     .n_in = 2,
                     .out = &y,
                     .n_out = 1,
                     .tiled = -1,
                     .room = room,
                     .threads = threads,
                     .cpu = (int)oi_cpu_level()};
  const int calls = (int)(10000000 / (p->m * p->n * p->k)) + 1;
  double best = 1e9;
  for (int r = 0; r < rounds; r++) {
    double start = now();
    for (int i = 0; i < calls; i++) oi_op_info_of(OP_matmul)->run(&c);
    double took = (now() - start) / calls;
    if (took < best) best = took;
  }
  return best;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 7;
  void *room = aligned_alloc(64, 1 << 26);
  oi_threads *two = oi_threads_start(2);
  if (!room || !two) return 75;
  for (size_t i = 0; i < MOST; i++) b[i] = (float)(i % 97 + 1) / 97;
  for (size_t i = 0; i < sizeof a / sizeof *a; i++) a[i] = (float)(i % 89 + 1) / 89;
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    const problem *p = &problems[i];
    double one = measure(p, NULL, rounds, room), both = measure(p, two, rounds, room);
    double ops = 2.0 * (double)(p->m * p->n * p->k);
    printf("%-24s %4d x %4d x %4d: %9.1f us, %5.1f GOP/s; two threads %9.1f us, %.2f times\n",
           p->name, (int)p->m, (int)p->n, (int)p->k, one * 1e6, ops / one / 1e9, both * 1e6,
           one / both);
  }
  oi_threads_stop(two);
  free(room);
  return 0;
}
