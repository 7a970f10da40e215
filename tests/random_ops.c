// Turns of the generator that language models seldom take: integers of every width, f64, casts with
// roundings, products of every layout, gathers on every axis, attention under masks, rotary
// scalings, quantized pairs, empty axes. Each ends in f32 values for the pool.
#include <math.h>

#include "tests/random_graph_in.h"

static int rank_of(oinf_val x) { return (int)oinf_val_rank(x); }
// Rows and width of a matrix.
static bool is_matrix(oinf_val x) { return rank_of(x) == 2 && random_width(x) > 0; }

static oinf_val scaled(oinf_val x, double by) { return oinf_mul(x, oinf_num(x.graph, by)); }

// ---- integers, f64, casts ----

static const oinf_dtype integers[] = {OINF_I8, OINF_I16, OINF_I32, OINF_I64,
                                      OINF_U8, OINF_U16, OINF_U32, OINF_U64};

static oinf_val to_integer(generator *v, oinf_val x, oinf_dtype to) {
  return oinf_cast(scaled(x, one_in(v, 4) ? 3e9 : 40), .to = to, .rounding = below(v, 4),
                   .wrap = one_in(v, 2));
}

static void make_integers(generator *v, oinf_val x, oinf_val y) {
  const bool is_signed = one_in(v, 2);
  const int class = is_signed ? 0 : 4;
  oinf_val a = to_integer(v, x, integers[class + below(v, 4)]);
  oinf_val b = to_integer(v, y, integers[class + below(v, 4)]);
  switch (below(v, 12)) {
    case 0: a = oinf_add(a, b); break;
    case 1: a = oinf_sub(a, b); break;
    case 2: a = oinf_mul(a, b); break;
    case 3: a = oinf_div(a, b); break;
    case 4: a = oinf_rem(a, b); break;
    case 5: a = oinf_floor_div(a, b); break;
    case 6: a = oinf_shl(a, oinf_and(b, oinf_num(v->g, 7))); break;
    case 7: a = oinf_shr(a, b); break;
    case 8: a = oinf_xor(oinf_not(a), oinf_popcount(b)); break;
    case 9: a = oinf_where(oinf_le(a, b), oinf_max(a, b), a); break;
    case 10: a = is_signed ? oinf_neg(oinf_abs(a)) : oinf_min(a, b); break;
    default: a = oinf_or(a, oinf_sum(b, .keep = true));
  }
  random_keep(v, a, 100);
}

static void make_wide(generator *v, oinf_val x, oinf_val y) {
  oinf_val a = oinf_cast(x, .to = OINF_F64), b = oinf_cast(y, .to = OINF_F64);
  switch (below(v, 5)) {
    case 0: a = oinf_add(a, y); break;
    case 1: a = oinf_sqrt(oinf_abs(oinf_sub(a, b))); break;
    case 2: a = oinf_div(a, oinf_max(b, oinf_num(v->g, 0.5))); break;
    case 3: a = oinf_where(oinf_lt(a, b), a, oinf_neg(b)); break;
    default:
      if (rank_of(x)) a = oinf_mean(oinf_mul(a, b), .axes = OINF_DIMS(-1), .keep = true);
  }
  random_keep(v, oinf_cast(a, .to = one_in(v, 2) ? OINF_F16 : OINF_F32, .rounding = below(v, 4)),
              100);
}

static void make_cast(generator *v, oinf_val x, oinf_val y) {
  static const oinf_dtype to[] = {OINF_F16, OINF_BF16, OINF_F64, OINF_BOOL, OINF_I8, OINF_U16};
  oinf_val q = oinf_div(x, y);
  switch (below(v, 3)) {
    case 0:
      random_keep(v, oinf_cast(scaled(x, 3), .to = to[below(v, 6)], .rounding = below(v, 4)), 100);
      break;
    case 1: random_keep(v, oinf_where(oinf_is_finite(q), q, x), 100); break;
    default: random_keep(v, oinf_and(oinf_not(oinf_is_neg(x)), oinf_ne(x, y)), 1);
  }
}

// ---- products ----

static void make_product(generator *v, oinf_val x, oinf_val y) {
  const int64_t k = random_width(x);
  oinf_val w, a;
  if (!is_matrix(x)) return;
  switch (below(v, 6)) {
    case 0: random_keep(v, oinf_matmul(x, y, .transpose_a = true), 100); break;
    case 1: random_keep(v, oinf_matmul(x, y, .transpose_b = true), 100); break;
    case 2:
      a = oinf_cast(scaled(x, 20), .to = OINF_I32);
      random_keep(v, oinf_matmul(a, random_weight(v, OINF_I8, 2, k, 8)), 100);
      break;
    case 3:
      a = oinf_cast(x, .to = OINF_F64), w = oinf_cast(y, .to = OINF_F64);
      random_keep(v, oinf_matmul(a, w, .transpose_b = true), 100);
      break;
    case 4:  // [2, 1, rows, k] by [3, k, 4]
      a = oinf_unsqueeze(oinf_unsqueeze(x, .axes = OINF_DIMS(0)), .axes = OINF_DIMS(0));
      a = oinf_concat(a, oinf_neg(a), .axis = 0);
      w = oinf_expand(random_weight(v, OINF_F32, 2, k, 4), .shape = OINF_DIMS(3, k, 4));
      random_keep(v, oinf_matmul(a, w), 100);
      break;
    default: random_keep(v, oinf_matmul(x, random_weight(v, OINF_F16, 1, k, 0)), 100);
  }
}

// ---- rows ----

static oinf_val mask_of(generator *v, oinf_val x) {
  oinf_val s = oinf_matmul(x, x, .transpose_b = true);
  if (one_in(v, 2)) return oinf_lt(s, oinf_num(v->g, 1.5));
  return oinf_where(oinf_gt(s, oinf_num(v->g, 1)), oinf_num(v->g, -INFINITY), oinf_tanh(s));
}

static void make_attention(generator *v, oinf_val x, oinf_val y) {
  static const char *const scalings[] = {"", "linear", "dynamic", "llama3", "yarn"};
  const int64_t k = random_width(x), heads = one_in(v, 2) ? 2 : 1;
  if (!is_matrix(x) || k % 8) return;
  oinf_val q = oinf_split_heads(x, 2),
           keys = oinf_reshape(y, .shape = OINF_DIMS(oinf_val_dim(y, 0), 2, k / 2));
  if (heads == 1) keys = oinf_slice(keys, .axis = 1, .begin = 0, .end = 1);
  if (one_in(v, 2))
    q = oinf_rope(q, .pos = one_in(v, 2) ? v->P : 3, .theta = 100, .interleaved = one_in(v, 2),
                  .scaling = scalings[below(v, 5)], .factor = 2, .original = 4,
                  .width = one_in(v, 2) ? k / 4 : 0, .attention_factor = one_in(v, 3) ? 1.5 : 0);
  const bool causal = one_in(v, 2);
  const int64_t window = one_in(v, 3) ? 2 : 0;
  const double cap = one_in(v, 3) ? 5 : 0;
  oinf_val out = one_in(v, 2) ? oinf_sdpa(q, keys, keys, mask_of(v, x), .causal = causal,
                                          .window = window, .softcap = cap)
                              : oinf_sdpa(q, keys, keys, .causal = causal, .window = window);
  random_keep(v, oinf_reshape(out, .shape = OINF_DIMS(oinf_val_dim(x, 0), k)), 16);
}

static void make_blocks(generator *v, oinf_val x) {
  const int64_t k = random_width(x);
  oinf_val w = random_weight(v, one_in(v, 2) ? OINF_Q8_0 : OINF_Q4_0, 2, 3, 32);
  if (one_in(v, 2)) random_keep(v, oinf_dequantize(w), 100);
  if (!k || k % 32) return;
  oinf_val q = oinf_quantize(x);
  random_keep(v, oinf_dequantize(q, oinf_out(q, 1)), 16);
}

// ---- places ----

static void make_places(generator *v, oinf_val x, double s) {
  const int64_t k = random_width(x);
  oinf_val i, parts;
  if (!is_matrix(x)) return;
  switch (below(v, 8)) {
    case 0:
      i = oinf_argmin(x, .axis = 1);
      random_keep(v, oinf_gather(x, i, .axis = 1), s);
      break;
    case 1:
      i = oinf_cast(oinf_argmax(x, .axis = 0), .to = OINF_U8);
      random_keep(v, oinf_gather(x, i, .axis = 0), s);
      break;
    case 2:  // the indices are below 8
      i = k < 8 ? oinf_argmax(x, .axis = 1) : random_weight(v, OINF_I32, 1, 5, 0);
      random_keep(v, oinf_gather(x, i, .axis = -1), s);
      break;
    case 3:
      random_keep(v, oinf_slice(x, .axis = 1, .begin = 1, .end = OINF_INFER, .step = 3), s);
      break;
    case 4:
      parts = oinf_split(x, .axis = 1, .sizes = OINF_DIMS(1, 0, k - 1));
      random_keep(v, parts, s);
      random_keep(v, oinf_concat(oinf_out(parts, 2), parts, oinf_out(parts, 1), .axis = 1), s);
      break;
    case 5:  // an axis without elements: sums of nothing, and a largest of nothing
      i = oinf_slice(x, .axis = 0, .begin = 0, .end = 0);
      random_keep(v, oinf_sum(i, .axes = OINF_DIMS(0)), s);
      random_keep(v, oinf_tanh(oinf_reduce_max(i, .axes = OINF_DIMS(0))), 1);
      break;
    case 6:
      i = oinf_iota(v->g, .dtype = one_in(v, 2) ? OINF_F16 : OINF_I16,
                    .shape = OINF_DIMS(oinf_val_dim(x, 0), k), .axis = below(v, 2), .start = v->P,
                    .step = below(v, 5) - 2);
      random_keep(v, oinf_add(x, oinf_cast(i, .to = OINF_F32)), 100);
      break;
    default:
      i = oinf_fill(v->g, .dtype = one_in(v, 2) ? OINF_BF16 : OINF_F64, .shape = OINF_DIMS(1, k),
                    .value = 0.3);
      random_keep(v, oinf_cast(oinf_mul(x, i), .to = OINF_F32), s);
  }
}

void random_other(generator *v, oinf_val x, oinf_val y, double s) {
  switch (below(v, 9)) {
    case 0: make_integers(v, x, y); break;
    case 1: make_wide(v, x, y); break;
    case 2: make_cast(v, x, y); break;
    case 3:
    case 4: make_product(v, x, y); break;
    case 5: make_attention(v, x, y); break;
    case 6: make_blocks(v, x); break;
    default: make_places(v, x, s);
  }
}
