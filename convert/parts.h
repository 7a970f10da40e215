// What a recipe makes of a source's tensors before their dtype is changed: matrices transposed,
// rows of one tensor split into several, rows of several merged into one. Nothing is moved until
// bytes are asked for, and then in the order of the new tensor: memory does not grow with it.
#ifndef OINF_CONVERT_PARTS_H
#define OINF_CONVERT_PARTS_H
#include "convert/recipe.h"
#include "lib/model.h"

enum {
  OI_PARTS_STRIP = 8 << 20  // bytes of a transposition held at a time
};
// A run of a source tensor's elements, as they stand in it or in its transposition.
typedef struct oi_part {
  uint32_t from;
  bool turned;
  uint64_t first, count;
} oi_part;
// The parts of a made tensor: n of them from `first` on, one behind the other.
typedef struct oi_made {
  uint32_t first, n;
} oi_made;
typedef OI_VEC(oi_made) oi_mades;
typedef struct oi_parts {
  oinf_model *from;   // the source; borrowed
  oinf_model *shape;  // what is made: names, dims, the dtype of the source
  oi_mades made;      // for each tensor of `shape`
  OI_VEC(oi_part) all;
  bool changed;  // something was transposed, split or merged
  // Rows of a transposition that were read last.
  uint8_t *strip, *row;
  uint32_t strip_from;
  uint64_t strip_first, strip_n;  // in elements
} oi_parts;

// What no rule drops. FORMAT or SUPPORT, with the place in the recipe, where a rule cannot be
// followed.
oinf_status oi_parts_make(oi_parts *p, const oi_recipe *r, const oi_config *config,
                          oinf_model *from);
void oi_parts_free(oi_parts *p);
// Elements i .. i + n of a made tensor, whole blocks, in the source's dtype.
oinf_status oi_parts_read(oi_parts *p, uint32_t made, uint64_t i, uint64_t n, void *out);
// "a + b[64:96] + c transposed", names escaped; nothing where the tensor is what it was.
void oi_parts_tell(const oi_parts *p, uint32_t made, oi_text *out);
#endif
