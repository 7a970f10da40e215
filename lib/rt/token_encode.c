// Encoding, from a text to ids: added tokens as typed, normalizer, added tokens in what it made,
// pre-tokenizers, the model word by word, the template.
//
// Added tokens are found by their bytes: leftmost, and the longest at one place. Their sorted list
// is searched as a tree, a byte a level; a byte that none begins with costs one look at a bit.
#include <stdlib.h>

#include "lib/rt/token_run.h"

// ---- added tokens ----

// The byte of entry i at a depth, 0 beyond its end (behind which all entries of the range agree).
static uint32_t oi_tok_added_byte(const oi_tokenizer *tok, int section, size_t i, size_t depth) {
  oi_tok_added a = oi_tok_added_at(tok, section, i);
  return depth < a.n ? (uint32_t)tok->at[OI_TOK_TEXT][a.at + depth] + 1 : 0;
}

// First entry of [low, high) whose byte at depth is at least `byte`.
static size_t oi_tok_added_bound(const oi_tokenizer *tok, int section, size_t low, size_t high,
                                 size_t depth, uint32_t byte) {
  while (low < high) {
    size_t mid = (low + high) / 2;
    if (oi_tok_added_byte(tok, section, mid, depth) < byte) low = mid + 1;
    else high = mid;
  }
  return low;
}

// The longest added token that begins the text; false: none does.
static bool oi_tok_added_here(const oi_tokenizer *tok, int section, const char *text, size_t n,
                              oi_tok_added *out) {
  const uint8_t lead = (uint8_t)text[0];
  if (!(tok->leads[section - OI_TOK_RAW][lead / 32] >> lead % 32 & 1)) return false;
  size_t low = 0, high = tok->n[section];
  bool found = false;
  for (size_t depth = 0; depth < n && low < high; depth++) {
    uint32_t byte = (uint32_t)(uint8_t)text[depth] + 1;
    low = oi_tok_added_bound(tok, section, low, high, depth, byte);
    high = oi_tok_added_bound(tok, section, low, high, depth, byte + 1);
    oi_tok_added first = low < high ? oi_tok_added_at(tok, section, low) : (oi_tok_added){0};
    if (first.n == depth + 1) *out = first, found = true;
  }
  return found;
}

static bool oi_tok_is_class(const char *text, size_t at, uint32_t class) {
  uint32_t cp;
  oi_utf8_get(text + at, &cp);
  return oi_unicode_class(cp) & class;
}

static bool oi_tok_stands_alone(const char *text, size_t n, size_t begin, size_t end) {
  bool before = begin > 0 && oi_tok_is_class(text, oi_utf8_back(text, begin), OI_UC_WORD);
  return !before && !(end < n && oi_tok_is_class(text, end, OI_UC_WORD));
}

static size_t oi_tok_spaces_before(const char *text, size_t low, size_t at) {
  while (at > low) {
    size_t last = oi_utf8_back(text, at);
    if (!oi_tok_is_class(text, last, OI_UC_SPACE)) break;
    at = last;
  }
  return at;
}

// Cuts a span of w->text (or of a text that becomes it) at the added tokens of a section.
static void oi_tok_cut_added(oi_tok_work *w, int section, const char *base, oi_tok_piece span,
                             oi_tok_pieces *out) {
  const char *text = base + span.at;
  size_t done = 0, end;
  for (size_t i = 0; i < span.n; i = end) {
    oi_tok_added a = {0};
    uint32_t cp;
    if (!oi_tok_added_here(w->tok, section, text + i, span.n - i, &a)) {
      end = i + oi_utf8_get(text + i, &cp);
      continue;
    }
    end = i + a.n;
    if ((a.flags & OI_TOK_SINGLE_WORD) && !oi_tok_stands_alone(text, span.n, i, end)) continue;
    size_t begin = a.flags & OI_TOK_LSTRIP ? oi_tok_spaces_before(text, done, i) : i, close = end;
    if (a.flags & OI_TOK_RSTRIP)
      while (close < span.n && oi_tok_is_class(text, close, OI_UC_SPACE))
        close += oi_utf8_get(text + close, &cp);
    if (begin > done)
      oi_tok_piece_add(
          out, (oi_tok_piece){span.at + done, begin - done, OI_TOK_NONE, span.head && done == 0});
    oi_tok_piece_add(out, (oi_tok_piece){span.at + begin, close - begin, a.id, false});
    done = end = close;
  }
  if (span.n > done)
    oi_tok_piece_add(
        out, (oi_tok_piece){span.at + done, span.n - done, OI_TOK_NONE, span.head && done == 0});
}

// ---- the pipeline ----

static void oi_tok_normalize_all(oi_tok_work *w) {
  w->next.n = 0;
  for (size_t i = 0; i < w->now.n; i++) {
    oi_tok_piece piece = w->now.at[i];
    if (piece.id != OI_TOK_NONE) {
      oi_tok_piece_add(&w->next, piece);
      continue;
    }
    size_t before = w->spare.n;
    oi_tok_normalize(w->tok, oi_utext_at(&w->text) + piece.at, piece.n, w->text.cap, &w->spare);
    piece.at = before, piece.n = w->spare.n - before;
    oi_tok_cut_added(w, OI_TOK_NORMAL, oi_utext_at(&w->spare), piece, &w->next);
  }
  oi_tok_pieces pieces = w->now;
  oi_utext text = w->text;
  w->now = w->next, w->next = pieces;
  w->text = w->spare, w->spare = text;
}

static void oi_tok_affix(oi_tok_work *w, int section) {
  for (uint32_t i = 0; i < w->tok->n[section]; i++) oi_tok_emit(w, oi_tok_u32(w->tok, section, i));
}

static void oi_tok_run(oi_tok_work *w, const char *text, size_t size, bool special) {
  oi_utf8_clean(&w->text, text, size);
  oi_tok_piece whole = {0, w->text.n, OI_TOK_NONE, true};
  oi_tok_cut_added(w, OI_TOK_RAW, oi_utext_at(&w->text), whole, &w->now);
  oi_tok_normalize_all(w);
  oi_tok_split_all(w);
  if (special) oi_tok_affix(w, OI_TOK_PREFIX);
  for (size_t i = 0; i < w->now.n && !w->bpe.failed; i++) {
    const oi_tok_piece *piece = &w->now.at[i];
    if (piece->id != OI_TOK_NONE) oi_tok_emit(w, piece->id);
    else oi_tok_word(w, oi_utext_at(&w->text) + piece->at, piece->n);
  }
  if (special) oi_tok_affix(w, OI_TOK_SUFFIX);
}

OI_RT int64_t oi_tokenizer_encode(const oi_tokenizer *tok, const char *text, size_t size,
                                  bool special, uint32_t *out, size_t room) {
  if (size > (size_t)1 << 30) return OI_TOKENIZER_SIZE;
  const size_t cap = 64 * size + 65536 < UINT32_MAX ? 64 * size + 65536 : UINT32_MAX;
  oi_tok_work w = {.tok = tok, .text.cap = cap, .spare.cap = cap, .out = out, .room = room};
  oi_tok_run(&w, size ? text : "", size, special);
  bool big = w.text.big || w.spare.big;
  bool failed = w.text.failed || w.spare.failed || w.now.failed || w.next.failed || w.bpe.failed;
  oi_utext_free(&w.text);
  oi_utext_free(&w.spare);
  free(w.now.at);
  free(w.next.at);
  free(w.bpe.symbol);
  free(w.bpe.heap);
  return failed ? big ? OI_TOKENIZER_SIZE : OI_TOKENIZER_MEMORY : (int64_t)w.n;
}
