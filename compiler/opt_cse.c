// Common subexpressions: a node that does what an earlier one did, with the same operands, goes,
// and its uses read the earlier one. The earlier one stands in the same region or in one around it,
// so it is made whenever the later one would be. States, inputs and what holds a region are left
// alone; so are weights of different regions, as one name means another tensor there.
#include <string.h>

#include "compiler/passes.h"

enum {
  BUCKETS = 4096
};
typedef struct known {
  uint32_t node, next;
} known;
typedef struct table {
  uint32_t head[BUCKETS];
  OI_VEC(known) all;  // [0] unused
} table;

static bool is_pure(uint32_t op) {
  return (op > OP_NONE && op < OP_COUNT) || op == OP_WEIGHT || op == OP_NUM || op == OP_SYM_VALUE ||
         op == OP_USER;
}

static bool same_attr(const oi_attr_info *a, const char *x, const char *y) {
  if (a->type == OI_ATTR_DIMS) {
    const oinf_dims *p = (const oinf_dims *)(const void *)x, *q = (const void *)y;
    return p->n == q->n && memcmp(p->d, q->d, p->n * sizeof p->d[0]) == 0;
  }
  if (a->type != OI_ATTR_TEXT) return memcmp(x, y, oi_attr_size(a->type)) == 0;
  const char *p, *q;
  memcpy(&p, x, sizeof p);
  memcpy(&q, y, sizeof q);
  return p == q || strcmp(p ? p : "", q ? q : "") == 0;
}

static bool same_args(const oi_node *a, const oi_node *b) {
  const oi_op_info *info = a->op < OP_COUNT ? oi_op_info_of((oi_op)a->op) : NULL;
  for (uint32_t i = 0; info && i < info->n_attrs; i++) {
    const uint16_t at = info->attrs[i].offset;
    if (!same_attr(&info->attrs[i], (const char *)a->args + at, (const char *)b->args + at))
      return false;
  }
  return true;
}

static bool same_node(const oinf_graph *g, const oi_node *a, const oi_node *b) {
  if (a->op != b->op || a->n_in != b->n_in || a->n_out != b->n_out) return false;
  if (memcmp(a->in, b->in, a->n_in * sizeof *a->in) != 0) return false;
  for (uint32_t i = 0; i < a->n_out; i++)
    if (!oi_type_equal(&g->values.at[a->out[i]].type, &g->values.at[b->out[i]].type)) return false;
  if ((a->op == OP_WEIGHT || a->op == OP_USER) && strcmp(a->text, b->text) != 0) return false;
  if (a->op == OP_WEIGHT && a->region != b->region) return false;
  return memcmp(&a->number, &b->number, sizeof a->number) == 0 && a->a == b->a && same_args(a, b);
}

static uint32_t bucket_of(const oi_node *n) {
  uint32_t h = n->op * 2654435761u;
  for (uint32_t i = 0; i < n->n_in; i++) h = (h ^ n->in[i]) * 2246822519u;
  for (const char *c = n->op == OP_WEIGHT ? n->text : ""; *c; c++)
    h = (h ^ (unsigned char)*c) * 16777619u;
  return (h ^ h >> 15) % BUCKETS;
}

static bool is_around(const oinf_graph *g, uint32_t outer, uint32_t inner) {
  while (inner && inner != outer) inner = g->regions.at[inner].parent;
  return inner == outer;
}

static oinf_status visit(oi_pass *p, uint32_t id) {
  table *t = p->own;
  oinf_graph *g = p->g;
  const oi_node *n = oi_node_at(g, id);
  if (!is_pure(n->op)) return OINF_OK;
  uint32_t *head = &t->head[bucket_of(n)];
  for (uint32_t i = *head; i; i = t->all.at[i].next) {
    const oi_node *k = oi_node_at(g, t->all.at[i].node);
    if (!is_around(g, k->region, n->region) || !same_node(g, k, n)) continue;
    for (uint32_t o = 0; o < n->n_out; o++) OI_TRY(oi_pass_replace(p, n->out[o], k->out[o]));
    oi_node_remove(g, id);
    return p->changes++, OINF_OK;
  }
  known *slot = oi_vec_push(g->ctx, &t->all);
  if (!slot) return oi_nomem(p->err, sizeof *slot);
  *slot = (known){id, *head};
  *head = (uint32_t)t->all.n - 1;
  return OINF_OK;
}

oinf_status oi_opt_cse(oi_pass *p) {
  table *t = oi_alloc(p->g->ctx, sizeof *t);
  if (!t) return oi_nomem(p->err, sizeof *t);
  p->own = t;
  const known *unused = oi_vec_push(p->g->ctx, &t->all);
  oinf_status status = unused ? oi_pass_walk(p, visit) : oi_nomem(p->err, sizeof *unused);
  oi_vec_free(p->g->ctx, &t->all);
  oi_free(p->g->ctx, t, sizeof *t);
  p->own = NULL;
  return status;
}
