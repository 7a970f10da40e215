// The same API from C++: a net of two neurons that computes exclusive or.
//
// C++ has no compound literals, so a call is a struct with its attributes and oi_build_<op>, which
// the macro of the same name writes for C. The weights are whole numbers, so the answers are exact.
// What it does not do: wrap the API in classes; a program that wants them writes the three lines it
// needs.
#include <oinf/emit.h>
#include <oinf/sim.h>
#include <cstdio>

namespace {

// h = relu(x w1 + b1) has an `or` and an `and`; or minus twice and is exclusive or.
const float w1[4] = {1, 1, 1, 1};  // [2 in, 2 neurons]
const float b1[2] = {0, -1};
const float w2[2] = {1, -2};  // [2 neurons, 1]

oinf_val weight(oinf_graph *g, const char *name) { return oi_weight(g, name, __FILE__, __LINE__); }

oinf_val matmul(oinf_val a, oinf_val b) {
  oinf_matmul_args args = {};
  args.a = a, args.b = b, args.file = __FILE__, args.line = __LINE__;
  return oi_build_matmul(args);
}

oinf_val relu(oinf_val a) {
  oinf_relu_args args = {};
  args.a = a, args.file = __FILE__, args.line = __LINE__;
  return oi_build_relu(args);
}

oinf_val operator+(oinf_val a, oinf_val b) {
  oinf_add_args args = {};
  args.a = a, args.b = b, args.file = __FILE__, args.line = __LINE__;
  return oi_build_add(args);
}

void build(oinf_graph *g) {
  const oinf_dims shape = {2, {oinf_sym(g, "B", 1, 16), 2}};
  oinf_val x = oi_input(g, "x", OINF_F32, &shape, __FILE__, __LINE__);
  oinf_val h = relu(matmul(x, weight(g, "w1")) + weight(g, "b1"));
  oi_output(g, "y", matmul(h, weight(g, "w2")), __FILE__, __LINE__);
}

bool run(oinf_sim *s) {
  const float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  const int64_t dims[2] = {4, 2};
  oinf_array y;
  if (oinf_sim_bind(s, "x", x, OINF_F32, 2, dims) || oinf_sim_fetch(s, "y", &y)) return false;
  bool right = true;
  for (int i = 0; i < 4; i++) {
    int a = int(x[i][0]), b = int(x[i][1]), have = int(static_cast<const float *>(y.data)[i]);
    std::printf("%d xor %d = %d\n", a, b, have);
    right = right && have == (a ^ b);
  }
  return right && !oinf_sim_end(s);
}

// What the net would be as a program of C.
bool compile(oinf_model *m, oinf_graph *g) {
  oinf_emit *e = nullptr;
  oinf_emit_figures f = {};
  if (oinf_emit_compile(m, g, nullptr, &e)) return false;
  oinf_emit_inspect(e, &f);
  std::printf("as C: %u kernels, %llu bytes an instance\n", f.kernels,
              static_cast<unsigned long long>(f.peak));
  oinf_emit_destroy(e);
  return f.kernels > 0;
}

}  // namespace

int main() {
  oinf_ctx *ctx = nullptr;
  oinf_model *m = nullptr;
  oinf_graph *g = nullptr;
  oinf_sim *s = nullptr;
  const int64_t square[2] = {2, 2}, row[1] = {2}, column[2] = {2, 1};
  bool ok = !oinf_ctx_create(nullptr, &ctx) && !oinf_model_create(ctx, &m) &&
            !oinf_model_add(m, "w1", OINF_F32, 2, square, w1) &&
            !oinf_model_add(m, "b1", OINF_F32, 1, row, b1) &&
            !oinf_model_add(m, "w2", OINF_F32, 2, column, w2) &&
            !oinf_graph_create(ctx, m, "xor", &g);
  if (ok) build(g);
  ok = ok && !oinf_sim_create(m, g, nullptr, &s) && run(s) && compile(m, g);
  if (!ok)
    std::fprintf(stderr, "cxx: %s %s\n", ctx ? oinf_error(ctx) : "no memory",
                 s ? oinf_sim_error(s) : "");
  oinf_sim_destroy(s);
  oinf_graph_destroy(g);
  oinf_model_destroy(m);
  oinf_ctx_destroy(ctx);
  return ok ? 0 : 1;
}
