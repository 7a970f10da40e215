// What the printers of plan.json, report.html and README.md share: names of the model in each
// grammar, and numbers for people.
#ifndef OINF_COMPILER_REPORT_H
#define OINF_COMPILER_REPORT_H
#include "compiler/figures.h"

// A name of the model as a JSON string in quotes: every byte that is not a plain ASCII character
// becomes \u escapes; bytes that are no UTF-8 become U+FFFD.
void oi_report_json(oi_text *to, const char *name);
// num / den with three digits behind the point, by integers: no locale, the same everywhere.
void oi_report_ratio(oi_text *to, uint64_t num, uint64_t den);
// The next character of UTF-8 text, *at moved behind it; what is no UTF-8 gives U+FFFD; 0 ends.
uint32_t oi_report_char(const char **at);
#endif
