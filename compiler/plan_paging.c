// See plan_paging.h. The items are walked once with every loop run through and both sides of every
// branch; each weight that a kernel takes by rows is a stream. The window is the range of blocks
// that saves the most reading: tensors lie in order of first use, so a range is as good as a set,
// and it is contiguous in memory as it is in the file. Streams are cut into pages in plan_pages.c.
#include "compiler/plan_streams.h"

// Weights in loops are counted out, iteration by iteration; a step that names more than this would
// not end in a lifetime.
enum {
  MOST_STREAMS = 1 << 22
};

typedef struct walk {
  const oi_plan *plan;
  const oi_paging_desc *desc;
  const oinf_model *model;
  oi_streams list;
  int64_t *syms;
  uint64_t turns;  // of loops that hold weights
} walk;

bool oi_extent_of(const oinf_model *m, const oi_pager *pager, uint32_t tensor, oi_extent *out) {
  const oi_tensor *t = &m->tensors.at[tensor];
  if (t->kind != OI_TENSOR_BYTES || t->pub.bytes == 0) return false;
  uint64_t block = oi_pager_block_of(pager, t->source, t->offset);
  uint64_t start = m->n_crc && t->source == 0 ? m->weights_offset : 0;
  out->at = block * OI_BLOCK + (t->offset - start) % OI_BLOCK;
  out->rows = t->pub.rank >= 2 ? t->pub.dims[0] : 1;
  if (t->layout == OI_LAYOUT_GROUPS) out->rows = oi_groups(out->rows);
  out->row_bytes = t->pub.bytes / (uint64_t)out->rows;
  return true;
}

// ---- the streams of a step ----

static bool is_read(const walk *w, uint32_t source) {
  if (w->desc->count_mapped) return w->model->sources.at[source].fd >= 0;
  return !oi_pager_mapped(w->desc->pager, source);
}

static bool add_stream(walk *w, uint32_t node, int64_t indexed) {
  int64_t t = oi_weight_resolve(w->plan->graph, node, w->syms);
  oi_extent e;
  if (t == OI_NO_MEMORY) return false;
  if (t < 0 || !oi_extent_of(w->model, w->desc->pager, (uint32_t)t, &e)) return true;
  if (!is_read(w, w->model->tensors.at[t].source)) return true;
  oi_stream *s = oi_vec_push(w->plan->graph->ctx, &w->list.all);
  if (s) *s = (oi_stream){e, indexed};
  return s != NULL;
}

static int64_t rows_hi(const oi_plan *p, const oi_value *v) {
  int64_t n = 1, lo, hi;
  for (uint32_t i = 0; i < v->type.rank; i++) {
    oi_dims_bounds(p->graph->dims, v->type.dim[i], p->sym_lo, p->sym_hi, &lo, &hi);
    if (__builtin_mul_overflow(n, hi, &n)) return INT64_MAX / 2;
  }
  return n;
}

static bool run_stream(walk *w, uint32_t id) {
  const oinf_graph *g = w->plan->graph;
  oi_paging how;
  int operand = oi_plan_paged_operand(g, id, &how);
  if (operand < 0) return true;
  const oi_node *n = oi_node_at(g, id);
  uint32_t weight = oi_val_at(g, n->in[operand])->node;
  return add_stream(w, weight,
                    how == OI_PAGE_INDEXED ? rows_hi(w->plan, oi_val_at(g, n->in[1])) : 0);
}

static bool names_weights(const walk *w, const oi_item *item) {
  oi_paging how;
  if (item->kind == OI_ITEM_LOAD) return true;
  return item->kind == OI_ITEM_RUN && oi_plan_paged_operand(w->plan->graph, item->node, &how) >= 0;
}

static bool any_weight(const walk *w, uint32_t from, uint32_t to) {
  bool any = false;
  for (uint32_t i = from; i < to && !any; i++) any = names_weights(w, &w->plan->items.at[i]);
  return any;
}

static bool walk_items(walk *w, uint32_t from, uint32_t to);

static bool walk_loop(walk *w, uint32_t at) {
  const oi_item *item = &w->plan->items.at[at];
  const uint32_t sym = oi_node_at(w->plan->graph, item->node)->loop_sym;
  const bool any = any_weight(w, at + 1, item->jump);
  for (int64_t i = item->from; any && i < item->to; i++) {
    w->syms[sym] = i;
    if (++w->turns > MOST_STREAMS || !walk_items(w, at + 1, item->jump)) return false;
  }
  return true;
}

static bool mark(walk *w, uint32_t at) {
  oi_mark *m = oi_vec_push(w->plan->graph->ctx, &w->list.marks);
  if (m) *m = (oi_mark){w->list.all.n, w->plan->items.at[at].kind, at};
  return m != NULL;
}

// A branch whose sides name weights: walked as item IF, side 0, ELSE, side 1, ENDIF.
static bool walk_branch(walk *w, uint32_t at) {
  const uint32_t els = w->plan->items.at[at].jump, end = w->plan->items.at[els].jump;
  if (!any_weight(w, at, end)) return true;
  return mark(w, at) && walk_items(w, at + 1, els) && mark(w, els) && walk_items(w, els + 1, end) &&
         mark(w, end);
}

static bool walk_items(walk *w, uint32_t from, uint32_t to) {
  for (uint32_t at = from; at < to; at++) {
    const oi_item *item = &w->plan->items.at[at];
    if (item->kind == OI_ITEM_RUN && !run_stream(w, item->node)) return false;
    if (item->kind == OI_ITEM_LOAD && !add_stream(w, item->node, 0)) return false;
    if (item->kind == OI_ITEM_IF) {
      if (!walk_branch(w, at)) return false;
      at = w->plan->items.at[item->jump].jump;
    }
    if (item->kind != OI_ITEM_LOOP) continue;
    if (!walk_loop(w, at)) return false;
    at = item->jump;
  }
  return true;
}

// ---- window and slots ----

uint32_t oi_least_slot(const oi_extent *e) {
  uint64_t inner = e->at % OI_BLOCK, rb = e->row_bytes;
  bool aligned = rb <= OI_BLOCK && OI_BLOCK % rb == 0 && inner % rb == 0;
  if (aligned) return 1;
  if (e->rows == 1) return (uint32_t)((inner + rb - 1) / OI_BLOCK + 1);
  return (uint32_t)((rb + OI_BLOCK - 2) / OI_BLOCK + 1);
}

static uint64_t stream_bytes(const oi_stream *s) {
  return s->indexed ? 0 : (uint64_t)s->e.rows * s->e.row_bytes;
}

// Bytes of the streams that lie in the window whole or in part.
static uint64_t saved(const walk *w, oi_page window) {
  uint64_t a = window.first * OI_BLOCK, z = (window.first + window.count) * OI_BLOCK, sum = 0;
  for (size_t i = 0; i < w->list.all.n; i++) {
    const oi_stream *s = &w->list.all.at[i];
    uint64_t from = s->e.at, to = from + stream_bytes(s);
    if (from < a) from = a;
    if (to > z) to = z;
    if (to > from) sum += to - from;
  }
  return sum;
}

// The blocks from the first that a stream touches to the last.
static oi_page whole(const walk *w) {
  uint64_t first = UINT64_MAX, end = 0;
  for (size_t i = 0; i < w->list.all.n; i++) {
    oi_page p = oi_extent_page(&w->list.all.at[i].e, 0, w->list.all.at[i].e.rows);
    if (p.first < first) first = p.first;
    if (p.first + p.count > end) end = p.first + p.count;
  }
  return w->list.all.n ? (oi_page){first, (uint32_t)(end - first)} : (oi_page){0, 0};
}

// The window may start where a stream does: the best of at most a few hundred starts.
static oi_page best_window(const walk *w, oi_page all, uint64_t count) {
  oi_page best = {all.first, (uint32_t)count};
  uint64_t most = saved(w, best);
  size_t stride = w->list.all.n / 256 + 1;
  for (size_t i = 0; i < w->list.all.n && count; i += stride) {
    uint64_t first = w->list.all.at[i].e.at / OI_BLOCK, end = all.first + all.count;
    if (first + count > end) first = end - count;
    oi_page page = {first, (uint32_t)count};
    uint64_t s = saved(w, page);
    if (s > most) most = s, best = page;
  }
  return best;
}

// The least slots for what is not in the window.
static void least_slots(const walk *w, oi_page window, uint32_t *slot, uint32_t *row) {
  *slot = *row = 0;
  for (size_t i = 0; i < w->list.all.n; i++) {
    const oi_stream *s = &w->list.all.at[i];
    uint32_t least = oi_least_slot(&s->e), *of = s->indexed ? row : slot;
    if (!oi_in_window(window, oi_extent_page(&s->e, 0, s->e.rows)) && least > *of) *of = least;
  }
}

static uint64_t arena(const oi_paging_plan *p) {
  return ((uint64_t)p->window.count + 2 * (uint64_t)p->slot + p->row_slot) * OI_BLOCK;
}

static bool home_serves(const walk *w, oi_paging_plan *out) {
  const oi_paging_plan *home = w->desc->home;
  uint32_t slot, row;
  if (!home || arena(home) > w->desc->room) return false;
  least_slots(w, home->window, &slot, &row);
  if (slot > home->slot || row > home->row_slot) return false;
  out->window = home->window, out->slot = home->slot, out->row_slot = home->row_slot;
  return true;
}

static oinf_status choose(const walk *w, oi_err *err, oi_paging_plan *out) {
  const oi_page all = whole(w), none = {0, 0};
  uint32_t slot, row;
  least_slots(w, none, &slot, &row);
  uint64_t least = 2 * (uint64_t)slot + row;
  if (least > all.count) least = all.count;
  out->smallest = least * OI_BLOCK;
  const uint64_t fit = w->desc->room ? w->desc->room / OI_BLOCK : least;
  if (fit < least)
    return oi_fail(err, OINF_BUDGET, "the weights need %llu bytes at least",
                   (unsigned long long)out->smallest);
  if (home_serves(w, out)) return OINF_OK;
  if (fit >= all.count) return out->window = all, OINF_OK;
  uint64_t want = fit / 8 < 8 ? fit / 8 : 8;
  out->slot = want > slot && slot ? (uint32_t)want : slot, out->row_slot = row;
  out->window = best_window(w, all, fit - 2 * (uint64_t)out->slot - row);
  return OINF_OK;
}

// ---- the plan ----

static oinf_status make(walk *w, oi_err *err, oi_paging_plan *out) {
  const oinf_graph *g = w->plan->graph;
  const size_t wanted = w->list.all.n * sizeof(oi_stream);
  if (!walk_items(w, 0, (uint32_t)w->plan->items.n)) {
    if (w->turns <= MOST_STREAMS) return oi_nomem(err, wanted);
    return oi_fail(err, OINF_SUPPORT, "loops run over weights more than %d times", MOST_STREAMS);
  }
  OI_TRY(choose(w, err, out));
  out->bytes = arena(out);
  return oi_paging_cut(g->ctx, w->desc->pager, &w->list, out) ? OINF_OK : oi_nomem(err, wanted);
}

oinf_status oi_paging_make(const oi_plan *plan, const oi_paging_desc *desc, oi_err *err,
                           oi_paging_plan *out) {
  oinf_graph *g = plan->graph;
  *out = (oi_paging_plan){0};
  walk w = {.plan = plan, .desc = desc, .model = desc->model ? desc->model : g->model};
  const size_t n_syms = (oi_dims_sym_count(g->dims) + 1) * sizeof(int64_t);
  w.syms = oi_alloc(g->ctx, n_syms);
  oinf_status status = w.syms ? make(&w, err, out) : oi_nomem(err, n_syms);
  oi_vec_free(g->ctx, &w.list.all);
  oi_vec_free(g->ctx, &w.list.marks);
  oi_free(g->ctx, w.syms, n_syms);
  if (status != OINF_OK) oi_paging_free(g->ctx, out);
  return status;
}

void oi_paging_free(oinf_ctx *ctx, oi_paging_plan *p) {
  oi_vec_free(ctx, &p->order);
  oi_vec_free(ctx, &p->forks);
}
