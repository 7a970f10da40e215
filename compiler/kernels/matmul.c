// Rows of a times rows of b: floats in 16 partial sums, k mod 16, folded 8, 4, 2, 1; quantized
// blocks in four, block mod 4, folded 2, 1 (oi_dot, in runtime.c). A unit is a column of the
// product, which is a row of b.
// Holes: NAME; ROWS, DEPTH, COLUMNS; X, X_PITCH: the rows of a as the dot product takes them;
// W_PITCH: bytes of a row of b; DOT: its storage type.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const oi_dot job = {.out = (float *)c->out[0] + from,
                      .out_pitch = COLUMNS,
                      .x = X,
                      .x_pitch = X_PITCH,
                      .w = (const char *)c->in[1] + (from - c->first) * (W_PITCH),
                      .w_pitch = W_PITCH,
                      .m = ROWS,
                      .n = to - from,
                      .k = DEPTH};
  (void)d, (void)worker;
  c->dots->DOT(&job);
}
