// --bench of the bundle's program: rounds of plain reads and of steps in turn, because a neighbour
// on the machine moves every figure and only shares of one round mean anything. Where the network
// generates, steps of one token and steps of many; else steps of the arrays that --input names, or
// of the first golden step. On one thread the thread's own clock counts.

enum { BENCH_ROUNDS = 7, BENCH_READ = 96 << 20, BENCH_SPAN = 64 };

typedef struct bench_figures {
  double read[BENCH_ROUNDS], step[BENCH_ROUNDS], share[BENCH_ROUNDS];
  double prefill[BENCH_ROUNDS];  // a token, of a step of many
  int streams;                   // of the best read of the last round
} bench_figures;

static double clock_of(const options *o) {
  struct timespec t;
  clock_gettime(o->threads > 1 ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// The memory read once, in some streams side by side, a page's worth of lines of each in turn.
static uint64_t read_streams(const uint64_t *at, int streams) {
  const size_t part = BENCH_READ / sizeof *at / (size_t)streams;
  uint64_t sum[8] = {0};
  for (size_t i = 0; i + BENCH_SPAN <= part; i += BENCH_SPAN)
    for (int s = 0; s < streams; s++) {
      const uint64_t *p = at + (size_t)s * part + i;
      for (size_t k = 0; k < BENCH_SPAN; k += 8)
        for (size_t j = 0; j < 8; j++) sum[j] += p[k + j];
    }
  for (size_t j = 1; j < 8; j++) sum[0] += sum[j];
  return sum[0];
}

// Bytes a second of the best of one, four and eight streams.
static double best_read(const options *o, const uint64_t *memory, int *out_streams) {
  static const int streams[] = {1, 4, 8};
  volatile uint64_t kept = 0;
  double best = 0;
  for (size_t i = 0; i < sizeof streams / sizeof *streams; i++) {
    const double begin = clock_of(o);
    kept = kept + read_streams(memory, streams[i]);
    const double speed = BENCH_READ / (clock_of(o) - begin);
    if (speed > best) best = speed, *out_streams = streams[i];
  }
  return best;
}

static int by_size(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}
static double median(double *x) {
  qsort(x, BENCH_ROUNDS, sizeof *x, by_size);
  return x[BENCH_ROUNDS / 2];
}

static void print_step(const char *what, const char *unit, bench_figures *f) {
  const double step = median(f->step), bytes = (double)MODEL_STEP_BYTES;
  printf("%s: %.3f ms, %.1f %s/s, %.1f MB of weights, %.2f GB/s, "
         "%.2f of a plain read (%.2f GB/s by %d streams)\n",
         what, 1e3 * step, 1 / step, unit, 1e-6 * bytes, 1e-9 * bytes / step, median(f->share),
         1e-9 * median(f->read), f->streams);
}

#if MODEL_GENERATES
static int bench_steps(const options *o, model_run *r, bench_figures *f, int round) {
  static const int32_t ids[MODEL_CHUNK];
  const int64_t tokens = MODEL_CAPACITY < 32 ? MODEL_CAPACITY / 2 : 16;
  const int64_t chunk = MODEL_CHUNK < MODEL_CAPACITY ? MODEL_CHUNK : MODEL_CAPACITY;
  model_reset(r);
  double begin = clock_of(o);
  int code = model_prefill(r, ids, chunk, NULL);
  f->prefill[round] = (clock_of(o) - begin) / (double)chunk;
  model_reset(r);
  begin = clock_of(o);
  for (int64_t i = 0; !code && i < tokens; i++) code = model_decode(r, 0, NULL);
  f->step[round] = (clock_of(o) - begin) / (double)(tokens > 0 ? tokens : 1);
  return code ? complain(code, "%s", model_error(r)) : MODEL_OK;
}

static void print_figures(bench_figures *f) {
  const double prefill = median(f->prefill);
  print_step("decode", "tokens", f);
  printf("prefill: %.3f ms a token, %.1f tokens/s, %lld at a time\n", 1e3 * prefill, 1 / prefill,
         (long long)MODEL_CHUNK);
}
#else
static int bench_step(const options *o, model_run *r, double *seconds) {
  void *data[64] = {NULL};
  uint64_t numbers[64];
  int code = o->inputs.n ? bind_all(o, r, numbers, data) : model_bind_golden(r, 0);
  if (code && !o->inputs.n) code = complain(code, "give the arrays with --input: %s", model_error(r));
  const double begin = clock_of(o);
  if (!code && (code = model_step_bound(r)) != 0) complain(code, "%s", model_error(r));
  *seconds += clock_of(o) - begin;
  for (size_t i = 0; i < o->inputs.n; i++) free(data[i]);
  return code;
}

// As many steps as fill 20 ms.
static int bench_steps(const options *o, model_run *r, bench_figures *f, int round) {
  int code = MODEL_OK, n = 0;
  double seconds = 0;
  model_reset(r);
  for (; !code && n < 10000 && seconds < 0.02; n++) code = bench_step(o, r, &seconds);
  f->step[round] = seconds / (n > 0 ? n : 1);
  return code;
}

static void print_figures(bench_figures *f) { print_step("step", "steps", f); }
#endif

static int bench(const options *o, model_run *r) {
  bench_figures f = {.streams = 1};
  uint64_t *memory = malloc(BENCH_READ);
  int code = memory ? MODEL_OK : complain(MODEL_MEMORY, "out of memory");
  if (!code) memset(memory, 1, BENCH_READ);
  if (!code) code = bench_steps(o, r, &f, 0);  // proves the weights' checksums
  for (int i = 0; !code && i < BENCH_ROUNDS; i++) {
    f.read[i] = best_read(o, memory, &f.streams);
    code = bench_steps(o, r, &f, i);
    f.share[i] = (double)MODEL_STEP_BYTES / f.step[i] / f.read[i];
  }
  free(memory);
  if (!code) print_figures(&f);
  return code;
}
