// Records, sections and limits of the package as OINF.md has them, shared by reader and writer and
// by nobody else. Every struct is the very bytes of the file: little-endian, naturally aligned.
#ifndef OINF_FORMATS_OINF_LAYOUT_H
#define OINF_FORMATS_OINF_LAYOUT_H
#include "formats/oinf.h"

enum {
  OI_PAGE_SIZE = 4096,
  OI_SECTIONS_MAX = 64,
  OI_SECTION_ALIGN = 64,
  OI_PAYLOAD_ALIGN = 64,
  OI_PAYLOAD_PAGE = 64 << 10,      // a tensor this large starts on a page of its own
  OI_TENSORS_MAX = 1 << 20,
  OI_META_MAX = 65536,
  OI_GRAPHS_MAX = 4096,
  OI_BLOBS_MAX = 4096,
  OI_GOLDEN_STEPS_MAX = 65536,
  OI_NAME_MAX = 512,
  OI_VALUE_MAX = 1 << 20,
  OI_TEXT_MAX = 64 << 20,
  OI_METADATA_MAX = 256 << 20,     // also of what lies behind the weights
  OI_BLOB_MAX = 1 << 30,
};
#define OI_FILE_MAX ((uint64_t)1 << 48)
// Required features: bit 0, some tensor's layout is not row-major.
#define OI_FEATURE_LAYOUTS ((uint64_t)1)
#define OI_OINF_MAGIC "\x89OINF\r\n\x1a"

// S(name, type, size of a record, what messages call it); in the order of the file.
#define OI_OINF_SECTIONS(S)                       \
  S(STRING_ENDS, 0x10, 4, "string ends")          \
  S(STRING_TEXT, 0x11, 1, "string text")          \
  S(METADATA, 0x20, 8, "metadata")                \
  S(TENSORS, 0x30, 144, "tensors")                \
  S(NAMES, 0x31, 4, "names")                      \
  S(STATES, 0x40, 8, "states")                    \
  S(GRAPHS, 0x50, 24, "graphs")                   \
  S(GRAPH_TEXT, 0x51, 1, "graph text")            \
  S(BLOBS, 0x60, 56, "blobs")                     \
  S(CHECKSUMS, 0x70, 4, "checksums")              \
  S(BLOB_BYTES, 0x80, 1, "blob bytes")            \
  S(WEIGHTS, 0x81, 1, "weights")                  \
  S(GOLDEN_ENDS, 0x90, 4, "golden ends")          \
  S(GOLDEN_TEXT, 0x91, 1, "golden text")          \
  S(GOLDEN_STEPS, 0x92, 24, "golden steps")       \
  S(GOLDEN_SYMS, 0x93, 16, "golden symbols")      \
  S(GOLDEN_ARRAYS, 0x94, 104, "golden arrays")    \
  S(GOLDEN_VALUES, 0x95, 88, "golden values")     \
  S(GOLDEN_BYTES, 0x96, 1, "golden bytes")
typedef enum oi_section_id {
#define S(name, type, record, title) OI_SEC_##name,
  OI_OINF_SECTIONS(S)
#undef S
  OI_SEC_COUNT
} oi_section_id;
typedef struct oi_section_info {
  uint32_t type, record;
  const char *title;
} oi_section_info;
extern const oi_section_info oi_section_infos[OI_SEC_COUNT];

typedef struct oi_rec_section {
  uint32_t type, flags;
  uint64_t offset, size;
} oi_rec_section;
enum { OI_SECTION_CRITICAL = 1 };

typedef struct oi_rec_page {
  char magic[8];
  uint16_t major, minor;
  uint32_t page_size;
  uint64_t file_size;
  uint32_t n_sections, zero0;
  uint64_t required, optional;
  uint16_t least_major, least_minor;
  uint8_t zero1[12];
  uint8_t metadata_digest[32], tail_digest[32];
  uint8_t zero2[128];
  oi_rec_section sections[OI_SECTIONS_MAX];
  uint8_t zero3[2272];
  uint8_t digest[32];
} oi_rec_page;
// The root digest is taken of these bytes of the page.
enum { OI_ROOT_FROM = 32, OI_ROOT_SIZE = 64, OI_PAGE_DIGESTED = 4064 };

typedef struct oi_rec_meta {
  uint32_t key, value;
} oi_rec_meta;
typedef struct oi_rec_tensor {
  uint32_t name, rank;
  char dtype[8];
  int64_t dims[OINF_MAX_RANK];
  uint64_t bytes, offset, seed;
  uint32_t source, layout;
  uint8_t sha256[32];
} oi_rec_tensor;
typedef struct oi_rec_state {
  uint32_t graph, spec;
} oi_rec_state;
typedef struct oi_rec_graph {
  uint32_t name, zero;
  uint64_t offset, size;
} oi_rec_graph;
typedef struct oi_rec_blob {
  uint32_t name, crc;
  uint64_t offset, size;
  uint8_t sha256[32];
} oi_rec_blob;
typedef struct oi_rec_step {
  uint32_t graph, variant, n_syms, n_inputs, n_outputs, n_values;
} oi_rec_step;
typedef struct oi_rec_sym {
  uint32_t name, zero;
  int64_t value;
} oi_rec_sym;
typedef struct oi_rec_array {
  uint32_t name, rank;
  char dtype[8];
  int64_t dims[OINF_MAX_RANK];
  uint64_t offset, bytes;
  double tolerance;
} oi_rec_array;
typedef struct oi_rec_value {
  uint32_t name, rank;
  char dtype[8];
  int64_t dims[OINF_MAX_RANK];
  uint64_t hash;
} oi_rec_value;
_Static_assert(sizeof(oi_rec_page) == OI_PAGE_SIZE, "OINF.md section 1");
_Static_assert(sizeof(oi_rec_tensor) == 144 && sizeof(oi_rec_blob) == 56, "OINF.md section 2");
_Static_assert(sizeof(oi_rec_array) == 104 && sizeof(oi_rec_value) == 88, "OINF.md section 2");

// Where a section or payload begins behind `end`; false: beyond what a file may be.
bool oi_section_place(uint32_t type, uint64_t end, uint64_t *out);
bool oi_payload_place(uint64_t bytes, uint64_t end, uint64_t *out);
// The declaration of the next state in a graph's text from *at on, which moves behind it.
bool oi_state_next(const char *text, size_t size, size_t *at, const char **out_spec, size_t *out_n);
// SHA-256 of a block, in one call, at a level of lib/rt/sha256.h.
void oi_digest(int level, const void *data, size_t n, uint8_t out[32]);

// ---- the writer's strings: gathered, sorted, told apart ----
typedef struct oi_pool {
  oinf_ctx *ctx;
  OI_VEC(const char *) list;
  uint64_t size;    // of the text
  bool failed;      // memory is out
} oi_pool;
void oi_pool_add(oi_pool *p, const char *text);          // borrowed
oinf_status oi_pool_close(oi_pool *p);                   // from now on numbers can be asked for
uint32_t oi_pool_id(const oi_pool *p, const char *text); // of a text that was added
void oi_pool_put(const oi_pool *p, uint32_t *ends, char *text);
void oi_pool_free(oi_pool *p);

// ---- the writer's parts, in the order they are called ----
struct oi_oinf_writer {
  oinf_ctx *ctx;
  oi_err *err;
  oi_arena arena;
  oinf_model *content;
  oi_oinf_fill fill;
  struct oi_out *out;
  oi_pool strings, golden_strings;
  uint64_t size[OI_SEC_COUNT];      // bytes of each section
  uint64_t offset[OI_SEC_COUNT];    // and where it lies
  oi_rec_page page;
  uint8_t *metadata;                // from the first page to `blob bytes`
  uint8_t *tail;                    // from the end of `weights` on
  uint64_t tail_size;
  uint64_t total;                   // bytes of all tensors that have bytes
  int level;                        // of SHA-256
  bool copies;                      // the bytes are the content's own: no fill
  bool has_golden, sealed, proved;
};
// formats/oinf_front.c: refuses content that breaks a rule, sizes and fills everything before the
// weights but for digests and checksums, which writing the payloads tells.
oinf_status oi_front_measure(oi_oinf_writer *w);
oinf_status oi_front_fill(oi_oinf_writer *w);
// formats/oinf_stream.c: tensors to their place, digests and checksums to theirs; and every block
// read back and held against its checksum.
oinf_status oi_stream_write(oi_oinf_writer *w);
oinf_status oi_stream_prove(oi_oinf_writer *w, const oinf_model *m);
// formats/oinf_golden.c: sizes the golden sections; later fills them into the tail.
oinf_status oi_golden_measure(oi_oinf_writer *w, const oi_golden_step *steps, uint32_t n);
void oi_golden_fill(oi_oinf_writer *w, const oi_golden_step *steps, uint32_t n);
// Where section `id` is being built.
static inline void *oi_section_at(const oi_oinf_writer *w, oi_section_id id) {
  return id < OI_SEC_WEIGHTS ? w->metadata + (w->offset[id] - OI_PAGE_SIZE)
                             : w->tail + (w->offset[id] - w->offset[OI_SEC_WEIGHTS] -
                                          w->size[OI_SEC_WEIGHTS]);
}

#endif
