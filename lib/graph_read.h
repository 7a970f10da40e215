// Reading the words of a graph's text: what graph_parse.c makes statements of.
#ifndef OINF_LIB_GRAPH_READ_H
#define OINF_LIB_GRAPH_READ_H
#include "lib/graph_build.h"

typedef struct oi_reader {
  oinf_ctx *ctx;
  oinf_graph *g;            // that the text builds; its arena holds names and strings
  const char *at, *end;     // of the line at hand, its newline left out
  const char *rest, *stop;  // what follows it
  int line;                 // its number, from 1
  OI_VEC(uint32_t) ids;     // value by number
  bool over_anew;           // types follow from the model's weights, not from the text
  bool failed;              // the context says why
} oi_reader;

// Each gives false (or NULL) where something else stands there; the first failure is the one that
// is kept.
bool oi_read_fail(oi_reader *r, const char *expected);
bool oi_read_line(oi_reader *r);  // the next line with something on it; false: the text ends
bool oi_read_done(oi_reader *r);  // nothing is left on the line
bool oi_read_more(oi_reader *r);  // something is left on it
bool oi_read_is(oi_reader *r,
                const char *word);        // takes the word if it stands there, says nothing else
bool oi_read_char(oi_reader *r, char c);  // likewise, a sign
bool oi_read_word(oi_reader *r, const char *word);  // the word must stand there
const char *oi_read_name(oi_reader *r);             // an identifier or a string
const char *oi_read_string(oi_reader *r);
bool oi_read_integer(oi_reader *r, int64_t *out);
bool oi_read_double(oi_reader *r, double *out);
oi_op oi_read_op(oi_reader *r);  // of ops.def; OP_NONE: another word
bool oi_read_dim(oi_reader *r, oinf_dim *out);
bool oi_read_dims(oi_reader *r, oinf_dims *out);  // "[T, 64]"
bool oi_read_type(oi_reader *r, oi_type *out);
bool oi_read_value(oi_reader *r, uint32_t *out);  // of a value that was made before
bool oi_read_values(oi_reader *r, uint32_t *out, uint32_t room,
                    uint32_t *n);                // as many as stand there
bool oi_read_new(oi_reader *r, uint32_t ahead);  // "%7" where 7 is the next number, plus ahead
// What a text says of a value beside its number: its type, its own name, its hints.
typedef struct oi_said {
  oi_type type;
  const char *name;
  oinf_hint_args hint;
} oi_said;
bool oi_read_marks(oi_reader *r, oi_said *out);  // name and hints, if any
bool oi_read_said(oi_reader *r, oi_said *out);   // type and marks
// Gives the next number to this value, and its marks; its type must be what the text says (unless
// that is none).
bool oi_read_made(oi_reader *r, uint32_t id, const oi_said *said);
bool oi_read_attrs(oi_reader *r, const oi_attr_info *attrs, uint32_t n,
                   void *args);  // "{ eps = 1e-05 }", if any
static inline oi_where oi_read_where(const oi_reader *r) { return (oi_where){NULL, r->line}; }
#endif
