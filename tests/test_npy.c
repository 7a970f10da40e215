// .npy: headers as numpy writes them and files that it wrote, every refusal, and round trips.
#include "formats/format.h"
#include "formats/npy.h"
#include "tests/test.h"

static oinf_ctx *ctx;
static const char *root;

static void begin(void) {
  if (!ctx) CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oinf_error_clear(ctx);
  root = oi_test_dir();
}

static const char dict_f4[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";

static uint8_t file[4096];

// Puts version, dict and payload together as numpy does; gives the file's size.
static size_t put(int major, const char *dict, size_t payload) {
  size_t n = strlen(dict), at = major == 1 ? 10 : 12;
  memcpy(file, "\x93NUMPY", 6);
  file[6] = (uint8_t)major, file[7] = 0;
  file[8] = (uint8_t)(n & 255), file[9] = (uint8_t)(n >> 8);
  if (major != 1) file[10] = file[11] = 0;
  memcpy(file + at, dict, n);
  for (size_t i = 0; i < payload; i++) file[at + n + i] = (uint8_t)i;
  return at + n + payload;
}

static oinf_status header_of(size_t size, oinf_tensor *t, uint64_t *offset) {
  oi_source s;
  begin();
  CHECK_INT(oi_file_bytes(ctx, file, size, "x.npy", &s), OINF_OK);
  oinf_status status = oi_npy_header(oi_ctx_err(ctx), &s, t, offset);
  oi_source_close(ctx, &s);
  return status;
}

TEST(npy, reads_both_versions) {
  for (int major = 1; major <= 2; major++) {
    oinf_tensor t;
    uint64_t offset;
    size_t size = put(major, dict_f4, 24);
    CHECK_INT(header_of(size, &t, &offset), OINF_OK);
    CHECK(t.dtype == OINF_F32 && t.rank == 2 && t.dims[0] == 2 && t.dims[1] == 3);
    CHECK_INT(t.bytes, 24);
    CHECK_INT(offset, size - 24);
  }
}

TEST(npy, reads_every_dtype_and_shape) {
  static const struct {
    const char *dict;
    size_t payload;
    oinf_dtype dtype;
    uint32_t rank;
  } rows[] = {
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (), }", 8, OINF_F64, 0},
      {"{'descr': '<f2', 'fortran_order': True, 'shape': (3,), }", 6, OINF_F16, 1},
      {"{'descr': '|i1', 'fortran_order': False, 'shape': (0, 4)}", 0, OINF_I8, 2},
      {"{'descr': '<i2', 'fortran_order': False, 'shape': (1,)}", 2, OINF_I16, 1},
      {"{'descr': '<i4', 'fortran_order': True, 'shape': (1,5,1)}", 20, OINF_I32, 3},
      {"{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}", 8, OINF_I64, 1},
      {"{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", 1, OINF_U8, 1},
      {"{'descr': '<u1', 'fortran_order': False, 'shape': (1,)}", 1, OINF_U8, 1},
      {"{'descr': '=u2', 'fortran_order': False, 'shape': (1,)}", 2, OINF_U16, 1},
      {"{'shape': (1,), \"descr\": \"<u4\", 'fortran_order': False}  \n", 4, OINF_U32, 1},
      {"{'descr':'<u8','fortran_order':False,'shape':(1,1,1,1,1,1,1,1)}", 8, OINF_U64, 8},
      {"{'descr': '|b1', 'fortran_order': False, 'shape': (2,)}", 2, OINF_BOOL, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oinf_tensor t;
    uint64_t offset;
    CHECK_MSG(header_of(put(1, rows[i].dict, rows[i].payload), &t, &offset) == OINF_OK, "%s: %s",
              rows[i].dict, oinf_error(ctx));
    CHECK(t.dtype == rows[i].dtype && t.rank == rows[i].rank && t.bytes == rows[i].payload);
  }
}

#define DICT(descr, order, shape) \
  "{'descr': " descr ", 'fortran_order': " order ", 'shape': " shape ", }"

TEST(npy, refuses_what_is_malformed_or_foreign) {
  static const struct { const char *dict; size_t payload; oinf_status status; } rows[] = {
      {DICT("'>f4'", "False", "(1,)"), 4, OINF_SUPPORT},
      {DICT("'<c8'", "False", "(1,)"), 8, OINF_SUPPORT},
      {DICT("'|O'", "False", "(1,)"), 8, OINF_SUPPORT},
      {DICT("'|V2'", "False", "(1,)"), 2, OINF_SUPPORT},
      {DICT("[('a', '<f4')]", "False", "(1,)"), 4, OINF_SUPPORT},
      {DICT("'<f4'", "True", "(2, 3)"), 24, OINF_SUPPORT},
      {DICT("'|u1'", "False", "(1,1,1,1,1,1,1,1,1)"), 1, OINF_SUPPORT},
      {DICT("'<f4'", "False", "(2, 3)"), 23, OINF_FORMAT},
      {DICT("'<f4'", "False", "(2, 3)"), 25, OINF_FORMAT},
      {DICT("'<f4'", "False", "(-1,)"), 4, OINF_FORMAT},
      {DICT("'<f4'", "False", "(1.0,)"), 4, OINF_FORMAT},
      {DICT("'<f4'", "False", "(4611686018427387904, 4)"), 0, OINF_FORMAT},
      {DICT("'<f4'", "False", "(99999999999999999999,)"), 0, OINF_FORMAT},
      {DICT("'<f4'", "False", "(0, 1099511627776, 1099511627776)"), 0, OINF_FORMAT},
      {DICT("'<f4'", "False", "1"), 4, OINF_FORMAT},
      {DICT("'<f4'", "0", "(1,)"), 4, OINF_FORMAT},
      {DICT("4", "False", "(1,)"), 4, OINF_FORMAT},
      {DICT("'<f4'", "False", "(1 1)"), 4, OINF_FORMAT},
      {"{'descr': '<f4', 'shape': (1,)}", 4, OINF_FORMAT},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", 4, OINF_FORMAT},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", 4, OINF_FORMAT},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", 4, OINF_FORMAT},
      {"{'descr': '<f4", 4, OINF_FORMAT},
      {"{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", 4, OINF_FORMAT},
      {"(1,)", 4, OINF_FORMAT},
      {"", 0, OINF_FORMAT}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oinf_tensor t;
    uint64_t offset;
    CHECK_MSG(header_of(put(1, rows[i].dict, rows[i].payload), &t, &offset) == rows[i].status,
              "%s: %s", rows[i].dict, oinf_error(ctx));
  }
}

TEST(npy, refuses_every_truncation_and_other_versions) {
  oinf_tensor t;
  uint64_t offset;
  size_t size = put(1, dict_f4, 24);
  for (size_t n = 0; n < size; n++) CHECK_INT(header_of(n, &t, &offset), OINF_FORMAT);
  file[6] = 3;
  CHECK_INT(header_of(size, &t, &offset), OINF_SUPPORT);
  file[6] = 1, file[7] = 1;
  CHECK_INT(header_of(size, &t, &offset), OINF_SUPPORT);
  put(2, dict_f4, 24);
  file[11] = 255;
  CHECK_INT(header_of(size + 2, &t, &offset), OINF_FORMAT);
  put(1, dict_f4, 24);
  file[12] = 0;
  CHECK_INT(header_of(size, &t, &offset), OINF_FORMAT);
}

TEST(npy, round_trips) {
  char path[300];
  begin();
  snprintf(path, sizeof path, "%s/x.npy", root);
  static const double data[6] = {1, 2.5, -3, 4, 5, 6};
  for (uint32_t rank = 0; rank <= 3; rank++) {
    oinf_tensor t = {.dtype = OINF_F64, .rank = rank, .dims = {1, 1, 1}}, back;
    if (rank) t.dims[rank - 1] = 6;
    void *have;
    CHECK_INT(oi_npy_write(ctx, path, &t, data), OINF_OK);
    CHECK_INT(oi_npy_load(ctx, path, &back, &have), OINF_OK);
    CHECK(back.rank == rank && back.dtype == OINF_F64 && back.bytes == (rank ? 48 : 8));
    CHECK(memcmp(have, data, back.bytes) == 0);
    oi_free(ctx, have, back.bytes);
    oi_bytes b;
    CHECK_INT(oi_file_slurp(ctx, path, 4096, &b), OINF_OK);
    CHECK((b.n - back.bytes) % 64 == 0 && b.at[b.n - back.bytes - 1] == '\n');
    oi_bytes_free(ctx, &b);
  }
}

TEST(npy, writes_bf16_as_bits_and_refuses_blocks) {
  char path[300];
  begin();
  snprintf(path, sizeof path, "%s/b.npy", root);
  oinf_tensor back, t = {.dtype = OINF_BF16, .rank = 1, .dims = {2}};
  void *have;
  CHECK_INT(oi_npy_write(ctx, path, &t, "\x80\x3f\x00\xc0"), OINF_OK);
  CHECK_INT(oi_npy_load(ctx, path, &back, &have), OINF_OK);
  CHECK_INT(back.dtype, OINF_U16);
  CHECK(memcmp(have, "\x80\x3f\x00\xc0", 4) == 0);
  oi_free(ctx, have, back.bytes);
  t.dtype = OINF_Q8_0, t.dims[0] = 32;
  CHECK_INT(oi_npy_write(ctx, path, &t, file), OINF_SUPPORT);
  begin();
  t.dims[0] = -1;
  CHECK_INT(oi_npy_write(ctx, path, &t, file), OINF_USAGE);
  begin();
  CHECK_INT(oi_npy_load(ctx, "/nowhere/x.npy", &back, &have), OINF_NOINPUT);
}

TEST(npy, opens_as_a_model_and_as_numpy_wrote_it) {
  oinf_model *m;
  int16_t want[6] = {-3, -2, -1, 0, 1, 2}, have[6];
  begin();
  CHECK_INT(oinf_model_open(ctx, "tests/data/npy/i2.npy", &m), OINF_OK);
  CHECK_STR(oinf_model_format(m), "npy");
  CHECK_INT(oinf_model_read(m, "data", have), OINF_OK);
  CHECK(memcmp(have, want, sizeof want) == 0);
  oinf_model_destroy(m);
  CHECK_INT(oinf_model_open(ctx, "tests/data/npy/v2.npy", &m), OINF_OK);
  CHECK_INT(oinf_model_tensor(m, 0)->rank, 2);
  oinf_model_destroy(m);
}
