// From names to values and iterations: "logits", "blk.3.attn_out", "%17[3]", and patterns of them.
// Labels are made value by value and iteration by iteration, which costs more than many a step; so
// outputs are looked at first, and what a name meant is kept: it does not change while a graph is
// simulated.
#include <fnmatch.h>
#include <string.h>

#include "sim/sim.h"

enum {
  KEEP_SEARCHES = 16
};

static void search_free(oinf_sim *s, oi_search *q) {
  if (q->pattern) oi_free(s->ctx, q->pattern, strlen(q->pattern) + 1);
  oi_vec_free(s->ctx, &q->found);
  oi_free(s->ctx, q, sizeof *q);
}

void oi_sim_searches_free(oinf_sim *s) {
  for (size_t i = 0; i < s->searches.n; i++) search_free(s, s->searches.at[i]);
  oi_vec_free(s->ctx, &s->searches);
}

// ---- one search ----

typedef struct looking {
  oinf_sim *s;
  oi_search *q;
  bool failed;
} looking;

bool oi_search_fits(const oi_search *q, const char *label) {
  return q->glob ? fnmatch(q->pattern, label, 0) == 0 : strcmp(q->pattern, label) == 0;
}

// False: the search is over.
static bool take(looking *l, const oi_demand *d, const char *label) {
  if (!oi_search_fits(l->q, label)) return true;
  oi_demand *slot = oi_vec_push(l->s->ctx, &l->q->found);
  if (slot) *slot = *d;
  l->failed |= slot == NULL;
  return l->q->glob && slot;
}

// The value at each iteration of the loops around it.
static bool look_at(looking *l, uint32_t value) {
  oinf_sim *s = l->s;
  uint32_t loops[OI_MAX_DEPTH];
  oi_demand d;
  memset(&d, 0, sizeof d);  // demands are compared as bytes
  d.value = value, d.depth = oi_value_depth(s->graph, value, loops);
  for (;;) {
    for (uint32_t i = 0; i < d.depth; i++)
      s->sym[oi_node_at(s->graph, loops[i])->loop_sym] = d.at[i];
    const char *label = oi_sim_label(s, value);
    l->failed |= s->label.failed;
    if (l->failed || !take(l, &d, label)) return false;
    uint32_t k = d.depth;
    while (k > 0 && ++d.at[k - 1] >= oi_node_at(s->graph, loops[k - 1])->trips) d.at[--k] = 0;
    if (k == 0) return true;
  }
}

// Values that have a name of their own, or a number in the canonical text; parameters of regions
// only by a name.
static bool is_shown(const oinf_graph *g, uint32_t value) {
  const oi_value *v = oi_val_at(g, value);
  if (v->weak || v->type.dtype == OINF_NONE) return false;
  return v->node ? oi_node_at(g, v->node)->op != 0 : v->name != NULL;
}

static bool is_taken_output(const looking *l, uint32_t value) {
  const oinf_graph *g = l->s->graph;
  for (size_t i = 0; i < g->outputs.n; i++)
    if (g->outputs.at[i].value == value && oi_search_fits(l->q, g->outputs.at[i].name)) return true;
  return false;
}

static void look(looking *l) {
  const oinf_graph *g = l->s->graph;
  for (size_t i = 0; i < g->outputs.n; i++) {
    oi_demand d;
    memset(&d, 0, sizeof d);
    d.value = g->outputs.at[i].value;
    if (!take(l, &d, g->outputs.at[i].name)) return;
  }
  for (uint32_t v = 1; v < g->values.n; v++)
    if (is_shown(g, v) && !is_taken_output(l, v) && !look_at(l, v)) return;
}

// Labels were made under other indices than those of the loops that stand.
static void restore_indices(oinf_sim *s) {
  for (uint32_t i = 0; s->running && i < s->depth; i++) {
    const oi_item *item = &s->now->plan.items.at[s->frames[i].item];
    s->sym[oi_node_at(s->graph, item->node)->loop_sym] = s->frames[i].i;
  }
}

// ---- what is kept ----

static void make_place(oinf_sim *s) {
  for (size_t i = 0; i < s->searches.n && s->searches.n >= KEEP_SEARCHES; i++) {
    if (s->searches.at[i]->users) continue;
    search_free(s, s->searches.at[i]);
    memmove(s->searches.at + i, s->searches.at + i + 1,
            (s->searches.n - i - 1) * sizeof *s->searches.at);
    s->searches.n--, i--;
  }
}

static oinf_status search(oinf_sim *s, const char *pattern, bool glob, oi_search **out) {
  const size_t size = strlen(pattern) + 1;
  oi_search *q = oi_alloc(s->ctx, sizeof *q);
  if (!q) return oi_nomem(&s->err, sizeof *q);
  q->pattern = oi_alloc(s->ctx, size), q->glob = glob;
  looking l = {.s = s, .q = q, .failed = q->pattern == NULL};
  if (q->pattern) memcpy(q->pattern, pattern, size), look(&l);
  restore_indices(s);
  oinf_status status = OINF_OK;
  if (l.failed) status = oi_nomem(&s->err, size);
  else if (!q->found.n)
    status = oi_fail(&s->err, OINF_USAGE, "the graph has no value '%s'", pattern);
  make_place(s);
  oi_search **slot = status == OINF_OK ? oi_vec_push(s->ctx, &s->searches) : NULL;
  if (status == OINF_OK && !slot) status = oi_nomem(&s->err, sizeof q);
  if (status != OINF_OK) return search_free(s, q), status;
  return *slot = *out = q, OINF_OK;
}

oinf_status oi_sim_find(oinf_sim *s, const char *pattern, bool glob, oi_search **out_search) {
  for (size_t i = 0; i < s->searches.n; i++) {
    oi_search *q = s->searches.at[i];
    if (q->glob == glob && strcmp(q->pattern, pattern) == 0) return *out_search = q, OINF_OK;
  }
  return search(s, pattern, glob, out_search);
}
