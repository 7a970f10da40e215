// A user's own op: its C body, which came with the package, as a function of its own, and the
// elementwise kernel that calls it.
//
// The body is the user's code, by consent of whoever builds the bundle, and is printed as it is; it
// calls what it likes. What it must not do is to change the meaning of the text around it without a
// word. So it is read as tokens first: brackets that match and never close the function, no
// comment, string, directive, backslash or control character, none of the other spellings of those
// (trigraphs, digraphs), no word that leaves the body or outlives it (return, goto, static, ...),
// no name that begins with an underscore (the compiler's). What does not pass is refused by name.
// It is not a sandbox: a body that never ends, or calls abort(), does so in the bundle too.
#include <stdio.h>
#include <string.h>

#include "compiler/emit.h"

enum {
  MOST_NESTING = 64
};

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_one_of(const char *words, const char *at, size_t n) {
  for (const char *w = words; *w; w += strcspn(w, " "), w += *w == ' ')
    if (strcspn(w, " ") == n && memcmp(w, at, n) == 0) return true;
  return false;
}

static const char *why_not_word(const char *at, size_t n) {
  if (*at == '_') return "a name begins with an underscore";
  if (is_one_of("return goto asm static extern register typedef switch case default volatile "
                "struct union enum",
                at, n))
    return "a word that is not for bodies: return, goto, asm, static, extern, typedef, switch, ...";
  return NULL;
}

// Other spellings of brackets and of #: <% %> <: :> %: ??x
static bool is_digraph(const char *at) {
  return strncmp(at, "<%", 2) == 0 || strncmp(at, "%>", 2) == 0 || strncmp(at, "<:", 2) == 0 ||
         strncmp(at, ":>", 2) == 0 || strncmp(at, "%:", 2) == 0 || strncmp(at, "??", 2) == 0;
}

static const char *why_not_mark(const char *at, char *open, int *depth) {
  if (is_digraph(at)) return "a digraph or trigraph";
  if (strncmp(at, "//", 2) == 0 || strncmp(at, "/*", 2) == 0) return "a comment";
  if (!strchr("+-*/%<>=!&|^~?:;,.()[]{}", *at)) return "a character that is not for bodies";
  if (strchr("([{", *at)) {
    if (*depth == MOST_NESTING) return "brackets stand too deep";
    open[(*depth)++] = *at == '(' ? ')' : *at == '[' ? ']' : '}';
  } else if (strchr(")]}", *at) && (*depth == 0 || open[--*depth] != *at)) {
    return "brackets do not match";
  }
  return NULL;
}

// NULL: it may be printed.
static const char *why_not(const char *body) {
  char open[MOST_NESTING];
  int depth = 0;
  const char *why = NULL;
  for (const char *at = body; *at && !why;) {
    size_t n = 0;
    while (is_word(at[n])) n++;
    if (n && !is_digit(*at)) why = why_not_word(at, n);
    else if (!n && *at != ' ' && *at != '\n' && *at != '\t') why = why_not_mark(at, open, &depth);
    at += n ? n : 1;
  }
  return why ? why : depth ? "brackets do not match" : NULL;
}

static const oinf_user_op *op_of(const oi_emit *e, const oi_node *n) {
  for (size_t i = 0; i < e->g->user_ops.n; i++)
    if (strcmp(e->g->user_ops.at[i].name, n->text) == 0) return &e->g->user_ops.at[i];
  return NULL;
}

static void put_body(oi_emit *e, const oi_node *n, const oinf_user_op *op, const char *name) {
  oi_text_put(&e->out,
              "// A user's own op: this body came with the package.\nstatic float K(%s_op)(", name);
  for (uint32_t i = 0; i < n->n_in; i++)
    oi_text_put(&e->out, "%sconst float %c", i ? ", " : "", (char)('a' + i));
  oi_text_put(&e->out, ") {\n  float out = 0.0f;\n");
  for (uint32_t i = n->n_in; i < 3; i++)
    oi_text_put(&e->out, "  const float %c = 0.0f;\n", (char)('a' + i));
  oi_text_put(&e->out, "  (void)a, (void)b, (void)c;\n  {\n    %s\n  }\n  return out;\n}\n",
              op->c_body);
}

oinf_status oi_emit_user(oi_emit *e, const oi_node *n, oi_emit_cut *cut) {
  static const char *const operands[] = {"a", "a, b", "a, b, c"};
  const oinf_user_op *op = op_of(e, n);
  char name[96], expr[160];
  oi_emit_kernel_name(e, (uint32_t)(n - e->g->nodes.at), name);
  if (!op) return oi_emit_refuse(e, n, "its body is not in the graph");
  const char *why = why_not(op->c_body);
  if (why)
    return oi_fail(e->err, OINF_FORMAT, "the body of op '%s' is not printed: %s", op->name, why);
  put_body(e, n, op, name);
  snprintf(expr, sizeof expr, "K(%s_op)(%s)", name, operands[n->n_in - 1]);
  oi_emit_elements(e, n, expr, cut);
  return OINF_OK;
}
