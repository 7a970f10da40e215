// Golden steps: what the strict simulator says of the package that was just written, so that every
// engine can be held to it later. A generating graph gets ids (7 i + 3) mod V, one step of 16 and
// two of 1; another graph gets noise. Everything is kept in one arena until the writer has it.
#include "convert/golden.h"

#include <string.h>

enum {
  STEPS = 3,
  FIRST = 16
};

static oi_err *err(const oi_golden *g) { return oi_ctx_err(g->c->ctx); }

static char *keep(oi_golden *g, const char *text) {
  return oi_arena_text(&g->arena, text, strlen(text));
}

static void *keep_bytes(oi_golden *g, const void *bytes, uint64_t n) {
  void *at = oi_arena_alloc(&g->arena, n + 1);
  if (at && n) memcpy(at, bytes, n);
  return at;
}

// ---- the simulation ----

static void on_value(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  oi_golden *g = user;
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

static bool on_cancel(void *user) {
  const oi_golden *g = user;
  return g->c->progress && !g->c->progress(g->c->user, 0, 0);
}

static oinf_status sim_failed(oi_golden *g, oinf_status status) {
  if (status != OINF_OK && err(g)->status == OINF_OK)
    oi_fail(err(g), status, "%s", oinf_sim_error(g->sim));
  return status;
}

static oinf_status open_sim(oi_golden *g) {
  oinf_sim_desc d = {.budget = OI_GOLDEN_BUDGET,
                     .capacity = OI_GOLDEN_CAPACITY,
                     .chunk = OI_GOLDEN_CAPACITY,
                     .demand_all = true,
                     .on_value = on_value,
                     .on_cancel = on_cancel,
                     .user = g};
  oinf_status status = oinf_sim_create(g->model, g->graph, &d, &g->sim);
  if (status != OINF_BUDGET) return status;
  oinf_error_clear(g->c->ctx);  // a model whose least is above the usual budget takes its least
  d.budget = OINF_BUDGET_MIN;
  return oinf_sim_create(g->model, g->graph, &d, &g->sim);
}

// ---- one step ----

oinf_status oi_golden_begin(oi_golden *g, const char *variant) {
  const size_t syms = oi_dims_sym_count(g->graph->dims) + 1, inputs = g->graph->inputs.n + 1,
               outputs = g->graph->outputs.n + 1;
  oi_golden_step *s = oi_vec_push(g->c->ctx, &g->steps);
  if (!s) return oi_nomem(err(g), sizeof *s);
  s->graph = keep(g, oinf_graph_name(g->graph));
  s->variant = keep(g, variant);
  s->syms = oi_arena_alloc(&g->arena, syms * sizeof *s->syms);
  s->inputs = oi_arena_alloc(&g->arena, inputs * sizeof *s->inputs);
  s->outputs = oi_arena_alloc(&g->arena, outputs * sizeof *s->outputs);
  g->now = s;
  g->values.n = 0;
  if (s->graph && s->variant && s->syms && s->inputs && s->outputs) return OINF_OK;
  return oi_nomem(err(g), 0);
}

oinf_status oi_golden_set(oi_golden *g, const char *name, int64_t value) {
  oi_golden_sym *s = &g->now->syms[g->now->n_syms];
  *s = (oi_golden_sym){keep(g, name), value};
  if (!s->name) return oi_nomem(err(g), 0);
  g->now->n_syms++;
  return sim_failed(g, oinf_sim_set(g->sim, name, value));
}

oinf_status oi_golden_bind(oi_golden *g, const char *name, const oi_view *v) {
  oi_golden_bytes *in = &g->now->inputs[g->now->n_inputs];
  *in = (oi_golden_bytes){.name = keep(g, name), .dtype = v->dtype, .rank = v->rank};
  in->bytes = oi_view_bytes(v);
  memcpy(in->dims, v->dim, sizeof in->dims);
  in->data = keep_bytes(g, v->data, in->bytes);
  if (!in->name || !in->data) return oi_nomem(err(g), in->bytes);
  g->now->n_inputs++;
  return sim_failed(g, oinf_sim_bind(g->sim, name, in->data, v->dtype, v->rank, v->dim));
}

oinf_status oi_golden_keep(oi_golden *g, const char *name, double tolerance) {
  oinf_array a;
  OI_TRY(sim_failed(g, oinf_sim_fetch(g->sim, name, &a)));
  oi_golden_bytes *out = &g->now->outputs[g->now->n_outputs];
  *out = (oi_golden_bytes){.name = keep(g, name), .dtype = a.dtype, .rank = a.rank};
  out->bytes = a.bytes, out->tolerance = tolerance;
  memcpy(out->dims, a.dims, sizeof out->dims);
  out->data = keep_bytes(g, a.data, a.bytes);
  if (!out->name || !out->data) return oi_nomem(err(g), a.bytes);
  g->now->n_outputs++;
  return OINF_OK;
}

oinf_status oi_golden_keep_all(oi_golden *g) {
  for (size_t i = 0; i < g->graph->outputs.n; i++)
    OI_TRY(oi_golden_keep(g, g->graph->outputs.at[i].name, -1.0));
  return OINF_OK;
}

oinf_status oi_golden_end(oi_golden *g) {
  OI_TRY(sim_failed(g, oinf_sim_end(g->sim)));
  const size_t bytes = g->values.n * sizeof *g->values.at;
  g->now->values = g->failed ? NULL : keep_bytes(g, g->values.at, bytes);
  if (!g->now->values) return oi_nomem(err(g), bytes);
  g->now->n_values = (uint32_t)g->values.n;
  return OINF_OK;
}

// ---- steps of a graph that generates ----

int64_t oi_golden_bound(const oi_golden *g, oinf_dim d) {
  int64_t lo, hi;
  oi_dims_bounds(g->graph->dims, d, NULL, NULL, &lo, &hi);
  return hi;
}

const char *oi_golden_input(const oi_golden *g, size_t i) {
  return oi_node_at(g->graph, oi_val_at(g->graph, g->graph->inputs.at[i])->node)->text;
}

// The value that metadata names; id 0: none does.
static oinf_val said(const oi_golden *g, const char *key) {
  const char *name = oinf_model_meta(g->model, key);
  return name ? oinf_graph_find(g->graph, name) : (oinf_val){0};
}

// Ids alone go in, as [T] i32; anything else is no text, whatever the metadata says.
static bool is_generating(const oi_golden *g) {
  const char *task = oinf_model_meta(g->model, "oinf.task");
  const oinf_val tokens = said(g, "oinf.input"), logits = said(g, "oinf.output");
  return task && strcmp(task, "generate") == 0 && g->graph->inputs.n == 1 && tokens.id &&
         logits.id && tokens.id == g->graph->inputs.at[0] && oinf_val_rank(tokens) == 1 &&
         oinf_val_dtype(tokens) == OINF_I32 && oinf_val_rank(logits) > 0;
}

static oinf_status token_step(oi_golden *g, int64_t at, int64_t n, int64_t vocab) {
  int32_t ids[FIRST];
  const oi_view v = {.data = ids, .dtype = OINF_I32, .rank = 1, .dim = {n}};
  for (int64_t i = 0; i < n; i++) ids[i] = (int32_t)((7 * (at + i) + 3) % vocab);
  OI_TRY(oi_golden_begin(g, n == 1 ? "decode" : "prefill"));
  if (oi_dims_find(g->graph->dims, "P") >= 0) OI_TRY(oi_golden_set(g, "P", at));
  OI_TRY(oi_golden_bind(g, oi_golden_input(g, 0), &v));
  OI_TRY(oi_golden_keep_all(g));
  return oi_golden_end(g);
}

// A model of few positions takes fewer and shorter steps.
static oinf_status token_steps(oi_golden *g) {
  const oinf_val tokens = said(g, "oinf.input"), logits = said(g, "oinf.output");
  const int c = oi_dims_find(g->graph->dims, "C");
  const int64_t rows = oi_golden_bound(g, oinf_val_dim(tokens, 0)),
                vocab = oi_golden_bound(g, oinf_val_dim(logits, -1));
  int64_t most = OI_GOLDEN_CAPACITY, first = FIRST, at = 0;
  if (c >= 0) most = oi_golden_bound(g, oi_dims_sym_dim(g->graph->dims, (size_t)c));
  if (first > most - 2) first = most - 2;
  if (first > rows) first = rows;
  if (first < 1) first = 1;
  for (int step = 0; step < STEPS && at < most && vocab > 0; step++) {
    const int64_t n = step == 0 ? first : 1;
    OI_TRY(token_step(g, at, n, vocab));
    at += n;
  }
  return OINF_OK;
}

// ---- all ----

static oinf_status run(oi_golden *g) {
  OI_TRY(oinf_graph_load(g->c->ctx, g->model, oinf_graph_name(g->c->graph), &g->graph));
  if (g->graph->user_ops.n) {
    oi_note(g->c->ctx, "graph '%s' has ops that only its own program can run: no golden steps",
            oinf_graph_name(g->graph));
    return OINF_OK;
  }
  OI_TRY(open_sim(g));
  OI_TRY(is_generating(g) ? token_steps(g) : oi_golden_noise(g));
  return g->c->reference ? oi_golden_reference(g) : OINF_OK;
}

static void free_all(oi_golden *g) {
  oinf_sim_destroy(g->sim);
  oinf_graph_destroy(g->graph);
  oinf_model_destroy(g->model);
  oi_vec_free(g->c->ctx, &g->steps);
  oi_vec_free(g->c->ctx, &g->values);
  oi_arena_free(&g->arena);
}

oinf_status oi_golden_make(oi_convert *c, oi_oinf_writer *w) {
  oi_golden g = {.c = c};
  oi_arena_init(&g.arena, c->ctx);
  oinf_status status = oi_oinf_reopen(w, &g.model);
  if (status == OINF_OK) status = run(&g);
  if (status != OINF_OK) oi_trail(err(&g), "making golden steps");
  else if (g.steps.n) status = oi_oinf_set_golden(w, g.steps.at, (uint32_t)g.steps.n);
  free_all(&g);
  return status;
}
