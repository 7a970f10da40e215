// The text that shaders are made of, carried within the library.
//
// The strict text lies in lib/rt as files that C includes; here the assembler puts the same bytes
// into read-only data, so what a shader says is what C compiles, and an installed tool needs no
// file. (A string literal would be limited in length and a second copy; a generated array would be
// a build step of its own.) Expressions of rows and bodies of probes come out of their tables by
// the preprocessor's own quoting.
#include "compiler/glsl.h"

#include <string.h>

__asm__(
    ".pushsection .rodata\n"
    ".hidden oi_glsl_text_begin, oi_glsl_text_end\n"
    ".globl oi_glsl_text_begin, oi_glsl_text_end\n"
    "oi_glsl_text_begin:\n"
    ".incbin \"lib/rt/strict_glsl.inc\"\n"
    ".incbin \"lib/rt/strict_base.inc\"\n"
    ".incbin \"lib/rt/strict_cast.inc\"\n"
    ".incbin \"lib/rt/strict_int.inc\"\n"
    ".incbin \"lib/rt/strict_math.inc\"\n"
    "oi_glsl_text_end:\n"
    ".popsection\n");
extern const char oi_glsl_text_begin[] __attribute__((visibility("hidden")));
extern const char oi_glsl_text_end[] __attribute__((visibility("hidden")));

void oi_glsl_strict(oi_text *out) {
  oi_text_put(out, "#version 450\n");
  oi_text_add(out, oi_glsl_text_begin, (size_t)(oi_glsl_text_end - oi_glsl_text_begin));
}

enum { F = OI_F, D = OI_D, S = OI_S, U = OI_U, B = OI_B, TO_BOOL = OI_TO_BOOL, A_BOOL = OI_A_BOOL };
static const struct {
  oi_op op;
  unsigned classes;
  const char *expr;
} rows[] = {
#define ELTWISE(name, arity, classes, attrs, expr, doc) {OP_##name, classes, #expr},
#define AS(name, classes, expr) {OP_##name, classes, #expr},
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc)
#define GENERAL(name, arity, n_out, classes, attrs, doc)
#include "lib/ops.def"
#undef ELTWISE
#undef REDUCE
#undef GENERAL
};
const char *oi_glsl_expr(oi_op op, oi_class class) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].op == op && rows[i].classes & (unsigned)class) return rows[i].expr;
  return NULL;
}

static const char *const probes[] = {
#define KIND(name, ...) #__VA_ARGS__,
#include "lib/rt/probe_kind.inc"
#undef KIND
};
void oi_glsl_probe(oi_text *out) {
  oi_glsl_strict(out);
  oi_text_put(out,
              "layout(local_size_x = 64) in;\n"
              "layout(std430, binding = 0) readonly buffer In { uvec4 probe[]; };\n"
              "layout(std430, binding = 1) writeonly buffer Out { uint result[]; };\n"
              "layout(push_constant) uniform Push { uint n; };\n"
              "void main() {\n"
              "  uint i = gl_GlobalInvocationID.x;\n"
              "  if (i >= n) return;\n"
              "  uint kind = probe[i].x, x = probe[i].y, y = probe[i].z, w = probe[i].w, z = 0u;\n"
              "  real a = oi_flt(x), b = oi_flt(y), c = oi_flt(w);\n"
              "  switch (kind) {\n");
  for (size_t k = 0; k < sizeof probes / sizeof *probes; k++)
    oi_text_put(out, "    case %zuu: { %s break; }\n", k, probes[k]);
  oi_text_put(out, "  }\n  result[i] = z;\n}\n");
}
