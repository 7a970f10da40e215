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

// Where the user wrote a call: the last members of every args struct.
#define OI_PLACE const char *file; int line
#define OI_HERE .file = __FILE__, .line = __LINE__
// An op of operands alone: its args struct, and its builder.
#define OI_OP(op, ...) \
  typedef struct oinf_##op##_args { __VA_ARGS__; OI_PLACE; } oinf_##op##_args; \
  OINF_API oinf_val oi_build_##op(oinf_##op##_args args)

#ifdef __cplusplus
extern "C" {
#endif
// Absolute value.
OI_OP(abs, oinf_val a);
#define oinf_abs(...) oi_build_abs((oinf_abs_args){__VA_ARGS__, OI_HERE})
// Negation; integers wrap.
OI_OP(neg, oinf_val a);
#define oinf_neg(...) oi_build_neg((oinf_neg_args){__VA_ARGS__, OI_HERE})
// 1 / a, correctly rounded.
OI_OP(recip, oinf_val a);
#define oinf_recip(...) oi_build_recip((oinf_recip_args){__VA_ARGS__, OI_HERE})
// Square root, correctly rounded.
OI_OP(sqrt, oinf_val a);
#define oinf_sqrt(...) oi_build_sqrt((oinf_sqrt_args){__VA_ARGS__, OI_HERE})
// 1 / sqrt(a). Within 1.5 ULP.
OI_OP(rsqrt, oinf_val a);
#define oinf_rsqrt(...) oi_build_rsqrt((oinf_rsqrt_args){__VA_ARGS__, OI_HERE})
// e to the a. Within 0.9 ULP.
OI_OP(exp, oinf_val a);
#define oinf_exp(...) oi_build_exp((oinf_exp_args){__VA_ARGS__, OI_HERE})
// 2 to the a. Within 0.9 ULP.
OI_OP(exp2, oinf_val a);
#define oinf_exp2(...) oi_build_exp2((oinf_exp2_args){__VA_ARGS__, OI_HERE})
// Natural logarithm. Within 0.9 ULP.
OI_OP(log, oinf_val a);
#define oinf_log(...) oi_build_log((oinf_log_args){__VA_ARGS__, OI_HERE})
// Logarithm to base 2. Within 0.9 ULP.
OI_OP(log2, oinf_val a);
#define oinf_log2(...) oi_build_log2((oinf_log2_args){__VA_ARGS__, OI_HERE})
// Sine, every finite a. Within 0.82 ULP.
OI_OP(sin, oinf_val a);
#define oinf_sin(...) oi_build_sin((oinf_sin_args){__VA_ARGS__, OI_HERE})
// Cosine, every finite a. Within 0.82 ULP.
OI_OP(cos, oinf_val a);
#define oinf_cos(...) oi_build_cos((oinf_cos_args){__VA_ARGS__, OI_HERE})
// Hyperbolic tangent. Within 1.3 ULP.
OI_OP(tanh, oinf_val a);
#define oinf_tanh(...) oi_build_tanh((oinf_tanh_args){__VA_ARGS__, OI_HERE})
// 1 / (1 + exp(-a)). Within 2.5 ULP.
OI_OP(sigmoid, oinf_val a);
#define oinf_sigmoid(...) oi_build_sigmoid((oinf_sigmoid_args){__VA_ARGS__, OI_HERE})
// Error function. Within 1.2 ULP.
OI_OP(erf, oinf_val a);
#define oinf_erf(...) oi_build_erf((oinf_erf_args){__VA_ARGS__, OI_HERE})

// a above zero, alpha * a below; NaN stays NaN.
typedef struct oinf_relu_args {
  oinf_val a;
  double alpha;  // slope below zero
  double clamp_max;  // upper bound; 0: none
  OI_PLACE;
} oinf_relu_args;
OINF_API oinf_val oi_build_relu(oinf_relu_args args);
#define oinf_relu(...) oi_build_relu((oinf_relu_args){__VA_ARGS__, OI_HERE})
// a * sigmoid(a). Within 3.1 ULP, or 1e-42.
OI_OP(silu, oinf_val a);
#define oinf_silu(...) oi_build_silu((oinf_silu_args){__VA_ARGS__, OI_HERE})
// a * (1 + erf(a / sqrt 2)) / 2. Within 2 ULP, or 4e-7.
OI_OP(gelu, oinf_val a);
#define oinf_gelu(...) oi_build_gelu((oinf_gelu_args){__VA_ARGS__, OI_HERE})
// The tanh form of gelu. Within 2 ULP, or 6e-7.
OI_OP(gelu_tanh, oinf_val a);
#define oinf_gelu_tanh(...) oi_build_gelu_tanh((oinf_gelu_tanh_args){__VA_ARGS__, OI_HERE})
// log(1 + exp(a)), without overflow. Within 3 ULP.
OI_OP(softplus, oinf_val a);
#define oinf_softplus(...) oi_build_softplus((oinf_softplus_args){__VA_ARGS__, OI_HERE})

// a above zero, alpha * (exp(a) - 1) below. Within 3 ULP.
typedef struct oinf_elu_args {
  oinf_val a;
  double alpha;  // scale below zero; 0 means 1
  OI_PLACE;
} oinf_elu_args;
OINF_API oinf_val oi_build_elu(oinf_elu_args args);
#define oinf_elu(...) oi_build_elu((oinf_elu_args){__VA_ARGS__, OI_HERE})
// clamp(a / 6 + 1/2, 0, 1). Within 1 ULP, or 1e-7.
OI_OP(hardsigmoid, oinf_val a);
#define oinf_hardsigmoid(...) oi_build_hardsigmoid((oinf_hardsigmoid_args){__VA_ARGS__, OI_HERE})
// a * hardsigmoid(a). Within 2 ULP, or 5e-7.
OI_OP(hardswish, oinf_val a);
#define oinf_hardswish(...) oi_build_hardswish((oinf_hardswish_args){__VA_ARGS__, OI_HERE})
// Toward minus infinity.
OI_OP(floor, oinf_val a);
#define oinf_floor(...) oi_build_floor((oinf_floor_args){__VA_ARGS__, OI_HERE})
// Toward plus infinity.
OI_OP(ceil, oinf_val a);
#define oinf_ceil(...) oi_build_ceil((oinf_ceil_args){__VA_ARGS__, OI_HERE})
// To nearest, ties to even.
OI_OP(round, oinf_val a);
#define oinf_round(...) oi_build_round((oinf_round_args){__VA_ARGS__, OI_HERE})
// Toward zero.
OI_OP(trunc, oinf_val a);
#define oinf_trunc(...) oi_build_trunc((oinf_trunc_args){__VA_ARGS__, OI_HERE})
// -1, 0 or 1; NaN stays NaN; a zero keeps its sign.
OI_OP(sign, oinf_val a);
#define oinf_sign(...) oi_build_sign((oinf_sign_args){__VA_ARGS__, OI_HERE})

// min(max(a, lo), hi); NaN stays NaN.
typedef struct oinf_clamp_args {
  oinf_val a;
  double lo;  // lower bound
  double hi;  // upper bound
  OI_PLACE;
} oinf_clamp_args;
OINF_API oinf_val oi_build_clamp(oinf_clamp_args args);
#define oinf_clamp(...) oi_build_clamp((oinf_clamp_args){__VA_ARGS__, OI_HERE})
// Logical not of bool, complement of integers.
OI_OP(not, oinf_val a);
#define oinf_not(...) oi_build_not((oinf_not_args){__VA_ARGS__, OI_HERE})
// Bits that are set, counted in the operand's own width.
OI_OP(popcount, oinf_val a);
#define oinf_popcount(...) oi_build_popcount((oinf_popcount_args){__VA_ARGS__, OI_HERE})
// Neither infinite nor NaN.
OI_OP(is_finite, oinf_val a);
#define oinf_is_finite(...) oi_build_is_finite((oinf_is_finite_args){__VA_ARGS__, OI_HERE})
// NaN.
OI_OP(is_nan, oinf_val a);
#define oinf_is_nan(...) oi_build_is_nan((oinf_is_nan_args){__VA_ARGS__, OI_HERE})
// Infinite, either sign.
OI_OP(is_inf, oinf_val a);
#define oinf_is_inf(...) oi_build_is_inf((oinf_is_inf_args){__VA_ARGS__, OI_HERE})
// The sign bit is set: -0 and -NaN too.
OI_OP(is_neg, oinf_val a);
#define oinf_is_neg(...) oi_build_is_neg((oinf_is_neg_args){__VA_ARGS__, OI_HERE})
// Sum; integers wrap.
OI_OP(add, oinf_val a, b);
#define oinf_add(...) oi_build_add((oinf_add_args){__VA_ARGS__, OI_HERE})
// Difference; integers wrap.
OI_OP(sub, oinf_val a, b);
#define oinf_sub(...) oi_build_sub((oinf_sub_args){__VA_ARGS__, OI_HERE})
// Product; integers wrap.
OI_OP(mul, oinf_val a, b);
#define oinf_mul(...) oi_build_mul((oinf_mul_args){__VA_ARGS__, OI_HERE})
// Quotient, correctly rounded; integers truncate, x / 0 = 0, MIN / -1 = MIN.
OI_OP(div, oinf_val a, b);
#define oinf_div(...) oi_build_div((oinf_div_args){__VA_ARGS__, OI_HERE})
// floor(a / b); integers: x / 0 = 0.
OI_OP(floor_div, oinf_val a, b);
#define oinf_floor_div(...) oi_build_floor_div((oinf_floor_div_args){__VA_ARGS__, OI_HERE})
// Remainder with the sign of a; x rem 0 = x.
OI_OP(rem, oinf_val a, b);
#define oinf_rem(...) oi_build_rem((oinf_rem_args){__VA_ARGS__, OI_HERE})
// a to the b. Within 1 ULP (0.95 found over 2^26 pairs).
OI_OP(pow, oinf_val a, b);
#define oinf_pow(...) oi_build_pow((oinf_pow_args){__VA_ARGS__, OI_HERE})
// The smaller; NaN wins, an equal pair gives a.
OI_OP(min, oinf_val a, b);
#define oinf_min(...) oi_build_min((oinf_min_args){__VA_ARGS__, OI_HERE})
// The larger; NaN wins, an equal pair gives a.
OI_OP(max, oinf_val a, b);
#define oinf_max(...) oi_build_max((oinf_max_args){__VA_ARGS__, OI_HERE})
// Bitwise, or logical of bool.
OI_OP(and, oinf_val a, b);
#define oinf_and(...) oi_build_and((oinf_and_args){__VA_ARGS__, OI_HERE})
// Bitwise, or logical of bool.
OI_OP(or, oinf_val a, b);
#define oinf_or(...) oi_build_or((oinf_or_args){__VA_ARGS__, OI_HERE})
// Bitwise, or logical of bool.
OI_OP(xor, oinf_val a, b);
#define oinf_xor(...) oi_build_xor((oinf_xor_args){__VA_ARGS__, OI_HERE})
// Left shift; by the width or more, or by a negative number: 0.
OI_OP(shl, oinf_val a, b);
#define oinf_shl(...) oi_build_shl((oinf_shl_args){__VA_ARGS__, OI_HERE})
// Right shift, arithmetic for signed; by the width or more: 0, or the sign.
OI_OP(shr, oinf_val a, b);
#define oinf_shr(...) oi_build_shr((oinf_shr_args){__VA_ARGS__, OI_HERE})
// Equal; NaN equals nothing.
OI_OP(eq, oinf_val a, b);
#define oinf_eq(...) oi_build_eq((oinf_eq_args){__VA_ARGS__, OI_HERE})
// Not equal.
OI_OP(ne, oinf_val a, b);
#define oinf_ne(...) oi_build_ne((oinf_ne_args){__VA_ARGS__, OI_HERE})
// Less.
OI_OP(lt, oinf_val a, b);
#define oinf_lt(...) oi_build_lt((oinf_lt_args){__VA_ARGS__, OI_HERE})
// Less or equal.
OI_OP(le, oinf_val a, b);
#define oinf_le(...) oi_build_le((oinf_le_args){__VA_ARGS__, OI_HERE})
// Greater.
OI_OP(gt, oinf_val a, b);
#define oinf_gt(...) oi_build_gt((oinf_gt_args){__VA_ARGS__, OI_HERE})
// Greater or equal.
OI_OP(ge, oinf_val a, b);
#define oinf_ge(...) oi_build_ge((oinf_ge_args){__VA_ARGS__, OI_HERE})
// a * b + c, rounded twice.
OI_OP(fma, oinf_val a, b, c);
#define oinf_fma(...) oi_build_fma((oinf_fma_args){__VA_ARGS__, OI_HERE})
// b where a, else c.
OI_OP(where, oinf_val a, b, c);
#define oinf_where(...) oi_build_where((oinf_where_args){__VA_ARGS__, OI_HERE})

// Sum; integers wrap.
typedef struct oinf_sum_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  OI_PLACE;
} oinf_sum_args;
OINF_API oinf_val oi_build_sum(oinf_sum_args args);
#define oinf_sum(...) oi_build_sum((oinf_sum_args){__VA_ARGS__, OI_HERE})

// sum / n.
typedef struct oinf_mean_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  OI_PLACE;
} oinf_mean_args;
OINF_API oinf_val oi_build_mean(oinf_mean_args args);
#define oinf_mean(...) oi_build_mean((oinf_mean_args){__VA_ARGS__, OI_HERE})

// Product; integers wrap.
typedef struct oinf_prod_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  OI_PLACE;
} oinf_prod_args;
OINF_API oinf_val oi_build_prod(oinf_prod_args args);
#define oinf_prod(...) oi_build_prod((oinf_prod_args){__VA_ARGS__, OI_HERE})

// Largest; NaN wins; of nothing the lowest there is.
typedef struct oinf_reduce_max_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  OI_PLACE;
} oinf_reduce_max_args;
OINF_API oinf_val oi_build_reduce_max(oinf_reduce_max_args args);
#define oinf_reduce_max(...) oi_build_reduce_max((oinf_reduce_max_args){__VA_ARGS__, OI_HERE})

// Smallest; NaN wins; of nothing the highest there is.
typedef struct oinf_reduce_min_args {
  oinf_val a;
  oinf_dims axes;  // axes, from the end where negative; empty: all
  bool keep;  // keep them as 1
  OI_PLACE;
} oinf_reduce_min_args;
OINF_API oinf_val oi_build_reduce_min(oinf_reduce_min_args args);
#define oinf_reduce_min(...) oi_build_reduce_min((oinf_reduce_min_args){__VA_ARGS__, OI_HERE})

// Index of the largest, i64; ties to the lowest index; the first NaN wins.
typedef struct oinf_argmax_args {
  oinf_val a;
  int64_t axis;  // axis; -1 the last
  bool keep;  // keep it as 1
  OI_PLACE;
} oinf_argmax_args;
OINF_API oinf_val oi_build_argmax(oinf_argmax_args args);
#define oinf_argmax(...) oi_build_argmax((oinf_argmax_args){__VA_ARGS__, OI_HERE})

// Index of the smallest, i64; ties to the lowest index; the first NaN wins.
typedef struct oinf_argmin_args {
  oinf_val a;
  int64_t axis;  // axis; -1 the last
  bool keep;  // keep it as 1
  OI_PLACE;
} oinf_argmin_args;
OINF_API oinf_val oi_build_argmin(oinf_argmin_args args);
#define oinf_argmin(...) oi_build_argmin((oinf_argmin_args){__VA_ARGS__, OI_HERE})

// Value in another dtype.
typedef struct oinf_cast_args {
  oinf_val a;
  oinf_dtype to;  // target
  int64_t rounding;  // 0 nearest even, 1 toward zero, 2 down, 3 up; of float to integer: 0 toward zero
  bool wrap;  // integer targets wrap instead of saturating
  OI_PLACE;
} oinf_cast_args;
OINF_API oinf_val oi_build_cast(oinf_cast_args args);
#define oinf_cast(...) oi_build_cast((oinf_cast_args){__VA_ARGS__, OI_HERE})

// A constant.
typedef struct oinf_fill_args {
  oinf_graph *graph;
  oinf_dtype dtype;  // f32 by default
  oinf_dims shape;  // shape
  double value;  // value
  OI_PLACE;
} oinf_fill_args;
OINF_API oinf_val oi_build_fill(oinf_fill_args args);
#define oinf_fill(...) oi_build_fill((oinf_fill_args){__VA_ARGS__, OI_HERE})

// start, start + step, ... along an axis.
typedef struct oinf_iota_args {
  oinf_graph *graph;
  oinf_dtype dtype;  // i64 by default
  oinf_dims shape;  // shape
  int64_t axis;  // axis that counts
  oinf_dim start;  // first value
  int64_t step;  // 0 means 1
  OI_PLACE;
} oinf_iota_args;
OINF_API oinf_val oi_build_iota(oinf_iota_args args);
#define oinf_iota(...) oi_build_iota((oinf_iota_args){__VA_ARGS__, OI_HERE})

// The same elements under another shape.
typedef struct oinf_reshape_args {
  oinf_val a;
  oinf_dims shape;  // OINF_INFER once: what remains
  OI_PLACE;
} oinf_reshape_args;
OINF_API oinf_val oi_build_reshape(oinf_reshape_args args);
#define oinf_reshape(...) oi_build_reshape((oinf_reshape_args){__VA_ARGS__, OI_HERE})

// Axes in another order.
typedef struct oinf_permute_args {
  oinf_val a;
  oinf_dims axes;  // where output axis i comes from
  OI_PLACE;
} oinf_permute_args;
OINF_API oinf_val oi_build_permute(oinf_permute_args args);
#define oinf_permute(...) oi_build_permute((oinf_permute_args){__VA_ARGS__, OI_HERE})

// A range along an axis.
typedef struct oinf_slice_args {
  oinf_val a;
  int64_t axis;  // axis
  oinf_dim begin;  // first
  oinf_dim end;  // behind the last; OINF_INFER: to the end
  int64_t step;  // 0 means 1
  OI_PLACE;
} oinf_slice_args;
OINF_API oinf_val oi_build_slice(oinf_slice_args args);
#define oinf_slice(...) oi_build_slice((oinf_slice_args){__VA_ARGS__, OI_HERE})

// One index of an axis.
typedef struct oinf_select_args {
  oinf_val a;
  int64_t axis;  // axis, which goes
  oinf_dim index;  // which
  OI_PLACE;
} oinf_select_args;
OINF_API oinf_val oi_build_select(oinf_select_args args);
#define oinf_select(...) oi_build_select((oinf_select_args){__VA_ARGS__, OI_HERE})

// Operands one behind the other.
typedef struct oinf_concat_args {
  oinf_val a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p;  // 1 of them, or more
  int64_t axis;  // axis
  OI_PLACE;
} oinf_concat_args;
OINF_API oinf_val oi_build_concat(oinf_concat_args args);
#define oinf_concat(...) oi_build_concat((oinf_concat_args){__VA_ARGS__, OI_HERE})

// Parts along an axis; the others by oinf_out.
typedef struct oinf_split_args {
  oinf_val a;
  int64_t axis;  // axis
  oinf_dims sizes;  // sizes of the parts
  OI_PLACE;
} oinf_split_args;
OINF_API oinf_val oi_build_split(oinf_split_args args);
#define oinf_split(...) oi_build_split((oinf_split_args){__VA_ARGS__, OI_HERE})

// Axes of length 1 repeated, new axes in front.
typedef struct oinf_expand_args {
  oinf_val a;
  oinf_dims shape;  // target; OINF_INFER: as it is
  OI_PLACE;
} oinf_expand_args;
OINF_API oinf_val oi_build_expand(oinf_expand_args args);
#define oinf_expand(...) oi_build_expand((oinf_expand_args){__VA_ARGS__, OI_HERE})

// Drops axes of length 1.
typedef struct oinf_squeeze_args {
  oinf_val a;
  oinf_dims axes;  // axes of length 1 to drop; empty: all
  OI_PLACE;
} oinf_squeeze_args;
OINF_API oinf_val oi_build_squeeze(oinf_squeeze_args args);
#define oinf_squeeze(...) oi_build_squeeze((oinf_squeeze_args){__VA_ARGS__, OI_HERE})

// New axes of length 1.
typedef struct oinf_unsqueeze_args {
  oinf_val a;
  oinf_dims axes;  // where the new axes stand in the result
  OI_PLACE;
} oinf_unsqueeze_args;
OINF_API oinf_val oi_build_unsqueeze(oinf_unsqueeze_args args);
#define oinf_unsqueeze(...) oi_build_unsqueeze((oinf_unsqueeze_args){__VA_ARGS__, OI_HERE})

// Rows of table a that b names; an index out of range stops the step. Quantized tables give f32.
typedef struct oinf_gather_args {
  oinf_val a, b;
  int64_t axis;  // axis of the table
  OI_PLACE;
} oinf_gather_args;
OINF_API oinf_val oi_build_gather(oinf_gather_args args);
#define oinf_gather(...) oi_build_gather((oinf_gather_args){__VA_ARGS__, OI_HERE})

// Matrix product, batched with broadcasting. A quantized b is [N, K] transposed; then a is i8 and the third operand its scales: oinf_matmul inserts quantize.
typedef struct oinf_matmul_args {
  oinf_val a, b, c;  // 2 of them, or more
  bool transpose_a;  // a is [.., K, M]
  bool transpose_b;  // b is [.., N, K]
  oinf_dtype act;  // f32: quantized weights are dequantized instead of a being quantized
  OI_PLACE;
} oinf_matmul_args;
OINF_API oinf_val oi_build_matmul(oinf_matmul_args args);
#define oinf_matmul(...) oi_build_matmul((oinf_matmul_args){__VA_ARGS__, OI_HERE})

// m = max, e = exp(a - m), e * (1 / sum e). Within (m - a) / 2 + 5 ULP.
typedef struct oinf_softmax_args {
  oinf_val a;
  int64_t axis;  // axis; -1 the last
  OI_PLACE;
} oinf_softmax_args;
OINF_API oinf_val oi_build_softmax(oinf_softmax_args args);
#define oinf_softmax(...) oi_build_softmax((oinf_softmax_args){__VA_ARGS__, OI_HERE})

// (a * (1 / sqrt(mean(a * a) + eps))) * b over the last axis. Within 12 ULP up to 4096 elements.
typedef struct oinf_rmsnorm_args {
  oinf_val a, b;  // 1 of them, or more
  double eps;  // added to the mean square
  OI_PLACE;
} oinf_rmsnorm_args;
OINF_API oinf_val oi_build_rmsnorm(oinf_rmsnorm_args args);
#define oinf_rmsnorm(...) oi_build_rmsnorm((oinf_rmsnorm_args){__VA_ARGS__, OI_HERE})

// ((a - mean) * (1 / sqrt(var + eps))) * b + c over the last axis. Within 12 ULP of its largest term up to 4096 elements.
typedef struct oinf_layernorm_args {
  oinf_val a, b, c;  // 1 of them, or more
  double eps;  // added to the variance
  OI_PLACE;
} oinf_layernorm_args;
OINF_API oinf_val oi_build_layernorm(oinf_layernorm_args args);
#define oinf_layernorm(...) oi_build_layernorm((oinf_layernorm_args){__VA_ARGS__, OI_HERE})

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
  OI_PLACE;
} oinf_rope_args;
OINF_API oinf_val oi_build_rope(oinf_rope_args args);
#define oinf_rope(...) oi_build_rope((oinf_rope_args){__VA_ARGS__, OI_HERE})

// Attention: q [T, h, d], k and v [S, g, d] with h a multiple of g, optional mask [T, S] (bool: seen; float: added). Gives [T, h, d].
typedef struct oinf_sdpa_args {
  oinf_val a, b, c, d;  // 3 of them, or more
  oinf_dim pos;  // position of query row 0 against key row 0: S - T
  bool causal;  // query t sees keys up to pos + t
  int64_t window;  // keys further back than this are not seen; 0: all
  double scale;  // of the scores; 0 means 1 / sqrt(d)
  double softcap;  // scores become cap * tanh(s / cap); 0: no
  OI_PLACE;
} oinf_sdpa_args;
OINF_API oinf_val oi_build_sdpa(oinf_sdpa_args args);
#define oinf_sdpa(...) oi_build_sdpa((oinf_sdpa_args){__VA_ARGS__, OI_HERE})

// Rows in blocks: d = max|a| / 127, q = round(a / d). Gives i8 of a's shape and f32 [.., K / block].
typedef struct oinf_quantize_args {
  oinf_val a;
  int64_t block;  // 32 or 256; 0 means 32
  OI_PLACE;
} oinf_quantize_args;
OINF_API oinf_val oi_build_quantize(oinf_quantize_args args);
#define oinf_quantize(...) oi_build_quantize((oinf_quantize_args){__VA_ARGS__, OI_HERE})

// f32 of a block-quantized tensor, or of the pair that quantize gives.
typedef struct oinf_dequantize_args {
  oinf_val a, b;  // 1 of them, or more
  int64_t block;  // of the pair form; 0 means 32
  OI_PLACE;
} oinf_dequantize_args;
OINF_API oinf_val oi_build_dequantize(oinf_dequantize_args args);
#define oinf_dequantize(...) oi_build_dequantize((oinf_dequantize_args){__VA_ARGS__, OI_HERE})

#ifdef __cplusplus
}
#define OI_CXX(op) inline oinf_val oi_##op(const oinf_##op##_args &a) { return oi_build_##op(a); }
OI_CXX(abs) OI_CXX(neg) OI_CXX(recip) OI_CXX(sqrt) OI_CXX(rsqrt) OI_CXX(exp) OI_CXX(exp2)
OI_CXX(log) OI_CXX(log2) OI_CXX(sin) OI_CXX(cos) OI_CXX(tanh) OI_CXX(sigmoid) OI_CXX(erf)
OI_CXX(relu) OI_CXX(silu) OI_CXX(gelu) OI_CXX(gelu_tanh) OI_CXX(softplus) OI_CXX(elu)
OI_CXX(hardsigmoid) OI_CXX(hardswish) OI_CXX(floor) OI_CXX(ceil) OI_CXX(round) OI_CXX(trunc)
OI_CXX(sign) OI_CXX(clamp) OI_CXX(not) OI_CXX(popcount) OI_CXX(is_finite) OI_CXX(is_nan)
OI_CXX(is_inf) OI_CXX(is_neg) OI_CXX(add) OI_CXX(sub) OI_CXX(mul) OI_CXX(div) OI_CXX(floor_div)
OI_CXX(rem) OI_CXX(pow) OI_CXX(min) OI_CXX(max) OI_CXX(and) OI_CXX(or) OI_CXX(xor) OI_CXX(shl)
OI_CXX(shr) OI_CXX(eq) OI_CXX(ne) OI_CXX(lt) OI_CXX(le) OI_CXX(gt) OI_CXX(ge) OI_CXX(fma)
OI_CXX(where) OI_CXX(sum) OI_CXX(mean) OI_CXX(prod) OI_CXX(reduce_max) OI_CXX(reduce_min)
OI_CXX(argmax) OI_CXX(argmin) OI_CXX(cast) OI_CXX(fill) OI_CXX(iota) OI_CXX(reshape)
OI_CXX(permute) OI_CXX(slice) OI_CXX(select) OI_CXX(concat) OI_CXX(split) OI_CXX(expand)
OI_CXX(squeeze) OI_CXX(unsqueeze) OI_CXX(gather) OI_CXX(matmul) OI_CXX(softmax) OI_CXX(rmsnorm)
OI_CXX(layernorm) OI_CXX(rope) OI_CXX(sdpa) OI_CXX(quantize) OI_CXX(dequantize)
#undef OI_CXX
#endif
#undef OI_OP
#endif
