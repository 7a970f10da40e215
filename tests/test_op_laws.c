// Laws that hold between ops, bit for bit: named ops equal their decomposition, tiles and threads
// change nothing, data may lie at any address, and what only a step can know becomes a condition
// and no mistake.
#include <math.h>

#include "tests/op_call.h"

// ---- a little algebra over calls: values are views, and a pool owns their data until the test's
// end ----
static void *pool[512];
static size_t pooled;
static void *hold(void *data) {
  CHECK(pooled < sizeof pool / sizeof pool[0]);
  return pool[pooled++] = data;
}
static void release(void) {
  while (pooled) free(pool[--pooled]);
}

static uint64_t seed = 1;
static float noise(void) {
  seed = seed * 6364136223846793005u + 1442695040888963407u;
  return (float)((double)(int64_t)(seed >> 11) / 4503599627370496.0 - 1.0) * 4.0f;
}

static oi_view make(oinf_dtype dtype, uint32_t rank, const int64_t *dim) {
  oi_view v = {.dtype = dtype, .rank = rank};
  memcpy(v.dim, dim, rank * sizeof *dim);
  v.data = hold(calloc(1, oi_view_bytes(&v) + 64));
  return v;
}

static oi_view random_f32(uint32_t rank, const int64_t *dim) {
  oi_view v = make(OINF_F32, rank, dim);
  for (int64_t i = 0; i < oi_view_count(&v); i++) ((float *)v.data)[i] = noise();
  return v;
}

static op_call *call(const char *name, uint32_t n, const oi_view *in) {
  op_call *c = op_call_new(name);
  for (uint32_t i = 0; i < n; i++) {
    oi_view *to = op_call_in(c, in[i].dtype, in[i].rank, in[i].dim);
    memcpy(to->data, in[i].data, oi_view_bytes(&in[i]));
  }
  return c;
}

static oi_view finish(op_call *c, struct oi_threads *threads) {
  CHECK_MSG(op_call_infer(c), "%s", c->message);
  CHECK_INT(op_call_run(c, threads), OINF_OK);
  oi_view out = c->out[0];
  hold(c->out[0].data), c->out[0].data = NULL;
  op_call_free(c);
  return out;
}

static oi_view unary(const char *name, oi_view a) { return finish(call(name, 1, &a), NULL); }
static oi_view binary(const char *name, oi_view a, oi_view b) {
  return finish(call(name, 2, (oi_view[]){a, b}), NULL);
}
static oi_view number(float x) {
  oi_view v = make(OINF_F32, 0, (int64_t[]){0});
  *(float *)v.data = x;
  return v;
}
static oi_view over_last(const char *name, oi_view a) {
  op_call *c = call(name, 1, &a);
  *(oinf_dims *)op_call_attr(c, "axes", NULL) = (oinf_dims){1, {-1}};
  *(bool *)op_call_attr(c, "keep", NULL) = true;
  return finish(c, NULL);
}
static oi_view along_last(const char *name, oi_view a, int64_t begin, int64_t end) {
  op_call *c = call(name, 1, &a);
  *(int64_t *)op_call_attr(c, "axis", NULL) = -1;
  *(oinf_dim *)op_call_attr(c, "begin", NULL) = begin;
  *(oinf_dim *)op_call_attr(c, "end", NULL) = end;
  return finish(c, NULL);
}

static void check_equal(oi_view a, oi_view b) {
  CHECK_INT(a.dtype, b.dtype);
  CHECK(oi_view_hash(&a) == oi_view_hash(&b));
}

TEST(op_laws, softmax_is_its_decomposition) {
  for (int64_t n = 1; n < 40; n += 13) {
    oi_view x = random_f32(2, (int64_t[]){5, n});
    op_call *c = call("softmax", 1, &x);
    *(int64_t *)op_call_attr(c, "axis", NULL) = -1;
    oi_view e = unary("exp", binary("sub", x, over_last("reduce_max", x)));
    check_equal(finish(c, NULL), binary("mul", e, unary("recip", over_last("sum", e))));
  }
  release();
}

TEST(op_laws, softmax_of_another_axis_is_that_of_its_transpose) {
  oi_view x = random_f32(2, (int64_t[]){1500, 3});
  op_call *by_column = call("softmax", 1, &x), *turn = call("permute", 1, &x);
  *(oinf_dims *)op_call_attr(turn, "axes", NULL) = (oinf_dims){2, {1, 0}};
  oi_view turned = finish(turn, NULL);
  op_call *by_row = call("softmax", 1, &turned);
  *(int64_t *)op_call_attr(by_row, "axis", NULL) = 1;
  oi_view rows = finish(by_row, NULL);
  op_call *back = call("permute", 1, &rows);
  *(oinf_dims *)op_call_attr(back, "axes", NULL) = (oinf_dims){2, {1, 0}};
  check_equal(finish(by_column, NULL), finish(back, NULL));
  release();
}

TEST(op_laws, rmsnorm_is_its_decomposition) {
  oi_view x = random_f32(2, (int64_t[]){7, 1100}), w = random_f32(1, (int64_t[]){1100});
  op_call *c = call("rmsnorm", 2, (oi_view[]){x, w});
  *(double *)op_call_attr(c, "eps", NULL) = 1e-5;
  oi_view r = unary(
      "recip", unary("sqrt", binary("add", over_last("mean", binary("mul", x, x)), number(1e-5f))));
  check_equal(finish(c, NULL), binary("mul", binary("mul", x, r), w));
  release();
}

TEST(op_laws, layernorm_is_its_decomposition) {
  oi_view x = random_f32(2, (int64_t[]){3, 1037}), w = random_f32(1, (int64_t[]){1037});
  oi_view b = random_f32(1, (int64_t[]){1037});
  op_call *c = call("layernorm", 3, (oi_view[]){x, w, b});
  *(double *)op_call_attr(c, "eps", NULL) = 1e-6;
  oi_view d = binary("sub", x, over_last("mean", x));
  oi_view r = unary(
      "recip", unary("sqrt", binary("add", over_last("mean", binary("mul", d, d)), number(1e-6f))));
  check_equal(finish(c, NULL), binary("add", binary("mul", binary("mul", d, r), w), b));
  release();
}

TEST(op_laws, rope_is_its_decomposition) {
  enum { ROWS = 3, HEADS = 2, D = 10, HALF = 5, POS = 17 };
  oi_view x = random_f32(3, (int64_t[]){ROWS, HEADS, D}), inv = random_f32(1, (int64_t[]){HALF});
  oi_view pos = make(OINF_F32, 3, (int64_t[]){ROWS, 1, 1});
  for (int i = 0; i < ROWS; i++) ((float *)pos.data)[i] = (float)(POS + i);
  op_call *c = call("rope", 2, (oi_view[]){x, inv});
  *(oinf_dim *)op_call_attr(c, "pos", NULL) = POS;
  oi_view angle = binary("mul", pos, inv), cs = unary("cos", angle), sn = unary("sin", angle);
  oi_view lo = along_last("slice", x, 0, HALF), hi = along_last("slice", x, HALF, D);
  oi_view first = binary("sub", binary("mul", lo, cs), binary("mul", hi, sn));
  oi_view second = binary("add", binary("mul", hi, cs), binary("mul", lo, sn));
  op_call *join = call("concat", 2, (oi_view[]){first, second});
  *(int64_t *)op_call_attr(join, "axis", NULL) = -1;
  check_equal(finish(c, NULL), finish(join, NULL));
  release();
}

TEST(op_laws, activations_are_their_decompositions) {
  oi_view x = random_f32(1, (int64_t[]){3000});
  check_equal(unary("silu", x), binary("mul", x, unary("sigmoid", x)));
  check_equal(unary("rsqrt", x), unary("recip", unary("sqrt", x)));
  check_equal(unary("recip", x), binary("div", number(1.0f), x));
  check_equal(unary("neg", x), binary("mul", x, number(-1.0f)));
  oi_view half = binary("mul", x, number(0.5f));
  oi_view t = binary("add", number(1.0f), unary("erf", binary("mul", x, number(0x1.6a09e6p-1f))));
  check_equal(unary("gelu", x), binary("mul", half, t));
  release();
}

TEST(op_laws, fma_rounds_twice) {
  oi_view a = random_f32(1, (int64_t[]){999}), b = random_f32(1, (int64_t[]){999}),
          c = random_f32(1, (int64_t[]){1});
  oi_view fused = finish(call("fma", 3, (oi_view[]){a, b, c}), NULL);
  check_equal(fused, binary("add", binary("mul", a, b), c));
  release();
}

// ---- threads, addresses, tiles ----
TEST(op_laws, threads_change_no_bit) {
  struct oi_threads *threads = oi_threads_start(3);
  oi_view x = random_f32(3, (int64_t[]){37, 40, 33}), row = random_f32(1, (int64_t[]){33});
  const char *const names[] = {"exp",     "sum",       "reduce_max", "softmax",
                               "rmsnorm", "layernorm", "rope",       "neg"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    oi_view in = strcmp(names[i], "rope") == 0 ? random_f32(3, (int64_t[]){61, 20, 32}) : x;
    op_call *one = call(names[i], 1, &in), *many = call(names[i], 1, &in);
    if (i == 1 || i == 2) {
      *(oinf_dims *)op_call_attr(one, "axes", NULL) = (oinf_dims){1, {1}};
      *(oinf_dims *)op_call_attr(many, "axes", NULL) = (oinf_dims){1, {1}};
    }
    check_equal(finish(one, NULL), finish(many, threads));
  }
  op_call *one = call("add", 2, (oi_view[]){x, row}), *many = call("add", 2, (oi_view[]){x, row});
  check_equal(finish(one, NULL), finish(many, threads));
  op_call *narrow = call("cast", 1, &x), *narrow_too = call("cast", 1, &x);
  *(oinf_dtype *)op_call_attr(narrow, "to", NULL) = OINF_BF16;
  *(oinf_dtype *)op_call_attr(narrow_too, "to", NULL) = OINF_BF16;
  check_equal(finish(narrow, NULL), finish(narrow_too, threads));
  op_call *turn = call("permute", 1, &x), *turn_too = call("permute", 1, &x);
  *(oinf_dims *)op_call_attr(turn, "axes", NULL) = (oinf_dims){3, {2, 0, 1}};
  *(oinf_dims *)op_call_attr(turn_too, "axes", NULL) = (oinf_dims){3, {2, 0, 1}};
  check_equal(finish(turn, NULL), finish(turn_too, threads));
  oi_threads_stop(threads);
  release();
}

TEST(op_laws, data_may_lie_at_any_address) {
  oi_view x = random_f32(2, (int64_t[]){6, 48});
  const char *const names[] = {"neg", "sum", "softmax", "rmsnorm", "argmax"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    op_call *even = call(names[i], 1, &x), *odd = call(names[i], 1, &x);
    char *keep = odd->in[0].data;
    memmove(keep + 1, keep, oi_view_bytes(&x));
    odd->in[0].data = keep + 1;
    CHECK(op_call_infer(odd));
    CHECK_INT(op_call_run(odd, NULL), OINF_OK);
    odd->in[0].data = keep;
    check_equal(finish(even, NULL), odd->out[0]);
    op_call_free(odd);
  }
  release();
}

TEST(op_laws, gather_takes_its_table_in_tiles) {
  oi_view table = random_f32(2, (int64_t[]){10, 5}), index = make(OINF_I32, 1, (int64_t[]){7});
  const int32_t rows[] = {9, 0, 3, 3, 4, 8, 1};
  memcpy(index.data, rows, sizeof rows);
  oi_view whole = finish(call("gather", 2, (oi_view[]){table, index}), NULL);
  op_call *c = call("gather", 2, (oi_view[]){table, index});
  CHECK(op_call_infer(c));
  for (int64_t row0 = 0; row0 < 10; row0 += 3) {
    oi_view in[2] = {table, c->in[1]};
    in[0].data = (char *)table.data + row0 * 5 * (int64_t)sizeof(float);
    oi_call tile = {
        .args = c->args, .in = in, .n_in = 2, .out = c->out, .n_out = 1, .tiled = 0, .row0 = row0};
    tile.rows = row0 + 3 > 10 ? 10 - row0 : 3, tile.row_count = 10, tile.err = &c->err;
    in[0].dim[0] = tile.rows;
    oi_op_info_of(c->op)->run(&tile);
    CHECK_INT(c->err.status, OINF_OK);
  }
  check_equal(whole, c->out[0]);
  op_call_free(c);
  release();
}

// ---- shapes over symbols ----
typedef struct rule {
  oinf_ctx *ctx;
  oi_arena arena;
  oi_type in[3], out[1];
  char message[256];
  oi_infer s;
} rule;

static rule *rule_new(const void *args, uint32_t n_in) {
  rule *r = calloc(1, sizeof *r);
  CHECK_INT(oinf_ctx_create(NULL, &r->ctx), OINF_OK);
  oi_arena_init(&r->arena, r->ctx);
  r->s = (oi_infer){.ctx = r->ctx,
                    .dims = oi_dims_new(r->ctx, &r->arena),
                    .args = args,
                    .in = r->in,
                    .n_in = n_in};
  r->s.out = r->out, r->s.n_out = 1, r->s.message = r->message, r->s.room = sizeof r->message;
  return r;
}
static void rule_free(rule *r) {
  oi_dims_free(r->s.dims);
  oi_arena_free(&r->arena);
  oinf_ctx_destroy(r->ctx);
  free(r);
}

TEST(op_laws, unknown_dims_become_conditions) {
  oinf_add_args args = {0};
  rule *r = rule_new(&args, 2);
  oinf_dim t = oi_dims_sym(r->s.dims, "T", 1, 64, false),
           u = oi_dims_sym(r->s.dims, "U", 1, 64, false);
  r->in[0] = (oi_type){OINF_F32, 2, {t, 8}};
  r->in[1] = (oi_type){OINF_F32, 2, {u, 1}};
  CHECK_MSG(oi_op_info_of(OP_add)->shape(&r->s), "%s", r->message);
  CHECK_INT(r->s.n_need, 1);
  CHECK(r->out[0].dim[0] == t && r->out[0].dim[1] == 8);
  CHECK(r->s.need[0].a == t && r->s.need[0].b == u && !r->s.need[0].at_most);
  rule_free(r);
}

TEST(op_laws, what_cannot_be_is_refused_at_once) {
  oinf_add_args args = {0};
  rule *r = rule_new(&args, 2);
  oinf_dim t = oi_dims_sym(r->s.dims, "T", 2, 64, false);
  r->in[0] = (oi_type){OINF_F32, 1, {t}};
  r->in[1] = (oi_type){OINF_F32, 1, {oi_dims_add(r->s.dims, t, 1)}};
  CHECK(!oi_op_info_of(OP_add)->shape(&r->s));
  CHECK_STR(r->message, "expected shapes that broadcast, found f32 [T] and f32 [T+1]");
  rule_free(r);
}

TEST(op_laws, reshape_and_slice_over_symbols) {
  oinf_reshape_args shape = {.shape = {2, {OINF_INFER, 4}}};
  rule *r = rule_new(&shape, 1);
  oinf_dim t = oi_dims_sym(r->s.dims, "T", 1, 64, false);
  r->in[0] = (oi_type){OINF_F32, 2, {t, 8}};
  CHECK_MSG(oi_op_info_of(OP_reshape)->shape(&r->s), "%s", r->message);
  CHECK(r->out[0].dim[0] == oi_dims_mul(r->s.dims, t, 2));
  CHECK_INT(r->s.n_need, 0);
  oinf_slice_args last = {.begin = -1, .end = OINF_INFER};
  r->s.args = &last;
  CHECK_MSG(oi_op_info_of(OP_slice)->shape(&r->s), "%s", r->message);
  CHECK_INT(r->out[0].dim[0], 1);
  CHECK_INT(r->s.n_need, 0);
  rule_free(r);
}

TEST(op_laws, names_find_their_ops) {
  CHECK_INT(oi_op_find("matmul", 6), OP_matmul);
  CHECK_INT(oi_op_find("matmulx", 6), OP_matmul);
  CHECK_INT(oi_op_find("matmu", 5), OP_NONE);
  CHECK_INT(oi_op_paging(OP_matmul, 1), OI_PAGE_ROWS);
  CHECK_INT(oi_op_paging(OP_gather, 0), OI_PAGE_INDEXED);
  CHECK_INT(oi_op_paging(OP_add, 0), OI_PAGE_WHOLE);
  CHECK(oi_op_info_of(OP_NONE) == NULL && oi_op_info_of(OP_COUNT) == NULL);
  for (oi_op op = OP_NONE + 1; op < OP_COUNT; op++) {
    const oi_op_info *info = oi_op_info_of(op);
    CHECK_INT(oi_op_find(info->name, strlen(info->name)), op);
    CHECK(info->shape && info->run && info->file_offset < info->args_size);
  }
}
