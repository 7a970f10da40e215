// The writer: weights stream straight to their place (oinf_stream.c), then the metadata that
// their digests complete, the tail, and after a sync the first page. Everything goes to a temporary
// file that gets its name when it has been read back and proved, so a target is whole or untouched.
#include "formats/file.h"
#include "formats/oinf_layout.h"
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

// ---- blobs ----

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
  for (size_t i = 0; i < w->content->tensors.n; i++)
    if (w->content->tensors.at[i].layout != OI_LAYOUT_ROWS) p->required = OI_FEATURE_LAYOUTS;
  const uint64_t metadata = w->offset[OI_SEC_BLOB_BYTES] - OI_PAGE_SIZE;
  oi_digest(w->level, w->metadata, (size_t)metadata, p->metadata_digest);
  oi_digest(w->level, w->tail, (size_t)w->tail_size, p->tail_digest);
  oi_digest(w->level, p, OI_PAGE_DIGESTED, p->digest);
  OI_TRY(oi_out_write_at(w->out, 0, p, sizeof *p));
  w->sealed = true;
  return OINF_OK;
}

// ---- proof ----

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
  if (!w->proved) status = oi_stream_prove(w, m);
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
  OI_TRY(oi_stream_write(w));
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
