// See cli.h. Options are long, `--name VALUE` or `--name=VALUE`; `--` ends them. Numbers are
// strict (lib/rt/parse.h).
#include "lib/cli.h"

#include <stdio.h>
#include <string.h>

bool oi_parse_size(const char *text, uint64_t *out) {
  static const char units[] = "KMGT";
  char number[32];
  size_t n = strlen(text);
  double x;
  if (n == 0 || n >= sizeof number) return false;
  memcpy(number, text, n + 1);
  const char *unit = strchr(units, number[n - 1]);
  if (unit) number[n - 1] = 0;
  if (!oi_parse_real(number, &x) || x < 0) return false;
  for (int i = 0; unit && i <= unit - units; i++) x *= 1024;
  if (x >= 9e18) return false;
  *out = (uint64_t)x;
  return true;
}

void oi_put_size(oi_text *out, uint64_t bytes) {
  static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double x = (double)bytes;
  int u = 0;
  for (; x >= 1024 && u < 4; u++) x /= 1024;
  oi_text_put(out, u ? "%.1f %s" : "%.0f %s", x, units[u]);
}

// ---- parsing ----

static const oi_opt *find(const oi_cli *cli, const char *name, size_t n) {
  for (size_t i = 0; i < cli->n_opts; i++)
    if (strlen(cli->opts[i].name) == n && memcmp(cli->opts[i].name, name, n) == 0)
      return &cli->opts[i];
  return NULL;
}

static const oi_opt *find_brief(const oi_cli *cli, const char *arg) {
  for (size_t i = 0; i < cli->n_opts; i++)
    if (cli->opts[i].brief && arg[1] == cli->opts[i].brief && arg[2] == 0) return &cli->opts[i];
  return NULL;
}

static bool store(const oi_opt *o, void *record, const char *value) {
  char *at = (char *)record + o->offset;
  oi_list *list = (oi_list *)(void *)at;
  switch (o->type) {
    case OI_OPT_FLAG: *(bool *)(void *)at = true; return true;
    case OI_OPT_TEXT: *(const char **)(void *)at = value; return true;
    case OI_OPT_COUNT: return oi_parse_count(value, (int64_t *)(void *)at);
    case OI_OPT_SIZE: return oi_parse_size(value, (uint64_t *)(void *)at);
    case OI_OPT_REAL: return oi_parse_real(value, (double *)(void *)at);
    case OI_OPT_LIST: return list->n < OI_LIST_MAX && (list->at[list->n++] = value, true);
  }
  return false;
}

static const char *wanted(oi_opt_type t) {
  switch (t) {
    case OI_OPT_COUNT: return "a whole number";
    case OI_OPT_SIZE: return "a size such as 512M or 4096";
    case OI_OPT_REAL: return "a number";
    default: return "a value";
  }
}

// Takes the option at argv[i], and its value where it has one.
static oinf_status take(const oi_cli *cli, oi_err *err, int argc, char **argv, int *i,
                        void *record) {
  const char *arg = argv[*i], *equals = NULL;
  const oi_opt *o;
  if (arg[1] == '-') {
    equals = strchr(arg, '=');
    o = find(cli, arg + 2, equals ? (size_t)(equals - arg - 2) : strlen(arg + 2));
  } else {
    o = find_brief(cli, arg);
  }
  if (!o) return oi_fail(err, OINF_USAGE, "unknown option '%s' (try %s --help)", arg, cli->tool);
  if (o->type == OI_OPT_FLAG && equals)
    return oi_fail(err, OINF_USAGE, "--%s takes no value", o->name);
  const char *value = equals ? equals + 1 : NULL;
  if (o->type != OI_OPT_FLAG && !value) {
    if (++*i >= argc) return oi_fail(err, OINF_USAGE, "--%s wants %s", o->name, wanted(o->type));
    value = argv[*i];
  }
  if (store(o, record, value)) return OINF_OK;
  return oi_fail(err, OINF_USAGE, "--%s wants %s, not '%s'", o->name, wanted(o->type), value);
}

oinf_status oi_cli_parse(const oi_cli *cli, oi_err *err, int argc, char **argv, void *record,
                         const char **args, size_t *out_n) {
  bool ended = false;
  size_t n = 0;
  for (int i = 1; i < argc; i++) {
    if (!ended && strcmp(argv[i], "--") == 0) {
      ended = true;
      continue;
    }
    if (!ended && argv[i][0] == '-' && argv[i][1]) {
      OI_TRY(take(cli, err, argc, argv, &i, record));
      continue;
    }
    if (n == cli->max_args)
      return oi_fail(err, OINF_USAGE, "'%s' is one argument too many", argv[i]);
    args[n++] = argv[i];
  }
  *out_n = n;
  return OINF_OK;
}

void oi_cli_help(const oi_cli *cli, oi_text *out) {
  oi_text_put(out, "%s: %s\n\nusage: %s %s\n\noptions:\n", cli->tool, cli->about, cli->tool,
              cli->usage);
  for (size_t i = 0; i < cli->n_opts; i++) {
    const oi_opt *o = &cli->opts[i];
    char left[64];
    snprintf(left, sizeof left, "%s%c%s --%s%s%s", o->brief ? "-" : "", o->brief ? o->brief : ' ',
             o->brief ? "," : " ", o->name, o->value ? " " : "", o->value ? o->value : "");
    oi_text_put(out, "  %-30s %s\n", left, o->help);
  }
  oi_text_put(out,
              "\nexamples:\n%s\nexit codes: 0 ok, 1 different, 64 usage, 65 bad input, 66 no "
              "input, 69 device,\n"
              "  70 internal error, 73 cannot create, 74 input/output, 75 memory or budget, 130 "
              "interrupted\n",
              cli->examples);
}

int oi_cli_about(const oi_cli *cli, oinf_ctx *ctx, bool help, FILE *to) {
  oi_text text;
  oi_text_init(&text, ctx);
  if (help) oi_cli_help(cli, &text);
  else oi_text_put(&text, "%s %s\n", cli->tool, oinf_version());
  const bool ok = text.at && fwrite(text.at, 1, text.n, to) == text.n && fflush(to) == 0;
  oi_text_free(&text);
  oinf_ctx_destroy(ctx);
  return ok ? 0 : oinf_status_exit(OINF_IO);
}

void oi_cli_complain(const oi_cli *cli, const oi_err *err, oinf_status status, bool trail,
                     FILE *to) {
  fprintf(to, "%s: error: %s\n", cli->tool,
          err->message[0] ? err->message : oinf_status_text(status));
  if (trail) fputs(err->trail, to);
}
