// The main program of every test binary: runs the registered tests in order of their names.
#include "tests/test.h"

#include <ftw.h>
#include <stdarg.h>
#include <unistd.h>

oi_test *oi_tests;
static jmp_buf leave;
static bool was_skipped;
static char scratch[64];

void oi_test_add(oi_test *t) {
  oi_test **at = &oi_tests;
  while (*at && strcmp((*at)->name, t->name) < 0) at = &(*at)->next;
  t->next = *at, *at = t;
}

void oi_test_end(bool skipped, const char *file, int line, const char *format, ...) {
  va_list args;
  va_start(args, format);
  printf("%s %s:%d: ", skipped ? "SKIPPED" : "FAILED", file, line);
  vprintf(format, args);
  printf("\n");
  va_end(args);
  was_skipped = skipped;
  longjmp(leave, 1);
}

const char *oi_test_corpus(const char *path) {
  static char full[4][4096];
  static int turn;
  const char *root = getenv("OINF_CORPUS");
  if (!root || !*root) SKIP("OINF_CORPUS is not set, and '%s' is wanted", path);
  turn = (turn + 1) % 4;
  snprintf(full[turn], sizeof full[turn], "%s/%s", root, path);
  if (access(full[turn], R_OK) != 0) SKIP("'%s' is not there", full[turn]);
  return full[turn];
}

static int unlink_one(const char *path, const struct stat *st, int kind, struct FTW *ftw) {
  (void)st, (void)kind, (void)ftw;
  return remove(path);
}

static void remove_scratch(void) {
  if (scratch[0]) nftw(scratch, unlink_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *oi_test_dir(void) {
  if (!scratch[0]) {
    snprintf(scratch, sizeof scratch, "/tmp/oinf-test-XXXXXX");
    if (!mkdtemp(scratch)) SKIP("no scratch folder under /tmp");
    atexit(remove_scratch);
  }
  return scratch;
}

char *oi_test_slurp(const char *path, size_t *out_n) {
  FILE *f = fopen(path, "rb");
  CHECK_MSG(f && fseek(f, 0, SEEK_END) == 0, "cannot open '%s'", path);
  const long n = ftell(f);
  rewind(f);
  char *bytes = calloc(1, (size_t)n + 1);
  CHECK_MSG(bytes && fread(bytes, 1, (size_t)n, f) == (size_t)n, "cannot read '%s'", path);
  fclose(f);
  if (out_n) *out_n = (size_t)n;
  return bytes;
}

bool oi_test_soak(void) { return getenv("SOAK") != NULL; }

int main(int argc, char **argv) {
  static int passed, failed, skipped;
  setvbuf(stdout, NULL, _IOLBF, 0);
  static oi_test *t;  // static, as longjmp leaves automatic variables undefined
  for (t = oi_tests; t; t = t->next) {
    if (argc > 1 && !strstr(t->name, argv[1])) continue;
    if (setjmp(leave) == 0) {
      t->run();
      passed++;
    } else if (was_skipped) {
      printf("skipped %s\n", t->name), skipped++;
    } else {
      printf("failed  %s\n", t->name), failed++;
    }
  }
  printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
  return failed != 0;
}
