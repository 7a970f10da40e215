// The canonical text of a graph: what packages store and `oinf-info --graph` shows.
//
//   text        = "oinf-graph 1" "graph" string { declaration } { statement } { output }
//   declaration = "sym" name dim dim                      bounds, included
//               | "op" name arity string [string]         a user's op: its C body, its GLSL body
//               | "state" name type
//               | "in" name type hints
//               | "variant" name symbol number
//   statement   = value { value } "=" op { value } [attrs] ":" said { "," said }
//               | "loop" name "0" trips [carry] { statement } "next" { value } [results]
//               | "if" value [carry] { statement } "give" { value }
//                 "else" { value marks } { statement } "give" { value } [results]
//   carry       = "carry" carried { "," carried }         carried = value "=" value ":" said
//   results     = "->" value marks { "," value marks }
//   output      = "out" string value
//   attrs       = "{" key "=" attr { "," key "=" attr } "}"
//   attr        = number | dim | "true" | dtype | string | dims
//   said        = type marks         type = dtype dims    dims = "[" [ dim { "," dim } ] "]"
//   marks       = [string] hints     hints = ["role" name] ["fuse" ("never" | "always")]
//   value       = "%" number | name of an input
//
// A statement is a line, its parts in one; "next", "give", "else" begin lines of their own. Depth
// is shown by two spaces a level, which a reader skips. Dims stand in dims_text.c, and "infer" for
// what a reshape finds. Attributes that are at their default are left out, the others stand in the
// order of the op's row. A carried value names what it is inside. The ops beside those of ops.def:
//   weight "name"    num 0.5    sym_value P+T    user scale_shift %1
//   state_write k %1 { layer = l, at = P }    state_read k { layer = l, rows = P+T }
// A name is bare where it is an identifier, else a string; in strings stand \" and \\, and \xNN for
// what is not plain ASCII. Empty lines, and lines that begin with #, are skipped.
//
// Values are numbered in the order in which they are printed; inputs have no number. The builder
// appends in that order and the parser builds in the order of the text, so printing what was parsed
// gives the same text. Types are printed though they could be inferred: a reader sees them, and the
// parser holds them against what it infers. Conditions are not: building finds them again.
#include "lib/graph_build.h"
#include "lib/number.h"

#include <string.h>

typedef struct printer {
  oinf_graph *g;
  oi_text *out;
  int depth;
} printer;

static void put(const printer *p, const char *text) { oi_text_add(p->out, text, strlen(text)); }
static void put_dim(const printer *p, oinf_dim d) {
  if (d == OINF_INFER) put(p, "infer");
  else oi_dims_print(p->g->dims, d, p->out);
}
static void put_type(const printer *p, const oi_type *t) { oi_type_print(p->g->dims, t, p->out); }
static void put_string(const printer *p, const char *text) {
  put(p, "\"");
  oi_text_escape(p->out, text, strlen(text));
  put(p, "\"");
}
static void put_name(const printer *p, const char *name) {
  if (oi_is_identifier(name)) put(p, name);
  else put_string(p, name);
}
static void indent(const printer *p) {
  for (int i = 0; i <= p->depth; i++) put(p, "  ");
}

static void put_value(const printer *p, uint32_t id) {
  const oi_value *v = oi_val_at(p->g, id);
  if (v->node && oi_node_at(p->g, v->node)->op == OP_INPUT) {
    put_name(p, v->name);
    return;
  }
  const uint32_t number = oi_value_number(p->g, id);
  if (number == OI_NO_NUMBER) p->out->failed = true;  // memory for the numbers lacks
  else oi_text_put(p->out, "%%%u", number);
}
static void put_values(const printer *p, const uint32_t *ids, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) {
    put(p, " ");
    put_value(p, ids[i]);
  }
}

// ---- marks and attributes ----

const char *oi_role_name(oinf_role role) {
  static const char *const names[] = {
#define R(NAME, name, doc) [OINF_##NAME] = name,
#include "lib/roles.def"
#undef R
  };
  return (unsigned)role < sizeof names / sizeof *names && names[role] ? names[role] : "";
}

static void put_marks(const printer *p, uint32_t id) {
  const oi_value *v = oi_val_at(p->g, id);
  bool is_input = v->node && oi_node_at(p->g, v->node)->op == OP_INPUT;
  if (v->name && !is_input) {
    put(p, " ");
    put_string(p, v->name);
  }
  if (*oi_role_name(v->hint.role)) oi_text_put(p->out, " role %s", oi_role_name(v->hint.role));
  if (v->hint.fuse) put(p, v->hint.fuse == OINF_NEVER ? " fuse never" : " fuse always");
}

static void put_dims(const printer *p, const oinf_dims *dims) {
  put(p, "[");
  for (uint32_t i = 0; i < dims->n; i++) {
    if (i) put(p, ", ");
    put_dim(p, dims->d[i]);
  }
  put(p, "]");
}

static bool is_default(const oi_attr_info *attr, const char *field) {
  static const oinf_dims none;
  switch (attr->type) {
    case OI_ATTR_TEXT: return !*(const char *const *)field || !**(const char *const *)field;
    case OI_ATTR_DIMS: return ((const oinf_dims *)field)->n == 0;
    default: return memcmp(field, &none, oi_attr_size(attr->type)) == 0;  // -0.0 is no default
  }
}

static void put_attr(const printer *p, const oi_attr_info *attr, const char *field) {
  switch (attr->type) {
    case OI_ATTR_F64: oi_number_print(*(const double *)field, p->out); break;
    case OI_ATTR_I64: oi_text_put(p->out, "%lld", (long long)*(const int64_t *)field); break;
    case OI_ATTR_FLAG: put(p, "true"); break;
    case OI_ATTR_DTYPE: put(p, oinf_dtype_name(*(const oinf_dtype *)field)); break;
    case OI_ATTR_DIM: put_dim(p, *(const oinf_dim *)field); break;
    case OI_ATTR_DIMS: put_dims(p, (const oinf_dims *)field); break;
    default: put_string(p, *(const char *const *)field);
  }
}

static void put_key(const printer *p, bool *open, const char *key) {
  put(p, *open ? ", " : " { ");
  put(p, key);
  put(p, " = ");
  *open = true;
}

static void put_attrs(const printer *p, const oi_node *n) {
  const oi_op_info *info = oi_op_info_of((oi_op)n->op);
  bool open = false;
  for (uint32_t i = 0; i < info->n_attrs; i++) {
    const char *field = (const char *)n->args + info->attrs[i].offset;
    if (is_default(&info->attrs[i], field)) continue;
    put_key(p, &open, info->attrs[i].name);
    put_attr(p, &info->attrs[i], field);
  }
  if (open) put(p, " }");
}

static void put_state_attrs(const printer *p, const oi_node *n) {
  bool open = false;
  if (n->a != OINF_NO_LAYER) {
    put_key(p, &open, "layer");
    put_dim(p, n->a);
  }
  if (n->b != 0) {
    put_key(p, &open, n->op == OP_STATE_WRITE ? "at" : "rows");
    put_dim(p, n->b);
  }
  if (open) put(p, " }");
}

// ---- statements ----

static void put_region(printer *p, uint32_t region);

static void put_plain(const printer *p, const oi_node *n) {
  indent(p);
  for (uint32_t i = 0; i < n->n_out; i++) {
    put_value(p, n->out[i]);
    put(p, " ");
  }
  oi_text_put(p->out, "= %s", oi_kind_name(n->op));
  switch (n->op) {
    case OP_WEIGHT: put(p, " "), put_string(p, n->text); break;
    case OP_NUM: put(p, " "), oi_number_print(n->number, p->out); break;
    case OP_SYM_VALUE: put(p, " "), put_dim(p, n->a); break;
    case OP_STATE_READ:
    case OP_STATE_WRITE: put(p, " "), put_name(p, p->g->states.at[n->state].name); break;
    case OP_USER: put(p, " "), put_name(p, n->text); break;
    default: break;
  }
  put_values(p, n->in, n->n_in);
  if (n->op == OP_STATE_READ || n->op == OP_STATE_WRITE) put_state_attrs(p, n);
  else if (n->op < OP_INPUT) put_attrs(p, n);
  for (uint32_t i = 0; i < n->n_out; i++) {
    put(p, i ? ", " : " : ");
    put_type(p, &oi_val_at(p->g, n->out[i])->type);
    put_marks(p, n->out[i]);
  }
  put(p, "\n");
}

static void put_carried(const printer *p, const oi_region *r, const uint32_t *start) {
  for (uint32_t i = 0; i < r->n_params; i++) {
    put(p, i ? ", " : " carry ");
    put_value(p, r->params[i]);
    put(p, " = ");
    put_value(p, start[i]);
    put(p, " : ");
    put_type(p, &oi_val_at(p->g, r->params[i])->type);
    put_marks(p, r->params[i]);
  }
  put(p, "\n");
}

static void put_end(const printer *p, const char *word, const oi_region *r, const uint32_t *out,
                    uint32_t n_out) {
  indent(p);
  put(p, word);
  put_values(p, r->yields, r->n_yields);
  for (uint32_t i = 0; i < n_out; i++) {
    put(p, i ? ", " : " -> ");
    put_value(p, out[i]);
    put_marks(p, out[i]);
  }
  put(p, "\n");
}

static void put_loop(printer *p, const oi_node *n) {
  const oi_region *body = &p->g->regions.at[n->sub[0]];
  indent(p);
  oi_text_put(p->out, "loop %s 0 %lld", oi_dims_sym_at(p->g->dims, n->loop_sym)->name,
              (long long)n->trips);
  put_carried(p, body, n->in);
  p->depth++;
  put_region(p, n->sub[0]);
  put_end(p, "next", body, n->out, n->n_out);
  p->depth--;
}

static void put_if(printer *p, const oi_node *n) {
  const oi_region *a = &p->g->regions.at[n->sub[0]], *b = &p->g->regions.at[n->sub[1]];
  indent(p);
  put(p, "if");
  put_values(p, n->in, 1);
  put_carried(p, a, n->in + 1);
  p->depth++;
  put_region(p, n->sub[0]);
  put_end(p, "give", a, NULL, 0);
  p->depth--;
  indent(p);
  put(p, "else");
  for (uint32_t i = 0; i < b->n_params; i++) {
    put_values(p, &b->params[i], 1);
    put_marks(p, b->params[i]);
  }
  put(p, "\n");
  p->depth++;
  put_region(p, n->sub[1]);
  put_end(p, "give", b, n->out, n->n_out);
  p->depth--;
}

// Not of the canonical text: no file holds it, and no reader takes it.
static void put_fused(printer *p, const oi_node *n) {
  const oi_region *r = &p->g->regions.at[n->sub[0]];
  indent(p);
  put(p, "fused");
  put_carried(p, r, n->in);
  p->depth++;
  put_region(p, n->sub[0]);
  put_end(p, "give", r, n->out, n->n_out);
  p->depth--;
}

static void put_region(printer *p, uint32_t region) {
  for (uint32_t i = p->g->regions.at[region].first; i; i = p->g->nodes.at[i].next) {
    const oi_node *n = oi_node_at(p->g, i);
    if (n->op == OP_LOOP) put_loop(p, n);
    else if (n->op == OP_IF) put_if(p, n);
    else if (n->op == OP_FUSED) put_fused(p, n);
    else if (n->op != OP_INPUT) put_plain(p, n);
  }
}

// ---- the whole ----

static void put_symbols(const printer *p) {
  for (size_t i = 0; i < oi_dims_sym_count(p->g->dims); i++) {
    const oi_sym *s = oi_dims_sym_at(p->g->dims, i);
    if (s->is_loop) continue;
    oi_text_put(p->out, "  sym %s ", s->name);
    put_dim(p, s->lo);
    put(p, " ");
    put_dim(p, s->hi);
    put(p, "\n");
  }
}

static void put_port(const printer *p, const char *word, const char *name, const oi_type *type) {
  oi_text_put(p->out, "  %s ", word);
  put_name(p, name);
  put(p, " ");
  put_type(p, type);
}

static void put_declarations(const printer *p) {
  put_symbols(p);
  for (size_t i = 0; i < p->g->user_ops.n; i++) {
    const oinf_user_op *op = &p->g->user_ops.at[i];
    oi_text_put(p->out, "  op %s %u ", op->name, op->arity);
    put_string(p, op->c_body);
    if (op->glsl_body) put(p, " "), put_string(p, op->glsl_body);
    put(p, "\n");
  }
  for (size_t i = 0; i < p->g->states.n; i++) {
    put_port(p, "state", p->g->states.at[i].name, &p->g->states.at[i].type);
    put(p, "\n");
  }
  for (size_t i = 0; i < p->g->inputs.n; i++) {
    const oi_value *v = oi_val_at(p->g, p->g->inputs.at[i]);
    put_port(p, "in", v->name, &v->type);
    put_marks(p, p->g->inputs.at[i]);
    put(p, "\n");
  }
  for (size_t i = 0; i < p->g->variants.n; i++) {
    const oi_variant_decl *v = &p->g->variants.at[i];
    put(p, "  variant ");
    put_name(p, v->name);
    oi_text_put(p->out, " %s %lld\n", oi_dims_sym_at(p->g->dims, v->sym)->name,
                (long long)v->value);
  }
}

oinf_status oi_graph_print(oinf_graph *g, oi_text *out) {
  printer p = {g, out, 0};
  put(&p, "oinf-graph 1\ngraph ");
  put_string(&p, g->name);
  put(&p, "\n");
  put_declarations(&p);
  put_region(&p, 0);
  for (size_t i = 0; i < g->outputs.n; i++) {
    put(&p, "  out ");
    put_string(&p, g->outputs.at[i].name);
    put_values(&p, &g->outputs.at[i].value, 1);
    put(&p, "\n");
  }
  return out->failed ? oi_nomem(oi_ctx_err(g->ctx), out->n) : OINF_OK;
}

const char *oinf_graph_text(oinf_graph *g) {
  g->text.n = 0, g->text.failed = false;
  if (oinf_graph_check(g) != OINF_OK || oi_graph_print(g, &g->text) != OINF_OK) return NULL;
  return g->text.at;
}

// ---- numbers of values ----

static uint32_t number_all(oinf_graph *g, const uint32_t *ids, uint32_t n, uint32_t next) {
  for (uint32_t i = 0; i < n; i++) g->numbers.at[ids[i]] = next++;
  return next;
}

// In the order of the printer: parameters before their region, results behind it.
static uint32_t number_region(oinf_graph *g, uint32_t region, uint32_t next) {
  const oi_region *r = &g->regions.at[region];
  next = number_all(g, r->params, r->n_params, next);
  for (uint32_t i = r->first; i; i = g->nodes.at[i].next) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op == OP_INPUT) continue;
    for (int s = 0; s < oi_kind_regions(n->op); s++)
      if (n->sub[s]) next = number_region(g, n->sub[s], next);
    next = number_all(g, n->out, n->n_out, next);
  }
  return next;
}

uint32_t oi_value_number(oinf_graph *g, uint32_t value) {
  if (!g->numbered) {
    g->numbers.n = 0;
    for (size_t i = 0; i < g->values.n; i++) {
      uint32_t *slot = oi_vec_push(g->ctx, &g->numbers);
      if (!slot) return OI_NO_NUMBER;
      *slot = OI_NO_NUMBER;
    }
    number_region(g, 0, 0);
    g->numbered = true;
  }
  return value < g->numbers.n ? g->numbers.at[value] : OI_NO_NUMBER;
}
