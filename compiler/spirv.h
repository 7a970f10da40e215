// GLSL to SPIR-V by shaderc, which is loaded when it is first wanted, and a reader of the words
// that come out.
#ifndef OINF_COMPILER_SPIRV_H
#define OINF_COMPILER_SPIRV_H
#include "lib/ctx.h"

typedef struct oi_shaderc oi_shaderc;
oinf_status oi_shaderc_open(oinf_ctx *ctx, oi_shaderc **out_shaderc);  // OINF_DEVICE: not installed
void oi_shaderc_close(oi_shaderc *shaderc);

typedef struct oi_spirv {
  uint32_t *words;
  size_t n;
} oi_spirv;
// A compute shader for Vulkan 1.1. `name` stands in messages. optimize: through spirv-opt.
oinf_status oi_spirv_compile(oi_shaderc *shaderc, const char *name, const oi_text *glsl,
                             bool optimize, oi_spirv *out_spirv);
void oi_spirv_free(oinf_ctx *ctx, oi_spirv *spirv);

// Whether strict numerics survived into the words: every float operation is decorated
// NoContraction, and there is no division, remainder, conversion between float widths or float
// built-in. OINF_INTERNAL says which is there.
oinf_status oi_spirv_check_strict(oinf_ctx *ctx, const char *name, const uint32_t *words,
                                  size_t n);
#endif
