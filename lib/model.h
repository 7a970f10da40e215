// The model: a table of tensors, metadata, blobs and graphs over one or more byte sources. Formats
// fill it. Where a tensor's bytes lie is a fact of the table; reading them is the source's
// business, and the pager's.
#ifndef OINF_LIB_MODEL_H
#define OINF_LIB_MODEL_H
#include "lib/ctx.h"

// A byte source: a file (fd >= 0, read with pread; map is its read-only mapping once someone asked)
// or memory.
typedef struct oi_source {
  int fd;              // -1: memory alone
  const uint8_t *map;  // whole source, or NULL while not mapped
  uint64_t size;
  char *path;     // for messages; of oi_alloc (strlen + 1 bytes), or NULL
  bool owns_map;  // munmap on close
} oi_source;
// Frees path, unmaps, closes; an empty source ({.fd = -1}) and a closed one are no-ops.
void oi_source_close(oinf_ctx *ctx, oi_source *s);
// Reads exactly n bytes; IO where the file fails or has become shorter. Any thread, each with its
// own err.
oinf_status oi_source_read(oi_err *err, const oi_source *s, uint64_t offset, void *out, uint64_t n);
// What tells that a file was written to since: its length and the time of its last change. False
// where that cannot be told, and for memory.
typedef struct oi_source_mark {
  uint64_t size;
  int64_t seconds, nanoseconds;
} oi_source_mark;
bool oi_source_look(const oi_source *s, oi_source_mark *out);
// Maps the whole file, read-only; a second call is a no-op.
oinf_status oi_source_map(oi_err *err, oi_source *s);

typedef enum oi_tensor_kind {
  OI_TENSOR_BYTES = 0,
  OI_TENSOR_SPLAT,
  OI_TENSOR_NOISE
} oi_tensor_kind;

// How a tensor's elements lie. GROUPS: rows of quantized blocks re-laid for the kernels of a bundle
// (formats/OINF.md section 4; oi_pack_group in lib/rt/dot.h); nothing but that bundle takes it.
typedef enum oi_tensor_layout {
  OI_LAYOUT_ROWS = 0,
  OI_LAYOUT_GROUPS = 1
} oi_tensor_layout;

typedef struct oi_tensor {
  oinf_tensor pub;  // name, dtype, rank, dims, bytes
  oi_tensor_kind kind;
  oi_tensor_layout layout;
  uint32_t source;     // index in model->sources (BYTES)
  uint64_t offset;     // in the source
  uint64_t seed;       // SPLAT: the element's bits; NOISE: the seed (formats/OINF.md)
  uint8_t sha256[32];  // in packages
} oi_tensor;

typedef struct oi_meta {
  char *key, *value;
} oi_meta;
typedef struct oi_blob {
  oinf_blob pub;
  size_t room;            // 0: borrowed from a source or from the arena
  const uint8_t *sha256;  // of a package's, in the arena; else NULL
} oi_blob;
typedef struct oi_graph_text {
  char *name, *text;
  size_t size;
} oi_graph_text;
// What a package says of a state before its graph is parsed: "k f32 [5, C, 4, 8]" of graphs[graph].
typedef struct oi_state_spec {
  uint32_t graph;
  const char *spec;
} oi_state_spec;
// A section of a package that this version does not know and may skip; the writer carries it on.
typedef struct oi_extra {
  uint32_t type;
  const void *data;
  uint64_t size;
} oi_extra;

// A golden step: what was bound, and a hash per value; written by the strict simulator at
// conversion.
typedef struct oi_golden_value {
  char *name;
  oinf_dtype dtype;
  uint32_t rank;
  int64_t dims[OINF_MAX_RANK];
  uint64_t hash;
} oi_golden_value;
typedef struct oi_golden_bytes {
  char *name;
  oinf_dtype dtype;
  uint32_t rank;
  int64_t dims[OINF_MAX_RANK];
  void *data;
  uint64_t bytes;
  double tolerance;  // of an output; below 0: exact bits
} oi_golden_bytes;
typedef struct oi_golden_sym {
  char *name;
  int64_t value;
} oi_golden_sym;
typedef struct oi_golden_step {
  char *graph, *variant;
  oi_golden_sym *syms;
  uint32_t n_syms;
  oi_golden_bytes *inputs;
  uint32_t n_inputs;
  oi_golden_bytes *outputs;
  uint32_t n_outputs;
  oi_golden_value *values;
  uint32_t n_values;
} oi_golden_step;

struct oinf_model {
  oinf_ctx *ctx;
  oi_arena arena;
  const char *format;  // "oinf", "safetensors", "huggingface", "npy", "memory"
  OI_VEC(oi_source) sources;
  OI_VEC(oi_tensor) tensors;  // in file order
  OI_VEC(uint32_t) by_name;   // tensors sorted by name bytes; kept by oi_model_index
  OI_VEC(oi_meta) meta;       // sorted by key
  OI_VEC(oi_blob) blobs;      // sorted by name
  OI_VEC(oi_graph_text) graphs;
  OI_VEC(oi_golden_step) golden;
  OI_VEC(oi_state_spec) states;  // of an opened package; the writer makes its own from the graphs
  OI_VEC(oi_extra) extras;       // by increasing type
  uint64_t features;             // optional feature bits of the package, carried on
  // Packages: the checksummed part of source 0 that holds every payload. n_crc == 0: no checksums.
  uint64_t weights_offset, weights_size;
  const uint32_t *crc;  // one for each MiB of it, the last block shorter; in the arena
  uint32_t n_crc;
  uint8_t root[32];  // root digest: binds saved states and bundles
  bool has_root;
};

oinf_status oi_model_new(oinf_ctx *ctx, const char *format, oinf_model **out_model);
// Copies the name; fills t->pub.bytes in where the shape is lawful, else refuses (FORMAT).
oinf_status oi_model_add_tensor(oinf_model *m, const oi_tensor *t, const char *name,
                                size_t name_size);
// Sorts by_name; refuses equal names (FORMAT). Call once the tensors are in.
oinf_status oi_model_index(oinf_model *m);
int64_t oi_model_tensor_id(const oinf_model *m, const char *name);  // -1: not there
// Bytes of a shape, block dtypes included; false where it overflows, is over the limits of a shape
// (dims 2^40, elements 2^42 with 0 counted as 1), or the last dim does not fill blocks.
#define OI_MODEL_DIM_MAX ((int64_t)1 << 40)
#define OI_MODEL_ELEMENTS_MAX ((uint64_t)1 << 42)
bool oi_tensor_bytes(oinf_dtype dtype, uint32_t rank, const int64_t *dims, uint64_t *out_bytes);
// Bytes that the tensor takes where it is stored, padding of its layout included; false besides
// where it cannot have that layout: GROUPS is for a matrix of q8_0 or q4_0 that has elements.
bool oi_tensor_stored(const oi_tensor *t, uint64_t *out_bytes);
// SUPPORT, by the tensor's name, where it does not lie row-major.
oinf_status oi_tensor_plain(oi_err *err, const oi_tensor *t);
// Reads part of a tensor (no checksum): what conversion and inspection use.
oinf_status oi_model_read_at(oinf_model *m, uint32_t tensor, uint64_t offset, void *out,
                             uint64_t bytes);
// Tensors without bytes: a splat's seed is the bits of its element, a noise's top byte the k of its
// scale 2^-k (OINF.md). Ok: the seed suits kind and dtype.
enum {
  OI_NOISE_SCALE_MAX = 14
};
bool oi_tensor_seed_ok(const oi_tensor *t);
// Bytes of a splat or noise tensor from offset on.
void oi_tensor_fill(const oi_tensor *t, uint64_t offset, void *out, uint64_t bytes);
// Checksum blocks: block i is the bytes of source 0 from weights_offset + i MiB on, the last one
// shorter. The check proves one against the bytes read; CORRUPT names block and tensor.
enum {
  OI_CRC_BLOCK = 1 << 20
};
uint64_t oi_model_block_bytes(const oinf_model *m, uint32_t block);
uint64_t oi_model_block_room(const oinf_model *m);  // the most that any of them has; 0: none is
oinf_status oi_model_check_block(const oinf_model *m, oi_err *err, uint32_t block,
                                 const void *bytes);
// Takes copies of name and text; a graph of that name is replaced in its place.
oinf_status oi_model_set_graph(oinf_model *m, const char *name, const char *text, size_t size);

#endif
