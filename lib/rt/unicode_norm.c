// The four normal forms of Unicode (annex 15): decompose, order marks by class, compose again.
//
// The text goes through an array of code points with their classes, a segment at a time: a segment
// runs from one character of class 0 to the next, so orders and compositions never reach beyond it,
// except that a starter may compose with the one before. A text of marks alone is one segment; it
// is ordered by a pass for each class, so that its length costs linear time. Hangul syllables are
// computed. What it does not do: quick checks; text that is already normal costs the same.
#include <stdlib.h>
#include <string.h>

#include "lib/rt/unicode.h"
#include "lib/rt/unicode_norm.inc"

enum { OI_HANGUL = 0xAC00, OI_HANGUL_L = 0x1100, OI_HANGUL_V = 0x1161, OI_HANGUL_T = 0x11A7 };
enum { OI_N_L = 19, OI_N_V = 21, OI_N_T = 28, OI_N_HANGUL = OI_N_L * OI_N_V * OI_N_T };
#define OI_NORM_COUNT(a) (sizeof(a) / sizeof *(a))

typedef struct oi_norm {
  uint32_t *cp;  // code point * 256 + combining class, so that a class travels with its character
  size_t n, room;
  bool failed, compat;
} oi_norm;

OI_RT uint32_t oi_unicode_ccc(uint32_t cp) {
  size_t low = 0, high = OI_NORM_COUNT(oi_unicode_cccs);
  while (high - low > 1) {
    size_t mid = (low + high) / 2;
    if (oi_unicode_cccs[mid] >> 8 <= cp) low = mid;
    else high = mid;
  }
  return oi_unicode_cccs[low] & 0xFF;
}

static void oi_norm_push(oi_norm *b, uint32_t cp) {
  if (b->n == b->room) {
    size_t want = b->room ? b->room * 2 : 64;
    uint32_t *p = realloc(b->cp, want * sizeof *p);
    if (!p) {
      b->failed = true;
      return;
    }
    b->cp = p, b->room = want;
  }
  b->cp[b->n++] = cp << 8 | oi_unicode_ccc(cp);
}

// Index of the key in a sorted array, or n.
static size_t oi_norm_find(const uint32_t *keys, size_t n, uint32_t key) {
  size_t low = 0, high = n;
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (keys[mid] < key) low = mid + 1;
    else high = mid;
  }
  return low < n && keys[low] == key ? low : n;
}

// ---- decompose ----

static void oi_norm_push_span(oi_norm *b, const uint32_t *data, uint32_t span) {
  for (uint32_t i = 0; i < (span & 31); i++) oi_norm_push(b, data[(span >> 5) + i]);
}

static void oi_norm_decompose(oi_norm *b, uint32_t cp) {
  if (cp < 0x80) {
    oi_norm_push(b, cp);
    return;
  }
  uint32_t h = cp - OI_HANGUL;
  if (h < OI_N_HANGUL) {
    oi_norm_push(b, OI_HANGUL_L + h / (OI_N_V * OI_N_T));
    oi_norm_push(b, OI_HANGUL_V + h % (OI_N_V * OI_N_T) / OI_N_T);
    if (h % OI_N_T) oi_norm_push(b, OI_HANGUL_T + h % OI_N_T);
    return;
  }
  enum {
    N_D = OI_NORM_COUNT(oi_unicode_nfd_keys),
    N_KD = OI_NORM_COUNT(oi_unicode_nfkd_keys)
  };
  size_t i = b->compat ? oi_norm_find(oi_unicode_nfkd_keys, N_KD, cp) : N_KD;
  if (i < N_KD) {
    oi_norm_push_span(b, oi_unicode_nfkd_data, oi_unicode_nfkd_spans[i]);
    return;
  }
  i = oi_norm_find(oi_unicode_nfd_keys, N_D, cp);
  if (i < N_D) oi_norm_push_span(b, oi_unicode_nfd_data, oi_unicode_nfd_spans[i]);
  else oi_norm_push(b, cp);
}

// ---- order ----

static void oi_norm_insert(uint32_t *s, size_t n) {
  for (size_t i = 1; i < n; i++) {
    uint32_t one = s[i];
    size_t k = i;
    for (; k > 0 && (s[k - 1] & 0xFF) > (one & 0xFF); k--) s[k] = s[k - 1];
    s[k] = one;
  }
}

// Sorts marks by class and keeps the order within one.
static void oi_norm_order(oi_norm *b, uint32_t *s, size_t n) {
  if (n <= 32) {
    oi_norm_insert(s, n);
    return;
  }
  uint32_t *copy = malloc(n * sizeof *copy);
  if (!copy) {
    b->failed = true;
    return;
  }
  memcpy(copy, s, n * sizeof *copy);
  size_t out = 0;
  for (uint32_t class = 1; class < 256; class ++)
    for (size_t i = 0; i < n; i++)
      if ((copy[i] & 0xFF) == class) s[out++] = copy[i];
  free(copy);
}

static void oi_norm_order_all(oi_norm *b) {
  for (size_t i = 0; i < b->n;) {
    size_t end = i;
    while (end < b->n && (b->cp[end] & 0xFF)) end++;
    oi_norm_order(b, b->cp + i, end - i);
    i = end + 1;
  }
}

// ---- compose ----

static uint32_t oi_norm_pair(uint32_t a, uint32_t b) {  // 0: they do not compose
  if (a - OI_HANGUL_L < OI_N_L && b - OI_HANGUL_V < OI_N_V)
    return OI_HANGUL + ((a - OI_HANGUL_L) * OI_N_V + b - OI_HANGUL_V) * OI_N_T;
  if (a - OI_HANGUL < OI_N_HANGUL && (a - OI_HANGUL) % OI_N_T == 0 &&
      b - OI_HANGUL_T - 1 < OI_N_T - 1)
    return a + b - OI_HANGUL_T;
  size_t low = 0, high = OI_NORM_COUNT(oi_unicode_pairs) / 3;
  while (low < high) {
    size_t mid = (low + high) / 2;
    const uint32_t *row = oi_unicode_pairs + 3 * mid;
    if (row[0] == a && row[1] == b) return row[2];
    if (row[0] < a || (row[0] == a && row[1] < b)) low = mid + 1;
    else high = mid;
  }
  return 0;
}

// A character joins the starter before it unless something between them has its class or a higher
// one.
static void oi_norm_compose(oi_norm *b) {
  size_t out = 0, starter = SIZE_MAX;
  uint32_t between = 0;  // class of the last character kept behind the starter
  for (size_t i = 0; i < b->n; i++) {
    uint32_t cp = b->cp[i] >> 8, class = b->cp[i] & 0xFF;
    bool adjacent = starter != SIZE_MAX && out == starter + 1;
    uint32_t joined = 0;
    if (starter != SIZE_MAX && (adjacent || between < class))
      joined = oi_norm_pair(b->cp[starter] >> 8, cp);
    if (joined) {
      b->cp[starter] = joined << 8 | oi_unicode_ccc(joined);
      continue;
    }
    if (class == 0) starter = out, between = 0;
    else between = class;
    b->cp[out++] = b->cp[i];
  }
  b->n = out;
}

OI_RT void oi_unicode_normalize(oi_utext *out, const char *text, size_t n, oi_normal_form form) {
  oi_norm b = {.compat = form == OI_NFKD || form == OI_NFKC};
  for (size_t i = 0; i < n && !b.failed;) {
    uint32_t cp;
    i += oi_utf8_get(text + i, &cp);
    oi_norm_decompose(&b, cp);
  }
  if (!b.failed) oi_norm_order_all(&b);
  if (!b.failed && (form == OI_NFC || form == OI_NFKC)) oi_norm_compose(&b);
  for (size_t i = 0; i < b.n; i++) oi_utext_add_cp(out, b.cp[i] >> 8);
  if (b.failed) out->failed = true;
  free(b.cp);
}
