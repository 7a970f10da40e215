// Attention, strict: a row of scores is kept, and every sum counts absolute key positions, so that
// a step's result does not depend on how a text was cut into steps.
//
// For query t of head n: s[j] = (q . k[j]) * scale, then cap * tanh(s / cap), then the mask's
// number added; m = max, e = exp(s - m), r = 1 / sum(e), out = (sum of e[j] v[j]) * r. Both sums
// take position j to partial j mod 16. A key is seen unless it lies behind the query (causal),
// before its window, or under a mask that is false or -infinity; what is not seen is left out,
// whatever it holds. A query that sees nothing gives zeros. The scale that stands for 0 is the f32
// nearest to 1 / sqrt(d).
//
// Work is shared in items of up to eight rows of scores over the same keys: queries one after the
// other under one head, or, where there are few queries, the heads that share keys. What it does
// not do: online softmax, which is fast and not strict.
#include "lib/op.h"
#include "lib/rt/dot.h"
#include "lib/rt/strict.h"
#include "lib/rt/threads.h"

#include <oinf/ops.h>

enum { ROWS = 8, STEP = 16 };

// ---- the shape rule ----
static bool check_attributes(oi_infer *s, const oinf_sdpa_args *args) {
  if (args->window < 0)
    return oi_infer_fail(s, "sdpa: expected a window of 0 or more, found %lld",
                         (long long)args->window);
  if (!(args->softcap >= 0)) return oi_infer_fail(s, "sdpa: expected a softcap of 0 or more");
  return true;
}

static bool check_mask(oi_infer *s) {
  const oi_type *mask = &s->in[3];
  char found[200];
  const oi_class class = oi_dtype_class(mask->dtype);
  if ((class != OI_F && class != OI_B) || mask->rank != 2)
    return oi_infer_fail(s, "sdpa: expected a mask [T, S] of bool or float, found %s",
                         oi_infer_type(s, mask, found, sizeof found));
  return oi_infer_require(s, s->in[0].dim[0], mask->dim[0], "sdpa: rows of the mask") &&
         oi_infer_require(s, s->in[1].dim[0], mask->dim[1], "sdpa: columns of the mask");
}

bool oi_shape_sdpa(oi_infer *s) {
  const oi_type *q = &s->in[0], *k = &s->in[1], *v = &s->in[2];
  for (int i = 0; i < 3; i++) {
    char found[200];
    if (oi_dtype_class(s->in[i].dtype) != OI_F || s->in[i].rank != 3)
      return oi_infer_fail(s, "sdpa: expected floats [rows, heads, d], found %s",
                           oi_infer_type(s, &s->in[i], found, sizeof found));
  }
  if (!check_attributes(s, s->args)) return false;
  if (!oi_infer_require(s, q->dim[2], k->dim[2], "sdpa: elements of a head of q and k"))
    return false;
  for (int i = 0; i < 3; i++)
    if (!oi_infer_require(s, k->dim[i], v->dim[i], "sdpa: dim of k and v")) return false;
  oinf_dim rest = oi_dims_mod(s->dims, q->dim[1], k->dim[1]);
  if (rest == OI_DIM_BAD) return oi_infer_fail(s, "sdpa: expected one head of k or more");
  if (!oi_infer_require(s, 0, rest, "sdpa: heads of q behind a multiple of those of k"))
    return false;
  if (s->n_in == 4 && !check_mask(s)) return false;
  s->out[0] = *q;
  s->out[0].dtype = OINF_F32;
  return true;
}

// ---- memory ----
// A worker has the scores of its rows, 16 partial sums of each row's output, and a byte a key and
// row that says whether it is seen.
static int64_t padded(int64_t n) { return (n + STEP - 1) / STEP * STEP; }
// Rows of partial sums lie a line further apart than they are long: 4 KiB apart, which many head
// sizes come to, a load would wait for the store of the row before.
static int64_t part_pitch(int64_t d) { return padded(d) + STEP; }
static int64_t part_floats(int64_t d) { return 16 * part_pitch(d); }
static int64_t worker_bytes(int64_t keys, int64_t d) {
  int64_t row = padded(keys) * 4 + part_floats(d) * 4 + padded(keys);
  return (ROWS * row + 63) / 64 * 64;
}
static int64_t query_bytes(const oi_view *q) {
  return q->dtype == OINF_F32 ? 0 : (oi_view_count(q) * 4 + 63) / 64 * 64;
}

uint64_t oi_room_sdpa(const oi_call *c) {
  const oi_view *k = &c->in[1];
  int64_t workers = oi_threads_count(c->threads) * worker_bytes(k->dim[0], k->dim[2]);
  return (uint64_t)(query_bytes(&c->in[0]) + workers);
}

// ---- the kernel ----
typedef struct job {
  const oi_call *call;
  const oi_dots *dots;
  const float *q;
  int64_t rows, heads, groups, d, keys;  // T, h, g, d, S
  int64_t pos, window;
  bool causal, by_time;
  float scale, cap;
} job;

// Rows of scores over the keys of one group: row r is query t + r * dt of head n + r * dn.
typedef struct range {
  int64_t begin, end;
} range;

typedef struct item {
  int64_t group, rows, t, dt, n, dn;
  float *scores;  // padded(keys) a row; then exponentials
  float *part;    // part_floats(d) a row
  uint8_t *seen;  // padded(keys) a row, of a mask
  range keys[ROWS];
  float share[ROWS];
} item;

static int64_t clamp(int64_t x, int64_t lo, int64_t hi) { return x < lo ? lo : x > hi ? hi : x; }

// The keys that query t may see, a mask aside.
static range keys_of(const job *j, int64_t t) {
  range r = {0, j->keys};
  if (j->causal) r.end = clamp(j->pos + t + 1, 0, j->keys);
  if (j->window > 0) r.begin = clamp(j->pos + t - j->window + 1, 0, r.end);
  return r;
}

static void dot_keys(const job *j, const item *it, range keys) {
  const oi_view *k = &j->call->in[1];
  const int64_t element = k->dtype == OINF_F32 ? 4 : 2;
  const int64_t x_step = it->dn ? j->d : j->heads * j->d;
  oi_dot d = {.out = it->scores + keys.begin,
              .out_pitch = padded(j->keys),
              .x = j->q + (it->t * j->heads + it->n) * j->d,
              .x_pitch = x_step * 4,
              .w = (const uint8_t *)k->data + (keys.begin * j->groups + it->group) * j->d * element,
              .w_pitch = j->groups * j->d * element,
              .m = it->rows,
              .n = keys.end - keys.begin,
              .k = j->d};
  oi_dot_of(j->dots, oi_dtype_dot(k->dtype))(&d);
}

static void scale_scores(const job *j, float *s, range keys) {
  for (int64_t i = keys.begin; i < keys.end; i++) s[i] = s[i] * j->scale;
  if (!(j->cap > 0)) return;
  for (int64_t i = keys.begin; i < keys.end; i++) {
    float x = oi_div(s[i], j->cap);
    x = oi_tanh(x);
    s[i] = x * j->cap;
  }
}

// Adds the mask of query t and notes what is seen; false where nothing is.
static bool mask_scores(const job *j, int64_t t, float *s, uint8_t *seen, range keys) {
  const oi_view *mask = &j->call->in[3];
  bool any = false;
  for (int64_t i = keys.begin; i < keys.end; i++) {
    float add = 0.0f;
    if (mask->dtype == OINF_BOOL)
      add = ((const uint8_t *)mask->data)[t * j->keys + i] ? 0.0f : -INFINITY;
    else
      oi_load_f32(&add, mask, t * j->keys + i, 1);
    seen[i] = (uint8_t)(add != -INFINITY);
    any = any || seen[i];
    s[i] = !seen[i] ? -INFINITY : mask->dtype == OINF_BOOL ? s[i] : s[i] + add;
  }
  return any;
}

static float largest(const float *s, int64_t n) {
  float p[STEP];
  for (int l = 0; l < STEP; l++) p[l] = -INFINITY;
  for (int64_t i = 0; i < n; i += STEP)
    for (int l = 0; l < STEP; l++) p[l] = s[i + l] > p[l] ? s[i + l] : p[l];
  for (int l = 1; l < STEP; l++) p[0] = p[l] > p[0] ? p[l] : p[0];
  return p[0];
}

// n is a multiple of 16; the sum of exponentials is never -0.
static float sum_in_order(const float *e, int64_t n) {
  float p[STEP] = {0};
  for (int64_t i = 0; i < n; i += STEP)
    for (int l = 0; l < STEP; l++) p[l] = p[l] + e[i + l];
  for (int s = STEP / 2; s > 0; s /= 2)
    for (int l = 0; l < s; l++) p[l] = p[l] + p[l + s];
  return p[0];
}

// Scores to exponentials over whole steps of 16 positions, +0 where nothing is seen; the sum's
// reciprocal.
static float exponentials(const job *j, float *s, range keys) {
  const int64_t begin = keys.begin / STEP * STEP, end = padded(keys.end);
  for (int64_t i = begin; i < keys.begin; i++) s[i] = -INFINITY;
  for (int64_t i = keys.end; i < end; i++) s[i] = -INFINITY;
  j->dots->exp(s + begin, end - begin, largest(s + begin, end - begin));
  return oi_div(1.0f, sum_in_order(s + begin, end - begin));
}

// Row r from scores to exponentials; a row that sees nothing gets no keys and no share.
static void weigh_row(const job *j, item *it, int64_t r) {
  const int64_t t = it->t + r * it->dt;
  float *s = it->scores + r * padded(j->keys);
  const range keys = keys_of(j, t);
  it->keys[r] = (range){0, 0}, it->share[r] = 0.0f;
  scale_scores(j, s, keys);
  if (keys.begin >= keys.end) return;
  if (j->call->n_in == 4 && !mask_scores(j, t, s, it->seen + r * padded(j->keys), keys)) return;
  it->share[r] = exponentials(j, s, keys);
  it->keys[r] = keys;
}

static void mix_keys(const job *j, const item *it, int64_t row, int64_t rows, range keys) {
  const oi_view *v = &j->call->in[2];
  const int64_t element = v->dtype == OINF_F32 ? 4 : 2;
  oi_mix mix = {.part = it->part + row * part_floats(j->d),
                .part_pitch = part_pitch(j->d),
                .e = it->scores + row * padded(j->keys),
                .e_pitch = padded(j->keys),
                .v = (const uint8_t *)v->data + it->group * j->d * element,
                .v_pitch = j->groups * j->d * element,
                .seen = j->call->n_in == 4 ? it->seen + row * padded(j->keys) : NULL,
                .m = rows,
                .begin = keys.begin,
                .end = keys.end,
                .columns = j->d};
  if (keys.begin < keys.end) oi_mix_of(j->dots, oi_dtype_dot(v->dtype))(&mix);
}

// The keys that all rows see are read once for all of them; before and behind them each row goes
// alone, as it does under a mask.
static void mix_rows(const job *j, const item *it) {
  range all = it->keys[0];
  for (int64_t r = 1; r < it->rows; r++) {
    if (it->keys[r].begin > all.begin) all.begin = it->keys[r].begin;
    if (it->keys[r].end < all.end) all.end = it->keys[r].end;
  }
  if (j->call->n_in == 4 || all.begin >= all.end) {
    for (int64_t r = 0; r < it->rows; r++) mix_keys(j, it, r, 1, it->keys[r]);
    return;
  }
  for (int64_t r = 0; r < it->rows; r++)
    mix_keys(j, it, r, 1, (range){it->keys[r].begin, all.begin});
  mix_keys(j, it, 0, it->rows, all);
  for (int64_t r = 0; r < it->rows; r++) mix_keys(j, it, r, 1, (range){all.end, it->keys[r].end});
}

static int64_t blocks(int64_t n) { return (n + ROWS - 1) / ROWS; }

static void describe_item(const job *j, int64_t index, item *it) {
  const int64_t shared = j->heads / j->groups;
  if (j->by_time) {
    it->n = index % j->heads, it->t = index / j->heads * ROWS;
    it->dn = 0, it->dt = 1;
    it->group = it->n / shared;
    it->rows = clamp(j->rows - it->t, 0, ROWS);
    return;
  }
  int64_t block = index % blocks(shared);
  it->group = index / blocks(shared) % j->groups;
  it->t = index / blocks(shared) / j->groups;
  it->n = it->group * shared + block * ROWS;
  it->dn = 1, it->dt = 0;
  it->rows = clamp(shared - block * ROWS, 0, ROWS);
}

static void run_item(const job *j, item *it) {
  range keys = {keys_of(j, it->t).begin, keys_of(j, it->t + (it->rows - 1) * it->dt).end};
  if (keys.begin < keys.end) dot_keys(j, it, keys);
  for (int64_t r = 0; r < it->rows; r++) weigh_row(j, it, r);
  memset(it->part, 0, (size_t)(it->rows * part_floats(j->d)) * sizeof *it->part);
  mix_rows(j, it);
  for (int64_t r = 0; r < it->rows; r++) {
    int64_t row = (it->t + r * it->dt) * j->heads + it->n + r * it->dn;
    j->dots->mixed((float *)j->call->out->data + row * j->d, it->part + r * part_floats(j->d),
                   part_pitch(j->d), j->d, it->share[r]);
  }
}

static void run_items(void *arg, int64_t begin, int64_t end, int worker) {
  const job *j = arg;
  uint8_t *room = (uint8_t *)j->call->room + query_bytes(&j->call->in[0]) +
                  worker * worker_bytes(j->keys, j->d);
  item it = {.scores = (float *)(void *)room};
  it.part = it.scores + ROWS * padded(j->keys);
  it.seen = (uint8_t *)(it.part + ROWS * part_floats(j->d));
  for (int64_t i = begin; i < end; i++) {
    describe_item(j, i, &it);
    run_item(j, &it);
  }
}

static float scale_of(const oinf_sdpa_args *args, int64_t d) {
  return (float)(args->scale != 0 ? args->scale : oi_div_d(1.0, oi_sqrt_d((double)d)));
}

void oi_run_sdpa(const oi_call *c) {
  const oinf_sdpa_args *args = c->args;
  const oi_view *q = &c->in[0], *k = &c->in[1];
  job j = {.call = c,
           .dots = oi_dots_of((oi_cpu)c->cpu),
           .q = q->data,
           .rows = q->dim[0],
           .heads = q->dim[1],
           .groups = k->dim[1],
           .d = q->dim[2],
           .keys = k->dim[0],
           .pos = c->dims[0],
           .window = args->window,
           .causal = args->causal,
           .by_time = q->dim[0] >= ROWS / 2,
           .scale = scale_of(args, q->dim[2]),
           .cap = (float)args->softcap};
  if (oi_view_count(q) == 0) return;
  if (query_bytes(q)) {
    oi_load_f32(c->room, q, 0, oi_view_count(q));
    j.q = c->room;
  }
  int64_t items =
      j.by_time ? blocks(j.rows) * j.heads : j.rows * j.groups * blocks(j.heads / j.groups);
  oi_threads_run(c->threads, items, 1, run_items, &j);
}
