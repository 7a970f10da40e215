// Exact numbers (lib/rt/strict_number.inc) as elements of float dtypes: rounded once, however
// narrow the dtype is. By way of f32 a bf16 would be rounded twice.
#ifndef OINF_LIB_EXACT_H
#define OINF_LIB_EXACT_H
#include <string.h>

#include "lib/op.h"
#include "lib/rt/strict.h"

static inline uint64_t oi_exact_bits(oinf_dtype to, oi_number x, int64_t mode) {
  switch (to) {
    case OINF_F64: return oi_number_to_float(x, 52, 11, mode);
    case OINF_F32: return oi_number_to_float(x, 23, 8, mode);
    case OINF_F16: return oi_number_to_float(x, 10, 5, mode);
    default: return oi_number_to_float(x, 7, 8, mode);
  }
}

static inline void oi_exact_store(const oi_view *v, int64_t i, oi_number x, int64_t mode) {
  const uint64_t bits = oi_exact_bits(v->dtype, x, mode);
  const size_t size = oinf_dtype_block_bytes(v->dtype);
  memcpy((char *)v->data + (size_t)i * size, &bits, size);
}
#endif
