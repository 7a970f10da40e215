// A scene as SVG: lines first, boxes over them, inner scenes within their boxes. Styles are classes
// of the page; figures stand in <title>, which browsers show under the pointer.
#include "compiler/report_graph.h"

enum {
  PAD = 12
};

// Straight down through the rows of both ends, a curve in between.
static void put_line(oi_text *to, const oi_layout *l, const oi_link *k) {
  const oi_box *a = &l->boxes.at[k->from], *b = &l->boxes.at[k->to];
  const int x1 = a->x + a->w / 2, x2 = b->x + b->w / 2, half = (b->top - a->low) / 2;
  const bool bends = k->to >= l->n_given;
  oi_text_put(to, "<path class=\"%s\" d=\"M%d %d", k->tag ? "line state" : "line", x1, a->y + a->h);
  if (a->low > a->y + a->h) oi_text_put(to, "V%d", a->low);
  if (x1 != x2)
    oi_text_put(to, "C%d %d %d %d %d %d", x1, a->low + half, x2, b->top - half, x2, b->top);
  if (x1 == x2 || bends || b->y > b->top) oi_text_put(to, "V%d", bends ? b->low : b->y);
  oi_text_put(to, "\"%s/>\n", bends ? "" : " marker-end=\"url(#tip)\"");
}

static void put_rect(oi_text *to, const char *class, int x, int y, int w, int h, int round) {
  oi_text_put(to, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\"/>\n",
              class, x, y, w, h, round);
}

static void begin_words(oi_text *to, const char *class, int x, int y) {
  oi_text_put(to, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
}
static void end_words(oi_text *to) { oi_text_put(to, "</text>\n"); }

// ---- boxes ----

static void put_tip(const oi_emit *e, oi_text *to, uint32_t kernel) {
  const oi_kernel_figures *k = &e->fig->kernel[kernel];
  const oi_cost *c = &k->run[oi_figures_usual(e->fig)];
  char name[96];
  oi_text_put(to, "<title>%s: ", oi_emit_kernel_name(e, k->node, name));
  oi_report_ops(e, to, kernel);
  oi_text_put(to, "; %llu a step; a run: ", (unsigned long long)k->times);
  oi_report_bytes(to, oi_cost_bytes(c));
  oi_text_put(to, " (");
  oi_report_bytes(to, c->weights);
  oi_text_put(to, " of weights), ");
  oi_report_count(to, c->flops);
  oi_text_put(to, " flops</title>");
}

// What a kernel gives: the first result of its last node that has one.
static const oi_type *result_of(const oi_emit *e, uint32_t kernel) {
  const oi_kernel_figures *k = &e->fig->kernel[kernel];
  for (uint32_t i = k->n_nodes; i-- > 0;) {
    const oi_node *n = oi_node_at(e->g, e->fig->nodes[k->first + i]);
    if (n->n_out) return &oi_val_at(e->g, n->out[0])->type;
  }
  return NULL;
}

static void put_kernel(oi_emit *e, oi_text *to, const oi_box *b, uint32_t kernel) {
  const char *role = oi_report_role(e, kernel);
  oi_text_put(to, "<g class=\"kernel c%d\">", (int)oi_report_kind(e, kernel));
  put_tip(e, to, kernel);
  put_rect(to, "box", b->x, b->y, b->w, b->h, 5);
  put_rect(to, "edge", b->x, b->y, 5, b->h, 2);
  begin_words(to, "number", b->x + b->w - 8, b->y + 17);
  oi_text_put(to, "k%02u", kernel);
  end_words(to);
  begin_words(to, "name", b->x + 14, b->y + 18);
  oi_text ops;
  oi_text_init(&ops, e->ctx);
  oi_report_ops(e, &ops, kernel);
  const char *words = ops.at ? ops.at : "";
  oi_text_put(to, *role ? "%s" : "%.24s", *role ? role : words);
  end_words(to);
  begin_words(to, "shape", b->x + 14, b->y + 35);
  const uint32_t first = e->fig->nodes[e->fig->kernel[kernel].first];
  if (*role && ops.n > 16)
    oi_text_put(to, "%s +%u \xc2\xb7 ", oi_kind_name(oi_node_at(e->g, first)->op),
                e->fig->kernel[kernel].n_nodes - 1);
  else if (*role) oi_text_put(to, "%s \xc2\xb7 ", words);
  const oi_type *t = result_of(e, kernel);
  if (t) oi_report_type(e, to, t, 20);
  end_words(to);
  oi_text_put(to, "</g>\n");
  to->failed |= ops.failed;
  oi_text_free(&ops);
}

static void put_group(oi_text *to, const oi_box *b, const oi_unit *u) {
  put_rect(to, "box", b->x + 4, b->y + 4, b->w, b->h, 5);
  put_rect(to, "box", b->x, b->y, b->w, b->h, 5);
  begin_words(to, "name", b->x + 14, b->y + 18);
  oi_text_put(to, "%u kernels", u->count);
  end_words(to);
  begin_words(to, "shape", b->x + 14, b->y + 35);
  oi_text_put(to, "from k%02u on", u->id);
  end_words(to);
}

static void put_pill(oi_emit *e, oi_text *to, const oi_box *b, const oi_unit *u) {
  const oinf_graph *g = e->g;
  const bool input = u->kind == OI_UNIT_INPUT;
  const char *kind = input ? "port in" : u->kind == OI_UNIT_OUTPUT ? "port out" : "port";
  put_rect(to, kind, b->x, b->y, b->w, b->h, b->h / 2);
  begin_words(to, "port", b->x + b->w / 2, b->y + 15);
  if (u->kind == OI_UNIT_OUTPUT) oi_report_html(to, g->outputs.at[u->id].name, 28);
  else if (u->kind == OI_UNIT_BEGIN) oi_text_put(to, "a turn begins");
  else if (u->kind == OI_UNIT_END) oi_text_put(to, "it ends");
  else {
    const oi_value *v = oi_val_at(g, u->id);
    oi_report_html(to, oi_node_at(g, v->node)->text, 14);
    oi_text_put(to, " ");
    oi_report_type(e, to, &v->type, 16);
  }
  end_words(to);
}

static void put_scene(oi_emit *e, oi_text *to, const oi_scene *s);

static void put_inner(oi_emit *e, oi_text *to, const oi_scene *s, int x, int y) {
  oi_text_put(to, "<g transform=\"translate(%d %d)\">\n", x, y);
  put_scene(e, to, s);
  oi_text_put(to, "</g>\n");
}

static void put_nested(oi_emit *e, oi_text *to, const oi_box *b, const oi_unit *u) {
  const oi_node *n = oi_node_at(e->g, u->id);
  const bool loop = u->kind == OI_UNIT_LOOP;
  for (int i = loop ? 2 : 0; i >= 0; i--)
    put_rect(to, "frame", b->x + 4 * i, b->y + 4 * i, b->w, b->h, 8);
  begin_words(to, "head", b->x + OI_LOOP_PAD, b->y + 19);
  if (loop) oi_text_put(to, "\xc3\x97 %lld, a loop", (long long)n->trips);
  else oi_text_put(to, "a branch: one side runs");
  end_words(to);
  int32_t x = b->x + OI_LOOP_PAD;
  for (int i = 0; i < oi_plan_sides(n->op); i++) {
    const oi_layout *l = &u->inner[i]->layout;
    const int32_t centred = loop ? b->x + (b->w - l->w) / 2 : x;
    const int32_t head = OI_LOOP_HEAD + (loop ? 0 : OI_SIDE_HEAD);
    put_inner(e, to, u->inner[i], centred, b->y + head);
    if (!loop) {
      begin_words(to, "shape", x, b->y + head - 8);
      oi_text_put(to, i == 0 ? "where it holds" : "else");
      end_words(to);
    }
    x += l->w + OI_LOOP_PAD;
    if (i == 0 && !loop)
      oi_text_put(to, "<path class=\"fence\" d=\"M%d %dV%d\"/>\n", x - OI_LOOP_PAD / 2,
                  b->y + OI_LOOP_HEAD, b->y + b->h - 6);
  }
}

static void put_scene(oi_emit *e, oi_text *to, const oi_scene *s) {
  const oi_layout *l = &s->layout;
  for (size_t i = 0; i < l->links.n; i++) put_line(to, l, &l->links.at[i]);
  for (size_t i = 0; i < s->units.n; i++) {
    const oi_unit *u = &s->units.at[i];
    const oi_box *b = &l->boxes.at[i];
    if (u->kind == OI_UNIT_KERNEL) put_kernel(e, to, b, u->id);
    else if (u->kind == OI_UNIT_GROUP) put_group(to, b, u);
    else if (u->inner[0]) put_nested(e, to, b, u);
    else put_pill(e, to, b, u);
  }
}

void oi_report_draw(oi_emit *e, oi_text *to, const oi_scene *s) {
  const int w = s->layout.w + 2 * PAD + 8, h = s->layout.h + 2 * PAD;
  oi_text_put(to,
              "<svg class=\"graph\" role=\"img\" aria-label=\"the graph of kernels\" width=\"%d\" "
              "height=\"%d\" viewBox=\"%d %d %d %d\">\n"
              "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" "
              "markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">"
              "<path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n",
              w, h, -PAD, -PAD, w, h);
  put_scene(e, to, s);
  oi_text_put(to, "</svg>\n");
}
