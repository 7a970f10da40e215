// Kernels that are loops over elements: elementwise ops, printed from the expressions of ops.def,
// and movement, where an index of the output is an index of an operand. Operands of the output's
// own shape are walked flat; others by a loop an axis, with a step of 0 where they broadcast.
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"
#include "compiler/glsl.h"

#include <oinf/ops.h>

static const oi_type *type_of(const oi_emit *e, uint32_t value) {
  return &oi_val_at(e->g, value)->type;
}

// A unit is a row: all axes but the last; of a vector, an element.
static uint32_t row_axes(const oi_type *t) {
  return t->rank < 2 ? UINT32_MAX : (1u << (t->rank - 1)) - 1;
}

static void begin_rows(oi_emit *e, const oi_type *t, oi_emit_cut *cut) {
  oi_emit_begin_units(e, t, row_axes(t), cut);
  oi_emit_begin_axes(e, t, ~row_axes(t), 1);
}
static uint32_t row_depth(const oi_type *t) { return t->rank < 2 ? 1 : 2; }

// The place in an operand that broadcasts to `out`.
void oi_emit_broadcast(oi_emit *e, const oi_type *in, const oi_type *out) {
  const uint32_t front = out->rank - in->rank;
  bool any = false;
  for (uint32_t i = 0; i < in->rank; i++) {
    if (in->dim[i] == 1) continue;
    oi_text_put(&e->out, any ? " + " : ""), any = true;
    if (in->dim[i] == out->dim[front + i]) oi_text_put(&e->out, "i%u", front + i);
    else {
      oi_text_put(&e->out, "(");
      oi_emit_dim(e, in->dim[i]);
      oi_text_put(&e->out, " == 1 ? 0 : i%u)", front + i);
    }
    if (i + 1 == in->rank) continue;
    oi_text_put(&e->out, " * (");
    oi_emit_span(e, in, i + 1, in->rank);
    oi_text_put(&e->out, ")");
  }
  if (!any) oi_text_put(&e->out, "0");
}

static bool same_shape(const oi_type *a, const oi_type *b) {
  return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0;
}

// ---- elementwise ----

// A unit is an element, whatever the shape.
static void begin_elements(oi_emit *e, const oi_type *t, oi_emit_cut *cut) {
  cut->units = oi_emit_span_text(e, t, 0, t->rank), cut->cost = "8";
  oi_text_put(&e->out, "  for (int64_t i = from; i < to; i++) {\n");
}

static oi_class joint_class(const oi_emit *e, const oi_node *n, uint32_t first) {
  oi_class class = oi_dtype_class(type_of(e, n->in[first])->dtype);
  for (uint32_t i = first; i < n->n_in; i++)
    if (oi_dtype_class(type_of(e, n->in[i])->dtype) == OI_D) class = OI_D;
  return class;
}

void oi_emit_attributes(oi_emit *e, const oi_node *n, const oi_elements *w, const char *suffix) {
  const oi_op_info *info = n->op < OP_COUNT ? oi_op_info_of((oi_op)n->op) : NULL;
  for (uint32_t i = 0; info && i < info->n_attrs; i++) {
    char name[64];
    double x;
    if (info->attrs[i].type != OI_ATTR_F64) continue;
    snprintf(name, sizeof name, "p_%s", info->attrs[i].name);
    if (!strstr(w->expr, name)) continue;
    memcpy(&x, (const char *)n->args + info->attrs[i].offset, sizeof x);
    oi_text_put(&e->out, "  const %s %s%s = ", w->work, name, suffix);
    if (w->class == OI_F) oi_emit_real(e, (float)x);
    else if (w->class == OI_D) oi_text_put(&e->out, "%a", x);
    else oi_text_put(&e->out, "%lld", (long long)x);
    oi_text_put(&e->out, ";\n");
  }
  if (info && strstr(w->expr, "width"))
    oi_text_put(&e->out, "  const int64_t width%s = %u;\n", suffix,
                8 * (unsigned)oinf_dtype_block_bytes(type_of(e, n->out[0])->dtype));
}

static void put_operand(oi_emit *e, const oi_node *n, const oi_elements *w, bool flat, uint32_t i,
                        uint32_t depth) {
  const oi_type *in = type_of(e, n->in[i]), *out = type_of(e, n->out[0]);
  const oi_emit_dtype *dt = oi_emit_dtype_of(in->dtype);
  const bool truth = i < w->first || w->class == OI_B;
  oi_emit_indent(e, depth);
  oi_text_put(&e->out, "const %s %c = %s(x%u[", truth ? "bool" : w->work, (char)('a' + i), dt->load,
              i);
  if (flat) oi_text_put(&e->out, in->rank ? "i" : "0");
  else oi_emit_broadcast(e, in, out);
  oi_text_put(&e->out, truth ? "] != 0);\n" : "]);\n");
}

static const char *work_of(oi_class class) {
  return class == OI_D   ? "double"
         : class == OI_S ? "int64_t"
         : class == OI_U ? "uint64_t"
         : class == OI_B ? "bool"
                         : "float";
}

uint32_t oi_emit_begin_places(oi_emit *e, const oi_type *t, bool flat, oi_emit_cut *cut) {
  if (flat) begin_elements(e, t, cut);
  else begin_rows(e, t, cut);
  return flat ? 1 : row_depth(t);
}

static void put_elements(oi_emit *e, const oi_node *n, const oi_elements *w, oi_emit_cut *cut) {
  const oi_type *out = type_of(e, n->out[0]);
  bool flat = true;
  for (uint32_t i = 0; i < n->n_in; i++) {
    const oi_type *in = type_of(e, n->in[i]);
    if (in->rank && !same_shape(in, out)) flat = false;
  }
  oi_emit_begin(e, n);
  oi_emit_attributes(e, n, w, "");
  const uint32_t depth = oi_emit_begin_places(e, out, flat, cut);
  for (uint32_t i = 0; i < n->n_in; i++) put_operand(e, n, w, flat, i, depth);
  oi_emit_indent(e, depth);
  oi_text_put(&e->out, "const %s r = %s;\n", w->to_bool ? "bool" : w->work, w->expr);
  oi_emit_indent(e, depth);
  oi_text_put(&e->out, "out[");
  if (flat) oi_text_put(&e->out, "i");
  else oi_emit_place(e, out);
  const char *made = w->to_bool ? "bool" : w->work, *kept = oi_emit_dtype_of(out->dtype)->type;
  oi_text_put(&e->out, strcmp(made, kept) == 0 ? "] = r;\n" : "] = (%s)r;\n", kept);
  oi_emit_end_axes(e, depth, 0);
  oi_text_put(&e->out, "}\n");
}

bool oi_emit_elements_of(const oi_emit *e, const oi_node *n, oi_elements *out) {
  if (n->op >= OP_COUNT || oi_op_info_of((oi_op)n->op)->kind != OI_ELTWISE) return false;
  const unsigned allowed = oi_op_classes((oi_op)n->op);
  *out = (oi_elements){.first = allowed & OI_A_BOOL ? 1 : 0, .to_bool = allowed & OI_TO_BOOL};
  out->class = joint_class(e, n, out->first);
  out->expr = oi_glsl_expr((oi_op)n->op, out->class);
  out->work = work_of(out->class);
  return out->expr != NULL;
}

oinf_status oi_emit_eltwise(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  oi_elements w;
  if (!oi_emit_elements_of(e, n, &w)) return oi_emit_refuse(e, n, "these operands");
  put_elements(e, n, &w, cut);
  return OINF_OK;
}

void oi_emit_elements(oi_emit *e, const oi_node *n, const char *expr, oi_emit_cut *cut) {
  put_elements(e, n, &(oi_elements){.class = OI_F, .expr = expr, .work = "float"}, cut);
}

// ---- movement: out[place] = x0[another place] ----

typedef struct map {
  oinf_dim begin[OINF_MAX_RANK];  // added to the index of an input axis
  int64_t step[OINF_MAX_RANK];    // times it
  int axis[OINF_MAX_RANK];        // output axis of an input axis, -1: begin alone
} map;

static void put_mapped(oi_emit *e, const oi_type *in, const map *m) {
  if (!in->rank) oi_text_put(&e->out, "0");
  for (uint32_t i = 0; i < in->rank; i++) {
    oi_text_put(&e->out, i ? " + (" : "(");
    oi_emit_dim(e, m->begin[i]);
    if (m->axis[i] >= 0) oi_text_put(&e->out, " + i%d * %lld", m->axis[i], (long long)m->step[i]);
    oi_text_put(&e->out, ") * (");
    oi_emit_span(e, in, i + 1, in->rank);
    oi_text_put(&e->out, ")");
  }
}

// out[this place] = x0[a mapped one], row by row.
static void put_copy(oi_emit *e, const oi_type *out, const oi_type *in, const map *from,
                     oi_emit_cut *cut) {
  begin_rows(e, out, cut);
  oi_emit_indent(e, row_depth(out));
  oi_text_put(&e->out, "out[");
  oi_emit_place(e, out);
  oi_text_put(&e->out, "] = x0[");
  put_mapped(e, in, from);
  oi_text_put(&e->out, "];\n");
  oi_emit_end_axes(e, row_depth(out), 0);
}

static map straight(const oi_type *t) {
  map m;
  memset(&m, 0, sizeof m);
  for (uint32_t i = 0; i < t->rank; i++) m.step[i] = 1, m.axis[i] = (int)i;
  return m;
}

static uint32_t axis_of(int64_t axis, const oi_type *t) {
  return (uint32_t)(axis < 0 ? axis + t->rank : axis);
}

static oinf_dim from_end(oi_emit *e, oinf_dim at, oinf_dim length) {
  return !oi_dim_is_expr(at) && at < 0 ? oi_dims_add(e->g->dims, at, length) : at;
}

static void map_slice(oi_emit *e, const oi_node *n, map *m) {
  const oinf_slice_args *args = n->args;
  const oi_type *in = type_of(e, n->in[0]);
  const uint32_t axis = axis_of(args->axis, in);
  m->begin[axis] = from_end(e, args->begin, in->dim[axis]);
  m->step[axis] = args->step ? args->step : 1;
}

static void map_select(oi_emit *e, const oi_node *n, map *m) {
  const oinf_select_args *args = n->args;
  const oi_type *in = type_of(e, n->in[0]);
  const uint32_t axis = axis_of(args->axis, in);
  m->begin[axis] = from_end(e, args->index, in->dim[axis]), m->axis[axis] = -1;
  for (uint32_t i = axis + 1; i < in->rank; i++) m->axis[i] = (int)i - 1;
}

static void map_permute(oi_emit *e, const oi_node *n, map *m) {
  const oinf_permute_args *args = n->args;
  const oi_type *in = type_of(e, n->in[0]);
  for (uint32_t i = 0; i < in->rank; i++) m->axis[axis_of(args->axes.d[i], in)] = (int)i;
}

// Where an element of the result comes from.
static map map_of(oi_emit *e, const oi_node *n) {
  map m = straight(type_of(e, n->in[0]));
  if (n->op == OP_slice) map_slice(e, n, &m);
  else if (n->op == OP_select) map_select(e, n, &m);
  else map_permute(e, n, &m);
  return m;
}

void oi_emit_moved(oi_emit *e, const oi_node *n) {
  const map m = map_of(e, n);
  put_mapped(e, type_of(e, n->in[0]), &m);
}

static oinf_status put_moved(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  const map m = map_of(e, n);
  put_copy(e, type_of(e, n->out[0]), type_of(e, n->in[0]), &m, cut);
  return OINF_OK;
}

static oinf_status put_expand(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  const oi_type *in = type_of(e, n->in[0]), *out = type_of(e, n->out[0]);
  begin_rows(e, out, cut);
  oi_emit_indent(e, row_depth(out));
  oi_text_put(&e->out, "out[");
  oi_emit_place(e, out);
  oi_text_put(&e->out, "] = x0[");
  oi_emit_broadcast(e, in, out);
  oi_text_put(&e->out, "];\n");
  oi_emit_end_axes(e, row_depth(out), 0);
  return OINF_OK;
}

// A part's place in the whole and its own, on the one side or the other.
static void put_part(oi_emit *e, const oi_type *part, const oi_type *whole, const map *m,
                     uint32_t axis, uint32_t i, bool split) {
  const uint32_t depth = oi_emit_begin_axes(e, part, ~((1u << axis) - 1), 1);
  oi_emit_indent(e, depth);
  if (split && i) oi_text_put(&e->out, "out%u[", i);
  else oi_text_put(&e->out, "out[");
  if (split) oi_emit_place(e, part);
  else put_mapped(e, whole, m);
  oi_text_put(&e->out, "] = x%u[", split ? 0 : i);
  if (split) put_mapped(e, whole, m);
  else oi_emit_place(e, part);
  oi_text_put(&e->out, "];\n");
  oi_emit_end_axes(e, depth, 1);
}

// Parts lie one behind the other along the axis; a unit is a place of the axes before it.
static oinf_status put_parts(oi_emit *e, const oi_node *n, oi_emit_cut *cut, int64_t wish,
                             bool split) {
  const oi_type *whole = type_of(e, split ? n->in[0] : n->out[0]);
  const uint32_t axis = axis_of(wish, whole);
  map m = straight(whole);
  oi_emit_begin_units(e, whole, (1u << axis) - 1, cut);
  for (uint32_t i = 0; i < (split ? n->n_out : n->n_in); i++) {
    const oi_type *part = type_of(e, split ? n->out[i] : n->in[i]);
    put_part(e, part, whole, &m, axis, i, split);
    m.begin[axis] = oi_dims_add(e->g->dims, m.begin[axis], part->dim[axis]);
    if (m.begin[axis] == OI_DIM_BAD) return oi_nomem(e->err, 0);
  }
  oi_emit_end_axes(e, 1, 0);
  return OINF_OK;
}

static oinf_status put_concat(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  return put_parts(e, n, cut, ((const oinf_concat_args *)n->args)->axis, false);
}
static oinf_status put_split(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  return put_parts(e, n, cut, ((const oinf_split_args *)n->args)->axis, true);
}

// Element i by an expression of its own: emit_convert.c.
static oinf_status put_flat(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  const oi_type *out = type_of(e, n->out[0]);
  cut->units = oi_emit_span_text(e, out, 0, out->rank), cut->cost = "4";
  oi_text_put(&e->out, "  for (int64_t i = from; i < to; i++) out[i] = ");
  OI_TRY(oi_emit_flat(e, n));
  oi_text_put(&e->out, ";\n");
  return OINF_OK;
}

typedef oinf_status move_fn(oi_emit *e, const oi_node *n, oi_emit_cut *cut);
static const struct {
  uint32_t op;
  move_fn *put;
} moves[] = {{OP_slice, put_moved},   {OP_select, put_moved}, {OP_permute, put_moved},
             {OP_expand, put_expand}, {OP_concat, put_concat}, {OP_split, put_split}};

static move_fn *move_of(uint32_t op) {
  for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
    if (moves[i].op == op) return moves[i].put;
  return oi_emit_is_flat(op) ? put_flat : NULL;
}
bool oi_emit_is_move(uint32_t op) { return move_of(op) != NULL; }

oinf_status oi_emit_move(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  oi_emit_begin(e, n);
  OI_TRY(move_of(n->op)(e, n, cut));
  oi_text_put(&e->out, "}\n");
  return OINF_OK;
}
