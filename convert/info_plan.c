// The simulator's figures, before anything runs: arenas of each variant under a budget.
#include <oinf/sim.h>
#include <string.h>

#include "convert/info.h"

static oinf_status put_variant(oi_info *i, oinf_sim *s, const char *name) {
  oinf_sim_plan p;
  oinf_status status = oinf_sim_figures(s, name, &p);
  if (status != OINF_OK) return oi_fail(oi_ctx_err(i->ctx), status, "%s", oinf_sim_error(s));
  oi_text_put(&i->out,
              "  %-10s peak %llu weights %llu activations %llu states %llu io %llu staging %llu\n",
              *name ? name : "any", (unsigned long long)p.peak, (unsigned long long)p.weights,
              (unsigned long long)p.activations, (unsigned long long)p.states,
              (unsigned long long)p.io, (unsigned long long)p.staging);
  oi_text_put(&i->out, "  %-10s smallest budget %llu, reads %llu a step\n", "",
              (unsigned long long)p.smallest, (unsigned long long)p.read_per_step);
  return OINF_OK;
}

static oinf_status put_graph(oi_info *i, oinf_graph *g, uint64_t budget) {
  oinf_sim *s;
  oinf_sim_desc d = {.budget = budget, .capacity = i->o.ctx};
  OI_TRY(oinf_sim_create(i->model, g, &d, &s));
  oi_text_put(&i->out, "plan of %s, bytes\n", oinf_graph_name(g));
  oinf_status status = put_variant(i, s, "");
  for (size_t k = 0; status == OINF_OK && k < g->variants.n; k++)
    status = put_variant(i, s, g->variants.at[k].name);
  oinf_sim_destroy(s);
  return status;
}

oinf_status oi_info_plan(oi_info *i) {
  uint64_t budget = OINF_BUDGET_NONE;
  if (i->o.budget && strcmp(i->o.budget, "min") == 0) budget = OINF_BUDGET_MIN;
  else if (i->o.budget && !oi_parse_size(i->o.budget, &budget))
    return oi_fail(oi_ctx_err(i->ctx), OINF_USAGE, "--budget wants a size such as 512M, or min");
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
