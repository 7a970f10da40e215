// Scanners against PCRE2: every pattern of the table at every place of a text rich in Unicode, and
// against the splits that published tokenizers make.
#include "lib/rt/token_scan.h"
#include "tests/test.h"

#include <jansson.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

static const struct {
  oi_scan scan;
  const char *name, *text;
} patterns[] = {
#define SCAN(NAME, end)
#define PATTERN(NAME, text) {OI_SCAN_##NAME, #NAME, text},
#include "lib/rt/token_scan.def"
};

// ---- the text ----

static uint64_t number(uint64_t *x) {
  uint64_t z = *x += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

// Characters that the tables do not know may be known to a newer PCRE2, and U+180E is a space
// there.
static bool fits(uint32_t cp) {
  if (cp == 0x180E || cp >= 0x110000 || (cp >= 0xD800 && cp < 0xE000)) return false;
  return cp < 0x80 || oi_unicode_class(cp) != 0 || (cp >= 0x200B && cp <= 0x200F);
}

static void random_text(oi_utext *out, size_t n, uint64_t seed) {
  static const char *const words[] = {" ",
                                      " ",
                                      " ",
                                      "  ",
                                      "\n",
                                      "\r\n",
                                      "\t",
                                      "'s",
                                      "'T",
                                      "'re",
                                      "'LL",
                                      "'\xC5\xBF",
                                      "'d",
                                      "'",
                                      "1",
                                      "23",
                                      "4567",
                                      "the",
                                      "Hello",
                                      "iPhone",
                                      "HTML",
                                      "a",
                                      "B",
                                      ".",
                                      "!!",
                                      "/",
                                      "//",
                                      "_",
                                      "-",
                                      "\"x",
                                      "\xC2\xA0",
                                      "\xE2\x80\x83",
                                      "\xE3\x80\x80",
                                      "\xC2\x85",
                                      "e\xCC\x81",
                                      "\xCC\x81",
                                      "\xE4\xB8\xAD",
                                      "\xE3\x81\x82",
                                      "\xED\x95\x9C",
                                      "\xF0\x9F\x99\x82",
                                      "\xC2\xB2",
                                      "\xE2\x85\xA7",
                                      "\xC7\x85",
                                      "\xCA\xB0",
                                      "\xC3\x89",
                                      "\xC3\xA9",
                                      "\xE2\x80\x8D",
                                      "\xE2\x82\xAC",
                                      "\xE3\x80\x82",
                                      "\x7F",
                                      "\x01"};
  static const uint32_t spans[][2] = {{0, 0x250},        {0x250, 0x1000},   {0x1000, 0x3100},
                                      {0x3100, 0xD800},  {0xE000, 0x10000}, {0x10000, 0x11000},
                                      {0x1D400, 0x1F900}};
  while (out->n < n) {
    uint64_t r = number(&seed);
    if (r % 4) {
      const char *w = words[(r >> 8) % (sizeof words / sizeof *words)];
      oi_utext_add(out, w, strlen(w));
      continue;
    }
    const uint32_t *s = spans[(r >> 8) % 7];
    uint32_t cp = s[0] + (uint32_t)(number(&seed) % (s[1] - s[0]));
    if (fits(cp)) oi_utext_add_cp(out, cp);
  }
}

typedef struct engine {
  pcre2_code *re;
  pcre2_match_data *md;
} engine;

static engine open_engine(const char *name, const char *regex) {
  int error;
  PCRE2_SIZE at;
  engine e = {pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &error,
                            &at, NULL),
              pcre2_match_data_create(1, NULL)};
  CHECK_MSG(e.re && e.md, "%s does not compile at %zu", name, (size_t)at);
  pcre2_jit_compile(e.re, PCRE2_JIT_COMPLETE);  // a help where there is one
  return e;
}

static void close_engine(engine e) {
  pcre2_match_data_free(e.md);
  pcre2_code_free(e.re);
}

// At every place of a text, the scanner's end is the engine's. Gives the number of matches.
static size_t compare(engine e, size_t p, const oi_utext *t) {
  size_t hits = 0;
  for (size_t i = 0; i < t->n;) {
    const uint32_t flags = PCRE2_ANCHORED | (i ? PCRE2_NO_UTF_CHECK : 0u);
    uint32_t cp;
    int rc = pcre2_match(e.re, (PCRE2_SPTR)t->at, t->n, i, flags, e.md, NULL);
    size_t want = rc >= 0 ? pcre2_get_ovector_pointer(e.md)[1] : i;
    size_t have = oi_scan_match(patterns[p].scan, t->at, t->n, i);
    CHECK_MSG(have == want, "%s at byte %zu: ends at %zu, PCRE2 at %zu", patterns[p].name, i, have,
              want);
    hits += want > i;
    i += oi_utf8_get(t->at + i, &cp);
  }
  return hits;
}

TEST(token_scan, every_pattern_equals_pcre2_at_every_place) {
  oi_utext t = {0};
  random_text(&t, oi_test_soak() ? 8000000 : 150000, oi_test_soak() ? 77 : 1);
  for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
    engine e = open_engine(patterns[p].name, patterns[p].text);
    CHECK_MSG(compare(e, p, &t) > 10, "%s matched nowhere", patterns[p].name);
    close_engine(e);
  }
  oi_utext_free(&t);
}

// Ends of texts are where look-aheads and optional characters go wrong.
TEST(token_scan, every_text_of_four_characters_is_split_as_pcre2_does) {
  static const char *const bits[] = {" ",        "\n", "'", "s",           "L",
                                     "\xCC\x81", "7",  "!", "\xE4\xB8\xAD"};
  enum {
    N = 9
  };
  for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
    engine e = open_engine(patterns[p].name, patterns[p].text);
    for (uint32_t code = 0; code < N * N * N * N; code++) {
      oi_utext t = {0};
      for (uint32_t k = 0, c = code; k < 4; k++, c /= N)
        oi_utext_add(&t, bits[c % N], strlen(bits[c % N]));
      compare(e, p, &t);
      oi_utext_free(&t);
    }
    close_engine(e);
  }
}

// ---- published splits ----

static void check_pieces(oi_scan scan, const char *text, size_t n, const json_t *pieces) {
  size_t at = 0;
  for (size_t k = 0; k < json_array_size(pieces); k++) {
    size_t size = json_string_length(json_array_get(pieces, k));
    size_t end = oi_scan_match(scan, text, n, at);
    CHECK_MSG(end == at + size, "'%s' at byte %zu: ends at %zu, not %zu", text, at, end, at + size);
    at = end;
  }
  CHECK_INT(at, n);
}

TEST(token_scan, published_splits_are_equal) {
  static const oi_scan columns[] = {OI_SCAN_GPT2, OI_SCAN_LLAMA3, OI_SCAN_QWEN2};
  FILE *f = fopen("tests/data/token/splits.jsonl", "r");
  CHECK(f);
  static char line[1 << 16];
  int n = 0;
  for (; fgets(line, sizeof line, f); n++) {
    json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
    CHECK(json_is_array(row));
    const json_t *text = json_array_get(row, 0);
    for (size_t c = 0; c + 1 < json_array_size(row); c++)
      check_pieces(columns[c], json_string_value(text), json_string_length(text),
                   json_array_get(row, c + 1));
    json_decref(row);
  }
  fclose(f);
  CHECK(n > 300);
}

// Tokens of models whose vocabularies are not at hand: none may reach over the end of a piece.
static size_t count_chars(const char *text) {
  size_t n = 0;
  for (; *text; text++) n += (*text & 0xC0) != 0x80;
  return n;
}

static bool check_tokens(oi_scan scan, const json_t *text, const json_t *tokens) {
  static bool ends[1 << 14];
  const char *at = json_string_value(text);
  const size_t n = json_string_length(text);
  size_t end = 0;
  memset(ends, 0, sizeof ends);
  for (size_t i = 0; i < json_array_size(tokens); i++) {  // a character of a token is a byte
    end += count_chars(json_string_value(json_array_get(tokens, i)));
    if (end > n) return false;  // the text was normalized
    ends[end] = true;
  }
  if (end != n) return false;
  for (size_t i = 0; i < n;) {
    size_t next = oi_scan_match(scan, at, n, i);
    CHECK_MSG(next > i && ends[next], "'%s': a piece ends at byte %zu", at, next);
    i = next;
  }
  return true;
}

TEST(token_scan, published_tokens_keep_within_pieces) {
  static const struct {
    const char *file, *model;
    oi_scan scan;
    size_t least;
  } rows[] = {
      {"llama.json", "Xenova/llama3-tokenizer", OI_SCAN_LLAMA3, 35},
      {"gpt2.json", "Xenova/gpt-4", OI_SCAN_LLAMA3, 4},
      {"gpt2.json", "Xenova/gpt-4o", OI_SCAN_O200K, 14},
      {"qwen2.json", "Xenova/Qwen1.5-0.5B-Chat", OI_SCAN_QWEN2, 24},
      {"gpt2.json", "Xenova/gpt2", OI_SCAN_GPT2, 26},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
    char path[256];
    snprintf(path, sizeof path, "tokenizers/transformers.js-derived/%s", rows[k].file);
    json_t *root = json_load_file(oi_test_corpus(path), JSON_ALLOW_NUL, NULL), *one;
    const char *name;
    size_t n = 0;
    CHECK(root);
    json_object_foreach(json_object_get(root, rows[k].model), name, one) n +=
        check_tokens(rows[k].scan, json_object_get(one, "text"), json_object_get(one, "tokens"));
    CHECK_MSG(n >= rows[k].least, "%s: %zu texts", rows[k].model, n);
    json_decref(root);
  }
}
