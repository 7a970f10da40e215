// Normalizers: each step makes a text of a text. A step that would blow a text up beyond the bound
// fails.
#include "lib/rt/token_run.h"

OI_RT size_t oi_tok_match(const oi_tokenizer *tok, const oi_tok_stage *s, const char *text,
                          size_t n, size_t i) {
  if (s->scan != OI_SCAN_LITERAL) return oi_scan_match((oi_scan)s->scan, text, n, i);
  bool is_here =
      s->a_n > 0 && s->a_n <= n - i && memcmp(text + i, oi_tok_string(tok, s->a_at), s->a_n) == 0;
  return is_here ? i + s->a_n : i;
}

OI_RT void oi_tok_replace(const oi_tokenizer *tok, const oi_tok_stage *s, const char *text,
                          size_t n, oi_utext *out) {
  size_t done = 0;
  for (size_t i = 0; i < n && !out->failed;) {
    size_t end = oi_tok_match(tok, s, text, n, i);
    uint32_t cp;
    if (end == i) {
      i += oi_utf8_get(text + i, &cp);
      continue;
    }
    oi_utext_add(out, text + done, i - done);
    oi_utext_add(out, oi_tok_string(tok, s->b_at), s->b_n);
    i = done = end;
  }
  oi_utext_add(out, text + done, n - done);
}

OI_RT void oi_tok_spell_bytes(const char *text, size_t n, oi_utext *out) {
  for (size_t i = 0; i < n; i++) oi_utext_add_cp(out, oi_tok_byte_char((uint8_t)text[i]));
}

static void oi_tok_strip(const char *text, size_t n, uint32_t sides, oi_utext *out) {
  size_t begin = 0, size;
  uint32_t cp;
  for (; (sides & 1) && begin < n; begin += size) {
    size = oi_utf8_get(text + begin, &cp);
    if (!(oi_unicode_class(cp) & OI_UC_SPACE)) break;
  }
  while ((sides & 2) && n > begin) {
    size_t last = oi_utf8_back(text, n);
    oi_utf8_get(text + last, &cp);
    if (!(oi_unicode_class(cp) & OI_UC_SPACE)) break;
    n = last;
  }
  oi_utext_add(out, text + begin, n - begin);
}

static void oi_tok_drop_marks(const char *text, size_t n, oi_utext *out) {
  for (size_t i = 0; i < n;) {
    uint32_t cp;
    size_t size = oi_utf8_get(text + i, &cp);
    if (!(oi_unicode_class(cp) & OI_UC_MARK)) oi_utext_add(out, text + i, size);
    i += size;
  }
}

static void oi_tok_norm_step(const oi_tokenizer *tok, const oi_tok_stage *s, const char *text,
                             size_t n, oi_utext *out) {
  switch (s->kind) {
    case OI_TOK_NORM_PREPEND:
      if (n) oi_utext_add(out, oi_tok_string(tok, s->a_at), s->a_n);
      oi_utext_add(out, text, n);
      return;
    case OI_TOK_NORM_REPLACE: oi_tok_replace(tok, s, text, n, out); return;
    case OI_TOK_NORM_FORM: oi_unicode_normalize(out, text, n, (oi_normal_form)s->flags); return;
    case OI_TOK_NORM_LOWER: oi_unicode_lower(out, text, n); return;
    case OI_TOK_NORM_STRIP: oi_tok_strip(text, n, s->flags, out); return;
    case OI_TOK_NORM_NO_MARKS: oi_tok_drop_marks(text, n, out); return;
    default: oi_tok_spell_bytes(text, n, out); return;
  }
}

OI_RT void oi_tok_normalize(const oi_tokenizer *tok, const char *text, size_t n, size_t cap,
                            oi_utext *out) {
  oi_utext from = {.cap = cap}, to = {.cap = cap};
  const uint32_t n_steps = tok->n[OI_TOK_NORMALIZE];
  for (uint32_t i = 0; i < n_steps && !to.failed && !from.failed; i++) {
    oi_tok_stage s = oi_tok_stage_at(tok, OI_TOK_NORMALIZE, i);
    to.n = 0;
    oi_tok_norm_step(tok, &s, i ? oi_utext_at(&from) : text, i ? from.n : n, &to);
    oi_utext swap = from;
    from = to, to = swap;
  }
  out->failed |= from.failed || to.failed;
  out->big |= from.big || to.big;
  oi_utext_add(out, n_steps ? oi_utext_at(&from) : text, n_steps ? from.n : n);
  oi_utext_free(&from);
  oi_utext_free(&to);
}
