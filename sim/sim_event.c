// What a profile sees: runs, pages, steps, with their times. Where no hook is set, no clock is
// asked and nothing is counted.
#include <time.h>

#include "compiler/cost.h"
#include "sim/sim.h"

uint64_t oi_sim_clock(const oinf_sim *s) {
  struct timespec t;
  if (!s->desc.on_event) return 0;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void put_cost(oinf_sim *s, uint32_t node, oinf_event *e) {
  oi_cost_shape shape;
  if (!oi_cost_shape_of(s->graph, node, s->sym, &shape)) return;
  for (uint32_t i = 0; i < shape.node->n_in; i++) e->read += oi_cost_read(&shape, i);
  for (uint32_t i = 0; i < shape.node->n_out; i++) e->written += oi_cost_written(&shape, i);
  e->flops = oi_cost_flops(&shape);
}

void oi_sim_ran(oinf_sim *s, uint32_t node, uint64_t begin) {
  const oi_node *n = oi_node_at(s->graph, node);
  if (!s->desc.on_event || oi_plan_is_view(n->op)) return;
  oinf_event e = {.kind = OINF_EVENT_RUN,
                  .op = oi_kind_name(n->op),
                  .step = s->steps,
                  .begin = begin,
                  .end = oi_sim_clock(s)};
  put_cost(s, node, &e);
  e.name = n->n_out ? oi_sim_label(s, n->out[0]) : "";
  s->desc.on_event(s->desc.user, &e);
}

void oi_sim_paged(oinf_sim *s) {
  oi_pager_load load;
  if (!s->desc.on_event || !oi_pager_loaded(s->pager, &load)) return;
  const oinf_event e = {.kind = OINF_EVENT_PAGE,
                        .name = "weights",
                        .op = "read",
                        .step = s->steps,
                        .begin = load.begin,
                        .end = load.end,
                        .read = load.bytes,
                        .ahead = load.ahead};
  s->desc.on_event(s->desc.user, &e);
}

void oi_sim_stepped(oinf_sim *s, const char *how) {
  if (!s->desc.on_event || !s->begun) return;
  const oinf_event e = {.kind = OINF_EVENT_STEP,
                        .name = "step",
                        .op = how,
                        .step = s->steps,
                        .begin = s->step_began,
                        .end = oi_sim_clock(s)};
  s->desc.on_event(s->desc.user, &e);
}
