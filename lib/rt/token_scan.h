// Scanners for the regular expressions that tokenizers split by, recognised by their exact text.
// One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_TOKEN_SCAN_H
#define OI_RT_TOKEN_SCAN_H
#include "lib/rt/unicode.h"

typedef enum oi_scan {
#define SCAN(NAME, end) OI_SCAN_##NAME,
#include "lib/rt/token_scan.def"
  OI_N_SCANS
} oi_scan;

// End of the match that begins exactly at byte i < n of a valid UTF-8 text, i where none begins
// there. Takes time linear in what it returns, but for a look-ahead over white space.
OI_RT size_t oi_scan_match(oi_scan scan, const char *text, size_t n, size_t i);
#endif
