// matmul: the shape rule, what a call comes down to, and the room it takes.
//
// Operands are [.., M, K] and [.., K, N]; a flag says that one of them lies transposed, as weights
// do ([N, K]). Leading dims broadcast. A vector takes the place of a matrix of one row (a) or one
// column (b), and its axis goes. Results: f32 of floats, f64 of f64, integers in the wider dtype,
// wrapping. A block-quantized b is [N, K]; then a is i8 and the third operand its scales, one a
// block of 32; or a is float and act = f32, and b is dequantized.
//
// What it does not do: mix classes, accumulate f32 in f64, or batch quantized weights.
#include "lib/op/matmul.h"

#include <oinf/ops.h>

// ---- the shape rule ----
static bool fail_types(oi_infer *s, const char *wanted) {
  char a[200], b[200];
  return oi_infer_fail(s, "matmul: expected %s, found %s and %s", wanted,
                       oi_infer_type(s, &s->in[0], a, sizeof a),
                       oi_infer_type(s, &s->in[1], b, sizeof b));
}

// Rows and length of a side; a vector is one row. `rows_first`: the matrix is [rows, k].
static void side_dims(const oi_type *t, bool rows_first, oinf_dim *rows, oinf_dim *k) {
  oinf_dim last = t->dim[t->rank - 1], before = t->rank > 1 ? t->dim[t->rank - 2] : 1;
  if (t->rank == 1) *rows = 1, *k = last;
  else if (rows_first) *rows = before, *k = last;
  else *rows = last, *k = before;
}

static oi_type leading(const oi_type *t) {
  oi_type r = *t;
  r.rank = t->rank > 2 ? t->rank - 2 : 0;
  return r;
}

static oinf_dtype integer_result(oinf_dtype a, oinf_dtype b) {
  static const oinf_dtype by_width[] = {OINF_I8, OINF_I16, OINF_I32, OINF_I64,
                                        OINF_U8, OINF_U16, OINF_U32, OINF_U64};
  size_t ia = 0, ib = 0, n = sizeof by_width / sizeof *by_width;
  while (ia < n && by_width[ia] != a) ia++;
  while (ib < n && by_width[ib] != b) ib++;
  return ia > ib ? a : b;
}

static bool quantized_types(oi_infer *s, const oinf_matmul_args *args) {
  const oi_type *a = &s->in[0], *b = &s->in[1];
  if (b->rank != 2 || !args->transpose_b)
    return fail_types(s, "a quantized b of shape [N, K] and transpose_b");
  if (args->transpose_a && a->rank > 1)
    return fail_types(s, "an a that is not transposed beside a quantized b");
  if (args->act == OINF_F32)
    return (oi_dtype_class(a->dtype) == OI_F && s->n_in == 2) ||
           fail_types(s, "a float a beside a quantized b and act = f32");
  if (args->act != OINF_NONE) return oi_infer_fail(s, "matmul: act is f32 or nothing");
  if (a->dtype != OINF_I8 || s->n_in != 3 || s->in[2].dtype != OINF_F32)
    return fail_types(s, "an a of i8 and a third operand of f32, its scales, beside a quantized b");
  return true;
}

static bool scales_match(oi_infer *s) {
  const oi_type *a = &s->in[0], *d = &s->in[2];
  if (d->rank != a->rank)
    return oi_infer_fail(s, "matmul: expected scales of rank %u, found %u", a->rank, d->rank);
  for (uint32_t i = 0; i + 1 < a->rank; i++)
    if (!oi_infer_require(s, a->dim[i], d->dim[i], "matmul: dim of the scales")) return false;
  oinf_dim blocks = oi_dims_mul(s->dims, d->dim[a->rank - 1], 32);
  return oi_infer_require(s, a->dim[a->rank - 1], blocks, "matmul: 32 times the scales of a row");
}

static bool result_type(oi_infer *s, const oinf_matmul_args *args, oinf_dtype *out) {
  const oi_class a = oi_dtype_class(s->in[0].dtype), b = oi_dtype_class(s->in[1].dtype);
  *out = OINF_F32;
  if (b == OI_Q) return quantized_types(s, args);
  if (s->n_in != 2)
    return oi_infer_fail(s, "matmul: expected two operands, found %u: scales go with a quantized b",
                         s->n_in);
  if (a != b || !(a & (OI_F | OI_D | OI_S | OI_U)))
    return fail_types(s, "operands of one class of numbers");
  if (a != OI_F) *out = integer_result(s->in[0].dtype, s->in[1].dtype);
  if (a == OI_D) *out = OINF_F64;
  return true;
}

bool oi_shape_matmul(oi_infer *s) {
  const oinf_matmul_args *args = s->args;
  const oi_type *a = &s->in[0], *b = &s->in[1];
  oinf_dim m, n, ka, kb;
  oi_type out = {.dtype = OINF_NONE}, la, lb;
  if (a->rank == 0 || b->rank == 0) return fail_types(s, "matrices or vectors");
  if (!result_type(s, args, &out.dtype)) return false;
  if ((args->transpose_a && a->rank == 1) || (args->transpose_b && b->rank == 1))
    return fail_types(s, "matrices where an operand is transposed");
  side_dims(a, !args->transpose_a, &m, &ka);
  side_dims(b, args->transpose_b, &n, &kb);
  if (!oi_infer_require(s, ka, kb, "matmul: length of the rows that meet")) return false;
  if (s->n_in == 3 && !scales_match(s)) return false;
  la = leading(a), lb = leading(b);
  if (!oi_infer_broadcast(s, &la, &lb, &out)) return false;
  if (a->rank > 1) out.dim[out.rank++] = m;
  if (b->rank > 1) out.dim[out.rank++] = n;
  return s->out[0] = out, true;
}

// ---- what a call comes down to ----
static void describe_side(oi_mm_side *side, const oi_view *v, bool rows_first, int64_t *k) {
  *side = (oi_mm_side){.view = v, .rows = 1, .transposed = !rows_first && v->rank > 1, .count = 1};
  *k = v->dim[v->rank - 1];
  if (v->rank > 1) {
    side->rows = v->dim[v->rank - (rows_first ? 2 : 1)];
    *k = v->dim[v->rank - (rows_first ? 1 : 2)];
    side->batch_rank = v->rank - 2;
  }
  for (uint32_t i = 0; i < side->batch_rank; i++) side->count *= side->batch[i] = v->dim[i];
}

static oi_mm_kind kind_of(const oi_call *c) {
  oi_class a = oi_dtype_class(c->in[0].dtype);
  if (c->n_in == 3) return OI_MM_QUANT;
  return a == OI_F ? OI_MM_F32 : a == OI_D ? OI_MM_F64 : OI_MM_INT;
}

// Bytes of a packed row: whole steps of 16, one more where rows would lie a multiple of 1 KiB
// apart, which makes the rows of a tile fight for the same lines of the first cache.
static int64_t packed_pitch(int64_t k, int64_t element) {
  int64_t bytes = (k + 15) / 16 * 16 * element;
  if (bytes == 0) return 16 * element;
  return bytes % 1024 == 0 ? bytes + 64 : bytes;
}

static int64_t stored_pitch(const oi_mm *mm) {
  switch (mm->b.view->dtype) {
    case OINF_F32: return mm->k * 4;
    case OINF_Q8_0: return mm->k / 32 * 34;
    case OINF_Q4_0: return mm->k / 32 * 18;
    default: return mm->k * 2;
  }
}

static bool packs(oinf_dtype floats) { return oi_dtype_dot(floats) <= OI_DOT_BF16; }

// Many rows of x that lie in rows, by a b of floats or blocks. The room is the greater of what rows
// and panels take, so sizes still grow with every dim.
static void describe_panels(oi_mm *mm) {
  const bool floats = mm->kind == OI_MM_F32;
  const oi_dot_type type = floats ? OI_DOT_F32 : oi_dtype_dot(mm->b.view->dtype);
  const int64_t rows = mm->a.count * mm->a.rows;
  if ((!floats && mm->kind != OI_MM_QUANT) || mm->k == 0 || !oi_panels_pay(type, mm->m)) return;
  if (floats && (mm->a.transposed || !packs(mm->a.view->dtype))) return;
  if (floats && mm->w_in_place && !packs(mm->b.view->dtype)) return;
  mm->panels = true, mm->x_in_place = false;
  mm->x_pitch = oi_tile_pitch(mm->k, type);
  if (mm->x_bytes < rows * mm->x_pitch) mm->x_bytes = (rows * mm->x_pitch + 63) / 64 * 64;
  mm->groups_bytes = oi_panels_room(mm->k, type);
  mm->panel_bytes = (mm->panel_bytes + 63) / 64 * 64 + mm->groups_bytes;
}

// All sizes grow with every dim, so that the room of the largest shapes is enough for all.
static void describe_memory(oi_mm *mm) {
  enum {
    PANEL = 1 << 19,
    LEAST = 16,
    MOST = 64,
    SUMS = 512
  };
  enum {
    SUMS_BYTES = 16 * (SUMS + 16 * OI_MM_FEW) * 4
  };
  const bool floats = mm->kind == OI_MM_F32;
  mm->element = floats ? 4 : 8;
  mm->x_in_place = floats && mm->a.view->dtype == OINF_F32 && !mm->a.transposed;
  mm->x_pitch = mm->x_in_place ? mm->k * 4 : packed_pitch(mm->k, mm->element);
  if (mm->kind == OI_MM_QUANT) mm->x_pitch = oi_quads(mm->k) * (int64_t)sizeof(oi_quad);
  if (!mm->x_in_place) mm->x_bytes = (mm->a.count * mm->a.rows * mm->x_pitch + 63) / 64 * 64;
  mm->w_in_place = mm->kind == OI_MM_QUANT ||
                   (floats && !mm->b.transposed && oi_dtype_class(mm->b.view->dtype) == OI_F);
  mm->w_pitch = mm->w_in_place ? stored_pitch(mm) : packed_pitch(mm->k, mm->element);
  if (mm->w_in_place) return;
  int64_t least = LEAST * mm->w_pitch, most = MOST * mm->w_pitch;
  mm->panel_bytes = most <= PANEL ? most : least >= PANEL ? least : PANEL;
  mm->panel_rows = mm->panel_bytes / mm->w_pitch;
  if (!floats || !mm->b.transposed) return;
  // Partial sums of all columns of a piece: 16 a column and row, a line more so that none are 4 KiB
  // apart.
  mm->by_columns = mm->m > 0 && mm->m <= OI_MM_FEW;
  if (mm->by_columns) mm->panel_rows = SUMS / mm->m;
  if (mm->panel_bytes < SUMS_BYTES) mm->panel_bytes = SUMS_BYTES;
}

static void describe_batch(const oi_call *c, oi_mm *mm) {
  const oi_view *out = c->out;
  mm->batch_rank = mm->a.batch_rank > mm->b.batch_rank ? mm->a.batch_rank : mm->b.batch_rank;
  mm->count = 1;
  for (uint32_t i = 0; i < mm->batch_rank; i++) mm->count *= mm->batch[i] = out->dim[i];
  mm->m = mm->a.rows;
  // One b for all: the rows of all matrices of a are the rows of one.
  if (mm->b.count == 1 && mm->a.count == mm->count)
    mm->m *= mm->count, mm->count = 1, mm->batch_rank = 0;
}

void oi_mm_describe(const oi_call *c, oi_mm *mm) {
  const oinf_matmul_args *args = c->args;
  *mm = (oi_mm){.kind = kind_of(c)};
  describe_side(&mm->a, &c->in[0], !args->transpose_a, &mm->k);
  describe_side(&mm->b, &c->in[1], args->transpose_b || c->in[1].rank == 1, &mm->k);
  mm->out_columns = mm->b.rows;
  if (c->tiled == 1) mm->b.rows = c->rows, mm->column0 = c->row0, mm->out_columns = c->row_count;
  mm->n = mm->b.rows;
  describe_batch(c, mm);
  describe_memory(mm);
  describe_panels(mm);
}

// Rows of a whose length varies may lie in place at the bound, a multiple of 16, and be packed
// below it.
static bool length_varies(const oi_call *c) {
  uint32_t last = c->in[0].rank - 1;
  return c->least && c->least[0].dim[last] != c->in[0].dim[last];
}

uint64_t oi_room_matmul(const oi_call *c) {
  oi_mm mm;
  oi_mm_describe(c, &mm);
  if (mm.x_in_place && length_varies(c))
    mm.x_bytes = (mm.a.count * mm.a.rows * packed_pitch(mm.k, mm.element) + 63) / 64 * 64;
  return (uint64_t)(mm.x_bytes + oi_threads_count(c->threads) * mm.panel_bytes);
}

void oi_run_matmul(const oi_call *c) {
  oi_mm mm;
  oi_mm_describe(c, &mm);
  oi_mm_run(c, &mm);
}
