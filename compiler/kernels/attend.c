// Attention without a mask, by the runtime's kernel (oi_attend): a unit is a few rows of scores over
// the same keys.
// Holes: NAME; ROWS, HEADS, GROUPS, HEAD, KEYS, POS; CAUSAL, 1 or 0; WINDOW, SOFTCAP: 0 for none;
// SCALE; X: the queries as floats; K_TYPE, V_TYPE: storage of keys and values.

static void K(NAME)(const call *c, int64_t from, int64_t to, int worker) {
  const dims *d = c->d;
  const oi_attend job = {.dots = c->dots,
                         .out = c->out[0],
                         .q = X,
                         .k = c->in[1],
                         .v = c->in[2],
                         .k_type = K_TYPE,
                         .v_type = V_TYPE,
                         .rows = ROWS,
                         .heads = HEADS,
                         .groups = GROUPS,
                         .d = HEAD,
                         .keys = KEYS,
                         .pos = POS,
                         .window = WINDOW,
                         .causal = CAUSAL,
                         .scale = SCALE,
                         .cap = SOFTCAP};
  (void)d;
  oi_attend_run(&job, from, to, room_of(c, worker));
}
