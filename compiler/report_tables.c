// Tables of report.html: kernels of each case, lengths, states, variants, weights by dtype, and
// what only some bundles have.
#include <string.h>

#include "compiler/report.h"

enum {
  MOST_ROWS = 600
};

static void cell(oi_text *to, void (*put)(oi_text *to, uint64_t n), uint64_t n) {
  oi_text_put(to, "<td>");
  if (n) put(to, n);
  else oi_text_put(to, "\xc2\xb7");
  oi_text_put(to, "</td>");
}

// ---- kernels ----

static uint64_t moved(const oi_emit *e, uint32_t kernel, uint32_t which) {
  const oi_kernel_figures *k = &e->fig->kernel[kernel];
  uint64_t x;
  return oi_mul_u64(oi_cost_bytes(&k->run[which]), k->times, &x) ? x : UINT64_MAX;
}

static void put_costs(oi_text *to, const oi_cost *c) {
  cell(to, oi_report_bytes, c->weights);
  cell(to, oi_report_bytes, c->read);
  cell(to, oi_report_bytes, c->written);
  cell(to, oi_report_count, c->flops);
  oi_text_put(to, "<td>");
  oi_report_ratio(to, c->flops, oi_cost_bytes(c), 2);
  oi_text_put(to, "</td>");
}

static void put_row(oi_emit *e, oi_text *to, uint32_t kernel, uint32_t which, uint64_t all) {
  const oi_kernel_figures *k = &e->fig->kernel[kernel];
  const uint64_t mine = moved(e, kernel, which), unit = all / 100000 + 1;
  char name[96];
  oi_text_put(to,
              "<tr class=\"c%d\"><td class=\"l\"><span "
              "class=\"dotmark\"></span><code>%s</code></td><td class=\"l wide\">",
              (int)oi_report_kind(e, kernel), oi_emit_kernel_name(e, k->node, name));
  oi_report_ops(e, to, kernel);
  oi_text_put(to, "</td><td>%s", k->in_branch ? "\xe2\x89\xa4\xc2\xa0" : "");
  oi_report_group(to, k->times);
  oi_text_put(to, "</td>");
  put_costs(to, &k->run[which]);
  oi_text_put(to, "<td class=\"l\"><span class=\"bar\"><i style=\"width: ");
  oi_report_ratio(to, mine / unit * 100, all / unit, 1);
  oi_text_put(to, "%%\"></i></span> ");
  oi_report_ratio(to, mine / unit * 100, all / unit, 1);
  oi_text_put(to, "\xc2\xa0%%</td></tr>\n");
}

// Of very many kernels those that move most are shown, the first MOST_ROWS of them.
static uint64_t least_shown(const oi_emit *e, uint32_t which) {
  for (uint64_t least = 0;; least = least ? 2 * least : 1) {
    uint32_t n = 0;
    for (uint32_t k = 1; k <= e->fig->n_kernels; k++) n += moved(e, k, which) >= least;
    if (n <= MOST_ROWS || least > UINT64_MAX / 2) return n ? least : least / 2;
  }
}

static void put_symbols_of(oi_emit *e, oi_text *to, const oi_figure_case *c) {
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    const oi_sym *s = oi_dims_sym_at(e->g->dims, i);
    if (s->is_loop) continue;
    oi_text_put(to, " \xc2\xb7 <bdi>");
    oi_report_html(to, s->name, 24);
    oi_text_put(to, "</bdi> = %lld", (long long)c->syms[i]);
  }
}

static void put_case(oi_emit *e, oi_text *to, uint32_t which) {
  const oi_figure_case *c = &e->fig->cases[which];
  const uint64_t all = oi_cost_bytes(&c->step), least = least_shown(e, which);
  uint32_t shown = 0;
  oi_text_put(to, "<details%s><summary><bdi>",
              which == oi_figures_usual(e->fig) ? " open=\"open\"" : "");
  oi_report_html(to, c->name, 40);
  oi_text_put(to, "</bdi><span>");
  put_symbols_of(e, to, c);
  oi_text_put(
      to,
      "</span></summary>\n<div class=\"sheet\"><table><thead><tr><th class=\"l\">kernel</th>"
      "<th class=\"l\">ops</th><th>runs</th><th>weights</th><th>read</th><th>written</th>"
      "<th>flops</th><th>flops/byte</th><th class=\"l\">share</th></tr></thead><tbody>\n");
  for (uint32_t k = 1; k <= e->fig->n_kernels; k++)
    if (moved(e, k, which) >= least && shown < MOST_ROWS) put_row(e, to, k, which, all), shown++;
  oi_text_put(to, "<tr class=\"sum\"><td class=\"l\">a step</td><td class=\"l\"></td><td></td>");
  put_costs(to, &c->step);
  oi_text_put(to, "<td class=\"l\">and ");
  oi_report_bytes(to, c->copied);
  oi_text_put(to, " copied</td></tr>\n</tbody></table></div>\n");
  if (shown < e->fig->n_kernels)
    oi_text_put(
        to, "<p class=\"note\">%u kernels that move less are not listed; plan.json has all.</p>\n",
        e->fig->n_kernels - shown);
  oi_text_put(to, "</details>\n");
}

void oi_report_kernels(oi_emit *e, oi_text *to) {
  for (uint32_t i = e->fig->n_cases; i-- > 0;) put_case(e, to, i);
}

// ---- facts ----

static void put_head(oi_text *to, const char *const *words, int n) {
  oi_text_put(to, "<table class=\"even\"><thead><tr>");
  for (int i = 0; i < n; i++)
    oi_text_put(to, "<th%s>%s</th>", i == 0 ? " class=\"l\"" : "", words[i]);
  oi_text_put(to, "</tr></thead><tbody>\n");
}
static void put_name(oi_text *to, const char *name) {
  oi_text_put(to, "<tr><td class=\"l wide\"><bdi>");
  oi_report_html(to, name, 120);
  oi_text_put(to, "</bdi></td>");
}
static void put_end(oi_text *to) { oi_text_put(to, "</tbody></table>\n<p></p>\n"); }

static void put_symbols(oi_emit *e, oi_text *to) {
  static const char *const words[] = {"length", "least", "most"};
  put_head(to, words, 3);
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    const oi_sym *s = oi_dims_sym_at(e->g->dims, i);
    if (s->is_loop) continue;
    put_name(to, s->name);
    oi_text_put(to, "<td>%lld</td><td>%lld</td></tr>\n", (long long)e->plan.sym_lo[i],
                (long long)e->plan.sym_hi[i]);
  }
  put_end(to);
}

static void put_variants(oi_emit *e, oi_text *to) {
  static const char *const words[] = {"variant", "fixes", "at"};
  if (!e->g->variants.n) return;
  put_head(to, words, 3);
  for (size_t i = 0; i < e->g->variants.n; i++) {
    const oi_variant_decl *v = &e->g->variants.at[i];
    put_name(to, v->name);
    oi_text_put(to, "<td><bdi>");
    oi_report_html(to, oi_dims_sym_at(e->g->dims, v->sym)->name, 40);
    oi_text_put(to, "</bdi></td><td>%lld</td></tr>\n", (long long)v->value);
  }
  put_end(to);
}

static void put_states(oi_emit *e, oi_text *to) {
  static const char *const words[] = {"state", "type", "rows kept", "bytes"};
  if (!e->g->states.n) return;
  put_head(to, words, 4);
  for (size_t i = 0; i < e->g->states.n; i++) {
    const oi_state_decl *s = &e->g->states.at[i];
    put_name(to, s->name);
    oi_text_put(to, "<td>");
    oi_report_type(e, to, &s->type, 80);
    oi_text_put(to, "</td>");
    cell(to, oi_report_group, (uint64_t)oi_emit_rows(e, (uint32_t)i));
    cell(to, oi_report_group, e->state_bytes[i]);
    oi_text_put(to, "</tr>\n");
  }
  put_end(to);
}

static void put_weights(oi_emit *e, oi_text *to) {
  static const char *const words[] = {"weights", "tensors", "bytes"};
  if (!e->tensors.n) return;
  put_head(to, words, 3);
  for (oinf_dtype d = OINF_F64; strcmp(oinf_dtype_name(d), "none") != 0; d = (oinf_dtype)(d + 1)) {
    uint64_t bytes;
    const uint64_t n = oi_report_weights(e, d, &bytes);
    if (!n) continue;
    put_name(to, oinf_dtype_name(d));
    cell(to, oi_report_group, n);
    cell(to, oi_report_group, bytes);
    oi_text_put(to, "</tr>\n");
  }
  put_end(to);
}

void oi_report_facts(oi_emit *e, oi_text *to) {
  put_symbols(e, to);
  put_variants(e, to);
  put_states(e, to);
  put_weights(e, to);
}

// ---- passes ----

// Each line that the passes said, "fuse: ...", is a row: what they did and what they refused.
static void put_passes(oi_emit *e, oi_text *to) {
  const char *at = e->passes.said.at;
  if (!at || !*at) return;
  oi_text_put(to, "<section>\n<h2>Passes</h2>\n<div class=\"sheet\"><table><tbody>\n");
  while (*at) {
    const size_t name = strcspn(at, ":\n"), line = strcspn(at, "\n");
    const size_t text = name < line ? name + 1 + (at[name + 1] == ' ') : line;
    oi_text_put(to, "<tr><td class=\"l\"><code>");
    oi_report_html_part(to, at, name < line ? name : 0);
    oi_text_put(to, "</code></td><td class=\"l wide\">");
    oi_report_html_part(to, at + (name < line ? text : 0), line - (name < line ? text : 0));
    oi_text_put(to, "</td></tr>\n");
    at += line + (at[line] == '\n');
  }
  oi_text_put(to, "</tbody></table></div>\n</section>\n");
}

void oi_report_more(oi_emit *e, oi_text *to) {
  oi_report_paging(e, to);
  put_passes(e, to);
}
