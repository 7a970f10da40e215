// The plan: what runs, in which order, in which memory. A demand is lowered to a linear list of
// items over the graph's nodes; simulator and emitter run the same list. Loops stay loops:
// iterations that need the same nodes are one segment, so that a value of layer 3 runs the layers
// before it whole, layer 3 as far as it must, and none behind.
#ifndef OINF_COMPILER_PLAN_H
#define OINF_COMPILER_PLAN_H
#include "lib/graph_build.h"

enum {
  OI_MAX_CARRIED = 64,
  OI_ALIGN = 64
};

// A value at an iteration of each loop around it, outermost first.
typedef struct oi_demand {
  uint32_t value;
  uint32_t depth;
  int64_t at[OI_MAX_DEPTH];
} oi_demand;

typedef enum oi_item_kind {
  OI_ITEM_RUN,    // dispatch of a node; its paged operand comes in by tiles of rows
  OI_ITEM_LOAD,   // a weight is copied into its activation storage, for kernels that want it whole
  OI_ITEM_LOOP,   // a segment of a loop: iterations from .. to - 1; carry: start values to copy
                  // (first segment)
  OI_ITEM_END,    // of a segment; carry: yields to copy back
  OI_ITEM_IF,     // jump: the item of OI_ITEM_ELSE; carry: start values that a side uses
  OI_ITEM_ELSE,   // carry: yields of side 0 to copy; jump: the item of OI_ITEM_ENDIF
  OI_ITEM_ENDIF,  // carry: yields of side 1 to copy
  OI_ITEM_HOLD    // a demanded value is kept for the caller; which: index of the demand
} oi_item_kind;

typedef struct oi_item {
  oi_item_kind kind;
  uint32_t node;  // LOAD: the weight's node
  uint32_t jump;  // LOOP <-> END, IF -> ELSE -> ENDIF
  int64_t from, to;
  uint64_t carry;  // a bit for each carried value
  uint32_t which;
} oi_item;

typedef enum oi_storage_kind {
  OI_STORE_NONE,
  OI_STORE_ACT,
  OI_STORE_INPUT,
  OI_STORE_WEIGHT,
  OI_STORE_STATE
} oi_storage_kind;

// Where a value lives. Values may share a storage: views (reshape), carried values and their
// results.
typedef struct oi_storage {
  oi_storage_kind kind;
  uint32_t node;           // INPUT, WEIGHT, STATE: the node that says which
  uint64_t bytes, offset;  // ACT: upper bound, place in the activation arena
  uint32_t span;           // when it lives: the latest of its spans
} oi_storage;

// Items between which a storage lives. It has several where a loop has several segments, and is
// free in between.
typedef struct oi_span {
  uint32_t first, last;
  uint32_t before;  // the span before this one; 0: none
} oi_span;

typedef struct oi_plan_desc {
  const oi_demand *demands;
  size_t n_demands;
  bool all_values;                 // every node runs
  bool all_writes;                 // every state write runs
  const int64_t *sym_lo, *sym_hi;  // bounds of every symbol of the graph, pins included
  bool load_whole;                 // weights that kernels want whole are copied (a budget is set)
  struct oi_threads *threads;      // kernels' scratch depends on their number
} oi_plan_desc;

typedef struct oi_plan {
  oinf_graph *graph;
  oi_arena arena;
  OI_VEC(oi_item) items;
  OI_VEC(oi_storage) storages;  // [0] unused
  OI_VEC(oi_span) spans;        // [0] unused
  uint32_t *of_value;           // storage of each value; 0: none in this plan
  uint32_t *of_wait;            // of each carried value: where its next value waits (oi_plan_waits)
  uint64_t *hold_bytes;         // of each demand, upper bound
  int64_t *sym_lo, *sym_hi;
  bool load_whole;
  bool writes_all;  // every state write of the graph runs in it, at every iteration
  uint64_t activations, room, held;  // bytes: arena, kernels' scratch, what is kept for the caller
  uint64_t least;                    // the most bytes of activations that live at one item
} oi_plan;

oinf_status oi_plan_make(oinf_graph *g, const oi_plan_desc *desc, oi_err *err, oi_plan *out_plan);
void oi_plan_free(oi_plan *p);
// plan_need.c: the items; plan_memory.c: storages and their lifetimes; plan_place.c: offsets. Each
// is a pass over the plan.
oinf_status oi_plan_items(oi_plan *p, const oi_plan_desc *desc, oi_err *err);
oinf_status oi_plan_memory(oi_plan *p, const oi_plan_desc *desc, oi_err *err);
oinf_status oi_plan_place(oi_plan *p, oi_err *err);
bool oi_plan_overlap(const oi_plan *p, const oi_storage *a, const oi_storage *b);  // live at once

// The row-paged or index-paged operand of a node: its operand index, or -1. Weights alone are
// paged.
int oi_plan_paged_operand(const oinf_graph *g, uint32_t node, oi_paging *out_paging);
bool oi_plan_is_view(uint32_t op);  // shares its operand's storage
// Carried values are copied back in order at the end of an iteration. Does yield i lie where an
// earlier copy goes (values that change places)? It is then brought to plan->of_wait first.
bool oi_plan_waits(const oi_plan *p, const oi_region *body, uint64_t carry, uint32_t i);
static inline int oi_plan_sides(uint32_t op) {  // regions of a node that hold items of their own
  return op == OP_LOOP ? 1 : op == OP_IF ? 2 : 0;
}
uint64_t oi_plan_bytes_hi(const oi_plan *p, const oi_type *t);  // upper bound of a type's bytes
// Tells a state that only ever grows: each of its rows is written once a step, and reads see rows
// of earlier steps and rows written before them in this step. A step that is abandoned or run twice
// then leaves nothing behind that anyone could see.
typedef struct oi_growth {
  bool appends;
  oinf_dim at;  // of one that appends: the row where every write begins; OI_DIM_BAD: never written
} oi_growth;
oinf_status oi_state_growth(const oinf_graph *g, uint32_t state, oi_err *err, oi_growth *out);
// States of which a window is all that is ever seen: every read of them goes to attention with a
// window, whose queries stand where the step's rows do. Told from the graph alone. What such a read
// gives is no value that could be shown, as the rows before the window may be gone.
typedef struct oi_windowed {
  oi_state_set states;
  oi_state_set seen;  // these, and others that attention with a window reads among what else does
  oinf_dim at, rows;  // where the rows of a step begin in all of them, and how many there are
  int64_t window;     // the widest of them; 0: there are no such states
} oi_windowed;
oinf_status oi_windowed_find(const oinf_graph *g, oi_err *err, oi_windowed *out);
// Rows that each of them has in memory under these bounds; 0: they stay whole, as that is less.
int64_t oi_windowed_room(const oinf_graph *g, const oi_windowed *w, const int64_t *sym_lo,
                         const int64_t *sym_hi);
bool oi_windowed_is(const oinf_graph *g, const oi_windowed *w, uint32_t value);  // rows of one
uint32_t oi_state_behind(const oinf_graph *g, uint32_t value);  // the read of whose rows it is a
                                                                // view; 0: none
uint32_t oi_value_depth(const oinf_graph *g, uint32_t value,
                        uint32_t loops[OI_MAX_DEPTH]);  // loops around it
bool oi_region_inside(const oinf_graph *g, uint32_t region, uint32_t outer);
#endif
