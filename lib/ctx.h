// The context, its one allocator, arenas, growing text, and errors with a trail. Everything else
// stands on these.
#ifndef OINF_LIB_CTX_H
#define OINF_LIB_CTX_H
#include <oinf/oinf.h>
#include <stdarg.h>

// ---- errors ----
// Where a failure is kept: the first one wins until it is cleared. A context has one, and so has a
// simulation.
typedef struct oi_err {
  oinf_status status;
  char message[1024];
  char trail[2048];
} oi_err;
oi_err *oi_ctx_err(oinf_ctx *ctx);
// Records what was expected and what was found; returns the status, so `return oi_fail(...)` reads
// well. An outer failure after an inner one keeps the inner message and returns the inner status.
oinf_status oi_fail(oi_err *err, oinf_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
oinf_status oi_fail_v(oi_err *err, oinf_status status, const char *format, va_list args);
// Adds "while <...>" to the trail of the failure that stands.
void oi_trail(oi_err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
#define OI_TRY(expr)                  \
  do {                                \
    oinf_status try_ = (expr);        \
    if (try_ != OINF_OK) return try_; \
  } while (0)
#define OI_TRY_AT(err, expr, ...)                                 \
  do {                                                            \
    oinf_status try_ = (expr);                                    \
    if (try_ != OINF_OK) return oi_trail(err, __VA_ARGS__), try_; \
  } while (0)
void oi_note(oinf_ctx *ctx, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Registered; NULL: none.
const oinf_user_op *oi_ctx_user_op(const oinf_ctx *ctx, const char *name);

// ---- memory ---- all calls may give NULL; the caller says OINF_MEMORY (oi_nomem) and unwinds.
void *oi_alloc(oinf_ctx *ctx, size_t size);  // zeroed
// The new part is not zeroed.
void *oi_realloc(oinf_ctx *ctx, void *ptr, size_t old_size, size_t new_size);
void oi_free(oinf_ctx *ctx, void *ptr, size_t size);
oinf_status oi_nomem(oi_err *err, size_t size);

// An arena gives zeroed memory that is freed all at once.
typedef struct oi_arena {
  oinf_ctx *ctx;
  struct oi_chunk *last;
} oi_arena;
void oi_arena_init(oi_arena *arena, oinf_ctx *ctx);
void oi_arena_free(oi_arena *arena);
void *oi_arena_alloc(oi_arena *arena, size_t size);                   // aligned to 16
char *oi_arena_text(oi_arena *arena, const char *text, size_t size);  // copy with a closing NUL

// A vector: OI_VEC(type) items; oi_vec_push grows by doubling and gives the new zeroed item, or
// NULL.
#define OI_VEC(type) \
  struct {           \
    type *at;        \
    size_t n, room;  \
  }
// at is the address of the pointer; false leaves the vector as it was.
bool oi_vec_grow(oinf_ctx *ctx, void *at, size_t *room, size_t n, size_t item);
#define oi_vec_push(ctx, v)                                                              \
  ((v)->n < (v)->room || oi_vec_grow(ctx, &(v)->at, &(v)->room, (v)->n, sizeof *(v)->at) \
       ? &(v)->at[(v)->n++]                                                              \
       : NULL)
#define oi_vec_free(ctx, v) \
  (oi_free(ctx, (v)->at, (v)->room * sizeof *(v)->at), (v)->at = NULL, (v)->n = (v)->room = 0)

// ---- growing text ---- a failed growth sticks: ask oi_text_ok once at the end.
typedef struct oi_text {
  oinf_ctx *ctx;
  char *at;  // always closed by a NUL when not NULL
  size_t n, room;
  bool failed;
} oi_text;
void oi_text_init(oi_text *text, oinf_ctx *ctx);
void oi_text_free(oi_text *text);
void oi_text_add(oi_text *text, const char *bytes, size_t n);
void oi_text_put(oi_text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Names of models go into messages and text only through this: control, bidi and non-ASCII bytes as
// \xNN, quotes escaped.
void oi_text_escape(oi_text *text, const char *bytes, size_t n);

// ---- checked arithmetic ---- false where the result does not fit; *out is then untouched.
bool oi_mul_u64(uint64_t a, uint64_t b, uint64_t *out);
bool oi_add_u64(uint64_t a, uint64_t b, uint64_t *out);
bool oi_align_u64(uint64_t a, uint64_t align, uint64_t *out);
#endif
