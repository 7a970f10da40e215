// The writer: weights stream through one buffer straight to their place, then the metadata that
// their digests complete, the tail, and after a sync the first page. Everything goes to a temporary
// file that gets its name when it has been read back and proved, so a target is whole or untouched.
#include "formats/file.h"
#include "formats/oinf_layout.h"
#include "lib/rt/crc32c.h"
#include "lib/rt/sha256.h"

#include <stdio.h>
#include <string.h>

// ---- sections ----

static oinf_status add_section(oi_oinf_writer *w, oi_rec_section s, uint64_t *end) {
  oi_rec_page *p = &w->page;
  if (p->n_sections == OI_SECTIONS_MAX)
    return oi_fail(w->err, OINF_FORMAT, "over %d sections", OI_SECTIONS_MAX);
  if (!oi_section_place(s.type, *end, &s.offset) || s.size > OI_FILE_MAX - s.offset)
    return oi_fail(w->err, OINF_FORMAT, "the package would be over 2^48 bytes");
  p->sections[p->n_sections++] = s;
  *end = s.offset + s.size;
  return OINF_OK;
}

// Known sections and those carried on, in order of their types; again when golden steps are known.
static oinf_status place_sections(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  uint64_t end = OI_PAGE_SIZE;
  size_t next = 0;
  memset(w->page.sections, 0, sizeof w->page.sections);
  w->page.n_sections = 0;
  for (uint32_t id = 0; id <= OI_SEC_COUNT; id++) {
    uint32_t type = id < OI_SEC_COUNT ? oi_section_infos[id].type : UINT32_MAX;
    for (; next < m->extras.n && m->extras.at[next].type < type; next++) {
      oi_rec_section extra = {m->extras.at[next].type, 0, 0, m->extras.at[next].size};
      OI_TRY(add_section(w, extra, &end));
    }
    if (id == OI_SEC_COUNT) break;
    OI_TRY(add_section(w, (oi_rec_section){type, OI_SECTION_CRITICAL, 0, w->size[id]}, &end));
    w->offset[id] = w->page.sections[w->page.n_sections - 1].offset;
  }
  w->page.file_size = end;
  return OINF_OK;
}

static void put_extras(oi_oinf_writer *w, bool behind_weights) {
  size_t next = 0;
  uint64_t tail = w->offset[OI_SEC_WEIGHTS] + w->size[OI_SEC_WEIGHTS];
  for (uint32_t i = 0; i < w->page.n_sections && next < w->content->extras.n; i++) {
    const oi_rec_section *s = &w->page.sections[i];
    const oi_extra *x = &w->content->extras.at[next];
    if (s->type != x->type) continue;
    next++;
    if (x->size == 0 || behind_weights != (x->type > oi_section_infos[OI_SEC_WEIGHTS].type))
      continue;
    memcpy(behind_weights ? w->tail + (s->offset - tail) : w->metadata + (s->offset - OI_PAGE_SIZE),
           x->data, (size_t)x->size);
  }
}

// ---- weights ----

typedef struct stream {
  oi_oinf_writer *w;
  uint8_t *room;           // OI_CRC_BLOCK bytes
  uint32_t *crc;
  uint64_t at;             // offset in the weights up to which checksums are fed
  uint64_t written;        // bytes of tensors
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

// False: the caller asks to stop.
static bool keeps_on(const oi_oinf_writer *w, uint64_t done) {
  return !w->fill.progress || w->fill.progress(w->fill.user, done, w->total);
}

static oinf_status write_piece(stream *s, uint32_t tensor, const oi_rec_tensor *rec,
                               uint64_t offset, uint64_t n, oi_sha256 *sha) {
  oi_oinf_writer *w = s->w;
  OI_TRY(w->copies ? oi_model_read_at(w->content, tensor, offset, s->room, n)
                   : w->fill.fill(w->fill.user, tensor, offset, s->room, n));
  oi_sha256_add(sha, s->room, (size_t)n);
  feed(s, s->room, n);
  OI_TRY(oi_out_write_at(w->out, w->offset[OI_SEC_WEIGHTS] + rec->offset + offset, s->room,
                         (size_t)n));
  s->written += n;
  return keeps_on(w, s->written) ? OINF_OK : oi_fail(w->err, OINF_CANCEL, "interrupted");
}

// Bytes that come from a package must be those that its digest was taken of.
static oinf_status check_origin(stream *s, const oi_tensor *t, const oi_rec_tensor *rec) {
  const oi_oinf_writer *w = s->w;
  if (!w->copies || w->content->n_crc == 0 || t->source != 0) return OINF_OK;
  if (memcmp(t->sha256, rec->sha256, sizeof t->sha256) == 0) return OINF_OK;
  return oi_fail(w->err, OINF_CORRUPT, "its bytes do not have the digest that is on record");
}

static oinf_status write_tensor(stream *s, uint32_t tensor, oi_rec_tensor *rec) {
  const oi_tensor *t = &s->w->content->tensors.at[tensor];
  const uint64_t block = oinf_dtype_block_bytes(t->pub.dtype);
  const uint64_t most = OI_CRC_BLOCK / block * block;
  oi_sha256 sha;
  if (t->kind != OI_TENSOR_BYTES) return OINF_OK;
  oi_sha256_init(&sha, s->w->level);
  feed_padding(s, rec->offset);
  for (uint64_t at = 0, n; at < rec->bytes; at += n) {
    n = rec->bytes - at < most ? rec->bytes - at : most;
    OI_TRY(write_piece(s, tensor, rec, at, n, &sha));
  }
  oi_sha256_end(&sha, rec->sha256);
  return check_origin(s, t, rec);
}

static oinf_status write_weights(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  stream s = {.w = w, .crc = oi_section_at(w, OI_SEC_CHECKSUMS)};
  oi_rec_tensor *rec = oi_section_at(w, OI_SEC_TENSORS);
  oinf_status status = OINF_OK;
  s.room = oi_alloc(w->ctx, OI_CRC_BLOCK);
  if (!s.room) return oi_nomem(w->err, OI_CRC_BLOCK);
  for (size_t i = 0; i < m->tensors.n; i++)
    if (m->tensors.at[i].kind == OI_TENSOR_BYTES) w->total += rec[i].bytes;
  for (size_t i = 0; i < m->tensors.n && status == OINF_OK; i++) {
    status = write_tensor(&s, (uint32_t)i, &rec[i]);
    if (status != OINF_OK) oi_trail(w->err, "writing tensor '%s'", m->tensors.at[i].pub.name);
  }
  oi_free(w->ctx, s.room, OI_CRC_BLOCK);
  return status;
}

static oinf_status write_blobs(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  const oi_rec_blob *rec = oi_section_at(w, OI_SEC_BLOBS);
  for (size_t i = 0; i < m->blobs.n; i++)
    OI_TRY(oi_out_write_at(w->out, w->offset[OI_SEC_BLOB_BYTES] + rec[i].offset,
                           m->blobs.at[i].pub.data, m->blobs.at[i].pub.size));
  return OINF_OK;
}

// ---- tail and first page ----

static oinf_status build_tail(oi_oinf_writer *w, const oi_golden_step *steps, uint32_t n) {
  OI_TRY(oi_golden_measure(w, steps, n));
  OI_TRY(place_sections(w));
  w->tail_size = w->page.file_size - w->offset[OI_SEC_WEIGHTS] - w->size[OI_SEC_WEIGHTS];
  if (w->tail_size > OI_METADATA_MAX)
    return oi_fail(w->err, OINF_FORMAT, "golden steps take %llu bytes, a package holds %d",
                   (unsigned long long)w->tail_size, OI_METADATA_MAX);
  const uint64_t skew = (w->page.file_size - w->tail_size) % 16;  // records lie aligned, as on file
  uint8_t *room = oi_arena_alloc(&w->arena, (size_t)(w->tail_size + skew + 1));
  if (!room) return oi_nomem(w->err, (size_t)w->tail_size);
  w->tail = room + skew;
  oi_golden_fill(w, steps, n);
  put_extras(w, true);
  w->sealed = false;
  return OINF_OK;
}

// The page comes last, when what it vouches for is on disk.
static oinf_status seal(oi_oinf_writer *w) {
  oi_rec_page *p = &w->page;
  if (w->sealed) return OINF_OK;
  OI_TRY(oi_out_write_at(w->out, p->file_size - w->tail_size, w->tail, (size_t)w->tail_size));
  OI_TRY(oi_out_sync(w->out));
  memcpy(p->magic, OI_OINF_MAGIC, sizeof p->magic);
  p->major = p->least_major = 1;
  p->page_size = OI_PAGE_SIZE;
  p->optional = w->content->features;
  const uint64_t metadata = w->offset[OI_SEC_BLOB_BYTES] - OI_PAGE_SIZE;
  oi_digest(w->level, w->metadata, (size_t)metadata, p->metadata_digest);
  oi_digest(w->level, w->tail, (size_t)w->tail_size, p->tail_digest);
  oi_digest(w->level, p, OI_PAGE_DIGESTED, p->digest);
  OI_TRY(oi_out_write_at(w->out, 0, p, sizeof *p));
  w->sealed = true;
  return OINF_OK;
}

// ---- proof ----

static oinf_status prove_weights(oi_oinf_writer *w, const oinf_model *m) {
  oi_err *err = w->err;
  oinf_status status = OINF_OK;
  const size_t most = (size_t)oi_model_block_room(m);
  uint8_t *room = oi_alloc(m->ctx, most);
  if (!room) return oi_nomem(err, most);
  for (uint32_t i = 0; i < m->n_crc && status == OINF_OK; i++) {
    uint64_t at = m->weights_offset + (uint64_t)i * OI_CRC_BLOCK;
    status = oi_source_read(err, &m->sources.at[0], at, room, oi_model_block_bytes(m, i));
    if (status == OINF_OK) status = oi_model_check_block(m, err, i, room);
    if (status == OINF_OK && !keeps_on(w, w->total))
      status = oi_fail(err, OINF_CANCEL, "interrupted");
  }
  oi_free(m->ctx, room, most);
  return status;
}

// What was written is right by construction; where it reads back otherwise, the disk failed.
static oinf_status unfaithful(oi_oinf_writer *w, oinf_status status) {
  char why[512];
  if (status != OINF_FORMAT && status != OINF_CORRUPT && status != OINF_SUPPORT) return status;
  snprintf(why, sizeof why, "%s", oinf_error(w->ctx));
  oinf_error_clear(w->ctx);
  return oi_fail(w->err, status == OINF_CORRUPT ? OINF_IO : OINF_INTERNAL,
                 "what was written does not read back: %s", why);
}

static oinf_status prove(oi_oinf_writer *w, oinf_model **out_model) {
  oi_source source;
  oinf_model *m;
  OI_TRY(seal(w));
  OI_TRY(oi_out_source(w->out, &source));
  oinf_status status = oi_oinf_open(w->ctx, source, &m);
  if (status != OINF_OK) return unfaithful(w, status);
  if (!w->proved) status = prove_weights(w, m);
  if (status != OINF_OK) return oinf_model_destroy(m), unfaithful(w, status);
  w->proved = true;
  *out_model = m;
  return OINF_OK;
}

// ---- the way through ----

static oinf_status begin(oi_oinf_writer *w, const char *path) {
  OI_TRY(oi_front_measure(w));
  OI_TRY(place_sections(w));
  OI_TRY(oi_front_fill(w));
  put_extras(w, false);
  OI_TRY(oi_out_begin(w->ctx, path, &w->out));
  for (size_t i = 0; w->fill.input && i < w->fill.input->sources.n; i++)
    OI_TRY(oi_out_avoid(w->out, &w->fill.input->sources.at[i]));
  OI_TRY(oi_out_reserve(w->out, w->page.file_size));
  // The file gets its size first: padding is what is never written, also at the end.
  OI_TRY(oi_out_write_at(w->out, w->page.file_size - 1, "", 1));
  OI_TRY(write_weights(w));
  OI_TRY(write_blobs(w));
  OI_TRY(oi_out_write_at(w->out, OI_PAGE_SIZE, w->metadata,
                         (size_t)(w->offset[OI_SEC_BLOB_BYTES] - OI_PAGE_SIZE)));
  return build_tail(w, NULL, 0);
}

oinf_status oi_oinf_begin(oinf_model *content, const char *path, const oi_oinf_fill *fill,
                          oi_oinf_writer **out_writer) {
  oinf_ctx *ctx = content->ctx;
  oi_oinf_writer *w = oi_alloc(ctx, sizeof *w);
  if (!w) return oi_nomem(oi_ctx_err(ctx), sizeof *w);
  w->level = oi_sha256_best();
  w->ctx = ctx, w->err = oi_ctx_err(ctx), w->content = content;
  w->strings.ctx = w->golden_strings.ctx = ctx;
  oi_arena_init(&w->arena, ctx);
  if (fill) w->fill = *fill;
  w->copies = !w->fill.fill;
  oinf_status status = begin(w, path);
  if (status != OINF_OK) {
    oi_trail(w->err, "writing package '%s'", path);
    oi_oinf_abort(&w);
    return status;
  }
  *out_writer = w;
  return OINF_OK;
}

oinf_status oi_oinf_reopen(oi_oinf_writer *w, oinf_model **out_model) {
  return prove(w, out_model);
}

oinf_status oi_oinf_set_golden(oi_oinf_writer *w, const oi_golden_step *steps, uint32_t n) {
  if (w->has_golden) return oi_fail(w->err, OINF_INTERNAL, "golden steps are set already");
  w->has_golden = true;
  OI_TRY_AT(w->err, build_tail(w, steps, n), "writing golden steps");
  return OINF_OK;
}

oinf_status oi_oinf_commit(oi_oinf_writer **w) {
  oinf_model *m = NULL;
  oinf_status status = OINF_OK;
  if (!(*w)->sealed || !(*w)->proved) status = prove(*w, &m);
  oinf_model_destroy(m);
  if (status == OINF_OK) status = oi_out_commit(&(*w)->out);
  oi_oinf_abort(w);
  return status;
}

void oi_oinf_abort(oi_oinf_writer **writer) {
  oi_oinf_writer *w = *writer;
  if (!w) return;
  if (w->out) oi_out_abort(&w->out);
  oi_pool_free(&w->strings);
  oi_pool_free(&w->golden_strings);
  oi_arena_free(&w->arena);
  oi_free(w->ctx, w, sizeof *w);
  *writer = NULL;
}

oinf_status oi_oinf_write(oinf_model *content, const char *path, const oi_oinf_fill *fill) {
  oi_oinf_writer *w;
  OI_TRY(oi_oinf_begin(content, path, fill, &w));
  oinf_status status = OINF_OK;
  if (content->golden.n)
    status = oi_oinf_set_golden(w, content->golden.at, (uint32_t)content->golden.n);
  if (status != OINF_OK) return oi_oinf_abort(&w), status;
  return oi_oinf_commit(&w);
}

oinf_status oinf_model_save(oinf_model *model, const char *path) {
  return oi_oinf_write(model, path, NULL);
}
