// The package: what is written reads back, the same content gives the same bytes, and an output is
// whole or was never there, whatever fails underway.
#include "lib/rt/crc32c.h"
#include "tests/iofault.h"
#include "tests/package_sample.h"
#include "tests/scarce.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define ctx oi_sample_ctx

// ---- round trip ----

static void check_tensor(oinf_model *m, const char *name, const void *want, uint64_t bytes_of) {
  const oinf_tensor *t = oinf_model_find(m, name);
  CHECK(t && t->bytes == bytes_of);
  uint8_t *have = malloc((size_t)bytes_of + 1);
  CHECK(have);
  OK(oinf_model_read(m, name, have));
  CHECK(memcmp(have, want, (size_t)bytes_of) == 0);
  free(have);
}

static void check_golden(const oinf_model *m) {
  CHECK_INT(m->golden.n, 2);
  const oi_golden_step *s = &m->golden.at[0];
  CHECK_STR(s->graph, "text");
  CHECK_STR(s->variant, "");
  CHECK_STR(m->golden.at[1].variant, "decode");
  CHECK(s->n_syms == 2 && s->n_inputs == 1 && s->n_outputs == 2 && s->n_values == 2);
  CHECK_STR(s->syms[1].name, "T");
  CHECK_INT(s->syms[1].value, 3);
  CHECK(s->inputs[0].dtype == OINF_I32 && *(int32_t *)s->inputs[0].data == 3);
  CHECK_STR(s->outputs[0].name, "logits");
  CHECK(s->outputs[0].tolerance == -1.0 && s->outputs[1].tolerance == 1e-3);
  CHECK(memcmp(s->outputs[1].data, oi_sample_data + 9, 4) == 0 && s->outputs[1].rank == 0);
  CHECK_STR(s->values[0].name, "blk.0.attn_out");
  CHECK(s->values[0].hash == 0x1234 && s->values[0].dims[1] == 32);
}

static void check_sample(oinf_model *m, int64_t elements) {
  CHECK_STR(oinf_model_format(m), "oinf");
  CHECK_INT(oinf_model_tensor_count(m), 7);
  CHECK_STR(oinf_model_tensor(m, 0)->name, "tok_embeddings");
  check_tensor(m, "tok_embeddings", oi_sample_data, 48);
  check_tensor(m, "scalar", oi_sample_data + 4, 8);
  check_tensor(m, "empty", "", 0);
  check_tensor(m, "big", oi_sample_data, (uint64_t)elements * 4);
  const oi_tensor *t = &m->tensors.at[oi_model_tensor_id(m, "big")];
  CHECK_INT(t->offset % (elements * 4 >= 65536 ? 4096 : 64), 0);
  float one[1000];
  OK(oinf_model_read(m, "ones", one));
  CHECK(one[0] == 1.0f && one[999] == 1.0f);
  CHECK_STR(oinf_model_meta(m, "oinf.task"), "generate");
  CHECK_STR(oinf_model_meta(m, "a"), "");
  CHECK_STR(oinf_model_meta(m, "note"), "gr\xc3\xbc\xc3\x9f""e\nand a second line");
  const char *name;
  CHECK_STR(oinf_model_graph_text(m, 0, &name), oi_sample_graph);
  CHECK_STR(name, "text");
  CHECK_INT(m->states.n, 2);
  CHECK_STR(m->states.at[1].spec, "v f32 [5, C, 4, 8]");
  const oinf_blob *b = oinf_model_blob(m, "tokenizer");
  CHECK(b && b->size == 777 && memcmp(b->data, oi_sample_data, 777) == 0);
  check_golden(m);
}

TEST(package, reads_back_what_was_written) {
  oi_sample_begin();
  int64_t sizes[] = {16384 + 37, 16000, 16384, 37, 38, 39};
  for (int i = 0; i < 6; i++) {
    oi_sample_bytes b = oi_sample_package(sizes[i]);
    oinf_model *m;
    OK(oi_sample_open(b.at, b.n, &m));
    OK(oi_oinf_verify_weights(m, NULL, NULL));
    check_sample(m, sizes[i]);
    oinf_model_destroy(m);
    oi_source s;
    OK(oi_file_open(ctx, oi_sample_path("sample.oinf"), &s));
    OK(oi_oinf_open(ctx, s, &m));
    check_sample(m, sizes[i]);
    oinf_model_destroy(m);
    free(b.at);
  }
}

TEST(package, an_empty_model_is_a_package) {
  oi_sample_begin();
  oinf_model *m, *again;
  OK(oinf_model_create(ctx, &m));
  OK(oinf_model_save(m, oi_sample_path("none.oinf")));
  oi_sample_bytes b = oi_sample_slurp(oi_sample_path("none.oinf"));
  CHECK_INT(oi_sample_check(b.at, b.n), OINF_OK);
  OK(oi_sample_open(b.at, b.n, &again));
  CHECK_INT(oinf_model_tensor_count(again), 0);
  oinf_model_destroy(again);
  oinf_model_destroy(m);
  free(b.at);
}

// The padding before a last tensor of no bytes is the end of the file.
TEST(package, a_tensor_of_no_bytes_may_be_the_last) {
  oi_sample_begin();
  oinf_model *m, *again;
  OK(oinf_model_create(ctx, &m));
  OK(oinf_model_add(m, "some", OINF_U8, 1, (int64_t[]){100}, oi_sample_data));
  OK(oinf_model_add(m, "none", OINF_U8, 2, (int64_t[]){3, 0}, NULL));
  OK(oinf_model_add(m, "nothing", OINF_U8, 1, (int64_t[]){0}, NULL));
  OK(oinf_model_save(m, oi_sample_path("last.oinf")));
  oi_sample_bytes b = oi_sample_slurp(oi_sample_path("last.oinf"));
  OK(oi_sample_check(b.at, b.n));
  OK(oi_sample_open(b.at, b.n, &again));
  check_tensor(again, "some", oi_sample_data, 100);
  check_tensor(again, "nothing", "", 0);
  oinf_model_destroy(again), oinf_model_destroy(m);
  free(b.at);
}

TEST(package, the_same_content_gives_the_same_bytes) {
  oi_sample_begin();
  oi_sample_bytes a = oi_sample_package(16000), b = oi_sample_package(16000);
  CHECK(a.n == b.n && memcmp(a.at, b.at, a.n) == 0);
  // What was opened and saved again is the same file, golden steps and all.
  oinf_model *m;
  OK(oi_sample_open(a.at, a.n, &m));
  OK(oinf_model_save(m, oi_sample_path("again.oinf")));
  oi_sample_bytes c = oi_sample_slurp(oi_sample_path("again.oinf"));
  CHECK(a.n == c.n && memcmp(a.at, c.at, a.n) == 0);
  oinf_model_destroy(m);
  free(a.at), free(b.at), free(c.at);
}

TEST(package, the_root_digest_names_the_model_and_not_its_golden_steps) {
  oi_sample_begin();
  oinf_model *m = oi_sample_model(100), *plain, *with;
  OK(oinf_model_save(m, oi_sample_path("plain.oinf")));
  oi_sample_write(m, oi_sample_path("golden.oinf"));
  oi_sample_bytes a = oi_sample_slurp(oi_sample_path("plain.oinf")), b = oi_sample_slurp(oi_sample_path("golden.oinf"));
  OK(oi_sample_open(a.at, a.n, &plain));
  OK(oi_sample_open(b.at, b.n, &with));
  CHECK(memcmp(plain->root, with->root, 32) == 0);
  CHECK_INT(plain->golden.n, 0);
  oinf_model_destroy(with);
  OK(oinf_model_set_meta(m, "oinf.task", "other"));
  OK(oinf_model_save(m, oi_sample_path("other.oinf")));
  oi_sample_bytes c = oi_sample_slurp(oi_sample_path("other.oinf"));
  OK(oi_sample_open(c.at, c.n, &with));
  CHECK(memcmp(plain->root, with->root, 32) != 0);
  oinf_model_destroy(with), oinf_model_destroy(plain), oinf_model_destroy(m);
  free(a.at), free(b.at), free(c.at);
}

// ---- what a writer carries on ----

TEST(package, unknown_sections_and_features_are_carried_on) {
  oi_sample_begin();
  oinf_model *m = oi_sample_model(300), *again;
  oi_extra extras[] = {{0x21, "twenty-one", 10}, {0x7f, "", 0}, {0x99, "behind the weights", 18}};
  for (int i = 0; i < 3; i++) *oi_vec_push(ctx, &m->extras) = extras[i];
  m->features = 0x8000000000000005;
  oi_sample_write(m, oi_sample_path("extras.oinf"));
  oi_sample_bytes a = oi_sample_slurp(oi_sample_path("extras.oinf"));
  OK(oi_sample_open(a.at, a.n, &again));
  CHECK_INT(again->extras.n, 3);
  CHECK(again->extras.at[2].type == 0x99 && again->extras.at[2].size == 18);
  CHECK(memcmp(again->extras.at[0].data, "twenty-one", 10) == 0);
  CHECK(again->features == 0x8000000000000005);
  OK(oinf_model_save(again, oi_sample_path("extras2.oinf")));
  oi_sample_bytes b = oi_sample_slurp(oi_sample_path("extras2.oinf"));
  CHECK(a.n == b.n && memcmp(a.at, b.at, a.n) == 0);
  oinf_model_destroy(again), oinf_model_destroy(m);
  free(a.at), free(b.at);
}

// ---- streams ----

typedef struct source {
  uint32_t tensor;
  uint64_t offset, most;
  uint64_t fail_at;      // bytes after which fill fails; 0: never
  uint64_t cancel_at;    // bytes after which progress says stop; 0: never
  uint64_t total;
} source;

static uint8_t made(uint32_t tensor, uint64_t i) { return (uint8_t)(i * 7 + (i >> 9) + tensor); }

static oinf_status make(void *user, uint32_t tensor, uint64_t offset, void *out, uint64_t n) {
  source *s = user;
  if (tensor != s->tensor) s->tensor = tensor, s->offset = 0;
  CHECK(offset == s->offset && n > 0 && n <= OI_CRC_BLOCK);
  CHECK_INT(offset % (tensor == 1 ? 34 : 4), 0);
  for (uint64_t i = 0; i < n; i++) ((uint8_t *)out)[i] = made(tensor, offset + i);
  s->offset += n;
  if (s->fail_at && offset + n >= s->fail_at)
    return oi_fail(oi_ctx_err(ctx), OINF_SUPPORT, "a source that gives up");
  return OINF_OK;
}

static bool watch(void *user, uint64_t done, uint64_t total) {
  source *s = user;
  CHECK(done <= total);
  s->total = total;
  return !s->cancel_at || done < s->cancel_at;
}

// Three tensors of 3 MiB and some, the middle one in blocks of 34 bytes; no bytes are held.
static oinf_model *described(void) {
  static const struct {
    const char *name;
    oinf_dtype dtype;
    int64_t n;
  } list[3] = {{"first", OINF_F32, 786433}, {"second", OINF_Q8_0, 3200000}, {"third", OINF_F32, 800000}};
  oinf_model *m;
  OK(oinf_model_create(ctx, &m));
  for (int i = 0; i < 3; i++) {
    oi_tensor t = {.pub = {.dtype = list[i].dtype, .rank = 1, .dims = {list[i].n}}};
    OK(oi_model_add_tensor(m, &t, list[i].name, strlen(list[i].name)));
  }
  return m;
}

static void check_made(oinf_model *m, uint32_t tensor) {
  const oinf_tensor *t = oinf_model_tensor(m, tensor);
  uint8_t *have = malloc((size_t)t->bytes);
  CHECK(have);
  OK(oinf_model_read(m, t->name, have));
  for (uint64_t i = 0; i < t->bytes; i++)
    if (have[i] != made(tensor, i)) CHECK_MSG(false, "tensor %u differs at %llu", tensor, (unsigned long long)i);
  free(have);
}

TEST(package, weights_stream_from_a_callback) {
  oi_sample_begin();
  source s = {.tensor = 9};
  oinf_model *m = described(), *again;
  oi_oinf_fill fill = {make, watch, &s, NULL};
  OK(oi_oinf_write(m, oi_sample_path("stream.oinf"), &fill));
  CHECK_INT(s.total, 786433 * 4 + 3200000 / 32 * 34 + 800000 * 4);
  oi_sample_bytes b = oi_sample_slurp(oi_sample_path("stream.oinf"));
  OK(oi_sample_open(b.at, b.n, &again));
  OK(oi_oinf_verify_weights(again, NULL, NULL));
  CHECK_INT(again->n_crc, (again->weights_size + OI_CRC_BLOCK - 1) / OI_CRC_BLOCK);
  for (uint32_t i = 0; i < 3; i++) check_made(again, i);
  // Damage in the last block: tensors that do not touch it are read, the one that does is not.
  b.at[b.n - 100] ^= 4;
  check_made(again, 0);
  uint8_t *room = malloc(4 << 20);
  CHECK(room);
  CHECK_INT(oinf_model_read(again, "third", room), OINF_CORRUPT);
  oinf_error_clear(ctx);
  OK(oi_model_read_at(again, 2, 5, room, 1000));
  CHECK(room[0] == made(2, 5));
  oinf_model_destroy(again), oinf_model_destroy(m);
  free(room), free(b.at);
}

TEST(package, a_source_that_fails_leaves_nothing) {
  oi_sample_begin();
  oinf_model *m = described();
  source s = {.tensor = 9, .fail_at = 2000000};
  oi_oinf_fill fill = {make, watch, &s, NULL};
  CHECK_INT(oi_oinf_write(m, oi_sample_path("failed.oinf"), &fill), OINF_SUPPORT);
  CHECK(strstr(oinf_error_trail(ctx), "tensor 'first'"));
  oinf_error_clear(ctx);
  s = (source){.tensor = 9, .cancel_at = 5000000};
  CHECK_INT(oi_oinf_write(m, oi_sample_path("failed.oinf"), &fill), OINF_CANCEL);
  CHECK(access(oi_sample_path("failed.oinf"), F_OK) != 0);
  oinf_error_clear(ctx);
  oinf_model_destroy(m);
}

TEST(package, the_file_that_is_read_from_is_no_target) {
  oi_sample_begin();
  free(oi_sample_package(300).at);
  oi_source in;
  oinf_model *m;
  OK(oi_file_open(ctx, oi_sample_path("sample.oinf"), &in));
  OK(oi_oinf_open(ctx, in, &m));
  oi_oinf_fill fill = {.input = m};
  CHECK_INT(oi_oinf_write(m, oi_sample_path("sample.oinf"), &fill), OINF_USAGE);
  oinf_error_clear(ctx);
  OK(oinf_model_save(m, oi_sample_path("sample.oinf")));  // a program may: the old file lives on
  check_golden(m);
  oinf_model_destroy(m);
}

// ---- what fails underway ----

// Runs `what` in contexts whose N-th allocation fails, for all N; every one is given back.
static void fail_every_allocation(oinf_status (*what)(void)) {
  oinf_ctx *kept = ctx;
  for (long n = 1;; n++) {
    scarce h = {.fail_at = n};
    oinf_ctx_desc desc = {scarce_alloc, NULL, &h};
    oinf_status status = oinf_ctx_create(&desc, &oi_sample_ctx);
    if (status == OINF_OK) {
      status = what();
      oinf_ctx_destroy(ctx);
    }
    ctx = kept;
    CHECK_MSG(status == (scarce_fired(&h) ? OINF_MEMORY : OINF_OK), "allocation %ld gives %d", n, (int)status);
    CHECK_MSG(h.bytes == 0 && h.pieces == 0, "allocation %ld leaks %lld bytes", n, h.bytes);
    if (!scarce_fired(&h)) break;
    CHECK(n < 10000);
  }
}

static oi_sample_bytes memory;
static oinf_status open_once(void) { return oi_sample_check(memory.at, memory.n); }

static oinf_status copy_once(void) {
  oinf_model *m;
  OI_TRY(oi_sample_open(memory.at, memory.n, &m));
  oinf_status status = oinf_model_save(m, oi_sample_path("kept.oinf"));
  oinf_model_destroy(m);
  return status;
}

static void keep(const char *text) {
  FILE *f = fopen(oi_sample_path("kept.oinf"), "wb");
  CHECK(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static bool kept_is(const char *text, const oi_sample_bytes *or_this) {
  oi_sample_bytes b = oi_sample_slurp(oi_sample_path("kept.oinf"));
  bool old = b.n == strlen(text) && memcmp(b.at, text, b.n) == 0;
  bool new = b.n == or_this->n && memcmp(b.at, or_this->at, b.n) == 0;
  free(b.at);
  return old || new;
}

TEST(package, every_failing_allocation_is_clean) {
  oi_sample_begin();
  memory = oi_sample_package(300);
  fail_every_allocation(open_once);
  keep("old content");
  fail_every_allocation(copy_once);
  CHECK(kept_is("", &memory));
  free(memory.at);
}

static oinf_status open_file_once(void) {
  oi_source s;
  oinf_model *m;
  OI_TRY(oi_file_open(ctx, oi_sample_path("sample.oinf"), &s));
  OI_TRY(oi_oinf_open(ctx, s, &m));
  oinf_status status = oi_oinf_verify_weights(m, NULL, NULL);
  oinf_model_destroy(m);
  return status;
}

// With the N-th file call failing: an I/O status, and the target old or new and whole.
static void fail_every_call(oinf_status (*what)(void), int error, bool sticky, const char *only) {
  for (long n = 1;; n++) {
    keep("old content");
    oinf_error_clear(ctx);
    oi_fault_set(&(oi_fault){.only = only, .at = n, .error = error, .sticky = sticky});
    oinf_status status = what();
    bool fired = oi_fault_fired();
    oi_fault_set(NULL);
    CHECK_MSG(kept_is("old content", &memory), "call %ld leaves a torn file", n);
    int code = oinf_status_exit(status);
    if (!fired) {
      CHECK_MSG(status == OINF_OK, "call %ld: %s", n, oinf_error(ctx));
      break;
    }
    // A failing close of what was read, and a folder that cannot sync, may pass.
    CHECK_MSG(status == OINF_OK || code == 73 || code == 74 || code == 66, "call %ld gives %d: %s", n,
              code, oinf_error(ctx));
    CHECK(n < 1000);
  }
  oinf_error_clear(ctx);
}

TEST(package, every_failing_file_call_is_clean) {
  oi_sample_begin();
  memory = oi_sample_package(300);
  fail_every_call(open_file_once, EIO, false, NULL);
  fail_every_call(copy_once, EIO, false, NULL);
  fail_every_call(copy_once, EIO, true, NULL);
  fail_every_call(copy_once, ENOSPC, true, "pwrite");
  oi_fault_set(&(oi_fault){.most = 7, .interrupt = 3});
  keep("old content");
  OK(copy_once());
  oi_fault_set(NULL);
  CHECK(kept_is("", &memory));
  free(memory.at);
}

TEST(package, memory_is_bounded_whatever_the_weights_weigh) {
  oi_sample_begin();
  oinf_ctx *kept = ctx;
  scarce h = {0};
  oinf_ctx_desc desc = {scarce_alloc, NULL, &h};
  oinf_status made_ctx = oinf_ctx_create(&desc, &oi_sample_ctx);
  CHECK_INT(made_ctx, OINF_OK);
  oinf_model *m = described();
  source s = {.tensor = 9};
  oi_oinf_fill fill = {make, NULL, &s, NULL};
  OK(oi_oinf_write(m, oi_sample_path("stream.oinf"), &fill));
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  ctx = kept;
  CHECK_MSG(h.most < 3 << 20, "%lld bytes at the peak", h.most);
  CHECK_INT(h.bytes, 0);
}

// ---- the file that stays ----

// tests/data/package/sample.oinf was written by this (OINF_BLESS=1) and is read by every later
// version; read.py, written from OINF.md alone, made the listing beside it.
static oinf_model *small_sample(void) {
  oinf_model *m = oi_sample_model(40);
  OK(oinf_model_set_blob(m, "tokenizer", "a table", 7));
  return m;
}

TEST(package, the_committed_sample_is_what_is_written) {
  oi_sample_begin();
  oinf_model *m = small_sample();
  const char *path = oi_sample_path("small.oinf");
  if (getenv("OINF_BLESS")) path = "tests/data/package/sample.oinf";
  oi_sample_write(m, path);
  oinf_model_destroy(m);
  oi_sample_bytes have = oi_sample_slurp(path);
  oi_sample_bytes want = oi_sample_slurp("tests/data/package/sample.oinf");
  CHECK(have.n == want.n && memcmp(have.at, want.at, want.n) == 0);
  free(have.at), free(want.at);
}

// A line a tensor in file order, as read.py prints it.
static void list_tensor(const oi_tensor *t, char *out, size_t room) {
  size_t n = (size_t)snprintf(out, room, "%s %s [", t->pub.name, oinf_dtype_name(t->pub.dtype));
  for (uint32_t i = 0; i < t->pub.rank; i++)
    n += (size_t)snprintf(out + n, room - n, "%s%lld", i ? ", " : "", (long long)t->pub.dims[i]);
  n += (size_t)snprintf(out + n, room - n, "] ");
  for (int i = 0; i < 32 && t->kind == OI_TENSOR_BYTES; i++)
    n += (size_t)snprintf(out + n, room - n, "%02x", t->sha256[i]);
  if (t->kind == OI_TENSOR_SPLAT) snprintf(out + n, room - n, "splat %016llx", (unsigned long long)t->seed);
  if (t->kind == OI_TENSOR_NOISE) snprintf(out + n, room - n, "noise %016llx", (unsigned long long)t->seed);
}

TEST(package, both_readers_list_the_same) {
  oi_sample_begin();
  oi_sample_bytes file = oi_sample_slurp("tests/data/package/sample.oinf");
  oi_sample_bytes list = oi_sample_slurp("tests/data/package/sample.txt");
  oinf_model *m;
  OK(oi_sample_open(file.at, file.n, &m));
  OK(oi_oinf_verify_weights(m, NULL, NULL));
  list.at[list.n] = 0;
  char *at = (char *)list.at, line[512];
  snprintf(line, sizeof line, "root ");
  for (int i = 0; i < 32; i++) snprintf(line + 5 + 2 * i, 3, "%02x", m->root[i]);
  for (uint32_t i = 0; i <= m->tensors.n; i++) {
    char *end = strchr(at, '\n');
    CHECK(end);
    *end = 0;
    CHECK_STR(line, at);
    if (i < m->tensors.n) list_tensor(&m->tensors.at[i], line, sizeof line);
    at = end + 1;
  }
  oinf_model_destroy(m);
  free(file.at), free(list.at);
}
