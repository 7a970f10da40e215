// Decoding, a token at a time, through the steps of the decoder: each takes a chunk of text and
// gives chunks to the next. What cannot be known yet is held back where it arises, so all that
// comes out is final:
//
// * byte-level models: an unfinished character, at most three bytes. Bad bytes are one U+FFFD for
//   each maximal bad part.
// * <0xHH> tokens: a run of them is text if it is UTF-8 as a whole, else each is U+FFFD. So the run
//   is held until it ends; giving out its whole characters earlier would differ from decoding all
//   at once when the run turns bad.
//
// What it does not do: steps that need the last token (Strip at the end, BPEDecoder); the compiler
// refuses those.
#include <stdlib.h>

#include "lib/rt/token_run.h"

enum { OI_DEC_CHUNK = 1 << 24 };  // most bytes that a step may make of a chunk

struct oi_decoder {
  const oi_tokenizer *tok;
  bool special;
  uint32_t fused;  // steps from this one on see one text
  oi_utext out, token;
  oi_utext run;      // bytes of the present run of <0xHH>
  size_t run_seen;   // of them, those of the prompt
  size_t run_whole;  // of these, those in whole characters, where all are good so far
  oi_utext tail;     // an unfinished character of a byte-level model
  bool tail_seen;    // it began in the prompt, whose text has a U+FFFD for it
  struct {
    uint32_t left;  // STRIP of one text: characters that may still go
    bool begun;     // META, JOIN: a token has passed
    oi_utext made;
  } step[OI_TOK_MAX_STAGES];
};

static void oi_dec_chunk(oi_decoder *d, uint32_t k, const char *text, size_t n);

static void oi_dec_begin(oi_decoder *d) {
  d->run.n = d->run_seen = d->run_whole = d->tail.n = 0;
  d->tail_seen = false;
  for (uint32_t k = 0; k < d->tok->n[OI_TOK_DECODE]; k++) {
    d->step[k].begun = false;
    d->step[k].left = oi_tok_stage_at(d->tok, OI_TOK_DECODE, k).flags;
    d->step[k].made.cap = OI_DEC_CHUNK;
  }
}

OI_RT oi_decoder *oi_decoder_open(const oi_tokenizer *tok) {
  oi_decoder *d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->tok = tok;
  d->fused = tok->n[OI_TOK_DECODE];
  for (uint32_t k = d->fused; k-- > 0;) {
    uint32_t kind = oi_tok_stage_at(tok, OI_TOK_DECODE, k).kind;
    if (kind == OI_TOK_DEC_FUSE || kind == OI_TOK_DEC_BYTES) d->fused = k + 1;
  }
  oi_dec_begin(d);
  return d;
}

OI_RT void oi_decoder_close(oi_decoder *d) {
  if (!d) return;
  oi_utext_free(&d->out);
  oi_utext_free(&d->token);
  oi_utext_free(&d->run);
  oi_utext_free(&d->tail);
  for (int k = 0; k < OI_TOK_MAX_STAGES; k++) oi_utext_free(&d->step[k].made);
  free(d);
}

OI_RT void oi_decoder_show_special(oi_decoder *d, bool show) { d->special = show; }

// ---- <0xHH> ----

static int oi_dec_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if ((c | 32) >= 'a' && (c | 32) <= 'f') return (c | 32) - 'a' + 10;
  return -1;
}

static bool oi_dec_byte(const char *text, size_t n, char *out) {
  if (n != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return false;
  int high = oi_dec_digit(text[3]), low = oi_dec_digit(text[4]);
  if (high < 0 || low < 0) return false;
  *out = (char)(high * 16 + low);
  return true;
}

// Bytes of the whole characters that the run begins with.
static size_t oi_dec_whole(const oi_utext *run) {
  size_t i = 0, size;
  for (; i < run->n; i += size) {
    uint32_t cp;
    bool cut;
    size = oi_utf8_next(run->at + i, run->n - i, &cp, &cut);
    if (oi_utf8_is_bad(run->at + i, size, cp)) break;
  }
  return i;
}

static void oi_dec_end_run(oi_decoder *d, uint32_t k) {
  if (d->run.n == 0) return;
  oi_utext run = d->run;
  const size_t before = d->out.n, seen = d->run_seen, whole = d->run_whole;
  d->run = (oi_utext){0}, d->run_seen = d->run_whole = 0;
  if (oi_dec_whole(&run) == run.n) {
    if (whole) oi_dec_chunk(d, k + 1, run.at, whole);
    if (whole) d->out.n = before;  // the prompt's share is known
    if (run.n > whole) oi_dec_chunk(d, k + 1, run.at + whole, run.n - whole);
  } else {
    for (size_t i = 0; i < run.n; i++) {
      oi_dec_chunk(d, k + 1, "\xEF\xBF\xBD", 3);
      if (i < seen) d->out.n = before;
    }
  }
  oi_utext_free(&run);
}

static void oi_dec_fallback(oi_decoder *d, uint32_t k, const char *text, size_t n) {
  char byte;
  if (oi_dec_byte(text, n, &byte)) {
    oi_utext_add(&d->run, &byte, 1);
    return;
  }
  oi_dec_end_run(d, k);
  oi_dec_chunk(d, k + 1, text, n);
}

// ---- byte-level ----

// Gives on what is certain of the bytes in the tail: at the end, all.
static void oi_dec_gate(oi_decoder *d, uint32_t k, bool end) {
  oi_utext *made = &d->step[k].made, *tail = &d->tail;
  size_t i = 0;
  made->n = 0;
  while (i < tail->n) {
    uint32_t cp;
    bool cut;
    size_t size = oi_utf8_next(tail->at + i, tail->n - i, &cp, &cut);
    if (cut && !end) break;
    bool known = d->tail_seen && oi_utf8_is_bad(tail->at + i, size, cp);
    if (!known) oi_utext_add_cp(made, cp);
    d->tail_seen = false;
    i += size;
  }
  if (i == 0) return;
  tail->n -= i;
  memmove(tail->at, tail->at + i, tail->n);
  oi_dec_chunk(d, k + 1, oi_utext_at(made), made->n);
}

static void oi_dec_bytes(oi_decoder *d, uint32_t k, const char *text, size_t n) {
  const size_t before = d->tail.n;
  for (size_t i = 0; i < n;) {
    uint32_t cp;
    i += oi_utf8_get(text + i, &cp);
    const char byte = (char)oi_tok_char_byte(cp);
    if (oi_tok_char_byte(cp) == OI_TOK_NONE) {
      d->tail.n = before;  // a token that does not spell bytes stands for itself
      oi_utext_add(&d->tail, text, n);
      break;
    }
    oi_utext_add(&d->tail, &byte, 1);
  }
  oi_dec_gate(d, k, false);
}

// ---- the other steps ----

static void oi_dec_strip(oi_decoder *d, uint32_t k, const oi_tok_stage *s, const char *text,
                         size_t n) {
  const char *mark = oi_tok_string(d->tok, s->a_at);
  uint32_t own = s->flags, *left = k >= d->fused ? &d->step[k].left : &own;
  while (*left && s->a_n && n >= s->a_n && memcmp(text, mark, s->a_n) == 0)
    text += s->a_n, n -= s->a_n, --*left;
  if (n) *left = 0;
  oi_dec_chunk(d, k + 1, text, n);
}

static void oi_dec_meta(oi_decoder *d, uint32_t k, const oi_tok_stage *s, const char *text,
                        size_t n) {
  oi_tok_stage to = *s;
  oi_utext *made = &d->step[k].made;
  made->n = 0;
  const bool drops = s->flags && !d->step[k].begun;
  d->step[k].begun = true;
  to.b_n = drops ? 0 : s->b_n;
  oi_tok_replace(d->tok, &to, text, n, made);
  oi_dec_chunk(d, k + 1, oi_utext_at(made), made->n);
}

static void oi_dec_join(oi_decoder *d, uint32_t k, const oi_tok_stage *s, const char *text,
                        size_t n) {
  if (d->step[k].begun) oi_dec_chunk(d, k + 1, oi_tok_string(d->tok, s->a_at), s->a_n);
  d->step[k].begun = true;
  oi_dec_chunk(d, k + 1, text, n);
}

static void oi_dec_chunk(oi_decoder *d, uint32_t k, const char *text, size_t n) {
  if (k >= d->tok->n[OI_TOK_DECODE]) {
    oi_utext_add(&d->out, text, n);
    return;
  }
  const oi_tok_stage s = oi_tok_stage_at(d->tok, OI_TOK_DECODE, k);
  switch (s.kind) {
    case OI_TOK_DEC_JOIN: oi_dec_join(d, k, &s, text, n); return;
    case OI_TOK_DEC_FALLBACK: oi_dec_fallback(d, k, text, n); return;
    case OI_TOK_DEC_STRIP: oi_dec_strip(d, k, &s, text, n); return;
    case OI_TOK_DEC_BYTES: oi_dec_bytes(d, k, text, n); return;
    case OI_TOK_DEC_REPLACE:
    case OI_TOK_DEC_META: oi_dec_meta(d, k, &s, text, n); return;
    default: oi_dec_chunk(d, k + 1, text, n); return;
  }
}

// ---- the ways in ----

static bool oi_dec_ok(oi_decoder *d) {
  bool failed = d->out.failed || d->token.failed || d->run.failed || d->tail.failed;
  for (uint32_t k = 0; k < d->tok->n[OI_TOK_DECODE]; k++) failed |= d->step[k].made.failed;
  return !failed;
}

static bool oi_dec_take(oi_decoder *d, const char **out_bytes, size_t *out_n) {
  *out_bytes = oi_utext_at(&d->out);
  *out_n = d->out.n;
  return oi_dec_ok(d);
}

static void oi_dec_id(oi_decoder *d, uint32_t id) {
  size_t n = 0;
  const char *text = oi_tokenizer_text(d->tok, id, &n);
  if (!text || (!d->special && oi_tokenizer_is_special(d->tok, id))) return;
  d->token.n = 0;
  // The steps rely on valid text, which opening does not prove of each token.
  oi_utf8_clean(&d->token, text, n);
  oi_dec_chunk(d, 0, oi_utext_at(&d->token), d->token.n);
}

OI_RT bool oi_decoder_push(oi_decoder *d, uint32_t id, const char **out_bytes, size_t *out_n) {
  d->out.n = 0;
  oi_dec_id(d, id);
  return oi_dec_take(d, out_bytes, out_n);
}

OI_RT bool oi_decoder_prompt(oi_decoder *d, const uint32_t *ids, size_t n) {
  for (size_t i = 0; i < n; i++) {
    d->out.n = 0;
    oi_dec_id(d, ids[i]);
  }
  d->out.n = 0;
  d->run_seen = d->run.n;
  d->run_whole = oi_dec_whole(&d->run);
  d->tail_seen = d->tail.n > 0;
  return oi_dec_ok(d);
}

OI_RT bool oi_decoder_flush(oi_decoder *d, const char **out_bytes, size_t *out_n) {
  d->out.n = 0;
  for (uint32_t k = 0; k < d->tok->n[OI_TOK_DECODE]; k++) {
    uint32_t kind = oi_tok_stage_at(d->tok, OI_TOK_DECODE, k).kind;
    if (kind == OI_TOK_DEC_FALLBACK) oi_dec_end_run(d, k);
    if (kind == OI_TOK_DEC_BYTES) oi_dec_gate(d, k, true);
  }
  bool ok = oi_dec_take(d, out_bytes, out_n);
  oi_dec_begin(d);
  return ok;
}
