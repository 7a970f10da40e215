// Command lines of the tools: one table of options gives parsing, checking and --help. Nothing here
// prints or exits; the main programs do.
#ifndef OINF_LIB_CLI_H
#define OINF_LIB_CLI_H
#include <stdio.h>

#include "lib/ctx.h"
#include "lib/rt/parse.h"

typedef enum oi_opt_type {
  OI_OPT_FLAG,   // bool
  OI_OPT_TEXT,   // const char *
  OI_OPT_COUNT,  // int64_t >= 0
  OI_OPT_SIZE,   // uint64_t: 512M, 1.5G, 4096
  OI_OPT_REAL,   // double
  OI_OPT_LIST    // oi_list: may be given again
} oi_opt_type;
enum {
  OI_LIST_MAX = 64
};
typedef struct oi_list {
  const char *at[OI_LIST_MAX];
  size_t n;
} oi_list;
typedef struct oi_opt {
  const char *name, *value;  // "steps", "N"; value NULL for flags
  char brief;                // 'o' for -o, 0: none
  oi_opt_type type;
  size_t offset;  // of the field in the tool's record
  const char *help;
} oi_opt;
typedef struct oi_cli {
  const char *tool, *usage;  // "oinf-sim", "MODEL [options]"
  const char *about, *examples;
  const oi_opt *opts;
  size_t n_opts, max_args;  // positional ones
} oi_cli;

// Fills the record and args (positional, in order). USAGE with the option's name where something is
// off.
oinf_status oi_cli_parse(const oi_cli *cli, oi_err *err, int argc, char **argv, void *record,
                         const char **args, size_t *out_n);
void oi_cli_help(const oi_cli *cli, oi_text *out);
// The ends of a tool, to the stream that it hands in. The text of --help or --version: destroys the
// context and gives the exit code. The one line of a failure, its trail below it where wanted.
int oi_cli_about(const oi_cli *cli, oinf_ctx *ctx, bool help, FILE *to);
void oi_cli_complain(const oi_cli *cli, const oi_err *err, oinf_status status, bool trail,
                     FILE *to);
bool oi_parse_size(const char *text, uint64_t *out);  // 512M; false: not one
// "12.3 MiB"
void oi_put_size(oi_text *out, uint64_t bytes);
#endif
