// Two charts: a roofline over all kernels, and the activation arena over time. Both by whole
// numbers, so that the same plan gives the same picture everywhere.
#include <stdlib.h>

#include "compiler/report.h"

enum {
  W = 1040,
  LEFT = 64,
  RIGHT = 16,
  TOP = 14,
  BOTTOM = 40
};

static void put_words(oi_text *to, const char *class, int x, int y) {
  oi_text_put(to, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
}
static void put_segment(oi_text *to, const char *class, int x1, int y1, int x2, int y2) {
  oi_text_put(to, "<path class=\"%s\" d=\"M%d %dL%d %d\"/>\n", class, x1, y1, x2, y2);
}

// ---- roofline ----

// 1000 * log2(num / den), to a thousandth or two.
static int log_milli(uint64_t num, uint64_t den) {
  int whole = 0, part = 0;
  if (num == 0 || den == 0) return -1000000;
  while (num >> 31) num >>= 1, whole++;
  while (den >> 31) den >>= 1, whole--;
  while (num < den) num <<= 1, whole--;
  while (num >= 2 * den) den <<= 1, whole++;
  uint64_t x = (num << 30) / den;  // 1 .. 2, 30 binary digits
  for (int i = 0; i < 10; i++) {
    x = x * x >> 30;
    part = part * 2 + (x >> 31 ? 1 : 0);
    if (x >> 31) x >>= 1;
  }
  return whole * 1000 + part * 1000 / 1024;
}

// Reference machines: read bandwidth in GB/s, arithmetic in GFLOP/s. The middle one is a core of a
// present server, and dots stand under its roof.
static const struct {
  uint64_t read, flops;
  const char *name;
} roofs[] = {{5, 20, "5 GB/s, 20 GFLOP/s"},
             {20, 200, "20 GB/s, 200 GFLOP/s"},
             {200, 4000, "200 GB/s, 4000 GFLOP/s"}};
enum {
  N_ROOFS = sizeof roofs / sizeof *roofs,
  REFERENCE = 1,
  ROOF_H = 380
};
enum {
  LEAST_X = -5000,
  MOST_X = 9000,
  LEAST_Y = -1000,
  MOST_Y = 12500
};  // 1000 * log2

static int at_x(int log) {
  const int x = log < LEAST_X ? LEAST_X : log > MOST_X ? MOST_X : log;
  return LEFT + (x - LEAST_X) * (W - LEFT - RIGHT) / (MOST_X - LEAST_X);
}
static int at_y(int log) {
  const int y = log < LEAST_Y ? LEAST_Y : log > MOST_Y ? MOST_Y : log;
  return TOP + (MOST_Y - y) * (ROOF_H - TOP - BOTTOM) / (MOST_Y - LEAST_Y);
}

static void put_grid(oi_text *to) {
  for (int i = LEAST_X / 1000; i <= MOST_X / 1000; i++) {
    put_segment(to, "grid", at_x(i * 1000), TOP, at_x(i * 1000), ROOF_H - BOTTOM);
    put_words(to, "tick middle", at_x(i * 1000), ROOF_H - BOTTOM + 16);
    if (i < 0) oi_text_put(to, "1/%d</text>\n", 1 << -i);
    else oi_text_put(to, "%d</text>\n", 1 << i);
  }
  for (uint64_t y = 1; y <= 1000; y *= 10) {
    const int at = at_y(log_milli(y, 1));
    put_segment(to, "grid", LEFT, at, W - RIGHT, at);
    put_words(to, "tick end", LEFT - 6, at + 4);
    oi_text_put(to, "%llu</text>\n", (unsigned long long)y);
  }
  put_words(to, "tick middle", (W + LEFT) / 2, ROOF_H - 6);
  oi_text_put(to, "flops a byte</text>\n");
  put_words(to, "tick", 4, TOP + 2);
  oi_text_put(to, "GFLOP/s</text>\n");
}

static void put_roof(oi_text *to, int i) {
  const int ridge = log_milli(roofs[i].flops, roofs[i].read);
  const int top = log_milli(roofs[i].flops, 1), start = log_milli(roofs[i].read, 1) + LEAST_X;
  const int low = start < LEAST_Y ? LEAST_Y : start;
  oi_text_put(to, "<path class=\"roof%s\" d=\"M%d %dL%d %dL%d %d\"/>\n",
              i == REFERENCE ? " here" : "", at_x(LEAST_X + low - start), at_y(low), at_x(ridge),
              at_y(top), W - RIGHT, at_y(top));
  put_words(to, "tick end", W - RIGHT - 4, at_y(top) - (i == REFERENCE ? 26 : 5));
  oi_text_put(to, "%s</text>\n", roofs[i].name);
}

// Time on the reference machine, in units that cancel.
static uint64_t weight_of(const oi_kernel_figures *k, uint32_t which) {
  const oi_cost *c = &k->run[which];
  const uint64_t memory = oi_cost_bytes(c),
                 units = c->flops / (roofs[REFERENCE].flops / roofs[REFERENCE].read);
  uint64_t x;
  return oi_mul_u64(memory > units ? memory : units, k->times, &x) ? x : UINT64_MAX;
}

static int dot_x(const oi_kernel_figures *k, uint32_t which) {
  return at_x(log_milli(k->run[which].flops, oi_cost_bytes(&k->run[which])));
}

static int dot_y(const oi_kernel_figures *k, uint32_t which) {
  const oi_cost *c = &k->run[which];
  const int slope = log_milli(c->flops, oi_cost_bytes(c)) + log_milli(roofs[REFERENCE].read, 1);
  const int top = log_milli(roofs[REFERENCE].flops, 1);
  return at_y(slope < top ? slope : top);
}

static void put_dot(oi_emit *e, oi_text *to, uint32_t kernel, uint32_t which, uint64_t all) {
  const oi_kernel_figures *k = &e->fig->kernel[kernel];
  const oi_cost *c = &k->run[which];
  const uint64_t share = weight_of(k, which);
  int r = 3;
  char name[96];
  while (r < 22 && (uint64_t)(r * r) * (all / 900 + 1) < share) r++;
  oi_text_put(to, "<circle class=\"dot c%d%s\" cx=\"%d\" cy=\"%d\" r=\"%d\"><title>%s: ",
              (int)oi_report_kind(e, kernel), which == oi_figures_usual(e->fig) ? "" : " other",
              dot_x(k, which), dot_y(k, which), r, oi_emit_kernel_name(e, k->node, name));
  oi_report_ratio(to, c->flops, oi_cost_bytes(c), 2);
  oi_text_put(to, " flops a byte, case ");
  oi_report_html(to, e->fig->cases[which].name, 40);
  oi_text_put(to, "</title></circle>\n");
}

// Names beside the largest dots of the usual case, none where another name stands.
static void put_labels(oi_emit *e, oi_text *to) {
  enum {
    MOST = 8,
    APART_X = 150,
    APART_Y = 12
  };
  const uint32_t which = oi_figures_usual(e->fig);
  int x[MOST], y[MOST];
  for (int n = 0; n < MOST; n++) {
    uint32_t best = 0;
    for (uint32_t k = 1; k <= e->fig->n_kernels; k++) {
      x[n] = dot_x(&e->fig->kernel[k], which), y[n] = dot_y(&e->fig->kernel[k], which);
      bool is_free = e->fig->kernel[k].run[which].flops != 0;
      for (int i = 0; i < n; i++)
        is_free &= abs(x[n] - x[i]) > APART_X || abs(y[n] - y[i]) > APART_Y;
      if (is_free &&
          (!best || weight_of(&e->fig->kernel[k], which) > weight_of(&e->fig->kernel[best], which)))
        best = k;
    }
    if (!best) return;
    x[n] = dot_x(&e->fig->kernel[best], which), y[n] = dot_y(&e->fig->kernel[best], which);
    char name[96];
    put_words(to, "tick end", x[n] - 12, y[n] - 10);
    oi_text_put(to, "%s</text>\n", oi_emit_kernel_name(e, e->fig->kernel[best].node, name));
  }
}

void oi_report_roofline(oi_emit *e, oi_text *to) {
  oi_text_put(to,
              "<svg class=\"chart\" role=\"img\" aria-label=\"roofline\" viewBox=\"0 0 %d %d\">\n",
              W, ROOF_H);
  put_grid(to);
  for (int i = 0; i < N_ROOFS; i++) put_roof(to, i);
  for (uint32_t which = 0; which < e->fig->n_cases; which++) {
    uint64_t all = 0;
    for (uint32_t k = 1; k <= e->fig->n_kernels; k++)
      if (!oi_add_u64(all, weight_of(&e->fig->kernel[k], which), &all)) all = UINT64_MAX;
    for (uint32_t k = 1; k <= e->fig->n_kernels; k++)
      if (e->fig->kernel[k].run[which].flops) put_dot(e, to, k, which, all);
  }
  put_labels(e, to);
  oi_text_put(to, "</svg>\n");
}

// ---- the arena over time ----

enum {
  ARENA_H = 400,
  MOST_LIVES = 3000
};

typedef struct scale {
  uint64_t items, bytes;
} scale;
static int item_x(const scale *s, uint64_t item) {
  return LEFT + (int)(item * (W - LEFT - RIGHT) / (s->items ? s->items : 1));
}
static int byte_y(const scale *s, uint64_t at) {
  const uint64_t h = ARENA_H - TOP - BOTTOM, unit = s->bytes / 65536 + 1;  // no overflow
  return ARENA_H - BOTTOM - (int)(at / unit * h / (s->bytes / unit + 1));
}

static void put_life(oi_emit *e, oi_text *to, const scale *s, uint32_t id, const oi_span *span) {
  const oi_storage *at = &e->plan.storages.at[id];
  const uint32_t value = e->fig->value_of[id], node = value ? oi_figures_maker(e, value) : 0;
  const uint32_t kernel = node ? e->kernel[node] : 0;
  const int x = item_x(s, span->first), w = item_x(s, span->last + 1) - x;
  const int y = byte_y(s, at->offset + at->bytes), h = byte_y(s, at->offset) - y;
  char name[96];
  oi_text_put(to, "<rect class=\"life c%d\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"><title>",
              kernel ? (int)oi_report_kind(e, kernel) : (int)OI_KIND_MOVES, x, y, w > 1 ? w - 1 : 1,
              h > 1 ? h - 1 : 1);
  if (kernel) oi_text_put(to, "%s ", oi_emit_kernel_name(e, node, name));
  if (value && oi_val_at(e->g, value)->name) oi_report_html(to, oi_val_at(e->g, value)->name, 60);
  oi_text_put(to, " ");
  if (value) oi_report_type(e, to, &oi_val_at(e->g, value)->type, 60);
  oi_text_put(to, ": ");
  oi_report_bytes(to, at->bytes);
  oi_text_put(to, " at %llu, items %u to %u</title></rect>\n", (unsigned long long)at->offset,
              span->first, span->last);
  if (w < 84 || h < 15) return;
  put_words(to, "inside middle", x + w / 2, y + h / 2 + 4);
  if (kernel) oi_text_put(to, "k%02u %s", kernel, w > 150 ? oi_report_role(e, kernel) : "");
  else oi_text_put(to, node && !oi_plan_sides(oi_node_at(e->g, node)->op) ? "a copy" : "carried");
  oi_text_put(to, "</text>\n");
}

static void put_loops(oi_emit *e, oi_text *to, const scale *s) {
  for (uint32_t i = 0; i < e->plan.items.n; i++) {
    const oi_item *item = &e->plan.items.at[i];
    if (item->kind != OI_ITEM_LOOP) continue;
    const int x = item_x(s, i), end = item_x(s, item->jump + 1);
    oi_text_put(to, "<rect class=\"turns\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", x,
                TOP, end - x, ARENA_H - TOP - BOTTOM);
    if (end - x < 40) continue;
    put_words(to, "tick middle", (x + end) / 2, ARENA_H - BOTTOM + 16);
    oi_text_put(to, "\xc3\x97 %lld</text>\n", (long long)(item->to - item->from));
  }
}

static void put_level(oi_text *to, const scale *s, uint64_t bytes, const char *class,
                      const char *name, int below) {
  const int y = byte_y(s, bytes);
  put_segment(to, class, LEFT, y, W - RIGHT, y);
  put_words(to, "tick end", W - RIGHT - 4, y + below);
  oi_text_put(to, "%s ", name);
  oi_report_bytes(to, bytes);
  oi_text_put(to, "</text>\n");
}

// Of very many storages the largest are shown: those of at least this size, MOST_LIVES of them.
static uint64_t least_shown(const oi_emit *e, uint64_t *out_all) {
  for (uint64_t least = 0;; least = least ? 2 * least : 64) {
    uint64_t shown = 0;
    for (size_t i = 1; i < e->plan.storages.n; i++) {
      const oi_storage *s = &e->plan.storages.at[i];
      shown += s->kind == OI_STORE_ACT && s->bytes >= least;
    }
    if (least == 0) *out_all = shown;
    if (shown <= MOST_LIVES) return shown || !least ? least : least / 2;
  }
}

static uint64_t put_lives(oi_emit *e, oi_text *to, const scale *s, uint64_t *out_all) {
  const uint64_t least = least_shown(e, out_all);
  uint64_t n = 0;
  for (uint32_t i = 1; i < e->plan.storages.n && n < MOST_LIVES; i++) {
    const oi_storage *at = &e->plan.storages.at[i];
    if (at->kind != OI_STORE_ACT || at->bytes < least) continue;
    for (uint32_t k = at->span; k; k = e->plan.spans.at[k].before)
      put_life(e, to, s, i, &e->plan.spans.at[k]);
    n++;
  }
  return n;
}

void oi_report_timeline(oi_emit *e, oi_text *to) {
  const scale s = {e->plan.items.n, e->plan.activations};
  uint64_t all;
  oi_text_put(to,
              "<svg class=\"chart\" role=\"img\" aria-label=\"activations over time\" "
              "viewBox=\"0 0 %d %d\">\n",
              W, ARENA_H);
  put_loops(e, to, &s);
  const uint64_t drawn = put_lives(e, to, &s, &all);
  put_level(to, &s, e->plan.activations, "level", "the arena:", -4);
  put_level(to, &s, e->plan.least, "level least", "no plan has less than", 12);
  put_words(to, "tick", LEFT, ARENA_H - 8);
  oi_text_put(to, "items of the plan, from left to right</text>\n</svg>\n");
  if (drawn < all)
    oi_text_put(to, "<p class=\"note\">%llu of %llu storages are drawn, the largest.</p>\n",
                (unsigned long long)drawn, (unsigned long long)all);
}
