// Kernels whose element i depends on element i of an operand, or on i alone: conversions, writes to
// states, constants, counts. Each is one expression; the loop around it is emit_move.c's.
//
// Common conversions are printed as C says them or by one call of the strict text; every other
// pair, rounding and wrap goes through exact numbers (lib/rt/strict_number.inc), as the simulator's
// does.
#include <string.h>

#include "compiler/emit.h"
#include "lib/rt/strict.h"

#include <oinf/ops.h>

static unsigned width_of(oinf_dtype dtype) { return 8 * (unsigned)oinf_dtype_block_bytes(dtype); }

// ---- from one dtype to another ----

typedef struct conversion {
  oinf_dtype from, to;
  int64_t rounding;
  bool casts;  // NaNs become the canonical one
  bool wraps;
} conversion;

static bool is_plain_narrow(const conversion *c) {
  return oi_dtype_class(c->from) == OI_F && oi_dtype_class(c->to) == OI_F && !c->rounding;
}

static void put_narrow(oi_emit *e, const conversion *c) {
  const char *narrow = c->to == OINF_F16    ? "oi_f32_to_f16"
                       : c->to == OINF_BF16 ? "oi_f32_to_bf16"
                                            : "";
  oi_text_put(&e->out, "(%s)%s(%s(%s(x0[i])))", oi_emit_dtype_of(c->to)->type, narrow,
              c->casts ? "oi_canon" : "", oi_emit_dtype_of(c->from)->load);
}

static void put_to_bool(oi_emit *e, const conversion *c) {
  const oi_class class = oi_dtype_class(c->from);
  if (class == OI_F || class == OI_D)
    oi_text_put(&e->out, "!(%s(x0[i]) == 0)", oi_emit_dtype_of(c->from)->load);
  else oi_text_put(&e->out, "x0[i] != 0");
}

// Float to integer toward zero, saturating.
static void put_saturated(oi_emit *e, const conversion *c) {
  const unsigned width = width_of(c->to);
  const oi_emit_dtype *from = oi_emit_dtype_of(c->from), *to = oi_emit_dtype_of(c->to);
  if (oi_dtype_class(c->to) == OI_S)
    oi_text_put(&e->out, "(%s)oi_to_i64((double)%s(x0[i]), INT%u_MIN, INT%u_MAX)", to->type,
                from->load, width, width);
  else
    oi_text_put(&e->out, "(%s)oi_to_u64((double)%s(x0[i]), UINT%u_MAX)", to->type, from->load,
                width);
}

// An element as an exact number.
static void put_number_of(oi_emit *e, oinf_dtype dtype) {
  const oi_class class = oi_dtype_class(dtype);
  if (class == OI_F || class == OI_D)
    oi_text_put(&e->out, "oi_number_of_d((double)%s(x0[i]))", oi_emit_dtype_of(dtype)->load);
  else if (class == OI_U) oi_text_put(&e->out, "oi_number_of_u(x0[i])");
  else oi_text_put(&e->out, "oi_number_of_i(x0[i]%s)", class == OI_B ? " != 0" : "");
}

// An exact number as an element of a float dtype, around what the two put between them.
static void begin_float(oi_emit *e, oinf_dtype to) {
  oi_text_put(&e->out, to == OINF_F64   ? "oi_dbl("
                       : to == OINF_F32 ? "oi_flt((uint32_t)"
                                        : "(uint16_t)(");
  oi_text_put(&e->out, "oi_number_to_float(");
}
static void end_float(oi_emit *e, oinf_dtype to, int64_t rounding) {
  oi_text_put(&e->out, to == OINF_F64   ? ", 52, 11"
                       : to == OINF_F32 ? ", 23, 8"
                       : to == OINF_F16 ? ", 10, 5"
                                        : ", 7, 8");
  oi_text_put(&e->out, ", %lld))", (long long)rounding);
}

static void put_float_of(oi_emit *e, const conversion *c) {
  begin_float(e, c->to);
  put_number_of(e, c->from);
  end_float(e, c->to, c->rounding);
}

static void put_exact(oi_emit *e, const conversion *c) {
  if (oi_dtype_class(c->to) & (OI_F | OI_D)) {
    put_float_of(e, c);
    return;
  }
  oi_text_put(&e->out, "(%s)oi_number_to_integer(", oi_emit_dtype_of(c->to)->type);
  put_number_of(e, c->from);
  oi_text_put(&e->out, ", %u, %s, %lld, %s)", width_of(c->to),
              oi_dtype_class(c->to) == OI_S ? "true" : "false", (long long)c->rounding,
              c->wraps ? "true" : "false");
}

static void put_conversion(oi_emit *e, const conversion *c) {
  const oi_class a = oi_dtype_class(c->from), b = oi_dtype_class(c->to);
  const bool floats = a == OI_F || a == OI_D, whole = b == OI_S || b == OI_U;
  if (c->from == c->to && !(c->casts && floats)) oi_text_put(&e->out, "x0[i]");
  else if (is_plain_narrow(c)) put_narrow(e, c);
  else if (b == OI_B) put_to_bool(e, c);
  else if (floats && whole && !c->wraps && !c->rounding) put_saturated(e, c);
  else put_exact(e, c);
}

static oinf_status put_convert(oi_emit *e, const oi_node *n) {
  const oinf_cast_args *args = n->op == OP_cast ? n->args : NULL;
  const conversion c = {.from = oi_val_at(e->g, n->in[0])->type.dtype,
                        .to = oi_val_at(e->g, n->out[0])->type.dtype,
                        .rounding = args ? args->rounding : 0,
                        .casts = args != NULL,
                        .wraps = args && args->wrap};
  put_conversion(e, &c);
  return OINF_OK;
}

// Rows for a state of another dtype of their class: rounded to nearest, or cut.
static oinf_status put_write(oi_emit *e, const oi_node *n) {
  const oinf_dtype from = oi_val_at(e->g, n->in[0])->type.dtype;
  const oinf_dtype to = oi_val_at(e->g, n->out[0])->type.dtype;
  if (from != to && oi_dtype_class(to) & (OI_S | OI_U))
    oi_text_put(&e->out, "(%s)x0[i]", oi_emit_dtype_of(to)->type);
  else OI_TRY(put_convert(e, n));
  return OINF_OK;
}

// ---- constants and counts ----

// The element that a kernel of the simulator made, exactly.
static void put_element(oi_emit *e, const oi_view *v) {
  double d = 0;
  uint64_t bits = 0;
  const oi_class class = oi_dtype_class(v->dtype);
  memcpy(&bits, v->data, oinf_dtype_block_bytes(v->dtype));
  if (class == OI_D || v->dtype == OINF_F32) oi_load_f64(&d, v, 0, 1);
  const bool finite = d - d == 0;
  int64_t i = 0;
  if (class == OI_S) oi_load_i64(&i, v, 0, 1);
  if (class == OI_D && finite) oi_text_put(&e->out, "%a", d);
  else if (class == OI_D) oi_text_put(&e->out, "oi_dbl(0x%llxu)", (unsigned long long)bits);
  else if (v->dtype == OINF_F32) oi_emit_real(e, (float)d);
  else if (class == OI_F) oi_text_put(&e->out, "0x%04llx", (unsigned long long)bits);
  else if (class != OI_S) oi_text_put(&e->out, "%lluu", (unsigned long long)bits);
  else if (i == INT64_MIN) oi_text_put(&e->out, "INT64_MIN");
  else oi_text_put(&e->out, "%lld", (long long)i);
}

static oinf_status put_fill(oi_emit *e, const oi_node *n) {
  unsigned char room[8] = {0};
  const oi_view out = {.data = room, .dtype = oi_val_at(e->g, n->out[0])->type.dtype};
  const oi_call c = {.args = n->args, .out = &out, .n_out = 1, .err = e->err};
  oi_op_info_of(OP_fill)->run(&c);
  put_element(e, &out);
  return OINF_OK;
}

static oinf_status put_num(oi_emit *e, const oi_node *n) {
  unsigned char room[8] = {0};
  const oi_view out = {.data = room, .dtype = oi_val_at(e->g, n->out[0])->type.dtype};
  oi_store_number(&out, n->number);
  put_element(e, &out);
  return OINF_OK;
}

static oinf_status put_sym_value(oi_emit *e, const oi_node *n) {
  oi_emit_dim(e, n->a);
  return OINF_OK;
}

// start + index along the axis * step, in 64 bits that wrap, then as the dtype keeps it: f32 and
// f64 by the language, which rounds once.
static oinf_status put_iota(oi_emit *e, const oi_node *n) {
  const oinf_iota_args *args = n->args;
  const oi_type *out = &oi_val_at(e->g, n->out[0])->type;
  const uint32_t axis = (uint32_t)(args->axis < 0 ? args->axis + out->rank : args->axis);
  const bool narrow = out->dtype == OINF_F16 || out->dtype == OINF_BF16;
  if (narrow) begin_float(e, out->dtype), oi_text_put(&e->out, "oi_number_of_i(");
  else oi_text_put(&e->out, "(%s)", oi_emit_dtype_of(out->dtype)->type);
  oi_text_put(&e->out, "oi_add_i(");
  oi_emit_dim(e, args->start);
  oi_text_put(&e->out, ", oi_mul_i(i / (");
  oi_emit_span(e, out, axis + 1, out->rank);
  oi_text_put(&e->out, ") %% ");
  oi_emit_dim(e, out->dim[axis]);
  oi_text_put(&e->out, ", %lld))%s", (long long)(args->step ? args->step : 1), narrow ? ")" : "");
  if (narrow) end_float(e, out->dtype, 0);
  return OINF_OK;
}

// The pair that quantize gives: a block's scale times its integers.
static oinf_status put_dequantized(oi_emit *e, const oi_node *n) {
  const int64_t block = ((const oinf_dequantize_args *)n->args)->block;
  oi_text_put(&e->out, "x1[i / %lld] * (float)x0[i]", (long long)(block ? block : 32));
  return OINF_OK;
}

// ---- the table ----

typedef oinf_status flat_fn(oi_emit *e, const oi_node *n);
static const struct {
  uint32_t op;
  flat_fn *put;
} rows[] = {{OP_cast, put_convert},
            {OP_STATE_WRITE, put_write},
            {OP_fill, put_fill},
            {OP_NUM, put_num},
            {OP_SYM_VALUE, put_sym_value},
            {OP_iota, put_iota},
            {OP_dequantize, put_dequantized}};

static flat_fn *flat_of(uint32_t op) {
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
    if (rows[i].op == op) return rows[i].put;
  return NULL;
}
bool oi_emit_is_flat(uint32_t op) { return flat_of(op) != NULL; }
oinf_status oi_emit_flat(oi_emit *e, const oi_node *n) { return flat_of(n->op)(e, n); }
