// oinf: graphs of neural networks over one mapped model file.
//
//   oinf_ctx_create(NULL, &ctx);                          // allocator, log, last error
//   oinf_model_open(ctx, "m.oinf", &model);               // tensors, metadata, blobs
//   oinf_graph_create(ctx, model, "text", &g);            // values by id; nothing is computed
//   oinf_dim T = oinf_sym(g, "T", 1, 256);                // a length that each step tells
//   oinf_val tokens = oinf_input(g, "tokens", OINF_I32, T);
//   oinf_val x = oinf_gather(oinf_weight(g, "embed"), tokens);     // [T, D]
//   oinf_output(g, "logits", oinf_matmul(x, oinf_weight(g, "head"), .transpose_b = true));
//   if (oinf_graph_check(g)) puts(oinf_error(ctx));       // the one check that building needs
//   oinf_sim_create(model, g, NULL, &sim);                // and so on in <oinf/sim.h>
//
// Building never needs a check: the first mistake poisons the graph, later calls pass silently, and
// oinf_graph_check (or the first use) says what was expected, what was found, and where in your
// source.
//
// Ownership: context > model > graph > simulation; destroy in the reverse order, NULL is a no-op.
// Getters borrow: what they return lives as long as the object they were asked of.
// Threads: a context and what was made from it belong to one thread at a time; a model that is open
// is read-only and may serve simulations in several threads, each with a context of its own.
#ifndef OINF_OINF_H
#define OINF_OINF_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__ || \
    UINTPTR_MAX != UINT64_MAX
#error "oinf wants a little-endian 64-bit system"
#endif
#ifdef __cplusplus
extern "C" {
#endif
#include <oinf/enums.h>
#define OINF_API __attribute__((visibility("default")))

enum {
  OINF_MAX_RANK = 8,
  OINF_MAX_SPLIT = 16
};

// ---- statuses -------------------------------------------------------------------------------
// Every fallible function returns one; out_ parameters are written only on OINF_OK.
// The enumerators stand in <oinf/enums.h>: OINF_OK, OINF_USAGE, OINF_GRAPH, OINF_FORMAT, ...
OINF_API const char *oinf_status_text(oinf_status status);  // "malformed input"
OINF_API int oinf_status_exit(oinf_status status);          // the exit code of a tool: 65
OINF_API const char *oinf_version(void);                    // "0.1.0"

// ---- dtypes ---------------------------------------------------------------------------------
// OINF_NONE, OINF_F64, OINF_F32, OINF_F16, OINF_BF16, OINF_I8 .. OINF_U64, OINF_BOOL, OINF_Q8_0,
// OINF_Q4_0
OINF_API const char *oinf_dtype_name(oinf_dtype dtype);      // "bf16", "none" for what is none
OINF_API oinf_dtype oinf_dtype_find(const char *name);       // OINF_NONE for an unknown name
OINF_API uint32_t oinf_dtype_block_bytes(oinf_dtype dtype);  // 2 for bf16, 34 for q8_0
OINF_API uint32_t oinf_dtype_block(oinf_dtype dtype);        // 1 for bf16, 32 for q8_0

// ---- context --------------------------------------------------------------------------------
typedef struct oinf_ctx oinf_ctx;
typedef struct oinf_ctx_desc {
  // Allocator of the whole context: new_size 0 frees, ptr NULL allocates; NULL refuses. Default:
  // the C library's.
  void *(*alloc)(void *user, void *ptr, size_t old_size, size_t new_size);
  void (*log)(void *user, const char *line);  // notes worth a person's eye; default: none
  void *user;
} oinf_ctx_desc;
// desc may be NULL.
OINF_API oinf_status oinf_ctx_create(const oinf_ctx_desc *desc, oinf_ctx **out_ctx);
OINF_API void oinf_ctx_destroy(oinf_ctx *ctx);
// The message of the first failure since the last oinf_error_clear: one line; "" when there was
// none.
OINF_API const char *oinf_error(const oinf_ctx *ctx);
// The trail behind it, a line each: "while reading tensor 'wq.0'\nwhile opening 'm.oinf'\n".
OINF_API const char *oinf_error_trail(const oinf_ctx *ctx);
OINF_API oinf_status oinf_error_status(const oinf_ctx *ctx);
OINF_API void oinf_error_clear(oinf_ctx *ctx);

// ---- model ----------------------------------------------------------------------------------
// A table of tensors, metadata, states and blobs over one file (or a checkpoint folder, or bytes).
typedef struct oinf_model oinf_model;
typedef struct oinf_tensor {
  const char *name;
  oinf_dtype dtype;
  uint32_t rank;
  int64_t dims[OINF_MAX_RANK];
  uint64_t bytes;
} oinf_tensor;
typedef struct oinf_blob {
  const char *name;
  const void *data;
  size_t size;
} oinf_blob;
// Opens .oinf, .safetensors, .npy, or a Hugging Face folder: what it is, is read from the bytes.
// Nothing is mapped; a simulation maps the weights or reads them, as its budget says.
OINF_API oinf_status oinf_model_open(oinf_ctx *ctx, const char *path, oinf_model **out_model);
// The same over a package in memory, which must outlive the model.
OINF_API oinf_status oinf_model_open_bytes(oinf_ctx *ctx, const void *data, size_t size,
                                           oinf_model **out_model);
// Empty, filled by oinf_model_add.
OINF_API oinf_status oinf_model_create(oinf_ctx *ctx, oinf_model **out_model);
OINF_API void oinf_model_destroy(oinf_model *model);
OINF_API const char *oinf_model_format(const oinf_model *model);  // "oinf", "safetensors", ...
OINF_API uint32_t oinf_model_tensor_count(const oinf_model *model);
OINF_API const oinf_tensor *oinf_model_tensor(const oinf_model *model, uint32_t index);
// NULL: not there.
OINF_API const oinf_tensor *oinf_model_find(const oinf_model *model, const char *name);
// Adds a tensor whose bytes (row-major, dtype's own layout) the caller keeps until the model is
// destroyed.
OINF_API oinf_status oinf_model_add(oinf_model *model, const char *name, oinf_dtype dtype,
                                    uint32_t rank, const int64_t *dims, const void *data);
// Copies the tensor's bytes, checksums proved, into out (of tensor->bytes bytes).
OINF_API oinf_status oinf_model_read(oinf_model *model, const char *name, void *out);
// As text; NULL: not there.
OINF_API const char *oinf_model_meta(const oinf_model *model, const char *key);
OINF_API uint32_t oinf_model_meta_count(const oinf_model *model);
OINF_API const char *oinf_model_meta_at(const oinf_model *model, uint32_t index,
                                        const char **out_key);
OINF_API oinf_status oinf_model_set_meta(oinf_model *model, const char *key, const char *value);
OINF_API const oinf_blob *oinf_model_blob(const oinf_model *model, const char *name);
OINF_API uint32_t oinf_model_blob_count(const oinf_model *model);
OINF_API const oinf_blob *oinf_model_blob_at(const oinf_model *model, uint32_t index);
OINF_API oinf_status oinf_model_set_blob(oinf_model *model, const char *name, const void *data,
                                         size_t size);
// Graphs that the model carries, as canonical text.
OINF_API uint32_t oinf_model_graph_count(const oinf_model *model);
OINF_API const char *oinf_model_graph_text(const oinf_model *model, uint32_t index,
                                           const char **out_name);
// Writes the model as a package: all or nothing, the same bytes for the same content.
OINF_API oinf_status oinf_model_save(oinf_model *model, const char *path);

// ---- dims -----------------------------------------------------------------------------------
// A dim is a number, which is itself, or an expression over the graph's symbols, whose handle lies
// below -2^62: oinf_reshape(x, .shape = OINF_DIMS(T, 8, 64)).
typedef int64_t oinf_dim;
#define OINF_INFER INT64_MIN  // reshape: what remains; expand: as it is; slice: to the end
typedef struct oinf_graph oinf_graph;
// A symbol and its bounds, which it may take.
#define oinf_sym(g, name, lo, hi) oi_sym_new(g, name, lo, hi, __FILE__, __LINE__)
#define oinf_dim_add(g, a, b) oi_dim_add_at(g, a, b, __FILE__, __LINE__)
#define oinf_dim_sub(g, a, b) oi_dim_sub_at(g, a, b, __FILE__, __LINE__)
#define oinf_dim_mul(g, a, b) oi_dim_mul_at(g, a, b, __FILE__, __LINE__)
#define oinf_dim_div(g, a, b) oi_dim_div_at(g, a, b, __FILE__, __LINE__)  // floor
#define oinf_dim_mod(g, a, b) oi_dim_mod_at(g, a, b, __FILE__, __LINE__)
#define oinf_dim_min(g, a, b) oi_dim_min_at(g, a, b, __FILE__, __LINE__)
#define oinf_dim_max(g, a, b) oi_dim_max_at(g, a, b, __FILE__, __LINE__)
OINF_API oinf_dim oi_sym_new(oinf_graph *g, const char *name, oinf_dim lo, oinf_dim hi,
                             const char *file, int line);
OINF_API oinf_dim oi_dim_add_at(oinf_graph *g, oinf_dim a, oinf_dim b, const char *file, int line);
OINF_API oinf_dim oi_dim_sub_at(oinf_graph *g, oinf_dim a, oinf_dim b, const char *file, int line);
OINF_API oinf_dim oi_dim_mul_at(oinf_graph *g, oinf_dim a, oinf_dim b, const char *file, int line);
OINF_API oinf_dim oi_dim_div_at(oinf_graph *g, oinf_dim a, oinf_dim b, const char *file, int line);
OINF_API oinf_dim oi_dim_mod_at(oinf_graph *g, oinf_dim a, oinf_dim b, const char *file, int line);
OINF_API oinf_dim oi_dim_min_at(oinf_graph *g, oinf_dim a, oinf_dim b, const char *file, int line);
OINF_API oinf_dim oi_dim_max_at(oinf_graph *g, oinf_dim a, oinf_dim b, const char *file, int line);

// A list of dims, axes or indices in a call: its length is counted by the macro.
typedef struct oinf_dims {
  uint32_t n;
  oinf_dim d[OINF_MAX_SPLIT];
} oinf_dims;
#define OINF_DIMS(...)                                                                \
  {                                                                                   \
    (uint32_t)(sizeof((oinf_dim[]){__VA_ARGS__}) / sizeof(oinf_dim)), { __VA_ARGS__ } \
  }

// ---- graph ----------------------------------------------------------------------------------
// A value carries its graph and an id, so model code reads as mathematics.
typedef struct oinf_val {
  oinf_graph *graph;
  uint32_t id;  // 0 is no value
} oinf_val;
OINF_API oinf_status oinf_graph_create(oinf_ctx *ctx, oinf_model *model, const char *name,
                                       oinf_graph **out_graph);
OINF_API oinf_status oinf_graph_parse(oinf_ctx *ctx, oinf_model *model, const char *text,
                                      size_t size, oinf_graph **out_graph);
// A graph that the model carries; name NULL: the first.
OINF_API oinf_status oinf_graph_load(oinf_ctx *ctx, oinf_model *model, const char *name,
                                     oinf_graph **out_graph);
// Keeps the graph's text in the model.
OINF_API oinf_status oinf_graph_save(oinf_graph *g, oinf_model *model);
OINF_API void oinf_graph_destroy(oinf_graph *g);
// The first mistake, or what the verifier refuses.
OINF_API oinf_status oinf_graph_check(oinf_graph *g);
// Canonical text, borrowed until the next call; NULL where the graph is poisoned.
OINF_API const char *oinf_graph_text(oinf_graph *g);
OINF_API const char *oinf_graph_name(const oinf_graph *g);

#define oinf_input(g, name, dtype, ...) \
  oi_input(g, name, dtype, &(oinf_dims)OINF_DIMS(__VA_ARGS__), __FILE__, __LINE__)
#define oinf_input_scalar(g, name, dtype) \
  oi_input(g, name, dtype, &(oinf_dims){0, {0}}, __FILE__, __LINE__)
// A tensor of the model. In a loop the name may hold indices of it: "blk.{l}.wq", "blk.{2*l+1}.wq";
// the members of such a family are of one shape and dtype.
#define oinf_weight(g, name) oi_weight(g, name, __FILE__, __LINE__)
#define oinf_output(g, name, v) oi_output(g, name, v, __FILE__, __LINE__)
// A number that takes the dtype of what it meets: oinf_mul(x, oinf_num(g, 0.5)).
#define oinf_num(g, x) oi_num(g, x, __FILE__, __LINE__)
// A dim as a value, i64 []; the last of `rows` rows, [1, ...]; [T, h*d] as [T, h, d].
#define oinf_sym_value(g, dim) oi_sym_value(g, dim, __FILE__, __LINE__)
#define oinf_last(x, rows) oi_last(x, rows, __FILE__, __LINE__)
#define oinf_split_heads(x, heads) oi_split_heads(x, heads, __FILE__, __LINE__)
OINF_API oinf_val oi_input(oinf_graph *g, const char *name, oinf_dtype dtype, const oinf_dims *dims,
                           const char *file, int line);
OINF_API oinf_val oi_weight(oinf_graph *g, const char *name, const char *file, int line);
OINF_API void oi_output(oinf_graph *g, const char *name, oinf_val v, const char *file, int line);
OINF_API oinf_val oi_num(oinf_graph *g, double x, const char *file, int line);
OINF_API oinf_val oi_sym_value(oinf_graph *g, oinf_dim dim, const char *file, int line);
OINF_API oinf_val oi_last(oinf_val x, oinf_dim rows, const char *file, int line);
OINF_API oinf_val oi_split_heads(oinf_val x, int64_t heads, const char *file, int line);
// Another output of the node that made v: quantize, split.
OINF_API oinf_val oinf_out(oinf_val v, uint32_t index);

// What a value is.
OINF_API oinf_dtype oinf_val_dtype(oinf_val v);
OINF_API uint32_t oinf_val_rank(oinf_val v);
OINF_API oinf_dim oinf_val_dim(oinf_val v, int axis);  // axis may count from the end: -1

// Names, roles and hints: they make reports and emitted code speak the model's words, and never
// change a result.
typedef enum oinf_fuse {
  OINF_FUSE_AUTO = 0,
  OINF_NEVER,
  OINF_ALWAYS
} oinf_fuse;
typedef struct oinf_hint_args {
  oinf_fuse fuse;
  oinf_role role;
} oinf_hint_args;
#define oinf_hint(v, ...) oi_hint(v, (oinf_hint_args){__VA_ARGS__})
OINF_API oinf_val oi_hint(oinf_val v, oinf_hint_args hint);
// In a loop it may hold indices: "blk.{l}.attn_out".
OINF_API oinf_val oinf_name(oinf_val v, const char *name);
// The path in messages: "head/logits".
OINF_API void oinf_scope_push(oinf_graph *g, const char *name);
OINF_API void oinf_scope_pop(oinf_graph *g);

// ---- loops and branches ---------------------------------------------------------------------
// The body is built once and stays a loop. Values named behind n are carried: shape and dtype are
// kept, and after the loop each stands for its value of the last iteration. In the body `l.index`
// is the index as a dim.
//   oinf_for(l, g, n_layers, &x) { x = oinf_add(x, ...oinf_weight(g, "blk.{l}.wo")...); }
typedef struct oinf_loop {
  oinf_graph *graph;
  uint32_t id;
  oinf_dim index;
  int turn;
} oinf_loop;
#define oinf_for(l, g, n, ...)                                                               \
  for (oinf_loop l = oi_loop_begin(g, #l, n, (oinf_val *[]){__VA_ARGS__},                    \
                                   sizeof((oinf_val *[]){__VA_ARGS__}) / sizeof(oinf_val *), \
                                   __FILE__, __LINE__);                                      \
       l.turn == 0; oi_loop_end(&l))
OINF_API oinf_loop oi_loop_begin(oinf_graph *g, const char *name, int64_t n, oinf_val **carried,
                                 size_t count, const char *file, int line);
OINF_API void oi_loop_end(oinf_loop *loop);
// A branch on a scalar of dtype bool runs one side. Values named are what it gives: each side
// starts from their values before it, and both sides leave them with equal shapes. Both sides write
// the same states, or none does.
//   oinf_branch b = oinf_if(cond, &x);  x = ...;  oinf_else(&b);  x = ...;  oinf_endif(&b);
typedef struct oinf_branch {
  oinf_graph *graph;
  uint32_t id;
} oinf_branch;
#define oinf_if(cond, ...)                       \
  oi_if_begin(cond, (oinf_val *[]){__VA_ARGS__}, \
              sizeof((oinf_val *[]){__VA_ARGS__}) / sizeof(oinf_val *), __FILE__, __LINE__)
OINF_API oinf_branch oi_if_begin(oinf_val cond, oinf_val **carried, size_t count, const char *file,
                                 int line);
OINF_API void oinf_else(oinf_branch *branch);
OINF_API void oinf_endif(oinf_branch *branch);

// ---- states ---------------------------------------------------------------------------------
// Rows that live from step to step: [capacity, ...], or [layers, capacity, ...] where a layer is
// chosen in a loop. A write stores rows at a row index; its value is the rows written, in the
// state's dtype. A read gives rows 0 .. n. Effects take place in builder order, per state: a read
// sees every write before it in the same step.
//   oinf_state ks = oinf_state_new(g, "k", OINF_F32, n_layers, C, n_kv, d);
//   oinf_state_write(ks, l.index, k, .at = P);
//   oinf_val all = oinf_state_read(ks, l.index, .rows = S);
typedef struct oinf_state {
  oinf_graph *graph;
  uint32_t id;
} oinf_state;
#define OINF_NO_LAYER (-1)
#define oinf_state_new(g, name, dtype, ...) \
  oi_state_new(g, name, dtype, &(oinf_dims)OINF_DIMS(__VA_ARGS__), __FILE__, __LINE__)
#define oinf_state_write(state, layer, x, ...) \
  oi_state_write_at(state, layer, x, (oinf_state_args){__VA_ARGS__}, __FILE__, __LINE__)
#define oinf_state_read(state, layer, ...) \
  oi_state_read_at(state, layer, (oinf_state_args){__VA_ARGS__}, __FILE__, __LINE__)
typedef struct oinf_state_args {
  oinf_dim at;    // write: first row
  oinf_dim rows;  // read: number of rows
} oinf_state_args;
OINF_API oinf_state oi_state_new(oinf_graph *g, const char *name, oinf_dtype dtype,
                                 const oinf_dims *dims, const char *file, int line);
OINF_API oinf_val oi_state_write_at(oinf_state s, oinf_dim layer, oinf_val x, oinf_state_args args,
                                    const char *file, int line);
OINF_API oinf_val oi_state_read_at(oinf_state s, oinf_dim layer, oinf_state_args args,
                                   const char *file, int line);

// ---- variants, editing ----------------------------------------------------------------------
// A variant fixes a symbol and becomes a plan and an entry point of its own:
//   oinf_variant(g, "decode", T, 1);
#define oinf_variant(g, name, symbol, value) \
  oi_variant_new(g, name, symbol, value, __FILE__, __LINE__)
OINF_API void oi_variant_new(oinf_graph *g, const char *name, oinf_dim symbol, int64_t value,
                             const char *file, int line);
// An output, an input or a named value, its name as it was given ("blk.{l}.attn_out"); id 0: none.
OINF_API oinf_val oinf_graph_find(oinf_graph *g, const char *name);
// In every use of the old value but those that the new one is made of; of equal types. On a graph
// that is built or was loaded the new value's nodes move in front of its first use.
#define oinf_graph_replace(g, old_value, new_value) \
  oi_graph_replace_at(g, old_value, new_value, __FILE__, __LINE__)
OINF_API void oi_graph_replace_at(oinf_graph *g, oinf_val old_value, oinf_val new_value,
                                  const char *file, int line);

// What is built from now on stands behind what makes v, in its loop or branch, so that values
// within one can be wrapped; of id 0: at the graph's end again.
//   oinf_graph_place(g, x);  oinf_val y = oinf_tanh(x);  oinf_graph_replace(g, x, y);
OINF_API void oinf_graph_place(oinf_graph *g, oinf_val v);
// Nodes in the order of the text, bodies of loops and sides of branches behind their own node. A
// pass is a walk: take the next node before the one at hand is taken out.
typedef struct oinf_node {
  oinf_graph *graph;
  uint32_t id;  // 0 is no node
} oinf_node;
OINF_API oinf_node oinf_node_first(oinf_graph *g);
OINF_API oinf_node oinf_node_next(oinf_node node);
OINF_API oinf_node oinf_node_of(oinf_val v);       // that makes it; none: carried into a body
OINF_API const char *oinf_node_op(oinf_node node);  // "matmul", "weight", "loop"; "": no node
OINF_API uint32_t oinf_node_in_count(oinf_node node);
OINF_API uint32_t oinf_node_out_count(oinf_node node);
OINF_API oinf_val oinf_node_in(oinf_node node, uint32_t i);  // id 0: there is none
OINF_API oinf_val oinf_node_out(oinf_node node, uint32_t i);
// An attribute that is a number ("eps"; "value" of a number); false: it is none.
OINF_API bool oinf_node_number(oinf_node node, const char *attr, double *out);
// Takes a node out whose values nothing uses.
OINF_API void oinf_node_remove(oinf_node node);

// ---- a user's own op ------------------------------------------------------------------------
// OINF_OP(scale_shift, 2, { float r = a * 2.0f; r = r + b; out = r; })  in file scope, once;
// then oinf_user(g, &scale_shift, x, y). Elementwise over up to three f32 operands a, b, c with
// broadcasting; the C body is compiled and its text kept; a GLSL body may stand beside it where the
// two differ.
// A bundle prints the body as a function of its own, so it holds statements alone: oinf-emit
// refuses brackets that do not match, comments, strings, directives, backslashes, names with an
// underscore in front, and return, goto, switch, static and the like. One float operation a
// statement keeps it equal on every machine.
typedef struct oinf_user_op {
  const char *name;
  uint32_t arity;
  const char *c_body;
  const char *glsl_body;  // NULL: the C body is GLSL too
  void (*run)(const float *a, const float *b, const float *c, float *out, size_t n);
} oinf_user_op;
#define OINF_OP(op, n_inputs, ...) OINF_OP_GLSL(op, n_inputs, NULL, __VA_ARGS__)
#define OINF_OP_GLSL(op, n_inputs, glsl, ...)                                                  \
  static void op##_run(const float *op_a, const float *op_b, const float *op_c, float *op_out, \
                       size_t op_n) {                                                          \
    for (size_t op_i = 0; op_i < op_n; op_i++) {                                               \
      const float a = op_a[op_i], b = op_b ? op_b[op_i] : 0.0f, c = op_c ? op_c[op_i] : 0.0f;  \
      float out = 0.0f;                                                                        \
      (void)a, (void)b, (void)c;                                                               \
      __VA_ARGS__                                                                              \
      op_out[op_i] = out;                                                                      \
    }                                                                                          \
  }                                                                                            \
  static const oinf_user_op op = {#op, n_inputs, #__VA_ARGS__, glsl, op##_run}
#define oinf_user(g, op, ...)                                                                     \
  oi_user(g, op, (oinf_val[]){__VA_ARGS__}, sizeof((oinf_val[]){__VA_ARGS__}) / sizeof(oinf_val), \
          __FILE__, __LINE__)
OINF_API oinf_val oi_user(oinf_graph *g, const oinf_user_op *op, const oinf_val *in, size_t n,
                          const char *file, int line);
OINF_API oinf_status
oinf_op_register(oinf_ctx *ctx, const oinf_user_op *op);  // before a graph that uses it is loaded

#ifdef __cplusplus
}
#endif
#include <oinf/ops.h>
#endif
