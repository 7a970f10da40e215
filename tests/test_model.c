// The model's tables and lookups, shapes and their limits, tensors that are made on the spot, and
// clean failure where memory ends.
#include "lib/model.h"
#include "tests/scarce.h"
#include "tests/test.h"

static oinf_ctx *ctx;
static oinf_model *m;

#define OK(expr)                                                           \
  do {                                                                     \
    oinf_status ok_ = (expr);                                              \
    CHECK_MSG(ok_ == OINF_OK, "%s: %s", #expr, oinf_error(ctx));           \
  } while (0)

static void begin(void) {
  if (!ctx) CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oinf_error_clear(ctx);
  oinf_model_destroy(m);
  m = NULL;
  OK(oinf_model_create(ctx, &m));
}

static void refused(oinf_status have, oinf_status want, const char *word) {
  CHECK_INT(have, want);
  CHECK_MSG(strstr(oinf_error(ctx), word), "'%s' without '%s'", oinf_error(ctx), word);
  oinf_error_clear(ctx);
}

TEST(model, finds_tensors_in_any_order_of_adding) {
  static const char *names[] = {"m", "a", "z", "blk.10.wq", "blk.2.wq", "blk.2", "\xc3\xa9"};
  static const float data[7] = {0, 1, 2, 3, 4, 5, 6};
  begin();
  for (int i = 0; i < 7; i++) OK(oinf_model_add(m, names[i], OINF_F32, 0, NULL, &data[i]));
  CHECK_INT(oinf_model_tensor_count(m), 7);
  for (int i = 0; i < 7; i++) {
    float x = -1;
    CHECK_STR(oinf_model_tensor(m, (uint32_t)i)->name, names[i]);
    CHECK_INT(oi_model_tensor_id(m, names[i]), i);
    OK(oinf_model_read(m, names[i], &x));
    CHECK(x == data[i]);
  }
  CHECK(!oinf_model_find(m, "b") && !oinf_model_find(m, "") && !oinf_model_find(m, NULL));
  CHECK(!oinf_model_tensor(m, 7));
  refused(oinf_model_read(m, "b", NULL), OINF_NOINPUT, "'b'");
}

TEST(model, refuses_what_is_no_tensor) {
  static const float x[4];
  begin();
  OK(oinf_model_add(m, "x", OINF_F32, 1, (int64_t[]){4}, x));
  refused(oinf_model_add(m, "x", OINF_F32, 1, (int64_t[]){4}, x), OINF_USAGE, "already");
  refused(oinf_model_add(m, "", OINF_F32, 1, (int64_t[]){4}, x), OINF_USAGE, "name");
  refused(oinf_model_add(m, "y", OINF_F32, 9, (int64_t[9]){1}, x), OINF_USAGE, "at most 8");
  refused(oinf_model_add(m, "y", OINF_F32, 1, NULL, x), OINF_USAGE, "dims");
  refused(oinf_model_add(m, "y", OINF_F32, 1, (int64_t[]){-1}, x), OINF_USAGE, "cannot be");
  refused(oinf_model_add(m, "y", OINF_NONE, 1, (int64_t[]){4}, x), OINF_USAGE, "cannot be");
  refused(oinf_model_add(m, "y", OINF_F32, 1, (int64_t[]){4}, NULL), OINF_USAGE, "without bytes");
  OK(oinf_model_add(m, "none", OINF_F32, 1, (int64_t[]){0}, NULL));
  CHECK_INT(oinf_model_tensor_count(m), 2);
}

TEST(model, index_refuses_equal_names) {
  begin();
  oi_tensor t = {.pub = {.dtype = OINF_U8, .rank = 1, .dims = {3}}, .kind = OI_TENSOR_SPLAT};
  OK(oi_model_add_tensor(m, &t, "name-and-more", 4));
  OK(oi_model_add_tensor(m, &t, "other", 5));
  OK(oi_model_index(m));
  CHECK_INT(oi_model_tensor_id(m, "name"), 0);
  OK(oi_model_add_tensor(m, &t, "name", 4));
  refused(oi_model_index(m), OINF_FORMAT, "two tensors are named 'name'");
}

TEST(model, bytes_of_shapes_at_their_limits) {
  static const struct {
    oinf_dtype dtype;
    uint32_t rank;
    int64_t dims[8];
    int64_t want;  // -1: refused
  } rows[] = {
      {OINF_F32, 0, {0}, 4},
      {OINF_BF16, 3, {2, 3, 4}, 48},
      {OINF_F64, 2, {0, 5}, 0},
      {OINF_U8, 1, {(int64_t)1 << 40}, (int64_t)1 << 40},
      {OINF_U8, 1, {((int64_t)1 << 40) + 1}, -1},
      {OINF_F64, 2, {4, (int64_t)1 << 40}, (int64_t)1 << 45},
      {OINF_F64, 2, {5, (int64_t)1 << 40}, -1},
      {OINF_U8, 3, {0, (int64_t)1 << 40, 4}, 0},
      {OINF_U8, 3, {0, (int64_t)1 << 40, (int64_t)1 << 40}, -1},
      {OINF_U8, 8, {(int64_t)1 << 40, (int64_t)1 << 40, (int64_t)1 << 40, (int64_t)1 << 40, 16, 0, 1, 1}, -1},
      {OINF_U8, 1, {-1}, -1},
      {OINF_U8, 1, {INT64_MIN}, -1},
      {OINF_U8, 1, {INT64_MAX}, -1},
      {OINF_Q8_0, 2, {3, 64}, 3 * 2 * 34},
      {OINF_Q8_0, 2, {64, 33}, -1},
      {OINF_Q8_0, 2, {64, 0}, 0},
      {OINF_Q4_0, 1, {32}, 18},
      {OINF_Q4_0, 0, {0}, -1},
      {OINF_NONE, 1, {1}, -1},
      {(oinf_dtype)77, 1, {1}, -1},
  };
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    uint64_t bytes = 77;
    bool ok = oi_tensor_bytes(rows[i].dtype, rows[i].rank, rows[i].dims, &bytes);
    CHECK_MSG(ok == (rows[i].want >= 0), "row %zu", i);
    CHECK_INT(bytes, ok ? rows[i].want : 77);
  }
  int64_t nine[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
  uint64_t bytes;
  CHECK(oi_tensor_bytes(OINF_U8, 8, nine, &bytes) && !oi_tensor_bytes(OINF_U8, 9, nine, &bytes));
}

TEST(model, metadata_is_sorted_and_replaced) {
  const char *key;
  begin();
  OK(oinf_model_set_meta(m, "b", "1"));
  OK(oinf_model_set_meta(m, "c", "2"));
  OK(oinf_model_set_meta(m, "a", "3"));
  OK(oinf_model_set_meta(m, "b", "4"));
  CHECK_INT(oinf_model_meta_count(m), 3);
  CHECK_STR(oinf_model_meta(m, "b"), "4");
  CHECK_STR(oinf_model_meta_at(m, 0, &key), "3");
  CHECK_STR(key, "a");
  CHECK_STR(oinf_model_meta_at(m, 2, NULL), "2");
  CHECK(!oinf_model_meta(m, "d") && !oinf_model_meta_at(m, 3, &key));
  refused(oinf_model_set_meta(m, "", "x"), OINF_USAGE, "key");
  refused(oinf_model_set_meta(m, "x", NULL), OINF_USAGE, "value");
}

TEST(model, blobs_are_copied_sorted_and_replaced) {
  char bytes[4] = "abc";
  begin();
  OK(oinf_model_set_blob(m, "two", bytes, 3));
  OK(oinf_model_set_blob(m, "one", NULL, 0));
  bytes[0] = 'x';
  CHECK(memcmp(oinf_model_blob(m, "two")->data, "abc", 3) == 0);
  OK(oinf_model_set_blob(m, "two", bytes, 2));
  CHECK_INT(oinf_model_blob_count(m), 2);
  CHECK_STR(oinf_model_blob_at(m, 0)->name, "one");
  CHECK_INT(oinf_model_blob_at(m, 0)->size, 0);
  CHECK(oinf_model_blob_at(m, 1)->size == 2 && memcmp(oinf_model_blob_at(m, 1)->data, "xb", 2) == 0);
  CHECK(!oinf_model_blob(m, "three") && !oinf_model_blob_at(m, 2));
  refused(oinf_model_set_blob(m, "x", NULL, 1), OINF_USAGE, "bytes");
}

TEST(model, graphs_keep_their_order) {
  const char *name;
  begin();
  OK(oi_model_set_graph(m, "text", "first", 5));
  OK(oi_model_set_graph(m, "image", "second", 6));
  OK(oi_model_set_graph(m, "text", "third!", 5));
  CHECK_INT(oinf_model_graph_count(m), 2);
  CHECK_STR(oinf_model_graph_text(m, 0, &name), "third");
  CHECK_STR(name, "text");
  CHECK_STR(oinf_model_graph_text(m, 1, NULL), "second");
  CHECK(!oinf_model_graph_text(m, 2, &name));
}

// ---- tensors without bytes ----

static void add_made(const char *name, oi_tensor_kind kind, oinf_dtype dtype, int64_t n,
                     uint64_t seed, oinf_status want) {
  oi_tensor t = {.pub = {.dtype = dtype, .rank = 1, .dims = {n}}, .kind = kind, .seed = seed};
  CHECK_INT(oi_model_add_tensor(m, &t, name, strlen(name)), want);
  oinf_error_clear(ctx);
}

// Each line of noise.txt: dtype, seed, the first six units as noise.py makes them.
TEST(model, noise_is_what_the_specification_says) {
  FILE *f = fopen("tests/data/package/noise.txt", "r");
  char dtype[16], hex[1024];
  unsigned long long seed;
  int lines = 0;
  CHECK(f);
  for (; fscanf(f, "%15s %llx %1023s", dtype, &seed, hex) == 3; lines++) {
    uint8_t have[256];
    oi_tensor t = {.pub = {.dtype = oinf_dtype_find(dtype)}, .kind = OI_TENSOR_NOISE, .seed = seed};
    size_t n = strlen(hex) / 2;
    CHECK(t.pub.dtype != OINF_NONE && n == 6 * oinf_dtype_block_bytes(t.pub.dtype));
    for (size_t piece = 1; piece <= n; piece += piece < 9 ? 1 : n) {
      for (size_t at = 0; at < n; at += piece)
        oi_tensor_fill(&t, at, have + at, n - at < piece ? n - at : piece);
      for (size_t i = 0; i < n; i++) {
        unsigned want;
        CHECK(sscanf(hex + 2 * i, "%2x", &want) == 1);
        CHECK_MSG(have[i] == want, "%s %llx byte %zu is %02x, not %02x", dtype, seed, i, have[i], want);
      }
    }
  }
  fclose(f);
  CHECK_INT(lines, 45);
}

TEST(model, splat_and_noise_have_seeds_that_suit) {
  begin();
  add_made("a", OI_TENSOR_SPLAT, OINF_F16, 5, 0xffff, OINF_OK);
  add_made("b", OI_TENSOR_SPLAT, OINF_F16, 5, 0x10000, OINF_FORMAT);
  add_made("c", OI_TENSOR_SPLAT, OINF_U64, 5, UINT64_MAX, OINF_OK);
  add_made("d", OI_TENSOR_SPLAT, OINF_BOOL, 5, 1, OINF_OK);
  add_made("e", OI_TENSOR_SPLAT, OINF_BOOL, 5, 2, OINF_FORMAT);
  add_made("f", OI_TENSOR_SPLAT, OINF_Q8_0, 32, 0, OINF_FORMAT);
  add_made("g", OI_TENSOR_NOISE, OINF_Q8_0, 32, (uint64_t)14 << 56, OINF_OK);
  add_made("h", OI_TENSOR_NOISE, OINF_F32, 32, (uint64_t)15 << 56, OINF_FORMAT);
  add_made("i", OI_TENSOR_BYTES, OINF_F32, 1, 1, OINF_FORMAT);
  OK(oi_model_index(m));
  uint16_t half[5];
  uint64_t words[5];
  OK(oinf_model_read(m, "a", half));
  OK(oinf_model_read(m, "c", words));
  CHECK(half[0] == 0xffff && half[4] == 0xffff && words[4] == UINT64_MAX);
  uint8_t part[3] = {0};
  OK(oi_model_read_at(m, (uint32_t)oi_model_tensor_id(m, "d"), 2, part, 3));
  CHECK(part[0] == 1 && part[2] == 1);
  refused(oi_model_read_at(m, 0, 8, part, 3), OINF_INTERNAL, "outside");
  refused(oi_model_read_at(m, 99, 0, part, 1), OINF_INTERNAL, "outside");
}

// ---- memory ----

static oinf_status fill(oinf_model *model) {
  static const char letters[] = "qwertzuiopasdfghjklyxcvbnm";
  char name[2] = {0};
  for (int i = 0; i < 26; i++) {
    name[0] = letters[i];
    OI_TRY(oinf_model_add(model, name, OINF_U8, 1, (int64_t[]){26}, letters));
    OI_TRY(oinf_model_set_meta(model, name, letters));
    OI_TRY(oinf_model_set_blob(model, name, letters, 5));
    OI_TRY(oi_model_set_graph(model, name, letters, 5));
  }
  return oi_model_index(model);
}

TEST(model, every_failing_allocation_is_clean) {
  for (long n = 1;; n++) {
    scarce h = {.fail_at = n};
    oinf_ctx *c;
    oinf_model *model;
    oinf_ctx_desc desc = {scarce_alloc, NULL, &h};
    oinf_status status = oinf_ctx_create(&desc, &c);
    if (status == OINF_OK) {
      status = oinf_model_create(c, &model);
      if (status == OINF_OK) {
        status = fill(model);
        // What was added before is still found.
        for (uint32_t i = 0; i < oinf_model_tensor_count(model); i++)
          CHECK(oi_model_tensor_id(model, oinf_model_tensor(model, i)->name) == (int64_t)i);
        oinf_model_destroy(model);
      }
      oinf_ctx_destroy(c);
    }
    CHECK_MSG(status == (scarce_fired(&h) ? OINF_MEMORY : OINF_OK), "allocation %ld: %d", n, (int)status);
    CHECK_MSG(h.bytes == 0, "allocation %ld leaks %lld bytes", n, h.bytes);
    if (!scarce_fired(&h)) break;
  }
}

TEST(model, ten_to_the_fifth_names_are_added_and_found) {
  enum { N = 100000 };
  static const uint8_t byte;
  begin();
  for (uint32_t i = 0; i < N; i++) {
    char name[64];
    snprintf(name, sizeof name, "a.common.and.rather.long.beginning.%08x", i * 2654435761u);
    OK(oinf_model_add(m, name, OINF_U8, 0, NULL, &byte));
  }
  for (uint32_t i = 0; i < N; i += 97)
    CHECK_INT(oi_model_tensor_id(m, oinf_model_tensor(m, i)->name), i);
  begin();
}
