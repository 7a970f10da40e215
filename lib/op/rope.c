// Rotary positions over [.., T, heads, d]: pairs of elements turn by the angle f32(position) *
// inverse frequency. The angle rounds once, its cosine and sine are the strict text's, x cos - y
// sin and y cos + x sin round at each operation. A pair is (j, j + width/2), or (2j, 2j + 1) where
// interleaved; elements from `width` on pass.
#include <string.h>

#include "lib/op.h"
#include "lib/rt/rope.h"
#include "lib/rt/strict.h"
#include "lib/rt/threads.h"

enum { RUN = 64 };

static bool infer_scaling(oi_infer *s, const oinf_rope_args *args) {
  oi_rope_scaling scaling = oi_rope_find(args->scaling);
  bool long_text =
      scaling == OI_ROPE_DYNAMIC || scaling == OI_ROPE_LLAMA3 || scaling == OI_ROPE_YARN;
  if (scaling == OI_ROPE_UNKNOWN)
    return oi_infer_fail(
        s, "expected .scaling linear, dynamic, llama3, yarn or longrope, found '%.40s'",
        args->scaling);
  if (scaling == OI_ROPE_GIVEN && s->n_in < 2)
    return oi_infer_fail(s, "longrope: expected inverse frequencies as operand b, found none");
  if (long_text && !(args->original > 0))
    return oi_infer_fail(s, "%s: expected .original above 0, found %g", args->scaling,
                         args->original);
  if (!(args->theta >= 0) || !(args->factor >= 0) || args->theta > 1e30 || args->factor > 1e30)
    return oi_infer_fail(s, "expected .theta and .factor from 0 to 1e30, found %g and %g",
                         args->theta, args->factor);
  return true;
}

bool oi_shape_rope(oi_infer *s) {
  const oinf_rope_args *args = s->args;
  const oi_type *in = &s->in[0];
  if (!oi_infer_class(s, 0, OI_F)) return false;
  if (in->rank < 3) return oi_infer_fail(s, "expected [.., T, heads, d], found %u dims", in->rank);
  oinf_dim d = in->dim[in->rank - 1], width = args->width ? args->width : d;
  if (oi_dim_is_expr(d)) return oi_infer_fail(s, "expected a head size that is a number");
  if (width < 2 || width % 2 != 0 || width > d)
    return oi_infer_fail(s, "expected an even width from 2 to %lld, found %lld", (long long)d,
                         (long long)width);
  if (s->n_in > 1) {
    if (!oi_infer_class(s, 1, OI_F)) return false;
    if (s->in[1].rank != 1)
      return oi_infer_fail(s, "operand b: expected 1 dim, found %u", s->in[1].rank);
    if (!oi_infer_require(s, width / 2, s->in[1].dim[0], "inverse frequencies")) return false;
  }
  if (!infer_scaling(s, args)) return false;
  s->out[0] = *in;
  s->out[0].dtype = OINF_F32;
  return true;
}

typedef struct job {
  const oi_call *call;
  oi_rope rope;
  int64_t rows, heads, d, pos;  // rows: T
  float attention_factor;
  bool interleaved;
} job;

static void inverses(const job *t, int64_t j, int64_t n, int64_t position, float *out) {
  if (t->call->n_in > 1) {
    oi_load_f32(out, &t->call->in[1], j, n);
  } else {
    for (int64_t i = 0; i < n; i++) out[i] = oi_rope_inverse(&t->rope, j + i, position);
  }
}

static void turns(const job *t, const float *inv, int64_t n, int64_t position, float *out_cos,
                  float *out_sin) {
  const float p = (float)position;
  for (int64_t i = 0; i < n; i++) {
    float angle = p * inv[i];
    float c = oi_cos(angle), s = oi_sin(angle);
    out_cos[i] = t->attention_factor != 1.0f ? c * t->attention_factor : c;
    out_sin[i] = t->attention_factor != 1.0f ? s * t->attention_factor : s;
  }
}

// Pairs j .. j + n - 1 of the head that starts at element base.
static void turn_head(const job *t, int64_t base, int64_t j, int64_t n, const float *c,
                      const float *s) {
  const oi_view *in = &t->call->in[0];
  const int64_t half = t->rope.width / 2;
  float *out = (float *)t->call->out->data + base, x[2 * RUN];
  if (t->interleaved) {
    oi_load_f32(x, in, base + 2 * j, 2 * n);
  } else {
    oi_load_f32(x, in, base + j, n);
    oi_load_f32(x + RUN, in, base + j + half, n);
  }
  for (int64_t i = 0; i < n; i++) {
    float a = t->interleaved ? x[2 * i] : x[i], b = t->interleaved ? x[2 * i + 1] : x[RUN + i];
    float ac = a * c[i], bs = b * s[i], bc = b * c[i], as = a * s[i];
    out[t->interleaved ? 2 * (j + i) : j + i] = ac - bs;
    out[t->interleaved ? 2 * (j + i) + 1 : j + i + half] = bc + as;
  }
}

static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const job *t = arg;
  const int64_t half = t->rope.width / 2, rest = t->d - t->rope.width;
  const bool moving = t->rope.scaling == OI_ROPE_DYNAMIC;
  float inv[RUN], c[RUN], s[RUN];
  (void)worker;
  for (int64_t j = 0, n; j < half; j += n) {
    n = half - j < RUN ? half - j : RUN;
    if (!moving) inverses(t, j, n, 0, inv);
    for (int64_t row = begin; row < end; row++) {
      int64_t position = t->pos + row % t->rows;
      if (moving) inverses(t, j, n, position, inv);
      turns(t, inv, n, position, c, s);
      for (int64_t h = 0; h < t->heads; h++) turn_head(t, (row * t->heads + h) * t->d, j, n, c, s);
    }
  }
  for (int64_t h = begin * t->heads; rest && h < end * t->heads; h++) {
    int64_t at = h * t->d + t->rope.width;
    oi_load_f32((float *)t->call->out->data + at, &t->call->in[0], at, rest);
  }
}

void oi_run_rope(const oi_call *c) {
  const oinf_rope_args *args = c->args;
  const oi_view *in = &c->in[0];
  const int64_t *dim = in->dim + in->rank - 3;
  job t = {.call = c, .rows = dim[0], .heads = dim[1], .d = dim[2], .pos = c->dims[0]};
  t.rope = (oi_rope){.scaling = oi_rope_find(args->scaling),
                     .width = args->width ? args->width : dim[2],
                     .theta = args->theta,
                     .factor = args->factor,
                     .low = args->low,
                     .high = args->high,
                     .original = args->original,
                     .no_truncate = args->no_truncate};
  oi_rope_open(&t.rope);
  t.attention_factor = args->attention_factor != 0 ? (float)args->attention_factor : 1.0f;
  t.interleaved = args->interleaved;
  int64_t each = t.heads * t.d, rows = each ? oi_view_count(in) / each : 0;
  int64_t share = each > 8192 ? 1 : 8192 / (each + 1) + 1;
  if (c->threads && rows > share)
    oi_threads_run(c->threads, rows, share, piece, &t);
  else
    piece(&t, 0, rows, 0);
}
