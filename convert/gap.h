// How far two tensors of one shape lie apart, value by value, whatever their dtypes: blocks are
// dequantized, and a NaN equals any other.
#ifndef OINF_CONVERT_GAP_H
#define OINF_CONVERT_GAP_H
#include "convert/values.h"

typedef struct oi_gap {
  uint64_t count, differ;  // values; 0 and -0 are equal
  uint64_t alone;          // of those that differ: NaN in one of the two
  bool bytes;              // what lies there differs, or the dtypes do
  double most, rms;        // of |a - b|, where neither is NaN
  double relative;         // to a's own rms
} oi_gap;

// `a` and `b` are started. go_on is asked before each piece, false stops with CANCEL; or NULL.
oinf_status oi_gap_of(oi_values *a, oi_values *b, bool (*go_on)(void *user), void *user,
                      oi_gap *out);
#endif
