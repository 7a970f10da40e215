// Arrays in numpy's file format; its grammar is lib/rt/npy.c, which bundles carry too.
#include "formats/npy.h"
#include "formats/format.h"

#include <string.h>

#include "lib/rt/npy.h"

// ---- reading ----

static oinf_status failed(oi_err *err, const oi_source *s, oi_npy_fault fault, const oi_npy *a) {
  return oi_fail(err, fault == OI_NPY_FOREIGN ? OINF_SUPPORT : OINF_FORMAT, "'%s' %s", s->path,
                 a->why);
}

static oinf_tensor tensor_of(const oi_npy *a) {
  oinf_tensor array = {.dtype = oinf_dtype_find(a->dtype), .rank = a->rank};
  memcpy(array.dims, a->dims, array.rank * sizeof *array.dims);
  (void)oi_tensor_bytes(array.dtype, array.rank, array.dims, &array.bytes);
  return array;
}

oinf_status oi_npy_header(oi_err *err, const oi_source *s, oinf_tensor *out_array,
                          uint64_t *out_offset) {
  uint8_t head[OI_NPY_HEAD] = {0};
  char text[OI_NPY_LONGEST + 1];
  oi_npy a = {.rank = 0};
  uint32_t at = 0, n = 0;
  OI_TRY(oi_source_read(err, s, 0, head, s->size < sizeof head ? s->size : sizeof head));
  oi_npy_fault fault = oi_npy_place(&a, head, s->size, &at, &n);
  if (fault) return failed(err, s, fault, &a);
  OI_TRY(oi_source_read(err, s, at, text, n));
  text[n] = 0;
  fault = oi_npy_read(&a, text, n, s->size - at - n);
  if (fault) return failed(err, s, fault, &a);
  *out_array = tensor_of(&a);
  *out_offset = at + n;
  return OINF_OK;
}

static oinf_status load(oinf_ctx *ctx, const oi_source *s, oinf_tensor *array, void **out) {
  uint64_t offset;
  OI_TRY(oi_npy_header(oi_ctx_err(ctx), s, array, &offset));
  size_t room = array->bytes ? (size_t)array->bytes : 1;
  void *data = oi_alloc(ctx, room);
  if (!data) return oi_nomem(oi_ctx_err(ctx), room);
  oinf_status status = oi_source_read(oi_ctx_err(ctx), s, offset, data, array->bytes);
  if (status != OINF_OK) return oi_free(ctx, data, room), status;
  *out = data;
  return OINF_OK;
}

oinf_status oi_npy_load(oinf_ctx *ctx, const char *path, oinf_tensor *out_array, void **out_data) {
  oi_source s;
  oinf_tensor array;
  OI_TRY(oi_file_open(ctx, path, &s));
  oinf_status status = load(ctx, &s, &array, out_data);
  oi_source_close(ctx, &s);
  if (status == OINF_OK) *out_array = array;
  return status;
}

// ---- as a model of one tensor, "data" ----

static oinf_status fill(oinf_model *m, const oi_source *s) {
  oi_tensor t = {0};
  OI_TRY(oi_npy_header(oi_ctx_err(m->ctx), s, &t.pub, &t.offset));
  return oi_model_add_tensor(m, &t, "data", 4);
}

oinf_status oi_npy_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model) {
  oinf_model *m;
  oinf_status status = oi_model_new(ctx, "npy", &m);
  if (status != OINF_OK) return oi_source_close(ctx, &source), status;
  oi_source *slot = oi_vec_push(ctx, &m->sources);
  if (!slot) {
    oi_source_close(ctx, &source);
    status = oi_nomem(oi_ctx_err(ctx), sizeof *slot);
  } else {
    *slot = source;
    status = fill(m, slot);
  }
  if (status == OINF_OK) status = oi_model_index(m);
  if (status != OINF_OK) return oinf_model_destroy(m), status;
  *out_model = m;
  return OINF_OK;
}

// ---- writing ----

oinf_status oi_npy_begin(oinf_ctx *ctx, oi_out *o, const oinf_tensor *array) {
  uint8_t head[OI_NPY_LONGEST];
  const char *dtype = oinf_dtype_name(array->dtype);
  const size_t n = oi_npy_write_head(head, dtype, array->rank, array->dims);
  if (!n) return oi_fail(oi_ctx_err(ctx), OINF_SUPPORT, "numpy has no dtype %s", dtype);
  return oi_out_write(o, head, n);
}

oinf_status oi_npy_write(oinf_ctx *ctx, const char *path, const oinf_tensor *array,
                         const void *data) {
  oi_out *o = NULL;
  uint64_t bytes;
  if (!oi_tensor_bytes(array->dtype, array->rank, array->dims, &bytes))
    return oi_fail(oi_ctx_err(ctx), OINF_USAGE, "an array of this dtype and shape cannot be");
  oinf_status status = oi_out_begin(ctx, path, &o);
  if (status == OINF_OK) status = oi_npy_begin(ctx, o, array);
  if (status == OINF_OK) status = oi_out_write(o, data, (size_t)bytes);
  if (status == OINF_OK) status = oi_out_commit(&o);
  oi_out_abort(&o);
  return status;
}
