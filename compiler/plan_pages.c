// Pages of a step. Streams are cut into pages of at most a slot; what follows closely in the file
// joins the page before it, so a norm of 2 KiB does not cost a block of its own. The sides of a
// branch are cut apart, each behind a fence: nothing is read ahead that may not be used. What a
// step reads is found by running its order through a model of the pager's ring, along the dearest
// way through the branches; so it is stated to the byte, but for rows that an index picks (at
// most).
#include "compiler/plan_streams.h"

// The pager's two slots, as far as their contents decide what is read.
typedef struct ring {
  oi_page slot[2];
  int current;
  uint64_t bytes;  // read so far
} ring;

// What the ways through the branches so far have left in the ring: two pages on, it is the same.
enum {
  MOST_WAYS = 16
};
typedef struct rings {
  ring at[MOST_WAYS];
  int n;
} rings;

typedef struct cutting {
  oinf_ctx *ctx;
  const oi_pager *pager;
  const oi_streams *list;
  oi_paging_plan *out;
  size_t stream, mark;  // next
  size_t fresh;         // pages before this one are not joined to
} cutting;

// ---- pages ----

// Grows the last page over this one where both fit a slot; else begins a new one.
static bool add_page(cutting *c, oi_page page) {
  oi_paging_plan *p = c->out;
  oi_page *last = p->order.n > c->fresh ? &p->order.at[p->order.n - 1] : NULL;
  uint64_t end = page.first + page.count;
  if (last && page.first >= last->first && page.first <= last->first + last->count &&
      end <= last->first + p->slot) {
    if (end > last->first + last->count) last->count = (uint32_t)(end - last->first);
    return true;
  }
  last = oi_vec_push(c->ctx, &p->order);
  if (last) *last = page;
  return last != NULL;
}

static bool cut_stream(cutting *c, const oi_stream *s) {
  const oi_page window = c->out->window;
  if (s->indexed || oi_in_window(window, oi_extent_page(&s->e, 0, s->e.rows))) return true;
  for (int64_t row = 0; row < s->e.rows; row++) {
    oi_page page = oi_extent_page(&s->e, row, 1);
    if (!oi_in_window(window, page) && !add_page(c, page)) return false;
  }
  return true;
}

static bool add_fence(cutting *c) {
  oi_page *fence = oi_vec_push(c->ctx, &c->out->order);
  if (fence) *fence = (oi_page){0, 0}, c->fresh = c->out->order.n;
  return fence != NULL;
}

static bool add_fork(cutting *c, uint32_t item) {
  oi_fork *f = oi_vec_push(c->ctx, &c->out->forks);
  if (f) *f = (oi_fork){.item = item};
  return f != NULL;
}

static bool cut_branch(cutting *c);

// Up to the mark of this kind, which is taken.
static bool cut_until(cutting *c, oi_item_kind kind) {
  for (;;) {
    const oi_mark *m = c->mark < c->list->marks.n ? &c->list->marks.at[c->mark] : NULL;
    if (m && m->at == c->stream) {
      if (m->kind == kind) return c->mark++, true;
      if (!cut_branch(c)) return false;
    } else if (c->stream == c->list->all.n) {
      return true;
    } else if (!cut_stream(c, &c->list->all.at[c->stream++])) {
      return false;
    }
  }
}

// Fences that have no page behind them go again.
static void drop_fences(cutting *c, size_t begin, size_t first_fork) {
  oi_paging_plan *p = c->out;
  for (size_t i = begin; i < p->order.n; i++)
    if (p->order.at[i].count) return;
  p->order.n = begin;
  for (size_t i = first_fork; i < p->forks.n; i++)
    p->forks.at[i].page[0] = p->forks.at[i].page[1] = begin;
}

static bool cut_branch(cutting *c) {
  oi_paging_plan *p = c->out;
  const size_t begin = p->order.n, fork = p->forks.n, fresh = c->fresh;
  if (!add_fork(c, c->list->marks.at[c->mark++].item) || !add_fence(c)) return false;
  p->forks.at[fork].page[0] = p->order.n;
  if (!cut_until(c, OI_ITEM_ELSE)) return false;
  const size_t turn = p->forks.n;
  if (!add_fork(c, c->list->marks.at[c->mark - 1].item) || !add_fence(c)) return false;
  p->forks.at[fork].page[1] = p->order.n, p->forks.at[fork].skip = p->forks.n;
  if (!cut_until(c, OI_ITEM_ENDIF)) return false;
  p->forks.at[turn].page[0] = p->forks.at[turn].page[1] = p->order.n;
  p->forks.at[turn].skip = p->forks.n;
  c->fresh = p->order.n;
  drop_fences(c, begin, fork);
  if (p->order.n == begin) c->fresh = fresh;
  return true;
}

// ---- what is read ----

// Rows are picked in the order of the file: where several lie in a block, it is read once for those
// within it, and once for the row across its end.
static uint64_t indexed_bytes(const oi_stream *s) {
  const uint64_t least = oi_least_slot(&s->e),
                 blocks = oi_extent_page(&s->e, 0, s->e.rows).count * (least + 1),
                 rows = s->indexed < s->e.rows ? (uint64_t)s->indexed : (uint64_t)s->e.rows;
  return (rows * least < blocks ? rows * least : blocks) * OI_BLOCK;
}

static void ask(const oi_pager *pager, ring *r, oi_page page) {
  for (int i = 0; i < 2; i++)
    if (oi_page_covers(r->slot[i], page)) {
      r->current = i;
      return;
    }
  const int i = r->current == 0 ? 1 : 0;
  for (uint32_t k = 0; k < page.count; k++)
    if (!oi_page_covers(r->slot[1 - i], (oi_page){page.first + k, 1}))
      r->bytes += oi_pager_block_bytes(pager, page.first + k);
  r->slot[i] = page, r->current = i;
}

static bool same_slots(const ring *a, const ring *b) {
  bool same = a->current == b->current;
  for (int i = 0; i < 2; i++)
    same = same && a->slot[i].first == b->slot[i].first && a->slot[i].count == b->slot[i].count;
  return same;
}

// Of ways that leave the same, the dearest stays. One too many joins the last one, which then has
// its bytes and nothing in the slots: no way reads more.
static void put_way(rings *set, const ring *r) {
  for (int i = 0; i < set->n; i++) {
    if (!same_slots(&set->at[i], r)) continue;
    if (r->bytes > set->at[i].bytes) set->at[i].bytes = r->bytes;
    return;
  }
  if (set->n < MOST_WAYS) {
    set->at[set->n++] = *r;
    return;
  }
  ring *last = &set->at[MOST_WAYS - 1];
  *last = (ring){.current = -1, .bytes = r->bytes > last->bytes ? r->bytes : last->bytes};
}

static void ask_all(const oi_pager *pager, rings *set, oi_page page) {
  rings next = {.n = 0};
  for (int i = 0; i < set->n; i++) {
    ask(pager, &set->at[i], page);
    put_way(&next, &set->at[i]);
  }
  *set = next;
}

static uint64_t dearest(const rings *set) {
  uint64_t most = 0;
  for (int i = 0; i < set->n; i++)
    if (set->at[i].bytes > most) most = set->at[i].bytes;
  return most;
}

// Pages from `at` to `end`, with the forks among them; `fork` is the next.
static void run_order(const oi_pager *pager, const oi_paging_plan *p, rings *set, size_t at,
                      size_t end, size_t *fork) {
  while (at < end) {
    if (p->order.at[at].count) {
      ask_all(pager, set, p->order.at[at++]);
      continue;
    }
    while (p->forks.at[*fork].page[0] != at + 1) ++*fork;  // of branches without pages
    const oi_fork *f = &p->forks.at[(*fork)++], *turn = &p->forks.at[f->skip - 1];
    rings other = *set;
    run_order(pager, p, set, f->page[0], f->page[1] - 1, fork);
    *fork = f->skip;
    run_order(pager, p, &other, f->page[1], turn->page[1], fork);
    for (int i = 0; i < other.n; i++) put_way(set, &other.at[i]);
    at = turn->page[1], *fork = turn->skip;
  }
}

// The dearer way through the rows that indices pick.
static uint64_t picked(cutting *c, oi_item_kind until) {
  uint64_t bytes = 0;
  for (;;) {
    const oi_mark *m = c->mark < c->list->marks.n ? &c->list->marks.at[c->mark] : NULL;
    if (m && m->at == c->stream) {
      c->mark++;
      if (m->kind == until) return bytes;
      const uint64_t a = picked(c, OI_ITEM_ELSE), b = picked(c, OI_ITEM_ENDIF);
      bytes += a > b ? a : b;
      continue;
    }
    if (c->stream == c->list->all.n) return bytes;
    const oi_stream *s = &c->list->all.at[c->stream++];
    if (s->indexed && !oi_in_window(c->out->window, oi_extent_page(&s->e, 0, s->e.rows)))
      bytes += indexed_bytes(s);
  }
}

static void count_reads(cutting *c) {
  oi_paging_plan *p = c->out;
  rings set = {.at = {{.current = -1}}, .n = 1};
  size_t fork = 0;
  c->stream = c->mark = 0;
  const uint64_t rows = picked(c, OI_ITEM_RUN);
  run_order(c->pager, p, &set, 0, p->order.n, &fork);
  p->read_first = dearest(&set) + rows;
  for (int i = 0; i < set.n; i++) set.at[i].bytes = 0;
  fork = 0;
  run_order(c->pager, p, &set, 0, p->order.n, &fork);
  p->read_per_step = dearest(&set) + rows;
}

bool oi_paging_cut(oinf_ctx *ctx, const oi_pager *pager, const oi_streams *list,
                   oi_paging_plan *out) {
  cutting c = {.ctx = ctx, .pager = pager, .list = list, .out = out};
  if (!cut_until(&c, OI_ITEM_RUN)) return false;
  count_reads(&c);
  return true;
}
