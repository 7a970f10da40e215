// What shape rules share: messages, dims compared as far as they can be known, broadcasting, axes.
//
// Two dims are equal, different, or that is known only when a step starts. The last is no mistake:
// it is appended to the record's needs, which the builder keeps in the graph and every step checks.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/op.h"

bool oi_infer_fail(oi_infer *s, const char *format, ...) {
  if (s->message && s->room) {
    va_list args;
    va_start(args, format);
    vsnprintf(s->message, s->room, format, args);
    va_end(args);
  }
  return false;
}

static void print_dim(const oi_dims *d, oinf_dim e, oi_text *out) {
  if (oi_dim_is_expr(e) && d)
    oi_dims_print(d, e, out);
  else
    oi_text_put(out, "%lld", (long long)e);
}

void oi_type_print(const oi_dims *d, const oi_type *t, oi_text *out) {
  oi_text_put(out, "%s [", oinf_dtype_name(t->dtype));
  for (uint32_t i = 0; i < t->rank; i++) {
    if (i) oi_text_add(out, ", ", 2);
    print_dim(d, t->dim[i], out);
  }
  oi_text_add(out, "]", 1);
}

static const char *copy_out(oi_text *text, char *room, size_t size) {
  snprintf(room, size, "%s", !text->failed && text->at ? text->at : "?");
  oi_text_free(text);
  return room;
}

const char *oi_infer_type(oi_infer *s, const oi_type *t, char *room, size_t size) {
  oi_text text;
  oi_text_init(&text, s->ctx);
  oi_type_print(s->dims, t, &text);
  return copy_out(&text, room, size);
}

const char *oi_infer_dim(oi_infer *s, oinf_dim d, char *room, size_t size) {
  oi_text text;
  oi_text_init(&text, s->ctx);
  print_dim(s->dims, d, &text);
  return copy_out(&text, room, size);
}

// Bounds of b - a; false where the difference cannot be said.
static bool difference(oi_infer *s, oinf_dim a, oinf_dim b, int64_t *lo, int64_t *hi) {
  if (!oi_dim_is_expr(a) && !oi_dim_is_expr(b)) return *lo = *hi = b - a, true;
  oinf_dim d = oi_dims_sub(s->dims, b, a);
  if (d == OI_DIM_BAD) return false;
  if (!oi_dim_is_expr(d)) return *lo = *hi = d, true;
  oi_dims_bounds(s->dims, d, NULL, NULL, lo, hi);
  return true;
}

int oi_infer_equal(oi_infer *s, oinf_dim a, oinf_dim b) {
  int64_t lo, hi;
  if (a == b) return 1;
  if (!difference(s, a, b, &lo, &hi)) return -1;
  return lo == 0 && hi == 0 ? 1 : lo > 0 || hi < 0 ? 0 : -1;
}

static bool keep(oi_infer *s, oinf_dim a, oinf_dim b, bool at_most, const char *what) {
  for (uint32_t i = 0; i < s->n_need; i++)
    if (s->need[i].a == a && s->need[i].b == b && s->need[i].at_most == at_most) return true;
  if (s->n_need == OI_MAX_NEEDS)
    return oi_infer_fail(s, "more than %d dims are known only at run time", OI_MAX_NEEDS);
  s->need[s->n_need++] = (oi_need){a, b, at_most, what};
  return true;
}

bool oi_infer_require(oi_infer *s, oinf_dim a, oinf_dim b, const char *what) {
  char expected[80], found[80];
  int equal = oi_infer_equal(s, a, b);
  if (equal > 0) return true;
  if (equal < 0) return keep(s, a, b, false, what);
  return oi_infer_fail(s, "%s: expected %s, found %s", what,
                       oi_infer_dim(s, a, expected, sizeof expected),
                       oi_infer_dim(s, b, found, sizeof found));
}

bool oi_infer_at_most(oi_infer *s, oinf_dim a, oinf_dim b, const char *what) {
  char expected[80], found[80];
  int64_t lo, hi;
  if (a == b) return true;
  if (!difference(s, a, b, &lo, &hi)) return keep(s, a, b, true, what);
  if (lo >= 0) return true;
  if (hi >= 0) return keep(s, a, b, true, what);
  return oi_infer_fail(s, "%s: expected at most %s, found %s", what,
                       oi_infer_dim(s, b, expected, sizeof expected),
                       oi_infer_dim(s, a, found, sizeof found));
}

bool oi_infer_shape(oi_infer *s, const oinf_dims *shape, oi_type *out) {
  char found[80];
  if (shape->n > OINF_MAX_RANK)
    return oi_infer_fail(s, "expected at most %d dims, found %u", OINF_MAX_RANK, shape->n);
  out->rank = shape->n;
  for (uint32_t i = 0; i < shape->n; i++) {
    oinf_dim d = out->dim[i] = shape->d[i];
    if (d == OINF_INFER) return oi_infer_fail(s, "expected dim %u, found OINF_INFER", i);
    if (!oi_dim_is_expr(d) && d < 0)
      return oi_infer_fail(s, "expected dim %u to be 0 or more, found %s", i,
                           oi_infer_dim(s, d, found, sizeof found));
    if (!oi_infer_at_most(s, 0, d, "length of an axis")) return false;
  }
  return true;
}

bool oi_infer_axis(oi_infer *s, int64_t axis, uint32_t rank, uint32_t *out) {
  int64_t r = rank;
  if (axis < -r || axis >= r) {
    if (!rank) return oi_infer_fail(s, "expected an operand with axes, found a scalar");
    return oi_infer_fail(s, "expected an axis from %lld to %lld, found %lld", (long long)-r,
                         (long long)r - 1, (long long)axis);
  }
  return *out = (uint32_t)(axis < 0 ? axis + r : axis), true;
}

bool oi_infer_axes(oi_infer *s, const oinf_dims *axes, uint32_t rank, uint32_t *out_mask) {
  uint32_t mask = 0, axis = 0;
  for (uint32_t i = 0; i < axes->n && i < OINF_MAX_SPLIT; i++) {
    if (!oi_infer_axis(s, axes->d[i], rank, &axis)) return false;
    if (mask >> axis & 1) return oi_infer_fail(s, "axis %u is named twice", axis);
    mask |= 1u << axis;
  }
  return *out_mask = mask, true;
}

// One dim of two that broadcast: 1 gives way; what is not known is taken as equal, and checked by
// the step.
static bool broadcast_dim(oi_infer *s, oinf_dim a, oinf_dim b, oinf_dim *out) {
  if (a == 1 || a == b) return *out = b, true;
  *out = a;
  return b == 1 || oi_infer_require(s, a, b, "dims that broadcast");
}

bool oi_infer_broadcast(oi_infer *s, const oi_type *a, const oi_type *b, oi_type *out) {
  const oi_type *longer = a->rank >= b->rank ? a : b, *shorter = longer == a ? b : a;
  uint32_t front = longer->rank - shorter->rank;
  oi_type r = *out;
  r.rank = longer->rank;
  for (uint32_t i = 0; i < r.rank; i++) {
    char ta[160], tb[160];
    if (i < front) {
      r.dim[i] = longer->dim[i];
    } else if (!broadcast_dim(s, longer->dim[i], shorter->dim[i - front], &r.dim[i])) {
      return oi_infer_fail(s, "expected shapes that broadcast, found %s and %s",
                           oi_infer_type(s, a, ta, sizeof ta), oi_infer_type(s, b, tb, sizeof tb));
    }
  }
  return *out = r, true;
}

oi_class_text oi_class_words(unsigned classes) {
  static const char *const names[] = {"float", "f64", "signed", "unsigned", "bool", "quantized"};
  oi_class_text list = {""};
  for (size_t i = 0, n = 0; i < sizeof names / sizeof names[0]; i++)
    if (classes >> i & 1)
      n += (size_t)snprintf(list.at + n, sizeof list.at - n, "%s%s", n ? " or " : "", names[i]);
  return list;
}

bool oi_infer_class(oi_infer *s, uint32_t operand, unsigned classes) {
  oinf_dtype have = s->in[operand].dtype;
  if (oi_dtype_class(have) & classes) return true;
  return oi_infer_fail(s, "operand %c: expected %s, found %s", (char)('a' + operand),
                       oi_class_words(classes).at, oinf_dtype_name(have));
}
