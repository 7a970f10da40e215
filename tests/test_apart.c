// How far arrays lie apart: neighbours of floats counted by hand, NaNs, zeros, integers beyond what
// a double holds, tolerances as numpy's allclose has them.
#include "sim/apart.h"

#include <math.h>

#include "tests/test.h"

static oi_view view(oinf_dtype dtype, const void *data, int64_t n) {
  return (oi_view){.data = (void *)(uintptr_t)data, .dtype = dtype, .rank = 1, .dim = {n}};
}

static oi_apart apart(oinf_dtype dtype, const void *a, const void *b, int64_t n, double rtol,
                      double atol) {
  const oi_view x = view(dtype, a, n), y = view(dtype, b, n);
  oi_apart out;
  oi_apart_of(&x, &y, rtol, atol, &out);
  return out;
}

TEST(apart, bits_count_where_no_tolerance_is_given) {
  const float a[6] = {1, 0, NAN, INFINITY, 2, 5};
  const float b[6] = {1, -0.0f, -NAN, INFINITY, 2, 5}, c[6] = {1, 0, NAN, -INFINITY, 2, 4};
  oi_apart x = apart(OINF_F32, a, b, 6, 0, 0);
  CHECK(x.differ == 1 && x.first == 1 && x.ulps == 0 && x.most == 0);
  x = apart(OINF_F32, a, c, 6, 0, 0);
  CHECK(x.differ == 2 && x.first == 3 && x.count == 6 && isinf(x.most));
  CHECK(apart(OINF_F32, a, a, 6, 0, 0).differ == 0);
  CHECK(apart(OINF_F32, a, a, 0, 0, 0).first == -1);
}

TEST(apart, neighbours_are_counted_over_zero_and_powers_of_two) {
  const float a[1] = {1.0f}, b[1] = {nextafterf(1.0f, 0)}, c[1] = {0x1p-149f}, d[1] = {-0x1p-148f};
  CHECK_INT(apart(OINF_F32, a, b, 1, 0, 0).ulps, 1);
  CHECK_INT(apart(OINF_F32, c, d, 1, 0, 0).ulps, 3);
  const double e[1] = {1.0}, f[1] = {1.0 + 0x1p-50};
  CHECK_INT(apart(OINF_F64, e, f, 1, 0, 0).ulps, 4);
  const uint16_t half[2] = {0x3c00, 0x3c07}, minus[2] = {0x3c00, 0xbc00};
  CHECK_INT(apart(OINF_F16, half, half + 1, 1, 0, 0).ulps, 7);
  CHECK_INT(apart(OINF_BF16, minus, minus + 1, 1, 0, 0).ulps, 2 * 0x3c00);
}

TEST(apart, tolerances_are_of_the_second_and_absolute) {
  const float a[3] = {100, 0.001f, -3}, b[3] = {101, 0, -3};
  oi_apart x = apart(OINF_F32, a, b, 3, 0, 0.5);
  CHECK(x.differ == 1 && x.first == 0 && fabs(x.most - 1) < 1e-6 &&
        fabs(x.most_of - 1 / 101.0) < 1e-6);
  CHECK_INT(apart(OINF_F32, a, b, 3, 0.01, 0).differ, 1);
  CHECK_INT(apart(OINF_F32, a, b, 3, 0.01, 0.001001).differ, 0);
}

TEST(apart, integers_are_told_apart_exactly) {
  const int64_t a[2] = {INT64_MAX, INT64_MIN}, b[2] = {INT64_MAX - 1, INT64_MIN};
  oi_apart x = apart(OINF_I64, a, b, 2, 0, 0);
  CHECK(x.differ == 1 && x.first == 0 && x.ulps == 0);
  const uint64_t c[1] = {UINT64_MAX}, d[1] = {UINT64_MAX - 1};
  CHECK_INT(apart(OINF_U64, c, d, 1, 0, 0).differ, 1);
  const uint8_t e[3] = {1, 0, 1}, f[3] = {1, 1, 1};
  CHECK_INT(apart(OINF_BOOL, e, f, 3, 0, 0).first, 1);
}

TEST(apart, long_arrays_are_walked_to_their_end) {
  static float a[1000], b[1000];
  for (int i = 0; i < 1000; i++) a[i] = b[i] = (float)i;
  b[999] = 0;
  oi_apart x = apart(OINF_F32, a, b, 1000, 0, 0);
  CHECK(x.first == 999 && x.differ == 1 && x.count == 1000);
}
