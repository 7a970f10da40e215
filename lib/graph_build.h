// What the files that build graphs share: appending nodes, asking what a value may be used for,
// making mistakes. Every maker here gives 0 (or false) on a poisoned graph, and poisons it on a
// mistake of its own.
#ifndef OINF_LIB_GRAPH_BUILD_H
#define OINF_LIB_GRAPH_BUILD_H
#include "lib/graph.h"

typedef struct oi_where {
  const char *file;
  int line;
} oi_where;  // of the user's source; no file: a line of text

// Nothing may be built on g any more: no graph, or a mistake was made.
static inline bool oi_poisoned(const oinf_graph *g) { return !g || g->mistake.status != OINF_OK; }
static inline uint32_t oi_open_region(const oinf_graph *g) {
  return g->open.n ? g->open.at[g->open.n - 1].region : g->place.set ? g->place.region : 0;
}
static inline oinf_val oi_val_of(oinf_graph *g, uint32_t id) { return (oinf_val){g, id}; }

void oi_graph_nomem(oinf_graph *g);
// A node that stands in no region yet, with its values.
uint32_t oi_node_make(oinf_graph *g, uint32_t op, const uint32_t *in, uint32_t n_in,
                      const oi_type *out, uint32_t n_out, oi_where at);
// Appends a node to the open region with its values; out[i] are the types. 0: refused.
uint32_t oi_node_add(oinf_graph *g, uint32_t op, const uint32_t *in, uint32_t n_in,
                     const oi_type *out, uint32_t n_out, oi_where at);
uint32_t oi_value_add(oinf_graph *g, const oi_type *type, uint32_t node, uint32_t index,
                      uint32_t region);
// A value of g that the open region may use; the mistake names `what` ("matmul: operand 2").
bool oi_value_usable(oinf_graph *g, oinf_val v, const char *what, oi_where at);
// A weak number as a node of this dtype; other values as they are.
uint32_t oi_value_settle(oinf_graph *g, uint32_t id, oinf_dtype dtype, const char *what,
                         oi_where at);
// Type of a value: dims that may be negative or too large are refused, or become conditions.
bool oi_type_check(oinf_graph *g, const oi_type *type, const char *what, oi_where at);
bool oi_type_equal(const oi_type *a, const oi_type *b);
// Keeps a == b (a <= b) unless bounds decide it; false: they decide against it.
bool oi_condition_add(oinf_graph *g, oinf_dim a, oinf_dim b, bool at_most, const char *what,
                      uint32_t node);
// What a shape rule needs, as conditions of the node that is built next; a mistake where one is
// decided against.
bool oi_needs_keep(oinf_graph *g, const oi_infer *s, const char *op, oi_where at);
bool oi_dim_usable(oinf_graph *g, oinf_dim d, const char *what, oi_where at);
bool oi_name_check(oinf_graph *g, const char *name, const char *what, oi_where at);
const char *oi_graph_copy(oinf_graph *g, const char *text);  // in the arena; NULL: poisoned
bool oi_is_identifier(const char *name);
bool oi_pattern_check(oinf_graph *g, uint32_t region, const char *pattern, oi_where at);
// The type of a weight: `given` where there is no model, else it must be equal to the model's.
// NULL: none is given.
uint32_t oi_weight_add(oinf_graph *g, const char *name, const oi_type *given, oi_where at);
// Operands of a matmul as it is built: a float beside quantized weights becomes the two values of a
// quantize node. `in` has room for three.
bool oi_matmul_operands(oinf_graph *g, const void *args, uint32_t *in, uint32_t *n, oi_where at);
uint32_t oi_num_add(oinf_graph *g, double x, oinf_dtype dtype, oi_where at);
uint32_t oi_sym_value_add(oinf_graph *g, oinf_dim dim, oi_where at);
oinf_dim oi_sym_add(oinf_graph *g, const char *name, oinf_dim lo, oinf_dim hi, oi_where at);
void oi_variant_add(oinf_graph *g, const char *name, oinf_dim symbol, int64_t value, oi_where at);
// Keeps a copy of the op, bodies included; false where another op of this name is kept.
bool oi_user_op_add(oinf_graph *g, const oinf_user_op *op, oi_where at);
uint32_t oi_user_add(oinf_graph *g, const char *op, const uint32_t *in, uint32_t n, oi_where at);
uint32_t oi_input_add(oinf_graph *g, const char *name, const oi_type *type, oi_where at);
// "f32 [T, 64] and f32 [T, 32]" for messages: a type in a buffer of the caller's.
typedef struct oi_type_text {
  char at[160];
} oi_type_text;
oi_type_text oi_type_words(oinf_graph *g, const oi_type *type);
typedef struct oi_dim_text {
  char at[64];
} oi_dim_text;
oi_dim_text oi_dim_words(oinf_graph *g, oinf_dim d);

// " (file.c:12)", " (line 12)" of a text, or "" where neither is known.
typedef struct oi_where_text {
  char at[224];
} oi_where_text;
oi_where_text oi_where_words(const char *file, int line);

// ---- changing (graph_change.c) ----
// Sets the place; gives the one before.
oi_place oi_graph_place(oinf_graph *g, oi_place place);
// Into its region, in front of `before` (0: at the end), and out of it.
void oi_node_link(oinf_graph *g, uint32_t node, uint32_t before);
void oi_node_unlink(oinf_graph *g, uint32_t node);
// Out of its region: op 0, its values nameless. Nothing may use them.
void oi_node_remove(oinf_graph *g, uint32_t node);
void oi_node_move(oinf_graph *g, uint32_t node, uint32_t region, uint32_t before);
// Every use of every value: operands, what regions give, outputs.
typedef void oi_use_fn(void *user, uint32_t *use);
void oi_graph_each_use(oinf_graph *g, oi_use_fn *fn, void *user);
// Nodes of one region, in its order, become one OP_FUSED node where the last of them stands. What
// they read from outside becomes its operands; the last one's values become its results, keeping
// their ids, labels and uses, and of the others nothing may be used outside. Operands of `main`,
// one of the nodes or 0, come first and in its order. 0: out of memory.
uint32_t oi_node_fuse(oinf_graph *g, const uint32_t *nodes, uint32_t n, uint32_t main);
bool oi_node_has_effect(const oinf_graph *g, uint32_t node);  // on a state, within it too

size_t oi_attr_size(oi_attr_type type);    // in an args struct
const char *oi_role_name(oinf_role role);  // "" for none

bool oi_node_infers(oinf_graph *g,
                    uint32_t node);  // its shape rule gives the types that its values have
// Calls fn with every label that a value has over its loops, outermost slowest; false: fn said so.
typedef bool oi_label_fn(void *user, const char *label, size_t size);
bool oi_labels_each(oinf_graph *g, uint32_t value, oi_label_fn *fn, void *user);

// States by handle (index + 1), as oinf_state.id.
uint32_t oi_state_add(oinf_graph *g, const char *name, const oi_type *type, oi_where at);
uint32_t oi_state_read_add(oinf_graph *g, uint32_t state, oinf_dim layer, oinf_dim rows,
                           oi_where at);
uint32_t oi_state_write_add(oinf_graph *g, uint32_t state, oinf_dim layer, uint32_t x,
                            oinf_dim first, oi_where at);
typedef struct oi_state_set {
  uint64_t bits[OI_MAX_PORTS / 64];
} oi_state_set;
static inline bool oi_state_in(const oi_state_set *set, uint32_t state) {
  return set->bits[state / 64] >> state % 64 & 1;
}
void oi_region_writes(const oinf_graph *g, uint32_t region,
                      oi_state_set *set);  // adds; inner regions too

// Loops and branches without the user's variables: what the builder macros and the parser stand on.
// Opening gives the node (0: refused); the open region's params are then the carried values in it.
// Closing takes the values at the end of the region and gives the results in node->out.
uint32_t oi_loop_open(oinf_graph *g, const char *name, int64_t trips, const uint32_t *start,
                      uint32_t n, oi_where at);
bool oi_loop_close(oinf_graph *g, const uint32_t *yields, uint32_t n, oi_where at);
uint32_t oi_if_open(oinf_graph *g, uint32_t cond, const uint32_t *start, uint32_t n, oi_where at);
bool oi_if_turn(oinf_graph *g, const uint32_t *yields, uint32_t n,
                oi_where at);  // the other side begins
bool oi_if_close(oinf_graph *g, const uint32_t *yields, uint32_t n, oi_where at);
#endif
