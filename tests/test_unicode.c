// Unicode: normal forms and lower case against Python's by hash, UTF-8 against its definition,
// classes against PCRE2.
#include "lib/rt/unicode.h"
#include "tests/test.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

// ---- the texts of tests/data/unicode/make_hashes.py ----

static uint64_t number(uint64_t *x) {
  uint64_t z = *x += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static void all_characters(oi_utext *out) {
  for (uint32_t c = 1; c < 0x110000; c++) {
    if (c >= 0xD800 && c < 0xE000) continue;
    oi_utext_add(out, "a\n", 2);
    oi_utext_add_cp(out, c);
  }
}

static void random_text(oi_utext *out) {
  static const uint32_t ranges[][2] = {{0x61, 0x7A},       {0x41, 0x5A},     {0xC0, 0x24F},
                                       {0x300, 0x36F},     {0x1E00, 0x1FFF}, {0x1100, 0x11FF},
                                       {0xAC00, 0xACFF},   {0x591, 0x5F4},   {0x900, 0xDFF},
                                       {0x1D100, 0x1D1FF}, {0xF900, 0xFB4F}, {0x20, 0x7E}};
  uint64_t seed = 1, marks = 2;
  for (int i = 0; i < 200000; i++) {
    const uint32_t *r = ranges[number(&seed) % 12];
    oi_utext_add_cp(out, r[0] + (uint32_t)(number(&seed) % (r[1] - r[0] + 1)));
  }
  for (int i = 0; i < 5000; i++) oi_utext_add_cp(out, 0x300 + (uint32_t)(number(&marks) % 0x70));
}

static uint64_t fnv(const oi_utext *t) {
  uint64_t h = 14695981039346656037u;
  for (size_t i = 0; i < t->n; i++) h = (h ^ (uint8_t)t->at[i]) * 1099511628211u;
  return h;
}

static uint64_t hash_of(const oi_utext *text, const char *what) {
  static const char *const forms[] = {"NFD", "NFC", "NFKD", "NFKC"};
  oi_utext out = {0};
  if (strcmp(what, "lower") == 0) oi_unicode_lower(&out, text->at, text->n);
  for (int f = 0; f < 4; f++)
    if (strcmp(what, forms[f]) == 0)
      oi_unicode_normalize(&out, text->at, text->n, (oi_normal_form)f);
  CHECK(!out.failed);
  uint64_t h = fnv(&out);
  oi_utext_free(&out);
  return h;
}

TEST(unicode, normal_forms_and_lower_case_equal_pythons) {
  oi_utext text[2] = {{0}, {0}};
  all_characters(&text[0]);
  random_text(&text[1]);
  FILE *f = fopen("tests/data/unicode/hashes.txt", "r");
  CHECK(f);
  int i, n = 0;
  char what[16];
  unsigned long long want;
  for (; fscanf(f, "%d %15s %llx", &i, what, &want) == 3; n++)
    CHECK_MSG(hash_of(&text[i], what) == want, "%s of text %d differs", what, i);
  fclose(f);
  CHECK_INT(n, 10);
  oi_utext_free(&text[0]);
  oi_utext_free(&text[1]);
}

TEST(unicode, a_text_of_marks_costs_linear_time) {
  oi_utext text = {0}, out = {0};
  for (int i = 0; i < 400000; i++) oi_utext_add_cp(&text, i % 2 ? 0x301 : 0x323);
  oi_unicode_normalize(&out, text.at, text.n, OI_NFC);
  CHECK_INT(out.n, text.n);
  CHECK(!memcmp(out.at, "\xCC\xA3\xCC\xA3", 4));
  oi_utext_free(&text);
  oi_utext_free(&out);
}

TEST(unicode, every_character_goes_through_utf8_and_back) {
  for (uint32_t c = 0; c < 0x110000; c++) {
    char bytes[4];
    uint32_t cp;
    bool cut;
    if (c >= 0xD800 && c < 0xE000) continue;
    size_t n = oi_utf8_put(bytes, c);
    CHECK(oi_utf8_next(bytes, n, &cp, &cut) == n && cp == c && !cut);
    CHECK(oi_utf8_get(bytes, &cp) == n && cp == c);
    CHECK(!oi_utf8_is_bad(bytes, n, c));
    for (size_t k = 1; k < n; k++) {
      CHECK(oi_utf8_next(bytes, k, &cp, &cut) == k && cp == 0xFFFD && cut);
      CHECK(oi_utf8_is_bad(bytes, k, cp));
    }
  }
}

// The table of the Unicode Standard, chapter 3.9, on replacing maximal subparts.
TEST(unicode, each_maximal_bad_part_becomes_one_replacement) {
  static const struct {
    const char *in, *out;
  } rows[] = {
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "????????A"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "????????A"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "?????A??B"},
      {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "????A"},
      {"\xEF\xBF\xBD"
       "a\xE2\x82",
       "?a?"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_utext out = {0}, want = {0};
    for (const char *c = rows[i].out; *c; c++)
      oi_utext_add_cp(&want, *c == '?' ? 0xFFFD : (uint8_t)*c);
    oi_utf8_clean(&out, rows[i].in, strlen(rows[i].in));
    CHECK_INT(out.n, want.n);
    CHECK(!memcmp(out.at, want.at, want.n));
    oi_utext_free(&out);
    oi_utext_free(&want);
  }
}

TEST(unicode, growing_text_keeps_to_its_bound) {
  oi_utext t = {.cap = 10};
  oi_utext_add(&t, "12345678", 8);
  oi_utext_add(&t, "90", 2);
  CHECK(!t.failed);
  oi_utext_add(&t, "1", 1);
  CHECK(t.failed && t.big && t.n == 10);
  oi_utext_free(&t);
}

// ---- classes ----

// Hands the code points of one class to PCRE2 as one text, which must be one match, and the others
// as another, which must hold none.
static void check_class(const char *pattern, uint32_t bits) {
  oi_utext in = {0}, out = {0};
  for (uint32_t c = 0; c < 0x110000; c++) {
    if ((c >= 0xD800 && c < 0xE000) || c == 0x180E) continue;  // which PCRE2 counts as a space
    oi_utext_add_cp(oi_unicode_class(c) & bits ? &in : &out, c);
  }
  int error;
  PCRE2_SIZE at;
  pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                                 &error, &at, NULL);
  CHECK(re);
  pcre2_match_data *md = pcre2_match_data_create(1, NULL);
  CHECK(pcre2_match(re, (PCRE2_SPTR)in.at, in.n, 0, PCRE2_ANCHORED, md, NULL) >= 0);
  CHECK_MSG(pcre2_get_ovector_pointer(md)[1] == in.n, "%s ends at %zu of %zu", pattern,
            (size_t)pcre2_get_ovector_pointer(md)[1], in.n);
  CHECK_MSG(pcre2_match(re, (PCRE2_SPTR)out.at, out.n, 0, 0, md, NULL) == PCRE2_ERROR_NOMATCH,
            "%s begins at %zu", pattern, (size_t)pcre2_get_ovector_pointer(md)[0]);
  pcre2_match_data_free(md);
  pcre2_code_free(re);
  oi_utext_free(&in);
  oi_utext_free(&out);
}

TEST(unicode, classes_equal_those_of_pcre2) {
  char version[64] = "";
  pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version);
  if (strncmp(version, "14.", 3) != 0) SKIP("PCRE2 has Unicode %s, the tables 14", version);
  check_class("[\\p{Lu}\\p{Lt}]+", OI_UC_UPPER);
  check_class("\\p{Ll}+", OI_UC_LOWER);
  check_class("[\\p{Lm}\\p{Lo}]+", OI_UC_OTHER);
  check_class("\\p{M}+", OI_UC_MARK);
  check_class("\\p{N}+", OI_UC_NUMBER);
  check_class("\\p{P}+", OI_UC_PUNCT);
  check_class("\\p{S}+", OI_UC_SYMBOL);
  check_class("\\s+", OI_UC_SPACE);
}

// \w of UTS 18 is not PCRE2's; it is spelled out, but for Other_Alphabetic symbols.
TEST(unicode, word_characters_are_those_of_uts_18) {
  char version[64] = "";
  pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version);
  if (strncmp(version, "14.", 3) != 0) SKIP("PCRE2 has Unicode %s, the tables 14", version);
  check_class(
      "[\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{200c}\\x{200d}\\x{24b6}-\\x{24e9}\\x{1f130}-"
      "\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}]+",
      OI_UC_WORD);
}
