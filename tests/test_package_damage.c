// Damage to a package: every byte, every cut, and every rule broken in a file whose digests hold,
// each refused with the status of its own kind.
#include "lib/rt/crc32c.h"
#include "lib/rt/sha256.h"
#include "tests/package_sample.h"

#include <unistd.h>

#define ctx oi_sample_ctx

// ---- damage ----

static bool refused(oinf_status s) {
  return s != OINF_OK && oinf_status_exit(s) == 65 && oinf_error(ctx)[0];
}

TEST(package_damage, every_damaged_byte_is_refused) {
  oi_sample_begin();
  oi_sample_bytes b = oi_sample_package(13800);
  CHECK(b.n > 40000 && b.n < 70000);
  CHECK_INT(oi_sample_check(b.at, b.n), OINF_OK);
  for (size_t i = 0; i < b.n; i++)
    for (int k = 0; k < 2; k++) {
      uint8_t was = b.at[i], flips[] = {(uint8_t)(1u << i % 8), 0xff};
      b.at[i] = was ^ flips[k];
      oinf_status s = oi_sample_check(b.at, b.n);
      CHECK_MSG(refused(s), "byte %zu with %02x flipped gives %d", i, flips[k], (int)s);
      b.at[i] = was;
    }
  free(b.at);
}

TEST(package_damage, every_truncation_is_refused) {
  oi_sample_begin();
  oi_sample_bytes b = oi_sample_package(13800);
  for (size_t n = 0; n < b.n; n++) CHECK_MSG(oi_sample_check(b.at, n) == OINF_FORMAT, "%zu bytes", n);
  uint8_t *more = calloc(b.n + 64, 1);
  CHECK(more);
  memcpy(more, b.at, b.n);
  CHECK_INT(oi_sample_check(more, b.n + 64), OINF_FORMAT);
  free(more), free(b.at);
}

TEST(package_damage, a_file_cut_while_in_use_is_an_error_of_reading) {
  oi_sample_begin();
  oi_sample_bytes b = oi_sample_package(16384);
  oi_source s;
  oinf_model *m;
  OK(oi_file_open(ctx, oi_sample_path("sample.oinf"), &s));
  OK(oi_oinf_open(ctx, s, &m));
  CHECK(truncate(oi_sample_path("sample.oinf"), (off_t)(b.n / 2)) == 0);
  CHECK_INT(oinf_model_read(m, "big", oi_sample_data), OINF_IO);
  oinf_error_clear(ctx);
  CHECK_INT(oi_oinf_verify_weights(m, NULL, NULL), OINF_IO);
  oinf_error_clear(ctx);
  oinf_model_destroy(m);
  free(b.at);
}

TEST(package_damage, damaged_weights_are_not_read) {
  oi_sample_begin();
  oi_sample_bytes b = oi_sample_package(16000);
  oinf_model *m;
  OK(oi_sample_open(b.at, b.n, &m));
  b.at[m->tensors.at[oi_model_tensor_id(m, "big")].offset + 5] ^= 1;
  CHECK_INT(oinf_model_read(m, "big", oi_sample_data), OINF_CORRUPT);
  CHECK(strstr(oinf_error(ctx), "block 0"));
  oinf_error_clear(ctx);
  CHECK_INT(oinf_model_save(m, oi_sample_path("copy.oinf")), OINF_CORRUPT);
  CHECK(access(oi_sample_path("copy.oinf"), F_OK) != 0);
  oinf_model_destroy(m);
  free(b.at);
}

// ---- many workers ----

enum {
  SHARES = 40
};

// Tensors of odd sizes, 64 bytes to over 2 MiB, so that most blocks hold parts of several.
static oi_sample_bytes shares_package(void) {
  char name[16];
  oinf_model *m;
  OK(oinf_model_create(ctx, &m));
  float *data = calloc(600000, sizeof *data);
  CHECK(data);
  for (int i = 0; i < 600000; i++) data[i] = (float)(i % 10007);
  for (int i = 0; i < SHARES; i++) {
    snprintf(name, sizeof name, "t%02d", i);
    const int64_t n = 16 + i % 7 * (i % 5) * 22123 + i;
    OK(oinf_model_add(m, name, OINF_F32, 1, &n, data));
  }
  OK(oinf_model_save(m, oi_sample_path("shares.oinf")));
  oinf_model_destroy(m);
  free(data);
  return oi_sample_slurp(oi_sample_path("shares.oinf"));
}

// What is said of the package over these bytes.
static void said_of(const oi_sample_bytes *b, char *out, size_t room) {
  oinf_model *m;
  oinf_error_clear(ctx);
  OK(oi_sample_open(b->at, b->n, &m));
  CHECK_INT(oi_oinf_verify_weights(m, NULL, NULL), OINF_CORRUPT);
  snprintf(out, room, "%s", oinf_error(ctx));
  oinf_error_clear(ctx);
  oinf_model_destroy(m);
}

TEST(package_damage, the_first_fault_is_told_whoever_finds_it) {
  oi_sample_begin();
  oi_sample_bytes b = shares_package();
  oinf_model *m;
  char one[1024], both[1024];
  OK(oi_sample_open(b.at, b.n, &m));
  CHECK(m->weights_size > 12 << 20);
  OK(oi_oinf_verify_weights(m, NULL, NULL));
  for (uint32_t i = 0; i + 9 < SHARES; i++) {
    const oi_tensor *first = &m->tensors.at[i], *later = &m->tensors.at[i + 9];
    b.at[first->offset + first->pub.bytes - 1] ^= 1;
    said_of(&b, one, sizeof one);
    b.at[later->offset] ^= 1;
    said_of(&b, both, sizeof both);
    CHECK_STR(both, one);
    b.at[later->offset] ^= 1;
    b.at[first->offset + first->pub.bytes - 1] ^= 1;
  }
  OK(oi_oinf_verify_weights(m, NULL, NULL));
  oinf_model_destroy(m);
  free(b.at);
}

typedef struct watch {
  uint64_t done, total, most;
} watch;
static bool watched(void *user, uint64_t done, uint64_t total) {
  watch *w = user;
  CHECK(done > w->done && done <= total);
  w->done = done, w->total = total;
  return done < w->most;
}

TEST(package_damage, proving_is_watched_and_can_be_stopped) {
  oi_sample_begin();
  oi_sample_bytes b = shares_package();
  oinf_model *m;
  watch all = {.most = UINT64_MAX}, some = {.most = 1};
  OK(oi_sample_open(b.at, b.n, &m));
  OK(oi_oinf_verify_weights(m, watched, &all));
  CHECK(all.done > 0 && all.total == m->weights_size);
  CHECK_INT(oi_oinf_verify_weights(m, watched, &some), OINF_CANCEL);
  CHECK(some.done < some.total);
  oinf_error_clear(ctx);
  oinf_model_destroy(m);
  free(b.at);
}

// ---- rules broken under digests that hold ----

static void reseal(oi_sample_bytes *b) {
  oi_rec_page *p = (void *)b->at;
  uint64_t blobs = 4096, tail = b->n;
  for (int i = 0; i < OI_SECTIONS_MAX; i++) {
    if (p->sections[i].type == 0x80) blobs = p->sections[i].offset;
    if (p->sections[i].type == 0x81) tail = p->sections[i].offset + p->sections[i].size;
  }
  if (blobs >= 4096 && blobs <= b->n)
    oi_digest(OI_SHA256_PLAIN, b->at + 4096, blobs - 4096, p->metadata_digest);
  if (tail <= b->n) oi_digest(OI_SHA256_PLAIN, b->at + tail, b->n - tail, p->tail_digest);
  oi_digest(OI_SHA256_PLAIN, p, 4064, p->digest);
}

static oi_rec_section *entry(oi_sample_bytes *b, uint32_t type) {
  oi_rec_section *s = ((oi_rec_page *)(void *)b->at)->sections;
  while (s->type != type) s++;
  return s;
}

// Where a row's offset counts from: the page, the entry of a section, or a section's bytes.
enum { PAGE = 0, ENTRY = 1 << 16, DATA = 2 << 16 };
#define ENTRY_OF(type) (ENTRY | (type))
#define DATA_OF(type) (DATA | (type))
typedef struct rule {
  int where, at, width;
  bool add;             // value is added to what stands there
  uint64_t value;
  oinf_status status;
  const char *word;     // of the message
} rule;

// Tensors of the sample: 0 tok_embeddings [4, 3], 1 blk.0.wq q8_0, 2 empty, 3 scalar, 4 big, 5 ones
// (splat), 6 random (noise). A record has 144 bytes.
#define T(i, at) (i) * 144 + (at)
static const rule rules[] = {
    // first page
    {PAGE, 0, 1, 0, 0x88, OINF_FORMAT, "magic"},
    {PAGE, 5, 1, 0, 0x0a, OINF_FORMAT, "transfer"},
    {PAGE, 8, 2, 0, 2, OINF_SUPPORT, "version 2.0"},
    {PAGE, 10, 2, 0, 7, OINF_OK, ""},
    {PAGE, 12, 4, 0, 8192, OINF_FORMAT, "expected 4096"},
    {PAGE, 16, 8, 1, 1, OINF_FORMAT, "its first page says"},
    {PAGE, 24, 4, 0, 18, OINF_FORMAT, "18 of the 19 sections"},
    {PAGE, 24, 4, 0, 20, OINF_FORMAT, "do not increase"},
    {PAGE, 24, 4, 0, 65, OINF_FORMAT, "at most 64"},
    {PAGE, 28, 4, 0, 1, OINF_FORMAT, "reserved"},
    {PAGE, 32, 8, 0, 8, OINF_SUPPORT, "feature bit 3"},
    {PAGE, 32, 8, 0, 1, OINF_FORMAT, "row-major"},
    {PAGE, 40, 8, 0, (uint64_t)1 << 63, OINF_OK, ""},
    {PAGE, 48, 2, 0, 2, OINF_SUPPORT, "reader of version 2.0"},
    {PAGE, 50, 2, 0, 1, OINF_SUPPORT, "reader of version 1.1"},
    {PAGE, 52, 1, 0, 1, OINF_FORMAT, "reserved"},
    {PAGE, 255, 1, 0, 1, OINF_FORMAT, "reserved"},
    {PAGE, 1791, 1, 0, 1, OINF_FORMAT, "unused entry"},
    {PAGE, 1792, 1, 0, 1, OINF_FORMAT, "reserved"},
    {PAGE, 4063, 1, 0, 1, OINF_FORMAT, "reserved"},
    // section table
    {ENTRY_OF(0x40), 0, 4, 0, 0x41, OINF_SUPPORT, "0x41"},
    {ENTRY_OF(0x40), 0, 4, 0, 0x31, OINF_FORMAT, "do not increase"},
    {ENTRY_OF(0x10), 0, 4, 0, 0, OINF_FORMAT, "do not increase"},
    {ENTRY_OF(0x40), 4, 4, 0, 0, OINF_FORMAT, "critical"},
    {ENTRY_OF(0x40), 4, 4, 0, 3, OINF_FORMAT, "flags"},
    {ENTRY_OF(0x10), 8, 8, 1, 64, OINF_FORMAT, "expected 4096"},
    {ENTRY_OF(0x30), 8, 8, 1, -64ull, OINF_FORMAT, "begins at"},
    {ENTRY_OF(0x30), 8, 8, 0, -64ull, OINF_FORMAT, "begins at"},
    {ENTRY_OF(0x30), 16, 8, 1, 1, OINF_FORMAT, "whole records"},
    {ENTRY_OF(0x30), 16, 8, 1, 144, OINF_FORMAT, "begins at"},
    {ENTRY_OF(0x30), 16, 8, 0, -144ull, OINF_FORMAT, "leave the file"},
    {ENTRY_OF(0x96), 16, 8, 1, -1ull, OINF_FORMAT, "behind the last section"},
    {ENTRY_OF(0x96), 16, 8, 1, 1, OINF_FORMAT, "leave the file"},
    // strings
    {DATA_OF(0x10), 0, 4, 0, 0, OINF_FORMAT, "zero byte"},
    {DATA_OF(0x10), 0, 4, 1, 1, OINF_FORMAT, "zero byte"},
    {DATA_OF(0x10), 4, 4, 0, 1, OINF_FORMAT, "zero byte"},
    {DATA_OF(0x10), 4, 4, 0, UINT32_MAX, OINF_FORMAT, "zero byte"},
    {DATA_OF(0x11), 1, 1, 0, 0, OINF_FORMAT, "zero bytes"},
    {DATA_OF(0x11), 1, 1, 0, 0xff, OINF_FORMAT, "UTF-8"},
    {DATA_OF(0x11), 1, 1, 0, 'z', OINF_FORMAT, "do not increase"},
    {ENTRY_OF(0x11), 16, 8, 1, -1ull, OINF_FORMAT, "zero byte"},
    {ENTRY_OF(0x11), 16, 8, 1, 1, OINF_FORMAT, "behind the last string"},
    // metadata
    {DATA_OF(0x20), 0, 4, 0, 1000, OINF_FORMAT, "is asked for"},
    {DATA_OF(0x20), 8, 4, 0, 1, OINF_FORMAT, "do not increase"},
    {DATA_OF(0x20), 0, 4, 0, 0, OINF_FORMAT, "is no name"},
    {DATA_OF(0x20), 4, 4, 0, 1, OINF_FORMAT, "used by nothing"},
    // tensors
    {DATA_OF(0x30), T(0, 0), 4, 0, 1000, OINF_FORMAT, "is asked for"},
    {DATA_OF(0x30), T(0, 4), 4, 0, 9, OINF_FORMAT, "rank is 9"},
    {DATA_OF(0x30), T(0, 4), 4, 0, 1, OINF_FORMAT, "behind rank"},
    {DATA_OF(0x30), T(0, 8), 1, 0, 'g', OINF_SUPPORT, "g32"},
    {DATA_OF(0x30), T(0, 15), 1, 0, 'x', OINF_FORMAT, "behind its name"},
    {DATA_OF(0x30), T(0, 16), 8, 0, -1ull, OINF_FORMAT, "limits"},
    {DATA_OF(0x30), T(0, 16), 8, 0, ((uint64_t)1 << 40) + 1, OINF_FORMAT, "limits"},
    {DATA_OF(0x30), T(0, 16), 8, 0, (uint64_t)1 << 63, OINF_FORMAT, "limits"},
    {DATA_OF(0x30), T(0, 24), 8, 0, (uint64_t)1 << 40, OINF_FORMAT, "its shape has"},
    {DATA_OF(0x30), T(2, 24), 8, 0, ((uint64_t)1 << 40) + 1, OINF_FORMAT, "limits"},
    {DATA_OF(0x30), T(2, 24), 8, 0, (uint64_t)1 << 40, OINF_OK, ""},
    {DATA_OF(0x30), T(1, 24), 8, 0, 33, OINF_FORMAT, "fill blocks"},
    {DATA_OF(0x30), T(0, 80), 8, 1, 4, OINF_FORMAT, "its shape has"},
    {DATA_OF(0x30), T(0, 88), 8, 0, 64, OINF_FORMAT, "expected 0"},
    {DATA_OF(0x30), T(1, 88), 8, 0, 0, OINF_FORMAT, "expected 64"},
    {DATA_OF(0x30), T(0, 96), 8, 0, 1, OINF_FORMAT, "seed"},
    {DATA_OF(0x30), T(5, 96), 8, 0, (uint64_t)1 << 32, OINF_FORMAT, "seed"},
    {DATA_OF(0x30), T(5, 96), 8, 0, 0xffffffff, OINF_OK, ""},
    {DATA_OF(0x30), T(6, 96), 8, 0, (uint64_t)15 << 56, OINF_FORMAT, "seed"},
    {DATA_OF(0x30), T(6, 96), 8, 0, (uint64_t)14 << 56, OINF_OK, ""},
    {DATA_OF(0x30), T(5, 88), 8, 0, 64, OINF_FORMAT, "no bytes"},
    {DATA_OF(0x30), T(5, 112), 1, 0, 1, OINF_FORMAT, "no bytes"},
    {DATA_OF(0x30), T(5, 104), 4, 0, 3, OINF_FORMAT, "source is 3"},
    {DATA_OF(0x30), T(5, 108), 4, 0, 2, OINF_SUPPORT, "layout 2"},
    {DATA_OF(0x30), T(1, 108), 4, 0, 1, OINF_FORMAT, "feature bit"},
    {DATA_OF(0x30), T(4, 112), 1, 1, 1, OINF_CORRUPT, "tensor 'big'"},
    {DATA_OF(0x30), T(2, 112), 1, 1, 1, OINF_CORRUPT, "tensor 'empty'"},
    {DATA_OF(0x31), 0, 4, 0, 7, OINF_FORMAT, "of tensor 7 of 7"},
    {DATA_OF(0x31), 4, 4, 0, 4, OINF_FORMAT, "names of tensors"},
    {ENTRY_OF(0x31), 16, 8, 1, -4ull, OINF_FORMAT, "6 names for 7"},
    // states, graphs, blobs, checksums
    {DATA_OF(0x40), 0, 4, 0, 1, OINF_FORMAT, "state 0"},
    {DATA_OF(0x40), 4, 4, 0, 0, OINF_FORMAT, "state 0"},
    {ENTRY_OF(0x40), 16, 8, 1, -8ull, OINF_FORMAT, "not zero"},
    {ENTRY_OF(0x40), 16, 8, 1, 8, OINF_FORMAT, "3 states"},
    {DATA_OF(0x50), 4, 4, 0, 1, OINF_FORMAT, "reserved"},
    {DATA_OF(0x50), 8, 8, 0, 1, OINF_FORMAT, "does not follow"},
    {DATA_OF(0x50), 16, 8, 1, 1, OINF_FORMAT, "UTF-8 without zero"},
    {DATA_OF(0x50), 16, 8, 0, -1ull, OINF_FORMAT, "does not follow"},
    {DATA_OF(0x51), 0, 1, 0, 0xc0, OINF_FORMAT, "UTF-8"},
    {ENTRY_OF(0x51), 16, 8, 1, 1, OINF_FORMAT, "behind the last graph"},
    {DATA_OF(0x60), 0, 4, 1, 1, OINF_FORMAT, ""},
    {DATA_OF(0x60), 4, 4, 1, 1, OINF_CORRUPT, "blob 'generation'"},
    {DATA_OF(0x60), 8, 8, 0, 64, OINF_FORMAT, "blob 'generation'"},
    {DATA_OF(0x60), 16, 8, 0, -1ull, OINF_FORMAT, "blob 'generation'"},
    {DATA_OF(0x60), 24, 1, 1, 1, OINF_CORRUPT, "blob 'generation'"},
    {DATA_OF(0x60), 56 + 16, 8, 1, -1ull, OINF_CORRUPT, "blob 'tokenizer'"},
    {DATA_OF(0x80), 2, 1, 0, 1, OINF_FORMAT, "not zero"},
    {DATA_OF(0x70), 0, 4, 1, 1, OINF_CORRUPT, "block 0"},
    {ENTRY_OF(0x70), 16, 8, 1, 4, OINF_FORMAT, "2 checksums, expected 1"},
    // golden steps
    {DATA_OF(0x92), 0, 4, 0, 99, OINF_FORMAT, "is asked for"},
    {DATA_OF(0x92), 4, 4, 0, 99, OINF_FORMAT, "is asked for"},
    {DATA_OF(0x92), 8, 4, 0, 4, OINF_FORMAT, "left in its tables"},
    {DATA_OF(0x92), 12, 4, 0, 6, OINF_FORMAT, "left in its tables"},
    {DATA_OF(0x92), 16, 4, 0, UINT32_MAX, OINF_FORMAT, "left in its tables"},
    {DATA_OF(0x92), 20, 4, 0, 1, OINF_FORMAT, "than the steps take"},
    {DATA_OF(0x93), 4, 4, 0, 1, OINF_FORMAT, "reserved"},
    {DATA_OF(0x94), 4, 4, 0, 9, OINF_FORMAT, "rank is 9"},
    {DATA_OF(0x94), 80, 8, 0, 64, OINF_FORMAT, "golden array"},
    {DATA_OF(0x94), 88, 8, 1, 1, OINF_FORMAT, "bytes and shape"},
    {DATA_OF(0x94), 96, 8, 0, (uint64_t)1 << 63, OINF_FORMAT, "tolerance"},
    {DATA_OF(0x94), 104 + 96, 8, 0, (uint64_t)0x7ff8 << 48, OINF_FORMAT, "tolerance"},
    {DATA_OF(0x94), 104 + 96, 8, 0, (uint64_t)0xc000 << 48, OINF_FORMAT, "tolerance"},
    {DATA_OF(0x94), 104 + 96, 8, 0, (uint64_t)0x7ff0 << 48, OINF_FORMAT, "tolerance"},
    {DATA_OF(0x94), 104 + 96, 8, 0, (uint64_t)0x3ff0 << 48, OINF_OK, ""},
    {DATA_OF(0x95), 8, 8, 0, 0x305f3871 /* q8_0 */, OINF_FORMAT, "in blocks"},
    {DATA_OF(0x96), 12, 1, 0, 1, OINF_FORMAT, "not zero"},
};

static void apply(oi_sample_bytes *b, const rule *r) {
  int type = r->where & 0xffff;
  uint8_t *base = b->at;
  uint64_t old = 0, value;
  if (r->where & ENTRY) base = (void *)entry(b, (uint32_t)type);
  if (r->where & DATA) base = b->at + entry(b, (uint32_t)type)->offset;
  memcpy(&old, base + r->at, (size_t)r->width);
  value = r->add ? old + r->value : r->value;
  CHECK(memcmp(&value, base + r->at, (size_t)r->width) != 0);
  memcpy(base + r->at, &value, (size_t)r->width);
}

TEST(package_damage, each_rule_has_its_own_refusal) {
  oi_sample_begin();
  oi_sample_bytes good = oi_sample_package(300), b = {malloc(good.n), good.n};
  CHECK(b.at);
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
    memcpy(b.at, good.at, good.n);
    apply(&b, &rules[i]);
    reseal(&b);
    oinf_status s = oi_sample_check(b.at, b.n);
    CHECK_MSG(s == rules[i].status, "rule %zu: status %d, not %d: %s", i, (int)s,
              (int)rules[i].status, oinf_error(ctx));
    CHECK_MSG(strstr(oinf_error(ctx), rules[i].word), "rule %zu: '%s' without '%s'", i,
              oinf_error(ctx), rules[i].word);
  }
  free(good.at), free(b.at);
}

TEST(package_damage, padding_is_zero_even_under_a_right_checksum) {
  oi_sample_begin();
  oi_sample_bytes b = oi_sample_package(300);
  oi_rec_section *w = entry(&b, 0x81), *crc = entry(&b, 0x70);
  b.at[w->offset + 50] = 1;  // behind the 48 bytes of tok_embeddings
  uint32_t sum = oi_crc32c(0, b.at + w->offset, (size_t)w->size);
  memcpy(b.at + crc->offset, &sum, 4);
  reseal(&b);
  CHECK_INT(oi_sample_check(b.at, b.n), OINF_FORMAT);
  CHECK(strstr(oinf_error(ctx), "before tensor"));
  free(b.at);
}

TEST(package_damage, padding_between_sections_is_zero) {
  oi_sample_begin();
  oi_sample_bytes b = oi_sample_package(300);
  oi_rec_page *p = (void *)b.at;
  int padded = 0;
  for (uint32_t i = 1; i < p->n_sections; i++) {
    uint64_t end = p->sections[i - 1].offset + p->sections[i - 1].size;
    if (end == p->sections[i].offset) continue;
    b.at[p->sections[i].offset - 1] = 1;
    reseal(&b);
    CHECK_INT(oi_sample_check(b.at, b.n), OINF_FORMAT);
    b.at[p->sections[i].offset - 1] = 0;
    padded++;
  }
  CHECK(padded > 10);
  reseal(&b);
  CHECK_INT(oi_sample_check(b.at, b.n), OINF_OK);
  free(b.at);
}

TEST(package_damage, two_graphs_of_one_name_are_refused) {
  oi_sample_begin();
  oi_sample_bytes b = oi_sample_package(300);
  oi_rec_graph *g = (void *)(b.at + entry(&b, 0x50)->offset);
  g[1].name = g[0].name;
  reseal(&b);
  CHECK_INT(oi_sample_check(b.at, b.n), OINF_FORMAT);
  CHECK(strstr(oinf_error(ctx), "two graphs"));
  free(b.at);
}
