// The variants for AArch64, where NEON is the base: one for every processor, and one for those that
// sum four products of bytes by one instruction (SDOT, from ARMv8.2 on). Float kernels are those of
// dot_float.inc with registers of four lanes, four of which hold the partial sums of a row; they
// gain over dot_plain.c by the processor's own widening of f16 and by shuffles.
//
// Quantized kernels take a block of four rows of w at a time and fold the rows together, so lane r
// of a register is row r and one register is one partial sum. Signed bytes are multiplied as they
// are; nibbles count from 0, and the sum of x undoes that.
//
// Products and sums stay two instructions: fused ones (vmlaq_f32, vfmaq_f32) round otherwise.
#include "lib/rt/dot_part.h"

#if OI_DOT_ARM
#include <arm_neon.h>

#define V(name) name##_neon
#define TARGET
#define SDOT 0
#include "lib/rt/dot_neon.inc"

OI_RT const oi_dots *oi_dots_neon(void) {
  static const oi_dots dots = DOT_TABLE;
  return &dots;
}

#include "lib/rt/dot_end.inc"

#if !defined(OI_BASE_ONLY)
#define V(name) name##_dotprod
#if defined(__clang__)
#define TARGET __attribute__((target("dotprod")))
#else
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#define SDOT 1
#include "lib/rt/dot_neon.inc"

OI_RT const oi_dots *oi_dots_dotprod(void) {
  static const oi_dots dots = DOT_TABLE;
  return &dots;
}

#include "lib/rt/dot_end.inc"
#endif
#endif
