// Inner kernels as a bundle of fast numerics compiles them, fused and in free order: every variant
// that this processor has, at the sizes of real layers, against double precision within the bounds
// of bounds.def.
#define OI_FAST 1
#define OI_RT static __attribute__((unused))
#include "lib/rt/strict.h"

#include "lib/rt/attend.c"
#include "lib/rt/dot_amx.c"
#include "lib/rt/dot_avx2.c"
#include "lib/rt/dot_avx512.c"
#include "lib/rt/dot_plain.c"

#include "lib/rt/cpu.c"
#include "lib/rt/dot.c"
#include "lib/rt/threads.c"

#include "compiler/bounds.h"
#include "tests/dot_ref.h"
#include "tests/test.h"

#include <stdlib.h>

static const oi_cpu levels[] = {OI_CPU_PLAIN, OI_CPU_AVX2, OI_CPU_AVX512};
enum {
  LEVELS = sizeof levels / sizeof *levels
};

static double units_of(oi_op op, oinf_dtype weights, int64_t length) {
  const oi_bound *b = oi_bound_of(op, weights);
  return (b->least + b->per * (double)length) * 0x1p-24;
}

static void *room_for(int64_t bytes) { return aligned_alloc(64, (size_t)(bytes + 127) / 64 * 64); }

// ---- products ----

typedef struct product {
  int64_t m, n, k;
  oinf_dtype type;
  float *x, *out, *scales;
  int8_t *q;
  uint8_t *w;
  void *tiles, *room;
} product;

static int64_t row_bytes(const product *p) {
  return p->k / oinf_dtype_block(p->type) * oinf_dtype_block_bytes(p->type);
}

static void fill(product *p, uint64_t seed) {
  for (int64_t i = 0; i < p->m * p->k; i++)
    p->x[i] = ref_uniform(&seed), p->q[i] = (int8_t)(ref_random(&seed) % 255 - 127);
  for (int64_t i = 0; i < p->m * p->k / 32; i++) p->scales[i] = fabsf(ref_uniform(&seed)) / 127;
  for (int64_t i = 0; i < p->n * row_bytes(p); i++) p->w[i] = (uint8_t)ref_random(&seed);
  for (int64_t i = 0; i < p->n * p->k; i++) {
    const float f = ref_uniform(&seed);
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    const uint16_t half =
        p->type == OINF_BF16 ? (uint16_t)(bits >> 16) : (uint16_t)(ref_random(&seed) & 0xbbff);
    if (p->type == OINF_F32) memcpy(p->w + 4 * i, &f, sizeof f);
    else if (p->type == OINF_F16 || p->type == OINF_BF16) memcpy(p->w + 2 * i, &half, sizeof half);
    else if (i % 32 == 0)
      memcpy(p->w + i / 32 * oinf_dtype_block_bytes(p->type),
             &(uint16_t){(uint16_t)(0x2000 + ref_random(&seed) % 0x800)}, 2);
  }
}

static product product_new(oinf_dtype type, int64_t m, int64_t n, int64_t k) {
  product p = {.m = m, .n = n, .k = k, .type = type};
  const size_t elements = (size_t)(m * k);
  p.x = malloc(elements * sizeof *p.x), p.out = malloc((size_t)(m * n) * sizeof *p.out);
  p.scales = malloc(elements / 8 + 64), p.q = malloc(elements);
  p.w = malloc((size_t)(n * k) * 4);
  p.tiles = room_for((m + OI_TILE) * (k + 64) * 4 + m * (int64_t)sizeof(oi_quad));
  p.room = room_for(oi_panels_room(k, oi_dtype_dot(type)));
  fill(&p, (uint64_t)(m + n + k));
  return p;
}

static void product_free(product *p) {
  free(p->x), free(p->out), free(p->scales), free(p->q), free(p->w), free(p->tiles), free(p->room);
}

// As kernels/matmul_many.c and the ready kernels before it do.
static void multiply(const product *p, const oi_dots *dots) {
  const oi_dot_type as = oi_dtype_dot(p->type);
  const bool blocks = oi_dtype_class(p->type) == OI_Q, many = oi_panels_pay(as, p->m);
  oi_dot d = {.out = p->out, .out_pitch = p->n, .x = p->tiles, .w = p->w, .w_pitch = row_bytes(p)};
  d.m = p->m, d.n = p->n, d.k = p->k;
  d.x_pitch = many     ? oi_tile_pitch(p->k, as)
              : blocks ? oi_quads(p->k) * (int64_t)sizeof(oi_quad)
                       : 4 * p->k;
  if (!many && !blocks) d.x = p->x;
  for (int64_t i = 0; i < p->m; i += OI_TILE) {
    const int64_t n = p->m - i < OI_TILE ? p->m - i : OI_TILE;
    uint8_t *tile = (uint8_t *)p->tiles + i * d.x_pitch;
    const int8_t *q = p->q + i * p->k;
    const float *scales = p->scales + i * p->k / 32;
    if (many && blocks) oi_pack_tile(tile, q, scales, n, p->k, as);
    else if (many)
      oi_pack_x_of(dots, as)((float *)(void *)tile, p->x + i * p->k, 4 * p->k, n, n, p->k);
    for (int64_t r = 0; r < n && blocks && !many; r++)
      oi_quad_row((oi_quad *)(void *)(tile + r * d.x_pitch), q + r * p->k, scales + r * p->k / 32,
                  p->k, as);
  }
  if (many) oi_panels_run(dots, &d, as, p->room);
  else oi_dot_of(dots, as)(&d);
}

static double element(const product *p, int64_t i, int64_t j, int64_t k, bool of_x) {
  const uint8_t *row = p->w + j * row_bytes(p);
  const bool blocks = oi_dtype_class(p->type) == OI_Q;
  if (of_x && blocks) return (double)p->q[i * p->k + k] * p->scales[(i * p->k + k) / 32];
  if (of_x) return p->x[i * p->k + k];
  if (blocks) return (double)ref_quant(row, k, p->type) * ref_scale(row, k / 32, p->type);
  return ref_load(row, k, p->type);
}

static void check_product(const product *p, oi_cpu level) {
  const double units = units_of(OP_matmul, p->type, p->k);
  const int64_t step = p->m * p->n > 2000 ? 7 : 1;
  for (int64_t at = 0; at < p->m * p->n; at += step) {
    const int64_t i = at / p->n, j = at % p->n;
    double sum = 0, size = 0;
    for (int64_t k = 0; k < p->k; k++) {
      const double term = element(p, i, j, k, true) * element(p, i, j, k, false);
      sum += term, size += fabs(term);
    }
    CHECK_MSG(fabs(p->out[at] - sum) <= units * size,
              "%s %s %d x %d x %d: [%d][%d] is %.9g, not %.9g within %.3g",
              oinf_dtype_name(p->type), oi_cpu_name(level), (int)p->m, (int)p->n, (int)p->k, (int)i,
              (int)j, p->out[at], sum, units * size);
  }
}

static void check_type(oinf_dtype type) {
  static const int64_t shapes[][3] = {{1, 50, 4096},  {3, 21, 352},  {13, 35, 64},
                                      {70, 37, 1120}, {64, 16, 256}, {97, 530, 288}};
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    product p = product_new(type, shapes[s][0], shapes[s][1], shapes[s][2]);
    for (int v = 0; v < LEVELS; v++) {
      if (oi_cpu_level() < levels[v]) continue;
      for (int64_t i = 0; i < p.m * p.n; i++) p.out[i] = NAN;
      multiply(&p, oi_dots_of(levels[v]));
      check_product(&p, levels[v]);
    }
    product_free(&p);
  }
}

TEST(dot_fast, f32_within_its_bound) { check_type(OINF_F32); }
TEST(dot_fast, f16_within_its_bound) { check_type(OINF_F16); }
TEST(dot_fast, bf16_within_its_bound) { check_type(OINF_BF16); }
TEST(dot_fast, q8_0_within_its_bound) { check_type(OINF_Q8_0); }
TEST(dot_fast, q4_0_within_its_bound) { check_type(OINF_Q4_0); }

// What is not finite stays so, and where it stood.
TEST(dot_fast, infinities_and_nan_stay) {
  static const oinf_dtype types[] = {OINF_F32, OINF_BF16};
  for (int t = 0; t < 2; t++) {
    product p = product_new(types[t], 66, 18, 300);
    for (int64_t k = 0; k < p.k; k++)
      p.x[k] = k == 7 ? INFINITY : 1, p.x[p.k + k] = k == 9 ? NAN : 1;
    for (int64_t i = 0; i < p.n * p.k; i++) {
      const float one = 1;
      const uint16_t half = 0x3f80;
      if (types[t] == OINF_F32) memcpy(p.w + 4 * i, &one, sizeof one);
      else memcpy(p.w + 2 * i, &half, sizeof half);
    }
    for (int v = 0; v < LEVELS; v++) {
      if (oi_cpu_level() < levels[v]) continue;
      multiply(&p, oi_dots_of(levels[v]));
      for (int64_t j = 0; j < p.n; j++)
        CHECK(isinf(p.out[j]) && isnan(p.out[p.n + j]) && isfinite(p.out[2 * p.n + j]));
    }
    product_free(&p);
  }
}

// ---- attention ----

enum {
  ROWS = 17,
  HEADS = 4,
  GROUPS = 2,
  HEAD = 64,
  KEYS = 700
};

// Query t of head n in double precision; *size: the sum of weights times |v|, *score: the largest.
static double attended(const float *q, const float *k, const float *v, int64_t t, int64_t n,
                       int64_t at, double *size, double *score) {
  static double s[KEYS];
  const int64_t end = KEYS - ROWS + t + 1, g = n / (HEADS / GROUPS);
  double most = -INFINITY, total = 0, sum = 0;
  *size = 0, *score = 0;
  for (int64_t j = 0; j < end; j++) {
    double magnitude = 0;
    s[j] = 0;
    for (int64_t i = 0; i < HEAD; i++) {
      const double term =
          (double)q[(t * HEADS + n) * HEAD + i] * k[(j * GROUPS + g) * HEAD + i] * 0.125;
      s[j] += term, magnitude += fabs(term);
    }
    most = fmax(most, s[j]), *score = fmax(*score, magnitude);
  }
  for (int64_t j = 0; j < end; j++) total += exp(s[j] - most);
  for (int64_t j = 0; j < end; j++) {
    const double part = exp(s[j] - most) / total * v[(j * GROUPS + g) * HEAD + at];
    sum += part, *size += fabs(part);
  }
  return sum;
}

TEST(dot_fast, attention_within_its_bound) {
  static float q[ROWS * HEADS * HEAD], k[KEYS * GROUPS * HEAD], v[KEYS * GROUPS * HEAD],
      out[ROWS * HEADS * HEAD];
  uint64_t seed = 3;
  for (size_t i = 0; i < sizeof q / sizeof *q; i++) q[i] = ref_uniform(&seed) * 3;
  for (size_t i = 0; i < sizeof k / sizeof *k; i++)
    k[i] = ref_uniform(&seed), v[i] = ref_uniform(&seed);
  void *shared = room_for(oi_attend_shared(HEADS, KEYS, HEAD)),
       *own = room_for(oi_attend_own(KEYS, HEAD));
  for (int level = 0; level < LEVELS; level++) {
    if (oi_cpu_level() < levels[level]) continue;
    const oi_attend a = {.dots = oi_dots_of(levels[level]),
                         .out = out,
                         .q = q,
                         .k = k,
                         .v = v,
                         .rows = ROWS,
                         .heads = HEADS,
                         .groups = GROUPS,
                         .d = HEAD,
                         .keys = KEYS,
                         .pos = KEYS - ROWS,
                         .causal = true,
                         .scale = 0.125f,
                         .shared = shared,
                         .own = own};
    oi_attend_run(&a);
    for (int64_t i = 0; i < ROWS * HEADS * HEAD; i += 5) {
      double size, score;
      const double want =
          attended(q, k, v, i / (HEADS * HEAD), i / HEAD % HEADS, i % HEAD, &size, &score);
      const double room_here =
          (units_of(OP_sdpa, OINF_F32, KEYS + HEAD) + 2 * score * 0x1p-24) * size;
      CHECK_MSG(fabs(out[i] - want) <= room_here, "%s: %d is %.9g, not %.9g within %.3g",
                oi_cpu_name(levels[level]), (int)i, out[i], want, room_here);
    }
  }
  free(shared);
  free(own);
}
