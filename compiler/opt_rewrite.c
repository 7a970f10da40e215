// Algebraic rewrites: the rows of rewrites.def, tried at each node in the order of the graph, so
// that operands are as simple as they get before a node is looked at; a node that was made by a row
// is tried again, a bounded number of times. A pattern is read as it is matched: it is shorter than
// any tree made of it would be.
#include "compiler/passes.h"

#include <stdlib.h>
#include <string.h>

#include "lib/op_move.h"

#include <oinf/ops.h>

enum {
  MOST_TURNS = 8,
  LETTERS = 26
};

typedef struct match {
  const oi_pass *p;
  uint32_t letter[LETTERS];  // the value that x stands for
} match;

// ---- patterns ----

static size_t word_size(const char *at) {
  size_t n = 0;
  while ((at[n] >= 'a' && at[n] <= 'z') || (at[n] >= '0' && at[n] <= '9') || at[n] == '_') n++;
  return n;
}

static const char *skip_spaces(const char *at) {
  while (*at == ' ' || *at == ',') at++;
  return at;
}

static bool is_number(const char *at) { return *at == '-' || (*at >= '0' && *at <= '9'); }

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

// The pattern at *at matches the value; *at moves behind it.
static bool match_value(match *m, const char **at, uint32_t value);

static bool match_number(const match *m, const char **at, uint32_t value) {
  char *end;
  double have;
  const double want = strtod(*at, &end);
  *at = end;
  return oi_pass_splat(m->p->g, value, &have) && same_bits(have, want);
}

static bool match_letter(match *m, const char **at, uint32_t value) {
  uint32_t *of = &m->letter[*(*at)++ - 'a'];
  if (!*of) *of = value;
  return *of == value;
}

static bool match_op(match *m, const char **at, size_t size, uint32_t value) {
  const oi_value *v = oi_val_at(m->p->g, value);
  const oi_node *n = v->node && !v->index ? oi_node_at(m->p->g, v->node) : NULL;
  if (!n || n->op != (uint32_t)oi_op_find(*at, size)) return false;
  *at += size + 1;
  for (uint32_t i = 0; i < n->n_in; i++) {
    *at = skip_spaces(*at);
    if (**at == ')' || !match_value(m, at, n->in[i])) return false;
  }
  return *(*at)++ == ')';
}

static bool match_value(match *m, const char **at, uint32_t value) {
  const size_t size = word_size(*at);
  if (is_number(*at)) return match_number(m, at, value);
  return size == 1 ? match_letter(m, at, value) : match_op(m, at, size, value);
}

// ---- results ----

static uint32_t constant_like(oinf_graph *g, const oi_type *t, double x) {
  oinf_fill_args args = {
      .dtype = t->dtype == OINF_F32 ? OINF_NONE : t->dtype, .value = x, .shape = {.n = t->rank}};
  memcpy(args.shape.d, t->dim, t->rank * sizeof t->dim[0]);
  if (!t->rank) return oi_num_add(g, x, t->dtype, (oi_where){0});
  return oi_build_list(g, OP_fill, &args, NULL, 0, NULL, 0).id;
}

// The value that the text says; 0: the graph is poisoned. `type` is that of the whole.
static uint32_t build(match *m, const char **at, const oi_type *type) {
  static const oinf_fill_args none;  // ops of results have no attributes, or all at their defaults
  oinf_graph *g = m->p->g;
  const size_t size = word_size(*at);
  uint32_t in[3] = {0}, n = 0;
  if (is_number(*at)) {
    char *end;
    const double x = strtod(*at, &end);
    return *at = end, constant_like(g, type, x);
  }
  if (size == 1) return m->letter[*(*at)++ - 'a'];
  const oi_op op = oi_op_find(*at, size);
  for (*at = skip_spaces(*at + size + 1); **at != ')' && n < 3; *at = skip_spaces(*at))
    in[n++] = build(m, at, type);
  ++*at;
  return oi_build_list(g, op, &none, in, n, NULL, 0).id;
}

// ---- rows whose attributes decide: the value that stands for the node's, 0 for none ----

static uint32_t do_same_type(oi_pass *p, const oi_node *n) {
  if (n->n_in != 1) return 0;
  const oi_type *a = &oi_val_at(p->g, n->in[0])->type, *b = &oi_val_at(p->g, n->out[0])->type;
  return oi_type_equal(a, b) ? n->in[0] : 0;
}

static uint32_t do_slice(oi_pass *p, const oi_node *n) {
  const oinf_slice_args *args = n->args;
  return args->step == 0 || args->step == 1 ? do_same_type(p, n) : 0;
}

static const oi_node *maker(const oi_pass *p, uint32_t value) {
  const oi_value *v = oi_val_at(p->g, value);
  return v->node && !v->index ? oi_node_at(p->g, v->node) : NULL;
}

static uint32_t do_reshape(oi_pass *p, const oi_node *n) {
  const oi_type *t = &oi_val_at(p->g, n->out[0])->type;
  const oi_node *from = maker(p, n->in[0]);
  oinf_reshape_args args = {.shape = {.n = t->rank}};
  if (!from || (from->op != OP_reshape && from->op != OP_squeeze && from->op != OP_unsqueeze))
    return 0;
  memcpy(args.shape.d, t->dim, t->rank * sizeof t->dim[0]);
  const uint32_t x = from->in[0];
  if (oi_type_equal(t, &oi_val_at(p->g, x)->type)) return x;
  return oi_build_list(p->g, OP_reshape, &args, &x, 1, NULL, 0).id;
}

static uint32_t do_permute(oi_pass *p, const oi_node *n) {
  const uint32_t rank = oi_val_at(p->g, n->out[0])->type.rank;
  const oinf_permute_args *args = n->args;
  const oi_node *from = maker(p, n->in[0]);
  oinf_permute_args whole = {.axes = {.n = rank}};
  const oinf_permute_args *before = from && from->op == OP_permute ? from->args : NULL;
  bool straight = true;
  for (uint32_t i = 0; i < rank; i++) {
    const uint32_t axis = oi_axis(args->axes.d[i], rank);
    whole.axes.d[i] = before ? oi_axis(before->axes.d[axis], rank) : axis;
    straight = straight && whole.axes.d[i] == i;
  }
  const uint32_t x = before ? from->in[0] : n->in[0];
  if (straight) return x;
  return before ? oi_build_list(p->g, OP_permute, &whole, &x, 1, NULL, 0).id : 0;
}

// Does every number of dtype a have its own in b, so that going there and back changes nothing?
static bool widens(oinf_dtype a, oinf_dtype b) {
  const uint32_t x = oinf_dtype_block_bytes(a), y = oinf_dtype_block_bytes(b);
  const oi_class from = oi_dtype_class(a), to = oi_dtype_class(b);
  if (from == to && (from == OI_S || from == OI_U)) return x <= y;
  if (from == OI_U && to == OI_S) return x < y;
  if (from == OI_B) return to != OI_B;
  if (a == OINF_F16 || a == OINF_BF16) return b == OINF_F32 || b == OINF_F64;
  if (a == OINF_F32) return b == OINF_F64;
  return (from == OI_S || from == OI_U) && ((b == OINF_F32 && x <= 2) || (b == OINF_F64 && x <= 4));
}

// cast(cast(x, wide), to) is cast(x, to): wide held all of x. Of the same dtype it is x itself, but
// for floats, whose cast also makes NaN canonical.
static uint32_t do_cast(oi_pass *p, const oi_node *n) {
  const oi_node *from = maker(p, n->in[0]);
  oinf_cast_args args = *(const oinf_cast_args *)n->args;
  const oi_type *in = &oi_val_at(p->g, n->in[0])->type;
  if (args.to == in->dtype && oi_dtype_class(args.to) & (OI_S | OI_U | OI_B)) return n->in[0];
  if (!from || from->op != OP_cast || oi_dtype_class(in->dtype) == OI_B) return 0;
  const oinf_dtype first = oi_val_at(p->g, from->in[0])->type.dtype;
  // Integers wrap or saturate by the dtype they come from, bool asks for 0: only floats go on.
  if (!widens(first, in->dtype) || oi_dtype_class(args.to) != OI_F) return 0;
  if (oi_dtype_class(first) != OI_F || first == args.to) return 0;
  return oi_build_list(p->g, OP_cast, &args, from->in, 1, NULL, 0).id;
}

// A power of two whose reciprocal is one, both normal.
static bool is_power(double x, oinf_dtype dtype) {
  int most = dtype == OINF_F64 ? 1021 : 125;
  double power = 1;
  if (x < 0) x = -x;
  for (int i = 0; i <= most; i++, power *= 2)
    if (x == power || x * power == 1) return true;
  return false;
}

// And any number that is normal, as its reciprocal is.
static bool is_normal(double x, oinf_dtype dtype) {
  const double most = dtype == OINF_F64 ? 0x1p1021 : 0x1p125;
  if (x < 0) x = -x;
  return x <= most && x >= 1 / most;
}

// x / c as x * (1 / c).
static uint32_t by_reciprocal(oi_pass *p, const oi_node *n, bool (*fits)(double, oinf_dtype)) {
  double x;
  const oi_type *t = &oi_val_at(p->g, n->in[1])->type;
  if (t->dtype != OINF_F32 && t->dtype != OINF_F64) return 0;
  if (!oi_pass_splat(p->g, n->in[1], &x) || !fits(x, t->dtype)) return 0;
  if (oi_dtype_class(oi_val_at(p->g, n->in[0])->type.dtype) == OI_D && t->dtype != OINF_F64)
    return 0;
  const oi_type type = *t;
  uint32_t in[2] = {n->in[0], 0};
  in[1] = constant_like(p->g, &type, 1 / x);
  static const oinf_mul_args none;
  return in[1] ? oi_build_list(p->g, OP_mul, &none, in, 2, NULL, 0).id : 0;
}
static uint32_t do_div_power(oi_pass *p, const oi_node *n) { return by_reciprocal(p, n, is_power); }
static uint32_t do_div_constant(oi_pass *p, const oi_node *n) {
  return by_reciprocal(p, n, is_normal);
}

// Of what the op computes in: f64 where an operand is, as everywhere.
static unsigned class_of(const oinf_graph *g, const oi_node *n) {
  unsigned class = 0;
  for (uint32_t i = n->op == OP_where ? 1 : 0; i < n->n_in; i++) {
    const oi_class c = oi_dtype_class(oi_val_at(g, n->in[i])->type.dtype);
    if (!class || c == OI_D) class = c;
  }
  return class;
}

// The operand of a product that is a number everywhere; 2: neither is.
static uint32_t constant_of(const oi_pass *p, const oi_node *n, double *out) {
  for (uint32_t i = 0; i < 2; i++)
    if (oi_pass_splat(p->g, n->in[i], out)) return i;
  return 2;
}

static uint32_t do_mul_constants(oi_pass *p, const oi_node *n) {
  double c, d;
  const uint32_t outer = class_of(p->g, n) == OI_F ? constant_of(p, n, &c) : 2;
  const oi_node *from = outer < 2 ? maker(p, n->in[1 - outer]) : NULL;
  const uint32_t inner = from && from->op == OP_mul ? constant_of(p, from, &d) : 2;
  if (inner == 2) return 0;
  const oi_type type = oi_val_at(p->g, n->in[outer])->type;
  if (type.dtype != OINF_F32 || oi_val_at(p->g, from->in[inner])->type.dtype != OINF_F32 ||
      !is_normal(c, OINF_F32) || !is_normal(d, OINF_F32) || !is_normal(c * d, OINF_F32))
    return 0;
  uint32_t in[2] = {from->in[1 - inner], 0};
  in[1] = constant_like(p->g, &type, c * d);
  static const oinf_mul_args none;
  return in[1] ? oi_build_list(p->g, OP_mul, &none, in, 2, NULL, 0).id : 0;
}

// ---- the rows ----

typedef uint32_t do_fn(oi_pass *p, const oi_node *n);
typedef struct row {
  const char *name;
  bool exact;
  unsigned classes;
  const char *pattern, *result;
  oi_op op;
  do_fn *fn;
} row;
enum {
  F = OI_F,
  D = OI_D,
  S = OI_S,
  U = OI_U,
  B = OI_B,
  EXACT = 1,
  INEXACT = 0
};
static const row rows[] = {
#define ROW(name, exact, classes, pattern, result) \
  {#name, exact, classes, pattern, result, OP_NONE, NULL},
#define DO(name, exact, op, fn) {#name, exact, 0, NULL, NULL, OP_##op, fn},
#include "compiler/rewrites.def"
};
enum {
  N_ROWS = sizeof rows / sizeof *rows
};

size_t oi_rewrite_count(void) { return N_ROWS; }
const char *oi_rewrite_at(size_t i, bool *exact, const char **pattern, unsigned *classes) {
  *exact = rows[i].exact, *pattern = rows[i].pattern, *classes = rows[i].classes;
  return rows[i].name;
}

// Integers compute in the width of the wider operand: a row speaks of one width.
static bool one_width(const match *m, oinf_dtype dtype) {
  for (int i = 0; i < LETTERS; i++) {
    const uint32_t x = m->letter[i];
    const oinf_dtype have = x ? oi_val_at(m->p->g, x)->type.dtype : dtype;
    if (have != dtype && have != OINF_BOOL) return false;
  }
  return true;
}

// What was built in front of a node behind `before`, and cannot be used, goes again.
static void unbuild(oinf_graph *g, uint32_t before, uint32_t node) {
  while (oi_node_at(g, node)->prev != before) oi_node_remove(g, oi_node_at(g, node)->prev);
}

static uint32_t try_row(oi_pass *p, const row *r, uint32_t value) {
  const uint32_t id = oi_val_at(p->g, value)->node, before = oi_node_at(p->g, p->at)->prev;
  const oi_node *n = oi_node_at(p->g, id);
  const oi_type type = oi_val_at(p->g, value)->type;
  match m = {.p = p};
  const char *at = r->pattern, *result = r->result;
  uint32_t now = 0;
  if (r->fn) {
    if (n->op == (uint32_t)r->op) now = r->fn(p, n);
  } else {
    const unsigned class = class_of(p->g, n);
    if (!(class & r->classes) || !match_value(&m, &at, value)) return 0;
    if (class & (OI_S | OI_U) && !one_width(&m, type.dtype)) return 0;
    now = build(&m, &result, &type);
  }
  if (!now || p->g->mistake.status != OINF_OK) return 0;
  if (oi_type_equal(&oi_val_at(p->g, now)->type, &type)) return now;
  return unbuild(p->g, before, p->at), 0;  // a constant or a condition made it larger
}

// The value that stands for this one, after as many rows as apply.
static oinf_status simplify(oi_pass *p, uint32_t *value) {
  for (int turn = 0; turn < MOST_TURNS; turn++) {
    uint32_t now = 0;
    for (size_t i = 0; i < N_ROWS && !now; i++) {
      if (!rows[i].exact && !p->options->inexact) continue;
      if (!oi_val_at(p->g, *value)->node) return OINF_OK;
      now = try_row(p, &rows[i], *value);
      if (!now) continue;
      if (!oi_pass_may_replace(p, *value, now)) return OINF_OK;
      oi_text_put(&p->said, "rewrite: %s\n", rows[i].name);
    }
    if (!now || p->g->mistake.status != OINF_OK) return OINF_OK;
    p->changes++;
    OI_TRY(oi_pass_replace(p, *value, now));
    *value = now;
  }
  return OINF_OK;
}

static oinf_status visit(oi_pass *p, uint32_t id) {
  const oi_node *n = oi_node_at(p->g, id);
  if (n->op == OP_NONE || n->op >= OP_COUNT || n->n_out != 1) return OINF_OK;
  uint32_t value = n->out[0];
  OI_TRY(simplify(p, &value));
  if (value != oi_node_at(p->g, id)->out[0]) oi_node_remove(p->g, id);
  return OINF_OK;
}

oinf_status oi_opt_rewrite(oi_pass *p) { return oi_pass_walk(p, visit); }
