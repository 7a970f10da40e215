// See holes.h. A hole takes digits and nothing else, so a pattern matches a name in one way.
#include "convert/holes.h"

#include <string.h>

// The end of a hole that begins here, or NULL.
static const char *hole_end(const char *pattern) {
  return *pattern == '{' ? strchr(pattern, '}') : NULL;
}

static const oi_hole *find_hole(const oi_holes *h, const char *name, size_t n) {
  for (size_t i = 0; i < h->count; i++)
    if (h->of[i].name_n == n && memcmp(h->of[i].name, name, n) == 0) return &h->of[i];
  return NULL;
}

// The holes of a pattern, in order; false where a name stands twice or there are too many.
static bool read_holes(const char *pattern, oi_holes *h) {
  for (h->count = 0; *pattern; pattern++) {
    const char *end = hole_end(pattern);
    if (!end) continue;
    const size_t n = (size_t)(end - pattern - 1);
    if (!n || h->count == OI_HOLES || find_hole(h, pattern + 1, n)) return false;
    h->of[h->count++] = (oi_hole){.name = pattern + 1, .name_n = n};
    pattern = end;
  }
  return true;
}

// What a hole takes of a name: digits, or the index of a graph's family of tensors.
static size_t taken(const char *name) {
  const char *end = hole_end(name);
  return end ? (size_t)(end - name + 1) : strspn(name, "0123456789");
}

bool oi_holes_match(const char *pattern, const char *name, oi_holes *h) {
  size_t k = 0;
  if (!read_holes(pattern, h)) return false;
  while (*pattern) {
    const char *end = hole_end(pattern);
    if (!end) {
      if (*pattern++ != *name++) return false;
      continue;
    }
    h->of[k].at = name, h->of[k].n = taken(name);
    if (!h->of[k].n) return false;
    name += h->of[k++].n, pattern = end + 1;
  }
  return *name == 0;
}

void oi_holes_fill(const char *pattern, const oi_holes *h, oi_text *out) {
  while (*pattern) {
    const char *end = hole_end(pattern);
    const oi_hole *of = end ? find_hole(h, pattern + 1, (size_t)(end - pattern - 1)) : NULL;
    if (of) oi_text_add(out, of->at, of->n), pattern = end + 1;
    else oi_text_add(out, pattern++, 1);
  }
}

bool oi_holes_pair(const char *from, const char *to) {
  oi_holes a, b;
  if (!read_holes(from, &a) || !read_holes(to, &b)) return false;
  for (size_t i = 0; i < b.count; i++)
    if (!find_hole(&a, b.of[i].name, b.of[i].name_n)) return false;
  return true;
}
