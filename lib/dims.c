// Symbolic dims: sums of products of atoms with integer factors, hash-consed.
//
// The idea: every maker brings its result into one canonical form (terms and atoms in structural
// order, like terms added, floor divisions split into their exact part and the rest) and looks it
// up. Two expressions that are equal as polynomials therefore have one handle, and a shape rule
// compares dims with ==. What polynomials cannot decide is left to interval arithmetic over the
// symbols' bounds, and what that cannot decide becomes a condition of the graph.
//
// Why not a general simplifier: lengths of networks are sums and products of a few symbols; a
// canonical polynomial decides those completely, is the same whatever the order of building, and
// prints the same after parsing. Terms are ordered by names, not by age: a symbol may be older in
// one graph than in the copy parsed from its text.
#include "lib/dims_table.h"

#include <string.h>

typedef struct poly {
  uint32_t n;
  bool bad;  // too large, overflown, or out of memory
  dim_term term[DIM_TERMS];
} poly;

// ---- order ----

static int compare_dims(const oi_dims *d, oinf_dim a, oinf_dim b);

static int compare_atoms(const oi_dims *d, uint32_t a, uint32_t b) {
  if (a == b) return 0;
  const dim_atom *x = &d->atoms.at[a], *y = &d->atoms.at[b];
  if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
  if (x->kind == DIM_SYM) {
    int order = strcmp(d->syms.at[x->a].name, d->syms.at[y->a].name);
    return order ? order : x->a < y->a ? -1 : 1;
  }
  int order = compare_dims(d, x->a, y->a);
  return order ? order : compare_dims(d, x->b, y->b);
}

// By atoms, the constant behind everything; factors do not count.
static int compare_terms(const oi_dims *d, const dim_term *a, const dim_term *b) {
  if (!a->n || !b->n) return (b->n != 0) - (a->n != 0);
  for (uint32_t i = 0; i < a->n && i < b->n; i++) {
    int order = compare_atoms(d, a->atom[i], b->atom[i]);
    if (order) return order;
  }
  return (a->n > b->n) - (a->n < b->n);
}

static int compare_dims(const oi_dims *d, oinf_dim a, oinf_dim b) {
  if (a == b) return 0;
  if (!oi_dim_is_expr(a) || !oi_dim_is_expr(b)) {
    if (oi_dim_is_expr(a) != oi_dim_is_expr(b)) return oi_dim_is_expr(a) ? 1 : -1;
    return a < b ? -1 : 1;
  }
  const dim_expr *x = dim_expr_of(d, a), *y = dim_expr_of(d, b);
  for (uint32_t i = 0; i < x->n && i < y->n; i++) {
    int order = compare_terms(d, &x->term[i], &y->term[i]);
    if (order) return order;
    if (x->term[i].factor != y->term[i].factor)
      return x->term[i].factor < y->term[i].factor ? -1 : 1;
  }
  return (x->n > y->n) - (x->n < y->n);
}

// ---- hash-consing ----

static uint64_t mix(uint64_t h, uint64_t x) {
  return (h ^ x) * UINT64_C(0x9e3779b97f4a7c15) ^ h >> 29;
}

static uint64_t hash_atom(const dim_atom *a) {
  return mix(mix(mix(7, (uint64_t)a->kind), (uint64_t)a->a), (uint64_t)a->b);
}
static bool same_atom(const dim_atom *a, const dim_atom *b) {
  return a->kind == b->kind && a->a == b->a && a->b == b->b;
}

static uint64_t hash_expr(const dim_expr *e) {
  uint64_t h = e->n;
  for (uint32_t i = 0; i < e->n; i++) {
    h = mix(h, (uint64_t)e->term[i].factor);
    for (uint32_t j = 0; j < e->term[i].n; j++) h = mix(h, e->term[i].atom[j]);
  }
  return h;
}
static bool same_expr(const dim_expr *a, const dim_expr *b) {
  if (a->n != b->n) return false;
  for (uint32_t i = 0; i < a->n; i++) {
    const dim_term *x = &a->term[i], *y = &b->term[i];
    if (x->factor != y->factor || x->n != y->n) return false;
    if (memcmp(x->atom, y->atom, x->n * sizeof *x->atom) != 0) return false;
  }
  return true;
}

// Doubles the index; its slots are placed anew by the callers' hash.
static bool index_grow(oi_dims *d, dim_index *x, bool of_atoms) {
  size_t room = x->room ? x->room * 2 : 64;
  uint32_t *slot = oi_alloc(d->ctx, room * sizeof *slot);
  if (!slot) return d->nomem = true, false;
  for (size_t i = 0; i < x->n; i++) {
    uint64_t h = of_atoms ? hash_atom(&d->atoms.at[i]) : hash_expr(&d->exprs.at[i]);
    size_t at = h >> 7 & (room - 1);
    while (slot[at]) at = (at + 1) & (room - 1);
    slot[at] = (uint32_t)i + 1;
  }
  oi_free(d->ctx, x->slot, x->room * sizeof *x->slot);
  x->slot = slot, x->room = room;
  return true;
}

// The atom's id, new or known; UINT32_MAX: out of memory.
static uint32_t intern_atom(oi_dims *d, const dim_atom *a) {
  dim_index *x = &d->atom_index;
  if (x->n * 2 >= x->room && !index_grow(d, x, true)) return UINT32_MAX;
  size_t at = hash_atom(a) >> 7 & (x->room - 1);
  for (; x->slot[at]; at = (at + 1) & (x->room - 1))
    if (same_atom(&d->atoms.at[x->slot[at] - 1], a)) return x->slot[at] - 1;
  dim_atom *new_atom = oi_vec_push(d->ctx, &d->atoms);
  if (!new_atom) return d->nomem = true, UINT32_MAX;
  *new_atom = *a;
  x->slot[at] = (uint32_t)++x->n;
  return (uint32_t)x->n - 1;
}

static oinf_dim intern_expr(oi_dims *d, const dim_expr *e) {
  dim_index *x = &d->expr_index;
  if (x->n * 2 >= x->room && !index_grow(d, x, false)) return OI_DIM_BAD;
  size_t at = hash_expr(e) >> 7 & (x->room - 1);
  for (; x->slot[at]; at = (at + 1) & (x->room - 1))
    if (same_expr(&d->exprs.at[x->slot[at] - 1], e)) return OI_DIM_FIRST + (int64_t)x->slot[at] - 1;
  if (x->n == DIM_EXPRS) return OI_DIM_BAD;
  dim_term *terms = oi_arena_alloc(d->arena, e->n * sizeof *terms);
  dim_expr *new_expr = terms ? oi_vec_push(d->ctx, &d->exprs) : NULL;
  if (!new_expr) return d->nomem = true, OI_DIM_BAD;
  memcpy(terms, e->term, e->n * sizeof *terms);
  *new_expr = *e;
  new_expr->term = terms;
  x->slot[at] = (uint32_t)++x->n;
  return OI_DIM_FIRST + (int64_t)x->n - 1;
}

// ---- polynomials ----

static void poly_add(const oi_dims *d, poly *p, const dim_term *t) {
  uint32_t at = 0;
  int order = 1;
  while (at < p->n && (order = compare_terms(d, &p->term[at], t)) < 0) at++;
  if (at < p->n && order == 0) {
    if (__builtin_add_overflow(p->term[at].factor, t->factor, &p->term[at].factor)) p->bad = true;
    if (p->term[at].factor == 0) memmove(&p->term[at], &p->term[at + 1], (--p->n - at) * sizeof *t);
  } else if (t->factor != 0) {
    if (p->n == DIM_TERMS) {
      p->bad = true;
      return;
    }
    memmove(&p->term[at + 1], &p->term[at], (p->n++ - at) * sizeof *t);
    p->term[at] = *t;
  }
}

// p += e * factor
static void poly_add_dim(const oi_dims *d, poly *p, oinf_dim e, int64_t factor) {
  if (!oi_dim_is_expr(e)) {
    dim_term t = {.factor = 0};
    if (__builtin_mul_overflow(e, factor, &t.factor)) p->bad = true;
    poly_add(d, p, &t);
    return;
  }
  const dim_expr *x = dim_expr_of(d, e);
  for (uint32_t i = 0; i < x->n; i++) {
    dim_term t = x->term[i];
    if (__builtin_mul_overflow(t.factor, factor, &t.factor)) p->bad = true;
    poly_add(d, p, &t);
  }
}

// The product of two terms, atoms merged in order.
static dim_term term_product(const oi_dims *d, const dim_term *a, const dim_term *b, bool *bad) {
  dim_term t = {.factor = 0};
  if (a->n + b->n > DIM_DEGREE || __builtin_mul_overflow(a->factor, b->factor, &t.factor)) {
    *bad = true;
    return t;
  }
  uint32_t i = 0, j = 0;
  while (i < a->n || j < b->n) {
    bool left = j == b->n || (i < a->n && compare_atoms(d, a->atom[i], b->atom[j]) <= 0);
    t.atom[t.n++] = left ? a->atom[i++] : b->atom[j++];
  }
  return t;
}

static oinf_dim poly_close(oi_dims *d, const poly *p) {
  if (p->bad) return OI_DIM_BAD;
  if (p->n == 0) return 0;
  dim_expr e = {.term = p->term, .n = p->n};
  for (uint32_t i = 0; i < p->n; i++) {
    const dim_term *t = &p->term[i];
    if (!is_number(t->factor)) return OI_DIM_BAD;
    e.size++;
    for (uint32_t j = 0; j < t->n; j++) {
      const dim_atom *a = &d->atoms.at[t->atom[j]];
      e.size += a->size;
      e.depth = a->depth > e.depth ? a->depth : e.depth;
    }
  }
  if (p->n == 1 && p->term[0].n == 0) return p->term[0].factor;
  return e.size > DIM_SIZE ? OI_DIM_BAD : intern_expr(d, &e);
}

// A term of the dim, a number as the constant term.
static uint32_t dim_terms(const oi_dims *d, oinf_dim e, dim_term *number, const dim_term **out) {
  if (oi_dim_is_expr(e)) return *out = dim_expr_of(d, e)->term, dim_expr_of(d, e)->n;
  *number = (dim_term){.factor = e};
  *out = number;
  return e != 0;
}

static oinf_dim make_atom(oi_dims *d, dim_kind kind, oinf_dim a, oinf_dim b) {
  dim_atom atom = {.kind = kind, .a = a, .b = b, .size = 1, .depth = 1};
  for (int i = 0; kind != DIM_SYM && i < 2; i++) {
    oinf_dim e = i ? b : a;
    if (!oi_dim_is_expr(e)) continue;
    const dim_expr *x = dim_expr_of(d, e);
    atom.size += x->size;
    if (x->depth + 1 > atom.depth) atom.depth = x->depth + 1;
  }
  if (atom.size > DIM_SIZE || atom.depth > DIM_DEPTH) return OI_DIM_BAD;
  uint32_t id = intern_atom(d, &atom);
  if (id == UINT32_MAX) return OI_DIM_BAD;
  poly p = {.n = 1};
  p.term[0] = (dim_term){.factor = 1, .n = 1, .atom = {id}};
  return poly_close(d, &p);
}

// ---- makers ----

oi_dims *oi_dims_new(oinf_ctx *ctx, oi_arena *arena) {
  oi_dims *d = oi_alloc(ctx, sizeof *d);
  if (d) d->ctx = ctx, d->arena = arena;
  return d;
}

void oi_dims_free(oi_dims *d) {
  if (!d) return;
  oi_vec_free(d->ctx, &d->syms);
  oi_vec_free(d->ctx, &d->ranges);
  oi_vec_free(d->ctx, &d->visible);
  oi_vec_free(d->ctx, &d->atoms);
  oi_vec_free(d->ctx, &d->exprs);
  oi_free(d->ctx, d->atom_index.slot, d->atom_index.room * sizeof(uint32_t));
  oi_free(d->ctx, d->expr_index.slot, d->expr_index.room * sizeof(uint32_t));
  oi_free(d->ctx, d, sizeof *d);
}

oinf_dim oi_dims_sym(oi_dims *d, const char *name, oinf_dim lo, oinf_dim hi, bool is_loop) {
  if (!is_dim(d, lo) || !is_dim(d, hi) || d->visible.n >= DIM_SYMS) return OI_DIM_BAD;
  dim_range range, other;
  oi_dims_bounds(d, lo, NULL, NULL, &range.lo, &other.hi);
  oi_dims_bounds(d, hi, NULL, NULL, &other.lo, &range.hi);
  if (range.lo > range.hi) return OI_DIM_BAD;
  const char *copy = oi_arena_text(d->arena, name, strlen(name));
  oi_sym *s = copy ? oi_vec_push(d->ctx, &d->syms) : NULL;
  dim_range *r = s ? oi_vec_push(d->ctx, &d->ranges) : NULL;
  uint32_t *v = r ? oi_vec_push(d->ctx, &d->visible) : NULL;
  if (!v) {
    if (r) d->ranges.n--;
    if (s) d->syms.n--;
    return d->nomem = true, OI_DIM_BAD;
  }
  *s = (oi_sym){copy, lo, hi, is_loop};
  *r = range;
  *v = (uint32_t)d->syms.n - 1;
  return make_atom(d, DIM_SYM, *v, 0);
}

oinf_dim oi_dims_sym_dim(oi_dims *d, size_t sym) {
  return sym < d->syms.n ? make_atom(d, DIM_SYM, (oinf_dim)sym, 0) : OI_DIM_BAD;
}

bool oi_dims_nomem(const oi_dims *d) { return d->nomem; }

void oi_dims_sym_close(oi_dims *d, size_t sym) {
  for (size_t i = d->visible.n; i-- > 0;)
    if (d->visible.at[i] == sym) {
      memmove(&d->visible.at[i], &d->visible.at[i + 1], (--d->visible.n - i) * sizeof(uint32_t));
      return;
    }
}

static oinf_dim add_scaled(oi_dims *d, oinf_dim a, oinf_dim b, int64_t factor) {
  if (!is_dim(d, a) || !is_dim(d, b)) return OI_DIM_BAD;
  poly p = {.n = 0};
  poly_add_dim(d, &p, a, 1);
  poly_add_dim(d, &p, b, factor);
  return poly_close(d, &p);
}

oinf_dim oi_dims_add(oi_dims *d, oinf_dim a, oinf_dim b) { return add_scaled(d, a, b, 1); }
oinf_dim oi_dims_sub(oi_dims *d, oinf_dim a, oinf_dim b) { return add_scaled(d, a, b, -1); }

oinf_dim oi_dims_mul(oi_dims *d, oinf_dim a, oinf_dim b) {
  if (!is_dim(d, a) || !is_dim(d, b)) return OI_DIM_BAD;
  dim_term number_a, number_b;
  const dim_term *x, *y;
  uint32_t nx = dim_terms(d, a, &number_a, &x), ny = dim_terms(d, b, &number_b, &y);
  poly p = {.n = 0};
  for (uint32_t i = 0; i < nx; i++)
    for (uint32_t j = 0; j < ny && !p.bad; j++) {
      dim_term t = term_product(d, &x[i], &y[j], &p.bad);
      if (!p.bad) poly_add(d, &p, &t);
    }
  return poly_close(d, &p);
}

static int64_t gcd(int64_t a, int64_t b) {
  a = a < 0 ? -a : a;
  while (b) {
    int64_t r = a % b;
    a = b, b = r;
  }
  return a;
}

static bool lies_within(const oi_dims *d, oinf_dim e, int64_t lo, int64_t hi) {
  int64_t l, h;
  oi_dims_bounds(d, e, NULL, NULL, &l, &h);
  return l >= lo && h <= hi;
}

// floor(rest / c), rest and c without a common factor in their terms: floor((g*x + k) / (g*c)) =
// floor((x + k/g) / c).
static oinf_dim divide_rest(oi_dims *d, oinf_dim rest, int64_t c) {
  const dim_expr *e = dim_expr_of(d, rest);
  int64_t g = c;
  for (uint32_t i = 0; i < e->n; i++)
    if (e->term[i].n) g = gcd(e->term[i].factor, g);
  poly p = {.n = 0};
  for (uint32_t i = 0; i < e->n; i++) {
    dim_term t = e->term[i];
    t.factor = floor_div(t.factor, g);
    poly_add(d, &p, &t);
  }
  oinf_dim a = poly_close(d, &p);
  if (a == OI_DIM_BAD) return a;
  return c == g ? a : make_atom(d, DIM_DIV, a, c / g);
}

// By a positive number: the part that divides leaves the floor, what is left lies in 0 .. c-1 per
// term.
static oinf_dim divide_number(oi_dims *d, oinf_dim a, int64_t c) {
  if (!oi_dim_is_expr(a)) return floor_div(a, c);
  const dim_expr *e = dim_expr_of(d, a);
  poly whole = {.n = 0}, rest = {.n = 0};
  for (uint32_t i = 0; i < e->n; i++) {
    dim_term t = e->term[i];
    int64_t q = floor_div(t.factor, c), r = t.factor - q * c;
    t.factor = q, poly_add(d, &whole, &t);
    t.factor = r, poly_add(d, &rest, &t);
  }
  oinf_dim w = poly_close(d, &whole), r = poly_close(d, &rest);
  if (w == OI_DIM_BAD || r == OI_DIM_BAD) return OI_DIM_BAD;
  if (!oi_dim_is_expr(r) || lies_within(d, r, 0, c - 1)) return w;
  oinf_dim low = divide_rest(d, r, c);
  return low == OI_DIM_BAD ? low : oi_dims_add(d, w, low);
}

// t / by as terms; false where an atom of `by` is missing in t.
static bool term_quotient(const dim_term *t, const dim_term *by, dim_term *out) {
  if (t->factor % by->factor) return false;
  *out = (dim_term){.factor = t->factor / by->factor};
  uint32_t j = 0;
  for (uint32_t i = 0; i < t->n; i++) {
    if (j < by->n && t->atom[i] == by->atom[j]) j++;
    else out->atom[out->n++] = t->atom[i];
  }
  return j == by->n;
}

// Exact quotients by an expression: every term by one term, or one expression as a multiple of the
// other. OI_DIM_BAD: there is none of these forms.
static oinf_dim divide_exactly(oi_dims *d, oinf_dim a, oinf_dim b) {
  if (a == 0) return 0;
  if (!oi_dim_is_expr(a)) return OI_DIM_BAD;
  const dim_expr *x = dim_expr_of(d, a), *y = dim_expr_of(d, b);
  poly p = {.n = 0};
  dim_term t;
  if (y->n == 1) {
    for (uint32_t i = 0; i < x->n; i++) {
      if (!term_quotient(&x->term[i], &y->term[0], &t)) return OI_DIM_BAD;
      poly_add(d, &p, &t);
    }
    return poly_close(d, &p);
  }
  if (x->n != y->n || !term_quotient(&x->term[0], &y->term[0], &t)) return OI_DIM_BAD;
  p.n = 1, p.term[0] = t;
  oinf_dim q = poly_close(d, &p);
  return q != OI_DIM_BAD && oi_dims_mul(d, q, b) == a ? q : OI_DIM_BAD;
}

oinf_dim oi_dims_div(oi_dims *d, oinf_dim a, oinf_dim b) {
  if (!is_dim(d, a) || !is_dim(d, b)) return OI_DIM_BAD;
  if (!oi_dim_is_expr(b)) return b > 0 ? divide_number(d, a, b) : OI_DIM_BAD;
  if (lies_within(d, b, 1, INT64_MAX)) {
    oinf_dim q = divide_exactly(d, a, b);
    if (q != OI_DIM_BAD) return q;
  }
  return make_atom(d, DIM_DIV, a, b);
}

oinf_dim oi_dims_mod(oi_dims *d, oinf_dim a, oinf_dim b) {
  if (!is_dim(d, a) || !is_dim(d, b)) return OI_DIM_BAD;
  if (oi_dim_is_expr(b)) {
    bool exact = lies_within(d, b, 1, INT64_MAX) && divide_exactly(d, a, b) != OI_DIM_BAD;
    return exact ? 0 : make_atom(d, DIM_MOD, a, b);
  }
  if (b <= 0) return OI_DIM_BAD;
  if (!oi_dim_is_expr(a)) return a - floor_div(a, b) * b;
  const dim_expr *e = dim_expr_of(d, a);
  poly p = {.n = 0};
  for (uint32_t i = 0; i < e->n; i++) {
    dim_term t = e->term[i];
    t.factor -= floor_div(t.factor, b) * b;
    poly_add(d, &p, &t);
  }
  oinf_dim rest = poly_close(d, &p);
  if (rest == OI_DIM_BAD || !oi_dim_is_expr(rest) || lies_within(d, rest, 0, b - 1)) return rest;
  return make_atom(d, DIM_MOD, rest, b);
}

// The one that bounds show to be the smaller (larger), else an atom with its operands in order.
static oinf_dim choose(oi_dims *d, dim_kind kind, oinf_dim a, oinf_dim b) {
  oinf_dim diff = oi_dims_sub(d, a, b);
  if (diff == OI_DIM_BAD) return diff;
  bool least = kind == DIM_MIN;
  if (lies_within(d, diff, INT64_MIN, 0)) return least ? a : b;
  if (lies_within(d, diff, 0, INT64_MAX)) return least ? b : a;
  return compare_dims(d, a, b) < 0 ? make_atom(d, kind, a, b) : make_atom(d, kind, b, a);
}

oinf_dim oi_dims_min(oi_dims *d, oinf_dim a, oinf_dim b) { return choose(d, DIM_MIN, a, b); }
oinf_dim oi_dims_max(oi_dims *d, oinf_dim a, oinf_dim b) { return choose(d, DIM_MAX, a, b); }
