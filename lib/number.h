// Doubles as text, whatever the locale says: the shortest form that reads back equal, and the exact
// way back.
#ifndef OINF_LIB_NUMBER_H
#define OINF_LIB_NUMBER_H
#include "lib/ctx.h"

void oi_number_print(double x,
                     oi_text *out);  // "1e-05", "10000", "0.1", "-0", "inf", "-inf", "nan"
// Reads a number from *at (not behind end; at most 64 bytes of it) and moves behind it; false:
// there is none.
bool oi_number_read(const char **at, const char *end, double *out);
#endif
