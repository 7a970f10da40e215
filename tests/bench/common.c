// Clocks, series, plain reads: see bench.h.
#include "tests/bench/bench.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MOST_THREADS = 16 };
static const int stream_counts[] = {1, 4, 8};

static double clock_of(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
double bench_cpu(void) { return clock_of(CLOCK_THREAD_CPUTIME_ID); }
double bench_wall(void) { return clock_of(CLOCK_MONOTONIC); }

int bench_rounds(int argc, char **argv, int at, int otherwise) {
  long n = argc > at ? strtol(argv[at], NULL, 10) : otherwise;
  if (n < 1 || n > BENCH_MOST) bench_die("rounds: 1 to %d are wanted", BENCH_MOST);
  return (int)n;
}

void bench_add(bench_series *s, double x) {
  if (s->n < BENCH_MOST) s->at[s->n++] = x;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static bench_series sorted(const bench_series *s) {
  bench_series r = *s;
  qsort(r.at, (size_t)r.n, sizeof *r.at, ascending);
  return r;
}

double bench_median(const bench_series *s) {
  bench_series r = sorted(s);
  if (r.n == 0) return 0;
  return r.n % 2 ? r.at[r.n / 2] : (r.at[r.n / 2 - 1] + r.at[r.n / 2]) / 2;
}

void bench_row(const char *name, const bench_series *value, const char *unit,
               const bench_series *ratio) {
  bench_series r = sorted(ratio);
  printf("%s\t%.4g %s\t", name, bench_median(value), unit);
  if (r.n) printf("%.3f\t%.3f..%.3f\t%d\n", bench_median(&r), r.at[0], r.at[r.n - 1], r.n);
  else printf("-\t-\t%d\n", value->n);
  fflush(stdout);
}

void bench_die(const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("bench: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  exit(70);
}

// A bit pattern that is a normal number as f32, f16, bf16 and as a scale.
uint8_t *bench_memory(size_t size) {
  uint8_t *at = aligned_alloc(1 << 21, size);
  if (!at) bench_die("no memory of %zu bytes", size);
  uint64_t seed = 1;
  for (size_t i = 0; i + 8 <= size; i += 8) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    uint64_t words = ((seed ^ seed >> 29) & 0x87ff87ff87ff87ffu) | 0x3800380038003800u;
    memcpy(at + i, &words, 8);
  }
  return at;
}

static volatile uint64_t sink;
static void walk(const uint8_t *at, size_t size, int streams) {
  typedef uint64_t line __attribute__((vector_size(16)));
  size_t part = size / (size_t)streams;
  line sum = {0};
  for (size_t i = 0; i < part; i += 64)
    for (int s = 0; s < streams; s++) {
      const line *p = (const line *)(const void *)(at + (size_t)s * part + i);
      sum ^= p[0] ^ p[1] ^ p[2] ^ p[3];
    }
  sink = sum[0] ^ sum[1];
}

double bench_read(const uint8_t *at, size_t size, int streams) {
  double start = bench_cpu();
  walk(at, size, streams);
  return (double)size / (bench_cpu() - start) / 1e9;
}

typedef struct reader {
  pthread_t thread;
  const uint8_t *at;
  size_t size;
  int streams;
} reader;

static void *read_part(void *user) {
  const reader *r = user;
  walk(r->at, r->size, r->streams);
  return NULL;
}

double bench_read_threads(const uint8_t *at, size_t size, int streams, int threads) {
  reader all[MOST_THREADS];
  size_t part = size / (size_t)threads;
  double start = bench_wall();
  for (int i = 0; i < threads; i++) {
    all[i] = (reader){.at = at + (size_t)i * part, .size = part, .streams = streams};
    if (pthread_create(&all[i].thread, NULL, read_part, &all[i]) != 0) bench_die("no thread");
  }
  for (int i = 0; i < threads; i++) pthread_join(all[i].thread, NULL);
  return (double)size / (bench_wall() - start) / 1e9;
}

double bench_read_best(const uint8_t *at, size_t size) {
  double best = 0;
  for (size_t i = 0; i < sizeof stream_counts / sizeof *stream_counts; i++) {
    double speed = bench_read(at, size, stream_counts[i]);
    if (speed > best) best = speed;
  }
  return best;
}

double bench_read_threads_best(const uint8_t *at, size_t size, int threads) {
  double best = 0;
  for (size_t i = 0; i < sizeof stream_counts / sizeof *stream_counts; i++) {
    double speed = bench_read_threads(at, size, stream_counts[i], threads);
    if (speed > best) best = speed;
  }
  return best;
}
