// See gap.h. Equal bytes of one dtype are found first, at the speed of reading: most tensors of two
// models that one compares are equal. Figures are sums in double, by piece and then over pieces;
// integers are told apart exactly.
#include "convert/gap.h"

#include <float.h>
#include <math.h>
#include <string.h>

static oinf_dtype dtype_of(const oi_values *v) { return v->m->tensors.at[v->tensor].pub.dtype; }

static bool is_whole(const oi_values *v) {
  return (oi_dtype_class(dtype_of(v)) & (OI_S | OI_U | OI_B)) != 0;
}

typedef struct meeting {
  const oi_values *a, *b;
  bool whole;           // integers both
  bool mixed;           // u64 meets another: what is negative as int64_t then differs
  double own, squares;  // sums of a * a, and of the gap's square
} meeting;

static bool is_equal(const meeting *m, size_t k) {
  const double x = m->a->at[k], y = m->b->at[k];
  if (!m->whole) return x == y || (x != x && y != y);
  const int64_t i = m->a->whole[k];
  return i == m->b->whole[k] && !(m->mixed && i < 0);
}

static double distance(const meeting *m, size_t k) {
  if (!m->whole || m->mixed) return fabs(m->a->at[k] - m->b->at[k]);
  const int64_t i = m->a->whole[k], j = m->b->whole[k];
  const uint64_t x = (uint64_t)i, y = (uint64_t)j;
  const bool above = dtype_of(m->a) == OINF_U64 ? x > y : i > j;
  return (double)(above ? x - y : y - x);
}

static void meet(meeting *m, oi_gap *g) {
  double own = 0, squares = 0;
  for (size_t k = 0; k < m->a->n; k++) {
    const double x = m->a->at[k], y = m->b->at[k], square = x * x;
    if (fabs(x) <= DBL_MAX) own = own + square;
    if (is_equal(m, k)) continue;
    g->differ++;
    if (x != x || y != y) {
      g->alone++;
      continue;
    }
    const double d = distance(m, k), dd = d * d;
    if (d > g->most) g->most = d;
    squares = squares + dd;
  }
  m->own += own, m->squares += squares;
}

typedef struct asked {
  bool (*go_on)(void *user);
  void *user;
} asked;

static oinf_status may_go_on(const asked *q, const oi_values *v) {
  if (!q->go_on || q->go_on(q->user)) return OINF_OK;
  return oi_fail(oi_ctx_err(v->m->ctx), OINF_CANCEL, "interrupted");
}

static oinf_status compare_bytes(oi_values *a, oi_values *b, const asked *q, bool *out_differ) {
  *out_differ = dtype_of(a) != dtype_of(b);
  while (!*out_differ && a->next < a->count) {
    OI_TRY(may_go_on(q, a));
    OI_TRY(oi_values_bytes(a));
    OI_TRY(oi_values_bytes(b));
    *out_differ = memcmp(a->raw, b->raw, a->bytes) != 0;
  }
  oi_values_start(a, a->m, a->tensor);
  oi_values_start(b, b->m, b->tensor);
  return OINF_OK;
}

static oinf_status compare_values(oi_values *a, oi_values *b, const asked *q, oi_gap *g) {
  meeting m = {.a = a, .b = b, .whole = is_whole(a) && is_whole(b)};
  m.mixed = (dtype_of(a) == OINF_U64) != (dtype_of(b) == OINF_U64);
  while (a->next < a->count) {
    OI_TRY(may_go_on(q, a));
    OI_TRY(oi_values_next(a));
    OI_TRY(oi_values_next(b));
    meet(&m, g);
  }
  const uint64_t met = g->count - g->alone;
  g->rms = met ? sqrt(m.squares / (double)met) : 0;
  g->relative = m.squares > 0 ? sqrt(m.squares / m.own) : 0;
  return OINF_OK;
}

oinf_status oi_gap_of(oi_values *a, oi_values *b, bool (*go_on)(void *user), void *user,
                      oi_gap *out) {
  const asked q = {go_on, user};
  oi_gap g = {.count = a->count};
  OI_TRY(compare_bytes(a, b, &q, &g.bytes));
  if (g.bytes) OI_TRY(compare_values(a, b, &q, &g));
  *out = g;
  return OINF_OK;
}
