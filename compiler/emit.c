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
  oi_emit_parts part;
  bool prefixed;         // holds names that begin with model_
  const char *template;  // printed as it is
  enum { ALWAYS, EMBEDS, GENERATES } when;
} files[] = {{"plan.json", oi_emit_plan_json, OI_EMIT_PAPERS, false, NULL, ALWAYS},
             {"README.md", oi_emit_readme, OI_EMIT_PAPERS, true, NULL, ALWAYS},
             {"report.html", oi_emit_report, OI_EMIT_PAPERS, false, NULL, ALWAYS},
             {"model.h", oi_emit_header, OI_EMIT_HOST, true, NULL, ALWAYS},
             {"model.c", oi_emit_model, OI_EMIT_HOST, true, NULL, ALWAYS},
             {"library.c", oi_emit_library, OI_EMIT_HOST, true, NULL, ALWAYS},
             {"kernels.c", oi_emit_kernels, OI_EMIT_DEVICE, false, NULL, ALWAYS},
             {"runtime.c", print_runtime, OI_EMIT_HOST, false, NULL, ALWAYS},
             {"main.c", NULL, OI_EMIT_HOST, true, "main.c", ALWAYS},
             {"main_options.c", NULL, OI_EMIT_HOST, true, "main_options.c", ALWAYS},
             {"main_values.c", NULL, OI_EMIT_HOST, true, "main_values.c", ALWAYS},
             {"main_text.c", NULL, OI_EMIT_HOST, true, "main_text.c", GENERATES},
             {"main_bench.c", NULL, OI_EMIT_HOST, true, "main_bench.c", ALWAYS},
             {"golden.inc", oi_emit_golden, OI_EMIT_HOST, false, NULL, ALWAYS},
             {"Makefile", NULL, OI_EMIT_HOST, false, "Makefile.txt", ALWAYS},
             {"weights.oinf", NULL, OI_EMIT_NOTHING, false, NULL, ALWAYS},
             {"weights.c", oi_emit_embedded, OI_EMIT_HOST, true, NULL, EMBEDS},
             {"model", NULL, OI_EMIT_NOTHING, false, NULL, ALWAYS},
             {"model.o", NULL, OI_EMIT_NOTHING, false, NULL, ALWAYS},
             {"main.o", NULL, OI_EMIT_NOTHING, false, NULL, ALWAYS},
             {"weights.o", NULL, OI_EMIT_NOTHING, false, NULL, ALWAYS}};
enum { N_FILES = sizeof files / sizeof *files };

// Is file i of the part, or of any?
static bool is_of(const oi_emit *e, size_t i, oi_emit_parts part) {
  if (files[i].when == EMBEDS && !e->desc.embed) return false;
  if (files[i].when == GENERATES && oi_emit_logits(e) < 0) return false;
  return part == OI_EMIT_ANY ? files[i].part != OI_EMIT_NOTHING : files[i].part == part;
}

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

// A file as text, in e->out.
static oinf_status print_file(oi_emit *e, size_t i) {
  oi_text_init(&e->out, e->ctx);
  oinf_status status =
      files[i].print ? files[i].print(e) : oi_emit_template(e, files[i].template, NULL, 0);
  if (status == OINF_OK && files[i].prefixed && e->desc.name) rename_prefix(e);
  if (status == OINF_OK && (e->out.failed || !e->out.at)) status = oi_nomem(e->err, e->out.n);
  if (status != OINF_OK) oi_trail(e->err, "printing %s", files[i].name);
  return status;
}

static oinf_status write_text(oi_emit *e, const char *path) {
  oi_out *o;
  OI_TRY(oi_out_begin(e->ctx, path, &o));
  oinf_status status = oi_out_write(o, e->out.at, e->out.n);
  if (status == OINF_OK) status = oi_out_commit(&o);
  oi_out_abort(&o);
  return status;
}

static oinf_status write_file(oi_emit *e, const char *folder, size_t i) {
  char path[8192];
  snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
  oinf_status status = print_file(e, i);
  if (status == OINF_OK) status = write_text(e, path);
  oi_text_free(&e->out);
  return status;
}

// ---- the whole, and its parts ----

static oinf_status write_all(oi_emit *e, const char *folder) {
  char path[8192];
  snprintf(path, sizeof path, "%s/weights.oinf", folder);
  OI_TRY(oi_emit_weights(e, path));
  for (size_t i = 0; i < N_FILES; i++)
    if (is_of(e, i, OI_EMIT_ANY)) OI_TRY(write_file(e, folder, i));
  if (!e->desc.embed) return OINF_OK;
  e->package = NULL;
  if (unlink(path) != 0) return oi_fail(e->err, OINF_IO, "'%s' cannot be removed", path);
  return OINF_OK;
}

oinf_status oi_emit_write(oi_emit *e, const char *folder) {
  const char *known[N_FILES];
  oi_outdir *d;
  for (size_t i = 0; i < N_FILES; i++) known[i] = files[i].name;
  OI_TRY(oi_outdir_begin(e->ctx, folder, known, N_FILES, &d));
  oinf_status status = write_all(e, oi_outdir_path(d));
  if (status == OINF_OK) status = oi_outdir_commit(&d);
  oi_outdir_abort(&d);
  return status;
}

oinf_status oi_emit_part(oi_emit *e, oi_emit_parts part, oinf_emit_sink *sink, void *user) {
  oi_text text[N_FILES] = {{0}};
  oinf_status status = OINF_OK;
  for (size_t i = 0; i < N_FILES && status == OINF_OK; i++) {
    if (!is_of(e, i, part)) continue;
    status = print_file(e, i);
    text[i] = e->out;
  }
  for (size_t i = 0; i < N_FILES && status == OINF_OK; i++)
    if (text[i].at) status = sink(user, files[i].name, text[i].at, text[i].n);
  for (size_t i = 0; i < N_FILES; i++) oi_text_free(&text[i]);
  e->out = (oi_text){0};
  return status;
}

// ---- the record ----

static bool is_identifier(const char *name) {
  const size_t n = strlen(name);
  bool ok = n > 0 && n <= 64 && !(*name >= '0' && *name <= '9');
  for (size_t i = 0; i < n; i++) ok = ok && is_word(name[i]);
  return ok;
}

static oinf_status compile(oi_emit *e) {
  if (e->desc.name && !is_identifier(e->desc.name))
    return oi_fail(e->err, OINF_USAGE,
                   "the name of a bundle is an identifier of at most 64 letters");
  OI_TRY(oi_graph_clone(e->source, e->err, &e->g));
  e->passes.g = e->g;
  return oi_passes_run(&e->passes);
}

oinf_status oi_emit_open(oi_emit *e, oinf_model *model, oinf_graph *graph,
                         const oinf_emit_desc *desc, const oi_pass_options *options) {
  *e = (oi_emit){.ctx = graph->ctx, .model = model, .source = graph, .options = *options};
  e->err = oi_ctx_err(e->ctx);
  if (desc) e->desc = *desc;
  oi_arena_init(&e->arena, e->ctx);
  oi_text_init(&e->dumped, e->ctx);
  e->options.inexact = e->options.inexact || e->desc.fast;
  e->passes = (oi_pass){.err = e->err, .emit = e, .options = &e->options, .dump = &e->dumped};
  oi_text_init(&e->passes.said, e->ctx);
  return compile(e);
}

void oi_emit_close(oi_emit *e) {
  if (e->g) oi_pass_free(&e->passes);
  oi_text_free(&e->dumped);
  oi_paging_free(e->ctx, &e->paging);
  oi_plan_free(&e->plan);
  oi_vec_free(e->ctx, &e->weights);
  oi_vec_free(e->ctx, &e->tensors);
  oi_vec_free(e->ctx, &e->functions);
  oi_arena_free(&e->arena);
  oinf_graph_destroy(e->g);
}

oinf_status oi_emit_run(oinf_model *model, oinf_graph *graph, const oinf_emit_desc *desc,
                        const oi_pass_options *options, const char *folder,
                        oinf_emit_figures *out_figures, oi_text *said, oi_text *dump) {
  oi_emit e;
  oinf_status status = oi_emit_open(&e, model, graph, desc, options);
  if (status == OINF_OK && folder) status = oi_emit_write(&e, folder);
  if (status == OINF_OK && out_figures) *out_figures = e.figures;
  if (said) oi_text_add(said, e.passes.said.at ? e.passes.said.at : "", e.passes.said.n);
  if (dump) oi_text_add(dump, e.dumped.at ? e.dumped.at : "", e.dumped.n);
  oi_emit_close(&e);
  return status;
}
