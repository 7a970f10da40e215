// oinf-emit: a graph of a package as a bundle of C source.
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <oinf/emit.h>

#include "lib/cli.h"

typedef struct emit_opts {
  const char *graph, *target, *numerics, *budget, *name, *output;
  int64_t ctx, chunk;
  bool quiet, verbose, help, version;
} emit_opts;

#define OPT(field) offsetof(emit_opts, field)
static const oi_opt options[] = {
    {"output", "FOLDER", 'o', OI_OPT_TEXT, OPT(output),
     "the bundle's folder: new, or one of before"},
    {"target", "c", 't', OI_OPT_TEXT, OPT(target), "what to emit (c)"},
    {"graph", "NAME", 0, OI_OPT_TEXT, OPT(graph),
     "graph of the package (default: the one it names)"},
    {"numerics", "strict", 0, OI_OPT_TEXT, OPT(numerics), "strict (default); fast is not here yet"},
    {"budget", "SIZE", 'b', OI_OPT_TEXT, OPT(budget),
     "bytes of all arenas: 512M, or min; without it weights are mapped"},
    {"ctx", "N", 'c', OI_OPT_COUNT, OPT(ctx), "capacity of the states (the model's, at most 4096)"},
    {"chunk", "N", 0, OI_OPT_COUNT, OPT(chunk), "tokens of a prompt in one step (256)"},
    {"name", "NAME", 0, OI_OPT_TEXT, OPT(name), "prefix of the bundle's functions (model)"},
    {"quiet", NULL, 'q', OI_OPT_FLAG, OPT(quiet), "no notes"},
    {"verbose", NULL, 'v', OI_OPT_FLAG, OPT(verbose), "the trail of an error"},
    {"help", NULL, 'h', OI_OPT_FLAG, OPT(help), "this text"},
    {"version", NULL, 0, OI_OPT_FLAG, OPT(version), "the version"},
};
static const oi_cli cli = {"oinf-emit",
                           "MODEL -o FOLDER [options]",
                           "emits a graph of a package as C that builds with make",
                           "  oinf-emit m.oinf -o bundle/ && make -C bundle check\n"
                           "  oinf-emit m.oinf --budget min --ctx 512 -o bundle/\n",
                           options,
                           sizeof options / sizeof *options,
                           1};

typedef struct tool {
  emit_opts o;
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  oi_err *err;
} tool;

static oinf_status check_options(tool *t, oinf_emit_desc *d) {
  const emit_opts *o = &t->o;
  if (!o->output) return oi_fail(t->err, OINF_USAGE, "a folder is wanted: -o FOLDER");
  if (o->target && strcmp(o->target, "c") != 0)
    return oi_fail(t->err, OINF_USAGE, "unknown target '%s': c is known", o->target);
  if (o->numerics && strcmp(o->numerics, "fast") == 0)
    return oi_fail(t->err, OINF_SUPPORT, "numerics 'fast' are not built into this version");
  if (o->numerics && strcmp(o->numerics, "strict") != 0)
    return oi_fail(t->err, OINF_USAGE, "--numerics wants strict, not '%s'", o->numerics);
  *d = (oinf_emit_desc){.name = o->name, .capacity = o->ctx, .chunk = o->chunk};
  if (!o->budget) return OINF_OK;
  if (strcmp(o->budget, "min") == 0) d->budget = OINF_EMIT_SMALLEST;
  else if (!oi_parse_size(o->budget, &d->budget))
    return oi_fail(t->err, OINF_USAGE, "--budget wants a size such as 512M, or min");
  else if (d->budget < 2) d->budget = 2;
  return OINF_OK;
}

static void note(const tool *t, const oinf_emit_figures *f) {
  if (t->o.quiet) return;
  fprintf(stderr, "oinf-emit: note: %u kernels; an instance allocates %llu bytes\n", f->kernels,
          (unsigned long long)f->peak);
  if (t->o.budget)
    fprintf(stderr, "oinf-emit: note: under a budget each weight is read whole when it is used; "
                    "tiles and reading ahead are not in this version\n");
}

static oinf_status run(tool *t, const char *path) {
  oinf_emit_desc d;
  oinf_emit_figures f;
  OI_TRY(check_options(t, &d));
  OI_TRY(oinf_model_open(t->ctx, path, &t->model));
  if (oinf_model_graph_count(t->model) == 0)
    return oi_fail(t->err, OINF_SUPPORT,
                   "the model holds no graph: it can be inspected and converted, not emitted");
  const char *name = t->o.graph ? t->o.graph : oinf_model_meta(t->model, "oinf.graph");
  OI_TRY(oinf_graph_load(t->ctx, t->model, name, &t->graph));
  OI_TRY(oinf_emit_bundle(t->model, t->graph, &d, t->o.output, &f));
  note(t, &f);
  return OINF_OK;
}

static int finish(tool *t, oinf_status status) {
  if (status != OINF_OK) {
    const char *message = t->err->message[0] ? t->err->message : oinf_status_text(status);
    fprintf(stderr, "oinf-emit: error: %s\n", message);
    if (t->o.verbose) fputs(t->err->trail, stderr);
  }
  oinf_graph_destroy(t->graph);
  oinf_model_destroy(t->model);
  oinf_ctx_destroy(t->ctx);
  return oinf_status_exit(status);
}

static int say_text(tool *t) {
  oi_text text;
  oi_text_init(&text, t->ctx);
  if (t->o.help) oi_cli_help(&cli, &text);
  else oi_text_put(&text, "oinf-emit %s\n", oinf_version());
  const bool ok = text.at && fwrite(text.at, 1, text.n, stdout) == text.n && fflush(stdout) == 0;
  oi_text_free(&text);
  oinf_ctx_destroy(t->ctx);
  return ok ? 0 : 74;
}

int main(int argc, char **argv) {
  tool t = {.o = {0}};
  const char *args[1] = {NULL};
  size_t n = 0;
  signal(SIGPIPE, SIG_IGN);
  if (oinf_ctx_create(NULL, &t.ctx) != OINF_OK) return 75;
  t.err = oi_ctx_err(t.ctx);
  oinf_status status = oi_cli_parse(&cli, t.err, argc, argv, &t.o, args, &n);
  if (status == OINF_OK && (t.o.help || t.o.version)) return say_text(&t);
  if (status == OINF_OK && n == 0)
    status = oi_fail(t.err, OINF_USAGE, "a model is wanted (try oinf-emit --help)");
  if (status == OINF_OK) status = run(&t, args[0]);
  return finish(&t, status);
}
