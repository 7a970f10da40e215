// How kernels are called: a kernel works on a range of units, so that threads can share its work
// and a weight can come in tiles of rows. What a unit is, each kernel says; how they are cut
// changes no bit.

// Results and operands, in the order of the node's.
typedef struct operands {
  void *out[MOST_OUT];
  const void *in[MOST_IN];
  int64_t group;  // rows of the operand that lies in groups, whose units stay together; else 0
} operands;

typedef struct call {
  const dims *d;
  void *const *out;
  const void *const *in;
  int64_t first;        // unit with whose row the operand begins that comes in tiles
  uint8_t *room;        // scratch: what all workers share, then worker 0's own
  uint8_t *more;        // that of the other workers
  oi_threads *threads;  // for a kernel that shares its work out itself
  atomic_int *bad;      // set where the data cannot be used
  const oi_dots *dots;  // inner kernels for this processor
} call;

// A worker's own scratch.
MAYBE static void *room_of(const call *c, int worker) {
  if (worker == 0) return c->room + ROOM_BYTES - WORKER_BYTES;
  return c->more + (size_t)(worker - 1) * WORKER_BYTES;
}

// A product that a fused multiply-add would give otherwise (in strict), a subnormal, and a sum in
// order: asked for each kind of processor, since a compiler may break one and not the other.
#define ARITHMETIC_HOLDS(name)                                                                  \
  static bool name(void) {                                                                      \
    volatile float a = 1.000244140625f, b = -1.00048828125f, tiny = 1e-39f, big = 1e8f;         \
    float product = a * a;                                                                      \
    float rest = product + b;                                                                   \
    float half = tiny * 0.5f;                                                                   \
    float up = big + 1.0f;                                                                      \
    float back = up - big;                                                                      \
    return (OI_FAST || rest == 0.0f) && half > 0.0f && back == 0.0f;                            \
  }

// The kernels once for each kind of processor: one text, and so the same bits.
#define K(name) name##_plain
ARITHMETIC_HOLDS(K(holds))
#include "kernels.c"
#undef K
#if OI_DOT_X86
#if defined(__clang__) && OI_FAST
#pragma clang attribute push(__attribute__((target("avx2,f16c,fma"))), apply_to = function)
#elif defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,f16c"))), apply_to = function)
#elif OI_FAST
#pragma GCC push_options
#pragma GCC target("avx2,f16c,fma")
#else
#pragma GCC push_options
#pragma GCC target("avx2,f16c")
#endif
#define K(name) name##_avx2
ARITHMETIC_HOLDS(K(holds))
#include "kernels.c"
#undef K
#if defined(__clang__)
#pragma clang attribute pop
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))), \
                             apply_to = function)
#else
#pragma GCC pop_options
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl")
#endif
#define K(name) name##_avx512
ARITHMETIC_HOLDS(K(holds))
#include "kernels.c"
#undef K
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

// What this processor runs, or as much of it as OINF_CPU allows; MODEL_OK, or what is wrong.
static int choose_kernels(model_file *f) {
  const oi_cpu cpu = oi_dots_level();
  bool holds = holds_plain();
  const char *what = OI_FAST ? NULL : oi_probe_self();
  if (cpu == OI_CPU_UNKNOWN)
    return open_fails(f, MODEL_USAGE, "OINF_CPU wants " OI_CPU_WORDS);
  f->kernels = kernels_plain;
#if OI_DOT_X86
  if (cpu >= OI_CPU_AVX2) f->kernels = kernels_avx2, holds = holds && holds_avx2();
  if (cpu >= OI_CPU_AVX512) f->kernels = kernels_avx512, holds = holds && holds_avx512();
#endif
  f->dots = oi_dots_of(cpu);
  if (holds && !what) return MODEL_OK;
  snprintf(f->error, sizeof f->error,
           "this compiler's arithmetic is not IEEE 754's (%s): build without -Ofast, "
           "-ffast-math and contraction", what ? what : "contraction");
  return MODEL_INTERNAL;
}

static call call_of(model_run *r, const operands *o, int64_t first) {
  return (call){.d = &r->d,
                .out = o->out,
                .in = o->in,
                .first = first,
                .room = r->room,
                .more = r->more,
                .threads = r->threads,
                .bad = &r->bad,
                .dots = r->file->dots};
}

// One of the kernels that run in one go. BEHIND: each piece of it runs behind the same piece of the
// one before it, of whose units it has a multiple.
typedef enum join { BESIDE, BEHIND } join;
typedef struct task {
  int kernel;
  int64_t units, cost;  // operations of a unit
  join join;
  operands o;
} task;

// A kernel at work: units from `from` on, of which `units` are cut into pieces that are numbered
// from `begin` to `end` - 1.
typedef struct job {
  kernel *fn;
  call c;
  int64_t from, units, piece, begin, end;
  join join;
} job;

static void run_piece(const job *j, int64_t i, int worker) {
  const int64_t at = (i - j->begin) * j->piece, left = j->units - at;
  j->fn(&j->c, j->from + at, j->from + at + (left < j->piece ? left : j->piece), worker);
}

static void run_pieces(void *arg, int64_t begin, int64_t end, int worker) {
  const job *j = arg;
  for (int64_t i = begin; i < end; i++) {
    while (i >= j->end) j++;
    run_piece(j, i, worker);
    for (const job *next = j + 1; next->join == BEHIND; next++) run_piece(next, i, worker);
  }
}

enum { LEAST = 1 << 15, MOST_TASKS = 8 };  // operations that are worth a piece

// A few pieces a thread of all that is to be done, `whole` operations.
static void cut(const model_run *r, job *j, int64_t cost, int64_t whole, int64_t group) {
  enum { SHARES = 4 };
  const int64_t share = whole / (SHARES * oi_threads_count(r->threads));
  int64_t piece = (share > LEAST ? share : LEAST) / (cost > 0 ? cost : 1) + 1;
  if (piece > OI_GROUP || group) piece = (piece + OI_GROUP - 1) / OI_GROUP * OI_GROUP;
  j->piece = piece, j->end = j->begin + (j->units + piece - 1) / piece;
}

static void run_range(model_run *r, int k, int64_t from, int64_t to, int64_t first, int64_t cost,
                      const operands *o) {
  job j[2] = {{.fn = r->file->kernels[k], .c = call_of(r, o, first), .from = from}};
  j->units = to - from;
  if (r->threads) cut(r, j, cost, j->units * cost, o->group);
  if (j->end > 1) oi_threads_run(r->threads, j->end, 1, run_pieces, j);
  else if (from < to) j->fn(&j->c, from, to, 0);
}

static void run(model_run *r, int k, int64_t units, int64_t cost, const operands *o) {
  const call c = call_of(r, o, 0);
  if (r->threads) run_range(r, k, 0, units, 0, cost, o);
  else r->file->kernels[k](&c, 0, units, 0);
}

MAYBE static void run_all(model_run *r, const task *tasks, int n) {
  job j[MOST_TASKS + 1] = {{0}};
  int64_t whole = 0, end = 0, group = 0;
  for (int i = 0; i < n; i++) {
    whole += tasks[i].units * tasks[i].cost;
    if (tasks[i].o.group > group) group = tasks[i].o.group;
  }
  if (!r->threads || whole <= LEAST) {
    for (int i = 0; i < n; i++) run(r, tasks[i].kernel, tasks[i].units, tasks[i].cost, &tasks[i].o);
    return;
  }
  for (int i = 0; i < n; i++) {
    const task *t = &tasks[i];
    const job *last = i ? &j[i - 1] : NULL;
    j[i] = (job){.fn = r->file->kernels[t->kernel], .c = call_of(r, &t->o, 0), .units = t->units};
    j[i].begin = end, j[i].join = t->join;
    cut(r, &j[i], t->cost, whole, group);
    if (t->join == BEHIND && last->units > 0) {
      j[i].begin = last->begin, j[i].end = last->end;
      j[i].piece = last->piece * (t->units / last->units);
    }
    end = j[i].end;
  }
  oi_threads_run(r->threads, end, 1, run_pieces, j);
}
