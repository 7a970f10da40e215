// Which characters a name may hold. A name ends up in messages and reports of people who never saw
// the checkpoint, so what could deceive a terminal or an editor is kept out at the door.
#include "formats/name.h"

// The length of the character at p, or 0 where it is no strict UTF-8.
static size_t take_char(const uint8_t *p, size_t n, uint32_t *out) {
  static const struct { uint8_t mask, head; uint32_t least; } forms[] = {
      {0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
  size_t k = 0;
  while (k < 4 && (p[0] & forms[k].mask) != forms[k].head) k++;
  if (k == 4 || k >= n) return 0;
  uint32_t c = p[0] & (uint8_t)~forms[k].mask;
  for (size_t i = 1; i <= k; i++) {
    if ((p[i] & 0xc0) != 0x80) return 0;
    c = c << 6 | (p[i] & 0x3f);
  }
  bool surrogate = c >= 0xd800 && c <= 0xdfff;
  if (c < forms[k].least || c > 0x10ffff || surrogate) return 0;
  *out = c;
  return k + 1;
}

static bool is_allowed(uint32_t c) {
  static const uint32_t refused[][2] = {
      {0x00, 0x1f},     {0x7f, 0x9f},     {0x61c, 0x61c},   {0x200b, 0x200f}, {0x2028, 0x202e},
      {0x2060, 0x2069}, {0xfdd0, 0xfdef}, {0xfeff, 0xfeff}};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
    if (c >= refused[i][0] && c <= refused[i][1]) return false;
  return (c & 0xfffe) != 0xfffe;
}

bool oi_name_ok(const char *name, size_t n) {
  const uint8_t *p = (const uint8_t *)name;
  if (n == 0 || n > OI_NAME_MAX) return false;
  for (size_t at = 0, step; at < n; at += step) {
    uint32_t c;
    step = take_char(p + at, n - at, &c);
    if (!step || !is_allowed(c)) return false;
  }
  return true;
}

void oi_name_clean(oi_text *out, const char *name, size_t n) {
  const uint8_t *p = (const uint8_t *)name;
  for (size_t at = 0, step; at < n; at += step) {
    uint32_t c = 0;
    step = take_char(p + at, n - at, &c);
    bool keep = step && is_allowed(c);
    if (!step) step = 1;
    if (keep) oi_text_add(out, name + at, step);
    else
      for (size_t i = 0; i < step; i++) oi_text_put(out, "\\x%02x", p[at + i]);
  }
}
