// Elementwise ops: one driver for all rows, and per row and class a loop that compiles the row's
// expression.
//
// The driver hands runs of up to 1024 elements to the loop: operands that are of the loop's own
// type lie ready, others are widened into buffers and broadcast there, so a loop sees plain arrays
// and becomes vector code. A loop exists for each class of a row: F in float, D in double, S and U
// in 64-bit integers, which a store cuts to the dtype's width, B in bool. The preprocessor cannot
// ask whether `F | S` holds D, so where a row lacks a class the loop is compiled in the row's first
// one and never taken. What a row adds is therefore a row alone.
#include <string.h>

#include "lib/op.h"
#include "lib/rt/strict.h"
#include "lib/rt/threads.h"

enum { F = OI_F, D = OI_D, S = OI_S, U = OI_U, B = OI_B, TO_BOOL = OI_TO_BOOL, A_BOOL = OI_A_BOOL };
enum { RUN = 1024, LANES = 16, PIECE = 4 * RUN, ANY = F | D | S | U | B };

typedef void loop_fn(const void *args, const void *const *in, void *out, int64_t n, int64_t width);
typedef struct eltwise_row {
  oi_op op;
  unsigned classes;
  loop_fn *loop[5];  // F, D, S, U, B
} eltwise_row;

#define BIT(classes, x) ((classes) & (x) ? (x) : (classes) & -(classes)&ANY)
#define TYPE(classes, x)                                                                           \
  __typeof__(_Generic((char(*)[BIT(classes, x)])0, char(*)[F] : 0.0f, char(*)[D] : 0.0, char(*)[S] \
                      : (int64_t)0, char(*)[U]                                                     \
                      : (uint64_t)0, char(*)[B]                                                    \
                      : (bool)0))
#define A(type, name, doc)                                                             \
  const T p_##name = (T) _Generic((T)0, int64_t                                        \
                                  : oi_to_i64(at->name, INT64_MIN, INT64_MAX), default \
                                  : at->name);

// n is a multiple of LANES. Compilers vectorise an inner loop of a fixed length at every level, if
// its results go to a place that cannot be an operand.
#define LOOP(name, line, arity, classes, attrs, x, expr)                                         \
  static void name##_##line##_##x(const void *args, const void *const *in, void *out, int64_t n, \
                                  int64_t width) {                                               \
    typedef TYPE(classes, x) T;                                                                  \
    typedef TYPE((classes)&A_BOOL ? B : (classes), x) in_a;                                      \
    typedef TYPE((classes)&TO_BOOL ? B : (classes), x) result;                                   \
    const oinf_##name##_args *at = args;                                                         \
    attrs(void) at, (void)width;                                                                 \
    for (int64_t i = 0; i < n; i += LANES) {                                                     \
      const in_a *in0 = (const in_a *)in[0] + i;                                                 \
      const T *in1 = (arity) > 1 ? (const T *)in[1] + i : NULL;                                  \
      const T *in2 = (arity) > 2 ? (const T *)in[2] + i : NULL;                                  \
      result lanes[LANES];                                                                       \
      for (int j = 0; j < LANES; j++) {                                                          \
        const in_a a = in0[j];                                                                   \
        const T b = (arity) > 1 ? in1[j] : (T)0, c = (arity) > 2 ? in2[j] : (T)0;                \
        (void)a, (void)b, (void)c;                                                               \
        lanes[j] = (result)(expr);                                                               \
      }                                                                                          \
      memcpy((result *)out + i, lanes, sizeof lanes);                                            \
    }                                                                                            \
  }
#define LOOPS(name, line, arity, classes, attrs, expr) \
  LOOP(name, line, arity, classes, attrs, F, expr)     \
  LOOP(name, line, arity, classes, attrs, D, expr)     \
  LOOP(name, line, arity, classes, attrs, S, expr)     \
  LOOP(name, line, arity, classes, attrs, U, expr)     \
  LOOP(name, line, arity, classes, attrs, B, expr)
#define LOOPS_AT(name, line, arity, classes, attrs, expr) \
  LOOPS(name, line, arity, classes, attrs, expr)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc)
#define GENERAL(name, arity, n_out, classes, attrs, doc)
#define ELTWISE(name, arity, classes, attrs, expr, doc) \
  enum { ARITY_##name = arity };                        \
  LOOPS_AT(name, __LINE__, arity, classes, attrs, expr)
#define AS(name, classes, expr) LOOPS_AT(name, __LINE__, ARITY_##name, classes, , expr)
#define AS_P(name, classes, attrs, expr) \
  LOOPS_AT(name, __LINE__, ARITY_##name, classes, attrs, expr)
#include "lib/ops.def"
#undef ELTWISE

#define HAS(classes, x, name, line) (classes) & (x) ? name##_##line##_##x : NULL
#define ROW(name, line, classes)                                                           \
  {OP_##name,                                                                              \
   classes,                                                                                \
   {HAS(classes, F, name, line), HAS(classes, D, name, line), HAS(classes, S, name, line), \
    HAS(classes, U, name, line), HAS(classes, B, name, line)}},
#define ROW_AT(name, line, classes) ROW(name, line, classes)
static const eltwise_row rows[] = {
#define ELTWISE(name, arity, classes, attrs, expr, doc) ROW_AT(name, __LINE__, classes)
#define AS(name, classes, expr) ROW_AT(name, __LINE__, classes)
#include "lib/ops.def"
#undef ELTWISE
};

static const eltwise_row *find_row(oi_op op, unsigned class) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (rows[i].op == op && rows[i].classes & class) return &rows[i];
  return NULL;
}

static unsigned index_of(unsigned class) { return (unsigned)__builtin_ctz(class); }

// ---- shape ----

// The class of operands that are together the operands of one op; f64 takes floats along.
static unsigned joint_class(unsigned a, unsigned b) {
  if (a == b) return a;
  return (a | b) == (F | D) ? D : 0;
}

static oinf_dtype result_dtype(unsigned class, oinf_dtype have, oinf_dtype more) {
  if (class == F) return OINF_F32;
  if (class == D) return OINF_F64;
  return oinf_dtype_block_bytes(more) > oinf_dtype_block_bytes(have) ? more : have;
}

static bool infer(oi_infer *s, oi_op op) {
  unsigned allowed = oi_op_classes(op), class = 0;
  uint32_t first = allowed & A_BOOL ? 1 : 0;
  oi_type out = {.dtype = s->in[first].dtype, .rank = s->in[0].rank};
  memcpy(out.dim, s->in[0].dim, sizeof out.dim);
  if (first && !oi_infer_class(s, 0, B)) return false;
  for (uint32_t i = first; i < s->n_in; i++) {
    unsigned mine = oi_dtype_class(s->in[i].dtype),
             both = i == first ? mine : joint_class(class, mine);
    if (!oi_infer_class(s, i, allowed & ANY)) return false;
    if (!both)
      return oi_infer_fail(s, "expected operands of one class, found %s and %s",
                           oinf_dtype_name(s->in[first].dtype), oinf_dtype_name(s->in[i].dtype));
    class = both;
    out.dtype = result_dtype(class, i == first ? s->in[i].dtype : out.dtype, s->in[i].dtype);
  }
  for (uint32_t i = 1; i < s->n_in; i++)
    if (!oi_infer_broadcast(s, &out, &s->in[i], &out)) return false;
  if (allowed & TO_BOOL) out.dtype = OINF_BOOL;
  return s->out[0] = out, true;
}

// ---- run ----

typedef struct operand {
  const oi_view *view;
  unsigned class;
  bool native;                  // stored as the loop computes
  bool whole;                   // of the output's shape: element i is element i
  int64_t step[OINF_MAX_RANK];  // in elements; 0 along axes that broadcast
} operand;

typedef struct job {
  const oi_call *call;
  loop_fn *loop;
  operand in[3], out;
  uint32_t n_in, rank;
  int64_t dim[OINF_MAX_RANK];  // of the output, axes that behave alike merged
  int64_t width;
} job;

static size_t size_of(unsigned class) {
  return class == F ? sizeof(float) : class == B ? sizeof(bool) : sizeof(int64_t);
}

static bool is_native(unsigned class, oinf_dtype dtype) {
  return class == F   ? dtype == OINF_F32
         : class == D ? dtype == OINF_F64
         : class == S ? dtype == OINF_I64
         : class == U ? dtype == OINF_U64
                      : false;
}

static bool is_aligned(const void *at, size_t size) { return (uintptr_t)at % size == 0; }

static void load(const operand *o, void *out, int64_t i, int64_t n) {
  switch (o->class) {
    case F: oi_load_f32(out, o->view, i, n); break;
    case D: oi_load_f64(out, o->view, i, n); break;
    case S: oi_load_i64(out, o->view, i, n); break;
    case U: oi_load_u64(out, o->view, i, n); break;
    default:
      for (int64_t j = 0; j < n; j++)
        ((bool *)out)[j] = ((const uint8_t *)o->view->data)[i + j] != 0;
  }
}

static void store(const operand *o, const void *from, int64_t i, int64_t n) {
  switch (o->class) {
    case F: oi_store_f32(o->view, i, n, from); break;
    case D: oi_store_f64(o->view, i, n, from); break;
    case S: oi_store_i64(o->view, i, n, from); break;
    case U: oi_store_u64(o->view, i, n, from); break;
    default: memcpy((uint8_t *)o->view->data + i, from, (size_t)n);
  }
}

static void repeat(char *at, size_t size, int64_t n) {
  for (int64_t done = 1; done < n; done *= 2)
    memcpy(at + (size_t)done * size, at, (size_t)(done * 2 <= n ? done : n - done) * size);
}

// Where the operand has output element i, and how many elements from there on lie in one row of it.
static int64_t locate(const job *t, const operand *o, int64_t i, int64_t *out_left) {
  int64_t at = 0;
  *out_left = t->dim[t->rank - 1] - i % t->dim[t->rank - 1];
  for (uint32_t axis = t->rank; axis-- > 0; i /= t->dim[axis])
    at += i % t->dim[axis] * o->step[axis];
  return at;
}

static void load_broadcast(const job *t, const operand *o, char *out, int64_t i, int64_t n) {
  size_t size = size_of(o->class);
  for (int64_t left; n > 0; i += left, n -= left, out += (size_t)left * size) {
    int64_t at = locate(t, o, i, &left);
    left = left < n ? left : n;
    load(o, out, at, o->step[t->rank - 1] ? left : 1);
    if (!o->step[t->rank - 1]) repeat(out, size, left);
  }
}

// Elements i .. i + n - 1 as an array of the loop's type, up to a multiple of LANES.
static const void *fetch(const job *t, const operand *o, char *buffer, int64_t i, int64_t n) {
  size_t size = size_of(o->class), tail = (size_t)(-n & (LANES - 1));
  if (o->whole && o->native && !tail) return (const char *)o->view->data + (size_t)i * size;
  if (o->whole)
    load(o, buffer, i, n);
  else
    load_broadcast(t, o, buffer, i, n);
  memset(buffer + (size_t)n * size, 0, tail * size);
  return buffer;
}

static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *t = arg;
  _Alignas(64) char buffers[4][RUN * sizeof(int64_t)];
  (void)worker;
  for (int64_t i = begin, n; i < end; i += n) {
    const void *in[3] = {NULL, NULL, NULL};
    n = end - i < RUN ? end - i : RUN;
    for (uint32_t k = 0; k < t->n_in; k++) in[k] = fetch(t, &t->in[k], buffers[k], i, n);
    bool straight = t->out.native && n % LANES == 0;
    void *out =
        straight ? (char *)t->out.view->data + (size_t)i * size_of(t->out.class) : buffers[3];
    t->loop(t->call->args, in, out, (n + LANES - 1) / LANES * LANES, t->width);
    if (!straight) store(&t->out, out, i, n);
  }
}

// Whether output axis `axis` broadcasts in operand v.
static bool repeats(const oi_view *v, const oi_view *out, uint32_t axis) {
  uint32_t front = out->rank - v->rank;
  return axis < front || (v->dim[axis - front] == 1 && out->dim[axis] != 1);
}

static bool alike(const oi_call *c, uint32_t axis, uint32_t other) {
  for (uint32_t k = 0; k < c->n_in; k++)
    if (repeats(&c->in[k], c->out, axis) != repeats(&c->in[k], c->out, other)) return false;
  return true;
}

// Merges axes that all operands step through alike; axes of length 1 go.
static void merge_axes(job *t, uint32_t *out_from) {
  const oi_view *out = t->call->out;
  t->rank = 0;
  for (uint32_t axis = 0; axis < out->rank; axis++) {
    if (out->dim[axis] == 1) continue;
    if (t->rank && alike(t->call, out_from[t->rank - 1], axis)) {
      t->dim[t->rank - 1] *= out->dim[axis];
      continue;
    }
    out_from[t->rank] = axis;
    t->dim[t->rank++] = out->dim[axis];
  }
  if (!t->rank) out_from[0] = 0, t->dim[t->rank++] = 1;
}

static void set_operand(job *t, operand *o, const oi_view *v, unsigned class,
                        const uint32_t *from) {
  const oi_view *out = t->call->out;
  int64_t step = 1;
  *o = (operand){.view = v,
                 .class = class,
                 .native = is_native(class, v->dtype) && is_aligned(v->data, size_of(class)),
                 .whole = true};
  for (uint32_t axis = t->rank; axis-- > 0;) {
    bool again = out->rank && repeats(v, out, from[axis]);
    o->step[axis] = again ? 0 : step;
    step *= again ? 1 : t->dim[axis];
    o->whole = o->whole && !again;
  }
}

static void run(const oi_call *c, oi_op op) {
  unsigned allowed = oi_op_classes(op), class = 0;
  uint32_t first = allowed & A_BOOL ? 1 : 0, from[OINF_MAX_RANK];
  for (uint32_t k = first; k < c->n_in; k++) {
    unsigned mine = oi_dtype_class(c->in[k].dtype);
    class = k == first ? mine : joint_class(class, mine);
  }
  const eltwise_row *row = class ? find_row(op, class) : NULL;
  if (!row || c->n_in > 3) {
    oi_fail(c->err, OINF_INTERNAL, "%s: no text for these operands", oi_op_info_of(op)->name);
    return;
  }
  job t = {.call = c, .loop = row->loop[index_of(class)], .n_in = c->n_in};
  t.width = 8 * (int64_t)oinf_dtype_block_bytes(c->out->dtype);
  merge_axes(&t, from);
  for (uint32_t k = 0; k < c->n_in; k++)
    set_operand(&t, &t.in[k], &c->in[k], k < first ? B : class, from);
  set_operand(&t, &t.out, c->out, allowed & TO_BOOL ? B : class, from);
  int64_t n = oi_view_count(c->out);
  if (c->threads && n > PIECE)
    oi_threads_run(c->threads, n, PIECE, piece, &t);
  else
    piece(&t, 0, n, 0);
}

#define ELTWISE(name, arity, classes, attrs, expr, doc)             \
  bool oi_shape_##name(oi_infer *s) { return infer(s, OP_##name); } \
  void oi_run_##name(const oi_call *c) { run(c, OP_##name); }
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc)
#define GENERAL(name, arity, n_out, classes, attrs, doc)
#include "lib/ops.def"
