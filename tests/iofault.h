// Faults of the system's file calls, for tests: the N-th call fails, transfers are short, calls are
// interrupted. Every test binary holds its own definitions of these calls (tests/iofault.c), which
// stand before the C library's; the code under test knows nothing of it.
#ifndef OINF_TESTS_IOFAULT_H
#define OINF_TESTS_IOFAULT_H
#include <stdbool.h>
#include <stddef.h>

typedef struct oi_fault {
  const char *only;   // "pwrite": count this call alone; NULL: open, openat, read, pread, write,
                      // pwrite, fsync, fallocate, fchmod, linkat, renameat, close
  long at;            // the call of this number fails, from 1; 0: none
  int error;          // with this errno
  bool sticky;        // and every one after it
  size_t most;        // reads and writes transfer no more than this; 0: no limit
  int interrupt;      // every so-manieth read, write or fsync is interrupted first; 0: none
} oi_fault;
void oi_fault_set(const oi_fault *fault);  // NULL: no faults
long oi_fault_calls(void);                 // counted since oi_fault_set
bool oi_fault_fired(void);                 // the fault has taken place

#endif
