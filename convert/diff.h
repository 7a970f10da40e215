// Two models told apart: the kinds of things that have names, and what is said where two of one
// name are not equal.
#ifndef OINF_CONVERT_DIFF_H
#define OINF_CONVERT_DIFF_H
#include "convert/gap.h"
#include "convert/info.h"

// A thing that has a name, and a graph where it is a state. Its content is a text or bytes, or for
// a tensor its index.
typedef struct oi_diff_item {
  const char *graph, *name;
  size_t name_n;
  const void *data;
  size_t size;
  uint32_t tensor;
} oi_diff_item;
typedef struct oi_diff oi_diff;
typedef struct oi_diff_kind {
  const char *name;
  size_t (*count)(const oinf_model *m);
  oi_diff_item (*at)(const oinf_model *m, size_t k);
  void (*show)(oi_diff *d, const oinf_model *m,
               const oi_diff_item *it);  // of one side alone: what it is
  oinf_status (*compare)(oi_diff *d, const oi_diff_item *a, const oi_diff_item *b);
} oi_diff_kind;
struct oi_diff {
  oi_info *i;
  oinf_model *a, *b;
  oi_values *room_a, *room_b;
  const oi_diff_kind *kind;  // that is walked
  size_t seen, alone_a, alone_b, changed;
};

enum {
  OI_DIFF_KINDS = 6,
  OI_DIFF_TENSORS = OI_DIFF_KINDS - 1
};
extern const oi_diff_kind oi_diff_kinds[OI_DIFF_KINDS];  // in the order in which they are told
// "~ tensor   name", what is of one side alone with - or +.
void oi_diff_put_name(oi_diff *d, char mark, const oi_diff_item *it);
#endif
