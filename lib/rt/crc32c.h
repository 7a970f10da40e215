// CRC32C (Castagnoli): what proves a block of weights when it is paged in.
// One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_CRC32C_H
#define OI_RT_CRC32C_H
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif
// The checksum of n bytes behind bytes whose checksum is crc; 0 starts. Takes the processor's own
// instruction where it has one.
OI_RT uint32_t oi_crc32c(uint32_t crc, const void *data, size_t n);
// The same from tables alone.
OI_RT uint32_t oi_crc32c_plain(uint32_t crc, const void *data, size_t n);
#endif
