// The writer's last part: golden steps, behind the weights because they are computed from them.
// They bring strings of their own, so that nothing before the weights changes when they come.
#include "formats/oinf_layout.h"

#include <math.h>
#include <string.h>

static oinf_status refuse(oi_oinf_writer *w, const char *what, const char *name) {
  return oi_fail(w->err, OINF_FORMAT, "golden %s '%s' cannot be in a package", what, name);
}

// ---- sizes, and what is refused ----

static oinf_status check_shape(oi_oinf_writer *w, const char *name, oinf_dtype dtype, uint32_t rank,
                               const int64_t *dims, uint64_t *out_bytes) {
  oi_pool_add(&w->golden_strings, name);
  if (!oi_name_ok(name)) return refuse(w, "name", name);
  if (!oi_tensor_bytes(dtype, rank, dims, out_bytes) || oinf_dtype_block(dtype) != 1)
    return refuse(w, "value", name);
  return OINF_OK;
}

static oinf_status measure_arrays(oi_oinf_writer *w, const oi_golden_bytes *list, uint32_t n,
                                  uint64_t *end) {
  for (uint32_t i = 0; i < n; i++) {
    const oi_golden_bytes *a = &list[i];
    uint64_t bytes;
    OI_TRY(check_shape(w, a->name, a->dtype, a->rank, a->dims, &bytes));
    if (bytes != a->bytes || !isfinite(a->tolerance)) return refuse(w, "array", a->name);
    (void)oi_align_u64(*end, OI_PAYLOAD_ALIGN, end);
    *end += bytes;
    if (*end > OI_METADATA_MAX) return refuse(w, "steps of over 256 MiB, with array", a->name);
  }
  return OINF_OK;
}

static const char *variant_of(const oi_golden_step *s) { return s->variant ? s->variant : ""; }

static oinf_status measure_step(oi_oinf_writer *w, const oi_golden_step *s, uint64_t *end) {
  oi_pool *p = &w->golden_strings;
  if (!oi_name_ok(s->graph)) return refuse(w, "graph", s->graph);
  if (*variant_of(s) && !oi_name_ok(variant_of(s))) return refuse(w, "variant", s->variant);
  oi_pool_add(p, s->graph);
  oi_pool_add(p, variant_of(s));
  for (uint32_t i = 0; i < s->n_syms; i++) {
    if (!oi_name_ok(s->syms[i].name)) return refuse(w, "symbol", s->syms[i].name);
    oi_pool_add(p, s->syms[i].name);
  }
  for (uint32_t i = 0; i < s->n_values; i++) {
    const oi_golden_value *v = &s->values[i];
    uint64_t bytes;
    OI_TRY(check_shape(w, v->name, v->dtype, v->rank, v->dims, &bytes));
  }
  w->size[OI_SEC_GOLDEN_SYMS] += s->n_syms * sizeof(oi_rec_sym);
  w->size[OI_SEC_GOLDEN_ARRAYS] +=
      ((uint64_t)s->n_inputs + s->n_outputs) * sizeof(oi_rec_array);
  w->size[OI_SEC_GOLDEN_VALUES] += s->n_values * sizeof(oi_rec_value);
  OI_TRY(measure_arrays(w, s->inputs, s->n_inputs, end));
  return measure_arrays(w, s->outputs, s->n_outputs, end);
}

oinf_status oi_golden_measure(oi_oinf_writer *w, const oi_golden_step *steps, uint32_t n) {
  uint64_t end = 0;
  if (n > OI_GOLDEN_STEPS_MAX)
    return oi_fail(w->err, OINF_FORMAT, "%u golden steps, a package holds %d", n,
                   OI_GOLDEN_STEPS_MAX);
  for (uint32_t i = 0; i < n; i++) OI_TRY(measure_step(w, &steps[i], &end));
  OI_TRY(oi_pool_close(&w->golden_strings));
  w->size[OI_SEC_GOLDEN_ENDS] = w->golden_strings.list.n * sizeof(uint32_t);
  w->size[OI_SEC_GOLDEN_TEXT] = w->golden_strings.size;
  w->size[OI_SEC_GOLDEN_STEPS] = n * sizeof(oi_rec_step);
  w->size[OI_SEC_GOLDEN_BYTES] = end;
  return OINF_OK;
}

// ---- records ----

typedef struct cursor {
  const oi_pool *strings;
  oi_rec_sym *sym;
  oi_rec_array *array;
  oi_rec_value *value;
  uint8_t *bytes;
  uint64_t end;
} cursor;

static void put_shape(char *to_dtype, int64_t *to_dims, oinf_dtype dtype, uint32_t rank,
                      const int64_t *dims) {
  const char *name = oinf_dtype_name(dtype);
  memcpy(to_dtype, name, strlen(name));
  memcpy(to_dims, dims, rank * sizeof *dims);
}

static void fill_array(cursor *c, const oi_golden_bytes *a, bool is_input) {
  oi_rec_array *rec = c->array++;
  rec->name = oi_pool_id(c->strings, a->name);
  rec->rank = a->rank;
  put_shape(rec->dtype, rec->dims, a->dtype, a->rank, a->dims);
  (void)oi_align_u64(c->end, OI_PAYLOAD_ALIGN, &rec->offset);
  rec->bytes = a->bytes;
  rec->tolerance = is_input || a->tolerance == 0 ? 0.0 : a->tolerance < 0 ? -1.0 : a->tolerance;
  if (a->bytes) memcpy(c->bytes + rec->offset, a->data, (size_t)a->bytes);
  c->end = rec->offset + a->bytes;
}

static void fill_step(cursor *c, const oi_golden_step *s, oi_rec_step *rec) {
  *rec = (oi_rec_step){oi_pool_id(c->strings, s->graph), oi_pool_id(c->strings, variant_of(s)),
                       s->n_syms, s->n_inputs, s->n_outputs, s->n_values};
  for (uint32_t i = 0; i < s->n_syms; i++)
    *c->sym++ = (oi_rec_sym){oi_pool_id(c->strings, s->syms[i].name), 0, s->syms[i].value};
  for (uint32_t i = 0; i < s->n_inputs; i++) fill_array(c, &s->inputs[i], true);
  for (uint32_t i = 0; i < s->n_outputs; i++) fill_array(c, &s->outputs[i], false);
  for (uint32_t i = 0; i < s->n_values; i++) {
    const oi_golden_value *v = &s->values[i];
    oi_rec_value *to = c->value++;
    to->name = oi_pool_id(c->strings, v->name);
    to->rank = v->rank;
    put_shape(to->dtype, to->dims, v->dtype, v->rank, v->dims);
    to->hash = v->hash;
  }
}

void oi_golden_fill(oi_oinf_writer *w, const oi_golden_step *steps, uint32_t n) {
  cursor c = {&w->golden_strings,
              oi_section_at(w, OI_SEC_GOLDEN_SYMS),
              oi_section_at(w, OI_SEC_GOLDEN_ARRAYS),
              oi_section_at(w, OI_SEC_GOLDEN_VALUES),
              oi_section_at(w, OI_SEC_GOLDEN_BYTES),
              0};
  oi_rec_step *rec = oi_section_at(w, OI_SEC_GOLDEN_STEPS);
  oi_pool_put(&w->golden_strings, oi_section_at(w, OI_SEC_GOLDEN_ENDS),
              oi_section_at(w, OI_SEC_GOLDEN_TEXT));
  for (uint32_t i = 0; i < n; i++) fill_step(&c, &steps[i], &rec[i]);
}
