// See sim_world.h. Weights are noise from a seed made of their names' letters, so a model is the
// same in every test and every run.
#include "tests/sim_world.h"

world world_new(const oinf_ctx_desc *desc) {
  world w = {0};
  CHECK_INT(oinf_ctx_create(desc, &w.ctx), OINF_OK);
  CHECK_INT(oinf_model_create(w.ctx, &w.model), OINF_OK);
  CHECK_INT(oinf_graph_create(w.ctx, w.model, "g", &w.graph), OINF_OK);
  return w;
}

void world_free(world *w) {
  oinf_graph_destroy(w->graph);
  oinf_model_destroy(w->model);
  oinf_ctx_destroy(w->ctx);
  for (int i = 0; i < w->n_data; i++) free(w->data[i]);
  *w = (world){0};
}

// ---- weights ----

static uint64_t next(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}

// f32 within a half; f16 around 2^-6; a block's scale likewise, with whatever quants.
static void put(unsigned char *at, oinf_dtype dtype, uint64_t *state) {
  const uint64_t bits = next(state);
  const float f = (float)((double)(int64_t)bits * 0x1p-64);
  const uint16_t half = (uint16_t)((bits & 0x83ff) | (uint64_t)(8 + (bits >> 20 & 1)) << 10);
  if (dtype == OINF_F32) {
    memcpy(at, &f, 4);
    return;
  }
  memcpy(at, &half, 2);
  for (uint32_t i = 2; i < oinf_dtype_block_bytes(dtype); i++) at[i] = (unsigned char)next(state);
}

void world_weight(world *w, const char *name, oinf_dtype dtype, int64_t a, int64_t b) {
  uint64_t state = 1;
  for (const char *c = name; *c; c++) state = state * 131 + (unsigned char)*c;
  const int64_t dims[2] = {a, b}, n = a * (b ? b : 1) / oinf_dtype_block(dtype);
  const uint32_t size = oinf_dtype_block_bytes(dtype);
  unsigned char *data = malloc((size_t)n * size);
  CHECK(data && w->n_data < 64);
  for (int64_t i = 0; i < n; i++) put(data + i * size, dtype, &state);
  w->data[w->n_data++] = data;
  CHECK_MSG(oinf_model_add(w->model, name, dtype, b ? 2 : 1, dims, data) == OINF_OK, "%s",
            oinf_error(w->ctx));
}

// ---- graphs ----

static void decoder_weights(world *w) {
  char name[32];
  world_weight(w, "embed", OINF_F32, VOCAB, WIDTH);
  for (int l = 0; l < LAYERS; l++) {
    snprintf(name, sizeof name, "blk.%d.norm", l);
    world_weight(w, name, OINF_F32, WIDTH, 0);
    snprintf(name, sizeof name, "blk.%d.wk", l);
    world_weight(w, name, OINF_F16, WIDTH, WIDTH);
    snprintf(name, sizeof name, "blk.%d.wo", l);
    world_weight(w, name, OINF_Q8_0, WIDTH, WIDTH);
  }
  world_weight(w, "head", OINF_Q4_0, VOCAB, WIDTH);
}

void world_decoder(world *w) {
  oinf_graph *g = w->graph;
  decoder_weights(w);
  const oinf_dim C = oinf_sym(g, "C", 1, CAPACITY), P = oinf_sym(g, "P", 0, oinf_dim_sub(g, C, 1)),
                 T = oinf_sym(g, "T", 1, ROWS), S = oinf_dim_add(g, P, T);
  const oinf_state ks = oinf_state_new(g, "k", OINF_F32, LAYERS, C, WIDTH);
  oinf_val x = oinf_gather(oinf_weight(g, "embed"), oinf_input(g, "tokens", OINF_I32, T));
  oinf_for(l, g, LAYERS, &x) {
    oinf_val h =
        oinf_name(oinf_rmsnorm(x, oinf_weight(g, "blk.{l}.norm"), .eps = 1e-5), "blk.{l}.norm");
    oinf_val k = oinf_matmul(h, oinf_weight(g, "blk.{l}.wk"), .transpose_b = true);
    oinf_state_write(ks, l.index, k, .at = P);
    oinf_val all = oinf_state_read(ks, l.index, .rows = S);
    all = oinf_reshape(all, .shape = OINF_DIMS(S, 4, WIDTH / 4));
    oinf_val q = oinf_split_heads(k, 4);
    oinf_val att = oinf_sdpa(q, all, all, .pos = P, .causal = true);
    att = oinf_reshape(att, .shape = OINF_DIMS(T, WIDTH));
    att = oinf_matmul(att, oinf_weight(g, "blk.{l}.wo"), .transpose_b = true);
    x = oinf_name(oinf_add(x, att), "blk.{l}.out");
  }
  oinf_val y = oinf_matmul(oinf_last(x, T), oinf_weight(g, "head"), .transpose_b = true);
  oinf_output(g, "logits", oinf_reshape(y, .shape = OINF_DIMS(VOCAB)));
  oinf_variant(g, "decode", T, 1);
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

void world_windowed(world *w, oinf_dtype kv, int64_t second) {
  oinf_graph *g = w->graph;
  world_weight(w, "embed", OINF_F32, VOCAB, WIDTH);
  world_weight(w, "wq", OINF_F32, WIDTH, WIDTH);
  world_weight(w, "wk", OINF_F32, WIDTH / 2, WIDTH);
  world_weight(w, "wv", OINF_F16, WIDTH / 2, WIDTH);
  const oinf_dim C = oinf_sym(g, "C", 1, POSITIONS), P = oinf_sym(g, "P", 0, oinf_dim_sub(g, C, 1)),
                 T = oinf_sym(g, "T", 1, WINDOW_ROWS), S = oinf_dim_add(g, P, T);
  const oinf_state ks = oinf_state_new(g, "k", kv, 2, C, WIDTH / 2),
                   vs = oinf_state_new(g, "v", kv, 2, C, 2, WIDTH / 4);
  oinf_val x = oinf_gather(oinf_weight(g, "embed"), oinf_input(g, "tokens", OINF_I32, T));
  for (int l = 0; l < 2; l++) {
    char name[16];
    oinf_val q = oinf_split_heads(oinf_matmul(x, oinf_weight(g, "wq"), .transpose_b = true), 4);
    oinf_val k = oinf_matmul(x, oinf_weight(g, "wk"), .transpose_b = true);
    oinf_val v = oinf_matmul(x, oinf_weight(g, "wv"), .transpose_b = true);
    oinf_state_write(ks, l, k, .at = P);
    oinf_state_write(vs, l, oinf_split_heads(v, 2), .at = P);
    k = oinf_reshape(oinf_state_read(ks, l, .rows = S), .shape = OINF_DIMS(S, 2, WIDTH / 4));
    v = oinf_state_read(vs, l, .rows = S);
    oinf_val a = oinf_sdpa(q, k, v, .pos = P, .causal = true, .window = l ? second : WINDOW);
    snprintf(name, sizeof name, "out%d", l);
    x = oinf_name(oinf_add(x, oinf_reshape(a, .shape = OINF_DIMS(T, WIDTH))), name);
  }
  oinf_val y = oinf_matmul(oinf_last(x, T), oinf_weight(g, "embed"), .transpose_b = true);
  oinf_output(g, "logits", oinf_reshape(y, .shape = OINF_DIMS(VOCAB)));
  oinf_variant(g, "decode", T, 1);
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

void world_rnn(world *w) {
  oinf_graph *g = w->graph;
  const oinf_state hs = oinf_state_new(g, "h", OINF_F32, 1, 4);
  oinf_val x = oinf_input(g, "x", OINF_F32, 1, 4);
  oinf_val h = oinf_name(oinf_state_read(hs, OINF_NO_LAYER, .rows = 1), "before");
  h = oinf_add(oinf_mul(h, oinf_num(g, 0.5)), x);
  h = oinf_name(oinf_state_write(hs, OINF_NO_LAYER, h, .at = 0), "after");
  oinf_output(g, "y", oinf_neg(h));
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

void world_wide(world *w) {
  enum {
    K = 96
  };
  oinf_graph *g = w->graph;
  const oinf_dim T = oinf_sym(g, "T", 1, WIDE_PICKS);
  oinf_val pick = oinf_input(g, "pick", OINF_I32, T);
  world_weight(w, "table", OINF_F16, WIDE_ROWS, K);
  world_weight(w, "rows32", OINF_F32, WIDE_ROWS, K);
  world_weight(w, "bias", OINF_F32, K, 0);
  world_weight(w, "rows8", OINF_Q8_0, 2 * WIDE_ROWS, K);
  world_weight(w, "rows4", OINF_Q4_0, WIDE_ROWS, K);
  world_weight(w, "columns", OINF_F16, K, 700);
  world_weight(w, "unused", OINF_F32, 1000, 1000);
  world_weight(w, "across", OINF_F32, K, WIDE_ROWS);
  oinf_val x = oinf_gather(oinf_weight(g, "table"), pick);
  x = oinf_name(oinf_add(oinf_cast(x, .to = OINF_F32), oinf_weight(g, "bias")), "x");
  oinf_output(g, "a", oinf_matmul(x, oinf_weight(g, "rows32"), .transpose_b = true));
  oinf_output(g, "b", oinf_matmul(x, oinf_weight(g, "rows8"), .transpose_b = true));
  oinf_output(g, "c", oinf_matmul(x, oinf_weight(g, "rows4"), .transpose_b = true));
  oinf_output(g, "d",
              oinf_matmul(x, oinf_weight(g, "rows8"), .transpose_b = true, .act = OINF_F32));
  oinf_output(g, "e", oinf_matmul(x, oinf_weight(g, "columns")));
  oinf_output(g, "f", oinf_gather(oinf_weight(g, "across"), pick, .axis = 1));
  oinf_output(g, "g", oinf_gather(oinf_weight(g, "rows4"), pick));
  oinf_output(g, "h", oinf_weight(g, "bias"));
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

// Weights of their own in either side of a branch that an input decides, and behind it.
void world_sides(world *w) {
  oinf_graph *g = w->graph;
  const char *const names[] = {"left", "right", "behind"};
  for (int i = 0; i < 3; i++) world_weight(w, names[i], OINF_F32, 8192, 64);
  world_weight(w, "back", OINF_F32, 64, 8192);
  oinf_val x = oinf_input(g, "x", OINF_F32, 1, 64), y = x;
  const oinf_val side = oinf_input_scalar(g, "side", OINF_BOOL);
  oinf_branch b = oinf_if(side, &y);
  y = oinf_matmul(x, oinf_weight(g, "left"), .transpose_b = true);
  y = oinf_matmul(y, oinf_weight(g, "back"), .transpose_b = true);
  oinf_else(&b);
  y = oinf_matmul(x, oinf_weight(g, "right"), .transpose_b = true);
  y = oinf_matmul(y, oinf_weight(g, "back"), .transpose_b = true);
  oinf_endif(&b);
  oinf_output(g, "y", oinf_matmul(y, oinf_weight(g, "behind"), .transpose_b = true));
  CHECK_MSG(oinf_graph_check(g) == OINF_OK, "%s", oinf_error(w->ctx));
}

// ---- packages and simulations ----

const char *world_path(const char *name) {
  static char path[16][256];
  static int turn;
  turn = (turn + 1) % 16;
  snprintf(path[turn], sizeof path[turn], "%s/%s", oi_test_dir(), name);
  return path[turn];
}

void world_package(world *w, const char *name) {
  const char *path = world_path(name);
  CHECK_MSG(!oinf_graph_save(w->graph, w->model) && !oinf_model_save(w->model, path), "%s",
            oinf_error(w->ctx));
  oinf_graph_destroy(w->graph);
  oinf_model_destroy(w->model);
  CHECK_MSG(!oinf_model_open(w->ctx, path, &w->model) &&
                !oinf_graph_load(w->ctx, w->model, NULL, &w->graph),
            "%s", oinf_error(w->ctx));
}

oinf_sim *world_sim(world *w, const oinf_sim_desc *desc) {
  oinf_sim *s = NULL;
  CHECK_MSG(oinf_sim_create(w->model, w->graph, desc, &s) == OINF_OK, "%s", oinf_error(w->ctx));
  return s;
}

void world_bind(oinf_sim *s, int64_t begin, int64_t end) {
  static _Thread_local int32_t ids[CAPACITY];
  const int64_t n = end - begin;
  for (int64_t i = begin; i < end; i++) ids[i - begin] = (int32_t)((7 * i + 3) % VOCAB);
  SIM_OK(s, oinf_sim_set(s, "P", begin));
  SIM_OK(s, oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, &n));
}

uint64_t world_hash(oinf_sim *s, const char *name) {
  oinf_array a;
  SIM_OK(s, oinf_sim_fetch(s, name, &a));
  oi_view v = {.data = (void *)(uintptr_t)a.data, .dtype = a.dtype, .rank = a.rank};
  memcpy(v.dim, a.dims, sizeof v.dim);
  return oi_view_hash(&v);
}

uint64_t world_step(oinf_sim *s, int64_t begin, int64_t end) {
  world_bind(s, begin, end);
  const uint64_t hash = world_hash(s, "logits");
  SIM_OK(s, oinf_sim_end(s));
  return hash;
}
