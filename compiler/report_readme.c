// README.md of a bundle: what it is, how it is built, what it takes.
#include "compiler/report.h"

oinf_status oi_emit_readme(oi_emit *e) {
  oi_text_put(&e->out,
              "# A network in C\n\n"
              "Written by oinf-emit. `make` builds `./model`; `make check` replays the golden\n"
              "steps and names the first kernel that differs; `make bench` times; `make clean`.\n"
              "It needs libc alone.\n\n"
              "* `model.h`, `model.c`: the library; `kernels.c`: %u kernels, one a node\n"
              "* `main.c`: the program; `runtime.c`: arithmetic, checksums, tokenizer, sampler\n"
              "* `weights.oinf`: the weights; they and this source belong together\n"
              "* `plan.json`: kernels and arenas\n\n"
              "An instance allocates %llu bytes: activations %llu, states %llu, outputs %llu,\n"
              "scratch %llu, weights %llu.\n",
              e->n_kernels, (unsigned long long)e->figures.peak,
              (unsigned long long)e->figures.activations, (unsigned long long)e->figures.states,
              (unsigned long long)e->figures.io, (unsigned long long)e->figures.room,
              (unsigned long long)e->figures.weights);
  if (e->desc.budget)
    oi_text_put(
        &e->out,
        "\nWeights are not mapped: %llu bytes of the arena hold those that stay and the\n"
        "slots through which the rest streams in the order of a step, read ahead by a\n"
        "thread; a step reads %llu bytes at most, the first one %llu. Checksums are proved\n"
        "as blocks come in. The smallest peak would be %llu bytes.\n",
        (unsigned long long)e->paging.bytes, (unsigned long long)e->figures.read_per_step,
        (unsigned long long)e->figures.read_first, (unsigned long long)e->figures.smallest);
  else
    oi_text_put(&e->out,
                "\nWeights are mapped; a block's checksum is proved before its first use.\n");
  oi_text_put(&e->out, "\nNot in this version: fusion, and kernels for particular processors.\n");
  return OINF_OK;
}
