// How kernels are called: a kernel works on a range of units, so that threads can share its work
// and a weight can come in tiles of rows. What a unit is, each kernel says; how they are cut
// changes no bit.

// Operands and results stand in the order of the node's.
typedef struct call {
  const dims *d;
  void *out[MOST_OUT];
  const void *in[MOST_IN];
  int64_t first;    // unit with whose row the operand begins that comes in tiles
  uint8_t *room;    // scratch: what all workers share, then worker 0's own
  uint8_t *more;    // that of the other workers
  atomic_int *bad;  // set where the data cannot be used
} call;
// Units from .. to - 1, by one of the workers.
typedef void kernel(const call *c, int64_t from, int64_t to, int worker);

// A worker's own scratch.
MAYBE static void *room_of(const call *c, int worker) {
  if (worker == 0) return c->room + ROOM_BYTES - WORKER_BYTES;
  return c->more + (size_t)(worker - 1) * WORKER_BYTES;
}

#define K(name) name##_plain
#include "kernels.c"
#undef K

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
static int64_t piece_of(const model_run *r, int64_t units, int64_t cost) {
  enum { LEAST = 1 << 15, SHARES = 4, GROUP = 16 };
  if (!r->threads) return units;
  const int64_t least = LEAST / (cost > 0 ? cost : 1) + 1;
  int64_t piece = units / (SHARES * oi_threads_count(r->threads));
  if (piece < least) piece = least;
  return piece > GROUP ? (piece + GROUP - 1) / GROUP * GROUP : piece;
}

static void run_range(model_run *r, int k, int64_t from, int64_t to, int64_t cost,
                      const call *given) {
  call c = *given;
  const job j = {kernels_plain[k], &c, from};
  c.d = &r->d, c.room = r->room, c.more = r->more, c.bad = &r->bad;
  const int64_t units = to - from, piece = piece_of(r, units, cost);
  if (piece >= units) j.fn(&c, from, to, 0);
  else oi_threads_run(r->threads, units, piece, run_piece, (void *)(uintptr_t)&j);
}

static void run(model_run *r, int k, int64_t units, int64_t cost, const call *c) {
  run_range(r, k, 0, units, cost, c);
}
