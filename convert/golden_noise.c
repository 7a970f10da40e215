// The golden step of a graph that takes no tokens: symbols of about 4, and inputs of seeded noise.
// Floats lie in [-1, 1); integers and truth values are 0 or 1, which every index can be.
#include <string.h>

#include "convert/golden.h"

static uint64_t next(uint64_t *state) {
  uint64_t z = *state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

static void put_noise(const oi_view *v, uint64_t *state) {
  const int64_t n = oi_view_count(v);
  for (int64_t i = 0; i < n; i++) {
    const uint64_t bits = next(state), u = bits >> 63;
    const double x = (double)(bits >> 11) / 4503599627370496.0 - 1.0;
    const float f = (float)x;
    const int64_t s = (int64_t)u;
    switch (oi_dtype_class(v->dtype)) {
      case OI_D: oi_store_f64(v, i, 1, &x); break;
      case OI_U: oi_store_u64(v, i, 1, &u); break;
      case OI_S:
      case OI_B: oi_store_i64(v, i, 1, &s); break;
      default: oi_store_f32(v, i, 1, &f);
    }
  }
}

static oinf_status bind_noise(oi_golden *g, size_t input, const int64_t *syms, uint64_t *state) {
  oi_err *err = oi_ctx_err(g->c->ctx);
  const oi_value *in = oi_val_at(g->graph, g->graph->inputs.at[input]);
  oi_view v = {.dtype = in->type.dtype, .rank = in->type.rank};
  for (uint32_t i = 0; i < v.rank; i++)
    if (!oi_dims_eval(g->graph->dims, in->type.dim[i], syms, &v.dim[i]) || v.dim[i] < 0)
      return oi_fail(err, OINF_GRAPH, "a dim of input '%s' cannot be told",
                     oi_golden_input(g, input));
  v.data = oi_arena_alloc(&g->arena, oi_view_bytes(&v) + 1);
  if (!v.data) return oi_nomem(err, oi_view_bytes(&v));
  put_noise(&v, state);
  return oi_golden_bind(g, oi_golden_input(g, input), &v);
}

static int64_t within(int64_t x, int64_t lo, int64_t hi) { return x < lo ? lo : x > hi ? hi : x; }

// A state is full to its first row, and has the capacity of every golden step.
static int64_t value_of(const oi_sym *s, int64_t lo, int64_t hi) {
  if (strcmp(s->name, "P") == 0) return lo;
  if (strcmp(s->name, "C") == 0) return within(OI_GOLDEN_CAPACITY, lo, hi);
  return within(4, lo, hi);
}

oinf_status oi_golden_noise(oi_golden *g) {
  oi_dims *d = g->graph->dims;
  const size_t n = oi_dims_sym_count(d), room = (n + 1) * 3 * sizeof(int64_t);
  int64_t *syms = oi_arena_alloc(&g->arena, room), *lo = syms + n, *hi = lo + n;
  uint64_t state = 1;
  if (!syms) return oi_nomem(oi_ctx_err(g->c->ctx), room);
  OI_TRY(oi_golden_begin(g, "step"));
  oi_dims_sym_bounds(d, NULL, NULL, lo, hi);
  for (size_t i = 0; i < n; i++) {
    const oi_sym *s = oi_dims_sym_at(d, i);
    if (s->is_loop) continue;
    syms[i] = value_of(s, lo[i], hi[i]);
    OI_TRY(oi_golden_set(g, s->name, syms[i]));
  }
  for (size_t i = 0; i < g->graph->inputs.n; i++) OI_TRY(bind_noise(g, i, syms, &state));
  OI_TRY(oi_golden_keep_all(g));
  return oi_golden_end(g);
}
