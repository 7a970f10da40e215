// The registry of formats: who reads what, told from the bytes alone. Each reader fills a model.
#ifndef OINF_FORMATS_FORMAT_H
#define OINF_FORMATS_FORMAT_H
#include "formats/file.h"

// A reader takes the source over, on failure too.
oinf_status oi_oinf_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model);
oinf_status oi_safetensors_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model);
oinf_status oi_npy_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model);
// A checkpoint folder. One without weights fails with NOINPUT where they are wanted, and is a model
// without tensors where they are not.
oinf_status oi_huggingface_open(oinf_ctx *ctx, const char *path, bool weights_wanted,
                                oinf_model **out_model);

#endif
