// Fast numerics: every op that computes in floats, over its vectors, as kernels of a fast bundle on
// each kind of processor, within the bound that bounds.def states. The vectors' results are double
// precision, or the strict result where a case is exact. Where a bound is a part of a sum of
// magnitudes, that is the op's own result over magnitudes of its operands.
#include <math.h>

#include "compiler/bounds.h"
#include "compiler/emit.h"
#include "tests/bundle.h"
#include "tests/op_parts.h"

enum {
  SOME = 12
};

// What a case wants: n results, and how far each may be off.
typedef struct wanted {
  int64_t n;
  double *value, *room;
} wanted;

typedef struct fast_part {
  op_part p;
  int of_op[OP_COUNT];  // cases of it so far
  wanted want[OP_PART_MOST];
} fast_part;

// ---- bounds of a case ----

static uint8_t byte_magnitude(uint8_t x) {
  const int8_t s = (int8_t)x;
  return (uint8_t)(s == -128 ? 127 : s < 0 ? -s : s);
}

// Of blocks of four bits each element becomes the largest.
static void to_magnitudes(oi_view *v) {
  const uint64_t block = v->dtype == OINF_Q8_0 ? 34 : 18;
  const bool floats = oi_dtype_class(v->dtype) & (OI_F | OI_D),
             blocks = oi_dtype_class(v->dtype) == OI_Q;
  uint8_t *bytes = v->data;
  for (uint64_t i = 0; !floats && i < oi_view_bytes(v); i++)
    if (blocks && i % block < 2) bytes[i] &= i % block ? 0x7f : 0xff;
    else bytes[i] = v->dtype == OINF_Q4_0 ? 0xff : byte_magnitude(bytes[i]);
  for (int64_t i = 0; floats && i < oi_view_count(v); i++) {
    double d;
    oi_load_f64(&d, v, i, 1);
    d = fabs(d);
    oi_store_f64(v, i, 1, &d);
  }
}

// The op's first result over magnitudes of its operands; of attention, of the values alone.
static void load_magnitudes(op_call *c, double *out) {
  void *had[OINF_MAX_SPLIT];
  for (uint32_t i = 0; i < c->n_in; i++) {
    oi_view *v = &c->in[i];
    had[i] = v->data;
    v->data = malloc(oi_view_bytes(v) + 64);
    memcpy(v->data, had[i], oi_view_bytes(v));
    if (c->op != OP_sdpa || i == 2) to_magnitudes(v);
  }
  CHECK_INT(op_call_run(c, NULL), OINF_OK);
  oi_load_f64(out, &c->out[0], 0, oi_view_count(&c->out[0]));
  for (uint32_t i = 0; i < c->n_in; i++) free(c->in[i].data), c->in[i].data = had[i];
}

static bool is_of_magnitudes(oi_op op) {
  return op == OP_sum || op == OP_mean || op == OP_fma || op == OP_matmul || op == OP_sdpa ||
         op == OP_rmsnorm;
}

static double units_of(const op_call *c) {
  const oi_node node = {.op = c->op, .n_in = c->n_in};
  oi_cost_shape s = {.node = &node};
  for (uint32_t i = 0; i < c->n_in; i++) s.in[i] = c->in[i];
  s.out[0] = c->out[0];
  return oi_bound_units(&s);
}

static double ulp_of(double want, oinf_dtype dtype) {
  int exponent = 0;
  frexp(want, &exponent);
  if (dtype == OINF_F64) return ldexp(1, (exponent < -1021 ? -1021 : exponent) - 53);
  return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

// What the case itself allows: "ulp 2 abs 1e-7", or nothing.
static double allowed(char *tolerance, double want, oinf_dtype dtype) {
  double most = 0;
  for (char *word; (word = op_vectors_word(&tolerance));) {
    if (strcmp(word, "ulp") != 0 && strcmp(word, "abs") != 0) continue;
    const double x = strtod(op_vectors_word(&tolerance), NULL);
    const double room = *word == 'u' ? x * ulp_of(want, dtype) : x;
    if (room > most) most = room;
  }
  return most;
}

static void bound_case(op_call *c, const char *tolerance, wanted *w) {
  const oinf_dtype dtype = c->out[0].dtype;
  const double units = units_of(c) * (dtype == OINF_F64 ? 0x1p-53 : 0x1p-24),
               least = units > 0 ? ulp_of(0, dtype) : 0;
  double *size = malloc((size_t)(w->n + 1) * sizeof *size);
  for (int64_t i = 0; i < w->n; i++) size[i] = fabs(w->value[i]) * (c->op == OP_prod ? 16 : 1);
  if (is_of_magnitudes(c->op)) load_magnitudes(c, size);
  for (int64_t i = 0; i < w->n; i++) {
    char words[128];
    snprintf(words, sizeof words, "%s", tolerance);
    const double room = allowed(words, w->value[i], dtype);
    w->room[i] = units * size[i] + least > room ? units * size[i] + least : room;
  }
  free(size);
}

// ---- cases ----

static bool take(void *user, const op_vectors *v, op_call *c, char *tolerance, char *out) {
  fast_part *f = user;
  wanted *w = &f->want[f->p.n];
  oi_view type = op_vectors_type(v, &out);
  const oi_bound *bound = oi_bound_of(c->op, OINF_F32);
  CHECK_MSG(bound, "%s has no bound", oi_op_info_of(c->op)->name);
  if (!(oi_dtype_class(type.dtype) & (OI_F | OI_D))) return false;
  // What only moves and compares has nothing to fuse; of many cases some do between soaks.
  if (!oi_test_soak() && bound->least == 0 && oi_op_info_of(c->op)->kind != OI_ELTWISE)
    return false;
  if (!oi_test_soak() && f->of_op[c->op]++ >= SOME && f->of_op[c->op] % 4) return false;
  CHECK(op_call_infer(c));
  *w = (wanted){.n = oi_view_count(&c->out[0])};
  w->value = malloc((size_t)(w->n + 1) * sizeof *w->value);
  w->room = malloc((size_t)(w->n + 1) * sizeof *w->room);
  for (int64_t i = 0; i < w->n; i++) {
    const char *word = op_vectors_word(&out);
    uint8_t bits[8];
    const oi_view one = {.data = bits, .dtype = type.dtype};
    w->value[i] = strtod(word, NULL);
    if (*word == 'x' || strstr(tolerance, "exact"))
      op_vectors_value(&one, 0, word), oi_load_f64(&w->value[i], &one, 0, 1);
  }
  bound_case(c, tolerance, w);
  return true;
}

static void check_case(const fast_part *f, int at, const void *have, const char *cpu) {
  const wanted *w = &f->want[at];
  const op_call *c = f->p.call[at];
  const oi_view v = {.data = (void *)(uintptr_t)have, .dtype = c->out[0].dtype};
  for (int64_t i = 0; i < w->n; i++) {
    double d, want = w->value[i];
    oi_load_f64(&d, &v, i, 1);
    if ((isnan(d) && isnan(want)) || d == want) continue;
    if (c->op == OP_fma && isnan(want)) continue;  // where only the rounded product is infinite
    CHECK_MSG(fabs(d - want) <= w->room[i], "%s: %s.%d, element %lld: %.9g is not %.9g within %.3g",
              cpu, oi_op_info_of(c->op)->name, at, (long long)i, d, want, w->room[i]);
  }
}

// ---- the bundle ----

// Inputs come from a file, outputs go to one, both one array behind the other.
static const char driver[] =
    "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
    "static _Alignas(64) char data[1 << 22];\n"
    "int main(int argc, char **argv) {\n"
    "  const void *inputs[MODEL_INPUTS + 1];\n"
    "  const int64_t symbols[MODEL_SYMBOLS + 1] = {0};\n"
    "  char path[512];\n  model_file *file;\n  model_run *run;\n  model_array a;\n"
    "  const char *cpu = getenv(\"OINF_CPU\");\n"
    "  size_t at = 0;\n"
    "  snprintf(path, sizeof path, \"%.*s/inputs\", (int)(strrchr(argv[argc - 1], '/') - "
    "argv[1]),\n"
    "           argv[1]);\n"
    "  FILE *f = fopen(path, \"rb\");\n"
    "  if (!f || fread(data, 1, sizeof data, f) == sizeof data || fclose(f)) return 2;\n"
    "  if (model_open(argv[1], &file) || model_new(file, &run)) return 3;\n"
    "  for (int i = 0; i < MODEL_INPUTS; i++) {\n"
    "    size_t n = 1;\n    model_input(i, &a);\n    inputs[i] = data + at;\n"
    "    for (int k = 0; k < a.rank; k++) n *= (size_t)a.dims[k];\n"
    "    at += (n * a.element + 63) / 64 * 64;\n  }\n"
    "  if (model_step_arrays(run, symbols, inputs, NULL)) return puts(model_error(run)), 4;\n"
    "  strcpy(strrchr(path, '/'), \"/outputs-\");\n  strcat(path, cpu ? cpu : \"best\");\n"
    "  if (!(f = fopen(path, \"wb\"))) return 5;\n"
    "  for (int i = 0; model_output(run, i, &a); i++) fwrite(a.data, 1, a.bytes, f);\n"
    "  if (fclose(f)) return 6;\n"
    "  model_free(run);\n  model_close(file);\n  return 0;\n}\n";

static void write_input(void *user, const char *name, const oi_view *in) {
  static const char zeros[64];
  const size_t n = oi_view_bytes(in);
  (void)name;
  CHECK(fwrite(in->data, 1, n, user) == n && fwrite(zeros, 1, (64 - n % 64) % 64, user) < 64);
}

static void emit_part(fast_part *f, const char *folder) {
  char path[512];
  const oinf_emit_desc d = {.fast = true};
  oi_pass_options options = {.without = 0};  // each case as it stands: none is folded away
  for (int i = 0; i < OI_PASS_COUNT; i++)
    options.without |= (uint32_t)!oi_pass_needed((oi_pass_id)i) << i;
  CHECK_MSG(oi_emit_run(f->p.model, f->p.graph, &d, &options, folder, NULL, NULL, NULL) == OINF_OK,
            "%s", oinf_error(f->p.ctx));
  snprintf(path, sizeof path, "%s/inputs", folder);
  FILE *to = fopen(path, "wb");
  CHECK(to);
  op_part_inputs(&f->p, write_input, to);
  CHECK(fclose(to) == 0);
}

static void check_outputs(const fast_part *f, const char *folder, const char *cpu) {
  char path[512];
  snprintf(path, sizeof path, "%s/outputs-%s", folder, cpu);
  FILE *from = fopen(path, "rb");
  CHECK_MSG(from, "no outputs of %s", cpu);
  for (int i = 0; i < f->p.n; i++) {
    static char have[1 << 20];
    const size_t n = oi_view_bytes(&f->p.call[i]->out[0]);
    CHECK(n <= sizeof have && fread(have, 1, n, from) == n);
    check_case(f, i, have, cpu);
  }
  fclose(from);
}

TEST(emit_fast, every_op_within_its_bound) {
  static fast_part f;
  static const char *const cpus[] = {"best", "plain", "avx2"};
  const char *cc = getenv("CC");
  const bool gcc = !cc || !strstr(cc, "clang");  // which fuses nothing at -O1 alone
  char folder[200];
  snprintf(folder, sizeof folder, "%s/fast", oi_test_dir());
  op_part_begin(&f.p, "fast");
  for (int op = 1; op < OP_COUNT; op++) op_part_add(&f.p, (oi_op)op, take, &f);
  emit_part(&f, folder);
  bundle_drive(folder, driver,
               oi_test_soak() ? "-O3"
               : gcc          ? "-O1 -fexpensive-optimizations"
                              : "-O1",
               "vectors of ops in fast");
  for (int i = 0; i < 3; i++) check_outputs(&f, folder, cpus[i]);
  printf("emit_fast: %d cases within their bounds\n", f.p.n);
  for (int i = 0; i < f.p.n; i++) free(f.want[i].value), free(f.want[i].room);
  op_part_end(&f.p);
}

TEST(emit_fast, every_op_that_computes_in_floats_has_a_bound) {
  for (int op = 1; op < OP_COUNT; op++) {
    const char *name = oi_op_info_of((oi_op)op)->name;
    if (!(oi_op_classes((oi_op)op) & (OI_F | OI_D | OI_Q))) continue;
    CHECK_MSG(oi_bound_of((uint32_t)op, OINF_F32), "%s has no bound", name);
  }
}
