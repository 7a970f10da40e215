// Writes what is made from the tables: `gen_ops enums`, `header` and `page`, to standard output.
//
// The idea: a row of ops.def becomes an args struct (operands first, then attributes, then where
// the user wrote it), a builder and a macro that fills the struct by designated initialisers.
// Operands are members of their own, a, b, c, and not an array: a list of values in braces then
// needs no inner braces, which clang would ask for. Why a program and not the preprocessor: a
// header that users read must be text, and cpp cannot write
// `#define`. The builders are oi_build_<op>, as oi_exp and its like are the strict text's own
// functions. C++ has no compound literals, so there oi_<op> is an inline function that takes the
// struct. The files are committed; tests/lint.sh refuses a difference. This file holds no fact
// about any op.
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum {
  F = 1,
  D = 2,
  S = 4,
  U = 8,
  B = 16,
  Q = 32,
  TO_BOOL = 64,
  A_BOOL = 128,
  MAX_ATTRS = 16,
  MAX_IN = 16
};
#define OPT(required, all) ((required)*100 + (all))

typedef struct attr {
  const char *type, *name, *doc;
} attr;
typedef struct row {
  const char *kind, *name;
  int arity, n_out;
  unsigned classes;
  attr attrs[MAX_ATTRS];
  const char *expr, *doc;
} row;

#define A(type, name, doc) {#type, #name, doc},
static const row rows[] = {
#define ELTWISE(name, arity, classes, attrs, expr, doc) \
  {"elementwise", #name, arity, 1, classes, {attrs{NULL, NULL, NULL}}, #expr, doc},
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) \
  {"reduction", #name, 1, 1, classes, {attrs{NULL, NULL, NULL}}, #step, doc},
#define GENERAL(name, arity, n_out, classes, attrs, doc) \
  {"general", #name, arity, n_out, classes, {attrs{NULL, NULL, NULL}}, NULL, doc},
#include "lib/ops.def"
#undef ELTWISE
#undef REDUCE
#undef GENERAL
};
enum {
  N_ROWS = sizeof rows / sizeof rows[0]
};

// Texts of an op for further classes widen what its row says.
typedef struct more {
  const char *name;
  unsigned classes;
} more;
static const more mores[] = {
#define ELTWISE(name, arity, classes, attrs, expr, doc)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc)
#define GENERAL(name, arity, n_out, classes, attrs, doc)
#define AS(name, classes, expr) {#name, classes},
#define AS_REDUCE(name, classes, init, step, combine, finish) {#name, classes},
#include "lib/ops.def"
#undef ELTWISE
#undef REDUCE
#undef GENERAL
};

static unsigned classes_of(const row *r) {
  unsigned c = r->classes;
  for (size_t i = 0; i < sizeof mores / sizeof mores[0]; i++)
    if (strcmp(mores[i].name, r->name) == 0) c |= mores[i].classes;
  return c;
}

static int most(const row *r) { return r->arity < 0 ? -r->arity : r->arity % 100; }
static int least(const row *r) {
  return r->arity < 0 ? 1 : r->arity >= 100 ? r->arity / 100 : r->arity;
}

static const char *c_type(const char *type) {
  static const char *const names[][2] = {
      {"f64", "double"},   {"i64", "int64_t"},    {"flag", "bool"},        {"dtype", "oinf_dtype"},
      {"dim", "oinf_dim"}, {"dims", "oinf_dims"}, {"text", "const char *"}};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(names[i][0], type) == 0) return names[i][1];
  return "?";
}

static void print_operands(const row *r) {
  if (most(r) == 0) printf("oinf_graph *graph");
  for (int i = 0; i < most(r); i++) printf("%s%c", i ? ", " : "oinf_val ", 'a' + i);
}

// A line for each attribute, with its meaning.
static void print_args(const row *r) {
  printf("typedef struct oinf_%s_args {\n  ", r->name);
  print_operands(r);
  printf(";");
  if (most(r) > least(r)) printf("  // %d of them, or more", least(r));
  for (const attr *a = r->attrs; a->name; a++) {
    const char *type = c_type(a->type), *gap = type[strlen(type) - 1] == '*' ? "" : " ";
    printf("\n  %s%s%s;  // %s", type, gap, a->name, a->doc);
  }
  printf("\n  OI_PLACE;\n} oinf_%s_args;\n", r->name);
  printf("OINF_API oinf_val oi_build_%s(oinf_%s_args args);\n", r->name, r->name);
}

// An op of operands alone takes one line.
static void print_row(const row *r) {
  const bool plain = !r->attrs->name;
  printf("%s// %s\n", plain ? "" : "\n", r->doc);
  if (!plain) print_args(r);
  if (plain) printf("OI_OP(%s, ", r->name), print_operands(r), printf(");\n");
  printf("#define oinf_%s(...) oi_build_%s((oinf_%s_args){__VA_ARGS__, OI_HERE})\n", r->name,
         r->name, r->name);
}

static void print_header(void) {
  printf(
      "// Builders of every op, made from lib/ops.def by `make gen`: do not edit.\n"
      "// Operands stand first, attributes are designated initialisers, zero is the default of "
      "each:\n"
      "//   oinf_val h = oinf_rmsnorm(x, w, .eps = 1e-5);\n"
      "//   oinf_val m = oinf_sum(x, .axes = OINF_DIMS(-1), .keep = true);\n"
      "//   oinf_val z = oinf_fill(g, .shape = OINF_DIMS(4), .value = 1);\n"
      "// C++ calls oi_<op> with the struct: oinf_rmsnorm_args r = {}; r.a = x, r.eps = 1e-5; "
      "oi_rmsnorm(r);\n"
      "// Included by <oinf/oinf.h>.\n"
      "#ifndef OINF_OPS_H\n#define OINF_OPS_H\n#include <oinf/oinf.h>\n\n"
      "// Where the user wrote a call: the last members of every args struct.\n"
      "#define OI_PLACE const char *file; int line\n"
      "#define OI_HERE .file = __FILE__, .line = __LINE__\n"
      "// An op of operands alone: its args struct, and its builder.\n"
      "#define OI_OP(op, ...) \\\n"
      "  typedef struct oinf_##op##_args { __VA_ARGS__; OI_PLACE; } oinf_##op##_args; \\\n"
      "  OINF_API oinf_val oi_build_##op(oinf_##op##_args args)\n\n"
      "#ifdef __cplusplus\nextern \"C\" {\n#endif\n");
  for (int i = 0; i < N_ROWS; i++) print_row(&rows[i]);
  printf(
      "\n#ifdef __cplusplus\n}\n"
      "#define OI_CXX(op) inline oinf_val oi_##op(const oinf_##op##_args &a) { return "
      "oi_build_##op(a); "
      "}\n");
  for (int i = 0, width = 0; i < N_ROWS; i++) {
    width += (int)strlen(rows[i].name) + 9;
    if (width > 100) printf("\n"), width = (int)strlen(rows[i].name) + 9;
    printf("%sOI_CXX(%s)", width > (int)strlen(rows[i].name) + 9 ? " " : "", rows[i].name);
  }
  printf("\n#undef OI_CXX\n#endif\n#undef OI_OP\n#endif\n");
}

static void print_enums(void) {
  printf(
      "// Statuses, dtypes and roles, made from lib/*.def by `make gen`: do not edit.\n"
      "#ifndef OINF_ENUMS_H\n#define OINF_ENUMS_H\n\ntypedef enum oinf_status {\n");
#define S(NAME, code, text) printf("  OINF_%s,  // %s; a tool ends with %d\n", #NAME, text, code);
#include "lib/status.def"
#undef S
  printf(
      "} oinf_status;\n\n// What stands for an element; q8_0 and q4_0 are blocks of 32.\n"
      "typedef enum oinf_dtype {\n  OINF_NONE = 0,\n");
#define D(NAME, name, class, bits, block) printf("  OINF_%s,\n", #NAME);
#include "lib/dtype.def"
#undef D
  printf(
      "} oinf_dtype;\n\n// What a value is in its network.\n"
      "typedef enum oinf_role {\n  OINF_ROLE_NONE = 0,\n");
#define R(NAME, name, doc) printf("  OINF_%s,  // %s\n", #NAME, doc);
#include "lib/roles.def"
#undef R
  printf("} oinf_role;\n#endif\n");
}

static void print_classes(unsigned c) {
  static const char *const names[] = {"float", "f64", "signed", "unsigned", "bool", "quantized"};
  for (int i = 0, first = 1; i < 6; i++)
    if (c >> i & 1) printf("%s%s", first ? "" : ", ", names[i]), first = 0;
  if (c & TO_BOOL) printf("; gives bool");
}

static void print_page_row(const row *r) {
  printf("\n### %s\n\n%s\n\n* %s, ", r->name, r->doc, r->kind);
  if (most(r) == least(r)) printf("%d operand%s", most(r), most(r) == 1 ? "" : "s");
  else printf("%d to %d operands", least(r), most(r));
  printf(" of ");
  print_classes(classes_of(r));
  if (r->n_out != 1) printf(r->n_out ? "; %d results" : "; as many results as asked", r->n_out);
  printf("\n");
  if (r->expr) printf("* text: `%s`\n", r->expr);
  for (const attr *a = r->attrs; a->name; a++)
    printf("* `.%s` (%s): %s\n", a->name, a->type, a->doc);
  printf("* vectors: `tests/data/ops/%s.txt`\n", r->name);
}

static void print_page(void) {
  printf(
      "# Ops\n\nMade from `lib/ops.def` by `make gen`: do not edit.\n\n"
      "Errors are in units of the last place of the exact result; an op that states none\n"
      "gives the correctly rounded result of each operation that its description names.\n"
      "The vectors were computed in double precision by `tests/data/ops/make.py` and\n"
      "`make_rope.py`; `tests/test_ops.c` fails for an op or a class of operands without them.\n");
  for (int i = 0; i < N_ROWS; i++) print_page_row(&rows[i]);
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  if (strcmp(what, "enums") == 0) return print_enums(), 0;
  if (strcmp(what, "header") == 0) return print_header(), 0;
  if (strcmp(what, "page") == 0) return print_page(), 0;
  fprintf(stderr, "gen_ops: expected enums, header or page, found '%s'\n", what);
  return 64;
}
