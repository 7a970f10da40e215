// The context: the only file of the library that names the C library's allocator. Arenas, growing
// text and the error record stand here because each is a few lines over the same hook. Errors keep
// the first failure: what fails later is a consequence, and would hide the cause.
#include "lib/ctx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct oinf_ctx {
  oinf_ctx_desc desc;
  oi_err err;
  OI_VEC(oinf_user_op) user_ops;  // registered, texts borrowed
};

static void *libc_alloc(void *user, void *ptr, size_t old_size, size_t new_size) {
  (void)user, (void)old_size;
  if (new_size) return realloc(ptr, new_size);
  free(ptr);
  return NULL;
}

const char *oinf_version(void) { return OINF_VERSION; }

oinf_status oinf_ctx_create(const oinf_ctx_desc *desc, oinf_ctx **out_ctx) {
  oinf_ctx_desc d = desc ? *desc : (oinf_ctx_desc){0};
  if (!d.alloc) d.alloc = libc_alloc;
  oinf_ctx *ctx = d.alloc(d.user, NULL, 0, sizeof *ctx);
  if (!ctx) return OINF_MEMORY;
  memset(ctx, 0, sizeof *ctx);
  ctx->desc = d;
  *out_ctx = ctx;
  return OINF_OK;
}

void oinf_ctx_destroy(oinf_ctx *ctx) {
  if (!ctx) return;
  oi_vec_free(ctx, &ctx->user_ops);
  ctx->desc.alloc(ctx->desc.user, ctx, sizeof *ctx, 0);
}

// ---- ops of users ----

const oinf_user_op *oi_ctx_user_op(const oinf_ctx *ctx, const char *name) {
  for (size_t i = 0; i < ctx->user_ops.n; i++)
    if (strcmp(ctx->user_ops.at[i].name, name) == 0) return &ctx->user_ops.at[i];
  return NULL;
}

oinf_status oinf_op_register(oinf_ctx *ctx, const oinf_user_op *op) {
  if (!op || !op->name || !op->c_body || !op->run || op->arity < 1 || op->arity > 3)
    return oi_fail(&ctx->err, OINF_USAGE,
                   "an op has a name, a body, a function and 1 to 3 operands");
  const oinf_user_op *known = oi_ctx_user_op(ctx, op->name);
  if (known && (known->run != op->run || strcmp(known->c_body, op->c_body) != 0))
    return oi_fail(&ctx->err, OINF_USAGE, "op '%s' is registered with another body", op->name);
  oinf_user_op *slot = known ? NULL : oi_vec_push(ctx, &ctx->user_ops);
  if (!known && !slot) return oi_nomem(&ctx->err, sizeof *slot);
  if (slot) *slot = *op;
  return OINF_OK;
}

// ---- statuses and errors ----

static const struct {
  int exit;
  const char *text;
} statuses[] = {
#define S(NAME, exit, text) [OINF_##NAME] = {exit, text},
#include "lib/status.def"
#undef S
};
enum {
  N_STATUSES = sizeof statuses / sizeof *statuses
};

const char *oinf_status_text(oinf_status s) {
  return (unsigned)s < N_STATUSES ? statuses[s].text : "unknown status";
}
int oinf_status_exit(oinf_status s) { return (unsigned)s < N_STATUSES ? statuses[s].exit : 70; }

oi_err *oi_ctx_err(oinf_ctx *ctx) { return &ctx->err; }
const char *oinf_error(const oinf_ctx *ctx) { return ctx->err.message; }
const char *oinf_error_trail(const oinf_ctx *ctx) { return ctx->err.trail; }
oinf_status oinf_error_status(const oinf_ctx *ctx) { return ctx->err.status; }
void oinf_error_clear(oinf_ctx *ctx) { memset(&ctx->err, 0, sizeof ctx->err); }

// One line, whatever the arguments hold: control bytes and what is not ASCII become \xNN.
static void flatten(char *out, size_t room, const char *text) {
  size_t n = 0;
  for (; *text && n + 5 < room; text++) {
    unsigned char c = (unsigned char)*text;
    if (c >= 0x20 && c < 0x7f) out[n++] = (char)c;
    else n += (size_t)snprintf(out + n, room - n, "\\x%02x", c);
  }
  out[n] = 0;
}

oinf_status oi_fail_v(oi_err *err, oinf_status status, const char *format, va_list args) {
  if (err->status != OINF_OK) return err->status;
  char raw[sizeof err->message];
  vsnprintf(raw, sizeof raw, format, args);
  flatten(err->message, sizeof err->message, raw);
  err->status = status;
  err->trail[0] = 0;
  return status;
}

oinf_status oi_fail(oi_err *err, oinf_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  oinf_status s = oi_fail_v(err, status, format, args);
  va_end(args);
  return s;
}

void oi_trail(oi_err *err, const char *format, ...) {
  char raw[512], flat[512];
  va_list args;
  va_start(args, format);
  vsnprintf(raw, sizeof raw, format, args);
  va_end(args);
  flatten(flat, sizeof flat, raw);
  size_t n = strlen(err->trail);
  if (n + strlen(flat) + 8 < sizeof err->trail)
    snprintf(err->trail + n, sizeof err->trail - n, "while %s\n", flat);
}

void oi_note(oinf_ctx *ctx, const char *format, ...) {
  if (!ctx->desc.log) return;
  char raw[1024], flat[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(raw, sizeof raw, format, args);
  va_end(args);
  flatten(flat, sizeof flat, raw);
  ctx->desc.log(ctx->desc.user, flat);
}

// ---- memory ----

void *oi_realloc(oinf_ctx *ctx, void *ptr, size_t old_size, size_t new_size) {
  return ctx->desc.alloc(ctx->desc.user, ptr, old_size, new_size);
}

void *oi_alloc(oinf_ctx *ctx, size_t size) {
  void *p = oi_realloc(ctx, NULL, 0, size ? size : 1);
  return p ? memset(p, 0, size ? size : 1) : NULL;
}

void oi_free(oinf_ctx *ctx, void *ptr, size_t size) {
  if (ptr) (void)ctx->desc.alloc(ctx->desc.user, ptr, size ? size : 1, 0);
}

oinf_status oi_nomem(oi_err *err, size_t size) {
  return oi_fail(err, OINF_MEMORY, "out of memory: %zu bytes were wanted", size);
}

enum {
  CHUNK_ROOM = 16 * 1024
};
typedef struct oi_chunk {
  struct oi_chunk *before;
  size_t used, room;
  _Alignas(16) unsigned char at[];
} oi_chunk;

void oi_arena_init(oi_arena *arena, oinf_ctx *ctx) { *arena = (oi_arena){ctx, NULL}; }

void oi_arena_free(oi_arena *arena) {
  for (oi_chunk *c = arena->last, *before; c; c = before) {
    before = c->before;
    oi_free(arena->ctx, c, sizeof *c + c->room);
  }
  arena->last = NULL;
}

void *oi_arena_alloc(oi_arena *arena, size_t size) {
  if (size > SIZE_MAX / 2) return NULL;
  size = (size + 15) & ~(size_t)15;
  oi_chunk *c = arena->last;
  if (!c || c->room - c->used < size) {
    size_t room = size > CHUNK_ROOM / 4 ? size : CHUNK_ROOM;
    c = oi_alloc(arena->ctx, sizeof *c + room);
    if (!c) return NULL;
    c->room = room, c->before = arena->last, arena->last = c;
  }
  void *p = c->at + c->used;
  c->used += size;
  return p;
}

char *oi_arena_text(oi_arena *arena, const char *text, size_t size) {
  char *p = oi_arena_alloc(arena, size + 1);
  if (p && size) memcpy(p, text, size);
  return p;
}

bool oi_vec_grow(oinf_ctx *ctx, void *at, size_t *room, size_t n, size_t item) {
  size_t want = *room ? *room * 2 : 8;
  unsigned char *p;
  memcpy(&p, at, sizeof p);  // whatever type of pointer it is
  p = want > SIZE_MAX / 2 / item ? NULL : oi_realloc(ctx, p, *room * item, want * item);
  if (!p) return false;
  memset(p + n * item, 0, (want - n) * item);
  memcpy(at, &p, sizeof p);
  *room = want;
  return true;
}

// ---- text ----

void oi_text_init(oi_text *text, oinf_ctx *ctx) { *text = (oi_text){.ctx = ctx}; }

void oi_text_free(oi_text *text) {
  oi_free(text->ctx, text->at, text->room);
  *text = (oi_text){.ctx = text->ctx};
}

static bool text_room(oi_text *text, size_t more) {
  if (text->failed) return false;
  if (text->room - text->n > more) return true;
  size_t want = text->room ? text->room : 64;
  while (want - text->n <= more) want *= 2;
  char *p = oi_realloc(text->ctx, text->at, text->room, want);
  if (!p) return text->failed = true, false;
  text->at = p, text->room = want;
  return true;
}

void oi_text_add(oi_text *text, const char *bytes, size_t n) {
  if (!text_room(text, n)) return;
  if (n) memcpy(text->at + text->n, bytes, n);
  text->n += n;
  text->at[text->n] = 0;
}

void oi_text_put(oi_text *text, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int n = vsnprintf(NULL, 0, format, args);
  if (n >= 0 && text_room(text, (size_t)n)) {
    vsnprintf(text->at + text->n, (size_t)n + 1, format, again);
    text->n += (size_t)n;
  }
  va_end(again);
  va_end(args);
}

void oi_text_escape(oi_text *text, const char *bytes, size_t n) {
  for (size_t i = 0; i < n; i++) {
    unsigned char c = (unsigned char)bytes[i];
    if (c == '"' || c == '\\') oi_text_put(text, "\\%c", c);
    else if (c >= 0x20 && c < 0x7f) oi_text_add(text, bytes + i, 1);
    else oi_text_put(text, "\\x%02x", c);
  }
}

// ---- checked arithmetic ----

bool oi_mul_u64(uint64_t a, uint64_t b, uint64_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}
bool oi_add_u64(uint64_t a, uint64_t b, uint64_t *out) {
  return !__builtin_add_overflow(a, b, out);
}
bool oi_align_u64(uint64_t a, uint64_t align, uint64_t *out) {
  uint64_t up;
  if (!oi_add_u64(a, align - 1, &up)) return false;
  *out = up / align * align;
  return true;
}
