// The contender of tests/bench/peers that is ours: ops as the simulator calls them, or, by quantized
// weights, as a bundle does, which has them in groups; one thread, on its CPU clock. The
// quantization of x counts, as it does for the peers. The protocol is that of
// peer.py: "ready", then a figure for each line read.
//
//   ours matmul N | prefill TYPE | matvec TYPE MIB | read MIB
#include "lib/op.h"
#include "lib/rt/cpu.h"
#include "tests/bench/bench.h"

#include <oinf/ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  SIZE = 4096,
  ROWS = 256
};

typedef struct task {
  int64_t m, n, k, count;  // `count` matrices one behind the other
  oinf_dtype type;
  const uint8_t *w;
  uint64_t bytes;  // of one matrix
  float *x, *out, *scales;
  int8_t *quants;
  void *room;
} task;

static const struct {
  const char *name;
  oinf_dtype type;
} types[] = {{"f32", OINF_F32},
             {"f16", OINF_F16},
             {"bf16", OINF_BF16},
             {"q8_0", OINF_Q8_0},
             {"q4_0", OINF_Q4_0}};

static oinf_dtype type_of(const char *name) {
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(types[i].name, name) == 0) return types[i].type;
  bench_die("unknown type %s", name);
}

static void *room_of(oi_op op, oi_call *c) {
  const oi_op_info *info = oi_op_info_of(op);
  const uint64_t bytes = info->room ? info->room(c) : 0;
  return aligned_alloc(64, (size_t)(bytes / 64 + 1) * 64);
}

static oi_call call_of(const void *args, const oi_view *in, uint32_t n_in, oi_view *out,
                       uint32_t n_out) {
  return (oi_call){.args = args,
                   .in = in,
                   .n_in = n_in,
                   .out = out,
                   .n_out = n_out,
                   .tiled = -1,
                   .cpu = (int)oi_cpu_level()};
}

static void quantize(task *t) {
  const oinf_quantize_args args = {.block = 32};
  const oi_view in[] = {{t->x, OINF_F32, 2, {t->m, t->k}}};
  oi_view out[] = {{t->quants, OINF_I8, 2, {t->m, t->k}},
                   {t->scales, OINF_F32, 2, {t->m, t->k / 32}}};
  oi_call c = call_of(&args, in, 1, out, 2);
  oi_op_info_of(OP_quantize)->run(&c);
}

static void multiply(task *t, const uint8_t *w) {
  const oinf_matmul_args args = {.transpose_b = true};
  const oi_view in[] = {{t->x, OINF_F32, 2, {t->m, t->k}},
                        {(void *)(uintptr_t)w, t->type, 2, {t->n, t->k}}};
  oi_view out = {t->out, OINF_F32, 2, {t->m, t->n}};
  oi_call c = call_of(&args, in, 2, &out, 1);
  if (!t->room) t->room = room_of(OP_matmul, &c);
  c.room = t->room;
  oi_op_info_of(OP_matmul)->run(&c);
}

// x is laid in tiles for each matrix, as each product of a bundle does.
static void multiply_groups(task *t, const uint8_t *w) {
  const oi_dot_type type = oi_dtype_dot(t->type);
  const int64_t pitch = oi_tile_pitch(t->k, type);
  uint8_t *tiles = t->room;
  for (int64_t i = 0; i < t->m; i += OI_TILE)
    oi_pack_tile(tiles + i * pitch, t->quants + i * t->k, t->scales + i * (t->k / 32),
                 t->m - i < OI_TILE ? t->m - i : OI_TILE, t->k, type);
  const oi_dot d = {.out = t->out,
                    .out_pitch = t->n,
                    .x = tiles,
                    .x_pitch = pitch,
                    .w = w,
                    .w_pitch = oi_group_bytes(t->k, type),
                    .m = t->m,
                    .n = t->n,
                    .k = t->k};
  oi_groups_run(oi_dots_of(OI_CPU_UNKNOWN), &d, type);
}

static double seconds(task *t) {
  const double start = bench_cpu();
  const bool quantized = oi_dtype_class(t->type) == OI_Q;
  if (quantized) quantize(t);
  for (int64_t i = 0; i < t->count; i++)
    (quantized ? multiply_groups : multiply)(t, t->w + (uint64_t)i * t->bytes);
  return bench_cpu() - start;
}

static void open_groups(task *t) {
  const oi_dot_type type = oi_dtype_dot(t->type);
  const size_t tiles = (size_t)(t->m * oi_tile_pitch(t->k, type));
  t->bytes = (uint64_t)(oi_groups(t->n) * oi_group_bytes(t->k, type));
  t->room = aligned_alloc(64, (tiles + 63) / 64 * 64);
  if (!t->room) bench_die("no memory");
}

static void open_task(task *t) {
  t->bytes = (uint64_t)(t->n * t->k) * oinf_dtype_block_bytes(t->type);
  if (oi_dtype_class(t->type) == OI_Q) open_groups(t);
  t->x = aligned_alloc(64, sizeof(float) * (size_t)(t->m * t->k));
  t->out = aligned_alloc(64, sizeof(float) * (size_t)(t->m * t->n));
  t->quants = aligned_alloc(64, (size_t)(t->m * t->k));
  t->scales = aligned_alloc(64, sizeof(float) * (size_t)(t->m * t->k));
  if (!t->x || !t->out || !t->quants || !t->scales) bench_die("no memory");
  for (int64_t i = 0; i < t->m * t->k; i++) t->x[i] = (float)(i % 201 - 100) / 64;
}

int main(int argc, char **argv) {
  task t = {.m = 1, .n = SIZE, .k = SIZE, .count = 1, .type = OINF_F32};
  char line[64];
  size_t mib = 0;
  const char *what = argc > 2 ? argv[1] : "";
  const bool reads = strcmp(what, "read") == 0, vector = strcmp(what, "matvec") == 0;
  if (strcmp(what, "matmul") == 0) t.m = t.n = t.k = strtol(argv[2], NULL, 10);
  else if (strcmp(what, "prefill") == 0) t.m = ROWS, t.type = type_of(argv[2]);
  else if (vector && argc > 3) t.type = type_of(argv[2]), mib = strtoul(argv[3], NULL, 10);
  else if (reads) mib = strtoul(argv[2], NULL, 10);
  else bench_die("usage: ours matmul N | prefill TYPE | matvec TYPE MIB | read MIB");
  open_task(&t);
  if (mib) t.count = (int64_t)((mib << 20) / t.bytes);
  t.w = bench_memory(mib ? mib << 20 : (t.bytes + 63) / 64 * 64);
  if (!reads) seconds(&t);
  puts("ready");
  fflush(stdout);
  while (fgets(line, sizeof line, stdin)) {
    const double ops = 2.0 * (double)(t.m * t.n * t.k), bytes = (double)t.count * (double)t.bytes;
    if (reads) printf("%.6g\n", bench_read_best(t.w, mib << 20));
    else printf("%.6g\n", (vector ? bytes : ops) / seconds(&t) / 1e9);
    fflush(stdout);
  }
  return 0;
}
