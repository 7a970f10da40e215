// report.html of graphs that are small, hostile, long and random: each element is closed in its
// order, nothing comes from outside the file, no name of the model becomes markup, and the bytes
// are the same each time.
#include <oinf/emit.h>

#include "lib/ctx.h"
#include "tests/random_graph.h"
#include "tests/test.h"

typedef struct world {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *g;
} world;

static const float ones[64 * 64];

static void open_world(world *w, const char *graph, const char *weight) {
  CHECK_INT(oinf_ctx_create(NULL, &w->ctx), OINF_OK);
  CHECK_INT(oinf_model_create(w->ctx, &w->model), OINF_OK);
  CHECK_INT(oinf_model_add(w->model, weight, OINF_F32, 2, (int64_t[]){16, 16}, ones), OINF_OK);
  CHECK_INT(oinf_graph_create(w->ctx, w->model, graph, &w->g), OINF_OK);
}
static void close_world(world *w) {
  oinf_graph_destroy(w->g);
  oinf_model_destroy(w->model);
  oinf_ctx_destroy(w->ctx);
}

static oi_text file_of(oinf_ctx *ctx, const char *folder, const char *name) {
  char path[700];
  oi_text text;
  snprintf(path, sizeof path, "%s/%s", folder, name);
  FILE *f = fopen(path, "rb");
  CHECK(f);
  oi_text_init(&text, ctx);
  for (int c; (c = fgetc(f)) != EOF;) oi_text_add(&text, &(char){(char)c}, 1);
  CHECK(fclose(f) == 0 && !text.failed);
  return text;
}

static oi_text report_of(oinf_model *model, oinf_graph *g, oinf_ctx *ctx, const char *without) {
  const oinf_emit_desc d = {.without = without};
  char folder[600];
  snprintf(folder, sizeof folder, "%s/report", oi_test_dir());
  CHECK_MSG(oinf_emit_bundle(model, g, &d, folder, NULL) == OINF_OK, "%s", oinf_error(ctx));
  return file_of(ctx, folder, "report.html");
}

// ---- is it well formed? ----

static size_t word_at(const char *at) { return strcspn(at, " \t\n/>"); }

// Tags open and close in order, attributes are quoted, `&` begins an entity.
static void check_tags(const char *at) {
  enum {
    MOST = 64
  };
  const char *open[MOST];
  int depth = 0;
  CHECK(strncmp(at, "<!DOCTYPE html>\n", 16) == 0);
  for (at += 16; *at; at++) {
    if (*at == '&') CHECK_MSG(strcspn(at, ";") <= 6, "a bare & at %.40s", at);
    CHECK_MSG(*at != '>', "a bare > at %.40s", at);
    if (*at != '<') continue;
    const bool closes = at[1] == '/';
    const char *name = at + 1 + closes;
    const size_t n = word_at(name);
    CHECK_MSG(n > 0 && n < 12, "no tag at %.40s", at);
    for (at = name + n; *at != '>'; at++) {
      CHECK_MSG(*at && *at != '<' && *at != '\'', "a tag does not end at %.40s", name);
      if (*at == '"') at += 1 + strcspn(at + 1, "\"");
    }
    if (closes) {
      CHECK_MSG(depth > 0 && word_at(open[depth - 1]) == n && !memcmp(open[depth - 1], name, n),
                "</%.*s> closes <%.12s", (int)n, name, depth ? open[depth - 1] : "nothing");
      depth--;
    } else if (at[-1] != '/') {
      CHECK(depth < MOST);
      open[depth++] = name;
      if (n == 5 && memcmp(name, "style", 5) == 0) at = strstr(at, "</style>") - 1;
    }
  }
  CHECK_INT(depth, 0);
}

static void check_alone(const char *text) {
  static const char *const outside[] = {"http",    "src=",  "href",       "<script",
                                        "@import", "<link", "javascript", " on"};
  for (size_t i = 0; i < sizeof outside / sizeof *outside - 1; i++)
    CHECK_MSG(!strstr(text, outside[i]), "the report holds '%s'", outside[i]);
  for (const char *at = text; (at = strstr(at, "url(")) != NULL; at++)
    CHECK(strncmp(at, "url(#", 5) == 0);
}

TEST(report, is_whole_and_alone) {
  world w;
  open_world(&w, "net", "w");
  const oinf_dim T = oinf_sym(w.g, "T", 1, 8);
  oinf_val x = oinf_input(w.g, "x", OINF_F32, T, 16);
  const oinf_val yes = oinf_input_scalar(w.g, "yes", OINF_BOOL);
  oinf_for(l, w.g, 3, &x) {
    x = oinf_add(x, oinf_matmul(x, oinf_weight(w.g, "w")));
    oinf_for(k, w.g, 2, &x) x = oinf_relu(x);
  }
  oinf_branch b = oinf_if(yes, &x);
  x = oinf_relu(x);
  oinf_else(&b);
  x = oinf_exp(x);
  oinf_endif(&b);
  oinf_output(w.g, "y", x);
  oi_text text = report_of(w.model, w.g, w.ctx, NULL), again = report_of(w.model, w.g, w.ctx, NULL);
  CHECK(text.n == again.n && memcmp(text.at, again.at, text.n) == 0);
  check_tags(text.at);
  check_alone(text.at);
  CHECK(strstr(text.at, "\xc3\x97 3, a loop") && strstr(text.at, "a branch: one side runs"));
  oi_text_free(&text), oi_text_free(&again);
  close_world(&w);
}

#define WEIGHT "w\"'><script>&amp;-->]]>/*"
#define HOSTILE "\"'><script>alert(1)</script>&amp;\xe2\x80\xae-->\n]]>/*"

TEST(report, names_stay_names) {
  world w;
  open_world(&w, "g'><script>&amp;</script>", WEIGHT);
  const oinf_dim T = oinf_sym(w.g, "T", 1, 8);
  oinf_val x = oinf_input(w.g, "x" HOSTILE, OINF_F32, T, 16);
  x = oinf_matmul(x, oinf_weight(w.g, WEIGHT));
  x = oinf_name(x, "v" HOSTILE);
  oinf_output(w.g, "y" HOSTILE, oinf_relu(x));
  oinf_variant(w.g, "variant" HOSTILE, T, 1);
  oi_text text = report_of(w.model, w.g, w.ctx, NULL);
  check_tags(text.at);
  check_alone(text.at);
  CHECK(!strstr(text.at, "\xe2\x80\xae"));
  CHECK(strstr(text.at, "g&#39;&gt;&lt;script&gt;&amp;amp;&lt;/script&gt;"));
  CHECK(strstr(text.at, "variant&quot;&#39;&gt;&lt;script&gt;alert(1)"));
  CHECK(strstr(text.at, "\\u{202e}") && strstr(text.at, "\\u{a}"));
  oi_text_free(&text);
  close_world(&w);
}

// A chain that is too long to be drawn box by box stays a page that opens.
TEST(report, long_graphs_are_drawn_in_groups) {
  world w;
  open_world(&w, "chain", "w");
  const oinf_val x = oinf_input(w.g, "x", OINF_F32, 16);
  oinf_val y = x;
  for (int i = 0; i < 2500; i++)  // unfused, so that each is a kernel
    y = oinf_hint(i % 3 ? oinf_add(y, x) : oinf_relu(y), .fuse = OINF_NEVER);
  oinf_output(w.g, "y", y);
  oi_text text = report_of(w.model, w.g, w.ctx, "fuse");
  check_tags(text.at);
  CHECK(strstr(text.at, "some boxes stand for several"));
  CHECK(text.n < 2u << 20);
  oi_text_free(&text);
  close_world(&w);
}

TEST(report, random_graphs) {
  int reported = 0;
  for (uint64_t seed = 1; seed <= (oi_test_soak() ? 400 : 40); seed++) {
    oinf_ctx *ctx;
    random_graph g;
    char folder[600];
    CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
    random_graph_make(ctx, seed, &g);
    snprintf(folder, sizeof folder, "%s/r%llu", oi_test_dir(), (unsigned long long)seed);
    if (oinf_emit_bundle(g.model, g.graph, NULL, folder, NULL) == OINF_OK) {
      oi_text text = file_of(ctx, folder, "report.html");
      check_tags(text.at);
      check_alone(text.at);
      oi_text_free(&text);
      reported++;
    }
    random_graph_free(&g);
    oinf_ctx_destroy(ctx);
  }
  CHECK(reported > 0);
}
