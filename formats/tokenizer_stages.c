// The pipelines of tokenizer.json: components become the stages of lib/rt/token_blob.h, Sequences
// are flattened.
//
// Each pipeline has a table of components; one that is not in it is refused by name, never passed
// over, because a pipeline with a hole gives other ids without a sign. A regular expression must
// stand in lib/rt/token_scan.def by its exact text, or be free of signs that mean anything.
#include <string.h>

#include "formats/tokenizer_in.h"

typedef oinf_status component_fn(oi_tc *c, const json_t *o);
typedef struct component {
  const char *type;
  component_fn *fn;
} component;

static const char meta_mark[] = "\xE2\x96\x81";  // U+2581

static oinf_status put_stage(oi_tc *c, int section, oi_tok_stage s, const char *a, const char *b) {
  if (c->section[section].n / sizeof s >= OI_TOK_MAX_STAGES)
    return oi_fail(c->err, OINF_SUPPORT, "more than %d steps in one pipeline", OI_TOK_MAX_STAGES);
  s.a_n = (uint32_t)strlen(a), s.b_n = (uint32_t)strlen(b);
  s.a_at = oi_tc_put_text(c, a, s.a_n), s.b_at = oi_tc_put_text(c, b, s.b_n);
  oi_tc_put(c, section, &s, sizeof s);
  return OINF_OK;
}

// ---- patterns ----

static const struct {
  oi_scan scan;
  const char *text;
} patterns[] = {
#define SCAN(NAME, end)
#define PATTERN(NAME, text) {OI_SCAN_##NAME, text},
#include "lib/rt/token_scan.def"
};

static oinf_status find_regex(oi_tc *c, const char *regex, uint32_t *out_scan) {
  for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
    if (strcmp(patterns[i].text, regex) == 0) return *out_scan = patterns[i].scan, OINF_OK;
  if (*regex && !strpbrk(regex, "\\^$.|?*+()[]{}")) return *out_scan = OI_SCAN_LITERAL, OINF_OK;
  return oi_fail(c->err, OINF_SUPPORT, "the regular expression '%.600s' is not among those known",
                 regex);
}

// {"String": s}, {"Regex": r} or, in old files, the string itself.
static oinf_status read_pattern(oi_tc *c, const json_t *o, uint32_t *out_scan,
                                const char **out_text) {
  const json_t *p = json_object_get(o, "pattern");
  const json_t *regex = json_object_get(p, "Regex"),
               *text = json_is_string(p) ? p : json_object_get(p, "String");
  if (!json_is_string(regex) && !json_is_string(text))
    return oi_fail(c->err, OINF_FORMAT, "'pattern' is expected to hold a String or a Regex");
  *out_scan = OI_SCAN_LITERAL;
  *out_text = json_string_value(json_is_string(regex) ? regex : text);
  if (json_is_string(regex)) OI_TRY(find_regex(c, *out_text, out_scan));
  if (!**out_text) return oi_fail(c->err, OINF_SUPPORT, "an empty pattern is not supported");
  if (*out_scan != OI_SCAN_LITERAL) *out_text = "";
  return OINF_OK;
}

// ---- running through a component or a sequence of them ----

static oinf_status run_component(oi_tc *c, const json_t *o, const char *what, const char *list_key,
                                 const component *table, size_t n) {
  const char *type;
  OI_TRY(oi_tc_text(c, o, "type", NULL, &type));
  if (strcmp(type, "Sequence") == 0) {
    const json_t *list;
    OI_TRY(oi_tc_array(c, o, list_key, &list));
    for (size_t i = 0; i < json_array_size(list); i++)
      OI_TRY(run_component(c, json_array_get(list, i), what, list_key, table, n));
    return OINF_OK;
  }
  for (size_t i = 0; i < n; i++)
    if (strcmp(table[i].type, type) == 0) {
      OI_TRY_AT(c->err, table[i].fn(c, o), "reading %s '%s'", what, type);
      return OINF_OK;
    }
  return oi_fail(c->err, OINF_SUPPORT, "%s '%.80s' is not supported", what, type);
}

// ---- normalizers ----

static oinf_status norm(oi_tc *c, uint32_t kind, uint32_t flags) {
  return put_stage(c, OI_TOK_NORMALIZE, (oi_tok_stage){.kind = kind, .flags = flags}, "", "");
}
static oinf_status norm_nfc(oi_tc *c, const json_t *o) {
  return (void)o, norm(c, OI_TOK_NORM_FORM, OI_NFC);
}
static oinf_status norm_nfd(oi_tc *c, const json_t *o) {
  return (void)o, norm(c, OI_TOK_NORM_FORM, OI_NFD);
}
static oinf_status norm_nfkc(oi_tc *c, const json_t *o) {
  return (void)o, norm(c, OI_TOK_NORM_FORM, OI_NFKC);
}
static oinf_status norm_nfkd(oi_tc *c, const json_t *o) {
  return (void)o, norm(c, OI_TOK_NORM_FORM, OI_NFKD);
}
static oinf_status norm_lower(oi_tc *c, const json_t *o) {
  return (void)o, norm(c, OI_TOK_NORM_LOWER, 0);
}
static oinf_status norm_marks(oi_tc *c, const json_t *o) {
  return (void)o, norm(c, OI_TOK_NORM_NO_MARKS, 0);
}
static oinf_status norm_bytes(oi_tc *c, const json_t *o) {
  return (void)o, norm(c, OI_TOK_NORM_BYTES, 0);
}

static oinf_status norm_strip(oi_tc *c, const json_t *o) {
  bool left, right;
  OI_TRY(oi_tc_bool(c, o, "strip_left", true, &left));
  OI_TRY(oi_tc_bool(c, o, "strip_right", true, &right));
  return norm(c, OI_TOK_NORM_STRIP, (left ? 1u : 0u) | (right ? 2u : 0u));
}

static oinf_status norm_prepend(oi_tc *c, const json_t *o) {
  const char *text;
  OI_TRY(oi_tc_text(c, o, "prepend", NULL, &text));
  return put_stage(c, OI_TOK_NORMALIZE, (oi_tok_stage){.kind = OI_TOK_NORM_PREPEND}, text, "");
}

static oinf_status norm_replace(oi_tc *c, const json_t *o) {
  oi_tok_stage s = {.kind = OI_TOK_NORM_REPLACE};
  const char *from, *to;
  OI_TRY(read_pattern(c, o, &s.scan, &from));
  OI_TRY(oi_tc_text(c, o, "content", NULL, &to));
  return put_stage(c, OI_TOK_NORMALIZE, s, from, to);
}

static const component normalizers[] = {
    {"NFC", norm_nfc},         {"NFD", norm_nfd},         {"NFKC", norm_nfkc},
    {"NFKD", norm_nfkd},       {"Lowercase", norm_lower}, {"StripAccents", norm_marks},
    {"ByteLevel", norm_bytes}, {"Strip", norm_strip},     {"Prepend", norm_prepend},
    {"Replace", norm_replace},
};

// ---- pre-tokenizers ----

static oinf_status pre_scan(oi_tc *c, uint32_t scan, uint32_t behavior, const char *literal) {
  return put_stage(c, OI_TOK_SPLIT,
                   (oi_tok_stage){.kind = OI_TOK_PRE_SPLIT, .scan = scan, .flags = behavior},
                   literal, "");
}

static oinf_status read_behavior(oi_tc *c, const json_t *o, uint32_t *out) {
  static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext",
                                      "Contiguous"};
  const char *name;
  OI_TRY(oi_tc_text(c, o, "behavior", names[0], &name));
  for (uint32_t i = 0; i < OI_TOK_N_BEHAVIORS; i++)
    if (strcmp(names[i], name) == 0) return *out = i, OINF_OK;
  return oi_fail(c->err, OINF_FORMAT, "behavior '%.80s' is not one of those that exist", name);
}

static oinf_status pre_bytes(oi_tc *c, const json_t *o) {
  bool blank, regex;
  OI_TRY(oi_tc_bool(c, o, "add_prefix_space", true, &blank));
  OI_TRY(oi_tc_bool(c, o, "use_regex", true, &regex));
  if (blank) OI_TRY(put_stage(c, OI_TOK_SPLIT, (oi_tok_stage){.kind = OI_TOK_PRE_BLANK}, "", ""));
  if (regex) OI_TRY(pre_scan(c, OI_SCAN_GPT2, OI_TOK_ISOLATED, ""));
  return put_stage(c, OI_TOK_SPLIT, (oi_tok_stage){.kind = OI_TOK_PRE_BYTES}, "", "");
}

static oinf_status pre_split(oi_tc *c, const json_t *o) {
  uint32_t scan, behavior;
  const char *literal;
  bool invert;
  OI_TRY(read_pattern(c, o, &scan, &literal));
  OI_TRY(read_behavior(c, o, &behavior));
  OI_TRY(oi_tc_bool(c, o, "invert", false, &invert));
  return pre_scan(c, scan, behavior | (invert ? OI_TOK_INVERT : 0u), literal);
}

static oinf_status pre_digits(oi_tc *c, const json_t *o) {
  bool each;
  OI_TRY(oi_tc_bool(c, o, "individual_digits", false, &each));
  return pre_scan(c, OI_SCAN_NUMBER, each ? OI_TOK_ISOLATED : OI_TOK_CONTIGUOUS, "");
}

// One character, as a text.
static oinf_status read_char(oi_tc *c, const json_t *o, const char *key, const char *def,
                             const char **out) {
  uint32_t cp;
  OI_TRY(oi_tc_text(c, o, key, def, out));
  if (!**out || oi_utf8_get(*out, &cp) != strlen(*out))
    return oi_fail(c->err, OINF_FORMAT, "'%s' is expected to be one character", key);
  return OINF_OK;
}

// never 0, first 1, always 2; old files have add_prefix_space instead.
static oinf_status read_scheme(oi_tc *c, const json_t *o, uint32_t *out) {
  static const char *const names[] = {"never", "first", "always"};
  bool blank;
  const char *name;
  OI_TRY(oi_tc_bool(c, o, "add_prefix_space", true, &blank));
  OI_TRY(oi_tc_text(c, o, "prepend_scheme", names[blank ? 2 : 0], &name));
  for (uint32_t i = 0; i < 3; i++)
    if (strcmp(names[i], name) == 0) return *out = i, OINF_OK;
  return oi_fail(c->err, OINF_FORMAT, "prepend_scheme '%.80s' is not one of those that exist",
                 name);
}

static oinf_status pre_meta(oi_tc *c, const json_t *o) {
  oi_tok_stage s = {.kind = OI_TOK_PRE_META};
  const char *mark;
  bool split;
  OI_TRY(read_char(c, o, "replacement", meta_mark, &mark));
  OI_TRY(read_scheme(c, o, &s.flags));
  OI_TRY(oi_tc_bool(c, o, "split", true, &split));
  OI_TRY(put_stage(c, OI_TOK_SPLIT, s, mark, ""));
  return split ? pre_scan(c, OI_SCAN_LITERAL, OI_TOK_TO_NEXT, mark) : OINF_OK;
}

static oinf_status pre_whitespace(oi_tc *c, const json_t *o) {
  return (void)o, pre_scan(c, OI_SCAN_WORDS, OI_TOK_REMOVED | OI_TOK_INVERT, "");
}
static oinf_status pre_spaces(oi_tc *c, const json_t *o) {
  return (void)o, pre_scan(c, OI_SCAN_SPACE, OI_TOK_REMOVED, "");
}
static oinf_status pre_bert(oi_tc *c, const json_t *o) {
  OI_TRY(pre_spaces(c, o));
  return pre_scan(c, OI_SCAN_PUNCT, OI_TOK_ISOLATED, "");
}
static oinf_status pre_punctuation(oi_tc *c, const json_t *o) {
  uint32_t behavior;
  OI_TRY(read_behavior(c, o, &behavior));
  return pre_scan(c, OI_SCAN_PUNCT, behavior, "");
}
static oinf_status pre_delimiter(oi_tc *c, const json_t *o) {
  const char *mark;
  OI_TRY(read_char(c, o, "delimiter", NULL, &mark));
  return pre_scan(c, OI_SCAN_LITERAL, OI_TOK_REMOVED, mark);
}

static const component pre_tokenizers[] = {
    {"ByteLevel", pre_bytes},
    {"Split", pre_split},
    {"Digits", pre_digits},
    {"Metaspace", pre_meta},
    {"Whitespace", pre_whitespace},
    {"WhitespaceSplit", pre_spaces},
    {"BertPreTokenizer", pre_bert},
    {"Punctuation", pre_punctuation},
    {"CharDelimiterSplit", pre_delimiter},
};

// ---- decoders ---- what looks at single tokens must stand before what makes one text of them

static oinf_status decode(oi_tc *c, uint32_t kind, uint32_t flags, const char *a, const char *b) {
  return put_stage(c, OI_TOK_DECODE, (oi_tok_stage){.kind = kind, .flags = flags}, a, b);
}

static oinf_status wants_tokens(oi_tc *c) {
  if (!c->fused) return OINF_OK;
  return oi_fail(c->err, OINF_SUPPORT,
                 "it stands behind a decoder that makes one text of the tokens");
}

static oinf_status dec_bytes(oi_tc *c, const json_t *o) {
  (void)o;
  OI_TRY(wants_tokens(c));
  c->fused = true;
  return decode(c, OI_TOK_DEC_BYTES, 0, "", "");
}

static oinf_status dec_fallback(oi_tc *c, const json_t *o) {
  (void)o;
  OI_TRY(wants_tokens(c));
  if (c->fell_back) return oi_fail(c->err, OINF_SUPPORT, "it stands there twice");
  c->fell_back = true;
  return decode(c, OI_TOK_DEC_FALLBACK, 0, "", "");
}

static oinf_status dec_fuse(oi_tc *c, const json_t *o) {
  (void)o;
  c->fused = true;
  return decode(c, OI_TOK_DEC_FUSE, 0, "", "");
}

static oinf_status dec_replace(oi_tc *c, const json_t *o) {
  oi_tok_stage s = {.kind = OI_TOK_DEC_REPLACE};
  const char *from, *to;
  uint32_t cp;
  OI_TRY(read_pattern(c, o, &s.scan, &from));
  OI_TRY(oi_tc_text(c, o, "content", NULL, &to));
  if (s.scan != OI_SCAN_LITERAL || oi_utf8_get(from, &cp) != strlen(from)) OI_TRY(wants_tokens(c));
  return put_stage(c, OI_TOK_DECODE, s, from, to);
}

static oinf_status dec_strip(oi_tc *c, const json_t *o) {
  const char *mark;
  uint32_t start, stop;
  OI_TRY(read_char(c, o, "content", " ", &mark));
  OI_TRY(oi_tc_count(c, o, "start", 0, &start));
  OI_TRY(oi_tc_count(c, o, "stop", 0, &stop));
  if (stop) return oi_fail(c->err, OINF_SUPPORT, "'stop' is not supported");
  return decode(c, OI_TOK_DEC_STRIP, start, mark, "");
}

static oinf_status dec_meta(oi_tc *c, const json_t *o) {
  const char *mark;
  uint32_t scheme;
  OI_TRY(wants_tokens(c));
  OI_TRY(read_char(c, o, "replacement", meta_mark, &mark));
  OI_TRY(read_scheme(c, o, &scheme));
  return decode(c, OI_TOK_DEC_META, scheme != 0, mark, " ");
}

static const component decoders[] = {
    {"ByteLevel", dec_bytes}, {"ByteFallback", dec_fallback}, {"Fuse", dec_fuse},
    {"Replace", dec_replace}, {"Strip", dec_strip},           {"Metaspace", dec_meta},
};

// ---- post-processors ----

static oinf_status post_nothing(oi_tc *c, const json_t *o) { return (void)c, (void)o, OINF_OK; }

static const component post_processors[] = {
    {"TemplateProcessing", oi_tc_template},
    {"RobertaProcessing", oi_tc_classic},
    {"BertProcessing", oi_tc_classic},
    {"ByteLevel", post_nothing},  // it moves offsets, not ids
};

oinf_status oi_tc_stages(oi_tc *c, const json_t *root) {
#define N(table) (sizeof(table) / sizeof *(table))
  static const struct {
    const char *key, *what, *list;
    const component *table;
    size_t n;
  } rows[] = {
      {"normalizer", "normalizer", "normalizers", normalizers, N(normalizers)},
      {"pre_tokenizer", "pre-tokenizer", "pretokenizers", pre_tokenizers, N(pre_tokenizers)},
      {"decoder", "decoder", "decoders", decoders, N(decoders)},
      {"post_processor", "post-processor", "processors", post_processors, N(post_processors)},
  };
  for (size_t i = 0; i < N(rows); i++) {
    const json_t *o = json_object_get(root, rows[i].key);
    if (o && !json_is_null(o))
      OI_TRY(run_component(c, o, rows[i].what, rows[i].list, rows[i].table, rows[i].n));
  }
#undef N
  const json_t *decoder = json_object_get(root, "decoder");
  if (!decoder || json_is_null(decoder)) OI_TRY(decode(c, OI_TOK_DEC_JOIN, 0, " ", ""));
  oi_tc_put(c, OI_TOK_SUFFIX, c->suffix.at, c->suffix.n);
  if (c->section[OI_TOK_PREFIX].n / 4 > OI_TOK_MAX_AFFIX || c->suffix.n / 4 > OI_TOK_MAX_AFFIX)
    return oi_fail(c->err, OINF_SUPPORT, "a template adds over %d ids to a side", OI_TOK_MAX_AFFIX);
  return c->suffix.failed ? oi_nomem(c->err, c->suffix.n) : OINF_OK;
}
