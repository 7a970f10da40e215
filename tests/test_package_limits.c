// Both sides of the package's limits, names and texts that it holds or refuses, and that nothing in
// it takes more than linear time.
#include "tests/package_sample.h"

#include <time.h>
#include <unistd.h>

#define ctx oi_sample_ctx

static oinf_model *m;

static void begin(void) {
  oi_sample_begin();
  oinf_model_destroy(m);
  m = NULL;
  OK(oinf_model_create(ctx, &m));
}

// Saves m; what was accepted must open again.
static oinf_status save(void) {
  oinf_error_clear(ctx);
  const char *path = oi_sample_path("limits.oinf");
  oinf_status status = oinf_model_save(m, path);
  if (status == OINF_OK) {
    oi_sample_bytes b = oi_sample_slurp(path);
    status = oi_sample_check(b.at, b.n);
    CHECK_MSG(status == OINF_OK, "written and refused: %s", oinf_error(ctx));
    free(b.at);
  }
  return status;
}

static void add_splat(const char *name, uint32_t rank, const int64_t *dims, oinf_status want) {
  oi_tensor t = {.pub = {.dtype = OINF_U8, .rank = rank}, .kind = OI_TENSOR_SPLAT, .seed = 5};
  memcpy(t.pub.dims, dims, rank * sizeof *dims);
  CHECK_INT(oi_model_add_tensor(m, &t, name, strlen(name)), want);
}

static char *letters(size_t n) {
  char *s = malloc(n + 1);
  CHECK(s);
  memset(s, 'x', n);
  s[n] = 0;
  return s;
}

TEST(package_limits, names_have_512_bytes) {
  static const struct { size_t n; oinf_status want; } rows[] = {{1, OINF_OK}, {512, OINF_OK}, {513, OINF_FORMAT}};
  for (int i = 0; i < 3; i++) {
    char *name = letters(rows[i].n);
    begin();
    add_splat(name, 1, (int64_t[]){3}, OINF_OK);
    CHECK_INT(save(), rows[i].want);
    begin();
    OK(oinf_model_set_meta(m, name, "v"));
    CHECK_INT(save(), rows[i].want);
    begin();
    OK(oinf_model_set_blob(m, name, "v", 1));
    CHECK_INT(save(), rows[i].want);
    begin();
    OK(oi_model_set_graph(m, name, "v", 1));
    CHECK_INT(save(), rows[i].want);
    free(name);
  }
}

TEST(package_limits, names_are_utf8_without_hidden_characters) {
  static const struct { const char *name; bool ok; } rows[] = {
      {"a", true}, {" ", true}, {"model.layers.0/self \"quoted\" \\n", true}, {"\xc3\xa9t\xc3\xa9", true},
      {"\xf0\x9f\x8c\xb1", true}, {"\xe2\x80\xaa", false}, {"a\nb", false}, {"\x7f", false},
      {"\xc2\x85", false},       // U+0085
      {"\xc2\xa0", true},        // U+00A0
      {"\xd8\x9c", false},       // U+061C
      {"\xe2\x80\x8a", true},    // U+200A
      {"\xe2\x80\x8b", false},   // U+200B
      {"\xe2\x80\xa7", true},    // U+2027
      {"\xe2\x80\xa8", false},   // U+2028
      {"\xe2\x81\xa9", false},   // U+2069
      {"\xe2\x81\xb0", true},    // U+2070
      {"\xef\xbb\xbf", false},   // U+FEFF
      {"\xef\xbf\xbd", true},    // U+FFFD
      {"\xef\xbf\xbe", false},   // U+FFFE
      {"\xef\xb7\x90", false},   // U+FDD0
      {"\xf4\x8f\xbf\xbd", true},   // U+10FFFD
      {"\xf4\x8f\xbf\xbf", false},  // U+10FFFF
      {"\xf4\x90\x80\x80", false},  // beyond
      {"\xed\xa0\x80", false},   // a surrogate
      {"\xc0\x80", false}, {"\xc1\xbf", false}, {"\xe0\x9f\xbf", false}, {"\xf0\x8f\xbf\xbf", false},  // overlong
      {"\x80", false}, {"\xc3", false}, {"\xe2\x82", false}, {"\xf0\x9f\x8c", false}, {"\xc3\x28", false},
      {"\xff", false}, {"\xf8\x88\x80\x80\x80", false},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    CHECK_MSG(oi_name_ok(rows[i].name) == rows[i].ok, "row %zu", i);
    begin();
    add_splat(rows[i].name, 1, (int64_t[]){3}, OINF_OK);
    CHECK_INT(save(), rows[i].ok ? OINF_OK : OINF_FORMAT);
  }
}

TEST(package_limits, values_have_a_mebibyte_of_utf8) {
  char *value = letters((1 << 20) + 1);
  begin();
  OK(oinf_model_set_meta(m, "k", value));
  CHECK_INT(save(), OINF_FORMAT);
  value[1 << 20] = 0;
  OK(oinf_model_set_meta(m, "k", value));
  CHECK_INT(save(), OINF_OK);
  OK(oinf_model_set_meta(m, "k", "\xff"));
  CHECK_INT(save(), OINF_FORMAT);
  OK(oinf_model_set_meta(m, "k", "a\n\x01 hidden \xe2\x80\x8b is fine in a value"));
  CHECK_INT(save(), OINF_OK);
  OK(oi_model_set_graph(m, "g", "zero\0byte", 9));
  CHECK_INT(save(), OINF_FORMAT);
  free(value);
}

TEST(package_limits, shapes) {
  begin();
  add_splat("a", 1, (int64_t[]){(int64_t)1 << 40}, OINF_OK);
  add_splat("b", 2, (int64_t[]){4, (int64_t)1 << 40}, OINF_OK);
  add_splat("c", 8, (int64_t[]){1, 1, 1, 1, 1, 1, 1, 0}, OINF_OK);
  CHECK_INT(save(), OINF_OK);
  add_splat("d", 1, (int64_t[]){((int64_t)1 << 40) + 1}, OINF_FORMAT);
  // A description that is not checked at the door is checked at the writer's.
  m->tensors.at[0].pub.bytes++;
  CHECK_INT(save(), OINF_FORMAT);
  m->tensors.at[0].pub.bytes--;
  m->tensors.at[0].seed = 256;
  CHECK_INT(save(), OINF_FORMAT);
}

// Adds count things, saves, adds one more, and is refused.
static void both_sides(long count, oinf_status (*add)(const char *name)) {
  char name[32];
  begin();
  for (long i = 0; i <= count; i++) {
    if (i == count) CHECK_INT(save(), OINF_OK);
    snprintf(name, sizeof name, "n%06ld", i);
    OK(add(name));
  }
  CHECK_INT(save(), OINF_FORMAT);
}

static oinf_status add_meta(const char *name) { return oinf_model_set_meta(m, name, "v"); }
static oinf_status add_blob(const char *name) { return oinf_model_set_blob(m, name, name, 7); }
static oinf_status add_graph(const char *name) { return oi_model_set_graph(m, name, name, 7); }
static oinf_status add_extra(const char *name) {
  oi_extra *x = oi_vec_push(ctx, &m->extras);
  *x = (oi_extra){(uint32_t)(100000 + m->extras.n), "", 0};
  return (void)name, OINF_OK;
}

TEST(package_limits, metadata_records) { both_sides(65536, add_meta); }
TEST(package_limits, blobs) { both_sides(4096, add_blob); }
TEST(package_limits, graphs) { both_sides(4096, add_graph); }
TEST(package_limits, sections) { both_sides(64 - 19, add_extra); }

TEST(package_limits, duplicate_tensors_are_refused) {
  begin();
  add_splat("a", 1, (int64_t[]){3}, OINF_OK);
  add_splat("a", 1, (int64_t[]){4}, OINF_OK);
  CHECK_INT(save(), OINF_FORMAT);
  CHECK(strstr(oinf_error(ctx), "two tensors are named 'a'"));
}

// ---- golden steps ----

static oinf_status write_steps(const oi_golden_step *steps, uint32_t n) {
  oi_oinf_writer *w;
  oinf_error_clear(ctx);
  OK(oi_oinf_begin(m, oi_sample_path("golden.oinf"), NULL, &w));
  oinf_status status = oi_oinf_set_golden(w, steps, n);
  if (status != OINF_OK) return oi_oinf_abort(&w), status;
  return oi_oinf_commit(&w);
}

TEST(package_limits, golden_steps_that_cannot_be_are_refused) {
  static float x[4];
  oi_golden_bytes out = {"y", OINF_F32, 1, {4}, x, 16, 0.5};
  oi_golden_value value = {"v", OINF_F32, 1, {4}, 1};
  oi_golden_step step = {.graph = "g", .outputs = &out, .n_outputs = 1, .values = &value, .n_values = 1};
  begin();
  CHECK_INT(write_steps(&step, 1), OINF_OK);
  out.bytes = 12;
  CHECK_INT(write_steps(&step, 1), OINF_FORMAT);
  out.bytes = 16, out.name = "";
  CHECK_INT(write_steps(&step, 1), OINF_FORMAT);
  out.name = "y", out.tolerance = 1.0 / 0.0;
  CHECK_INT(write_steps(&step, 1), OINF_FORMAT);
  out.tolerance = 0, value.dtype = OINF_Q8_0, value.dims[0] = 32;
  CHECK_INT(write_steps(&step, 1), OINF_FORMAT);
  value.dtype = OINF_F32, step.variant = "\n";
  CHECK_INT(write_steps(&step, 1), OINF_FORMAT);
  step.variant = "", step.graph = "";
  CHECK_INT(write_steps(&step, 1), OINF_FORMAT);
  step.graph = "g";
  CHECK_INT(write_steps(&step, 1), OINF_OK);
  oi_golden_step *many = calloc(65537, sizeof *many);
  CHECK(many);
  for (int i = 0; i < 65537; i++) many[i].graph = "g";
  CHECK_INT(write_steps(many, 65536), OINF_OK);
  CHECK_INT(write_steps(many, 65537), OINF_FORMAT);
  free(many);
}

// ---- time ----

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

// Seconds to open a package of n tensors; adversarial names differ in their last bytes alone.
static double open_time(uint32_t n, bool adversarial) {
  char name[400];
  begin();
  for (uint32_t i = 0; i < n; i++) {
    uint32_t mixed = i * 2654435761u;
    if (adversarial) snprintf(name, sizeof name, "%0300u%08x", 0, mixed);
    else snprintf(name, sizeof name, "%08x.layer", mixed);
    add_splat(name, 1, (int64_t[]){3}, OINF_OK);
  }
  OK(oinf_model_save(m, oi_sample_path("names.oinf")));
  oi_sample_bytes b = oi_sample_slurp(oi_sample_path("names.oinf"));
  double start = now();
  oinf_model *again;
  OK(oi_sample_open(b.at, b.n, &again));
  double took = now() - start;
  for (uint32_t i = 0; i < n; i += n / 100)
    CHECK_INT(oi_model_tensor_id(again, m->tensors.at[i].pub.name), i);
  oinf_model_destroy(again);
  free(b.at);
  return took;
}

TEST(package_limits, many_names_open_in_linear_time) {
  oi_sample_begin();
  double plain = open_time(100000, false), hard = open_time(100000, true);
  printf("opening 100000 tensors: %.0f ms, with hostile names %.0f ms\n", plain * 1e3, hard * 1e3);
  CHECK_MSG(plain < 5 && hard < 10, "%.2f s and %.2f s", plain, hard);
  if (oi_test_soak()) {
    double most = open_time(1 << 20, false);
    printf("opening 2^20 tensors: %.0f ms\n", most * 1e3);
    CHECK(most < 10);
    add_splat("one too many", 1, (int64_t[]){3}, OINF_OK);
    CHECK_INT(oinf_model_save(m, oi_sample_path("names.oinf")), OINF_FORMAT);
  }
  begin();
}
