// The values of a tensor, widened piece by piece: what statistics and comparisons walk. Memory is
// one fixed piece whatever the tensor weighs. Bytes are taken as they lie: no checksum is asked.
#ifndef OINF_CONVERT_VALUES_H
#define OINF_CONVERT_VALUES_H
#include "lib/model.h"
#include "lib/op.h"

enum {
  OI_VALUES = 1 << 15  // elements of a piece: whole blocks of every dtype
};
typedef struct oi_values {
  oinf_model *m;
  uint32_t tensor;
  uint64_t next, count;  // elements: of the piece that comes, of the tensor
  size_t n, bytes;       // of this piece
  double at[OI_VALUES];  // blocks dequantized
  union {
    int64_t whole[OI_VALUES];  // of integers and bools: exact; u64 beyond INT64_MAX wraps
    float narrow[OI_VALUES];
  };
  uint8_t raw[OI_VALUES * 8];
} oi_values;  // of oi_alloc: about a megabyte

void oi_values_start(oi_values *v, oinf_model *m, uint32_t tensor);
// The next piece; n == 0: there is none. `oi_values_bytes` fills raw alone.
oinf_status oi_values_next(oi_values *v);
oinf_status oi_values_bytes(oi_values *v);
#endif
