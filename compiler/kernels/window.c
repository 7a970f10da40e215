// The part of a bundle's library.c for states of which a window is all that is ever seen: those
// rows stay in memory, and move down where the rows of a step would not fit behind them.

static int can_follow(model_run *r, int64_t at) {
  if (!WINDOW_ROOM || oi_kept_serves(&r->kept, at)) return MODEL_OK;
  return fails(r, MODEL_USAGE,
               "row %lld cannot follow: states keep rows from %lld to before %lld, and a window "
               "of %lld is seen",
               (long long)at, (long long)r->kept.first, (long long)r->kept.end, (long long)WINDOW);
}

static void move_rows(const model_run *r, int64_t by) {
  for (int i = 0; i < N_STATES; i++) {
    const oi_saved_state *s = &state_shapes[i];
    const int64_t layers = s->room ? s->axis ? s->dims[0] : 1 : 0;
    size_t row = s->element;
    for (uint32_t k = s->axis + 1; k < s->rank; k++) row *= (size_t)s->dims[k];
    for (int64_t l = 0; l < layers; l++) {
      uint8_t *layer = r->state[i] + (size_t)(l * s->room) * row;
      memmove(layer, layer + (size_t)by * row, (size_t)(r->kept.end - r->kept.first) * row);
    }
  }
}

static int make_room(model_run *r) {
  int64_t at, rows;
  step_rows(&r->d, &at, &rows);
  const int code = can_follow(r, at);
  if (code || !WINDOW_ROOM) return code;
  const int64_t by = oi_kept_move(&r->kept, at, rows);
  if (by) move_rows(r, by);
  r->d.first = r->kept.first;
  return MODEL_OK;
}

static void wrote_rows(model_run *r) {
  int64_t at, rows;
  step_rows(&r->d, &at, &rows);
  oi_kept_wrote(&r->kept, at, rows);
}
