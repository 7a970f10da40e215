// Every invariant of a graph, in one pass.
//
// The builder refuses what is wrong as it is said; this pass is for what it cannot see at a call
// (names that meet after expansion) and for what passes and edits might break (order, types,
// regions). It believes nothing that the tables say of each other: ids are held against the tables'
// sizes before they are followed. It changes nothing.
#include "lib/graph_build.h"

#include <stdlib.h>
#include <string.h>

enum {
  MAX_LABELS = 1 << 22
};

typedef struct verifier {
  oinf_graph *g;
  oi_err *err;
  bool *known;  // by value: made before the place at hand
  uint32_t open[OI_MAX_DEPTH + 2], depth;
  uint64_t nodes_seen;
} verifier;

static oinf_status broken(verifier *v, uint32_t node, const char *what) {
  if (oi_dims_nomem(v->g->dims)) return oi_nomem(v->err, sizeof(oinf_dim));
  const oi_node *n = oi_node_at(v->g, node);
  const char *kind = node ? oi_kind_name(n->op) : "graph";
  return oi_fail(v->err, OINF_GRAPH, "%s: %s%s", kind, what, oi_where_words(n->file, n->line).at);
}

// ---- uses ----

static bool is_visible(const verifier *v, uint32_t value) {
  if (!value || value >= v->g->values.n || !v->known[value]) return false;
  for (uint32_t i = 0; i < v->depth; i++)
    if (v->open[i] == v->g->values.at[value].region) return true;
  return false;
}

static oinf_status check_uses(verifier *v, uint32_t node, const uint32_t *ids, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (!is_visible(v, ids[i]))
      return broken(v, node, "an operand is used before it is made, or outside its region");
  return OINF_OK;
}

static const oi_type *type_of(const verifier *v, uint32_t id) { return &v->g->values.at[id].type; }

static bool same_types(const verifier *v, const uint32_t *a, const uint32_t *b, uint32_t n) {
  for (uint32_t i = 0; i < n; i++)
    if (!oi_type_equal(type_of(v, a[i]), type_of(v, b[i]))) return false;
  return true;
}

// Values of a list come from where they stand, and are known from now on.
static oinf_status make_known(verifier *v, uint32_t node, uint32_t region, const uint32_t *ids,
                              uint32_t n, bool param) {
  for (uint32_t i = 0; i < n; i++) {
    if (!ids[i] || ids[i] >= v->g->values.n || v->known[ids[i]])
      return broken(v, node, "a value is made twice");
    const oi_value *x = oi_val_at(v->g, ids[i]);
    if (x->node != (param ? 0 : node) || x->index != i || x->region != region)
      return broken(v, node, "a value does not know where it is made");
    v->known[ids[i]] = true;
  }
  return OINF_OK;
}

// ---- regions ----

static oinf_status check_region(verifier *v, uint32_t region);

static oinf_status check_sub(verifier *v, uint32_t node, int which, uint32_t skip) {
  oinf_graph *g = v->g;
  const oi_node *n = oi_node_at(g, node);
  uint32_t id = n->sub[which];
  if (!id || id >= g->regions.n || g->regions.at[id].node != node ||
      g->regions.at[id].parent != n->region)
    return broken(v, node, "its region is not its own");
  const oi_region *r = &g->regions.at[id];
  if (r->n_params != n->n_in - skip || r->n_yields != r->n_params || n->n_out != r->n_params)
    return broken(v, node, "values carried in, on and out differ in number");
  OI_TRY(make_known(v, node, id, r->params, r->n_params, true));
  if (!same_types(v, r->params, n->in + skip, r->n_params))
    return broken(v, node, "a carried value changes its type");
  return check_region(v, id);
}

static oinf_status check_loop(verifier *v, uint32_t node) {
  const oi_node *n = oi_node_at(v->g, node);
  if (n->trips < 1 || n->trips > OI_MAX_TRIPS || n->loop_sym >= oi_dims_sym_count(v->g->dims))
    return broken(v, node, "it has no index or runs an impossible number of times");
  OI_TRY(check_sub(v, node, 0, 0));
  const oi_region *r = &v->g->regions.at[n->sub[0]];
  if (!same_types(v, r->yields, r->params, r->n_params) ||
      !same_types(v, n->out, r->params, r->n_params))
    return broken(v, node, "a carried value changes its type");
  return OINF_OK;
}

static oinf_status check_if(verifier *v, uint32_t node) {
  const oi_node *n = oi_node_at(v->g, node);
  if (!n->n_in || type_of(v, n->in[0])->dtype != OINF_BOOL || type_of(v, n->in[0])->rank)
    return broken(v, node, "its condition is not bool []");
  OI_TRY(check_sub(v, node, 0, 1));
  OI_TRY(check_sub(v, node, 1, 1));
  const oi_region *a = &v->g->regions.at[n->sub[0]], *b = &v->g->regions.at[n->sub[1]];
  if (!same_types(v, a->yields, b->yields, a->n_yields) ||
      !same_types(v, n->out, a->yields, a->n_yields))
    return broken(v, node, "its sides give unequal types");
  return OINF_OK;
}

// What it reads becomes parameters, what it gives are values of its region; nothing within stands
// in a region of its own.
static oinf_status check_fused(verifier *v, uint32_t node) {
  oinf_graph *g = v->g;
  const oi_node *n = oi_node_at(g, node);
  const uint32_t id = n->sub[0];
  if (!id || id >= g->regions.n || g->regions.at[id].node != node ||
      g->regions.at[id].parent != n->region)
    return broken(v, node, "its region is not its own");
  const oi_region *r = &g->regions.at[id];
  if (r->n_params != n->n_in || r->n_yields != n->n_out)
    return broken(v, node, "values that go in and out differ in number");
  OI_TRY(make_known(v, node, id, r->params, r->n_params, true));
  if (!same_types(v, r->params, n->in, r->n_params))
    return broken(v, node, "a value that goes in changes its type");
  for (uint32_t i = r->first; i && i < g->nodes.n; i = g->nodes.at[i].next)
    if (oi_kind_regions(g->nodes.at[i].op)) return broken(v, node, "a region stands within it");
  OI_TRY(check_region(v, id));
  if (!same_types(v, r->yields, n->out, r->n_yields))
    return broken(v, node, "a value that comes out changes its type");
  return OINF_OK;
}

static oinf_status check_state(verifier *v, uint32_t node) {
  const oi_node *n = oi_node_at(v->g, node);
  if (n->state >= v->g->states.n || n->n_in != (n->op == OP_STATE_WRITE) || n->n_out != 1)
    return broken(v, node, "no such state, or a wrong number of values");
  const oi_state_decl *s = &v->g->states.at[n->state];
  uint32_t layered = n->a != OINF_NO_LAYER;
  const oi_type *t = type_of(v, n->out[0]);
  bool ok =
      s->layering == (layered ? OI_LAYERS_FIRST : OI_LAYERS_NONE) && t->dtype == s->type.dtype;
  return ok && t->rank + layered == s->type.rank
             ? OINF_OK
             : broken(v, node, "its rows are not like the state's");
}

static oinf_status check_kind(verifier *v, uint32_t node) {
  const oi_node *n = oi_node_at(v->g, node);
  switch (n->op) {
    case OP_LOOP: return check_loop(v, node);
    case OP_IF: return check_if(v, node);
    case OP_FUSED: return check_fused(v, node);
    case OP_STATE_READ:
    case OP_STATE_WRITE: return check_state(v, node);
    case OP_INPUT:
    case OP_WEIGHT:
    case OP_USER: return n->text && n->n_out == 1 ? OINF_OK : broken(v, node, "it has no name");
    case OP_NUM:
    case OP_SYM_VALUE:
      return n->n_out == 1 && !n->n_in ? OINF_OK : broken(v, node, "it gives one scalar");
    default:
      return oi_node_infers(v->g, node)
                 ? OINF_OK
                 : broken(v, node, "its types do not follow from its operands");
  }
}

static oinf_status check_node(verifier *v, uint32_t node, uint32_t region, uint32_t prev) {
  const oi_node *n = oi_node_at(v->g, node);
  if (n->region != region || n->prev != prev || ++v->nodes_seen > v->g->nodes.n)
    return broken(v, node, "it does not stand where its region says");
  OI_TRY(check_uses(v, node, n->in, n->n_in));
  OI_TRY(check_kind(v, node));
  return make_known(v, node, region, n->out, n->n_out, false);
}

static oinf_status check_region(verifier *v, uint32_t region) {
  const oi_region *r = &v->g->regions.at[region];
  uint32_t prev = 0;
  const bool fused = r->node && oi_node_at(v->g, r->node)->op == OP_FUSED;
  if (v->depth > (fused ? OI_MAX_DEPTH + 1 : OI_MAX_DEPTH))
    return broken(v, r->node, "regions stand too deep in each other");
  v->open[v->depth++] = region;
  for (uint32_t i = r->first; i; prev = i, i = v->g->nodes.at[i].next) {
    if (i >= v->g->nodes.n) return broken(v, r->node, "a node that is not there");
    OI_TRY(check_node(v, i, region, prev));
  }
  if (r->last != prev) return broken(v, r->node, "its region's end is not its last node");
  OI_TRY(check_uses(v, r->node, r->yields, r->n_yields));
  v->depth--;
  return OINF_OK;
}

// ---- ports ----

static oinf_status check_outputs(verifier *v) {
  v->open[0] = 0, v->depth = 1;
  for (size_t i = 0; i < v->g->outputs.n; i++)
    if (!is_visible(v, v->g->outputs.at[i].value))
      return oi_fail(v->err, OINF_GRAPH, "output '%s' is not a value of the graph's own region",
                     v->g->outputs.at[i].name);
  return OINF_OK;
}

// ---- labels: no two values have one ----

typedef struct labels {
  oinf_graph *g;
  OI_VEC(uint64_t) hash;
  uint64_t wanted;  // second walk: the hash that stands twice
  uint32_t value;   // second walk: whose labels are walked
  bool seen;        // second walk: one value that has it
  oi_err *err;
  bool failed;
} labels;

static uint64_t hash_label(const char *label, size_t size) {
  uint64_t h = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < size; i++) h = (h ^ (unsigned char)label[i]) * UINT64_C(1099511628211);
  return h;
}

static bool add_label(void *user, const char *label, size_t size) {
  labels *l = user;
  uint64_t *slot = l->hash.n < MAX_LABELS ? oi_vec_push(l->g->ctx, &l->hash) : NULL;
  if (slot) return *slot = hash_label(label, size), true;
  if (l->hash.n >= MAX_LABELS)
    oi_fail(l->err, OINF_GRAPH, "over %d values have names of their own", MAX_LABELS);
  else oi_nomem(l->err, sizeof *slot);
  return false;
}

static bool say_label(void *user, const char *label, size_t size) {
  labels *l = user;
  if (hash_label(label, size) != l->wanted) return true;
  if (!l->seen) return l->seen = true;
  const oi_node *n = oi_node_at(l->g, oi_val_at(l->g, l->value)->node);
  oi_fail(l->err, OINF_GRAPH, "two values have the name '%.200s'%s", label,
          oi_where_words(n->file, n->line).at);
  return false;
}

typedef struct own_label {
  const char *name;
  bool found;
} own_label;

static bool is_own_label(void *user, const char *label, size_t size) {
  own_label *own = user;
  own->found = strlen(own->name) == size && memcmp(label, own->name, size) == 0;
  return !own->found;
}

// Names of values; those of outputs too, unless they repeat their value's.
static bool walk_labels(labels *l, oi_label_fn *fn) {
  oinf_graph *g = l->g;
  for (l->value = 1; l->value < g->values.n; l->value++)
    if (g->values.at[l->value].name && !oi_labels_each(g, l->value, fn, l)) return false;
  for (size_t i = 0; i < g->outputs.n; i++) {
    own_label own = {.name = g->outputs.at[i].name};
    l->value = g->outputs.at[i].value;
    if (!oi_labels_each(g, l->value, is_own_label, &own) && !own.found) return false;
    if (!own.found && !fn(l, own.name, strlen(own.name))) return false;
  }
  return true;
}

static int compare_u64(const void *a, const void *b) {
  uint64_t x, y;
  memcpy(&x, a, sizeof x);
  memcpy(&y, b, sizeof y);
  return (x > y) - (x < y);
}

static oinf_status check_labels(verifier *v) {
  labels l = {.g = v->g, .err = v->err};
  bool ok = walk_labels(&l, add_label);
  if (ok && l.hash.n) qsort(l.hash.at, l.hash.n, sizeof *l.hash.at, compare_u64);
  for (size_t i = 1; ok && i < l.hash.n; i++) {
    if (l.hash.at[i] != l.hash.at[i - 1]) continue;
    l.wanted = l.hash.at[i];
    ok = walk_labels(&l, say_label);
  }
  oi_vec_free(v->g->ctx, &l.hash);
  if (ok) return OINF_OK;
  return v->err->status ? v->err->status : oi_nomem(v->err, 0);
}

oinf_status oi_graph_verify(oinf_graph *g, oi_err *err) {
  verifier v = {.g = g, .err = err};
  v.known = oi_alloc(g->ctx, g->values.n * sizeof *v.known);
  if (!v.known) return oi_nomem(err, g->values.n);
  oinf_status status = g->open.n ? broken(&v, 0, "a loop or branch is open") : check_region(&v, 0);
  if (status == OINF_OK) status = check_outputs(&v);
  if (status == OINF_OK) status = check_labels(&v);
  if (status == OINF_OK && oi_dims_nomem(g->dims)) status = oi_nomem(err, sizeof(oinf_dim));
  oi_free(g->ctx, v.known, g->values.n * sizeof *v.known);
  return status;
}
