// See ahead.h. The quickest of three is taken, since other processes only ever make a step slower;
// and fetching ahead must be better by a twentieth, which is about what such a figure is worth.
#include "lib/rt/ahead.h"

OI_RT void oi_ahead_step(oi_ahead *a, uint64_t nanoseconds) {
  if (a->timed >= OI_AHEAD_STEPS) return;
  uint64_t *least = &a->least[a->timed % 2];
  if (a->timed < 2 || nanoseconds < *least) *least = nanoseconds;
  a->timed++;
  const uint64_t without = a->least[0] - a->least[0] / 20;
  const bool chosen = a->timed == OI_AHEAD_STEPS ? a->least[1] < without : a->timed % 2;
  a->bytes = chosen ? OI_AHEAD_BYTES : 0;
}
