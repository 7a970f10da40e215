// Attention of one query over many keys, and of a chunk of a prompt, one thread: the time of a
// call, and for decoding the speed at which keys and values pass. Usage: bench_sdpa [ROUNDS].
#include "lib/op.h"
#include "lib/rt/cpu.h"

#include <oinf/ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { HEADS = 32, GROUPS = 8, D = 64, MOST_T = 256, MOST_S = 4096 };
static float q[MOST_T * HEADS * D], k[MOST_S * GROUPS * D], v[MOST_S * GROUPS * D],
    out[MOST_T * HEADS * D];

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double measure(int64_t rows, int64_t keys, int rounds, void *room) {
  const oinf_sdpa_args args = {.causal = true};
  const oi_view in[] = {{q, OINF_F32, 3, {rows, HEADS, D}},
                        {k, OINF_F32, 3, {keys, GROUPS, D}},
                        {v, OINF_F32, 3, {keys, GROUPS, D}}};
  const oi_view y = {out, OINF_F32, 3, {rows, HEADS, D}};
  const oi_call c = {.args = &args,
                     .dims = (const int64_t[]){keys - rows},
                     .in = in,
                     .n_in = 3,
                     .out = &y,
                     .n_out = 1,
                     .tiled = -1,
                     .room = room,
                     .cpu = (int)oi_cpu_level()};
  double best = 1e9;
  for (int i = 0; i < rounds; i++) {
    double start = now();
    oi_op_info_of(OP_sdpa)->run(&c);
    double took = now() - start;
    if (took < best) best = took;
  }
  return best;
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 10;
  void *room = aligned_alloc(64, 1 << 20);
  if (!room) return 75;
  for (size_t i = 0; i < sizeof k / sizeof *k; i++)
    k[i] = (float)(i % 97) / 97 - 0.5f, v[i] = (float)(i % 89) / 89 - 0.5f;
  for (size_t i = 0; i < sizeof q / sizeof *q; i++) q[i] = (float)(i % 101) / 101 - 0.5f;
  static const int64_t cases[][2] = {{1, 128}, {1, 1024}, {1, 4096}, {256, 256}, {256, 1024}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double took = measure(cases[i][0], cases[i][1], rounds, room);
    double bytes = 2.0 * (double)cases[i][1] * GROUPS * D * 4;
    double ops =
        4.0 * (double)cases[i][0] * ((double)cases[i][1] - (double)cases[i][0] / 2) * HEADS * D;
    printf(
        "sdpa %3d queries over %4d keys, 32 heads on 8 of 64: %8.1f us, %5.1f GB/s of keys and "
        "values, %5.1f GOP/s\n",
        (int)cases[i][0], (int)cases[i][1], took * 1e6, bytes / took / 1e9, ops / took / 1e9);
  }
  free(room);
  return 0;
}
