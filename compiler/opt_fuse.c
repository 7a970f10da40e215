// Fusion: nodes that one kernel can do together become one node with a region, so that what passes
// between them has no storage. A group grows from the node that comes last, towards what it is made
// of, and takes what nothing else uses: so a group has one result, nothing is computed twice, and
// the group stands where its last node stood. Bits cannot change: every element is made by the same
// operations as before, rounded as before; only its way through memory goes.
//
//   head       a product, norm or rope whose result the elements change in place
//   elements   elementwise ops and casts of one shape; permutes, slices, selects, expands and
//              reshapes of what they read become index maps; numbers are written where they are
//              used
//
// What is refused is said, with the number that decided.
#include <string.h>

#include "compiler/fuse.h"
#include "compiler/passes.h"

#include <oinf/ops.h>

typedef struct fusing {
  oi_pass *p;
  oinf_graph *g;
  uint32_t *uses;  // by value: how many there are
} fusing;

typedef struct group {
  fusing *f;
  uint32_t root, main;              // the last node; the one at the head, 0: all are elements
  uint32_t node[OI_FUSE_NODES], n;  // in the order in which they were taken
  uint32_t operand[OI_FUSE_OPERANDS + 1], n_operands;
  size_t said;  // where what is said of it begins
} group;

// ---- roles ----

oi_fuse_role oi_fuse_role_of(uint32_t op) {
  switch (op) {
    case OP_NUM:
    case OP_fill:
    case OP_SYM_VALUE: return OI_FUSE_CONSTANT;
    case OP_permute:
    case OP_slice:
    case OP_select:
    case OP_expand:
    case OP_reshape:
    case OP_squeeze:
    case OP_unsqueeze: return OI_FUSE_MOVED;
    case OP_cast: return OI_FUSE_ELEMENT;
    default: break;
  }
  const bool each = op > OP_NONE && op < OP_COUNT && oi_op_info_of((oi_op)op)->kind == OI_ELTWISE;
  return each ? OI_FUSE_ELEMENT : OI_FUSE_NOTHING;
}

oi_fuse_base oi_fuse_base_of(const oinf_graph *g, uint32_t node) {
  const oi_node *n = oi_node_at(g, node);
  const oi_type *a = n->n_in ? &oi_val_at(g, n->in[0])->type : NULL;
  const oi_type *b = n->n_in > 1 ? &oi_val_at(g, n->in[1])->type : NULL;
  for (uint32_t i = 0; i < n->n_in; i++)
    for (uint32_t k = 0; k < i; k++)
      if (n->in[i] == n->in[k]) return OI_BASE_NONE;
  if (n->n_out != 1 || oi_val_at(g, n->out[0])->type.dtype != OINF_F32) return OI_BASE_NONE;
  switch (n->op) {
    case OP_matmul: {
      const oinf_matmul_args *args = n->args;
      const bool floats = oi_dtype_class(a->dtype) == OI_F && oi_dtype_class(b->dtype) == OI_F;
      const bool plain = floats || oi_dtype_class(b->dtype) == OI_Q;
      return plain && !args->transpose_a && b->rank == 2 ? OI_BASE_COLUMNS : OI_BASE_NONE;
    }
    case OP_softmax: {
      const int64_t axis = ((const oinf_softmax_args *)n->args)->axis;
      return axis == -1 || axis + 1 == (int64_t)a->rank ? OI_BASE_ROWS : OI_BASE_NONE;
    }
    case OP_rmsnorm:
    case OP_layernorm:
    case OP_rope: return OI_BASE_ROWS;
    default: return OI_BASE_NONE;
  }
}

uint32_t oi_fused_main(const oinf_graph *g, uint32_t node) {
  const oi_region *r = &g->regions.at[oi_node_at(g, node)->sub[0]];
  for (uint32_t i = r->first; i; i = oi_node_at(g, i)->next)
    if (oi_fuse_role_of(oi_node_at(g, i)->op) == OI_FUSE_NOTHING) return i;
  return 0;
}

// ---- what there is ----

static void count_use(void *user, uint32_t *use) { ((fusing *)user)->uses[*use]++; }

static const oi_type *type_of(const fusing *f, uint32_t value) {
  return &oi_val_at(f->g, value)->type;
}

static bool same_shape(const oi_type *a, const oi_type *b) {
  return a->rank == b->rank && memcmp(a->dim, b->dim, a->rank * sizeof a->dim[0]) == 0;
}

static bool is_in(const group *w, uint32_t node) {
  for (uint32_t i = 0; i < w->n; i++)
    if (w->node[i] == node) return true;
  return false;
}

// Uses of a node's result by the nodes of the group.
static uint32_t uses_within(const group *w, uint32_t value) {
  uint32_t n = 0;
  for (uint32_t i = 0; i < w->n; i++) {
    const oi_node *x = oi_node_at(w->f->g, w->node[i]);
    for (uint32_t k = 0; k < x->n_in; k++) n += x->in[k] == value;
  }
  return n;
}

// ---- growing ----

static bool refuse(const group *w, uint32_t node, const char *why, uint64_t number) {
  const oinf_graph *g = w->f->g;
  oi_text *to = &w->f->p->said;
  const size_t from = to->n;
  oi_text_put(to, "fuse: %s %%%u stays out of %s %%%u: ", oi_kind_name(oi_node_at(g, node)->op),
              oi_value_label_number(w->f->g, oi_node_at(g, node)->out[0]),
              oi_kind_name(oi_node_at(g, w->root)->op),
              oi_value_label_number(w->f->g, oi_node_at(g, w->root)->out[0]));
  oi_text_put(to, why, (unsigned long long)number);
  oi_text_put(to, "\n");
  const size_t n = to->n - from;  // asked again as the group grows, it is said once
  if (!to->failed && w->said + n <= from && memcmp(to->at + from - n, to->at + from, n) == 0)
    to->n = from, to->at[from] = 0;
  return false;
}

// Operands that the group would read with this node in it.
static uint32_t operands_with(const group *w, uint32_t node) {
  const oi_node *x = oi_node_at(w->f->g, node);
  uint32_t n = w->n_operands - 1;  // its own result is read no more
  for (uint32_t k = 0; k < x->n_in; k++) {
    bool known = false;
    for (uint32_t i = 0; i < w->n_operands; i++) known |= w->operand[i] == x->in[k];
    for (uint32_t i = 0; i < k; i++) known |= x->in[i] == x->in[k];
    n += !known;
  }
  return n;
}

// Read by an index map, or by the node at the head: not at the place of the result alone.
static bool is_read_elsewhere(const group *w, uint32_t value) {
  for (uint32_t i = 0; i < w->n; i++) {
    const oi_node *x = oi_node_at(w->f->g, w->node[i]);
    const oi_fuse_role role = oi_fuse_role_of(x->op);
    for (uint32_t k = 0; k < x->n_in; k++)
      if (x->in[k] == value && (role == OI_FUSE_MOVED || role == OI_FUSE_NOTHING)) return true;
  }
  return false;
}

// Does every node read at the place of the result, or one element?
static bool is_flat_with(const group *w, uint32_t node) {
  const oi_type *out = type_of(w->f, oi_node_at(w->f->g, w->root)->out[0]);
  for (uint32_t i = 0; i <= w->n; i++) {
    const uint32_t id = i < w->n ? w->node[i] : node;
    const oi_node *x = oi_node_at(w->f->g, id);
    const oi_fuse_role role = oi_fuse_role_of(x->op);
    if (role == OI_FUSE_MOVED) return false;
    for (uint32_t k = 0; k < x->n_in && role == OI_FUSE_ELEMENT; k++) {
      const oi_type *t = type_of(w->f, x->in[k]);
      if (t->rank && !same_shape(t, out)) return false;
    }
  }
  return true;
}

// Behind a head, places are one index, or row and column of a product.
static bool keeps_places(const group *w, uint32_t node) {
  const bool product = oi_fuse_base_of(w->f->g, w->main) == OI_BASE_COLUMNS;
  const oi_node *n = oi_node_at(w->f->g, node);
  if (oi_fuse_role_of(n->op) == OI_FUSE_MOVED) return false;
  return (product && oi_val_at(w->f->g, n->out[0])->type.rank <= 2) || is_flat_with(w, node);
}

// A node that is no constant joins where nothing else needs its result and the kernel can hold it.
static bool may_join(const group *w, uint32_t node) {
  const oinf_graph *g = w->f->g;
  const oi_node *n = oi_node_at(g, node);
  const oi_value *v = oi_val_at(g, n->out[0]);
  const bool moved = oi_fuse_role_of(n->op) == OI_FUSE_MOVED;
  const uint32_t elsewhere = w->f->uses[n->out[0]] - uses_within(w, n->out[0]);
  const uint32_t operands = operands_with(w, node);
  if (v->hint.fuse == OINF_NEVER) return refuse(w, node, "%llu hint says never", 1);
  if (elsewhere) return refuse(w, node, "%llu further uses need it in memory", elsewhere);
  if (!same_shape(&v->type, type_of(w->f, oi_node_at(g, w->root)->out[0])))
    return refuse(w, node, "its %llu axes are not those of the result", v->type.rank);
  if (moved ? is_in(w, oi_val_at(g, n->in[0])->node) : is_read_elsewhere(w, n->out[0]))
    return refuse(w, node, "the kernel would compute a value at %llu places", 2);
  if (w->main && !keeps_places(w, node))
    return refuse(w, node, "places of %llu axes are not told from the units of the head",
                  v->type.rank);
  if (w->n == OI_FUSE_NODES) return refuse(w, node, "a kernel does at most %llu nodes", w->n);
  if (operands > OI_FUSE_OPERANDS)
    return refuse(w, node, "the kernel would read %llu operands", operands);
  return true;
}

// A product, a norm, a rope at the head of the kernel: the elements change where they lie.
static bool may_head(const group *w, uint32_t node) {
  const oinf_graph *g = w->f->g;
  const oi_node *n = oi_node_at(g, node), *root = oi_node_at(g, w->root);
  const oi_fuse_base base = oi_fuse_base_of(g, node);
  const oi_type *out = type_of(w->f, root->out[0]);
  if (base == OI_BASE_NONE || n->region != root->region) return false;
  if (w->main) return refuse(w, node, "a kernel has %llu head", 1);
  if (out->dtype != OINF_F32)
    return refuse(w, node, "its result of %llu bytes an element cannot change in place",
                  oinf_dtype_block_bytes(out->dtype));
  for (uint32_t i = 0; i < w->n; i++)
    if (oi_fuse_role_of(oi_node_at(g, w->node[i])->op) == OI_FUSE_MOVED)
      return refuse(w, node, "%llu index map stands in the kernel", 1);
  const bool narrow = base == OI_BASE_COLUMNS && out->rank <= 2;
  if (!narrow && !is_flat_with(w, w->root))
    return refuse(w, node, "places of %llu axes are not told from its units", out->rank);
  for (uint32_t i = 0; i < n->n_in; i++)
    if (is_in(w, oi_val_at(g, n->in[i])->node))
      return refuse(w, node, "it reads operand %llu whole", i);
  return may_join(w, node);
}

static bool may_take(const group *w, uint32_t value) {
  const oi_value *v = oi_val_at(w->f->g, value);
  const oi_node *n = v->node ? oi_node_at(w->f->g, v->node) : NULL;
  const oi_fuse_role role = n ? oi_fuse_role_of(n->op) : OI_FUSE_NOTHING;
  if (!n || is_in(w, v->node)) return false;
  if (role == OI_FUSE_NOTHING) return may_head(w, v->node);
  if (role == OI_FUSE_CONSTANT) return w->n < OI_FUSE_NODES && !is_read_elsewhere(w, value);
  return v->region == oi_node_at(w->f->g, w->root)->region && may_join(w, v->node);
}

static void take(group *w, uint32_t node) {
  const oi_node *x = oi_node_at(w->f->g, node);
  w->node[w->n++] = node;
  if (oi_fuse_role_of(x->op) == OI_FUSE_NOTHING) w->main = node;
  for (uint32_t i = 0; i < w->n_operands; i++) {
    if (!x->n_out || w->operand[i] != x->out[0]) continue;
    w->operand[i] = w->operand[--w->n_operands];
    break;
  }
  for (uint32_t k = 0; k < x->n_in; k++) {
    bool known = is_in(w, oi_val_at(w->f->g, x->in[k])->node);
    for (uint32_t i = 0; i < w->n_operands; i++) known |= w->operand[i] == x->in[k];
    if (!known) w->operand[w->n_operands++] = x->in[k];
  }
}

// Takes operands until none is left that may be taken. What was refused once stays refused, but for
// one that more of its uses have joined since.
static void grow(group *w) {
  uint32_t refused[OI_FUSE_OPERANDS + 1], n_refused = 0;
  for (bool more = true; more;) {
    more = false;
    for (uint32_t i = 0; i < w->n_operands && !more; i++) {
      const uint32_t value = w->operand[i];
      bool again = false;
      for (uint32_t k = 0; k < n_refused; k++) again |= refused[k] == value;
      if (again) continue;
      if (may_take(w, value)) take(w, oi_val_at(w->f->g, value)->node), more = true, n_refused = 0;
      else if (n_refused <= OI_FUSE_OPERANDS) refused[n_refused++] = value;
    }
  }
}

// ---- making the node ----

// The nodes of the group in the order of their region.
static uint32_t in_order(const group *w, uint32_t *out) {
  const oinf_graph *g = w->f->g;
  uint32_t n = 0;
  for (uint32_t id = g->regions.at[oi_node_at(g, w->root)->region].first; id && n < w->n;
       id = oi_node_at(g, id)->next)
    if (is_in(w, id)) out[n++] = id;
  return n;
}

static uint32_t first_of(const group *w) {
  uint32_t order[OI_FUSE_NODES];
  in_order(w, order);
  return order[0];
}

// A constant that others read too is made again in front of the group.
static bool own_constant(group *w, uint32_t i) {
  oinf_graph *g = w->f->g;
  const oi_node old = *oi_node_at(g, w->node[i]);
  const uint32_t value = old.out[0], root = w->root;
  if (oi_fuse_role_of(old.op) != OI_FUSE_CONSTANT) return true;
  if (w->f->uses[value] == uses_within(w, value) && old.region == oi_node_at(g, root)->region)
    return true;
  const oi_type type = oi_val_at(g, value)->type;
  const uint32_t copy = oi_node_make(g, old.op, NULL, 0, &type, 1, (oi_where){old.file, old.line});
  if (!copy) return false;
  oi_node *n = &g->nodes.at[copy];
  n->number = old.number, n->args = old.args, n->a = old.a, n->region = oi_node_at(g, root)->region;
  g->values.at[n->out[0]].region = n->region;
  oi_node_link(g, copy, first_of(w));
  w->f->uses[value] -= uses_within(w, value);
  for (uint32_t k = 0; k < w->n; k++) {
    oi_node *x = &g->nodes.at[w->node[k]];
    for (uint32_t j = 0; j < x->n_in; j++)
      if (x->in[j] == value) x->in[j] = g->nodes.at[copy].out[0];
  }
  w->node[i] = copy;
  return true;
}

static oinf_status make(group *w) {
  uint32_t order[OI_FUSE_NODES];
  for (uint32_t i = 0; i < w->n; i++)
    if (!own_constant(w, i)) return oi_nomem(w->f->p->err, sizeof(oi_node));
  const uint32_t n = in_order(w, order);
  if (!oi_node_fuse(w->f->g, order, n, w->main)) return oi_nomem(w->f->p->err, n);
  w->f->p->changes++;
  return OINF_OK;
}

// ---- the pass ----

static oinf_status fuse_from(fusing *f, uint32_t root) {
  const oi_node *n = oi_node_at(f->g, root);
  group w = {.f = f, .root = root, .said = f->p->said.n};
  if (oi_fuse_role_of(n->op) != OI_FUSE_ELEMENT) return OINF_OK;
  take(&w, root);
  if (w.n_operands <= OI_FUSE_OPERANDS) grow(&w);
  return w.n > 1 ? make(&w) : OINF_OK;
}

// From the last node to the first, so that a group begins with what comes last of it. Nodes that
// went into a group stand in another region by then.
static oinf_status fuse_region(fusing *f, uint32_t region) {
  OI_VEC(uint32_t) nodes = {0};
  oinf_status status = OINF_OK;
  for (uint32_t id = f->g->regions.at[region].first; id; id = oi_node_at(f->g, id)->next) {
    uint32_t *slot = oi_vec_push(f->g->ctx, &nodes);
    if (slot) *slot = id;
    else status = oi_nomem(f->p->err, sizeof *slot);
  }
  for (size_t i = nodes.n; i-- > 0 && status == OINF_OK;) {
    const oi_node n = *oi_node_at(f->g, nodes.at[i]);  // the table moves as nodes are made
    if (n.region != region || n.op == OP_FUSED) continue;
    for (int s = 0; s < oi_kind_regions(n.op) && status == OINF_OK; s++)
      status = fuse_region(f, n.sub[s]);
    if (status == OINF_OK) status = fuse_from(f, nodes.at[i]);
  }
  oi_vec_free(f->g->ctx, &nodes);
  return status;
}

oinf_status oi_opt_fuse(oi_pass *p) {
  fusing f = {.p = p, .g = p->g};
  const size_t bytes = p->g->values.n * sizeof *f.uses;
  f.uses = oi_alloc(p->g->ctx, bytes);
  if (!f.uses) return oi_nomem(p->err, bytes);
  oi_graph_each_use(p->g, count_use, &f);
  const oinf_status status = fuse_region(&f, 0);
  oi_free(p->g->ctx, f.uses, bytes);
  return status;
}
