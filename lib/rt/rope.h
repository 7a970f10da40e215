// Inverse frequencies of rotary positions, with every scaling that checkpoints name.
// Made on the CPU alone, as a plan or a step starts: every engine is given the same numbers.
#ifndef OI_RT_ROPE_H
#define OI_RT_ROPE_H
#include <stdbool.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

typedef enum oi_rope_scaling {
  OI_ROPE_PLAIN,
  OI_ROPE_LINEAR,
  OI_ROPE_DYNAMIC,
  OI_ROPE_LLAMA3,
  OI_ROPE_YARN,
  OI_ROPE_GIVEN,  // longrope: the frequencies are a tensor
  OI_ROPE_UNKNOWN
} oi_rope_scaling;

// What a checkpoint says; 0 is the default of each: theta 10000, low 1, high 4 (llama3) or 32
// (yarn).
typedef struct oi_rope {
  oi_rope_scaling scaling;
  int64_t width;  // rotated elements of a head
  double theta, factor, low, high, original;
  bool no_truncate;
  double log_theta, ramp_lo, ramp_hi;  // set by oi_rope_open
} oi_rope;

OI_RT oi_rope_scaling oi_rope_find(const char *name);  // NULL and "": plain
OI_RT void oi_rope_open(oi_rope *r);
// The inverse frequency of pair j. Only dynamic scaling asks for the position: each row stands for
// a text of its own length, so that a prompt gives the same in any chunks.
OI_RT float oi_rope_inverse(const oi_rope *r, int64_t j, int64_t position);
#endif
