// What the printers of plan.json, report.html and README.md share: names of the model in each
// grammar, numbers for people, kinds of kernels.
#ifndef OINF_COMPILER_REPORT_H
#define OINF_COMPILER_REPORT_H
#include "compiler/figures.h"

// A name of the model as a JSON string in quotes: every byte that is not a plain ASCII character
// becomes \u escapes; bytes that are no UTF-8 become U+FFFD.
void oi_report_json(oi_text *to, const char *name);
// The same within HTML, text or attribute: letters of any script stay, marks of HTML become
// entities, and what is not seen (controls, directions, blanks without width) is written as
// \u{202e}. At most `most` characters, then an ellipsis; 0: all.
void oi_report_html(oi_text *to, const char *name, uint32_t most);
// Of n bytes, whole.
void oi_report_html_part(oi_text *to, const char *text, size_t n);
// The next character of UTF-8 text, *at moved behind it; what is no UTF-8 gives U+FFFD; 0 ends.
uint32_t oi_report_char(const char **at);
// num / den with `digits` digits behind the point, by integers: no locale, the same everywhere.
void oi_report_ratio(oi_text *to, uint64_t num, uint64_t den, int digits);
void oi_report_bytes(oi_text *to, uint64_t bytes);  // "36.0 KiB"
void oi_report_count(oi_text *to, uint64_t n);      // "1.23 M"
void oi_report_group(oi_text *to, uint64_t n);      // "1 234 567", blanks that do not break

// What a kernel mostly does, by the dearest of its ops: colours of the report.
typedef enum oi_kernel_kind {
  OI_KIND_PRODUCT,
  OI_KIND_ATTENTION,
  OI_KIND_ROWS,
  OI_KIND_ELEMENTS,
  OI_KIND_MOVES,
  OI_KINDS
} oi_kernel_kind;
oi_kernel_kind oi_report_kind(const oi_emit *e, uint32_t kernel);
const char *oi_report_kind_name(oi_kernel_kind kind);
void oi_report_ops(const oi_emit *e, oi_text *to, uint32_t kernel);  // "rmsnorm, matmul ×2"
const char *oi_report_role(const oi_emit *e, uint32_t kernel);       // "" for none
// A type as it is written in graphs, its symbols' names made safe for HTML.
void oi_report_type(const oi_emit *e, oi_text *to, const oi_type *t, uint32_t most);

// Tensors of weights.oinf of a dtype, and their bytes; OINF_NONE: all of them.
uint64_t oi_report_weights(const oi_emit *e, oinf_dtype dtype, uint64_t *out_bytes);

// Parts of report.html. report_tables.c:
void oi_report_kernels(oi_emit *e, oi_text *to);
void oi_report_facts(oi_emit *e, oi_text *to);
void oi_report_more(oi_emit *e, oi_text *to);
// report_paging.c; nothing where weights are mapped:
void oi_report_paging(oi_emit *e, oi_text *to);
// report_charts.c:
void oi_report_roofline(oi_emit *e, oi_text *to);
void oi_report_timeline(oi_emit *e, oi_text *to);
#endif
