// JSON: a strict layer over jansson. What it gives is jansson's own tree; read it with jansson's
// getters and drop it with json_decref.
#ifndef OINF_FORMATS_JSON_H
#define OINF_FORMATS_JSON_H
#include "lib/ctx.h"

#include <jansson.h>

enum {
  OI_JSON_CONFIG = 8 << 20,        // longest config.json and the like
  OI_JSON_INDEX = 64 << 20,        // longest index of shards
  OI_JSON_TOKENIZER = 256 << 20,   // longest tokenizer.json
};

typedef enum oi_json_flags {
  OI_JSON_STRICT = 0,
  OI_JSON_PYTHON = 1,   // as Python writes it: NaN, Infinity and -Infinity become null, an integer
                        // beyond 64 bits becomes a real
  OI_JSON_NUL = 2,      // strings may hold NUL: use json_string_length
} oi_json_flags;
// Parses an object or array: RFC 8259, valid UTF-8, depth up to 64, no key twice (escapes undone),
// and integers that fit 64 bits with a sign; "-0" is refused. A failure (FORMAT) names line and
// column.
oinf_status oi_json_parse(oinf_ctx *ctx, const void *bytes, size_t n, oi_json_flags flags,
                          const char *name, json_t **out);
// An exact integer: 512, and 10000.0 where it is whole. False for anything else.
bool oi_json_i64(const json_t *value, int64_t *out);

#endif
