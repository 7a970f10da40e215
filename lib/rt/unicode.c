// UTF-8, classes and lower case: binary search in tables made from the Unicode character database.
//
// The class table is a list of ranges, a code point and its bits in one word: 3400 words against
// the 50 KB of a two-stage table, and text is mostly ASCII, which the first few dozen ranges answer
// from the cache. What it does not do: case by locale or context, grapheme clusters, scripts.
#include "lib/rt/unicode.h"

#include <stdlib.h>
#include <string.h>

#include "lib/rt/unicode_class.inc"
#include "lib/rt/unicode_lower.inc"

// ---- growing text ----

OI_RT void oi_utext_free(oi_utext *t) {
  free(t->at);
  *t = (oi_utext){0};
}

OI_RT void oi_utext_add(oi_utext *t, const char *bytes, size_t n) {
  if (t->failed || n == 0) return;
  if (n > SIZE_MAX / 4 - t->n || (t->cap && n > t->cap - t->n)) {
    t->failed = t->big = true;
    return;
  }
  if (t->room - t->n < n) {
    size_t want = t->room ? t->room * 2 : 256;
    while (want - t->n < n) want *= 2;
    char *p = realloc(t->at, want);
    if (!p) {
      t->failed = true;
      return;
    }
    t->at = p, t->room = want;
  }
  memcpy(t->at + t->n, bytes, n);
  t->n += n;
}

OI_RT void oi_utext_add_cp(oi_utext *t, uint32_t cp) {
  char c[4];
  oi_utext_add(t, c, oi_utf8_put(c, cp));
}

// ---- UTF-8 ----

// Bounds of the second byte rule out long forms, surrogates and what lies beyond U+10FFFF, so every
// sequence that passes them is one character.
static void oi_utf8_bounds(uint32_t lead, size_t *size, uint32_t *low, uint32_t *high) {
  *low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  *high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  *size = lead < 0xC2 || lead > 0xF4 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

OI_RT size_t oi_utf8_next(const char *text, size_t n, uint32_t *out_cp, bool *out_short) {
  const uint8_t *s = (const uint8_t *)text;
  *out_short = false;
  *out_cp = s[0];
  if (s[0] < 0x80) return 1;
  size_t size, i = 1;
  uint32_t low, high;
  oi_utf8_bounds(s[0], &size, &low, &high);
  uint32_t cp = s[0] & (0x7Fu >> size);
  for (; i < size && i < n && s[i] >= low && s[i] <= high; i++) {
    cp = cp << 6 | (s[i] & 0x3Fu);
    low = 0x80, high = 0xBF;
  }
  *out_cp = size > 1 && i == size ? cp : 0xFFFD;
  *out_short = i < size && i == n;
  return i;
}

OI_RT size_t oi_utf8_get(const char *text, uint32_t *out_cp) {
  const uint8_t *s = (const uint8_t *)text;
  if (s[0] < 0x80) return *out_cp = s[0], 1;
  if (s[0] < 0xE0) return *out_cp = (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu), 2;
  uint32_t cp = (s[0] & 0xFu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
  if (s[0] < 0xF0) return *out_cp = cp, 3;
  *out_cp = (s[0] & 7u) << 18 | (s[1] & 0x3Fu) << 12 | (s[2] & 0x3Fu) << 6 | (s[3] & 0x3Fu);
  return 4;
}

OI_RT size_t oi_utf8_back(const char *text, size_t at) {
  do at--;
  while (at > 0 && ((uint8_t)text[at] & 0xC0) == 0x80);
  return at;
}

OI_RT size_t oi_utf8_put(char out[4], uint32_t cp) {
  if (cp < 0x80) return out[0] = (char)cp, 1;
  size_t n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
  for (size_t i = n; --i > 0; cp >>= 6) out[i] = (char)(0x80 | (cp & 0x3F));
  out[0] = (char)((0xF00u >> n & 0xF0u) | cp);
  return n;
}

OI_RT void oi_utf8_clean(oi_utext *out, const char *text, size_t n) {
  size_t good = 0;  // where what is valid and not yet added begins
  for (size_t i = 0; i < n;) {
    uint32_t cp;
    bool cut;
    size_t size = oi_utf8_next(text + i, n - i, &cp, &cut);
    if (cp == 0xFFFD) {  // a U+FFFD of the text itself is added anew, which is the same
      oi_utext_add(out, text + good, i - good);
      oi_utext_add_cp(out, cp);
      good = i + size;
    }
    i += size;
  }
  oi_utext_add(out, text + good, n - good);
}

// ---- characters ----

// The last of n words whose upper bits are not above cp; word 0 begins at code point 0.
static size_t oi_unicode_range(const uint32_t *words, size_t n, int shift, uint32_t cp) {
  size_t low = 0, high = n;
  while (high - low > 1) {
    size_t mid = (low + high) / 2;
    if (words[mid] >> shift <= cp) low = mid;
    else high = mid;
  }
  return low;
}

OI_RT uint32_t oi_unicode_class(uint32_t cp) {
  // All of ASCII lies in the first ranges, so its search is a short one.
  enum {
    ALL = sizeof oi_unicode_classes / sizeof *oi_unicode_classes,
    ASCII = 40
  };
  bool is_low = oi_unicode_classes[ASCII] >> 11 > cp;
  size_t i = oi_unicode_range(oi_unicode_classes, is_low ? ASCII : ALL, 11, cp);
  return oi_unicode_classes[i] & 0x7FF;
}

static uint32_t oi_unicode_lower_of(uint32_t cp) {
  size_t low = 0, high = sizeof oi_unicode_lowers / sizeof *oi_unicode_lowers / 4;
  while (low < high) {
    size_t mid = (low + high) / 2;
    const uint32_t *row = oi_unicode_lowers + 4 * mid;
    if (cp < row[0]) high = mid;
    else if (cp > row[1]) low = mid + 1;
    else return (cp - row[0]) % row[2] ? cp : cp + row[3];
  }
  return cp;
}

OI_RT void oi_unicode_lower(oi_utext *out, const char *text, size_t n) {
  for (size_t i = 0; i < n;) {
    uint32_t cp;
    i += oi_utf8_get(text + i, &cp);
    oi_utext_add_cp(out, cp == 0x130 ? 'i' : oi_unicode_lower_of(cp));
    if (cp == 0x130) oi_utext_add_cp(out, 0x307);  // the one character whose lower case is two
  }
}
