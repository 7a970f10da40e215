// Two models told apart: how far values lie from each other, by hand; and what is said of models
// that were made to differ in one thing each.
#include <math.h>

#include "convert/gap.h"
#include "convert/info.h"
#include "tests/conversion.h"
#include "tests/test.h"

// ---- gaps ----

static oi_gap gap_of(oinf_dtype da, const void *a, oinf_dtype db, const void *b, int64_t n) {
  oinf_model *x, *y;
  oi_values *va = malloc(sizeof *va), *vb = malloc(sizeof *vb);
  oi_gap g;
  oi_cv_clear();
  CHECK(va && vb);
  CHECK_INT(oinf_model_create(oi_cv_ctx, &x), OINF_OK);
  CHECK_INT(oinf_model_create(oi_cv_ctx, &y), OINF_OK);
  CHECK_INT(oinf_model_add(x, "t", da, 1, &n, a), OINF_OK);
  CHECK_INT(oinf_model_add(y, "t", db, 1, &n, b), OINF_OK);
  oi_values_start(va, x, 0), oi_values_start(vb, y, 0);
  CHECK_INT(oi_gap_of(va, vb, NULL, NULL, &g), OINF_OK);
  oinf_model_destroy(x), oinf_model_destroy(y);
  free(va), free(vb);
  return g;
}

TEST(diff, measures_floats) {
  const float a[4] = {3, 0, -4, 1}, b[4] = {3, -0.0f, -4.5f, 2};
  oi_gap g = gap_of(OINF_F32, a, OINF_F32, b, 4);
  CHECK(g.bytes && g.most == 1);
  CHECK_INT(g.differ, 2);
  CHECK(g.rms == sqrt(1.25 / 4) && g.relative == sqrt(1.25 / 26));
  g = gap_of(OINF_F32, a, OINF_F32, a, 4);
  CHECK(!g.bytes && !g.differ && g.rms == 0 && g.relative == 0);
  const float zeros[2] = {0, 0}, minus[2] = {-0.0f, 0};
  g = gap_of(OINF_F32, zeros, OINF_F32, minus, 2);
  CHECK(g.bytes && !g.differ);
  const float ones[2] = {0, 1};
  CHECK(isinf(gap_of(OINF_F32, zeros, OINF_F32, ones, 2).relative));
}

TEST(diff, tells_nans_apart) {
  const float a[4] = {NAN, 1, INFINITY, 2}, b[4] = {-NAN, NAN, INFINITY, INFINITY};
  const oi_gap g = gap_of(OINF_F32, a, OINF_F32, b, 4);
  CHECK_INT(g.differ, 2);
  CHECK_INT(g.alone, 1);
  CHECK(isinf(g.most));
}

TEST(diff, compares_dtypes_by_value) {
  const float wide[3] = {1, 0.1f, -2};
  const double exact[3] = {1, 0.1, -2};
  const uint16_t half[3] = {0x3c00, 0x2e66, 0xc000};  // 0.0999755859375
  const int8_t bytes[3] = {1, 0, -2};
  oi_gap g = gap_of(OINF_F32, wide, OINF_F16, half, 3);
  CHECK(g.bytes && g.differ == 1 && g.most == (double)0.1f - 0.0999755859375);
  g = gap_of(OINF_F64, exact, OINF_F32, wide, 3);
  CHECK(g.differ == 1 && g.most == (double)0.1f - 0.1);
  g = gap_of(OINF_I8, bytes, OINF_F32, wide, 3);
  CHECK(g.differ == 1 && g.most == (double)0.1f);
}

TEST(diff, compares_integers_exactly) {
  const int64_t a[3] = {((int64_t)1 << 60) + 1, INT64_MIN, -1},
                b[3] = {(int64_t)1 << 60, INT64_MAX, -1};
  oi_gap g = gap_of(OINF_I64, a, OINF_I64, b, 1);
  CHECK(g.differ == 1 && g.most == 1);
  g = gap_of(OINF_I64, a, OINF_I64, b, 3);
  CHECK(g.differ == 2 && g.most == 0x1p64);
  g = gap_of(OINF_U64, a, OINF_I64, a, 3);  // the same bits mean other numbers
  CHECK(g.differ == 2 && g.most == 0x1p64);
  const int32_t narrow[2] = {7, -7};
  const int64_t same[2] = {7, -7};
  g = gap_of(OINF_I32, narrow, OINF_I64, same, 2);
  CHECK(g.bytes && !g.differ);
}

TEST(diff, crosses_pieces) {
  enum {
    N = 3 * OI_VALUES + 5
  };
  float *a = calloc(N, sizeof *a), *b = calloc(N, sizeof *b);
  CHECK(a && b);
  for (int i = 0; i < N; i++) a[i] = b[i] = (float)(i % 7);
  b[N - 1] += 2, b[OI_VALUES] -= 1;
  const oi_gap g = gap_of(OINF_F32, a, OINF_F32, b, N);
  CHECK(g.differ == 2 && g.most == 2 && g.rms == sqrt(5.0 / N));
  free(a), free(b);
}

// ---- models ----

typedef struct shape {
  const char *name;
  oinf_dtype dtype;
  int64_t n;
  float first;
} shape;

// A package of two tensors, one of which `of` says, metadata k and a blob.
static const char *package(const char *file, const shape *of, const char *meta, const char *blob) {
  static float same[4] = {1, 2, 3, 4}, other[4];
  static int64_t four = 4;
  const char *path = oi_cv_path(file);
  oinf_model *m;
  other[0] = of->first, other[1] = 2, other[2] = other[3] = 3;
  CHECK_INT(oinf_model_create(oi_cv_ctx, &m), OINF_OK);
  CHECK_INT(oinf_model_add(m, "b", OINF_F32, 1, &four, same), OINF_OK);
  CHECK_INT(oinf_model_add(m, of->name, of->dtype, 1, &of->n, other), OINF_OK);
  CHECK_INT(oinf_model_set_meta(m, "k", meta), OINF_OK);
  CHECK_INT(oinf_model_set_blob(m, "text", blob, strlen(blob)), OINF_OK);
  CHECK_MSG(oinf_model_save(m, path) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
  oinf_model_destroy(m);
  return path;
}

static void tells(const char *a, const char *b, const char *pattern, oinf_status status,
                  const char *want) {
  oi_info i = {.ctx = oi_cv_ctx, .other = b, .pattern = pattern, .o.diff = true};
  oi_text_init(&i.out, oi_cv_ctx);
  const oinf_status have = oi_info_run(&i, a);
  CHECK_MSG(have == status, "%d: %s", have, oinf_error(oi_cv_ctx));
  if (want) CHECK_STR(i.out.at, want);
  oi_text_free(&i.out);
}

TEST(diff, tells_models_apart) {
  oi_cv_clear();
  const shape one = {"a", OINF_F32, 4, 1}, two = {"a", OINF_F32, 4, 1.5f},
              half = {"a", OINF_F16, 4, 1}, less = {"a", OINF_F32, 3, 1},
              named = {"c", OINF_F32, 4, 1};
  char base[300];
  snprintf(base, sizeof base, "%s", package("base.oinf", &one, "v", "xyz"));
  tells(base, package("o.oinf", &one, "v", "xyz"), NULL, OINF_OK, "equal\n");
  tells(base, package("o.oinf", &one, "w", "xyz"), NULL, OINF_DIFFERENT,
        "~ metadata k: v -> w\n"
        "different: 1 changed, 0 only in the first, 0 only in the second\n");
  tells(base, package("o.oinf", &one, "v", "xyzz"), NULL, OINF_DIFFERENT,
        "~ blob     text, 3 bytes -> 4 bytes, from byte 3 on\n"
        "different: 1 changed, 0 only in the first, 0 only in the second\n");
  tells(base, package("o.oinf", &two, "v", "xyz"), NULL, OINF_DIFFERENT,
        "~ tensor   a f32 [4]: 1 of 4 values differ, by at most 0.5, rms 0.25, relative 0.104\n"
        "different: 1 changed, 0 only in the first, 0 only in the second\n");
  tells(base, package("o.oinf", &less, "v", "xyz"), NULL, OINF_DIFFERENT,
        "~ tensor   a f32 [4] -> f32 [3]\n"
        "different: 1 changed, 0 only in the first, 0 only in the second\n");
  tells(base, package("o.oinf", &half, "v", "xyz"), NULL, OINF_DIFFERENT, NULL);
  tells(base, package("o.oinf", &named, "v", "xyz"), NULL, OINF_DIFFERENT,
        "- tensor   a f32 [4]\n"
        "+ tensor   c f32 [4]\n"
        "different: 0 changed, 1 only in the first, 1 only in the second\n");
  tells(base, oi_cv_path("o.oinf"), "b", OINF_OK, "equal\n");
  tells(base, oi_cv_path("o.oinf"), "c", OINF_DIFFERENT,
        "+ tensor   c f32 [4]\n"
        "different: 0 changed, 0 only in the first, 1 only in the second\n");
  tells(base, oi_cv_path("o.oinf"), "d*", OINF_NOINPUT, NULL);
  oi_cv_clear();
  tells(base, oi_cv_path("none.oinf"), NULL, OINF_NOINPUT, NULL);
}
