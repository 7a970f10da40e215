// How far ahead of a walk over weights memory is fetched. Processors differ: one gains a fifth from
// being told what comes, another loses as much, and none says which it is. So steps that read the
// same weights are timed, in turn without and with, and the quicker way stays. No bit depends on
// it.
// One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_AHEAD_H
#define OI_RT_AHEAD_H
#include <stdbool.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

enum {
  OI_AHEAD_BYTES = 2048,  // of each stream, where it is done
  OI_AHEAD_STEPS = 6      // that are timed
};

typedef struct oi_ahead {
  int64_t bytes;      // for the next step: 0 or OI_AHEAD_BYTES
  int timed;          // steps so far
  uint64_t least[2];  // nanoseconds of the quickest one, without and with
} oi_ahead;

// A step took so long. Zeroed before the first one.
OI_RT void oi_ahead_step(oi_ahead *a, uint64_t nanoseconds);
#endif
