// Copies of strided boxes. Axes of length 1 go, neighbours that step as one are merged, and where
// the last axis is contiguous on both sides a run of it is one memcpy; else elements are copied by
// their size.
#include "lib/op_move.h"

#include <string.h>

#include "lib/rt/threads.h"

enum { SHARE = 1 << 16 };  // bytes worth a piece

void oi_view_steps(const oi_view *v, int64_t *out_step) {
  int64_t n = 1;
  for (uint32_t i = v->rank; i-- > 0; n *= v->dim[i]) out_step[i] = n;
}

oi_move oi_move_into(const oi_view *in, const oi_view *out) {
  oi_move m = {.from = in->data, .to = out->data, .rank = out->rank};
  memcpy(m.dim, out->dim, sizeof m.dim);
  oi_view_steps(out, m.to_step);
  m.size = oinf_dtype_block_bytes(out->dtype);
  return m;
}

static oi_move merged(const oi_move *m) {
  oi_move r = {.from = m->from, .to = m->to, .size = m->size};
  for (uint32_t i = 0; i < m->rank; i++) {
    uint32_t at = r.rank;
    if (m->dim[i] == 1) continue;
    if (at && r.from_step[at - 1] == m->dim[i] * m->from_step[i] &&
        r.to_step[at - 1] == m->dim[i] * m->to_step[i])
      r.dim[at - 1] *= m->dim[i], at--;
    else
      r.dim[at] = m->dim[i], r.rank++;
    r.from_step[at] = m->from_step[i], r.to_step[at] = m->to_step[i];
  }
  if (!r.rank) r.dim[0] = r.from_step[0] = r.to_step[0] = 1, r.rank = 1;
  return r;
}

// By memcpy, as data may lie at any address.
#define COPY_STEPS(size)          \
  for (int64_t i = 0; i < n; i++) \
  memcpy(to + (size) * (size_t)(i * to_step), from + (size) * (size_t)(i * from_step), size)

static void copy_run(const oi_move *m, const char *from, char *to) {
  uint32_t last = m->rank - 1;
  int64_t n = m->dim[last], from_step = m->from_step[last], to_step = m->to_step[last];
  if (from_step == 1 && to_step == 1) {
    memcpy(to, from, (size_t)n * m->size);
  } else {
    switch (m->size) {
      case 1: COPY_STEPS(1); break;
      case 2: COPY_STEPS(2); break;
      case 4: COPY_STEPS(4); break;
      default: COPY_STEPS(8);
    }
  }
}

static void piece(void *arg, int64_t begin, int64_t end, int worker) {
  const oi_move *m = arg;
  int64_t size = (int64_t)m->size;
  (void)worker;
  for (int64_t row = begin; row < end; row++) {
    int64_t from = 0, to = 0, i = row;
    for (uint32_t axis = m->rank - 1; axis-- > 0; i /= m->dim[axis]) {
      from += i % m->dim[axis] * m->from_step[axis];
      to += i % m->dim[axis] * m->to_step[axis];
    }
    copy_run(m, m->from + from * size, m->to + to * size);
  }
}

void oi_move_run(const oi_move *whole, struct oi_threads *threads) {
  oi_move m = merged(whole);
  int64_t rows = 1, row_bytes = m.dim[m.rank - 1] * (int64_t)m.size;
  for (uint32_t i = 0; i + 1 < m.rank; i++) rows *= m.dim[i];
  if (row_bytes == 0) return;
  int64_t share = row_bytes < SHARE ? SHARE / row_bytes : 1;
  if (threads && rows > share)
    oi_threads_run(threads, rows, share, piece, &m);
  else
    piece(&m, 0, rows, 0);
}
