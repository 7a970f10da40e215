// Vulkan, as far as a list of compute dispatches needs it: one device, one queue, buffers, kernels,
// runs. Nothing of Vulkan shows here; the loader is opened at run time, so a program links without
// it. One part of the runtime that bundles carry: C11, libc and the Vulkan headers, nothing of
// oinf.
//
//   oi_vk *vk;  char why[256];
//   if (!oi_vk_open(&(oi_vk_desc){0}, &vk, why)) ...            // "no Vulkan device: ..."
//   oi_vk_buffer *x = oi_vk_buffer_new(vk, 4096);               // mapped, coherent
//   oi_vk_kernel *k = oi_vk_kernel_new(vk, spirv, n_words, 1, 4);
//   bool ok = oi_vk_run(vk, k, &x, &push, groups);              // returns when the device is done
#ifndef OI_RT_VULKAN_H
#define OI_RT_VULKAN_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifndef OI_RT
#define OI_RT
#endif
enum { OI_VK_BUFFERS = 8, OI_VK_WHY = 256 };

typedef struct oi_vk oi_vk;
typedef struct oi_vk_buffer oi_vk_buffer;
typedef struct oi_vk_kernel oi_vk_kernel;
typedef struct oi_vk_desc {
  const char *device;  // part of its name, or its number; NULL: the fastest kind there is
  bool validate;       // with the validation layer and its synchronization checks, where installed
} oi_vk_desc;

// What fails says why: oi_vk_open in why[OI_VK_WHY], the others in oi_vk_why(vk), and give false or
// NULL.
OI_RT bool oi_vk_open(const oi_vk_desc *desc, oi_vk **out_vk, char *why);
OI_RT void oi_vk_close(oi_vk *vk);  // after everything made from it
OI_RT const char *oi_vk_name(const oi_vk *vk);
OI_RT const char *oi_vk_why(const oi_vk *vk);
// Complaints of the validation layer so far; the first stands in oi_vk_why. -1: it is not at work.
OI_RT int oi_vk_complaints(const oi_vk *vk);

OI_RT oi_vk_buffer *oi_vk_buffer_new(oi_vk *vk, size_t size);
OI_RT void *oi_vk_buffer_data(const oi_vk_buffer *buffer);
OI_RT void oi_vk_buffer_free(oi_vk *vk, oi_vk_buffer *buffer);

// A compute shader, entry point main: storage buffers at bindings 0 .. n_buffers - 1 of set 0, push
// constants.
OI_RT oi_vk_kernel *oi_vk_kernel_new(oi_vk *vk, const uint32_t *words, size_t n_words,
                                     uint32_t n_buffers, uint32_t push_size);
OI_RT void oi_vk_kernel_free(oi_vk *vk, oi_vk_kernel *kernel);
OI_RT bool oi_vk_run(oi_vk *vk, oi_vk_kernel *kernel, oi_vk_buffer *const *buffers,
                     const void *push, uint32_t groups);

// Whether the device computes the strict text's arithmetic: runs the probes (lib/rt/probe.h) with
// their shader.
OI_RT bool oi_vk_selftest(oi_vk *vk, const uint32_t *words, size_t n_words);
#endif
