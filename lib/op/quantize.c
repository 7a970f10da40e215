// quantize and dequantize: rows in blocks of i8 with an f32 scale, as quantized matmul takes its
// activations.
//
// d = max|x| / 127, q = x / d rounded to even, both by true division: a product with a reciprocal
// would round twice. d = 0 gives zeros. A NaN or an infinity makes d what it is and every q of its
// block 0. Where d is subnormal it is coarse, x / d may pass 127 and q saturates, at -128 and 127,
// as every float to integer does.
#include "lib/op.h"
#include "lib/rt/strict.h"
#include "lib/rt/threads.h"

#include <oinf/ops.h>

enum { CHUNK = 32, MOST_BLOCK = 256, PIECE = 256 };  // PIECE: blocks that a thread takes at once

static int64_t block_of(int64_t attribute) { return attribute ? attribute : CHUNK; }

static bool check_block(oi_infer *s, int64_t block) {
  if (block == 0 || block == 32 || block == 256) return true;
  return oi_infer_fail(s, "expected a block of 32 or 256, found %lld", (long long)block);
}

bool oi_shape_quantize(oi_infer *s) {
  const oinf_quantize_args *args = s->args;
  oi_type q = s->in[0], d = s->in[0];
  char found[200];
  if (!check_block(s, args->block)) return false;
  if (oi_dtype_class(q.dtype) != OI_F || q.rank == 0)
    return oi_infer_fail(s, "quantize: expected float rows, found %s",
                         oi_infer_type(s, &s->in[0], found, sizeof found));
  oinf_dim *last = &d.dim[d.rank - 1], rest = oi_dims_mod(s->dims, *last, block_of(args->block));
  if (rest == OI_DIM_BAD) return oi_infer_fail(s, "quantize: a dim overflows");
  if (!oi_infer_require(s, 0, rest, "quantize: elements of a row behind its last whole block"))
    return false;
  *last = oi_dims_div(s->dims, *last, block_of(args->block));
  q.dtype = OINF_I8, d.dtype = OINF_F32;
  s->out[0] = q, s->out[1] = d;
  return true;
}

// Integer keys: a NaN is above everything.
static float largest(const float *x, int64_t n) {
  uint32_t most[CHUNK] = {0};
  for (int64_t i = 0; i < n; i += CHUNK)
    for (int l = 0; l < CHUNK; l++) {
      uint32_t bits = oi_bits(x[i + l]) & 0x7fffffffu;
      most[l] = bits > most[l] ? bits : most[l];
    }
  for (int l = 1; l < CHUNK; l++) most[0] = most[l] > most[0] ? most[l] : most[0];
  return oi_flt(most[0]);
}

// Adding 1.5 * 2^23 leaves the nearest integer, ties to even, in the low bits.
static int8_t nearest(float x, float d) {
  float v = oi_div(x, d);
  float t = v + 12582912.0f;
  int32_t n = (int32_t)oi_bits(t) - 0x4b400000;
  n = n > 127 ? 127 : n;
  n = n < -128 ? -128 : n;
  return (int8_t)(v == v && d != 0.0f ? n : 0);
}

static void quantize_blocks(void *arg, int64_t begin, int64_t end, int worker) {
  const oi_call *c = arg;
  const int64_t block = block_of(((const oinf_quantize_args *)c->args)->block);
  float x[MOST_BLOCK];
  (void)worker;
  for (int64_t b = begin; b < end; b++) {
    int8_t *q = (int8_t *)c->out[0].data + b * block;
    oi_load_f32(x, &c->in[0], b * block, block);
    float d = oi_div(largest(x, block), 127.0f);
    for (int64_t i = 0; i < block; i += CHUNK)
      for (int l = 0; l < CHUNK; l++) q[i + l] = nearest(x[i + l], d);
    ((float *)c->out[1].data)[b] = d;
  }
}

void oi_run_quantize(const oi_call *c) {
  oi_threads_run(c->threads, oi_view_count(&c->out[1]), PIECE, quantize_blocks,
                 (void *)(uintptr_t)c);
}

// ---- dequantize ----
static bool pair_matches(oi_infer *s, int64_t block) {
  const oi_type *q = &s->in[0], *d = &s->in[1];
  if (d->dtype != OINF_F32 || d->rank != q->rank || q->rank == 0) {
    char a[200], b[200];
    return oi_infer_fail(s, "dequantize: expected i8 and f32 of one rank, found %s and %s",
                         oi_infer_type(s, q, a, sizeof a), oi_infer_type(s, d, b, sizeof b));
  }
  for (uint32_t i = 0; i + 1 < q->rank; i++)
    if (!oi_infer_require(s, q->dim[i], d->dim[i], "dequantize: dim of the scales")) return false;
  oinf_dim whole = oi_dims_mul(s->dims, d->dim[q->rank - 1], block);
  return oi_infer_require(s, q->dim[q->rank - 1], whole,
                          "dequantize: the block times the scales of a row");
}

bool oi_shape_dequantize(oi_infer *s) {
  const oinf_dequantize_args *args = s->args;
  const bool pair = s->in[0].dtype == OINF_I8;
  if (!check_block(s, args->block)) return false;
  if ((!pair && oi_dtype_class(s->in[0].dtype) != OI_Q) || s->n_in != (pair ? 2u : 1u))
    return oi_infer_fail(s, "dequantize: expected a block-quantized tensor, or i8 and its scales");
  if (pair && !pair_matches(s, block_of(args->block))) return false;
  s->out[0] = s->in[0];
  s->out[0].dtype = OINF_F32;
  return true;
}

static void dequantize_blocks(void *arg, int64_t begin, int64_t end, int worker) {
  const oi_call *c = arg;
  const int64_t block = block_of(((const oinf_dequantize_args *)c->args)->block);
  float *out = (float *)c->out[0].data + begin * block;
  (void)worker;
  if (c->n_in == 1) {
    oi_load_f32(out, &c->in[0], begin * block, (end - begin) * block);
    return;
  }
  const int8_t *q = (const int8_t *)c->in[0].data + begin * block;
  const float *d = c->in[1].data;
  for (int64_t b = begin; b < end; b++, out += block, q += block)
    for (int64_t i = 0; i < block; i++) out[i] = d[b] * (float)q[i];
}

void oi_run_dequantize(const oi_call *c) {
  const int64_t block = block_of(((const oinf_dequantize_args *)c->args)->block);
  oi_threads_run(c->threads, oi_view_count(&c->in[0]) / block, PIECE, dequantize_blocks,
                 (void *)(uintptr_t)c);
}
