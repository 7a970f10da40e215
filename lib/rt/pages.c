// See pages.h.
#include "lib/rt/pages.h"

OI_RT oi_page oi_extent_page(const oi_extent *e, int64_t row, int64_t rows) {
  uint64_t a = e->at + (uint64_t)row * e->row_bytes, z = a + (uint64_t)rows * e->row_bytes - 1;
  return (oi_page){a / OI_BLOCK, (uint32_t)(z / OI_BLOCK - a / OI_BLOCK + 1)};
}

static int64_t rows_until(const oi_extent *e, int64_t row, uint64_t end_block) {
  uint64_t a = e->at + (uint64_t)row * e->row_bytes,
           fit = (end_block * OI_BLOCK - a) / e->row_bytes;
  return fit < (uint64_t)(e->rows - row) ? (int64_t)fit : e->rows - row;
}

OI_RT int64_t oi_pages_tile(const oi_schedule *s, oi_cursor *c, const oi_extent *e, int64_t row,
                            oi_page *out_page) {
  oi_page first = oi_extent_page(e, row, 1);
  if (s->window.count && oi_page_covers(s->window, first)) {
    int64_t rows = rows_until(e, row, s->window.first + s->window.count);
    *out_page = oi_extent_page(e, row, rows);
    return rows;
  }
  for (size_t k = 0; !oi_page_covers(c->page, first) && k < s->n_order; k++) {
    size_t i = (c->next + k) % s->n_order;
    if (oi_page_covers(s->order[i], first)) c->page = s->order[i], c->next = i + 1;
  }
  if (!oi_page_covers(c->page, first)) c->page = first;  // the schedule did not foresee it
  *out_page = c->page;
  return rows_until(e, row, c->page.first + c->page.count);
}

OI_RT bool oi_pages_turn(const oi_schedule *s, oi_cursor *c, uint32_t item, bool other,
                         size_t *out_next) {
  if (c->fork >= s->n_forks || s->forks[c->fork].item != item) return false;
  const oi_fork *f = &s->forks[c->fork];
  *out_next = c->next = f->page[other];
  c->fork = other ? f->skip : c->fork + 1;
  return true;
}
