// model.c: constants, tables of the weights, the checks before a step, and the step itself: the
// plan's items printed one behind the other, loops as loops.
#include <string.h>

#include "compiler/emit.h"

static void line(oi_emit *e, uint32_t depth, const char *text) {
  for (uint32_t i = 0; i <= depth; i++) oi_text_put(&e->out, "  ");
  oi_text_put(&e->out, "%s", text);
}

static const oi_storage *storage_of(const oi_emit *e, uint32_t value) {
  return &e->plan.storages.at[e->plan.of_value[value]];
}

// ---- constants and tables ----

static void define(oi_emit *e, const char *name, uint64_t x) {
  oi_text_put(&e->out, "#define %s %lluu\n", name, (unsigned long long)x);
}
static void define_int(oi_emit *e, const char *name, int64_t x) {
  oi_text_put(&e->out, "#define %s %lld\n", name, (long long)x);
}

static void put_constants(oi_emit *e) {
  const uint64_t blocks = (e->weights_bytes + (1 << 20) - 1) >> 20;
  define_int(e, "N_SYMS", (int64_t)oi_dims_sym_count(e->g->dims));
  define_int(e, "N_INPUTS", (int64_t)e->g->inputs.n);
  define_int(e, "N_OUTPUTS", (int64_t)e->g->outputs.n);
  define_int(e, "N_STATES", (int64_t)e->g->states.n);
  define_int(e, "MAPPED", e->desc.budget == OINF_EMIT_MAPPED);
  define_int(e, "EMBEDDED", e->desc.embed);
  define_int(e, "GENERATES", oi_emit_logits(e) >= 0);
  define_int(e, "LOGITS", oi_emit_logits(e));
  define_int(e, "SYM_ROWS", oi_emit_symbol(e, true));
  define_int(e, "SYM_POSITION", oi_emit_symbol(e, false));
  define(e, "ARENA_BYTES", e->paging.bytes);
  define(e, "PICK_BYTES", e->pick_bytes);
  define(e, "ACT_BYTES", e->figures.activations);
  define(e, "ROOM_BYTES", e->figures.room);
  define(e, "WORKER_BYTES", e->figures.worker);
  define(e, "PEAK_BYTES", e->figures.peak);
  define(e, "FILE_BYTES", e->file_bytes);
  define(e, "WEIGHTS_AT", e->weights_at);
  define(e, "WEIGHTS_BYTES", e->weights_bytes);
  define(e, "WEIGHTS_BLOCKS", blocks);
  define(e, "CHECKSUMS_AT", e->checksums_at);
  define(e, "TOKENIZER_AT", e->tokenizer_at);
  define(e, "TOKENIZER_BYTES", e->tokenizer_bytes);
  oi_text_put(&e->out, "#define NO_WEIGHT UINT64_MAX\n\n");
}

static void put_numbers(oi_emit *e, const char *name, const uint64_t *x, size_t n) {
  oi_text_put(&e->out, "static const uint64_t %s[%zu] = {", name, n + 1);
  for (size_t i = 0; i < n; i++) oi_text_put(&e->out, "%llu, ", (unsigned long long)x[i]);
  oi_text_put(&e->out, "0};\n");
}

static void put_weight_name(oi_emit *e, const oi_emit_weight *w) {
  const oi_node *user = oi_node_at(e->g, w->user);
  const char *role = user->n_out ? oi_emit_role_name(oi_val_at(e->g, user->out[0])->hint.role) : "";
  oi_text_put(&e->out, "w%02u%s%s", w->number, *role ? "_" : "", role);
}

static void put_weight_table(oi_emit *e, const oi_emit_weight *w) {
  const uint32_t n = w->same ? 1 : w->n;
  oi_text_put(&e->out, "static const uint64_t ");
  put_weight_name(e, w);
  oi_text_put(&e->out, "[%u] = {", n);
  for (uint32_t i = 0; i < n; i++) {
    oi_text_put(&e->out, "%s", i == 0 ? "" : i % 8 ? ", " : ",\n    ");
    if (w->tensor[i] < 0) oi_text_put(&e->out, "NO_WEIGHT");
    else oi_text_put(&e->out, "%llu", (unsigned long long)e->offset[w->tensor[i]]);
  }
  oi_text_put(&e->out, "};\n");
}

static void put_tables(oi_emit *e) {
  oi_text_put(&e->out, "static const uint8_t front_digest[32] = {");
  for (int i = 0; i < 32; i++)
    oi_text_put(&e->out, "%s0x%02x", i == 0 ? "" : i % 12 ? ", " : ",\n    ", e->digest[i]);
  oi_text_put(&e->out, "};\n");
  put_numbers(e, "state_bytes", e->state_bytes, e->g->states.n);
  put_numbers(e, "output_bytes", e->output_bytes, e->g->outputs.n);
  oi_text_put(&e->out, "// Places of the weights in their section, by the loops around.\n");
  for (size_t i = 0; i < e->weights.n; i++) put_weight_table(e, &e->weights.at[i]);
  oi_text_put(&e->out, "\n");
}

// Kernels by number, and how many operands one has at most.
static void put_kernels(oi_emit *e) {
  uint32_t in = 1, out = 1;
  char name[96];
  oi_text_put(&e->out, "enum {\n");
  for (uint32_t i = 0; i < e->n_kernels; i++) {
    const uint32_t id = e->in_order[i];
    const oi_node *n = oi_node_at(e->g, id);
    if (e->cuts[id].ready)
      oi_text_put(&e->out, "  %s_ready,\n", oi_emit_ready_name(e, id, name));
    oi_text_put(&e->out, "  %s,\n", oi_emit_kernel_name(e, id, name));
    if (n->n_in > in) in = n->n_in;
    if (n->n_out > out) out = n->n_out;
  }
  oi_text_put(&e->out, "  N_KERNELS,\n  MOST_IN = %u,\n  MOST_OUT = %u\n};\n\n", in, out);
}

// ---- where a value lies, as an expression ----

static void put_weight_index(oi_emit *e, const oi_emit_weight *w) {
  uint32_t loops[OI_MAX_DEPTH];
  const uint32_t depth = oi_value_depth(e->g, oi_node_at(e->g, w->node)->out[0], loops);
  put_weight_name(e, w);
  oi_text_put(&e->out, "[");
  for (uint32_t i = 0; i < depth && !w->same; i++) {
    const oi_node *loop = oi_node_at(e->g, loops[i]);
    if (i) oi_text_put(&e->out, " * %lld + ", (long long)loop->trips);
    if (i + 2 < depth) oi_text_put(&e->out, "(");
    oi_text_put(&e->out, "d->s[%u]", loop->loop_sym);
  }
  for (uint32_t i = 2; i < depth && !w->same; i++) oi_text_put(&e->out, ")");
  oi_text_put(&e->out, w->same || !depth ? "0]" : "]");
}

static void put_state(oi_emit *e, const oi_node *n) {
  const oi_state_decl *s = &e->g->states.at[n->state];
  const bool layers = s->layering == OI_LAYERS_FIRST;
  const uint32_t axis = layers ? 1 : 0;
  const unsigned element = (unsigned)oinf_dtype_block_bytes(s->type.dtype);
  oi_text_put(&e->out, "state_at(r, %u, (0", n->state);
  if (layers) {
    oi_text_put(&e->out, " + ");
    oi_emit_dim(e, n->a);
    oi_text_put(&e->out, " * ");
    oi_emit_span(e, &s->type, axis, s->type.rank);
  }
  if (n->op == OP_STATE_WRITE) {
    oi_text_put(&e->out, " + ");
    oi_emit_dim(e, n->b);
    oi_text_put(&e->out, " * ");
    oi_emit_span(e, &s->type, axis + 1, s->type.rank);
  }
  oi_text_put(&e->out, ") * %u)", element);
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

static void put_show(oi_emit *e, uint32_t depth, const char *kernel, uint32_t value) {
  const oi_type *t = &oi_val_at(e->g, value)->type;
  uint32_t loops[OI_MAX_DEPTH];
  if (!oi_value_has_label(e->g, value)) return;  // made by a pass
  const uint32_t level = oi_value_depth(e->g, value, loops);
  line(e, depth, "if (r->show)\n");
  line(e, depth + 1, "show(r, \"");
  oi_text_put(&e->out, "%s\", ", kernel);
  if (level) oi_text_put(&e->out, "d->s[%u], ", oi_node_at(e->g, loops[level - 1])->loop_sym);
  else oi_text_put(&e->out, "-1, ");
  put_pointer(e, value, 0);
  oi_text_put(&e->out, ", \"%s\", %u, %u,\n", oi_emit_dtype_of(t->dtype)->name,
              (unsigned)oinf_dtype_block_bytes(t->dtype), t->rank);
  line(e, depth + 3, "(const int64_t[]){");
  for (uint32_t i = 0; i < t->rank; i++) oi_emit_dim(e, t->dim[i]), oi_text_put(&e->out, ", ");
  oi_text_put(&e->out, "0}, ");
  oi_emit_label(e, value);
  oi_text_put(&e->out, ");\n");
}

// The operand that a pager brings in by parts; -1: none.
static int paged_operand(const oi_emit *e, uint32_t id, oi_paging *how) {
  const int operand = e->desc.budget ? oi_plan_paged_operand(e->g, id, how) : -1;
  if (operand < 0) return -1;
  const oi_storage *s = storage_of(e, oi_node_at(e->g, id)->in[operand]);
  return s->kind == OI_STORE_WEIGHT ? operand : -1;
}

static void put_operands(oi_emit *e, uint32_t depth, const oi_node *n, int paged) {
  uint32_t slot = 0;
  line(e, depth, paged < 0 ? "const call c = {.out = {" : "call c = {.out = {");
  for (uint32_t i = 0; i < n->n_out; i++) {
    oi_text_put(&e->out, i ? ", " : "");
    if (n->op == OP_STATE_WRITE) put_state(e, n);
    else put_pointer(e, n->out[i], 0);
  }
  oi_text_put(&e->out, n->n_in ? "}, .in = {" : "");
  for (uint32_t i = 0; i < n->n_in; i++) {
    oi_text_put(&e->out, i ? ", " : "");
    if ((int)i == paged) oi_text_put(&e->out, "NULL");
    else put_pointer(e, n->in[i], slot);
    if (storage_of(e, n->in[i])->kind == OI_STORE_WEIGHT) slot++;
  }
  oi_text_put(&e->out, "}};\n");
}

// Where a weight lies, its rows as the paging plan counts them.
static void put_extent(oi_emit *e, uint32_t weight) {
  const oi_emit_weight *w = oi_emit_weight_of(e, weight);
  const oi_type *t = &oi_val_at(e->g, oi_node_at(e->g, weight)->out[0])->type;
  const int64_t rows = t->rank >= 2 ? t->dim[0] : 1;
  oi_text_put(&e->out, "(oi_extent){");
  put_weight_index(e, w);
  oi_text_put(&e->out, ", %llu, %lld}", (unsigned long long)(rows ? w->bytes / (uint64_t)rows : 0),
              (long long)rows);
}

// Rows that an index picks: how many the kernel takes, and how many there are.
static void put_picked(oi_emit *e, const oi_node *n, const oi_emit_cut *cut) {
  const oi_type *index = &oi_val_at(e->g, n->in[1])->type;
  oi_text_put(&e->out, "%s, %s, &c, %u, %s, ", cut->units, cut->cost,
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
  if (how == OI_PAGE_ROWS) oi_text_put(&e->out, "%s, &c, %d", cut->cost, operand);
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
  put_operands(e, depth, oi_node_at(e->g, id), paged);
  if (cut->ready) {
    line(e, depth, "run(r, ");
    oi_text_put(&e->out, "%s_ready, %s, 256, &c);\n", oi_emit_ready_name(e, id, name), cut->ready);
  }
  if (paged >= 0) {
    put_paged(e, depth, id, kernel, paged, how);
  } else {
    line(e, depth, "run(r, ");
    oi_text_put(&e->out, "%s, %s, %s, &c);\n", kernel, cut->units, cut->cost);
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

static void put_run(oi_emit *e, uint32_t depth, uint32_t id) {
  const oi_node *n = oi_node_at(e->g, id);
  char kernel[96];
  uint32_t slot = 0;
  const bool runs = e->kernel[id] != 0;
  oi_emit_kernel_name(e, id, kernel);
  line(e, depth, "{\n");
  for (uint32_t i = 0; i < n->n_in && !e->desc.budget; i++)
    if (fetch(e, depth + 1, n->in[i], slot)) slot++;
  if (runs) put_call(e, depth + 1, id, kernel);
  put_kept(e, depth + 1, n);
  for (uint32_t i = 0; i < n->n_out && n->op != OP_NUM; i++)
    put_show(e, depth + 1, runs ? kernel : oi_kind_name(n->op), n->out[i]);
  line(e, depth, "}\n");
}

static void put_copy(oi_emit *e, uint32_t depth, uint32_t from, uint32_t to) {
  if (e->plan.of_value[from] == e->plan.of_value[to]) return;
  line(e, depth, "{\n");
  fetch(e, depth + 1, from, 0);
  line(e, depth + 1, "memmove(");
  put_pointer(e, to, 0);
  oi_text_put(&e->out, ", ");
  put_pointer(e, from, 0);
  oi_text_put(&e->out, ", ");
  put_bytes(e, &oi_val_at(e->g, to)->type);
  oi_text_put(&e->out, ");\n");
  line(e, depth, "}\n");
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
  if (!begin) {
    put_yields(e, depth + 1, body, item->carry);
    line(e, depth, "}\n");
    return OINF_OK;
  }
  put_copies(e, depth, n->in, body->params, body->n_params, item->carry);
  line(e, depth, "for (");
  oi_text_put(&e->out, "d->s[%u] = %lld; d->s[%u] < %lld; d->s[%u]++) {\n", n->loop_sym,
              (long long)item->from, n->loop_sym, (long long)item->to, n->loop_sym);
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

// ---- the whole ----

oinf_status oi_emit_model(oi_emit *e) {
  uint32_t depth = 0;
  oi_text_put(&e->out,
              "// The network: its weights, its step, and the library that model.h declares.\n"
              "#define _GNU_SOURCE 1\n#include \"model.h\"\n\n#include <errno.h>\n"
              "#include <fcntl.h>\n#include <stdarg.h>\n#include <stdatomic.h>\n#include "
              "<stdbool.h>\n#include <stdio.h>\n"
              "#include <stdlib.h>\n#include <string.h>\n#include <sys/mman.h>\n"
              "#include <sys/stat.h>\n#include <unistd.h>\n\n");
  oi_text_put(&e->out,
              "#define OI_DOT_TYPES %u  // storage types of weights, keys and values\n"
              "#include \"runtime.c\"\n\n",
              e->dot_types);
  put_constants(e);
  put_tables(e);
  put_kernels(e);
  OI_TRY(oi_emit_template(e, "open.c", NULL, 0));
  oi_text_put(&e->out, "\n");
  oi_emit_ports(e);
  OI_TRY(oi_emit_template(e, "run.c", NULL, 0));
  oi_emit_page_tables(e);
  oi_text_put(&e->out, "\n");
  OI_TRY(oi_emit_template(e, e->desc.budget ? "page.c" : "mapped.c", NULL, 0));
  oi_text_put(&e->out, "\n");
  oi_emit_checks(e);
  oi_text_put(&e->out, "static int run_step(model_run *r, dims *d) {\n  (void)d;\n");
  for (size_t i = 0; i < e->plan.items.n; i++) OI_TRY(put_item(e, &depth, &e->plan.items.at[i]));
  oi_text_put(&e->out, "  return r->status;\n}\n\n");
  OI_TRY(oi_emit_template(e, "api.c", NULL, 0));
  oi_text_put(&e->out, "\n");
  OI_TRY(oi_emit_template(e, "bind.c", NULL, 0));
  oi_text_put(&e->out, "\n");
  OI_TRY(oi_emit_template(e, "saved.c", NULL, 0));
  oi_emit_entries(e);
  return OINF_OK;
}
