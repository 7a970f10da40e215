// See plan_paging.h. The items are walked once with every loop run through; each weight that a
// kernel takes by rows is a stream. Streams are cut into pages of at most a slot; what follows
// closely in the file joins the page before it, so a norm of 2 KiB does not cost a block of its
// own. The window is the range of blocks that saves the most reading: tensors lie in order of first
// use, so a range is as good as a set, and it is contiguous in memory as it is in the file.
#include "compiler/plan_paging.h"

#include <string.h>

typedef struct stream {
  oi_extent e;
  int64_t indexed;  // > 0: at most so many single rows instead of all
} stream;

// Weights in loops are counted out, iteration by iteration; a step that names more than this would
// not end in a lifetime.
enum {
  MOST_STREAMS = 1 << 22
};

typedef struct walk {
  const oi_plan *plan;
  const oi_paging_desc *desc;
  oinf_model *model;
  OI_VEC(stream) streams;
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
  out->row_bytes = t->pub.bytes / (uint64_t)out->rows;
  return true;
}

oi_page oi_extent_page(const oi_extent *e, int64_t row, int64_t rows) {
  uint64_t a = e->at + (uint64_t)row * e->row_bytes, z = a + (uint64_t)rows * e->row_bytes - 1;
  return (oi_page){a / OI_BLOCK, (uint32_t)(z / OI_BLOCK - a / OI_BLOCK + 1)};
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
  stream *s = oi_vec_push(w->plan->graph->ctx, &w->streams);
  if (s) *s = (stream){e, indexed};
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

static bool walk_items(walk *w, uint32_t from, uint32_t to);

static bool walk_loop(walk *w, uint32_t at) {
  const oi_item *item = &w->plan->items.at[at];
  const uint32_t sym = oi_node_at(w->plan->graph, item->node)->loop_sym;
  bool any = false;
  for (uint32_t i = at + 1; i < item->jump && !any; i++)
    any = names_weights(w, &w->plan->items.at[i]);
  for (int64_t i = item->from; any && i < item->to; i++) {
    w->syms[sym] = i;
    if (++w->turns > MOST_STREAMS || !walk_items(w, at + 1, item->jump)) return false;
  }
  return true;
}

static bool walk_items(walk *w, uint32_t from, uint32_t to) {
  for (uint32_t at = from; at < to; at++) {
    const oi_item *item = &w->plan->items.at[at];
    if (item->kind == OI_ITEM_RUN && !run_stream(w, item->node)) return false;
    if (item->kind == OI_ITEM_LOAD && !add_stream(w, item->node, 0)) return false;
    if (item->kind != OI_ITEM_LOOP) continue;
    if (!walk_loop(w, at)) return false;
    at = item->jump;
  }
  return true;
}

// ---- window and slots ----

// The least slot: every row, wherever it lies, fits into one.
static uint32_t least_slot(const oi_extent *e) {
  uint64_t inner = e->at % OI_BLOCK, rb = e->row_bytes;
  bool aligned = rb <= OI_BLOCK && OI_BLOCK % rb == 0 && inner % rb == 0;
  if (aligned) return 1;
  if (e->rows == 1) return (uint32_t)((inner + rb - 1) / OI_BLOCK + 1);
  return (uint32_t)((rb + OI_BLOCK - 2) / OI_BLOCK + 1);
}

static uint64_t stream_bytes(const stream *s) {
  return s->indexed ? 0 : (uint64_t)s->e.rows * s->e.row_bytes;
}

static bool in_window(oi_page window, oi_page page) {
  return window.count && page.first >= window.first &&
         page.first + page.count <= window.first + window.count;
}

// Bytes of the streams that lie in the window whole or in part.
static uint64_t saved(const walk *w, oi_page window) {
  uint64_t a = window.first * OI_BLOCK, z = (window.first + window.count) * OI_BLOCK, sum = 0;
  for (size_t i = 0; i < w->streams.n; i++) {
    const stream *s = &w->streams.at[i];
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
  for (size_t i = 0; i < w->streams.n; i++) {
    oi_page p = oi_extent_page(&w->streams.at[i].e, 0, w->streams.at[i].e.rows);
    if (p.first < first) first = p.first;
    if (p.first + p.count > end) end = p.first + p.count;
  }
  return w->streams.n ? (oi_page){first, (uint32_t)(end - first)} : (oi_page){0, 0};
}

// The window may start where a stream does: the best of at most a few hundred starts.
static oi_page best_window(const walk *w, oi_page all, uint64_t count) {
  oi_page best = {all.first, (uint32_t)count};
  uint64_t most = saved(w, best);
  size_t stride = w->streams.n / 256 + 1;
  for (size_t i = 0; i < w->streams.n && count; i += stride) {
    uint64_t first = w->streams.at[i].e.at / OI_BLOCK, end = all.first + all.count;
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
  for (size_t i = 0; i < w->streams.n; i++) {
    const stream *s = &w->streams.at[i];
    uint32_t least = least_slot(&s->e), *of = s->indexed ? row : slot;
    if (!in_window(window, oi_extent_page(&s->e, 0, s->e.rows)) && least > *of) *of = least;
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

// ---- pages ----

// Grows the last page over this one where both fit a slot; else begins a new one.
static bool add_page(oinf_ctx *ctx, oi_paging_plan *p, oi_page page) {
  oi_page *last = p->order.n ? &p->order.at[p->order.n - 1] : NULL;
  uint64_t end = page.first + page.count;
  if (last && page.first >= last->first && page.first <= last->first + last->count &&
      end <= last->first + p->slot) {
    if (end > last->first + last->count) last->count = (uint32_t)(end - last->first);
    return true;
  }
  last = oi_vec_push(ctx, &p->order);
  if (last) *last = page;
  return last != NULL;
}

// Rows are picked in the order of the file: where several lie in a block, it is read once for those
// within it, and once for the row across its end.
static uint64_t indexed_bytes(const stream *s) {
  const uint64_t least = least_slot(&s->e),
                 blocks = oi_extent_page(&s->e, 0, s->e.rows).count * (least + 1),
                 rows = s->indexed < s->e.rows ? (uint64_t)s->indexed : (uint64_t)s->e.rows;
  return (rows * least < blocks ? rows * least : blocks) * OI_BLOCK;
}

static bool cut_stream(const walk *w, const stream *s, oi_paging_plan *p) {
  if (in_window(p->window, oi_extent_page(&s->e, 0, s->e.rows))) return true;
  if (s->indexed) {
    p->read_per_step += indexed_bytes(s);
    return true;
  }
  for (int64_t row = 0; row < s->e.rows; row++) {
    oi_page page = oi_extent_page(&s->e, row, 1);
    if (in_window(p->window, page)) continue;
    if (!add_page(w->plan->graph->ctx, p, page)) return false;
  }
  return true;
}

// Blocks of a page that the page before it does not have: those are copied.
static uint64_t new_blocks(const oi_page *page, size_t index) {
  const oi_page none = {0, 0}, before = index ? page[-1] : none;
  uint64_t a = page->first > before.first ? page->first : before.first,
           end = page->first + page->count, z = before.first + before.count;
  if (end < z) z = end;
  return page->count - (z > a ? z - a : 0);
}

static bool cut(const walk *w, oi_paging_plan *p) {
  for (size_t i = 0; i < w->streams.n; i++)
    if (!cut_stream(w, &w->streams.at[i], p)) return false;
  for (size_t i = 0; i < p->order.n; i++)
    p->read_per_step += new_blocks(&p->order.at[i], i) * OI_BLOCK;
  return true;
}

static oinf_status make(walk *w, oi_err *err, oi_paging_plan *out) {
  const size_t wanted = w->streams.n * sizeof(stream);
  if (!walk_items(w, 0, (uint32_t)w->plan->items.n)) {
    if (w->turns <= MOST_STREAMS) return oi_nomem(err, wanted);
    return oi_fail(err, OINF_SUPPORT, "loops run over weights more than %d times", MOST_STREAMS);
  }
  OI_TRY(choose(w, err, out));
  out->bytes = arena(out);
  return cut(w, out) ? OINF_OK : oi_nomem(err, wanted);
}

oinf_status oi_paging_make(const oi_plan *plan, const oi_paging_desc *desc, oi_err *err,
                           oi_paging_plan *out) {
  oinf_graph *g = plan->graph;
  *out = (oi_paging_plan){0};
  walk w = {.plan = plan, .desc = desc, .model = g->model};
  const size_t n_syms = (oi_dims_sym_count(g->dims) + 1) * sizeof(int64_t);
  w.syms = oi_alloc(g->ctx, n_syms);
  oinf_status status = w.syms ? make(&w, err, out) : oi_nomem(err, n_syms);
  oi_vec_free(g->ctx, &w.streams);
  oi_free(g->ctx, w.syms, n_syms);
  if (status != OINF_OK) oi_paging_free(g->ctx, out);
  return status;
}

void oi_paging_free(oinf_ctx *ctx, oi_paging_plan *p) { oi_vec_free(ctx, &p->order); }

// ---- at run time ----

static bool covers(oi_page have, oi_page want) {
  return want.first >= have.first && want.first + want.count <= have.first + have.count;
}

static int64_t rows_until(const oi_extent *e, int64_t row, uint64_t end_block) {
  uint64_t a = e->at + (uint64_t)row * e->row_bytes,
           fit = (end_block * OI_BLOCK - a) / e->row_bytes;
  return fit < (uint64_t)(e->rows - row) ? (int64_t)fit : e->rows - row;
}

int64_t oi_paging_tile(const oi_paging_plan *p, oi_cursor *c, const oi_extent *e, int64_t row,
                       oi_page *out_page) {
  oi_page first = oi_extent_page(e, row, 1);
  if (in_window(p->window, first)) {
    int64_t rows = rows_until(e, row, p->window.first + p->window.count);
    *out_page = oi_extent_page(e, row, rows);
    return rows;
  }
  for (size_t k = 0; !covers(c->page, first) && k < p->order.n; k++) {
    size_t i = (c->next + k) % p->order.n;
    if (covers(p->order.at[i], first)) c->page = p->order.at[i], c->next = i + 1;
  }
  if (!covers(c->page, first)) c->page = first;  // the schedule did not foresee it
  *out_page = c->page;
  return rows_until(e, row, c->page.first + c->page.count);
}
