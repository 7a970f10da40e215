// A user's own op in a graph: elementwise over up to three f32 operands, its bodies kept with the
// graph.
//
// The graph copies the bodies, as its text carries them to a package and so to another process that
// can print but not run them. The function comes from the program: with oinf_user, or registered
// before a graph is loaded. A registered op of the same name and another body is a mistake, and
// never runs in the place of what the graph means.
#include "lib/graph_build.h"

#include <string.h>

static bool same_text(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_op(const oinf_user_op *a, const oinf_user_op *b) {
  return a->arity == b->arity && same_text(a->c_body, b->c_body) &&
         same_text(a->glsl_body, b->glsl_body);
}

static oinf_user_op *find_op(oinf_graph *g, const char *name) {
  for (size_t i = 0; i < g->user_ops.n; i++)
    if (strcmp(g->user_ops.at[i].name, name) == 0) return &g->user_ops.at[i];
  return NULL;
}

static const char *why_not(oinf_graph *g, const oinf_user_op *op) {
  if (!op->name || !oi_is_identifier(op->name) || strlen(op->name) > 64)
    return "its name is no short identifier";
  if (!op->c_body || op->arity < 1 || op->arity > 3) return "it has a body and 1 to 3 operands";
  const oinf_user_op *known = find_op(g, op->name), *registered = oi_ctx_user_op(g->ctx, op->name);
  if (known && !same_op(known, op)) return "another op of this name is in the graph";
  if (registered && !same_op(registered, op))
    return "an op of this name with another body is registered";
  return !known && g->user_ops.n >= OI_MAX_PORTS ? "too many ops of users" : NULL;
}

bool oi_user_op_add(oinf_graph *g, const oinf_user_op *op, oi_where at) {
  if (oi_poisoned(g)) return false;
  const char *why = why_not(g, op);
  if (why) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "user '%.64s': %s", op->name ? op->name : "",
                     why);
    return false;
  }
  const oinf_user_op *registered = oi_ctx_user_op(g->ctx, op->name);
  oinf_user_op *known = find_op(g, op->name);
  if (known) return known->run = known->run ? known->run : op->run, true;
  oinf_user_op copy = {.arity = op->arity,
                       .run = op->run      ? op->run
                              : registered ? registered->run
                                           : NULL};
  copy.name = oi_graph_copy(g, op->name), copy.c_body = oi_graph_copy(g, op->c_body);
  copy.glsl_body = op->glsl_body ? oi_graph_copy(g, op->glsl_body) : NULL;
  if (oi_poisoned(g)) return false;
  oinf_user_op *slot = oi_vec_push(g->ctx, &g->user_ops);
  if (!slot) return oi_graph_nomem(g), false;
  *slot = copy;
  return true;
}

// f32 operands that broadcast; gives f32.
static bool user_type(oinf_graph *g, const oinf_user_op *op, const uint32_t *in, oi_type *out,
                      oi_where at) {
  char message[256] = "";
  oi_infer s = {.ctx = g->ctx, .dims = g->dims, .message = message, .room = sizeof message};
  *out = (oi_type){.dtype = OINF_F32};
  for (uint32_t i = 0; i < op->arity; i++) {
    oi_type type = g->values.at[in[i]].type, so_far = *out;
    bool ok = type.dtype == OINF_F32 &&
              (i ? oi_infer_broadcast(&s, &so_far, &type, out) : (*out = type, true));
    if (ok) continue;
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "user '%s': operand %c: %s", op->name,
                     (int)('a' + i), type.dtype == OINF_F32 ? message : "expected f32");
    return false;
  }
  out->dtype = OINF_F32;
  return oi_needs_keep(g, &s, op->name, at);
}

uint32_t oi_user_add(oinf_graph *g, const char *name, const uint32_t *in, uint32_t n, oi_where at) {
  if (oi_poisoned(g)) return 0;
  const oinf_user_op *op = find_op(g, name);
  if (!op || op->arity != n) {
    oi_graph_mistake(
        g, OINF_GRAPH, at.file, at.line,
        op ? "user '%s': expected %u operands, found %u" : "user '%s': no such op is declared",
        name, op ? op->arity : 0, n);
    return 0;
  }
  uint32_t settled[3];
  oi_type type;
  for (uint32_t i = 0; i < n; i++) {
    if (!oi_value_usable(g, oi_val_of(g, in[i]), "user: an operand", at)) return 0;
    if (!(settled[i] = oi_value_settle(g, in[i], OINF_F32, "user", at))) return 0;
  }
  if (!user_type(g, op, settled, &type, at) || !oi_type_check(g, &type, "user", at)) return 0;
  const char *kept = op->name;
  uint32_t id = oi_node_add(g, OP_USER, settled, n, &type, 1, at);
  if (!id) return 0;
  g->nodes.at[id].text = kept;
  return g->nodes.at[id].out[0];
}

oinf_val oi_user(oinf_graph *g, const oinf_user_op *op, const oinf_val *in, size_t n,
                 const char *file, int line) {
  oi_where at = {file, line};
  uint32_t ids[3];
  if (oi_poisoned(g) || !oi_user_op_add(g, op, at)) return oi_val_of(g, 0);
  for (size_t i = 0; i < n && i < 3; i++) {
    if (!oi_value_usable(g, in[i], "user: an operand", at)) return oi_val_of(g, 0);
    ids[i] = in[i].id;
  }
  return oi_val_of(g, oi_user_add(g, op->name, ids, (uint32_t)n, at));
}
