// The grammar of the vectors' files.
#include "tests/op_vectors.h"

#include <ctype.h>

char *op_vectors_word(char **at) {
  while (**at == ' ') ++*at;
  if (!**at) return NULL;
  char *word = *at;
  while (**at && **at != ' ') ++*at;
  if (**at) *(*at)++ = 0;
  return word;
}

// The next line that holds something.
char *op_vectors_line(op_vectors *v) {
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

void op_vectors_value(const oi_view *v, int64_t i, const char *word) {
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

static void read_hex(const op_vectors *v, const oi_view *view, const char *word) {
  uint64_t n = oi_view_bytes(view);
  CHECK_MSG(word && strlen(word) == 2 * n, "line %d: expected %llu bytes", v->line,
            (unsigned long long)n);
  for (uint64_t i = 0; i < n; i++) {
    char two[3] = {word[2 * i], word[2 * i + 1], 0};
    ((unsigned char *)view->data)[i] = (unsigned char)strtoul(two, NULL, 16);
  }
}

oi_view op_vectors_type(const op_vectors *v, char **at) {
  oi_view t = {0};
  char *dtype = op_vectors_word(at), *dims = op_vectors_word(at);
  CHECK_MSG(dims, "line %d: expected a dtype and dims", v->line);
  t.dtype = oinf_dtype_find(dtype);
  CHECK_MSG(t.dtype, "line %d: no dtype '%s'", v->line, dtype);
  for (char *p = dims + 1; isdigit((unsigned char)*p); p += *p == ',')
    t.dim[t.rank++] = strtoll(p, &p, 10);
  return t;
}

void op_vectors_in(const op_vectors *v, op_call *c, char *at) {
  oi_view t = op_vectors_type(v, &at);
  oi_view *in = op_call_in(c, t.dtype, t.rank, t.dim);
  if (oi_dtype_class(t.dtype) == OI_Q) {
    read_hex(v, in, op_vectors_word(&at));
    return;
  }
  int64_t n = oi_view_count(in), i = 0;
  for (char *word = op_vectors_word(&at); word && i < n; word = op_vectors_word(&at))
    op_vectors_value(in, i++, word);
  CHECK_MSG(i == n, "line %d: expected %lld values, found %lld", v->line, (long long)n,
            (long long)i);
}

void op_vectors_attr(const op_vectors *v, op_call *c, char *at) {
  oi_attr_type type = OI_ATTR_F64;
  char *name = op_vectors_word(&at), *word = op_vectors_word(&at);
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
      for (; word; word = op_vectors_word(&at))
        list.d[list.n++] = strcmp(word, "infer") == 0 ? OINF_INFER : strtoll(word, NULL, 10);
      *(oinf_dims *)to = list;
      break;
  }
}

void op_vectors_open(op_vectors *v, oi_op op) {
  char path[128];
  snprintf(path, sizeof path, "tests/data/ops/%s.txt", oi_op_info_of(op)->name);
  *v = (op_vectors){.text = oi_test_slurp(path, NULL), .op = op};
  v->at = v->text;
}

void op_vectors_close(op_vectors *v) { free(v->text); }

void op_vectors_case(op_vectors *v, char **at) {
  const char *letters = "FDSUBQ", *word = op_vectors_word(at),
             *class = word ? strchr(letters, *word) : NULL;
  CHECK_MSG(class && !word[1], "line %d: expected a class of %s", v->line, letters);
  v->classes |= 1u << (class - letters);
}
