// See outdir.h. Two folders change places by one call of the system, so there is no moment without
// the target. Only files of the known names are ever removed: a folder that holds one more stays.
#define _GNU_SOURCE 1
#include "formats/outdir.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/file.h"

struct oi_outdir {
  oinf_ctx *ctx;
  const char *const *known;
  size_t n_known;
  bool made, replaces;
  char target[PATH_MAX - 64], path[PATH_MAX];
};

static oinf_status cannot_create(oi_outdir *d, const char *why) {
  return oi_fail(oi_ctx_err(d->ctx), OINF_CREATE, "cannot create folder '%s': %s", d->target, why);
}

static bool is_known(const oi_outdir *d, const char *name) {
  for (size_t i = 0; i < d->n_known; i++)
    if (strcmp(d->known[i], name) == 0) return true;
  return false;
}

// ---- beginning ----

static oinf_status look_inside(oi_outdir *d) {
  oi_folder folder;
  oi_arena arena;
  oi_names names = {0};
  bool all = true;
  OI_TRY(oi_folder_open(d->ctx, d->target, &folder));
  oi_arena_init(&arena, d->ctx);
  oinf_status status = oi_folder_list(d->ctx, &folder, &arena, &names);
  for (size_t i = 0; status == OINF_OK && i < names.n; i++) all = all && is_known(d, names.at[i]);
  if (status == OINF_OK && (!all || (names.n && !oi_folder_has(&folder, d->known[0]))))
    status = cannot_create(d, "it holds something else");
  oi_arena_free(&arena);
  oi_folder_close(d->ctx, &folder);
  return status;
}

static oinf_status begin(oi_outdir *d, const char *path) {
  struct stat st;
  size_t n = strlen(path);
  while (n > 1 && path[n - 1] == '/') n--;
  if (n == 0 || n >= sizeof d->target)
    return oi_fail(oi_ctx_err(d->ctx), OINF_CREATE, "a folder's name is wanted");
  memcpy(d->target, path, n);
  d->target[n] = 0;
  if (lstat(d->target, &st) == 0) {
    if (!S_ISDIR(st.st_mode)) return cannot_create(d, "something else stands there");
    OI_TRY(look_inside(d));
    d->replaces = true;
  } else if (errno != ENOENT) return cannot_create(d, strerror(errno));
  for (int i = 0; i < 100 && !d->made; i++) {
    snprintf(d->path, sizeof d->path, "%s.oinf-tmp-%d-%d", d->target, (int)getpid(), i);
    d->made = mkdir(d->path, 0777) == 0;
    if (!d->made && errno != EEXIST) break;
  }
  return d->made ? OINF_OK : cannot_create(d, strerror(errno));
}

oinf_status oi_outdir_begin(oinf_ctx *ctx, const char *path, const char *const *known, size_t n,
                            oi_outdir **out) {
  oi_outdir *d = oi_alloc(ctx, sizeof *d);
  if (!d) return oi_nomem(oi_ctx_err(ctx), sizeof *d);
  d->ctx = ctx, d->known = known, d->n_known = n;
  oinf_status status = begin(d, path);
  if (status != OINF_OK) return oi_outdir_abort(&d), status;
  *out = d;
  return OINF_OK;
}

const char *oi_outdir_path(const oi_outdir *d) { return d->path; }

// ---- ending ----

// What d->path now names goes, as far as it holds known files.
static void sweep(oi_outdir *d) {
  char name[PATH_MAX + 96];
  for (size_t i = 0; i < d->n_known; i++) {
    snprintf(name, sizeof name, "%s/%s", d->path, d->known[i]);
    (void)unlink(name);
  }
  (void)rmdir(d->path);
}

static oinf_status commit(oi_outdir *d) {
  const unsigned how = d->replaces ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  if (renameat2(AT_FDCWD, d->path, AT_FDCWD, d->target, how) == 0) {
    d->made = d->replaces;  // an earlier run's folder has the temporary name now
    return OINF_OK;
  }
  if (errno != EINVAL && errno != ENOSYS) return cannot_create(d, strerror(errno));
  // A file system that cannot exchange: there is a moment without the target.
  char old[PATH_MAX + 8];
  snprintf(old, sizeof old, "%s~", d->path);
  if (d->replaces && rename(d->target, old) != 0) return cannot_create(d, strerror(errno));
  if (rename(d->path, d->target) != 0) return cannot_create(d, strerror(errno));
  d->made = d->replaces;
  if (d->replaces && rename(old, d->path) != 0) d->made = false;
  return OINF_OK;
}

oinf_status oi_outdir_commit(oi_outdir **d) {
  oinf_status status = commit(*d);
  oi_outdir_abort(d);
  return status;
}

void oi_outdir_abort(oi_outdir **out) {
  oi_outdir *d = *out;
  if (!d) return;
  if (d->made) sweep(d);
  oi_free(d->ctx, d, sizeof *d);
  *out = NULL;
}
