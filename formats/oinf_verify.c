// The weights of a package in one pass, by as many workers as pay: a worker takes a tensor with the
// padding before it, and proves its bytes, so a file of one tensor is one worker's. Checksums are
// of whole MiB, whatever lies there: whose stretch a block begins in proves it, and reads to its
// end; who only has a part of it reads that part. What is read twice is less than a block a tensor.
//
// What lies between tensors is zero, and so is what a tensor in groups holds for rows and blocks
// that it does not have. The fault that is told is the first one in the file, however many workers
// there are: pieces are handed out in order, and everyone ends what he has begun. Digests of blobs
// are proved first. Opening has proved everything else.
#include "formats/oinf_layout.h"
#include "lib/op.h"
#include "lib/rt/sha256.h"
#include "lib/rt/threads.h"

#include <string.h>

enum {
  WORKERS = 4,
  WORTH_A_THREAD = 8 << 20  // bytes of weights
};

typedef struct sweep {
  const oinf_model *m;
  int level;
  uint8_t *room;  // of each worker, a block
  uint64_t block_room;
  oi_progress *progress;
  void *user;
  uint64_t done;  // bytes proved
  uint32_t bad;   // the first tensor known to be damaged; UINT32_MAX: none
  bool cancelled;
  oi_err err[WORKERS];
  uint32_t bad_of[WORKERS];
} sweep;

// What one worker proves: a tensor and its digest so far.
typedef struct share {
  sweep *s;
  oi_err *err;
  const oi_tensor *t;
  uint64_t from, to;  // of the file: the padding before the tensor, and its end
  uint8_t *room;
  oi_sha256 sha;
} share;

// ---- padding of groups ----

// Four blocks of 16 rows, of which some may not exist.
typedef struct super {
  int64_t rows, blocks;
  int64_t quants, bytes;  // of one block of all rows; of the whole
  uint8_t zero;           // what is stored for a quant that is none
} super;

static super super_at(const oi_tensor *t, uint64_t index) {
  const int64_t *dim = t->pub.dims, quads = oi_quads(dim[1]);
  const bool q8 = t->pub.dtype == OINF_Q8_0;
  super s = {.quants = q8 ? 512 : 256, .zero = q8 ? 0x80 : 0x88};
  s.bytes = OI_SCALES + 4 * s.quants;
  s.rows = dim[0] - (int64_t)(index / (uint64_t)quads) * OI_GROUP;
  s.blocks = dim[1] / 32 - (int64_t)(index % (uint64_t)quads) * 4;
  return s;
}

// Scales lie as [block][row], quants as [block][chunk][row][4].
static bool is_padding(const super *s, int64_t at, uint8_t *want) {
  const bool scale = at < OI_SCALES;
  const int64_t q = at - OI_SCALES, block = scale ? at / 32 : q / s->quants,
                row = scale ? at % 32 / 2 : q % 64 / 4;
  *want = scale ? 0 : s->zero;
  return block >= s->blocks || row >= s->rows;
}

// n bytes of the tensor from `at` on.
static bool padding_holds(const oi_tensor *t, uint64_t at, const uint8_t *bytes, uint64_t n) {
  const uint64_t size = (uint64_t)super_at(t, 0).bytes;
  for (uint64_t i = 0; i < n;) {
    const super s = super_at(t, (at + i) / size);
    const uint64_t within = (at + i) % size, here = n - i < size - within ? n - i : size - within;
    uint8_t want;
    for (uint64_t k = 0; k < here && (s.rows < OI_GROUP || s.blocks < 4); k++)
      if (is_padding(&s, (int64_t)(within + k), &want) && bytes[i + k] != want) return false;
    i += here;
  }
  return true;
}

// ---- a tensor ----

// Bytes `from` to `to` of the file lie in the room: zeros before the tensor, then its own.
static oinf_status take_bytes(share *w, uint64_t from, uint64_t to, const uint8_t *bytes) {
  for (; from < to && from < w->t->offset; from++, bytes++)
    if (*bytes)
      return oi_fail(w->err, OINF_FORMAT, "a byte before tensor '%s' is not zero", w->t->pub.name);
  if (w->t->layout == OI_LAYOUT_GROUPS &&
      !padding_holds(w->t, from - w->t->offset, bytes, to - from))
    return oi_fail(w->err, OINF_FORMAT, "tensor '%s': a row or block that it has not is no zero",
                   w->t->pub.name);
  oi_sha256_add(&w->sha, bytes, (size_t)(to - from));
  return OINF_OK;
}

static oinf_status prove_block(share *w, uint32_t block) {
  const oinf_model *m = w->s->m;
  const uint64_t begin = m->weights_offset + (uint64_t)block * OI_CRC_BLOCK,
                 end = begin + oi_model_block_bytes(m, block);
  const bool own = begin >= w->from;
  const uint64_t from = own ? begin : w->from, to = end < w->to ? end : w->to;
  OI_TRY(oi_source_read(w->err, &m->sources.at[0], from, w->room, (own ? end : to) - from));
  if (own) OI_TRY(oi_model_check_block(m, w->err, block, w->room));
  return take_bytes(w, from, to, w->room);
}

// False: the caller of it all asks to stop. Only his own thread asks him.
static bool keeps_on(sweep *s, uint64_t bytes, int worker) {
  const uint64_t done = __atomic_add_fetch(&s->done, bytes, __ATOMIC_RELAXED);
  if (worker == 0 && s->progress && !s->progress(s->user, done, s->m->weights_size))
    __atomic_store_n(&s->cancelled, true, __ATOMIC_RELAXED);
  return !__atomic_load_n(&s->cancelled, __ATOMIC_RELAXED);
}

static oinf_status prove_tensor(share *w, int worker) {
  const oinf_model *m = w->s->m;
  uint8_t have[32];
  oi_sha256_init(&w->sha, w->s->level);
  for (uint64_t at = w->from; at < w->to;) {
    const uint32_t block = (uint32_t)((at - m->weights_offset) / OI_CRC_BLOCK);
    const uint64_t end = m->weights_offset + ((uint64_t)block + 1) * OI_CRC_BLOCK;
    const uint64_t next = end < w->to ? end : w->to;
    OI_TRY(prove_block(w, block));
    if (!keeps_on(w->s, next - at, worker)) return OINF_OK;
    at = next;
  }
  oi_sha256_end(&w->sha, have);
  if (memcmp(have, w->t->sha256, sizeof have) == 0) return OINF_OK;
  return oi_fail(w->err, OINF_CORRUPT, "tensor '%s' is damaged: its digest differs",
                 w->t->pub.name);
}

// Where the payload before that of tensor i ends. Payloads tile the weights, in order.
static uint64_t end_before(const oinf_model *m, uint32_t i) {
  while (i-- > 0) {
    const oi_tensor *t = &m->tensors.at[i];
    if (t->kind == OI_TENSOR_BYTES) return t->offset + t->pub.bytes;
  }
  return m->weights_offset;
}

static void note_bad(sweep *s, uint32_t tensor) {
  uint32_t bad = __atomic_load_n(&s->bad, __ATOMIC_RELAXED);
  while (tensor < bad && !__atomic_compare_exchange_n(&s->bad, &bad, tensor, false,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
    continue;
}

static void prove_some(void *arg, int64_t begin, int64_t end, int worker) {
  sweep *s = arg;
  for (uint32_t i = (uint32_t)begin; i < (uint32_t)end; i++) {
    const oi_tensor *t = &s->m->tensors.at[i];
    share w = {
        .s = s, .err = &s->err[worker], .t = t, .room = s->room + (uint64_t)worker * s->block_room};
    const bool stop = i > __atomic_load_n(&s->bad, __ATOMIC_RELAXED) ||
                      __atomic_load_n(&s->cancelled, __ATOMIC_RELAXED);
    if (stop || s->bad_of[worker] < i || t->kind != OI_TENSOR_BYTES) continue;
    w.from = end_before(s->m, i), w.to = t->offset + t->pub.bytes;
    if (prove_tensor(&w, worker) != OINF_OK) s->bad_of[worker] = i, note_bad(s, i);
  }
}

static oinf_status sweep_weights(sweep *s, oi_err *err) {
  oi_threads *threads = s->m->weights_size < WORTH_A_THREAD ? NULL : oi_threads_start(WORKERS);
  oi_threads_run(threads, (int64_t)s->m->tensors.n, 1, prove_some, s);
  oi_threads_stop(threads);
  for (int i = 0; i < WORKERS && s->bad != UINT32_MAX; i++)
    if (s->bad_of[i] == s->bad) return oi_fail(err, s->err[i].status, "%s", s->err[i].message);
  return s->cancelled ? oi_fail(err, OINF_CANCEL, "interrupted") : OINF_OK;
}

static oinf_status verify_blobs(oinf_model *m, oi_err *err, int level) {
  for (size_t i = 0; i < m->blobs.n; i++) {
    const oi_blob *b = &m->blobs.at[i];
    uint8_t have[32];
    if (!b->sha256) continue;
    oi_digest(level, b->pub.data, b->pub.size, have);
    if (memcmp(have, b->sha256, sizeof have) != 0)
      return oi_fail(err, OINF_CORRUPT, "blob '%s' is damaged: its digest differs", b->pub.name);
  }
  return OINF_OK;
}

oinf_status oi_oinf_verify_weights(oinf_model *m, oi_progress *progress, void *user) {
  oi_err *err = oi_ctx_err(m->ctx);
  const uint64_t most = oi_model_block_room(m), room = WORKERS * most;
  if (!m->has_root) return oi_fail(err, OINF_USAGE, "the model is not a package");
  OI_TRY(verify_blobs(m, err, oi_sha256_best()));
  sweep *s = oi_alloc(m->ctx, sizeof *s);
  uint8_t *rooms = oi_alloc(m->ctx, room);
  oinf_status status = s && rooms ? OINF_OK : oi_nomem(err, room);
  if (status == OINF_OK) {
    *s = (sweep){.m = m, .level = oi_sha256_best(), .room = rooms, .block_room = most};
    s->progress = progress, s->user = user, s->bad = UINT32_MAX;
    for (int i = 0; i < WORKERS; i++) s->bad_of[i] = UINT32_MAX;
    status = sweep_weights(s, err);
  }
  oi_free(m->ctx, rooms, room);
  oi_free(m->ctx, s, sizeof *s);
  return status;
}
