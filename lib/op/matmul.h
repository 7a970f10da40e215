// A matrix product as its kernels see it: what the views, flags and tiles of a call come down to.
#ifndef OINF_LIB_OP_MATMUL_H
#define OINF_LIB_OP_MATMUL_H
#include "lib/op.h"
#include "lib/rt/dot.h"
#include "lib/rt/threads.h"

typedef enum oi_mm_kind {
  OI_MM_F32,
  OI_MM_F64,
  OI_MM_INT,
  OI_MM_QUANT
} oi_mm_kind;

// A matrix in a batch: rows of k elements, or, transposed, k rows of which each column is a row.
typedef struct oi_mm_side {
  const oi_view *view;
  int64_t rows;  // of one matrix; of a tile where the operand is tiled
  bool transposed;
  uint32_t batch_rank;
  int64_t batch[OINF_MAX_RANK];  // right-aligned with the output's
  int64_t count;                 // matrices
} oi_mm_side;

enum {
  OI_MM_FEW = 8
};  // rows of x for which a [K, N] b is not packed

typedef struct oi_mm {
  oi_mm_kind kind;
  oi_mm_side a, b;
  int64_t k;
  uint32_t batch_rank;
  int64_t batch[OINF_MAX_RANK];  // of the output
  int64_t count;                 // matrices of the output, 1 where the rows of all of a meet one b
  int64_t m, n;                  // rows and columns of one matrix of the output that are computed
  int64_t out_columns, column0;  // of the output; the first one that is computed
  bool x_in_place;               // rows of a serve as they lie
  bool by_columns;           // few rows of x by a [K, N] b: rows of b are summed, nothing is packed
  bool w_in_place;           // rows of b serve as they lie, in their storage dtype
  bool panels;               // both sides are packed into the panels of dot.h, b a group at a time
  int64_t element;           // bytes of a packed element
  int64_t x_pitch, w_pitch;  // bytes of a row of x and of w, packed or not
  int64_t x_bytes;           // of all packed rows of a
  int64_t panel_rows, panel_bytes;  // of b, packed, one panel a worker; 0 where w_in_place
  int64_t groups_bytes;             // behind it, where there are panels: for groups of b
} oi_mm;

// Needs the shapes alone; false never happens after a shape rule has passed.
void oi_mm_describe(const oi_call *c, oi_mm *out);
void oi_mm_run(const oi_call *c, const oi_mm *mm);
#endif
