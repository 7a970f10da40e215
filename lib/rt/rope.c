// Inverse frequencies of rotary positions.
//
// At position 4096 the last bit of a frequency moves an angle by 1e-4, so "theta^(-2j/d), rounded"
// is not precise enough a definition. This one takes the float steps that the reference library
// takes, operation by operation: exponent 2j / d in f32, theta to it rounded to f32, its reciprocal
// rounded to f32, and each scaling in f32. The one step that is no basic operation, a power, is the
// exact one rounded to f32: computed in double from + - * / alone (relative error below 2^-45), it
// is the same everywhere. libm is not.
#include "lib/rt/rope.h"

#include <math.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

static const double ln2_hi = 0x1.62e42feep-1, ln2_lo = 0x1.a39ef35793c76p-33;

static double make_double(uint64_t bits) {
  double d;
  memcpy(&d, &bits, sizeof d);
  return d;
}

// For positive normal x: x = m 2^k with m in [sqrt 1/2, sqrt 2), log m = 2 atanh(s) with s = (m -
// 1) / (m + 1).
static double log_of(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  int64_t k = (int64_t)((bits - 0x3fe6a09e667f3bcd) >> 52 & 0xfff);
  k = k > 0x7ff ? k - 0x1000 : k;
  double m = make_double(bits - ((uint64_t)k << 52));
  double s = (m - 1.0) / (m + 1.0), z = s * s, sum = 0.0;
  for (int n = 25; n >= 1; n -= 2) {
    sum = sum * z;
    sum = sum + 1.0 / n;
  }
  double hi = (double)k * ln2_hi, lo = (double)k * ln2_lo;
  sum = sum * s;
  sum = sum * 2.0;
  sum = sum + lo;
  return hi + sum;
}

static double exp_of(double x) {
  double t = x / (ln2_hi + ln2_lo);
  int64_t k = (int64_t)(t < 0 ? t - 0.5 : t + 0.5);
  if (k < -1000) return 0.0;
  if (k > 1000) return HUGE_VAL;
  double hi = (double)k * ln2_hi, lo = (double)k * ln2_lo;
  double r = x - hi, sum = 1.0;
  r = r - lo;
  for (int n = 15; n >= 1; n--) {
    sum = sum * r;
    sum = sum / n;
    sum = sum + 1.0;
  }
  return sum * make_double((uint64_t)(k + 1023) << 52);
}

oi_rope_scaling oi_rope_find(const char *name) {
  static const char *const names[] = {"", "linear", "dynamic", "llama3", "yarn", "longrope"};
  for (int i = 0; i < OI_ROPE_UNKNOWN; i++)
    if (strcmp(name ? name : "", names[i]) == 0) return (oi_rope_scaling)i;
  return OI_ROPE_UNKNOWN;
}

// yarn: the pair that turns `turns` times within the original length.
static double pair_of(const oi_rope *r, double turns) {
  const double two_pi = 0x1.921fb54442d18p+2;
  return (double)r->width * log_of(r->original / (turns * two_pi)) / (2.0 * r->log_theta);
}

static void open_yarn(oi_rope *r) {
  double lo = pair_of(r, r->high), hi = pair_of(r, r->low), last = (double)(r->width - 1);
  if (!r->no_truncate) lo = floor(lo), hi = ceil(hi);
  r->ramp_lo = lo < 0.0 ? 0.0 : lo;
  r->ramp_hi = hi > last ? last : hi;
  if (r->ramp_lo == r->ramp_hi) r->ramp_hi += 0.001;
}

void oi_rope_open(oi_rope *r) {
  if (!(r->theta > 0)) r->theta = 10000.0;
  if (!(r->factor > 0)) r->factor = 1.0;
  if (!(r->low > 0)) r->low = 1.0;
  if (!(r->high > 0)) r->high = r->scaling == OI_ROPE_YARN ? 32.0 : 4.0;
  r->log_theta = log_of((double)(float)r->theta);
  if (r->scaling == OI_ROPE_YARN) open_yarn(r);
}

static float exponent_of(const oi_rope *r, int64_t j) { return (float)(2 * j) / (float)r->width; }

static float llama3(const oi_rope *r, float inv) {
  const float two_pi = 0x1.921fb6p+2f;
  float wave = 1.0f / inv;
  wave = wave * two_pi;
  float slow = inv / (float)r->factor;
  if (wave > (float)(r->original / r->low)) return slow;
  if (wave < (float)(r->original / r->high)) return inv;
  float smooth = 1.0f / wave;
  smooth = smooth * (float)r->original;
  smooth = smooth - (float)r->low;
  smooth = smooth / (float)(r->high - r->low);
  float rest = 1.0f - smooth;
  rest = rest * inv;
  rest = rest / (float)r->factor;
  float kept = smooth * inv;
  return rest + kept;
}

static float yarn(const oi_rope *r, int64_t j, float power) {
  float ramp = (float)j - (float)r->ramp_lo;
  ramp = ramp / (float)(r->ramp_hi - r->ramp_lo);
  ramp = ramp < 0.0f ? 0.0f : ramp > 1.0f ? 1.0f : ramp;
  float keep = 1.0f - ramp, slow = (float)r->factor * power;
  float inter = 1.0f - keep, extra = 1.0f / power;
  slow = 1.0f / slow;
  slow = slow * inter;
  extra = extra * keep;
  return slow + extra;
}

// log of the base that a text of `length` rows asks for.
static double dynamic_log(const oi_rope *r, int64_t length) {
  float reach = (float)length > (float)r->original ? (float)length : (float)r->original;
  float grown = (float)r->factor * reach;
  grown = grown / (float)r->original;
  grown = grown - (float)(r->factor - 1.0);
  float power = (float)((double)r->width / (double)(r->width - 2));
  float scale = (float)exp_of((double)power * log_of((double)grown));
  float base = scale * (float)r->theta;
  return log_of((double)base);
}

float oi_rope_inverse(const oi_rope *r, int64_t j, int64_t position) {
  bool longer =
      r->scaling == OI_ROPE_DYNAMIC && (double)position + 1.0 > r->original && r->width > 2;
  double log_base = longer ? dynamic_log(r, position + 1) : r->log_theta;
  float power = (float)exp_of((double)exponent_of(r, j) * log_base);
  float inv = 1.0f / power;
  switch (r->scaling) {
    case OI_ROPE_LINEAR: return inv / (float)r->factor;
    case OI_ROPE_LLAMA3: return llama3(r, inv);
    case OI_ROPE_YARN: return yarn(r, j, power);
    default: return inv;
  }
}
