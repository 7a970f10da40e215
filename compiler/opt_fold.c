// Constant folding. What is made of constants alone is computed here by the reference kernels of
// lib/op, the same that the simulator runs, and where every element of it is one number it becomes
// a number or a fill. An array of unlike elements is known to the pass, so that what is made of it
// can be folded too, but its node stays: constants of a bundle are numbers, and arrays are weights,
// which only a conversion makes. Elementwise ops over splats fold at any shape, symbolic ones too.
#include <string.h>

#include "compiler/passes.h"
#include "lib/rt/strict.h"

#include <oinf/ops.h>

enum {
  MOST = 4096,
  OPERANDS = 16,
  NUMBERS = 2 * OINF_MAX_SPLIT
};

// What is known of a value: its elements, or the one that all of them are.
typedef struct known {
  void *data;  // NULL: nothing
  bool splat;
} known;
typedef struct folding {
  oi_arena arena;
  OI_VEC(known) of;  // by value
} folding;

static bool is_plain(const oi_type *t) {
  return oi_dtype_class(t->dtype) != OI_Q && oinf_dtype_block(t->dtype) == 1 &&
         oinf_dtype_block_bytes(t->dtype) <= 8;
}

static bool view_of(const oi_type *t, oi_view *out) {
  int64_t n = 1;
  *out = (oi_view){.dtype = t->dtype, .rank = t->rank};
  for (uint32_t i = 0; i < t->rank; i++) {
    if (oi_dim_is_expr(t->dim[i]) || t->dim[i] < 0 || t->dim[i] > MOST) return false;
    out->dim[i] = t->dim[i];
    if ((n *= t->dim[i]) > MOST) return false;
  }
  return n > 0;
}

static const known *known_of(const folding *f, uint32_t value) {
  return value < f->of.n && f->of.at[value].data ? &f->of.at[value] : NULL;
}

static oinf_status remember(folding *f, oi_pass *p, uint32_t value, known k) {
  while (f->of.n <= value) {
    const known *slot = oi_vec_push(p->g->ctx, &f->of);
    if (!slot) return oi_nomem(p->err, value * sizeof k);
  }
  return f->of.at[value] = k, OINF_OK;
}

// ---- calls of reference kernels ----

typedef struct call {
  oi_view in[OPERANDS], out;
  int64_t numbers[NUMBERS];
  oi_err err;
} call;

// The dim attributes, which must be numbers.
static bool numbers_of(const oi_node *n, const oi_op_info *info, int64_t *out) {
  uint32_t k = 0;
  for (uint32_t i = 0; i < info->n_attrs; i++) {
    const void *at = (const char *)n->args + info->attrs[i].offset;
    const oinf_dims *list = at;
    const bool one = info->attrs[i].type == OI_ATTR_DIM;
    if (!one && info->attrs[i].type != OI_ATTR_DIMS) continue;
    const oinf_dim *d = one ? at : list->d;
    for (uint32_t j = 0; j < (one ? 1 : list->n); j++) {
      if (oi_dim_is_expr(d[j]) || k == NUMBERS) return false;
      out[k++] = d[j];
    }
  }
  return true;
}

static bool run(folding *f, const oi_node *n, call *c) {
  const oi_op_info *info = oi_op_info_of((oi_op)n->op);
  const uint64_t bytes = oi_view_bytes(&c->out);
  if (!numbers_of(n, info, c->numbers)) return false;
  c->out.data = oi_arena_alloc(&f->arena, bytes);
  oi_call k = {.args = n->args,
               .dims = c->numbers,
               .in = c->in,
               .n_in = n->n_in,
               .out = &c->out,
               .n_out = 1,
               .tiled = -1,
               .err = &c->err};
  if (!c->out.data) return false;
  info->run(&k);
  return c->err.status == OINF_OK;
}

// Elements of a known value under the type that it has.
static void *spread(folding *f, const known *k, const oi_view *v) {
  const size_t size = oinf_dtype_block_bytes(v->dtype);
  if (!k->splat) return k->data;
  const int64_t n = oi_view_count(v);
  char *data = oi_arena_alloc(&f->arena, (size_t)n * size);
  for (int64_t i = 0; data && i < n; i++) memcpy(data + (size_t)i * size, k->data, size);
  return data;
}

// ---- what a node gives ----

static bool all_splats(const folding *f, const oi_node *n) {
  for (uint32_t i = 0; i < n->n_in; i++)
    if (!known_of(f, n->in[i])->splat) return false;
  return true;
}

static bool all_known(const folding *f, const oi_node *n) {
  for (uint32_t i = 0; i < n->n_in; i++)
    if (!known_of(f, n->in[i])) return false;
  return n->n_in <= OPERANDS;
}

// Elementwise ops over splats: one element stands for all.
static bool compute_one(folding *f, const oinf_graph *g, const oi_node *n, known *out) {
  call c = {.out = {.dtype = oi_val_at(g, n->out[0])->type.dtype}};
  for (uint32_t i = 0; i < n->n_in; i++)
    c.in[i] =
        (oi_view){.data = known_of(f, n->in[i])->data, .dtype = oi_val_at(g, n->in[i])->type.dtype};
  if (!run(f, n, &c)) return false;
  return *out = (known){c.out.data, true}, true;
}

static bool compute_all(folding *f, const oinf_graph *g, const oi_node *n, known *out) {
  call c = {.err = {0}};
  if (!view_of(&oi_val_at(g, n->out[0])->type, &c.out)) return false;
  for (uint32_t i = 0; i < n->n_in; i++) {
    if (!view_of(&oi_val_at(g, n->in[i])->type, &c.in[i])) return false;
    c.in[i].data = spread(f, known_of(f, n->in[i]), &c.in[i]);
    if (!c.in[i].data) return false;
  }
  if (!run(f, n, &c)) return false;
  const size_t size = oinf_dtype_block_bytes(c.out.dtype), bytes = oi_view_bytes(&c.out);
  const char *data = c.out.data;
  // Equal to itself shifted by one element: all are alike.
  *out = (known){c.out.data, memcmp(data, data + size, bytes - size) == 0};
  return true;
}

// Ops that neither need room nor can find their data bad, of one result.
static bool may_run(uint32_t op) {
  if (op <= OP_NONE || op >= OP_COUNT) return false;
  const oi_op_info *info = oi_op_info_of((oi_op)op);
  if (info->kind != OI_GENERAL) return true;
  return op == OP_cast || op == OP_iota || op == OP_reshape || op == OP_squeeze ||
         op == OP_unsqueeze || op == OP_permute || op == OP_slice || op == OP_select ||
         op == OP_concat || op == OP_expand;
}

static bool is_view(uint32_t op) {
  return op == OP_reshape || op == OP_squeeze || op == OP_unsqueeze;
}

// Movement of what is the same everywhere changes nothing of it.
static bool is_movement(uint32_t op) {
  return is_view(op) || op == OP_permute || op == OP_slice || op == OP_select || op == OP_expand;
}

static bool compute(folding *f, const oinf_graph *g, const oi_node *n, known *out) {
  if (!may_run(n->op) || n->n_out != 1 || !all_known(f, n)) return false;
  for (uint32_t i = 0; i < n->n_in; i++)
    if (!is_plain(&oi_val_at(g, n->in[i])->type)) return false;
  if (!is_plain(&oi_val_at(g, n->out[0])->type)) return false;
  if (n->n_in && is_movement(n->op) && (is_view(n->op) || all_splats(f, n)))
    return *out = *known_of(f, n->in[0]), true;
  const bool each = oi_op_info_of((oi_op)n->op)->kind == OI_ELTWISE || n->op == OP_cast;
  return each && all_splats(f, n) ? compute_one(f, g, n, out) : compute_all(f, g, n, out);
}

// ---- numbers ----

// The element as a double that gives it back; false: none does, or it is a NaN.
static bool number_of(oinf_dtype dtype, void *data, double *out) {
  const oi_view v = {.data = data, .dtype = dtype};
  int64_t i;
  uint64_t u;
  float x;
  switch (oi_dtype_class(dtype)) {
    case OI_D: oi_load_f64(out, &v, 0, 1); return *out == *out;
    case OI_F: oi_load_f32(&x, &v, 0, 1); return *out = (double)x, dtype == OINF_F32 && x == x;
    case OI_U: oi_load_u64(&u, &v, 0, 1); return *out = (double)u, u <= (uint64_t)1 << 53;
    default: break;
  }
  oi_load_i64(&i, &v, 0, 1);
  *out = (double)i;
  return i >= -((int64_t)1 << 53) && i <= (int64_t)1 << 53;
}

// The element of a number or a fill, as its dtype holds it.
static bool element_of(folding *f, double x, oinf_dtype dtype, known *out) {
  if (oi_dtype_class(dtype) == OI_Q) return false;
  const oi_view v = {.data = oi_arena_alloc(&f->arena, 8), .dtype = dtype};
  const int64_t i = oi_to_i64(x, INT64_MIN, INT64_MAX);
  const uint64_t u = oi_to_u64(x, UINT64_MAX);
  const int64_t truth = x != 0;
  const float y = (float)x;
  if (!v.data) return false;
  switch (oi_dtype_class(dtype)) {
    case OI_D: oi_store_f64(&v, 0, 1, &x); break;
    case OI_F: oi_store_f32(&v, 0, 1, &y); break;
    case OI_U: oi_store_u64(&v, 0, 1, &u); break;
    case OI_B: oi_store_i64(&v, 0, 1, &truth); break;
    default: oi_store_i64(&v, 0, 1, &i);
  }
  return *out = (known){v.data, true}, true;
}

static uint32_t constant_make(oinf_graph *g, const oi_type *t, double x) {
  oinf_fill_args args = {.dtype = t->dtype == OINF_F32 ? OINF_NONE : t->dtype, .value = x};
  if (t->rank == 0 && t->dtype != OINF_BOOL) return oi_num_add(g, x, t->dtype, (oi_where){0});
  args.shape.n = t->rank;
  memcpy(args.shape.d, t->dim, t->rank * sizeof t->dim[0]);
  return oi_build_list(g, OP_fill, &args, NULL, 0, NULL, 0).id;
}

// ---- the pass ----

static oinf_status visit(oi_pass *p, uint32_t id) {
  folding *f = p->own;
  oinf_graph *g = p->g;
  const oi_node *n = oi_node_at(g, id);
  const uint32_t value = n->n_out ? n->out[0] : 0;
  known k;
  double x;
  if (!value) return OINF_OK;
  const oi_type type = oi_val_at(g, value)->type;
  if (oi_pass_splat(g, value, &x))
    return element_of(f, x, type.dtype, &k) ? remember(f, p, value, k) : OINF_OK;
  if (!compute(f, g, n, &k)) return OINF_OK;
  OI_TRY(remember(f, p, value, k));
  if (!k.splat || !number_of(type.dtype, k.data, &x)) return OINF_OK;
  const uint32_t now = constant_make(g, &type, x);
  if (!now) return OINF_OK;  // the graph says why
  OI_TRY(remember(f, p, now, k));
  OI_TRY(oi_pass_replace(p, value, now));
  oi_node_remove(g, id);
  p->changes++;
  return OINF_OK;
}

oinf_status oi_opt_fold(oi_pass *p) {
  folding f = {.of = {0}};
  oi_arena_init(&f.arena, p->g->ctx);
  p->own = &f;
  oinf_status status = oi_pass_walk(p, visit);
  oi_vec_free(p->g->ctx, &f.of);
  oi_arena_free(&f.arena);
  return status;
}
