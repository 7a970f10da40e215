// See conversion.h.
#include "tests/conversion.h"

#include <unistd.h>

#include "tests/checkpoint.h"
#include "tests/test.h"

oinf_ctx *oi_cv_ctx;
char oi_cv_notes[4096];

static void on_log(void *user, const char *line) {
  (void)user;
  const size_t n = strlen(oi_cv_notes);
  snprintf(oi_cv_notes + n, sizeof oi_cv_notes - n, "%s\n", line);
}

const char *oi_cv_path(const char *name) { return oi_test_path(oi_test_dir(), name); }

void oi_cv_clear(void) {
  if (!oi_cv_ctx) CHECK_INT(oinf_ctx_create(&(oinf_ctx_desc){.log = on_log}, &oi_cv_ctx), OINF_OK);
  oinf_error_clear(oi_cv_ctx);
  oi_cv_notes[0] = 0;
}

oinf_status oi_cv_run(oinf_ctx *ctx, oi_convert o) {
  o.ctx = ctx;
  oinf_status status = oi_convert_plan(&o);
  if (status == OINF_OK && o.out) status = oi_convert_write(&o);
  oi_convert_free(&o);
  return status;
}

void oi_cv_good(oi_convert o) {
  oi_cv_clear();
  CHECK_MSG(oi_cv_run(oi_cv_ctx, o) == OINF_OK, "%s\n%s", oinf_error(oi_cv_ctx),
            oinf_error_trail(oi_cv_ctx));
}

void oi_cv_refused(oi_convert o, oinf_status want, const char *word) {
  oi_cv_clear();
  oinf_status have = oi_cv_run(oi_cv_ctx, o);
  CHECK_MSG(have == want && strstr(oinf_error(oi_cv_ctx), word), "%d: %s", have,
            oinf_error(oi_cv_ctx));
  CHECK(!o.out || access(o.out, F_OK) != 0);
}

oinf_model *oi_cv_open(const char *path) {
  oinf_model *m;
  CHECK_MSG(oinf_model_open(oi_cv_ctx, path, &m) == OINF_OK, "%s", oinf_error(oi_cv_ctx));
  return m;
}

bool oi_cv_same(const char *a, const char *b) {
  size_t n, m;
  char *x = oi_test_slurp(a, &n), *y = oi_test_slurp(b, &m);
  const bool same = n == m && memcmp(x, y, n) == 0;
  free(x), free(y);
  return same;
}

const char *oi_cv_recipe(const char *yaml) {
  oi_test_put(oi_test_dir(), "r.yaml", yaml, strlen(yaml));
  return oi_cv_path("r.yaml");
}
