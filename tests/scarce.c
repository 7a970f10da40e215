// See scarce.h.
#include "tests/scarce.h"

#include <stdlib.h>

static bool fails(scarce *s) {
  s->calls++;
  return s->for_good ? scarce_fired(s) : s->calls == s->fail_at;
}

void *scarce_alloc(void *user, void *ptr, size_t old_size, size_t new_size) {
  scarce *s = user;
  void *p = NULL;
  if (new_size && (fails(s) || !(p = realloc(ptr, new_size)))) return NULL;
  if (!new_size) free(ptr);
  s->bytes += (long long)new_size - (ptr ? (long long)old_size : 0);
  s->pieces += (new_size != 0) - (ptr != NULL);
  if (s->bytes > s->most) s->most = s->bytes;
  return p;
}
