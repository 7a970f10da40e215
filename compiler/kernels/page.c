// The part of a bundle's library.c that brings weights in under a budget: what fits stays, the
// rest streams by the schedule above, while a thread reads ahead. Kernels that take a weight by
// rows get tiles of it, those that pick rows get them one by one; neither changes a bit.

static int page_fails(model_run *r, oi_pager_fault fault) {
  if (fault == OI_PAGER_CORRUPT)
    return fails(r, MODEL_BAD, "the weights are damaged: checksum of block %llu",
                 (unsigned long long)oi_pager_bad_block(r->pager));
  if (fault == OI_PAGER_SHORT)
    return fails(r, MODEL_IO, "the weights have become shorter while in use");
  return fails(r, MODEL_IO, "the weights cannot be read: %s", strerror(oi_pager_errno(r->pager)));
}

// Row `row` of an extent, which the page holds; NULL: r->error says why.
static const uint8_t *page_row(model_run *r, const oi_extent *e, int64_t row, oi_page page,
                               bool single) {
  const uint8_t *bytes = NULL;
  const oi_pager_fault fault = oi_pager_get(r->pager, page, single, &bytes);
  if (fault) return (void)page_fails(r, fault), NULL;
  return bytes + (e->at + (uint64_t)row * e->row_bytes - page.first * BLOCK);
}

static int weight_is_there(model_run *r, const oi_extent *e) {
  return e->at == NO_WEIGHT ? fails(r, MODEL_NOINPUT, "a weight is missing") : MODEL_OK;
}

// A weight that kernels want whole.
MAYBE static int load_weight(model_run *r, void *out, oi_extent e) {
  uint8_t *to = out;
  if (weight_is_there(r, &e)) return r->status;
  for (int64_t row = 0, rows; e.row_bytes && row < e.rows; row += rows) {
    oi_page page;
    rows = oi_pages_tile(&page_schedule, &r->cursor, &e, row, &page);
    const uint8_t *bytes = page_row(r, &e, row, page, false);
    if (!bytes) return r->status;
    memcpy(to + (uint64_t)row * e.row_bytes, bytes, (uint64_t)rows * e.row_bytes);
  }
  return MODEL_OK;
}

// Rows of the operand that one row of its extent holds: it may lie in groups.
static int64_t rows_together(const operands *o) { return o->group ? o->group : 1; }

// A kernel whose unit u reads row u of the operand, tile by tile.
MAYBE static int run_tiles(model_run *r, int k, int64_t units, int64_t cost, operands *o,
                           int operand, oi_extent e) {
  const int64_t group = rows_together(o);
  if (weight_is_there(r, &e)) return r->status;
  if (!e.row_bytes) o->in[operand] = r->act, run(r, k, units, cost, o);
  for (int64_t row = 0, rows; e.row_bytes && row < e.rows; row += rows) {
    oi_page page;
    rows = oi_pages_tile(&page_schedule, &r->cursor, &e, row, &page);
    o->in[operand] = page_row(r, &e, row, page, false);
    if (!o->in[operand]) return r->status;
    const int64_t first = row * group, end = (row + rows) * group;
    run_range(r, k, first, end < units ? end : units, first, cost, o);
  }
  return MODEL_OK;
}

// ---- rows that an index picks ----

static int64_t index_at(const void *index, int element, bool is_signed, int64_t i) {
  uint64_t u = 0;
  memcpy(&u, (const uint8_t *)index + i * element, (size_t)element);
  const int shift = 64 - 8 * element;
  return is_signed ? (int64_t)(u << shift) >> shift : (int64_t)u;
}

// In the order of the file, so that each block is read once: sorted by row in steps that shrink.
static void sort_picks(pick *picks, int64_t n) {
  for (int64_t gap = n / 2; gap > 0; gap /= 2) {
    for (int64_t i = gap; i < n; i++) {
      const pick one = picks[i];
      int64_t at = i;
      for (; at >= gap && picks[at - gap].row > one.row; at -= gap) picks[at] = picks[at - gap];
      picks[at] = one;
    }
  }
}

static int run_picks(model_run *r, int k, int64_t cost, operands *o, const oi_extent *e,
                     int64_t n) {
  const int64_t group = rows_together(o);
  for (int64_t i = 0; i < n; i++) {
    const int64_t row = e->rows == 1 ? 0 : r->picks[i].row / group, to = r->picks[i].to;
    o->in[0] = page_row(r, e, row, oi_extent_page(e, row, 1), true);
    if (!o->in[0]) return r->status;
    run_range(r, k, to, to + 1, row * group, cost, o);
  }
  return MODEL_OK;
}

// A kernel of n units that takes row index[u] of operand 0, of `count` that there are. All indices
// are looked at before anything is written.
MAYBE static int run_rows(model_run *r, int k, int64_t n, int64_t cost, operands *o, int element,
                          bool is_signed, int64_t count, oi_extent e) {
  if (weight_is_there(r, &e)) return r->status;
  for (int64_t i = 0; i < n; i++) {
    r->picks[i] = (pick){index_at(o->in[1], element, is_signed, i), i};
    if (r->picks[i].row < 0 || r->picks[i].row >= count)
      return fails(r, MODEL_BAD, "an index is out of range");
  }
  sort_picks(r->picks, n);
  if (e.row_bytes) return run_picks(r, k, cost, o, &e, n);
  o->in[0] = r->act, run(r, k, n, cost, o);
  return MODEL_OK;
}

// ---- a step ----

// The weights of the side that is taken, or of what is behind it, may be read ahead.
MAYBE static void turn(model_run *r, uint32_t item, bool other) {
  size_t next;
  if (oi_pages_turn(&page_schedule, &r->cursor, item, other, &next)) oi_pager_go(r->pager, next);
}

static void begin_paging(model_run *r) {
  r->streamed = oi_pager_bytes_streamed(r->pager);
  r->may_read = r->follows ? READ_PER_STEP : READ_FIRST;
  r->cursor.fork = 0, r->follows = false;
}

// What the plan said before the step, held against what has happened.
static int end_paging(model_run *r) {
  const uint64_t read = oi_pager_bytes_streamed(r->pager) - r->streamed;
  if (read > r->may_read)
    return fails(r, MODEL_INTERNAL, "the step read %llu bytes of weights, and the plan says %llu",
                 (unsigned long long)read, (unsigned long long)r->may_read);
  return r->follows = true, MODEL_OK;
}

static int open_paging(model_run *r) {
  const oi_pager_source source = {.fd = r->file->fd,
                                  .offset = WEIGHTS_AT,
                                  .size = WEIGHTS_BYTES,
                                  .crc = (const void *)(r->file->front + CHECKSUMS_AT)};
  const oi_pager_room room = {.memory = r->weights,
                              .window = page_schedule.window,
                              .slot = SLOT_BLOCKS,
                              .row_slot = ROW_BLOCKS,
                              .order = page_schedule.order,
                              .n_order = page_schedule.n_order};
  r->pager = oi_pager_open(&source, 1);
  if (!r->pager) return fails(r, MODEL_MEMORY, "out of memory");
  oi_pager_set(r->pager, &room, false);
  return MODEL_OK;
}

static void close_paging(model_run *r) { oi_pager_close(r->pager); }
