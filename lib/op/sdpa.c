// Attention: its shape rule, its mask, and the call of the kernel that bundles share
// (lib/rt/attend.h). A key is under the mask where that is false or -infinity. The scale that
// stands for 0 is the f32 nearest to 1 / sqrt(d).
#include "lib/op.h"
#include "lib/rt/attend.h"
#include "lib/rt/strict.h"
#include "lib/rt/threads.h"

#include <oinf/ops.h>

// ---- the shape rule ----
static bool check_attributes(oi_infer *s, const oinf_sdpa_args *args) {
  if (args->window < 0)
    return oi_infer_fail(s, "sdpa: expected a window of 0 or more, found %lld",
                         (long long)args->window);
  if (!(args->softcap >= 0)) return oi_infer_fail(s, "sdpa: expected a softcap of 0 or more");
  return true;
}

static bool check_mask(oi_infer *s) {
  const oi_type *mask = &s->in[3];
  char found[200];
  const oi_class class = oi_dtype_class(mask->dtype);
  if ((class != OI_F && class != OI_B) || mask->rank != 2)
    return oi_infer_fail(s, "sdpa: expected a mask [T, S] of bool or float, found %s",
                         oi_infer_type(s, mask, found, sizeof found));
  return oi_infer_require(s, s->in[0].dim[0], mask->dim[0], "sdpa: rows of the mask") &&
         oi_infer_require(s, s->in[1].dim[0], mask->dim[1], "sdpa: columns of the mask");
}

bool oi_shape_sdpa(oi_infer *s) {
  const oi_type *q = &s->in[0], *k = &s->in[1], *v = &s->in[2];
  for (int i = 0; i < 3; i++) {
    char found[200];
    if (oi_dtype_class(s->in[i].dtype) != OI_F || s->in[i].rank != 3)
      return oi_infer_fail(s, "sdpa: expected floats [rows, heads, d], found %s",
                           oi_infer_type(s, &s->in[i], found, sizeof found));
  }
  if (!check_attributes(s, s->args)) return false;
  if (!oi_infer_require(s, q->dim[2], k->dim[2], "sdpa: elements of a head of q and k"))
    return false;
  for (int i = 0; i < 3; i++)
    if (!oi_infer_require(s, k->dim[i], v->dim[i], "sdpa: dim of k and v")) return false;
  oinf_dim rest = oi_dims_mod(s->dims, q->dim[1], k->dim[1]);
  if (rest == OI_DIM_BAD) return oi_infer_fail(s, "sdpa: expected one head of k or more");
  if (!oi_infer_require(s, 0, rest, "sdpa: heads of q behind a multiple of those of k"))
    return false;
  if (s->n_in == 4 && !check_mask(s)) return false;
  s->out[0] = *q;
  s->out[0].dtype = OINF_F32;
  return true;
}

// ---- the kernel ----

// Queries in another storage are widened before.
static int64_t query_bytes(const oi_view *q) {
  return q->dtype == OINF_F32 ? 0 : (oi_view_count(q) * 4 + 63) / 64 * 64;
}

uint64_t oi_room_sdpa(const oi_call *c) {
  const oi_view *q = &c->in[0], *k = &c->in[1];
  const int64_t workers = oi_threads_count(c->threads) * oi_attend_own(k->dim[0], k->dim[2]);
  return (uint64_t)(query_bytes(q) + oi_attend_shared(q->dim[1], k->dim[0], k->dim[2]) + workers);
}

static bool add_mask(const void *user, int64_t t, float *s, uint8_t *seen, int64_t begin,
                     int64_t end) {
  const oi_view *mask = user;
  bool any = false;
  for (int64_t i = begin; i < end; i++) {
    const int64_t at = t * mask->dim[1] + i;
    float add = 0.0f;
    if (mask->dtype == OINF_BOOL) add = ((const uint8_t *)mask->data)[at] ? 0.0f : -INFINITY;
    else oi_load_f32(&add, mask, at, 1);
    seen[i] = (uint8_t)(add != -INFINITY);
    any = any || seen[i];
    s[i] = !seen[i] ? -INFINITY : mask->dtype == OINF_BOOL ? s[i] : s[i] + add;
  }
  return any;
}

static float scale_of(const oinf_sdpa_args *args, int64_t d) {
  return (float)(args->scale != 0 ? args->scale : oi_div_d(1.0, oi_sqrt_d((double)d)));
}

void oi_run_sdpa(const oi_call *c) {
  const oinf_sdpa_args *args = c->args;
  const oi_view *q = &c->in[0], *k = &c->in[1], *v = &c->in[2];
  const int64_t own = oi_attend_own(k->dim[0], k->dim[2]);
  uint8_t *shared = (uint8_t *)c->room + query_bytes(q);
  oi_attend a = {.dots = oi_dots_of((oi_cpu)c->cpu),
                 .out = c->out->data,
                 .q = q->data,
                 .k = k->data,
                 .v = v->data,
                 .k_type = oi_dtype_dot(k->dtype),
                 .v_type = oi_dtype_dot(v->dtype),
                 .rows = q->dim[0],
                 .heads = q->dim[1],
                 .groups = k->dim[1],
                 .d = q->dim[2],
                 .keys = k->dim[0],
                 .pos = c->dims[0],
                 .window = args->window,
                 .causal = args->causal,
                 .scale = scale_of(args, q->dim[2]),
                 .cap = (float)args->softcap,
                 .mask = c->n_in == 4 ? add_mask : NULL,
                 .user = c->n_in == 4 ? &c->in[3] : NULL,
                 .threads = c->threads,
                 .shared = shared,
                 .own = shared + oi_attend_shared(q->dim[1], k->dim[0], k->dim[2]),
                 .more_bytes = own};
  a.more = a.own + own;
  if (oi_view_count(q) == 0) return;
  if (query_bytes(q)) {
    oi_load_f32(c->room, q, 0, oi_view_count(q));
    a.q = c->room;
  }
  oi_attend_run(&a);
}
