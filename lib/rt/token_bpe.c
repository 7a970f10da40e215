// Byte pair encoding of one word: the adjacent pair of lowest rank is joined until no pair has one.
//
// Candidates wait in a heap and symbols in a linked list, so a word of n symbols costs n log n. The
// plain way, a scan for the best pair per join, is quadratic, and models without a pre-tokenizer
// have one word: the whole text. A candidate whose symbols have changed since is dropped when it
// comes up. The pairs that join are found by binary search among the merges of the left symbol.
// What it does not do: a cache of words, dropout.
#include <stdlib.h>

#include "lib/rt/token_run.h"

OI_RT void oi_tok_emit(oi_tok_work *w, uint32_t id) {
  if (w->n < w->room) w->out[w->n] = id;
  w->n++;
}

// ---- symbols ----

static void oi_tok_push(oi_tok_bpe *b, uint32_t id) {
  if (b->n == b->room && !b->failed) {
    size_t want = b->room ? b->room * 2 : 64;
    oi_tok_symbol *p = realloc(b->symbol, want * sizeof *p);
    if (p) b->symbol = p, b->room = want;
    else b->failed = true;
  }
  if (b->failed) return;
  uint32_t at = (uint32_t)b->n++;
  b->symbol[at] = (oi_tok_symbol){id, at - 1, at + 1};  // the first has OI_TOK_NONE before it
}

static bool oi_tok_push_bytes(const oi_tokenizer *tok, oi_tok_bpe *b, const char *text, size_t n) {
  if (!(tok->flags & OI_TOK_FALLBACK) || tok->n[OI_TOK_BYTE] == 0) return false;
  for (size_t i = 0; i < n; i++)
    if (oi_tok_u32(tok, OI_TOK_BYTE, (uint8_t)text[i]) >= tok->vocab) return false;
  for (size_t i = 0; i < n; i++) oi_tok_push(b, oi_tok_u32(tok, OI_TOK_BYTE, (uint8_t)text[i]));
  return true;
}

// A symbol for each character; what no token spells becomes bytes, or the unknown token, or
// nothing.
static void oi_tok_symbols(const oi_tokenizer *tok, oi_tok_bpe *b, const char *text, size_t n) {
  bool unk_before = false;
  b->n = 0;
  for (size_t i = 0; i < n;) {
    uint32_t cp;
    size_t size = oi_utf8_get(text + i, &cp);
    uint32_t id = oi_tok_find_char(tok, cp);
    if (id != OI_TOK_NONE) {
      oi_tok_push(b, id);
      unk_before = false;
    } else if (oi_tok_push_bytes(tok, b, text + i, size)) {
      unk_before = false;
    } else if (tok->unk != OI_TOK_NONE) {
      if (!unk_before || !(tok->flags & OI_TOK_FUSE_UNK)) oi_tok_push(b, tok->unk);
      unk_before = true;
    }
    i += size;
  }
}

// ---- the heap ---- lowest rank first, leftmost among equal ones

static bool oi_tok_sooner(const oi_tok_join *a, const oi_tok_join *b) {
  return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void oi_tok_heap_put(oi_tok_bpe *b, oi_tok_join join) {
  if (b->n_heap == b->heap_room && !b->failed) {
    size_t want = b->heap_room ? b->heap_room * 2 : 64;
    oi_tok_join *p = realloc(b->heap, want * sizeof *p);
    if (p) b->heap = p, b->heap_room = want;
    else b->failed = true;
  }
  if (b->failed) return;
  size_t i = b->n_heap++;
  for (; i > 0 && oi_tok_sooner(&join, &b->heap[(i - 1) / 2]); i = (i - 1) / 2)
    b->heap[i] = b->heap[(i - 1) / 2];
  b->heap[i] = join;
}

static oi_tok_join oi_tok_heap_take(oi_tok_bpe *b) {
  oi_tok_join top = b->heap[0], last = b->heap[--b->n_heap];
  size_t i = 0;
  for (size_t k = 1; k < b->n_heap; i = k, k = 2 * k + 1) {
    if (k + 1 < b->n_heap && oi_tok_sooner(&b->heap[k + 1], &b->heap[k])) k++;
    if (!oi_tok_sooner(&b->heap[k], &last)) break;
    b->heap[i] = b->heap[k];
  }
  b->heap[i] = last;
  return top;
}

// ---- joining ----

// Puts the pair of symbol `at` and the one after it on the heap, if there is such a merge.
static void oi_tok_consider(const oi_tokenizer *tok, oi_tok_bpe *b, uint32_t at) {
  if (at >= b->n || b->symbol[at].after >= b->n) return;
  uint32_t left = b->symbol[at].id, right = b->symbol[b->symbol[at].after].id;
  size_t low = left ? oi_tok_u32(tok, OI_TOK_LEFT, left - 1) : 0,
         high = oi_tok_u32(tok, OI_TOK_LEFT, left);
  while (low < high) {
    size_t mid = (low + high) / 2;
    uint32_t have = oi_tok_u32(tok, OI_TOK_MERGE, 3 * mid);
    if (have == right) {
      uint32_t rank = oi_tok_u32(tok, OI_TOK_MERGE, 3 * mid + 1),
               id = oi_tok_u32(tok, OI_TOK_MERGE, 3 * mid + 2);
      oi_tok_heap_put(b, (oi_tok_join){rank, at, left, right, id});
      return;
    }
    if (have < right) low = mid + 1;
    else high = mid;
  }
}

static void oi_tok_apply(const oi_tokenizer *tok, oi_tok_bpe *b, const oi_tok_join *j) {
  oi_tok_symbol *left = &b->symbol[j->at];
  if (left->id != j->left || left->after >= b->n || b->symbol[left->after].id != j->right) return;
  oi_tok_symbol *right = &b->symbol[left->after];
  left->id = j->id;
  left->after = right->after;
  right->id = OI_TOK_NONE;
  if (left->after < b->n) b->symbol[left->after].before = j->at;
  oi_tok_consider(tok, b, left->before);
  oi_tok_consider(tok, b, j->at);
}

OI_RT void oi_tok_word(oi_tok_work *w, const char *text, size_t n) {
  oi_tok_bpe *b = &w->bpe;
  if (w->tok->flags & OI_TOK_IGNORE_MERGES) {
    uint32_t id = oi_tok_find(w->tok, text, n);
    if (id != OI_TOK_NONE) {
      oi_tok_emit(w, id);
      return;
    }
  }
  oi_tok_symbols(w->tok, b, text, n);
  b->n_heap = 0;
  for (uint32_t i = 0; i < b->n && !b->failed; i++) oi_tok_consider(w->tok, b, i);
  while (b->n_heap && !b->failed) {
    oi_tok_join join = oi_tok_heap_take(b);
    oi_tok_apply(w->tok, b, &join);
  }
  for (size_t i = 0; i < b->n && !b->failed; i++)
    if (b->symbol[i].id != OI_TOK_NONE) oi_tok_emit(w, b->symbol[i].id);
}
