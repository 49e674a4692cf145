#include "ort/device_memory.h"

#include <cstring>
#include <string>

#ifdef _WIN32
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace rerank::ort {
namespace {

constexpr int kToDevice = 1;  // cudaMemcpyHostToDevice
constexpr int kToHost = 2;

void* cuda_function(const char* name) {
#ifdef _WIN32
  for (const char* library : {"cudart64_13.dll", "cudart64_12.dll"})
    if (const HMODULE module = GetModuleHandleA(library); module != nullptr)
      return reinterpret_cast<void*>(GetProcAddress(module, name));
#else
  for (const char* library : {"libcudart.so.13", "libcudart.so.12"})
    if (void* const module = dlopen(library, RTLD_LAZY | RTLD_NOLOAD); module != nullptr)
      return dlsym(module, name);
#endif
  throw Error(Fault::kProvider, "CUDA's runtime library, libcudart, is not loaded");
}

}  // namespace

DeviceMemory::DeviceMemory(const Library& library, const Session* session,
                           const SessionConfig& config)
    : device_(config.device()),
      memory_(library, session, config.is_cuda() ? "Cuda" : "Cpu", config.is_cuda() ? device_ : 0) {
  if (!config.is_cuda()) return;
  set_device_ = reinterpret_cast<SetDevice>(cuda_function("cudaSetDevice"));
  copy_ = reinterpret_cast<Copy>(cuda_function("cudaMemcpy"));
}

void DeviceMemory::copy(void* to, const void* from, std::size_t bytes, int kind) const {
  if (copy_ == nullptr) {
    std::memcpy(to, from, bytes);
    return;
  }
  int failure = set_device_(device_);  // of the calling thread; costs nothing where it is set
  if (failure == 0) failure = copy_(to, from, bytes, kind);
  if (failure != 0)
    throw Error(Fault::kRun, "CUDA device " + std::to_string(device_) +
                                 ": copying failed with CUDA error " + std::to_string(failure));
}

void DeviceMemory::write(void* device, const void* host, std::size_t bytes) const {
  copy(device, host, bytes, kToDevice);
}

void DeviceMemory::read(void* host, const void* device, std::size_t bytes) const {
  copy(host, device, bytes, kToHost);
}

}  // namespace rerank::ort
