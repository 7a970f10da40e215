// Filling the holes of a template: texts, dims, dtypes, and the facts of a kernel that more than
// one family of ops needs.
#include "compiler/emit_fill.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void oi_put(oi_filling *f, const char *name, const char *text) {
  char *copy = oi_arena_text(&f->e->arena, text, strlen(text));
  if (!copy || f->n == OI_MOST_HOLES) f->failed = true;
  else f->hole[f->n++] = (oi_hole){name, copy};
}

void oi_put_format(oi_filling *f, const char *name, const char *format, ...) {
  char text[256];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  oi_put(f, name, text);
}

size_t oi_put_mark(oi_filling *f) { return f->e->out.n; }
void oi_put_taken(oi_filling *f, const char *name, size_t from) {
  const char *text = oi_emit_taken(f->e, from);
  if (text) oi_put(f, name, text);
}
void oi_put_dim(oi_filling *f, const char *name, oinf_dim d) {
  const size_t from = oi_put_mark(f);
  oi_emit_dim(f->e, d);
  oi_put_taken(f, name, from);
}
void oi_put_around(oi_filling *f, const char *name, const char *before, oinf_dim d,
                   const char *behind) {
  const size_t from = oi_put_mark(f);
  oi_text_put(&f->e->out, "%s", before);
  oi_emit_dim(f->e, d);
  oi_text_put(&f->e->out, "%s", behind);
  oi_put_taken(f, name, from);
}
void oi_put_span(oi_filling *f, const char *name, const oi_type *t, uint32_t from, uint32_t to) {
  const size_t at = oi_put_mark(f);
  oi_emit_span(f->e, t, from, to);
  oi_put_taken(f, name, at);
}
void oi_cut_rows(oi_filling *f, const oi_type *t, uint32_t to) {
  f->cut->units = oi_emit_span_text(f->e, t, 0, to);
  f->cut->cost = oi_emit_span_text(f->e, t, to, t->rank);
}
void oi_put_real(oi_filling *f, const char *name, float x) {
  const size_t from = oi_put_mark(f);
  oi_emit_real(f->e, x);
  oi_put_taken(f, name, from);
}

void oi_put_dtype(oi_filling *f, const char *type, const char *load, oinf_dtype dtype) {
  const oi_emit_dtype *d = oi_emit_dtype_of(dtype);
  oi_put(f, type, d->type);
  oi_put(f, load, d->load);
}

oinf_status oi_put_end(oi_filling *f, const char *file) {
  if (f->failed) return oi_nomem(f->e->err, sizeof *f);
  return oi_emit_template(f->e, file, f->hole, f->n);
}

const oi_type *oi_type_in(const oi_emit *e, const oi_node *n, uint32_t i) {
  return &oi_val_at(e->g, n->in[i])->type;
}

void oi_put_blocks(oi_filling *f, oinf_dtype dtype) {
  const bool q8 = dtype == OINF_Q8_0;
  oi_put(f, "BLOCK_BYTES", q8 ? "34" : "18");
  oi_put(f, "LOW", q8 ? "(int8_t)w[2 + j]" : "((w[2 + j] & 15) - 8)");
  oi_put(f, "HIGH", q8 ? "(int8_t)w[18 + j]" : "((w[2 + j] >> 4) - 8)");
}

const char *oi_put_dot(oi_filling *f, oinf_dtype dtype, bool mixes) {
  static const char *const dots[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
  static const char *const mixed[] = {"mix_f32", "mix_f16", "mix_bf16", NULL, NULL};
  const oi_dot_type type = oi_dtype_dot(dtype);
  if (type == OI_DOT_NONE) return NULL;
  f->e->dot_types |= 1u << type;
  return mixes ? mixed[type] : dots[type];
}

const char *oi_put_dot_type(oinf_dtype dtype) {
  static const char *const types[] = {"OI_DOT_F32", "OI_DOT_F16", "OI_DOT_BF16", "OI_DOT_Q8_0",
                                      "OI_DOT_Q4_0", "OI_DOT_NONE"};
  return types[oi_dtype_dot(dtype)];
}

void oi_share_rows(oi_filling *f, const oi_type *a, uint64_t bytes, int64_t each) {
  oi_type row = {.dtype = OINF_U8, .rank = 1, .dim = {a->dim[a->rank - 1]}}, rows = *a;
  rows.dtype = OINF_U8, rows.rank = a->rank - 1;
  const uint64_t depth = oi_plan_bytes_hi(&f->e->plan, &row);
  const uint64_t parts = (depth + (uint64_t)each - 1) / (uint64_t)each;
  f->cut->shared = oi_plan_bytes_hi(&f->e->plan, &rows) * parts * bytes;
}

oinf_status oi_put_floats(oi_filling *f, const oi_type *a) {
  oi_put_around(f, "X_PITCH", "", a->dim[a->rank - 1], " * 4");
  if (a->dtype == OINF_F32) return oi_put(f, "X", "c->in[0]"), OINF_OK;
  oi_put(f, "X", "(const void *)c->room");
  oi_put_dtype(f, "A_T", "A_LOAD", a->dtype);
  oi_share_rows(f, a, 4, 1);
  f->cut->ready = oi_emit_span_text(f->e, a, 0, a->rank);
  OI_TRY(oi_put_end(f, "matmul_widen.c"));
  oi_text_put(&f->e->out, "\n");
  return OINF_OK;
}

int64_t oi_emit_bound(const oi_emit *e, oinf_dim d) {
  int64_t lo, hi;
  oi_dims_bounds(e->g->dims, d, e->plan.sym_lo, e->plan.sym_hi, &lo, &hi);
  return hi;
}
