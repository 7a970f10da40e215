// Threads that share a loop in small pieces.
//
// One loop at a time is open. A worker enters it by counting itself in and then looking whether it
// is still open; the caller closes it and then looks whether anyone is still counted in. Both are
// sequentially consistent, so either the worker sees the loop closed and leaves, or the caller sees
// the worker and waits: a worker that wakes up late can never run a piece of a loop that has ended,
// and no barrier makes a fast thread wait for a late one.
//
// Who finds nothing to do looks a few microseconds for the next loop and then sleeps: a barrier
// that spins on loses a factor of a hundred as soon as another process wants the same core. A loop
// of one piece never wakes anybody.
#include "lib/rt/threads.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

enum { LOOKS = 200, MOST_THREADS = 1024, LINE = 64 };

typedef struct worker {
  oi_threads *pool;
  pthread_t thread;
  int index;
} worker;

struct oi_threads {
  // Written by the caller while no loop is open and nobody is in it.
  oi_piece_fn *fn;
  void *arg;
  int64_t n, piece;
  // Each on a cache line of its own: they are hit by all threads at different times.
  _Alignas(LINE) atomic_int_least64_t next;  // first index that nobody has taken
  _Alignas(LINE) atomic_int inside;          // workers counted in
  _Alignas(LINE) atomic_uint turn;           // odd: a loop is open
  _Alignas(LINE) atomic_int sleepers;
  atomic_bool caller_sleeps, stop;
  pthread_mutex_t lock;
  pthread_cond_t opened, left;
  int count;  // with the caller
  int started;
  worker *workers;
};

static void pause_briefly(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void take_pieces(oi_threads *t, int index) {
  for (;;) {
    int64_t begin = atomic_fetch_add_explicit(&t->next, t->piece, memory_order_relaxed);
    if (begin >= t->n) return;
    t->fn(t->arg, begin, t->n - begin < t->piece ? t->n : begin + t->piece, index);
  }
}

static void leave(oi_threads *t) {
  if (atomic_fetch_sub(&t->inside, 1) != 1 || !atomic_load(&t->caller_sleeps)) return;
  pthread_mutex_lock(&t->lock);
  pthread_cond_signal(&t->left);
  pthread_mutex_unlock(&t->lock);
}

// Until the turn is another than `seen`; the new one, or an even number on the way out.
static unsigned wait_for_turn(oi_threads *t, unsigned seen) {
  for (int i = 0; i < LOOKS; i++) {
    unsigned turn = atomic_load(&t->turn);
    if (turn != seen || atomic_load(&t->stop)) return turn;
    pause_briefly();
  }
  pthread_mutex_lock(&t->lock);
  atomic_fetch_add(&t->sleepers, 1);
  while (atomic_load(&t->turn) == seen && !atomic_load(&t->stop))
    pthread_cond_wait(&t->opened, &t->lock);
  atomic_fetch_sub(&t->sleepers, 1);
  pthread_mutex_unlock(&t->lock);
  return atomic_load(&t->turn);
}

static void *work(void *arg) {
  worker *w = arg;
  oi_threads *t = w->pool;
  unsigned seen = 0;
  while (!atomic_load(&t->stop)) {
    seen = wait_for_turn(t, seen);
    if (!(seen & 1)) continue;
    atomic_fetch_add(&t->inside, 1);
    seen = atomic_load(&t->turn);  // the loop that is open now, if any, is the one that is entered
    if (seen & 1) take_pieces(t, w->index);
    leave(t);
  }
  return NULL;
}

static void open_loop(oi_threads *t, int64_t n, int64_t piece, oi_piece_fn *fn, void *arg) {
  t->fn = fn, t->arg = arg, t->n = n, t->piece = piece;
  atomic_store_explicit(&t->next, 0, memory_order_relaxed);
  atomic_fetch_add(&t->turn, 1);
  if (atomic_load(&t->sleepers) == 0) return;
  pthread_mutex_lock(&t->lock);
  if (n <= 2 * piece)
    pthread_cond_signal(&t->opened);
  else
    pthread_cond_broadcast(&t->opened);
  pthread_mutex_unlock(&t->lock);
}

static void close_loop(oi_threads *t) {
  atomic_fetch_add(&t->turn, 1);
  for (int i = 0; i < LOOKS; i++) {
    if (atomic_load(&t->inside) == 0) return;
    pause_briefly();
  }
  pthread_mutex_lock(&t->lock);
  atomic_store(&t->caller_sleeps, true);
  while (atomic_load(&t->inside) != 0) pthread_cond_wait(&t->left, &t->lock);
  atomic_store(&t->caller_sleeps, false);
  pthread_mutex_unlock(&t->lock);
}

OI_RT void oi_threads_run(oi_threads *t, int64_t n, int64_t piece, oi_piece_fn *fn, void *arg) {
  if (n <= 0) return;
  if (piece < 1) piece = 1;
  if (!t || t->started == 0 || n <= piece) {
    for (int64_t begin = 0; begin < n; begin += piece)
      fn(arg, begin, n - begin < piece ? n : begin + piece, 0);
    return;
  }
  open_loop(t, n, piece, fn, arg);
  take_pieces(t, 0);
  close_loop(t);
}

OI_RT int oi_threads_count(const oi_threads *t) { return t ? t->count : 1; }

OI_RT void oi_threads_stop(oi_threads *t) {
  if (!t) return;
  pthread_mutex_lock(&t->lock);
  atomic_store(&t->stop, true);
  pthread_cond_broadcast(&t->opened);
  pthread_mutex_unlock(&t->lock);
  for (int i = 0; i < t->started; i++) pthread_join(t->workers[i].thread, NULL);
  pthread_cond_destroy(&t->left);
  pthread_cond_destroy(&t->opened);
  pthread_mutex_destroy(&t->lock);
  free(t->workers);
  free(t);
}

static bool start_workers(oi_threads *t) {
  for (; t->started < t->count - 1; t->started++) {
    worker *w = &t->workers[t->started];
    *w = (worker){.pool = t, .index = t->started + 1};
    if (pthread_create(&w->thread, NULL, work, w) != 0) return false;
  }
  return true;
}

OI_RT oi_threads *oi_threads_start(int count) {
  if (count < 1) count = 1;
  if (count > MOST_THREADS) count = MOST_THREADS;
  oi_threads *t = aligned_alloc(LINE, sizeof *t);
  worker *workers = calloc((size_t)count, sizeof *workers);
  if (!t || !workers) return free(t), free(workers), NULL;
  *t = (oi_threads){.count = count, .workers = workers};
  pthread_mutex_init(&t->lock, NULL);
  pthread_cond_init(&t->opened, NULL);
  pthread_cond_init(&t->left, NULL);
  if (start_workers(t)) return t;
  oi_threads_stop(t);
  return NULL;
}
