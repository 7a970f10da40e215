// What the variants of the inner kernels share. A variant is one of dot_plain.c, dot_avx2.c,
// dot_avx512.c and dot_neon.c; V(name) gives its functions names of their own, since in a bundle
// all of them are one file.
#ifndef OI_RT_DOT_PART_H
#define OI_RT_DOT_PART_H
#include <string.h>

#include "lib/rt/dot.h"
#include "lib/rt/strict.h"

#define INLINE static inline __attribute__((always_inline)) TARGET
// A loop that is unrolled whole, so that arrays indexed by it are registers; and one that is not,
// since gcc would gather the terms of its sums in memory and add them up afterwards.
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#define ROLLED _Pragma("clang loop unroll(disable)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#define ROLLED _Pragma("GCC unroll 1")
#endif
#define EACH(i, n) UNROLL for (int i = 0; i < (int)(n); i++)

enum {
  DOT_MOST = 16,  // accumulators of a tile
  DOT_EARLY = 8,  // rows that are fetched ahead where they lie apart
  MIX_KEYS = 128,  // rows of values between two stores of a sum
  DOT_ROWS = 4,   // rows of quantized weights that are folded together
  Q8_BYTES = 34,  // a block: its scale in f16, then 32 bytes,
  Q4_BYTES = 18   // or 16 bytes with element j low and j + 16 high
};

// Panels: partial sums of floats and of blocks, steps that are packed at a time, and which kind.
// A vector walks DOT_GROUPS groups side by side; a product in fast fetches DOT_NEXT steps of w
// ahead.
enum { DOT_PARTS = 16, DOT_BLOCK_PARTS = 4, DOT_PIECE = 16, DOT_GROUPS = 4, DOT_NEXT = 8 };
typedef enum dot_panel { DOT_FLOATS, DOT_Q8, DOT_Q4 } dot_panel;
// A piece of some rows, widened; rows lie no multiple of 1 KiB apart, as they do in memory.
typedef struct dot_piece {
  float at[OI_GROUP][DOT_PIECE * 16 + 16];
} dot_piece;

#define DOT_IF(type, fn) ((OI_DOT_TYPES) >> OI_DOT_##type & 1 ? (fn) : NULL)
#define DOT_HAS(type, fn) DOT_IF(type, V(fn))
#define DOT_FLOAT(fn) ((OI_DOT_TYPES) & 7 ? V(fn) : NULL)
// The functions of a variant: panels of blocks, and at last those of pairs of bf16.
#define DOT_TABLE DOT_TABLE_OF(V(panel_q8_0), V(panel_q4_0), NULL, NULL, NULL)
#define DOT_TABLE_OF(panel_8, panel_4, ...)                                                    \
  {                                                                                            \
    DOT_HAS(F32, dot_f32), DOT_HAS(F16, dot_f16), DOT_HAS(BF16, dot_bf16),                     \
        DOT_HAS(Q8_0, dot_q8_0), DOT_HAS(Q4_0, dot_q4_0), DOT_FLOAT(panel_floats),             \
        DOT_IF(Q8_0, panel_8), DOT_IF(Q4_0, panel_4), DOT_FLOAT(pack_f32),                     \
        DOT_HAS(F16, pack_f16), DOT_HAS(BF16, pack_bf16), DOT_HAS(F32, mix_f32),               \
        DOT_HAS(F16, mix_f16), DOT_HAS(BF16, mix_bf16), V(mixed), V(exp_row), __VA_ARGS__      \
  }

typedef float float4 __attribute__((vector_size(16)));

// Rows of x by rows of w whose sums are registers.
typedef struct dot_tile {
  const uint8_t *x, *w;    // row 0 of each
  int64_t x_step, w_step;  // bytes to the next row of the tile
  float *out;
  int64_t m_step, n_step;  // floats
  int64_t k;
  int64_t ahead;  // bytes
} dot_tile;

static inline int64_t dot_size(oi_dot_type type) { return type == OI_DOT_F32 ? 4 : 2; }

static inline float dot_positive_zero(float sum) {
  uint32_t bits;
  memcpy(&bits, &sum, sizeof bits);
  bits = bits == 0x80000000u ? 0 : bits;
  memcpy(&sum, &bits, sizeof bits);
  return sum;
}
#endif
