// Conversion against a copy of the same bytes: `oinf-convert FOLDER --no-golden` and `cp` of its
// weights, in turn. Usage: bench_convert OINF-CONVERT FOLDER WORK-FOLDER [ROUNDS].
//
// A conversion hashes what it writes, reads it back, and returns once it is on the disk; so a copy
// that is on the disk (cp, then fsync) is the second thing it is held against. Wall clock; CPU
// time, which a neighbour disturbs less, is a row of its own.
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
typedef struct cost {
  double wall, cpu;
} cost;

static double seconds(struct timeval t) { return (double)t.tv_sec + 1e-6 * (double)t.tv_usec; }

static cost run(char *const argv[]) {
  pid_t child;
  int status;
  struct rusage use;
  double start = bench_wall();
  if (posix_spawnp(&child, argv[0], NULL, NULL, argv, environ) != 0)
    bench_die("cannot run %s", argv[0]);
  if (wait4(child, &status, 0, &use) != child || status != 0) bench_die("%s failed", argv[0]);
  return (cost){bench_wall() - start, seconds(use.ru_utime) + seconds(use.ru_stime)};
}

static double sync_file(const char *path) {
  double start = bench_wall();
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0 || fsync(fd) != 0) bench_die("cannot sync %s", path);
  close(fd);
  return bench_wall() - start;
}

typedef struct result {
  bench_series speed, over_copy, over_synced, cpu;
} result;

static void note(result *r, cost c, cost copy, double sync, double bytes) {
  bench_add(&r->speed, bytes / 1e6 / c.wall);
  bench_add(&r->over_copy, copy.wall / c.wall);
  bench_add(&r->over_synced, (copy.wall + sync) / c.wall);
  bench_add(&r->cpu, copy.cpu / c.cpu);
}

static void say(const char *what, const result *r) {
  char name[80];
  snprintf(name, sizeof name, "convert %s, share of cp", what);
  bench_row(name, &r->speed, "MB/s", &r->over_copy);
  snprintf(name, sizeof name, "convert %s, share of cp + fsync", what);
  bench_row(name, &r->speed, "MB/s", &r->over_synced);
  snprintf(name, sizeof name, "convert %s, CPU time, share of cp", what);
  bench_row(name, &r->speed, "MB/s", &r->cpu);
}

int main(int argc, char **argv) {
  if (argc < 4) bench_die("usage: bench_convert OINF-CONVERT FOLDER WORK-FOLDER [ROUNDS]");
  const int rounds = bench_rounds(argc, argv, 4, 5);
  char from[4096], copy[4096], package[4096];
  struct stat info;
  snprintf(from, sizeof from, "%s/model.safetensors", argv[2]);
  snprintf(copy, sizeof copy, "%s/copy.safetensors", argv[3]);
  snprintf(package, sizeof package, "%s/out.oinf", argv[3]);
  if (stat(from, &info) != 0) bench_die("no %s", from);
  const double bytes = (double)info.st_size;
  static result plain, quantized;
  for (int i = -1; i < rounds; i++) {
    const cost c = run((char *[]){"cp", from, copy, NULL});
    const double synced = sync_file(copy);
    unlink(copy);
    const cost p = run((char *[]){argv[1], argv[2], "-q", "--no-golden", "-o", package, NULL});
    unlink(package);
    const cost q = run((char *[]){argv[1], argv[2], "-q", "--no-golden", "--quant", "q8_0", "-o",
                                  package, NULL});
    unlink(package);
    if (i < 0) continue;  // the first warms the page cache
    note(&plain, p, c, synced, bytes), note(&quantized, q, c, synced, bytes);
  }
  say("bf16", &plain);
  say("bf16 to q8_0", &quantized);
  return 0;
}
