// What the parts of the compiler of tokenizer.json share.
#ifndef OINF_FORMATS_TOKENIZER_IN_H
#define OINF_FORMATS_TOKENIZER_IN_H
#include <jansson.h>

#include "formats/tokenizer.h"
#include "lib/rt/token_run.h"

typedef struct oi_tc_token {
  const char *text;  // of the JSON document or the arena
  uint32_t n, id;
  bool present, special;
  bool spells;  // the model's vocabulary has it, with this text
} oi_tc_token;

// A tokenizer on its way into tables.
typedef struct oi_tc {
  oinf_ctx *ctx;
  oi_err *err;
  oi_arena arena;
  oi_text *note;
  oi_text section[OI_TOK_N_SECTIONS];
  oi_tc_token *token;  // by id
  uint32_t vocab, unk, flags;
  size_t token_room;
  bool fused, fell_back;  // decoders so far make one text; have ByteFallback
  oi_text suffix;         // of the template; the prefix grows at its front
} oi_tc;

// ---- fields: absent gives the default, a wrong type fails with FORMAT ----
oinf_status oi_tc_text(oi_tc *c, const json_t *o, const char *key, const char *def,
                       const char **out);
oinf_status oi_tc_bool(oi_tc *c, const json_t *o, const char *key, bool def, bool *out);
oinf_status oi_tc_count(oi_tc *c, const json_t *o, const char *key, uint32_t def, uint32_t *out);
oinf_status oi_tc_array(oi_tc *c, const json_t *o, const char *key, const json_t **out);
void oi_tc_note(oi_tc *c, const char *line);

// ---- tables ----
void oi_tc_put(oi_tc *c, int section, const void *data, size_t n);
void oi_tc_put_u32(oi_tc *c, int section, uint32_t v);
uint32_t oi_tc_put_text(oi_tc *c, const char *text, size_t n);  // where it lies in TEXT

// ---- parts ----
oinf_status oi_tc_model(oi_tc *c, const json_t *root);   // vocabulary, merges
oinf_status oi_tc_stages(oi_tc *c, const json_t *root);  // pipelines and template
oinf_status oi_tc_added(oi_tc *c, const json_t *root);   // after them: contents are normalized
// The id of an added token: the vocabulary's where it has one, else its own.
oinf_status oi_tc_added_id(oi_tc *c, const json_t *root, const json_t *o, uint32_t *out);
oinf_status oi_tc_template(oi_tc *c, const json_t *o);   // TemplateProcessing
oinf_status oi_tc_classic(oi_tc *c, const json_t *o);    // RobertaProcessing, BertProcessing
#endif
