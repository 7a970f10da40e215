// A user of the bundle `sides` whose weights are damaged, mended, written to and cut while they are
// in use: each is said with its code, and what is whole again goes on. Ends with 0 where all holds.
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sides/model.h"

static int failures;
#define EXPECT(what)                                                   \
  do {                                                                 \
    if (!(what)) failures++, printf("line %d: %s\n", __LINE__, #what); \
  } while (0)

// Without a trace in the file's times: the checksum alone can tell.
static void flip(const char *path, off_t at) {
  struct stat st;
  uint8_t byte;
  const int fd = open(path, O_RDWR);
  EXPECT(fstat(fd, &st) == 0 && pread(fd, &byte, 1, at) == 1);
  byte ^= 1;
  EXPECT(pwrite(fd, &byte, 1, at) == 1);
  EXPECT(futimens(fd, (struct timespec[]){st.st_atim, st.st_mtim}) == 0);
  close(fd);
}

static int step(sides_run *r, float *y) {
  static const float x[64] = {1, 2, 3, -4};
  static const uint8_t side = 1;
  const sides_inputs in = {.input0 = x, .input1 = &side};
  return sides_step(r, &in, &(sides_outputs){.output0 = y});
}

static int said(const sides_run *r, const char *word) {
  if (strstr(sides_error(r), word)) return 1;
  printf("said: %s\n", sides_error(r));
  return 0;
}

int main(int n, char **words) {
  sides_file *f;
  sides_run *r = NULL;
  if (n != 3) return 2;
  const off_t end = (off_t)atol(words[2]);
  float *want = calloc(SIDES_OUTPUT0_ELEMENTS, 4), *have = calloc(SIDES_OUTPUT0_ELEMENTS, 4);
  EXPECT(sides_open(words[1], &f) == SIDES_OK && sides_new(f, &r) == SIDES_OK);
  EXPECT(step(r, want) == SIDES_OK && step(r, have) == SIDES_OK);
  EXPECT(memcmp(want, have, sizeof *want * SIDES_OUTPUT0_ELEMENTS) == 0);
  for (off_t at = end - (2 << 20) + 4096; at < end; at += 1 << 20) {
    flip(words[1], at);
    EXPECT(step(r, have) == SIDES_BAD && said(r, "checksum of block"));
    flip(words[1], at);
    EXPECT(step(r, have) == SIDES_OK);
    EXPECT(memcmp(want, have, sizeof *want * SIDES_OUTPUT0_ELEMENTS) == 0);
  }
  const int fd = open(words[1], O_RDWR);
  EXPECT(futimens(fd, (struct timespec[]){{1, 0}, {1, 0}}) == 0);
  EXPECT(step(r, have) == SIDES_BAD && said(r, "written to"));
  EXPECT(ftruncate(fd, end - (1 << 20)) == 0);
  EXPECT(step(r, have) == SIDES_IO && said(r, "shorter"));
  close(fd);
  sides_free(r), sides_close(f);
  EXPECT(sides_open(words[1], &f) == SIDES_BAD);
  sides_close(f);
  free(want), free(have);
  return failures != 0;
}
