// The registry of formats: who reads what, told from the bytes. Each reader fills a model.
#ifndef OINF_FORMATS_FORMAT_H
#define OINF_FORMATS_FORMAT_H
#include "formats/file.h"
#include "formats/oinf.h"

// A reader takes the source over, on failure too.
oinf_status oi_safetensors_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model);
oinf_status oi_npy_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model);
// A checkpoint folder: its weights, and its configuration files as blobs of their names (table in
// formats/huggingface.c). One without weights fails with NOINPUT where they are wanted; where they
// are not, it is a model without tensors: enough for its tokenizer.
oinf_status oi_huggingface_open(oinf_ctx *ctx, const char *path, bool weights_wanted,
                                oinf_model **out_model);
// The folder around an index of shards, with the weights of that index.
oinf_status oi_huggingface_open_index(oinf_ctx *ctx, const char *path, oinf_model **out_model);

// What a file that is no model seems to be ("a Git LFS pointer; ..."), or NULL.
const char *oi_format_lookalike(const uint8_t *head, size_t n);

#endif
