// What the benchmarks share: clocks, plain reads of memory as the denominator, and rows of the one
// table that run.sh prints.
//
// A machine is rarely ours alone, and a neighbour moves every figure: only ratios of two things
// measured in one round mean anything, so each series keeps its rounds, and a row gives the median
// of the value, and median, least and greatest of the ratio. Where one thread works, its CPU clock
// is used; the wall clock counts the neighbours' turns too and is kept for what many threads or
// the disk do.
#ifndef OINF_TESTS_BENCH_H
#define OINF_TESTS_BENCH_H
#include <stddef.h>
#include <stdint.h>

enum { BENCH_MOST = 64 };
typedef struct bench_series {
  double at[BENCH_MOST];
  int n;
} bench_series;

// Argument `at` as a count of rounds, `otherwise` where there is none; 1 to 64, or the program
// ends.
int bench_rounds(int argc, char **argv, int at, int otherwise);
double bench_cpu(void);   // seconds of this thread
double bench_wall(void);  // seconds
void bench_add(bench_series *s, double x);
double bench_median(const bench_series *s);
// Says "name, median of value and unit, median, min..max and rounds of ratio", tab separated.
void bench_row(const char *name, const bench_series *value, const char *unit,
               const bench_series *ratio);
// Says what is wrong on standard error and ends the program with 70.
_Noreturn void bench_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

// Distinct memory that holds normal numbers in every float type; lives until the end.
uint8_t *bench_memory(size_t size);
// Gigabytes a second of a plain read that walks `streams` parts side by side, a line of each in
// turn: on the CPU clock of one thread, and on the wall clock of `threads` that share the memory.
double bench_read(const uint8_t *at, size_t size, int streams);
double bench_read_threads(const uint8_t *at, size_t size, int streams, int threads);
// The best of 1, 4 and 8 streams.
double bench_read_best(const uint8_t *at, size_t size);
double bench_read_threads_best(const uint8_t *at, size_t size, int threads);
#endif
