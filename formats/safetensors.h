// safetensors: a JSON header that names tensors and their bytes; checkpoints in one file or in
// shards beside an index. And a small writer of single files.
#ifndef OINF_FORMATS_SAFETENSORS_H
#define OINF_FORMATS_SAFETENSORS_H
#include "formats/file.h"

enum { OI_ST_HEADER = 100 * 1000 * 1000 };   // longest header, as the format's own reader has it
// True where the bytes may be such a file: its length, and a brace behind that.
bool oi_safetensors_probe(const uint8_t *head, size_t n, uint64_t size);

// What an index says of one shard: the names of its tensors, sorted.
typedef struct oi_st_name {
  const char *shard, *name;
} oi_st_name;
// Adds the file's tensors to the model, which takes the source over, on failure too. With `wanted`
// the n tensors named there, all of which must be in the file, else all of them.
// A tensor of a dtype that oinf lacks opens as u8, and metadata `safetensors:dtype:<name>` tells
// its true dtype and shape, `safetensors.<key>` what the file's own metadata says.
oinf_status oi_safetensors_add(oinf_model *m, oi_source source, const oi_st_name *wanted, size_t n);
// Adds all shards that an index in the folder names.
oinf_status oi_safetensors_add_index(oinf_model *m, const oi_folder *f, const char *index);

// Writes a file: all or nothing, the same bytes for the same tensors in any order. Block-quantized
// tensors are refused (SUPPORT).
typedef struct oi_st_tensor {
  oinf_tensor tensor;     // bytes is not looked at
  const void *data;
} oi_st_tensor;
oinf_status oi_safetensors_write(oinf_ctx *ctx, const char *path, const oi_st_tensor *tensors,
                                 size_t n);
// The same, of tensors that were written to another output before, each at its place there: none is
// held in memory.
typedef struct oi_st_spool {
  oi_out *out;
  const uint64_t *at;
} oi_st_spool;
oinf_status oi_safetensors_write_from(oinf_ctx *ctx, const char *path, const oi_st_tensor *tensors,
                                      size_t n, const oi_st_spool *spool);

#endif
