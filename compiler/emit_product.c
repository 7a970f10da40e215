// Products: which of the runtime's inner kernels a matmul's operands can take, and the scratch that
// its rows want. What none of them takes is printed by emit_matmul.c.
#include "compiler/emit_fill.h"

#include <oinf/ops.h>

static bool is_float(const oi_type *t) { return oi_dtype_class(t->dtype) == OI_F; }

// A column of the product is a row of b, where b is transposed.
static void put_product(oi_filling *f, const oi_type *a, oinf_dim columns, bool rows_of_b) {
  const oi_type one = {.rank = 1, .dim = {columns}};
  f->cut->units = oi_emit_span_text(f->e, &one, 0, 1);
  f->cut->cost = oi_emit_span_text(f->e, a, 0, a->rank);
  f->cut->tiled = rows_of_b ? 1 : -1;
  f->cut->columns = f->cut->units;
  oi_put_span(f, "ROWS", a, 0, a->rank - 1);
  oi_put_dim(f, "DEPTH", a->dim[a->rank - 1]);
  oi_put_dim(f, "COLUMNS", columns);
}

// Units of the kernel that lays rows of a in tiles.
static void ready_tiles(oi_filling *f, const oi_type *a) {
  const size_t from = oi_put_mark(f);
  oi_text_put(&f->e->out, "(");
  oi_emit_span(f->e, a, 0, a->rank - 1);
  oi_text_put(&f->e->out, " + %d) / %d", OI_TILE - 1, OI_TILE);
  f->cut->ready = oi_emit_taken(f->e, from);
}

// Rows of a that may be many take a kernel that goes by panels then, and its scratch.
static const char *product_file(oi_filling *f, const oi_type *a, oi_dot_type type) {
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

static oinf_status matmul_groups(oi_filling *f, const oi_type *a, oinf_dtype blocks) {
  oi_type rows = *a;
  rows.dtype = OINF_U8, rows.rank = a->rank - 1;
  oi_put_dot(f, blocks, false);
  oi_put(f, "DOT_TYPE", oi_put_dot_type(blocks));
  f->cut->shared = oi_plan_bytes_hi(&f->e->plan, &rows) *
                   (uint64_t)oi_tile_pitch(oi_emit_bound(f->e, a->dim[a->rank - 1]),
                                           oi_dtype_dot(blocks));
  ready_tiles(f, a);
  OI_TRY(oi_put_end(f, "matmul_block_tiles.c"));
  oi_text_put(&f->e->out, "\n");
  return oi_put_end(f, "matmul_groups.c");
}

static oinf_status matmul_blocks(oi_filling *f, const oi_type *a, oinf_dtype blocks) {
  const bool q8 = blocks == OINF_Q8_0;
  const oinf_dim depth = a->dim[a->rank - 1];
  oi_put(f, "DOT", oi_put_dot(f, blocks, false));
  oi_put(f, "DOT_TYPE", oi_put_dot_type(blocks));
  oi_put(f, "X", "c->room");
  oi_put_around(f, "X_PITCH", "oi_quads(", depth, ") * (int64_t)sizeof(oi_quad)");
  oi_put_around(f, "W_PITCH", "", depth, q8 ? " / 32 * 34" : " / 32 * 18");
  oi_share_rows(f, a, sizeof(oi_quad), OI_QUAD);
  ready_tiles(f, a);
  OI_TRY(oi_put_end(f, "matmul_quads.c"));
  oi_text_put(&f->e->out, "\n");
  return oi_put_end(f, product_file(f, a, oi_dtype_dot(blocks)));
}

static oinf_status matmul_floats(oi_filling *f, const oi_type *a, oinf_dtype dtype) {
  const oi_dot_type type = oi_dtype_dot(dtype);
  const char *file = a->dtype == OINF_F32 ? product_file(f, a, type) : "matmul.c";
  oi_put(f, "DOT", oi_put_dot(f, dtype, false));
  oi_put(f, "DOT_TYPE", oi_put_dot_type(dtype));
  oi_put_around(f, "W_PITCH", "", a->dim[a->rank - 1], type == OI_DOT_F32 ? " * 4" : " * 2");
  OI_TRY(oi_put_floats(f, a));
  if (f->cut->own) {
    ready_tiles(f, a);
    OI_TRY(oi_put_end(f, "matmul_tiles.c"));
    oi_text_put(&f->e->out, "\n");
  }
  return oi_put_end(f, file);
}

static oinf_status matmul_wide(oi_filling *f, const oi_type *a, oinf_dtype blocks) {
  const oi_type row = {.dtype = OINF_F32, .rank = 1, .dim = {a->dim[a->rank - 1]}};
  oi_put_blocks(f, blocks);
  oi_put_dot(f, OINF_F32, false);
  f->cut->own = oi_plan_bytes_hi(&f->e->plan, &row);
  OI_TRY(oi_put_floats(f, a));
  return oi_put_end(f, "matmul_wide.c");
}

static oinf_status matmul_columns(oi_filling *f, const oi_type *a, oinf_dtype dtype) {
  oi_put(f, "MIX", oi_put_dot(f, dtype, true));
  oi_put_format(f, "W_BYTES", "%u", (unsigned)oinf_dtype_block_bytes(dtype));
  f->cut->own = 16 * (512 + 8 * 16) * sizeof(float);
  OI_TRY(oi_put_floats(f, a));
  return oi_put_end(f, "matmul_columns.c");
}

oinf_status oi_fill_matmul(oi_filling *f, const oi_node *n) {
  const oinf_matmul_args *args = n->args;
  const oi_type *a = oi_type_in(f->e, n, 0), *b = oi_type_in(f->e, n, 1);
  const bool quantized = oi_dtype_class(b->dtype) == OI_Q;
  if (!is_float(a) && n->n_in == 2) return oi_emit_matmul_any(f->e, n, f->hole[0].text, f->cut);
  if (!quantized && (args->transpose_a || b->rank != 2 || oi_dtype_dot(b->dtype) == OI_DOT_NONE))
    return oi_emit_matmul_any(f->e, n, f->hole[0].text, f->cut);
  put_product(f, a, b->dim[quantized || args->transpose_b ? 0 : 1], quantized || args->transpose_b);
  const bool groups = f->e->takes_groups[n - f->e->g->nodes.at];
  if (groups) return matmul_groups(f, a, b->dtype);
  if (quantized && n->n_in == 3) return matmul_blocks(f, a, b->dtype);
  if (quantized) return matmul_wide(f, a, b->dtype);
  if (!args->transpose_b) return matmul_columns(f, a, b->dtype);
  return matmul_floats(f, a, b->dtype);
}
