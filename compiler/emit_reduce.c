// Reductions as C: loops over the axes that stay, within them loops over those that go, in
// row-major order. Element k goes to partial k mod 16, and the texts of a row of ops.def say what
// happens to it; then s = 8, 4, 2, 1 fold the partials.
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"

#include <oinf/ops.h>

enum {
  F = OI_F,
  D = OI_D,
  S = OI_S,
  U = OI_U
};
typedef struct reduction {
  oi_op op;
  unsigned classes;
  const char *init, *step, *combine, *finish;
} reduction;

static const reduction rows[] = {
#define ELTWISE(name, arity, classes, attrs, expr, doc)
#define GENERAL(name, arity, n_out, classes, attrs, doc)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) \
  {OP_##name, classes, #init, #step, #combine, #finish},
#define AS_REDUCE(name, classes, init, step, combine, finish) \
  {OP_##name, classes, #init, #step, #combine, #finish},
#include "lib/ops.def"
#undef ELTWISE
#undef GENERAL
#undef REDUCE
};

static const reduction *row_of(uint32_t op, oi_class class) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].op == op && rows[i].classes & (unsigned)class) return &rows[i];
  return NULL;
}

static void line(oi_emit *e, uint32_t depth, const char *text) {
  oi_emit_indent(e, depth);
  oi_text_put(&e->out, "%s", text);
}

// Bit i: axis i goes. Every reduction has the attributes of sum.
static uint32_t axes_of(const oi_node *n, uint32_t rank) {
  const oinf_dims *axes = &((const oinf_sum_args *)n->args)->axes;
  uint32_t mask = axes->n ? 0 : UINT32_MAX;
  for (uint32_t i = 0; i < axes->n; i++)
    mask |= 1u << (axes->d[i] < 0 ? axes->d[i] + rank : axes->d[i]);
  return mask;
}

// The start of a partial: a number, or the end of the range of the operand's dtype.
static void put_init(oi_emit *e, const reduction *r, oinf_dtype dtype, oi_class class) {
  const bool low = strcmp(r->init, "LOWEST") == 0, high = strcmp(r->init, "HIGHEST") == 0;
  const unsigned bits = 8 * (unsigned)oinf_dtype_block_bytes(dtype);
  const uint64_t most = UINT64_MAX >> ((class == OI_S ? 65 : 64) - bits);
  if (!low && !high) oi_text_put(&e->out, "%s", r->init);
  else if (class == OI_F) oi_text_put(&e->out, "oi_flt(%s)", low ? "0xff800000u" : "0x7f800000u");
  else if (class == OI_D)
    oi_text_put(&e->out, "oi_dbl(%s)", low ? "0xfff0000000000000u" : "0x7ff0000000000000u");
  else if (high) oi_text_put(&e->out, "%lluu", (unsigned long long)most);
  else oi_text_put(&e->out, class == OI_S ? "-%llu - 1" : "0", (unsigned long long)most);
}

// The place in the output: row-major over the axes that stay.
static void put_kept(oi_emit *e, const oi_type *in, uint32_t mask) {
  bool any = false;
  for (uint32_t i = 0; i < in->rank; i++) {
    oi_type behind = *in;
    if (mask >> i & 1) continue;
    for (uint32_t k = i + 1; k < in->rank; k++)
      if (mask >> k & 1) behind.dim[k] = 1;
    oi_text_put(&e->out, any ? " + i%u * (" : "i%u * (", i), any = true;
    oi_emit_span(e, &behind, i + 1, in->rank);
    oi_text_put(&e->out, ")");
  }
  if (!any) oi_text_put(&e->out, "0");
}

static void put_body(oi_emit *e, const oi_node *n, const reduction *r, uint32_t mask,
                     uint32_t depth) {
  const oi_type *in = &oi_val_at(e->g, n->in[0])->type, *out = &oi_val_at(e->g, n->out[0])->type;
  const oi_emit_dtype *from = oi_emit_dtype_of(in->dtype);
  const oi_class class = oi_dtype_class(in->dtype);
  line(e, depth, from->work);
  oi_text_put(&e->out, " part[16];\n");
  line(e, depth, "int64_t k = 0;\n");
  line(e, depth, "for (int i = 0; i < 16; i++) part[i] = ");
  put_init(e, r, in->dtype, class);
  oi_text_put(&e->out, ";\n");
  const uint32_t inner = oi_emit_begin_axes(e, in, mask, depth);
  line(e, inner, "const ");
  oi_text_put(&e->out, "%s p = part[k %% 16], a = %s(x0[", from->work, from->load);
  oi_emit_place(e, in);
  oi_text_put(&e->out, "]);\n");
  line(e, inner, "part[k % 16] = ");
  oi_text_put(&e->out, "%s;\n", r->step);
  line(e, inner, "k++;\n");
  oi_emit_end_axes(e, inner, depth);
  line(e, depth, "for (int s = 8; s > 0; s /= 2) {\n");
  line(e, depth + 1, "for (int i = 0; i < s; i++) {\n");
  line(e, depth + 2, "const ");
  oi_text_put(&e->out, "%s p = part[i], q = part[i + s];\n", from->work);
  line(e, depth + 2, "part[i] = ");
  oi_text_put(&e->out, "%s;\n", r->combine);
  line(e, depth + 1, "}\n");
  line(e, depth, "}\n");
  line(e, depth, "const ");
  oi_text_put(&e->out, "%s r = %s;\n", from->work,
              strcmp(r->init, "0") == 0 ? "part[0] == 0 ? 0 : part[0]" : "part[0]");
  if (strchr(r->finish, 'n')) {
    line(e, depth, "const ");
    oi_text_put(&e->out, "%s n = (%s)k;\n", from->work, from->work);
  }
  line(e, depth, "out[");
  put_kept(e, in, mask);
  oi_text_put(&e->out, "] = (%s)(%s);\n", oi_emit_dtype_of(out->dtype)->type, r->finish);
}

oinf_status oi_emit_reduce(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  const oi_type *in = &oi_val_at(e->g, n->in[0])->type;
  const uint32_t mask = axes_of(n, in->rank);
  const reduction *r = row_of(n->op, oi_dtype_class(in->dtype));
  if (!r) return oi_emit_refuse(e, n, "this operand");
  oi_emit_begin(e, n);
  oi_emit_begin_units(e, in, ~mask, cut);
  put_body(e, n, r, mask, 1);
  oi_emit_end_axes(e, 1, 0);
  oi_text_put(&e->out, "}\n");
  return OINF_OK;
}
