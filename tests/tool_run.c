// See tool_run.h.
#include "tests/tool_run.h"

#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include "formats/oinf.h"
#include "tests/checkpoint.h"

extern char **environ;
char tool_out[1 << 16], tool_err[1 << 14];

// ---- running a tool ----

static const char *tool_path(const char *tool) {
  static char full[512];
  const char *build = getenv("BUILD");
  snprintf(full, sizeof full, "%s/%s", build ? build : "build", tool);
  if (access(full, X_OK) != 0) SKIP("%s is not built", full);
  return full;
}

void tool_read(const char *path, char *to, size_t room) {
  FILE *f = fopen(path, "rb");
  CHECK(f);
  const size_t n = fread(to, 1, room - 1, f);
  to[n] = 0;
  fclose(f);
}

pid_t tool_start(const char *const *args, int to) {
  char log[300];
  const char *path = tool_path(args[0]);
  snprintf(log, sizeof log, "%s/err.txt", oi_test_dir());
  fflush(NULL);
  const pid_t pid = fork();
  if (pid) return pid;
  if (dup2(to, 1) < 0 || !freopen(log, "wb", stderr)) _exit(99);
  execve(path, (char *const *)(uintptr_t)args, environ);
  _exit(98);
}

int tool_ended(pid_t pid) {
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK_MSG(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
  tool_read(oi_cv_path("err.txt"), tool_err, sizeof tool_err);
  return WEXITSTATUS(status);
}

int tool_run(const char *format, ...) {
  static char line[4096], words[32][512];
  const char *args[33] = {NULL};
  size_t n = 0;
  va_list list;
  va_start(list, format);
  vsnprintf(line, sizeof line, format, list);
  va_end(list);
  for (char *save, *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
    if (*word == '~') snprintf(words[n], sizeof words[n], "%s/%s", oi_test_dir(), word + 1);
    else snprintf(words[n], sizeof words[n], "%s", word);
    args[n] = words[n], n++;
  }
  FILE *f = fopen(oi_cv_path("out.txt"), "wb");
  CHECK(f);
  const pid_t pid = tool_start(args, fileno(f));
  fclose(f);
  const int code = tool_ended(pid);
  tool_read(oi_cv_path("out.txt"), tool_out, sizeof tool_out);
  return code;
}

void tool_says(const char *tool, const char *word) {
  char begin[64];
  snprintf(begin, sizeof begin, "%s: error: ", tool);
  CHECK_MSG(!*tool_out, "standard output: %.200s", tool_out);
  CHECK_MSG(strncmp(tool_err, begin, strlen(begin)) == 0 && strstr(tool_err, word), "%s", tool_err);
  const char *line = strchr(tool_err, '\n');
  CHECK_MSG(line && !line[1], "more than one line: %s", tool_err);
}
// ---- a package ----

void tool_folder(const char *file, const char *name) {
  oi_case c;
  oi_cv_clear();
  oi_case_open(oi_test_path("tests/data/llama", file), &c);
  oi_case_write(oi_cv_ctx, &c, oi_cv_path(name), NULL);
  oi_case_close(&c);
}

void tool_package(void) {
  if (access(oi_cv_path("m.oinf"), F_OK) == 0) return;
  tool_folder("llama-tied-5.json", "folder");
  EXPECT(0, "oinf-convert ~folder -o ~m.oinf");
  CHECK_MSG(!*tool_out && !*tool_err, "%s%s", tool_out, tool_err);
}

static oinf_status flipped(void *user, uint32_t tensor, uint64_t offset, void *to, uint64_t bytes) {
  oinf_model *m = user;
  OI_TRY(oi_model_read_at(m, tensor, offset, to, bytes));
  const bool it = strcmp(m->tensors.at[tensor].pub.name, "model.layers.1.mlp.up_proj.weight") == 0;
  if (it && offset == 0) *(uint8_t *)to ^= 0x80;
  return OINF_OK;
}

void tool_other(void) {
  oi_cv_clear();
  oinf_model *m = oi_cv_open(oi_cv_path("m.oinf"));
  const oi_oinf_fill f = {.fill = flipped, .user = m};
  CHECK_MSG(oi_oinf_write(m, oi_cv_path("other.oinf"), &f) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
  oinf_model_destroy(m);
}
