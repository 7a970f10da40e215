// Byte sources: reading, mapping and closing what formats/file.c opened, or memory. Reads go
// through pread even where a mapping exists: a file that shrinks then gives an error and not a
// signal.
#include "lib/model.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

void oi_source_close(oinf_ctx *ctx, oi_source *s) {
  if (s->owns_map) munmap((void *)(uintptr_t)s->map, (size_t)s->size);
  if (s->fd >= 0) (void)close(s->fd);
  if (s->path) oi_free(ctx, s->path, strlen(s->path) + 1);
  *s = (oi_source){.fd = -1};
}

static const char *name_of(const oi_source *s) { return s->path ? s->path : "(bytes)"; }

// One call is at most 1 GiB: Linux transfers no more than 2 GiB - 4096 at once.
enum {
  READ_MOST = 1 << 30
};

static oinf_status read_file(oi_err *err, const oi_source *s, uint64_t offset, uint8_t *out,
                             uint64_t n) {
  for (uint64_t done = 0; done < n;) {
    size_t want = n - done < READ_MOST ? (size_t)(n - done) : READ_MOST;
    ssize_t got = pread(s->fd, out + done, want, (off_t)(offset + done));
    if (got < 0 && errno == EINTR) continue;
    unsigned long long at = offset + done, whole = s->size;
    if (got < 0)
      return oi_fail(err, OINF_IO, "'%s': reading at %llu failed: %s", name_of(s), at,
                     strerror(errno));
    if (got == 0)
      return oi_fail(err, OINF_IO, "'%s' has become shorter: it ends at %llu, expected %llu bytes",
                     name_of(s), at, whole);
    done += (uint64_t)got;
  }
  return OINF_OK;
}

oinf_status oi_source_read(oi_err *err, const oi_source *s, uint64_t offset, void *out,
                           uint64_t n) {
  if (offset > s->size || n > s->size - offset) {
    unsigned long long at = offset, count = n, whole = s->size;
    return oi_fail(err, OINF_INTERNAL, "'%s': %llu bytes at %llu were asked of %llu", name_of(s),
                   count, at, whole);
  }
  if (s->fd >= 0) return read_file(err, s, offset, out, n);
  if (n) memcpy(out, s->map + offset, (size_t)n);
  return OINF_OK;
}

bool oi_source_look(const oi_source *s, oi_source_mark *out) {
  struct stat st;
  if (s->fd < 0 || fstat(s->fd, &st) != 0) return false;
  *out = (oi_source_mark){(uint64_t)st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec};
  return true;
}

// Simulations in several threads may ask for the mapping of one model at once: the first one stays.
oinf_status oi_source_map(oi_err *err, oi_source *s) {
  const uint8_t *none = NULL;
  if (s->size == 0 || __atomic_load_n(&s->map, __ATOMIC_ACQUIRE)) return OINF_OK;
  void *p = mmap(NULL, (size_t)s->size, PROT_READ, MAP_PRIVATE, s->fd, 0);
  if (p == MAP_FAILED)
    return oi_fail(err, errno == ENOMEM ? OINF_MEMORY : OINF_IO, "'%s' cannot be mapped: %s",
                   name_of(s), strerror(errno));
  if (__atomic_compare_exchange_n(&s->map, &none, (const uint8_t *)p, false, __ATOMIC_ACQ_REL,
                                  __ATOMIC_ACQUIRE))
    s->owns_map = true;  // looked at when the model is closed, and no simulation runs any more
  else munmap(p, (size_t)s->size);
  return OINF_OK;
}
