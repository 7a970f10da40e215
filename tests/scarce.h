// Memory that runs out, for tests: an allocator whose fail_at-th allocation fails, and that knows
// what is out.
#ifndef OINF_TESTS_SCARCE_H
#define OINF_TESTS_SCARCE_H
#include <stddef.h>

typedef struct scarce {
  long calls, fail_at;  // counted from 1; 0: none fails
  long long bytes;
} scarce;
// The `alloc` of an oinf_ctx_desc; user: the scarce.
void *scarce_alloc(void *user, void *ptr, size_t old_size, size_t new_size);
#endif
