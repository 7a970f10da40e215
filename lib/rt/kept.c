// See kept.h.
#include "lib/rt/kept.h"

enum {
  KEPT_STEP = 16,  // partial sums of attention
  KEPT_MOST = 1 << 30
};

static int64_t kept_down(int64_t at) { return at / KEPT_STEP * KEPT_STEP; }

// Between two moves at least a sixteenth of the window is written, so a step moves at most sixteen
// rows for each that it writes.
OI_RT int64_t oi_kept_room(int64_t window, int64_t step) {
  const int64_t slack = step > window / 16 ? step : window / 16;
  if (window > KEPT_MOST || step > KEPT_MOST) return INT64_MAX;
  return kept_down(window - 1 + KEPT_STEP - 1 + slack + KEPT_STEP - 1);
}

OI_RT int64_t oi_kept_from(int64_t window, int64_t at) { return at < window ? 0 : at - window + 1; }

OI_RT bool oi_kept_serves(const oi_kept *k, int64_t at) {
  return at == 0 || (at <= k->end && oi_kept_from(k->window, at) >= k->first);
}

OI_RT int64_t oi_kept_move(oi_kept *k, int64_t at, int64_t rows) {
  if (at == 0) k->first = k->end = 0;
  if (at + rows <= k->first + k->room) return 0;
  const int64_t before = k->first;
  k->first = kept_down(oi_kept_from(k->window, at));
  return k->first - before;
}

OI_RT void oi_kept_wrote(oi_kept *k, int64_t at, int64_t rows) {
  if (at + rows > k->end) k->end = at + rows;
}

OI_RT void oi_kept_loaded(oi_kept *k, int64_t at) {
  k->first = kept_down(oi_kept_from(k->window, at)), k->end = at;
}
