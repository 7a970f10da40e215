// The simulator's face: creating, binding, asking. Names become values (sim_find.c), what is asked
// for becomes a plan (sim_plan.c), a plan is interpreted (sim_run.c).
#include "sim/sim.h"

#include <string.h>

#include "lib/rt/cpu.h"
#include "lib/rt/probe.h"
#include "lib/rt/threads.h"

// ---- creating ----

static oinf_status open_pager(oinf_sim *s) {
  const oinf_model *m = s->model;
  size_t bytes = (m->sources.n + 1) * sizeof(oi_pager_source);
  oi_pager_source *src = oi_alloc(s->ctx, bytes);
  s->marks = oi_arena_alloc(&s->arena, (m->sources.n + 1) * sizeof *s->marks);
  if (!src || !s->marks) return oi_free(s->ctx, src, bytes), oi_nomem(&s->err, bytes);
  oinf_status status = OINF_OK;
  for (size_t i = 0; i < m->sources.n && status == OINF_OK; i++) {
    oi_source *from = &m->sources.at[i];
    (void)oi_source_look(from, &s->marks[i]);
    if (from->fd >= 0 && s->desc.budget == OINF_BUDGET_NONE) status = oi_source_map(&s->err, from);
    const bool mapped = from->fd < 0 || s->desc.budget == OINF_BUDGET_NONE;
    src[i] =
        (oi_pager_source){.fd = from->fd, .map = mapped ? from->map : NULL, .size = from->size};
    if (m->n_crc && i == 0)
      src[i].offset = m->weights_offset, src[i].size = m->weights_size, src[i].crc = m->crc;
  }
  if (status == OINF_OK) {
    s->pager = oi_pager_open(src, (uint32_t)m->sources.n);
    if (!s->pager) status = oi_nomem(&s->err, bytes);
  }
  oi_free(s->ctx, src, bytes);
  return status;
}

// The upper bound of a symbol: what was wished for, else what is usual, within the graph's own.
static void cap(oinf_sim *s, int sym, int64_t wish, int64_t usual) {
  int64_t lo, hi;
  oi_dims_bounds(s->graph->dims, oi_dims_sym_dim(s->graph->dims, (size_t)sym), NULL, NULL, &lo,
                 &hi);
  int64_t x = wish > 0 ? wish : usual;
  if (x < lo) x = lo;
  s->pin_hi[sym] = x < hi ? x : hi;
}

// Rows that a step writes into a state, where an input's shape tells them.
static void cap_chunk(oinf_sim *s) {
  const oinf_graph *g = s->graph;
  for (uint32_t i = 1; i < g->nodes.n; i++) {
    const oi_node *n = oi_node_at(g, i);
    if (n->op != OP_STATE_WRITE) continue;
    int sym = oi_dims_sym_of(g->dims, oi_val_at(g, n->out[0])->type.dim[0]);
    if (sym >= 0 && !oi_dims_sym_at(g->dims, (size_t)sym)->is_loop) cap(s, sym, s->desc.chunk, 256);
  }
}

// The symbol of a state's row axis is a capacity: it is fixed as the simulation is made.
static void pin_capacities(oinf_sim *s) {
  const oinf_graph *g = s->graph;
  for (uint32_t i = 0; i < g->states.n; i++) {
    const oi_state_decl *d = &g->states.at[i];
    s->states[i].has_layers = d->layering == OI_LAYERS_FIRST;
    int sym = oi_dims_sym_of(g->dims, d->type.dim[s->states[i].has_layers ? 1 : 0]);
    if (sym < 0) continue;
    cap(s, sym, s->desc.capacity, 4096);
    s->pin_lo[sym] = s->sym[sym] = s->pin_hi[sym];
  }
}

static oinf_status pin_symbols(oinf_sim *s) {
  const oinf_graph *g = s->graph;
  const size_t n = oi_dims_sym_count(g->dims) + 1;
  int64_t **numbers[] = {&s->pin_lo, &s->pin_hi, &s->given, &s->sym};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (!(*numbers[i] = oi_arena_alloc(&s->arena, n * sizeof(int64_t))))
      return oi_nomem(&s->err, n * sizeof(int64_t));
  s->is_given = oi_arena_alloc(&s->arena, n);
  s->sym_known = oi_arena_alloc(&s->arena, n);
  s->states = oi_arena_alloc(&s->arena, (g->states.n + 1) * sizeof *s->states);
  s->inputs = oi_arena_alloc(&s->arena, (g->inputs.n + 1) * sizeof *s->inputs);
  s->made = oi_arena_alloc(&s->arena, (s->model->tensors.n + 1) * sizeof *s->made);
  if (!s->is_given || !s->sym_known || !s->states || !s->inputs || !s->made)
    return oi_nomem(&s->err, n * sizeof(int64_t));
  for (size_t i = 0; i < n; i++) s->pin_lo[i] = INT64_MIN, s->pin_hi[i] = INT64_MAX;
  cap_chunk(s);
  pin_capacities(s);
  oi_dims_sym_bounds(g->dims, s->pin_lo, s->pin_hi, s->pin_lo, s->pin_hi);
  return OINF_OK;
}

static oinf_status make_states(oinf_sim *s) {
  for (uint32_t i = 0; i < s->graph->states.n; i++) {
    oi_state_room *r = &s->states[i];
    oi_growth growth;
    oi_view v;
    OI_TRY_AT(&s->err, oi_sim_type(s, &s->graph->states.at[i].type, &v), "making state '%s'",
              s->graph->states.at[i].name);
    OI_TRY(oi_state_growth(s->graph, i, &s->err, &growth));
    int64_t *rows = &v.dim[r->has_layers ? 1 : 0];
    r->slides = s->kept.room && oi_state_in(&s->windowed.states, i);
    r->capacity = *rows, r->layers = r->has_layers ? v.dim[0] : 1;
    if (r->slides) *rows = s->kept.room;
    r->rows = *rows, r->appends = growth.appends, r->at = growth.at;
    r->bytes = oi_view_bytes(&v);
    r->layer_bytes = r->layers ? r->bytes / (uint64_t)r->layers : 0;
    r->row_bytes = r->rows ? r->layer_bytes / (uint64_t)r->rows : 0;
    s->states_bytes += r->bytes;
  }
  return OINF_OK;
}

static oinf_status fill_states(oinf_sim *s) {
  for (uint32_t i = 0; i < s->graph->states.n; i++) {
    oi_state_room *r = &s->states[i];
    r->data = oi_alloc(s->ctx, r->bytes);
    if (!r->appends) r->before = oi_alloc(s->ctx, r->bytes);
    if (!r->data || (!r->appends && !r->before)) return oi_nomem(&s->err, r->bytes);
  }
  return OINF_OK;
}

// Tensors without bytes in the file are made once.
static oinf_status make_tensors(oinf_sim *s) {
  for (uint32_t i = 0; i < s->model->tensors.n; i++) {
    const oi_tensor *t = &s->model->tensors.at[i];
    if (t->kind == OI_TENSOR_BYTES || !t->pub.bytes) continue;
    s->made[i] = oi_realloc(s->ctx, NULL, 0, t->pub.bytes);
    if (!s->made[i]) return oi_nomem(&s->err, t->pub.bytes);
    s->made_bytes += t->pub.bytes;
    OI_TRY(oi_model_read_at(s->model, i, 0, s->made[i], t->pub.bytes));
  }
  return OINF_OK;
}

static oinf_status create(oinf_sim *s) {
  OI_TRY(oinf_graph_check(s->graph));
  if (!s->model || s->graph->model != s->model)
    return oi_fail(&s->err, OINF_USAGE, "graph '%s' was built on another model",
                   oinf_graph_name(s->graph));
  const char *wrong = oi_probe_self();
  if (wrong)
    return oi_fail(&s->err, OINF_DEVICE,
                   "this build's arithmetic is not strict (%s): see STRICT in the Makefile", wrong);
  s->cpu = (int)oi_dots_level();
  if (s->cpu == OI_CPU_UNKNOWN)
    return oi_fail(&s->err, OINF_USAGE, "expected OINF_CPU to be " OI_CPU_WORDS);
  s->threads = s->desc.threads > 1 ? oi_threads_start(s->desc.threads) : NULL;
  if (s->desc.threads > 1 && !s->threads)
    return oi_fail(&s->err, OINF_MEMORY, "no thread could be started");
  OI_TRY(open_pager(s));
  OI_TRY(pin_symbols(s));
  OI_TRY(oi_sim_window_open(s));
  OI_TRY(make_states(s));
  OI_TRY(make_tensors(s));
  OI_TRY(oi_sim_base(s));
  return fill_states(s);
}

oinf_status oinf_sim_create(oinf_model *model, oinf_graph *graph, const oinf_sim_desc *desc,
                            oinf_sim **out_sim) {
  oinf_ctx *ctx = graph->ctx;
  oinf_sim *s = oi_alloc(ctx, sizeof *s);
  if (!s) return oi_nomem(oi_ctx_err(ctx), sizeof *s);
  *s = (oinf_sim){
      .ctx = ctx, .model = model, .graph = graph, .desc = desc ? *desc : (oinf_sim_desc){0}};
  oi_arena_init(&s->arena, ctx);
  oi_text_init(&s->label, ctx);
  oinf_status status = create(s);
  if (status == OINF_OK) return *out_sim = s, OINF_OK;
  if (oinf_error_status(ctx) == OINF_OK) *oi_ctx_err(ctx) = s->err;
  oinf_sim_destroy(s);
  return status;
}

void oinf_sim_destroy(oinf_sim *s) {
  if (!s) return;
  oinf_ctx *ctx = s->ctx;
  oi_sim_plans_free(s);
  oi_pager_close(s->pager);
  oi_threads_stop(s->threads);
  oi_sim_held_free(s);
  oi_vec_free(ctx, &s->held);
  oi_sim_searches_free(s);
  for (size_t i = 0; s->states && i < s->graph->states.n; i++) {
    oi_free(ctx, s->states[i].data, s->states[i].bytes);
    oi_free(ctx, s->states[i].before,
            s->states[i].appends ? s->states[i].before_bytes : s->states[i].bytes);
  }
  for (size_t i = 0; s->made && i < s->model->tensors.n; i++)
    oi_free(ctx, s->made[i], s->model->tensors.at[i].pub.bytes);
  oi_free(ctx, s->act.block, s->act.bytes + OI_ALIGN);
  oi_free(ctx, s->room.block, s->room.bytes + OI_ALIGN);
  oi_free(ctx, s->weights.block, s->weights.bytes + OI_ALIGN);
  oi_free(ctx, s->extra, s->extra_bytes);
  oi_text_free(&s->label);
  oi_arena_free(&s->arena);
  oi_free(ctx, s, sizeof *s);
}

oinf_status oi_sim_ok(oinf_sim *s) {
  s->err = (oi_err){.status = OINF_OK};
  return OINF_OK;
}
const char *oinf_sim_error(const oinf_sim *s) { return s->err.message; }
const char *oinf_sim_error_trail(const oinf_sim *s) { return s->err.trail; }
uint64_t oinf_sim_steps(const oinf_sim *s) { return s->steps; }

// ---- binding ----

oinf_status oinf_sim_set(oinf_sim *s, const char *symbol, int64_t value) {
  OI_TRY(oi_sim_ok(s));
  int i = oi_dims_find(s->graph->dims, symbol);
  if (i < 0) return oi_fail(&s->err, OINF_USAGE, "the graph has no symbol '%s'", symbol);
  if (s->begun)
    return oi_fail(&s->err, OINF_USAGE, "symbol '%s' is set in the middle of a step", symbol);
  s->given[i] = value, s->is_given[i] = true;
  return OINF_OK;
}

oinf_status oinf_sim_bind(oinf_sim *s, const char *input, const void *data, oinf_dtype dtype,
                          uint32_t rank, const int64_t *dims) {
  OI_TRY(oi_sim_ok(s));
  for (size_t i = 0; i < s->graph->inputs.n; i++) {
    const oi_value *v = oi_val_at(s->graph, s->graph->inputs.at[i]);
    if (strcmp(oi_node_at(s->graph, v->node)->text, input) != 0) continue;
    if (s->begun)
      return oi_fail(&s->err, OINF_USAGE, "input '%s' is bound in the middle of a step", input);
    if (v->type.dtype != dtype || v->type.rank != rank)
      return oi_fail(&s->err, OINF_USAGE, "input '%s' is %s of %u axes, not %s of %u", input,
                     oinf_dtype_name(v->type.dtype), v->type.rank, oinf_dtype_name(dtype), rank);
    s->inputs[i] = (oi_bound){.data = data, .bound = true, .view = {.dtype = dtype, .rank = rank}};
    if (rank) memcpy(s->inputs[i].view.dim, dims, rank * sizeof *dims);
    return OINF_OK;
  }
  return oi_fail(&s->err, OINF_USAGE, "the graph has no input '%s'", input);
}

// ---- asking ----

const oi_held *oi_sim_held(const oinf_sim *s, const oi_demand *d) {
  for (size_t i = 0; i < s->held.n; i++)
    if (memcmp(&s->held.at[i].what, d, sizeof *d) == 0) return &s->held.at[i];
  return NULL;
}

static size_t count_held(const oinf_sim *s, const oi_search *q) {
  size_t n = 0;
  for (size_t i = 0; i < q->found.n; i++) n += oi_sim_held(s, &q->found.at[i]) != NULL;
  return n;
}

// A name that is not there after its plan ran, or a pattern none of which is.
static oinf_status check_found(oinf_sim *s, const oi_search *q) {
  if (count_held(s, q)) return OINF_OK;
  if (oi_sim_is_windowed(s, q->found.at[0].value))
    return oi_fail(&s->err, OINF_USAGE, "'%s' are rows of a state, of which a window is kept",
                   q->pattern);
  return oi_fail(&s->err, OINF_USAGE, "'%s' lies in a side of a branch that is not taken",
                 q->pattern);
}

static oinf_status run_search(oinf_sim *s, const oi_search *q) {
  if (count_held(s, q) == q->found.n) return OINF_OK;
  if (s->running)
    return oi_fail(&s->err, OINF_USAGE,
                   "another value is being stepped to: finish it, or end the step");
  OI_TRY(oi_sim_start(s, q->found.at, q->found.n, s->desc.demand_all && !s->shown, false));
  OI_TRY(oi_sim_run(s));
  oi_sim_finished(s);
  return check_found(s, q);
}

// What was asked for by an output's name is given under that name.
static oinf_array named(const oinf_sim *s, const oi_held *h, const oi_search *q) {
  oinf_array a = h->array;
  for (size_t i = 0; i < s->graph->outputs.n; i++) {
    const oi_output_decl *o = &s->graph->outputs.at[i];
    if (o->value == h->what.value && oi_search_fits(q, o->name)) a.name = o->name;
  }
  return a;
}

oinf_status oinf_sim_fetch(oinf_sim *s, const char *name, oinf_array *out_array) {
  oi_search *q;
  OI_TRY(oi_sim_ok(s));
  OI_TRY(oi_sim_find(s, name, false, &q));
  q->users++;
  oinf_status status = run_search(s, q);
  if (status == OINF_OK) *out_array = named(s, oi_sim_held(s, &q->found.at[0]), q);
  q->users--;
  return status;
}

oinf_status oinf_sim_fetch_copy(oinf_sim *s, const char *name, void *out, uint64_t bytes) {
  oinf_array a;
  OI_TRY(oinf_sim_fetch(s, name, &a));
  if (a.bytes != bytes)
    return oi_fail(&s->err, OINF_USAGE, "'%s' has %llu bytes, not %llu", name,
                   (unsigned long long)a.bytes, (unsigned long long)bytes);
  if (bytes) memcpy(out, a.data, bytes);
  return OINF_OK;
}

// Values in sides of branches that were not taken are passed over.
oinf_status oinf_sim_fetch_glob(oinf_sim *s, const char *glob,
                                void (*each)(void *user, const oinf_array *a), void *user) {
  oi_search *q;
  OI_TRY(oi_sim_ok(s));
  OI_TRY(oi_sim_find(s, glob, true, &q));
  q->users++;
  oinf_status status = run_search(s, q);
  for (size_t i = 0; status == OINF_OK && each && i < q->found.n; i++) {
    const oi_held *h = oi_sim_held(s, &q->found.at[i]);
    if (!h) continue;
    const oinf_array a = named(s, h, q);  // the caller may ask for more, and the table grow
    each(user, &a);
  }
  q->users--;
  return status;
}

static bool is_demanded(const oinf_sim *s, const oi_demand *d) {
  for (size_t i = 0; i < s->now->n_demands; i++)
    if (memcmp(&s->now->demands[i], d, sizeof *d) == 0) return true;
  return false;
}

static oinf_status next_item(oinf_sim *s, const oi_search *q, bool *out_done) {
  *out_done = count_held(s, q) > 0;
  if (*out_done && !s->running) return OINF_OK;
  if (s->running && !is_demanded(s, &q->found.at[0]))
    return oi_fail(&s->err, OINF_USAGE,
                   "another value is being stepped to: finish it, or end the step");
  if (!s->running) OI_TRY(oi_sim_start(s, q->found.at, 1, s->desc.demand_all && !s->shown, false));
  bool end = false;
  OI_TRY(oi_sim_item(s, &end));
  *out_done = end;
  if (!end) return OINF_OK;
  oi_sim_finished(s);
  return check_found(s, q);
}

oinf_status oinf_sim_next(oinf_sim *s, const char *name, bool *out_done) {
  oi_search *q;
  bool done = false;
  OI_TRY(oi_sim_ok(s));
  OI_TRY(oi_sim_find(s, name, false, &q));
  q->users++;
  oinf_status status = next_item(s, q, &done);
  q->users--;
  if (status == OINF_OK) *out_done = done;
  return status;
}

oinf_status oinf_sim_figures(oinf_sim *s, const char *variant, oinf_sim_plan *out_plan) {
  OI_TRY(oi_sim_ok(s));
  uint32_t v = (uint32_t)s->graph->variants.n;
  for (uint32_t i = 0; i < s->graph->variants.n; i++)
    if (variant && strcmp(s->graph->variants.at[i].name, variant) == 0) v = i;
  if (variant && *variant && v == s->graph->variants.n)
    return oi_fail(&s->err, OINF_USAGE, "the graph has no variant '%s'", variant);
  return oi_sim_measure(s, v, out_plan);
}
