// A graph with symbolic sizes: B rows of T numbers in, the correlation of every two rows out,
// whatever B and T are.
//
// The graph is built once. Each step binds a table of another shape; B and T are found from it, and
// a shape outside the bounds is refused before anything runs. The numbers are held against
// Pearson's formula in double. What it does not show: weights (hello.c), symbols that no input
// tells (P in decoder.c).
#include <oinf/sim.h>
#include <math.h>
#include <stdio.h>

enum { MONTHS = 12 };
// Mean temperature by month, degrees Celsius, rounded.
static const char *const place[] = {"Oslo", "Lisbon", "Sydney", "Quito"};
static const float degrees[][MONTHS] = {{-4, -3, 1, 6, 12, 16, 18, 17, 12, 7, 1, -3},
                                        {12, 12, 15, 16, 18, 21, 24, 24, 22, 19, 15, 12},
                                        {24, 23, 22, 19, 16, 14, 13, 14, 17, 19, 20, 22},
                                        {14, 14, 14, 14, 14, 14, 14, 15, 14, 14, 14, 14}};

// Rows less their mean, scaled to length 1; then row i times row j is their correlation.
static void build(oinf_graph *g) {
  oinf_dim B = oinf_sym(g, "B", 1, 64), T = oinf_sym(g, "T", 2, 512);
  oinf_val x = oinf_input(g, "x", OINF_F32, B, T);
  x = oinf_sub(x, oinf_mean(x, .axes = OINF_DIMS(-1), .keep = true));              // [B, T]
  oinf_val power = oinf_sum(oinf_mul(x, x), .axes = OINF_DIMS(-1), .keep = true);  // [B, 1]
  oinf_val unit = oinf_div(x, oinf_sqrt(power));                                   // [B, T]
  oinf_output(g, "correlation", oinf_matmul(unit, unit, .transpose_b = true));     // [B, B]
}

static double pearson(const float *a, const float *b, int n) {
  double ma = 0, mb = 0, ab = 0, aa = 0, bb = 0;
  for (int i = 0; i < n; i++) ma += (double)a[i] / n, mb += (double)b[i] / n;
  for (int i = 0; i < n; i++) {
    double u = (double)a[i] - ma, v = (double)b[i] - mb;
    ab += u * v, aa += u * u, bb += v * v;
  }
  return ab / sqrt(aa * bb);
}

// Prints the table and compares it; x is [rows, columns]. A row that hardly varies (Quito) loses
// some digits where its mean is taken off; 1e-5 leaves room for that and for nothing else.
static bool show(const oinf_array *c, const float *x, int rows, int columns) {
  const float *have = c->data;
  bool right = c->rank == 2 && c->dims[0] == rows && c->dims[1] == rows;
  for (int i = 0; right && i < rows; i++) {
    printf("  %-7s", place[i]);
    for (int j = 0; j < rows; j++) {
      double want = pearson(x + i * columns, x + j * columns, columns),
             is = (double)have[i * rows + j];
      printf(" %6.3f", is);
      right = right && fabs(is - want) < 1e-5;
    }
    putchar('\n');
  }
  return right;
}

static bool step(oinf_sim *s, const float *x, int rows, int columns) {
  oinf_array c;
  printf("%d places over %d months\n", rows, columns);
  if (oinf_sim_bind(s, "x", x, OINF_F32, 2, (int64_t[]){rows, columns})) return false;
  if (oinf_sim_fetch(s, "correlation", &c)) return false;
  return show(&c, x, rows, columns) && !oinf_sim_end(s);
}

// One month alone has no correlation: T starts at 2, so this must be refused.
static bool refuses(oinf_sim *s) {
  oinf_array c;
  oinf_status status = oinf_sim_bind(s, "x", degrees, OINF_F32, 2, (int64_t[]){4, 1});
  if (!status) status = oinf_sim_fetch(s, "correlation", &c);
  printf("4 places over 1 month\n  refused: %s\n", oinf_sim_error(s));
  return status == OINF_USAGE;
}

int main(void) {
  oinf_ctx *ctx = NULL;
  oinf_model *m = NULL;
  oinf_graph *g = NULL;
  oinf_sim *s = NULL;
  float spring[3][3];  // March to May of three places: another B and another T for the same graph
  for (int i = 0; i < 9; i++) spring[i / 3][i % 3] = degrees[i / 3][2 + i % 3];
  bool ok = !oinf_ctx_create(NULL, &ctx) && !oinf_model_create(ctx, &m) &&
            !oinf_graph_create(ctx, m, "correlate", &g);
  if (ok) build(g);
  ok = ok && !oinf_sim_create(m, g, NULL, &s) && step(s, degrees[0], 4, MONTHS) &&
       step(s, spring[0], 3, 3);
  if (!ok)
    fprintf(stderr, "symbolic: %s %s\n", ctx ? oinf_error(ctx) : "no memory",
            s ? oinf_sim_error(s) : "");
  ok = ok && refuses(s);
  oinf_sim_destroy(s);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return !ok;
}
