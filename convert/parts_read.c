// See parts.h: the bytes of a made tensor, and what it was made of in words. A part that stands as
// in its source is read from there at once. A transposition is read in strips of as many of its
// rows as fit: a run of each of the source's rows at a time, so that reads stay long while a strip
// stays small.
#include <string.h>

#include "convert/parts.h"
#include "lib/op.h"

static oi_err *err(const oi_parts *p) { return oi_ctx_err(p->from->ctx); }

static oinf_status get_rooms(oi_parts *p) {
  if (!p->strip) p->strip = oi_alloc(p->from->ctx, OI_PARTS_STRIP);
  if (!p->row) p->row = oi_alloc(p->from->ctx, OI_PARTS_STRIP);
  return p->strip && p->row ? OINF_OK : oi_nomem(err(p), OI_PARTS_STRIP);
}

// The strip that begins with row `first` of the transposition of [rows, columns].
static oinf_status load_strip(oi_parts *p, uint32_t from, uint64_t first) {
  const oinf_tensor *t = &p->from->tensors.at[from].pub;
  const uint64_t size = oinf_dtype_block_bytes(t->dtype), rows = (uint64_t)t->dims[0],
                 columns = (uint64_t)t->dims[1], most = OI_PARTS_STRIP / (rows * size),
                 n = columns - first < most ? columns - first : most;
  OI_TRY(get_rooms(p));
  p->strip_n = 0;
  for (uint64_t k = 0; k < rows; k++) {
    OI_TRY(oi_model_read_at(p->from, from, (k * columns + first) * size, p->row, n * size));
    for (uint64_t j = 0; j < n; j++)
      memcpy(p->strip + (j * rows + k) * size, p->row + j * size, size);
  }
  p->strip_from = from, p->strip_first = first * rows, p->strip_n = n * rows;
  return OINF_OK;
}

static oinf_status read_turned(oi_parts *p, uint32_t from, uint64_t i, uint64_t n, uint8_t *out) {
  const oinf_tensor *t = &p->from->tensors.at[from].pub;
  const uint64_t size = oinf_dtype_block_bytes(t->dtype), rows = (uint64_t)t->dims[0];
  while (n) {
    const bool here =
        p->strip_from == from && i >= p->strip_first && i < p->strip_first + p->strip_n;
    if (!here) OI_TRY(load_strip(p, from, i / rows));
    const uint64_t at = i - p->strip_first, left = p->strip_n - at, some = n < left ? n : left;
    memcpy(out, p->strip + at * size, some * size);
    out += some * size, i += some, n -= some;
  }
  return OINF_OK;
}

static oinf_status read_part(oi_parts *p, const oi_part *part, uint64_t i, uint64_t n, void *out) {
  const oinf_tensor *t = &p->from->tensors.at[part->from].pub;
  const uint64_t block = oinf_dtype_block(t->dtype), size = oinf_dtype_block_bytes(t->dtype);
  if (part->turned) return read_turned(p, part->from, part->first + i, n, out);
  return oi_model_read_at(p->from, part->from, (part->first + i) / block * size, out,
                          n / block * size);
}

oinf_status oi_parts_read(oi_parts *p, uint32_t made, uint64_t i, uint64_t n, void *out) {
  const oinf_tensor *t = &p->shape->tensors.at[made].pub;
  const uint64_t block = oinf_dtype_block(t->dtype), size = oinf_dtype_block_bytes(t->dtype);
  uint8_t *to = out;
  for (const oi_part *part = &p->all.at[p->made.at[made].first]; n; i -= part->count, part++) {
    if (i >= part->count) continue;
    const uint64_t left = part->count - i, some = n < left ? n : left;
    OI_TRY(read_part(p, part, i, some, to));
    to += some / block * size, i += some, n -= some;
  }
  return OINF_OK;
}

// ---- in words ----

static void tell_part(const oi_parts *p, const oi_part *part, oi_text *out) {
  const oinf_tensor *t = &p->from->tensors.at[part->from].pub;
  const int64_t rows = t->rank ? t->dims[part->turned] : 1;
  uint64_t all = t->bytes / oinf_dtype_block_bytes(t->dtype) * oinf_dtype_block(t->dtype);
  oi_text_escape(out, t->name, strlen(t->name));
  if (part->turned) oi_text_put(out, " transposed");
  if (part->count == all) return;
  all /= (uint64_t)rows;
  oi_text_put(out, "[%llu:%llu]", (unsigned long long)(part->first / all),
              (unsigned long long)((part->first + part->count) / all));
}

void oi_parts_tell(const oi_parts *p, uint32_t made, oi_text *out) {
  const oi_made *m = &p->made.at[made];
  for (uint32_t k = 0; k < m->n; k++) {
    if (k) oi_text_put(out, " + ");
    tell_part(p, &p->all.at[m->first + k], out);
  }
}
