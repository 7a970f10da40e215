// kernels.c: a function for each node, named by its role and op. Which template a node takes and
// what fills its holes is said here; loops over elements are printed by emit_move.c. What is
// missing is refused by its name, before anything is written.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"
#include "lib/rt/rope.h"
#include "lib/rt/strict.h"

#include <oinf/ops.h>

enum { MOST_HOLES = 24 };

// Holes of a template while they are filled; texts live in the emitter's arena.
typedef struct filling {
  oi_emit *e;
  oi_hole hole[MOST_HOLES];
  size_t n;
  bool failed;
} filling;

static void put(filling *f, const char *name, const char *text) {
  char *copy = oi_arena_text(&f->e->arena, text, strlen(text));
  if (!copy || f->n == MOST_HOLES) f->failed = true;
  else f->hole[f->n++] = (oi_hole){name, copy};
}

static void put_format(filling *f, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void put_format(filling *f, const char *name, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  put(f, name, text);
}

// What a printer of expressions writes becomes the hole's text.
static size_t mark(filling *f) { return f->e->out.n; }
static void take(filling *f, const char *name, size_t from) {
  oi_text *out = &f->e->out;
  if (out->failed) return;
  put(f, name, out->at ? out->at + from : "");
  if (out->at) out->n = from, out->at[from] = 0;
}
static void put_dim(filling *f, const char *name, oinf_dim d) {
  const size_t from = mark(f);
  oi_emit_dim(f->e, d);
  take(f, name, from);
}
static void put_span(filling *f, const char *name, const oi_type *t, uint32_t from, uint32_t to) {
  const size_t at = mark(f);
  oi_emit_span(f->e, t, from, to);
  take(f, name, at);
}
// A float as a literal that is exact.
static void put_real(filling *f, const char *name, float x) {
  put_format(f, name, "%af", (double)x);
}

static void put_dtype(filling *f, const char *type, const char *load, oinf_dtype dtype) {
  const oi_emit_dtype *d = oi_emit_dtype_of(dtype);
  put(f, type, d->type);
  put(f, load, d->load);
}

static oinf_status finish(filling *f, const char *file) {
  if (f->failed) return oi_nomem(f->e->err, sizeof *f);
  return oi_emit_template(f->e, file, f->hole, f->n);
}

static const oi_type *type_in(const oi_emit *e, const oi_node *n, uint32_t i) {
  return &oi_val_at(e->g, n->in[i])->type;
}
static bool is_float(const oi_type *t) { return oi_dtype_class(t->dtype) == OI_F; }

// ---- products ----

static void put_blocks(filling *f, oinf_dtype dtype) {
  const bool q8 = dtype == OINF_Q8_0;
  put(f, "BLOCK_BYTES", q8 ? "34" : "18");
  put(f, "LOW", q8 ? "(int8_t)w[2 + j]" : "((w[2 + j] & 15) - 8)");
  put(f, "HIGH", q8 ? "(int8_t)w[18 + j]" : "((w[2 + j] >> 4) - 8)");
}

static oinf_status matmul_blocks(filling *f, const oi_node *n) {
  const oi_type *a = type_in(f->e, n, 0), *b = type_in(f->e, n, 1);
  put_span(f, "ROWS", a, 0, a->rank - 1);
  put_dim(f, "DEPTH", a->dim[a->rank - 1]);
  put_dim(f, "COLUMNS", b->dim[0]);
  put_blocks(f, b->dtype);
  if (n->n_in == 3) return finish(f, "matmul_blocks.c");
  put_dtype(f, "A_T", "A_LOAD", a->dtype);
  return finish(f, "matmul_wide.c");
}

static oinf_status matmul(filling *f, const oi_node *n) {
  const oinf_matmul_args *args = n->args;
  const oi_type *a = type_in(f->e, n, 0), *b = type_in(f->e, n, 1);
  if (oi_dtype_class(b->dtype) == OI_Q) return matmul_blocks(f, n);
  if (!is_float(a) || !is_float(b)) return oi_emit_refuse(f->e, n, "operands are no floats");
  if (args->transpose_a || b->rank != 2 || a->rank < 1)
    return oi_emit_refuse(f->e, n, "operand a is transposed, or b is no matrix");
  const oinf_dim columns = b->dim[args->transpose_b ? 0 : 1];
  put_span(f, "ROWS", a, 0, a->rank - 1);
  put_dim(f, "DEPTH", a->dim[a->rank - 1]);
  put_dim(f, "COLUMNS", columns);
  put_dtype(f, "A_T", "A_LOAD", a->dtype);
  put_dtype(f, "B_T", "B_LOAD", b->dtype);
  put(f, "B_N", args->transpose_b ? "depth" : "1");
  put(f, "B_K", args->transpose_b ? "1" : "columns");
  return finish(f, "matmul.c");
}

// ---- rows ----

static oinf_status norm(filling *f, const oi_node *n, float eps, bool centred) {
  static const char *const what[] = {"SCALE", "SHIFT"};
  const oi_type *a = type_in(f->e, n, 0);
  char params[128];
  size_t at = 0;
  params[0] = 0;
  for (uint32_t i = 1; i < n->n_in; i++) {
    const oi_emit_dtype *d = oi_emit_dtype_of(type_in(f->e, n, i)->dtype);
    const char name = (char)('a' + i);
    at += (size_t)snprintf(params + at, sizeof params - at, ", const %s *restrict %c", d->type,
                           name);
    put_format(f, what[i - 1], "y = y %c %s(%c[k]);", i == 1 ? '*' : '+', d->load, name);
  }
  for (uint32_t i = n->n_in; i <= 2; i++) put(f, what[i - 1], "");
  put(f, "PARAMS", params);
  put_span(f, "ROWS", a, 0, a->rank - 1);
  put_dim(f, "LENGTH", a->dim[a->rank - 1]);
  put_real(f, "EPS", eps);
  put_dtype(f, "A_T", "A_LOAD", a->dtype);
  put(f, "CENTRED", centred ? "1" : "0");
  return finish(f, "norm.c");
}
static oinf_status rmsnorm(filling *f, const oi_node *n) {
  return norm(f, n, (float)((const oinf_rmsnorm_args *)n->args)->eps, false);
}
static oinf_status layernorm(filling *f, const oi_node *n) {
  return norm(f, n, (float)((const oinf_layernorm_args *)n->args)->eps, true);
}

static oinf_status softmax(filling *f, const oi_node *n) {
  const oi_type *a = type_in(f->e, n, 0);
  const int64_t wish = ((const oinf_softmax_args *)n->args)->axis;
  const uint32_t axis = (uint32_t)(wish < 0 ? wish + a->rank : wish);
  put_dim(f, "LENGTH", a->dim[axis]);
  put_span(f, "STEP", a, axis + 1, a->rank);
  put_span(f, "COUNT", a, 0, a->rank);
  put_dtype(f, "A_T", "A_LOAD", a->dtype);
  return finish(f, "softmax.c");
}

static oinf_status argmax(filling *f, const oi_node *n) {
  const oi_type *a = type_in(f->e, n, 0), *out = &oi_val_at(f->e->g, n->out[0])->type;
  const int64_t wish = ((const oinf_argmax_args *)n->args)->axis;
  const uint32_t axis = (uint32_t)(wish < 0 ? wish + a->rank : wish);
  const oi_emit_dtype *d = oi_emit_dtype_of(a->dtype);
  const bool largest = n->op == OP_argmax;
  const char *nan = largest ? "INT64_MAX" : "INT64_MIN";
  put_dim(f, "LENGTH", a->dim[axis]);
  put_span(f, "STEP", a, axis + 1, a->rank);
  put_span(f, "COUNT", out, 0, out->rank);
  put(f, "A_T", d->type);
  put(f, "BETTER", largest ? ">" : "<");
  if (oi_dtype_class(a->dtype) == OI_S) put(f, "KEY", "x");
  else if (oi_dtype_class(a->dtype) == OI_U) put(f, "KEY", "(int64_t)(x ^ (uint64_t)1 << 63)");
  else if (a->dtype == OINF_F64) put_format(f, "KEY", "oi_is_nan_d(x) ? %s : oi_key_d(x)", nan);
  else put_format(f, "KEY", "oi_is_nan(%s(x)) ? %s : oi_key(%s(x))", d->load, nan, d->load);
  return finish(f, "argmax.c");
}

static oinf_status quantize(filling *f, const oi_node *n) {
  const oi_type *d = &oi_val_at(f->e->g, n->out[1])->type;
  const int64_t block = ((const oinf_quantize_args *)n->args)->block;
  put_span(f, "COUNT", d, 0, d->rank);
  put_format(f, "BLOCK", "%lld", (long long)(block ? block : 32));
  put_dtype(f, "A_T", "A_LOAD", type_in(f->e, n, 0)->dtype);
  return finish(f, "quantize.c");
}

static oinf_status gather(filling *f, const oi_node *n) {
  const oi_type *table = type_in(f->e, n, 0), *index = type_in(f->e, n, 1);
  const int64_t axis = ((const oinf_gather_args *)n->args)->axis;
  const bool blocks = oi_dtype_class(table->dtype) == OI_Q;
  if (axis != 0 && axis + table->rank != 0)
    return oi_emit_refuse(f->e, n, "its axis is not the first");
  put_dim(f, "ROWS", table->dim[0]);
  put_span(f, "COUNT", index, 0, index->rank);
  put(f, "INDEX_T", oi_emit_dtype_of(index->dtype)->type);
  if (blocks) put_blocks(f, table->dtype), put_span(f, "LENGTH", table, 1, table->rank);
  const size_t from = mark(f);
  oi_emit_span(f->e, table, 1, table->rank);
  oi_text_put(&f->e->out, " * %u", (unsigned)oinf_dtype_block_bytes(table->dtype));
  take(f, "BYTES", from);
  return finish(f, blocks ? "gather_blocks.c" : "gather.c");
}

// ---- attention ----

static void put_table(filling *f, const oi_rope *r, int64_t half) {
  const size_t from = mark(f);
  oi_text_put(&f->e->out, "static const float inverse[] = {");
  for (int64_t j = 0; j < half; j++)
    oi_text_put(&f->e->out, "%s%af", j == 0 ? "" : j % 4 ? ", " : ",\n      ",
                (double)oi_rope_inverse(r, j, 0));
  oi_text_put(&f->e->out, "};");
  take(f, "TABLE", from);
  put(f, "INVERSE", "inverse[j]");
  put(f, "PARAMS", "");
}

static void put_given(filling *f, const oi_type *b) {
  const oi_emit_dtype *d = oi_emit_dtype_of(b->dtype);
  put(f, "TABLE", "");
  put_format(f, "INVERSE", "%s(b[j])", d->load);
  put_format(f, "PARAMS", ", const %s *restrict b", d->type);
}

static oinf_status rope(filling *f, const oi_node *n) {
  const oinf_rope_args *args = n->args;
  const oi_type *a = type_in(f->e, n, 0);
  const uint32_t r = a->rank;
  const int64_t width = args->width ? args->width : a->dim[r - 1];
  oi_rope table = {.scaling = oi_rope_find(args->scaling), .width = width, .theta = args->theta,
                   .factor = args->factor, .low = args->low, .high = args->high,
                   .original = args->original, .no_truncate = args->no_truncate};
  if (table.scaling == OI_ROPE_DYNAMIC) return oi_emit_refuse(f->e, n, "its scaling is dynamic");
  oi_rope_open(&table);
  if (n->n_in > 1) put_given(f, type_in(f->e, n, 1));
  else put_table(f, &table, width / 2);
  const float factor = args->attention_factor != 0 ? (float)args->attention_factor : 1.0f;
  put_span(f, "OUTER", a, 0, r - 3);
  put_dim(f, "ROWS", a->dim[r - 3]);
  put_dim(f, "HEADS", a->dim[r - 2]);
  put_dim(f, "HEAD", a->dim[r - 1]);
  put_dim(f, "POS", args->pos);
  put_format(f, "HALF", "%lld", (long long)(width / 2));
  put_real(f, "FACTOR", factor);
  put(f, "FACTORED", factor != 1.0f ? "1" : "0");
  put_dtype(f, "A_T", "A_LOAD", a->dtype);
  put(f, "FIRST", args->interleaved ? "2 * j" : "j");
  put(f, "SECOND", args->interleaved ? "2 * j + 1" : "j + half");
  return finish(f, "rope.c");
}

static oinf_status sdpa(filling *f, const oi_node *n) {
  const oinf_sdpa_args *args = n->args;
  const oi_type *q = type_in(f->e, n, 0), *k = type_in(f->e, n, 1), *v = type_in(f->e, n, 2);
  if (n->n_in > 3) return oi_emit_refuse(f->e, n, "it has a mask");
  if (oi_dim_is_expr(q->dim[2])) return oi_emit_refuse(f->e, n, "a head's size is no number");
  const double scale =
      args->scale != 0 ? args->scale : oi_div_d(1.0, oi_sqrt_d((double)q->dim[2]));
  put_dim(f, "ROWS", q->dim[0]);
  put_dim(f, "HEADS", q->dim[1]);
  put_dim(f, "HEAD", q->dim[2]);
  put_dim(f, "GROUPS", k->dim[1]);
  put_dim(f, "KEYS", k->dim[0]);
  put_dim(f, "POS", args->pos);
  put(f, "CAUSAL", args->causal ? "1" : "0");
  put_format(f, "WINDOW", "%lld", (long long)args->window);
  put_real(f, "SCALE", (float)scale);
  put_real(f, "SOFTCAP", (float)args->softcap);
  put_dtype(f, "Q_T", "Q_LOAD", q->dtype);
  put_dtype(f, "K_T", "K_LOAD", k->dtype);
  put_dtype(f, "V_T", "V_LOAD", v->dtype);
  return finish(f, "sdpa.c");
}

// ---- the table of templates ----

typedef oinf_status fill_fn(filling *f, const oi_node *n);
static const struct {
  uint32_t op;
  fill_fn *fill;
  bool has_room, may_fail;
} rows[] = {
    {OP_matmul, matmul, false, false},       {OP_rmsnorm, rmsnorm, false, false},
    {OP_layernorm, layernorm, false, false}, {OP_softmax, softmax, false, false},
    {OP_quantize, quantize, false, false},   {OP_gather, gather, false, true},
    {OP_rope, rope, false, false},           {OP_sdpa, sdpa, true, false},
    {OP_argmax, argmax, false, false},       {OP_argmin, argmax, false, false},
};
enum { N_ROWS = sizeof rows / sizeof *rows };

static size_t row_of(uint32_t op) {
  size_t i = 0;
  while (i < N_ROWS && rows[i].op != op) i++;
  return i;
}
bool oi_emit_has_room(uint32_t op) { return row_of(op) < N_ROWS && rows[row_of(op)].has_room; }
bool oi_emit_may_fail(uint32_t op) { return row_of(op) < N_ROWS && rows[row_of(op)].may_fail; }

oinf_status oi_emit_refuse(oi_emit *e, const oi_node *n, const char *why) {
  return oi_fail(e->err, OINF_SUPPORT, "%s has no template for the target c yet: %s",
                 oi_kind_name(n->op), why);
}

static oinf_status emit_kernel(oi_emit *e, uint32_t node) {
  const oi_node *n = oi_node_at(e->g, node);
  char name[96];
  oi_emit_kernel_name(e, node, name);
  const size_t row = row_of(n->op);
  if (row < N_ROWS) {
    filling f = {.e = e};
    put(&f, "NAME", name);
    return rows[row].fill(&f, n);
  }
  if (oi_emit_is_move(n->op)) return oi_emit_move(e, n, name);
  const oi_op_info *info = n->op < OP_COUNT ? oi_op_info_of((oi_op)n->op) : NULL;
  if (info && info->kind == OI_ELTWISE) return oi_emit_eltwise(e, n, name);
  if (info && info->kind == OI_REDUCE) return oi_emit_reduce(e, n, name);
  return oi_emit_refuse(e, n, "the op as such");
}

oinf_status oi_emit_kernels(oi_emit *e) {
  oi_text_put(&e->out,
              "// The kernels of this network, one a node, in the order in which they first run. "
              "Strict: one float\n// operation a statement, sums in sixteen partials. Symbols and "
              "indices of loops are d->s[i].\n\n");
  for (size_t i = 0, done = 0; i < e->plan.items.n; i++) {
    const oi_item *item = &e->plan.items.at[i];
    if (item->kind != OI_ITEM_RUN || e->kernel[item->node] != done + 1) continue;
    OI_TRY(emit_kernel(e, item->node));
    oi_text_put(&e->out, "\n");
    done++;
  }
  return OINF_OK;
}
