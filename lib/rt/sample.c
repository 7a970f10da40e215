// Sampling in one order, so that a seed is a promise: logits / temperature in f32; filters over the
// tokens sorted by value; then a walk over the kept ones by rising id until their summed weight
// passes a uniform number.
//
// Weights are exp(z - max) of the strict text and are never divided by their sum: the bounds are
// multiplied by it instead. Sums are f64, serial. Values are compared as integer keys, which sort
// like the floats, with -0 as +0 and NaN below all; a radix sort over them costs the same for every
// row of logits, where sorting by comparison takes ten times as long over a large vocabulary.
#include "lib/rt/sample.h"

#include <string.h>

#include "lib/rt/strict.h"

OI_RT void oi_sampler_init(oi_sampler *s, uint64_t seed) {
  *s = (oi_sampler){.rng = seed, .top_p = 1.0};
}

OI_RT uint64_t oi_sampler_next(oi_sampler *s) {
  uint64_t z = s->rng += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

OI_RT size_t oi_sample_room(size_t n) { return 2 * n * sizeof(uint64_t); }

// ---- penalties ----

OI_RT void oi_penalize(const oi_penalties *p, float *logits, size_t n, const uint32_t *ids,
                       size_t n_ids, size_t given, void *room) {
  uint32_t *seen = room;  // by id: twice the times it was drawn, and 1
  const float r = (float)p->repetition, f = (float)p->frequency, once = (float)p->presence;
  if (r == 1.0f && f == 0.0f && once == 0.0f) return;
  memset(seen, 0, n * sizeof *seen);
  for (size_t i = 0; i < n_ids; i++)
    if (ids[i] < n) seen[ids[i]] = (seen[ids[i]] | 1) + (i < given ? 0 : 2);
  for (size_t i = 0; i < n; i++) {
    if (!seen[i]) continue;
    float z = logits[i];
    if (z < 0.0f) z = z * r;
    else z = z / r;
    if (seen[i] > 1) {
      const float often = f * (float)(seen[i] >> 1);
      z = z - often;
      z = z - once;
    }
    logits[i] = z;
  }
}

// ---- order ----

// Rises with the value. NaN gives 0, below minus infinity.
static uint32_t oi_sample_key(float x) {
  const uint32_t u = oi_bits(x);
  if ((u << 1) > 0xFF000000u) return 0;
  if (u == 0x80000000u) return 0x80000000u;
  return u >> 31 ? ~u : u | 0x80000000u;
}

static uint32_t oi_sample_best(const float *logits, size_t n) {
  uint32_t best = 0, best_key = oi_sample_key(logits[0]);
  for (size_t i = 1; i < n; i++) {
    const uint32_t key = oi_sample_key(logits[i]);
    if (key > best_key) best = (uint32_t)i, best_key = key;
  }
  return best;
}

// Weight of a value beside the greatest one, which may be infinite.
static double oi_sample_weight(float z, float max) {
  const float below = z - max;
  return z == max ? 1.0 : (double)oi_exp(below);
}

// ---- filters ---- over key * 2^32 + id, rising; each gives where what it keeps begins

static const uint64_t *oi_sample_sort(const float *z, size_t n, void *room) {
  uint64_t *from = room, *to = from + n;
  // Ids fall where keys are equal, so the lower id counts as the better one.
  for (size_t i = 0; i < n; i++)
    from[i] = (uint64_t)oi_sample_key(z[n - 1 - i]) << 32 | (uint32_t)(n - 1 - i);
  for (int shift = 32; shift < 64; shift += 8) {
    size_t at[256] = {0}, sum = 0;
    for (size_t i = 0; i < n; i++) at[from[i] >> shift & 255]++;
    for (int d = 0; d < 256; d++) {
      const size_t count = at[d];
      at[d] = sum, sum += count;
    }
    for (size_t i = 0; i < n; i++) to[at[from[i] >> shift & 255]++] = from[i];
    uint64_t *swap = from;
    from = to, to = swap;
  }
  return from;
}

// What equals the k-th best value stays.
static size_t oi_sample_top_k(const uint64_t *sorted, size_t n, uint32_t k) {
  if (k == 0 || k >= n) return 0;
  size_t begin = n - k;
  while (begin > 0 && sorted[begin - 1] >> 32 == sorted[n - k] >> 32) begin--;
  return begin;
}

// Drops what all together weighs at most 1 - p; the best one stays.
static size_t oi_sample_top_p(const uint64_t *sorted, size_t begin, size_t n, const float *z,
                              float max, double p) {
  if (p >= 1.0) return begin;
  double total = 0.0, sum = 0.0;
  for (size_t i = begin; i < n; i++) total += oi_sample_weight(z[(uint32_t)sorted[i]], max);
  const double bound = (1.0 - p) * total;
  for (; begin + 1 < n; begin++) {
    sum += oi_sample_weight(z[(uint32_t)sorted[begin]], max);
    if (sum > bound) break;
  }
  return begin;
}

static size_t oi_sample_min_p(const uint64_t *sorted, size_t begin, size_t n, const float *z,
                              float max, double p) {
  while (begin + 1 < n && oi_sample_weight(z[(uint32_t)sorted[begin]], max) < p) begin++;
  return begin;
}

static void oi_sample_filter(const oi_sampler *s, float *z, size_t n, float max, void *room) {
  if (s->top_k == 0 && s->top_p >= 1.0 && !(s->min_p > 0.0)) return;
  const uint64_t *sorted = oi_sample_sort(z, n, room);
  size_t begin = oi_sample_top_k(sorted, n, s->top_k);
  begin = oi_sample_top_p(sorted, begin, n, z, max, s->top_p);
  begin = oi_sample_min_p(sorted, begin, n, z, max, s->min_p);
  for (size_t i = 0; i < begin; i++) z[(uint32_t)sorted[i]] = -HUGE_VALF;
}

// ---- the draw ----

static uint32_t oi_sample_draw(double u, const float *z, size_t n, float max) {
  double total = 0.0, sum = 0.0;
  for (size_t i = 0; i < n; i++) total += oi_sample_weight(z[i], max);
  const double bound = u * total;
  uint32_t last = 0;
  for (size_t i = 0; i < n; i++) {
    const double weight = oi_sample_weight(z[i], max);
    sum += weight;
    if (!(weight > 0.0)) continue;
    if (bound < sum) return (uint32_t)i;
    last = (uint32_t)i;
  }
  return last;
}

OI_RT uint32_t oi_sample(oi_sampler *s, float *logits, size_t n, void *room) {
  if (!(s->temperature > 0.0)) return oi_sample_best(logits, n);
  const float t = (float)s->temperature;
  for (size_t i = 0; i < n; i++) {
    const float z = logits[i] / t;
    logits[i] = oi_sample_key(z) ? z : -HUGE_VALF;
  }
  const float max = logits[oi_sample_best(logits, n)];
  oi_sample_filter(s, logits, n, max, room);
  const double u = (double)(oi_sampler_next(s) >> 11) * 0x1p-53;
  return oi_sample_draw(u, logits, n, max);
}
