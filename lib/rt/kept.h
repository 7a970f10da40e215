// Which rows of a text are in memory where a window is all that is ever seen of them: the
// arithmetic that simulator and bundles share, and the move that makes room for more. One part of
// the runtime that bundles carry: C11 and libc, nothing of oinf.
//
// A step at position `at` sees the `window` rows that end with its own; what lies before them is
// seen by no later one. Rows lie in order from position `first` on, and where those of a step do
// not fit, what is still seen moves down. `first` is a multiple of 16, so that sums which count
// positions mod 16 have the same bits wherever the rows lie; a ring would save the move, which is
// a small part of what attention reads, and cost each kernel a second run of rows.
#ifndef OI_RT_KEPT_H
#define OI_RT_KEPT_H
#include <stdbool.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

typedef struct oi_kept {
  int64_t window;      // rows that a step's first row sees, its own among them
  int64_t room;        // rows that memory has
  int64_t first, end;  // positions of the first row there, and behind the last
} oi_kept;

// Rows of memory for a window and steps of at most `step` rows; INT64_MAX where that is no number.
OI_RT int64_t oi_kept_room(int64_t window, int64_t step);
// The first row that a step at this position sees.
OI_RT int64_t oi_kept_from(int64_t window, int64_t at);
// Are the rows there that a step at this position sees? A text may begin anew at 0, go on, and go
// back to where the last step began, or further where the rows have not been moved over since.
OI_RT bool oi_kept_serves(const oi_kept *k, int64_t at);
// Makes room for a step's rows: by how many rows what is in memory is to be moved down, and
// k->end - k->first rows are then to be moved.
OI_RT int64_t oi_kept_move(oi_kept *k, int64_t at, int64_t rows);
OI_RT void oi_kept_wrote(oi_kept *k, int64_t at, int64_t rows);
// What is in memory is what a saved state of `at` rows holds.
OI_RT void oi_kept_loaded(oi_kept *k, int64_t at);
#endif
