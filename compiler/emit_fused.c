// Kernels of fused nodes. One of elements is a loop over the places of its result: what it reads is
// loaded once for each place, every operation is a statement of its own over what was loaded or
// made before, as the strict text wants it, and the last one is stored. Values of the same dtype
// and class as in memory pass on as they are: a store and a load would change nothing.
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"
#include "compiler/fuse.h"
#include "compiler/glsl.h"

#include <oinf/ops.h>

typedef struct fused {
  oi_emit *e;
  const oi_node *n;
  const oi_region *r;
  const oi_type *out;  // the places
  bool flat;           // one index is enough
  uint32_t depth;
} fused;

static const oi_type *type_of(const fused *f, uint32_t value) {
  return &oi_val_at(f->e->g, value)->type;
}

static bool same_shape(const oi_type *a, const oi_type *b) {
  return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0;
}

static bool is_view(uint32_t op) { return oi_plan_is_view(op); }

// Everything that is read lies at the place that is written, or is one element.
static bool is_flat(const fused *f) {
  for (uint32_t id = f->r->first; id; id = oi_node_at(f->e->g, id)->next) {
    const oi_node *n = oi_node_at(f->e->g, id);
    const bool moved = oi_fuse_role_of(n->op) == OI_FUSE_MOVED;
    if (oi_fuse_role_of(n->op) == OI_FUSE_NOTHING) continue;  // the head
    if (moved && !is_view(n->op)) return false;
    for (uint32_t i = 0; i < n->n_in && !moved; i++) {
      const oi_type *t = type_of(f, n->in[i]);
      if (t->rank && !same_shape(t, f->out)) return false;
    }
  }
  return true;
}

// ---- operands ----

// The name of a value within the kernel: v and its number in the order of the region; e and the
// operand's for an element that was read.
static void name_of(const fused *f, uint32_t value, char room[16]) {
  uint32_t number = 0;
  const oi_value *v = oi_val_at(f->e->g, value);
  for (uint32_t id = f->r->first; id && id != v->node; id = oi_node_at(f->e->g, id)->next) number++;
  if (v->node) snprintf(room, 16, "v%u", number);
  else snprintf(room, 16, "e%u", v->index);
}

// Loads what the node reads from outside, unless it was loaded before.
static void load(const fused *f, const oi_node *n, uint32_t i, bool *loaded) {
  const oi_value *v = oi_val_at(f->e->g, n->in[i]);
  if (v->node || loaded[v->index]) return;
  loaded[v->index] = true;
  oi_emit_indent(f->e, f->depth);
  oi_text_put(&f->e->out, "const %s e%u = x%u[", oi_emit_dtype_of(v->type.dtype)->type, v->index,
              v->index);
  if (f->flat) oi_text_put(&f->e->out, v->type.rank ? "i" : "0");
  else oi_emit_broadcast(f->e, &v->type, f->out);
  oi_text_put(&f->e->out, "];\n");
}

// A value as what an op computes in: "v3", or "oi_f16_to_f32(v3)", "(v3 != 0)".
static void operand_text(const fused *f, uint32_t value, bool truth, char room[64]) {
  char name[16];
  const oi_emit_dtype *d = oi_emit_dtype_of(type_of(f, value)->dtype);
  name_of(f, value, name);
  if (truth) snprintf(room, 64, "(%s != 0)", name);
  else if (*d->load) snprintf(room, 64, "%s(%s)", d->load, name);
  else snprintf(room, 64, "%s", name);
}

// ---- statements ----

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// The expression with its operands a, b, c and its attributes under the names that they have here.
static void put_expression(const fused *f, const char *expr, char names[3][16], uint32_t number) {
  for (const char *at = expr; *at;) {
    size_t n = 0;
    while (is_word(at[n])) n++;
    if (n == 1 && *at >= 'a' && *at <= 'c') oi_text_put(&f->e->out, "%s", names[*at - 'a']);
    else if (n > 2 && at[0] == 'p' && at[1] == '_')
      oi_text_put(&f->e->out, "%.*s_%u", (int)n, at, number);
    else if (n == 5 && memcmp(at, "width", 5) == 0) oi_text_put(&f->e->out, "width_%u", number);
    else oi_text_add(&f->e->out, at, n ? n : 1);
    at += n ? n : 1;
  }
}

// Operands that are not yet what the op computes in become so; names are theirs then.
static void put_operands(const fused *f, const oi_node *n, const oi_elements *w, uint32_t number,
                         char names[3][16]) {
  for (uint32_t i = 0; i < n->n_in; i++) {
    char text[64];
    const bool truth = i < w->first || w->class == OI_B;
    const char *work = truth ? "bool" : w->work;
    const oi_emit_dtype *d = oi_emit_dtype_of(type_of(f, n->in[i])->dtype);
    operand_text(f, n->in[i], truth, text);
    name_of(f, n->in[i], names[i]);
    if (!truth && !*d->load && strcmp(d->type, work) == 0) continue;
    oi_emit_indent(f->e, f->depth);
    snprintf(names[i], 16, "%c%u", (char)('a' + i), number);
    oi_text_put(&f->e->out, "const %s %s = %s;\n", work, names[i], text);
  }
}

// A cast is the text that its own kernel would print, of the value instead of x0[i].
static oinf_status put_flat(const fused *f, const oi_node *n, const char *value) {
  const size_t from = f->e->out.n;
  OI_TRY(oi_emit_flat(f->e, n));
  const char *text = oi_emit_taken(f->e, from);
  if (!text) return oi_nomem(f->e->err, 64);
  for (const char *at = text, *next; *at; at = next) {
    next = strstr(at, "x0[i]");
    oi_text_add(&f->e->out, at, next ? (size_t)(next - at) : strlen(at));
    if (!next) break;
    oi_text_put(&f->e->out, "%s", value);
    next += 5;
  }
  return OINF_OK;
}

static void put_moved(const fused *f, const oi_node *n) {
  oi_text_put(&f->e->out, "x%u[", oi_val_at(f->e->g, n->in[0])->index);
  if (f->flat) oi_text_put(&f->e->out, "i");
  else if (is_view(n->op)) oi_emit_place(f->e, f->out);
  else if (n->op == OP_expand) oi_emit_broadcast(f->e, type_of(f, n->in[0]), f->out);
  else oi_emit_moved(f->e, n);
  oi_text_put(&f->e->out, "]");
}

static oinf_status put_node(const fused *f, uint32_t id, uint32_t number, bool *loaded) {
  const oi_node *n = oi_node_at(f->e->g, id);
  const oi_emit_dtype *to = oi_emit_dtype_of(type_of(f, n->out[0])->dtype);
  const bool moved = oi_fuse_role_of(n->op) == OI_FUSE_MOVED;
  char names[3][16] = {{0}};
  oi_elements w;
  for (uint32_t i = 0; i < n->n_in && !moved; i++) load(f, n, i, loaded);
  const bool each = oi_emit_elements_of(f->e, n, &w);
  if (each) put_operands(f, n, &w, number, names);
  oi_emit_indent(f->e, f->depth);
  oi_text_put(&f->e->out, "const %s v%u = ", to->type, number);
  if (moved) put_moved(f, n);
  else if (each) {
    const bool narrow = strcmp(w.to_bool ? "bool" : w.work, to->type) != 0;
    if (narrow) oi_text_put(&f->e->out, "(%s)(", to->type);
    put_expression(f, w.expr, names, number);
    if (narrow) oi_text_put(&f->e->out, ")");
  } else {
    if (n->n_in) name_of(f, n->in[0], names[0]);
    OI_TRY(put_flat(f, n, names[0]));
  }
  oi_text_put(&f->e->out, ";\n");
  return OINF_OK;
}

// ---- the kernel ----

static void put_head(const fused *f, uint32_t main) {
  const oinf_graph *g = f->e->g;
  const char *sign = "";
  oi_text_put(&f->e->out,
              main ? "// %s, and then in place, element by element: " : "// %sElements: ",
              main ? oi_kind_name(oi_node_at(g, main)->op) : "");
  for (uint32_t id = f->r->first; id; id = oi_node_at(g, id)->next) {
    if (id == main) continue;
    oi_text_put(&f->e->out, "%s%s", sign, oi_kind_name(oi_node_at(g, id)->op));
    sign = ", ";
  }
  oi_text_put(&f->e->out, ".\n");
}

// The places that units from .. to - 1 of the head have written; 0: its cut does not tell them.
static uint32_t begin_written(const fused *f, const oi_emit_cut *cut) {
  oi_text *to = &f->e->out;
  if (cut->row) {
    oi_text_put(to, "  for (int64_t i = from * (%s); i < to * (%s); i++) {\n", cut->row, cut->row);
    return 1;
  }
  if (!cut->columns) return 0;
  oi_text_put(to, "  for (int64_t i0 = 0; i0 < %s; i0++) {\n",
              oi_emit_span_text(f->e, f->out, 0, f->out->rank ? f->out->rank - 1 : 0));
  oi_text_put(to, "    for (int64_t i1 = from; i1 < to; i1++) {\n");
  oi_text_put(to, "      const int64_t i = i0 * (%s) + i1;\n", cut->columns);
  return 2;
}

static bool is_read_behind(const fused *f, uint32_t param, uint32_t main) {
  for (uint32_t id = f->r->first; id; id = oi_node_at(f->e->g, id)->next)
    for (uint32_t i = 0; i < oi_node_at(f->e->g, id)->n_in; i++)
      if (id != main && oi_node_at(f->e->g, id)->in[i] == f->r->params[param]) return true;
  return false;
}

// As oi_emit_begin, with those operands alone that the elements read.
static void begin_behind(const fused *f, uint32_t main) {
  char name[96];
  oi_text_put(&f->e->out,
              "static void K(%s)(const call *c, int64_t from, int64_t to, int worker) {\n"
              "  const dims *d = c->d;\n",
              oi_emit_kernel_name(f->e, (uint32_t)(f->n - f->e->g->nodes.at), name));
  for (uint32_t i = 0; i < f->r->n_params; i++)
    if (is_read_behind(f, i, main))
      oi_text_put(&f->e->out, "  const %s *restrict x%u = c->in[%u];\n",
                  oi_emit_dtype_of(type_of(f, f->r->params[i])->dtype)->type, i, i);
  oi_text_put(&f->e->out, "  float *out = c->out[0];\n  (void)d;\n");
}

// The head's own kernel, then a loop over what it has written. Where its cut does not tell what
// that is, the whole is one unit.
static oinf_status put_main(fused *f, uint32_t main, oi_emit_cut *cut) {
  char name[96];
  oi_emit_cut own;
  OI_TRY(oi_emit_kernel(f->e, main, &own));
  const bool told = own.row || own.columns;
  oi_text_put(&f->e->out, "\n");
  put_head(f, main);
  begin_behind(f, main);
  oi_emit_kernel_name(f->e, main, name);
  if (told) oi_text_put(&f->e->out, "  K(%s)(c, from, to, worker);\n", name);
  else oi_text_put(&f->e->out, "  K(%s)(c, 0, %s, worker);\n", name, own.units);
  *cut = own;
  if (own.ready && !own.ready_of) cut->ready_of = main;
  if (told) f->depth = begin_written(f, &own);
  else {
    cut->units = "1", cut->tiled = -1;
    oi_text_put(&f->e->out, "  (void)from, (void)to;\n  for (int64_t i = 0; i < %s; i++) {\n",
                oi_emit_span_text(f->e, f->out, 0, f->out->rank));
    f->depth = 1;
  }
  return OINF_OK;
}

static oinf_status put_nodes(const fused *f, uint32_t main) {
  bool loaded[OI_FUSE_OPERANDS + 1] = {false};
  uint32_t number = 0;
  for (uint32_t id = f->r->first; id; id = oi_node_at(f->e->g, id)->next, number++) {
    if (id != main) OI_TRY(put_node(f, id, number, loaded));
    else {
      oi_emit_indent(f->e, f->depth);
      oi_text_put(&f->e->out, "const float v%u = out[i];\n", number);
    }
  }
  return OINF_OK;
}

static void put_all_attributes(const fused *f) {
  uint32_t number = 0;
  for (uint32_t id = f->r->first; id; id = oi_node_at(f->e->g, id)->next, number++) {
    const oi_node *n = oi_node_at(f->e->g, id);
    char suffix[16];
    oi_elements w;
    snprintf(suffix, sizeof suffix, "_%u", number);
    if (oi_emit_elements_of(f->e, n, &w)) oi_emit_attributes(f->e, n, &w, suffix);
  }
}

oinf_status oi_emit_fused(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  fused f = {.e = e, .n = n, .r = &e->g->regions.at[n->sub[0]]};
  const uint32_t main = oi_fused_main(e->g, (uint32_t)(n - e->g->nodes.at));
  char name[16];
  f.out = type_of(&f, n->out[0]);
  f.flat = is_flat(&f);
  if (main) OI_TRY(put_main(&f, main, cut));
  else put_head(&f, 0), oi_emit_begin(e, n);
  put_all_attributes(&f);
  if (!main) f.depth = oi_emit_begin_places(e, f.out, f.flat, cut);
  OI_TRY(put_nodes(&f, main));
  name_of(&f, f.r->yields[0], name);
  oi_emit_indent(e, f.depth);
  oi_text_put(&e->out, "out[");
  if (f.flat || main) oi_text_put(&e->out, "i");
  else oi_emit_place(e, f.out);
  oi_text_put(&e->out, "] = %s;\n", name);
  oi_emit_end_axes(e, f.depth, 0);
  oi_text_put(&e->out, "}\n");
  return OINF_OK;
}
