// Small models and graphs for the simulator's tests, and what a test does with them again and
// again.
#ifndef OINF_TESTS_SIM_WORLD_H
#define OINF_TESTS_SIM_WORLD_H
#include <oinf/sim.h>

#include "sim/sim.h"
#include "tests/test.h"

enum {
  VOCAB = 24,
  WIDTH = 32,
  LAYERS = 3,
  CAPACITY = 16,
  ROWS = 8,
  WIDE_ROWS = 5003,
  WIDE_PICKS = 40,
  WINDOW = 8,
  WINDOW_ROWS = 16,
  POSITIONS = 400
};

typedef struct world {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  void *data[64];  // of the weights
  int n_data;
} world;

// A context, an empty model and a graph over it.
world world_new(const oinf_ctx_desc *desc);
void world_free(world *w);
// Adds a tensor of noise that kernels can bear; rank 1 where b is 0.
void world_weight(world *w, const char *name, oinf_dtype dtype, int64_t a, int64_t b);
// A decoder with a cache k of [LAYERS, C, WIDTH], symbols C, P, T, input tokens, values
// blk.<l>.norm, blk.<l>.out, output logits [VOCAB]; variants prefill and decode.
void world_decoder(world *w);
// Two layers over caches k and v of POSITIONS rows, of dtype kv, with attention over a WINDOW in
// the first and `second` rows (0: all) in the second; symbols C, P, T of at most WINDOW_ROWS, input
// tokens, values out0 and out1, output logits [VOCAB].
void world_windowed(world *w, oinf_dtype kv, int64_t second);
// One state h of [1, 4] that each step overwrites, input x [1, 4], output y.
void world_rnn(world *w);
// Every way in which a kernel takes a weight: rows of f32, f16, q8_0 and q4_0 in tiles, columns and
// small ones whole, rows that an index picks, along the first axis or the second.
// Input pick [T], of at most WIDE_PICKS numbers below WIDE_ROWS; outputs a to h.
void world_wide(world *w);
// Weights of 2 MiB in either side of a branch and behind it: inputs x f32 [1, 64] and side.
void world_sides(world *w);
// Saves the model with its graph; what then stands in `w` is the package that was opened again.
void world_package(world *w, const char *name);
const char *world_path(const char *name);  // in the scratch folder; 16 live at a time
oinf_sim *world_sim(world *w, const oinf_sim_desc *desc);

// A step of the decoder over ids (7 i + 3) mod VOCAB at positions begin .. end - 1: bound, and for
// world_step run to the hash of its logits and ended.
void world_bind(oinf_sim *s, int64_t begin, int64_t end);
uint64_t world_hash(oinf_sim *s, const char *name);
uint64_t world_step(oinf_sim *s, int64_t begin, int64_t end);

#define SIM_OK(s, expr)                                                                 \
  do {                                                                                  \
    oinf_status ok_ = (expr);                                                           \
    CHECK_MSG(ok_ == OINF_OK, "%s: status %d: %s", #expr, (int)ok_, oinf_sim_error(s)); \
  } while (0)
#define SIM_REFUSED(s, expr, status, word)                                                     \
  do {                                                                                         \
    oinf_status bad_ = (expr);                                                                 \
    CHECK_MSG(bad_ == (status) && strstr(oinf_sim_error(s), word), "%s: status %d: %s", #expr, \
              (int)bad_, oinf_sim_error(s));                                                   \
  } while (0)
#endif
