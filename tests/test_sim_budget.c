// Budgets: weights of several MiB come through windows and rings of every size there is, and no bit
// of a result tells. What is allocated is what the figures say, and what is read is no more.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/sim_world.h"

enum {
  MIB = 1 << 20,
  K = 96,
  N = WIDE_ROWS,
  PICKS = WIDE_PICKS
};

enum {
  OUTPUTS = 8
};
static const char *const names[OUTPUTS] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static void bind_picks(oinf_sim *s, int64_t n) {
  static int32_t picks[PICKS];
  for (int i = 0; i < PICKS; i++) picks[i] = (i * 1237 + 11) % N;
  SIM_OK(s, oinf_sim_bind(s, "pick", picks, OINF_I32, 1, &n));
}

static uint64_t all_outputs(oinf_sim *s, int64_t n) {
  uint64_t sum = 0;
  bind_picks(s, n);
  SIM_OK(s, oinf_sim_fetch_glob(s, "[a-h]", NULL, NULL));
  for (int i = 0; i < OUTPUTS; i++) sum = sum * 31 + world_hash(s, names[i]);
  SIM_OK(s, oinf_sim_end(s));
  return sum;
}

static uint64_t bytes_read(oinf_sim *s) {
  oi_pager_stop(s->pager);  // what is being read ahead counts too
  return oi_pager_bytes_read(s->pager);
}

TEST(budget, every_window_gives_the_same_bits) {
  world w = world_new(NULL);
  oinf_sim_plan none, p;
  world_wide(&w);
  oinf_sim *s = world_sim(&w, NULL);
  const uint64_t want = all_outputs(s, PICKS), one = all_outputs(s, 1);
  oinf_sim_destroy(s);
  world_package(&w, "wide.oinf");
  s = world_sim(&w, NULL);
  CHECK(all_outputs(s, PICKS) == want && bytes_read(s) == 0);
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.threads = 3});  // each thread takes room of its own
  SIM_OK(s, oinf_sim_figures(s, NULL, &none));
  oinf_sim_destroy(s);
  for (uint64_t more = 0; more < 12 * MIB; more += oi_test_soak() ? 100000 : 1300000) {
    s = world_sim(&w,
                  &(oinf_sim_desc){.budget = none.smallest + more, .threads = (int)(more % 3) + 1});
    SIM_OK(s, oinf_sim_figures(s, NULL, &p));
    CHECK(p.smallest <= none.smallest);
    CHECK(all_outputs(s, PICKS) == want);
    CHECK(oi_sim_allocated(s) <= p.peak && p.peak <= none.smallest + more);
    const uint64_t before = bytes_read(s);
    CHECK(all_outputs(s, 1) == one);
    CHECK(all_outputs(s, PICKS) == want);
    CHECK_MSG(bytes_read(s) - before <= 2 * p.read_per_step + 3 * (uint64_t)s->home.slot * MIB,
              "%d bytes read in two steps, stated %d a step", (int)(bytes_read(s) - before),
              (int)p.read_per_step);
    oinf_sim_destroy(s);
  }
  world_free(&w);
}

TEST(budget, below_the_smallest_is_refused_with_the_figure) {
  world w = world_new(NULL);
  oinf_sim_plan none, least;
  oinf_sim *s = NULL;
  char figure[32];
  world_wide(&w);
  world_package(&w, "least.oinf");
  s = world_sim(&w, NULL);
  SIM_OK(s, oinf_sim_figures(s, NULL, &none));
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
  SIM_OK(s, oinf_sim_figures(s, NULL, &least));
  oinf_sim_destroy(s);
  CHECK_INT(least.smallest, none.smallest);
  CHECK_INT(least.peak, none.smallest);
  snprintf(figure, sizeof figure, "%llu", (unsigned long long)none.smallest);
  for (uint64_t less = 1; less < none.smallest - 2; less = less * 5 + 1) {
    s = NULL;
    const oinf_sim_desc d = {.budget = none.smallest - less};
    CHECK_INT(oinf_sim_create(w.model, w.graph, &d, &s), OINF_BUDGET);
    CHECK_MSG(strstr(oinf_error(w.ctx), figure) && !s, "%s", oinf_error(w.ctx));
    oinf_error_clear(w.ctx);
  }
  world_free(&w);
}

TEST(budget, a_value_reads_the_pages_that_it_needs_alone) {
  world w = world_new(NULL);
  oinf_array a;
  world_wide(&w);
  world_package(&w, "alone.oinf");
  oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
  bind_picks(s, 1);
  SIM_OK(s, oinf_sim_fetch(s, "g", &a));
  CHECK(bytes_read(s) <= 2 * MIB);
  SIM_OK(s, oinf_sim_fetch(s, "x", &a));
  CHECK(bytes_read(s) <= 6 * MIB);
  SIM_OK(s, oinf_sim_abandon(s));
  oinf_sim_destroy(s);
  world_free(&w);
}

// What is held of several fetches counts, and a plan that would not fit is refused by itself.
TEST(budget, values_that_are_kept_are_counted) {
  enum {
    BIG = 8000
  };
  world w = world_new(NULL);
  oinf_sim_plan p;
  oinf_array a;
  oinf_graph *g = w.graph;
  world_weight(&w, "rows", OINF_F32, 1000, K);
  oinf_val x = oinf_input(g, "x", OINF_F32, BIG, K), y = oinf_neg(x);
  for (int i = 0; i < 8; i++) {
    char name[16];
    snprintf(name, sizeof name, "v%d", i);
    y = oinf_name(oinf_neg(y), name);
  }
  oinf_output(g, "y", oinf_sum(oinf_matmul(y, oinf_weight(g, "rows"), .transpose_b = true)));
  world_package(&w, "kept.oinf");
  oinf_sim *s = world_sim(&w, NULL);
  SIM_OK(s, oinf_sim_figures(s, NULL, &p));
  oinf_sim_destroy(s);
  static float data[BIG * K];
  const int64_t dims[2] = {BIG, K};
  const uint64_t budget = p.smallest + 3 * sizeof data + 100;
  s = world_sim(&w, &(oinf_sim_desc){.budget = budget});
  SIM_OK(s, oinf_sim_bind(s, "x", data, OINF_F32, 2, dims));
  for (int i = 0; i < 8; i++) {
    char name[16];
    snprintf(name, sizeof name, "v%d", i);
    if (i < 3) SIM_OK(s, oinf_sim_fetch(s, name, &a));
    if (i > 3) SIM_REFUSED(s, oinf_sim_fetch(s, name, &a), OINF_BUDGET, "too small");
    CHECK(oi_sim_allocated(s) <= budget);
  }
  SIM_OK(s, oinf_sim_fetch(s, "v1", &a));
  SIM_OK(s, oinf_sim_end(s));
  oinf_sim_destroy(s);
  world_free(&w);
}

// ---- files that change while they are in use ----

// Without a trace in the file's times: the checksum alone can tell.
static void flip_byte(const char *path, long at) {
  struct stat st;
  FILE *f = fopen(path, "r+b");
  CHECK(f && fstat(fileno(f), &st) == 0 && fseek(f, at, SEEK_SET) == 0);
  int c = fgetc(f);
  CHECK(fseek(f, at, SEEK_SET) == 0 && fputc(c ^ 1, f) != EOF && fclose(f) == 0);
  CHECK(utimensat(AT_FDCWD, path, (struct timespec[]){st.st_atim, st.st_mtim}, 0) == 0);
}

TEST(budget, a_file_that_is_cut_or_damaged_is_said_and_left_alone) {
  world w = world_new(NULL);
  oinf_array a;
  world_wide(&w);
  world_package(&w, "cut.oinf");
  const char *path = world_path("cut.oinf");
  struct stat st;
  CHECK(stat(path, &st) == 0);
  const oi_tensor *rows = &w.model->tensors.at[oi_model_tensor_id(w.model, "rows8")];
  oinf_sim *s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN});
  const uint64_t want = all_outputs(s, 2);
  flip_byte(path, (long)rows->offset + 100000);
  bind_picks(s, 2);
  SIM_REFUSED(s, oinf_sim_fetch(s, "b", &a), OINF_CORRUPT, "checksum of block");
  SIM_REFUSED(s, oinf_sim_fetch(s, "b", &a), OINF_CORRUPT, "checksum of block");
  SIM_OK(s, oinf_sim_fetch(s, "g", &a));
  flip_byte(path, (long)rows->offset + 100000);
  SIM_OK(s, oinf_sim_fetch(s, "b", &a));
  SIM_OK(s, oinf_sim_end(s));
  CHECK(all_outputs(s, 2) == want);
  s->marks[0].seconds--;  // as if it had been written to since
  bind_picks(s, 2);
  SIM_REFUSED(s, oinf_sim_fetch(s, "g", &a), OINF_CORRUPT, "was written to while in use");
  s->marks[0].seconds++;
  SIM_OK(s, oinf_sim_end(s));
  CHECK(truncate(path, (off_t)rows->offset + 1000) == 0);
  bind_picks(s, 2);
  SIM_REFUSED(s, oinf_sim_fetch(s, "b", &a), OINF_IO, "shorter");
  SIM_OK(s, oinf_sim_abandon(s));
  oinf_sim_destroy(s);
  world_free(&w);
}

// With room for everything the weights are still read: a file that is cut is a status, no signal.
TEST(budget, weights_may_be_read_instead_of_mapped) {
  world w = world_new(NULL);
  oinf_sim_plan plan;
  oinf_array a;
  world_wide(&w);
  world_package(&w, "whole.oinf");
  const char *path = world_path("whole.oinf");
  oinf_sim *s = world_sim(&w, NULL);
  const uint64_t want = all_outputs(s, PICKS);
  oinf_sim_destroy(s);
  s = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_READ});
  SIM_OK(s, oinf_sim_figures(s, NULL, &plan));
  CHECK(plan.read_per_step == 0 && plan.peak < 64 * MIB);
  CHECK(all_outputs(s, PICKS) == want);
  oinf_sim *late = world_sim(&w, &(oinf_sim_desc){.budget = OINF_BUDGET_READ});
  CHECK(truncate(path, 4096) == 0);
  bind_picks(s, PICKS);
  bind_picks(late, PICKS);
  SIM_REFUSED(s, oinf_sim_fetch(s, "a", &a), OINF_IO, "shorter");
  SIM_REFUSED(late, oinf_sim_fetch(late, "a", &a), OINF_IO, "shorter");
  oinf_sim_destroy(late);
  oinf_sim_destroy(s);
  world_free(&w);
}
