// Opens the Vulkan loader at run time, picks a device, and runs compute kernels one at a time.
//
// The floor is Vulkan 1.1 with fences. Entry points are a table: the loader's one exported function
// gives the global ones, those give the instance's, and the instance's the device's. Every handle
// is made once and freed in reverse; a failure leaves a sentence that says which call failed and
// what it answered. A run records, submits and waits, so buffers are never in flight when the
// caller sees them again.
//
// What it does not do yet: device-local memory and staging, several dispatches in one submission,
// timing.
#include "lib/rt/vulkan.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

#include "lib/rt/probe.h"

#define GLOBAL(F) F(EnumerateInstanceLayerProperties) F(CreateInstance)
#define INSTANCE(F)                                                                             \
  F(DestroyInstance) F(EnumeratePhysicalDevices) F(GetPhysicalDeviceProperties)                 \
  F(GetPhysicalDeviceQueueFamilyProperties) F(GetPhysicalDeviceMemoryProperties)                \
  F(CreateDevice) F(GetDeviceProcAddr)
#define DEVICE(F)                                                                               \
  F(DestroyDevice) F(GetDeviceQueue) F(CreateBuffer) F(DestroyBuffer)                           \
  F(GetBufferMemoryRequirements) F(AllocateMemory) F(FreeMemory) F(BindBufferMemory)            \
  F(MapMemory) F(CreateShaderModule) F(DestroyShaderModule) F(CreateDescriptorSetLayout)        \
  F(DestroyDescriptorSetLayout) F(CreatePipelineLayout) F(DestroyPipelineLayout)                \
  F(CreateComputePipelines) F(DestroyPipeline) F(CreateDescriptorPool) F(DestroyDescriptorPool) \
  F(AllocateDescriptorSets) F(UpdateDescriptorSets) F(CreateCommandPool) F(DestroyCommandPool)  \
  F(AllocateCommandBuffers) F(BeginCommandBuffer) F(EndCommandBuffer) F(CmdBindPipeline)        \
  F(CmdBindDescriptorSets) F(CmdPushConstants) F(CmdDispatch) F(CmdPipelineBarrier)             \
  F(CreateFence) F(DestroyFence) F(WaitForFences) F(ResetFences) F(QueueSubmit)

struct oi_vk {
  void *library;
#define MEMBER(name) PFN_vk##name name;
  PFN_vkGetInstanceProcAddr GetInstanceProcAddr;
  GLOBAL(MEMBER) INSTANCE(MEMBER) DEVICE(MEMBER)
#undef MEMBER
  VkInstance instance;
  VkDebugUtilsMessengerEXT messenger;
  VkPhysicalDevice physical;
  VkPhysicalDeviceProperties properties;
  VkDevice device;
  VkQueue queue;
  uint32_t family;
  VkCommandPool pool;
  VkCommandBuffer commands;
  VkFence fence;
  bool validated;
  int complaints;
  char why[OI_VK_WHY];
};
struct oi_vk_buffer {
  VkBuffer handle;
  VkDeviceMemory memory;
  size_t size;
  void *data;
};
struct oi_vk_kernel {
  VkDescriptorSetLayout set_layout;
  VkPipelineLayout layout;
  VkPipeline pipeline;
  VkDescriptorPool pool;
  VkDescriptorSet set;
  uint32_t n_buffers, push_size;
};

__attribute__((format(printf, 2, 3))) static bool fail(oi_vk *vk, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(vk->why, sizeof vk->why, format, args);
  va_end(args);
  return false;
}
// `vkName` answered something else than success.
#define VK(name, ...) call(vk, vk->name(__VA_ARGS__), #name)
static bool call(oi_vk *vk, VkResult result, const char *name) {
  return result == VK_SUCCESS || fail(vk, "vk%s answered %d", name, (int)result);
}

// ---- the loader and the instance ----
static bool load_library(oi_vk *vk) {
  static const char *const names[] = {"libvulkan.so.1", "libvulkan.so", "libvulkan.1.dylib"};
  for (size_t i = 0; i < sizeof names / sizeof *names && !vk->library; i++)
    vk->library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
  if (!vk->library) return fail(vk, "no Vulkan device: the loader libvulkan.so.1 is not installed");
  void *entry = dlsym(vk->library, "vkGetInstanceProcAddr");
  memcpy(&vk->GetInstanceProcAddr, &entry, sizeof entry);
  if (!entry) return fail(vk, "no Vulkan device: libvulkan.so.1 has no vkGetInstanceProcAddr");
#define LOAD(name) \
  vk->name = (PFN_vk##name)vk->GetInstanceProcAddr(VK_NULL_HANDLE, "vk" #name);
  GLOBAL(LOAD)
#undef LOAD
  if (vk->CreateInstance && vk->EnumerateInstanceLayerProperties) return true;
  return fail(vk, "no Vulkan device: the loader is damaged");
}

static const char validation[] = "VK_LAYER_KHRONOS_validation";
static bool has_validation(oi_vk *vk) {
  uint32_t n = 0;
  bool found = false;
  if (vk->EnumerateInstanceLayerProperties(&n, NULL) != VK_SUCCESS) return false;
  VkLayerProperties *layers = calloc(n ? n : 1, sizeof *layers);
  if (layers && vk->EnumerateInstanceLayerProperties(&n, layers) == VK_SUCCESS)
    for (uint32_t i = 0; i < n; i++) found |= strcmp(layers[i].layerName, validation) == 0;
  free(layers);
  return found;
}
static VKAPI_ATTR VkBool32 VKAPI_CALL complain(VkDebugUtilsMessageSeverityFlagBitsEXT severity,
                                               VkDebugUtilsMessageTypeFlagsEXT type,
                                               const VkDebugUtilsMessengerCallbackDataEXT *data,
                                               void *user) {
  oi_vk *vk = user;
  (void)severity, (void)type;
  if (vk->complaints++ == 0) fail(vk, "validation: %s", data->pMessage);
  return VK_FALSE;
}
static bool make_instance(oi_vk *vk, bool validate) {
  const char *layer = validation, *extension = VK_EXT_DEBUG_UTILS_EXTENSION_NAME;
  const VkValidationFeatureEnableEXT checks[] = {
      VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT};
  const VkValidationFeaturesEXT features = {
      .sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
      .enabledValidationFeatureCount = 1,
      .pEnabledValidationFeatures = checks,
  };
  const VkApplicationInfo app = {
      .sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
      .pEngineName = "oinf",
      .apiVersion = VK_API_VERSION_1_1,
  };
  vk->validated = validate && has_validation(vk);
  const VkInstanceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
      .pNext = vk->validated ? &features : NULL,
      .pApplicationInfo = &app,
      .enabledLayerCount = vk->validated,
      .ppEnabledLayerNames = &layer,
      .enabledExtensionCount = vk->validated,
      .ppEnabledExtensionNames = &extension,
  };
  if (!VK(CreateInstance, &info, NULL, &vk->instance)) return false;
#define LOAD(name)                                                            \
  vk->name = (PFN_vk##name)vk->GetInstanceProcAddr(vk->instance, "vk" #name); \
  if (!vk->name) return fail(vk, "no Vulkan device: vk%s is missing", #name);
  INSTANCE(LOAD)
#undef LOAD
  return true;
}
static bool make_messenger(oi_vk *vk) {
  const VkDebugUtilsMessengerCreateInfoEXT info = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity = VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT |
                         VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT,
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT,
      .pfnUserCallback = complain,
      .pUserData = vk,
  };
  PFN_vkCreateDebugUtilsMessengerEXT create =
      (PFN_vkCreateDebugUtilsMessengerEXT)vk->GetInstanceProcAddr(vk->instance,
                                                                  "vkCreateDebugUtilsMessengerEXT");
  if (!vk->validated || !create) return true;
  VkResult result = create(vk->instance, &info, NULL, &vk->messenger);
  return call(vk, result, "CreateDebugUtilsMessengerEXT");
}

// ---- the device ----
static int rank_of(VkPhysicalDeviceType type) {
  switch (type) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU: return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU: return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU: return 2;
    case VK_PHYSICAL_DEVICE_TYPE_CPU: return 1;
    default: return 0;
  }
}
static bool is_wanted(const char *wanted, uint32_t index, const VkPhysicalDeviceProperties *p) {
  char number[12];
  snprintf(number, sizeof number, "%u", (unsigned)index);
  if (p->apiVersion < VK_API_VERSION_1_1) return false;
  return !wanted || strcmp(wanted, number) == 0 || strstr(p->deviceName, wanted);
}
static bool find_family(oi_vk *vk) {
  VkQueueFamilyProperties family[32];
  uint32_t n = 32;
  vk->GetPhysicalDeviceQueueFamilyProperties(vk->physical, &n, family);
  for (uint32_t i = 0; i < n; i++)
    if (family[i].queueFlags & VK_QUEUE_COMPUTE_BIT) return vk->family = i, true;
  return fail(vk, "no Vulkan device: %s computes nothing", vk->properties.deviceName);
}
static bool pick_device(oi_vk *vk, const char *wanted) {
  VkPhysicalDevice all[16];
  VkPhysicalDeviceProperties p;
  uint32_t n = 16;
  int best = -1;
  VkResult result = vk->EnumeratePhysicalDevices(vk->instance, &n, all);
  if (result != VK_SUCCESS && result != VK_INCOMPLETE) n = 0;
  for (uint32_t i = 0; i < n; i++) {
    vk->GetPhysicalDeviceProperties(all[i], &p);
    if (!is_wanted(wanted, i, &p) || rank_of(p.deviceType) <= best) continue;
    best = rank_of(p.deviceType), vk->physical = all[i], vk->properties = p;
  }
  if (best < 0 && wanted) return fail(vk, "no Vulkan device '%s' among %u", wanted, (unsigned)n);
  if (best < 0) return fail(vk, "no Vulkan device: the loader found no driver of 1.1 or later");
  return find_family(vk);
}
static bool make_device(oi_vk *vk) {
  const float priority = 1;
  const VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueFamilyIndex = vk->family,
      .queueCount = 1,
      .pQueuePriorities = &priority,
  };
  const VkDeviceCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
      .queueCreateInfoCount = 1,
      .pQueueCreateInfos = &queue,
  };
  if (!VK(CreateDevice, vk->physical, &info, NULL, &vk->device)) return false;
#define LOAD(name)                                                        \
  vk->name = (PFN_vk##name)vk->GetDeviceProcAddr(vk->device, "vk" #name); \
  if (!vk->name) return fail(vk, "no Vulkan device: vk%s is missing", #name);
  DEVICE(LOAD)
#undef LOAD
  vk->GetDeviceQueue(vk->device, vk->family, 0, &vk->queue);
  return true;
}
static bool make_commands(oi_vk *vk) {
  const VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
      .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
      .queueFamilyIndex = vk->family,
  };
  if (!VK(CreateCommandPool, vk->device, &pool, NULL, &vk->pool)) return false;
  const VkCommandBufferAllocateInfo commands = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = vk->pool,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1,
  };
  const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  return VK(AllocateCommandBuffers, vk->device, &commands, &vk->commands) &&
         VK(CreateFence, vk->device, &fence, NULL, &vk->fence);
}

OI_RT bool oi_vk_open(const oi_vk_desc *desc, oi_vk **out_vk, char *why) {
  oi_vk *vk = calloc(1, sizeof *vk);
  if (!vk) return snprintf(why, OI_VK_WHY, "out of memory"), false;
  if (load_library(vk) && make_instance(vk, desc->validate) && make_messenger(vk) &&
      pick_device(vk, desc->device) && make_device(vk) && make_commands(vk))
    return *out_vk = vk, true;
  memcpy(why, vk->why, sizeof vk->why);
  oi_vk_close(vk);
  return false;
}
OI_RT void oi_vk_close(oi_vk *vk) {
  if (!vk) return;
  if (vk->fence) vk->DestroyFence(vk->device, vk->fence, NULL);
  if (vk->pool) vk->DestroyCommandPool(vk->device, vk->pool, NULL);
  if (vk->device && vk->DestroyDevice) vk->DestroyDevice(vk->device, NULL);
  if (vk->messenger) {
    PFN_vkDestroyDebugUtilsMessengerEXT destroy =
        (PFN_vkDestroyDebugUtilsMessengerEXT)vk->GetInstanceProcAddr(
            vk->instance, "vkDestroyDebugUtilsMessengerEXT");
    if (destroy) destroy(vk->instance, vk->messenger, NULL);
  }
  if (vk->instance && vk->DestroyInstance) vk->DestroyInstance(vk->instance, NULL);
  if (vk->library) dlclose(vk->library);
  free(vk);
}
OI_RT const char *oi_vk_name(const oi_vk *vk) { return vk->properties.deviceName; }
OI_RT const char *oi_vk_why(const oi_vk *vk) { return vk->why; }
OI_RT int oi_vk_complaints(const oi_vk *vk) { return vk->validated ? vk->complaints : -1; }

// ---- buffers: host-visible, coherent, mapped for their whole life ----
static bool find_memory(oi_vk *vk, uint32_t types, uint32_t *out_type) {
  const VkMemoryPropertyFlags want =
      VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  VkPhysicalDeviceMemoryProperties p;
  vk->GetPhysicalDeviceMemoryProperties(vk->physical, &p);
  for (int cached = 1; cached >= 0; cached--)  // cached memory is read back at a sane speed
    for (uint32_t i = 0; i < p.memoryTypeCount; i++) {
      VkMemoryPropertyFlags have = p.memoryTypes[i].propertyFlags;
      if (!(types >> i & 1) || (have & want) != want) continue;
      if (!cached || have & VK_MEMORY_PROPERTY_HOST_CACHED_BIT) return *out_type = i, true;
    }
  return fail(vk, "%s has no memory that the host sees", vk->properties.deviceName);
}
static bool make_buffer(oi_vk *vk, oi_vk_buffer *b) {
  const VkBufferCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
      .size = b->size,
      .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT,
  };
  VkMemoryRequirements needs;
  VkMemoryAllocateInfo memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO};
  if (b->size > vk->properties.limits.maxStorageBufferRange)
    return fail(vk, "a buffer of %zu bytes is above the device's limit of %u", b->size,
                (unsigned)vk->properties.limits.maxStorageBufferRange);
  if (!VK(CreateBuffer, vk->device, &info, NULL, &b->handle)) return false;
  vk->GetBufferMemoryRequirements(vk->device, b->handle, &needs);
  memory.allocationSize = needs.size;
  return find_memory(vk, needs.memoryTypeBits, &memory.memoryTypeIndex) &&
         VK(AllocateMemory, vk->device, &memory, NULL, &b->memory) &&
         VK(BindBufferMemory, vk->device, b->handle, b->memory, 0) &&
         VK(MapMemory, vk->device, b->memory, 0, VK_WHOLE_SIZE, 0, &b->data);
}
OI_RT oi_vk_buffer *oi_vk_buffer_new(oi_vk *vk, size_t size) {
  oi_vk_buffer *b = calloc(1, sizeof *b);
  if (!b) return fail(vk, "out of memory"), NULL;
  b->size = size ? size : 4;
  if (make_buffer(vk, b)) return b;
  oi_vk_buffer_free(vk, b);
  return NULL;
}
OI_RT void *oi_vk_buffer_data(const oi_vk_buffer *buffer) { return buffer->data; }
OI_RT void oi_vk_buffer_free(oi_vk *vk, oi_vk_buffer *buffer) {
  if (!buffer) return;
  if (buffer->handle) vk->DestroyBuffer(vk->device, buffer->handle, NULL);
  if (buffer->memory) vk->FreeMemory(vk->device, buffer->memory, NULL);
  free(buffer);
}

// ---- kernels ----
static bool make_layouts(oi_vk *vk, oi_vk_kernel *k) {
  VkDescriptorSetLayoutBinding bindings[OI_VK_BUFFERS];
  for (uint32_t i = 0; i < k->n_buffers; i++)
    bindings[i] = (VkDescriptorSetLayoutBinding){
        .binding = i,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .descriptorCount = 1,
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
    };
  const VkDescriptorSetLayoutCreateInfo set = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = k->n_buffers,
      .pBindings = bindings,
  };
  if (!VK(CreateDescriptorSetLayout, vk->device, &set, NULL, &k->set_layout)) return false;
  const VkPushConstantRange push = {VK_SHADER_STAGE_COMPUTE_BIT, 0, k->push_size};
  const VkPipelineLayoutCreateInfo layout = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .setLayoutCount = 1,
      .pSetLayouts = &k->set_layout,
      .pushConstantRangeCount = k->push_size != 0,
      .pPushConstantRanges = &push,
  };
  return VK(CreatePipelineLayout, vk->device, &layout, NULL, &k->layout);
}
static bool make_set(oi_vk *vk, oi_vk_kernel *k) {
  const VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, k->n_buffers};
  const VkDescriptorPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
      .maxSets = 1,
      .poolSizeCount = 1,
      .pPoolSizes = &size,
  };
  if (!VK(CreateDescriptorPool, vk->device, &pool, NULL, &k->pool)) return false;
  const VkDescriptorSetAllocateInfo set = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
      .descriptorPool = k->pool,
      .descriptorSetCount = 1,
      .pSetLayouts = &k->set_layout,
  };
  return VK(AllocateDescriptorSets, vk->device, &set, &k->set);
}
static bool make_pipeline(oi_vk *vk, oi_vk_kernel *k, const uint32_t *words, size_t n_words) {
  const VkShaderModuleCreateInfo code = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = n_words * sizeof *words,
      .pCode = words,
  };
  VkShaderModule module;
  if (!VK(CreateShaderModule, vk->device, &code, NULL, &module)) return false;
  const VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main"},
      .layout = k->layout,
  };
  bool ok = VK(CreateComputePipelines, vk->device, VK_NULL_HANDLE, 1, &info, NULL, &k->pipeline);
  vk->DestroyShaderModule(vk->device, module, NULL);
  return ok;
}
OI_RT oi_vk_kernel *oi_vk_kernel_new(oi_vk *vk, const uint32_t *words, size_t n_words,
                                     uint32_t n_buffers, uint32_t push_size) {
  oi_vk_kernel *k = calloc(1, sizeof *k);
  if (!k) return fail(vk, "out of memory"), NULL;
  k->n_buffers = n_buffers < OI_VK_BUFFERS ? n_buffers : OI_VK_BUFFERS;
  k->push_size = push_size;
  if (make_layouts(vk, k) && make_set(vk, k) && make_pipeline(vk, k, words, n_words)) return k;
  oi_vk_kernel_free(vk, k);
  return NULL;
}
OI_RT void oi_vk_kernel_free(oi_vk *vk, oi_vk_kernel *kernel) {
  if (!kernel) return;
  if (kernel->pipeline) vk->DestroyPipeline(vk->device, kernel->pipeline, NULL);
  if (kernel->pool) vk->DestroyDescriptorPool(vk->device, kernel->pool, NULL);
  if (kernel->layout) vk->DestroyPipelineLayout(vk->device, kernel->layout, NULL);
  if (kernel->set_layout) vk->DestroyDescriptorSetLayout(vk->device, kernel->set_layout, NULL);
  free(kernel);
}

// ---- a run ----
static void bind_buffers(oi_vk *vk, oi_vk_kernel *k, oi_vk_buffer *const *buffers) {
  VkDescriptorBufferInfo info[OI_VK_BUFFERS];
  VkWriteDescriptorSet writes[OI_VK_BUFFERS];
  for (uint32_t i = 0; i < k->n_buffers; i++) {
    info[i] = (VkDescriptorBufferInfo){buffers[i]->handle, 0, buffers[i]->size};
    writes[i] = (VkWriteDescriptorSet){
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = k->set,
        .dstBinding = i,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &info[i],
    };
  }
  vk->UpdateDescriptorSets(vk->device, k->n_buffers, writes, 0, NULL);
}
static bool record(oi_vk *vk, oi_vk_kernel *k, const void *push, uint32_t groups) {
  const VkCommandBufferBeginInfo begin = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
      .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT,
  };
  const VkMemoryBarrier to_host = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
      .srcAccessMask = VK_ACCESS_SHADER_WRITE_BIT,
      .dstAccessMask = VK_ACCESS_HOST_READ_BIT,
  };
  VkCommandBuffer c = vk->commands;
  if (!VK(BeginCommandBuffer, c, &begin)) return false;
  vk->CmdBindPipeline(c, VK_PIPELINE_BIND_POINT_COMPUTE, k->pipeline);
  vk->CmdBindDescriptorSets(c, VK_PIPELINE_BIND_POINT_COMPUTE, k->layout, 0, 1, &k->set, 0, NULL);
  if (k->push_size)
    vk->CmdPushConstants(c, k->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0, k->push_size, push);
  vk->CmdDispatch(c, groups, 1, 1);
  vk->CmdPipelineBarrier(c, VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT, VK_PIPELINE_STAGE_HOST_BIT, 0, 1,
                         &to_host, 0, NULL, 0, NULL);
  return VK(EndCommandBuffer, c);
}
OI_RT bool oi_vk_run(oi_vk *vk, oi_vk_kernel *kernel, oi_vk_buffer *const *buffers,
                     const void *push, uint32_t groups) {
  const VkSubmitInfo submit = {
      .sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
      .commandBufferCount = 1,
      .pCommandBuffers = &vk->commands,
  };
  bind_buffers(vk, kernel, buffers);
  return record(vk, kernel, push, groups) && VK(QueueSubmit, vk->queue, 1, &submit, vk->fence) &&
         VK(WaitForFences, vk->device, 1, &vk->fence, VK_TRUE, UINT64_MAX) &&
         VK(ResetFences, vk->device, 1, &vk->fence);
}

// ---- the self-test ----
static bool run_probes(oi_vk *vk, oi_vk_kernel *kernel, oi_vk_buffer *const *buffers) {
  uint32_t n = oi_probe_count();
  oi_probe_fill(oi_vk_buffer_data(buffers[0]));
  if (!oi_vk_run(vk, kernel, buffers, &n, (n + 63) / 64)) return false;
  const char *wrong = oi_probe_check(oi_vk_buffer_data(buffers[1]));
  return !wrong || fail(vk, "%s cannot do strict numerics: probe '%s' gives other bits",
                        vk->properties.deviceName, wrong);
}
OI_RT bool oi_vk_selftest(oi_vk *vk, const uint32_t *words, size_t n_words) {
  oi_vk_buffer *buffers[2] = {oi_vk_buffer_new(vk, (size_t)oi_probe_count() * 16),
                              oi_vk_buffer_new(vk, (size_t)oi_probe_count() * 4)};
  oi_vk_kernel *kernel = oi_vk_kernel_new(vk, words, n_words, 2, 4);
  bool ok = buffers[0] && buffers[1] && kernel && run_probes(vk, kernel, buffers);
  oi_vk_kernel_free(vk, kernel);
  oi_vk_buffer_free(vk, buffers[0]);
  oi_vk_buffer_free(vk, buffers[1]);
  return ok;
}
