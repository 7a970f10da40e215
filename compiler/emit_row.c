// Ops along an axis, blocks and picked rows: what their templates want to know.
#include <stdio.h>
#include <string.h>

#include "compiler/emit_fill.h"

#include <oinf/ops.h>

// A row in steps of sixteen lanes; only a length that sixteen does not divide has a shorter one.
static void put_lanes(oi_filling *f, oinf_dim length) {
  const bool whole = !oi_dim_is_expr(length) && length % 16 == 0;
  oi_put_dim(f, "LENGTH", length);
  oi_put(f, "SOME", whole ? "LANES" : "dim_min(LANES, length - k)");
}

// Both norms: rows of a, and what they are scaled and shifted by.
static oinf_status norm(oi_filling *f, const oi_node *n, float eps, const char *file) {
  static const char *const what[] = {"SCALE", "SHIFT"}, *const names[] = {"w", "b"};
  const oi_type *a = oi_type_in(f->e, n, 0);
  char operands[128] = "";
  size_t at = 0;
  for (uint32_t i = 1; i < n->n_in; i++) {
    const oi_emit_dtype *d = oi_emit_dtype_of(oi_type_in(f->e, n, i)->dtype);
    at += (size_t)snprintf(operands + at, sizeof operands - at,
                           "%sconst %s *restrict %s = c->in[%u];", at ? "\n  " : "", d->type,
                           names[i - 1], i);
    oi_put_format(f, what[i - 1], "v = v %c %s(%s[k]);", i == 1 ? '*' : '+', d->load, names[i - 1]);
  }
  for (uint32_t i = n->n_in; i <= 2; i++) oi_put(f, what[i - 1], "");
  oi_put(f, "OPERANDS", operands);
  oi_cut_rows(f, a, a->rank - 1);
  f->cut->row = f->cut->reads = f->cut->cost;
  put_lanes(f, a->dim[a->rank - 1]);
  oi_put_real(f, "EPS", eps);
  oi_put_dtype(f, "A_T", "A_LOAD", a->dtype);
  return oi_put_end(f, file);
}
oinf_status oi_fill_rmsnorm(oi_filling *f, const oi_node *n) {
  return norm(f, n, (float)((const oinf_rmsnorm_args *)n->args)->eps, "rmsnorm.c");
}
oinf_status oi_fill_layernorm(oi_filling *f, const oi_node *n) {
  return norm(f, n, (float)((const oinf_layernorm_args *)n->args)->eps, "layernorm.c");
}

// The units are the places of all axes but one, and each costs that axis.
static void cut_axis(oi_filling *f, const oi_type *t, uint32_t axis) {
  oi_type rest = *t;
  rest.dim[axis] = 1;
  f->cut->units = oi_emit_span_text(f->e, &rest, 0, rest.rank);
  f->cut->cost = oi_emit_span_text(f->e, t, axis, axis + 1);
}

oinf_status oi_fill_softmax(oi_filling *f, const oi_node *n) {
  const oi_type *a = oi_type_in(f->e, n, 0);
  const int64_t wish = ((const oinf_softmax_args *)n->args)->axis;
  const uint32_t axis = (uint32_t)(wish < 0 ? wish + a->rank : wish);
  put_lanes(f, a->dim[axis]);
  oi_put_span(f, "STEP", a, axis + 1, a->rank);
  cut_axis(f, a, axis);
  if (axis + 1 == a->rank) f->cut->row = f->cut->reads = f->cut->cost;
  oi_put_dtype(f, "A_T", "A_LOAD", a->dtype);
  return oi_put_end(f, "softmax.c");
}

oinf_status oi_fill_argmax(oi_filling *f, const oi_node *n) {
  const oi_type *a = oi_type_in(f->e, n, 0);
  const int64_t wish = ((const oinf_argmax_args *)n->args)->axis;
  const uint32_t axis = (uint32_t)(wish < 0 ? wish + a->rank : wish);
  const oi_emit_dtype *d = oi_emit_dtype_of(a->dtype);
  const bool largest = n->op == OP_argmax;
  const char *nan = largest ? "INT64_MAX" : "INT64_MIN";
  oi_put_dim(f, "LENGTH", a->dim[axis]);
  oi_put_span(f, "STEP", a, axis + 1, a->rank);
  cut_axis(f, a, axis);
  oi_put(f, "A_T", d->type);
  oi_put(f, "BETTER", largest ? ">" : "<");
  if (oi_dtype_class(a->dtype) == OI_S) oi_put(f, "KEY", "x");
  else if (oi_dtype_class(a->dtype) == OI_U) oi_put(f, "KEY", "(int64_t)(x ^ (uint64_t)1 << 63)");
  else if (a->dtype == OINF_F64) oi_put_format(f, "KEY", "oi_is_nan_d(x) ? %s : oi_key_d(x)", nan);
  else oi_put_format(f, "KEY", "oi_is_nan(%s(x)) ? %s : oi_key(%s(x))", d->load, nan, d->load);
  return oi_put_end(f, "argmax.c");
}

oinf_status oi_fill_quantize(oi_filling *f, const oi_node *n) {
  const oi_type *d = &oi_val_at(f->e->g, n->out[1])->type;
  const int64_t block = ((const oinf_quantize_args *)n->args)->block;
  f->cut->units = oi_emit_span_text(f->e, d, 0, d->rank), f->cut->cost = "64";
  oi_put_format(f, "BLOCK", "%lld", (long long)(block ? block : 32));
  f->cut->reads = f->hole[f->n - 1].text;
  oi_put_dtype(f, "A_T", "A_LOAD", oi_type_in(f->e, n, 0)->dtype);
  return oi_put_end(f, "quantize.c");
}

// Which index unit i takes, and the table's row with which its rows begin: the axes before that of
// the table are counted with the indices.
static void put_picks(oi_filling *f, const oi_type *table, const oi_type *index, uint32_t axis) {
  const char *outer = oi_emit_span_text(f->e, table, 0, axis);
  const char *count = oi_emit_span_text(f->e, index, 0, index->rank);
  if (!outer || !count) return;
  f->cut->units = count;
  if (strcmp(outer, "1") == 0) {
    oi_put(f, "PICK", "i"), oi_put(f, "BASE", "0");
    return;
  }
  oi_put_format(f, "PICK", "i %% (%s)", count);
  oi_put_format(f, "BASE", "i / (%s) * rows", count);
  const size_t from = oi_put_mark(f);
  oi_text_put(&f->e->out, "(%s) * (%s)", outer, count);
  f->cut->units = oi_emit_taken(f->e, from);
}

oinf_status oi_fill_dequantize(oi_filling *f, const oi_node *n) {
  const oi_type *a = oi_type_in(f->e, n, 0);
  if (n->n_in == 2) return oi_emit_move(f->e, n, f->cut);
  oi_put_blocks(f, a->dtype);
  const size_t from = oi_put_mark(f);
  oi_text_put(&f->e->out, "(");
  oi_emit_count(f->e, a);
  oi_text_put(&f->e->out, ") / 32");
  f->cut->units = oi_emit_taken(f->e, from), f->cut->cost = "32";
  return oi_put_end(f, "dequantize.c");
}

oinf_status oi_fill_gather(oi_filling *f, const oi_node *n) {
  const oi_type *table = oi_type_in(f->e, n, 0), *index = oi_type_in(f->e, n, 1);
  const int64_t wish = ((const oinf_gather_args *)n->args)->axis;
  const uint32_t axis = (uint32_t)(wish < 0 ? wish + table->rank : wish);
  const bool blocks = oi_dtype_class(table->dtype) == OI_Q;
  oi_put_dim(f, "ROWS", table->dim[axis]);
  put_picks(f, table, index, axis);
  f->cut->cost = oi_emit_span_text(f->e, table, axis + 1, table->rank);
  f->cut->may_fail = true;
  oi_put(f, "INDEX_T", oi_emit_dtype_of(index->dtype)->type);
  if (blocks)
    oi_put_blocks(f, table->dtype), oi_put_span(f, "LENGTH", table, axis + 1, table->rank);
  const size_t from = oi_put_mark(f);
  oi_emit_span(f->e, table, axis + 1, table->rank);
  oi_text_put(&f->e->out, " * %u", (unsigned)oinf_dtype_block_bytes(table->dtype));
  oi_put_taken(f, "BYTES", from);
  if (f->e->takes_groups[n - f->e->g->nodes.at]) {
    oi_put(f, "DOT_TYPE", oi_put_dot_type(table->dtype));
    return oi_put_end(f, "gather_groups.c");
  }
  return oi_put_end(f, blocks ? "gather_blocks.c" : "gather.c");
}
