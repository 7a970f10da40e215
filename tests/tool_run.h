// Tools run as their users run them: a command line, its exit code, and what went to which stream.
#ifndef OINF_TESTS_TOOL_RUN_H
#define OINF_TESTS_TOOL_RUN_H
#include <sys/types.h>

#include "tests/conversion.h"
#include "tests/test.h"

extern char tool_out[1 << 16], tool_err[1 << 14];  // of the run that ended last
// The words of a command line, separated by spaces; what starts with ~ lies in the test's folder.
// Gives the exit code; a signal fails the test.
int tool_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
pid_t tool_start(const char *const *args, int to);  // standard output goes to file descriptor `to`
int tool_ended(pid_t pid);
void tool_read(const char *path, char *to, size_t room);
// Nothing on standard output, one line on standard error that says `word`.
void tool_says(const char *tool, const char *word);
// A folder with one of the made checkpoints, and the package ~m.oinf of a small language model.
void tool_folder(const char *file, const char *name);
void tool_package(void);
void tool_other(void);  // ~other.oinf: one bit of blk.1's ffn_up weight is flipped under its goldens

#define EXPECT(code, ...)                                                           \
  do {                                                                              \
    const int code_ = tool_run(__VA_ARGS__);                                        \
    CHECK_MSG(code_ == (code), "ended with %d, not %d: %s", code_, code, tool_err); \
  } while (0)

#define REFUSED(code, tool, word, ...)  \
  do {                                  \
    EXPECT(code, tool " " __VA_ARGS__); \
    tool_says(tool, word);              \
  } while (0)

#endif
