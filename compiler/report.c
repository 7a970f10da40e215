// Small parts that the printed reports share.
#include "compiler/report.h"

// ---- names ----

static uint32_t first_of(const unsigned char *s, uint32_t *n) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  uint32_t c = s[0];
  *n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
  if (*n <= 1) return *n == 1 ? c : (*n = 1, 0xfffdu);
  c &= 0x7fu >> *n;
  for (uint32_t i = 1; i < *n; i++) {
    if (s[i] >> 6 != 2) return *n = 1, 0xfffdu;
    c = c << 6 | (s[i] & 63);
  }
  if (c < least[*n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return *n = 1, 0xfffdu;
  return c;
}

uint32_t oi_report_char(const char **at) {
  uint32_t n;
  const uint32_t c = first_of((const unsigned char *)*at, &n);
  if (c) *at += n;
  return c;
}

void oi_report_json(oi_text *to, const char *name) {
  oi_text_put(to, "\"");
  for (uint32_t c; (c = oi_report_char(&name)) != 0;) {
    if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<') oi_text_put(to, "%c", (int)c);
    else if (c < 0x10000) oi_text_put(to, "\\u%04x", c);
    else
      oi_text_put(to, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                  0xdc00 + ((c - 0x10000) & 0x3ff));
  }
  oi_text_put(to, "\"");
}

// ---- numbers ----

void oi_report_ratio(oi_text *to, uint64_t num, uint64_t den) {
  uint64_t rest = den ? num % den : 0;
  oi_text_put(to, "%llu.", (unsigned long long)(den ? num / den : 0));
  for (int i = 0; i < 3; i++) {
    const uint64_t most = UINT64_MAX / 10;
    if (rest > most) rest /= 10, den /= 10;  // far beyond what three digits show
    oi_text_put(to, "%llu", (unsigned long long)(den ? rest * 10 / den : 0));
    rest = den ? rest * 10 % den : 0;
  }
}
