// See apart.h. Integers are told apart exactly, as their own class; distances are in double.
#include "sim/apart.h"

#include <math.h>
#include <string.h>

enum {
  RUN = 256
};

typedef struct loaded {
  double d[RUN];
  uint64_t u[RUN];  // of integers: their bits, widened
} loaded;

static bool is_whole(const oi_view *v) {
  return (oi_dtype_class(v->dtype) & (OI_S | OI_U | OI_B)) != 0;
}

static void load(const oi_view *v, int64_t at, int64_t n, loaded *out) {
  int64_t i[RUN];
  if (!is_whole(v)) {
    oi_load_f64(out->d, v, at, n);
    return;
  }
  if (oi_dtype_class(v->dtype) == OI_U) oi_load_u64(out->u, v, at, n);
  else oi_load_i64(i, v, at, n);
  for (int64_t k = 0; k < n; k++) {
    if (oi_dtype_class(v->dtype) != OI_U) out->u[k] = (uint64_t)i[k], out->d[k] = (double)i[k];
    else out->d[k] = (double)out->u[k];
  }
}

// ---- floats as whole numbers that count their neighbours ----

static bool has_bits(const oi_view *v) { return !is_whole(v) && oinf_dtype_block(v->dtype) == 1; }

static int64_t place_of(const oi_view *v, int64_t i) {
  const uint32_t size = oinf_dtype_block_bytes(v->dtype);
  uint64_t bits = 0;
  memcpy(&bits, (const uint8_t *)v->data + (uint64_t)i * size, size);
  const uint64_t sign = (uint64_t)1 << (8 * size - 1), rest = bits & (sign - 1);
  return bits & sign ? -(int64_t)rest : (int64_t)rest;
}

static uint64_t ulps_between(const oi_view *a, const oi_view *b, int64_t i) {
  if (a->dtype != b->dtype || !has_bits(a)) return 0;
  const int64_t x = place_of(a, i), y = place_of(b, i);
  return x > y ? (uint64_t)x - (uint64_t)y : (uint64_t)y - (uint64_t)x;
}

// ---- the walk ----

typedef struct rule {
  double rtol, atol;
  bool whole;
} rule;

static bool is_equal(const rule *r, const loaded *a, const loaded *b, int64_t k) {
  const double x = a->d[k], y = b->d[k];
  const bool exact = r->rtol == 0 && r->atol == 0;
  if (r->whole && exact) return a->u[k] == b->u[k];
  if (x != x || y != y) return x != x && y != y;
  if (x == y) return !exact || signbit(x) == signbit(y);
  return !exact && fabs(x - y) <= r->atol + r->rtol * fabs(y);
}

static void count(oi_apart *out, double x, double y) {
  const double apart = fabs(x - y), of = apart / fabs(y);
  out->differ++;
  if (apart > out->most || apart != apart) out->most = apart;
  if (y != 0 && of > out->most_of) out->most_of = of;
}

void oi_apart_of(const oi_view *a, const oi_view *b, double rtol, double atol, oi_apart *out) {
  const rule r = {rtol, atol, is_whole(a) && is_whole(b)};
  const int64_t n = oi_view_count(a);
  loaded x, y;
  *out = (oi_apart){.count = (uint64_t)n, .first = -1};
  for (int64_t at = 0; at < n; at += RUN) {
    const int64_t part = n - at < RUN ? n - at : RUN;
    load(a, at, part, &x);
    load(b, at, part, &y);
    for (int64_t k = 0; k < part; k++) {
      if (is_equal(&r, &x, &y, k)) continue;
      if (out->first < 0) out->first = at + k, out->ulps = ulps_between(a, b, at + k);
      count(out, x.d[k], y.d[k]);
    }
  }
}
