// The Llama family: Llama 2 and 3, Mistral, Qwen2, Qwen3, SmolLM, SmolLM3. One graph with options.
//
// Layers that are alike are one loop. Where they alternate (a window, no rotation, or another dtype
// in every n-th layer) the loop runs over the periods and holds one loop for each run of like
// layers, so code does not grow with depth.
#include "convert/arch/llama.h"

#include <stdio.h>
#include <string.h>

// ---- parts of a layer ----

// The weight of a part of layer `at` ("{l}"), or of the model (at NULL).
static oinf_val weight(const oi_llama *m, const char *at, const char *part) {
  char name[256];
  if (at) snprintf(name, sizeof name, "%slayers.%s.%s", m->prefix, at, part);
  else snprintf(name, sizeof name, "%s%s", m->prefix, part);
  return oinf_weight(m->g, name);
}

static oinf_val named(oinf_val v, const char *at, const char *role_name, oinf_role role) {
  char name[128];
  snprintf(name, sizeof name, "blk.%s.%s", at, role_name);
  return oinf_hint(oinf_name(v, name), .role = role);
}

static oinf_val linear(const oi_llama *m, oinf_val x, const char *at, const char *part, bool bias) {
  char name[128];
  snprintf(name, sizeof name, "%s.weight", part);
  oinf_val y = oinf_matmul(x, weight(m, at, name), .transpose_b = true);
  snprintf(name, sizeof name, "%s.bias", part);
  return bias ? oinf_add(y, weight(m, at, name)) : y;
}

// Queries, keys and values of the normed h, each [T, heads * d]: of three tensors, or rows of one.
typedef struct qkv {
  oinf_val q, k, v;
} qkv;

static qkv project(const oi_llama *m, oinf_val h, const char *at) {
  const int64_t q = m->heads * m->dim, k = q + m->kv * m->dim;
  if (!m->joined_qkv)
    return (qkv){linear(m, h, at, "self_attn.q_proj", m->qkv_bias),
                 linear(m, h, at, "self_attn.k_proj", m->qkv_bias),
                 linear(m, h, at, "self_attn.v_proj", m->qkv_bias)};
  h = named(linear(m, h, at, "self_attn.qkv_proj", m->qkv_bias), at, "attn_qkv", OINF_ATTN_QKV);
  return (qkv){oinf_slice(h, .axis = 1, .end = q), oinf_slice(h, .axis = 1, .begin = q, .end = k),
               oinf_slice(h, .axis = 1, .begin = k, .end = OINF_INFER)};
}

// Queries or keys: in heads, normed where the model does so, rotated where the layer does so.
// Values: in heads.
static oinf_val heads(const oi_llama *m, oinf_val x, const char *at, char which, bool rotates) {
  char norm[64], name[16];
  snprintf(norm, sizeof norm, "self_attn.%c_norm.weight", which);
  snprintf(name, sizeof name, "attn_%c", which);
  const oinf_role role = which == 'q' ? OINF_ATTN_Q : which == 'k' ? OINF_ATTN_K : OINF_ATTN_V;
  x = oinf_split_heads(named(x, at, name, role), which == 'q' ? m->heads : m->kv);
  if (which != 'v' && m->qk_norm) x = oinf_rmsnorm(x, weight(m, at, norm), .eps = m->eps);
  if (!rotates) return x;
  snprintf(name, sizeof name, "attn_%c_rope", which);
  return named(oi_llama_rotate(m, x), at, name, OINF_ATTN_ROPE);
}

static oinf_val in_dtype(oinf_val x, oinf_dtype dtype) {
  return oinf_val_dtype(x) == dtype ? x : oinf_cast(x, .to = dtype);
}

static oinf_val attention(const oi_llama *m, oinf_val h, const char *at, oinf_dim layer,
                          int64_t l) {
  const qkv of = project(m, h, at);
  oinf_val q = heads(m, of.q, at, 'q', m->rotates[l]);
  oinf_val k = heads(m, of.k, at, 'k', m->rotates[l]);
  oinf_val v = heads(m, of.v, at, 'v', false);
  oinf_state_write(m->k, layer, k, .at = m->P);
  oinf_state_write(m->v, layer, v, .at = m->P);
  oinf_val all_k = oinf_state_read(m->k, layer, .rows = m->S);  // [S, kv, d]
  oinf_val all_v = oinf_state_read(m->v, layer, .rows = m->S);
  oinf_val a = oinf_sdpa(q, all_k, all_v, .pos = m->P, .causal = true, .window = m->window[l]);
  a = named(oinf_reshape(a, .shape = OINF_DIMS(m->T, m->heads * m->dim)), at, "attn", OINF_ATTN);
  return named(linear(m, a, at, "self_attn.o_proj", m->o_bias), at, "attn_out", OINF_ATTN_OUT);
}

static oinf_val feed_forward(const oi_llama *m, oinf_val h, const char *at) {
  const bool bias = m->mlp_bias;
  oinf_val gate, up;
  if (m->joined_mlp) {
    h = named(linear(m, h, at, "mlp.gate_up_proj", bias), at, "ffn_gate_up", OINF_FFN_GATE_UP);
    gate = oinf_slice(h, .axis = 1, .end = m->inner);
    up = oinf_slice(h, .axis = 1, .begin = m->inner, .end = OINF_INFER);
  } else {
    gate = linear(m, h, at, "mlp.gate_proj", bias);
    up = linear(m, h, at, "mlp.up_proj", bias);
  }
  gate = named(gate, at, "ffn_gate", OINF_FFN_GATE);
  up = named(up, at, "ffn_up", OINF_FFN_UP);
  oinf_val act = named(oinf_mul(m->act(gate), up), at, "ffn_act", OINF_FFN_ACT);
  return named(linear(m, act, at, "mlp.down_proj", bias), at, "ffn_out", OINF_FFN_OUT);
}

// One layer: x [T, hidden] to x. `l` is any layer of its kind, `layer` the index as a dim.
static oinf_val block(const oi_llama *m, oinf_val x, const char *at, oinf_dim layer, int64_t l) {
  oinf_val h = oinf_rmsnorm(x, weight(m, at, "input_layernorm.weight"), .eps = m->eps);
  h = named(h, at, "attn_norm", OINF_ATTN_NORM);
  x = named(oinf_add(x, attention(m, h, at, layer, l)), at, "attn_residual", OINF_RESIDUAL);
  h = oinf_rmsnorm(x, weight(m, at, "post_attention_layernorm.weight"), .eps = m->eps);
  h = named(h, at, "ffn_norm", OINF_FFN_NORM);
  return named(oinf_add(x, feed_forward(m, h, at)), at, "residual", OINF_RESIDUAL);
}

// ---- layers that alternate ----

static bool alike(const oi_llama *m, int64_t a, int64_t b) {
  return m->window[a] == m->window[b] && m->rotates[a] == m->rotates[b] &&
         m->storage[a] == m->storage[b];
}

// The least n so that layer l is like layer l + n throughout, and n divides the number of layers.
static int64_t period(const oi_llama *m) {
  for (int64_t n = 1; n < m->layers; n++) {
    bool ok = m->layers % n == 0;
    for (int64_t l = 0; ok && l + n < m->layers; l++) ok = alike(m, l, l + n);
    if (ok) return n;
  }
  return m->layers;
}

static int64_t run_length(const oi_llama *m, int64_t from, int64_t end) {
  int64_t n = 1;
  while (from + n < end && alike(m, from, from + n)) n++;
  return n;
}

// The runs of like layers of a period that starts at layer n * p (times > 1), or at 0.
static oinf_val runs(const oi_llama *m, oinf_val x, int64_t n, oinf_dim p) {
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

static oinf_val all_layers(const oi_llama *m, oinf_val x) {
  const int64_t n = period(m);
  if (n == 1) {
    oinf_for(l, m->g, m->layers, &x) x = block(m, x, "{l}", l.index, 0);
    return x;
  }
  if (n == m->layers) return runs(m, x, n, OINF_NO_LAYER);
  oinf_for(p, m->g, m->layers / n, &x) x = runs(m, x, n, p.index);
  return x;
}

// ---- the whole ----

static oinf_val embed(const oi_llama *m, oinf_val table) {
  oinf_val tokens = oinf_input(m->g, "tokens", OINF_I32, m->T), x = oinf_gather(table, tokens);
  return oinf_hint(oinf_name(in_dtype(x, OINF_F32), "embed"), .role = OINF_EMBED);
}

// Of the last row alone: [vocab].
static oinf_val logits(const oi_llama *m, oinf_val x, oinf_val head) {
  oinf_val h = oinf_rmsnorm(oinf_last(x, m->T), weight(m, NULL, "norm.weight"), .eps = m->eps);
  h = oinf_hint(oinf_name(h, "out_norm"), .role = OINF_OUT_NORM);
  oinf_val y = oinf_matmul(h, head, .transpose_b = true);  // [1, vocab]
  y = oinf_reshape(y, .shape = OINF_DIMS(OINF_INFER));
  return oinf_hint(oinf_name(y, "logits"), .role = OINF_LOGITS);
}

static void build(oi_llama *m) {
  oinf_graph *g = m->g;
  const oinf_dim C = oinf_sym(g, "C", 1, m->positions);
  m->P = oinf_sym(g, "P", 0, oinf_dim_sub(g, C, 1));
  m->T = oinf_sym(g, "T", 1, 256);
  m->S = oinf_dim_add(g, m->P, m->T);
  m->k = oinf_state_new(g, "k", m->kv_dtype, m->layers, C, m->kv, m->dim);
  m->v = oinf_state_new(g, "v", m->kv_dtype, m->layers, C, m->kv, m->dim);
  oinf_val table = weight(m, NULL, "embed_tokens.weight");
  oinf_val x = all_layers(m, embed(m, table));
  oinf_output(g, "logits", logits(m, x, m->tied ? table : oinf_weight(g, "lm_head.weight")));
  oinf_variant(g, "decode", m->T, 1);
}

// KV states are f32 unless `--set kv_dtype=` says otherwise.
static oinf_status read_kv_dtype(oi_llama *m) {
  const char *name = oinf_model_meta(m->model, "kv_dtype");
  m->kv_dtype = name ? oinf_dtype_find(name) : OINF_F32;
  if (m->kv_dtype == OINF_F32 || m->kv_dtype == OINF_F16 || m->kv_dtype == OINF_BF16)
    return OINF_OK;
  return oi_fail(oi_ctx_err(m->config->ctx), OINF_USAGE,
                 "kv_dtype is '%s'; f32, f16 and bf16 are possible", name);
}

oinf_status oi_arch_llama(oi_config *config, oinf_model *model, oinf_graph **out_graph) {
  oi_llama m = {.config = config, .model = model};
  OI_TRY(oi_llama_read(&m));
  OI_TRY(oi_llama_check_tensors(&m));
  OI_TRY(read_kv_dtype(&m));
  OI_TRY(oinf_graph_create(config->ctx, model, "text", &m.g));
  build(&m);
  oinf_status status = oinf_graph_check(m.g);
  if (status != OINF_OK) return oinf_graph_destroy(m.g), status;
  *out_graph = m.g;
  return OINF_OK;
}
