// How far ahead memory is fetched: steps take turns, and the quicker way stays for good.
#include "lib/rt/ahead.h"
#include "tests/test.h"

// Steps that take `without` and `with`, but for one in the middle that something held up.
static oi_ahead timed(uint64_t without, uint64_t with, int held_up) {
  oi_ahead a = {0};
  for (int i = 0; i < 20; i++) {
    if (i < OI_AHEAD_STEPS) CHECK_INT(a.bytes, i % 2 ? OI_AHEAD_BYTES : 0);
    oi_ahead_step(&a, (a.bytes ? with : without) * (i == held_up ? 50 : 1));
  }
  return a;
}

TEST(ahead, the_quicker_way_stays) {
  for (int held_up = -1; held_up < OI_AHEAD_STEPS; held_up++) {
    CHECK_INT(timed(1000, 800, held_up).bytes, OI_AHEAD_BYTES);
    CHECK_INT(timed(1000, 1300, held_up).bytes, 0);
    CHECK_INT(timed(1000, 970, held_up).bytes, 0);  // too little to tell
    CHECK_INT(timed(1000, 940, held_up).bytes, OI_AHEAD_BYTES);
  }
}

TEST(ahead, what_comes_later_changes_nothing) {
  oi_ahead a = timed(1000, 800, -1);
  for (int i = 0; i < 100; i++) oi_ahead_step(&a, 1);
  CHECK(a.bytes == OI_AHEAD_BYTES && a.timed == OI_AHEAD_STEPS && a.least[0] == 1000);
}
