// The step of model.c: the plan's items printed one behind the other, loops as loops; and a table
// of the values that it shows.
#include <string.h>

#include "compiler/emit.h"

static void line(oi_emit *e, uint32_t depth, const char *text) {
  for (uint32_t i = 0; i <= depth; i++) oi_text_put(&e->out, "  ");
  oi_text_put(&e->out, "%s", text);
}

// What was printed since `from` goes on this line, or on the next one where it would not fit.
static void wrap(oi_emit *e, size_t from, uint32_t column) {
  const char *text = oi_emit_taken(e, from);
  size_t begins = from;
  if (!text) return;
  while (begins > 0 && e->out.at[begins - 1] != '\n') begins--;
  if (from - begins + strlen(text) < 99) oi_text_put(&e->out, " %s", text);
  else oi_text_put(&e->out, "\n%*s%s", (int)column, "", text);
}

static const oi_storage *storage_of(const oi_emit *e, uint32_t value) {
  return &e->plan.storages.at[e->plan.of_value[value]];
}

// ---- where a value lies, as an expression ----

static void put_weight_index(oi_emit *e, const oi_emit_weight *w) {
  uint32_t loops[OI_MAX_DEPTH];
  char room[32];
  const uint32_t depth = oi_value_depth(e->g, oi_node_at(e->g, w->node)->out[0], loops);
  oi_emit_weight_name(e, w);
  oi_text_put(&e->out, "[");
  for (uint32_t i = 0; i < depth && !w->same; i++) {
    const oi_node *loop = oi_node_at(e->g, loops[i]);
    if (i) oi_text_put(&e->out, " * %lld + ", (long long)loop->trips);
    if (i + 2 < depth) oi_text_put(&e->out, "(");
    oi_text_put(&e->out, "d->%s", oi_emit_symbol_field(e, loop->loop_sym, room));
  }
  for (uint32_t i = 2; i < depth && !w->same; i++) oi_text_put(&e->out, ")");
  oi_text_put(&e->out, w->same || !depth ? "0]" : "]");
}

// Part of where a state's rows lie: `index` less what `less` says, times the bytes of axes axis ..
// of the state.
static void put_rows_at(oi_emit *e, const oi_type *t, oinf_dim index, const char *less,
                        uint32_t axis) {
  int64_t lo, hi, bytes = oinf_dtype_block_bytes(t->dtype);
  for (uint32_t i = axis; i < t->rank; i++) {
    oi_dims_bounds(e->g->dims, t->dim[i], e->plan.sym_lo, e->plan.sym_hi, &lo, &hi);
    bytes *= hi;
  }
  oi_text_put(&e->out, *less ? "(" : "");
  oi_emit_dim(e, index);
  oi_text_put(&e->out, *less ? "%s) * %lld" : "%s * %lld", less, (long long)bytes);
}

static void put_state(oi_emit *e, const oi_node *n) {
  const oi_state_decl *s = &e->g->states.at[n->state];
  const bool layers = s->layering == OI_LAYERS_FIRST, writes = n->op == OP_STATE_WRITE;
  const uint32_t axis = layers ? 1 : 0;
  const bool slides = oi_emit_slides(e, n->state);
  oi_type kept = s->type;
  if (slides) kept.dim[axis] = e->room;
  oi_text_put(&e->out, "state_at(r, %u, ", n->state);
  if (layers) put_rows_at(e, &kept, n->a, "", axis);
  if (layers && writes) oi_text_put(&e->out, " + ");
  if (writes) put_rows_at(e, &kept, n->b, slides ? " - d->first" : "", axis + 1);
  oi_text_put(&e->out, layers || writes ? ")" : "0)");
}

// `slot`: which of the item's weights a weight is.
static void put_pointer(oi_emit *e, uint32_t value, uint32_t slot) {
  const oi_storage *s = storage_of(e, value);
  switch (s->kind) {
    case OI_STORE_ACT: oi_text_put(&e->out, "at(r, %llu)", (unsigned long long)s->offset); break;
    case OI_STORE_STATE: put_state(e, oi_node_at(e->g, s->node)); break;
    case OI_STORE_WEIGHT: oi_text_put(&e->out, "w%u", slot); break;
    case OI_STORE_INPUT:
      for (size_t i = 0; i < e->g->inputs.n; i++)
        if (oi_val_at(e->g, e->g->inputs.at[i])->node == s->node)
          oi_text_put(&e->out, "r->inputs[%zu]", i);
      break;
    case OI_STORE_NONE: oi_text_put(&e->out, "NULL"); break;
  }
}

static void put_bytes(oi_emit *e, const oi_type *t) {
  const unsigned block = (unsigned)oinf_dtype_block(t->dtype);
  oi_text_put(&e->out, "(size_t)(");
  oi_emit_count(e, t);
  oi_text_put(&e->out, ")");
  if (block > 1) oi_text_put(&e->out, " / %u", block);
  oi_text_put(&e->out, " * %u", (unsigned)oinf_dtype_block_bytes(t->dtype));
}

// Brings a value's weight into w<slot>, where it is one.
static bool fetch(oi_emit *e, uint32_t depth, uint32_t value, uint32_t slot) {
  const oi_storage *s = storage_of(e, value);
  if (s->kind != OI_STORE_WEIGHT) return false;
  const oi_emit_weight *w = oi_emit_weight_of(e, s->node);
  line(e, depth, "const void *");
  oi_text_put(&e->out, "w%u = weight(r, ", slot);
  put_weight_index(e, w);
  oi_text_put(&e->out, ", %llu);\n", (unsigned long long)w->bytes);
  line(e, depth, "if (!");
  oi_text_put(&e->out, "w%u) return r->status;\n", slot);
  return true;
}

// ---- items ----

// Values that passes made have no label and are not shown; nor are rows of a state of which a
// window is kept.
static bool is_shown(const oi_emit *e, uint32_t value) {
  return oi_value_has_label(e->g, value) && !oi_windowed_is(e->g, &e->windowed, value);
}

static void put_shown(oi_emit *e, uint32_t id, uint32_t value) {
  const oi_type *t = &oi_val_at(e->g, value)->type;
  uint32_t loops[OI_MAX_DEPTH];
  char room[96];
  if (!is_shown(e, value)) return;
  const uint32_t level = oi_value_depth(e->g, value, loops);
  const char *op = oi_kind_name(oi_node_at(e->g, id)->op);
  oi_text_put(&e->out, "    {\"%s\", \"%s\", %u, %u, %d, ",
              e->kernel[id] ? oi_emit_kernel_name(e, id, room) : op,
              oi_emit_dtype_of(t->dtype)->name, (unsigned)oinf_dtype_block_bytes(t->dtype), t->rank,
              level ? (int)oi_node_at(e->g, loops[level - 1])->loop_sym : -1);
  oi_emit_label(e, value);
  oi_text_put(&e->out, "},\n");
}

void oi_emit_shown(oi_emit *e) {
  oi_text_put(&e->out, "static const shown values[] = {\n");
  for (size_t i = 0; i < e->plan.items.n; i++) {
    const oi_item *item = &e->plan.items.at[i];
    if (item->kind != OI_ITEM_RUN) continue;
    const oi_node *n = oi_node_at(e->g, item->node);
    for (uint32_t k = 0; k < n->n_out && n->op != OP_NUM; k++) put_shown(e, item->node, n->out[k]);
  }
  oi_text_put(&e->out, "    {\"\", \"\", 0, 0, -1, \"\"}};\n\n");
  e->n_shown = 0;
}

// In the order of the table.
static void put_show(oi_emit *e, uint32_t depth, uint32_t value) {
  const oi_type *t = &oi_val_at(e->g, value)->type;
  if (!is_shown(e, value)) return;
  line(e, depth, "if (r->show) show(r, ");
  oi_text_put(&e->out, "%u, ", e->n_shown++);
  put_pointer(e, value, 0);
  oi_text_put(&e->out, ",");
  const size_t from = e->out.n;
  oi_text_put(&e->out, "(int64_t[]){%s", t->rank ? "" : "0");
  for (uint32_t i = 0; i < t->rank; i++) {
    oi_text_put(&e->out, i ? ", " : "");
    oi_emit_dim_bare(e, t->dim[i]);
  }
  oi_text_put(&e->out, "}, ");
  oi_emit_turns(e, value);
  oi_text_put(&e->out, ");\n");
  wrap(e, from, 2 * depth + 20);
}

// The operand that a pager brings in by parts; -1: none.
static int paged_operand(const oi_emit *e, uint32_t id, oi_paging *how) {
  const int operand = e->desc.budget ? oi_plan_paged_operand(e->g, id, how) : -1;
  if (operand < 0) return -1;
  const oi_storage *s = storage_of(e, oi_node_at(e->g, id)->in[operand]);
  return s->kind == OI_STORE_WEIGHT ? operand : -1;
}

static void put_results(oi_emit *e, const oi_node *n) {
  oi_text_put(&e->out, ".out = {");
  for (uint32_t i = 0; i < n->n_out; i++) {
    oi_text_put(&e->out, i ? ", " : "");
    if (n->op == OP_STATE_WRITE) put_state(e, n);
    else put_pointer(e, n->out[i], 0);
  }
  oi_text_put(&e->out, "}");
}

// `slot`: of the first weight among them.
static void put_read(oi_emit *e, const oi_node *n, int paged, uint32_t slot) {
  oi_text_put(&e->out, ".in = {");
  for (uint32_t i = 0; i < n->n_in; i++) {
    oi_text_put(&e->out, i ? ", " : "");
    if ((int)i == paged) oi_text_put(&e->out, "NULL");
    else put_pointer(e, n->in[i], slot);
    if (storage_of(e, n->in[i])->kind == OI_STORE_WEIGHT) slot++;
  }
  const bool groups = e->takes_groups[n - e->g->nodes.at];
  oi_text_put(&e->out, groups ? "}, .group = OI_GROUP" : "}");
}

// Results and operands within braces, of which the first stands at the column.
static void put_operands(oi_emit *e, uint32_t column, const oi_node *n, int paged, uint32_t slot) {
  oi_text_put(&e->out, "{");
  put_results(e, n);
  if (n->n_in) {
    oi_text_put(&e->out, ",");
    const size_t from = e->out.n;
    put_read(e, n, paged, slot);
    wrap(e, from, column + 1);
  }
  oi_text_put(&e->out, "}");
}

// Where a weight lies, its rows or groups as the paging plan counts them.
static void put_extent(oi_emit *e, uint32_t weight) {
  const oi_emit_weight *w = oi_emit_weight_of(e, weight);
  const int64_t rows = oi_emit_weight_rows(e, w);
  oi_text_put(&e->out, "(oi_extent){");
  put_weight_index(e, w);
  oi_text_put(&e->out, ", %llu, %lld}", (unsigned long long)(rows ? w->bytes / (uint64_t)rows : 0),
              (long long)rows);
}

// Rows that an index picks: how many the kernel takes, and how many there are.
static void put_picked(oi_emit *e, const oi_node *n, const oi_emit_cut *cut) {
  const oi_type *index = &oi_val_at(e->g, n->in[1])->type;
  oi_text_put(&e->out, "%s, %s, &o, %u, %s, ", cut->units, cut->cost,
              (unsigned)oinf_dtype_block_bytes(index->dtype),
              oi_dtype_class(index->dtype) == OI_S ? "true" : "false");
  oi_emit_dim(e, oi_val_at(e->g, n->in[0])->type.dim[0]);
}

static void put_paged(oi_emit *e, uint32_t depth, uint32_t id, const char *kernel, int operand,
                      oi_paging how) {
  const oi_node *n = oi_node_at(e->g, id);
  const oi_emit_cut *cut = &e->cuts[id];
  line(e, depth, how == OI_PAGE_ROWS ? "if (run_tiles(r, " : "if (run_rows(r, ");
  oi_text_put(&e->out, "%s, ", kernel);
  if (how == OI_PAGE_ROWS)
    oi_text_put(&e->out, "%s, %s, &o, %d", cut->units, cut->cost, operand);
  else put_picked(e, n, cut);
  oi_text_put(&e->out, ", ");
  put_extent(e, storage_of(e, n->in[operand])->node);
  oi_text_put(&e->out, ")) return r->status;\n");
}

static void put_call(oi_emit *e, uint32_t depth, uint32_t id, const char *kernel) {
  const oi_emit_cut *cut = &e->cuts[id];
  char name[96];
  oi_paging how = OI_PAGE_WHOLE;
  const int paged = paged_operand(e, id, &how);
  const char *head = paged < 0 ? "const operands o = " : "operands o = ";
  line(e, depth, head);
  put_operands(e, 2 * depth + 2 + (uint32_t)strlen(head), oi_node_at(e->g, id), paged, 0);
  oi_text_put(&e->out, ";\n");
  if (cut->ready) {
    line(e, depth, "run(r, ");
    oi_text_put(&e->out, "%s_ready, %s, 256, &o);\n", oi_emit_ready_name(e, id, name), cut->ready);
  }
  if (paged >= 0) {
    put_paged(e, depth, id, kernel, paged, how);
  } else {
    line(e, depth, "run(r, ");
    oi_text_put(&e->out, "%s, %s, %s, &o);\n", kernel, cut->units, cut->cost);
  }
  if (!cut->may_fail) return;
  line(e, depth, "if (r->bad) return fails(r, MODEL_BAD, \"an index is out of range\");\n");
}

// Rows that are read after their state has moved on are a copy of it.
static void put_kept(oi_emit *e, uint32_t depth, const oi_node *n) {
  if (n->op != OP_STATE_WRITE && n->op != OP_STATE_READ) return;
  if (storage_of(e, n->out[0])->kind != OI_STORE_ACT) return;
  line(e, depth, "memcpy(");
  put_pointer(e, n->out[0], 0);
  oi_text_put(&e->out, ", ");
  put_state(e, n);
  oi_text_put(&e->out, ", ");
  put_bytes(e, &oi_val_at(e->g, n->out[0])->type);
  oi_text_put(&e->out, ");\n");
}

// What a block of the step makes: "attn_q: f32 [rows, 64]".
static void put_made(oi_emit *e, const oi_node *n) {
  for (uint32_t i = 0; i < n->n_out; i++) {
    const oi_value *v = oi_val_at(e->g, n->out[i]);
    const char *role = oi_emit_role_name(v->hint.role);
    oi_text_put(&e->out, "%s%s: %s [", i ? ", " : "", *role ? role : oi_kind_name(n->op),
                oi_emit_dtype_of(v->type.dtype)->name);
    for (uint32_t k = 0; k < v->type.rank; k++) {
      oi_text_put(&e->out, k ? ", " : "");
      oi_emit_dim_words(e, v->type.dim[k]);
    }
    oi_text_put(&e->out, "]");
  }
}

static void put_shows(oi_emit *e, uint32_t depth, const oi_node *n) {
  for (uint32_t i = 0; i < n->n_out && n->op != OP_NUM; i++) put_show(e, depth, n->out[i]);
}

static void put_run(oi_emit *e, uint32_t depth, uint32_t id) {
  const oi_node *n = oi_node_at(e->g, id);
  char kernel[96];
  uint32_t slot = 0;
  const bool runs = e->kernel[id] != 0;
  oi_emit_kernel_name(e, id, kernel);
  bool block = runs;  // a kernel's call, or a weight that is shown by a view of it
  for (uint32_t i = 0; i < n->n_in; i++) block |= storage_of(e, n->in[i])->kind == OI_STORE_WEIGHT;
  if (block) line(e, depth++, "{  // "), put_made(e, n), oi_text_put(&e->out, "\n");
  for (uint32_t i = 0; i < n->n_in && !e->desc.budget; i++)
    if (fetch(e, depth, n->in[i], slot)) slot++;
  if (runs) put_call(e, depth, id, kernel);
  put_kept(e, depth, n);
  put_shows(e, depth, n);
  if (block) line(e, --depth, "}\n");
}

// ---- kernels that run in one go ----

// The last item that runs with this one.
static size_t batch_end(const oi_emit *e, size_t first) {
  size_t last = first;
  if (!e->joins || !e->kernel[e->plan.items.at[first].node]) return first;
  for (size_t i = first + 1; i < e->plan.items.n; i++) {
    const oi_item *item = &e->plan.items.at[i];
    if (e->joins[i]) last = i;
    else if (item->kind != OI_ITEM_RUN || e->kernel[item->node]) break;
  }
  return last;
}

static void put_batch_head(oi_emit *e, uint32_t depth, size_t first, size_t last) {
  uint32_t slot = 0;
  line(e, depth, "{  // ");
  for (size_t i = first; i <= last; i++) {
    if (!e->kernel[e->plan.items.at[i].node]) continue;
    oi_text_put(&e->out, i > first ? "; " : "");
    put_made(e, oi_node_at(e->g, e->plan.items.at[i].node));
  }
  oi_text_put(&e->out, "\n");
  for (size_t i = first; i <= last; i++) {
    const oi_node *n = oi_node_at(e->g, e->plan.items.at[i].node);
    for (uint32_t k = 0; k < n->n_in && e->kernel[e->plan.items.at[i].node]; k++)
      if (fetch(e, depth + 1, n->in[k], slot)) slot++;
  }
}

static uint32_t put_task(oi_emit *e, uint32_t depth, size_t item, uint32_t slot) {
  const uint32_t id = e->plan.items.at[item].node;
  const oi_node *n = oi_node_at(e->g, id);
  const oi_emit_cut *cut = &e->cuts[id];
  char kernel[96];
  line(e, depth, "{");
  oi_text_put(&e->out, "%s, %s, %s, %s,\n", oi_emit_kernel_name(e, id, kernel), cut->units,
              cut->cost, e->joins[item] == OI_JOIN_BEHIND ? "BEHIND" : "BESIDE");
  line(e, depth, " ");
  put_operands(e, 2 * depth + 3, n, -1, slot);
  oi_text_put(&e->out, "},\n");
  for (uint32_t k = 0; k < n->n_in; k++) slot += storage_of(e, n->in[k])->kind == OI_STORE_WEIGHT;
  return slot;
}

// Rows are laid out once for all that want them so.
static void put_ready(oi_emit *e, uint32_t depth, size_t first, size_t last) {
  char name[96];
  uint32_t number = 0;
  for (size_t i = first; i <= last; i++) {
    const uint32_t id = e->plan.items.at[i].node;
    if (!e->kernel[id]) continue;
    if (e->cuts[id].ready) {
      line(e, depth, "run(r, ");
      oi_text_put(&e->out, "%s_ready, %s, 256, &all[%u].o);\n", oi_emit_ready_name(e, id, name),
                  e->cuts[id].ready, number);
      return;
    }
    number++;
  }
}

static void put_batch(oi_emit *e, uint32_t depth, size_t first, size_t last) {
  uint32_t slot = 0, n = 0;
  put_batch_head(e, depth++, first, last);
  line(e, depth, "const task all[] = {\n");
  for (size_t i = first; i <= last; i++)
    if (e->kernel[e->plan.items.at[i].node]) slot = put_task(e, depth + 2, i, slot), n++;
  line(e, depth, "};\n");
  put_ready(e, depth, first, last);
  line(e, depth, "run_all(r, all, ");
  oi_text_put(&e->out, "%u);\n", n);
  for (size_t i = first; i <= last; i++)
    put_shows(e, depth, oi_node_at(e->g, e->plan.items.at[i].node));
  line(e, --depth, "}\n");
}

static void put_copy(oi_emit *e, uint32_t depth, uint32_t from, uint32_t to) {
  if (e->plan.of_value[from] == e->plan.of_value[to]) return;
  const bool weight = storage_of(e, from)->kind == OI_STORE_WEIGHT;
  if (weight) line(e, depth++, "{\n");
  fetch(e, depth, from, 0);
  line(e, depth, "memmove(");
  put_pointer(e, to, 0);
  oi_text_put(&e->out, ", ");
  put_pointer(e, from, 0);
  oi_text_put(&e->out, ", ");
  put_bytes(e, &oi_val_at(e->g, to)->type);
  oi_text_put(&e->out, ");\n");
  if (weight) line(e, --depth, "}\n");
}

static void put_copies(oi_emit *e, uint32_t depth, const uint32_t *from, const uint32_t *to,
                       uint32_t n, uint64_t bits) {
  for (uint32_t i = 0; i < n; i++)
    if (bits >> i & 1) put_copy(e, depth, from[i], to[i]);
}

// One way of a carried value that waits while others are copied (oi_plan_waits).
static void put_wait(oi_emit *e, uint32_t depth, uint32_t from, uint32_t to, uint32_t param) {
  const oi_storage *wait = &e->plan.storages.at[e->plan.of_wait[param]];
  line(e, depth, "memcpy(");
  if (to) put_pointer(e, to, 0);
  else oi_text_put(&e->out, "at(r, %llu)", (unsigned long long)wait->offset);
  oi_text_put(&e->out, ", ");
  if (from) put_pointer(e, from, 0);
  else oi_text_put(&e->out, "at(r, %llu)", (unsigned long long)wait->offset);
  oi_text_put(&e->out, ", ");
  put_bytes(e, &oi_val_at(e->g, param)->type);
  oi_text_put(&e->out, ");\n");
}

static void put_yields(oi_emit *e, uint32_t depth, const oi_region *body, uint64_t bits) {
  for (uint32_t i = 0; i < body->n_yields; i++)
    if (oi_plan_waits(&e->plan, body, bits, i))
      put_wait(e, depth, body->yields[i], 0, body->params[i]);
  for (uint32_t i = 0; i < body->n_yields; i++) {
    if (!(bits >> i & 1)) continue;
    if (!oi_plan_waits(&e->plan, body, bits, i))
      put_copy(e, depth, body->yields[i], body->params[i]);
    else put_wait(e, depth, 0, body->params[i], body->params[i]);
  }
}

static oinf_status put_loop(oi_emit *e, uint32_t depth, const oi_item *item, bool begin) {
  const oi_node *n = oi_node_at(e->g, item->node);
  const oi_region *body = &e->g->regions.at[n->sub[0]];
  char turn[32];
  if (!begin) {
    put_yields(e, depth + 1, body, item->carry);
    line(e, depth, "}\n");
    return OINF_OK;
  }
  put_copies(e, depth, n->in, body->params, body->n_params, item->carry);
  line(e, depth, "for (");
  oi_emit_symbol_field(e, n->loop_sym, turn);
  oi_text_put(&e->out, "d->%s = %lld; d->%s < %lld; d->%s++) {\n", turn, (long long)item->from,
              turn, (long long)item->to, turn);
  return OINF_OK;
}

static void put_side(oi_emit *e, uint32_t depth, const oi_item *item) {
  const oi_node *n = oi_node_at(e->g, item->node);
  const uint32_t at = (uint32_t)(item - e->plan.items.at);
  if (item->kind == OI_ITEM_IF) {
    if (e->desc.budget) {
      line(e, depth, "turn(r, ");
      oi_text_put(&e->out, "%u, !*(const uint8_t *)", at);
      put_pointer(e, n->in[0], 0);
      oi_text_put(&e->out, ");\n");
    }
    line(e, depth, "if (*(const uint8_t *)");
    put_pointer(e, n->in[0], 0);
    oi_text_put(&e->out, ") {\n");
    return;
  }
  const oi_region *r = &e->g->regions.at[n->sub[item->kind == OI_ITEM_ELSE ? 0 : 1]];
  put_copies(e, depth + 1, r->yields, n->out, r->n_yields, item->carry);
  if (item->kind == OI_ITEM_ELSE && e->desc.budget) {
    line(e, depth + 1, "turn(r, ");
    oi_text_put(&e->out, "%u, true);\n", at);
  }
  line(e, depth, item->kind == OI_ITEM_ELSE ? "} else {\n" : "}\n");
}

static void put_hold(oi_emit *e, uint32_t depth, uint32_t which) {
  const uint32_t value = e->g->outputs.at[which].value;
  line(e, depth, "{\n");
  fetch(e, depth + 1, value, 0);
  line(e, depth + 1, "r->held_bytes[");
  oi_text_put(&e->out, "%u] = ", which);
  put_bytes(e, &oi_val_at(e->g, value)->type);
  oi_text_put(&e->out, ";\n");
  line(e, depth + 1, "memcpy(");
  oi_text_put(&e->out, "r->held[%u], ", which);
  put_pointer(e, value, 0);
  oi_text_put(&e->out, ", r->held_bytes[%u]);\n", which);
  line(e, depth, "}\n");
}

static void put_load(oi_emit *e, uint32_t depth, uint32_t weight) {
  line(e, depth, "if (load_weight(r, ");
  put_pointer(e, oi_node_at(e->g, weight)->out[0], 0);
  oi_text_put(&e->out, ", ");
  put_extent(e, weight);
  oi_text_put(&e->out, ")) return r->status;\n");
}

static oinf_status put_item(oi_emit *e, uint32_t *depth, const oi_item *item) {
  switch (item->kind) {
    case OI_ITEM_RUN: put_run(e, *depth, item->node); return OINF_OK;
    case OI_ITEM_LOAD: put_load(e, *depth, item->node); return OINF_OK;
    case OI_ITEM_LOOP: return put_loop(e, (*depth)++, item, true);
    case OI_ITEM_END: return put_loop(e, --*depth, item, false);
    case OI_ITEM_IF: put_side(e, (*depth)++, item); return OINF_OK;
    case OI_ITEM_ELSE: put_side(e, *depth - 1, item); return OINF_OK;
    case OI_ITEM_ENDIF: put_side(e, --*depth, item); return OINF_OK;
    case OI_ITEM_HOLD: put_hold(e, *depth, item->which); return OINF_OK;
  }
  return OINF_OK;
}

oinf_status oi_emit_step(oi_emit *e) {
  const size_t from = e->out.n;
  uint32_t depth = 0;
  oi_text_put(&e->out, "static int run_step(model_run *r, dims *d) {\n  (void)d;\n");
  for (size_t i = 0, last; i < e->plan.items.n; i = last + 1) {
    last = e->plan.items.at[i].kind == OI_ITEM_RUN ? batch_end(e, i) : i;
    if (last > i) put_batch(e, depth, i, last);
    else OI_TRY(put_item(e, &depth, &e->plan.items.at[i]));
  }
  oi_text_put(&e->out, "  return r->status;\n}\n");
  oi_emit_tidy(e, from);
  return OINF_OK;
}
