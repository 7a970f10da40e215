// oinf-convert: a checkpoint becomes a package. One open, one recipe, one write.
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "convert/convert.h"

typedef struct opts {
  const char *out, *recipe, *quant, *reference;
  oi_list sets;
  bool dry_run, no_golden, golden, quiet, verbose, help, version;
} opts;

#define OPT(field) offsetof(opts, field)
static const oi_opt options[] = {
    {"output", "FILE", 'o', OI_OPT_TEXT, OPT(out), "the package to write"},
    {"recipe", "R.yaml", 0, OI_OPT_TEXT, OPT(recipe),
     "tensors transposed, split, merged, named, quantized; or an installed one's name"},
    {"quant", "TYPE", 0, OI_OPT_TEXT, OPT(quant), "q8_0 or q4_0 for every matrix that allows it"},
    {"set", "KEY=VALUE", 0, OI_OPT_LIST, OPT(sets),
     "metadata, or an option of the architecture (kv_dtype=f16)"},
    {"reference", "F.safetensors", 0, OI_OPT_TEXT, OPT(reference),
     "inputs and outputs from elsewhere, compared and kept"},
    {"dry-run", NULL, 0, OI_OPT_FLAG, OPT(dry_run), "show what would be written"},
    {"no-golden", NULL, 0, OI_OPT_FLAG, OPT(no_golden), "leave the golden steps out"},
    {"golden", NULL, 0, OI_OPT_FLAG, OPT(golden), "make them above 8 GiB of weights too"},
    {"quiet", NULL, 'q', OI_OPT_FLAG, OPT(quiet), "no notes, no progress"},
    {"verbose", NULL, 'v', OI_OPT_FLAG, OPT(verbose), "the trail of an error"},
    {"help", NULL, 'h', OI_OPT_FLAG, OPT(help), "this text"},
    {"version", NULL, 0, OI_OPT_FLAG, OPT(version), "the version"},
};
static const oi_cli cli = {
    "oinf-convert",
    "SOURCE -o MODEL.oinf [options]",
    "makes a package of a Hugging Face folder, a safetensors file, or another package",
    "  oinf-convert ./SmolLM2-135M -o smol.oinf --quant q8_0\n"
    "  oinf-convert weights.safetensors -o weights.oinf --recipe r.yaml --dry-run\n"
    "  oinf-convert ./SmolLM2-135M -o smol.oinf --recipe llama_q4_mixed\n"
    "recipes hold, in this order, each or none of:\n"
    "  drop: [\"*.inv_freq\"]\n"
    "  transpose: [\"*.c_fc.weight\"]\n"
    "  split: [{from: \"h.{l}.qkv\", to: [\"h.{l}.q\", \"h.{l}.k\", \"h.{l}.v\"], parts: [4, 1, "
    "1]}]\n"
    "  merge: [{from: [\"h.{l}.gate\", \"h.{l}.up\"], to: \"h.{l}.gate_up\"}]\n"
    "  names: [{from: \"h.{l}.ln_1.weight\", to: \"blk.{l}.attn_norm\"}]\n"
    "  dtype: [{match: \"*norm*\", to: f32}]\n"
    "  quantize: [{match: \"*.weight\", to: q8_0}]\n"
    "  metadata: {model.layers: num_hidden_layers}\n",
    options,
    sizeof options / sizeof *options,
    1};

static volatile sig_atomic_t interrupted;
static bool quiet, on_terminal;

static void on_interrupt(int sig) { (void)sig, interrupted = 1; }

// A mapped file that shrinks: nothing is written yet, and the process ends as documented.
static void on_bus(int sig) {
  static const char text[] = "oinf-convert: error: the file has become shorter while in use\n";
  (void)sig;
  _exit(write(2, text, sizeof text - 1) < 0 ? 74 : 74);
}

static void on_log(void *user, const char *line) {
  (void)user;
  if (!quiet) fprintf(stderr, "oinf-convert: note: %s\n", line);
}

// One line that is written over on a terminal; nothing elsewhere.
static bool on_progress(void *user, uint64_t done, uint64_t total) {
  (void)user;
  if (on_terminal && !quiet && total) {
    fprintf(stderr, "\r%3.0f %% of %.1f MiB", 100.0 * (double)done / (double)total,
            (double)total / 1048576.0);
    if (done == total) fputs("\r\033[K", stderr);
  }
  return !interrupted;
}

static bool show_tensor(const oi_convert *c, uint32_t tensor) {
  const oinf_tensor *t = &c->content->tensors.at[tensor].pub;
  oi_text from;
  oi_convert_origin(c, tensor, &from);
  printf("%s %s [", t->name, oinf_dtype_name(t->dtype));
  for (uint32_t i = 0; i < t->rank; i++) printf("%s%lld", i ? ", " : "", (long long)t->dims[i]);
  printf("] %llu", (unsigned long long)t->bytes);
  if (from.n && strcmp(t->name, from.at) != 0) printf(" from %s", from.at);
  oi_text_free(&from);
  return printf("\n") > 0;
}

static oinf_status show_plan(const oi_convert *c) {
  uint64_t total = 0;
  for (uint32_t i = 0; i < c->content->tensors.n; i++) {
    const oinf_tensor *t = &c->content->tensors.at[i].pub;
    total += t->bytes;
    if (!show_tensor(c, i)) return OINF_IO;
  }
  printf("%zu tensors, %llu bytes, %u graphs\n", c->content->tensors.n, (unsigned long long)total,
         oinf_model_graph_count(c->content));
  return OINF_OK;
}

static oinf_status run(oi_convert *c, const opts *o) {
  if (!c->source)
    return oi_fail(oi_ctx_err(c->ctx), OINF_USAGE, "a source is wanted (try oinf-convert --help)");
  if (!c->out && !o->dry_run)
    return oi_fail(oi_ctx_err(c->ctx), OINF_USAGE, "-o MODEL.oinf is wanted");
  OI_TRY(oi_convert_plan(c));
  return o->dry_run ? show_plan(c) : oi_convert_write(c);
}

static int finish(oi_convert *c, const opts *o, oinf_status status) {
  const bool closed = fflush(stdout) != 0 || ferror(stdout);  // ends quietly
  if (status == OINF_OK && closed) status = OINF_IO;
  if (status != OINF_OK && !closed)
    oi_cli_complain(&cli, oi_ctx_err(c->ctx), status, o->verbose, stderr);
  oi_convert_free(c);
  oinf_ctx_destroy(c->ctx);
  return oinf_status_exit(status);
}

int main(int argc, char **argv) {
  opts o = {0};
  const char *args[1] = {NULL};
  size_t n = 0;
  oi_convert c = {.progress = on_progress};
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  signal(SIGBUS, on_bus);
  on_terminal = isatty(2);
  if (oinf_ctx_create(&(oinf_ctx_desc){.log = on_log}, &c.ctx) != OINF_OK) return 75;
  oinf_status status = oi_cli_parse(&cli, oi_ctx_err(c.ctx), argc, argv, &o, args, &n);
  quiet = o.quiet;
  if (status == OINF_OK && (o.help || o.version)) return oi_cli_about(&cli, c.ctx, o.help, stdout);
  c.source = args[0], c.out = o.out, c.recipe = o.recipe, c.quant = o.quant,
  c.reference = o.reference;
  c.sets = &o.sets, c.no_golden = o.no_golden, c.golden = o.golden;
  if (status == OINF_OK) status = run(&c, &o);
  return finish(&c, &o, status);
}
