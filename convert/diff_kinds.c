// What models are compared by: a row a kind, each with how its things are listed, shown and
// compared. Of tensors the values count and not their encoding. A text or a blob is told by where
// it parts.
#include <string.h>

#include "convert/diff.h"

void oi_diff_put_name(oi_diff *d, char mark, const oi_diff_item *it) {
  oi_text *out = &d->i->out;
  oi_text_put(out, "%c %-8s ", mark, d->kind->name);
  if (it->graph) oi_text_escape(out, it->graph, strlen(it->graph)), oi_text_put(out, ".");
  oi_text_escape(out, it->name, it->name_n);
}

static bool is_same(const oi_diff_item *a, const oi_diff_item *b) {
  return a->size == b->size && (!a->size || memcmp(a->data, b->data, a->size) == 0);
}

static oi_diff_item named(const char *name, const void *data, size_t size) {
  return (oi_diff_item){.name = name, .name_n = strlen(name), .data = data, .size = size};
}

// ---- metadata, states: texts of a line ----

static size_t meta_count(const oinf_model *m) { return m->meta.n; }
static oi_diff_item meta_at(const oinf_model *m, size_t k) {
  return named(m->meta.at[k].key, m->meta.at[k].value, strlen(m->meta.at[k].value));
}

// "k f32 [5, C, 4, 8]": the name stands in front of the last two words.
static size_t state_count(const oinf_model *m) { return m->states.n; }
static oi_diff_item state_at(const oinf_model *m, size_t k) {
  const oi_state_spec *s = &m->states.at[k];
  const char *at = strrchr(s->spec, '[');
  for (int words = 0; at && at > s->spec && words < 2; words += *at == ' ') at--;
  const size_t n = at ? (size_t)(at - s->spec) : 0;
  const char *type = s->spec + n + (s->spec[n] == ' ');
  oi_diff_item it = named(s->spec, type, strlen(type));
  it.graph = m->graphs.at[s->graph].name, it.name_n = n;
  return it;
}

static void put_text(oi_diff *d, const oi_diff_item *it) {
  enum {
    MOST = 100
  };
  oi_text_escape(&d->i->out, it->data, it->size < MOST ? it->size : MOST);
  if (it->size > MOST) oi_text_put(&d->i->out, "...");
}

static void show_text(oi_diff *d, const oinf_model *m, const oi_diff_item *it) {
  (void)m;
  oi_text_put(&d->i->out, ": ");
  put_text(d, it);
}

static oinf_status compare_text(oi_diff *d, const oi_diff_item *a, const oi_diff_item *b) {
  if (is_same(a, b)) return OINF_OK;
  oi_diff_put_name(d, '~', a);
  oi_text_put(&d->i->out, ": ");
  put_text(d, a);
  oi_text_put(&d->i->out, " -> ");
  put_text(d, b);
  return OINF_DIFFERENT;
}

// ---- graphs: where their texts part ----

static size_t graph_count(const oinf_model *m) { return m->graphs.n; }
static oi_diff_item graph_at(const oinf_model *m, size_t k) {
  const oi_graph_text *g = &m->graphs.at[k];
  return named(g->name, g->text, g->size);
}

static void show_size(oi_diff *d, const oinf_model *m, const oi_diff_item *it) {
  (void)m;
  oi_text_put(&d->i->out, ", %zu bytes", it->size);
}

static void put_line_at(oi_diff *d, char mark, const oi_diff_item *it, size_t from) {
  oi_diff_item line = {.data = (const char *)it->data + from};
  while (from + line.size < it->size && ((const char *)line.data)[line.size] != '\n') line.size++;
  oi_text_put(&d->i->out, "\n    %c ", mark);
  put_text(d, &line);
}

static oinf_status compare_graph(oi_diff *d, const oi_diff_item *a, const oi_diff_item *b) {
  const char *x = a->data, *y = b->data;
  size_t line = 1, from = 0;
  if (is_same(a, b)) return OINF_OK;
  for (size_t k = 0; k < a->size && k < b->size && x[k] == y[k]; k++)
    if (x[k] == '\n') line++, from = k + 1;
  oi_diff_put_name(d, '~', a);
  oi_text_put(&d->i->out, ", from line %zu on:", line);
  put_line_at(d, '-', a, from);
  put_line_at(d, '+', b, from);
  return OINF_DIFFERENT;
}

// ---- blobs ----

static size_t blob_count(const oinf_model *m) { return m->blobs.n; }
static oi_diff_item blob_at(const oinf_model *m, size_t k) {
  const oinf_blob *b = &m->blobs.at[k].pub;
  return named(b->name, b->data, b->size);
}

static oinf_status compare_blob(oi_diff *d, const oi_diff_item *a, const oi_diff_item *b) {
  const char *x = a->data, *y = b->data;
  size_t k = 0;
  if (is_same(a, b)) return OINF_OK;
  while (k < a->size && k < b->size && x[k] == y[k]) k++;
  oi_diff_put_name(d, '~', a);
  oi_text_put(&d->i->out, ", %zu bytes -> %zu bytes, from byte %zu on", a->size, b->size, k);
  return OINF_DIFFERENT;
}

// ---- tensors ----

static size_t tensor_count(const oinf_model *m) { return m->tensors.n; }
static oi_diff_item tensor_at(const oinf_model *m, size_t k) {
  oi_diff_item it = named(m->tensors.at[k].pub.name, NULL, 0);
  it.tensor = (uint32_t)k;
  return it;
}

static void show_type(oi_diff *d, const oinf_model *m, const oi_diff_item *it) {
  oi_info_put_type(d->i, &m->tensors.at[it->tensor].pub);
}

static void put_gap(oi_diff *d, const oi_gap *g) {
  oi_text *out = &d->i->out;
  oi_text_put(out, ": %llu of %llu values differ", (unsigned long long)g->differ,
              (unsigned long long)g->count);
  if (g->differ > g->alone)
    oi_text_put(out, ", by at most %.7g, rms %.7g, relative %.3g", g->most, g->rms, g->relative);
  if (g->alone) oi_text_put(out, ", NaN on one side of %llu", (unsigned long long)g->alone);
}

static bool is_one_shape(const oinf_tensor *a, const oinf_tensor *b) {
  return a->rank == b->rank && memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0;
}

static oinf_status compare_tensor(oi_diff *d, const oi_diff_item *a, const oi_diff_item *b) {
  const oinf_tensor *x = &d->a->tensors.at[a->tensor].pub, *y = &d->b->tensors.at[b->tensor].pub;
  const bool shape = is_one_shape(x, y), type = shape && x->dtype == y->dtype;
  oi_gap gap = {.bytes = true};
  oi_values_start(d->room_a, d->a, a->tensor);
  oi_values_start(d->room_b, d->b, b->tensor);
  if (shape) OI_TRY(oi_gap_of(d->room_a, d->room_b, oi_info_go_on, d->i, &gap));
  if (!gap.bytes) return OINF_OK;
  oi_diff_put_name(d, '~', a);
  oi_info_put_type(d->i, x);
  if (!type) oi_text_put(&d->i->out, " ->"), oi_info_put_type(d->i, y);
  if (shape) put_gap(d, &gap);
  return OINF_DIFFERENT;
}

// ---- golden steps ----

static size_t golden_count(const oinf_model *m) { return m->golden.n > 0; }
static oi_diff_item golden_at(const oinf_model *m, size_t k) {
  (void)m, (void)k;
  return named("steps", NULL, 0);
}

static void show_steps(oi_diff *d, const oinf_model *m, const oi_diff_item *it) {
  (void)it;
  oi_text_put(&d->i->out, ", %zu", m->golden.n);
}

// The first value of a step whose name or hash is another; n_values of both: there is none.
static uint32_t first_value(const oi_golden_step *a, const oi_golden_step *b) {
  uint32_t k = 0;
  for (; k < a->n_values && k < b->n_values; k++)
    if (a->values[k].hash != b->values[k].hash || strcmp(a->values[k].name, b->values[k].name) != 0)
      break;
  return k;
}

static oinf_status compare_golden(oi_diff *d, const oi_diff_item *a, const oi_diff_item *b) {
  const size_t na = d->a->golden.n, nb = d->b->golden.n;
  size_t k = 0;
  uint32_t v = 0;
  for (; k < na && k < nb; k++) {
    const oi_golden_step *x = &d->a->golden.at[k], *y = &d->b->golden.at[k];
    v = first_value(x, y);
    if (v < x->n_values || v < y->n_values) break;
  }
  (void)b;
  if (k == na && k == nb) return OINF_OK;
  oi_diff_put_name(d, '~', a);
  oi_text_put(&d->i->out, ", %zu -> %zu, from step %zu on", na, nb, k);
  if (k == na || k == nb || v >= d->a->golden.at[k].n_values) return OINF_DIFFERENT;
  const char *name = d->a->golden.at[k].values[v].name;
  oi_text_put(&d->i->out, ": '");
  oi_text_escape(&d->i->out, name, strlen(name));
  oi_text_put(&d->i->out, "'");
  return OINF_DIFFERENT;
}

// ---- the table ----

const oi_diff_kind oi_diff_kinds[OI_DIFF_KINDS] = {
    {"metadata", meta_count, meta_at, show_text, compare_text},
    {"graph", graph_count, graph_at, show_size, compare_graph},
    {"state", state_count, state_at, show_text, compare_text},
    {"blob", blob_count, blob_at, show_size, compare_blob},
    {"golden", golden_count, golden_at, show_steps, compare_golden},
    {"tensor", tensor_count, tensor_at, show_type, compare_tensor},
};
