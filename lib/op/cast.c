// A value in another dtype, exact where it can be and rounded once where not.
//
// Every source is an exact number, sign * m * 2^e with a 64-bit m, and every target takes such a
// number: one unpacking and two packings serve all pairs and all rounding modes. The pairs that
// models are full of (between float formats, to nearest) go through the ordinary loads and stores,
// which are the same conversions, vectorised.
#include <string.h>

#include "lib/op.h"
#include "lib/rt/strict.h"
#include "lib/rt/threads.h"

enum { RUN = 512, PIECE = 16 * RUN, NEAREST = 0, ZERO = 1, DOWN = 2, UP = 3 };

bool oi_shape_cast(oi_infer *s) {
  const oinf_cast_args *args = s->args;
  const unsigned plain = OI_F | OI_D | OI_S | OI_U | OI_B;
  if (!oi_infer_class(s, 0, plain)) return false;
  if (!(oi_dtype_class(args->to) & plain))
    return oi_infer_fail(s, "expected .to to be a plain dtype, found %s",
                         oinf_dtype_name(args->to));
  if (args->rounding < NEAREST || args->rounding > UP)
    return oi_infer_fail(s, "expected .rounding from 0 to 3, found %lld",
                         (long long)args->rounding);
  s->out[0] = s->in[0];
  s->out[0].dtype = args->to;
  return true;
}

typedef struct number {
  bool neg, inf, nan;
  uint64_t m;
  int e;
} number;

static number of_double(double d) {
  uint64_t u = oi_bits_d(d), m = u & 0xfffffffffffffu;
  int e = (int)(u >> 52 & 0x7ff);
  if (e == 0x7ff) return (number){.neg = u >> 63, .inf = m == 0, .nan = m != 0};
  return (number){.neg = u >> 63, .m = e ? m | 0x10000000000000u : m, .e = (e ? e : 1) - 1075};
}

static number of_signed(int64_t i) {
  return (number){.neg = i < 0, .m = i < 0 ? 0 - (uint64_t)i : (uint64_t)i};
}

// Drops the lower `shift` bits of m; *out_up says whether the mode rounds the magnitude up.
static uint64_t drop(uint64_t m, int shift, bool neg, int64_t mode, bool *out_up) {
  uint64_t kept = shift < 64 ? m >> shift : 0;
  uint64_t rest = shift <= 0 ? 0 : shift < 64 ? m << (64 - shift) : shift == 64 ? m : m != 0;
  uint64_t half = (uint64_t)1 << 63;
  bool nearest = rest > half || (rest == half && (kept & 1));
  *out_up = mode == NEAREST ? nearest : rest && ((mode == DOWN && neg) || (mode == UP && !neg));
  return kept;
}

// The bits of a float of `bits` mantissa and `width` exponent bits.
static uint64_t to_float(number n, int bits, int width, int64_t mode) {
  uint64_t inf = (((uint64_t)1 << width) - 1) << bits, sign = (uint64_t)n.neg << (bits + width);
  bool up = false;
  if (n.nan) return inf | (uint64_t)1 << (bits - 1);
  if (n.inf) return sign | inf;
  if (n.m == 0) return sign;
  int zeros = __builtin_clzll(n.m), bias = (1 << (width - 1)) - 1;
  int exponent = n.e - zeros + 63 + bias;
  int shift = 63 - bits + (exponent < 1 ? 1 - exponent : 0);
  uint64_t kept = drop(n.m << zeros, shift, n.neg, mode, &up);
  uint64_t field = exponent < 1 ? 0 : (uint64_t)exponent - 1;  // kept's top bit counts one up
  bool away = mode == NEAREST || (mode == DOWN && n.neg) || (mode == UP && !n.neg);
  uint64_t z = field > (uint64_t)1 << width ? inf : (field << bits) + kept + up;
  return sign | (z < inf ? z : away ? inf : inf - 1);
}

// Modulo 2^64; saturating unless `wrap`. NaN gives 0.
static uint64_t to_integer(number n, int width, bool is_signed, int64_t mode, bool wrap) {
  bool up = false, over = n.inf;
  uint64_t most = UINT64_MAX >> (64 - width), mag = 0;
  if (is_signed) most = (most >> 1) + n.neg;
  if (!is_signed && n.neg) most = 0;
  if (n.nan || (n.inf && wrap)) return 0;
  if (n.e > 0) {
    over = over || n.e > 63 || n.m >> (64 - n.e);
    mag = n.e > 63 ? 0 : n.m << n.e;
  } else {
    mag = drop(n.m, -n.e, n.neg, mode == NEAREST ? ZERO : mode, &up);
  }
  if (n.m == 0) over = n.inf;
  mag += up;
  if (!wrap && (over || mag > most)) mag = most;
  return n.neg ? 0 - mag : mag;
}

typedef struct job {
  const oi_call *call;
  unsigned from, to;
} job;

static void load(const job *t, int64_t i, int64_t n, number *out) {
  const oi_view *in = &t->call->in[0];
  union {
    double d[RUN];
    int64_t s[RUN];
    uint64_t u[RUN];
  } x;
  if (t->from & (OI_F | OI_D)) {
    oi_load_f64(x.d, in, i, n);
    for (int64_t k = 0; k < n; k++) out[k] = of_double(x.d[k]);
  } else if (t->from == OI_U) {
    oi_load_u64(x.u, in, i, n);
    for (int64_t k = 0; k < n; k++) out[k] = (number){.m = x.u[k]};
  } else {
    oi_load_i64(x.s, in, i, n);
    for (int64_t k = 0; k < n; k++) out[k] = of_signed(x.s[k]);
  }
}

static void store_floats(const job *t, int64_t i, int64_t n, const number *x) {
  const oi_view *out = t->call->out;
  int64_t mode = ((const oinf_cast_args *)t->call->args)->rounding;
  size_t size = oinf_dtype_block_bytes(out->dtype);
  int bits = out->dtype == OINF_F64   ? 52
             : out->dtype == OINF_F32 ? 23
             : out->dtype == OINF_F16 ? 10
                                      : 7;
  int width = out->dtype == OINF_F64 ? 11 : out->dtype == OINF_F16 ? 5 : 8;
  for (int64_t k = 0; k < n; k++) {
    uint64_t u = to_float(x[k], bits, width, mode);
    memcpy((char *)out->data + (size_t)(i + k) * size, &u, size);
  }
}

static void store_integers(const job *t, int64_t i, int64_t n, const number *x) {
  const oi_view *out = t->call->out;
  const oinf_cast_args *args = t->call->args;
  int width = 8 * (int)oinf_dtype_block_bytes(out->dtype);
  uint64_t u[RUN];
  for (int64_t k = 0; k < n; k++) {
    bool set = x[k].nan || x[k].inf || x[k].m;
    u[k] = t->to == OI_B ? set : to_integer(x[k], width, t->to == OI_S, args->rounding, args->wrap);
  }
  oi_store_u64(out, i, n, u);
}

static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *t = arg;
  const oinf_cast_args *args = t->call->args;
  number x[RUN];
  float f[RUN];
  (void)worker;
  for (int64_t i = begin, n; i < end; i += n) {
    n = end - i < RUN ? end - i : RUN;
    if (t->from == OI_F && t->to == OI_F && args->rounding == NEAREST) {
      oi_load_f32(f, &t->call->in[0], i, n);
      for (int64_t k = 0; k < n; k++) f[k] = oi_canon(f[k]);
      oi_store_f32(t->call->out, i, n, f);
      continue;
    }
    load(t, i, n, x);
    (t->to & (OI_F | OI_D) ? store_floats : store_integers)(t, i, n, x);
  }
}

void oi_run_cast(const oi_call *c) {
  job t = {c, oi_dtype_class(c->in[0].dtype), oi_dtype_class(c->out->dtype)};
  int64_t n = oi_view_count(c->out);
  if (c->threads && n > PIECE)
    oi_threads_run(c->threads, n, PIECE, piece, &t);
  else
    piece(&t, 0, n, 0);
}
