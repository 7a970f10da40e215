// What the two files of the package's reader share: oinf_read.c for the file and all that lies
// before the weights, oinf_read_golden.c for the golden steps behind them.
#ifndef OINF_FORMATS_OINF_READ_H
#define OINF_FORMATS_OINF_READ_H
#include "formats/oinf_layout.h"

typedef struct oi_read_pool {
  const uint32_t *ends;
  const char *text;
  uint32_t n;
  uint8_t *used;           // 1 for each string that some record names
} oi_read_pool;
typedef struct oi_reader {
  oinf_ctx *ctx;
  oi_err *err;
  oinf_model *m;           // being filled; its arena holds all that is read
  oi_rec_page *page;
  oi_rec_section sec[OI_SEC_COUNT];
  uint32_t n_known;        // sections of this version that are there
  // Private copies, and where in the file the latter two begin; metadata begins behind the page.
  uint8_t *metadata, *blobs, *tail;
  uint64_t blobs_at, tail_at;
  oi_read_pool strings;
  int level;               // of SHA-256
  bool laid;               // some tensor so far is not row-major
} oi_reader;

// FORMAT, with what was expected and found.
oinf_status oi_bad(oi_reader *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
oinf_status oi_reader_room(oi_reader *r, uint64_t size, void *out);  // *(void **)out: zeroed
// The private copy of a section; NULL where it is empty. out_count may be NULL.
const void *oi_reader_section(const oi_reader *r, oi_section_id id, uint32_t *out_count);
oinf_status oi_reader_pool(oi_reader *r, oi_read_pool *p, oi_section_id ends, oi_section_id text);
oinf_status oi_reader_string(oi_reader *r, oi_read_pool *p, uint32_t id, const char **out);
oinf_status oi_reader_name(oi_reader *r, oi_read_pool *p, uint32_t id, const char **out);
oinf_status oi_reader_pool_used(oi_reader *r, const oi_read_pool *p);
// Dtype, rank and dims of a record; out_bytes is what the shape takes.
oinf_status oi_reader_shape(oi_reader *r, const char dtype[8], uint32_t rank, const int64_t *dims,
                            oinf_dtype *out_dtype, uint64_t *out_bytes);
oinf_status oi_reader_golden(oi_reader *r);

#endif
