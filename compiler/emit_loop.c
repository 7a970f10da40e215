// Loops over places of a shape as C: i0, i1, .. are the indices of its axes. A kernel's outer loop
// counts units, of which some axes are made; the other axes are loops within.
#include "compiler/emit.h"

static bool in(uint32_t mask, uint32_t axis) { return mask >> axis & 1; }

void oi_emit_indent(oi_emit *e, uint32_t depth) {
  for (uint32_t i = 0; i <= depth; i++) oi_text_put(&e->out, "  ");
}

// The product of the axes of a mask, from axis `from` on.
static void put_product(oi_emit *e, const oi_type *t, uint32_t mask, uint32_t from) {
  oi_type some = *t;
  for (uint32_t i = 0; i < t->rank; i++)
    if (!in(mask, i)) some.dim[i] = 1;
  oi_emit_span(e, &some, from, t->rank);
}

static const char *product_text(oi_emit *e, const oi_type *t, uint32_t mask) {
  const size_t at = e->out.n;
  put_product(e, t, mask, 0);
  return oi_emit_taken(e, at);
}

static uint32_t next_axis(const oi_type *t, uint32_t mask, uint32_t from) {
  while (from < t->rank && !in(mask, from)) from++;
  return from;
}

void oi_emit_begin_units(oi_emit *e, const oi_type *t, uint32_t mask, oi_emit_cut *cut) {
  const uint32_t first = next_axis(t, mask, 0);
  cut->units = product_text(e, t, mask), cut->cost = product_text(e, t, ~mask);
  if (next_axis(t, mask, first + 1) >= t->rank && first < t->rank) {
    oi_text_put(&e->out, "  for (int64_t i%u = from; i%u < to; i%u++) {\n", first, first, first);
    return;
  }
  oi_text_put(&e->out, "  for (int64_t u = from; u < to; u++) {\n");
  for (uint32_t i = first; i < t->rank; i = next_axis(t, mask, i + 1)) {
    const uint32_t rest = next_axis(t, mask, i + 1);
    oi_text_put(&e->out, "    const int64_t i%u = u", i);
    if (rest < t->rank) {
      oi_text_put(&e->out, " / (");
      put_product(e, t, mask, rest);
      oi_text_put(&e->out, ")");
    }
    if (i != first) {
      oi_text_put(&e->out, " %% ");
      oi_emit_dim(e, t->dim[i]);
    }
    oi_text_put(&e->out, ";\n");
  }
}

uint32_t oi_emit_begin_axes(oi_emit *e, const oi_type *t, uint32_t mask, uint32_t depth) {
  for (uint32_t i = 0; i < t->rank; i++) {
    if (!in(mask, i)) continue;
    oi_emit_indent(e, depth++);
    oi_text_put(&e->out, "for (int64_t i%u = 0; i%u < ", i, i);
    oi_emit_dim(e, t->dim[i]);
    oi_text_put(&e->out, "; i%u++) {\n", i);
  }
  return depth;
}

void oi_emit_end_axes(oi_emit *e, uint32_t depth, uint32_t down_to) {
  while (depth-- > down_to) {
    oi_emit_indent(e, depth);
    oi_text_put(&e->out, "}\n");
  }
}

void oi_emit_place(oi_emit *e, const oi_type *t) {
  if (!t->rank) oi_text_put(&e->out, "0");
  for (uint32_t i = 0; i < t->rank; i++) {
    oi_text_put(&e->out, i ? " + i%u" : "i%u", i);
    if (i + 1 == t->rank) break;
    oi_text_put(&e->out, " * (");
    oi_emit_span(e, t, i + 1, t->rank);
    oi_text_put(&e->out, ")");
  }
}
