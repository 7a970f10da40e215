// Names of tensors as a package may hold them, and how names of foreign files are made such.
#ifndef OINF_FORMATS_NAME_H
#define OINF_FORMATS_NAME_H
#include "lib/ctx.h"

enum { OI_NAME_MAX = 512 };
// 1 to 512 bytes of strict UTF-8 without control, line-breaking, bidi and zero-width characters,
// and without noncharacters.
bool oi_name_ok(const char *name, size_t n);
// Appends the name with every byte that oi_name_ok would refuse as \xNN, whatever its length.
void oi_name_clean(oi_text *out, const char *name, size_t n);

#endif
