// oinf-info: what a model holds, of every format that can be opened; and whether it is whole.
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "convert/info.h"

#define OPT(field) offsetof(oi_info_opts, field)
static const oi_opt options[] = {
    {"tensors", NULL, 't', OI_OPT_FLAG, OPT(tensors),
     "a line a tensor: name dtype dims bytes, and `groups` where it is re-laid so"},
    {"stats", NULL, 's', OI_OPT_FLAG, OPT(stats),
     "reads each tensor: bounds, mean, deviation, zeros, NaNs, and a histogram"},
    {"unicode", NULL, 0, OI_OPT_FLAG, OPT(unicode), "of --stats: finer marks than ASCII has"},
    {"diff", NULL, 'd', OI_OPT_FLAG, OPT(diff),
     "what tells OTHER apart, with a pattern of tensors alone; ends with 0 or 1"},
    {"graph", NULL, 'g', OI_OPT_FLAG, OPT(graph), "the graphs' text"},
    {"plan", NULL, 'p', OI_OPT_FLAG, OPT(plan),
     "arenas, smallest budget and bytes read a step, for each variant"},
    {"budget", "SIZE", 'b', OI_OPT_TEXT, OPT(budget), "of --plan: 512M, or min"},
    {"ctx", "N", 'c', OI_OPT_COUNT, OPT(ctx), "of --plan: capacity of the states"},
    {"verify", NULL, 0, OI_OPT_FLAG, OPT(verify),
     "read everything and prove every checksum and digest"},
    {"tokenize", "TEXT|@FILE", 0, OI_OPT_TEXT, OPT(tokenize), "ids of a text, comma separated"},
    {"extract", "NAME", 'x', OI_OPT_TEXT, OPT(extract), "write a tensor or blob to -o"},
    {"output", "FILE", 'o', OI_OPT_TEXT, OPT(out), "where --extract writes: npy for a tensor"},
    {"json", NULL, 0, OI_OPT_FLAG, OPT(json), "the summary and the tensors as one JSON object"},
    {"quiet", NULL, 'q', OI_OPT_FLAG, OPT(quiet), "no notes"},
    {"verbose", NULL, 'v', OI_OPT_FLAG, OPT(verbose), "the trail of an error"},
    {"help", NULL, 'h', OI_OPT_FLAG, OPT(help), "this text"},
    {"version", NULL, 0, OI_OPT_FLAG, OPT(version), "the version"},
};
static const oi_cli cli = {"oinf-info",
                           "MODEL [PATTERN] [options], or --diff MODEL OTHER [PATTERN]",
                           "shows what a model holds",
                           "  oinf-info m.oinf --tensors\n"
                           "  oinf-info m.oinf --stats 'model.layers.0.*'\n"
                           "  oinf-info --diff m.oinf ./SmolLM2-135M '*'\n"
                           "  oinf-info ./SmolLM2-135M --tokenize \"Hello world\"\n"
                           "  oinf-info m.oinf --plan --budget 128M\n",
                           options,
                           sizeof options / sizeof *options,
                           3};

static bool quiet;
static volatile sig_atomic_t interrupted;
static void on_interrupt(int sig) { (void)sig, interrupted = 1; }

static void on_bus(int sig) {
  static const char text[] = "oinf-info: error: the file has become shorter while in use\n";
  (void)sig;
  _exit(write(2, text, sizeof text - 1) < 0 ? 74 : 74);
}

static void on_log(void *user, const char *line) {
  (void)user;
  if (!quiet) fprintf(stderr, "oinf-info: note: %s\n", line);
}

static bool on_progress(void *user, uint64_t done, uint64_t total) {
  (void)user, (void)done, (void)total;
  return !interrupted;
}

static int finish(oi_info *i, oinf_status status) {
  bool closed = false;
  const bool found = status == OINF_OK || status == OINF_DIFFERENT;
  // What was found out is shown whole or not at all.
  if (found && i->out.n) closed = fwrite(i->out.at, 1, i->out.n, stdout) != i->out.n;
  if (found && (fflush(stdout) != 0 || closed)) status = OINF_IO, closed = true;
  if (!found && !closed) oi_cli_complain(&cli, oi_ctx_err(i->ctx), status, i->o.verbose, stderr);
  oi_text_free(&i->out);
  oinf_ctx_destroy(i->ctx);
  return oinf_status_exit(status);
}

static oinf_status take_args(oi_info *i, const char *const args[3]) {
  oi_err *err = oi_ctx_err(i->ctx);
  i->other = i->o.diff ? args[1] : NULL;
  i->pattern = i->o.diff ? args[2] : args[1];
  if (i->o.diff && !i->other) return oi_fail(err, OINF_USAGE, "--diff wants two models");
  if (!i->o.diff && args[2])
    return oi_fail(err, OINF_USAGE, "'%s' is one argument too many", args[2]);
  return OINF_OK;
}

int main(int argc, char **argv) {
  oi_info i = {.progress = on_progress};
  const char *args[3] = {NULL};
  size_t n = 0;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  signal(SIGBUS, on_bus);
  if (oinf_ctx_create(&(oinf_ctx_desc){.log = on_log}, &i.ctx) != OINF_OK) return 75;
  oinf_status status = oi_cli_parse(&cli, oi_ctx_err(i.ctx), argc, argv, &i.o, args, &n);
  quiet = i.o.quiet;
  if (status == OINF_OK && (i.o.help || i.o.version))
    return oi_cli_about(&cli, i.ctx, i.o.help, stdout);
  oi_text_init(&i.out, i.ctx);
  if (status == OINF_OK && n == 0)
    status = oi_fail(oi_ctx_err(i.ctx), OINF_USAGE, "a model is wanted (try oinf-info --help)");
  if (status == OINF_OK) status = take_args(&i, args);
  if (status == OINF_OK) status = oi_info_run(&i, args[0]);
  return finish(&i, status);
}
