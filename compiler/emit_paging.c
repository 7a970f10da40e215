// Weights under a budget: where they will lie in the bundle's file, and the paging plan over that,
// made before anything is written. The plan is the simulator's own; what a bundle adds is a table
// for its source.
#include <string.h>

#include "compiler/emit.h"
#include "formats/oinf_layout.h"

// Places in the section of weights, as the writer will give them.
oinf_status oi_emit_place_weights(oi_emit *e) {
  uint64_t end = 0;
  e->offset = oi_arena_alloc(&e->arena, (e->model->tensors.n + 1) * sizeof *e->offset);
  if (!e->offset) return oi_nomem(e->err, e->model->tensors.n);
  for (size_t i = 0; i < e->tensors.n; i++) {
    const uint64_t bytes = oi_emit_tensor_bytes(e, e->tensors.at[i]);
    uint64_t *at = &e->offset[e->tensors.at[i]];
    if (!oi_payload_place(bytes, end, at) || !oi_add_u64(*at, bytes, &end))
      return oi_fail(e->err, OINF_SUPPORT, "the weights are too large for a package");
  }
  e->weights_bytes = end;
  return OINF_OK;
}

// The source as if it lay where the bundle's weights will: tensors by their index in the source.
static oinf_status as_placed(oi_emit *e, oinf_model *out) {
  const size_t n = e->model->tensors.n;
  *out = *e->model;
  out->tensors.at = oi_arena_alloc(&e->arena, (n + 1) * sizeof *out->tensors.at);
  if (!out->tensors.at) return oi_nomem(e->err, n);
  memcpy(out->tensors.at, e->model->tensors.at, n * sizeof *out->tensors.at);
  for (size_t i = 0; i < n; i++) {
    oi_tensor *t = &out->tensors.at[i];
    t->kind = OI_TENSOR_BYTES, t->source = 0, t->offset = e->offset[i];
    t->layout = oi_emit_tensor_layout(e, (uint32_t)i);
    t->pub.bytes = oi_emit_tensor_bytes(e, (uint32_t)i);
  }
  out->n_crc = 1, out->weights_offset = 0;
  return OINF_OK;
}

// Room to sort the rows that an index picks.
static uint64_t picks_of(const oi_emit *e) {
  uint64_t most = 0;
  for (uint32_t i = 0; i < e->n_kernels; i++) {
    oi_paging how;
    const oi_node *n = oi_node_at(e->g, e->in_order[i]);
    if (oi_plan_paged_operand(e->g, e->in_order[i], &how) < 0 || how != OI_PAGE_INDEXED) continue;
    oi_type index = oi_val_at(e->g, n->in[1])->type;
    index.dtype = OINF_U8;
    const uint64_t count = oi_plan_bytes_hi(&e->plan, &index);
    if (count > most) most = count;
  }
  return (most * OI_EMIT_PICK + 63) / 64 * 64;
}

static oinf_status make_paging(oi_emit *e, const oinf_model *placed, const oi_pager *pager,
                               uint64_t rest) {
  const uint64_t budget = e->desc.budget;
  const oi_paging_desc least = {.pager = pager, .model = placed};
  oi_paging_desc d = least;
  OI_TRY(oi_paging_make(&e->plan, &least, e->err, &e->paging));
  e->figures.smallest = rest + e->paging.bytes;
  if (budget == OINF_EMIT_SMALLEST) return OINF_OK;
  if (budget < e->figures.smallest)
    return oi_fail(e->err, OINF_BUDGET,
                   "the budget of %llu bytes is too small: at least %llu are needed",
                   (unsigned long long)budget, (unsigned long long)e->figures.smallest);
  oi_paging_free(e->ctx, &e->paging);
  d.room = budget - rest;
  return oi_paging_make(&e->plan, &d, e->err, &e->paging);
}

static oinf_status check_embedding(const oi_emit *e) {
  if (e->desc.budget != OINF_EMIT_MAPPED)
    return oi_fail(e->err, OINF_USAGE, "weights within the source are in memory: no budget holds");
  if (e->weights_bytes <= OINF_EMIT_EMBEDDED) return OINF_OK;
  return oi_fail(e->err, OINF_SUPPORT, "weights of %llu bytes are too many to embed: at most %d",
                 (unsigned long long)e->weights_bytes, OINF_EMIT_EMBEDDED);
}

// `rest`: bytes of all other arenas.
oinf_status oi_emit_paging(oi_emit *e, uint64_t rest) {
  oinf_model placed;
  const oi_pager_source source = {.fd = -1, .size = e->weights_bytes};
  if (e->desc.embed) OI_TRY(check_embedding(e));
  if (e->desc.budget == OINF_EMIT_MAPPED) return OINF_OK;
  OI_TRY(as_placed(e, &placed));
  oi_pager *pager = oi_pager_open(&source, 1);
  if (!pager) return oi_nomem(e->err, e->weights_bytes >> 20);
  e->pick_bytes = picks_of(e);
  oinf_status status = make_paging(e, &placed, pager, rest + e->pick_bytes);
  oi_pager_close(pager);
  e->figures.weights = e->paging.bytes + e->pick_bytes;
  e->figures.read_first = e->paging.read_first, e->figures.read_per_step = e->paging.read_per_step;
  return status;
}

// ---- as a table of model.c ----

static void define(oi_emit *e, const char *name, uint64_t x) {
  oi_text_put(&e->out, "#define %s %lluu\n", name, (unsigned long long)x);
}

void oi_emit_page_tables(oi_emit *e) {
  const oi_paging_plan *p = &e->paging;
  if (e->desc.budget == OINF_EMIT_MAPPED) return;
  oi_text_put(&e->out,
              "\n// The order in which blocks of 1 MiB stream: the first, and how many.\n"
              "static const oi_page page_order[] = {");
  for (size_t i = 0; i < p->order.n; i++)
    oi_text_put(&e->out, "%s{%llu, %u}, ", i % 8 ? "" : "\n    ",
                (unsigned long long)p->order.at[i].first, p->order.at[i].count);
  oi_text_put(&e->out, "{0, 0}};\nstatic const oi_fork page_forks[] = {");
  for (size_t i = 0; i < p->forks.n; i++) {
    const oi_fork *f = &p->forks.at[i];
    oi_text_put(&e->out, "\n    {%u, {%zu, %zu}, %zu}, ", f->item, f->page[0], f->page[1], f->skip);
  }
  oi_text_put(&e->out,
              "{0, {0, 0}, 0}};\n// What stays in memory, and what streams.\n"
              "static const oi_schedule page_schedule = {\n"
              "    {%llu, %u}, page_order, %zu, page_forks, %zu};\n",
              (unsigned long long)p->window.first, p->window.count, p->order.n, p->forks.n);
  define(e, "SLOT_BLOCKS", p->slot);
  define(e, "ROW_BLOCKS", p->row_slot);
  define(e, "READ_FIRST", p->read_first);
  define(e, "READ_PER_STEP", p->read_per_step);
}
