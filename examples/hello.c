// The smallest graph: gather, cast, matmul, logits, and a model that says hello.
//
// A token is a direction in the plane, and a row of `head` points where the token before it points,
// so the logit of the right successor is the largest. Five tokens, twenty numbers of weights, all
// of them exact in 16 bits: the logits below can be checked by hand.
//
//   build/example_hello [hello.oinf]      with a name it saves the package too:
//   build/oinf-sim hello.oinf --tokens 0 --steps 4     prints 1,2,3,4
//
// What it does not show: states, loops (decoder.c), lengths that vary (symbolic.c).
#include <oinf/sim.h>
#include <stdio.h>

enum { V = 5, D = 2 };
static const char *const words[V] = {"hello", ", ", "world", "!", "\n"};
// Directions in the plane, as numbers and as the bits that f16 stores them in.
static const double embed[V][D] = {{1, 0}, {0.5, 1}, {-0.75, 0.5}, {-0.75, -0.5}, {0.5, -1}};
static const uint16_t embed_f16[V][D] = {
    {0x3c00, 0x0000}, {0x3800, 0x3c00}, {0xba00, 0x3800}, {0xba00, 0xb800}, {0x3800, 0xbc00}};
// Row t points where token t - 1 points: the successor of `hello` is `, `.
static const float head[V][D] = {{0.5f, -1}, {1, 0}, {0.5f, 1}, {-0.75f, 0.5f}, {-0.75f, -0.5f}};

// The whole network. Building needs no check: the first mistake would be said at the first use.
static void build(oinf_graph *g) {
  oinf_dim T = oinf_sym(g, "T", 1, 8);
  oinf_val tokens = oinf_input(g, "tokens", OINF_I32, T);
  oinf_val x = oinf_gather(oinf_weight(g, "embed"), tokens);                      // f16 [T, D]
  x = oinf_cast(oinf_last(x, T), .to = OINF_F32);                                 // f32 [1, D]
  oinf_val scores = oinf_matmul(x, oinf_weight(g, "head"), .transpose_b = true);  // f32 [1, V]
  oinf_output(g, "logits", oinf_reshape(scores, .shape = OINF_DIMS(V)));
}

// What `logits` must be after token t, in double; nothing rounds, so the match is exact.
static bool logits_right(const float *logits, int t) {
  for (int v = 0; v < V; v++) {
    double want = 0;
    for (int d = 0; d < D; d++) want += embed[t][d] * (double)head[v][d];
    if ((double)logits[v] != want) return false;
  }
  return true;
}

static int best(const float *logits) {
  int top = 0;
  for (int v = 1; v < V; v++)
    if (logits[v] > logits[top]) top = v;
  return top;
}

// One token in, the next one out; -1 where the simulator failed or a number is wrong.
static int next(oinf_sim *s, int32_t token) {
  oinf_array logits;
  if (oinf_sim_bind(s, "tokens", &token, OINF_I32, 1, (int64_t[]){1})) return -1;
  if (oinf_sim_fetch(s, "logits", &logits)) return -1;
  int top = logits_right(logits.data, token) ? best(logits.data) : -1;
  return oinf_sim_end(s) ? -1 : top;
}

// Metadata that lets oinf-sim generate with the package, then the graph and the file.
static bool save(oinf_model *m, oinf_graph *g, const char *path) {
  static const char *const meta[][2] = {{"oinf.task", "generate"},
                                        {"oinf.graph", "hello"},
                                        {"oinf.input", "tokens"},
                                        {"oinf.output", "logits"}};
  for (size_t i = 0; i < sizeof meta / sizeof *meta; i++)
    if (oinf_model_set_meta(m, meta[i][0], meta[i][1])) return false;
  return !oinf_graph_save(g, m) && !oinf_model_save(m, path);
}

int main(int argc, char **argv) {
  oinf_ctx *ctx = NULL;
  oinf_model *m = NULL;
  oinf_graph *g = NULL;
  oinf_sim *s = NULL;
  bool ok = !oinf_ctx_create(NULL, &ctx) && !oinf_model_create(ctx, &m) &&
            !oinf_model_add(m, "embed", OINF_F16, 2, (int64_t[]){V, D}, embed_f16) &&
            !oinf_model_add(m, "head", OINF_F32, 2, (int64_t[]){V, D}, head) &&
            !oinf_graph_create(ctx, m, "hello", &g);
  if (ok) build(g);
  ok = ok && !oinf_graph_check(g) && !oinf_sim_create(m, g, NULL, &s);
  int token = ok ? 0 : -1;
  for (int i = 0; i < V && token >= 0; i++) {
    fputs(words[token], stdout);
    if (i + 1 < V) token = next(s, token);
  }
  ok = token == V - 1 && (argc < 2 || save(m, g, argv[1]));
  if (!ok)
    fprintf(stderr, "hello: %s %s\n", ctx ? oinf_error(ctx) : "no memory",
            s ? oinf_sim_error(s) : "");
  oinf_sim_destroy(s);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return !ok;
}
