// Reader and verifier of the package, one pass, and the only way in. OINF.md is what it enforces,
// in the order of its section 9. Everything but the weights is read into private memory, proved
// there by its digest, and used from there alone: what changes in the file afterwards cannot be
// seen. Every number is bounded before it is used in arithmetic or as a size. The weights are not
// touched; who reads them proves their checksums (lib/model_read.c, formats/oinf_verify.c).
#include "formats/oinf_read.h"
#include "lib/rt/crc32c.h"
#include "lib/rt/sha256.h"

#include <string.h>

oinf_status oi_bad(oi_reader *r, const char *format, ...) {
  va_list args;
  va_start(args, format);
  oinf_status status = oi_fail_v(r->err, OINF_FORMAT, format, args);
  va_end(args);
  return status;
}

static bool all_zero(const uint8_t *p, uint64_t n) {
  for (uint64_t i = 0; i < n; i++)
    if (p[i]) return false;
  return true;
}

static unsigned long long ull(uint64_t x) { return x; }

static oi_source *source_of(oi_reader *r) { return &r->m->sources.at[0]; }

// ---- first page ----

static oinf_status refuse_magic(oi_reader *r) {
  bool mangled = memcmp(r->page->magic, OI_OINF_MAGIC, 5) == 0;
  return oi_bad(r, mangled ? "not a package any more: it was changed in transfer, as text"
                           : "not a package: it does not begin with the magic bytes");
}

// Version and size of the page keep their place in all versions, so they are asked before a digest
// that a later version may take of other bytes.
static oinf_status check_version(oi_reader *r) {
  const oi_rec_page *p = r->page;
  if (memcmp(p->magic, OI_OINF_MAGIC, sizeof p->magic) != 0) return refuse_magic(r);
  if (p->major != 1)
    return oi_fail(r->err, OINF_SUPPORT, "package version %u.%u: this reader knows version 1",
                   p->major, p->minor);
  if (p->page_size != OI_PAGE_SIZE)
    return oi_bad(r, "first page: its size is %u, expected %d", p->page_size, OI_PAGE_SIZE);
  return OINF_OK;
}

static oinf_status check_digest(oi_reader *r, const char *what, const void *data, uint64_t n,
                                const uint8_t want[32]) {
  uint8_t have[32];
  oi_digest(r->level, data, (size_t)n, have);
  if (memcmp(have, want, sizeof have) == 0) return OINF_OK;
  return oi_fail(r->err, OINF_CORRUPT, "%s is damaged: its digest begins %02x%02x%02x%02x, not "
                 "%02x%02x%02x%02x", what, have[0], have[1], have[2], have[3], want[0], want[1],
                 want[2], want[3]);
}

static oinf_status check_features(oi_reader *r) {
  const oi_rec_page *p = r->page;
  if (p->least_major != 1 || p->least_minor != 0)
    return oi_fail(r->err, OINF_SUPPORT, "the package needs a reader of version %u.%u, this is 1.0",
                   p->least_major, p->least_minor);
  if (p->required & ~OI_FEATURE_LAYOUTS)
    return oi_fail(r->err, OINF_SUPPORT, "the package needs feature bit %d, not known here",
                   __builtin_ctzll(p->required & ~OI_FEATURE_LAYOUTS));
  if (p->zero0 || !all_zero(p->zero1, sizeof p->zero1) || !all_zero(p->zero2, sizeof p->zero2) ||
      !all_zero(p->zero3, sizeof p->zero3))
    return oi_bad(r, "first page: a reserved byte is not zero");
  return OINF_OK;
}

static oinf_status read_page(oi_reader *r) {
  const oi_source *s = source_of(r);
  if (s->size < OI_PAGE_SIZE)
    return oi_bad(r, "not a package: %llu bytes, a package has at least %d", ull(s->size),
                  OI_PAGE_SIZE);
  OI_TRY(oi_reader_room(r, sizeof *r->page, &r->page));
  OI_TRY(oi_source_read(r->err, s, 0, r->page, OI_PAGE_SIZE));
  OI_TRY(check_version(r));
  OI_TRY(check_digest(r, "the first page", r->page, OI_PAGE_DIGESTED, r->page->digest));
  if (r->page->file_size != s->size || s->size > OI_FILE_MAX)
    return oi_bad(r, "the file has %llu bytes, its first page says %llu", ull(s->size),
                  ull(r->page->file_size));
  return check_features(r);
}

// ---- section table ----

static oinf_status note_section(oi_reader *r, const oi_rec_section *s) {
  int id = 0;
  while (id < OI_SEC_COUNT && oi_section_infos[id].type != s->type) id++;
  if (id == OI_SEC_COUNT && s->flags & OI_SECTION_CRITICAL)
    return oi_fail(r->err, OINF_SUPPORT, "section type %#x is not known here and must be", s->type);
  if (id == OI_SEC_COUNT) return OINF_OK;
  if (!(s->flags & OI_SECTION_CRITICAL))
    return oi_bad(r, "section '%s' is not marked critical", oi_section_infos[id].title);
  if (s->size % oi_section_infos[id].record)
    return oi_bad(r, "section '%s': %llu bytes are no whole records of %u",
                  oi_section_infos[id].title, ull(s->size), oi_section_infos[id].record);
  r->sec[id] = *s;
  r->n_known++;
  return OINF_OK;
}

static oinf_status read_sections(oi_reader *r) {
  const oi_rec_page *p = r->page;
  uint64_t end = OI_PAGE_SIZE, want = 0;
  if (p->n_sections > OI_SECTIONS_MAX)
    return oi_bad(r, "%u sections, at most %d", p->n_sections, OI_SECTIONS_MAX);
  for (uint32_t i = 0; i < p->n_sections; i++) {
    const oi_rec_section *s = &p->sections[i];
    if (s->type <= (i ? p->sections[i - 1].type : 0))
      return oi_bad(r, "section %u: types do not increase", i);
    if (s->flags & ~(uint32_t)OI_SECTION_CRITICAL)
      return oi_bad(r, "section %u: unknown flags %#x", i, s->flags);
    if (!oi_section_place(s->type, end, &want) || s->offset != want)
      return oi_bad(r, "section %u begins at %llu, expected %llu", i, ull(s->offset), ull(want));
    if (want > p->file_size || s->size > p->file_size - want)
      return oi_bad(r, "section %u: its %llu bytes at %llu leave the file of %llu", i, ull(s->size),
                    ull(want), ull(p->file_size));
    OI_TRY(note_section(r, s));
    end = want + s->size;
  }
  if (r->n_known != OI_SEC_COUNT)
    return oi_bad(r, "%u of the %d sections are there", r->n_known, OI_SEC_COUNT);
  if (end != p->file_size)
    return oi_bad(r, "%llu bytes stand behind the last section", ull(p->file_size - end));
  const void *unused = &p->sections[p->n_sections];
  if (!all_zero(unused, (OI_SECTIONS_MAX - p->n_sections) * sizeof(oi_rec_section)))
    return oi_bad(r, "section table: an unused entry is not zero");
  return OINF_OK;
}

// ---- what is held in memory ----

static const uint8_t *bytes_at(const oi_reader *r, uint64_t offset) {
  if (offset < r->blobs_at) return r->metadata + (offset - OI_PAGE_SIZE);
  if (offset < r->tail_at) return r->blobs + (offset - r->blobs_at);
  return r->tail + (offset - r->tail_at);
}

const void *oi_reader_section(const oi_reader *r, oi_section_id id, uint32_t *out_count) {
  if (out_count) *out_count = (uint32_t)(r->sec[id].size / oi_section_infos[id].record);
  if (id == OI_SEC_BLOB_BYTES) return r->blobs;  // may be empty, and then begins where weights do
  return r->sec[id].size ? bytes_at(r, r->sec[id].offset) : NULL;
}

oinf_status oi_reader_room(oi_reader *r, uint64_t size, void *out) {
  void *p = oi_arena_alloc(&r->m->arena, (size_t)size + 1);
  if (!p) return oi_nomem(r->err, (size_t)size);
  memcpy(out, &p, sizeof p);
  return OINF_OK;
}

// Into memory aligned as the file is, so that records can be used in place.
static oinf_status load(oi_reader *r, uint64_t from, uint64_t to, uint8_t **out) {
  const uint64_t skew = from % 16;
  OI_TRY(oi_reader_room(r, to - from + skew, out));
  *out += skew;
  return oi_source_read(r->err, source_of(r), from, *out, to - from);
}

static oinf_status load_all(oi_reader *r) {
  const oi_rec_section *weights = &r->sec[OI_SEC_WEIGHTS];
  r->blobs_at = r->sec[OI_SEC_BLOB_BYTES].offset;
  r->tail_at = weights->offset + weights->size;
  uint64_t metadata = r->blobs_at - OI_PAGE_SIZE, tail = r->page->file_size - r->tail_at;
  if (metadata > OI_METADATA_MAX || tail > OI_METADATA_MAX)
    return oi_bad(r, "%llu bytes of metadata and %llu behind the weights, at most %d",
                  ull(metadata), ull(tail), OI_METADATA_MAX);
  OI_TRY(load(r, OI_PAGE_SIZE, r->blobs_at, &r->metadata));
  OI_TRY(check_digest(r, "metadata", r->metadata, metadata, r->page->metadata_digest));
  OI_TRY(load(r, r->tail_at, r->page->file_size, &r->tail));
  OI_TRY(check_digest(r, "the part behind the weights", r->tail, tail, r->page->tail_digest));
  return load(r, r->blobs_at, weights->offset, &r->blobs);
}

static oinf_status check_padding(oi_reader *r) {
  const oi_rec_section *s = r->page->sections;
  for (uint32_t i = 1; i < r->page->n_sections; i++) {
    uint64_t end = s[i - 1].offset + s[i - 1].size;
    if (end < s[i].offset && !all_zero(bytes_at(r, end), s[i].offset - end))
      return oi_bad(r, "a byte between sections %u and %u is not zero", i - 1, i);
  }
  return OINF_OK;
}

static oinf_status read_extras(oi_reader *r) {
  for (uint32_t i = 0, next = 0; i < r->page->n_sections; i++) {
    const oi_rec_section *s = &r->page->sections[i];
    if (next < OI_SEC_COUNT && s->type == oi_section_infos[next].type) {
      next++;
      continue;
    }
    oi_extra *extra = oi_vec_push(r->ctx, &r->m->extras);
    if (!extra) return oi_nomem(r->err, sizeof *extra);
    *extra = (oi_extra){s->type, s->size ? bytes_at(r, s->offset) : NULL, s->size};
  }
  return OINF_OK;
}

// ---- strings ----

oinf_status oi_reader_pool(oi_reader *r, oi_read_pool *p, oi_section_id ends, oi_section_id text) {
  const uint64_t size = r->sec[text].size;
  uint32_t begin = 0;
  p->ends = oi_reader_section(r, ends, &p->n);
  p->text = oi_reader_section(r, text, NULL);
  if (size > OI_TEXT_MAX)
    return oi_bad(r, "%llu bytes of text, at most %d", ull(size), OI_TEXT_MAX);
  OI_TRY(oi_reader_room(r, p->n, &p->used));
  for (uint32_t i = 0, before = 0; i < p->n; i++) {
    uint32_t end = p->ends[i];
    if (end <= begin || end > size || p->text[end - 1] != 0)
      return oi_bad(r, "string %u does not end in a zero byte of its own", i);
    if (!oi_utf8_ok(p->text + begin, end - 1 - begin))
      return oi_bad(r, "string %u is not strict UTF-8 without zero bytes", i);
    if (i && strcmp(p->text + before, p->text + begin) >= 0)
      return oi_bad(r, "string %u: strings do not increase", i);
    before = begin, begin = end;
  }
  if (begin != size) return oi_bad(r, "text stands behind the last string");
  return OINF_OK;
}

oinf_status oi_reader_string(oi_reader *r, oi_read_pool *p, uint32_t id, const char **out) {
  if (id >= p->n) return oi_bad(r, "string %u of %u is asked for", id, p->n);
  uint32_t begin = id ? p->ends[id - 1] : 0;
  if (p->ends[id] - begin > OI_VALUE_MAX + 1)
    return oi_bad(r, "string %u has %u bytes, at most %d", id, p->ends[id] - begin - 1,
                  OI_VALUE_MAX);
  p->used[id] = 1;
  *out = p->text + begin;
  return OINF_OK;
}

oinf_status oi_reader_name(oi_reader *r, oi_read_pool *p, uint32_t id, const char **out) {
  const char *name = "";
  OI_TRY(oi_reader_string(r, p, id, &name));
  if (!oi_name_ok(name))
    return oi_bad(r, "'%s' is no name: 1 to %d bytes without control or hidden characters", name,
                  OI_NAME_MAX);
  *out = name;
  return OINF_OK;
}

oinf_status oi_reader_pool_used(oi_reader *r, const oi_read_pool *p) {
  for (uint32_t i = 0; i < p->n; i++)
    if (!p->used[i]) return oi_bad(r, "string %u is used by nothing", i);
  return OINF_OK;
}

static char *plain(const char *borrowed) { return (char *)(uintptr_t)borrowed; }

static oinf_status read_metadata(oi_reader *r) {
  uint32_t n;
  const oi_rec_meta *rec = oi_reader_section(r, OI_SEC_METADATA, &n);
  if (n > OI_META_MAX) return oi_bad(r, "%u metadata records, at most %d", n, OI_META_MAX);
  for (uint32_t i = 0; i < n; i++) {
    const char *key, *value;
    OI_TRY(oi_reader_name(r, &r->strings, rec[i].key, &key));
    OI_TRY(oi_reader_string(r, &r->strings, rec[i].value, &value));
    if (i && rec[i].key <= rec[i - 1].key) return oi_bad(r, "metadata keys do not increase");
    oi_meta *meta = oi_vec_push(r->ctx, &r->m->meta);
    if (!meta) return oi_nomem(r->err, sizeof *meta);
    *meta = (oi_meta){plain(key), plain(value)};
  }
  return OINF_OK;
}

// ---- tensors ----

oinf_status oi_reader_shape(oi_reader *r, const char dtype[8], uint32_t rank, const int64_t *dims,
                            oinf_dtype *out_dtype, uint64_t *out_bytes) {
  char name[9] = {0};
  memcpy(name, dtype, 8);
  size_t n = strlen(name);
  if (!all_zero((const uint8_t *)name + n, 8 - n))
    return oi_bad(r, "dtype '%s': a byte behind its name is not zero", name);
  *out_dtype = oinf_dtype_find(name);
  if (*out_dtype == OINF_NONE)
    return oi_fail(r->err, OINF_SUPPORT, "dtype '%s' is not known here", name);
  if (rank > OINF_MAX_RANK) return oi_bad(r, "rank is %u, at most %d", rank, OINF_MAX_RANK);
  for (uint32_t i = rank; i < OINF_MAX_RANK; i++)
    if (dims[i]) return oi_bad(r, "a dim behind rank %u is not zero", rank);
  if (!oi_tensor_bytes(*out_dtype, rank, dims, out_bytes))
    return oi_bad(r, "its dims are over the limits or do not fill blocks of %s", name);
  return OINF_OK;
}

static oinf_status check_layout(oi_reader *r, const oi_rec_tensor *rec) {
  if (rec->source > OI_TENSOR_NOISE) return oi_bad(r, "source is %u, at most 2", rec->source);
  if (rec->layout > OI_LAYOUT_GROUPS)
    return oi_fail(r->err, OINF_SUPPORT, "layout %u is not known here", rec->layout);
  if (rec->layout && !(r->page->required & OI_FEATURE_LAYOUTS))
    return oi_bad(r, "layout %u without its feature bit", rec->layout);
  r->laid = r->laid || rec->layout;
  return OINF_OK;
}

// Payloads tile the weights: *end is where the last one ended.
static oinf_status place_payload(oi_reader *r, const oi_rec_tensor *rec, uint64_t *end) {
  uint64_t want = 0, size = r->sec[OI_SEC_WEIGHTS].size;
  if (rec->source != OI_TENSOR_BYTES)
    return rec->offset == 0 && all_zero(rec->sha256, 32)
               ? OINF_OK
               : oi_bad(r, "it has no bytes, but an offset or a digest");
  if (!oi_payload_place(rec->bytes, *end, &want) || rec->offset != want)
    return oi_bad(r, "its bytes begin at %llu, expected %llu", ull(rec->offset), ull(want));
  if (want > size || rec->bytes > size - want)
    return oi_bad(r, "its %llu bytes at %llu leave the weights of %llu", ull(rec->bytes), ull(want),
                  ull(size));
  *end = want + rec->bytes;
  return OINF_OK;
}

static oinf_status read_tensor(oi_reader *r, const oi_rec_tensor *rec, uint64_t *end) {
  oi_tensor t = {.pub = {.rank = rec->rank, .bytes = rec->bytes}, .seed = rec->seed};
  uint64_t bytes;
  OI_TRY(oi_reader_shape(r, rec->dtype, rec->rank, rec->dims, &t.pub.dtype, &bytes));
  OI_TRY(check_layout(r, rec));
  t.kind = (oi_tensor_kind)rec->source, t.layout = (oi_tensor_layout)rec->layout;
  memcpy(t.pub.dims, rec->dims, sizeof t.pub.dims);
  if (!oi_tensor_stored(&t, &bytes)) return oi_bad(r, "it cannot have layout %u", rec->layout);
  if (bytes != rec->bytes)
    return oi_bad(r, "it says %llu bytes, its shape has %llu", ull(rec->bytes), ull(bytes));
  if (!oi_tensor_seed_ok(&t)) return oi_bad(r, "seed %#llx does not suit it", ull(rec->seed));
  OI_TRY(place_payload(r, rec, end));
  if (t.kind == OI_TENSOR_BYTES) t.offset = r->sec[OI_SEC_WEIGHTS].offset + rec->offset;
  memcpy(t.sha256, rec->sha256, sizeof t.sha256);
  OI_TRY(oi_reader_name(r, &r->strings, rec->name, &t.pub.name));
  oi_tensor *at = oi_vec_push(r->ctx, &r->m->tensors);
  if (!at) return oi_nomem(r->err, sizeof *at);
  *at = t;
  return OINF_OK;
}

static oinf_status read_tensors(oi_reader *r) {
  uint32_t n;
  uint64_t end = 0;
  const oi_rec_tensor *rec = oi_reader_section(r, OI_SEC_TENSORS, &n);
  if (n > OI_TENSORS_MAX) return oi_bad(r, "%u tensors, at most %d", n, OI_TENSORS_MAX);
  for (uint32_t i = 0; i < n; i++)
    OI_TRY_AT(r->err, read_tensor(r, &rec[i], &end), "reading tensor %u", i);
  if (r->page->required & OI_FEATURE_LAYOUTS && !r->laid)
    return oi_bad(r, "the feature bit of layouts is set, and every tensor is row-major");
  if (end != r->sec[OI_SEC_WEIGHTS].size)
    return oi_bad(r, "%llu bytes of weights belong to no tensor",
                  ull(r->sec[OI_SEC_WEIGHTS].size - end));
  return OINF_OK;
}

// Names that strictly increase are all different, and so are the tensors that bear them.
static oinf_status read_names(oi_reader *r) {
  uint32_t n, n_tensors;
  const uint32_t *name = oi_reader_section(r, OI_SEC_NAMES, &n);
  const oi_rec_tensor *rec = oi_reader_section(r, OI_SEC_TENSORS, &n_tensors);
  if (n != n_tensors) return oi_bad(r, "%u names for %u tensors", n, n_tensors);
  for (uint32_t i = 0; i < n; i++) {
    if (name[i] >= n) return oi_bad(r, "name %u is of tensor %u of %u", i, name[i], n);
    if (i && rec[name[i - 1]].name >= rec[name[i]].name)
      return oi_bad(r, "name %u: names of tensors do not increase", i);
    uint32_t *at = oi_vec_push(r->ctx, &r->m->by_name);
    if (!at) return oi_nomem(r->err, sizeof *at);
    *at = name[i];
  }
  return OINF_OK;
}

static oinf_status read_checksums(oi_reader *r) {
  oinf_model *m = r->m;
  m->weights_offset = r->sec[OI_SEC_WEIGHTS].offset;
  m->weights_size = r->sec[OI_SEC_WEIGHTS].size;
  m->crc = oi_reader_section(r, OI_SEC_CHECKSUMS, &m->n_crc);
  uint64_t want = m->weights_size / OI_CRC_BLOCK + (m->weights_size % OI_CRC_BLOCK != 0);
  if (m->n_crc != want) return oi_bad(r, "%u checksums, expected %llu", m->n_crc, ull(want));
  return OINF_OK;
}

// ---- graphs, states, blobs ----

static oinf_status read_graph(oi_reader *r, const oi_rec_graph *all, uint32_t i, uint64_t *end) {
  const oi_rec_graph *rec = &all[i];
  const uint64_t size = r->sec[OI_SEC_GRAPH_TEXT].size;
  const char *text = oi_reader_section(r, OI_SEC_GRAPH_TEXT, NULL), *name;
  OI_TRY(oi_reader_name(r, &r->strings, rec->name, &name));
  for (uint32_t k = 0; k < i; k++)
    if (all[k].name == rec->name) return oi_bad(r, "two graphs are named '%s'", name);
  if (rec->zero) return oi_bad(r, "graph '%s': a reserved field is not zero", name);
  if (rec->offset != *end || *end >= size || rec->size >= size - *end ||
      text[*end + rec->size] != 0)
    return oi_bad(r, "graph '%s': its text does not follow the one before", name);
  if (!oi_utf8_ok(text + *end, rec->size))
    return oi_bad(r, "graph '%s': its text is not strict UTF-8 without zero bytes", name);
  oi_graph_text *graph = oi_vec_push(r->ctx, &r->m->graphs);
  if (!graph) return oi_nomem(r->err, sizeof *graph);
  *graph = (oi_graph_text){plain(name), plain(text + *end), rec->size};
  *end += rec->size + 1;
  return OINF_OK;
}

static oinf_status read_graphs(oi_reader *r) {
  uint32_t n;
  uint64_t end = 0;
  const oi_rec_graph *rec = oi_reader_section(r, OI_SEC_GRAPHS, &n);
  if (n > OI_GRAPHS_MAX) return oi_bad(r, "%u graphs, at most %d", n, OI_GRAPHS_MAX);
  for (uint32_t i = 0; i < n; i++) OI_TRY(read_graph(r, rec, i, &end));
  if (end != r->sec[OI_SEC_GRAPH_TEXT].size) return oi_bad(r, "text stands behind the last graph");
  return OINF_OK;
}

static oinf_status read_state(oi_reader *r, const oi_rec_state *rec, uint32_t n, uint32_t i,
                              uint32_t graph, const char *want, size_t want_size) {
  const char *have = "";
  if (i < n) OI_TRY(oi_reader_string(r, &r->strings, rec[i].spec, &have));
  if (i >= n || rec[i].graph != graph || strlen(have) != want_size ||
      memcmp(have, want, want_size) != 0)
    return oi_bad(r, "state %u is not what graph %u declares", i, graph);
  oi_state_spec *state = oi_vec_push(r->ctx, &r->m->states);
  if (!state) return oi_nomem(r->err, sizeof *state);
  *state = (oi_state_spec){graph, have};
  return OINF_OK;
}

static oinf_status read_states(oi_reader *r) {
  uint32_t n, i = 0;
  const oi_rec_state *rec = oi_reader_section(r, OI_SEC_STATES, &n);
  for (uint32_t g = 0; g < r->m->graphs.n; g++) {
    const oi_graph_text *graph = &r->m->graphs.at[g];
    const char *spec;
    size_t at = 0, size;
    while (oi_state_next(graph->text, graph->size, &at, &spec, &size))
      OI_TRY(read_state(r, rec, n, i++, g, spec, size));
  }
  return i == n ? OINF_OK : oi_bad(r, "%u states, the graphs declare %u", n, i);
}

static oinf_status read_blob(oi_reader *r, const oi_rec_blob *rec, uint64_t *end) {
  const uint64_t room = r->sec[OI_SEC_BLOB_BYTES].size;
  uint64_t want = 0;
  const char *name;
  OI_TRY(oi_reader_name(r, &r->strings, rec->name, &name));
  if (!oi_align_u64(*end, OI_PAYLOAD_ALIGN, &want) || rec->offset != want || want > room ||
      rec->size > room - want || rec->size > OI_BLOB_MAX)
    return oi_bad(r, "blob '%s': %llu bytes at %llu, expected at %llu, within %llu", name,
                  ull(rec->size), ull(rec->offset), ull(want), ull(room));
  if (!all_zero(r->blobs + *end, want - *end))
    return oi_bad(r, "a byte before blob '%s' is not zero", name);
  uint32_t crc = oi_crc32c(0, r->blobs + want, rec->size);
  if (crc != rec->crc)
    return oi_fail(r->err, OINF_CORRUPT, "blob '%s' is damaged: its checksum is %08x, not %08x",
                   name, crc, rec->crc);
  oi_blob *blob = oi_vec_push(r->ctx, &r->m->blobs);
  if (!blob) return oi_nomem(r->err, sizeof *blob);
  *blob = (oi_blob){.pub = {name, r->blobs + want, rec->size}, .sha256 = rec->sha256};
  *end = want + rec->size;
  return OINF_OK;
}

static oinf_status read_blobs(oi_reader *r) {
  uint32_t n;
  uint64_t end = 0;
  const oi_rec_blob *rec = oi_reader_section(r, OI_SEC_BLOBS, &n);
  if (n > OI_BLOBS_MAX) return oi_bad(r, "%u blobs, at most %d", n, OI_BLOBS_MAX);
  for (uint32_t i = 0; i < n; i++) {
    if (i && rec[i].name <= rec[i - 1].name) return oi_bad(r, "names of blobs do not increase");
    OI_TRY(read_blob(r, &rec[i], &end));
  }
  if (end != r->sec[OI_SEC_BLOB_BYTES].size) return oi_bad(r, "bytes stand behind the last blob");
  return OINF_OK;
}

// ---- the whole ----

static oinf_status read_all(oi_reader *r) {
  OI_TRY(read_page(r));
  OI_TRY(read_sections(r));
  OI_TRY(load_all(r));
  OI_TRY(check_padding(r));
  OI_TRY(oi_reader_pool(r, &r->strings, OI_SEC_STRING_ENDS, OI_SEC_STRING_TEXT));
  OI_TRY(read_metadata(r));
  OI_TRY(read_tensors(r));
  OI_TRY(read_names(r));
  OI_TRY(read_checksums(r));
  OI_TRY(read_graphs(r));
  OI_TRY(read_states(r));
  OI_TRY(read_blobs(r));
  OI_TRY(oi_reader_pool_used(r, &r->strings));
  OI_TRY(oi_reader_golden(r));
  return read_extras(r);
}

oinf_status oi_oinf_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model) {
  oi_reader r = {.ctx = ctx, .err = oi_ctx_err(ctx), .level = oi_sha256_best()};
  oinf_status status = oi_model_new(ctx, "oinf", &r.m);
  oi_source *kept = status == OINF_OK ? oi_vec_push(ctx, &r.m->sources) : NULL;
  if (!kept) {
    oi_source_close(ctx, &source);
    oinf_model_destroy(r.m);
    return oi_nomem(r.err, sizeof *kept);
  }
  *kept = source;
  status = read_all(&r);
  if (status != OINF_OK) {
    oi_trail(r.err, "reading package '%s'", source.path ? source.path : "(bytes)");
    oinf_model_destroy(r.m);
    return status;
  }
  r.m->features = r.page->optional;
  oi_digest(r.level, (const uint8_t *)r.page + OI_ROOT_FROM, OI_ROOT_SIZE, r.m->root);
  r.m->has_root = true;
  *out_model = r.m;
  return OINF_OK;
}
