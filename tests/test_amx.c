// The kernels of AMX with its tiles written in C, after the manual's description, so that their
// logic is held to the plain variant's bits on processors without AMX. What the instructions
// themselves do is not tested here: test_dot runs them where the processor has them.
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct shape {
  uint8_t palette, start, rest[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} shape;
static shape set_up;
static uint8_t tiles[8][16][64];
static bool is_broken, is_misused;

static void set_config(const void *from) {
  memcpy(&set_up, from, sizeof set_up);
  memset(tiles, 0, sizeof tiles);
  is_misused = is_misused || set_up.palette != 1 || set_up.start;
  for (int t = 0; t < 16; t++) {
    is_misused =
        is_misused || set_up.rows[t] > 16 || set_up.row_bytes[t] > 64 || set_up.row_bytes[t] % 4;
    is_misused = is_misused || (t >= 8 && (set_up.rows[t] || set_up.row_bytes[t]));
  }
}

static void load(int t, const void *from, int64_t pitch) {
  is_misused = is_misused || set_up.palette != 1;
  memset(tiles[t], 0, sizeof tiles[t]);
  for (int r = 0; r < set_up.rows[t]; r++)
    memcpy(tiles[t][r], (const uint8_t *)from + r * pitch, set_up.row_bytes[t]);
}

static void store(int t, void *to, int64_t pitch) {
  is_misused = is_misused || set_up.palette != 1;
  for (int r = 0; r < set_up.rows[t]; r++)
    memcpy((uint8_t *)to + r * pitch, tiles[t][r], set_up.row_bytes[t]);
}

// Signed bytes of a by unsigned ones of b, four at a time, whose rows hold four of each column.
static void dot_tiles(int sums, int a, int b) {
  is_misused = is_misused || set_up.rows[sums] != set_up.rows[a] ||
               set_up.row_bytes[sums] != set_up.row_bytes[b] ||
               set_up.row_bytes[a] != 4 * set_up.rows[b];
  for (int m = 0; m < set_up.rows[sums]; m++)
    for (int n = 0; n < set_up.row_bytes[sums] / 4; n++) {
      int32_t sum;
      memcpy(&sum, &tiles[sums][m][4 * n], 4);
      for (int k = 0; k < set_up.row_bytes[a]; k++)
        sum += (int8_t)tiles[a][m][k] * tiles[b][k / 4][4 * n + k % 4];
      sum += is_broken && m == 3 && n == 5;
      memcpy(&tiles[sums][m][4 * n], &sum, 4);
    }
}

#define TILE_CONFIG(c) set_config(c)
#define TILE_ZERO(tile) memset(tiles[tile], 0, sizeof tiles[tile])
#define TILE_LOAD(tile, from, pitch) load(tile, from, pitch)
#define TILE_STORE(tile, to, pitch) store(tile, to, pitch)
#define TILE_DOT(sums, a, b) dot_tiles(sums, a, b)
#define TILE_RELEASE() memset(&set_up, 0, sizeof set_up)
#define oi_amx_q8_0 tiles_q8_0
#define oi_amx_q4_0 tiles_q4_0
#define oi_amx_holds tiles_hold
#include "lib/rt/dot_amx.c"

#include "tests/dot_ref.h"
#include "tests/test.h"

#if OI_DOT_X86
enum {
  MOST_K = 1056,
  MOST_M = 37,
  MOST_N = 150
};
static uint8_t blocks[MOST_N * MOST_K / 32 * Q8_BYTES], x_tiles[MOST_M * MOST_K / 32 * 40],
    groups[(MOST_N + 15) / 16 * 9 * (OI_SCALES + 4 * 512)];
static int8_t bytes[MOST_M * MOST_K];
static float scales[MOST_M * MOST_K / 32], got[MOST_M * MOST_N], want[MOST_M * MOST_N];

static void fill(int64_t stored) {
  uint64_t seed = 3;
  for (size_t i = 0; i < sizeof blocks; i++) blocks[i] = (uint8_t)ref_random(&seed);
  for (size_t i = 0; i + 2 <= sizeof blocks; i += (size_t)stored)
    blocks[i + 1] = ref_random(&seed) % 5 ? 0x2c : 0, blocks[i] &= blocks[i + 1] ? 255 : 0;
  for (size_t i = 0; i < sizeof bytes; i++)
    bytes[i] = (int8_t)(ref_random(&seed) % 9 == 0 ? 128 : ref_random(&seed));
  for (size_t i = 0; i < sizeof scales / 4; i++) scales[i] = i % 11 ? ref_uniform(&seed) : 0;
}

static void check_product(oi_dot_fn *fn, oi_dot_type type, int64_t m, int64_t n, int64_t k) {
  const int64_t pitch = k / 32 * (type == OI_DOT_Q8_0 ? Q8_BYTES : Q4_BYTES);
  oi_dot d = {.out = got,
              .out_pitch = n,
              .x = x_tiles,
              .x_pitch = oi_tile_pitch(k, type),
              .w = groups,
              .w_pitch = oi_group_bytes(k, type),
              .m = m,
              .n = n,
              .k = k};
  for (int64_t j = 0; j < n; j += OI_GROUP)
    oi_pack_group(groups + j / OI_GROUP * d.w_pitch, blocks + j * pitch, pitch,
                  n - j < OI_GROUP ? n - j : OI_GROUP, k, type);
  for (int64_t i = 0; i < m; i += OI_TILE)
    oi_pack_tile(x_tiles + i * d.x_pitch, bytes + i * k, scales + i * (k / 32),
                 m - i < OI_TILE ? m - i : OI_TILE, k, type);
  memset(got, 0x55, sizeof got), memset(want, 0x55, sizeof want);
  fn(&d), d.out = want, oi_panel_of(oi_dots_plain(), type)(&d);
  CHECK(!is_misused && set_up.palette == 0);
  CHECK_MSG(memcmp(got, want, sizeof got) == 0, "m %d n %d k %d", (int)m, (int)n, (int)k);
}

static void check_products(oi_dot_fn *fn, oi_dot_type type) {
  static const int64_t ms[] = {1, 3, 4, 12, 13, 24, 37}, ns[] = {1, 15, 16, 33, 128, 150},
                       ks[] = {32, 96, 128, 160, 1056};
  if (!oi_cpu_has(OI_CPU_AVX512)) SKIP("this processor has no AVX-512");
  fill(type == OI_DOT_Q8_0 ? Q8_BYTES : Q4_BYTES);
  for (int m = 0; m < 7; m++)
    for (int n = 0; n < 6; n++)
      for (int k = 0; k < 5; k++) check_product(fn, type, ms[m], ns[n], ks[k]);
}

TEST(amx, q8_0_equals_plain) { check_products(tiles_q8_0, OI_DOT_Q8_0); }
TEST(amx, q4_0_equals_plain) { check_products(tiles_q4_0, OI_DOT_Q4_0); }

TEST(amx, is_refused_where_a_sum_is_wrong) {
  if (!oi_cpu_has(OI_CPU_AVX512)) SKIP("this processor has no AVX-512");
  CHECK(tiles_hold());
  is_broken = true;
  CHECK(!tiles_hold());
  is_broken = false;
}

// Where the processor has none, or the system does not lend them, AVX-512 is taken.
TEST(amx, is_taken_only_where_it_is_asked_for) {
  char kept[32] = "";
  if (getenv("OINF_CPU")) snprintf(kept, sizeof kept, "%s", getenv("OINF_CPU"));
  unsetenv("OINF_CPU");
  CHECK(oi_dots_level() < OI_CPU_AMX);
  setenv("OINF_CPU", "amx", 1);
  CHECK(oi_dots_level() == OI_CPU_AMX || !oi_cpu_has(OI_CPU_AMX));
  if (*kept) setenv("OINF_CPU", kept, 1);
  else unsetenv("OINF_CPU");
}
#else
TEST(amx, is_of_another_processor) { SKIP("no x86-64"); }
#endif
