// CRC32C, polynomial 0x1EDC6F41 reflected, start and end inverted (RFC 3720).
//
// The processor's instruction takes 8 bytes with a latency of three cycles, one a cycle. A single
// chain leaves two thirds of that unused, so three neighbouring pieces run side by side and are
// joined: the checksum of A followed by n bytes is that of A times x^(8n) modulo the polynomial.
// The two powers that this needs are constants, and the product is a loop of 32 steps, which costs
// a few per cent at 8 KiB a piece; carry-less multiplication would save those and want one more
// feature.
//
// Without the instruction, eight table lookups take 8 bytes at once. Each table is linear over the
// bits of its index, so the compiler makes it from eight constants.
#include "lib/rt/crc32c.h"

#include <string.h>

#define PICK(b, i, k) (((i) >> (b)&1u) ? (k) : 0u)
#define ENTRY(i, a, b, c, d, e, f, g, h)                                                          \
  PICK(0, i, a) ^ PICK(1, i, b) ^ PICK(2, i, c) ^ PICK(3, i, d) ^ PICK(4, i, e) ^ PICK(5, i, f) ^ \
      PICK(6, i, g) ^ PICK(7, i, h)
#define ROW4(i, ...)                                                           \
  ENTRY(i, __VA_ARGS__), ENTRY(i + 1, __VA_ARGS__), ENTRY(i + 2, __VA_ARGS__), \
      ENTRY(i + 3, __VA_ARGS__)
#define ROW16(i, ...)                                                       \
  ROW4(i, __VA_ARGS__), ROW4(i + 4, __VA_ARGS__), ROW4(i + 8, __VA_ARGS__), \
      ROW4(i + 12, __VA_ARGS__)
#define ROW64(i, ...)                                                            \
  ROW16(i, __VA_ARGS__), ROW16(i + 16, __VA_ARGS__), ROW16(i + 32, __VA_ARGS__), \
      ROW16(i + 48, __VA_ARGS__)
#define TABLE(...)                                                          \
  {                                                                         \
    ROW64(0, __VA_ARGS__), ROW64(64, __VA_ARGS__), ROW64(128, __VA_ARGS__), \
        ROW64(192, __VA_ARGS__)                                             \
  }

// crc_table[k][i]: byte i followed by k zero bytes.
static const uint32_t crc_table[8][256] = {
    TABLE(0xf26b8303u, 0xe13b70f7u, 0xc79a971fu, 0x8ad958cfu, 0x105ec76fu, 0x20bd8edeu, 0x417b1dbcu,
          0x82f63b78u),
    TABLE(0x13a29877u, 0x274530eeu, 0x4e8a61dcu, 0x9d14c3b8u, 0x3fc5f181u, 0x7f8be302u, 0xff17c604u,
          0xfbc3faf9u),
    TABLE(0xa541927eu, 0x4f6f520du, 0x9edea41au, 0x38513ec5u, 0x70a27d8au, 0xe144fb14u, 0xc76580d9u,
          0x8b277743u),
    TABLE(0xdd45aab8u, 0xbf672381u, 0x7b2231f3u, 0xf64463e6u, 0xe964b13du, 0xd725148bu, 0xaba65fe7u,
          0x52a0c93fu),
    TABLE(0x38116facu, 0x7022df58u, 0xe045beb0u, 0xc5670b91u, 0x8f2261d3u, 0x1ba8b557u, 0x37516aaeu,
          0x6ea2d55cu),
    TABLE(0xef306b19u, 0xdb8ca0c3u, 0xb2f53777u, 0x6006181fu, 0xc00c303eu, 0x85f4168du, 0x0e045bebu,
          0x1c08b7d6u),
    TABLE(0x68032cc8u, 0xd0065990u, 0xa5e0c5d1u, 0x4e2dfd53u, 0x9c5bfaa6u, 0x3d5b83bdu, 0x7ab7077au,
          0xf56e0ef4u),
    TABLE(0x493c7d27u, 0x9278fa4eu, 0x211d826du, 0x423b04dau, 0x847609b4u, 0x0d006599u, 0x1a00cb32u,
          0x34019664u),
};

static uint64_t crc_load(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, 8);
  return v;
}

OI_RT uint32_t oi_crc32c_plain(uint32_t crc, const void *data, size_t n) {
  const uint8_t *p = data;
  uint32_t c = ~crc;
  for (; n >= 8; n -= 8, p += 8) {
    uint64_t v = crc_load(p) ^ c;
    c = 0;
    for (int k = 0; k < 8; k++) c ^= crc_table[7 - k][v >> (8 * k) & 255];
  }
  for (; n; n--, p++) c = c >> 8 ^ crc_table[0][(c ^ *p) & 255];
  return ~c;
}

#if defined(__x86_64__) && defined(__GNUC__)
#include <nmmintrin.h>
#define CRC_HARDWARE __attribute__((target("sse4.2")))

enum {
  CRC_PIECE = 8192
};
#define CRC_POWER_1 0x28461564u  // x^(8 * CRC_PIECE), bit 31 is x^0
#define CRC_POWER_2 0xbf455269u  // x^(16 * CRC_PIECE)

// a * b modulo the polynomial.
static uint32_t crc_times(uint32_t a, uint32_t b) {
  uint32_t product = 0;
  for (int bit = 31; bit >= 0; bit--) {
    product ^= b & (0u - (a >> bit & 1u));
    b = b >> 1 ^ (0x82f63b78u & (0u - (b & 1u)));
  }
  return product;
}

CRC_HARDWARE static uint32_t crc_three(uint32_t c, const uint8_t *p) {
  uint64_t a = c, b = 0, d = 0;
  for (size_t i = 0; i < CRC_PIECE; i += 8) {
    a = _mm_crc32_u64(a, crc_load(p + i));
    b = _mm_crc32_u64(b, crc_load(p + CRC_PIECE + i));
    d = _mm_crc32_u64(d, crc_load(p + 2 * CRC_PIECE + i));
  }
  return crc_times((uint32_t)a, CRC_POWER_2) ^ crc_times((uint32_t)b, CRC_POWER_1) ^ (uint32_t)d;
}

CRC_HARDWARE static uint32_t crc_hardware(uint32_t crc, const uint8_t *p, size_t n) {
  uint32_t c = ~crc;
  for (; n >= 3 * CRC_PIECE; n -= 3 * CRC_PIECE, p += 3 * CRC_PIECE) c = crc_three(c, p);
  for (; n >= 8; n -= 8, p += 8) c = (uint32_t)_mm_crc32_u64(c, crc_load(p));
  for (; n; n--, p++) c = _mm_crc32_u8(c, *p);
  return ~c;
}

OI_RT uint32_t oi_crc32c(uint32_t crc, const void *data, size_t n) {
  return __builtin_cpu_supports("sse4.2") ? crc_hardware(crc, data, n)
                                          : oi_crc32c_plain(crc, data, n);
}
#else
OI_RT uint32_t oi_crc32c(uint32_t crc, const void *data, size_t n) {
  return oi_crc32c_plain(crc, data, n);
}
#endif
