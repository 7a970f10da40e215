// The model: a table of tensors, metadata, blobs and graphs over one or more byte sources. Formats fill it.
// Where a tensor's bytes lie is a fact of the table; reading them is the source's business, and the pager's.
#ifndef OINF_LIB_MODEL_H
#define OINF_LIB_MODEL_H
#include "lib/ctx.h"

// A byte source: a file (fd >= 0, read with pread; map is its read-only mapping once someone asked) or memory.
typedef struct oi_source {
  int fd;                 // -1: memory alone
  const uint8_t *map;     // whole source, or NULL while not mapped
  uint64_t size;
  char *path;             // for messages
  bool owns_map;          // munmap on close
} oi_source;
// Frees path, unmaps, closes; an empty source ({.fd = -1}) and a closed one are no-ops.
void oi_source_close(oinf_ctx *ctx, oi_source *s);
// Reads exactly n bytes; IO where the file fails or has become shorter. Any thread, each with its own err.
oinf_status oi_source_read(oi_err *err, const oi_source *s, uint64_t offset, void *out, uint64_t n);
// Maps the whole file, read-only; a second call is a no-op.
oinf_status oi_source_map(oi_err *err, oi_source *s);

typedef enum oi_tensor_kind { OI_TENSOR_BYTES = 0, OI_TENSOR_SPLAT, OI_TENSOR_NOISE } oi_tensor_kind;

typedef struct oi_tensor {
  oinf_tensor pub;          // name, dtype, rank, dims, bytes
  oi_tensor_kind kind;
  uint32_t source;          // index in model->sources (BYTES)
  uint64_t offset;          // in the source
  uint64_t seed;            // SPLAT: the element's bits; NOISE: the seed
  uint8_t sha256[32];       // in packages
} oi_tensor;

typedef struct oi_meta { char *key, *value; } oi_meta;
typedef struct oi_blob { oinf_blob pub; size_t room; } oi_blob;   // room 0: borrowed from a source
typedef struct oi_graph_text { char *name, *text; size_t size; } oi_graph_text;

// A golden step: what was bound, and a hash per value; written by the strict simulator at conversion.
typedef struct oi_golden_value { char *name; oinf_dtype dtype; uint32_t rank; int64_t dims[OINF_MAX_RANK]; uint64_t hash; } oi_golden_value;
typedef struct oi_golden_bytes { char *name; oinf_dtype dtype; uint32_t rank; int64_t dims[OINF_MAX_RANK]; void *data; uint64_t bytes; double tolerance; } oi_golden_bytes;
typedef struct oi_golden_sym { char *name; int64_t value; } oi_golden_sym;
typedef struct oi_golden_step {
  char *graph, *variant;
  oi_golden_sym *syms; uint32_t n_syms;
  oi_golden_bytes *inputs; uint32_t n_inputs;
  oi_golden_bytes *outputs; uint32_t n_outputs;   // values of the outputs; tolerance < 0: exact bits
  oi_golden_value *values; uint32_t n_values;
} oi_golden_step;

struct oinf_model {
  oinf_ctx *ctx;
  oi_arena arena;
  const char *format;               // "oinf", "safetensors", "huggingface", "npy", "memory"
  OI_VEC(oi_source) sources;
  OI_VEC(oi_tensor) tensors;        // in file order
  OI_VEC(uint32_t) by_name;         // indices of tensors, sorted by name bytes; kept by oi_model_index
  OI_VEC(oi_meta) meta;             // sorted by key
  OI_VEC(oi_blob) blobs;            // sorted by name
  OI_VEC(oi_graph_text) graphs;
  OI_VEC(oi_golden_step) golden;
  // Packages: the checksummed part of source 0 that holds every payload. n_crc == 0: no checksums.
  uint64_t weights_offset, weights_size;
  uint32_t *crc;                    // one for each MiB of it, the last block shorter
  uint32_t n_crc;
  uint8_t root[32];                 // root digest: binds saved states and bundles
  bool has_root;
};

oinf_status oi_model_new(oinf_ctx *ctx, const char *format, oinf_model **out_model);
oinf_status oi_model_add_tensor(oinf_model *m, const oi_tensor *t, const char *name, size_t name_size);  // copies the name
// Sorts by_name; refuses equal names (FORMAT). Call once the tensors are in.
oinf_status oi_model_index(oinf_model *m);
int64_t oi_model_tensor_id(const oinf_model *m, const char *name);   // -1: not there
// Bytes of a shape, block dtypes included; false where it overflows or the last dim does not fill blocks.
bool oi_tensor_bytes(oinf_dtype dtype, uint32_t rank, const int64_t *dims, uint64_t *out_bytes);
// Reads part of a tensor (no checksum): what conversion and inspection use.
oinf_status oi_model_read_at(oinf_model *m, uint32_t tensor, uint64_t offset, void *out, uint64_t bytes);

#endif
