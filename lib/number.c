// Doubles as text. The C library does the rounding, correctly in both directions; the C locale is
// named at each call, as a program's own locale may write a comma. The shortest form is found by
// trying: at most 17 digits tell a double.
#include "lib/number.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROOM = 64 };

static double read_c(const char *text, char **end) {
  locale_t c = newlocale(LC_ALL_MASK, "C",
                         (locale_t)0);  // static in every C library: this allocates nothing
  double x = c ? strtod_l(text, end, c) : strtod(text, end);
  if (c) freelocale(c);
  return x;
}

// snprintf writes the locale's point; it is the one character that is no part of a number
// otherwise.
static void print_c(char *out, size_t room, int digits, double x) {
  snprintf(out, room, "%.*g", digits, x);
  for (char *p = out; *p; p++)
    if (!strchr("0123456789+-e", *p)) *p = '.';
}

void oi_number_print(double x, oi_text *out) {
  char text[ROOM];
  if (isnan(x) || isinf(x)) {
    oi_text_put(out, "%s", isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
    return;
  }
  int digits = 1;
  for (; digits < 17; digits++) {
    print_c(text, sizeof text, digits, x);
    if (read_c(text, NULL) == x) break;
  }
  int whole = 0;  // digits in front of the point: below 1e15 no exponent is wanted
  for (double ten = 1; fabs(x) < 1e15 && ten <= fabs(x); ten *= 10) whole++;
  print_c(text, sizeof text, digits > whole ? digits : whole, x);
  oi_text_put(out, "%s", text);
}

bool oi_number_read(const char **at, const char *end, double *out) {
  char text[ROOM];
  size_t n = 0;
  while (*at + n < end && n + 1 < sizeof text && strchr("0123456789+-.einfa", (*at)[n]) && (*at)[n])
    n++;
  memcpy(text, *at, n);
  text[n] = 0;
  char *stop;
  double x = read_c(text, &stop);
  if (stop == text) return false;
  *at += stop - text;
  return *out = x, true;
}
