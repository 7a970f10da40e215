// Loads shaderc and compiles; walks SPIR-V words to prove that no float operation may be
// contracted.
//
// shaderc is opened at run time, as a tool that emits C or simulates on the CPU has no use for it.
// The walk reads only what it must: a module is a header of five words and a list of instructions,
// each saying its own length; decorations stand before the functions, so one pass suffices. What is
// not in the table of allowed operations on floats is refused by name, so a driver's freedom cannot
// come in through a new built-in unnoticed.
#include "compiler/spirv.h"

#include <dlfcn.h>
#include <shaderc/shaderc.h>
#include <string.h>

typedef void entry(void);
enum {
#define ENTRY(name) AT_##name,
#include "compiler/shaderc/entries.inc"
#undef ENTRY
  N_ENTRIES
};
static const char *const names[N_ENTRIES] = {
#define ENTRY(name) "shaderc_" #name,
#include "compiler/shaderc/entries.inc"
#undef ENTRY
};

struct oi_shaderc {
  oinf_ctx *ctx;
  void *library;
  shaderc_compiler_t compiler;
  entry *at[N_ENTRIES];
};
#define CALL(s, name) ((__typeof__(&shaderc_##name))(s)->at[AT_##name])

// A library of shaderc's own names, or ours with its list of entries (compiler/shaderc/bind.c).
static bool find_entries(oi_shaderc *s) {
  entry *const *list = dlsym(s->library, "oi_shaderc_entries");
  for (int i = 0; i < N_ENTRIES; i++) {
    void *found = list ? NULL : dlsym(s->library, names[i]);
    if (list)
      s->at[i] = list[i];
    else
      memcpy(&s->at[i], &found, sizeof found);
    if (!s->at[i]) return false;
  }
  return true;
}
static const char bound[] = "liboinf_shaderc.so";
// glslang keeps tables for the life of the process, so the library stays loaded.
enum { MODE = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE };
// Beside the file that holds this function: what $ORIGIN says too, but not under a sanitizer's
// dlopen.
static void *open_beside(oi_shaderc *s, void (*self)(oi_shaderc *)) {
  Dl_info info;
  void *address;
  memcpy(&address, &self, sizeof address);
  const char *slash = dladdr(address, &info) ? strrchr(info.dli_fname, '/') : NULL;
  if (!slash) return NULL;
  oi_text path;
  oi_text_init(&path, s->ctx);
  oi_text_put(&path, "%.*s/%s", (int)(slash - info.dli_fname), info.dli_fname, bound);
  void *library = path.failed ? NULL : dlopen(path.at, MODE);
  oi_text_free(&path);
  return library;
}
static oinf_status load(oi_shaderc *s) {
  static const char *const libraries[] = {
      "libshaderc_shared.so.1",
      "libshaderc.so.1",
      "$ORIGIN/liboinf_shaderc.so",
      "$ORIGIN/../lib/liboinf_shaderc.so",
      bound,
  };
  oi_err *err = oi_ctx_err(s->ctx);
  for (size_t i = 0; i < sizeof libraries / sizeof *libraries && !s->library; i++)
    s->library = dlopen(libraries[i], MODE);
  if (!s->library) s->library = open_beside(s, oi_shaderc_close);
  if (!s->library)
    return oi_fail(err, OINF_DEVICE, "GLSL cannot be compiled: libshaderc is not there or damaged");
  if (!find_entries(s))
    return oi_fail(err, OINF_DEVICE, "GLSL cannot be compiled: libshaderc lacks a function");
  s->compiler = CALL(s, compiler_initialize)();
  return s->compiler ? OINF_OK : oi_nomem(err, 0);
}
oinf_status oi_shaderc_open(oinf_ctx *ctx, oi_shaderc **out_shaderc) {
  oi_shaderc *s = oi_alloc(ctx, sizeof *s);
  if (!s) return oi_nomem(oi_ctx_err(ctx), sizeof *s);
  s->ctx = ctx;
  oinf_status status = load(s);
  if (status) return oi_shaderc_close(s), status;
  return *out_shaderc = s, OINF_OK;
}
void oi_shaderc_close(oi_shaderc *shaderc) {
  if (!shaderc) return;
  if (shaderc->compiler) CALL(shaderc, compiler_release)(shaderc->compiler);
  if (shaderc->library) dlclose(shaderc->library);
  oi_free(shaderc->ctx, shaderc, sizeof *shaderc);
}

static oinf_status keep_words(oi_shaderc *s, shaderc_compilation_result_t result, oi_spirv *out) {
  size_t size = CALL(s, result_get_length)(result);
  uint32_t *words = oi_alloc(s->ctx, size);
  if (!words) return oi_nomem(oi_ctx_err(s->ctx), size);
  memcpy(words, CALL(s, result_get_bytes)(result), size);
  *out = (oi_spirv){words, size / sizeof *words};
  return OINF_OK;
}
static oinf_status keep_result(oi_shaderc *s, const char *name, shaderc_compilation_result_t result,
                               oi_spirv *out) {
  if (CALL(s, result_get_compilation_status)(result) == shaderc_compilation_status_success)
    return keep_words(s, result, out);
  const char *message = CALL(s, result_get_error_message)(result);
  return oi_fail(oi_ctx_err(s->ctx), OINF_INTERNAL, "shader '%s' does not compile: %.*s", name,
                 (int)strcspn(message, "\n"), message);
}
oinf_status oi_spirv_compile(oi_shaderc *shaderc, const char *name, const oi_text *glsl,
                             bool optimize, oi_spirv *out_spirv) {
  oi_shaderc *s = shaderc;
  if (glsl->failed) return oi_nomem(oi_ctx_err(s->ctx), glsl->n);
  shaderc_compile_options_t options = CALL(s, compile_options_initialize)();
  if (!options) return oi_nomem(oi_ctx_err(s->ctx), 0);
  CALL(s, compile_options_set_target_env)(options, shaderc_target_env_vulkan,
                                    shaderc_env_version_vulkan_1_1);
  shaderc_optimization_level level =
      optimize ? shaderc_optimization_level_performance : shaderc_optimization_level_zero;
  CALL(s, compile_options_set_optimization_level)(options, level);
  shaderc_compilation_result_t result = CALL(s, compile_into_spv)(
      s->compiler, glsl->at, glsl->n, shaderc_glsl_compute_shader, name, "main", options);
  oinf_status status =
      result ? keep_result(s, name, result, out_spirv) : oi_nomem(oi_ctx_err(s->ctx), 0);
  if (result) CALL(s, result_release)(result);
  CALL(s, compile_options_release)(options);
  return status;
}
void oi_spirv_free(oinf_ctx *ctx, oi_spirv *spirv) {
  oi_free(ctx, spirv->words, spirv->n * sizeof *spirv->words);
  *spirv = (oi_spirv){0};
}

// ---- the walk ----
enum {
  MAGIC = 0x07230203, MAX_BOUND = 0x3fffff, HEADER = 5,
  OP_EXT_INST = 12, OP_DECORATE = 71, NO_CONTRACTION = 42,
};
// What must be decorated: operations that could be one half of a fused one.
static bool must_be_decorated(uint32_t op) {
  switch (op) {
    case 127:  // OpFNegate
    case 129:  // OpFAdd
    case 131:  // OpFSub
    case 133:  // OpFMul
      return true;
    default: return false;
  }
}
// What strict shaders never hold, as its result is not defined to the bit.
static const char *refused(uint32_t op) {
  switch (op) {
    case 115: return "OpFConvert";
    case 116: return "OpQuantizeToF16";
    case 136: return "OpFDiv";
    case 140: return "OpFRem";
    case 141: return "OpFMod";
    case 142: return "OpVectorTimesScalar";
    case 143: return "OpMatrixTimesScalar";
    case 144: return "OpVectorTimesMatrix";
    case 145: return "OpMatrixTimesVector";
    case 146: return "OpMatrixTimesMatrix";
    case 147: return "OpOuterProduct";
    case 148: return "OpDot";
    default: return NULL;
  }
}
// Of GLSL.std.450 only what works on integers: absolute value, sign, extrema, the position of a
// bit.
static bool is_integer_builtin(uint32_t instruction) {
  switch (instruction) {
    case 5: case 7: case 38: case 39: case 41: case 42: case 44: case 45: case 73: case 74: case 75:
      return true;
    default: return false;
  }
}

typedef struct walk {
  oi_err *err;
  const char *name;
  uint8_t *decorated;  // a bit an id
  uint32_t bound;
} walk;
static oinf_status check_instruction(walk *w, uint32_t op, const uint32_t *word, uint32_t n) {
  if (op == OP_DECORATE && n >= 3 && word[2] == NO_CONTRACTION && word[1] < w->bound)
    w->decorated[word[1] / 8] |= (uint8_t)(1u << word[1] % 8);
  if (op == OP_EXT_INST && (n < 5 || !is_integer_builtin(word[4])))
    return oi_fail(w->err, OINF_INTERNAL,
                   "shader '%s': float built-in %u, which no strict text calls", w->name,
                   n < 5 ? 0u : (unsigned)word[4]);
  if (refused(op))
    return oi_fail(w->err, OINF_INTERNAL, "shader '%s': %s, which no strict text holds", w->name,
                   refused(op));
  if (!must_be_decorated(op)) return OINF_OK;
  if (n >= 3 && word[2] < w->bound && w->decorated[word[2] / 8] >> word[2] % 8 & 1) return OINF_OK;
  return oi_fail(w->err, OINF_INTERNAL, "shader '%s': float operation %u (id %u) may be contracted",
                 w->name, (unsigned)op, n >= 3 ? (unsigned)word[2] : 0u);
}
static oinf_status walk_words(walk *w, const uint32_t *words, size_t n) {
  for (size_t i = HEADER; i < n;) {
    uint32_t length = words[i] >> 16;
    if (length == 0 || length > n - i)
      return oi_fail(w->err, OINF_INTERNAL, "shader '%s': instruction at word %zu has length %u",
                     w->name, i, (unsigned)length);
    OI_TRY(check_instruction(w, words[i] & 0xffff, words + i, length));
    i += length;
  }
  return OINF_OK;
}
oinf_status oi_spirv_check_strict(oinf_ctx *ctx, const char *name, const uint32_t *words,
                                  size_t n) {
  walk w = {.err = oi_ctx_err(ctx), .name = name};
  if (n < HEADER || words[0] != MAGIC || words[3] > MAX_BOUND)
    return oi_fail(w.err, OINF_INTERNAL, "shader '%s': not SPIR-V", name);
  w.bound = words[3];
  w.decorated = oi_alloc(ctx, w.bound / 8 + 1);
  if (!w.decorated) return oi_nomem(w.err, w.bound / 8 + 1);
  oinf_status status = walk_words(&w, words, n);
  oi_free(ctx, w.decorated, w.bound / 8 + 1);
  return status;
}
