// The writer's weights: streamed to their place, and read back. A second thread hashes a piece
// while the first writes it and fills the next one, so a conversion costs the longer of the two and
// not their sum. Only the calling thread touches the context, the file and the caller's `fill`;
// what the other does is arithmetic over bytes, in the order of the pieces: the package is the same
// without it, and it is done without where no thread can be made.
#include "formats/file.h"
#include "formats/oinf_layout.h"
#include "lib/op.h"
#include "lib/rt/crc32c.h"
#include "lib/rt/sha256.h"
#include "lib/rt/threads.h"

#include <string.h>

enum {
  WORTH_A_THREAD = 8 << 20,  // bytes of weights
  HASTE = 16 << 20,          // bytes that go to the disk together
  BATCH = 16                 // blocks read back between two looks at the caller's wish
};

// False: the caller asks to stop.
static bool keeps_on(const oi_oinf_writer *w, uint64_t done) {
  return !w->fill.progress || w->fill.progress(w->fill.user, done, w->total);
}

static oi_threads *helper(uint64_t bytes) {
  return bytes < WORTH_A_THREAD ? NULL : oi_threads_start(2);
}

// ---- writing ----

// A run of a tensor's bytes; tensor == the number of tensors: there is none.
typedef struct piece {
  uint32_t tensor;
  uint64_t offset, bytes;
  uint8_t *room;  // OI_CRC_BLOCK bytes
} piece;
typedef struct stream {
  oi_oinf_writer *w;
  oi_rec_tensor *rec;
  uint32_t *crc;
  uint64_t at;        // offset in the weights up to which checksums are fed
  uint64_t hastened;  // offset in the file up to which the disk is at work
  oi_sha256 sha;
  piece now, next;
  int claimed_io, claimed_hash;
  oinf_status status;  // of writing `now` and filling `next`
} stream;

static void feed(stream *s, const uint8_t *data, uint64_t n) {
  while (n) {
    uint64_t left = OI_CRC_BLOCK - s->at % OI_CRC_BLOCK, part = n < left ? n : left;
    uint32_t *crc = &s->crc[s->at / OI_CRC_BLOCK];
    *crc = oi_crc32c(*crc, data, (size_t)part);
    s->at += part, data += part, n -= part;
  }
}

static void feed_padding(stream *s, uint64_t to) {
  static const uint8_t zeros[OI_PAGE_SIZE];
  if (to > s->at) feed(s, zeros, to - s->at);
}

static bool is_last(const stream *s, const piece *p) {
  return p->offset + p->bytes == s->rec[p->tensor].bytes;
}

static void hash_piece(stream *s) {
  oi_rec_tensor *rec = &s->rec[s->now.tensor];
  if (s->now.offset == 0) oi_sha256_init(&s->sha, s->w->level), feed_padding(s, rec->offset);
  oi_sha256_add(&s->sha, s->now.room, (size_t)s->now.bytes);
  feed(s, s->now.room, s->now.bytes);
  if (is_last(s, &s->now)) oi_sha256_end(&s->sha, rec->sha256);
}

static oinf_status of_tensor(const stream *s, uint32_t tensor, oinf_status status) {
  if (status != OINF_OK)
    oi_trail(s->w->err, "writing tensor '%s'", s->w->content->tensors.at[tensor].pub.name);
  return status;
}

static oinf_status write_now(stream *s) {
  const piece *p = &s->now;
  const uint64_t at = s->w->offset[OI_SEC_WEIGHTS] + s->rec[p->tensor].offset + p->offset;
  if (at - s->hastened >= HASTE) {
    oi_out_hasten(s->w->out, s->hastened, at - s->hastened);
    s->hastened = at;
  }
  return of_tensor(s, p->tensor, oi_out_write_at(s->w->out, at, p->room, (size_t)p->bytes));
}

// Pieces of a tensor are whole blocks, of its dtype or, in groups, of four of 16 rows.
static uint64_t unit_of(const oi_tensor *t) {
  if (t->layout == OI_LAYOUT_ROWS) return oinf_dtype_block_bytes(t->pub.dtype);
  return (uint64_t)oi_group_bytes(OI_QUAD, oi_dtype_dot(t->pub.dtype));
}

// As many as a piece holds, of `tensor` or the next one that has bytes.
static oinf_status fill_piece(const stream *s, piece *p, uint32_t tensor, uint64_t offset) {
  const oi_oinf_writer *w = s->w;
  const oinf_model *m = w->content;
  while (tensor < m->tensors.n && m->tensors.at[tensor].kind != OI_TENSOR_BYTES) tensor++;
  p->tensor = tensor, p->offset = offset, p->bytes = 0;
  if (tensor == m->tensors.n) return OINF_OK;
  const uint64_t block = unit_of(&m->tensors.at[tensor]),
                 most = OI_CRC_BLOCK / block * block, left = s->rec[tensor].bytes - offset;
  p->bytes = left < most ? left : most;
  if (!p->bytes) return OINF_OK;
  return of_tensor(s, tensor,
                   w->copies ? oi_model_read_at(w->content, tensor, offset, p->room, p->bytes)
                             : w->fill.fill(w->fill.user, tensor, offset, p->room, p->bytes));
}

static oinf_status fill_next(stream *s) {
  const piece *p = &s->now;
  if (is_last(s, p)) return fill_piece(s, &s->next, p->tensor + 1, 0);
  return fill_piece(s, &s->next, p->tensor, p->offset + p->bytes);
}

static void file_work(stream *s) {
  if (__atomic_exchange_n(&s->claimed_io, 1, __ATOMIC_ACQ_REL)) return;
  s->status = write_now(s);
  if (s->status == OINF_OK) s->status = fill_next(s);
}

static void hash_work(stream *s) {
  if (!__atomic_exchange_n(&s->claimed_hash, 1, __ATOMIC_ACQ_REL)) hash_piece(s);
}

// The caller, worker 0, takes the file's work first; another takes hashing alone.
static void share(void *arg, int64_t begin, int64_t end, int worker) {
  (void)begin, (void)end;
  if (worker == 0) file_work(arg);
  hash_work(arg);
}

// Bytes that come from a package must be those that its digest was taken of.
static oinf_status check_origin(const stream *s) {
  const oi_oinf_writer *w = s->w;
  const oi_tensor *t = &w->content->tensors.at[s->now.tensor];
  if (!is_last(s, &s->now) || !w->copies || w->content->n_crc == 0 || t->source != 0)
    return OINF_OK;
  if (memcmp(t->sha256, s->rec[s->now.tensor].sha256, sizeof t->sha256) == 0) return OINF_OK;
  return of_tensor(
      s, s->now.tensor,
      oi_fail(w->err, OINF_CORRUPT, "its bytes do not have the digest that is on record"));
}

static oinf_status run_stream(stream *s, oi_threads *threads) {
  uint64_t written = 0;
  OI_TRY(fill_piece(s, &s->now, 0, 0));
  while (s->now.tensor < s->w->content->tensors.n) {
    s->claimed_io = s->claimed_hash = 0;
    if (threads) oi_threads_run(threads, 2, 1, share, s);
    share(s, 0, 0, 0);  // what nobody took
    OI_TRY(s->status);
    OI_TRY(check_origin(s));
    written += s->now.bytes;
    if (s->now.bytes && !keeps_on(s->w, written))
      return oi_fail(s->w->err, OINF_CANCEL, "interrupted");
    const piece done = s->now;
    s->now = s->next, s->next = done;
  }
  return OINF_OK;
}

oinf_status oi_stream_write(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  stream s = {
      .w = w, .rec = oi_section_at(w, OI_SEC_TENSORS), .crc = oi_section_at(w, OI_SEC_CHECKSUMS)};
  uint8_t *room = oi_alloc(w->ctx, 2 * OI_CRC_BLOCK);
  if (!room) return oi_nomem(w->err, 2 * OI_CRC_BLOCK);
  s.hastened = w->offset[OI_SEC_WEIGHTS];
  s.now.room = room, s.next.room = room + OI_CRC_BLOCK;
  for (size_t i = 0; i < m->tensors.n; i++)
    if (m->tensors.at[i].kind == OI_TENSOR_BYTES) w->total += s.rec[i].bytes;
  oi_threads *threads = helper(w->total);
  oinf_status status = run_stream(&s, threads);
  oi_threads_stop(threads);
  oi_free(w->ctx, room, 2 * OI_CRC_BLOCK);
  return status;
}

// ---- reading back ----

// Blocks first + begin .. of a batch, by each worker in a room and with an error of its own.
typedef struct proof {
  const oinf_model *m;
  uint32_t first;
  uint8_t *room;  // a block for each worker
  oi_err err[2];
  uint32_t bad[2];  // the first block that failed; UINT32_MAX: none
} proof;

static oinf_status prove_block(const oinf_model *m, oi_err *err, uint32_t block, uint8_t *room) {
  const uint64_t at = m->weights_offset + (uint64_t)block * OI_CRC_BLOCK;
  OI_TRY(oi_source_read(err, &m->sources.at[0], at, room, oi_model_block_bytes(m, block)));
  return oi_model_check_block(m, err, block, room);
}

static void prove_some(void *arg, int64_t begin, int64_t end, int worker) {
  proof *p = arg;
  uint8_t *room = p->room + (size_t)worker * OI_CRC_BLOCK;
  for (int64_t i = begin; i < end && p->bad[worker] == UINT32_MAX; i++) {
    const uint32_t block = p->first + (uint32_t)i;
    if (prove_block(p->m, &p->err[worker], block, room) != OINF_OK) p->bad[worker] = block;
  }
}

static oinf_status prove_all(oi_oinf_writer *w, proof *p, oi_threads *threads) {
  for (; p->first < p->m->n_crc; p->first += BATCH) {
    const uint32_t left = p->m->n_crc - p->first;
    oi_threads_run(threads, left < BATCH ? left : BATCH, 1, prove_some, p);
    const oi_err *worst = &p->err[p->bad[1] < p->bad[0]];
    if (worst->status != OINF_OK) return oi_fail(w->err, worst->status, "%s", worst->message);
    if (!keeps_on(w, w->total)) return oi_fail(w->err, OINF_CANCEL, "interrupted");
  }
  return OINF_OK;
}

oinf_status oi_stream_prove(oi_oinf_writer *w, const oinf_model *m) {
  proof *p = oi_alloc(w->ctx, sizeof *p);
  uint8_t *room = oi_alloc(w->ctx, 2 * OI_CRC_BLOCK);
  oinf_status status = p && room ? OINF_OK : oi_nomem(w->err, 2 * OI_CRC_BLOCK);
  if (status == OINF_OK) {
    oi_threads *threads = helper(m->weights_size);
    p->m = m, p->room = room, p->bad[0] = p->bad[1] = UINT32_MAX;
    status = prove_all(w, p, threads);
    oi_threads_stop(threads);
  }
  oi_free(w->ctx, p, sizeof *p);
  oi_free(w->ctx, room, 2 * OI_CRC_BLOCK);
  return status;
}
