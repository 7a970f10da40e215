// The op table, made from ops.def.
//
// A row becomes one oi_op_info: its attributes with their offsets in the args struct, its shape
// rule and its kernel. Elementwise and reducing rows have both from a driver (op_eltwise.c,
// op_reduce.c), the others from lib/op/<name>.c; a row without its file does not link, by design.
// A record stands in a function of its own, as only there can a row name its args struct to its
// attributes. Nothing here knows a single op, but the paging table.
#include "lib/op.h"

#include <string.h>

enum { F = OI_F, D = OI_D, S = OI_S, U = OI_U, B = OI_B, Q = OI_Q };
enum { TO_BOOL = OI_TO_BOOL, A_BOOL = OI_A_BOOL };
enum {
  ATTR_f64 = OI_ATTR_F64,
  ATTR_i64 = OI_ATTR_I64,
  ATTR_flag = OI_ATTR_FLAG,
  ATTR_dtype = OI_ATTR_DTYPE,
  ATTR_dim = OI_ATTR_DIM,
  ATTR_dims = OI_ATTR_DIMS,
  ATTR_text = OI_ATTR_TEXT
};
#define OPT(required, all) ((required)*100 + (all))
#define MOST(arity) ((arity) < 0 ? -(arity) : (arity) % 100)
#define LEAST(arity) ((int8_t)((arity) < 0 ? 1 : (arity) >= 100 ? (arity) / 100 : (arity)))
#define A(type, name, doc) {#name, (oi_attr_type)ATTR_##type, offsetof(op_args, name)},

// The list of attributes stands between the two halves: its commas would split a macro's arguments.
#define INFO_HEAD(id)                        \
  oi_shape_fn oi_shape_##id;                 \
  oi_run_fn oi_run_##id;                     \
  static const oi_op_info *info_##id(void) { \
    typedef oinf_##id##_args op_args;        \
    static const oi_attr_info attrs_of[] = {
#define INFO_TAIL(id, kind, arity, outs, classes, expr, doc, room)                              \
  { NULL, OI_ATTR_F64, 0 }                                                                      \
  }                                                                                             \
  ;                                                                                             \
  enum { N_ATTRS = sizeof attrs_of / sizeof attrs_of[0] - 1 };                                  \
  static const oi_op_info info = {#id, kind, LEAST(arity), MOST(arity), outs, classes, N_ATTRS, \
                                  attrs_of, sizeof(op_args), offsetof(op_args, file), expr,     \
                                  doc, oi_shape_##id, oi_run_##id, room};                       \
  return &info;                                                                                 \
  }
#define ELTWISE(name, arity, classes, attrs, expr, doc) \
  INFO_HEAD(name) attrs INFO_TAIL(name, OI_ELTWISE, arity, 1, classes, #expr, doc, NULL)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) \
  INFO_HEAD(name) attrs INFO_TAIL(name, OI_REDUCE, 1, 1, classes, #step, doc, NULL)
// Only an op that needs room defines oi_room_<name>.
#define GENERAL(name, arity, n_out, classes, attrs, doc) \
  oi_room_fn oi_room_##name __attribute__((weak));       \
  INFO_HEAD(name)                                        \
  attrs INFO_TAIL(name, OI_GENERAL, arity, n_out, classes, NULL, doc, oi_room_##name)
#include "lib/ops.def"
#undef ELTWISE
#undef REDUCE
#undef GENERAL

typedef const oi_op_info *info_fn(void);
static info_fn *const infos[OP_COUNT] = {
#define ELTWISE(name, arity, classes, attrs, expr, doc) [OP_##name] = info_##name,
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc) [OP_##name] = info_##name,
#define GENERAL(name, arity, n_out, classes, attrs, doc) [OP_##name] = info_##name,
#include "lib/ops.def"
#undef ELTWISE
#undef REDUCE
#undef GENERAL
};

const oi_op_info *oi_op_info_of(oi_op op) {
  return op > OP_NONE && op < OP_COUNT ? infos[op]() : NULL;
}

unsigned oi_op_classes(oi_op op) {
  static const struct {
    oi_op op;
    unsigned classes;
  } more[] = {
#define ELTWISE(name, arity, classes, attrs, expr, doc)
#define REDUCE(name, classes, attrs, init, step, combine, finish, doc)
#define GENERAL(name, arity, n_out, classes, attrs, doc)
#define AS(name, classes, expr) {OP_##name, classes},
#define AS_REDUCE(name, classes, init, step, combine, finish) {OP_##name, classes},
#include "lib/ops.def"
#undef ELTWISE
#undef REDUCE
#undef GENERAL
  };
  const oi_op_info *info = oi_op_info_of(op);
  unsigned classes = info ? info->classes : 0;
  for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
    if (more[i].op == op) classes |= more[i].classes;
  return classes;
}

oi_op oi_op_find(const char *name, size_t size) {
  for (oi_op op = OP_NONE + 1; op < OP_COUNT; op++) {
    const char *have = infos[op]()->name;
    if (strlen(have) == size && memcmp(have, name, size) == 0) return op;
  }
  return OP_NONE;
}

oi_paging oi_op_paging(oi_op op, uint32_t operand) {
  static const struct {
    oi_op op;
    uint32_t operand;
    oi_paging paging;
  } table[] = {
      {OP_matmul, 1, OI_PAGE_ROWS},
      {OP_gather, 0, OI_PAGE_INDEXED},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
    if (table[i].op == op && table[i].operand == operand) return table[i].paging;
  return OI_PAGE_WHOLE;
}
