// A model's file that is cut, or written to, while oinf-sim runs: the tool ends with 74 or 65 and a
// line, whether the weights are mapped or read, and never by a signal.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim_world.h"

enum {
  WIDE = 128,
  TALL = 8192,
  MOST_ROWS = 30000
};

// Tokens in, logits out, through two matrices of 4 MiB: they stream under the least budget.
static void write_package(const char *name) {
  world w = world_new(NULL);
  oinf_graph *g = w.graph;
  world_weight(&w, "embed", OINF_F32, VOCAB, WIDE);
  world_weight(&w, "up", OINF_F32, TALL, WIDE);
  world_weight(&w, "down", OINF_F32, TALL, WIDE);
  world_weight(&w, "head", OINF_F32, VOCAB, WIDE);
  const oinf_dim T = oinf_sym(g, "T", 1, 16), P = oinf_sym(g, "P", 0, MOST_ROWS);
  oinf_val x = oinf_gather(oinf_weight(g, "embed"), oinf_input(g, "tokens", OINF_I32, T));
  x = oinf_add(x, oinf_cast(oinf_sym_value(g, P), .to = OINF_F32));
  oinf_val y = oinf_tanh(oinf_matmul(x, oinf_weight(g, "up"), .transpose_b = true));
  oinf_val z = oinf_tanh(oinf_matmul(x, oinf_weight(g, "down"), .transpose_b = true));
  x = oinf_add(x, oinf_mean(oinf_mul(y, z), .axes = OINF_DIMS(-1), .keep = true));
  x = oinf_matmul(oinf_last(x, T), oinf_weight(g, "head"), .transpose_b = true);
  oinf_output(g, "logits", oinf_reshape(x, .shape = OINF_DIMS(VOCAB)));
  CHECK_MSG(!oinf_graph_save(g, w.model) && !oinf_model_save(w.model, world_path(name)), "%s",
            oinf_error(w.ctx));
  world_free(&w);
}

typedef struct child {
  pid_t pid;
  int out;
} child;

static child start_tool(const char *model, const char *budget) {
  char tool[512];
  int ends[2];
  const char *build = getenv("BUILD");
  snprintf(tool, sizeof tool, "%s/oinf-sim", build ? build : "build");
  if (access(tool, X_OK) != 0) SKIP("%s is not built", tool);
  CHECK(pipe(ends) == 0);
  fflush(NULL);
  const pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    const int quiet = open("/dev/null", O_WRONLY);
    if (dup2(ends[1], 1) < 0 || dup2(quiet, 2) < 0) _exit(99);
    close(ends[0]);
    if (budget)
      execl(tool, tool, model, "--tokens", "1,2,3", "--steps", "29000", "--budget", budget, NULL);
    else execl(tool, tool, model, "--tokens", "1,2,3", "--steps", "29000", NULL);
    _exit(98);
  }
  close(ends[1]);
  return (child){pid, ends[0]};
}

// Its exit code, once it is in the middle of its answer and `change` was done to the file.
static int changed(const char *budget, void change(const char *path)) {
  const char *path = world_path("changed.oinf");
  char some[64];
  int status;
  write_package("changed.oinf");
  const child c = start_tool(path, budget);
  CHECK(read(c.out, some, 8) > 0);
  change(path);
  while (read(c.out, some, sizeof some) > 0) continue;
  close(c.out);
  CHECK(waitpid(c.pid, &status, 0) == c.pid);
  CHECK_MSG(WIFEXITED(status), "ended by signal %d", WTERMSIG(status));
  return WEXITSTATUS(status);
}

static void cut_in_half(const char *path) {
  struct stat st;
  CHECK(stat(path, &st) == 0 && truncate(path, st.st_size / 2) == 0);
}
static void cut_to_nothing(const char *path) { CHECK(truncate(path, 0) == 0); }
static void write_over(const char *path) {
  static const char zeros[1 << 16];
  const int fd = open(path, O_WRONLY);
  CHECK(fd >= 0 && pwrite(fd, zeros, sizeof zeros, 3 << 20) == (ssize_t)sizeof zeros);
  close(fd);
}

TEST(changed, a_file_that_is_cut_ends_the_run_with_74) {
  CHECK_INT(changed(NULL, cut_in_half), 74);
  CHECK_INT(changed("min", cut_in_half), 74);
  CHECK_INT(changed(NULL, cut_to_nothing), 74);
  CHECK_INT(changed("7M", cut_to_nothing), 74);
}

TEST(changed, a_file_that_is_written_to_ends_the_run_with_65) {
  CHECK_INT(changed(NULL, write_over), 65);
  CHECK_INT(changed("min", write_over), 65);
  CHECK_INT(changed("64M", write_over), 65);
}
