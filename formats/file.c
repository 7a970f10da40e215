// Opening and reading files. A path that the user typed is opened as it stands; what a folder's own
// content names (a shard, a config) is one plain component, opened without following links, and
// every check is made on the descriptor, so nothing can be swapped between check and use.
// openat2 is not needed for that: with a single component O_NOFOLLOW says the same on any kernel.
#include "formats/file.h"
#include "formats/file_raw.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// O_NONBLOCK: opening a FIFO must not hang; it changes nothing for the regular files we keep.
enum { READ_FLAGS = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY };

int oi_raw_folder(const char *path) { return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC); }

int oi_raw_nameless(int folder) {
  return openat(folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
}

int oi_raw_create(int folder, const char *name) {
  return openat(folder, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
}

// ---- reading ----

static oinf_status cannot_open(oi_err *err, const char *path, int e) {
  bool ours = e == EMFILE || e == ENFILE || e == EIO;
  oinf_status status = e == ENOMEM ? OINF_MEMORY : ours ? OINF_IO : OINF_NOINPUT;
  return oi_fail(err, status, "cannot open '%s': %s", path, strerror(e));
}

static oinf_status refuse_kind(oi_err *err, const char *path, mode_t mode) {
  const char *kind = S_ISDIR(mode)    ? "a folder"
                     : S_ISFIFO(mode) ? "a pipe"
                     : S_ISLNK(mode)  ? "a symbolic link, which is not followed here"
                                      : "a device or socket";
  return oi_fail(err, OINF_FORMAT, "'%s' is %s; expected a regular file", path, kind);
}

static char *copy_path(oinf_ctx *ctx, const char *path) {
  size_t n = strlen(path) + 1;
  char *copy = oi_alloc(ctx, n);
  return copy ? memcpy(copy, path, n) : NULL;
}

// Takes fd over.
static oinf_status source_of(oinf_ctx *ctx, int fd, const char *path, oi_source *out) {
  oi_err *err = oi_ctx_err(ctx);
  struct stat st;
  oi_source s = {.fd = fd};
  oinf_status status = OINF_OK;
  if (fstat(fd, &st) != 0)
    status = oi_fail(err, OINF_IO, "'%s': %s", path, strerror(errno));
  else if (!S_ISREG(st.st_mode))
    status = refuse_kind(err, path, st.st_mode);
  else if (!(s.path = copy_path(ctx, path)))
    status = oi_nomem(err, strlen(path) + 1);
  if (status != OINF_OK) return oi_source_close(ctx, &s), status;
  s.size = (uint64_t)st.st_size;
  *out = s;
  return OINF_OK;
}

oinf_status oi_file_open(oinf_ctx *ctx, const char *path, oi_source *out) {
  int fd = open(path, READ_FLAGS);
  if (fd < 0) return cannot_open(oi_ctx_err(ctx), path, errno);
  return source_of(ctx, fd, path, out);
}

oinf_status oi_file_bytes(oinf_ctx *ctx, const void *data, size_t size, const char *name,
                          oi_source *out) {
  oi_source s = {.fd = -1, .map = data, .size = size, .path = copy_path(ctx, name)};
  if (!s.path) return oi_nomem(oi_ctx_err(ctx), strlen(name) + 1);
  *out = s;
  return OINF_OK;
}

bool oi_file_is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

oinf_status oi_file_installed(oinf_ctx *ctx, const char *path, oi_text *out) {
  char program[PATH_MAX];
  ssize_t n = readlink("/proc/self/exe", program, sizeof program);
  if (n <= 0 || n == (ssize_t)sizeof program)
    return oi_fail(oi_ctx_err(ctx), OINF_NOINPUT, "where this program lies is not known");
  while (n > 0 && program[n - 1] != '/') n--;
  oi_text_put(out, "%.*s../%s", (int)n, program, path);
  return out->failed ? oi_nomem(oi_ctx_err(ctx), out->n) : OINF_OK;
}

// ---- whole small files ----

void oi_bytes_free(oinf_ctx *ctx, oi_bytes *b) {
  if (b->at) oi_free(ctx, b->at, b->n + 1);
  *b = (oi_bytes){0};
}

static oinf_status too_long(oi_err *err, const char *path, size_t cap) {
  return oi_fail(err, OINF_FORMAT, "'%s' is too long: at most %zu bytes are read", path, cap);
}

oinf_status oi_source_slurp(oinf_ctx *ctx, const oi_source *s, size_t cap, oi_bytes *out) {
  oi_err *err = oi_ctx_err(ctx);
  if (s->size > cap) return too_long(err, s->path, cap);
  oi_bytes b = {.at = oi_alloc(ctx, (size_t)s->size + 1), .n = (size_t)s->size};
  if (!b.at) return oi_nomem(err, b.n + 1);
  oinf_status status = oi_source_read(err, s, 0, b.at, s->size);
  if (status != OINF_OK) return oi_bytes_free(ctx, &b), status;
  *out = b;
  return OINF_OK;
}

// Appends what a pipe gives until its end.
static oinf_status read_pipe(oi_err *err, int fd, const char *path, size_t cap, oi_text *text) {
  char part[4096];
  for (;;) {
    ssize_t got = read(fd, part, sizeof part);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return oi_fail(err, OINF_IO, "reading '%s' failed: %s", path, strerror(errno));
    if (got == 0) return OINF_OK;
    if ((size_t)got > cap - text->n) return too_long(err, path, cap);
    oi_text_add(text, part, (size_t)got);
    if (text->failed) return oi_nomem(err, text->n + (size_t)got);
  }
}

static oinf_status slurp_pipe(oinf_ctx *ctx, int fd, const char *path, size_t cap, oi_bytes *out) {
  oi_text text;
  oi_text_init(&text, ctx);
  oinf_status status = read_pipe(oi_ctx_err(ctx), fd, path, cap, &text);
  oi_bytes b = {0};
  if (status == OINF_OK && !(b.at = oi_alloc(ctx, text.n + 1)))
    status = oi_nomem(oi_ctx_err(ctx), text.n + 1);
  if (status == OINF_OK) {
    if (text.n) memcpy(b.at, text.at, text.n);
    b.n = text.n;
    *out = b;
  }
  oi_text_free(&text);
  return status;
}

oinf_status oi_file_slurp(oinf_ctx *ctx, const char *path, size_t cap, oi_bytes *out) {
  struct stat st;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) return cannot_open(oi_ctx_err(ctx), path, errno);
  if (fstat(fd, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode))) {
    oinf_status status = slurp_pipe(ctx, fd, path, cap, out);
    (void)close(fd);
    return status;
  }
  oi_source s;
  OI_TRY(source_of(ctx, fd, path, &s));
  oinf_status status = oi_source_slurp(ctx, &s, cap, out);
  oi_source_close(ctx, &s);
  return status;
}

// ---- folders ----

oinf_status oi_folder_open(oinf_ctx *ctx, const char *path, oi_folder *out) {
  oi_folder f = {.fd = oi_raw_folder(path)};
  if (f.fd < 0) return cannot_open(oi_ctx_err(ctx), path, errno);
  f.path = copy_path(ctx, path);
  if (!f.path) return (void)close(f.fd), oi_nomem(oi_ctx_err(ctx), strlen(path) + 1);
  *out = f;
  return OINF_OK;
}

void oi_folder_close(oinf_ctx *ctx, oi_folder *f) {
  if (f->path) oi_free(ctx, f->path, strlen(f->path) + 1);
  if (f->path) (void)close(f->fd);
  *f = (oi_folder){.fd = -1};
}

static bool is_plain_name(const char *name) {
  size_t n = strlen(name);
  if (n == 0 || n > NAME_MAX || strpbrk(name, "/\\")) return false;
  return strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

bool oi_folder_has(const oi_folder *f, const char *name) {
  struct stat st;
  return is_plain_name(name) && fstatat(f->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

// The digest in "../../blobs/<digest>", or NULL where the link is anything else.
static const char *cache_digest(const char *link) {
  static const char head[] = "../../blobs/";
  if (strncmp(link, head, sizeof head - 1) != 0) return NULL;
  const char *digest = link + sizeof head - 1;
  size_t n = strspn(digest, "0123456789abcdef");
  return digest[n] == 0 && (n == 40 || n == 64) ? digest : NULL;
}

// True where the folder is models--*/snapshots/<revision>, as the cache lays it out.
static bool is_snapshot(const oi_folder *f) {
  char real[PATH_MAX];
  if (!realpath(f->path, real)) return false;
  char *revision = strrchr(real, '/');
  if (!revision) return false;
  *revision = 0;
  char *snapshots = strrchr(real, '/');
  if (!snapshots || strcmp(snapshots, "/snapshots") != 0) return false;
  *snapshots = 0;
  char *model = strrchr(real, '/');
  return model && strncmp(model, "/models--", 9) == 0;
}

// A descriptor of the blob that the cache's link leads to, or -1 with errno ELOOP.
static int open_linked(const oi_folder *f, const char *name) {
  char link[128];
  ssize_t n = readlinkat(f->fd, name, link, sizeof link - 1);
  link[n > 0 ? n : 0] = 0;
  const char *digest = cache_digest(link);
  if (!digest || !is_snapshot(f)) return errno = ELOOP, -1;
  int blobs = openat(f->fd, "../../blobs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (blobs < 0) return -1;
  int fd = openat(blobs, digest, READ_FLAGS | O_NOFOLLOW), kept = errno;
  (void)close(blobs);
  return errno = kept, fd;
}

static oinf_status open_entry(oinf_ctx *ctx, const oi_folder *f, const char *name,
                              const char *path, oi_source *out) {
  oi_err *err = oi_ctx_err(ctx);
  if (!is_plain_name(name))
    return oi_fail(err, OINF_FORMAT, "'%.300s' is refused: expected a plain name beside '%s'",
                   name, f->path);
  int fd = openat(f->fd, name, READ_FLAGS | O_NOFOLLOW);
  if (fd < 0 && errno == ELOOP) fd = open_linked(f, name);
  if (fd < 0 && errno == ELOOP) return refuse_kind(err, path, S_IFLNK);
  if (fd < 0 && errno == ENXIO) return refuse_kind(err, path, S_IFSOCK);
  if (fd < 0) return cannot_open(err, path, errno);
  return source_of(ctx, fd, path, out);
}

oinf_status oi_folder_file(oinf_ctx *ctx, const oi_folder *f, const char *name, oi_source *out) {
  oi_text path;
  oi_text_init(&path, ctx);
  oi_text_put(&path, "%s/%s", f->path, name);
  oinf_status status = path.failed ? oi_nomem(oi_ctx_err(ctx), path.n)
                                   : open_entry(ctx, f, name, path.at, out);
  oi_text_free(&path);
  return status;
}

oinf_status oi_folder_slurp(oinf_ctx *ctx, const oi_folder *f, const char *name, size_t cap,
                            oi_bytes *out) {
  oi_source s;
  OI_TRY(oi_folder_file(ctx, f, name, &s));
  oinf_status status = oi_source_slurp(ctx, &s, cap, out);
  oi_source_close(ctx, &s);
  return status;
}

enum { MOST_NAMES = 65536 };
typedef OI_VEC(const char *) name_vec;

static int by_bytes(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static oinf_status read_names(oinf_ctx *ctx, DIR *dir, oi_arena *arena, name_vec *names) {
  oi_err *err = oi_ctx_err(ctx);
  for (struct dirent *e; errno = 0, (e = readdir(dir)) != NULL;) {
    if (e->d_name[0] == '.') continue;
    if (names->n == MOST_NAMES)
      return oi_fail(err, OINF_SUPPORT, "the folder holds more than %d names", MOST_NAMES);
    const char **slot = oi_vec_push(ctx, names);
    if (!slot || !(*slot = oi_arena_text(arena, e->d_name, strlen(e->d_name))))
      return oi_nomem(err, NAME_MAX);
  }
  return errno ? oi_fail(err, OINF_IO, "listing the folder failed: %s", strerror(errno)) : OINF_OK;
}

oinf_status oi_folder_list(oinf_ctx *ctx, const oi_folder *f, oi_arena *arena, oi_names *out) {
  int fd = openat(f->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd < 0 ? NULL : fdopendir(fd);
  if (!dir) {
    oinf_status status = cannot_open(oi_ctx_err(ctx), f->path, errno);
    return (void)(fd >= 0 && close(fd)), status;
  }
  name_vec names = {0};
  oinf_status status = read_names(ctx, dir, arena, &names);
  (void)closedir(dir);
  size_t size = names.n * sizeof *names.at;
  out->at = status == OINF_OK ? oi_arena_alloc(arena, size) : NULL;
  if (status == OINF_OK && !out->at) status = oi_nomem(oi_ctx_err(ctx), size);
  if (status == OINF_OK) {
    if (size) memcpy(out->at, names.at, size);
    out->n = names.n;
    if (size) qsort(out->at, out->n, sizeof *out->at, by_bytes);
  }
  oi_vec_free(ctx, &names);
  return status;
}
