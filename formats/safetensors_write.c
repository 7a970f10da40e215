// The safetensors writer: what dumps of activations and tests need. It writes as the format's own
// writer does: tensors by dtype, widest first, then by name; a header padded with blanks so that
// payloads are aligned; nothing that is not content, so equal tensors give equal files.
#include "formats/oinf_layout.h"
#include "formats/safetensors.h"

#include <stdlib.h>
#include <string.h>

// A dtype's place in the order, and its name there; NULL: the format has none.
static const char *name_of(oinf_dtype dtype, int *out_place) {
  enum { NONE = OINF_NONE };
  static const struct { const char *name; int ours; } rows[] = {
#define T(NAME, bits, ours) {#NAME, OINF_##ours},
#include "formats/safetensors.def"
#undef T
  };
  for (int i = (int)(sizeof rows / sizeof *rows); dtype != OINF_NONE && i--;)
    if (rows[i].ours == (int)dtype) return *out_place = i, rows[i].name;
  return NULL;
}

typedef struct item {
  const oi_st_tensor *t;
  const char *dtype;
  int place;
  uint64_t bytes, at;  // at: in the spool
} item;

static int by_place(const void *a, const void *b) {
  const item *x = a, *y = b;
  if (x->place != y->place) return y->place - x->place;
  return strcmp(x->t->tensor.name, y->t->tensor.name);
}

static oinf_status take_items(oinf_ctx *ctx, const oi_st_tensor *tensors, size_t n, item *items) {
  for (size_t i = 0; i < n; i++) {
    const oinf_tensor *t = &tensors[i].tensor;
    items[i].t = &tensors[i];
    items[i].dtype = name_of(t->dtype, &items[i].place);
    if (!items[i].dtype)
      return oi_fail(oi_ctx_err(ctx), OINF_SUPPORT, "safetensors has no dtype %s, as '%s' is",
                     oinf_dtype_name(t->dtype), t->name);
    if (!oi_tensor_bytes(t->dtype, t->rank, t->dims, &items[i].bytes))
      return oi_fail(oi_ctx_err(ctx), OINF_USAGE, "tensor '%s': its shape cannot be", t->name);
    if (!oi_name_ok(t->name))
      return oi_fail(oi_ctx_err(ctx), OINF_USAGE, "'%s' cannot be a tensor's name", t->name);
  }
  if (n) qsort(items, n, sizeof *items, by_place);
  for (size_t i = 1; i < n; i++)
    if (by_place(&items[i - 1], &items[i]) == 0)
      return oi_fail(oi_ctx_err(ctx), OINF_USAGE, "two tensors are named '%s'",
                     items[i].t->tensor.name);
  return OINF_OK;
}

static void put_name(oi_text *text, const char *name) {
  for (; *name; name++) {
    if (*name == '"' || *name == '\\') oi_text_add(text, "\\", 1);
    oi_text_add(text, name, 1);
  }
}

static void put_header(oi_text *text, const item *items, size_t n) {
  uint64_t at = 0;
  oi_text_add(text, "{", 1);
  for (size_t i = 0; i < n; i++) {
    const oinf_tensor *t = &items[i].t->tensor;
    oi_text_put(text, "%s\"", i ? "," : "");
    put_name(text, t->name);
    oi_text_put(text, "\":{\"dtype\":\"%s\",\"shape\":[", items[i].dtype);
    for (uint32_t d = 0; d < t->rank; d++)
      oi_text_put(text, "%s%lld", d ? "," : "", (long long)t->dims[d]);
    unsigned long long begin = at, end = at += items[i].bytes;
    oi_text_put(text, "],\"data_offsets\":[%llu,%llu]}", begin, end);
  }
  oi_text_add(text, "}", 1);
  while (!text->failed && text->n % 8) oi_text_add(text, " ", 1);
}

static oinf_status copy_spooled(oi_out *o, oi_out *spool, uint64_t at, uint64_t bytes) {
  uint8_t piece[1 << 14];
  while (bytes) {
    const size_t n = bytes < sizeof piece ? (size_t)bytes : sizeof piece;
    OI_TRY(oi_out_read_at(spool, at, piece, n));
    OI_TRY(oi_out_write(o, piece, n));
    at += n, bytes -= n;
  }
  return OINF_OK;
}

static oinf_status write_items(oi_out *o, const oi_text *header, const item *items, size_t n,
                               oi_out *spool) {
  uint64_t length = header->n;
  OI_TRY(oi_out_write(o, &length, 8));
  OI_TRY(oi_out_write(o, header->at, header->n));
  for (size_t i = 0; i < n; i++) {
    if (spool) OI_TRY(copy_spooled(o, spool, items[i].at, items[i].bytes));
    else OI_TRY(oi_out_write(o, items[i].t->data, (size_t)items[i].bytes));
  }
  return OINF_OK;
}

static oinf_status write_file(oinf_ctx *ctx, const char *path, const item *items, size_t n,
                              oi_out *spool) {
  oi_text header;
  oi_out *o = NULL;
  oi_text_init(&header, ctx);
  put_header(&header, items, n);
  oinf_status status = header.failed ? oi_nomem(oi_ctx_err(ctx), header.n) : OINF_OK;
  if (status == OINF_OK) status = oi_out_begin(ctx, path, &o);
  if (status == OINF_OK) status = write_items(o, &header, items, n, spool);
  if (status == OINF_OK) status = oi_out_commit(&o);
  oi_out_abort(&o);
  oi_text_free(&header);
  return status;
}

oinf_status oi_safetensors_write_from(oinf_ctx *ctx, const char *path, const oi_st_tensor *tensors,
                                      size_t n, const oi_st_spool *spool) {
  item *items = oi_alloc(ctx, n * sizeof *items);
  if (!items) return oi_nomem(oi_ctx_err(ctx), n * sizeof *items);
  for (size_t i = 0; spool && i < n; i++) items[i].at = spool->at[i];
  oinf_status status = take_items(ctx, tensors, n, items);
  if (status == OINF_OK) status = write_file(ctx, path, items, n, spool ? spool->out : NULL);
  oi_free(ctx, items, n * sizeof *items);
  return status;
}

oinf_status oi_safetensors_write(oinf_ctx *ctx, const char *path, const oi_st_tensor *tensors,
                                 size_t n) {
  return oi_safetensors_write_from(ctx, path, tensors, n, NULL);
}
