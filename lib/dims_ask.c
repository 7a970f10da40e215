// Questions about dims: which symbols, which value under an assignment, which bounds; and
// substitution.
//
// Bounds are intervals over the symbols' bounds. Symbols that occur twice in an expression are
// taken as independent, so an interval may be wider than what can be reached, never narrower: what
// it decides is decided. The canonical form has already removed the common case, a length minus
// itself.
#include "lib/dims_table.h"

#include <string.h>

static const int64_t BIG = INT64_MAX / 4;  // stands for "unbounded" in intervals

size_t oi_dims_sym_count(const oi_dims *d) { return d->syms.n; }
oi_sym *oi_dims_sym_at(oi_dims *d, size_t i) { return &d->syms.at[i]; }

int oi_dims_sym_of(const oi_dims *d, oinf_dim e) {
  if (!oi_dim_is_expr(e) || !is_dim(d, e)) return -1;
  const dim_expr *x = dim_expr_of(d, e);
  if (x->n != 1 || x->term[0].factor != 1 || x->term[0].n != 1) return -1;
  const dim_atom *a = &d->atoms.at[x->term[0].atom[0]];
  return a->kind == DIM_SYM ? (int)a->a : -1;
}

int oi_dims_find(const oi_dims *d, const char *name) {
  for (size_t i = d->visible.n; i-- > 0;)
    if (strcmp(d->syms.at[d->visible.at[i]].name, name) == 0) return (int)d->visible.at[i];
  return -1;
}

// Whether some symbol of e satisfies the question.
typedef bool sym_fn(const oi_dims *d, size_t sym, size_t arg);
static bool any_sym(const oi_dims *d, oinf_dim e, sym_fn *ask, size_t arg) {
  if (!oi_dim_is_expr(e)) return false;
  const dim_expr *x = dim_expr_of(d, e);
  for (uint32_t i = 0; i < x->n; i++)
    for (uint32_t j = 0; j < x->term[i].n; j++) {
      const dim_atom *a = &d->atoms.at[x->term[i].atom[j]];
      if (a->kind == DIM_SYM && ask(d, (size_t)a->a, arg)) return true;
      if (a->kind != DIM_SYM && (any_sym(d, a->a, ask, arg) || any_sym(d, a->b, ask, arg)))
        return true;
    }
  return false;
}

static bool is_sym(const oi_dims *d, size_t sym, size_t arg) { return (void)d, sym == arg; }
static bool is_ended(const oi_dims *d, size_t sym, size_t arg) {
  (void)arg;
  if (!d->syms.at[sym].is_loop) return false;
  for (size_t i = d->visible.n; i-- > 0;)
    if (d->visible.at[i] == sym) return false;
  return true;
}

bool oi_dims_uses(const oi_dims *d, oinf_dim e, size_t sym) { return any_sym(d, e, is_sym, sym); }
bool oi_dims_valid(const oi_dims *d, oinf_dim e) {
  return is_dim(d, e) && !any_sym(d, e, is_ended, 0);
}

static bool eval_atom(const oi_dims *d, const dim_atom *a, const int64_t *values, int64_t *out) {
  int64_t x, y;
  if (a->kind == DIM_SYM) return *out = values[a->a], true;
  if (!oi_dims_eval(d, a->a, values, &x) || !oi_dims_eval(d, a->b, values, &y)) return false;
  if ((a->kind == DIM_DIV || a->kind == DIM_MOD) && y <= 0) return false;
  *out = a->kind == DIM_DIV   ? floor_div(x, y)
         : a->kind == DIM_MOD ? x - floor_div(x, y) * y
         : a->kind == DIM_MIN ? (x < y ? x : y)
                              : (x > y ? x : y);
  return true;
}

bool oi_dims_eval(const oi_dims *d, oinf_dim e, const int64_t *values, int64_t *out) {
  if (!is_dim(d, e)) return false;
  if (!oi_dim_is_expr(e)) return *out = e, true;
  const dim_expr *x = dim_expr_of(d, e);
  int64_t sum = 0;
  for (uint32_t i = 0; i < x->n; i++) {
    int64_t product = x->term[i].factor, v;
    for (uint32_t j = 0; j < x->term[i].n; j++)
      if (!eval_atom(d, &d->atoms.at[x->term[i].atom[j]], values, &v) ||
          __builtin_mul_overflow(product, v, &product))
        return false;
    if (__builtin_add_overflow(sum, product, &sum)) return false;
  }
  return *out = sum, true;
}

// ---- intervals, saturating at BIG ----

static int64_t saturate(int64_t x) { return x > BIG ? BIG : x < -BIG ? -BIG : x; }
static int64_t times(int64_t a, int64_t b) {
  int64_t r;
  if (__builtin_mul_overflow(a, b, &r)) return (a < 0) != (b < 0) ? -BIG : BIG;
  return saturate(r);
}

static dim_range range_times(dim_range a, dim_range b) {
  int64_t v[4] = {times(a.lo, b.lo), times(a.lo, b.hi), times(a.hi, b.lo), times(a.hi, b.hi)};
  dim_range r = {v[0], v[0]};
  for (int i = 1; i < 4; i++) {
    if (v[i] < r.lo) r.lo = v[i];
    if (v[i] > r.hi) r.hi = v[i];
  }
  return r;
}

static dim_range range_of(const oi_dims *d, oinf_dim e, const int64_t *lo, const int64_t *hi);

// Divisors are taken as positive: a step with another one is refused by oi_dims_eval.
static dim_range divide_ranges(dim_range x, dim_range y) {
  int64_t least = y.lo < 1 ? 1 : y.lo, most = y.hi < least ? least : y.hi;
  return (dim_range){floor_div(x.lo, x.lo < 0 ? least : most),
                     floor_div(x.hi, x.hi < 0 ? most : least)};
}

static dim_range atom_range(const oi_dims *d, const dim_atom *a, const int64_t *lo,
                            const int64_t *hi) {
  if (a->kind == DIM_SYM) return lo ? (dim_range){lo[a->a], hi[a->a]} : d->ranges.at[a->a];
  dim_range x = range_of(d, a->a, lo, hi), y = range_of(d, a->b, lo, hi);
  switch (a->kind) {
    case DIM_DIV: return divide_ranges(x, y);
    case DIM_MOD:
      if (x.lo == x.hi && y.lo == y.hi && y.lo > 0)
        return (dim_range){x.lo - floor_div(x.lo, y.lo) * y.lo,
                           x.lo - floor_div(x.lo, y.lo) * y.lo};
      return (dim_range){0, x.lo >= 0 && x.hi < y.hi ? x.hi : y.hi < 1 ? 0 : y.hi - 1};
    case DIM_MIN: return (dim_range){x.lo < y.lo ? x.lo : y.lo, x.hi < y.hi ? x.hi : y.hi};
    default: return (dim_range){x.lo > y.lo ? x.lo : y.lo, x.hi > y.hi ? x.hi : y.hi};
  }
}

static dim_range range_of(const oi_dims *d, oinf_dim e, const int64_t *lo, const int64_t *hi) {
  if (!oi_dim_is_expr(e)) return (dim_range){saturate(e), saturate(e)};
  const dim_expr *x = dim_expr_of(d, e);
  dim_range sum = {0, 0};
  for (uint32_t i = 0; i < x->n; i++) {
    dim_range r = {x->term[i].factor, x->term[i].factor};
    for (uint32_t j = 0; j < x->term[i].n; j++)
      r = range_times(r, atom_range(d, &d->atoms.at[x->term[i].atom[j]], lo, hi));
    sum = (dim_range){saturate(sum.lo + r.lo), saturate(sum.hi + r.hi)};
  }
  return sum;
}

void oi_dims_bounds(const oi_dims *d, oinf_dim e, const int64_t *lo, const int64_t *hi,
                    int64_t *out_lo, int64_t *out_hi) {
  dim_range r = is_dim(d, e) ? range_of(d, e, lo, hi) : (dim_range){-BIG, BIG};
  *out_lo = r.lo, *out_hi = r.hi;
}

void oi_dims_sym_bounds(const oi_dims *d, const int64_t *pin_lo, const int64_t *pin_hi,
                        int64_t *out_lo, int64_t *out_hi) {
  for (size_t i = 0; i < d->syms.n; i++) {  // a symbol's bounds speak of earlier symbols alone
    dim_range lo = range_of(d, d->syms.at[i].lo, out_lo, out_hi);
    dim_range hi = range_of(d, d->syms.at[i].hi, out_lo, out_hi);
    out_lo[i] = pin_lo && pin_lo[i] > lo.lo ? pin_lo[i] : lo.lo;
    out_hi[i] = pin_hi && pin_hi[i] < hi.hi ? pin_hi[i] : hi.hi;
  }
}

static oinf_dim subst_atom(oi_dims *d, const dim_atom *a, size_t sym, oinf_dim with) {
  if (a->kind == DIM_SYM) return (size_t)a->a == sym ? with : oi_dims_sym_dim(d, (size_t)a->a);
  oinf_dim x = oi_dims_subst(d, a->a, sym, with), y = oi_dims_subst(d, a->b, sym, with);
  switch (a->kind) {
    case DIM_DIV: return oi_dims_div(d, x, y);
    case DIM_MOD: return oi_dims_mod(d, x, y);
    case DIM_MIN: return oi_dims_min(d, x, y);
    default: return oi_dims_max(d, x, y);
  }
}

oinf_dim oi_dims_subst(oi_dims *d, oinf_dim e, size_t sym, oinf_dim with) {
  if (!is_dim(d, e)) return OI_DIM_BAD;
  if (!oi_dims_uses(d, e, sym)) return e;
  oinf_dim sum = 0;
  for (uint32_t i = 0; i < dim_expr_of(d, e)->n; i++) {
    dim_term t = dim_expr_of(d, e)->term[i];
    oinf_dim product = t.factor;
    for (uint32_t j = 0; j < t.n; j++) {
      dim_atom a = d->atoms.at[t.atom[j]];
      product = oi_dims_mul(d, product, subst_atom(d, &a, sym, with));
    }
    sum = oi_dims_add(d, sum, product);
  }
  return sum;
}
