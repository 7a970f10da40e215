// Files of vectors, tests/data/ops/<op>.txt, read line by line.
//
// A file is a list of cases, a word and its values a line:
//   case F ulp 0.9 abs 1e-7     the class it stands for (F D S U B Q), and how near the result must
//   be: to `exact`
//                               bits, or within so many ULP of the value, or so much of it,
//                               whichever allows more
//   attr axis 1                 an attribute; lists are several numbers, `infer` is OINF_INFER
//   in f32 [2,3] 1 -0x1p-3 nan  operands in order; x3c00 gives bits; a block dtype's data is one
//   word of hex bytes out f32 [2,3] ...           results in order; values are doubles, not yet
//   rounded where a tolerance is given refuse some words           in place of out: the shape rule
//   says this fault some words            in place of out: the kernel says this
#ifndef OINF_TESTS_OP_VECTORS_H
#define OINF_TESTS_OP_VECTORS_H
#include "tests/op_call.h"

typedef struct op_vectors {
  char *text, *at;
  int line;
  oi_op op;
  unsigned classes;  // that had a case: bits of "FDSUBQ"
} op_vectors;

// The test fails where the op has no file. Texts of attributes lie in the file's.
void op_vectors_open(op_vectors *v, oi_op op);
void op_vectors_close(op_vectors *v);
char *op_vectors_line(op_vectors *v);  // the next that holds something; NULL: the end
char *op_vectors_word(char **at);      // the next word of a line
// The rest of a line `case`, `in`, `attr`; of `case` the words behind the class are left at *at.
void op_vectors_case(op_vectors *v, char **at);
void op_vectors_in(const op_vectors *v, op_call *c, char *at);
void op_vectors_attr(const op_vectors *v, op_call *c, char *at);
oi_view op_vectors_type(const op_vectors *v, char **at);
void op_vectors_value(const oi_view *v, int64_t i, const char *word);
#endif
