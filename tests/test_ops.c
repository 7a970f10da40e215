// Every op against vectors made elsewhere: tests/data/ops/<op>.txt, written by make.py in double
// precision.
//
// A file is a list of cases, a word and its values a line:
//   case F ulp 0.9 abs 1e-7     the class it stands for (F D S U B Q), and how near the result must
//   be: to `exact`
//                               bits, or within so many ULP of the value, or so much of it,
//                               whichever allows more
//   attr axis 1                 an attribute; lists are several numbers, `infer` is OINF_INFER
//   in f32 [2,3] 1 -0x1p-3 nan  operands in order; x3c00 gives bits; a block dtype's data is one
//   word of hex bytes out f32 [2,3] ...           results in order; values are doubles, not yet
//   rounded where a tolerance is given refuse some words           in place of out: the shape rule
//   says this fault some words            in place of out: the kernel says this
// A row of ops.def whose class has no case fails by name.
#include <ctype.h>
#include <math.h>

#include "tests/op_call.h"

typedef struct vectors {
  char *text, *at;
  int line;
  oi_op op;
  unsigned classes;  // that had a case
} vectors;

static char *next_word(char **at) {
  while (**at == ' ') ++*at;
  if (!**at) return NULL;
  char *word = *at;
  while (**at && **at != ' ') ++*at;
  if (**at) *(*at)++ = 0;
  return word;
}

// The next line that holds something.
static char *next_line(vectors *v) {
  while (*v->at) {
    char *line = v->at, *end = strchr(line, '\n');
    v->line++;
    v->at = end ? end + 1 : line + strlen(line);
    if (end) *end = 0;
    if (*line && *line != '#') return line;
  }
  return NULL;
}

static void read_bits(const char *word, void *out, size_t size) {
  uint64_t u = strtoull(word, NULL, 16);
  memcpy(out, &u, size);
}

static void read_value(const oi_view *v, int64_t i, const char *word) {
  double d = 0;
  float f;
  int64_t s;
  uint64_t u;
  size_t size = oinf_dtype_block_bytes(v->dtype);
  if (*word == 'x') {
    read_bits(word + 1, (char *)v->data + (size_t)i * size, size);
    return;
  }
  switch (oi_dtype_class(v->dtype)) {
    case OI_F: f = (float)strtod(word, NULL), oi_store_f32(v, i, 1, &f); break;
    case OI_D: d = strtod(word, NULL), oi_store_f64(v, i, 1, &d); break;
    case OI_U: u = strtoull(word, NULL, 10), oi_store_u64(v, i, 1, &u); break;
    default: s = strtoll(word, NULL, 10), oi_store_i64(v, i, 1, &s); break;
  }
}

static void read_hex(const vectors *v, const oi_view *view, const char *word) {
  uint64_t n = oi_view_bytes(view);
  CHECK_MSG(word && strlen(word) == 2 * n, "line %d: expected %llu bytes", v->line,
            (unsigned long long)n);
  for (uint64_t i = 0; i < n; i++) {
    char two[3] = {word[2 * i], word[2 * i + 1], 0};
    ((unsigned char *)view->data)[i] = (unsigned char)strtoul(two, NULL, 16);
  }
}

static oi_view read_type(const vectors *v, char **at) {
  oi_view t = {0};
  char *dtype = next_word(at), *dims = next_word(at);
  CHECK_MSG(dims, "line %d: expected a dtype and dims", v->line);
  t.dtype = oinf_dtype_find(dtype);
  CHECK_MSG(t.dtype, "line %d: no dtype '%s'", v->line, dtype);
  for (char *p = dims + 1; isdigit((unsigned char)*p); p += *p == ',')
    t.dim[t.rank++] = strtoll(p, &p, 10);
  return t;
}

static void read_in(const vectors *v, op_call *c, char *at) {
  oi_view t = read_type(v, &at);
  oi_view *in = op_call_in(c, t.dtype, t.rank, t.dim);
  if (oi_dtype_class(t.dtype) == OI_Q) {
    read_hex(v, in, next_word(&at));
    return;
  }
  int64_t n = oi_view_count(in), i = 0;
  for (char *word = next_word(&at); word && i < n; word = next_word(&at)) read_value(in, i++, word);
  CHECK_MSG(i == n, "line %d: expected %lld values, found %lld", v->line, (long long)n,
            (long long)i);
}

static void read_attr(const vectors *v, op_call *c, char *at) {
  oi_attr_type type = OI_ATTR_F64;
  char *name = next_word(&at), *word = next_word(&at);
  void *to = op_call_attr(c, name, &type);
  oinf_dims list = {0};
  CHECK_MSG(word, "line %d: expected a value of '%s'", v->line, name);
  oinf_dim d = strcmp(word, "infer") == 0 ? OINF_INFER : strtoll(word, NULL, 10);
  switch (type) {
    case OI_ATTR_F64: *(double *)to = strtod(word, NULL); break;
    case OI_ATTR_I64: *(int64_t *)to = d; break;
    case OI_ATTR_FLAG: *(bool *)to = d != 0; break;
    case OI_ATTR_DTYPE: *(oinf_dtype *)to = oinf_dtype_find(word); break;
    case OI_ATTR_DIM: *(oinf_dim *)to = d; break;
    case OI_ATTR_TEXT: *(const char **)to = word; break;
    case OI_ATTR_DIMS:
      for (; word; word = next_word(&at))
        list.d[list.n++] = strcmp(word, "infer") == 0 ? OINF_INFER : strtoll(word, NULL, 10);
      *(oinf_dims *)to = list;
      break;
  }
}

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

static void check_value(const vectors *v, const oi_view *have, int64_t i, const char *word,
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
  read_value(&want, 0, word);
  if (oi_dtype_class(have->dtype) & (OI_F | OI_D)) oi_canonical_nan(&want), oi_canonical_nan(&one);
  CHECK_MSG(same_bits(&one, &want, 0), "%s, line %d, element %lld is not %s", op, v->line,
            (long long)i, word);
}

static void check_out(const vectors *v, const op_call *c, uint32_t k, char *at,
                      const tolerance *t) {
  const char *op = oi_op_info_of(v->op)->name;
  oi_view want = read_type(v, &at);
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
  for (char *word = next_word(&at); word && i < n; word = next_word(&at))
    check_value(v, have, i++, word, t);
  CHECK_MSG(i == n, "%s, line %d: expected %lld values, found %lld", op, v->line, (long long)n,
            (long long)i);
}

static void read_case(vectors *v, char *at, tolerance *out) {
  const char *letters = "FDSUBQ", *word = next_word(&at),
             *class = word ? strchr(letters, *word) : NULL;
  CHECK_MSG(class && !word[1], "line %d: expected a class of %s", v->line, letters);
  v->classes |= 1u << (class - letters);
  *out = (tolerance){.exact = true};
  for (word = next_word(&at); word; word = next_word(&at)) {
    if (strcmp(word, "exact") == 0) continue;
    char *value = next_word(&at);
    CHECK_MSG(value, "line %d: expected a number behind '%s'", v->line, word);
    out->exact = false;
    *(strcmp(word, "ulp") == 0 ? &out->ulp : &out->abs) = strtod(value, NULL);
  }
}

static void run_lines(vectors *v, struct oi_threads *threads) {
  op_call *c = NULL;
  tolerance t = {0};
  uint32_t k = 0;
  for (char *line = next_line(v); line; line = next_line(v)) {
    char *word = next_word(&line);
    const char *name = oi_op_info_of(v->op)->name;
    if (strcmp(word, "case") == 0) {
      if (c) op_call_free(c);
      c = op_call_new(name), k = 0;
      read_case(v, line, &t);
      continue;
    }
    CHECK_MSG(c, "line %d: expected a case", v->line);
    if (strcmp(word, "attr") == 0) {
      read_attr(v, c, line);
    } else if (strcmp(word, "in") == 0) {
      read_in(v, c, line);
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

static char *read_whole(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  fseek(f, 0, SEEK_END);
  long n = ftell(f);
  rewind(f);
  char *text = calloc(1, (size_t)n + 1);
  size_t got = fread(text, 1, (size_t)n, f);
  fclose(f);
  CHECK(got == (size_t)n);
  return text;
}

static void run_op(oi_op op) {
  const oi_op_info *info = oi_op_info_of(op);
  char path[128], missing[16] = "";
  snprintf(path, sizeof path, "tests/data/ops/%s.txt", info->name);
  vectors v = {.text = read_whole(path), .op = op};
  CHECK_MSG(v.text, "no vectors for op %s: expected %s", info->name, path);
  v.at = v.text;
  run_lines(&v, NULL);
  for (int i = 0, n = 0; i < 6; i++)
    if (oi_op_classes(op) >> i & 1 & ~v.classes >> i) missing[n++] = "FDSUBQ"[i];
  free(v.text);
  CHECK_MSG(!*missing, "no vectors for op %s of class %s in %s", info->name, missing, path);
}

#define ELTWISE(name, arity, classes, attrs, expr, doc) \
  TEST(ops, name) { run_op(OP_##name); }
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) \
  TEST(ops, name) { run_op(OP_##name); }
#define GENERAL(name, arity, n_out, classes, attrs, doc) \
  TEST(ops, name) { run_op(OP_##name); }
#include "lib/ops.def"
