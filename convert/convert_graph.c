// The graph of a package: built for a known architecture, or taken over from a package into which a
// program saved it. A saved graph states the dtypes of its weights: over others it is built again
// from its text, and types follow. The graph that a conversion built before is built by the
// architecture's code.
#include <stdio.h>
#include <string.h>

#include "convert/convert.h"

#define BUILT "text"  // the name of every graph of convert/arch/

static oi_err *err(const oi_convert *c) { return oi_ctx_err(c->ctx); }

static oinf_status note_unknown(oi_convert *c) {
  oi_text known;
  oi_text_init(&known, c->ctx);
  oi_arch_list(&known);
  const char *is = *c->config.model_type ? c->config.model_type : "(none)";
  const bool head = *c->config.head;
  if (!known.failed)
    oi_note(c->ctx,
            "architecture '%s'%s%s is not known (%s are, as language models): tensors are "
            "converted, without a graph",
            is, head ? " of " : "", c->config.head, known.at);
  oinf_status status = known.failed ? oi_nomem(err(c), known.n) : OINF_OK;
  oi_text_free(&known);
  return status;
}

static bool has_other_dtypes(const oi_convert *c) {
  for (size_t i = 0; i < c->n_made; i++)
    if (c->draft->tensors.at[i].pub.dtype != c->parts.shape->tensors.at[i].pub.dtype) return true;
  return false;
}

// What a saved graph states of its states does not hold any more, or its weights are not there.
static bool is_another(const oi_convert *c) {
  if (c->parts.changed) return true;
  const char *before = oinf_model_meta(c->from, "kv_dtype"),
             *now = oinf_model_meta(c->draft, "kv_dtype");
  return strcmp(before ? before : "f32", now ? now : "f32") != 0;
}

static bool is_built_graph(const oi_convert *c) {
  const char *name = NULL;
  (void)oinf_model_graph_text(c->from, 0, &name);
  return oinf_model_graph_count(c->from) == 1 && strcmp(name, BUILT) == 0;
}

static oinf_status load_saved(oi_convert *c, oinf_graph **out) {
  for (size_t i = 0; i < c->from->graphs.n; i++) {
    const oi_graph_text *g = &c->from->graphs.at[i];
    OI_TRY(oi_model_set_graph(c->draft, g->name, g->text, g->size));
  }
  return oinf_graph_load(c->ctx, c->draft, oinf_model_meta(c->from, "oinf.graph"), out);
}

// The one graph of the package over weights of other dtypes.
static oinf_status rebuild_saved(oi_convert *c, oinf_graph **out) {
  const oi_graph_text *g = &c->from->graphs.at[0];
  char why[512];
  const oinf_status status = oi_graph_parse_anew(c->ctx, c->draft, g->text, g->size, out);
  if (status != OINF_GRAPH && status != OINF_FORMAT) return status;
  snprintf(why, sizeof why, "%s", oinf_error(c->ctx));
  oinf_error_clear(c->ctx);
  return oi_fail(err(c), OINF_SUPPORT, "graph '%s' does not hold over the new weights: %s", g->name,
                 why);
}

oinf_status oi_convert_graph(oi_convert *c, oinf_graph **out_graph, const oi_arch **out_arch) {
  const oi_arch *arch = oi_arch_find(&c->config);
  const uint32_t saved = oinf_model_graph_count(c->from);
  const bool another = is_another(c), dtypes = has_other_dtypes(c);
  if (!arch && !saved) return note_unknown(c);
  if (saved && !another && !dtypes) return load_saved(c, out_graph);
  if (saved && (!arch || !is_built_graph(c))) {
    if (saved == 1 && !another) return rebuild_saved(c, out_graph);
    return oi_fail(err(c), OINF_SUPPORT, "the package holds what a program saved: %s again",
                   another ? "over other weights, or states of another dtype, it builds its graph"
                           : "over weights of other dtypes, it builds its graphs");
  }
  OI_TRY_AT(err(c), arch->build(&c->config, c->draft, out_graph), "building the graph of '%s'",
            arch->model_type);
  *out_arch = arch;
  return OINF_OK;
}

// ---- new names ----

static oinf_status rename_weight(oi_convert *c, oinf_graph *g, oi_node *n) {
  oi_text name;
  oi_text_init(&name, c->ctx);
  oinf_status status = OINF_OK;
  if (!oi_recipe_name(&c->rules, n->text, &name)) status = oi_nomem(err(c), name.n);
  if (status == OINF_OK && !(n->text = oi_arena_text(&g->arena, name.at, name.n)))
    status = oi_nomem(err(c), name.n);
  oi_text_free(&name);
  return status;
}

static oinf_status keep_renamed(oi_convert *c, oinf_graph *g) {
  for (size_t i = 1; i < g->nodes.n; i++)
    if (g->nodes.at[i].op == OP_WEIGHT) OI_TRY(rename_weight(c, g, &g->nodes.at[i]));
  g->model = c->content;
  g->verified = false;
  OI_TRY_AT(err(c), oinf_graph_save(g, c->content),
            "naming the graph's weights as the recipe says");
  return OINF_OK;
}

oinf_status oi_convert_keep_graphs(oi_convert *c, oinf_graph *built) {
  if (built && oinf_model_graph_count(c->draft) == 0) return keep_renamed(c, built);
  for (uint32_t i = 0; i < oinf_model_graph_count(c->draft); i++) {
    const char *name;
    oinf_graph *g;
    (void)oinf_model_graph_text(c->draft, i, &name);
    OI_TRY(oinf_graph_load(c->ctx, c->draft, name, &g));
    oinf_status status = keep_renamed(c, g);
    oinf_graph_destroy(g);
    OI_TRY(status);
  }
  return OINF_OK;
}
