// The bundle's weights: an ordinary package with the tensors that the plan uses, in the order of
// their first use, re-laid where the plan says so, and the tokenizer's tables; no golden steps. It
// is written, read back, and where things lie in it becomes constants of the bundle, with a digest
// of all that no checksum covers.
#include <string.h>

#include "compiler/emit.h"
#include "formats/file.h"
#include "formats/oinf.h"
#include "lib/rt/sha256.h"

static oinf_status add_tensors(oi_emit *e, oinf_model *to) {
  for (size_t i = 0; i < e->tensors.n; i++) {
    oi_tensor t = e->model->tensors.at[e->tensors.at[i]];
    const char *name = t.pub.name;
    t.kind = OI_TENSOR_BYTES, t.source = 0, t.offset = 0, t.seed = 0;
    t.layout = oi_emit_tensor_layout(e, e->tensors.at[i]);
    OI_TRY(oi_model_add_tensor(to, &t, name, strlen(name)));
  }
  return oi_model_index(to);
}

static oinf_status add_tokenizer(oi_emit *e, oinf_model *to) {
  const oinf_blob *b = oinf_model_blob(e->model, "tokenizer");
  if (!b) return OINF_OK;
  oi_blob *slot = oi_vec_push(e->ctx, &to->blobs);
  if (!slot) return oi_nomem(e->err, sizeof *slot);
  *slot = (oi_blob){.pub = *b};
  return OINF_OK;
}

// ---- bytes of tensors, re-laid where groups are wanted ----

typedef struct filler {
  oi_emit *e;
  uint8_t *room;  // what a piece is made of: never more than the piece
} filler;

// Blocks `from` .. `from` + n of 16 rows, or of those that there are, one row behind the other.
static oinf_status read_rows(const filler *f, uint32_t tensor, int64_t row, int64_t rows,
                             int64_t from, int64_t n) {
  const oinf_tensor *t = &f->e->model->tensors.at[tensor].pub;
  const int64_t all = t->dims[1] / 32, block = (int64_t)oinf_dtype_block_bytes(t->dtype);
  if (n == all)
    return oi_model_read_at(f->e->model, tensor, (uint64_t)(row * all * block), f->room,
                            (uint64_t)(rows * all * block));
  for (int64_t r = 0; r < rows; r++)
    OI_TRY(oi_model_read_at(f->e->model, tensor, (uint64_t)(((row + r) * all + from) * block),
                            f->room + r * n * block, (uint64_t)(n * block)));
  return OINF_OK;
}

// Supers `first` .. `first` + n, four blocks of 16 rows each: a run of one group at a time.
static oinf_status fill_groups(const filler *f, uint32_t tensor, int64_t first, int64_t n,
                               uint8_t *out) {
  const oinf_tensor *t = &f->e->model->tensors.at[tensor].pub;
  const oi_dot_type type = oi_dtype_dot(t->dtype);
  const int64_t quads = oi_quads(t->dims[1]), blocks = t->dims[1] / 32,
                block = (int64_t)oinf_dtype_block_bytes(t->dtype);
  for (int64_t at = first, run; at < first + n;
       at += run, out += run * oi_group_bytes(OI_QUAD, type)) {
    const int64_t quad = at % quads, row = at / quads * OI_GROUP, left = first + n - at;
    run = left < quads - quad ? left : quads - quad;
    const int64_t rows = t->dims[0] - row < OI_GROUP ? t->dims[0] - row : OI_GROUP;
    const int64_t here = blocks - 4 * quad < 4 * run ? blocks - 4 * quad : 4 * run;
    OI_TRY(read_rows(f, tensor, row, rows, 4 * quad, here));
    oi_pack_group(out, f->room, here * block, rows, here * 32, type);
  }
  return OINF_OK;
}

// Tensors of the bundle are those of the source in another order.
static oinf_status fill(void *user, uint32_t tensor, uint64_t offset, void *out, uint64_t bytes) {
  const filler *f = user;
  const uint32_t from = f->e->tensors.at[tensor];
  if (oi_emit_tensor_layout(f->e, from) == OI_LAYOUT_ROWS)
    return oi_model_read_at(f->e->model, from, offset, out, bytes);
  const int64_t super =
      oi_group_bytes(OI_QUAD, oi_dtype_dot(f->e->model->tensors.at[from].pub.dtype));
  return fill_groups(f, from, (int64_t)offset / super, (int64_t)bytes / super, out);
}

static oinf_status write_package(oi_emit *e, const char *path) {
  oinf_model *to = NULL;
  OI_TRY(oi_model_new(e->ctx, "oinf", &to));
  oinf_status status = add_tensors(e, to);
  if (status == OINF_OK) status = add_tokenizer(e, to);
  filler f = {.e = e, .room = oi_alloc(e->ctx, OI_CRC_BLOCK)};
  if (status == OINF_OK && !f.room) status = oi_nomem(e->err, OI_CRC_BLOCK);
  if (status == OINF_OK)
    status = oi_oinf_write(to, path, &(oi_oinf_fill){.fill = fill, .user = &f});
  oi_free(e->ctx, f.room, OI_CRC_BLOCK);
  to->blobs.n = 0;  // borrowed from the source
  oinf_model_destroy(to);
  return status;
}

// ---- reading back ----

typedef struct section {
  uint32_t type, flags;
  uint64_t offset, size;
} section;
enum {
  TABLE = 256,
  CHECKSUMS = 0x70,
  BLOB_BYTES = 0x80
};

static oinf_status find_section(oi_emit *e, const oi_source *s, uint32_t type, section *out) {
  uint32_t n;
  OI_TRY(oi_source_read(e->err, s, 24, &n, sizeof n));
  for (uint32_t i = 0; i < n; i++) {
    OI_TRY(oi_source_read(e->err, s, TABLE + i * sizeof *out, out, sizeof *out));
    if (out->type == type) return OINF_OK;
  }
  return oi_fail(e->err, OINF_INTERNAL, "the bundle's package has no section %#x", type);
}

static oinf_status digest_part(oi_emit *e, const oi_source *s, oi_sha256 *sha, uint64_t at,
                               uint64_t end) {
  uint8_t piece[4096];
  while (at < end) {
    const uint64_t n = end - at < sizeof piece ? end - at : sizeof piece;
    OI_TRY(oi_source_read(e->err, s, at, piece, n));
    oi_sha256_add(sha, piece, (size_t)n);
    at += n;
  }
  return OINF_OK;
}

static oinf_status locate(oi_emit *e, const oinf_model *m) {
  const oi_source *s = &m->sources.at[0];
  const oinf_blob *b = oinf_model_blob(m, "tokenizer");
  section at;
  oi_sha256 sha;
  e->file_bytes = s->size, e->weights_at = m->weights_offset, e->weights_bytes = m->weights_size;
  for (size_t i = 0; i < e->tensors.n; i++)
    if (m->tensors.at[i].offset - m->weights_offset != e->offset[e->tensors.at[i]])
      return oi_fail(e->err, OINF_INTERNAL, "tensor '%s' lies elsewhere than was foreseen",
                     m->tensors.at[i].pub.name);
  OI_TRY(find_section(e, s, CHECKSUMS, &at));
  e->checksums_at = at.offset;
  OI_TRY(find_section(e, s, BLOB_BYTES, &at));
  e->tokenizer_at = at.offset, e->tokenizer_bytes = b ? b->size : 0;
  if (e->tokenizer_bytes > at.size)
    return oi_fail(e->err, OINF_INTERNAL, "the tokenizer is not where it should be");
  oi_sha256_init(&sha, oi_sha256_best());
  OI_TRY(digest_part(e, s, &sha, 0, e->weights_at));
  OI_TRY(digest_part(e, s, &sha, e->weights_at + e->weights_bytes, e->file_bytes));
  oi_sha256_end(&sha, e->digest);
  return OINF_OK;
}

// ---- within the source ----

// The package as words of 8 bytes, which are quicker to compile than single ones.
static oinf_status print_words(oi_emit *e, const oi_source *s) {
  uint64_t piece[512];
  for (uint64_t at = 0; at < s->size; at += sizeof piece) {
    const uint64_t n = s->size - at < sizeof piece ? s->size - at : sizeof piece;
    memset(piece, 0, sizeof piece);
    OI_TRY(oi_source_read(e->err, s, at, piece, n));
    for (uint64_t i = 0; i < (n + 7) / 8; i++)
      oi_text_put(&e->out, i % 5 ? "%#llx, " : "\n    %#llx, ", (unsigned long long)piece[i]);
  }
  return e->out.failed ? oi_nomem(e->err, e->out.n) : OINF_OK;
}

oinf_status oi_emit_embedded(oi_emit *e) {
  oi_source s;
  oi_text_put(&e->out,
              "// weights.oinf as an array; model.c holds its size and digest.\n"
              "#include <stdint.h>\n\n"
              "extern const uint64_t model_embedded[];\n"
              "_Alignas(64) const uint64_t model_embedded[] = {");
  OI_TRY(oi_file_open(e->ctx, e->package, &s));
  oinf_status status = print_words(e, &s);
  oi_source_close(e->ctx, &s);
  oi_text_put(&e->out, "};\n");
  return status;
}

oinf_status oi_emit_weights(oi_emit *e, const char *path) {
  oinf_model *m = NULL;
  OI_TRY_AT(e->err, write_package(e, path), "writing the bundle's weights");
  OI_TRY(oinf_model_open(e->ctx, path, &m));
  oinf_status status = locate(e, m);
  oinf_model_destroy(m);
  if (status != OINF_OK) return status;
  e->package = oi_arena_text(&e->arena, path, strlen(path));
  return e->package ? OINF_OK : oi_nomem(e->err, strlen(path));
}
