// The simulator's speed on a Llama of 100 million parameters, as shares of what the machine can
// read in the same round: each token reads each weight once, so the share of the read bandwidth
// says how much of a token is anything else. Usage: bench_sim MODEL.oinf [ROUNDS].
//
// A round: plain reads, a prefill of 256 and some tokens with one thread, on its CPU clock; then
// the same with two threads, on the wall clock, where a neighbour's work shows.
#include <oinf/sim.h>

#include "lib/model.h"
#include "tests/bench/bench.h"

#include <stdio.h>

enum { PREFILL = 256, TOKENS = 6, CONTEXT = 512, READ = 512 << 20, MOST_THREADS = 2 };

typedef struct subject {
  oinf_sim *sim;
  int threads;
  double (*clock)(void);
  bench_series prefill, prefill_gain, decode, decode_share;
} subject;

static void step(oinf_sim *s, int from, int n) {
  int32_t ids[PREFILL];
  oinf_array logits;
  for (int i = 0; i < n; i++) ids[i] = (int32_t)((7 * (from + i) + 3) % 32000);
  if (oinf_sim_set(s, "P", from) != OINF_OK ||
      oinf_sim_bind(s, "tokens", ids, OINF_I32, 1, (int64_t[]){n}) != OINF_OK ||
      oinf_sim_fetch(s, "logits", &logits) != OINF_OK || oinf_sim_end(s) != OINF_OK)
    bench_die("%s", oinf_sim_error(s));
}

static double timed(subject *x, int from, int n, int steps) {
  double start = x->clock();
  for (int i = 0; i < steps; i++) step(x->sim, from + i * n, n);
  return x->clock() - start;
}

static void measure(subject *x, double weights, double read) {
  double prefill = PREFILL / timed(x, 0, PREFILL, 1);
  double decode = TOKENS / timed(x, PREFILL, 1, TOKENS);
  bench_add(&x->prefill, prefill), bench_add(&x->prefill_gain, prefill / decode);
  bench_add(&x->decode, decode), bench_add(&x->decode_share, decode * weights / 1e9 / read);
}

static void say(const subject *x) {
  char name[80];
  const char *threads = x->threads == 1 ? "1 thread" : "2 threads";
  snprintf(name, sizeof name, "sim 100M bf16: decode, %s, share of read", threads);
  bench_row(name, &x->decode, "tokens/s", &x->decode_share);
  snprintf(name, sizeof name, "sim 100M bf16: prefill 256, %s, over decode", threads);
  bench_row(name, &x->prefill, "tokens/s", &x->prefill_gain);
}

int main(int argc, char **argv) {
  if (argc < 2) bench_die("usage: bench_sim MODEL.oinf [ROUNDS]");
  const int rounds = bench_rounds(argc, argv, 2, 7);
  static subject all[MOST_THREADS];
  static bench_series read[MOST_THREADS], gain[MOST_THREADS], none;
  const uint8_t *memory = bench_memory(READ);
  oinf_ctx *ctx;
  oinf_model *m;
  oinf_graph *g;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) return 75;
  if (oinf_model_open(ctx, argv[1], &m) != OINF_OK ||
      oinf_graph_load(ctx, m, NULL, &g) != OINF_OK)
    bench_die("%s", oinf_error(ctx));
  double weights = 0;
  for (uint32_t i = 0; i < oinf_model_tensor_count(m); i++)
    weights += (double)oinf_model_tensor(m, i)->bytes;
  for (int i = 0; i < MOST_THREADS; i++) {
    subject *x = &all[i];
    x->threads = i + 1, x->clock = i ? bench_wall : bench_cpu;
    const oinf_sim_desc d = {.threads = i + 1, .capacity = CONTEXT};
    if (oinf_sim_create(m, g, &d, &x->sim) != OINF_OK) bench_die("%s", oinf_error(ctx));
    step(x->sim, 0, PREFILL);  // proves the checksums
  }
  for (int r = 0; r < rounds; r++)
    for (int i = 0; i < MOST_THREADS; i++) {
      const double best = i ? bench_read_threads_best(memory, READ, MOST_THREADS)
                            : bench_read_best(memory, READ);
      measure(&all[i], weights, best);
      bench_add(&read[i], best), bench_add(&gain[i], best / read[0].at[r]);
    }
  bench_row("plain read, 1 thread", &read[0], "GB/s", &none);
  bench_row("plain read, 2 threads, over 1", &read[1], "GB/s", &gain[1]);
  for (int i = 0; i < MOST_THREADS; i++) say(&all[i]), oinf_sim_destroy(all[i].sim);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return 0;
}
