// Rows of a times rows of b, as in matmul.c; from some rows of a on by panels (dot.h, in
// runtime.c), for which a kernel that runs before has laid a in tiles. A unit is a column of the
// product, which is a row of b.
// Holes: NAME; ROWS, DEPTH, COLUMNS; X, X_PITCH: the rows of a where they are few; W_PITCH: bytes of
// a row of b; DOT, DOT_TYPE: its storage type.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const bool many = oi_panels_pay(DOT_TYPE, ROWS);
  const oi_dot job = {.out = (float *)c->out[0] + from,
                      .out_pitch = COLUMNS,
                      .x = many ? c->room : X,
                      .x_pitch = many ? oi_tile_pitch(DEPTH, DOT_TYPE) : X_PITCH,
                      .w = (const char *)c->in[1] + (from - c->first) * (W_PITCH),
                      .w_pitch = W_PITCH,
                      .m = ROWS,
                      .n = to - from,
                      .k = DEPTH};
  (void)d;
  if (many) oi_panels_run(c->dots, &job, DOT_TYPE, room_of(c, worker));
  else c->dots->DOT(&job);
}
