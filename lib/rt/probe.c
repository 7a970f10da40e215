// The probes in C: the table, what its kinds compute here, and the comparison with what was
// computed elsewhere.
//
// probe.inc holds operands and bits made by an independent script; probe_kind.inc holds the
// computations, which are printed into the shader too. For the functions of the text the expected
// bits are C's own: once C has passed the table, it is the reference. Operands go through volatile
// words, so that no compiler computes them itself.
#include "lib/rt/probe.h"

#include <stddef.h>

#include "lib/rt/strict.h"
#define real float

typedef uint32_t kind_fn(uint32_t x, uint32_t y, uint32_t w);
#define KIND(name, ...)                                                         \
  static uint32_t kind_##name(uint32_t x, uint32_t y, uint32_t w) {             \
    const float a = oi_flt(x), b = oi_flt(y), c = oi_flt(w);                    \
    uint32_t z;                                                                 \
    (void)a, (void)b, (void)c;                                                  \
    __VA_ARGS__                                                                 \
    return z;                                                                   \
  }
#include "lib/rt/probe_kind.inc"
#undef KIND

enum {
#define KIND(name, ...) KIND_##name,
#include "lib/rt/probe_kind.inc"
#undef KIND
  N_KINDS
};
static const struct {
  const char *name;
  kind_fn *run;
} kinds[] = {
#define KIND(name, ...) {#name, kind_##name},
#include "lib/rt/probe_kind.inc"
#undef KIND
};

static const struct {
  uint32_t word[5];  // kind, a, b, c, expected bits
} table[] = {
#define PROBE(kind, a, b, c, bits) {{KIND_##kind, a, b, c, bits}},
#include "lib/rt/probe.inc"
#undef PROBE
};
enum { N_TABLE = sizeof table / sizeof *table, FIRST_TEXT = KIND_div, A_KIND = 48 };

OI_RT uint32_t oi_probe_count(void) { return N_TABLE + (N_KINDS - FIRST_TEXT) * A_KIND; }

// Operands of probe i of the text's functions: every third pair of random bits, the others of
// ordinary size.
static void text_operands(uint32_t i, uint32_t *out) {
  uint32_t a = (i + 1) * 2654435769u, b = (i + 1) * 2246822519u;
  a ^= a >> 15, b ^= b >> 13;
  if (i % 3) a = (a & 0x83ffffffu) | 0x3c000000u, b = (b & 0x83ffffffu) | 0x3c000000u;
  out[0] = FIRST_TEXT + i / A_KIND, out[1] = a, out[2] = b, out[3] = 0;
}
OI_RT void oi_probe_fill(uint32_t *words) {
  for (uint32_t i = 0; i < N_TABLE; i++)
    for (int k = 0; k < 4; k++) words[4 * i + (uint32_t)k] = table[i].word[k];
  for (uint32_t i = N_TABLE; i < oi_probe_count(); i++) text_operands(i - N_TABLE, words + 4 * i);
}

static uint32_t run_here(const volatile uint32_t *word) {
  uint32_t kind = word[0];
  return kinds[kind].run(word[1], word[2], word[3]);
}
static int is_same(uint32_t a, uint32_t b) {
  return a == b || ((a & 0x7fffffffu) > 0x7f800000u && (b & 0x7fffffffu) > 0x7f800000u);
}
OI_RT const char *oi_probe_check(const uint32_t *results) {
  for (uint32_t i = 0; i < N_TABLE; i++)
    if (!is_same(results[i], table[i].word[4])) return kinds[table[i].word[0]].name;
  for (uint32_t i = N_TABLE; i < oi_probe_count(); i++) {
    uint32_t word[4];
    text_operands(i - N_TABLE, word);
    if (!is_same(results[i], run_here(word))) return kinds[word[0]].name;
  }
  return NULL;
}
OI_RT const char *oi_probe_self(void) {
  for (uint32_t i = 0; i < N_TABLE; i++)
    if (!is_same(run_here(table[i].word), table[i].word[4])) return kinds[table[i].word[0]].name;
  return NULL;
}
#undef real
