// A user's own op: the Mandelbrot set, drawn by a graph.
//
// OINF_OP compiles the body as C and keeps its text, so a bundle can print it and a shader can be
// made of it; that is why it is written in the part that C and GLSL share, one float operation a
// statement (nothing to contract). It is elementwise over a [1, W] and b [H, 1]: broadcasting gives
// the picture, and a gather turns counts into characters. What it does not show: ops that are more
// than a formula; those stand in lib/op/ and in a row of lib/ops.def.
#include <oinf/sim.h>
#include <stdio.h>

enum { W = 78, H = 32, MOST = 24 };

// How often z -> z*z + (a + bi) runs from 0 before |z| exceeds 2, at most 24 times.
OINF_OP(mandelbrot, 2, {
  float x = 0.0f;
  float y = 0.0f;
  for (int i = 0; i < 24; i++) {
    float xx = x * x;
    float yy = y * y;
    float norm = xx + yy;
    if (norm > 4.0f) break;
    float xy = x * y;
    float re = xx - yy;
    x = re + a;
    y = xy + xy;
    y = y + b;
    out = out + 1.0f;
  }
});

static const char palette[MOST + 1] = " ....::::----===+++***#%@";

static void build(oinf_graph *g) {
  oinf_val re = oinf_input(g, "re", OINF_F32, 1, W), im = oinf_input(g, "im", OINF_F32, H, 1);
  oinf_val count = oinf_name(oinf_user(g, &mandelbrot, re, im), "count");  // f32 [H, W]
  oinf_val row = oinf_cast(count, .to = OINF_I32);
  oinf_output(g, "picture", oinf_gather(oinf_weight(g, "palette"), row));  // u8 [H, W]
}

// The same count in double.
static int count(double a, double b) {
  double x = 0, y = 0;
  for (int i = 0; i < MOST; i++) {
    if (x * x + y * y > 4) return i;
    double next = x * x - y * y + a;
    y = 2 * x * y + b;
    x = next;
  }
  return MOST;
}

// Shares no code with the op. At the edge of the set 24 steps blow a rounding error up to a count's
// difference, so one point in a hundred may differ; a wrong formula differs nearly everywhere.
static bool right(const float *have, const float *re, const float *im) {
  int differ = 0;
  for (int i = 0; i < H * W; i++)
    differ += (int)have[i] != count((double)re[i % W], (double)im[i / W]);
  printf("%d points, %d of them other than in double\n", H * W, differ);
  return differ * 100 <= H * W;
}

static bool draw(oinf_sim *s, const float *re, const float *im) {
  oinf_array picture, counts;
  if (oinf_sim_bind(s, "re", re, OINF_F32, 2, (int64_t[]){1, W})) return false;
  if (oinf_sim_bind(s, "im", im, OINF_F32, 2, (int64_t[]){H, 1})) return false;
  if (oinf_sim_fetch(s, "picture", &picture) || oinf_sim_fetch(s, "count", &counts)) return false;
  for (int y = 0; y < H; y++) printf("%.*s\n", W, (const char *)picture.data + y * W);
  return right(counts.data, re, im) && !oinf_sim_end(s);
}

int main(void) {
  oinf_ctx *ctx = NULL;
  oinf_model *m = NULL;
  oinf_graph *g = NULL;
  oinf_sim *s = NULL;
  float re[W], im[H];
  for (int x = 0; x < W; x++) re[x] = -2.1f + 2.9f * (float)x / (W - 1);
  for (int y = 0; y < H; y++) im[y] = -1.2f + 2.4f * (float)y / (H - 1);
  bool ok = !oinf_ctx_create(NULL, &ctx) && !oinf_model_create(ctx, &m) &&
            !oinf_model_add(m, "palette", OINF_U8, 1, (int64_t[]){MOST + 1}, palette) &&
            !oinf_graph_create(ctx, m, "mandelbrot", &g);
  if (ok) build(g);
  ok = ok && !oinf_sim_create(m, g, NULL, &s) && draw(s, re, im);
  if (!ok)
    fprintf(stderr, "user_op: %s %s\n", ctx ? oinf_error(ctx) : "no memory",
            s ? oinf_sim_error(s) : "");
  oinf_sim_destroy(s);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return !ok;
}
