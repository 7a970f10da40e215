// The model of tokenizer.json: vocabulary, merges, and the tokens that were added to it.
//
// Ids index the tables, so they are bounded: a file of a few bytes must not ask for gigabytes.
// Merges are listed by rank in the file and by pair in the tables; of a pair that is listed twice
// the later rank counts, as in the library.
#include <stdlib.h>
#include <string.h>

#include "formats/tokenizer_in.h"

enum { MAX_ID = 1 << 21 };

// ---- vocabulary ----

static oinf_status token_room(oi_tc *c, uint32_t id) {
  if (id < c->token_room) return OINF_OK;
  size_t want = c->token_room ? c->token_room : 1024;
  while (want <= id) want *= 2;
  const size_t size = sizeof *c->token;
  oi_tc_token *p = oi_realloc(c->ctx, c->token, c->token_room * size, want * size);
  if (!p) return oi_nomem(c->err, want * size);
  memset(p + c->token_room, 0, (want - c->token_room) * size);
  c->token = p, c->token_room = want;
  return OINF_OK;
}

static oinf_status token_set(oi_tc *c, const char *text, json_int_t id, oi_tc_token **out) {
  if (id < 0 || id >= MAX_ID)
    return oi_fail(c->err, OINF_FORMAT, "token '%.80s' has id %lld, expected 0 to %d", text,
                   (long long)id, MAX_ID - 1);
  OI_TRY(token_room(c, (uint32_t)id));
  if (id >= c->vocab) c->vocab = (uint32_t)id + 1;
  *out = &c->token[id];
  return OINF_OK;
}

static oinf_status read_vocab(oi_tc *c, json_t *vocab) {
  const char *text;
  json_t *v;
  json_object_foreach(vocab, text, v) {
    oi_tc_token *t;
    if (!json_is_integer(v))
      return oi_fail(c->err, OINF_FORMAT, "token '%.80s' has no whole number as id", text);
    OI_TRY(token_set(c, text, json_integer_value(v), &t));
    if (t->present)
      return oi_fail(c->err, OINF_SUPPORT, "tokens '%.80s' and '%.80s' share id %u", t->text, text,
                     t->id);
    uint32_t id = (uint32_t)(t - c->token);
    *t = (oi_tc_token){text, (uint32_t)strlen(text), id, true, false, true};
  }
  return OINF_OK;
}

// The id of a text in the vocabulary, or OI_TOK_NONE.
static uint32_t vocab_id(const json_t *vocab, const char *text) {
  const json_t *v = json_object_get(vocab, text);
  return v ? (uint32_t)json_integer_value(v) : OI_TOK_NONE;
}

oinf_status oi_tc_added_id(oi_tc *c, const json_t *root, const json_t *o, uint32_t *out) {
  const char *text;
  uint32_t id;
  OI_TRY(oi_tc_text(c, o, "content", NULL, &text));
  OI_TRY(oi_tc_count(c, o, "id", MAX_ID, &id));
  uint32_t known = vocab_id(json_object_get(json_object_get(root, "model"), "vocab"), text);
  return *out = known != OI_TOK_NONE ? known : id, OINF_OK;
}

static oinf_status read_added(oi_tc *c, const json_t *root) {
  const json_t *list = json_object_get(root, "added_tokens");
  if (!list || json_is_null(list)) return OINF_OK;
  OI_TRY(oi_tc_array(c, root, "added_tokens", &list));
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *o = json_array_get(list, i);
    const char *text;
    uint32_t id;
    bool special;
    oi_tc_token *t;
    OI_TRY(oi_tc_text(c, o, "content", NULL, &text));
    OI_TRY(oi_tc_bool(c, o, "special", false, &special));
    OI_TRY(oi_tc_added_id(c, root, o, &id));
    OI_TRY(token_set(c, text, id, &t));
    bool same = t->spells && strcmp(t->text, text) == 0;
    *t = (oi_tc_token){text, (uint32_t)strlen(text), id, true, special, same};
  }
  return OINF_OK;
}

static void put_tokens(oi_tc *c) {
  for (uint32_t id = 0; id < c->vocab; id++) {
    const oi_tc_token *t = &c->token[id];
    if (t->present) oi_tc_put_text(c, t->text, t->n);
    oi_tc_put_u32(c, OI_TOK_TOKEN, (uint32_t)c->section[OI_TOK_TEXT].n);
    const uint8_t kind =
        (uint8_t)((t->present ? OI_TOK_PRESENT : 0) | (t->special ? OI_TOK_SPECIAL : 0));
    oi_tc_put(c, OI_TOK_KIND, &kind, 1);
  }
}

// ---- indices over it ----

static int by_text(const void *a, const void *b) {
  const oi_tc_token *x = a, *y = b;
  int order = memcmp(x->text, y->text, x->n < y->n ? x->n : y->n);
  return order ? order : (x->n > y->n) - (x->n < y->n);
}

static oinf_status put_sorted(oi_tc *c) {
  if (!(c->flags & OI_TOK_IGNORE_MERGES) || c->vocab == 0) return OINF_OK;
  oi_tc_token *sorted = oi_alloc(c->ctx, c->vocab * sizeof *sorted);
  if (!sorted) return oi_nomem(c->err, c->vocab * sizeof *sorted);
  size_t n = 0;
  for (uint32_t id = 0; id < c->vocab; id++)
    if (c->token[id].spells) sorted[n++] = c->token[id];
  qsort(sorted, n, sizeof *sorted, by_text);
  for (size_t i = 0; i < n; i++) oi_tc_put_u32(c, OI_TOK_SORTED, sorted[i].id);
  oi_free(c->ctx, sorted, c->vocab * sizeof *sorted);
  return OINF_OK;
}

static int by_word(const void *a, const void *b) {
  const uint32_t *x = a, *y = b;
  return (x[0] > y[0]) - (x[0] < y[0]);
}

static void put_chars(oi_tc *c) {
  oi_text *section = &c->section[OI_TOK_CHAR];
  for (uint32_t id = 0; id < c->vocab; id++) {
    const oi_tc_token *t = &c->token[id];
    uint32_t row[2] = {0, id};
    if (!t->spells || t->n == 0 || oi_utf8_get(t->text, &row[0]) != t->n) continue;
    oi_tc_put(c, OI_TOK_CHAR, row, sizeof row);
  }
  if (section->n && !section->failed) qsort(section->at, section->n / 8, 8, by_word);
}

static void put_bytes(oi_tc *c, const json_t *vocab) {
  static const char digits[] = "0123456789ABCDEF";
  if (!(c->flags & OI_TOK_FALLBACK)) return;
  for (uint32_t b = 0; b < 256; b++) {
    const char text[] = {'<', '0', 'x', digits[b >> 4], digits[b & 15], '>', 0};
    oi_tc_put_u32(c, OI_TOK_BYTE, vocab_id(vocab, text));
  }
}

// ---- merges ----

typedef struct merge {
  uint32_t left, right, rank, id;
} merge;

static oinf_status bad_merge(oi_tc *c, size_t i, const char *why) {
  return oi_fail(c->err, OINF_FORMAT, "merge %zu %s", i, why);
}

// Splits "a b" or ["a", "b"]; the texts live in *word.
static oinf_status merge_texts(oi_tc *c, const json_t *v, size_t i, oi_text *word,
                               const char **left, const char **right) {
  word->n = 0;
  if (json_is_string(v)) {
    oi_text_add(word, json_string_value(v), json_string_length(v));
    char *space = word->at ? strchr(word->at, ' ') : NULL;
    if (word->failed) return oi_nomem(c->err, word->n);
    if (!space || strchr(space + 1, ' ')) return bad_merge(c, i, "is not two texts and a space");
    *space = 0, *left = word->at, *right = space + 1;
    return OINF_OK;
  }
  *left = json_string_value(json_array_get(v, 0)), *right = json_string_value(json_array_get(v, 1));
  if (json_array_size(v) != 2 || !*left || !*right)
    return bad_merge(c, i, "is not a pair of texts");
  return OINF_OK;
}

static oinf_status merge_ids(oi_tc *c, const json_t *vocab, const char *left, const char *right,
                             size_t i, oi_text *joined, merge *out) {
  joined->n = 0;
  oi_text_add(joined, left, strlen(left));
  oi_text_add(joined, right, strlen(right));
  if (joined->failed) return oi_nomem(c->err, joined->n);
  out->left = vocab_id(vocab, left), out->right = vocab_id(vocab, right),
  out->id = vocab_id(vocab, joined->at);
  if (out->left == OI_TOK_NONE || out->right == OI_TOK_NONE || out->id == OI_TOK_NONE)
    return bad_merge(c, i, "has a part or a whole that is no token");
  return OINF_OK;
}

static int by_pair(const void *a, const void *b) {
  const merge *x = a, *y = b;
  if (x->left != y->left) return x->left < y->left ? -1 : 1;
  if (x->right != y->right) return x->right < y->right ? -1 : 1;
  return (x->rank > y->rank) - (x->rank < y->rank);
}

static void put_merges(oi_tc *c, merge *m, size_t n) {
  if (n) qsort(m, n, sizeof *m, by_pair);
  uint32_t count = 0;
  size_t i = 0;
  for (uint32_t left = 0; left < c->vocab; left++) {
    for (; i < n && m[i].left == left; i++) {
      if (i + 1 < n && m[i + 1].left == left && m[i + 1].right == m[i].right) continue;
      oi_tc_put(c, OI_TOK_MERGE, &m[i].right, 3 * sizeof(uint32_t));
      count++;
    }
    oi_tc_put_u32(c, OI_TOK_LEFT, count);
  }
}

static oinf_status fill_merges(oi_tc *c, const json_t *list, const json_t *vocab, merge *m,
                               size_t *out_n) {
  oi_text word, joined;
  oi_text_init(&word, c->ctx);
  oi_text_init(&joined, c->ctx);
  oinf_status status = OINF_OK;
  size_t n = 0;
  for (size_t i = 0; i < json_array_size(list) && status == OINF_OK; i++) {
    const json_t *v = json_array_get(list, i);
    const char *left = NULL, *right = NULL;
    if (json_is_string(v) && strncmp(json_string_value(v), "#version", 8) == 0) continue;
    status = merge_texts(c, v, i, &word, &left, &right);
    if (status == OINF_OK) status = merge_ids(c, vocab, left, right, i, &joined, &m[n]);
    m[n].rank = (uint32_t)n;
    n++;
  }
  oi_text_free(&word);
  oi_text_free(&joined);
  *out_n = n;
  return status;
}

static oinf_status read_merges(oi_tc *c, const json_t *model, const json_t *vocab) {
  const json_t *list;
  OI_TRY(oi_tc_array(c, model, "merges", &list));
  const size_t size = (json_array_size(list) + 1) * sizeof(merge);
  merge *m = oi_alloc(c->ctx, size);
  if (!m) return oi_nomem(c->err, size);
  size_t n;
  oinf_status status = fill_merges(c, list, vocab, m, &n);
  if (status == OINF_OK) put_merges(c, m, n);
  oi_free(c->ctx, m, size);
  return status;
}

// ---- the model ----

// Old files do not say what the model is; their fields do.
static oinf_status check_kind(oi_tc *c, const json_t *model) {
  const char *type = "BPE";
  if (!json_is_object(model))
    return oi_fail(c->err, OINF_FORMAT, "'model' is expected to be an object");
  if (json_is_array(json_object_get(model, "vocab"))) type = "Unigram";
  else if (json_object_get(model, "max_input_chars_per_word")) type = "WordPiece";
  else if (!json_object_get(model, "merges")) type = "WordLevel";
  OI_TRY(oi_tc_text(c, model, "type", type, &type));
  if (strcmp(type, "BPE") != 0)
    return oi_fail(c->err, OINF_SUPPORT, "model '%.80s' is not supported, BPE is", type);
  static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
  for (int i = 0; i < 2; i++) {
    const char *text;
    OI_TRY(oi_tc_text(c, model, affixes[i], "", &text));
    if (*text)
      return oi_fail(c->err, OINF_SUPPORT, "'%s' of a BPE model is not supported", affixes[i]);
  }
  return OINF_OK;
}

static oinf_status read_flags(oi_tc *c, const json_t *model, const json_t *vocab) {
  static const struct {
    const char *key;
    uint32_t bit;
  } rows[] = {{"byte_fallback", OI_TOK_FALLBACK},
              {"fuse_unk", OI_TOK_FUSE_UNK},
              {"ignore_merges", OI_TOK_IGNORE_MERGES}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    bool on;
    OI_TRY(oi_tc_bool(c, model, rows[i].key, false, &on));
    if (on) c->flags |= rows[i].bit;
  }
  const char *unk;
  OI_TRY(oi_tc_text(c, model, "unk_token", "", &unk));
  if (*unk) c->unk = vocab_id(vocab, unk);
  if (json_is_number(json_object_get(model, "dropout")) &&
      json_number_value(json_object_get(model, "dropout")) > 0)
    oi_tc_note(c, "tokenizer.json: dropout is not applied");
  return OINF_OK;
}

oinf_status oi_tc_model(oi_tc *c, const json_t *root) {
  const json_t *model = json_object_get(root, "model");
  OI_TRY(check_kind(c, model));
  json_t *vocab = json_object_get(model, "vocab");
  if (!json_is_object(vocab))
    return oi_fail(c->err, OINF_FORMAT, "'vocab' is expected to be an object");
  OI_TRY(read_vocab(c, vocab));
  OI_TRY(read_added(c, root));
  OI_TRY(read_flags(c, model, vocab));
  put_tokens(c);
  put_chars(c);
  put_bytes(c, vocab);
  OI_TRY(put_sorted(c));
  return read_merges(c, model, vocab);
}
