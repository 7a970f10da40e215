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

// The value of the largest magnitude, with its sign; NaN where there is a NaN.
static float largest(const float *x) {
  float best = 0.0f, magnitude = 0.0f;
  for (int i = 0; i < BLOCK; i++) {
    const float m = fabsf(x[i]);
    if (isnan(m)) return m;
    if (m > magnitude) magnitude = m, best = x[i];
  }
  return best;
}

static bool put_scale(float d, uint8_t *out) {
  const uint16_t bits = (uint16_t)oi_f32_to_f16(d);
  memcpy(out, &bits, sizeof bits);
  return (bits & 0x7c00) != 0x7c00;
}

static void q8_block(const float *x, float id, uint8_t *out) {
  for (int i = 0; i < BLOCK; i++) {
    const float scaled = x[i] * id;
    const int8_t q = (int8_t)roundf(scaled);
    memcpy(out + i, &q, 1);
  }
}

static int nibble(float x, float id) {
  const float scaled = x * id;
  const int q = (int)(scaled + 8.5f);
  return q > 15 ? 15 : q;
}

static void q4_block(const float *x, float id, uint8_t *out) {
  for (int i = 0; i < BLOCK / 2; i++)
    out[i] = (uint8_t)(nibble(x[i], id) | nibble(x[i + BLOCK / 2], id) << 4);
}

bool oi_quantize_blocks(oinf_dtype dtype, const float *x, int64_t n, uint8_t *out) {
  const bool q8 = dtype == OINF_Q8_0;
  for (int64_t i = 0; i < n; i += BLOCK, out += q8 ? Q8_BYTES : Q4_BYTES) {
    const float top = largest(x + i), d = q8 ? fabsf(top) / 127.0f : top / -8.0f;
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    const float id = isfinite(inverse) ? inverse : 0.0f;  // a scale that f16 has no digit of
    if (isnan(top) || !put_scale(d, out)) return false;
    if (q8) q8_block(x + i, id, out + 2);
    else q4_block(x + i, id, out + 2);
  }
  return true;
}
