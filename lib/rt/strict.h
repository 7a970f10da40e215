// The strict text: every scalar function that a graph's result can depend on, one text for C and
// for GLSL.
//
// The first four .inc files are C11 and GLSL 450 at once, by the dozen macros below and their twins
// in strict_glsl.inc; the fifth, strict_number.inc, is C alone. They use + - * on floats,
// comparisons, integer and bit operations, and nothing else, so a compiler or driver that computes
// those as IEEE 754 says gives the same bits as every other one. libm and GLSL's built-ins give
// neither the same bits nor a useful bound. Division and square root are correctly rounded: here by
// the language, in GLSL by the integer text, which C compiles too so that it can be tested.
//
// Rules of the text: every float operation is the right side of a local declared `real` (`precise`
// in GLSL); return, compare, bitcast and pass only names; one operation a statement where a
// compiler could contract; no arithmetic between literals, no literal zero as an operand; shifts
// below 32; selects instead of branches, so that loops over these functions become vector code.
// Each function states its error in ULP of the exact value.
//
// Under OI_FAST, which bundles of fast numerics define, the compiler may fuse a product and the sum
// behind it, here and in all that follows: one rounding less. Everything else is the same text, so
// NaN, infinities, subnormals and signs of zeros stay.
//
// What it does not do: f64 transcendental functions, vectors by hand. Compile with
// -ffp-contract=off; gcc makes vector code of it under -fno-trapping-math -fno-math-errno alone.
#ifndef OI_RT_STRICT_H
#define OI_RT_STRICT_H
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || \
    UINTPTR_MAX != UINT64_MAX
#error "the runtime wants a little-endian 64-bit system"
#endif
#if defined(__FAST_MATH__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "the strict text wants IEEE 754 arithmetic: compile without -ffast-math"
#endif
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || defined(__NO_SIGNED_ZEROS__)
#error "the strict text wants IEEE 754 arithmetic: compile without unsafe optimizations"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "the strict text wants float arithmetic in float"
#endif
#if !defined(OI_FAST)
#define OI_FAST 0
#endif
#if OI_FAST && defined(__clang__)
#pragma clang fp contract(fast)
#elif OI_FAST
#pragma GCC optimize("fp-contract=fast")
#elif defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#define OI_FN static inline
#define real float
#define oi_u uint32_t
#define oi_i int32_t
#define oi_uint uint64_t  // what integer rows compute in; GLSL: uint
#define oi_int int64_t
#define OI_BITS_INT 64
#define OI_U(x) ((uint32_t)(x))
#define OI_I(x) ((int32_t)(x))
#define OI_UINT(x) ((uint64_t)(x))
#define OI_INT(x) ((int64_t)(x))
#define OI_TOF(x) ((float)(x))
#define OI_WORDS8(name, ...) static const uint32_t name[8] = {__VA_ARGS__}

OI_FN uint32_t oi_bits(float a) {
  uint32_t u;
  memcpy(&u, &a, sizeof u);
  return u;
}
OI_FN float oi_flt(uint32_t u) {
  float a;
  memcpy(&a, &u, sizeof a);
  return a;
}
OI_FN uint32_t oi_mulhi(uint32_t a, uint32_t b) { return (uint32_t)(((uint64_t)a * b) >> 32); }
OI_FN uint32_t oi_msb(uint32_t a) { return 31u - (uint32_t)__builtin_clz(a | 1u); }  // 0 for 0
OI_FN uint64_t oi_popcount(uint64_t a) { return (uint64_t)__builtin_popcountll(a); }

#include "lib/rt/strict_base.inc"
OI_FN float oi_div(float a, float b) {
  real q = a / b;
  return q;
}
OI_FN float oi_sqrt(float a) {
  real r = sqrtf(a);
  return r;
}
#include "lib/rt/strict_cast.inc"
#include "lib/rt/strict_int.inc"
#include "lib/rt/strict_math.inc"

// ---- f64: + - * / sqrt, comparisons, minimum, maximum, and conversions; C alone ----
OI_FN uint64_t oi_bits_d(double a) {
  uint64_t u;
  memcpy(&u, &a, sizeof u);
  return u;
}
OI_FN double oi_dbl(uint64_t u) {
  double a;
  memcpy(&a, &u, sizeof a);
  return a;
}
OI_FN bool oi_is_nan_d(double a) { return (oi_bits_d(a) & INT64_MAX) > 0x7ff0000000000000u; }
OI_FN int64_t oi_key_d(double a) {
  int64_t u = (int64_t)oi_bits_d(a), m = u & INT64_MAX;
  return u < 0 ? -m : m;
}
OI_FN double oi_abs_d(double a) { return oi_dbl(oi_bits_d(a) & INT64_MAX); }
OI_FN double oi_div_d(double a, double b) { return a / b; }
OI_FN double oi_sqrt_d(double a) { return sqrt(a); }
OI_FN double oi_min_d(double a, double b) {
  int64_t ka = oi_is_nan_d(a) ? INT64_MIN : oi_key_d(a);
  int64_t kb = oi_is_nan_d(b) ? INT64_MIN : oi_key_d(b);
  return kb < ka ? b : a;
}
OI_FN double oi_max_d(double a, double b) {
  int64_t ka = oi_is_nan_d(a) ? INT64_MAX : oi_key_d(a);
  int64_t kb = oi_is_nan_d(b) ? INT64_MAX : oi_key_d(b);
  return ka < kb ? b : a;
}
OI_FN double oi_canon_d(double a) { return oi_is_nan_d(a) ? oi_dbl(0x7ff8000000000000u) : a; }

// f64 to f32 for a further narrowing: toward zero, and the last bit set where anything was cut, so
// that the second rounding is as if it were the only one.
OI_FN float oi_f64_to_f32_odd(double a) {
  float near = (float)a;
  double back = (double)near;
  if (oi_is_nan_d(a) || back == a) return near;
  uint32_t u = oi_bits(near);
  if (oi_abs_d(back) > oi_abs_d(a)) u = u - 1;
  return oi_flt(u | 1u);
}
// Float to integer, toward zero, saturating at lo and hi; NaN gives 0. f32 goes through double,
// which is exact.
OI_FN int64_t oi_to_i64(double a, int64_t lo, int64_t hi) {
  const double two63 = 9223372036854775808.0;
  if (oi_is_nan_d(a)) return 0;
  if (a >= two63) return hi;
  if (a < -two63) return lo;
  int64_t n = (int64_t)a;
  return n < lo ? lo : n > hi ? hi : n;
}
OI_FN uint64_t oi_to_u64(double a, uint64_t hi) {
  if (!(a > 0)) return 0;
  if (a >= 18446744073709551616.0) return hi;
  uint64_t n = (uint64_t)a;
  return n > hi ? hi : n;
}
// The same, wrapping: the integer part modulo 2^64; NaN and infinities give 0.
OI_FN uint64_t oi_wrap_u64(double a) {
  uint64_t u = oi_bits_d(a), m = (u & 0xfffffffffffffu) | 0x10000000000000u, n = 0;
  int e = (int)(u >> 52 & 0x7ff) - 1075;
  if (e < 64 && e >= 0) n = m << e;
  if (e < 0 && e > -53) n = m >> -e;
  return u >> 63 ? 0 - n : n;
}
#include "lib/rt/strict_number.inc"
#undef real
#endif
