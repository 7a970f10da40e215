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

// The largest magnitude; NaN where there is a NaN. Magnitudes are in the order of their bits, which
// compilers find the largest of in registers.
static float magnitude(const float *x) {
  int32_t top = 0;
  float out;
  for (int i = 0; i < BLOCK; i++) {
    int32_t bits;
    memcpy(&bits, &x[i], sizeof bits);
    bits &= INT32_MAX;
    top = bits > top ? bits : top;
  }
  memcpy(&out, &top, sizeof out);
  return out;
}

// The first value of the largest magnitude, with its sign.
static float largest(const float *x) {
  const float top = magnitude(x);
  for (int i = 0; i < BLOCK; i++)
    if (fabsf(x[i]) == top) return x[i];
  return top;
}

static bool put_scale(float d, uint8_t *out) {
  const uint16_t bits = (uint16_t)oi_f32_to_f16(d);
  memcpy(out, &bits, sizeof bits);
  return (bits & 0x7c00) != 0x7c00;
}

// To nearest, halves away from zero, as roundf: what is left of the whole part is exact.
static void q8_block(const float *x, float id, uint8_t *out) {
  int8_t q[BLOCK];
  for (int i = 0; i < BLOCK; i++) {
    const float scaled = x[i] * id;
    const int32_t whole = (int32_t)scaled;
    const float rest = scaled - (float)whole;
    q[i] = (int8_t)(whole + (rest >= 0.5f) - (rest <= -0.5f));
  }
  memcpy(out, q, sizeof q);
}

static void q4_block(const float *x, float id, uint8_t *out) {
  int32_t q[BLOCK];
  for (int i = 0; i < BLOCK; i++) {
    const float scaled = x[i] * id;
    const int32_t up = (int32_t)(scaled + 8.5f);
    q[i] = up > 15 ? 15 : up;
  }
  for (int i = 0; i < BLOCK / 2; i++) out[i] = (uint8_t)(q[i] | q[i + BLOCK / 2] << 4);
}

bool oi_quantize_blocks(oinf_dtype dtype, const float *x, int64_t n, uint8_t *out) {
  const bool q8 = dtype == OINF_Q8_0;
  for (int64_t i = 0; i < n; i += BLOCK, out += q8 ? Q8_BYTES : Q4_BYTES) {
    const float top = q8 ? magnitude(x + i) : largest(x + i), d = top / (q8 ? 127.0f : -8.0f);
    const float inverse = d != 0.0f ? 1.0f / d : 0.0f;
    const float id = isfinite(inverse) ? inverse : 0.0f;  // a scale that f16 has no digit of
    if (isnan(top) || !put_scale(d, out)) return false;
    if (q8) q8_block(x + i, id, out + 2);
    else q4_block(x + i, id, out + 2);
  }
  return true;
}
