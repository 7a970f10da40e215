// What opening costs: packages of 300 tensors with the tables of a 128000-token vocabulary, against
// a plain read() of the bytes that opening must see (all before the weights), and a package of
// 1 GiB of weights against one of 8 MiB. Usage: bench_open SMALL.oinf LARGE.oinf [ROUNDS].
//
// All bytes are in the page cache: it is our own work that is measured, not the disk. The thread's
// CPU clock is used.
#include "formats/oinf.h"
#include "lib/rt/token.h"
#include "tests/bench/bench.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct round {
  double open, read, ready;
} round;

static double read_plain(const char *path, size_t size) {
  double start = bench_cpu();
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  char *at = malloc(size);
  if (fd < 0 || !at) bench_die("cannot read %s", path);
  for (size_t n = 0; n < size;) {
    ssize_t got = read(fd, at + n, size - n);
    if (got <= 0) bench_die("cannot read %s", path);
    n += (size_t)got;
  }
  free(at);
  close(fd);
  return bench_cpu() - start;
}

// Opens; then whatever else text generation wants before its plan: the graph and the tokenizer.
static round open_once(oinf_ctx *ctx, const char *path, size_t *out_front) {
  round r = {0};
  oinf_model *m;
  oinf_graph *g;
  double start = bench_cpu();
  if (oinf_model_open(ctx, path, &m) != OINF_OK) bench_die("%s", oinf_error(ctx));
  r.open = bench_cpu() - start;
  const oinf_blob *b = oinf_model_blob(m, "tokenizer");
  oi_tokenizer *tok = b ? oi_tokenizer_open(b->data, b->size) : NULL;
  if (!tok || oinf_graph_load(ctx, m, NULL, &g) != OINF_OK)
    bench_die("%s has no tokenizer or no graph: %s", path, oinf_error(ctx));
  r.ready = bench_cpu() - start;
  *out_front = m->weights_offset;
  oinf_graph_destroy(g);
  oi_tokenizer_close(tok);
  oinf_model_destroy(m);
  r.read = read_plain(path, *out_front);
  return r;
}

int main(int argc, char **argv) {
  if (argc < 3) bench_die("usage: bench_open SMALL.oinf LARGE.oinf [ROUNDS]");
  const int rounds = bench_rounds(argc, argv, 3, 31);
  static bench_series open_ms, open_read, ready_ms, ready_read, large_ms, large_small, front_mb,
      none;
  oinf_ctx *ctx;
  if (oinf_ctx_create(NULL, &ctx) != OINF_OK) return 75;
  for (int i = -1; i < rounds; i++) {
    size_t front;
    round small = open_once(ctx, argv[1], &front), large = open_once(ctx, argv[2], &front);
    if (i < 0) continue;  // the first warms the page cache
    bench_add(&front_mb, (double)front / 1e6);
    bench_add(&open_ms, 1e3 * small.open), bench_add(&open_read, small.open / small.read);
    bench_add(&ready_ms, 1e3 * small.ready), bench_add(&ready_read, small.ready / small.read);
    bench_add(&large_ms, 1e3 * large.open), bench_add(&large_small, large.open / small.open);
  }
  oinf_ctx_destroy(ctx);
  bench_row("open: metadata of 300 tensors, 128k vocabulary", &front_mb, "MB", &none);
  bench_row("open, over read() of the same bytes", &open_ms, "ms", &open_read);
  bench_row("open + graph + tokenizer, over the same", &ready_ms, "ms", &ready_read);
  bench_row("open with 1 GiB of weights, over 8 MiB", &large_ms, "ms", &large_small);
  return 0;
}
