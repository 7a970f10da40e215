// Names that hold indices of loops: "blk.{l}.wq", "blk.{2*l+1}.wq". Families of weights, names of
// values, labels.
//
//   hole = "{" ["-"] term { ("+" | "-") term } "}"      term = number ["*" loop] | loop ["*"
//   number]
//
// A hole is affine in the indices of the loops around the region it stands in; nothing else may
// stand there, so the members of a family are known before anything runs. The names of loops are
// resolved by the regions around, not by the table of dims: a name is read again whenever it is
// expanded, also after its loop has been closed.
#include "lib/graph_build.h"

#include <string.h>

enum { MAX_HOLES = 8, MAX_EXPANSIONS = 1 << 22 };

typedef struct hole {
  const char *begin, *end;  // from the brace to behind its partner
  int64_t constant, factor[OI_MAX_DEPTH];
} hole;

typedef struct loops {  // around a region, outermost first
  uint32_t n;
  struct {
    const char *name;
    uint32_t sym;
    int64_t trips;
  } at[OI_MAX_DEPTH];
  bool in_branch;
} loops;

typedef struct pattern {
  const char *text;
  uint32_t n;
  hole hole[MAX_HOLES];
  loops around;
  bool uses[OI_MAX_DEPTH];
} pattern;

static loops loops_around(oinf_graph *g, uint32_t region) {
  loops l = {.n = 0}, inner_first = {.n = 0};
  for (; region; region = g->regions.at[region].parent) {
    const oi_node *n = oi_node_at(g, g->regions.at[region].node);
    if (n->op != OP_LOOP) inner_first.in_branch |= n->op == OP_IF;
    else if (inner_first.n < OI_MAX_DEPTH) {
      uint32_t i = inner_first.n++;
      inner_first.at[i].name = oi_dims_sym_at(g->dims, n->loop_sym)->name;
      inner_first.at[i].sym = n->loop_sym, inner_first.at[i].trips = n->trips;
    }
  }
  l = inner_first;
  for (uint32_t i = 0; i < l.n; i++) l.at[i] = inner_first.at[l.n - 1 - i];
  return l;
}

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_word(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool read_number(const char **at, int64_t *out) {
  int64_t x = 0;
  if (!is_digit(**at)) return false;
  for (; is_digit(**at); ++*at)
    if ((x = x * 10 + (**at - '0')) > OI_MAX_TRIPS * INT64_C(16)) return false;
  return *out = x, true;
}

// Which loop a name means, the innermost first; -1: none.
static int read_loop(const loops *l, const char **at) {
  size_t n = 0;
  while (is_word((*at)[n])) n++;
  for (uint32_t i = l->n; n && i-- > 0;)
    if (strlen(l->at[i].name) == n && memcmp(l->at[i].name, *at, n) == 0) return *at += n, (int)i;
  return -1;
}

static bool read_term(const loops *l, const char **at, int64_t sign, hole *h) {
  int64_t k = 1;
  bool number_first = is_digit(**at);
  if (number_first) {
    if (!read_number(at, &k)) return false;
    if (**at != '*') return h->constant += sign * k, true;
    ++*at;
  }
  int loop = read_loop(l, at);
  if (loop < 0) return false;
  if (!number_first && **at == '*') {
    ++*at;
    if (!read_number(at, &k)) return false;
  }
  h->factor[loop] += sign * k;
  return true;
}

static bool read_hole(const loops *l, const char **at, hole *h) {
  *h = (hole){.begin = *at};
  int64_t sign = 1;
  for (++*at; **at == '-'; ++*at) sign = -1;
  for (uint32_t terms = 0; terms < 16; terms++) {
    if (!read_term(l, at, sign, h)) return false;
    if (**at == '}') return h->end = ++*at, true;
    if (**at != '+' && **at != '-') return false;
    sign = *(*at)++ == '-' ? -1 : 1;
  }
  return false;
}

static bool read_pattern(oinf_graph *g, uint32_t region, const char *text, pattern *p) {
  *p = (pattern){.text = text};
  p->around = loops_around(g, region);
  for (const char *at = text; *at;) {
    if (*at == '}') return false;
    if (*at != '{') {
      at++;
      continue;
    }
    if (p->n == MAX_HOLES || !read_hole(&p->around, &at, &p->hole[p->n])) return false;
    for (uint32_t i = 0; i < p->around.n; i++) p->uses[i] |= p->hole[p->n].factor[i] != 0;
    p->n++;
  }
  return true;
}

// The name for these indices, by depth. Indices below zero are written as they are: no tensor has
// such a name.
static void expand(const pattern *p, const int64_t *index, oi_text *out) {
  const char *at = p->text;
  for (uint32_t i = 0; i < p->n; i++) {
    const hole *h = &p->hole[i];
    int64_t x = h->constant;
    for (uint32_t j = 0; j < p->around.n; j++) x += h->factor[j] * index[j];
    oi_text_add(out, at, (size_t)(h->begin - at));
    oi_text_put(out, "%lld", (long long)x);
    at = h->end;
  }
  oi_text_add(out, at, strlen(at));
}

static void index_of(const loops *l, const int64_t *sym_values, int64_t *out) {
  for (uint32_t i = 0; i < l->n; i++) out[i] = sym_values ? sym_values[l->at[i].sym] : 0;
}

bool oi_name_expand(oinf_graph *g, uint32_t region, const char *name, const int64_t *sym_values,
                    oi_text *out) {
  pattern p;
  int64_t index[OI_MAX_DEPTH] = {0};
  if (!read_pattern(g, region, name, &p)) return false;
  index_of(&p.around, sym_values, index);
  expand(&p, index, out);
  return true;
}

bool oi_pattern_check(oinf_graph *g, uint32_t region, const char *name, oi_where at) {
  pattern p;
  if (read_pattern(g, region, name, &p)) return true;
  oi_graph_mistake(
      g, OINF_GRAPH, at.file, at.line,
      "name '%.200s': braces hold sums of indices of the loops around, like {l} or {2*l+1}", name);
  return false;
}

static void label(oinf_graph *g, uint32_t value, const pattern *p, const int64_t *index,
                  oi_text *out) {
  uint32_t number = *p->text ? 0 : oi_value_label_number(g, value);
  if (*p->text) expand(p, index, out);
  else if (number == OI_NO_NUMBER) out->failed = true;
  else oi_text_put(out, "%%%u", number);
  for (uint32_t i = 0; i < p->around.n; i++)
    if (!p->uses[i]) oi_text_put(out, "[%lld]", (long long)index[i]);
}

static bool label_pattern(oinf_graph *g, uint32_t value, pattern *p) {
  const oi_value *v = oi_val_at(g, value);
  return read_pattern(g, v->region, v->name ? v->name : "", p);
}

void oi_value_label(oinf_graph *g, uint32_t value, const int64_t *sym_values, oi_text *out) {
  pattern p;
  int64_t index[OI_MAX_DEPTH] = {0};
  if (!label_pattern(g, value, &p)) return;  // refused when the name was given
  index_of(&p.around, sym_values, index);
  label(g, value, &p, index, out);
}

static bool next_index(const loops *l, int64_t *index) {
  for (uint32_t i = l->n; i-- > 0; index[i] = 0)
    if (++index[i] < l->at[i].trips) return true;
  return false;
}

bool oi_labels_each(oinf_graph *g, uint32_t value, oi_label_fn *fn, void *user) {
  pattern p;
  oi_text text;
  int64_t index[OI_MAX_DEPTH] = {0};
  bool ok = label_pattern(g, value, &p);
  oi_text_init(&text, g->ctx);
  if (ok) do {
      text.n = 0;
      label(g, value, &p, index, &text);
      ok = !text.failed && fn(user, text.at, text.n);
    } while (ok && next_index(&p.around, index));
  oi_text_free(&text);
  return ok;
}

// ---- families ----

typedef struct family {
  oinf_graph *g;
  oi_where at;
  oi_text name;  // of the member at hand
  const oinf_tensor *first, *missing;
} family;

// Advances to the next member, over the loops that the pattern uses; false behind the last.
static bool next_member(const pattern *p, int64_t *index) {
  for (uint32_t i = p->around.n; i-- > 0;) {
    if (!p->uses[i]) continue;
    if (++index[i] < p->around.at[i].trips) return true;
    index[i] = 0;
  }
  return false;
}

static bool same_shape(const oinf_tensor *a, const oinf_tensor *b) {
  return a->dtype == b->dtype && a->rank == b->rank &&
         memcmp(a->dims, b->dims, a->rank * sizeof a->dims[0]) == 0;
}

static oi_type tensor_type(const oinf_tensor *t) {
  oi_type type = {.dtype = t->dtype, .rank = t->rank};
  memcpy(type.dim, t->dims, t->rank * sizeof type.dim[0]);
  return type;
}

// One member: there (unless a branch may leave it out), and like the first.
static bool check_member(family *f, const pattern *p, const int64_t *index) {
  oinf_graph *g = f->g;
  f->name.n = 0;
  expand(p, index, &f->name);
  if (f->name.failed) return oi_graph_nomem(g), false;
  const int64_t id = oi_model_tensor_id(g->model, f->name.at);
  const oinf_tensor *t = oinf_model_find(g->model, f->name.at);
  if (!t && p->around.in_branch && p->n) return true;
  if (!t) {
    oi_graph_mistake(g, OINF_GRAPH, f->at.file, f->at.line, "weight '%.300s' is not in the model",
                     f->name.at);
    return false;
  }
  if (g->model->tensors.at[id].layout != OI_LAYOUT_ROWS) {
    oi_graph_mistake(g, OINF_SUPPORT, f->at.file, f->at.line,
                     "weight '%.300s' lies in groups of rows, for the bundle of its package",
                     f->name.at);
    return false;
  }
  if (!f->first) f->first = t;
  if (same_shape(f->first, t)) return true;
  oi_type a = tensor_type(f->first), b = tensor_type(t);
  oi_graph_mistake(g, OINF_GRAPH, f->at.file, f->at.line,
                   "weight '%.200s' is %s, but '%.200s' of the same family is %s", t->name,
                   oi_type_words(g, &b).at, f->first->name, oi_type_words(g, &a).at);
  return false;
}

// The one type of all members; false: a mistake was made.
static bool family_type(oinf_graph *g, const pattern *p, oi_where at, oi_type *out) {
  family f = {.g = g, .at = at};
  int64_t index[OI_MAX_DEPTH] = {0};
  bool ok = true;
  oi_text_init(&f.name, g->ctx);
  do {
    if (++g->expansions > MAX_EXPANSIONS) {
      oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                       "weight '%.200s': its families have over %d members", p->text,
                       MAX_EXPANSIONS);
      ok = false;
    }
    ok = ok && check_member(&f, p, index);
  } while (ok && next_member(p, index));
  oi_text_free(&f.name);
  if (ok && !f.first) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "weight '%.200s': no member is in the model",
                     p->text);
    return false;
  }
  if (ok) *out = tensor_type(f.first);
  return ok;
}

static bool weight_type(oinf_graph *g, const char *name, const oi_type *given, oi_where at,
                        oi_type *out) {
  pattern p;
  if (!read_pattern(g, oi_open_region(g), name, &p))
    return oi_pattern_check(g, oi_open_region(g), name, at);
  if (!g->model && !given) {
    oi_graph_mistake(g, OINF_GRAPH, at.file, at.line, "weight '%.200s': the graph has no model",
                     name);
    return false;
  }
  if (!g->model) return *out = *given, true;
  if (!family_type(g, &p, at, out)) return false;
  if (!given || oi_type_equal(given, out)) return true;
  oi_graph_mistake(g, OINF_GRAPH, at.file, at.line,
                   "weight '%.200s': expected %s, found %s in the model", name,
                   oi_type_words(g, given).at, oi_type_words(g, out).at);
  return false;
}

uint32_t oi_weight_add(oinf_graph *g, const char *name, const oi_type *given, oi_where at) {
  oi_type type;
  if (oi_poisoned(g) || !oi_name_check(g, name, "weight", at)) return 0;
  if (!weight_type(g, name, given, at, &type) || !oi_type_check(g, &type, "weight", at)) return 0;
  const char *copy = oi_graph_copy(g, name);
  uint32_t id = copy ? oi_node_add(g, OP_WEIGHT, NULL, 0, &type, 1, at) : 0;
  if (!id) return 0;
  g->nodes.at[id].text = copy;
  return g->nodes.at[id].out[0];
}

int64_t oi_weight_resolve(oinf_graph *g, uint32_t node, const int64_t *sym_values) {
  const oi_node *n = oi_node_at(g, node);
  oi_text name;
  if (g->model && !strpbrk(n->text, "{}")) return oi_model_tensor_id(g->model, n->text);
  oi_text_init(&name, g->ctx);
  int64_t id = -1;
  if (g->model && oi_name_expand(g, n->region, n->text, sym_values, &name) && !name.failed)
    id = oi_model_tensor_id(g->model, name.at);
  const bool failed = name.failed;
  oi_text_free(&name);
  return failed ? OI_NO_MEMORY : id;
}
