// Compiles tokenizer.json into tables: reads the document, lets the parts fill their sections, lays
// them out.
//
// What is read is typed field by field. The whole document is held while it is compiled: its
// strings are the tokens' texts, and the vocabulary object is the index by which merges find their
// ids. The grammar is that of the `tokenizers` library, and where it says nothing, so is the
// meaning. tokenizer_model.c has the model, tokenizer_stages.c the pipelines. What it does not do:
// WordPiece, Unigram, WordLevel, regular expressions outside lib/rt/token_scan.def.
#include "formats/tokenizer.h"

#include <string.h>

#include "formats/json.h"
#include "formats/tokenizer_in.h"

enum { MAX_JSON = 64 << 20 };  // its tree takes up to ten times as much

// ---- fields ----

static oinf_status wrong_type(oi_tc *c, const char *key, const char *expected) {
  return oi_fail(c->err, OINF_FORMAT, "tokenizer.json: '%s' is expected to be %s", key, expected);
}

oinf_status oi_tc_text(oi_tc *c, const json_t *o, const char *key, const char *def,
                       const char **out) {
  const json_t *v = json_object_get(o, key);
  if ((!v || json_is_null(v)) && def) return *out = def, OINF_OK;
  if (!json_is_string(v)) return wrong_type(c, key, "a string");
  return *out = json_string_value(v), OINF_OK;
}

oinf_status oi_tc_bool(oi_tc *c, const json_t *o, const char *key, bool def, bool *out) {
  const json_t *v = json_object_get(o, key);
  if (!v || json_is_null(v)) return *out = def, OINF_OK;
  if (!json_is_boolean(v)) return wrong_type(c, key, "true or false");
  return *out = json_is_true(v), OINF_OK;
}

oinf_status oi_tc_count(oi_tc *c, const json_t *o, const char *key, uint32_t def, uint32_t *out) {
  const json_t *v = json_object_get(o, key);
  if (!v || json_is_null(v)) return *out = def, OINF_OK;
  if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > INT32_MAX)
    return wrong_type(c, key, "a whole number from 0 to 2147483647");
  return *out = (uint32_t)json_integer_value(v), OINF_OK;
}

oinf_status oi_tc_array(oi_tc *c, const json_t *o, const char *key, const json_t **out) {
  const json_t *v = json_object_get(o, key);
  if (!json_is_array(v)) return wrong_type(c, key, "an array");
  return *out = v, OINF_OK;
}

void oi_tc_note(oi_tc *c, const char *line) {
  if (c->note) oi_text_put(c->note, "%s%s", c->note->n ? "; " : "", line);
}

// ---- tables ----

void oi_tc_put(oi_tc *c, int section, const void *data, size_t n) {
  oi_text_add(&c->section[section], data, n);
}
void oi_tc_put_u32(oi_tc *c, int section, uint32_t v) { oi_tc_put(c, section, &v, sizeof v); }

uint32_t oi_tc_put_text(oi_tc *c, const char *text, size_t n) {
  uint32_t at = (uint32_t)c->section[OI_TOK_TEXT].n;
  oi_tc_put(c, OI_TOK_TEXT, text, n);
  return at;
}

static size_t padded(size_t n) { return (n + 3) & ~(size_t)3; }

static oinf_status lay_out(oi_tc *c, oi_bytes *out) {
  size_t size = OI_TOK_HEADER, end = OI_TOK_HEADER;
  for (int i = 0; i < OI_TOK_N_SECTIONS; i++) {
    if (c->section[i].failed) return oi_nomem(c->err, c->section[i].n);
    size += padded(c->section[i].n);
  }
  if (size > UINT32_MAX)
    return oi_fail(c->err, OINF_SUPPORT, "tokenizer.json: its tables take over 4 GiB");
  uint8_t *blob = oi_alloc(c->ctx, size + 1);
  if (!blob) return oi_nomem(c->err, size + 1);
  const uint32_t head[] = {OI_TOK_VERSION, c->vocab, c->unk, c->flags};
  memcpy(blob, OI_TOK_MAGIC, 8);
  memcpy(blob + 8, head, sizeof head);
  for (int i = 0; i < OI_TOK_N_SECTIONS; i++) {
    const uint32_t span[] = {(uint32_t)end, (uint32_t)c->section[i].n};
    memcpy(blob + 24 + 8 * i, span, sizeof span);
    if (span[1]) memcpy(blob + end, c->section[i].at, span[1]);
    end += padded(span[1]);
  }
  *out = (oi_bytes){blob, size};
  return OINF_OK;
}

// ---- the document ----

static oinf_status read_json(oi_tc *c, const char *json, size_t size, json_t **out) {
  if (size > MAX_JSON)
    return oi_fail(c->err, OINF_SUPPORT, "tokenizer.json: %zu bytes, at most %d", size, MAX_JSON);
  OI_TRY(oi_json_parse(c->ctx, json, size, OI_JSON_STRICT, "tokenizer.json", out));
  if (json_is_object(*out)) return OINF_OK;
  json_decref(*out);
  return oi_fail(c->err, OINF_FORMAT, "tokenizer.json: an object is expected");
}

static void note_what_is_left_out(oi_tc *c, const json_t *root) {
  const json_t *v = json_object_get(root, "truncation");
  if (v && !json_is_null(v)) oi_tc_note(c, "tokenizer.json: truncation is not applied");
  v = json_object_get(root, "padding");
  if (v && !json_is_null(v)) oi_tc_note(c, "tokenizer.json: padding is not applied");
}

static oinf_status compile(oi_tc *c, const json_t *root, oi_bytes *out) {
  OI_TRY_AT(c->err, oi_tc_model(c, root), "reading the model of tokenizer.json");
  OI_TRY_AT(c->err, oi_tc_stages(c, root), "reading the pipeline of tokenizer.json");
  OI_TRY_AT(c->err, oi_tc_added(c, root), "reading the added tokens of tokenizer.json");
  note_what_is_left_out(c, root);
  return lay_out(c, out);
}

oinf_status oi_tokenizer_compile(oinf_ctx *ctx, const char *json, size_t size, oi_bytes *out,
                                 oi_text *note) {
  oi_tc c = {.ctx = ctx, .err = oi_ctx_err(ctx), .note = note, .unk = OI_TOK_NONE};
  json_t *root = NULL;
  OI_TRY(read_json(&c, json, size, &root));
  oi_arena_init(&c.arena, ctx);
  oi_text_init(&c.suffix, ctx);
  for (int i = 0; i < OI_TOK_N_SECTIONS; i++) oi_text_init(&c.section[i], ctx);
  oinf_status status = compile(&c, root, out);
  for (int i = 0; i < OI_TOK_N_SECTIONS; i++) oi_text_free(&c.section[i]);
  oi_text_free(&c.suffix);
  oi_free(ctx, c.token, c.token_room * sizeof *c.token);
  oi_arena_free(&c.arena);
  json_decref(root);
  return status;
}
