// The template of tokenizer.json: which ids stand in front of a text and which behind it.
//
// Only the form for one text counts, for nothing here reads pairs. Post-processors in a sequence
// wrap one another: what a later one adds stands further out.
#include <string.h>

#include "formats/tokenizer_in.h"

// Puts ids in front of the prefix; *ids then holds what is to be freed.
static void put_front(oi_tc *c, oi_text *ids) {
  oi_text *prefix = &c->section[OI_TOK_PREFIX];
  oi_text_add(ids, prefix->at, prefix->n);
  oi_text old = *prefix;
  *prefix = *ids, *ids = old;
}

static oinf_status put_id(oi_tc *c, oi_text *ids, const json_t *v) {
  if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= c->vocab)
    return oi_fail(c->err, OINF_FORMAT,
                   "a template's id is expected to be a token of the vocabulary");
  const uint32_t id = (uint32_t)json_integer_value(v);
  oi_text_add(ids, (const char *)&id, sizeof id);
  return OINF_OK;
}

static oinf_status put_special(oi_tc *c, oi_text *ids, const json_t *names, const char *name) {
  const json_t *list;
  OI_TRY_AT(c->err, oi_tc_array(c, json_object_get(names, name), "ids", &list),
            "reading special token '%.80s'", name);
  for (size_t i = 0; i < json_array_size(list); i++)
    OI_TRY(put_id(c, ids, json_array_get(list, i)));
  return OINF_OK;
}

static oinf_status template_items(oi_tc *c, const json_t *o, oi_text *front) {
  const json_t *list, *names = json_object_get(o, "special_tokens");
  bool seen = false;
  OI_TRY(oi_tc_array(c, o, "single", &list));
  for (size_t i = 0; i < json_array_size(list); i++) {
    const json_t *item = json_array_get(list, i), *special = json_object_get(item, "SpecialToken");
    const json_t *sequence = json_object_get(item, "Sequence");
    const char *name;
    OI_TRY(oi_tc_text(c, special ? special : sequence, "id", NULL, &name));
    if (special) {
      OI_TRY(put_special(c, seen ? &c->suffix : front, names, name));
      continue;
    }
    if (seen || strcmp(name, "A") != 0)
      return oi_fail(c->err, OINF_SUPPORT, "a template of one text has A once");
    seen = true;
  }
  if (!seen) return oi_fail(c->err, OINF_SUPPORT, "a template of one text has A once");
  return OINF_OK;
}

oinf_status oi_tc_template(oi_tc *c, const json_t *o) {
  oi_text front;
  oi_text_init(&front, c->ctx);
  oinf_status status = template_items(c, o, &front);
  if (status == OINF_OK) put_front(c, &front);
  oi_text_free(&front);
  return status;
}

// "cls" and "sep" are ["text", id].
oinf_status oi_tc_classic(oi_tc *c, const json_t *o) {
  oi_text front;
  oi_text_init(&front, c->ctx);
  oinf_status status = put_id(c, &front, json_array_get(json_object_get(o, "cls"), 1));
  if (status == OINF_OK) put_front(c, &front);
  if (status == OINF_OK)
    status = put_id(c, &c->suffix, json_array_get(json_object_get(o, "sep"), 1));
  oi_text_free(&front);
  return status;
}
