// Reading a tensor's bytes: from its source, or made on the spot for a tensor that has none. Where
// a package brings checksums, oinf_model_read proves every block it touches and hands out nothing
// else; oi_model_read_at does not, for converters that prove the whole file anyway.
#include "lib/model.h"
#include "lib/rt/crc32c.h"

#include <string.h>

// ---- tensors without bytes ----

// Word i of a tensor's noise: the generator splitmix64, entered at any place.
static uint64_t noise_word(uint64_t seed, uint64_t i) {
  uint64_t z = seed + (i + 1) * 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

// The bits of m * 2^e in a float of `mantissa` and `exponent` bits; exact where m fits the mantissa
// with its hidden bit and nothing falls below the smallest subnormal.
static uint64_t float_bits(int64_t m, int e, int mantissa, int exponent) {
  if (m == 0) return 0;
  uint64_t a = m < 0 ? (uint64_t)-m : (uint64_t)m, sign = m < 0;
  int bias = (1 << (exponent - 1)) - 1, lead = 63 - __builtin_clzll(a);
  int power = lead + e + bias;
  uint64_t bits = power > 0 ? ((uint64_t)power << mantissa) +
                                  ((a << (mantissa - lead)) - ((uint64_t)1 << mantissa))
                            : a << (e + bias - 1 + mantissa);
  return sign << (mantissa + exponent) | bits;
}

// Uniform in [-1, 1) at the float's own precision, times 2^-k: no rounding anywhere.
static uint64_t noise_float(uint64_t word, int k, int mantissa, int exponent) {
  int64_t m = (int64_t)(word >> (63 - mantissa)) - ((int64_t)1 << mantissa);
  return float_bits(m, -mantissa - k, mantissa, exponent);
}

// A block of f16 scale and `words` words of uniform quants.
static void noise_quants(const oi_tensor *t, uint64_t unit, int scale, uint64_t words,
                         uint8_t *out) {
  uint64_t d = float_bits(1, -scale - (int)(t->seed >> 56), 10, 5);
  memcpy(out, &d, 2);
  for (uint64_t i = 0; i < words; i++) {
    uint64_t w = noise_word(t->seed, unit * words + i);
    memcpy(out + 2 + 8 * i, &w, 8);
  }
}

enum {
  UNIT_MAX = 64
};

// Element or block number `unit` of a splat or noise tensor, at most UNIT_MAX bytes.
static void make_unit(const oi_tensor *t, uint64_t unit, uint8_t *out) {
  const int k = (int)(t->seed >> 56);
  uint64_t bits = t->seed, word = noise_word(t->seed, unit);
  if (t->kind == OI_TENSOR_NOISE) switch (t->pub.dtype) {
      case OINF_Q8_0: noise_quants(t, unit, 7, 4, out); return;
      case OINF_Q4_0: noise_quants(t, unit, 3, 2, out); return;
      case OINF_F64: bits = noise_float(word, k, 52, 11); break;
      case OINF_F32: bits = noise_float(word, k, 23, 8); break;
      case OINF_F16: bits = noise_float(word, k, 10, 5); break;
      case OINF_BF16: bits = noise_float(word, k, 7, 8); break;
      case OINF_BOOL: bits = word & 1; break;
      default: bits = word; break;
    }
  memcpy(out, &bits, 8);
}

void oi_tensor_fill(const oi_tensor *t, uint64_t offset, void *out, uint64_t bytes) {
  const uint64_t size = oinf_dtype_block_bytes(t->pub.dtype);
  uint8_t unit[UNIT_MAX], *to = out;
  for (uint64_t done = 0; done < bytes;) {
    uint64_t skip = (offset + done) % size;
    uint64_t n = bytes - done < size - skip ? bytes - done : size - skip;
    make_unit(t, (offset + done) / size, unit);
    memcpy(to + done, unit + skip, (size_t)n);
    done += n;
  }
}

// ---- tensors with bytes ----

oinf_status oi_model_read_at(oinf_model *m, uint32_t tensor, uint64_t offset, void *out,
                             uint64_t bytes) {
  oi_err *err = oi_ctx_err(m->ctx);
  const oi_tensor *t = tensor < m->tensors.n ? &m->tensors.at[tensor] : NULL;
  if (!t || offset > t->pub.bytes || bytes > t->pub.bytes - offset)
    return oi_fail(err, OINF_INTERNAL, "bytes outside of a tensor were asked for");
  OI_TRY(oi_tensor_plain(err, t));
  if (t->kind != OI_TENSOR_BYTES) return oi_tensor_fill(t, offset, out, bytes), OINF_OK;
  OI_TRY_AT(err, oi_source_read(err, &m->sources.at[t->source], t->offset + offset, out, bytes),
            "reading tensor '%s'", t->pub.name);
  return OINF_OK;
}

uint64_t oi_model_block_bytes(const oinf_model *m, uint32_t block) {
  uint64_t left = m->weights_size - (uint64_t)block * OI_CRC_BLOCK;
  return left < OI_CRC_BLOCK ? left : OI_CRC_BLOCK;
}

uint64_t oi_model_block_room(const oinf_model *m) {
  return m->n_crc ? oi_model_block_bytes(m, 0) : 0;
}

// The first tensor that has a byte in the range, for the message; a package's payloads are in
// order.
static const char *tensor_at(const oinf_model *m, uint64_t begin, uint64_t end) {
  for (size_t i = 0; i < m->tensors.n; i++) {
    const oi_tensor *t = &m->tensors.at[i];
    if (t->kind == OI_TENSOR_BYTES && t->offset < end && t->offset + t->pub.bytes > begin)
      return t->pub.name;
  }
  return "";
}

oinf_status oi_model_check_block(const oinf_model *m, oi_err *err, uint32_t block,
                                 const void *bytes) {
  if (block >= m->n_crc) return OINF_OK;
  uint64_t begin = m->weights_offset + (uint64_t)block * OI_CRC_BLOCK;
  uint64_t size = oi_model_block_bytes(m, block);
  uint32_t have = oi_crc32c(0, bytes, (size_t)size);
  if (have == m->crc[block]) return OINF_OK;
  return oi_fail(err, OINF_CORRUPT,
                 "weights are damaged: block %u at %llu (tensor '%s') has checksum %08x, not %08x",
                 block, (unsigned long long)begin, tensor_at(m, begin, begin + size), have,
                 m->crc[block]);
}

// A block that lies whole within what is wanted is read in place, others through `room`.
static oinf_status read_block(oinf_model *m, uint32_t block, uint64_t from, uint64_t to,
                              uint8_t *room, uint8_t *out) {
  oi_err *err = oi_ctx_err(m->ctx);
  uint64_t begin = m->weights_offset + (uint64_t)block * OI_CRC_BLOCK;
  uint64_t end = begin + oi_model_block_bytes(m, block);
  bool whole = from <= begin && end <= to;
  uint8_t *at = whole ? out + (begin - from) : room;
  OI_TRY(oi_source_read(err, &m->sources.at[0], begin, at, end - begin));
  OI_TRY(oi_model_check_block(m, err, block, at));
  if (whole) return OINF_OK;
  uint64_t lo = from > begin ? from : begin, hi = to < end ? to : end;
  memcpy(out + (lo - from), room + (lo - begin), (size_t)(hi - lo));
  return OINF_OK;
}

static oinf_status read_proved(oinf_model *m, const oi_tensor *t, uint8_t *out) {
  uint64_t from = t->offset, to = from + t->pub.bytes;
  if (from == to) return OINF_OK;
  const size_t most = (size_t)oi_model_block_room(m);
  uint8_t *room = oi_alloc(m->ctx, most);
  if (!room) return oi_nomem(oi_ctx_err(m->ctx), most);
  oinf_status status = OINF_OK;
  uint64_t first = (from - m->weights_offset) / OI_CRC_BLOCK;
  uint64_t last = (to - 1 - m->weights_offset) / OI_CRC_BLOCK;
  for (uint64_t b = first; b <= last && status == OINF_OK; b++)
    status = read_block(m, (uint32_t)b, from, to, room, out);
  oi_free(m->ctx, room, most);
  return status;
}

oinf_status oinf_model_read(oinf_model *m, const char *name, void *out) {
  oi_err *err = oi_ctx_err(m->ctx);
  int64_t id = oi_model_tensor_id(m, name);
  if (id < 0) return oi_fail(err, OINF_NOINPUT, "the model has no tensor '%s'", name ? name : "");
  const oi_tensor *t = &m->tensors.at[id];
  OI_TRY(oi_tensor_plain(err, t));
  if (t->kind == OI_TENSOR_BYTES && m->n_crc && t->source == 0) {
    OI_TRY_AT(err, read_proved(m, t, out), "reading tensor '%s'", t->pub.name);
    return OINF_OK;
  }
  return oi_model_read_at(m, (uint32_t)id, 0, out, t->pub.bytes);
}
