// A decoder step with a key-value cache and a loop over layers, and what a simulation of it can do:
// stop in the middle of the loop, go on, save its states, and resume elsewhere with the same bits.
//
// The net is a Llama of random weights, so it babbles; every logit is held against the same
// formulas in double, which recompute the whole text for each token and know no cache. f32 and
// double may part by some 1e-6 here. What it does not show: tokenizers and sampling; oinf-sim has
// both for a package that carries them.
#define _POSIX_C_SOURCE 200809L  // mkstemp
#include <oinf/sim.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { V = 16, D = 16, HEADS = 4, KV = 2, HEAD = 4, F = 24, LAYERS = 3, CAPACITY = 32, ROWS = 8 };
#define EPS 1e-5
#define THETA 100.0

typedef struct layer {
  float attn_norm[D], wq[D][HEADS * HEAD], wk[D][KV * HEAD], wv[D][KV * HEAD], wo[HEADS * HEAD][D];
  float ffn_norm[D], w_gate[D][F], w_up[D][F], w_down[F][D];
} layer;
typedef struct weights {
  float embed[V][D], norm[D], head[D][V];
  layer blk[LAYERS];
} weights;

static const char *const syllables[V] = {"ba", "lo", "mi", "ne", "tu", "ka", "ri",  "so",
                                         "va", "el", "da", "no", "pi", "ru", "sha", "lem"};

// ---- the graph ----

static void build(oinf_graph *g) {
  oinf_dim C = oinf_sym(g, "C", 1, CAPACITY);               // rows a state can hold
  oinf_dim P = oinf_sym(g, "P", 0, oinf_dim_sub(g, C, 1));  // rows it holds
  oinf_dim T = oinf_sym(g, "T", 1, ROWS);                   // rows that come
  oinf_dim S = oinf_dim_add(g, P, T);
  oinf_state ks = oinf_state_new(g, "k", OINF_F32, LAYERS, C, KV, HEAD);
  oinf_state vs = oinf_state_new(g, "v", OINF_F32, LAYERS, C, KV, HEAD);
  oinf_val tokens = oinf_input(g, "tokens", OINF_I32, T);
  oinf_val x = oinf_gather(oinf_weight(g, "embed"), tokens);  // [T, D]
  oinf_for(l, g, LAYERS, &x) {
    oinf_val h = oinf_rmsnorm(x, oinf_weight(g, "blk.{l}.attn_norm"), .eps = EPS);  // [T, D]
    oinf_val q = oinf_split_heads(oinf_matmul(h, oinf_weight(g, "blk.{l}.wq")), HEADS);
    oinf_val k = oinf_split_heads(oinf_matmul(h, oinf_weight(g, "blk.{l}.wk")), KV);
    oinf_val v = oinf_split_heads(oinf_matmul(h, oinf_weight(g, "blk.{l}.wv")), KV);  // [T, 2, 4]
    oinf_state_write(ks, l.index, oinf_rope(k, .pos = P, .theta = THETA), .at = P);
    oinf_state_write(vs, l.index, v, .at = P);
    q = oinf_rope(q, .pos = P, .theta = THETA);
    k = oinf_state_read(ks, l.index, .rows = S);  // [S, 2, 4]
    v = oinf_state_read(vs, l.index, .rows = S);
    oinf_val att = oinf_sdpa(q, k, v, .pos = P, .causal = true);  // [T, 4, 4]
    att = oinf_reshape(att, .shape = OINF_DIMS(T, HEADS * HEAD));
    att = oinf_name(oinf_matmul(att, oinf_weight(g, "blk.{l}.wo")), "blk.{l}.attn_out");  // [T, D]
    x = oinf_add(x, att);
    h = oinf_rmsnorm(x, oinf_weight(g, "blk.{l}.ffn_norm"), .eps = EPS);
    oinf_val gate = oinf_silu(oinf_matmul(h, oinf_weight(g, "blk.{l}.w_gate")));  // [T, F]
    oinf_val up = oinf_matmul(h, oinf_weight(g, "blk.{l}.w_up"));
    x = oinf_add(x, oinf_matmul(oinf_mul(gate, up), oinf_weight(g, "blk.{l}.w_down")));
  }
  x = oinf_rmsnorm(oinf_last(x, T), oinf_weight(g, "norm"), .eps = EPS);  // [1, D]
  x = oinf_matmul(x, oinf_weight(g, "head"));
  oinf_output(g, "logits", oinf_reshape(x, .shape = OINF_DIMS(V)));
}

// ---- the weights ----

// Multiples of 1/64 between -1/2 and 1/2 from a linear congruence; norms around 1.
static void fill(weights *w) {
  float *all = (float *)w;
  uint32_t state = 1;
  for (size_t i = 0; i < sizeof *w / sizeof *all; i++) {
    state = state * 1664525u + 1013904223u;
    all[i] = (float)(int)(state >> 26) / 64.0f - 0.5f;
  }
  for (int d = 0; d < D; d++) {
    w->norm[d] += 1.0f;
    for (int l = 0; l < LAYERS; l++) w->blk[l].attn_norm[d] += 1.0f, w->blk[l].ffn_norm[d] += 1.0f;
  }
}

// Where a layer keeps each tensor; columns 0: a vector.
static const struct {
  const char *name;
  size_t at;
  int64_t rows, columns;
} fields[] = {
    {"attn_norm", offsetof(layer, attn_norm), D, 0}, {"wq", offsetof(layer, wq), D, HEADS * HEAD},
    {"wk", offsetof(layer, wk), D, KV * HEAD},        {"wv", offsetof(layer, wv), D, KV * HEAD},
    {"wo", offsetof(layer, wo), HEADS * HEAD, D},     {"ffn_norm", offsetof(layer, ffn_norm), D, 0},
    {"w_gate", offsetof(layer, w_gate), D, F},       {"w_up", offsetof(layer, w_up), D, F},
    {"w_down", offsetof(layer, w_down), F, D}};

static bool add(oinf_model *m, const char *name, const void *data, int64_t rows, int64_t columns) {
  return !oinf_model_add(m, name, OINF_F32, columns ? 2 : 1, (int64_t[]){rows, columns}, data);
}

static bool bind_weights(oinf_model *m, const weights *w) {
  bool ok = add(m, "embed", w->embed, V, D) && add(m, "norm", w->norm, D, 0) &&
            add(m, "head", w->head, D, V);
  for (int l = 0; l < LAYERS; l++)
    for (size_t i = 0; ok && i < sizeof fields / sizeof *fields; i++) {
      char name[32];
      snprintf(name, sizeof name, "blk.%d.%s", l, fields[i].name);
      ok = add(m, name, (const char *)&w->blk[l] + fields[i].at, fields[i].rows, fields[i].columns);
    }
  return ok;
}

// ---- the same in double, without a cache ----

static void ref_norm(const double *x, const float *weight, double *out) {
  double power = 0;
  for (int d = 0; d < D; d++) power += x[d] * x[d] / D;
  for (int d = 0; d < D; d++) out[d] = x[d] / sqrt(power + EPS) * (double)weight[d];
}

static void ref_matvec(const double *x, const float *weight, int rows, int columns, double *out) {
  for (int j = 0; j < columns; j++) {
    out[j] = 0;
    for (int i = 0; i < rows; i++) out[j] += x[i] * (double)weight[i * columns + j];
  }
}

static void ref_rope(double *x, int heads, int position) {
  for (int h = 0; h < heads; h++)
    for (int j = 0; j < HEAD / 2; j++) {
      double angle = position * pow(THETA, -2.0 * j / HEAD);
      double *lo = &x[h * HEAD + j], *hi = lo + HEAD / 2;
      double rotated = *lo * cos(angle) - *hi * sin(angle);
      *hi = *hi * cos(angle) + *lo * sin(angle);
      *lo = rotated;
    }
}

// One row's attention over rows 0 .. t of k and v.
static void ref_attend(const double *q, double k[][KV * HEAD], double v[][KV * HEAD], int t,
                       double *out) {
  for (int h = 0; h < HEADS; h++) {
    int from = h / (HEADS / KV) * HEAD;
    double sum = 0, mix[HEAD] = {0};
    for (int s = 0; s <= t; s++) {
      double score = 0;
      for (int j = 0; j < HEAD; j++) score += q[h * HEAD + j] * k[s][from + j];
      double e = exp(score / sqrt(HEAD));
      sum += e;
      for (int j = 0; j < HEAD; j++) mix[j] += e * v[s][from + j];
    }
    for (int j = 0; j < HEAD; j++) out[h * HEAD + j] = mix[j] / sum;
  }
}

// attn_out of layer 1 and the logits, both of the last of n tokens.
static void reference(const weights *w, const int32_t *tokens, int n, double attn_out[D],
                      double logits[V]) {
  double x[CAPACITY][D], k[CAPACITY][KV * HEAD], v[CAPACITY][KV * HEAD];
  double h[D], q[HEADS * HEAD], att[HEADS * HEAD], out[D], gate[F], up[F];
  for (int t = 0; t < n; t++)
    for (int d = 0; d < D; d++) x[t][d] = (double)w->embed[tokens[t]][d];
  for (int l = 0; l < LAYERS; l++) {
    const layer *b = &w->blk[l];
    for (int t = 0; t < n; t++) {  // row t needs rows before it alone
      ref_norm(x[t], b->attn_norm, h);
      ref_matvec(h, b->wq[0], D, HEADS * HEAD, q);
      ref_matvec(h, b->wk[0], D, KV * HEAD, k[t]);
      ref_matvec(h, b->wv[0], D, KV * HEAD, v[t]);
      ref_rope(q, HEADS, t);
      ref_rope(k[t], KV, t);
      ref_attend(q, k, v, t, att);
      ref_matvec(att, b->wo[0], HEADS * HEAD, D, out);
      if (l == 1 && t == n - 1) memcpy(attn_out, out, sizeof out);
      for (int d = 0; d < D; d++) x[t][d] += out[d];
      ref_norm(x[t], b->ffn_norm, h);
      ref_matvec(h, b->w_gate[0], D, F, gate);
      ref_matvec(h, b->w_up[0], D, F, up);
      for (int f = 0; f < F; f++) up[f] *= gate[f] / (1 + exp(-gate[f]));
      ref_matvec(up, b->w_down[0], F, D, out);
      for (int d = 0; d < D; d++) x[t][d] += out[d];
    }
  }
  ref_norm(x[n - 1], w->norm, h);
  ref_matvec(h, w->head[0], D, V, logits);
}

static bool close_to(const float *have, const double *want, int n) {
  for (int i = 0; i < n; i++)
    if (!(fabs((double)have[i] - want[i]) < 1e-4)) return false;
  return true;
}

// ---- what a simulation can do ----

typedef struct text {
  const weights *w;
  int32_t token[CAPACITY];
  int n, seen;      // tokens, and how many of them are in the states
  float logits[V];  // of the last step
} text;

// Brings the tokens that are not in the states yet as one step.
static bool begin(oinf_sim *s, const text *t) {
  int64_t rows = t->n - t->seen;
  return !oinf_sim_set(s, "P", t->seen) &&
         !oinf_sim_bind(s, "tokens", t->token + t->seen, OINF_I32, 1, &rows);
}

// Ends the step: the logits, proved, and the syllable that they choose.
static bool finish(oinf_sim *s, text *t) {
  double attn_out[D], want[V];
  if (oinf_sim_fetch_copy(s, "logits", t->logits, sizeof t->logits) || oinf_sim_end(s))
    return false;
  reference(t->w, t->token, t->n, attn_out, want);
  int best = 0;
  for (int v = 1; v < V; v++) best = t->logits[v] > t->logits[best] ? v : best;
  t->seen = t->n;
  t->token[t->n++] = best;
  return close_to(t->logits, want, V);
}

static bool speak(oinf_sim *s, text *t, int n) {
  bool ok = true;
  for (int i = 0; ok && i < n; i++) {
    ok = begin(s, t) && finish(s, t);
    if (ok) printf("%s", syllables[t->token[t->n - 1]]);
  }
  putchar('\n');
  return ok;
}

static void count_kernel(void *user, uint64_t step, const char *label, const char *op) {
  (void)step, (void)label, (void)op;
  ++*(int *)user;
}

// The first step: five tokens at once. Fetching a value of layer 1 runs what it needs; the step
// then goes on.
static bool look_inside(oinf_sim *s, text *t, const int *kernels) {
  double want[D], logits[V];
  oinf_array a;
  if (!begin(s, t) || oinf_sim_fetch(s, "blk.1.attn_out", &a) || a.rank != 2 || a.dims[0] != t->n)
    return false;
  int early = *kernels;
  const float *last = (const float *)a.data + (t->n - 1) * D;
  reference(t->w, t->token, t->n, want, logits);
  printf("blk.1.attn_out of the last token begins %.4f %.4f %.4f\n", (double)last[0],
         (double)last[1], (double)last[2]);
  if (!close_to(last, want, D) || !finish(s, t)) return false;
  printf("that took %d kernels, the rest of the step %d more\n", early, *kernels - early);
  return early > 0 && early < *kernels;
}

// Another simulation goes on from the file, and must say what the first one said, to the bit.
static bool resume(oinf_model *m, oinf_graph *g, const char *path, const text *saved,
                   const text *want) {
  oinf_sim *s = NULL;
  text t = *saved;
  int64_t rows;
  const void *tokens;
  size_t size;
  bool ok = !oinf_sim_create(m, g, &(oinf_sim_desc){.budget = OINF_BUDGET_MIN}, &s) &&
            !oinf_sim_load(s, path, &rows, &tokens, &size) && rows == t.seen &&
            size == (size_t)t.n * sizeof *t.token && !memcmp(tokens, t.token, size);
  printf("resumed:     ");
  ok = ok && speak(s, &t, want->n - t.n) && !memcmp(t.logits, want->logits, sizeof t.logits) &&
       !memcmp(t.token, want->token, sizeof t.token);
  if (!ok && s) fprintf(stderr, "decoder: %s\n", oinf_sim_error(s));
  oinf_sim_destroy(s);
  return ok;
}

static bool run(oinf_sim *s, oinf_model *m, oinf_graph *g, const weights *w, const int *kernels,
                const char *path) {
  text t = {.w = w, .token = {8, 11, 2, 6, 10}, .n = 5};
  if (!look_inside(s, &t, kernels)) return false;
  printf("it says:     %s", syllables[t.token[t.n - 1]]);
  if (!speak(s, &t, 5) || oinf_sim_save(s, t.seen, t.token, (size_t)t.n * sizeof *t.token, path))
    return false;
  text saved = t;
  printf("and goes on: ");
  return speak(s, &t, 8) && resume(m, g, path, &saved, &t);
}

int main(void) {
  oinf_ctx *ctx = NULL;
  oinf_model *m = NULL;
  oinf_graph *g = NULL;
  oinf_sim *s = NULL;
  weights w;
  int kernels = 0;
  char path[] = "/tmp/oinf-decoder-XXXXXX";
  int file = mkstemp(path);
  fill(&w);
  bool ok = file >= 0 && !oinf_ctx_create(NULL, &ctx) && !oinf_model_create(ctx, &m) &&
            bind_weights(m, &w) && !oinf_graph_create(ctx, m, "text", &g);
  if (ok) build(g);
  ok = ok &&
       !oinf_sim_create(m, g, &(oinf_sim_desc){.on_node = count_kernel, .user = &kernels}, &s) &&
       run(s, m, g, &w, &kernels, path);
  if (!ok)
    fprintf(stderr, "decoder: %s %s\n", ctx ? oinf_error(ctx) : "no memory",
            s ? oinf_sim_error(s) : "");
  oinf_sim_destroy(s);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  if (file >= 0) close(file), unlink(path);
  return !ok;
}
