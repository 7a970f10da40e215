// YAML for recipes: the plain part of it. Maps, lists and scalars; no aliases, anchors, tags,
// directives, merge keys or second documents; depth 16, 100000 events, scalars of 64 KiB, files of
// 1 MiB; no key twice. A scalar has no type of its own: each field parses its text as it needs.
#ifndef OINF_FORMATS_YAML_H
#define OINF_FORMATS_YAML_H
#include "lib/ctx.h"

enum { OI_YAML_FILE = 1 << 20, OI_YAML_EVENTS = 100000, OI_YAML_SCALAR = 64 << 10 };

typedef enum oi_yaml_kind { OI_YAML_TEXT, OI_YAML_MAP, OI_YAML_LIST } oi_yaml_kind;
typedef struct oi_yaml oi_yaml;
struct oi_yaml {
  oi_yaml_kind kind;
  bool quoted;              // a scalar that was not written plain: "no" is text, no is not
  uint32_t line, column;    // from 1
  const char *text;         // of a scalar; closed by a NUL, holds none
  const char *key;          // in a map: its key
  uint32_t key_line, key_column;
  uint32_t n;               // entries of a map or list
  oi_yaml *first, *next;    // entries, in file order
};

// Parses a document; the tree lives in the arena. A failure (FORMAT) begins
// "'name', line:column: ". An empty document is an empty map.
oinf_status oi_yaml_parse(oinf_ctx *ctx, oi_arena *arena, const void *bytes, size_t n,
                          const char *name, const oi_yaml **out);
const oi_yaml *oi_yaml_get(const oi_yaml *map, const char *key);   // NULL: not there, or no map
// The whole text as a number or truth value; false where it is none (or quoted).
bool oi_yaml_i64(const oi_yaml *value, int64_t *out);    // decimal alone: no 0x10, no 1_000
bool oi_yaml_f64(const oi_yaml *value, double *out);     // finite, decimal; never by the locale
bool oi_yaml_bool(const oi_yaml *value, bool *out);      // true or false, no yes and no

#endif
