// Emission: a graph bound to a model becomes a directory of C that builds with `make`, needs libc
// and threads alone, and checks itself against the simulator's golden steps.
//
//   oinf_emit_bundle(model, graph, NULL, "out/", NULL);       // all in one call: whole, or nothing
//
// Step by step, for programs that want to see what was decided before anything is written, or that
// put the code elsewhere:
//
//   oinf_emit *e;
//   oinf_emit_compile(model, graph, &(oinf_emit_desc){.capacity = 512}, &e);
//   oinf_emit_figures f;
//   oinf_emit_inspect(e, &f);                                 // arenas, peak, bytes a step
//   for (uint32_t i = 0; i < f.kernels; i++) {
//     oinf_emit_kernel k;
//     oinf_emit_kernel_at(e, i, 0, &k);                       // its ops, bytes, flops, runs
//   }
//   oinf_emit_write(e, "out/");                               // the bundle
//   oinf_emit_destroy(e);
//
// A compiled graph is a value: inspecting changes nothing, emitting twice gives the same bytes.
// Emission is deterministic to the byte; it needs no network, no device and no compiler.
//
// Numerics: a bundle computes what the simulator computes, to the bit, whatever the compiler and
// the processor (strict). With `fast` products and sums are fused, sums go in another order where
// that saves time, and rewrites run that are right in real numbers: every op stays within a bound
// of the exact result that the bundle's README.md states. NaN, infinities and subnormals are kept
// in either. A fast bundle's check compares outputs, within a bound that model.h states, in place
// of every value by its hash.
//
// Ownership: context > model > graph > compiled graph; destroy in the reverse order. Strings that
// getters give live as long as the compiled graph. Threads: one at a time, as its context.
// Errors: statuses, with the message and trail in the context (oinf_error). BUDGET says the least
// that works; SUPPORT names the op that has no template yet, and weights that are too many to
// embed; USAGE a pin of a symbol that there is not, GRAPH one outside its bounds; CREATE a folder
// that is in the way.
#ifndef OINF_EMIT_H
#define OINF_EMIT_H
#include <oinf/oinf.h>
#ifdef __cplusplus
extern "C" {
#endif

// ---- what to compile for --------------------------------------------------------------------
enum {
  OINF_EMIT_MAPPED = 0,
  OINF_EMIT_SMALLEST = 1,
  OINF_EMIT_EMBEDDED = 16 << 20
};
// A symbol that has one value in every step: it becomes a number in the source.
typedef struct oinf_emit_pin {
  const char *symbol;
  int64_t value;
} oinf_emit_pin;
// Zero is the default of every field, and a description of zeros may be NULL.
typedef struct oinf_emit_desc {
  const char *name;  // prefix of the bundle's functions, an identifier; NULL: "model"
  // Bytes of all arenas. OINF_EMIT_MAPPED maps the weights, OINF_EMIT_SMALLEST takes the least. A
  // program that must outlive a file that is cut short under it (SIGBUS, see OINF_BUDGET_READ of
  // <oinf/sim.h>) takes any other: UINT64_MAX reads the weights once and keeps them.
  uint64_t budget;
  int64_t capacity;  // of states: 0 takes the smaller of its bound and 4096
  int64_t chunk;     // most rows of a step: 0 takes the smaller of its bound and 256
  const oinf_emit_pin *pins;
  size_t n_pins;
  bool embed;  // weights become an array of the source, at most OINF_EMIT_EMBEDDED bytes of them
  bool fast;   // fast numerics, see below
  const char *without;  // passes that are left out, "fuse,cse"; results stay the same to the bit
  const char *dump;     // a pass whose result is kept as text: oinf_emit_dump
} oinf_emit_desc;

// ---- compiling ------------------------------------------------------------------------------
typedef struct oinf_emit oinf_emit;
// Runs the passes over a copy of the graph, plans memory, and prints every kernel once, so that
// what cannot be emitted is refused here. The graph and the model stay as they are.
OINF_API oinf_status oinf_emit_compile(oinf_model *model, oinf_graph *graph,
                                       const oinf_emit_desc *desc, oinf_emit **out_emit);
OINF_API void oinf_emit_destroy(oinf_emit *e);  // NULL is a no-op

// ---- inspecting -----------------------------------------------------------------------------
// Arenas of an instance in bytes, and their sum: what it allocates.
typedef struct oinf_emit_figures {
  uint64_t weights, activations, states, io, room;
  uint64_t peak;
  uint64_t worker;      // and so much for each thread but the first
  uint64_t step_bytes;  // of weights that a step uses
  // Under a budget: the smallest peak there could be, and bytes of weights that a step reads at
  // most, one that begins with empty slots and one that follows another; beside what stays.
  uint64_t smallest, read_first, read_per_step;
  uint32_t kernels;
} oinf_emit_figures;
OINF_API void oinf_emit_inspect(const oinf_emit *e, oinf_emit_figures *out_figures);

// What something costs. Each operand and result counts once; of flops a multiply-add is two and
// everything else one (matmul, attention and reductions by their exact formulas).
typedef struct oinf_emit_cost {
  uint64_t weights, read, written;  // bytes of weights; of activations, states and inputs
  uint64_t flops;
} oinf_emit_cost;
// Costs depend on lengths, so they are told for named cases: 0 is the largest step that the plan
// allows ("largest"), then each variant of the graph ("decode"); a text's position is as far on as
// the states let it.
OINF_API uint32_t oinf_emit_case_count(const oinf_emit *e);
OINF_API const char *oinf_emit_case_name(const oinf_emit *e, uint32_t which);  // NULL: no such case
// Of a whole step: all kernels as often as they run; of a branch the dearer side.
OINF_API oinf_status oinf_emit_step_cost(const oinf_emit *e, uint32_t which, oinf_emit_cost *out);

typedef struct oinf_emit_kernel {
  const char *name;     // of its function: "k07_attn_q_matmul"
  const char *ops;      // "matmul", or what was fused: "rmsnorm, matmul"
  const char *role;     // "attn_q"; "" where it has none
  uint64_t times;       // that a step runs it: 32 in a loop over 32 layers
  bool in_branch;       // and only where a side of a branch is taken
  oinf_emit_cost cost;  // of one run
} oinf_emit_kernel;
// Kernel i (0 .. kernels - 1, in the order in which they first run) in a case. USAGE: there is
// none.
OINF_API oinf_status oinf_emit_kernel_at(const oinf_emit *e, uint32_t i, uint32_t which,
                                         oinf_emit_kernel *out_kernel);

// A line for each pass: what it changed, what it refused and the number that decided.
OINF_API const char *oinf_emit_explain(const oinf_emit *e);
// The graph (or the plan) after the pass that desc.dump names; "" where none was asked for.
OINF_API const char *oinf_emit_dump(const oinf_emit *e);

// ---- emitting -------------------------------------------------------------------------------
// The whole bundle. The folder is made, or replaced as one where it holds a bundle; one that holds
// anything else is refused (CREATE). Whole, or as before.
OINF_API oinf_status oinf_emit_write(oinf_emit *e, const char *folder);

// Its parts, for programs that keep them elsewhere. Texts go to a sink, file by file, once all of
// the part are printed; a sink that does not give OINF_OK ends the call with what it gave. The
// weights' file comes first, and is there still: the host's code holds its digest and places, or
// where weights are embedded all of it (USAGE without it).
typedef oinf_status oinf_emit_sink(void *user, const char *file, const char *text, size_t size);
OINF_API oinf_status oinf_emit_weights(oinf_emit *e, const char *path);  // weights.oinf
OINF_API oinf_status oinf_emit_device(oinf_emit *e, oinf_emit_sink *sink, void *user);  // kernels.c
OINF_API oinf_status oinf_emit_host(oinf_emit *e, oinf_emit_sink *sink, void *user);  // model.h ...
// plan.json, report.html, README.md
OINF_API oinf_status oinf_emit_papers(oinf_emit *e, oinf_emit_sink *sink, void *user);

// Compiles, writes and destroys. *out_figures may be NULL.
OINF_API oinf_status oinf_emit_bundle(oinf_model *model, oinf_graph *graph,
                                      const oinf_emit_desc *desc, const char *folder,
                                      oinf_emit_figures *out_figures);
#ifdef __cplusplus
}
#endif
#endif
