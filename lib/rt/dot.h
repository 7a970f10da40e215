// Inner kernels of matmul and attention: blocks of dot products and weighted sums in the one
// reduction order, in variants for the processor at hand. Every variant gives the same bits,
// whatever the block's shape.
//
// A float dot product: element k goes to partial k mod 16 (the product is rounded, then added),
// then for s = 8, 4, 2, 1 p[i] = p[i] + p[i + s], and -0 becomes +0. A register of 16 lanes along k
// *is* that order, so it costs nothing. A quantized one: a block's value (dw * dx) * f32(isum) goes
// to partial (block mod 4), then s = 2, 1.
// One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_DOT_H
#define OI_RT_DOT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rt/cpu.h"

#if !defined(OI_FAST)
#define OI_FAST 0
#endif

// How a row of weights, keys or values is stored.
typedef enum oi_dot_type {
  OI_DOT_F32,
  OI_DOT_F16,
  OI_DOT_BF16,
  OI_DOT_Q8_0,
  OI_DOT_Q4_0,
  OI_DOT_NONE  // otherwise
} oi_dot_type;

// out[i * out_pitch + j] = dot(row i of x, row j of w), i < m, j < n. Where there are sides, w of
// floats holds as many rows of k elements side by side, and so many equal parts of the rows of x
// are each for one of them.
typedef struct oi_dot {
  float *out;
  int64_t out_pitch;  // floats
  const void *x;      // rows of floats, or of oi_quad
  int64_t x_pitch;    // bytes
  const void *w;      // rows of f32, f16, bf16, q8_0 or q4_0
  int64_t w_pitch;    // bytes
  int64_t m, n, k;
  int64_t ahead;  // one row of x by groups: bytes that each stream of w is fetched ahead; 0: none
  int64_t sides;  // 0: one
  int64_t from;  // panels of floats in fast: k of x are passed over, whose products out holds
} oi_dot;
typedef void oi_dot_fn(const oi_dot *d);

// part[i][j mod 16][c] += e[i][j] * v[j][c] for i < m, c < columns and j in begin .. end, upwards.
// j counts from the start of the sum whatever `begin` is, so a sum may be made in several calls.
// Sides are as of oi_dot.
typedef struct oi_mix {
  float *part;  // m times 16 rows of part_pitch floats
  int64_t part_pitch;
  const float *e;  // m rows, e_pitch floats apart
  int64_t e_pitch;
  const void *v;  // rows of f32, f16 or bf16, v_pitch bytes apart
  int64_t v_pitch;
  const uint8_t *seen;  // row j is left out where seen[j] == 0; NULL: none is
  int64_t m, begin, end, columns;
  unsigned without;     // bit j mod 16: those j are left to another call
  int64_t sides, side;  // 0: one; bytes from one to the next
} oi_mix;
typedef void oi_mix_fn(const oi_mix *a);

// out[c] = (the 16 partial sums of column c, folded) * share.
typedef void oi_mixed_fn(float *out, float *part, int64_t part_pitch, int64_t columns, float share);

// e[i] = exp(e[i] - most) for n elements, n a multiple of 16.
typedef void oi_exp_fn(float *e, int64_t n, float most);

// Four blocks of a quantized row of x, as the block kernels read them. A row is padded with zeros
// to whole quads. `fix` undoes the offset of stored weights (128 or 8): -offset * the sum of the
// four low and four high values of x that meet in a 32-bit lane.
typedef struct oi_quad {
  int8_t lo[4][16], hi[4][16];  // elements 0 .. 15 and 16 .. 31 of each block
  int32_t fix[4][4];
  float d[4];
  int32_t total[4];  // of the four lanes of each block in `fix`
  int32_t zero[8];
} oi_quad;
enum {
  OI_QUAD = 128
};  // elements of x in a quad
static inline int64_t oi_quads(int64_t k) { return (k + OI_QUAD - 1) / OI_QUAD; }
// One row: k (a multiple of 32) values and their scales into oi_quads(k) quads, for weights of the
// given type.
OI_RT void oi_quad_row(oi_quad *out, const int8_t *x, const float *d, int64_t k,
                       oi_dot_type weights);

// ---- panels: both sides re-laid, for products with many rows of x ----
//
// w lies in groups of 16 rows, x in tiles of 12 rows and a last one of what is left; rows and
// elements that do not exist are zeros. With r the row in its group or tile and `width` 16 or the
// tile's rows:
//   floats  all as f32, 16 parts of oi_panel_steps(k) * width; part p holds element 16 s + order(p)
//           of row r at s * width + r, order being 0 8 4 12 2 10 6 14 1 9 5 13 3 11 7 15; the last
//           step is room alone, so that parts lie no power of two apart. In fast numerics: element
//           k of row r at k * width + r; pairs of bf16 likewise, elements 2 k and 2 k + 1
//   q8_0    of w, for four blocks: 4 * 16 scales in f16, then for each block eight times 16 rows of
//           four elements, + 128
//   q4_0    the same with four times 16 rows of four bytes: low half element 4 c + i, high half
//           element 16 + 4 c + i, + 8
//   x       for both, for each block: eight times `width` rows of four elements, then `width`
//           scales in f32 and `width` times -128 or -8 times the sum of the block's elements
// A panel kernel takes an oi_dot with x and w so laid, x_pitch being the bytes of a tile over its
// rows and w_pitch those of a group.
enum {
  OI_GROUP = 16,
  OI_TILE = 12,
  OI_SCALES = 128,
  OI_X_BLOCK = 40,  // bytes of a block and row in a tile of x
  OI_DEPTH = 256  // elements of floats that go through at a time, in fast numerics
};
typedef struct oi_block {
  const uint8_t *q, *x;  // quants of 16 rows of w; a block of a tile of x, from some row on
  int64_t width;
} oi_block;
static inline int64_t oi_groups(int64_t rows) { return (rows + OI_GROUP - 1) / OI_GROUP; }
static inline int64_t oi_panel_steps(int64_t k) { return (k + 15) / 16 + 1; }
OI_RT int64_t oi_group_bytes(int64_t k, oi_dot_type weights);
OI_RT int64_t oi_tile_pitch(int64_t k, oi_dot_type weights);  // bytes of x a row
// Up to `width` rows of floats as a panel.
typedef void oi_pack_fn(float *out, const void *rows, int64_t pitch, int64_t n, int64_t width,
                        int64_t k);
// Up to 16 rows of quantized blocks as a group; `width` rows of quantized x as a tile.
OI_RT void oi_pack_group(uint8_t *out, const uint8_t *rows, int64_t pitch, int64_t n, int64_t k,
                   oi_dot_type weights);
OI_RT void oi_pack_tile(uint8_t *out, const int8_t *x, const float *d, int64_t width, int64_t k,
                  oi_dot_type weights);

// Block `block` of row `row` of a group, as it stands in a row: 34 or 18 bytes.
OI_RT void oi_group_block(uint8_t *out, const uint8_t *group, int64_t block, int64_t row,
                          oi_dot_type weights);

// A bundle has only what its kernels use: it defines a bit for each type. What is left out is NULL.
#if !defined(OI_DOT_TYPES)
#define OI_DOT_TYPES 31
#endif
typedef struct oi_dots {
  oi_dot_fn *f32, *f16, *bf16, *q8_0, *q4_0;
  oi_dot_fn *panel_floats, *panel_q8_0, *panel_q4_0;
  oi_pack_fn *pack_f32, *pack_f16, *pack_bf16;
  oi_mix_fn *mix_f32, *mix_f16, *mix_bf16;
  oi_mixed_fn *mixed;
  oi_exp_fn *exp;
  // Weights in bf16 by x rounded to bf16, as panels of pairs; in fast numerics where the processor
  // has instructions for it, else NULL.
  oi_dot_fn *panel_pairs;
  oi_pack_fn *pack_pairs, *pack_pairs_x;
} oi_dots;
OI_RT const oi_dots *oi_dots_plain(void);
// OI_BASE_ONLY leaves the variants out that not every processor of the architecture has.
#if defined(__x86_64__) && !defined(OI_BASE_ONLY)
#define OI_DOT_X86 1
#else
#define OI_DOT_X86 0
#endif
#if defined(__aarch64__)
#define OI_DOT_ARM 1
#else
#define OI_DOT_ARM 0
#endif
#if OI_DOT_X86
OI_RT const oi_dots *oi_dots_avx2(void);
OI_RT const oi_dots *oi_dots_avx512(void);
OI_RT const oi_dots *oi_dots_amx(void);  // AVX-512's, but for panels of blocks
OI_RT void oi_amx_q8_0(const oi_dot *d);
OI_RT void oi_amx_q4_0(const oi_dot *d);
// Do they give the plain variant's bits here? Asked only where the tiles may be used.
OI_RT bool oi_amx_holds(void);
OI_RT const oi_dots *oi_dots_bf16(void);  // AVX-512 and pairs; NULL: not in strict, or not here
#elif OI_DOT_ARM
OI_RT const oi_dots *oi_dots_neon(void);
OI_RT const oi_dots *oi_dots_dotprod(void);  // not with OI_BASE_ONLY
#endif
// oi_cpu_level(), but AVX-512 where AMX is asked for and does not hold.
OI_RT oi_cpu oi_dots_level(void);
OI_RT const oi_dots *oi_dots_of(oi_cpu cpu);                           // OI_CPU_UNKNOWN: asks
OI_RT oi_dot_fn *oi_dot_of(const oi_dots *dots, oi_dot_type weights);  // NULL: none for it
OI_RT oi_mix_fn *oi_mix_of(const oi_dots *dots, oi_dot_type values);
OI_RT oi_dot_fn *oi_panel_of(const oi_dots *dots, oi_dot_type weights);
OI_RT oi_pack_fn *oi_pack_of(const oi_dots *dots, oi_dot_type floats);
OI_RT oi_pack_fn *oi_pack_x_of(const oi_dots *dots, oi_dot_type weights);  // f32 rows, as tiles

// Rows of x from which packing both sides pays.
enum {
  OI_MANY_BLOCKS = 16,
  OI_MANY_FLOATS = 64
};
static inline bool oi_panels_pay(oi_dot_type weights, int64_t rows) {
  const bool blocks = weights == OI_DOT_Q8_0 || weights == OI_DOT_Q4_0;
  return rows >= (blocks ? OI_MANY_BLOCKS : OI_MANY_FLOATS);
}
// The product of a d whose x lies in tiles and whose w in rows of the given type: w is packed into
// `room`, oi_panels_room bytes of 64-byte alignment, as many groups at a time as stay in the second
// cache. The room grows with k.
OI_RT int64_t oi_panels_room(int64_t k, oi_dot_type weights);
OI_RT void oi_panels_run(const oi_dots *dots, const oi_dot *d, oi_dot_type weights, void *room);
// The same where w lies in groups already.
OI_RT void oi_groups_run(const oi_dots *dots, const oi_dot *d, oi_dot_type weights);
#endif
