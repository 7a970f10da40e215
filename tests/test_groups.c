// Tensors in groups of 16 rows: what of a package's rules is theirs alone, and who refuses them.
#include "formats/oinf_layout.h"
#include "lib/graph.h"
#include "lib/rt/crc32c.h"
#include "lib/rt/sha256.h"
#include "tests/bundle.h"
#include "tests/package_sample.h"
#include "tests/tool_run.h"

#include <unistd.h>

#define ctx oi_sample_ctx

// ---- a package of two such tensors and one that is row-major ----

enum {
  ROWS_8 = 19,
  K_8 = 160,
  ROWS_4 = 33,
  K_4 = 128,
  BYTES_8 = 2 * 2 * 2176,
  BYTES_4 = 3 * 1152
};

static uint8_t rows_8[ROWS_8 * K_8 / 32 * 34], rows_4[ROWS_4 * K_4 / 32 * 18];
static uint8_t groups_8[BYTES_8], groups_4[BYTES_4];

static void make_groups(uint8_t *out, uint8_t *rows, int64_t n, int64_t k, oi_dot_type type) {
  const int64_t pitch = k / 32 * (type == OI_DOT_Q8_0 ? 34 : 18), group = oi_group_bytes(k, type);
  for (int64_t i = 0; i < n * pitch; i++) rows[i] = (uint8_t)(i * 37 + i / 11);
  for (int64_t j = 0; j < n; j += OI_GROUP)
    oi_pack_group(out + j / OI_GROUP * group, rows + j * pitch, pitch,
                  n - j < OI_GROUP ? n - j : OI_GROUP, k, type);
}

// Never asked for more than it gives: pieces are whole runs of four blocks of 16 rows.
static oinf_status give(void *user, uint32_t tensor, uint64_t offset, void *out, uint64_t bytes) {
  static const float norm[4] = {1, 2, 3, 4};
  const void *from[] = {groups_8, norm, groups_4};
  static const uint64_t unit[] = {2176, 4, 1152};
  (void)user;
  CHECK(offset % unit[tensor] == 0 && bytes % unit[tensor] == 0);
  memcpy(out, (const uint8_t *)from[tensor] + offset, bytes);
  return OINF_OK;
}

static oinf_model *content(void) {
  const oi_tensor wq = {.pub = {.dtype = OINF_Q8_0, .rank = 2, .dims = {ROWS_8, K_8}},
                        .layout = OI_LAYOUT_GROUPS},
                  norm = {.pub = {.dtype = OINF_F32, .rank = 1, .dims = {4}}},
                  wo = {.pub = {.dtype = OINF_Q4_0, .rank = 2, .dims = {ROWS_4, K_4}},
                        .layout = OI_LAYOUT_GROUPS};
  oinf_model *m;
  oi_sample_begin();
  make_groups(groups_8, rows_8, ROWS_8, K_8, OI_DOT_Q8_0);
  make_groups(groups_4, rows_4, ROWS_4, K_4, OI_DOT_Q4_0);
  OK(oinf_model_create(ctx, &m));
  OK(oi_model_add_tensor(m, &wq, "wq", 2));
  OK(oi_model_add_tensor(m, &norm, "norm", 4));
  OK(oi_model_add_tensor(m, &wo, "wo", 2));
  OK(oi_model_index(m));
  return m;
}

static oi_sample_bytes package(void) {
  oinf_model *m = content();
  OK(oi_oinf_write(m, oi_sample_path("groups.oinf"), &(oi_oinf_fill){.fill = give}));
  oinf_model_destroy(m);
  return oi_sample_slurp(oi_sample_path("groups.oinf"));
}

TEST(groups, are_written_and_read_back) {
  oi_sample_bytes b = package();
  oinf_model *m;
  OK(oi_sample_open(b.at, b.n, &m));
  OK(oi_oinf_verify_weights(m, NULL, NULL));
  const oi_tensor *wq = &m->tensors.at[0], *norm = &m->tensors.at[1];
  CHECK(((oi_rec_page *)(void *)b.at)->required == OI_FEATURE_LAYOUTS);
  CHECK(wq->layout == OI_LAYOUT_GROUPS && wq->pub.bytes == BYTES_8 && norm->layout == 0);
  CHECK(memcmp(b.at + wq->offset, groups_8, BYTES_8) == 0);
  // 2 r of block 1 of row 18, which is row 2 of the second group; element 7 of that block.
  CHECK(memcmp(b.at + wq->offset + 2 * 2176 + 32 + 4, rows_8 + (18 * 5 + 1) * 34, 2) == 0);
  CHECK(b.at[wq->offset + 2 * 2176 + 128 + 512 + 64 + 8 + 3] ==
        (rows_8[(18 * 5 + 1) * 34 + 2 + 7] ^ 0x80));
  for (int64_t r = 0; r < ROWS_8; r++)
    for (int64_t block = 0; block < K_8 / 32; block++) {
      uint8_t one[34];
      oi_group_block(one, groups_8 + r / OI_GROUP * 2 * 2176, block, r % OI_GROUP, OI_DOT_Q8_0);
      CHECK(memcmp(one, rows_8 + (r * 5 + block) * 34, sizeof one) == 0);
    }
  oinf_model_destroy(m);
  free(b.at);
}

TEST(groups, are_read_by_the_second_reader) {
  oi_sample_bytes b = package();
  const char *const run[] = {"python3", "tests/data/package/read.py", oi_sample_path("groups.oinf"),
                             NULL};
  const bool there = bundle_command((const char *const[]){"python3", "-c", "", NULL}) == 0;
  if (there) CHECK_INT(bundle_command(run), 0);
  free(b.at);
}

TEST(groups, are_refused_by_name_where_rows_are_wanted) {
  oi_sample_bytes b = package();
  oinf_model *m;
  oinf_graph *g;
  float some[ROWS_8 * K_8];
  OK(oi_sample_open(b.at, b.n, &m));
  CHECK_INT(oinf_model_read(m, "wq", some), OINF_SUPPORT);
  CHECK(strstr(oinf_error(ctx), "'wq' lies in groups"));
  oinf_error_clear(ctx);
  CHECK_INT(oinf_model_save(m, oi_sample_path("copy.oinf")), OINF_SUPPORT);
  CHECK(access(oi_sample_path("copy.oinf"), F_OK) != 0);
  oinf_error_clear(ctx);
  OK(oinf_model_read(m, "norm", some));
  OK(oinf_graph_create(ctx, m, "g", &g));
  oinf_output(g, "y", oinf_dequantize(oinf_weight(g, "wq")));
  CHECK_INT(oinf_graph_check(g), OINF_SUPPORT);
  CHECK(strstr(oinf_error(ctx), "'wq' lies in groups"));
  oinf_error_clear(ctx);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  free(b.at);
}

TEST(groups, other_tensors_have_none) {
  static const struct {
    oinf_dtype dtype;
    uint32_t rank;
    int64_t dims[3];
    oi_tensor_kind kind;
  } no[] = {{OINF_F32, 2, {16, 32}, OI_TENSOR_BYTES},
            {OINF_Q8_0, 1, {32}, OI_TENSOR_BYTES},
            {OINF_Q8_0, 3, {2, 16, 32}, OI_TENSOR_BYTES},
            {OINF_Q4_0, 2, {0, 32}, OI_TENSOR_BYTES},
            {OINF_Q4_0, 2, {16, 32}, OI_TENSOR_NOISE}};
  oinf_model *m;
  oi_sample_begin();
  OK(oinf_model_create(ctx, &m));
  for (size_t i = 0; i < sizeof no / sizeof *no; i++) {
    oi_tensor t = {.pub = {.dtype = no[i].dtype, .rank = no[i].rank},
                   .kind = no[i].kind,
                   .layout = OI_LAYOUT_GROUPS};
    memcpy(t.pub.dims, no[i].dims, sizeof no[i].dims);
    CHECK_INT(oi_model_add_tensor(m, &t, "t", 1), OINF_FORMAT);
    oinf_error_clear(ctx);
  }
  oinf_model_destroy(m);
}

TEST(groups, tools_show_and_refuse_them) {
  oi_sample_bytes b = package();
  const char *path = oi_sample_path("groups.oinf");
  EXPECT(0, "oinf-info %s --tensors", path);
  CHECK(strstr(tool_out, "wq q8_0 [19, 160] 8704 groups\n") &&
        strstr(tool_out, "norm f32 [4] 16\n"));
  EXPECT(0, "oinf-info %s --json", path);
  CHECK(strstr(tool_out, "\"layout\": \"groups\""));
  EXPECT(0, "oinf-info %s --verify", path);
  EXPECT(65, "oinf-info %s --stats", path);
  CHECK(strstr(tool_err, "'wq' lies in groups"));
  EXPECT(65, "oinf-convert %s -q -o ~again.oinf", path);
  CHECK(strstr(tool_err, "' lies in groups"));
  free(b.at);
}

// ---- damage ----

static oi_rec_section *entry(oi_sample_bytes *b, uint32_t type) {
  oi_rec_section *s = ((oi_rec_page *)(void *)b->at)->sections;
  while (s->type != type) s++;
  return s;
}

// Checksums and digests, of the tensors too, as a writer would have made them.
static void reseal(oi_sample_bytes *b) {
  oi_rec_page *p = (void *)b->at;
  const oi_rec_section *w = entry(b, 0x81), *t = entry(b, 0x30);
  const uint64_t blobs = entry(b, 0x80)->offset;
  oi_rec_tensor *rec = (void *)(b->at + t->offset);
  uint32_t sum = oi_crc32c(0, b->at + w->offset, (size_t)w->size);
  for (uint64_t i = 0; i < t->size / sizeof *rec; i++)
    if (rec[i].offset + rec[i].bytes <= w->size)
      oi_digest(OI_SHA256_PLAIN, b->at + w->offset + rec[i].offset, rec[i].bytes, rec[i].sha256);
  memcpy(b->at + entry(b, 0x70)->offset, &sum, 4);
  oi_digest(OI_SHA256_PLAIN, b->at + 4096, blobs - 4096, p->metadata_digest);
  oi_digest(OI_SHA256_PLAIN, p, 4064, p->digest);
}

static void refused(const oi_sample_bytes *b, oinf_status status, const char *word) {
  const oinf_status have = oi_sample_check(b->at, b->n);
  CHECK_MSG(have == status && strstr(oinf_error(ctx), word), "'%s': status %d: %s", word, (int)have,
            oinf_error(ctx));
  oinf_error_clear(ctx);
}

TEST(groups, every_damaged_byte_is_refused) {
  oi_sample_bytes b = package();
  CHECK_INT(oi_sample_check(b.at, b.n), OINF_OK);
  for (size_t i = 0; i < b.n; i++) {
    b.at[i] ^= (uint8_t)(1u << i % 8);
    const oinf_status s = oi_sample_check(b.at, b.n);
    CHECK_MSG(s != OINF_OK && oinf_status_exit(s) == 65, "byte %zu gives %d", i, (int)s);
    b.at[i] ^= (uint8_t)(1u << i % 8);
    oinf_error_clear(ctx);
  }
  free(b.at);
}

// Every byte of each tensor: padding is refused, what stands for an element is not.
TEST(groups, padding_is_zero_even_under_right_digests) {
  oi_sample_bytes b = package();
  const uint64_t w = entry(&b, 0x81)->offset;
  const oi_rec_tensor *rec = (void *)(b.at + entry(&b, 0x30)->offset);
  uint64_t free_bytes = 0;
  for (int t = 0; t < 3; t += 2)
    for (uint64_t i = 0; i < rec[t].bytes; i++) {
      uint8_t *at = b.at + w + rec[t].offset + i;
      *at ^= 1;
      reseal(&b);
      const oinf_status s = oi_sample_check(b.at, b.n);
      CHECK(s == OINF_OK || (s == OINF_FORMAT && strstr(oinf_error(ctx), "has not")));
      free_bytes += s == OINF_OK;
      *at ^= 1;
      oinf_error_clear(ctx);
    }
  CHECK_INT(free_bytes, sizeof rows_8 + sizeof rows_4);
  free(b.at);
}

TEST(groups, rules_are_held) {
  oi_sample_bytes b = package();
  oi_rec_tensor *rec = (void *)(b.at + entry(&b, 0x30)->offset);
  ((oi_rec_page *)(void *)b.at)->required = 0, reseal(&b);
  refused(&b, OINF_FORMAT, "feature bit");
  ((oi_rec_page *)(void *)b.at)->required = 3, reseal(&b);
  refused(&b, OINF_SUPPORT, "feature bit 1");
  ((oi_rec_page *)(void *)b.at)->required = 1;
  rec[1].layout = 1, reseal(&b);
  refused(&b, OINF_FORMAT, "cannot have layout 1");
  rec[1].layout = 0, rec[0].layout = 2, reseal(&b);
  refused(&b, OINF_SUPPORT, "layout 2");
  rec[0].layout = 0, reseal(&b);
  refused(&b, OINF_FORMAT, "its shape has");
  rec[0].layout = 1, rec[0].bytes -= 2176, reseal(&b);
  refused(&b, OINF_FORMAT, "its shape has");
  rec[0].bytes += 2176, reseal(&b);
  CHECK_INT(oi_sample_check(b.at, b.n), OINF_OK);
  free(b.at);
}
