// Outputs that are whole or were never there. The bytes go to a nameless file of the target's
// folder; commit syncs it, links it under a temporary name and renames that over the target, as
// no call links over an existing name. Where the file system has no nameless files the temporary
// name exists from the start, and only SIGKILL or a power cut can leave it behind.
// Not through a mapping: a full disk would then be a signal instead of an error.
#include "formats/file.h"
#include "formats/file_raw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

struct oi_out {
  oinf_ctx *ctx;
  char *path;              // the target, links resolved
  const char *name;        // its last component
  int folder, fd;
  bool named;              // temporary exists in the folder
  bool failed;             // a write failed: no commit can succeed
  char temporary[32];
  uint64_t end;            // where the next append goes
  bool replaces;           // the target exists, and is this file:
  dev_t dev;
  ino_t ino;
  mode_t mode;
};

// ---- beginning ----

static oinf_status cannot_create(oi_out *o, const char *path, const char *why) {
  return oi_fail(oi_ctx_err(o->ctx), OINF_CREATE, "cannot create '%s': %s", path, why);
}

// A link is followed, so that the file it names is replaced and not the link.
static oinf_status resolve(oi_out *o, const char *path) {
  char real[PATH_MAX];
  struct stat st;
  if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
    if (!realpath(path, real)) return cannot_create(o, path, strerror(errno));
    path = real;
  }
  size_t n = strlen(path) + 1;
  o->path = oi_alloc(o->ctx, n);
  if (!o->path) return oi_nomem(oi_ctx_err(o->ctx), n);
  memcpy(o->path, path, n);
  const char *slash = strrchr(o->path, '/');
  o->name = slash ? slash + 1 : o->path;
  return OINF_OK;
}

static oinf_status open_folder(oi_out *o) {
  char folder[PATH_MAX];
  size_t n = (size_t)(o->name - o->path);
  if (n >= sizeof folder) return cannot_create(o, o->path, strerror(ENAMETOOLONG));
  memcpy(folder, n ? o->path : ".", n ? n : 1);
  folder[n ? n : 1] = 0;
  o->folder = oi_raw_folder(folder);
  return o->folder < 0 ? cannot_create(o, o->path, strerror(errno)) : OINF_OK;
}

static oinf_status look_at_target(oi_out *o) {
  struct stat st;
  if (fstatat(o->folder, o->name, &st, AT_SYMLINK_NOFOLLOW) != 0)
    return errno == ENOENT ? OINF_OK : cannot_create(o, o->path, strerror(errno));
  if (S_ISDIR(st.st_mode)) return cannot_create(o, o->path, "it is a folder");
  if (!S_ISREG(st.st_mode)) return cannot_create(o, o->path, "it is no regular file");
  o->replaces = true;
  o->dev = st.st_dev, o->ino = st.st_ino, o->mode = st.st_mode & 0777;
  return OINF_OK;
}

static void pick_name(oi_out *o) {
  uint64_t r = 0;
  if (getrandom(&r, sizeof r, GRND_NONBLOCK) != (ssize_t)sizeof r) r = (uint64_t)getpid();
  char suffix[7] = {0};
  for (int i = 0; i < 6; i++, r /= 36) suffix[i] = "0123456789abcdefghijklmnopqrstuvwxyz"[r % 36];
  snprintf(o->temporary, sizeof o->temporary, ".oinf-tmp-%s", suffix);
}

enum { NAME_TRIES = 100 };

static bool create_named(oi_out *o) {
  for (int i = 0; i < NAME_TRIES; i++) {
    pick_name(o);
    o->fd = oi_raw_create(o->folder, o->temporary);
    if (o->fd >= 0) return o->named = true;
    if (errno != EEXIST) break;
  }
  return false;
}

static oinf_status begin(oi_out *o, const char *path) {
  OI_TRY(resolve(o, path));
  if (!*o->name || strcmp(o->name, ".") == 0 || strcmp(o->name, "..") == 0)
    return cannot_create(o, path, "it does not end in a file's name");
  OI_TRY(open_folder(o));
  OI_TRY(look_at_target(o));
  // A nameless file gets its name through /proc, so without it the name must come first.
  if (access("/proc/self/fd", X_OK) == 0) o->fd = oi_raw_nameless(o->folder);
  if (o->fd < 0 && !create_named(o)) return cannot_create(o, o->path, strerror(errno));
  return OINF_OK;
}

oinf_status oi_out_begin(oinf_ctx *ctx, const char *path, oi_out **out) {
  oi_out *o = oi_alloc(ctx, sizeof *o);
  if (!o) return oi_nomem(oi_ctx_err(ctx), sizeof *o);
  o->ctx = ctx, o->folder = o->fd = -1;
  oinf_status status = begin(o, path);
  if (status != OINF_OK) return oi_out_abort(&o), status;
  *out = o;
  return OINF_OK;
}

oinf_status oi_out_avoid(oi_out *o, const oi_source *input) {
  struct stat st;
  if (!o->replaces || input->fd < 0 || fstat(input->fd, &st) != 0) return OINF_OK;
  if (st.st_dev != o->dev || st.st_ino != o->ino) return OINF_OK;
  return oi_fail(oi_ctx_err(o->ctx), OINF_USAGE, "the output '%s' is the input '%s' itself",
                 o->path, input->path);
}

// ---- writing ----

static oinf_status write_failed(oi_out *o, const char *what, int e) {
  o->failed = true;
  return oi_fail(oi_ctx_err(o->ctx), OINF_IO, "%s '%s' failed: %s", what, o->path, strerror(e));
}

oinf_status oi_out_reserve(oi_out *o, uint64_t size) {
  int bad;
  if (size == 0) return OINF_OK;
  do bad = fallocate(o->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size);
  while (bad && errno == EINTR);
  bool full = bad && (errno == ENOSPC || errno == EFBIG || errno == EDQUOT);
  return full ? write_failed(o, "writing", errno) : OINF_OK;
}

oinf_status oi_out_write_at(oi_out *o, uint64_t offset, const void *data, size_t n) {
  enum { WRITE_MOST = 1 << 30 };
  const uint8_t *at = data;
  while (n) {
    ssize_t put = pwrite(o->fd, at, n < WRITE_MOST ? n : WRITE_MOST, (off_t)offset);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return write_failed(o, "writing", put ? errno : ENOSPC);
    at += put, n -= (size_t)put, offset += (uint64_t)put;
  }
  return OINF_OK;
}

void oi_out_hasten(oi_out *o, uint64_t offset, uint64_t n) {
  (void)!sync_file_range(o->fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

oinf_status oi_out_write(oi_out *o, const void *data, size_t n) {
  OI_TRY(oi_out_write_at(o, o->end, data, n));
  o->end += n;
  return OINF_OK;
}

oinf_status oi_out_zeros(oi_out *o, uint64_t n) {
  static const uint8_t zeros[4096];
  for (size_t part; n; n -= part) {
    part = n < sizeof zeros ? (size_t)n : sizeof zeros;
    OI_TRY(oi_out_write(o, zeros, part));
  }
  return OINF_OK;
}

uint64_t oi_out_size(const oi_out *o) { return o->end; }

oinf_status oi_out_read_at(oi_out *o, uint64_t offset, void *out, size_t n) {
  oi_source s = {.fd = o->fd, .size = offset + n, .path = o->path};
  return oi_source_read(oi_ctx_err(o->ctx), &s, offset, out, n);
}

oinf_status oi_out_source(oi_out *o, oi_source *out) {
  struct stat st;
  oi_source s;
  int fd = fcntl(o->fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0 || fstat(fd, &st) != 0) {
    oinf_status status = write_failed(o, "reading back", errno);
    return (void)(fd >= 0 && close(fd)), status;
  }
  oinf_status status = oi_file_bytes(o->ctx, NULL, (size_t)st.st_size, o->path, &s);
  if (status != OINF_OK) return (void)close(fd), status;
  s.fd = fd;
  *out = s;
  return OINF_OK;
}

// ---- ending ----

static int sync_fd(int fd) {
  int bad;
  do bad = fsync(fd);
  while (bad && errno == EINTR);
  return bad;
}

oinf_status oi_out_sync(oi_out *o) {
  return sync_fd(o->fd) ? write_failed(o, "syncing", errno) : OINF_OK;
}

static oinf_status keep_mode(oi_out *o) {
  struct stat st;
  if (!o->replaces) return OINF_OK;
  if (fstat(o->fd, &st) != 0) return write_failed(o, "writing", errno);
  if ((st.st_mode & 0777) == o->mode || fchmod(o->fd, o->mode) == 0) return OINF_OK;
  return write_failed(o, "keeping the mode of", errno);
}

static oinf_status give_name(oi_out *o) {
  char self[64];
  snprintf(self, sizeof self, "/proc/self/fd/%d", o->fd);
  for (int i = 0; i < NAME_TRIES && !o->named; i++) {
    pick_name(o);
    if (linkat(AT_FDCWD, self, o->folder, o->temporary, AT_SYMLINK_FOLLOW) == 0) o->named = true;
    else if (errno != EEXIST) break;
  }
  return o->named ? OINF_OK : write_failed(o, "naming", errno);
}

static oinf_status commit(oi_out *o) {
  oi_err *err = oi_ctx_err(o->ctx);
  if (o->failed) return oi_fail(err, OINF_IO, "'%s' is not whole", o->path);
  OI_TRY(keep_mode(o));
  OI_TRY(oi_out_sync(o));
  OI_TRY(give_name(o));
  int bad = close(o->fd);
  o->fd = -1;
  if (bad && errno != EINTR) return write_failed(o, "closing", errno);
  if (renameat(o->folder, o->temporary, o->folder, o->name) != 0)
    return write_failed(o, "renaming to", errno);
  o->named = false;
  // The new file stands whole by now; some file systems cannot sync a folder and say EINVAL.
  if (sync_fd(o->folder) && errno != EINVAL) return write_failed(o, "syncing the folder of", errno);
  return OINF_OK;
}

oinf_status oi_out_commit(oi_out **o) {
  oinf_status status = commit(*o);
  oi_out_abort(o);
  return status;
}

void oi_out_abort(oi_out **out) {
  oi_out *o = *out;
  if (!o) return;
  if (o->fd >= 0) (void)close(o->fd);
  if (o->named) (void)unlinkat(o->folder, o->temporary, 0);
  if (o->folder >= 0) (void)close(o->folder);
  if (o->path) oi_free(o->ctx, o->path, strlen(o->path) + 1);
  oi_free(o->ctx, o, sizeof *o);
  *out = NULL;
}
