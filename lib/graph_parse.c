// Statements of a graph's text, handed to the builder. The grammar stands in graph_text.c.
//
// The parser makes no node by itself: declarations and statements go through the builder's own
// functions, so whatever the builder refuses is refused here, with the line in place of the user's
// file; and what the text says of types is compared with what was inferred. After that nothing of
// the text is believed that has not been proved.
#include "lib/graph_read.h"
#include "lib/number.h"

#include <string.h>

enum { MAX_TEXT = 256 << 20, ARGS_ROOM = 2048 };

// ---- declarations ----

static bool read_sym(oi_reader *r) {
  oinf_dim lo, hi;
  const char *name = oi_read_name(r);
  return name && oi_read_dim(r, &lo) && oi_read_dim(r, &hi) && oi_read_done(r) &&
         oi_sym_add(r->g, name, lo, hi, oi_read_where(r)) != OI_DIM_BAD;
}

static bool read_op(oi_reader *r) {
  oinf_user_op op = {.name = oi_read_name(r)};
  int64_t arity = 0;
  if (!op.name || !oi_read_integer(r, &arity)) return false;
  if (arity < 1 || arity > 3) return oi_read_fail(r, "one to three operands");
  op.arity = (uint32_t)arity;
  if (!(op.c_body = oi_read_string(r))) return false;
  if (oi_read_more(r) && !(op.glsl_body = oi_read_string(r))) return false;
  return oi_read_done(r) && oi_user_op_add(r->g, &op, oi_read_where(r));
}

static bool read_state(oi_reader *r) {
  oi_type type;
  const char *name = oi_read_name(r);
  return name && oi_read_type(r, &type) && oi_read_done(r) &&
         oi_state_add(r->g, name, &type, oi_read_where(r));
}

static bool read_in(oi_reader *r) {
  oi_said said = {.name = NULL};
  const char *name = oi_read_name(r);
  if (!name || !oi_read_said(r, &said) || !oi_read_done(r)) return false;
  if (said.name) return oi_read_fail(r, "an input without a further name");
  uint32_t id = oi_input_add(r->g, name, &said.type, oi_read_where(r));
  if (id) oi_hint(oi_val_of(r->g, id), said.hint);
  return id != 0;
}

static bool read_variant(oi_reader *r) {
  oinf_dim symbol;
  int64_t value;
  const char *name = oi_read_name(r);
  if (!name || !oi_read_dim(r, &symbol) || !oi_read_integer(r, &value) || !oi_read_done(r))
    return false;
  oi_variant_add(r->g, name, symbol, value, oi_read_where(r));
  return true;
}

// ---- nodes ----

typedef struct results {
  uint32_t n;
  oi_said said[OINF_MAX_SPLIT];
} results;

// ": type marks, ..." to the end of the line, one for each value in front of "=".
static bool read_results(oi_reader *r, results *out) {
  for (uint32_t i = 0; i < out->n; i++) {
    if (!oi_read_char(r, i ? ',' : ':')) return oi_read_fail(r, i ? "','" : "':'");
    if (!oi_read_said(r, &out->said[i])) return false;
  }
  return oi_read_done(r);
}

static uint32_t read_weight(oi_reader *r, results *out) {
  const char *name = oi_read_string(r);
  return name && read_results(r, out)
             ? oi_weight_add(r->g, name, r->over_anew ? NULL : &out->said[0].type, oi_read_where(r))
             : 0;
}

static uint32_t read_num(oi_reader *r, results *out) {
  double x;
  return oi_read_double(r, &x) && read_results(r, out)
             ? oi_num_add(r->g, x, out->said[0].type.dtype, oi_read_where(r))
             : 0;
}

static uint32_t read_sym_value(oi_reader *r, results *out) {
  oinf_dim dim;
  return oi_read_dim(r, &dim) && read_results(r, out)
             ? oi_sym_value_add(r->g, dim, oi_read_where(r))
             : 0;
}

static uint32_t read_user(oi_reader *r, results *out) {
  uint32_t in[OINF_MAX_SPLIT], n;
  const char *name = oi_read_name(r);
  if (!name || !oi_read_values(r, in, OINF_MAX_SPLIT, &n) || !read_results(r, out)) return 0;
  return oi_user_add(r->g, name, in, n, oi_read_where(r));
}

static uint32_t read_state_name(oi_reader *r) {
  const char *name = oi_read_name(r);
  for (uint32_t i = 0; name && i < r->g->states.n; i++)
    if (strcmp(r->g->states.at[i].name, name) == 0) return i + 1;
  return oi_read_fail(r, "the name of a state declared"), 0;
}

static uint32_t read_state_op(oi_reader *r, bool write, results *out) {
  struct {
    oinf_dim layer, rows;
  } a = {OINF_NO_LAYER, 0};
  const oi_attr_info attrs[] = {{"layer", OI_ATTR_DIM, 0},
                                {write ? "at" : "rows", OI_ATTR_DIM, sizeof(oinf_dim)}};
  uint32_t state = read_state_name(r), x = 0;
  if (!state || (write && !oi_read_value(r, &x))) return 0;
  if (!oi_read_attrs(r, attrs, 2, &a) || !read_results(r, out)) return 0;
  return write ? oi_state_write_add(r->g, state, a.layer, x, a.rows, oi_read_where(r))
               : oi_state_read_add(r->g, state, a.layer, a.rows, oi_read_where(r));
}

static uint32_t read_table_op(oi_reader *r, oi_op op, results *out) {
  const oi_op_info *info = oi_op_info_of(op);
  _Alignas(16) char args[ARGS_ROOM] = {0};
  uint32_t in[OINF_MAX_SPLIT], n;
  if (info->args_size > sizeof args) return oi_read_fail(r, "an op of fewer attributes"), 0;
  if (!oi_read_values(r, in, OINF_MAX_SPLIT, &n)) return 0;
  if (!oi_read_attrs(r, info->attrs, info->n_attrs, args) || !read_results(r, out)) return 0;
  if (r->over_anew && op == OP_matmul && !oi_matmul_operands(r->g, args, in, &n, oi_read_where(r)))
    return 0;
  return oi_build_list(r->g, op, args, in, n, NULL, r->line).id;
}

static uint32_t read_right_side(oi_reader *r, results *out) {
  if (oi_read_is(r, "weight")) return read_weight(r, out);
  if (oi_read_is(r, "num")) return read_num(r, out);
  if (oi_read_is(r, "sym_value")) return read_sym_value(r, out);
  if (oi_read_is(r, "user")) return read_user(r, out);
  if (oi_read_is(r, "state_read")) return read_state_op(r, false, out);
  if (oi_read_is(r, "state_write")) return read_state_op(r, true, out);
  oi_op op = oi_read_op(r);
  return op == OP_NONE ? 0 : read_table_op(r, op, out);
}

static bool read_node(oi_reader *r) {
  results out = {.n = 0};
  do
    if (!oi_read_new(r, out.n++)) return false;
  while (!oi_read_char(r, '=') && out.n < OINF_MAX_SPLIT);
  memset(out.said, 0, sizeof out.said);
  uint32_t value = read_right_side(r, &out);
  if (!value) return false;
  const oi_node *node = oi_node_at(r->g, r->g->values.at[value].node);
  uint32_t *ids = node->out;
  if (node->n_out != out.n) return oi_read_fail(r, "as many values as the op gives");
  for (uint32_t i = 0; i < out.n; i++)
    if (!oi_read_made(r, ids[i], &out.said[i])) return false;
  return true;
}

// ---- regions ----

static bool read_statements(oi_reader *r);

// Lists of a line that opens or closes a region; room for as many entries as the line can hold.
typedef struct list {
  uint32_t n, room, *id;
  oi_said *said;
} list;

static bool list_open(oi_reader *r, list *l) {
  uint32_t room = 1;
  for (const char *p = r->at; p < r->end; p++) room += *p == '%' || *p == ' ';
  *l = (list){.room = room};
  l->id = oi_alloc(r->ctx, room * sizeof *l->id);
  l->said = l->id ? oi_alloc(r->ctx, room * sizeof *l->said) : NULL;
  if (!l->said) oi_graph_nomem(r->g);
  return l->said != NULL;
}

static void list_close(oi_reader *r, list *l) {
  oi_free(r->ctx, l->id, l->room * sizeof *l->id);
  oi_free(r->ctx, l->said, l->room * sizeof *l->said);
}

// "carry %2 = %1 : f32 [T, 64] marks, ..."
static bool read_carried(oi_reader *r, list *l) {
  if (!oi_read_is(r, "carry")) return oi_read_done(r);
  do {
    if (!oi_read_new(r, l->n)) return false;
    if (!oi_read_char(r, '=')) return oi_read_fail(r, "'='");
    if (l->n == l->room || !oi_read_value(r, &l->id[l->n])) return oi_read_fail(r, "a value");
    if (!oi_read_char(r, ':')) return oi_read_fail(r, "':'");
    if (!oi_read_said(r, &l->said[l->n++])) return false;
  } while (oi_read_char(r, ','));
  return oi_read_done(r);
}

static bool made_all(oi_reader *r, const uint32_t *ids, uint32_t n, const list *l) {
  static const oi_said nothing;
  for (uint32_t i = 0; i < n; i++)
    if (!oi_read_made(r, ids[i], i < l->n ? &l->said[i] : &nothing)) return false;
  return true;
}

static bool params_made(oi_reader *r, const list *l) {
  const oi_region *region = &r->g->regions.at[oi_open_region(r->g)];
  return made_all(r, region->params, region->n_params, l);
}

// The values that an end gives: "next %49 %48", to the arrow or the end of the line.
static bool read_given(oi_reader *r, const char *word, list *l) {
  return list_open(r, l) && oi_read_word(r, word) && oi_read_values(r, l->id, l->room, &l->n);
}

// "-> %50 marks, %51": results of the node, which is closed.
static bool read_ends(oi_reader *r, uint32_t node, list *l) {
  uint32_t n_out = r->g->nodes.at[node].n_out, *out = r->g->nodes.at[node].out;
  l->n = 0;
  if (!n_out) return oi_read_done(r);
  if (!oi_read_char(r, '-') || !oi_read_char(r, '>'))
    return oi_read_fail(r, "'->' and the results");
  do
    if (!oi_read_new(r, l->n) || l->n == l->room || !oi_read_marks(r, &l->said[l->n++]))
      return false;
  while (oi_read_char(r, ','));
  if (l->n != n_out) return oi_read_fail(r, "a result for each value carried");
  return oi_read_done(r) && made_all(r, out, n_out, l);
}

static bool read_loop_head(oi_reader *r, list *l, uint32_t *node) {
  int64_t first, trips;
  const char *name = oi_read_name(r);
  if (!name || !oi_read_integer(r, &first) || !oi_read_integer(r, &trips) || !read_carried(r, l))
    return false;
  if (first != 0) return oi_read_fail(r, "a loop that begins at 0");
  *node = oi_loop_open(r->g, name, trips, l->id, l->n, oi_read_where(r));
  return *node && params_made(r, l);
}

static bool read_loop_end(oi_reader *r, list *l, uint32_t node) {
  return read_given(r, "next", l) && oi_loop_close(r->g, l->id, l->n, oi_read_where(r)) &&
         read_ends(r, node, l);
}

static bool read_loop(oi_reader *r) {
  list head = {.n = 0}, end = {.n = 0};
  uint32_t node = 0;
  bool ok = list_open(r, &head) && read_loop_head(r, &head, &node);
  list_close(r, &head);
  ok = ok && read_statements(r) && read_loop_end(r, &end, node);
  list_close(r, &end);
  return ok;
}

static bool read_if_head(oi_reader *r, list *l, uint32_t *node) {
  uint32_t cond;
  if (!oi_read_value(r, &cond) || !read_carried(r, l)) return false;
  *node = oi_if_open(r->g, cond, l->id, l->n, oi_read_where(r));
  return *node && params_made(r, l);
}

static bool read_if_turn(oi_reader *r, list *l) {
  return read_given(r, "give", l) && oi_read_done(r) &&
         oi_if_turn(r->g, l->id, l->n, oi_read_where(r));
}

// "else %12 marks %13": the other side's params.
static bool read_else(oi_reader *r, list *l) {
  if (!oi_read_line(r) || !oi_read_word(r, "else") || !list_open(r, l))
    return oi_read_fail(r, "'else'");
  while (oi_read_more(r))
    if (!oi_read_new(r, l->n) || l->n == l->room || !oi_read_marks(r, &l->said[l->n++]))
      return false;
  if (l->n != r->g->regions.at[oi_open_region(r->g)].n_params)
    return oi_read_fail(r, "a value for each one carried");
  return params_made(r, l);
}

static bool read_if_end(oi_reader *r, list *l, uint32_t node) {
  return read_given(r, "give", l) && oi_if_close(r->g, l->id, l->n, oi_read_where(r)) &&
         read_ends(r, node, l);
}

static bool read_if(oi_reader *r) {
  list part[4] = {{.n = 0}, {.n = 0}, {.n = 0}, {.n = 0}};
  uint32_t node = 0;
  bool ok = list_open(r, &part[0]) && read_if_head(r, &part[0], &node) && read_statements(r) &&
            read_if_turn(r, &part[1]) && read_else(r, &part[2]) && read_statements(r) &&
            read_if_end(r, &part[3], node);
  for (int i = 0; i < 4; i++) list_close(r, &part[i]);
  return ok;
}

// Statements up to a line that is none: its words are the caller's business. The text's end is one.
static bool read_statements(oi_reader *r) {
  while (oi_read_line(r)) {
    bool ok = true;
    if (*r->at == '%') ok = read_node(r);
    else if (oi_read_is(r, "loop")) ok = read_loop(r);
    else if (oi_read_is(r, "if")) ok = read_if(r);
    else return true;
    if (!ok) return false;
  }
  return true;
}

// ---- the whole ----

static bool read_declarations(oi_reader *r) {
  static const struct {
    const char *word;
    bool (*read)(oi_reader *r);
  } rows[] = {{"sym", read_sym},
              {"op", read_op},
              {"state", read_state},
              {"in", read_in},
              {"variant", read_variant}};
  enum { N_ROWS = sizeof rows / sizeof *rows };
  const char *rest = r->rest;
  for (int line = r->line; oi_read_line(r); rest = r->rest, line = r->line) {
    size_t i = 0;
    while (i < N_ROWS && !oi_read_is(r, rows[i].word)) i++;
    if (i == N_ROWS) return r->rest = rest, r->line = line, true;
    if (!rows[i].read(r)) return false;
  }
  return true;
}

static bool read_outputs(oi_reader *r) {
  while (oi_read_more(r) || oi_read_line(r)) {
    uint32_t value;
    if (!oi_read_word(r, "out")) return false;
    const char *name = oi_read_string(r);
    if (!name || !oi_read_value(r, &value) || !oi_read_done(r)) return false;
    oi_output(r->g, name, oi_val_of(r->g, value), NULL, r->line);
    if (oi_poisoned(r->g)) return false;
  }
  return true;
}

static bool read_text(oi_reader *r) {
  return read_declarations(r) && !oi_poisoned(r->g) && read_statements(r) && read_outputs(r);
}

// "oinf-graph 1" and the graph's name; the name is kept outside the graph, which cannot be made
// without it.
static oinf_status read_head(oi_reader *r, oi_text *name) {
  static const char head[] = "oinf-graph 1\ngraph \"";
  oi_err *err = oi_ctx_err(r->ctx);
  size_t n = sizeof head - 1;
  if ((size_t)(r->stop - r->rest) < n || memcmp(r->rest, head, n) != 0)
    return oi_fail(err, OINF_FORMAT,
                   "graph text: expected 'oinf-graph 1' and 'graph \"name\"' in front");
  const char *at = r->rest + n;
  for (; at < r->stop && *at >= 0x20 && *at < 0x7f && *at != '"' && *at != '\\'; at++)
    oi_text_add(name, at, 1);
  if (name->failed) return oi_nomem(err, name->n);
  if (at == r->stop || *at != '"' || (at + 1 < r->stop && at[1] != '\n') || !name->n)
    return oi_fail(err, OINF_FORMAT,
                   "graph text, line 2: expected a name of plain characters in quotes");
  r->rest = at + 1 < r->stop ? at + 2 : r->stop;
  r->line = 2;
  return OINF_OK;
}

static oinf_status parse_into(oi_reader *r) {
  bool ok = read_text(r);
  if (r->failed) return oi_ctx_err(r->ctx)->status;
  OI_TRY(oinf_graph_check(r->g));
  return ok ? OINF_OK
            : oi_fail(oi_ctx_err(r->ctx), OINF_FORMAT, "graph text, line %d: malformed", r->line);
}

static oinf_status parse(oinf_ctx *ctx, oinf_model *model, const char *text, size_t size,
                         bool over_anew, oinf_graph **out_graph) {
  oi_reader r = {.ctx = ctx, .rest = text, .stop = text + size, .over_anew = over_anew};
  if (size > MAX_TEXT)
    return oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "graph text: expected at most %d bytes, found %zu",
                   MAX_TEXT, size);
  oi_text name;
  oi_text_init(&name, ctx);
  oinf_status status = read_head(&r, &name);
  if (status == OINF_OK) status = oinf_graph_create(ctx, model, name.at, &r.g);
  oi_text_free(&name);
  if (status != OINF_OK) return status;
  status = parse_into(&r);
  oi_vec_free(ctx, &r.ids);
  if (status != OINF_OK) {
    oinf_graph_destroy(r.g);
    return status;
  }
  *out_graph = r.g;
  return OINF_OK;
}

oinf_status oinf_graph_parse(oinf_ctx *ctx, oinf_model *model, const char *text, size_t size,
                             oinf_graph **out_graph) {
  return parse(ctx, model, text, size, false, out_graph);
}

oinf_status oi_graph_parse_anew(oinf_ctx *ctx, oinf_model *model, const char *text, size_t size,
                                oinf_graph **out_graph) {
  return parse(ctx, model, text, size, true, out_graph);
}
