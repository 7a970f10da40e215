// The pager against a model that is simpler than it: whatever was asked before, in whatever order
// it was told to read ahead, a page's bytes are those of the file, and a block that cannot be
// proved is refused each time it is asked for. Built with -fsanitize=thread, this test is what the
// pager's locking is held to.
#include "lib/rt/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/rt/crc32c.h"
#include "tests/iofault.h"
#include "tests/test.h"

enum {
  HEAD = 4096,
  BLOCKS = 10,  // of the first file, the last one short
  TAIL = 12345,
  OTHER = 3,  // of the second file, which has no checksums and starts at 0
  MEMORY = 2,
  ALL = BLOCKS + OTHER + MEMORY
};

typedef struct files {
  uint8_t *first, *other, *memory;  // what they hold
  uint32_t *crc;
  char path[2][128];
  int fd[2];
  oi_pager_source sources[3];
} files;

static uint64_t random_of(uint64_t *state) {
  *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return *state >> 33;
}

static size_t first_size(void) { return HEAD + (size_t)(BLOCKS - 1) * OI_BLOCK + TAIL; }

static uint8_t *noise(size_t n, uint64_t seed) {
  uint8_t *p = malloc(n + 8);
  CHECK(p != NULL);
  for (size_t i = 0; i < n; i += 8) {
    uint64_t x = random_of(&seed);
    memcpy(p + i, &x, 8);
  }
  return p;
}

static void put_file(const char *path, const uint8_t *at, size_t n) {
  FILE *f = fopen(path, "wb");
  CHECK(f && fwrite(at, 1, n, f) == n && fclose(f) == 0);
}

static files make_files(void) {
  files f;
  f.first = noise(first_size(), 1), f.other = noise((size_t)OTHER * OI_BLOCK, 2);
  f.memory = noise((size_t)MEMORY * OI_BLOCK, 3);
  f.crc = calloc(BLOCKS, sizeof *f.crc);
  CHECK(f.crc != NULL);
  for (int b = 0; b < BLOCKS; b++)
    f.crc[b] =
        oi_crc32c(0, f.first + HEAD + (size_t)b * OI_BLOCK, b + 1 < BLOCKS ? OI_BLOCK : TAIL);
  for (int i = 0; i < 2; i++) {
    snprintf(f.path[i], sizeof f.path[i], "%s/pager.%d", oi_test_dir(), i);
    put_file(f.path[i], i ? f.other : f.first, i ? (size_t)OTHER * OI_BLOCK : first_size());
    f.fd[i] = open(f.path[i], O_RDWR);
    CHECK(f.fd[i] >= 0);
  }
  f.sources[0] = (oi_pager_source){f.fd[0], NULL, HEAD, first_size() - HEAD, f.crc};
  f.sources[1] = (oi_pager_source){f.fd[1], NULL, 0, (uint64_t)OTHER * OI_BLOCK, NULL};
  f.sources[2] = (oi_pager_source){-1, f.memory, 0, (uint64_t)MEMORY * OI_BLOCK, NULL};
  return f;
}

static void free_files(files *f) {
  free(f->first), free(f->other), free(f->memory), free(f->crc);
  close(f->fd[0]), close(f->fd[1]);
}

static const uint8_t *bytes_of(const files *f, uint64_t block, size_t *n) {
  *n = block == BLOCKS - 1 ? TAIL : OI_BLOCK;
  if (block < BLOCKS) return f->first + HEAD + block * OI_BLOCK;
  if (block < BLOCKS + OTHER) return f->other + (block - BLOCKS) * OI_BLOCK;
  return f->memory + (block - BLOCKS - OTHER) * OI_BLOCK;
}

static bool equals(const files *f, oi_page page, const uint8_t *have) {
  for (uint32_t i = 0; i < page.count; i++) {
    size_t n;
    const uint8_t *want = bytes_of(f, page.first + i, &n);
    if (memcmp(have + (size_t)i * OI_BLOCK, want, n) != 0) return false;
  }
  return true;
}

static oi_pager *open_pager(const files *f) {
  oi_pager *p = oi_pager_open(f->sources, 3);
  CHECK(p != NULL);
  CHECK_INT(oi_pager_blocks(p), ALL);
  return p;
}

static void check_page(const files *f, oi_pager *p, oi_page page, bool row) {
  const uint8_t *at = NULL;
  CHECK_INT(oi_pager_get(p, page, row, &at), OI_PAGER_OK);
  CHECK_MSG(equals(f, page, at), "page %d+%u differs", (int)page.first, page.count);
}

// ---- what is asked is what one gets ----

TEST(pager, offsets_become_blocks_and_memory_is_given_as_it_lies) {
  files f = make_files();
  oi_pager *p = open_pager(&f);
  const uint8_t *at;
  CHECK_INT(oi_pager_block_of(p, 0, HEAD), 0);
  CHECK_INT(oi_pager_block_of(p, 0, HEAD + OI_BLOCK - 1), 0);
  CHECK_INT(oi_pager_block_of(p, 0, HEAD + OI_BLOCK), 1);
  CHECK_INT(oi_pager_block_of(p, 1, 0), BLOCKS);
  CHECK_INT(oi_pager_block_of(p, 2, OI_BLOCK), BLOCKS + OTHER + 1);
  CHECK(!oi_pager_mapped(p, 0) && oi_pager_mapped(p, 2));
  CHECK_INT(oi_pager_get(p, (oi_page){BLOCKS + OTHER, 2}, false, &at), OI_PAGER_OK);
  CHECK(at == f.memory);
  CHECK_INT(oi_pager_bytes_read(p), 0);
  oi_pager_close(p);
  oi_pager_close(NULL);
  free_files(&f);
}

static oi_page random_page(uint64_t *state, uint32_t most) {
  oi_page p = {random_of(state) % (BLOCKS + OTHER), 1 + (uint32_t)random_of(state) % most};
  if (p.first + p.count > BLOCKS + OTHER) p.first = BLOCKS + OTHER - p.count;
  return p;
}

// Window, slots and schedule at random; the asking follows the schedule only now and then.
static void ask_at_random(const files *f, oi_pager *p, uint64_t seed) {
  enum {
    ORDER = 7
  };
  oi_page order[ORDER];
  uint64_t state = seed;
  const uint32_t slot = 1 + (uint32_t)random_of(&state) % 3;
  oi_pager_room room = {.window = {random_of(&state) % 6, (uint32_t)random_of(&state) % 5},
                        .slot = slot,
                        .row_slot = 2,
                        .order = order,
                        .n_order = random_of(&state) % (ORDER + 1)};
  for (int i = 0; i < ORDER; i++)
    order[i] = random_of(&state) % 5 ? random_page(&state, slot) : (oi_page){0, 0};
  room.memory = malloc(oi_pager_room_bytes(&room));
  CHECK(room.memory != NULL);
  oi_pager_set(p, &room, false);
  for (uint64_t i = 0; i < 30; i++) {
    const bool foreseen = room.n_order && random_of(&state) % 3;
    const bool fence = foreseen && !order[i % room.n_order].count;
    if (fence || random_of(&state) % 8 == 0) oi_pager_go(p, random_of(&state) % (ORDER + 1));
    if (fence) continue;
    const oi_page page = foreseen ? order[i % room.n_order] : random_page(&state, slot);
    check_page(f, p, page, false);
    if (random_of(&state) % 4 == 0) check_page(f, p, random_page(&state, 2), true);
    if (random_of(&state) % 16 == 0) oi_pager_stop(p);
    if (random_of(&state) % 16 == 0) oi_pager_set(p, &room, random_of(&state) % 2);
  }
  oi_pager_stop(p);
  free(room.memory);
}

TEST(pager, pages_are_right_whatever_was_foreseen) {
  files f = make_files();
  oi_pager *p = open_pager(&f);
  for (uint64_t seed = 0; seed < (oi_test_soak() ? 2000u : 40u); seed++) ask_at_random(&f, p, seed);
  oi_pager_close(p);
  free_files(&f);
}

TEST(pager, a_window_is_read_once_and_kept_where_it_stays) {
  files f = make_files();
  oi_pager *p = open_pager(&f);
  oi_pager_room room = {.window = {2, 4}, .slot = 1};
  room.memory = malloc(oi_pager_room_bytes(&room));
  oi_pager_set(p, &room, false);
  for (int i = 0; i < 3; i++) check_page(&f, p, (oi_page){2, 4}, false);
  CHECK(oi_pager_in_window(p, 2, 5) && !oi_pager_in_window(p, 2, 6) &&
        !oi_pager_in_window(p, 1, 3));
  CHECK_INT(oi_pager_bytes_read(p), 4 * OI_BLOCK);
  oi_pager_set(p, &room, true);
  check_page(&f, p, (oi_page){3, 2}, false);
  CHECK_INT(oi_pager_bytes_read(p), 4 * OI_BLOCK);
  oi_pager_set(p, &room, false);
  check_page(&f, p, (oi_page){3, 2}, false);
  CHECK_INT(oi_pager_bytes_read(p), 6 * OI_BLOCK);
  oi_pager_close(p);
  free(room.memory);
  free_files(&f);
}

// Three rounds of a schedule read every page three times, and at most one more ahead.
TEST(pager, a_schedule_that_is_followed_costs_its_bytes) {
  static const oi_page order[] = {{0, 2}, {2, 2}, {6, 1}, {BLOCKS, 2}, {BLOCKS + 2, 1}};
  enum {
    N = sizeof order / sizeof *order,
    ROUND = 8
  };
  files f = make_files();
  oi_pager *p = open_pager(&f);
  oi_pager_room room = {.slot = 2, .order = order, .n_order = N};
  room.memory = malloc(oi_pager_room_bytes(&room));
  oi_pager_set(p, &room, false);
  for (int i = 0; i < 3 * N; i++) check_page(&f, p, order[i % N], false);
  oi_pager_stop(p);
  const uint64_t read = oi_pager_bytes_read(p);
  CHECK(read >= 3 * ROUND * OI_BLOCK && read <= (3 * ROUND + 2) * (uint64_t)OI_BLOCK);
  check_page(&f, p, order[1], false);  // it goes on without its thread
  oi_pager_close(p);
  free(room.memory);
  free_files(&f);
}

// Behind a fence is what one of two ways needs: nothing of the other is read.
TEST(pager, fences_are_passed_when_the_way_is_known) {
  static const oi_page order[] = {{0, 2}, {0, 0}, {2, 2}, {4, 2}, {0, 0}, {6, 2}, {8, 1}};
  static const int ways[2][4] = {{0, 2, 3, 6}, {0, 5, 6, -1}};
  files f = make_files();
  oi_pager *p = open_pager(&f);
  oi_pager_room room = {.slot = 2, .order = order, .n_order = 7};
  room.memory = malloc(oi_pager_room_bytes(&room));
  oi_pager_set(p, &room, false);
  uint64_t want = 0;
  for (int round = 0; round < 12; round++) {
    const int *way = ways[round % 3 != 0];
    for (int i = 0; i < 4 && way[i] >= 0; i++) {
      if (i == 1) oi_pager_go(p, (size_t)way[i]);
      if (i == 3) oi_pager_go(p, 6);
      check_page(&f, p, order[way[i]], false);
      want += order[way[i]].count * (uint64_t)OI_BLOCK;
    }
    CHECK_INT(oi_pager_bytes_streamed(p), want);
  }
  oi_pager_stop(p);
  CHECK(oi_pager_bytes_read(p) >= want && oi_pager_bytes_read(p) <= want + 2 * OI_BLOCK);
  oi_pager_close(p);
  free(room.memory);
  free_files(&f);
}

// A narrow page that a wider one in the ring has already leaves the schedule where it stands: the
// wider one comes again later, and what lies between is still read once.
TEST(pager, a_narrow_page_does_not_skip_the_schedule) {
  enum {
    N = 8
  };
  static const oi_page order[N] = {{3, 2}, {7, 1}, {3, 1}, {6, 1}, {1, 1}, {3, 2}, {5, 1}, {8, 1}};
  const uint64_t round = 9;  // blocks: the narrow page costs nothing
  files f = make_files();
  oi_pager *p = open_pager(&f);
  oi_pager_room room = {.slot = 2, .order = order, .n_order = N};
  room.memory = malloc(oi_pager_room_bytes(&room));
  oi_pager_set(p, &room, false);
  for (uint64_t turn = 1; turn <= 8; turn++) {
    for (int i = 0; i < N; i++) check_page(&f, p, order[i], false);
    CHECK_INT(oi_pager_bytes_streamed(p), turn * round * OI_BLOCK);
  }
  oi_pager_stop(p);
  oi_pager_close(p);
  free(room.memory);
  free_files(&f);
}

// ---- faults ----

static void flip(const files *f, uint64_t at) {
  uint8_t b = (uint8_t)(f->first[at] ^ 1);
  CHECK_INT(pwrite(f->fd[0], &b, 1, (off_t)at), 1);
}
static void mend(const files *f, uint64_t at) {
  CHECK_INT(pwrite(f->fd[0], f->first + at, 1, (off_t)at), 1);
}

TEST(pager, a_damaged_block_is_refused_each_time_and_no_other) {
  static const oi_page order[] = {{0, 1}, {1, 1}, {2, 1}, {3, 1}};
  const uint64_t where = HEAD + 2 * (uint64_t)OI_BLOCK + 777;
  files f = make_files();
  for (uint32_t window = 0; window < 8; window += 7) {
    oi_pager *p = open_pager(&f);
    oi_pager_room room = {
        .window = {0, window}, .slot = 1, .row_slot = 1, .order = order, .n_order = 4};
    room.memory = malloc(oi_pager_room_bytes(&room));
    const uint8_t *at;
    flip(&f, where);
    oi_pager_set(p, &room, false);
    for (int round = 0; round < 2; round++) {
      for (uint64_t b = 0; b < 4; b++) {
        if (b != 2) {
          check_page(&f, p, (oi_page){b, 1}, false);
          continue;
        }
        CHECK_INT(oi_pager_get(p, (oi_page){b, 1}, round, &at), OI_PAGER_CORRUPT);
        CHECK_INT(oi_pager_bad_block(p), 2);
      }
    }
    mend(&f, where);
    check_page(&f, p, (oi_page){2, 1}, true);
    check_page(&f, p, (oi_page){2, 1}, false);
    oi_pager_close(p);
    free(room.memory);
  }
  free_files(&f);
}

TEST(pager, a_mapped_block_is_proved_at_its_first_use) {
  files f = make_files();
  f.sources[0].map = f.first;
  oi_pager *p = open_pager(&f);
  const uint8_t *at;
  check_page(&f, p, (oi_page){BLOCKS - 2, 2}, false);
  f.first[HEAD + 5] ^= 1;
  CHECK_INT(oi_pager_get(p, (oi_page){0, 3}, false, &at), OI_PAGER_CORRUPT);
  CHECK_INT(oi_pager_bad_block(p), 0);
  f.first[HEAD + 5] ^= 1;
  check_page(&f, p, (oi_page){0, 3}, false);
  f.first[HEAD + 5] ^= 1;  // proved once, it is not looked at again
  CHECK_INT(oi_pager_get(p, (oi_page){0, 3}, false, &at), OI_PAGER_OK);
  oi_pager_close(p);
  free_files(&f);
}

TEST(pager, a_file_that_is_cut_is_said_to_be_short) {
  static const oi_page order[] = {{4, 1}, {5, 1}, {9, 1}};
  files f = make_files();
  oi_pager *p = open_pager(&f);
  oi_pager_room room = {.slot = 1, .order = order, .n_order = 3};
  room.memory = malloc(oi_pager_room_bytes(&room));
  const uint8_t *at;
  oi_pager_set(p, &room, false);
  check_page(&f, p, order[0], false);
  check_page(&f, p, order[1], false);
  CHECK_INT(ftruncate(f.fd[0], HEAD + 5 * OI_BLOCK + 17), 0);
  check_page(&f, p, order[0], false);
  oi_pager_stop(p);
  CHECK_INT(oi_pager_get(p, (oi_page){6, 1}, false, &at), OI_PAGER_SHORT);
  CHECK_INT(oi_pager_get(p, (oi_page){6, 1}, false, &at), OI_PAGER_SHORT);
  check_page(&f, p, order[0], false);
  oi_pager_close(p);
  free(room.memory);
  free_files(&f);
}

TEST(pager, failed_reads_say_why_and_later_ones_go_on) {
  static const oi_page order[] = {{0, 2}, {2, 2}, {4, 2}, {6, 2}, {8, 2}};
  files f = make_files();
  for (long n = 1; n <= 14; n++) {
    oi_pager *p = open_pager(&f);
    oi_pager_room room = {.slot = 2, .order = order, .n_order = 5};
    room.memory = malloc(oi_pager_room_bytes(&room));
    int failed = 0;
    oi_fault_set(&(oi_fault){.only = "pread", .at = n, .error = EIO});
    oi_pager_set(p, &room, false);
    for (int i = 0; i < 10; i++) {
      const uint8_t *at;
      oi_pager_fault fault = oi_pager_get(p, order[i % 5], false, &at);
      CHECK(fault == OI_PAGER_OK ? equals(&f, order[i % 5], at) : fault == OI_PAGER_IO);
      if (!fault) continue;
      CHECK_INT(oi_pager_errno(p), EIO);
      failed++, i--;
    }
    oi_pager_close(p);
    oi_fault_set(NULL);
    CHECK_INT(failed, 1);
    free(room.memory);
  }
  free_files(&f);
}

TEST(pager, interrupted_and_short_reads_are_taken_up_again) {
  static const oi_page order[] = {{0, 2}, {8, 2}, {4, 2}};
  files f = make_files();
  oi_pager *p = open_pager(&f);
  oi_pager_room room = {.slot = 2, .order = order, .n_order = 3};
  room.memory = malloc(oi_pager_room_bytes(&room));
  oi_fault_set(&(oi_fault){.most = 65537, .interrupt = 3});
  oi_pager_set(p, &room, false);
  for (int i = 0; i < 9; i++) check_page(&f, p, order[i % 3], false);
  oi_pager_close(p);
  oi_fault_set(NULL);
  free(room.memory);
  free_files(&f);
}
