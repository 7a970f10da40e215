// Attention, strict: a row of scores is kept, and every sum counts absolute key positions, so that
// a step's result does not depend on how a text was cut into steps.
//
// For query t of head n: s[j] = (q . k[j]) * scale, then cap * tanh(s / cap), then the mask's
// number added; m = max, e = exp(s - m), r = 1 / sum(e), out = (sum of e[j] v[j]) * r. Both sums
// take position j to partial j mod 16. A key is seen unless it lies behind the query (causal),
// before its window, or under the mask; what is not seen is left out, whatever it holds. A query
// that sees nothing gives zeros.
//
// Many queries are shared out in items of up to eight rows of scores over the same keys: queries
// one after the other under one head (under a mask, where they are few, the heads that share keys).
// A few queries are taken one by one, by all workers together. What it does not do: online softmax,
// which is fast and not strict.
#include "lib/rt/attend.h"

#include <string.h>

#include "lib/rt/strict.h"

enum {
  SCORE_ROWS = 8,
  SCORE_STEP = 16
};

// ---- memory ----
// A worker has the scores of its rows, 16 partial sums of each row's output, and a byte a key and
// row that says whether it is seen.
static int64_t whole_steps(int64_t n) { return (n + SCORE_STEP - 1) / SCORE_STEP * SCORE_STEP; }
// Rows of partial sums lie a line further apart than they are long: 4 KiB apart, which many head
// sizes come to, a load would wait for the store of the row before.
static int64_t part_pitch(int64_t d) { return whole_steps(d) + SCORE_STEP; }
static int64_t part_floats(int64_t d) { return 16 * part_pitch(d); }

OI_RT int64_t oi_attend_own(int64_t keys, int64_t d) {
  const int64_t row = whole_steps(keys) * 4 + part_floats(d) * 4 + whole_steps(keys);
  return (SCORE_ROWS * row + 63) / 64 * 64;
}

OI_RT int64_t oi_attend_shared(int64_t heads, int64_t keys, int64_t d) {
  const int64_t head = part_pitch(keys) + part_floats(d) + SCORE_STEP;
  return (heads * head * 4 + 63) / 64 * 64;
}

// ---- items ----
typedef struct key_range {
  int64_t begin, end;
} key_range;

// Rows of scores over the keys of one group: row r is query t + r * dt of head n + r * dn.
typedef struct score_rows {
  int64_t group, rows, t, dt, n, dn;
  float *scores;  // whole_steps(keys) a row; then exponentials
  float *part;    // part_floats(d) a row
  uint8_t *seen;  // whole_steps(keys) a row, of a mask
  key_range keys[SCORE_ROWS];
  float share[SCORE_ROWS];
} score_rows;

static int64_t within(int64_t x, int64_t lo, int64_t hi) { return x < lo ? lo : x > hi ? hi : x; }
static int64_t row_blocks(int64_t n) { return (n + SCORE_ROWS - 1) / SCORE_ROWS; }
static bool by_time(int64_t rows) { return rows >= SCORE_ROWS / 2; }

static int64_t count_items(const oi_attend *a) {
  if (by_time(a->rows)) return row_blocks(a->rows) * a->heads;
  return a->rows * a->groups * row_blocks(a->heads / a->groups);
}

static void describe_rows(const oi_attend *a, int64_t index, score_rows *it) {
  const int64_t shared = a->heads / a->groups;
  if (by_time(a->rows)) {
    it->n = index % a->heads, it->t = index / a->heads * SCORE_ROWS;
    it->dn = 0, it->dt = 1;
    it->group = it->n / shared;
    it->rows = within(a->rows - it->t, 0, SCORE_ROWS);
    return;
  }
  const int64_t block = index % row_blocks(shared);
  it->group = index / row_blocks(shared) % a->groups;
  it->t = index / row_blocks(shared) / a->groups;
  it->n = it->group * shared + block * SCORE_ROWS;
  it->dn = 1, it->dt = 0;
  it->rows = within(shared - block * SCORE_ROWS, 0, SCORE_ROWS);
}

// ---- scores ----

// The keys that query t may see, a mask aside.
static key_range keys_of(const oi_attend *a, int64_t t) {
  key_range r = {0, a->keys};
  if (a->causal) r.end = within(a->pos + t + 1, 0, a->keys);
  if (a->window > 0) r.begin = within(a->pos + t - a->window + 1, 0, r.end);
  return r;
}

static void score_keys(const oi_attend *a, const score_rows *it, key_range keys) {
  const int64_t element = a->k_type == OI_DOT_F32 ? 4 : 2;
  const int64_t x_step = it->dn ? a->d : a->heads * a->d;
  const oi_dot d = {
      .out = it->scores + keys.begin,
      .out_pitch = whole_steps(a->keys),
      .x = a->q + (it->t * a->heads + it->n) * a->d,
      .x_pitch = x_step * 4,
      .w = (const uint8_t *)a->k + (keys.begin * a->groups + it->group) * a->d * element,
      .w_pitch = a->groups * a->d * element,
      .m = it->rows,
      .n = keys.end - keys.begin,
      .k = a->d};
  oi_dot_of(a->dots, a->k_type)(&d);
}

static void scale_scores(const oi_attend *a, float *s, key_range keys) {
  for (int64_t i = keys.begin; i < keys.end; i++) s[i] = s[i] * a->scale;
  if (!(a->cap > 0)) return;
  for (int64_t i = keys.begin; i < keys.end; i++) {
    float x = oi_div(s[i], a->cap);
    x = oi_tanh(x);
    s[i] = x * a->cap;
  }
}

static float largest_score(const float *s, int64_t n) {
  float p[SCORE_STEP];
  for (int l = 0; l < SCORE_STEP; l++) p[l] = oi_flt(0xff800000u);
  for (int64_t i = 0; i < n; i += SCORE_STEP)
    for (int l = 0; l < SCORE_STEP; l++) p[l] = s[i + l] > p[l] ? s[i + l] : p[l];
  for (int l = 1; l < SCORE_STEP; l++) p[0] = p[l] > p[0] ? p[l] : p[0];
  return p[0];
}

// n is a multiple of 16; the sum of exponentials is never -0.
static float sum_in_order(const float *e, int64_t n) {
  float p[SCORE_STEP] = {0};
  for (int64_t i = 0; i < n; i += SCORE_STEP)
    for (int l = 0; l < SCORE_STEP; l++) p[l] = p[l] + e[i + l];
  for (int s = SCORE_STEP / 2; s > 0; s /= 2)
    for (int l = 0; l < s; l++) p[l] = p[l] + p[l + s];
  return p[0];
}

// Scores to exponentials over whole steps of 16 positions, +0 where nothing is seen; the sum's
// reciprocal.
static float exponentials(const oi_attend *a, float *s, key_range keys) {
  const int64_t begin = keys.begin / SCORE_STEP * SCORE_STEP, end = whole_steps(keys.end);
  for (int64_t i = begin; i < keys.begin; i++) s[i] = oi_flt(0xff800000u);
  for (int64_t i = keys.end; i < end; i++) s[i] = oi_flt(0xff800000u);
  a->dots->exp(s + begin, end - begin, largest_score(s + begin, end - begin));
  return oi_div(1.0f, sum_in_order(s + begin, end - begin));
}

// Row r from scores to exponentials; a row that sees nothing gets no keys and no share.
static void weigh_row(const oi_attend *a, score_rows *it, int64_t r) {
  const int64_t t = it->t + r * it->dt, pitch = whole_steps(a->keys);
  float *s = it->scores + r * pitch;
  const key_range keys = keys_of(a, t);
  it->keys[r] = (key_range){0, 0}, it->share[r] = 0.0f;
  scale_scores(a, s, keys);
  if (keys.begin >= keys.end) return;
  if (a->mask && !a->mask(a->user, t, s, it->seen + r * pitch, keys.begin, keys.end)) return;
  it->share[r] = exponentials(a, s, keys);
  it->keys[r] = keys;
}

// ---- values ----

static void mix_keys(const oi_attend *a, const score_rows *it, int64_t row, int64_t rows,
                     key_range keys) {
  const int64_t element = a->v_type == OI_DOT_F32 ? 4 : 2, pitch = whole_steps(a->keys);
  const oi_mix mix = {.part = it->part + row * part_floats(a->d),
                      .part_pitch = part_pitch(a->d),
                      .e = it->scores + row * pitch,
                      .e_pitch = pitch,
                      .v = (const uint8_t *)a->v + it->group * a->d * element,
                      .v_pitch = a->groups * a->d * element,
                      .seen = a->mask ? it->seen + row * pitch : NULL,
                      .m = rows,
                      .begin = keys.begin,
                      .end = keys.end,
                      .columns = a->d};
  if (keys.begin < keys.end) oi_mix_of(a->dots, a->v_type)(&mix);
}

// The keys that all rows see are read once for all of them; before and behind them each row goes
// alone, as it does under a mask.
static void mix_rows(const oi_attend *a, const score_rows *it) {
  key_range all = it->keys[0];
  for (int64_t r = 1; r < it->rows; r++) {
    if (it->keys[r].begin > all.begin) all.begin = it->keys[r].begin;
    if (it->keys[r].end < all.end) all.end = it->keys[r].end;
  }
  if (a->mask || all.begin >= all.end) {
    for (int64_t r = 0; r < it->rows; r++) mix_keys(a, it, r, 1, it->keys[r]);
    return;
  }
  for (int64_t r = 0; r < it->rows; r++)
    mix_keys(a, it, r, 1, (key_range){it->keys[r].begin, all.begin});
  mix_keys(a, it, 0, it->rows, all);
  for (int64_t r = 0; r < it->rows; r++)
    mix_keys(a, it, r, 1, (key_range){all.end, it->keys[r].end});
}

static void attend_rows(const oi_attend *a, score_rows *it) {
  const key_range keys = {keys_of(a, it->t).begin, keys_of(a, it->t + (it->rows - 1) * it->dt).end};
  if (keys.begin < keys.end) score_keys(a, it, keys);
  for (int64_t r = 0; r < it->rows; r++) weigh_row(a, it, r);
  memset(it->part, 0, (size_t)(it->rows * part_floats(a->d)) * sizeof *it->part);
  mix_rows(a, it);
  for (int64_t r = 0; r < it->rows; r++) {
    const int64_t row = (it->t + r * it->dt) * a->heads + it->n + r * it->dn;
    a->dots->mixed(a->out + row * a->d, it->part + r * part_floats(a->d), part_pitch(a->d), a->d,
                   it->share[r]);
  }
}

static void run_items(void *arg, int64_t begin, int64_t end, int worker) {
  const oi_attend *a = arg;
  uint8_t *own = worker ? a->more + (worker - 1) * a->more_bytes : a->own;
  score_rows it = {.scores = (float *)(void *)own};
  it.part = it.scores + SCORE_ROWS * whole_steps(a->keys);
  it.seen = (uint8_t *)(it.part + SCORE_ROWS * part_floats(a->d));
  for (int64_t i = begin; i < end; i++) {
    describe_rows(a, i, &it);
    attend_rows(a, &it);
  }
}

// ---- one query, by all workers together ----
// Its keys and values are much more than a cache holds and are read once, so they are read as they
// lie, all groups of a position before the next position: scores in runs of positions, sums of
// values by the partial sum that positions go to, whose rows are a part of each run of sixteen.

typedef struct one_query {
  const oi_attend *a;
  int64_t t, pitch;  // floats of a row of scores
  key_range keys;
  float *scores, *part, *share;  // a row a head
} one_query;

static void score_run(void *arg, int64_t begin, int64_t end, int worker) {
  const one_query *o = arg;
  const oi_attend *a = o->a;
  const int64_t row = a->groups * a->d * (a->k_type == OI_DOT_F32 ? 4 : 2);
  const int64_t first = o->keys.begin / SCORE_STEP, to = (first + end) * SCORE_STEP,
                from = begin ? (first + begin) * SCORE_STEP : o->keys.begin;
  const oi_dot d = {.out = o->scores + from,
                    .out_pitch = o->pitch,
                    .x = a->q + o->t * a->heads * a->d,
                    .x_pitch = a->d * 4,
                    .w = (const uint8_t *)a->k + from * row,
                    .w_pitch = row,
                    .m = a->heads,
                    .n = (to < o->keys.end ? to : o->keys.end) - from,
                    .k = a->d,
                    .sides = a->groups};
  (void)worker;
  oi_dot_of(a->dots, a->k_type)(&d);
}

static void weigh_heads(void *arg, int64_t begin, int64_t end, int worker) {
  const one_query *o = arg;
  (void)worker;
  for (int64_t n = begin; n < end; n++) {
    scale_scores(o->a, o->scores + n * o->pitch, o->keys);
    o->share[n] = exponentials(o->a, o->scores + n * o->pitch, o->keys);
  }
}

static void mix_residues(void *arg, int64_t begin, int64_t end, int worker) {
  const one_query *o = arg;
  const oi_attend *a = o->a;
  const int64_t side = a->d * (a->v_type == OI_DOT_F32 ? 4 : 2);
  const oi_mix mix = {.part = o->part,
                      .part_pitch = part_pitch(a->d),
                      .e = o->scores,
                      .e_pitch = o->pitch,
                      .v = a->v,
                      .v_pitch = a->groups * side,
                      .m = a->heads,
                      .begin = o->keys.begin,
                      .end = o->keys.end,
                      .columns = a->d,
                      .without = ~((1u << end) - (1u << begin)),
                      .sides = a->groups,
                      .side = side};
  (void)worker;
  for (int64_t n = 0; n < a->heads; n++)
    memset(o->part + n * part_floats(a->d) + begin * part_pitch(a->d), 0,
           (size_t)((end - begin) * part_pitch(a->d)) * sizeof *o->part);
  oi_mix_of(a->dots, a->v_type)(&mix);
}

static void fold_heads(const one_query *o) {
  const oi_attend *a = o->a;
  for (int64_t n = 0; n < a->heads; n++)
    a->dots->mixed(a->out + (o->t * a->heads + n) * a->d, o->part + n * part_floats(a->d),
                   part_pitch(a->d), a->d, o->share[n]);
}

// A few pieces a worker.
static void share_out(one_query *o, oi_threads *threads, int64_t n, oi_piece_fn *fn) {
  oi_threads_run(threads, n, threads ? n / (4 * oi_threads_count(threads)) : n, fn, o);
}

static void attend_query(const oi_attend *a, int64_t t, oi_threads *threads) {
  one_query o = {.a = a, .t = t, .pitch = part_pitch(a->keys), .keys = keys_of(a, t)};
  o.scores = a->shared;
  o.part = o.scores + a->heads * o.pitch;
  o.share = o.part + a->heads * part_floats(a->d);
  if (o.keys.begin >= o.keys.end) {
    memset(a->out + t * a->heads * a->d, 0, (size_t)(a->heads * a->d) * sizeof *a->out);
    return;
  }
  share_out(&o, threads, whole_steps(o.keys.end) / SCORE_STEP - o.keys.begin / SCORE_STEP,
            score_run);
  share_out(&o, threads, a->heads, weigh_heads);
  share_out(&o, threads, SCORE_STEP, mix_residues);
  fold_heads(&o);
}

// Work that is less than it costs to share it out is done alone.
OI_RT void oi_attend_run(const oi_attend *a) {
  enum {
    LEAST = 1 << 15
  };
  const int64_t cost = SCORE_ROWS * a->keys * a->d;
  const bool alone = a->heads * a->keys * a->d < LEAST;
  if (by_time(a->rows) || a->mask) {
    oi_threads_run(a->threads, count_items(a), LEAST / (cost + 1) + 1, run_items,
                   (void *)(uintptr_t)a);
    return;
  }
  for (int64_t t = 0; t < a->rows; t++) attend_query(a, t, alone ? NULL : a->threads);
}
