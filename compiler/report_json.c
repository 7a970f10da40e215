// plan.json: what was decided, for programs. Integers are exact; a ratio has three digits.
//
//   bundle                1, the version of this file
//   target, numerics      "c"; "strict", or "fast" with `bound`: what outputs may be off by, as a
//                         part of their largest value
//   graph                 its name
//   arenas                bytes that an instance allocates: weights (0: mapped), activations,
//   states,
//                         io, room (scratch of kernels); `peak` is their sum
//   activations_least     the most bytes of activations that live at one time: no plan has less
//   weights_mapped        whether weights are used in place
//   weight_bytes_per_step bytes of weights that the largest step uses
//   weights               by dtype: tensors and bytes in weights.oinf
//   families              weights by the graph's names: dtype, members, bytes of one, layout (rows
//                         or groups), and `why` where quantized rows are not re-laid
//   paging                under a budget, in blocks of 1 MiB of the weights: `stays` (first,
//   count),
//                         blocks of a slot (there are two) and of the slot of picked rows, `pages`
//                         (first, count) in the order of a step; bytes that a step reads at most
//   symbols               bounds in this bundle
//   states                dtype, dims at their most, rows that memory has, bytes
//   cases                 steps that are weighed, each with its symbols and the sums over all
//   kernels:
//                         bytes of weights, bytes read and written, bytes copied by the plan, flops
//   kernels               in the order in which they first run: name, ops, role, times (runs a
//   step),
//                         in_branch, and `run`: for each case the cost of one run
//   items                 how many items the plan has: the time axis of `lives`
//   lives                 the activation arena: where a value lies (offset, bytes) and between
//   which
//                         items (first, last); a storage that lives several times has several rows
//
// flops: a multiply-add is two, everything else one; compiler/cost.h has the whole of it.
#include <string.h>

#include "compiler/report.h"

static unsigned long long u(uint64_t x) { return (unsigned long long)x; }

static void put_cost(oi_text *to, const oi_cost *c) {
  oi_text_put(to, "\"weights\": %llu, \"read\": %llu, \"written\": %llu, \"flops\": %llu",
              u(c->weights), u(c->read), u(c->written), u(c->flops));
}

static void put_arenas(oi_emit *e) {
  const oinf_emit_figures *f = &e->figures;
  oi_text_put(&e->out,
              "  \"arenas\": {\"weights\": %llu, \"activations\": %llu, \"states\": %llu, "
              "\"io\": %llu, \"room\": %llu},\n  \"peak\": %llu,\n  \"activations_least\": %llu,\n"
              "  \"weights_mapped\": %s,\n  \"weight_bytes_per_step\": %llu,\n",
              u(f->weights), u(f->activations), u(f->states), u(f->io), u(f->room), u(f->peak),
              u(e->plan.least), e->desc.budget ? "false" : "true", u(f->step_bytes));
}

static void put_weights(oi_emit *e) {
  bool any = false;
  oi_text_put(&e->out, "  \"weights\": {");
  for (oinf_dtype d = OINF_F64; strcmp(oinf_dtype_name(d), "none") != 0; d = (oinf_dtype)(d + 1)) {
    uint64_t bytes;
    const uint64_t n = oi_report_weights(e, d, &bytes);
    if (n == 0) continue;
    oi_text_put(&e->out, "%s\"%s\": {\"tensors\": %llu, \"bytes\": %llu}", any ? ", " : "",
                oinf_dtype_name(d), u(n), u(bytes));
    any = true;
  }
  oi_text_put(&e->out, "},\n");
}

static void put_families(oi_emit *e) {
  oi_text_put(&e->out, "  \"families\": [");
  for (size_t i = 0; i < e->weights.n; i++) {
    const oi_emit_weight *w = &e->weights.at[i];
    const oi_node *n = oi_node_at(e->g, w->node);
    const oinf_dtype dtype = oi_val_at(e->g, n->out[0])->type.dtype;
    oi_text_put(&e->out, "%s\n    {\"weight\": ", i ? "," : "");
    oi_report_json(&e->out, n->text);
    oi_text_put(&e->out,
                ", \"dtype\": \"%s\", \"members\": %u, \"bytes\": %llu, \"layout\": \"%s\"",
                oinf_dtype_name(dtype), w->same ? 1 : w->n, u(w->bytes),
                w->why ? "rows" : "groups");
    if (w->why && oi_dtype_class(dtype) == OI_Q)
      oi_text_put(&e->out, ", \"why\": \"%s\"", w->why);
    oi_text_put(&e->out, "}");
  }
  oi_text_put(&e->out, "],\n");
}

static void put_paging(oi_emit *e) {
  const oi_paging_plan *p = &e->paging;
  bool any = false;
  if (!e->desc.budget) return;
  oi_text_put(
      &e->out,
      "  \"paging\": {\"stays\": [%llu, %u], \"slot\": %u, \"row_slot\": %u, \"bytes\": %llu, "
      "\"read_first\": %llu, \"read_per_step\": %llu, \"smallest_peak\": %llu,\n"
      "    \"pages\": [",
      u(p->window.first), p->window.count, p->slot, p->row_slot, u(p->bytes),
      u(e->figures.read_first), u(e->figures.read_per_step), u(e->figures.smallest));
  for (size_t i = 0; i < p->order.n; i++) {
    if (!p->order.at[i].count) continue;  // a fence
    oi_text_put(&e->out, "%s[%llu, %u]", any ? ", " : "", u(p->order.at[i].first),
                p->order.at[i].count);
    any = true;
  }
  oi_text_put(&e->out, "]},\n");
}

static void put_symbols(oi_emit *e) {
  bool any = false;
  oi_text_put(&e->out, "  \"symbols\": [");
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    const oi_sym *s = oi_dims_sym_at(e->g->dims, i);
    if (s->is_loop) continue;
    oi_text_put(&e->out, "%s\n    {\"name\": ", any ? "," : "");
    oi_report_json(&e->out, s->name);
    oi_text_put(&e->out, ", \"least\": %lld, \"most\": %lld}", (long long)e->plan.sym_lo[i],
                (long long)e->plan.sym_hi[i]);
    any = true;
  }
  oi_text_put(&e->out, "%s],\n", any ? "\n  " : "");
}

static void put_states(oi_emit *e) {
  oi_text_put(&e->out, "  \"states\": [");
  for (size_t i = 0; i < e->g->states.n; i++) {
    const oi_state_decl *s = &e->g->states.at[i];
    oi_text_put(&e->out, "%s\n    {\"name\": ", i ? "," : "");
    oi_report_json(&e->out, s->name);
    oi_text_put(&e->out, ", \"dtype\": \"%s\", \"dims\": [", oinf_dtype_name(s->type.dtype));
    for (uint32_t k = 0; k < s->type.rank; k++) {
      int64_t lo, hi;
      oi_dims_bounds(e->g->dims, s->type.dim[k], e->plan.sym_lo, e->plan.sym_hi, &lo, &hi);
      oi_text_put(&e->out, "%s%lld", k ? ", " : "", (long long)hi);
    }
    oi_text_put(&e->out, "], \"rows\": %lld, \"bytes\": %llu}",
                (long long)oi_emit_rows(e, (uint32_t)i), u(e->state_bytes[i]));
  }
  oi_text_put(&e->out, "%s],\n", e->g->states.n ? "\n  " : "");
}

static void put_cases(oi_emit *e) {
  oi_text_put(&e->out, "  \"cases\": [");
  for (uint32_t i = 0; i < e->fig->n_cases; i++) {
    const oi_figure_case *c = &e->fig->cases[i];
    bool any = false;
    oi_text_put(&e->out, "%s\n    {\"name\": ", i ? "," : "");
    oi_report_json(&e->out, c->name);
    oi_text_put(&e->out, ", \"symbols\": {");
    for (size_t k = 0; k < oi_dims_sym_count(e->g->dims); k++) {
      const oi_sym *s = oi_dims_sym_at(e->g->dims, k);
      if (s->is_loop) continue;
      oi_text_put(&e->out, "%s", any ? ", " : "");
      oi_report_json(&e->out, s->name);
      oi_text_put(&e->out, ": %lld", (long long)c->syms[k]);
      any = true;
    }
    oi_text_put(&e->out, "}, ");
    put_cost(&e->out, &c->step);
    oi_text_put(&e->out, ", \"copied\": %llu}", u(c->copied));
  }
  oi_text_put(&e->out, "\n  ],\n");
}

static void put_kernel(oi_emit *e, uint32_t number) {
  const oi_kernel_figures *k = &e->fig->kernel[number];
  const oi_node *n = oi_node_at(e->g, k->node);
  char name[96];
  oi_text_put(&e->out, "    {\"name\": \"%s\", \"ops\": [", oi_emit_kernel_name(e, k->node, name));
  for (uint32_t i = 0; i < k->n_nodes; i++)
    oi_text_put(&e->out, "%s\"%s\"", i ? ", " : "",
                oi_kind_name(oi_node_at(e->g, e->fig->nodes[k->first + i])->op));
  oi_text_put(&e->out, "], \"role\": \"%s\", \"times\": %llu, \"in_branch\": %s, \"run\": [",
              n->n_out ? oi_emit_role_name(oi_val_at(e->g, n->out[0])->hint.role) : "", u(k->times),
              k->in_branch ? "true" : "false");
  for (uint32_t i = 0; i < e->fig->n_cases; i++) {
    oi_text_put(&e->out, "%s\n      {", i ? "," : "");
    put_cost(&e->out, &k->run[i]);
    oi_text_put(&e->out, ", \"flops_per_byte\": ");
    oi_report_ratio(&e->out, k->run[i].flops, oi_cost_bytes(&k->run[i]), 3);
    oi_text_put(&e->out, "}");
  }
  oi_text_put(&e->out, "]}%s\n", number < e->fig->n_kernels ? "," : "");
}

static void put_lives(oi_emit *e) {
  bool any = false;
  oi_text_put(&e->out, "  \"items\": %zu,\n  \"lives\": [", e->plan.items.n);
  for (size_t i = 1; i < e->plan.storages.n; i++) {
    const oi_storage *s = &e->plan.storages.at[i];
    if (s->kind != OI_STORE_ACT) continue;
    for (uint32_t k = s->span; k; k = e->plan.spans.at[k].before) {
      oi_text_put(&e->out,
                  "%s\n    {\"offset\": %llu, \"bytes\": %llu, \"first\": %u, \"last\": %u}",
                  any ? "," : "", u(s->offset), u(s->bytes), e->plan.spans.at[k].first,
                  e->plan.spans.at[k].last);
      any = true;
    }
  }
  oi_text_put(&e->out, "%s]\n}\n", any ? "\n  " : "");
}

oinf_status oi_emit_plan_json(oi_emit *e) {
  oi_text_put(&e->out,
              "{\n  \"bundle\": 1,\n  \"target\": \"c\",\n  \"numerics\": \"%s\",\n",
              e->desc.fast ? "fast" : "strict");
  if (e->desc.fast) oi_text_put(&e->out, "  \"bound\": %.3g,\n", oi_emit_off(e));
  oi_text_put(&e->out, "  \"graph\": ");
  oi_report_json(&e->out, oinf_graph_name(e->g));
  oi_text_put(&e->out, ",\n");
  put_arenas(e);
  put_weights(e);
  put_families(e);
  put_paging(e);
  put_symbols(e);
  put_states(e);
  put_cases(e);
  oi_text_put(&e->out, "  \"kernels\": [\n");
  for (uint32_t k = 1; k <= e->fig->n_kernels; k++) put_kernel(e, k);
  oi_text_put(&e->out, "  ],\n");
  put_lives(e);
  return OINF_OK;
}
