// Every row of rewrites.def over edge values: the pattern is built as a graph, simulated as it is
// and simulated as the pass leaves it; an exact row changes no bit, an inexact one is not touched
// in strict, and in fast stays near the pattern in double precision. Rows that a function decides
// have a graph each.
#include <oinf/sim.h>

#include "compiler/bounds.h"
#include "compiler/passes.h"
#include "tests/test.h"

#include <math.h>

enum {
  MOST = 24,
  ALL = MOST * MOST
};

typedef struct bench {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
} bench;

static bench bench_new(void) {
  bench b;
  CHECK_INT(oinf_ctx_create(NULL, &b.ctx), OINF_OK);
  CHECK_INT(oinf_model_create(b.ctx, &b.model), OINF_OK);
  CHECK_INT(oinf_graph_create(b.ctx, b.model, "g", &b.graph), OINF_OK);
  return b;
}

static void bench_free(bench *b) {
  oinf_graph_destroy(b->graph);
  oinf_model_destroy(b->model);
  oinf_ctx_destroy(b->ctx);
}

// ---- edge values ----

static const double floats[] = {0.0,
                                -0.0,
                                1,
                                -1,
                                0.5,
                                -2,
                                3,
                                0x1p-126,
                                -0x1p-126,
                                0x1p-149,
                                -0x1p-149,
                                0x1.8p-130,
                                0x1.fffffep127,
                                -0x1.fffffep127,
                                0x1p126,
                                1e-40,
                                8388609.5,
                                -2.5,
                                1.5,
                                0x1p24};
enum {
  N_FLOATS = sizeof floats / sizeof *floats
};
static const int64_t integers[] = {
    0, 1, -1, 2, 7, -8, 31, 127, -128, 32767, -32768, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
enum {
  N_INTEGERS = sizeof integers / sizeof *integers
};

static double float_at(int i) {
  return i < N_FLOATS ? floats[i] : i == N_FLOATS ? INFINITY : i == N_FLOATS + 1 ? -INFINITY : NAN;
}

static void put_element(char *at, oinf_dtype dtype, int i) {
  const float f = (float)float_at(i % (N_FLOATS + 3));
  const double d = float_at(i % (N_FLOATS + 3)) * (i % 5 == 4 ? 0x1p-900 : 1);
  const int64_t s = integers[i % N_INTEGERS];
  const unsigned char b = i % 2 != 0;
  if (dtype == OINF_F32) memcpy(at, &f, sizeof f);
  else if (dtype == OINF_F64) memcpy(at, &d, sizeof d);
  else if (dtype == OINF_BOOL) memcpy(at, &b, 1);
  else memcpy(at, &s, oinf_dtype_block_bytes(dtype));
}

// Every pair of edge values as x and y, and z beside them.
static void fill(char *out, oinf_dtype dtype, int letter) {
  const size_t size = oinf_dtype_block_bytes(dtype);
  for (int i = 0; i < ALL; i++) {
    const int which = letter == 0 ? i / MOST : letter == 1 ? i % MOST : (i * 7 + i / MOST) % MOST;
    put_element(out + (size_t)i * size, dtype, which);
  }
}

// ---- patterns as graphs ----

static oinf_val build(oinf_graph *g, const char **at, oinf_dtype dtype, bool condition) {
  size_t n = 0;
  while (((*at)[n] >= 'a' && (*at)[n] <= 'z') || (*at)[n] == '_') n++;
  if (n == 0) {
    char *end;
    const double x = strtod(*at, &end);
    *at = end;
    return oinf_fill(g, .dtype = dtype, .shape = OINF_DIMS(ALL), .value = x);
  }
  if (n == 1) {
    const char name[2] = {*(*at)++, 0};
    const oinf_val known = oinf_graph_find(g, name);
    return known.id ? known : oinf_input(g, name, condition ? OINF_BOOL : dtype, ALL);
  }
  const oi_op op = oi_op_find(*at, n);
  uint32_t in[3], count = 0;
  static const oinf_fill_args none;
  CHECK_MSG(op != OP_NONE, "no op at '%s'", *at);
  for (*at += n + 1; **at != ')'; count++) {
    while (**at == ',' || **at == ' ') ++*at;
    in[count] = build(g, at, dtype, op == OP_where && count == 0).id;
  }
  ++*at;
  return oi_build_list(g, op, &none, in, count, NULL, 0);
}

static char data[3][ALL * 8];

// What a graph gives over the edge values: its hash, and where it is of floats the elements.
static uint64_t run(bench *b, oinf_graph *g, float *out) {
  oinf_sim *s;
  oinf_array a;
  CHECK_INT(oinf_sim_create(b->model, g, NULL, &s), OINF_OK);
  for (size_t i = 0; i < g->inputs.n; i++) {
    const oi_value *v = oi_val_at(g, g->inputs.at[i]);
    const int letter = v->name[0] - 'x';
    const int64_t dims[1] = {ALL};
    fill(data[letter], v->type.dtype, letter);
    CHECK_INT(oinf_sim_bind(s, v->name, data[letter], v->type.dtype, 1, dims), OINF_OK);
  }
  CHECK_MSG(oinf_sim_fetch(s, "out", &a) == OINF_OK, "%s", oinf_sim_error(s));
  oi_view v = {.data = (void *)(uintptr_t)a.data, .dtype = a.dtype, .rank = a.rank};
  memcpy(v.dim, a.dims, sizeof a.dims);
  const uint64_t hash = oi_view_hash(&v);
  if (out) memcpy(out, a.data, a.bytes);
  oinf_sim_destroy(s);
  return hash;
}
static uint64_t output_hash(bench *b, oinf_graph *g) { return run(b, g, NULL); }

// ---- patterns in double precision ----

typedef struct reals {
  bool lost;     // a function left what doubles can tell
  double units;  // the largest bound of its ops
} reals;

// The pattern for element i of the operands.
static double exactly(const char **at, int i, reals *e) {
  size_t n = 0;
  double v[3] = {0};
  while (((*at)[n] >= 'a' && (*at)[n] <= 'z') || (*at)[n] == '_') n++;
  if (n == 0) {
    char *end;
    const double x = (float)strtod(*at, &end);
    return *at = end, x;
  }
  if (n == 1) return ((const float *)(const void *)data[*(*at)++ - 'x'])[i];
  const oi_op op = oi_op_find(*at, n);
  int count = 0;
  for (*at += n + 1; **at != ')'; count++) {
    while (**at == ',' || **at == ' ') ++*at;
    v[count] = exactly(at, i, e);
  }
  ++*at;
  const oi_bound *bound = oi_bound_of(op, OINF_F32);
  CHECK_MSG(bound, "op %s has no bound", oi_op_info_of(op)->name);
  if (bound->least > e->units) e->units = bound->least;
  switch (op) {
    case OP_add: return v[0] + v[1];
    case OP_sub: return v[0] - v[1];
    case OP_mul: return v[0] * v[1];
    case OP_div: return v[0] / v[1];
    case OP_neg: return -v[0];
    case OP_sqrt: return sqrt(v[0]);
    case OP_pow: return pow(v[0], v[1]);
    case OP_log: return log(v[0]);
    case OP_exp:
      e->lost = e->lost || (isfinite(v[0]) && !(fabs(v[0]) < 700 && fabs(v[0]) > 0x1p-20));
      return exp(v[0]);
    default: oi_test_end(false, __FILE__, __LINE__, "'%s' has no double", oi_op_info_of(op)->name);
  }
}

static void check_near(const char *row, const char *pattern, const float *have) {
  for (int i = 0; i < ALL; i++) {
    const char *at = pattern;
    reals e = {.lost = false};
    const double want = exactly(&at, i, &e), room = e.units * 0x1p-24 * fabs(want) + 0x1p-149;
    if (e.lost || (isnan(want) && isnan(have[i])) || want == have[i]) continue;
    if (isinf(have[i]) && fabs(want) * (1 + 0x1p-22) > 0x1.fffffep127) continue;
    CHECK_MSG(fabs(have[i] - want) <= room, "%s, element %d: %a is not %a", row, i, have[i], want);
  }
}

// Runs the rewrites alone over a copy; true where `row` was used. Equal bits where it is exact,
// and else within the largest bound of its ops.
static bool rewritten(bench *b, const char *row, bool inexact, const char *pattern) {
  const oi_pass_options options = {.without = ~(1u << OI_PASS_rewrite), .inexact = inexact};
  oi_err *err = oi_ctx_err(b->ctx);
  char line[80];
  oinf_graph *copy;
  CHECK_MSG(oi_graph_clone(b->graph, err, &copy) == OINF_OK, "%s: %s", row, err->message);
  oi_pass p = {.g = copy, .err = err, .options = &options};
  oi_text_init(&p.said, b->ctx);
  CHECK_MSG(oi_passes_run(&p) == OINF_OK, "%s: %s", row, err->message);
  snprintf(line, sizeof line, "rewrite: %s\n", row);
  const bool used = strstr(p.said.at, line) != NULL;
  if (used && !inexact)
    CHECK_MSG(output_hash(b, b->graph) == output_hash(b, copy), "%s changes bits", row);
  if (used && inexact) {
    static float have[ALL];
    run(b, copy, have);
    check_near(row, pattern, have);
  }
  oi_pass_free(&p);
  oinf_graph_destroy(copy);
  return used;
}

// ---- rows that are patterns ----

static bool try_pattern(const char *name, const char *pattern, oinf_dtype dtype, bool inexact) {
  bench b = bench_new();
  const char *at = pattern;
  oinf_output(b.graph, "out", build(b.graph, &at, dtype, false));
  CHECK_MSG(oinf_graph_check(b.graph) == OINF_OK, "%s: %s", name, oinf_error(b.ctx));
  const bool used = rewritten(&b, name, inexact, pattern);
  bench_free(&b);
  return used;
}

TEST(rewrites, every_exact_pattern_keeps_every_bit) {
  static const struct {
    unsigned class;
    oinf_dtype dtypes[3];
  } classes[] = {{OI_F, {OINF_F32}},
                 {OI_D, {OINF_F64}},
                 {OI_S, {OINF_I8, OINF_I32, OINF_I64}},
                 {OI_U, {OINF_U8, OINF_U32, OINF_U64}},
                 {OI_B, {OINF_BOOL}}};
  int tried = 0;
  for (size_t i = 0; i < oi_rewrite_count(); i++) {
    bool exact;
    const char *pattern;
    unsigned of;
    const char *name = oi_rewrite_at(i, &exact, &pattern, &of);
    for (size_t c = 0; pattern && exact && c < sizeof classes / sizeof *classes; c++)
      for (int d = 0; of & classes[c].class && d < 3 && classes[c].dtypes[d]; d++, tried++)
        CHECK_MSG(try_pattern(name, pattern, classes[c].dtypes[d], false), "%s is not used on %s",
                  name, oinf_dtype_name(classes[c].dtypes[d]));
  }
  CHECK(tried > 100);
}

TEST(rewrites, inexact_patterns_are_not_touched_in_strict_and_near_in_fast) {
  static const char *const decided[][2] = {{"div_constant", "div(x, 3)"},
                                           {"div_constant", "div(x, -1e-30)"},
                                           {"mul_constants", "mul(mul(x, 3), 0.1)"},
                                           {"mul_constants", "mul(0.7, mul(-1e10, x))"}};
  for (size_t i = 0; i < oi_rewrite_count() + sizeof decided / sizeof *decided; i++) {
    const bool given = i >= oi_rewrite_count();
    const char *const *row = given ? decided[i - oi_rewrite_count()] : NULL;
    bool exact = false;
    unsigned of;
    const char *pattern = row ? row[1] : NULL;
    const char *name = row ? row[0] : oi_rewrite_at(i, &exact, &pattern, &of);
    if (exact || !pattern) continue;
    CHECK_MSG(!try_pattern(name, pattern, OINF_F32, false), "%s is used in strict", name);
    CHECK_MSG(try_pattern(name, pattern, OINF_F32, true), "%s is not used", name);
  }
}

// ---- rows that a function decides ----

typedef struct decided {
  const char *name;
  oinf_val (*make)(oinf_graph *g, oinf_val x);
  bool used;
} decided;

#define MADE(name, expr)                            \
  static oinf_val name(oinf_graph *g, oinf_val x) { \
    (void)g;                                        \
    return expr;                                    \
  }
#define SQUARE(x) oinf_reshape(x, .shape = OINF_DIMS(MOST, MOST))
MADE(reshape_same, oinf_abs(oinf_reshape(x, .shape = OINF_DIMS(ALL))))
MADE(reshape_twice, oinf_reshape(SQUARE(x), .shape = OINF_DIMS(2, ALL / 2)))
MADE(reshape_back,
     oinf_abs(oinf_reshape(oinf_unsqueeze(x, .axes = OINF_DIMS(0)), .shape = OINF_DIMS(ALL))))
MADE(expand_same, oinf_abs(oinf_expand(x, .shape = OINF_DIMS(ALL))))
MADE(expand_more, oinf_expand(x, .shape = OINF_DIMS(2, ALL)))
MADE(slice_whole, oinf_abs(oinf_slice(x, .begin = 0, .end = ALL)))
MADE(slice_part, oinf_slice(x, .begin = 1, .end = ALL))
MADE(concat_one, oinf_abs(oinf_concat(x)))
MADE(permute_none, oinf_permute(SQUARE(x), .axes = OINF_DIMS(0, -1)))
MADE(permute_twice, oinf_permute(oinf_permute(oinf_reshape(x, .shape = OINF_DIMS(4, 6, MOST)),
                                              .axes = OINF_DIMS(2, 0, 1)),
                                 .axes = OINF_DIMS(1, 0, 2)))
MADE(permute_back,
     oinf_permute(oinf_permute(SQUARE(x), .axes = OINF_DIMS(1, 0)), .axes = OINF_DIMS(1, 0)))
MADE(permute_once, oinf_permute(SQUARE(x), .axes = OINF_DIMS(1, 0)))
MADE(cast_by_f64, oinf_cast(oinf_cast(x, .to = OINF_F64), .to = OINF_F16))
MADE(cast_by_f16, oinf_cast(oinf_cast(x, .to = OINF_F16), .to = OINF_BF16))
MADE(cast_back, oinf_cast(oinf_cast(x, .to = OINF_F64), .to = OINF_F32))
MADE(cast_int, oinf_cast(oinf_cast(oinf_cast(x, .to = OINF_I32), .to = OINF_I32), .to = OINF_I64))
MADE(by_four, oinf_div(x, oinf_num(g, 4)))
MADE(by_small, oinf_div(x, oinf_num(g, -0x1p-120)))
MADE(by_smallest, oinf_div(x, oinf_num(g, 0x1p-149)))
MADE(by_three, oinf_div(x, oinf_num(g, 3)))

TEST(rewrites, attributes_decide) {
  static const decided rows[] = {
      {"same_shape", reshape_same, true},   {"view_of_view", reshape_twice, true},
      {"view_of_view", reshape_back, true}, {"same_expand", expand_same, true},
      {"same_expand", expand_more, false},  {"same_slice", slice_whole, true},
      {"same_slice", slice_part, false},    {"concat_of_one", concat_one, true},
      {"permute", permute_none, true},      {"permute", permute_twice, true},
      {"permute", permute_back, true},      {"permute", permute_once, false},
      {"lossless_cast", cast_by_f64, true}, {"lossless_cast", cast_by_f16, false},
      {"lossless_cast", cast_back, false},  {"lossless_cast", cast_int, true},
      {"div_power", by_four, true},         {"div_power", by_small, true},
      {"div_power", by_smallest, false},    {"div_power", by_three, false}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bench b = bench_new();
    oinf_output(b.graph, "out", rows[i].make(b.graph, oinf_input(b.graph, "x", OINF_F32, ALL)));
    CHECK_MSG(oinf_graph_check(b.graph) == OINF_OK, "%zu: %s", i, oinf_error(b.ctx));
    CHECK_MSG(rewritten(&b, rows[i].name, false, NULL) == rows[i].used, "%zu: %s", i, rows[i].name);
    bench_free(&b);
  }
}

// A broadcast that a neutral number makes is no neutral one; widths of integers differ.
TEST(rewrites, shapes_and_widths_are_kept) {
  bench b = bench_new();
  const oinf_val x = oinf_input(b.graph, "x", OINF_I8, ALL),
                 y = oinf_input(b.graph, "y", OINF_I32, ALL);
  oinf_output(b.graph, "out", oinf_add(y, oinf_neg(x)));
  CHECK(!rewritten(&b, "add_neg", false, NULL));
  bench_free(&b);
  b = bench_new();
  const oinf_val one = oinf_fill(b.graph, .shape = OINF_DIMS(3, 1), .value = 1);
  oinf_output(b.graph, "out", oinf_mul(oinf_input(b.graph, "x", OINF_F32, ALL), one));
  CHECK(!rewritten(&b, "mul_one", false, NULL));
  bench_free(&b);
}
