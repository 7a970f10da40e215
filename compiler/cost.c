// Formulas of cost, a row an op. What is counted is the arithmetic of the op's definition
// (lib/ops.def, lib/op), not that of a kernel: a kernel that computes something twice, or takes
// part in nothing where a mask hides a key, costs more time and not more flops. Bytes count each
// operand once, as if caches held it while a kernel runs.
#include "compiler/cost.h"

#include <oinf/ops.h>

// ---- shapes ----

static bool view_of(const oinf_graph *g, const oi_type *t, const int64_t *syms, oi_view *out) {
  *out = (oi_view){.dtype = t->dtype, .rank = t->rank};
  for (uint32_t i = 0; i < t->rank; i++) {
    out->dim[i] = t->dim[i];
    if (oi_dim_is_expr(t->dim[i]) && !oi_dims_eval(g->dims, t->dim[i], syms, &out->dim[i]))
      return false;
    if (out->dim[i] < 0) out->dim[i] = 0;
  }
  return true;
}

bool oi_cost_shape_of(const oinf_graph *g, uint32_t node, const int64_t *syms, oi_cost_shape *s) {
  const oi_node *n = oi_node_at(g, node);
  oinf_dim pos = 0;
  *s = (oi_cost_shape){.node = n};
  if (n->n_in > OINF_MAX_SPLIT || n->n_out > OINF_MAX_SPLIT) return false;
  for (uint32_t i = 0; i < n->n_in; i++)
    if (!view_of(g, &oi_val_at(g, n->in[i])->type, syms, &s->in[i])) return false;
  for (uint32_t i = 0; i < n->n_out; i++)
    if (!view_of(g, &oi_val_at(g, n->out[i])->type, syms, &s->out[i])) return false;
  if (n->op == OP_sdpa) pos = ((const oinf_sdpa_args *)n->args)->pos;
  if (n->op == OP_rope) pos = ((const oinf_rope_args *)n->args)->pos;
  s->pos = pos;
  return !oi_dim_is_expr(pos) || oi_dims_eval(g->dims, pos, syms, &s->pos);
}

static uint64_t count(const oi_view *v) { return (uint64_t)oi_view_count(v); }

static uint64_t times(uint64_t a, uint64_t b) {
  uint64_t x;
  return oi_mul_u64(a, b, &x) ? x : UINT64_MAX;
}
static uint64_t plus(uint64_t a, uint64_t b) {
  uint64_t x;
  return oi_add_u64(a, b, &x) ? x : UINT64_MAX;
}

// ---- ops of their own formula ----

static uint64_t matmul(const oi_cost_shape *s) {
  const oinf_matmul_args *args = s->node->args;
  const oi_view *a = &s->in[0];
  if (a->rank == 0) return 0;
  const uint32_t axis = args->transpose_a && a->rank > 1 ? a->rank - 2 : a->rank - 1;
  return times(2 * count(&s->out[0]), (uint64_t)a->dim[axis]);
}

// Keys that query t sees: [*first, return).
static int64_t seen(const oi_cost_shape *s, int64_t t, int64_t *first) {
  const oinf_sdpa_args *args = s->node->args;
  const int64_t keys = s->in[1].dim[0], at = s->pos + t + 1;
  const int64_t end = !args->causal || at > keys ? keys : at < 0 ? 0 : at;
  *first = args->window <= 0 || at - args->window < 0 ? 0 : at - args->window;
  if (*first > end) *first = end;
  return end;
}

// A pair of query and key in one head: the score and its weight in the sum, 2 d each; scale, max,
// subtract, exp, sum; the softcap's divide, tanh, multiply; the mask's add. A query: 1 / sum,
// times.
static uint64_t sdpa(const oi_cost_shape *s) {
  const oinf_sdpa_args *args = s->node->args;
  const uint64_t heads = (uint64_t)s->in[0].dim[1], head = (uint64_t)s->in[0].dim[2];
  const uint64_t pair = 4 * head + 5 + (args->softcap > 0 ? 3 : 0) + (s->node->n_in > 3);
  uint64_t pairs = 0;
  for (int64_t t = 0, first; t < s->in[0].dim[0]; t++) {
    const int64_t end = seen(s, t, &first);
    pairs = plus(pairs, (uint64_t)(end - first));
  }
  return plus(times(times(pairs, heads), pair),
              times(count(&s->in[0]), 1) + count(&s->in[0]) / (head ? head : 1));
}

// A pair turns by four products and two sums. Each row's angles: product, sine, cosine, and both
// times the factor.
static uint64_t rope(const oi_cost_shape *s) {
  const oinf_rope_args *args = s->node->args;
  const oi_view *a = &s->in[0];
  const uint64_t head = (uint64_t)a->dim[a->rank - 1], heads = (uint64_t)a->dim[a->rank - 2];
  const uint64_t half = (args->width ? (uint64_t)args->width : head) / 2;
  const uint64_t angles = heads && head ? count(a) / heads / head * half : 0;
  const bool factored = args->attention_factor != 0 && args->attention_factor != 1;
  return plus(times(angles, heads * 6), times(angles, factored ? 5 : 3));
}

// ---- ops by element and row ----

typedef enum basis {
  OUT,  // elements of the first result
  IN    // elements of the first operand
} basis;
static const struct {
  uint32_t op;
  basis of;
  uint8_t element, operand;  // for each element; and as many more for each operand behind the first
  uint8_t row;               // for each row: where the result is one, or along the last axis
} rows[] = {
    {OP_fma, OUT, 2, 0, 0},        {OP_where, OUT, 0, 0, 0},
    {OP_mean, IN, 1, 0, 1},       // the quotient
    {OP_softmax, IN, 5, 0, 1},    // max, subtract, exp, sum, times; 1 / sum
    {OP_rmsnorm, IN, 3, 1, 4},    // square, sum, times; mean, + eps, root, 1 / root
    {OP_layernorm, IN, 5, 1, 5},  // sum, subtract, square, sum, times; two means, + eps, root, 1 /
                                  // root
    {OP_quantize, IN, 3, 0, 0},   // max, divide, round
    {OP_dequantize, OUT, 1, 0, 0}, {OP_argmax, IN, 1, 0, 0},
    {OP_USER, OUT, 1, 0, 0},
};
static const struct {
  uint32_t op;
  uint64_t (*flops)(const oi_cost_shape *s);
} own[] = {{OP_matmul, matmul}, {OP_sdpa, sdpa}, {OP_rope, rope}};

static uint64_t by_row(const oi_cost_shape *s, size_t i) {
  const oi_view *a = rows[i].of == OUT ? &s->out[0] : &s->in[0];
  const oi_view *r = rows[i].op == OP_mean ? &s->out[0] : a;
  const uint64_t last = r == a && a->rank ? (uint64_t)a->dim[a->rank - 1] : 1;
  const uint64_t further = s->node->n_in > 1 ? s->node->n_in - 1 : 0;
  const uint64_t each = rows[i].element + further * rows[i].operand;
  return plus(times(count(a), each), last ? times(count(r) / last, rows[i].row) : 0);
}

uint64_t oi_cost_flops(const oi_cost_shape *s) {
  const uint32_t op = s->node->op;
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (own[i].op == op) return own[i].flops(s);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].op == op) return by_row(s, i);
  if (op >= OP_COUNT) return 0;
  switch (oi_op_info_of((oi_op)op)->kind) {
    case OI_ELTWISE: return count(&s->out[0]);
    case OI_REDUCE: return count(&s->in[0]);
    case OI_GENERAL: return 0;
  }
  return 0;
}

// ---- bytes ----

static uint64_t part(const oi_view *of, const oi_view *like) {
  oi_view v = *like;
  v.dtype = of->dtype;
  return oi_view_bytes(&v);
}

static uint64_t keys_seen(const oi_cost_shape *s, uint32_t operand) {
  const oi_view *k = &s->in[operand];
  int64_t first, unused;
  if (s->in[0].dim[0] == 0 || k->dim[0] == 0) return 0;
  seen(s, 0, &first);
  const int64_t end = seen(s, s->in[0].dim[0] - 1, &unused);
  return oi_view_bytes(k) / (uint64_t)k->dim[0] * (uint64_t)(end > first ? end - first : 0);
}

uint64_t oi_cost_read(const oi_cost_shape *s, uint32_t operand) {
  const oi_view *v = &s->in[operand], *out = &s->out[0];
  switch (s->node->op) {
    case OP_gather: return operand == 0 ? part(v, out) : oi_view_bytes(v);
    case OP_slice:
    case OP_select: return part(v, out);
    case OP_sdpa: return operand == 1 || operand == 2 ? keys_seen(s, operand) : oi_view_bytes(v);
    default: return oi_view_bytes(v);
  }
}

uint64_t oi_cost_written(const oi_cost_shape *s, uint32_t result) {
  return oi_view_bytes(&s->out[result]);
}
