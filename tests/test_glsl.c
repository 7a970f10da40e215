// Every elementwise row as GLSL: compiled by shaderc, valid, no float operation open to contraction
// before and after the optimiser, and on the Vulkan device at hand equal in every bit to the kernel
// that the simulator runs, over 2^20 inputs a row with edge cases. Skipped, loudly, where there is
// no compiler or no device.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "compiler/glsl.h"
#include "compiler/spirv.h"
#include "lib/rt/strict.h"
#include "lib/rt/vulkan.h"
#include "tests/test.h"

#if defined(__SANITIZE_ADDRESS__)
enum { N = 1 << 14 };  // gcc's sanitizers look for misuse of memory, not for bits
#else
enum { N = 1 << 20 };
#endif
enum { MAX_ATTRS = 4, ROOM = 8192 };

// What drivers and layers leak is theirs; a layer that stays loaded can be named to the leak
// checker, which asks these two.
__attribute__((visibility("default"))) const char *__lsan_default_suppressions(void);
__attribute__((visibility("default"))) const char *__lsan_default_options(void);
const char *__lsan_default_suppressions(void) { return "leak:libvulkan\nleak:libVkLayer\n"; }
const char *__lsan_default_options(void) { return "print_suppressions=0"; }
// What is unloaded has no name any more by which it could be left out: drivers stay.
__attribute__((visibility("default"))) int dlclose(void *library);
int dlclose(void *library) {
  (void)library;
  return 0;
}

// ---- what a row becomes ----
typedef struct row {
  oi_op op;
  oi_class class;
  const oi_op_info *info;
  const char *expr;
  double attr[MAX_ATTRS];
} row;
static bool to_bool(const row *r) { return oi_op_classes(r->op) & OI_TO_BOOL; }
static bool a_bool(const row *r) { return oi_op_classes(r->op) & OI_A_BOOL; }
static oi_class class_of(const row *r, uint32_t operand) {
  return operand == 0 && a_bool(r) ? OI_B : r->class;
}
static const char *type_of(oi_class class) {
  return class == OI_F ? "real" : class == OI_S ? "int" : class == OI_U ? "uint" : "bool";
}
static const char *load_of(oi_class class) {
  return class == OI_F   ? "oi_flt(in_%c[i])"
         : class == OI_S ? "int(in_%c[i])"
         : class == OI_U ? "in_%c[i]"
                         : "in_%c[i] != 0u";
}
static const char *store_of(oi_class class) {
  return class == OI_F ? "oi_bits(r)" : class == OI_B ? "r ? 1u : 0u" : "uint(r)";
}
static void put_row(const row *r, oi_text *t) {
  uint32_t arity = (uint32_t)r->info->max_in;
  oi_class result = to_bool(r) ? OI_B : r->class;
  oi_glsl_strict(t);
  oi_text_put(t, "layout(local_size_x = 64) in;\n");
  for (uint32_t i = 0; i < arity; i++)
    oi_text_put(t, "layout(std430, binding = %u) readonly buffer In%u { uint in_%c[]; };\n", i, i,
                'a' + (int)i);
  oi_text_put(t, "layout(std430, binding = %u) writeonly buffer Out { uint result[]; };\n", arity);
  oi_text_put(t, "layout(push_constant) uniform Push { uint n;");
  for (uint32_t i = 0; i < r->info->n_attrs; i++)
    oi_text_put(t, " %s p_%s;", r->class == OI_F ? "float" : "int", r->info->attrs[i].name);
  oi_text_put(t,
              " };\nconst int width = 32;\nvoid main() {\n  uint i = gl_GlobalInvocationID.x;\n"
              "  if (i >= n) return;\n");
  for (uint32_t i = 0; i < arity; i++) {
    char load[32];
    snprintf(load, sizeof load, load_of(class_of(r, i)), 'a' + (int)i);
    oi_text_put(t, "  %s %c = %s;\n", type_of(class_of(r, i)), 'a' + (int)i, load);
  }
  oi_text_put(t, "  %s r = %s;\n  result[i] = %s;\n}\n", type_of(result), r->expr,
              store_of(result));
}

// ---- the rig ----
typedef struct rig {
  oinf_ctx *ctx;
  oi_shaderc *shaderc;
  oi_vk *vk;
  oi_vk_buffer *buffer[4];
  char why[OI_VK_WHY];
} rig;
static rig the_rig;  // one test at a time; closed by the next open or with the process

static void close_rig(void) {
  rig *g = &the_rig;
  for (int i = 0; i < 4; i++)
    if (g->buffer[i]) oi_vk_buffer_free(g->vk, g->buffer[i]);
  oi_vk_close(g->vk);
  oi_shaderc_close(g->shaderc);
  oinf_ctx_destroy(g->ctx);
  *g = (rig){0};
}
static rig *open_compiler(void) {
  close_rig();
  CHECK_INT(oinf_ctx_create(NULL, &the_rig.ctx), OINF_OK);
  if (oi_shaderc_open(the_rig.ctx, &the_rig.shaderc)) SKIP("%s", oinf_error(the_rig.ctx));
  return &the_rig;
}
static rig *open_rig(bool validate) {
  rig *g = open_compiler();
  const oi_vk_desc desc = {.device = getenv("OINF_VK_DEVICE"), .validate = validate};
  if (!oi_vk_open(&desc, &g->vk, g->why)) SKIP("%s", g->why);
  for (int i = 0; i < 4; i++) {
    g->buffer[i] = oi_vk_buffer_new(g->vk, N * sizeof(uint32_t));
    CHECK_MSG(g->buffer[i], "%s", oi_vk_why(g->vk));
  }
  return g;
}
static oi_spirv compile(rig *g, const char *name, const oi_text *text, bool optimize) {
  oi_spirv spirv;
  CHECK_MSG(oi_spirv_compile(g->shaderc, name, text, optimize, &spirv) == OINF_OK, "%s",
            oinf_error(g->ctx));
  return spirv;
}

static void spirv_val(const oi_spirv *s, const char *name) {
  char path[256];
  int status;
  snprintf(path, sizeof path, "%s/shader.spv", oi_test_dir());
  FILE *f = fopen(path, "wb");
  CHECK(f && fwrite(s->words, 4, s->n, f) == s->n);
  CHECK(fclose(f) == 0);
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    execlp("spirv-val", "spirv-val", "--target-env", "vulkan1.1", path, (char *)NULL);
    _exit(127);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) SKIP("spirv-val is not installed");
  CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "spirv-val refuses '%s'", name);
}

typedef void row_fn(rig *g, row *r, const char *name);
static void each_row(rig *g, row_fn *fn) {
  static const oi_class classes[] = {OI_F, OI_S, OI_U, OI_B};
  static const char letter[] = "fiub";
  for (int op = OP_NONE + 1; op < OP_COUNT; op++)
    for (int k = 0; k < 4; k++) {
      char name[64];
      row r = {(oi_op)op,
               classes[k],
               oi_op_info_of((oi_op)op),
               oi_glsl_expr((oi_op)op, classes[k]),
               {0}};
      if (r.info->kind != OI_ELTWISE || !r.expr) continue;
      snprintf(name, sizeof name, "%s.%c", r.info->name, letter[k]);
      fn(g, &r, name);
    }
}

// ---- valid and strict, before and after the optimiser ----
static void check_row(rig *g, row *r, const char *name) {
  oi_text text;
  oi_text_init(&text, g->ctx);
  put_row(r, &text);
  for (int optimize = 0; optimize < 2; optimize++) {
    oi_spirv s = compile(g, name, &text, optimize);
    CHECK_MSG(oi_spirv_check_strict(g->ctx, name, s.words, s.n) == OINF_OK, "%s",
              oinf_error(g->ctx));
    spirv_val(&s, name);
    oi_spirv_free(g->ctx, &s);
  }
  oi_text_free(&text);
}
TEST(glsl, rows_are_valid_and_strict) { each_row(open_compiler(), check_row); }

static void compile_text(rig *g, const char *head, const char *body, bool optimize, oi_spirv *out) {
  oi_text text;
  oi_text_init(&text, g->ctx);
  oi_text_put(
      &text,
      "#version 450\nlayout(local_size_x = 1) in; layout(binding = 0) buffer D { float d[]; };\n"
      "%s\nvoid main() { float x = d[0], y = d[1]; %s }\n",
      head, body);
  *out = compile(g, "bad", &text, optimize);
  oi_text_free(&text);
}
TEST(glsl, the_walk_finds_what_is_not_strict) {
  static const struct {
    const char *head, *body, *word;
    bool optimize;
  } bad[] = {
      {"", "d[0] = x * y;", "contracted", false},
      {"", "d[0] = x * y + x;", "", true},
      {"float f(float a) { return a + 3.0; }", "precise float r = f(x); d[0] = r;", "contracted",
       false},
      {"", "precise float r = x / y; d[0] = r;", "OpFDiv", false},
      {"", "precise float r = exp(x); d[0] = r;", "built-in", false},
      {"", "precise float r = fma(x, y, x); d[0] = r;", "built-in", true},
      {"", "precise float r = mod(x, y); d[0] = r;", "OpFMod", false},
      {"", "precise float r = dot(vec2(x, y), vec2(y, x)); d[0] = r;", "OpDot", false},
  };
  rig *g = open_compiler();
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    oi_spirv s;
    compile_text(g, bad[i].head, bad[i].body, bad[i].optimize, &s);
    oinf_error_clear(g->ctx);
    CHECK_INT(oi_spirv_check_strict(g->ctx, "bad", s.words, s.n), OINF_INTERNAL);
    CHECK_MSG(strstr(oinf_error(g->ctx), bad[i].word), "%s: %s", bad[i].body, oinf_error(g->ctx));
    oi_spirv_free(g->ctx, &s);
  }
}
TEST(glsl, damaged_words_are_refused) {
  rig *g = open_compiler();
  oi_spirv s;
  compile_text(g, "", "precise float r = x * y; d[0] = r;", false, &s);
  CHECK_INT(oi_spirv_check_strict(g->ctx, "good", s.words, s.n), OINF_OK);
  CHECK_INT(oi_spirv_check_strict(g->ctx, "short", s.words, 3), OINF_INTERNAL);
  CHECK_INT(oi_spirv_check_strict(g->ctx, "cut", s.words, s.n - 1),
            OINF_OK);  // OpFunctionEnd is one word
  CHECK_INT(oi_spirv_check_strict(g->ctx, "cut", s.words, s.n - 3), OINF_INTERNAL);
  s.words[5] &= 0xffff;
  CHECK_INT(oi_spirv_check_strict(g->ctx, "no length", s.words, s.n), OINF_INTERNAL);
  s.words[3] = 0xffffffff;
  CHECK_INT(oi_spirv_check_strict(g->ctx, "bound", s.words, s.n), OINF_INTERNAL);
  oi_spirv_free(g->ctx, &s);
  oi_text text;
  oi_text_init(&text, g->ctx);
  oi_text_put(&text, "#version 450\nvoid main() { nonsense }\n");
  oinf_error_clear(g->ctx);
  CHECK_INT(oi_spirv_compile(g->shaderc, "wrong", &text, false, &s), OINF_INTERNAL);
  CHECK_MSG(strstr(oinf_error(g->ctx), "'wrong' does not compile: wrong:2:"), "%s",
            oinf_error(g->ctx));
  oi_text_free(&text);
}

// ---- inputs ----
static const uint32_t float_edges[] = {
    0x00000000, 0x80000000, 0x3f800000, 0xbf800000, 0x40000000, 0xc0400000, 0x3f000000, 0xbf000000,
    0x40200000, 0x00000001, 0x80000001, 0x00000002, 0x007fffff, 0x00800000, 0x00800001, 0x80800000,
    0x7f7fffff, 0xff7fffff, 0x7f7ffffe, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001,
    0xffffffff, 0x3f7fffff, 0x3f800001, 0x3effffff, 0x4affffff, 0x4b000000, 0x4b000001, 0x4b7fffff,
    0x4b800000, 0x4effffff, 0x4f000000, 0xcf000000, 0x42b17218, 0xc2cff1b5, 0xc2d00000, 0x42b20000,
    0x3f490fdb, 0x3fc90fdb, 0x40490fdb, 0x33000000, 0x33000001, 0x43000000, 0xc3160000, 0xc3170000,
    0x3f200000, 0x3f6c0000, 0x407b3333, 0x40c00000, 0xc0c00000, 0x5f000000,
};
static const uint32_t int_edges[] = {
    0,          1,          2,          3,          5,          7,          8,          15,
    16,         31,         32,         33,         63,         64,         127,        128,
    255,        256,        32767,      32768,      65535,      65536,      0x7ffffffe, 0x7fffffff,
    0x80000000, 0x80000001, 0xfffffffe, 0xffffffff, 0xfffffff8, 0xffffffe0, 0xff,       10,
};
static uint32_t next_u32(uint64_t *state) {  // xorshift64
  *state ^= *state << 13, *state ^= *state >> 7, *state ^= *state << 17;
  return (uint32_t)(*state >> 16);
}
// All pairs of edges first, then a mix of edges, random bits and ordinary sizes.
static uint32_t make_input(oi_class class, uint32_t i, uint32_t operand, uint64_t *s) {
  const uint32_t *edges = class == OI_F ? float_edges : int_edges;
  uint32_t n = class == OI_F ? sizeof float_edges / 4 : sizeof int_edges / 4, u = next_u32(s);
  if (class == OI_B) return i < 8 ? i >> operand & 1 : u & 1;
  if (i < n * n) return operand == 0 ? edges[i % n] : operand == 1 ? edges[i / n] : edges[u % n];
  if (next_u32(s) % 8 == 0) return edges[u % n];
  if (next_u32(s) % 2 == 0) return u;
  return class == OI_F ? (u & 0x87ffffff) | 0x3c000000 : (uint32_t)((int32_t)u >> (u % 24));
}

// ---- the kernel of the simulator over the same inputs ----
static void run_kernel(const row *r, uint32_t *const *in, uint32_t *out) {
  static uint8_t bytes[4][N];
  static _Alignas(16) char args[ROOM];
  uint32_t arity = (uint32_t)r->info->max_in;
  oinf_dtype dtype = r->class == OI_F ? OINF_F32 : r->class == OI_S ? OINF_I32 : OINF_U32;
  oi_view view[4];
  CHECK(r->info->args_size <= ROOM);
  memset(args, 0, sizeof args);
  for (uint32_t i = 0; i < r->info->n_attrs; i++)
    memcpy(args + r->info->attrs[i].offset, &r->attr[i], sizeof r->attr[i]);
  for (uint32_t k = 0; k <= arity; k++) {
    bool is_bool = (k < arity ? class_of(r, k) : to_bool(r) ? OI_B : r->class) == OI_B;
    void *data = is_bool ? (void *)bytes[k] : k < arity ? in[k] : out;
    view[k] = (oi_view){.data = data, .dtype = is_bool ? OINF_BOOL : dtype, .rank = 1, .dim = {N}};
    for (uint32_t i = 0; is_bool && k < arity && i < N; i++) bytes[k][i] = (uint8_t)in[k][i];
  }
  oi_call call = {
      .args = args, .in = view, .n_in = arity, .out = &view[arity], .n_out = 1, .tiled = -1};
  r->info->run(&call);
  for (uint32_t i = 0; view[arity].dtype == OINF_BOOL && i < N; i++) out[i] = bytes[arity][i];
}

static bool same(const row *r, uint32_t a, uint32_t b) {
  if (a == b) return true;
  return r->class == OI_F && !to_bool(r) && oi_is_nan(oi_flt(a)) && oi_is_nan(oi_flt(b));
}
static void compare(rig *g, const row *r, const char *name, oi_vk_kernel *kernel) {
  static uint32_t want[N];
  uint32_t arity = (uint32_t)r->info->max_in, push[1 + MAX_ATTRS] = {N}, *in[4];
  for (uint32_t i = 0; i < r->info->n_attrs; i++) {
    int32_t whole = (int32_t)r->attr[i];
    push[1 + i] = r->class == OI_F ? oi_bits((float)r->attr[i]) : (uint32_t)whole;
  }
  for (uint32_t k = 0; k < 4; k++) in[k] = oi_vk_buffer_data(g->buffer[k]);
  CHECK_MSG(oi_vk_run(g->vk, kernel, g->buffer, push, N / 64), "%s", oi_vk_why(g->vk));
  run_kernel(r, in, want);
  for (uint32_t i = 0; i < N; i++)
    CHECK_MSG(same(r, in[arity][i], want[i]), "%s of %08x %08x %08x: device %08x, C %08x", name,
              in[0][i], in[1][i], in[2][i], in[arity][i], want[i]);
}
static void run_row(rig *g, row *r, const char *name) {
  uint32_t arity = (uint32_t)r->info->max_in;
  oi_text text;
  CHECK(arity <= 3 && r->info->n_attrs <= MAX_ATTRS);
  oi_text_init(&text, g->ctx);
  put_row(r, &text);
  oi_spirv s = compile(g, name, &text, true);
  uint32_t push_size = 4 + 4 * (uint32_t)r->info->n_attrs;
  oi_vk_kernel *kernel = oi_vk_kernel_new(g->vk, s.words, s.n, arity + 1, push_size);
  CHECK_MSG(kernel, "%s", oi_vk_why(g->vk));
  uint64_t seed = 88172645463325252u;
  for (uint32_t i = 0; i < N; i++)
    for (uint32_t k = 0; k < arity; k++)
      ((uint32_t *)oi_vk_buffer_data(g->buffer[k]))[i] = make_input(class_of(r, k), i, k, &seed);
  compare(g, r, name, kernel);
  r->attr[0] = -1.5, r->attr[1] = 2.25;
  if (r->info->n_attrs) compare(g, r, name, kernel);
  oi_vk_kernel_free(g->vk, kernel);
  oi_spirv_free(g->ctx, &s);
  oi_text_free(&text);
}
TEST(glsl, rows_on_the_device_equal_the_kernels) { each_row(open_rig(false), run_row); }

// ---- what no row calls: conversions between formats, over the bits x ----
#define EACH_CAST(X)                                               \
  X(to_f16, oi_f32_to_f16(oi_flt(x)))                              \
  X(to_f16_toward_zero, oi_narrow(oi_flt(x), 10u, 15, 1u))         \
  X(to_f16_down, oi_narrow(oi_flt(x), 10u, 15, 2u))                \
  X(to_bf16, oi_f32_to_bf16(oi_flt(x)))                            \
  X(to_bf16_up, oi_narrow(oi_flt(x), 7u, 127, 3u))                 \
  X(of_f16, oi_bits(oi_f16_to_f32(x & 0xffffu)))                   \
  X(of_bf16, oi_bits(oi_bf16_to_f32(x & 0xffffu)))                 \
  X(to_i32, OI_U(oi_f32_to_i32(oi_flt(x))))                        \
  X(to_u32, oi_f32_to_u32(oi_flt(x)))                              \
  X(of_i32, oi_bits(oi_i32_to_f32(OI_I(x))))                       \
  X(of_u32, oi_bits(oi_u32_to_f32(x)))                             \
  X(canonical, oi_bits(oi_canon(oi_flt(x))))                       \
  X(plus_zero, oi_bits(oi_plus_zero(oi_flt(x))))                   \
  X(expm1, oi_bits(oi_canon(oi_expm1(oi_flt(x)))))
#define CAST(name, expr) \
  static uint32_t cast_##name(uint32_t x) { return expr; }
EACH_CAST(CAST)
#undef CAST
static const struct {
  const char *name, *expr;
  uint32_t (*run)(uint32_t x);
} casts[] = {
#define CAST(name, expr) {#name, #expr, cast_##name},
    EACH_CAST(CAST)
#undef CAST
};
static void run_cast(rig *g, size_t k) {
  oi_text text;
  oi_text_init(&text, g->ctx);
  oi_glsl_strict(&text);
  oi_text_put(&text,
              "layout(local_size_x = 64) in;\n"
              "layout(std430, binding = 0) readonly buffer In { uint x_of[]; };\n"
              "layout(std430, binding = 1) writeonly buffer Out { uint result[]; };\n"
              "void main() {\n  uint i = gl_GlobalInvocationID.x;\n  uint x = x_of[i];\n"
              "  result[i] = %s;\n}\n",
              casts[k].expr);
  oi_spirv s = compile(g, casts[k].name, &text, true);
  CHECK_INT(oi_spirv_check_strict(g->ctx, casts[k].name, s.words, s.n), OINF_OK);
  oi_vk_kernel *kernel = oi_vk_kernel_new(g->vk, s.words, s.n, 2, 0);
  CHECK_MSG(kernel, "%s", oi_vk_why(g->vk));
  uint32_t *in = oi_vk_buffer_data(g->buffer[0]), *out = oi_vk_buffer_data(g->buffer[1]);
  uint64_t seed = 2463534242u;
  for (uint32_t i = 0; i < N; i++) in[i] = make_input(OI_F, i, 0, &seed);
  // Every 16-bit pattern too.
  for (uint32_t i = N / 2; i < N / 2 + 65536 && i < N; i++) in[i] = i - N / 2;
  CHECK_MSG(oi_vk_run(g->vk, kernel, g->buffer, NULL, N / 64), "%s", oi_vk_why(g->vk));
  for (uint32_t i = 0; i < N; i++)
    CHECK_MSG(out[i] == casts[k].run(in[i]), "%s of %08x: device %08x, C %08x", casts[k].name,
              in[i], out[i], casts[k].run(in[i]));
  oi_vk_kernel_free(g->vk, kernel);
  oi_spirv_free(g->ctx, &s);
  oi_text_free(&text);
}
TEST(glsl, conversions_on_the_device_equal_those_of_c) {
  rig *g = open_rig(false);
  for (size_t k = 0; k < sizeof casts / sizeof *casts; k++) run_cast(g, k);
}

// ---- the self-test of a device ----
static oi_spirv compile_probes(rig *g, const char *from, const char *to) {
  oi_text text, changed;
  oi_text_init(&text, g->ctx), oi_text_init(&changed, g->ctx);
  oi_glsl_probe(&text);
  const char *at = text.at, *hit = from ? strstr(at, from) : NULL;
  if (from) CHECK(hit);
  if (hit) oi_text_put(&changed, "%.*s%s%s", (int)(hit - at), at, to, hit + strlen(from));
  oi_spirv s = compile(g, "probes", from ? &changed : &text, true);
  oi_text_free(&text), oi_text_free(&changed);
  return s;
}
TEST(glsl, the_device_passes_the_probes) {
  rig *g = open_rig(false);
  oi_spirv s = compile_probes(g, NULL, NULL);
  CHECK_INT(oi_spirv_check_strict(g->ctx, "probes", s.words, s.n), OINF_OK);
  spirv_val(&s, "probes");
  CHECK_MSG(oi_vk_selftest(g->vk, s.words, s.n), "%s", oi_vk_why(g->vk));
  oi_spirv_free(g->ctx, &s);
}
// A device that computes otherwise, played by a shader that does: strict is refused with the
// probe's name.
TEST(glsl, a_device_with_other_bits_is_refused) {
  rig *g = open_rig(false);
  oi_spirv s = compile_probes(g, "real r = a - b;", "real r = a - b; r = r * 1.0000001f;");
  CHECK(!oi_vk_selftest(g->vk, s.words, s.n));
  CHECK_MSG(strstr(oi_vk_why(g->vk), "probe 'sub'"), "%s", oi_vk_why(g->vk));
  oi_spirv_free(g->ctx, &s);
}

TEST(glsl, the_validation_layer_has_no_complaint) {
  dlopen("libVkLayer_khronos_validation.so", RTLD_NOW | RTLD_NODELETE);
  rig *g = open_rig(true);
  if (oi_vk_complaints(g->vk) < 0) SKIP("the validation layer is not installed");
  oi_spirv s = compile_probes(g, NULL, NULL);
  CHECK_MSG(oi_vk_selftest(g->vk, s.words, s.n), "%s", oi_vk_why(g->vk));
  row r = {OP_relu, OI_F, oi_op_info_of(OP_relu), oi_glsl_expr(OP_relu, OI_F), {0}};
  run_row(g, &r, "relu");
  CHECK_MSG(oi_vk_complaints(g->vk) == 0, "%s", oi_vk_why(g->vk));
  oi_spirv_free(g->ctx, &s);
  close_rig();
}
TEST(glsl, an_unknown_device_is_refused) {
  char why[OI_VK_WHY];
  oi_vk *vk = NULL;
  CHECK(!oi_vk_open(&(oi_vk_desc){.device = "no such device"}, &vk, why));
  CHECK(!vk && strstr(why, "no Vulkan device"));
}
