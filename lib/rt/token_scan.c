// Scanners for the regular expressions that tokenizers split by (token_scan.def lists them).
//
// A handful of expressions serves nearly every model, so each is a scanner written by hand: no
// engine, no backtracking, nothing that a hostile text could slow down. The alternatives of an
// expression are tried in their order; where the expression would back up, the scanner computes
// where that ends. The suite holds every row against a regular expression engine. What it does not
// do: expressions that the table does not list.
#include "lib/rt/token_scan.h"

#include <string.h>

// What the cl100k family of expressions varies in.
typedef struct oi_scan_rules {
  uint32_t letters;  // classes of a word, where it is not cased
  size_t digits;     // numbers at most this long
  bool cased;        // words end before a new capital; '/' belongs to the newlines behind symbols
  bool tails;        // cased words take a contraction with them
} oi_scan_rules;

// ---- pieces of expressions ---- each gives the end of what it matches at i, or i.

static uint32_t oi_scan_class(const char *t, size_t n, size_t i) {  // 0 at the end of the text
  uint32_t cp;
  if (i >= n) return 0;
  oi_utf8_get(t + i, &cp);
  return oi_unicode_class(cp);
}

static size_t oi_scan_step(const char *t, size_t n, size_t i) {
  uint32_t cp;
  return i < n ? i + oi_utf8_get(t + i, &cp) : i;
}

static size_t oi_scan_run(const char *t, size_t n, size_t i, uint32_t classes, size_t most) {
  for (; i < n && most > 0 && (oi_scan_class(t, n, i) & classes); most--) i = oi_scan_step(t, n, i);
  return i;
}

static size_t oi_scan_run_not(const char *t, size_t n, size_t i, uint32_t classes) {
  while (i < n && !(oi_scan_class(t, n, i) & classes)) i = oi_scan_step(t, n, i);
  return i;
}

static size_t oi_scan_one(const char *t, size_t n, size_t i, uint32_t classes) {
  return oi_scan_run(t, n, i, classes, 1);
}

static size_t oi_scan_newline(const char *t, size_t n, size_t i) {
  return i < n && (t[i] == '\r' || t[i] == '\n') ? i + 1 : i;
}

static size_t oi_scan_blank(const char *t, size_t n, size_t i) {
  return i < n && t[i] == ' ' ? i + 1 : i;
}

static size_t oi_scan_newlines(const char *t, size_t n, size_t i, bool slash) {
  while (i < n && (t[i] == '\r' || t[i] == '\n' || (slash && t[i] == '/'))) i++;
  return i;
}

// \s+(?!\S)|\s+ : white space but for the last character before a word.
static size_t oi_scan_white(const char *t, size_t n, size_t i) {
  size_t end = oi_scan_run(t, n, i, OI_UC_SPACE, SIZE_MAX);
  if (end == i || end == n) return end;
  size_t last = oi_utf8_back(t, end);
  return last > i ? last : end;
}

// \s*[\r\n]+ : white space through its last line end.
static size_t oi_scan_lines(const char *t, size_t n, size_t i) {
  size_t last = i;
  for (size_t k = i; k < n && (oi_scan_class(t, n, k) & OI_UC_SPACE);) {
    bool is_line = oi_scan_newline(t, n, k) > k;
    k = oi_scan_step(t, n, k);
    if (is_line) last = k;
  }
  return last;
}

// Does the ASCII letter `lower` stand at i, in either case where any? U+017F is an s without case.
static size_t oi_scan_letter(const char *t, size_t n, size_t i, char lower, bool any) {
  if (i >= n) return i;
  if (t[i] == lower || (any && t[i] == lower - 'a' + 'A')) return i + 1;
  bool is_long_s = any && lower == 's' && n - i > 1 && memcmp(t + i, "\xC5\xBF", 2) == 0;
  return is_long_s ? i + 2 : i;
}

// 's|'t|'re|'ve|'m|'ll|'d
static size_t oi_scan_contraction(const char *t, size_t n, size_t i, bool any) {
  static const char tails[][3] = {"s", "t", "re", "ve", "m", "ll", "d"};
  if (i >= n || t[i] != '\'') return i;
  for (size_t k = 0; k < sizeof tails / sizeof *tails; k++) {
    size_t one = oi_scan_letter(t, n, i + 1, tails[k][0], any);
    if (one == i + 1) continue;
    size_t two = tails[k][1] ? oi_scan_letter(t, n, one, tails[k][1], any) : one;
    if (!tails[k][1] || two > one) return two;
  }
  return i;
}

// ---- whole expressions ----

static size_t oi_scan_gpt2(const char *t, size_t n, size_t i) {
  const uint32_t other = OI_UC_SPACE | OI_UC_LETTER | OI_UC_NUMBER;
  size_t end = oi_scan_contraction(t, n, i, false);
  if (end > i) return end;
  size_t k = oi_scan_blank(t, n, i);
  uint32_t class = oi_scan_class(t, n, k);
  if (class & OI_UC_LETTER) return oi_scan_run(t, n, k, OI_UC_LETTER, SIZE_MAX);
  if (class & OI_UC_NUMBER) return oi_scan_run(t, n, k, OI_UC_NUMBER, SIZE_MAX);
  end = oi_scan_run_not(t, n, k, other);
  return end > k ? end : oi_scan_white(t, n, i);
}

// [^\r\n\p{L}\p{N}]?
static size_t oi_scan_lead(const char *t, size_t n, size_t i) {
  bool stays =
      oi_scan_newline(t, n, i) > i || (oi_scan_class(t, n, i) & (OI_UC_LETTER | OI_UC_NUMBER));
  return stays ? i : oi_scan_step(t, n, i);
}

enum {
  OI_SCAN_CAPITALS = OI_UC_UPPER | OI_UC_OTHER | OI_UC_MARK,
  OI_SCAN_SMALLS = OI_UC_LOWER | OI_UC_OTHER | OI_UC_MARK,
};

// [capitals]*[smalls]+ at k. Without a small letter behind the capitals the expression backs up to
// the last of them that counts as small too.
static size_t oi_scan_small_word(const char *t, size_t n, size_t k) {
  size_t turn = k, shared = k;  // end of the capitals; end of the last shared one
  while (turn < n) {
    uint32_t class = oi_scan_class(t, n, turn);
    if (!(class & OI_SCAN_CAPITALS)) break;
    turn = oi_scan_step(t, n, turn);
    if (class & OI_SCAN_SMALLS) shared = turn;
  }
  size_t end = oi_scan_run(t, n, turn, OI_SCAN_SMALLS, SIZE_MAX);
  return end > turn ? end : shared;
}

// [capitals]+[smalls]* at k
static size_t oi_scan_capital_word(const char *t, size_t n, size_t k) {
  size_t turn = oi_scan_run(t, n, k, OI_SCAN_CAPITALS, SIZE_MAX);
  return turn == k ? k : oi_scan_run(t, n, turn, OI_SCAN_SMALLS, SIZE_MAX);
}

static size_t oi_scan_cased(const char *t, size_t n, size_t i, bool tails) {
  const size_t lead = oi_scan_lead(t, n, i);
  for (int form = 0; form < 2; form++)
    for (int with_lead = lead > i; with_lead >= 0; with_lead--) {
      size_t k = with_lead ? lead : i;
      size_t end = form == 0 ? oi_scan_small_word(t, n, k) : oi_scan_capital_word(t, n, k);
      if (end > k) return tails ? oi_scan_contraction(t, n, end, true) : end;
    }
  return i;
}

static size_t oi_scan_uncased(const char *t, size_t n, size_t i, uint32_t letters) {
  size_t end = oi_scan_contraction(t, n, i, true);
  if (end > i) return end;
  size_t k = oi_scan_lead(t, n, i);
  end = oi_scan_run(t, n, k, letters, SIZE_MAX);
  return end > k ? end : oi_scan_run(t, n, i, letters, SIZE_MAX);
}

static size_t oi_scan_rule(const char *t, size_t n, size_t i, const oi_scan_rules *r) {
  size_t end = r->cased ? oi_scan_cased(t, n, i, r->tails) : oi_scan_uncased(t, n, i, r->letters);
  if (end > i) return end;
  end = oi_scan_run(t, n, i, OI_UC_NUMBER, r->digits);
  if (end > i) return end;
  size_t k = oi_scan_blank(t, n, i);
  end = oi_scan_run_not(t, n, k, OI_UC_SPACE | OI_UC_NUMBER | OI_UC_LETTER | r->letters);
  if (end > k) return oi_scan_newlines(t, n, end, r->cased);
  end = oi_scan_lines(t, n, i);
  return end > i ? end : oi_scan_white(t, n, i);
}

static bool oi_scan_is_ascii_punct(char c) {
  return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
         (c >= 123 && c <= 126);
}
static size_t oi_scan_ascii_letters(const char *t, size_t n, size_t i) {
  while (i < n && (t[i] | 32) >= 'a' && (t[i] | 32) <= 'z') i++;
  return i;
}

static size_t oi_scan_deepseek(const char *t, size_t n, size_t i) {
  const uint32_t word = OI_UC_LETTER | OI_UC_MARK, sign = OI_UC_PUNCT | OI_UC_SYMBOL;
  size_t end = oi_scan_is_ascii_punct(t[i]) ? oi_scan_ascii_letters(t, n, i + 1) : i;
  if (end > i + 1) return end;
  bool stays = oi_scan_newline(t, n, i) > i || (oi_scan_class(t, n, i) & (OI_UC_LETTER | sign));
  size_t k = stays ? i : oi_scan_step(t, n, i);
  end = oi_scan_run(t, n, k, word, SIZE_MAX);
  if (end == k) end = oi_scan_run(t, n, k = i, word, SIZE_MAX);
  if (end > k) return end;
  k = oi_scan_blank(t, n, i);
  end = oi_scan_run(t, n, k, sign, SIZE_MAX);
  if (end > k) return oi_scan_newlines(t, n, end, false);
  end = oi_scan_lines(t, n, i);
  return end > i ? end : oi_scan_white(t, n, i);
}

static size_t oi_scan_punct(const char *t, size_t n, size_t i) {
  return oi_scan_is_ascii_punct(t[i]) ? i + 1 : oi_scan_one(t, n, i, OI_UC_PUNCT);
}

// \w+|[^\w\s]+
static size_t oi_scan_words(const char *t, size_t n, size_t i) {
  size_t end = oi_scan_run(t, n, i, OI_UC_WORD, SIZE_MAX);
  return end > i ? end : oi_scan_run_not(t, n, i, OI_UC_WORD | OI_UC_SPACE);
}

// \s?[class]+
static size_t oi_scan_after_space(const char *t, size_t n, size_t i, uint32_t classes) {
  size_t k = oi_scan_one(t, n, i, OI_UC_SPACE);
  size_t end = oi_scan_run(t, n, k, classes, SIZE_MAX);
  return end > k ? end : i;
}

static size_t oi_scan_ascii3(const char *t, size_t n, size_t i) {
  size_t k = i;
  while (k < n && k < i + 3 && t[k] >= '0' && t[k] <= '9') k++;
  return k == i + 3 ? k : i;
}

static size_t oi_scan_cjk(const char *t, size_t n, size_t i, bool wide) {
  while (i < n) {
    uint32_t cp;
    size_t size = oi_utf8_get(t + i, &cp);
    bool in = wide ? (cp >= 0x800 && cp <= 0x9FA5) || (cp >= 0xAC00 && cp <= 0xD7FF)
                   : (cp >= 0x4E00 && cp <= 0x9FA5) || (cp >= 0x3040 && cp <= 0x30FF);
    if (!in) break;
    i += size;
  }
  return i;
}

static size_t oi_scan_blanks2(const char *t, size_t n, size_t i) {
  size_t k = i;
  while (k < n && t[k] == ' ') k++;
  return k - i >= 2 ? k : i;
}

OI_RT size_t oi_scan_match(oi_scan scan, const char *t, size_t n, size_t i) {
  switch (scan) {
#define SCAN(NAME, end) \
  case OI_SCAN_##NAME: return end;
#include "lib/rt/token_scan.def"
    case OI_N_SCANS: break;
  }
  return i;
}
