// Opens a tokenizer over its tables: proves in one pass that no table leads outside, and looks
// texts up.
//
// What is proved here is what the other parts rely on: counts, spans, ids below the vocabulary,
// stages that exist, strings that are UTF-8. What is not proved is what can only give wrong ids:
// orders, ranks.
#include <stdlib.h>

#include "lib/rt/token_run.h"

// ---- proof ----

static bool oi_tok_sections(oi_tokenizer *tok, const uint8_t *blob, size_t size) {
  static const uint32_t record[] = {
#define S(NAME, bytes) bytes,
      OI_TOK_SECTIONS(S)
#undef S
  };
  size_t end = OI_TOK_HEADER;
  for (int i = 0; i < OI_TOK_N_SECTIONS; i++) {
    uint32_t span[2];
    memcpy(span, blob + 24 + 8 * i, sizeof span);
    if (span[0] != end || span[1] > size - end || span[1] % record[i]) return false;
    tok->at[i] = blob + end;
    tok->n[i] = span[1] / record[i];
    end += span[1];
    for (; end % 4 && end < size; end++)
      if (blob[end]) return false;
  }
  return end == size;
}

static bool oi_tok_counts(const oi_tokenizer *tok) {
  bool stages = tok->n[OI_TOK_NORMALIZE] <= OI_TOK_MAX_STAGES &&
                tok->n[OI_TOK_SPLIT] <= OI_TOK_MAX_STAGES &&
                tok->n[OI_TOK_DECODE] <= OI_TOK_MAX_STAGES;
  bool affixes =
      tok->n[OI_TOK_PREFIX] <= OI_TOK_MAX_AFFIX && tok->n[OI_TOK_SUFFIX] <= OI_TOK_MAX_AFFIX;
  bool per_id = tok->n[OI_TOK_TOKEN] == tok->vocab && tok->n[OI_TOK_KIND] == tok->vocab &&
                tok->n[OI_TOK_LEFT] == tok->vocab;
  bool bytes = tok->n[OI_TOK_BYTE] == 0 || tok->n[OI_TOK_BYTE] == 256;
  return stages && affixes && per_id && bytes && (tok->unk == OI_TOK_NONE || tok->unk < tok->vocab);
}

// Ends that do not fall and stay within `most`.
static bool oi_tok_ends(const oi_tokenizer *tok, int section, uint32_t most) {
  uint32_t before = 0;
  for (uint32_t i = 0; i < tok->n[section]; i++) {
    uint32_t end = oi_tok_u32(tok, section, i);
    if (end < before || end > most) return false;
    before = end;
  }
  return true;
}

// Words of a record that are ids, by section; words counts those of a record.
static bool oi_tok_ids(const oi_tokenizer *tok) {
  static const struct {
    uint8_t section, words, first, second;
  } rows[] = {
      {OI_TOK_SORTED, 1, 0, 0}, {OI_TOK_CHAR, 2, 1, 1},   {OI_TOK_MERGE, 3, 0, 2},
      {OI_TOK_RAW, 4, 2, 2},    {OI_TOK_NORMAL, 4, 2, 2}, {OI_TOK_PREFIX, 1, 0, 0},
      {OI_TOK_SUFFIX, 1, 0, 0},
  };
  for (size_t k = 0; k < sizeof rows / sizeof *rows; k++)
    for (size_t i = 0; i < tok->n[rows[k].section]; i++) {
      const size_t at = i * rows[k].words;
      if (oi_tok_u32(tok, rows[k].section, at + rows[k].first) >= tok->vocab) return false;
      if (oi_tok_u32(tok, rows[k].section, at + rows[k].second) >= tok->vocab) return false;
    }
  return true;
}

static bool oi_tok_is_text(const oi_tokenizer *tok, uint32_t at, uint32_t n) {
  if (at > tok->n[OI_TOK_TEXT] || n > tok->n[OI_TOK_TEXT] - at) return false;
  const char *text = oi_tok_string(tok, at);
  for (size_t i = 0; i < n;) {
    uint32_t cp;
    bool cut;
    size_t size = oi_utf8_next(text + i, n - i, &cp, &cut);
    if (oi_utf8_is_bad(text + i, size, cp)) return false;
    i += size;
  }
  return true;
}

static bool oi_tok_addeds(oi_tokenizer *tok, int section) {
  for (uint32_t i = 0; i < tok->n[section]; i++) {
    oi_tok_added a = oi_tok_added_at(tok, section, i);
    if (a.n == 0 || !oi_tok_is_text(tok, a.at, a.n)) return false;
    uint8_t lead = tok->at[OI_TOK_TEXT][a.at];
    tok->leads[section - OI_TOK_RAW][lead / 32] |= 1u << lead % 32;
  }
  return true;
}

static bool oi_tok_stages(const oi_tokenizer *tok, int section, uint32_t kinds) {
  for (uint32_t i = 0; i < tok->n[section]; i++) {
    oi_tok_stage s = oi_tok_stage_at(tok, section, i);
    if (s.kind >= kinds || s.scan >= OI_N_SCANS) return false;
    if (!oi_tok_is_text(tok, s.a_at, s.a_n) || !oi_tok_is_text(tok, s.b_at, s.b_n)) return false;
    bool form = section == OI_TOK_NORMALIZE && s.kind == OI_TOK_NORM_FORM;
    bool split = section == OI_TOK_SPLIT && s.kind == OI_TOK_PRE_SPLIT;
    if (form && s.flags > OI_NFKC) return false;
    if (split && (s.flags & ~(uint32_t)OI_TOK_INVERT) >= OI_TOK_N_BEHAVIORS) return false;
  }
  return true;
}

static bool oi_tok_proof(oi_tokenizer *tok, const uint8_t *blob, size_t size) {
  uint32_t head[4];
  if (size < OI_TOK_HEADER || size > UINT32_MAX || memcmp(blob, OI_TOK_MAGIC, 8) != 0) return false;
  memcpy(head, blob + 8, sizeof head);
  if (head[0] != OI_TOK_VERSION) return false;
  tok->vocab = head[1], tok->unk = head[2], tok->flags = head[3];
  return oi_tok_sections(tok, blob, size) && oi_tok_counts(tok) &&
         oi_tok_ends(tok, OI_TOK_TOKEN, tok->n[OI_TOK_TEXT]) &&
         oi_tok_ends(tok, OI_TOK_LEFT, tok->n[OI_TOK_MERGE]) && oi_tok_ids(tok) &&
         oi_tok_addeds(tok, OI_TOK_RAW) && oi_tok_addeds(tok, OI_TOK_NORMAL) &&
         oi_tok_stages(tok, OI_TOK_NORMALIZE, OI_TOK_N_NORMS) &&
         oi_tok_stages(tok, OI_TOK_SPLIT, OI_TOK_N_PRES) &&
         oi_tok_stages(tok, OI_TOK_DECODE, OI_TOK_N_DECS);
}

OI_RT oi_tokenizer *oi_tokenizer_open(const void *blob, size_t size) {
  oi_tokenizer *tok = calloc(1, sizeof *tok);
  if (tok && oi_tok_proof(tok, blob, size)) return tok;
  free(tok);
  return NULL;
}

OI_RT void oi_tokenizer_close(oi_tokenizer *tok) { free(tok); }

// ---- looking up ----

OI_RT uint32_t oi_tokenizer_vocab(const oi_tokenizer *tok) { return tok->vocab; }

OI_RT int64_t oi_tokenizer_bos(const oi_tokenizer *tok) {
  return tok->n[OI_TOK_PREFIX] ? (int64_t)oi_tok_u32(tok, OI_TOK_PREFIX, 0) : -1;
}

OI_RT const char *oi_tokenizer_text(const oi_tokenizer *tok, uint32_t id, size_t *out_n) {
  if (id >= tok->vocab || !(tok->at[OI_TOK_KIND][id] & OI_TOK_PRESENT)) return NULL;
  uint32_t begin = id ? oi_tok_u32(tok, OI_TOK_TOKEN, id - 1) : 0;
  *out_n = oi_tok_u32(tok, OI_TOK_TOKEN, id) - begin;
  return oi_tok_string(tok, begin);
}

OI_RT bool oi_tokenizer_is_special(const oi_tokenizer *tok, uint32_t id) {
  return id < tok->vocab && (tok->at[OI_TOK_KIND][id] & OI_TOK_SPECIAL);
}

OI_RT uint32_t oi_tok_find(const oi_tokenizer *tok, const char *text, size_t n) {
  size_t low = 0, high = tok->n[OI_TOK_SORTED];
  while (low < high) {
    size_t mid = (low + high) / 2, size = 0;
    uint32_t id = oi_tok_u32(tok, OI_TOK_SORTED, mid);
    const char *have = oi_tokenizer_text(tok, id, &size);
    int order = have ? memcmp(have, text, size < n ? size : n) : -1;
    if (order == 0 && size == n) return id;
    if (order < 0 || (order == 0 && size < n)) low = mid + 1;
    else high = mid;
  }
  return OI_TOK_NONE;
}

OI_RT uint32_t oi_tok_find_char(const oi_tokenizer *tok, uint32_t cp) {
  size_t low = 0, high = tok->n[OI_TOK_CHAR];
  while (low < high) {
    size_t mid = (low + high) / 2;
    uint32_t have = oi_tok_u32(tok, OI_TOK_CHAR, 2 * mid);
    if (have == cp) return oi_tok_u32(tok, OI_TOK_CHAR, 2 * mid + 1);
    if (have < cp) low = mid + 1;
    else high = mid;
  }
  return OI_TOK_NONE;
}
