// Schedule: the order of the nodes of each region, where another one needs less memory at once. A
// node that comes later keeps what it reads alive for longer, one that comes earlier what it gives.
// The order that is tried takes, of the nodes whose operands are there, the one after which the
// fewest bytes live; it is kept where its peak is lower than that of the order that stands, by the
// bounds of the symbols. Reads and writes of states keep their order, as it is their meaning.
#include <string.h>

#include "compiler/passes.h"

enum { MOST_NODES = 1024 };
#define NONE UINT32_MAX

// A region's nodes by their places in the order that stands.
typedef struct sequence {
  oi_pass *p;
  oinf_graph *g;
  uint32_t region, n;
  uint32_t *id, *order, *from, *effect;  // node; new order; its part of `reads`; effect before it
  bool *done;
  uint32_t *place, *left;  // by node; by value: places that still read it
  uint64_t *bytes;         // by value
  OI_VEC(uint32_t) reads;  // values of the region, each once a place
} sequence;

// ---- what there is ----

static uint64_t bytes_of(const oinf_graph *g, uint32_t value) {
  const oi_value *v = oi_val_at(g, value);
  const uint32_t op = v->node ? oi_node_at(g, v->node)->op : 0;
  uint64_t x = oinf_dtype_block_bytes(v->type.dtype);
  if (op == OP_WEIGHT || op == OP_INPUT || op == OP_STATE_READ || op == OP_STATE_WRITE) return 0;
  for (uint32_t i = 0; i < v->type.rank; i++) {
    int64_t lo, hi;
    oi_dims_bounds(g->dims, v->type.dim[i], NULL, NULL, &lo, &hi);
    if (!oi_mul_u64(x, hi > 0 ? (uint64_t)hi : 0, &x) || x >> 48) return (uint64_t)1 << 48;
  }
  return x / oinf_dtype_block(v->type.dtype);
}

// A value that a node of the region makes, read at this place or within what stands there.
static oinf_status add_read(sequence *s, uint32_t place, uint32_t value) {
  const oi_value *v = oi_val_at(s->g, value);
  if (v->region != s->region || !v->node || v->node == s->id[place]) return OINF_OK;
  for (size_t i = s->from[place]; i < s->reads.n; i++)
    if (s->reads.at[i] == value) return OINF_OK;
  uint32_t *slot = oi_vec_push(s->g->ctx, &s->reads);
  if (!slot) return oi_nomem(s->p->err, sizeof *slot);
  return *slot = value, OINF_OK;
}

static oinf_status add_reads(sequence *s, uint32_t place, uint32_t node) {
  const oi_node *n = oi_node_at(s->g, node);
  for (uint32_t i = 0; i < n->n_in; i++) OI_TRY(add_read(s, place, n->in[i]));
  for (int k = 0; k < oi_kind_regions(n->op); k++) {
    const oi_region *r = &s->g->regions.at[n->sub[k]];
    for (uint32_t i = r->first; i; i = oi_node_at(s->g, i)->next) OI_TRY(add_reads(s, place, i));
    for (uint32_t i = 0; i < r->n_yields; i++) OI_TRY(add_read(s, place, r->yields[i]));
  }
  return OINF_OK;
}

static oinf_status take_nodes(sequence *s) {
  uint32_t effect = NONE;
  for (uint32_t id = s->g->regions.at[s->region].first; id; id = oi_node_at(s->g, id)->next) {
    const uint32_t place = s->n++;
    s->id[place] = id, s->place[id] = place, s->effect[place] = NONE;
    s->from[place] = (uint32_t)s->reads.n;
    OI_TRY(add_reads(s, place, id));
    for (uint32_t i = 0; i < oi_node_at(s->g, id)->n_out; i++)
      s->bytes[oi_node_at(s->g, id)->out[i]] = bytes_of(s->g, oi_node_at(s->g, id)->out[i]);
    if (!oi_node_has_effect(s->g, id)) continue;
    s->effect[place] = effect, effect = place;
  }
  s->from[s->n] = (uint32_t)s->reads.n;
  return OINF_OK;
}

// ---- bytes that live ----

static void begin(sequence *s) {
  const oi_region *r = &s->g->regions.at[s->region];
  for (uint32_t i = 0; i < s->n; i++) {
    const oi_node *n = oi_node_at(s->g, s->id[i]);
    for (uint32_t k = 0; k < n->n_out; k++) s->left[n->out[k]] = 0;
  }
  for (size_t i = 0; i < s->reads.n; i++) s->left[s->reads.at[i]]++;
  for (uint32_t i = 0; i < r->n_yields; i++) s->left[r->yields[i]]++;
  for (size_t i = 0; i < s->g->outputs.n; i++) s->left[s->g->outputs.at[i].value]++;
  memset(s->done, 0, s->n * sizeof *s->done);
}

static uint64_t given(const sequence *s, uint32_t place) {
  const oi_node *n = oi_node_at(s->g, s->id[place]);
  uint64_t sum = 0;
  for (uint32_t i = 0; i < n->n_out; i++)
    if (s->left[n->out[i]]) sum += s->bytes[n->out[i]];
  return sum;
}

static uint64_t freed(const sequence *s, uint32_t place) {
  uint64_t sum = 0;
  for (uint32_t i = s->from[place]; i < s->from[place + 1]; i++)
    if (s->left[s->reads.at[i]] == 1) sum += s->bytes[s->reads.at[i]];
  return sum;
}

// Runs what stands at a place; the most that lived meanwhile is noted.
static void step(sequence *s, uint32_t place, uint64_t *now, uint64_t *most) {
  *now += given(s, place);
  if (*now > *most) *most = *now;
  *now -= freed(s, place);
  for (uint32_t i = s->from[place]; i < s->from[place + 1]; i++) s->left[s->reads.at[i]]--;
  s->done[place] = true;
}

static uint64_t peak_as_it_stands(sequence *s) {
  uint64_t now = 0, most = 0;
  begin(s);
  for (uint32_t i = 0; i < s->n; i++) step(s, i, &now, &most);
  return most;
}

// ---- the order that is tried ----

static bool is_ready(const sequence *s, uint32_t place) {
  if (s->done[place] || (s->effect[place] != NONE && !s->done[s->effect[place]])) return false;
  for (uint32_t i = s->from[place]; i < s->from[place + 1]; i++)
    if (!s->done[s->place[oi_val_at(s->g, s->reads.at[i])->node]]) return false;
  return true;
}

static uint64_t peak_of_another(sequence *s) {
  uint64_t now = 0, most = 0;
  begin(s);
  for (uint32_t k = 0; k < s->n; k++) {
    uint32_t best = NONE;
    int64_t least = INT64_MAX;
    for (uint32_t i = 0; i < s->n; i++) {
      if (!is_ready(s, i)) continue;
      const int64_t grows = (int64_t)given(s, i) - (int64_t)freed(s, i);
      if (grows < least) least = grows, best = i;
    }
    s->order[k] = best;
    step(s, best, &now, &most);
  }
  return most;
}

// ---- the pass ----

static void reorder(sequence *s) {
  for (uint32_t k = 0; k < s->n; k++)
    if (s->order[k] != k) s->p->changes++;
  for (uint32_t k = 0; k < s->n; k++) oi_node_move(s->g, s->id[s->order[k]], s->region, 0);
}

static oinf_status schedule_region(sequence *s, uint32_t region) {
  uint32_t n = 0;
  s->region = region, s->n = 0, s->reads.n = 0;
  for (uint32_t i = s->g->regions.at[region].first; i; i = oi_node_at(s->g, i)->next) n++;
  if (n < 3 || n > MOST_NODES) return OINF_OK;
  OI_TRY(take_nodes(s));
  const uint64_t before = peak_as_it_stands(s), after = peak_of_another(s);
  oi_text_put(&s->p->said, "schedule: region %u: %llu bytes live at most, %llu in another order\n",
              region, (unsigned long long)before, (unsigned long long)after);
  if (after < before) reorder(s);
  return OINF_OK;
}

oinf_status oi_opt_schedule(oi_pass *p) {
  oinf_graph *g = p->g;
  oi_arena arena;
  sequence s = {.p = p, .g = g};
  oi_arena_init(&arena, g->ctx);
  s.id = oi_arena_alloc(&arena, (MOST_NODES + 1) * 4 * sizeof *s.id);
  s.done = oi_arena_alloc(&arena, MOST_NODES);
  s.place = oi_arena_alloc(&arena, g->nodes.n * sizeof *s.place);
  s.left = oi_arena_alloc(&arena, g->values.n * sizeof *s.left);
  s.bytes = oi_arena_alloc(&arena, g->values.n * sizeof *s.bytes);
  const bool ok = s.id && s.done && s.place && s.left && s.bytes;
  oinf_status status = ok ? OINF_OK : oi_nomem(p->err, g->values.n);
  s.order = s.id + MOST_NODES + 1, s.from = s.order + MOST_NODES + 1;
  s.effect = s.from + MOST_NODES + 1;
  for (uint32_t r = 0; r < g->regions.n && status == OINF_OK; r++) {
    const uint32_t op = oi_node_at(g, g->regions.at[r].node)->op;
    if (r == 0 || op == OP_LOOP || op == OP_IF) status = schedule_region(&s, r);
  }
  oi_vec_free(g->ctx, &s.reads);
  oi_arena_free(&arena);
  return status;
}
