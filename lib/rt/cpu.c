// Finds the processor's variant: on x86-64 by CPUID and XGETBV, where a set counts only if the
// system saves its registers; on AArch64 by what Linux says of it (elsewhere: the base). Not by
// __builtin_cpu_supports: its list of names differs between the compilers and their versions.
#include "lib/rt/cpu.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {"unknown", "plain", "neon", "dotprod", "avx2", "avx512", "amx"};

OI_RT const char *oi_cpu_name(oi_cpu cpu) { return words[cpu]; }

#if defined(__x86_64__)
#include <cpuid.h>
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

enum { FIRST = OI_CPU_AVX2 };

static uint64_t saved_registers(void) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t)high << 32 | low;
}

static oi_cpu probe(void) {
  enum { FMA = 1 << 12, OSXSAVE = 1 << 27, F16C = 1 << 29, AVX2 = 1 << 5, YMM = 0x6, ZMM = 0xe6 };
  const uint32_t avx512_b = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;  // F, DQ, BW, VL
  const uint32_t vnni_c = 1u << 11;
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & OSXSAVE) || !(c & F16C) || !(c & FMA))
    return OI_CPU_PLAIN;
  uint64_t saved = saved_registers();
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & AVX2) || (saved & YMM) != YMM)
    return OI_CPU_PLAIN;
  if ((b & avx512_b) != avx512_b || !(c & vnni_c) || (saved & ZMM) != ZMM) return OI_CPU_AVX2;
  return OI_CPU_AVX512;
}

// May this process use tiles? Linux wants to be asked, since it saves 8 KiB more of each thread.
static bool permits_tiles(void) {
#if defined(__linux__)
  enum { TILE = 1 << 24, INT8 = 1 << 25, TILES = 0x60000, REQUEST = 0x1023, DATA = 18 };
  uint32_t a, b, c, d;
  return probe() == OI_CPU_AVX512 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && d & TILE &&
         d & INT8 && (saved_registers() & TILES) == TILES &&
         syscall(SYS_arch_prctl, REQUEST, DATA) == 0;
#else
  return false;
#endif
}
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

enum { FIRST = OI_CPU_NEON };

static oi_cpu probe(void) {
  enum { ASIMDDP = 1 << 20 };
  return getauxval(AT_HWCAP) & ASIMDDP ? OI_CPU_DOTPROD : OI_CPU_NEON;
}
#elif defined(__aarch64__)
enum { FIRST = OI_CPU_NEON };

static oi_cpu probe(void) { return OI_CPU_NEON; }
#else
enum { FIRST = OI_CPU_AMX + 1 };

static oi_cpu probe(void) { return OI_CPU_PLAIN; }
#endif
#if !defined(__x86_64__)
static bool permits_tiles(void) { return false; }
#endif

OI_RT bool oi_cpu_has(oi_cpu cpu) {
  if (cpu == OI_CPU_AMX) return permits_tiles();
  return cpu == OI_CPU_PLAIN || ((int)cpu >= FIRST && cpu <= probe());
}

OI_RT oi_cpu oi_cpu_level(void) {
  const char *word = getenv("OINF_CPU");
  oi_cpu have = probe();
  if (!word || !*word) return have;
  if (strcmp(word, words[OI_CPU_AMX]) == 0) return permits_tiles() ? OI_CPU_AMX : have;
  for (int i = OI_CPU_PLAIN; i < OI_CPU_AMX; i++)
    if (strcmp(word, words[i]) == 0)
      return i < FIRST ? OI_CPU_PLAIN : (oi_cpu)i < have ? (oi_cpu)i : have;
  return OI_CPU_UNKNOWN;
}
