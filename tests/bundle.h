// Bundles in tests: what the simulator computes in a few steps becomes golden steps of the package,
// and the program that is emitted from it replays them, value by value.
//
//   bundle b;
//   bundle_begin(&b, ctx, model, graph);
//   bundle_symbol(&b, "T", 3);
//   bundle_input(&b, "x", OINF_F32, 1, dims, data);
//   bundle_step(&b);                               // as many as are wanted
//   oinf_emit_bundle(model, graph, &desc, folder, NULL);
//   bundle_run(&folder, &name, 1, "-O1", "what");   // builds, links, checks
//   bundle_end(&b);
//
// Many graphs are cheap as one graph, and several bundles as one program: most of the time goes
// into starting compilers and reading the runtime.
#ifndef OINF_TESTS_BUNDLE_H
#define OINF_TESTS_BUNDLE_H
#include <oinf/emit.h>
#include <oinf/sim.h>

#include "lib/model.h"

typedef struct bundle {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  oinf_sim *sim;
  oi_arena arena;
  oi_golden_step step;  // the step at hand
  size_t room;          // of its values
  uint64_t n_values;    // of all steps
} bundle;

void bundle_begin(bundle *b, oinf_ctx *ctx, oinf_model *model, oinf_graph *graph);
void bundle_symbol(bundle *b, const char *name, int64_t value);
void bundle_input(bundle *b, const char *name, oinf_dtype dtype, uint32_t rank, const int64_t *dims,
                  const void *data);  // copied
// Runs the step in the simulator and writes it down.
void bundle_step(bundle *b);
// Takes the golden steps out of the model again.
void bundle_end(bundle *b);

// Builds the bundles with $CC and the flags into one program, which checks each of them in turn;
// the test fails where it does not build, says that a value differs, or finds another number of
// values equal than were recorded (0: any but none, as passes may take values out). `what` is said
// then. The program runs once for each kind of processor that the bundle has kernels for, but with
// -DOI_BASE_ONLY, which leaves them out. BUNDLE_FLAGS in the environment takes the flags' place, and BUNDLE_RUNNER runs the program
// (qemu-aarch64).
void bundle_run(const char *const *folders, const char *const *names, const uint64_t *values, int n,
                const char *flags, const char *what);
// Builds one bundle with a program of the test's own, whose text is `driver`; the test fails where
// that ends with anything but 0. Its first word is the path of the weights.
void bundle_drive(const char *folder, const char *driver, const char *flags, const char *what);
// A command without a shell, its words ended by NULL: its exit status, 128 where a signal ended it.
int bundle_command(const char *const *words);
#endif
