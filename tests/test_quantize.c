// quantize and dequantize against their definition in double precision and against edge cases
// worked out by hand.
#include "tests/kernel_call.h"
#include "tests/dot_ref.h"

#include <oinf/ops.h>

static void quantize(const float *x, int64_t rows, int64_t k, int64_t block, int8_t *q, float *d,
                     oi_threads *threads) {
  const oinf_quantize_args args = {.block = block};
  const int64_t length = block ? block : 32;
  const oi_view in = VIEW(OINF_F32, x, rows, k);
  const oi_view out[] = {VIEW(OINF_I8, q, rows, k), VIEW(OINF_F32, d, rows, k / length)};
  call_op(OP_quantize, &args, &in, 1, out, 2, (call_how){.threads = threads});
}

// A quotient of two floats in double precision is never so near a tie that its rounding could move
// it over one.
TEST(quantize, rounds_true_quotients_to_even) {
  enum { ROWS = 40, K = 512 };
  static float x[ROWS * K], d[ROWS * K / 32];
  static int8_t q[ROWS * K];
  static const int64_t blocks[] = {0, 32, 256};
  uint64_t seed = 1;
  for (int i = 0; i < ROWS * K; i++) x[i] = ref_uniform(&seed) * ldexpf(1, (int)(i / 32 % 60) - 30);
  for (int b = 0; b < 3; b++) {
    const int64_t length = blocks[b] ? blocks[b] : 32;
    oi_threads *pool = oi_threads_start(3);
    quantize(x, ROWS, K, blocks[b], q, d, pool);
    oi_threads_stop(pool);
    for (int64_t i = 0; i < ROWS * K; i += length) {
      float most = 0;
      for (int64_t j = i; j < i + length; j++) most = fabsf(x[j]) > most ? fabsf(x[j]) : most;
      CHECK(d[i / length] == (float)((double)most / 127.0));
      for (int64_t j = i; j < i + length; j++)
        CHECK_INT(q[j], rint((double)(float)((double)x[j] / d[i / length])));
    }
  }
}

TEST(quantize, edge_cases) {
  float x[5 * 32] = {0}, d[5];
  int8_t q[5 * 32];
  x[32] = 127.0f, x[33] = 0.5f, x[34] = 1.5f, x[35] = -2.5f;  // d = 1: ties go to even
  x[64] = -0.0f;                                              // d = 0
  x[96] = NAN, x[97] = 3.0f;
  x[128] = -190 * 0x1p-149f, x[129] = 189 * 0x1p-149f;  // d is the least subnormal: q saturates
  quantize(x, 5, 32, 32, q, d, NULL);
  CHECK(d[0] == 0 && q[0] == 0);
  CHECK(d[1] == 1 && q[32] == 127 && q[33] == 0 && q[34] == 2 && q[35] == -2);
  CHECK(d[2] == 0 && q[64] == 0);
  CHECK(isnan(d[3]) && q[96] == 0 && q[97] == 0);
  CHECK(d[4] == 0x1p-149f && q[128] == -128 && q[129] == 127);
  x[0] = INFINITY, x[1] = 5;
  quantize(x, 5, 32, 32, q, d, NULL);
  CHECK(isinf(d[0]) && q[0] == 0 && q[1] == 0);
}

TEST(quantize, reads_every_float_storage) {
  uint16_t half[32];
  float x[32], d[2];
  int8_t q[2][32];
  const oinf_quantize_args args = {0};
  for (int type = 0; type < 2; type++) {
    for (int i = 0; i < 32; i++) half[i] = (uint16_t)(0x3000 + 37 * i + (i & 1 ? 0x8000 : 0));
    for (int i = 0; i < 32; i++) x[i] = ref_load(half, i, type ? OINF_F16 : OINF_BF16);
    const oi_view in = VIEW(type ? OINF_F16 : OINF_BF16, half, 32);
    call_op(OP_quantize, &args, &in, 1,
            (oi_view[]){VIEW(OINF_I8, q[0], 32), VIEW(OINF_F32, &d[0], 1)}, 2, (call_how){0});
    quantize(x, 1, 32, 32, q[1], &d[1], NULL);
    CHECK(memcmp(q[0], q[1], 32) == 0 && d[0] == d[1]);
  }
}

TEST(dequantize, gives_scale_times_value) {
  enum { K = 512 };
  static uint8_t blocks[K / 32 * 34];
  static float out[K], d[K / 32];
  static int8_t q[K];
  uint64_t seed = 3;
  for (int type = 0; type < 2; type++) {
    oinf_dtype dtype = type ? OINF_Q4_0 : OINF_Q8_0;
    for (size_t i = 0; i < sizeof blocks; i++) blocks[i] = (uint8_t)ref_random(&seed);
    for (int b = 0; b < K / 32; b++) blocks[b * (type ? 18 : 34) + 1] &= 0xbb;
    const oinf_dequantize_args args = {0};
    const oi_view in = VIEW(dtype, blocks, K);
    call_op(OP_dequantize, &args, &in, 1, &VIEW(OINF_F32, out, K), 1, (call_how){0});
    for (int i = 0; i < K; i++)
      CHECK(out[i] == ref_scale(blocks, i / 32, dtype) * (float)ref_quant(blocks, i, dtype));
  }
  for (int i = 0; i < K; i++) q[i] = (int8_t)ref_random(&seed), d[i / 32] = ref_uniform(&seed);
  for (int block = 32; block <= 256; block *= 8) {
    const oinf_dequantize_args args = {.block = block};
    const oi_view in[] = {VIEW(OINF_I8, q, 1, K), VIEW(OINF_F32, d, 1, K / block)};
    call_op(OP_dequantize, &args, in, 2, &VIEW(OINF_F32, out, 1, K), 1, (call_how){0});
    for (int i = 0; i < K; i++) CHECK(out[i] == d[i / block] * (float)q[i]);
  }
}

TEST(quantize, refuses_what_does_not_fit) {
  const oinf_quantize_args plain = {0}, odd = {.block = 16};
  const oinf_dequantize_args back = {0};
  const oi_view scalar = {.dtype = OINF_F32}, q = VIEW(OINF_I8, NULL, 2, 64);
  REFUSED(OP_quantize, &odd, "32 or 256", VIEW(OINF_F32, NULL, 64));
  REFUSED(OP_quantize, &plain, "whole block", VIEW(OINF_F32, NULL, 2, 33));
  REFUSED(OP_quantize, &plain, "float rows", q);
  REFUSED(OP_quantize, &plain, "float rows", scalar);
  REFUSED(OP_dequantize, &back, "i8 and its scales", q);
  REFUSED(OP_dequantize, &back, "i8 and its scales", VIEW(OINF_F32, NULL, 64));
  REFUSED(OP_dequantize, &back, "i8 and f32", q, VIEW(OINF_F16, NULL, 2, 2));
  REFUSED(OP_dequantize, &back, "scales of a row", q, VIEW(OINF_F32, NULL, 2, 3));
}
