// The writer's first half: what lies before the weights. Content that would break a rule of OINF.md
// is refused here, before a byte is written. Every size is known before the payloads are, since
// digests and checksums have fixed sizes; so the weights' place is too, and they are written once.
#include "formats/oinf_layout.h"
#include "lib/rt/crc32c.h"

#include <string.h>

static oinf_status refuse(oi_oinf_writer *w, const char *what, const char *name) {
  return oi_fail(w->err, OINF_FORMAT, "%s '%s' cannot be in a package", what, name);
}

// ---- content that keeps the rules ----

static oinf_status check_counts(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  if (m->tensors.n > OI_TENSORS_MAX || m->meta.n > OI_META_MAX || m->graphs.n > OI_GRAPHS_MAX ||
      m->blobs.n > OI_BLOBS_MAX)
    return oi_fail(w->err, OINF_FORMAT,
                   "%zu tensors, %zu metadata, %zu graphs, %zu blobs: at most %d, %d, %d, %d",
                   m->tensors.n, m->meta.n, m->graphs.n, m->blobs.n, OI_TENSORS_MAX, OI_META_MAX,
                   OI_GRAPHS_MAX, OI_BLOBS_MAX);
  return OINF_OK;
}

static oinf_status check_texts(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  for (size_t i = 0; i < m->meta.n; i++) {
    size_t n = strlen(m->meta.at[i].value);
    if (!oi_name_ok(m->meta.at[i].key)) return refuse(w, "the metadata key", m->meta.at[i].key);
    if (n > OI_VALUE_MAX || !oi_utf8_ok(m->meta.at[i].value, n))
      return refuse(w, "the value of metadata", m->meta.at[i].key);
  }
  for (size_t i = 0; i < m->graphs.n; i++) {
    const oi_graph_text *g = &m->graphs.at[i];
    if (!oi_name_ok(g->name)) return refuse(w, "the graph name", g->name);
    if (!oi_utf8_ok(g->text, g->size)) return refuse(w, "the text of graph", g->name);
  }
  for (size_t i = 0; i < m->blobs.n; i++) {
    const oinf_blob *b = &m->blobs.at[i].pub;
    if (!oi_name_ok(b->name)) return refuse(w, "the blob name", b->name);
    if (b->size > OI_BLOB_MAX) return refuse(w, "over 1 GiB, the blob", b->name);
  }
  return OINF_OK;
}

static oinf_status check_tensors(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  for (size_t i = 0; i < m->tensors.n; i++) {
    const oi_tensor *t = &m->tensors.at[i];
    uint64_t bytes;
    if (!oi_name_ok(t->pub.name)) return refuse(w, "the tensor name", t->pub.name);
    if (!oi_tensor_stored(t, &bytes) || bytes != t->pub.bytes)
      return refuse(w, "with these dims, the tensor", t->pub.name);
    if (!oi_tensor_seed_ok(t)) return refuse(w, "with this seed, the tensor", t->pub.name);
  }
  return OINF_OK;
}

// ---- strings ----

// A declaration stands in the middle of a graph's text: its copy gets the closing zero.
static char *spec_text(oi_oinf_writer *w, const char *spec, size_t n) {
  return oi_arena_text(&w->arena, spec, n);
}

static void add_state(oi_oinf_writer *w, const char *spec, size_t n) {
  char *text = spec_text(w, spec, n);
  if (text) oi_pool_add(&w->strings, text);
  else w->strings.failed = true;
  w->size[OI_SEC_STATES] += sizeof(oi_rec_state);
}

static oinf_status gather_strings(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  oi_pool *p = &w->strings;
  for (size_t i = 0; i < m->meta.n; i++) {
    oi_pool_add(p, m->meta.at[i].key);
    oi_pool_add(p, m->meta.at[i].value);
  }
  for (size_t i = 0; i < m->tensors.n; i++) oi_pool_add(p, m->tensors.at[i].pub.name);
  for (size_t i = 0; i < m->blobs.n; i++) oi_pool_add(p, m->blobs.at[i].pub.name);
  for (size_t i = 0; i < m->graphs.n; i++) {
    const oi_graph_text *g = &m->graphs.at[i];
    const char *spec;
    size_t at = 0, n;
    oi_pool_add(p, g->name);
    while (oi_state_next(g->text, g->size, &at, &spec, &n)) {
      if (n > OI_VALUE_MAX) return refuse(w, "with a state of over 1 MiB, the graph", g->name);
      add_state(w, spec, n);
    }
  }
  return oi_pool_close(p);
}

// ---- sizes ----

static oinf_status measure_payloads(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  uint64_t weights = 0, blobs = 0, text = 0;
  for (size_t i = 0; i < m->tensors.n; i++) {
    const oinf_tensor *t = &m->tensors.at[i].pub;
    if (m->tensors.at[i].kind != OI_TENSOR_BYTES) continue;
    if (!oi_payload_place(t->bytes, weights, &weights))
      return refuse(w, "over 2^48 bytes, the tensor", t->name);
    weights += t->bytes;
  }
  for (size_t i = 0; i < m->blobs.n; i++) {
    (void)oi_align_u64(blobs, OI_PAYLOAD_ALIGN, &blobs);
    blobs += m->blobs.at[i].pub.size;
  }
  for (size_t i = 0; i < m->graphs.n; i++) text += m->graphs.at[i].size + 1;
  w->size[OI_SEC_WEIGHTS] = weights;
  w->size[OI_SEC_BLOB_BYTES] = blobs;
  w->size[OI_SEC_GRAPH_TEXT] = text;
  return OINF_OK;
}

oinf_status oi_front_measure(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  OI_TRY(check_counts(w));
  OI_TRY(check_texts(w));
  OI_TRY(check_tensors(w));
  OI_TRY(gather_strings(w));
  OI_TRY(measure_payloads(w));
  uint64_t weights = w->size[OI_SEC_WEIGHTS];
  w->size[OI_SEC_STRING_ENDS] = w->strings.list.n * sizeof(uint32_t);
  w->size[OI_SEC_STRING_TEXT] = w->strings.size;
  w->size[OI_SEC_METADATA] = m->meta.n * sizeof(oi_rec_meta);
  w->size[OI_SEC_TENSORS] = m->tensors.n * sizeof(oi_rec_tensor);
  w->size[OI_SEC_NAMES] = m->tensors.n * sizeof(uint32_t);
  w->size[OI_SEC_GRAPHS] = m->graphs.n * sizeof(oi_rec_graph);
  w->size[OI_SEC_BLOBS] = m->blobs.n * sizeof(oi_rec_blob);
  w->size[OI_SEC_CHECKSUMS] =
      (weights / OI_CRC_BLOCK + (weights % OI_CRC_BLOCK != 0)) * sizeof(uint32_t);
  return OINF_OK;
}

// ---- records ----

static void fill_tensor(oi_oinf_writer *w, const oi_tensor *t, oi_rec_tensor *rec, uint64_t *end) {
  const char *dtype = oinf_dtype_name(t->pub.dtype);
  rec->name = oi_pool_id(&w->strings, t->pub.name);
  rec->rank = t->pub.rank;
  memcpy(rec->dtype, dtype, strlen(dtype));
  memcpy(rec->dims, t->pub.dims, t->pub.rank * sizeof *rec->dims);
  rec->bytes = t->pub.bytes;
  rec->source = t->kind, rec->layout = t->layout;
  rec->seed = t->seed;
  if (t->kind != OI_TENSOR_BYTES) return;
  (void)oi_payload_place(rec->bytes, *end, &rec->offset);
  *end = rec->offset + rec->bytes;
}

// Strings are sorted, so a tensor's place by name is that of its string.
static oinf_status fill_names(oi_oinf_writer *w) {
  const oi_rec_tensor *rec = oi_section_at(w, OI_SEC_TENSORS);
  const size_t n = w->content->tensors.n, n_strings = w->strings.list.n;
  uint32_t *owner = oi_arena_alloc(&w->arena, n_strings * sizeof *owner);
  uint32_t *name = oi_section_at(w, OI_SEC_NAMES);
  if (!owner) return oi_nomem(w->err, n_strings * sizeof *owner);
  for (size_t i = 0; i < n; i++) {
    if (owner[rec[i].name])
      return oi_fail(w->err, OINF_FORMAT, "two tensors are named '%s'",
                     w->content->tensors.at[i].pub.name);
    owner[rec[i].name] = (uint32_t)i + 1;
  }
  for (size_t s = 0; s < n_strings; s++)
    if (owner[s]) *name++ = owner[s] - 1;
  return OINF_OK;
}

static oinf_status fill_tensors(oi_oinf_writer *w) {
  oi_rec_tensor *rec = oi_section_at(w, OI_SEC_TENSORS);
  uint64_t end = 0;
  for (size_t i = 0; i < w->content->tensors.n; i++)
    fill_tensor(w, &w->content->tensors.at[i], &rec[i], &end);
  return fill_names(w);
}

static oinf_status fill_graphs(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  oi_rec_graph *rec = oi_section_at(w, OI_SEC_GRAPHS);
  oi_rec_state *state = oi_section_at(w, OI_SEC_STATES);
  char *text = oi_section_at(w, OI_SEC_GRAPH_TEXT);
  for (size_t i = 0, end = 0; i < m->graphs.n; i++) {
    const oi_graph_text *g = &m->graphs.at[i];
    const char *spec;
    size_t at = 0, n;
    rec[i] = (oi_rec_graph){oi_pool_id(&w->strings, g->name), 0, end, g->size};
    if (g->size) memcpy(text + end, g->text, g->size);
    end += g->size + 1;
    while (oi_state_next(g->text, g->size, &at, &spec, &n)) {
      char *copy = spec_text(w, spec, n);
      if (!copy) return oi_nomem(w->err, n);
      *state++ = (oi_rec_state){(uint32_t)i, oi_pool_id(&w->strings, copy)};
    }
  }
  return OINF_OK;
}

static void fill_metadata(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  oi_rec_meta *rec = oi_section_at(w, OI_SEC_METADATA);
  for (size_t i = 0; i < m->meta.n; i++)
    rec[i] = (oi_rec_meta){oi_pool_id(&w->strings, m->meta.at[i].key),
                           oi_pool_id(&w->strings, m->meta.at[i].value)};
}

static void fill_blobs(oi_oinf_writer *w) {
  const oinf_model *m = w->content;
  oi_rec_blob *rec = oi_section_at(w, OI_SEC_BLOBS);
  uint64_t end = 0;
  for (size_t i = 0; i < m->blobs.n; i++) {
    const oinf_blob *b = &m->blobs.at[i].pub;
    rec[i].name = oi_pool_id(&w->strings, b->name);
    rec[i].crc = oi_crc32c(0, b->data, b->size);
    (void)oi_align_u64(end, OI_PAYLOAD_ALIGN, &rec[i].offset);
    rec[i].size = b->size;
    oi_digest(w->level, b->data, b->size, rec[i].sha256);
    end = rec[i].offset + b->size;
  }
}

oinf_status oi_front_fill(oi_oinf_writer *w) {
  uint64_t size = w->offset[OI_SEC_BLOB_BYTES] - OI_PAGE_SIZE;
  if (size > OI_METADATA_MAX)
    return oi_fail(w->err, OINF_FORMAT, "metadata takes %llu bytes, a package holds %d",
                   (unsigned long long)size, OI_METADATA_MAX);
  w->metadata = oi_arena_alloc(&w->arena, (size_t)size);
  if (!w->metadata) return oi_nomem(w->err, (size_t)size);
  oi_pool_put(&w->strings, oi_section_at(w, OI_SEC_STRING_ENDS),
              oi_section_at(w, OI_SEC_STRING_TEXT));
  fill_metadata(w);
  fill_blobs(w);
  OI_TRY(fill_tensors(w));
  return fill_graphs(w);
}
