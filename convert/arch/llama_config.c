// config.json of the Llama family. A key that equals its class's default may be missing, so the
// defaults of each class are part of the format; they stand in one table. null is not missing: it
// means "derived", or none.
#include <string.h>

#include "convert/arch/llama.h"

typedef struct defaults {
  const char *type;
  int64_t hidden, inner, layers, heads, kv, dim, positions;  // kv, dim 0: derived
  int64_t window;                                            // where the key is missing; 0: none
  double eps;
} defaults;

static const defaults classes[] = {
    {"llama", 4096, 11008, 32, 32, 0, 0, 2048, 0, 1e-6},
    {"mistral", 4096, 14336, 32, 32, 8, 0, 131072, 4096, 1e-6},
    {"qwen2", 4096, 22016, 32, 32, 32, 0, 32768, 4096, 1e-6},
    {"qwen3", 4096, 22016, 32, 32, 32, 128, 32768, 4096, 1e-6},
    {"phi3", 3072, 8192, 32, 32, 0, 0, 4096, 0, 1e-5},
    {"smollm3", 2048, 11008, 36, 16, 4, 0, 32768, 0, 1e-6},
};

bool oi_llama_is(const oi_llama *m, const char *model_type) {
  return strcmp(m->config->model_type, model_type) == 0;
}

static const defaults *class_of(const oi_llama *m) {
  const defaults *d = classes;
  for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
    if (oi_llama_is(m, classes[i].type)) d = &classes[i];
  return d;
}

static bool is_absent(const oi_llama *m, const char *key) {
  return !json_object_get(m->config->root, key);
}

static oinf_status read_heads(oi_llama *m, const defaults *d) {
  const oi_config *c = m->config;
  OI_TRY(oi_config_int(c, "num_attention_heads", d->heads, 1, 1 << 16, &m->heads));
  int64_t kv = d->kv && is_absent(m, "num_key_value_heads") ? d->kv : m->heads;
  OI_TRY(oi_config_int(c, "num_key_value_heads", kv, 1, m->heads, &m->kv));
  int64_t dim = d->dim && is_absent(m, "head_dim") ? d->dim : m->hidden / m->heads;
  OI_TRY(oi_config_int(c, "head_dim", dim, 1, 1 << 16, &m->dim));
  if (m->heads % m->kv == 0) return OINF_OK;
  return oi_fail(oi_ctx_err(c->ctx), OINF_FORMAT,
                 "config.json: %lld heads do not share %lld key-value heads", (long long)m->heads,
                 (long long)m->kv);
}

static oinf_status read_sizes(oi_llama *m, const defaults *d) {
  const oi_config *c = m->config;
  const int64_t big = 1 << 24;
  OI_TRY(oi_config_int(c, "hidden_size", d->hidden, 1, big, &m->hidden));
  OI_TRY(oi_config_int(c, "intermediate_size", d->inner, 1, big, &m->inner));
  OI_TRY(oi_config_int(c, "num_hidden_layers", d->layers, 1, OI_LLAMA_LAYERS, &m->layers));
  OI_TRY(oi_config_int(c, "max_position_embeddings", d->positions, 1, big, &m->positions));
  OI_TRY(read_heads(m, d));
  return oi_config_real(c, c->root, "rms_norm_eps", d->eps, &m->eps);
}

// The classes whose every layer has the window, where there is one.
static bool always_slides(const oi_llama *m) {
  return oi_llama_is(m, "mistral") || oi_llama_is(m, "phi3");
}

// Which classes look at which keys: the others ignore them, though a checkpoint may hold them.
static void read_parts(oi_llama *m) {
  const bool qwen2 = oi_llama_is(m, "qwen2"), never = always_slides(m);  // Mistral, Phi-3
  const bool bias = oi_config_flag(m->config, "attention_bias", false) && !qwen2 && !never;
  m->qkv_bias = qwen2 || bias;
  m->o_bias = bias;
  m->mlp_bias = (oi_llama_is(m, "llama") || oi_llama_is(m, "smollm3")) &&
                oi_config_flag(m->config, "mlp_bias", false);
  m->qk_norm = oi_llama_is(m, "qwen3");
}

// ---- windows and rotation, by layer ----

static bool slides(const oi_llama *m, const json_t *types, int64_t l, int64_t full) {
  const json_t *type = json_array_get(types, (size_t)l);
  if (always_slides(m)) return true;
  if (type) return json_is_string(type) && !strcmp(json_string_value(type), "sliding_attention");
  return oi_llama_is(m, "smollm3") ? !m->rotates[l] : l >= full;
}

// SmolLM3's `no_rope_layers` says 1 where a layer is rotated.
static oinf_status read_rotation(oi_llama *m) {
  const json_t *list = oi_config_get(m->config, "no_rope_layers");
  int64_t every;
  OI_TRY(oi_config_int(m->config, "no_rope_layer_interval", 4, 1, OI_LLAMA_LAYERS, &every));
  for (int64_t l = 0; l < m->layers; l++) {
    const json_t *one = json_array_get(list, (size_t)l);
    const bool said = json_is_integer(one) ? json_integer_value(one) != 0 : (l + 1) % every != 0;
    m->rotates[l] = said || !oi_llama_is(m, "smollm3");
  }
  return OINF_OK;
}

static oinf_status read_windows(oi_llama *m, const defaults *d) {
  const oi_config *c = m->config;
  int64_t window, full;
  const int64_t missing = is_absent(m, "sliding_window") ? d->window : 0;
  OI_TRY(oi_config_int(c, "sliding_window", missing, 0, INT64_MAX / 4, &window));
  OI_TRY(oi_config_int(c, "max_window_layers", 28, 0, INT64_MAX / 4, &full));
  const bool asked = always_slides(m) ||
                     (!oi_llama_is(m, "llama") && oi_config_flag(c, "use_sliding_window", false));
  const json_t *types = oi_config_get(c, "layer_types");
  for (int64_t l = 0; l < m->layers; l++)
    m->window[l] = asked && slides(m, types, l, full) ? window : 0;
  return OINF_OK;
}

// ---- the rest ----

static oinf_val silu(oinf_val x) { return oinf_silu(x); }
static oinf_val gelu(oinf_val x) { return oinf_gelu(x); }
static oinf_val gelu_tanh(oinf_val x) { return oinf_gelu_tanh(x); }
static oinf_val relu(oinf_val x) { return oinf_relu(x); }

static oinf_status read_act(oi_llama *m) {
  static const struct {
    const char *name;
    oinf_val (*act)(oinf_val x);
  } known[] = {{"silu", silu},
               {"swish", silu},
               {"gelu", gelu},
               {"gelu_new", gelu_tanh},
               {"gelu_pytorch_tanh", gelu_tanh},
               {"relu", relu}};
  const char *name = oi_config_text(m->config->root, "hidden_act", "silu");
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i].name, name) == 0) return m->act = known[i].act, OINF_OK;
  return oi_fail(oi_ctx_err(m->config->ctx), OINF_SUPPORT,
                 "config.json: hidden_act '%s' is not known here", name);
}

static oinf_status refuse_quantized(const oi_llama *m) {
  const json_t *q = oi_config_get(m->config, "quantization_config");
  if (!q) return OINF_OK;
  return oi_fail(oi_ctx_err(m->config->ctx), OINF_SUPPORT,
                 "config.json: weights quantized by '%s' are not known here; "
                 "f32, f16 and bf16 are",
                 oi_config_text(q, "quant_method", "?"));
}

oinf_status oi_llama_read(oi_llama *m) {
  const defaults *d = class_of(m);
  OI_TRY(refuse_quantized(m));
  OI_TRY(read_sizes(m, d));
  read_parts(m);
  OI_TRY(read_rotation(m));
  OI_TRY(read_windows(m, d));
  OI_TRY(read_act(m));
  return oi_llama_read_rope(m);
}
