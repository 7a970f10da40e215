// SHA-256 as FIPS 180-4 writes it, and the same with the x86 SHA instructions where the processor
// has them (about five times as fast). The level is a number that the caller holds: asking the
// processor is slow under a hypervisor, and nothing here keeps state of its own.
#include "lib/rt/sha256.h"

#include <string.h>

static const uint32_t sha_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t sha_turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

static uint32_t sha_load(const uint8_t *p) {
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void sha_schedule(uint32_t w[64], const uint8_t *p) {
  for (int i = 0; i < 16; i++) w[i] = sha_load(p + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t a = w[i - 15], b = w[i - 2];
    uint32_t s0 = sha_turn(a, 7) ^ sha_turn(a, 18) ^ a >> 3;
    uint32_t s1 = sha_turn(b, 17) ^ sha_turn(b, 19) ^ b >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
}

// One round. The eight variables turn by their names, eight rounds at a time, and never move.
#define SHA_ROUND(a, b, c, d, e, f, g, h, i)                          \
  do {                                                                \
    uint32_t s1 = sha_turn(e, 6) ^ sha_turn(e, 11) ^ sha_turn(e, 25); \
    uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + sha_k[i] + w[i];    \
    uint32_t s0 = sha_turn(a, 2) ^ sha_turn(a, 13) ^ sha_turn(a, 22); \
    d += t1;                                                          \
    h = t1 + s0 + ((a & b) ^ (a & c) ^ (b & c));                      \
  } while (0)

static void sha_block_plain(uint32_t state[8], const uint8_t *p) {
  uint32_t w[64];
  uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  uint32_t e = state[4], f = state[5], g = state[6], h = state[7];
  sha_schedule(w, p);
  for (int i = 0; i < 64; i += 8) {
    SHA_ROUND(a, b, c, d, e, f, g, h, i);
    SHA_ROUND(h, a, b, c, d, e, f, g, i + 1);
    SHA_ROUND(g, h, a, b, c, d, e, f, i + 2);
    SHA_ROUND(f, g, h, a, b, c, d, e, i + 3);
    SHA_ROUND(e, f, g, h, a, b, c, d, i + 4);
    SHA_ROUND(d, e, f, g, h, a, b, c, i + 5);
    SHA_ROUND(c, d, e, f, g, h, a, b, i + 6);
    SHA_ROUND(b, c, d, e, f, g, h, a, i + 7);
  }
  state[0] += a, state[1] += b, state[2] += c, state[3] += d;
  state[4] += e, state[5] += f, state[6] += g, state[7] += h;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

// The instructions want the state as two vectors, abef and cdgh. Each pass of the loop makes four
// rounds and four further words of the schedule; w[] is a ring of its last sixteen words.
__attribute__((target("sha,sse4.1,ssse3"))) static void sha_blocks_x86(uint32_t h[8],
                                                                       const uint8_t *p, size_t n) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i lo = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)h), 0xb1);
  __m128i hi = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(h + 4)), 0x1b);
  __m128i abef = _mm_alignr_epi8(lo, hi, 8), cdgh = _mm_blend_epi16(hi, lo, 0xf0);
  for (; n; n--, p += 64) {
    __m128i w[4], abef0 = abef, cdgh0 = cdgh;
    for (int i = 0; i < 4; i++)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), swap);
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
      __m128i k = _mm_loadu_si128((const __m128i *)(const void *)(sha_k + 4 * i));
      __m128i x = _mm_add_epi32(w[i & 3], k);
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, x);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(x, 0x0e));
      if (i >= 12) continue;
      __m128i last = w[(i + 3) & 3];
      __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]),
                                  _mm_alignr_epi8(last, w[(i + 2) & 3], 4));
      w[i & 3] = _mm_sha256msg2_epu32(sum, last);
    }
    abef = _mm_add_epi32(abef, abef0), cdgh = _mm_add_epi32(cdgh, cdgh0);
  }
  lo = _mm_shuffle_epi32(abef, 0x1b), hi = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)(void *)h, _mm_blend_epi16(lo, hi, 0xf0));
  _mm_storeu_si128((__m128i *)(void *)(h + 4), _mm_alignr_epi8(hi, lo, 8));
}

OI_RT int oi_sha256_best(void) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSSE3) || !(c & bit_SSE4_1))
    return OI_SHA256_PLAIN;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return OI_SHA256_PLAIN;
  return b >> 29 & 1 ? OI_SHA256_X86 : OI_SHA256_PLAIN;
}

static void sha_blocks(oi_sha256 *s, const uint8_t *p, size_t n) {
  if (s->level == OI_SHA256_X86) {
    sha_blocks_x86(s->h, p, n);
    return;
  }
  for (; n; n--, p += 64) sha_block_plain(s->h, p);
}
#else
OI_RT int oi_sha256_best(void) { return OI_SHA256_PLAIN; }

static void sha_blocks(oi_sha256 *s, const uint8_t *p, size_t n) {
  for (; n; n--, p += 64) sha_block_plain(s->h, p);
}
#endif

OI_RT void oi_sha256_init(oi_sha256 *s, int level) {
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  memset(s, 0, sizeof *s);
  memcpy(s->h, start, sizeof start);
  s->level = level;
}

OI_RT void oi_sha256_add(oi_sha256 *s, const void *data, size_t n) {
  const uint8_t *p = data;
  size_t have = (size_t)(s->n % 64);
  s->n += n;
  if (have) {
    size_t take = n < 64 - have ? n : 64 - have;
    if (take) memcpy(s->block + have, p, take);
    p += take, n -= take;
    if (have + take < 64) return;
    sha_blocks(s, s->block, 1);
  }
  if (n >= 64) sha_blocks(s, p, n / 64);
  p += n - n % 64;
  if (n % 64) memcpy(s->block, p, n % 64);
}

OI_RT void oi_sha256_end(oi_sha256 *s, uint8_t out[32]) {
  static const uint8_t pad[64] = {0x80};
  uint64_t bits = s->n * 8;
  uint8_t size[8];
  for (int i = 0; i < 8; i++) size[i] = (uint8_t)(bits >> (56 - 8 * i));
  oi_sha256_add(s, pad, (size_t)(1 + (119 - s->n % 64) % 64));
  oi_sha256_add(s, size, 8);
  for (int i = 0; i < 32; i++) out[i] = (uint8_t)(s->h[i / 4] >> (24 - 8 * (i % 4)));
}
