// Compiling tokenizer.json: each refusal with its status, what is noted, sameness, lack of memory.
#include "lib/rt/token_blob.h"
#include "tests/scarce.h"
#include "tests/token_load.h"

// Compiles a text and gives the status; *out_word is whether the message holds a word.
static oinf_status compile(const char *json, const char *word, bool *out_word) {
  oinf_ctx *ctx;
  oi_bytes blob = {0};
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oinf_status status = oi_tokenizer_compile(ctx, json, strlen(json), &blob, NULL);
  *out_word = strstr(oinf_error(ctx), word) != NULL;
  if (!*out_word) printf("%s\n  gives: %s\n", json, oinf_error(ctx));
  if (status == OINF_OK) {
    oi_tokenizer *tok = oi_tokenizer_open(blob.at, blob.n);
    CHECK(tok);
    oi_tokenizer_close(tok);
  }
  CHECK(status == OINF_OK || !blob.at);
  oi_bytes_free(ctx, &blob);
  oinf_ctx_destroy(ctx);
  return status;
}

static void check_refused(const char *json, oinf_status want, const char *word) {
  bool says;
  CHECK_MSG(compile(json, word, &says) == want, "%s", json);
  CHECK_MSG(says, "%s: the message lacks '%s'", json, word);
}

#define MODEL \
  "\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}"

TEST(tokenizer, malformed_documents_are_refused) {
  static const struct {
    const char *json, *word;
  } rows[] = {
      {"", ""},
      {"[]", "object"},
      {"{", ""},
      {"{\"model\":1}", "model"},
      {"{}", "model"},
      {"{\"model\":{},\"model\":{}}", ""},
      {"{\"model\":{\"type\":3,\"vocab\":{},\"merges\":[]}}", "type"},
      {"{\"model\":{\"type\":\"BPE\",\"merges\":[]}}", "vocab"},
      {"{\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":{}}}", "merges"},
      {"{\"model\":{\"type\":\"BPE\",\"vocab\":{}}}", "merges"},
      {"{\"model\":{\"vocab\":{\"a\":\"b\"},\"merges\":[]}}", "'a'"},
      {"{\"model\":{\"vocab\":{\"a\":-1},\"merges\":[]}}", "-1"},
      {"{\"model\":{\"vocab\":{\"a\":2097152},\"merges\":[]}}", "2097152"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"a\"]}}", "merge 0"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"a a a\"]}}", "merge 0"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[[\"a\"]]}}", "merge 0"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[[\"a\",1]]}}", "merge 0"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[7]}}", "merge 0"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"a a\"]}}", "no token"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"aa\":1},\"merges\":[\"a b\"]}}", "no token"},
      {"{\"model\":{\"vocab\":{\"a\":0},\"merges\":[],\"fuse_unk\":1}}", "fuse_unk"},
      {"{" MODEL ",\"added_tokens\":{}}", "added_tokens"},
      {"{" MODEL ",\"added_tokens\":[{\"id\":3}]}", "content"},
      {"{" MODEL ",\"added_tokens\":[{\"content\":\"x\"}]}", "expected"},
      {"{" MODEL ",\"added_tokens\":[{\"content\":\"x\",\"id\":3,\"lstrip\":0}]}", "lstrip"},
      {"{" MODEL ",\"normalizer\":{}}", "type"},
      {"{" MODEL ",\"normalizer\":{\"type\":\"Sequence\"}}", "normalizers"},
      {"{" MODEL ",\"normalizer\":{\"type\":\"Replace\",\"content\":\"\"}}", "pattern"},
      {"{" MODEL ",\"normalizer\":{\"type\":\"Prepend\"}}", "prepend"},
      {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"replacement\":\"ab\"}}",
       "character"},
      {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"Metaspace\",\"prepend_scheme\":\"x\"}}", "scheme"},
      {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"Punctuation\",\"behavior\":\"x\"}}", "behavior"},
      {"{" MODEL ",\"decoder\":{\"type\":\"Strip\",\"start\":-1}}", "start"},
      {"{" MODEL
       ",\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",0],\"sep\":[\"b\",9]}}",
       "vocabulary"},
      {"{" MODEL ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{"
                 "\"SpecialToken\":{\"id\":\"a\"}},"
       "{\"Sequence\":{\"id\":\"A\"}}]}}",
       "ids"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_refused(rows[i].json, OINF_FORMAT, rows[i].word);
}

TEST(tokenizer, what_is_not_known_is_named) {
  static const struct {
    const char *json, *word;
  } rows[] = {
      {"{\"model\":{\"type\":\"WordPiece\",\"vocab\":{}}}", "WordPiece"},
      {"{\"model\":{\"vocab\":{},\"max_input_chars_per_word\":100}}", "WordPiece"},
      {"{\"model\":{\"vocab\":[[\"a\",0.0]]}}", "Unigram"},
      {"{\"model\":{\"vocab\":{}}}", "WordLevel"},
      {"{\"model\":{\"vocab\":{\"a\":0,\"b\":0},\"merges\":[]}}", "share id 0"},
      {"{\"model\":{\"vocab\":{},\"merges\":[],\"end_of_word_suffix\":\"</w>\"}}",
       "end_of_word_suffix"},
      {"{" MODEL ",\"normalizer\":{\"type\":\"Precompiled\"}}", "Precompiled"},
      {"{" MODEL
       ",\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"}}",
       "empty"},
      {"{" MODEL ",\"pre_tokenizer\":{\"type\":\"UnicodeScripts\"}}", "UnicodeScripts"},
      {"{" MODEL
       ",\"pre_tokenizer\":{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a+b\"},\"behavior\":"
       "\"Isolated\"}}",
       "a+b"},
      {"{" MODEL ",\"decoder\":{\"type\":\"WordPiece\"}}", "WordPiece"},
      {"{" MODEL ",\"decoder\":{\"type\":\"Strip\",\"stop\":1}}", "stop"},
      {"{" MODEL ",\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Fuse\"},{\"type\":"
                 "\"ByteLevel\"}]}}",
       "one text"},
      {"{" MODEL ",\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteFallback\"},"
       "{\"type\":\"ByteFallback\"}]}}",
       "twice"},
      {"{" MODEL ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{"
                 "\"id\":\"B\"}}]}}",
       "A once"},
      {"{" MODEL ",\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}}", "A once"},
      {"{" MODEL ",\"post_processor\":{\"type\":\"Magic\"}}", "Magic"},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    check_refused(rows[i].json, OINF_SUPPORT, rows[i].word);
}

TEST(tokenizer, pipelines_and_sizes_are_bounded) {
  static char json[1 << 16];
  int n = snprintf(json, sizeof json,
                   "{" MODEL ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[");
  for (int i = 0; i < 65; i++)
    n += snprintf(json + n, sizeof json - (size_t)n, "%s{\"type\":\"NFC\"}", i ? "," : "");
  snprintf(json + n, sizeof json - (size_t)n, "]}}");
  check_refused(json, OINF_SUPPORT, "64");
  n = snprintf(json, sizeof json,
               "{" MODEL ",\"post_processor\":{\"type\":\"Sequence\",\"processors\":[");
  for (int i = 0; i < 65; i++)
    n += snprintf(json + n, sizeof json - (size_t)n,
                  "%s{\"type\":\"BertProcessing\",\"cls\":[\"a\",0],\"sep\":[\"b\",1]}",
                  i ? "," : "");
  snprintf(json + n, sizeof json - (size_t)n, "]}}");
  check_refused(json, OINF_SUPPORT, "64");
  size_t big = (64u << 20) + 1;
  char *spaces = malloc(big + 1);
  memset(spaces, ' ', big), spaces[big] = 0;
  check_refused(spaces, OINF_SUPPORT, "at most");
  free(spaces);
}

// A normalizer that doubles sixty times must end in an error, not in exhausted memory.
TEST(tokenizer, a_text_that_is_blown_up_is_refused) {
  static char json[1 << 14];
  int n = snprintf(json, sizeof json,
                   "{" MODEL ",\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[");
  for (int i = 0; i < 60; i++)
    n += snprintf(json + n, sizeof json - (size_t)n,
                  "%s{\"type\":\"Replace\",\"pattern\":{\"String\":\"%c\"},"
                  "\"content\":\"%s\"}",
                  i ? "," : "", i % 2 ? 'b' : 'a', i % 2 ? "aa" : "bb");
  snprintf(json + n, sizeof json - (size_t)n, "]}}");
  oinf_ctx *ctx;
  oi_bytes blob;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oi_tokenizer_compile(ctx, json, strlen(json), &blob, NULL), OINF_OK);
  oi_tokenizer *tok = oi_tokenizer_open(blob.at, blob.n);
  CHECK_INT(oi_tokenizer_encode(tok, "aaaa", 4, true, NULL, 0), OI_TOKENIZER_SIZE);
  oi_tokenizer_close(tok);
  oi_bytes_free(ctx, &blob);
  oinf_ctx_destroy(ctx);
}

TEST(tokenizer, what_does_not_count_is_noted) {
  static const char json[] = "{" MODEL
                             ",\"truncation\":{\"max_length\":4},\"padding\":{\"strategy\":"
                             "\"BatchLongest\"},\"decoder\":{\"type\":\"Fuse\"}}";
  oinf_ctx *ctx;
  oi_bytes blob;
  oi_text note;
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oi_text_init(&note, ctx);
  CHECK_INT(oi_tokenizer_compile(ctx, json, strlen(json), &blob, &note), OINF_OK);
  CHECK(strstr(note.at, "truncation") && strstr(note.at, "; ") && strstr(note.at, "padding"));
  oi_tokenizer *tok = oi_tokenizer_open(blob.at, blob.n);
  CHECK_INT(oi_tokenizer_encode(tok, "ababababab", 10, true, NULL, 0), 5);
  oi_tokenizer_close(tok);
  oi_text_free(&note);
  oi_bytes_free(ctx, &blob);
  oinf_ctx_destroy(ctx);
}

// A later listing of a pair counts; "#version" is no merge; ids of the vocabulary beat those of
// added tokens.
TEST(tokenizer, odd_files_mean_what_they_mean_elsewhere) {
  static const char json[] =
      "{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"bc\":4},"
      "\"merges\":[\"#version: 0.2\",\"a b\",\"b c\",\"a b\"]},"
      "\"added_tokens\":[{\"id\":77,\"content\":\"c\"},{\"id\":6,\"content\":\"\"}]}";
  oinf_ctx *ctx;
  oi_bytes blob;
  uint32_t ids[4];
  CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  CHECK_INT(oi_tokenizer_compile(ctx, json, strlen(json), &blob, NULL), OINF_OK);
  oi_tokenizer *tok = oi_tokenizer_open(blob.at, blob.n);
  CHECK_INT(oi_tokenizer_vocab(tok), 7);
  CHECK_INT(oi_tokenizer_encode(tok, "abc", 3, true, ids, 4), 2);
  CHECK(ids[0] == 3 && ids[1] == 2);
  oi_tokenizer_close(tok);
  oi_bytes_free(ctx, &blob);
  oinf_ctx_destroy(ctx);
}

TEST(tokenizer, one_file_gives_one_encoding) {
  oi_loaded a = oi_load_tokenizer("tests/data/token/spm_bpe.json");
  oi_loaded b = oi_load_tokenizer("tests/data/token/spm_bpe.json");
  CHECK(a.blob.n == b.blob.n && !memcmp(a.blob.at, b.blob.at, a.blob.n));
  oi_unload(&a);
  oi_unload(&b);
}

// ---- lack of memory ----

TEST(tokenizer, every_allocation_that_fails_ends_cleanly) {
  size_t n;
  char *json = oi_test_slurp("tests/data/token/spm_bpe.json", &n);
  for (long budget = 1;; budget++) {
    scarce p = {.fail_at = budget + 1, .for_good = true};
    oinf_ctx *ctx;
    oi_bytes blob = {0};
    CHECK(budget < 500);
    CHECK_INT(oinf_ctx_create(&(oinf_ctx_desc){.alloc = scarce_alloc, .user = &p}, &ctx), OINF_OK);
    oinf_status status = oi_tokenizer_compile(ctx, json, n, &blob, NULL);
    CHECK(status == OINF_OK || status == OINF_MEMORY);
    oi_bytes_free(ctx, &blob);
    oinf_ctx_destroy(ctx);
    CHECK_INT(p.bytes, 0);
    if (status == OINF_OK) break;
  }
  free(json);
}
