// The one reduction order written down as a person reads it, for tests of matmul and attention:
// scalar, no vector, no conversion shared with the library. Also a small generator of numbers with
// a seed.
#ifndef OINF_TESTS_DOT_REF_H
#define OINF_TESTS_DOT_REF_H
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <oinf/oinf.h>

static inline uint32_t ref_random(uint64_t *seed) {
  *seed = *seed * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(*seed >> 33);
}
static inline float ref_uniform(uint64_t *seed) {  // -1 .. 1, never so small that timings suffer
  return (float)((int32_t)(ref_random(seed) % 20001) - 10000) / 10000.0f;
}
// A half from its fields: sign, five bits of exponent, ten of fraction.
static inline float ref_f16(uint16_t h) {
  int exponent = h >> 10 & 31, fraction = h & 1023;
  double value = exponent == 31 ? (fraction ? NAN : INFINITY)
                 : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                : ldexp(fraction, -24);
  return (float)(h & 0x8000 ? -value : value);
}
static inline float ref_bf16(uint16_t h) {
  uint32_t bits = (uint32_t)h << 16;
  float f;
  return memcpy(&f, &bits, 4), f;
}
static inline float ref_load(const void *p, int64_t i, oinf_dtype type) {
  if (type == OINF_F32) return ((const float *)p)[i];
  uint16_t h = ((const uint16_t *)p)[i];
  return type == OINF_F16 ? ref_f16(h) : ref_bf16(h);
}
static inline float ref_plus_zero(float x) { return x == 0 ? 0.0f : x; }
static inline float ref_fold(float p[16]) {
  for (int s = 8; s > 0; s /= 2)
    for (int i = 0; i < s; i++) p[i] = p[i] + p[i + s];
  return ref_plus_zero(p[0]);
}
// Sum of x[k * x_step] * w[k * w_step].
static inline float ref_dot(const void *x, int64_t x_step, oinf_dtype x_type, const void *w,
                            int64_t w_step, oinf_dtype w_type, int64_t n) {
  float p[16] = {0};
  for (int64_t k = 0; k < n; k++) {
    float product = ref_load(x, k * x_step, x_type) * ref_load(w, k * w_step, w_type);
    p[k % 16] = p[k % 16] + product;
  }
  return ref_fold(p);
}
static inline int ref_quant(const uint8_t *row, int64_t k, oinf_dtype type) {
  const uint8_t *block = row + k / 32 * (type == OINF_Q8_0 ? 34 : 18) + 2;
  int j = (int)(k % 32);
  if (type == OINF_Q8_0) return (int8_t)block[j];
  return (j < 16 ? block[j] & 15 : block[j - 16] >> 4) - 8;
}
static inline float ref_scale(const uint8_t *row, int64_t block, oinf_dtype type) {
  uint16_t h;
  return memcpy(&h, row + block * (type == OINF_Q8_0 ? 34 : 18), 2), ref_f16(h);
}
static inline float ref_dot_q(const int8_t *x, const float *dx, const uint8_t *w, oinf_dtype type,
                              int64_t n) {
  float p[4] = {0};
  for (int64_t b = 0; b < n / 32; b++) {
    int32_t sum = 0;
    for (int64_t k = 32 * b; k < 32 * b + 32; k++) sum += x[k] * ref_quant(w, k, type);
    float scale = ref_scale(w, b, type) * dx[b];
    float value = scale * (float)sum;
    p[b % 4] = p[b % 4] + value;
  }
  float even = p[0] + p[2], odd = p[1] + p[3];
  return ref_plus_zero(even + odd);
}
static inline bool ref_same(float a, float b) {
  return (isnan(a) && isnan(b)) || memcmp(&a, &b, 4) == 0;
}
#endif
