// Holes of a template while they are filled: what the files share that say what an op's template
// wants to know. Texts live in the emitter's arena.
#ifndef OINF_COMPILER_EMIT_FILL_H
#define OINF_COMPILER_EMIT_FILL_H
#include "compiler/emit.h"

enum {
  OI_MOST_HOLES = 24
};

typedef struct oi_filling {
  oi_emit *e;
  oi_emit_cut *cut;
  oi_hole hole[OI_MOST_HOLES];
  size_t n;
  bool failed;
} oi_filling;

// What a family of ops does: fills the holes of its template, says how its work is cut, prints it.
typedef oinf_status oi_fill_fn(oi_filling *f, const oi_node *n);
oi_fill_fn oi_fill_matmul;  // emit_product.c
oi_fill_fn oi_fill_rmsnorm, oi_fill_layernorm, oi_fill_softmax, oi_fill_argmax, oi_fill_quantize,
    oi_fill_gather, oi_fill_dequantize;  // emit_row.c
oi_fill_fn oi_fill_rope, oi_fill_sdpa;   // emit_attend.c

// A hole and its text, which is copied.
void oi_put(oi_filling *f, const char *name, const char *text);
void oi_put_format(oi_filling *f, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
// What a printer of expressions wrote behind a mark becomes a hole's text.
size_t oi_put_mark(oi_filling *f);
void oi_put_taken(oi_filling *f, const char *name, size_t from);
void oi_put_dim(oi_filling *f, const char *name, oinf_dim d);
void oi_put_around(oi_filling *f, const char *name, const char *before, oinf_dim d,
                   const char *behind);
void oi_put_span(oi_filling *f, const char *name, const oi_type *t, uint32_t from, uint32_t to);
void oi_put_real(oi_filling *f, const char *name, float x);  // a literal that is exact
void oi_put_dtype(oi_filling *f, const char *type, const char *load, oinf_dtype dtype);
void oi_put_blocks(oi_filling *f, oinf_dtype dtype);
// How the runtime's inner kernels take a storage type; NULL: they do not.
const char *oi_put_dot(oi_filling *f, oinf_dtype dtype, bool mixes);
const char *oi_put_dot_type(oinf_dtype dtype);  // its enumerator
// The rows of a where they lie, or widened first.
oinf_status oi_put_floats(oi_filling *f, const oi_type *a);
oinf_status oi_put_end(oi_filling *f, const char *file);

// The units are the places of axes from .. to - 1, and each costs the places of those behind.
void oi_cut_rows(oi_filling *f, const oi_type *t, uint32_t to);
// Bytes of the shared scratch: `bytes` for each so many elements of a, at the bounds of symbols.
void oi_share_rows(oi_filling *f, const oi_type *a, uint64_t bytes, int64_t each);
const oi_type *oi_type_in(const oi_emit *e, const oi_node *n, uint32_t i);
int64_t oi_emit_bound(const oi_emit *e, oinf_dim d);
#endif
