// --compare FILE: every value of the run that a file holds under the same label (a dump, but any
// model file will do) is held against it. Standard output says the first that differs in the order
// of the run, under -v a line for each value. A file of several steps names its values STEP/LABEL.
#include <string.h>

#include "sim/apart.h"
#include "sim/sim.h"
#include "sim/tool.h"

struct oi_compare {
  oinf_model *file;
  uint8_t *used;  // by tensor
  uint64_t met, differ, missing;
  oi_text first, missed;
  oinf_status status;
};

bool oi_tool_compares_file(const oi_tool *t) {
  return t->o.compare && strcmp(t->o.compare, "golden") != 0;
}

oinf_status oi_tool_compare_begin(oi_tool *t) {
  if (!oi_tool_compares_file(t) || t->o.bisect) return OINF_OK;
  oi_compare *c = t->compare = oi_alloc(t->ctx, sizeof *c);
  if (!c) return oi_nomem(t->err, sizeof *c);
  *c = (oi_compare){.status = OINF_OK};
  oi_text_init(&c->first, t->ctx);
  oi_text_init(&c->missed, t->ctx);
  OI_TRY_AT(t->err, oinf_model_open(t->ctx, t->o.compare, &c->file), "opening --compare");
  c->used = oi_alloc(t->ctx, c->file->tensors.n + 1);
  return c->used ? OINF_OK : oi_nomem(t->err, c->file->tensors.n + 1);
}

// ---- one value ----

int64_t oi_tool_find_value(oi_tool *t, oinf_model *file, uint64_t step, const char *label) {
  oi_text name;
  oi_text_init(&name, t->ctx);
  oi_text_put(&name, "%llu/%s", (unsigned long long)step, label);
  int64_t i = name.failed ? -1 : oi_model_tensor_id(file, name.at);
  oi_text_free(&name);
  return i < 0 && step == 0 ? oi_model_tensor_id(file, label) : i;
}

static void put_shape(oi_text *to, oinf_dtype dtype, uint32_t rank, const int64_t *dims) {
  oi_text_put(to, "%s [", oinf_dtype_name(dtype));
  for (uint32_t i = 0; i < rank; i++) oi_text_put(to, "%s%lld", i ? ", " : "", (long long)dims[i]);
  oi_text_put(to, "]");
}

static void put_index(oi_text *to, const oi_view *v, int64_t flat) {
  int64_t index[OINF_MAX_RANK] = {0};
  for (uint32_t i = v->rank; i-- > 0; flat /= v->dim[i]) index[i] = flat % v->dim[i];
  oi_text_put(to, "[");
  for (uint32_t i = 0; i < v->rank; i++)
    oi_text_put(to, "%s%lld", i ? ", " : "", (long long)index[i]);
  oi_text_put(to, "]");
}

static void put_apart(oi_text *to, const oi_view *a, const oi_view *b, const oi_apart *x) {
  oi_text_put(to, "%llu of %llu differ, at most by %.6g (relative %.6g); first at ",
              (unsigned long long)x->differ, (unsigned long long)x->count, x->most, x->most_of);
  put_index(to, a, x->first);
  oi_text_put(to, ":");
  oi_tool_put_element(to, a, x->first);
  oi_text_put(to, " here,");
  oi_tool_put_element(to, b, x->first);
  oi_text_put(to, " there");
  if (x->ulps) oi_text_put(to, ", %llu ULP", (unsigned long long)x->ulps);
}

static bool is_float(oinf_dtype d) {
  return (oi_dtype_class(d) & (OI_F | OI_D)) != 0 && oinf_dtype_block(d) == 1;
}

// Tolerances are for floats of any width; without them dtypes count.
static bool may_meet(const oi_tool *t, const oinf_array *a, const oinf_tensor *b) {
  bool same = a->rank == b->rank;
  for (uint32_t i = 0; same && i < a->rank; i++) same = a->dims[i] == b->dims[i];
  if (same && a->dtype == b->dtype) return true;
  return same && (t->o.rtol > 0 || t->o.atol > 0) && is_float(a->dtype) && is_float(b->dtype);
}

oinf_status oi_tool_meet(oi_tool *t, oinf_model *file, uint32_t tensor, const oinf_array *a,
                         oi_text *out) {
  const oinf_tensor *b = &file->tensors.at[tensor].pub;
  oi_view x = {.data = (void *)(uintptr_t)a->data, .dtype = a->dtype, .rank = a->rank};
  oi_view y = {.dtype = b->dtype, .rank = b->rank};
  oi_apart apart;
  memcpy(x.dim, a->dims, sizeof x.dim);
  memcpy(y.dim, b->dims, sizeof y.dim);
  if (!may_meet(t, a, b)) {
    oi_text_put(out, "is ");
    put_shape(out, a->dtype, a->rank, a->dims);
    oi_text_put(out, " here, ");
    put_shape(out, b->dtype, b->rank, b->dims);
    oi_text_put(out, " there");
    return OINF_OK;
  }
  y.data = oi_alloc(t->ctx, b->bytes + 1);
  if (!y.data) return oi_nomem(t->err, b->bytes);
  oinf_status status = oi_model_read_at(file, tensor, 0, y.data, b->bytes);
  if (status == OINF_OK) oi_apart_of(&x, &y, t->o.rtol, t->o.atol, &apart);
  if (status == OINF_OK && apart.differ) put_apart(out, &x, &y, &apart);
  oi_free(t->ctx, y.data, b->bytes + 1);
  return status;
}

static oinf_status report(oi_tool *t, uint64_t step, const oinf_array *a, const oi_text *what) {
  oi_compare *c = t->compare;
  c->met++;
  if (what->n) c->differ++;
  if (what->n && !c->first.n)
    oi_text_put(&c->first, "value '%s' of step %llu: %s\n", a->name, (unsigned long long)step,
                what->at);
  if (c->first.failed || what->failed) return oi_nomem(t->err, what->n);
  if (!t->o.verbose) return OINF_OK;
  return oi_tool_say(t, "%llu %s %s\n", (unsigned long long)step, a->name,
                     what->n ? what->at : "equal");
}

static oinf_status value(oi_tool *t, uint64_t step, const oinf_array *a) {
  oi_compare *c = t->compare;
  const int64_t tensor = oi_tool_find_value(t, c->file, step, a->name);
  oi_text what;
  if (tensor < 0) {
    if (c->missing++ < 3) oi_text_put(&c->missed, "%s'%s'", c->missed.n ? ", " : "", a->name);
    return OINF_OK;
  }
  if (c->used[tensor]++) return c->used[tensor] = 1, OINF_OK;  // shown twice in a step
  oi_text_init(&what, t->ctx);
  oinf_status status = oi_tool_meet(t, c->file, (uint32_t)tensor, a, &what);
  if (status == OINF_OK) status = report(t, step, a, &what);
  oi_text_free(&what);
  return status;
}

void oi_tool_compare_value(oi_tool *t, uint64_t step, const oinf_array *a) {
  if (t->compare && t->compare->status == OINF_OK) t->compare->status = value(t, step, a);
}

// ---- the whole ----

static void note_strangers(oi_tool *t) {
  oi_compare *c = t->compare;
  uint64_t extra = 0;
  oi_text names;
  oi_text_init(&names, t->ctx);
  for (size_t i = 0; i < c->file->tensors.n; i++)
    if (!c->used[i] && extra++ < 3)
      oi_text_put(&names, "%s'%s'", names.n ? ", " : "", c->file->tensors.at[i].pub.name);
  if (c->missing && c->missed.at)
    oi_tool_note(t, "%llu values are not in '%s': %s%s", (unsigned long long)c->missing,
                 t->o.compare, c->missed.at, c->missing > 3 ? ", ..." : "");
  if (extra && names.at)
    oi_tool_note(t, "%llu tensors of '%s' were not made: %s%s", (unsigned long long)extra,
                 t->o.compare, names.at, extra > 3 ? ", ..." : "");
  oi_text_free(&names);
}

static oinf_status conclude(oi_tool *t) {
  oi_compare *c = t->compare;
  OI_TRY(c->status);
  note_strangers(t);
  if (!c->met)
    return oi_fail(t->err, OINF_NOINPUT, "'%s' holds none of the values that ran", t->o.compare);
  if (!c->differ) {
    oi_tool_note(t, "%llu values equal", (unsigned long long)c->met);
    return OINF_OK;
  }
  if (c->first.n && !t->say(c->first.at, c->first.n)) return t->closed = true, OINF_IO;
  return oi_fail(t->err, OINF_DIFFERENT, "%llu of %llu values differ from those of '%s'",
                 (unsigned long long)c->differ, (unsigned long long)c->met, t->o.compare);
}

oinf_status oi_tool_compare_end(oi_tool *t, oinf_status status) {
  oi_compare *c = t->compare;
  if (!c) return status;
  if (status == OINF_OK) status = conclude(t);
  oi_free(t->ctx, c->used, c->file ? c->file->tensors.n + 1 : 0);
  oinf_model_destroy(c->file);
  oi_text_free(&c->first);
  oi_text_free(&c->missed);
  oi_free(t->ctx, c, sizeof *c);
  t->compare = NULL;
  return status;
}
