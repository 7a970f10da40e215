// Every op against vectors made elsewhere: tests/data/ops/<op>.txt, written by make.py in double
// precision.
//
// A row of ops.def whose class has no case fails by name.
#include <math.h>

#include "tests/op_vectors.h"

typedef struct tolerance {
  bool exact;
  double ulp, abs;
} tolerance;

static double ulp_of(double want, oinf_dtype dtype) {
  int exponent = 0;
  frexp(want, &exponent);
  if (dtype == OINF_F64) return ldexp(1, (exponent < -1021 ? -1021 : exponent) - 53);
  return ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
}

static bool near_enough(double have, double want, oinf_dtype dtype, const tolerance *t) {
  if (isnan(want) || isnan(have)) return isnan(want) && isnan(have);
  if (have == want) return true;
  if (isinf(want) || isinf(have)) return false;
  double off = fabs(have - want);
  return off <= t->ulp * ulp_of(want, dtype) || off <= t->abs;
}

// Bits of an integer, a bool, or a float that is given by its bits.
static bool same_bits(const oi_view *have, const oi_view *want, int64_t i) {
  size_t size = oinf_dtype_block_bytes(have->dtype);
  return memcmp((const char *)have->data + (size_t)i * size,
                (const char *)want->data + (size_t)i * size, size) == 0;
}

static void check_value(const op_vectors *v, const oi_view *have, int64_t i, const char *word,
                        const tolerance *t) {
  unsigned char keep[8];
  oi_view want = {.data = keep, .dtype = have->dtype};
  oi_view one = {.data = (char *)have->data + (size_t)i * oinf_dtype_block_bytes(have->dtype),
                 .dtype = have->dtype};
  const char *op = oi_op_info_of(v->op)->name;
  if (!t->exact && *word != 'x' && oi_dtype_class(have->dtype) & (OI_F | OI_D)) {
    double d = 0, w = strtod(word, NULL);
    oi_load_f64(&d, have, i, 1);
    CHECK_MSG(near_enough(d, w, have->dtype, t),
              "%s, line %d, element %lld: %.9g (%a) is not %.9g (%s)", op, v->line, (long long)i, d,
              d, w, word);
    return;
  }
  op_vectors_value(&want, 0, word);
  if (oi_dtype_class(have->dtype) & (OI_F | OI_D)) oi_canonical_nan(&want), oi_canonical_nan(&one);
  CHECK_MSG(same_bits(&one, &want, 0), "%s, line %d, element %lld is not %s", op, v->line,
            (long long)i, word);
}

static void check_out(const op_vectors *v, const op_call *c, uint32_t k, char *at,
                      const tolerance *t) {
  const char *op = oi_op_info_of(v->op)->name;
  oi_view want = op_vectors_type(v, &at);
  CHECK_MSG(k < c->n_out, "%s, line %d: expected output %u", op, v->line, k);
  const oi_view *have = &c->out[k];
  CHECK_MSG(have->dtype == want.dtype, "%s, line %d: %s is not %s", op, v->line,
            oinf_dtype_name(have->dtype), oinf_dtype_name(want.dtype));
  CHECK_MSG(have->rank == want.rank, "%s, line %d: rank %u is not %u", op, v->line, have->rank,
            want.rank);
  for (uint32_t i = 0; i < have->rank; i++)
    CHECK_MSG(have->dim[i] == want.dim[i], "%s, line %d: dim %u is %lld, not %lld", op, v->line, i,
              (long long)have->dim[i], (long long)want.dim[i]);
  int64_t n = oi_view_count(have), i = 0;
  for (char *word = op_vectors_word(&at); word && i < n; word = op_vectors_word(&at))
    check_value(v, have, i++, word, t);
  CHECK_MSG(i == n, "%s, line %d: expected %lld values, found %lld", op, v->line, (long long)n,
            (long long)i);
}

static void read_case(op_vectors *v, char *at, tolerance *out) {
  op_vectors_case(v, &at);
  *out = (tolerance){.exact = true};
  for (char *word = op_vectors_word(&at); word; word = op_vectors_word(&at)) {
    if (strcmp(word, "exact") == 0) continue;
    char *value = op_vectors_word(&at);
    CHECK_MSG(value, "line %d: expected a number behind '%s'", v->line, word);
    out->exact = false;
    *(strcmp(word, "ulp") == 0 ? &out->ulp : &out->abs) = strtod(value, NULL);
  }
}

static void run_lines(op_vectors *v, struct oi_threads *threads) {
  op_call *c = NULL;
  tolerance t = {0};
  uint32_t k = 0;
  for (char *line = op_vectors_line(v); line; line = op_vectors_line(v)) {
    char *word = op_vectors_word(&line);
    const char *name = oi_op_info_of(v->op)->name;
    if (strcmp(word, "case") == 0) {
      if (c) op_call_free(c);
      c = op_call_new(name), k = 0;
      read_case(v, line, &t);
      continue;
    }
    CHECK_MSG(c, "line %d: expected a case", v->line);
    if (strcmp(word, "attr") == 0) {
      op_vectors_attr(v, c, line);
    } else if (strcmp(word, "in") == 0) {
      op_vectors_in(v, c, line);
    } else if (strcmp(word, "refuse") == 0) {
      CHECK_MSG(!op_call_infer(c), "%s, line %d: not refused", name, v->line);
      CHECK_MSG(strstr(c->message, line), "%s, line %d: '%s' does not say '%s'", name, v->line,
                c->message, line);
    } else {
      bool fault = strcmp(word, "fault") == 0;
      if (k == 0) {
        CHECK_MSG(op_call_infer(c), "%s, line %d: %s", name, v->line, c->message);
        oinf_status status = op_call_run(c, threads);
        CHECK_MSG((status != OINF_OK) == fault, "%s, line %d: ended with %d %s", name, v->line,
                  (int)status, c->err.message);
      }
      if (!fault) check_out(v, c, k++, line, &t);
      if (fault)
        CHECK_MSG(strstr(c->err.message, line), "%s, line %d: '%s' does not say '%s'", name,
                  v->line, c->err.message, line);
    }
  }
  if (c) op_call_free(c);
}

static void run_op(oi_op op) {
  char missing[16] = "";
  op_vectors v;
  op_vectors_open(&v, op);
  run_lines(&v, NULL);
  for (int i = 0, n = 0; i < 6; i++)
    if (oi_op_classes(op) >> i & 1 & ~v.classes >> i) missing[n++] = "FDSUBQ"[i];
  op_vectors_close(&v);
  CHECK_MSG(!*missing, "no vectors for op %s of class %s", oi_op_info_of(op)->name, missing);
}

#define ELTWISE(name, arity, classes, attrs, expr, doc) \
  TEST(ops, name) { run_op(OP_##name); }
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) \
  TEST(ops, name) { run_op(OP_##name); }
#define GENERAL(name, arity, n_out, classes, attrs, doc) \
  TEST(ops, name) { run_op(OP_##name); }
#include "lib/ops.def"
