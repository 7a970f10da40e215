// Names of foreign files made into names that a package may hold.
#ifndef OINF_FORMATS_NAME_H
#define OINF_FORMATS_NAME_H
#include "lib/ctx.h"

// Appends the name with every byte that oi_name_ok would refuse as \xNN, whatever its length.
void oi_name_clean(oi_text *out, const char *name, size_t n);

#endif
