// The strict text in C: division and square root against the hardware's, stated errors against
// double precision, conversions and rounding against double arithmetic, integers against the
// definitions of DESIGN section 6.
#include <fenv.h>

#include "lib/rt/probe.h"
#include "lib/rt/strict.h"
#include "tests/test.h"

static const uint32_t edges[] = {
    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x40000000, 0xc0400000, 0x3f000000, 0xbf000000,
    0x40200000, 0x00000001, 0x80000001, 0x00000002, 0x007fffff, 0x00800000, 0x00800001, 0x80800000,
    0x7f7fffff, 0xff7fffff, 0x7f7ffffe, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001,
    0xffffffff, 0x3f7fffff, 0x3f800001, 0x3effffff, 0x4affffff, 0x4b000000, 0x4b000001, 0x4b7fffff,
    0x4b800000, 0x4effffff, 0x4f000000, 0xcf000000, 0xcf000001, 0x4f7fffff, 0x4f800000, 0x5f000000,
    0x42b17218, 0xc2cff1b5, 0x3f490fdb, 0x477fe000, 0x477ff000, 0x33000000, 0x33000001, 0x38800000,
    0x387fffff, 0x42fe0000, 0xc3000000, 0x437f0000, 0x47000000,
};
enum { N_EDGES = sizeof edges / sizeof *edges };

static uint32_t next_u32(uint64_t *state) {  // xorshift64
  *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
  return (uint32_t)(*state >> 16);
}
static bool same(float a, float b) { return oi_bits(oi_canon(a)) == oi_bits(oi_canon(b)); }

// 2^24 patterns in the suite, all 2^32 in the soak.
TEST(strict, sqrt_equals_the_hardware) {
  const uint64_t stride = oi_test_soak() ? 1 : 255;
  for (uint64_t u = 0; u < UINT64_C(1) << 32; u += stride) {
    float x = oi_flt((uint32_t)u);
    CHECK_MSG(same(oi_sqrt_text(x), sqrtf(x)), "sqrt of %08x", (unsigned)u);
  }
}

static void check_div(uint32_t a, uint32_t b) {
  float x = oi_flt(a), y = oi_flt(b);
  CHECK_MSG(same(oi_div_text(x, y), x / y), "%08x / %08x", a, b);
}
// Random patterns of all classes, some aimed at subnormal operands and results and at quotients
// near a tie.
TEST(strict, div_equals_the_hardware) {
  uint64_t s = 88172645463325252u;
  const int64_t n = oi_test_soak() ? INT64_C(1) << 28 : INT64_C(1) << 24;
  for (int64_t i = 0; i < n; i++) {
    uint32_t a = next_u32(&s), b = next_u32(&s);
    if (i % 8 == 0) a &= 0x807fffff;
    if (i % 8 == 1) b &= 0x807fffff;
    if (i % 8 == 2) b = (b & 0x807fffff) | ((a & 0x7f800000) + (next_u32(&s) % 5 - 2) * 0x800000);
    if (i % 8 == 3)
      a = (a & 0x807fffff) | (next_u32(&s) % 24 << 23), b = (b & 0x807fffff) | 0x3f800000;
    if (i % 8 == 4) {  // the quotient is close to a value halfway between two floats
      uint32_t mb = (b & 0x7fffff) | 0x800000, q = (next_u32(&s) & 0xffffff) | 0x1000001;
      uint32_t ma = (uint32_t)(((uint64_t)q * mb) >> 24);
      a = (ma >= 0x1000000 ? ma >> 1 : ma) & 0x7fffff, a |= 0x3f800000,
      b = (b & 0x7fffff) | 0x3f800000;
    }
    check_div(a, b);
  }
}
TEST(strict, div_holds_at_the_edges) {
  for (int i = 0; i < N_EDGES; i++)
    for (int j = 0; j < N_EDGES; j++) check_div(edges[i], edges[j]);
}

// ---- stated errors ----
static double ref_rsqrt(double x) { return 1 / sqrt(x); }
static double ref_sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }
static double ref_silu(double x) { return x * ref_sigmoid(x); }
static double ref_gelu(double x) { return 0.5 * x * erfc(-x * 0.70710678118654752440); }
static double ref_gelu_tanh(double x) {
  double t = 0.79788456080286535588 * (x + 0.044715 * x * x * x);
  return x / (1 + exp(-2 * t));
}
static double ref_softplus(double x) { return (x > 0 ? x : 0) + log1p(exp(-fabs(x))); }

// ulp: stated error in units of the last place; abs: instead in units of 2^-24 max(1, |x|), where
// cancellation makes a relative bound meaningless.
static const struct {
  const char *name;
  float (*f)(float);
  double (*ref)(double);
  double ulp, abs;
} functions[] = {
    {"exp", oi_exp, exp, 0.9, 0},
    {"expm1", oi_expm1, expm1, 1.7, 0},
    {"exp2", oi_exp2, exp2, 0.9, 0},
    {"log", oi_log, log, 0.9, 0},
    {"log2", oi_log2, log2, 0.9, 0},
    {"sin", oi_sin, sin, 0.82, 0},
    {"cos", oi_cos, cos, 0.82, 0},
    {"tanh", oi_tanh, tanh, 1.3, 0},
    {"erf", oi_erf, erf, 1.2, 0},
    {"rsqrt", oi_rsqrt, ref_rsqrt, 1.5, 0},
    {"sigmoid", oi_sigmoid, ref_sigmoid, 2.5, 0},
    {"softplus", oi_softplus, ref_softplus, 2.1, 0},
    {"silu", oi_silu, ref_silu, 0, 3.0},
    {"gelu", oi_gelu, ref_gelu, 0, 3.0},
    {"gelu_tanh", oi_gelu_tanh, ref_gelu_tanh, 0, 3.0},
    {"floor", oi_floor, floor, 0.001, 0},
    {"ceil", oi_ceil, ceil, 0.001, 0},
    {"trunc", oi_trunc, trunc, 0.001, 0},
    {"round", oi_round, rint, 0.001, 0},
};
static double ulp_of(double w) {
  int e;
  if (fabs(w) < 0x1p-126) return 0x1p-149;
  (void)frexp(w, &e);
  return ldexp(1, e - 24);
}
static void check_error(size_t i, uint32_t u) {
  float x = oi_flt(u), have = functions[i].f(x);
  double want = functions[i].ref(x);
  float near = (float)want;
  const char *name = functions[i].name;
  if (functions[i].abs != 0 && isinf(x) && x < 0) return;  // -inf * 0 is NaN, the limit is 0
  CHECK_MSG(isnan(have) == isnan(want), "%s of %08x is %a, not %a", name, u, (double)have, want);
  if (isnan(want)) return;
  if (isinf(near) || isinf(have) || near == 0 || x == 0) {
    bool sign = functions[i].abs != 0 || !signbit(have) == !signbit(near);
    bool ok = have == near || (!isinf(near) && !isinf(have) && fabs(have - want) <= 0x1p-149);
    ok = ok || (functions[i].abs != 0 && near == 0);
    CHECK_MSG(ok && sign, "%s of %08x is %a, not %a", name, u, (double)have, want);
    return;
  }
  double wide = fabs(x) > 1 ? fabs((double)x) : 1;
  double unit = functions[i].abs != 0 ? wide * 0x1p-24 : ulp_of(want);
  double most = functions[i].abs != 0 ? functions[i].abs : functions[i].ulp;
  CHECK_MSG(fabs((double)have - want) <= most * unit, "%s of %08x is %.3f units off, stated %.2f",
            name, u, fabs((double)have - want) / unit, most);
}
TEST(strict, errors_are_as_stated) {
  const uint64_t stride = oi_test_soak() ? 17 : 4099;
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    for (int j = 0; j < N_EDGES; j++) check_error(i, edges[j]);
    for (uint64_t u = 0; u < UINT64_C(1) << 32; u += stride) check_error(i, (uint32_t)u);
  }
}

static void check_pow(uint32_t a, uint32_t b) {
  float x = oi_flt(a), y = oi_flt(b), have = oi_pow(x, y);
  double want = pow(x, y);
  float near = (float)want;
  CHECK_MSG(isnan(have) == isnan(want), "pow %08x %08x is %a, not %a", a, b, (double)have, want);
  if (isnan(want) || (have == near && !signbit(have) == !signbit(near))) return;
  bool top =
      fabs(want) > 3.40282336e38 && fabs(want) < 3.4028237e38;  // rounding decides on infinity
  CHECK_MSG(top || (!isinf(have) && !isinf(near)), "pow %08x %08x is %a, not %a", a, b,
            (double)have, want);
  double off = fabs((double)have - want) / ulp_of(want);
  CHECK_MSG(top || off <= 1.0, "pow %08x %08x is %.3f ULP off", a, b, off);
}
TEST(strict, pow_is_as_stated) {
  for (int i = 0; i < N_EDGES; i++)
    for (int j = 0; j < N_EDGES; j++) check_pow(edges[i], edges[j]);
  uint64_t s = 1234567;
  for (int64_t i = 0, n = INT64_C(1) << (oi_test_soak() ? 26 : 20); i < n; i++) {
    uint32_t a = next_u32(&s), b = next_u32(&s);
    if (i % 2 == 0) {  // aimed at the whole range of results
      a &= 0x7fffffff;
      b = oi_bits((float)((b / 4294967296.0 * 280 - 145) / log2((double)oi_flt(a))));
    }
    if (i % 16 == 0) a ^= 0x80000000, b = oi_bits(oi_round(oi_flt(b)));
    check_pow(a, b);
  }
}

// ---- order and classes: against the definition written with comparisons ----
static float ref_min(float a, float b) { return a != a ? a : b < a || b != b ? b : a; }
static float ref_max(float a, float b) { return a != a ? a : b > a || b != b ? b : a; }
TEST(strict, min_and_max_follow_their_definition) {
  for (int i = 0; i < N_EDGES; i++)
    for (int j = 0; j < N_EDGES; j++) {
      float a = oi_flt(edges[i]), b = oi_flt(edges[j]);
      CHECK_INT(oi_bits(oi_min(a, b)), oi_bits(ref_min(a, b)));
      CHECK_INT(oi_bits(oi_max(a, b)), oi_bits(ref_max(a, b)));
      double da = (double)a, db = (double)b;
      CHECK(oi_bits_d(oi_canon_d(oi_min_d(da, db))) ==
            oi_bits_d(oi_canon_d((double)ref_min(a, b))));
      CHECK(oi_bits_d(oi_canon_d(oi_max_d(da, db))) ==
            oi_bits_d(oi_canon_d((double)ref_max(a, b))));
    }
}
TEST(strict, classes_are_those_of_the_language) {
  for (int i = 0; i < N_EDGES; i++) {
    float a = oi_flt(edges[i]);
    CHECK_INT(oi_is_nan(a), isnan(a) != 0);
    CHECK_INT(oi_is_inf(a), isinf(a) != 0);
    CHECK_INT(oi_is_finite(a), isfinite(a) != 0);
    CHECK_INT(oi_is_neg(a), signbit(a) != 0);
    CHECK_INT(oi_is_nan_d((double)a), isnan(a) != 0);
    CHECK(same(oi_abs(a), fabsf(a)));
  }
}

// ---- activations: published definitions at points a person can compute ----
TEST(strict, activations_at_known_points) {
  CHECK(oi_relu(3, 0, 0) == 3 && oi_relu(-3, 0, 0) == 0 && !signbit(oi_relu(-3, 0, 0)));
  CHECK(oi_relu(-INFINITY, 0, 0) == 0 && oi_relu(-4, 0.25f, 0) == -1 && oi_relu(7, 0, 6) == 6);
  CHECK(isnan(oi_relu(NAN, 0, 0)) && isnan(oi_relu(NAN, 0.1f, 6)));
  CHECK(oi_elu(2, 0) == 2 && same(oi_elu(-1, 2), 2 * (float)expm1(-1)) && oi_elu(-200, 0) == -1);
  CHECK(oi_hardsigmoid(-3) == 0 && oi_hardsigmoid(3) == 1 && oi_hardsigmoid(0) == 0.5f);
  CHECK(oi_hardswish(-4) == 0 && oi_hardswish(5) == 5 && oi_hardswish(0) == 0);
  CHECK(oi_sign(-2) == -1 && oi_sign(5) == 1 && signbit(oi_sign(-0.0f)) && isnan(oi_sign(NAN)));
  CHECK(oi_clamp(5, -1, 2) == 2 && oi_clamp(-5, -1, 2) == -1 && isnan(oi_clamp(NAN, -1, 2)));
  CHECK(oi_fma(1 + 0x1p-12f, 1 + 0x1p-12f, -1) == 0x1p-11f);  // the exact product is 2^-24 more
  CHECK(oi_floor_div(-7, 2) == -4 && oi_floor_div(7, 2) == 3);
  CHECK(!signbit(oi_plus_zero(-0.0f)) && oi_plus_zero(-2) == -2);
}

// ---- float and integer ----
TEST(strict, float_to_integer_saturates) {
  for (uint64_t u = 0; u < UINT64_C(1) << 32; u += oi_test_soak() ? 1 : 251) {
    float a = oi_flt((uint32_t)u);
    double d = isnan(a) ? 0 : trunc((double)a);
    double s = d < -2147483648.0 ? -2147483648.0 : d > 2147483647.0 ? 2147483647.0 : d;
    double p = d < 0 ? 0 : d > 4294967295.0 ? 4294967295.0 : d;
    CHECK_MSG(oi_f32_to_i32(a) == (int32_t)s, "i32 of %08x", (unsigned)u);
    CHECK_MSG(oi_f32_to_u32(a) == (uint32_t)p, "u32 of %08x", (unsigned)u);
    CHECK_MSG(oi_to_i64((double)a, INT32_MIN, INT32_MAX) == (int64_t)s, "i64 of %08x", (unsigned)u);
    CHECK_MSG(oi_to_u64((double)a, UINT32_MAX) == (uint64_t)p, "u64 of %08x", (unsigned)u);
    float n = oi_i32_to_f32((int32_t)(uint32_t)u), m = oi_u32_to_f32((uint32_t)u);
    CHECK_MSG(n == (float)(int32_t)(uint32_t)u && m == (float)(uint32_t)u, "f32 of %08x",
              (unsigned)u);
  }
  CHECK(oi_to_i64(1e30, INT64_MIN, INT64_MAX) == INT64_MAX &&
        oi_to_i64(-1e30, INT64_MIN, INT64_MAX) == INT64_MIN);
  CHECK(oi_to_i64(NAN, -5, 5) == 0 && oi_to_u64(NAN, 9) == 0 && oi_to_u64(-1, 9) == 0);
  CHECK(oi_to_u64(1e30, UINT64_MAX) == UINT64_MAX);
  CHECK(oi_wrap_u64(-1.5) == UINT64_MAX && oi_wrap_u64(256.75) == 256 && oi_wrap_u64(0x1p64) == 0);
  CHECK(oi_wrap_u64(0x1.8p63) == UINT64_C(3) << 62 && oi_wrap_u64(NAN) == 0 &&
        oi_wrap_u64(INFINITY) == 0);
}

// The four directions against exact neighbours in double: the formats' values by their definition.
static double value_of(uint32_t h, int bits, int bias) {
  int e = (int)(h >> bits) & ((1 << (bits == 10 ? 5 : 8)) - 1);
  double m = h & ((1u << bits) - 1);
  return e == 0 ? ldexp(m, 1 - bias - bits) : ldexp(m + (1 << bits), e - bias - bits);
}
static void check_narrow(float a, int bits, int bias) {
  uint32_t inf = bits == 10 ? 0x7c00 : 0x7f80, sign = bits == 10 ? 0x8000 : 0x8000;
  uint32_t down = oi_narrow(oi_abs(a), (uint32_t)bits, bias, 1), near, h[4];
  double x = fabs((double)a), lo = value_of(down, bits, bias), hi = value_of(down + 1, bits, bias);
  CHECK_MSG(down < inf && lo <= x && (x < hi), "%a toward zero", (double)a);
  near = x - lo < hi - x || (x - lo == hi - x && (down & 1) == 0) ? down : down + 1;
  uint32_t up = x == lo ? down : down + 1, s = signbit(a) ? sign : 0;
  for (uint32_t mode = 0; mode < 4; mode++) h[mode] = oi_narrow(a, (uint32_t)bits, bias, mode);
  CHECK_MSG(h[0] == (near | s) && h[1] == (down | s), "%a: %x %x", (double)a, h[0], h[1]);
  CHECK_MSG(h[2] == ((s ? up : down) | s) && h[3] == ((s ? down : up) | s), "%a: %x %x", (double)a,
            h[2], h[3]);
}
TEST(strict, narrowing_rounds_in_four_directions) {
  uint64_t s = 99;
  for (int i = 0; i < 1 << 21; i++) {
    uint32_t u = i < N_EDGES ? edges[i] : next_u32(&s);
    if (i % 2 == 0) u = (u & 0x9fffffff) | (u & 0x40000000 ? 0x30000000 : 0x20000000);
    if ((u & 0x7fffffff) < 0x7f800000) check_narrow(oi_flt(u), 7, 127);
    if ((u & 0x7fffffff) < 0x47800000) check_narrow(oi_flt(u), 10, 15);
    CHECK_INT(oi_f32_to_bf16(oi_flt(u)), oi_narrow(oi_flt(u), 7, 127, 0));
  }
  CHECK_INT(oi_f32_to_f16(INFINITY), 0x7c00);
  CHECK_INT(oi_f32_to_f16(-70000), 0xfc00);
  CHECK_INT(oi_narrow(70000, 10, 15, 1), 0x7bff);
  CHECK_INT(oi_narrow(-70000, 10, 15, 2), 0xfc00);
  CHECK_INT(oi_f32_to_f16(-NAN), 0x7e00);
  CHECK_INT(oi_f32_to_bf16(oi_flt(0xff800001)), 0x7fc0);
}

// ---- integers ----
TEST(strict, integers_wrap_without_undefined_behaviour) {
  CHECK(oi_div_i(INT64_MIN, -1) == INT64_MIN && oi_div_i(7, 0) == 0 && oi_div_i(-7, 2) == -3);
  CHECK(oi_rem_i(INT64_MIN, -1) == 0 && oi_rem_i(-7, 0) == -7 && oi_rem_i(-7, 2) == -1 &&
        oi_rem_i(7, -2) == 1);
  CHECK(oi_floor_div_i(-7, 2) == -4 && oi_floor_div_i(7, -2) == -4 && oi_floor_div_i(-7, 0) == 0);
  CHECK(oi_floor_div_i(-8, 2) == -4 && oi_floor_div_i(INT64_MIN, -1) == INT64_MIN);
  CHECK(oi_div_u(UINT64_MAX, 0) == 0 && oi_rem_u(9, 0) == 9 && oi_rem_u(9, 4) == 1);
  CHECK(oi_abs_i(INT64_MIN) == INT64_MIN && oi_neg_i(INT64_MIN) == INT64_MIN);
  CHECK(oi_add_i(INT64_MAX, 1) == INT64_MIN && oi_sub_i(INT64_MIN, 1) == INT64_MAX);
  CHECK(oi_mul_i(INT64_MIN, -1) == INT64_MIN && oi_clamp_i(9, -1, 4) == 4 && oi_sign_i(-9) == -1);
  CHECK(oi_shl_i(1, 31, 32) == INT64_C(1) << 31 && oi_shl_i(1, 32, 32) == 0 &&
        oi_shl_i(1, -1, 32) == 0);
  CHECK(oi_shr_i(-8, 1, 32) == -4 && oi_shr_i(-8, 40, 32) == -1 && oi_shr_i(8, 40, 32) == 0);
  CHECK(oi_shr_i(INT64_MIN, 64, 64) == -1 && oi_shr_i(-1, -1, 8) == -1);
  CHECK(oi_shl_u(3, 7, 8) == 384 && oi_shl_u(3, 8, 8) == 0 && oi_shr_u(128, 7, 8) == 1 &&
        oi_shr_u(128, 8, 8) == 0);
  CHECK(oi_popcount_i(-1, 8) == 8 && oi_popcount_i(-1, 64) == 64 && oi_popcount_i(6, 32) == 2);
  CHECK(oi_popcount(0xff00ff) == 16 && oi_xor_b(true, false) && !oi_eq_b(true, false) &&
        oi_not_b(false));
}

// ---- the same bits from every compiler, level and processor: hashes over 2^18 patterns ----
static uint64_t hash_bits(uint64_t hash, float y) {
  return (hash ^ oi_bits(oi_canon(y))) * UINT64_C(1099511628211);
}
static uint64_t hash_of(float (*f)(float)) {
  uint64_t hash = UINT64_C(14695981039346656037);
  for (uint64_t u = 0; u < UINT64_C(1) << 32; u += 16381)
    hash = hash_bits(hash, f(oi_flt((uint32_t)u)));
  return hash;
}
static float pow_of(float x) { return oi_pow(oi_abs(x), oi_flt(oi_bits(x) * 2654435761u)); }
static float div_of(float x) { return oi_div_text(x, oi_flt(oi_bits(x) * 2654435761u)); }
TEST(strict, bits_are_the_same_from_every_compiler) {
  static const struct {
    const char *name;
    float (*f)(float);
    uint64_t hash;
  } want[] = {
#define SAME(name, hash) {#name, oi_##name, hash},
#include "tests/data/strict/hash.inc"
#undef SAME
  };
  for (size_t i = 0; i < sizeof want / sizeof *want; i++)
    CHECK_MSG(hash_of(want[i].f) == want[i].hash, "SAME(%s, 0x%016llx)", want[i].name,
              (unsigned long long)hash_of(want[i].f));
  CHECK_MSG(hash_of(pow_of) == POW_HASH, "pow 0x%016llx", (unsigned long long)hash_of(pow_of));
  CHECK_MSG(hash_of(div_of) == DIV_HASH, "div 0x%016llx", (unsigned long long)hash_of(div_of));
}

// ---- the self-test, and what broken arithmetic does to it and to the integer-exact text ----
TEST(strict, this_program_passes_the_probes) {
  const char *wrong = oi_probe_self();
  CHECK_MSG(!wrong, "probe '%s' gives other bits", wrong);
}
TEST(strict, a_wrong_bit_names_its_probe) {
  static uint32_t words[4 * 1024], results[1024];
  uint32_t n = oi_probe_count();
  CHECK(n <= 1024);
  oi_probe_fill(words);
  for (uint32_t i = 0; i < n; i++) results[i] = 0x12345678;
  CHECK_STR(oi_probe_check(results), "add");
}
static void check_rounding(int mode, const float *x, const float *q, const float *r, int n) {
  fesetround(mode);
  const char *wrong = oi_probe_self();
  int bad = 0;
  for (int i = 0; i + 1 < n; i++) {
    bad += !same(oi_div_text(x[i], x[i + 1]), q[i]);
    bad += !same(oi_sqrt_text(x[i]), r[i]);
  }
  fesetround(FE_TONEAREST);
  CHECK(wrong);
  CHECK_INT(bad, 0);
}
// Another rounding direction is found out, and division and square root do not depend on it.
TEST(strict, other_rounding_is_found_and_does_not_reach_div_and_sqrt) {
  enum { MANY = 1 << 17 };
  static float x[MANY], q[MANY], r[MANY];
  uint64_t s = 4711;
  for (int i = 0; i < MANY; i++) x[i] = oi_flt(i < N_EDGES ? edges[i] : next_u32(&s));
  for (int i = 0; i + 1 < MANY; i++) q[i] = x[i] / x[i + 1], r[i] = sqrtf(x[i]);
  check_rounding(FE_UPWARD, x, q, r, MANY);
  check_rounding(FE_DOWNWARD, x, q, r, MANY);
  check_rounding(FE_TOWARDZERO, x, q, r, MANY);
}
