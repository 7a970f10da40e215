// See pager.h. Two threads: the caller's, and one that reads ahead. One mutex guards the states of
// the two slots, the order of work and the count of bytes; file reads and checksums run outside it,
// each on memory that its thread alone has at that time (a slot that is LOADING is the reader's,
// every other one, the window and the row slot are the caller's). Faults lie with the slot that
// they befell until the page is asked for. A page that the schedule did not foresee (a branch went
// the other way) is read on the spot, and the schedule is taken up again where it fits. A block
// counts as streamed when it is asked for or overwritten, not when it is read: what a run streamed
// does not depend on how far the reader has come.
#include "lib/rt/pager.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/rt/crc32c.h"

typedef enum slot_state {
  SLOT_EMPTY,
  SLOT_LOADING,
  SLOT_READY,
  SLOT_FAILED
} slot_state;
typedef struct failure {
  oi_pager_fault fault;
  int error;       // IO: errno
  uint64_t block;  // CORRUPT
} failure;
typedef struct slot {
  uint8_t *at;
  oi_page page;
  slot_state state;
  failure failed;
  oi_pager_load load;  // its bytes do not count as streamed yet
} slot;

typedef struct part {
  oi_pager_source source;
  uint64_t first;  // its first block
} part;

struct oi_pager {
  part *parts;
  uint32_t n_parts;
  uint64_t blocks;
  uint8_t *proved;  // by block: its checksum held (mapped), it is in memory (window)
  oi_pager_room room;
  slot slots[2], row;
  int current;          // slot in use, -1: none
  size_t next;          // in the schedule
  int wanted;           // slot the thread shall load, -1: none
  bool leave, running;  // the thread's
  bool held;            // `proved` also says what the window holds
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t bytes_read, bytes_streamed;
  failure last;        // what the caller was told last
  oi_pager_load told;  // of the page that was asked for last
};

OI_RT uint64_t oi_pager_blocks(const oi_pager *p) { return p->blocks; }
OI_RT uint64_t oi_pager_bad_block(const oi_pager *p) { return p->last.block; }
OI_RT int oi_pager_errno(const oi_pager *p) { return p->last.error; }
OI_RT bool oi_pager_mapped(const oi_pager *p, uint32_t source) {
  return p->parts[source].source.map != NULL;
}

OI_RT uint64_t oi_pager_bytes_read(oi_pager *p) {
  pthread_mutex_lock(&p->lock);
  uint64_t bytes = p->bytes_read;
  pthread_mutex_unlock(&p->lock);
  return bytes;
}

OI_RT uint64_t oi_pager_bytes_streamed(oi_pager *p) {
  pthread_mutex_lock(&p->lock);
  uint64_t bytes = p->bytes_streamed;
  pthread_mutex_unlock(&p->lock);
  return bytes;
}

OI_RT uint64_t oi_pager_block_of(const oi_pager *p, uint32_t source, uint64_t offset) {
  return p->parts[source].first + (offset - p->parts[source].source.offset) / OI_BLOCK;
}

OI_RT uint64_t oi_pager_room_bytes(const oi_pager_room *room) {
  return ((uint64_t)room->window.count + 2 * (uint64_t)room->slot + room->row_slot) * OI_BLOCK;
}

OI_RT oi_pager *oi_pager_open(const oi_pager_source *sources, uint32_t n) {
  oi_pager *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->parts = calloc(n ? n : 1, sizeof *p->parts);
  p->n_parts = n, p->current = -1, p->wanted = -1;
  for (uint32_t i = 0; p->parts && i < n; i++) {
    p->parts[i] = (part){sources[i], p->blocks};
    p->blocks += (sources[i].size + OI_BLOCK - 1) / OI_BLOCK;
  }
  p->proved = calloc(p->blocks ? p->blocks : 1, 1);
  if (!p->parts || !p->proved) {
    free(p->parts), free(p->proved), free(p);
    return NULL;
  }
  if (pthread_mutex_init(&p->lock, NULL) != 0) {
    free(p->parts), free(p->proved), free(p);
    return NULL;
  }
  (void)pthread_cond_init(&p->changed, NULL);  // the C libraries at hand never refuse one
  return p;
}

// ---- blocks ----

static bool covers(oi_page have, oi_page want) {
  return want.first >= have.first && want.first + want.count <= have.first + have.count;
}

static const part *part_of(const oi_pager *p, uint64_t block) {
  uint32_t lo = 0, hi = p->n_parts;
  while (hi - lo > 1) {
    uint32_t mid = (lo + hi) / 2;
    if (p->parts[mid].first <= block) lo = mid;
    else hi = mid;
  }
  return &p->parts[lo];
}

static uint32_t block_bytes(const part *s, uint64_t block) {
  uint64_t at = (block - s->first) * OI_BLOCK, left = s->source.size - at;
  return left < OI_BLOCK ? (uint32_t)left : OI_BLOCK;
}

OI_RT uint64_t oi_pager_block_bytes(const oi_pager *p, uint64_t block) {
  return block_bytes(part_of(p, block), block);
}

static failure prove(const part *s, uint64_t block, const uint8_t *bytes) {
  if (!s->source.crc) return (failure){.fault = OI_PAGER_OK};
  if (oi_crc32c(0, bytes, block_bytes(s, block)) == s->source.crc[block - s->first])
    return (failure){.fault = OI_PAGER_OK};
  return (failure){.fault = OI_PAGER_CORRUPT, .block = block};
}

static failure read_bytes(int fd, uint8_t *out, uint32_t bytes, uint64_t at) {
  while (bytes) {
    ssize_t n = pread(fd, out, bytes, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return (failure){.fault = OI_PAGER_IO, .error = errno};
    if (n == 0) return (failure){.fault = OI_PAGER_SHORT};
    out += n, at += (uint64_t)n, bytes -= (uint32_t)n;
  }
  return (failure){.fault = OI_PAGER_OK};
}

// Adds to *read what came from a file.
static failure load_block(const oi_pager *p, uint64_t block, uint8_t *out, uint64_t *read) {
  const part *s = part_of(p, block);
  const uint64_t at = s->source.offset + (block - s->first) * OI_BLOCK;
  const uint32_t bytes = block_bytes(s, block);
  failure f = {.fault = OI_PAGER_OK};
  if (s->source.map) memcpy(out, s->source.map + at, bytes);
  else f = read_bytes(s->source.fd, out, bytes, at);
  if (!f.fault) f = prove(s, block, out);
  if (!f.fault && !s->source.map) *read += bytes;
  return f;
}

static uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

// The caller read for itself, on the spot.
static void count_load(oi_pager *p, const oi_pager_load *done, bool streamed) {
  pthread_mutex_lock(&p->lock);
  p->bytes_read += done->bytes;
  if (streamed) p->bytes_streamed += done->bytes;
  pthread_mutex_unlock(&p->lock);
  p->told = *done;
}

OI_RT bool oi_pager_loaded(oi_pager *p, oi_pager_load *out) {
  if (!p->told.bytes) return false;
  *out = p->told;
  p->told.bytes = 0;
  return true;
}

// Pages that follow each other share a block where a row lies across its end: what the page in use
// has of it is copied. NULL: there is none in use.
static failure load(const oi_pager *p, oi_page page, uint8_t *out, const slot *in_use,
                    oi_pager_load *done) {
  failure f = {.fault = OI_PAGER_OK};
  *done = (oi_pager_load){.page = page, .begin = now_ns()};
  for (uint32_t i = 0; i < page.count && !f.fault; i++, out += OI_BLOCK) {
    const oi_page block = {page.first + i, 1};
    if (in_use && covers(in_use->page, block))
      memcpy(out, in_use->at + (block.first - in_use->page.first) * OI_BLOCK, OI_BLOCK);
    else f = load_block(p, block.first, out, &done->bytes);
  }
  done->end = now_ns();
  return f;
}

// The other slot, where it has a page that blocks can be copied from.
static const slot *in_use_beside(const oi_pager *p, int i) {
  return p->slots[1 - i].state == SLOT_READY ? &p->slots[1 - i] : NULL;
}

// ---- the thread that reads ahead ----

static void *read_ahead(void *arg) {
  oi_pager *p = arg;
  pthread_mutex_lock(&p->lock);
  while (!p->leave) {
    if (p->wanted < 0) {
      pthread_cond_wait(&p->changed, &p->lock);
      continue;
    }
    slot *s = &p->slots[p->wanted];
    const slot *in_use = in_use_beside(p, p->wanted);  // it stays while another one is loading
    const oi_page page = s->page;
    oi_pager_load done;
    p->wanted = -1;
    pthread_mutex_unlock(&p->lock);
    failure f = load(p, page, s->at, in_use, &done);
    pthread_mutex_lock(&p->lock);
    p->bytes_read += done.bytes, s->load = done, s->load.ahead = true;
    s->failed = f, s->state = f.fault ? SLOT_FAILED : SLOT_READY;
    pthread_cond_broadcast(&p->changed);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

// What was asked of the thread and not begun is forgotten: nobody may wait for it.
OI_RT void oi_pager_stop(oi_pager *p) {
  if (!p->running) return;
  pthread_mutex_lock(&p->lock);
  p->leave = true;
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->lock);
  pthread_join(p->thread, NULL);
  p->running = p->leave = false;
  p->wanted = -1;
  for (int i = 0; i < 2; i++)
    if (p->slots[i].state == SLOT_LOADING) p->slots[i].state = SLOT_EMPTY;
}

OI_RT void oi_pager_close(oi_pager *p) {
  if (!p) return;
  oi_pager_stop(p);
  pthread_mutex_destroy(&p->lock);
  pthread_cond_destroy(&p->changed);
  free(p->parts), free(p->proved), free(p);
}

OI_RT void oi_pager_set(oi_pager *p, const oi_pager_room *room, bool keep) {
  oi_pager_stop(p);
  p->room = *room;
  if (!keep && (p->held || room->window.count)) memset(p->proved, 0, p->blocks);
  p->held = room->window.count != 0;
  uint8_t *at = room->memory + (size_t)room->window.count * OI_BLOCK;
  for (int i = 0; i < 2; i++, at += (size_t)room->slot * OI_BLOCK) p->slots[i] = (slot){.at = at};
  p->row = (slot){.at = at};
  p->current = p->wanted = -1, p->next = 0;
  // Without a thread all goes on, only slower.
  p->running = room->slot && pthread_create(&p->thread, NULL, read_ahead, p) == 0;
}

// ---- asking ----

OI_RT bool oi_pager_in_window(const oi_pager *p, uint64_t first, uint64_t last) {
  return p->room.window.count && first >= p->room.window.first &&
         last < p->room.window.first + p->room.window.count;
}

static failure from_window(oi_pager *p, oi_page page, const uint8_t **out) {
  uint8_t *base = p->room.memory + (page.first - p->room.window.first) * OI_BLOCK;
  oi_pager_load done = {.page = page};
  failure f = {.fault = OI_PAGER_OK};
  for (uint32_t i = 0; i < page.count && !f.fault; i++) {
    if (p->proved[page.first + i]) continue;
    if (!done.begin) done.begin = now_ns();
    f = load_block(p, page.first + i, base + (size_t)i * OI_BLOCK, &done.bytes);
    p->proved[page.first + i] = !f.fault;
  }
  if (done.begin) done.end = now_ns(), count_load(p, &done, false);
  *out = base;
  return f;
}

static failure from_map(oi_pager *p, const part *s, oi_page page, const uint8_t **out) {
  const uint8_t *base = s->source.map + s->source.offset + (page.first - s->first) * OI_BLOCK;
  for (uint32_t i = 0; i < page.count; i++) {
    if (p->proved[page.first + i]) continue;
    failure f = prove(s, page.first + i, base + (size_t)i * OI_BLOCK);
    if (f.fault) return f;
    p->proved[page.first + i] = 1;
  }
  *out = base;
  return (failure){.fault = OI_PAGER_OK};
}

static failure from_row(oi_pager *p, oi_page page, const uint8_t **out) {
  slot *s = &p->row;
  if (s->state != SLOT_READY || !covers(s->page, page)) {
    oi_pager_load done;
    s->state = SLOT_EMPTY, s->page = page;
    failure f = load(p, page, s->at, NULL, &done);
    count_load(p, &done, true);
    if (f.fault) return f;
    s->state = SLOT_READY;
  }
  *out = s->at + (page.first - s->page.first) * OI_BLOCK;
  return (failure){.fault = OI_PAGER_OK};
}

static bool is_page(oi_page a, oi_page b) { return a.first == b.first && a.count == b.count; }

// The schedule goes on behind the page in use; false: it does not hold that page.
static bool take_up(oi_pager *p, oi_page now) {
  for (size_t k = 0; k < p->room.n_order; k++) {
    size_t i = (p->next + k) % p->room.n_order;
    if (!is_page(p->room.order[i], now)) continue;
    p->next = i + 1;
    return true;
  }
  return false;
}

static void drop_page(oi_pager *p, slot *s, oi_page page, slot_state state) {
  p->bytes_streamed += s->load.bytes;
  *s = (slot){.at = s->at, .page = page, .state = state};
}

// Gives the thread the next scheduled page, into the slot that is not in use, unless it is there.
static void ask_ahead(oi_pager *p) {
  const oi_page now = p->current < 0 ? (oi_page){0, 0} : p->slots[p->current].page;
  const int free_slot = p->current == 0 ? 1 : 0;
  slot *other = &p->slots[free_slot];
  if (!p->room.n_order || !p->running) return;
  for (size_t k = 0; k < p->room.n_order; k++, p->next++) {
    const oi_page next = p->room.order[p->next % p->room.n_order];
    if (!next.count || !covers(now, next)) break;  // what the page in use has is passed over
  }
  const oi_page ahead = p->room.order[p->next % p->room.n_order];
  if (!ahead.count || covers(now, ahead) || other->state == SLOT_LOADING) return;
  if (other->state == SLOT_READY && covers(other->page, ahead)) return;
  drop_page(p, other, ahead, SLOT_LOADING);
  p->wanted = free_slot;
  pthread_cond_broadcast(&p->changed);
}

OI_RT void oi_pager_go(oi_pager *p, size_t next) {
  pthread_mutex_lock(&p->lock);
  p->next = next;
  ask_ahead(p);
  pthread_mutex_unlock(&p->lock);
}

static failure wait_slot(oi_pager *p, slot *s) {
  while (s->state == SLOT_LOADING) pthread_cond_wait(&p->changed, &p->lock);
  if (s->state != SLOT_FAILED) return (failure){.fault = OI_PAGER_OK};
  s->state = SLOT_EMPTY;
  return s->failed;
}

// The slot that has the page or gets it; the lock is held, and left only while reading.
static failure fill_slot(oi_pager *p, oi_page page, int *out_slot) {
  for (int i = 0; i < 2; i++) {
    slot *s = &p->slots[i];
    if (s->state == SLOT_EMPTY || !covers(s->page, page)) continue;
    *out_slot = i;
    return wait_slot(p, s);
  }
  int i = p->current == 0 ? 1 : 0;
  slot *s = &p->slots[i];
  (void)wait_slot(p, s);  // what it was loading is not wanted any more
  drop_page(p, s, page, SLOT_EMPTY);
  const slot *in_use = in_use_beside(p, i);
  oi_pager_load done;
  pthread_mutex_unlock(&p->lock);
  failure f = load(p, page, s->at, in_use, &done);
  pthread_mutex_lock(&p->lock);
  p->bytes_read += done.bytes, s->load = done;
  s->state = f.fault ? SLOT_EMPTY : SLOT_READY;
  *out_slot = i;
  return f;
}

static failure from_ring(oi_pager *p, oi_page page, const uint8_t **out) {
  int i = 0;
  pthread_mutex_lock(&p->lock);
  failure f = fill_slot(p, page, &i);
  if (!f.fault) {
    slot *s = &p->slots[i];
    // What was asked for says where the schedule stands, not the wider page that has it.
    if ((p->current != i || s->load.bytes) && !take_up(p, page)) (void)take_up(p, s->page);
    if (s->load.bytes) p->told = s->load;
    p->bytes_streamed += s->load.bytes, s->load.bytes = 0;
    p->current = i;
    *out = s->at + (page.first - s->page.first) * OI_BLOCK;
    ask_ahead(p);
  }
  pthread_mutex_unlock(&p->lock);
  return f;
}

OI_RT oi_pager_fault oi_pager_get(oi_pager *p, oi_page page, bool row, const uint8_t **out) {
  const part *s = part_of(p, page.first);
  if (oi_pager_in_window(p, page.first, page.first + page.count - 1))
    p->last = from_window(p, page, out);
  else if (s->source.map) p->last = from_map(p, s, page, out);
  else p->last = row ? from_row(p, page, out) : from_ring(p, page, out);
  return p->last.fault;
}
