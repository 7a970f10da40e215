// Products that matmul.c's fast templates are not for: one template takes them all, and this says
// where the elements of its operands lie. Exact in every case, fast in none.
#include "compiler/emit.h"

#include <oinf/ops.h>

// A side of the product: its matrix's rows (columns of the product, for b) and depth, the elements
// from one to the next, and the axes before the matrix.
typedef struct side {
  const oi_type *type;
  oinf_dim rows, depth;
  const char *step, *k_step;
  uint32_t batch;
} side;

static const char *dim_text(oi_emit *e, oinf_dim d) {
  const size_t at = e->out.n;
  oi_emit_dim(e, d);
  return oi_emit_taken(e, at);
}

// `rows_first`: the matrix lies as [rows, depth].
static side side_of(oi_emit *e, const oi_type *t, bool rows_first) {
  const uint32_t r = t->rank;
  if (r == 1) return (side){t, 1, t->dim[0], "0", "1", 0};
  const char *pitch = dim_text(e, t->dim[r - 1]);
  if (rows_first) return (side){t, t->dim[r - 2], t->dim[r - 1], pitch, "1", r - 2};
  return (side){t, t->dim[r - 1], t->dim[r - 2], "1", pitch, r - 2};
}

// The term of one axis of the batch: nothing where the side broadcasts along it.
static void put_term(oi_emit *e, const side *s, char place, uint32_t from_end, oinf_dim length) {
  if (from_end >= s->batch) return;
  const uint32_t axis = s->batch - 1 - from_end;
  const oinf_dim own = s->type->dim[axis];
  if (own == 1) return;
  oi_text_put(&e->out, "%c += ", place);
  if (own != length) {
    oi_text_put(&e->out, "(");
    oi_emit_dim(e, own);
    oi_text_put(&e->out, " == 1 ? 0 : 1) * ");
  }
  oi_text_put(&e->out, "(rest %% ");
  oi_emit_dim(e, length);
  oi_text_put(&e->out, ") * ");
  oi_emit_span(e, s->type, axis + 1, s->type->rank);
  oi_text_put(&e->out, ";\n    ");
}

static const char *places_text(oi_emit *e, const oi_type *out, uint32_t batch, const side *a,
                               const side *b) {
  const size_t at = e->out.n;
  for (uint32_t i = 0; i < batch; i++) {
    const oinf_dim length = out->dim[batch - 1 - i];
    put_term(e, a, 'x', i, length);
    put_term(e, b, 'y', i, length);
    if (i + 1 == batch) continue;
    oi_text_put(&e->out, "rest /= ");
    oi_emit_dim(e, length);
    oi_text_put(&e->out, ";\n    ");
  }
  return oi_emit_taken(e, at);
}

static const char *units_text(oi_emit *e, const oi_type *out, uint32_t batch, const side *a) {
  oi_type t = {.rank = batch + 1};
  for (uint32_t i = 0; i < batch; i++) t.dim[i] = out->dim[i];
  t.dim[batch] = a->rows;
  return oi_emit_span_text(e, &t, 0, t.rank);
}

oinf_status oi_emit_matmul_any(oi_emit *e, const oi_node *n, const char *name, oi_emit_cut *cut) {
  const oinf_matmul_args *args = n->args;
  const oi_type *x = &oi_val_at(e->g, n->in[0])->type, *y = &oi_val_at(e->g, n->in[1])->type;
  const oi_type *out = &oi_val_at(e->g, n->out[0])->type;
  const side a = side_of(e, x, !args->transpose_a), b = side_of(e, y, args->transpose_b);
  const uint32_t batch = out->rank - (x->rank > 1) - (y->rank > 1);
  const oi_class class = oi_dtype_class(x->dtype);
  const oi_emit_dtype *ta = oi_emit_dtype_of(x->dtype), *tb = oi_emit_dtype_of(y->dtype);
  const oi_type work = {.rank = 2, .dim = {b.rows, a.depth}};
  const char *places = places_text(e, out, batch, &a, &b);
  cut->units = units_text(e, out, batch, &a);
  cut->cost = oi_emit_span_text(e, &work, 0, 2);
  const oi_hole holes[] = {
      {"NAME", name},
      {"ROWS", dim_text(e, a.rows)},
      {"COLUMNS", dim_text(e, b.rows)},
      {"DEPTH", dim_text(e, a.depth)},
      {"A_T", ta->type},
      {"A_LOAD", ta->load},
      {"B_T", tb->type},
      {"B_LOAD", tb->load},
      {"A_M", a.step},
      {"A_K", a.k_step},
      {"B_N", b.step},
      {"B_K", b.k_step},
      {"PLACES", places},
      {"SUM_T", class == OI_F   ? "float"
                : class == OI_D ? "double"
                                : "uint64_t"},
      {"OUT_T", oi_emit_dtype_of(out->dtype)->type},
      {"TOTAL", class == OI_F   ? "oi_plus_zero(p[0])"
                : class == OI_D ? "p[0] == 0 ? 0.0 : p[0]"
                                : "p[0]"},
  };
  if (e->out.failed) return oi_nomem(e->err, sizeof holes);
  return oi_emit_template(e, "matmul_any.c", holes, sizeof holes / sizeof *holes);
}
