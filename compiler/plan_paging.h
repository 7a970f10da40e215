// The paging plan: which blocks of the weights stay in memory, which stream through the ring, in
// which order, and what that costs a step. Known before anything runs, as the access order of a
// demanded set is.
#ifndef OINF_COMPILER_PLAN_PAGING_H
#define OINF_COMPILER_PLAN_PAGING_H
#include "compiler/plan.h"
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
typedef struct oi_paging_plan {
  oi_page window;
  uint32_t slot, row_slot;  // blocks
  OI_VEC(oi_page) order;    // pages that stream, in the order of a step, and fences (pager.h)
  OI_VEC(oi_fork) forks;    // in the order of a step, side 0 before side 1
  uint64_t bytes;           // of the weights arena
  uint64_t smallest;        // the least that it could be
  // Read by a step that begins with empty slots, and by one that follows another: at most, beside
  // what fills the window.
  uint64_t read_first, read_per_step;
} oi_paging_plan;
typedef struct oi_paging_desc {
  const oi_pager *pager;
  uint64_t room;  // bytes of the arena at most: 0 takes the least, UINT64_MAX all that is used
  const oi_paging_plan *home;  // NULL, or a plan whose window and slots are kept where they serve
  bool count_mapped;           // as if files that are mapped were read
} oi_paging_desc;

// The extent of a tensor as rows of its last axis' length; a tensor of rank < 2 is one row.
bool oi_extent_of(const oinf_model *m, const oi_pager *pager, uint32_t tensor, oi_extent *out);
// BUDGET where even the least does not fit; out->smallest says then what would.
oinf_status oi_paging_make(const oi_plan *plan, const oi_paging_desc *desc, oi_err *err,
                           oi_paging_plan *out);
void oi_paging_free(oinf_ctx *ctx, oi_paging_plan *p);
// Rows from `row` on that one page serves, and the page: from the window, from the page in use, or
// the next scheduled.
typedef struct oi_cursor {
  oi_page page;  // in use
  size_t next;   // in the order
  size_t fork;   // that comes next
} oi_cursor;
int64_t oi_paging_tile(const oi_paging_plan *p, oi_cursor *c, const oi_extent *e, int64_t row,
                       oi_page *out_page);
// The run has come to an IF item (other: side 1 is taken), or to the ELSE item that ends side 0
// (other: always). False: no weights stream in the branch; else the page that is next.
bool oi_paging_turn(const oi_paging_plan *p, oi_cursor *c, uint32_t item, bool other,
                    size_t *out_next);
oi_page oi_extent_page(const oi_extent *e, int64_t row, int64_t rows);
#endif
