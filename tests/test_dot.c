// Inner kernels of matmul and attention: every variant that this processor has, over odd sizes and
// storage types, against the scalar definition bit for bit, and that against double precision.
#include "lib/op.h"
#include "lib/rt/dot.h"
#include "tests/dot_ref.h"
#include "tests/test.h"

enum {
  MOST_K = 11008,
  MOST_W = 160,
  MOST_M = 37
};
static const oi_cpu levels[] = {OI_CPU_PLAIN, OI_CPU_NEON, OI_CPU_DOTPROD, OI_CPU_AVX2,
                                OI_CPU_AVX512, OI_CPU_AMX};
static const int64_t sizes[] = {1,  2,  3,  5,  7,  8,  15, 16, 17,  24,  31,  32,
                                33, 47, 48, 49, 63, 64, 65, 70, 250, 256, 327, 11008};

// Weights and x of the largest size, made once; each run takes as much as it wants.
static uint8_t weights[MOST_W * (MOST_K + 3) * 4];
static float rows[MOST_M][MOST_K];
static float got[MOST_M][MOST_W], want[MOST_M][MOST_W];

static bool has(oi_cpu cpu) { return oi_cpu_has(cpu); }

static void fill_floats(oinf_dtype type, int64_t n, bool odd, uint64_t seed) {
  for (int64_t i = 0; i < n; i++) {
    float x = ref_uniform(&seed);
    uint32_t bits;
    memcpy(&bits, &x, 4);
    uint16_t half =
        type == OINF_BF16 ? (uint16_t)(bits >> 16) : (uint16_t)(ref_random(&seed) & 0xbbff);
    if (odd && ref_random(&seed) % 7 == 0) bits &= 0x807fffff, half &= 0x83ff;  // subnormal
    if (type == OINF_F32) memcpy(weights + 4 * i, &bits, 4);
    else memcpy(weights + 2 * i, &half, 2);
  }
}

static void fill_blocks(oinf_dtype type, int64_t blocks, uint64_t seed) {
  const int64_t size = type == OINF_Q8_0 ? 34 : 18;
  for (int64_t i = 0; i < blocks * size; i++) weights[i] = (uint8_t)ref_random(&seed);
  for (int64_t b = 0; b < blocks; b++) {
    uint16_t scale =
        (uint16_t)(ref_random(&seed) % 5 == 0 ? 0 : 0x2000 + ref_random(&seed) % 0x800);
    memcpy(weights + b * size, &scale, 2);
    if (ref_random(&seed) % 4 == 0)
      memset(weights + b * size + 2, 0x80, 9);  // -128, and nibbles -8 and 0
  }
}

static void fill_rows(int64_t k, uint64_t seed) {
  memset(rows, 0, sizeof rows);
  for (int m = 0; m < MOST_M; m++)
    for (int64_t i = 0; i < k; i++) rows[m][i] = ref_uniform(&seed);
}

static void check_same(const char *what, oi_cpu cpu, int64_t m, int64_t n, int64_t k) {
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      CHECK_MSG(ref_same(got[i][j], want[i][j]), "%s %s m %d n %d k %d: [%d][%d] is %.9g, not %.9g",
                what, oi_cpu_name(cpu), (int)m, (int)n, (int)k, (int)i, (int)j, got[i][j],
                want[i][j]);
}

// Each processor's variant of `weights` times d's rows, against `want`.
static void check_levels(const char *what, oinf_dtype type, oi_dot d) {
  d.out = got[0], d.out_pitch = MOST_W, d.w = weights;
  for (size_t v = 0; v < sizeof levels / sizeof *levels; v++) {
    if (!has(levels[v])) continue;
    memset(got, 0x55, sizeof got);
    oi_dot_of(oi_dots_of(levels[v]), oi_dtype_dot(type))(&d);
    check_same(what, levels[v], d.m, d.n, d.k);
  }
}

static void check_float(oinf_dtype type, int64_t m, int64_t n, int64_t k) {
  const int64_t pitch = (k + 3) * (type == OINF_F32 ? 4 : 2);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      want[i][j] = ref_dot(rows[i], 1, OINF_F32, weights + j * pitch, 1, type, k);
  const oi_dot d = {.x = rows, .x_pitch = sizeof rows[0], .w_pitch = pitch, .m = m, .n = n, .k = k};
  check_levels("float", type, d);
}

// Both sides packed, with rows of x at the end of the last tile.
static uint8_t groups[(MOST_W + 15) / 16 * 16 * (MOST_K + 96) * 4] __attribute__((aligned(64))),
    tiles[MOST_M * (MOST_K + 96) * 4] __attribute__((aligned(64)));

static void run_panels(oi_cpu cpu, oinf_dtype type, int64_t m, int64_t n, int64_t k) {
  const oi_dot_type as = oi_dtype_dot(type);
  oi_dot d = {.out = got[0],
              .out_pitch = MOST_W,
              .x = tiles,
              .x_pitch = oi_tile_pitch(k, as),
              .w = groups,
              .w_pitch = oi_group_bytes(k, as),
              .m = m,
              .n = n,
              .k = k};
  memset(got, 0x55, sizeof got);
  oi_panel_of(oi_dots_of(cpu), as)(&d);
}

static void check_float_panels(oinf_dtype type, int64_t m, int64_t n, int64_t k) {
  const int64_t pitch = (k + 3) * (type == OINF_F32 ? 4 : 2);
  const oi_dot_type as = oi_dtype_dot(type);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      want[i][j] = ref_dot(rows[i], 1, OINF_F32, weights + j * pitch, 1, type, k);
  for (size_t v = 0; v < sizeof levels / sizeof *levels; v++) {
    if (!has(levels[v])) continue;
    const oi_dots *dots = oi_dots_of(levels[v]);
    for (int64_t j = 0; j < n; j += OI_GROUP)
      oi_pack_of(dots, as)((float *)(void *)(groups + j / OI_GROUP * oi_group_bytes(k, as)),
                           weights + j * pitch, pitch, n - j < OI_GROUP ? n - j : OI_GROUP,
                           OI_GROUP, k);
    for (int64_t i = 0; i < m; i += OI_TILE) {
      const int64_t width = m - i < OI_TILE ? m - i : OI_TILE;
      dots->pack_f32((float *)(void *)(tiles + i * oi_tile_pitch(k, as)), rows[i], sizeof rows[0],
                     width, width, k);
    }
    run_panels(levels[v], type, m, n, k);
    check_same("panels", levels[v], m, n, k);
  }
}

static void check_floats(oinf_dtype type) {
  static const int64_t ms[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 37},
                       ns[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 35};
  fill_floats(type, MOST_W * (MOST_K + 3), true, 1);
  for (int64_t k = 1; k <= 70; k++) {
    fill_rows(k, (uint64_t)k);
    for (size_t n = 0; n < sizeof ns / sizeof *ns; n++) check_float(type, 1, ns[n], k);
    check_float(type, 5, 9, k);
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    fill_rows(sizes[i], (uint64_t)i);
    for (size_t m = 0; m < sizeof ms / sizeof *ms && (sizes[i] < 4096 || m < 5); m++)
      check_float(type, ms[m], 11, sizes[i]);
    for (size_t m = 0; m < sizeof ms / sizeof *ms && sizes[i] < 300; m++)
      check_float_panels(type, ms[m], ns[(m + i) % (sizeof ns / sizeof *ns)], sizes[i]);
  }
}

// Rows of w that hold several sides, each for a part of the rows of x.
static void check_sides(oinf_dtype type, int64_t sides, int64_t each, int64_t n, int64_t k) {
  const int64_t size = type == OINF_F32 ? 4 : 2, pitch = (sides * k + 3) * size, m = sides * each;
  CHECK(m <= MOST_M && n <= MOST_W && sides * k <= MOST_K);
  for (int64_t i = 0; i < m; i++)
    for (int64_t j = 0; j < n; j++)
      want[i][j] =
          ref_dot(rows[i], 1, OINF_F32, weights + j * pitch + i / each * k * size, 1, type, k);
  const oi_dot d = {.x = rows,
                    .x_pitch = sizeof rows[0],
                    .w_pitch = pitch,
                    .m = m,
                    .n = n,
                    .k = k,
                    .sides = sides};
  check_levels("sides", type, d);
}

TEST(dot, sides_equal_the_scalar_order) {
  static const int64_t shapes[][4] = {{2, 1, 1, 20},  {2, 4, 33, 16}, {3, 5, 7, 8},
                                      {8, 1, 38, 33}, {2, 6, 4, 64},  {4, 3, 19, 40}};
  static const oinf_dtype types[] = {OINF_F32, OINF_F16, OINF_BF16};
  fill_rows(MOST_K, 31);
  for (size_t i = 0; i < 3 * sizeof shapes / sizeof *shapes; i++) {
    const int64_t *s = shapes[i / 3];
    fill_floats(types[i % 3], MOST_W * 300, false, i);
    check_sides(types[i % 3], s[0], s[1], s[2], s[3]);
  }
}

TEST(dot, f32_equals_the_scalar_order) { check_floats(OINF_F32); }
TEST(dot, f16_equals_the_scalar_order) { check_floats(OINF_F16); }
TEST(dot, bf16_equals_the_scalar_order) { check_floats(OINF_BF16); }

TEST(dot, every_half_widens_exactly) {
  for (uint32_t base = 0; base < 65536; base += 16) {
    for (uint32_t i = 0; i < 16; i++) memcpy(weights + 2 * i, &(uint16_t){(uint16_t)(base + i)}, 2);
    for (int i = 0; i < 16; i++) {
      memset(rows[i], 0, 64);
      rows[i][i] = 1.0f;
    }
    for (int type = 0; type < 2; type++)
      for (size_t v = 0; v < sizeof levels / sizeof *levels; v++) {
        if (!has(levels[v])) continue;
        for (int i = 0; i < 16; i++) {
          oinf_dtype dtype = type ? OINF_F16 : OINF_BF16;
          // One element alone: a product with zero would make a NaN of its infinite neighbour.
          oi_dot d = {.out = got[0],
                      .out_pitch = 1,
                      .x = (const float[16]){1.0f},
                      .x_pitch = 64,
                      .w = weights + 2 * i,
                      .w_pitch = 2,
                      .m = 1,
                      .n = 1,
                      .k = 1};
          oi_dot_of(oi_dots_of(levels[v]), oi_dtype_dot(dtype))(&d);
          CHECK(ref_same(got[0][0], ref_plus_zero(ref_load(weights, i, dtype))));
        }
      }
  }
}

TEST(dot, minus_zero_becomes_zero_and_nan_stays) {
  float x[16] = {-0.0f}, w[16] = {1.0f};
  for (size_t v = 0; v < sizeof levels / sizeof *levels; v++) {
    if (!has(levels[v])) continue;
    oi_dot d = {.out = got[0],
                .out_pitch = 1,
                .x = x,
                .x_pitch = 64,
                .w = w,
                .w_pitch = 64,
                .m = 1,
                .n = 1,
                .k = 16};
    w[0] = 1.0f, oi_dots_of(levels[v])->f32(&d);
    CHECK(memcmp(&got[0][0], &(float){0.0f}, 4) == 0);
    w[0] = INFINITY, oi_dots_of(levels[v])->f32(&d);
    CHECK(isnan(got[0][0]));
  }
}

static int8_t bytes[MOST_M][MOST_K];
static float scales[MOST_M][MOST_K / 32];
static oi_quad quads[MOST_M][MOST_K / OI_QUAD];

// As a bundle calls it: as many groups at a time as a cache holds, and memory fetched ahead.
static void run_groups(oi_cpu cpu, oinf_dtype type, int64_t m, int64_t n, int64_t k) {
  const oi_dot_type as = oi_dtype_dot(type);
  const oi_dot d = {.out = got[0],
                    .out_pitch = MOST_W,
                    .x = tiles,
                    .x_pitch = oi_tile_pitch(k, as),
                    .w = groups,
                    .w_pitch = oi_group_bytes(k, as),
                    .m = m,
                    .n = n,
                    .k = k,
                    .ahead = 512};
  memset(got, 0x55, sizeof got);
  oi_groups_run(oi_dots_of(cpu), &d, as);
}

static void check_quant_panels(oinf_dtype type, int64_t m, int64_t n, int64_t k) {
  const int64_t pitch = k / 32 * (type == OINF_Q8_0 ? 34 : 18);
  const oi_dot_type as = oi_dtype_dot(type);
  for (int64_t j = 0; j < n; j += OI_GROUP)
    oi_pack_group(groups + j / OI_GROUP * oi_group_bytes(k, as), weights + j * pitch, pitch,
                  n - j < OI_GROUP ? n - j : OI_GROUP, k, as);
  for (int64_t i = 0; i < m; i += OI_TILE) {
    static int8_t x[OI_TILE * MOST_K];
    static float d[OI_TILE * MOST_K / 32];
    const int64_t width = m - i < OI_TILE ? m - i : OI_TILE;
    for (int64_t r = 0; r < width; r++) {
      memcpy(x + r * k, bytes[i + r], (size_t)k);
      memcpy(d + r * (k / 32), scales[i + r], (size_t)k / 32 * sizeof *d);
    }
    oi_pack_tile(tiles + i * oi_tile_pitch(k, as), x, d, width, k, as);
  }
  for (size_t v = 0; v < sizeof levels / sizeof *levels; v++) {
    if (!has(levels[v])) continue;
    run_panels(levels[v], type, m, n, k);
    check_same(type == OINF_Q8_0 ? "q8_0 panels" : "q4_0 panels", levels[v], m, n, k);
    run_groups(levels[v], type, m, n, k);
    check_same(type == OINF_Q8_0 ? "q8_0 groups" : "q4_0 groups", levels[v], m, n, k);
  }
}

static void check_quant(oinf_dtype type, int64_t m, int64_t n, int64_t k) {
  const int64_t pitch = k / 32 * (type == OINF_Q8_0 ? 34 : 18);
  for (int64_t i = 0; i < m; i++) {
    oi_quad_row(quads[i], bytes[i], scales[i], k, oi_dtype_dot(type));
    for (int64_t j = 0; j < n; j++)
      want[i][j] = ref_dot_q(bytes[i], scales[i], weights + j * pitch, type, k);
  }
  const oi_dot d = {
      .x = quads, .x_pitch = sizeof quads[0], .w_pitch = pitch, .m = m, .n = n, .k = k};
  check_levels(type == OINF_Q8_0 ? "q8_0" : "q4_0", type, d);
  check_quant_panels(type, m, n, k);
}

static void check_quants(oinf_dtype type) {
  static const int64_t ks[] = {32, 64, 96, 128, 160, 192, 256, 288, 4064, 11008},
                       ms[] = {1, 2, 3, 8, 9, 11, 37};
  uint64_t seed = 5;
  fill_blocks(type, MOST_W * MOST_K / 32, 9);
  for (int m = 0; m < MOST_M; m++) {
    for (int k = 0; k < MOST_K; k++)
      bytes[m][k] = (int8_t)(ref_random(&seed) % 9 == 0 ? 128 : ref_random(&seed));
    for (int b = 0; b < MOST_K / 32; b++) scales[m][b] = b % 11 == 3 ? 0 : ref_uniform(&seed) / 127;
  }
  for (size_t i = 0; i < sizeof ks / sizeof *ks; i++)
    for (size_t m = 0; m < sizeof ms / sizeof *ms && (ks[i] < 4000 || m < 2); m++)
      for (int64_t n = 1; n <= 19; n += 1 + (n > 9)) check_quant(type, ms[m], n, ks[i]);
  // Groups side by side, and what is left of them.
  for (size_t i = 0; i < sizeof ks / sizeof *ks && ks[i] < 4000; i++)
    for (int64_t n = 64; n <= MOST_W; n += 17) check_quant(type, 1, n, ks[i]);
}

TEST(dot, q8_0_equals_the_scalar_order) { check_quants(OINF_Q8_0); }
TEST(dot, q4_0_equals_the_scalar_order) { check_quants(OINF_Q4_0); }

enum {
  MIX_KEYS = 600,
  MIX_ROWS = 5,
  MIX_D = 80
};
static float weights_of[MIX_ROWS][MIX_KEYS];
static uint8_t seen[MIX_KEYS];

static float want_mix(oinf_dtype type, const float *e, int64_t begin, int64_t end, int64_t i,
                      bool masked) {
  float p[16] = {0};
  for (int64_t j = begin; j < end; j++) {
    if (masked && !seen[j]) continue;
    float product =
        e[j] * ref_load(weights + j * (MIX_D + 1) * (type == OINF_F32 ? 4 : 2), i, type);
    p[j % 16] = p[j % 16] + product;
  }
  float sum = ref_fold(p);
  return sum * 0.75f;
}

// In three calls: cut anywhere, and then by where rows go. Rows of v hold two sides where they are
// long enough for it.
static void check_mix(oinf_dtype type, int64_t m, int64_t begin, int64_t end, int64_t d,
                      bool masked) {
  static float part[MIX_ROWS * 16 * (MIX_D + 3)];
  float out[MIX_D];
  for (size_t v = 0; v < sizeof levels / sizeof *levels; v++) {
    if (!has(levels[v])) continue;
    memset(part, 0, sizeof part);
    const int64_t size = type == OINF_F32 ? 4 : 2, sides = m % 2 == 0 && 2 * d <= MIX_D ? 2 : 0;
    oi_mix a = {.part = part,
                .part_pitch = d + 3,
                .sides = sides,
                .side = d * size,
                .e = weights_of[0],
                .e_pitch = MIX_KEYS,
                .v = weights,
                .v_pitch = (MIX_D + 1) * (type == OINF_F32 ? 4 : 2),
                .seen = masked ? seen : NULL,
                .m = m,
                .begin = begin,
                .end = begin + (end - begin) * 2 / 3,
                .columns = d};
    oi_mix_of(oi_dots_of(levels[v]), oi_dtype_dot(type))(&a);
    a.begin = a.end, a.end = end, a.without = 0x0ff7;
    oi_mix_of(oi_dots_of(levels[v]), oi_dtype_dot(type))(&a);
    a.without = ~a.without;
    oi_mix_of(oi_dots_of(levels[v]), oi_dtype_dot(type))(&a);
    for (int64_t r = 0; r < m; r++) {
      oi_dots_of(levels[v])->mixed(out, part + r * 16 * (d + 3), d + 3, d, 0.75f);
      for (int64_t i = 0; i < d; i++)
        CHECK_MSG(ref_same(out[i], want_mix(type, weights_of[r], begin, end,
                                            sides && r >= m / 2 ? i + d : i, masked)),
                  "%s %d..%d m %d d %d: [%d][%d]", oi_cpu_name(levels[v]), (int)begin, (int)end,
                  (int)m, (int)d, (int)r, (int)i);
    }
  }
}

TEST(mix, equals_the_scalar_order) {
  static const int64_t ranges[][2] = {{0, 1},   {0, 34},  {1, 47},  {15, 48},
                                      {16, 49}, {17, 64}, {33, 65}, {2, 500}};
  static const int64_t ds[] = {1, 4, 7, 8, 16, 21, 64, 80}, ms[] = {1, 2, 4, 5};
  static const oinf_dtype types[] = {OINF_F32, OINF_F16, OINF_BF16};
  uint64_t seed = 21;
  for (int j = 0; j < MIX_KEYS; j++) {
    seen[j] = ref_random(&seed) % 3 != 0;
    for (int r = 0; r < MIX_ROWS; r++) weights_of[r][j] = fabsf(ref_uniform(&seed));
  }
  for (int t = 0; t < 3; t++) {
    fill_floats(types[t], (MIX_D + 1) * MIX_KEYS, false, 3);
    for (size_t s = 0; s < 8 * 8 * 4; s++) {
      const int64_t *range = ranges[s % 8];
      check_mix(types[t], ms[s / 64], range[0], range[1], ds[s / 8 % 8], s % 3 == 0);
    }
  }
}

TEST(mix, hides_what_is_not_seen) {
  float v[3] = {1.0f, INFINITY, NAN}, e[3] = {2.0f, 0.0f, 0.0f}, out;
  for (size_t l = 0; l < sizeof levels / sizeof *levels; l++) {
    if (!has(levels[l])) continue;
    float part[16] = {0};
    oi_mix a = {.part = part,
                .part_pitch = 1,
                .e = e,
                .v = v,
                .v_pitch = 4,
                .seen = (const uint8_t[]){1, 0, 0},
                .m = 1,
                .end = 3,
                .columns = 1};
    oi_dots_of(levels[l])->mix_f32(&a);
    oi_dots_of(levels[l])->mixed(&out, part, 1, 1, 1.0f);
    CHECK(out == 2.0f);
  }
}

// The order itself is sound: within (K / 16 + 5) roundings of the sum of magnitudes.
TEST(dot, stays_close_to_double_precision) {
  fill_floats(OINF_F32, MOST_W * MOST_K, false, 12);
  fill_rows(MOST_K, 13);
  oi_dot d = {.out = got[0],
              .out_pitch = MOST_W,
              .x = rows,
              .x_pitch = sizeof rows[0],
              .w = weights,
              .w_pitch = MOST_K * 4,
              .m = 4,
              .n = MOST_W,
              .k = MOST_K};
  oi_dots_of(OI_CPU_UNKNOWN)->f32(&d);
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < MOST_W; j++) {
      double sum = 0, size = 0;
      for (int64_t k = 0; k < MOST_K; k++) {
        double product =
            (double)rows[i][k] * ref_load(weights + 4 * j * (int64_t)MOST_K, k, OINF_F32);
        sum += product, size += fabs(product);
      }
      CHECK(fabs(got[i][j] - sum) <= (MOST_K / 16 + 5) * 0x1p-24 * size);
    }
}
