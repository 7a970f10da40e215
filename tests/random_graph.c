// The seeded generator of graphs. A pool holds the values that may be used where the builder
// stands; each turn picks an op at random and operands that fit it, so what is built is valid and
// no turn has to be taken back. Every value comes with a bound of its magnitude.
#include "tests/random_graph_in.h"
#include "tests/test.h"

typedef struct random_block {
  struct random_block *next;
  _Alignas(16) unsigned char at[];
} random_block;

static void *block(random_graph *r, size_t size) {
  random_block *b = calloc(1, sizeof *b + size + 16);
  if (!b) abort();
  b->next = r->blocks, r->blocks = b;
  return b->at;
}

// ---- weights ----

// A half of 2^(least - 15) to 2^(least - 12), of either sign.
static void put_f16(unsigned char *at, uint64_t bits, int least) {
  uint16_t h = (uint16_t)((bits & 0x83ff) | (uint64_t)(least + (int)(bits >> 20 & 3)) << 10);
  memcpy(at, &h, 2);
}

static void put_element(generator *v, unsigned char *at, oinf_dtype dtype) {
  uint64_t bits = next_random(&v->state);
  float f = (float)(unit(&v->state) * 0.7);
  uint32_t word;
  memcpy(&word, &f, 4);
  switch (dtype) {
    case OINF_F32: memcpy(at, &f, 4); break;
    case OINF_BF16: memcpy(at, (unsigned char *)&word + 2, 2); break;
    case OINF_F16: put_f16(at, bits, 11); break;
    case OINF_I8: memcpy(at, &bits, 1); break;
    case OINF_I32:
      bits &= 7;
      memcpy(at, &bits, 4);
      break;
    default:  // a block: its scale, then whatever quants
      put_f16(at, bits & ~UINT64_C(0x8000), 6);
      for (uint32_t i = 2; i < oinf_dtype_block_bytes(dtype); i++)
        at[i] = (unsigned char)next_random(&v->state);
  }
}

static void add_weight(generator *v, const char *name, oinf_dtype dtype, uint32_t rank,
                       const int64_t *dims) {
  int64_t count = 1;
  for (uint32_t i = 0; i < rank; i++) count *= dims[i];
  count /= oinf_dtype_block(dtype);
  uint32_t size = oinf_dtype_block_bytes(dtype);
  unsigned char *data = block(v->r, (size_t)count * size);
  for (int64_t i = 0; i < count; i++) put_element(v, data + i * size, dtype);
  if (oinf_model_add(v->r->model, name, dtype, rank, dims, data) != OINF_OK) abort();
}

// A weight of these dims; in a loop mostly a family of them.
oinf_val random_weight(generator *v, oinf_dtype dtype, uint32_t rank, int64_t a, int64_t b) {
  char name[64];
  int64_t dims[2] = {a, b};
  int id = v->weights++;
  bool family = v->trips > 0 && !one_in(v, 4);
  for (int64_t l = 0; l < (family ? v->trips : 1); l++) {
    if (family) snprintf(name, sizeof name, "%sw%d.%d.t", v->prefix, id, (int)(2 * l + 1));
    else snprintf(name, sizeof name, "%sw%d", v->prefix, id);
    add_weight(v, name, dtype, rank, dims);
  }
  if (family) snprintf(name, sizeof name, "%sw%d.{2*%s+1}.t", v->prefix, id, v->loop_name);
  return oinf_weight(v->g, name);
}

// ---- the pool ----

static oinf_val add_name(generator *v, oinf_val x) {
  char name[48];
  snprintf(name, sizeof name, "%sn%d", v->prefix, v->names++);
  if (v->trips && !one_in(v, 4))
    snprintf(name, sizeof name, "%sn%d.{%s}.x", v->prefix, v->names, v->loop_name);
  return oinf_name(x, name);
}

oinf_val random_keep(generator *v, oinf_val x, double size) {
  if (oinf_val_dtype(x) != OINF_F32) x = oinf_cast(x, .to = OINF_F32);
  if (size > 16) x = oinf_tanh(x), size = 1;
  int at = v->n < POOL ? v->n++ : below(v, POOL);
  v->pool[at] = x, v->size[at] = size;
  if (one_in(v, 6)) add_name(v, x);
  if (one_in(v, 9)) oinf_hint(x, .role = OINF_RESIDUAL);
  if (one_in(v, 19)) oinf_hint(x, .fuse = OINF_NEVER);
  return x;
}

static int rank_of(oinf_val x) { return (int)oinf_val_rank(x); }
// The last dim where it is a number above 0, else 0.
int64_t random_width(oinf_val x) {
  int64_t d = rank_of(x) ? oinf_val_dim(x, -1) : 0;
  return d > 0 ? d : 0;
}

static bool same_shape(oinf_val a, oinf_val b) {
  bool same = rank_of(a) == rank_of(b);
  for (int k = 0; same && k < rank_of(a); k++) same = oinf_val_dim(a, k) == oinf_val_dim(b, k);
  return same;
}

// Another value of the same shape, or the value itself.
static int like(generator *v, int at) {
  for (int i = 0; i < 12; i++) {
    int other = below(v, v->n);
    if (same_shape(v->pool[at], v->pool[other])) return other;
  }
  return at;
}

// ---- ops; every value of the pool is f32 ----

static void make_unary(generator *v, oinf_val x, double s) {
  oinf_graph *g = v->g;
  switch (below(v, 17)) {
    case 0: random_keep(v, oinf_abs(x), s); break;
    case 1: random_keep(v, oinf_neg(x), s); break;
    case 2: random_keep(v, oinf_sqrt(oinf_abs(x)), s + 1); break;
    case 3: random_keep(v, oinf_exp(oinf_clamp(x, .lo = -2, .hi = 2)), 8); break;
    case 4: random_keep(v, oinf_log(oinf_add(oinf_abs(x), oinf_num(g, 0.25))), 4); break;
    case 5: random_keep(v, oinf_sin(x), 1); break;
    case 6: random_keep(v, oinf_tanh(x), 1); break;
    case 7: random_keep(v, oinf_sigmoid(x), 1); break;
    case 8: random_keep(v, oinf_erf(x), 1); break;
    case 9: random_keep(v, oinf_relu(x, .alpha = 0.125), s); break;
    case 10: random_keep(v, oinf_silu(x), s); break;
    case 11: random_keep(v, oinf_gelu(x), s); break;
    case 12: random_keep(v, oinf_floor(x), s + 1); break;
    case 13: random_keep(v, oinf_recip(oinf_add(oinf_mul(x, x), oinf_num(g, 0.5))), 2); break;
    case 14: random_keep(v, oinf_round(oinf_mul(x, oinf_num(g, 3))), 3 * s + 1); break;
    case 15: random_keep(v, oinf_pow(oinf_abs(x), oinf_num(g, 1.5)), s * s + 1); break;
    default: random_keep(v, oinf_softplus(x), s + 1);
  }
}

static void make_binary(generator *v, oinf_val x, double s, oinf_val y, double t) {
  double most = s > t ? s : t;
  switch (below(v, 7)) {
    case 0: random_keep(v, oinf_add(x, y), s + t); break;
    case 1: random_keep(v, oinf_sub(x, y), s + t); break;
    case 2: random_keep(v, oinf_mul(x, y), s * t); break;
    case 3: random_keep(v, oinf_min(x, y), most); break;
    case 4: random_keep(v, oinf_max(x, y), most); break;
    case 5: random_keep(v, oinf_div(x, oinf_add(oinf_abs(y), oinf_num(v->g, 1))), s); break;
    default: random_keep(v, oinf_where(oinf_lt(x, y), oinf_neg(x), y), most);
  }
}

static void make_matmul(generator *v, oinf_val x) {
  static const oinf_dtype dtypes[] = {OINF_F32, OINF_F32, OINF_F16, OINF_BF16};
  int64_t k = random_width(x), n = one_in(v, 3) ? 32 : 8;
  if (rank_of(x) < 2 || !k) return;
  bool quantized = k % 32 == 0 && !one_in(v, 3);
  oinf_dtype act = quantized && one_in(v, 3) ? OINF_F32 : OINF_NONE;
  oinf_dtype dtype = quantized ? one_in(v, 2) ? OINF_Q4_0 : OINF_Q8_0 : dtypes[below(v, 4)];
  if (quantized || one_in(v, 2))
    random_keep(
        v, oinf_matmul(x, random_weight(v, dtype, 2, n, k), .transpose_b = true, .act = act), 100);
  else random_keep(v, oinf_matmul(x, random_weight(v, dtype, 2, k, n)), 100);
}

static void make_row(generator *v, oinf_val x, double s) {
  int64_t k = random_width(x);
  if (!k) return;
  switch (below(v, 4)) {
    case 0: random_keep(v, oinf_softmax(x, .axis = -1), 1); break;
    case 1:
      random_keep(v, oinf_rmsnorm(x, random_weight(v, OINF_F32, 1, k, 0), .eps = 1e-5), 100);
      break;
    case 2: random_keep(v, oinf_layernorm(x, .eps = 1e-3), 100); break;
    default:
      random_keep(v, oinf_add(x, random_weight(v, one_in(v, 2) ? OINF_F16 : OINF_F32, 1, k, 0)),
                  s + 2);
  }
}

static void make_reduction(generator *v, oinf_val x, double s) {
  if (!rank_of(x)) return;
  int64_t axis = below(v, rank_of(x));
  bool wrap = one_in(v, 2);
  oinf_val y = x;
  switch (below(v, 4)) {
    case 0: y = oinf_sum(x, .axes = OINF_DIMS(axis), .keep = wrap); break;
    case 1: y = oinf_mean(x, .axes = OINF_DIMS(axis), .keep = wrap); break;
    case 2: y = oinf_reduce_max(x, .axes = OINF_DIMS(axis), .keep = wrap); break;
    default: y = oinf_prod(oinf_tanh(x), .axes = OINF_DIMS(axis), .keep = wrap);
  }
  y = random_keep(v, y, 100);
  if (wrap) random_keep(v, oinf_sub(x, y), s + 1);
}

static void make_movement(generator *v, oinf_val x, double s, oinf_val y, double t) {
  int rank = rank_of(x);
  int64_t k = random_width(x);
  if (!rank || rank > 3) return;
  switch (below(v, 7)) {
    case 0:
      if (rank == 2) random_keep(v, oinf_permute(x, .axes = OINF_DIMS(1, 0)), s);
      break;
    case 1:
      if (k > 1) random_keep(v, oinf_slice(x, .axis = rank - 1, .begin = 1, .end = OINF_INFER), s);
      break;
    case 2: random_keep(v, oinf_concat(x, y, .axis = 0), s > t ? s : t); break;
    case 3: random_keep(v, oinf_unsqueeze(x, .axes = OINF_DIMS(0)), s); break;
    case 4:
      if (k % 2 == 0 && k) random_keep(v, oinf_split_heads(x, 2), s);
      break;
    case 5:
      if (rank == 3)
        random_keep(v, oinf_reshape(x, .shape = OINF_DIMS(oinf_val_dim(x, 0), OINF_INFER)), s);
      break;
    default: random_keep(v, oinf_select(x, .axis = 0, .index = 0), s);
  }
}

OINF_OP(random_op, 2, {
  float t = a * 0.5f;
  out = t + b;
});

static void make_other(generator *v, oinf_val x, double s, oinf_val y) {
  oinf_graph *g = v->g;
  oinf_val i;
  switch (below(v, 6)) {
    case 0: random_keep(v, oinf_cast(oinf_cast(x, .to = OINF_F16), .to = OINF_F32), s); break;
    case 1:
      i = oinf_xor(oinf_cast(x, .to = OINF_I32), oinf_num(g, 5));
      random_keep(v, oinf_cast(oinf_shl(i, oinf_num(g, 2)), .to = OINF_F32), 100);
      break;
    case 2: random_keep(v, oinf_user(g, &random_op, x, y), 100); break;
    case 3:
      i = oinf_cast(oinf_sym_value(g, v->trips && one_in(v, 2) ? v->index : v->S), .to = OINF_F32);
      random_keep(v, oinf_mul(x, i), 100);
      break;
    case 4:
      if (!random_width(x)) break;
      i = oinf_argmax(x, .axis = -1);
      random_keep(
          v,
          oinf_gather(random_weight(v, one_in(v, 3) ? OINF_BF16 : OINF_F32, 2, random_width(x), 4),
                      i),
          1);
      break;
    default: random_keep(v, oinf_fma(x, x, oinf_num(g, 0.5)), s * s + 1);
  }
}

// ---- states, loops, branches ----

// Rows are written behind P others; what all S of them come to goes on. State 2w + 1 of width w has
// layers, one for each turn of the longest loop.
static void make_state(generator *v, oinf_val x) {
  int rank = rank_of(x);
  bool rows = rank == 2 && random_width(x) && oinf_val_dim(x, 0) == v->T;
  if (!rows || v->stateless || (random_width(x) != 8 && random_width(x) != 32)) return;
  bool layered = v->trips > 0;
  oinf_dim layer = layered ? v->index : OINF_NO_LAYER;
  oinf_state s = v->state_of[(random_width(x) == 32) * 2 + layered];
  (void)oinf_state_write(s, layer, x, .at = v->P);
  oinf_val all = oinf_cast(oinf_state_read(s, layer, .rows = v->S), .to = OINF_F32);
  random_keep(v, oinf_mean(all, .axes = OINF_DIMS(0)), 16);
  if (one_in(v, 2)) random_keep(v, oinf_slice(all, .begin = v->P, .end = v->S), 16);
}

static void declare_states(generator *v) {
  for (int i = 0; i < 4; i++) {
    char name[16];
    int64_t width = i < 2 ? 8 : 32;
    oinf_dtype dtype = one_in(v, 3) ? OINF_F16 : OINF_F32;
    snprintf(name, sizeof name, "%ss%d", v->prefix, i);
    v->state_of[i] = i % 2 ? oinf_state_new(v->g, name, dtype, 3, v->C, width)
                           : oinf_state_new(v->g, name, dtype, v->C, width);
  }
}

static void make_some(generator *v, int count);

// A body of some ops that ends in a value like the one carried.
static oinf_val body(generator *v, oinf_val x, double s) {
  int before = v->n;
  random_keep(v, x, s);
  make_some(v, 2 + below(v, 6));
  int at = v->n > before ? v->n - 1 : 0;
  for (int i = v->n; i-- > 0;)
    if (same_shape(v->pool[i], x)) at = i, i = 0;
  oinf_val y = same_shape(v->pool[at], x) ? v->pool[at] : x;
  return oinf_tanh(oinf_add(x, y));
}

static void make_loop(generator *v, oinf_val x, oinf_val y) {
  if (v->depth >= 2 || v->loops >= 3) return;
  generator outer = *v;
  oinf_val carried = oinf_tanh(x), second = oinf_tanh(y);
  int64_t trips = 1 + below(v, 3);
  char name[16];
  snprintf(name, sizeof name, "%sl%d", v->prefix, v->loops++);
  oinf_val *vars[2] = {&carried, &second};
  const size_t count = one_in(v, 2) ? 2 : 1;
  oinf_loop l = oi_loop_begin(v->g, name, trips, vars, count, __FILE__, __LINE__);
  memcpy(v->loop_name, name, sizeof name);
  v->trips = trips, v->index = l.index, v->depth++;
  const oinf_val before = carried;
  carried = body(v, carried, 1);
  if (count == 2 && same_shape(second, before)) second = before;
  oi_loop_end(&l);
  v->trips = outer.trips, v->index = outer.index, v->depth--;
  memcpy(v->loop_name, outer.loop_name, sizeof v->loop_name);
  memcpy(v->pool, outer.pool, sizeof v->pool);
  memcpy(v->size, outer.size, sizeof v->size);
  v->n = outer.n;
  random_keep(v, carried, 1);
  random_keep(v, second, 1);
}

static oinf_val condition(generator *v, oinf_val x) {
  oinf_val p = oinf_sym_value(v->g, v->trips && one_in(v, 2) ? v->index : v->P);
  if (one_in(v, 2)) return oinf_lt(p, oinf_num(v->g, 1 + below(v, 2)));
  return oinf_gt(oinf_sum(x), oinf_num(v->g, 0));
}

static void make_branch(generator *v, oinf_val x, double s) {
  if (v->depth >= 2 || v->branches++ >= 3) return;
  oinf_val y = x;
  oinf_branch b = oinf_if(condition(v, x), &y);
  generator outer = *v;
  v->stateless = true, v->depth++;
  y = body(v, y, s);
  memcpy(v->pool, outer.pool, sizeof v->pool);
  memcpy(v->size, outer.size, sizeof v->size);
  v->n = outer.n;
  oinf_else(&b);
  y = one_in(v, 2) ? oinf_neg(oinf_tanh(y)) : oinf_sin(y);
  oinf_endif(&b);
  v->stateless = outer.stateless, v->depth--;
  random_keep(v, y, 1);
}

static void make_some(generator *v, int count) {
  while (count-- > 0) {
    int a = below(v, v->n), b = like(v, a);
    oinf_val x = v->pool[a], y = v->pool[b];
    double s = v->size[a], t = v->size[b];
    switch (below(v, 17)) {
      case 0:
      case 1: make_unary(v, x, s); break;
      case 2:
      case 3: make_binary(v, x, s, y, t); break;
      case 4:
      case 5: make_matmul(v, x); break;
      case 6: make_row(v, x, s); break;
      case 7: make_reduction(v, x, s); break;
      case 8:
      case 9: make_movement(v, x, s, y, t); break;
      case 10: make_other(v, x, s, y); break;
      case 11: make_state(v, x); break;
      case 12: make_loop(v, x, y); break;
      case 13:
      case 14:
      case 15: random_other(v, x, y, s); break;
      default: make_branch(v, x, s);
    }
  }
}

// ---- the whole ----

static random_input *new_input(generator *v, const char *name, random_input in) {
  random_input *at = &v->r->input[v->r->n_inputs++];
  *at = in;
  snprintf(at->name, sizeof at->name, "%s%s", v->prefix, name);
  return at;
}

static void make_inputs(generator *v) {
  oinf_graph *g = v->g;
  int64_t width = one_in(v, 2) ? 32 : 8, side = 1 + below(v, 5);
  oinf_dtype narrow = one_in(v, 2) ? OINF_F32 : OINF_BF16;
  random_input *in = new_input(v, "tokens", (random_input){.dtype = OINF_I32, .rank = 1});
  new_input(v, "x", (random_input){.dtype = OINF_F32, .rank = 2, .dims = {0, width}});
  new_input(v, "y", (random_input){.dtype = narrow, .rank = 2, .dims = {side, 8}});
  new_input(v, "z", (random_input){.dtype = OINF_F32});
  oinf_val tokens = oinf_input(g, in[0].name, OINF_I32, v->T);
  oinf_val x = oinf_input(g, in[1].name, OINF_F32, v->T, width);
  oinf_val y = oinf_input(g, in[2].name, narrow, side, 8);
  oinf_val z = oinf_input_scalar(g, in[3].name, OINF_F32);
  oinf_dtype dtype = one_in(v, 3) ? OINF_Q8_0 : one_in(v, 2) ? OINF_F16 : OINF_F32;
  random_keep(v, oinf_gather(random_weight(v, dtype, 2, 16, 32), tokens), 16);
  random_keep(v, oinf_mul(y, oinf_num(g, 1)), 1);
  v->pool[v->n] = x, v->size[v->n++] = 1;  // inputs have their names already
  v->pool[v->n] = z, v->size[v->n++] = 1;
}

static void make_outputs(generator *v) {
  random_graph *r = v->r;
  int count = 1 + below(v, 3);
  for (int i = 0; i < count; i++) {
    oinf_val x = v->pool[i ? below(v, v->n) : v->n - 1];
    snprintf(r->output[r->n_outputs], sizeof r->output[0], "%sout%d", v->prefix, i);
    oinf_output(v->g, r->output[r->n_outputs++], x);
  }
}

static void make_part(generator *whole, uint64_t seed, int part) {
  generator v = *whole;
  v.state = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
  if (part) snprintf(v.prefix, sizeof v.prefix, "p%d_", part % 1000);
  declare_states(&v);
  make_inputs(&v);
  make_some(&v, 6 + below(&v, 18));
  make_outputs(&v);
  if (!part && one_in(&v, 2)) oinf_variant(v.g, "decode", v.T, 1);
}

void random_graph_make_many(oinf_ctx *ctx, uint64_t seed, int n, random_graph *out) {
  memset(out, 0, sizeof *out);
  out->ctx = ctx, out->seed = seed;
  generator v = {.r = out};
  if (oinf_op_register(ctx, &random_op) != OINF_OK) abort();
  if (oinf_model_create(ctx, &out->model) != OINF_OK) abort();
  if (oinf_graph_create(ctx, out->model, "random", &out->graph) != OINF_OK) abort();
  v.g = out->graph;
  v.C = oinf_sym(v.g, "C", 1, RANDOM_CAPACITY);
  v.P = oinf_sym(v.g, "P", 0, oinf_dim_sub(v.g, v.C, 1));
  v.T = oinf_sym(v.g, "T", 1, RANDOM_ROWS);
  v.S = oinf_dim_add(v.g, v.P, v.T);
  for (int i = 0; i < n; i++) make_part(&v, seed + (uint64_t)i, i);
}

void random_graph_make(oinf_ctx *ctx, uint64_t seed, random_graph *out) {
  random_graph_make_many(ctx, seed, 1, out);
}

static void fill_input(random_graph *r, random_input *in, uint64_t *state) {
  int64_t count = 1;
  for (uint32_t i = 0; i < in->rank; i++) count *= in->dims[i];
  unsigned char *at = in->data = block(r, (size_t)count * 4);
  for (int64_t i = 0; i < count; i++) {
    float f = (float)unit(state);
    int32_t token = (int32_t)(next_random(state) % 16);
    uint32_t word;
    memcpy(&word, &f, 4);
    if (in->dtype == OINF_I32) memcpy(at + 4 * i, &token, 4);
    else if (in->dtype == OINF_BF16) memcpy(at + 2 * i, (unsigned char *)&word + 2, 2);
    else memcpy(at + 4 * i, &f, 4);
  }
}

void random_graph_step(random_graph *r, uint32_t step) {
  uint64_t state = r->seed * 977 + step;
  r->position = step ? r->position + r->rows : 0;
  r->rows = 1 + (int64_t)(next_random(&state) % RANDOM_ROWS);
  for (int i = 0; i < r->n_inputs; i++)
    if (i % RANDOM_INPUTS < 2) r->input[i].dims[0] = r->rows;
  for (int i = 0; i < r->n_inputs; i++) fill_input(r, &r->input[i], &state);
}

void random_graph_free(random_graph *r) {
  oinf_graph_destroy(r->graph);
  oinf_model_destroy(r->model);
  for (random_block *b = r->blocks, *next; b; b = next) {
    next = b->next;
    free(b);
  }
  memset(r, 0, sizeof *r);
}
