// The table behind lib/dims.h, shared by the two files that know its insides: dims.c and
// dims_text.c.
#ifndef OINF_LIB_DIMS_TABLE_H
#define OINF_LIB_DIMS_TABLE_H
#include "lib/dims.h"

// Bounds of what one expression may hold. They keep every walk short, also over hostile text:
// `size` counts an expression as a tree, so sharing cannot hide an exponential one.
enum {
  DIM_TERMS = 48,
  DIM_DEGREE = 8,
  DIM_SIZE = 1024,
  DIM_DEPTH = 24,
  DIM_EXPRS = 1 << 20,
  DIM_SYMS = 256
};

typedef enum dim_kind { DIM_SYM, DIM_DIV, DIM_MOD, DIM_MIN, DIM_MAX } dim_kind;

typedef struct dim_atom {
  dim_kind kind;
  oinf_dim a, b;  // operands; a symbol: a is its index
  uint32_t size, depth;
} dim_atom;

typedef struct dim_term {  // factor * atom[0] * atom[1] ..., atoms in structural order; n 0: the
                           // constant
  int64_t factor;
  uint32_t n, atom[DIM_DEGREE];
} dim_term;

typedef struct dim_expr {  // terms in structural order, the constant last; no factor is 0
  const dim_term *term;
  uint32_t n, size, depth;
} dim_expr;

typedef struct dim_range {
  int64_t lo, hi;
} dim_range;

typedef struct dim_index {  // open addressing over ids + 1
  uint32_t *slot;
  size_t n, room;
} dim_index;

struct oi_dims {
  oinf_ctx *ctx;
  oi_arena *arena;
  OI_VEC(oi_sym) syms;
  OI_VEC(dim_range) ranges;  // declared bounds of syms as numbers
  OI_VEC(uint32_t) visible;  // symbols a name may mean: all but the loops that have ended
  OI_VEC(dim_atom) atoms;
  OI_VEC(dim_expr) exprs;
  dim_index atom_index, expr_index;
  bool nomem;  // an allocation failed; it sticks
};

static inline const dim_expr *dim_expr_of(const oi_dims *d, oinf_dim e) {
  return &d->exprs.at[e - OI_DIM_FIRST];
}

static inline bool is_number(oinf_dim e) { return e > INT64_MIN / 2 && e < INT64_MAX / 2; }
static inline bool is_dim(const oi_dims *d, oinf_dim e) {
  return is_number(e) || (oi_dim_is_expr(e) && (uint64_t)e - (uint64_t)OI_DIM_FIRST < d->exprs.n);
}
static inline int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }  // b > 0
#endif
