// The emitter's own record: a plan, the weights in their order of use, and the text of the file
// that is being printed. Everything is decided in the plan; the files emit_*.c print.
#ifndef OINF_COMPILER_EMIT_H
#define OINF_COMPILER_EMIT_H
#include <oinf/emit.h>

#include "compiler/passes.h"
#include "compiler/plan_paging.h"
#include "formats/generation.h"

enum {
  OI_EMIT_PICK = 16,  // bytes of a row that an index picks, in kernels/open.c
  OI_EMIT_BATCH = 8   // kernels that run in one go, in kernels/run.c
};

// A weight node: where its tensors lie, by the indices of the loops around it, flattened.
typedef struct oi_emit_weight {
  uint32_t node, number;
  uint32_t user;  // a node that reads it, for the name of its table
  uint64_t bytes;
  uint32_t n;       // entries: 1, or the product of the trips around
  int64_t *tensor;  // in the source model, -1: not there
  bool same;        // all entries are one tensor
  const char *why;  // it stays row-major; NULL: it lies in groups of 16 rows
  bool multiplied;  // a product that takes groups reads it
} oi_emit_weight;

// How a kernel's work is cut (run in kernels/open.c): texts of C over d.
typedef struct oi_emit_cut {
  const char *units, *cost;  // how many units there are; operations of one
  const char *ready;         // units of the kernel NAME_ready that runs before; NULL: there is none
  int tiled;                 // operand of which unit u reads row u and no other; -1: none
  uint32_t ready_of;         // whose kernel's name that is; 0: the node's own
  const char *columns;       // unit u writes column u of so many; NULL: it does not
  const char *row;           // unit u writes the next so many elements; NULL: it does not
  const char *reads;         // unit u reads the next so many elements of operand 0; NULL: others
  uint64_t shared, own;      // scratch of all workers, and of each
  bool may_fail;
} oi_emit_cut;

// How an item's kernel runs with those before it (lower_batch.c).
typedef enum oi_emit_join {
  OI_JOIN_NOT,
  OI_JOIN_BESIDE,
  OI_JOIN_BEHIND  // each piece of it behind the same piece of the kernel before
} oi_emit_join;

// A function of kernels.c: what it does with an empty name for its own, and the name of the one
// that is printed for it.
typedef struct oi_emit_function {
  const char *name, *as, *text;
  uint64_t hash;
} oi_emit_function;

typedef struct oinf_emit {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *source;  // the caller's, which stays as it is
  oinf_graph *g;       // the copy that passes change and the files print
  oi_pass passes;      // what they did
  oi_pass_options options;
  oi_text dumped;  // the graph, or the plan, after the pass that was asked for
  oi_err *err;
  oinf_emit_desc desc;
  oi_plan plan;
  oi_arena arena;
  int64_t *pin_lo, *pin_hi;
  uint32_t *kernel;    // by node: number of its kernel, counted from 1; 0: none
  uint32_t *in_order;  // nodes that have a kernel
  uint32_t n_kernels;
  oi_emit_cut *cuts;   // by node
  OI_VEC(oi_emit_function) functions;
  bool *in_place;       // by node: a state write whose rows are made there; NULL: none
  oi_emit_join *joins;  // by item of the plan; NULL: nothing joins
  unsigned dot_types;  // bits: storage types of the runtime's inner kernels that are used
  OI_VEC(oi_emit_weight) weights;
  OI_VEC(uint32_t) tensors;  // of the source, in order of first use
  uint64_t *offset;          // by tensor of the source: in the bundle's section of weights
  bool *grouped;             // by tensor of the source: it is re-laid in groups
  bool *takes_groups;        // by node: its kernel reads a weight that is
  uint64_t *state_bytes, *output_bytes, kept_bytes;
  oi_growth *growth;      // by state
  oi_windowed windowed;   // as in the source: what is saved and shown depends on it
  int64_t room;           // rows that these states keep; 0: they are whole
  oi_paging_plan paging;  // under a budget
  uint64_t pick_bytes;
  const char *package;  // the bundle's weights.oinf, once it is written
  uint64_t file_bytes, weights_at, weights_bytes, checksums_at, tokenizer_at, tokenizer_bytes;
  uint8_t digest[32];
  oi_generation generation;  // what the package says of drawing
  oinf_emit_figures figures;
  struct oi_figures *fig;       // compiler/figures.h
  oinf_emit_kernel *described;  // for the API: without costs
  oi_text out;                  // the file being printed
  uint32_t n_shown;             // values of the step that were printed so far
  bool in_words;                // dims are printed for people: names of fields alone
} oi_emit;

// emit.c
const char *oi_emit_kernel_name(const oi_emit *e, uint32_t node, char room[96]);
const char *oi_emit_role_name(oinf_role role);  // "" for none
oi_emit_weight *oi_emit_weight_of(const oi_emit *e, uint32_t node);
// The node of the weight that this value is, or views; 0: none.
uint32_t oi_emit_weight_behind(const oi_emit *e, uint32_t value);
// A graph through the pipeline, kept in *e; oi_emit_close after it in any case. With options.stop
// there may be no plan.
oinf_status oi_emit_open(oi_emit *e, oinf_model *model, oinf_graph *graph,
                         const oinf_emit_desc *desc, const oi_pass_options *options);
void oi_emit_close(oi_emit *e);
oinf_status oi_emit_write(oi_emit *e, const char *folder);  // the whole bundle
typedef enum oi_emit_parts {
  OI_EMIT_NOTHING,
  OI_EMIT_DEVICE,
  OI_EMIT_HOST,
  OI_EMIT_PAPERS,
  OI_EMIT_ANY
} oi_emit_parts;
oinf_status oi_emit_part(oi_emit *e, oi_emit_parts part, oinf_emit_sink *sink, void *user);
// All of it in one call. folder NULL: nothing is emitted; `said` takes what the passes say, `dump`
// what was asked for. Each of out_figures, said and dump may be NULL.
oinf_status oi_emit_run(oinf_model *model, oinf_graph *graph, const oinf_emit_desc *desc,
                        const oi_pass_options *options, const char *folder,
                        oinf_emit_figures *out_figures, oi_text *said, oi_text *dump);
// Rows of the state in memory are those of a window, from position d->first on.
static inline bool oi_emit_slides(const oi_emit *e, uint32_t state) {
  return e->room && oi_state_in(&e->windowed.states, state);
}
oinf_status oi_emit_find_windows(oi_emit *e);            // lower_window.c
void oi_emit_window_rows(oi_emit *e);                    // a function of model.c
int64_t oi_emit_rows(const oi_emit *e, uint32_t state);  // that it has in memory
// emit_plan.c: the plan of every value that is left; then its weights, arenas, figures.
oinf_status oi_emit_plan_memory(oi_emit *e);
oinf_status oi_emit_number_kernels(oi_emit *e);
oinf_status oi_emit_plan_paging(oi_emit *e);
oinf_status oi_emit_arenas(oi_emit *e);  // once every kernel has said what it needs
// lower_memory.c, lower_paging.c: what they decided, for people.
oinf_status oi_emit_plan_text(oi_emit *e, bool paging, oi_text *out);
void oi_lower_memory_text(oi_emit *e, oi_text *out);
void oi_lower_paging_text(oi_emit *e, oi_text *out);
oinf_status oi_emit_order_tensors(oi_emit *e);  // emit_order.c: as a step uses them
// emit_layout.c: which weights are re-laid; what tensors and weights are then.
oinf_status oi_emit_lay_weights(oi_emit *e);
void oi_emit_layout_text(const oi_emit *e, oi_text *out);
oi_tensor_layout oi_emit_tensor_layout(const oi_emit *e, uint32_t tensor);
uint64_t oi_emit_tensor_bytes(const oi_emit *e, uint32_t tensor);
int64_t oi_emit_weight_rows(const oi_emit *e, const oi_emit_weight *w);  // or groups, as paged
// emit_paging.c: where weights will lie, and how they come in under a budget.
oinf_status oi_emit_place_weights(oi_emit *e);
oinf_status oi_emit_paging(oi_emit *e, uint64_t rest);
void oi_emit_page_tables(oi_emit *e);
// emit_weights.c: the bundle's weights.oinf, and where things lie in it.
oinf_status oi_emit_weights(oi_emit *e, const char *path);
oinf_status oi_emit_embedded(oi_emit *e);  // e->package as an array
// emit_expr.c: dims, counts, places as C; names of the model only as escaped strings.
void oi_emit_dim(oi_emit *e, oinf_dim d);
void oi_emit_dim_bare(oi_emit *e, oinf_dim d);   // never in parentheses
void oi_emit_dim_words(oi_emit *e, oinf_dim d);  // with names of fields
bool oi_emit_speaks_of_loops(const oi_emit *e, oinf_dim d);
void oi_emit_count(oi_emit *e, const oi_type *t);  // elements
// Of axes from .. to - 1.
void oi_emit_span(oi_emit *e, const oi_type *t, uint32_t from, uint32_t to);
void oi_emit_real(oi_emit *e, float x);  // "1e-05f": the shortest decimal that reads back equal
void oi_emit_string(oi_emit *e, const char *text, size_t n, bool format);  // in quotes
// A value's label in quotes, {} where a turn of a loop stands; the turns, an array or NULL.
void oi_emit_label(oi_emit *e, uint32_t value);
void oi_emit_turns(oi_emit *e, uint32_t value);
typedef struct oi_emit_dtype {
  const char *name, *type, *load;  // "f16", "uint16_t", "oi_f16_to_f32"
  const char *work;                // what an op computes in: float, double, int64_t, uint64_t, bool
} oi_emit_dtype;
const oi_emit_dtype *oi_emit_dtype_of(oinf_dtype dtype);
// emit_loop.c: loops over places of a shape; i0, i1, .. are the indices of its axes.
void oi_emit_indent(oi_emit *e, uint32_t depth);
// The kernel's outer loop: axes of the mask are decoded from the unit's number; says the cut.
void oi_emit_begin_units(oi_emit *e, const oi_type *t, uint32_t mask, oi_emit_cut *cut);
uint32_t oi_emit_begin_axes(oi_emit *e, const oi_type *t, uint32_t mask, uint32_t depth);
void oi_emit_end_axes(oi_emit *e, uint32_t depth, uint32_t down_to);
void oi_emit_place(oi_emit *e, const oi_type *t);  // row-major
// emit_template.c: files of compiler/kernels and lib/rt, which the library carries within itself.
typedef struct oi_hole {
  const char *name;
  const char *text;
} oi_hole;
oinf_status oi_emit_template(oi_emit *e, const char *file, const oi_hole *holes, size_t n);
oinf_status oi_emit_runtime(oi_emit *e);
void oi_emit_tidy(oi_emit *e, size_t from);  // emit_tidy.c: what was printed since
// emit_share.c: functions printed since that another one is for go; the name of that one.
void oi_emit_share(oi_emit *e, size_t from);
const char *oi_emit_shared_name(const oi_emit *e, const char *name);
// emit_convert.c: element i of a node by an expression over i and x0[i].
bool oi_emit_is_flat(uint32_t op);
oinf_status oi_emit_flat(oi_emit *e, const oi_node *n);
// emit_kernel.c, emit_move.c, emit_reduce.c: one function a node, and its cut. SUPPORT names what
// has no template.
oinf_status oi_emit_kernels(oi_emit *e);
oinf_status oi_emit_kernel(oi_emit *e, uint32_t node, oi_emit_cut *cut);
const char *oi_emit_ready_name(const oi_emit *e, uint32_t node, char room[96]);
oinf_status oi_emit_move(oi_emit *e, const oi_node *n, oi_emit_cut *cut);
oinf_status oi_emit_eltwise(oi_emit *e, const oi_node *n, oi_emit_cut *cut);
oinf_status oi_emit_reduce(oi_emit *e, const oi_node *n, oi_emit_cut *cut);
// What an elementwise op computes: its expression over a, b, c, in `work`; operands before `first`
// are bool. False: the op is none, or not for these operands.
typedef struct oi_elements {
  oi_class class;
  uint32_t first;
  const char *expr, *work;
  bool to_bool;
} oi_elements;
bool oi_emit_elements_of(const oi_emit *e, const oi_node *n, oi_elements *out);
// Constants in front of a loop, as far as the expression speaks of them: attributes and the width,
// their names with a suffix.
void oi_emit_attributes(oi_emit *e, const oi_node *n, const oi_elements *w, const char *suffix);
// The loop over a result's places, by one index i or by one an axis; gives the depth within.
uint32_t oi_emit_begin_places(oi_emit *e, const oi_type *t, bool flat, oi_emit_cut *cut);
// The place that (i0, i1, ..) of `out` has in an operand that broadcasts, or that a permute, slice
// or select reads.
void oi_emit_broadcast(oi_emit *e, const oi_type *in, const oi_type *out);
void oi_emit_moved(oi_emit *e, const oi_node *n);
oinf_status oi_emit_fused(oi_emit *e, const oi_node *n, oi_emit_cut *cut);  // emit_fused.c
// Floats, element by element: `expr` over a, b, c.
void oi_emit_elements(oi_emit *e, const oi_node *n, const char *expr, oi_emit_cut *cut);
// emit_matmul.c: products without a template of their own.
oinf_status oi_emit_matmul_any(oi_emit *e, const oi_node *n, const char *name, oi_emit_cut *cut);
// emit_user.c: a user's own op, refused where its body would break the text around it.
oinf_status oi_emit_user(oi_emit *e, const oi_node *n, oi_emit_cut *cut);
// The kernel's first lines: its name and its operands as x0, x1, .. and results as out, out1, ..
void oi_emit_begin(oi_emit *e, const oi_node *n);
// What was printed since `from` is taken back and kept as a text; NULL: out of memory.
const char *oi_emit_taken(oi_emit *e, size_t from);
const char *oi_emit_span_text(oi_emit *e, const oi_type *t, uint32_t from, uint32_t to);
bool oi_emit_is_move(uint32_t op);
oinf_status oi_emit_refuse(oi_emit *e, const oi_node *n, const char *why);
// emit_ports.c: what the network takes and gives, under which identifiers; its entry points.
typedef enum oi_emit_kind {
  OI_EMIT_INPUT,
  OI_EMIT_OUTPUT
} oi_emit_kind;
const oi_value *oi_emit_port(const oi_emit *e, oi_emit_kind kind, uint32_t i);
const char *oi_emit_port_name(const oi_emit *e, oi_emit_kind kind, uint32_t i);  // the model's
const char *oi_emit_port_field(const oi_emit *e, oi_emit_kind kind, uint32_t i, char room[32]);
const char *oi_emit_symbol_field(const oi_emit *e, size_t sym, char room[32]);
bool oi_emit_is_free(const oi_emit *e, size_t sym);  // a step chooses it
void oi_emit_entry_name(oi_emit *e, uint32_t variant);
bool oi_emit_is_typed(const oi_emit *e, uint32_t variant);  // has an entry point of typed arrays
void oi_emit_dims(oi_emit *e);  // the type of d
void oi_emit_ports(oi_emit *e);
void oi_emit_port_dims(oi_emit *e);
void oi_emit_entries(oi_emit *e);
void oi_emit_checks(oi_emit *e);  // emit_check.c: check_step
// emit_model.c: model.c, the network, and library.c, the same text for all; emit_step.c: the
// function that runs a step; emit_header.c: model.h; emit_golden.c; report_*.c: what people read.
oinf_status oi_emit_model(oi_emit *e);
oinf_status oi_emit_library(oi_emit *e);
void oi_emit_weight_name(oi_emit *e, const oi_emit_weight *w);
void oi_emit_shown(oi_emit *e);  // the table of what a step shows
oinf_status oi_emit_step(oi_emit *e);
oinf_status oi_emit_header(oi_emit *e);
oinf_status oi_emit_golden(oi_emit *e);
// What a step may put between its outputs and strict's, as a part of their largest value.
double oi_emit_off(const oi_emit *e);
oinf_status oi_emit_plan_json(oi_emit *e);
oinf_status oi_emit_readme(oi_emit *e);
oinf_status oi_emit_report(oi_emit *e);
int oi_emit_symbol(const oi_emit *e, bool rows);  // of the token input's rows, or P; -1: none
int oi_emit_logits(const oi_emit *e);             // index of the output; -1: it generates nothing
int64_t oi_emit_capacity(const oi_emit *e);       // rows that every state which grows can take
#endif
