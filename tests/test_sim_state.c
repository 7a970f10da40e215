// Saved states: what is resumed goes on with the same bits, and a file that is not this model's, or
// not whole, is refused before any state is touched.
#include <sys/stat.h>
#include <unistd.h>

#include "lib/rt/sha256.h"
#include "tests/sim_world.h"

typedef struct bytes {
  uint8_t *at;
  size_t n;
} bytes;

static bytes slurp(const char *path) {
  bytes b;
  b.at = (uint8_t *)oi_test_slurp(path, &b.n);
  return b;
}

static void spit(const char *path, const void *at, size_t n) {
  FILE *f = fopen(path, "wb");
  CHECK(f && fwrite(at, 1, n, f) == n && fclose(f) == 0);
}

static int64_t load(oinf_sim *s, const char *path) {
  int64_t rows = -1;
  SIM_OK(s, oinf_sim_load(s, path, &rows, NULL, NULL));
  return rows;
}

TEST(state, what_is_resumed_goes_on_with_the_same_bits) {
  world w = world_new(NULL);
  world_decoder(&w);
  world_package(&w, "resume.oinf");
  const char *path = world_path("state");
  oinf_sim *s = world_sim(&w, NULL);
  world_step(s, 0, 5);
  world_step(s, 5, 6);
  SIM_OK(s, oinf_sim_save(s, 6, "caller's own", 12, path));
  const uint64_t want[2] = {world_step(s, 6, 9), world_step(s, 9, 10)};
  oinf_sim_destroy(s);
  // In a simulation of another capacity and budget, and over rows that it has written itself.
  s = world_sim(&w, &(oinf_sim_desc){.capacity = 11, .budget = OINF_BUDGET_MIN, .threads = 2});
  world_step(s, 0, 8);
  const void *extra;
  size_t size;
  int64_t rows;
  SIM_OK(s, oinf_sim_load(s, path, &rows, &extra, &size));
  CHECK_INT(rows, 6);
  CHECK(size == 12 && memcmp(extra, "caller's own", 12) == 0);
  CHECK(world_step(s, 6, 9) == want[0]);
  CHECK(world_step(s, 9, 10) == want[1]);
  CHECK_INT(load(s, path), 6);
  CHECK(world_step(s, 6, 9) == want[0]);
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(state, a_state_that_is_overwritten_is_saved_whole) {
  world w = world_new(NULL);
  world_rnn(&w);
  const char *path = world_path("rnn-state");
  const float x[4] = {1, 2, 3, 4};
  const int64_t dims[2] = {1, 4};
  oinf_sim *s = world_sim(&w, NULL);
  for (int i = 0; i < 3; i++) {
    SIM_OK(s, oinf_sim_bind(s, "x", x, OINF_F32, 2, dims));
    SIM_OK(s, oinf_sim_end(s));
  }
  SIM_OK(s, oinf_sim_save(s, 3, NULL, 0, path));
  SIM_OK(s, oinf_sim_bind(s, "x", x, OINF_F32, 2, dims));
  const uint64_t want = world_hash(s, "y");
  SIM_REFUSED(s, oinf_sim_save(s, 3, NULL, 0, path), OINF_USAGE, "between steps");
  int64_t rows;
  SIM_REFUSED(s, oinf_sim_load(s, path, &rows, NULL, NULL), OINF_USAGE, "between steps");
  SIM_OK(s, oinf_sim_end(s));
  CHECK_INT(load(s, path), 3);
  SIM_OK(s, oinf_sim_bind(s, "x", x, OINF_F32, 2, dims));
  CHECK(world_hash(s, "y") == want);
  oinf_sim_destroy(s);
  world_free(&w);
}

// The decoder's saved state at `path`, with an extra of 5 bytes; the simulation that saved it.
static oinf_sim *saved(world *w, const char *path) {
  *w = world_new(NULL);
  world_decoder(w);
  world_package(w, "saved.oinf");
  oinf_sim *s = world_sim(w, NULL);
  world_step(s, 0, 3);
  SIM_OK(s, oinf_sim_save(s, 3, "extra", 5, path));
  return s;
}

static bool is_refused(oinf_sim *s, const char *path) {
  int64_t rows = -7;
  const oinf_status status = oinf_sim_load(s, path, &rows, NULL, NULL);
  CHECK(rows == -7 && oinf_sim_error(s)[0]);
  return oinf_status_exit(status) == 65;
}

TEST(state, every_damaged_byte_and_every_cut_is_refused) {
  world w;
  const char *path = world_path("damaged");
  oinf_sim *s = saved(&w, path);
  const bytes b = slurp(path);
  const size_t stride = oi_test_soak() ? 1 : 7;
  for (size_t i = 0; i < b.n; i += stride) {
    b.at[i] ^= 0x10;
    spit(path, b.at, b.n);
    CHECK_MSG(is_refused(s, path), "byte %zu: %s", i, oinf_sim_error(s));
    b.at[i] ^= 0x10;
    spit(path, b.at, i);
    CHECK_MSG(is_refused(s, path), "cut at %zu: %s", i, oinf_sim_error(s));
  }
  spit(path, b.at, b.n);
  oinf_sim *t = world_sim(&w, NULL);
  CHECK_INT(load(t, path), 3);
  CHECK(world_step(s, 3, 5) == world_step(t, 3, 5));  // nothing of the damaged ones was taken over
  free(b.at);
  oinf_sim_destroy(s), oinf_sim_destroy(t);
  world_free(&w);
}

// A file that was made to deceive has a right digest.
static void sign(bytes b) {
  oi_sha256 sha;
  oi_sha256_init(&sha, oi_sha256_best());
  oi_sha256_add(&sha, b.at, b.n - 32);
  oi_sha256_end(&sha, b.at + b.n - 32);
}

TEST(state, a_forged_file_is_refused) {
  static const struct {
    size_t at;
    uint64_t value;
    const char *word;
  } forged[] = {
      {8, 2, "version"},
      {12, 7, "number of states"},
      {12, UINT32_MAX, "number of states"},
      {16, 99, "another model"},
      {48, UINT64_MAX, "cut"},
      {48, 5, "shape"},
      {48, 1000, "capacity"},
      {56, UINT64_MAX, "cut"},
      {56, UINT64_MAX - 7, "cut"},
      {56, 4096, "cut"},
      {64, 'z', "name"},
      {64 + 480, 3, "dtype"},
      {64 + 484, 9, "shape"},
      {64 + 496, 1 << 20, "shape"},
      {64 + 552, 8, "shape"},
      {64 + 560, 1, "not in it"},
      {64 + 568, 1, "shape"},
  };
  world w;
  const char *path = world_path("forged");
  oinf_sim *s = saved(&w, path);
  const bytes b = slurp(path);
  for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
    uint8_t kept[8];
    const size_t size =
        forged[i].at < 16 || forged[i].at == 64 + 480 || forged[i].at == 64 + 484 ? 4 : 8;
    memcpy(kept, b.at + forged[i].at, 8);
    memcpy(b.at + forged[i].at, &forged[i].value, size);
    sign(b);
    spit(path, b.at, b.n);
    int64_t rows;
    const oinf_status status = oinf_sim_load(s, path, &rows, NULL, NULL);
    CHECK_MSG(
        status != OINF_OK && status != OINF_CORRUPT && strstr(oinf_sim_error(s), forged[i].word),
        "%zu = %llu: %s", forged[i].at, (unsigned long long)forged[i].value, oinf_sim_error(s));
    memcpy(b.at + forged[i].at, kept, 8);
  }
  free(b.at);
  oinf_sim_destroy(s);
  world_free(&w);
}

TEST(state, other_models_and_other_files_are_refused) {
  world w, other = world_new(NULL);
  const char *path = world_path("other");
  oinf_sim *s = saved(&w, path);
  world_weight(&other, "more", OINF_F32, 3, 0);
  world_decoder(&other);
  world_package(&other, "other.oinf");
  oinf_sim *t = world_sim(&other, NULL), *small = world_sim(&w, &(oinf_sim_desc){.capacity = 2});
  int64_t rows;
  SIM_REFUSED(t, oinf_sim_load(t, path, &rows, NULL, NULL), OINF_FORMAT, "another model");
  SIM_REFUSED(small, oinf_sim_load(small, path, &rows, NULL, NULL), OINF_USAGE,
              "the capacity is 2");
  CHECK(oinf_sim_load(s, oi_test_dir(), &rows, NULL, NULL) != OINF_OK);
  CHECK_INT(oinf_status_exit(oinf_sim_load(s, world_path("absent"), &rows, NULL, NULL)), 66);
  CHECK(is_refused(s, world_path("saved.oinf")));
  spit(path, "", 0);
  CHECK(is_refused(s, path));
  CHECK_INT(oinf_status_exit(oinf_sim_save(s, 3, NULL, 0, world_path("no/such/folder"))), 73);
  SIM_REFUSED(s, oinf_sim_save(s, -1, NULL, 0, path), OINF_USAGE, "-1 rows");
  SIM_REFUSED(s, oinf_sim_save(s, 99, NULL, 0, path), OINF_USAGE, "16 rows, not 99");
  world_step(s, 3, 4);
  oinf_sim_destroy(s), oinf_sim_destroy(t), oinf_sim_destroy(small);
  world_free(&w), world_free(&other);
}
