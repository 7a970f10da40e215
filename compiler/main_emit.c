// oinf-emit: a graph of a package as a bundle of C source.
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <oinf/emit.h>

#include "compiler/emit.h"
#include "lib/cli.h"

typedef struct emit_opts {
  const char *graph, *target, *numerics, *budget, *name, *output;
  const char *dump, *stop_after;
  const char *weights;
  oi_list without, pins;
  int64_t ctx, chunk;
  bool explain, quiet, verbose, help, version;
} emit_opts;

#define OPT(field) offsetof(emit_opts, field)
static const oi_opt options[] = {
    {"output", "FOLDER", 'o', OI_OPT_TEXT, OPT(output),
     "the bundle's folder: new, or one of before"},
    {"target", "c", 't', OI_OPT_TEXT, OPT(target), "what to emit (c)"},
    {"graph", "NAME", 0, OI_OPT_TEXT, OPT(graph),
     "graph of the package (default: the one it names)"},
    {"numerics", "strict|fast", 0, OI_OPT_TEXT, OPT(numerics),
     "strict (default): equal to the bit; fast: within bounds"},
    {"budget", "SIZE", 'b', OI_OPT_TEXT, OPT(budget),
     "bytes of all arenas: 512M, or min; without it weights are mapped"},
    {"ctx", "N", 'c', OI_OPT_COUNT, OPT(ctx), "capacity of the states (the model's, at most 4096)"},
    {"chunk", "N", 0, OI_OPT_COUNT, OPT(chunk), "tokens of a prompt in one step (256)"},
    {"pin", "SYM=N", 0, OI_OPT_LIST, OPT(pins),
     "a symbol with one value in every step; may be given again"},
    {"weights", "file|embed", 0, OI_OPT_TEXT, OPT(weights),
     "beside the source (default), or within it: at most 16 MiB"},
    {"name", "NAME", 0, OI_OPT_TEXT, OPT(name), "prefix of the bundle's functions (model)"},
    {"dump", "PASS", 0, OI_OPT_TEXT, OPT(dump), "print the graph, or the plan, after this pass"},
    {"stop-after", "PASS", 0, OI_OPT_TEXT, OPT(stop_after),
     "run the passes up to this one, print what it leaves, emit nothing"},
    {"without", "PASSES", 0, OI_OPT_LIST, OPT(without), "passes to leave out: fold,cse,dce,..."},
    {"explain", NULL, 0, OI_OPT_FLAG, OPT(explain), "what each pass did, and what it refused"},
    {"quiet", NULL, 'q', OI_OPT_FLAG, OPT(quiet), "no notes"},
    {"verbose", NULL, 'v', OI_OPT_FLAG, OPT(verbose), "the trail of an error"},
    {"help", NULL, 'h', OI_OPT_FLAG, OPT(help), "this text"},
    {"version", NULL, 0, OI_OPT_FLAG, OPT(version), "the version"},
};
static const oi_cli cli = {"oinf-emit",
                           "MODEL -o FOLDER [options]",
                           "emits a graph of a package as C that builds with make",
                           "  oinf-emit m.oinf -o bundle/ && make -C bundle check\n"
                           "  oinf-emit m.oinf --budget min --ctx 512 -o bundle/\n"
                           "  oinf-emit m.oinf --dump=rewrite\n",
                           options,
                           sizeof options / sizeof *options,
                           1};

typedef struct tool {
  emit_opts o;
  oinf_emit_pin pins[OI_LIST_MAX];
  char symbols[OI_LIST_MAX][64];
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  oi_err *err;
} tool;

static oinf_status take_pins(tool *t) {
  for (size_t i = 0; i < t->o.pins.n; i++) {
    const char *text = t->o.pins.at[i], *equals = strchr(text, '=');
    const size_t n = equals ? (size_t)(equals - text) : 0;
    if (!n || n >= sizeof t->symbols[i] || !oi_parse_count(equals + 1, &t->pins[i].value))
      return oi_fail(t->err, OINF_USAGE, "--pin wants SYMBOL=NUMBER, not '%s'", text);
    memcpy(t->symbols[i], text, n);
    t->symbols[i][n] = 0, t->pins[i].symbol = t->symbols[i];
  }
  return OINF_OK;
}

static oinf_status take_weights(tool *t, oinf_emit_desc *d) {
  const char *how = t->o.weights ? t->o.weights : "file";
  d->embed = strcmp(how, "embed") == 0;
  if (!d->embed && strcmp(how, "file") != 0)
    return oi_fail(t->err, OINF_USAGE, "--weights wants file or embed, not '%s'", how);
  return OINF_OK;
}

static oinf_status take_numerics(tool *t, oinf_emit_desc *d) {
  const char *how = t->o.numerics ? t->o.numerics : "strict";
  d->fast = strcmp(how, "fast") == 0;
  if (!d->fast && strcmp(how, "strict") != 0)
    return oi_fail(t->err, OINF_USAGE, "--numerics wants strict or fast, not '%s'", how);
  return OINF_OK;
}

static oinf_status check_options(tool *t, oinf_emit_desc *d) {
  const emit_opts *o = &t->o;
  if (!o->output && !o->dump && !o->stop_after)
    return oi_fail(t->err, OINF_USAGE, "a folder is wanted: -o FOLDER");
  if (o->target && strcmp(o->target, "c") != 0)
    return oi_fail(t->err, OINF_USAGE, "unknown target '%s': c is known", o->target);
  OI_TRY(take_pins(t));
  *d = (oinf_emit_desc){
      .name = o->name, .capacity = o->ctx, .chunk = o->chunk, .pins = t->pins, .n_pins = o->pins.n};
  OI_TRY(take_weights(t, d));
  OI_TRY(take_numerics(t, d));
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
    fprintf(stderr,
            "oinf-emit: note: weights take %llu bytes of it (the smallest peak is %llu); a step "
            "reads %llu bytes of them, the first one %llu\n",
            (unsigned long long)f->weights, (unsigned long long)f->smallest,
            (unsigned long long)f->read_per_step, (unsigned long long)f->read_first);
}

static oinf_status pass_options(tool *t, oi_pass_options *out) {
  const emit_opts *o = &t->o;
  *out = (oi_pass_options){0};
  for (size_t i = 0; i < o->without.n; i++)
    OI_TRY(oi_pass_without(t->err, o->without.at[i], &out->without));
  if (o->stop_after) OI_TRY(oi_pass_parse(t->err, o->stop_after, &out->stop));
  out->dump = out->stop;
  if (o->dump) OI_TRY(oi_pass_parse(t->err, o->dump, &out->dump));
  if (!out->stop) out->stop = out->dump;
  if (out->dump <= out->stop) return OINF_OK;
  return oi_fail(t->err, OINF_USAGE, "--dump=%s stands behind --stop-after=%s", o->dump,
                 o->stop_after);
}

static oinf_status say(const tool *t, const oi_text *text, FILE *to) {
  if (!text->at || (fwrite(text->at, 1, text->n, to) == text->n && fflush(to) == 0)) return OINF_OK;
  return oi_fail(t->err, OINF_IO, "cannot write");
}

// What the passes say goes where the graph does not.
static oinf_status compile(tool *t, const oinf_emit_desc *d, const oi_pass_options *passes) {
  oinf_emit_figures f;
  oi_text said, dump;
  oi_text_init(&said, t->ctx), oi_text_init(&dump, t->ctx);
  oinf_status status = oi_emit_run(t->model, t->graph, d, passes, passes->dump ? NULL : t->o.output,
                                   &f, &said, &dump);
  if (status == OINF_OK && t->o.explain) status = say(t, &said, passes->dump ? stderr : stdout);
  if (status == OINF_OK) status = say(t, &dump, stdout);
  if (status == OINF_OK && !passes->dump) note(t, &f);
  oi_text_free(&said), oi_text_free(&dump);
  return status;
}

static oinf_status run(tool *t, const char *path) {
  oinf_emit_desc d;
  oi_pass_options passes;
  OI_TRY(pass_options(t, &passes));
  OI_TRY(check_options(t, &d));
  OI_TRY(oinf_model_open(t->ctx, path, &t->model));
  if (oinf_model_graph_count(t->model) == 0)
    return oi_fail(t->err, OINF_SUPPORT,
                   "the model holds no graph: it can be inspected and converted, not emitted");
  const char *name = t->o.graph ? t->o.graph : oinf_model_meta(t->model, "oinf.graph");
  OI_TRY(oinf_graph_load(t->ctx, t->model, name, &t->graph));
  return compile(t, &d, &passes);
}

static int finish(tool *t, oinf_status status) {
  if (status != OINF_OK) oi_cli_complain(&cli, t->err, status, t->o.verbose, stderr);
  oinf_graph_destroy(t->graph);
  oinf_model_destroy(t->model);
  oinf_ctx_destroy(t->ctx);
  return oinf_status_exit(status);
}

int main(int argc, char **argv) {
  tool t = {.o = {0}};
  const char *args[1] = {NULL};
  size_t n = 0;
  signal(SIGPIPE, SIG_IGN);
  if (oinf_ctx_create(NULL, &t.ctx) != OINF_OK) return 75;
  t.err = oi_ctx_err(t.ctx);
  oinf_status status = oi_cli_parse(&cli, t.err, argc, argv, &t.o, args, &n);
  if (status == OINF_OK && (t.o.help || t.o.version))
    return oi_cli_about(&cli, t.ctx, t.o.help, stdout);
  if (status == OINF_OK && n == 0)
    status = oi_fail(t.err, OINF_USAGE, "a model is wanted (try oinf-emit --help)");
  if (status == OINF_OK) status = run(&t, args[0]);
  return finish(&t, status);
}
