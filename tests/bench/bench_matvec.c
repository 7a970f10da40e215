// Matrix times vector and matrix times matrix, one thread, as shares of what the machine can do in
// the same round.
//
// Matvec: 4096 x 4096 matrices one behind the other through 1 GiB of distinct weights, so that no
// cache helps; the denominator is the best of plain reads with 1, 4 and 8 streams measured in the
// same round, because a neighbour on the machine moves every figure and only ratios of one round
// mean anything. The thread's CPU clock is used. Usage: bench_matvec [ROUNDS [MiB]].
#include "lib/op/dot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SIZE = 4096, MOST_ROUNDS = 64, KINDS = 5, READS = 3, PREFILL = 256 };
static const oinf_dtype types[KINDS] = {OINF_F32, OINF_F16, OINF_BF16, OINF_Q8_0, OINF_Q4_0};
static const char *const names[KINDS] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
static const int streams[READS] = {1, 4, 8};

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int64_t row_bytes(oinf_dtype type) {
  switch (type) {
    case OINF_F32: return SIZE * 4;
    case OINF_Q8_0: return SIZE / 32 * 34;
    case OINF_Q4_0: return SIZE / 32 * 18;
    default: return SIZE * 2;
  }
}

// A bit pattern that is a normal number as f32, f16, bf16 and as a scale.
static void fill(uint8_t *at, size_t size) {
  uint64_t seed = 1;
  for (size_t i = 0; i + 8 <= size; i += 8) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t words = ((seed ^ seed >> 29) & 0x87ff87ff87ff87ffu) | 0x3800380038003800u;
    memcpy(at + i, &words, 8);
  }
}

static volatile uint64_t sink;
// Gigabytes a second of a plain read that walks `count` parts side by side, a line of each in turn.
static double read_speed(const uint8_t *at, size_t size, int count) {
  typedef uint64_t line __attribute__((vector_size(16)));
  size_t part = size / (size_t)count;
  line sum = {0};
  double start = now();
  for (size_t i = 0; i < part; i += 64)
    for (int s = 0; s < count; s++) {
      const line *p = (const line *)(const void *)(at + (size_t)s * part + i);
      sum ^= p[0] ^ p[1] ^ p[2] ^ p[3];
    }
  double took = now() - start;
  sink = sum[0] ^ sum[1];
  return (double)size / took / 1e9;
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
  double start = now();
  for (size_t i = 0; i < n; i++) {
    // Threads share a matrix in pieces; one thread takes them in the same way.
    int64_t piece = (1 << 20) / row_bytes(type);
    for (int64_t row = 0; row < SIZE; row += piece) {
      oi_dot p = d;
      p.w = at + i * matrix + (size_t)(row * d.w_pitch);
      p.n = SIZE - row < piece ? SIZE - row : piece;
      p.out = d.out + row;
      oi_dot_of(dots, type)(&p);
    }
  }
  return (double)(n * matrix) / (now() - start) / 1e9;
}

static double matmul_speed(const oi_dots *dots, input *in, oinf_dtype type, const uint8_t *at) {
  enum { SOME = 512 };
  oi_dot d = problem(in, type, PREFILL);
  d.w = at, d.n = SOME;
  double start = now();
  oi_dot_of(dots, type)(&d);
  return 2.0 * PREFILL * SOME * SIZE / (now() - start) / 1e9;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
static double median(double *v, int n) {
  return qsort(v, (size_t)n, sizeof *v, ascending), v[n / 2];
}

int main(int argc, char **argv) {
  int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 7;
  size_t size = (size_t)(argc > 2 ? strtol(argv[2], NULL, 10) : 1024) << 20;
  if (rounds < 1 || rounds > MOST_ROUNDS) rounds = 7;
  uint8_t *weights = aligned_alloc(1 << 21, size);
  input *in = aligned_alloc(64, (sizeof *in + 63) / 64 * 64);
  if (!weights || !in) return 75;
  fill(weights, size);
  memset(in, 0, sizeof *in);
  for (int i = 0; i < PREFILL * SIZE; i++) in->x[i / SIZE][i % SIZE] = (float)(i % 201 - 100) / 64;
  memset(in->quads, 1, sizeof in->quads);
  for (int i = 0; i < PREFILL * (SIZE / OI_QUAD); i++)
    for (int b = 0; b < 4; b++) in->quads[i / (SIZE / OI_QUAD)][i % (SIZE / OI_QUAD)].d[b] = 0.01f;
  const oi_dots *dots = oi_dots_of(OI_CPU_UNKNOWN);
  static double speed[KINDS][MOST_ROUNDS], share[KINDS][MOST_ROUNDS], gops[KINDS][MOST_ROUNDS],
      reads[READS][MOST_ROUNDS];
  for (int r = 0; r < rounds; r++) {
    double best = 0;
    for (int i = 0; i < READS; i++) {
      reads[i][r] = read_speed(weights, size, streams[i]);
      if (reads[i][r] > best) best = reads[i][r];
    }
    for (int k = 0; k < KINDS; k++) {
      speed[k][r] = matvec_speed(dots, in, types[k], weights, size);
      share[k][r] = speed[k][r] / best;
      gops[k][r] = matmul_speed(dots, in, types[k], weights);
    }
  }
  printf("variant %s, %d rounds, %zu MiB; read", oi_cpu_name(oi_cpu_level()), rounds, size >> 20);
  for (int i = 0; i < READS; i++) printf(" %.1f", median(reads[i], rounds));
  printf(" GB/s with 1, 4, 8 streams\n");
  for (int k = 0; k < KINDS; k++)
    printf("%-5s matvec %5.1f GB/s, share of the best read %.2f; 256 rows %6.1f GOP/s\n", names[k],
           median(speed[k], rounds), median(share[k], rounds), median(gops[k], rounds));
  free(in);
  free(weights);
  return 0;
}
