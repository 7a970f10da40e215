// .npy: one array. Read: versions 1.0 and 2.0, little-endian, C order. Written: 1.0, as numpy does.
#ifndef OINF_FORMATS_NPY_H
#define OINF_FORMATS_NPY_H
#include "formats/file.h"

// Reads the header and proves that the file is as long as it says. array->name is NULL.
// FORMAT: malformed; SUPPORT: big-endian, Fortran order, structured and other dtypes.
oinf_status oi_npy_header(oi_err *err, const oi_source *s, oinf_tensor *out_array,
                          uint64_t *out_offset);
// The whole array in memory of oi_alloc: array->bytes bytes, at least one; free it with that size.
oinf_status oi_npy_load(oinf_ctx *ctx, const char *path, oinf_tensor *out_array, void **out_data);
// Begins an array; its bytes are then appended to the output. bf16, which numpy lacks, is written
// as its bits (u2); block-quantized dtypes are refused (SUPPORT).
oinf_status oi_npy_begin(oinf_ctx *ctx, oi_out *o, const oinf_tensor *array);
oinf_status oi_npy_write(oinf_ctx *ctx, const char *path, const oinf_tensor *array,
                         const void *data);

#endif
