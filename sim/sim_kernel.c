// One dispatch: views of the operands, the op's attributes as numbers, and the kernel of lib/op. An
// operand that is paged by rows comes in tiles, one that an index names comes row by row; neither
// changes a bit.
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

#include "lib/rt/threads.h"

enum {
  MAX_OPERANDS = OINF_MAX_SPLIT,
  MAX_NUMBERS = 4 * OINF_MAX_SPLIT
};

typedef struct dispatch {
  const oi_node *n;
  const oi_op_info *info;
  oi_view in[MAX_OPERANDS], out[MAX_OPERANDS];
  int64_t numbers[MAX_NUMBERS];
  oi_call call;
} dispatch;

static bool add_number(oinf_sim *s, dispatch *d, uint32_t *n, oinf_dim dim) {
  return *n < MAX_NUMBERS && oi_sim_dim(s, dim, &d->numbers[(*n)++]);
}

// The dim and dims attributes in the order of the row.
static oinf_status numbers(oinf_sim *s, dispatch *d) {
  uint32_t n = 0;
  bool ok = true;
  for (uint32_t i = 0; i < d->info->n_attrs; i++) {
    const oi_attr_info *a = &d->info->attrs[i];
    const char *at = (const char *)d->n->args + a->offset;
    if (a->type == OI_ATTR_DIM)
      ok = ok && add_number(s, d, &n, *(const oinf_dim *)(const void *)at);
    if (a->type != OI_ATTR_DIMS) continue;
    const oinf_dims *list = (const oinf_dims *)(const void *)at;
    for (uint32_t k = 0; k < list->n; k++) ok = ok && add_number(s, d, &n, list->d[k]);
  }
  return ok ? OINF_OK
            : oi_fail(&s->err, OINF_GRAPH, "an attribute of %s cannot be told from this step",
                      d->info->name);
}

static oinf_status run_call(oinf_sim *s, dispatch *d) {
  const uint64_t room = d->info->room ? d->info->room(&d->call) : 0;
  if (room > s->now->plan.room)
    return oi_fail(&s->err, OINF_INTERNAL, "%s takes %llu bytes of scratch, and the plan says %llu",
                   d->info->name, (unsigned long long)room, (unsigned long long)s->now->plan.room);
  d->info->run(&d->call);
  return s->err.status;
}

// ---- rows of a weight, tile by tile ----

static oinf_status run_tiles(oinf_sim *s, dispatch *d, int operand, const oi_extent *e) {
  oi_view whole = d->in[operand];
  d->call.tiled = operand, d->call.row_count = e->rows;
  for (int64_t row = 0; row < e->rows;) {
    oi_page page;
    const uint8_t *bytes;
    int64_t rows = oi_sim_tile(s, e, row, &page);
    OI_TRY(oi_sim_page(s, page, false, &bytes));
    uint64_t at = e->at + (uint64_t)row * e->row_bytes - page.first * OI_BLOCK;
    d->in[operand].data = (void *)(uintptr_t)(bytes + at);
    d->in[operand].dim[0] = rows;
    d->call.row0 = row, d->call.rows = rows;
    OI_TRY(run_call(s, d));
    row += rows;
  }
  d->in[operand] = whole;
  return OINF_OK;
}

// ---- rows that an index names ----

static int64_t index_at(const oi_view *v, int64_t i) {
  int64_t x;
  uint64_t u;
  if (oi_dtype_class(v->dtype) == OI_S) return oi_load_i64(&x, v, i, 1), x;
  oi_load_u64(&u, v, i, 1);
  return u > INT64_MAX ? -1 : (int64_t)u;
}

// All are looked at before anything is written, as the kernel does.
static oinf_status check_indices(oinf_sim *s, const oi_view *index, int64_t rows) {
  const int64_t n = oi_view_count(index);
  for (int64_t i = 0; i < n; i++) {
    int64_t at = index_at(index, i);
    if (at >= 0 && at < rows) continue;
    return oi_fail(&s->err, OINF_FORMAT,
                   "gather: expected an index from 0 to %lld, found %lld at place %lld",
                   (long long)rows - 1, (long long)at, (long long)i);
  }
  return OINF_OK;
}

// A row of the table, and where it goes.
typedef struct pick {
  int64_t row, to;
} pick;

static int by_row(const void *a, const void *b) {
  const pick *x = a, *y = b;
  if (x->row != y->row) return x->row < y->row ? -1 : 1;
  return x->to < y->to ? -1 : 1;
}

// One row at a time, as a table of one row that index 0 picks.
static oinf_status run_picks(oinf_sim *s, dispatch *d, const oi_extent *e, const pick *picks,
                             int64_t n) {
  const oi_view table = d->in[0], out = d->out[0];
  const uint64_t out_row = oi_view_bytes(&out) / (uint64_t)n;
  int64_t zero = 0;
  d->in[0].dim[0] = 1;
  d->in[1] = (oi_view){.data = &zero, .dtype = OINF_I64, .rank = 1, .dim = {1}};
  d->out[0].rank = table.rank;
  memcpy(d->out[0].dim, table.dim, sizeof table.dim);
  d->out[0].dim[0] = 1;
  for (int64_t i = 0; i < n; i++) {
    const oi_page page = oi_extent_page(e, picks[i].row, 1);
    const uint8_t *bytes;
    OI_TRY(oi_sim_page(s, page, true, &bytes));
    const uint64_t at = e->at + (uint64_t)picks[i].row * e->row_bytes - page.first * OI_BLOCK;
    d->in[0].data = (void *)(uintptr_t)(bytes + at);
    d->out[0].data = (uint8_t *)out.data + (uint64_t)picks[i].to * out_row;
    OI_TRY(run_call(s, d));
  }
  return OINF_OK;
}

// Rows are picked in the order of the file, so that each block is read once.
static oinf_status run_rows(oinf_sim *s, dispatch *d, const oi_extent *e) {
  const int64_t n = oi_view_count(&d->in[1]);
  const size_t bytes = (size_t)n * sizeof(pick);
  OI_TRY(check_indices(s, &d->in[1], e->rows));
  if (n == 0) return OINF_OK;
  pick *picks = oi_alloc(s->ctx, bytes);
  if (!picks) return oi_nomem(&s->err, bytes);
  for (int64_t i = 0; i < n; i++) picks[i] = (pick){index_at(&d->in[1], i), i};
  qsort(picks, (size_t)n, sizeof *picks, by_row);
  oinf_status status = run_picks(s, d, e, picks, n);
  oi_free(s->ctx, picks, bytes);
  return status;
}

// Does the paged operand have to come in parts? Not where it is mapped, made, or in the window as a
// whole.
static oinf_status in_parts(oinf_sim *s, uint32_t weight, oi_extent *e, bool *out_parts) {
  int64_t t;
  OI_TRY(oi_sim_weight(s, weight, &t));
  *out_parts = false;
  if (s->made[t] || !oi_extent_of(s->model, s->pager, (uint32_t)t, e)) return OINF_OK;
  if (oi_pager_mapped(s->pager, s->model->tensors.at[t].source)) return OINF_OK;
  oi_page all = oi_extent_page(e, 0, e->rows);
  *out_parts = !oi_pager_in_window(s->pager, all.first, all.first + all.count - 1);
  return OINF_OK;
}

static oinf_status run_op(oinf_sim *s, dispatch *d, uint32_t node) {
  oi_paging how = OI_PAGE_WHOLE;
  int operand = oi_plan_paged_operand(s->graph, node, &how);
  oi_extent e;
  bool parts = false;
  if (operand >= 0) {
    uint32_t weight = oi_val_at(s->graph, d->n->in[operand])->node;
    OI_TRY(in_parts(s, weight, &e, &parts));
  }
  for (uint32_t i = 0; i < d->n->n_in; i++) {
    if ((int)i == operand && parts)
      OI_TRY(oi_sim_type(s, &oi_val_at(s->graph, d->n->in[i])->type, &d->in[i]));
    else OI_TRY(oi_sim_view(s, d->n->in[i], &d->in[i]));
  }
  for (uint32_t i = 0; i < d->n->n_out; i++) OI_TRY(oi_sim_view(s, d->n->out[i], &d->out[i]));
  OI_TRY(numbers(s, d));
  // Attention counts its keys, and the position of its queries, from the first row in memory.
  if (d->n->op == OP_sdpa && oi_sim_is_windowed(s, d->n->in[1])) d->numbers[0] -= s->kept.first;
  if (!parts) return run_call(s, d);
  return how == OI_PAGE_ROWS ? run_tiles(s, d, operand, &e) : run_rows(s, d, &e);
}

// ---- nodes that are no ops ----

static oinf_status run_num(oinf_sim *s, const oi_node *n) {
  oi_view v;
  OI_TRY(oi_sim_view(s, n->out[0], &v));
  oi_store_number(&v, n->number);
  return OINF_OK;
}

static oinf_status run_sym_value(oinf_sim *s, const oi_node *n) {
  oi_view v;
  int64_t x;
  OI_TRY(oi_sim_view(s, n->out[0], &v));
  if (!oi_sim_dim(s, n->a, &x))
    return oi_fail(&s->err, OINF_GRAPH, "a symbol's value is not known in this step");
  oi_store_i64(&v, 0, 1, &x);
  return OINF_OK;
}

static oinf_status check_rows(oinf_sim *s, const oi_node *n, int64_t row, int64_t rows) {
  const oi_state_room *r = &s->states[n->state];
  int64_t layer = 0;
  if (r->has_layers && !oi_sim_dim(s, n->a, &layer)) layer = -1;
  if (row >= 0 && rows >= 0 && row <= r->capacity - rows && layer >= 0 && layer < r->layers)
    return OINF_OK;
  return oi_fail(&s->err, OINF_USAGE,
                 "state '%s' has %lld rows, and rows %lld to %lld are asked for",
                 s->graph->states.at[n->state].name, (long long)r->capacity, (long long)row,
                 (long long)(row + rows - 1));
}

static oinf_status run_state_read(oinf_sim *s, const oi_node *n) {
  oi_view v;
  OI_TRY(oi_sim_view(s, n->out[0], &v));
  OI_TRY(check_rows(s, n, 0, v.dim[0]));
  const uint8_t *from = oi_sim_state_at(s, n, oi_sim_first_row(s, n->state));
  if (v.data != from && oi_view_bytes(&v)) memcpy(v.data, from, oi_view_bytes(&v));
  return OINF_OK;
}

// A write rounds to the state's dtype, through the widest form of its class.
static void convert(const oi_view *in, const oi_view *out) {
  enum {
    RUN = 256
  };
  union {
    float f[RUN];
    double d[RUN];
    int64_t i[RUN];
    uint64_t u[RUN];
  } t;
  const int64_t n = oi_view_count(out);
  for (int64_t i = 0; i < n; i += RUN) {
    int64_t k = n - i < RUN ? n - i : RUN;
    switch (oi_dtype_class(out->dtype)) {
      case OI_D: oi_load_f64(t.d, in, i, k), oi_store_f64(out, i, k, t.d); break;
      case OI_U: oi_load_u64(t.u, in, i, k), oi_store_u64(out, i, k, t.u); break;
      case OI_S:
      case OI_B: oi_load_i64(t.i, in, i, k), oi_store_i64(out, i, k, t.i); break;
      default: oi_load_f32(t.f, in, i, k), oi_store_f32(out, i, k, t.f);
    }
  }
}

static oinf_status run_state_write(oinf_sim *s, const oi_node *n) {
  oi_view in, out;
  int64_t row;
  OI_TRY(oi_sim_view(s, n->in[0], &in));
  OI_TRY(oi_sim_view(s, n->out[0], &out));
  if (!oi_sim_dim(s, n->b, &row))
    return oi_fail(&s->err, OINF_GRAPH, "a state's row is not known in this step");
  OI_TRY(check_rows(s, n, row, out.dim[0]));
  oi_view rows = out;
  rows.data = oi_sim_state_at(s, n, row);
  if (oi_view_bytes(&rows) == 0) return OINF_OK;
  if (in.dtype == rows.dtype) memmove(rows.data, in.data, oi_view_bytes(&rows));
  else convert(&in, &rows);
  if (out.data != rows.data) memcpy(out.data, rows.data, oi_view_bytes(&rows));
  return OINF_OK;
}

// ---- a user's own op: f32 with broadcasting, in runs that share no scratch ----

static oinf_status run_user(oinf_sim *s, const oi_node *n) {
  enum {
    RUN = 128
  };
  const oinf_user_op *op = NULL;
  for (size_t i = 0; i < s->graph->user_ops.n; i++)
    if (strcmp(s->graph->user_ops.at[i].name, n->text) == 0) op = &s->graph->user_ops.at[i];
  if (!op || !op->run)
    return oi_fail(&s->err, OINF_SUPPORT,
                   "op '%s' is a user's own: the program that registered it runs it", n->text);
  oi_view in[3] = {{0}}, out;
  float operand[3][RUN], result[RUN];
  for (uint32_t i = 0; i < n->n_in; i++) OI_TRY(oi_sim_view(s, n->in[i], &in[i]));
  OI_TRY(oi_sim_view(s, n->out[0], &out));
  const int64_t count = oi_view_count(&out);
  for (int64_t at = 0; at < count; at += RUN) {
    int64_t k = count - at < RUN ? count - at : RUN;
    for (uint32_t i = 0; i < n->n_in; i++)
      for (int64_t j = 0; j < k; j++) {
        const int64_t from = oi_broadcast_at(in[i].dim, in[i].rank, out.dim, out.rank, at + j);
        oi_load_f32(&operand[i][j], &in[i], from, 1);
      }
    op->run(operand[0], n->n_in > 1 ? operand[1] : NULL, n->n_in > 2 ? operand[2] : NULL, result,
            (size_t)k);
    oi_store_f32(&out, at, k, result);
  }
  return OINF_OK;
}

oinf_status oi_sim_dispatch(oinf_sim *s, uint32_t node) {
  const oi_node *n = oi_node_at(s->graph, node);
  if (oi_plan_is_view(n->op)) return OINF_OK;
  switch (n->op) {
    case OP_NUM: return run_num(s, n);
    case OP_SYM_VALUE: return run_sym_value(s, n);
    case OP_STATE_READ: return run_state_read(s, n);
    case OP_STATE_WRITE: return run_state_write(s, n);
    case OP_USER: return run_user(s, n);
    default: break;
  }
  if (n->n_in > MAX_OPERANDS || n->n_out > MAX_OPERANDS)
    return oi_fail(&s->err, OINF_SUPPORT, "too many operands");
  dispatch d = {.n = n, .info = oi_op_info_of((oi_op)n->op)};
  d.call = (oi_call){.args = n->args,
                     .dims = d.numbers,
                     .in = d.in,
                     .n_in = n->n_in,
                     .out = d.out,
                     .n_out = n->n_out,
                     .tiled = -1,
                     .room = s->room.at,
                     .err = &s->err,
                     .threads = s->threads,
                     .cpu = s->cpu};
  return run_op(s, &d, node);
}
