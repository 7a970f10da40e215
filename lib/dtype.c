// Dtypes: their table, and the one home of loads and stores of every storage format.
//
// Kernels compute in f32, f64, i64 or u64 and know no storage; here stands how each dtype widens to
// those and is narrowed from them. Widening is exact; narrowing of floats is to nearest even, of
// integers modulo the width. Data may lie at any address (a safetensors file promises nothing), so
// every access is a memcpy of its size, which compilers turn into vector loads. The hash of a value
// stands here too, as it is over stored bytes.
//
// Quantized blocks widen here only; how they are made is lib/op/quantize.c's and the converter's
// affair.
#include "lib/op.h"
#include "lib/rt/strict.h"

#include <assert.h>
#include <string.h>

typedef struct dtype_info {
  const char *name;
  oi_class class;
  uint16_t bits, block;
} dtype_info;
static const dtype_info infos[] = {
    {"none", 0, 0, 1},
#define D(NAME, name, class, bits, block) {name, OI_##class, bits, block},
#include "lib/dtype.def"
#undef D
};
enum {
  N_DTYPES = sizeof infos / sizeof *infos
};

static const dtype_info *info_of(oinf_dtype dtype) {
  return &infos[(unsigned)dtype < N_DTYPES ? (unsigned)dtype : 0];
}
const char *oinf_dtype_name(oinf_dtype dtype) { return info_of(dtype)->name; }
uint32_t oinf_dtype_block(oinf_dtype dtype) { return info_of(dtype)->block; }
uint32_t oinf_dtype_block_bytes(oinf_dtype dtype) { return info_of(dtype)->bits / 8u; }
oi_class oi_dtype_class(oinf_dtype dtype) { return info_of(dtype)->class; }
oi_dot_type oi_dtype_dot(oinf_dtype dtype) {
  switch (dtype) {
    case OINF_F32: return OI_DOT_F32;
    case OINF_F16: return OI_DOT_F16;
    case OINF_BF16: return OI_DOT_BF16;
    case OINF_Q8_0: return OI_DOT_Q8_0;
    case OINF_Q4_0: return OI_DOT_Q4_0;
    default: return OI_DOT_NONE;
  }
}

oinf_dtype oinf_dtype_find(const char *name) {
  for (unsigned i = 1; i < N_DTYPES; i++)
    if (strcmp(infos[i].name, name) == 0) return (oinf_dtype)i;
  return OINF_NONE;
}

int64_t oi_view_count(const oi_view *v) {
  int64_t n = 1;
  for (uint32_t i = 0; i < v->rank; i++) n *= v->dim[i];
  return n;
}
uint64_t oi_view_bytes(const oi_view *v) {
  const dtype_info *info = info_of(v->dtype);
  return (uint64_t)oi_view_count(v) / info->block * (info->bits / 8u);
}
static char *at(const oi_view *v, int64_t i) {
  const dtype_info *info = info_of(v->dtype);
  return (char *)v->data + i / info->block * (info->bits / 8);
}

// ---- blocks of 32: an f16 scale, then the quants ----
static float scale_of(const char *block) {
  uint16_t h;
  memcpy(&h, block, sizeof h);
  return oi_f16_to_f32(h);
}
static void load_q8_0(float *out, const char *p, int64_t n) {
  for (int64_t b = 0; b < n / 32; b++, p += 34) {
    const float d = scale_of(p);
    const signed char *q = (const signed char *)p + 2;
    for (int j = 0; j < 32; j++) out[32 * b + j] = (float)q[j] * d;
  }
}
static void load_q4_0(float *out, const char *p, int64_t n) {
  for (int64_t b = 0; b < n / 32; b++, p += 18) {
    const float d = scale_of(p);
    const unsigned char *q = (const unsigned char *)p + 2;
    for (int j = 0; j < 16; j++) out[32 * b + j] = (float)((q[j] & 15) - 8) * d;
    for (int j = 0; j < 16; j++) out[32 * b + 16 + j] = (float)((q[j] >> 4) - 8) * d;
  }
}

// One line of a switch: dtype, its C type, and the value of `x` as it is kept.
#define EACH(NAME, type, to, expr)                    \
  case OINF_##NAME:                                   \
    for (int64_t k = 0; k < n; k++) {                 \
      type x;                                         \
      memcpy(&x, p + (size_t)k * sizeof x, sizeof x); \
      to = expr;                                      \
    }                                                 \
    return;

void oi_load_f32(float *out, const oi_view *v, int64_t i, int64_t n) {
  const char *p = at(v, i);
  switch (v->dtype) {
    EACH(F32, float, out[k], x)
    EACH(F16, uint16_t, out[k], oi_f16_to_f32(x))
    EACH(BF16, uint16_t, out[k], oi_bf16_to_f32(x))
    case OINF_Q8_0: load_q8_0(out, p, n); return;
    case OINF_Q4_0: load_q4_0(out, p, n); return;
    default: assert(0 && "a float dtype");
  }
}
void oi_load_f64(double *out, const oi_view *v, int64_t i, int64_t n) {
  const char *p = at(v, i);
  switch (v->dtype) {
    EACH(F64, double, out[k], x)
    EACH(F32, float, out[k], (double)x)
    EACH(F16, uint16_t, out[k], (double)oi_f16_to_f32(x))
    EACH(BF16, uint16_t, out[k], (double)oi_bf16_to_f32(x))
    default: assert(0 && "a float dtype");
  }
}
// Signed and unsigned formats widen by their own sign into either: what is beyond INT64_MAX wraps.
#define WIDEN(to)                    \
  EACH(I8, int8_t, out[k], (to)x)    \
  EACH(I16, int16_t, out[k], (to)x)  \
  EACH(I32, int32_t, out[k], (to)x)  \
  EACH(I64, int64_t, out[k], (to)x)  \
  EACH(U8, uint8_t, out[k], (to)x)   \
  EACH(U16, uint16_t, out[k], (to)x) \
  EACH(U32, uint32_t, out[k], (to)x) \
  EACH(U64, uint64_t, out[k], (to)x) \
  EACH(BOOL, uint8_t, out[k], x != 0)
void oi_load_i64(int64_t *out, const oi_view *v, int64_t i, int64_t n) {
  const char *p = at(v, i);
  switch (v->dtype) {
    WIDEN(int64_t)
    default: assert(0 && "an integer dtype");
  }
}
void oi_load_u64(uint64_t *out, const oi_view *v, int64_t i, int64_t n) {
  const char *p = at(v, i);
  switch (v->dtype) {
    WIDEN(uint64_t)
    default: assert(0 && "an integer dtype");
  }
}

#define KEEP(NAME, type, expr)                        \
  case OINF_##NAME:                                   \
    for (int64_t k = 0; k < n; k++) {                 \
      type y = (type)(expr);                          \
      memcpy(p + (size_t)k * sizeof y, &y, sizeof y); \
    }                                                 \
    return;

void oi_store_f32(const oi_view *v, int64_t i, int64_t n, const float *in) {
  char *p = at(v, i);
  switch (v->dtype) {
    KEEP(F32, float, in[k])
    KEEP(F16, uint16_t, oi_f32_to_f16(in[k]))
    KEEP(BF16, uint16_t, oi_f32_to_bf16(in[k]))
    default: assert(0 && "a float dtype");
  }
}
void oi_store_f64(const oi_view *v, int64_t i, int64_t n, const double *in) {
  char *p = at(v, i);
  switch (v->dtype) {
    KEEP(F64, double, in[k])
    KEEP(F32, float, in[k])
    KEEP(F16, uint16_t, oi_f32_to_f16(oi_f64_to_f32_odd(in[k])))
    KEEP(BF16, uint16_t, oi_f32_to_bf16(oi_f64_to_f32_odd(in[k])))
    default: assert(0 && "a float dtype");
  }
}
#define CUT                  \
  KEEP(I8, int8_t, in[k])    \
  KEEP(I16, int16_t, in[k])  \
  KEEP(I32, int32_t, in[k])  \
  KEEP(I64, int64_t, in[k])  \
  KEEP(U8, uint8_t, in[k])   \
  KEEP(U16, uint16_t, in[k]) \
  KEEP(U32, uint32_t, in[k]) \
  KEEP(U64, uint64_t, in[k]) \
  KEEP(BOOL, uint8_t, in[k] != 0)
void oi_store_i64(const oi_view *v, int64_t i, int64_t n, const int64_t *in) {
  char *p = at(v, i);
  switch (v->dtype) { CUT default : assert(0 && "an integer dtype"); }
}
void oi_store_u64(const oi_view *v, int64_t i, int64_t n, const uint64_t *in) {
  char *p = at(v, i);
  switch (v->dtype) { CUT default : assert(0 && "an integer dtype"); }
}

void oi_store_number(const oi_view *v, double x) {
  const int64_t i = x > -0x1p63 && x < 0x1p63 ? (int64_t)x : 0;
  const uint64_t u = x >= 0x1p63 && x < 0x1p64 ? (uint64_t)x : (uint64_t)i;
  switch (oi_dtype_class(v->dtype)) {
    case OI_U: oi_store_u64(v, 0, 1, &u); break;
    case OI_S:
    case OI_B: oi_store_i64(v, 0, 1, &i); break;
    default: oi_store_f64(v, 0, 1, &x);
  }
}

// ---- canonical NaN and the hash ----
static uint16_t canon_half(uint16_t h, uint16_t inf, uint16_t nan) {
  return (h & 0x7fff) > inf ? nan : h;
}
// to may be from. Other dtypes' bytes are copied as they are.
static void canonical(oinf_dtype dtype, char *to, const char *from, size_t bytes) {
#define CANON(NAME, type, expr)                         \
  case OINF_##NAME:                                     \
    for (size_t k = 0; k < bytes / sizeof(type); k++) { \
      type x;                                           \
      memcpy(&x, from + k * sizeof x, sizeof x);        \
      x = expr;                                         \
      memcpy(to + k * sizeof x, &x, sizeof x);          \
    }                                                   \
    return;
  switch (dtype) {
    CANON(F64, double, oi_canon_d(x))
    CANON(F32, float, oi_canon(x))
    CANON(F16, uint16_t, canon_half(x, 0x7c00, 0x7e00))
    CANON(BF16, uint16_t, canon_half(x, 0x7f80, 0x7fc0))
    default: memmove(to, from, bytes);
  }
}
void oi_canonical_nan(oi_view *v) {
  if (!(oi_dtype_class(v->dtype) & (OI_F | OI_D))) return;
  canonical(v->dtype, v->data, v->data, oi_view_bytes(v));
}

static uint64_t hash_word(uint64_t hash, uint64_t word) {
  return (hash ^ word) * UINT64_C(1099511628211);
}
uint64_t oi_view_hash(const oi_view *v) {
  uint64_t chunk[512], word = 0, hash = UINT64_C(14695981039346656037);
  const char *name = info_of(v->dtype)->name;
  memcpy(&word, name, strlen(name));  // a dtype's name is at most 8 bytes
  hash = hash_word(hash, word);
  hash = hash_word(hash, v->rank);
  for (uint32_t i = 0; i < v->rank; i++) hash = hash_word(hash, (uint64_t)v->dim[i]);
  const char *p = v->data;
  for (uint64_t left = oi_view_bytes(v); left;) {
    size_t n = left < sizeof chunk ? (size_t)left : sizeof chunk;
    chunk[(n - 1) / 8] = 0;
    canonical(v->dtype, (char *)chunk, p, n);
    for (size_t k = 0; k < (n + 7) / 8; k++) hash = hash_word(hash, chunk[k]);
    p += n, left -= n;
  }
  return hash;
}
