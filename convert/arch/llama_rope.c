// Rotary positions of the Llama family. The settings stand in rope_parameters (transformers 5), or
// in rope_theta and rope_scaling (before); the kind is rope_type, or type in older files still.
//
// What the op cannot be told in numbers is made here: longrope has one factor a frequency, so its
// frequencies become two tensors, and a row takes the long ones where it stands behind the original
// length. Like dynamic scaling it thus takes each row as a text that ends with it: a prompt gives
// the same in any chunks.
#include <math.h>
#include <string.h>

#include "convert/arch/llama.h"

#define SHORT_NAME "rope.short_frequencies"
#define LONG_NAME "rope.long_frequencies"

static bool scales_by(const oi_llama *m, const char *scaling) {
  return strcmp(m->scaling, scaling) == 0;
}

static oi_err *err(const oi_llama *m) { return oi_ctx_err(m->config->ctx); }

// ---- settings ----

static oinf_status read_kind(oi_llama *m, const json_t *r) {
  static const char *const known[] = {"default", "linear", "dynamic", "llama3", "yarn", "longrope"};
  const char *kind = oi_config_text(r, "rope_type", oi_config_text(r, "type", "default"));
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(known[i], kind) == 0) return m->scaling = i ? known[i] : "", OINF_OK;
  if (strcmp(kind, "su") == 0) return m->scaling = "longrope", OINF_OK;  // its first name
  return oi_fail(err(m), OINF_SUPPORT, "config.json: rope_type '%s' is not known here", kind);
}

static oinf_status refuse_nested(const oi_llama *m, const json_t *r) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)(uintptr_t)r, key, value) if (json_is_object(value)) return oi_fail(
      err(m), OINF_SUPPORT,
      "config.json: rope_parameters of a layer type ('%s') are not known here", key);
  return OINF_OK;
}

static oinf_status read_width(oi_llama *m, const json_t *r) {
  double part;
  OI_TRY(oi_config_real(m->config, m->config->root, "partial_rotary_factor", 1.0, &part));
  OI_TRY(oi_config_real(m->config, r, "partial_rotary_factor", part, &part));
  m->width = part > 0 && part <= 1 ? (int64_t)((double)m->dim * part) : 0;
  if (m->width >= 2 && m->width % 2 == 0) return OINF_OK;
  return oi_fail(err(m), OINF_FORMAT,
                 "config.json: partial_rotary_factor %g of a head of %lld is no even number", part,
                 (long long)m->dim);
}

// The original length: beside the object it wins over the one inside.
static oinf_status read_original(oi_llama *m, const json_t *r) {
  const char *key = "original_max_position_embeddings";
  const double missing = oi_llama_is(m, "phi3") ? 4096.0 : (double)m->positions;
  OI_TRY(oi_config_real(m->config, r, key, missing, &m->original));
  OI_TRY(oi_config_real(m->config, m->config->root, key, m->original, &m->original));
  if (scales_by(m, "dynamic")) m->original = (double)m->positions;
  if (m->original >= 1 && m->original <= 1e9) return OINF_OK;
  return oi_fail(err(m), OINF_FORMAT, "config.json: %s is %g", key, m->original);
}

static oinf_status read_factor(oi_llama *m, const json_t *r) {
  const bool derived = scales_by(m, "yarn") || scales_by(m, "longrope");
  const double ratio = derived ? (double)m->positions / m->original : 1.0;
  OI_TRY(oi_config_real(m->config, r, "factor", ratio, &m->factor));
  if (m->factor > 0 && m->factor <= 1e6) return OINF_OK;
  return oi_fail(err(m), OINF_FORMAT, "config.json: factor is %g, more than 0 is wanted",
                 m->factor);
}

static oinf_status read_ramp(oi_llama *m, const json_t *r) {
  const bool yarn = scales_by(m, "yarn");
  const double high = yarn ? 32.0 : 4.0;
  const char *low_key = yarn ? "beta_slow" : "low_freq_factor",
             *high_key = yarn ? "beta_fast" : "high_freq_factor";
  OI_TRY(oi_config_real(m->config, r, low_key, 1.0, &m->low));
  OI_TRY(oi_config_real(m->config, r, high_key, high, &m->high));
  if (m->low == 0) m->low = 1.0;  // 0 takes the default, as the reference has it
  if (m->high == 0) m->high = high;
  m->no_truncate = json_is_false(json_object_get(r, "truncate"));
  if (m->high > m->low && m->low > 0) return OINF_OK;
  return oi_fail(err(m), OINF_FORMAT, "config.json: %s %g and %s %g are no range", low_key, m->low,
                 high_key, m->high);
}

static double yarn_scale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * log(factor) + 1.0;
}

// What cos and sin are multiplied by: given, or as the papers have it.
static oinf_status read_attention_factor(oi_llama *m, const json_t *r) {
  double mscale, all;
  OI_TRY(oi_config_real(m->config, r, "mscale", 0.0, &mscale));
  OI_TRY(oi_config_real(m->config, r, "mscale_all_dim", 0.0, &all));
  double usual = 1.0;
  if (scales_by(m, "yarn")) usual = yarn_scale(m->factor, 1.0);
  if (scales_by(m, "yarn") && mscale != 0 && all != 0)
    usual = yarn_scale(m->factor, mscale) / yarn_scale(m->factor, all);
  if (scales_by(m, "longrope") && m->factor > 1 && m->original > 1)
    usual = sqrt(1 + log(m->factor) / log(m->original));
  m->attention_factor = usual;
  if (!scales_by(m, "yarn") && !scales_by(m, "longrope")) return OINF_OK;
  return oi_config_real(m->config, r, "attention_factor", usual, &m->attention_factor);
}

// ---- longrope ----

static oinf_status add_frequencies(oi_llama *m, const json_t *r, const char *key,
                                   const char *name) {
  const json_t *list = json_object_get(r, key);
  const int64_t n = m->width / 2;
  float *inv = oi_arena_alloc(&m->config->arena, (size_t)n * sizeof *inv);
  if (!inv) return oi_nomem(err(m), (size_t)n * sizeof *inv);
  if ((int64_t)json_array_size(list) != n)
    return oi_fail(err(m), OINF_FORMAT, "config.json: %s holds %zu numbers, %lld are wanted", key,
                   json_array_size(list), (long long)n);
  for (int64_t j = 0; j < n; j++) {
    const float exponent = (float)(2 * j) / (float)m->width;
    const float power = (float)pow(m->theta, (double)exponent);
    const float slower = (float)json_number_value(json_array_get(list, (size_t)j)) * power;
    if (!(slower > 0))
      return oi_fail(err(m), OINF_FORMAT, "config.json: %s[%lld] is no positive number", key,
                     (long long)j);
    inv[j] = 1.0f / slower;
  }
  return oinf_model_add(m->model, name, OINF_F32, 1, &n, inv);
}

static oinf_status read_longrope(oi_llama *m, const json_t *r) {
  if (!scales_by(m, "longrope")) return OINF_OK;
  OI_TRY(add_frequencies(m, r, "short_factor", SHORT_NAME));
  return add_frequencies(m, r, "long_factor", LONG_NAME);
}

// Scaling makes room for more positions than the model was first made for.
static void reach_further(oi_llama *m) {
  const double reach = m->original * m->factor;
  if (!scales_by(m, "") && !scales_by(m, "llama3") && reach > (double)m->positions && reach < 1e9)
    m->positions = (int64_t)reach;
}

oinf_status oi_llama_read_rope(oi_llama *m) {
  const oi_config *c = m->config;
  const json_t *now = oi_config_get(c, "rope_parameters"), *old = oi_config_get(c, "rope_scaling");
  const json_t *r = now ? now : old;
  double theta = oi_llama_is(m, "smollm3") ? 2e6 : 10000.0;
  OI_TRY(oi_config_real(c, c->root, "rope_theta", theta, &theta));
  OI_TRY(oi_config_real(c, now, "rope_theta", theta, &m->theta));
  if (!(m->theta > 1) || m->theta > 1e30)
    return oi_fail(err(m), OINF_FORMAT, "config.json: rope_theta is %g", m->theta);
  OI_TRY(refuse_nested(m, r));
  OI_TRY(read_kind(m, r));
  OI_TRY(read_width(m, r));
  OI_TRY(read_original(m, r));
  OI_TRY(read_factor(m, r));
  OI_TRY(read_ramp(m, r));
  OI_TRY(read_attention_factor(m, r));
  OI_TRY(read_longrope(m, r));
  reach_further(m);
  return OINF_OK;
}

// ---- the rotation ----

// Operand b of a longrope, or no value. A rotation that scales nothing is told nothing of scaling.
static oinf_val turn(const oi_llama *m, oinf_val x, oinf_val frequencies) {
  const bool plain = scales_by(m, "");
  return oinf_rope(x, .b = frequencies, .pos = m->P, .theta = m->theta,
                   .width = m->width == m->dim ? 0 : m->width, .scaling = plain ? NULL : m->scaling,
                   .factor = plain ? 0 : m->factor, .low = plain ? 0 : m->low,
                   .high = plain ? 0 : m->high, .original = plain ? 0 : m->original,
                   .attention_factor = plain ? 0 : m->attention_factor,
                   .no_truncate = m->no_truncate);
}

oinf_val oi_llama_rotate(const oi_llama *m, oinf_val x) {
  if (!scales_by(m, "longrope")) return turn(m, x, (oinf_val){0});
  oinf_val near = turn(m, x, oinf_weight(m->g, SHORT_NAME));
  if ((double)m->positions <= m->original) return near;
  oinf_val far = turn(m, x, oinf_weight(m->g, LONG_NAME));
  oinf_val at = oinf_iota(m->g, .shape = OINF_DIMS(m->T, 1, 1), .start = m->P);
  return oinf_where(oinf_ge(at, oinf_num(m->g, m->original)), far, near);
}
