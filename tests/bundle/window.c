// A bundle whose states keep a window's rows, against files that the simulator saved: from the start
// or from any of the files it comes, in chunks of its own, to the bytes of every later file. Words:
// the weights, the folder of the files, the rows of a chunk. Ends with 0 where all holds.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

static const int64_t saved[] = {0, 1, 7, 8, 9, 31, 48, 49, 101};
enum { FILES = sizeof saved / sizeof *saved, VOCAB = 24, MOST = 16 };
static long failures;
static int64_t chunk;

#define EXPECT(what)                                                   \
  do {                                                                 \
    if (!(what)) failures++, printf("line %d: %s\n", __LINE__, #what); \
  } while (0)

static size_t slurp(const char *path, unsigned char *to, size_t room) {
  FILE *f = fopen(path, "rb");
  const size_t n = f ? fread(to, 1, room, f) : 0;
  EXPECT(f && n > 0 && n < room);
  if (f) fclose(f);
  return n;
}

static bool same(const char *a, const char *b) {
  static unsigned char x[1 << 18], y[1 << 18];
  const size_t n = slurp(a, x, sizeof x);
  return slurp(b, y, sizeof y) == n && memcmp(x, y, n) == 0;
}

static int step(win_run *r, int64_t begin, int64_t end) {
  int32_t ids[MOST];
  const int64_t n = end - begin;
  for (int64_t i = begin; i < end; i++) ids[i - begin] = (int32_t)((7 * i + 3 + i / 9) % VOCAB);
  int code = win_bind(r, "tokens", ids, "i32", 1, &n);
  if (!code) code = win_set(r, "P", begin);
  return code ? code : win_step_bound(r);
}

static void go_on(win_run *r, int64_t to) {
  for (int64_t at = win_position(r), end; at < to; at = end) {
    end = at + chunk < to ? at + chunk : to;
    EXPECT(step(r, at, end) == WIN_OK);
  }
}

static const char *file_of(const char *folder, int64_t rows) {
  static char path[512];
  snprintf(path, sizeof path, "%s/rows-%d", folder, (int)rows);
  return path;
}

static void from(win_run *r, const char *folder, int first) {
  char own[512];
  snprintf(own, sizeof own, "%s/own", folder);
  for (int i = first; i < FILES; i++) {
    go_on(r, saved[i]);
    EXPECT(win_save(r, own, NULL, 0) == WIN_OK);
    EXPECT(same(own, file_of(folder, saved[i])));
  }
}

static void refusals(win_run *r, const char *folder) {
  static unsigned char b[1 << 18];
  const size_t n = slurp(file_of(folder, 101), b, sizeof b);
  go_on(r, 120);
  EXPECT(win_rewind(r, 20) == WIN_USAGE && strstr(win_error(r), "row 20 cannot follow"));
  EXPECT(step(r, 20, 21) == WIN_USAGE && step(r, 130, 131) == WIN_USAGE);
  for (size_t i = 0; i < n; i += 211) {
    b[i] ^= 4;
    EXPECT(win_load_bytes(r, b, n, NULL, NULL) == WIN_BAD);
    b[i] ^= 4;
    EXPECT(win_load_bytes(r, b, i, NULL, NULL) == WIN_BAD);
  }
  EXPECT(win_position(r) == 120 && win_rewind(r, 119) == WIN_OK);
  EXPECT(step(r, 119, 120) == WIN_OK);
  win_reset(r);
  EXPECT(win_position(r) == 0);
}

int main(int n, char **words) {
  win_file *file = NULL;
  win_run *r = NULL;
  if (n != 4) return 2;
  chunk = atoi(words[3]);
  EXPECT(win_open(words[1], &file) == WIN_OK && win_new(file, &r) == WIN_OK);
  from(r, words[2], 0);
  if (WIN_WINDOW_ROWS) refusals(r, words[2]);
  else win_reset(r);
  from(r, words[2], 0);
  for (int i = 0; i < FILES; i++) {
    EXPECT(win_load(r, file_of(words[2], saved[i]), NULL, NULL) == WIN_OK);
    EXPECT(win_position(r) == saved[i]);
    from(r, words[2], i);
  }
  win_free(r), win_close(file);
  return failures != 0;
}
