// What an op is: the rows of ops.def as tables, shape rules, and the calling convention of
// reference kernels.
//
// ops.def has three kinds of row:
//   ELTWISE(name, arity, CLASSES, ATTRS, expr, doc)   out[i] = expr over a, b, c; operands
//   broadcast REDUCE(name, CLASSES, ATTRS, init, step, combine, finish, doc)   over the axes of
//   attribute `axes` GENERAL(name, arity, n_out, CLASSES, ATTRS, doc)  lib/op/<name>.c holds
//   oi_shape_<name>, oi_run_<name>
//                                                     and, where it needs room, oi_room_<name>
// CLASSES is a sum of F (f32 and narrower floats), D (f64), S (signed), U (unsigned), B (bool), Q
// (quantized). ATTRS are A(type, name, doc) with type one of: f64 (double), i64 (int64_t), flag
// (bool), dtype, dim, dims, text; zero is the default of every attribute. A negative arity -n means
// "1 to n operands"; optional trailing operands are written OPT(n_required, n_all).
#ifndef OINF_LIB_OP_H
#define OINF_LIB_OP_H
#include "lib/dims.h"
#include "lib/rt/dot.h"

// OI_TO_BOOL and OI_A_BOOL stand in CLASSES beside the classes: the result is bool; operand a is.
typedef enum oi_class {
  OI_F = 1,
  OI_D = 2,
  OI_S = 4,
  OI_U = 8,
  OI_B = 16,
  OI_Q = 32,
  OI_TO_BOOL = 64,
  OI_A_BOOL = 128
} oi_class;
oi_class oi_dtype_class(oinf_dtype dtype);
oi_dot_type oi_dtype_dot(oinf_dtype dtype);  // how the inner kernels take it; OI_DOT_NONE: not

typedef struct oi_type {
  oinf_dtype dtype;
  uint32_t rank;
  oinf_dim dim[OINF_MAX_RANK];
} oi_type;

typedef enum oi_attr_type {
  OI_ATTR_F64,
  OI_ATTR_I64,
  OI_ATTR_FLAG,
  OI_ATTR_DTYPE,
  OI_ATTR_DIM,
  OI_ATTR_DIMS,
  OI_ATTR_TEXT
} oi_attr_type;
typedef struct oi_attr_info {
  const char *name;
  oi_attr_type type;
  uint16_t offset;
} oi_attr_info;  // offset in the args struct

// Op ids: OP_<name> for every row, in the order of ops.def.
typedef enum oi_op {
  OP_NONE = 0,
#define ELTWISE(name, arity, classes, attrs, expr, doc) OP_##name,
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) OP_##name,
#define GENERAL(name, arity, n_out, classes, attrs, doc) OP_##name,
#include "lib/ops.def"
#undef ELTWISE
#undef REDUCE
#undef GENERAL
  OP_COUNT
} oi_op;

// What only a step can know: a == b, or a <= b. oi_infer_require appends to `need`; the builder
// keeps them in the graph.
typedef struct oi_need {
  oinf_dim a, b;
  bool at_most;
  const char *what;
} oi_need;
enum {
  OI_MAX_NEEDS = 24
};

// Shape rule: from input types and args to output types. On a mistake it says what was expected and
// found and gives false.
typedef struct oi_infer {
  oinf_ctx *ctx;
  oi_dims *dims;
  const void *args;  // the op's args struct, OINF_<op> attributes in dim form
  const oi_type *in;
  uint32_t n_in;
  oi_type *out;
  uint32_t n_out;  // the row's; an op of many outputs (split) sets it, at most OINF_MAX_SPLIT; out
                   // has that room
  char *message;   // of `room` bytes
  size_t room;
  oi_need need[OI_MAX_NEEDS];
  uint32_t n_need;
} oi_infer;
bool oi_infer_fail(oi_infer *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Equality of two dims as far as it can be known: 1 equal, 0 different, -1 only at run time (then a
// condition is kept: oi_infer_require adds it to the graph, and a step that breaks it is refused
// before anything runs).
int oi_infer_equal(oi_infer *s, oinf_dim a, oinf_dim b);
bool oi_infer_require(oi_infer *s, oinf_dim a, oinf_dim b, const char *what);
bool oi_infer_at_most(oi_infer *s, oinf_dim a, oinf_dim b, const char *what);  // a <= b, likewise
// Dims alone.
bool oi_infer_broadcast(oi_infer *s, const oi_type *a, const oi_type *b, oi_type *out);
// -rank .. rank - 1 to 0 .. rank - 1.
bool oi_infer_axis(oi_infer *s, int64_t axis, uint32_t rank, uint32_t *out);
// The dims that an attribute gives, none inferred, into out.
bool oi_infer_shape(oi_infer *s, const oinf_dims *shape, oi_type *out);
// Bit i: axis i.
bool oi_infer_axes(oi_infer *s, const oinf_dims *axes, uint32_t rank, uint32_t *out_mask);
// "float or f64" for messages.
typedef struct oi_class_text {
  char at[80];
} oi_class_text;
oi_class_text oi_class_words(unsigned classes);
// Its dtype is of one of these.
bool oi_infer_class(oi_infer *s, uint32_t operand, unsigned classes);
const char *oi_infer_dim(oi_infer *s, oinf_dim d, char *room, size_t size);  // "2*T" for a message
// "f32 [T, 64]" for a message.
const char *oi_infer_type(oi_infer *s, const oi_type *t, char *room, size_t size);
void oi_type_print(const oi_dims *d, const oi_type *t, oi_text *out);  // "f32 [T, 64]"

// A kernel's view of an operand: contiguous and row-major, as every value of the simulator is.
typedef struct oi_view {
  void *data;
  oinf_dtype dtype;
  uint32_t rank;
  int64_t dim[OINF_MAX_RANK];
} oi_view;
int64_t oi_view_count(const oi_view *v);
uint64_t oi_view_bytes(const oi_view *v);

struct oi_threads;  // lib/rt/threads.h
typedef struct oi_call {
  const void *args;  // the op's args struct (dims unevaluated: use dim())
  const int64_t
      *dims;  // its dim and dims attributes as numbers, in the order of the row, dims flattened
  const oi_view *in;
  const oi_view *least;            // oi_room_<name>: operands at their least; in, out: at most
  uint32_t n_in;
  const oi_view *out;  // data is written
  uint32_t n_out;
  // A tile of an operand that is paged by rows: in[tiled] holds rows row0 .. row0 + rows - 1 of
  // row_count alone, and the kernel writes the part of the output that belongs to them. tiled < 0:
  // every operand is whole.
  int tiled;
  int64_t row0, rows, row_count;
  void *room;   // oi_room_<name>(call) bytes, 64-byte aligned
  oi_err *err;  // where a kernel says that its data is bad (an index out of range); never NULL
  struct oi_threads *threads;  // NULL: one thread
  int cpu;  // oi_cpu of lib/rt/cpu.h, asked once by who makes calls; 0: kernels ask themselves
} oi_call;
typedef bool oi_shape_fn(oi_infer *s);
typedef void oi_run_fn(const oi_call *c);
// Data pointers may be NULL: shapes are upper bounds.
typedef uint64_t oi_room_fn(const oi_call *c);

typedef enum oi_op_kind {
  OI_ELTWISE,
  OI_REDUCE,
  OI_GENERAL
} oi_op_kind;
// How an operand may be paged: whole, in tiles of its rows (matmul's weight), or by the rows an
// index names (gather).
typedef enum oi_paging {
  OI_PAGE_WHOLE = 0,
  OI_PAGE_ROWS,
  OI_PAGE_INDEXED
} oi_paging;
typedef struct oi_op_info {
  const char *name;
  oi_op_kind kind;
  int8_t min_in, max_in, n_out;  // n_out 0: said by the shape rule
  uint8_t classes;               // of the row; oi_op_classes adds those of its further texts
  uint8_t n_attrs;
  const oi_attr_info *attrs;
  uint16_t args_size;    // of the args struct; the operands (oinf_val) stand first in it
  uint16_t file_offset;  // of .file, .line in it
  const char *expr;      // ELTWISE: the text; REDUCE: step
  const char *doc;
  oi_shape_fn *shape;
  oi_run_fn *run;
  oi_room_fn *room;  // NULL: none
} oi_op_info;
const oi_op_info *oi_op_info_of(oi_op op);
unsigned oi_op_classes(oi_op op);
oi_op oi_op_find(const char *name, size_t size);     // OP_NONE: unknown
oi_paging oi_op_paging(oi_op op, uint32_t operand);  // a row of a table in lib/op.c

// Which element of an operand meets element `index` of the output, both counted row-major: axes are
// right-aligned, and one of length 1 gives way.
static inline int64_t oi_broadcast_at(const int64_t *dim, uint32_t rank, const int64_t *out_dim,
                                      uint32_t out_rank, int64_t index) {
  int64_t at = 0, step = 1;
  for (uint32_t k = 0; k < rank && k < out_rank; k++) {
    const int64_t size = dim[rank - 1 - k], length = out_dim[out_rank - 1 - k];
    if (size != 1) at += index % length * step;
    index /= length;
    step *= size;
  }
  return at;
}

// ---- loads and stores, one home for every storage dtype (lib/dtype.c) ----
// Widen n elements from element i on to f32 (F), f64 (D), i64 (S, and B as 0/1), u64 (U); narrow
// likewise, rounding to nearest even; NaN stays NaN. Quantized dtypes widen by block (i a multiple
// of the block).
void oi_load_f32(float *out, const oi_view *v, int64_t i, int64_t n);
void oi_load_f64(double *out, const oi_view *v, int64_t i, int64_t n);
void oi_load_i64(int64_t *out, const oi_view *v, int64_t i, int64_t n);
void oi_load_u64(uint64_t *out, const oi_view *v, int64_t i, int64_t n);
void oi_store_f32(const oi_view *v, int64_t i, int64_t n, const float *in);
void oi_store_f64(const oi_view *v, int64_t i, int64_t n, const double *in);
void oi_store_i64(const oi_view *v, int64_t i, int64_t n, const int64_t *in);  // wraps
void oi_store_u64(const oi_view *v, int64_t i, int64_t n, const uint64_t *in);
// A number of a graph (oinf_num) as the one element of v; an integer dtype takes 0 for what no 64
// bits hold.
void oi_store_number(const oi_view *v, double x);
// The hash of DESIGN section "Numerics": dtype name, rank, dims, bytes with canonical NaN.
uint64_t oi_view_hash(const oi_view *v);
void oi_canonical_nan(oi_view *v);  // in place: every NaN becomes the canonical quiet one
#endif
