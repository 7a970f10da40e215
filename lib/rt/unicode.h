// What a tokenizer asks of Unicode: UTF-8, classes of characters, lower case, the four normal
// forms. One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_UNICODE_H
#define OI_RT_UNICODE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

// ---- growing text ----
// A failed growth sticks, and what would grow beyond `cap` bytes (0: no bound) fails as well, with
// `big` set: ask `failed` once at the end.
typedef struct oi_utext {
  char *at;
  size_t n, room, cap;
  bool failed, big;
} oi_utext;
static inline const char *oi_utext_at(const oi_utext *t) { return t->at ? t->at : ""; }
OI_RT void oi_utext_free(oi_utext *t);
OI_RT void oi_utext_add(oi_utext *t, const char *bytes, size_t n);
OI_RT void oi_utext_add_cp(oi_utext *t, uint32_t cp);

// ---- UTF-8 ----
// Length of the character at text (n > 0 bytes lie there), *out_cp its code point. Bytes that are
// no character give U+FFFD and the length of their maximal bad part, as Unicode chapter 3.9 has it;
// *out_short says that more bytes could still complete it.
OI_RT size_t oi_utf8_next(const char *text, size_t n, uint32_t *out_cp, bool *out_short);
// Whether the bytes were none, rather than a U+FFFD that stands there.
static inline bool oi_utf8_is_bad(const char *text, size_t size, uint32_t cp) {
  return cp == 0xFFFD && !(size == 3 && (uint8_t)text[0] == 0xEF);
}
// The same for text that is known to be valid.
OI_RT size_t oi_utf8_get(const char *text, uint32_t *out_cp);
OI_RT size_t oi_utf8_back(const char *text,
                          size_t at);  // where the character before `at` > 0 begins
OI_RT size_t oi_utf8_put(char out[4], uint32_t cp);
// Adds text with U+FFFD for each maximal bad part.
OI_RT void oi_utf8_clean(oi_utext *out, const char *text, size_t n);

// ---- characters ----
enum {
  OI_UC_UPPER = 1,    // Lu, Lt
  OI_UC_LOWER = 2,    // Ll
  OI_UC_OTHER = 4,    // Lm, Lo
  OI_UC_MARK = 8,     // M*
  OI_UC_NUMBER = 16,  // N*
  OI_UC_PUNCT = 32,   // P*
  OI_UC_SYMBOL = 64,  // S*
  OI_UC_SPACE = 128,  // the property White_Space
  OI_UC_WORD = 256,   // \w: letters, marks, Nd, Nl, Pc, joiners, other alphabetic symbols
  OI_UC_LETTER = OI_UC_UPPER | OI_UC_LOWER | OI_UC_OTHER,
};
OI_RT uint32_t oi_unicode_class(uint32_t cp);  // bits of the above
OI_RT uint32_t oi_unicode_ccc(uint32_t cp);    // canonical combining class

// ---- whole texts (valid UTF-8), added to *out ----
// Each character by itself: no rule for a final sigma, as tokenizers have it.
OI_RT void oi_unicode_lower(oi_utext *out, const char *text, size_t n);
typedef enum oi_normal_form {
  OI_NFD,
  OI_NFC,
  OI_NFKD,
  OI_NFKC
} oi_normal_form;
OI_RT void oi_unicode_normalize(oi_utext *out, const char *text, size_t n, oi_normal_form form);
#endif
