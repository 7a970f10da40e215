// What tells two models apart, kind by kind (diff_kinds.c) and by name within each: what is in
// the first alone (-), in the second alone (+), in both and not equal (~). Formats do not matter, a
// folder of safetensors may meet a package; of tensors the values count and not their encoding, and
// none is ever held whole. Not looked at: the order of tensors on disk, and sections that this
// version does not know.
#include <stdlib.h>
#include <string.h>

#include "convert/diff.h"

static oi_err *err(const oi_diff *d) { return oi_ctx_err(d->i->ctx); }

static int by_name(const void *a, const void *b) {
  const oi_diff_item *x = a, *y = b;
  const int c = x->graph && y->graph ? strcmp(x->graph, y->graph) : 0;
  if (c) return c;
  const int order = memcmp(x->name, y->name, x->name_n < y->name_n ? x->name_n : y->name_n);
  return order ? order : (x->name_n > y->name_n) - (x->name_n < y->name_n);
}

// The items of a kind that are meant, sorted; room for one more than there are.
static size_t collect(oi_diff *d, const oinf_model *m, oi_diff_item *out) {
  const size_t all = d->kind->count(m);
  size_t n = 0;
  for (size_t k = 0; k < all; k++) {
    out[n] = d->kind->at(m, k);
    n += d->kind != &oi_diff_kinds[OI_DIFF_TENSORS] || oi_info_wants(d->i, out[n].name);
  }
  d->seen += n;
  if (n) qsort(out, n, sizeof *out, by_name);
  return n;
}

static void put_alone(oi_diff *d, char mark, const oinf_model *m, const oi_diff_item *it) {
  oi_diff_put_name(d, mark, it);
  d->kind->show(d, m, it);
  oi_text_put(&d->i->out, "\n");
}

static oinf_status meet(oi_diff *d, const oi_diff_item *a, const oi_diff_item *b) {
  oinf_status status = d->kind->compare(d, a, b);
  if (status != OINF_DIFFERENT) return status;
  oi_text_put(&d->i->out, "\n");
  d->changed++;
  return OINF_OK;
}

static oinf_status walk(oi_diff *d, const oi_diff_item *a, size_t n, const oi_diff_item *b,
                        size_t m) {
  size_t i = 0, j = 0;
  while (i < n || j < m) {
    const int c = i == n ? 1 : j == m ? -1 : by_name(&a[i], &b[j]);
    if (c < 0) put_alone(d, '-', d->a, &a[i++]), d->alone_a++;
    else if (c > 0) put_alone(d, '+', d->b, &b[j++]), d->alone_b++;
    else OI_TRY(meet(d, &a[i++], &b[j++]));
  }
  return OINF_OK;
}

static oinf_status walk_kind(oi_diff *d, const oi_diff_kind *k) {
  d->kind = k;
  const size_t room_a = (k->count(d->a) + 1) * sizeof(oi_diff_item),
               room_b = (k->count(d->b) + 1) * sizeof(oi_diff_item);
  oi_diff_item *a = oi_alloc(d->i->ctx, room_a), *b = oi_alloc(d->i->ctx, room_b);
  oinf_status status = a && b ? OINF_OK : oi_nomem(err(d), room_a + room_b);
  if (status == OINF_OK) status = walk(d, a, collect(d, d->a, a), b, collect(d, d->b, b));
  oi_free(d->i->ctx, a, room_a);
  oi_free(d->i->ctx, b, room_b);
  return status;
}

// A pattern asks for tensors alone.
static oinf_status walk_all(oi_diff *d) {
  for (size_t k = d->i->pattern ? OI_DIFF_TENSORS : 0; k < OI_DIFF_KINDS; k++)
    OI_TRY(walk_kind(d, &oi_diff_kinds[k]));
  if (d->i->pattern && !d->seen)
    return oi_fail(err(d), OINF_NOINPUT, "no tensor's name matches '%s'", d->i->pattern);
  const bool equal = !d->alone_a && !d->alone_b && !d->changed;
  if (equal) oi_text_put(&d->i->out, "equal\n");
  else
    oi_text_put(&d->i->out,
                "different: %zu changed, %zu only in the first, %zu only in the second\n",
                d->changed, d->alone_a, d->alone_b);
  return equal ? OINF_OK : OINF_DIFFERENT;
}

oinf_status oi_info_diff(oi_info *i) {
  oi_diff d = {.i = i, .a = i->model};
  OI_TRY(oinf_model_open(i->ctx, i->other, &d.b));
  d.room_a = oi_alloc(i->ctx, sizeof *d.room_a);
  d.room_b = oi_alloc(i->ctx, sizeof *d.room_b);
  oinf_status status =
      d.room_a && d.room_b ? walk_all(&d) : oi_nomem(err(&d), 2 * sizeof *d.room_a);
  oi_free(i->ctx, d.room_a, sizeof *d.room_a);
  oi_free(i->ctx, d.room_b, sizeof *d.room_b);
  oinf_model_destroy(d.b);
  return status;
}
