// The paging table of report.html: what of the weights stays in memory under a budget, and what
// streams through the slots in which order.
#include "compiler/report.h"
#include "lib/rt/pager.h"

enum {
  MOST_PAGES = 240,
  WIDTH = 1040,
  HEIGHT = 26
};

static uint64_t blocks_of(const oi_emit *e) { return (e->weights_bytes + OI_BLOCK - 1) / OI_BLOCK; }

// The weights from left to right; what stays is solid.
static void put_strip(const oi_emit *e, oi_text *to) {
  const oi_page *w = &e->paging.window;
  const uint64_t all = blocks_of(e) ? blocks_of(e) : 1;
  const int x = (int)(w->first * WIDTH / all), end = (int)((w->first + w->count) * WIDTH / all);
  oi_text_put(to,
              "<svg class=\"chart\" role=\"img\" aria-label=\"what stays in memory\" "
              "viewBox=\"0 0 %d %d\"><rect class=\"streams\" x=\"0\" y=\"0\" width=\"%d\" "
              "height=\"%d\" rx=\"4\"/>",
              WIDTH, HEIGHT, WIDTH, HEIGHT);
  if (w->count)
    oi_text_put(to, "<rect class=\"stays\" x=\"%d\" y=\"0\" width=\"%d\" height=\"%d\" rx=\"4\"/>",
                x, end > x ? end - x : 1, HEIGHT);
  oi_text_put(to, "</svg>\n");
}

// The first tensor that lies in a page, and how many more do.
static void put_tensors(const oi_emit *e, oi_text *to, const oi_page *p) {
  const uint64_t first = p->first * OI_BLOCK, end = first + (uint64_t)p->count * OI_BLOCK;
  uint32_t n = 0;
  for (size_t i = 0; i < e->tensors.n; i++) {
    const oinf_tensor *t = &e->model->tensors.at[e->tensors.at[i]].pub;
    const uint64_t at = e->offset[e->tensors.at[i]];
    if (at >= end || at + oi_emit_tensor_bytes(e, e->tensors.at[i]) <= first) continue;
    if (n++ == 0) oi_report_html(to, t->name, 64);
  }
  if (n > 1) oi_text_put(to, " and %u more", n - 1);
}

static void put_pages(const oi_emit *e, oi_text *to) {
  const oi_paging_plan *p = &e->paging;
  uint32_t n = 0, all = 0;
  oi_text_put(to,
              "<details><summary>Pages <span>in the order of a step</span></summary>\n"
              "<div class=\"sheet\"><table><thead><tr><th>page</th><th>from MiB</th><th>MiB</th>"
              "<th class=\"l\">holds</th></tr></thead><tbody>\n");
  for (size_t i = 0; i < p->order.n; i++) {
    if (!p->order.at[i].count) continue;  // a fence
    if (++all > MOST_PAGES) continue;
    n++;
    oi_text_put(to, "<tr><td>%u</td><td>%llu</td><td>%u</td><td class=\"l wide\"><bdi>", n,
                (unsigned long long)p->order.at[i].first, p->order.at[i].count);
    put_tensors(e, to, &p->order.at[i]);
    oi_text_put(to, "</bdi></td></tr>\n");
  }
  oi_text_put(to, "</tbody></table></div>\n");
  if (all > n)
    oi_text_put(to, "<p class=\"note\">%u more pages stand in plan.json.</p>\n", all - n);
  oi_text_put(to, "</details>\n");
}

void oi_report_paging(oi_emit *e, oi_text *to) {
  const oi_paging_plan *p = &e->paging;
  if (!e->desc.budget) return;
  oi_text_put(to,
              "<section>\n<h2>Weights under the budget</h2>\n<p>Of %llu MiB of weights %u stay in "
              "memory; the rest streams through two slots of %u MiB each, rows that an index picks "
              "through one of %u MiB. A step reads ",
              (unsigned long long)blocks_of(e), p->window.count, p->slot, p->row_slot);
  oi_report_bytes(to, e->figures.read_per_step);
  oi_text_put(to, " at most, the first one ");
  oi_report_bytes(to, e->figures.read_first);
  oi_text_put(to, "; the smallest peak would be ");
  oi_report_bytes(to, e->figures.smallest);
  oi_text_put(to, ".</p>\n");
  put_strip(e, to);
  put_pages(e, to);
  oi_text_put(to, "</section>\n");
}
