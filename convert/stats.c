// See stats.h. Two passes over the tensor, in double: counts, bounds and mean, then the squared
// distances from that mean and the bins, which want the bounds. One pass would do for the deviation
// (Welford) but not for a histogram of equal bins. Sums are kept by piece first, so that their
// error grows with the number of pieces and not of values. Integers beyond 2^53 round as doubles
// do.
#include "convert/stats.h"

#include <float.h>
#include <math.h>

#include "lib/ctx.h"

// Below it a value is subnormal.
static double least_normal(oinf_dtype dtype) {
  switch (dtype) {
    case OINF_F64: return DBL_MIN;
    case OINF_F16: return 0x1p-14;
    case OINF_F32:
    case OINF_BF16:
    case OINF_Q8_0:
    case OINF_Q4_0: return (double)FLT_MIN;
    default: return 0;
  }
}

static double count_piece(const oi_values *v, double least, oi_stats *s) {
  double sum = 0;
  for (size_t k = 0; k < v->n; k++) {
    const double x = v->at[k], size = fabs(x);
    s->nans += size != size;
    s->infinite += size > DBL_MAX;
    if (!(size <= DBL_MAX)) continue;
    s->zeros += size == 0;
    s->subnormals += size > 0 && size < least;
    if (x < s->min) s->min = x;
    if (x > s->max) s->max = x;
    sum = sum + x;
  }
  return sum;
}

// Halves, as max - min may be beyond DBL_MAX.
static size_t bin_of(const oi_stats *s, double x) {
  const double low = s->min / 2, span = s->max / 2 - low;
  if (!(span > 0)) return OI_STATS_BINS / 2;
  const double at = (x / 2 - low) / span * OI_STATS_BINS;
  return at < OI_STATS_BINS ? (size_t)at : OI_STATS_BINS - 1;
}

// Distances from the mean, and their squares.
static void spread_piece(const oi_values *v, oi_stats *s, double sums[2]) {
  double sum = 0, squares = 0;
  for (size_t k = 0; k < v->n; k++) {
    const double x = v->at[k], away = x - s->mean, square = away * away;
    if (!(fabs(x) <= DBL_MAX)) continue;
    s->bins[bin_of(s, x)]++;
    sum = sum + away;
    squares = squares + square;
  }
  sums[0] += sum, sums[1] += squares;
}

// The mean is mended by what it was off, and the squares with it.
static void finish(oi_stats *s, const double sums[2]) {
  const double n = (double)oi_stats_finite(s), off = sums[0] / n, lost = sums[0] * off;
  s->mean += off;
  s->deviation = sqrt((sums[1] - lost) / n);
}

oinf_status oi_stats_of(oi_values *v, oinf_model *m, uint32_t tensor, bool (*go_on)(void *user),
                        void *user, oi_stats *out) {
  const double least = least_normal(m->tensors.at[tensor].pub.dtype);
  oi_stats s = {.min = INFINITY, .max = -INFINITY};
  for (int pass = 0; pass < 2; pass++) {
    double sums[2] = {0};
    oi_values_start(v, m, tensor);
    for (s.count = v->count; v->next < v->count;) {
      if (go_on && !go_on(user)) return oi_fail(oi_ctx_err(m->ctx), OINF_CANCEL, "interrupted");
      OI_TRY(oi_values_next(v));
      if (pass) spread_piece(v, &s, sums);
      else sums[0] += count_piece(v, least, &s);
    }
    if (!oi_stats_finite(&s)) s.min = s.max = 0;
    else if (pass) finish(&s, sums);
    else s.mean = sums[0] / (double)oi_stats_finite(&s);
  }
  *out = s;
  return OINF_OK;
}
