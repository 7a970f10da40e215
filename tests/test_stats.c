// Statistics of tensors against numpy's (tests/data/stats), their drawing, and that they are asked
// to stop.
#include <jansson.h>
#include <math.h>

#include "convert/stats.h"
#include "formats/oinf.h"
#include "tests/test.h"

static oinf_ctx *ctx;
static oinf_model *m;
static oi_values *room;
static json_t *cases;
static uint8_t bytes[1 << 20];
enum {
  LONG = 200003
};

static size_t from_hex(const char *hex, uint8_t *out) {
  const size_t n = strlen(hex) / 2;
  for (size_t i = 0; i < n; i++) {
    unsigned x;
    CHECK(sscanf(hex + 2 * i, "%2x", &x) == 1);
    out[i] = (uint8_t)x;
  }
  return n;
}

static const uint8_t *data_of(const json_t *c, uint8_t **at) {
  const char *hex = json_string_value(json_object_get(c, "hex"));
  uint8_t *begin = *at;
  for (uint64_t i = 0; !hex && i < LONG; i++) {
    const uint32_t x = (uint32_t)(i * 2654435761u);
    const float y = (float)((double)x / 4294967296.0 - 0.25);
    memcpy(begin + 4 * i, &y, sizeof y);
  }
  *at += hex ? (from_hex(hex, begin) + 63) / 64 * 64 : 4 * LONG;
  CHECK(*at <= bytes + sizeof bytes);
  return begin;
}

// Every case as a tensor of one model.
static void open_cases(void) {
  size_t i;
  json_t *c;
  uint8_t *at = bytes;
  json_error_t why;
  if (m) return;
  cases = json_load_file("tests/data/stats/stats.json", 0, &why);
  CHECK_MSG(cases, "%s", why.text);
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oinf_model_create(ctx, &m), OINF_OK);
  CHECK(room = malloc(sizeof *room));
  json_array_foreach(cases, i, c) {
    const json_t *shape = json_object_get(c, "dims");
    int64_t dims[OINF_MAX_RANK];
    for (size_t k = 0; k < json_array_size(shape); k++)
      dims[k] = json_integer_value(json_array_get(shape, k));
    CHECK_INT(oinf_model_add(m, json_string_value(json_object_get(c, "name")),
                             oinf_dtype_find(json_string_value(json_object_get(c, "dtype"))),
                             (uint32_t)json_array_size(shape), dims, data_of(c, &at)),
              OINF_OK);
  }
}

// To within the figure's own size, and the rounding of values as large as `most`.
static void near(const json_t *want, const char *key, double have, double most, const char *name) {
  const json_t *x = json_object_get(want, key);
  const double w = x ? json_number_value(x) : 0;
  CHECK_MSG(fabs(have - w) <= 1e-12 * fabs(w) + 1e-16 * most, "%s: %s is %.17g, not %.17g", name,
            key, have, w);
}

TEST(stats, are_those_of_numpy) {
  size_t i, b;
  json_t *c, *bin;
  open_cases();
  json_array_foreach(cases, i, c) {
    const char *name = json_string_value(json_object_get(c, "name"));
    const json_t *want = json_object_get(c, "want");
    oi_stats s;
    CHECK_INT(oi_stats_of(room, m, (uint32_t)i, NULL, NULL, &s), OINF_OK);
    CHECK_INT(s.count, json_integer_value(json_object_get(want, "count")));
    CHECK_INT(s.nans, json_integer_value(json_object_get(want, "nans")));
    CHECK_INT(s.infinite, json_integer_value(json_object_get(want, "infinite")));
    CHECK_INT(s.zeros, json_integer_value(json_object_get(want, "zeros")));
    CHECK_INT(s.subnormals, json_integer_value(json_object_get(want, "subnormals")));
    near(want, "min", s.min, 0, name), near(want, "max", s.max, 0, name);
    near(want, "mean", s.mean, fmax(fabs(s.min), fabs(s.max)), name);
    near(want, "deviation", s.deviation, 0, name);
    json_array_foreach(json_object_get(want, "bins"), b, bin)
        CHECK_MSG(json_integer_value(bin) == (long long)s.bins[b], "%s: bin %zu holds %llu", name,
                  b, (unsigned long long)s.bins[b]);
  }
}

TEST(stats, put_one_value_into_one_bin) {
  oi_stats s;
  open_cases();
  CHECK_INT(oi_stats_of(room, m, (uint32_t)(oi_model_tensor_id(m, "same")), NULL, NULL, &s), 0);
  CHECK_INT(s.bins[OI_STATS_BINS / 2], 9);
  CHECK(s.deviation == 0 && s.min == 0.25 && s.max == 0.25);
}

static bool until(void *user) { return --*(int *)user >= 0; }

TEST(stats, stop_when_asked) {
  oi_stats s;
  int pieces = 3;
  open_cases();
  CHECK_INT(oi_stats_of(room, m, (uint32_t)(oi_model_tensor_id(m, "long")), until, &pieces, &s),
            OINF_CANCEL);
}
