// Golden steps: what the strict simulator says of the package that was just written, so that every
// engine can be held to it later. A generating graph gets ids (7 i + 3) mod V, one step of 16 and
// two of 1; another graph seeded noise. A --reference file adds a step from elsewhere: its tensors
// named as inputs are bound, those named as outputs are kept with a tolerance, and compared at
// once.
#include <math.h>
#include <string.h>

#include <oinf/sim.h>

#include "convert/convert.h"

enum {
  STEPS = 3,
  FIRST = 16,
  CAPACITY = 32,
  BUDGET = 192 << 20
};

typedef struct golden {
  oi_convert *c;
  oinf_model *model;  // the package, reopened
  oinf_graph *graph;
  oinf_sim *sim;
  oi_arena arena;
  OI_VEC(oi_golden_step) steps;
  oi_golden_step *now;
  OI_VEC(oi_golden_value) values;
  bool failed;
} golden;

static oi_err *err(const golden *g) { return oi_ctx_err(g->c->ctx); }
static char *keep(golden *g, const char *text) {
  return oi_arena_text(&g->arena, text, strlen(text));
}

static void on_value(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  golden *g = user;
  (void)step;
  oi_golden_value *v = oi_vec_push(g->c->ctx, &g->values);
  char *name = keep(g, a->name);
  if (!v || !name) {
    g->failed = true;
    return;
  }
  *v = (oi_golden_value){.name = name, .dtype = a->dtype, .rank = a->rank, .hash = hash};
  memcpy(v->dims, a->dims, sizeof v->dims);
}

static oinf_status sim_failed(golden *g, oinf_status status) {
  if (status != OINF_OK && err(g)->status == OINF_OK)
    oi_fail(err(g), status, "%s", oinf_sim_error(g->sim));
  return status;
}

static oinf_status open_sim(golden *g) {
  oinf_sim_desc d = {.budget = BUDGET,
                     .capacity = CAPACITY,
                     .chunk = FIRST,
                     .demand_all = true,
                     .on_value = on_value,
                     .user = g};
  oinf_status status = oinf_sim_create(g->model, g->graph, &d, &g->sim);
  if (status != OINF_BUDGET) return status;
  oinf_error_clear(g->c->ctx);  // a model whose least is above the usual budget takes its least
  d.budget = OINF_BUDGET_MIN;
  return oinf_sim_create(g->model, g->graph, &d, &g->sim);
}

// ---- one step ----

static oinf_status begin_step(golden *g, const char *variant) {
  g->now = oi_vec_push(g->c->ctx, &g->steps);
  if (!g->now) return oi_nomem(err(g), sizeof *g->now);
  *g->now =
      (oi_golden_step){.graph = keep(g, oinf_graph_name(g->graph)), .variant = keep(g, variant)};
  g->now->syms =
      oi_arena_alloc(&g->arena, (oi_dims_sym_count(g->graph->dims) + 1) * sizeof *g->now->syms);
  g->now->inputs = oi_arena_alloc(&g->arena, (g->graph->inputs.n + 1) * sizeof *g->now->inputs);
  g->now->outputs = oi_arena_alloc(&g->arena, (g->graph->outputs.n + 1) * sizeof *g->now->outputs);
  g->values.n = 0;
  if (g->now->graph && g->now->variant && g->now->syms && g->now->inputs && g->now->outputs)
    return OINF_OK;
  return oi_nomem(err(g), 0);
}

static oinf_status set_sym(golden *g, const char *name, int64_t value) {
  g->now->syms[g->now->n_syms++] = (oi_golden_sym){keep(g, name), value};
  return sim_failed(g, oinf_sim_set(g->sim, name, value));
}

static oinf_status bind(golden *g, const char *name, const oi_view *v) {
  const uint64_t bytes = oi_view_bytes(v);
  oi_golden_bytes *in = &g->now->inputs[g->now->n_inputs++];
  *in =
      (oi_golden_bytes){.name = keep(g, name), .dtype = v->dtype, .rank = v->rank, .bytes = bytes};
  memcpy(in->dims, v->dim, sizeof in->dims);
  in->data = oi_arena_alloc(&g->arena, bytes + 1);
  if (!in->name || !in->data) return oi_nomem(err(g), bytes);
  memcpy(in->data, v->data, bytes);
  return sim_failed(g, oinf_sim_bind(g->sim, name, in->data, v->dtype, v->rank, v->dim));
}

static oinf_status keep_output(golden *g, const char *name, double tolerance) {
  oinf_array a;
  OI_TRY(sim_failed(g, oinf_sim_fetch(g->sim, name, &a)));
  oi_golden_bytes *out = &g->now->outputs[g->now->n_outputs++];
  *out = (oi_golden_bytes){.name = keep(g, name),
                           .dtype = a.dtype,
                           .rank = a.rank,
                           .bytes = a.bytes,
                           .tolerance = tolerance};
  memcpy(out->dims, a.dims, sizeof out->dims);
  out->data = oi_arena_alloc(&g->arena, a.bytes + 1);
  if (!out->name || !out->data) return oi_nomem(err(g), a.bytes);
  memcpy(out->data, a.data, a.bytes);
  return OINF_OK;
}

static oinf_status end_step(golden *g) {
  OI_TRY(sim_failed(g, oinf_sim_end(g->sim)));
  if (g->failed) return oi_nomem(err(g), 0);
  const size_t bytes = g->values.n * sizeof *g->values.at;
  g->now->values = oi_arena_alloc(&g->arena, bytes + 1);
  if (!g->now->values) return oi_nomem(err(g), bytes);
  if (bytes) memcpy(g->now->values, g->values.at, bytes);
  g->now->n_values = (uint32_t)g->values.n;
  return OINF_OK;
}

static oinf_status keep_outputs(golden *g) {
  for (size_t i = 0; i < g->graph->outputs.n; i++)
    OI_TRY(keep_output(g, g->graph->outputs.at[i].name, -1.0));
  return OINF_OK;
}

static bool is_generating(const golden *g) {
  const char *task = oinf_model_meta(g->model, "oinf.task");
  return task && strcmp(task, "generate") == 0;
}

// ---- steps of a graph that generates ----

static int64_t bound(const golden *g, oinf_dim d) {
  int64_t lo, hi;
  oi_dims_bounds(g->graph->dims, d, NULL, NULL, &lo, &hi);
  return hi;
}

static oinf_status token_steps(golden *g) {
  const char *input = oinf_model_meta(g->model, "oinf.input"),
             *output = oinf_model_meta(g->model, "oinf.output");
  const oinf_val tokens = oinf_graph_find(g->graph, input),
                 logits = oinf_graph_find(g->graph, output);
  const int64_t vocab = bound(g, oinf_val_dim(logits, 0)), c = bound(g, oinf_val_dim(tokens, 0));
  int c_sym = oi_dims_find(g->graph->dims, "C");
  int64_t most = c_sym >= 0 ? bound(g, oi_dims_sym_dim(g->graph->dims, (size_t)c_sym)) : CAPACITY;
  int64_t first = most - 2 < FIRST ? most - 2 : FIRST, at = 0;
  if (first > c) first = c;
  if (first < 1) first = 1;
  for (uint32_t step = 0; step < STEPS && at < most; step++) {
    int32_t ids[FIRST];
    const int64_t n = step == 0 ? first : 1;
    for (int64_t i = 0; i < n; i++) ids[i] = (int32_t)((7 * (at + i) + 3) % vocab);
    const oi_view v = {.data = ids, .dtype = OINF_I32, .rank = 1, .dim = {n}};
    if (g->c->golden_step) g->c->golden_step(g->c->user, step, STEPS);
    OI_TRY(begin_step(g, n == 1 ? "decode" : "prefill"));
    if (oi_dims_find(g->graph->dims, "P") >= 0) OI_TRY(set_sym(g, "P", at));
    OI_TRY(bind(g, input, &v));
    OI_TRY(keep_outputs(g));
    OI_TRY(end_step(g));
    at += n;
  }
  return OINF_OK;
}

// ---- a step of any other graph: noise ----

static uint64_t noise(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static oinf_status noise_input(golden *g, uint32_t value, const int64_t *syms, uint64_t *state) {
  const oi_value *in = oi_val_at(g->graph, value);
  oi_view v = {.dtype = in->type.dtype, .rank = in->type.rank};
  for (uint32_t i = 0; i < v.rank; i++)
    if (!oi_dims_eval(g->graph->dims, in->type.dim[i], syms, &v.dim[i]) || v.dim[i] < 0)
      return oi_fail(err(g), OINF_GRAPH, "golden: a dim of input '%s' cannot be told",
                     oi_node_at(g->graph, in->node)->text);
  v.data = oi_arena_alloc(&g->arena, oi_view_bytes(&v) + 1);
  if (!v.data) return oi_nomem(err(g), oi_view_bytes(&v));
  const int64_t n = oi_view_count(&v);
  for (int64_t i = 0; i < n; i++) {
    const uint64_t bits = noise(state);
    const double x = (double)(bits >> 11) / 4503599627370496.0 - 1.0;
    const float f = (float)x;
    const int64_t small = (int64_t)(bits >> 63);
    const uint64_t u = bits >> 63;
    switch (oi_dtype_class(v.dtype)) {
      case OI_D: oi_store_f64(&v, i, 1, &x); break;
      case OI_U: oi_store_u64(&v, i, 1, &u); break;
      case OI_S:
      case OI_B: oi_store_i64(&v, i, 1, &small); break;
      default: oi_store_f32(&v, i, 1, &f);
    }
  }
  return bind(g, oi_node_at(g->graph, in->node)->text, &v);
}

static oinf_status noise_step(golden *g) {
  const oi_dims *d = g->graph->dims;
  const size_t n = oi_dims_sym_count(d), room = (n + 1) * 3 * sizeof(int64_t);
  int64_t *syms = oi_arena_alloc(&g->arena, room), *lo = syms + n, *hi = lo + n;
  uint64_t state = 1;
  if (!syms) return oi_nomem(err(g), room);
  OI_TRY(begin_step(g, "step"));
  oi_dims_sym_bounds(d, NULL, NULL, lo, hi);
  for (size_t i = 0; i < n; i++) {
    const oi_sym *s = oi_dims_sym_at(g->graph->dims, i);
    if (s->is_loop) continue;
    syms[i] = hi[i] < 4 ? hi[i] : lo[i] > 4 ? lo[i] : 4;
    if (syms[i] < lo[i]) syms[i] = lo[i];
    if (strcmp(s->name, "P") == 0) syms[i] = lo[i];
    if (strcmp(s->name, "C") == 0) syms[i] = hi[i] < CAPACITY ? hi[i] : CAPACITY;
    OI_TRY(set_sym(g, s->name, syms[i]));
  }
  for (size_t i = 0; i < g->graph->inputs.n; i++)
    OI_TRY(noise_input(g, g->graph->inputs.at[i], syms, &state));
  OI_TRY(keep_outputs(g));
  return end_step(g);
}

// ---- a step from elsewhere ----

static oinf_status read_tensor(golden *g, oinf_model *m, const oinf_tensor *t, oi_view *out) {
  *out = (oi_view){.dtype = t->dtype, .rank = t->rank};
  memcpy(out->dim, t->dims, sizeof out->dim);
  out->data = oi_arena_alloc(&g->arena, t->bytes + 1);
  if (!out->data) return oi_nomem(err(g), t->bytes);
  return oinf_model_read(m, t->name, out->data);
}

static oinf_status compare(golden *g, const oi_golden_bytes *ours, const oi_view *want,
                           double tolerance) {
  const oi_view have = {.data = ours->data, .dtype = ours->dtype, .rank = ours->rank};
  if (oi_view_bytes(want) != ours->bytes || want->dtype != ours->dtype)
    return oi_fail(err(g), OINF_FORMAT, "--reference: '%s' has another shape or dtype", ours->name);
  double worst = 0;
  for (int64_t i = 0; i < oi_view_count(want); i++) {
    double a, b;
    oi_load_f64(&a, &have, i, 1);
    oi_load_f64(&b, want, i, 1);
    if (!(fabs(a - b) <= worst)) worst = fabs(a - b);
  }
  memcpy(ours->data, want->data, ours->bytes);  // the package keeps what came from elsewhere
  if (worst <= tolerance) return OINF_OK;
  return oi_fail(err(g), OINF_DIFFERENT, "--reference: '%s' differs by %g, more than %g",
                 ours->name, worst, tolerance);
}

static oinf_status reference_step(golden *g, oinf_model *m) {
  const char *text = oinf_model_meta(m, "tolerance");
  double tolerance = 1e-3;
  if (text && !oi_parse_real(text, &tolerance))
    return oi_fail(err(g), OINF_FORMAT, "--reference: tolerance is no number");
  OI_TRY(begin_step(g, "reference"));
  if (oi_dims_find(g->graph->dims, "P") >= 0) OI_TRY(set_sym(g, "P", 0));
  for (size_t i = 0; i < g->graph->inputs.n; i++) {
    const char *name =
        oi_node_at(g->graph, oi_val_at(g->graph, g->graph->inputs.at[i])->node)->text;
    const oinf_tensor *t = oinf_model_find(m, name);
    oi_view v;
    if (!t)
      return oi_fail(err(g), OINF_NOINPUT, "--reference holds no tensor '%s', which is an input",
                     name);
    OI_TRY(read_tensor(g, m, t, &v));
    OI_TRY(bind(g, name, &v));
  }
  for (size_t i = 0; i < g->graph->outputs.n; i++) {
    const char *name = g->graph->outputs.at[i].name;
    const oinf_tensor *t = oinf_model_find(m, name);
    oi_view v;
    if (!t) continue;
    OI_TRY(read_tensor(g, m, t, &v));
    OI_TRY(keep_output(g, name, tolerance));
    OI_TRY(compare(g, &g->now->outputs[g->now->n_outputs - 1], &v, tolerance));
  }
  return end_step(g);
}

static oinf_status reference(golden *g) {
  oinf_model *m;
  if (!g->c->reference) return OINF_OK;
  OI_TRY(oinf_model_open(g->c->ctx, g->c->reference, &m));
  oinf_status status = reference_step(g, m);
  oinf_model_destroy(m);
  return status;
}

static oinf_status run(golden *g) {
  OI_TRY(oinf_graph_load(g->c->ctx, g->model, NULL, &g->graph));
  OI_TRY(open_sim(g));
  OI_TRY(is_generating(g) ? token_steps(g) : noise_step(g));
  return reference(g);
}

oinf_status oi_golden_make(oi_convert *c, oi_oinf_writer *w) {
  golden g = {.c = c};
  oi_arena_init(&g.arena, c->ctx);
  oinf_status status = oi_oinf_reopen(w, &g.model);
  if (status == OINF_OK) status = run(&g);
  oinf_sim_destroy(g.sim);
  oinf_graph_destroy(g.graph);
  if (status == OINF_OK) status = oi_oinf_set_golden(w, g.steps.at, (uint32_t)g.steps.n);
  else oi_trail(err(&g), "making golden steps");
  oinf_model_destroy(g.model);
  oi_vec_free(c->ctx, &g.steps);
  oi_vec_free(c->ctx, &g.values);
  oi_arena_free(&g.arena);
  return status;
}
