// Pre-tokenizers: each step cuts the pieces of the text further, or makes another text of them.
//
// Pieces are spans of one working text, so a cut copies nothing; tokens found earlier pass through
// untouched.
#include <stdlib.h>

#include "lib/rt/token_run.h"

OI_RT void oi_tok_piece_add(oi_tok_pieces *p, oi_tok_piece piece) {
  if (piece.n == 0 && piece.id == OI_TOK_NONE) return;
  if (p->n == p->room && !p->failed) {
    size_t want = p->room ? p->room * 2 : 64;
    oi_tok_piece *at = realloc(p->at, want * sizeof *at);
    if (at) p->at = at, p->room = want;
    else p->failed = true;
  }
  if (!p->failed) p->at[p->n++] = piece;
}

// ---- cuts ----
// The text is a row of parts that match and parts that do not. How they become pieces is a
// behaviour; the part that may still grow is kept in `held`.
typedef struct oi_tok_cut {
  oi_tok_pieces *out;
  oi_tok_piece held;
  bool held_match, any;  // any: something is held
  uint32_t behavior;
} oi_tok_cut;

static void oi_tok_cut_flush(oi_tok_cut *c) {
  if (c->any) oi_tok_piece_add(c->out, c->held);
  c->any = false;
}

static void oi_tok_cut_part(oi_tok_cut *c, oi_tok_piece part, bool is_match) {
  if (part.n == 0) return;
  if (c->behavior == OI_TOK_REMOVED && is_match) {
    oi_tok_cut_flush(c);
    return;
  }
  bool joins = c->any && ((c->behavior == OI_TOK_CONTIGUOUS && is_match == c->held_match) ||
                          (c->behavior == OI_TOK_TO_PREVIOUS && is_match && !c->held_match) ||
                          (c->behavior == OI_TOK_TO_NEXT && !is_match && c->held_match));
  if (joins) c->held.n += part.n;
  else {
    oi_tok_cut_flush(c);
    c->held = part, c->any = true;
  }
  c->held_match = is_match;
}

static void oi_tok_cut_piece(oi_tok_work *w, const oi_tok_stage *s, const oi_tok_piece *piece) {
  oi_tok_cut cut = {.out = &w->next, .behavior = s->flags & ~(uint32_t)OI_TOK_INVERT};
  const bool invert = s->flags & OI_TOK_INVERT;
  const char *text = oi_utext_at(&w->text) + piece->at;
  size_t done = 0;
  for (size_t i = 0; i < piece->n;) {
    size_t end = oi_tok_match(w->tok, s, text, piece->n, i);
    uint32_t cp;
    if (end == i) {
      i += oi_utf8_get(text + i, &cp);
      continue;
    }
    oi_tok_piece rest = {piece->at + done, i - done, OI_TOK_NONE, piece->head && done == 0};
    oi_tok_piece match = {piece->at + i, end - i, OI_TOK_NONE, piece->head && i == 0};
    oi_tok_cut_part(&cut, rest, invert);
    oi_tok_cut_part(&cut, match, !invert);
    i = done = end;
  }
  oi_tok_piece rest = {piece->at + done, piece->n - done, OI_TOK_NONE, piece->head && done == 0};
  oi_tok_cut_part(&cut, rest, invert);
  oi_tok_cut_flush(&cut);
}

// ---- texts ----

static void oi_tok_meta(const oi_tokenizer *tok, const oi_tok_stage *s, const oi_tok_piece *piece,
                        const char *text, oi_utext *out) {
  const char *mark = oi_tok_string(tok, s->a_at);
  const size_t n = s->a_n;
  bool begins = text[0] == ' ' || (piece->n >= n && memcmp(text, mark, n) == 0);
  if (!begins && (s->flags == 2 || (s->flags == 1 && piece->head))) oi_utext_add(out, mark, n);
  for (size_t i = 0; i < piece->n; i++)
    if (text[i] == ' ') oi_utext_add(out, mark, n);
    else oi_utext_add(out, text + i, 1);
}

static void oi_tok_reword(oi_tok_work *w, const oi_tok_stage *s, const oi_tok_piece *piece) {
  const char *text = oi_utext_at(&w->text) + piece->at;
  size_t before = w->spare.n;
  if (s->kind == OI_TOK_PRE_META) {
    oi_tok_meta(w->tok, s, piece, text, &w->spare);
  } else if (s->kind == OI_TOK_PRE_BLANK) {
    if (text[0] != ' ') oi_utext_add(&w->spare, " ", 1);
    oi_utext_add(&w->spare, text, piece->n);
  } else {
    oi_tok_spell_bytes(text, piece->n, &w->spare);
  }
  oi_tok_piece made = {before, w->spare.n - before, OI_TOK_NONE, piece->head};
  oi_tok_piece_add(&w->next, made);
}

OI_RT void oi_tok_split_all(oi_tok_work *w) {
  for (uint32_t k = 0; k < w->tok->n[OI_TOK_SPLIT]; k++) {
    oi_tok_stage s = oi_tok_stage_at(w->tok, OI_TOK_SPLIT, k);
    w->next.n = 0, w->spare.n = 0;
    for (size_t i = 0; i < w->now.n; i++) {
      const oi_tok_piece *piece = &w->now.at[i];
      if (piece->id != OI_TOK_NONE) oi_tok_piece_add(&w->next, *piece);
      else if (s.kind == OI_TOK_PRE_SPLIT) oi_tok_cut_piece(w, &s, piece);
      else oi_tok_reword(w, &s, piece);
    }
    oi_tok_pieces pieces = w->now;
    w->now = w->next, w->next = pieces;
    if (s.kind == OI_TOK_PRE_SPLIT) continue;
    oi_utext text = w->text;
    w->text = w->spare, w->spare = text;
  }
}
