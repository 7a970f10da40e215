// report.html: one file that a browser opens without a network and without scripts. The page and
// its style are compiler/kernels/report.html; here its holes are filled, with the pictures and
// charts that report_draw.c and report_charts.c print.
#include <string.h>

#include "compiler/report_graph.h"

static void put_tile(oi_text *to, void (*put)(oi_text *to, uint64_t n), uint64_t n,
                     const char *words) {
  oi_text_put(to, "<div><b>");
  put(to, n);
  oi_text_put(to, "</b><span>%s</span></div>\n", words);
}

static void put_title(oi_emit *e, oi_text *to) {
  oi_text_put(to, "<bdi>");
  oi_report_html(to, oinf_graph_name(e->g), 80);
  oi_text_put(to, "</bdi>");
}

static void put_subtitle(oi_emit *e, oi_text *to) {
  oi_text_put(to,
              "A network in plain C, written by oinf-emit. %s. Figures %s",
              e->desc.fast ? "Fast numerics: every op within the bound that README.md states"
                           : "Strict numerics: every value that it keeps equals the simulator's "
                             "to the bit",
              e->fig->n_cases > 1 ? "are of the case <bdi>" : "");
  if (e->fig->n_cases > 1) {
    oi_report_html(to, e->fig->cases[oi_figures_usual(e->fig)].name, 40);
    oi_text_put(to, "</bdi> unless another is named.");
  } else {
    oi_text_put(to, "are of the largest step.");
  }
}

static void put_tiles(oi_emit *e, oi_text *to) {
  const oi_figure_case *c = &e->fig->cases[oi_figures_usual(e->fig)];
  uint64_t weights;
  oi_report_weights(e, OINF_NONE, &weights);
  put_tile(to, oi_report_group, e->n_kernels, "kernels");
  put_tile(to, oi_report_bytes, weights,
           e->desc.embed    ? "of weights, in the program"
           : e->desc.budget ? "of weights, read from the file"
                            : "of weights, mapped");
  put_tile(to, oi_report_bytes, e->figures.peak, "allocated by an instance");
  put_tile(to, oi_report_bytes, oi_cost_bytes(&c->step) + c->copied, "moved in a step");
  put_tile(to, oi_report_count, c->step.flops, "flops in a step");
}

static void put_keys(oi_emit *e, oi_text *to) {
  (void)e;
  for (int k = 0; k < OI_KINDS; k++)
    oi_text_put(to, "<span class=\"c%d\"><i></i>%s</span>", k,
                oi_report_kind_name((oi_kernel_kind)k));
}

static void put_graph(oi_emit *e, oi_text *to) {
  bool grouped = false;
  oi_scene *s = oi_scene_of(e, &grouped);
  if (!s) {
    to->failed = true;
    return;
  }
  if (grouped)
    oi_text_put(to,
                "<p class=\"note\">There are too many kernels to draw each: some boxes stand for "
                "several that run one after the other.</p>\n");
  oi_report_draw(e, to, s);
  oi_scene_free(e, s);
}

static void put_roof_note(oi_emit *e, oi_text *to) {
  if (e->fig->n_cases < 2) return;
  oi_text_put(to, "Filled dots are the case <bdi>");
  oi_report_html(to, e->fig->cases[oi_figures_usual(e->fig)].name, 40);
  oi_text_put(to, "</bdi>, hollow ones the others.");
}

// ---- memory ----

static void put_arenas(oi_emit *e, oi_text *to) {
  const oinf_emit_figures *f = &e->figures;
  const struct {
    const char *name, *what;
    uint64_t bytes;
  } rows[] = {{"weights",
               e->desc.embed    ? "within the program"
               : e->desc.budget ? "what is read of them from the file"
                                : "mapped, not allocated",
               f->weights},
              {"states", "rows that live from step to step", f->states},
              {"activations", "values of a step", f->activations},
              {"scratch", "what a kernel needs while it runs", f->room},
              {"outputs", "kept for the caller", f->io}};
  enum {
    N = sizeof rows / sizeof *rows
  };
  oi_text_put(to, "<div class=\"stack\">");
  for (int i = 0; i < N; i++) {
    if (!rows[i].bytes) continue;
    oi_text_put(to, "<i class=\"s%d\" style=\"flex: ", i);
    oi_report_ratio(to, rows[i].bytes, f->peak ? f->peak : 1, 4);
    oi_text_put(to, "\" title=\"%s\"></i>", rows[i].name);
  }
  oi_text_put(to,
              "</div>\n<table><thead><tr><th class=\"l\">arena</th><th class=\"l\">holds</th>"
              "<th>bytes</th></tr></thead><tbody>\n");
  for (int i = 0; i < N; i++) {
    oi_text_put(
        to,
        "<tr><td class=\"l s%d\"><span class=\"dotmark\"></span>%s</td><td class=\"l\">%s</td><td>",
        i, rows[i].name, rows[i].what);
    oi_report_group(to, rows[i].bytes);
    oi_text_put(to, "</td></tr>\n");
  }
  oi_text_put(to, "<tr class=\"sum\"><td class=\"l\">an instance</td><td class=\"l\"></td><td>");
  oi_report_group(to, f->peak);
  oi_text_put(to, "</td></tr></tbody></table>");
}

// ---- the page ----

static const struct {
  const char *name;
  void (*put)(oi_emit *e, oi_text *to);
} holes[] = {{"TITLE_HERE", put_title},
             {"SUBTITLE_HERE", put_subtitle},
             {"TILES_HERE", put_tiles},
             {"KEYS_HERE", put_keys},
             {"GRAPH_HERE", put_graph},
             {"KERNELS_HERE", oi_report_kernels},
             {"ROOFLINE_HERE", oi_report_roofline},
             {"ROOF_NOTE_HERE", put_roof_note},
             {"ARENAS_HERE", put_arenas},
             {"TIMELINE_HERE", oi_report_timeline},
             {"FACTS_HERE", oi_report_facts},
             {"MORE_HERE", oi_report_more}};
enum {
  N_HOLES = sizeof holes / sizeof *holes
};

oinf_status oi_emit_report(oi_emit *e) {
  oi_text text[N_HOLES];
  oi_hole filled[N_HOLES];
  bool failed = false;
  for (int i = 0; i < N_HOLES; i++) {
    oi_text_init(&text[i], e->ctx);
    holes[i].put(e, &text[i]);
    failed |= text[i].failed;
    filled[i] = (oi_hole){holes[i].name, text[i].at ? text[i].at : ""};
  }
  const oinf_status status =
      failed ? oi_nomem(e->err, 0) : oi_emit_template(e, "report.html", filled, N_HOLES);
  for (int i = 0; i < N_HOLES; i++) oi_text_free(&text[i]);
  return status;
}
