// See values.h. A pread a piece, not the mapping: a file that shrinks is then an error and no
// signal, and no page stays with the process.
#include "convert/values.h"

void oi_values_start(oi_values *v, oinf_model *m, uint32_t tensor) {
  const oinf_tensor *t = &m->tensors.at[tensor].pub;
  v->m = m, v->tensor = tensor;
  v->next = 0, v->n = v->bytes = 0;
  v->count = t->bytes / oinf_dtype_block_bytes(t->dtype) * oinf_dtype_block(t->dtype);
}

oinf_status oi_values_bytes(oi_values *v) {
  const oinf_dtype dtype = v->m->tensors.at[v->tensor].pub.dtype;
  const uint64_t block = oinf_dtype_block(dtype), size = oinf_dtype_block_bytes(dtype),
                 left = v->count - v->next, from = v->next / block * size;
  v->n = left < OI_VALUES ? (size_t)left : OI_VALUES;
  v->bytes = v->n / block * size;
  v->next += v->n;
  return v->n ? oi_model_read_at(v->m, v->tensor, from, v->raw, v->bytes) : OINF_OK;
}

oinf_status oi_values_next(oi_values *v) {
  OI_TRY(oi_values_bytes(v));
  const oi_view raw = {.data = v->raw,
                       .dtype = v->m->tensors.at[v->tensor].pub.dtype,
                       .rank = 1,
                       .dim = {(int64_t)v->n}};
  const oi_class class = oi_dtype_class(raw.dtype);
  const int64_t n = (int64_t)v->n;
  if (class & (OI_F | OI_D)) return oi_load_f64(v->at, &raw, 0, n), OINF_OK;
  if (class == OI_Q) {
    oi_load_f32(v->narrow, &raw, 0, n);
    for (int64_t k = 0; k < n; k++) v->at[k] = (double)v->narrow[k];
    return OINF_OK;
  }
  oi_load_i64(v->whole, &raw, 0, n);
  for (int64_t k = 0; k < n; k++)
    v->at[k] = raw.dtype == OINF_U64 ? (double)(uint64_t)v->whole[k] : (double)v->whole[k];
  return OINF_OK;
}
