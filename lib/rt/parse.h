// Numbers as people write them on a command line; the same in tools and bundles, and in every
// locale. What strtoll would forgive (spaces, signs, trailing letters, another base) is a mistake
// of whoever typed it. One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_PARSE_H
#define OI_RT_PARSE_H
#include <stdbool.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

// False: it is not one. A real has decimal digits with at most one point, and an exponent.
OI_RT bool oi_parse_count(const char *text, int64_t *out);
OI_RT bool oi_parse_real(const char *text, double *out);
#endif
