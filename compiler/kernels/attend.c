// Attention without a mask, by the runtime's kernel (oi_attend), which shares its work out itself:
// one unit is all of it.
// Holes: NAME; ROWS, HEADS, GROUPS, HEAD, KEYS, POS; CAUSAL, 1 or 0; WINDOW, SOFTCAP: 0 for none;
// SCALE; X: the queries as floats; K_TYPE, V_TYPE: storage of keys and values; SHARED: where the
// scratch begins that workers share.

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
                         .cap = SOFTCAP,
                         .threads = c->threads,
                         .shared = c->room + SHARED,
                         .own = room_of(c, 0),
                         .more = c->more,
                         .more_bytes = WORKER_BYTES};
  (void)d, (void)from, (void)to, (void)worker;
  oi_attend_run(&job);
}
