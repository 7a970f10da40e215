// Several instances of one bundle, named `sums`, over one file of weights: each thread makes its
// own and answers as the first one did; between model_new and model_free nothing is allocated. The
// allocator is counted by linking with --wrap. Ends with 0 where all holds.
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

enum { THREADS = 4, GIVEN = 7, MADE = 9 };
static atomic_long allocations, failures;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void *__wrap_malloc(size_t n) { return allocations++, __real_malloc(n); }
void *__wrap_calloc(size_t n, size_t size) { return allocations++, __real_calloc(n, size); }
void *__wrap_realloc(void *p, size_t n) { return allocations++, __real_realloc(p, n); }
void *__wrap_aligned_alloc(size_t align, size_t n) {
  return allocations++, __real_aligned_alloc(align, n);
}

#define EXPECT(what)                                                   \
  do {                                                                 \
    if (!(what)) failures++, printf("line %d: %s\n", __LINE__, #what); \
  } while (0)

static int32_t best(const float *logits) {
  int32_t at = 0;
  for (int32_t i = 1; i < SUMS_VOCAB; i++)
    if (logits[i] > logits[at]) at = i;
  return at;
}

static void answer(sums_run *r, int seed, int32_t *out) {
  float logits[SUMS_VOCAB];
  int32_t ids[GIVEN];
  for (int i = 0; i < GIVEN; i++) ids[i] = (seed + 3 * i) % SUMS_VOCAB;
  sums_reset(r);
  EXPECT(sums_prefill(r, ids, GIVEN, logits) == SUMS_OK);
  for (int i = 0; i < MADE; i++) {
    out[i] = best(logits);
    EXPECT(sums_decode(r, out[i], logits) == SUMS_OK);
  }
}

// The first golden step of a text is 16 ids, 7 i + 3 within the vocabulary; it is there to be tried.
static void try_golden(sums_run *r) {
  float logits[SUMS_VOCAB];
  int32_t ids[16];
  sums_array out;
  for (int i = 0; i < 16; i++) ids[i] = (7 * i + 3) % SUMS_VOCAB;
  sums_reset(r);
  EXPECT(sums_prefill(r, ids, 16, logits) == SUMS_OK);
  sums_reset(r);
  EXPECT(sums_bind_golden(r, 0) == SUMS_OK && sums_step_bound(r) == SUMS_OK);
  EXPECT(sums_output(r, sums_output_find("logits"), &out) && out.bytes == sizeof logits);
  EXPECT(sums_position(r) == 16 && memcmp(out.data, logits, sizeof logits) == 0);
  EXPECT(sums_bind_golden(r, -1) == SUMS_NOINPUT && sums_bind_golden(r, 3) == SUMS_NOINPUT);
}

static sums_file *file;
static int32_t first[MADE];

static void *use(void *arg) {
  const int workers = *(const int *)arg;
  sums_run *r;
  int32_t same[MADE], other[MADE];
  EXPECT(sums_new(file, &r) == SUMS_OK && sums_threads(r, workers) == SUMS_OK);
  for (int i = 0; i < 8; i++) {
    answer(r, 1, same);
    answer(r, 2 + i, other);
    EXPECT(memcmp(same, first, sizeof first) == 0);
  }
  return sums_free(r), NULL;
}

int main(int n, char **words) {
  sums_run *r;
  pthread_t thread[THREADS];
  static const int workers[THREADS] = {1, 2, 1, 3};
  if (n != 2) return 2;
  EXPECT(sums_open(words[1], &file) == SUMS_OK);
  EXPECT(sums_new(file, &r) == SUMS_OK && sums_threads(r, 2) == SUMS_OK);
  const long before = allocations;
  answer(r, 1, first);
  try_golden(r);
  EXPECT(allocations == before && before > 0);
  for (int i = 0; i < THREADS; i++)
    EXPECT(pthread_create(&thread[i], NULL, use, (void *)(uintptr_t)&workers[i]) == 0);
  for (int i = 0; i < THREADS; i++) pthread_join(thread[i], NULL);
  sums_free(r), sums_close(file);
  return failures != 0;
}
