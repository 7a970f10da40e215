// Block quantizers, bit for bit those of the format's reference.
#ifndef OINF_CONVERT_QUANTIZE_H
#define OINF_CONVERT_QUANTIZE_H
#include "lib/op.h"
// n values (a multiple of 32) into blocks of dtype q8_0 or q4_0. False where a value, or a block's
// scale as f16, is not finite: such blocks stand for nothing.
bool oi_quantize_blocks(oinf_dtype dtype, const float *x, int64_t n, uint8_t *out);
#endif
