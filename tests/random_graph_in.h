// The generator of random graphs, as its two files share it.
#ifndef OINF_TESTS_RANDOM_GRAPH_IN_H
#define OINF_TESTS_RANDOM_GRAPH_IN_H
#include "tests/random_graph.h"

enum { POOL = 48 };
typedef struct generator {
  random_graph *r;
  oinf_graph *g;
  uint64_t state;
  oinf_val pool[POOL];
  double size[POOL];
  int n;
  int depth, loops, branches, weights, names;
  char prefix[8];  // of this part's names
  bool stateless;  // within a branch: both sides would have to write the same states
  oinf_state state_of[4];
  oinf_dim index;  // of the innermost loop
  int64_t trips;   // of it; 0: the graph's own region
  char loop_name[16];
  oinf_dim C, P, T, S;
} generator;

static inline uint64_t next_random(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
  z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
  return z ^ z >> 31;
}
static inline int below(generator *v, int n) { return (int)(next_random(&v->state) % (uint64_t)n); }
static inline bool one_in(generator *v, int n) { return below(v, n) == 0; }
static inline double unit(uint64_t *state) { return (double)(next_random(state) >> 11) * 0x1p-52 - 1; }


// A value for the pool, as f32, squashed where it may be large.
oinf_val random_keep(generator *v, oinf_val x, double size);
// A weight of these dims; in a loop mostly a family of them.
oinf_val random_weight(generator *v, oinf_dtype dtype, uint32_t rank, int64_t a, int64_t b);
int64_t random_width(oinf_val x);  // the last dim where it is a number above 0, else 0
// random_ops.c: what graphs of language models seldom hold; y is of x's shape, of at most s.
void random_other(generator *v, oinf_val x, oinf_val y, double s);
#endif
