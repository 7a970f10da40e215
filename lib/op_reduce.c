// Reductions: one driver for all rows, in the one order that every engine keeps.
//
// Element k of the reduced axes, counted row-major over the logical shape, goes to partial k mod
// 16; then s = 8, 4, 2, 1 fold the partials. The order depends on the length alone, so threads
// share outputs and never the elements of one. A row's function asks the source for chunks of
// elements of its own type, all but the last a multiple of 16 long: a row that lies ready is one
// chunk, others pass through a buffer.
#include <math.h>
#include <string.h>

#include "lib/op.h"
#include "lib/rt/strict.h"
#include "lib/rt/threads.h"

enum { F = OI_F, D = OI_D, S = OI_S, U = OI_U, ANY = F | D | S | U };
enum { RUN = 1024, LANES = 16, SHARE = 16384 };

// Axes in row-major order with their steps in elements; neighbours that step as one are merged.
typedef struct axes {
  uint32_t n;
  int64_t dim[OINF_MAX_RANK], step[OINF_MAX_RANK];
  int64_t count;
} axes;

typedef struct source {
  const oi_view *view;
  unsigned class;
  bool native;
  const axes *reduced;
  int64_t base, k;  // of the output element being made: its first input element, the next k
  char *buffer;
} source;

static size_t size_of(unsigned class) { return class == F ? sizeof(float) : sizeof(int64_t); }

static void load(const source *s, void *out, int64_t i, int64_t n) {
  switch (s->class) {
    case F: oi_load_f32(out, s->view, i, n); break;
    case D: oi_load_f64(out, s->view, i, n); break;
    case S: oi_load_i64(out, s->view, i, n); break;
    default: oi_load_u64(out, s->view, i, n);
  }
}

// Elements `at`, at + step, ...: the common case of f32 avoids a call an element.
static void load_steps(const source *s, char *out, int64_t at, int64_t step, int64_t n) {
  const float *x = s->view->data;
  size_t size = size_of(s->class);
  if (step == 1) {
    load(s, out, at, n);
  } else if (s->native && s->class == F) {
    for (int64_t i = 0; i < n; i++) ((float *)(void *)out)[i] = x[at + i * step];
  } else {
    for (int64_t i = 0; i < n; i++) load(s, out + (size_t)i * size, at + i * step, 1);
  }
}

static int64_t place(const axes *a, int64_t i) {
  int64_t at = 0;
  for (uint32_t axis = a->n; axis-- > 0; i /= a->dim[axis]) at += i % a->dim[axis] * a->step[axis];
  return at;
}

// The next elements of the reduced axes, in order: how many, 0 at the end.
static int64_t next(source *s, const void **out) {
  const axes *r = s->reduced;
  int64_t left = r->count - s->k, n = left < RUN ? left : RUN, done = 0;
  if (left == 0) return 0;
  if (s->native && r->n == 1 && r->step[0] == 1) {
    *out = (const char *)s->view->data + (size_t)s->base * size_of(s->class);
    return s->k = r->count;
  }
  while (done < n) {
    int64_t inner = r->dim[r->n - 1], here = inner - s->k % inner;
    int64_t take = here < n - done ? here : n - done;
    load_steps(s, s->buffer + (size_t)done * size_of(s->class), s->base + place(r, s->k),
               r->step[r->n - 1], take);
    done += take, s->k += take;
  }
  return *out = s->buffer, n;
}

// ---- a function for each row and class ----

typedef void fold_fn(source *s, int64_t lowest, uint64_t highest, void *out);
typedef struct reduce_row {
  oi_op op;
  unsigned classes;
  fold_fn *fold[4];  // F, D, S, U
} reduce_row;

#define BIT(classes, x) ((classes) & (x) ? (x) : (classes) & -(classes)&ANY)
#define TYPE(classes, x)                                                                           \
  __typeof__(_Generic((char(*)[BIT(classes, x)])0, char(*)[F] : 0.0f, char(*)[D] : 0.0, char(*)[S] \
                      : (int64_t)0, char(*)[U]                                                     \
                      : (uint64_t)0))
#define LOWEST _Generic((T)0, float : -INFINITY, double : -INFINITY, default : lowest)
#define HIGHEST _Generic((T)0, float : INFINITY, double : INFINITY, default : highest)

#define FOLD(name, line, classes, x, init, do_step, combine, finish)                        \
  static void name##_##line##_##x(source *s, int64_t lowest, uint64_t highest, void *out) { \
    typedef TYPE(classes, x) T;                                                             \
    const void *from = NULL;                                                                \
    T part[LANES];                                                                          \
    (void)lowest, (void)highest;                                                            \
    for (int i = 0; i < LANES; i++) part[i] = (T)(init);                                    \
    for (int64_t count = next(s, &from); count > 0; count = next(s, &from)) {               \
      const T *at = from;                                                                   \
      int64_t i = 0;                                                                        \
      for (; i + LANES <= count; i += LANES)                                                \
        for (int j = 0; j < LANES; j++) {                                                   \
          const T p = part[j], a = at[i + j];                                               \
          part[j] = do_step;                                                                \
        }                                                                                   \
      for (int j = 0; i < count; i++, j++) {                                                \
        const T p = part[j], a = at[i];                                                     \
        part[j] = do_step;                                                                  \
      }                                                                                     \
    }                                                                                       \
    for (int half = LANES / 2; half > 0; half /= 2)                                         \
      for (int j = 0; j < half; j++) {                                                      \
        const T p = part[j], q = part[j + half];                                            \
        part[j] = combine;                                                                  \
      }                                                                                     \
    const T n = (T)s->reduced->count, r = (T)(init) == 0 && part[0] == 0 ? (T)0 : part[0];  \
    (void)n;                                                                                \
    *(T *)out = finish;                                                                     \
  }
#define FOLDS(name, line, classes, init, do_step, combine, finish) \
  FOLD(name, line, classes, F, init, do_step, combine, finish)     \
  FOLD(name, line, classes, D, init, do_step, combine, finish)     \
  FOLD(name, line, classes, S, init, do_step, combine, finish)     \
  FOLD(name, line, classes, U, init, do_step, combine, finish)
#define FOLDS_AT(name, line, classes, init, do_step, combine, finish) \
  FOLDS(name, line, classes, init, do_step, combine, finish)
#define ELTWISE(name, arity, classes, attrs, expr, doc)
#define GENERAL(name, arity, n_out, classes, attrs, doc)
#define AS_REDUCE(name, classes, init, step, combine, finish) \
  FOLDS_AT(name, __LINE__, classes, init, step, combine, finish)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) \
  FOLDS_AT(name, __LINE__, classes, init, step, combine, finish)
#include "lib/ops.def"
#undef REDUCE

#define HAS(classes, x, name, line) (classes) & (x) ? name##_##line##_##x : NULL
#define ROW(name, line, classes)                                                           \
  {OP_##name,                                                                              \
   classes,                                                                                \
   {HAS(classes, F, name, line), HAS(classes, D, name, line), HAS(classes, S, name, line), \
    HAS(classes, U, name, line)}},
#define ROW_AT(name, line, classes) ROW(name, line, classes)
static const reduce_row rows[] = {
#define AS_REDUCE(name, classes, init, step, combine, finish) ROW_AT(name, __LINE__, classes)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) \
  ROW_AT(name, __LINE__, classes)
#include "lib/ops.def"
#undef REDUCE
};

static fold_fn *find_fold(oi_op op, unsigned class) {
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (rows[i].op == op && rows[i].classes & class) return rows[i].fold[__builtin_ctz(class)];
  return NULL;
}

// ---- shape ----

// Every reduction has these attributes, in this order.
typedef oinf_sum_args reduce_args;
#define ELTWISE(name, arity, classes, attrs, expr, doc)
#define GENERAL(name, arity, n_out, classes, attrs, doc)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc)                  \
  _Static_assert(offsetof(oinf_##name##_args, axes) == offsetof(reduce_args, axes) &&   \
                     offsetof(oinf_##name##_args, keep) == offsetof(reduce_args, keep), \
                 "attributes of " #name);
#include "lib/ops.def"
#undef REDUCE

static bool infer(oi_infer *s, oi_op op) {
  const reduce_args *args = s->args;
  const oi_type *in = &s->in[0];
  uint32_t mask = 0;
  if (!oi_infer_class(s, 0, oi_op_classes(op) & ANY)) return false;
  if (!oi_infer_axes(s, &args->axes, in->rank, &mask)) return false;
  unsigned class = oi_dtype_class(in->dtype);
  oi_type out = {.dtype = class == F ? OINF_F32 : in->dtype};
  for (uint32_t i = 0; i < in->rank; i++) {
    bool goes = args->axes.n == 0 || mask >> i & 1;
    if (!goes || args->keep) out.dim[out.rank++] = goes ? 1 : in->dim[i];
  }
  return s->out[0] = out, true;
}

// ---- run ----

typedef struct job {
  const oi_call *call;
  unsigned class;
  fold_fn *fold;
  axes reduced, kept;
  int64_t lowest;
  uint64_t highest;
} job;

static void add_axis(axes *a, int64_t dim, int64_t step) {
  a->count *= dim;
  if (a->n && a->step[a->n - 1] == dim * step)
    a->dim[a->n - 1] *= dim, a->step[a->n - 1] = step;
  else
    a->dim[a->n] = dim, a->step[a->n++] = step;
}

static void split_axes(job *t, const oinf_dims *which) {
  const oi_view *v = &t->call->in[0];
  uint32_t mask = which->n ? 0 : UINT32_MAX;
  int64_t step[OINF_MAX_RANK], n = 1;
  for (uint32_t i = 0; i < which->n; i++)
    mask |= 1u << (which->d[i] < 0 ? which->d[i] + v->rank : which->d[i]);
  for (uint32_t i = v->rank; i-- > 0; n *= v->dim[i]) step[i] = n;
  t->reduced = t->kept = (axes){.count = 1};
  for (uint32_t i = 0; i < v->rank; i++)
    add_axis(mask >> i & 1 ? &t->reduced : &t->kept, v->dim[i], step[i]);
  if (!t->reduced.n) add_axis(&t->reduced, 1, 1);
}

static void store(const job *t, int64_t i, const void *from) {
  switch (t->class) {
    case F: oi_store_f32(t->call->out, i, 1, from); break;
    case D: oi_store_f64(t->call->out, i, 1, from); break;
    case S: oi_store_i64(t->call->out, i, 1, from); break;
    default: oi_store_u64(t->call->out, i, 1, from);
  }
}

static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *t = arg;
  const oi_view *v = &t->call->in[0];
  _Alignas(64) char buffer[RUN * sizeof(int64_t)];
  bool native = (v->dtype == OINF_F32 || oinf_dtype_block_bytes(v->dtype) == sizeof(int64_t)) &&
                (uintptr_t)v->data % size_of(t->class) == 0;
  (void)worker;
  for (int64_t i = begin; i < end; i++) {
    union {
      float f;
      double d;
      int64_t s;
      uint64_t u;
    } result;
    source s = {v, t->class, native, &t->reduced, place(&t->kept, i), 0, buffer};
    t->fold(&s, t->lowest, t->highest, &result);
    store(t, i, &result);
  }
}

static void run(const oi_call *c, oi_op op) {
  const reduce_args *args = c->args;
  unsigned class = oi_dtype_class(c->in[0].dtype),
           bits = 8 * oinf_dtype_block_bytes(c->in[0].dtype);
  job t = {.call = c, .class = class, .fold = class & ANY ? find_fold(op, class) : NULL};
  if (!t.fold) {
    oi_fail(c->err, OINF_INTERNAL, "%s: no text for this operand", oi_op_info_of(op)->name);
    return;
  }
  t.highest = class == S ? UINT64_MAX >> (65 - bits) : UINT64_MAX >> (64 - bits);
  t.lowest = class == S ? -(int64_t)t.highest - 1 : 0;
  split_axes(&t, &args->axes);
  int64_t n = t.kept.count, each = t.reduced.count ? t.reduced.count : 1;
  int64_t share = each > SHARE ? 1 : SHARE / each;
  if (c->threads && n > share)
    oi_threads_run(c->threads, n, share, piece, &t);
  else
    piece(&t, 0, n, 0);
}

#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) \
  bool oi_shape_##name(oi_infer *s) { return infer(s, OP_##name); }    \
  void oi_run_##name(const oi_call *c) { run(c, OP_##name); }
#include "lib/ops.def"
