// Memory as tests want it: an allocator whose fail_at-th allocation fails, that one alone or all
// behind it too, and that knows what is out.
#ifndef OINF_TESTS_SCARCE_H
#define OINF_TESTS_SCARCE_H
#include <stdbool.h>
#include <stddef.h>

typedef struct scarce {
  long calls, fail_at;    // allocations, counted from 1; 0: none fails
  bool for_good;          // those behind it fail too
  long pieces;            // that are out
  long long bytes, most;  // in them, now and at the most
} scarce;
// The `alloc` of an oinf_ctx_desc; user: the scarce.
void *scarce_alloc(void *user, void *ptr, size_t old_size, size_t new_size);
static inline bool scarce_fired(const scarce *s) { return s->fail_at && s->calls >= s->fail_at; }
#endif
