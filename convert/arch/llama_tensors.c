// The tensors of the Llama family: one table of names and shapes. A checkpoint is held against it
// before anything is built, so that a person learns of all that is missing at once.
#include <stdio.h>
#include <string.h>

#include "convert/arch/llama.h"

// What a tensor is there for, and the axes of its shape.
typedef enum part_of {
  ALWAYS,
  APART,  // queries, keys and values
  APART_BIAS,
  JOINED,
  JOINED_BIAS,
  O_BIAS,
  QK_NORM,
  MLP_APART,  // gate and up
  MLP_APART_BIAS,
  MLP_JOINED,
  MLP_JOINED_BIAS,
  MLP_BIAS
} part_of;
typedef enum axis {
  NONE,
  HIDDEN,
  INNER,
  TWO_INNER,
  QUERIES,
  KEYS,
  QKV,
  HEAD,
  VOCAB
} axis;
typedef struct part {
  const char *name;  // behind "model.layers.N." where it is of a layer
  axis rows, columns;
  part_of of;
} part;

static const part of_layer[] = {
    {"input_layernorm.weight", HIDDEN, NONE, ALWAYS},
    {"self_attn.q_proj.weight", QUERIES, HIDDEN, APART},
    {"self_attn.q_proj.bias", QUERIES, NONE, APART_BIAS},
    {"self_attn.k_proj.weight", KEYS, HIDDEN, APART},
    {"self_attn.k_proj.bias", KEYS, NONE, APART_BIAS},
    {"self_attn.v_proj.weight", KEYS, HIDDEN, APART},
    {"self_attn.v_proj.bias", KEYS, NONE, APART_BIAS},
    {"self_attn.qkv_proj.weight", QKV, HIDDEN, JOINED},
    {"self_attn.qkv_proj.bias", QKV, NONE, JOINED_BIAS},
    {"self_attn.q_norm.weight", HEAD, NONE, QK_NORM},
    {"self_attn.k_norm.weight", HEAD, NONE, QK_NORM},
    {"self_attn.o_proj.weight", HIDDEN, QUERIES, ALWAYS},
    {"self_attn.o_proj.bias", HIDDEN, NONE, O_BIAS},
    {"post_attention_layernorm.weight", HIDDEN, NONE, ALWAYS},
    {"mlp.gate_proj.weight", INNER, HIDDEN, MLP_APART},
    {"mlp.gate_proj.bias", INNER, NONE, MLP_APART_BIAS},
    {"mlp.up_proj.weight", INNER, HIDDEN, MLP_APART},
    {"mlp.up_proj.bias", INNER, NONE, MLP_APART_BIAS},
    {"mlp.gate_up_proj.weight", TWO_INNER, HIDDEN, MLP_JOINED},
    {"mlp.gate_up_proj.bias", TWO_INNER, NONE, MLP_JOINED_BIAS},
    {"mlp.down_proj.weight", HIDDEN, INNER, ALWAYS},
    {"mlp.down_proj.bias", HIDDEN, NONE, MLP_BIAS},
};
enum {
  N_PARTS = sizeof of_layer / sizeof *of_layer,
  LONGEST = 160
};

typedef struct check {
  oi_llama *m;
  oi_text missing;  // "name [64, 64], ..."
  uint32_t n_missing;
} check;

static bool is_wanted(const oi_llama *m, part_of of) {
  switch (of) {
    case APART: return !m->joined_qkv;
    case APART_BIAS: return !m->joined_qkv && m->qkv_bias;
    case JOINED: return m->joined_qkv;
    case JOINED_BIAS: return m->joined_qkv && m->qkv_bias;
    case O_BIAS: return m->o_bias;
    case MLP_APART: return !m->joined_mlp;
    case MLP_APART_BIAS: return !m->joined_mlp && m->mlp_bias;
    case MLP_JOINED: return m->joined_mlp;
    case MLP_JOINED_BIAS: return m->joined_mlp && m->mlp_bias;
    case MLP_BIAS: return m->mlp_bias;
    case QK_NORM: return m->qk_norm;
    default: return true;
  }
}

// -1: any length, as the rows of the embedding say how large the vocabulary is.
static int64_t length(const oi_llama *m, axis a) {
  switch (a) {
    case HIDDEN: return m->hidden;
    case INNER: return m->inner;
    case TWO_INNER: return 2 * m->inner;
    case QUERIES: return m->heads * m->dim;
    case KEYS: return m->kv * m->dim;
    case QKV: return (m->heads + 2 * m->kv) * m->dim;
    case HEAD: return m->dim;
    default: return -1;
  }
}

static void shape_text(const oi_llama *m, const part *p, char *out, size_t room) {
  const long long rows = length(m, p->rows), columns = length(m, p->columns);
  if (p->columns == NONE) snprintf(out, room, "[%lld]", rows);
  else if (rows < 0) snprintf(out, room, "[vocab, %lld]", columns);
  else snprintf(out, room, "[%lld, %lld]", rows, columns);
}

static bool fits(const oi_llama *m, const part *p, const oinf_tensor *t) {
  const uint32_t rank = p->columns == NONE ? 1 : 2;
  if (t->rank != rank) return false;
  if (length(m, p->rows) >= 0 && t->dims[0] != length(m, p->rows)) return false;
  return rank == 1 || t->dims[1] == length(m, p->columns);
}

static oinf_status wrong_shape(const check *c, const part *p, const oinf_tensor *t) {
  char want[64], have[OINF_MAX_RANK * 24] = "";
  size_t n = 0;
  shape_text(c->m, p, want, sizeof want);
  for (uint32_t i = 0; i < t->rank; i++)
    n += (size_t)snprintf(have + n, sizeof have - n, i ? ", %lld" : "%lld", (long long)t->dims[i]);
  return oi_fail(oi_ctx_err(c->m->config->ctx), OINF_FORMAT,
                 "tensor '%s' is [%s]; config.json asks for %s", t->name, have, want);
}

static bool is_float(oinf_dtype d) {
  return d == OINF_F32 || d == OINF_F16 || d == OINF_BF16 || d == OINF_Q8_0 || d == OINF_Q4_0;
}

static oinf_status check_found(check *c, const part *p, const oinf_tensor *t) {
  if (!fits(c->m, p, t)) return wrong_shape(c, p, t);
  if (is_float(t->dtype)) return OINF_OK;
  return oi_fail(oi_ctx_err(c->m->config->ctx), OINF_SUPPORT,
                 "tensor '%s' is %s; f32, f16, bf16, q8_0 and q4_0 are known here", t->name,
                 oinf_dtype_name(t->dtype));
}

static void add_missing(check *c, const part *p, const char *name) {
  char shape[64];
  shape_text(c->m, p, shape, sizeof shape);
  oi_text_put(&c->missing, "%s%s %s", c->missing.n ? ", " : "", name, shape);
}

static oinf_status check_whole(check *c, const part *p) {
  const oinf_tensor *t = oinf_model_find(c->m->model, p->name);
  if (t) return check_found(c, p, t);
  c->n_missing++;
  add_missing(c, p, p->name);
  return OINF_OK;
}

static const oinf_tensor *of_one_layer(const oi_llama *m, const char *part_name, int64_t l) {
  char name[LONGEST];
  snprintf(name, sizeof name, "%slayers.%lld.%s", m->prefix, (long long)l, part_name);
  return oinf_model_find(m->model, name);
}

// A run of layers that lack the part is said as one: model.layers.{0-31}.mlp.up_proj.weight.
static oinf_status check_part(check *c, const part *p) {
  char name[LONGEST];
  for (int64_t l = 0, end; l < c->m->layers; l = end) {
    const oinf_tensor *t = of_one_layer(c->m, p->name, l);
    end = l + 1;
    if (t) {
      OI_TRY(check_found(c, p, t));
      c->m->storage[l] = c->m->storage[l] * 31 + (uint64_t)t->dtype;
      continue;
    }
    while (end < c->m->layers && !of_one_layer(c->m, p->name, end)) end++;
    c->n_missing += (uint32_t)(end - l);
    if (end - l == 1)
      snprintf(name, sizeof name, "%slayers.%lld.%s", c->m->prefix, (long long)l, p->name);
    else
      snprintf(name, sizeof name, "%slayers.{%lld-%lld}.%s", c->m->prefix, (long long)l,
               (long long)end - 1, p->name);
    add_missing(c, p, name);
  }
  return OINF_OK;
}

static oinf_status check_all(check *c) {
  oi_llama *m = c->m;
  char embed[64], norm[64];
  snprintf(embed, sizeof embed, "%sembed_tokens.weight", m->prefix);
  snprintf(norm, sizeof norm, "%snorm.weight", m->prefix);
  OI_TRY(check_whole(c, &(part){embed, VOCAB, HIDDEN, ALWAYS}));
  for (size_t i = 0; i < N_PARTS; i++)
    if (is_wanted(m, of_layer[i].of)) OI_TRY(check_part(c, &of_layer[i]));
  OI_TRY(check_whole(c, &(part){norm, HIDDEN, NONE, ALWAYS}));
  if (!m->tied) OI_TRY(check_whole(c, &(part){"lm_head.weight", VOCAB, HIDDEN, ALWAYS}));
  return OINF_OK;
}

// ---- what nobody asked for ----

static bool ends_with(const char *text, const char *end) {
  const size_t n = strlen(text), k = strlen(end);
  return n >= k && strcmp(text + n - k, end) == 0;
}

static bool is_known(const oi_llama *m, const char *name) {
  const size_t prefix = strlen(m->prefix);
  if (ends_with(name, ".rotary_emb.inv_freq") || strncmp(name, "rope.", 5) == 0) return true;
  if (!m->tied && strcmp(name, "lm_head.weight") == 0) return true;
  if (strncmp(name, m->prefix, prefix) != 0) return false;
  name += prefix;
  if (!strcmp(name, "embed_tokens.weight") || !strcmp(name, "norm.weight")) return true;
  if (strncmp(name, "layers.", 7) != 0) return false;
  const size_t digits = strspn(name + 7, "0123456789");
  int64_t l = 0;
  for (size_t i = 0; i < digits && l < m->layers; i++) l = 10 * l + (name[7 + i] - '0');
  if (!digits || l >= m->layers || name[7 + digits] != '.') return false;
  for (size_t i = 0; i < N_PARTS; i++)
    if (is_wanted(m, of_layer[i].of) && strcmp(name + 8 + digits, of_layer[i].name) == 0)
      return true;
  return false;
}

static void note_others(const oi_llama *m) {
  enum {
    SHOWN = 8
  };
  uint32_t n = 0;
  oi_text list;
  oi_text_init(&list, m->config->ctx);
  for (uint32_t i = 0; i < oinf_model_tensor_count(m->model); i++) {
    const char *name = oinf_model_tensor(m->model, i)->name;
    if (is_known(m, name)) continue;
    if (n++ >= SHOWN) continue;
    oi_text_put(&list, n > 1 ? ", '" : "'");
    oi_text_escape(&list, name, strlen(name));
    oi_text_put(&list, "'");
  }
  if (n && list.at)
    oi_note(m->config->ctx, "%u tensor%s carried that the graph has no use for: %s%s", n,
            n == 1 ? " is" : "s are", list.at, n > SHOWN ? ", ..." : "");
  oi_text_free(&list);
}

// A list that is longer than a message can be goes into notes before it.
static oinf_status say_missing(const check *c) {
  enum {
    MOST = 900
  };
  oinf_ctx *ctx = c->m->config->ctx;
  const char *at = c->missing.at;
  if (c->missing.n <= MOST)
    return oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "%u tensor%s missing: %s", c->n_missing,
                   c->n_missing == 1 ? " is" : "s are", at);
  while (*at) {
    size_t n = strlen(at);
    if (n > MOST)
      for (n = MOST; n > 1 && (at[n - 1] != ' ' || at[n - 2] != ',' || at[n - 3] != ']');) n--;
    oi_note(ctx, "missing: %.*s", (int)n, at);
    at += n;
  }
  return oi_fail(oi_ctx_err(ctx), OINF_FORMAT, "%u tensors are missing, listed in the notes",
                 c->n_missing);
}

oinf_status oi_llama_check_tensors(oi_llama *m) {
  check c = {.m = m};
  const bool bare = !oinf_model_find(m->model, "model.embed_tokens.weight") &&
                    oinf_model_find(m->model, "embed_tokens.weight");
  m->prefix = bare ? "" : "model.";
  m->tied = !oinf_model_find(m->model, "lm_head.weight");
  m->joined_qkv = of_one_layer(m, "self_attn.qkv_proj.weight", 0) != NULL;
  m->joined_mlp = of_one_layer(m, "mlp.gate_up_proj.weight", 0) != NULL;
  oi_text_init(&c.missing, m->config->ctx);
  oinf_status status = check_all(&c);
  if (status == OINF_OK && c.missing.failed) status = oi_nomem(oi_ctx_err(m->config->ctx), 0);
  if (status == OINF_OK && c.n_missing) status = say_missing(&c);
  oi_text_free(&c.missing);
  if (status == OINF_OK) note_others(m);
  return status;
}
