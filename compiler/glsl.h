// What GLSL is printed from: the strict text in its GLSL form, the expression of each elementwise
// row, the probes.
#ifndef OINF_COMPILER_GLSL_H
#define OINF_COMPILER_GLSL_H
#include "lib/op.h"

// `#version 450` and the strict text: stands at the head of every shader.
void oi_glsl_strict(oi_text *out);
// The expression of an elementwise op for operands of one class, over a, b, c, p_<attribute> and
// width; NULL: none. In GLSL class F is float, S int, U uint, B bool.
const char *oi_glsl_expr(oi_op op, oi_class class);
// The shader of the self-test (lib/rt/probe.h): a whole compute shader, one invocation a probe.
void oi_glsl_probe(oi_text *out);
#endif
