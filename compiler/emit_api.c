// include/oinf/emit.h: a compiled graph is the emitter's own record, kept. What getters give was
// made when it was compiled, so that they cannot fail and change nothing.
#include <string.h>

#include "compiler/report.h"

// ---- compiling ----

static oinf_status read_options(oi_err *err, const oinf_emit_desc *desc, oi_pass_options *out) {
  *out = (oi_pass_options){0};
  if (!desc) return OINF_OK;
  OI_TRY(oi_pass_without(err, desc->without, &out->without));
  return desc->dump ? oi_pass_parse(err, desc->dump, &out->dump) : OINF_OK;
}

static const char *kept(oi_emit *e, oi_text *text) {
  const char *copy =
      text->failed ? NULL : oi_arena_text(&e->arena, text->at ? text->at : "", text->n);
  oi_text_free(text);
  return copy;
}

// Names and ops of the kernels, so that getters can lend them.
static oinf_status describe(oi_emit *e) {
  e->described = oi_arena_alloc(&e->arena, (e->n_kernels + 1) * sizeof *e->described);
  if (!e->described) return oi_nomem(e->err, e->n_kernels);
  for (uint32_t k = 1; k <= e->n_kernels; k++) {
    oinf_emit_kernel *d = &e->described[k - 1];
    char name[96];
    oi_text ops;
    oi_emit_kernel_name(e, e->fig->kernel[k].node, name);
    oi_text_init(&ops, e->ctx);
    oi_report_ops(e, &ops, k);
    d->name = oi_arena_text(&e->arena, name, strlen(name));
    d->ops = kept(e, &ops);
    d->role = oi_report_role(e, k);
    d->times = e->fig->kernel[k].times, d->in_branch = e->fig->kernel[k].in_branch;
    if (!d->name || !d->ops) return oi_nomem(e->err, sizeof *d);
  }
  return OINF_OK;
}

oinf_status oinf_emit_compile(oinf_model *model, oinf_graph *graph, const oinf_emit_desc *desc,
                              oinf_emit **out_emit) {
  oi_pass_options options;
  OI_TRY(read_options(oi_ctx_err(graph->ctx), desc, &options));
  oi_emit *e = oi_alloc(graph->ctx, sizeof *e);
  if (!e) return oi_nomem(oi_ctx_err(graph->ctx), sizeof *e);
  oinf_status status = oi_emit_open(e, model, graph, desc, &options);
  if (status == OINF_OK) status = describe(e);
  if (status == OINF_OK) *out_emit = e;
  else oinf_emit_destroy(e);
  return status;
}

void oinf_emit_destroy(oinf_emit *e) {
  if (!e) return;
  oinf_ctx *ctx = e->ctx;
  oi_emit_close(e);
  oi_free(ctx, e, sizeof *e);
}

// ---- inspecting ----

void oinf_emit_inspect(const oinf_emit *e, oinf_emit_figures *out_figures) {
  *out_figures = e->figures;
}

uint32_t oinf_emit_case_count(const oinf_emit *e) { return e->fig->n_cases; }

const char *oinf_emit_case_name(const oinf_emit *e, uint32_t which) {
  return which < e->fig->n_cases ? e->fig->cases[which].name : NULL;
}

static oinf_status check_case(const oinf_emit *e, uint32_t which) {
  if (which < e->fig->n_cases) return OINF_OK;
  return oi_fail(e->err, OINF_USAGE, "case %u of %u is asked for", which, e->fig->n_cases);
}

oinf_status oinf_emit_step_cost(const oinf_emit *e, uint32_t which, oinf_emit_cost *out) {
  OI_TRY(check_case(e, which));
  *out = e->fig->cases[which].step;
  return OINF_OK;
}

oinf_status oinf_emit_kernel_at(const oinf_emit *e, uint32_t i, uint32_t which,
                                oinf_emit_kernel *out_kernel) {
  OI_TRY(check_case(e, which));
  if (i >= e->n_kernels)
    return oi_fail(e->err, OINF_USAGE, "kernel %u of %u is asked for", i, e->n_kernels);
  *out_kernel = e->described[i];
  out_kernel->cost = e->fig->kernel[i + 1].run[which];
  return OINF_OK;
}

const char *oinf_emit_explain(const oinf_emit *e) {
  return e->passes.said.at ? e->passes.said.at : "";
}
const char *oinf_emit_dump(const oinf_emit *e) { return e->dumped.at ? e->dumped.at : ""; }

// ---- emitting ----

oinf_status oinf_emit_write(oinf_emit *e, const char *folder) { return oi_emit_write(e, folder); }
oinf_status oinf_emit_weights(oinf_emit *e, const char *path) { return oi_emit_weights(e, path); }
oinf_status oinf_emit_device(oinf_emit *e, oinf_emit_sink *sink, void *user) {
  return oi_emit_part(e, OI_EMIT_DEVICE, sink, user);
}
oinf_status oinf_emit_host(oinf_emit *e, oinf_emit_sink *sink, void *user) {
  if (!e->package)
    return oi_fail(
        e->err, OINF_USAGE,
        "the host's code holds the digest of the weights: oinf_emit_weights comes first");
  return oi_emit_part(e, OI_EMIT_HOST, sink, user);
}
oinf_status oinf_emit_papers(oinf_emit *e, oinf_emit_sink *sink, void *user) {
  return oi_emit_part(e, OI_EMIT_PAPERS, sink, user);
}

oinf_status oinf_emit_bundle(oinf_model *model, oinf_graph *graph, const oinf_emit_desc *desc,
                             const char *folder, oinf_emit_figures *out_figures) {
  oinf_emit *e;
  OI_TRY(oinf_emit_compile(model, graph, desc, &e));
  const oinf_status status = oinf_emit_write(e, folder);
  if (status == OINF_OK && out_figures) *out_figures = e->figures;
  oinf_emit_destroy(e);
  return status;
}
