// Which page serves which rows while a step runs: the schedule that was made ahead, and where the
// run stands in it. The simulator and bundles that page follow it alike; the bytes come from the
// pager. One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_PAGES_H
#define OI_RT_PAGES_H
#include "lib/rt/pager.h"

// Where a tensor lies in the pager's count of bytes: block * OI_BLOCK + place in the block.
typedef struct oi_extent {
  uint64_t at, row_bytes;
  int64_t rows;
} oi_extent;

// A branch in the order. Of its IF item: the first page of either side, and the fork behind those
// in side 0 and its own ELSE. Of its ELSE item, where side 0 ends: page[1] and skip are behind
// side 1.
typedef struct oi_fork {
  uint32_t item;
  size_t page[2], skip;
} oi_fork;

typedef struct oi_schedule {
  oi_page window;        // stays in memory
  const oi_page *order;  // pages that stream, in the order of a step, and fences (pager.h)
  size_t n_order;
  const oi_fork *forks;  // in the order of a step, side 0 before side 1
  size_t n_forks;
} oi_schedule;

typedef struct oi_cursor {
  oi_page page;  // in use
  size_t next;   // in the order
  size_t fork;   // that comes next
} oi_cursor;

OI_RT oi_page oi_extent_page(const oi_extent *e, int64_t row, int64_t rows);
// Rows from `row` on that one page serves, and the page: from the window, from the page in use, or
// the next scheduled.
OI_RT int64_t oi_pages_tile(const oi_schedule *s, oi_cursor *c, const oi_extent *e, int64_t row,
                            oi_page *out_page);
// The run has come to an IF item (other: side 1 is taken), or to the ELSE item that ends side 0
// (other: always). False: no weights stream in the branch; else the page that is next.
OI_RT bool oi_pages_turn(const oi_schedule *s, oi_cursor *c, uint32_t item, bool other,
                         size_t *out_next);
static inline bool oi_page_covers(oi_page have, oi_page want) {
  return want.first >= have.first && want.first + want.count <= have.first + have.count;
}
#endif
