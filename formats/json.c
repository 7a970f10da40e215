// The layer over jansson. Jansson alone would recurse 2048 deep, take "-0" for an integer and stop
// at numbers that Python's json module writes; one pass over the bytes before it settles these.
#include "formats/json.h"

#include <math.h>
#include <string.h>

enum { DEPTH = 64 };

typedef struct scan {
  oi_err *err;
  const char *name;
  const char *at, *end, *line_start;
  unsigned long line;
  int depth;
  oi_text *rewritten;   // NULL: nothing is replaced
  const char *copied;   // what lies before it is in rewritten
} scan;

static oinf_status fail_at(const scan *s, const char *what) {
  unsigned long column = (unsigned long)(s->at - s->line_start) + 1;
  return oi_fail(s->err, OINF_FORMAT, "'%s', line %lu, column %lu: %s", s->name, s->line, column,
                 what);
}

// Moves behind a string's closing quote, or to the end; what is in it is jansson's to judge.
static void skip_string(scan *s) {
  for (s->at++; s->at < s->end && *s->at != '"'; s->at++)
    if (*s->at == '\\' && s->at + 1 < s->end) s->at++;
  if (s->at < s->end) s->at++;
}

// The length of a literal of Python's at this place, or 0.
static size_t python_literal(const scan *s) {
  static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
  for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
    size_t n = strlen(words[i]);
    if ((size_t)(s->end - s->at) >= n && memcmp(s->at, words[i], n) == 0) return n;
  }
  return 0;
}

// What stands before s->at + n is kept, `text` goes in behind it, and the next `skipped` bytes go.
static void rewrite(scan *s, size_t n, const char *text, size_t skipped) {
  oi_text_add(s->rewritten, s->copied, (size_t)(s->at + n - s->copied));
  oi_text_add(s->rewritten, text, strlen(text));
  s->copied = s->at += n + skipped;
}

// More than 64 bits hold: folders say model_max_length is 1000000000000000019884624838656.
static bool is_too_long(const char *digits, size_t n) {
  static const char most[] = "9223372036854775807";
  const size_t m = sizeof most - 1;
  return n > m || (n == m && memcmp(digits, most, m) > 0);
}

static oinf_status scan_number(scan *s, bool python) {
  size_t n = 0, sign = *s->at == '-';
  bool whole = true;
  for (; s->at + n < s->end && s->at[n] && strchr("+-.0123456789eE", s->at[n]); n++)
    if (strchr(".eE", s->at[n])) whole = false;
  if (n == 2 && memcmp(s->at, "-0", 2) == 0) return fail_at(s, "-0 is refused; expected 0");
  if (whole && python && is_too_long(s->at + sign, n - sign)) rewrite(s, n, ".0", 0);
  else s->at += n;
  return OINF_OK;
}

static oinf_status scan_token(scan *s, bool python) {
  size_t n = python_literal(s);
  if (n && !python) return fail_at(s, "NaN and Infinity are no JSON");
  if (n) return rewrite(s, 0, "null", n), OINF_OK;
  if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')) return scan_number(s, python);
  if (*s->at == '[' || *s->at == '{') s->depth++;
  if (*s->at == ']' || *s->at == '}') s->depth--;
  if (s->depth > DEPTH) return fail_at(s, "nested more than 64 deep");
  if (*s->at == '\n') s->line++, s->line_start = s->at + 1;
  s->at++;
  return OINF_OK;
}

static oinf_status scan_all(scan *s, bool python) {
  while (s->at < s->end) {
    if (*s->at == '"') skip_string(s);
    else OI_TRY(scan_token(s, python));
  }
  if (s->rewritten->n) oi_text_add(s->rewritten, s->copied, (size_t)(s->end - s->copied));
  return s->rewritten->failed ? oi_nomem(s->err, s->rewritten->n) : OINF_OK;
}

static oinf_status load(oi_err *err, const char *bytes, size_t n, oi_json_flags flags,
                        const char *name, json_t **out) {
  json_error_t e;
  size_t how = JSON_REJECT_DUPLICATES | (flags & OI_JSON_NUL ? JSON_ALLOW_NUL : 0);
  json_t *root = json_loadb(bytes, n, how, &e);
  if (!root && json_error_code(&e) == json_error_out_of_memory) return oi_nomem(err, n);
  if (!root)
    return oi_fail(err, OINF_FORMAT, "'%s', line %d, column %d: %s", name, e.line, e.column,
                   e.text);
  *out = root;
  return OINF_OK;
}

oinf_status oi_json_parse(oinf_ctx *ctx, const void *bytes, size_t n, oi_json_flags flags,
                          const char *name, json_t **out) {
  oi_text rewritten;
  oi_text_init(&rewritten, ctx);
  const char *text = bytes;
  scan s = {.err = oi_ctx_err(ctx), .name = name, .at = text, .end = text + n, .line = 1,
            .line_start = text, .rewritten = &rewritten, .copied = text};
  oinf_status status = n ? scan_all(&s, flags & OI_JSON_PYTHON) : fail_at(&s, "it is empty");
  if (status == OINF_OK && rewritten.n) text = rewritten.at, n = rewritten.n;
  if (status == OINF_OK) status = load(s.err, text, n, flags, name, out);
  oi_text_free(&rewritten);
  return status;
}

bool oi_json_i64(const json_t *value, int64_t *out) {
  if (json_is_integer(value)) return *out = json_integer_value(value), true;
  if (!json_is_real(value)) return false;
  double x = json_real_value(value);
  if (floor(x) != x || fabs(x) > 9007199254740992.0) return false;
  return *out = (int64_t)x, true;
}
