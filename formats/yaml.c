// The tree of a YAML document, built from libyaml's events so that a limit stops the parser at the
// very event that passes it. Not its document interface: that one resolves aliases by itself.
// Recursion is replaced by a stack of the open collections.
#include "formats/yaml.h"

#include <jansson.h>
#include <string.h>
#include <yaml.h>

enum { DEPTH = 16, KEYS = 1024 };

typedef struct node {
  oi_yaml pub;
  uint32_t hash;       // of the key
  oi_yaml **tail;      // where the next entry goes
} node;

typedef struct build {
  oinf_ctx *ctx;
  oi_arena *arena;
  const char *name;
  yaml_parser_t parser;
  node *open[DEPTH];
  uint32_t depth, events, documents;
  const char *key;               // read, its value is still to come
  uint32_t key_line, key_column;
  oi_yaml *root;
} build;

// ---- refusing ----

static oinf_status fail_at(build *b, yaml_mark_t at, const char *what) {
  return oi_fail(oi_ctx_err(b->ctx), OINF_FORMAT, "'%s', %zu:%zu: %s", b->name, at.line + 1,
                 at.column + 1, what);
}

static oinf_status parser_failed(build *b) {
  if (b->parser.error == YAML_MEMORY_ERROR) return oi_nomem(oi_ctx_err(b->ctx), 0);
  bool reading = b->parser.error == YAML_READER_ERROR;
  yaml_mark_t at = reading ? b->parser.mark : b->parser.problem_mark;
  return fail_at(b, at, b->parser.problem ? b->parser.problem : "malformed");
}

static const yaml_char_t *anchor_of(const yaml_event_t *e) {
  if (e->type == YAML_SCALAR_EVENT) return e->data.scalar.anchor;
  if (e->type == YAML_MAPPING_START_EVENT) return e->data.mapping_start.anchor;
  return e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor : NULL;
}

static const yaml_char_t *tag_of(const yaml_event_t *e) {
  if (e->type == YAML_SCALAR_EVENT) return e->data.scalar.tag;
  if (e->type == YAML_MAPPING_START_EVENT) return e->data.mapping_start.tag;
  return e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.tag : NULL;
}

// What is refused whatever stands around it; NULL: nothing.
static const char *refused(build *b, const yaml_event_t *e) {
  if (++b->events > OI_YAML_EVENTS) return "more than 100000 events";
  if (e->type == YAML_ALIAS_EVENT) return "aliases are refused";
  if (anchor_of(e)) return "anchors are refused";
  if (tag_of(e)) return "tags are refused";
  if (e->type == YAML_SCALAR_EVENT) {
    size_t n = e->data.scalar.length;
    if (n > OI_YAML_SCALAR) return "a scalar of more than 64 KiB";
    if (memchr(e->data.scalar.value, 0, n)) return "a scalar that holds NUL";
  }
  if (e->type == YAML_DOCUMENT_START_EVENT) {
    if (b->documents++) return "a second document";
    if (e->data.document_start.version_directive) return "directives are refused";
    if (e->data.document_start.tag_directives.start != e->data.document_start.tag_directives.end)
      return "directives are refused";
  }
  return NULL;
}

// ---- building ----

static uint32_t hash_text(const char *text) {
  uint32_t h = 2166136261u;
  for (; *text; text++) h = (h ^ (uint8_t)*text) * 16777619u;
  return h;
}

static bool has_key(const node *map, const char *key, uint32_t hash) {
  for (const oi_yaml *e = map->pub.first; e; e = e->next)
    if (((const node *)e)->hash == hash && strcmp(e->key, key) == 0) return true;
  return false;
}

static oinf_status take_key(build *b, const yaml_event_t *e) {
  node *map = b->open[b->depth - 1];
  if (e->type != YAML_SCALAR_EVENT) return fail_at(b, e->start_mark, "a key must be a scalar");
  const char *key = (const char *)e->data.scalar.value;
  if (strcmp(key, "<<") == 0) return fail_at(b, e->start_mark, "merge keys are refused");
  if (map->pub.n == KEYS) return fail_at(b, e->start_mark, "a map of more than 1024 keys");
  if (has_key(map, key, hash_text(key)))
    return oi_fail(oi_ctx_err(b->ctx), OINF_FORMAT, "'%s', %zu:%zu: the key '%s' stands twice",
                   b->name, e->start_mark.line + 1, e->start_mark.column + 1, key);
  b->key = oi_arena_text(b->arena, key, e->data.scalar.length);
  if (!b->key) return oi_nomem(oi_ctx_err(b->ctx), e->data.scalar.length);
  b->key_line = (uint32_t)e->start_mark.line + 1;
  b->key_column = (uint32_t)e->start_mark.column + 1;
  return OINF_OK;
}

static void append(build *b, node *n) {
  if (b->depth == 0) {
    b->root = &n->pub;
    return;
  }
  node *parent = b->open[b->depth - 1];
  if (b->key) n->pub.key = b->key, n->hash = hash_text(b->key);
  n->pub.key_line = b->key_line, n->pub.key_column = b->key_column;
  b->key = NULL, b->key_line = b->key_column = 0;
  *parent->tail = &n->pub;
  parent->tail = &n->pub.next;
  parent->pub.n++;
}

static oinf_status take_value(build *b, const yaml_event_t *e) {
  node *n = oi_arena_alloc(b->arena, sizeof *n);
  if (!n) return oi_nomem(oi_ctx_err(b->ctx), sizeof *n);
  n->tail = &n->pub.first;
  n->pub.line = (uint32_t)e->start_mark.line + 1;
  n->pub.column = (uint32_t)e->start_mark.column + 1;
  append(b, n);
  if (e->type == YAML_SCALAR_EVENT) {
    const char *text = (const char *)e->data.scalar.value;
    n->pub.text = oi_arena_text(b->arena, text, e->data.scalar.length);
    n->pub.quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return n->pub.text ? OINF_OK : oi_nomem(oi_ctx_err(b->ctx), e->data.scalar.length);
  }
  n->pub.kind = e->type == YAML_MAPPING_START_EVENT ? OI_YAML_MAP : OI_YAML_LIST;
  if (b->depth == DEPTH) return fail_at(b, e->start_mark, "nested more than 16 deep");
  b->open[b->depth++] = n;
  return OINF_OK;
}

static oinf_status take_event(build *b, const yaml_event_t *e) {
  const char *why = refused(b, e);
  if (why) return fail_at(b, e->start_mark, why);
  bool closes = e->type == YAML_SEQUENCE_END_EVENT || e->type == YAML_MAPPING_END_EVENT;
  bool opens = e->type == YAML_SEQUENCE_START_EVENT || e->type == YAML_MAPPING_START_EVENT;
  if (closes) b->depth--;
  if (!opens && e->type != YAML_SCALAR_EVENT) return OINF_OK;
  bool in_map = b->depth && b->open[b->depth - 1]->pub.kind == OI_YAML_MAP;
  return in_map && !b->key ? take_key(b, e) : take_value(b, e);
}

static oinf_status take_all(build *b) {
  for (yaml_event_type_t type = YAML_NO_EVENT; type != YAML_STREAM_END_EVENT;) {
    yaml_event_t e;
    if (!yaml_parser_parse(&b->parser, &e)) return parser_failed(b);
    type = e.type;
    oinf_status status = take_event(b, &e);
    yaml_event_delete(&e);
    OI_TRY(status);
  }
  return OINF_OK;
}

static bool is_nothing(const oi_yaml *root) {
  return !root || (root->kind == OI_YAML_TEXT && !root->quoted && !*root->text);
}

static oinf_status parse(build *b, const uint8_t *bytes, size_t n) {
  yaml_mark_t start = {0};
  if (n > OI_YAML_FILE) return fail_at(b, start, "longer than 1 MiB");
  if (n >= 2 && (bytes[0] >= 0xfe || (bytes[0] == 0xef && bytes[1] == 0xbb)))
    return fail_at(b, start, "it begins with a byte order mark; expected plain UTF-8");
  yaml_parser_set_encoding(&b->parser, YAML_UTF8_ENCODING);
  yaml_parser_set_input_string(&b->parser, bytes, n);
  OI_TRY(take_all(b));
  if (!is_nothing(b->root)) return OINF_OK;
  node *empty = oi_arena_alloc(b->arena, sizeof *empty);
  if (!empty) return oi_nomem(oi_ctx_err(b->ctx), sizeof *empty);
  empty->pub.kind = OI_YAML_MAP, empty->pub.line = empty->pub.column = 1;
  b->root = &empty->pub;
  return OINF_OK;
}

oinf_status oi_yaml_parse(oinf_ctx *ctx, oi_arena *arena, const void *bytes, size_t n,
                          const char *name, const oi_yaml **out) {
  build b = {.ctx = ctx, .arena = arena, .name = name};
  if (!yaml_parser_initialize(&b.parser)) return oi_nomem(oi_ctx_err(ctx), 0);
  oinf_status status = parse(&b, bytes, n);
  yaml_parser_delete(&b.parser);
  if (status == OINF_OK) *out = b.root;
  return status;
}

// ---- reading the tree ----

const oi_yaml *oi_yaml_get(const oi_yaml *map, const char *key) {
  if (!map || map->kind != OI_YAML_MAP) return NULL;
  for (const oi_yaml *e = map->first; e; e = e->next)
    if (strcmp(e->key, key) == 0) return e;
  return NULL;
}

// A number is what JSON takes for one, so jansson reads it: exact, and the same in every locale.
static json_t *number_of(const oi_yaml *value) {
  if (!value || value->kind != OI_YAML_TEXT || value->quoted) return NULL;
  json_t *number = json_loads(value->text, JSON_DECODE_ANY, NULL);
  if (json_is_number(number)) return number;
  json_decref(number);
  return NULL;
}

bool oi_yaml_i64(const oi_yaml *value, int64_t *out) {
  json_t *number = number_of(value);
  bool whole = json_is_integer(number);
  if (whole) *out = json_integer_value(number);
  json_decref(number);
  return whole;
}

bool oi_yaml_f64(const oi_yaml *value, double *out) {
  json_t *number = number_of(value);
  if (!number) return false;
  *out = json_number_value(number);
  json_decref(number);
  return true;
}

bool oi_yaml_bool(const oi_yaml *value, bool *out) {
  if (!value || value->kind != OI_YAML_TEXT || value->quoted) return false;
  bool yes = strcmp(value->text, "true") == 0;
  if (!yes && strcmp(value->text, "false") != 0) return false;
  *out = yes;
  return true;
}
