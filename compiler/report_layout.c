// Layers by the longest way from the top, bends where a link crosses a layer, a few sweeps that
// sort each layer by the mean place of its neighbours, and a few that pull boxes towards theirs as
// far as the row allows. Good enough for networks, whose graphs are long and narrow; crossings are
// not minimal, and very wide layers are as wide as they are.
#include <stdlib.h>

#include "compiler/report_layout.h"

enum {
  GAP_X = 26,
  GAP_Y = 30,
  SWEEPS = 12,
  PULLS = 24,
  MOST_BENDS = 4000
};

uint32_t oi_layout_box(oinf_ctx *ctx, oi_layout *l, int32_t w, int32_t h) {
  oi_box *b = oi_vec_push(ctx, &l->boxes);
  if (!b) return UINT32_MAX;
  b->w = w, b->h = h;
  return (uint32_t)l->boxes.n - 1;
}

bool oi_layout_link(oinf_ctx *ctx, oi_layout *l, uint32_t from, uint32_t to, uint32_t tag) {
  for (size_t i = 0; i < l->links.n; i++)
    if (l->links.at[i].from == from && l->links.at[i].to == to) return true;
  oi_link *k = oi_vec_push(ctx, &l->links);
  if (!k) return false;
  *k = (oi_link){from, to, tag};
  return true;
}

void oi_layout_free(oinf_ctx *ctx, oi_layout *l) {
  oi_vec_free(ctx, &l->boxes);
  oi_vec_free(ctx, &l->links);
}

// ---- layers ----

static int by_start(const void *a, const void *b) {
  const oi_link *x = a, *y = b;
  if (x->from != y->from) return x->from < y->from ? -1 : 1;
  return x->to < y->to ? -1 : x->to > y->to;
}

// As many turns as there are boxes are enough for a graph without cycles; a link that is left
// pointing upwards then closes one, and goes.
static void give_layers(oi_layout *l) {
  bool moved = true;
  if (l->links.n) qsort(l->links.at, l->links.n, sizeof *l->links.at, by_start);
  for (size_t turn = 0; moved && turn < l->boxes.n; turn++) {
    moved = false;
    for (size_t i = 0; i < l->links.n; i++) {
      const uint32_t below = l->boxes.at[l->links.at[i].from].layer + 1;
      oi_box *to = &l->boxes.at[l->links.at[i].to];
      if (to->layer < below) to->layer = below, moved = true;
    }
  }
  size_t n = 0;
  for (size_t i = 0; i < l->links.n; i++) {
    const oi_link k = l->links.at[i];
    if (l->boxes.at[k.from].layer < l->boxes.at[k.to].layer) l->links.at[n++] = k;
  }
  l->links.n = n;
  // What nothing leads to stands right above what it leads to.
  for (uint32_t i = 0; i < l->boxes.n; i++) {
    uint32_t least = UINT32_MAX;
    bool source = true;
    for (size_t k = 0; k < l->links.n; k++) {
      source &= l->links.at[k].to != i;
      if (l->links.at[k].from != i) continue;
      const uint32_t to = l->boxes.at[l->links.at[k].to].layer;
      least = to < least ? to : least;
    }
    if (source && least != UINT32_MAX) l->boxes.at[i].layer = least - 1;
  }
}

static bool bend(oinf_ctx *ctx, oi_layout *l) {
  const size_t n = l->links.n;
  size_t bends = 0;
  for (size_t i = 0; i < n; i++)
    bends += l->boxes.at[l->links.at[i].to].layer - l->boxes.at[l->links.at[i].from].layer - 1;
  for (size_t i = 0; i < n && bends <= MOST_BENDS; i++) {
    const oi_link link = l->links.at[i];
    const uint32_t last = l->boxes.at[link.to].layer;
    uint32_t from = link.from;
    for (uint32_t layer = l->boxes.at[from].layer + 1; layer < last; layer++) {
      const uint32_t b = oi_layout_box(ctx, l, 0, 0);
      if (b == UINT32_MAX) return false;
      l->boxes.at[b].layer = layer;
      if (from == link.from) l->links.at[i].to = b;
      else if (!oi_layout_link(ctx, l, from, b, link.tag)) return false;
      from = b;
    }
    if (from != link.from && !oi_layout_link(ctx, l, from, link.to, link.tag)) return false;
  }
  return true;
}

// ---- rows ----

// The boxes of a layer stand in a row; links by their starts and by their ends.
typedef struct table {
  oi_layout *l;
  uint32_t *box, *row, n_rows;  // row[k] .. row[k + 1] - 1 of box are layer k
  oi_link *down, *up;           // sorted by from, by to
  uint32_t *down_of, *up_of;    // where those of a box begin
  int32_t *left, *right;        // room for pulling
} table;

static int by_end(const void *a, const void *b) {
  const oi_link *x = a, *y = b;
  if (x->to != y->to) return x->to < y->to ? -1 : 1;
  return x->from < y->from ? -1 : x->from > y->from;
}

static void fill_table(table *t) {
  const size_t n = t->l->boxes.n, m = t->l->links.n;
  for (size_t i = 0; i < m; i++) t->down[i] = t->up[i] = t->l->links.at[i];
  qsort(t->down, m, sizeof *t->down, by_start);
  qsort(t->up, m, sizeof *t->up, by_end);
  for (size_t i = 0; i < m; i++) t->down_of[t->down[i].from + 1]++, t->up_of[t->up[i].to + 1]++;
  for (size_t i = 0; i < n; i++) t->row[t->l->boxes.at[i].layer + 1]++;
  for (size_t i = 0; i < n; i++) t->down_of[i + 1] += t->down_of[i], t->up_of[i + 1] += t->up_of[i];
  for (uint32_t k = 0; k < t->n_rows; k++) t->row[k + 1] += t->row[k];
  for (uint32_t k = t->n_rows; k > 0; k--) t->row[k] = t->row[k - 1];
  for (uint32_t i = 0; i < n; i++) {
    oi_box *b = &t->l->boxes.at[i];
    const uint32_t at = t->row[b->layer + 1]++;
    t->box[at] = i, b->rank = (int32_t)at;
  }
  for (uint32_t k = 0; k < t->n_rows; k++)
    for (uint32_t i = t->row[k]; i < t->row[k + 1]; i++)
      t->l->boxes.at[t->box[i]].rank -= (int32_t)t->row[k];
}

// The mean of what `measure` says of a box's neighbours above or below, what it says of itself
// where there are none. Neighbours of bends that are bends count most, so that long lines are
// straight.
typedef int32_t measure_fn(const oi_box *b);
static int32_t rank_of(const oi_box *b) { return b->rank * 64; }
static int32_t middle_of(const oi_box *b) { return b->x + b->w / 2; }

static int32_t mean(const table *t, uint32_t box, bool above, measure_fn *measure) {
  const oi_box *boxes = t->l->boxes.at;
  const uint32_t *of = above ? t->up_of : t->down_of;
  int64_t sum = 0, count = 0;
  for (uint32_t i = of[box]; i < of[box + 1]; i++) {
    const uint32_t other = above ? t->up[i].from : t->down[i].to;
    const int bends = (box >= t->l->n_given) + (other >= t->l->n_given);
    const int64_t weight = bends == 2 ? 8 : 1 + bends;
    sum += weight * measure(&boxes[other]), count += weight;
  }
  return count ? (int32_t)(sum / count) : measure(&boxes[box]);
}

// ---- the order in a row ----

static void sort_row(table *t, uint32_t row, bool above) {
  oi_box *boxes = t->l->boxes.at;
  uint32_t *box = t->box + t->row[row];
  const uint32_t n = t->row[row + 1] - t->row[row];
  for (uint32_t i = 0; i < n; i++) boxes[box[i]].sum = mean(t, box[i], above, rank_of);
  for (uint32_t i = 1; i < n; i++) {  // insertion keeps what is equal as it was
    const uint32_t b = box[i];
    uint32_t k = i;
    for (; k > 0 && boxes[box[k - 1]].sum > boxes[b].sum; k--) box[k] = box[k - 1];
    box[k] = b;
  }
  for (uint32_t i = 0; i < n; i++) boxes[box[i]].rank = (int32_t)i;
}

// ---- places ----

static void pack_rows(table *t) {
  for (uint32_t row = 0, y = 0; row < t->n_rows; row++) {
    int32_t x = 0, most = 0;
    for (uint32_t i = t->row[row]; i < t->row[row + 1]; i++) {
      oi_box *b = &t->l->boxes.at[t->box[i]];
      b->x = x, x += b->w + GAP_X;
      most = b->h > most ? b->h : most;
    }
    for (uint32_t i = t->row[row]; i < t->row[row + 1]; i++) {
      oi_box *b = &t->l->boxes.at[t->box[i]];
      if (t->box[i] >= t->l->n_given) b->h = most;  // a bend passes the row straight
      b->y = (int32_t)y + (most - b->h) / 2;
      b->top = (int32_t)y, b->low = (int32_t)y + most;
    }
    y += (uint32_t)(most + GAP_Y);
    t->l->h = (int32_t)y - GAP_Y;
  }
}

// Each box wants the middle of its neighbours. Pushed right until none overlap, and pushed left:
// the mean of the two keeps every distance.
static void pull_row(table *t, uint32_t row, bool above) {
  oi_box *boxes = t->l->boxes.at;
  const uint32_t *box = t->box + t->row[row];
  const uint32_t n = t->row[row + 1] - t->row[row];
  for (uint32_t i = 0; i < n; i++) {
    const oi_box *b = &boxes[box[i]];
    t->left[i] = t->right[i] = mean(t, box[i], above, middle_of) - b->w / 2;
    const int32_t least = i ? t->left[i - 1] + boxes[box[i - 1]].w + GAP_X : INT32_MIN;
    if (t->left[i] < least) t->left[i] = least;
  }
  for (uint32_t i = n; i-- > 1;) {
    const int32_t most = t->right[i] - GAP_X - boxes[box[i - 1]].w;
    if (t->right[i - 1] > most) t->right[i - 1] = most;
  }
  for (uint32_t i = 0; i < n; i++) boxes[box[i]].x = (t->left[i] + t->right[i]) / 2;
}

// How far a box may go without meeting its neighbours in the row.
static void limits(const table *t, uint32_t box, int32_t *least, int32_t *most) {
  const oi_box *boxes = t->l->boxes.at, *b = &boxes[box];
  const uint32_t at = t->row[b->layer] + (uint32_t)b->rank;
  if (b->rank > 0) {
    const oi_box *left = &boxes[t->box[at - 1]];
    const int32_t x = left->x + left->w + GAP_X;
    if (x > *least) *least = x;
  }
  if (at + 1 < t->row[b->layer + 1]) {
    const int32_t x = boxes[t->box[at + 1]].x - GAP_X;
    if (x < *most) *most = x;
  }
}

// The bends of one link under each other, where there is a place for all of them.
static void straighten(table *t, uint32_t first) {
  oi_box *boxes = t->l->boxes.at;
  int32_t least = INT32_MIN, most = INT32_MAX;
  uint32_t b = first;
  for (; b >= t->l->n_given; b = t->down[t->down_of[b]].to) limits(t, b, &least, &most);
  if (least > most) return;
  const int32_t wish = boxes[first].x, x = wish < least ? least : wish > most ? most : wish;
  for (b = first; b >= t->l->n_given; b = t->down[t->down_of[b]].to) boxes[b].x = x;
}

static void straighten_all(table *t) {
  for (uint32_t b = t->l->n_given; b < t->l->boxes.n; b++)
    if (t->up[t->up_of[b]].from < t->l->n_given) straighten(t, b);
}

static void arrange(table *t) {
  for (int i = 0; i < SWEEPS; i++)
    for (uint32_t k = 0; k < t->n_rows; k++) sort_row(t, i % 2 ? t->n_rows - 1 - k : k, i % 2 == 0);
  pack_rows(t);
  for (int i = 0; i < PULLS; i++)
    for (uint32_t k = 0; k < t->n_rows; k++) pull_row(t, i % 2 ? t->n_rows - 1 - k : k, i % 2 == 0);
  straighten_all(t);
  int32_t least = INT32_MAX, most = INT32_MIN;
  for (size_t i = 0; i < t->l->boxes.n; i++) {
    const oi_box *b = &t->l->boxes.at[i];
    least = b->x < least ? b->x : least;
    most = b->x + b->w > most ? b->x + b->w : most;
  }
  for (size_t i = 0; i < t->l->boxes.n; i++) t->l->boxes.at[i].x -= least;
  t->l->w = t->l->boxes.n ? most - least : 0;
}

bool oi_layout_make(oinf_ctx *ctx, oi_layout *l) {
  oi_arena room;
  table t = {.l = l};
  l->n_given = (uint32_t)l->boxes.n;
  give_layers(l);
  if (!bend(ctx, l)) return false;
  const size_t n = l->boxes.n + 2, m = l->links.n + 1;
  for (size_t i = 0; i < l->boxes.n; i++)
    if (l->boxes.at[i].layer >= t.n_rows) t.n_rows = l->boxes.at[i].layer + 1;
  oi_arena_init(&room, ctx);
  t.box = oi_arena_alloc(&room, n * sizeof *t.box);
  t.row = oi_arena_alloc(&room, ((size_t)t.n_rows + 2) * sizeof *t.row);
  t.down = oi_arena_alloc(&room, m * sizeof *t.down);
  t.up = oi_arena_alloc(&room, m * sizeof *t.up);
  t.down_of = oi_arena_alloc(&room, n * sizeof *t.down_of);
  t.up_of = oi_arena_alloc(&room, n * sizeof *t.up_of);
  t.left = oi_arena_alloc(&room, n * sizeof *t.left);
  t.right = oi_arena_alloc(&room, n * sizeof *t.right);
  const bool ok = t.box && t.row && t.down && t.up && t.down_of && t.up_of && t.left && t.right;
  if (ok) fill_table(&t), arrange(&t);
  oi_arena_free(&room);
  return ok;
}
