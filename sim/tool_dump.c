// --dump: the values of a run as tensors of a safetensors file, named by their labels; where the
// run takes several steps, STEP/LABEL. Values go to a nameless file as they are made, so that a
// dump takes no memory to speak of, and from there into the file in its own order: the same run
// gives the same bytes. A value that is shown twice in a step is the same both times and is kept
// once.
#include <string.h>

#include "formats/safetensors.h"
#include "sim/sim.h"
#include "sim/tool.h"

typedef struct dumped {
  char *label;
  uint64_t step, at;
  oinf_array array;
} dumped;

struct oi_dump {
  oi_arena arena;
  oi_out *spool;
  OI_VEC(dumped) values;
  oinf_status status;
};

oinf_status oi_tool_dump_begin(oi_tool *t) {
  if (!t->o.dump) return OINF_OK;
  oi_dump *d = t->dump = oi_alloc(t->ctx, sizeof *d);
  if (!d) return oi_nomem(t->err, sizeof *d);
  *d = (oi_dump){.status = OINF_OK};
  oi_arena_init(&d->arena, t->ctx);
  return oi_out_begin(t->ctx, t->o.dump, &d->spool);
}

static bool is_kept(const oi_dump *d, uint64_t step, const char *label) {
  for (size_t i = d->values.n; i-- > 0 && d->values.at[i].step == step;)
    if (strcmp(d->values.at[i].label, label) == 0) return true;
  return false;
}

// NaNs go out as the canonical one, as everywhere.
static oinf_status spool(oi_tool *t, const oinf_array *a) {
  void *copy = oi_alloc(t->ctx, a->bytes);
  if (!copy) return oi_nomem(t->err, a->bytes);
  oi_view v = {.data = copy, .dtype = a->dtype, .rank = a->rank};
  memcpy(v.dim, a->dims, sizeof v.dim);
  if (a->bytes) memcpy(copy, a->data, a->bytes);
  oi_canonical_nan(&v);
  oinf_status status = oi_out_write(t->dump->spool, copy, a->bytes);
  oi_free(t->ctx, copy, a->bytes);
  return status;
}

static oinf_status keep(oi_tool *t, uint64_t step, const oinf_array *a) {
  oi_dump *d = t->dump;
  if (is_kept(d, step, a->name)) return OINF_OK;
  dumped *slot = oi_vec_push(t->ctx, &d->values);
  char *label = slot ? oi_arena_text(&d->arena, a->name, strlen(a->name)) : NULL;
  if (!label) return oi_nomem(t->err, sizeof *slot);
  *slot = (dumped){label, step, oi_out_size(d->spool), *a};
  return spool(t, a);
}

void oi_tool_dump_value(oi_tool *t, uint64_t step, const oinf_array *a) {
  if (t->dump && t->dump->status == OINF_OK) t->dump->status = keep(t, step, a);
}

static oinf_status name_all(oi_tool *t, oi_st_tensor *to, uint64_t *at) {
  oi_dump *d = t->dump;
  const bool many = d->values.n && d->values.at[d->values.n - 1].step > 0;
  oi_text name;
  oi_text_init(&name, t->ctx);
  for (size_t i = 0; i < d->values.n; i++) {
    const dumped *v = &d->values.at[i];
    name.n = 0;
    if (many) oi_text_put(&name, "%llu/", (unsigned long long)v->step);
    oi_text_put(&name, "%s", v->label);
    at[i] = v->at;
    to[i].tensor = (oinf_tensor){.dtype = v->array.dtype, .rank = v->array.rank};
    memcpy(to[i].tensor.dims, v->array.dims, sizeof v->array.dims);
    to[i].tensor.name = name.failed ? NULL : oi_arena_text(&d->arena, name.at, name.n);
    if (!to[i].tensor.name) break;
  }
  const bool ok = !d->values.n || to[d->values.n - 1].tensor.name;
  oi_text_free(&name);
  return ok ? OINF_OK : oi_nomem(t->err, d->values.n);
}

static oinf_status write_all(oi_tool *t) {
  oi_dump *d = t->dump;
  const size_t n = d->values.n;
  oi_st_tensor *all = oi_arena_alloc(&d->arena, (n + 1) * sizeof *all);
  uint64_t *at = oi_arena_alloc(&d->arena, (n + 1) * sizeof *at);
  if (!all || !at) return oi_nomem(t->err, (n + 1) * sizeof *all);
  OI_TRY(name_all(t, all, at));
  return oi_safetensors_write_from(t->ctx, t->o.dump, all, n, &(oi_st_spool){d->spool, at});
}

oinf_status oi_tool_dump_end(oi_tool *t, oinf_status status) {
  oi_dump *d = t->dump;
  if (!d) return status;
  if (status == OINF_OK) status = d->status;
  if (status == OINF_OK) status = write_all(t);
  oi_out_abort(&d->spool);
  oi_vec_free(t->ctx, &d->values);
  oi_arena_free(&d->arena);
  oi_free(t->ctx, d, sizeof *d);
  t->dump = NULL;
  return status;
}
