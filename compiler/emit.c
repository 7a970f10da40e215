// A bundle: the plan is made, the weights are written, then each file is printed and written into a
// folder that gets its name when all of them are there. The files are a table.
#include "compiler/emit.h"
#include "compiler/fuse.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "formats/file.h"
#include "formats/outdir.h"

// ---- names ----

const char *oi_emit_role_name(oinf_role role) {
  static const char *const names[] = {
      "",
#define R(NAME, name, doc) name,
#include "lib/roles.def"
#undef R
  };
  return (size_t)role < sizeof names / sizeof *names ? names[role] : "";
}

const char *oi_emit_kernel_name(const oi_emit *e, uint32_t node, char room[96]) {
  const oi_node *n = oi_node_at(e->g, node);
  const char *role = n->n_out ? oi_emit_role_name(oi_val_at(e->g, n->out[0])->hint.role) : "";
  const char *op = oi_kind_name(n->op);
  if (n->op == OP_FUSED) {
    const uint32_t main = oi_fused_main(e->g, node);
    op = main ? oi_kind_name(oi_node_at(e->g, main)->op) : "chain";
  }
  const oi_node *around = oi_node_at(e->g, e->g->regions.at[n->region].node);
  snprintf(room, 96, "k%02u_%s%s%s%s", e->kernel[node], role, *role ? "_" : "", op,
           around->op == OP_FUSED ? "_head" : "");
  return room;
}

// ---- what generates ----

static const char *meta(const oi_emit *e, const char *key, const char *otherwise) {
  const char *v = oinf_model_meta(e->model, key);
  return v ? v : otherwise;
}

static const oi_type *token_input(const oi_emit *e) {
  if (e->g->inputs.n != 1) return NULL;
  const oi_value *v = oi_val_at(e->g, e->g->inputs.at[0]);
  const bool fits = v->type.dtype == OINF_I32 && v->type.rank == 1 &&
                    strcmp(oi_node_at(e->g, v->node)->text, meta(e, "oinf.input", "tokens")) == 0;
  return fits && oi_dims_sym_of(e->g->dims, v->type.dim[0]) >= 0 ? &v->type : NULL;
}

int oi_emit_symbol(const oi_emit *e, bool rows) {
  const oi_type *t = token_input(e);
  if (!rows) return oi_dims_find(e->g->dims, "P");
  return t ? oi_dims_sym_of(e->g->dims, t->dim[0]) : -1;
}

int oi_emit_logits(const oi_emit *e) {
  if (strcmp(meta(e, "oinf.task", ""), "generate") != 0 || !token_input(e)) return -1;
  for (size_t i = 0; i < e->g->outputs.n; i++) {
    const oi_type *t = &oi_val_at(e->g, e->g->outputs.at[i].value)->type;
    if (strcmp(e->g->outputs.at[i].name, meta(e, "oinf.output", "logits")) != 0) continue;
    return t->dtype == OINF_F32 && t->rank == 1 && !oi_dim_is_expr(t->dim[0]) ? (int)i : -1;
  }
  return -1;
}

// ---- files ----

static oinf_status print_runtime(oi_emit *e) { return oi_emit_runtime(e); }

// plan.json first: it is what says that a folder holds a bundle. Those with neither a printer nor a
// template are written elsewhere, or made by the bundle's own Makefile.
static const struct {
  const char *name;
  oinf_status (*print)(oi_emit *e);
  bool prefixed;         // holds names that begin with model_
  const char *template;  // printed as it is
  bool embeds;           // there where weights are embedded
} files[] = {{"plan.json", oi_emit_plan_json, false, NULL, false},
             {"README.md", oi_emit_readme, true, NULL, false},
             {"report.html", oi_emit_report, false, NULL, false},
             {"model.h", oi_emit_header, true, NULL, false},
             {"model.c", oi_emit_model, true, NULL, false},
             {"kernels.c", oi_emit_kernels, false, NULL, false},
             {"runtime.c", print_runtime, false, NULL, false},
             {"main.c", NULL, true, "main.c", false},
             {"main_options.c", NULL, true, "main_options.c", false},
             {"main_values.c", NULL, true, "main_values.c", false},
             {"main_text.c", NULL, true, "main_text.c", false},
             {"main_bench.c", NULL, true, "main_bench.c", false},
             {"golden.inc", oi_emit_golden, false, NULL, false},
             {"Makefile", NULL, false, "Makefile.txt", false},
             {"weights.oinf", NULL, false, NULL, false},
             {"weights.c", oi_emit_embedded, true, NULL, true},
             {"model", NULL, false, NULL, false},
             {"model.o", NULL, false, NULL, false},
             {"main.o", NULL, false, NULL, false},
             {"weights.o", NULL, false, NULL, false}};
enum {
  N_FILES = sizeof files / sizeof *files
};

static bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void put_prefix(oi_emit *e, oi_text *to, const char *word, size_t n) {
  const bool upper = n > 6 && memcmp(word, "MODEL_", 6) == 0;
  if (!upper && !(n > 6 && memcmp(word, "model_", 6) == 0)) {
    oi_text_add(to, word, n);
    return;
  }
  for (const char *c = e->desc.name; *c; c++)
    oi_text_put(to, "%c", upper && *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
  oi_text_add(to, word + 5, n - 5);
}

// The bundle's own prefix in the place of model_ and MODEL_, but not within strings.
static void rename_prefix(oi_emit *e) {
  oi_text to;
  bool quoted = false;
  oi_text_init(&to, e->ctx);
  for (size_t i = 0, n; i < e->out.n; i += n) {
    const char *at = e->out.at + i;
    for (n = 0; i + n < e->out.n && is_word(at[n]);) n++;
    if (n && !quoted) put_prefix(e, &to, at, n);
    if (*at == '"' && (i == 0 || at[-1] != '\\')) quoted = !quoted;
    if (*at == '\n') quoted = false;
    if (n && !quoted) continue;
    if (!n) n = 1;
    oi_text_add(&to, at, n);
  }
  oi_text_free(&e->out);
  e->out = to;
}

static oinf_status write_text(oi_emit *e, const char *path) {
  oi_out *o;
  OI_TRY(oi_out_begin(e->ctx, path, &o));
  oinf_status status = oi_out_write(o, e->out.at, e->out.n);
  if (status == OINF_OK) status = oi_out_commit(&o);
  oi_out_abort(&o);
  return status;
}

static oinf_status print_file(oi_emit *e, const char *folder, size_t i) {
  char path[8192];
  snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
  if (!files[i].print && !files[i].template) return OINF_OK;
  if (files[i].embeds && !e->desc.embed) return OINF_OK;
  oi_text_init(&e->out, e->ctx);
  oinf_status status =
      files[i].print ? files[i].print(e) : oi_emit_template(e, files[i].template, NULL, 0);
  if (status == OINF_OK && files[i].prefixed && e->desc.name) rename_prefix(e);
  if (status == OINF_OK && (e->out.failed || !e->out.at)) status = oi_nomem(e->err, e->out.n);
  if (status == OINF_OK) status = write_text(e, path);
  oi_text_free(&e->out);
  return status;
}

// ---- the whole ----

static oinf_status print_all(oi_emit *e, const char *folder) {
  char path[8192];
  snprintf(path, sizeof path, "%s/weights.oinf", folder);
  OI_TRY(oi_emit_weights(e, path));
  e->package = path;
  for (size_t i = 0; i < N_FILES; i++)
    OI_TRY_AT(e->err, print_file(e, folder, i), "printing %s", files[i].name);
  e->package = NULL;
  if (e->desc.embed && unlink(path) != 0)
    return oi_fail(e->err, OINF_IO, "'%s' cannot be removed", path);
  return OINF_OK;
}

static oinf_status write_bundle(oi_emit *e, const char *folder) {
  const char *known[N_FILES];
  oi_outdir *d;
  for (size_t i = 0; i < N_FILES; i++) known[i] = files[i].name;
  OI_TRY(oi_outdir_begin(e->ctx, folder, known, N_FILES, &d));
  oinf_status status = print_all(e, oi_outdir_path(d));
  if (status == OINF_OK) status = oi_outdir_commit(&d);
  oi_outdir_abort(&d);
  return status;
}

static oinf_status emit(oi_emit *e, const oi_pass_options *options, const char *folder,
                        oi_text *dump) {
  OI_TRY(oi_graph_clone(e->source, e->err, &e->g));
  e->passes = (oi_pass){.g = e->g, .err = e->err, .emit = e, .options = options, .dump = dump};
  oi_text_init(&e->passes.said, e->ctx);
  OI_TRY(oi_passes_run(&e->passes));
  return folder ? write_bundle(e, folder) : OINF_OK;
}

static bool is_identifier(const char *name) {
  const size_t n = strlen(name);
  bool ok = n > 0 && n <= 64 && !(*name >= '0' && *name <= '9');
  for (size_t i = 0; i < n; i++) ok = ok && is_word(name[i]);
  return ok;
}

oinf_status oi_emit_run(oinf_model *model, oinf_graph *graph, const oinf_emit_desc *desc,
                        const oi_pass_options *options, const char *folder,
                        oinf_emit_figures *out_figures, oi_text *said, oi_text *dump) {
  oi_emit e = {.ctx = graph->ctx, .model = model, .source = graph, .err = oi_ctx_err(graph->ctx)};
  if (desc) e.desc = *desc;
  if (e.desc.name && !is_identifier(e.desc.name))
    return oi_fail(e.err, OINF_USAGE,
                   "the name of a bundle is an identifier of at most 64 letters");
  oi_arena_init(&e.arena, e.ctx);
  oinf_status status = emit(&e, options, folder, dump);
  if (status == OINF_OK && out_figures) *out_figures = e.figures;
  if (said && e.passes.said.at) oi_text_add(said, e.passes.said.at, e.passes.said.n);
  if (e.g) oi_pass_free(&e.passes);
  oi_paging_free(e.ctx, &e.paging);
  oi_plan_free(&e.plan);
  oi_vec_free(e.ctx, &e.weights);
  oi_vec_free(e.ctx, &e.tensors);
  oi_arena_free(&e.arena);
  oinf_graph_destroy(e.g);
  return status;
}

oinf_status oinf_emit_bundle(oinf_model *model, oinf_graph *graph, const oinf_emit_desc *desc,
                             const char *folder, oinf_emit_figures *out_figures) {
  return oi_emit_run(model, graph, desc, &(oi_pass_options){0}, folder, out_figures, NULL, NULL);
}
