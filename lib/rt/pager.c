// See pager.h. One mutex guards slots and counters; file reads and checksums run outside it. A page
// that the schedule did not foresee (a branch went the other way) is read on the spot, and the
// schedule is taken up again where it fits.
#include "lib/rt/pager.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/rt/crc32c.h"

typedef enum slot_state {
  SLOT_EMPTY,
  SLOT_LOADING,
  SLOT_READY,
  SLOT_FAILED
} slot_state;
typedef struct slot {
  uint8_t *at;
  oi_page page;
  slot_state state;
  oi_pager_fault fault;
} slot;

typedef struct part {
  oi_pager_source source;
  uint64_t first;  // its first block
} part;

struct oi_pager {
  part *parts;
  uint32_t n_parts;
  uint64_t blocks;
  uint8_t
      *proved;  // by block: checksum seen to hold (mapped, window) and, for the window, in memory
  oi_pager_room room;
  slot slots[2], row;
  int current;                // slot in use, -1: none
  size_t next;                // in the schedule
  int wanted;                 // slot the thread shall load, -1: none
  bool leave, running, held;  // held: `proved` also says what the window holds
  pthread_t thread;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  uint64_t bytes_read, bad_block;
  int error;
};

OI_RT uint64_t oi_pager_blocks(const oi_pager *p) { return p->blocks; }
OI_RT uint64_t oi_pager_bytes_read(const oi_pager *p) { return p->bytes_read; }
OI_RT uint64_t oi_pager_bad_block(const oi_pager *p) { return p->bad_block; }
OI_RT int oi_pager_errno(const oi_pager *p) { return p->error; }
OI_RT bool oi_pager_mapped(const oi_pager *p, uint32_t source) {
  return p->parts[source].source.map != NULL;
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
  pthread_mutex_init(&p->lock, NULL);
  pthread_cond_init(&p->changed, NULL);
  return p;
}

// ---- blocks ----

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

static oi_pager_fault prove(oi_pager *p, const part *s, uint64_t block, const uint8_t *bytes) {
  if (!s->source.crc) return OI_PAGER_OK;
  if (oi_crc32c(0, bytes, block_bytes(s, block)) == s->source.crc[block - s->first])
    return OI_PAGER_OK;
  pthread_mutex_lock(&p->lock);
  p->bad_block = block;
  pthread_mutex_unlock(&p->lock);
  return OI_PAGER_CORRUPT;
}

static oi_pager_fault read_all(oi_pager *p, int fd, uint8_t *out, uint64_t bytes, uint64_t at) {
  while (bytes) {
    ssize_t n = pread(fd, out, bytes < (1u << 30) ? bytes : 1u << 30, (off_t)at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      pthread_mutex_lock(&p->lock);
      p->error = errno;
      pthread_mutex_unlock(&p->lock);
      return OI_PAGER_IO;
    }
    if (n == 0) return OI_PAGER_SHORT;
    out += n, at += (uint64_t)n, bytes -= (uint64_t)n;
  }
  return OI_PAGER_OK;
}

static oi_pager_fault load(oi_pager *p, oi_page page, uint8_t *out) {
  for (uint64_t b = page.first; b < page.first + page.count; b++, out += OI_BLOCK) {
    const part *s = part_of(p, b);
    uint64_t at = s->source.offset + (b - s->first) * OI_BLOCK;
    if (s->source.map) memcpy(out, s->source.map + at, block_bytes(s, b));
    else {
      oi_pager_fault f = read_all(p, s->source.fd, out, block_bytes(s, b), at);
      if (f) return f;
    }
    oi_pager_fault f = prove(p, s, b, out);
    if (f) return f;
    pthread_mutex_lock(&p->lock);
    p->bytes_read += block_bytes(s, b);
    pthread_mutex_unlock(&p->lock);
  }
  return OI_PAGER_OK;
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
    p->wanted = -1;
    pthread_mutex_unlock(&p->lock);
    oi_pager_fault f = load(p, s->page, s->at);
    pthread_mutex_lock(&p->lock);
    s->fault = f, s->state = f ? SLOT_FAILED : SLOT_READY;
    pthread_cond_broadcast(&p->changed);
  }
  pthread_mutex_unlock(&p->lock);
  return NULL;
}

OI_RT void oi_pager_stop(oi_pager *p) {
  if (!p->running) return;
  pthread_mutex_lock(&p->lock);
  p->leave = true;
  pthread_cond_broadcast(&p->changed);
  pthread_mutex_unlock(&p->lock);
  pthread_join(p->thread, NULL);
  p->running = p->leave = false;
}

OI_RT void oi_pager_close(oi_pager *p) {
  if (!p) return;
  oi_pager_stop(p);
  pthread_mutex_destroy(&p->lock);
  pthread_cond_destroy(&p->changed);
  free(p->parts), free(p->proved), free(p);
}

OI_RT bool oi_pager_set(oi_pager *p, const oi_pager_room *room, bool keep) {
  oi_pager_stop(p);
  p->room = *room;
  if (!keep && (p->held || room->window.count)) memset(p->proved, 0, p->blocks);
  p->held = room->window.count != 0;
  uint8_t *at = room->memory + (size_t)room->window.count * OI_BLOCK;
  for (int i = 0; i < 2; i++, at += (size_t)room->slot * OI_BLOCK) p->slots[i] = (slot){.at = at};
  p->row = (slot){.at = at};
  p->current = p->wanted = -1, p->next = 0;
  if (!room->slot) return true;
  p->running = pthread_create(&p->thread, NULL, read_ahead, p) == 0;
  return p->running;
}

// ---- asking ----

static bool covers(oi_page have, oi_page want) {
  return want.first >= have.first && want.first + want.count <= have.first + have.count;
}

OI_RT bool oi_pager_in_window(const oi_pager *p, uint64_t first, uint64_t last) {
  return p->room.window.count && first >= p->room.window.first &&
         last < p->room.window.first + p->room.window.count;
}

static oi_pager_fault from_window(oi_pager *p, oi_page page, const uint8_t **out) {
  uint8_t *base = p->room.memory + (page.first - p->room.window.first) * OI_BLOCK;
  for (uint32_t i = 0; i < page.count; i++) {
    uint64_t b = page.first + i;
    if (p->proved[b]) continue;
    oi_pager_fault f = load(p, (oi_page){b, 1}, base + (size_t)i * OI_BLOCK);
    if (f) return f;
    p->proved[b] = 1;
  }
  *out = base;
  return OI_PAGER_OK;
}

static oi_pager_fault from_map(oi_pager *p, const part *s, oi_page page, const uint8_t **out) {
  const uint8_t *base = s->source.map + s->source.offset + (page.first - s->first) * OI_BLOCK;
  for (uint32_t i = 0; i < page.count; i++) {
    uint64_t b = page.first + i;
    if (p->proved[b]) continue;
    oi_pager_fault f = prove(p, s, b, base + (size_t)i * OI_BLOCK);
    if (f) return f;
    p->proved[b] = 1;
  }
  *out = base;
  return OI_PAGER_OK;
}

// Gives the thread the next scheduled page that is not in memory, into the slot that is not in use.
static void ask_ahead(oi_pager *p, oi_page now) {
  for (size_t k = 0; k < p->room.n_order; k++) {
    size_t i = (p->next + k) % p->room.n_order;
    if (p->room.order[i].first == now.first && p->room.order[i].count == now.count) {
      p->next = i + 1;
      break;
    }
  }
  if (!p->room.n_order) return;
  oi_page ahead = p->room.order[p->next % p->room.n_order];
  slot *other = &p->slots[1 - p->current];
  if (covers(p->slots[p->current].page, ahead) || other->state == SLOT_LOADING) return;
  if (other->state == SLOT_READY && covers(other->page, ahead)) return;
  *other = (slot){.at = other->at, .page = ahead, .state = SLOT_LOADING};
  p->wanted = 1 - p->current;
  pthread_cond_broadcast(&p->changed);
}

static oi_pager_fault wait_slot(oi_pager *p, slot *s) {
  while (s->state == SLOT_LOADING) pthread_cond_wait(&p->changed, &p->lock);
  oi_pager_fault f = s->state == SLOT_FAILED ? s->fault : OI_PAGER_OK;
  if (f) s->state = SLOT_EMPTY;
  return f;
}

// The slot that has the page or gets it; the lock is held, and left only while reading.
static oi_pager_fault fill_slot(oi_pager *p, oi_page page, int *out_slot) {
  for (int i = 0; i < 2; i++) {
    slot *s = &p->slots[i];
    if (s->state == SLOT_EMPTY || s->state == SLOT_FAILED || !covers(s->page, page)) continue;
    *out_slot = i;
    return wait_slot(p, s);
  }
  int i = p->current == 0 ? 1 : 0;
  slot *s = &p->slots[i];
  (void)wait_slot(p, s);
  *s = (slot){.at = s->at, .page = page, .state = SLOT_EMPTY};
  pthread_mutex_unlock(&p->lock);
  oi_pager_fault f = load(p, page, s->at);
  pthread_mutex_lock(&p->lock);
  s->state = f ? SLOT_EMPTY : SLOT_READY;
  *out_slot = i;
  return f;
}

OI_RT oi_pager_fault oi_pager_get(oi_pager *p, oi_page page, bool row, const uint8_t **out) {
  const part *s = part_of(p, page.first);
  if (oi_pager_in_window(p, page.first, page.first + page.count - 1))
    return from_window(p, page, out);
  if (s->source.map) return from_map(p, s, page, out);
  if (row) {
    if (p->row.state != SLOT_READY || !covers(p->row.page, page)) {
      p->row.state = SLOT_EMPTY, p->row.page = page;
      oi_pager_fault f = load(p, page, p->row.at);
      if (f) return f;
      p->row.state = SLOT_READY;
    }
    *out = p->row.at + (page.first - p->row.page.first) * OI_BLOCK;
    return OI_PAGER_OK;
  }
  pthread_mutex_lock(&p->lock);
  int i = 0;
  oi_pager_fault f = fill_slot(p, page, &i);
  if (!f) {
    p->current = i;
    *out = p->slots[i].at + (page.first - p->slots[i].page.first) * OI_BLOCK;
    ask_ahead(p, p->slots[i].page);
  }
  pthread_mutex_unlock(&p->lock);
  return f;
}
