// The simulator's own record: a graph bound to a model, the plans that ran, and the step that
// stands.
#ifndef OINF_SIM_SIM_H
#define OINF_SIM_SIM_H
#include <oinf/sim.h>

#include "compiler/plan_paging.h"
#include "lib/rt/kept.h"

struct oi_threads;

// A plan with its paging, kept for the next time the same is asked for.
typedef struct oi_run_plan {
  oi_plan plan;
  oi_paging_plan paging;
  bool paged;  // paging is made, for an arena beside `rest` bytes of others
  uint64_t rest;
  oi_demand *demands;
  size_t n_demands;
  uint32_t variant;  // index, or variants.n for none
  bool all_values, all_writes;
} oi_run_plan;

// What a name or a pattern means, kept for the next time it is asked for.
typedef struct oi_search {
  char *pattern;
  bool glob;
  uint32_t users;  // calls that hold it
  OI_VEC(oi_demand) found;
} oi_search;

typedef struct oi_bound {
  const void *data;
  oi_view view;  // of the bound array
  bool bound;
} oi_bound;

// A value kept for the caller until the step ends.
typedef struct oi_held {
  oi_demand what;
  oinf_array array;
  void *data;
  char *name;
  uint64_t room;
  size_t name_room;
} oi_held;

// Content as the step began is kept in `before`: of a state that does not only grow whole, of one
// that does the rows of earlier steps that this one overwrites, when its position goes back.
typedef struct oi_state_room {
  uint8_t *data, *before;
  uint64_t bytes, row_bytes, layer_bytes, before_bytes;
  int64_t capacity, layers;
  int64_t rows;                     // in memory: the capacity, or of a window (sim_window.c)
  int64_t reach;                    // rows that earlier steps may have written
  int64_t before_row, before_rows;  // in memory, of a state that only grows
  oinf_dim at;                      // where writes begin, of a state that only grows
  bool appends, has_layers, slides;
} oi_state_room;

// Memory that is given back before more of it is taken.
typedef struct oi_room {
  uint8_t *at;  // aligned to OI_ALIGN
  void *block;
  uint64_t bytes;
} oi_room;

typedef struct oi_loop_frame {  // of a loop that runs
  uint32_t item;
  int64_t i;
} oi_loop_frame;

struct oinf_sim {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  oinf_sim_desc desc;
  oi_err err;
  oi_arena arena;
  struct oi_threads *threads;
  oi_pager *pager;
  oi_source_mark *marks;  // by source: the file as the simulation was made
  // Symbols: bounds with what is fixed for good, what the caller gave, what the step has.
  int64_t *pin_lo, *pin_hi, *given, *sym;
  bool *is_given, *sym_known;
  oi_bound *inputs;  // by index in graph->inputs
  oi_state_room *states;
  uint64_t states_bytes;
  oi_windowed windowed;
  oi_kept kept, kept_before;  // room 0: every state is whole; before: as the step began
  void **made;                // by tensor: contents of splat and noise tensors
  uint64_t made_bytes;
  OI_VEC(oi_run_plan *) plans;   // latest last
  OI_VEC(oi_search *) searches;  // latest last
  // What is allocated for the plan that runs.
  oi_run_plan *now;
  oi_room act, room, weights;
  uint64_t act_need, room_need, held_need;  // the most that a plan has asked for
  oi_paging_plan home;                      // window and slots of the usual plan
  oi_paging_plan in_place;                  // window and slots in `weights`
  oi_paging_plan *weights_plan;             // whose order the pager follows
  bool followed;          // to its end: the next step of this plan follows another
  uint64_t stated_bytes;  // of all arenas, as the plan that runs says
  uint64_t stated_reads;  // of weights through the slots, likewise
  uint64_t streamed;      // of the pager as the plan began
  OI_VEC(oi_held) held;
  uint64_t held_bytes;
  // The step.
  uint64_t steps;
  uint64_t step_began;  // oi_sim_clock
  bool begun;           // symbols and inputs are checked
  bool ran;             // a plan has run, whole or in part: only end or abandon lead on
  bool shown;           // every value was shown (demand_all)
  bool writes_done;     // every state write of the step is in the states
  // The item that is next.
  uint32_t pc;
  bool running;
  oi_loop_frame frames[OI_MAX_DEPTH];
  uint32_t depth;
  oi_cursor cursor;
  oi_text label;
  void *extra;  // of the state that was loaded
  size_t extra_bytes;
  int cpu;  // oi_cpu: the variant of the kernels, asked once
};

// sim_plan.c: what is demanded becomes a plan that is ready to run.
oinf_status oi_sim_plan(oinf_sim *s, const oi_demand *demands, size_t n, bool all_values,
                        bool all_writes, oi_run_plan **out_plan);
oinf_status oi_sim_ready(oinf_sim *s, oi_run_plan *plan);  // memory, pager; the first item is next
oinf_status oi_sim_base(oinf_sim *s);  // checks the budget against the largest usual plan
oinf_status oi_sim_measure(oinf_sim *s, uint32_t variant, oinf_sim_plan *out);
oinf_status oi_sim_keeps(oinf_sim *s);  // the plan has run: INTERNAL where its figures were wrong
uint64_t oi_sim_allocated(const oinf_sim *s);  // bytes of all arenas at this moment
void oi_sim_plans_free(oinf_sim *s);
// sim_find.c: names and patterns become values at iterations.
oinf_status oi_sim_find(oinf_sim *s, const char *pattern, bool glob, oi_search **out_search);
bool oi_search_fits(const oi_search *q, const char *label);
void oi_sim_searches_free(oinf_sim *s);
// sim_run.c: the interpreter of items.
oinf_status oi_sim_item(oinf_sim *s, bool *out_done);  // runs one
oinf_status oi_sim_run(oinf_sim *s);                   // runs to the end
// sim_view.c: where values lie at this moment.
oinf_status oi_sim_view(oinf_sim *s, uint32_t value, oi_view *out);
bool oi_sim_dim(const oinf_sim *s, oinf_dim d, int64_t *out);
oinf_status oi_sim_type(oinf_sim *s, const oi_type *t, oi_view *out);  // dims alone
uint8_t *oi_sim_state_at(oinf_sim *s, const oi_node *n, int64_t row);
oinf_status oi_sim_weight(oinf_sim *s, uint32_t node, int64_t *out_tensor);
// Rows from `row` on that one page serves, and the page.
int64_t oi_sim_tile(oinf_sim *s, const oi_extent *e, int64_t row, oi_page *out_page);
oinf_status oi_sim_page(oinf_sim *s, oi_page page, bool row, const uint8_t **out);
oinf_status oi_sim_load(oinf_sim *s, uint32_t node,
                        uint8_t *out);                  // a weight's bytes, page by page
const char *oi_sim_label(oinf_sim *s, uint32_t value);  // borrowed until the next
// sim_kernel.c: one dispatch.
oinf_status oi_sim_dispatch(oinf_sim *s, uint32_t node);
// sim_window.c: states of which a window is seen keep its rows.
oinf_status oi_sim_window_open(oinf_sim *s);
oinf_status oi_sim_window_check(oinf_sim *s, int64_t at);  // may a step begin here?
void oi_sim_window_begin(oinf_sim *s);                     // makes room for the step's rows
int64_t oi_sim_window_reach(const oinf_sim *s);  // then: rows before it were there as it began
void oi_sim_window_undo(oinf_sim *s);
void oi_sim_window_end(oinf_sim *s);
bool oi_sim_is_windowed(const oinf_sim *s, uint32_t value);   // the rows of such a state
int64_t oi_sim_first_row(const oinf_sim *s, uint32_t state);  // position of its first row in memory
// sim_event.c: what a profile is told.
uint64_t oi_sim_clock(const oinf_sim *s);  // nanoseconds; 0 where nobody asks
void oi_sim_ran(oinf_sim *s, uint32_t node, uint64_t begin);
void oi_sim_paged(oinf_sim *s);  // a page has been asked for
void oi_sim_stepped(oinf_sim *s, const char *how);
// sim_check.c: what a step must hold, refused before anything runs.
oinf_status oi_sim_check(oinf_sim *s);
// sim_step.c: begin and end of a step.
oinf_status oi_sim_start(oinf_sim *s, const oi_demand *d, size_t n, bool values,
                         bool writes);  // a plan of the step
void oi_sim_finished(oinf_sim *s);
const oi_held *oi_sim_held(const oinf_sim *s, const oi_demand *d);  // NULL: not yet
void oi_sim_held_free(oinf_sim *s);
oinf_status oi_sim_ok(
    oinf_sim *s);  // a failure of an earlier call does not stand in the way of the next
#endif
