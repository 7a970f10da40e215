// The emitter against the simulator, over random graphs, many to a bundle: what the simulator
// computes in a few steps becomes golden steps of the package, and the bundle's own check replays
// them, value by value, with any passes left out. SEED=n takes one graph alone, WITHOUT=fold,cse
// leaves these passes out.
#include "compiler/emit.h"
#include "tests/bundle.h"
#include "tests/random_graph.h"
#include "tests/test.h"

static uint64_t recorded;  // values of all graphs

static void record(bundle *b, random_graph *r) {
  for (uint32_t step = 0; step < RANDOM_STEPS; step++) {
    random_graph_step(r, step);
    bundle_symbol(b, "P", r->position);
    bundle_symbol(b, "T", r->rows);
    for (int i = 0; i < r->n_inputs; i++) {
      const random_input *in = &r->input[i];
      bundle_input(b, in->name, in->dtype, in->rank, in->dims, in->data);
    }
    bundle_step(b);
  }
}

static uint32_t all_passes(void) {
  uint32_t bits = 0;
  for (int i = 0; i < OI_PASS_COUNT; i++) bits |= (uint32_t)!oi_pass_needed((oi_pass_id)i) << i;
  return bits;
}

// Passes that are left out: none for the first seeds, all for the next, then any; dead code stays
// in every other turn, as most of a random graph is dead.
static uint32_t left_out(uint64_t seed) {
  const uint64_t turn = seed / RANDOM_PARTS, any = turn * UINT64_C(0x9e3779b97f4a7c15) >> 40;
  const char *said = getenv("WITHOUT");
  uint32_t bits = turn == 0 ? 0 : turn == 1 ? all_passes() : (uint32_t)any & all_passes();
  if (turn % 2) bits |= UINT32_C(1) << OI_PASS_dce;
  if (said) bits = 0;
  CHECK(!said || oi_pass_without(&(oi_err){0}, said, &bits) == OINF_OK);
  return bits;
}

// The graphs of n seeds as one bundle; the number of values that it will check, 0 where passes may
// have taken some out.
static uint64_t emit_many(uint64_t seed, int n, const char *folder, const char *name) {
  oinf_ctx *ctx;
  random_graph r;
  bundle b;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  random_graph_make_many(ctx, seed, n, &r);
  bundle_begin(&b, ctx, r.model, r.graph);
  record(&b, &r);
  oinf_emit_desc d = {.name = name,
                      .budget = seed / 50 % 2 ? OINF_EMIT_SMALLEST : OINF_EMIT_MAPPED};
  const oi_pass_options options = {.without = left_out(seed)};
  CHECK_MSG(oi_emit_run(r.model, r.graph, &d, &options, folder, NULL, NULL, NULL) == OINF_OK,
            "seed %llu, without %x: %s", (unsigned long long)seed, options.without,
            oinf_error(ctx));
  const uint64_t values = options.without == all_passes() ? b.n_values : 0;
  recorded += b.n_values;
  bundle_end(&b);
  random_graph_free(&r);
  oinf_ctx_destroy(ctx);
  return values;
}

// Two bundles of up to 50 graphs in one program.
static void run_pair(uint64_t seed, int n) {
  char folder[2][200], what[64];
  const char *const folders[] = {folder[0], folder[1]}, *const names[] = {"first", "second"};
  uint64_t values[2];
  for (int i = 0; i < 2; i++) {
    snprintf(folder[i], sizeof folder[i], "%s/b%d", oi_test_dir(), i);
    values[i] = emit_many(seed + (uint64_t)(i * n), n, folder[i], names[i]);
  }
  snprintf(what, sizeof what, "seeds %llu to %llu", (unsigned long long)seed,
           (unsigned long long)seed + 2 * (uint64_t)n - 1);
  // Kernels for every kind of processor in some, as compilers take their time.
  const bool wide = seed / (2 * RANDOM_PARTS) % 4 == 0;
  bundle_run(folders, names, values, 2, wide ? "-O0" : "-O0 -DOI_BASE_ONLY", what);
}

TEST(emit, random_graphs_equal_the_simulator) {
  const char *one = getenv("SEED");
  const uint64_t wanted = one ? 0 : oi_test_soak() ? 10000 : 200;
  if (one) run_pair(strtoull(one, NULL, 10), 1);
  for (uint64_t seed = 0; seed < wanted; seed += 2 * RANDOM_PARTS) run_pair(seed, RANDOM_PARTS);
  printf("emit: random graphs of %llu values equal\n", (unsigned long long)recorded);
}
