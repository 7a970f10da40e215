// The bundle's program: text from a prompt, or arrays from arrays, with the words of oinf-sim;
// --check replays the golden steps, --bench times. Standard output carries the result alone.
#define _GNU_SOURCE 1
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime.c"

#include "main_options.c"

enum { INTERRUPTED = 130 };
static volatile sig_atomic_t interrupted;

__attribute__((unused)) static double seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

__attribute__((format(printf, 2, 3))) static void note(const options *o, const char *format, ...) {
  va_list args;
  if (o->quiet) return;
  va_start(args, format);
  fputs("model: note: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
}

#include "main_values.c"

#include "main_bench.c"

#if MODEL_GENERATES
#include "main_text.c"

static bool is_text(const options *o) {
  return o->prompt || o->prompt_file || o->tokens || o->load || !o->inputs.n;
}

#else
static bool is_text(const options *o) {
  return o->prompt || o->prompt_file || o->tokens || o->load || o->save;
}
static int run_text(const options *o, const model_file *file, model_run *r, watcher *w) {
  (void)o, (void)file, (void)r, (void)w;
  return complain(MODEL_BAD, "this network takes no tokens: give its arrays with --input");
}
#endif

// ---- the whole ----

static void on_interrupt(int sig) { (void)sig, interrupted = 1; }

static void on_bus(int sig) {
  static const char text[] = "model: error: the weights have become shorter while in use\n";
  (void)sig;
  ssize_t n = write(2, text, sizeof text - 1);
  _exit(n < 0 ? MODEL_IO : MODEL_IO);
}

// weights.oinf beside the executable, else in the folder at hand.
static void beside(char *out, size_t room) {
  ssize_t n = readlink("/proc/self/exe", out, room - 16);
  while (n > 0 && out[n - 1] != '/') n--;
  memcpy(out + (n > 0 ? n : 0), "weights.oinf", 13);
}

static void print_line(const char *line) { printf("check: %s\n", line); }

static int run_instance(const options *o, model_file *file) {
  watcher *w = calloc(1, sizeof *w);
  model_run *r = NULL;
  int code = w ? model_new(file, &r) : MODEL_MEMORY;
  if (!code) code = model_threads(r, (int)o->threads);
  if (code) complain(code, "%s", model_error(r));
  if (!code && o->verbose)
    note(o, "peak %llu bytes; uses %llu bytes of weights a step",
         (unsigned long long)MODEL_PEAK_BYTES, (unsigned long long)MODEL_STEP_BYTES);
  if (!code) {
    w->o = o;
    if (o->bench) code = bench(o, r);
    else if (is_text(o)) code = run_text(o, file, r, w);
    else code = run_values(o, r, w);
    forget(w);
  }
  model_free(r);
  free(w);
  return code;
}

static int run(const options *o) {
  char path[4096];
  model_file *file;
  beside(path, sizeof path);
  int code = model_open(o->weights ? o->weights : path, &file);
  if (code) complain(code, "%s", model_open_error(file));
  else if (o->check) code = model_check(file, print_line);
  else code = run_instance(o, file);
  model_close(file);
  return code;
}

int main(int argc, char **argv) {
  options o = {.steps = 128,
               .threads = 1,
               .temperature = MODEL_TEMPERATURE,
               .top_k = MODEL_TOP_K,
               .top_p = MODEL_TOP_P,
               .min_p = MODEL_MIN_P,
               .penalties = {.repetition = MODEL_REPETITION_PENALTY}};
  signal(SIGPIPE, SIG_IGN);
  signal(SIGBUS, on_bus);
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  int code = parse(&o, argc, argv);
  if (!code && o.help) help();
  else if (!code) code = run(&o);
  if (fflush(stdout) != 0 && !code) code = MODEL_IO;
  return code;
}
