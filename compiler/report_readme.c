// README.md of a bundle: what it is, how it is built, a program that uses it (the suite builds and
// runs that very text), what it takes, and what is not there.
#include "compiler/bounds.h"
#include "compiler/report.h"

enum {
  MOST_ROWS = 60
};

static unsigned long long u(uint64_t x) { return (unsigned long long)x; }
static void say(oi_emit *e, const char *text) { oi_text_put(&e->out, "%s", text); }

// ---- the program ----

static const char before[] =
    "```c\n"
    "#include <stdio.h>\n\n"
    "#include \"model.h\"\n\n"
    "int main(void) {\n"
    "  model_file *file = NULL;\n"
    "  model_run *run = NULL;\n";
static const char opening[] =
    "  int code = model_open(\"weights.oinf\", &file);\n"
    "  if (code == MODEL_OK) code = model_new(file, &run);\n";
static const char after[] =
    "  if (code != MODEL_OK) fprintf(stderr, \"%s\\n\", run ? model_error(run) : \"no weights\");\n"
    "  model_free(run);\n"
    "  model_close(file);\n"
    "  return code;\n"
    "}\n"
    "```\n";
static const char generation[] =
    "  if (code == MODEL_OK) code = model_prefill(run, prompt, 1, logits);\n"
    "  for (int i = 0; i < 8 && code == MODEL_OK; i++) {\n"
    "    int32_t best = 0;\n"
    "    for (int32_t id = 1; id < MODEL_VOCAB; id++)\n"
    "      if (logits[id] > logits[best]) best = id;\n"
    "    printf(\"%d\\n\", (int)best);\n"
    "    code = model_decode(run, best, logits);\n"
    "  }\n";

static void put_arrays(oi_emit *e, oi_emit_kind kind, uint32_t n) {
  char room[32];
  for (uint32_t i = 0; i < n; i++) {
    const char *field = oi_emit_port_field(e, kind, i, room);
    oi_text_put(&e->out, "  static %s %s[MODEL_",
                oi_emit_dtype_of(oi_emit_port(e, kind, i)->type.dtype)->type, field);
    for (const char *c = field; *c; c++)
      oi_text_put(&e->out, "%c", *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    say(e, "_ELEMENTS];\n");
  }
}

// Zeros in, every length at its least.
static void put_step(oi_emit *e) {
  char room[32];
  bool any = false;
  say(e, "  const model_inputs in = {");
  for (uint32_t i = 0; i < e->g->inputs.n; i++, any = true) {
    const char *field = oi_emit_port_field(e, OI_EMIT_INPUT, i, room);
    oi_text_put(&e->out, "%s.%s = %s", any ? ", " : "", field, field);
  }
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++) {
    if (!oi_emit_is_free(e, i)) continue;
    oi_text_put(&e->out, "%s.%s = %lld", any ? ", " : "", oi_emit_symbol_field(e, i, room),
                (long long)e->plan.sym_lo[i]);
    any = true;
  }
  say(e, any ? "};\n  const model_outputs out = {" : "0};\n  const model_outputs out = {");
  for (uint32_t i = 0; i < e->g->outputs.n; i++) {
    const char *field = oi_emit_port_field(e, OI_EMIT_OUTPUT, i, room);
    oi_text_put(&e->out, "%s.%s = %s", i ? ", " : "", field, field);
  }
  say(e, e->g->outputs.n ? "};\n" : "0};\n");
  say(e, "  if (code == MODEL_OK) code = model_step(run, &in, &out);\n");
  if (e->g->outputs.n && oi_emit_port(e, OI_EMIT_OUTPUT, 0)->type.dtype == OINF_F32)
    oi_text_put(&e->out, "  if (code == MODEL_OK) printf(\"%%g\\n\", (double)%s[0]);\n",
                oi_emit_port_field(e, OI_EMIT_OUTPUT, 0, room));
}

static void put_program(oi_emit *e) {
  say(e, "## From C\n\n");
  say(e, before);
  if (oi_emit_logits(e) >= 0) {
    oi_text_put(&e->out,
                "  static float logits[MODEL_VOCAB];\n"
                "  const int32_t prompt[] = {MODEL_BOS < 0 ? 0 : MODEL_BOS};\n");
    say(e, opening);
    say(e, generation);
  } else {
    put_arrays(e, OI_EMIT_INPUT, (uint32_t)e->g->inputs.n);
    put_arrays(e, OI_EMIT_OUTPUT, (uint32_t)e->g->outputs.n);
    say(e, opening);
    put_step(e);
  }
  say(e, after);
  const char *more = e->desc.embed ? " weights.o" : "";
  oi_text_put(
      &e->out,
      "\n    make model.o%s && cc -std=c11 -o use use.c model.o%s -lm -lpthread\n\n"
      "`model.h` is the manual: instances, threads, states, arrays by name. A C++ program can\n"
      "include it.\n\n",
      more, more);
}

// ---- figures ----

static void put_arenas(oi_emit *e) {
  const oinf_emit_figures *f = &e->figures;
  oi_text_put(&e->out,
              "## What it takes\n\n"
              "An instance allocates %llu bytes: activations %llu, states %llu, outputs %llu,\n"
              "scratch %llu, weights %llu; each thread but the first %llu more. A step allocates\n"
              "nothing.\n\n",
              u(f->peak), u(f->activations), u(f->states), u(f->io), u(f->room), u(f->weights),
              u(f->worker));
  if (e->room)
    oi_text_put(
        &e->out,
        "States keep %lld rows of a text, as a window of %lld is all that is seen of them.\n"
        "A text can begin anew, and go back to where its last step began.\n\n",
        (long long)e->room, (long long)e->windowed.window);
  say(e, "| a step | weights | read | written | flops |\n|---|--:|--:|--:|--:|\n");
  for (uint32_t i = 0; i < e->fig->n_cases; i++) {
    const oi_figure_case *c = &e->fig->cases[i];
    say(e, "| ");
    oi_report_html(&e->out, c->name, 40);
    oi_text_put(&e->out, " | %llu | %llu | %llu | %llu |\n", u(c->step.weights), u(c->step.read),
                u(c->step.written), u(c->step.flops));
  }
  say(e, "\n");
}

static void put_kernels(oi_emit *e) {
  const uint32_t which = oi_figures_usual(e->fig), n = e->fig->n_kernels;
  char name[96];
  say(e, "## Kernels\n\nA run of each, in the case ");
  oi_report_html(&e->out, e->fig->cases[which].name, 40);
  say(e,
      "; `report.html` draws them, `plan.json` has every case.\n\n"
      "| kernel | ops | runs | weights | read | written | flops "
      "|\n|---|---|--:|--:|--:|--:|--:|\n");
  for (uint32_t k = 1; k <= n && k <= MOST_ROWS; k++) {
    const oi_kernel_figures *f = &e->fig->kernel[k];
    const oi_cost *c = &f->run[which];
    oi_text_put(&e->out, "| `%s` | ", oi_emit_kernel_name(e, f->node, name));
    oi_report_ops(e, &e->out, k);
    oi_text_put(&e->out, " | %llu | %llu | %llu | %llu | %llu |\n", u(f->times), u(c->weights),
                u(c->read), u(c->written), u(c->flops));
  }
  if (n > MOST_ROWS) oi_text_put(&e->out, "\n%u more stand in `plan.json`.\n", n - MOST_ROWS);
  say(e, "\n");
}

// ---- numerics ----

static void put_numerics(oi_emit *e) {
  if (!e->desc.fast) {
    say(e,
        "Strict numerics: every value that it keeps equals the simulator's\n"
        "to the bit, whatever the compiler, its optimisation, the processor and the number of "
        "threads.\n");
    return;
  }
  oi_text_put(&e->out,
              "Fast numerics: each op stays within its bound (below)\n"
              "of the exact result, and `make check` finds the outputs within %.3g of their "
              "largest value;\n"
              "their bits depend on the compiler and the processor.\n",
              oi_emit_off(e));
}

static void put_bounds(oi_emit *e) {
  say(e,
      "## Bounds\n\n"
      "A result lies within units of 2^-24 of the exact one, as a part of what is named; an ULP "
      "is\n"
      "at most two units.\n\n"
      "| ops | units | of | |\n|---|---|---|---|\n");
  for (size_t i = 0; i < oi_bound_count(); i++) {
    const oi_bound *b = oi_bound_at(i);
    oi_text_put(&e->out, "| %s | %g", b->ops, b->least);
    if (b->length != OI_BOUND_NOTHING) oi_text_put(&e->out, " + %g n", b->per);
    oi_text_put(&e->out, " | %s | %s |\n", b->of, b->doc);
  }
  oi_text_put(&e->out,
              "\nThe bound of a step, %.3g, is the sum over all that its largest runs; a rounding\n"
              "to a narrower dtype counts as one step of it.\n\n",
              oi_emit_off(e));
}

// ---- the whole ----

static const char keys[] =
    "## plan.json\n\n"
    "Integers are exact bytes, counts and flops; a multiply-add is two flops, everything else "
    "one.\n\n"
    "| key | holds |\n|---|---|\n"
    "| `arenas`, `peak` | what an instance allocates, and the sum |\n"
    "| `activations_least` | the most that lives at one time: no plan has less |\n"
    "| `weights`, `weights_mapped` | tensors and bytes by dtype; whether they are used in place |\n"
    "| `families` | each weight of the graph: members, bytes, layout in weights.oinf, and why |\n"
    "| `paging` | under a budget: what stays, the slots, the order of pages, what a step reads |\n"
    "| `symbols`, `states` | lengths with their bounds; states with their dims at their most, and "
    "the "
    "rows that memory has |\n"
    "| `cases` | steps that are weighed: the largest, and each variant; sums over all kernels |\n"
    "| `kernels` | name, ops, role, `times` a step, and `run`: the cost of one run in each case |\n"
    "| `items`, `lives` | the activation arena over time: offset, bytes, first and last item |\n\n";

static void put_weights(oi_emit *e) {
  const oinf_emit_figures *f = &e->figures;
  if (e->desc.embed)
    say(e, "The weights stand within the program: `weights.c` is the package as an array.\n\n");
  else if (!e->desc.budget)
    say(e, "Weights are mapped; the checksum of each MiB is proved before its first use.\n\n");
  else
    oi_text_put(
        &e->out,
        "Weights are not mapped: %llu bytes hold those that stay and the slots through which\n"
        "the rest streams in the order of a step, read ahead by a thread. A step reads %llu\n"
        "bytes at most, the first one %llu; checksums are proved as blocks come in. The\n"
        "smallest peak would be %llu bytes.\n\n",
        u(e->paging.bytes), u(f->read_per_step), u(f->read_first), u(f->smallest));
}

oinf_status oi_emit_readme(oi_emit *e) {
  say(e, "# A network in C\n\nGraph \"");
  oi_report_html(&e->out, oinf_graph_name(e->g), 0);
  say(e, "\", written by oinf-emit. ");
  put_numerics(e);
  say(e,
      "Kernels for the processor at hand are chosen as it opens; `OINF_CPU=plain` limits the "
      "choice.\n\n"
      "    make          # builds ./model with any C11 compiler\n"
      "    make check    # replays the golden steps, names what differs\n"
      "    make bench    # times it\n"
      "    ./model --help\n\n"
      "It needs libc and threads alone.\n\n"
      "| file | holds |\n|---|---|\n"
      "| `model.h` | the interface |\n"
      "| `model.c` | the network: its step with its loops, tables of weights, inputs, outputs |\n"
      "| `library.c` | instances, threads, weights coming in, states in files, the check |\n");
  oi_text_put(&e->out, "| `kernels.c` | %u kernels, named by their roles |\n", e->n_kernels);
  say(e,
      "| `runtime.c` | arithmetic, checksums, threads, tokenizer, sampler |\n"
      "| `main.c`, `main_*.c` | the program |\n"
      "| `golden.inc` | the steps that `make check` replays |\n");
  say(e, e->desc.embed
             ? "| `weights.c` | the weights |\n"
             : "| `weights.oinf` | the weights; they and this source belong together |\n");
  say(e,
      "| `plan.json` | what was decided, for programs |\n"
      "| `report.html` | the same for people: open it in a browser |\n\n");
  put_weights(e);
  put_program(e);
  put_arenas(e);
  put_kernels(e);
  if (e->desc.fast) put_bounds(e);
  say(e, keys);
  say(e,
      "## What is not here\n\n"
      "Targets other than C.\n");
  return OINF_OK;
}
