// How kernels are called: a kernel works on a range of units, so that threads can share its work
// and a weight can come in tiles of rows. What a unit is, each kernel says; how they are cut
// changes no bit.

// Operands and results stand in the order of the node's.
typedef struct call {
  const dims *d;
  void *out[MOST_OUT];
  const void *in[MOST_IN];
  int64_t first;    // unit with whose row the operand begins that comes in tiles
  int64_t group;    // rows of the operand that lies in groups, whose units stay together; else 0
  uint8_t *room;    // scratch: what all workers share, then worker 0's own
  uint8_t *more;    // that of the other workers
  oi_threads *threads;  // for a kernel that shares its work out itself
  atomic_int *bad;  // set where the data cannot be used
  int64_t ahead;    // bytes that a walk over weights fetches before their use
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

typedef struct job {
  kernel *fn;
  const call *c;
  int64_t from;
} job;

static void run_piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *j = arg;
  j->fn(j->c, j->from + begin, j->from + end, worker);
}

// A few pieces a thread, but none too small to be worth one; all units at once where there is one
// thread. `cost`: operations of a unit.
static int64_t piece_of(const model_run *r, int64_t units, int64_t cost, int64_t group) {
  enum { LEAST = 1 << 15, SHARES = 4, GROUP = OI_GROUP };
  if (!r->threads) return units;
  const int64_t least = LEAST / (cost > 0 ? cost : 1) + 1;
  int64_t piece = units / (SHARES * oi_threads_count(r->threads));
  if (piece < least) piece = least;
  return piece > GROUP || group ? (piece + GROUP - 1) / GROUP * GROUP : piece;
}

static void run_range(model_run *r, int k, int64_t from, int64_t to, int64_t cost,
                      const call *given) {
  call c = *given;
  const job j = {r->file->kernels[k], &c, from};
  c.d = &r->d, c.dots = r->file->dots, c.room = r->room, c.more = r->more, c.bad = &r->bad;
  c.threads = r->threads, c.ahead = r->ahead.bytes;
  const int64_t units = to - from, piece = piece_of(r, units, cost, c.group);
  if (piece >= units) j.fn(&c, from, to, 0);
  else oi_threads_run(r->threads, units, piece, run_piece, (void *)(uintptr_t)&j);
}

static void run(model_run *r, int k, int64_t units, int64_t cost, const call *c) {
  run_range(r, k, 0, units, cost, c);
}
