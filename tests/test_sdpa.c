// Attention against published values, against double precision, and bit for bit against the
// definition written out for one query and head at a time; the same for every variant, number of
// threads and way of cutting the queries.
#include "lib/rt/strict.h"
#include "tests/kernel_call.h"
#include "tests/dot_ref.h"

#include <oinf/ops.h>

typedef struct problem {
  int64_t t, s, h, g, d, pos;
  oinf_sdpa_args args;
  oinf_dtype q_type, kv_type, mask_type;  // OINF_NONE: no mask
} problem;

enum {
  MOST_ROWS = 700,
  MOST_HEADS = 12,
  MOST_D = 80,
  MOST = MOST_ROWS * MOST_HEADS * MOST_D
};
static uint8_t q[MOST * 4], k[MOST * 4], v[MOST * 4], mask[MOST_ROWS * MOST_ROWS * 4];
static float out[MOST];

static void run(const problem *p, call_how how) {
  const oi_view in[] = {VIEW(p->q_type, q, p->t, p->h, p->d), VIEW(p->kv_type, k, p->s, p->g, p->d),
                        VIEW(p->kv_type, v, p->s, p->g, p->d),
                        VIEW(p->mask_type, mask, p->t, p->s)};
  how.dims = &p->pos;
  memset(out, 0x33, sizeof out);
  call_op(OP_sdpa, &p->args, in, p->mask_type ? 4 : 3, &VIEW(OINF_F32, out, p->t, p->h, p->d), 1,
          how);
}

static bool sees(const problem *p, int64_t t, int64_t j) {
  if (p->args.causal && j > p->pos + t) return false;
  if (p->args.window && j <= p->pos + t - p->args.window) return false;
  if (p->mask_type == OINF_BOOL) return mask[t * p->s + j] != 0;
  return !p->mask_type || ref_load(mask, t * p->s + j, p->mask_type) != -INFINITY;
}

// ---- the definition, in strict text ----
static float strict_score(const problem *p, int64_t t, int64_t n, int64_t j) {
  const int64_t sq = p->q_type == OINF_F32 ? 4 : 2, sk = p->kv_type == OINF_F32 ? 4 : 2;
  float s = ref_dot(q + (t * p->h + n) * p->d * sq, 1, p->q_type,
                    k + (j * p->g + n / (p->h / p->g)) * p->d * sk, 1, p->kv_type, p->d);
  s = s * (float)(p->args.scale != 0 ? p->args.scale : 1 / sqrt((double)p->d));
  if (p->args.softcap > 0) {
    s = s / (float)p->args.softcap;
    s = oi_tanh(s);
    s = s * (float)p->args.softcap;
  }
  if (p->mask_type && p->mask_type != OINF_BOOL) s = s + ref_load(mask, t * p->s + j, p->mask_type);
  return s;
}

static void strict_row(const problem *p, int64_t t, int64_t n, float *y) {
  static float e[MOST_ROWS];
  float most = -INFINITY, sum[16] = {0};
  bool any = false;
  for (int64_t j = 0; j < p->s; j++)
    if (sees(p, t, j))
      e[j] = strict_score(p, t, n, j), any = true, most = e[j] > most ? e[j] : most;
  for (int64_t j = 0; j < p->s; j++) {
    float x = e[j] - most;
    e[j] = sees(p, t, j) ? oi_exp(x) : 0.0f;
    sum[j % 16] = sum[j % 16] + e[j];
  }
  float share = 1.0f / ref_fold(sum);
  for (int64_t i = 0; i < p->d; i++) {
    float part[16] = {0};
    for (int64_t j = 0; j < p->s; j++) {
      float product = ref_load(v, (j * p->g + n / (p->h / p->g)) * p->d + i, p->kv_type) * e[j];
      part[j % 16] = part[j % 16] + (sees(p, t, j) ? product : 0.0f);
    }
    y[i] = any ? ref_fold(part) * share : 0.0f;
  }
}

static void check_strict(const problem *p, call_how how) {
  float y[MOST_D];
  run(p, how);
  for (int64_t t = 0; t < p->t; t++)
    for (int64_t n = 0; n < p->h; n++) {
      strict_row(p, t, n, y);
      for (int64_t i = 0; i < p->d; i++) {
        float have = out[(t * p->h + n) * p->d + i];
        CHECK_MSG(ref_same(have, y[i]),
                  "%s T %d S %d h %d g %d d %d: [%d][%d][%d] is %.9g, not %.9g",
                  oi_cpu_name(how.cpu), (int)p->t, (int)p->s, (int)p->h, (int)p->g, (int)p->d,
                  (int)t, (int)n, (int)i, have, y[i]);
      }
    }
}

static void fill(uint8_t *at, oinf_dtype type, int64_t n, uint64_t seed) {
  for (int64_t i = 0; i < n; i++) {
    float x = ref_uniform(&seed) * 2;
    uint16_t half = (uint16_t)(ref_random(&seed) & 0xbfff);
    if (type == OINF_F32) memcpy(at + 4 * i, &x, 4);
    else if (type == OINF_BF16) memcpy(at + 2 * i, (const uint8_t *)&x + 2, 2);
    else memcpy(at + 2 * i, &half, 2);
  }
}

static void fill_mask(oinf_dtype type, int64_t n, uint64_t seed) {
  fill(mask, type == OINF_BOOL ? OINF_F32 : type, n, seed);
  for (int64_t i = 0; i < n; i++) {
    bool hidden = ref_random(&seed) % 4 == 0;
    if (type == OINF_BOOL) mask[i] = !hidden;
    else if (hidden && type == OINF_F32) memcpy(mask + 4 * i, &(float){-INFINITY}, 4);
    else if (hidden) memcpy(mask + 2 * i, &(uint16_t){type == OINF_F16 ? 0xfc00 : 0xff80}, 2);
  }
}

static const problem problems[] = {
    {1, 1, 1, 1, 8, 0, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE},
    {1, 40, 8, 4, 8, 39, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE},
    {1, 300, 6, 2, 64, 299, {.causal = true}, OINF_F32, OINF_F16, OINF_NONE},
    {1, 70, 12, 1, 20, 69, {.causal = true, .softcap = 1.5}, OINF_BF16, OINF_BF16, OINF_NONE},
    {2, 33, 4, 4, 17, 31, {.causal = true, .window = 5}, OINF_F32, OINF_F32, OINF_NONE},
    {21, 21, 4, 2, 16, 0, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE},
    {19,
     60,
     3,
     3,
     24,
     41,
     {.causal = true, .window = 20, .scale = 0.3},
     OINF_F16,
     OINF_F32,
     OINF_NONE},
    {5, 50, 2, 1, 80, 0, {.scale = 0}, OINF_F32, OINF_F32, OINF_NONE},
    {9, 50, 2, 1, 12, 41, {.window = 7}, OINF_F32, OINF_F32, OINF_NONE},
    {9, 47, 4, 2, 16, 38, {.causal = true}, OINF_F32, OINF_F32, OINF_BOOL},
    {3, 47, 4, 2, 16, 44, {.causal = true}, OINF_F32, OINF_F32, OINF_F32},
    {7, 30, 2, 2, 8, 0, {.softcap = 4}, OINF_F32, OINF_BF16, OINF_BF16},
    {7, 30, 2, 2, 8, 0, {.scale = 0}, OINF_F32, OINF_F16, OINF_F16},
    {3, 400, 12, 4, 20, 397, {.causal = true, .window = 310}, OINF_F32, OINF_F16, OINF_NONE},
    {2, 290, 5, 5, 33, 300, {.softcap = 3}, OINF_F16, OINF_BF16, OINF_NONE},
    {1, 20, 2, 1, 16, -1, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE},
};

TEST(sdpa, equals_the_definition) {
  static const oi_cpu levels[] = {OI_CPU_PLAIN, OI_CPU_NEON, OI_CPU_DOTPROD, OI_CPU_AVX2,
                                  OI_CPU_AVX512};
  for (size_t i = 0; i < sizeof problems / sizeof *problems; i++) {
    const problem *p = &problems[i];
    fill(q, p->q_type, p->t * p->h * p->d, 1);
    fill(k, p->kv_type, p->s * p->g * p->d, 2), fill(v, p->kv_type, p->s * p->g * p->d, 3);
    if (p->mask_type) fill_mask(p->mask_type, p->t * p->s, i);
    for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
      if (oi_cpu_has(levels[l])) check_strict(p, (call_how){.cpu = levels[l]});
  }
}

static void check_threads(const problem *p) {
  static float first[MOST_HEADS * 30 * 32];
  const size_t bytes = (size_t)(p->t * p->h * p->d) * 4;
  CHECK(bytes <= sizeof first);
  fill(q, OINF_F32, p->t * p->h * p->d, 4), fill(k, OINF_F32, p->s * p->g * p->d, 5),
      fill(v, OINF_F32, p->s * p->g * p->d, 6);
  run(p, (call_how){0});
  memcpy(first, out, bytes);
  for (int count = 1; count <= 9; count += 2) {
    oi_threads *pool = oi_threads_start(count);
    run(p, (call_how){.threads = pool});
    oi_threads_stop(pool);
    CHECK(memcmp(first, out, bytes) == 0);
  }
}

// Many queries; one query of eight heads and of fifteen on one group; fewer items than threads; one
// and three queries over so many keys that they are worth sharing.
TEST(sdpa, is_the_same_for_every_number_of_threads) {
  static const problem shared[] = {
      {30, 90, 6, 3, 32, 60, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE},
      {1, 70, 8, 1, 32, 69, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE},
      {1, 70, 15, 1, 32, 69, {.causal = true, .window = 9}, OINF_F32, OINF_F32, OINF_NONE},
      {5, 33, 1, 1, 16, 28, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE},
      {1, 700, 12, 3, 32, 699, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE},
      {3, 650, 5, 5, 24, 640, {.causal = true, .window = 300}, OINF_F32, OINF_F32, OINF_NONE},
      {1, 500, 4, 1, 64, 499, {.causal = true, .window = 401}, OINF_F32, OINF_F32, OINF_NONE}};
  for (size_t i = 0; i < sizeof shared / sizeof *shared; i++) check_threads(&shared[i]);
}

// Queries of a step of many equal those of steps of one, which see fewer keys.
TEST(sdpa, chunks_equal_single_steps) {
  static const problem all = {37, 37, 4, 2, 16, 0, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE};
  enum {
    ROW = 4 * 16
  };
  static float first[37 * ROW];
  static uint8_t rows[37 * ROW * 4];
  fill(q, OINF_F32, 37 * ROW, 7), fill(k, OINF_F32, 37 * 32, 8), fill(v, OINF_F32, 37 * 32, 9);
  run(&all, (call_how){0});
  memcpy(first, out, sizeof first);
  memcpy(rows, q, sizeof rows);
  for (int64_t t = 0; t < 37; t++) {
    problem one = all;
    one.t = 1, one.s = t + 1, one.pos = t;
    memcpy(q, rows + t * ROW * 4, ROW * 4);
    run(&one, (call_how){0});
    CHECK(memcmp(first + t * ROW, out, ROW * 4) == 0);
  }
}

TEST(sdpa, hides_what_is_not_seen) {
  problem p = {2, 3, 1, 1, 2, 0, {.causal = true}, OINF_F32, OINF_F32, OINF_BOOL};
  const float values[6] = {1, 2, NAN, INFINITY, NAN, NAN};
  fill(q, OINF_F32, 4, 10), fill(k, OINF_F32, 6, 11);
  memcpy(v, values, sizeof values);
  memcpy(k + 8, values + 2, 8);
  memcpy(mask, (const uint8_t[6]){1, 1, 1, 0, 0, 1}, 6);  // query 0 sees key 0, query 1 nothing
  run(&p, (call_how){0});
  CHECK(out[0] == 1 && out[1] == 2 && out[2] == 0 && out[3] == 0);
  p.pos = -1, p.mask_type = OINF_NONE;  // query 0 stands before every key
  run(&p, (call_how){0});
  CHECK(out[0] == 0 && out[1] == 0 && out[2] == 1 && out[3] == 2);
}

// ---- published values: 4 query heads, 2 key heads, 3 tokens, d = 2 ----
static void numbers(uint8_t *at, int n, int a, int m) {
  for (int i = 0; i < n; i++) memcpy(at + 4 * i, &(float){(float)(i * a % m - m / 2) / 4}, 4);
}

static void check_published(oinf_sdpa_args args, oinf_dtype mask_type, const float want[24]) {
  const problem p = {3, 3, 4, 2, 2, 0, args, OINF_F32, OINF_F32, mask_type};
  numbers(q, 24, 5, 13), numbers(k, 12, 3, 7), numbers(v, 12, 4, 9);
  run(&p, (call_how){0});
  for (int i = 0; i < 24; i++)
    CHECK_MSG(fabsf(out[i] - want[i]) < 1e-5f, "[%d] is %.9g, not %.9g", i, out[i], want[i]);
}

TEST(sdpa, published_causal) {
  check_published(
      (oinf_sdpa_args){.causal = true}, OINF_NONE,
      (const float[]){-1.000000f, 0.000000f,  -1.000000f, 0.000000f,  1.000000f,  -0.250000f,
                      1.000000f,  -0.250000f, -0.564545f, -0.124416f, 0.395421f,  -0.398692f,
                      0.706260f,  -0.543740f, 0.782953f,  -0.467047f, -0.267493f, -0.419961f,
                      0.388566f,  -0.548624f, 0.639542f,  -0.337173f, 0.368772f,  0.337223f});
}
TEST(sdpa, published_full) {
  check_published(
      (oinf_sdpa_args){0}, OINF_NONE,
      (const float[]){-0.405578f, -0.320614f, 0.336911f,  -0.500000f, 0.373858f,  0.354199f,
                      0.361250f,  0.293223f,  -0.337223f, -0.368772f, 0.365035f,  -0.524334f,
                      0.624598f,  -0.365243f, 0.364550f,  0.316929f,  -0.267493f, -0.419961f,
                      0.388566f,  -0.548624f, 0.639542f,  -0.337173f, 0.368772f,  0.337223f});
}
TEST(sdpa, published_window) {
  check_published(
      (oinf_sdpa_args){.causal = true, .window = 2}, OINF_NONE,
      (const float[]){-1.000000f, 0.000000f,  -1.000000f, 0.000000f,  1.000000f, -0.250000f,
                      1.000000f,  -0.250000f, -0.564545f, -0.124416f, 0.395421f, -0.398692f,
                      0.706260f,  -0.543740f, 0.782953f,  -0.467047f, 0.430097f, -0.819903f,
                      0.612786f,  -0.637214f, 0.398692f,  -0.395421f, 0.124416f, 0.564545f});
}
TEST(sdpa, published_prefix) {
  memcpy(mask, (const uint8_t[9]){1, 1, 0, 1, 1, 0, 1, 1, 1}, 9);
  check_published(
      (oinf_sdpa_args){0}, OINF_BOOL,
      (const float[]){-0.606456f, -0.112441f, 0.356456f,  -0.387559f, 0.824964f,  -0.425036f,
                      0.761041f,  -0.488959f, -0.564545f, -0.124416f, 0.395421f,  -0.398692f,
                      0.706260f,  -0.543740f, 0.782953f,  -0.467047f, -0.267493f, -0.419961f,
                      0.388566f,  -0.548624f, 0.639542f,  -0.337173f, 0.368772f,  0.337223f});
}
TEST(sdpa, published_softcap) {
  check_published(
      (oinf_sdpa_args){.causal = true, .softcap = 1}, OINF_NONE,
      (const float[]){-1.000000f, 0.000000f,  -1.000000f, 0.000000f,  1.000000f,  -0.250000f,
                      1.000000f,  -0.250000f, -0.527820f, -0.134909f, 0.341533f,  -0.383295f,
                      0.722274f,  -0.527726f, 0.777244f,  -0.472756f, -0.246580f, -0.429324f,
                      0.337673f,  -0.540891f, 0.633400f,  -0.302669f, 0.376664f,  0.310453f});
}

// Against double precision: scores are within (d / 16 + 6) roundings of their terms, exponentials
// and sums add a few.
TEST(sdpa, stays_close_to_double_precision) {
  static const problem p = {4, 700, 2, 1, 64, 696, {.causal = true}, OINF_F32, OINF_F32, OINF_NONE};
  fill(q, OINF_F32, p.t * p.h * p.d, 12), fill(k, OINF_F32, p.s * p.d, 13),
      fill(v, OINF_F32, p.s * p.d, 14);
  run(&p, (call_how){0});
  for (int64_t t = 0; t < p.t; t++)
    for (int64_t n = 0; n < p.h; n++) {
      static double e[MOST_ROWS];
      double most = -INFINITY, sum = 0;
      for (int64_t j = 0; j <= p.pos + t; j++) {
        e[j] = 0;
        for (int64_t i = 0; i < p.d; i++)
          e[j] += (double)ref_load(q, (t * p.h + n) * p.d + i, OINF_F32) *
                  ref_load(k, j * p.d + i, OINF_F32);
        e[j] /= 8, most = e[j] > most ? e[j] : most;
      }
      for (int64_t j = 0; j <= p.pos + t; j++) sum += e[j] = exp(e[j] - most);
      for (int64_t i = 0; i < p.d; i++) {
        double y = 0;
        for (int64_t j = 0; j <= p.pos + t; j++)
          y += e[j] / sum * ref_load(v, j * p.d + i, OINF_F32);
        CHECK(fabs(out[(t * p.h + n) * p.d + i] - y) < 2e-5);
      }
    }
}

TEST(sdpa, refuses_what_does_not_fit) {
  const oinf_sdpa_args plain = {0}, window = {.window = -1}, cap = {.softcap = -2};
  const oi_view a = VIEW(OINF_F32, NULL, 3, 4, 8), b = VIEW(OINF_F32, NULL, 5, 2, 8);
  REFUSED(OP_sdpa, &plain, "rows, heads, d", VIEW(OINF_F32, NULL, 3, 32), b, b);
  REFUSED(OP_sdpa, &plain, "rows, heads, d", VIEW(OINF_F64, NULL, 3, 4, 8), b, b);
  REFUSED(OP_sdpa, &plain, "head of q and k", a, VIEW(OINF_F32, NULL, 5, 2, 6), b);
  REFUSED(OP_sdpa, &plain, "dim of k and v", a, b, VIEW(OINF_F32, NULL, 4, 2, 8));
  REFUSED(OP_sdpa, &plain, "multiple", a, VIEW(OINF_F32, NULL, 5, 3, 8),
          VIEW(OINF_F32, NULL, 5, 3, 8));
  REFUSED(OP_sdpa, &plain, "mask", a, b, b, VIEW(OINF_I8, NULL, 3, 5));
  REFUSED(OP_sdpa, &plain, "columns of the mask", a, b, b, VIEW(OINF_BOOL, NULL, 3, 4));
  REFUSED(OP_sdpa, &window, "window", a, b, b);
  REFUSED(OP_sdpa, &cap, "softcap", a, b, b);
}
