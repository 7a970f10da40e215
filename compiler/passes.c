// The pipeline: the rows of passes.def one behind the other, the verifier after each, a line about
// what each did. And what graph passes share: a walk in the order of the graph in which every use
// is resolved before it is looked at, so that a value may be replaced by one that was made before
// it, and each use is touched once.
#include "compiler/passes.h"

#include <string.h>

#include "compiler/emit.h"

#include <oinf/ops.h>

typedef struct pass_row {
  const char *name;
  oinf_status (*run)(oi_pass *p);
  bool lowers, needed;
} pass_row;

#define PASS_GRAPH(name) oi_opt_##name, false
#define PASS_LOWER(name) oi_lower_##name, true
static const pass_row rows[] = {
#define PASS(name, kind, needed, doc) {#name, PASS_##kind(name), needed},
#include "compiler/passes.def"
};

// ---- names ----

oi_pass_id oi_pass_find(const char *name, size_t size) {
  int i = 0;
  while (i < OI_PASS_COUNT &&
         (strlen(rows[i].name) != size || memcmp(rows[i].name, name, size) != 0))
    i++;
  return (oi_pass_id)i;
}
const char *oi_pass_name(oi_pass_id pass) { return rows[pass].name; }
bool oi_pass_needed(oi_pass_id pass) { return rows[pass].needed; }

// "fold, cse, dce": all of them, or those that can be left out.
static void list_names(char *out, size_t room, bool all) {
  size_t n = 0;
  out[0] = 0;
  for (int i = 0; i < OI_PASS_COUNT; i++) {
    const size_t size = strlen(rows[i].name);
    if ((!all && rows[i].needed) || n + size + 3 > room) continue;
    if (n) memcpy(out + n, ", ", 2), n += 2;
    memcpy(out + n, rows[i].name, size + 1);
    n += size;
  }
}

oinf_status oi_pass_parse(oi_err *err, const char *name, int *out) {
  char list[256];
  const oi_pass_id i = oi_pass_find(name, strlen(name));
  if (i < OI_PASS_COUNT) return *out = (int)i + 1, OINF_OK;
  list_names(list, sizeof list, true);
  return oi_fail(err, OINF_USAGE, "no pass is called '%.64s'; there are %s", name, list);
}

oinf_status oi_pass_without(oi_err *err, const char *names, uint32_t *bits) {
  char list[256];
  while (names && *names) {
    const char *comma = strchr(names, ',');
    const size_t size = comma ? (size_t)(comma - names) : strlen(names);
    const oi_pass_id i = oi_pass_find(names, size);
    if (i == OI_PASS_COUNT || rows[i].needed) {
      list_names(list, sizeof list, false);
      return oi_fail(err, OINF_USAGE, "%s '%.*s' %s: a bundle can do without %s",
                     i == OI_PASS_COUNT ? "no pass" : "pass", (int)(size < 64 ? size : 64), names,
                     i == OI_PASS_COUNT ? "is known" : "is needed", list);
    }
    *bits |= 1u << i;
    names += size + (comma ? 1 : 0);
  }
  return OINF_OK;
}

// ---- the graph that is worked on ----

oinf_status oi_graph_clone(oinf_graph *g, oi_err *err, oinf_graph **out_copy) {
  oi_text text;
  oinf_graph *copy = NULL;
  OI_TRY(oinf_graph_check(g));
  oi_text_init(&text, g->ctx);
  oinf_status status = oi_graph_print(g, &text);
  if (status == OINF_OK) status = oinf_graph_parse(g->ctx, g->model, text.at, text.n, &copy);
  oi_text_free(&text);
  if (status == OINF_OK) status = oi_graph_freeze(copy, err);
  if (status != OINF_OK) return oinf_graph_destroy(copy), status;
  return *out_copy = copy, OINF_OK;
}

// ---- the run ----

static oinf_status print_dump(oi_pass *p, int pass) {
  if (!p->dump || p->options->dump != pass + 1) return OINF_OK;
  return rows[pass].lowers ? oi_emit_plan_text(p->emit, pass == OI_PASS_paging, p->dump)
                           : oi_graph_print(p->g, p->dump);
}

// What a pass behind cse and dce leaves twice, or leaves without a use, goes with it.
static oinf_status tidy(oi_pass *p, int pass) {
  p->to.n = 0;
  if (pass < OI_PASS_fuse && !(p->options->without >> OI_PASS_cse & 1)) OI_TRY(oi_opt_cse(p));
  return p->options->without >> OI_PASS_dce & 1 ? OINF_OK : oi_opt_dce(p);
}

static oinf_status run_pass(oi_pass *p, int pass) {
  p->changes = 0, p->to.n = 0;
  OI_TRY_AT(p->err, rows[pass].run(p), "in pass %s", rows[pass].name);
  const uint32_t changes = p->changes;
  if (changes && pass > OI_PASS_dce && !rows[pass].lowers) OI_TRY(tidy(p, pass));
  p->changes = changes;
  if (p->g->mistake.status != OINF_OK)
    return oi_fail(p->err, OINF_INTERNAL, "pass %s: %s", rows[pass].name, p->g->mistake.message);
  if (!rows[pass].lowers)
    OI_TRY_AT(p->err, oi_graph_verify(p->g, p->err), "after pass %s", rows[pass].name);
  oi_text_put(&p->said, "%s: %u changed\n", rows[pass].name, p->changes);
  return print_dump(p, pass);
}

oinf_status oi_passes_run(oi_pass *p) {
  for (int i = 0; i < OI_PASS_COUNT; i++) {
    if (rows[i].lowers && !p->emit) break;
    if (p->options->without >> i & 1) OI_TRY(print_dump(p, i));
    else OI_TRY(run_pass(p, i));
    if (p->options->stop == i + 1) break;
  }
  return p->said.failed ? oi_nomem(p->err, p->said.n) : OINF_OK;
}

void oi_pass_free(oi_pass *p) {
  oi_vec_free(p->g->ctx, &p->to);
  oi_text_free(&p->said);
}

// ---- walking ----

static uint32_t resolved(const oi_pass *p, uint32_t value) {
  while (value < p->to.n && p->to.at[value]) value = p->to.at[value];
  return value;
}

static void resolve(const oi_pass *p, uint32_t *ids, uint32_t n) {
  for (uint32_t i = 0; i < n; i++) ids[i] = resolved(p, ids[i]);
}

oinf_status oi_pass_replace(oi_pass *p, uint32_t old, uint32_t now) {
  oinf_graph *g = p->g;
  if (!oi_type_equal(&g->values.at[old].type, &g->values.at[now].type))
    return oi_fail(p->err, OINF_INTERNAL, "a value is replaced by one of another type");
  while (p->to.n <= old) {
    uint32_t *slot = oi_vec_push(g->ctx, &p->to);
    if (!slot) return oi_nomem(p->err, old);
    *slot = 0;
  }
  p->to.at[old] = now;
  if (g->values.at[old].region == g->values.at[now].region) oi_value_take_label(g, now, old);
  return OINF_OK;
}

bool oi_pass_may_replace(const oi_pass *p, uint32_t old, uint32_t now) {
  const oi_value *v = oi_val_at(p->g, now);
  const oi_region *r = &p->g->regions.at[v->region];
  if (v->node) return true;
  for (uint32_t i = 0; i < r->n_yields; i++)
    if (r->yields[i] == old) return false;
  return true;
}

void oi_pass_at(oi_pass *p, uint32_t node) {
  const uint32_t region = oi_node_at(p->g, node)->region;
  oi_graph_place(p->g, (oi_place){.set = true, .region = region, .before = node});
}

static oinf_status walk_region(oi_pass *p, uint32_t region, oi_pass_fn *fn) {
  oinf_graph *g = p->g;
  for (uint32_t id = g->regions.at[region].first, next; id; id = next) {
    next = oi_node_at(g, id)->next;
    resolve(p, oi_node_at(g, id)->in, oi_node_at(g, id)->n_in);
    for (int s = 0; s < oi_kind_regions(oi_node_at(g, id)->op); s++)
      OI_TRY(walk_region(p, oi_node_at(g, id)->sub[s], fn));
    oi_pass_at(p, id);
    p->at = id;
    OI_TRY(fn(p, id));
  }
  resolve(p, g->regions.at[region].yields, g->regions.at[region].n_yields);
  return OINF_OK;
}

oinf_status oi_pass_walk(oi_pass *p, oi_pass_fn *fn) {
  oinf_status status = walk_region(p, 0, fn);
  oi_graph_place(p->g, (oi_place){.set = false});
  for (size_t i = 0; i < p->g->outputs.n; i++) resolve(p, &p->g->outputs.at[i].value, 1);
  return status;
}

// ---- constants ----

bool oi_pass_splat(const oinf_graph *g, uint32_t value, double *out) {
  const oi_value *v = oi_val_at(g, value);
  const oi_node *n = v->node ? oi_node_at(g, v->node) : NULL;
  if (n && n->op == OP_NUM) return *out = n->number, true;
  if (!n || n->op != OP_fill) return false;
  return *out = ((const oinf_fill_args *)n->args)->value, true;
}
