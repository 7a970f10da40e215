// Tokenizers for tests: compiled from a file, from text, or from a case of tests/data/token.
#ifndef OINF_TESTS_TOKEN_LOAD_H
#define OINF_TESTS_TOKEN_LOAD_H
#include <jansson.h>

#include "formats/tokenizer.h"
#include "lib/rt/token.h"
#include "tests/test.h"

typedef struct oi_loaded {
  oinf_ctx *ctx;
  oi_bytes blob;
  oi_tokenizer *tok;
} oi_loaded;
oi_loaded oi_load_tokenizer(const char *path);
oi_loaded oi_load_case(const json_t *model, const json_t *one);  // a row of vectors.json
void oi_unload(oi_loaded *l);
json_t *oi_load_json(const char *path);

// Each ends the test where what is found is not what is wanted (an array of ids).
void oi_check_ids(const oi_tokenizer *tok, const char *text, size_t n, bool special,
                  const json_t *want, const char *where);
// All ids decoded one by one, special tokens shown or not; freed by the caller.
char *oi_decode_all(const oi_tokenizer *tok, const uint32_t *ids, size_t n, bool special,
                    size_t *out_n);
void oi_check_text(const oi_tokenizer *tok, const json_t *ids, bool special, const json_t *want,
                   const char *where);
#endif
