// Vectors of ops as nodes of a graph: what bundles are made of to see every op come down.
//
// A case's operands are weights of the graph's model, or inputs where they are many or empty; its
// first result is an output. Operands are named "matmul.7.a", results "matmul.7".
#ifndef OINF_TESTS_OP_PARTS_H
#define OINF_TESTS_OP_PARTS_H
#include <oinf/oinf.h>

#include "tests/op_vectors.h"

enum {
  OP_PART_CASES = 700,
  OP_PART_MOST = OP_PART_CASES + 512
};

typedef struct op_part {
  oinf_ctx *ctx;
  oinf_model *model;
  oinf_graph *graph;
  op_call *call[OP_PART_MOST];
  int n;
} op_part;

void op_part_begin(op_part *p, const char *name);
void op_part_end(op_part *p);
// The cases of an op that run; others are refused by the shape rule or by the kernel. How many.
// `take`, where there is one, sees each when it is complete: the words behind its class, and its
// first result's; false leaves it out.
typedef bool op_part_take(void *user, const op_vectors *v, op_call *c, char *tolerance, char *out);
int op_part_add(op_part *p, oi_op op, op_part_take *take, void *user);
// Calls fn with each operand that is an input, in the order of the graph's inputs.
void op_part_inputs(const op_part *p, void (*fn)(void *user, const char *name, const oi_view *in),
                    void *user);
#endif
