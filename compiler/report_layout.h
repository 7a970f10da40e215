// A layered drawing of a small graph without cycles: sizes of boxes in, places out. Whole numbers
// alone, so that a picture is the same everywhere.
#ifndef OINF_COMPILER_REPORT_LAYOUT_H
#define OINF_COMPILER_REPORT_LAYOUT_H
#include "lib/ctx.h"

typedef struct oi_box {
  int32_t w, h;       // given; a bend of an edge has none
  int32_t x, y;       // its left upper corner
  int32_t top, low;   // of its row, which may be higher than it
  uint32_t layer;     // from the top
  int32_t rank, sum;  // place in the layer; for sorting
} oi_box;
typedef struct oi_link {
  uint32_t from, to;  // boxes
  uint32_t tag;       // the caller's
} oi_link;
// A link over several layers becomes a chain of links through bends; their tag is the link's.
typedef struct oi_layout {
  OI_VEC(oi_box) boxes;
  OI_VEC(oi_link) links;
  uint32_t n_given;  // boxes that are no bends
  int32_t w, h;
} oi_layout;

uint32_t oi_layout_box(oinf_ctx *ctx, oi_layout *l, int32_t w, int32_t h);  // UINT32_MAX: no memory
// A link that is there already is not added again.
bool oi_layout_link(oinf_ctx *ctx, oi_layout *l, uint32_t from, uint32_t to, uint32_t tag);
bool oi_layout_make(oinf_ctx *ctx, oi_layout *l);
void oi_layout_free(oinf_ctx *ctx, oi_layout *l);
#endif
