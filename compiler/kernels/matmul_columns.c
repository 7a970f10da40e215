// Rows of a times columns of b, floats: rows of b are summed by the weights in a, element k in
// partial k mod 16, folded 8, 4, 2, 1 (oi_mix, in runtime.c). A unit is a column of the product.
// Holes: NAME; ROWS, DEPTH, COLUMNS; X: the rows of a; W_BYTES: of an element of b; MIX: sums of its
// storage type.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  enum { MOST = 8, SUMS = 512, APART = 16 };
  const dims *d = c->d;
  const int64_t rows = ROWS, depth = DEPTH, columns = COLUMNS, span = SUMS / dim_min(rows, MOST);
  const float *x = X;
  float *part = room_of(c, worker);
  (void)d;
  for (int64_t n = from; n < to; n += span) {
    for (int64_t t = 0; t < rows; t += MOST) {
      oi_mix job = {.part = part, .part_pitch = span + APART, .e = x + t * depth, .e_pitch = depth};
      job.v = (const char *)c->in[1] + n * W_BYTES, job.v_pitch = columns * W_BYTES;
      job.m = dim_min(MOST, rows - t), job.end = depth, job.columns = dim_min(span, to - n);
      memset(part, 0, sizeof *part * (size_t)(job.m * 16 * job.part_pitch));
      c->dots->MIX(&job);
      for (int64_t i = 0; i < job.m; i++) {
        c->dots->mixed((float *)c->out[0] + (t + i) * columns + n, part + i * 16 * job.part_pitch,
                       job.part_pitch, job.columns, 1.0f);
      }
    }
  }
}
