// How far two arrays of one shape lie apart, element by element.
#ifndef OINF_SIM_APART_H
#define OINF_SIM_APART_H
#include "lib/op.h"

typedef struct oi_apart {
  uint64_t count, differ;
  int64_t first;         // flat index of the first that differs, -1: none does
  uint64_t ulps;         // there: steps between neighbours of the dtype; 0 where that says nothing
  double most, most_of;  // of |a - b|, and of it to |b|, over those that differ
} oi_apart;

// Without tolerances elements are equal where their bits are, else where |a - b| <= atol + rtol
// |b|; any NaN equals any other. Dtypes may differ where one class loads both.
void oi_apart_of(const oi_view *a, const oi_view *b, double rtol, double atol, oi_apart *out);
#endif
