// Calls an op's shape rule and kernel directly, without a graph, as tests of kernels want it:
// shapes inferred and compared with the output's, room of exactly the size that the op asks for,
// under a chosen variant and pool.
#ifndef OINF_TESTS_KERNEL_CALL_H
#define OINF_TESTS_KERNEL_CALL_H
#include "lib/op.h"
#include "lib/rt/cpu.h"
#include "lib/rt/threads.h"
#include "tests/test.h"

typedef struct call_how {
  oi_cpu cpu;
  oi_threads *threads;
  int tiled;            // operand 1 in tiles of this many rows; 0: whole
  const int64_t *dims;  // attributes of type dim
} call_how;

#define VIEW(dtype, data, ...) \
  ((oi_view){(void *)(uintptr_t)(data), dtype, sizeof((int64_t[]){__VA_ARGS__}) / 8, {__VA_ARGS__}})

static inline oi_type call_type(const oi_view *v) {
  oi_type t = {.dtype = v->dtype, .rank = v->rank};
  for (uint32_t i = 0; i < v->rank; i++) t.dim[i] = v->dim[i];
  return t;
}

// The shape rule's verdict on numbers; its message is left in `message`.
static inline bool call_infer(oi_op op, const void *args, const oi_view *in, uint32_t n_in,
                              oi_type *out, char message[256]) {
  oinf_ctx *ctx;
  oi_arena arena;
  oi_type types[4];
  oi_infer *s = calloc(1, sizeof *s);
  CHECK(s && oinf_ctx_create(NULL, &ctx) == OINF_OK);
  oi_arena_init(&arena, ctx);
  for (uint32_t i = 0; i < n_in; i++) types[i] = call_type(&in[i]);
  message[0] = 0;
  *s = (oi_infer){.ctx = ctx,
                  .dims = oi_dims_new(ctx, &arena),
                  .args = args,
                  .in = types,
                  .n_in = n_in,
                  .out = out,
                  .n_out = (uint32_t)oi_op_info_of(op)->n_out,
                  .message = message,
                  .room = 256};
  bool ok = oi_op_info_of(op)->shape(s);
  oi_dims_free(s->dims);
  oi_arena_free(&arena);
  oinf_ctx_destroy(ctx);
  free(s);
  return ok;
}

static inline void call_kernel(const oi_op_info *info, oi_call *c) {
  uint64_t size = info->room ? info->room(c) : 0;
  // Behind the room lies a guard, and nothing in it is zero.
  uint8_t *room = aligned_alloc(64, (size + 127) / 64 * 64);
  CHECK(room != NULL);
  memset(room, 0x5a, (size + 127) / 64 * 64);
  c->room = room;
  info->run(c);
  for (uint64_t i = size; i < (size + 127) / 64 * 64; i++) CHECK_INT(room[i], 0x5a);
  free(room);
}

static inline void call_op(oi_op op, const void *args, const oi_view *in, uint32_t n_in,
                           const oi_view *out, uint32_t n_out, call_how how) {
  const oi_op_info *info = oi_op_info_of(op);
  static oi_err err;
  char message[256];
  oi_type types[OINF_MAX_SPLIT];
  CHECK_MSG(call_infer(op, args, in, n_in, types, message), "%s: %s", info->name, message);
  for (uint32_t i = 0; i < n_out; i++) {
    CHECK_INT(types[i].dtype, out[i].dtype);
    CHECK_INT(types[i].rank, out[i].rank);
    for (uint32_t d = 0; d < types[i].rank; d++) CHECK_INT(types[i].dim[d], out[i].dim[d]);
  }
  oi_view views[4];
  memcpy(views, in, n_in * sizeof *in);
  oi_call c = {.args = args,
               .dims = how.dims,
               .in = views,
               .n_in = n_in,
               .out = out,
               .n_out = n_out,
               .tiled = -1,
               .err = &err,
               .threads = how.threads,
               .cpu = (int)how.cpu};
  if (!how.tiled) {
    call_kernel(info, &c);
    return;
  }
  c.tiled = 1, c.row_count = in[1].dim[0];
  for (c.row0 = 0; c.row0 < c.row_count; c.row0 += how.tiled) {
    c.rows = c.row_count - c.row0 < how.tiled ? c.row_count - c.row0 : how.tiled;
    views[1].dim[0] = c.rows;
    views[1].data =
        (uint8_t *)in[1].data + oi_view_bytes(&in[1]) / (uint64_t)c.row_count * (uint64_t)c.row0;
    call_kernel(info, &c);
  }
}

#define REFUSED(op, args, word, ...)                                                     \
  do {                                                                                   \
    const oi_view in_[] = {__VA_ARGS__};                                                 \
    oi_type out_[OINF_MAX_SPLIT];                                                        \
    char message_[256];                                                                  \
    CHECK(!call_infer(op, args, in_, sizeof in_ / sizeof *in_, out_, message_));         \
    CHECK_MSG(strstr(message_, word) != NULL, "'%s' does not say '%s'", message_, word); \
  } while (0)
#endif
