// Small checkpoint folders for tests: a case (tests/data/llama/*.json, made by make.py there) says
// config.json, names and shapes; the weights come from the formula that make.py states.
#ifndef OINF_TESTS_CHECKPOINT_H
#define OINF_TESTS_CHECKPOINT_H
#include <jansson.h>
#include <oinf/oinf.h>

typedef struct oi_case {
  json_t *root;
  oinf_dtype dtype;
  const char *salt;
  double scale;
  int shards;
  bool bare;  // names without "model."
} oi_case;

void oi_case_open(const char *path, oi_case *out);  // ends the test where it cannot
void oi_case_close(oi_case *c);
// Writes the folder; a tensor whose name contains `without` is left out (NULL: none is).
void oi_case_write(oinf_ctx *ctx, const oi_case *c, const char *folder, const char *without);
// One tensor as it is in the folder: at most room floats.
void oi_case_values(const oi_case *c, const char *name, const int64_t *dims, uint32_t rank,
                    float *out);
void oi_test_put(const char *folder, const char *name, const void *bytes, size_t n);
const char *oi_test_path(const char *folder, const char *name);  // good for four calls
#endif
