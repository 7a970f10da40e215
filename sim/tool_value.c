// Graphs without tokens: inputs from npy files or numbers, outputs as text or npy; and what --fetch
// and --output ask of any graph.
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "formats/npy.h"
#include "sim/sim.h"
#include "sim/tool.h"

oinf_status oi_tool_say(oi_tool *t, const char *format, ...) {
  char line[512];
  va_list args;
  va_start(args, format);
  int n = vsnprintf(line, sizeof line, format, args);
  va_end(args);
  if (n > 0 && t->say(line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1)) return OINF_OK;
  t->closed = true;
  return oi_fail(t->err, OINF_IO, "standard output is closed");
}

void oi_tool_note(oi_tool *t, const char *format, ...) {
  char line[512];
  va_list args;
  va_start(args, format);
  vsnprintf(line, sizeof line, format, args);
  va_end(args);
  t->note(line);
}

oinf_status oi_tool_sim_failed(oi_tool *t, oinf_status status) {
  if (status != OINF_OK && t->err->status == OINF_OK) *t->err = t->sim->err;
  return status;
}

// ---- printing ----

void oi_tool_put_element(oi_text *to, const oi_view *v, int64_t i) {
  double d;
  int64_t s;
  uint64_t u;
  switch (oi_dtype_class(v->dtype)) {
    case OI_S:
    case OI_B: oi_load_i64(&s, v, i, 1), oi_text_put(to, " %lld", (long long)s); break;
    case OI_U: oi_load_u64(&u, v, i, 1), oi_text_put(to, " %llu", (unsigned long long)u); break;
    default:
      oi_load_f64(&d, v, i, 1);
      oi_text_put(to, v->dtype == OINF_F64 ? " %.17g" : " %.9g", d);
  }
}

static oinf_status print_element(oi_tool *t, const oi_view *v, int64_t i, oi_text *room) {
  room->n = 0;
  oi_tool_put_element(room, v, i);
  return room->failed ? oi_nomem(t->err, 0) : oi_tool_say(t, "%s", room->at);
}

static oinf_status print_array(oi_tool *t, const oinf_array *a) {
  oi_view v = {.data = (void *)(uintptr_t)a->data, .dtype = a->dtype, .rank = a->rank};
  memcpy(v.dim, a->dims, sizeof v.dim);
  OI_TRY(oi_tool_say(t, "%s %s [", a->name, oinf_dtype_name(a->dtype)));
  for (uint32_t i = 0; i < a->rank; i++)
    OI_TRY(oi_tool_say(t, "%s%lld", i ? ", " : "", (long long)a->dims[i]));
  OI_TRY(oi_tool_say(t, "]"));
  const int64_t n = oi_view_count(&v);
  oi_text room;
  oinf_status status = OINF_OK;
  oi_text_init(&room, t->ctx);
  for (int64_t i = 0; i < n && status == OINF_OK; i++) status = print_element(t, &v, i, &room);
  oi_text_free(&room);
  return status == OINF_OK ? oi_tool_say(t, "\n") : status;
}

static void print_each(void *user, const oinf_array *a) { (void)print_array(user, a); }

oinf_status oi_tool_fetch(oi_tool *t) {
  const bool print =
      !t->mute && !t->o.prompt && !t->o.prompt_file && !t->o.tokens && !t->o.outputs.n;
  for (size_t i = 0; i < t->o.fetch.n; i++) {
    OI_TRY(oi_tool_sim_failed(
        t, oinf_sim_fetch_glob(t->sim, t->o.fetch.at[i], print ? print_each : NULL, t)));
    if (t->closed) return t->err->status;
  }
  return OINF_OK;
}

// ---- NAME=@FILE and NAME=VALUE ----

static oinf_status split(oi_tool *t, const char *arg, const char *option, char name[128],
                         const char **out_value) {
  const char *equals = strchr(arg, '=');
  size_t n = equals ? (size_t)(equals - arg) : 0;
  if (!n || n >= 128)
    return oi_fail(t->err, OINF_USAGE, "%s wants NAME=..., not '%s'", option, arg);
  memcpy(name, arg, n);
  name[n] = 0;
  *out_value = equals + 1;
  return OINF_OK;
}

oinf_status oi_tool_write_outputs(oi_tool *t) {
  for (size_t i = 0; i < t->o.outputs.n; i++) {
    char name[128];
    const char *value;
    oinf_array a;
    OI_TRY(split(t, t->o.outputs.at[i], "--output", name, &value));
    if (*value != '@')
      return oi_fail(t->err, OINF_USAGE, "--output wants NAME=@FILE.npy, not '%s'",
                     t->o.outputs.at[i]);
    OI_TRY(oi_tool_sim_failed(t, oinf_sim_fetch(t->sim, name, &a)));
    oinf_tensor array = {.dtype = a.dtype, .rank = a.rank, .bytes = a.bytes};
    memcpy(array.dims, a.dims, sizeof array.dims);
    OI_TRY(oi_npy_write(t->ctx, value + 1, &array, a.data));
  }
  return OINF_OK;
}

// A number for an input that is a scalar, or for every element of one whose shape is known.
static oinf_status bind_number(oi_tool *t, const char *name, const oi_value *in, const char *text,
                               void *room) {
  double x;
  oi_view v = {.data = room, .dtype = in->type.dtype, .rank = 0};
  if (in->type.rank != 0)
    return oi_fail(t->err, OINF_USAGE, "input '%s' is no scalar: give it as @FILE.npy", name);
  if (!oi_parse_real(text, &x))
    return oi_fail(t->err, OINF_USAGE, "input '%s' wants a number, not '%s'", name, text);
  int64_t i = (int64_t)x;
  uint64_t u = (uint64_t)x;
  float f = (float)x;
  switch (oi_dtype_class(v.dtype)) {
    case OI_D: oi_store_f64(&v, 0, 1, &x); break;
    case OI_U: oi_store_u64(&v, 0, 1, &u); break;
    case OI_S:
    case OI_B: oi_store_i64(&v, 0, 1, &i); break;
    default: oi_store_f32(&v, 0, 1, &f);
  }
  return oi_tool_sim_failed(t, oinf_sim_bind(t->sim, name, room, v.dtype, 0, v.dim));
}

typedef struct bound {
  oinf_tensor npy;
  void *data;
  uint64_t number[2];
} bound;

static oinf_status bind_one(oi_tool *t, const char *arg, bound *b) {
  char name[128];
  const char *value;
  int64_t x;
  OI_TRY(split(t, arg, "--input", name, &value));
  for (size_t i = 0; i < t->graph->inputs.n; i++) {
    const oi_value *in = oi_val_at(t->graph, t->graph->inputs.at[i]);
    if (strcmp(oi_node_at(t->graph, in->node)->text, name) != 0) continue;
    if (*value != '@') return bind_number(t, name, in, value, b->number);
    OI_TRY(oi_npy_load(t->ctx, value + 1, &b->npy, &b->data));
    return oi_tool_sim_failed(
        t, oinf_sim_bind(t->sim, name, b->data, b->npy.dtype, b->npy.rank, b->npy.dims));
  }
  if (oi_dims_find(t->graph->dims, name) < 0)
    return oi_fail(t->err, OINF_USAGE, "the graph has no input and no symbol '%s'", name);
  if (!oi_parse_count(value, &x))
    return oi_fail(t->err, OINF_USAGE, "symbol '%s' wants a whole number", name);
  return oi_tool_sim_failed(t, oinf_sim_set(t->sim, name, x));
}

static oinf_status run_values(oi_tool *t) {
  if (t->o.bisect) OI_TRY(oi_tool_bisect_step(t, NULL));
  if (t->o.fetch.n) OI_TRY(oi_tool_fetch(t));
  for (size_t i = 0; !t->o.fetch.n && i < t->graph->outputs.n; i++) {
    oinf_array a;
    OI_TRY(oi_tool_sim_failed(t, oinf_sim_fetch(t->sim, t->graph->outputs.at[i].name, &a)));
    a.name = t->graph->outputs.at[i].name;
    if (!t->mute && !t->o.outputs.n) OI_TRY(print_array(t, &a));
  }
  OI_TRY(oi_tool_write_outputs(t));
  return oi_tool_sim_failed(t, t->o.fetch.n ? oinf_sim_abandon(t->sim) : oinf_sim_end(t->sim));
}

oinf_status oi_tool_values(oi_tool *t) {
  bound *all = oi_alloc(t->ctx, sizeof *all * OI_LIST_MAX);
  if (!all) return oi_nomem(t->err, sizeof *all * OI_LIST_MAX);
  oinf_status status = OINF_OK;
  for (size_t i = 0; i < t->o.inputs.n && status == OINF_OK; i++)
    status = bind_one(t, t->o.inputs.at[i], &all[i]);
  if (status == OINF_OK) status = run_values(t);
  for (size_t i = 0; i < t->o.inputs.n; i++)
    oi_free(t->ctx, all[i].data, all[i].npy.bytes ? all[i].npy.bytes : 1);
  oi_free(t->ctx, all, sizeof *all * OI_LIST_MAX);
  return status;
}
