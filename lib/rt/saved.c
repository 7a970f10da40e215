// See saved.h. A record is built from what the state is and compared as a whole with the one that
// was read, so that there is no field which only one of the two sides knows.
#include "lib/rt/saved.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/rt/kept.h"
#include "lib/rt/sha256.h"

enum {
  SAVED_HEAD = 64,
  SAVED_RECORD = 576,
  SAVED_NAME = 480,
  SAVED_DIGEST = 32
};
static const uint8_t saved_magic[8] = {0x89, 'O', 'I', 'S', 0x0d, 0x0a, 0x1a, 0x0a};

typedef struct saved_record {
  char name[SAVED_NAME];
  uint32_t dtype, rank;
  int64_t dims[8];
  uint64_t bytes, first, reserved;
} saved_record;
typedef struct saved_head {
  uint8_t magic[8];
  uint32_t version, n_states;
  uint8_t root[32];
  uint64_t rows, extra;
} saved_head;
_Static_assert(sizeof(saved_head) == SAVED_HEAD && sizeof(saved_record) == SAVED_RECORD,
               "records are as the head comment says");

__attribute__((format(printf, 3, 4))) static oi_saved_fault saved_fails(oi_saved *s,
                                                                        oi_saved_fault fault,
                                                                        const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(s->why, sizeof s->why, format, args);
  va_end(args);
  return fault;
}

// Bytes of the axes from `axis` on.
static uint64_t saved_span(const oi_saved_state *state, const int64_t *dims, uint32_t axis) {
  uint64_t bytes = state->element;
  for (uint32_t i = axis; i < state->rank; i++) bytes *= (uint64_t)dims[i];
  return bytes;
}

// The first row that a step behind so many rows sees: the first that is saved.
static uint64_t saved_from(const oi_saved_state *state, uint64_t rows) {
  return state->window ? (uint64_t)oi_kept_from(state->window, (int64_t)rows) : 0;
}

// Rows first .. rows - 1 as a record; false: the state's name is too long.
static bool saved_describe(const oi_saved_state *state, uint64_t first, uint64_t rows,
                           saved_record *out) {
  const size_t n = strlen(state->name);
  *out = (saved_record){.dtype = state->dtype, .rank = state->rank, .first = first};
  if (n >= SAVED_NAME) return false;
  memcpy(out->name, state->name, n);
  memcpy(out->dims, state->dims, sizeof out->dims);
  if (state->appends && rows - first < (uint64_t)state->dims[state->axis])
    out->dims[state->axis] = (int64_t)(rows - first);
  out->bytes = saved_span(state, out->dims, 0);
  return true;
}

// A layer's saved rows are contiguous in the state too, where others lie before and behind them.
typedef struct saved_pieces {
  uint64_t layers, bytes, stride, skip;
} saved_pieces;

// The rows of the record that are seen.
static saved_pieces saved_cut(const oi_saved *s, const oi_saved_state *state,
                              const saved_record *r) {
  const uint64_t row = saved_span(state, state->dims, state->axis + 1);
  const uint64_t from = saved_from(state, s->rows);
  const uint64_t rows = (uint64_t)r->dims[state->axis] - (from - r->first);
  const uint64_t room = (uint64_t)(state->room ? state->room : state->dims[state->axis]);
  return (saved_pieces){.layers = state->axis ? (uint64_t)r->dims[0] : 1,
                        .bytes = rows * row,
                        .stride = room * row,
                        .skip = rows ? (from - (uint64_t)(state->room ? s->first : 0)) * row : 0};
}

// ---- writing ----

typedef struct saved_out {
  bool (*put)(void *user, const void *bytes, size_t n);
  void *user;
  oi_sha256 sha;
  bool failed;
} saved_out;

static void saved_put(saved_out *o, const void *bytes, uint64_t n) {
  if (!n || o->failed) return;
  o->failed = !o->put(o->user, bytes, (size_t)n);
  oi_sha256_add(&o->sha, bytes, (size_t)n);
}

static void saved_pad(saved_out *o, uint64_t n) {
  static const uint8_t zeros[8];
  saved_put(o, zeros, (8 - n % 8) % 8);
}

static void saved_put_state(saved_out *o, const oi_saved *s, const oi_saved_state *state) {
  saved_record r;
  (void)saved_describe(state, saved_from(state, s->rows), s->rows, &r);
  const saved_pieces p = saved_cut(s, state, &r);
  for (uint64_t l = 0; l < p.layers; l++)
    saved_put(o, state->data + l * p.stride + p.skip, p.bytes);
  saved_pad(o, r.bytes);
}

OI_RT oi_saved_fault oi_saved_write(oi_saved *s,
                                    bool (*put)(void *user, const void *bytes, size_t n),
                                    void *user) {
  saved_out o = {.put = put, .user = user};
  saved_head h = {.version = 1, .n_states = s->n_states, .rows = s->rows, .extra = s->extra_bytes};
  saved_record r;
  uint8_t digest[SAVED_DIGEST];
  for (uint32_t i = 0; i < s->n_states; i++)
    if (saved_from(&s->states[i], s->rows)) h.version = 2;
  memcpy(h.magic, saved_magic, sizeof h.magic);
  memcpy(h.root, s->root, sizeof h.root);
  oi_sha256_init(&o.sha, oi_sha256_best());
  saved_put(&o, &h, sizeof h);
  for (uint32_t i = 0; i < s->n_states; i++) {
    if (!saved_describe(&s->states[i], saved_from(&s->states[i], s->rows), s->rows, &r))
      return saved_fails(s, OI_SAVED_NAME, "a state's name is longer than %d bytes",
                         SAVED_NAME - 1);
    saved_put(&o, &r, sizeof r);
  }
  for (uint32_t i = 0; i < s->n_states; i++) saved_put_state(&o, s, &s->states[i]);
  saved_put(&o, s->extra, s->extra_bytes);
  saved_pad(&o, s->extra_bytes);
  oi_sha256_end(&o.sha, digest);
  if (!o.failed && put(user, digest, sizeof digest)) return OI_SAVED_OK;
  return saved_fails(s, OI_SAVED_OUTPUT, "the saved state cannot be written");
}

// ---- reading ----

static oi_saved_fault saved_bad(oi_saved *s, const char *what) {
  return saved_fails(s, OI_SAVED_MALFORMED, "the saved state is malformed: %s", what);
}

static oi_saved_fault saved_check_head(oi_saved *s, const uint8_t *bytes, size_t n, saved_head *h) {
  uint8_t digest[SAVED_DIGEST];
  oi_sha256 sha;
  if (n < SAVED_HEAD + SAVED_DIGEST || memcmp(bytes, saved_magic, sizeof saved_magic) != 0)
    return saved_bad(s, "it does not begin as one");
  memcpy(h, bytes, sizeof *h);
  if (h->version != 1 && h->version != 2)
    return saved_fails(s, OI_SAVED_VERSION, "the saved state is of version %u, not 1 or 2",
                       h->version);
  oi_sha256_init(&sha, oi_sha256_best());
  oi_sha256_add(&sha, bytes, n - SAVED_DIGEST);
  oi_sha256_end(&sha, digest);
  if (memcmp(digest, bytes + n - SAVED_DIGEST, SAVED_DIGEST) != 0)
    return saved_fails(s, OI_SAVED_DAMAGED,
                       "the saved state is damaged: its digest does not match");
  if (memcmp(h->root, s->root, sizeof h->root) != 0)
    return saved_fails(s, OI_SAVED_FOREIGN, "the saved state belongs to another model");
  return h->n_states == s->n_states ? OI_SAVED_OK : saved_bad(s, "another number of states");
}

// A state's record; its bytes lie behind all of them.
static saved_record saved_record_at(const uint8_t *bytes, uint32_t i) {
  saved_record r;
  memcpy(&r, bytes + SAVED_HEAD + (uint64_t)i * SAVED_RECORD, sizeof r);
  return r;
}

// One state's record: as the state is, with rows that fit and are all that it sees. `at` moves
// behind its bytes.
static oi_saved_fault saved_check_state(oi_saved *s, const uint8_t *bytes, uint64_t rows,
                                        uint32_t i, uint64_t end, uint64_t *at) {
  const oi_saved_state *state = &s->states[i];
  const saved_record found = saved_record_at(bytes, i);
  saved_record want;
  if (state->appends && rows > (uint64_t)state->dims[state->axis])
    return saved_fails(s, OI_SAVED_ROWS, "the saved state has %llu rows, and the capacity is %lld",
                       (unsigned long long)rows, (long long)state->dims[state->axis]);
  if (found.first > saved_from(state, rows))
    return saved_bad(s, "rows that this network sees are not in it");
  if (!saved_describe(state, found.first, rows, &want) || memcmp(&found, &want, sizeof want) != 0)
    return saved_bad(s, "a state of another name, dtype or shape");
  const uint64_t padded = (want.bytes + 7) / 8 * 8;
  if (padded > end - *at) return saved_bad(s, "its rows are cut");
  *at += padded;
  return OI_SAVED_OK;
}

// Everything but the digest; *out_extra: where the caller's bytes begin.
static oi_saved_fault saved_check_body(oi_saved *s, const uint8_t *bytes, size_t n,
                                       const saved_head *h, uint64_t *out_extra) {
  uint64_t at = SAVED_HEAD + (uint64_t)h->n_states * SAVED_RECORD;
  const uint64_t end = n - SAVED_DIGEST;
  uint32_t version = 1;
  if (h->rows > (uint64_t)INT64_MAX || at > end) return saved_bad(s, "its tables are cut");
  for (uint32_t i = 0; i < h->n_states; i++) {
    const oi_saved_fault fault = saved_check_state(s, bytes, h->rows, i, end, &at);
    if (fault) return fault;
    if (saved_record_at(bytes, i).first) version = 2;
  }
  if (h->version != version) return saved_bad(s, "its version is not that of its states");
  if (h->extra > end - at || end - at != (h->extra + 7) / 8 * 8)
    return saved_bad(s, "its end is cut");
  *out_extra = at;
  return OI_SAVED_OK;
}

static uint64_t saved_take_state(const oi_saved *s, const oi_saved_state *state,
                                 const saved_record *r, const uint8_t *from) {
  const saved_pieces p = saved_cut(s, state, r);
  const uint64_t layer = saved_span(state, r->dims, state->axis);
  for (uint64_t l = 0; l < p.layers && p.bytes; l++)
    memcpy(state->data + l * p.stride + p.skip, from + (l + 1) * layer - p.bytes, p.bytes);
  return (r->bytes + 7) / 8 * 8;
}

OI_RT oi_saved_fault oi_saved_check(oi_saved *s, const uint8_t *bytes, size_t n) {
  saved_head h;
  uint64_t extra = 0;
  oi_saved_fault fault = saved_check_head(s, bytes, n, &h);
  if (!fault) fault = saved_check_body(s, bytes, n, &h, &extra);
  if (fault) return fault;
  s->rows = h.rows, s->extra = bytes + extra, s->extra_bytes = h.extra;
  return OI_SAVED_OK;
}

OI_RT void oi_saved_take(const oi_saved *s, const uint8_t *bytes) {
  uint64_t at = SAVED_HEAD + (uint64_t)s->n_states * SAVED_RECORD;
  for (uint32_t i = 0; i < s->n_states; i++) {
    const saved_record r = saved_record_at(bytes, i);
    at += saved_take_state(s, &s->states[i], &r, bytes + at);
  }
}

OI_RT uint64_t oi_saved_most(const oi_saved *s) {
  uint64_t bytes = SAVED_HEAD + SAVED_DIGEST + (uint64_t)s->n_states * (SAVED_RECORD + 8);
  for (uint32_t i = 0; i < s->n_states; i++)
    bytes += saved_span(&s->states[i], s->states[i].dims, 0);
  return bytes;
}
