// The sampler: published numbers of its generator, the worked example, what transformers keeps.
#include "lib/rt/sample.h"
#include "tests/test.h"

#include <math.h>

enum {
  MOST = 512
};

static const float example[8] = {2.0f, 1.0f, 0.5f, 0.0f, -1.0f, 3.0f, 2.5f, -2.0f};

static uint32_t draw(oi_sampler *s, const float *logits, size_t n, float *left) {
  static uint64_t room[2 * MOST];
  CHECK(oi_sample_room(n) <= sizeof room);
  memcpy(left, logits, n * sizeof *left);
  return oi_sample(s, left, n, room);
}

TEST(sample, generator_gives_the_published_numbers) {
  static const uint64_t zero[] = {0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f};
  static const uint64_t fortytwo[] = {0xbdd732262feb6e95, 0x28efe333b266f103, 0x47526757130f9f52,
                                      0x581ce1ff0e4ae394};
  oi_sampler s;
  oi_sampler_init(&s, 0);
  for (size_t i = 0; i < 3; i++) CHECK(oi_sampler_next(&s) == zero[i]);
  oi_sampler_init(&s, 42);
  for (size_t i = 0; i < 4; i++) CHECK(oi_sampler_next(&s) == fortytwo[i]);
}

static void check_draws(oi_sampler s, const uint32_t *want, size_t n) {
  float left[8];
  for (size_t i = 0; i < n; i++) CHECK_INT(draw(&s, example, 8, left), want[i]);
}

TEST(sample, one_seed_gives_one_sequence) {
  static const uint32_t plain[] = {6, 0, 3, 5, 0, 6, 1, 6, 5, 5, 1, 5};
  static const uint32_t filtered[] = {6, 5, 5, 5, 0, 6, 5, 6, 5, 5, 5, 5};
  oi_sampler s;
  oi_sampler_init(&s, 42);
  s.temperature = 1.0;
  check_draws(s, plain, 12);
  s.temperature = 0.7, s.top_k = 4, s.top_p = 0.9;
  check_draws(s, filtered, 12);
}

TEST(sample, greedy_takes_the_lowest_id_of_equals_and_draws_nothing) {
  static const float equal[] = {-1.0f, 4.0f, 0.0f, 4.0f}, zeros[] = {-0.0f, 0.0f, -0.0f};
  const float odd[] = {NAN, -INFINITY, -NAN, -3.0f}, none[] = {NAN, NAN};
  float left[8];
  oi_sampler s;
  oi_sampler_init(&s, 7);
  CHECK_INT(draw(&s, equal, 4, left), 1);
  CHECK_INT(draw(&s, zeros, 3, left), 0);
  CHECK_INT(draw(&s, odd, 4, left), 3);
  CHECK_INT(draw(&s, none, 2, left), 0);
  CHECK_INT(s.rng, 7);
}

TEST(sample, every_draw_uses_one_number) {
  float left[8];
  oi_sampler s, other;
  oi_sampler_init(&s, 3);
  other = s;
  s.temperature = 0.5, s.top_k = 1, s.top_p = 0.5, s.min_p = 0.1;
  for (int i = 0; i < 5; i++) {
    CHECK_INT(draw(&s, example, 8, left), 5);
    oi_sampler_next(&other);
    CHECK(s.rng == other.rng);
  }
}

TEST(sample, a_copied_state_goes_on_alike) {
  float left[8];
  oi_sampler s, saved;
  oi_sampler_init(&s, 99);
  s.temperature = 1.3;
  for (int i = 0; i < 10; i++) draw(&s, example, 8, left);
  memcpy(&saved, &s, sizeof s);
  for (int i = 0; i < 50; i++)
    CHECK_INT(draw(&s, example, 8, left), draw(&saved, example, 8, left));
}

TEST(sample, ties_with_the_kth_value_are_kept) {
  static const float z[] = {1.0f, 3.0f, 2.0f, 2.0f, 2.0f, -0.0f, 0.0f};
  float left[8];
  oi_sampler s;
  oi_sampler_init(&s, 1);
  s.temperature = 1.0, s.top_k = 2;
  draw(&s, z, 7, left);
  for (size_t i = 0; i < 7; i++) CHECK_INT(isfinite(left[i]) != 0, i >= 1 && i <= 4);
  s.top_k = 6;
  draw(&s, z, 7, left);
  for (size_t i = 0; i < 7; i++) CHECK(isfinite(left[i]));
}

TEST(sample, nucleus_prefers_the_lower_of_equal_ids) {
  static const float z[] = {1.0f, 1.0f, 1.0f, 1.0f};
  float left[8];
  oi_sampler s;
  oi_sampler_init(&s, 1);
  s.temperature = 1.0, s.top_p = 0.4;
  draw(&s, z, 4, left);
  for (size_t i = 0; i < 4; i++) CHECK_INT(isfinite(left[i]) != 0, i < 2);
}

TEST(sample, odd_logits_and_settings_are_survived) {
  const float odd[] = {NAN, INFINITY, -INFINITY, 1e38f, -1e38f, INFINITY};
  const double ts[] = {1e-300, 1e-30, 1.0, 1e30, (double)INFINITY, (double)NAN, -1.0};
  float left[8];
  for (size_t t = 0; t < sizeof ts / sizeof *ts; t++) {
    oi_sampler s;
    oi_sampler_init(&s, t);
    s.temperature = ts[t], s.top_k = 3, s.top_p = t % 2 ? 0.0 : 0.7;
    CHECK(draw(&s, odd, 6, left) < 6);
    if (t == 2) CHECK(isinf(left[1]) && left[1] > 0);
  }
}

// Counts of many draws against the probabilities of the worked example, within five sigma.
TEST(sample, draws_follow_the_probabilities) {
  static const double p[8] = {.162299, .059707, .036214, .021965,
                              .008080, .441176, .267587, .002973};
  enum {
    N = 100000
  };
  float left[8];
  double count[8] = {0};
  oi_sampler s;
  oi_sampler_init(&s, 5);
  s.temperature = 1.0;
  for (int i = 0; i < N; i++) count[draw(&s, example, 8, left)]++;
  for (int i = 0; i < 8; i++) CHECK(fabs(count[i] - N * p[i]) < 5 * sqrt(N * p[i] * (1 - p[i])));
}

static size_t read_row(FILE *f, float *row) {
  static char line[1 << 14];
  size_t n = 0;
  CHECK(fgets(line, sizeof line, f));
  for (char *at = line, *end; n < MOST; at = end) {
    long v = strtol(at, &end, 10);
    if (end == at) break;
    row[n++] = (float)v / 8.0f;
  }
  return n;
}

TEST(sample, filters_keep_what_transformers_keeps) {
  FILE *f = fopen("tests/data/sample/vectors.txt", "r");
  CHECK(f);
  static char line[1 << 10];
  int cases = 0;
  while (fgets(line, sizeof line, f)) {
    static float row[MOST], left[MOST];
    char kept[MOST + 2];
    oi_sampler s;
    oi_sampler_init(&s, 1);
    CHECK_INT(sscanf(line, "%lf %u %lf %lf", &s.temperature, &s.top_k, &s.top_p, &s.min_p), 4);
    size_t n = read_row(f, row);
    CHECK(fgets(kept, sizeof kept, f));
    uint32_t id = draw(&s, row, n, left);
    CHECK(kept[id] == '1');
    for (size_t i = 0; i < n; i++)
      CHECK_MSG((isfinite(left[i]) != 0) == (kept[i] == '1'), "case %d, id %zu", cases, i);
    cases++;
  }
  fclose(f);
  CHECK_INT(cases, 200);
}

// ---- penalties ----

TEST(sample, penalties_are_those_of_the_worked_example) {
  static const uint32_t ids[] = {4, 5, 5};
  static uint64_t room[16];
  float z[8];
  memcpy(z, example, sizeof z);
  oi_penalize(&(oi_penalties){.repetition = 1.3}, z, 8, ids, 3, 3, room);
  CHECK(z[4] == -1.3f && fabsf(z[5] - 2.307692f) < 1e-6f && z[6] == 2.5f && z[0] == 2.0f);
  memcpy(z, example, sizeof z);
  oi_penalize(&(oi_penalties){1, 0.25, 0.5}, z, 8, ids, 3, 1, room);
  CHECK(z[4] == -1.0f && z[5] == 3.0f - 2 * 0.25f - 0.5f && z[6] == 2.5f);
  memcpy(z, example, sizeof z);
  oi_penalize(&(oi_penalties){1, 0, 0}, z, 8, ids, 3, 0, room);
  CHECK(memcmp(z, example, sizeof z) == 0);
}

TEST(sample, ids_outside_the_row_are_passed_over) {
  static const uint32_t ids[] = {8, 4000000000u, 7};
  static uint64_t room[16];
  float z[8];
  memcpy(z, example, sizeof z);
  oi_penalize(&(oi_penalties){2, 0, 1}, z, 8, ids, 3, 0, room);
  CHECK(memcmp(z, example, 7 * sizeof *z) == 0 && z[7] == -5.0f);
}

static size_t read_numbers(FILE *f, double *out, size_t most) {
  static char line[1 << 14];
  size_t n = 0;
  CHECK(fgets(line, sizeof line, f));
  for (char *at = line, *end; n < most; at = end) {
    double v = strtod(at, &end);
    if (end == at) break;
    out[n++] = v;
  }
  return n;
}

TEST(sample, penalties_and_filters_in_order_are_those_of_transformers) {
  FILE *f = fopen("tests/data/sample/penalties.txt", "r");
  CHECK(f);
  static double head[8], logits[MOST], so_far[MOST], want[MOST];
  static uint64_t room[2 * MOST];
  int cases = 0;
  while (read_numbers(f, head, 8) == 8) {
    static float row[MOST];
    static uint32_t ids[MOST];
    char kept[MOST + 2];
    const size_t n = read_numbers(f, logits, MOST), n_ids = read_numbers(f, so_far, MOST);
    CHECK_INT(read_numbers(f, want, MOST), n);
    CHECK(fgets(kept, sizeof kept, f));
    for (size_t i = 0; i < n; i++) row[i] = (float)logits[i] / 8.0f;
    for (size_t i = 0; i < n_ids; i++) ids[i] = (uint32_t)so_far[i];
    oi_penalize(&(oi_penalties){head[0], head[1], head[2]}, row, n, ids, n_ids, (size_t)head[7],
                room);
    for (size_t i = 0; i < n; i++)
      CHECK_MSG(fabs(row[i] - want[i]) <= 1e-6 * (8 + fabs(want[i])), "case %d, id %zu: %g, not %g",
                cases, i, (double)row[i], want[i]);
    oi_sampler s;
    oi_sampler_init(&s, 1);
    s.temperature = head[3], s.top_k = (uint32_t)head[4], s.top_p = head[5], s.min_p = head[6];
    CHECK(kept[oi_sample(&s, row, n, room)] == '1');
    for (size_t i = 0; i < n; i++)
      CHECK_MSG((isfinite(row[i]) != 0) == (kept[i] == '1'), "case %d, id %zu", cases, i);
    cases++;
    if (feof(f)) break;
    const int c = fgetc(f);
    if (c == EOF) break;
    ungetc(c, f);
  }
  fclose(f);
  CHECK_INT(cases, 200);
}
