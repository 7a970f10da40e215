// Matrix times vector and matrix times matrix, one thread, as shares of what the machine can do in
// the same round.
//
// Matvec: 4096 x 4096 matrices one behind the other through 1 GiB of distinct weights, so that no
// cache helps; the denominator is the best of plain reads with 1, 4 and 8 streams measured in the
// same round, because a neighbour on the machine moves every figure and only ratios of one round
// mean anything. Quantized weights are taken row by row, as the simulator has them, and in groups,
// as a bundle does, without and with fetching ahead. The thread's CPU clock is used.
// Usage: bench_matvec [ROUNDS [MiB]].
#include "lib/op.h"
#include "lib/rt/dot.h"
#include "tests/bench/bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 4096, KINDS = 5, PREFILL = 256, GROUPED = 4, AHEAD = 2048 };
static const oinf_dtype types[KINDS] = {OINF_F32, OINF_F16, OINF_BF16, OINF_Q8_0, OINF_Q4_0};
static const char *const names[KINDS] = {"f32", "f16", "bf16", "q8_0", "q4_0"};

static int64_t row_bytes(oinf_dtype type) {
  switch (type) {
    case OINF_F32: return SIZE * 4;
    case OINF_Q8_0: return SIZE / 32 * 34;
    case OINF_Q4_0: return SIZE / 32 * 18;
    default: return SIZE * 2;
  }
}

typedef struct input {
  float x[PREFILL][SIZE + 16];
  oi_quad quads[PREFILL][SIZE / OI_QUAD];
  float out[PREFILL][SIZE];
} input;

static oi_dot problem(input *in, oinf_dtype type, int64_t m) {
  bool quantized = type == OINF_Q8_0 || type == OINF_Q4_0;
  return (oi_dot){.out = in->out[0],
                  .out_pitch = SIZE,
                  .x = quantized ? (void *)in->quads : (void *)in->x,
                  .x_pitch = quantized ? sizeof in->quads[0] : sizeof in->x[0],
                  .w_pitch = row_bytes(type),
                  .m = m,
                  .n = SIZE,
                  .k = SIZE};
}

static double matvec_speed(const oi_dots *dots, input *in, oinf_dtype type, const uint8_t *at,
                           size_t size) {
  oi_dot d = problem(in, type, 1);
  size_t matrix = (size_t)(row_bytes(type) * SIZE), n = size / matrix;
  double start = bench_cpu();
  for (size_t i = 0; i < n; i++) {
    // Threads share a matrix in pieces; one thread takes them in the same way.
    int64_t piece = (1 << 20) / row_bytes(type);
    for (int64_t row = 0; row < SIZE; row += piece) {
      oi_dot p = d;
      p.w = at + i * matrix + (size_t)(row * d.w_pitch);
      p.n = SIZE - row < piece ? SIZE - row : piece;
      p.out = d.out + row;
      oi_dot_of(dots, oi_dtype_dot(type))(&p);
    }
  }
  return (double)(n * matrix) / (bench_cpu() - start) / 1e9;
}

// Two dtypes, each without and with fetching ahead.
static double groups_speed(const oi_dots *dots, input *in, int kind, const uint8_t *at,
                           size_t size) {
  const oi_dot_type type = kind < 2 ? OI_DOT_Q8_0 : OI_DOT_Q4_0;
  const int64_t group = oi_group_bytes(SIZE, type);
  const size_t matrix = (size_t)(SIZE / OI_GROUP * group), n = size / matrix;
  oi_dot d = {.out = in->out[0], .x = in->quads, .w_pitch = group, .m = 1, .n = SIZE, .k = SIZE};
  d.ahead = kind % 2 ? AHEAD : 0;
  const double start = bench_cpu();
  for (size_t i = 0; i < n; i++) d.w = at + i * matrix, oi_groups_run(dots, &d, type);
  return (double)(n * matrix) / (bench_cpu() - start) / 1e9;
}

static double matmul_speed(const oi_dots *dots, input *in, oinf_dtype type, const uint8_t *at) {
  enum { SOME = 512 };
  oi_dot d = problem(in, type, PREFILL);
  d.w = at, d.n = SOME;
  double start = bench_cpu();
  oi_dot_of(dots, oi_dtype_dot(type))(&d);
  return 2.0 * PREFILL * SOME * SIZE / (bench_cpu() - start) / 1e9;
}

static void fill(input *in) {
  memset(in, 0, sizeof *in);
  for (int i = 0; i < PREFILL * SIZE; i++) in->x[i / SIZE][i % SIZE] = (float)(i % 201 - 100) / 64;
  memset(in->quads, 1, sizeof in->quads);
  for (int i = 0; i < PREFILL * (SIZE / OI_QUAD); i++)
    for (int b = 0; b < 4; b++) in->quads[i / (SIZE / OI_QUAD)][i % (SIZE / OI_QUAD)].d[b] = 0.01f;
}

int main(int argc, char **argv) {
  const int rounds = bench_rounds(argc, argv, 1, 7);
  size_t size = (size_t)(argc > 2 ? strtol(argv[2], NULL, 10) : 1024) << 20;
  const uint8_t *weights = bench_memory(size);
  input *in = aligned_alloc(64, (sizeof *in + 63) / 64 * 64);
  if (!in) return 75;
  fill(in);
  const char *level = oi_cpu_name(oi_cpu_level());
  const oi_dots *dots = oi_dots_of(OI_CPU_UNKNOWN);
  static bench_series speed[KINDS], share[KINDS], gops[KINDS], gain[KINDS];
  static bench_series walk[GROUPED], of_read[GROUPED];
  for (int r = 0; r < rounds; r++) {
    const double best = bench_read_best(weights, size);
    for (int k = 0; k < KINDS; k++) {
      const double v = matvec_speed(dots, in, types[k], weights, size),
                   m = matmul_speed(dots, in, types[k], weights);
      bench_add(&speed[k], v), bench_add(&share[k], v / best);
      // A matvec's operations a second: two for each weight.
      bench_add(&gops[k], m), bench_add(&gain[k], m / (2 * v * SIZE / (double)row_bytes(types[k])));
    }
    for (int k = 0; k < GROUPED; k++) {
      const double v = groups_speed(dots, in, k, weights, size);
      bench_add(&walk[k], v), bench_add(&of_read[k], v / best);
    }
  }
  for (int k = 0; k < KINDS; k++) {
    char name[80];
    snprintf(name, sizeof name, "matvec %s (%s), share of read", names[k], level);
    bench_row(name, &speed[k], "GB/s", &share[k]);
    snprintf(name, sizeof name, "matmul %s, 256 rows, over matvec", names[k]);
    bench_row(name, &gops[k], "GOP/s", &gain[k]);
  }
  for (int k = 0; k < GROUPED; k++) {
    char name[80];
    snprintf(name, sizeof name, "matvec %s in groups%s (%s), share of read", names[3 + k / 2],
             k % 2 ? ", fetched ahead" : "", level);
    bench_row(name, &walk[k], "GB/s", &of_read[k]);
  }
  free(in);
  return 0;
}
