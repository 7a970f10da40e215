// Builders of every op, made from lib/ops.def by `make gen`: do not edit.
// Operands stand first, attributes are designated initialisers, zero is the default of each:
//   oinf_val h = oinf_rmsnorm(x, w, .eps = 1e-5);
//   oinf_val m = oinf_sum(x, .axes = OINF_DIMS(-1), .keep = true);
//   oinf_val z = oinf_fill(g, .shape = OINF_DIMS(4), .value = 1);
// C++ calls oi_<op> with the struct: oinf_rmsnorm_args r = {}; r.a = x, r.eps = 1e-5; oi_rmsnorm(r);
// Included by <oinf/oinf.h>.
#ifndef OINF_OPS_H
#define OINF_OPS_H
#include <oinf/oinf.h>

#ifdef __cplusplus
extern "C" {
#endif

// Absolute value.
typedef struct oinf_abs_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_abs_args;
OINF_API oinf_val oi_build_abs(oinf_abs_args args);
#define oinf_abs(...) \
  oi_build_abs((oinf_abs_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Negation; integers wrap.
typedef struct oinf_neg_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_neg_args;
OINF_API oinf_val oi_build_neg(oinf_neg_args args);
#define oinf_neg(...) \
  oi_build_neg((oinf_neg_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// 1 / a, correctly rounded.
typedef struct oinf_recip_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_recip_args;
OINF_API oinf_val oi_build_recip(oinf_recip_args args);
#define oinf_recip(...) \
  oi_build_recip((oinf_recip_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Square root, correctly rounded.
typedef struct oinf_sqrt_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_sqrt_args;
OINF_API oinf_val oi_build_sqrt(oinf_sqrt_args args);
#define oinf_sqrt(...) \
  oi_build_sqrt((oinf_sqrt_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// 1 / sqrt(a). Within 1.5 ULP.
typedef struct oinf_rsqrt_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_rsqrt_args;
OINF_API oinf_val oi_build_rsqrt(oinf_rsqrt_args args);
#define oinf_rsqrt(...) \
  oi_build_rsqrt((oinf_rsqrt_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// e to the a. Within 0.9 ULP.
typedef struct oinf_exp_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_exp_args;
OINF_API oinf_val oi_build_exp(oinf_exp_args args);
#define oinf_exp(...) \
  oi_build_exp((oinf_exp_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// 2 to the a. Within 0.9 ULP.
typedef struct oinf_exp2_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_exp2_args;
OINF_API oinf_val oi_build_exp2(oinf_exp2_args args);
#define oinf_exp2(...) \
  oi_build_exp2((oinf_exp2_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Natural logarithm. Within 0.9 ULP.
typedef struct oinf_log_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_log_args;
OINF_API oinf_val oi_build_log(oinf_log_args args);
#define oinf_log(...) \
  oi_build_log((oinf_log_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Logarithm to base 2. Within 0.9 ULP.
typedef struct oinf_log2_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_log2_args;
OINF_API oinf_val oi_build_log2(oinf_log2_args args);
#define oinf_log2(...) \
  oi_build_log2((oinf_log2_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Sine, every finite a. Within 0.82 ULP.
typedef struct oinf_sin_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_sin_args;
OINF_API oinf_val oi_build_sin(oinf_sin_args args);
#define oinf_sin(...) \
  oi_build_sin((oinf_sin_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Cosine, every finite a. Within 0.82 ULP.
typedef struct oinf_cos_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_cos_args;
OINF_API oinf_val oi_build_cos(oinf_cos_args args);
#define oinf_cos(...) \
  oi_build_cos((oinf_cos_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Hyperbolic tangent. Within 1.3 ULP.
typedef struct oinf_tanh_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_tanh_args;
OINF_API oinf_val oi_build_tanh(oinf_tanh_args args);
#define oinf_tanh(...) \
  oi_build_tanh((oinf_tanh_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// 1 / (1 + exp(-a)). Within 2.5 ULP.
typedef struct oinf_sigmoid_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_sigmoid_args;
OINF_API oinf_val oi_build_sigmoid(oinf_sigmoid_args args);
#define oinf_sigmoid(...) \
  oi_build_sigmoid((oinf_sigmoid_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Error function. Within 1.2 ULP.
typedef struct oinf_erf_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_erf_args;
OINF_API oinf_val oi_build_erf(oinf_erf_args args);
#define oinf_erf(...) \
  oi_build_erf((oinf_erf_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// a above zero, alpha * a below; NaN stays NaN.
typedef struct oinf_relu_args {
  oinf_val a;
  double alpha;  // slope below zero
  double clamp_max;  // upper bound; 0: none
  const char *file;
  int line;
} oinf_relu_args;
OINF_API oinf_val oi_build_relu(oinf_relu_args args);
#define oinf_relu(...) \
  oi_build_relu((oinf_relu_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// a * sigmoid(a). Within 3.1 ULP, or 1e-42.
typedef struct oinf_silu_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_silu_args;
OINF_API oinf_val oi_build_silu(oinf_silu_args args);
#define oinf_silu(...) \
  oi_build_silu((oinf_silu_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// a * (1 + erf(a / sqrt 2)) / 2. Within 2 ULP, or 4e-7.
typedef struct oinf_gelu_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_gelu_args;
OINF_API oinf_val oi_build_gelu(oinf_gelu_args args);
#define oinf_gelu(...) \
  oi_build_gelu((oinf_gelu_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// The tanh form of gelu. Within 2 ULP, or 6e-7.
typedef struct oinf_gelu_tanh_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_gelu_tanh_args;
OINF_API oinf_val oi_build_gelu_tanh(oinf_gelu_tanh_args args);
#define oinf_gelu_tanh(...) \
  oi_build_gelu_tanh((oinf_gelu_tanh_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// log(1 + exp(a)), without overflow. Within 3 ULP.
typedef struct oinf_softplus_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_softplus_args;
OINF_API oinf_val oi_build_softplus(oinf_softplus_args args);
#define oinf_softplus(...) \
  oi_build_softplus((oinf_softplus_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// a above zero, alpha * (exp(a) - 1) below. Within 3 ULP.
typedef struct oinf_elu_args {
  oinf_val a;
  double alpha;  // scale below zero; 0 means 1
  const char *file;
  int line;
} oinf_elu_args;
OINF_API oinf_val oi_build_elu(oinf_elu_args args);
#define oinf_elu(...) \
  oi_build_elu((oinf_elu_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// clamp(a / 6 + 1/2, 0, 1). Within 1 ULP, or 1e-7.
typedef struct oinf_hardsigmoid_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_hardsigmoid_args;
OINF_API oinf_val oi_build_hardsigmoid(oinf_hardsigmoid_args args);
#define oinf_hardsigmoid(...) \
  oi_build_hardsigmoid((oinf_hardsigmoid_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// a * hardsigmoid(a). Within 2 ULP, or 5e-7.
typedef struct oinf_hardswish_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_hardswish_args;
OINF_API oinf_val oi_build_hardswish(oinf_hardswish_args args);
#define oinf_hardswish(...) \
  oi_build_hardswish((oinf_hardswish_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Toward minus infinity.
typedef struct oinf_floor_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_floor_args;
OINF_API oinf_val oi_build_floor(oinf_floor_args args);
#define oinf_floor(...) \
  oi_build_floor((oinf_floor_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Toward plus infinity.
typedef struct oinf_ceil_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_ceil_args;
OINF_API oinf_val oi_build_ceil(oinf_ceil_args args);
#define oinf_ceil(...) \
  oi_build_ceil((oinf_ceil_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// To nearest, ties to even.
typedef struct oinf_round_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_round_args;
OINF_API oinf_val oi_build_round(oinf_round_args args);
#define oinf_round(...) \
  oi_build_round((oinf_round_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Toward zero.
typedef struct oinf_trunc_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_trunc_args;
OINF_API oinf_val oi_build_trunc(oinf_trunc_args args);
#define oinf_trunc(...) \
  oi_build_trunc((oinf_trunc_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// -1, 0 or 1; NaN stays NaN; a zero keeps its sign.
typedef struct oinf_sign_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_sign_args;
OINF_API oinf_val oi_build_sign(oinf_sign_args args);
#define oinf_sign(...) \
  oi_build_sign((oinf_sign_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// min(max(a, lo), hi); NaN stays NaN.
typedef struct oinf_clamp_args {
  oinf_val a;
  double lo;  // lower bound
  double hi;  // upper bound
  const char *file;
  int line;
} oinf_clamp_args;
OINF_API oinf_val oi_build_clamp(oinf_clamp_args args);
#define oinf_clamp(...) \
  oi_build_clamp((oinf_clamp_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Logical not of bool, complement of integers.
typedef struct oinf_not_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_not_args;
OINF_API oinf_val oi_build_not(oinf_not_args args);
#define oinf_not(...) \
  oi_build_not((oinf_not_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Bits that are set, counted in the operand's own width.
typedef struct oinf_popcount_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_popcount_args;
OINF_API oinf_val oi_build_popcount(oinf_popcount_args args);
#define oinf_popcount(...) \
  oi_build_popcount((oinf_popcount_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Neither infinite nor NaN.
typedef struct oinf_is_finite_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_is_finite_args;
OINF_API oinf_val oi_build_is_finite(oinf_is_finite_args args);
#define oinf_is_finite(...) \
  oi_build_is_finite((oinf_is_finite_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// NaN.
typedef struct oinf_is_nan_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_is_nan_args;
OINF_API oinf_val oi_build_is_nan(oinf_is_nan_args args);
#define oinf_is_nan(...) \
  oi_build_is_nan((oinf_is_nan_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Infinite, either sign.
typedef struct oinf_is_inf_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_is_inf_args;
OINF_API oinf_val oi_build_is_inf(oinf_is_inf_args args);
#define oinf_is_inf(...) \
  oi_build_is_inf((oinf_is_inf_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// The sign bit is set: -0 and -NaN too.
typedef struct oinf_is_neg_args {
  oinf_val a;
  const char *file;
  int line;
} oinf_is_neg_args;
OINF_API oinf_val oi_build_is_neg(oinf_is_neg_args args);
#define oinf_is_neg(...) \
  oi_build_is_neg((oinf_is_neg_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Sum; integers wrap.
typedef struct oinf_add_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_add_args;
OINF_API oinf_val oi_build_add(oinf_add_args args);
#define oinf_add(...) \
  oi_build_add((oinf_add_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Difference; integers wrap.
typedef struct oinf_sub_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_sub_args;
OINF_API oinf_val oi_build_sub(oinf_sub_args args);
#define oinf_sub(...) \
  oi_build_sub((oinf_sub_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Product; integers wrap.
typedef struct oinf_mul_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_mul_args;
OINF_API oinf_val oi_build_mul(oinf_mul_args args);
#define oinf_mul(...) \
  oi_build_mul((oinf_mul_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Quotient, correctly rounded; integers truncate, x / 0 = 0, MIN / -1 = MIN.
typedef struct oinf_div_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_div_args;
OINF_API oinf_val oi_build_div(oinf_div_args args);
#define oinf_div(...) \
  oi_build_div((oinf_div_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// floor(a / b); integers: x / 0 = 0.
typedef struct oinf_floor_div_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_floor_div_args;
OINF_API oinf_val oi_build_floor_div(oinf_floor_div_args args);
#define oinf_floor_div(...) \
  oi_build_floor_div((oinf_floor_div_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Remainder with the sign of a; x rem 0 = x.
typedef struct oinf_rem_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_rem_args;
OINF_API oinf_val oi_build_rem(oinf_rem_args args);
#define oinf_rem(...) \
  oi_build_rem((oinf_rem_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// a to the b. Within 0.95 ULP.
typedef struct oinf_pow_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_pow_args;
OINF_API oinf_val oi_build_pow(oinf_pow_args args);
#define oinf_pow(...) \
  oi_build_pow((oinf_pow_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// The smaller; NaN wins, an equal pair gives a.
typedef struct oinf_min_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_min_args;
OINF_API oinf_val oi_build_min(oinf_min_args args);
#define oinf_min(...) \
  oi_build_min((oinf_min_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// The larger; NaN wins, an equal pair gives a.
typedef struct oinf_max_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_max_args;
OINF_API oinf_val oi_build_max(oinf_max_args args);
#define oinf_max(...) \
  oi_build_max((oinf_max_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Bitwise, or logical of bool.
typedef struct oinf_and_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_and_args;
OINF_API oinf_val oi_build_and(oinf_and_args args);
#define oinf_and(...) \
  oi_build_and((oinf_and_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Bitwise, or logical of bool.
typedef struct oinf_or_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_or_args;
OINF_API oinf_val oi_build_or(oinf_or_args args);
#define oinf_or(...) \
  oi_build_or((oinf_or_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Bitwise, or logical of bool.
typedef struct oinf_xor_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_xor_args;
OINF_API oinf_val oi_build_xor(oinf_xor_args args);
#define oinf_xor(...) \
  oi_build_xor((oinf_xor_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Left shift; by the width or more, or by a negative number: 0.
typedef struct oinf_shl_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_shl_args;
OINF_API oinf_val oi_build_shl(oinf_shl_args args);
#define oinf_shl(...) \
  oi_build_shl((oinf_shl_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Right shift, arithmetic for signed; by the width or more: 0, or the sign.
typedef struct oinf_shr_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_shr_args;
OINF_API oinf_val oi_build_shr(oinf_shr_args args);
#define oinf_shr(...) \
  oi_build_shr((oinf_shr_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Equal; NaN equals nothing.
typedef struct oinf_eq_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_eq_args;
OINF_API oinf_val oi_build_eq(oinf_eq_args args);
#define oinf_eq(...) \
  oi_build_eq((oinf_eq_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Not equal.
typedef struct oinf_ne_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_ne_args;
OINF_API oinf_val oi_build_ne(oinf_ne_args args);
#define oinf_ne(...) \
  oi_build_ne((oinf_ne_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Less.
typedef struct oinf_lt_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_lt_args;
OINF_API oinf_val oi_build_lt(oinf_lt_args args);
#define oinf_lt(...) \
  oi_build_lt((oinf_lt_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Less or equal.
typedef struct oinf_le_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_le_args;
OINF_API oinf_val oi_build_le(oinf_le_args args);
#define oinf_le(...) \
  oi_build_le((oinf_le_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Greater.
typedef struct oinf_gt_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_gt_args;
OINF_API oinf_val oi_build_gt(oinf_gt_args args);
#define oinf_gt(...) \
  oi_build_gt((oinf_gt_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Greater or equal.
typedef struct oinf_ge_args {
  oinf_val a, b;
  const char *file;
  int line;
} oinf_ge_args;
OINF_API oinf_val oi_build_ge(oinf_ge_args args);
#define oinf_ge(...) \
  oi_build_ge((oinf_ge_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// a * b + c, rounded twice.
typedef struct oinf_fma_args {
  oinf_val a, b, c;
  const char *file;
  int line;
} oinf_fma_args;
OINF_API oinf_val oi_build_fma(oinf_fma_args args);
#define oinf_fma(...) \
  oi_build_fma((oinf_fma_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// b where a, else c.
typedef struct oinf_where_args {
  oinf_val a, b, c;
  const char *file;
  int line;
} oinf_where_args;
OINF_API oinf_val oi_build_where(oinf_where_args args);
#define oinf_where(...) \
  oi_build_where((oinf_where_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Sum; integers wrap.
typedef struct oinf_sum_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  const char *file;
  int line;
} oinf_sum_args;
OINF_API oinf_val oi_build_sum(oinf_sum_args args);
#define oinf_sum(...) \
  oi_build_sum((oinf_sum_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// sum / n.
typedef struct oinf_mean_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  const char *file;
  int line;
} oinf_mean_args;
OINF_API oinf_val oi_build_mean(oinf_mean_args args);
#define oinf_mean(...) \
  oi_build_mean((oinf_mean_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Product; integers wrap.
typedef struct oinf_prod_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  const char *file;
  int line;
} oinf_prod_args;
OINF_API oinf_val oi_build_prod(oinf_prod_args args);
#define oinf_prod(...) \
  oi_build_prod((oinf_prod_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Largest; NaN wins; of nothing the lowest there is.
typedef struct oinf_reduce_max_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  const char *file;
  int line;
} oinf_reduce_max_args;
OINF_API oinf_val oi_build_reduce_max(oinf_reduce_max_args args);
#define oinf_reduce_max(...) \
  oi_build_reduce_max((oinf_reduce_max_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Smallest; NaN wins; of nothing the highest there is.
typedef struct oinf_reduce_min_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  const char *file;
  int line;
} oinf_reduce_min_args;
OINF_API oinf_val oi_build_reduce_min(oinf_reduce_min_args args);
#define oinf_reduce_min(...) \
  oi_build_reduce_min((oinf_reduce_min_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Index of the largest, i64; ties to the lowest index; the first NaN wins.
typedef struct oinf_argmax_args {
  oinf_val a;
  int64_t axis;  // axis; -1 the last
  bool keep;  // keep it as 1
  const char *file;
  int line;
} oinf_argmax_args;
OINF_API oinf_val oi_build_argmax(oinf_argmax_args args);
#define oinf_argmax(...) \
  oi_build_argmax((oinf_argmax_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Index of the smallest, i64; ties to the lowest index; the first NaN wins.
typedef struct oinf_argmin_args {
  oinf_val a;
  int64_t axis;  // axis; -1 the last
  bool keep;  // keep it as 1
  const char *file;
  int line;
} oinf_argmin_args;
OINF_API oinf_val oi_build_argmin(oinf_argmin_args args);
#define oinf_argmin(...) \
  oi_build_argmin((oinf_argmin_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Value in another dtype.
typedef struct oinf_cast_args {
  oinf_val a;
  oinf_dtype to;  // target
  int64_t rounding;  // 0 nearest even, 1 toward zero, 2 down, 3 up; of float to integer: 0 toward zero
  bool wrap;  // integer targets wrap instead of saturating
  const char *file;
  int line;
} oinf_cast_args;
OINF_API oinf_val oi_build_cast(oinf_cast_args args);
#define oinf_cast(...) \
  oi_build_cast((oinf_cast_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// A constant.
typedef struct oinf_fill_args {
  oinf_graph *graph;
  oinf_dtype dtype;  // f32 by default
  oinf_dims shape;  // shape
  double value;  // value
  const char *file;
  int line;
} oinf_fill_args;
OINF_API oinf_val oi_build_fill(oinf_fill_args args);
#define oinf_fill(...) \
  oi_build_fill((oinf_fill_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// start, start + step, ... along an axis.
typedef struct oinf_iota_args {
  oinf_graph *graph;
  oinf_dtype dtype;  // i64 by default
  oinf_dims shape;  // shape
  int64_t axis;  // axis that counts
  oinf_dim start;  // first value
  int64_t step;  // 0 means 1
  const char *file;
  int line;
} oinf_iota_args;
OINF_API oinf_val oi_build_iota(oinf_iota_args args);
#define oinf_iota(...) \
  oi_build_iota((oinf_iota_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// The same elements under another shape.
typedef struct oinf_reshape_args {
  oinf_val a;
  oinf_dims shape;  // OINF_INFER once: what remains
  const char *file;
  int line;
} oinf_reshape_args;
OINF_API oinf_val oi_build_reshape(oinf_reshape_args args);
#define oinf_reshape(...) \
  oi_build_reshape((oinf_reshape_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Axes in another order.
typedef struct oinf_permute_args {
  oinf_val a;
  oinf_dims axes;  // where output axis i comes from
  const char *file;
  int line;
} oinf_permute_args;
OINF_API oinf_val oi_build_permute(oinf_permute_args args);
#define oinf_permute(...) \
  oi_build_permute((oinf_permute_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// A range along an axis.
typedef struct oinf_slice_args {
  oinf_val a;
  int64_t axis;  // axis
  oinf_dim begin;  // first
  oinf_dim end;  // behind the last; OINF_INFER: to the end
  int64_t step;  // 0 means 1
  const char *file;
  int line;
} oinf_slice_args;
OINF_API oinf_val oi_build_slice(oinf_slice_args args);
#define oinf_slice(...) \
  oi_build_slice((oinf_slice_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// One index of an axis.
typedef struct oinf_select_args {
  oinf_val a;
  int64_t axis;  // axis, which goes
  oinf_dim index;  // which
  const char *file;
  int line;
} oinf_select_args;
OINF_API oinf_val oi_build_select(oinf_select_args args);
#define oinf_select(...) \
  oi_build_select((oinf_select_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Operands one behind the other.
typedef struct oinf_concat_args {
  oinf_val a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;  // 1 of them, or more
  int64_t axis;  // axis
  const char *file;
  int line;
} oinf_concat_args;
OINF_API oinf_val oi_build_concat(oinf_concat_args args);
#define oinf_concat(...) \
  oi_build_concat((oinf_concat_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Parts along an axis; the others by oinf_out.
typedef struct oinf_split_args {
  oinf_val a;
  int64_t axis;  // axis
  oinf_dims sizes;  // sizes of the parts
  const char *file;
  int line;
} oinf_split_args;
OINF_API oinf_val oi_build_split(oinf_split_args args);
#define oinf_split(...) \
  oi_build_split((oinf_split_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Axes of length 1 repeated, new axes in front.
typedef struct oinf_expand_args {
  oinf_val a;
  oinf_dims shape;  // target; OINF_INFER: as it is
  const char *file;
  int line;
} oinf_expand_args;
OINF_API oinf_val oi_build_expand(oinf_expand_args args);
#define oinf_expand(...) \
  oi_build_expand((oinf_expand_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Drops axes of length 1.
typedef struct oinf_squeeze_args {
  oinf_val a;
  oinf_dims axes;  // axes of length 1 to drop; empty: all
  const char *file;
  int line;
} oinf_squeeze_args;
OINF_API oinf_val oi_build_squeeze(oinf_squeeze_args args);
#define oinf_squeeze(...) \
  oi_build_squeeze((oinf_squeeze_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// New axes of length 1.
typedef struct oinf_unsqueeze_args {
  oinf_val a;
  oinf_dims axes;  // where the new axes stand in the result
  const char *file;
  int line;
} oinf_unsqueeze_args;
OINF_API oinf_val oi_build_unsqueeze(oinf_unsqueeze_args args);
#define oinf_unsqueeze(...) \
  oi_build_unsqueeze((oinf_unsqueeze_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Rows of table a that b names; an index out of range stops the step. Quantized tables give f32.
typedef struct oinf_gather_args {
  oinf_val a, b;
  int64_t axis;  // axis of the table
  const char *file;
  int line;
} oinf_gather_args;
OINF_API oinf_val oi_build_gather(oinf_gather_args args);
#define oinf_gather(...) \
  oi_build_gather((oinf_gather_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Matrix product, batched with broadcasting. A quantized b is [N, K] transposed; then a is i8 and the third operand its scales: oinf_matmul inserts quantize.
typedef struct oinf_matmul_args {
  oinf_val a, b, c;  // 2 of them, or more
  bool transpose_a;  // a is [.., K, M]
  bool transpose_b;  // b is [.., N, K]
  oinf_dtype act;  // f32: quantized weights are dequantized instead of a being quantized
  const char *file;
  int line;
} oinf_matmul_args;
OINF_API oinf_val oi_build_matmul(oinf_matmul_args args);
#define oinf_matmul(...) \
  oi_build_matmul((oinf_matmul_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// m = max, e = exp(a - m), e * (1 / sum e). Within (m - a) / 2 + 5 ULP.
typedef struct oinf_softmax_args {
  oinf_val a;
  int64_t axis;  // axis; -1 the last
  const char *file;
  int line;
} oinf_softmax_args;
OINF_API oinf_val oi_build_softmax(oinf_softmax_args args);
#define oinf_softmax(...) \
  oi_build_softmax((oinf_softmax_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// (a * (1 / sqrt(mean(a * a) + eps))) * b over the last axis. Within 12 ULP up to 4096 elements.
typedef struct oinf_rmsnorm_args {
  oinf_val a, b;  // 1 of them, or more
  double eps;  // added to the mean square
  const char *file;
  int line;
} oinf_rmsnorm_args;
OINF_API oinf_val oi_build_rmsnorm(oinf_rmsnorm_args args);
#define oinf_rmsnorm(...) \
  oi_build_rmsnorm((oinf_rmsnorm_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// ((a - mean) * (1 / sqrt(var + eps))) * b + c over the last axis. Within 12 ULP of its largest term up to 4096 elements.
typedef struct oinf_layernorm_args {
  oinf_val a, b, c;  // 1 of them, or more
  double eps;  // added to the variance
  const char *file;
  int line;
} oinf_layernorm_args;
OINF_API oinf_val oi_build_layernorm(oinf_layernorm_args args);
#define oinf_layernorm(...) \
  oi_build_layernorm((oinf_layernorm_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Rotary positions over a = [.., T, heads, d]. The optional operand b = [d/2] gives the inverse frequencies themselves (longrope). Dynamic scaling takes each row as a text that ends with it.
typedef struct oinf_rope_args {
  oinf_val a, b;  // 1 of them, or more
  oinf_dim pos;  // position of row 0; row t stands at pos + t
  double theta;  // base; 0 means 10000
  int64_t width;  // rotated elements of a head; 0: all
  bool interleaved;  // pairs are neighbours (2i, 2i + 1) instead of halves
  const char *scaling;  // linear, dynamic, llama3, yarn, longrope; none: empty
  double factor;  // of the scaling
  double low;  // llama3 low_freq_factor, yarn beta_slow
  double high;  // llama3 high_freq_factor, yarn beta_fast
  double original;  // original_max_position_embeddings
  double attention_factor;  // cos and sin are multiplied by it; 0 means 1
  bool no_truncate;  // yarn: bounds are not rounded
  const char *file;
  int line;
} oinf_rope_args;
OINF_API oinf_val oi_build_rope(oinf_rope_args args);
#define oinf_rope(...) \
  oi_build_rope((oinf_rope_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Attention: q [T, h, d], k and v [S, g, d] with h a multiple of g, optional mask [T, S] (bool: seen; float: added). Gives [T, h, d].
typedef struct oinf_sdpa_args {
  oinf_val a, b, c, d;  // 3 of them, or more
  oinf_dim pos;  // position of query row 0 against key row 0: S - T
  bool causal;  // query t sees keys up to pos + t
  int64_t window;  // keys further back than this are not seen; 0: all
  double scale;  // of the scores; 0 means 1 / sqrt(d)
  double softcap;  // scores become cap * tanh(s / cap); 0: no
  const char *file;
  int line;
} oinf_sdpa_args;
OINF_API oinf_val oi_build_sdpa(oinf_sdpa_args args);
#define oinf_sdpa(...) \
  oi_build_sdpa((oinf_sdpa_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// Rows in blocks: d = max|a| / 127, q = round(a / d). Gives i8 of a's shape and f32 [.., K / block].
typedef struct oinf_quantize_args {
  oinf_val a;
  int64_t block;  // 32 or 256; 0 means 32
  const char *file;
  int line;
} oinf_quantize_args;
OINF_API oinf_val oi_build_quantize(oinf_quantize_args args);
#define oinf_quantize(...) \
  oi_build_quantize((oinf_quantize_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

// f32 of a block-quantized tensor, or of the pair that quantize gives.
typedef struct oinf_dequantize_args {
  oinf_val a, b;  // 1 of them, or more
  int64_t block;  // of the pair form; 0 means 32
  const char *file;
  int line;
} oinf_dequantize_args;
OINF_API oinf_val oi_build_dequantize(oinf_dequantize_args args);
#define oinf_dequantize(...) \
  oi_build_dequantize((oinf_dequantize_args){__VA_ARGS__, .file = __FILE__, .line = __LINE__})

#ifdef __cplusplus
}
inline oinf_val oi_abs(const oinf_abs_args &a) { return oi_build_abs(a); }
inline oinf_val oi_neg(const oinf_neg_args &a) { return oi_build_neg(a); }
inline oinf_val oi_recip(const oinf_recip_args &a) { return oi_build_recip(a); }
inline oinf_val oi_sqrt(const oinf_sqrt_args &a) { return oi_build_sqrt(a); }
inline oinf_val oi_rsqrt(const oinf_rsqrt_args &a) { return oi_build_rsqrt(a); }
inline oinf_val oi_exp(const oinf_exp_args &a) { return oi_build_exp(a); }
inline oinf_val oi_exp2(const oinf_exp2_args &a) { return oi_build_exp2(a); }
inline oinf_val oi_log(const oinf_log_args &a) { return oi_build_log(a); }
inline oinf_val oi_log2(const oinf_log2_args &a) { return oi_build_log2(a); }
inline oinf_val oi_sin(const oinf_sin_args &a) { return oi_build_sin(a); }
inline oinf_val oi_cos(const oinf_cos_args &a) { return oi_build_cos(a); }
inline oinf_val oi_tanh(const oinf_tanh_args &a) { return oi_build_tanh(a); }
inline oinf_val oi_sigmoid(const oinf_sigmoid_args &a) { return oi_build_sigmoid(a); }
inline oinf_val oi_erf(const oinf_erf_args &a) { return oi_build_erf(a); }
inline oinf_val oi_relu(const oinf_relu_args &a) { return oi_build_relu(a); }
inline oinf_val oi_silu(const oinf_silu_args &a) { return oi_build_silu(a); }
inline oinf_val oi_gelu(const oinf_gelu_args &a) { return oi_build_gelu(a); }
inline oinf_val oi_gelu_tanh(const oinf_gelu_tanh_args &a) { return oi_build_gelu_tanh(a); }
inline oinf_val oi_softplus(const oinf_softplus_args &a) { return oi_build_softplus(a); }
inline oinf_val oi_elu(const oinf_elu_args &a) { return oi_build_elu(a); }
inline oinf_val oi_hardsigmoid(const oinf_hardsigmoid_args &a) { return oi_build_hardsigmoid(a); }
inline oinf_val oi_hardswish(const oinf_hardswish_args &a) { return oi_build_hardswish(a); }
inline oinf_val oi_floor(const oinf_floor_args &a) { return oi_build_floor(a); }
inline oinf_val oi_ceil(const oinf_ceil_args &a) { return oi_build_ceil(a); }
inline oinf_val oi_round(const oinf_round_args &a) { return oi_build_round(a); }
inline oinf_val oi_trunc(const oinf_trunc_args &a) { return oi_build_trunc(a); }
inline oinf_val oi_sign(const oinf_sign_args &a) { return oi_build_sign(a); }
inline oinf_val oi_clamp(const oinf_clamp_args &a) { return oi_build_clamp(a); }
inline oinf_val oi_not(const oinf_not_args &a) { return oi_build_not(a); }
inline oinf_val oi_popcount(const oinf_popcount_args &a) { return oi_build_popcount(a); }
inline oinf_val oi_is_finite(const oinf_is_finite_args &a) { return oi_build_is_finite(a); }
inline oinf_val oi_is_nan(const oinf_is_nan_args &a) { return oi_build_is_nan(a); }
inline oinf_val oi_is_inf(const oinf_is_inf_args &a) { return oi_build_is_inf(a); }
inline oinf_val oi_is_neg(const oinf_is_neg_args &a) { return oi_build_is_neg(a); }
inline oinf_val oi_add(const oinf_add_args &a) { return oi_build_add(a); }
inline oinf_val oi_sub(const oinf_sub_args &a) { return oi_build_sub(a); }
inline oinf_val oi_mul(const oinf_mul_args &a) { return oi_build_mul(a); }
inline oinf_val oi_div(const oinf_div_args &a) { return oi_build_div(a); }
inline oinf_val oi_floor_div(const oinf_floor_div_args &a) { return oi_build_floor_div(a); }
inline oinf_val oi_rem(const oinf_rem_args &a) { return oi_build_rem(a); }
inline oinf_val oi_pow(const oinf_pow_args &a) { return oi_build_pow(a); }
inline oinf_val oi_min(const oinf_min_args &a) { return oi_build_min(a); }
inline oinf_val oi_max(const oinf_max_args &a) { return oi_build_max(a); }
inline oinf_val oi_and(const oinf_and_args &a) { return oi_build_and(a); }
inline oinf_val oi_or(const oinf_or_args &a) { return oi_build_or(a); }
inline oinf_val oi_xor(const oinf_xor_args &a) { return oi_build_xor(a); }
inline oinf_val oi_shl(const oinf_shl_args &a) { return oi_build_shl(a); }
inline oinf_val oi_shr(const oinf_shr_args &a) { return oi_build_shr(a); }
inline oinf_val oi_eq(const oinf_eq_args &a) { return oi_build_eq(a); }
inline oinf_val oi_ne(const oinf_ne_args &a) { return oi_build_ne(a); }
inline oinf_val oi_lt(const oinf_lt_args &a) { return oi_build_lt(a); }
inline oinf_val oi_le(const oinf_le_args &a) { return oi_build_le(a); }
inline oinf_val oi_gt(const oinf_gt_args &a) { return oi_build_gt(a); }
inline oinf_val oi_ge(const oinf_ge_args &a) { return oi_build_ge(a); }
inline oinf_val oi_fma(const oinf_fma_args &a) { return oi_build_fma(a); }
inline oinf_val oi_where(const oinf_where_args &a) { return oi_build_where(a); }
inline oinf_val oi_sum(const oinf_sum_args &a) { return oi_build_sum(a); }
inline oinf_val oi_mean(const oinf_mean_args &a) { return oi_build_mean(a); }
inline oinf_val oi_prod(const oinf_prod_args &a) { return oi_build_prod(a); }
inline oinf_val oi_reduce_max(const oinf_reduce_max_args &a) { return oi_build_reduce_max(a); }
inline oinf_val oi_reduce_min(const oinf_reduce_min_args &a) { return oi_build_reduce_min(a); }
inline oinf_val oi_argmax(const oinf_argmax_args &a) { return oi_build_argmax(a); }
inline oinf_val oi_argmin(const oinf_argmin_args &a) { return oi_build_argmin(a); }
inline oinf_val oi_cast(const oinf_cast_args &a) { return oi_build_cast(a); }
inline oinf_val oi_fill(const oinf_fill_args &a) { return oi_build_fill(a); }
inline oinf_val oi_iota(const oinf_iota_args &a) { return oi_build_iota(a); }
inline oinf_val oi_reshape(const oinf_reshape_args &a) { return oi_build_reshape(a); }
inline oinf_val oi_permute(const oinf_permute_args &a) { return oi_build_permute(a); }
inline oinf_val oi_slice(const oinf_slice_args &a) { return oi_build_slice(a); }
inline oinf_val oi_select(const oinf_select_args &a) { return oi_build_select(a); }
inline oinf_val oi_concat(const oinf_concat_args &a) { return oi_build_concat(a); }
inline oinf_val oi_split(const oinf_split_args &a) { return oi_build_split(a); }
inline oinf_val oi_expand(const oinf_expand_args &a) { return oi_build_expand(a); }
inline oinf_val oi_squeeze(const oinf_squeeze_args &a) { return oi_build_squeeze(a); }
inline oinf_val oi_unsqueeze(const oinf_unsqueeze_args &a) { return oi_build_unsqueeze(a); }
inline oinf_val oi_gather(const oinf_gather_args &a) { return oi_build_gather(a); }
inline oinf_val oi_matmul(const oinf_matmul_args &a) { return oi_build_matmul(a); }
inline oinf_val oi_softmax(const oinf_softmax_args &a) { return oi_build_softmax(a); }
inline oinf_val oi_rmsnorm(const oinf_rmsnorm_args &a) { return oi_build_rmsnorm(a); }
inline oinf_val oi_layernorm(const oinf_layernorm_args &a) { return oi_build_layernorm(a); }
inline oinf_val oi_rope(const oinf_rope_args &a) { return oi_build_rope(a); }
inline oinf_val oi_sdpa(const oinf_sdpa_args &a) { return oi_build_sdpa(a); }
inline oinf_val oi_quantize(const oinf_quantize_args &a) { return oi_build_quantize(a); }
inline oinf_val oi_dequantize(const oinf_dequantize_args &a) { return oi_build_dequantize(a); }
#endif
#endif
