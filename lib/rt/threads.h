// Threads that share work in small pieces: spin briefly, then sleep, so that another busy process
// cannot collapse them. One part of the runtime that bundles carry: C11, libc and pthreads, nothing
// of oinf.
#ifndef OI_RT_THREADS_H
#define OI_RT_THREADS_H
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif
typedef struct oi_threads oi_threads;
typedef void oi_piece_fn(void *arg, int64_t begin, int64_t end, int worker);
OI_RT oi_threads *oi_threads_start(
    int count);  // NULL: out of memory or no thread could be made; count 1: no thread at all
OI_RT void oi_threads_stop(oi_threads *t);
OI_RT int oi_threads_count(const oi_threads *t);  // 1 for NULL
// Runs fn over 0 .. n in pieces of at most `piece`; the caller works too (worker 0). Returns when
// all is done.
OI_RT void oi_threads_run(oi_threads *t, int64_t n, int64_t piece, oi_piece_fn *fn, void *arg);
#endif
