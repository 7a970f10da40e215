// Which variant of the kernels this processor runs, limited by the environment's OINF_CPU.
// One part of the runtime that bundles carry: C11 and libc, nothing of oinf.
#ifndef OI_RT_CPU_H
#define OI_RT_CPU_H
#include <stdbool.h>

#ifndef OI_RT
#define OI_RT
#endif
// In order of worth on each architecture. All give the same bits; only the time differs.
typedef enum oi_cpu {
  OI_CPU_UNKNOWN = 0,  // not asked yet, or OINF_CPU holds a word that is not in the list
  OI_CPU_PLAIN,        // what the compiler gives for the architecture's base: SSE2 on x86-64
  OI_CPU_NEON,         // the base of AArch64
  OI_CPU_DOTPROD,      // NEON with SDOT
  OI_CPU_AVX2,         // with F16C and FMA
  OI_CPU_AVX512,       // F, BW, DQ, VL and VNNI
  OI_CPU_AMX           // AVX512 with tiles of bytes; only where OINF_CPU asks for it
} oi_cpu;
#define OI_CPU_WORDS "plain, neon, dotprod, avx2, avx512 or amx"
// The best variant that the processor and the system support and that OINF_CPU (one of these words)
// does not exclude. Ask once, when something opens, and hand the answer on: it reads the
// environment.
OI_RT oi_cpu oi_cpu_level(void);
// Does this processor run the variant, whatever the environment says?
OI_RT bool oi_cpu_has(oi_cpu cpu);
OI_RT const char *oi_cpu_name(oi_cpu cpu);  // "avx512"; "unknown"
#endif
