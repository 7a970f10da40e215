// Names with holes: "model.layers.{l}.up" stands for every name that has a number where {l} is, and
// carries that number into another name.
#ifndef OINF_CONVERT_HOLES_H
#define OINF_CONVERT_HOLES_H
#include "lib/ctx.h"

enum {
  OI_HOLES = 4
};
typedef struct oi_hole {
  const char *name, *at;  // "l", and what it stood for
  size_t name_n, n;
} oi_hole;
typedef struct oi_holes {
  oi_hole of[OI_HOLES];
  size_t count;
} oi_holes;

// `to` names no hole that `from` lacks; in each a hole stands once, and at most OI_HOLES do.
bool oi_holes_pair(const char *from, const char *to);
// A graph's family of tensors matches too: its "{2*l+1}" goes where a number would go.
bool oi_holes_match(const char *pattern, const char *name, oi_holes *out);
// The pattern with its holes filled as they were matched.
void oi_holes_fill(const char *pattern, const oi_holes *h, oi_text *out);
#endif
