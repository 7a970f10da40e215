// The pool of threads: every index once and by one thread, whatever the sizes; tiny loops one
// behind the other, with sleeps between them; and no core burnt while nothing is to be done. Clean
// under ThreadSanitizer.
#include "lib/rt/cpu.h"
#include "lib/rt/threads.h"
#include "tests/test.h"

#include <stdatomic.h>
#include <time.h>

enum { MOST = 4096 };
typedef struct job {
  int hits[MOST];  // not atomic on purpose: two threads on one index are a race that a tool sees
  int64_t n, piece;
  int workers, burn;
  atomic_int bad, shared;
} job;

static void count_hits(void *arg, int64_t begin, int64_t end, int worker) {
  job *j = arg;
  if (begin < 0 || end > j->n || begin >= end || end - begin > j->piece || worker < 0 ||
      worker >= j->workers)
    atomic_fetch_add(&j->bad, 1);
  else
    for (int64_t i = begin; i < end; i++) {
      for (volatile int turn = 0; turn < j->burn; turn++) continue;
      j->hits[i]++;
      if (worker > 0) atomic_fetch_add(&j->shared, 1);
    }
}

static void check_loop(oi_threads *t, job *j, int64_t n, int64_t piece) {
  memset(j->hits, 0, sizeof j->hits);
  j->n = n, j->piece = piece, j->workers = oi_threads_count(t);
  oi_threads_run(t, n, piece, count_hits, j);
  CHECK_INT(atomic_load(&j->bad), 0);
  for (int64_t i = 0; i < MOST; i++) CHECK_INT(j->hits[i], i < n);
}

TEST(threads, runs_every_index_once) {
  static job j;
  static const int counts[] = {1, 2, 5};
  static const int64_t sizes[] = {0, 1, 2, 3, 17, 100, 4096}, pieces[] = {1, 2, 7, 64, 5000};
  check_loop(NULL, &j, 100, 7);
  for (int c = 0; c < 3; c++) {
    oi_threads *t = oi_threads_start(counts[c]);
    CHECK(t != NULL);
    CHECK_INT(oi_threads_count(t), counts[c]);
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
      for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
        check_loop(t, &j, sizes[s], pieces[p]);
    oi_threads_stop(t);
  }
}

static void nap(long ns) { nanosleep(&(struct timespec){.tv_nsec = ns}, NULL); }

// Loops of a few tiny pieces in quick succession, now and then with a pause long enough for
// everybody to fall asleep.
TEST(threads, survives_many_tiny_loops) {
  static job j;
  const int loops = oi_test_soak() ? 200000 : 4000;
  oi_threads *t = oi_threads_start(5);
  CHECK(t != NULL);
  j.workers = 5, j.piece = 1, j.n = 6;
  memset(j.hits, 0, sizeof j.hits);
  for (int i = 0; i < loops; i++) {
    j.burn = i % 3 * 500;  // about a microsecond
    oi_threads_run(t, j.n, 1, count_hits, &j);
    if (i % 256 == 0) nap(300000);
  }
  for (int i = 0; i < 6; i++) CHECK_INT(j.hits[i], loops);
  CHECK_INT(atomic_load(&j.bad), 0);
  CHECK(atomic_load(&j.shared) > 0);
  oi_threads_stop(t);
}

TEST(threads, starts_and_stops_without_a_loop) {
  for (int i = 0; i < 20; i++) oi_threads_stop(oi_threads_start(1 + i % 4));
  oi_threads_stop(NULL);
  oi_threads *t = oi_threads_start(-3);
  CHECK_INT(oi_threads_count(t), 1);
  oi_threads_stop(t);
}

static void slow_piece(void *arg, int64_t begin, int64_t end, int worker) {
  (void)arg, (void)end, (void)worker;
  if (begin == 0) nap(20000000);
}

// Waiting for work, and for the last piece of another, burns next to nothing.
TEST(threads, sleeps_instead_of_spinning) {
  oi_threads *t = oi_threads_start(4);
  CHECK(t != NULL);
  nap(5000000);
  clock_t start = clock();
  for (int i = 0; i < 5; i++) oi_threads_run(t, 4, 1, slow_piece, NULL);
  nap(50000000);
  double burnt = (double)(clock() - start) / CLOCKS_PER_SEC;
  CHECK_MSG(burnt < 0.05, "%.3f s of processor time went into waiting", burnt);
  oi_threads_stop(t);
}

TEST(cpu, is_limited_by_the_environment) {
  const char *before = getenv("OINF_CPU");
  char kept[32] = "";
  if (before) snprintf(kept, sizeof kept, "%s", before);
  unsetenv("OINF_CPU");
  oi_cpu best = oi_cpu_level();
  CHECK(best >= OI_CPU_PLAIN);
  setenv("OINF_CPU", "plain", 1);
  CHECK_INT(oi_cpu_level(), OI_CPU_PLAIN);
  setenv("OINF_CPU", "amx", 1);
  CHECK_INT(oi_cpu_level(), best);
  setenv("OINF_CPU", "fastest", 1);
  CHECK_INT(oi_cpu_level(), OI_CPU_UNKNOWN);
  CHECK_STR(oi_cpu_name(OI_CPU_AVX512), "avx512");
  CHECK(oi_cpu_has(OI_CPU_PLAIN) && oi_cpu_has(best));
  CHECK(oi_cpu_has(OI_CPU_NEON) != (best == OI_CPU_PLAIN || best >= OI_CPU_AVX2));
  if (*kept)
    setenv("OINF_CPU", kept, 1);
  else
    unsetenv("OINF_CPU");
}
