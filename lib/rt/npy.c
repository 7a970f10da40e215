// See npy.h. The dict is read by a scanner for the three keys that numpy writes, and for no more of
// Python.
#include "lib/rt/npy.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct npy_dtype {
  const char *descr, *name;
  uint32_t bytes;
} npy_dtypes[] = {{"<f8", "f64", 8}, {"<f4", "f32", 4}, {"<f2", "f16", 2}, {"|i1", "i8", 1},
                  {"<i2", "i16", 2}, {"<i4", "i32", 4}, {"<i8", "i64", 8}, {"|u1", "u8", 1},
                  {"<u2", "u16", 2}, {"<u4", "u32", 4}, {"<u8", "u64", 8}, {"|b1", "bool", 1}};
enum {
  NPY_DTYPES = sizeof npy_dtypes / sizeof *npy_dtypes
};

typedef struct npy_dict {
  oi_npy *array;
  const char *at;  // text closed by a NUL
  unsigned seen;   // bit i: key i of the three
  bool fortran;
} npy_dict;

__attribute__((format(printf, 3, 4))) static oi_npy_fault npy_fails(oi_npy *a, oi_npy_fault fault,
                                                                    const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(a->why, sizeof a->why, format, args);
  va_end(args);
  return fault;
}

static oi_npy_fault npy_bad(const npy_dict *d, const char *what) {
  return npy_fails(d->array, OI_NPY_MALFORMED, "has a malformed header: %s", what);
}

// ---- the dict ----

static bool npy_take(npy_dict *d, char c) {
  d->at += strspn(d->at, " \n");
  if (*d->at != c) return false;
  d->at++;
  return true;
}

// A quoted text without escapes, at most room - 1 bytes.
static bool npy_take_text(npy_dict *d, char *out, size_t room) {
  char quote = npy_take(d, '\'') ? '\'' : npy_take(d, '"') ? '"' : 0;
  size_t n = 0;
  if (!quote) return false;
  for (; *d->at && *d->at != quote && *d->at != '\\' && n + 1 < room; n++) out[n] = *d->at++;
  out[n] = 0;
  return npy_take(d, quote);
}

static bool npy_take_number(npy_dict *d, int64_t *out) {
  int64_t n = 0;
  d->at += strspn(d->at, " \n");
  if (*d->at < '0' || *d->at > '9') return false;
  for (; *d->at >= '0' && *d->at <= '9'; d->at++) {
    if (n > (INT64_MAX - 9) / 10) return false;
    n = n * 10 + (*d->at - '0');
  }
  return *out = n, true;
}

static oi_npy_fault npy_take_descr(npy_dict *d) {
  char text[16];
  if (npy_take(d, '['))
    return npy_fails(d->array, OI_NPY_FOREIGN, "holds records; expected plain numbers");
  if (!npy_take_text(d, text, sizeof text)) return npy_bad(d, "descr must be a short text");
  const bool one = strlen(text) == 3 && text[2] == '1';
  if (text[0] == '=') text[0] = one ? '|' : '<';
  if (one && text[0] != '|') text[0] = '|';
  for (int i = 0; i < NPY_DTYPES; i++) {
    if (strcmp(text, npy_dtypes[i].descr) != 0) continue;
    d->array->dtype = npy_dtypes[i].name, d->array->element = npy_dtypes[i].bytes;
    return OI_NPY_OK;
  }
  return npy_fails(d->array, OI_NPY_FOREIGN, "is of dtype '%s'; expected little-endian numbers",
                   text);
}

static bool npy_take_word(npy_dict *d, const char *word) {
  d->at += strspn(d->at, " \n");
  const size_t n = strlen(word);
  if (strncmp(d->at, word, n) != 0) return false;
  d->at += n;
  return true;
}

static oi_npy_fault npy_take_order(npy_dict *d) {
  d->fortran = npy_take_word(d, "True");
  return d->fortran || npy_take_word(d, "False")
             ? OI_NPY_OK
             : npy_bad(d, "fortran_order must be True or False");
}

static oi_npy_fault npy_take_shape(npy_dict *d) {
  oi_npy *a = d->array;
  if (!npy_take(d, '(')) return npy_bad(d, "shape must be a tuple");
  while (!npy_take(d, ')')) {
    if (a->rank == 8) return npy_fails(a, OI_NPY_FOREIGN, "has more than 8 dims");
    if (!npy_take_number(d, &a->dims[a->rank++]))
      return npy_bad(d, "a dim must be an integer from 0");
    if (!npy_take(d, ',') && *d->at != ')') return npy_bad(d, "dims must be parted by commas");
  }
  return OI_NPY_OK;
}

static oi_npy_fault npy_take_key(npy_dict *d) {
  static const struct {
    const char *key;
    oi_npy_fault (*take)(npy_dict *d);
  } keys[] = {
      {"descr", npy_take_descr}, {"fortran_order", npy_take_order}, {"shape", npy_take_shape}};
  char key[16];
  if (!npy_take_text(d, key, sizeof key) || !npy_take(d, ':')) return npy_bad(d, "expected a key");
  for (unsigned i = 0; i < 3; i++) {
    if (strcmp(key, keys[i].key) != 0) continue;
    if (d->seen & 1u << i) return npy_bad(d, "a key stands twice");
    d->seen |= 1u << i;
    return keys[i].take(d);
  }
  return npy_bad(d, "an unknown key");
}

static oi_npy_fault npy_take_dict(npy_dict *d) {
  if (!npy_take(d, '{')) return npy_bad(d, "expected a dict");
  while (!npy_take(d, '}')) {
    const oi_npy_fault fault = npy_take_key(d);
    if (fault) return fault;
    if (!npy_take(d, ',') && *d->at != '}') return npy_bad(d, "keys must be parted by commas");
  }
  d->at += strspn(d->at, " \n");
  if (*d->at) return npy_bad(d, "something stands behind the dict");
  return d->seen == 7 ? OI_NPY_OK : npy_bad(d, "expected descr, fortran_order and shape");
}

// ---- the file ----

OI_RT oi_npy_fault oi_npy_place(oi_npy *a, const uint8_t *head, uint64_t size, uint32_t *out_at,
                                uint32_t *out_n) {
  if (size < 10 || memcmp(head, "\x93NUMPY", 6) != 0)
    return npy_fails(a, OI_NPY_MALFORMED, "is no .npy file");
  if ((head[6] != 1 && head[6] != 2) || head[7] != 0)
    return npy_fails(a, OI_NPY_FOREIGN, "is .npy version %d.%d; expected 1.0 or 2.0", head[6],
                     head[7]);
  const bool wide = head[6] == 2;
  const uint32_t low = (uint32_t)head[8] | (uint32_t)head[9] << 8,
                 high =
                     wide && size >= 12 ? (uint32_t)head[10] << 16 | (uint32_t)head[11] << 24 : 0,
                 at = wide ? 12 : 10, n = low | high;
  if (n > OI_NPY_LONGEST || size < at || n > size - at)
    return npy_fails(a, OI_NPY_MALFORMED, "has a header of %u bytes, which is too long", n);
  *out_at = at, *out_n = n;
  return OI_NPY_OK;
}

// Elements times their size; false where that, or what the shape could mean without its zeros, is
// more than a file can hold.
static bool npy_bytes(const oi_npy *a, uint64_t *out) {
  uint64_t n = a->element, all = a->element;
  for (uint32_t i = 0; i < a->rank; i++) {
    const uint64_t dim = (uint64_t)a->dims[i];
    if (__builtin_mul_overflow(all, dim ? dim : 1, &all) || all > INT64_MAX) return false;
    n *= dim;
  }
  return *out = n, true;
}

OI_RT oi_npy_fault oi_npy_read(oi_npy *a, const char *dict, size_t n, uint64_t payload) {
  npy_dict d = {.array = a, .at = dict};
  uint64_t bytes;
  int long_dims = 0;
  a->rank = 0;
  if (memchr(dict, 0, n)) return npy_bad(&d, "it holds NUL");
  const oi_npy_fault fault = npy_take_dict(&d);
  if (fault) return fault;
  for (uint32_t i = 0; i < a->rank; i++) long_dims += a->dims[i] > 1;
  if (d.fortran && long_dims > 1)
    return npy_fails(a, OI_NPY_FOREIGN,
                     "is in Fortran order; save it with numpy.ascontiguousarray");
  if (!npy_bytes(a, &bytes)) return npy_bad(&d, "its shape is too large");
  if (bytes == payload) return OI_NPY_OK;
  return npy_fails(a, OI_NPY_MALFORMED, "holds %llu bytes behind its header; expected %llu",
                   (unsigned long long)payload, (unsigned long long)bytes);
}

// ---- writing ----

static const char *npy_descr(const char *dtype) {
  if (strcmp(dtype, "bf16") == 0) return "<u2";
  for (int i = 0; i < NPY_DTYPES; i++)
    if (strcmp(npy_dtypes[i].name, dtype) == 0) return npy_dtypes[i].descr;
  return NULL;
}

OI_RT size_t oi_npy_write_head(uint8_t *out, const char *dtype, uint32_t rank,
                               const int64_t *dims) {
  const char *descr = npy_descr(dtype);
  char *text = (char *)out + 10;
  const size_t room = OI_NPY_LONGEST - 10;
  if (!descr) return 0;
  size_t n =
      (size_t)snprintf(text, room, "{'descr': '%s', 'fortran_order': False, 'shape': (", descr);
  for (uint32_t i = 0; i < rank; i++)
    n += (size_t)snprintf(text + n, room - n, "%s%lld", i ? ", " : "", (long long)dims[i]);
  n += (size_t)snprintf(text + n, room - n, "%s), }", rank == 1 ? "," : "");
  while ((n + 11) % 64) text[n++] = ' ';
  text[n++] = '\n';
  memcpy(out, "\x93NUMPY\x01", 8);
  out[8] = (uint8_t)(n & 0xff), out[9] = (uint8_t)(n >> 8);
  return n + 10;
}
