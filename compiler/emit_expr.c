// Dims, shapes and names as C. A symbol is d->rows or d->loop3: no name of the model becomes code.
// Strings hold letters, digits and a few marks as they are and every other byte in octal, so no
// quote, newline, trigraph or direction mark of a name reaches the compiler.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/emit.h"
#include "lib/dims_table.h"

// ---- dims ----

static void print_expr(oi_emit *e, oinf_dim d);

static void print_atom(oi_emit *e, const dim_atom *a) {
  static const char *const function[] = {"", "dim_div", "dim_mod", "dim_min", "dim_max"};
  char room[32];
  if (a->kind == DIM_SYM && e->in_words && oi_emit_is_free(e, (size_t)a->a)) {
    oi_text_put(&e->out, "%s", oi_emit_symbol_field(e, (size_t)a->a, room));
    return;
  }
  if (a->kind == DIM_SYM && e->pin_lo[a->a] == e->pin_hi[a->a]) {
    oi_text_put(&e->out, e->pin_hi[a->a] < 0 ? "(%lld)" : "%lld", (long long)e->pin_hi[a->a]);
    return;
  }
  if (a->kind == DIM_SYM) {
    oi_text_put(&e->out, "d->%s", oi_emit_symbol_field(e, (size_t)a->a, room));
    return;
  }
  oi_text_put(&e->out, "%s(", function[a->kind]);
  print_expr(e, a->a);
  oi_text_put(&e->out, ", ");
  print_expr(e, a->b);
  oi_text_put(&e->out, ")");
}

static void print_expr(oi_emit *e, oinf_dim d) {
  if (!oi_dim_is_expr(d)) {
    oi_text_put(&e->out, "%lld", (long long)d);
    return;
  }
  const dim_expr *x = dim_expr_of(e->g->dims, d);
  for (uint32_t i = 0; i < x->n; i++) {
    const dim_term *t = &x->term[i];
    const long long size = t->factor < 0 ? -t->factor : t->factor;
    const char *sign = t->factor < 0 ? i ? " - " : "-" : i ? " + " : "";
    oi_text_put(&e->out, "%s", sign);
    if (size != 1 || t->n == 0) oi_text_put(&e->out, t->n ? "%lld * " : "%lld", size);
    for (uint32_t j = 0; j < t->n; j++) {
      if (j) oi_text_put(&e->out, " * ");
      print_atom(e, &e->g->dims->atoms.at[t->atom[j]]);
    }
  }
}

// In parentheses where it is more than one factor: what stands before it may be a division.
void oi_emit_dim(oi_emit *e, oinf_dim d) {
  const dim_expr *x = oi_dim_is_expr(d) ? dim_expr_of(e->g->dims, d) : NULL;
  const bool wide = x && (x->n > 1 || (x->n == 1 && (x->term[0].n > 1 || x->term[0].factor != 1)));
  if (wide) oi_text_put(&e->out, "(");
  print_expr(e, d);
  if (wide) oi_text_put(&e->out, ")");
}

void oi_emit_dim_bare(oi_emit *e, oinf_dim d) { print_expr(e, d); }

void oi_emit_dim_words(oi_emit *e, oinf_dim d) {
  e->in_words = true;
  print_expr(e, d);
  e->in_words = false;
}

bool oi_emit_speaks_of_loops(const oi_emit *e, oinf_dim d) {
  for (size_t i = 0; i < oi_dims_sym_count(e->g->dims); i++)
    if (oi_dims_sym_at(e->g->dims, i)->is_loop && oi_dim_is_expr(d) &&
        oi_dims_uses(e->g->dims, d, i))
      return true;
  return false;
}

void oi_emit_span(oi_emit *e, const oi_type *t, uint32_t from, uint32_t to) {
  int64_t number = 1;
  bool any = false;
  for (uint32_t i = from; i < to; i++)
    if (!oi_dim_is_expr(t->dim[i])) number *= t->dim[i];
  for (uint32_t i = from; i < to; i++) {
    if (!oi_dim_is_expr(t->dim[i])) continue;
    if (any) oi_text_put(&e->out, " * ");
    oi_emit_dim(e, t->dim[i]), any = true;
  }
  if (!any) oi_text_put(&e->out, "%lld", (long long)number);
  else if (number != 1) oi_text_put(&e->out, " * %lld", (long long)number);
}

void oi_emit_count(oi_emit *e, const oi_type *t) { oi_emit_span(e, t, 0, t->rank); }

const char *oi_emit_taken(oi_emit *e, size_t from) {
  oi_text *out = &e->out;
  if (out->failed) return NULL;
  const char *text = out->at ? out->at + from : "";
  const char *copy = oi_arena_text(&e->arena, text, strlen(text));
  if (out->at) out->n = from, out->at[from] = 0;
  if (!copy) out->failed = true;
  return copy;
}

const char *oi_emit_span_text(oi_emit *e, const oi_type *t, uint32_t from, uint32_t to) {
  const size_t at = e->out.n;
  oi_emit_span(e, t, from, to);
  return oi_emit_taken(e, at);
}

// ---- numbers ----

void oi_emit_real(oi_emit *e, float x) {
  char text[32] = "";
  uint32_t bits;
  memcpy(&bits, &x, sizeof bits);
  if ((bits & 0x7f800000u) == 0x7f800000u) {
    oi_text_put(&e->out, "oi_flt(0x%08xu)", bits);
    return;
  }
  for (int digits = 1; digits <= 9; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, (double)x);
    if (strtof(text, NULL) == x) break;
  }
  const bool whole = !strpbrk(text, "e.,");
  for (char *c = text; *c; c++)
    if (*c == ',') *c = '.';  // a locale's
  oi_text_put(&e->out, whole ? "%s.0f" : "%sf", text);
}

// ---- strings and labels ----

static void print_byte(oi_emit *e, unsigned char c, bool format) {
  const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     (c && strchr(" ._-+:,/[](){}=", c));
  if (plain) oi_text_put(&e->out, "%c", c);
  else if (c == '%') oi_text_put(&e->out, format ? "%%%%" : "%%");
  else oi_text_put(&e->out, "\\%03o", c);
}

void oi_emit_string(oi_emit *e, const char *text, size_t n, bool format) {
  oi_text_put(&e->out, "\"");
  for (size_t i = 0; i < n; i++) print_byte(e, (unsigned char)text[i], format);
  oi_text_put(&e->out, "\"");
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

// The symbol of the innermost loop of this name; -1: none.
static int loop_symbol(const oi_emit *e, const uint32_t *loops, uint32_t depth, const char *name,
                       size_t n, uint32_t *out_level) {
  for (uint32_t i = depth; i-- > 0;) {
    const uint32_t sym = oi_node_at(e->g, loops[i])->loop_sym;
    const char *have = oi_dims_sym_at(e->g->dims, sym)->name;
    if (strlen(have) == n && memcmp(have, name, n) == 0) return *out_level = i, (int)sym;
  }
  return -1;
}

// The inside of a hole, "2*l+1", as C; notes the loops it speaks of.
static void print_hole(oi_emit *e, const uint32_t *loops, uint32_t depth, const char *at,
                       const char *end, bool *used) {
  char room[32];
  while (at < end) {
    size_t n = 0;
    uint32_t level = 0;
    while (at + n < end && is_word(at[n])) n++;
    const int sym = n && !is_digit(*at) ? loop_symbol(e, loops, depth, at, n, &level) : -1;
    if (sym >= 0) {
      oi_text_put(&e->out, "d->%s", oi_emit_symbol_field(e, (size_t)sym, room));
      used[level] = true;
    } else {
      oi_text_put(&e->out, "%.*s", n ? (int)n : 1, at);
    }
    at += n ? n : 1;
  }
}

// Holes of the name in order, then the loops around that it does not speak of. True: there is one.
static bool print_turns(oi_emit *e, uint32_t value, bool used[OI_MAX_DEPTH]) {
  const char *name = oi_val_at(e->g, value)->name;
  uint32_t loops[OI_MAX_DEPTH];
  const uint32_t depth = oi_value_depth(e->g, value, loops);
  bool any = false;
  char room[32];
  for (const char *at = strchr(name ? name : "", '{'); at; at = strchr(at, '{')) {
    const char *end = strchr(at, '}');
    if (!end) break;
    if (any) oi_text_put(&e->out, ", ");
    print_hole(e, loops, depth, at + 1, end, used);
    at = end, any = true;
  }
  for (uint32_t i = 0; i < depth; i++) {
    if (used[i]) continue;
    const uint32_t sym = oi_node_at(e->g, loops[i])->loop_sym;
    oi_text_put(&e->out, "%sd->%s", any ? ", " : "", oi_emit_symbol_field(e, sym, room));
    any = true;
  }
  return any;
}

void oi_emit_label(oi_emit *e, uint32_t value) {
  const oi_value *v = oi_val_at(e->g, value);
  uint32_t loops[OI_MAX_DEPTH];
  bool used[OI_MAX_DEPTH] = {false};
  const uint32_t depth = oi_value_depth(e->g, value, loops);
  const size_t from = e->out.n;
  print_turns(e, value, used);  // says which loops the name speaks of
  (void)oi_emit_taken(e, from);
  oi_text_put(&e->out, "\"");
  for (const char *at = v->name ? v->name : ""; *at; at++) {
    if (*at == '{') oi_text_put(&e->out, "{}"), at = strchr(at, '}');
    else print_byte(e, (unsigned char)*at, false);
    if (!at) break;
  }
  if (!v->name || !*v->name) oi_text_put(&e->out, "%%%u", oi_value_label_number(e->g, value));
  for (uint32_t i = 0; i < depth; i++)
    if (!used[i]) oi_text_put(&e->out, "[{}]");
  oi_text_put(&e->out, "\"");
}

void oi_emit_turns(oi_emit *e, uint32_t value) {
  bool used[OI_MAX_DEPTH] = {false};
  const size_t from = e->out.n;
  oi_text_put(&e->out, "(int64_t[]){");
  const bool any = print_turns(e, value, used);
  oi_text_put(&e->out, "}");
  if (any) return;
  (void)oi_emit_taken(e, from);
  oi_text_put(&e->out, "NULL");
}

// ---- dtypes ----

const oi_emit_dtype *oi_emit_dtype_of(oinf_dtype dtype) {
  static const oi_emit_dtype rows[] = {
      [OINF_F64] = {"f64", "double", "", "double"},
      [OINF_F32] = {"f32", "float", "", "float"},
      [OINF_F16] = {"f16", "uint16_t", "oi_f16_to_f32", "float"},
      [OINF_BF16] = {"bf16", "uint16_t", "oi_bf16_to_f32", "float"},
      [OINF_I8] = {"i8", "int8_t", "", "int64_t"},
      [OINF_I16] = {"i16", "int16_t", "", "int64_t"},
      [OINF_I32] = {"i32", "int32_t", "", "int64_t"},
      [OINF_I64] = {"i64", "int64_t", "", "int64_t"},
      [OINF_U8] = {"u8", "uint8_t", "", "uint64_t"},
      [OINF_U16] = {"u16", "uint16_t", "", "uint64_t"},
      [OINF_U32] = {"u32", "uint32_t", "", "uint64_t"},
      [OINF_U64] = {"u64", "uint64_t", "", "uint64_t"},
      [OINF_BOOL] = {"bool", "uint8_t", "", "bool"},
      [OINF_Q8_0] = {"q8_0", "uint8_t", "", "float"},
      [OINF_Q4_0] = {"q4_0", "uint8_t", "", "float"},
  };
  return &rows[dtype];
}
