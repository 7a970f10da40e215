// The graph: values and nodes by id, regions, loops, branches, states. Building appends, nothing is
// computed. Ids are stable; pointers into the tables are not, across anything that can add a node.
#ifndef OINF_LIB_GRAPH_H
#define OINF_LIB_GRAPH_H
#include "lib/model.h"
#include "lib/op.h"

// Node kinds beside the ops of ops.def. Ids of ops and of these share one space (oi_node.op).
enum {
  OP_INPUT = 1000,  // out 0; name in text
  OP_WEIGHT,        // text: name or family pattern
  OP_NUM,           // a number (oinf_num) of the dtype of its type; x in number; a scalar
  OP_SYM_VALUE,     // dim a as i64 []
  OP_STATE_READ,    // state; layer, rows (dims a, b)
  OP_STATE_WRITE,   // in[0] rows; layer, at (dims a, b)
  OP_LOOP,          // in: carried start values; sub[0]: body; out: carried results
  OP_IF,   // in[0] condition, then carried start values; sub[0], sub[1]: sides; out: results
  OP_USER,  // text: the user's op; in: operands
  OP_FUSED  // the compiler's alone: in: what the nodes of sub[0] read; out: what is read of them
};

typedef struct oi_value {
  oi_type type;
  uint32_t node;     // that made it; 0: a parameter of a region (carried value inside a body)
  uint32_t index;    // which output of the node, or which parameter of the region
  uint32_t region;   // where it was made
  const char *name;  // given, may hold "{l}"; NULL: "%id"
  oinf_hint_args hint;
  bool weak;           // a number that takes the other's dtype; its node stands in no region
  uint32_t quantized;  // the last node that quantizes this value; 0: none
} oi_value;

typedef struct oi_node {
  uint32_t op;  // oi_op or one of the kinds above; 0: removed
  uint32_t region;
  uint32_t prev, next;  // in the region's order; 0 ends
  uint32_t n_in, n_out;
  uint32_t *in, *out;  // value ids, in the graph's arena
  const void *args;    // the op's args struct, copied; NULL for kinds that have none
  const char *text;    // name of an input, weight or user's op
  double number;
  oinf_dim a, b;      // see the kinds above; layer is OINF_NO_LAYER where there is none
  uint32_t state;     // index in states
  uint32_t sub[2];    // regions of a loop, branch or fused node
  uint32_t loop_sym;  // LOOP: index of its symbol in dims
  int64_t trips;      // LOOP: 0 .. trips - 1
  const char *file;   // where the user's source built it; NULL: parsed
  int line;
} oi_node;

typedef struct oi_region {
  uint32_t node;               // the loop or branch it belongs to; 0: the graph's own
  uint32_t parent;             // region of that node
  uint32_t first, last;        // nodes in order
  uint32_t *params, n_params;  // values: carried, as they stand when an iteration (a side) starts
  uint32_t *yields, n_yields;  // values: carried, as they stand when it ends
} oi_region;

static inline int oi_kind_regions(uint32_t op) {  // how many of sub there are
  return op == OP_IF ? 2 : op == OP_LOOP || op == OP_FUSED;
}

// [layers, capacity, ...] where ops choose a layer, [capacity, ...] where none does: the first op
// decides.
typedef enum oi_layering { OI_LAYERS_UNKNOWN = 0, OI_LAYERS_NONE, OI_LAYERS_FIRST } oi_layering;
typedef struct oi_state_decl {
  const char *name;
  oi_type type;
  oi_layering layering;
} oi_state_decl;
typedef struct oi_output_decl {
  const char *name;
  uint32_t value;
} oi_output_decl;
typedef struct oi_variant_decl {
  const char *name;
  uint32_t sym;
  int64_t value;
} oi_variant_decl;
// a == b (at_most: a <= b), checked as a step starts. Where it speaks of indices of loops it holds
// for every iteration.
typedef struct oi_condition {
  oinf_dim a, b;
  bool at_most;
  const char *what;
  uint32_t node;
} oi_condition;

// A region that is being built, and what its end must know.
typedef struct oi_frame {
  uint32_t region, node;
  oinf_val **carried;  // the user's variables; the array is copied, NULLs left out
  uint32_t n_carried;
  bool is_else;
} oi_frame;
// Where what is built next stands, instead of at the graph's end: in this region, in front of this
// node (0: at the region's end).
typedef struct oi_place {
  bool set;
  uint32_t region, before;
} oi_place;
enum {
  OI_MAX_DEPTH = 8,
  OI_MAX_PORTS = 1024 /* inputs, outputs, states, variants */,
  OI_MAX_NODES = 1 << 20,
  OI_MAX_VALUES = 1 << 22,
  OI_MAX_TRIPS = 1 << 20,
  OI_MAX_NAME = 512
};

struct oinf_graph {
  oinf_ctx *ctx;
  oinf_model *model;  // NULL: weights are unbound (their types come from the text)
  oi_arena arena;
  oi_dims *dims;
  const char *name;
  OI_VEC(oi_value) values;    // [0] unused
  OI_VEC(oi_node) nodes;      // [0] unused
  OI_VEC(oi_region) regions;  // [0] the graph's own
  OI_VEC(uint32_t) inputs;    // values, in builder order
  OI_VEC(oi_output_decl) outputs;
  OI_VEC(oi_state_decl) states;
  OI_VEC(oi_variant_decl) variants;
  OI_VEC(oi_condition) conditions;
  OI_VEC(oi_frame) open;  // regions being built, innermost last; the graph's own is not among them
  oi_place place;
  OI_VEC(const char *) scope;
  OI_VEC(oinf_user_op) user_ops;  // used here, bodies copied
  oi_err mistake;                 // the first one poisons
  bool verified, numbered;        // what stands in `numbers` is fresh
  OI_VEC(uint32_t) numbers;       // by value id: in the canonical text; OI_NO_NUMBER: it has none
  OI_VEC(uint32_t) labels;    // by value id, once frozen: the number that its label says
  bool frozen;
  uint64_t expansions;            // names of families looked up so far, bounded
  oi_text text;                   // of oinf_graph_text
};

// The one way in for every op of ops.def: args is the op's args struct, operands first. `oi_<op>`
// builders call it. Gives output 0; others through oinf_out. Id 0 where the graph is poisoned or
// becomes so.
oinf_val oi_build(oi_op op, const void *args);
// The same from a list (parser, passes): n operands, args without them, in graph g.
oinf_val oi_build_list(oinf_graph *g, oi_op op, const void *args, const uint32_t *in, uint32_t n,
                       const char *file, int line);
void oi_graph_mistake(oinf_graph *g, oinf_status status, const char *file, int line,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));

static inline const oi_value *oi_val_at(const oinf_graph *g, uint32_t id) {
  return &g->values.at[id];
}
static inline const oi_node *oi_node_at(const oinf_graph *g, uint32_t id) {
  return &g->nodes.at[id];
}

// A graph's text over a model whose weights have other dtypes than those it was printed over: types
// follow from them, and a matmul with weights that are quantized now quantizes its other operand.
oinf_status oi_graph_parse_anew(oinf_ctx *ctx, oinf_model *model, const char *text, size_t size,
                                oinf_graph **out_graph);
// Every invariant of a graph, in one pass; the message names the one that is broken.
oinf_status oi_graph_verify(oinf_graph *g, oi_err *err);
// The id of the tensor that weight node `node` means when loop symbols have these values; -1: not
// in the model; OI_NO_MEMORY: its name could not be made.
#define OI_NO_MEMORY (-2)
int64_t oi_weight_resolve(oinf_graph *g, uint32_t node, const int64_t *sym_values);
// A name with "{l}" replaced: into out; false: the pattern is malformed or names no loop of region
// `region`.
bool oi_name_expand(oinf_graph *g, uint32_t region, const char *pattern, const int64_t *sym_values,
                    oi_text *out);
// What hashes, traces and goldens call a value: its own name expanded, or "%17" by its number in
// the canonical text (so a graph and the one parsed from its text give the same labels); "[3]"
// follows for each enclosing loop, outermost first, whose index the name does not hold. Parameters
// and further outputs have numbers of their own.
void oi_value_label(oinf_graph *g, uint32_t value, const int64_t *sym_values, oi_text *out);
#define OI_NO_NUMBER UINT32_MAX
uint32_t oi_value_number(oinf_graph *g, uint32_t value);  // in the canonical text
// Labels stay those of the graph as it stands now, whatever passes do to it: values that are made
// later have none until they take one.
oinf_status oi_graph_freeze(oinf_graph *g, oi_err *err);
uint32_t oi_value_label_number(oinf_graph *g, uint32_t value);
bool oi_value_has_label(oinf_graph *g, uint32_t value);
// `to` is the same value as `from`, which goes: name, number and hints are handed on where `to` has
// no label of its own.
void oi_value_take_label(oinf_graph *g, uint32_t to, uint32_t from);
oinf_status oi_graph_print(oinf_graph *g, oi_text *out);
const char *oi_kind_name(uint32_t op);  // "matmul", "weight", "loop"
#endif
