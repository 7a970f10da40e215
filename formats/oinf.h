// The package: reader, verifier and writer of .oinf files. The format is specified in OINF.md;
// this header holds its records and limits, written once, and the ways in and out.
#ifndef OINF_FORMATS_OINF_H
#define OINF_FORMATS_OINF_H
#include "lib/model.h"

// Strict UTF-8 without zero bytes; a name besides keeps the rule of OINF.md section 3.
bool oi_utf8_ok(const char *text, size_t n);
bool oi_name_ok(const char *name);

// ---- reading ----
// Opens a package and proves everything but the weights: structure, metadata digests, checksums of
// blobs. The one way in. Takes the source over, on failure too. FORMAT: a rule is broken; CORRUPT:
// a digest or checksum differs; SUPPORT: a newer version or feature; IO: the file cannot be read.
oinf_status oi_oinf_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model);
// Proves the weights of an open package in one pass: every checksum, every digest, zero padding.
// progress may be NULL; false from it stops with CANCEL.
typedef bool oi_progress(void *user, uint64_t done, uint64_t total);
oinf_status oi_oinf_verify_weights(oinf_model *m, oi_progress *progress, void *user);

// ---- writing ----
// The content of a package is a model: its tensors in the order they shall lie on disk, metadata,
// blobs, graphs, extras; `fill` gives a tensor's bytes, as its layout has them, piece by piece,
// offsets increasing, pieces of at most 1 MiB of whole dtype blocks (in groups: of whole runs of
// four blocks of 16 rows); NULL reads them from the model itself. Tensors of kind SPLAT and NOISE
// are not asked for. Memory is bounded whatever the weights weigh.
typedef struct oi_oinf_fill {
  oinf_status (*fill)(void *user, uint32_t tensor, uint64_t offset, void *out, uint64_t bytes);
  // May be NULL: bytes of tensors written, then, while they are read back, all of all. False stops
  // with CANCEL.
  oi_progress *progress;
  void *user;
  const oinf_model *input; // NULL, or the model read from: its files must not be the target (USAGE)
} oi_oinf_fill;
typedef struct oi_oinf_writer oi_oinf_writer;
//   oi_oinf_begin(content, path, &fill, &w);    // all but golden steps, into a temporary file
//   oi_oinf_reopen(w, &m); ... simulate ...; oi_oinf_set_golden(w, steps, n);
//   oinf_model_destroy(m);
//   oi_oinf_commit(&w);                         // proved by reading it back, fsync, rename
//   ... and on every way out: oi_oinf_abort(&w);
// The content must stay as it is until commit. On failure of begin there is nothing to abort.
oinf_status oi_oinf_begin(oinf_model *content, const char *path, const oi_oinf_fill *fill,
                          oi_oinf_writer **out_writer);
// What is written so far as a model, every weight proved. Its root digest is the final one.
oinf_status oi_oinf_reopen(oi_oinf_writer *w, oinf_model **out_model);
// Golden steps lie behind the weights, so that they may be computed from the file. At most once.
oinf_status oi_oinf_set_golden(oi_oinf_writer *w, const oi_golden_step *steps, uint32_t n);
// *w is NULL afterwards, whether it went well or not.
oinf_status oi_oinf_commit(oi_oinf_writer **w);
void oi_oinf_abort(oi_oinf_writer **w);  // leaves nothing; a no-op where *w is NULL
// begin, the content's own golden steps, commit.
oinf_status oi_oinf_write(oinf_model *content, const char *path, const oi_oinf_fill *fill);

#endif
