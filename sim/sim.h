// The simulator's own record: a graph bound to a model, the plans that ran, and the step that
// stands.
#ifndef OINF_SIM_SIM_H
#define OINF_SIM_SIM_H
#include <oinf/sim.h>

#include "compiler/plan_paging.h"

struct oi_threads;

// A plan with its paging, kept for the next time the same is asked for.
typedef struct oi_run_plan {
  oi_plan plan;
  oi_paging_plan paging;
  oi_demand *demands;
  size_t n_demands;
  uint32_t variant;  // index, or variants.n for none
  bool all_values, all_writes;
} oi_run_plan;

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
  uint64_t room;
} oi_held;

typedef struct oi_state_room {
  uint8_t *data,
      *before;  // before: the content as the step began, where the state does not only grow
  uint64_t bytes, row_bytes, layer_bytes;
  int64_t capacity;
  bool appends, has_layers;
} oi_state_room;

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
  int cpu;  // oi_cpu: the variant of the kernels, asked once
  oi_pager *pager;
  // Symbols: what pins allow, what the step gives.
  int64_t *pin_lo, *pin_hi, *sym;
  bool *sym_known;
  oi_bound *inputs;  // by index in graph->inputs
  oi_state_room *states;
  uint64_t states_bytes;
  void **made;  // by tensor: contents of splat and noise tensors
  uint64_t made_bytes;
  OI_VEC(oi_run_plan *) plans;  // latest last
  // What is allocated for the plan that runs.
  oi_run_plan *now;
  uint8_t *act, *room, *weights;
  uint64_t act_bytes, room_bytes, weights_bytes;
  uint64_t act_need, room_need, held_need;  // the most that a plan has asked for
  oi_paging_plan *weights_plan;             // whose window and slots the pager has
  OI_VEC(oi_held) held;
  uint64_t held_bytes;
  // The step.
  uint64_t steps;
  bool begun, writes_done, ran;
  // The item that is next.
  uint32_t pc;
  bool running;
  oi_loop_frame frames[OI_MAX_DEPTH];
  uint32_t depth;
  oi_cursor cursor;
  oi_text label;
};

// sim_plan.c: what is demanded becomes a plan that is ready to run.
oinf_status oi_sim_plan(oinf_sim *s, const oi_demand *demands, size_t n, bool all_values,
                        bool all_writes, oi_run_plan **out_plan);
oinf_status oi_sim_ready(oinf_sim *s, oi_run_plan *plan);  // memory, pager; the first item is next
oinf_status oi_sim_base(oinf_sim *s);  // checks the budget against the largest usual plan
oinf_status oi_sim_measure(oinf_sim *s, uint32_t variant, oinf_sim_plan *out);
void oi_sim_plans_free(oinf_sim *s);
// sim_run.c: the interpreter of items.
oinf_status oi_sim_item(oinf_sim *s, bool *out_done);  // runs one
oinf_status oi_sim_run(oinf_sim *s);                   // runs to the end
// sim_view.c: where values lie at this moment.
oinf_status oi_sim_view(oinf_sim *s, uint32_t value, oi_view *out);
bool oi_sim_dim(const oinf_sim *s, oinf_dim d, int64_t *out);
oinf_status oi_sim_type(oinf_sim *s, const oi_type *t, oi_view *out);  // dims alone
uint8_t *oi_sim_state_at(oinf_sim *s, const oi_node *n, int64_t row);
oinf_status oi_sim_weight(oinf_sim *s, uint32_t node, int64_t *out_tensor);
oinf_status oi_sim_page(oinf_sim *s, oi_page page, bool row, const uint8_t **out);
oinf_status oi_sim_load(oinf_sim *s, uint32_t node,
                        uint8_t *out);                  // a weight's bytes, page by page
const char *oi_sim_label(oinf_sim *s, uint32_t value);  // borrowed until the next
// sim_kernel.c: one dispatch.
oinf_status oi_sim_dispatch(oinf_sim *s, uint32_t node);
// sim_step.c: symbols, conditions, begin and end of a step.
oinf_status oi_sim_begin(oinf_sim *s);
oinf_status oi_sim_start(oinf_sim *s, const oi_demand *d, size_t n, bool values,
                         bool writes);  // a plan of the step
void oi_sim_finished(oinf_sim *s);
oinf_status oi_sim_ok(
    oinf_sim *s);  // a failure of an earlier call does not stand in the way of the next
#endif
