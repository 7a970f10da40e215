// Attention shared among threads: one query over many keys (a step of decoding), with keys and values
// of eight groups of heads or of one, and a chunk of a prompt. Each round times one thread and then
// all of them, by the wall clock; the ratio is how many times as fast they are. Usage: bench_sdpa
// [ROUNDS [THREADS]].
#include "tests/bench/bench.h"

#include <oinf/ops.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/op.h"
#include "lib/rt/cpu.h"
#include "lib/rt/threads.h"

enum { HEADS = 32, D = 64, MOST_T = 256, MOST_S = 4096, MOST_GROUPS = 8 };
static float q[MOST_T * HEADS * D], k[MOST_S * MOST_GROUPS * D], v[MOST_S * MOST_GROUPS * D],
    out[MOST_T * HEADS * D];

typedef struct shape {
  int64_t rows, keys, groups;
} shape;

// Seconds of one call, from several.
static double timed(const shape *s, oi_threads *threads, void *room) {
  enum { CALLS = 5 };
  const oinf_sdpa_args args = {.causal = true};
  const oi_view in[] = {{q, OINF_F32, 3, {s->rows, HEADS, D}},
                        {k, OINF_F32, 3, {s->keys, s->groups, D}},
                        {v, OINF_F32, 3, {s->keys, s->groups, D}}};
  const oi_view y = {out, OINF_F32, 3, {s->rows, HEADS, D}};
  const oi_call c = {.args = &args,
                     .dims = (const int64_t[]){s->keys - s->rows},
                     .in = in,
                     .n_in = 3,
                     .out = &y,
                     .n_out = 1,
                     .tiled = -1,
                     .room = room,
                     .threads = threads,
                     .cpu = (int)oi_cpu_level()};
  if (oi_op_info_of(OP_sdpa)->room(&c) > (uint64_t)4 << 20) bench_die("more threads than room");
  const double start = bench_wall();
  for (int i = 0; i < CALLS; i++) oi_op_info_of(OP_sdpa)->run(&c);
  return (bench_wall() - start) / CALLS;
}

static void measure(const shape *s, int rounds, oi_threads *threads, void *room) {
  bench_series alone = {0}, ratio = {0};
  char name[80];
  timed(s, threads, room);
  for (int i = 0; i < rounds; i++) {
    const double one = timed(s, NULL, room), all = timed(s, threads, room);
    bench_add(&alone, 1e6 * all);
    bench_add(&ratio, one / all);
  }
  snprintf(name, sizeof name, "sdpa %d x %d keys, 32 heads on %d, %d threads over 1", (int)s->rows,
           (int)s->keys, (int)s->groups, oi_threads_count(threads));
  bench_row(name, &alone, "us", &ratio);
}

int main(int argc, char **argv) {
  static const shape shapes[] = {
      {1, 128, 8}, {1, 1024, 8}, {1, 4096, 8}, {1, 4096, 1}, {256, 256, 8}, {256, 1024, 8}};
  const int rounds = bench_rounds(argc, argv, 1, 15);
  oi_threads *threads = oi_threads_start(argc > 2 ? (int)strtol(argv[2], NULL, 10) : 2);
  void *room = aligned_alloc(64, (size_t)4 << 20);
  if (!room || !threads) bench_die("out of memory");
  for (size_t i = 0; i < sizeof k / sizeof *k; i++)
    k[i] = (float)(i % 97) / 97 - 0.5f, v[i] = (float)(i % 89) / 89 - 0.5f;
  for (size_t i = 0; i < sizeof q / sizeof *q; i++) q[i] = (float)(i % 101) / 101 - 0.5f;
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
    measure(&shapes[i], rounds, threads, room);
  oi_threads_stop(threads);
  free(room);
  return 0;
}
