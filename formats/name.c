// Cleaning names. A name ends up in messages and reports of people who never saw the checkpoint, so
// what could deceive a terminal or an editor is escaped at the door. The rule itself is written
// once, in oi_name_ok: a character stays where it could be a name by itself.
#include "formats/name.h"
#include "formats/oinf.h"

#include <string.h>

// The length of the character that may stay at p, or 0.
static size_t kept(const char *p, size_t n) {
  uint8_t lead = (uint8_t)*p;
  size_t k = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char one[5] = {0};
  if (k > n || memchr(p, 0, k)) return 0;
  memcpy(one, p, k);
  return oi_name_ok(one) ? k : 0;
}

// A refused character of several bytes is escaped byte by byte: its later bytes are none alone.
void oi_name_clean(oi_text *out, const char *name, size_t n) {
  for (size_t at = 0; at < n;) {
    size_t k = kept(name + at, n - at);
    if (k) oi_text_add(out, name + at, k), at += k;
    else oi_text_put(out, "\\x%02x", (uint8_t)name[at++]);
  }
}
