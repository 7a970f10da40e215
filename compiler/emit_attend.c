// Rotary positions and attention: their templates' holes. Attention over rows of floats without a
// mask takes the runtime's kernel, what is left a plain one.
#include "compiler/emit_fill.h"
#include "lib/rt/attend.h"
#include "lib/rt/rope.h"
#include "lib/rt/strict.h"

#include <oinf/ops.h>

static void put_inverses(oi_filling *f, const oi_rope *r, int64_t half) {
  const size_t from = oi_put_mark(f);
  oi_text_put(&f->e->out, "static const float inverse[] = {");
  for (int64_t j = 0; j < half; j++) {
    oi_text_put(&f->e->out, j == 0 ? "" : j % 5 ? ", " : ",\n      ");
    oi_emit_real(f->e, oi_rope_inverse(r, j, 0));
  }
  oi_text_put(&f->e->out, "};");
  oi_put_taken(f, "TABLE", from);
  oi_put(f, "INVERSE", "inverse[j]");
  oi_put(f, "OPERAND", "");
}

// Frequencies that depend on the position are made as it is known.
static void put_dynamic(oi_filling *f, const oi_rope *r) {
  oi_put_format(
      f, "TABLE",
      "static const oi_rope rope = {.scaling = OI_ROPE_DYNAMIC, .width = %lld, .theta = %a,"
      "\n      .factor = %a, .low = %a, .high = %a, .original = %a, .log_theta = %a};",
      (long long)r->width, r->theta, r->factor, r->low, r->high, r->original, r->log_theta);
  oi_put(f, "INVERSE", "oi_rope_inverse(&rope, j, position)");
  oi_put(f, "OPERAND", "");
}

static void put_given(oi_filling *f, const oi_type *b) {
  const oi_emit_dtype *d = oi_emit_dtype_of(b->dtype);
  oi_put(f, "TABLE", "");
  oi_put_format(f, "INVERSE", "%s(b[j])", d->load);
  oi_put_format(f, "OPERAND", "const %s *restrict b = c->in[1];", d->type);
}

static void put_factor(oi_filling *f, float factor) {
  const size_t from = oi_put_mark(f);
  for (int i = 0; i < 2 && factor != 1.0f; i++) {
    const char *what = i ? "sine" : "cosine";
    oi_text_put(&f->e->out, "%s%s[j] = %s[j] * ", i ? "\n      " : "", what, what);
    oi_emit_real(f->e, factor);
    oi_text_put(&f->e->out, ";");
  }
  oi_put_taken(f, "FACTORED", from);
}

oinf_status oi_fill_rope(oi_filling *f, const oi_node *n) {
  const oinf_rope_args *args = n->args;
  const oi_type *a = oi_type_in(f->e, n, 0);
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
  if (n->n_in > 1) put_given(f, oi_type_in(f->e, n, 1));
  else if (table.scaling == OI_ROPE_DYNAMIC) put_dynamic(f, &table);
  else put_inverses(f, &table, width / 2);
  const float factor = args->attention_factor != 0 ? (float)args->attention_factor : 1.0f;
  oi_cut_rows(f, a, r - 2);
  f->cut->row = f->cut->cost;
  oi_put_dim(f, "ROWS", a->dim[r - 3]);
  oi_put_dim(f, "HEADS", a->dim[r - 2]);
  oi_put_dim(f, "HEAD", a->dim[r - 1]);
  oi_put_dim(f, "POS", args->pos);
  oi_put_format(f, "HALF", "%lld", (long long)(width / 2));
  put_factor(f, factor);
  oi_put_dtype(f, "A_T", "A_LOAD", a->dtype);
  if (a->dim[r - 1] == width) oi_put(f, "PASS", "");
  else
    oi_put_format(f, "PASS", "for (int64_t j = 2 * half; j < head; j++) y[j] = %s(x[j]);",
                  oi_emit_dtype_of(a->dtype)->load);
  oi_put(f, "FIRST", args->interleaved ? "2 * j" : "j");
  oi_put(f, "SECOND", args->interleaved ? "2 * j + 1" : "j + half");
  return oi_put_end(f, "rope.c");
}

// What is not seen under the mask scores -infinity and is left out of the sum of values.
static void put_mask(oi_filling *f, const oi_type *mask) {
  oi_put(f, "MASKED", mask ? "1" : "0");
  if (!mask) {
    oi_put(f, "MASK", ""), oi_put(f, "SEEN", "true"), oi_put(f, "ADD", "");
    return;
  }
  const oi_emit_dtype *d = oi_emit_dtype_of(mask->dtype);
  const bool truth = mask->dtype == OINF_BOOL;
  oi_put_format(f, "MASK", "const %s *restrict mask = c->in[3];", d->type);
  if (truth) oi_put(f, "SEEN", "mask[t * keys + j] != 0");
  else oi_put_format(f, "SEEN", "oi_bits(%s(mask[t * keys + j])) != 0xff800000u", d->load);
  if (truth) oi_put(f, "ADD", "");
  else oi_put_format(f, "ADD", "score = score + %s(mask[t * keys + j]);", d->load);
}

// The storage of keys or values as the runtime's kernel takes it.
static void put_kept(oi_filling *f, const char *name, oinf_dtype dtype) {
  static const char *const types[] = {"OI_DOT_F32", "OI_DOT_F16", "OI_DOT_BF16"};
  oi_put_dot(f, dtype, false);
  oi_put(f, name, types[oi_dtype_dot(dtype)]);
}

static oinf_status attend(oi_filling *f, const oi_type *q, const oi_type *k, const oi_type *v,
                          int64_t keys) {
  const int64_t d = oi_emit_bound(f->e, k->dim[2]);
  f->cut->units = f->cut->cost = "1";
  f->cut->own = (uint64_t)oi_attend_own(keys, d);
  oi_put_dim(f, "ROWS", q->dim[0]);
  put_kept(f, "K_TYPE", k->dtype);
  put_kept(f, "V_TYPE", v->dtype);
  OI_TRY(oi_put_floats(f, q));
  f->cut->shared = (f->cut->shared + 63) / 64 * 64;
  oi_put_format(f, "SHARED", "%llu", (unsigned long long)f->cut->shared);
  f->cut->shared += (uint64_t)oi_attend_shared(oi_emit_bound(f->e, q->dim[1]), keys, d);
  return oi_put_end(f, "attend.c");
}

static bool is_row(const oi_type *t) { return oi_dtype_dot(t->dtype) <= OI_DOT_BF16; }

static void put_scale(oi_filling *f, double scale, oinf_dim head) {
  const bool known = !oi_dim_is_expr(head);
  if (scale == 0 && known) scale = oi_div_d(1.0, oi_sqrt_d((double)head));
  if (scale != 0 || known) oi_put_real(f, "SCALE", (float)scale);
  else oi_put(f, "SCALE", "(float)oi_div_d(1.0, oi_sqrt_d((double)head))");
}

oinf_status oi_fill_sdpa(oi_filling *f, const oi_node *n) {
  const oinf_sdpa_args *args = n->args;
  const oi_type *q = oi_type_in(f->e, n, 0), *k = oi_type_in(f->e, n, 1),
                *v = oi_type_in(f->e, n, 2);
  const oi_type row = {.dtype = OINF_F32, .rank = 2, .dim = {k->dim[0], q->dim[2]}};
  f->cut->units = oi_emit_span_text(f->e, q, 0, 2);
  f->cut->cost = oi_emit_span_text(f->e, &row, 0, 2);
  const uint32_t read = oi_state_behind(f->e->g, n->in[1]);
  const bool slides = read && oi_emit_slides(f->e, oi_node_at(f->e->g, read)->state);
  const int64_t bound = oi_emit_bound(f->e, k->dim[0]),
                most = slides && f->e->room < bound ? f->e->room : bound;
  f->cut->own = 4 * (uint64_t)most;
  oi_put_dim(f, "HEADS", q->dim[1]);
  oi_put_dim(f, "HEAD", q->dim[2]);
  oi_put_dim(f, "GROUPS", k->dim[1]);
  // Counted from the first row in memory.
  oi_put_around(f, "KEYS", "", k->dim[0], slides ? " - d->first" : "");
  oi_put_around(f, "POS", "", args->pos, slides ? " - d->first" : "");
  oi_put(f, "CAUSAL", args->causal ? "1" : "0");
  oi_put_format(f, "WINDOW", "%lld", (long long)args->window);
  put_scale(f, args->scale, q->dim[2]);
  oi_put_real(f, "SOFTCAP", (float)args->softcap);
  if (n->n_in == 3 && is_row(k) && is_row(v)) return attend(f, q, k, v, most);
  put_mask(f, n->n_in > 3 ? oi_type_in(f->e, n, 3) : NULL);
  oi_put_dtype(f, "Q_T", "Q_LOAD", q->dtype);
  oi_put_dtype(f, "K_T", "K_LOAD", k->dtype);
  oi_put_dtype(f, "V_T", "V_LOAD", v->dtype);
  return oi_put_end(f, "sdpa.c");
}
