// Attention over rows of keys and values, strict: what the simulator and bundles share. One part of
// the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_ATTEND_H
#define OI_RT_ATTEND_H
#include "lib/rt/dot.h"
#include "lib/rt/threads.h"

typedef struct oi_attend {
  const oi_dots *dots;
  float *out;         // [rows, heads, d]
  const float *q;     // the same
  const void *k, *v;  // [keys, groups, d], f32, f16 or bf16; heads / groups heads share a group
  oi_dot_type k_type, v_type;
  int64_t rows, heads, groups, d, keys;
  int64_t pos;     // of the first query
  int64_t window;  // keys that a query sees back from its own; 0: all
  bool causal;
  float scale, cap;  // cap * tanh(score / cap); 0: none
  // Adds a mask to the scores of query t and notes what is seen; false: nothing is. NULL: no mask.
  bool (*mask)(const void *user, int64_t t, float *scores, uint8_t *seen, int64_t begin,
               int64_t end);
  const void *user;
  oi_threads *threads;  // NULL: the caller alone
  // Scratch, aligned to 64: what all workers share, worker 0's own, and worker n's at
  // more + (n - 1) * more_bytes.
  void *shared;
  uint8_t *own, *more;
  int64_t more_bytes;
} oi_attend;

OI_RT int64_t oi_attend_shared(int64_t heads, int64_t keys, int64_t d);  // bytes
OI_RT int64_t oi_attend_own(int64_t keys, int64_t d);
OI_RT void oi_attend_run(const oi_attend *a);
#endif
