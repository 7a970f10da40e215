// See parse.h.
#include "lib/rt/parse.h"

#include <string.h>

OI_RT bool oi_parse_count(const char *text, int64_t *out) {
  int64_t n = 0;
  if (!*text) return false;
  for (; *text; text++) {
    if (*text < '0' || *text > '9' || n > (INT64_MAX - 9) / 10) return false;
    n = n * 10 + (*text - '0');
  }
  *out = n;
  return true;
}

OI_RT bool oi_parse_real(const char *text, double *out) {
  double x = 0, scale = 1;
  bool minus = *text == '-', digits = false, point = false;
  for (text += minus; (*text >= '0' && *text <= '9') || (*text == '.' && !point); text++) {
    if (*text == '.') {
      point = true;
      continue;
    }
    x = x * 10 + (*text - '0'), digits = true;
    if (point) scale *= 10;
  }
  x /= scale;
  if (digits && (*text == 'e' || *text == 'E')) {
    bool down = text[1] == '-';
    int64_t e;
    if (!oi_parse_count(text + 1 + down, &e) || e > 300) return false;
    for (; e > 0; e--) x = down ? x / 10 : x * 10;
    text += strlen(text);
  }
  if (!digits || *text || x - x != 0) return false;  // too large a number is none
  *out = minus ? -x : x;
  return true;
}
