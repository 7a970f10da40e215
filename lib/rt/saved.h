// A saved state: the rows that a network's states hold, canonical row-major, so that simulator and
// bundles can hand them on to each other. One part of the runtime that bundles carry: C11 and libc,
// nothing of oinf.
//
// Where a window is all that is ever seen of a state, the rows that the next step sees are saved
// and no others, whoever wrote them and however many more were in memory. A reader takes a file
// that holds more rows than it needs, so whole states of an older writer are taken too.
//
//   0   u8[8]   89 'O' 'I' 'S' 0d 0a 1a 0a
//   8   u32     version: 2 where a state's first row is not 0, else 1
//   12  u32     number of states
//   16  u8[32]  root digest of the package; zeros where the model has none
//   48  u64     rows that are valid (the position)
//   56  u64     bytes of what the caller added (tokens, sampler)
//   64  records of 576 bytes, one a state: char name[480] (zero-padded), u32 dtype, u32 rank, i64
//   dims[8],
//       u64 bytes, u64 position of the first row, zeros; dims are those saved: where the state only
//       grows, rows from that position up to the valid ones instead of the capacity
//   then the states' bytes in order, then the caller's, each zero-padded to 8, then SHA-256 of all
//   before it.
#ifndef OI_RT_SAVED_H
#define OI_RT_SAVED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif

typedef struct oi_saved_state {
  const char *name;
  uint32_t dtype, rank;  // dtype: its number in packages
  int64_t dims[8];       // the capacity among them
  uint32_t axis;         // of the rows: 1 behind an axis of layers
  bool appends;          // it only grows: of its rows the valid ones are saved
  uint32_t element;      // bytes
  int64_t window;        // of its rows so many are seen, as kept.h says; 0: all
  int64_t room;          // rows in memory, from oi_saved.first on; 0: all, from 0 on
  uint8_t *data;         // row-major over dims
} oi_saved_state;

typedef enum oi_saved_fault {
  OI_SAVED_OK = 0,
  OI_SAVED_NAME,       // a state's name is too long to be saved
  OI_SAVED_OUTPUT,     // the caller's `put` gave false
  OI_SAVED_MALFORMED,  // it is no saved state, or not of these states
  OI_SAVED_VERSION,
  OI_SAVED_DAMAGED,  // its digest does not match
  OI_SAVED_FOREIGN,  // of another model
  OI_SAVED_ROWS      // more rows than the capacity
} oi_saved_fault;

typedef struct oi_saved {
  uint8_t root[32];
  const oi_saved_state *states;
  uint32_t n_states;
  uint64_t rows, extra_bytes;
  int64_t first;  // of the states that have a room of their own: the position of their first row
  const void *extra;  // after a check: within the bytes that were read
  char why[160];      // of a fault, for people
} oi_saved;

// Writes by pieces through `put`; nothing is sought back.
OI_RT oi_saved_fault oi_saved_write(oi_saved *s,
                                    bool (*put)(void *user, const void *bytes, size_t n),
                                    void *user);
// Everything is checked, and rows and extra are set; no row of a state is touched. What was checked
// is then taken over, where s->first is to be no more than the first row that is seen.
OI_RT oi_saved_fault oi_saved_check(oi_saved *s, const uint8_t *bytes, size_t n);
OI_RT void oi_saved_take(const oi_saved *s, const uint8_t *bytes);
// Bytes of the longest file of these states, without what the caller adds.
OI_RT uint64_t oi_saved_most(const oi_saved *s);
#endif
