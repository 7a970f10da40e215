// Files: what may be opened and what not, that an output is whole or untouched at every failing
// call, and that short transfers and interruptions change nothing.
#include "formats/file.h"
#include "tests/iofault.h"
#include "tests/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static oinf_ctx *ctx;
static char root[256];

// A fresh folder per test, and a fresh context.
static void begin(const char *name) {
  oi_fault_set(NULL);
  if (!ctx) CHECK_INT(oinf_ctx_create(NULL, &ctx), OINF_OK);
  oinf_error_clear(ctx);
  snprintf(root, sizeof root, "%s/%s", oi_test_dir(), name);
  CHECK(mkdir(root, 0777) == 0);
}

static const char *in_root(const char *name) {
  static char full[4][512];
  static int turn;
  turn = (turn + 1) % 4;
  snprintf(full[turn], sizeof full[turn], "%s/%s", root, name);
  return full[turn];
}

static void put(const char *name, const char *text) {
  FILE *f = fopen(in_root(name), "wb");
  CHECK(f && fwrite(text, 1, strlen(text), f) == strlen(text) && fclose(f) == 0);
}

static bool holds(const char *name, const char *text) {
  char have[4096];
  FILE *f = fopen(in_root(name), "rb");
  if (!f) return false;
  size_t n = fread(have, 1, sizeof have, f);
  fclose(f);
  return n == strlen(text) && memcmp(have, text, n) == 0;
}

static int entries(void) {
  DIR *d = opendir(root);
  int n = 0;
  CHECK(d);
  for (struct dirent *e; (e = readdir(d)) != NULL;)
    n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
  closedir(d);
  return n;
}

static int open_fds(void) {
  DIR *d = opendir("/proc/self/fd");
  int n = 0;
  for (struct dirent *e; d && (e = readdir(d)) != NULL;) n++;
  if (d) closedir(d);
  return n;
}

#define REFUSED(expr, want)                                  \
  do {                                                       \
    oinf_error_clear(ctx);                                   \
    CHECK_INT(expr, want);                                   \
    CHECK_INT(oinf_error_status(ctx), want);                 \
    CHECK(oinf_error(ctx)[0]);                               \
  } while (0)

// ---- reading ----

TEST(file, reads_what_the_user_named) {
  begin("read");
  put("a", "hello");
  CHECK(symlink("a", in_root("link")) == 0);
  oi_source s;
  CHECK_INT(oi_file_open(ctx, in_root("link"), &s), OINF_OK);
  CHECK_INT(s.size, 5);
  char got[6] = {0};
  CHECK_INT(oi_source_read(oi_ctx_err(ctx), &s, 1, got, 3), OINF_OK);
  CHECK_STR(got, "ell");
  CHECK_INT(oi_source_map(oi_ctx_err(ctx), &s), OINF_OK);
  CHECK(memcmp(s.map, "hello", 5) == 0);
  REFUSED(oi_source_read(oi_ctx_err(ctx), &s, 3, got, 3), OINF_INTERNAL);
  oi_source_close(ctx, &s);
  oi_source_close(ctx, &s);
}

TEST(file, says_what_cannot_be_opened) {
  begin("cannot");
  oi_source s;
  oi_bytes b;
  REFUSED(oi_file_open(ctx, in_root("none"), &s), OINF_NOINPUT);
  REFUSED(oi_file_open(ctx, root, &s), OINF_FORMAT);
  CHECK(strstr(oinf_error(ctx), "a folder"));
  CHECK(mkfifo(in_root("pipe"), 0666) == 0);
  REFUSED(oi_file_open(ctx, in_root("pipe"), &s), OINF_FORMAT);
  REFUSED(oi_file_open(ctx, "/dev/null", &s), OINF_FORMAT);
  REFUSED(oi_file_slurp(ctx, root, 10, &b), OINF_FORMAT);
  for (int e = 0; e < 3; e++) {
    static const struct { int error; oinf_status status; } rows[] = {
        {EACCES, OINF_NOINPUT}, {EMFILE, OINF_IO}, {ENOMEM, OINF_MEMORY}};
    oi_fault_set(&(oi_fault){.only = "open", .at = 1, .error = rows[e].error});
    REFUSED(oi_file_open(ctx, in_root("pipe"), &s), rows[e].status);
    oi_fault_set(NULL);
  }
}

TEST(file, says_when_a_file_shrinks) {
  begin("shrink");
  put("a", "0123456789");
  oi_source s;
  char got[10];
  CHECK_INT(oi_file_open(ctx, in_root("a"), &s), OINF_OK);
  CHECK(truncate(in_root("a"), 4) == 0);
  REFUSED(oi_source_read(oi_ctx_err(ctx), &s, 0, got, 10), OINF_IO);
  CHECK(strstr(oinf_error(ctx), "ends at 4, expected 10"));
  oi_source_close(ctx, &s);
}

TEST(file, slurps_up_to_a_cap) {
  begin("slurp");
  put("a", "0123456789");
  oi_bytes b;
  CHECK_INT(oi_file_slurp(ctx, in_root("a"), 10, &b), OINF_OK);
  CHECK_INT(b.n, 10);
  CHECK_STR((char *)b.at, "0123456789");
  oi_bytes_free(ctx, &b);
  REFUSED(oi_file_slurp(ctx, in_root("a"), 9, &b), OINF_FORMAT);
  put("empty", "");
  CHECK_INT(oi_file_slurp(ctx, in_root("empty"), 0, &b), (oinf_error_clear(ctx), OINF_OK));
  CHECK_INT(b.n, 0);
  oi_bytes_free(ctx, &b);
}

TEST(file, slurps_a_pipe_to_its_end) {
  begin("pipe");
  int ends[2];
  char path[64];
  for (int pass = 0; pass < 2; pass++) {
    CHECK(pipe(ends) == 0 && write(ends[1], "through a pipe", 14) == 14 && close(ends[1]) == 0);
    snprintf(path, sizeof path, "/proc/self/fd/%d", ends[0]);
    oi_bytes b;
    if (pass == 0) {
      oi_fault_set(&(oi_fault){.most = 1, .interrupt = 3});
      CHECK_INT(oi_file_slurp(ctx, path, 14, &b), OINF_OK);
      oi_fault_set(NULL);
      CHECK_STR((char *)b.at, "through a pipe");
      oi_bytes_free(ctx, &b);
    } else {
      REFUSED(oi_file_slurp(ctx, path, 13, &b), OINF_FORMAT);
    }
    close(ends[0]);
  }
}

// ---- folders ----

static oinf_status take(const char *name) {
  oi_folder f;
  oi_bytes b;
  CHECK_INT(oi_folder_open(ctx, root, &f), OINF_OK);
  oinf_status status = oi_folder_slurp(ctx, &f, name, 1000, &b);
  if (status == OINF_OK) oi_bytes_free(ctx, &b);
  oi_folder_close(ctx, &f);
  return status;
}

TEST(folder, gives_plain_names_alone) {
  begin("plain");
  put("good", "x");
  char longest[300];
  memset(longest, 'n', sizeof longest);
  longest[256] = 0;
  CHECK_INT(take("good"), OINF_OK);
  static const char *const bad[] = {"../x",    "/etc/passwd", "a/../../x", "..",   ".", "",
                                    "x/../y", "..\\x",       "\\x",       "good/"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) REFUSED(take(bad[i]), OINF_FORMAT);
  REFUSED(take(longest), OINF_FORMAT);
  REFUSED(take("new\nline"), OINF_NOINPUT);
  CHECK(!strchr(oinf_error(ctx), '\n'));
  REFUSED(take("none"), OINF_NOINPUT);
}

TEST(folder, follows_no_link_and_hangs_at_no_pipe) {
  begin("links");
  put("good", "x");
  CHECK(mkdir(in_root("sub"), 0777) == 0 && mkfifo(in_root("pipe"), 0666) == 0);
  CHECK(symlink("good", in_root("near")) == 0 && symlink("/etc/passwd", in_root("far")) == 0);
  CHECK(symlink("loop", in_root("loop")) == 0 && link(in_root("good"), in_root("hard")) == 0);
  REFUSED(take("near"), OINF_FORMAT);
  CHECK(strstr(oinf_error(ctx), "symbolic link"));
  REFUSED(take("far"), OINF_FORMAT);
  REFUSED(take("loop"), OINF_FORMAT);
  REFUSED(take("pipe"), OINF_FORMAT);
  REFUSED(take("sub"), OINF_FORMAT);
  CHECK_INT(take("hard"), (oinf_error_clear(ctx), OINF_OK));
}

#define DIGEST "0123456789abcdef0123456789abcdef01234567"
#define OTHER "ffffffffffffffffffffffffffffffffffffffff"

// models--a--b/{blobs/DIGEST, snapshots/rev/...}, as the hub's cache lays it out.
static void make_cache(const char *model, const char *snapshots) {
  char path[512], rev[600];
  snprintf(path, sizeof path, "%s/%s", root, model);
  CHECK(mkdir(path, 0777) == 0);
  snprintf(rev, sizeof rev, "%s/blobs", path);
  CHECK(mkdir(rev, 0777) == 0);
  snprintf(rev, sizeof rev, "%s/blobs/" DIGEST, path);
  FILE *f = fopen(rev, "wb");
  CHECK(f && fputs("blob", f) >= 0 && fclose(f) == 0);
  snprintf(rev, sizeof rev, "%s/%s", path, snapshots);
  CHECK(mkdir(rev, 0777) == 0);
  snprintf(rev, sizeof rev, "%s/%s/rev", path, snapshots);
  CHECK(mkdir(rev, 0777) == 0);
  snprintf(root, sizeof root, "%.255s", rev);
}

TEST(folder, knows_the_cache_and_its_links_alone) {
  begin("cache");
  make_cache("models--a--b", "snapshots");
  CHECK(symlink("../../blobs/" DIGEST, in_root("good")) == 0);
  CHECK(symlink("../../blobs/" DIGEST "00", in_root("long")) == 0);
  CHECK(symlink("../../blobs/../blobs/" DIGEST, in_root("dots")) == 0);
  CHECK(symlink("../blobs/" DIGEST, in_root("short")) == 0);
  CHECK(symlink("../../blobs/" OTHER, in_root("gone")) == 0);
  CHECK_INT(take("good"), OINF_OK);
  REFUSED(take("long"), OINF_FORMAT);
  REFUSED(take("dots"), OINF_FORMAT);
  REFUSED(take("short"), OINF_FORMAT);
  REFUSED(take("gone"), OINF_NOINPUT);
}

TEST(folder, follows_no_blob_that_is_a_link) {
  begin("cache2");
  make_cache("models--a--b", "snapshots");
  CHECK(symlink("/etc/passwd", in_root("../../blobs/" OTHER)) == 0);
  CHECK(symlink("../../blobs/" OTHER, in_root("a")) == 0);
  REFUSED(take("a"), OINF_FORMAT);
}

TEST(folder, follows_cache_links_only_in_a_cache) {
  static const char *const names[][2] = {{"model", "snapshots"}, {"models--a--b", "elsewhere"}};
  for (int i = 0; i < 2; i++) {
    begin(i ? "cache4" : "cache3");
    make_cache(names[i][0], names[i][1]);
    CHECK(symlink("../../blobs/" DIGEST, in_root("good")) == 0);
    REFUSED(take("good"), OINF_FORMAT);
  }
}

TEST(folder, lists_names_in_order) {
  begin("list");
  put("b", ""), put("a", ""), put(".hidden", ""), put("C", "");
  oi_folder f;
  oi_arena arena;
  oi_names names;
  oi_arena_init(&arena, ctx);
  CHECK_INT(oi_folder_open(ctx, root, &f), OINF_OK);
  CHECK_INT(oi_folder_list(ctx, &f, &arena, &names), OINF_OK);
  CHECK_INT(names.n, 3);
  CHECK_STR(names.at[0], "C");
  CHECK_STR(names.at[1], "a");
  CHECK_STR(names.at[2], "b");
  CHECK(oi_folder_has(&f, "a") && !oi_folder_has(&f, "d") && !oi_folder_has(&f, "../list"));
  oi_folder_close(ctx, &f);
  oi_arena_free(&arena);
  REFUSED(oi_folder_open(ctx, in_root("a"), &f), OINF_NOINPUT);
}

// ---- writing ----

static const char whole[] = "the new content, which is a few dozen bytes long, behind a head";

// One output in several pieces, as a package's writer would do it.
static oinf_status write_all(const char *path) {
  oi_out *o;
  char back[4];
  OI_TRY(oi_out_begin(ctx, path, &o));
  oinf_status s = oi_out_reserve(o, sizeof whole - 1);
  if (s == OINF_OK) s = oi_out_zeros(o, 4);
  if (s == OINF_OK) s = oi_out_write(o, whole + 4, sizeof whole - 5);
  if (s == OINF_OK) s = oi_out_sync(o);
  if (s == OINF_OK) s = oi_out_write_at(o, 0, whole, 4);
  if (s == OINF_OK) s = oi_out_read_at(o, 0, back, 4);
  if (s == OINF_OK) CHECK(memcmp(back, whole, 4) == 0 && oi_out_size(o) == sizeof whole - 1);
  if (s == OINF_OK) s = oi_out_commit(&o);
  else oi_out_abort(&o);
  return s;
}

TEST(out, is_written_and_replaced) {
  begin("out");
  CHECK_INT(write_all(in_root("a")), OINF_OK);
  CHECK(holds("a", whole) && entries() == 1);
  put("b", "old");
  CHECK(chmod(in_root("b"), 0640) == 0 && symlink("b", in_root("link")) == 0);
  CHECK_INT(write_all(in_root("link")), OINF_OK);
  struct stat st;
  CHECK(holds("b", whole) && stat(in_root("b"), &st) == 0 && (st.st_mode & 0777) == 0640);
  CHECK(lstat(in_root("link"), &st) == 0 && S_ISLNK(st.st_mode));
  CHECK_INT(entries(), 3);
}

TEST(out, abort_leaves_nothing) {
  begin("abort");
  put("a", "old");
  oi_out *o = NULL;
  oi_out_abort(&o);
  CHECK_INT(oi_out_begin(ctx, in_root("a"), &o), OINF_OK);
  CHECK_INT(oi_out_write(o, "new", 3), OINF_OK);
  oi_out_abort(&o);
  CHECK(!o && holds("a", "old") && entries() == 1);
}

TEST(out, can_be_read_by_a_verifier_before_it_has_a_name) {
  begin("verify");
  oi_out *o;
  oi_source s;
  char got[3];
  CHECK_INT(oi_out_begin(ctx, in_root("a"), &o), OINF_OK);
  CHECK_INT(oi_out_write(o, "abc", 3), OINF_OK);
  CHECK_INT(oi_out_source(o, &s), OINF_OK);
  CHECK_INT(s.size, 3);
  CHECK_INT(oi_source_map(oi_ctx_err(ctx), &s), OINF_OK);
  CHECK_INT(oi_source_read(oi_ctx_err(ctx), &s, 0, got, 3), OINF_OK);
  CHECK(memcmp(got, "abc", 3) == 0 && memcmp(s.map, "abc", 3) == 0);
  oi_source_close(ctx, &s);
  REFUSED(oi_out_read_at(o, 2, got, 2), OINF_IO);
  oi_out_abort(&o);
}

TEST(out, refuses_what_cannot_be_a_target) {
  begin("target");
  oi_out *o;
  CHECK(mkdir(in_root("sub"), 0777) == 0 && mkfifo(in_root("pipe"), 0666) == 0);
  CHECK(symlink("nowhere", in_root("dangling")) == 0);
  static const char *const bad[] = {"no/such/x", "sub", "sub/", "sub/.", "sub/..", "pipe",
                                    "dangling", "."};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    REFUSED(oi_out_begin(ctx, in_root(bad[i]), &o), OINF_CREATE);
  REFUSED(oi_out_begin(ctx, "", &o), OINF_CREATE);
  REFUSED(oi_out_begin(ctx, "/proc/x", &o), OINF_CREATE);
  REFUSED(oi_out_begin(ctx, "/dev/null", &o), OINF_CREATE);
}

TEST(out, refuses_its_own_input_under_any_name) {
  begin("avoid");
  put("a", "content"), put("c", "content");
  CHECK(link(in_root("a"), in_root("hard")) == 0 && symlink("a", in_root("soft")) == 0);
  static const char *const same[] = {"a", "hard", "soft"};
  oi_source s;
  oi_out *o;
  CHECK_INT(oi_file_open(ctx, in_root("a"), &s), OINF_OK);
  for (int i = 0; i < 3; i++) {
    oinf_error_clear(ctx);
    CHECK_INT(oi_out_begin(ctx, in_root(same[i]), &o), OINF_OK);
    REFUSED(oi_out_avoid(o, &s), OINF_USAGE);
    oi_out_abort(&o);
  }
  oinf_error_clear(ctx);
  CHECK_INT(oi_out_begin(ctx, in_root("c"), &o), OINF_OK);
  CHECK_INT(oi_out_avoid(o, &s), OINF_OK);
  oi_out_abort(&o);
  oi_source_close(ctx, &s);
}

// Every call of the kind named fails in turn; `only` NULL takes them all.
static void sweep(const char *only, int error, bool sticky, bool no_nameless) {
  long n = 0;
  for (long at = 1;; at++) {
    put("a", "old");
    oinf_error_clear(ctx);
    int fds = open_fds();
    oi_fault_set(&(oi_fault){.only = only, .at = at, .error = error, .sticky = sticky});
    oinf_status s = write_all(in_root("a"));
    bool fired = oi_fault_fired();
    oi_fault_set(NULL);
    CHECK_INT(open_fds(), fds);
    if (!fired) break;
    bool is_new = holds("a", whole);
    CHECK_MSG(is_new || holds("a", "old"), "torn at call %ld", at);
    CHECK_MSG(s != OINF_OK || is_new, "success without the new content at call %ld", at);
    CHECK(s == OINF_OK || s == OINF_CREATE || s == OINF_IO || s == OINF_NOINPUT);
    if (!no_nameless || !sticky) CHECK_MSG(entries() == 1, "litter at call %ld", at);
    n++;
  }
  CHECK(n > 0);
}

TEST(out, is_whole_or_untouched_at_every_failing_call) {
  begin("sweep");
  sweep(NULL, EIO, false, false);
  sweep(NULL, ENOSPC, false, false);
  sweep(NULL, EIO, true, true);
  sweep("pwrite", ENOSPC, true, false);
  sweep("fsync", EIO, true, false);
}

TEST(out, works_without_nameless_files) {
  begin("named");
  oi_fault_set(&(oi_fault){.only = "openat", .at = 1, .error = EOPNOTSUPP});
  CHECK_INT(write_all(in_root("a")), OINF_OK);
  CHECK(oi_fault_fired());
  oi_fault_set(&(oi_fault){.only = "openat", .at = 1, .error = EOPNOTSUPP});
  oi_out *o;
  CHECK_INT(oi_out_begin(ctx, in_root("b"), &o), OINF_OK);
  oi_fault_set(NULL);
  CHECK_INT(entries(), 2);
  oi_out_abort(&o);
  CHECK(holds("a", whole) && entries() == 1);
}

TEST(out, statuses_tell_create_from_io) {
  begin("status");
  static const struct { const char *only; oinf_status status; } rows[] = {
      {"open", OINF_CREATE}, {"openat", OINF_CREATE}, {"fallocate", OINF_IO},
      {"pwrite", OINF_IO},   {"pread", OINF_IO},      {"fsync", OINF_IO},
      {"linkat", OINF_IO},   {"renameat", OINF_IO}};
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    oi_fault_set(&(oi_fault){.only = rows[i].only, .at = 1, .error = ENOSPC, .sticky = true});
    REFUSED(write_all(in_root("a")), rows[i].status);
    oi_fault_set(NULL);
    CHECK(entries() == 0);
  }
}

TEST(out, short_transfers_and_interruptions_change_nothing) {
  begin("short");
  oi_fault_set(&(oi_fault){.most = 1, .interrupt = 3});
  CHECK_INT(write_all(in_root("a")), OINF_OK);
  oi_fault_set(NULL);
  CHECK(holds("a", whole));
}
