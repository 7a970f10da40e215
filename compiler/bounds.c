// The rows of bounds.def by op, and their lengths by shape.
#include "compiler/bounds.h"

#include <string.h>

static const oi_bound rows[] = {
#define BOUND(name, ops, least, per, length, step, of, doc) \
  {#name, ops, least, per, OI_BOUND_##length, step, of, doc},
#include "compiler/bounds.def"
};
enum {
  N_ROWS = sizeof rows / sizeof *rows
};

size_t oi_bound_count(void) { return N_ROWS; }
const oi_bound *oi_bound_at(size_t i) { return &rows[i]; }

static bool has_word(const char *words, const char *word) {
  const size_t n = strlen(word);
  for (const char *at = strstr(words, word); at; at = strstr(at + n, word))
    if ((at == words || at[-1] == ' ') && (at[n] == ' ' || !at[n])) return true;
  return false;
}

static bool is_of(const oi_bound *b, oinf_dtype weights) {
  if (strcmp(b->name, "matmul_narrow") == 0) return weights == OINF_BF16;
  if (strcmp(b->name, "matmul_blocks") == 0) return oi_dtype_class(weights) == OI_Q;
  return true;
}

const oi_bound *oi_bound_of(uint32_t op, oinf_dtype weights) {
  for (size_t i = 0; op < OP_COUNT && i < N_ROWS; i++)
    if (has_word(rows[i].ops, oi_op_info_of((oi_op)op)->name) && is_of(&rows[i], weights))
      return &rows[i];
  return NULL;
}

static double last_axis(const oi_view *v) { return v->rank ? (double)v->dim[v->rank - 1] : 1; }

static double length_of(const oi_cost_shape *s, oi_bound_length length) {
  const oi_view *a = &s->in[0], *out = &s->out[0];
  const bool reduces = oi_view_count(out) < oi_view_count(a) && oi_view_count(out) > 0;
  switch (length) {
    case OI_BOUND_NOTHING: return 0;
    case OI_BOUND_TERMS:
      if (!reduces) return last_axis(a);
      return (double)oi_view_count(a) / (double)oi_view_count(out);
    case OI_BOUND_DEPTH:
      return last_axis(a) + (s->node->op == OP_sdpa ? (double)s->in[1].dim[0] : 0);
    case OI_BOUND_POSITION: return (double)s->pos + (a->rank > 2 ? (double)a->dim[a->rank - 3] : 1);
  }
  return 0;
}

static const oi_bound *row_of(const oi_cost_shape *s) {
  return oi_bound_of(s->node->op, s->node->n_in > 1 ? s->in[1].dtype : OINF_F32);
}

double oi_bound_units(const oi_cost_shape *s) {
  const oi_bound *b = row_of(s);
  return b ? b->least + b->per * length_of(s, b->length) : 0;
}

// An ULP of a float narrower than f32.
static double narrow_ulp(oinf_dtype dtype) {
  switch (dtype) {
    case OINF_BF16: return 0x1p16;
    case OINF_F16: return 0x1p13;
    default: return 0;
  }
}

double oi_bound_apart(const oi_cost_shape *s) {
  const oi_bound *b = row_of(s);
  if (!b) return 0;
  if (b->length == OI_BOUND_POSITION) return b->least;
  const bool casts = s->node->op == OP_cast;
  return oi_bound_units(s) + b->step * (casts ? narrow_ulp(s->out[0].dtype) : 1);
}
