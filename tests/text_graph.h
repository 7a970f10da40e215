// A graph of a text, in a context of its own.
#ifndef OINF_TESTS_TEXT_GRAPH_H
#define OINF_TESTS_TEXT_GRAPH_H
#include <oinf/oinf.h>

#include "tests/test.h"

typedef struct text_graph {
  oinf_ctx *ctx;
  oinf_graph *g;
} text_graph;

static inline text_graph text_graph_open(const char *text) {
  text_graph t;
  CHECK_INT(oinf_ctx_create(NULL, &t.ctx), OINF_OK);
  CHECK_MSG(oinf_graph_parse(t.ctx, NULL, text, strlen(text), &t.g) == OINF_OK, "%s",
            oinf_error(t.ctx));
  return t;
}

static inline void text_graph_close(text_graph *t) {
  oinf_graph_destroy(t->g);
  oinf_ctx_destroy(t->ctx);
}
#endif
