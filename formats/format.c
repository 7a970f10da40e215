// Opening a model, whatever it is. The bytes decide, not the name; a name helps only where the
// bytes say nothing, so that a damaged file is refused by the reader that can say why. What people
// take for a checkpoint and is none (a pointer, an error page, an archive) gets its own message.
#include "formats/format.h"
#include "formats/safetensors.h"

#include <string.h>
#include <strings.h>

enum { HEAD = 64 };

static bool is_oinf(const uint8_t *head, size_t n, uint64_t size) {
  (void)size;
  return n >= 5 && memcmp(head, "\x89OINF", 5) == 0;
}

static bool is_npy(const uint8_t *head, size_t n, uint64_t size) {
  (void)size;
  return n >= 6 && memcmp(head, "\x93NUMPY", 6) == 0;
}

static const struct format {
  const char *name;
  bool (*probe)(const uint8_t *head, size_t n, uint64_t size);
  oinf_status (*open)(oinf_ctx *ctx, oi_source source, oinf_model **out_model);
} formats[] = {
#define F(name, probe, open) {name, probe, open},
#include "formats/formats.def"
#undef F
};

const char *oi_format_lookalike(const uint8_t *head, size_t n) {
  static const struct { const char *bytes; size_t n; const char *what; } rows[] = {
      {"version https://git-lfs", 23, "a Git LFS pointer; fetch the file itself (git lfs pull)"},
      {"<!doctype", 9, "an HTML page; the download went wrong"},
      {"<html", 5, "an HTML page; the download went wrong"},
      {"<?xml", 5, "an XML document; the download went wrong"},
      {"\x1f\x8b", 2, "gzip data; unpack it first"},
      {"\x28\xb5\x2f\xfd", 4, "zstd data; unpack it first"},
      {"PK\x03\x04", 4, "a zip archive, perhaps a pickle of PyTorch; convert it to safetensors"},
      {"\x80\x02", 2, "a pickle, which is never loaded; convert it to safetensors"},
      {"\x80\x03", 2, "a pickle, which is never loaded; convert it to safetensors"},
      {"\x80\x04", 2, "a pickle, which is never loaded; convert it to safetensors"},
      {"\x80\x05", 2, "a pickle, which is never loaded; convert it to safetensors"},
      {"GGUF", 4, "a GGUF file, which this version does not read"},
      {"\x89HDF", 4, "an HDF5 file; convert it to safetensors"},
      {"{", 1, "JSON; of a checkpoint name the folder"}};
  if (n == 0) return "an empty file";
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (n >= rows[i].n && strncasecmp((const char *)head, rows[i].bytes, rows[i].n) == 0)
      return rows[i].what;
  return NULL;
}

static bool ends_with(const char *text, const char *end) {
  size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

static oinf_status choose(oinf_ctx *ctx, const oi_source *s, const struct format **out) {
  uint8_t head[HEAD];
  size_t n = s->size < HEAD ? (size_t)s->size : HEAD;
  OI_TRY(oi_source_read(oi_ctx_err(ctx), s, 0, head, n));
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (formats[i].probe(head, n, s->size)) return *out = &formats[i], OINF_OK;
  const char *like = oi_format_lookalike(head, n);
  if (like) return oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "'%s' is %s", s->path, like);
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (ends_with(s->path, formats[i].name)) return *out = &formats[i], OINF_OK;
  return oi_fail(oi_ctx_err(ctx), OINF_FORMAT,
                 "'%s' is no model: expected a package, safetensors, npy or a checkpoint folder",
                 s->path);
}

static oinf_status open_source(oinf_ctx *ctx, oi_source s, oinf_model **out_model) {
  const struct format *format = NULL;
  oinf_status status = choose(ctx, &s, &format);
  if (status != OINF_OK) return oi_source_close(ctx, &s), status;
  return format->open(ctx, s, out_model);
}

static oinf_status open_path(oinf_ctx *ctx, const char *path, oinf_model **out_model) {
  if (oi_file_is_folder(path)) return oi_huggingface_open(ctx, path, true, out_model);
  if (ends_with(path, ".safetensors.index.json"))
    return oi_huggingface_open_index(ctx, path, out_model);
  oi_source s;
  OI_TRY(oi_file_open(ctx, path, &s));
  return open_source(ctx, s, out_model);
}

oinf_status oinf_model_open(oinf_ctx *ctx, const char *path, oinf_model **out_model) {
  if (!path) return oi_fail(oi_ctx_err(ctx), OINF_USAGE, "a model wants a path");
  OI_TRY_AT(oi_ctx_err(ctx), open_path(ctx, path, out_model), "opening '%s'", path);
  return OINF_OK;
}

oinf_status oinf_model_open_bytes(oinf_ctx *ctx, const void *data, size_t size,
                                  oinf_model **out_model) {
  oi_source s;
  if (!data && size) return oi_fail(oi_ctx_err(ctx), OINF_USAGE, "a model wants its bytes");
  OI_TRY(oi_file_bytes(ctx, data, size, "(bytes)", &s));
  return open_source(ctx, s, out_model);
}
