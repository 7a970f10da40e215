// Symbolic dims: hash-consed expressions in canonical form, so that equal expressions have equal
// handles. An expression is a sum of products of atoms with integer factors; an atom is a symbol or
// a floor division, modulus, minimum or maximum of two expressions. A number is not an expression:
// it stands for itself, negative ones too; handles of expressions lie at the far end of the range
// (oi_dim_is_expr).
#ifndef OINF_LIB_DIMS_H
#define OINF_LIB_DIMS_H
#include "lib/ctx.h"

#define OI_DIM_BAD (INT64_MIN + 1)
#define OI_DIM_FIRST (INT64_MIN + 16)    // handle of expression 0
#define OI_DIM_LIMIT ((int64_t)1 << 40)  // the largest number a dim may be
static inline bool oi_dim_is_expr(oinf_dim d) { return d >= OI_DIM_FIRST && d < INT64_MIN / 2; }

typedef struct oi_sym {
  const char *name;
  oinf_dim lo, hi;  // bounds, may be expressions over earlier symbols
  bool is_loop;     // an index of a loop: 0 .. n-1
} oi_sym;
typedef struct oi_dims oi_dims;  // the table; one a graph

oi_dims *oi_dims_new(oinf_ctx *ctx, oi_arena *arena);
void oi_dims_free(oi_dims *d);
// All makers give OI_DIM_BAD where memory is out or a number overflows; they pass it on.
bool oi_dims_nomem(const oi_dims *d);  // an allocation has failed: what is bad may be so for that
oinf_dim oi_dims_sym(oi_dims *d, const char *name, oinf_dim lo, oinf_dim hi, bool is_loop);
oinf_dim oi_dims_add(oi_dims *d, oinf_dim a, oinf_dim b);
oinf_dim oi_dims_sub(oi_dims *d, oinf_dim a, oinf_dim b);
oinf_dim oi_dims_mul(oi_dims *d, oinf_dim a, oinf_dim b);
// Floor and remainder; by a positive number or an expression.
oinf_dim oi_dims_div(oi_dims *d, oinf_dim a, oinf_dim b);
oinf_dim oi_dims_mod(oi_dims *d, oinf_dim a, oinf_dim b);
oinf_dim oi_dims_min(oi_dims *d, oinf_dim a, oinf_dim b);
oinf_dim oi_dims_max(oi_dims *d, oinf_dim a, oinf_dim b);

size_t oi_dims_sym_count(const oi_dims *d);
oi_sym *oi_dims_sym_at(oi_dims *d, size_t i);
int oi_dims_sym_of(const oi_dims *d, oinf_dim e);  // index where e is a bare symbol, else -1
oinf_dim oi_dims_sym_dim(oi_dims *d, size_t sym);  // the symbol as a dim
// Index of the symbol of this name, -1: none. A loop's index counts until oi_dims_sym_close.
int oi_dims_find(const oi_dims *d, const char *name);
void oi_dims_sym_close(oi_dims *d, size_t sym);
// A number, or an expression of this table whose loops are all open.
bool oi_dims_valid(const oi_dims *d, oinf_dim e);
bool oi_dims_uses(const oi_dims *d, oinf_dim e, size_t sym);
// Value under an assignment (values[i] for symbol i). False on a division by zero or overflow.
bool oi_dims_eval(const oi_dims *d, oinf_dim e, const int64_t *values, int64_t *out);
// Bounds by interval arithmetic over the symbols' bounds (INT64_MAX/4 where unbounded); pins may
// fix or tighten some: lo[i], hi[i] per symbol, NULL (both) for the declared ones. Divisors count
// as positive.
void oi_dims_bounds(const oi_dims *d, oinf_dim e, const int64_t *lo, const int64_t *hi,
                    int64_t *out_lo, int64_t *out_hi);
// The declared bounds of every symbol as numbers, in order; loops included. Pins (NULL: none)
// narrow: INT64_MIN and INT64_MAX leave a bound as it is.
void oi_dims_sym_bounds(const oi_dims *d, const int64_t *pin_lo, const int64_t *pin_hi,
                        int64_t *out_lo, int64_t *out_hi);
// Canonical: "2*P+T-1", "floor(T/2)".
void oi_dims_print(const oi_dims *d, oinf_dim e, oi_text *out);
// Parses what oi_dims_print writes; symbols must exist. *at moves behind it. OI_DIM_BAD: malformed.
oinf_dim oi_dims_parse(oi_dims *d, const char **at, const char *end);
// e with symbol sym replaced by the expression with (loop peeling).
oinf_dim oi_dims_subst(oi_dims *d, oinf_dim e, size_t sym, oinf_dim with);
#endif
