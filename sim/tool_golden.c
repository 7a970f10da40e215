// The package's golden steps, run again: every value's hash is compared as it is made, outputs by
// their bytes or within the tolerance that the package states. The first difference is named.
#include <math.h>
#include <string.h>

#include "sim/sim.h"
#include "sim/tool.h"

typedef struct check {
  oi_tool *t;
  const oi_golden_step *step;
  uint64_t seen, equal;
  char first[256];
} check;

const oi_golden_value *oi_tool_golden_of(const oi_golden_step *g, const char *name) {
  for (uint32_t i = 0; i < g->n_values; i++)
    if (strcmp(g->values[i].name, name) == 0) return &g->values[i];
  return NULL;
}

static void on_value(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  check *c = user;
  const oi_golden_value *g = oi_tool_golden_of(c->step, a->name);
  if (!g) return;
  c->seen++;
  if (g->hash == hash) {
    c->equal++;
    return;
  }
  size_t n = strlen(a->name) < 200 ? strlen(a->name) : 200;
  if (c->first[0]) return;
  memcpy(c->first, a->name, n);
  c->first[n] = 0;
  oi_tool_note(c->t, "step %llu: '%s' is %016llx, golden is %016llx", (unsigned long long)step,
               a->name, (unsigned long long)hash, (unsigned long long)g->hash);
}

static oinf_status compare_output(check *c, const oi_golden_bytes *g) {
  oinf_array a;
  OI_TRY(oi_tool_sim_failed(c->t, oinf_sim_fetch(c->t->sim, g->name, &a)));
  bool same = a.bytes == g->bytes && a.dtype == g->dtype &&
              memcmp(a.dims, g->dims, a.rank * sizeof *a.dims) == 0;
  if (same && g->tolerance < 0) same = memcmp(a.data, g->data, a.bytes) == 0;
  for (uint64_t i = 0; same && g->tolerance >= 0 && a.dtype == OINF_F32 && i < a.bytes / 4; i++)
    same = fabs((double)((const float *)a.data)[i] - (double)((const float *)g->data)[i]) <=
           g->tolerance;
  if (same) return OINF_OK;
  return oi_fail(c->t->err, OINF_DIFFERENT, "output '%s' differs from the golden one", g->name);
}

static oinf_status run_step(check *c) {
  const oi_golden_step *g = c->step;
  oinf_sim *s = c->t->sim;
  for (uint32_t i = 0; i < g->n_syms; i++)
    if (oi_dims_find(c->t->graph->dims, g->syms[i].name) >= 0)
      OI_TRY(oi_tool_sim_failed(c->t, oinf_sim_set(s, g->syms[i].name, g->syms[i].value)));
  for (uint32_t i = 0; i < g->n_inputs; i++) {
    const oi_golden_bytes *in = &g->inputs[i];
    OI_TRY(oi_tool_sim_failed(c->t,
                              oinf_sim_bind(s, in->name, in->data, in->dtype, in->rank, in->dims)));
  }
  if (c->t->o.bisect) {
    OI_TRY(oi_tool_bisect_step(c->t, g));
    return oi_tool_sim_failed(c->t, oinf_sim_end(s));
  }
  const uint64_t before = c->equal, seen = c->seen;
  for (uint32_t i = 0; i < g->n_outputs; i++) {
    oinf_status status = compare_output(c, &g->outputs[i]);
    if (c->equal - before !=
        c->seen - seen)  // the first value that differs says more than the output
      *c->t->err = (oi_err){.status = OINF_OK};
    if (c->first[0])
      return oi_fail(c->t->err, OINF_DIFFERENT, "value '%s' differs from the golden one", c->first);
    OI_TRY(status);
  }
  return oi_tool_sim_failed(c->t, oinf_sim_end(s));
}

oinf_status oi_tool_golden(oi_tool *t) {
  check c = {.t = t};
  uint32_t steps = 0;
  if (t->model->golden.n == 0)
    return oi_fail(t->err, OINF_NOINPUT, "the package carries no golden steps");
  oinf_sim_desc d = {.budget = 0,
                     .threads = (int)t->o.threads,
                     .capacity = 32,
                     .demand_all = !t->o.bisect,
                     .on_value = t->o.bisect ? NULL : on_value,
                     .on_cancel = t->cancelled,
                     .user = &c};
  OI_TRY(oinf_sim_create(t->model, t->graph, &d, &t->sim));
  for (size_t i = 0; i < t->model->golden.n; i++) {
    c.step = &t->model->golden.at[i];
    if (strcmp(c.step->graph, oinf_graph_name(t->graph)) != 0) continue;
    steps++;
    OI_TRY(run_step(&c));
  }
  if (!steps)
    return oi_fail(t->err, OINF_NOINPUT, "the package carries no golden steps of graph '%s'",
                   oinf_graph_name(t->graph));
  if (t->o.bisect) return oi_tool_bisect_end(t, OINF_OK);
  if (!t->o.quiet)
    oi_tool_note(t, "%u golden steps: %llu values equal", steps, (unsigned long long)c.equal);
  return OINF_OK;
}
