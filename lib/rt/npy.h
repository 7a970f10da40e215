// Headers of numpy's file format, read and written without touching a file:
//   93 "NUMPY" | major, minor | u16 (1.0) or u32 (2.0) length | a Python dict | the elements
// Read: versions 1.0 and 2.0, little-endian, C order. Written: 1.0, as numpy does. One part of the
// runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_NPY_H
#define OI_RT_NPY_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

enum {
  OI_NPY_HEAD = 12,         // bytes that say where the dict lies
  OI_NPY_LONGEST = 8 << 10  // dict
};
typedef enum oi_npy_fault {
  OI_NPY_OK = 0,
  OI_NPY_MALFORMED,
  OI_NPY_FOREIGN  // numpy's, but not what is read here
} oi_npy_fault;

typedef struct oi_npy {
  const char *dtype;  // "f32": its name in packages
  uint32_t element;   // bytes
  uint32_t rank;
  int64_t dims[8];
  char why[96];  // of a fault: goes on behind the file's name
} oi_npy;

// Where the dict lies, from the first bytes of a file (at most OI_NPY_HEAD) and its size.
OI_RT oi_npy_fault oi_npy_place(oi_npy *a, const uint8_t *head, uint64_t size, uint32_t *out_at,
                                uint32_t *out_n);
// Reads the dict, n bytes with a NUL behind them, and proves that `payload` bytes follow it.
OI_RT oi_npy_fault oi_npy_read(oi_npy *a, const char *dict, size_t n, uint64_t payload);
// What stands before the elements, into `out` of OI_NPY_LONGEST bytes: how many bytes that is; 0
// where numpy has no such dtype. bf16, which it lacks, is written as its bits (u2).
OI_RT size_t oi_npy_write_head(uint8_t *out, const char *dtype, uint32_t rank, const int64_t *dims);
#endif
