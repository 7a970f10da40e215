// The weights of a package in one pass: each MiB is read once, its checksum proved, its bytes fed
// to the digest of the tensor they belong to, and what lies between tensors must be zero. The
// digests of blobs are proved first. Opening has proved everything else.
#include "formats/oinf_layout.h"
#include "lib/rt/sha256.h"

#include <string.h>

typedef struct sweep {
  oinf_model *m;
  oi_err *err;
  oi_sha256 sha;
  bool inside;       // sha has been begun for tensor `next`
  size_t next;       // the tensor that the next byte belongs to, or comes before
  int level;
} sweep;

static oinf_status finish_tensor(sweep *s, const oi_tensor *t) {
  uint8_t have[32];
  oi_sha256_end(&s->sha, have);
  s->inside = false;
  s->next++;
  if (memcmp(have, t->sha256, sizeof have) == 0) return OINF_OK;
  return oi_fail(s->err, OINF_CORRUPT, "tensor '%s' is damaged: its digest differs", t->pub.name);
}

// Bytes at `from` of the file up to the next border: padding before a tensor, or bytes of it.
static oinf_status step(sweep *s, uint64_t *from, uint64_t to, const uint8_t **bytes) {
  const oi_tensor *t = &s->m->tensors.at[s->next];
  uint64_t border = *from < t->offset ? t->offset : t->offset + t->pub.bytes;
  uint64_t n = (border < to ? border : to) - *from;
  if (*from < t->offset) {
    for (uint64_t i = 0; i < n; i++)
      if ((*bytes)[i])
        return oi_fail(s->err, OINF_FORMAT, "a byte before tensor '%s' is not zero", t->pub.name);
  } else {
    if (!s->inside) oi_sha256_init(&s->sha, s->level);
    s->inside = true;
    oi_sha256_add(&s->sha, *bytes, (size_t)n);
  }
  *from += n, *bytes += n;
  return s->inside && *from == border ? finish_tensor(s, t) : OINF_OK;
}

// Tensors without payload, and those of no bytes whose place has been reached, need no byte to end.
static oinf_status skip_empty(sweep *s, uint64_t from) {
  while (s->next < s->m->tensors.n) {
    const oi_tensor *t = &s->m->tensors.at[s->next];
    if (t->kind != OI_TENSOR_BYTES) {
      s->next++;
      continue;
    }
    if (t->pub.bytes || t->offset > from) return OINF_OK;
    oi_sha256_init(&s->sha, s->level);
    OI_TRY(finish_tensor(s, t));
  }
  return OINF_OK;
}

static oinf_status sweep_block(sweep *s, uint32_t block, uint8_t *room) {
  oinf_model *m = s->m;
  uint64_t from = m->weights_offset + (uint64_t)block * OI_CRC_BLOCK;
  uint64_t to = from + oi_model_block_bytes(m, block);
  const uint8_t *bytes = room;
  OI_TRY(oi_source_read(s->err, &m->sources.at[0], from, room, to - from));
  OI_TRY(oi_model_check_block(m, s->err, block, room));
  while (from < to) {
    OI_TRY(skip_empty(s, from));
    OI_TRY(step(s, &from, to, &bytes));
  }
  return OINF_OK;
}

static oinf_status sweep_weights(sweep *s, oi_progress *progress, void *user) {
  oinf_status status = OINF_OK;
  uint64_t done = 0;
  const size_t most = (size_t)oi_model_block_room(s->m);
  uint8_t *room = oi_alloc(s->m->ctx, most);
  if (!room) return oi_nomem(s->err, most);
  for (uint32_t i = 0; i < s->m->n_crc && status == OINF_OK; i++) {
    status = sweep_block(s, i, room);
    done += oi_model_block_bytes(s->m, i);
    if (status == OINF_OK && progress && !progress(user, done, s->m->weights_size))
      status = oi_fail(s->err, OINF_CANCEL, "interrupted");
  }
  oi_free(s->m->ctx, room, most);
  return status == OINF_OK ? skip_empty(s, UINT64_MAX) : status;
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
  sweep s = {.m = m, .err = oi_ctx_err(m->ctx), .level = oi_sha256_best()};
  if (!m->has_root) return oi_fail(s.err, OINF_USAGE, "the model is not a package");
  OI_TRY(verify_blobs(m, s.err, s.level));
  return sweep_weights(&s, progress, user);
}
