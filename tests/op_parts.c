// Cases of the files of vectors, each a node.
#include "tests/op_parts.h"

#include "lib/graph_build.h"

enum {
  FEW_WEIGHTS = 4
};

void op_part_begin(op_part *p, const char *name) {
  *p = (op_part){.n = 0};
  CHECK_INT(oinf_ctx_create(NULL, &p->ctx), OINF_OK);
  CHECK_INT(oinf_model_create(p->ctx, &p->model), OINF_OK);
  CHECK_INT(oinf_graph_create(p->ctx, p->model, name, &p->graph), OINF_OK);
}

void op_part_end(op_part *p) {
  oinf_graph_destroy(p->graph);
  oinf_model_destroy(p->model);
  oinf_ctx_destroy(p->ctx);
  for (int i = 0; i < p->n; i++) op_call_free(p->call[i]);
}

// What no weight can be is an input: more than a few of one kernel, or none of an axis.
static bool is_weight(const op_call *c, uint32_t i) {
  return c->n_in <= FEW_WEIGHTS && oi_view_count(&c->in[i]) > 0;
}

static void operand_name(const op_part *p, int at, uint32_t i, char room[64]) {
  snprintf(room, 64, "%s.%d.%c", oi_op_info_of(p->call[at]->op)->name, at, (char)('a' + i));
}

void op_part_inputs(const op_part *p, void (*fn)(void *user, const char *name, const oi_view *in),
                    void *user) {
  for (int at = 0; at < p->n; at++)
    for (uint32_t i = 0; i < p->call[at]->n_in; i++) {
      char name[64];
      operand_name(p, at, i, name);
      if (!is_weight(p->call[at], i)) fn(user, name, &p->call[at]->in[i]);
    }
}

static uint32_t add_operand(op_part *p, uint32_t i) {
  const oi_view *in = &p->call[p->n]->in[i];
  oinf_dims dims = {.n = in->rank};
  char name[64];
  operand_name(p, p->n, i, name);
  memcpy(dims.d, in->dim, in->rank * sizeof *in->dim);
  if (!is_weight(p->call[p->n], i))
    return oi_input(p->graph, name, in->dtype, &dims, __FILE__, __LINE__).id;
  CHECK_INT(oinf_model_add(p->model, name, in->dtype, in->rank, in->dim, in->data), OINF_OK);
  return oinf_weight(p->graph, name).id;
}

static void add_case(op_part *p, op_call *c, int line) {
  uint32_t in[OINF_MAX_SPLIT];
  char name[64];
  p->call[p->n] = c;
  for (uint32_t i = 0; i < c->n_in; i++) in[i] = add_operand(p, i);
  oinf_val v = oi_build_list(p->graph, c->op, c->args, in, c->n_in, __FILE__, line);
  snprintf(name, sizeof name, "%s.%d", oi_op_info_of(c->op)->name, p->n++);
  oinf_output(p->graph, name, v);
}

int op_part_add(op_part *p, oi_op op, op_part_take *take, void *user) {
  op_vectors v;
  op_call *c = NULL;
  char *tolerance = NULL;
  int n = 0;
  op_vectors_open(&v, op);
  for (char *line = op_vectors_line(&v); line; line = op_vectors_line(&v)) {
    const char *word = op_vectors_word(&line);
    if (strcmp(word, "case") == 0) {
      if (c) op_call_free(c);
      c = op_call_new(oi_op_info_of(op)->name), tolerance = line;
    } else if (strcmp(word, "attr") == 0) {
      op_vectors_attr(&v, c, line);
    } else if (strcmp(word, "in") == 0) {
      op_vectors_in(&v, c, line);
    } else if (strcmp(word, "out") == 0 && c) {
      if (!take || take(user, &v, c, tolerance, line)) add_case(p, c, v.line), n++;
      else op_call_free(c);
      c = NULL;
    }
  }
  if (c) op_call_free(c);
  CHECK_MSG(oinf_graph_check(p->graph) == OINF_OK, "%s: %s", oi_op_info_of(op)->name,
            oinf_error(p->ctx));
  op_vectors_close(&v);
  return n;
}
