// Files: the one place that opens them. Reading gives an oi_source (lib/model.h); a folder that the
// user named is entered by single names only, so nothing it holds can lead outside; an output is
// written beside its target and renamed, so it is whole or was never there.
#ifndef OINF_FORMATS_FILE_H
#define OINF_FORMATS_FILE_H
#include "lib/model.h"

// ---- reading ----
// Statuses: NOINPUT where nothing can be opened, FORMAT where it is no regular file, IO where
// reading fails.
// Opens a regular file that the user named; links on the way are the user's own business.
oinf_status oi_file_open(oinf_ctx *ctx, const char *path, oi_source *out);
// A source over memory that outlives it; name is for messages.
oinf_status oi_file_bytes(oinf_ctx *ctx, const void *data, size_t size, const char *name,
                          oi_source *out);
bool oi_file_is_folder(const char *path);
// The path of what is installed with the running program ("share/oinf"), beside its own folder.
oinf_status oi_file_installed(oinf_ctx *ctx, const char *path, oi_text *out);

// A whole small file. The byte behind the last is a NUL that n does not count.
typedef struct oi_bytes {
  uint8_t *at;
  size_t n;
} oi_bytes;
void oi_bytes_free(oinf_ctx *ctx, oi_bytes *b);
// Reads it whole; more than cap bytes are refused (FORMAT). The user's own path may be a pipe, then
// it is read to its end.
oinf_status oi_file_slurp(oinf_ctx *ctx, const char *path, size_t cap, oi_bytes *out);
oinf_status oi_source_slurp(oinf_ctx *ctx, const oi_source *s, size_t cap, oi_bytes *out);

// ---- a folder that the user named ----
typedef struct oi_folder {
  int fd;
  char *path;
} oi_folder;
oinf_status oi_folder_open(oinf_ctx *ctx, const char *path, oi_folder *out);
void oi_folder_close(oinf_ctx *ctx, oi_folder *f);
// One name in it: no '/', no '\', not "." or "..", at most 255 bytes; a regular file and no link.
// The one exception is the Hugging Face cache's own link, "../../blobs/<40 or 64 hex digits>"
// beneath a folder models--*. NOINPUT: not there; FORMAT: a name or a kind of file that is refused.
oinf_status oi_folder_file(oinf_ctx *ctx, const oi_folder *f, const char *name, oi_source *out);
oinf_status oi_folder_slurp(oinf_ctx *ctx, const oi_folder *f, const char *name, size_t cap,
                            oi_bytes *out);
bool oi_folder_has(const oi_folder *f, const char *name);  // an entry of that name, whatever it is
// Names in it, sorted by bytes, without those that begin with a dot; at most 65536. They live in
// the arena.
typedef struct oi_names {
  const char **at;
  size_t n;
} oi_names;
oinf_status oi_folder_list(oinf_ctx *ctx, const oi_folder *f, oi_arena *arena, oi_names *out);

// ---- writing ----
// An output is a nameless file in the target's folder (or `.oinf-tmp-XXXXXX` where the file system
// has none) until commit gives it its name; abort leaves nothing. Statuses: CREATE where it cannot
// be begun, IO afterwards.
//   oi_out_begin(ctx, path, &o);  oi_out_avoid(o, &input);  oi_out_write(o, ...);
//   oi_out_commit(&o);            ... and on every way out: oi_out_abort(&o);
typedef struct oi_out oi_out;
oinf_status oi_out_begin(oinf_ctx *ctx, const char *path, oi_out **out);
// Refuses (USAGE) where the target is the very file that is being read, under whatever name.
oinf_status oi_out_avoid(oi_out *o, const oi_source *input);
// Says early that the disk is too small (IO), where the file system can tell.
oinf_status oi_out_reserve(oi_out *o, uint64_t size);
oinf_status oi_out_write(oi_out *o, const void *data, size_t n);  // behind what was appended
// Does not move the place where the next append goes.
oinf_status oi_out_write_at(oi_out *o, uint64_t offset, const void *data, size_t n);
// Asks that bytes which are written begin their way to the disk, so that the sync at the end finds
// less to do. A wish: what fails here fails there.
void oi_out_hasten(oi_out *o, uint64_t offset, uint64_t n);
oinf_status oi_out_zeros(oi_out *o, uint64_t n);  // appends zeros
uint64_t oi_out_size(const oi_out *o);            // bytes appended
oinf_status oi_out_read_at(oi_out *o, uint64_t offset, void *out, size_t n);
oinf_status oi_out_sync(oi_out *o);               // what is written so far is on disk
// A source of its own over what is written so far, for a verifier.
oinf_status oi_out_source(oi_out *o, oi_source *out);
// fsync, name, fsync of the folder. *o is NULL afterwards, whether it went well or not.
oinf_status oi_out_commit(oi_out **o);
void oi_out_abort(oi_out **o);                    // a no-op where *o is NULL

#endif
