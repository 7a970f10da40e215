// Which weights the bundle's package holds re-laid: matrices of q8_0 and q4_0 that products read,
// and gathers beside them, in groups of 16 rows (lib/rt/dot.h), as the kernels take them. So a
// product of one row walks memory that is aligned and in order, and one of many rows packs nothing.
// Everything else stays row-major: floats, whose rows already are in the order of the sums, what
// some other kernel reads, and a table that gathers alone read, since a row of it is in one place
// then. All members of a family have one layout, since one kernel reads them; so have families that
// share a tensor.
#include "compiler/emit.h"
#include "compiler/fuse.h"

#include <oinf/ops.h>
#include <string.h>

static const oi_type *type_of(const oi_emit *e, const oi_emit_weight *w) {
  return &oi_val_at(e->g, oi_node_at(e->g, w->node)->out[0])->type;
}

static const char *refuse_type(const oi_type *t) {
  const oi_dot_type type = oi_dtype_dot(t->dtype);
  if (type != OI_DOT_Q8_0 && type != OI_DOT_Q4_0) return "its dtype has no groups";
  if (t->rank != 2) return "it is no matrix";
  return t->dim[0] == 0 || t->dim[1] == 0 ? "it is empty" : NULL;
}

// The kernel that a node is, or that stands at a fused node's head.
static uint32_t main_of(const oi_emit *e, uint32_t id) {
  return oi_node_at(e->g, id)->op == OP_FUSED ? oi_fused_main(e->g, id) : id;
}

static const char *refuse_use(const oi_emit *e, uint32_t id, uint32_t operand) {
  const uint32_t main = main_of(e, id);
  const oi_node *n = oi_node_at(e->g, main ? main : id);
  if (n->op == OP_matmul && operand == 1)
    return n->n_in == 3 ? NULL : "a product widens it row by row";
  if (n->op != OP_gather || operand != 0) return "a kernel reads it that is no product";
  const int64_t axis = ((const oinf_gather_args *)n->args)->axis;
  return axis == 0 || axis == -2 ? NULL : "a gather picks along its rows";
}

static void keep_rows(oi_emit_weight *w, const char *why) {
  if (w && !w->why) w->why = why;
}

// Whatever names the value of a weight beside the kernels that take groups.
static void keep_value(oi_emit *e, uint32_t value, const char *why) {
  const uint32_t node = oi_emit_weight_behind(e, value);
  if (node) keep_rows(oi_emit_weight_of(e, node), why);
}

static void look_at_node(oi_emit *e, uint32_t id) {
  const oi_node *n = oi_node_at(e->g, id);
  for (uint32_t i = 0; i < n->n_in; i++) {
    const uint32_t weight = oi_emit_weight_behind(e, n->in[i]);
    if (!weight || oi_plan_is_view(n->op)) continue;
    const bool itself = oi_val_at(e->g, n->in[i])->node == weight;
    const char *why = itself ? refuse_use(e, id, i) : "it is seen in another shape";
    keep_value(e, n->in[i], why);
    if (!why && i == 1) oi_emit_weight_of(e, weight)->multiplied = true;
  }
}

static void look_at_uses(oi_emit *e) {
  for (uint32_t id = 1; id < e->g->nodes.n; id++) look_at_node(e, id);
  for (size_t i = 0; i < e->plan.items.n; i++)
    if (e->plan.items.at[i].kind == OI_ITEM_LOAD)
      keep_rows(oi_emit_weight_of(e, e->plan.items.at[i].node), "a kernel wants it whole");
  for (size_t i = 0; i < e->g->outputs.n; i++)
    keep_value(e, e->g->outputs.at[i].value, "it is an output");
  for (size_t i = 0; i < e->g->regions.n; i++)
    for (uint32_t k = 0; k < e->g->regions.at[i].n_yields; k++)
      keep_value(e, e->g->regions.at[i].yields[k], "a loop or branch gives it");
}

static void set_tensors(oi_emit *e, const oi_emit_weight *w, bool grouped) {
  for (uint32_t k = 0; k < w->n; k++)
    if (w->tensor[k] >= 0) e->grouped[w->tensor[k]] = grouped;
}

static bool has_tensor(const oi_emit *e, const oi_emit_weight *w, bool grouped) {
  bool any = false;
  for (uint32_t k = 0; k < w->n; k++)
    any = any || (w->tensor[k] >= 0 && e->grouped[w->tensor[k]] == grouped);
  return any;
}

static void drop_tables(oi_emit *e) {
  for (size_t i = 0; i < e->weights.n; i++)
    if (e->weights.at[i].multiplied) set_tensors(e, &e->weights.at[i], true);
  for (size_t i = 0; i < e->weights.n; i++)
    if (!has_tensor(e, &e->weights.at[i], true))
      keep_rows(&e->weights.at[i], "no product reads it");
}

// A tensor that one family keeps row-major is so for all: until none has to follow another.
static void share_tensors(oi_emit *e) {
  for (size_t i = 0; i < e->weights.n; i++) set_tensors(e, &e->weights.at[i], true);
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < e->weights.n; i++)
      if (e->weights.at[i].why) set_tensors(e, &e->weights.at[i], false);
    for (size_t i = 0; i < e->weights.n; i++)
      if (!e->weights.at[i].why && has_tensor(e, &e->weights.at[i], false))
        e->weights.at[i].why = "another family of its tensors is row-major", changed = true;
  }
}

static void mark_kernels(oi_emit *e) {
  for (uint32_t i = 0; i < e->n_kernels; i++) {
    const oi_node *n = oi_node_at(e->g, e->in_order[i]);
    for (uint32_t k = 0; k < n->n_in; k++) {
      const uint32_t weight = oi_emit_weight_behind(e, n->in[k]);
      if (!weight || oi_emit_weight_of(e, weight)->why) continue;
      e->takes_groups[e->in_order[i]] = e->takes_groups[main_of(e, e->in_order[i])] = true;
    }
  }
}

uint64_t oi_emit_tensor_bytes(const oi_emit *e, uint32_t tensor) {
  oi_tensor t = e->model->tensors.at[tensor];
  uint64_t bytes;
  t.kind = OI_TENSOR_BYTES, t.layout = oi_emit_tensor_layout(e, tensor);
  return oi_tensor_stored(&t, &bytes) ? bytes : t.pub.bytes;
}

oi_tensor_layout oi_emit_tensor_layout(const oi_emit *e, uint32_t tensor) {
  return e->grouped[tensor] ? OI_LAYOUT_GROUPS : OI_LAYOUT_ROWS;
}

int64_t oi_emit_weight_rows(const oi_emit *e, const oi_emit_weight *w) {
  const oi_type *t = type_of(e, w);
  if (t->rank < 2) return 1;
  return w->why ? t->dim[0] : oi_groups(t->dim[0]);
}

// Decides before anything is placed or printed.
oinf_status oi_emit_lay_weights(oi_emit *e) {
  const size_t n = e->model->tensors.n + 1;
  e->grouped = oi_arena_alloc(&e->arena, n * sizeof *e->grouped);
  e->takes_groups = oi_arena_alloc(&e->arena, e->g->nodes.n * sizeof *e->takes_groups);
  if (!e->grouped || !e->takes_groups) return oi_nomem(e->err, n);
  for (size_t i = 0; i < e->weights.n; i++) {
    oi_emit_weight *w = &e->weights.at[i];
    keep_rows(w, refuse_type(type_of(e, w)));
    if (e->options.without >> OI_PASS_layout & 1) keep_rows(w, "the layout pass is left out");
  }
  look_at_uses(e);
  drop_tables(e);
  share_tensors(e);
  mark_kernels(e);
  for (size_t i = 0; i < e->weights.n; i++) {
    oi_emit_weight *w = &e->weights.at[i];
    const oi_type *t = type_of(e, w);
    if (w->why) continue;
    w->bytes = (uint64_t)(oi_groups(t->dim[0]) * oi_group_bytes(t->dim[1], oi_dtype_dot(t->dtype)));
  }
  return OINF_OK;
}

// Floats lie row-major by design; of the others it is said why they do.
void oi_emit_layout_text(const oi_emit *e, oi_text *out) {
  uint32_t laid = 0;
  for (size_t i = 0; i < e->weights.n; i++) laid += !e->weights.at[i].why;
  oi_text_put(out, "layout: %u of %zu families of weights in groups of %d rows\n", laid,
              e->weights.n, OI_GROUP);
  for (size_t i = 0; i < e->weights.n; i++) {
    const oi_emit_weight *w = &e->weights.at[i];
    if (!w->why || oi_dtype_class(type_of(e, w)->dtype) != OI_Q) continue;
    const char *name = oi_node_at(e->g, w->node)->text;
    oi_text_put(out, "layout: weight \"");
    oi_text_escape(out, name, strlen(name));
    oi_text_put(out, "\" stays row-major: %s\n", w->why);
  }
}
