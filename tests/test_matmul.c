// matmul as an op: every layout, class, broadcast and tile against the scalar order, equal for
// every variant, number of threads and way of cutting rows; quantized products; refusals. The inner
// kernels have tests of their own.
#include "tests/kernel_call.h"
#include "tests/dot_ref.h"

#include <oinf/ops.h>

enum { MOST = 1 << 18 };
static uint8_t a_bytes[MOST * 8], b_bytes[MOST * 8], out_bytes[MOST * 8];
static const oi_cpu levels[] = {OI_CPU_PLAIN, OI_CPU_NEON, OI_CPU_DOTPROD, OI_CPU_AVX2,
                                OI_CPU_AVX512};

// Every bit pattern of an integer; floats between -1 and 1.
static void fill(uint8_t *at, oinf_dtype type, int64_t n, uint64_t seed) {
  for (int64_t i = 0; i < n; i++) {
    float x = ref_uniform(&seed);
    double wide = x * 1.0000001;
    uint64_t bits = (uint64_t)ref_random(&seed) << 32 ^ ref_random(&seed);
    uint16_t half = (uint16_t)(bits & 0xbbff);
    switch (type) {
      case OINF_F64: memcpy(at + 8 * i, &wide, 8); break;
      case OINF_F32: memcpy(at + 4 * i, &x, 4); break;
      case OINF_F16: memcpy(at + 2 * i, &half, 2); break;
      case OINF_BF16: memcpy(at + 2 * i, (const uint8_t *)&x + 2, 2); break;
      case OINF_I8:
      case OINF_U8: at[i] = (uint8_t)bits; break;
      case OINF_I16:
      case OINF_U16: memcpy(at + 2 * i, &bits, 2); break;
      case OINF_I32:
      case OINF_U32: memcpy(at + 4 * i, &bits, 4); break;
      default: memcpy(at + 8 * i, &bits, 8);
    }
  }
}

// No pool at all, and pools of 1, 2 and 5 threads.
enum { POOLS = 4 };
static oi_threads *pool_of(int which) {
  static const int counts[POOLS] = {0, 1, 2, 5};
  return which ? oi_threads_start(counts[which]) : NULL;
}

typedef struct shape {
  int64_t m, n, k;
  bool ta, tb;
} shape;

static float want_float(const shape *p, oinf_dtype ta, oinf_dtype tb, int64_t i, int64_t j) {
  const int64_t sa = ta == OINF_F32 ? 4 : 2, sb = tb == OINF_F32 ? 4 : 2;
  const uint8_t *a = a_bytes + (p->ta ? i : i * p->k) * sa,
                *b = b_bytes + (p->tb ? j * p->k : j) * sb;
  return ref_dot(a, p->ta ? p->m : 1, ta, b, p->tb ? 1 : p->n, tb, p->k);
}

static void check_floats(shape p, oinf_dtype ta, oinf_dtype tb, call_how how) {
  const oinf_matmul_args args = {.transpose_a = p.ta, .transpose_b = p.tb};
  const oi_view in[] = {p.ta ? VIEW(ta, a_bytes, p.k, p.m) : VIEW(ta, a_bytes, p.m, p.k),
                        p.tb ? VIEW(tb, b_bytes, p.n, p.k) : VIEW(tb, b_bytes, p.k, p.n)};
  const oi_view out = VIEW(OINF_F32, out_bytes, p.m, p.n);
  call_op(OP_matmul, &args, in, 2, &out, 1, how);
  for (int64_t i = 0; i < p.m; i++)
    for (int64_t j = 0; j < p.n; j++) {
      float have = ((float *)out_bytes)[i * p.n + j], want = want_float(&p, ta, tb, i, j);
      CHECK_MSG(ref_same(have, want),
                "%s m %d n %d k %d ta %d tb %d types %d %d: [%d][%d] is %.9g, not %.9g",
                oi_cpu_name(how.cpu), (int)p.m, (int)p.n, (int)p.k, p.ta, p.tb, (int)ta, (int)tb,
                (int)i, (int)j, have, want);
    }
}

TEST(matmul, floats_in_every_layout) {
  static const oinf_dtype types[] = {OINF_F32, OINF_F16, OINF_BF16};
  static const int64_t ms[] = {1, 3, 20}, ns[] = {1, 9, 70}, ks[] = {1, 16, 31, 130};
  for (int t = 0; t < 9; t++) {
    fill(a_bytes, types[t / 3], MOST, 1), fill(b_bytes, types[t % 3], MOST, 2);
    for (int s = 0; s < 27 * 4; s++) {
      shape p = {ms[s % 3], ns[s / 3 % 3], ks[s / 9 % 3 + (s >= 81)], s / 27 & 1, s / 54 & 1};
      for (size_t l = 0; l < sizeof levels / sizeof *levels; l++)
        if (oi_cpu_has(levels[l]))
          check_floats(p, types[t / 3], types[t % 3], (call_how){.cpu = levels[l]});
    }
  }
}

TEST(matmul, is_the_same_for_every_number_of_threads_and_tile) {
  static const shape shapes[] = {
      {1, 400, 300, false, true}, {37, 100, 70, false, true}, {5, 130, 200, true, false}};
  fill(a_bytes, OINF_F32, MOST, 3), fill(b_bytes, OINF_BF16, MOST, 4);
  for (int s = 0; s < 3; s++)
    for (int t = 0; t < POOLS; t++) {
      oi_threads *pool = pool_of(t);
      check_floats(shapes[s], OINF_F32, OINF_BF16, (call_how){.threads = pool});
      if (shapes[s].tb)
        for (int tile = 1; tile < 200; tile = 3 * tile + 1)
          check_floats(shapes[s], OINF_F32, OINF_BF16, (call_how){.threads = pool, .tiled = tile});
      oi_threads_stop(pool);
    }
}

// From 64 rows of x on both sides are packed.
TEST(matmul, many_rows_in_every_layout) {
  static const oinf_dtype types[] = {OINF_F32, OINF_F16, OINF_BF16};
  static const int64_t ms[] = {64, 77, 132}, ns[] = {16, 37}, ks[] = {1, 40, 130};
  for (int t = 0; t < 9; t++) {
    fill(a_bytes, types[t / 3], MOST, 21), fill(b_bytes, types[t % 3], MOST, 22);
    for (int s = 0; s < 9; s++) {
      const shape p = {ms[s % 3], ns[s % 2], ks[s / 3], false, (s + t) % 2};
      oi_threads *pool = pool_of(s % POOLS);
      check_floats(p, types[t / 3], types[t % 3], (call_how){.threads = pool});
      oi_threads_stop(pool);
    }
  }
}

TEST(matmul, many_rows_in_batches) {
  enum { B = 3, M = 70, N = 21, K = 35 };
  const oinf_matmul_args args = {.transpose_b = true};
  fill(a_bytes, OINF_F32, MOST, 23), fill(b_bytes, OINF_F32, MOST, 24);
  const oi_view a = VIEW(OINF_F32, a_bytes, B, M, K), out = VIEW(OINF_F32, out_bytes, B, M, N);
  call_op(OP_matmul, &args, (oi_view[]){a, VIEW(OINF_F32, b_bytes, B, N, K)}, 2, &out, 1,
          (call_how){0});
  for (int i = 0; i < B * M * N; i++) {
    const float *row = (float *)a_bytes + i / N * K,
                *w = (float *)b_bytes + (i / (M * N) * N + i % N) * K;
    CHECK(ref_same(((float *)out_bytes)[i], ref_dot(row, 1, OINF_F32, w, 1, OINF_F32, K)));
  }
}

TEST(matmul, rows_of_many_equal_single_rows) {
  enum { M = 37, N = 50, K = 1000 };
  static float all[M][N], one[N];
  const oinf_matmul_args args = {.transpose_b = true};
  fill(a_bytes, OINF_F32, M * K, 5), fill(b_bytes, OINF_F16, N * K, 6);
  const oi_view b = VIEW(OINF_F16, b_bytes, N, K);
  call_op(OP_matmul, &args, (oi_view[]){VIEW(OINF_F32, a_bytes, M, K), b}, 2,
          &VIEW(OINF_F32, all, M, N), 1, (call_how){0});
  for (int i = 0; i < M; i++) {
    const oi_view row = VIEW(OINF_F32, a_bytes + i * K * 4, 1, K);
    call_op(OP_matmul, &args, (oi_view[]){row, b}, 2, &VIEW(OINF_F32, one, 1, N), 1, (call_how){0});
    CHECK(memcmp(one, all[i], sizeof one) == 0);
  }
}

// [2, 1, 3] batches of a against [4, 1] or none of b.
TEST(matmul, broadcasts_leading_dims) {
  enum { M = 5, N = 7, K = 19 };
  fill(a_bytes, OINF_F32, MOST, 7), fill(b_bytes, OINF_F32, MOST, 8);
  const oinf_matmul_args args = {0};
  const oi_view a = VIEW(OINF_F32, a_bytes, 2, 1, 3, M, K),
                out = VIEW(OINF_F32, out_bytes, 2, 4, 3, M, N);
  call_op(OP_matmul, &args, (oi_view[]){a, VIEW(OINF_F32, b_bytes, 4, 1, K, N)}, 2, &out, 1,
          (call_how){0});
  for (int x = 0; x < 2 * 4 * 3; x++)
    for (int i = 0; i < M * N; i++) {
      int ia = x / 12 * 3 + x % 3, ib = x / 3 % 4;
      float want = ref_dot(a_bytes + 4 * (ia * M + i / N) * K, 1, OINF_F32,
                           b_bytes + 4 * (ib * K * N + i % N), N, OINF_F32, K);
      CHECK(ref_same(((float *)out_bytes)[x * M * N + i], want));
    }
  const oi_view all = VIEW(OINF_F32, out_bytes, 2, 1, 3, M, N);
  call_op(OP_matmul, &args, (oi_view[]){a, VIEW(OINF_F32, b_bytes, K, N)}, 2, &all, 1,
          (call_how){0});
  for (int i = 0; i < 6 * M * N; i++)
    CHECK(ref_same(((float *)out_bytes)[i], ref_dot(a_bytes + 4 * (i / N) * K, 1, OINF_F32,
                                                    b_bytes + 4 * (i % N), N, OINF_F32, K)));
}

TEST(matmul, takes_vectors) {
  enum { N = 9, K = 33 };
  const oinf_matmul_args args = {0};
  fill(a_bytes, OINF_F32, MOST, 9), fill(b_bytes, OINF_F32, MOST, 10);
  const oi_view x = VIEW(OINF_F32, a_bytes, K);
  call_op(OP_matmul, &args, (oi_view[]){x, VIEW(OINF_F32, b_bytes, K, N)}, 2,
          &VIEW(OINF_F32, out_bytes, N), 1, (call_how){0});
  for (int j = 0; j < N; j++)
    CHECK(ref_same(((float *)out_bytes)[j],
                   ref_dot(a_bytes, 1, OINF_F32, b_bytes + 4 * j, N, OINF_F32, K)));
  call_op(OP_matmul, &args, (oi_view[]){VIEW(OINF_F32, b_bytes, 2, N, K), x}, 2,
          &VIEW(OINF_F32, out_bytes, 2, N), 1, (call_how){0});
  for (int j = 0; j < 2 * N; j++)
    CHECK(ref_same(((float *)out_bytes)[j],
                   ref_dot(b_bytes + 4 * j * K, 1, OINF_F32, a_bytes, 1, OINF_F32, K)));
  const oi_view scalar = {.data = out_bytes, .dtype = OINF_F32, .rank = 0};
  call_op(OP_matmul, &args, (oi_view[]){x, x}, 2, &scalar, 1, (call_how){0});
  CHECK(ref_same(((float *)out_bytes)[0], ref_dot(a_bytes, 1, OINF_F32, a_bytes, 1, OINF_F32, K)));
}

TEST(matmul, of_nothing_is_zero) {
  const oinf_matmul_args args = {.transpose_b = true};
  ((float *)out_bytes)[5] = 1.0f;
  call_op(OP_matmul, &args,
          (oi_view[]){VIEW(OINF_F32, a_bytes, 2, 0), VIEW(OINF_F32, b_bytes, 3, 0)}, 2,
          &VIEW(OINF_F32, out_bytes, 2, 3), 1, (call_how){0});
  for (int i = 0; i < 6; i++) CHECK(((float *)out_bytes)[i] == 0.0f);
  call_op(OP_matmul, &args,
          (oi_view[]){VIEW(OINF_F32, a_bytes, 0, 4), VIEW(OINF_F32, b_bytes, 3, 4)}, 2,
          &VIEW(OINF_F32, out_bytes, 0, 3), 1, (call_how){0});
}

TEST(matmul, f64_in_the_same_order) {
  enum { M = 6, N = 11, K = 45 };
  fill(a_bytes, OINF_F64, MOST, 11), fill(b_bytes, OINF_F64, MOST, 12);
  for (int tb = 0; tb < 2; tb++) {
    const oinf_matmul_args args = {.transpose_b = tb};
    const oi_view b = tb ? VIEW(OINF_F64, b_bytes, N, K) : VIEW(OINF_F64, b_bytes, K, N);
    call_op(OP_matmul, &args, (oi_view[]){VIEW(OINF_F64, a_bytes, M, K), b}, 2,
            &VIEW(OINF_F64, out_bytes, M, N), 1, (call_how){0});
    for (int i = 0; i < M * N; i++) {
      double p[16] = {0}, have;
      for (int k = 0; k < K; k++) {
        double x, w;
        memcpy(&x, a_bytes + 8 * (i / N * K + k), 8);
        memcpy(&w, b_bytes + 8 * (tb ? i % N * K + k : k * N + i % N), 8);
        double product = x * w;
        p[k % 16] = p[k % 16] + product;
      }
      for (int s = 8; s > 0; s /= 2)
        for (int q = 0; q < s; q++) p[q] = p[q] + p[q + s];
      memcpy(&have, out_bytes + 8 * i, 8);
      CHECK(have == p[0]);
    }
  }
}

// Integers wrap in the wider dtype; the sum modulo 2^64 is the same in any order.
static int64_t load_int(const uint8_t *at, oinf_dtype type, int64_t i) {
  switch (type) {
    case OINF_I8: return (int8_t)at[i];
    case OINF_U8: return at[i];
    case OINF_I16: return ((const int16_t *)(const void *)at)[i];
    case OINF_U16: return ((const uint16_t *)(const void *)at)[i];
    case OINF_I32: return ((const int32_t *)(const void *)at)[i];
    case OINF_U32: return ((const uint32_t *)(const void *)at)[i];
    default: return ((const int64_t *)(const void *)at)[i];
  }
}
TEST(matmul, integers_wrap) {
  static const oinf_dtype types[][3] = {
      {OINF_I8, OINF_I8, OINF_I8},    {OINF_I8, OINF_I32, OINF_I32},
      {OINF_I64, OINF_I16, OINF_I64}, {OINF_U8, OINF_U16, OINF_U16},
      {OINF_U64, OINF_U32, OINF_U64}, {OINF_U32, OINF_U32, OINF_U32}};
  enum { M = 4, N = 21, K = 37 };
  for (size_t t = 0; t < sizeof types / sizeof *types; t++)
    for (int tb = 0; tb < 2; tb++) {
      const oinf_matmul_args args = {.transpose_b = tb};
      fill(a_bytes, types[t][0], M * K, 13), fill(b_bytes, types[t][1], N * K, 14);
      const oi_view b = tb ? VIEW(types[t][1], b_bytes, N, K) : VIEW(types[t][1], b_bytes, K, N);
      call_op(OP_matmul, &args, (oi_view[]){VIEW(types[t][0], a_bytes, M, K), b}, 2,
              &VIEW(types[t][2], out_bytes, M, N), 1, (call_how){0});
      for (int i = 0; i < M * N; i++) {
        uint64_t sum = 0;
        for (int k = 0; k < K; k++)
          sum += (uint64_t)load_int(a_bytes, types[t][0], i / N * K + k) *
                 (uint64_t)load_int(b_bytes, types[t][1], tb ? i % N * K + k : k * N + i % N);
        uint8_t low[8];
        memcpy(low, &sum, 8);
        CHECK_INT(load_int(out_bytes, types[t][2], i), load_int(low, types[t][2], 0));
      }
    }
}

static void fill_blocks(oinf_dtype type, int64_t blocks) {
  const int64_t size = type == OINF_Q8_0 ? 34 : 18;
  uint64_t seed = 15;
  for (int64_t i = 0; i < blocks * size; i++) b_bytes[i] = (uint8_t)ref_random(&seed);
  for (int64_t b = 0; b < blocks; b++)
    memcpy(b_bytes + b * size, &(uint16_t){(uint16_t)(0x2000 + ref_random(&seed) % 2048)}, 2);
}

TEST(matmul, quantized_with_quantized_rows) {
  enum { B = 2, M = 9, N = 150, K = 224 };
  static float scales[B * M * K / 32];
  const oinf_matmul_args args = {.transpose_b = true};
  uint64_t seed = 16;
  fill(a_bytes, OINF_I8, B * M * K, 17);
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) scales[i] = ref_uniform(&seed);
  for (int type = 0; type < 2; type++) {
    oinf_dtype q = type ? OINF_Q4_0 : OINF_Q8_0;
    fill_blocks(q, N * K / 32);
    const oi_view in[] = {VIEW(OINF_I8, a_bytes, B, M, K), VIEW(q, b_bytes, N, K),
                          VIEW(OINF_F32, scales, B, M, K / 32)};
    for (int t = 0; t < POOLS; t++) {
      oi_threads *pool = pool_of(t);
      for (int tile = 0; tile < 200; tile = 4 * tile + 7) {
        memset(out_bytes, 1, sizeof out_bytes);
        call_op(OP_matmul, &args, in, 3, &VIEW(OINF_F32, out_bytes, B, M, N), 1,
                (call_how){.threads = pool, .tiled = tile});
        for (int i = 0; i < B * M * N; i++) {
          float want = ref_dot_q((int8_t *)a_bytes + i / N * K, scales + i / N * (K / 32),
                                 b_bytes + i % N * (K / 32 * (type ? 18 : 34)), q, K);
          CHECK(ref_same(((float *)out_bytes)[i], want));
        }
      }
      oi_threads_stop(pool);
    }
  }
}

TEST(matmul, quantized_with_float_rows_is_dequantized) {
  enum { M = 3, N = 70, K = 96 };
  static float row[K];
  const oinf_matmul_args args = {.transpose_b = true, .act = OINF_F32};
  fill(a_bytes, OINF_F32, M * K, 18);
  for (int type = 0; type < 2; type++) {
    oinf_dtype q = type ? OINF_Q4_0 : OINF_Q8_0;
    const int64_t pitch = K / 32 * (type ? 18 : 34);
    fill_blocks(q, N * K / 32);
    call_op(OP_matmul, &args, (oi_view[]){VIEW(OINF_F32, a_bytes, M, K), VIEW(q, b_bytes, N, K)}, 2,
            &VIEW(OINF_F32, out_bytes, M, N), 1, (call_how){.tiled = type ? 11 : 0});
    for (int i = 0; i < M * N; i++) {
      const uint8_t *w = b_bytes + i % N * pitch;
      for (int k = 0; k < K; k++) row[k] = ref_scale(w, k / 32, q) * (float)ref_quant(w, k, q);
      CHECK(ref_same(((float *)out_bytes)[i],
                     ref_dot(a_bytes + i / N * K * 4, 1, OINF_F32, row, 1, OINF_F32, K)));
    }
  }
}

// The planner asks with the largest shapes, the simulator runs with smaller ones in the same room.
TEST(matmul, room_grows_with_every_dim) {
  static const int64_t dims[] = {0, 1, 7, 8, 9, 64, 250, 256, 1000, 4000, 4096, 11008};
  enum { N = sizeof dims / sizeof *dims };
  uint64_t before = 0;
  for (int layout = 0; layout < 8; layout++)
    for (int i = 0; i < N * N * N; i++) {
      const oinf_matmul_args args = {.transpose_a = layout & 1, .transpose_b = layout & 2};
      const oinf_dtype type = layout & 4 ? OINF_F16 : OINF_F32;
      int64_t at[3] = {i % N, i / N % N, i / N / N};
      for (int grown = -1; grown < 3; grown++) {
        int64_t m = dims[at[0]], n = dims[at[1]], k = dims[at[2]];
        if (grown >= 0 && at[grown] + 1 == N) continue;
        if (grown == 0) m = dims[at[0] + 1];
        if (grown == 1) n = dims[at[1] + 1];
        if (grown == 2) k = dims[at[2] + 1];
        const oi_view in[] = {args.transpose_a ? VIEW(type, NULL, k, m) : VIEW(type, NULL, m, k),
                              args.transpose_b ? VIEW(type, NULL, n, k) : VIEW(type, NULL, k, n)};
        const oi_view out = VIEW(OINF_F32, NULL, m, n);
        const oi_call c = {
            .args = &args, .in = in, .n_in = 2, .out = &out, .n_out = 1, .tiled = -1};
        uint64_t room = oi_op_info_of(OP_matmul)->room(&c);
        if (grown < 0)
          before = room;
        else
          CHECK(room >= before);
      }
    }
}

TEST(matmul, refuses_what_does_not_fit) {
  const oinf_matmul_args plain = {0}, tb = {.transpose_b = true},
                         act = {.transpose_b = true, .act = OINF_F32};
  const oi_view f = VIEW(OINF_F32, NULL, 3, 32), q = VIEW(OINF_Q8_0, NULL, 5, 32),
                i8 = VIEW(OINF_I8, NULL, 3, 32);
  const oi_view d = VIEW(OINF_F32, NULL, 3, 1), scalar = {.dtype = OINF_F32};
  REFUSED(OP_matmul, &plain, "length of the rows", f, f);
  REFUSED(OP_matmul, &tb, "length of the rows", f, VIEW(OINF_F32, NULL, 3, 31));
  REFUSED(OP_matmul, &plain, "one class", f, VIEW(OINF_I8, NULL, 32, 3));
  REFUSED(OP_matmul, &plain, "one class", f, VIEW(OINF_F64, NULL, 32, 3));
  REFUSED(OP_matmul, &plain, "one class", VIEW(OINF_BOOL, NULL, 3, 3), VIEW(OINF_BOOL, NULL, 3, 3));
  REFUSED(OP_matmul, &plain, "matrices or vectors", f, scalar);
  REFUSED(OP_matmul, &tb, "transposed", f, VIEW(OINF_F32, NULL, 32));
  REFUSED(OP_matmul, &plain, "broadcast", VIEW(OINF_F32, NULL, 2, 3, 4),
          VIEW(OINF_F32, NULL, 3, 4, 5));
  REFUSED(OP_matmul, &tb, "two operands", f, f, d);
  REFUSED(OP_matmul, &plain, "transpose_b", i8, q, d);
  REFUSED(OP_matmul, &tb, "i8", f, q);
  REFUSED(OP_matmul, &tb, "i8", i8, q);
  REFUSED(OP_matmul, &tb, "scales", i8, q, VIEW(OINF_F32, NULL, 3, 2));
  REFUSED(OP_matmul, &tb, "scales", i8, q, VIEW(OINF_F32, NULL, 2, 1));
  REFUSED(OP_matmul, &act, "float a", i8, q);
}
