// Arrays in numpy's file format:
//   93 "NUMPY" | major, minor | u16 (1.0) or u32 (2.0) length | a Python dict | the elements
// The dict is read by a scanner for the three keys that numpy writes, and for no more of Python.
#include "formats/npy.h"
#include "formats/format.h"

#include <string.h>

static const struct { const char *descr; oinf_dtype dtype; } dtypes[] = {
    {"<f8", OINF_F64}, {"<f4", OINF_F32}, {"<f2", OINF_F16}, {"|i1", OINF_I8},
    {"<i2", OINF_I16}, {"<i4", OINF_I32}, {"<i8", OINF_I64}, {"|u1", OINF_U8},
    {"<u2", OINF_U16}, {"<u4", OINF_U32}, {"<u8", OINF_U64}, {"|b1", OINF_BOOL}};
enum { N_DTYPES = sizeof dtypes / sizeof *dtypes, LONGEST_DICT = 8 << 10 };

// ---- the dict ----

typedef struct dict {
  oi_err *err;
  const char *path;
  const char *at;          // text closed by a NUL
  oinf_tensor *array;
  unsigned seen;           // bit i: key i of the three
  bool fortran;
} dict;

static oinf_status refuse(const dict *d, const char *what) {
  return oi_fail(d->err, OINF_FORMAT, "'%s': its header is malformed: %s", d->path, what);
}

static bool take(dict *d, char c) {
  d->at += strspn(d->at, " \n");
  if (*d->at != c) return false;
  d->at++;
  return true;
}

// A quoted text without escapes, at most room - 1 bytes.
static bool take_text(dict *d, char *out, size_t room) {
  char quote = take(d, '\'') ? '\'' : take(d, '"') ? '"' : 0;
  size_t n = 0;
  if (!quote) return false;
  for (; *d->at && *d->at != quote && *d->at != '\\' && n + 1 < room; n++) out[n] = *d->at++;
  out[n] = 0;
  return take(d, quote);
}

static bool take_number(dict *d, int64_t *out) {
  int64_t n = 0;
  d->at += strspn(d->at, " \n");
  if (*d->at < '0' || *d->at > '9') return false;
  for (; *d->at >= '0' && *d->at <= '9'; d->at++) {
    if (n > (INT64_MAX - 9) / 10) return false;
    n = n * 10 + (*d->at - '0');
  }
  return *out = n, true;
}

static oinf_status take_descr(dict *d) {
  char text[16];
  if (take(d, '['))
    return oi_fail(d->err, OINF_SUPPORT, "'%s' holds records; expected plain numbers", d->path);
  if (!take_text(d, text, sizeof text)) return refuse(d, "descr must be a short text");
  bool one = strlen(text) == 3 && text[2] == '1';
  if (text[0] == '=') text[0] = one ? '|' : '<';
  if (one && text[0] != '|') text[0] = '|';
  for (int i = 0; i < N_DTYPES; i++)
    if (strcmp(text, dtypes[i].descr) == 0) return d->array->dtype = dtypes[i].dtype, OINF_OK;
  return oi_fail(d->err, OINF_SUPPORT, "'%s' is of dtype '%s'; expected little-endian numbers",
                 d->path, text);
}

static bool take_word(dict *d, const char *word) {
  d->at += strspn(d->at, " \n");
  size_t n = strlen(word);
  if (strncmp(d->at, word, n) != 0) return false;
  d->at += n;
  return true;
}

static oinf_status take_order(dict *d) {
  d->fortran = take_word(d, "True");
  return d->fortran || take_word(d, "False") ? OINF_OK
                                             : refuse(d, "fortran_order must be True or False");
}

static oinf_status take_shape(dict *d) {
  oinf_tensor *t = d->array;
  if (!take(d, '(')) return refuse(d, "shape must be a tuple");
  while (!take(d, ')')) {
    if (t->rank == OINF_MAX_RANK)
      return oi_fail(d->err, OINF_SUPPORT, "'%s' has more than %d dims", d->path, OINF_MAX_RANK);
    if (!take_number(d, &t->dims[t->rank++])) return refuse(d, "a dim must be an integer from 0");
    if (!take(d, ',') && *d->at != ')') return refuse(d, "dims must be parted by commas");
  }
  return OINF_OK;
}

static oinf_status take_key(dict *d) {
  static const struct { const char *key; oinf_status (*take)(dict *d); } keys[] = {
      {"descr", take_descr}, {"fortran_order", take_order}, {"shape", take_shape}};
  char key[16];
  if (!take_text(d, key, sizeof key) || !take(d, ':')) return refuse(d, "expected a key");
  for (unsigned i = 0; i < 3; i++) {
    if (strcmp(key, keys[i].key) != 0) continue;
    if (d->seen & 1u << i) return refuse(d, "a key stands twice");
    d->seen |= 1u << i;
    return keys[i].take(d);
  }
  return refuse(d, "an unknown key");
}

static oinf_status take_dict(dict *d) {
  if (!take(d, '{')) return refuse(d, "expected a dict");
  while (!take(d, '}')) {
    OI_TRY(take_key(d));
    if (!take(d, ',') && *d->at != '}') return refuse(d, "keys must be parted by commas");
  }
  d->at += strspn(d->at, " \n");
  if (*d->at) return refuse(d, "something stands behind the dict");
  return d->seen == 7 ? OINF_OK : refuse(d, "expected descr, fortran_order and shape");
}

// ---- reading ----

// The dict's place and length; both versions put it behind a little-endian count.
static oinf_status find_dict(oi_err *err, const oi_source *s, uint32_t *out_at, uint32_t *out_n) {
  uint8_t head[12] = {0};
  OI_TRY(oi_source_read(err, s, 0, head, s->size < 12 ? s->size : 12));
  if (s->size < 10 || memcmp(head, "\x93NUMPY", 6) != 0)
    return oi_fail(err, OINF_FORMAT, "'%s' is no .npy file", s->path);
  if ((head[6] != 1 && head[6] != 2) || head[7] != 0)
    return oi_fail(err, OINF_SUPPORT, "'%s' is .npy version %d.%d; expected 1.0 or 2.0", s->path,
                   head[6], head[7]);
  uint32_t low = (uint32_t)head[8] | (uint32_t)head[9] << 8;
  uint32_t high = (uint32_t)head[10] << 16 | (uint32_t)head[11] << 24;
  uint32_t at = head[6] == 1 ? 10 : 12, n = head[6] == 1 ? low : low | high;
  if (n > LONGEST_DICT || s->size < at || n > s->size - at)
    return oi_fail(err, OINF_FORMAT, "'%s': a header of %u bytes is too long", s->path, n);
  *out_at = at, *out_n = n;
  return OINF_OK;
}

static oinf_status check_array(const dict *d, uint64_t payload) {
  oinf_tensor *t = d->array;
  int long_dims = 0;
  for (uint32_t i = 0; i < t->rank; i++) long_dims += t->dims[i] > 1;
  if (d->fortran && long_dims > 1)
    return oi_fail(d->err, OINF_SUPPORT, "'%s' is in Fortran order; save it with "
                   "numpy.ascontiguousarray", d->path);
  if (!oi_tensor_bytes(t->dtype, t->rank, t->dims, &t->bytes))
    return refuse(d, "its shape is too large");
  unsigned long long want = t->bytes, have = payload;
  if (want != have)
    return oi_fail(d->err, OINF_FORMAT, "'%s' holds %llu bytes behind its header; expected %llu",
                   d->path, have, want);
  return OINF_OK;
}

oinf_status oi_npy_header(oi_err *err, const oi_source *s, oinf_tensor *out_array,
                          uint64_t *out_offset) {
  char text[LONGEST_DICT + 1];
  oinf_tensor array = {0};
  uint32_t at = 0, n = 0;
  OI_TRY(find_dict(err, s, &at, &n));
  OI_TRY(oi_source_read(err, s, at, text, n));
  text[n] = 0;
  dict d = {.err = err, .path = s->path, .at = text, .array = &array};
  if (memchr(text, 0, n)) return refuse(&d, "it holds NUL");
  OI_TRY(take_dict(&d));
  OI_TRY(check_array(&d, s->size - at - n));
  *out_array = array;
  *out_offset = at + n;
  return OINF_OK;
}

static oinf_status load(oinf_ctx *ctx, const oi_source *s, oinf_tensor *array, void **out) {
  uint64_t offset;
  OI_TRY(oi_npy_header(oi_ctx_err(ctx), s, array, &offset));
  size_t room = array->bytes ? (size_t)array->bytes : 1;
  void *data = oi_alloc(ctx, room);
  if (!data) return oi_nomem(oi_ctx_err(ctx), room);
  oinf_status status = oi_source_read(oi_ctx_err(ctx), s, offset, data, array->bytes);
  if (status != OINF_OK) return oi_free(ctx, data, room), status;
  *out = data;
  return OINF_OK;
}

oinf_status oi_npy_load(oinf_ctx *ctx, const char *path, oinf_tensor *out_array, void **out_data) {
  oi_source s;
  oinf_tensor array;
  OI_TRY(oi_file_open(ctx, path, &s));
  oinf_status status = load(ctx, &s, &array, out_data);
  oi_source_close(ctx, &s);
  if (status == OINF_OK) *out_array = array;
  return status;
}

// ---- as a model of one tensor, "data" ----

static oinf_status fill(oinf_model *m, const oi_source *s) {
  oi_tensor t = {0};
  OI_TRY(oi_npy_header(oi_ctx_err(m->ctx), s, &t.pub, &t.offset));
  return oi_model_add_tensor(m, &t, "data", 4);
}

oinf_status oi_npy_open(oinf_ctx *ctx, oi_source source, oinf_model **out_model) {
  oinf_model *m;
  oinf_status status = oi_model_new(ctx, "npy", &m);
  if (status != OINF_OK) return oi_source_close(ctx, &source), status;
  oi_source *slot = oi_vec_push(ctx, &m->sources);
  if (!slot) {
    oi_source_close(ctx, &source);
    status = oi_nomem(oi_ctx_err(ctx), sizeof *slot);
  } else {
    *slot = source;
    status = fill(m, slot);
  }
  if (status == OINF_OK) status = oi_model_index(m);
  if (status != OINF_OK) return oinf_model_destroy(m), status;
  *out_model = m;
  return OINF_OK;
}

// ---- writing ----

static const char *descr_of(oinf_dtype dtype) {
  if (dtype == OINF_BF16) return "<u2";
  for (int i = 0; i < N_DTYPES; i++)
    if (dtypes[i].dtype == dtype) return dtypes[i].descr;
  return NULL;
}

static void put_dict(oi_text *text, const char *descr, const oinf_tensor *t) {
  oi_text_put(text, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
  for (uint32_t i = 0; i < t->rank; i++)
    oi_text_put(text, "%s%lld", i ? ", " : "", (long long)t->dims[i]);
  oi_text_put(text, "%s), }", t->rank == 1 ? "," : "");
  while (!text->failed && (text->n + 11) % 64) oi_text_add(text, " ", 1);
  oi_text_add(text, "\n", 1);
}

oinf_status oi_npy_begin(oinf_ctx *ctx, oi_out *o, const oinf_tensor *array) {
  const char *descr = descr_of(array->dtype);
  if (!descr)
    return oi_fail(oi_ctx_err(ctx), OINF_SUPPORT, "numpy has no dtype %s",
                   oinf_dtype_name(array->dtype));
  oi_text text;
  oi_text_init(&text, ctx);
  put_dict(&text, descr, array);
  uint8_t head[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)(text.n & 0xff),
                      (uint8_t)(text.n >> 8)};
  oinf_status status = text.failed ? oi_nomem(oi_ctx_err(ctx), text.n) : OINF_OK;
  if (status == OINF_OK) status = oi_out_write(o, head, sizeof head);
  if (status == OINF_OK) status = oi_out_write(o, text.at, text.n);
  oi_text_free(&text);
  return status;
}

oinf_status oi_npy_write(oinf_ctx *ctx, const char *path, const oinf_tensor *array,
                         const void *data) {
  oi_out *o = NULL;
  uint64_t bytes;
  if (!oi_tensor_bytes(array->dtype, array->rank, array->dims, &bytes))
    return oi_fail(oi_ctx_err(ctx), OINF_USAGE, "an array of this dtype and shape cannot be");
  oinf_status status = oi_out_begin(ctx, path, &o);
  if (status == OINF_OK) status = oi_npy_begin(ctx, o, array);
  if (status == OINF_OK) status = oi_out_write(o, data, (size_t)bytes);
  if (status == OINF_OK) status = oi_out_commit(&o);
  oi_out_abort(&o);
  return status;
}
