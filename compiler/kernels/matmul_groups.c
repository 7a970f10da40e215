// Rows of a times rows of b, as in matmul.c, where b is quantized and lies in groups of 16 rows: a
// kernel that runs before has laid a in tiles (dot.h, in runtime.c). A unit is a column of the
// product, which is a row of b; those of a group stay together.
// Holes: NAME; ROWS, DEPTH, COLUMNS; DOT_TYPE: the storage type of b.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const int64_t group = oi_group_bytes(DEPTH, DOT_TYPE);
  const oi_dot job = {.out = (float *)c->out[0] + from,
                      .out_pitch = COLUMNS,
                      .x = c->room,
                      .x_pitch = oi_tile_pitch(DEPTH, DOT_TYPE),
                      .w = (const char *)c->in[1] + (from - c->first) / OI_GROUP * group,
                      .w_pitch = group,
                      .m = ROWS,
                      .n = to - from,
                      .k = DEPTH};
  (void)d, (void)worker;
  oi_groups_run(c->dots, &job, DOT_TYPE);
}
