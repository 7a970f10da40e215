// What opt_fuse.c decides and emit_fused.c prints: which nodes one kernel does together.
#ifndef OINF_COMPILER_FUSE_H
#define OINF_COMPILER_FUSE_H
#include "lib/graph.h"

enum {
  OI_FUSE_OPERANDS = 16,  // that one kernel reads
  OI_FUSE_NODES = 64      // that one kernel does
};

// What a node may do in a kernel of elements.
typedef enum oi_fuse_role {
  OI_FUSE_NOTHING,
  OI_FUSE_ELEMENT,   // each element of its result is made of the same element of its operands
  OI_FUSE_MOVED,     // its result is its operand, read from another place
  OI_FUSE_CONSTANT,  // the same everywhere
} oi_fuse_role;
oi_fuse_role oi_fuse_role_of(uint32_t op);
// A node that may stand at the head of a kernel, whose result elements are then changed in place:
// how a unit of its own kernel writes, by columns of the result or by rows of it.
typedef enum oi_fuse_base {
  OI_BASE_NONE,
  OI_BASE_COLUMNS,
  OI_BASE_ROWS
} oi_fuse_base;
oi_fuse_base oi_fuse_base_of(const oinf_graph *g, uint32_t node);
// The inner node that gives a fused node its name: the one that is no element; 0: they all are.
uint32_t oi_fused_main(const oinf_graph *g, uint32_t node);
#endif
