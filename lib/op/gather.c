// Slices of a table along an axis, named by an operand of integers: out = a[..., b, ...].
// Indices count from the front; one that is out of range is reported before anything is written. A
// table that is paged comes in tiles of rows, and each call writes the rows that its tile holds.
// Block-quantized tables are widened to f32, others keep their dtype: bits are moved.
#include "lib/op_move.h"

#include <string.h>

#include "lib/rt/threads.h"

bool oi_shape_gather(oi_infer *s) {
  const oinf_gather_args *args = s->args;
  const oi_type *table = &s->in[0], *index = &s->in[1];
  bool blocks = oi_dtype_class(table->dtype) == OI_Q;
  oi_type out = {.dtype = blocks ? OINF_F32 : table->dtype};
  uint32_t axis = 0;
  if (!oi_infer_class(s, 1, OI_S | OI_U)) return false;
  if (!oi_infer_axis(s, args->axis, table->rank, &axis)) return false;
  if (blocks && axis + 1 == table->rank)
    return oi_infer_fail(s, "expected an axis before the last of a %s table, found %u",
                         oinf_dtype_name(table->dtype), axis);
  if (table->rank + index->rank - 1 > OINF_MAX_RANK)
    return oi_infer_fail(s, "expected a result of at most %d dims, found %u", OINF_MAX_RANK,
                         table->rank + index->rank - 1);
  for (uint32_t i = 0; i < axis; i++) out.dim[out.rank++] = table->dim[i];
  for (uint32_t i = 0; i < index->rank; i++) out.dim[out.rank++] = index->dim[i];
  for (uint32_t i = axis + 1; i < table->rank; i++) out.dim[out.rank++] = table->dim[i];
  return s->out[0] = out, true;
}

typedef struct job {
  const oi_call *call;
  int64_t length, inner;  // of the axis, of one slice in elements
  int64_t picks;          // indices
  int64_t row0, rows;     // of the table that are there
} job;

static int64_t index_at(const oi_view *v, int64_t i) {
  int64_t x = 0;
  uint64_t u = 0;
  if (oi_dtype_class(v->dtype) == OI_S) return oi_load_i64(&x, v, i, 1), x;
  oi_load_u64(&u, v, i, 1);
  return u > INT64_MAX ? -1 : (int64_t)u;
}

// Copies slices begin .. end of the output, counted over outer dims and indices together.
static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *t = arg;
  const oi_view *table = &t->call->in[0], *out = t->call->out;
  bool blocks = oi_dtype_class(table->dtype) == OI_Q;
  size_t bytes = (size_t)t->inner * oinf_dtype_block_bytes(out->dtype);
  (void)worker;
  for (int64_t i = begin; i < end; i++) {
    int64_t row = index_at(&t->call->in[1], i % t->picks) - t->row0;
    if (row < 0 || row >= t->rows) continue;
    int64_t from = (i / t->picks * t->rows + row) * t->inner;
    char *to = (char *)out->data + (size_t)i * bytes;
    if (blocks)
      oi_load_f32((float *)(void *)to, table, from, t->inner);
    else
      memcpy(to,
             (const char *)table->data + (size_t)row * bytes +
                 (size_t)(i / t->picks * t->rows) * bytes,
             bytes);
  }
}

static bool check_indices(const job *t) {
  for (int64_t i = 0; i < t->picks; i++) {
    int64_t at = index_at(&t->call->in[1], i);
    if (at >= 0 && at < t->length) continue;
    oi_fail(t->call->err, OINF_FORMAT,
            "gather: expected an index from 0 to %lld, found %lld at place %lld",
            (long long)t->length - 1, (long long)at, (long long)i);
    return false;
  }
  return true;
}

void oi_run_gather(const oi_call *c) {
  const oinf_gather_args *args = c->args;
  const oi_view *table = &c->in[0];
  uint32_t axis = oi_axis(args->axis, table->rank);
  bool tiled = c->tiled == 0;
  job t = {.call = c, .inner = 1, .picks = oi_view_count(&c->in[1])};
  t.length = tiled ? c->row_count : table->dim[axis];
  t.row0 = tiled ? c->row0 : 0, t.rows = tiled ? c->rows : t.length;
  for (uint32_t i = axis + 1; i < table->rank; i++) t.inner *= table->dim[i];
  int64_t outer = 1;
  for (uint32_t i = 0; i < axis; i++) outer *= table->dim[i];
  if (t.picks == 0 || !check_indices(&t) || t.inner == 0) return;
  int64_t n = outer * t.picks, share = t.inner < 16384 ? 16384 / t.inner : 1;
  if (c->threads && n > share)
    oi_threads_run(c->threads, n, share, piece, &t);
  else
    piece(&t, 0, n, 0);
}
