// Dims and types of a graph: symbols, expressions over them, what a shape may be, and conditions.
//
// What bounds decide is decided while the graph is built: a shape that cannot be is a mistake at
// the call that makes it. What only a step knows is kept as a condition, and checked before it
// runs.
#include "lib/graph_build.h"

#include <stdio.h>
#include <string.h>

oi_dim_text oi_dim_words(oinf_graph *g, oinf_dim d) {
  oi_dim_text out = {"?"};
  oi_text text;
  oi_text_init(&text, g->ctx);
  if (d == OINF_INFER) oi_text_put(&text, "infer");
  else if (d == OI_DIM_BAD) oi_text_put(&text, "a dim that cannot be");
  else oi_dims_print(g->dims, d, &text);
  if (text.at) snprintf(out.at, sizeof out.at, "%s", text.at);
  oi_text_free(&text);
  return out;
}

oi_type_text oi_type_words(oinf_graph *g, const oi_type *type) {
  oi_type_text out = {"?"};
  oi_text text;
  oi_text_init(&text, g->ctx);
  oi_type_print(g->dims, type, &text);
  if (text.at) snprintf(out.at, sizeof out.at, "%s", text.at);
  oi_text_free(&text);
  return out;
}

bool oi_type_equal(const oi_type *a, const oi_type *b) {
  return a->dtype == b->dtype && a->rank == b->rank &&
         memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0;
}

bool oi_dim_usable(oinf_graph *g, oinf_dim d, const char *what, oi_where at) {
  if (oi_dims_valid(g->dims, d)) return true;
  const char *why = oi_dim_is_expr(d) ? "speaks of a loop that has ended, or is of another graph"
                                      : "cannot be: it overflows, or is too long an expression";
  oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: a dim %s", what, why);
  return false;
}

// Ops of a block say the same again and again; a look at the last few finds it. Only in the same
// region, as what stands in a branch need not hold where its other side runs.
static bool is_kept(const oinf_graph *g, const oi_condition *c) {
  size_t n = g->conditions.n;
  for (size_t i = n; i-- > 0 && n - i <= 16;) {
    const oi_condition *k = &g->conditions.at[i];
    bool here = k->node >= g->nodes.n || g->nodes.at[k->node].region == oi_open_region(g);
    if (here && k->a == c->a && k->b == c->b && k->at_most == c->at_most) return true;
  }
  return false;
}

bool oi_condition_add(oinf_graph *g, oinf_dim a, oinf_dim b, bool at_most, const char *what,
                      uint32_t node) {
  if (a == b) return true;
  oinf_dim diff = oi_dims_sub(g->dims, a, b);
  int64_t lo, hi;
  oi_dims_bounds(g->dims, diff, NULL, NULL, &lo, &hi);
  if (diff == OI_DIM_BAD) lo = INT64_MIN, hi = INT64_MAX;
  if (lo > 0 || (!at_most && hi < 0)) return false;
  if (hi <= 0 && (at_most || lo == 0)) return true;
  if (is_kept(g, &(oi_condition){a, b, at_most, what, node})) return true;
  oi_condition *c = oi_vec_push(g->ctx, &g->conditions);
  if (!c) return oi_graph_nomem(g), false;
  *c = (oi_condition){a, b, at_most, what, node};
  return true;
}

bool oi_type_check(oinf_graph *g, const oi_type *type, const char *what, oi_where at) {
  if (type->rank > OINF_MAX_RANK || oinf_dtype_block_bytes(type->dtype) == 0) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                     "%s: a value has a dtype and at most %d dims, found %s of rank %u", what,
                     OINF_MAX_RANK, oinf_dtype_name(type->dtype), type->rank);
    return false;
  }
  for (uint32_t i = 0; i < type->rank; i++) {
    int64_t lo, hi;
    if (!oi_dim_usable(g, type->dim[i], what, at)) return false;
    oi_dims_bounds(g->dims, type->dim[i], NULL, NULL, &lo, &hi);
    if (hi < 0 || lo > OI_DIM_LIMIT) {
      oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "%s: dim %u is %s, expected 0 to 2^40",
                       what, i, oi_dim_words(g, type->dim[i]).at);
      return false;
    }
    if (lo < 0)
      oi_condition_add(g, 0, type->dim[i], true, "a length is not negative", (uint32_t)g->nodes.n);
  }
  return true;
}

// The result of a maker of dims; a mistake where it is none. What was none before is not said
// again.
static oinf_dim dim_made(oinf_graph *g, oinf_dim d, oinf_dim a, oinf_dim b, const char *op,
                         oi_where at) {
  if (d == OI_DIM_BAD)
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                     "oinf_dim_%s of %s and %s: no such dim, or too large", op,
                     oi_dim_words(g, a).at, oi_dim_words(g, b).at);
  return d;
}
#define DIM_MAKER(op)                                                                            \
  oinf_dim oi_dim_##op##_at(oinf_graph *g, oinf_dim a, oinf_dim b, const char *file, int line) { \
    oi_where at = {file, line};                                                                  \
    if (oi_poisoned(g) || !oi_dim_usable(g, a, "oinf_dim_" #op, at) ||                           \
        !oi_dim_usable(g, b, "oinf_dim_" #op, at))                                               \
      return OI_DIM_BAD;                                                                         \
    return dim_made(g, oi_dims_##op(g->dims, a, b), a, b, #op, at);                              \
  }
DIM_MAKER(add)
DIM_MAKER(sub)
DIM_MAKER(mul)
DIM_MAKER(div)
DIM_MAKER(mod)
DIM_MAKER(min)
DIM_MAKER(max)

oinf_dim oi_sym_new(oinf_graph *g, const char *name, oinf_dim lo, oinf_dim hi, const char *file,
                    int line) {
  return oi_sym_add(g, name, lo, hi, (oi_where){file, line});
}

static bool bounds_turned(oinf_graph *g, oinf_dim lo, oinf_dim hi) {
  int64_t least, most, unused;
  oi_dims_bounds(g->dims, lo, NULL, NULL, &least, &unused);
  oi_dims_bounds(g->dims, hi, NULL, NULL, &unused, &most);
  return least > most;
}

oinf_dim oi_sym_add(oinf_graph *g, const char *name, oinf_dim lo, oinf_dim hi, oi_where at) {
  if (oi_poisoned(g)) return OI_DIM_BAD;
  const char *why = NULL;
  if (!name || !oi_is_identifier(name) || strlen(name) > 32)
    why = "a symbol's name is a short identifier";
  else if (strcmp(name, "infer") == 0) why = "the name is taken by the text";
  else if (oi_dims_find(g->dims, name) >= 0) why = "the name is taken";
  else if (!oi_dims_valid(g->dims, lo) || !oi_dims_valid(g->dims, hi))
    why = "its bounds are no dims";
  else if (bounds_turned(g, lo, hi)) why = "its bounds are the wrong way round";
  oinf_dim d = why ? OI_DIM_BAD : oi_dims_sym(g->dims, name, lo, hi, false);
  if (d == OI_DIM_BAD)
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "symbol '%.64s': %s", name ? name : "",
                     why ? why : "too many symbols");
  return d;
}
