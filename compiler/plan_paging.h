// The paging plan: which blocks of the weights stay in memory, which stream through the ring, in
// which order, and what that costs a step. Known before anything runs, as the access order of a
// demanded set is.
#ifndef OINF_COMPILER_PLAN_PAGING_H
#define OINF_COMPILER_PLAN_PAGING_H
#include "compiler/plan.h"
#include "lib/rt/pages.h"

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
  const oinf_model *model;     // where tensors lie; NULL: the graph's own
} oi_paging_desc;

// The extent of a tensor as rows of its last axis' length, or as groups where it lies in them; a
// tensor of rank < 2 is one row.
bool oi_extent_of(const oinf_model *m, const oi_pager *pager, uint32_t tensor, oi_extent *out);
// BUDGET where even the least does not fit; out->smallest says then what would.
oinf_status oi_paging_make(const oi_plan *plan, const oi_paging_desc *desc, oi_err *err,
                           oi_paging_plan *out);
void oi_paging_free(oinf_ctx *ctx, oi_paging_plan *p);
static inline oi_schedule oi_paging_schedule(const oi_paging_plan *p) {
  return (oi_schedule){p->window, p->order.at, p->order.n, p->forks.at, p->forks.n};
}
#endif
