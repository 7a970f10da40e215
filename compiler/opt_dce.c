// Dead code: what no output and no write of a state needs is taken out, and so are carried values
// that nothing needs, on every side at once. Marking goes from what is needed to what that is made
// of until nothing is added; a loop's carried value needs its start, and what the body gives for
// it. Inputs stay: they are the graph's signature.
#include "compiler/passes.h"

typedef struct marks {
  oi_pass *p;
  oinf_graph *g;
  bool *value, *node;
  OI_VEC(uint32_t) todo;  // values that are needed and not followed yet
  bool failed;
} marks;

static void need(marks *m, uint32_t value) {
  if (m->value[value]) return;
  uint32_t *slot = oi_vec_push(m->g->ctx, &m->todo);
  if (!slot) m->failed = true;
  else *slot = value, m->value[value] = true;
}

static void need_all(marks *m, const uint32_t *ids, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) need(m, ids[i]);
}

// The node runs, and so do the loops and branches around it.
static void need_node(marks *m, uint32_t id) {
  for (; id && !m->node[id]; id = m->g->regions.at[oi_node_at(m->g, id)->region].node) {
    const oi_node *n = oi_node_at(m->g, id);
    m->node[id] = true;
    if (n->op == OP_IF) need(m, n->in[0]);
    if (!oi_kind_regions(n->op) || n->op == OP_FUSED) need_all(m, n->in, n->n_in);
  }
}

// A carried value of a loop: its start and what each iteration gives are needed with it.
static void need_carried(marks *m, uint32_t node, uint32_t i) {
  const oi_node *n = oi_node_at(m->g, node);
  const oi_region *r = &m->g->regions.at[n->sub[0]];
  need_node(m, node);
  need(m, n->in[i]), need(m, r->params[i]), need(m, r->yields[i]);
}

static void follow(marks *m, uint32_t value) {
  const oi_value *v = oi_val_at(m->g, value);
  const uint32_t id = v->node ? v->node : m->g->regions.at[v->region].node;
  const oi_node *n = oi_node_at(m->g, id);
  need_node(m, id);
  if (n->op == OP_LOOP) need_carried(m, id, v->index);
  else if (n->op == OP_IF && !v->node) need(m, n->in[v->index + 1]);
  else if (oi_kind_regions(n->op) && v->node)
    for (int s = 0; s < oi_kind_regions(n->op); s++)
      need(m, m->g->regions.at[n->sub[s]].yields[v->index]);
}

static void mark(marks *m) {
  for (size_t i = 0; i < m->g->outputs.n; i++) need(m, m->g->outputs.at[i].value);
  for (uint32_t i = 1; i < m->g->nodes.n; i++) {
    const uint32_t op = oi_node_at(m->g, i)->op;
    if (op == OP_STATE_WRITE || op == OP_INPUT) need_node(m, i);
  }
  while (m->todo.n && !m->failed) follow(m, m->todo.at[--m->todo.n]);
}

// ---- carried values ----

static void drop(oinf_graph *g, uint32_t *ids, uint32_t *n, uint32_t at) {
  for (uint32_t i = at; i + 1 < *n; i++) {
    ids[i] = ids[i + 1];
    g->values.at[ids[i]].index -= oi_val_at(g, ids[i])->index == i + 1;
  }
  --*n;
}

static void drop_uses(uint32_t *ids, uint32_t *n, uint32_t at) {
  for (uint32_t i = at; i + 1 < *n; i++) ids[i] = ids[i + 1];
  --*n;
}

static bool is_carried(const marks *m, const oi_node *n, uint32_t i) {
  bool used = m->value[n->out[i]];
  for (int s = 0; s < oi_kind_regions(n->op); s++)
    used |= m->value[m->g->regions.at[n->sub[s]].params[i]];
  return used;
}

static void drop_carried(marks *m, uint32_t id) {
  oinf_graph *g = m->g;
  oi_node *n = &g->nodes.at[id];
  for (uint32_t i = n->n_out; i-- > 0;) {
    if (is_carried(m, n, i)) continue;
    g->values.at[n->out[i]].name = NULL;
    for (int s = 0; s < oi_kind_regions(n->op); s++) {
      oi_region *r = &g->regions.at[n->sub[s]];
      g->values.at[r->params[i]].name = NULL;
      drop(g, r->params, &r->n_params, i);
      drop_uses(r->yields, &r->n_yields, i);
    }
    drop(g, n->out, &n->n_out, i);
    drop_uses(n->in, &n->n_in, n->op == OP_IF ? i + 1 : i);
    m->p->changes++;
    g->numbered = false;
  }
}

static void sweep(marks *m, uint32_t region) {
  oinf_graph *g = m->g;
  for (uint32_t id = g->regions.at[region].first, next; id; id = next) {
    const oi_node *n = oi_node_at(g, id);
    next = n->next;
    if (!m->node[id]) {
      oi_node_remove(g, id), m->p->changes++;
      continue;
    }
    if (n->op == OP_LOOP || n->op == OP_IF) drop_carried(m, id);
    for (int s = 0; s < oi_kind_regions(n->op); s++) sweep(m, n->sub[s]);
  }
}

oinf_status oi_opt_dce(oi_pass *p) {
  oinf_graph *g = p->g;
  const size_t bytes = g->values.n + g->nodes.n;
  marks m = {.p = p, .g = g};
  m.value = oi_alloc(g->ctx, bytes);
  if (!m.value) return oi_nomem(p->err, bytes);
  m.node = m.value + g->values.n;
  mark(&m);
  if (!m.failed) sweep(&m, 0);
  oi_vec_free(g->ctx, &m.todo);
  oi_free(g->ctx, m.value, bytes);
  return m.failed ? oi_nomem(p->err, bytes) : OINF_OK;
}
