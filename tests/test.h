// A test program in one header: TEST(unit, does_what) { CHECK(...); } and nothing else.
// Every test registers itself before main runs; `test_unit NAME` runs the tests whose names contain NAME,
// without a name all run. The closing line of each program is `N passed, N failed, N skipped`.
// A failed CHECK is said with file, line and text, and ends its test. SKIP says why, loudly.
#ifndef OINF_TESTS_TEST_H
#define OINF_TESTS_TEST_H
#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct oi_test {
  const char *name;
  void (*run)(void);
  struct oi_test *next;
} oi_test;
extern oi_test *oi_tests;
void oi_test_add(oi_test *t);
_Noreturn void oi_test_end(bool skipped, const char *file, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
const char *oi_test_corpus(const char *path);  // OINF_CORPUS/path; skips the test where there is none
const char *oi_test_dir(void);                 // a fresh empty folder, removed when the program ends
char *oi_test_slurp(const char *path, size_t *out_n);  // a whole file and a NUL; freed by the caller
bool oi_test_soak(void);                       // true under `make soak`

#define TEST(unit, what)                                                      \
  static void test_##unit##_##what(void);                                     \
  __attribute__((constructor)) static void add_##unit##_##what(void) {        \
    static oi_test t = {#unit "." #what, test_##unit##_##what, NULL};         \
    oi_test_add(&t);                                                          \
  }                                                                           \
  static void test_##unit##_##what(void)
#define CHECK(cond) \
  do { if (!(cond)) oi_test_end(false, __FILE__, __LINE__, "%s", #cond); } while (0)
#define CHECK_MSG(cond, ...) \
  do { if (!(cond)) oi_test_end(false, __FILE__, __LINE__, __VA_ARGS__); } while (0)
#define CHECK_INT(have, want)                                                            \
  do {                                                                                   \
    long long h_ = (long long)(have), w_ = (long long)(want);                            \
    if (h_ != w_)                                                                        \
      oi_test_end(false, __FILE__, __LINE__, "%s is %lld, not %lld", #have, h_, w_);     \
  } while (0)
#define CHECK_STR(have, want)                                                            \
  do {                                                                                   \
    const char *h_ = (have), *w_ = (want);                                               \
    if (!h_ || strcmp(h_, w_) != 0)                                                      \
      oi_test_end(false, __FILE__, __LINE__, "%s is '%s', not '%s'", #have, h_ ? h_ : "(null)", w_); \
  } while (0)
#define SKIP(...) oi_test_end(true, __FILE__, __LINE__, __VA_ARGS__)
#endif
