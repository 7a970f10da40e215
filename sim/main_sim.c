// oinf-sim: runs a graph of a package, for its text or its values. Standard output carries the
// result alone; everything else goes to standard error.
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/sim.h"
#include "sim/tool.h"

#define OPT(field) offsetof(oi_tool_opts, field)
static const oi_opt options[] = {
    {"graph", "NAME", 0, OI_OPT_TEXT, OPT(graph),
     "graph of the package (default: the one it names)"},
    {"input", "NAME=@X.npy|VALUE", 'i', OI_OPT_LIST, OPT(inputs),
     "an input, or a symbol of the graph"},
    {"output", "NAME=@Y.npy", 0, OI_OPT_LIST, OPT(outputs), "write a value as npy"},
    {"prompt", "TEXT", 'p', OI_OPT_TEXT, OPT(prompt), "continue this text"},
    {"prompt-file", "FILE", 0, OI_OPT_TEXT, OPT(prompt_file), "continue the text of this file"},
    {"tokens", "IDS", 't', OI_OPT_TEXT, OPT(tokens), "continue these ids: 1,403,407"},
    {"steps", "N", 'n', OI_OPT_COUNT, OPT(steps), "tokens to make (128)"},
    {"ctx", "N", 'c', OI_OPT_COUNT, OPT(ctx), "capacity of the states (the model's, at most 4096)"},
    {"chunk", "N", 0, OI_OPT_COUNT, OPT(chunk), "tokens of a prompt in one step (256)"},
    {"budget", "SIZE", 'b', OI_OPT_TEXT, OPT(budget),
     "bytes of all arenas: 512M, or min; without it weights are mapped"},
    {"threads", "N", 0, OI_OPT_COUNT, OPT(threads), "threads (1)"},
    {"device", "NAME", 0, OI_OPT_TEXT, OPT(device), "cpu"},
    {"temperature", "T", 0, OI_OPT_REAL, OPT(temperature),
     "0: greedy; this and the next four default to the package's, else to 0 or off"},
    {"top-k", "N", 0, OI_OPT_COUNT, OPT(top_k), "draw from the N best; 0: all"},
    {"top-p", "P", 0, OI_OPT_REAL, OPT(top_p), "draw from the best with mass P; 1: all"},
    {"min-p", "P", 0, OI_OPT_REAL, OPT(min_p),
     "draw from those with P times the best one's probability; 0: all"},
    {"repetition-penalty", "R", 0, OI_OPT_REAL, OPT(penalties.repetition),
     "of every token so far; 1: none"},
    {"frequency-penalty", "X", 0, OI_OPT_REAL, OPT(penalties.frequency),
     "for each time that a token was made; 0: none (default)"},
    {"presence-penalty", "X", 0, OI_OPT_REAL, OPT(penalties.presence),
     "once for a token that was made; 0: none (default)"},
    {"seed", "N", 's', OI_OPT_COUNT, OPT(seed), "of the draws (0)"},
    {"stop", "TEXT", 0, OI_OPT_LIST, OPT(stops), "end before this text; may be given again"},
    {"fetch", "GLOB", 'f', OI_OPT_LIST, OPT(fetch),
     "demand the values of these names, and nothing else"},
    {"hash", NULL, 0, OI_OPT_FLAG, OPT(hash), "print hashes: step name dtype dims hash"},
    {"trace", NULL, 0, OI_OPT_FLAG, OPT(trace), "a line a node that runs, on standard error"},
    {"profile", "FILE.json", 0, OI_OPT_TEXT, OPT(profile),
     "write a trace of what ran and was read, for Perfetto"},
    {"dump", "FILE", 0, OI_OPT_TEXT, OPT(dump),
     "write every value, or those of --fetch, as safetensors by label"},
    {"compare", "golden|FILE", 0, OI_OPT_TEXT, OPT(compare),
     "run the package's golden steps, or meet a dump: name the first difference"},
    {"bisect", NULL, 0, OI_OPT_FLAG, OPT(bisect),
     "find a value that differs though its inputs do not, by halving: from goldens, or from "
     "--compare FILE|cpu:plain"},
    {"rtol", "X", 0, OI_OPT_REAL, OPT(rtol), "with a file: equal within X of its value, and"},
    {"atol", "X", 0, OI_OPT_REAL, OPT(atol), "within X; without both: bit for bit"},
    {"save-state", "FILE", 0, OI_OPT_TEXT, OPT(save), "keep states, tokens and sampler at the end"},
    {"load-state", "FILE", 0, OI_OPT_TEXT, OPT(load), "take them up again"},
    {"quiet", NULL, 'q', OI_OPT_FLAG, OPT(quiet), "no notes"},
    {"verbose", NULL, 'v', OI_OPT_FLAG, OPT(verbose),
     "figures of the plan, speed, the trail of an error"},
    {"help", NULL, 'h', OI_OPT_FLAG, OPT(help), "this text"},
    {"version", NULL, 0, OI_OPT_FLAG, OPT(version), "the version"},
};
static const oi_cli cli = {
    "oinf-sim",
    "MODEL [options]",
    "simulates a graph of a package",
    "  oinf-sim m.oinf --prompt \"Once upon a time\" --steps 64\n"
    "  oinf-sim m.oinf --tokens 1,403,407 --steps 0 --fetch 'blk.0.*' --hash\n"
    "  oinf-sim net.oinf --input x=@x.npy --output y=@y.npy\n",
    options,
    sizeof options / sizeof *options,
    1};

// ---- the two streams ----

static volatile sig_atomic_t interrupted;
static bool be_quiet;

static void on_interrupt(int sig) { (void)sig, interrupted = 1; }

// A mapped file that shrinks under us: nothing can be repaired, but the process ends as documented.
static void on_bus(int sig) {
  static const char text[] = "oinf-sim: the model's file has become shorter while in use\n";
  (void)sig;
  ssize_t n = write(2, text, sizeof text - 1);
  _exit(n < 0 ? 74 : 74);
}

static bool is_cancelled(void *user) { return (void)user, interrupted != 0; }

static bool say(const char *bytes, size_t n) {
  return fwrite(bytes, 1, n, stdout) == n && fflush(stdout) == 0;
}

static void note(const char *line) {
  if (!be_quiet) fprintf(stderr, "oinf-sim: note: %s\n", line);
}

static void on_log(void *user, const char *line) { (void)user, note(line); }

static void on_node(void *user, uint64_t step, const char *label, const char *op) {
  (void)user;
  fprintf(stderr, "%llu %s %s\n", (unsigned long long)step, label, op);
}

static void print_hash(uint64_t step, const oinf_array *a, uint64_t hash) {
  printf("%llu %s %s [", (unsigned long long)step, a->name, oinf_dtype_name(a->dtype));
  for (uint32_t i = 0; i < a->rank; i++) printf("%s%lld", i ? ", " : "", (long long)a->dims[i]);
  printf("] %016llx\n", (unsigned long long)hash);
}

static void on_value(void *user, uint64_t step, const oinf_array *a, uint64_t hash) {
  oi_tool *t = user;
  if (t->o.hash) print_hash(step, a, hash);
  oi_tool_dump_value(t, step, a);
  oi_tool_compare_value(t, step, a);
}

static void on_event(void *user, const oinf_event *e) { oi_tool_profile_event(user, e); }

// ---- the run ----

// What is not given is not a number yet (tool_text.c).
static oinf_status check_sampling(oi_tool *t) {
  const oi_tool_opts *o = &t->o;
  if (o->temperature < 0 || o->top_p <= 0 || o->top_p > 1 || o->min_p < 0 || o->min_p > 1)
    return oi_fail(t->err, OINF_USAGE,
                   "--temperature wants 0 or more, --top-p more than 0 and at most 1, --min-p 0 to "
                   "1");
  if (o->penalties.repetition <= 0)
    return oi_fail(t->err, OINF_USAGE, "--repetition-penalty wants more than 0");
  if (fabs(o->penalties.frequency) > 2 || fabs(o->penalties.presence) > 2)
    return oi_fail(t->err, OINF_USAGE, "--frequency-penalty and --presence-penalty want -2 to 2");
  return OINF_OK;
}

static oinf_status check_options(oi_tool *t) {
  const oi_tool_opts *o = &t->o;
  if (o->device && strcmp(o->device, "cpu") != 0) {
    if (strcmp(o->device, "vulkan") == 0)
      return oi_fail(t->err, OINF_DEVICE,
                     "device 'vulkan' is not built into this version: use cpu");
    return oi_fail(t->err, OINF_USAGE, "unknown device '%s': cpu is known", o->device);
  }
  if (o->rtol < 0 || o->atol < 0)
    return oi_fail(t->err, OINF_USAGE, "--rtol and --atol want 0 or more");
  if (o->bisect && (o->hash || o->trace || o->dump || o->fetch.n))
    return oi_fail(t->err, OINF_USAGE,
                   "--bisect asks for its own values: not with --hash, "
                   "--trace, --dump or --fetch");
  if (!o->bisect && o->compare && strncmp(o->compare, "cpu:", 4) == 0)
    return oi_fail(t->err, OINF_USAGE, "--compare cpu: goes with --bisect");
  if ((o->rtol > 0 || o->atol > 0) && !oi_tool_compares_file(t))
    return oi_fail(t->err, OINF_USAGE, "--rtol and --atol go with --compare FILE");
  OI_TRY(check_sampling(t));
  if ((o->prompt != NULL) + (o->prompt_file != NULL) + (o->tokens != NULL) > 1)
    return oi_fail(t->err, OINF_USAGE, "one of --prompt, --prompt-file and --tokens");
  if (o->threads > 1024 || o->top_k > UINT32_MAX)
    return oi_fail(t->err, OINF_USAGE, "--threads or --top-k is too large");
  for (size_t i = 0; i < o->stops.n; i++)
    if (!*o->stops.at[i])
      return oi_fail(t->err, OINF_USAGE, "--stop wants a text that is not empty");
  return OINF_OK;
}

static oinf_status budget_of(oi_tool *t, uint64_t *out) {
  *out = OINF_BUDGET_NONE;
  if (!t->o.budget) return OINF_OK;
  if (strcmp(t->o.budget, "min") == 0) return *out = OINF_BUDGET_MIN, OINF_OK;
  if (!oi_parse_size(t->o.budget, out))
    return oi_fail(t->err, OINF_USAGE, "--budget wants a size such as 512M, or min");
  if (*out < 2) *out = 2;
  return OINF_OK;
}

static oinf_status load_graph(oi_tool *t) {
  const char *name = t->o.graph ? t->o.graph : oinf_model_meta(t->model, "oinf.graph");
  if (oinf_model_graph_count(t->model) == 0)
    return oi_fail(t->err, OINF_SUPPORT,
                   "the model holds no graph: it can be inspected and converted, not simulated");
  return oinf_graph_load(t->ctx, t->model, name, &t->graph);
}

static bool has_decode(const oi_tool *t) {
  for (size_t i = 0; i < t->graph->variants.n; i++)
    if (strcmp(t->graph->variants.at[i].name, "decode") == 0) return true;
  return false;
}

// A step that follows another is a step of one token, where the graph knows such.
static oinf_status say_plan(oi_tool *t) {
  oinf_sim_plan p, next;
  OI_TRY(oi_tool_sim_failed(t, oinf_sim_figures(t->sim, has_decode(t) ? "decode" : NULL, &next)));
  OI_TRY(oi_tool_sim_failed(t, oinf_sim_figures(t->sim, NULL, &p)));
  oi_tool_note(
      t, "peak %llu bytes (weights %llu, activations %llu, states %llu, io %llu, staging %llu)",
      (unsigned long long)p.peak, (unsigned long long)p.weights, (unsigned long long)p.activations,
      (unsigned long long)p.states, (unsigned long long)p.io, (unsigned long long)p.staging);
  oi_tool_note(t, "smallest budget %llu bytes; reads %llu bytes a step",
               (unsigned long long)p.smallest, (unsigned long long)next.read_per_step);
  return OINF_OK;
}

static bool generates(const oi_tool *t) {
  const char *task = oinf_model_meta(t->model, "oinf.task");
  return t->o.prompt || t->o.prompt_file || t->o.tokens || t->o.load ||
         (task && strcmp(task, "generate") == 0 && !t->o.inputs.n);
}

// What goes with a run, begun before it and ended behind it, whichever way it went.
static oinf_status run_with_files(oi_tool *t) {
  oinf_status status = oi_tool_profile_begin(t);
  if (status == OINF_OK) status = oi_tool_dump_begin(t);
  if (status == OINF_OK) status = oi_tool_compare_begin(t);
  if (status == OINF_OK) status = oi_tool_bisect_begin(t);
  if (status == OINF_OK) status = generates(t) ? oi_tool_text(t) : oi_tool_values(t);
  status = oi_tool_bisect_end(t, oi_tool_compare_end(t, status));
  const bool ran = status == OINF_OK || status == OINF_DIFFERENT;
  const oinf_status dumped = oi_tool_dump_end(t, ran ? OINF_OK : status);
  const oinf_status profiled = oi_tool_profile_end(t, ran ? OINF_OK : status);
  if (!ran) return status;
  if (dumped != OINF_OK) return dumped;
  return profiled != OINF_OK ? profiled : status;
}

static oinf_status run(oi_tool *t, const char *path) {
  uint64_t budget;
  OI_TRY(check_options(t));
  OI_TRY(budget_of(t, &budget));
  OI_TRY(oinf_model_open(t->ctx, path, &t->model));
  OI_TRY(load_graph(t));
  if ((t->o.compare || t->o.bisect) && !oi_tool_compares_file(t)) return oi_tool_golden(t);
  const bool values = (t->o.hash || t->o.dump || t->o.compare) && !t->o.bisect;
  t->mute = t->o.hash || t->o.compare;
  oinf_sim_desc d = {.budget = budget,
                     .threads = (int)t->o.threads,
                     .capacity = t->o.ctx,
                     .chunk = t->o.chunk,
                     .demand_all = (values || t->o.trace) && !t->o.fetch.n,
                     .on_cancel = is_cancelled,
                     .on_value = values ? on_value : NULL,
                     .on_node = t->o.trace ? on_node : NULL,
                     .on_event = t->o.profile ? on_event : NULL,
                     .user = t};
  OI_TRY(oinf_sim_create(t->model, t->graph, &d, &t->sim));
  if (t->o.verbose) OI_TRY(say_plan(t));
  return run_with_files(t);
}

static int finish(oi_tool *t, oinf_status status) {
  oinf_sim_destroy(t->sim);
  oinf_graph_destroy(t->graph);
  oinf_model_destroy(t->model);
  if (status == OINF_OK && fflush(stdout) != 0) status = OINF_IO, t->closed = true;
  if (status != OINF_OK && !t->closed) {
    oi_cli_complain(&cli, t->err, status, t->o.verbose, stderr);
  }
  oinf_ctx_destroy(t->ctx);
  return oinf_status_exit(status);
}

int main(int argc, char **argv) {
  oi_tool t = {.o = {.steps = 128,
                     .threads = 1,
                     .temperature = NAN,
                     .top_k = -1,
                     .top_p = NAN,
                     .min_p = NAN,
                     .penalties = {.repetition = NAN}},
               .say = say,
               .note = note,
               .cancelled = is_cancelled};
  const char *args[1] = {NULL};
  size_t n = 0;
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, on_interrupt);
  signal(SIGTERM, on_interrupt);
  signal(SIGBUS, on_bus);
  if (oinf_ctx_create(&(oinf_ctx_desc){.log = on_log}, &t.ctx) != OINF_OK) return 75;
  t.err = oi_ctx_err(t.ctx);
  oinf_status status = oi_cli_parse(&cli, t.err, argc, argv, &t.o, args, &n);
  be_quiet = t.o.quiet;
  if (status == OINF_OK && (t.o.help || t.o.version))
    return oi_cli_about(&cli, t.ctx, t.o.help, stdout);
  if (status == OINF_OK && n == 0)
    status = oi_fail(t.err, OINF_USAGE, "a model is wanted (try oinf-sim --help)");
  if (status == OINF_OK) status = run(&t, args[0]);
  return finish(&t, status);
}
