// Runs a matrix product in pieces: the rows of x are made ready once (padded floats, or quantized
// quads), then threads share columns of the output. Weights in a float storage or in blocks are
// read where they lie; what lies otherwise
// ([K, N], f64, integers, weights to be dequantized) is packed into a panel of rows that a worker
// owns and every row of x uses. So there is one inner loop over two contiguous rows, and one order,
// for every layout. Where x has many rows both sides go through the panels of dot.h, x once and b a
// group at a time, which costs a tenth of what it gains.
#include "lib/op/matmul.h"

#include <oinf/ops.h>
#include <string.h>

enum {
  MOST_PANEL = 64,
  DEEP = 16
};

typedef struct job {
  const oi_call *call;
  const oi_mm *mm;
  uint8_t *x;  // rows of all matrices of a, x_pitch apart
  const oi_dots *dots;
  oi_dot_type type;         // of rows of b, as they lie or packed
  oi_dot_fn *dot;           // OI_MM_F32, OI_MM_QUANT
  int64_t columns, pieces;  // of a piece of the output, and in a matrix of it
} job;

// ---- packing ----
static void load(oi_mm_kind kind, void *out, const oi_view *v, int64_t i, int64_t n) {
  if (kind == OI_MM_F32) oi_load_f32(out, v, i, n);
  else if (kind == OI_MM_F64) oi_load_f64(out, v, i, n);
  else if (oi_dtype_class(v->dtype) == OI_U) oi_load_u64(out, v, i, n);
  else oi_load_i64(out, v, i, n);
}

// Columns first .. first + rows - 1 of a [k, width] matrix that begins at element `base`, as rows.
static void pack_columns(const oi_mm *mm, const oi_mm_side *side, int64_t base, int64_t first,
                         int64_t rows, uint8_t *out, int64_t pitch) {
  uint64_t tile[DEEP][MOST_PANEL];
  const int64_t width = side->view->dim[side->view->rank - 1], size = mm->element;
  for (int64_t k = 0; k < mm->k; k += DEEP) {
    int64_t deep = mm->k - k < DEEP ? mm->k - k : DEEP;
    for (int64_t i = 0; i < deep; i++)
      load(mm->kind, tile[i], side->view, base + (k + i) * width + first, rows);
    for (int64_t j = 0; j < rows; j++)
      for (int64_t i = 0; i < deep; i++)
        memcpy(out + j * pitch + (k + i) * size, (const uint8_t *)tile[i] + j * size,
               size == 4 ? 4 : 8);
  }
}

// Rows of matrix `index` of a side, zero behind k.
static void pack(const oi_mm *mm, const oi_mm_side *side, int64_t index, int64_t first,
                 int64_t rows, uint8_t *out, int64_t pitch) {
  const int64_t base = index * side->rows * mm->k;
  for (int64_t j = 0; j < rows; j++) {
    memset(out + j * pitch + mm->k * mm->element, 0, (size_t)(pitch - mm->k * mm->element));
    if (!side->transposed)
      load(mm->kind, out + j * pitch, side->view, base + (first + j) * mm->k, mm->k);
  }
  if (side->transposed) pack_columns(mm, side, base, first, rows, out, pitch);
}

static void ready_quads(const job *j, int64_t begin, int64_t end) {
  const oi_mm *mm = j->mm;
  const int8_t *x = j->call->in[0].data;
  const float *d = j->call->in[2].data;
  for (int64_t r = begin; r < end; r++)
    oi_quad_row((oi_quad *)(void *)(j->x + r * mm->x_pitch), x + r * mm->k, d + r * (mm->k / 32),
                mm->k, oi_dtype_dot(mm->b.view->dtype));
}

// Rows begin .. end - 1 of all matrices of a, counted through; a piece is at most MOST_PANEL of
// them.
static void ready_rows(void *arg, int64_t begin, int64_t end, int worker) {
  const job *j = arg;
  const oi_mm *mm = j->mm;
  (void)worker;
  if (mm->kind == OI_MM_QUANT) {
    ready_quads(j, begin, end);
    return;
  }
  for (int64_t r = begin; r < end;) {
    int64_t index = r / mm->a.rows, first = r % mm->a.rows;
    int64_t rows = mm->a.rows - first < end - r ? mm->a.rows - first : end - r;
    pack(mm, &mm->a, index, first, rows, j->x + r * mm->x_pitch, mm->x_pitch);
    r += rows;
  }
}

// Tiles begin .. end - 1 of all matrices of a; where the matrices are one, they are cut as one.
static void ready_tiles(void *arg, int64_t begin, int64_t end, int worker) {
  const job *j = arg;
  const oi_mm *mm = j->mm;
  const oi_view *a = mm->a.view;
  const int64_t tiles = (mm->m + OI_TILE - 1) / OI_TILE, size = a->dtype == OINF_F32 ? 4 : 2;
  (void)worker;
  for (int64_t t = begin; t < end; t++) {
    const int64_t i = t % tiles * OI_TILE, row = t / tiles * mm->m + i;
    const int64_t rows = mm->m - i < OI_TILE ? mm->m - i : OI_TILE;
    uint8_t *out = j->x + row * mm->x_pitch;
    if (mm->kind == OI_MM_QUANT)
      oi_pack_tile(out, (const int8_t *)a->data + row * mm->k,
                   (const float *)j->call->in[2].data + row * (mm->k / 32), rows, mm->k,
                   oi_dtype_dot(mm->b.view->dtype));
    else
      oi_pack_of(j->dots, oi_dtype_dot(a->dtype))((float *)(void *)out,
                                    (const uint8_t *)a->data + row * mm->k * size, mm->k * size,
                                    rows, rows, mm->k);
  }
}

static void ready_x(job *j) {
  enum {
    FEW = 1 << 16
  };
  const oi_mm *mm = j->mm;
  const int64_t rows = mm->a.count * mm->a.rows;
  oi_threads *threads = rows * mm->k > FEW ? j->call->threads : NULL;
  if (mm->panels)
    oi_threads_run(threads, rows / mm->m * ((mm->m + OI_TILE - 1) / OI_TILE), 1, ready_tiles, j);
  else if (!mm->x_in_place) oi_threads_run(threads, rows, MOST_PANEL / 4, ready_rows, j);
}

// ---- inner products of the wide kinds; floats and quantized ones are in dot_*.c ----
static double dot_f64(const double *x, const double *w, int64_t k) {
  double p[16] = {0};
  for (int64_t i = 0; i < k; i += 16)
    for (int l = 0; l < 16; l++) {
      double product = x[i + l] * w[i + l];
      p[l] = p[l] + product;
    }
  for (int s = 8; s > 0; s /= 2)
    for (int l = 0; l < s; l++) p[l] = p[l] + p[l + s];
  return p[0] == 0 ? 0.0 : p[0];
}

static uint64_t dot_u64(const uint64_t *x, const uint64_t *w, int64_t k) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < k; i++) sum += x[i] * w[i];
  return sum;
}

static void run_wide(const job *j, const oi_dot *d, int64_t at) {
  const oi_view *out = j->call->out;
  for (int64_t i = 0; i < d->m; i++) {
    const void *x = (const uint8_t *)d->x + i * d->x_pitch;
    uint64_t sums[MOST_PANEL];
    double reals[MOST_PANEL];
    for (int64_t c = 0; c < d->n; c++) {
      const void *w = (const uint8_t *)d->w + c * d->w_pitch;
      if (j->mm->kind == OI_MM_F64) reals[c] = dot_f64(x, w, d->k);
      else sums[c] = dot_u64(x, w, d->k);
    }
    int64_t first = at + i * d->out_pitch;
    if (j->mm->kind == OI_MM_F64) oi_store_f64(out, first, d->n, reals);
    else if (oi_dtype_class(out->dtype) == OI_U) oi_store_u64(out, first, d->n, sums);
    else oi_store_i64(out, first, d->n, (const int64_t *)sums);
  }
}

// ---- pieces of the output ----
// Which matrix of a side meets matrix `index` of the output.
static int64_t matrix_of(const oi_mm *mm, const oi_mm_side *side, int64_t index) {
  if (side->count == 1) return 0;
  return oi_broadcast_at(side->batch, side->batch_rank, mm->batch, mm->batch_rank, index);
}

// Sums of rows of b, weighted by the few rows of x: no product with a row of zeros, and the order
// is the same.
static void run_sums(const job *j, const oi_dot *d, int64_t ib, int64_t first, float *part) {
  const oi_view *b = j->mm->b.view;
  const int64_t width = b->dim[b->rank - 1], element = b->dtype == OINF_F32 ? 4 : 2,
                pitch = d->n + 16;
  const uint8_t *rows = (const uint8_t *)b->data + (ib * d->k * width + first) * element;
  oi_mix mix = {.part = part,
                .part_pitch = pitch,
                .e = d->x,
                .e_pitch = d->x_pitch / 4,
                .v = rows,
                .v_pitch = width * element,
                .m = d->m,
                .end = d->k,
                .columns = d->n};
  memset(part, 0, (size_t)(d->m * 16 * pitch) * sizeof *part);
  oi_mix_of(j->dots, oi_dtype_dot(b->dtype))(&mix);
  for (int64_t i = 0; i < d->m; i++)
    j->dots->mixed(d->out + i * d->out_pitch, part + i * 16 * pitch, pitch, d->n, 1.0f);
}

// Columns `first` .. of matrix `index` of the output by a panel, or by rows of b where they lie.
static void run_columns(const job *j, int64_t index, int64_t first, int64_t n, int worker) {
  const oi_mm *mm = j->mm;
  const int64_t ib = matrix_of(mm, &mm->b, index), ia = matrix_of(mm, &mm->a, index);
  const int64_t at = index * mm->m * mm->out_columns + mm->column0 + first;
  oi_dot d = {.out_pitch = mm->out_columns,
              .x = j->x + ia * mm->a.rows * mm->x_pitch,
              .x_pitch = mm->x_pitch,
              .w_pitch = mm->w_pitch,
              .m = mm->m,
              .n = n,
              .k = mm->k};
  uint8_t *panel = (uint8_t *)j->call->room + mm->x_bytes + worker * mm->panel_bytes;
  if (j->dot) d.out = (float *)j->call->out->data + at;
  if (mm->by_columns) {
    run_sums(j, &d, ib, first, (float *)(void *)panel);
    return;
  }
  if (mm->w_in_place) {
    d.w = (const uint8_t *)mm->b.view->data + (ib * mm->b.rows + first) * mm->w_pitch;
  } else {
    pack(mm, &mm->b, ib, first, n, panel, mm->w_pitch);
    d.w = panel;
    if (!j->dot) d.k = (mm->k + 15) / 16 * 16;  // both sides are padded with zeros
  }
  if (mm->panels) oi_panels_run(j->dots, &d, j->type, panel + mm->panel_bytes - mm->groups_bytes);
  else if (j->dot) j->dot(&d);
  else run_wide(j, &d, at);
}

static void run_pieces(void *arg, int64_t begin, int64_t end, int worker) {
  const job *j = arg;
  for (int64_t i = begin; i < end; i++) {
    int64_t first = i % j->pieces * j->columns, n = j->mm->n - first;
    run_columns(j, i / j->pieces, first, n < j->columns ? n : j->columns, worker);
  }
}

// Columns of a piece: what fits the second cache, a few pieces a thread, but no piece too small to
// be worth a thread; whole groups of eight, which is how matvecs walk.
static int64_t choose_columns(const oi_mm *mm, int threads) {
  enum {
    ALONE = 1 << 20,
    SHARED = 1 << 18,
    LEAST_WORK = 1 << 16
  };
  const int64_t group = mm->panels ? 8 * OI_GROUP : 8;
  const int64_t row = mm->w_pitch > 0 ? mm->w_pitch : 1,
                work = mm->m * mm->k > 0 ? mm->m * mm->k : 1;
  int64_t columns = (threads == 1 && mm->m == 1 ? ALONE : SHARED) / row;
  int64_t share = mm->n * mm->count / (4 * threads), least = LEAST_WORK / work;
  if (threads > 1 && columns > share) columns = share;
  if (columns < least) columns = least;
  columns = (columns + group - 1) / group * group;
  if (columns < group) columns = group;
  return mm->panel_rows && columns > mm->panel_rows ? mm->panel_rows : columns;
}

void oi_mm_run(const oi_call *c, const oi_mm *mm) {
  job j = {.call = c, .mm = mm, .x = mm->x_in_place ? mm->a.view->data : c->room};
  if (mm->m == 0 || mm->n == 0 || mm->count == 0) return;
  j.dots = oi_dots_of((oi_cpu)c->cpu);
  ready_x(&j);
  const bool stored = mm->kind == OI_MM_QUANT || (mm->kind == OI_MM_F32 && mm->w_in_place);
  j.type = stored ? oi_dtype_dot(mm->b.view->dtype) : OI_DOT_F32;
  if (mm->kind == OI_MM_F32 || mm->kind == OI_MM_QUANT) j.dot = oi_dot_of(j.dots, j.type);
  j.columns = choose_columns(mm, oi_threads_count(c->threads));
  j.pieces = (mm->n + j.columns - 1) / j.columns;
  oi_threads_run(c->threads, mm->count * j.pieces, 1, run_pieces, &j);
}
