// The simulator: runs a graph lazily, one kernel a node, under a memory budget, and is the oracle
// of everything else.
//
//   oinf_sim *s;
//   oinf_sim_create(m, g, &(oinf_sim_desc){.budget = 512 << 20, .threads = 2}, &s);
//   oinf_sim_set(s, "P", 0);                     // symbols that no input's shape tells
//   oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, (int64_t[]){3});  // borrowed until the step ends
//   oinf_sim_fetch(s, "logits", &view);          // computes what this needs, and nothing else
//   oinf_sim_fetch(s, "blk.3.attn_out", &view);  // any named value, in the middle of a loop too
//   oinf_sim_end(s);                             // runs the state writes that are outstanding
//
// Simulations are independent of each other; each has its own last error. Results are the same, bit
// for bit, at every budget, thread count and demanded set.
#ifndef OINF_SIM_H
#define OINF_SIM_H
#include <oinf/oinf.h>
#ifdef __cplusplus
extern "C" {
#endif

typedef struct oinf_sim oinf_sim;
typedef struct oinf_array {
  const char *name;  // "logits", "blk.3.attn_out", "%17[3]"
  oinf_dtype dtype;
  uint32_t rank;
  int64_t dims[OINF_MAX_RANK];
  const void *data;  // row-major
  uint64_t bytes;
} oinf_array;
typedef enum oinf_event_kind {
  OINF_EVENT_RUN,   // a node ran, or a weight was copied for nodes behind it (op "weight")
  OINF_EVENT_PAGE,  // weights were read; told when they are first used
  OINF_EVENT_STEP   // a step ended or was abandoned; told last
} oinf_event_kind;
typedef struct oinf_event {
  oinf_event_kind kind;
  const char *name, *op;  // RUN: "blk.3.attn_out", "matmul"; borrowed until the hook returns
  uint64_t step;
  uint64_t begin, end;  // nanoseconds of CLOCK_MONOTONIC
  // RUN: bytes of operands and results, and arithmetic, as compiler/cost.h counts them; PAGE: read
  // from the file.
  uint64_t read, written, flops;
  bool ahead;  // PAGE: by the thread that reads ahead, while others ran
} oinf_event;
// OINF_BUDGET_NONE maps the weights: a file that another process cuts short under a mapping raises
// SIGBUS in whoever reads it, which a library cannot turn into a status. With every other budget
// the weights are read into memory, and such a file gives OINF_IO; OINF_BUDGET_READ reads each once
// and keeps them all. (oinf-sim maps too, and ends with 74 by a handler of its own.)
enum {
  OINF_BUDGET_NONE = 0,
  OINF_BUDGET_MIN = 1
};
#define OINF_BUDGET_READ UINT64_MAX
typedef struct oinf_sim_desc {
  // Bytes of all arenas, or one of OINF_BUDGET_*: mapped, the smallest workable, all read once.
  uint64_t budget;
  int threads;  // 0: one
  // Of states (symbol C where the graph has one); 0: the smaller of its bound and 4096.
  int64_t capacity;
  int64_t chunk;  // upper bound of the rows of a step; 0: the smaller of its bound and 256
  // States keep all rows, also where a window is all that is ever seen of them: to compare with.
  bool whole_states;
  bool demand_all;  // every value of a step is computed and shown to on_value
  // Called for each value as it is computed (demand_all: every one; else those fetched).
  void (*on_value)(void *user, uint64_t step, const oinf_array *value, uint64_t hash);
  // A trace: called for each node that runs.
  void (*on_node)(void *user, uint64_t step, const char *label, const char *op);
  // A profile: called with what has happened, in the calling thread. Costs nothing where it is
  // NULL.
  void (*on_event)(void *user, const oinf_event *event);
  bool (*on_cancel)(void *user);  // true: stop with OINF_CANCEL
  void *user;
} oinf_sim_desc;
typedef struct oinf_sim_plan {
  uint64_t weights, activations, states, io, staging;  // arenas, bytes
  uint64_t peak;                                       // their sum: what is allocated
  uint64_t smallest;                                   // the smallest workable budget
  uint64_t read_per_step;  // bytes of weights read from the file by a step that follows another
  // Rows that states keep of which a window is all that is seen; 0: every state is whole.
  uint64_t window, window_rows;
} oinf_sim_plan;

OINF_API oinf_status oinf_sim_create(oinf_model *model, oinf_graph *graph,
                                     const oinf_sim_desc *desc, oinf_sim **out_sim);
OINF_API void oinf_sim_destroy(oinf_sim *s);
OINF_API const char *oinf_sim_error(const oinf_sim *s);
OINF_API const char *oinf_sim_error_trail(const oinf_sim *s);
// A step. Symbols that an input's shape tells need no oinf_sim_set.
OINF_API oinf_status oinf_sim_set(oinf_sim *s, const char *symbol, int64_t value);
OINF_API oinf_status oinf_sim_bind(oinf_sim *s, const char *input, const void *data,
                                   oinf_dtype dtype, uint32_t rank, const int64_t *dims);
// Borrowed until the step ends.
OINF_API oinf_status oinf_sim_fetch(oinf_sim *s, const char *name, oinf_array *out_array);
OINF_API oinf_status oinf_sim_fetch_copy(oinf_sim *s, const char *name, void *out, uint64_t bytes);
OINF_API oinf_status oinf_sim_fetch_glob(oinf_sim *s, const char *glob,
                                         void (*each)(void *user, const oinf_array *a), void *user);
// Stepping: runs the next item of the plan for `name`; *out_done once the value is there.
OINF_API oinf_status oinf_sim_next(oinf_sim *s, const char *name, bool *out_done);
OINF_API oinf_status
oinf_sim_end(oinf_sim *s);  // runs outstanding state writes; the next step may begin
OINF_API oinf_status
oinf_sim_abandon(oinf_sim *s);  // leaves the states as they were before the step
OINF_API uint64_t oinf_sim_steps(const oinf_sim *s);  // steps ended
// States, canonical row-major, with the package's root digest and what the caller adds (tokens,
// sampler).
OINF_API oinf_status oinf_sim_save(oinf_sim *s, int64_t rows, const void *extra, size_t extra_size,
                                   const char *path);
OINF_API oinf_status oinf_sim_load(oinf_sim *s, const char *path, int64_t *out_rows,
                                   const void **out_extra, size_t *out_extra_size);
// Figures of the plan for the given variant ("" for the graph as it is), before anything runs.
OINF_API oinf_status oinf_sim_figures(oinf_sim *s, const char *variant, oinf_sim_plan *out_plan);

#ifdef __cplusplus
}
#endif
#endif
