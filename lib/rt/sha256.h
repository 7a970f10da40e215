// SHA-256 (FIPS 180-4), in pieces: what binds states and bundles to their weights.
// One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_SHA256_H
#define OI_RT_SHA256_H
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif
enum { OI_SHA256_PLAIN = 0, OI_SHA256_X86 = 1 };
OI_RT int oi_sha256_best(void);  // the fastest level of this processor; ask once, it is not free

typedef struct oi_sha256 {
  uint32_t h[8];
  uint64_t n;          // bytes so far
  uint8_t block[64];   // the last n % 64 of them
  int level;
} oi_sha256;
// level must be one that this processor has.
OI_RT void oi_sha256_init(oi_sha256 *s, int level);
OI_RT void oi_sha256_add(oi_sha256 *s, const void *data, size_t n);
OI_RT void oi_sha256_end(oi_sha256 *s, uint8_t out[32]);
#endif
