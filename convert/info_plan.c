// The simulator's figures, before anything runs: arenas of each variant under a budget. Without one
// the weights are mapped and cost no arena, so a second simulation, of the smallest budget, says
// what could be asked for.
#include <oinf/sim.h>
#include <string.h>

#include "convert/info.h"

typedef struct figures {
  oinf_sim *asked, *least;
} figures;

static oinf_status figures_of(oi_info *i, oinf_sim *s, const char *variant, oinf_sim_plan *out) {
  const oinf_status status = oinf_sim_figures(s, variant, out);
  return status == OINF_OK ? status : oi_fail(oi_ctx_err(i->ctx), status, "%s", oinf_sim_error(s));
}

static oinf_status put_variant(oi_info *i, const figures *f, const char *name) {
  oinf_sim_plan p, least;
  OI_TRY(figures_of(i, f->asked, name, &p));
  OI_TRY(figures_of(i, f->least, name, &least));
  oi_text_put(&i->out,
              "  %-10s peak %llu weights %llu activations %llu states %llu io %llu staging %llu\n",
              *name ? name : "any", (unsigned long long)p.peak, (unsigned long long)p.weights,
              (unsigned long long)p.activations, (unsigned long long)p.states,
              (unsigned long long)p.io, (unsigned long long)p.staging);
  oi_text_put(&i->out, "  %-10s reads %llu a step\n", "", (unsigned long long)p.read_per_step);
  oi_text_put(&i->out, "  %-10s smallest budget %llu, under which it reads %llu a step\n", "",
              (unsigned long long)least.smallest, (unsigned long long)least.read_per_step);
  return OINF_OK;
}

static oinf_status put_window(oi_info *i, const figures *f) {
  oinf_sim_plan p;
  OI_TRY(figures_of(i, f->asked, "", &p));
  if (p.window_rows)
    oi_text_put(&i->out, "  states keep %llu rows, as a window of %llu is all that is seen\n",
                (unsigned long long)p.window_rows, (unsigned long long)p.window);
  return OINF_OK;
}

static oinf_status put_variants(oi_info *i, oinf_graph *g, const figures *f) {
  oi_text_put(&i->out, "plan of %s, bytes%s\n", oinf_graph_name(g),
              i->o.budget ? "" : "; weights are mapped");
  OI_TRY(put_window(i, f));
  OI_TRY(put_variant(i, f, ""));
  for (size_t k = 0; k < g->variants.n; k++) OI_TRY(put_variant(i, f, g->variants.at[k].name));
  return OINF_OK;
}

static oinf_status put_graph(oi_info *i, oinf_graph *g, uint64_t budget) {
  figures f = {NULL, NULL};
  oinf_sim_desc d = {.budget = budget, .capacity = i->o.ctx};
  OI_TRY(oinf_sim_create(i->model, g, &d, &f.asked));
  d.budget = OINF_BUDGET_MIN;
  oinf_status status = oinf_sim_create(i->model, g, &d, &f.least);
  if (status == OINF_OK) status = put_variants(i, g, &f);
  oinf_sim_destroy(f.least);
  oinf_sim_destroy(f.asked);
  return status;
}

static oinf_status budget_of(oi_info *i, uint64_t *out) {
  *out = OINF_BUDGET_NONE;
  if (!i->o.budget) return OINF_OK;
  if (strcmp(i->o.budget, "min") == 0) return *out = OINF_BUDGET_MIN, OINF_OK;
  if (!oi_parse_size(i->o.budget, out))
    return oi_fail(oi_ctx_err(i->ctx), OINF_USAGE, "--budget wants a size such as 512M, or min");
  if (*out <= OINF_BUDGET_MIN) *out = OINF_BUDGET_MIN + 1;  // a budget of 0 is none to speak of
  return OINF_OK;
}

oinf_status oi_info_plan(oi_info *i) {
  uint64_t budget;
  OI_TRY(budget_of(i, &budget));
  if (oinf_model_graph_count(i->model) == 0)
    return oi_fail(oi_ctx_err(i->ctx), OINF_SUPPORT, "the model holds no graph to plan");
  for (uint32_t k = 0; k < oinf_model_graph_count(i->model); k++) {
    const char *name;
    oinf_graph *g;
    (void)oinf_model_graph_text(i->model, k, &name);
    OI_TRY(oinf_graph_load(i->ctx, i->model, name, &g));
    oinf_status status = put_graph(i, g, budget);
    oinf_graph_destroy(g);
    OI_TRY(status);
  }
  return OINF_OK;
}
