// The choice among the variants of the inner kernels, and the form in which they take a quantized
// row.
#include "lib/op/dot.h"

#include <string.h>

const oi_dots *oi_dots_of(oi_cpu cpu) {
  if (cpu == OI_CPU_UNKNOWN) cpu = oi_cpu_level();
#if defined(__x86_64__)
  if (cpu >= OI_CPU_AVX512) return &oi_dots_avx512;
  if (cpu >= OI_CPU_AVX2) return &oi_dots_avx2;
#endif
  return &oi_dots_plain;
}

oi_dot_fn *oi_dot_of(const oi_dots *dots, oinf_dtype weights) {
  switch (weights) {
    case OINF_F32: return dots->f32;
    case OINF_F16: return dots->f16;
    case OINF_BF16: return dots->bf16;
    case OINF_Q8_0: return dots->q8_0;
    case OINF_Q4_0: return dots->q4_0;
    default: return NULL;
  }
}

oi_mix_fn *oi_mix_of(const oi_dots *dots, oinf_dtype values) {
  switch (values) {
    case OINF_F32: return dots->mix_f32;
    case OINF_F16: return dots->mix_f16;
    case OINF_BF16: return dots->mix_bf16;
    default: return NULL;
  }
}

static void fix_lanes(oi_quad *quad, int block, int offset) {
  for (int lane = 0; lane < 4; lane++) {
    int sum = 0;
    for (int i = 4 * lane; i < 4 * lane + 4; i++) sum += quad->lo[block][i] + quad->hi[block][i];
    quad->fix[block][lane] = -offset * sum;
    quad->total[block] += quad->fix[block][lane];
  }
}

void oi_quad_row(oi_quad *out, const int8_t *x, const float *d, int64_t k, oinf_dtype weights) {
  int offset = weights == OINF_Q8_0 ? 128 : 8;
  memset(out, 0, (size_t)oi_quads(k) * sizeof *out);
  for (int64_t b = 0; b < k / 32; b++) {
    oi_quad *quad = &out[b / 4];
    memcpy(quad->lo[b % 4], x + 32 * b, 16);
    memcpy(quad->hi[b % 4], x + 32 * b + 16, 16);
    quad->d[b % 4] = d[b];
    fix_lanes(quad, (int)(b % 4), offset);
  }
}
