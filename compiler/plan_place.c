// Offsets of activations. Where a storage may lie depends on what lives at the same time; finding
// the least arena is hard, and one order is never best for all graphs, so a few cheap ones are
// tried (largest first, longest first, as they come), each with the first gap that fits and with
// the tightest, and improved a few times by placing what came to lie topmost first, until one
// reaches the lower bound: the most bytes that live at one item. Graphs of very many values are
// placed in the order of time alone, where only what lives is looked at.
#include <stdlib.h>
#include <string.h>

#include "compiler/plan.h"

enum {
  MOST_SORTED = 2048,  // storages; above, orders that look at all of them cost too much
  MOST_LIFTS = 24,
  MOST_PAIRS = 1 << 22  // of storages looked at in lifts, for each order
};

bool oi_plan_overlap(const oi_plan *p, const oi_storage *a, const oi_storage *b) {
  for (uint32_t i = a->span; i; i = p->spans.at[i].before)
    for (uint32_t k = b->span; k; k = p->spans.at[k].before)
      if (p->spans.at[i].first <= p->spans.at[k].last &&
          p->spans.at[k].first <= p->spans.at[i].last)
        return true;
  return false;
}

// The most bytes that live at one item; UINT64_MAX: out of memory.
static uint64_t most_alive(const oi_plan *p) {
  oinf_ctx *ctx = p->graph->ctx;
  const size_t room = (p->items.n + 2) * sizeof(uint64_t);
  uint64_t *change = oi_alloc(ctx, room), now = 0, most = 0;
  if (!change) return UINT64_MAX;
  for (size_t i = 1; i < p->storages.n; i++) {
    const oi_storage *s = &p->storages.at[i];
    for (uint32_t k = s->kind == OI_STORE_ACT ? s->span : 0; k; k = p->spans.at[k].before)
      change[p->spans.at[k].first] += s->bytes, change[p->spans.at[k].last + 1] -= s->bytes;
  }
  for (size_t i = 0; i < p->items.n; i++) {
    now += change[i];  // wraps downwards
    if (now > most) most = now;
  }
  oi_free(ctx, change, room);
  return most;
}

// ---- one placement ----

typedef struct piece {
  uint64_t bytes, offset, key;
  uint32_t first, last;  // of all its spans together
  uint32_t id;           // storage
} piece;

typedef struct placing {
  const oi_plan *plan;
  piece *pieces;     // in the order of placing
  uint32_t *placed;  // indices of those that have their offsets, by offset
  size_t n, n_placed;
  bool tightest;
  bool in_time;  // pieces come in the order of their first items: what is over is dropped
} placing;

static bool meet(const placing *w, const piece *a, const piece *b) {
  if (a->first > b->last || b->first > a->last) return false;
  const oi_storage *s = w->plan->storages.at;
  return oi_plan_overlap(w->plan, &s[a->id], &s[b->id]);
}

// The first or the tightest gap between what lives at the same time.
static uint64_t find_gap(const placing *w, const piece *s) {
  uint64_t at = 0, best = UINT64_MAX, best_room = UINT64_MAX;
  for (size_t i = 0; i < w->n_placed; i++) {
    const piece *t = &w->pieces[w->placed[i]];
    if (!meet(w, s, t)) continue;
    if (t->offset >= at + s->bytes) {
      uint64_t room = t->offset - at;
      if (!w->tightest) return at;
      if (room < best_room) best = at, best_room = room;
    }
    if (t->offset + t->bytes > at) at = t->offset + t->bytes;
  }
  return best != UINT64_MAX ? best : at;
}

static void drop_past(placing *w, uint32_t now) {
  size_t n = 0;
  for (size_t i = 0; i < w->n_placed; i++)
    if (w->pieces[w->placed[i]].last >= now) w->placed[n++] = w->placed[i];
  w->n_placed = n;
}

static void insert(placing *w, uint32_t at) {
  size_t i = w->n_placed++;
  for (; i > 0 && w->pieces[w->placed[i - 1]].offset > w->pieces[at].offset; i--)
    w->placed[i] = w->placed[i - 1];
  w->placed[i] = at;
}

// Gives every piece its offset; returns the bytes of the arena.
static uint64_t place_all(placing *w) {
  uint64_t most = 0;
  w->n_placed = 0;
  for (uint32_t i = 0; i < w->n; i++) {
    piece *s = &w->pieces[i];
    if (w->in_time) drop_past(w, s->first);
    s->offset = find_gap(w, s);
    if (s->offset + s->bytes > most) most = s->offset + s->bytes;
    insert(w, i);
  }
  return most;
}

// ---- orders ----

typedef enum order {
  IN_TIME,
  BY_SIZE,
  BY_LENGTH,
  BY_AREA,
  N_ORDERS
} order;

static int by_key(const void *a, const void *b) {
  const piece *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? 1 : -1;
  if (x->bytes != y->bytes) return x->bytes < y->bytes ? 1 : -1;
  return x->id < y->id ? -1 : 1;
}

static void sort(placing *w, order how) {
  for (size_t i = 0; i < w->n; i++) {
    piece *p = &w->pieces[i];
    const uint64_t length = (uint64_t)p->last - p->first + 1;
    const uint64_t keys[N_ORDERS] = {UINT32_MAX - (uint64_t)p->first, p->bytes, length,
                                     p->bytes / OI_ALIGN * length};
    p->key = keys[how];
  }
  qsort(w->pieces, w->n, sizeof *w->pieces, by_key);
  w->in_time = how == IN_TIME;
}

static void keep(oi_plan *p, const placing *w, uint64_t bytes) {
  p->activations = bytes;
  for (size_t i = 0; i < w->n; i++) p->storages.at[w->pieces[i].id].offset = w->pieces[i].offset;
}

static void try_order(oi_plan *p, placing *w) {
  const uint64_t bytes = place_all(w);
  if (bytes < p->activations) keep(p, w, bytes);
}

// What lies topmost is placed first the next time: it was left with too little.
static void lift(placing *w) {
  size_t top = 0;
  for (size_t i = 1; i < w->n; i++)
    if (w->pieces[i].offset + w->pieces[i].bytes > w->pieces[top].offset + w->pieces[top].bytes)
      top = i;
  const piece first = w->pieces[top];
  memmove(w->pieces + 1, w->pieces, top * sizeof first);
  w->pieces[0] = first;
}

static void try_orders(oi_plan *p, placing *w, uint64_t least) {
  p->activations = w->n ? UINT64_MAX : 0;
  const int orders = w->n > MOST_SORTED ? 1 : N_ORDERS;
  const size_t affordable = MOST_PAIRS / (w->n * w->n + 1);
  const size_t lifts = affordable < MOST_LIFTS ? affordable : MOST_LIFTS;
  for (int i = 0; i < 2 * orders && p->activations > least; i++) {
    sort(w, (order)(i / 2));
    w->tightest = i % 2 == 1;
    try_order(p, w);
    w->in_time = false;
    for (size_t k = 0; k < lifts && p->activations > least; k++) lift(w), try_order(p, w);
  }
}

// ---- the pass ----

static oinf_status collect(oi_plan *p, placing *w, oi_err *err) {
  for (uint32_t i = 1; i < p->storages.n; i++) {
    oi_storage *s = &p->storages.at[i];
    if (s->kind != OI_STORE_ACT) continue;
    if (!oi_align_u64(s->bytes ? s->bytes : 1, OI_ALIGN, &s->bytes) || s->bytes > (uint64_t)1 << 46)
      return oi_fail(err, OINF_MEMORY, "a value needs more than 2^46 bytes: bound its symbols");
    const oi_span *last = &p->spans.at[s->span], *first = last;
    while (first->before) first = &p->spans.at[first->before];
    w->pieces[w->n++] =
        (piece){.bytes = s->bytes, .first = first->first, .last = last->last, .id = i};
  }
  return OINF_OK;
}

oinf_status oi_plan_place(oi_plan *p, oi_err *err) {
  oinf_ctx *ctx = p->graph->ctx;
  const size_t n = p->storages.n + 1, bytes = n * (sizeof(piece) + sizeof(uint32_t));
  placing w = {.plan = p};
  w.pieces = oi_alloc(ctx, bytes);
  if (!w.pieces) return oi_nomem(err, bytes);
  w.placed = (uint32_t *)(void *)(w.pieces + n);
  oinf_status status = collect(p, &w, err);
  if (status == OINF_OK) p->least = most_alive(p);
  if (p->least == UINT64_MAX) status = oi_nomem(err, p->items.n * sizeof(uint64_t));
  if (status == OINF_OK) try_orders(p, &w, p->least);
  oi_free(ctx, w.pieces, bytes);
  return status;
}
