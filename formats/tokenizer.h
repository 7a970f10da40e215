// tokenizer.json compiled into the tables that lib/rt/token.h runs on.
#ifndef OINF_FORMATS_TOKENIZER_H
#define OINF_FORMATS_TOKENIZER_H
#include "formats/file.h"

// Gives the tables in *out (freed by oi_bytes_free), the same bytes for the same file. FORMAT: no
// JSON, or not of this schema; SUPPORT: a component, pattern or model that is not known, named in
// the message, so that a converter may go on by ids. What is read but does not count here
// (truncation, padding, dropout) is added to *note, which may be NULL.
oinf_status oi_tokenizer_compile(oinf_ctx *ctx, const char *json, size_t size, oi_bytes *out,
                                 oi_text *note);
#endif
