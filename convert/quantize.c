// See quantize.h. The inverse scale is taken from the scale before that is rounded to f16, as the
// format's reference does; a magnitude's tie goes to the first value.
#include "convert/quantize.h"

#include <math.h>
#include <string.h>

#include "lib/rt/strict.h"

enum {
  BLOCK = 32,
  Q8_BYTES = 34,
  Q4_BYTES = 18
};

static float largest(const float *x) {
  float best = 0.0f, magnitude = 0.0f;
  for (int i = 0; i < BLOCK; i++) {
    float m = fabsf(x[i]);
    if (m > magnitude) magnitude = m, best = x[i];
  }
  return best;
}

static void put_scale(float d, uint8_t *out) {
  uint16_t bits = (uint16_t)oi_f32_to_f16(d);
  memcpy(out, &bits, sizeof bits);
}

static void q8_block(const float *x, uint8_t *out) {
  const float d = fabsf(largest(x)) / 127.0f, id = d != 0.0f ? 1.0f / d : 0.0f;
  put_scale(d, out);
  for (int i = 0; i < BLOCK; i++) {
    const float scaled = x[i] * id;
    const int8_t q = (int8_t)roundf(scaled);
    memcpy(out + 2 + i, &q, 1);
  }
}

static uint8_t nibble(float x, float id) {
  const float scaled = x * id;
  const float up = scaled + 8.5f;
  const int q = up < 0.0f ? 0 : (int)up;
  return (uint8_t)(q > 15 ? 15 : q);
}

static void q4_block(const float *x, uint8_t *out) {
  const float d = largest(x) / -8.0f, id = d != 0.0f ? 1.0f / d : 0.0f;
  put_scale(d, out);
  for (int i = 0; i < BLOCK / 2; i++)
    out[2 + i] = (uint8_t)(nibble(x[i], id) | nibble(x[i + BLOCK / 2], id) << 4);
}

void oi_quantize_blocks(oinf_dtype dtype, const float *x, int64_t n, uint8_t *out) {
  for (int64_t i = 0; i < n; i += BLOCK, out += dtype == OINF_Q8_0 ? Q8_BYTES : Q4_BYTES) {
    if (dtype == OINF_Q8_0) q8_block(x + i, out);
    else q4_block(x + i, out);
  }
}
