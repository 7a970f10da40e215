// Random graphs from a seed: the same seed gives the same model, graph and steps, on every machine.
//
//   random_graph r;
//   random_graph_make(ctx, seed, &r);              // r.model, r.graph: valid by construction
//   for (uint32_t step = 0; step < RANDOM_STEPS; step++)
//     random_graph_step(&r, step);                 // sets r.rows (T), r.position (P), r.input[]
//   random_graph_free(&r);
//
// Symbols: C 1..RANDOM_CAPACITY, the states' capacity; P 0..C-1; T 1..RANDOM_ROWS. A graph may hold
// loops with carried values and families of weights, branches, states with and without layers,
// several outputs, weights of every storage dtype, and a user's own op, which is registered with
// the context. Values stay within a few thousand: what grows is squashed.
//
// random_graph_make_many puts the graphs of several seeds side by side into one, which is cheap to
// compile; names of all but the first begin with p1_, p2_ and so on.
#ifndef OINF_TESTS_RANDOM_GRAPH_H
#define OINF_TESTS_RANDOM_GRAPH_H
#include <oinf/oinf.h>

enum { RANDOM_INPUTS = 4, RANDOM_PARTS = 50, RANDOM_CAPACITY = 16, RANDOM_ROWS = 4, RANDOM_STEPS = 4 };

typedef struct random_input {
  char name[16];
  oinf_dtype dtype;
  uint32_t rank;
  int64_t dims[2];
  void *data;  // of the step at hand, owned by the graph
} random_input;

typedef struct random_graph {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  uint64_t seed;
  int64_t rows, position;  // T and P of the step at hand
  int n_inputs;
  random_input input[RANDOM_INPUTS * RANDOM_PARTS];
  uint32_t n_outputs;
  char output[4 * RANDOM_PARTS][16];
  struct random_block *blocks;
} random_graph;

void random_graph_make(oinf_ctx *ctx, uint64_t seed, random_graph *out);
// The graphs of seeds seed .. seed + n - 1, n at most RANDOM_PARTS.
void random_graph_make_many(oinf_ctx *ctx, uint64_t seed, int n, random_graph *out);
// Steps 0 .. RANDOM_STEPS - 1 in order; positions follow on each other within RANDOM_CAPACITY.
void random_graph_step(random_graph *r, uint32_t step);
void random_graph_free(random_graph *r);
#endif
