// The text of dims: one canonical form, written and read.
//
//   dim    = ["-"] term { ("+" | "-") term }
//   term   = factor { "*" factor }
//   factor = number | symbol | "floor(" dim "/" dim ")" | choice | "(" dim ")"
//   choice = ("mod" | "min" | "max") "(" dim "," dim ")"
//
// What the printer writes has parentheses only around the sides of a floor; the reader takes them
// anywhere, and brings what it reads into canonical form through the same makers as the builder.
#include "lib/dims_table.h"

#include <string.h>

static const char *const kind_name[] = {"", "floor", "mod", "min", "max"};

// A side of a floor division, in parentheses where it would bind more weakly than the slash.
static void print_side(const oi_dims *d, oinf_dim e, bool divisor, oi_text *out) {
  const dim_expr *x = oi_dim_is_expr(e) ? dim_expr_of(d, e) : NULL;
  bool tight = !x || (x->n == 1 && (!divisor || (x->term[0].n == 1 && x->term[0].factor == 1)));
  if (!tight) oi_text_add(out, "(", 1);
  oi_dims_print(d, e, out);
  if (!tight) oi_text_add(out, ")", 1);
}

static void print_atom(const oi_dims *d, const dim_atom *a, oi_text *out) {
  if (a->kind == DIM_SYM) {
    oi_text_put(out, "%s", d->syms.at[a->a].name);
    return;
  }
  bool slash = a->kind == DIM_DIV;
  oi_text_put(out, "%s(", kind_name[a->kind]);
  (slash ? print_side(d, a->a, false, out) : oi_dims_print(d, a->a, out));
  oi_text_add(out, slash ? "/" : ",", 1);
  (slash ? print_side(d, a->b, true, out) : oi_dims_print(d, a->b, out));
  oi_text_add(out, ")", 1);
}

void oi_dims_print(const oi_dims *d, oinf_dim e, oi_text *out) {
  if (!oi_dim_is_expr(e)) {
    oi_text_put(out, "%lld", (long long)e);
    return;
  }
  const dim_expr *x = dim_expr_of(d, e);
  for (uint32_t i = 0; i < x->n; i++) {
    const dim_term *t = &x->term[i];
    if (t->factor < 0) oi_text_add(out, "-", 1);
    else if (i) oi_text_add(out, "+", 1);
    unsigned long long size =
        t->factor < 0 ? (unsigned long long)-t->factor : (unsigned long long)t->factor;
    if (size != 1 || t->n == 0) oi_text_put(out, t->n ? "%llu*" : "%llu", size);
    for (uint32_t j = 0; j < t->n; j++) {
      if (j) oi_text_add(out, "*", 1);
      print_atom(d, &d->atoms.at[t->atom[j]], out);
    }
  }
}

// ---- reading ----

typedef struct reader {
  oi_dims *d;
  const char *at, *end;
  int depth;
} reader;

static oinf_dim read_dim(reader *r);

static bool take(reader *r, char c) {
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

static oinf_dim read_number(reader *r) {
  int64_t x = 0;
  for (; r->at < r->end && *r->at >= '0' && *r->at <= '9'; r->at++)
    if (__builtin_mul_overflow(x, 10, &x) || __builtin_add_overflow(x, *r->at - '0', &x))
      return OI_DIM_BAD;
  return x < INT64_MAX / 2 ? x : OI_DIM_BAD;
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static oinf_dim read_call(reader *r, size_t kind) {
  oinf_dim a = read_dim(r);
  if (a == OI_DIM_BAD || !take(r, kind == DIM_DIV ? '/' : ',')) return OI_DIM_BAD;
  oinf_dim b = read_dim(r);
  if (b == OI_DIM_BAD || !take(r, ')')) return OI_DIM_BAD;
  return kind == DIM_DIV   ? oi_dims_div(r->d, a, b)
         : kind == DIM_MOD ? oi_dims_mod(r->d, a, b)
         : kind == DIM_MIN ? oi_dims_min(r->d, a, b)
                           : oi_dims_max(r->d, a, b);
}

static oinf_dim read_name(reader *r) {
  char name[64];
  size_t n = 0;
  while (r->at < r->end && (is_letter(*r->at) || (*r->at >= '0' && *r->at <= '9')) &&
         n + 1 < sizeof name)
    name[n++] = *r->at++;
  name[n] = 0;
  if (take(r, '(')) {
    for (size_t kind = DIM_DIV; kind <= DIM_MAX; kind++)
      if (strcmp(name, kind_name[kind]) == 0) return read_call(r, kind);
    return OI_DIM_BAD;
  }
  int sym = oi_dims_find(r->d, name);
  return sym < 0 ? OI_DIM_BAD : oi_dims_sym_dim(r->d, (size_t)sym);
}

static oinf_dim read_factor(reader *r) {
  if (r->at == r->end) return OI_DIM_BAD;
  if (*r->at >= '0' && *r->at <= '9') return read_number(r);
  if (is_letter(*r->at)) return read_name(r);
  if (!take(r, '(')) return OI_DIM_BAD;
  oinf_dim e = read_dim(r);
  return take(r, ')') ? e : OI_DIM_BAD;
}

static oinf_dim read_term(reader *r) {
  oinf_dim e = read_factor(r);
  while (e != OI_DIM_BAD && take(r, '*')) e = oi_dims_mul(r->d, e, read_factor(r));
  return e;
}

static oinf_dim read_dim(reader *r) {
  if (r->depth++ > 2 * DIM_DEPTH) return OI_DIM_BAD;
  bool minus = take(r, '-');
  oinf_dim e = read_term(r);
  if (minus) e = oi_dims_sub(r->d, 0, e);
  while (e != OI_DIM_BAD && r->at < r->end && (*r->at == '+' || *r->at == '-')) {
    bool less = *r->at++ == '-';
    oinf_dim t = read_term(r);
    e = less ? oi_dims_sub(r->d, e, t) : oi_dims_add(r->d, e, t);
  }
  r->depth--;
  return e;
}

oinf_dim oi_dims_parse(oi_dims *d, const char **at, const char *end) {
  reader r = {d, *at, end, 0};
  oinf_dim e = read_dim(&r);
  if (e != OI_DIM_BAD) *at = r.at;
  return e;
}
