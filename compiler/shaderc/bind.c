// Binds the static parts of shaderc into one shared library, for systems whose own libshaderc.so
// cannot be loaded.
//
// Debian 12's libshaderc.so.1 lacks the glslang and SPIRV-Tools that it calls, and its static
// archives hide their symbols, so a list of entry points is what can be exported. The Makefile
// tries to build it beside the tools; where the archives are missing, compiler/spirv.c does with
// the system's library. No part of liboinf.
#include <shaderc/shaderc.h>

typedef void entry(void);
extern entry *const oi_shaderc_entries[];
__attribute__((visibility("default"))) entry *const oi_shaderc_entries[] = {
#define ENTRY(name) (entry *)shaderc_##name,
#include "compiler/shaderc/entries.inc"
};
