// The words of a graph's text, read from a line at a time. The grammar stands in graph_text.c.
//
// The text may come from anywhere: every read is bounded by the line's end, every list by the room
// it is read into, and nothing is looked for twice, so the time is that of the text's length. A
// failure says the line, what was expected and what was found.
#include "lib/graph_read.h"

#include <stdio.h>
#include <string.h>

#include "lib/number.h"

enum { MAX_STRING = 1 << 16 };

bool oi_read_fail(oi_reader *r, const char *expected) {
  if (r->failed || oi_poisoned(r->g)) return false;
  if (oi_dims_nomem(r->g->dims)) return oi_graph_nomem(r->g), false;
  size_t n = (size_t)(r->end - r->at);
  r->failed = true;
  oi_fail(oi_ctx_err(r->ctx), OINF_FORMAT, "graph text, line %d: expected %s, found '%.*s'",
          r->line, expected, (int)(n < 40 ? n : 40), n ? r->at : "");
  return false;
}

static void spaces(oi_reader *r) {
  while (r->at < r->end && *r->at == ' ') r->at++;
}

bool oi_read_line(oi_reader *r) {
  while (r->rest < r->stop) {
    const char *end = memchr(r->rest, '\n', (size_t)(r->stop - r->rest));
    r->at = r->rest, r->end = end ? end : r->stop;
    r->rest = end ? end + 1 : r->stop;
    r->line++;
    spaces(r);
    if (r->at < r->end && *r->at != '#') return true;
  }
  return r->at = r->end = r->stop, false;
}

bool oi_read_more(oi_reader *r) {
  spaces(r);
  return r->at < r->end;
}

bool oi_read_done(oi_reader *r) {
  spaces(r);
  return r->at == r->end || oi_read_fail(r, "the end of the line");
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static size_t word_size(const oi_reader *r) {
  size_t n = 0;
  while (r->at + n < r->end && is_word(r->at[n])) n++;
  return n;
}

bool oi_read_is(oi_reader *r, const char *word) {
  spaces(r);
  size_t n = word_size(r);
  if (n != strlen(word) || memcmp(r->at, word, n) != 0) return false;
  r->at += n;
  return true;
}

bool oi_read_char(oi_reader *r, char c) {
  spaces(r);
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

bool oi_read_word(oi_reader *r, const char *word) {
  if (oi_read_is(r, word)) return true;
  char expected[64];
  snprintf(expected, sizeof expected, "'%s'", word);
  return oi_read_fail(r, expected);
}

static const char *kept(oi_reader *r, const char *copy) {
  if (!copy && !r->failed) {
    r->failed = true;
    oi_nomem(oi_ctx_err(r->ctx), MAX_STRING);
  }
  return copy;
}

static int hex(char c) { return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

// One byte of a string, escapes resolved; -1: malformed.
static int string_byte(oi_reader *r) {
  unsigned char c = (unsigned char)*r->at++;
  if (c < 0x20 || c >= 0x7f || (c == '\\' && r->at == r->end)) return -1;
  if (c != '\\') return c;
  c = (unsigned char)*r->at++;
  if (c == '"' || c == '\\') return c;
  if (c != 'x' || r->end - r->at < 2 || hex(r->at[0]) < 0 || hex(r->at[1]) < 0) return -1;
  r->at += 2;
  return hex(r->at[-2]) * 16 + hex(r->at[-1]);
}

const char *oi_read_string(oi_reader *r) {
  if (!oi_read_char(r, '"')) return oi_read_fail(r, "a string"), NULL;
  oi_text text;
  oi_text_init(&text, r->ctx);
  oi_text_add(&text, "", 0);
  const char *copy = NULL, *expected = "a string's end";
  while (r->at < r->end && *r->at != '"' && text.n < MAX_STRING) {
    int byte = string_byte(r);
    if (byte <= 0) {
      expected = "a string of plain characters, \\\", \\\\ and \\xNN";
      break;
    }
    oi_text_add(&text, &(char){(char)byte}, 1);
  }
  if (r->at == r->end || *r->at != '"') oi_read_fail(r, expected);
  else r->at++, copy = kept(r, text.failed ? NULL : oi_arena_text(&r->g->arena, text.at, text.n));
  oi_text_free(&text);
  return copy;
}

const char *oi_read_name(oi_reader *r) {
  spaces(r);
  if (r->at < r->end && *r->at == '"') return oi_read_string(r);
  size_t n = word_size(r);
  if (!n || is_digit(*r->at) || n > OI_MAX_NAME) return oi_read_fail(r, "a name"), NULL;
  r->at += n;
  return kept(r, oi_arena_text(&r->g->arena, r->at - n, n));
}

// ---- numbers, dims, types ----

bool oi_read_integer(oi_reader *r, int64_t *out) {
  bool minus = oi_read_char(r, '-');
  int64_t x = 0;
  if (r->at == r->end || !is_digit(*r->at)) return oi_read_fail(r, "an integer");
  for (; r->at < r->end && is_digit(*r->at); r->at++)
    if (__builtin_mul_overflow(x, 10, &x) || __builtin_sub_overflow(x, *r->at - '0', &x))
      return oi_read_fail(r, "an integer of 64 bits");
  if (!minus && x == INT64_MIN) return oi_read_fail(r, "an integer of 64 bits");
  return *out = minus ? x : -x, true;
}

bool oi_read_double(oi_reader *r, double *out) {
  spaces(r);
  return oi_number_read(&r->at, r->end, out) || oi_read_fail(r, "a number");
}

oi_op oi_read_op(oi_reader *r) {
  spaces(r);
  size_t n = word_size(r);
  oi_op op = oi_op_find(r->at, n);
  if (op == OP_NONE) oi_read_fail(r, "an op");
  else r->at += n;
  return op;
}

bool oi_read_dim(oi_reader *r, oinf_dim *out) {
  spaces(r);
  oinf_dim d = oi_dims_parse(r->g->dims, &r->at, r->end);
  if (d == OI_DIM_BAD) return oi_read_fail(r, "a dim over the symbols declared");
  return *out = d, true;
}

bool oi_read_dims(oi_reader *r, oinf_dims *out) {
  out->n = 0;
  if (!oi_read_char(r, '[')) return oi_read_fail(r, "'['");
  if (oi_read_char(r, ']')) return true;
  do {
    if (out->n == OINF_MAX_SPLIT) return oi_read_fail(r, "at most 16 dims");
    if (oi_read_is(r, "infer")) out->d[out->n++] = OINF_INFER;
    else if (!oi_read_dim(r, &out->d[out->n++])) return false;
  } while (oi_read_char(r, ','));
  return oi_read_char(r, ']') || oi_read_fail(r, "',' or ']'");
}

static bool read_dtype(oi_reader *r, oinf_dtype *out) {
  char name[16] = "";
  spaces(r);
  size_t n = word_size(r);
  if (n < sizeof name) memcpy(name, r->at, n);
  oinf_dtype dtype = oinf_dtype_find(name);
  if (dtype == OINF_NONE) return oi_read_fail(r, "a dtype");
  r->at += n;
  return *out = dtype, true;
}

bool oi_read_type(oi_reader *r, oi_type *out) {
  oinf_dims dims;
  memset(out, 0, sizeof *out);
  if (!read_dtype(r, &out->dtype) || !oi_read_dims(r, &dims)) return false;
  if (dims.n > OINF_MAX_RANK) return oi_read_fail(r, "at most 8 dims");
  out->rank = dims.n;
  memcpy(out->dim, dims.d, dims.n * sizeof out->dim[0]);
  return true;
}

// ---- values ----

static bool read_number_of_value(oi_reader *r, uint32_t *out) {
  uint64_t x = 0;
  if (!oi_read_char(r, '%') || r->at == r->end || !is_digit(*r->at))
    return oi_read_fail(r, "a value");
  for (; r->at < r->end && is_digit(*r->at); r->at++)
    if ((x = x * 10 + (uint64_t)(*r->at - '0')) > OI_MAX_VALUES) return oi_read_fail(r, "a value");
  return *out = (uint32_t)x, true;
}

static bool read_input(oi_reader *r, uint32_t *out) {
  const char *name = oi_read_name(r);
  for (size_t i = 0; name && i < r->g->inputs.n; i++) {
    uint32_t id = r->g->inputs.at[i];
    if (strcmp(r->g->values.at[id].name, name) == 0) return *out = id, true;
  }
  return oi_read_fail(r, "the name of an input declared");
}

bool oi_read_value(oi_reader *r, uint32_t *out) {
  uint32_t number;
  spaces(r);
  if (r->at < r->end && *r->at != '%') return read_input(r, out);
  if (!read_number_of_value(r, &number)) return false;
  if (number >= r->ids.n) return oi_read_fail(r, "a value that was made before");
  return *out = r->ids.at[number], true;
}

bool oi_read_values(oi_reader *r, uint32_t *out, uint32_t room, uint32_t *n) {
  for (*n = 0;;) {
    spaces(r);
    if (r->at == r->end || !(*r->at == '%' || *r->at == '"' || is_word(*r->at))) return true;
    if (*n == room) return oi_read_fail(r, "fewer values");
    if (!oi_read_value(r, &out[(*n)++])) return false;
  }
}

bool oi_read_new(oi_reader *r, uint32_t ahead) {
  uint32_t number;
  const char *start = r->at;
  if (!read_number_of_value(r, &number)) return false;
  if (number == r->ids.n + ahead) return true;
  char expected[64];
  snprintf(expected, sizeof expected, "%%%u, the next number", (uint32_t)r->ids.n + ahead);
  r->at = start;
  return oi_read_fail(r, expected);
}

// ---- marks and attributes ----

static bool read_role(oi_reader *r, oinf_role *out) {
  const char *name = oi_read_name(r);
  static const oinf_role roles[] = {
#define R(NAME, name, doc) OINF_##NAME,
#include "lib/roles.def"
#undef R
  };
  for (size_t i = 0; name && i < sizeof roles / sizeof *roles; i++)
    if (strcmp(oi_role_name(roles[i]), name) == 0) return *out = roles[i], true;
  return oi_read_fail(r, "a role");
}

bool oi_read_marks(oi_reader *r, oi_said *out) {
  spaces(r);
  if (r->at < r->end && *r->at == '"' && !(out->name = oi_read_string(r))) return false;
  if (oi_read_is(r, "role") && !read_role(r, &out->hint.role)) return false;
  if (!oi_read_is(r, "fuse")) return true;
  out->hint.fuse = oi_read_is(r, "never") ? OINF_NEVER : OINF_ALWAYS;
  return out->hint.fuse == OINF_NEVER || oi_read_word(r, "always");
}

bool oi_read_said(oi_reader *r, oi_said *out) {
  return oi_read_type(r, &out->type) && oi_read_marks(r, out);
}

bool oi_read_made(oi_reader *r, uint32_t id, const oi_said *said) {
  if (!id || oi_poisoned(r->g)) return false;
  const oi_type *have = &r->g->values.at[id].type;
  if (!r->over_anew && said->type.dtype && !oi_type_equal(have, &said->type)) {
    r->failed = true;
    oi_fail(oi_ctx_err(r->ctx), OINF_FORMAT,
            "graph text, line %d: expected %s, as it follows, found %s", r->line,
            oi_type_words(r->g, have).at, oi_type_words(r->g, &said->type).at);
    return false;
  }
  if (said->name) oinf_name(oi_val_of(r->g, id), said->name);
  if (said->hint.role || said->hint.fuse) oi_hint(oi_val_of(r->g, id), said->hint);
  uint32_t *slot = oi_vec_push(r->ctx, &r->ids);
  if (!slot) return kept(r, NULL) != NULL;
  *slot = id;
  return !oi_poisoned(r->g);
}

static bool read_attr(oi_reader *r, const oi_attr_info *attr, char *field) {
  switch (attr->type) {
    case OI_ATTR_F64: return oi_read_double(r, (double *)field);
    case OI_ATTR_I64: return oi_read_integer(r, (int64_t *)field);
    case OI_ATTR_FLAG: return *(bool *)field = oi_read_word(r, "true");
    case OI_ATTR_DTYPE: return read_dtype(r, (oinf_dtype *)field);
    case OI_ATTR_DIM:
      if (oi_read_is(r, "infer")) return *(oinf_dim *)field = OINF_INFER, true;
      return oi_read_dim(r, (oinf_dim *)field);
    case OI_ATTR_DIMS: return oi_read_dims(r, (oinf_dims *)field);
    default: return (*(const char **)field = oi_read_string(r)) != NULL;
  }
}

bool oi_read_attrs(oi_reader *r, const oi_attr_info *attrs, uint32_t n, void *args) {
  uint32_t next = 0;  // attributes stand in the row's order, each once
  if (!oi_read_char(r, '{')) return true;
  do {
    while (next < n && !oi_read_is(r, attrs[next].name)) next++;
    if (next == n) return oi_read_fail(r, "an attribute of this op, in its order");
    if (!oi_read_char(r, '=')) return oi_read_fail(r, "'='");
    if (!read_attr(r, &attrs[next], (char *)args + attrs[next].offset)) return false;
    next++;
  } while (oi_read_char(r, ','));
  return oi_read_char(r, '}') || oi_read_fail(r, "',' or '}'");
}
