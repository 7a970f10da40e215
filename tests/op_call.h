// Ops called directly, without a graph: shape rule, room, kernel, on concrete shapes.
// For tests alone; header-only, so that tests of other units need not link the ops.
#ifndef OINF_TESTS_OP_CALL_H
#define OINF_TESTS_OP_CALL_H
#include "lib/op.h"
#include "lib/rt/threads.h"
#include "tests/test.h"

enum { OP_CALL_DIMS = 64 };
typedef struct op_call {
  oi_op op;
  oi_view in[OINF_MAX_SPLIT], out[OINF_MAX_SPLIT];
  uint32_t n_in, n_out;
  _Alignas(16) unsigned char args[1024];
  char message[512];  // of a refusal
  oi_err err;         // of the kernel
  oi_need need[OI_MAX_NEEDS];
  uint32_t n_need;
} op_call;

static inline op_call *op_call_new(const char *name) {
  op_call *c = calloc(1, sizeof *c);
  c->op = oi_op_find(name, strlen(name));
  CHECK_MSG(c->op != OP_NONE, "no op is called '%s'", name);
  CHECK_MSG(oi_op_info_of(c->op)->args_size <= sizeof c->args, "args of '%s' are large", name);
  return c;
}

static inline void op_call_free(op_call *c) {
  for (uint32_t i = 0; i < OINF_MAX_SPLIT; i++) free(c->in[i].data), free(c->out[i].data);
  free(c);
}

static inline void op_free_data(oi_view *v) { free(v->data), v->data = NULL; }

// An operand of n dims; its data is zero.
static inline oi_view *op_call_in(op_call *c, oinf_dtype dtype, uint32_t rank, const int64_t *dim) {
  oi_view *v = &c->in[c->n_in++];
  v->dtype = dtype, v->rank = rank;
  if (rank) memcpy(v->dim, dim, rank * sizeof *dim);
  v->data = calloc(1, oi_view_bytes(v) + 64);
  return v;
}

static inline void *op_call_attr(op_call *c, const char *name, oi_attr_type *out_type) {
  const oi_op_info *info = oi_op_info_of(c->op);
  for (uint32_t i = 0; i < info->n_attrs; i++)
    if (strcmp(info->attrs[i].name, name) == 0) {
      if (out_type) *out_type = info->attrs[i].type;
      return c->args + info->attrs[i].offset;
    }
  oi_test_end(false, __FILE__, __LINE__, "%s has no attribute '%s'", info->name, name);
}

// The shape rule; on success the outputs have types and zeroed data.
static inline bool op_call_infer(op_call *c) {
  const oi_op_info *info = oi_op_info_of(c->op);
  oinf_ctx *ctx = NULL;
  oi_arena arena;
  static oi_type in[OINF_MAX_SPLIT], out[OINF_MAX_SPLIT];
  CHECK(oinf_ctx_create(NULL, &ctx) == OINF_OK);
  oi_arena_init(&arena, ctx);
  oi_infer s = {.ctx = ctx,
                .dims = oi_dims_new(ctx, &arena),
                .args = c->args,
                .in = in,
                .n_in = c->n_in,
                .out = out};
  s.n_out = (uint32_t)info->n_out, s.message = c->message, s.room = sizeof c->message;
  for (uint32_t i = 0; i < c->n_in; i++) {
    in[i].dtype = c->in[i].dtype, in[i].rank = c->in[i].rank;
    memcpy(in[i].dim, c->in[i].dim, sizeof in[i].dim);
  }
  bool ok = info->shape(&s);
  c->n_out = ok ? s.n_out : 0, c->n_need = s.n_need;
  memcpy(c->need, s.need, sizeof c->need);
  for (uint32_t i = 0; i < c->n_out; i++) {
    free(c->out[i].data);
    c->out[i] = (oi_view){.dtype = out[i].dtype, .rank = out[i].rank};
    memcpy(c->out[i].dim, out[i].dim, sizeof out[i].dim);
    c->out[i].data = calloc(1, oi_view_bytes(&c->out[i]) + 64);
  }
  oi_dims_free(s.dims);
  oi_arena_free(&arena);
  oinf_ctx_destroy(ctx);
  return ok;
}

static inline void op_call_dims(const op_call *c, int64_t *out) {
  const oi_op_info *info = oi_op_info_of(c->op);
  for (uint32_t i = 0; i < info->n_attrs; i++) {
    const void *at = c->args + info->attrs[i].offset;
    const oinf_dims *list = at;
    if (info->attrs[i].type == OI_ATTR_DIM) *out++ = *(const oinf_dim *)at;
    if (info->attrs[i].type == OI_ATTR_DIMS)
      for (uint32_t k = 0; k < list->n; k++) *out++ = list->d[k];
  }
}

// The kernel; its failure is in err.
static inline oinf_status op_call_run(op_call *c, struct oi_threads *threads) {
  const oi_op_info *info = oi_op_info_of(c->op);
  int64_t dims[OP_CALL_DIMS];
  op_call_dims(c, dims);
  oi_call call = {.args = c->args,
                  .dims = dims,
                  .in = c->in,
                  .n_in = c->n_in,
                  .out = c->out,
                  .n_out = c->n_out};
  call.tiled = -1, call.err = &c->err, call.threads = threads;
  void *room = NULL;
  if (info->room) {
    uint64_t bytes = info->room(&call);
    room = aligned_alloc(64, (bytes + 127) / 64 * 64);
    call.room = room;
  }
  info->run(&call);
  free(room);
  return c->err.status;
}
#endif
