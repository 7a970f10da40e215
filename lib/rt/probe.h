// The self-test of strict numerics: some ninety computations whose bits show a device or a compiler
// that rounds otherwise, contracts, reassociates, flushes subnormals or assumes NaN away, and some
// inputs of the text's functions. Run in C when a bundle or a simulation opens, and on a Vulkan
// device by the shader that the same kinds are printed into (compiler/glsl.h).
#ifndef OI_RT_PROBE_H
#define OI_RT_PROBE_H
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif
OI_RT uint32_t oi_probe_count(void);
// Four words a probe: its kind, operands a, b, c as bits.
OI_RT void oi_probe_fill(uint32_t *words);
// NULL: all bits are right; otherwise the name of the first probe's kind that is wrong.
OI_RT const char *oi_probe_check(const uint32_t *results);
// This program's own arithmetic: NULL, or what is wrong with it.
OI_RT const char *oi_probe_self(void);
#endif
