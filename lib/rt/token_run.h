// What the parts of the tokenizer share; nobody else includes it but the compiler of its tables.
#ifndef OI_RT_TOKEN_RUN_H
#define OI_RT_TOKEN_RUN_H
#include <string.h>

#include "lib/rt/token.h"
#include "lib/rt/token_blob.h"
#include "lib/rt/token_scan.h"
#include "lib/rt/unicode.h"

struct oi_tokenizer {
  uint32_t vocab, unk, flags;
  const uint8_t *at[OI_TOK_N_SECTIONS];  // may lie unaligned
  uint32_t n[OI_TOK_N_SECTIONS];         // records
  uint32_t leads[2][8];  // bits of the bytes that tokens of RAW and NORMAL begin with
};

static inline uint32_t oi_tok_u32(const oi_tokenizer *tok, int section, size_t index) {
  uint32_t v;
  memcpy(&v, tok->at[section] + 4 * index, sizeof v);
  return v;
}
static inline oi_tok_stage oi_tok_stage_at(const oi_tokenizer *tok, int section, size_t index) {
  oi_tok_stage s;
  memcpy(&s, tok->at[section] + sizeof s * index, sizeof s);
  return s;
}
static inline oi_tok_added oi_tok_added_at(const oi_tokenizer *tok, int section, size_t index) {
  oi_tok_added a;
  memcpy(&a, tok->at[section] + sizeof a * index, sizeof a);
  return a;
}
static inline const char *oi_tok_string(const oi_tokenizer *tok, uint32_t at) {
  return (const char *)tok->at[OI_TOK_TEXT] + at;
}
// The id of a text in the model's vocabulary, OI_TOK_NONE where it has none.
OI_RT uint32_t oi_tok_find(const oi_tokenizer *tok, const char *text, size_t n);
OI_RT uint32_t oi_tok_find_char(const oi_tokenizer *tok, uint32_t cp);
// End of the match of a stage's pattern at byte i, or i.
OI_RT size_t oi_tok_match(const oi_tokenizer *tok, const oi_tok_stage *s, const char *text,
                          size_t n, size_t i);
// Adds text with each match of the stage's a by its b.
OI_RT void oi_tok_replace(const oi_tokenizer *tok, const oi_tok_stage *s, const char *text,
                          size_t n, oi_utext *out);
// Adds each byte as its character.
OI_RT void oi_tok_spell_bytes(const char *text, size_t n, oi_utext *out);
// Adds the normal form of a text to *out.
OI_RT void oi_tok_normalize(const oi_tokenizer *tok, const char *text, size_t n, size_t cap,
                            oi_utext *out);

// A piece of the text on its way to ids: a span of the working text, or a token found already.
typedef struct oi_tok_piece {
  size_t at, n;
  uint32_t id;  // OI_TOK_NONE: text
  bool head;    // the typed text begins here
} oi_tok_piece;
typedef struct oi_tok_pieces {
  oi_tok_piece *at;
  size_t n, room;
  bool failed;
} oi_tok_pieces;
OI_RT void oi_tok_piece_add(oi_tok_pieces *p, oi_tok_piece piece);

// Symbols of one word, joined pair by pair; kept from word to word.
typedef struct oi_tok_symbol {
  uint32_t id;  // OI_TOK_NONE: joined into its left neighbour
  uint32_t before, after;
} oi_tok_symbol;
typedef struct oi_tok_join {
  uint32_t rank, at, left, right, id;
} oi_tok_join;
typedef struct oi_tok_bpe {
  oi_tok_symbol *symbol;
  oi_tok_join *heap;
  size_t n, room, n_heap, heap_room;
  bool failed;
} oi_tok_bpe;

typedef struct oi_tok_work {
  const oi_tokenizer *tok;
  oi_utext text, spare;  // what the pieces are spans of; what a step makes of it
  oi_tok_pieces now, next;
  oi_tok_bpe bpe;
  uint32_t *out;
  size_t n, room;  // ids, counted beyond the room too
} oi_tok_work;
OI_RT void oi_tok_split_all(oi_tok_work *w);  // runs the pre-tokenizers over w->now
OI_RT void oi_tok_emit(oi_tok_work *w, uint32_t id);
OI_RT void oi_tok_word(oi_tok_work *w, const char *text, size_t n);  // emits the ids of a word
#endif
