// Products of many rows by the tiles of AMX: a block of up to 12 rows of x (a tile of 32 bytes a
// row, signed) by a block of 16 rows of w (eight rows of 64 bytes, unsigned, just as a group lies
// in memory) gives all their integer sums in one instruction. They are exact in any order, so the
// bits are those of every other variant; the scales are applied as AVX-512 does it.
//
// A block of x lies by fours of elements for the other variants and is turned once for eight groups
// of w, whose partial sums (24 KiB) stay in the first cache. Nibbles are spread into bytes first.
//
// It is taken only where OINF_CPU asks for it and oi_amx_holds, since it was written without such a
// processor: a test holds its logic with tiles in C (TILE_DOT and the rest are its seam).
#include "lib/rt/dot_part.h"

#if OI_DOT_X86
#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,f16c,amx-tile,amx-int8")))

// Tile 0 holds sums, 1 the block of x, 2 that of w. The compilers want the numbers themselves, and
// gcc 12 believes that a load reads nothing (of the shapes: eight bytes), so amx_written stands
// before it, or the stores would be dropped.
#if !defined(TILE_DOT)
#define TILE_CONFIG(config) _tile_loadconfig(config)
#define TILE_ZERO(tile) _tile_zero(tile)
#define TILE_LOAD(tile, from, pitch) _tile_loadd(tile, from, pitch)
#define TILE_STORE(tile, to, pitch) _tile_stored(tile, to, pitch)
#define TILE_DOT(sums, x, w) _tile_dpbsud(sums, x, w)
#define TILE_RELEASE() _tile_release()
#endif

static inline void amx_written(const void *p) { __asm__ volatile("" : : "r"(p) : "memory"); }

enum {
  AMX_GROUPS = 8,      // of w, at a time
  AMX_LEAST = OI_TILE  // rows of x from which tiles are taken
};

typedef struct amx_config {  // as the instruction reads it
  uint8_t palette, start, rest[14];
  uint16_t row_bytes[16];
  uint8_t rows[16];
} amx_config;

typedef struct amx_part {  // of a tile of x by some groups of w
  __m512 at[DOT_BLOCK_PARTS][AMX_GROUPS][OI_TILE];
} amx_part;

TARGET static void amx_shape(int64_t width) {
  const uint8_t rows = (uint8_t)width;
  amx_config config = {.palette = 1, .row_bytes = {64, 32, 64}, .rows = {rows, rows, 8}};
  amx_written(&config);
  TILE_CONFIG(&config);
}

// Eight times `width` rows of four elements become rows of 32.
static void amx_turn(uint8_t rows[OI_TILE][32], const uint8_t *x, int64_t width) {
  for (int64_t r = 0; r < width; r++)
    for (int64_t j = 0; j < 8; j++) memcpy(&rows[r][4 * j], x + 4 * (j * width + r), 4);
}

INLINE const uint8_t *amx_bytes(uint8_t room[512], const uint8_t *q, bool q8) {
  const __m512i low = _mm512_set1_epi8(15);
  if (q8) return q;
  for (int i = 0; i < 4; i++, q += 64) {
    const __m512i v = _mm512_loadu_si512(q);
    _mm512_store_si512(room + 64 * i, _mm512_and_si512(v, low));
    _mm512_store_si512(room + 256 + 64 * i, _mm512_and_si512(_mm512_srli_epi16(v, 4), low));
  }
  return room;
}

// The block of x in tile 1 by one of w, added to `part`. `scales`: of the 16 rows of w; `x`: the
// scales of the rows of x, then what undoes the offset of w.
INLINE void amx_add(__m512 part[OI_TILE], const uint8_t *scales, const uint8_t *q, const uint8_t *x,
                    int64_t width, bool q8) {
  _Alignas(64) uint8_t room[512];
  _Alignas(64) int32_t sums[OI_TILE][OI_GROUP];
  const uint8_t *bytes = amx_bytes(room, q, q8);
  amx_written(bytes);
  TILE_ZERO(0);
  TILE_LOAD(2, bytes, 64);
  TILE_DOT(0, 1, 2);
  TILE_STORE(0, sums, 64);
  const __m512 dw = _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)scales));
  for (int64_t c = 0; c < width; c++) {
    float dx;
    int32_t fix;
    memcpy(&dx, x + 4 * c, sizeof dx), memcpy(&fix, x + 4 * (width + c), sizeof fix);
    const __m512i sum = _mm512_add_epi32(_mm512_load_si512(sums[c]), _mm512_set1_epi32(fix));
    const __m512 scale = _mm512_mul_ps(dw, _mm512_set1_ps(dx));
    const __m512 value = _mm512_mul_ps(scale, _mm512_cvtepi32_ps(sum));
    part[c] = _mm512_add_ps(part[c], value);
  }
}

// Row i of x and what follows in its tile, by the groups of w from row j on.
INLINE void amx_groups(const oi_dot *d, int64_t i, int64_t j, int64_t width, int64_t groups,
                       bool q8) {
  const int64_t quants = q8 ? 512 : 256, step = OI_SCALES + 4 * quants;
  const uint8_t *x = (const uint8_t *)d->x + i * d->x_pitch,
                *w = (const uint8_t *)d->w + j / OI_GROUP * d->w_pitch;
  uint8_t rows[OI_TILE][32];
  amx_part part;
  memset(&part, 0, sizeof part);
  for (int64_t b = 0; b < d->k / 32; b++, x += OI_X_BLOCK * width) {
    amx_turn(rows, x, width);
    amx_written(rows);
    TILE_LOAD(1, rows, 32);
    for (int64_t g = 0; g < groups; g++) {
      const uint8_t *super = w + g * d->w_pitch + b / 4 * step;
      amx_add(part.at[b % 4][g], super + 32 * (b % 4), super + OI_SCALES + b % 4 * quants,
              x + 32 * width, width, q8);
    }
  }
  for (int64_t g = 0; g < groups; g++)
    for (int64_t c = 0; c < width; c++) {
      const int64_t at = j + g * OI_GROUP, n = d->n - at < OI_GROUP ? d->n - at : OI_GROUP;
      const __m512 even = _mm512_add_ps(part.at[0][g][c], part.at[2][g][c]),
                   odd = _mm512_add_ps(part.at[1][g][c], part.at[3][g][c]);
      _mm512_mask_storeu_ps(d->out + (i + c) * d->out_pitch + at, (__mmask16)((1u << n) - 1),
                            _mm512_add_ps(even, odd));
    }
}

INLINE void amx_run(const oi_dot *d, bool q8) {
  for (int64_t i = 0; i < d->m; i += OI_TILE) {
    const int64_t width = d->m - i < OI_TILE ? d->m - i : OI_TILE;
    if (i == 0 || width < OI_TILE) amx_shape(width);
    for (int64_t j = 0; j < d->n; j += AMX_GROUPS * OI_GROUP) {
      const int64_t rest = oi_groups(d->n - j);
      amx_groups(d, i, j, width, rest < AMX_GROUPS ? rest : AMX_GROUPS, q8);
    }
  }
  TILE_RELEASE();
}

TARGET static void amx_run_q8(const oi_dot *d) { amx_run(d, true); }
TARGET static void amx_run_q4(const oi_dot *d) { amx_run(d, false); }

OI_RT void oi_amx_q8_0(const oi_dot *d) {
  (d->m < AMX_LEAST ? oi_dots_avx512()->panel_q8_0 : amx_run_q8)(d);
}
OI_RT void oi_amx_q4_0(const oi_dot *d) {
  (d->m < AMX_LEAST ? oi_dots_avx512()->panel_q4_0 : amx_run_q4)(d);
}

// ---- does it hold here? ----

enum {
  HOLDS_M = 17,
  HOLDS_N = 21,
  HOLDS_K = 160,
  HOLDS_BLOCKS = HOLDS_K / 32
};

// Arbitrary bytes in blocks of `stored` bytes, with scales that are ordinary halves.
static void amx_fill(uint8_t *at, size_t n, size_t stored) {
  uint32_t seed = 1;
  for (size_t i = 0; i < n; i++) at[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
  for (size_t i = 0; stored && i < n; i += stored) at[i + 1] = 0x2c;
}

// A product one of whose tiles, groups and quads is not full.
static bool amx_same(oi_dot_fn *fn, oi_dot_fn *plain, oi_dot_type type) {
  enum {
    STORED = HOLDS_BLOCKS * Q8_BYTES
  };
  const int64_t stored = type == OI_DOT_Q8_0 ? Q8_BYTES : Q4_BYTES;
  uint8_t rows[HOLDS_N * STORED], w[2 * 2 * (OI_SCALES + 4 * 512)],
      x[HOLDS_M * HOLDS_BLOCKS * OI_X_BLOCK];
  int8_t bytes[HOLDS_M * HOLDS_K];
  float scales[HOLDS_M * HOLDS_BLOCKS], got[HOLDS_M * HOLDS_N] = {0}, want[HOLDS_M * HOLDS_N] = {0};
  oi_dot d = {.out = got,
              .out_pitch = HOLDS_N,
              .x = x,
              .w = w,
              .m = HOLDS_M,
              .n = HOLDS_N,
              .k = HOLDS_K,
              .x_pitch = oi_tile_pitch(HOLDS_K, type),
              .w_pitch = oi_group_bytes(HOLDS_K, type)};
  amx_fill(rows, sizeof rows, (size_t)stored), amx_fill((uint8_t *)bytes, sizeof bytes, 0);
  for (int i = 0; i < HOLDS_M * HOLDS_BLOCKS; i++) scales[i] = 0.001f * (float)(i % 7);
  for (int64_t j = 0; j < HOLDS_N; j += OI_GROUP)
    oi_pack_group(w + j / OI_GROUP * d.w_pitch, rows + j * HOLDS_BLOCKS * stored,
                  HOLDS_BLOCKS * stored, HOLDS_N - j < OI_GROUP ? HOLDS_N - j : OI_GROUP, HOLDS_K,
                  type);
  for (int64_t i = 0; i < HOLDS_M; i += OI_TILE)
    oi_pack_tile(x + i * d.x_pitch, bytes + i * HOLDS_K, scales + i * HOLDS_BLOCKS,
                 HOLDS_M - i < OI_TILE ? HOLDS_M - i : OI_TILE, HOLDS_K, type);
  fn(&d), d.out = want, plain(&d);
  return memcmp(got, want, sizeof got) == 0;
}

OI_RT bool oi_amx_holds(void) {
  const oi_dots *plain = oi_dots_plain();
  return (!plain->panel_q8_0 || amx_same(oi_amx_q8_0, plain->panel_q8_0, OI_DOT_Q8_0)) &&
         (!plain->panel_q4_0 || amx_same(oi_amx_q4_0, plain->panel_q4_0, OI_DOT_Q4_0));
}
#undef TARGET
#endif
