// A saved state: the rows that the states hold, canonical row-major, so that simulator and bundles
// can hand them on.
//
//   0   u8[8]   89 'O' 'I' 'S' 0d 0a 1a 0a
//   8   u32     version 1          12  u32  number of states
//   16  u8[32]  root digest of the package; zeros where the model has none
//   48  u64     rows that are valid (the position)
//   56  u64     bytes of what the caller added (tokens, sampler)
//   64  records of 576 bytes, one a state: char name[480] (zero-padded), u32 dtype, u32 rank, i64
//   dims[8],
//       u64 bytes, zeros; dims are those saved: rows instead of the capacity where the state only
//       grows
//   then the states' bytes in order, then the caller's, each zero-padded to 8, then SHA-256 of all
//   before it.
#include <string.h>

#include "formats/file.h"
#include "lib/rt/sha256.h"
#include "sim/sim.h"

enum {
  HEAD = 64,
  RECORD = 576,
  NAME = 480,
  DIGEST = 32
};
static const uint8_t magic[8] = {0x89, 'O', 'I', 'S', 0x0d, 0x0a, 0x1a, 0x0a};

typedef struct record {
  char name[NAME];
  uint32_t dtype, rank;
  int64_t dims[OINF_MAX_RANK];
  uint64_t bytes, reserved[2];
} record;
typedef struct head {
  uint8_t magic[8];
  uint32_t version, n_states;
  uint8_t root[32];
  uint64_t rows, extra;
} head;
_Static_assert(sizeof(head) == HEAD && sizeof(record) == RECORD,
               "records are as the head comment says");

static uint32_t rows_axis(const oi_state_room *r) { return r->has_layers ? 1 : 0; }

static oinf_status describe(oinf_sim *s, uint32_t i, int64_t rows, record *out) {
  const oi_state_room *r = &s->states[i];
  oi_view v;
  OI_TRY(oi_sim_type(s, &s->graph->states.at[i].type, &v));
  *out = (record){.dtype = (uint32_t)v.dtype, .rank = v.rank};
  size_t n = strlen(s->graph->states.at[i].name);
  if (n >= NAME)
    return oi_fail(&s->err, OINF_SUPPORT, "a state's name is longer than %d bytes", NAME - 1);
  memcpy(out->name, s->graph->states.at[i].name, n);
  if (r->appends && rows < r->capacity) v.dim[rows_axis(r)] = rows;
  memcpy(out->dims, v.dim, sizeof out->dims);
  out->bytes = oi_view_bytes(&v);
  return OINF_OK;
}

// Calls with each contiguous piece of a state's saved rows: one for each layer.
static oinf_status each_piece(oinf_sim *s, uint32_t i, const record *rec, oi_out *out,
                              const uint8_t *from, oi_sha256 *sha) {
  const oi_state_room *r = &s->states[i];
  const uint64_t layers = r->has_layers ? (uint64_t)rec->dims[0] : 1,
                 piece = layers ? rec->bytes / layers : 0;
  for (uint64_t l = 0; l < layers && piece; l++) {
    uint8_t *at = r->data + l * r->layer_bytes;
    if (out) OI_TRY(oi_out_write(out, at, piece));
    if (out) oi_sha256_add(sha, at, piece);
    if (from) memcpy(at, from + l * piece, piece);
  }
  return OINF_OK;
}

static oinf_status put(oi_out *out, oi_sha256 *sha, const void *bytes, uint64_t n) {
  static const uint8_t zeros[8];
  uint64_t pad = (8 - n % 8) % 8;
  OI_TRY(oi_out_write(out, bytes, n));
  OI_TRY(oi_out_write(out, zeros, pad));
  oi_sha256_add(sha, bytes, n);
  oi_sha256_add(sha, zeros, pad);
  return OINF_OK;
}

static oinf_status write_all(oinf_sim *s, oi_out *out, int64_t rows, const void *extra,
                             size_t extra_size) {
  static const uint8_t zeros[8];
  oi_sha256 sha;
  record rec;
  uint8_t digest[DIGEST];
  head h = {.version = 1,
            .n_states = (uint32_t)s->graph->states.n,
            .rows = (uint64_t)rows,
            .extra = extra_size};
  memcpy(h.magic, magic, sizeof magic);
  memcpy(h.root, s->model->root, sizeof h.root);
  oi_sha256_init(&sha, oi_sha256_best());
  OI_TRY(put(out, &sha, &h, sizeof h));
  for (uint32_t i = 0; i < h.n_states; i++) {
    OI_TRY(describe(s, i, rows, &rec));
    OI_TRY(put(out, &sha, &rec, sizeof rec));
  }
  for (uint32_t i = 0; i < h.n_states; i++) {
    OI_TRY(describe(s, i, rows, &rec));
    OI_TRY(each_piece(s, i, &rec, out, NULL, &sha));
    OI_TRY(oi_out_write(out, zeros, (8 - rec.bytes % 8) % 8));
    oi_sha256_add(&sha, zeros, (8 - rec.bytes % 8) % 8);
  }
  if (extra_size) OI_TRY(put(out, &sha, extra, extra_size));
  oi_sha256_end(&sha, digest);
  return oi_out_write(out, digest, DIGEST);
}

// File calls report through the context; the simulation's own record takes their failure over.
static oinf_status adopt(oinf_sim *s, oinf_status status) {
  if (status != OINF_OK && s->err.status == OINF_OK) s->err = *oi_ctx_err(s->ctx);
  return status;
}

oinf_status oinf_sim_save(oinf_sim *s, int64_t rows, const void *extra, size_t extra_size,
                          const char *path) {
  OI_TRY(oi_sim_ok(s));
  if (s->begun)
    return oi_fail(&s->err, OINF_USAGE,
                   "a state is saved between steps: end or abandon the step first");
  if (rows < 0)
    return oi_fail(&s->err, OINF_USAGE, "a state cannot have %lld rows", (long long)rows);
  for (uint32_t i = 0; i < s->graph->states.n; i++)
    if (s->states[i].appends && rows > s->states[i].capacity)
      return oi_fail(&s->err, OINF_USAGE, "state '%s' has %lld rows, not %lld",
                     s->graph->states.at[i].name, (long long)s->states[i].capacity,
                     (long long)rows);
  oi_out *out;
  oinf_error_clear(s->ctx);
  OI_TRY(adopt(s, oi_out_begin(s->ctx, path, &out)));
  oinf_status status = write_all(s, out, rows, extra, extra_size);
  if (status == OINF_OK) status = oi_out_commit(&out);
  oi_out_abort(&out);
  return adopt(s, status);
}

// ---- reading ----

static oinf_status bad(oinf_sim *s, const char *what) {
  return oi_fail(&s->err, OINF_FORMAT, "the saved state is malformed: %s", what);
}

static oinf_status check_head(oinf_sim *s, const oi_bytes *b, head *h) {
  uint8_t digest[DIGEST];
  oi_sha256 sha;
  if (b->n < HEAD + DIGEST || memcmp(b->at, magic, sizeof magic) != 0)
    return bad(s, "it does not begin as one");
  memcpy(h, b->at, sizeof *h);
  if (h->version != 1)
    return oi_fail(&s->err, OINF_SUPPORT, "the saved state is of version %u, not 1", h->version);
  oi_sha256_init(&sha, oi_sha256_best());
  oi_sha256_add(&sha, b->at, b->n - DIGEST);
  oi_sha256_end(&sha, digest);
  if (memcmp(digest, b->at + b->n - DIGEST, DIGEST) != 0)
    return oi_fail(&s->err, OINF_CORRUPT, "the saved state is damaged: its digest does not match");
  if (memcmp(h->root, s->model->root, sizeof h->root) != 0)
    return oi_fail(&s->err, OINF_FORMAT, "the saved state belongs to another model");
  if (h->n_states != s->graph->states.n) return bad(s, "another number of states");
  return OINF_OK;
}

// One state's record: as the graph says, with rows that fit. `at` moves behind its bytes.
static oinf_status check_state(oinf_sim *s, const oi_bytes *b, const head *h, uint32_t i,
                               uint64_t end, uint64_t *at) {
  record have, want;
  const oi_state_room *r = &s->states[i];
  memcpy(&have, b->at + HEAD + (uint64_t)i * RECORD, RECORD);
  if (r->appends && (int64_t)h->rows > r->capacity)
    return oi_fail(&s->err, OINF_USAGE, "the saved state has %llu rows, and the capacity is %lld",
                   (unsigned long long)h->rows, (long long)r->capacity);
  OI_TRY(describe(s, i, (int64_t)h->rows, &want));
  if (memcmp(&have, &want, RECORD) != 0) return bad(s, "a state of another name, dtype or shape");
  const uint64_t padded = (want.bytes + 7) / 8 * 8;
  if (padded > end - *at) return bad(s, "its rows are cut");
  *at += padded;
  return OINF_OK;
}

// Everything but the digest, before anything is taken over.
static oinf_status check_body(oinf_sim *s, const oi_bytes *b, const head *h, uint64_t *out_extra) {
  uint64_t at = HEAD + (uint64_t)h->n_states * RECORD, padded;
  const uint64_t end = b->n - DIGEST;
  if (h->rows > (uint64_t)INT64_MAX || at > end) return bad(s, "its tables are cut");
  for (uint32_t i = 0; i < h->n_states; i++) OI_TRY(check_state(s, b, h, i, end, &at));
  if (!oi_align_u64(h->extra, 8, &padded) || end - at != padded) return bad(s, "its end is cut");
  *out_extra = at;
  return OINF_OK;
}

static oinf_status take_over(oinf_sim *s, const oi_bytes *b, const head *h, uint64_t extra) {
  uint64_t at = HEAD + (uint64_t)h->n_states * RECORD;
  void *kept = oi_alloc(s->ctx, h->extra);
  record rec;
  if (!kept) return oi_nomem(&s->err, h->extra);
  if (h->extra) memcpy(kept, b->at + extra, h->extra);
  oi_free(s->ctx, s->extra, s->extra_bytes);
  s->extra = kept, s->extra_bytes = h->extra;
  for (uint32_t i = 0; i < h->n_states; i++) {
    memcpy(&rec, b->at + HEAD + (uint64_t)i * RECORD, RECORD);
    OI_TRY(each_piece(s, i, &rec, NULL, b->at + at, NULL));
    if (s->states[i].appends) s->states[i].reach = (int64_t)h->rows;
    at += (rec.bytes + 7) / 8 * 8;
  }
  return OINF_OK;
}

oinf_status oinf_sim_load(oinf_sim *s, const char *path, int64_t *out_rows, const void **out_extra,
                          size_t *out_extra_size) {
  OI_TRY(oi_sim_ok(s));
  if (s->begun)
    return oi_fail(&s->err, OINF_USAGE,
                   "a state is loaded between steps: end or abandon the step first");
  oi_bytes b = {0};
  head h;
  uint64_t extra = 0;
  oinf_error_clear(s->ctx);
  OI_TRY(adopt(s, oi_file_slurp(s->ctx, path, s->states_bytes + (64u << 20), &b)));
  oinf_status status = check_head(s, &b, &h);
  if (status == OINF_OK) status = check_body(s, &b, &h, &extra);
  if (status == OINF_OK) status = take_over(s, &b, &h, extra);
  oi_bytes_free(s->ctx, &b);
  if (status != OINF_OK) return oi_trail(&s->err, "loading '%s'", path), status;
  *out_rows = (int64_t)h.rows;
  if (out_extra) *out_extra = s->extra;
  if (out_extra_size) *out_extra_size = s->extra_bytes;
  return OINF_OK;
}
