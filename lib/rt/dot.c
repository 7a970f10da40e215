// The choice among the variants of the inner kernels, and the form in which they take a quantized
// row.
#include "lib/rt/dot.h"

#include <string.h>

OI_RT oi_cpu oi_dots_level(void) {
  const oi_cpu cpu = oi_cpu_level();
#if OI_DOT_X86
  if (cpu == OI_CPU_AMX && !oi_amx_holds()) return OI_CPU_AVX512;
#endif
  return cpu;
}

OI_RT const oi_dots *oi_dots_of(oi_cpu cpu) {
  if (cpu == OI_CPU_UNKNOWN) cpu = oi_cpu_level();
#if OI_DOT_X86
  if (cpu >= OI_CPU_AMX) return oi_dots_amx();
  if (cpu >= OI_CPU_AVX512 && oi_dots_bf16()) return oi_dots_bf16();
  if (cpu >= OI_CPU_AVX512) return oi_dots_avx512();
  if (cpu >= OI_CPU_AVX2) return oi_dots_avx2();
#elif OI_DOT_ARM
#if !defined(OI_BASE_ONLY)
  if (cpu >= OI_CPU_DOTPROD) return oi_dots_dotprod();
#endif
  if (cpu >= OI_CPU_NEON) return oi_dots_neon();
#endif
  return oi_dots_plain();
}

OI_RT oi_dot_fn *oi_dot_of(const oi_dots *dots, oi_dot_type weights) {
  switch (weights) {
    case OI_DOT_F32: return dots->f32;
    case OI_DOT_F16: return dots->f16;
    case OI_DOT_BF16: return dots->bf16;
    case OI_DOT_Q8_0: return dots->q8_0;
    case OI_DOT_Q4_0: return dots->q4_0;
    default: return NULL;
  }
}

OI_RT oi_mix_fn *oi_mix_of(const oi_dots *dots, oi_dot_type values) {
  switch (values) {
    case OI_DOT_F32: return dots->mix_f32;
    case OI_DOT_F16: return dots->mix_f16;
    case OI_DOT_BF16: return dots->mix_bf16;
    default: return NULL;
  }
}

OI_RT oi_dot_fn *oi_panel_of(const oi_dots *dots, oi_dot_type weights) {
  switch (weights) {
    case OI_DOT_F32:
    case OI_DOT_F16: return dots->panel_floats;
    case OI_DOT_BF16: return dots->panel_pairs ? dots->panel_pairs : dots->panel_floats;
    case OI_DOT_Q8_0: return dots->panel_q8_0;
    case OI_DOT_Q4_0: return dots->panel_q4_0;
    default: return NULL;
  }
}

OI_RT oi_pack_fn *oi_pack_of(const oi_dots *dots, oi_dot_type floats) {
  switch (floats) {
    case OI_DOT_F32: return dots->pack_f32;
    case OI_DOT_F16: return dots->pack_f16;
    case OI_DOT_BF16: return dots->pack_pairs ? dots->pack_pairs : dots->pack_bf16;
    default: return NULL;
  }
}

OI_RT oi_pack_fn *oi_pack_x_of(const oi_dots *dots, oi_dot_type weights) {
  return weights == OI_DOT_BF16 && dots->pack_pairs_x ? dots->pack_pairs_x : dots->pack_f32;
}

// ---- panels ----
static int64_t block_quants(oi_dot_type weights) { return weights == OI_DOT_Q8_0 ? 512 : 256; }

OI_RT int64_t oi_group_bytes(int64_t k, oi_dot_type weights) {
  if (weights != OI_DOT_Q8_0 && weights != OI_DOT_Q4_0)
    return oi_panel_steps(k) * 16 * OI_GROUP * 4;
  return oi_quads(k) * (OI_SCALES + 4 * block_quants(weights));
}

OI_RT int64_t oi_tile_pitch(int64_t k, oi_dot_type weights) {
  if (weights != OI_DOT_Q8_0 && weights != OI_DOT_Q4_0) return oi_panel_steps(k) * 16 * 4;
  return k / 32 * OI_X_BLOCK;
}

// Four elements at a time go to their place; what does not exist is the stored zero, scale 0.
OI_RT void oi_pack_group(uint8_t *out, const uint8_t *rows, int64_t pitch, int64_t n, int64_t k,
                   oi_dot_type weights) {
  const bool q8 = weights == OI_DOT_Q8_0;
  const int64_t quants = block_quants(weights), stored = q8 ? 34 : 18,
                four = OI_SCALES + 4 * quants;
  const uint32_t offset = q8 ? 0x80808080u : 0;
  if (n < OI_GROUP || k % OI_QUAD)
    for (int64_t q = 0; q < oi_quads(k); q++) {
      memset(out + q * four, 0, OI_SCALES);
      memset(out + q * four + OI_SCALES, q8 ? 0x80 : 0x88, (size_t)(4 * quants));
    }
  for (int64_t b = 0; b < k / 32; b++) {
    uint8_t *super = out + b / 4 * four, *q = super + OI_SCALES + b % 4 * quants;
    for (int64_t r = 0; r < n; r++) {
      const uint8_t *from = rows + r * pitch + b * stored;
      memcpy(super + b % 4 * 32 + 2 * r, from, 2);
      for (int64_t c = 0; c < quants / 64; c++) {
        uint32_t some;
        memcpy(&some, from + 2 + 4 * c, 4);
        some ^= offset;
        memcpy(q + 64 * c + 4 * r, &some, 4);
      }
    }
  }
}

OI_RT void oi_group_block(uint8_t *out, const uint8_t *group, int64_t block, int64_t row,
                          oi_dot_type weights) {
  const bool q8 = weights == OI_DOT_Q8_0;
  const int64_t quants = block_quants(weights);
  const uint8_t *super = group + block / 4 * (OI_SCALES + 4 * quants);
  const uint8_t *q = super + OI_SCALES + block % 4 * quants + 4 * row;
  memcpy(out, super + block % 4 * 32 + 2 * row, 2);
  for (int64_t c = 0; c < quants / 64; c++) {
    uint32_t some;
    memcpy(&some, q + 64 * c, 4);
    some ^= q8 ? 0x80808080u : 0;
    memcpy(out + 2 + 4 * c, &some, 4);
  }
}

OI_RT void oi_pack_tile(uint8_t *out, const int8_t *x, const float *d, int64_t width, int64_t k,
                  oi_dot_type weights) {
  const int32_t offset = weights == OI_DOT_Q8_0 ? 128 : 8;
  for (int64_t b = 0; b < k / 32; b++, out += OI_X_BLOCK * width)
    for (int64_t r = 0; r < width; r++) {
      const int8_t *from = x + r * k + 32 * b;
      int32_t sum = 0;
      for (int i = 0; i < 32; i++) sum += from[i];
      sum *= -offset;
      for (int64_t c = 0; c < 8; c++) memcpy(out + 4 * (c * width + r), from + 4 * c, 4);
      memcpy(out + 32 * width + 4 * r, &d[r * (k / 32) + b], 4);
      memcpy(out + 36 * width + 4 * r, &sum, 4);
    }
}

// At most 8 groups, and no more than the cache or one: both grow with k, so their lesser does.
OI_RT int64_t oi_panels_room(int64_t k, oi_dot_type weights) {
  const int64_t group = oi_group_bytes(k, weights), cache = 1 << 19, most = group * 8;
  const int64_t least = group > cache ? group : cache;
  return least < most ? least : most;
}

// The d->n rows at w as d->w.
static void pack_groups(const oi_dots *dots, const oi_dot *d, const uint8_t *w, int64_t pitch,
                        oi_dot_type weights) {
  const bool blocks = weights == OI_DOT_Q8_0 || weights == OI_DOT_Q4_0;
  uint8_t *to = (uint8_t *)(uintptr_t)d->w;
  for (int64_t g = 0; g < d->n; g += OI_GROUP, w += OI_GROUP * pitch, to += d->w_pitch) {
    const int64_t n = d->n - g < OI_GROUP ? d->n - g : OI_GROUP;
    if (blocks) oi_pack_group(to, w, pitch, n, d->k, weights);
    else oi_pack_of(dots, weights)((float *)(void *)to, w, pitch, n, OI_GROUP, d->k);
  }
}

OI_RT void oi_panels_run(const oi_dots *dots, const oi_dot *given, oi_dot_type weights,
                         void *room) {
  const bool blocks = weights == OI_DOT_Q8_0 || weights == OI_DOT_Q4_0;
  const bool pairs = weights == OI_DOT_BF16 && dots->panel_pairs;
  const int64_t piece = pairs ? 2 * OI_DEPTH : OI_DEPTH;
  const int64_t depth = OI_FAST && !blocks && given->k > piece ? piece : given->k;
  const int64_t group = oi_group_bytes(depth, weights) / (pairs ? 2 : 1);
  const int64_t most = oi_panels_room(given->k, weights) / group * OI_GROUP;
  oi_dot d = *given;
  d.w = room, d.w_pitch = group;
  for (int64_t j = 0; j < given->n; j += most, d.out += most) {
    d.n = given->n - j < most ? given->n - j : most, d.from = 0;
    do {
      const uint8_t *w = (const uint8_t *)given->w + j * given->w_pitch;
      d.k = given->k - d.from < depth ? given->k - d.from : depth;
      pack_groups(dots, &d, w + d.from * (weights == OI_DOT_F32 ? 4 : 2), given->w_pitch, weights);
      oi_panel_of(dots, weights)(&d);
      d.from += depth;
    } while (d.from < given->k);
  }
}

OI_RT void oi_groups_run(const oi_dots *dots, const oi_dot *given, oi_dot_type weights) {
  const int64_t some = oi_panels_room(given->k, weights) / given->w_pitch * OI_GROUP;
  const int64_t most = given->m > OI_TILE ? some : given->n;
  oi_dot d = *given;
  for (int64_t j = 0; j < given->n; j += most, d.out += most) {
    d.n = given->n - j < most ? given->n - j : most;
    d.w = (const uint8_t *)given->w + j / OI_GROUP * given->w_pitch;
    oi_panel_of(dots, weights)(&d);
  }
}

// ---- rows of x for row-major weights ----
static void fix_lanes(oi_quad *quad, int block, int offset) {
  for (int lane = 0; lane < 4; lane++) {
    int sum = 0;
    for (int i = 4 * lane; i < 4 * lane + 4; i++) sum += quad->lo[block][i] + quad->hi[block][i];
    quad->fix[block][lane] = -offset * sum;
    quad->total[block] += quad->fix[block][lane];
  }
}

OI_RT void oi_quad_row(oi_quad *out, const int8_t *x, const float *d, int64_t k,
                       oi_dot_type weights) {
  int offset = weights == OI_DOT_Q8_0 ? 128 : 8;
  memset(out, 0, (size_t)oi_quads(k) * sizeof *out);
  for (int64_t b = 0; b < k / 32; b++) {
    oi_quad *quad = &out[b / 4];
    memcpy(quad->lo[b % 4], x + 32 * b, 16);
    memcpy(quad->hi[b % 4], x + 32 * b + 16, 16);
    quad->d[b % 4] = d[b];
    fix_lanes(quad, (int)(b % 4), offset);
  }
}
