// The graph of kernels as a picture: scenes of boxes, a scene a region, loops and branches boxes
// that hold scenes. What is drawn is what runs: kernels, loops, branches, inputs, outputs;
// constants, weights and views are not boxes of their own. A region of very many kernels is drawn
// with boxes that stand for several that run one after the other.
#ifndef OINF_COMPILER_REPORT_GRAPH_H
#define OINF_COMPILER_REPORT_GRAPH_H
#include "compiler/report.h"
#include "compiler/report_layout.h"

typedef enum oi_unit_kind {
  OI_UNIT_KERNEL,  // id: its number
  OI_UNIT_GROUP,   // id: number of the first; count of kernels
  OI_UNIT_LOOP,    // id: node; inner[0]
  OI_UNIT_IF,      // id: node; inner[0], inner[1]
  OI_UNIT_INPUT,   // id: value
  OI_UNIT_OUTPUT,  // id: index
  OI_UNIT_BEGIN,   // a carried value as a turn starts; id: value
  OI_UNIT_END      // and as it ends, or what a side gives
} oi_unit_kind;
typedef struct oi_unit {
  oi_unit_kind kind;
  uint32_t id, count;
  struct oi_scene *inner[2];
} oi_unit;
typedef struct oi_scene {
  oi_layout layout;  // box i is unit i; tag 1: through a state
  OI_VEC(oi_unit) units;
} oi_scene;
enum {
  OI_LOOP_PAD = 16,
  OI_LOOP_HEAD = 26,
  OI_SIDE_HEAD = 20
};

// NULL: no memory. Freed with oi_scene_free; scenes lie in the emitter's arena.
oi_scene *oi_scene_of(oi_emit *e, bool *out_grouped);
void oi_scene_free(oi_emit *e, oi_scene *s);
// The SVG element, readable in the page's style.
void oi_report_draw(oi_emit *e, oi_text *to, const oi_scene *s);
#endif
