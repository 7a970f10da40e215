// Every op of ops.def, over all its vectors, as kernels of a bundle: the simulator computes them
// (test_ops holds it to values from elsewhere), and the bundle gives the same bits. The vectors
// cover each op, class of dtypes and set of attributes; an op of which none came down fails by
// name.
#include "compiler/emit.h"
#include "tests/bundle.h"
#include "tests/op_vectors.h"

enum {
  CASES = 700,
  MOST = 8,
  FEW_WEIGHTS = 4
};

// Cases as nodes of one graph, their operands as weights of its model.
typedef struct part {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  op_call *call[CASES + 512];
  int n;
} part;

static void part_begin(part *p, const char *name) {
  *p = (part){.n = 0};
  CHECK_INT(oinf_ctx_create(NULL, &p->ctx), OINF_OK);
  CHECK_INT(oinf_model_create(p->ctx, &p->model), OINF_OK);
  CHECK_INT(oinf_graph_create(p->ctx, p->model, name, &p->graph), OINF_OK);
}

static void part_end(part *p) {
  oinf_graph_destroy(p->graph);
  oinf_model_destroy(p->model);
  oinf_ctx_destroy(p->ctx);
  for (int i = 0; i < p->n; i++) op_call_free(p->call[i]);
}

// What no weight can be is an input: more than a few of one kernel, or none of an axis.
static bool is_weight(const op_call *c, uint32_t i) {
  return c->n_in <= FEW_WEIGHTS && oi_view_count(&c->in[i]) > 0;
}

static void operand_name(const part *p, int at, uint32_t i, char room[64]) {
  snprintf(room, 64, "%s.%d.%c", oi_op_info_of(p->call[at]->op)->name, at, (char)('a' + i));
}

static uint32_t add_operand(part *p, uint32_t i) {
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

static void add_case(part *p, op_call *c, int line) {
  uint32_t in[OINF_MAX_SPLIT];
  char name[64];
  p->call[p->n] = c;
  for (uint32_t i = 0; i < c->n_in; i++) in[i] = add_operand(p, i);
  oinf_val v = oi_build_list(p->graph, c->op, c->args, in, c->n_in, __FILE__, line);
  snprintf(name, sizeof name, "%s.%d", oi_op_info_of(c->op)->name, p->n++);
  oinf_output(p->graph, name, v);
}

// The cases that run, others are refused by the shape rule or by the kernel; how many.
static int add_op(part *p, oi_op op) {
  op_vectors v;
  op_call *c = NULL;
  int n = 0;
  op_vectors_open(&v, op);
  for (char *line = op_vectors_line(&v); line; line = op_vectors_line(&v)) {
    const char *word = op_vectors_word(&line);
    if (strcmp(word, "case") == 0) {
      if (c) op_call_free(c);
      c = op_call_new(oi_op_info_of(op)->name);
    } else if (strcmp(word, "attr") == 0) {
      op_vectors_attr(&v, c, line);
    } else if (strcmp(word, "in") == 0) {
      op_vectors_in(&v, c, line);
    } else if (strcmp(word, "out") == 0 && c) {
      add_case(p, c, v.line), n++;
      c = NULL;
    }
  }
  if (c) op_call_free(c);
  CHECK_MSG(oinf_graph_check(p->graph) == OINF_OK, "%s: %s", oi_op_info_of(op)->name,
            oinf_error(p->ctx));
  op_vectors_close(&v);
  return n;
}

static uint64_t emit_part(part *p, const char *folder, const char *name) {
  bundle b;
  bundle_begin(&b, p->ctx, p->model, p->graph);
  for (int at = 0; at < p->n; at++)
    for (uint32_t i = 0; i < p->call[at]->n_in; i++) {
      const oi_view *in = &p->call[at]->in[i];
      char operand[64];
      operand_name(p, at, i, operand);
      if (!is_weight(p->call[at], i))
        bundle_input(&b, operand, in->dtype, in->rank, in->dim, in->data);
    }
  bundle_step(&b);
  const uint64_t values = b.n_values;
  const oinf_emit_desc d = {.name = name};
  oi_pass_options options = {.without = 0};  // each case as it stands: none is folded away
  for (int i = 0; i < OI_PASS_COUNT; i++)
    options.without |= (uint32_t)!oi_pass_needed((oi_pass_id)i) << i;
  CHECK_MSG(oi_emit_run(p->model, p->graph, &d, &options, folder, NULL, NULL, NULL) == OINF_OK,
            "%s", oinf_error(p->ctx));
  bundle_end(&b);
  return values;
}

TEST(emit_ops, every_op_comes_down) {
  static part p;
  static char folder[MOST][200], name[MOST][16];
  const char *folders[MOST], *names[MOST];
  uint64_t values[MOST], all = 0;
  int cases = 0, n = 0;
  for (int op = 1; op < OP_COUNT; n++) {
    CHECK(n < MOST);
    snprintf(name[n], sizeof name[n], "part%d", n);
    snprintf(folder[n], sizeof folder[n], "%s/%s", oi_test_dir(), name[n]);
    folders[n] = folder[n], names[n] = name[n];
    part_begin(&p, name[n]);
    for (; op < OP_COUNT && p.n < CASES; op++) {
      const int here = add_op(&p, (oi_op)op);
      CHECK_MSG(here > 0, "no case of op %s comes down", oi_op_info_of((oi_op)op)->name);
      cases += here;
    }
    values[n] = emit_part(&p, folder[n], name[n]);
    all += values[n];
    part_end(&p);
  }
  bundle_run(folders, names, values, n, oi_test_soak() ? "-O3" : "-O1 -DOI_BASE_ONLY",
             "vectors of ops");
  printf("emit_ops: %d cases, %llu values equal\n", cases, (unsigned long long)all);
}
