// Dtypes: the table, widening of every 16-bit pattern against its definition in double, narrowing
// at every value, midpoint and neighbour, integers, blocks, canonical NaN, and hashes against those
// of an independent script.
#include "lib/op.h"
#include "lib/rt/strict.h"
#include "tests/test.h"

static oi_view view_of(oinf_dtype dtype, void *data, int64_t n) {
  return (oi_view){.data = data, .dtype = dtype, .rank = 1, .dim = {n}};
}

TEST(dtype, the_table_is_found_by_name) {
  CHECK_INT(oinf_dtype_find("bf16"), OINF_BF16);
  CHECK_INT(oinf_dtype_find("q4_0"), OINF_Q4_0);
  CHECK_INT(oinf_dtype_find("f128"), OINF_NONE);
  CHECK_INT(oinf_dtype_find("none"), OINF_NONE);
  CHECK_STR(oinf_dtype_name(OINF_BOOL), "bool");
  CHECK_STR(oinf_dtype_name(OINF_NONE), "none");
  CHECK_STR(oinf_dtype_name((oinf_dtype)200), "none");
  CHECK_INT(oinf_dtype_block(OINF_Q8_0), 32);
  CHECK_INT(oinf_dtype_block_bytes(OINF_Q8_0), 34);
  CHECK_INT(oinf_dtype_block_bytes(OINF_Q4_0), 18);
  CHECK_INT(oinf_dtype_block(OINF_F64), 1);
  CHECK_INT(oinf_dtype_block_bytes(OINF_F64), 8);
  CHECK_INT(oi_dtype_class(OINF_F16), OI_F);
  CHECK_INT(oi_dtype_class(OINF_F64), OI_D);
  CHECK_INT(oi_dtype_class(OINF_U16), OI_U);
  CHECK_INT(oi_dtype_class(OINF_NONE), 0);
}

TEST(dtype, counts_and_bytes) {
  oi_view v = {.dtype = OINF_Q4_0, .rank = 2, .dim = {3, 64}};
  CHECK_INT(oi_view_count(&v), 192);
  CHECK_INT(oi_view_bytes(&v), 108);
  v = (oi_view){.dtype = OINF_I16, .rank = 0};
  CHECK_INT(oi_view_count(&v), 1);
  CHECK_INT(oi_view_bytes(&v), 2);
  v = (oi_view){.dtype = OINF_I16, .rank = 2, .dim = {5, 0}};
  CHECK_INT(oi_view_bytes(&v), 0);
}

// A 16-bit format by its definition: sign, exponent of bias `bias`, `bits` of mantissa.
typedef struct half {
  oinf_dtype dtype;
  int bits, bias;
  uint16_t inf, nan;
} half;
static const half halves[] = {{OINF_F16, 10, 15, 0x7c00, 0x7e00},
                              {OINF_BF16, 7, 127, 0x7f80, 0x7fc0}};
static double half_value(const half *t, uint32_t h) {
  int e = (int)((h & 0x7fff) >> t->bits);
  double m = h & ((1u << t->bits) - 1), s = h & 0x8000 ? -1 : 1;
  if ((h & 0x7fff) > t->inf) return NAN;
  if ((h & 0x7fff) == t->inf) return s * INFINITY;
  return s * (e == 0 ? ldexp(m, 1 - t->bias - t->bits)
                     : ldexp(m + (1 << t->bits), e - t->bias - t->bits));
}
TEST(dtype, every_half_widens_to_its_value) {
  static uint16_t in[65537];
  static float out[65536];
  static double wide[65536];
  for (size_t i = 0; i < 2; i++) {
    const half *t = &halves[i];
    char *odd = (char *)in + 1;  // at an odd address: nothing promises alignment
    for (uint32_t h = 0; h < 65536; h++) memcpy(odd + 2 * h, &(uint16_t){(uint16_t)h}, 2);
    oi_view v = view_of(t->dtype, odd, 65536);
    oi_load_f32(out, &v, 0, 65536);
    oi_load_f64(wide, &v, 0, 65536);
    for (uint32_t h = 0; h < 65536; h++) {
      double want = half_value(t, h), have = (double)out[h];
      CHECK_MSG(isnan(want) ? isnan(have) : want == have && !signbit(want) == !signbit(have),
                "%s %04x is %a, not %a", oinf_dtype_name(t->dtype), h, have, want);
      CHECK(isnan(want) ? isnan(wide[h]) : want == wide[h]);
    }
  }
}

static uint16_t store_half(const half *t, double x, bool from_double) {
  uint16_t h = 0xdead;
  oi_view v = view_of(t->dtype, &h, 1);
  if (from_double)
    oi_store_f64(&v, 0, 1, &x);
  else
    oi_store_f32(&v, 0, 1, &(float){(float)x});
  return h;
}
static void check_near(const half *t, double x, uint32_t want) {
  for (int s = 0; s < 2; s++, x = -x, want |= 0x8000) {
    CHECK_MSG(store_half(t, x, true) == want, "%s of %a is %04x, not %04x",
              oinf_dtype_name(t->dtype), x, store_half(t, x, true), want);
    if ((double)(float)x == x) CHECK_INT(store_half(t, x, false), want);
  }
}
// Each value, the midpoint to the next (to even), and what lies on both sides of the midpoint, in
// f32 and f64.
TEST(dtype, halves_round_to_nearest_even) {
  for (size_t i = 0; i < 2; i++) {
    const half *t = &halves[i];
    for (uint32_t h = 0; h < t->inf; h++) {
      double lo = half_value(t, h),
             step = half_value(t, h == 0 ? 1 : h) - half_value(t, h == 0 ? 0 : h - 1u);
      double hi = h + 1u == t->inf ? lo + step : half_value(t, h + 1), mid = lo / 2 + hi / 2;
      check_near(t, lo, h);
      check_near(t, mid, h + (h & 1));
      check_near(t, nextafter(mid, 0), h);
      check_near(t, nextafter(mid, INFINITY), h + 1);
      if (h > 0) check_near(t, (double)nextafterf((float)mid, 0), h);
      if (mid < 3e38) check_near(t, (double)nextafterf((float)mid, INFINITY), h + 1);
    }
    check_near(t, INFINITY, t->inf);
    check_near(t, 1e300, t->inf);
    CHECK_INT(store_half(t, NAN, false), t->nan);
    CHECK_INT(store_half(t, (double)-NAN, true), t->nan);
  }
}

#define ROUND_TRIP(NAME, type, lowest, highest)                                           \
  do {                                                                                    \
    int64_t in[5] = {0, 1, -1, (int64_t)(lowest), (int64_t)(highest)}, out[5];            \
    uint64_t u_out[5];                                                                    \
    type kept[6];                                                                         \
    oi_view v = view_of(OINF_##NAME, kept, 6);                                            \
    oi_store_i64(&v, 1, 5, in), oi_load_i64(out, &v, 1, 5), oi_load_u64(u_out, &v, 1, 5); \
    for (int k = 0; k < 5; k++) {                                                         \
      CHECK(out[k] == (int64_t)(type)in[k] && kept[k + 1] == (type)in[k]);                \
      CHECK(u_out[k] == (uint64_t)(type)in[k]);                                           \
    }                                                                                     \
    oi_store_u64(&v, 0, 5, u_out);                                                        \
    CHECK(kept[2] == (type)-1 && kept[3] == (type)(lowest));                              \
  } while (0)
TEST(dtype, integers_keep_their_value_and_wrap) {
  ROUND_TRIP(I8, int8_t, INT8_MIN, INT8_MAX);
  ROUND_TRIP(I16, int16_t, INT16_MIN, INT16_MAX);
  ROUND_TRIP(I32, int32_t, INT32_MIN, INT32_MAX);
  ROUND_TRIP(I64, int64_t, INT64_MIN, INT64_MAX);
  ROUND_TRIP(U8, uint8_t, 0, UINT8_MAX);
  ROUND_TRIP(U16, uint16_t, 0, UINT16_MAX);
  ROUND_TRIP(U32, uint32_t, 0, UINT32_MAX);
  ROUND_TRIP(U64, uint64_t, 0, UINT64_MAX);
  uint8_t byte[3];
  oi_view v = view_of(OINF_U8, byte, 3);
  oi_store_i64(&v, 0, 3, (int64_t[]){256, -2, 300});
  CHECK(byte[0] == 0 && byte[1] == 254 && byte[2] == 44);
  v.dtype = OINF_BOOL;
  oi_store_i64(&v, 0, 3, (int64_t[]){256, 0, -1});
  CHECK(byte[0] == 1 && byte[1] == 0 && byte[2] == 1);
  int64_t out[3];
  oi_load_i64(out, &v, 0, 3);
  CHECK(out[0] == 1 && out[1] == 0 && out[2] == 1);
}

// Two blocks each; scales 0.5 (f16 0x3800) and -2 (0xc000). Bytes by the layouts of GGUF.
TEST(dtype, blocks_widen_by_their_layout) {
  unsigned char q8[68] = {0x00, 0x38}, q4[36] = {0x00, 0x38};
  q8[35] = q4[19] = 0xc0;
  for (int j = 0; j < 32; j++)
    q8[2 + j] = (unsigned char)(j - 16), q8[36 + j] = (unsigned char)(127 - j);
  for (int j = 0; j < 16; j++) q4[2 + j] = (unsigned char)(j << 4 | (15 - j)), q4[20 + j] = 0x0f;
  float out[64], tail[32];
  oi_view v = view_of(OINF_Q8_0, q8, 64);
  oi_load_f32(out, &v, 0, 64);
  for (int j = 0; j < 32; j++)
    CHECK(out[j] == (float)(j - 16) * 0.5f && out[32 + j] == (float)(127 - j) * -2);
  v = view_of(OINF_Q4_0, q4, 64);
  oi_load_f32(out, &v, 0, 64);
  for (int j = 0; j < 16; j++) {
    CHECK(out[j] == (float)(15 - j - 8) * 0.5f && out[16 + j] == (float)(j - 8) * 0.5f);
    CHECK(out[32 + j] == -14 && out[48 + j] == 16);
  }
  oi_load_f32(tail, &v, 32, 32);
  CHECK(memcmp(tail, out + 32, sizeof tail) == 0);
}

static uint64_t pattern(oinf_dtype dtype, int64_t i) {  // as tests/data/dtype/hash.py has it
  static const int mantissa[] = {
      [OINF_F64] = 52, [OINF_F32] = 23, [OINF_F16] = 10, [OINF_BF16] = 7, [OINF_BOOL] = 0};
  int width = (int)oinf_dtype_block_bytes(dtype) * 8, m = mantissa[dtype];
  uint64_t u = (uint64_t)i * 2654435761u + 12345;
  if (width < 64) u &= (UINT64_C(1) << width) - 1;
  if (m && i % 5 == 0) u |= ((UINT64_C(1) << (width - 1 - m)) - 1) << m;
  return dtype == OINF_BOOL ? u & 1 : u;
}
static uint64_t hash_of(oinf_dtype dtype, uint32_t rank, const int64_t *dims) {
  static char data[8 * 3000 + 1];
  oi_view v = {.data = data + 1, .dtype = dtype, .rank = rank};
  size_t size = oinf_dtype_block_bytes(dtype);
  for (uint32_t i = 0; i < rank; i++) v.dim[i] = dims[i];
  for (int64_t i = 0; i < oi_view_count(&v); i++) {
    uint64_t u = pattern(dtype, i);
    memcpy(data + 1 + (size_t)i * size, &u, size);
  }
  uint64_t raw = oi_view_hash(&v);
  oi_canonical_nan(&v);
  CHECK(oi_view_hash(&v) == raw);
  return raw;
}
TEST(dtype, hashes_are_those_of_the_script) {
#define DIMS(...) \
  (int64_t[]) { __VA_ARGS__ }
#define H(NAME, rank, dims, hash) \
  CHECK_MSG(hash_of(OINF_##NAME, rank, DIMS dims) == UINT64_C(hash), "%s %s", #NAME, #dims);
#include "tests/data/dtype/hash.inc"
}

TEST(dtype, canonical_nan_leaves_the_rest) {
  uint32_t u[5] = {0xffc00001, 0x7f800001, 0x7f800000, 0x80000000, 0x12345678};
  oi_view v = view_of(OINF_F32, u, 5);
  oi_canonical_nan(&v);
  CHECK(u[0] == 0x7fc00000 && u[1] == 0x7fc00000 && u[2] == 0x7f800000 && u[3] == 0x80000000 &&
        u[4] == 0x12345678);
}
