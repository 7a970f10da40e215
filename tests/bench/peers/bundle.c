// The contender of tests/bench/peers that is a bundle: compiled beside the bundle's model.c, with
// its folder in the include path. The protocol is that of peer.py; with one thread the process's
// CPU clock is used, with more the wall clock. Ids are those that peer.py feeds to llama.cpp.
//
//   bundle WEIGHTS decode THREADS COUNT | prefill THREADS COUNT | first THREADS
//   bundle WEIGHTS step COUNT            COUNT operations a step: millions of them a second
//   bundle WEIGHTS cold THREADS          a token with the weights out of the system's cache
#define _GNU_SOURCE 1
#include "model.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
  BEFORE = 16,
  MOST_IDS = 1 << 14
};

static double clock_of(clockid_t id) {
  struct timespec t;
  clock_gettime(id, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static _Noreturn void die(const char *why) {
  printf("absent %s\n", why);
  exit(70);
}

#ifdef MODEL_VOCAB
static float logits[MODEL_VOCAB];
static void feed(model_run *run, int count) {
  static int32_t ids[MOST_IDS];
  const int64_t at = model_position(run);
  for (int i = 0; i < count; i++) ids[i] = (int32_t)((7 * (at + i) + 3) % 32000);
  if (count > MOST_IDS || model_prefill(run, ids, count, logits)) die(model_error(run));
}
// Seconds of one round.
static double generate(model_run *run, const char *task, clockid_t clock, int count) {
  const int decode = strcmp(task, "decode") == 0;
  model_reset(run);
  if (decode) feed(run, BEFORE);
  const double start = clock_of(clock);
  if (decode)
    for (int i = 0; i < count; i++) feed(run, 1);
  else feed(run, count);
  return clock_of(clock) - start;
}
#else
static double generate(model_run *run, const char *task, clockid_t clock, int count) {
  (void)run, (void)task, (void)clock, (void)count;
  die("this bundle generates nothing");
}
#endif

static double one_step(model_run *run, clockid_t clock) {
  static float x[1 << 22];  // as much as an input takes
  const void *inputs[MODEL_INPUTS + 1];
  const int64_t symbols[MODEL_SYMBOLS + 1] = {0};
  for (int i = 0; i < MODEL_INPUTS; i++) inputs[i] = x;
  const double start = clock_of(clock);
  if (model_step_arrays(run, symbols, inputs, NULL)) die(model_error(run));
  return clock_of(clock) - start;
}

// What maps the file forgets its pages, and then the system does.
static void forget(const char *path) {
  char line[4096];
  FILE *maps = fopen("/proc/self/maps", "r");
  while (maps && fgets(line, sizeof line, maps)) {
    unsigned long from = 0, to = 0;
    line[strcspn(line, "\n")] = 0;
    const size_t n = strlen(line), tail = strlen(path);
    if (n < tail || strcmp(line + n - tail, path) != 0) continue;
    if (sscanf(line, "%lx-%lx", &from, &to) == 2) madvise((void *)from, to - from, MADV_DONTNEED);
  }
  if (maps) fclose(maps);
  const int fd = open(path, O_RDONLY);
  if (fd < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED)) die("the cache is not given up");
  close(fd);
}

static void answer_memory(void) {
  char line[256];
  FILE *f = fopen("/proc/self/status", "r");
  long kib = 0;
  while (f && fgets(line, sizeof line, f))
    if (strncmp(line, "VmHWM:", 6) == 0) kib = strtol(line + 6, NULL, 10);
  if (f) fclose(f);
  printf("%.6g\n", (double)kib / 1024);
}

int main(int argc, char **argv) {
  const double start = clock_of(CLOCK_MONOTONIC);
  if (argc < 4) die("usage: bundle WEIGHTS decode|prefill|first|step NUMBER [COUNT]");
  const char *task = argv[2];
  const int step = strcmp(task, "step") == 0, first = strcmp(task, "first") == 0;
  const int threads = step ? 1 : (int)strtol(argv[3], NULL, 10);
  const int count = step       ? (int)strtol(argv[3], NULL, 10)
                    : argc > 4 ? (int)strtol(argv[4], NULL, 10)
                               : 1;
  const int cold = strcmp(task, "cold") == 0;
  const clockid_t clock = threads == 1 && !cold ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC;
  model_file *file;
  model_run *run;
  if (model_open(argv[1], &file)) die(model_open_error(file));
  if (model_new(file, &run)) die(model_error(run));
  if (threads > 1 && model_threads(run, threads)) die(model_error(run));
  if (step) one_step(run, clock);
  else generate(run, "prefill", clock, 1);
  const double until = clock_of(CLOCK_MONOTONIC) - start;
  if (!step && !first) generate(run, cold ? "prefill" : task, clock, count);
  puts("ready");
  fflush(stdout);
  for (char line[64]; fgets(line, sizeof line, stdin); fflush(stdout)) {
    if (cold) forget(argv[1]);
    if (strcmp(line, "resident\n") == 0) answer_memory();
    else if (first) printf("%.6g\n", 1 / until);
    else if (step) printf("%.6g\n", count / one_step(run, clock) / 1e6);
    else printf("%.6g\n", count / generate(run, cold ? "prefill" : task, clock, count));
  }
  model_free(run);
  model_close(file);
  return 0;
}
