// Conversions in tests, through the command's own functions and one context that keeps its notes.
#ifndef OINF_TESTS_CONVERSION_H
#define OINF_TESTS_CONVERSION_H
#include "convert/convert.h"

extern oinf_ctx *oi_cv_ctx;
extern char oi_cv_notes[4096];
void oi_cv_clear(void);                              // errors and notes
const char *oi_cv_path(const char *name);            // in the test's folder; good for four calls
oinf_status oi_cv_run(oinf_ctx *ctx, oi_convert o);  // plans; writes where o.out is given
void oi_cv_good(oi_convert o);
// Ends with this status and word, and leaves no output.
void oi_cv_refused(oi_convert o, oinf_status want, const char *word);
oinf_model *oi_cv_open(const char *path);
bool oi_cv_same(const char *a, const char *b);  // the bytes of two files
const char *oi_cv_recipe(const char *yaml);     // writes r.yaml
#endif
