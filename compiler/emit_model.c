// model.c, the network: constants, tables, and the step between them; and library.c, which is the
// same text for every network but for how weights come in.
#include <stdio.h>

#include "compiler/emit.h"
#include "compiler/fuse.h"

static void define(oi_emit *e, const char *name, uint64_t x) {
  oi_text_put(&e->out, "#define %s %lluu\n", name, (unsigned long long)x);
}
static void define_int(oi_emit *e, const char *name, int64_t x) {
  oi_text_put(&e->out, "#define %s %lld\n", name, (long long)x);
}

static void put_constants(oi_emit *e) {
  const uint64_t blocks = (e->weights_bytes + (1 << 20) - 1) >> 20;
  define_int(e, "N_SYMS", (int64_t)oi_dims_sym_count(e->g->dims));
  define_int(e, "N_INPUTS", (int64_t)e->g->inputs.n);
  define_int(e, "N_OUTPUTS", (int64_t)e->g->outputs.n);
  define_int(e, "N_STATES", (int64_t)e->g->states.n);
  define_int(e, "MAPPED", e->desc.budget == OINF_EMIT_MAPPED);
  define_int(e, "EMBEDDED", e->desc.embed);
  define_int(e, "GENERATES", oi_emit_logits(e) >= 0);
  define_int(e, "LOGITS", oi_emit_logits(e));
  define_int(e, "SYM_ROWS", oi_emit_symbol(e, true));
  define_int(e, "SYM_POSITION", oi_emit_symbol(e, false));
  define_int(e, "WINDOW", e->windowed.window);
  define_int(e, "WINDOW_ROOM", e->room);
  define(e, "ARENA_BYTES", e->paging.bytes);
  define(e, "PICK_BYTES", e->pick_bytes);
  define(e, "ACT_BYTES", e->figures.activations);
  define(e, "ROOM_BYTES", e->figures.room);
  define(e, "WORKER_BYTES", e->figures.worker);
  define(e, "PEAK_BYTES", e->figures.peak);
  define(e, "FILE_BYTES", e->file_bytes);
  define(e, "WEIGHTS_AT", e->weights_at);
  define(e, "WEIGHTS_BYTES", e->weights_bytes);
  define(e, "WEIGHTS_BLOCKS", blocks);
  define(e, "CHECKSUMS_AT", e->checksums_at);
  define(e, "TOKENIZER_AT", e->tokenizer_at);
  define(e, "TOKENIZER_BYTES", e->tokenizer_bytes);
  oi_text_put(&e->out, "\n");
}

static void put_numbers(oi_emit *e, const char *name, const uint64_t *x, size_t n) {
  oi_text_put(&e->out, "static const uint64_t %s[%zu] = {", name, n + 1);
  for (size_t i = 0; i < n; i++) oi_text_put(&e->out, "%llu, ", (unsigned long long)x[i]);
  oi_text_put(&e->out, "0};\n");
}

void oi_emit_weight_name(oi_emit *e, const oi_emit_weight *w) {
  const oi_node *user = oi_node_at(e->g, w->user);
  const uint32_t main = user->op == OP_FUSED ? oi_fused_main(e->g, w->user) : 0;
  if (main) user = oi_node_at(e->g, main);
  const char *role = user->n_out ? oi_emit_role_name(oi_val_at(e->g, user->out[0])->hint.role) : "";
  oi_text_put(&e->out, "w%02u%s%s", w->number, *role ? "_" : "", role);
}

static void put_weight_table(oi_emit *e, const oi_emit_weight *w) {
  const uint32_t n = w->same ? 1 : w->n;
  oi_text_put(&e->out, "static const uint64_t ");
  oi_emit_weight_name(e, w);
  oi_text_put(&e->out, "[%u] = {", n);
  for (uint32_t i = 0; i < n; i++) {
    oi_text_put(&e->out, "%s", i == 0 ? "" : i % 8 ? ", " : ",\n    ");
    if (w->tensor[i] < 0) oi_text_put(&e->out, "NO_WEIGHT");
    else oi_text_put(&e->out, "%llu", (unsigned long long)e->offset[w->tensor[i]]);
  }
  oi_text_put(&e->out, "};\n");
}

static void put_tables(oi_emit *e) {
  oi_text_put(&e->out, "static const uint8_t front_digest[32] = {");
  for (int i = 0; i < 32; i++)
    oi_text_put(&e->out, "%s0x%02x", i == 0 ? "" : i % 12 ? ", " : ",\n    ", e->digest[i]);
  oi_text_put(&e->out, "};\n");
  put_numbers(e, "state_bytes", e->state_bytes, e->g->states.n);
  put_numbers(e, "output_bytes", e->output_bytes, e->g->outputs.n);
  oi_text_put(&e->out, "// Places of the weights in their section, by the loops around.\n");
  for (size_t i = 0; i < e->weights.n; i++) put_weight_table(e, &e->weights.at[i]);
  oi_text_put(&e->out, "\n");
}

// Kernels by number, and how many operands one has at most.
static void put_kernels(oi_emit *e) {
  uint32_t in = 1, out = 1;
  char name[96];
  oi_text_put(&e->out, "enum {\n");
  for (uint32_t i = 0; i < e->n_kernels; i++) {
    const uint32_t id = e->in_order[i];
    const oi_node *n = oi_node_at(e->g, id);
    if (e->cuts[id].ready) oi_text_put(&e->out, "  %s_ready,\n", oi_emit_ready_name(e, id, name));
    oi_text_put(&e->out, "  %s,\n", oi_emit_kernel_name(e, id, name));
    if (n->n_in > in) in = n->n_in;
    if (n->n_out > out) out = n->n_out;
  }
  oi_text_put(&e->out, "  N_KERNELS,\n  MOST_IN = %u,\n  MOST_OUT = %u\n};\n\n", in, out);
}

// ---- the whole ----

static oinf_status put_head(oi_emit *e) {
  char types[16];
  snprintf(types, sizeof types, "%u", e->dot_types);
  const oi_hole holes[] = {{"DOT_TYPES", types}, {"FAST", e->desc.fast ? "1" : "0"}};
  return oi_emit_template(e, "model.c", holes, 2);
}

oinf_status oi_emit_model(oi_emit *e) {
  OI_TRY(put_head(e));
  put_constants(e);
  put_tables(e);
  put_kernels(e);
  oi_emit_dims(e);
  oi_emit_ports(e);
  oi_emit_shown(e);
  oi_emit_page_tables(e);
  oi_text_put(&e->out, "#include \"library.c\"\n\n");
  oi_emit_port_dims(e);
  oi_emit_checks(e);
  oi_emit_window_rows(e);
  OI_TRY(oi_emit_step(e));
  oi_emit_entries(e);
  return OINF_OK;
}

oinf_status oi_emit_library(oi_emit *e) {
  const char *const parts[] = {"open.c",
                               "run.c",
                               e->desc.budget ? "page.c" : "mapped.c",
                               "window.c",
                               "api.c",
                               e->desc.fast ? "check_near.c" : "check_equal.c",
                               "check.c",
                               "bind.c",
                               "saved.c"};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    oi_text_put(&e->out, i ? "\n" : "");
    OI_TRY(oi_emit_template(e, parts[i], NULL, 0));
  }
  return OINF_OK;
}
