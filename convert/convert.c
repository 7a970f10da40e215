// See convert.h. The content is planned twice: as a draft under the source's names, over which the
// architecture's builder knows its way, and then under the new names in the order in which the
// graph uses them.
#include "convert/convert.h"

#include <string.h>

#include "convert/quantize.h"

enum {
  PIECE = 1 << 20,
  PIECE_ELEMENTS = PIECE * 2,  // a piece of q4_0 holds just under 2^21 elements
};
static const size_t piece_room = PIECE_ELEMENTS * sizeof(float);

static oi_err *err(const oi_convert *c) { return oi_ctx_err(c->ctx); }

// ---- what becomes of a tensor ----

static bool is_float(oinf_dtype d) {
  return d == OINF_F32 || d == OINF_F16 || d == OINF_BF16 || oi_dtype_class(d) == OI_Q;
}

static bool can_quantize(const oinf_tensor *t) {
  return t->rank == 2 && t->dims[1] % 32 == 0 && is_float(t->dtype);
}

// A recipe's rule goes before --quant. A rule of wildcards means what it can mean; one that names a
// single tensor is meant.
static oinf_status target_dtype(oi_convert *c, const oinf_tensor *t, const char *name,
                                oinf_dtype *out) {
  bool ruled, exact;
  oinf_dtype quant = oi_recipe_quant(&c->rules, name, &ruled, &exact),
             plain = oi_recipe_dtype(&c->rules, name);
  *out = plain && is_float(t->dtype) ? plain : t->dtype;
  if (!ruled && c->quant) quant = oinf_dtype_find(c->quant);
  if (!quant || !is_float(t->dtype)) return OINF_OK;
  if (can_quantize(t)) return *out = quant, OINF_OK;
  c->n_unquantized += t->rank == 2;
  if (!exact) return OINF_OK;
  return oi_fail(err(c), OINF_SUPPORT,
                 "'%s' cannot be %s: two axes of float, the last a multiple of 32, are wanted",
                 name, oinf_dtype_name(quant));
}

static oinf_status add_draft(oi_convert *c, uint32_t from) {
  const oi_tensor *t = &c->parts.shape->tensors.at[from];
  oi_tensor made = {.pub = t->pub, .kind = t->kind, .seed = t->seed};
  oi_text name;
  oi_text_init(&name, c->ctx);
  oinf_status status =
      oi_recipe_name(&c->rules, t->pub.name, &name) ? OINF_OK : oi_nomem(err(c), name.n);
  if (status == OINF_OK) status = target_dtype(c, &t->pub, name.at, &made.pub.dtype);
  if (made.pub.dtype != t->pub.dtype) made.kind = OI_TENSOR_BYTES, made.seed = 0;
  if (status == OINF_OK)
    status = oi_model_add_tensor(c->draft, &made, t->pub.name, strlen(t->pub.name));
  oi_text_free(&name);
  if (status != OINF_OK) oi_trail(err(c), "converting tensor '%s'", t->pub.name);
  return status;
}

// The same tensor under its new name.
static oinf_status add_content(oi_convert *c, uint32_t draft) {
  const oi_tensor *t = &c->draft->tensors.at[draft];
  oi_tensor made = {.pub = t->pub, .kind = t->kind, .seed = t->seed};
  oi_text name;
  oi_text_init(&name, c->ctx);
  oinf_status status =
      oi_recipe_name(&c->rules, t->pub.name, &name) ? OINF_OK : oi_nomem(err(c), name.n);
  if (status == OINF_OK) status = oi_model_add_tensor(c->content, &made, name.at, name.n);
  oi_text_free(&name);
  return status;
}

// ---- draft and content ----

static oinf_status make_draft(oi_convert *c) {
  OI_TRY(oi_parts_make(&c->parts, &c->rules, &c->config, c->from));
  OI_TRY(oi_model_new(c->ctx, "oinf", &c->draft));
  for (; c->n_made < c->parts.shape->tensors.n; c->n_made++)
    OI_TRY(add_draft(c, (uint32_t)c->n_made));
  if (c->n_unquantized)
    oi_note(c->ctx, "matrices that keep their dtype, as 32 does not divide their rows: %u",
            c->n_unquantized);
  OI_TRY(oi_model_index(c->draft));
  return oi_convert_set(c, c->draft);
}

static oinf_status make_content(oi_convert *c, oinf_graph *g) {
  c->draft_room = (c->draft->tensors.n + 1) * sizeof *c->draft_of;
  c->draft_of = oi_alloc(c->ctx, c->draft_room);
  if (!c->draft_of) return oi_nomem(err(c), c->draft_room);
  OI_TRY(oi_convert_order(c->draft, g, c->draft_of));
  OI_TRY(oi_model_new(c->ctx, "oinf", &c->content));
  for (size_t i = 0; i < c->draft->tensors.n; i++) OI_TRY(add_content(c, c->draft_of[i]));
  OI_TRY_AT(err(c), oi_model_index(c->content), "naming tensors as the recipe says");
  return oi_convert_keep_graphs(c, g);
}

static oinf_status make_all(oi_convert *c) {
  oinf_graph *g = NULL;
  const oi_arch *arch = NULL;
  OI_TRY(make_draft(c));
  OI_TRY(oi_convert_graph(c, &g, &arch));
  oinf_status status = make_content(c, g);
  oinf_graph_destroy(g);
  OI_TRY(status);
  OI_TRY(oi_convert_meta(c, arch));
  if (oinf_model_graph_count(c->content) == 0) return OINF_OK;
  return oinf_graph_load(c->ctx, c->content, oinf_model_meta(c->content, "oinf.graph"), &c->graph);
}

oinf_status oi_convert_plan(oi_convert *c) {
  oi_recipe_init(&c->rules, c->ctx);
  if (c->quant && strcmp(c->quant, "q8_0") != 0 && strcmp(c->quant, "q4_0") != 0)
    return oi_fail(err(c), OINF_USAGE, "--quant wants q8_0 or q4_0, not '%s'", c->quant);
  if (c->recipe) OI_TRY(oi_recipe_load(&c->rules, c->ctx, c->recipe));
  OI_TRY(oinf_model_open(c->ctx, c->source, &c->from));
  OI_TRY(oi_config_open(c->ctx, c->from, &c->config));
  return make_all(c);
}

void oi_convert_origin(const oi_convert *c, uint32_t tensor, oi_text *out) {
  const uint32_t draft = c->draft_of[tensor];
  oi_text_init(out, c->ctx);
  if (draft < c->n_made) oi_parts_tell(&c->parts, draft, out);
}

// ---- bytes ----

// A piece of a tensor in its new dtype: whole blocks, read in the old one.
static oinf_status fill(void *user, uint32_t tensor, uint64_t offset, void *out, uint64_t bytes) {
  oi_convert *c = user;
  const uint32_t draft = c->draft_of[tensor];
  if (draft >= c->n_made) return oi_model_read_at(c->draft, draft, offset, out, bytes);
  const oinf_tensor *to = &c->draft->tensors.at[draft].pub,
                    *from = &c->parts.shape->tensors.at[draft].pub;
  const uint64_t to_bytes = oinf_dtype_block_bytes(to->dtype), to_n = oinf_dtype_block(to->dtype);
  const uint64_t i = offset / to_bytes * to_n, n = bytes / to_bytes * to_n;
  if (to->dtype == from->dtype) return oi_parts_read(&c->parts, draft, i, n, out);
  OI_TRY(oi_parts_read(&c->parts, draft, i, n, c->narrow));
  const oi_view old = {.data = c->narrow, .dtype = from->dtype, .rank = 1, .dim = {(int64_t)n}};
  const oi_view made = {.data = out, .dtype = to->dtype, .rank = 1, .dim = {(int64_t)n}};
  oi_load_f32(c->wide, &old, 0, (int64_t)n);
  if (oi_dtype_class(to->dtype) != OI_Q) oi_store_f32(&made, 0, (int64_t)n, c->wide);
  else if (!oi_quantize_blocks(to->dtype, c->wide, (int64_t)n, out))
    return oi_fail(
        err(c), OINF_FORMAT,
        "tensor '%s' holds values that %s has no scale for: NaN, infinity, or beyond f16",
        from->name, oinf_dtype_name(to->dtype));
  return OINF_OK;
}

static bool wants_golden(const oi_convert *c) {
  uint64_t bytes = 0;
  for (size_t i = 0; i < c->content->tensors.n; i++) bytes += c->content->tensors.at[i].pub.bytes;
  if (!c->graph || c->no_golden) return false;
  if (c->golden || bytes <= (uint64_t)8 << 30) return true;
  oi_note(c->ctx, "above 8 GiB of weights golden steps are made with --golden alone");
  return false;
}

static void free_pieces(oi_convert *c) {
  oi_free(c->ctx, c->wide, piece_room);
  oi_free(c->ctx, c->narrow, piece_room);
  c->wide = NULL, c->narrow = NULL;
}

oinf_status oi_convert_write(oi_convert *c) {
  oi_oinf_writer *w;
  if (c->reference && (c->no_golden || !c->graph))
    return oi_fail(err(c), OINF_USAGE, "--reference wants a graph, and golden steps");
  c->wide = oi_alloc(c->ctx, piece_room);
  c->narrow = oi_alloc(c->ctx, piece_room);
  if (!c->wide || !c->narrow) return oi_nomem(err(c), piece_room);
  const oi_oinf_fill f = {.fill = fill, .progress = c->progress, .user = c, .input = c->from};
  OI_TRY(oi_oinf_begin(c->content, c->out, &f, &w));
  free_pieces(c);
  oinf_status status = wants_golden(c) ? oi_golden_make(c, w) : OINF_OK;
  if (status == OINF_OK) status = oi_oinf_commit(&w);
  oi_oinf_abort(&w);
  return status;
}

void oi_convert_free(oi_convert *c) {
  oinf_graph_destroy(c->graph);
  oinf_model_destroy(c->content);
  oinf_model_destroy(c->draft);
  oi_parts_free(&c->parts);
  oinf_model_destroy(c->from);
  oi_config_close(&c->config);
  oi_recipe_free(&c->rules, c->ctx);
  oi_free(c->ctx, c->draft_of, c->draft_room);
  free_pieces(c);
}
