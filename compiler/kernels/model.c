// The first lines of a bundle's model.c. FAST: whether its numerics are fast; DOT_TYPES: bits of the
// storage types of weights, keys and values that the runtime's inner kernels meet.

// The network: tables of what it takes, gives and holds, and its step. What is the same for every
// network is in library.c.
#define _GNU_SOURCE 1
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OI_FAST FAST
#define OI_DOT_TYPES DOT_TYPES
#include "runtime.c"

typedef struct port {  // an input or output of the graph
  const char *name, *dtype;
  size_t element;
  int rank;
} port;

typedef struct shown {  // a value that a step can show, and the loop that counts it, or -1
  const char *kernel, *dtype;
  size_t element;
  int rank, loop;
  const char *label;  // {}: the turn of a loop
} shown;

#define NO_PIN INT64_MIN  // a symbol that a step chooses
#define NO_WEIGHT UINT64_MAX
