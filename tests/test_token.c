// Encoding and decoding: ids and texts of reference tokenizers, streams, round trips, damage.
#include "lib/rt/token_blob.h"
#include "lib/rt/unicode.h"
#include "tests/token_load.h"

#include <time.h>

// ---- ids and texts made elsewhere ----

TEST(token, equals_the_reference_library_over_every_component) {
  json_t *root = oi_load_json("tests/data/token/vectors.json");
  const json_t *cases = json_object_get(root, "cases"), *texts = json_object_get(root, "texts");
  for (size_t c = 0; c < json_array_size(cases); c++) {
    const json_t *one = json_array_get(cases, c);
    const char *kind = json_string_value(json_object_get(one, "model")),
               *name = json_string_value(json_object_get(one, "name"));
    const json_t *lists = json_object_get(json_object_get(root, "lists"), kind);
    const json_t *ids = json_object_get(one, "ids"), *plain = json_object_get(one, "plain");
    oi_loaded l = oi_load_case(json_object_get(json_object_get(root, "models"), kind), one);
    for (size_t i = 0; i < json_array_size(texts); i++) {
      const json_t *text = json_array_get(texts, i);
      const char *at = json_string_value(text);
      size_t n = json_string_length(text);
      oi_check_ids(l.tok, at, n, true, json_array_get(ids, i), name);
      oi_check_ids(l.tok, at, n, false, json_array_get(plain ? plain : ids, i), name);
    }
    for (size_t i = 0; i < json_array_size(lists); i++)
      oi_check_text(l.tok, json_array_get(lists, i), true,
                    json_array_get(json_object_get(one, "decoded"), i), name);
    oi_unload(&l);
  }
  CHECK(json_array_size(cases) > 35);
  json_decref(root);
}

TEST(token, equals_the_golden_cases) {
  oi_loaded l[2] = {oi_load_tokenizer("tests/data/token/bytelevel_bpe.json"),
                    oi_load_tokenizer("tests/data/token/spm_bpe.json")};
  FILE *f = fopen("tests/data/token/golden.jsonl", "r");
  CHECK(f);
  static char line[1 << 16];
  int n = 0;
  for (; fgets(line, sizeof line, f); n++) {
    json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
    const json_t *text = json_array_get(row, 0);
    for (size_t k = 0; k < 2; k++)
      oi_check_ids(l[k].tok, json_string_value(text), json_string_length(text), true,
                   json_array_get(row, k + 1), k ? "spm" : "byte-level");
    json_decref(row);
  }
  fclose(f);
  CHECK_INT(n, 814);
  oi_unload(&l[0]);
  oi_unload(&l[1]);
}

// Cases of one model in a file of transformers.js: a name, its text, ids and decoded text.
static void check_published(const char *tokenizer, const char *file, const char *model,
                            size_t want) {
  oi_loaded l = oi_load_tokenizer(oi_test_corpus(tokenizer));
  json_t *root = oi_load_json(oi_test_corpus(file));
  json_t *cases = json_object_get(root, model), *one;
  const char *name;
  CHECK_INT(json_object_size(cases), want);
  json_object_foreach(cases, name, one) {
    const json_t *text = json_object_get(one, "text"), *ids = json_object_get(one, "ids");
    const json_t *decoded = json_object_get(one, "decoded");
    oi_check_ids(l.tok, json_string_value(text), json_string_length(text), true, ids, name);
    // One decoded text of these has been cleaned up, which is not the tokenizer's doing.
    bool cleaned = strstr(model, "gpt2") && strcmp(name, "PUNCTUATION") == 0;
    if (!cleaned) oi_check_text(l.tok, ids, true, decoded, name);
  }
  json_decref(root);
  oi_unload(&l);
}

#define DERIVED "tokenizers/transformers.js-derived/"
TEST(token, gpt2_equals_the_published_ids) {
  const char *path = "tokenizers/swift-transformers/Vocabs/gpt2_tokenizer.json";
  check_published(path, DERIVED "gpt2.json", "Xenova/gpt2", 26);
  check_published(path, DERIVED "gpt2.json", "openai-community/gpt2", 26);
}
TEST(token, roberta_equals_the_published_ids) {
  check_published("tokenizers/ort-extensions/tokenizer/roberta-base/tokenizer.json",
                  DERIVED "roberta.json", "Xenova/all-distilroberta-v1", 11);
}
TEST(token, llama_equals_the_published_ids) {
  check_published("tokenizers/swift-transformers/Vocabs/llama_tokenizer.json", DERIVED "llama.json",
                  "Xenova/llama-tokenizer", 37);
}

// The texts of ggml's vocabularies lie between marker lines, their ids on a line each.
static void check_ggml(const char *tokenizer, const char *inputs, const char *outputs) {
  static const char marker[] = "\n__ggml_vocab_test__\n";
  oi_loaded l = oi_load_tokenizer(oi_test_corpus(tokenizer));
  size_t n, n_out;
  char *in = oi_test_slurp(oi_test_corpus(inputs), &n),
       *out = oi_test_slurp(oi_test_corpus(outputs), &n_out);
  char *text = in, *line = out;
  int count = 0;
  for (char *end; (end = strstr(text, marker)) != NULL; text = end + sizeof marker - 1, count++) {
    char *eol = strchr(line, '\n');
    json_t *want = json_array();
    for (char *at = line, *next; at < eol; at = next) {
      long id = strtol(at, &next, 10);
      if (next == at || next > eol) break;
      json_array_append_new(want, json_integer(id));
    }
    *end = 0;
    oi_check_ids(l.tok, text, (size_t)(end - text), false, want, inputs);
    json_decref(want);
    line = eol + 1;
  }
  CHECK(count > 40);
  free(in);
  free(out);
  oi_unload(&l);
}

TEST(token, gpt2_equals_the_ids_of_ggml) {
  check_ggml("tokenizers/swift-transformers/Vocabs/gpt2_tokenizer.json",
             "gguf/ggml-vocab/ggml-vocab-gpt-2.gguf.inp",
             "gguf/ggml-vocab/ggml-vocab-gpt-2.gguf.out");
}
TEST(token, llama_equals_the_ids_of_ggml) {
  check_ggml("tokenizers/swift-transformers/Vocabs/llama_tokenizer.json",
             "gguf/ggml-vocab/ggml-vocab-llama-spm.gguf.inp",
             "gguf/ggml-vocab/ggml-vocab-llama-spm.gguf.out");
}

TEST(token, stories_text_goes_through_its_tokenizer) {
  oi_loaded l = oi_load_tokenizer(oi_test_corpus("lm/stories260K/tokenizer.json"));
  size_t n, n_back;
  char *text = oi_test_slurp(oi_test_corpus("lm/stories260K/expected_greedy_200.txt"), &n);
  static uint32_t ids[4096];
  CHECK_INT(oi_tokenizer_bos(l.tok), 1);
  CHECK_INT(oi_tokenizer_vocab(l.tok), 512);
  int64_t count = oi_tokenizer_encode(l.tok, text, n, true, ids, 4096);
  CHECK(count > 100 && count < 4096 && ids[0] == 1);
  char *back = oi_decode_all(l.tok, ids, (size_t)count, false, &n_back);
  CHECK_STR(back, text);
  free(back);
  free(text);
  oi_unload(&l);
}

// ---- the contract ----

TEST(token, encode_counts_beyond_its_room) {
  oi_loaded l = oi_load_tokenizer("tests/data/token/bytelevel_bpe.json");
  uint32_t ids[8] = {0}, few[3] = {9, 9, 9};
  CHECK_INT(oi_tokenizer_encode(l.tok, "Hello world", 11, true, NULL, 0), 5);
  CHECK_INT(oi_tokenizer_encode(l.tok, "Hello world", 11, true, ids, 8), 5);
  CHECK_INT(oi_tokenizer_encode(l.tok, "Hello world", 11, true, few, 2), 5);
  CHECK(few[0] == ids[0] && few[1] == ids[1] && few[2] == 9);
  CHECK_INT(oi_tokenizer_encode(l.tok, NULL, 0, true, ids, 8), 0);
  CHECK_INT(oi_tokenizer_bos(l.tok), -1);
  size_t n;
  CHECK(!oi_tokenizer_text(l.tok, 282, &n) && !oi_tokenizer_text(l.tok, UINT32_MAX, &n));
  CHECK(oi_tokenizer_text(l.tok, 261, &n) && n == 2);
  oi_unload(&l);
}

TEST(token, bad_utf8_counts_as_replacement_characters) {
  oi_loaded l = oi_load_tokenizer("tests/data/token/bytelevel_bpe.json");
  uint32_t bad[16], good[16];
  int64_t n = oi_tokenizer_encode(l.tok,
                                  "a\xFF"
                                  "b\xE2\x82",
                                  5, true, bad, 16);
  CHECK_INT(oi_tokenizer_encode(l.tok,
                                "a\xEF\xBF\xBD"
                                "b\xEF\xBF\xBD",
                                8, true, good, 16),
            n);
  CHECK(!memcmp(bad, good, (size_t)n * 4));
  oi_unload(&l);
}

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// A model without a pre-tokenizer has one word, the whole text: a quadratic way would take hours.
TEST(token, a_long_text_is_one_word_and_takes_its_time) {
  oi_loaded l = oi_load_tokenizer("tests/data/token/spm_bpe.json");
  const size_t n = 2000000;
  char *text = malloc(n);
  for (size_t i = 0; i < n; i++) text[i] = "the hell  "[i % 10];
  double start = now();
  int64_t count = oi_tokenizer_encode(l.tok, text, n, true, NULL, 0);
  CHECK(count > 100000 && count < (int64_t)n);
  CHECK(now() - start < 60.0);
  free(text);
  oi_unload(&l);
}

// ---- streams ----

static uint64_t number(uint64_t *x) {
  uint64_t z = *x += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static bool is_utf8(const char *text, size_t n) {
  size_t size;
  for (size_t i = 0; i < n; i += size) {
    uint32_t cp;
    bool cut;
    size = oi_utf8_next(text + i, n - i, &cp, &cut);
    if (oi_utf8_is_bad(text + i, size, cp)) return false;
  }
  return true;
}

// Text of ids [from, n) as what follows a prompt; each piece must be whole characters.
static char *answer(const oi_tokenizer *tok, const uint32_t *ids, size_t from, size_t n) {
  oi_decoder *dec = oi_decoder_open(tok);
  char *out = calloc(1, 1 << 14);
  size_t size = 0;
  CHECK(oi_decoder_prompt(dec, ids, from));
  for (size_t i = from; i <= n; i++) {
    const char *bytes;
    size_t k;
    CHECK(i < n ? oi_decoder_push(dec, ids[i], &bytes, &k) : oi_decoder_flush(dec, &bytes, &k));
    CHECK(is_utf8(bytes, k) && size + k < 1 << 14);
    memcpy(out + size, bytes, k);
    size += k;
  }
  oi_decoder_close(dec);
  return out;
}

// Wherever decoding all begins with decoding the prompt, the answer is exactly what it adds.
static void check_answers(const oi_tokenizer *tok, uint32_t first, uint32_t span, uint64_t seed,
                          int *added) {
  for (int turn = 0; turn < 2000; turn++) {
    uint32_t ids[24];
    size_t n = number(&seed) % 24, n_all, n_prompt, from = n ? number(&seed) % (n + 1) : 0;
    for (size_t i = 0; i < n; i++) ids[i] = first + (uint32_t)(number(&seed) % span);
    char *all = oi_decode_all(tok, ids, n, false, &n_all);
    char *prompt = oi_decode_all(tok, ids, from, false, &n_prompt),
         *more = answer(tok, ids, from, n);
    CHECK(is_utf8(all, n_all) && strlen(all) == n_all);
    // A prompt that ends inside a character has no text of its own that could be taken off.
    const char *last = prompt + (n_prompt >= 3 ? n_prompt - 3 : 0);
    bool whole = from == 0 || (n_prompt && strcmp(last, "\xEF\xBF\xBD") != 0);
    if (whole && strncmp(all, prompt, n_prompt) == 0) {
      CHECK_STR(more, all + n_prompt);
      ++*added;
    }
    free(all), free(prompt), free(more);
  }
}

TEST(token, an_answer_is_what_it_adds_to_the_prompt) {
  static const char *const paths[] = {"tests/data/token/bytelevel_bpe.json",
                                      "tests/data/token/spm_bpe.json"};
  for (size_t k = 0; k < 2; k++) {
    int added = 0;
    oi_loaded l = oi_load_tokenizer(paths[k]);
    check_answers(l.tok, k ? 4 : 1, 278, 1, &added);             // everything, NUL left out
    check_answers(l.tok, k ? 3 + 0x80 : 0x80, 0x70, 2, &added);  // bytes beyond ASCII, mostly bad
    check_answers(l.tok, k ? 3 + 0x20 : 0x20, 0x60, 3, &added);  // ASCII bytes
    CHECK_MSG(added > 2500, "%d", added);
    oi_unload(&l);
  }
}

TEST(token, a_character_comes_when_it_is_whole) {
  oi_loaded bl = oi_load_tokenizer("tests/data/token/bytelevel_bpe.json");
  oi_loaded sp = oi_load_tokenizer("tests/data/token/spm_bpe.json");
  oi_decoder *dec = oi_decoder_open(bl.tok);
  const char *bytes;
  size_t n;
  static const uint32_t euro[] = {0xE2, 0x82, 0xAC};
  for (size_t i = 0; i < 3; i++)
    CHECK(oi_decoder_push(dec, euro[i], &bytes, &n) && n == (i == 2 ? 3 : 0));
  CHECK(oi_decoder_push(dec, 0xE2, &bytes, &n) && n == 0);
  CHECK(oi_decoder_push(dec, 'a', &bytes, &n) && n == 4 &&
        !memcmp(bytes,
                "\xEF\xBF\xBD"
                "a",
                4));
  CHECK(oi_decoder_push(dec, 0xE2, &bytes, &n) && n == 0);
  CHECK(oi_decoder_flush(dec, &bytes, &n) && n == 3 && !memcmp(bytes, "\xEF\xBF\xBD", 3));
  oi_decoder_close(dec);
  // A newline that ends the prompt belongs to it, though its run of bytes goes on in the answer.
  static const uint32_t lines[] = {301, 3 + '\n', 3 + '\n', 298};
  char *more = answer(sp.tok, lines, 2, 4);
  CHECK_STR(more, "\n world");
  free(more);
  oi_unload(&bl);
  oi_unload(&sp);
}

TEST(token, valid_text_comes_back_as_it_was) {
  json_t *root = oi_load_json("tests/data/token/vectors.json");
  const json_t *texts = json_object_get(root, "texts");
  json_t *one = json_pack("{s:s, s:{s:s, s:b}, s:{s:s}}", "name", "bytes", "pre_tokenizer", "type",
                          "ByteLevel", "add_prefix_space", 0, "decoder", "type", "ByteLevel");
  oi_loaded l = oi_load_case(json_object_get(json_object_get(root, "models"), "bytes"), one);
  for (size_t i = 0; i < json_array_size(texts); i++) {
    const char *text = json_string_value(json_array_get(texts, i));
    static uint32_t ids[4096];
    size_t size;
    int64_t n = oi_tokenizer_encode(l.tok, text, strlen(text), true, ids, 4096);
    char *back = oi_decode_all(l.tok, ids, (size_t)n, true, &size);
    CHECK_STR(back, text);
    free(back);
  }
  oi_unload(&l);
  json_decref(one);
  json_decref(root);
}

// ---- damage ----

static void use(const void *blob, size_t size) {
  oi_tokenizer *tok = oi_tokenizer_open(blob, size);
  if (!tok) return;
  static const char *const texts[] = {"Hello the  world\n",
                                      "<s>[X] \xE4\xB8\xAD\xE2\x82\xAC 12'll"};
  uint32_t ids[64] = {0};
  for (size_t i = 0; i < 2; i++) {
    int64_t n = oi_tokenizer_encode(tok, texts[i], strlen(texts[i]), true, ids, 64);
    size_t size_back;
    free(oi_decode_all(tok, ids, n < 0 ? 0 : n < 64 ? (size_t)n : 64, true, &size_back));
  }
  for (uint32_t id = 0; id < 40; id++) ids[id] = id * 9;
  size_t size_back;
  free(oi_decode_all(tok, ids, 40, false, &size_back));
  oi_tokenizer_close(tok);
}

// Small tables with every section filled: the bytes after the header and the texts matter most.
static oi_loaded small(const char *kind) {
  json_t *root = json_loads(
      "{\"added_tokens\":[{\"id\":9,\"content\":\"<s>\",\"special\":true,\"lstrip\":true,"
      "\"normalized\":false},"
      "{\"id\":10,\"content\":\"[X]\",\"special\":false,\"single_word\":true,\"normalized\":true}],"
      "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":"
      "\"Replace\","
      "\"pattern\":{\"String\":\" \"},\"content\":\"_\"},{\"type\":\"Strip\"}]},"
      "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\"},{\"type\":"
      "\"Metaspace\"}]},"
      "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"<s>\",9],\"sep\":[\"e\",1]},"
      "\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"Replace\",\"pattern\":{"
      "\"String\":\"_\"},"
      "\"content\":\" "
      "\"},{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"},{\"type\":\"Strip\",\"start\":1}]}}",
      0, NULL);
  json_t *model = json_loads(
      "{\"type\":\"BPE\",\"vocab\":{\"h\":0,\"e\":1,\"l\":2,\"_\":3,\"he\":4,\"ll\":5,\"hell\":6,"
      "\"<0xE2>\":7,"
      "\"o\":8},\"merges\":[\"h e\",\"l l\",\"he ll\"],\"byte_fallback\":true,\"unk_token\":\"o\"}",
      0, NULL);
  CHECK(root && model);
  json_object_set_new(root, "name", json_string(kind));
  json_object_set_new(root, "ignore_merges", json_boolean(strcmp(kind, "whole") == 0));
  oi_loaded l = oi_load_case(model, root);
  json_decref(root);
  json_decref(model);
  return l;
}

TEST(token, damaged_tables_are_refused_or_do_no_harm) {
  static const uint8_t masks[] = {0x01, 0x80, 0xFF, 0x10};
  for (int k = 0; k < 2; k++) {
    oi_loaded l = small(k ? "whole" : "plain");
    uint8_t *copy = malloc(l.blob.n);
    for (size_t i = 0; i < l.blob.n; i++)
      for (size_t m = 0; m < sizeof masks; m++) {
        memcpy(copy, l.blob.at, l.blob.n);
        copy[i] ^= masks[m];
        use(copy, l.blob.n);
      }
    free(copy);
    oi_unload(&l);
  }
}

TEST(token, every_truncation_of_tables_is_refused) {
  oi_loaded l = small("plain");
  for (size_t n = 0; n < l.blob.n; n++) {
    uint8_t *copy = malloc(n ? n : 1);
    memcpy(copy, l.blob.at, n);
    CHECK(!oi_tokenizer_open(copy, n));
    free(copy);
  }
  uint8_t *shifted = malloc(l.blob.n + 1);  // tables need no alignment
  memcpy(shifted + 1, l.blob.at, l.blob.n);
  oi_tokenizer *tok = oi_tokenizer_open(shifted + 1, l.blob.n);
  uint32_t ids[8];
  CHECK(tok && oi_tokenizer_encode(tok, "hello", 5, false, ids, 8) == 3);
  CHECK_INT(ids[1], 6);
  oi_tokenizer_close(tok);
  free(shifted);
  oi_unload(&l);
}
