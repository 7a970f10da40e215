// A sample package that fills every section, and what tests of the package share around it.
#ifndef OINF_TESTS_PACKAGE_SAMPLE_H
#define OINF_TESTS_PACKAGE_SAMPLE_H
#include "formats/file.h"
#include "formats/oinf_layout.h"
#include "tests/test.h"

extern oinf_ctx *oi_sample_ctx;
// A context, no error, no fault.
void oi_sample_begin(void);
#define OK(expr)                                                                     \
  do {                                                                               \
    oinf_status ok_ = (expr);                                                        \
    CHECK_MSG(ok_ == OINF_OK, "%s: %s", #expr, oinf_error(oi_sample_ctx));           \
  } while (0)

extern float oi_sample_data[16384 + 37];   // what its tensors hold
extern const char oi_sample_graph[];
// Seven tensors; the largest, "big", has `elements` f32, at most 16384 + 37. No golden steps.
oinf_model *oi_sample_model(int64_t elements);
oi_golden_step *oi_sample_golden(void);    // two steps

typedef struct oi_sample_bytes {
  uint8_t *at;   // of malloc
  size_t n;
} oi_sample_bytes;
const char *oi_sample_path(const char *name);        // in the scratch folder; four live at a time
oi_sample_bytes oi_sample_slurp(const char *path);
void oi_sample_write(oinf_model *m, const char *path);   // with golden steps, as a conversion does
oi_sample_bytes oi_sample_package(int64_t elements);     // the sample's bytes; also in sample.oinf
oinf_status oi_sample_open(const void *at, size_t n, oinf_model **out_model);
oinf_status oi_sample_check(const void *at, size_t n);   // opened, and its weights proved
#endif
