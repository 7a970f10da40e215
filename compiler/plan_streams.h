// What a step streams, between the walk that finds it (plan_paging.c) and the cut that makes pages
// of it (plan_pages.c).
#ifndef OINF_COMPILER_PLAN_STREAMS_H
#define OINF_COMPILER_PLAN_STREAMS_H
#include "compiler/plan_paging.h"

// A weight that a kernel takes by rows.
typedef struct oi_stream {
  oi_extent e;
  int64_t indexed;  // > 0: at most so many single rows instead of all
} oi_stream;

// Where a branch begins, turns or ends: before stream `at`.
typedef struct oi_mark {
  size_t at;
  oi_item_kind kind;  // IF, ELSE, ENDIF
  uint32_t item;
} oi_mark;

typedef struct oi_streams {
  OI_VEC(oi_stream) all;  // in the order of a step, side 0 of a branch before side 1
  OI_VEC(oi_mark) marks;
} oi_streams;

// The least slot in blocks: every row, wherever it lies, fits into one.
uint32_t oi_least_slot(const oi_extent *e);
static inline bool oi_in_window(oi_page window, oi_page page) {
  return window.count && page.first >= window.first &&
         page.first + page.count <= window.first + window.count;
}
// Order, forks and what a step reads, for the window and slots that out has. False: out of memory.
bool oi_paging_cut(oinf_ctx *ctx, const oi_pager *pager, const oi_streams *list,
                   oi_paging_plan *out);
#endif
