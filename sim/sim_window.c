// States of which a window is all that is ever seen: which they are is the compiler's to tell, how
// their rows move lib/rt/kept's; here they move. What a read of such a state gives is no value that
// can be asked for: it is all rows of the text, and the first of them may be gone.
#include <string.h>

#include "sim/sim.h"

oinf_status oi_sim_window_open(oinf_sim *s) {
  OI_TRY(oi_windowed_find(s->graph, &s->err, &s->windowed));
  s->kept.window = s->windowed.window;
  if (!s->desc.whole_states)
    s->kept.room = oi_windowed_room(s->graph, &s->windowed, s->pin_lo, s->pin_hi);
  return OINF_OK;
}

bool oi_sim_is_windowed(const oinf_sim *s, uint32_t value) {
  return oi_windowed_is(s->graph, &s->windowed, value);
}

int64_t oi_sim_first_row(const oinf_sim *s, uint32_t state) {
  return s->states[state].slides ? s->kept.first : 0;
}

oinf_status oi_sim_window_check(oinf_sim *s, int64_t at) {
  if (!s->kept.room || oi_kept_serves(&s->kept, at)) return OINF_OK;
  return oi_fail(&s->err, OINF_USAGE,
                 "row %lld cannot follow: states keep rows from %lld to before %lld, and a window "
                 "of %lld is seen",
                 (long long)at, (long long)s->kept.first, (long long)s->kept.end,
                 (long long)s->kept.window);
}

// ---- a step ----

// Where the step's rows begin, and how many they are; false: nothing slides.
static bool step_rows(const oinf_sim *s, int64_t *at, int64_t *rows) {
  return s->kept.room && oi_sim_dim(s, s->windowed.at, at) && oi_sim_dim(s, s->windowed.rows, rows);
}

static void move_rows(oinf_sim *s, int64_t by) {
  for (size_t i = 0; i < s->graph->states.n; i++) {
    const oi_state_room *r = &s->states[i];
    const size_t bytes = (size_t)(s->kept.end - s->kept.first) * r->row_bytes;
    for (int64_t l = 0; l < r->layers && r->slides; l++) {
      uint8_t *to = r->data + (uint64_t)l * r->layer_bytes;
      memmove(to, to + (uint64_t)by * r->row_bytes, bytes);
    }
  }
}

void oi_sim_window_begin(oinf_sim *s) {
  int64_t at, rows;
  s->kept_before = s->kept;
  if (!step_rows(s, &at, &rows)) return;
  const int64_t by = oi_kept_move(&s->kept, at, rows);
  if (by) move_rows(s, by);
}

// A text that begins anew leaves the rows of the other where they are, and counts them from 0.
static bool is_anew(const oinf_sim *s) { return s->kept.end < s->kept_before.end; }

int64_t oi_sim_window_reach(const oinf_sim *s) {
  return is_anew(s) ? s->kept_before.end - s->kept_before.first : s->kept_before.end;
}

void oi_sim_window_undo(oinf_sim *s) {
  if (is_anew(s)) s->kept = s->kept_before;
}

void oi_sim_window_end(oinf_sim *s) {
  int64_t at, rows;
  if (step_rows(s, &at, &rows)) oi_kept_wrote(&s->kept, at, rows);
  s->kept_before = s->kept;
}
