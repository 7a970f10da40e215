// The Llama family: Llama 2 and 3, Mistral, Qwen2, Qwen3, SmolLM, SmolLM3. One graph with options;
// what config.json leaves open the tensors tell (biases, norms of q and k, a head of its own).
//
// Layers that are alike are one loop. Where they alternate (a window, or no rotation, in every n-th
// layer) the loop runs over the periods and holds one loop for each run of like layers, so code
// does not grow with depth.
#include "convert/arch/arch.h"

#include <stdio.h>
#include <string.h>

enum {
  MAX_LAYERS = 1024
};

typedef struct llama {
  const oi_config *config;
  oinf_model *model;
  oinf_graph *g;
  int64_t hidden, inner, layers, heads, kv, dim, positions, width;
  double eps, theta;
  const char *scaling;
  double factor, low, high, original, attention_factor;
  bool no_truncate, tied;
  int64_t window[MAX_LAYERS];  // 0: none
  bool rotates[MAX_LAYERS];
  oinf_dim P, T, S;
  oinf_state k, v;
} llama;

// ---- config ----

static bool is(const llama *m, const char *type) {
  return strcmp(m->config->model_type, type) == 0;
}

static oinf_status read_sizes(llama *m) {
  const oi_config *c = m->config;
  const int64_t big = 1 << 24;
  const bool smol3 = is(m, "smollm3");
  OI_TRY(oi_config_int(c, "hidden_size", is(m, "smollm3") ? 2048 : 4096, 1, big, &m->hidden));
  OI_TRY(oi_config_int(c, "intermediate_size",
                       is(m, "mistral")          ? 14336
                       : is(m, "llama") || smol3 ? 11008
                                                 : 22016,
                       1, big, &m->inner));
  OI_TRY(oi_config_int(c, "num_hidden_layers", smol3 ? 36 : 32, 1, MAX_LAYERS, &m->layers));
  OI_TRY(oi_config_int(c, "num_attention_heads", smol3 ? 16 : 32, 1, 1 << 16, &m->heads));
  const int64_t kv = is(m, "mistral") ? 8 : smol3 ? 4 : is(m, "llama") ? m->heads : 32;
  OI_TRY(
      oi_config_int(c, "num_key_value_heads",
                    json_is_null(json_object_get(c->root, "num_key_value_heads")) ? m->heads : kv,
                    1, m->heads, &m->kv));
  OI_TRY(oi_config_int(c, "head_dim", is(m, "qwen3") ? 128 : m->hidden / m->heads, 1, 1 << 16,
                       &m->dim));
  OI_TRY(oi_config_int(c, "max_position_embeddings",
                       is(m, "llama")     ? 2048
                       : is(m, "mistral") ? 131072
                                          : 32768,
                       1, 1 << 24, &m->positions));
  if (m->heads % m->kv)
    return oi_fail(oi_ctx_err(c->ctx), OINF_FORMAT,
                   "config.json: %lld heads do not share %lld key-value heads", (long long)m->heads,
                   (long long)m->kv);
  return oi_config_real(c, c->root, "rms_norm_eps", 1e-6, &m->eps);
}

// Rotary settings stand in rope_parameters, or in rope_theta and rope_scaling.
static oinf_status read_rope(llama *m) {
  const oi_config *c = m->config;
  const json_t *now = oi_config_get(c, "rope_parameters"), *old = oi_config_get(c, "rope_scaling");
  const json_t *r = now ? now : old;
  double theta = is(m, "smollm3") ? 2e6 : 10000.0, partial;
  OI_TRY(oi_config_real(c, c->root, "rope_theta", theta, &theta));
  OI_TRY(oi_config_real(c, now, "rope_theta", theta, &m->theta));
  OI_TRY(oi_config_real(c, c->root, "partial_rotary_factor", 1.0, &partial));
  OI_TRY(oi_config_real(c, r, "partial_rotary_factor", partial, &partial));
  m->scaling = oi_config_text(r, "rope_type", oi_config_text(r, "type", "default"));
  m->width = (int64_t)((double)m->dim * partial);
  OI_TRY(oi_config_real(c, r, "factor", 1.0, &m->factor));
  const bool yarn = strcmp(m->scaling, "yarn") == 0, llama3 = strcmp(m->scaling, "llama3") == 0;
  OI_TRY(oi_config_real(c, r, yarn ? "beta_slow" : "low_freq_factor", 1.0, &m->low));
  OI_TRY(
      oi_config_real(c, r, yarn ? "beta_fast" : "high_freq_factor", yarn ? 32.0 : 4.0, &m->high));
  OI_TRY(oi_config_real(c, r, "original_max_position_embeddings",
                        llama3 ? 8192.0 : (double)m->positions, &m->original));
  OI_TRY(oi_config_real(c, r, "attention_factor", 0.0, &m->attention_factor));
  const json_t *truncate = json_object_get(r, "truncate");
  m->no_truncate = json_is_false(truncate);
  static const char *const known[] = {"default", "linear", "dynamic", "llama3", "yarn"};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i], m->scaling) == 0) return OINF_OK;
  return oi_fail(oi_ctx_err(c->ctx), OINF_SUPPORT, "config.json: rope_type '%s' is not known here",
                 m->scaling);
}

static bool list_says(const json_t *list, int64_t l, const char *text) {
  const char *s = json_string_value(json_array_get(list, (size_t)l));
  return s && strcmp(s, text) == 0;
}

static oinf_status read_layers(llama *m) {
  const oi_config *c = m->config;
  const json_t *types = oi_config_get(c, "layer_types"),
               *no_rope = oi_config_get(c, "no_rope_layers");
  int64_t window = 0, full = 0, every = 4;
  const bool qwen = is(m, "qwen2") || is(m, "qwen3") || is(m, "smollm3");
  const bool absent = !json_object_get(c->root, "sliding_window");
  OI_TRY(oi_config_int(c, "sliding_window", absent && is(m, "mistral") ? 4096 : 0, 0, INT64_MAX / 4,
                       &window));
  OI_TRY(oi_config_int(c, "max_window_layers", 28, 0, INT64_MAX / 4, &full));
  OI_TRY(oi_config_int(c, "no_rope_layer_interval", 4, 1, MAX_LAYERS, &every));
  if (is(m, "llama") || (qwen && !oi_config_flag(c, "use_sliding_window", false))) window = 0;
  for (int64_t l = 0; l < m->layers; l++) {
    bool slides = types ? list_says(types, l, "sliding_attention") : !qwen || l >= full;
    m->window[l] = slides ? window : 0;
    const json_t *r = json_array_get(no_rope, (size_t)l);
    m->rotates[l] = !is(m, "smollm3") ||
                    (json_is_integer(r) ? json_integer_value(r) != 0 : (l + 1) % every != 0);
  }
  return OINF_OK;
}

static oinf_status check_act(const llama *m) {
  const char *act = oi_config_text(m->config->root, "hidden_act", "silu");
  if (strcmp(act, "silu") == 0) return OINF_OK;
  return oi_fail(oi_ctx_err(m->config->ctx), OINF_SUPPORT,
                 "config.json: hidden_act '%s' is not built for this family", act);
}

// ---- the graph ----

// The weight of a part of layer `at` ("{l}"), or of the model (at NULL).
static oinf_val weight(const llama *m, const char *at, const char *part) {
  char name[256];
  if (at) snprintf(name, sizeof name, "model.layers.%s.%s", at, part);
  else snprintf(name, sizeof name, "%s", part);
  return oinf_weight(m->g, name);
}

static bool has(const llama *m, const char *part) {
  char name[256];
  snprintf(name, sizeof name, "model.layers.0.%s", part);
  return oinf_model_find(m->model, name) != NULL;
}

static oinf_val named(oinf_val v, const char *at, const char *role_name, oinf_role role) {
  char name[128];
  snprintf(name, sizeof name, "blk.%s.%s", at, role_name);
  return oinf_hint(oinf_name(v, name), .role = role);
}

static oinf_val linear(const llama *m, oinf_val x, const char *at, const char *part) {
  char w[128], b[128];
  snprintf(w, sizeof w, "%s.weight", part);
  snprintf(b, sizeof b, "%s.bias", part);
  oinf_val y = oinf_matmul(x, weight(m, at, w), .transpose_b = true);
  return has(m, b) ? oinf_add(y, weight(m, at, b)) : y;
}

static oinf_val rotate(const llama *m, oinf_val x) {
  const bool plain = strcmp(m->scaling, "default") == 0 || strcmp(m->scaling, "dynamic") == 0;
  if (plain)
    return oinf_rope(x, .pos = m->P, .theta = m->theta, .width = m->width == m->dim ? 0 : m->width);
  return oinf_rope(x, .pos = m->P, .theta = m->theta, .width = m->width == m->dim ? 0 : m->width,
                   .scaling = m->scaling, .factor = m->factor, .low = m->low, .high = m->high,
                   .original = m->original, .attention_factor = m->attention_factor,
                   .no_truncate = m->no_truncate);
}

// Queries or keys: projected, in heads, normed where the model does so, rotated where the layer
// does so.
static oinf_val heads(const llama *m, oinf_val h, const char *at, char which, bool rotates) {
  char part[64], norm[64], name[16];
  snprintf(part, sizeof part, "self_attn.%c_proj", which);
  snprintf(norm, sizeof norm, "self_attn.%c_norm.weight", which);
  snprintf(name, sizeof name, "attn_%c", which);
  const oinf_role role = which == 'q' ? OINF_ATTN_Q : which == 'k' ? OINF_ATTN_K : OINF_ATTN_V;
  oinf_val x = named(linear(m, h, at, part), at, name, role);
  x = oinf_split_heads(x, which == 'q' ? m->heads : m->kv);
  if (which != 'v' && has(m, norm)) x = oinf_rmsnorm(x, weight(m, at, norm), .eps = m->eps);
  if (!rotates) return x;
  snprintf(name, sizeof name, "attn_%c_rope", which);
  return named(rotate(m, x), at, name, OINF_ATTN_ROPE);
}

static oinf_val attention(const llama *m, oinf_val h, const char *at, oinf_dim layer, int64_t l) {
  oinf_val q = heads(m, h, at, 'q', m->rotates[l]);
  oinf_val k = heads(m, h, at, 'k', m->rotates[l]);
  oinf_val v = heads(m, h, at, 'v', false);
  oinf_state_write(m->k, layer, k, .at = m->P);
  oinf_state_write(m->v, layer, v, .at = m->P);
  oinf_val all_k = oinf_state_read(m->k, layer, .rows = m->S);  // [S, kv, d]
  oinf_val all_v = oinf_state_read(m->v, layer, .rows = m->S);
  oinf_val a = oinf_sdpa(q, all_k, all_v, .pos = m->P, .causal = true, .window = m->window[l]);
  a = named(oinf_reshape(a, .shape = OINF_DIMS(m->T, m->heads * m->dim)), at, "attn", OINF_ATTN);
  return named(linear(m, a, at, "self_attn.o_proj"), at, "attn_out", OINF_ATTN_OUT);
}

static oinf_val feed_forward(const llama *m, oinf_val h, const char *at) {
  oinf_val gate = named(linear(m, h, at, "mlp.gate_proj"), at, "ffn_gate", OINF_FFN_GATE);
  oinf_val up = named(linear(m, h, at, "mlp.up_proj"), at, "ffn_up", OINF_FFN_UP);
  oinf_val act = named(oinf_mul(oinf_silu(gate), up), at, "ffn_act", OINF_FFN_ACT);
  return named(linear(m, act, at, "mlp.down_proj"), at, "ffn_out", OINF_FFN_OUT);
}

// One layer: x [T, hidden] to x. `l` is any layer of its kind, `layer` the index as a dim.
static oinf_val block(const llama *m, oinf_val x, const char *at, oinf_dim layer, int64_t l) {
  oinf_val h = oinf_rmsnorm(x, weight(m, at, "input_layernorm.weight"), .eps = m->eps);
  h = named(h, at, "attn_norm", OINF_ATTN_NORM);
  x = named(oinf_add(x, attention(m, h, at, layer, l)), at, "attn_residual", OINF_RESIDUAL);
  h = oinf_rmsnorm(x, weight(m, at, "post_attention_layernorm.weight"), .eps = m->eps);
  h = named(h, at, "ffn_norm", OINF_FFN_NORM);
  return named(oinf_add(x, feed_forward(m, h, at)), at, "residual", OINF_RESIDUAL);
}

// ---- layers that alternate ----

static bool alike(const llama *m, int64_t a, int64_t b) {
  return m->window[a] == m->window[b] && m->rotates[a] == m->rotates[b];
}

// The least n so that layer l is like layer l + n throughout, and n divides the number of layers.
static int64_t period(const llama *m) {
  for (int64_t n = 1; n < m->layers; n++) {
    bool ok = m->layers % n == 0;
    for (int64_t l = 0; ok && l + n < m->layers; l++) ok = alike(m, l, l + n);
    if (ok) return n;
  }
  return m->layers;
}

static int64_t run_length(const llama *m, int64_t from, int64_t end) {
  int64_t n = 1;
  while (from + n < end && alike(m, from, from + n)) n++;
  return n;
}

// The runs of like layers of a period that starts at layer n * p (times > 1), or at 0.
static oinf_val runs(const llama *m, oinf_val x, int64_t n, oinf_dim p) {
  char at[64], head[32] = "";
  const oinf_dim base = p == OINF_NO_LAYER ? 0 : oinf_dim_mul(m->g, n, p);
  if (p != OINF_NO_LAYER) snprintf(head, sizeof head, "%lld*p+", (long long)n);
  for (int64_t from = 0, count; from < n; from += count) {
    count = run_length(m, from, n);
    if (count == 1) {
      snprintf(at, sizeof at, p == OINF_NO_LAYER ? "%s%lld" : "{%s%lld}", head, (long long)from);
      x = block(m, x, at, oinf_dim_add(m->g, base, from), from);
      continue;
    }
    oinf_for(l, m->g, count, &x) {
      snprintf(at, sizeof at, "{%sl+%lld}", head, (long long)from);
      x = block(m, x, at, oinf_dim_add(m->g, oinf_dim_add(m->g, base, from), l.index), from);
    }
  }
  return x;
}

static oinf_val all_layers(const llama *m, oinf_val x) {
  const int64_t n = period(m);
  if (n == 1) {
    oinf_for(l, m->g, m->layers, &x) x = block(m, x, "{l}", l.index, 0);
    return x;
  }
  if (n == m->layers) return runs(m, x, n, OINF_NO_LAYER);
  oinf_for(p, m->g, m->layers / n, &x) x = runs(m, x, n, p.index);
  return x;
}

static void build(llama *m) {
  oinf_graph *g = m->g;
  const oinf_dim C = oinf_sym(g, "C", 1, m->positions);
  m->P = oinf_sym(g, "P", 0, oinf_dim_sub(g, C, 1));
  m->T = oinf_sym(g, "T", 1, 256);
  m->S = oinf_dim_add(g, m->P, m->T);
  m->k = oinf_state_new(g, "k", OINF_F32, m->layers, C, m->kv, m->dim);
  m->v = oinf_state_new(g, "v", OINF_F32, m->layers, C, m->kv, m->dim);
  oinf_val tokens = oinf_input(g, "tokens", OINF_I32, m->T);
  oinf_val table = weight(m, NULL, "model.embed_tokens.weight"), x = oinf_gather(table, tokens);
  if (oinf_val_dtype(x) != OINF_F32) x = oinf_cast(x, .to = OINF_F32);
  x = oinf_hint(oinf_name(x, "embed"), .role = OINF_EMBED);
  x = all_layers(m, x);
  oinf_val head = m->tied ? table : weight(m, NULL, "lm_head.weight"),
           norm = weight(m, NULL, "model.norm.weight");
  oinf_val last = oinf_rmsnorm(oinf_last(x, m->T), norm, .eps = m->eps);
  last = oinf_hint(oinf_name(last, "out_norm"), .role = OINF_OUT_NORM);
  oinf_val logits = oinf_matmul(last, head, .transpose_b = true);  // [1, vocab]
  logits = oinf_reshape(logits, .shape = OINF_DIMS(OINF_INFER));
  oinf_output(g, "logits", oinf_hint(oinf_name(logits, "logits"), .role = OINF_LOGITS));
  oinf_variant(g, "decode", m->T, 1);
}

oinf_status oi_arch_llama(const oi_config *config, oinf_model *model, oinf_graph **out_graph) {
  llama m = {.config = config, .model = model};
  OI_TRY(read_sizes(&m));
  OI_TRY(read_rope(&m));
  OI_TRY(read_layers(&m));
  OI_TRY(check_act(&m));
  m.tied = oinf_model_find(model, "lm_head.weight") == NULL;
  OI_TRY(oinf_graph_create(config->ctx, model, "text", &m.g));
  build(&m);
  oinf_status status = oinf_graph_check(m.g);
  if (status != OINF_OK) return oinf_graph_destroy(m.g), status;
  *out_graph = m.g;
  return OINF_OK;
}
