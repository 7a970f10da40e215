// The two lists of added tokens: those looked for in the text as typed, and those looked for in
// normalized text, whose contents go through the normalizer first. The runtime's own normalizer
// does that, over the stages just compiled, so there is one normalizer. Lists are sorted by bytes
// and free of doubles, as the runtime searches them.
#include <stdlib.h>
#include <string.h>

#include "formats/tokenizer_in.h"

enum { MAX_NORMAL = 1 << 16 };  // bytes that the normalizer may make of one content

typedef struct added {
  const char *text;
  uint32_t n, id, flags, order;
  bool normal;
} added;

static oinf_status read_flags(oi_tc *c, const json_t *o, uint32_t *out) {
  static const struct {
    const char *key;
    uint32_t bit;
  } rows[] = {
      {"single_word", OI_TOK_SINGLE_WORD}, {"lstrip", OI_TOK_LSTRIP}, {"rstrip", OI_TOK_RSTRIP}};
  *out = 0;
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bool on;
    OI_TRY(oi_tc_bool(c, o, rows[i].key, false, &on));
    if (on) *out |= rows[i].bit;
  }
  return OINF_OK;
}

// The content as the normalizer leaves it, in the arena.
static oinf_status normalize(oi_tc *c, added *a) {
  oi_tokenizer view = {.vocab = c->vocab};
  const int parts[] = {OI_TOK_TEXT, OI_TOK_NORMALIZE};
  for (int i = 0; i < 2; i++) view.at[parts[i]] = (const uint8_t *)c->section[parts[i]].at;
  view.n[OI_TOK_TEXT] = (uint32_t)c->section[OI_TOK_TEXT].n;
  view.n[OI_TOK_NORMALIZE] = (uint32_t)(c->section[OI_TOK_NORMALIZE].n / sizeof(oi_tok_stage));
  oi_utext made = {.cap = MAX_NORMAL};
  oi_tok_normalize(&view, a->text, a->n, MAX_NORMAL, &made);
  a->text = oi_arena_text(&c->arena, oi_utext_at(&made), made.n);
  a->n = (uint32_t)made.n;
  const bool failed = made.failed, big = made.big;
  oi_utext_free(&made);
  if (big)
    return oi_fail(c->err, OINF_SUPPORT, "an added token is normalized to over %d bytes",
                   MAX_NORMAL);
  return failed || !a->text ? oi_nomem(c->err, a->n) : OINF_OK;
}

static oinf_status read_one(oi_tc *c, const json_t *root, const json_t *o, added *a) {
  bool special;
  OI_TRY(oi_tc_text(c, o, "content", NULL, &a->text));
  OI_TRY(oi_tc_added_id(c, root, o, &a->id));
  OI_TRY(oi_tc_bool(c, o, "special", false, &special));
  OI_TRY(oi_tc_bool(c, o, "normalized", !special, &a->normal));
  OI_TRY(read_flags(c, o, &a->flags));
  a->n = (uint32_t)strlen(a->text);
  return a->normal && a->n ? normalize(c, a) : OINF_OK;
}

static int by_bytes(const void *x, const void *y) {
  const added *a = x, *b = y;
  int order = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
  if (order) return order;
  if (a->n != b->n) return a->n < b->n ? -1 : 1;
  return (a->order > b->order) - (a->order < b->order);
}

static void put_list(oi_tc *c, const added *list, size_t n, bool normal) {
  const added *last = NULL;
  for (size_t i = 0; i < n; i++) {
    const added *a = &list[i];
    if (a->normal != normal || a->n == 0) continue;
    if (last && last->n == a->n && memcmp(last->text, a->text, a->n) == 0) continue;
    last = a;
    const oi_tok_added row = {oi_tc_put_text(c, a->text, a->n), a->n, a->id, a->flags};
    oi_tc_put(c, normal ? OI_TOK_NORMAL : OI_TOK_RAW, &row, sizeof row);
  }
}

oinf_status oi_tc_added(oi_tc *c, const json_t *root) {
  const json_t *list = json_object_get(root, "added_tokens");
  const size_t n = json_array_size(list);
  if (n == 0) return OINF_OK;
  if (c->section[OI_TOK_TEXT].failed || c->section[OI_TOK_NORMALIZE].failed)
    return oi_nomem(c->err, n);
  added *all = oi_alloc(c->ctx, n * sizeof *all);
  if (!all) return oi_nomem(c->err, n * sizeof *all);
  oinf_status status = OINF_OK;
  for (size_t i = 0; i < n && status == OINF_OK; i++) {
    all[i].order = (uint32_t)i;
    status = read_one(c, root, json_array_get(list, i), &all[i]);
  }
  if (status == OINF_OK) {
    qsort(all, n, sizeof *all, by_bytes);
    put_list(c, all, n, false);
    put_list(c, all, n, true);
  }
  oi_free(c->ctx, all, n * sizeof *all);
  return status;
}
