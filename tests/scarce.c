// See scarce.h.
#include "tests/scarce.h"

#include <stdlib.h>

void *scarce_alloc(void *user, void *ptr, size_t old_size, size_t new_size) {
  scarce *s = user;
  if (new_size == 0) {
    s->bytes -= (long long)old_size;
    free(ptr);
    return NULL;
  }
  if (++s->calls == s->fail_at) return NULL;
  void *p = realloc(ptr, new_size);
  if (p) s->bytes += (long long)new_size - (ptr ? (long long)old_size : 0);
  return p;
}
