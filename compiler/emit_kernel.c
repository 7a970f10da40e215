// kernels.c: a function for each node, named by its role and op. Which template a node takes and
// what fills its holes is said here; loops over elements are printed by emit_move.c. What is
// missing is refused by its name, before anything is written.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"
#include "lib/rt/attend.h"
#include "lib/rt/rope.h"
#include "lib/rt/strict.h"

#include <oinf/ops.h>

enum {
  MOST_HOLES = 24
};

// Holes of a template while they are filled; texts live in the emitter's arena.
typedef struct filling {
  oi_emit *e;
  oi_emit_cut *cut;
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
  const char *text = oi_emit_taken(f->e, from);
  if (text) put(f, name, text);
}
static void put_dim(filling *f, const char *name, oinf_dim d) {
  const size_t from = mark(f);
  oi_emit_dim(f->e, d);
  take(f, name, from);
}
static void put_around(filling *f, const char *name, const char *before, oinf_dim d,
                       const char *behind) {
  const size_t from = mark(f);
  oi_text_put(&f->e->out, "%s", before);
  oi_emit_dim(f->e, d);
  oi_text_put(&f->e->out, "%s", behind);
  take(f, name, from);
}
static void put_span(filling *f, const char *name, const oi_type *t, uint32_t from, uint32_t to) {
  const size_t at = mark(f);
  oi_emit_span(f->e, t, from, to);
  take(f, name, at);
}
// The units are the places of axes from .. to - 1, and each costs the places of those behind.
static void cut_rows(filling *f, const oi_type *t, uint32_t to) {
  f->cut->units = oi_emit_span_text(f->e, t, 0, to);
  f->cut->cost = oi_emit_span_text(f->e, t, to, t->rank);
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

// How the runtime's inner kernels take a storage type; NULL: they do not.
static const char *dot_of(filling *f, oinf_dtype dtype, bool mixes) {
  static const char *const dots[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
  static const char *const mixed[] = {"mix_f32", "mix_f16", "mix_bf16", NULL, NULL};
  const oi_dot_type type = oi_dtype_dot(dtype);
  if (type == OI_DOT_NONE) return NULL;
  f->e->dot_types |= 1u << type;
  return mixes ? mixed[type] : dots[type];
}

// A column of the product is a row of b, where b is transposed.
static void put_product(filling *f, const oi_type *a, oinf_dim columns, bool rows_of_b) {
  const oi_type one = {.rank = 1, .dim = {columns}};
  f->cut->units = oi_emit_span_text(f->e, &one, 0, 1);
  f->cut->cost = oi_emit_span_text(f->e, a, 0, a->rank);
  f->cut->tiled = rows_of_b ? 1 : -1;
  f->cut->columns = f->cut->units;
  put_span(f, "ROWS", a, 0, a->rank - 1);
  put_dim(f, "DEPTH", a->dim[a->rank - 1]);
  put_dim(f, "COLUMNS", columns);
}

// Bytes of the shared scratch: `bytes` for each so many elements of a, at the bounds of symbols.
static void share_rows(filling *f, const oi_type *a, uint64_t bytes, int64_t each) {
  oi_type row = {.dtype = OINF_U8, .rank = 1, .dim = {a->dim[a->rank - 1]}}, rows = *a;
  rows.dtype = OINF_U8, rows.rank = a->rank - 1;
  const uint64_t depth = oi_plan_bytes_hi(&f->e->plan, &row);
  const uint64_t parts = (depth + (uint64_t)each - 1) / (uint64_t)each;
  f->cut->shared = oi_plan_bytes_hi(&f->e->plan, &rows) * parts * bytes;
}

// The rows of a where they lie, or widened first.
static oinf_status put_floats(filling *f, const oi_type *a) {
  put_around(f, "X_PITCH", "", a->dim[a->rank - 1], " * 4");
  if (a->dtype == OINF_F32) return put(f, "X", "c->in[0]"), OINF_OK;
  put(f, "X", "(const void *)c->room");
  put_dtype(f, "A_T", "A_LOAD", a->dtype);
  share_rows(f, a, 4, 1);
  f->cut->ready = oi_emit_span_text(f->e, a, 0, a->rank);
  OI_TRY(finish(f, "matmul_widen.c"));
  oi_text_put(&f->e->out, "\n");
  return OINF_OK;
}

// Units of the kernel that lays rows of a in tiles.
static void ready_tiles(filling *f, const oi_type *a) {
  const size_t from = mark(f);
  oi_text_put(&f->e->out, "(");
  oi_emit_span(f->e, a, 0, a->rank - 1);
  oi_text_put(&f->e->out, " + %d) / %d", OI_TILE - 1, OI_TILE);
  f->cut->ready = oi_emit_taken(f->e, from);
}

// Rows of a that may be many take a kernel that goes by panels then, and its scratch.
static const char *product_file(filling *f, const oi_type *a, oi_dot_type type) {
  oi_type row = {.dtype = OINF_U8, .rank = 1, .dim = {a->dim[a->rank - 1]}}, rows = *a;
  rows.dtype = OINF_U8, rows.rank = a->rank - 1;
  const int64_t depth = (int64_t)oi_plan_bytes_hi(&f->e->plan, &row),
                most = (int64_t)oi_plan_bytes_hi(&f->e->plan, &rows);
  const uint64_t tiles = (uint64_t)(most * oi_tile_pitch(depth, type));
  if (!oi_panels_pay(type, most)) return "matmul.c";
  if (f->cut->shared < tiles) f->cut->shared = tiles;
  f->cut->own = (uint64_t)oi_panels_room(depth, type);
  return "matmul_many.c";
}

static oinf_status matmul_blocks(filling *f, const oi_type *a, oinf_dtype blocks) {
  const bool q8 = blocks == OINF_Q8_0;
  const oinf_dim depth = a->dim[a->rank - 1];
  put(f, "DOT", dot_of(f, blocks, false));
  put(f, "DOT_TYPE", q8 ? "OI_DOT_Q8_0" : "OI_DOT_Q4_0");
  put(f, "X", "c->room");
  put_around(f, "X_PITCH", "oi_quads(", depth, ") * (int64_t)sizeof(oi_quad)");
  put_around(f, "W_PITCH", "", depth, q8 ? " / 32 * 34" : " / 32 * 18");
  share_rows(f, a, sizeof(oi_quad), OI_QUAD);
  ready_tiles(f, a);
  OI_TRY(finish(f, "matmul_quads.c"));
  oi_text_put(&f->e->out, "\n");
  return finish(f, product_file(f, a, oi_dtype_dot(blocks)));
}

static oinf_status matmul_floats(filling *f, const oi_type *a, oinf_dtype dtype) {
  static const char *const types[] = {"OI_DOT_F32", "OI_DOT_F16", "OI_DOT_BF16"};
  const oi_dot_type type = oi_dtype_dot(dtype);
  const char *file = a->dtype == OINF_F32 ? product_file(f, a, type) : "matmul.c";
  put(f, "DOT", dot_of(f, dtype, false));
  put(f, "DOT_TYPE", types[type]);
  put_around(f, "W_PITCH", "", a->dim[a->rank - 1], type == OI_DOT_F32 ? " * 4" : " * 2");
  OI_TRY(put_floats(f, a));
  if (f->cut->own) {
    ready_tiles(f, a);
    OI_TRY(finish(f, "matmul_tiles.c"));
    oi_text_put(&f->e->out, "\n");
  }
  return finish(f, file);
}

static oinf_status matmul_wide(filling *f, const oi_type *a, oinf_dtype blocks) {
  const oi_type row = {.dtype = OINF_F32, .rank = 1, .dim = {a->dim[a->rank - 1]}};
  put_blocks(f, blocks);
  dot_of(f, OINF_F32, false);
  f->cut->own = oi_plan_bytes_hi(&f->e->plan, &row);
  OI_TRY(put_floats(f, a));
  return finish(f, "matmul_wide.c");
}

static oinf_status matmul_columns(filling *f, const oi_type *a, oinf_dtype dtype) {
  put(f, "MIX", dot_of(f, dtype, true));
  put_format(f, "W_BYTES", "%u", (unsigned)oinf_dtype_block_bytes(dtype));
  f->cut->own = 16 * (512 + 8 * 16) * sizeof(float);
  OI_TRY(put_floats(f, a));
  return finish(f, "matmul_columns.c");
}

static oinf_status matmul(filling *f, const oi_node *n) {
  const oinf_matmul_args *args = n->args;
  const oi_type *a = type_in(f->e, n, 0), *b = type_in(f->e, n, 1);
  const bool quantized = oi_dtype_class(b->dtype) == OI_Q;
  if (!is_float(a) && n->n_in == 2) return oi_emit_matmul_any(f->e, n, f->hole[0].text, f->cut);
  if (!quantized && (args->transpose_a || b->rank != 2 || oi_dtype_dot(b->dtype) == OI_DOT_NONE))
    return oi_emit_matmul_any(f->e, n, f->hole[0].text, f->cut);
  put_product(f, a, b->dim[quantized || args->transpose_b ? 0 : 1], quantized || args->transpose_b);
  if (quantized && n->n_in == 3) return matmul_blocks(f, a, b->dtype);
  if (quantized) return matmul_wide(f, a, b->dtype);
  if (!args->transpose_b) return matmul_columns(f, a, b->dtype);
  return matmul_floats(f, a, b->dtype);
}

// ---- rows ----

// A row in steps of sixteen lanes; only a length that sixteen does not divide has a shorter one.
static void put_lanes(filling *f, oinf_dim length) {
  const bool whole = !oi_dim_is_expr(length) && length % 16 == 0;
  put_dim(f, "LENGTH", length);
  put(f, "SOME", whole ? "LANES" : "dim_min(LANES, length - k)");
}

static oinf_status norm(filling *f, const oi_node *n, float eps, bool centred) {
  static const char *const what[] = {"SCALE", "SHIFT"}, *const names[] = {"w", "v"};
  const oi_type *a = type_in(f->e, n, 0);
  char operands[128];
  size_t at = 0;
  operands[0] = 0;
  for (uint32_t i = 1; i < n->n_in; i++) {
    const oi_emit_dtype *d = oi_emit_dtype_of(type_in(f->e, n, i)->dtype);
    const char *name = names[i - 1];
    at += (size_t)snprintf(operands + at, sizeof operands - at,
                           "%sconst %s *restrict %s = c->in[%u];", at ? "\n  " : "", d->type, name,
                           i);
    put_format(f, what[i - 1], "y = y %c %s(%s[k]);", i == 1 ? '*' : '+', d->load, name);
  }
  for (uint32_t i = n->n_in; i <= 2; i++) put(f, what[i - 1], "");
  put(f, "OPERANDS", operands);
  cut_rows(f, a, a->rank - 1);
  f->cut->row = f->cut->cost;
  put_lanes(f, a->dim[a->rank - 1]);
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

// The units are the places of all axes but one, and each costs that axis.
static void cut_axis(filling *f, const oi_type *t, uint32_t axis) {
  oi_type rest = *t;
  rest.dim[axis] = 1;
  f->cut->units = oi_emit_span_text(f->e, &rest, 0, rest.rank);
  f->cut->cost = oi_emit_span_text(f->e, t, axis, axis + 1);
}

static oinf_status softmax(filling *f, const oi_node *n) {
  const oi_type *a = type_in(f->e, n, 0);
  const int64_t wish = ((const oinf_softmax_args *)n->args)->axis;
  const uint32_t axis = (uint32_t)(wish < 0 ? wish + a->rank : wish);
  put_lanes(f, a->dim[axis]);
  put_span(f, "STEP", a, axis + 1, a->rank);
  cut_axis(f, a, axis);
  if (axis + 1 == a->rank) f->cut->row = f->cut->cost;
  put_dtype(f, "A_T", "A_LOAD", a->dtype);
  return finish(f, "softmax.c");
}

static oinf_status argmax(filling *f, const oi_node *n) {
  const oi_type *a = type_in(f->e, n, 0);
  const int64_t wish = ((const oinf_argmax_args *)n->args)->axis;
  const uint32_t axis = (uint32_t)(wish < 0 ? wish + a->rank : wish);
  const oi_emit_dtype *d = oi_emit_dtype_of(a->dtype);
  const bool largest = n->op == OP_argmax;
  const char *nan = largest ? "INT64_MAX" : "INT64_MIN";
  put_dim(f, "LENGTH", a->dim[axis]);
  put_span(f, "STEP", a, axis + 1, a->rank);
  cut_axis(f, a, axis);
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
  f->cut->units = oi_emit_span_text(f->e, d, 0, d->rank), f->cut->cost = "64";
  put_format(f, "BLOCK", "%lld", (long long)(block ? block : 32));
  put_dtype(f, "A_T", "A_LOAD", type_in(f->e, n, 0)->dtype);
  return finish(f, "quantize.c");
}

// Which index unit i takes, and the table's row with which its rows begin: the axes before that of
// the table are counted with the indices.
static void put_picks(filling *f, const oi_type *table, const oi_type *index, uint32_t axis) {
  const char *outer = oi_emit_span_text(f->e, table, 0, axis);
  const char *count = oi_emit_span_text(f->e, index, 0, index->rank);
  if (!outer || !count) return;
  f->cut->units = count;
  if (strcmp(outer, "1") == 0) {
    put(f, "PICK", "i"), put(f, "BASE", "0");
    return;
  }
  put_format(f, "PICK", "i %% (%s)", count);
  put_format(f, "BASE", "i / (%s) * rows", count);
  const size_t from = mark(f);
  oi_text_put(&f->e->out, "(%s) * (%s)", outer, count);
  f->cut->units = oi_emit_taken(f->e, from);
}

static oinf_status dequantize(filling *f, const oi_node *n) {
  const oi_type *a = type_in(f->e, n, 0);
  if (n->n_in == 2) return oi_emit_move(f->e, n, f->cut);
  put_blocks(f, a->dtype);
  const size_t from = mark(f);
  oi_text_put(&f->e->out, "(");
  oi_emit_count(f->e, a);
  oi_text_put(&f->e->out, ") / 32");
  f->cut->units = oi_emit_taken(f->e, from), f->cut->cost = "32";
  return finish(f, "dequantize.c");
}

static oinf_status gather(filling *f, const oi_node *n) {
  const oi_type *table = type_in(f->e, n, 0), *index = type_in(f->e, n, 1);
  const int64_t wish = ((const oinf_gather_args *)n->args)->axis;
  const uint32_t axis = (uint32_t)(wish < 0 ? wish + table->rank : wish);
  const bool blocks = oi_dtype_class(table->dtype) == OI_Q;
  put_dim(f, "ROWS", table->dim[axis]);
  put_picks(f, table, index, axis);
  f->cut->cost = oi_emit_span_text(f->e, table, axis + 1, table->rank);
  f->cut->may_fail = true;
  put(f, "INDEX_T", oi_emit_dtype_of(index->dtype)->type);
  if (blocks) put_blocks(f, table->dtype), put_span(f, "LENGTH", table, axis + 1, table->rank);
  const size_t from = mark(f);
  oi_emit_span(f->e, table, axis + 1, table->rank);
  oi_text_put(&f->e->out, " * %u", (unsigned)oinf_dtype_block_bytes(table->dtype));
  take(f, "BYTES", from);
  return finish(f, blocks ? "gather_blocks.c" : "gather.c");
}

// ---- attention ----

static void put_inverses(filling *f, const oi_rope *r, int64_t half) {
  const size_t from = mark(f);
  oi_text_put(&f->e->out, "static const float inverse[] = {");
  for (int64_t j = 0; j < half; j++)
    oi_text_put(&f->e->out, "%s%af",
                j == 0  ? ""
                : j % 4 ? ", "
                        : ",\n      ",
                (double)oi_rope_inverse(r, j, 0));
  oi_text_put(&f->e->out, "};");
  take(f, "TABLE", from);
  put(f, "INVERSE", "inverse[j]");
  put(f, "OPERAND", "");
}

// Frequencies that depend on the position are made as it is known.
static void put_dynamic(filling *f, const oi_rope *r) {
  put_format(f, "TABLE",
             "static const oi_rope rope = {.scaling = OI_ROPE_DYNAMIC, .width = %lld, .theta = %a,"
             "\n      .factor = %a, .low = %a, .high = %a, .original = %a, .log_theta = %a};",
             (long long)r->width, r->theta, r->factor, r->low, r->high, r->original, r->log_theta);
  put(f, "INVERSE", "oi_rope_inverse(&rope, j, position)");
  put(f, "OPERAND", "");
}

static void put_given(filling *f, const oi_type *b) {
  const oi_emit_dtype *d = oi_emit_dtype_of(b->dtype);
  put(f, "TABLE", "");
  put_format(f, "INVERSE", "%s(b[j])", d->load);
  put_format(f, "OPERAND", "const %s *restrict b = c->in[1];", d->type);
}

static oinf_status rope(filling *f, const oi_node *n) {
  const oinf_rope_args *args = n->args;
  const oi_type *a = type_in(f->e, n, 0);
  const uint32_t r = a->rank;
  const int64_t width = args->width ? args->width : a->dim[r - 1];
  oi_rope table = {.scaling = oi_rope_find(args->scaling),
                   .width = width,
                   .theta = args->theta,
                   .factor = args->factor,
                   .low = args->low,
                   .high = args->high,
                   .original = args->original,
                   .no_truncate = args->no_truncate};
  oi_rope_open(&table);
  if (n->n_in > 1) put_given(f, type_in(f->e, n, 1));
  else if (table.scaling == OI_ROPE_DYNAMIC) put_dynamic(f, &table);
  else put_inverses(f, &table, width / 2);
  const float factor = args->attention_factor != 0 ? (float)args->attention_factor : 1.0f;
  cut_rows(f, a, r - 2);
  f->cut->row = f->cut->cost;
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

static int64_t bound_of(const oi_emit *e, oinf_dim d) {
  int64_t lo, hi;
  oi_dims_bounds(e->g->dims, d, e->plan.sym_lo, e->plan.sym_hi, &lo, &hi);
  return hi;
}

// What is not seen under the mask scores -infinity and is left out of the sum of values.
static void put_mask(filling *f, const oi_type *mask) {
  put(f, "MASKED", mask ? "1" : "0");
  if (!mask) {
    put(f, "MASK", ""), put(f, "SEEN", "true"), put(f, "ADD", "");
    return;
  }
  const oi_emit_dtype *d = oi_emit_dtype_of(mask->dtype);
  const bool truth = mask->dtype == OINF_BOOL;
  put_format(f, "MASK", "const %s *restrict mask = c->in[3];", d->type);
  if (truth) put(f, "SEEN", "mask[t * keys + j] != 0");
  else put_format(f, "SEEN", "oi_bits(%s(mask[t * keys + j])) != 0xff800000u", d->load);
  if (truth) put(f, "ADD", "");
  else put_format(f, "ADD", "score = score + %s(mask[t * keys + j]);", d->load);
}

// The storage of keys or values as the runtime's kernel takes it.
static void put_kept(filling *f, const char *name, oinf_dtype dtype) {
  static const char *const types[] = {"OI_DOT_F32", "OI_DOT_F16", "OI_DOT_BF16"};
  dot_of(f, dtype, false);
  put(f, name, types[oi_dtype_dot(dtype)]);
}

static oinf_status attend(filling *f, const oi_type *q, const oi_type *k, const oi_type *v) {
  const size_t at = mark(f);
  oi_text_put(&f->e->out, "oi_attend_items(");
  oi_emit_dim(f->e, q->dim[0]);
  for (int i = 0; i < 2; i++)
    oi_text_put(&f->e->out, ", "), oi_emit_dim(f->e, i ? k->dim[1] : q->dim[1]);
  oi_text_put(&f->e->out, ")");
  f->cut->units = oi_emit_taken(f->e, at);
  f->cut->own = (uint64_t)oi_attend_room(bound_of(f->e, k->dim[0]), bound_of(f->e, k->dim[2]));
  put_dim(f, "ROWS", q->dim[0]);
  put_kept(f, "K_TYPE", k->dtype);
  put_kept(f, "V_TYPE", v->dtype);
  OI_TRY(put_floats(f, q));
  return finish(f, "attend.c");
}

static bool is_row(const oi_type *t) { return oi_dtype_dot(t->dtype) <= OI_DOT_BF16; }

static void put_scale(filling *f, double scale, oinf_dim head) {
  const bool known = !oi_dim_is_expr(head);
  if (scale == 0 && known) scale = oi_div_d(1.0, oi_sqrt_d((double)head));
  if (scale != 0 || known) put_real(f, "SCALE", (float)scale);
  else put(f, "SCALE", "(float)oi_div_d(1.0, oi_sqrt_d((double)head))");
}

static oinf_status sdpa(filling *f, const oi_node *n) {
  const oinf_sdpa_args *args = n->args;
  const oi_type *q = type_in(f->e, n, 0), *k = type_in(f->e, n, 1), *v = type_in(f->e, n, 2);
  const oi_type row = {.dtype = OINF_F32, .rank = 2, .dim = {k->dim[0], q->dim[2]}};
  f->cut->units = oi_emit_span_text(f->e, q, 0, 2);
  f->cut->row = oi_emit_span_text(f->e, q, 2, 3);
  f->cut->cost = oi_emit_span_text(f->e, &row, 0, 2);
  f->cut->own = 4 * (uint64_t)bound_of(f->e, k->dim[0]);
  put_dim(f, "HEADS", q->dim[1]);
  put_dim(f, "HEAD", q->dim[2]);
  put_dim(f, "GROUPS", k->dim[1]);
  put_dim(f, "KEYS", k->dim[0]);
  put_dim(f, "POS", args->pos);
  put(f, "CAUSAL", args->causal ? "1" : "0");
  put_format(f, "WINDOW", "%lld", (long long)args->window);
  put_scale(f, args->scale, q->dim[2]);
  put_real(f, "SOFTCAP", (float)args->softcap);
  if (n->n_in == 3 && is_row(k) && is_row(v)) return attend(f, q, k, v);
  put_mask(f, n->n_in > 3 ? type_in(f->e, n, 3) : NULL);
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
} rows[] = {
    {OP_matmul, matmul},
    {OP_rmsnorm, rmsnorm},
    {OP_layernorm, layernorm},
    {OP_softmax, softmax},
    {OP_quantize, quantize},
    {OP_gather, gather},
    {OP_rope, rope},
    {OP_sdpa, sdpa},
    {OP_argmax, argmax},
    {OP_argmin, argmax},
    {OP_dequantize, dequantize},
};
enum {
  N_ROWS = sizeof rows / sizeof *rows
};

static fill_fn *fill_of(uint32_t op) {
  for (size_t i = 0; i < N_ROWS; i++)
    if (rows[i].op == op) return rows[i].fill;
  return NULL;
}

oinf_status oi_emit_refuse(oi_emit *e, const oi_node *n, const char *why) {
  return oi_fail(e->err, OINF_SUPPORT, "%s has no template for the target c yet: %s",
                 oi_kind_name(n->op), why);
}

// ---- kernels.c ----

void oi_emit_begin(oi_emit *e, const oi_node *n) {
  char name[96];
  oi_text_put(&e->out,
              "static void K(%s)(const call *c, int64_t from, int64_t to, int worker) {\n"
              "  const dims *d = c->d;\n",
              oi_emit_kernel_name(e, (uint32_t)(n - e->g->nodes.at), name));
  for (uint32_t i = 0; i < n->n_in; i++)
    oi_text_put(&e->out, "  const %s *restrict x%u = c->in[%u];\n",
                oi_emit_dtype_of(type_in(e, n, i)->dtype)->type, i, i);
  for (uint32_t i = 0; i < n->n_out; i++) {
    const char *type = oi_emit_dtype_of(oi_val_at(e->g, n->out[i])->type.dtype)->type;
    if (i) oi_text_put(&e->out, "  %s *restrict out%u = c->out[%u];\n", type, i, i);
    else oi_text_put(&e->out, "  %s *restrict out = c->out[0];\n", type);
  }
  oi_text_put(&e->out, "  (void)d, (void)worker;\n");
}

static bool is_nothing(const oi_type *t) {
  for (uint32_t i = 0; i < t->rank; i++)
    if (t->dim[i] == 0) return true;
  return false;
}

// A kernel that has nothing to make, whatever the symbols are, is empty: its template would divide
// by the lengths of its axes. A gather looks at its indices all the same.
static bool makes_nothing(const oi_emit *e, const oi_node *n) {
  if (n->op == OP_gather) return is_nothing(type_in(e, n, 1));
  for (uint32_t i = 0; i < n->n_out; i++)
    if (!is_nothing(&oi_val_at(e->g, n->out[i])->type)) return false;
  return n->n_out > 0;
}

static oinf_status emit_nothing(oi_emit *e, const char *name, oi_emit_cut *cut) {
  oi_text_put(&e->out,
              "static void K(%s)(const call *c, int64_t from, int64_t to, int worker) {\n"
              "  (void)c, (void)from, (void)to, (void)worker;\n}\n",
              name);
  cut->units = "0";
  return OINF_OK;
}

oinf_status oi_emit_kernel(oi_emit *e, uint32_t node, oi_emit_cut *cut) {
  const oi_node *n = oi_node_at(e->g, node);
  fill_fn *fill = fill_of(n->op);
  char name[96];
  *cut = (oi_emit_cut){.units = "1", .cost = "1", .tiled = -1};
  oi_emit_kernel_name(e, node, name);
  if (makes_nothing(e, n)) return emit_nothing(e, name, cut);
  if (fill) {
    filling f = {.e = e, .cut = cut};
    put(&f, "NAME", name);
    put_format(&f, "NAME_READY", "%s_ready", name);
    return fill(&f, n);
  }
  if (oi_emit_is_move(n->op)) return oi_emit_move(e, n, cut);
  if (n->op == OP_USER) return oi_emit_user(e, n, cut);
  if (n->op == OP_FUSED) return oi_emit_fused(e, n, cut);
  const oi_op_info *info = n->op < OP_COUNT ? oi_op_info_of((oi_op)n->op) : NULL;
  if (info && info->kind == OI_ELTWISE) return oi_emit_eltwise(e, n, cut);
  if (info && info->kind == OI_REDUCE) return oi_emit_reduce(e, n, cut);
  return oi_emit_refuse(e, n, "the op as such");
}

const char *oi_emit_ready_name(const oi_emit *e, uint32_t node, char room[96]) {
  return oi_emit_kernel_name(e, e->cuts[node].ready_of ? e->cuts[node].ready_of : node, room);
}

// Every kernel of this file, by its number.
static void put_table(oi_emit *e) {
  char name[96];
  oi_text_put(&e->out, "static kernel *const K(kernels)[] = {\n");
  for (uint32_t i = 0; i < e->n_kernels; i++) {
    const uint32_t node = e->in_order[i];
    if (e->cuts[node].ready)
      oi_text_put(&e->out, "    K(%s_ready),\n", oi_emit_ready_name(e, node, name));
    oi_text_put(&e->out, "    K(%s),\n", oi_emit_kernel_name(e, node, name));
  }
  oi_text_put(&e->out, "    NULL};\n");
}

oinf_status oi_emit_kernels(oi_emit *e) {
  e->dot_types = 0;
  oi_text_put(&e->out,
              "// The kernels of this network, one a node, in the order in which they first run. "
              "Strict: one float\n// operation a statement, sums in sixteen partials. Symbols and "
              "indices of loops are d->s[i].\n// Each works on units from .. to - 1 of its work "
              "(call and run, in model.c).\n\n");
  for (uint32_t i = 0; i < e->n_kernels; i++) {
    OI_TRY(oi_emit_kernel(e, e->in_order[i], &e->cuts[e->in_order[i]]));
    oi_text_put(&e->out, "\n");
  }
  put_table(e);
  return OINF_OK;
}
