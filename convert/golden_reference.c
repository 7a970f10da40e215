// A golden step from elsewhere: --reference names a safetensors file (or any model) whose tensors
// bear the names of the graph's inputs and outputs. Inputs are bound, outputs compared at once and
// kept with the tolerance that the file's metadata states, 1e-3 where it states none.
#include <math.h>

#include "convert/golden.h"

static oi_err *err(const oi_golden *g) { return oi_ctx_err(g->c->ctx); }

static oinf_status read_tensor(oi_golden *g, oinf_model *m, const oinf_tensor *t, oi_view *out) {
  *out = (oi_view){.dtype = t->dtype, .rank = t->rank};
  for (uint32_t i = 0; i < t->rank; i++) out->dim[i] = t->dims[i];
  out->data = oi_arena_alloc(&g->arena, t->bytes + 1);
  if (!out->data) return oi_nomem(err(g), t->bytes);
  return oinf_model_read(m, t->name, out->data);
}

static oinf_status tolerance_of(oi_golden *g, const oinf_model *m, double *out) {
  const char *text = oinf_model_meta(m, "safetensors.tolerance");
  if (!text) text = oinf_model_meta(m, "tolerance");
  *out = 1e-3;
  if (!text || (oi_parse_real(text, out) && *out >= 0)) return OINF_OK;
  return oi_fail(err(g), OINF_FORMAT, "--reference: tolerance is '%s', no number from 0 up", text);
}

static bool same_shape(const oi_golden_bytes *ours, const oi_view *want) {
  bool same = ours->dtype == want->dtype && ours->rank == want->rank;
  for (uint32_t i = 0; same && i < want->rank; i++) same = ours->dims[i] == want->dim[i];
  return same;
}

// The package keeps what came from elsewhere.
static oinf_status compare(oi_golden *g, oi_golden_bytes *ours, const oi_view *want) {
  oi_view have = *want;
  double worst = 0;
  have.data = ours->data;
  if (!same_shape(ours, want))
    return oi_fail(err(g), OINF_FORMAT, "--reference: '%s' has another shape or dtype", ours->name);
  if (oi_dtype_class(want->dtype) != OI_F && oi_dtype_class(want->dtype) != OI_D)
    return oi_fail(err(g), OINF_SUPPORT, "--reference: '%s' is %s; floats are compared", ours->name,
                   oinf_dtype_name(want->dtype));
  for (int64_t i = 0; i < oi_view_count(want); i++) {
    double a, b;
    oi_load_f64(&a, &have, i, 1);
    oi_load_f64(&b, want, i, 1);
    const double apart = isnan(a) && isnan(b) ? 0 : a == b ? 0 : fabs(a - b);
    if (!(apart <= worst)) worst = isnan(apart) ? INFINITY : apart;
  }
  ours->data = want->data;
  if (worst <= ours->tolerance) return OINF_OK;
  return oi_fail(err(g), OINF_DIFFERENT, "--reference: '%s' differs by %g, more than %g",
                 ours->name, worst, ours->tolerance);
}

static oinf_status bind_all(oi_golden *g, oinf_model *m) {
  for (size_t i = 0; i < g->graph->inputs.n; i++) {
    const char *name = oi_golden_input(g, i);
    const oinf_tensor *t = oinf_model_find(m, name);
    oi_view v;
    if (!t)
      return oi_fail(err(g), OINF_NOINPUT, "--reference holds no tensor '%s', which is an input",
                     name);
    OI_TRY(read_tensor(g, m, t, &v));
    OI_TRY(oi_golden_bind(g, name, &v));
  }
  return OINF_OK;
}

static oinf_status compare_all(oi_golden *g, oinf_model *m, double tolerance) {
  uint32_t n = 0;
  for (size_t i = 0; i < g->graph->outputs.n; i++) {
    const char *name = g->graph->outputs.at[i].name;
    const oinf_tensor *t = oinf_model_find(m, name);
    oi_view v;
    if (!t) continue;
    OI_TRY(read_tensor(g, m, t, &v));
    OI_TRY(oi_golden_keep(g, name, tolerance));
    OI_TRY(compare(g, &g->now->outputs[n++], &v));
  }
  if (n) return OINF_OK;
  return oi_fail(err(g), OINF_NOINPUT, "--reference holds none of the graph's outputs");
}

static oinf_status step(oi_golden *g, oinf_model *m) {
  double tolerance;
  OI_TRY(tolerance_of(g, m, &tolerance));
  OI_TRY(oi_golden_begin(g, "reference"));
  if (oi_dims_find(g->graph->dims, "P") >= 0) OI_TRY(oi_golden_set(g, "P", 0));
  OI_TRY(bind_all(g, m));
  OI_TRY(compare_all(g, m, tolerance));
  return oi_golden_end(g);
}

oinf_status oi_golden_reference(oi_golden *g) {
  oinf_model *m;
  OI_TRY_AT(err(g), oinf_model_open(g->c->ctx, g->c->reference, &m), "opening --reference");
  oinf_status status = step(g, m);
  oinf_model_destroy(m);
  return status;
}
