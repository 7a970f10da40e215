// Golden steps of a package: records with names of their own, behind the weights (OINF.md section
// 6). The digest of that part has been proved; here each record is checked and becomes a step of
// the model. Steps own consecutive runs of the symbol, array and value tables, so sums tell all.
#include "formats/oinf_read.h"

#include <math.h>
#include <string.h>

typedef struct tables {
  oi_read_pool strings;
  const oi_rec_sym *sym;
  const oi_rec_array *array;
  const oi_rec_value *value;
  uint32_t n_syms, n_arrays, n_values;   // in all
  uint32_t sym_at, array_at, value_at;   // taken by the steps so far
  uint64_t end;                          // of the last payload in golden bytes
} tables;

static char *plain(const char *borrowed) { return (char *)(uintptr_t)borrowed; }

static oinf_status name(oi_reader *r, tables *t, uint32_t id, char **out) {
  const char *text = NULL;
  OI_TRY(oi_reader_name(r, &t->strings, id, &text));
  *out = plain(text);
  return OINF_OK;
}

static oinf_status shape(oi_reader *r, const char dtype[8], uint32_t rank, const int64_t *dims,
                         oinf_dtype *out_dtype, uint64_t *out_bytes) {
  OI_TRY(oi_reader_shape(r, dtype, rank, dims, out_dtype, out_bytes));
  if (oinf_dtype_block(*out_dtype) != 1) return oi_bad(r, "a golden value is in blocks");
  return OINF_OK;
}

static oinf_status read_syms(oi_reader *r, tables *t, oi_golden_step *step) {
  OI_TRY(oi_reader_room(r, step->n_syms * sizeof *step->syms, &step->syms));
  for (uint32_t i = 0; i < step->n_syms; i++) {
    const oi_rec_sym *rec = &t->sym[t->sym_at++];
    if (rec->zero) return oi_bad(r, "golden symbol: a reserved field is not zero");
    OI_TRY(name(r, t, rec->name, &step->syms[i].name));
    step->syms[i].value = rec->value;
  }
  return OINF_OK;
}

// One tolerance has one form: +0 of an input, at least +0 or the very -1 of an output.
static bool tolerance_ok(double x, bool is_input) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  if (is_input) return bits == 0;
  return bits == 0 || x == -1.0 || (x > 0 && isfinite(x));
}

static oinf_status place(oi_reader *r, tables *t, const oi_rec_array *rec, void **out) {
  const uint64_t room = r->sec[OI_SEC_GOLDEN_BYTES].size;
  const uint8_t *base = oi_reader_section(r, OI_SEC_GOLDEN_BYTES, NULL);
  uint64_t want = 0;
  if (!oi_align_u64(t->end, OI_PAYLOAD_ALIGN, &want) || rec->offset != want || want > room ||
      rec->bytes > room - want)
    return oi_bad(r, "golden array: %llu bytes at %llu, expected at %llu, within %llu",
                  (unsigned long long)rec->bytes, (unsigned long long)rec->offset,
                  (unsigned long long)want, (unsigned long long)room);
  for (uint64_t i = t->end; i < want; i++)
    if (base[i]) return oi_bad(r, "a byte before a golden array is not zero");
  t->end = want + rec->bytes;
  *out = base ? (void *)(uintptr_t)(base + want) : NULL;
  return OINF_OK;
}

static oinf_status read_array(oi_reader *r, tables *t, bool is_input, oi_golden_bytes *out) {
  const oi_rec_array *rec = &t->array[t->array_at++];
  uint64_t bytes;
  OI_TRY(name(r, t, rec->name, &out->name));
  OI_TRY(shape(r, rec->dtype, rec->rank, rec->dims, &out->dtype, &bytes));
  if (bytes != rec->bytes) return oi_bad(r, "golden array '%s': bytes and shape differ", out->name);
  if (!tolerance_ok(rec->tolerance, is_input))
    return oi_bad(r, "golden array '%s': tolerance %g", out->name, rec->tolerance);
  OI_TRY(place(r, t, rec, &out->data));
  out->rank = rec->rank, out->bytes = bytes, out->tolerance = rec->tolerance;
  memcpy(out->dims, rec->dims, sizeof out->dims);
  return OINF_OK;
}

static oinf_status read_arrays(oi_reader *r, tables *t, oi_golden_step *step) {
  OI_TRY(oi_reader_room(r, step->n_inputs * sizeof *step->inputs, &step->inputs));
  OI_TRY(oi_reader_room(r, step->n_outputs * sizeof *step->outputs, &step->outputs));
  for (uint32_t i = 0; i < step->n_inputs; i++)
    OI_TRY(read_array(r, t, true, &step->inputs[i]));
  for (uint32_t i = 0; i < step->n_outputs; i++)
    OI_TRY(read_array(r, t, false, &step->outputs[i]));
  return OINF_OK;
}

static oinf_status read_values(oi_reader *r, tables *t, oi_golden_step *step) {
  OI_TRY(oi_reader_room(r, step->n_values * sizeof *step->values, &step->values));
  for (uint32_t i = 0; i < step->n_values; i++) {
    const oi_rec_value *rec = &t->value[t->value_at++];
    oi_golden_value *v = &step->values[i];
    uint64_t bytes;
    OI_TRY(name(r, t, rec->name, &v->name));
    OI_TRY(shape(r, rec->dtype, rec->rank, rec->dims, &v->dtype, &bytes));
    v->rank = rec->rank, v->hash = rec->hash;
    memcpy(v->dims, rec->dims, sizeof v->dims);
  }
  return OINF_OK;
}

static oinf_status read_step(oi_reader *r, tables *t, const oi_rec_step *rec) {
  oi_golden_step *step = oi_vec_push(r->ctx, &r->m->golden);
  if (!step) return oi_nomem(r->err, sizeof *step);
  const char *variant = NULL;
  const uint32_t arrays_left = t->n_arrays - t->array_at;
  OI_TRY(name(r, t, rec->graph, &step->graph));
  OI_TRY(oi_reader_string(r, &t->strings, rec->variant, &variant));
  if (*variant && !oi_name_ok(variant)) return oi_bad(r, "variant '%s' is no name", variant);
  if (rec->n_syms > t->n_syms - t->sym_at || rec->n_values > t->n_values - t->value_at ||
      rec->n_inputs > arrays_left || rec->n_outputs > arrays_left - rec->n_inputs)
    return oi_bad(r, "a golden step has more than is left in its tables");
  step->variant = plain(variant);
  step->n_syms = rec->n_syms, step->n_values = rec->n_values;
  step->n_inputs = rec->n_inputs, step->n_outputs = rec->n_outputs;
  OI_TRY(read_syms(r, t, step));
  OI_TRY(read_arrays(r, t, step));
  return read_values(r, t, step);
}

oinf_status oi_reader_golden(oi_reader *r) {
  tables t = {0};
  uint32_t n;
  const oi_rec_step *rec = oi_reader_section(r, OI_SEC_GOLDEN_STEPS, &n);
  t.sym = oi_reader_section(r, OI_SEC_GOLDEN_SYMS, &t.n_syms);
  t.array = oi_reader_section(r, OI_SEC_GOLDEN_ARRAYS, &t.n_arrays);
  t.value = oi_reader_section(r, OI_SEC_GOLDEN_VALUES, &t.n_values);
  if (n > OI_GOLDEN_STEPS_MAX)
    return oi_bad(r, "%u golden steps, at most %d", n, OI_GOLDEN_STEPS_MAX);
  OI_TRY(oi_reader_pool(r, &t.strings, OI_SEC_GOLDEN_ENDS, OI_SEC_GOLDEN_TEXT));
  for (uint32_t i = 0; i < n; i++)
    OI_TRY_AT(r->err, read_step(r, &t, &rec[i]), "reading golden step %u", i);
  if (t.sym_at != t.n_syms || t.array_at != t.n_arrays || t.value_at != t.n_values ||
      t.end != r->sec[OI_SEC_GOLDEN_BYTES].size)
    return oi_bad(r, "the golden tables hold more than the steps take");
  return oi_reader_pool_used(r, &t.strings);
}
