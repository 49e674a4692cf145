// Memory of the device that a session runs on, and copies there and back, which ONNX Runtime's table
// does not offer: they are CUDA's own, of the runtime library that the provider has loaded. On a CPU the
// device's memory is the host's.
#pragma once

#include <cstddef>

#include "ort/library.h"
#include "ort/session_memory.h"
#include "ort/session_options.h"

namespace rerank::ort {

class DeviceMemory {
 public:
  // Of a session, which outlives it. Throws Error(kProvider) where CUDA's runtime library is not loaded.
  DeviceMemory(const Library& library, const Session* session, const SessionConfig& config);

  const MemoryInfo* info() const { return memory_.info(); }
  SessionMemory::Block allocate(std::size_t bytes) const { return memory_.allocate(bytes); }

  // From the host; and from the device. They are over when they return. Throw Error(kRun).
  void write(void* device, const void* host, std::size_t bytes) const;
  void read(void* host, const void* device, std::size_t bytes) const;

 private:
  using SetDevice = int (*)(int device);
  using Copy = int (*)(void* to, const void* from, std::size_t bytes, int kind);
  void copy(void* to, const void* from, std::size_t bytes, int kind) const;

  const int device_;
  SessionMemory memory_;
  SetDevice set_device_ = nullptr;  // both null on a CPU
  Copy copy_ = nullptr;
};

}  // namespace rerank::ort
