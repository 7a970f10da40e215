// What is superfluous in printed C goes, and nothing else: parentheses, factors, terms,
// declarations.
#include "compiler/emit.h"
#include "tests/test.h"

static void is(const char *text, const char *want) {
  oinf_ctx *ctx;
  CHECK(oinf_ctx_create(NULL, &ctx) == OINF_OK);
  oi_emit e = {.ctx = ctx};
  oi_text_init(&e.out, ctx);
  oi_text_put(&e.out, "(before);\n");
  const size_t from = e.out.n;
  oi_text_put(&e.out, "%s", text);
  oi_emit_tidy(&e, from);
  CHECK_STR(e.out.at + from, want);
  oi_text_free(&e.out);
  oinf_ctx_destroy(ctx);
}
static void stays(const char *text) { is(text, text); }

TEST(tidy, parentheses) {
  is("y = y * (w[k]);", "y = y * w[k];");
  is("f((a + b), (c));", "f(a + b, c);");
  is("int n = (d->rows);", "int n = d->rows;");
  is("x = oi_f((uint8_t)(v3));", "x = oi_f((uint8_t)v3);");
  is("return (a + b);", "return a + b;");
  is("a + ((b));", "a + b;");
  is("x[(a + b)];", "x[a + b];");
  stays("x = (a + b) * c;");
  stays("x = u / (3 * d->rows);");
  stays("x = (float)y + (float)-z;");
  stays("f((const void *)c->room);");
  stays("static T *const K(kernels)[] = {(const int64_t[]){1}};");
  stays("x = a == (b & c);");
  stays("f((a, b));");
  stays("if (a) while (b) sizeof(c);");
  stays("x = (K(name))(1);");
}

TEST(tidy, products_of_dims) {
  is("x[i0 * (d->rows * 64) + i1];", "x[i0 * d->rows * 64 + i1];");
  is("at(r, (d->loop0 * 512 * 32) * 4);", "at(r, d->loop0 * 512 * 32 * 4);");
  stays("x = a * (b * c);");
  stays("x = i0 * (d->rows + 1);");
  stays("x = u / (d->rows * 64);");
}

TEST(tidy, terms_and_factors) {
  is("x[(0 + i1 * 1) * (1)];", "x[i1];");
  is("x[i0 * 1 + (0 + i1)];", "x[i0 + i1];");
  stays("x = y * 1.5f;");
  stays("x = y * 16;");
  stays("x[10 + i];");
}

TEST(tidy, quoted) {
  stays("f(\"(a) * 1\", '(', ')');");
  stays("// of (a) times (b)\n");
}

TEST(tidy, declarations) {
  is("static void K(k)(const call *c, int worker) {\n  const dims *d = c->d;\n"
     "  (void)d, (void)worker;\n  f(a.d);\n}\n",
     "static void K(k)(const call *c, int worker) {\n  (void)worker;\n  f(a.d);\n}\n");
  is("static void K(k)(const call *c, int worker) {\n  const dims *d = c->d;\n"
     "  (void)d, (void)worker;\n  f(d->rows);\n}\n",
     "static void K(k)(const call *c, int worker) {\n  const dims *d = c->d;\n  (void)worker;\n"
     "  f(d->rows);\n}\n");
  is("static void K(k)(const call *c, int worker) {\n  const dims *d = c->d;\n"
     "  (void)d, (void)worker;\n  f(d->rows, worker);\n}\n",
     "static void K(k)(const call *c, int worker) {\n  const dims *d = c->d;\n"
     "  f(d->rows, worker);\n}\n");
  is("static void f(int a, int b) {\n  (void)a, (void)b;\n  g(b);\n}\n",
     "static void f(int a, int b) {\n  (void)a;\n  g(b);\n}\n");
  stays("static void f(int a) {\n  (void)g(1);\n  (void)a;\n}\n");
}
